//! The access picture says of every caller and bucket what `who_can` says, which asks another way.

use std::collections::BTreeSet;

use crossrole_access::{Controls, Estate, Objects, action_matches, catalogue, delta, picture, picture_between, picture_of, resource_matches, who_can};
use crossrole_model::access::{Direction, Part, Party};
use crossrole_model::graph::{Basis, Edge, Graph, Status, Thing};
use crossrole_model::{Desired, Source};

fn desired(names: &[&str]) -> Desired {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests");
    let source = |name: &&str| {
        let file = folder.join(format!("{name}.toml"));
        Source { file: file.display().to_string(), text: std::fs::read_to_string(file).unwrap() }
    };
    let (desired, findings) = crossrole_manifest::load(&names.iter().map(source).collect::<Vec<_>>());
    desired.unwrap_or_else(|| panic!("{findings:?}"))
}

fn estate(names: &[&str]) -> Estate {
    Objects::desired(&desired(names)).estate().under(&Controls::default())
}

const ALL: &[&str] = &[
    "log-analysts",
    "cross-account-user",
    "lambda-service",
    "ec2-service",
    "codepipeline-service",
    "guarded-partner",
    "prod-data",
    "direct-bucket-access",
    "shared-bucket-read",
    "github-actions",
    "saml-federation",
    "encrypted-exchange",
    "foreign-key",
    "made-key",
    "permission-set",
];

/// A name that a pattern stands for.
fn example(part: &Part) -> String {
    part.pattern.replace(['*', '?'], "x")
}

fn matches(part: &Part, text: &str, by: impl Fn(&str, &str) -> bool + Copy) -> bool {
    part.patterns().all(|pattern| by(pattern, text)) && !part.except.iter().any(|except| matches(except, text, by))
}

fn of_resource(pattern: &str, text: &str) -> bool {
    resource_matches(pattern, text, None)
}

/// The account of a bucket or a role.
fn owner<'e>(estate: &'e Estate, resource: &str) -> Option<&'e str> {
    let bucket = resource.split_once(":s3:::").map(|(_, name)| name.split('/').next().unwrap());
    bucket.and_then(|name| estate.buckets.get(name)).or_else(|| estate.roles.get(resource)).map(|guarded| guarded.account.as_str())
}

/// Those who have a line to a resource on which they may do this.
fn drawn(graph: &Graph, action: &str, resource: &str) -> BTreeSet<Thing> {
    let by_ways = |edge: &&Edge| {
        edge.ways.iter().any(|way| {
            way.actions.iter().any(|part| matches(part, action, action_matches)) && way.resources.iter().any(|part| matches(part, resource, of_resource))
        })
    };
    graph.edges.iter().filter(by_ways).map(|edge| edge.from.clone()).collect()
}

#[test]
fn it_says_what_who_can_says() {
    let estate = estate(ALL);
    let graph = picture(&estate, Basis::Manifests);
    let mut questions = BTreeSet::new();
    for way in graph.edges.iter().filter(|edge| matches!(edge.to, Thing::Bucket(_) | Thing::Role(_))).flat_map(|edge| &edge.ways) {
        for (action, resource) in way.actions.iter().flat_map(|action| way.resources.iter().map(move |resource| (action, resource))) {
            let (action, resource) = (example(action), example(resource));
            // Lines put together what is about buckets and what is about objects, each of which is asked of its own alone.
            let kind = if resource.contains('/') { "object" } else { "bucket" };
            let fits = catalogue::action(&action).is_none_or(|known| known.resources.contains(&kind));
            if fits || !resource.contains(":s3:::") {
                questions.insert((action, resource));
            }
        }
    }
    assert!(questions.len() > 30, "{questions:?}");
    for (action, resource) in questions {
        // Who may not use the key gets nothing of what is encrypted, and is drawn with that.
        if graph.edges.iter().any(|edge| edge.ways.iter().any(|way| way.keyless.is_some())) && estate.bucket_keys.keys().any(|name| resource.contains(name)) {
            continue;
        }
        let reach = who_can(&estate, &action, &resource, None);
        let asked: BTreeSet<Thing> =
            reach.ways.iter().flatten().filter(|hop| hop.action == action && hop.resource == resource).map(|hop| Thing::of(&hop.party)).collect();
        let drawn = drawn(&graph, &action, &resource);
        assert!(drawn.is_subset(&asked), "{action} on {resource}: {drawn:?} of {asked:?}");
        // Whom policies of their own may let within the resource's account, nobody has named: the picture says so in a note.
        let unnamed: BTreeSet<&Thing> = asked.difference(&drawn).collect();
        let of_owner =
            |thing: &&Thing| matches!(thing, Thing::Party(Party::AnyOf { account, .. }) if owner(&estate, &resource).is_none_or(|owner| owner == account));
        // Who is in a group has no line beside the group's own.
        let of_group = |thing: &&Thing| match thing {
            Thing::Party(Party::User { arn }) => {
                let groups = estate.principals.get(arn).map(|user| &user.groups);
                groups.is_some_and(|groups| groups.iter().any(|group| drawn.contains(&Thing::Party(Party::Members { group: group.clone() }))))
            }
            _ => false,
        };
        assert!(unnamed.iter().all(|thing| of_owner(thing) || of_group(thing)), "{action} on {resource}: {unnamed:?}");
    }
}

/// Of a plan: what is gained and lost is what the delta says, and what stays is on both sides.
#[test]
fn between_two_estates_nothing_is_drawn_twice_or_left_out() {
    for (before, after) in [(&ALL[..4], &ALL[2..9]), (&ALL[..0], ALL), (ALL, &ALL[..0]), (&ALL[5..], &ALL[5..])] {
        let [before, after] = [before, after].map(estate);
        let changes = delta(&before, &after);
        let graph = picture_between(&before, &after, &changes, &BTreeSet::new());
        let count = |status: Status, things: Direction| {
            let lines: usize = graph.edges.iter().filter(|edge| edge.status == status).map(|edge| edge.ways.len()).sum();
            let said: usize = changes.changes.iter().filter(|change| change.direction == things).count();
            assert!(lines >= said, "{status:?}: {lines} of {said}");
        };
        count(Status::Gained, Direction::Widened);
        count(Status::Lost, Direction::Narrowed);
        let [had, has] = [&before, &after].map(|side| picture(side, Basis::Live));
        let ends = |graph: &Graph, wanted: Status| -> BTreeSet<(Thing, Thing)> {
            graph.edges.iter().filter(|edge| edge.status == wanted).map(|edge| (edge.from.clone(), edge.to.clone())).collect()
        };
        let kept = ends(&graph, Status::Kept);
        assert!(kept.is_subset(&ends(&had, Status::Kept)) && kept.is_subset(&ends(&has, Status::Kept)), "what stays is on both sides");
        let all: BTreeSet<(Thing, Thing)> = ends(&graph, Status::Gained).union(&kept).cloned().collect();
        if graph.apart == 0 {
            assert!(ends(&has, Status::Kept).is_subset(&all), "what is there after is gained or stays");
        }
        let saved = picture_of(&changes);
        let access = |graph: &Graph, status| -> BTreeSet<(Thing, Thing)> {
            graph.edges.iter().filter(|edge| edge.status == status && !edge.ways.is_empty()).map(|edge| (edge.from.clone(), edge.to.clone())).collect()
        };
        for status in [Status::Gained, Status::Lost] {
            assert_eq!(access(&saved, status), access(&graph, status));
        }
    }
}

/// What is all lost does not stay, and what is the same on both sides and beside a change does.
#[test]
fn what_stays_beside_a_change_is_drawn_and_what_is_apart_is_counted() {
    let before = estate(&["log-analysts", "prod-data"]);
    let after = estate(&["log-analysts", "prod-data", "direct-bucket-access"]);
    let changes = delta(&before, &after);
    let graph = picture_between(&before, &after, &changes, &BTreeSet::new());
    let whole = picture(&before, Basis::Live);
    let kept = graph.edges.iter().filter(|edge| edge.status == Status::Kept).count();
    assert!(graph.apart > 0 && kept + graph.apart == whole.edges.len(), "{kept} and {} of {}", graph.apart, whole.edges.len());
    let gone = picture_between(&before, &estate(&[]), &delta(&before, &estate(&[])), &BTreeSet::new());
    assert!(
        gone.edges.iter().all(|edge| edge.status == Status::Lost) && gone.apart == 0,
        "{:?}",
        gone.edges.iter().filter(|e| e.status != Status::Lost).collect::<Vec<_>>()
    );
}
