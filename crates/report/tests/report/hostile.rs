//! Names, descriptions and answers come from others: whatever is in them, no terminal obeys it, no line is forged, and no
//! secret of a document comes through.

use crossrole_model::access::{Explanation, Layer, Reason};
use crossrole_model::outcome::Event;
use crossrole_model::{Finding, Outcome, Plan, Severity, Source, Span, StepId, StepResult};
use crossrole_policy::Effect;
use crossrole_report::{
    Diff, View, access_lines, annotations, broken, describe, differences, event_json, explanation, findings, findings_json, lockout, outcome, plan, plan_json,
    progress, ways,
};

use crate::{decisions, facts};

/// Escape sequences, forged lines, letters that turn the line round or can't be seen.
const HOSTILE: &str = "x\u{1b}[31m\u{7}\r\n\t\u{9b}2J\u{0}\u{7f}\u{202e}\u{2066}\u{200b}\u{200f}y";

fn harmful(c: char) -> bool {
    c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}')
}

/// Nothing harmful, and not one line more than the same with a harmless text.
fn harmless(what: &str, say: impl Fn(&str) -> String) {
    let (hostile, plain) = (say(HOSTILE), say("xy"));
    if let Some(c) = hostile.chars().find(|c| harmful(*c)) {
        let at = hostile.find(c).unwrap();
        panic!("{what}: {:?} in {:?}", c, hostile.lines().find(|l| l.contains(c)).unwrap_or(&hostile[at..]));
    }
    assert_eq!(hostile.lines().count(), plain.lines().count(), "{what}:\n{hostile}");
}

#[test]
fn plans() {
    for diff in [Diff::Statements, Diff::Json] {
        let view = View { show_external_ids: true, diff };
        harmless("plan", |t| plan(&facts::plan(t), view));
        harmless("access", |t| plan(&Plan { access: Some(decisions::delta(t)), ..facts::plan(t) }, view));
    }
    harmless("differences", |t| differences(&facts::differences(t)));
    harmless("broken", |t| broken(&facts::plan(t), &facts::broken(t)));
    harmless("describe", |t| describe(&facts::plan(t), StepId(0)));
}

#[test]
fn outcomes() {
    let run = |t: &str| {
        let whole = facts::plan(t);
        let results = facts::results(t);
        let step = whole.steps[0].clone();
        let plan = Plan { steps: vec![step; results.len()], ..whole };
        let unverified = facts::seen(t).into_iter().map(|seen| (0, seen)).collect();
        (plan, Outcome { steps: results, unverified, ..Outcome::default() })
    };
    harmless("outcome", |t| {
        let (plan, ended) = run(t);
        outcome(&plan, &ended)
    });
    harmless("progress", |t| {
        let (plan, ended) = run(t);
        let ended = ended.steps.into_iter().map(|result| Event::StepEnded { step: StepId(0), result });
        let again = facts::retries(t).into_iter().map(|because| Event::StepRetried { step: StepId(0), because });
        ended.chain(again).filter_map(|event| progress(&plan, &event)).map(|line| line + "\n").collect()
    });
}

#[test]
fn decisions_and_access() {
    let view = View { show_external_ids: true, diff: Diff::Statements };
    harmless("explanation", |t| {
        let answers: Vec<Explanation> = facts::becauses(t)
            .into_iter()
            .map(|because| {
                let reason = |lack| Reason { layer: Layer::Identity, statement: facts::statement(t), effect: Effect::Allow, lacks: vec![lack] };
                let reasons = facts::lacks(t).into_iter().map(reason).collect();
                Explanation { fixes: facts::fixes(t), assumed: facts::assumptions(t), reasons, ..facts::answer(t, because) }
            })
            .collect();
        explanation(&answers, view)
    });
    harmless("access", |t| access_lines(&decisions::delta(t), view).join("\n"));
    harmless("lockouts", |t| decisions::lockouts(t).iter().map(|l| lockout(l) + "\n").collect());
    harmless("ways", |t| ways(&decisions::some_ways(t), &decisions::delta(t).undecided, view));
}

fn finding(t: &str) -> (Finding, Source) {
    let text = format!("name = \"{}\"\n", t.replace('\n', ""));
    let span = Some(Span { start: 0, end: 4 });
    let finding = Finding { file: t.into(), span, severity: Severity::Warning, message: t.into(), advice: t.into(), rule: Some(t.into()) };
    (finding, Source { file: t.into(), text })
}

#[test]
fn findings_with_their_place() {
    harmless("findings", |t| {
        let (finding, source) = finding(t);
        findings(&[finding], &[source])
    });
    harmless("annotations", |t| {
        let (finding, source) = finding(t);
        annotations(&[finding], &[source])
    });
}

/// In JSON text is text: nothing is lost, and what could break a line is escaped.
#[test]
fn machines_get_every_letter() {
    let (one, source) = finding(HOSTILE);
    let values = [
        plan_json(&facts::plan(HOSTILE), View::default()),
        findings_json(&[one], &[], &[source]),
        event_json(&facts::plan(HOSTILE), &Event::StepEnded { step: StepId(0), result: StepResult::Applied }).unwrap(),
    ];
    for value in values {
        let text = value.to_string();
        assert!(!text.chars().any(|c| c < ' '), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
    assert_eq!(plan_json(&facts::plan(HOSTILE), View::default())["resource_changes"][0]["name"], HOSTILE);
}

#[test]
fn external_ids_of_documents_are_masked_unless_asked_for() {
    for diff in [Diff::Statements, Diff::Json] {
        for show_external_ids in [false, true] {
            let view = View { show_external_ids, diff };
            let whole = facts::plan("name");
            assert_eq!(plan(&whole, view).contains("secret-4711"), show_external_ids);
            assert_eq!(plan_json(&whole, view).to_string().contains("secret-4711"), show_external_ids);
        }
    }
}
