//! `runner-policy`: a runner with just that carries every scenario through its whole cycle, and one without any of it does not.

use std::collections::BTreeSet;

use crossrole::Exit;
use crossrole_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::runner::{Policies, Runner};
use crate::support::{Place, manifest, scenario};

pub(crate) const SCENARIOS: [&str; 13] = [
    "codepipeline-service",
    "cross-account-user",
    "direct-bucket-access",
    "ec2-service",
    "encrypted-exchange",
    "foreign-key",
    "github-actions",
    "guarded-partner",
    "lambda-service",
    "log-analysts",
    "made-key",
    "prod-data",
    "saml-federation",
];

/// What the command says.
pub(crate) async fn policies(place: &Place, purpose: &str, file: &str) -> Policies {
    let said: Value = serde_json::from_str(&place.good(&["runner-policy", "--json", "--for", purpose, file]).await).unwrap();
    let accounts = said.as_object().unwrap();
    accounts.iter().map(|(account, found)| (account.clone(), found["policies"].as_array().unwrap().clone())).collect()
}

pub(crate) async fn prepared(name: &str) -> (Place, String) {
    let (place, file) = (Place::new(Options::default()), scenario(name));
    place.good(&["sandbox", "prepare", &file]).await;
    (place, file)
}

#[tokio::test]
async fn it_is_enough() {
    for name in SCENARIOS {
        let (place, file) = prepared(name).await;
        let runner = Runner::new(name, &place, &policies(&place, "apply", &file).await).await;
        let (code, said) = runner.run(&["runner-policy", "--check", &file]);
        assert!(code == 0 && said.contains(" may do all of it") && !said.contains("may not"), "{name}: {said}");
        if let Err(why) = runner.cycle(&file) {
            panic!("{name}: {why}");
        }
    }
}

/// What is missing is said before anything is written: action, resource and why.
#[tokio::test]
async fn what_a_runner_may_not_do_is_said() {
    let (place, file) = prepared("log-analysts").await;
    let whole = policies(&place, "apply", &file).await;
    let less = without(&without(&whole, "222222222222", "iam:PutRolePolicy"), "111111111111", "iam:CreateGroup");
    let runner = Runner::new("checked", &place, &less).await;
    let (code, said) = runner.run(&["runner-policy", "--check", &file]);
    assert_eq!(code, 1, "{said}");
    for wanted in [
        "account 111111111111 (dev): arn:aws:iam::111111111111:user/runner may not do 1 of it\n  it may not iam:CreateGroup on arn:aws:iam::111111111111:group/crossrole/log-analysts/Log-Analysts: ",
        "account 222222222222 (trusting): arn:aws:iam::222222222222:user/runner may not do 1 of it\n  it may not iam:PutRolePolicy on arn:aws:iam::222222222222:role/DevLogAccessRole: ",
    ] {
        assert!(said.contains(wanted), "{said}");
    }
    let (_, said) = runner.run(&["runner-policy", "--check", "--json", &file]);
    let said: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(said["111111111111"]["denied"][0]["action"], "iam:CreateGroup", "{said}");
    // To plan, it has enough.
    let (code, said) = runner.run(&["runner-policy", "--check", "--for", "plan", &file]);
    assert_eq!(code, 0, "{said}");
}

/// In an account that can't be read nothing is checked, and nothing is good.
#[tokio::test]
async fn an_account_that_can_not_be_read_is_not_checked() {
    let (place, file) = prepared("log-analysts").await;
    let less = without(&policies(&place, "plan", &file).await, "111111111111", "iam:GetAccountAuthorizationDetails");
    let runner = Runner::new("unread", &place, &without(&less, "111111111111", "iam:GetGroup")).await;
    let (code, said) = runner.run(&["runner-policy", "--check", "--for", "plan", &file]);
    assert!(code == 1 && said.contains("account 111111111111 (dev): not checked: the runner's own policies were not read"), "{said}");
}

/// What somebody else has done to a role is undone with it, too.
#[tokio::test]
async fn it_is_enough_to_heal() {
    for (name, role) in [("log-analysts", "DevLogAccessRole"), ("prod-data", "ProdS3RWRole"), ("guarded-partner", "PartnerRole")] {
        let (place, file) = prepared(name).await;
        let owner = "222222222222";
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        let star = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
        let admin = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
        let sneaky = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        let of = ("RoleName", role);
        place.iam(owner, "UpdateAssumeRolePolicy", &[of, ("PolicyDocument", star)]).await;
        place.iam(owner, "AttachRolePolicy", &[of, admin]).await;
        place.iam(owner, "PutRolePolicy", &[of, ("PolicyName", "sneaky"), ("PolicyDocument", sneaky)]).await;
        place.iam(owner, "UpdateRole", &[of, ("MaxSessionDuration", "43200")]).await;
        place.iam(owner, "TagRole", &[of, ("Tags.member.1.Key", "rogue"), ("Tags.member.1.Value", "yes")]).await;
        place.iam(owner, "PutRolePermissionsBoundary", &[of, ("PermissionsBoundary", admin.1)]).await;
        let runner = Runner::new(&format!("{name}-heals"), &place, &policies(&place, "apply", &file).await).await;
        let (code, said) = runner.run(&["apply", "--auto-approve", "--quiet", &file]);
        assert!(code == 0 && said.contains("Applied: "), "{name}: {said}");
        let (code, said) = runner.run(&["plan", &file]);
        assert!(code == 0 && said.contains("No changes."), "{name}: {said}");
    }
}

/// A policy of ours that somebody has attached to anybody else is taken off, and no other policy could be.
#[tokio::test]
async fn it_is_enough_to_take_our_policies_off_others() {
    let text = crate::support::crew(
        "lent",
        "[policies.Shared]\n[[policies.Shared.allow]]\nactions = \"sqs:ListQueues\"\nresources = \"*\"\n\
         [roles.R]\npolicies = [\"Shared\"]\n[[roles.R.trust]]\ngroup = \"dev/Crew\"\n",
    );
    let place = Place::new(Options::default());
    let file = manifest("lent", &text);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    for (account, policy) in [("111111111111", "crossrole/caller/crossrole-caller-group-Crew"), ("222222222222", "Shared")] {
        let ours = format!("arn:aws:iam::{account}:policy/{policy}");
        place.iam(account, "CreateUser", &[("UserName", "eve"), ("Path", "/people/")]).await;
        place.iam(account, "CreateGroup", &[("GroupName", "Others")]).await;
        place.iam(account, "CreateRole", &[("RoleName", "Other"), ("AssumeRolePolicyDocument", trust)]).await;
        for (action, of) in
            [("AttachUserPolicy", ("UserName", "eve")), ("AttachGroupPolicy", ("GroupName", "Others")), ("AttachRolePolicy", ("RoleName", "Other"))]
        {
            place.iam(account, action, &[of, ("PolicyArn", &ours)]).await;
        }
    }
    let policies = policies(&place, "apply", &file).await;
    let again = Place::of(Sandbox::restore(&place.sandbox.snapshot().unwrap(), Options::default()).unwrap());
    let runner = Runner::new("lent", &place, &policies).await;
    let (code, said) = runner.run(&["runner-policy", "--check", &file]);
    assert_eq!(code, 0, "{said}");
    for words in [&["apply", "--auto-approve", "--quiet", &file][..], &["destroy", "--auto-approve", "--quiet", &file]] {
        let (code, said) = runner.run(words);
        assert!(code == 0 && said.contains("Applied: "), "{words:?}: {said}");
    }
    // Nothing else is taken off anybody.
    for statement in policies.values().flatten().flat_map(|document| document["Statement"].as_array().unwrap()) {
        if statement["Action"].to_string().contains("DetachUserPolicy") && statement["Resource"].to_string().contains(":user/*") {
            let limit = statement["Condition"]["ArnLike"]["iam:PolicyARN"].to_string();
            assert!(limit.contains("crossrole-caller*-group-Crew") || limit.contains(":policy/Shared"), "{statement}");
        }
    }
    let less = without(&policies, "111111111111", "iam:DetachUserPolicy");
    let (code, said) = Runner::new("lent-less", &again, &less).await.run(&["runner-policy", "--check", &file]);
    assert!(code == 1 && said.contains("it may not iam:DetachUserPolicy on arn:aws:iam::111111111111:user/*"), "{said}");
}

#[tokio::test]
async fn for_a_plan_it_is_enough_to_read() {
    for name in ["log-analysts", "made-key", "guarded-partner"] {
        let (place, file) = prepared(name).await;
        let runner = Runner::new(&format!("{name}-plan"), &place, &policies(&place, "plan", &file).await).await;
        let (code, said) = runner.run(&["plan", &file]);
        assert!(code == 0 && said.contains("Plan: ") && !said.contains("withheld") && !said.contains("AccessDenied"), "{name}: {said}");
        let (code, said) = runner.run(&["apply", "--auto-approve", "--quiet", &file]);
        assert!(code == 1 && said.contains("the runner may not carry all of this out, and nothing was changed:"), "{name}: {said}");
    }
}

/// All actions of the policies.
fn actions(policies: &Policies) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for (account, documents) in policies {
        for statement in documents.iter().flat_map(|d| d["Statement"].as_array().unwrap()) {
            let one = statement["Action"].as_str().map(|one| vec![one.to_owned()]);
            let actions = one.unwrap_or_else(|| statement["Action"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()).collect());
            all.extend(actions.into_iter().map(|action| (account.clone(), action)));
        }
    }
    all
}

/// The policies without an action.
pub(crate) fn without(policies: &Policies, account: &str, action: &str) -> Policies {
    let mut left = policies.clone();
    for document in left.get_mut(account).into_iter().flatten() {
        let statements = document["Statement"].as_array_mut().unwrap();
        for statement in statements.iter_mut() {
            if statement["Action"] == action {
                statement["Action"] = json!("none:Nothing");
            } else if let Some(list) = statement["Action"].as_array_mut() {
                list.retain(|a| a != action);
            }
        }
    }
    left
}

/// What a cycle on an account that nobody else touches does without: it heals what others have done (some of it above), makes room, tells
/// whom a key keeps out, or is asked where another read was refused.
const TO_HEAL: [&str; 23] = [
    "iam:CreatePolicyVersion",
    "iam:DeleteGroupPolicy",
    "iam:DeletePolicyVersion",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DetachRolePolicy",
    "iam:DetachUserPolicy",
    "iam:GetAccountSummary",
    "iam:GetOpenIDConnectProvider",
    "iam:GetRole",
    "iam:GetSAMLProvider",
    "iam:ListPolicyVersions",
    "iam:RemoveRoleFromInstanceProfile",
    "iam:RemoveUserFromGroup",
    "iam:TagPolicy",
    "iam:UntagPolicy",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "s3:GetAccountPublicAccessBlock",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetEncryptionConfiguration",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
];

#[tokio::test]
async fn nothing_of_it_is_too_much() {
    let (place, file) = prepared("log-analysts").await;
    let whole = policies(&place, "apply", &file).await;
    let mut spared = BTreeSet::new();
    for (account, action) in actions(&whole) {
        let (place, file) = prepared("log-analysts").await;
        let runner = Runner::new("less", &place, &without(&whole, &account, &action)).await;
        if runner.cycle(&file).is_ok() {
            spared.insert(action);
        }
    }
    let expected: BTreeSet<String> = TO_HEAL.iter().map(|action| (*action).to_owned()).collect();
    assert_eq!(spared, expected);
}

/// Whatever one action is missing, an apply or a destroy carries all of it out without, or changes nothing and names it.
#[tokio::test]
async fn no_run_stops_half_way_for_a_right() {
    let mut named = BTreeSet::new();
    // Between them, every kind of object.
    for name in ["prod-data", "ec2-service", "encrypted-exchange", "github-actions", "guarded-partner", "made-key", "saml-federation"] {
        let (mut place, file) = prepared(name).await;
        let whole = policies(&place, "apply", &file).await;
        for command in ["apply", "destroy"] {
            let start = place.sandbox.snapshot().unwrap();
            for (account, action) in actions(&whole) {
                let place = Place::of(Sandbox::restore(&start, Options::default()).unwrap());
                let runner = Runner::new(&format!("{name}-half"), &place, &without(&whole, &account, &action)).await;
                named.extend(stopped(&runner, command, &file, (&account, &action)));
            }
            place.good(&["apply", "--auto-approve", &file]).await;
            place = Place::of(Sandbox::restore(&place.sandbox.snapshot().unwrap(), Options::default()).unwrap());
        }
    }
    assert!(named.len() > 30 && named.contains("s3:PutBucketPolicy") && named.contains("iam:DeleteOpenIDConnectProvider"), "{named:?}");
}

/// The action, where the run was refused for it.
fn stopped(runner: &Runner, command: &str, file: &str, (account, action): (&str, &str)) -> Option<String> {
    let key: &[&str] = if command == "destroy" && file.contains("made-key") { &["--destroy-key", "data/archive"] } else { &[] };
    let destroys: &[&str] = if command == "destroy" { &["--destroy"] } else { &[] };
    let plan = [&["plan", file], destroys, key].concat();
    let plan = plan.as_slice();
    let (_, before) = runner.run(plan);
    let (code, said) = runner.run(&[&[command, "--auto-approve", "--quiet", file], key].concat());
    // Without these, the runner's own policies are not read, and that is said.
    let whole_account = ["iam:GetAccountAuthorizationDetails", "iam:ListRoles"].contains(&action);
    if code == 0 || whole_account && said.contains("was not checked") {
        return None;
    }
    let (_, after) = runner.run(plan);
    assert_eq!(without_numbers(&after), without_numbers(&before), "{command} of {file}: {action} of {account}: {said}");
    said.contains("nothing was changed:").then(|| {
        assert!(said.contains(&format!("{account}:user/runner may not {action} on ")), "{command} of {file}: {action}: {said}");
        action.to_owned()
    })
}

/// Without the numbers of requests, which only grow.
fn without_numbers(said: &str) -> String {
    said.split("sandbox-").map(|part| part.trim_start_matches(|c: char| c.is_ascii_hexdigit())).collect()
}

/// Rights under conditions are not known to be missing: a runner that may is never kept from it.
#[tokio::test]
async fn rights_under_conditions_are_not_refused() {
    let (place, file) = prepared("log-analysts").await;
    let mut whole = policies(&place, "apply", &file).await;
    for document in whole.values_mut().flatten() {
        for statement in document["Statement"].as_array_mut().unwrap() {
            // What the sandbox says of a request, and crossrole does not know.
            statement["Condition"] = json!({ "IpAddress": { "aws:SourceIp": "127.0.0.0/8" } });
        }
        let deny =
            json!({ "Sid": "Elsewhere", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": { "NotIpAddress": { "aws:SourceIp": "127.0.0.0/8" } } });
        document["Statement"].as_array_mut().unwrap().push(deny);
    }
    let runner = Runner::new("conditions", &place, &whole).await;
    if let Err(why) = runner.cycle(&file) {
        panic!("{why}");
    }
}

/// What the plan itself lifts is in nobody's way: a bucket that its policy keeps from being deleted goes after the policy.
#[tokio::test(start_paused = true)]
async fn what_the_plan_lifts_is_not_taken_for_missing() {
    let text = r#"
name = "sealed"
[trusting]
account = "222222222222"
[buckets.sealed-bucket]
create = true
[[buckets.sealed-bucket.statement]]
sid = "Keep"
effect = "Deny"
principals = "*"
actions = "s3:DeleteBucket"
resources = "arn:aws:s3:::sealed-bucket"
"#;
    let place = Place::new(Options::default());
    let file = manifest("sealed", text);
    place.good(&["apply", "--auto-approve", &file]).await;
    let (code, _) = place.s3("222222222222", "DELETE", "/sealed-bucket", "", "").await;
    assert_eq!(code, 403, "the policy is enforced");
    place.good(&["destroy", "--auto-approve", &file]).await;
}

/// With `--partial`, the rest is carried out, and what is missing is said before.
#[tokio::test]
async fn the_rest_is_carried_out_where_that_is_asked_for() {
    let (place, file) = prepared("log-analysts").await;
    let whole = policies(&place, "apply", &file).await;
    let runner = Runner::new("rest", &place, &without(&whole, "111111111111", "iam:CreateGroup")).await;
    let (code, said) = runner.run(&["apply", "--auto-approve", "--quiet", "--partial", &file]);
    assert!(code == 1 && said.contains("warning: the runner may not carry all of this out:"), "{said}");
    let (_, said) = runner.run(&["plan", &file]);
    assert!(said.contains("+ group Log-Analysts") && !said.contains("+ role DevLogAccessRole"), "{said}");
}

/// A trust is read again before it is written: who may not do that is told before the first writing.
#[tokio::test]
async fn the_reading_before_a_trust_is_written_is_asked_for_as_well() {
    let (place, file) = prepared("log-analysts").await;
    let whole = policies(&place, "apply", &file).await;
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let star = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("222222222222", "UpdateAssumeRolePolicy", &[("RoleName", "DevLogAccessRole"), ("PolicyDocument", star)]).await;
    let runner = Runner::new("trust", &place, &without(&whole, "222222222222", "iam:GetRole")).await;
    let (code, said) = runner.run(&["apply", "--auto-approve", "--quiet", &file]);
    assert!(code == 1 && said.contains("nothing was changed:") && said.contains("may not iam:GetRole on "), "{said}");
}

/// Keys that no manifest names are in it where they are named to it: to read for a plan, to write for an apply.
#[tokio::test]
async fn a_key_that_no_manifest_names_is_told() {
    const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/99999999-12ab-34cd-56ef-1234567890ab";
    let (place, file) = prepared("log-analysts").await;
    for (purpose, writes) in [("plan", false), ("apply", true)] {
        let said = place.run(&["runner-policy", "--json", "--for", purpose, &file]).await;
        assert!(!said.out.contains("kms:") && said.err.contains("unless `--key` names them"), "{}{}", said.out, said.err);
        let said = place.run(&["runner-policy", "--json", "--for", purpose, "--key", KEY, &file]).await;
        assert!(said.out.contains(KEY) && said.out.contains("kms:GetKeyPolicy") && said.err.is_empty(), "{}{}", said.out, said.err);
        assert_eq!(said.out.contains("kms:PutKeyPolicy"), writes, "{}", said.out);
    }
    let said = place.run(&["runner-policy", "--key", "alias/x", &file]).await;
    assert!(said.exit == crossrole::Exit::Failed && said.err.contains("write the ARN of a key"), "{}", said.err);
}

/// An account that only the commit's manifests name has the label that it has there, and is not passed over.
#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_named_any_more_is_told_from_the_lock() {
    let repository = crate::base::Repository::new("runner-base").await;
    let old = "[trusted.old]\naccount = \"333333333333\"\n[roles.Old]\n[[roles.Old.trust]]\nuser = \"old/ann\"\n";
    repository.write("access/based.toml", &format!("{}{old}", crate::base::MANIFEST));
    repository.commit("old");
    repository.write("access/based.toml", crate::base::MANIFEST);
    let said = repository.run(&["runner-policy", "--base", "HEAD"]).await;
    assert!(said.exit == Exit::Clean && said.out.contains("account 333333333333 (old)\n"), "{}{}", said.out, said.err);
    for account in ["old", "333333333333"] {
        let said = repository.run(&["runner-policy", "--base", "HEAD", "--account", account]).await;
        assert!(said.out.starts_with("account 333333333333 (old)") && !said.out.contains("222222222222 ("), "{}{}", said.out, said.err);
    }
    let said = repository.run(&["runner-policy", "--account", "old"]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    let said = repository.run(&["runner-policy", "--base", "HEAD", "--check"]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    assert!(said.out.contains("account 333333333333 (old): not checked: only manifests of that commit are of it"), "{}", said.out);
    let said = repository.run(&["runner-policy", "--base", "HEAD", "--check", "--json"]).await;
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(value["333333333333"]["checked"], false, "{value:#}");
}
