//! Accounts that no manifest of the run names any more: nobody looks into them, whatever was made there.

use std::collections::BTreeSet;

use crossrole_model::desired::DesiredState;
use crossrole_model::{AccountId, Cause, Desired, Observation, Subject, Withheld, ownership};
use crossrole_policy::{Arn, Effect, Statement};

use crate::draft::Draft;

use super::{our_owner, read_accounts};

/// Says which accounts live statements of ours still let in that nothing of `declared` names: once those are rewritten, nothing tells of them.
pub(crate) fn note(draft: &mut Draft<'_>, declared: &Desired) {
    let named: BTreeSet<AccountId> = declared.objects.values().flat_map(|object| statements(&object.state)).flat_map(accounts).collect();
    let unnamed = live(draft).into_iter().filter(|account| !declared.accounts.contains_key(account) && !named.contains(account));
    let said = |account| Withheld { subject: Subject::Account { account, label: "not named".to_owned() }, cause: Cause::Unnamed, blocks: false };
    draft.withheld.extend(unnamed.map(said).collect::<Vec<_>>());
}

/// Accounts that are let in by trusts of roles of ours, and by our statements in policies of buckets and keys.
fn live(draft: &Draft<'_>) -> BTreeSet<AccountId> {
    let roles = read_accounts(draft).into_iter().flat_map(|(_, state)| state.roles.values());
    let trusts = roles.filter(|role| our_owner(draft, &role.state.tags).is_some()).flat_map(|role| &role.state.trust.statements);
    let of_buckets = draft.observed.buckets.values().filter_map(|bucket| bucket.known()?.as_ref()?.policy.known()?.document.as_ref());
    let of_keys = draft.observed.keys.values().filter_map(Observation::known).flatten().filter_map(|key| Some(&key.policy.known()?.document));
    let shared = of_buckets.chain(of_keys).flat_map(|document| &document.statements);
    let written = shared.filter(|statement| ownership::sid_head(statement.sid()).is_some_and(|head| draft.sids.contains_key(head)));
    trusts.chain(written).flat_map(accounts).collect()
}

/// What is declared to let somebody in.
fn statements(state: &DesiredState) -> Vec<&Statement> {
    match state {
        DesiredState::Role { state, .. } => state.trust.statements.iter().collect(),
        DesiredState::BucketPolicy { statements, .. } => statements.iter().collect(),
        DesiredState::KeyPolicy { grants, .. } => grants.iter().map(|grant| &grant.statement).collect(),
        _ => Vec::new(),
    }
}

/// The accounts of whom a statement lets in.
fn accounts(statement: &Statement) -> BTreeSet<AccountId> {
    let principals = statement.principal.iter().filter(|_| statement.effect == Effect::Allow).filter_map(|principal| principal.entries.get("AWS")).flatten();
    principals.filter_map(|value| AccountId::parse(value).or_else(|| AccountId::parse(Arn::parse(value)?.account))).collect()
}
