//! Principals of ours that manifests of other runs use too.

use std::collections::BTreeSet;

use crossrole_model::observed::AccountState;
use crossrole_model::ownership;

use crate::draft::Draft;

/// Tells whether what is attached to a principal lets it in by a manifest that is not of this run: that manifest declares the
/// principal too, and would lose it.
pub(super) fn by_another(draft: &Draft<'_>, account: &AccountState, attached: &BTreeSet<String>) -> bool {
    account.policies.values().filter(|policy| attached.contains(&policy.arn)).any(|policy| {
        let owner = ownership::owner(&policy.state.tags).filter(|_| policy.name.starts_with("crossrole-"));
        let mut heads = policy.state.document.statements.iter().filter_map(|s| ownership::sid_head(s.sid()));
        owner.is_some_and(|owner| !draft.owners.contains_key(owner)) || heads.any(|head| !draft.sids.contains_key(head))
    })
}
