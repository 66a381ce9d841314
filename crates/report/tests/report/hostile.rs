//! Names, descriptions and answers come from others: whatever is in them, no terminal obeys it, no line is forged, no pipeline
//! takes an order, and no secret of a document comes through.

use crossrole_model::access::{Explanation, Layer, Reason};
use crossrole_model::outcome::Event;
use crossrole_model::plan::Difference;
use crossrole_model::{Change, Finding, Outcome, Plan, Severity, Source, Span, StepId, StepResult};
use crossrole_policy::Effect;
use crossrole_report::{
    Diff, Screen, View, access_lines, annotations, broken, describe, differences, event_json, explanation, explanation_json, findings_json, findings_on,
    gitlab_codequality, json_text, json_text_pretty, lockout, moved, outcome, outcome_json, plan, plan_json_with, progress, safe, safe_lines, sarif, ways,
    ways_json,
};
use serde_json::Value;

use crate::{decisions, facts};

/// What others have tried: escape sequences in seven and eight bits, forged lines, orders to runners, letters that turn the line
/// round, can't be seen or look like others, and what pages and comments would take for their own.
pub(crate) const ROWS: &[&str] = &[
    "x\u{1b}[31m\u{7}\r\n\t\u{9b}2J\u{0}\u{7f}\u{202e}\u{2066}\u{200b}\u{200f}y",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]8;;https://evil.example\u{1b}\\here",
    "\u{80}\u{85}\u{90}\u{9c}\u{9d}\u{9f}",
    "a\u{2028}b\u{2029}c",
    "\u{ad}\u{2060}\u{feff}\u{200d}\u{fe0f}\u{3164}\u{34f}",
    "\u{202a}\u{202b}\u{202c}\u{202d}\u{2067}\u{2068}\u{2069}\u{61c}\u{200e}",
    "\u{e0001}\u{e0041}\u{e007f}",
    "\u{430}dmin \u{ff41}\u{ff44} \u{1d41a}",
    "no\u{a0}blank\u{3000}at\u{2003}all",
    "x\n::error file=a,line=1::forged",
    "\r\n::add-mask::a",
    "::set-output name=x::y",
    "  ::stop-commands::x",
    "%0A::error::x%0D%25",
    "in a line ##[add-mask]x ##vso[task.setvariable variable=x]y ###[error]z",
    "```\n# heading\n```",
    "~~~",
    "[link](https://evil.example) ![image](x) | cell | **bold** @someone #1",
    "</script><script>alert(1)</script><!-- &lt;",
    "\"quotes\" \\u0041 \\ {0} ${aws:username}",
];

pub(crate) fn is_harmful(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}');
    (c.is_control() && c != '\n') || hidden || (c.is_whitespace() && c != ' ' && c != '\n')
}

enum Said {
    /// For people.
    Text(String),
    /// For GitHub's runner.
    Commands(String),
    /// For programs.
    Json(Value),
}

/// Every output there is, with this text wherever a fact holds one.
fn outputs(t: &str, screen: Screen) -> Vec<(&'static str, Said)> {
    let mut all = plans(t, screen);
    all.extend(runs(t, screen));
    all.extend(decisions_and_access(t, screen));
    all.extend(findings_with_their_place(t, screen));
    all.push(("a text of others", Said::Text(safe_lines(&safe(t)))));
    all
}

fn plans(t: &str, screen: Screen) -> Vec<(&'static str, Said)> {
    let mut all = Vec::new();
    for diff in [Diff::Statements, Diff::Json] {
        let view = View { show_external_ids: true, diff, screen };
        all.push(("plan", Said::Text(plan(&facts::plan(t), view))));
        let whole = Plan { access: Some(decisions::delta(t)), lockouts: decisions::lockouts(t), ..facts::plan(t) };
        all.push(("plan with access", Said::Text(plan(&whole, view))));
        let (finding, source) = finding(t);
        let suppressed = [(finding.clone(), t.to_owned())];
        all.push(("plan as JSON", Said::Json(plan_json_with(&whole, &[finding], &suppressed, &[source], view))));
    }
    all.push(("differences", Said::Text(differences(&facts::differences(t)))));
    let reviewed = facts::plan(t);
    let swapped = reviewed.changes.iter().map(|change| Change { before: change.after.clone(), ..change.clone() }).collect();
    let differ: Vec<Difference> =
        reviewed.changes.iter().map(|change| Difference::Moved { address: change.address.clone(), facet: crossrole_model::Facet::Existence }).collect();
    let shown = moved(&reviewed, &Plan { changes: swapped, ..reviewed.clone() }, &differ);
    assert!(shown.lines().count() > 5, "{shown}");
    all.push(("moved", Said::Text(shown)));
    all.push(("broken", Said::Text(broken(&facts::plan(t), &facts::broken(t)))));
    all.push(("describe", Said::Text(describe(&facts::plan(t), StepId(0)))));
    all
}

fn runs(t: &str, screen: Screen) -> Vec<(&'static str, Said)> {
    let whole = facts::plan(t);
    let results = facts::results(t);
    let plan = Plan { steps: vec![whole.steps[0].clone(); results.len()], ..whole };
    let unverified = facts::seen(t).into_iter().map(|seen| (0, seen)).collect();
    let ended = Outcome { steps: results, unverified, ..Outcome::default() };
    let events: Vec<Event> = ended
        .steps
        .iter()
        .map(|result| Event::StepEnded { step: StepId(0), result: result.clone() })
        .chain(facts::retries(t).into_iter().map(|because| Event::StepRetried { step: StepId(0), because }))
        .chain([Event::StepStarted { step: StepId(0) }])
        .collect();
    let lines = events.iter().filter_map(|event| progress(&plan, event)).map(|line| line + "\n").collect();
    let mut all = vec![
        ("outcome", Said::Text(outcome(&plan, &ended, screen))),
        ("outcome as JSON", Said::Json(outcome_json(&plan, &ended))),
        ("progress", Said::Text(lines)),
    ];
    all.extend(events.iter().filter_map(|event| event_json(&plan, event)).map(|value| ("progress as JSON", Said::Json(value))));
    all
}

fn decisions_and_access(t: &str, screen: Screen) -> Vec<(&'static str, Said)> {
    let view = View { show_external_ids: true, diff: Diff::Statements, screen };
    let answers: Vec<Explanation> = facts::becauses(t)
        .into_iter()
        .map(|because| {
            let reason = |lack| Reason { layer: Layer::Identity, statement: facts::statement(t), effect: Effect::Allow, lacks: vec![lack], met: Vec::new() };
            let reasons = facts::lacks(t).into_iter().map(reason).collect();
            Explanation { fixes: facts::fixes(t), assumed: facts::assumptions(t), reasons, ..facts::answer(t, because) }
        })
        .collect();
    let delta = decisions::delta(t);
    vec![
        ("explanation", Said::Text(explanation(&answers, view))),
        ("explanation as JSON", Said::Json(explanation_json(&answers, view))),
        ("access", Said::Text(access_lines(&delta, view).join("\n"))),
        ("lockouts", Said::Text(decisions::lockouts(t).iter().map(|l| lockout(l) + "\n").collect())),
        ("ways", Said::Text(ways(&decisions::some_ways(t), &delta.undecided, &decisions::beside(t), view))),
        ("ways as JSON", Said::Json(ways_json(&decisions::some_ways(t), &delta.undecided, &decisions::beside(t), view))),
    ]
}

fn finding(t: &str) -> (Finding, Source) {
    let text = format!("name = \"{}\"\n", t.replace('\n', ""));
    let span = Some(Span { start: 0, end: 4 });
    let finding = Finding { file: t.into(), span, severity: Severity::Warning, message: t.into(), advice: t.into(), rule: Some(t.into()) };
    (finding, Source { file: t.into(), text })
}

fn findings_with_their_place(t: &str, screen: Screen) -> Vec<(&'static str, Said)> {
    let (finding, source) = finding(t);
    let (one, sources) = ([finding.clone()], [source]);
    let suppressed = [(finding, t.to_owned())];
    vec![
        ("findings", Said::Text(findings_on(&one, &sources, screen))),
        ("annotations", Said::Commands(annotations(&one, &sources))),
        ("findings as JSON", Said::Json(findings_json(&one, &suppressed, &sources))),
        ("SARIF", Said::Json(sarif(&one, &suppressed, &sources, &[]))),
        ("code quality", Said::Json(gitlab_codequality(&one, &sources))),
    ]
}

/// What must hold of each, beside the same with a harmless text.
fn assert_harmless(row: &str, plain: &[(&'static str, Said)]) {
    for ((what, hostile), (_, plain)) in outputs(row, Screen::default()).into_iter().zip(plain) {
        let texts = match &hostile {
            Said::Text(text) | Said::Commands(text) => vec![text.clone()],
            Said::Json(value) => vec![json_text(value), json_text_pretty(value)],
        };
        for text in &texts {
            if let Some(c) = text.chars().find(|c| is_harmful(*c)) {
                panic!("{what}: {row:?}: {c:?} in {:?}", text.lines().find(|l| l.contains(c)).unwrap_or(text));
            }
            assert!(!text.contains("##[") && !text.contains("##vso["), "{what}: {row:?}: {text}");
        }
        match (hostile, plain) {
            (Said::Text(hostile), Said::Text(plain)) => {
                assert_eq!(hostile.lines().count(), plain.lines().count(), "{what}: {row:?}: {hostile}");
                let begins = |line: &str| ["::", "```", "~~~"].iter().any(|begin| line.trim_start().starts_with(begin));
                assert!(!hostile.lines().any(begins), "{what}: {row:?}: {hostile}");
            }
            (Said::Commands(hostile), Said::Commands(plain)) => {
                assert_eq!(hostile.lines().count(), plain.lines().count(), "{what}: {row:?}: {hostile}");
                assert!(hostile.lines().all(|line| line.starts_with("::warning file=")), "{what}: {row:?}: {hostile}");
            }
            (Said::Json(value), _) => {
                for text in &texts {
                    assert!(!text.contains('<'), "{what}: {row:?}: {text}");
                    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value, "{what}: {row:?}");
                }
                assert_eq!(texts[0].lines().count(), 1, "{what}");
            }
            _ => panic!("{what}"),
        }
    }
}

#[test]
fn designed_texts_are_harmless_everywhere() {
    let plain = outputs("xy", Screen::default());
    for row in ROWS {
        assert_harmless(row, &plain);
    }
}

/// Random texts of the same letters: what is harmless apart may not be so together.
#[test]
fn random_texts_are_harmless_everywhere() {
    let letters: Vec<char> = ROWS.iter().flat_map(|row| row.chars()).collect();
    let mut seed: usize = 4711;
    let mut next = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % most
    };
    let plain = outputs("xy", Screen::default());
    for _ in 0..12 {
        let row: String = (0..=next(12)).map(|_| if next(4) == 0 { "##[::%0A".chars().nth(next(8)).unwrap() } else { letters[next(letters.len())] }).collect();
        assert_harmless(&row, &plain);
    }
}

/// Without the colors that are ours, every text is as it is without any: nothing hostile comes through beside them.
#[test]
fn colors_change_nothing_but_the_color() {
    for row in ROWS {
        let color = Screen { color: true, width: None };
        for ((what, plain), (_, colored)) in outputs(row, Screen::default()).into_iter().zip(outputs(row, color)) {
            let (Said::Text(plain), Said::Text(colored)) = (plain, colored) else { continue };
            assert_eq!(without_colors(&colored), plain, "{what}: {row:?}");
        }
    }
}

/// Leaves out `ESC [ numbers m`.
fn without_colors(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    let rest = pieces.map(|piece| {
        let end = piece.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap();
        assert_eq!(piece.as_bytes()[end], b'm', "{text:?}");
        &piece[end + 1..]
    });
    first + &rest.collect::<String>()
}

/// In JSON text is text: nothing is lost.
#[test]
fn machines_get_every_letter() {
    for row in ROWS {
        let value = crossrole_report::plan_json(&facts::plan(row), View::default());
        assert_eq!(serde_json::from_str::<Value>(&json_text(&value)).unwrap()["resource_changes"][0]["name"], *row);
    }
    let value = event_json(&facts::plan("x"), &Event::StepEnded { step: StepId(0), result: StepResult::Applied }).unwrap();
    assert_eq!(json_text(&value), value.to_string());
}

#[test]
fn external_ids_of_documents_are_masked_unless_asked_for() {
    for diff in [Diff::Statements, Diff::Json] {
        for show_external_ids in [false, true] {
            let view = View { show_external_ids, diff, ..View::default() };
            let whole = facts::plan("name");
            assert_eq!(plan(&whole, view).contains("secret-4711"), show_external_ids);
            assert_eq!(crossrole_report::plan_json(&whole, view).to_string().contains("secret-4711"), show_external_ids);
        }
    }
}

/// The line that a mistake stands in may hold one.
#[test]
fn external_ids_in_lines_of_files_are_hidden() {
    let text = "[[trust]]\nexternal_id = [\"ab\",\n  \"secret 4711\"]\nconditions = { StringEquals = { \"sts:ExternalId\" = \"secret 4711\" } }\n";
    let sources = [Source { file: "a.toml".into(), text: text.into() }];
    for at in [text.find("ab").unwrap(), text.find("secret").unwrap(), text.rfind("secret").unwrap()] {
        let finding = Finding::error("a.toml", Some(Span { start: at - 1, end: at + 3 }), "an external id can't have the character ` `", "");
        let shown = findings_on(&[finding], &sources, Screen::default());
        assert!(!shown.contains("secret") && shown.contains('*') && shown.contains('^'), "{shown}");
    }
}
