//! A runner that is a session of a role, and a plan that changes who may assume that role.

use std::collections::BTreeSet;

use crossrole_access::{delta, lockout};

use crate::delta::{APP, QUIET, TRUST_APP, estate};

const RUNNER: &str = "arn:aws:sts::222222222222:assumed-role/App/pipeline";
const ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

fn lost(trust: &str, runner: &str) -> Vec<String> {
    let (before, after) = (estate(ALL, &[], TRUST_APP, QUIET), estate(ALL, &[], trust, QUIET));
    lockout(&before, &after, &BTreeSet::from([runner.to_owned()]), &delta(&before, &after)).iter().map(crossrole_report::lockout).collect()
}

#[test]
fn who_can_no_longer_assume_the_runners_role_is_named() {
    let bob = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:user/bob"},"Action":"sts:AssumeRole"}"#;
    let expected = format!("any principal of 222222222222 that its own policies let could no longer assume {APP}, which {RUNNER} is a session of");
    assert!(lost(bob, RUNNER).contains(&expected), "{:?}", lost(bob, RUNNER));
    let mfa = TRUST_APP.replace(r#""Action""#, r#""Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}},"Action""#);
    assert!(lost(&mfa, RUNNER).contains(&format!("{expected}, under all conditions of before")), "{:?}", lost(&mfa, RUNNER));
    let more = format!("{TRUST_APP},{bob}");
    assert_eq!(lost(&more, RUNNER), Vec::<String>::new(), "more may come in");
    let other = "arn:aws:sts::222222222222:assumed-role/Other/pipeline";
    assert_eq!(lost(bob, other), Vec::<String>::new(), "it is not the runner's role");
}
