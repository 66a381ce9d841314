//! CloudTrail: whether what is done in an account is kept.

use crossrole_model::audit::{Detail, Facts, Issue, NotKnown, Object, Rule, Trail, Without};
use crossrole_model::{AccountId, Observation};

use crate::Case;

pub(super) fn check(case: &Case<'_>, issues: &mut Vec<Issue>, not_known: &mut Vec<NotKnown>) {
    for (account, facts) in &case.asked.audited.facts {
        let trails: Vec<&Trail> = known(facts).flat_map(|(_, trails)| trails).collect();
        let complete = facts.trails.values().all(|trails| trails.known().is_some());
        if trails.is_empty() && complete && !facts.trails.is_empty() {
            let object = Object::Account { account: account.clone() };
            issues.push(Issue { rule: Rule::NoTrail, object, detail: Detail::Nothing(Without::Trail) });
            continue;
        }
        let before = issues.len();
        for (region, trails) in known(facts) {
            let told: Vec<Option<bool>> = trails.iter().map(|trail| trail.keeps_management(region)).collect();
            if told.contains(&Some(true)) {
                continue;
            }
            if told.contains(&None) {
                not_known.extend(trails.iter().flat_map(unread));
                continue;
            }
            let object = Object::Region { account: account.clone(), region: region.clone() };
            issues.push(Issue { rule: Rule::NoTrail, object, detail: Detail::Nothing(Without::TrailThatKeeps) });
        }
        // Of a region that nothing is kept of, it is said there.
        if issues.len() == before {
            elsewhere(account, &trails, issues, not_known);
        }
    }
}

/// Regions that were not asked about are kept by trails of all regions alone, which each region tells of (CloudTrail API reference,
/// DescribeTrails, shadow trails). STS answers in every one.
fn elsewhere(account: &AccountId, trails: &[&Trail], issues: &mut Vec<Issue>, not_known: &mut Vec<NotKnown>) {
    let told: Vec<Option<bool>> = trails.iter().filter(|trail| trail.every_region).map(|trail| trail.keeps_management(&trail.home)).collect();
    if trails.is_empty() || told.contains(&Some(true)) {
        return;
    }
    if told.contains(&None) {
        return not_known.extend(trails.iter().filter(|trail| trail.every_region).flat_map(|trail| unread(trail)));
    }
    let object = Object::Account { account: account.clone() };
    issues.push(Issue { rule: Rule::NoTrail, object, detail: Detail::Nothing(Without::TrailOfAllRegions) });
}

fn known(facts: &Facts) -> impl Iterator<Item = (&String, &Vec<Trail>)> {
    facts.trails.iter().filter_map(|(region, trails)| Some((region, trails.known()?)))
}

/// What could not be read of a trail.
pub(super) fn unread(trail: &Trail) -> Vec<NotKnown> {
    let object = || Object::Trail { arn: trail.arn.clone() };
    let on = if let Observation::Unreadable(why) = &trail.on { Some(("status", why)) } else { None };
    let keeps = if let Observation::Unreadable(why) = &trail.keeps { Some(("event selectors", why)) } else { None };
    [on, keeps].into_iter().flatten().map(|(part, why)| NotKnown::Unread { object: object(), part, why: why.clone() }).collect()
}
