//! What names an object that is withheld, or is reached through it, is withheld with it.

use std::sync::Arc;

use crossrole::Exit;
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options};

use crate::support::{Credentials, Place, crew, manifest};

const TRUSTING: &str = "222222222222";
const DEV: &str = "111111111111";
const STRANGER: &str = "999999999999";

const REST: &str = r#"
[buckets.held-bucket]
[roles.Reader]
[[roles.Reader.trust]]
group = "dev/Crew"
[[roles.Reader.allow]]
bucket = "held-bucket"
access = "read"
[roles.Second]
[[roles.Second.trust]]
role = "trusting/Reader"
[[roles.Second.allow]]
actions = ["s3:ListAllMyBuckets"]
resources = ["*"]
[roles.Apart]
[[roles.Apart.trust]]
account = "dev"
[[roles.Apart.allow]]
actions = ["s3:ListAllMyBuckets"]
resources = ["*"]
"#;

async fn place() -> Place {
    Place::with_bucket("held-bucket").await
}

fn held(file: &str) -> String {
    manifest(file, &crew("held", REST))
}

/// Another's role under the declared name, which lets a stranger in, and may read the bucket's objects if the bucket says so.
async fn foreign_role(place: &Place) {
    let trust = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{STRANGER}"}},"Action":"sts:AssumeRole"}}]}}"#);
    place.iam(TRUSTING, "CreateRole", &[("RoleName", "Reader"), ("AssumeRolePolicyDocument", &trust)]).await;
    assert_eq!(place.s3(TRUSTING, "PUT", "/held-bucket/secret", "", "text").await.0, 200);
}

/// Reads the object as a session of the role, for the stranger.
async fn stranger_reads(place: &Place) -> u16 {
    let assume = [("RoleArn", "arn:aws:iam::222222222222:role/Reader"), ("RoleSessionName", "stranger")];
    let user = [("UserName", "stranger")];
    if place.query(STRANGER, "iam", "CreateUser", &user).await.0 == 200 {
        place.iam(STRANGER, "AttachUserPolicy", &[user[0], ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
    }
    let key = Credentials::of(&place.iam(STRANGER, "CreateAccessKey", &user).await);
    let (status, answer) = place.query_as(&key, "sts", "AssumeRole", &assume).await;
    assert_eq!(status, 200, "{answer}");
    place.s3_as(&Credentials::of(&answer), "us-east-1", "GET", "/held-bucket/secret", "", &[], "").await.0
}

async fn assert_nothing_rests_on_the_role(place: &Place, out: &str) {
    assert_eq!(place.s3(TRUSTING, "GET", "/held-bucket", "policy", "").await.0, 404, "{out}");
    let policies = place.iam(DEV, "ListPolicies", &[("Scope", "Local")]).await;
    assert!(!policies.contains("crossrole-caller-group-Crew"), "{policies}\n{out}");
    assert_eq!(place.query(TRUSTING, "iam", "GetRole", &[("RoleName", "Second")]).await.0, 404, "a role that trusts it: {out}");
    place.iam(TRUSTING, "GetRole", &[("RoleName", "Apart")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_foreign_role_under_a_declared_name_gains_nothing() {
    let place = place().await;
    foreign_role(&place).await;
    assert_eq!(stranger_reads(&place).await, 403);
    let said = place.run(&["apply", "--auto-approve", "--partial", &held("held")]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert_eq!(stranger_reads(&place).await, 403, "{}", said.out);
    assert_nothing_rests_on_the_role(&place, &said.out).await;
    let held = "it names role Reader of account 222222222222, or is reached through it, and that is withheld";
    for what in ["222222222222/bucket-policy/held-bucket", "111111111111/caller/group/Crew/held", "222222222222/role/Second"] {
        let paragraph = said.out.split("\n\n").find(|p| p.contains(&format!("rest on what is withheld: {held}\n"))).unwrap_or_default();
        assert!(paragraph.contains(&format!("\n    {what}\n")), "{what}\n{}", said.out);
    }
}

/// Nobody may read the role, neither in bulk nor alone.
struct Unreadable;

impl FaultPlan for Unreadable {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        matches!(call.operation, "GetAccountAuthorizationDetails" | "GetRole").then_some(Fault::Refuse("AccessDenied"))
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_for_a_role_that_could_not_be_read() {
    let place = place().await;
    foreign_role(&place).await;
    place.sandbox.set_faults(Some(Arc::new(Unreadable)));
    let said = place.run(&["apply", "--auto-approve", "--partial", &held("held-unread")]).await;
    place.sandbox.set_faults(None);
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert_eq!(stranger_reads(&place).await, 403, "{}", said.out);
    assert_eq!(place.s3(TRUSTING, "GET", "/held-bucket", "policy", "").await.0, 404, "{}", said.out);
    let policies = place.iam(DEV, "ListPolicies", &[("Scope", "Local")]).await;
    assert!(!policies.contains("crossrole-caller-group-Crew"), "{policies}\n{}", said.out);
}

/// The account of the role can't be reached at all; the other one can.
struct Unreachable;

impl FaultPlan for Unreachable {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        // The first two calls are who the runner is, in both accounts; the trusting account's bulk read fails for good.
        matches!(call.operation, "GetAccountAuthorizationDetails").then_some(Fault::Refuse("ExpiredToken"))
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_where_no_account_could_be_read() {
    let place = place().await;
    place.sandbox.set_faults(Some(Arc::new(Unreachable)));
    let said = place.run(&["apply", "--auto-approve", "--partial", &held("held-unreachable")]).await;
    place.sandbox.set_faults(None);
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert_eq!(
        place.s3(TRUSTING, "GET", "/held-bucket", "policy", "").await.0,
        404,
        "the bucket could be read, the role that its policy names could not: {}",
        said.out
    );
    assert!(said.out.contains("withheld: 222222222222/bucket-policy/held-bucket"), "{}", said.out);
}

/// A managed policy of somebody else's has the name of the caller's: it is attached to nobody.
#[tokio::test(start_paused = true)]
async fn a_foreign_policy_under_our_name_is_attached_to_nobody() {
    let place = place().await;
    let administrator = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    place.iam(DEV, "CreatePolicy", &[("PolicyName", "crossrole-caller-group-Crew"), ("PolicyDocument", administrator)]).await;
    let said = place.run(&["apply", "--auto-approve", "--partial", &held("held-policy")]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    let (status, attached) = place.query(DEV, "iam", "ListAttachedGroupPolicies", &[("GroupName", "Crew")]).await;
    assert!(status == 404 || !attached.contains("crossrole-caller-group-Crew"), "{attached}\n{}", said.out);
}

fn written(place: &Place) -> Vec<String> {
    let calls = place.sandbox.take_calls();
    let reads = ["Get", "List", "Head"];
    calls.into_keys().map(|(_, operation)| operation).filter(|operation| !reads.iter().any(|r| operation.starts_with(r))).collect()
}

/// Half of what was asked for is not what was asked for: nothing is written unless somebody says so, and that is said before.
#[tokio::test(start_paused = true)]
async fn an_apply_that_can_not_reach_the_manifest_writes_nothing() {
    let place = place().await;
    foreign_role(&place).await;
    let file = held("held-whole");
    let saved = format!("{file}.plan");
    place.sandbox.take_calls();
    let said = place.run(&["plan", "--out", &saved, &file]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert!(said.out.contains("5 parts of what is asked for are withheld: `apply` writes nothing of this unless `--partial` is given"), "{}", said.out);
    let json: serde_json::Value = serde_json::from_str(&place.run(&["plan", "--json", &file]).await.out).unwrap();
    assert_eq!(json["blocked"], true, "{json}");
    for path in [&file, &saved] {
        let said = place.run(&["apply", "--auto-approve", path]).await;
        assert_eq!(said.exit, Exit::Failed, "{}", said.out);
        assert_eq!(written(&place), Vec::<String>::new(), "{}", said.out);
        assert!(said.err.contains("error: 5 parts of what is asked for are withheld, and nothing was changed\n"), "{}", said.err);
        assert!(said.err.contains("\n  222222222222/role/Reader\n") && said.err.contains("`--partial`"), "{}", said.err);
    }
    // The rest of a reviewed plan, where somebody wants it.
    let said = place.run(&["apply", "--auto-approve", "--partial", &saved]).await;
    assert_eq!(said.exit, Exit::Failed, "what is withheld is still an error: {}", said.out);
    assert!(said.out.contains("Applied: "), "{}{}", said.out, said.err);
    assert_nothing_rests_on_the_role(&place, &said.out).await;
    // To take everything back, all of it has to be read.
    place.sandbox.set_faults(Some(Arc::new(Unreachable)));
    place.sandbox.take_calls();
    assert_eq!(place.run(&["destroy", "--auto-approve", &file]).await.exit, Exit::Failed);
    assert_eq!(written(&place), Vec::<String>::new());
    place.sandbox.set_faults(None);
    place.good(&["destroy", "--auto-approve", "--quiet", &file]).await;
}

/// With targets, what was asked for is those: what else is withheld does not stand in their way.
#[tokio::test(start_paused = true)]
async fn what_is_withheld_beside_a_target_does_not_stop_it() {
    let place = place().await;
    foreign_role(&place).await;
    let file = held("held-target");
    let said = place.run(&["plan", "--target", "role/Reader", &file]).await;
    assert_eq!(said.exit, Exit::Failed, "the target itself is withheld: {}", said.out);
    assert!(!said.out.contains("no change of this plan is named so"), "it is withheld, and named: {}", said.out);
    place.good(&["apply", "--auto-approve", "--quiet", "--target", "role/Apart", &file]).await;
    place.iam(TRUSTING, "GetRole", &[("RoleName", "Apart")]).await;
    assert_eq!(place.query(TRUSTING, "iam", "GetRole", &[("RoleName", "Second")]).await.0, 404);
}

/// A run that was broken off leaves nothing that blocks the next: it goes on from what is live.
#[tokio::test(start_paused = true)]
async fn a_run_that_was_broken_off_is_taken_up_without_being_told_so() {
    let place = place().await;
    let file = held("held-again");
    place.sandbox.set_faults(Some(Arc::new(crate::errors::Always("PutBucketPolicy", Fault::Refuse("AccessDenied")))));
    assert_eq!(place.run(&["apply", "--auto-approve", "--quiet", &file]).await.exit, Exit::Failed);
    place.sandbox.set_faults(None);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert!(place.good(&["plan", &file]).await.starts_with("No changes."));
}

const SHARED: &str = "name = \"shared\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\nmanage = false\n[buckets.held-bucket]\n\
                      [[buckets.held-bucket.allow]]\naccount = \"dev\"\naccess = \"get\"\n";

/// A hand has made a policy public and another has blocked that since: no writing of it would succeed, which is said before any.
#[tokio::test(start_paused = true)]
async fn a_public_statement_of_others_under_a_block_is_named() {
    const BLOCK: &str = "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>";
    let place = place().await;
    let file = manifest("held-public", SHARED);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert_eq!(place.s3(TRUSTING, "DELETE", "/held-bucket", "publicAccessBlock", "").await.0, 204);
    let (_, policy) = place.s3(TRUSTING, "GET", "/held-bucket", "policy", "").await;
    let open = r#""Statement":[{"Sid":"Pub","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::held-bucket/*"},"#;
    assert_eq!(place.s3(TRUSTING, "PUT", "/held-bucket", "policy", &policy.replace("\"Statement\":[", open)).await.0, 204);
    assert_eq!(place.s3(TRUSTING, "PUT", "/held-bucket", "publicAccessBlock", BLOCK).await.0, 200);
    let before = place.sandbox.snapshot().unwrap();
    let put = manifest("held-public-put", &SHARED.replace("\"get\"", "\"put\""));
    for words in [&["apply", "--auto-approve", "--quiet", &put][..], &["destroy", "--auto-approve", "--quiet", &file]] {
        let said = place.run(words).await;
        assert!(said.exit == Exit::Failed && place.sandbox.snapshot().unwrap() == before, "{words:?}: {}{}", said.out, said.err);
        assert!(said.out.contains("bucket-policy/held-bucket") && said.out.contains("with statement `Pub` it is"), "{words:?}: {}", said.out);
    }
    // Where nobody may ask for the block, the refusal itself says what to do.
    place.sandbox.set_faults(Some(Arc::new(crate::errors::Always("GetPublicAccessBlock", Fault::Refuse("AccessDenied")))));
    let said = place.run(&["apply", "--auto-approve", "--quiet", &put]).await;
    assert!(said.exit == Exit::Failed && said.out.contains("take that statement out") && !said.out.contains("give the runner"), "{}", said.out);
}

/// What others gave a user of ours keeps it from being deleted, and works on: both are said, with what shows it.
#[tokio::test(start_paused = true)]
async fn a_user_that_others_gave_keys_says_what_to_do() {
    let text = crew("keys", "[roles.R]\n[[roles.R.trust]]\nuser = \"dev/mate\"\n");
    for (action, more) in [("CreateAccessKey", &[][..]), ("CreateLoginProfile", &[("Password", "Abc123!!xyzXYZ")])] {
        let place = Place::new(Options::default());
        let file = manifest("held-keys", &text);
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        place.iam(DEV, action, &[&[("UserName", "mate")][..], more].concat()).await;
        let said = place.run(&["destroy", "--auto-approve", "--quiet", &file]).await;
        assert_eq!(said.exit, Exit::Failed, "{action}: {}", said.out);
        for words in ["DeleteUser", "work on until they are deleted", "list-access-keys", "get-login-profile"] {
            assert!(said.out.contains(words), "{action}: {}", said.out);
        }
        assert!(!said.out.contains("somebody else is changing it"), "{action}: {}", said.out);
    }
}

/// What a hand has taken the mark off is not taken back, since it may be anybody's: it is named, and nothing says that all is gone.
#[tokio::test(start_paused = true)]
async fn what_has_lost_its_mark_is_not_left_in_silence() {
    let text = "name = \"marks\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\nmanage = false\n[buckets.marks-bucket]\ncreate = true\n\
                [policies.Shared]\n[[policies.Shared.allow]]\nactions = \"sqs:ListQueues\"\nresources = \"*\"\n\
                [roles.R]\n[[roles.R.trust]]\naccount = \"dev\"\n[roles.S]\n[[roles.S.trust]]\naccount = \"dev\"\n";
    let tags = |name: &'static str, owner: &'static str| -> Vec<(&'static str, &'static str)> {
        vec![("RoleName", name), ("Tags.member.1.Key", "crossrole:manifest"), ("Tags.member.1.Value", owner)]
    };
    let gone = "exists without our mark";
    for (hand, parameters, what, why) in [
        ("UntagRole", vec![("RoleName", "R"), ("TagKeys.member.1", "crossrole:manifest")], "role/R", gone),
        ("TagRole", tags("R", "other"), "role/R", "belongs to manifest `other`"),
        ("UntagPolicy", vec![("PolicyArn", "arn:aws:iam::222222222222:policy/Shared"), ("TagKeys.member.1", "crossrole:manifest")], "policy/Shared", gone),
        ("", Vec::new(), "bucket/marks-bucket", gone),
    ] {
        let place = Place::new(Options::default());
        let file = manifest("held-marks", text);
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        if hand.is_empty() {
            assert_eq!(place.s3(TRUSTING, "DELETE", "/marks-bucket", "tagging", "").await.0, 204);
        } else {
            place.iam(TRUSTING, hand, &parameters).await;
        }
        let before = place.sandbox.snapshot().unwrap();
        // A bucket lets nobody in by itself, and may be anybody's.
        let exit = if hand.is_empty() { Exit::Clean } else { Exit::Failed };
        let said = place.run(&["destroy", "--auto-approve", "--quiet", &file]).await;
        assert!(said.exit == exit && (place.sandbox.snapshot().unwrap() == before) == (exit == Exit::Failed), "{what}: {}{}", said.out, said.err);
        assert!(said.out.contains(&format!("222222222222/{what}: it ")) && said.out.contains(why), "{what}: {}", said.out);
        let said = place.run(&["destroy", "--auto-approve", "--quiet", "--partial", &file]).await;
        assert!(said.exit == exit && (hand.is_empty() || said.out.contains("Applied: ")), "{what}: {}{}", said.out, said.err);
        let said = place.run(&["destroy", "--auto-approve", "--quiet", &file]).await;
        assert!(said.exit == exit && said.out.contains(what) && !said.out.contains("No changes. What is live"), "{what}: {}", said.out);
    }
    // What a manifest never made is nobody's to take back, and what is left of a whole destruction is nothing.
    let place = Place::new(Options::default());
    let file = manifest("held-marks", text);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    place.good(&["destroy", "--auto-approve", "--quiet", &file]).await;
    assert!(place.good(&["destroy", "--auto-approve", "--quiet", &file]).await.contains("No changes."));
}

/// A bucket that is not made here lies where it lies: what is said of it and is not so is no region to write in.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_said_to_be_elsewhere_is_withheld() {
    let text = |trusting: &str, bucket: &str| {
        let who = "[[buckets.lying-bucket.allow]]\naccount = \"dev\"\naccess = \"read\"\n";
        format!(
            "name = \"lying\"\n[trusting]\naccount = \"222222222222\"\n{trusting}[trusted.dev]\naccount = \"111111111111\"\n[buckets.lying-bucket]\n{bucket}{who}"
        )
    };
    let [west, east] = ["region = \"us-west-2\"\n", "region = \"us-east-1\"\n"];
    for (trusting, bucket, withheld) in [
        ("", west, true),
        (west, east, false),
        ("", east, false),
        // What is usual in a manifest is not said of this bucket.
        (west, "", false),
        (west, "create = true\n", true),
        ("", "create = true\nregion = \"us-west-2\"\n", true),
    ] {
        let place = Place::with_bucket("lying-bucket").await;
        let file = manifest("lying", &text(trusting, bucket));
        let said = place.run(&["plan", &file]).await;
        let says = said.out.contains("it lies in us-east-1, and a bucket can't be moved to us-west-2");
        assert_eq!((says, said.exit), (withheld, if withheld { Exit::Failed } else { Exit::Clean }), "{trusting}{bucket}: {}{}", said.out, said.err);
        assert_eq!(said.out.contains("No changes can be made"), withheld, "{trusting}{bucket}: {}", said.out);
    }
    // Another manifest of the run says it of the same bucket.
    let place = Place::with_bucket("lying-bucket").await;
    let first = manifest("lying", &text("", ""));
    let second = manifest("lying-too", &text("", west).replace("\"lying\"", "\"too\"").replace("\"read\"", "\"list\""));
    for files in [[&first, &second], [&second, &first]] {
        let said = place.run(&["plan", files[0], files[1]]).await;
        assert!(said.exit == Exit::Failed && said.out.contains("it lies in us-east-1"), "{}{}", said.out, said.err);
    }
}
