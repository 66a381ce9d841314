//! What names an object that is withheld, or is reached through it, is withheld with it.

use std::sync::Arc;

use crossrole::Exit;
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options};

use crate::support::{Credentials, Place, manifest};

const TRUSTING: &str = "222222222222";
const DEV: &str = "111111111111";
const STRANGER: &str = "999999999999";

const MANIFEST: &str = r#"
name = "held"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted.dev.groups.Crew]
members = ["mate"]
[trusted.dev.users.mate]
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
    let place = Place::new(Options::default());
    assert_eq!(place.s3(TRUSTING, "PUT", "/held-bucket", "", "").await.0, 200);
    place
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
    assert!(!policies.contains("crossrole-held-group-Crew"), "{policies}\n{out}");
    assert_eq!(place.query(TRUSTING, "iam", "GetRole", &[("RoleName", "Second")]).await.0, 404, "a role that trusts it: {out}");
    place.iam(TRUSTING, "GetRole", &[("RoleName", "Apart")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_foreign_role_under_a_declared_name_gains_nothing() {
    let place = place().await;
    foreign_role(&place).await;
    assert_eq!(stranger_reads(&place).await, 403);
    let said = place.run(&["apply", "--auto-approve", &manifest("held", MANIFEST)]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert_eq!(stranger_reads(&place).await, 403, "{}", said.out);
    assert_nothing_rests_on_the_role(&place, &said.out).await;
    let held = "it names role Reader of account 222222222222, or is reached through it, and that is withheld";
    for what in ["222222222222/bucket-policy/held-bucket", "111111111111/policy/crossrole-held-group-Crew", "222222222222/role/Second"] {
        assert!(said.out.contains(&format!("\n    {what}: {held}\n")), "{what}\n{}", said.out);
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
    let said = place.run(&["apply", "--auto-approve", &manifest("held-unread", MANIFEST)]).await;
    place.sandbox.set_faults(None);
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert_eq!(stranger_reads(&place).await, 403, "{}", said.out);
    assert_eq!(place.s3(TRUSTING, "GET", "/held-bucket", "policy", "").await.0, 404, "{}", said.out);
    let policies = place.iam(DEV, "ListPolicies", &[("Scope", "Local")]).await;
    assert!(!policies.contains("crossrole-held-group-Crew"), "{policies}\n{}", said.out);
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
    let said = place.run(&["apply", "--auto-approve", &manifest("held-unreachable", MANIFEST)]).await;
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
    place.iam(DEV, "CreatePolicy", &[("PolicyName", "crossrole-held-group-Crew"), ("PolicyDocument", administrator)]).await;
    let said = place.run(&["apply", "--auto-approve", &manifest("held-policy", MANIFEST)]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    let (status, attached) = place.query(DEV, "iam", "ListAttachedGroupPolicies", &[("GroupName", "Crew")]).await;
    assert!(status == 404 || !attached.contains("crossrole-held-group-Crew"), "{attached}\n{}", said.out);
}
