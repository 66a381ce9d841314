//! Reading back: until everything is seen, or can't come any more.

use crossrole_model::observed::Observation;
use crossrole_model::outcome::Event;
use crossrole_model::{Address, ErrorClass, Kind, Observed, Plan, Seen, StepResult, Unreadable};

use crate::cloud::{Asked, DEV, Fake, Fault, PROD, Ran, applied, ms, names, planned};
use crate::order::{WHOLE, with_bucket};
use crate::world::{account, estate, id};

fn unverified(plan: &Plan, ran: &Ran) -> Vec<(String, Seen)> {
    ran.outcome.unverified.iter().map(|(index, seen)| (plan.changes[*index].address.to_string(), seen.clone())).collect()
}

fn ended(fake: &Fake) -> std::time::Duration {
    fake.log.lock().unwrap().last().unwrap().ended
}

#[test]
fn everything_written_is_read_back_and_said() {
    let fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.unverified.is_empty());
    let left: Vec<usize> = ran.events.iter().filter_map(|e| if let Event::Verifying { left } = e { Some(*left) } else { None }).collect();
    assert_eq!(left, [plan.changes.len()]);
}

/// Each further look is only for what is still missing, and only where that is.
#[test]
fn only_what_is_not_seen_yet_is_looked_for_again() {
    let mut fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    fake.lens = Box::new(|nth, seen| {
        if (1..4).contains(&nth) {
            account(seen, &id(PROD)).roles.clear();
        }
    });
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.is_complete());
    let left: Vec<usize> = ran.events.iter().filter_map(|e| if let Event::Verifying { left } = e { Some(*left) } else { None }).collect();
    assert_eq!(left, [plan.changes.len(), 1, 1, 1]);
    let log = fake.log.lock().unwrap();
    let Asked::Observe(scope) = &log.last().unwrap().asked else { panic!() };
    assert_eq!(scope.accounts.keys().map(ToString::to_string).collect::<Vec<_>>(), [PROD]);
    assert!(names(&scope.accounts[&id(PROD)]).contains(&format!("{PROD}/role/Reader")));
    assert!(scope.buckets.is_empty() && !scope.presence);
}

type Lens = fn(&mut Observed);

/// What the last look of two minutes shows is what is said.
#[test]
fn what_is_not_seen_in_two_minutes_is_said_as_it_was_seen() {
    let role = format!("{PROD}/role/Reader");
    let start = {
        let fake = Fake::new(with_bucket());
        applied(&fake, &planned(WHOLE, &fake.truth()));
        fake.truth()
    };
    let changed = WHOLE.replace("[roles.Reader]\n", "[roles.Reader]\ndescription = \"new\"\n");
    let without = "name = \"m\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n";
    let nothing: Lens = |seen| account(seen, &id(PROD)).roles.clear();
    let before: Lens = |seen| account(seen, &id(PROD)).roles.get_mut("reader").unwrap().state.description.clear();
    let throttled: Lens = |seen| {
        let why = Unreadable { class: Some(ErrorClass::Throttled), why: "slow".into() };
        seen.accounts.insert(id(PROD), Observation::Unreadable(why));
    };
    let cases = [
        (&changed[..], nothing, Seen::Nothing),
        (&changed, before, Seen::Before),
        (&changed, throttled, Seen::Unreadable { unreadable: Unreadable { class: Some(ErrorClass::Throttled), why: "slow".into() } }),
    ];
    for (toml, lens, seen) in cases {
        let mut fake = Fake::new(start.clone());
        let plan = planned(toml, &start);
        fake.lens = Box::new(move |nth, observed| {
            if nth > 0 {
                lens(observed);
            }
        });
        let ran = applied(&fake, &plan);
        assert_eq!(unverified(&plan, &ran), [(role.clone(), seen)]);
        assert!(ran.outcome.steps.iter().all(|r| *r == StepResult::Applied));
        assert!(ended(&fake) >= ms(120_000) && ended(&fake) <= ms(126_000), "{:?}", ended(&fake));
        assert!(fake.times("observe") <= 70, "{}", fake.times("observe"));
    }
    // What is deleted and still shown.
    let mut fake = Fake::new(start.clone());
    let plan = planned(without, &start);
    let shown = start.clone();
    fake.lens = Box::new(move |nth, observed| {
        if nth > 0 && observed.accounts.contains_key(&id(PROD)) {
            let mut shown = shown.clone();
            account(observed, &id(PROD)).roles.clone_from(&account(&mut shown, &id(PROD)).roles);
        }
    });
    let ran = applied(&fake, &plan);
    assert_eq!(unverified(&plan, &ran), [(role, Seen::Still)]);
}

#[test]
fn what_passes_is_waited_for() {
    let mut fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    fake.lens = Box::new(|nth, seen| {
        if (1..6).contains(&nth) {
            for class in [ErrorClass::Throttled, ErrorClass::Server, ErrorClass::Network] {
                let why = Unreadable { class: Some(class), why: "later".into() };
                seen.accounts.insert(id(DEV), Observation::Unreadable(why));
            }
        }
    });
    assert!(applied(&fake, &plan).outcome.is_complete());
    assert!(ended(&fake) < ms(5_000));
}

/// A refusal, or credentials that have ended: no look will ever show more.
#[test]
fn what_can_not_be_read_any_more_ends_at_once() {
    for class in [ErrorClass::Denied, ErrorClass::Credentials, ErrorClass::Invalid] {
        let why = Unreadable { class: Some(class), why: "no".into() };
        let mut fake = Fake::new(with_bucket());
        let plan = planned(WHOLE, &fake.truth());
        let shown = why.clone();
        fake.lens = Box::new(move |nth, seen| {
            if nth > 0 {
                seen.accounts.insert(id(DEV), Observation::Unreadable(shown.clone()));
            }
        });
        let ran = applied(&fake, &plan);
        let of_dev: Vec<(String, Seen)> = plan
            .changes
            .iter()
            .filter(|c| c.address.account == id(DEV))
            .map(|c| (c.address.to_string(), Seen::Unreadable { unreadable: why.clone() }))
            .collect();
        assert_eq!(unverified(&plan, &ran), of_dev);
        assert_eq!(fake.times("observe"), 2, "{class:?}");
        assert!(!ran.outcome.is_complete());
    }
}

#[test]
fn what_somebody_else_has_changed_ends_at_once() {
    let mut fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    fake.after = Box::new(|o, _, estate| {
        // The last of the role's own calls.
        if o == "PutRolePolicy" {
            account(estate, &id(PROD)).roles.get_mut("reader").unwrap().state.max_session_seconds = 43_200;
            account(estate, &id(PROD)).roles.get_mut("reader").unwrap().state.inline.clear();
            let theirs = crossrole_policy::Document::new(Vec::new());
            account(estate, &id(PROD)).roles.get_mut("reader").unwrap().state.inline.insert("theirs".into(), theirs.clone());
            account(estate, &id(PROD)).policies.get_mut("most").unwrap().state.document = theirs;
        }
    });
    let ran = applied(&fake, &plan);
    let seen = unverified(&plan, &ran);
    assert!(seen.contains(&(format!("{PROD}/policy/Most"), Seen::Changed)), "{seen:?}");
    assert!(ended(&fake) < ms(1_000) || seen.iter().any(|(_, s)| *s != Seen::Changed), "{:?}", ended(&fake));
}

/// What is not finished is not expected to be seen whole.
#[test]
fn a_change_that_failed_in_part_is_not_looked_for() {
    let fake = Fake::new(with_bucket()).failing(&[("PutRolePolicy", 9, Fault::Refused(ErrorClass::Denied))]);
    let plan = planned(WHOLE, &fake.truth());
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.unverified.is_empty());
    assert!(ended(&fake) < ms(1_000));
}

/// A policy goes with its bucket: nothing of it can be read back.
#[test]
fn a_policy_that_went_with_its_bucket_is_not_looked_for() {
    let toml = r#"
        name = "m"
        [trusting]
        account = "222222222222"
        [buckets.gone-bucket]
        create = true
        [[buckets.gone-bucket.statement]]
        effect = "Deny"
        principals = "*"
        actions = "s3:*"
        resources = ["arn:aws:s3:::gone-bucket/*"]
    "#;
    let fake = Fake::new(estate(&[PROD]));
    applied(&fake, &planned(toml, &fake.truth()));
    let (desired, _) = crossrole_manifest::load(&[crossrole_model::Source { file: "m.toml".into(), text: toml.into() }]);
    let desired = desired.unwrap();
    let observed = crate::world::look(&fake.truth(), &crossrole_planner::scope(&desired));
    let plan = crossrole_planner::plan(&desired, &observed, &crossrole_planner::Options { destroy: true, ..crossrole_planner::Options::default() });
    assert!(plan.changes.iter().any(|c| c.address == Address::new(&id(PROD), Kind::BucketPolicy, "gone-bucket")));
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.is_complete(), "{:?}", ran.outcome);
    assert!(ended(&fake) < ms(2_000), "{:?}", ended(&fake));
}
