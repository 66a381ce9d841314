//! The caller's side: users, groups, memberships, the policies that let them assume, and who holds those.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::observed::{ObservedGroup, ObservedUser};
use crossrole_model::state::{GroupState, Tags, UserState};
use crossrole_model::{DesiredState, ObjectState, Observed, Plan};
use crossrole_policy::{Element, Statement};

use crate::rows::{DEV, PROD, desired, manifest, row};
use crate::world::{account, id};

const GROUP: &str = r#"
[trusted.dev.groups.Devs]
members = ["ann"]
[trusted.dev.users.ann]
tags = { team = "data" }
[roles.Reader]
[[roles.Reader.trust]]
group = "dev/Devs"
"#;

/// The same, with the user and the group that others made.
const THEIRS: &str = "[roles.Reader]\n[[roles.Reader.trust]]\ngroup = \"dev/Devs\"\n";

fn dev(estate: &mut Observed) -> &mut crossrole_model::observed::AccountState {
    account(estate, &id(DEV))
}

fn add_user(estate: &mut Observed, name: &str, groups: &[&str]) {
    let user = ObservedUser {
        name: name.into(),
        id: format!("AIDA{name}EXAMPLEEXAMPLE"),
        state: UserState { path: "/".into(), tags: Tags::new() },
        boundary: None,
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        attached: BTreeSet::new(),
        inline: BTreeMap::new(),
    };
    dev(estate).users.insert(name.to_ascii_lowercase(), user);
}

fn add_group(estate: &mut Observed, name: &str) {
    let group = ObservedGroup { name: name.into(), state: GroupState { path: "/".into() }, attached: BTreeSet::new(), inline: BTreeMap::new() };
    dev(estate).groups.insert(name.to_ascii_lowercase(), group);
}

#[test]
fn groups_users_and_memberships() {
    row("all are made", GROUP).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole",
    ]);
    row("all are there", GROUP).after(GROUP).plans(&[]);
    row("a group that others made is used as it is", GROUP).then(|e| add_group(e, "Devs")).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole",
    ]);
    row("a group in another spelling is the same", GROUP).then(|e| add_group(e, "DEVS")).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole",
    ]);
    row("a user that others made is left as it is", GROUP).then(|e| add_user(e, "ann", &[])).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole",
        "? part of dev/user/ann: Unmarked crossrole:manifest=m, with a command",
    ]);
    row("a user in another spelling is not whom a policy can name", GROUP).then(|e| add_user(e, "ANN", &[])).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole",
        "! dev/user/ann: Spelling(\"ANN\")",
        "! dev/membership/Devs/ann: Withheld dev/user/ann",
    ]);
    row("a member that others put in is in", GROUP)
        .then(|e| {
            add_group(e, "Devs");
            add_user(e, "ann", &["Devs"]);
        })
        .plans(&[
            "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
            "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
            "+ role/Reader (Missing): CreateRole",
            "? part of dev/user/ann: Unmarked crossrole:manifest=m, with a command",
        ]);
    row("tags of a user of ours", &GROUP.replace("team = \"data\"", "cost = \"7\"")).after(GROUP).plans(&["~ dev/user/ann (Tags): UntagUser TagUser"]);
    row("a member who does not exist", "[trusted.dev.groups.Devs]\nmembers = [\"bob\"]\n")
        .plans(&["+ dev/group/Devs (Missing): CreateGroup", "! dev/membership/Devs/bob: Missing dev/user/bob"]);
    row("a group that does not exist", THEIRS).plans(&["+ role/Reader (Missing): CreateRole", "! dev/caller/group/Devs/m: Missing dev/group/Devs"]);
    row("a group that exists", THEIRS).then(|e| add_group(e, "Devs")).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole",
    ]);
    row("a user that does not exist", "[roles.Reader]\n[[roles.Reader.trust]]\nuser = \"dev/bob\"\n")
        .plans(&["! dev/caller/user/bob/m: Missing dev/user/bob", "! role/Reader: Missing dev/user/bob"]);
    row("a user that exists", "[roles.Reader]\n[[roles.Reader.trust]]\nuser = \"dev/bob\"\n").then(|e| add_user(e, "bob", &[])).plans(&[
        "+ dev/policy/crossrole-caller-user-bob (Missing): CreatePolicy",
        "+ dev/attachment/user/bob/crossrole-caller-user-bob (Missing): AttachUserPolicy",
        "+ role/Reader (Missing): CreateRole",
    ]);
}

/// An apply that ended half-way left the policy, and neither its attachment nor what the role is let do.
#[test]
fn a_policy_that_is_there_is_attached_when_the_role_is_complete() {
    let allows = GROUP.to_owned() + "[[roles.Reader.allow]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n";
    let half: fn(&mut Observed) = |e| {
        dev(e).groups.get_mut("devs").unwrap().attached.clear();
        account(e, &id(PROD)).roles.get_mut("reader").unwrap().state.inline.clear();
    };
    let (_, plan) = row("half of it", &allows).after(&allows).then(half).planned();
    let at = |operation: &str| plan.steps.iter().position(|s| s.call.operation() == operation).unwrap();
    let (put, attach) = (at("PutRolePolicy"), at("AttachGroupPolicy"));
    assert!(plan.steps[attach].needs.contains(&crossrole_model::StepId(put)), "{:#?}", plan.steps);
    assert!(!plan.steps.iter().any(|s| s.call.operation().starts_with("CreatePolicy")), "{:#?}", plan.steps);
}

#[test]
fn who_holds_a_policy_of_ours_without_being_declared_loses_it() {
    row("a user and a group", GROUP)
        .after(GROUP)
        .then(|e| {
            add_user(e, "eve", &[]);
            add_group(e, "Others");
            let arn = dev(e).policies.values().next().unwrap().arn.clone();
            dev(e).users.get_mut("eve").unwrap().attached.insert(arn.clone());
            dev(e).groups.get_mut("others").unwrap().attached.insert(arn);
        })
        .plans(&[
            "- dev/attachment/group/Others/crossrole-caller-group-Devs (NotInManifest): DetachGroupPolicy",
            "- dev/attachment/user/eve/crossrole-caller-group-Devs (NotInManifest): DetachUserPolicy",
        ]);
    row("who is in a group of ours without being declared leaves it", GROUP)
        .after(GROUP)
        .then(|e| add_user(e, "eve", &["Devs"]))
        .plans(&["- dev/membership/Devs/eve (NotInManifest): RemoveUserFromGroup"]);
    let nobody = GROUP.replace("members = [\"ann\"]", "members = []");
    row("and of one that is to have nobody in it, whoever is", &nobody)
        .after(&nobody)
        .then(|e| add_user(e, "eve", &["Devs"]))
        .plans(&["- dev/membership/Devs/eve (NotInManifest): RemoveUserFromGroup"]);
    let unsaid = GROUP.replace("members = [\"ann\"]\n", "");
    row("but not one of which nothing says who is in it", &unsaid).after(&unsaid).then(|e| add_user(e, "eve", &["Devs"])).plans(&[]);
    row("nor a group that others made", GROUP).then(|e| add_group(e, "Devs")).then(|e| add_user(e, "eve", &["Devs"])).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole",
    ]);
    row("an attachment that somebody took off is put back", GROUP)
        .after(GROUP)
        .then(|e| dev(e).groups.get_mut("devs").unwrap().attached.clear())
        .plans(&["+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy"]);
}

#[test]
fn the_caller_side_goes_with_what_it_is_for() {
    row("the policy goes, the group stays", "[trusted.dev.groups.Devs]\n")
        .after("[trusted.dev.groups.Devs]\n[roles.Reader]\n[[roles.Reader.trust]]\ngroup = \"dev/Devs\"\n")
        .plans(&[
            "- dev/policy/crossrole-caller-group-Devs (NotInManifest): DetachGroupPolicy DeletePolicy",
            "  > Loses(PrincipalRef { kind: Group, name: \"Devs\" })",
            "- role/Reader (NotInManifest): DeleteRole",
            "  > SessionsEnd",
        ]);
    row("user, group, membership, policy", "").after(GROUP).plans(&[
        "- dev/policy/crossrole-caller-group-Devs (NotInManifest): DetachGroupPolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: Group, name: \"Devs\" })",
        "- dev/user/ann (NotInManifest): RemoveUserFromGroup DeleteUser",
        "  > CredentialsFirst",
        "- dev/group/Devs (NotInManifest): DeleteGroup",
        "  > MemberLeaves(\"ann\")",
        "- role/Reader (NotInManifest): DeleteRole",
        "  > SessionsEnd",
    ]);
    row("a group with what others put on it", "")
        .after(GROUP)
        .then(|e| {
            add_user(e, "eve", &["Devs"]);
            let group = dev(e).groups.get_mut("devs").unwrap();
            group.attached.insert("arn:aws:iam::aws:policy/ReadOnlyAccess".into());
            group.inline.insert("Theirs".into(), None);
        })
        .plans(&[
            "- dev/policy/crossrole-caller-group-Devs (NotInManifest): DetachGroupPolicy DeletePolicy",
            "  > Loses(PrincipalRef { kind: Group, name: \"Devs\" })",
            "- dev/user/ann (NotInManifest): RemoveUserFromGroup DeleteUser",
            "  > CredentialsFirst",
            "- dev/group/Devs (NotInManifest): DetachGroupPolicy DeleteGroupPolicy RemoveUserFromGroup DeleteGroup",
            "  > MemberLeaves(\"ann\")",
            "  > MemberLeaves(\"eve\")",
            "  > InlineGoes(\"Theirs\")",
            "  > Detaches(\"arn:aws:iam::aws:policy/ReadOnlyAccess\")",
            "- role/Reader (NotInManifest): DeleteRole",
            "  > SessionsEnd",
        ]);
    row("a user with what others put on it", "[trusted.dev.groups.Devs]\n[roles.Reader]\n[[roles.Reader.trust]]\ngroup = \"dev/Devs\"\n")
        .after(GROUP)
        .then(|e| {
            add_group(e, "Others");
            let user = dev(e).users.get_mut("ann").unwrap();
            user.groups.insert("Others".into());
            user.attached.insert("arn:aws:iam::aws:policy/ReadOnlyAccess".into());
            user.inline.insert("Theirs".into(), None);
        })
        .plans(&[
            "- dev/user/ann (NotInManifest): DetachUserPolicy DeleteUserPolicy RemoveUserFromGroup RemoveUserFromGroup DeleteUser",
            "  > CredentialsFirst",
            "  > InlineGoes(\"Theirs\")",
            "  > Detaches(\"arn:aws:iam::aws:policy/ReadOnlyAccess\")",
            "  > LeavesGroup(\"Others\")",
        ]);
    row("one more role is one version more", &format!("{GROUP}[roles.Writer]\n[[roles.Writer.trust]]\ngroup = \"dev/Devs\"\n"))
        .after(GROUP)
        .plans(&["~ dev/policy/crossrole-caller-group-Devs (Statements): CreatePolicyVersion", "+ role/Writer (Missing): CreateRole"]);
}

/// It may be anybody's: it stays, with whatever it holds, and is named, as a role is.
#[test]
fn a_user_that_lost_its_mark_is_named_when_the_rest_goes() {
    let lines = |user: &str| {
        let lines = [
            "- dev/policy/crossrole-caller-group-Devs (Destroy): DetachGroupPolicy DeletePolicy",
            "  > Loses(PrincipalRef { kind: Group, name: \"Devs\" })",
            "- dev/group/Devs (Destroy): RemoveUserFromGroup DeleteGroup",
            "  > MemberLeaves(\"ann\")",
            "- role/Reader (Destroy): DeleteRole",
            "  > SessionsEnd",
        ];
        lines.into_iter().map(str::to_owned).chain([user.to_owned()]).collect::<Vec<_>>()
    };
    for (mark, user) in [(None, "? dev/user/ann: MarkGone { mark: \"crossrole:manifest=m\" }"), (Some("other"), "? dev/user/ann: Owned(\"other\")")] {
        let expected = lines(user);
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        let row = row("its mark is gone", GROUP).after(GROUP);
        let row = if mark.is_none() { row.then(|e| unmark(e, None)) } else { row.then(|e| unmark(e, Some("other"))) };
        row.destroyed().plans(&expected);
    }
}

fn unmark(e: &mut Observed, owner: Option<&str>) {
    let tags = &mut dev(e).users.get_mut("ann").unwrap().state.tags;
    tags.clear();
    tags.extend(owner.map(|owner| ("crossrole:manifest".to_owned(), owner.to_owned())));
}

const ROLES: &str = r#"
[trusted.dev.roles.App]
[[trusted.dev.roles.App.trust]]
service = "ec2.amazonaws.com"
[roles.Reader]
[[roles.Reader.trust]]
role = "dev/App"
"#;

#[test]
fn roles_that_assume_roles() {
    row("the caller is declared, and has the policy as one of its own", ROLES).plans(&[
        "+ dev/policy/crossrole-caller-role-App (Missing): CreatePolicy",
        "+ dev/role/App (Missing): CreateRole AttachRolePolicy",
        "+ role/Reader (Missing): CreateRole",
    ]);
    row("a caller that gets its policy later", ROLES).after(ROLES.split("[roles.Reader]").next().unwrap()).plans(&[
        "+ dev/policy/crossrole-caller-role-App (Missing): CreatePolicy",
        "~ dev/role/App (Attached(\"arn:aws:iam::111111111111:policy/crossrole/caller/crossrole-caller-role-App\")): AttachRolePolicy",
        "+ role/Reader (Missing): CreateRole",
    ]);
    row("gone", "").after(ROLES).plans(&[
        "- dev/policy/crossrole-caller-role-App (NotInManifest): DetachRolePolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: Role, name: \"App\" })",
        "- dev/role/App (NotInManifest): DeleteRole",
        "  > SessionsEnd",
        "- role/Reader (NotInManifest): DeleteRole",
        "  > SessionsEnd",
    ]);
    row("a caller that does not exist", "[roles.Reader]\n[[roles.Reader.trust]]\nrole = \"dev/App\"\n")
        .plans(&["! dev/caller/role/App/m: Missing dev/role/App", "! role/Reader: Missing dev/role/App"]);
    row(
        "an account that is not managed is not touched",
        "[trusted.x]\naccount = \"333333333333\"\nmanage = false\n[roles.Reader]\n[[roles.Reader.trust]]\nrole = \"x/App\"\n",
    )
    .plans(&["+ role/Reader (Missing): CreateRole"]);
}

#[test]
fn a_bucket_that_lets_a_user_in_directly() {
    let direct = "[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\nuser = \"dev/ann\"\naccess = \"get\"\n[trusted.dev.users.ann]\n";
    row("user first, then the policy that names it, then its own", direct).plans(&[
        "+ dev/policy/crossrole-caller-user-ann (Missing): CreatePolicy",
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/attachment/user/ann/crossrole-caller-user-ann (Missing): AttachUserPolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
    ]);
    row("gone: the policy first, then the user", "[buckets.data-bucket]\n").after(direct).plans(&[
        "- dev/policy/crossrole-caller-user-ann (NotInManifest): DetachUserPolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: User, name: \"ann\" })",
        "- dev/user/ann (NotInManifest): DeleteUser",
        "  > CredentialsFirst",
        "- bucket-policy/data-bucket (NotInManifest): DeleteBucketPolicy",
    ]);
}

/// A tag may be what lets a user in: it is not passed over where the user is somebody else's.
#[test]
fn tags_of_a_user_that_is_not_ours_are_not_passed_over() {
    let tagged = "[trusted.dev.users.ann]\ntags = { team = \"data\" }\n";
    let said = "? part of dev/user/ann: Unmarked crossrole:manifest=m, with a command";
    row("without the tag", tagged).first(|e| add_user(e, "ann", &[])).plans(&[said]);
    row("with another value", tagged)
        .first(|e| {
            add_user(e, "ann", &[]);
            dev(e).users.get_mut("ann").unwrap().state.tags = [("team".to_owned(), "red".to_owned())].into();
        })
        .plans(&[said]);
    row("as it is", tagged)
        .first(|e| {
            add_user(e, "ann", &[]);
            dev(e).users.get_mut("ann").unwrap().state.tags = [("team".to_owned(), "data".to_owned())].into();
        })
        .plans(&[]);
    row("none is declared", "[trusted.dev.users.ann]\n").first(|e| add_user(e, "ann", &[])).plans(&[]);
}

/// Grants of one user on buckets, by name; on keys, by label.
const GRANTS: [(&str, &str); 8] = [
    ("buckets.bucket-1", "access = \"get\""),
    ("buckets.bucket-2", "access = \"get\""),
    ("buckets.bucket-3", "access = \"read-write\""),
    ("buckets.bucket-4", "access = \"read\"\nprefix = \"x/\""),
    ("buckets.bucket-5", "access = \"read\"\nprefix = \"x/\""),
    ("buckets.bucket-6", "access = \"read\"\nprefix = \"y/\""),
    ("keys.key-1", "access = \"decrypt\""),
    ("keys.key-2", "access = \"decrypt\""),
];

fn granted(grants: &[(&str, &str)]) -> String {
    let mut text = "[trusted.dev.users.ann]\n".to_owned();
    for (what, access) in grants {
        let id = what.strip_prefix("keys.key-").map(|n| format!("arn = \"arn:aws:kms:us-east-1:{PROD}:key/11111111-2222-3333-4444-55555555555{n}\"\n"));
        let arn = id.unwrap_or_default();
        text.push_str(&format!("[{what}]\n{arn}[[{what}.allow]]\nuser = \"dev/ann\"\n{access}\n"));
    }
    text
}

fn own_statements(body: &str) -> Vec<Statement> {
    let desired = desired(&manifest(body));
    let of = |state: &DesiredState| if let DesiredState::Caller { statements, .. } = state { statements.clone() } else { Vec::new() };
    desired.objects.values().flat_map(|object| of(&object.state)).collect()
}

/// Of each resource by itself: what is let, and on which conditions.
fn pieces(statements: &[Statement]) -> BTreeSet<String> {
    let each = |s: &Statement| {
        let values = s.resource.clone().unwrap().values;
        values.into_iter().map(|value| format!("{:?}", Statement { sid: None, resource: Some(Element::of([value])), ..s.clone() })).collect::<Vec<_>>()
    };
    statements.iter().flat_map(each).collect()
}

#[test]
fn what_is_let_on_many_buckets_is_said_once_and_no_more_than_of_each() {
    let all = own_statements(&granted(&GRANTS));
    let alone: BTreeSet<String> = GRANTS.iter().flat_map(|grant| pieces(&own_statements(&granted(&[*grant])))).collect();
    assert_eq!(pieces(&all), alone);
    let kinds: BTreeSet<String> = all.iter().map(|s| format!("{:?}", Statement { sid: None, resource: None, ..s.clone() })).collect();
    assert_eq!(kinds.len(), all.len(), "{all:#?}");
    let sids: BTreeSet<&str> = all.iter().map(Statement::sid).collect();
    assert_eq!(sids.len(), all.len(), "{all:#?}");
    // What comes and goes changes no other statement's id.
    for less in [&GRANTS[1..], &GRANTS[..5]] {
        let fewer = own_statements(&granted(less));
        assert!(fewer.iter().all(|s| sids.contains(s.sid())), "{fewer:#?}");
    }
}

/// As every manifest was written before: a statement for each bucket, with an id of its own.
fn apart(e: &mut Observed) {
    let policy = dev(e).policies.values_mut().next().unwrap();
    let whole = std::mem::take(&mut policy.state.document.statements);
    let each = whole.into_iter().flat_map(|s| {
        let values = s.resource.clone().unwrap().values.into_iter().enumerate();
        values.map(move |(n, value)| Statement { sid: Some(format!("{}x{n}", s.sid())), resource: Some(Element::of([value])), ..s.clone() }).collect::<Vec<_>>()
    });
    policy.state.document.statements = each.collect();
}

#[test]
fn one_statement_a_bucket_becomes_one_for_all_in_one_call() {
    let buckets = |count: usize| granted(&GRANTS[..count]).replace("bucket-1", "data-bucket").replace("bucket-2", "data-other");
    let add: fn(&mut Observed) = |e| crate::world::add_bucket(e, PROD, "data-other", "us-east-1");
    row("it is rewritten once", &buckets(2))
        .first(add)
        .after(&buckets(2))
        .then(apart)
        .plans(&["~ dev/policy/crossrole-caller-user-ann (Statements): CreatePolicyVersion"]);
    row("with what else has changed", &buckets(1))
        .first(add)
        .after(&buckets(2))
        .then(apart)
        .plans(&["~ dev/policy/crossrole-caller-user-ann (Statements): CreatePolicyVersion", "- bucket-policy/data-other (NotInManifest): DeleteBucketPolicy"]);
}

/// What is withheld of one bucket keeps nothing that was let on another.
#[test]
fn what_is_not_wanted_any_more_goes_whatever_else_is_withheld() {
    let user = "[trusted.dev.users.ann]\n";
    let one = |name: &str, access: &str| format!("[buckets.{name}]\ncreate = true\n[[buckets.{name}.allow]]\nuser = \"dev/ann\"\naccess = \"{access}\"\n");
    let closed = |name: &str| format!("[buckets.{name}]\ncreate = true\n");
    let unmark = |e: &mut Observed| crate::world::bucket(e, "bkt-c").state.tags = Some(Tags::new());
    let let_on = |plan: &Plan| -> Vec<String> {
        let after =
            plan.changes.iter().find_map(|change| if let Some(ObjectState::Policy(policy)) = &change.after { Some(policy.document.clone()) } else { None });
        let statements = after.into_iter().flat_map(|document| document.statements);
        let mut all: Vec<String> =
            statements.flat_map(|s| s.resource.unwrap().values.iter().map(|r| format!("{} {r}", s.action.values.join(" "))).collect::<Vec<_>>()).collect();
        all.sort();
        all
    };
    let before = format!("{user}{}{}", one("bkt-b", "list"), one("bkt-c", "list"));
    for d in ["list", "write"] {
        let now = format!("{user}{}{}{}", closed("bkt-b"), one("bkt-c", "list"), one("bkt-d", d));
        let (_, plan) = row("and one comes", &now).after(&before).then(unmark).planned();
        let on = let_on(&plan);
        assert!(on.iter().any(|on| on.contains("bkt-c")) && on.iter().any(|on| on.contains("bkt-d")), "{on:?}");
        assert!(!on.iter().any(|on| on.contains("bkt-b")), "{on:?}");
    }
    // Of the bucket itself, what was there before stays, and that is said.
    let wider = format!("{user}{}{}", one("bkt-b", "list"), one("bkt-c", "read-write"));
    let now = format!("{user}{}{}{}", closed("bkt-b"), one("bkt-c", "list"), one("bkt-d", "list"));
    let (_, plan) = row("what it is let less", &now).after(&wider).then(unmark).planned();
    let on = let_on(&plan);
    assert!(on.iter().any(|on| on.contains("PutObject") && on.ends_with("bkt-c/*")), "{on:?}");
    assert!(!on.iter().any(|on| on.contains("bkt-b")), "{on:?}");
    let part = "! part of dev/caller/user/ann/m: Withheld bucket/bkt-c";
    assert!(crate::rows::lines(&plan).iter().any(|line| line == part), "{:?}", crate::rows::lines(&plan));
}
