//! What is tried, and what is made of it, without any AWS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::estate::Placed;
use crossrole_access::{Estate, Objects as Known};
use crossrole_model::access::AccessDelta;
use crossrole_model::proof::{Act, Called, Cell, Known as How, NotCalled, Terms, Twist, Verdict};
use crossrole_model::{CloudError, Desired, ErrorClass, Source};
use crossrole_verify::{Beyond, Hand, Live, Objects, Options, asked, beyond, granted, is_refusal, judged, matrix, prefixes};

const NOW: i64 = 1_800_000_000;

fn desired(rest: &str) -> (Desired, Estate) {
    let text = format!("name = \"t\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n{rest}");
    let (desired, findings) = crossrole_manifest::load(&[Source { file: "t.toml".into(), text }]);
    let desired = desired.unwrap_or_else(|| panic!("{findings:?}"));
    let estate = Known::desired(&desired).estate();
    (desired, estate)
}

fn hand(arn: &str, groups: &[&str]) -> Hand {
    Hand { arn: arn.to_owned(), groups: groups.iter().map(|group| (*group).to_owned()).collect() }
}

fn cells(rest: &str, hands: &[Hand], objects: &[(&str, &[&str])], probes: bool) -> Vec<Cell> {
    let (desired, estate) = desired(rest);
    let objects: Objects = objects.iter().map(|(bucket, keys)| ((*bucket).to_owned(), keys.iter().map(|k| (*k).to_owned()).collect())).collect();
    let options = Options { write_probes: probes, probe: "probe".to_owned(), elsewhere: BTreeMap::new(), address: None, now: NOW };
    matrix(&desired, &estate, hands, &objects, &options).cells
}

const ANN: &str = "arn:aws:iam::111111111111:user/Ann";
const BOB: &str = "arn:aws:iam::111111111111:user/Bob";

const GUARDED: &str = "[trusted.dev.users.Ann]\n[trusted.dev.users.Bob]\n[roles.R]\nmax_session = \"1h\"\n[[roles.R.trust]]\nuser = \"dev/Ann\"\nexternal_id = \"x-1\"\nmfa = true\nsource_ip = [\"203.0.113.0/24\"]\nnot_before = 2020-01-01T00:00:00Z\nnot_after = 2090-01-01T00:00:00Z\nsession_name = \"username\"\n[[roles.R.allow]]\nbucket = \"b-one\"\naccess = \"read-write\"\nprefix = \"in/\"\n[buckets.b-one]\n";

/// Every word of a grant has its refusal.
#[test]
fn each_condition_of_a_grant_is_tried_without_it() {
    let text = GUARDED.replace("session_name = \"username\"\n", "");
    let of_ann: Vec<Cell> =
        cells(&text, &[hand(ANN, &[])], &[], false).into_iter().filter(|c| c.principal == ANN && matches!(c.act, Act::Assume { .. })).collect();
    let twists: BTreeSet<Twist> = of_ann.iter().map(|cell| cell.twist).collect();
    let wanted = [Twist::AsGranted, Twist::WrongExternalId, Twist::NoExternalId, Twist::NoMfa, Twist::TooLong, Twist::OtherAddress, Twist::OutsideWindow];
    assert_eq!(twists, BTreeSet::from(wanted));
    for cell in &of_ann {
        assert_eq!(cell.wanted, cell.twist == Twist::AsGranted, "{cell:?}");
    }
    // Before its beginning and after its end.
    assert_eq!(of_ann.iter().filter(|cell| cell.twist == Twist::OutsideWindow).count(), 2);
    let terms = &of_ann.iter().find(|cell| cell.wanted).unwrap().terms;
    assert_eq!((terms.external_id.as_deref(), terms.mfa, terms.address.as_deref()), (Some("x-1"), true, Some("203.0.113.0")));
}

/// Without a condition there is nothing to leave out.
#[test]
fn what_is_not_asked_is_not_tried() {
    let plain = "[trusted.dev.users.Ann]\n[roles.R]\nmax_session = \"12h\"\n[[roles.R.trust]]\nuser = \"dev/Ann\"\n[[roles.R.allow]]\nbucket = \"b-one\"\naccess = \"read\"\n[buckets.b-one]\n";
    let all = cells(plain, &[hand(ANN, &[])], &[], false);
    let of_ann: Vec<&Cell> = all.iter().filter(|c| c.principal == ANN && matches!(c.act, Act::Assume { .. }) && c.terms.seconds.is_none()).collect();
    assert!(of_ann.len() == 1 && of_ann[0].wanted, "{of_ann:?}");
    // Everybody else is refused, or nobody in particular.
    assert!(all.iter().any(|c| c.principal == "000000000000" && !c.wanted && matches!(c.act, Act::Assume { .. })));
}

#[test]
fn a_member_of_a_group_is_let_what_the_group_is_let_and_others_of_the_account_are_its_own_affair() {
    let text = "[trusted.dev.groups.Crew]\n[roles.R]\n[[roles.R.trust]]\ngroup = \"dev/Crew\"\n[[roles.R.allow]]\nbucket = \"b-one\"\naccess = \"read\"\n[buckets.b-one]\n";
    let crew = "arn:aws:iam::111111111111:group/Crew";
    let all = cells(text, &[hand(ANN, &[crew]), hand(BOB, &[])], &[], false);
    let assume = |who: &str| all.iter().filter(|c| c.principal == who && matches!(c.act, Act::Assume { .. })).map(|c| c.wanted).collect::<Vec<_>>();
    assert!(assume(ANN).contains(&true));
    // The account is trusted: whether Bob's own policies let him is not the manifest's to say.
    assert!(assume(BOB).is_empty());
}

/// Of a group whose members a manifest declares, who was put into it by hand is let in by nothing that it says.
#[test]
fn who_was_put_into_a_declared_group_by_hand_has_to_be_refused() {
    let text = "[trusted.dev.users.Ann]\n[trusted.dev.groups.Crew]\nmembers = [\"Ann\"]\n[roles.R]\n[[roles.R.trust]]\ngroup = \"dev/Crew\"\n[[roles.R.allow]]\nbucket = \"b-one\"\naccess = \"read\"\n[buckets.b-one]\n";
    let crew = "arn:aws:iam::111111111111:group/Crew";
    let all = cells(text, &[hand(ANN, &[crew]), hand(BOB, &[crew])], &[], false);
    let assume = |who: &str| all.iter().filter(|c| c.principal == who && matches!(c.act, Act::Assume { .. })).map(|c| c.wanted).collect::<Vec<_>>();
    assert!(assume(ANN).contains(&true), "{:?}", assume(ANN));
    assert!(!assume(BOB).is_empty() && assume(BOB).iter().all(|wanted| !wanted), "{:?}", assume(BOB));
}

/// A list that names nobody is a list: whoever is in that group came in by hand, as one that a manifest declares for something else.
#[test]
fn of_a_group_that_is_to_be_empty_nobody_comes_in() {
    let crew = "arn:aws:iam::111111111111:group/Crew";
    for (members, wanted) in [("", true), ("members = []\n", false)] {
        let text = format!("[trusted.dev.users.Ann]\n[trusted.dev.groups.Crew]\n{members}[roles.R]\n[[roles.R.trust]]\ngroup = \"dev/Crew\"\n");
        let all = cells(&text, &[hand(ANN, &[crew]), hand(BOB, &[crew])], &[], false);
        for who in [ANN, BOB] {
            let assume: BTreeSet<bool> = all.iter().filter(|c| c.principal == who && c.twist != Twist::TooLong).map(|c| c.wanted).collect();
            assert_eq!(assume, BTreeSet::from([wanted]), "{who} {members}");
        }
    }
}

#[test]
fn a_sessions_places_come_from_its_policies_and_objects_from_what_is_there() {
    let all = cells(&GUARDED.replace("session_name = \"username\"\n", ""), &[hand(ANN, &[])], &[("b-one", &["in/a", "z"])], true);
    let of_role: Vec<(&Act, Twist, bool)> = all.iter().filter(|c| c.via.is_some()).map(|c| (&c.act, c.twist, c.wanted)).collect();
    let has = |act: Act, twist: Twist, wanted: bool| assert!(of_role.contains(&(&act, twist, wanted)), "{act:?} {twist:?} {wanted}\n{of_role:#?}");
    let bucket = || "b-one".to_owned();
    has(Act::List { bucket: bucket(), prefix: "in/".into() }, Twist::AsGranted, true);
    has(Act::List { bucket: bucket(), prefix: String::new() }, Twist::Outside, false);
    has(Act::Get { bucket: bucket(), key: Some("in/a".into()), prefix: "in/".into(), whole: false }, Twist::AsGranted, true);
    has(Act::Get { bucket: bucket(), key: Some("z".into()), prefix: String::new(), whole: false }, Twist::Outside, false);
    has(Act::Put { bucket: bucket(), key: "in/probe".into() }, Twist::AsGranted, true);
    has(Act::Put { bucket: bucket(), key: "probe".into() }, Twist::Outside, false);
    has(Act::Policy { bucket: bucket() }, Twist::OtherAction, false);
    // A trust in `in*` is the usual mistake.
    has(Act::Put { bucket: bucket(), key: "in-x/probe".into() }, Twist::Outside, false);
    has(Act::List { bucket: bucket(), prefix: "in-x/".into() }, Twist::Outside, false);
    has(Act::Get { bucket: bucket(), key: None, prefix: "in-x/".into(), whole: false }, Twist::Outside, false);
    // Without that being asked for, it is asked about objects that nobody writes.
    let without = cells(GUARDED, &[hand(ANN, &[])], &[], false);
    let keys: BTreeSet<&str> = without
        .iter()
        .filter_map(|c| match &c.act {
            Act::Put { key, .. } | Act::Delete { key, .. } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    assert!(keys.contains("in/.crossrole-verify") && keys.iter().all(|key| key.ends_with(".crossrole-verify")), "{keys:?}");
}

/// Whatever else is granted is a cell, where something tells of what it would be asked.
#[test]
fn other_actions_are_cells_as_well() {
    let text = "[trusted.dev.users.Ann]\n[roles.R]\n[[roles.R.trust]]\nuser = \"dev/Ann\"\n[[roles.R.allow]]\nactions = [\"s3:GetObjectTagging\", \"s3:PutObjectTagging\"]\nresources = [\"arn:aws:s3:::b-one/in/*\"]\n[[roles.R.allow]]\nactions = [\"s3:ListAllMyBuckets\", \"sqs:SendMessage\", \"sqs:Get*\"]\nresources = [\"*\"]\n[[roles.R.allow]]\nactions = [\"s3:GetBucket*\"]\nresources = [\"arn:aws:s3:::b-one\"]\n[buckets.b-one]\n";
    let (desired, estate) = desired(text);
    let options = Options { now: NOW, ..Options::default() };
    let found = matrix(&desired, &estate, &[hand(ANN, &[])], &Objects::new(), &options);
    let others: BTreeSet<String> = found
        .cells
        .iter()
        .filter_map(|cell| if let Act::Other { action, resource } = &cell.act { Some(format!("{action} {resource} {}", cell.wanted)) } else { None })
        .collect();
    for expected in [
        "s3:GetObjectTagging arn:aws:s3:::b-one/in/crossrole-verify-no-such-object true",
        "s3:PutObjectTagging arn:aws:s3:::b-one/in/crossrole-verify-no-such-object true",
        "s3:ListAllMyBuckets arn:aws:s3:::* true",
        "sqs:SendMessage * true",
        "s3:GetBucketLocation arn:aws:s3:::b-one true",
    ] {
        assert!(others.contains(expected), "{expected}\n{others:#?}");
    }
    assert_eq!(found.untried.into_values().flatten().collect::<Vec<_>>(), ["sqs:Get*"]);
}

/// Somebody of a trusted account whom no manifest names: what its account lets it do is its own affair, what the trust asks for is not.
#[test]
fn a_stranger_at_hand_is_tried_without_what_the_trust_asks_for() {
    let text = "[trusted.dev.groups.Crew]\n[roles.R]\n[[roles.R.trust]]\ngroup = \"dev/Crew\"\nexternal_id = \"x-1\"\nmfa = true\n[[roles.R.allow]]\nbucket = \"b-one\"\naccess = \"read\"\n[buckets.b-one]\n";
    let stranger = "arn:aws:iam::111111111111:user/Stranger";
    let all = cells(text, &[hand(stranger, &[])], &[], false);
    let of: BTreeSet<Twist> = all.iter().filter(|c| c.principal == stranger && matches!(c.act, Act::Assume { .. })).map(|c| c.twist).collect();
    assert!(of.is_superset(&BTreeSet::from([Twist::NoExternalId, Twist::WrongExternalId, Twist::NoMfa])), "{of:?}");
    assert!(all.iter().filter(|c| c.principal == stranger).all(|c| !c.wanted));
}

#[test]
fn prefixes_end_where_a_pattern_begins() {
    let (_, estate) = desired(
        "[trusted.dev.users.Ann]\n[roles.R]\n[[roles.R.trust]]\nuser = \"dev/Ann\"\n[[roles.R.allow]]\nactions = [\"s3:GetObject\"]\nresources = [\"arn:aws:s3:::b-one/home/${aws:username}/*\", \"arn:aws:s3:::b-one/one.txt\", \"arn:aws:s3:::b-*/x/*\"]\n",
    );
    assert_eq!(prefixes(&estate, "b-one"), BTreeSet::from(["home/".to_owned(), "one.txt".to_owned()]));
}

fn error(class: ErrorClass) -> CloudError {
    CloudError { class, operation: "AssumeRole".into(), account: None, code: "AccessDenied".into(), message: String::new(), request_id: None }
}

fn cell(twist: Twist, wanted: bool) -> Cell {
    let role = "arn:aws:iam::222222222222:role/R".to_owned();
    Cell {
        principal: ANN.into(),
        via: None,
        act: Act::Assume { role },
        twist,
        terms: Terms { external_id: Some("x-1".into()), mfa: true, ..Terms::default() },
        wanted,
    }
}

fn called(let_in: bool, error: Option<CloudError>) -> How {
    How::Called(Called { in_a_row: 3, times: 3, let_in, request_ids: Vec::new(), error, at: NOW })
}

/// Only a no is a no: what did not come to an answer proves nothing, either way.
#[test]
fn errors_that_are_no_refusal_prove_nothing() {
    let all = [
        ErrorClass::Throttled,
        ErrorClass::Credentials,
        ErrorClass::Network,
        ErrorClass::Unresolved,
        ErrorClass::Certificate,
        ErrorClass::Proxy,
        ErrorClass::NotAws,
        ErrorClass::Unanswered,
        ErrorClass::Server,
        ErrorClass::NotFound,
        ErrorClass::Other,
        ErrorClass::Invalid,
    ];
    for class in all {
        for wanted in [true, false] {
            let proof = judged(cell(Twist::AsGranted, wanted), called(false, Some(error(class))), None);
            assert_eq!(proof.verdict, Verdict::Unknown, "{class:?}");
        }
    }
    assert!(is_refusal(&cell(Twist::TooLong, false), &error(ErrorClass::Invalid)));
    assert!(!is_refusal(&cell(Twist::NoMfa, false), &error(ErrorClass::Invalid)));
    assert_eq!(judged(cell(Twist::AsGranted, true), called(false, Some(error(ErrorClass::Denied))), None).verdict, Verdict::Fails);
    assert_eq!(judged(cell(Twist::NoMfa, false), called(false, Some(error(ErrorClass::Denied))), None).verdict, Verdict::Holds);
    assert_eq!(judged(cell(Twist::NoMfa, false), called(true, None), None).verdict, Verdict::Fails);
}

/// What AWS does otherwise than the evaluator says is said, whether it is as it should be or not.
#[test]
fn a_difference_from_what_was_predicted_is_a_finding() {
    let (_, estate) = desired(&GUARDED.replace("session_name = \"username\"\n", "").replace("source_ip = [\"203.0.113.0/24\"]\n", ""));
    let (changed, longest) = (BTreeSet::new(), BTreeMap::new());
    let live = Live { estate: &estate, changed: &changed, now: NOW, longest: &longest, unusable: &BTreeMap::new() };
    let let_in = asked(&estate, &cell(Twist::AsGranted, true), NOW);
    assert!(let_in.iter().all(crossrole_model::access::Explanation::is_allowed), "{let_in:?}");
    let refused = judged(cell(Twist::AsGranted, true), called(false, Some(error(ErrorClass::Denied))), Some(&live));
    assert!(refused.is_surprise() && refused.verdict == Verdict::Fails && refused.predicted() == Some(true));
    let as_predicted = judged(cell(Twist::AsGranted, true), called(true, None), Some(&live));
    assert!(!as_predicted.is_surprise() && as_predicted.verdict == Verdict::Holds);
    // Nobody called: the evaluator's word, and no surprise.
    let evaluated = judged(cell(Twist::AsGranted, true), How::Evaluated { because: NotCalled::NotAtHand }, Some(&live));
    assert!(!evaluated.is_surprise() && evaluated.verdict == Verdict::Holds);
    // A simulator that says no is heard where the evaluator says yes.
    let simulated = |decision: &str| How::Simulated { decision: decision.into(), because: NotCalled::NoSession };
    assert_eq!(judged(cell(Twist::AsGranted, true), simulated("implicitDeny"), Some(&live)).verdict, Verdict::Fails);
    assert_eq!(judged(cell(Twist::AsGranted, true), simulated("allowed"), Some(&live)).verdict, Verdict::Holds);
    // And nothing is known where nothing was read.
    let unknown = judged(cell(Twist::AsGranted, true), How::Unknown { because: Ok(NotCalled::NotAtHand) }, None);
    assert_eq!((unknown.verdict, unknown.predicted()), (Verdict::Unknown, None));
}

/// Of an empty bucket, what is granted is asked about below the prefix, and an object that is named by its whole key by that.
#[test]
fn what_is_granted_is_promised_without_an_object() {
    let text = "[trusted.dev.users.Ann]\n[roles.R]\n[[roles.R.trust]]\nuser = \"dev/Ann\"\n[[roles.R.allow]]\nactions = [\"s3:GetObject\"]\nresources = [\"arn:aws:s3:::b-one/in/*\", \"arn:aws:s3:::b-one/one.txt\"]\n[buckets.b-one]\n";
    let all = cells(text, &[hand(ANN, &[])], &[], true);
    let reads: Vec<&Cell> = all.iter().filter(|c| c.via.is_some() && matches!(&c.act, Act::Get { key: None, .. })).collect();
    let wanted: BTreeSet<String> = reads.iter().filter(|c| c.wanted).map(|c| c.act.resource("aws")).collect();
    assert_eq!(wanted, BTreeSet::from(["arn:aws:s3:::b-one/in/crossrole-verify-no-such-object".into(), "arn:aws:s3:::b-one/one.txt".into()]));
    assert!(reads.iter().any(|c| !c.wanted && c.twist == Twist::Outside));
    // Nothing is written in the place of somebody's object: only what ends as ours do is.
    assert!(all.iter().any(|c| matches!(&c.act, Act::Put { key, .. } if key == "one.txt")));
    assert!(!all.iter().any(|c| matches!(&c.act, Act::Put { key, .. } if key.starts_with("one.txt") && key.ends_with("probe"))));
}

/// While an external id is rotated, either has to work.
#[test]
fn each_of_two_external_ids_is_tried() {
    let text = "[trusted.dev.users.Ann]\n[roles.R]\n[[roles.R.trust]]\nuser = \"dev/Ann\"\nconditions = { StringEquals = { \"sts:ExternalId\" = [\"old-1\", \"new-2\"] } }\n";
    let granted: BTreeSet<Option<String>> =
        cells(text, &[hand(ANN, &[])], &[], false).into_iter().filter(|c| c.principal == ANN && c.wanted).map(|c| c.terms.external_id).collect();
    assert_eq!(granted, BTreeSet::from([Some("old-1".to_owned()), Some("new-2".to_owned())]));
}

/// A 403 that says something else of the object is no refusal; a simulator's no does not make a red cell green.
#[test]
fn a_refusal_is_one_by_its_code() {
    for code in ["InvalidObjectState", "RegionDisabledException", "MethodNotAllowed", "AllAccessDisabled"] {
        let other = CloudError { code: code.into(), ..error(ErrorClass::Denied) };
        assert_eq!(judged(cell(Twist::NoMfa, false), called(false, Some(other)), None).verdict, Verdict::Unknown, "{code}");
    }
    let (_, estate) = desired(&GUARDED.replace("session_name = \"username\"\n", "").replace("source_ip = [\"203.0.113.0/24\"]\n", ""));
    let (changed, longest) = (BTreeSet::new(), BTreeMap::new());
    let live = Live { estate: &estate, changed: &changed, now: NOW, longest: &longest, unusable: &BTreeMap::new() };
    let simulated = How::Simulated { decision: "implicitDeny".into(), because: NotCalled::NoSession };
    assert_eq!(judged(cell(Twist::OtherPrincipal, false), simulated, Some(&live)).verdict, Verdict::Fails, "the evaluator says that it is let in");
}

const KEYED: &str = "[trusted.dev.users.Ann]\n[keys.k]\narn = \"arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab\"\n[roles.R]\n[[roles.R.trust]]\nuser = \"dev/Ann\"\n[[roles.R.allow]]\nbucket = \"b-one\"\naccess = \"read\"\nprefix = \"in/\"\n[buckets.b-one]\ncreate = true\nencryption = { kms_key = \"k\" }\n";
const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::222222222222:role/R";

fn reads() -> Cell {
    let act = Act::Get { bucket: "b-one".into(), key: None, prefix: "in/".into(), whole: false };
    Cell { principal: ANN.into(), via: Some(ROLE.into()), act, twist: Twist::AsGranted, terms: Terms::default(), wanted: true }
}

/// What the evaluator takes for granted of a policy that was not read is no proof; nor is a key a key that can't be used.
#[test]
fn what_was_not_read_is_not_known_and_a_key_that_is_off_lets_nobody() {
    let (_, mut estate) = desired(KEYED);
    let (changed, longest) = (BTreeSet::new(), BTreeMap::new());
    let verdict = |estate: &Estate, cell: Cell, off: bool| {
        let address = crossrole_model::Address::new(&crossrole_model::AccountId::parse("222222222222").unwrap(), crossrole_model::Kind::Key, "k");
        let unusable = off.then(|| (KEY.to_owned(), address)).into_iter().collect();
        let live = Live { estate, changed: &changed, now: NOW, longest: &longest, unusable: &unusable };
        judged(cell, How::Evaluated { because: NotCalled::NoObject }, Some(&live))
    };
    assert_eq!(verdict(&estate, reads(), false).verdict, Verdict::Holds);
    let off = verdict(&estate, reads(), true);
    assert!(off.verdict == Verdict::Fails && off.differs.iter().any(|address| address.name == "k"), "{off:?}");
    let mut unread = estate.clone();
    unread.principals.get_mut(ROLE).unwrap().unread.insert("arn:aws:iam::aws:policy/Some".into());
    assert_eq!(verdict(&unread, reads(), false).verdict, Verdict::Unknown);
    estate.keys.clear();
    assert_eq!(verdict(&estate, reads(), false).verdict, Verdict::Unknown);
}

fn placed(statements: &str) -> Placed {
    Placed::new(crossrole_policy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap(), "by hand")
}

fn spoiled(spoil: impl Fn(&mut Estate)) -> Beyond {
    let (desired, wanted) = desired(KEYED);
    let mut live = wanted.clone();
    spoil(&mut live);
    beyond(&desired, &wanted, &live, AccessDelta::default())
}

fn gains(found: &Beyond) -> String {
    found.roles.changes.iter().map(|change| format!("{:?} {:?}\n", change.party, change.actions)).collect()
}

fn of_key(statements: &[&str]) -> Placed {
    Placed::of_key(crossrole_policy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))).unwrap(), "by hand")
}

/// Of a grant is said what it lets, and not what a policy lets whom it names: not the policy's actions, and all that the policy lets under a
/// condition alone; of a key that a bucket alone names, too, and of one whose policy nobody has read.
#[test]
fn what_grants_let_is_told_from_what_policies_let() {
    const ROOT: &str = r#"{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"kms:*","Resource":"*"}"#;
    let (desired, wanted) = desired(KEYED);
    let to_bob = |actions: &str, when: &str| format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{BOB}"}},"Action":{actions},"Resource":"*"{when}}}"#);
    let through = r#","Condition":{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}"#;
    let deny = r#"{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"kms:Decrypt","Resource":"*"}"#;
    let grant = to_bob(r#"["kms:Decrypt","kms:DescribeKey"]"#, "");
    let (both, describe): (&[&str], &[&str]) = (&["kms:Decrypt", "kms:DescribeKey"], &["kms:DescribeKey"]);
    for (by_hand, expected) in [
        (None, both),
        (Some(to_bob(r#"["kms:Encrypt","kms:Put*"]"#, "")), both),
        (Some(to_bob(r#""kms:Decrypt""#, "")), describe),
        (Some(to_bob(r#"["kms:Decrypt","kms:DescribeKey"]"#, through)), both),
        (Some(to_bob(r#"["kms:Decrypt","kms:DescribeKey"]"#, "")), &[]),
        (Some(deny.to_owned()), describe),
    ] {
        for (named_by_manifests, read) in [(true, true), (false, true), (true, false), (false, false)] {
            let (mut wanted, mut live) = (wanted.clone(), wanted.clone());
            let policy: Vec<&str> = [Some(ROOT), by_hand.as_deref()].into_iter().flatten().collect();
            live.keys.get_mut(KEY).unwrap().policy = Some(of_key(&policy));
            let mut with = live.clone();
            let beside: Vec<&str> = policy.iter().copied().filter(|_| read).chain([grant.as_str()]).collect();
            with.keys.get_mut(KEY).unwrap().policy = Some(of_key(&beside));
            if !named_by_manifests {
                wanted.keys.clear();
            }
            if !read {
                live.keys.clear();
            }
            let more = granted(&desired, &wanted, [&live, &with], &[BOB.to_owned()].into(), &mut Beyond::default());
            let actions: Vec<&str> = more.changes.iter().flat_map(|change| change.actions.iter().map(|part| part.pattern.as_str())).collect();
            assert_eq!(actions, if read { expected } else { both }, "{by_hand:?} {named_by_manifests} {read}: {:#?}", more.changes);
            let of_bob = more.changes.iter().all(|change| change.witness.resource == KEY && format!("{:?}", change.party).contains(BOB));
            assert!(of_bob && more.undecided.is_empty(), "{more:#?}");
        }
    }
}

/// What S3 answers everybody who asks unsigned for what is encrypted with a key is a no; of whoever signs, and with other words, it is none.
#[test]
fn a_request_that_has_to_be_signed_is_refused() {
    let message = "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.";
    let said = |message: &str| CloudError { code: "InvalidArgument".into(), message: message.into(), ..error(ErrorClass::Invalid) };
    for (who, message, verdict) in [("anonymous", message, Verdict::Holds), ("anonymous", "Authorization", Verdict::Unknown), (ANN, message, Verdict::Unknown)]
    {
        let cell = Cell { principal: who.into(), via: None, twist: Twist::Unsigned, wanted: false, ..reads() };
        assert_eq!(judged(cell, called(false, Some(said(message))), None).verdict, verdict, "{who}: {message}");
    }
}

/// A bucket's policy and the caller's own let together what neither lets alone; own policies alone are nobody's affair here.
#[test]
fn what_two_policies_let_together_is_beyond() {
    let own = r#"{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::b-one/z/*"}"#;
    let shared = format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{ANN}"}},"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::b-one/z/*"}}"#);
    let with_own = |live: &mut Estate| live.principals.get_mut(ANN).unwrap().identity.push(placed(own));
    let both = spoiled(|live| {
        with_own(live);
        live.buckets.get_mut("b-one").unwrap().policy = Some(placed(&shared));
    });
    assert!(both.roles.widens() && gains(&both).contains("s3:DeleteObject"), "{both:?}");
    assert_eq!(spoiled(with_own), Beyond::default());
    assert_eq!(spoiled(|_| ()), Beyond::default());
}

/// What no manifest says is red; what a manifest of another run wrote, and a service, are said.
#[test]
fn a_stranger_in_a_shared_policy_is_beyond() {
    let statement =
        |sid: &str, who: &str| format!(r#"{{"Sid":"{sid}","Effect":"Allow","Principal":{who},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b-one/*"}}"#);
    let with = |text: String| spoiled(move |live| live.buckets.get_mut("b-one").unwrap().policy = Some(placed(&text)));
    let stranger = r#"{"AWS":"arn:aws:iam::555555555555:root"}"#;
    let red = with(statement("Hand", stranger));
    assert!(gains(&red).contains("555555555555"), "{red:?}");
    for said in [with(statement("Crossrole01234567Other", stranger)), with(statement("Logs", r#"{"Service":"delivery.logs.amazonaws.com"}"#))] {
        assert!(!said.roles.widens() && said.shared.widens(), "{said:?}");
    }
    let key = spoiled(|live| {
        let document = crossrole_policy::parse(&format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{stranger},"Action":"kms:*","Resource":"*"}}]}}"#
        ))
        .unwrap();
        let policy = live.keys.get_mut(KEY).unwrap().policy.as_mut().unwrap();
        let mut all = policy.document.clone();
        all.statements.extend(document.statements);
        *policy = Placed::of_key(all, "by hand");
    });
    assert!(gains(&key).contains("555555555555"), "{key:?}");
}

/// Tags and source identities of sessions decide elsewhere.
#[test]
fn what_a_trust_lets_besides_is_beyond() {
    for action in ["sts:TagSession", "sts:SetSourceIdentity"] {
        let found = spoiled(|live| {
            let policy = live.roles.get_mut(ROLE).unwrap().policy.as_mut().unwrap();
            let mut all = policy.document.clone();
            let text = format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{ANN}"}},"Action":"{action}"}}"#);
            all.statements.extend(placed(&text).document.statements);
            *policy = Placed::new(all, "by hand");
        });
        assert!(gains(&found).contains(action), "{action}: {found:?}");
    }
}

/// Everybody whom nobody's credentials can stand for, and every kind of condition: in trusts, on a bucket and on a key.
const EVERYBODY: &str = r#"
[trusted.dev.users.Ann]
[trusted.dev.users.Bob]
[trusted.dev.permission_sets.Devs]
[trusted.ops]
account = "333333333333"
[trusted.ops.roles.Runner]
[[trusted.ops.roles.Runner.trust]]
user = "ops/Cid"
[trusted.ops.users.Cid]
[oidc_providers.github]
url = "https://token.actions.githubusercontent.com"
[keys.vault]
arn = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[[keys.vault.allow]]
user = "ops/Cid"
access = "decrypt"
[[keys.vault.allow]]
role = "ops/Runner"
access = ["encrypt", "decrypt"]
[buckets.b-one]
[[buckets.b-one.allow]]
service = "logging.s3.amazonaws.com"
actions = "s3:PutObject"
prefix = "logs/"
source_account = "222222222222"
[[buckets.b-one.allow]]
organization = "o-a1b2c3d4e5"
access = "get"
prefix = "org/"
[[buckets.b-one.allow]]
permission_set = "dev/Devs"
access = "get"
prefix = "set/"
[[buckets.b-one.allow]]
role = "ops/Runner"
access = ["get", "put"]
prefix = "run/"
[[buckets.b-one.allow]]
user = "dev/Ann"
access = "get"
prefix = "ip/"
source_ip = ["203.0.113.0/24"]
[[buckets.b-one.allow]]
user = "dev/Bob"
access = "get"
prefix = "vpce/"
vpc_endpoint = "vpce-0123456789abcdef0"
[[buckets.b-one.allow]]
user = "dev/Bob"
access = "get"
prefix = "late/"
not_before = 2090-06-01T00:00:00Z
[[buckets.b-one.allow]]
user = "dev/Bob"
actions = ["s3:GetObjectTagging", "s3:PutObjectAcl"]
prefix = "tag/"
[roles.Lambda]
[[roles.Lambda.trust]]
service = "lambda.amazonaws.com"
source_account = "222222222222"
[[roles.Lambda.allow]]
bucket = "b-one"
access = "get"
prefix = "fn/"
[roles.Deploy]
[[roles.Deploy.trust]]
github = { repository = "acme/site", branch = "main" }
[[roles.Deploy.trust]]
github = { repository = "acme/other", environment = "production" }
[[roles.Deploy.allow]]
bucket = "b-one"
access = ["put", "delete"]
prefix = "site/"
[roles.Org]
[[roles.Org.trust]]
organization = "o-a1b2c3d4e5"
[roles.Set]
[[roles.Set.trust]]
permission_set = "dev/Devs"
[roles.Vpce]
[[roles.Vpce.trust]]
user = "dev/Bob"
vpc_endpoint = "vpce-0123456789abcdef0"
[roles.Late]
[[roles.Late.trust]]
user = "dev/Bob"
not_before = 2090-06-01T00:00:00Z
[roles.Tag]
[[roles.Tag.trust]]
user = "dev/Ann"
conditions = { StringEquals = { "aws:PrincipalTag/team" = "red" } }
"#;

/// All cells, and the estate of the manifests.
fn of_everybody() -> (Vec<Cell>, Estate) {
    let (desired, wanted) = desired(EVERYBODY);
    (matrix(&desired, &wanted, &[], &Objects::new(), &Options { now: NOW, ..Options::default() }).cells, wanted)
}

/// What is evaluated of all cells over what is live.
fn evaluated(cells: &[Cell], live: &Estate) -> Vec<crossrole_model::proof::Proof> {
    let longest: BTreeMap<String, u32> = live.roles.keys().map(|arn| (arn.clone(), 3600)).collect();
    let cells = cells.to_vec();
    let live = Live { estate: live, changed: &BTreeSet::new(), now: NOW, longest: &longest, unusable: &BTreeMap::new() };
    cells.into_iter().map(|cell| judged(cell, How::Evaluated { because: NotCalled::NotAtHand }, Some(&live))).collect()
}

/// The policies of an estate that manifests write, each with whose it is.
fn documents(estate: &mut Estate) -> Vec<(String, &mut Option<Placed>)> {
    let guarded = estate.roles.iter_mut().chain(estate.buckets.iter_mut()).chain(estate.keys.iter_mut());
    guarded.map(|(name, guarded)| (name.clone(), &mut guarded.policy)).collect()
}

/// Estates in which one statement of ours is not as it was, each with what was done. `change` says how a statement can be spoiled.
fn each_spoiled(change: impl Fn(&crossrole_policy::Statement) -> Vec<Option<crossrole_policy::Statement>>) -> Vec<(String, Estate)> {
    let (_, mut wanted) = desired(EVERYBODY);
    let mut all = Vec::new();
    for at in 0..documents(&mut wanted).len() {
        let written = documents(&mut wanted)[at].1.as_ref().map(|placed| placed.document.statements.clone()).unwrap_or_default();
        for (nth, statement) in written.iter().enumerate().filter(|(_, s)| s.sid() != "Enable IAM User Permissions") {
            for other in change(statement) {
                let mut live = wanted.clone();
                let mut list = documents(&mut live);
                let (name, policy) = &mut list[at];
                let name = format!("{name} {:?} {:?} -> {other:?}", statement.principal, statement.conditions);
                let mut statements = written.clone();
                match other {
                    Some(other) => statements[nth] = other,
                    None => drop(statements.remove(nth)),
                }
                **policy = Some(Placed::new(crossrole_policy::Document::new(statements), "live"));
                all.push((name, live));
            }
        }
    }
    all
}

/// Whoever is let in, by whatever statement and on whatever terms, has a cell: it is red where that statement is gone or somebody denies it.
#[test]
fn every_statement_has_a_cell_that_is_red_without_it() {
    let (cells, wanted) = of_everybody();
    let green = evaluated(&cells, &wanted);
    let red: Vec<_> = green.iter().filter(|proof| proof.verdict != Verdict::Holds).map(|proof| &proof.cell).collect();
    assert!(red.is_empty(), "{red:#?}");
    let deny = |s: &crossrole_policy::Statement| crossrole_policy::Statement { effect: crossrole_policy::Effect::Deny, ..s.clone() };
    let faults = each_spoiled(|s| vec![None, Some(deny(s))]);
    assert!(faults.len() > 30, "{}", faults.len());
    // In its own account a role needs no statement of the bucket.
    let faults = faults.iter().filter(|(name, _)| !(name.starts_with("b-one") && name.contains("222222222222:role/") && name.ends_with("-> None")));
    let missed: Vec<&String> = faults.filter(|(_, live)| evaluated(&cells, live).iter().all(|p| p.verdict == Verdict::Holds)).map(|(name, _)| name).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// A condition that somebody dropped lets more in than the manifests say, whoever it is: a service without its account, a key, another endpoint.
#[test]
fn every_condition_that_is_dropped_is_red() {
    let (desired, wanted) = desired(EVERYBODY);
    let (cells, _) = of_everybody();
    let without = |s: &crossrole_policy::Statement| {
        let keys: Vec<(String, String)> = s.conditions.iter().flat_map(|(op, keys)| keys.keys().map(move |key| (op.clone(), key.clone()))).collect();
        let other = |(operator, key): (String, String)| {
            let mut other = s.clone();
            other.conditions.get_mut(&operator).unwrap().remove(&key);
            Some(other)
        };
        keys.into_iter().map(other).collect()
    };
    let faults = each_spoiled(without);
    assert!(faults.len() > 12, "{}", faults.len());
    let is_missed = |live: &Estate| {
        evaluated(&cells, live).iter().all(|p| p.verdict == Verdict::Holds) && !beyond(&desired, &wanted, live, AccessDelta::default()).roles.widens()
    };
    // What a user is let in a bucket its own policies bind as well.
    let faults = faults.iter().filter(|(name, _)| !(name.starts_with("b-one") && name.contains(":user/")));
    let missed: Vec<&String> = faults.filter(|(_, live)| is_missed(live)).map(|(name, _)| name).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// No policy says whether the identity provider is there, and whose tokens it takes.
#[test]
fn tokens_need_a_provider_that_takes_them() {
    let (cells, wanted) = of_everybody();
    let provider = wanted.providers.keys().next().unwrap().clone();
    let mut gone = wanted.clone();
    gone.providers.clear();
    let mut other = wanted.clone();
    other.providers.insert(provider, BTreeSet::from(["somebody-else".to_owned()]));
    for live in [gone, other] {
        let red = evaluated(&cells, &live).into_iter().filter(|p| p.verdict == Verdict::Fails).count();
        assert!(red >= 2, "{red}");
    }
}

/// What an apply would take away is more than the manifests say, and what it would give is less: no estate of the manifests alone has whom
/// somebody put into a group.
#[test]
fn what_an_apply_would_change_is_not_green() {
    let (desired, wanted) = desired(KEYED);
    let mut live = wanted.clone();
    let ann = live.principals.get(ANN).unwrap().clone();
    live.principals.insert(ANN.replace("Ann", "Mal"), ann);
    live.roles.get_mut(ROLE).unwrap().policy = Some(placed(&format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::111111111111:root"}},"Action":"sts:AssumeRole","Condition":{{"ArnLike":{{"aws:PrincipalArn":"{ANN}"}}}}}}"#
    ).replace("user/Ann", "user/*")));
    let mut after = live.clone();
    after.principals.remove(&ANN.replace("Ann", "Mal"));
    let pending = crossrole_access::delta(&live, &after);
    assert!(!pending.changes.is_empty());
    let found = beyond(&desired, &live, &live, pending.clone());
    assert!(found.roles.widens() && gains(&found).contains("user/Mal") && found.lacking == AccessDelta::default(), "{found:?}");
    let less = beyond(&desired, &live, &live, crossrole_access::delta(&after, &live));
    assert!(!less.roles.widens() && !less.lacking.changes.is_empty(), "{less:?}");
}

/// What a role's own policies give more is said by its own names, and not once more by those of what a trust may let besides.
#[test]
fn what_own_policies_give_is_no_tag_of_a_session() {
    for action in ["ec2:*", "s3:GetObject", "iam:*"] {
        let found = spoiled(|live| {
            let own = format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"*"}}"#);
            live.principals.get_mut(ROLE).unwrap().identity.push(placed(&own));
        });
        assert!(found.roles.widens() && !gains(&found).contains("sts:TagSession"), "{action}: {}", gains(&found));
    }
}

/// Where a whole account is let in, whom of it is its own affair, whoever a manifest names for something else; not so where a group is meant.
#[test]
fn whom_a_whole_account_lets_is_its_own_affair() {
    let text = |who: &str| {
        format!(
            "[trusted.dev.users.Ann]\n[trusted.dev.groups.Crew]\n[roles.Own]\n[[roles.Own.trust]]\nuser = \"dev/Ann\"\n[roles.R]\n[[roles.R.trust]]\n{who} = \"dev{}\"\nexternal_id = \"x-1\"\n[buckets.b-one]\n[[buckets.b-one.allow]]\naccount = \"dev\"\naccess = \"get\"\nprefix = \"whole/\"\n",
            if who == "group" { "/Crew" } else { "" }
        )
    };
    for (who, left) in [("account", true), ("group", false)] {
        for hands in [vec![], vec![hand(ANN, &[])]] {
            let all = cells(&text(who), &hands, &[("b-one", &["whole/a"])], false);
            let of_ann: Vec<&Cell> = all.iter().filter(|c| c.principal == ANN && c.via.is_none()).collect();
            let refused = |is: &dyn Fn(&Cell) -> bool| of_ann.iter().any(|c| is(c) && !c.wanted);
            let assumes = refused(&|c| matches!(&c.act, Act::Assume { role } if role.ends_with("/R")) && c.terms.external_id.as_deref() == Some("x-1"));
            assert_eq!(assumes, !left, "{who}");
            assert!(!refused(&|c| matches!(&c.act, Act::Get { prefix, .. } if prefix == "whole/")), "{who}");
            assert!(refused(&|c| matches!(&c.act, Act::Put { .. })), "{who}");
        }
    }
}

/// A session limit that was lowered keeps from what manifests say, and one that was raised gives more.
#[test]
fn a_session_may_be_as_long_as_manifests_say() {
    let (desired, wanted) = desired(&GUARDED.replace("max_session = \"1h\"", "max_session = \"4h\"").replace("session_name = \"username\"\n", ""));
    let cells = matrix(&desired, &wanted, &[], &Objects::new(), &Options { now: NOW, ..Options::default() }).cells;
    let (changed, role) = (BTreeSet::new(), "arn:aws:iam::222222222222:role/R".to_owned());
    for (seconds, red) in [(3_600, true), (14_400, false), (43_200, true)] {
        let longest = BTreeMap::from([(role.clone(), seconds)]);
        let live = Live { estate: &wanted, changed: &changed, now: NOW, longest: &longest, unusable: &BTreeMap::new() };
        let proofs = cells.iter().map(|cell| judged(cell.clone(), How::Evaluated { because: NotCalled::NotHarmless }, Some(&live)));
        let fails: Vec<_> = proofs.filter(|proof| proof.verdict == Verdict::Fails).collect();
        assert_eq!(!fails.is_empty(), red, "{seconds}: {fails:?}");
    }
}

/// A key that can't be used is a reason why something granted fails.
#[test]
fn what_a_key_answers_that_is_off_is_no_unknown() {
    let (_, estate) = desired(KEYED);
    let (changed, longest) = (BTreeSet::new(), BTreeMap::new());
    let address = crossrole_model::Address::new(&crossrole_model::AccountId::parse("222222222222").unwrap(), crossrole_model::Kind::Key, "k");
    let failed = |code: &str| How::Unknown { because: Err(CloudError { code: code.into(), ..error(ErrorClass::Other) }) };
    for (off, code, verdict) in [
        (true, "KMS.DisabledException", Verdict::Fails),
        (true, "KMS.KMSInvalidStateException", Verdict::Fails),
        (true, "SlowDown", Verdict::Unknown),
        (false, "KMS.DisabledException", Verdict::Unknown),
    ] {
        let unusable = off.then(|| (KEY.to_owned(), address.clone())).into_iter().collect();
        let live = Live { estate: &estate, changed: &changed, now: NOW, longest: &longest, unusable: &unusable };
        assert_eq!(judged(reads(), failed(code), Some(&live)).verdict, verdict, "{off} {code}");
    }
}
