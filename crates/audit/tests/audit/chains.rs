//! Chains: who goes on from a role, by the name of a session, and until when.

use crossrole_model::audit::{Audit, Callers, Limits};
use crossrole_model::observed::ObservedRole;

use super::{DEV, MAIN, arn, audited, document, read, role, user};

const BY_ANN: &str = "arn:aws:iam::111111111111:user/ann";

fn trusting(name: &str, statements: &str) -> ObservedRole {
    let mut role = role(name, MAIN, "arn:aws:iam::1:role/x");
    role.state.trust = document(statements);
    role
}

fn allow(principal: &str, condition: &str) -> String {
    format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"{condition}}}"#)
}

/// A user of one account, who may assume the first role of another, from which one in a third account, or in the same, may be assumed.
fn two(first: &str, second: &str, same: bool) -> Audit {
    const THIRD: &str = "333333333333";
    let at = if same { MAIN } else { THIRD };
    let mut entry = trusting("First", first);
    entry.state.inline = [("lets".to_owned(), super::lets(&arn(THIRD, "Second")))].into();
    let end = trusting("Second", second);
    let (main, third) = if same { (vec![entry, end], Vec::new()) } else { (vec![entry], vec![end]) };
    let all = read(vec![(MAIN, main, Vec::new()), (THIRD, third, Vec::new()), (DEV, Vec::new(), vec![user("ann", &arn(MAIN, "First"))])]);
    let found = audited(&all, Limits::default(), &[]);
    assert!(found.chains.iter().flat_map(|chain| &chain.hops).all(|hop| hop.resource == arn(MAIN, "First") || hop.resource == arn(at, "Second")));
    found
}

/// Whoever assumes a role calls the session as he likes, as far as the trust lets him.
#[test]
fn a_session_that_a_trust_names_goes_on() {
    let session = |name: &str| format!("arn:aws:sts::{MAIN}:assumed-role/{name}");
    let named = |condition: &str| format!(r#","Condition":{{{condition}}}"#);
    let deny = |name: &str| allow(&session(name), "").replace("Allow", "Deny");
    let any = || allow(BY_ANN, "");
    let ci = || allow(&session("First/ci"), "");
    for (first, second, goes_on) in [
        (any(), ci(), true),
        (any(), allow(&session("Other/ci"), ""), false),
        (allow(BY_ANN, &named(r#""StringEquals":{"sts:RoleSessionName":"ci"}"#)), ci(), true),
        (allow(BY_ANN, &named(r#""StringLike":{"sts:RoleSessionName":["ops-*","c?"]}"#)), ci(), true),
        (allow(BY_ANN, &named(r#""StringLike":{"sts:RoleSessionName":"ops-*"}"#)), ci(), false),
        (allow(BY_ANN, &named(r#""StringNotEquals":{"sts:RoleSessionName":"ci"}"#)), ci(), false),
        (allow(BY_ANN, &named(r#""StringNotLike":{"sts:RoleSessionName":"ops-*"}"#)), ci(), true),
        (allow(BY_ANN, &named(r#""StringEquals":{"sts:RoleSessionName":"${aws:username}"}"#)), ci(), false),
        (allow(BY_ANN, &named(r#""StringEquals":{"sts:RoleSessionName":"${aws:username}"}"#)), allow(&session("First/ann"), ""), true),
        (any(), format!("{},{}", ci(), deny("First/ci")), false),
        (any(), format!("{},{}", allow(&arn(MAIN, "First"), ""), deny("First/ci")), true),
        (any(), format!("{},{}", allow(&arn(MAIN, "First"), ""), ci()), true),
    ] {
        let found = two(&first, &second, false);
        assert_eq!(found.chains.len(), usize::from(goes_on), "{first}\n{second}\n{:#?}", found.chains);
    }
    // In one account the trust is enough.
    assert_eq!(two(&any(), &ci(), true).chains.len(), 1);
}

#[test]
fn of_a_session_that_comes_in_it_is_known_whether_its_role_lets_it() {
    let found = two(&allow(BY_ANN, ""), &allow(&format!("arn:aws:sts::{MAIN}:assumed-role/First/ci"), ""), false);
    let callers: Vec<Callers> = found.ways.iter().filter(|way| way.to.short() == "role/Second").map(|way| way.callers).collect();
    assert_eq!(callers, [Callers::May]);
}

/// What was for a time that is over is no step, whichever side says it.
#[test]
fn a_step_whose_time_is_over_is_none() {
    let until = |condition: &str| format!(r#","Condition":{{{condition}}}"#);
    let first = arn(MAIN, "First");
    for (condition, goes_on) in [
        (r#""DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}"#, false),
        (r#""DateLessThan":{"aws:CurrentTime":"2099-01-01T00:00:00Z"}"#, true),
        (r#""DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}"#, true),
        (r#""NumericLessThan":{"aws:EpochTime":"1577836800"}"#, false),
        (r#""DateEquals":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}"#, false),
    ] {
        let of_trust = two(&allow(BY_ANN, ""), &allow(&first, &until(condition)), false);
        assert_eq!(of_trust.chains.len(), usize::from(goes_on), "trust: {condition}");
        let mut entry = trusting("First", &allow(BY_ANN, ""));
        let lets = format!(r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"{}}}"#, until(condition));
        entry.state.inline = [("lets".to_owned(), document(&lets))].into();
        let all = vec![(MAIN, vec![entry], Vec::new()), (DEV, vec![trusting("Second", &allow(&first, ""))], vec![user("ann", &first)])];
        let found = audited(&read(all), Limits::default(), &[]);
        assert_eq!(found.chains.len(), usize::from(goes_on), "own policy: {condition}: {:#?}", found.chains);
        assert!(goes_on || found.ways.iter().all(|way| way.callers != Callers::May || way.to.short() != "role/Second"), "{condition}");
    }
}
