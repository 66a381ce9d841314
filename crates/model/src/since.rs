//! A plan beside what the manifests of another commit say: somebody's hand and this change, told apart.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::access::{AccessChange, AccessDelta, Direction, Undecided};
use crate::address::Address;
use crate::facet::Digest;
use crate::finding::{Finding, Source};
use crate::plan::{Change, Plan};
use crate::withheld::Withheld;

/// What a plan is judged by, besides manifests: a part of it that a change may bring along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// How accounts are reached, and which control policies bind them.
    Settings,
    /// The team's own rules, in the settings.
    Guardrails,
    /// The accounts that there are, and which control policies bind them.
    Directory,
    /// A control policy.
    ControlPolicy,
}

/// What of the commit's grounds this change changes, and what that comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grounds {
    /// Files that are otherwise now, each with what it is.
    pub changed: BTreeSet<(Ground, String)>,
    /// Who gains more by the plan under the control policies of the commit than under those of now.
    pub wider: AccessDelta,
    /// The commit's control policies can't be read: taken to bind nobody.
    pub unread: bool,
}

/// What needs an approval and is in no Access section of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// What the manifests let now and did not before, and is live already, by somebody's hand.
    pub taken_up: AccessDelta,
    /// What the plan gives under the control policies that there were before.
    pub wider: AccessDelta,
}

impl Beside {
    /// All that is gained by it.
    pub fn changes(&self) -> impl Iterator<Item = &AccessChange> {
        self.taken_up.changes.iter().chain(&self.wider.changes)
    }

    /// All of it that nobody can tell.
    pub fn undecided(&self) -> impl Iterator<Item = &Undecided> {
        self.taken_up.undecided.iter().chain(&self.wider.undecided)
    }
}

/// What of `all` widens, or may, and is not said of the plan's own access.
pub fn beyond(plan: &Plan, all: &AccessDelta) -> AccessDelta {
    beyond_all(plan, all, &[])
}

/// The same, that none of `others` says either.
pub fn beyond_all(plan: &Plan, all: &AccessDelta, others: &[&AccessDelta]) -> AccessDelta {
    let said = plan.access.iter().chain(others.iter().copied()).flat_map(|delta| {
        let changes = delta.changes.iter().filter(|change| change.direction == Direction::Widened).map(|change| change.digest(plan));
        changes.chain(delta.undecided.iter().map(|one| one.digest(plan)))
    });
    let said: BTreeSet<Digest> = said.collect();
    let widened = all.changes.iter().filter(|change| change.direction == Direction::Widened && !said.contains(&change.digest(plan)));
    let undecided = all.undecided.iter().filter(|one| !said.contains(&one.digest(plan)));
    AccessDelta { changes: widened.cloned().collect(), undecided: undecided.cloned().collect(), ..AccessDelta::default() }
}

/// A plan beside another commit.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a run has one")]
pub enum Compared {
    /// What differs.
    Since(Since),
    /// What that commit says can't be read, so that nothing is told apart.
    Unread(UnreadBase),
}

/// A commit whose manifests can't be read: it holds up nothing, least of all what repairs it.
#[derive(Debug, Clone, PartialEq)]
pub struct UnreadBase {
    /// The commit as it was asked for.
    pub reference: String,
    /// Its id.
    pub commit: String,
    /// What is wrong there, which says nothing of the manifests as they are now.
    pub mistakes: BaseMistakes,
    /// What of the rest this change changes.
    pub grounds: Grounds,
}

impl Compared {
    /// What it is judged by, as far as this change changes that.
    pub fn grounds(&self) -> &Grounds {
        match self {
            Self::Since(since) => &since.grounds,
            Self::Unread(base) => &base.grounds,
        }
    }

    /// What the manifests give that those of the commit did not, where that is told apart.
    pub fn change_access(&self) -> Option<&AccessDelta> {
        match self {
            Self::Since(since) => Some(&since.change_access),
            Self::Unread(_) => None,
        }
    }

    /// The same with these.
    #[must_use]
    pub fn on(self, grounds: Grounds) -> Self {
        match self {
            Self::Since(since) => Self::Since(Since { grounds, ..since }),
            Self::Unread(base) => Self::Unread(UnreadBase { grounds, ..base }),
        }
    }

    /// What needs an approval besides what the plan itself gives.
    pub fn beside(&self, plan: &Plan) -> Beside {
        let taken_up = match self {
            Self::Since(since) => since.taken_up(plan),
            Self::Unread(_) => AccessDelta::default(),
        };
        Beside { taken_up, wider: self.grounds().wider.clone() }
    }
}

impl Since {
    /// What this change lets that the commit did not let, and that is live already: somebody's hand was there first.
    pub fn taken_up(&self, plan: &Plan) -> AccessDelta {
        beyond(plan, &self.change_access)
    }
}

/// What is wrong with a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseMistakes {
    /// Its manifests have mistakes: in files of these names, which tell them from those of now.
    Manifests {
        /// The mistakes.
        findings: Vec<Finding>,
        /// The texts.
        sources: Vec<Source>,
    },
    /// Its settings, its directory of accounts, or how its files are kept: in words, a line each.
    Surroundings(Vec<String>),
}

/// What of a plan undoes what was done by hand, and what of it is what the manifests say now and did not say then.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Since {
    /// The commit as it was asked for, as in `origin/main`.
    pub reference: String,
    /// Its id.
    pub commit: String,
    /// From what is live to what that commit says, object by object.
    pub drift: Vec<Change>,
    /// From what that commit says to what the manifests say now.
    pub change: Vec<Change>,
    /// Who gained and who lost by the drift, which is so already: from what that commit says to what is live.
    pub access: AccessDelta,
    /// Who gains and who loses by this change alone: from what that commit says to what will be.
    pub change_access: AccessDelta,
    /// What was not compared, and stands in no plan of now.
    pub not_compared: Vec<Withheld>,
    /// Policies of buckets and keys that the commit names and no manifest does now: statements of ours stay there.
    pub left: Vec<Address>,
    /// Manifests that were not there, by name and file: all of each is this change, whatever is live of it.
    pub new: Vec<(String, String)>,
    /// Manifests that are no longer there, by name and file: what they made stays.
    pub gone: Vec<(String, String)>,
    /// What of what a plan is judged by this change changes.
    pub grounds: Grounds,
}
