//! Trails: of which regions somebody's coming in is kept.

use crossrole_model::audit::{DataEvents, Detail, Limits, Object, Rule, Trail, Without};
use crossrole_model::{Observation, Unreadable};

use super::{MAIN, audited, id, read};

const HERE: &str = "us-east-1";
const THERE: &str = "eu-west-1";

fn trail(every_region: bool, home: &str, on: Option<bool>) -> Trail {
    let on = on.map_or_else(|| Observation::Unreadable(Unreadable { class: None, why: "AccessDenied".into() }), Observation::Known);
    let keeps = Observation::Known(vec![DataEvents::Management { reads: true, writes: true }]);
    Trail { arn: format!("arn:aws:cloudtrail:{home}:{MAIN}:trail/t-{every_region}"), every_region, home: home.into(), on, keeps }
}

/// A region that nobody has looked at is kept by a trail of all regions, or by none.
#[test]
fn a_trail_of_one_region_keeps_that_one() {
    let (yes, no) = (Some(true), Some(false));
    let account = || Object::Account { account: id(MAIN) };
    let region = |region: &str| Object::Region { account: id(MAIN), region: region.to_owned() };
    let all = || Detail::Nothing(Without::TrailOfAllRegions);
    let keeps = || Detail::Nothing(Without::TrailThatKeeps);
    let cases = [
        (vec![(HERE, vec![trail(true, HERE, yes)])], vec![], false),
        (vec![(HERE, vec![trail(false, HERE, yes)])], vec![(account(), all())], false),
        (vec![(HERE, vec![trail(false, HERE, yes)]), (THERE, vec![trail(false, THERE, yes)])], vec![(account(), all())], false),
        (vec![(HERE, vec![trail(false, HERE, yes)]), (THERE, vec![])], vec![(region(THERE), keeps())], false),
        (vec![(HERE, vec![trail(false, HERE, yes), trail(true, THERE, no)])], vec![(account(), all())], false),
        (vec![(HERE, vec![trail(false, HERE, yes), trail(true, THERE, yes)])], vec![], false),
        (vec![(HERE, vec![trail(false, HERE, yes), trail(true, THERE, None)])], vec![], true),
        (vec![(HERE, vec![])], vec![(account(), Detail::Nothing(Without::Trail))], false),
    ];
    for (trails, expected, is_unknown) in cases {
        let mut all = read(vec![(MAIN, Vec::new(), Vec::new())]);
        let shown = format!("{trails:#?}");
        let by_region = trails.into_iter().map(|(region, trails)| (region.to_owned(), Observation::Known(trails)));
        all.facts.get_mut(&id(MAIN)).unwrap().trails = by_region.collect();
        let found = audited(&all, Limits::default(), &[]);
        let said: Vec<(Object, Detail)> =
            found.issues.into_iter().filter(|issue| issue.rule == Rule::NoTrail).map(|issue| (issue.object, issue.detail)).collect();
        assert_eq!((said, !found.not_known.is_empty()), (expected, is_unknown), "{shown}");
    }
}
