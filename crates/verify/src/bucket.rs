//! What is tried in a bucket, and where.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::Estate;
use crossrole_model::proof::{Act, Twist};
use crossrole_policy::{Document, Effect};

use crate::matrix::{Objects, Options};

/// Most places in one bucket for one caller: a policy has room for more, and each costs calls.
const PLACES_MOST: usize = 12;

/// A part of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// What keys begin with.
    pub(crate) prefix: String,
    /// One key, and no more.
    pub(crate) whole: bool,
}

impl Place {
    fn of(pattern: &str) -> Self {
        let prefix = literal(pattern);
        Self { whole: prefix == pattern, prefix }
    }

    fn has(&self, key: &str) -> bool {
        if self.whole { key == self.prefix } else { key.starts_with(&self.prefix) }
    }
}

/// Where documents let somebody work, by bucket.
pub(crate) fn places<'d>(documents: impl Iterator<Item = &'d Document>) -> BTreeMap<String, BTreeSet<Place>> {
    let mut all: BTreeMap<String, BTreeSet<Place>> = BTreeMap::new();
    for statement in documents.flat_map(|document| &document.statements).filter(|s| s.effect == Effect::Allow) {
        let resources = statement.resource.as_ref().filter(|r| !r.negated).map(|r| r.values.as_slice()).unwrap_or_default();
        let listed = statement.conditions.values().flat_map(|keys| keys.iter().filter(|(key, _)| key.eq_ignore_ascii_case("s3:prefix")));
        let listed: BTreeSet<Place> = listed.flat_map(|(_, values)| values).map(|value| Place { prefix: literal(value), whole: false }).collect();
        for (bucket, key) in resources.iter().filter_map(|resource| parts(resource)) {
            let prefixes = all.entry(bucket.to_owned()).or_default();
            match key {
                Some(key) => drop(prefixes.insert(Place::of(key))),
                None => prefixes.extend(listed.iter().cloned()),
            }
        }
    }
    for prefixes in all.values_mut() {
        // The whole bucket, where nothing narrows it; of one that is listed by no prefix, the whole as well.
        if prefixes.is_empty() {
            prefixes.insert(Place { prefix: String::new(), whole: false });
        }
        while prefixes.len() > PLACES_MOST {
            prefixes.pop_last();
        }
    }
    all
}

/// Where anybody works in a bucket, by what an estate says of it.
pub fn prefixes(estate: &Estate, bucket: &str) -> BTreeSet<String> {
    let own = estate.principals.values().flat_map(|principal| &principal.identity);
    let bucket_policy = estate.buckets.get(bucket).and_then(|guarded| guarded.policy.as_ref());
    places(own.chain(bucket_policy).map(|placed| &placed.document)).remove(bucket).unwrap_or_default().into_iter().map(|place| place.prefix).collect()
}

/// The bucket of an ARN, and what of it; `None` where the bucket is a pattern.
fn parts(resource: &str) -> Option<(&str, Option<&str>)> {
    let (_, name) = resource.split_once(":s3:::")?;
    let (bucket, key) = name.split_once('/').map_or((name, None), |(bucket, key)| (bucket, Some(key)));
    (!bucket.is_empty() && !bucket.contains(['*', '?', '$'])).then_some((bucket, key))
}

/// What a pattern begins with.
fn literal(pattern: &str) -> String {
    pattern.split(['*', '?', '$']).next().unwrap_or_default().to_owned()
}

/// What begins like a prefix, and is not below it: `reports-x/` beside `reports/`, `team-x/` beside `team-a`.
fn beside(prefix: &str) -> Option<String> {
    match prefix.strip_suffix('/') {
        Some(head) if !head.is_empty() => Some(format!("{head}-x/")),
        Some(_) => None,
        None => {
            let last = prefix.chars().last()?;
            Some(format!("{}x/", prefix.strip_suffix(last)?))
        }
    }
}

/// Calls to try in a bucket by who may work under these prefixes, each with the twist that it is where it is refused.
pub(crate) fn acts(bucket: &str, places: &BTreeSet<Place>, objects: &Objects, options: &Options) -> Vec<(Act, Twist)> {
    let name = || bucket.to_owned();
    let there: &[String] = objects.get(bucket).map(Vec::as_slice).unwrap_or_default();
    let get = |key: Option<String>, prefix: &str, whole: bool| Act::Get { bucket: name(), key, prefix: prefix.to_owned(), whole };
    let mut all = BTreeSet::new();
    for place in places {
        let Place { prefix, whole } = place;
        if !whole {
            all.insert((Act::List { bucket: name(), prefix: prefix.clone() }, Twist::AsGranted));
        }
        all.insert((get(there.iter().find(|key| place.has(key)).cloned(), prefix, *whole), Twist::AsGranted));
        // One key is somebody's object, which nothing is written over.
        let key = if *whole { prefix.clone() } else { format!("{prefix}{}", options.object()) };
        if options.write_probes && !whole {
            all.insert((get(Some(key.clone()), prefix, false), Twist::AsGranted));
        }
        all.insert((Act::Put { bucket: name(), key: key.clone() }, Twist::AsGranted));
        all.insert((Act::Delete { bucket: name(), key }, Twist::AsGranted));
    }
    let inside = |key: &str| places.iter().any(|place| place.has(key));
    // A pattern that ends a sign too early lets in what begins alike.
    for prefix in places.iter().filter_map(|place| beside(&place.prefix)).filter(|prefix| !inside(prefix)) {
        all.insert((Act::List { bucket: name(), prefix: prefix.clone() }, Twist::Outside));
        all.insert((Act::Put { bucket: name(), key: format!("{prefix}{}", options.object()) }, Twist::Outside));
        all.insert((get(there.iter().find(|key| key.starts_with(&prefix)).cloned(), &prefix, false), Twist::Outside));
    }
    if !inside("") {
        all.insert((Act::List { bucket: name(), prefix: String::new() }, Twist::Outside));
        all.insert((get(there.iter().find(|key| !inside(key)).cloned(), "", false), Twist::Outside));
        all.insert((Act::Put { bucket: name(), key: options.object().to_owned() }, Twist::Outside));
    }
    // Where policies that are live let somebody work, and the manifests do not.
    for prefix in options.elsewhere.get(bucket).into_iter().flatten().filter(|prefix| !inside(prefix)) {
        all.insert((Act::List { bucket: name(), prefix: prefix.clone() }, Twist::Outside));
        all.insert((get(there.iter().find(|key| key.starts_with(prefix.as_str())).cloned(), prefix, false), Twist::Outside));
    }
    all.insert((Act::Policy { bucket: name() }, Twist::OtherAction));
    all.into_iter().collect()
}
