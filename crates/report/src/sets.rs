//! Permission sets, where policies speak of the roles that IAM Identity Center makes of them.

use std::collections::BTreeSet;

use crossrole_model::access::{AccessChange, Clause, Comparison, How, Party, Relation, Which};
use crossrole_model::{Partition, PermissionSet};

/// The sets that a clause asks the caller to be of; `None` where it asks for anything else.
fn asked(clause: &Clause) -> Option<Vec<PermissionSet>> {
    let of_callers = clause.key.eq_ignore_ascii_case("aws:PrincipalArn");
    let like = matches!(clause.relation, Relation::Compares(Comparison { which: Which::One, how: How::Like | How::LikeArn, .. }));
    if !of_callers || !like {
        return None;
    }
    // A set has a pattern for each of its two paths; one of them alone is less than the set.
    let sets: BTreeSet<PermissionSet> = clause.values.iter().map(|value| PermissionSet::of_role(value)).collect::<Option<_>>()?;
    let named = crossrole_policy::Arn::parse(clause.values.first()?)?.partition;
    let partition = [Partition::Aws, Partition::AwsCn, Partition::AwsUsGov].into_iter().find(|known| known.as_str() == named)?;
    let whole: BTreeSet<String> = sets.iter().flat_map(|set| set.roles(partition)).collect();
    (clause.values.iter().collect::<BTreeSet<_>>() == whole.iter().collect()).then(|| sets.into_iter().collect())
}

/// `the caller is of permission set Ops of 111111111111`
pub(crate) fn clause(clause: &Clause) -> Option<String> {
    let Relation::Compares(Comparison { not, or_absent, .. }) = clause.relation else { return None };
    let names: Vec<String> = asked(clause)?.iter().map(named).collect();
    let absent = if or_absent { " (or has no ARN)" } else { "" };
    Some(format!("the caller is {}of {}{absent}", if not { "not " } else { "" }, names.join(" or of ")))
}

/// `permission set Ops of 111111111111`
pub(crate) fn named(set: &PermissionSet) -> String {
    format!("permission set {} of {}", set.name, set.account)
}

/// A change for any principal of an account that has to be of sets of that account: who that is, and what else is asked.
pub(crate) fn lifted(change: &AccessChange) -> Option<(Vec<PermissionSet>, Vec<Vec<Clause>>)> {
    let Party::AnyOf { account, .. } = &change.party else { return None };
    let is_whole = |clause: &Clause| matches!(clause.relation, Relation::Compares(Comparison { not: false, or_absent: false, .. }));
    let first = change.when.first()?;
    let (at, sets) = first.iter().find_map(|clause| Some((clause, asked(clause).filter(|_| is_whole(clause))?)))?;
    let of_account = sets.iter().all(|set| set.account.as_str() == account) && change.except.is_empty();
    if !of_account || !change.when.iter().all(|one| one.contains(at)) {
        return None;
    }
    let rest: Vec<Vec<Clause>> = change.when.iter().map(|one| one.iter().filter(|clause| *clause != at).cloned().collect()).collect();
    // Where nothing else is asked, it is always so.
    let rest = if rest.iter().any(Vec::is_empty) { Vec::new() } else { rest };
    Some((sets, rest))
}
