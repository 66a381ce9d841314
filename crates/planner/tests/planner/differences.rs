//! A reviewed plan against what would be planned now: what is the same, what is left of it, and every way of being another.

use std::collections::BTreeSet;

use crossrole_model::access::{AccessChange, AccessDelta, Certainty, Decision, Direction, Part, Party, Undecided, Why, Witness};
use crossrole_model::desired::{ByHand, HandSide};
use crossrole_model::plan::{Difference, Meter, Record};
use crossrole_model::{Address, BucketCall, Call, Facet, IamCall, Kind, Observed, Plan, ownership};
use crossrole_planner::{Options, differences, plan, scope};

use crate::rows::{DEV, PROD, desired, empty, manifest};
use crate::world::{account, carry_out, id, look};

const BODY: &str = r#"
[trusted.dev.users.ann]
[buckets.data-bucket]
[[buckets.data-bucket.allow]]
account = "dev"
access = "get"
[roles.Reader]
description = "reads"
[[roles.Reader.trust]]
user = "dev/ann"
[[roles.Reader.allow]]
actions = "s3:ListAllMyBuckets"
resources = "*"
"#;

fn planned(text: &str, live: &Observed) -> (Plan, Observed) {
    let desired = desired(text);
    let observed = look(live, &scope(&desired));
    (plan(&desired, &observed, &Options::default()), observed)
}

fn made(body: &str) -> Observed {
    let mut live = empty();
    let (plan, _) = planned(&manifest(body), &live);
    plan.steps.iter().for_each(|s| carry_out(&mut live, &s.account, &s.call).unwrap());
    live
}

fn reader() -> Address {
    Address::new(&id(PROD), Kind::Role, "Reader")
}

/// A new difference stops the build here until it has a number, and the test below until it has a case.
fn number(difference: &Difference) -> usize {
    match difference {
        Difference::Moved { .. } => 0,
        Difference::Altered { .. } => 1,
        Difference::New { .. } => 2,
        Difference::NotPlanned { .. } => 3,
        Difference::Unknown { .. } => 4,
        Difference::Manifests => 5,
        Difference::Recorded { record } => {
            6 + match record {
                Record::Manifests => 0,
                Record::Accounts => 1,
                Record::Changes => 2,
                Record::Steps => 3,
                Record::Withheld => 4,
                Record::Access => 5,
            }
        }
        Difference::Access { .. } => 12,
    }
}
const DIFFERENCES: usize = 13;

#[test]
fn the_same_plan_may_be_carried_out_and_so_may_what_is_left_of_it() {
    let start = empty();
    let (reviewed, observed) = planned(&manifest(BODY), &start);
    assert_eq!(differences(&reviewed, &reviewed, &observed), []);
    // Only how many calls it took to read.
    let mut cheaper = reviewed.clone();
    cheaper.calls.insert(id(PROD), 7);
    assert_eq!(differences(&reviewed, &cheaper, &observed), []);
    // Whatever part of it was carried out, in the order of its steps.
    let mut live = start;
    for step in &reviewed.steps {
        carry_out(&mut live, &step.account, &step.call).unwrap();
        let (now, observed) = planned(&manifest(BODY), &live);
        assert!(now.steps.len() < reviewed.steps.len());
        assert_eq!(differences(&reviewed, &now, &observed), [], "after {:?}", step.call);
    }
}

#[test]
fn so_it_is_of_what_is_taken_away() {
    let start = made(BODY);
    let (reviewed, _) = planned(&manifest(""), &start);
    assert!(reviewed.steps.iter().all(|s| s.call.removes()) && reviewed.steps.len() == 5);
    let mut live = start;
    for step in &reviewed.steps {
        carry_out(&mut live, &step.account, &step.call).unwrap();
        let (now, observed) = planned(&manifest(""), &live);
        assert_eq!(differences(&reviewed, &now, &observed), [], "after {:?}", step.call);
    }
}

type Case = (&'static str, Plan, Plan, Observed, Vec<Difference>);

#[test]
fn every_way_of_being_another_is_named() {
    let mut named = BTreeSet::new();
    for (what, reviewed, now, observed, expected) in live().into_iter().chain(files()).chain(records()).chain(accesses()) {
        let found = differences(&reviewed, &now, &observed);
        assert_eq!(found, expected, "{what}");
        named.extend(found.iter().map(number));
    }
    assert_eq!(named, (0..DIFFERENCES).collect());
}

/// What has happened to the estate since.
fn live() -> Vec<Case> {
    let changed = manifest(&BODY.replace("\"reads\"", "\"x\""));
    let start = made(BODY);
    let (reviewed, _) = planned(&changed, &start);
    let case = |what, edit: fn(&mut Observed), expected| {
        let mut moved = start.clone();
        edit(&mut moved);
        let (now, observed) = planned(&changed, &moved);
        (what, reviewed.clone(), now, observed, expected)
    };
    let role = |e: &mut Observed| account(e, &id(PROD)).roles.get_mut("reader").unwrap().clone();
    let mut cases = vec![
        case(
            "the part that it changes",
            |e| account(e, &id(PROD)).roles.get_mut("reader").unwrap().state.description = "theirs".into(),
            vec![Difference::Moved { address: reader(), facet: Facet::Settings }],
        ),
        case(
            "another part of the object",
            |e| account(e, &id(PROD)).roles.get_mut("reader").unwrap().state.inline.clear(),
            vec![Difference::New { address: reader(), operation: "PutRolePolicy".into() }],
        ),
        case(
            "another object",
            |e| account(e, &id(DEV)).users.get_mut("ann").unwrap().attached.clear(),
            vec![Difference::New {
                address: Address::new(&id(DEV), Kind::Attachment, "user/ann/crossrole-caller-user-ann"),
                operation: "AttachUserPolicy".into(),
            }],
        ),
    ];
    // What it makes is there, and is somebody else's.
    let (reviewed, _) = planned(&manifest(BODY), &empty());
    let mut taken = empty();
    let mut theirs = role(&mut start.clone());
    theirs.state.tags.clear();
    account(&mut taken, &id(PROD)).roles.insert("reader".into(), theirs);
    let (now, observed) = planned(&manifest(BODY), &taken);
    let policy = Address::new(&id(DEV), Kind::Policy, "crossrole-caller-user-ann");
    let attachment = Address::new(&id(DEV), Kind::Attachment, "user/ann/crossrole-caller-user-ann");
    let gone = |address: Address, operation: &str| Difference::NotPlanned { address, operation: operation.into() };
    let expected = vec![gone(policy, "CreatePolicy"), gone(attachment, "AttachUserPolicy"), gone(reader(), "CreateRole")];
    // The role's own permissions are as they would be.
    cases.push(("what it makes is taken", reviewed, now, observed, expected));
    cases
}

/// What somebody has made of the file, or of the manifests.
fn files() -> Vec<Case> {
    let (good, observed) = planned(&manifest(BODY), &empty());
    let at = |operation: &str| good.steps.iter().position(|s| s.call.operation() == operation && s.account == id(PROD)).unwrap();
    let altered = |edit: &dyn Fn(&mut Plan)| {
        let mut file = good.clone();
        edit(&mut file);
        file
    };
    let trust = altered(&|p| {
        if let Call::Iam(IamCall::CreateRole { trust, .. }) = &mut p.steps[at("CreateRole")].call {
            trust.map_aws_principals(|_| Some("999999999999".into()));
        }
    });
    let policy = altered(&|p| {
        if let Call::Bucket(BucketCall::PutPolicy { document, .. }) = &mut p.steps[at("PutBucketPolicy")].call {
            document.statements[0].action.values = vec!["s3:*".into()];
        }
    });
    let share = altered(&|p| p.steps[at("PutBucketPolicy")].share.as_mut().unwrap().statements.clear());
    let account = altered(&|p| p.steps[at("PutRolePolicy")].account = id(DEV));
    let bucket_policy = Address::new(&id(PROD), Kind::BucketPolicy, "data-bucket");
    let statements = || Facet::Statements([ownership::sid_prefix("m")].into());
    let other = |address: Address, facet| vec![Difference::Altered { address, facet }];
    let unknown = altered(&|p| p.steps[at("PutRolePolicy")].change = 99);
    let more = altered(&|p| {
        let mut step = p.steps[at("PutRolePolicy")].clone();
        step.call = IamCall::AttachPolicy {
            principal: crossrole_model::PrincipalRef { kind: crossrole_model::PrincipalKind::Role, name: "Reader".into() },
            arn: "arn:aws:iam::aws:policy/AdministratorAccess".into(),
        }
        .into();
        step.facet = Facet::Attached("arn:aws:iam::aws:policy/AdministratorAccess".into());
        p.steps.push(step);
    });
    let less = altered(&|p| drop(p.steps.remove(at("PutRolePolicy"))));
    let put = |operation: &str| Difference::New { address: reader(), operation: operation.into() };
    let emptied = altered(&|p| p.manifests.clear());
    vec![
        ("a trust that lets somebody else in", trust, good.clone(), observed.clone(), other(reader(), Facet::Existence)),
        ("a statement that allows more", policy, good.clone(), observed.clone(), other(bucket_policy.clone(), statements())),
        ("a share that is emptied", share, good.clone(), observed.clone(), other(bucket_policy, statements())),
        ("a call to another account", account, good.clone(), observed.clone(), other(reader(), Facet::Inline("crossrole".into()))),
        ("a call of no object", unknown, good.clone(), observed.clone(), vec![put("PutRolePolicy"), Difference::Unknown { operation: "PutRolePolicy".into() }]),
        (
            "a call that nobody plans",
            more,
            good.clone(),
            observed.clone(),
            vec![Difference::NotPlanned { address: reader(), operation: "AttachRolePolicy".into() }],
        ),
        ("a call that was not reviewed", less, good.clone(), observed.clone(), vec![put("PutRolePolicy")]),
        ("no manifests", emptied, good.clone(), observed.clone(), vec![Difference::Manifests]),
        ("a plan to destroy", altered(&|p| p.destroy = true), good.clone(), observed, vec![Difference::Manifests]),
    ]
}

/// The same calls, and something else said of them.
fn records() -> Vec<Case> {
    let (good, observed) = planned(&manifest(BODY), &empty());
    let case = |what, edit: &dyn Fn(&mut Plan), record| {
        let mut file = good.clone();
        edit(&mut file);
        (what, file, good.clone(), observed.clone(), vec![Difference::Recorded { record }])
    };
    let withheld =
        crossrole_model::Withheld { subject: crossrole_model::Subject::Target("x".into()), cause: crossrole_model::Cause::NoSuchTarget, blocks: false };
    let by_hand = ByHand { account: id(DEV), label: None, side: HandSide::PermissionSet("x".into()), statements: Vec::new() };
    vec![
        case("targets", &|p| p.targets.push("role/Reader".into()), Record::Manifests),
        case("an account that is managed", &|p| p.accounts.get_mut(&id(DEV)).unwrap().managed = false, Record::Accounts),
        case("what is read", &|p| assert!(p.scope.follow_owned.insert("x".into())), Record::Accounts),
        case("a reason", &|p| p.changes[0].reasons.push(crossrole_model::Reason::Adopted), Record::Changes),
        case("a consequence", &|p| p.changes[0].consequences.push(crossrole_model::Consequence::ObjectsStay), Record::Changes),
        case("the order of calls", &|p| p.steps.iter_mut().for_each(|s| s.needs.clear()), Record::Steps),
        case("what is waited for", &|p| p.steps.iter_mut().for_each(|s| s.awaits.clear()), Record::Steps),
        case("what is withheld", &|p| p.withheld.push(withheld.clone()), Record::Withheld),
        case("a size", &|p| p.meters.push(Meter { what: "x".into(), used: 1, limit: 2 }), Record::Withheld),
        case("what is written by hand", &|p| p.by_hand.push(by_hand.clone()), Record::Withheld),
        case("less access than there is now, and none of it gained", &|p| p.access = Some(AccessDelta::default()), Record::Access),
    ]
}

fn gain(action: &str) -> AccessChange {
    AccessChange {
        direction: Direction::Widened,
        party: Party::Unsigned,
        except: Vec::new(),
        certainty: Certainty::Exact,
        actions: vec![Part { pattern: action.into(), ..Part::default() }],
        resources: Vec::new(),
        when: Vec::new(),
        witness: Witness {
            principal: String::new(),
            action: action.into(),
            resource: String::new(),
            context: std::collections::BTreeMap::new(),
            before: Decision::ImplicitlyDenied,
            after: Decision::Allowed,
        },
        keyless: None,
    }
}

/// An approval is of who gains what.
fn accesses() -> Vec<Case> {
    let (good, observed) = planned(&manifest(BODY), &empty());
    let with = |changes: Vec<AccessChange>, undecided: Vec<Undecided>| Plan {
        access: Some(AccessDelta { changes, undecided, ..AccessDelta::default() }),
        ..good.clone()
    };
    let undecided = Undecided { party: Party::Unsigned, about: crossrole_model::access::About::OtherRoles, why: Why::NotRead };
    let case = |what, reviewed: Plan, now: Plan, expected| (what, reviewed, now, observed.clone(), expected);
    let narrowed = AccessChange { direction: Direction::Narrowed, ..gain("s3:Put") };
    let witnessed = AccessChange { witness: Witness { principal: "another".into(), ..gain("s3:Get").witness }, ..gain("s3:Get") };
    vec![
        case("one more gains", with(vec![gain("s3:Get")], vec![]), with(vec![gain("s3:Get"), gain("s3:Put")], vec![]), vec![Difference::Access { more: 1 }]),
        case("one more is not decided", with(vec![], vec![]), with(vec![], vec![undecided.clone()]), vec![Difference::Access { more: 1 }]),
        case("nobody had looked", good.clone(), with(vec![gain("s3:Get")], vec![undecided.clone()]), vec![Difference::Access { more: 2 }]),
        case(
            "the same with another witness",
            with(vec![gain("s3:Get")], vec![]),
            with(vec![witnessed], vec![]),
            vec![Difference::Recorded { record: Record::Access }],
        ),
        case("one more loses", with(vec![], vec![]), with(vec![narrowed], vec![]), vec![Difference::Recorded { record: Record::Access }]),
        case("one less gains", with(vec![gain("s3:Get")], vec![]), with(vec![], vec![]), vec![Difference::Recorded { record: Record::Access }]),
    ]
}

/// Less than was reviewed is left to gain when part of it is done: that is no difference.
#[test]
fn less_access_is_no_difference_once_part_of_it_is_done() {
    let mut live = empty();
    let (mut reviewed, _) = planned(&manifest(BODY), &live);
    reviewed.access = Some(AccessDelta { changes: vec![gain("s3:Get"), gain("s3:Put")], ..AccessDelta::default() });
    let step = &reviewed.steps[0];
    carry_out(&mut live, &step.account, &step.call).unwrap();
    let (mut now, observed) = planned(&manifest(BODY), &live);
    now.access = Some(AccessDelta { changes: vec![gain("s3:Put")], ..AccessDelta::default() });
    assert_eq!(differences(&reviewed, &now, &observed), []);
}
