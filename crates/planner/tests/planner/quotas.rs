//! Quotas: what would go over one is withheld, with its numbers, and the rest goes on.

use std::collections::BTreeSet;

use crossrole_model::limits::{Granted, Quota};
use crossrole_model::observed::{ObservedGroup, ObservedUser};
use crossrole_model::state::{GroupState, Tags, UserState};
use crossrole_model::{Cause, Observed};
use crossrole_planner::{Options, plan};

use crate::rows::{DEV, PROD, desired, empty, manifest, row};
use crate::world::{account, id};

const MEMBER: &str = r#"
[trusted.dev.groups.Devs]
members = ["ann"]
[roles.Reader]
[[roles.Reader.trust]]
group = "dev/Devs"
"#;

fn policies(count: usize) -> BTreeSet<String> {
    (0..count).map(|n| format!("arn:aws:iam::aws:policy/P{n}")).collect()
}

fn user(e: &mut Observed, name: &str, groups: usize) {
    let groups = (0..groups).map(|n| format!("Other{n}")).collect();
    let state = UserState { path: "/".into(), tags: Tags::new() };
    let user = ObservedUser {
        name: name.into(),
        id: format!("AIDA{name}"),
        state,
        boundary: None,
        groups,
        attached: BTreeSet::new(),
        inline: std::collections::BTreeMap::new(),
    };
    account(e, &id(DEV)).users.insert(name.into(), user);
}

fn group(e: &mut Observed, attached: usize) {
    let group =
        ObservedGroup { name: "Devs".into(), state: GroupState { path: "/".into() }, attached: policies(attached), inline: std::collections::BTreeMap::new() };
    account(e, &id(DEV)).groups.insert("devs".into(), group);
}

#[test]
fn a_user_in_ten_groups_is_put_into_no_other() {
    row("ten groups", MEMBER).then(|e| user(e, "ann", 10)).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole",
        "! dev/membership/Devs/ann: Quota { quota: GroupsPerUser, size: 11, limit: 10 }",
    ]);
    row("nine", MEMBER).then(|e| user(e, "ann", 9)).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole",
    ]);
}

#[test]
fn a_group_with_ten_policies_gets_no_other() {
    row("ten policies", MEMBER)
        .then(|e| {
            user(e, "ann", 0);
            group(e, 10);
        })
        .plans(&[
            "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
            "+ role/Reader (Missing): CreateRole",
            "! dev/caller/group/Devs/m: Quota { quota: PoliciesPerGroup, size: 11, limit: 10 }",
        ]);
}

const ROLES: &str = r#"
[roles.A]
[[roles.A.trust]]
account = "dev"
[roles.B]
[[roles.B.trust]]
role = "trusting/C"
[roles.C]
[[roles.C.trust]]
account = "dev"
"#;

/// The account tells that it may have so many roles.
fn granted(e: &mut Observed, quota: Quota, limit: usize) {
    account(e, &id(PROD)).granted = Granted { limits: [(quota, limit)].into(), unread: None };
}

#[test]
fn as_many_roles_are_made_as_fit() {
    row("one too many, and what trusts it", ROLES).then(|e| granted(e, Quota::Roles, 2)).plans(&[
        "+ role/A (Missing): CreateRole",
        "! role/B: Withheld role/C",
        "! role/C: Quota { quota: Roles, size: 3, limit: 2 }",
        "! caller/role/C/m: Withheld role/C",
    ]);
    let one = "[roles.A]\n[[roles.A.trust]]\naccount = \"dev\"\n";
    let other = "[roles.Z]\n[[roles.Z.trust]]\naccount = \"dev\"\n";
    row("one goes, and another comes", other).after(one).then(|e| granted(e, Quota::Roles, 1)).plans(&[
        "- role/A (NotInManifest): DeleteRole",
        "  > SessionsEnd",
        "+ role/Z (Missing): CreateRole",
    ]);
    row("all is there", one).after(one).then(|e| granted(e, Quota::Roles, 1)).plans(&[]);
}

const KEEPS: &str = r#"
[roles.Reader]
foreign_policies = "keep"
[[roles.Reader.trust]]
account = "dev"
[[roles.Reader.allow]]
actions = "s3:GetObject"
resources = "*"
"#;

fn theirs(e: &mut Observed, length: usize, attached: usize) {
    let text =
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{}"}}]}}"#, "x".repeat(length));
    let Some(role) = account(e, &id(PROD)).roles.get_mut("reader") else { panic!("the role is there") };
    role.state.inline.clear();
    role.state.inline.insert("theirs".into(), crossrole_policy::parse(&text).unwrap());
    role.state.attached = policies(attached);
}

/// What others put on a role and is kept counts with ours.
#[test]
fn what_is_kept_of_others_counts() {
    let row = |name| row(name, KEEPS).after(KEEPS);
    row("inline policies").then(|e| theirs(e, 10_150, 0)).plans(&["! role/Reader: Quota { quota: RoleInline, size: 10354, limit: 10240 }"]);
    row("and just fit").then(|e| theirs(e, 10_036, 0)).plans(&["~ role/Reader (Inline(\"crossrole\")): PutRolePolicy"]);
    row("ten managed policies are no more than ten").then(|e| theirs(e, 10, 10)).plans(&["~ role/Reader (Inline(\"crossrole\")): PutRolePolicy"]);
}

/// What an account may have been granted and was not read stops nothing, and is said once.
#[test]
fn what_is_not_known_of_quotas_stops_nothing() {
    let more = r#"
[policies.P]
[[policies.P.allow]]
actions = "s3:*"
resources = "*"
[roles.Reader]
policies = ["P"]
foreign_policies = "keep"
[[roles.Reader.trust]]
account = "dev"
"#;
    let one = more.replace("policies = [\"P\"]\n", "");
    row("the account does not tell", more)
        .after(&one)
        .then(|e| {
            let Some(role) = account(e, &id(PROD)).roles.get_mut("reader") else { panic!("the role is there") };
            role.state.attached = policies(10);
            let why = crossrole_model::Unreadable { class: None, why: "no".into() };
            account(e, &id(PROD)).granted = Granted { unread: Some(why), ..Granted::default() };
        })
        .plans(&["~ role/Reader (Attached(\"arn:aws:iam::222222222222:policy/P\")): AttachRolePolicy", "? quotas of 1 accounts: Unreadable no"]);
    row("it tells ten", more)
        .after(&one)
        .then(|e| {
            let Some(role) = account(e, &id(PROD)).roles.get_mut("reader") else { panic!("the role is there") };
            role.state.attached = policies(10);
            granted(e, Quota::PoliciesPerRole, 10);
        })
        .plans(&["! role/Reader: Quota { quota: PoliciesPerRole, size: 11, limit: 10 }"]);
    row("it tells twenty", more)
        .after(&one)
        .then(|e| {
            let Some(role) = account(e, &id(PROD)).roles.get_mut("reader") else { panic!("the role is there") };
            role.state.attached = policies(10);
            granted(e, Quota::PoliciesPerRole, 20);
        })
        .plans(&["~ role/Reader (Attached(\"arn:aws:iam::222222222222:policy/P\")): AttachRolePolicy"]);
}

/// Every quota that an account can tell is taken from there.
#[test]
fn what_is_close_is_noted_with_its_numbers() {
    let mut live = empty();
    account(&mut live, &id(PROD)).granted = Granted { limits: [(Quota::Roles, 3), (Quota::TrustPolicy, 200)].into(), unread: None };
    let planned = plan(&desired(&manifest(ROLES)), &live, &Options::default());
    let meters: Vec<String> = planned.meters.iter().map(|m| format!("{}: {} of {}", m.what, m.used, m.limit)).collect();
    assert!(meters.contains(&"account 222222222222, roles: 3 of 3".to_owned()), "{meters:?}");
    assert!(!planned.withheld.iter().any(|w| matches!(w.cause, Cause::Quota { .. })), "{:?}", planned.withheld);
}
