//! The words of each fact of plans and outcomes, in text and in JSON. The snapshots are read by people who review them.

use std::collections::BTreeSet;

use crossrole_model::outcome::Event;
use crossrole_model::{Change, CloudError, Drift, ErrorClass, Outcome, Plan, Reason, StepId, StepResult, Subject, Withheld};
use crossrole_report::{Screen, View, broken, differences, event_json, outcome, outcome_json, plan, plan_json, progress};

use crate::facts;

/// No two facts are told alike.
fn distinct(lines: &[String]) {
    let mut seen = BTreeSet::new();
    for line in lines {
        assert!(!line.trim().is_empty());
        assert!(seen.insert(line.as_str()), "twice: {line}");
    }
}

fn table(lines: &[String]) -> String {
    lines.join("\n")
}

fn withholding(withheld: Withheld) -> Plan {
    Plan { withheld: vec![withheld], ..Plan::default() }
}

#[test]
fn what_is_withheld_and_why() {
    let mut lines: Vec<String> = Vec::new();
    for cause in facts::causes("Name") {
        let subject = Subject::Object(facts::address("Reader"));
        let one = withholding(Withheld { subject, cause, blocks: true });
        let text = plan(&one, View::default());
        let (said, rest) = text.split_once("\n\n").unwrap();
        assert_eq!(rest, "No changes can be made: see what is withheld above.\n");
        let json = plan_json(&one, View::default());
        let [why, advice] = ["why", "advice"].map(|key| json["withheld"][0][key].as_str().unwrap().to_owned());
        assert_eq!(said, format!("withheld: 222222222222/role/Reader: {why}\n  {advice}"));
        lines.push(format!("{said}\n  {}", json["withheld"][0]["cause"]));
    }
    for subject in facts::subjects("Name") {
        let one = withholding(Withheld { subject, cause: crossrole_model::Cause::NotTargeted, blocks: false });
        let text = plan(&one, View::default());
        assert!(text.ends_with("No changes. What is live is what the manifests say.\n"), "{text}");
        let (said, _) = text.split_once('\n').unwrap();
        assert!(said.contains(plan_json(&one, View::default())["withheld"][0]["what"].as_str().unwrap()));
        lines.push(said.to_owned());
    }
    distinct(&lines);
    insta::assert_snapshot!("withheld", table(&lines));
}

#[test]
fn why_something_changes_and_what_else_happens() {
    let whole = facts::plan("Name");
    let with = |reasons: Vec<Reason>, consequences| {
        let change = Change { reasons, consequences, ..whole.changes[2].clone() };
        Plan { changes: vec![change], ..Plan::default() }
    };
    let said = |plan_: &Plan, mark: &str| {
        let text = plan(plan_, View::default());
        text.lines().find(|l| l.trim_start().starts_with(mark)).unwrap_or_else(|| panic!("{text}")).trim().to_owned()
    };
    let mut lines = Vec::new();
    for part in facts::parts("Name") {
        let one = with(vec![Reason::Differs(part)], Vec::new());
        let what = plan_json(&one, View::default())["resource_changes"][0]["reasons"][0].clone();
        let said = said(&one, "because");
        assert_eq!(said, format!("because this differs: {}", what["what"].as_str().unwrap()));
        lines.push(said);
    }
    // That something is made because it is not there, the symbol says; that the manifests say otherwise than they did, the heading.
    for reason in [Reason::Missing, Reason::SinceBase] {
        assert!(!plan(&with(vec![reason], Vec::new()), View::default()).contains("because"));
    }
    for reason in facts::reasons("Name").into_iter().filter(|r| !matches!(r, Reason::Differs(_) | Reason::Missing | Reason::SinceBase)) {
        let one = with(vec![reason], Vec::new());
        lines.push(format!("{} {}", said(&one, "because"), plan_json(&one, View::default())["resource_changes"][0]["reasons"][0]));
    }
    for consequence in facts::consequences("Name") {
        let one = with(vec![Reason::Missing], vec![consequence]);
        let said = said(&one, "!");
        assert_eq!(said, format!("! {}", plan_json(&one, View::default())["resource_changes"][0]["consequences"][0].as_str().unwrap()));
        lines.push(said);
    }
    distinct(&lines);
    insta::assert_snapshot!("changes", table(&lines));
}

#[test]
fn how_each_step_ended() {
    let whole = facts::plan("Name");
    let one = Plan { steps: whole.steps[..1].to_vec(), ..whole.clone() };
    let mut lines = Vec::new();
    for result in facts::results("Name") {
        let done = result.is_done();
        let ended = Outcome { steps: vec![result.clone()], ..Outcome::default() };
        let text = outcome(&one, &ended, Screen::default());
        assert_eq!(text.contains("Applied: "), done, "{text}");
        let json = outcome_json(&one, &ended);
        assert_eq!(json["complete"], done);
        let event = Event::StepEnded { step: StepId(0), result: result.clone() };
        let line = progress(&one, &event).unwrap();
        let event = event_json(&one, &event).unwrap();
        if !matches!(result, StepResult::Skipped { .. }) {
            assert_eq!(event["result"], json["steps"][0]["result"]);
        }
        match result {
            // Only what was found is another each time.
            StepResult::Drifted { found } if found != Drift::Gone => {
                let said = json["steps"][0]["result"]["found"].as_str().unwrap().to_owned();
                assert!(text.starts_with(&format!("drifted: 222222222222: UpdateRole (role Name)\n  {said}\n  nothing was written;")), "{text}");
                lines.push(format!("{said} {}", json["steps"][0]["result"]["drift"]));
            }
            _ => lines.push(format!("{text}{line}\n{}\n{event}", json["steps"][0]["result"])),
        }
    }
    distinct(&lines);
    insta::assert_snapshot!("results", table(&lines));
}

/// What the account's state stands in the way of is no mistake of the manifest; what is run again is what was run.
#[test]
fn what_to_do_after_a_run_that_is_not_complete() {
    let whole = facts::plan("Name");
    for (destroy, class) in [(false, ErrorClass::NotEmpty), (true, ErrorClass::NotEmpty), (true, ErrorClass::State), (false, ErrorClass::Invalid)] {
        let one = Plan { steps: whole.steps[..1].to_vec(), destroy, ..whole.clone() };
        let (operation, code) = ("DeleteBucket".to_owned(), "Code".to_owned());
        let error = CloudError { class, operation, account: None, code, message: String::new(), request_id: None };
        let text = outcome(&one, &Outcome { steps: vec![StepResult::Failed { error }], ..Outcome::default() }, Screen::default());
        assert_eq!(text.contains("correct the manifest"), class == ErrorClass::Invalid, "{text}");
        assert_eq!(text.contains("empty it"), class == ErrorClass::NotEmpty, "{text}");
        assert!(
            text.ends_with(if destroy { "\nRun destroy again: it goes on from what is live.\n" } else { "\nRun apply again: it goes on from what is live.\n" }),
            "{text}"
        );
    }
}

#[test]
fn what_was_seen_and_why_a_call_is_made_again() {
    let whole = facts::plan("Name");
    let mut lines = Vec::new();
    for seen in facts::seen("Name") {
        let steps = vec![StepResult::Applied; whole.steps.len()];
        let ended = Outcome { steps, unverified: vec![(0, seen)], ..Outcome::default() };
        let text = outcome(&whole, &ended, Screen::default());
        assert!(text.contains("Incomplete: 4 steps done.\nRun apply again"), "{text}");
        let said = text.lines().nth(1).unwrap().to_owned();
        let json = outcome_json(&whole, &ended)["unverified"][0]["seen"].clone();
        assert_eq!(said, format!("  it was written, and {}", json.as_str().unwrap()));
        lines.push(said);
    }
    for because in facts::retries("Code") {
        let event = Event::StepRetried { step: StepId(0), because };
        lines.push(format!("{} {}", progress(&whole, &event).unwrap(), event_json(&whole, &event).unwrap()["because"]));
    }
    distinct(&lines);
    insta::assert_snapshot!("seen", table(&lines));
}

/// Events that are no news for people have a line for machines all the same, but for the last.
#[test]
fn events_for_people_and_for_machines() {
    let whole = facts::plan("Name");
    let step = StepId(0);
    let events = [Event::Started { steps: 4 }, Event::StepStarted { step }, Event::Verifying { left: 1 }, Event::Verifying { left: 2 }, Event::Ended];
    let lines: Vec<String> = events.iter().map(|e| format!("{:?} {:?}", progress(&whole, e), event_json(&whole, e).map(|v| v.to_string()))).collect();
    insta::assert_snapshot!("events", table(&lines));
}

#[test]
fn how_a_reviewed_plan_is_another() {
    let lines: Vec<String> = facts::differences("Name").into_iter().map(|d| differences(&[d])).collect();
    assert!(lines.iter().all(|l| l.starts_with("  ") && l.ends_with('\n') && l.lines().count() == 1));
    distinct(&lines);
    insta::assert_snapshot!("differences", lines.concat());
    assert_eq!(differences(&[]), "");
}

#[test]
fn how_a_plan_is_broken() {
    let whole = facts::plan("Name");
    let lines: Vec<String> = facts::broken("Name").into_iter().map(|b| broken(&whole, &[b])).collect();
    distinct(&lines);
    insta::assert_snapshot!("broken", lines.concat());
    assert!(broken(&whole, &[crossrole_model::Broken::NoChange(StepId(99))]).contains("step 99 (nothing)"));
}

#[test]
fn the_head_of_an_outcome_says_how_it_ended() {
    use crossrole_model::StepResult::{AlreadyDone, Applied, NotStarted};
    let whole = facts::plan("Name");
    let last = |steps: Vec<crossrole_model::StepResult>, interrupted| {
        let text = outcome(&whole, &Outcome { steps, interrupted, ..Outcome::default() }, Screen::default());
        text.lines().filter(|l| l.contains(" done")).map(str::to_owned).collect::<String>()
    };
    assert_eq!(last(vec![Applied, Applied], false), "Applied: 2 steps done.");
    assert_eq!(last(vec![Applied, AlreadyDone], false), "Applied: 1 step done, 1 already done.");
    assert_eq!(last(vec![Applied, Applied], true), "Applied: 2 steps done.");
    assert_eq!(last(vec![Applied, NotStarted], true), "Interrupted: 1 step done, 1 not done.");
    assert_eq!(last(vec![Applied, NotStarted], false), "Incomplete: 1 step done, 1 not done.");
}

/// What is withheld alike in many accounts is said once, in fewer than ten one by one.
#[test]
fn what_is_withheld_alike_in_many_accounts_is_said_once() {
    use crossrole_model::desired::AccountInfo;
    use crossrole_model::{AccountId, Address, Cause, Kind, Subject, Unreadable, Withheld};
    let told = |count: u32, different: bool| {
        let ids: Vec<AccountId> = (0..count).map(|at| AccountId::parse(&format!("3333333333{at:02}")).unwrap()).collect();
        let info = |id: &AccountId| AccountInfo { label: format!("app-{id}"), trusting: true, managed: true, left: false, fills: <_>::default() };
        let withheld = |id: &AccountId| {
            let why =
                Unreadable { class: Some(crossrole_model::ErrorClass::Denied), why: if different { format!("refused in {id}") } else { "refused".to_owned() } };
            Withheld { subject: Subject::Object(Address::new(id, Kind::KeyPolicy, "eu-west-1/k")), cause: Cause::Unreadable(why), blocks: false }
        };
        let plan = crossrole_model::Plan {
            accounts: ids.iter().map(|id| (id.clone(), info(id))).collect(),
            withheld: ids.iter().map(withheld).collect(),
            ..crossrole_model::Plan::default()
        };
        crossrole_report::plan(&plan, View::default())
    };
    for different in [false, true] {
        let text = told(12, different);
        assert_eq!(text.matches("key-policy/eu-west-1/k").count(), 1, "{text}");
        assert!(text.contains("{account}/key-policy/eu-west-1/k") && text.contains("for {account} in each of 12 accounts: app-333333333300"), "{text}");
        assert!(!different || text.contains("refused in {account}"), "{text}");
        assert_eq!(told(9, different).matches("key-policy/eu-west-1/k").count(), 9);
    }
}
