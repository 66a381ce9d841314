//! Users' permissions boundaries, from what was read to what is said.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::{Context, Estate, Objects, Question};
use crossrole_model::observed::{AccountState, Observation, ObservedPolicy, ObservedUser};
use crossrole_model::state::{PolicyState, Tags, UserState};
use crossrole_model::{AccountId, Observed, Partition};

use crate::delta::{allow, document, lines};

const BOUNDARY: &str = "arn:aws:iam::111111111111:policy/Boundary";
const ANN: &str = "arn:aws:iam::111111111111:user/ann";

/// A user who may do everything within a boundary that allows this; `read`: the boundary's document is known.
fn estate(boundary: Option<&str>, allows: &str, read: bool) -> Estate {
    let account = AccountId::parse("111111111111").unwrap();
    let mut state = AccountState::default();
    let user = ObservedUser {
        name: "ann".to_owned(),
        id: "AIDAEXAMPLE".to_owned(),
        state: UserState { path: "/".to_owned(), tags: Tags::new() },
        boundary: boundary.map(str::to_owned),
        groups: BTreeSet::new(),
        attached: BTreeSet::new(),
        inline: BTreeMap::from([("all".to_owned(), Some(document(&allow("*", "*"))))]),
    };
    state.users.insert("ann".to_owned(), user);
    if read {
        let policy = ObservedPolicy {
            name: "Boundary".to_owned(),
            arn: BOUNDARY.to_owned(),
            state: PolicyState { path: "/".to_owned(), description: String::new(), document: document(&allow(allows, "*")), tags: Tags::new() },
            old_versions: Vec::new(),
            history: Vec::new(),
        };
        state.policies.insert("boundary".to_owned(), policy);
    }
    let observed = Observed { accounts: BTreeMap::from([(account, Observation::Known(state))]), ..Observed::default() };
    Objects::observed(&observed, Partition::default()).estate()
}

fn may(estate: &Estate, action: &str) -> bool {
    let question = Question {
        principal: ANN.to_owned(),
        via: Vec::new(),
        action: action.to_owned(),
        resource: "arn:aws:s3:::data/x".to_owned(),
        resource_account: Some("111111111111".to_owned()),
        context: Context::default(),
        unread_allows: false,
    };
    estate.ask(&question).last().unwrap().is_allowed()
}

#[test]
fn a_users_boundary_bounds_every_answer() {
    let bounded = estate(Some(BOUNDARY), "s3:GetObject", true);
    assert!(may(&bounded, "s3:GetObject") && !may(&bounded, "s3:PutObject"));
    assert!(may(&estate(None, "s3:GetObject", true), "s3:PutObject"));
}

#[test]
fn widening_the_policy_that_is_a_users_boundary_is_said() {
    let side = |allows: &str| estate(Some(BOUNDARY), allows, true);
    let said = lines(&side("s3:GetObject"), &side("s3:*Object"));
    assert!(said.iter().any(|l| l.starts_with("+ user ann of 111111111111 gains s3:DeleteObject, s3:PutObject, ")), "{said:#?}");
    let said = lines(&side("s3:GetObject"), &estate(None, "s3:GetObject", true));
    assert!(said.iter().any(|l| l.starts_with("+ user ann of 111111111111 gains ")), "{said:#?}");
    // One that was not read bounds nothing that is known, and what comes of it is not decided.
    let said = lines(&estate(Some(BOUNDARY), "s3:GetObject", false), &estate(None, "s3:GetObject", false));
    assert!(
        said.contains(&format!("? user ann of 111111111111 on {BOUNDARY}: not decided: its document was not read, and what it allows is not counted")),
        "{said:#?}"
    );
    assert!(said.iter().all(|line| line.starts_with("? ")), "{said:#?}");
}
