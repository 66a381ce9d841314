//! Keys: of an object, of its bucket, and of what is copied.

use crossrole_access::ObjectKey;
use crossrole_model::Observation;
use crossrole_model::diagnosis::{Cause, Found};
use crossrole_model::observed::KeyState;
use crossrole_model::state::Encryption;
use serde_json::{Value, json};

use super::{BOB, CALLER, Call, DESK, DEV, Desk, KEY, OTHER, OWNER, allow, call, causes, other};

/// Who copies an object reads it, and its key.
#[test]
fn what_is_copied_is_read() {
    let event = |source: &str| {
        json!({"eventSource": "s3.amazonaws.com", "eventName": "CopyObject", "errorCode": "AccessDenied", "errorMessage": "Access Denied",
            "userIdentity": {"type": "IAMUser", "arn": BOB}, "requestParameters": {"bucketName": "desk", "key": "reports/copy", "x-amz-copy-source": source}})
        .to_string()
    };
    let cli = "copy failed: s3://desk/other/z to s3://desk/reports/copy An error occurred (AccessDenied) when calling the CopyObject operation: Access Denied"
        .to_owned();
    for denied in [event("desk/other/z"), event("/desk/other%2Fz?versionId=abc"), cli] {
        let told = crossrole_doctor::read(&denied);
        assert_eq!(told.resource.as_deref(), Some("arn:aws:s3:::desk/reports/copy"), "{denied}");
        let copies = told.brought.clone().unwrap().copies;
        assert_eq!(copies.as_deref(), Some("arn:aws:s3:::desk/other/z"), "{denied}");
        let mut desk = Desk::new();
        desk.role(OWNER, "Desk", &json!([]), &json!([allow("s3:PutObject", "*"), allow("s3:GetObject", "arn:aws:s3:::desk/reports/*")]));
        let mut put = call(DESK, "s3:PutObject", "arn:aws:s3:::desk/reports/copy", &[]);
        put.denied = Some(denied.clone());
        put.copies = copies;
        let (found, _) = desk.treated(&put, &[call(DESK, "s3:GetObject", "arn:aws:s3:::desk/other/y", &[])]);
        assert_eq!((causes(&found), found.causes[0].resource.as_str()), (vec![Cause::IdentityLacks], "arn:aws:s3:::desk/other/z"));
        let own = json!({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"});
        desk.key(&json!([own]), KeyState::Enabled);
        desk.role(OWNER, "Desk", &json!([]), &json!([allow("s3:*", "*"), allow("kms:GenerateDataKey", "*")]));
        let (found, _) = desk.treated(&put, &[]);
        assert_eq!((causes(&found), found.causes[0].action.as_str()), (vec![Cause::KeyIdentityLacks], "kms:Decrypt"));
    }
    let plain =
        crossrole_doctor::read("upload failed: ./a to s3://desk/b An error occurred (AccessDenied) when calling the PutObject operation: Access Denied");
    assert_eq!(plain.brought, None);
}

/// KMS names no key: what S3 was asked for leads to it.
#[test]
fn a_refusal_by_kms_tells_of_the_object() {
    for (operation, action, kms) in [("GetObject", "s3:GetObject", "kms:Decrypt"), ("PutObject", "s3:PutObject", "kms:GenerateDataKey")] {
        let why = format!(
            "User: {BOB} is not authorized to perform: {kms} on the resource associated with this ciphertext because no identity-based policy allows the {kms} action"
        );
        let text = format!("download failed: s3://desk/reports/q1 to ./q1 An error occurred (AccessDenied) when calling the {operation} operation: {why}");
        let told = crossrole_doctor::read(&text);
        let parts = (told.action.as_deref(), told.resource.as_deref(), told.through.as_deref());
        assert_eq!(parts, (Some(kms), None, Some(action)));
        assert_eq!(told.object.as_deref(), Some("arn:aws:s3:::desk/reports/q1"));
        let told = crossrole_doctor::read(&format!("An error occurred (AccessDenied) when calling the Decrypt operation: {why}"));
        assert_eq!((told.through, told.object), (None, None));
    }
}

/// An object that is encrypted with another key than its bucket's: that key, its policy and the caller's are what is looked at.
#[test]
fn the_key_of_the_object_is_what_counts() {
    const Q1: &str = "arn:aws:s3:::desk/reports/q1";
    let root = json!({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"});
    let reader = |own: &[Value]| {
        let mut desk = Desk::new();
        desk.role(DEV, "Caller", &json!([]), &json!(own));
        desk.key(&json!([root, {"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "kms:*", "Resource": "*"}]), KeyState::Enabled);
        desk.bucket(Some(&json!([{"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "s3:*", "Resource": "arn:aws:s3:::desk/*"}])), true);
        desk.other_key(&json!([root]), true);
        desk
    };
    let why =
        "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access";
    for (action, kms, on) in
        [("s3:GetObject", "kms:Decrypt", "the resource associated with this ciphertext"), ("s3:PutObject", "kms:GenerateDataKey", "this resource")]
    {
        let said = format!("User: arn:aws:sts::111111111111:assumed-role/Caller/s is not authorized to perform: {kms} on {on} {why}");
        let named = said.replace(on, &format!("resource: {OTHER}"));
        for (own, expected) in [
            (vec![allow("s3:*", "*"), allow("kms:*", KEY)], vec![Cause::KeyPolicyLacks, Cause::KeyIdentityLacks]),
            (vec![allow("s3:*", "*"), allow("kms:*", "*")], vec![Cause::KeyPolicyLacks]),
        ] {
            let desk = reader(&own);
            let mut call = call(CALLER, action, Q1, &[]);
            call.key = ObjectKey::Key(other());
            let others = [call_of(OTHER, "kms:Decrypt"), call_of(OTHER, "kms:GenerateDataKey"), call_of(OTHER, "kms:Encrypt")];
            for denied in [None, Some(said.clone()), Some(named.clone())] {
                call.denied = denied;
                let (found, _) = desk.treated(&call, &others);
                assert_eq!(causes(&found), expected);
                assert!(found.causes.iter().all(|cause| cause.resource == OTHER && cause.action == kms), "{:?}", found.causes);
            }
        }
        // Nothing tells which key it is, and the bucket's lets it: it is another one.
        let desk = reader(&[allow("s3:*", "*"), allow("kms:*", "*")]);
        let mut untold = call(CALLER, action, Q1, &[]);
        assert_eq!(desk.asked(&untold).found(), Found::Allowed);
        untold.denied = Some(said.clone());
        let found = desk.asked(&untold);
        assert_eq!((causes(&found), &found.fix), (vec![Cause::OtherKey], &None));
        let mut without = desk.clone();
        without.bucket(Some(&json!([{"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "s3:*", "Resource": "arn:aws:s3:::desk/*"}])), false);
        assert_eq!(causes(&without.asked(&untold)), [Cause::OtherKey]);
        // That of the bucket does not let it: it is that, before and after.
        let lacking = reader(&[allow("s3:*", "*")]);
        let (found, _) = lacking.treated(&untold, &[]);
        assert_eq!((causes(&found), found.causes[0].resource.as_str()), (vec![Cause::KeyIdentityLacks], KEY));
        // A key of AWS's own has a policy that nobody changes; one that was not read is believed to lack what AWS says.
        let mut of_aws = reader(&[allow("s3:*", "*"), allow("kms:*", "*")]);
        of_aws.other_key(&json!([root]), false);
        let mut unread = of_aws.clone();
        unread.observed.keys.remove(OTHER);
        for desk in [of_aws, unread] {
            let mut call = untold.clone();
            call.key = ObjectKey::Key(other());
            let found = desk.asked(&call);
            assert_eq!((causes(&found), &found.fix, found.causes[0].resource.as_str()), (vec![Cause::KeyPolicyLacks], &None, OTHER));
        }
    }
}

/// A key is asked for where there is one: an object may have none though its bucket has, an upload may say so, and of AWS's own key each
/// account has another.
#[test]
fn what_is_encrypted_with_no_key_of_the_bucket_takes_none() {
    const Q1: &str = "arn:aws:s3:::desk/reports/q1";
    const SSE: &str = "s3:x-amz-server-side-encryption";
    let lets = json!([{"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "s3:*", "Resource": "arn:aws:s3:::desk/*"}]);
    let mut desk = Desk::new();
    desk.key(&json!([{"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"}]), KeyState::Enabled);
    desk.bucket(Some(&lets), true);
    let mut of_aws = desk.clone();
    let Some(Observation::Known(Some(bucket))) = of_aws.observed.buckets.get_mut("desk") else { panic!() };
    bucket.state.encryption = Some(Encryption::Kms { key: String::new(), bucket_key: false });
    let (read, write) = ("s3:GetObject", "s3:PutObject");
    for (desk, action, key, sent, may) in [
        (&desk, read, ObjectKey::AsItsBucket, &[][..], false),
        (&desk, read, ObjectKey::Otherwise, &[], true),
        (&desk, read, ObjectKey::Key(other()), &[], false),
        (&desk, read, ObjectKey::AsItsBucket, &[(SSE, "AES256")], false),
        (&desk, write, ObjectKey::AsItsBucket, &[], false),
        (&desk, write, ObjectKey::AsItsBucket, &[(SSE, "AES256")], true),
        (&desk, write, ObjectKey::AsItsBucket, &[(SSE, "aws:kms")], false),
        (&of_aws, read, ObjectKey::AsItsBucket, &[], false),
        (&of_aws, read, ObjectKey::Otherwise, &[], true),
        (&of_aws, write, ObjectKey::AsItsBucket, &[], true),
    ] {
        let mut call = call(CALLER, action, Q1, sent);
        call.key = key;
        let found = desk.asked(&call);
        assert_eq!(found.found() == Found::Allowed, may, "{action} {:?} {sent:?}: {:#?}", call.key, found.causes);
        assert!(found.causes.iter().all(|cause| cause.action.starts_with("kms:")), "{:#?}", found.causes);
    }
}

fn call_of(key: &str, action: &'static str) -> Call {
    call(CALLER, action, key, &[])
}
