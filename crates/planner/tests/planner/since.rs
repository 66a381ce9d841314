//! Drift and this change, told apart.

use crossrole_model::desired::ManifestRef;
use crossrole_model::plan::Consequence;
use crossrole_model::state::{BucketState, Encryption};
use crossrole_model::{Action, Address, Change, Digest, Kind, ObjectState, Part, Plan, Reason};

use crate::rows::PROD;
use crate::world::id;

/// A plan that lets another key encrypt a bucket.
fn plan(to: &str, consequences: Vec<Consequence>) -> Plan {
    let state = |key: &str| {
        let encryption = Some(Encryption::Kms { key: key.to_owned(), bucket_key: false });
        Some(ObjectState::Bucket(BucketState { encryption, ..BucketState::unstated("us-east-1") }))
    };
    let change = Change {
        address: Address::new(&id(PROD), Kind::Bucket, "data".to_owned()),
        action: Action::Update,
        before: state("live"),
        after: state(to),
        reasons: vec![Reason::Differs(Part::Encryption)],
        consequences,
        manifest: "m".to_owned(),
    };
    let manifest = ManifestRef { name: "m".to_owned(), file: "m.toml".to_owned(), digest: Digest::of(b""), renamed_from: Vec::new() };
    Plan { manifests: vec![manifest], changes: vec![change], ..Plan::default() }
}

/// Both ways out of what is live have it, and it happens once.
#[test]
fn what_follows_from_a_plan_is_said_once() {
    let needed = |key: &str| Consequence::OldKeyNeeded(key.to_owned());
    let cases = [
        // Of both: of the drift, as putting that back is enough for it.
        (vec![needed("live")], vec![needed("live")], vec![needed("live")], vec![]),
        // Each has one of its own: what only the commit's would have does not happen.
        (vec![needed("live"), needed("then")], vec![needed("live"), needed("now")], vec![needed("live")], vec![needed("now")]),
        (vec![needed("then")], vec![], vec![], vec![]),
    ];
    for (then, now, of_drift, of_change) in cases {
        let now = plan("now", now);
        let (drift, change) = crossrole_planner::since(&plan("then", then), &now);
        assert_eq!((&drift[0].consequences, &change[0].consequences), (&of_drift, &of_change));
        let mut all = [of_drift, of_change].concat();
        all.sort();
        assert_eq!(all, now.changes[0].consequences, "together, they are the plan's");
    }
    // What the manifests take up is not put back, and nothing follows.
    let now = Plan { changes: Vec::new(), ..plan("now", vec![]) };
    let (drift, change) = crossrole_planner::since(&plan("then", vec![needed("live")]), &now);
    assert!(drift[0].consequences.is_empty() && change[0].consequences.is_empty());
}
