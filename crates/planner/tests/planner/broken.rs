//! The checker, fed plans that are broken in one place each: it names that, and nothing else.

use std::collections::BTreeSet;

use crossrole_model::{Action, Address, Broken, BucketCall, Call, Cause, Kind, Plan, StepId, Subject, Withheld};
use crossrole_planner::check;

use crate::keys::closed;
use crate::rows::{DEV, PROD, row};
use crate::world::id;

/// A new invariant stops the build here until it has a number, and the test below until it has a case.
fn number(broken: &Broken) -> usize {
    match broken {
        Broken::Order { .. } => 0,
        Broken::NoChange(_) => 1,
        Broken::OtherAccount(_) => 2,
        Broken::Unmanaged(_) => 3,
        Broken::Unread { .. } => 4,
        Broken::NoStep(_) => 5,
        Broken::NoReason(_) => 6,
        Broken::Sides(_) => 7,
        Broken::Nothing(_) => 8,
        Broken::Held { .. } => 9,
        Broken::TooEarly { .. } => 10,
        Broken::GivesFirst { .. } => 11,
        Broken::Foreign { .. } => 12,
        Broken::Share(_) => 13,
        Broken::Withheld { .. } => 14,
        Broken::Untold(_) => 15,
        Broken::Unfindable { .. } => 16,
    }
}
const INVARIANTS: usize = 17;

type Breaking = (&'static str, Plan, Vec<Broken>);

#[test]
fn every_invariant_has_a_plan_that_breaks_it_and_is_named() {
    let mut named = BTreeSet::new();
    for (what, plan, expected) in
        order().into_iter().chain(places()).chain(changes()).chain(held()).chain(early()).chain(shared()).chain(withheld()).chain(untold()).chain(unfindable())
    {
        let wrong = check(&plan);
        assert_eq!(wrong, expected, "{what}");
        assert!(!wrong.is_empty(), "{what}");
        named.extend(wrong.iter().map(number));
    }
    assert_eq!(named, (0..INVARIANTS).collect());
}

/// A key that goes.
fn untold() -> Vec<Breaking> {
    let key = "[keys.data]\ncreate = true\n";
    let plan = good(&row("a key goes", key).after(key).destroyed().and_key("alias/data"));
    let (mut unnamed, mut unsaid) = (plan.clone(), plan);
    unnamed.destroy_keys.clear();
    unsaid.changes[0].consequences.clear();
    let expected = vec![Broken::Untold(StepId(0))];
    vec![("nobody named it", unnamed, expected.clone()), ("what goes with it is not said", unsaid, expected)]
}

/// A bucket, or a key, that leaves its manifest.
fn unfindable() -> Vec<Breaking> {
    let mut cases = Vec::new();
    for (what, before) in crate::buckets::found_by_policies() {
        let plan = good(&row(what, "").first(closed).after(&before));
        let is_policy = |change: &crossrole_model::Change| matches!(change.address.kind, Kind::BucketPolicy | Kind::KeyPolicy);
        let of = plan.changes.iter().position(is_policy).unwrap_or_else(|| panic!("{what}: {:#?}", plan.changes));
        let first: Vec<usize> = (0..plan.steps.len()).filter(|at| plan.steps[*at].change == of).collect();
        let tells = plan.changes.iter().position(|change| change.before.as_ref().is_some_and(|state| !state.statements().is_empty())).unwrap();
        let mut cut = plan.clone();
        cut.steps.iter_mut().for_each(|step| step.needs.retain(|need| !first.contains(&need.0)));
        let early = (0..plan.steps.len()).filter(|at| plan.steps[*at].change == tells);
        let address = plan.changes[of].address.clone();
        let expected: Vec<Broken> = early.map(|at| Broken::Unfindable { step: StepId(at), address: address.clone() }).collect();
        cases.push((what, cut, expected));
    }
    cases
}

const ROLE: &str = r#"
[policies.Most]
[[policies.Most.allow]]
actions = "s3:*"
resources = "*"
[roles.Reader]
description = "reads"
policies = ["Most"]
permissions_boundary = "arn:aws:iam::222222222222:policy/Most"
[[roles.Reader.trust]]
service = "ec2.amazonaws.com"
[[roles.Reader.allow]]
actions = "s3:ListAllMyBuckets"
resources = "*"
"#;

const WHOLE: &str = r#"
[trusted.dev.groups.Devs]
members = ["ann"]
[trusted.dev.users.ann]
[trusted.dev.roles.App]
[[trusted.dev.roles.App.trust]]
service = "ec2.amazonaws.com"
[buckets.data-bucket]
[roles.Reader]
[[roles.Reader.trust]]
group = "dev/Devs"
[[roles.Reader.trust]]
user = "dev/ann"
[[roles.Reader.trust]]
role = "dev/App"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
"#;

fn good(row: &crate::rows::Row) -> Plan {
    row.planned().1
}

/// One step: a description that differs.
fn one() -> Plan {
    let plan = good(&row("one", &ROLE.replace("\"reads\"", "\"x\"")).after(ROLE));
    assert_eq!(plan.steps.len(), 1);
    plan
}

/// `plan` with one change of it.
fn broken(mut plan: Plan, breaking: impl FnOnce(&mut Plan)) -> Plan {
    breaking(&mut plan);
    plan
}

fn step(plan: &Plan, operation: &str) -> StepId {
    let mut found = plan.steps.iter().enumerate().filter(|(_, s)| s.call.operation() == operation);
    let (at, _) = found.next().unwrap_or_else(|| panic!("no {operation}"));
    assert!(found.next().is_none(), "two {operation}");
    StepId(at)
}

fn order() -> Vec<Breaking> {
    let whole = good(&row("whole", WHOLE));
    let (first, last) = (StepId(0), StepId(whole.steps.len() - 1));
    vec![
        ("a step before what it needs", broken(whole.clone(), |p| p.steps[0].needs.push(last)), vec![Broken::Order { step: first, needs: last }]),
        ("a step that needs itself", broken(whole.clone(), |p| p.steps[0].needs.push(first)), vec![Broken::Order { step: first, needs: first }]),
        (
            "a step that needs one that is not there",
            broken(whole, |p| p.steps[0].needs.push(StepId(99))),
            vec![Broken::Order { step: first, needs: StepId(99) }],
        ),
    ]
}

fn places() -> Vec<Breaking> {
    let role = good(&row("role", ROLE));
    let put = step(&role, "PutRolePolicy");
    let unread =
        |account: &str| Withheld { subject: Subject::Account { account: id(account), label: "x".into() }, cause: Cause::Incomplete(None), blocks: true };
    let bucket = "[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\naccount = \"dev\"\naccess = \"get\"\n";
    let policy = broken(good(&row("bucket", bucket)), |p| p.withheld.push(unread(PROD)));
    assert_eq!(check(&policy), [], "a bucket is read and written without IAM");
    vec![
        ("a step of no change", broken(role.clone(), |p| p.steps[put.0].change = 99), vec![Broken::NoChange(put)]),
        ("a step to another account than its object's", broken(role, |p| p.steps[put.0].account = id(DEV)), vec![Broken::OtherAccount(put)]),
        ("an account that is not managed", broken(one(), |p| p.accounts.get_mut(&id(PROD)).unwrap().managed = false), vec![Broken::Unmanaged(StepId(0))]),
        ("an account that nobody has named", broken(one(), |p| drop(p.accounts.remove(&id(PROD)))), vec![Broken::Unmanaged(StepId(0))]),
        ("an account that could not be read", broken(one(), |p| p.withheld.push(unread(PROD))), vec![Broken::Unread { step: StepId(0), account: id(PROD) }]),
    ]
}

fn changes() -> Vec<Breaking> {
    let reader = Address::new(&id(PROD), Kind::Role, "Reader");
    let sides = || vec![Broken::Sides(reader.clone())];
    vec![
        ("a change without a step", broken(one(), |p| p.steps.clear()), vec![Broken::NoStep(reader.clone())]),
        ("a change without a reason", broken(one(), |p| p.changes[0].reasons.clear()), vec![Broken::NoReason(reader.clone())]),
        ("an update of nothing", broken(one(), |p| p.changes[0].before = None), sides()),
        ("an update to nothing", broken(one(), |p| p.changes[0].after = None), sides()),
        ("the making of what is there", broken(one(), |p| p.changes[0].action = Action::Create), sides()),
        ("a deletion that leaves it", broken(one(), |p| p.changes[0].action = Action::Delete), sides()),
        ("a change that changes nothing", broken(one(), |p| p.changes[0].after = p.changes[0].before.clone()), vec![Broken::Nothing(reader.clone())]),
    ]
}

fn held() -> Vec<Breaking> {
    let gone = good(&row("gone", "").after(ROLE));
    let (role, policy) = (step(&gone, "DeleteRole"), step(&gone, "DeletePolicy"));
    let without = |from: StepId, operation: &str| {
        let taken = step(&gone, operation);
        broken(gone.clone(), |p| p.steps[from.0].needs.retain(|n| *n != taken))
    };
    let arn = "arn:aws:iam::222222222222:policy/Most".to_owned();
    // What a step needs through another counts: cut both ways to the detaching.
    let detach = step(&gone, "DetachRolePolicy");
    let policy_alone = broken(gone.clone(), |p| p.steps[policy.0].needs.retain(|n| *n != detach && *n != role));
    let swapped = broken(gone.clone(), |p| {
        if let Call::Iam(crossrole_model::IamCall::DeleteInlinePolicy { name, .. }) = &mut p.steps[step(&gone, "DeleteRolePolicy").0].call {
            name.push('x');
        }
    });
    vec![
        ("a role with a policy attached", without(role, "DetachRolePolicy"), vec![Broken::Held { step: role, what: arn.clone() }]),
        ("a role with a policy in it", without(role, "DeleteRolePolicy"), vec![Broken::Held { step: role, what: "crossrole".into() }]),
        ("a role of which another policy is taken", swapped, vec![Broken::Held { step: role, what: "crossrole".into() }]),
        ("a policy that is attached", policy_alone, vec![Broken::Held { step: policy, what: arn }]),
    ]
}

fn early() -> Vec<Breaking> {
    let mut cases: Vec<Breaking> = Vec::new();
    let arn = |account: &str, name: &str| format!("arn:aws:iam::{account}:{name}");
    // A step that names what another makes, with no way left from the one to the other.
    let mut case = |what, plan: &Plan, operation: &str, kind: Kind, name: &str, arn: String| {
        let at = plan.steps.iter().position(|s| {
            let address = &plan.changes[s.change].address;
            s.call.operation() == operation && address.kind == kind && address.name == name
        });
        let at = at.unwrap_or_else(|| panic!("no {operation} of {name}"));
        let makes = plan.steps.iter().position(|s| s.call.made_arn(&s.account, plan.partition).as_deref() == Some(arn.as_str())).unwrap();
        let mut cut = plan.clone();
        let behind: BTreeSet<usize> = (makes..plan.steps.len()).filter(|s| *s == makes || reaches(plan, *s, makes)).collect();
        cut.steps[at].needs.retain(|n| !behind.contains(&n.0));
        cases.push((what, cut, vec![Broken::TooEarly { step: StepId(at), arn }]));
    };
    let whole = good(&row("whole", WHOLE));
    case("a trust before whom it names", &whole, "CreateRole", Kind::Role, "Reader", arn(DEV, "user/ann"));
    case("a bucket's policy before the role", &whole, "PutBucketPolicy", Kind::BucketPolicy, "data-bucket", arn(PROD, "role/Reader"));
    let attachment = "group/Devs/crossrole-caller-group-Devs";
    case(
        "an attachment before the policy",
        &whole,
        "AttachGroupPolicy",
        Kind::Attachment,
        attachment,
        arn(DEV, "policy/crossrole/caller/crossrole-caller-group-Devs"),
    );
    let role = good(&row("role", ROLE.split("policies = [\"Most\"]\n").collect::<String>().as_str()));
    case("a role before its boundary", &role, "CreateRole", Kind::Role, "Reader", arn(PROD, "policy/Most"));
    let (plain, bound) = (ROLE.split("permissions_boundary").next().unwrap(), "\npermissions_boundary = \"arn:aws:iam::222222222222:policy/Less\"");
    let less = "\n[policies.Less]\n[[policies.Less.allow]]\nactions = \"s3:*\"\nresources = \"*\"\n";
    let rest = "\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    let later = good(&row("bound later", &format!("{plain}{bound}{rest}{less}")).after(&format!("{plain}{rest}")));
    case("a boundary before its policy", &later, "PutRolePermissionsBoundary", Kind::Role, "Reader", arn(PROD, "policy/Less"));
    let app = "[trusted.dev.roles.App]\n[[trusted.dev.roles.App.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    let before = format!("[roles.Reader]\n{rest}");
    let after = format!("{before}[[roles.Reader.trust]]\nrole = \"dev/App\"\n{app}");
    let update = good(&row("trust later", &after).after(&before));
    case("a changed trust before whom it names", &update, "UpdateAssumeRolePolicy", Kind::Role, "Reader", arn(DEV, "role/App"));

    let theirs: fn(&mut crossrole_model::Observed) = |e| {
        let role = crate::world::account(e, &id(PROD)).roles.get_mut("reader").unwrap();
        role.state.attached.insert("arn:aws:iam::aws:policy/AdministratorAccess".into());
    };
    let mixed = good(&row("taken and given", &ROLE.replace("ListAllMyBuckets", "ListBucket")).after(ROLE).then(theirs));
    let (put, detach) = (step(&mixed, "PutRolePolicy"), step(&mixed, "DetachRolePolicy"));
    let gives_first = broken(mixed, |p| p.steps[put.0].needs.clear());
    cases.push(("something given before something is taken", gives_first, vec![Broken::GivesFirst { step: put, takes: detach }]));
    cases
}

fn reaches(plan: &Plan, from: usize, to: usize) -> bool {
    plan.steps[from].needs.iter().any(|n| n.0 == to || reaches(plan, n.0, to))
}

fn shared() -> Vec<Breaking> {
    let ours = "[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\naccount = \"dev\"\naccess = \"get\"\n";
    let theirs: fn(&mut crossrole_model::Observed) = |e| {
        let statement = r#"{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::data-bucket/*"}"#;
        let bucket = crate::world::bucket(e, "data-bucket");
        let mut whole = bucket.policy.known().unwrap().document.clone().unwrap_or_else(|| crossrole_policy::Document::new(Vec::new()));
        whole.statements.extend(crossrole_policy::parse(&format!(r#"{{"Statement":{statement}}}"#)).unwrap().statements);
        bucket.policy = crossrole_model::Observation::Known(crossrole_model::state::BucketPolicyState { document: Some(whole) });
    };
    let beside = good(&row("beside theirs", ours).then(theirs));
    let gone = good(&row("gone", "[buckets.data-bucket]\n").after(ours).then(theirs));
    let foreign = || vec![Broken::Foreign { step: StepId(0), sid: "Theirs".into() }];
    let share = || vec![Broken::Share(StepId(0))];
    let document = |p: &mut Plan, edit: &dyn Fn(&mut Vec<crossrole_policy::Statement>)| {
        let Call::Bucket(BucketCall::PutPolicy { document, .. }) = &mut p.steps[0].call else { panic!() };
        edit(&mut document.statements);
    };
    let delete = |p: &mut Plan| {
        let bucket = p.steps[0].call.bucket().unwrap().clone();
        p.steps[0].call = BucketCall::DeletePolicy { bucket }.into();
    };
    vec![
        ("a foreign statement left out", broken(beside.clone(), |p| document(p, &|s| s.retain(|s| s.sid() != "Theirs"))), foreign()),
        (
            "a foreign statement that comes to mean another",
            broken(beside.clone(), |p| document(p, &|s| s.iter_mut().filter(|s| s.sid() == "Theirs").for_each(|s| s.action.values.clear()))),
            foreign(),
        ),
        ("a policy deleted that others are in", broken(gone, delete), foreign()),
        ("a policy of many without its share", broken(beside.clone(), |p| p.steps[0].share = None), share()),
        (
            "a share that takes others for ours",
            broken(beside.clone(), |p| {
                p.steps[0].share.as_mut().unwrap().prefixes.insert("Theirs".into());
            }),
            share(),
        ),
        ("a share that is not in the whole", broken(beside.clone(), |p| p.steps[0].share.as_mut().unwrap().statements.clear()), share()),
        ("a whole with more of ours than the share", broken(beside.clone(), |p| document(p, &|s| s.retain(|s| s.sid() == "Theirs"))), share()),
        ("a share of a document that is ours alone", broken(one(), |p| p.steps[0].share.clone_from(&beside.steps[0].share)), share()),
    ]
}

/// Every way in which a call gives something to an object, or through it.
fn withheld() -> Vec<Breaking> {
    let mut cases: Vec<Breaking> = Vec::new();
    let mut case = |what, plan: &Plan, account: &str, kind: Kind, name: &str, expected: &[&str]| {
        let address = Address::new(&id(account), kind, name);
        let held = |blocks| Withheld { subject: Subject::Object(address.clone()), cause: Cause::ServiceLinked, blocks };
        let wrong: Vec<Broken> = check(&broken(plan.clone(), |p| p.withheld.push(held(true))));
        assert_eq!(check(&broken(plan.clone(), |p| p.withheld.push(held(false)))), wrong, "{what}, whether it was a target or not");
        let steps: Vec<&str> =
            wrong.iter().filter_map(|b| if let Broken::Withheld { step, .. } = b { Some(plan.steps[step.0].call.operation()) } else { None }).collect();
        assert_eq!(steps, expected, "{what}");
        assert!(wrong.iter().all(|b| matches!(b, Broken::Withheld { address: a, .. } if *a == address)), "{what}: {wrong:?}");
        cases.push((what, broken(plan.clone(), |p| p.withheld.push(held(true))), wrong));
    };
    let whole = good(&row("whole", WHOLE));
    case(
        "a role: its own calls, the bucket's side, the callers' sides",
        &whole,
        PROD,
        Kind::Role,
        "Reader",
        &["CreateRole", "PutRolePolicy", "PutBucketPolicy", "CreatePolicy", "CreatePolicy", "CreatePolicy"],
    );
    case(
        "a user: itself, who trusts it, its groups, what is attached to it",
        &whole,
        DEV,
        Kind::User,
        "ann",
        &["CreateUser", "AddUserToGroup", "CreateRole", "AttachUserPolicy"],
    );
    case("a group: itself, its members, what is attached to it", &whole, DEV, Kind::Group, "Devs", &["CreateGroup", "AddUserToGroup", "AttachGroupPolicy"]);
    case("a role of the caller's side", &whole, DEV, Kind::Role, "App", &["CreateRole", "CreateRole", "AttachRolePolicy"]);
    case("a policy: itself, and what it is attached to", &whole, DEV, Kind::Policy, "crossrole-caller-group-Devs", &["CreatePolicy", "AttachGroupPolicy"]);
    case("a bucket: its policy, and permissions on it", &whole, PROD, Kind::Bucket, "data-bucket", &["PutRolePolicy", "PutBucketPolicy"]);
    let role = good(&row("role", ROLE));
    case("a boundary: itself, and the role within it", &role, PROD, Kind::Policy, "Most", &["CreatePolicy", "CreateRole", "AttachRolePolicy"]);
    let provider = "[oidc_providers.github]\nurl = \"https://token.actions.githubusercontent.com\"\n[roles.Deployer]\n[[roles.Deployer.trust]]\ngithub = { repository = \"example-org/site\", environment = \"production\" }\n";
    let provider = good(&row("provider", provider));
    case(
        "a provider: itself, and who trusts it",
        &provider,
        PROD,
        Kind::OidcProvider,
        "token.actions.githubusercontent.com",
        &["CreateOpenIDConnectProvider", "CreateRole"],
    );
    let provider = good(&row("SAML provider", &crate::roles::saml("A")));
    case("a SAML provider: itself, and who trusts it", &provider, PROD, Kind::SamlProvider, "Okta", &["CreateSAMLProvider", "CreateRole"]);
    let logging = "[buckets.logs-bucket]\ncreate = true\n[buckets.made-bucket]\ncreate = true\nlogging = { bucket = \"logs-bucket\" }\n";
    let logging = good(&row("logging", logging).after("[buckets.logs-bucket]\ncreate = true\n[buckets.made-bucket]\ncreate = true\n"));
    case("a bucket that others log into", &logging, PROD, Kind::Bucket, "logs-bucket", &["PutBucketPolicy", "PutBucketLogging"]);
    // More rights by the same name are given anew, those that it has are not.
    let used = |access: &str, other: &str| {
        format!(
            "[trusted.dev.roles.App]\n[[trusted.dev.roles.App.trust]]\nservice = \"ec2.amazonaws.com\"\n[keys.data]\narn = \"arn:aws:kms:us-east-1:{PROD}:key/1234abcd-12ab-34cd-56ef-1234567890ab\"\n[[keys.data.allow]]\nrole = \"dev/App\"\naccess = {access}\n{other}"
        )
    };
    let another = "[[keys.data.allow]]\naccount = \"dev\"\naccess = \"encrypt\"\n";
    let before = used("\"decrypt\"", "");
    let key = good(&row("a key", &used("[\"decrypt\", \"encrypt\"]", "")).first(closed).after(&before));
    case("a key's rights", &key, DEV, Kind::Role, "App", &["PutKeyPolicy"]);
    let key = good(&row("a key beside", &used("\"decrypt\"", another)).first(closed).after(&before));
    let app = Subject::Object(Address::new(&id(DEV), Kind::Role, "App"));
    let beside = broken(key, |p| p.withheld.push(Withheld { subject: app, cause: Cause::ServiceLinked, blocks: true }));
    assert_eq!((beside.steps.len(), check(&beside)), (1, Vec::new()));
    // Taking away from what is withheld harms nobody.
    let gone = good(&row("gone", "").after(WHOLE));
    for (account, kind, name) in [(PROD, Kind::Role, "Reader"), (DEV, Kind::User, "ann"), (DEV, Kind::Group, "Devs")] {
        let held = Withheld { subject: Subject::Object(Address::new(&id(account), kind, name)), cause: Cause::ServiceLinked, blocks: true };
        let taking = broken(gone.clone(), |p| p.withheld.push(held));
        assert!(check(&taking).iter().all(|b| matches!(b, Broken::Withheld { step, .. } if !taking.steps[step.0].call.removes())));
    }
    cases
}
