//! JUnit XML, read back by a parser of XML: whatever others wrote, it is well formed, and nothing of it is an element.

use crossrole_model::{Finding, Outcome, Plan, Severity, Source, Span};
use crossrole_report::{Case, Ended, Suite, junit, junit_findings, junit_outcome, junit_plan};
use roxmltree::{Document, Node};

use crate::hostile::{ROWS, is_harmful};
use crate::{decisions, facts};

fn all(t: &str) -> String {
    let source = Source { file: t.into(), text: format!("{t}\n{t}\n") };
    let one = |severity| Finding { file: t.into(), span: Some(Span { start: 0, end: 1 }), severity, message: t.into(), advice: t.into(), rule: Some(t.into()) };
    let findings = [one(Severity::Error), one(Severity::Warning), Finding { file: format!("other {t}"), rule: None, ..one(Severity::Error) }];
    let plan = Plan { access: Some(decisions::delta(t)), lockouts: decisions::lockouts(t), ..facts::plan(t) };
    let mut suites = junit_plan(&plan, false, [&[t.to_owned(), t.to_owned()], &[]], &findings, std::slice::from_ref(&source));
    suites.extend(junit_findings(&findings, &[(one(Severity::Note), t.to_owned())], &[source]));
    let results = facts::results(t);
    let run = Plan { steps: vec![plan.steps[0].clone(); results.len()], ..plan };
    suites.push(junit_outcome(&run, &Outcome { steps: results, unverified: facts::seen(t).into_iter().map(|seen| (0, seen)).collect(), ..Outcome::default() }));
    let ended = [Ended::Passed, Ended::Failed { message: t.into(), details: vec![t.into(), t.into()] }, Ended::Skipped { message: t.into() }];
    let case = |ended| Case { name: t.into(), class: "crossrole.test", place: Some((t.into(), 7)), ended, said: vec![t.into()] };
    suites.push(Suite { name: t.into(), cases: ended.into_iter().map(case).collect() });
    junit(&suites)
}

/// Elements with the names of their attributes.
fn shape(text: &str) -> Vec<String> {
    let document = Document::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let one = |node: Node<'_, '_>| {
        let attributes: Vec<&str> = node.attributes().map(|a| a.name()).collect();
        format!("{} {}", node.tag_name().name(), attributes.join(" "))
    };
    document.descendants().filter(Node::is_element).map(one).collect()
}

fn assert_sound(row: &str, plain: &[String]) {
    let text = all(row);
    assert_eq!(shape(&text), plain, "{row:?}: {text}");
    assert!(!text.chars().any(|c| is_harmful(c) || matches!(c, '\u{fffe}' | '\u{ffff}')), "{row:?}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("::")) && !text.contains("##["), "{row:?}: {text}");
}

#[test]
fn text_of_others_stays_text() {
    let plain = shape(&all("xy"));
    assert!(plain.len() > 40, "{plain:?}");
    for row in
        ROWS.iter().copied().chain(["]]>", "<![CDATA[", "&#0;", "&amp;", "'\"", "\u{fffe}\u{ffff}", "\u{1}\u{8}\u{b}\u{c}\u{1f}", "--><x/>", "<?pi?>", ""])
    {
        assert_sound(row, &plain);
    }
}

/// Random texts of every letter that there is, and of those of markup.
#[test]
fn random_text_stays_text() {
    let plain = shape(&all("xy"));
    let mut seed: u64 = 4711;
    let mut next = |most: u32| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(seed >> 33).unwrap() % most
    };
    for _ in 0..60 {
        let letter = |next: &mut dyn FnMut(u32) -> u32| match next(3) {
            0 => "<>&\"'![]CDAT-?/= \n\r\t\u{0}\u{b}".chars().nth(next(24) as usize).unwrap_or('x'),
            1 => char::from_u32(next(0x100)).unwrap(),
            _ => char::from_u32(next(0x11_0000)).unwrap_or('\u{ffff}'),
        };
        let row: String = (0..=next(12)).map(|_| letter(&mut next)).collect();
        assert_sound(&row, &plain);
    }
}

#[test]
fn numbers_are_those_of_the_cases() {
    let text = all("xy");
    let document = Document::parse(&text).unwrap();
    let number = |node: Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<usize>().unwrap();
    let mut total = 0;
    for suite in document.root_element().children().filter(|n| n.has_tag_name("testsuite")) {
        let cases: Vec<Node<'_, '_>> = suite.children().filter(|n| n.has_tag_name("testcase")).collect();
        assert_eq!(number(suite, "tests"), cases.len());
        for (attribute, element) in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")] {
            assert_eq!(number(suite, attribute), cases.iter().filter(|c| c.children().any(|n| n.has_tag_name(element))).count(), "{attribute}");
        }
        total += cases.len();
    }
    assert_eq!(number(document.root_element(), "tests"), total);
}

#[test]
fn a_report_of_many_cases_says_what_it_leaves_out() {
    let case = |at: usize| Case { name: at.to_string(), class: "crossrole.test", place: None, ended: Ended::Passed, said: Vec::new() };
    let suites = [15_000, 15_000, 5].map(|count| Suite { name: "s".into(), cases: (0..count).map(case).collect() });
    let text = junit(&suites);
    let document = Document::parse(&text).unwrap();
    assert_eq!(document.descendants().filter(|n| n.has_tag_name("testcase")).count(), 20_000);
    let said: Vec<&str> = document.descendants().filter(|n| n.has_tag_name("system-out")).filter_map(|n| n.text()).collect();
    assert_eq!(said, ["10000 more cases are left out here", "5 more cases are left out here"]);
    assert_eq!(document.root_element().attribute("tests"), Some("30005"));
}

/// What a page of a pipeline shows of a manifest with mistakes, and of a plan.
#[test]
fn cases_of_findings_and_of_a_plan() {
    let source = |file: &str| Source { file: file.into(), text: "one\ntwo\n".into() };
    let error = Finding::error("bad.toml", Some(Span { start: 4, end: 7 }), "role `x` is no role", "write it otherwise");
    let warning = Finding { file: "good.toml".into(), severity: Severity::Warning, rule: Some("wide".into()), message: "too wide".into(), ..error.clone() };
    let wanted = (warning.clone(), "we know".to_owned());
    let mut suites = junit_findings(&[error, warning], &[wanted], &[source("bad.toml"), source("good.toml")]);
    let mut plan = facts::plan("name");
    let (blocking, other) = plan.withheld.into_iter().partition::<Vec<_>, _>(|withheld| withheld.blocks);
    plan.withheld = blocking.into_iter().take(1).chain(other.into_iter().take(1)).collect();
    plan.changes.truncate(3);
    suites.extend(junit_plan(&plan, false, [&["refused: 1 widening of access".to_owned()], &[]], &[], &[]));
    insta::assert_snapshot!(junit(&suites));
}
