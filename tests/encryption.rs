//! Buckets that others made and encrypt: what they are encrypted with is read, and said where it stands in the way.

use std::sync::Arc;

use crossrole::Exit;
use serde_json::json;

use crate::keys::put_key_policy;
use crate::made_key::Denied;
use crate::support::{Place, manifest};

const OWNER: &str = "222222222222";
const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER: &str = "arn:aws:kms:us-east-1:222222222222:key/99999999-12ab-34cd-56ef-1234567890ab";
const ELSEWHERE: &str = "arn:aws:kms:us-east-1:999999999999:key/77777777-12ab-34cd-56ef-1234567890ab";
const GAINS: &str = "role Reader of 444444444444 gains s3:GetObject on theirs/";

/// A bucket of somebody else's, of which the manifest says nothing but whom it lets in.
fn text(more: &str) -> String {
    format!(
        "name = \"theirs\"\n[trusting]\naccount = \"{OWNER}\"\n[trusted.partner]\naccount = \"444444444444\"\n[buckets.theirs]\n{more}\n\
         [[buckets.theirs.allow]]\nrole = \"partner/Reader\"\naccess = \"get\"\n"
    )
}

async fn place(key: &str) -> (Place, String) {
    let place = Place::with_bucket("theirs").await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("444444444444", "CreateRole", &[("RoleName", "Reader"), ("AssumeRolePolicyDocument", trust)]).await;
    for arn in [KEY, OTHER, ELSEWHERE] {
        assert!(place.sandbox.add_key(arn));
    }
    encrypt(&place, &format!("<SSEAlgorithm>aws:kms</SSEAlgorithm>{key}")).await;
    (place, manifest("theirs", &text("")))
}

async fn encrypt(place: &Place, rule: &str) {
    let body = format!(
        "<ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ApplyServerSideEncryptionByDefault>{rule}</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    );
    assert_eq!(place.s3(OWNER, "PUT", "/theirs", "encryption", &body).await.0, 200);
}

fn id(key: &str) -> String {
    format!("<KMSMasterKeyID>{key}</KMSMasterKeyID>")
}

fn line(plan: &str) -> &str {
    plan.lines().find(|line| line.contains(GAINS)).unwrap_or_else(|| panic!("{plan}"))
}

/// However the bucket names its key, what S3 lets and the key does not is said to stay closed; and so each command answers.
#[tokio::test(start_paused = true)]
async fn a_key_of_a_bucket_of_others_is_known() {
    let (alias, uuid) = (id("alias/theirs"), id(KEY.rsplit('/').next().unwrap()));
    for key in [id(KEY), alias, uuid] {
        let (place, file) = place("").await;
        place.kms(OWNER, "us-east-1", "CreateAlias", &json!({ "AliasName": "alias/theirs", "TargetKeyId": KEY })).await;
        encrypt(&place, &format!("<SSEAlgorithm>aws:kms</SSEAlgorithm>{key}")).await;
        place.sandbox.take_calls();
        let plan = place.good(&["plan", &file]).await;
        let ends = "; but not what is encrypted with key 1234abcd-12ab-34cd-56ef-1234567890ab of 222222222222, which it may not use for that";
        assert!(line(&plan).ends_with(ends), "{plan}");
        assert_eq!(plan.matches("grants of keys are not read").count(), 1, "{plan}");
        let calls = place.sandbox.take_calls();
        let reads = |operation: &str| calls.iter().filter(|((_, named), _)| named == operation).map(|(_, count)| count).sum::<u64>();
        assert_eq!((reads("GetBucketEncryption"), reads("GetKeyPolicy")), (1, 1), "{calls:?}");
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        let explain = ["explain", "partner/role/Reader", "s3:GetObject", "theirs/x", "--from", "live", &file];
        let who_can = ["who-can", "s3:GetObject", "theirs/x", "--from", "live", &file];
        let said = place.good(&explain).await;
        assert!(said.contains(&format!("no: role Reader of 444444444444 may not kms:Decrypt on {KEY}")), "{said}");
        let ways = place.good(&who_can).await;
        let (with, without) = ways.split_once(&format!("note: what is not, or is not to be, encrypted with key {KEY} takes nothing of it")).unwrap();
        assert!(!with.contains("Reader") && with.contains(&format!("grants of key {KEY} are not read")), "{ways}");
        assert!(without.contains("  role Reader of 444444444444: s3:GetObject"), "{ways}");
        // Where the key lets it, all of them say yes; where it is off, no, and why.
        let root =
            json!({ "Sid": "Root", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{OWNER}:root") }, "Action": "kms:*", "Resource": "*" });
        let reader = json!({ "Sid": "Reader", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::444444444444:role/Reader" }, "Action": "kms:Decrypt", "Resource": "*" });
        put_key_policy(&place, OWNER, "us-east-1", KEY, &[root, reader]).await;
        let own = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY }] }).to_string();
        place.iam("444444444444", "PutRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "key"), ("PolicyDocument", &own)]).await;
        let said = place.good(&explain).await;
        assert!(said.contains("yes: ") && !said.contains("no: "), "{said}");
        assert!(place.good(&who_can).await.contains("role Reader of 444444444444"));
        for (operation, input, state) in [
            ("DisableKey", json!({ "KeyId": KEY }), "is disabled"),
            ("ScheduleKeyDeletion", json!({ "KeyId": KEY, "PendingWindowInDays": 7 }), "is to be deleted"),
        ] {
            place.kms(OWNER, "us-east-1", operation, &input).await;
            let said = place.good(&explain).await;
            assert!(said.contains("no: ") && said.contains(&format!("because the key {state}, and nobody can use it")), "{said}");
            let ways = place.good(&who_can).await;
            assert!(ways.starts_with("nobody\n") && ways.contains(&format!("key {KEY} {state}: nobody can use it")), "{ways}");
        }
    }
}

/// A key of an account that nobody here reads, AWS's own, and none at all.
#[tokio::test(start_paused = true)]
async fn what_is_not_known_of_a_key_is_said() {
    let (place, file) = place(&id(ELSEWHERE)).await;
    let plan = place.good(&["plan", &file]).await;
    assert!(
        line(&plan).ends_with(
            "; what is encrypted with key 77777777-12ab-34cd-56ef-1234567890ab of 999999999999 only as far as that lets it, whose policy was not read"
        ),
        "{plan}"
    );
    encrypt(&place, "<SSEAlgorithm>aws:kms</SSEAlgorithm>").await;
    let plan = place.good(&["plan", &file]).await;
    assert!(line(&plan).contains("; but not what is encrypted with") && line(&plan).contains("aws/s3"), "{plan}");
    encrypt(&place, "<SSEAlgorithm>AES256</SSEAlgorithm>").await;
    let plan = place.good(&["plan", &file]).await;
    assert!(!plan.contains("encrypted") && !plan.contains("grants of keys"), "{plan}");
    // A key that may not be read keeps nothing back.
    encrypt(&place, &format!("<SSEAlgorithm>aws:kms</SSEAlgorithm>{}", id(KEY))).await;
    place.sandbox.set_faults(Some(Arc::new(Denied(&["GetKeyPolicy"]))));
    let plan = place.good(&["plan", &file]).await;
    assert!(line(&plan).contains("whose policy was not read") && plan.contains("note: 222222222222/key-policy/us-east-1/1234abcd"), "{plan}");
}

/// A refusal is said, and holds nothing up; another key than the manifest says is said as well.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_may_not_be_asked_is_said_to_be_unknown() {
    let (place, file) = place(&id(KEY)).await;
    place.sandbox.set_faults(Some(Arc::new(Denied(&["GetBucketEncryption"]))));
    let plan = place.good(&["plan", &file]).await;
    let unread = "theirs/*; as far as what objects there are encrypted with lets it, which was not read";
    assert!(plan.contains("note: 222222222222/bucket/theirs: what it is encrypted with could not be read") && line(&plan).ends_with(unread), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let said = place.good(&["explain", "partner/role/Reader", "s3:GetObject", "theirs/x", "--from", "live", &file]).await;
    assert!(said.contains("taken for granted: what bucket theirs is encrypted with was not read"), "{said}");
    let ways = place.good(&["who-can", "s3:GetObject", "theirs/x", "--from", "live", &file]).await;
    assert!(ways.contains("on bucket theirs: not decided: what it is encrypted with was not read"), "{ways}");
    place.sandbox.set_faults(None);
    let says = manifest("theirs-other", &text(&format!("encryption = {{ kms_key = \"{OTHER}\" }}")));
    let plan = place.run(&["plan", "--detailed-exitcode", &says]).await;
    assert!(plan.out.contains(&format!("it is encrypted with {KEY} by default, and the manifest says {OTHER}")), "{}", plan.out);
    assert_eq!(plan.exit, Exit::Changes, "{}", plan.out);
}

/// Statements of ours in a bucket that only a caller's policy still names are found, and taken back.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_left_and_that_only_a_caller_names_is_found() {
    let (place, file) = place(&id(KEY)).await;
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert!(place.s3(OWNER, "GET", "/theirs", "policy", "").await.1.contains("Crossrole"));
    let empty = format!(
        "name = \"theirs\"\n[trusting]\naccount = \"{OWNER}\"\n[trusted.partner]\naccount = \"444444444444\"\n[roles.R]\n[[roles.R.trust]]\nservice = \"ec2.amazonaws.com\"\n"
    );
    let after = manifest("theirs-left", &empty);
    let plan = place.good(&["plan", &after]).await;
    assert!(plan.contains("- bucket-policy theirs"), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &after]).await;
    assert_eq!(place.s3(OWNER, "GET", "/theirs", "policy", "").await.0, 404);
}
