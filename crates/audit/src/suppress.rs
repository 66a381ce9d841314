//! What is known and wanted: suppressions, each with its reason and, where it ends, its last day.

use crossrole_model::audit::{Issue, NotKnown, Object, Stale, StaleBecause, Suppressed, Suppression};
use crossrole_policy::glob::is_match;

use crate::Asked;

/// What was found, and what of it is wanted.
pub(crate) struct Sorted {
    pub(crate) issues: Vec<Issue>,
    pub(crate) suppressed: Vec<Suppressed<Issue>>,
    pub(crate) not_known: Vec<NotKnown>,
    pub(crate) tolerated: Vec<Suppressed<NotKnown>>,
    pub(crate) stale: Vec<Stale>,
}

/// Takes out what is suppressed.
pub(crate) fn sorted(asked: &Asked<'_>, issues: Vec<Issue>, not_known: Vec<NotKnown>) -> Sorted {
    let mut kept = Kept { asked, used: vec![false; asked.suppressions.len()] };
    let (issues, suppressed) = kept.part(issues, |issue| (issue.rule.id(), &issue.object));
    let (not_known, tolerated) = kept.part(not_known, |one| (NotKnown::RULE, one.object()));
    let stale = asked.suppressions.iter().zip(&kept.used).filter_map(|(suppression, used)| {
        let because = match (is_over(suppression, asked.now), used) {
            (true, _) => StaleBecause::Expired,
            (false, false) => StaleBecause::Unmatched,
            (false, true) => return None,
        };
        Some(Stale { suppression: suppression.clone(), because })
    });
    Sorted { issues, suppressed, not_known, tolerated, stale: stale.collect() }
}

struct Kept<'a> {
    asked: &'a Asked<'a>,
    used: Vec<bool>,
}

impl Kept<'_> {
    fn part<T>(&mut self, all: Vec<T>, of: impl Fn(&T) -> (&str, &Object)) -> (Vec<T>, Vec<Suppressed<T>>) {
        let (mut open, mut wanted) = (Vec::new(), Vec::new());
        for what in all {
            let (rule, object) = of(&what);
            let by =
                self.asked.suppressions.iter().zip(&mut self.used).find(|(s, _)| s.rule == rule && !is_over(s, self.asked.now) && is_of(&s.object, object));
            match by {
                Some((suppression, used)) => {
                    *used = true;
                    let expires = suppression.expires.as_ref().map(|(day, _)| day.clone());
                    wanted.push(Suppressed { what, reason: suppression.reason.clone(), expires });
                }
                None => open.push(what),
            }
        }
        (open, wanted)
    }
}

fn is_over(suppression: &Suppression, now: i64) -> bool {
    suppression.expires.as_ref().is_some_and(|(_, end)| *end <= now)
}

/// `role/Reader`, with or without its account, or its ARN; `*` matches anything.
fn is_of(pattern: &str, object: &Object) -> bool {
    let arn = match object {
        Object::Role { arn } | Object::User { arn } | Object::Key { arn } | Object::Trail { arn } => Some(arn.as_str()),
        _ => None,
    };
    [Some(object.short()), Some(object.long())].into_iter().flatten().any(|name| is_match(pattern, &name)) || arn.is_some_and(|arn| is_match(pattern, arn))
}
