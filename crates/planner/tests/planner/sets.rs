//! Statements of ours in the inline policies of permission sets, where IAM Identity Center is said to be somewhere.

use std::collections::BTreeSet;

use crossrole_model::observed::{ObservedRole, ObservedSet, ObservedSets};
use crossrole_model::state::{RoleState, SetState, Tags};
use crossrole_model::{AccountId, Call, IdentityCenter, Observation, Observed, PermissionSet, SetCall, StepId, Unreadable};
use crossrole_policy::Document;

use crate::rows::{DEV, Row, row};
use crate::world::id;

const TO_DEV: &str = "  > Provisions({AccountId(\"111111111111\")})";
const SETS: &str = "999999999999permission-set";

pub(crate) const LETS: &str = r#"
[roles.Reader]
[[roles.Reader.trust]]
permission_set = "dev/Developers"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
"#;

const FOREIGN: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Action":"logs:Get*","Resource":"*"}]}"#;

pub(crate) fn at() -> IdentityCenter {
    IdentityCenter { instance: "arn:aws:sso:::instance/ssoins-1234567890abcdef".into(), account: id("999999999999"), region: "eu-west-1".into() }
}

fn add(e: &mut Observed, name: &str, document: Option<Document>, accounts: &[&str]) {
    let arn = format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{name}");
    let set = ObservedSet { arn, state: SetState { document, late: BTreeSet::new() }, accounts: accounts.iter().map(|account| id(account)).collect() };
    let sets = e.permission_sets.get_or_insert(Observation::Known(ObservedSets::default()));
    let Observation::Known(sets) = sets else { panic!("they are not known") };
    sets.sets.insert(name.to_owned(), Observation::Known(set));
}

/// Two sets, one of them with a policy of somebody else's.
pub(crate) fn there(e: &mut Observed) {
    add(e, "Developers", Some(crossrole_policy::parse(FOREIGN).unwrap()), &[DEV, "333333333333"]);
    add(e, "Others", None, &[DEV]);
}

fn set(e: &mut Observed, edit: impl FnOnce(&mut ObservedSet)) {
    let Some(Observation::Known(sets)) = &mut e.permission_sets else { panic!("they are not known") };
    let Some(Observation::Known(found)) = sets.sets.get_mut("Developers") else { panic!("it is not known") };
    edit(found);
}

fn rows(name: &'static str) -> Row {
    row(name, LETS).in_center(at()).first(there)
}

#[test]
fn what_it_needs_is_put_beside_what_others_have_there_and_provisioned() {
    rows("new").plans(&[
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        &format!("~ {SETS}/Developers (Missing): PutInlinePolicyToPermissionSet ProvisionPermissionSet"),
        TO_DEV,
    ]);
    let (_, plan) = rows("").planned();
    let at = |operation: &str| plan.steps.iter().position(|s| s.call.operation() == operation).unwrap();
    let put = &plan.steps[at("PutInlinePolicyToPermissionSet")];
    let Call::Set(SetCall::PutPolicy { document, .. }) = &put.call else { panic!("{put:?}") };
    let text = document.to_json();
    assert!(text.contains("Theirs") && text.contains("\"aws:PrincipalAccount\":\"111111111111\"") && text.contains("role/Reader"), "{text}");
    assert!(put.needs.contains(&StepId(at("PutRolePolicy"))), "the role is complete before anybody may assume it");
    assert!(plan.steps[at("ProvisionPermissionSet")].needs.contains(&StepId(at("PutInlinePolicyToPermissionSet"))));
    assert!(plan.by_hand.is_empty());
    rows("nothing is left").after(LETS).plans(&[]);
}

#[test]
fn without_an_instance_it_is_written_by_hand() {
    let (_, plan) = row("", LETS).first(there).planned();
    assert!(plan.by_hand.len() == 1 && plan.steps.iter().all(|s| !matches!(s.call, Call::Set(_))));
}

#[test]
fn what_has_not_reached_its_roles_is_provisioned() {
    let late: fn(&mut Observed) = |e| set(e, |found| found.state.late.clone_from(&found.accounts));
    rows("stopped in between").after(LETS).then(late).plans(&[&format!("~ {SETS}/Developers (Provisioned): ProvisionPermissionSet"), TO_DEV]);
    // What others have not provisioned is theirs, where nothing of ours is in it.
    row("theirs", "").in_center(at()).first(there).then(late).plans(&[]);
}

#[test]
fn what_somebody_took_out_is_put_back_and_what_they_added_stays() {
    let spoilt: fn(&mut Observed) = |e| set(e, |found| found.state.document = Some(crossrole_policy::parse(FOREIGN).unwrap()));
    rows("spoilt").after(LETS).then(spoilt).plans(&[&format!("~ {SETS}/Developers (Missing): PutInlinePolicyToPermissionSet ProvisionPermissionSet"), TO_DEV]);
    let gone: fn(&mut Observed) = |e| set(e, |found| found.state.document = None);
    rows("all gone").after(LETS).then(gone).plans(&[&format!("~ {SETS}/Developers (Missing): PutInlinePolicyToPermissionSet ProvisionPermissionSet"), TO_DEV]);
}

#[test]
fn it_goes_from_sets_that_nothing_declares_any_more() {
    let other = LETS.replace("dev/Developers", "dev/Others");
    row("another set", &other).in_center(at()).first(there).after(LETS).plans(&[
        "~ role/Reader (Trust): UpdateAssumeRolePolicy",
        &format!("~ {SETS}/Developers (NotInManifest): PutInlinePolicyToPermissionSet ProvisionPermissionSet"),
        TO_DEV,
        &format!("~ {SETS}/Others (Missing): PutInlinePolicyToPermissionSet ProvisionPermissionSet"),
        TO_DEV,
    ]);
    row("destroyed", &other).in_center(at()).first(there).after(&other).destroyed().plans(&[
        "- role/Reader (Destroy): DeleteRolePolicy DeleteRole",
        "  > SessionsEnd",
        &format!("~ {SETS}/Others (Destroy): DeleteInlinePolicyFromPermissionSet ProvisionPermissionSet"),
        TO_DEV,
    ]);
}

/// What a role of the set in an account has got of ours.
fn role_has(e: &mut Observed, document: &Document) {
    let state = RoleState {
        path: "/aws-reserved/sso.amazonaws.com/".into(),
        trust: crossrole_policy::parse(r#"{"Version":"2012-10-17","Statement":[]}"#).unwrap_or_default(),
        description: String::new(),
        max_session_seconds: 3_600,
        boundary: None,
        tags: Tags::new(),
        inline: [(PermissionSet::INLINE.to_owned(), document.clone())].into(),
        attached: BTreeSet::new(),
    };
    let name = "AWSReservedSSO_Developers_0123456789abcdef".to_owned();
    let role = ObservedRole { name: name.clone(), id: "AROA1".into(), state, instance_profiles: BTreeSet::new() };
    crate::world::account(e, &id(DEV)).roles.insert(name.to_ascii_lowercase(), role);
}

/// It was taken out of the set, and the run ended before that had reached the roles.
#[test]
fn what_was_taken_out_and_has_not_reached_its_roles_is_finished() {
    let begun: fn(&mut Observed) = |e| {
        let mut ours = None;
        set(e, |found| {
            ours = found.state.document.clone();
            found.state.document = Some(crossrole_policy::parse(FOREIGN).unwrap());
            found.state.late.clone_from(&found.accounts);
        });
        role_has(e, &ours.unwrap());
    };
    let provision = format!("~ {SETS}/Developers (Provisioned): ProvisionPermissionSet");
    row("not declared any more", "").in_center(at()).first(there).after(LETS).then(begun).planned();
    let (_, plan) = row("not declared any more", "").in_center(at()).first(there).after(LETS).then(begun).planned();
    let operations: Vec<&str> = plan.steps.iter().map(|s| s.call.operation()).collect();
    assert!(operations.contains(&"ProvisionPermissionSet"), "{operations:?}");
    let (_, plan) = row("destroyed", LETS).in_center(at()).first(there).after(LETS).then(begun).destroyed().planned();
    let of_set = plan.changes.iter().find(|c| c.address.kind == crossrole_model::Kind::PermissionSet).unwrap();
    assert_eq!(of_set.reasons, [crossrole_model::Reason::Differs(crossrole_model::Part::Provisioned)], "{provision}");
}

/// Without an instance nobody looks, and that is said: where something is taken back, of each set; else where a role shows it.
#[test]
fn what_is_in_sets_that_nobody_looks_at_is_said() {
    let said = "? dev/permission-set/Developers: NoIdentityCenter";
    row("taken back", LETS).after(LETS).destroyed().plans(&["- role/Reader (Destroy): DeleteRolePolicy DeleteRole", "  > SessionsEnd", said]);
    let shows: fn(&mut Observed) = |e| {
        let (_, plan) = rows("").planned();
        let document = plan.steps.iter().find_map(|s| if let Call::Set(SetCall::PutPolicy { document, .. }) = &s.call { Some(document.clone()) } else { None });
        role_has(e, &document.unwrap());
    };
    row("a role shows it", LETS).after(LETS).then(shows).plans(&[said]);
}

#[test]
fn what_is_not_there_or_not_read_is_said() {
    let role = "+ role/Reader (Missing): CreateRole PutRolePolicy";
    row("no such set", LETS).in_center(at()).first(|e| add(e, "Others", None, &[])).plans(&[role, &format!("! {SETS}/Developers: NoPermissionSet")]);
    row("not assigned there", LETS).in_center(at()).first(|e| add(e, "Developers", None, &["333333333333"])).plans(&[
        role,
        &format!("~ {SETS}/Developers (Missing): PutInlinePolicyToPermissionSet"),
        &format!("? {SETS}/Developers: NotAssigned({:?})", AccountId::parse(DEV).unwrap()),
    ]);
    let unread: fn(&mut Observed) = |e| e.permission_sets = Some(Observation::Unreadable(Unreadable::not_tried("it")));
    rows("unread").seen(unread).plans(&[role, &format!("! {SETS}/Developers: Unreadable it was not read")]);
    row("unread, and none declared", "").in_center(at()).first(there).seen(unread).plans(&["? permission sets of 999999999999: Unreadable it was not read"]);
    let some: fn(&mut Observed) = |e| {
        let Some(Observation::Known(sets)) = &mut e.permission_sets else { panic!("they are not known") };
        sets.unread = Some(Unreadable::not_tried("the rest"));
    };
    row("some unread", "").in_center(at()).first(there).seen(some).plans(&["? permission sets of 999999999999: Unreadable the rest was not read"]);
}
