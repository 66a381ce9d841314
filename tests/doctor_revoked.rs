//! `doctor` of access that was taken back: it says so first, and it comes back by the manifest alone.

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::{Value, json};

use crate::support::{Credentials, Place, manifest};

const TEXT: &str = r#"name = "desk"
[trusting]
account = "222222222222"
region = "us-east-1"

[trusted.dev]
account = "111111111111"
[trusted.dev.users.ann]
[trusted.dev.users.bob]

[buckets.desk-data]
create = true
[[buckets.desk-data.allow]]
user = ["dev/ann", "dev/bob"]
access = "get"
prefix = "shared/"

[roles.Desk]
[[roles.Desk.trust]]
user = ["dev/ann", "dev/bob"]
[[roles.Desk.allow]]
bucket = "desk-data"
access = "get"
prefix = "reports/"
"#;

const OWNER: &str = "222222222222";
const DEV: &str = "111111111111";
const SINCE: &str = "2026-01-02T03:04:05Z";

struct Desk {
    place: Place,
    file: String,
    ann: Credentials,
}

impl Desk {
    async fn open(name: &str) -> Self {
        let place = Place::new(Options::default());
        let file = manifest(name, TEXT);
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        let ann = Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", "ann")]).await);
        for key in ["shared/a", "reports/a"] {
            assert_eq!(place.s3(OWNER, "PUT", &format!("/desk-data/{key}"), "", "x").await.0, 200);
        }
        Self { place, file, ann }
    }

    /// With entries at its end, applied.
    async fn say(&self, more: &str) {
        std::fs::write(&self.file, format!("{TEXT}{more}")).unwrap();
        self.place.good(&["apply", "--auto-approve", "--quiet", &self.file]).await;
    }

    async fn asked(&self, words: &[&str]) -> (Exit, Value) {
        let said = self.place.run(&[&["doctor", "--json"], words, &[&self.file]].concat()).await;
        (said.exit, serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}{}", said.out, said.err)))
    }

    async fn assumed(&self) -> u16 {
        let role = "arn:aws:iam::222222222222:role/Desk";
        self.place.query_as(&self.ann, "sts", "AssumeRole", &[("RoleArn", role), ("RoleSessionName", "ann")]).await.0
    }

    async fn got(&self) -> u16 {
        self.place.s3_as(&self.ann, "us-east-1", "GET", "/desk-data/shared/a", "", &[], "").await.0
    }
}

const ASSUMES: [&str; 6] = ["--principal", "dev/user/ann", "--action", "sts:AssumeRole", "--resource", "role/Desk"];
const READS: [&str; 6] = ["--principal", "dev/user/ann", "--action", "s3:GetObject", "--resource", "desk-data/shared/a"];

fn causes(found: &Value) -> Vec<&str> {
    found["causes"].as_array().unwrap().iter().map(|cause| cause["cause"].as_str().unwrap()).collect()
}

fn no_command(found: &Value) {
    assert!(found["fix"].as_array().unwrap().iter().all(|step| step["step"] != "command"), "{:#}", found["fix"]);
}

/// Whoever an entry names, at a role and at a bucket: when and where is said, the entry goes, and nobody runs a command.
#[tokio::test]
async fn an_entry_is_named_first_and_its_going_is_the_fix() {
    let desk = Desk::open("doctor-entry").await;
    desk.say(&format!("\n[[revoked]]\nuser = \"dev/ann\"\nsince = {SINCE}\n")).await;
    assert_eq!((desk.assumed().await, desk.got().await), (403, 403));
    for words in [ASSUMES, READS] {
        let (exit, found) = desk.asked(&words).await;
        let first = &found["causes"][0];
        assert_eq!((exit, &first["cause"], &found["gives_back"]), (Exit::Failed, &json!("revoked"), &json!(true)), "{found:#}");
        let line = TEXT.lines().count() + 2;
        assert_eq!(first["revoked"], json!({"since": SINCE, "by": "entry", "file": desk.file, "line": line, "whose": "arn:aws:iam::111111111111:user/ann"}));
        no_command(&found);
        // What comes back is ann's, and nobody else's.
        let access = found["access"].to_string();
        assert!(access.contains("user/ann") && !access.contains("user/bob"), "{access}");
    }
    let (_, bob) = desk.asked(&["--principal", "dev/user/bob", "--action", "s3:PutObject", "--resource", "desk-data/shared/a"]).await;
    assert!(!causes(&bob).contains(&"revoked"), "{bob:#}");
    // That it is meant to come back has to be said.
    let before = std::fs::read_to_string(&desk.file).unwrap();
    let said = desk.place.run(&[&["doctor", "--write"][..], &ASSUMES, &[&desk.file]].concat()).await;
    assert!(said.err.contains("gives back access that was revoked") && said.err.contains("--give-back"), "{}", said.err);
    assert_eq!(std::fs::read_to_string(&desk.file).unwrap(), before);
    let said = desk.place.run(&[&["doctor", "--write", "--give-back"][..], &ASSUMES, &[&desk.file]].concat()).await;
    insta::assert_snapshot!("revoked", said.out.replace(&desk.file, "manifest.toml"));
    desk.place.good(&["apply", "--auto-approve", "--quiet", &desk.file]).await;
    assert_eq!((desk.assumed().await, desk.got().await), (200, 200));
}

/// A manifest that is older than the revocation: the marks on the role and in the bucket's policy are found.
#[tokio::test]
async fn marks_are_found_where_no_manifest_knows_of_them() {
    let desk = Desk::open("doctor-marks").await;
    desk.say(&format!("\n[[revoked]]\nuser = \"dev/ann\"\nsince = {SINCE}\n")).await;
    std::fs::write(&desk.file, TEXT).unwrap();
    for (words, by) in [(ASSUMES, "tag"), (READS, "statement")] {
        let (exit, found) = desk.asked(&words).await;
        assert_eq!((exit, causes(&found)[0]), (Exit::Failed, "revoked"), "{found:#}");
        assert_eq!((&found["causes"][0]["revoked"]["by"], &found["causes"][0]["revoked"]["since"]), (&json!(by), &json!(SINCE)));
        no_command(&found);
        assert!(found["fix"].to_string().contains(&format!("restored = {SINCE}")), "{:#}", found["fix"]);
    }
}

/// Two entries that take the same away: both are named, and both have to go.
#[tokio::test]
async fn entries_that_take_the_same_are_all_named() {
    let desk = Desk::open("doctor-two").await;
    desk.say(&format!("\n[[revoked]]\naccount = \"dev\"\nsince = {SINCE}\n\n[[revoked]]\nuser = \"dev/ann\"\nsince = {SINCE}\n")).await;
    let (_, found) = desk.asked(&READS).await;
    assert_eq!(causes(&found).iter().filter(|cause| **cause == "revoked").count(), 2, "{found:#}");
    no_command(&found);
    assert_eq!(found["fix"][0]["lines"].to_string().matches("[[revoked]]").count(), 2, "{:#}", found["fix"]);
}

/// A role that is revoked: who may not assume it, and its own sessions.
#[tokio::test]
async fn a_revoked_role_is_named_for_its_sessions_as_well() {
    let desk = Desk::open("doctor-role").await;
    desk.say(&format!("\n[[revoked]]\nrole = \"Desk\"\nsince = {SINCE}\n")).await;
    let reads = ["--action", "s3:GetObject", "--resource", "desk-data/reports/a"];
    let issued = ["--context", "aws:TokenIssueTime=2026-01-01T00:00:00Z"];
    let session = ["--principal", "arn:aws:sts::222222222222:assumed-role/Desk/ann"];
    for words in [ASSUMES.to_vec(), [&["--principal", "role/Desk"], &reads[..]].concat(), [&session[..], &reads, &issued].concat()] {
        let (exit, found) = desk.asked(&words).await;
        assert_eq!((exit, causes(&found).first()), (Exit::Failed, Some(&"revoked")), "{words:?} {found:#}");
        assert_eq!(found["causes"][0]["revoked"]["by"], "entry");
        no_command(&found);
    }
}

/// Only sessions that began before are denied: a new one is the fix, and no hand on anybody's Deny.
#[tokio::test]
async fn older_sessions_get_a_new_one() {
    let desk = Desk::open("doctor-sessions").await;
    let document = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {"DateLessThan": {"aws:TokenIssueTime": SINCE}},
    }]})
    .to_string();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/ann"}, "Action": "sts:AssumeRole"}]});
    desk.place.iam(OWNER, "CreateRole", &[("RoleName", "Hand"), ("AssumeRolePolicyDocument", &trust.to_string())]).await;
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    desk.place.iam(OWNER, "PutRolePolicy", &[("RoleName", "Hand"), ("PolicyName", "all"), ("PolicyDocument", all)]).await;
    for role in ["Desk", "Hand"] {
        desk.place.iam(OWNER, "PutRolePolicy", &[("RoleName", role), ("PolicyName", "AWSRevokeOlderSessions"), ("PolicyDocument", &document)]).await;
        let session = format!("arn:aws:sts::222222222222:assumed-role/{role}/ann");
        let reads = ["--principal", &session, "--action", "s3:GetObject", "--resource", "desk-data/reports/a"];
        let (exit, found) = desk.asked(&[&reads[..], &["--context", "aws:TokenIssueTime=2026-01-01T00:00:00Z"]].concat()).await;
        assert_eq!((exit, causes(&found)), (Exit::Failed, vec!["session-revoked"]), "{found:#}");
        assert_eq!(found["fix"][0]["changes"][0]["text"], "with a new session: assume the role anew", "{found:#}");
        no_command(&found);
        // Where nobody says when it began, nobody says that all is well.
        let (exit, found) = desk.asked(&reads).await;
        assert_eq!((exit, &found["allowed"], &found["suspects"]), (Exit::Unknown, &Value::Null, &json!(["session-revoked"])), "{found:#}");
        // S3 says no more than this across accounts.
        let error = desk.file.replace("manifest.toml", "error.txt");
        std::fs::write(&error, "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied").unwrap();
        let (exit, found) = desk.asked(&[&reads[..], &["--error", &error]].concat()).await;
        assert_eq!((exit, causes(&found)), (Exit::Failed, vec!["session-revoked"]), "{found:#}");
    }
}

/// A Deny that a manifest has word for word is taken out of the manifest, and by no command.
#[tokio::test]
async fn a_deny_of_a_manifest_goes_by_the_manifest() {
    let desk = Desk::open("doctor-own-deny").await;
    desk.say("\n[[buckets.desk-data.statement]]\neffect = \"Deny\"\nprincipals = { AWS = \"arn:aws:iam::111111111111:user/ann\" }\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::desk-data/shared/a\"\n").await;
    assert_eq!(desk.got().await, 403);
    let (exit, found) = desk.asked(&READS).await;
    assert_eq!((exit, causes(&found), &found["gives_back"]), (Exit::Failed, vec!["bucket-policy-denies"], &json!(false)), "{found:#}");
    no_command(&found);
    desk.place.run(&[&["doctor", "--write"][..], &READS, &[&desk.file]].concat()).await;
    desk.place.good(&["apply", "--auto-approve", "--quiet", &desk.file]).await;
    assert_eq!(desk.got().await, 200);
}
