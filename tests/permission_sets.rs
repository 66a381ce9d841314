//! Permission sets of IAM Identity Center: their people come in after the apply, and nobody else does.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossrole::Exit;
use crossrole_model::{AccountId, IdentityCenter};
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options};
use serde_json::{Value, json};

use crate::support::{Credentials, Once, Place, element, manifest, root, scenario};

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-1234567890abcdef";
const OWNER: &str = "222222222222";
const DEV: &str = "111111111111";
const CENTER: &str = "999999999999";
const WRITER: &str = "arn:aws:iam::222222222222:role/ReportWriter";
const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/5a6b7c8d-1111-4222-8333-444455556666";

fn center() -> IdentityCenter {
    IdentityCenter { instance: INSTANCE.into(), account: AccountId::parse(CENTER).unwrap(), region: "eu-west-1".into() }
}

/// Each test has a file of its own: they run side by side.
fn settings(test: &str) -> String {
    let folder = root().join(format!("target/test-manifests/{}-identity-center-{test}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("crossrole.toml");
    std::fs::write(&file, format!("[identity_center]\ninstance = \"{INSTANCE}\"\naccount = \"{CENTER}\"\nregion = \"eu-west-1\"\n")).unwrap();
    file.display().to_string()
}

impl Place {
    /// Calls IAM Identity Center as the root user of its account.
    async fn sso(&self, operation: &str, mut input: Value) -> Value {
        input["InstanceArn"] = json!(INSTANCE);
        let who = Credentials { key: CENTER.to_owned(), ..Credentials::default() };
        let (status, body) = self.json_as(&who, ("sso", "SWBExternalService"), "eu-west-1", operation, &input).await;
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).unwrap_or_default()
    }

    async fn set(&self, name: &str) -> String {
        for arn in self.sso("ListPermissionSets", json!({})).await["PermissionSets"].as_array().unwrap() {
            let about = self.sso("DescribePermissionSet", json!({ "PermissionSetArn": arn })).await;
            if about["PermissionSet"]["Name"] == name {
                return arn.as_str().unwrap().to_owned();
            }
        }
        panic!("there is no permission set {name}")
    }

    async fn inline(&self, name: &str) -> Vec<Value> {
        let arn = self.set(name).await;
        let answer = self.sso("GetInlinePolicyForPermissionSet", json!({ "PermissionSetArn": arn })).await;
        let text = answer["InlinePolicy"].as_str().unwrap();
        let policy: Value = serde_json::from_str(text).unwrap_or_default();
        policy["Statement"].as_array().cloned().unwrap_or_default()
    }

    async fn put_inline(&self, name: &str, statements: &[Value]) {
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let arn = self.set(name).await;
        self.sso("PutInlinePolicyToPermissionSet", json!({ "PermissionSetArn": arn, "InlinePolicy": text })).await;
    }

    /// A session of somebody of a permission set in an account.
    async fn person(&self, account: &str) -> Credentials {
        let roles = self.iam(account, "ListRoles", &[]).await;
        let arn = roles
            .split("<Arn>")
            .filter_map(|rest| rest.split("</Arn>").next())
            .find(|arn| arn.starts_with("arn:") && arn.contains("AWSReservedSSO_DeveloperAccess_"))
            .unwrap()
            .to_owned();
        let provider = element(&self.iam(account, "ListSAMLProviders", &[]).await, "Arn");
        let attribute = |name: &str, value: &str| {
            format!(r#"<Attribute Name="https://aws.amazon.com/SAML/Attributes/{name}"><AttributeValue>{value}</AttributeValue></Attribute>"#)
        };
        let assertion = STANDARD.encode(format!(
            r#"<Response><Issuer>https://portal.sso.example</Issuer><Subject><NameID>ann</NameID><SubjectConfirmationData NotOnOrAfter="2999-01-01T00:00:00Z" Recipient="https://signin.aws.amazon.com/saml"/></Subject>{}{}</Response>"#,
            attribute("Role", &format!("{arn},{provider}")),
            attribute("RoleSessionName", "ann")
        ));
        let asked = [("RoleArn", arn.as_str()), ("PrincipalArn", provider.as_str()), ("SAMLAssertion", assertion.as_str())];
        let (status, answer) = self.query_as(&Credentials::default(), "sts", "AssumeRoleWithSAML", &asked).await;
        assert_eq!(status, 200, "{answer}");
        Credentials::of(&answer)
    }

    async fn assumes(&self, who: &Credentials) -> u16 {
        // The manifest lets its people say who they are: both sides are asked for that.
        self.query_as(who, "sts", "AssumeRole", &[("RoleArn", WRITER), ("RoleSessionName", "ann"), ("SourceIdentity", "ann")]).await.0
    }

    /// What the role of the set in an account has got of ours.
    async fn got(&self, account: &str) -> bool {
        self.iam(account, "GetAccountAuthorizationDetails", &[("MaxItems", "1000")]).await.contains("Crossrole")
    }
}

fn theirs() -> Value {
    json!({ "Sid": "Theirs", "Effect": "Allow", "Action": "logs:Get*", "Resource": "*" })
}

/// The key, and a set in two accounts, with a policy of somebody else's.
async fn place() -> Place {
    let place = Place::new(Options::default());
    assert!(place.sandbox.add_key(KEY));
    assert!(place.sandbox.add_permission_set(&center(), "DeveloperAccess", &[DEV.to_owned(), OWNER.to_owned()]));
    place.put_inline("DeveloperAccess", &[theirs()]).await;
    place
}

#[tokio::test(start_paused = true)]
async fn its_people_come_in_where_it_is_named_for_and_nowhere_else() {
    let (place, config, file) = (place().await, settings("people"), scenario("permission-set"));
    let with = |words: &[&str]| -> Vec<String> { words.iter().chain(&["--config", config.as_str(), file.as_str()]).map(|w| (*w).to_owned()).collect() };
    let run = async |words: &[&str]| {
        let words = with(words);
        place.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    let (ann, other) = (place.person(DEV).await, place.person(OWNER).await);
    assert_eq!((place.assumes(&ann).await, place.assumes(&other).await), (403, 403));
    let plan = run(&["plan"]).await;
    insta::assert_snapshot!("permission_set_planned", plan.out);
    assert_eq!(run(&["apply", "--auto-approve", "--quiet"]).await.exit, Exit::Clean);
    assert!(run(&["plan", "--detailed-exitcode"]).await.out.starts_with("No changes."));
    assert_eq!((place.assumes(&ann).await, place.assumes(&other).await), (200, 403));
    let list = |who: Credentials| {
        let place = &place;
        async move { place.s3_as(&who, "us-east-1", "GET", "/team-reports", "list-type=2", &[], "").await.0 }
    };
    // The set's policy is in both accounts. Of the one that owns the bucket, that would be enough, were it not limited to the other.
    assert_eq!((list(ann.clone()).await, list(other.clone()).await), (200, 403));
    // Somebody takes ours out, and has not provisioned it.
    place.put_inline("DeveloperAccess", &[theirs()]).await;
    assert_eq!(place.assumes(&ann).await, 200, "its role has not got that");
    let drift = run(&["plan", "--detailed-exitcode"]).await;
    assert!(drift.exit == Exit::Changes && drift.out.contains("because none of our statements is in it"), "{}", drift.out);
    assert_eq!(run(&["apply", "--auto-approve", "--quiet"]).await.exit, Exit::Clean);
    assert_eq!(place.assumes(&ann).await, 200);
    let sids: Vec<Value> = place.inline("DeveloperAccess").await.iter().map(|s| s["Sid"].clone()).collect();
    assert!(sids.contains(&json!("Theirs")) && sids.len() == 6, "{sids:?}");
    assert_eq!(run(&["destroy", "--auto-approve", "--quiet"]).await.exit, Exit::Clean);
    assert_eq!(place.assumes(&ann).await, 403);
    assert_eq!(place.inline("DeveloperAccess").await, [theirs()]);
    assert!(run(&["destroy", "--auto-approve"]).await.out.starts_with("No changes."));
    place.assert_no_secret();
}

/// Whatever goes wrong once, the next apply ends in what the manifest says, and nothing foreign is lost.
#[tokio::test(start_paused = true)]
async fn one_fault_anywhere_is_healed() {
    let (config, file) = (settings("faults"), scenario("permission-set"));
    let faults = [
        Fault::FailAfter,
        Fault::DropAnswer,
        Fault::Reset,
        Fault::Hang,
        Fault::HangBefore,
        Fault::Refuse("AccessDeniedException"),
        Fault::Refuse("ThrottlingException"),
        Fault::Refuse("ConflictException"),
        Fault::Refuse("InternalServerException"),
    ];
    let calls = [
        "ListPermissionSets",
        "DescribePermissionSet",
        "GetInlinePolicyForPermissionSet",
        "ListAccountsForProvisionedPermissionSet",
        "PutInlinePolicyToPermissionSet",
        "ProvisionPermissionSet",
        "DescribePermissionSetProvisioningStatus",
    ];
    for operation in calls {
        for fault in faults {
            let place = place().await;
            place.sandbox.set_faults(Some(Arc::new(Once { operation, fault, done: false.into() })));
            let first = place.run(&["apply", "--auto-approve", "--quiet", "--config", &config, &file]).await;
            let second = place.run(&["apply", "--auto-approve", "--quiet", "--config", &config, &file]).await;
            assert_eq!(second.exit, Exit::Clean, "{operation} {fault:?}: {}{}\nfirst: {}", second.out, second.err, first.err);
            let plan = place.good(&["plan", "--detailed-exitcode", "--config", &config, &file]).await;
            assert!(plan.starts_with("No changes."), "{operation} {fault:?}: {plan}");
            assert!(place.inline("DeveloperAccess").await.contains(&theirs()), "{operation} {fault:?}");
            assert_eq!(place.assumes(&place.person(DEV).await).await, 200, "{operation} {fault:?}: its role has got it");
            // And back again, where the fault is on the way out.
            place.sandbox.set_faults(Some(Arc::new(Once { operation, fault, done: false.into() })));
            place.run(&["destroy", "--auto-approve", "--quiet", "--config", &config, &file]).await;
            let second = place.run(&["destroy", "--auto-approve", "--quiet", "--config", &config, &file]).await;
            assert_eq!(second.exit, Exit::Clean, "{operation} {fault:?}: {}{}", second.out, second.err);
            assert_eq!(place.inline("DeveloperAccess").await, [theirs()], "{operation} {fault:?}");
            assert!(!place.got(DEV).await, "{operation} {fault:?}: its role has it still");
        }
    }
}

/// Only the accounts that a manifest names are provisioned: what others have staged for the rest stays where it is.
#[tokio::test(start_paused = true)]
async fn what_others_have_staged_for_other_accounts_is_left_to_them() {
    let (place, config, file) = (place().await, settings("staged"), scenario("permission-set"));
    place.good(&["apply", "--auto-approve", "--quiet", "--config", &config, &file]).await;
    let mut staged = place.inline("DeveloperAccess").await;
    let admin =
        json!({ "Sid": "Admin", "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": { "StringEquals": { "aws:PrincipalAccount": OWNER } } });
    staged.push(admin);
    place.put_inline("DeveloperAccess", &staged).await;
    let plan = place.good(&["plan", "--config", &config, &file]).await;
    assert!(plan.contains("= foreign, kept: [Admin] Allow * on *"), "{plan}");
    assert!(plan.contains("it is provisioned in account 111111111111, with all that others have changed in it"), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", "--config", &config, &file]).await;
    assert!(place.good(&["plan", "--config", &config, &file]).await.starts_with("No changes."));
    let has = |account: &'static str| {
        let place = &place;
        async move { place.iam(account, "GetAccountAuthorizationDetails", &[("MaxItems", "1000")]).await.contains("Admin") }
    };
    assert!(has(DEV).await && !has(OWNER).await);
}

/// A run that ends between the two calls of a removal is finished by the next, whatever the manifest says by then.
#[tokio::test(start_paused = true)]
async fn a_removal_that_was_begun_is_finished() {
    struct Never(&'static str);
    impl FaultPlan for Never {
        fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
            (call.operation == self.0).then_some(Fault::Refuse("AccessDeniedException"))
        }
    }
    let (config, file) = (settings("removal"), scenario("permission-set"));
    let text = std::fs::read_to_string(&file).unwrap();
    let without: String = text.replace("permission_set = \"dev/DeveloperAccess\"", "account = \"dev\"");
    let without = manifest("without-set", &without);
    for (words, file_after) in [("destroy", &file), ("apply", &without)] {
        let place = place().await;
        place.good(&["apply", "--auto-approve", "--quiet", "--config", &config, &file]).await;
        place.sandbox.set_faults(Some(Arc::new(Never("ProvisionPermissionSet"))));
        let said = place.run(&[words, "--auto-approve", "--quiet", "--config", &config, file_after]).await;
        assert!(said.exit == Exit::Failed && place.got(DEV).await, "{words}: {}", said.out);
        place.sandbox.set_faults(None);
        assert_eq!(place.inline("DeveloperAccess").await, [theirs()], "{words}");
        place.good(&[words, "--auto-approve", "--quiet", "--config", &config, file_after]).await;
        assert!(!place.got(DEV).await, "{words}: its role has it still");
        let plan: &[&str] = if words == "destroy" { &["plan", "--destroy"] } else { &["plan"] };
        let plan = place.good(&[plan, &["--config", &config, file_after]].concat()).await;
        assert!(plan.contains("No changes."), "{words}: {plan}");
    }
}

/// Without an instance nobody looks into the sets, and that is said.
#[tokio::test(start_paused = true)]
async fn a_destroy_without_an_instance_says_what_is_left() {
    let (place, config, file) = (place().await, settings("gone"), scenario("permission-set"));
    place.good(&["apply", "--auto-approve", "--quiet", "--config", &config, &file]).await;
    for words in [&["plan"][..], &["destroy", "--auto-approve"]] {
        let said = place.good(&[words, &[file.as_str()]].concat()).await;
        assert!(said.contains("111111111111/permission-set/DeveloperAccess: `crossrole.toml` does not say where permission sets are written"), "{said}");
    }
}

/// Two manifests speak of one set, apart and together; one that goes leaves the other's.
#[tokio::test(start_paused = true)]
async fn a_set_has_one_policy_however_many_speak_of_it() {
    let (place, config, first) = (place().await, settings("two"), scenario("permission-set"));
    let second = manifest(
        "second-of-set",
        "name = \"second\"\n[trusting]\naccount = \"333333333333\"\n[trusted.dev]\naccount = \"111111111111\"\n[roles.Other]\n[[roles.Other.trust]]\n\
         permission_set = \"dev/DeveloperAccess\"\n",
    );
    for file in [&first, &second] {
        place.good(&["apply", "--auto-approve", "--quiet", "--config", &config, file]).await;
    }
    for files in [vec![&first], vec![&second], vec![&first, &second]] {
        let words: Vec<&str> = ["plan", "--config", &config].into_iter().chain(files.iter().map(|f| f.as_str())).collect();
        assert!(place.good(&words).await.starts_with("No changes."), "{files:?}");
    }
    assert_eq!(place.inline("DeveloperAccess").await.len(), 7);
    place.good(&["destroy", "--auto-approve", "--quiet", "--config", &config, &second]).await;
    assert!(place.good(&["plan", "--config", &config, &first]).await.starts_with("No changes."));
    assert_eq!(place.inline("DeveloperAccess").await.len(), 6);
}

/// Half a document is nobody's: what cannot be read is not written.
#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_is_not_written() {
    struct Never(&'static str);
    impl FaultPlan for Never {
        fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
            (call.operation == self.0).then_some(Fault::Refuse("AccessDeniedException"))
        }
    }
    let (config, file) = (settings("unread"), scenario("permission-set"));
    for operation in ["ListPermissionSets", "DescribePermissionSet", "GetInlinePolicyForPermissionSet", "ListAccountsForProvisionedPermissionSet"] {
        let place = place().await;
        place.sandbox.set_faults(Some(Arc::new(Never(operation))));
        let said = place.run(&["apply", "--auto-approve", "--partial", "--config", &config, &file]).await;
        assert!(said.exit == Exit::Failed && said.out.contains(&format!("{CENTER}/permission-set/DeveloperAccess")), "{operation}: {}", said.out);
        place.sandbox.set_faults(None);
        assert_eq!(place.inline("DeveloperAccess").await, [theirs()], "{operation}");
    }
}
