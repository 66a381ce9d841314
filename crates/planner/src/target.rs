//! `--target`: only some objects, and what they need.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{Address, Cause, DesiredObject, Plan, StepId, Subject, Withheld};

/// Keeps the changes that a target names and those that their steps need. What else of `declared` is withheld does not stand
/// in their way.
pub(crate) fn select(plan: &mut Plan, targets: &[String], declared: &BTreeMap<Address, DesiredObject>) {
    if targets.is_empty() {
        return;
    }
    let asked = |address: &Address| targets.iter().any(|t| named(address, t));
    for withheld in &mut plan.withheld {
        withheld.blocks &= match &withheld.subject {
            Subject::Object(address) | Subject::Part(address) | Subject::Description(address) => asked(address),
            // Its objects are withheld with it, and not named one by one.
            Subject::Account { account, .. } => declared.keys().any(|a| crate::is_iam(a.kind) && a.account == *account && asked(a)),
            Subject::Pruning { .. }
            | Subject::PruningOf { .. }
            | Subject::Quotas(_)
            | Subject::PermissionSets(_)
            | Subject::Target(_)
            | Subject::Untargeted(_) => false,
            Subject::Key(_) => true,
        };
    }
    for target in targets {
        let withheld = plan.withheld.iter().any(|w| matches!(&w.subject, Subject::Object(address) if named(address, target)));
        if !withheld && !plan.changes.iter().any(|c| named(&c.address, target)) {
            // What is declared and as it should be is no change; what is nowhere is a mistake.
            let known = declared.keys().any(|address| named(address, target));
            plan.withheld.push(Withheld { subject: Subject::Target(target.clone()), cause: Cause::NoSuchTarget, blocks: !known });
        }
    }
    let mut keep: BTreeSet<usize> = plan.changes.iter().enumerate().filter(|(_, c)| targets.iter().any(|t| named(&c.address, t))).map(|(i, _)| i).collect();
    // A change is kept whole, so what any of its steps needs is kept too; each round adds at least one change or ends.
    loop {
        let needed: BTreeSet<usize> =
            plan.steps.iter().filter(|s| keep.contains(&s.change)).flat_map(|s| &s.needs).filter_map(|n| plan.steps.get(n.0)).map(|s| s.change).collect();
        if needed.is_subset(&keep) {
            break;
        }
        keep.extend(needed);
    }
    let left = plan.changes.len() - keep.len();
    if left > 0 {
        plan.withheld.push(Withheld { subject: Subject::Untargeted(left), cause: Cause::NotTargeted, blocks: false });
    }
    self::keep(plan, &keep);
}

/// Leaves these changes, by index, with their steps.
pub(crate) fn keep(plan: &mut Plan, keep: &BTreeSet<usize>) {
    let changes: BTreeMap<usize, usize> = keep.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let steps: BTreeMap<usize, usize> =
        plan.steps.iter().enumerate().filter(|(_, s)| keep.contains(&s.change)).enumerate().map(|(new, (old, _))| (old, new)).collect();
    let mut index = 0;
    plan.changes.retain(|_| {
        index += 1;
        keep.contains(&(index - 1))
    });
    plan.steps.retain(|s| changes.contains_key(&s.change));
    for step in &mut plan.steps {
        step.change = changes.get(&step.change).copied().unwrap_or_default();
        step.needs = step.needs.iter().filter_map(|n| steps.get(&n.0)).map(|n| StepId(*n)).collect();
    }
}

/// `role/Name`, `222222222222/role/Name` or a bare name, each with `*`.
fn named(address: &Address, target: &str) -> bool {
    let whole = address.to_string();
    let short = format!("{}/{}", address.kind.as_str(), address.name);
    [whole, short, address.name.clone()].iter().any(|name| matches(target, name))
}

/// `*` matches any run of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(middle) = last.replace(part) {
            let Some(at) = rest.find(middle) else { return false };
            rest = rest.get(at + middle.len()..).unwrap_or_default();
        }
    }
    last.map_or(rest.is_empty(), |tail| rest.ends_with(tail))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars() {
        for (pattern, text, expected) in
            [("role/*", "role/A", true), ("role/A", "role/AB", false), ("*B*", "aBc", true), ("a*b*c", "a-c-b", false), ("*", "", true), ("a*a", "a", false)]
        {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
