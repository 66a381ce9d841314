//! Facts of decisions.

use crossrole_model::access::{Assumption, Because, Decision, Explanation, Fix, Lack, Layer, Never, Party, Relation, StatementRef};
use crossrole_model::observed::KeyState;

use super::covers;

pub(crate) fn lacks(t: &str) -> Vec<Lack> {
    let list = || vec![t.to_owned(), "b".to_owned()];
    let condition = |key: &str, relation, actual| Lack::Condition { operator: t.into(), key: key.into(), relation, wanted: list(), actual };
    let all = vec![
        Lack::Principal,
        Lack::Action { wanted: list(), negated: false },
        Lack::Action { wanted: list(), negated: true },
        Lack::Resource { wanted: list(), negated: false },
        Lack::Resource { wanted: list(), negated: true },
        condition(t, None, None),
        condition(t, Some(Relation::Present), None),
        condition(t, Some(Relation::Absent), Some(list())),
        condition("sts:ExternalId", Some(Relation::Present), Some(list())),
    ];
    let number = |lack: &Lack| match lack {
        Lack::Principal => 0,
        Lack::Action { .. } => 1,
        Lack::Resource { .. } => 2,
        Lack::Condition { .. } => 3,
    };
    covers(all.iter().map(number), 4);
    all
}

pub(crate) fn statement(t: &str) -> StatementRef {
    StatementRef { place: t.into(), number: 1, sid: t.into() }
}

const LAYERS: [Layer; 7] =
    [Layer::Identity, Layer::Resource, Layer::Boundary, Layer::Session, Layer::ServiceControl, Layer::ResourceControl, Layer::PublicAccessBlock];

pub(crate) fn becauses(t: &str) -> Vec<Because> {
    let mut all = vec![
        Because::Root,
        Because::Free,
        Because::Allowed { by: vec![statement(t), StatementRef { sid: String::new(), ..statement(t) }] },
        Because::Denied { by: statement(t) },
        Because::PublicAccessBlock,
        Because::Never { why: Never::OtherAccount },
        Because::Never { why: Never::RootAssumes },
        Because::Never { why: Never::FederatedUser },
        Because::Never { why: Never::OfSession },
        Because::Never { why: Never::Unsigned },
        Because::Nothing,
        Because::KeyState { state: KeyState::Disabled },
        Because::KeyState { state: KeyState::PendingDeletion },
        Because::KeyState { state: KeyState::Other(t.into()) },
    ];
    all.extend(lacks(t).into_iter().map(|lack| Because::Nearly { statement: statement(t), lacks: vec![lack] }));
    all.extend(LAYERS.into_iter().map(|layer| Because::NoneOf { layer }));
    let number = |because: &Because| match because {
        Because::Root => 0,
        Because::Free => 1,
        Because::Allowed { .. } => 2,
        Because::Denied { .. } => 3,
        Because::PublicAccessBlock => 4,
        Because::Nearly { .. } => 5,
        Because::NoneOf { .. } => 6,
        Because::Nothing => 7,
        Because::Never { why: Never::OtherAccount } => 8,
        Because::Never { why: Never::RootAssumes } => 9,
        Because::Never { why: Never::FederatedUser } => 10,
        Because::KeyState { .. } => 11,
        Because::Never { why: Never::OfSession } => 12,
        Because::Never { why: Never::Unsigned } => 13,
    };
    covers(all.iter().map(number), 14);
    all
}

pub(crate) fn fixes(t: &str) -> Vec<Fix> {
    let mut all = vec![
        Fix::Bring { statement: statement(t), keys: vec![t.into(), "b".into()] },
        Fix::None,
        Fix::Except { statement: statement(t), open: Vec::new() },
        Fix::Except { statement: statement(t), open: vec![t.into(), "b".into()] },
        Fix::NotPublic,
        Fix::Trust,
    ];
    all.extend([KeyState::Disabled, KeyState::PendingDeletion, KeyState::Other(t.into())].map(|state| Fix::Key { state }));
    all.extend(LAYERS.into_iter().map(|layer| Fix::Allow { layer }));
    all.extend(lacks(t).into_iter().map(|lack| Fix::Complete { statement: statement(t), lack }));
    let number = |fix: &Fix| match fix {
        Fix::None => 0,
        Fix::Except { .. } => 1,
        Fix::NotPublic => 2,
        Fix::Trust => 3,
        Fix::Allow { .. } => 4,
        Fix::Complete { .. } => 5,
        Fix::Key { .. } => 6,
        Fix::Bring { .. } => 7,
    };
    covers(all.iter().map(number), 8);
    all
}

pub(crate) fn assumptions(t: &str) -> Vec<Assumption> {
    let all = vec![
        Assumption::OwnAccount,
        Assumption::ResourcePolicy,
        Assumption::KeyPolicy,
        Assumption::NoGrant,
        Assumption::Encryption { bucket: t.into() },
        Assumption::OwnPolicies,
        Assumption::UnknownPolicies,
        Assumption::Unread { policies: vec![t.into(), "b".into()] },
        Assumption::NotGiven { keys: vec![t.into(), "b".into()] },
        Assumption::RoleTags { keys: vec![t.into()] },
        Assumption::BucketTags { bucket: t.into(), tags: [(t.into(), t.into())].into() },
        Assumption::AsItsBucket { key: t.into() },
        Assumption::OfUserOfItsName,
        Assumption::NoBlock { bucket: t.into() },
    ];
    let number = |assumption: &Assumption| match assumption {
        Assumption::OwnAccount => 0,
        Assumption::ResourcePolicy => 1,
        Assumption::KeyPolicy => 2,
        Assumption::OwnPolicies => 3,
        Assumption::UnknownPolicies => 4,
        Assumption::Unread { .. } => 5,
        Assumption::NoGrant => 6,
        Assumption::Encryption { .. } => 7,
        Assumption::NotGiven { .. } => 8,
        Assumption::RoleTags { .. } => 9,
        Assumption::AsItsBucket { .. } => 10,
        Assumption::OfUserOfItsName => 11,
        Assumption::NoBlock { .. } => 12,
        Assumption::BucketTags { .. } => 13,
    };
    covers(all.iter().map(number), 14);
    all
}

/// An answer with this reason.
pub(crate) fn answer(t: &str, because: Because) -> Explanation {
    let decision = if matches!(because, Because::Root | Because::Free | Because::Allowed { .. }) { Decision::Allowed } else { Decision::ImplicitlyDenied };
    Explanation {
        party: Party::Role { arn: format!("arn:aws:iam::222222222222:role/{t}") },
        action: t.into(),
        resource: format!("arn:aws:s3:::{t}"),
        decision,
        layer: None,
        because,
        fixes: Vec::new(),
        needs: Vec::new(),
        reasons: Vec::new(),
        assumed: Vec::new(),
    }
}
