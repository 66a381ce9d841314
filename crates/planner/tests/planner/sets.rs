//! Statements of ours in the inline policies of permission sets, where IAM Identity Center is said to be somewhere.

use crossrole_model::observed::{ObservedSet, ObservedSets};
use crossrole_model::state::SetState;
use crossrole_model::{AccountId, Call, IdentityCenter, Observation, Observed, SetCall, StepId, Unreadable};
use crossrole_policy::Document;

use crate::rows::{DEV, Row, row};
use crate::world::id;

const SETS: &str = "999999999999permission-set";

const LETS: &str = r#"
[roles.Reader]
[[roles.Reader.trust]]
permission_set = "dev/Developers"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
"#;

const FOREIGN: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Action":"logs:Get*","Resource":"*"}]}"#;

fn at() -> IdentityCenter {
    IdentityCenter { instance: "arn:aws:sso:::instance/ssoins-1234567890abcdef".into(), account: id("999999999999"), region: "eu-west-1".into() }
}

fn add(e: &mut Observed, name: &str, document: Option<Document>, accounts: &[&str]) {
    let arn = format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{name}");
    let set = ObservedSet { arn, state: SetState { document, provisioned: true }, accounts: accounts.iter().map(|account| id(account)).collect() };
    let sets = e.permission_sets.get_or_insert(Observation::Known(ObservedSets::default()));
    let Observation::Known(sets) = sets else { panic!("they are not known") };
    sets.sets.insert(name.to_owned(), Observation::Known(set));
}

/// Two sets, one of them with a policy of somebody else's.
fn there(e: &mut Observed) {
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
        "  > Provisions(2)",
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
    let late: fn(&mut Observed) = |e| set(e, |found| found.state.provisioned = false);
    rows("stopped in between").after(LETS).then(late).plans(&[&format!("~ {SETS}/Developers (Provisioned): ProvisionPermissionSet"), "  > Provisions(2)"]);
    // What others have not provisioned is theirs, where nothing of ours is in it.
    row("theirs", "").in_center(at()).first(there).then(late).plans(&[]);
}

#[test]
fn what_somebody_took_out_is_put_back_and_what_they_added_stays() {
    let spoilt: fn(&mut Observed) = |e| set(e, |found| found.state.document = Some(crossrole_policy::parse(FOREIGN).unwrap()));
    rows("spoilt")
        .after(LETS)
        .then(spoilt)
        .plans(&[&format!("~ {SETS}/Developers (Missing): PutInlinePolicyToPermissionSet ProvisionPermissionSet"), "  > Provisions(2)"]);
    let gone: fn(&mut Observed) = |e| set(e, |found| found.state.document = None);
    rows("all gone")
        .after(LETS)
        .then(gone)
        .plans(&[&format!("~ {SETS}/Developers (Missing): PutInlinePolicyToPermissionSet ProvisionPermissionSet"), "  > Provisions(2)"]);
}

#[test]
fn it_goes_from_sets_that_nothing_declares_any_more() {
    let other = LETS.replace("dev/Developers", "dev/Others");
    row("another set", &other).in_center(at()).first(there).after(LETS).plans(&[
        "~ role/Reader (Trust): UpdateAssumeRolePolicy",
        &format!("~ {SETS}/Developers (NotInManifest): PutInlinePolicyToPermissionSet ProvisionPermissionSet"),
        "  > Provisions(2)",
        &format!("~ {SETS}/Others (Missing): PutInlinePolicyToPermissionSet ProvisionPermissionSet"),
        "  > Provisions(1)",
    ]);
    row("destroyed", &other).in_center(at()).first(there).after(&other).destroyed().plans(&[
        "- role/Reader (Destroy): DeleteRolePolicy DeleteRole",
        "  > SessionsEnd",
        &format!("~ {SETS}/Others (Destroy): DeleteInlinePolicyFromPermissionSet ProvisionPermissionSet"),
        "  > Provisions(1)",
    ]);
}

#[test]
fn what_is_not_there_or_not_read_is_said() {
    let role = "+ role/Reader (Missing): CreateRole PutRolePolicy";
    row("no such set", LETS).in_center(at()).first(|e| add(e, "Others", None, &[])).plans(&[role, &format!("! {SETS}/Developers: NoPermissionSet")]);
    row("not assigned there", LETS).in_center(at()).first(|e| add(e, "Developers", None, &["333333333333"])).plans(&[
        role,
        &format!("~ {SETS}/Developers (Missing): PutInlinePolicyToPermissionSet ProvisionPermissionSet"),
        "  > Provisions(1)",
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
