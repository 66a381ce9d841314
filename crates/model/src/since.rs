//! A plan beside what the manifests of another commit say: somebody's hand and this change, told apart.

use crate::access::AccessDelta;
use crate::address::Address;
use crate::plan::Change;
use crate::withheld::Withheld;

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
    /// What was not compared, and stands in no plan of now.
    pub not_compared: Vec<Withheld>,
    /// Policies of buckets and keys that the commit names and no manifest does now: statements of ours stay there.
    pub left: Vec<Address>,
    /// Manifests that were not there, by name and file: all of each is this change, whatever is live of it.
    pub new: Vec<(String, String)>,
    /// Manifests that are no longer there, by name and file: what they made stays.
    pub gone: Vec<(String, String)>,
}
