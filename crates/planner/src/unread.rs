//! What of a reviewed plan could not be held against what is live, since that could not be read.

use crossrole_model::plan::Difference;
use crossrole_model::{AccountId, Address, Cause, Observed, Plan, Subject, Withheld};

/// Returns what could not be read for `now` and was read for `reviewed`; empty where all of it was. It has not moved: nobody knows.
pub fn unread(reviewed: &Plan, now: &Plan) -> Vec<Withheld> {
    let could_not = |one: &&Withheld| matches!(one.cause, Cause::Unreadable(_) | Cause::Incomplete(Some(_)));
    let neither = |one: &&Withheld| reviewed.withheld.iter().any(|other| other.subject == one.subject && could_not(&other));
    now.withheld.iter().filter(could_not).filter(|one| !neither(one)).cloned().collect()
}

/// Returns those of the differences between a reviewed plan and `now` that what could not be read does not make: where something of it
/// has really moved, that is known of an object that was read. `unread`: of [`unread`].
pub fn apart_from_unread(differences: &[Difference], unread: &[Withheld], now: &Plan, observed: &Observed) -> Vec<Difference> {
    let known = |address: &Address| {
        let of_it = |one: &Withheld| match &one.subject {
            Subject::Object(of) | Subject::Part(of) | Subject::Description(of) => of == address,
            Subject::Account { account, .. } => *account == address.account,
            _ => false,
        };
        let rests = |one: &Withheld| matches!(one.cause, Cause::Unreadable(_) | Cause::Withheld(_)) && of_it(one);
        observed.state(address).is_ok() && !now.withheld.iter().any(rests)
    };
    // What is planned for an object that was not read is no change of its own: nobody knows of which object's it was.
    let in_account = |account: &AccountId| {
        let resting = now.withheld.iter().filter(|one| matches!(one.cause, Cause::Withheld(_)));
        unread.iter().chain(resting).any(|one| match &one.subject {
            Subject::Object(of) | Subject::Part(of) | Subject::Description(of) => of.account == *account,
            Subject::Account { account: of, .. }
            | Subject::Pruning { account: of, .. }
            | Subject::PruningOf { account: of, .. }
            | Subject::PermissionSets(of) => of == account,
            Subject::Quotas(_) | Subject::Target(_) | Subject::Key(_) | Subject::Untargeted(_) => false,
        })
    };
    let stands = |difference: &&Difference| match difference {
        Difference::Moved { address, .. } | Difference::Altered { address, .. } | Difference::New { address, .. } => known(address),
        Difference::NotPlanned { address, .. } => known(address) && !in_account(&address.account),
        Difference::Unknown { .. } | Difference::Manifests => true,
        // Who gains what, and what else is recorded, is of the whole, which was not read.
        Difference::Recorded { .. } | Difference::Access { .. } => false,
    };
    differences.iter().filter(stands).cloned().collect()
}
