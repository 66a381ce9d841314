//! Cells of a proof: no two read alike, whatever they differ in.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{AccessDelta, Party};
use crossrole_model::proof::{Act, Attestation, Beside, Cell, Known, Missing, NotCalled, Proof, Terms, Twist, Unlooked, Unrevoked, Verdict};
use crossrole_model::{AccountId, Address, Kind, PrincipalKind, Whose};
use crossrole_report::{View, attestation, attestation_json, attestation_markdown, junit_attestation};

const ROLE: &str = "arn:aws:iam::222222222222:role/R";
const ANN: &str = "arn:aws:iam::111111111111:user/Ann";

fn cell() -> Cell {
    let terms = Terms { external_id: Some("x-1".into()), ..Terms::default() };
    Cell { principal: ANN.into(), via: None, act: Act::Assume { role: ROLE.into() }, twist: Twist::AsGranted, terms, wanted: true }
}

fn proof(cell: Cell) -> Proof {
    let party = Party::User { arn: ANN.into() };
    Proof { party, known: Known::Evaluated { because: NotCalled::NotAtHand }, verdict: Verdict::Holds, live: Vec::new(), differs: Vec::new(), cell }
}

fn all(proofs: Vec<Proof>) -> Attestation {
    Attestation {
        manifests: Vec::new(),
        commit: None,
        begun: 0,
        ended: 0,
        accounts: Vec::new(),
        unread: Vec::new(),
        untried: Vec::new(),
        elsewhere: Vec::new(),
        beyond: AccessDelta::default(),
        granted: AccessDelta::default(),
        beside: AccessDelta::default(),
        lacking: AccessDelta::default(),
        unguarded: Vec::new(),
        unshown: Vec::new(),
        unrevoked: Vec::new(),
        unlooked: Vec::new(),
        not_looked_at: Vec::new(),
        left_behind: Vec::new(),
        left_out: 0,
        proofs,
    }
}

/// A cell that differs from the first in one thing, for each thing that there is.
fn others() -> Vec<Cell> {
    let terms = |change: &dyn Fn(&mut Terms)| {
        let mut cell = cell();
        change(&mut cell.terms);
        cell
    };
    let other = |action: &str, resource: &str| Act::Other { action: action.into(), resource: resource.into() };
    let get = |whole| Act::Get { bucket: "b".into(), key: None, prefix: "p".into(), whole };
    let mut cells = vec![
        terms(&|t| t.external_id = None),
        terms(&|t| t.external_id = Some("x-2".into())),
        terms(&|t| t.external_id = Some("x-3".into())),
        terms(&|t| t.mfa = true),
        terms(&|t| t.seconds = Some(3_600)),
        terms(&|t| t.seconds = Some(3_601)),
        terms(&|t| t.session_name = "ann".into()),
        terms(&|t| t.session_name = "bob".into()),
        terms(&|t| t.source_identity = Some("ann".into())),
        terms(&|t| t.address = Some("203.0.113.1".into())),
        terms(&|t| t.at = Some(7)),
        terms(&|t| t.at = Some(8)),
        terms(&|t| t.keys = BTreeMap::from([("aws:PrincipalTag/team".into(), "red".into())])),
        terms(&|t| t.keys = BTreeMap::from([("aws:PrincipalTag/team".into(), "blue".into())])),
        Cell { wanted: false, ..cell() },
        Cell { principal: ANN.replace("aws", "aws-cn"), ..cell() },
        Cell { via: Some(ROLE.into()), ..cell() },
        Cell { act: get(true), ..cell() },
        Cell { act: get(false), ..cell() },
        Cell { act: other("s3:ListAllMyBuckets", "*"), ..cell() },
        Cell { act: other("s3:ListAllMyBuckets", "arn:aws:s3:::*"), ..cell() },
        Cell { act: other("s3:GetObjectTagging", "arn:aws:s3:::b/k"), ..cell() },
        Cell { act: other("s3:GetObjectTagging", "arn:aws-cn:s3:::b/k"), ..cell() },
    ];
    let moments = [7, 8].map(|at| {
        let mut cell = cell();
        cell.terms.at = Some(at);
        Cell { twist: Twist::OutsideWindow, wanted: false, ..cell }
    });
    cells.extend(moments);
    cells.push(cell());
    cells
}

fn names(all: &Attestation, view: View) -> [Vec<String>; 4] {
    let json = attestation_json(all, view)["cells"].as_array().unwrap().iter().map(|cell| cell["says"].as_str().unwrap().to_owned()).collect();
    let junit = junit_attestation(all, view).into_iter().flat_map(|suite| suite.cases).map(|case| case.name).collect();
    let lines = |text: &str| text.lines().filter(|line| line.contains("ok   ")).map(str::to_owned).collect::<Vec<_>>();
    [json, junit, lines(&attestation(all, view)), lines(&attestation_markdown(all, view, 100_000))]
}

#[test]
fn no_two_read_alike() {
    let all = all(others().into_iter().map(proof).collect());
    for show_external_ids in [false, true] {
        let view = View { show_external_ids, ..View::default() };
        for names in names(&all, view) {
            let different: BTreeSet<&String> = names.iter().collect();
            assert!(names.len() == all.proofs.len() && different.len() == names.len(), "{names:#?}");
            // What people may not see tells them apart without being seen.
            assert_eq!(names.iter().any(|name| name.contains("x-2")), show_external_ids, "{names:#?}");
        }
    }
    // What reads differently by itself has no more words.
    let alone = attestation(&self::all(vec![proof(cell())]), View::default());
    assert!(alone.contains("user Ann of 111111111111 assumes role R of 222222222222: let in"), "{alone}");
}

/// What no cell shows is neither green nor unsaid.
#[test]
fn what_is_not_taken_back_or_not_looked_at_is_said() {
    let role = Address::new(&AccountId::parse("222222222222").unwrap(), Kind::Role, "R");
    let whose = Whose::Principal { kind: PrincipalKind::User, arn: ANN.into() };
    let of = |because| Unrevoked { role: role.clone(), whose: whose.clone(), since: "2026-11-30T18:00:00Z".into(), because };
    for (because, words, red) in [
        (Missing::Deny, "no room for what would deny it", true),
        (Missing::Mark, "has no tag that says that user Ann of 111111111111 was revoked", true),
        (Missing::MarkNoRoom, "no room for the tag", true),
        (Missing::Unread, "it was not read", false),
    ] {
        let all = Attestation { unrevoked: vec![of(because)], ..all(vec![proof(cell())]) };
        assert_eq!((all.is_unrevoked(), all.is_unlooked()), (red, !red), "{because:?}");
        let text = attestation(&all, View::default());
        assert!(text.contains(words) && text.contains(if red { "not taken back: " } else { "not known: " }), "{text}");
        let json = attestation_json(&all, View::default());
        assert!(json["holds"] == false && json["unrevoked"].as_array().unwrap().len() == 1, "{json}");
        let xml = crossrole_report::junit(&junit_attestation(&all, View::default()));
        assert_eq!((xml.contains("<failure"), xml.contains("<error")), (red, !red), "{xml}");
    }
    let unlooked = vec![Unlooked { what: Beside::KeyGrants("arn:aws:kms:eu-west-1:222222222222:key/k".into()), why: "AccessDenied".into() }];
    let all = Attestation { unlooked, not_looked_at: vec![Beside::ObjectAcls("b-one".into())], ..all(vec![proof(cell())]) };
    let text = attestation(&all, View::default());
    assert!(text.contains("not looked at: grants of key arn:aws:kms:eu-west-1:222222222222:key/k: AccessDenied"), "{text}");
    assert!(text.contains("runner-policy --for verify") && text.contains("ACLs of the objects of bucket b-one"), "{text}");
    assert_eq!(attestation_json(&all, View::default())["holds"], false);
}
