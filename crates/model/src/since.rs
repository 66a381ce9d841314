//! A plan beside what the manifests of another commit say: somebody's hand and this change, told apart.

use crate::access::AccessDelta;
use crate::address::Address;
use crate::finding::{Finding, Source};
use crate::plan::Change;
use crate::withheld::Withheld;

/// A plan beside another commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Compared {
    /// What differs.
    Since(Since),
    /// What that commit says can't be read, so that nothing is told apart.
    Unread(UnreadBase),
}

/// A commit whose manifests can't be read: it holds up nothing, least of all what repairs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadBase {
    /// The commit as it was asked for.
    pub reference: String,
    /// Its id.
    pub commit: String,
    /// What is wrong there, which says nothing of the manifests as they are now.
    pub mistakes: BaseMistakes,
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
}
