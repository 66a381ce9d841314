//! Managed policies on roles: which are known, and what they allow.

use crossrole_model::desired::DocumentRef;
use crossrole_model::state::RoleState;
use crossrole_model::{Address, Desired, DesiredState, Kind};
use crossrole_policy::{Arn, Document, parse};

use crate::{Doc, Use};

/// Policies of AWS's own that let nearly everything, as the AWS managed policy reference has them. AWS adds to them, so that they are
/// enough to warn of what is there, and not to tell what is not.
const NEARLY: &[(&str, &str)] = &[
    ("IAMFullAccess", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}"#),
    ("PowerUserAccess", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"}]}"#),
];

/// What a policy of AWS's own allows, at the least; `None`: that is not known here.
pub(crate) fn at_least(arn: &str) -> Option<Document> {
    crossrole_access::aws_managed(arn).or_else(|| {
        let name = arn.split_once(":iam::aws:policy/")?.1;
        let (_, text) = NEARLY.iter().find(|(known, _)| *known == name)?;
        parse(text).ok()
    })
}

/// Tells whether a policy is declared by a manifest of the run: it is looked at where it stands.
fn is_declared(desired: &Desired, role: &Address, arn: &str) -> bool {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let own = Arn::parse(arn).is_some_and(|arn| arn.account == role.account.as_str());
    let address = Address::new(&role.account, Kind::Policy, name);
    own && desired.objects.get(&address).is_some_and(|object| matches!(object.state, DesiredState::Policy(_)))
}

/// The policies on a role that are known, and the names of those that are not.
pub(crate) fn of(desired: &Desired, role: &Address, state: &RoleState) -> (Vec<Doc>, Vec<String>) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for arn in state.attached.iter().filter(|arn| !is_declared(desired, role, arn)) {
        let name = arn.rsplit('/').next().unwrap_or(arn).to_owned();
        match at_least(arn) {
            Some(document) => known.push(Doc {
                address: role.clone(),
                used: Use::Identity,
                part: DocumentRef::Attached(arn.clone()),
                document,
                place: format!("policy {name} of {}", role.short()),
                live: false,
            }),
            None => unknown.push(name),
        }
    }
    (known, unknown)
}
