//! Keys that manifests make: used as they are meant, made once whatever goes wrong, and gone only when told.

use std::sync::Arc;

use crossrole::Exit;
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options};
use serde_json::{Value, json};

use crate::keys::{key_statements, put_key_policy};
use crate::support::{Credentials, Once, Place, element, manifest, scenario};

const OWNER: &str = "222222222222";
const PARTNER: &str = "444444444444";
const REGION: &str = "eu-west-1";
const ALIAS: &str = "alias/data/archive";
const OBJECT: &str = "/made-key-archive/from-partner/x";

async fn place() -> (Place, String) {
    let (place, file) = (Place::new(Options::default()), scenario("made-key"));
    place.good(&["sandbox", "prepare", &file]).await;
    (place, file)
}

async fn applied() -> (Place, String) {
    let (place, file) = place().await;
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    (place, file)
}

async fn keys(place: &Place) -> Vec<String> {
    let listed = place.kms(OWNER, REGION, "ListKeys", &json!({})).await;
    listed["Keys"].as_array().unwrap().iter().map(|key| key["KeyArn"].as_str().unwrap().to_owned()).collect()
}

/// The key behind the alias.
async fn described(place: &Place) -> Value {
    place.kms(OWNER, REGION, "DescribeKey", &json!({ "KeyId": ALIAS })).await["KeyMetadata"].clone()
}

async fn arn(place: &Place) -> String {
    described(place).await["Arn"].as_str().unwrap().to_owned()
}

/// A session of the partner's role, by a user of its account.
async fn uploader(place: &Place) -> Credentials {
    place.iam(PARTNER, "CreateUser", &[("UserName", "hands")]).await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    place.iam(PARTNER, "PutUserPolicy", &[("UserName", "hands"), ("PolicyName", "p"), ("PolicyDocument", policy)]).await;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{PARTNER}:root"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    place.iam(PARTNER, "UpdateAssumeRolePolicy", &[("RoleName", "Uploader"), ("PolicyDocument", &trust)]).await;
    let user = Credentials::of(&place.iam(PARTNER, "CreateAccessKey", &[("UserName", "hands")]).await);
    let role = format!("arn:aws:iam::{PARTNER}:role/Uploader");
    let (status, body) = place.query_as(&user, "sts", "AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "hands")]).await;
    assert_eq!(status, 200, "{body}");
    Credentials::of(&body)
}

async fn put(place: &Place, who: &Credentials) -> u16 {
    place.s3_as(who, REGION, "PUT", OBJECT, "", &[], "hello").await.0
}

#[tokio::test(start_paused = true)]
async fn what_it_encrypts_is_for_whom_the_manifest_says_until_it_goes() {
    let (place, file) = applied().await;
    let who = uploader(&place).await;
    assert_eq!(put(&place, &who).await, 200);
    let key = arn(&place).await;
    let object = place.s3_as(&Credentials { key: OWNER.to_owned(), ..Credentials::default() }, REGION, "GET", OBJECT, "", &[], "").await;
    assert_eq!((object.0, object.1.as_str()), (200, "hello"));
    // Without our statement in its policy, the key keeps the partner out.
    let mut kept = key_statements(&place, OWNER, REGION, &key).await;
    kept.retain(|s| !s["Sid"].as_str().unwrap_or("").starts_with("Crossrole"));
    put_key_policy(&place, OWNER, REGION, &key, &kept).await;
    assert_eq!(put(&place, &who).await, 403);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert_eq!(put(&place, &who).await, 200);
    // The bucket is kept by the object that is in it.
    let root = Credentials { key: OWNER.to_owned(), ..Credentials::default() };
    assert_eq!(place.s3_as(&root, REGION, "DELETE", OBJECT, "", &[], "").await.0, 204);
    place.good(&["destroy", "--auto-approve", &file]).await;
    assert_eq!(described(&place).await["KeyState"], "Enabled");
    let told = place.good(&["destroy", "--auto-approve", "--destroy-key", "data/archive", &file]).await;
    assert!(told.contains("after 14 days it is gone for good"), "{told}");
    assert_eq!(described(&place).await["KeyState"], "PendingDeletion");
    let again = place.good(&["destroy", "--auto-approve", "--destroy-key", ALIAS, &file]).await;
    assert!(again.starts_with("No changes."), "{again}");
    // It is not made again under a name that is taken till then, and what rests on it is not written.
    let said = place.run(&["plan", &file]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert!(said.out.contains("the key is to be deleted"), "{}", said.out);
    place.assert_no_secret();
}

/// AWS makes another key each time that it is asked: an answer that is lost, or a run that ends before the key has its name, must not
/// leave two.
#[tokio::test(start_paused = true)]
async fn one_key_is_made_whatever_goes_wrong() {
    let faults = [
        Fault::FailAfter,
        Fault::DropAnswer,
        Fault::Reset,
        Fault::Hang,
        Fault::HangBefore,
        Fault::Refuse("AccessDeniedException"),
        Fault::Refuse("ThrottlingException"),
        Fault::Refuse("KMSInternalException"),
    ];
    for operation in ["CreateKey", "CreateAlias", "EnableKeyRotation", "PutKeyPolicy", "PutRolePolicy", "PutBucketEncryption"] {
        for fault in faults {
            let (place, file) = place().await;
            place.sandbox.set_faults(Some(Arc::new(Once { operation, fault, done: false.into() })));
            let first = place.run(&["apply", "--auto-approve", "--quiet", &file]).await;
            let after = keys(&place).await.len();
            let second = place.run(&["apply", "--auto-approve", "--quiet", &file]).await;
            assert_eq!(second.exit, Exit::Clean, "{operation} {fault:?}: {}{}\nfirst: {}", second.out, second.err, first.err);
            assert_eq!(keys(&place).await.len(), 1, "{operation} {fault:?}: {after} after the first");
            let plan = place.good(&["plan", "--detailed-exitcode", &file]).await;
            assert!(plan.starts_with("No changes."), "{operation} {fault:?}: {plan}");
            let found = described(&place).await;
            assert_eq!((&found["KeyState"], &found["Description"]), (&json!("Enabled"), &json!("Encrypts what partners hand in")));
        }
    }
}

/// What was reviewed before the key had an id is still what is applied when it has one.
#[tokio::test(start_paused = true)]
async fn a_reviewed_plan_goes_on_when_the_key_has_its_id() {
    for operation in ["CreateAlias", "PutRolePolicy", "PutKeyPolicy", "PutBucketEncryption"] {
        let (place, file) = place().await;
        let path = format!("{}.plan", manifest(&format!("made-key-{operation}"), "name = \"x\""));
        place.good(&["plan", "--out", &path, &file]).await;
        place.sandbox.set_faults(Some(Arc::new(Once { operation, fault: Fault::Refuse("AccessDeniedException"), done: false.into() })));
        let first = place.run(&["apply", "--auto-approve", "--quiet", &path]).await;
        assert_eq!(first.exit, Exit::Failed, "{operation}: {}", first.out);
        place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
        assert!(place.good(&["plan", &file]).await.starts_with("No changes."), "{operation}");
        assert_eq!(keys(&place).await.len(), 1, "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_about_by_its_alias_and_by_its_arn() {
    let (place, file) = applied().await;
    let key = arn(&place).await;
    let question = |resource: &str, from: &str| {
        let file = file.clone();
        [resource, from].map(str::to_owned).into_iter().chain([file]).collect::<Vec<_>>()
    };
    for (resource, from) in [(ALIAS, "live"), (key.as_str(), "live"), (ALIAS, "manifest")] {
        let words = question(resource, from);
        let said = place.good(&["who-can", "kms:GenerateDataKey", &words[0], "--from", &words[1], &words[2]]).await;
        assert!(said.contains("role Uploader of 444444444444"), "{resource} {from}: {said}");
        if from == "live" {
            assert!(!said.contains('{'), "{said}");
        }
    }
    let context = format!("kms:EncryptionContext:aws:s3:arn=arn:aws:s3:::{}", &OBJECT[1..]);
    let via = "kms:ViaService=s3.eu-west-1.amazonaws.com";
    for resource in [ALIAS, key.as_str()] {
        let words = ["explain", "partner/role/Uploader", "kms:Decrypt", resource, "--from", "live", "--context", &context, "--context", via, &file];
        let said = place.good(&words).await;
        assert!(said.starts_with("yes: "), "{resource}: {said}");
        let object = place.good(&["explain", "partner/role/Uploader", "s3:PutObject", &OBJECT[1..], "--from", "live", &file]).await;
        assert!(object.contains("may kms:GenerateDataKey") && object.contains(&key), "{object}");
    }
}

/// A policy that names the alias as if it were the key's id lets nobody do anything, and is not taken for one that does.
#[tokio::test(start_paused = true)]
async fn what_poses_as_its_name_is_not_taken_for_it() {
    let (place, file) = applied().await;
    let key = arn(&place).await;
    let policy = element(&place.iam(OWNER, "GetRolePolicy", &[("RoleName", "ArchiveReader"), ("PolicyName", "crossrole")]).await, "PolicyDocument");
    let policy = percent_encoding::percent_decode_str(&policy).decode_utf8_lossy().into_owned();
    assert!(policy.contains(&key), "{policy}");
    let posing = policy.replace(key.rsplit('/').next().unwrap(), &format!("{{{ALIAS}}}"));
    place.iam(OWNER, "PutRolePolicy", &[("RoleName", "ArchiveReader"), ("PolicyName", "crossrole"), ("PolicyDocument", &posing)]).await;
    let plan = place.run(&["plan", "--detailed-exitcode", &file]).await;
    assert_eq!(plan.exit, Exit::Changes, "{}", plan.out);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let healed = element(&place.iam(OWNER, "GetRolePolicy", &[("RoleName", "ArchiveReader"), ("PolicyName", "crossrole")]).await, "PolicyDocument");
    assert_eq!(percent_encoding::percent_decode_str(&healed).decode_utf8_lossy(), policy);
}

/// Somebody points the alias at a key of their own.
#[tokio::test(start_paused = true)]
async fn a_key_that_took_its_name_is_not_taken_for_it() {
    let (place, file) = applied().await;
    let ours = arn(&place).await;
    let theirs = place.kms(OWNER, REGION, "CreateKey", &json!({ "Description": "Theirs" })).await["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    place.kms(OWNER, REGION, "UpdateAlias", &json!({ "AliasName": ALIAS, "TargetKeyId": theirs })).await;
    // Nor where the manifest took over the key that it had, and still says so.
    let adopts = std::fs::read_to_string(&file).unwrap().replacen("create = true\nalias", "create = true\nadopt = true\nalias", 1);
    let adopts = manifest("made-key-adopts", &adopts);
    assert!(std::fs::read_to_string(&adopts).unwrap().contains("adopt = true"), "{adopts}");
    for words in
        [["apply", "--auto-approve", &file], ["apply", "--auto-approve", &adopts], ["destroy", "--auto-approve", &file], ["destroy", "--auto-approve", &adopts]]
    {
        let said = place.run(&words).await;
        assert_eq!(said.exit, Exit::Failed, "{}", said.out);
        assert!(said.out.contains(&format!("its alias stands for somebody else's key, and the one that was made for it, {ours}, still lets")), "{}", said.out);
    }
    let said = place.run(&["destroy", "--auto-approve", "--partial", "--destroy-key", ALIAS, &adopts]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert_eq!(place.kms(OWNER, REGION, "DescribeKey", &json!({ "KeyId": theirs })).await["KeyMetadata"]["KeyState"], "Enabled");
    assert_eq!(key_statements(&place, OWNER, REGION, &theirs).await.len(), 1, "nothing of ours is written there");
}

/// What cannot be read is not made again.
#[tokio::test(start_paused = true)]
async fn a_key_that_can_not_be_read_is_not_made_again() {
    struct Never(&'static str);
    impl FaultPlan for Never {
        fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
            (call.operation == self.0).then_some(Fault::Refuse("AccessDeniedException"))
        }
    }
    for (begun, operation) in [
        (true, "DescribeKey"),
        (true, "GetKeyPolicy"),
        (true, "ListResourceTags"),
        (true, "GetKeyRotationStatus"),
        (false, "DescribeKey"),
        (false, "ListKeys"),
        (false, "ListAliases"),
    ] {
        let (place, file) = if begun { applied().await } else { place().await };
        if begun {
            place.iam(OWNER, "UpdateRole", &[("RoleName", "ArchiveReader"), ("Description", "x")]).await;
        }
        let before = keys(&place).await;
        place.sandbox.set_faults(Some(Arc::new(Never(operation))));
        let said = place.run(&["apply", "--auto-approve", "--partial", &file]).await;
        assert!(said.out.contains("AccessDeniedException") && said.exit == Exit::Failed, "{operation}: {}", said.out);
        place.sandbox.set_faults(None);
        assert_eq!(keys(&place).await, before, "{operation}");
        assert!(!said.out.contains("CreateKey"), "{operation}: {}", said.out);
    }
}

/// Refused each time.
pub(crate) struct Denied(pub(crate) &'static [&'static str]);

impl FaultPlan for Denied {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        self.0.contains(&call.operation).then_some(Fault::Refuse("AccessDeniedException"))
    }
}

/// A key that was begun may be one that the runner may not look at: another is not made beside it.
#[tokio::test(start_paused = true)]
async fn a_runner_that_may_not_look_makes_no_second_key() {
    let (place, file) = place().await;
    place.sandbox.set_faults(Some(Arc::new(Denied(&["ListResourceTags", "CreateAlias"]))));
    for _ in 0..3 {
        let said = place.run(&["apply", "--auto-approve", "--quiet", "--partial", &file]).await;
        assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    }
    place.sandbox.set_faults(None);
    assert_eq!(keys(&place).await.len(), 1);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert_eq!((keys(&place).await.len(), described(&place).await["KeyState"].clone()), (1, json!("Enabled")));
    // What may not be read is not said to be nowhere, either.
    place.sandbox.set_faults(Some(Arc::new(Denied(&["DescribeKey"]))));
    let said = place.run(&["plan", "--destroy", "--destroy-key", ALIAS, &file]).await;
    assert!(said.exit == Exit::Failed && !said.out.contains("no key of this alias"), "{}", said.out);
}

/// A key that a manifest made and names no more is said until it goes, and it goes by its name alone.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_named_no_more_is_said_until_it_goes() {
    let (place, file) = applied().await;
    let text = std::fs::read_to_string(&file).unwrap();
    let second = manifest("made-key-second", &text.replace("data/archive", "data/second"));
    // The key that encrypts till then is read: what its policy lets is known, and it is written by nobody.
    let first = arn(&place).await;
    let said = place.good(&["plan", &second]).await;
    assert!(said.contains("~ bucket made-key-archive") && !said.contains("not decided") && !said.contains(&format!("key-policy {REGION}/{ALIAS}")), "{said}");
    let statements = key_statements(&place, OWNER, REGION, &first).await;
    place.sandbox.set_faults(Some(Arc::new(Denied(&["ListResourceTags"]))));
    let said = place.run(&["plan", &second]).await.out;
    assert!(said.contains(&format!("the policy of key {first}, which encrypts there, was not read")), "{said}");
    place.sandbox.set_faults(None);
    place.good(&["apply", "--auto-approve", "--quiet", &second]).await;
    assert_eq!(key_statements(&place, OWNER, REGION, &first).await, statements, "what it encrypted is still read");
    let stays = format!("note: {OWNER}/key/{REGION}/{ALIAS}: a key stays, as what it encrypted goes with it");
    for words in [&["plan", &second][..], &["drift", "--sandbox", &second]] {
        let said = place.good(words).await;
        assert!(said.contains(&stays) && said.contains(&format!("`--destroy-key {ALIAS}`")), "{said}");
        assert!(said.contains("No changes.") || said.contains("Drift: none"), "{said}");
    }
    // Nothing is asked of keys of others but whose they are.
    let others = place.kms(OWNER, REGION, "CreateKey", &json!({})).await["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    place.kms(OWNER, REGION, "CreateAlias", &json!({ "AliasName": "alias/others", "TargetKeyId": others })).await;
    let actions = ["kms:ListResourceTags", "kms:PutKeyPolicy", "kms:CreateAlias"];
    let statement = json!({ "Effect": "Allow", "Principal": { "AWS": OWNER }, "Action": actions, "Resource": "*" });
    put_key_policy(&place, OWNER, REGION, &others, &[statement]).await;
    let said = place.good(&["plan", &second]).await;
    assert!(said.contains(&stays) && !said.contains("could not be read"), "{said}");
    // What may not be asked is not taken for nothing.
    place.sandbox.set_faults(Some(Arc::new(Denied(&["ListAliases"]))));
    let said = place.good(&["plan", &second]).await;
    assert!(said.contains("note: pruning in account 222222222222 (trusting): it could not be read: ListAliases"), "{said}");
    place.sandbox.set_faults(None);

    // No key at all is declared any more: only what looks at everything finds it.
    let none = text.replace("encryption = { kms_key = \"archive\", bucket_key = true }\n", "");
    let (head, rest) = none.split_once("[keys.archive]").unwrap();
    let none = manifest("made-key-none", &format!("{head}[buckets{}", rest.split_once("[buckets").unwrap().1));
    let said = place.run(&["drift", "--sandbox", &none]).await;
    assert!(said.out.contains(&stays[6..]) && said.out.contains("alias/data/second: a key stays"), "{}{}", said.out, said.err);

    // Those of others are not theirs to take.
    let said = place.run(&["plan", "--destroy-key", "alias/others", &second]).await;
    assert!(said.exit == Exit::Failed && said.out.contains("key `alias/others`: no key of this alias has the mark"), "{}", said.out);
    let gone = arn(&place).await;
    for file in [&second, &none] {
        let said = place.good(&["plan", "--destroy-key", ALIAS, file]).await;
        assert!(said.contains(&format!("- key {REGION}/{ALIAS}")) && !said.contains(&stays), "{said}");
    }
    place.good(&["apply", "--auto-approve", "--quiet", "--destroy-key", ALIAS, &second]).await;
    let state = place.kms(OWNER, REGION, "DescribeKey", &json!({ "KeyId": gone })).await["KeyMetadata"]["KeyState"].clone();
    assert_eq!(state, "PendingDeletion");
    let said = place.good(&["plan", &second]).await;
    assert!(!said.contains("a key stays"), "{said}");
}

/// A plan to delete one key that was reviewed is not one to delete another.
#[tokio::test(start_paused = true)]
async fn a_reviewed_deletion_is_of_that_key() {
    let (place, file) = applied().await;
    let path = format!("{}.plan", manifest("made-key-deletion", "name = \"x\""));
    place.good(&["plan", "--destroy", "--destroy-key", ALIAS, "--out", &path, &file]).await;
    let key = arn(&place).await;
    let tags = place.kms(OWNER, REGION, "ListResourceTags", &json!({ "KeyId": key })).await["Tags"].clone();
    let made = place.kms(OWNER, REGION, "CreateKey", &json!({ "Description": "Encrypts what partners hand in", "Tags": tags })).await;
    let other = made["KeyMetadata"]["KeyId"].clone();
    place.kms(OWNER, REGION, "EnableKeyRotation", &json!({ "KeyId": other })).await;
    place.kms(OWNER, REGION, "UpdateAlias", &json!({ "AliasName": ALIAS, "TargetKeyId": other })).await;
    // `apply` deletes no key for a file's word, nor does `destroy`.
    for words in [&["apply"][..], &["apply", "--destroy-key", ALIAS], &["destroy"], &["destroy", "--destroy-key", "alias/other"]] {
        let said = place.run(&[words, &["--auto-approve", &path]].concat()).await;
        assert!(said.exit == Exit::Refused && said.err.contains("refused: "), "{words:?}: {}{}", said.out, said.err);
    }
    let said = place.run(&["destroy", "--auto-approve", "--destroy-key", ALIAS, &path]).await;
    assert!(said.exit == Exit::Moved && said.err.contains("this is not the plan that was saved"), "{}{}", said.out, said.err);
    for key in keys(&place).await {
        assert_eq!(place.kms(OWNER, REGION, "DescribeKey", &json!({ "KeyId": key })).await["KeyMetadata"]["KeyState"], "Enabled");
    }
}

/// A bucket with objects in it stays, and so does what encrypted them.
#[tokio::test(start_paused = true)]
async fn a_key_does_not_go_before_what_it_encrypted() {
    let (place, file) = applied().await;
    let root = Credentials { key: OWNER.to_owned(), ..Credentials::default() };
    assert_eq!(place.s3_as(&root, REGION, "PUT", OBJECT, "", &[], "hello").await.0, 200);
    let said = place.run(&["destroy", "--auto-approve", "--destroy-key", ALIAS, &file]).await;
    assert!(said.exit == Exit::Failed && said.out.contains("BucketNotEmpty") && said.out.contains("\n  empty it "), "{}{}", said.out, said.err);
    assert!(said.out.contains("Run destroy again") && !said.out.contains("apply again") && !said.out.contains("bug in crossrole"), "{}", said.out);
    assert_eq!(described(&place).await["KeyState"], "Enabled");
    assert_eq!(place.s3_as(&root, REGION, "GET", OBJECT, "", &[], "").await, (200, "hello".to_owned()));
}

/// What others wrote that looks like a name of ours goes back as they wrote it.
#[tokio::test(start_paused = true)]
async fn a_foreign_statement_that_names_the_alias_is_kept_to_the_letter() {
    let (place, file) = applied().await;
    let root = Credentials { key: OWNER.to_owned(), ..Credentials::default() };
    let named = format!("arn:aws:kms:{REGION}:{OWNER}:key/{{{ALIAS}}}");
    let theirs = json!({
        "Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::made-key-archive/x/*",
        "Condition": { "StringNotEquals": { "s3:x-amz-server-side-encryption-aws-kms-key-id": named } },
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [theirs] }).to_string();
    assert_eq!(place.s3_as(&root, REGION, "PUT", "/made-key-archive", "policy", &[], &policy).await.0, 204);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let live = place.s3_as(&root, REGION, "GET", "/made-key-archive", "policy", &[], "").await.1;
    assert!(live.contains(&format!("key/{{{ALIAS}}}\"")) && !live.contains("{{alias"), "{live}");
    assert!(live.contains("Crossrole"), "{live}");
}

/// A policy of somebody else's that names the key by a pattern decides about it as about any other.
#[tokio::test(start_paused = true)]
async fn who_is_denied_by_a_pattern_gains_nothing() {
    let (place, file) = applied().await;
    let key = arn(&place).await;
    let mut kept = key_statements(&place, OWNER, REGION, &key).await;
    kept.retain(|s| !s["Sid"].as_str().unwrap_or("").starts_with("Crossrole"));
    put_key_policy(&place, OWNER, REGION, &key, &kept).await;
    let pattern = format!("arn:aws:kms:*:{OWNER}:key/{}", key.rsplit('/').next().unwrap());
    let deny = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "kms:*", "Resource": pattern }] }).to_string();
    let gains = "+ role Uploader of 444444444444 gains kms:";
    assert!(place.good(&["plan", &file]).await.contains(gains));
    place.iam(PARTNER, "PutRolePolicy", &[("RoleName", "Uploader"), ("PolicyName", "no-keys"), ("PolicyDocument", &deny)]).await;
    let plan = place.good(&["plan", &file]).await;
    assert!(!plan.contains(gains), "{plan}");
}
