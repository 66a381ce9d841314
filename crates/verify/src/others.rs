//! Actions that have no calls of their own.

use std::collections::BTreeSet;

use crossrole_access::catalogue;
use crossrole_model::Partition;
use crossrole_model::proof::{Act, Cell, NO_OBJECT, Terms, Twist};

use crate::matrix::Builder;

impl Builder<'_> {
    /// Whatever else a role's policies let: each is a cell. Returns what is none, since nothing tells of what it would be asked.
    pub(crate) fn others(&mut self, role: &str, granted: &[(String, Terms)]) -> BTreeSet<String> {
        let documents = self.wanted.principals.get(role).into_iter().flat_map(|p| &p.identity).map(|placed| &placed.document);
        let statements = documents.flat_map(|d| &d.statements).filter(|s| s.effect == crossrole_policy::Effect::Allow);
        let statements: Vec<crossrole_policy::Statement> = statements.cloned().collect();
        let at_hand = |caller: &str| self.hands.iter().any(|hand| hand.arn == caller);
        let by = granted.iter().find(|(caller, _)| at_hand(caller)).or(granted.first()).cloned();
        let (mut untried, mut cells) = (BTreeSet::new(), BTreeSet::new());
        for (pattern, statement) in statements.iter().flat_map(|s| s.action.values.iter().map(move |pattern| (pattern, s))) {
            let acts = other_acts(pattern, statement, &self.buckets(), self.desired.partition);
            if acts.is_none() && is_tried(pattern) {
                continue;
            }
            let Some((principal, terms)) = by.clone() else {
                untried.insert(pattern.clone());
                continue;
            };
            let of = |act| Cell { principal: principal.clone(), via: Some(role.to_owned()), act, twist: Twist::AsGranted, terms: terms.clone(), wanted: true };
            let let_in: Vec<Cell> = acts.into_iter().flatten().map(of).filter(|cell| self.is_wanted(cell) == Some(true)).collect();
            if let_in.is_empty() || cells.len() + let_in.len() > OTHERS_MOST {
                untried.insert(pattern.clone());
            } else {
                cells.extend(let_in);
            }
        }
        self.cells.extend(cells);
        untried
    }
}

/// Most cells of one role that are about other actions than those that are called: a pattern may stand for hundreds.
pub(crate) const OTHERS_MOST: usize = 200;

/// Actions that have calls of their own.
fn is_tried(action: &str) -> bool {
    ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"].iter().any(|tried| tried.eq_ignore_ascii_case(action))
}

/// What a statement lets by a pattern of actions, each as it can be asked about; `None`: nothing can.
pub(crate) fn other_acts(pattern: &str, statement: &crossrole_policy::Statement, buckets: &BTreeSet<String>, partition: Partition) -> Option<BTreeSet<Act>> {
    let resources = statement.resource.as_ref().filter(|r| !r.negated && !statement.action.negated)?;
    let actions: Vec<String> = match catalogue::expand(pattern) {
        known if !known.is_empty() => known.into_iter().map(|action| action.name.to_owned()).collect(),
        _ if pattern.contains(['*', '?']) => return None,
        _ => vec![pattern.to_owned()],
    };
    let mut all = BTreeSet::new();
    for action in actions.into_iter().filter(|action| !is_tried(action)) {
        for resource in &resources.values {
            let concrete = concrete(resource, buckets, partition);
            let asked = concrete.into_iter().filter(|resource| catalogue::is_asked_of(&action, resource));
            all.extend(asked.map(|resource| Act::Other { action: action.clone(), resource }));
        }
    }
    (!all.is_empty()).then_some(all)
}

/// Resources that a pattern stands for, of those that manifests speak of.
fn concrete(pattern: &str, buckets: &BTreeSet<String>, partition: Partition) -> Vec<String> {
    let s3 = |rest: &str| partition.s3_arn(rest);
    if pattern == "*" {
        let of_buckets = buckets.iter().flat_map(|bucket| [s3(bucket), s3(&format!("{bucket}/{NO_OBJECT}"))]);
        return of_buckets.chain(["*".to_owned(), s3("*")]).collect();
    }
    let Some((_, name)) = pattern.split_once(":s3:::") else {
        return if pattern.contains(['*', '?', '$']) { Vec::new() } else { vec![pattern.to_owned()] };
    };
    let (bucket, key) = name.split_once('/').map_or((name, None), |(bucket, key)| (bucket, Some(key)));
    if name == "*" {
        return vec![s3("*")];
    }
    if !buckets.contains(bucket) {
        return Vec::new();
    }
    let object = key.map(|key| match key.split(['*', '?', '$']).next() {
        Some(head) if head.len() < key.len() => format!("{bucket}/{head}{NO_OBJECT}"),
        _ => format!("{bucket}/{key}"),
    });
    vec![s3(&object.unwrap_or_else(|| bucket.to_owned()))]
}
