//! What would change. A plan is plain data; [`Plan::is_empty`] and [`Plan::can_apply`] are the only definitions of "nothing
//! to do" and "may be carried out".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::access::{AccessDelta, Lockout};
use crate::address::Address;
use crate::call::Call;
use crate::desired::{AccountInfo, ManifestRef};
use crate::facet::{Digest, Facet};
use crate::ids::{AccountId, Partition};
use crate::observed::Scope;
use crate::state::ObjectState;

/// What happens to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Before: nothing. After: the object.
    Create,
    /// The object on both sides.
    Update,
    /// The object on both sides, but it is deleted and made anew.
    Replace,
    /// Before: the object. After: nothing.
    Delete,
}

/// Completes "because …"; for people, never branched on when applying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is declared and does not exist.
    Missing,
    /// It is ours and no manifest declares it any more.
    NotInManifest,
    /// Everything of the manifest is being destroyed.
    Destroy,
    /// This part differs: `trust policy`, `inline policy X`.
    Differs(String),
    /// Somebody else put this policy on a role that is declared whole.
    ForeignPolicy(String),
    /// A principal that no longer exists is left in the document under its unique id.
    OrphanedPrincipal(String),
    /// This immutable part differs, so the object is deleted and made anew.
    Immutable(String),
    /// The manifest says to take it over.
    Adopted,
}

/// One object: before, after, why. For people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which object.
    pub address: Address,
    /// What happens to it.
    pub action: Action,
    /// As read; `None` when it is made.
    pub before: Option<ObjectState>,
    /// As it will be; `None` when it is deleted.
    pub after: Option<ObjectState>,
    /// Why, never empty.
    pub reasons: Vec<Reason>,
    /// What else happens because of it, named before it happens.
    pub consequences: Vec<String>,
    /// The manifest that asks for it.
    pub manifest: String,
}

/// Index into [`Plan::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepId(pub usize);

/// Exactly one AWS call, finished: nothing is left to decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Index of the change it belongs to.
    pub change: usize,
    /// The account whose credentials make the call.
    pub account: AccountId,
    /// The call.
    pub call: Call,
    /// Steps that must be done before.
    pub needs: Vec<StepId>,
    /// The part of the object that it writes.
    pub facet: Facet,
    /// Digest of that part that it expects to find.
    pub before: Digest,
    /// Digest of that part that it leaves.
    pub after: Digest,
}

/// Something that could not be planned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Withheld {
    /// What: an address, or a whole account.
    pub what: String,
    /// Why, as a lower-case phrase.
    pub why: String,
    /// What to do about it.
    pub advice: String,
    /// True when a declared object is concerned, so that the plan does not reach what the manifest says.
    pub blocks: bool,
}

/// A document close to its quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// `role X, trust policy`.
    pub what: String,
    /// Characters or bytes used after the plan.
    pub used: usize,
    /// The quota.
    pub limit: usize,
}

/// A plan: changes for people, steps for machines, and what is neither.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The manifests it was made from.
    pub manifests: Vec<ManifestRef>,
    /// Every account of the run.
    pub accounts: BTreeMap<AccountId, AccountInfo>,
    /// The partition all accounts lie in.
    pub partition: Partition,
    /// What was read for it, and is read again after it.
    pub scope: Scope,
    /// It takes back what the manifests own; what they declare is not what will be.
    #[serde(default)]
    pub destroy: bool,
    /// Changes, sorted by address.
    pub changes: Vec<Change>,
    /// Steps, each after those it needs.
    pub steps: Vec<Step>,
    /// What could not be planned.
    pub withheld: Vec<Withheld>,
    /// Documents close to their quota.
    pub meters: Vec<Meter>,
    /// What people have to do in accounts that are not managed.
    pub notes: Vec<String>,
    /// Who gains and who loses; `None` when nobody has asked.
    #[serde(default)]
    pub access: Option<AccessDelta>,
    /// What the runner could not do any more after it, and so not take it back.
    #[serde(default)]
    pub lockouts: Vec<Lockout>,
    /// Calls made to read, by account.
    pub calls: BTreeMap<AccountId, u64>,
}

impl Plan {
    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Tells whether there is something to do. Withheld objects do not stop the others.
    pub fn can_apply(&self) -> bool {
        !self.is_empty()
    }

    /// Tells whether something that a manifest declares was withheld.
    pub fn is_blocked(&self) -> bool {
        self.withheld.iter().any(|w| w.blocks)
    }

    /// Returns how many changes have this action.
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|c| c.action == action).count()
    }
}
