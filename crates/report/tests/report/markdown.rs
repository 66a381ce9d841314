//! The comment on a pull request, as a parser of `CommonMark` reads it: what others wrote is in fences and nowhere else, and however
//! little room there is, it begins and ends as it should.

use std::ops::Range;

use crossrole_model::{
    Address, Approval, BaseMistakes, Beside, Compared, Drifted, Finding, Foreign, ForeignPart, Ground, Grounds, Judged, Kind, Plan, Severity, Since, Source,
    UnreadBase,
};
use crossrole_report::{COMMENT_MOST, Comment, LEAST, Owners, SUMMARY_MOST, View, marker};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::hostile::{ROWS, is_harmful};
use crate::{decisions, facts};

fn all() -> Options {
    Options::all()
}

fn whole(t: &str) -> Plan {
    let calls = [(facts::account(), 12)].into();
    Plan { access: Some(decisions::delta(t)), lockouts: decisions::lockouts(t), calls, ..facts::plan(t) }
}

fn findings(t: &str) -> (Vec<Finding>, Vec<Source>) {
    let finding = Finding { file: t.into(), span: None, severity: Severity::Warning, message: t.into(), advice: t.into(), rule: Some(t.into()) };
    (vec![finding], vec![Source { file: t.into(), text: t.into() }])
}

/// A plan with everything that may be said of it: beside another commit, with approvals of every kind.
fn comment(t: &str, most: usize) -> String {
    let (findings, sources) = findings(t);
    let view = View { show_external_ids: true, ..View::default() };
    let plan = whole(t);
    let (since, judged) = (since(&plan, t), judged(&plan, t));
    let (owners, judged, since) = (Owners::new(), Some(&judged), Some(&since));
    crossrole_report::markdown(
        &Comment {
            plan: &plan,
            findings: &findings,
            sources: &sources,
            owners: &owners,
            view,
            judged,
            since,
            drift: None,
            refused: &[t.to_owned()],
            left_out: &[t.to_owned(), t.to_owned()],
            key: "k",
        },
        most,
    )
}

pub(crate) fn since(plan: &Plan, t: &str) -> Compared {
    let (drift, change, not_compared) = (plan.changes.clone(), plan.changes.clone(), plan.withheld.clone());
    Compared::Since(Since {
        reference: t.into(),
        commit: t.into(),
        drift,
        change,
        access: decisions::delta(t),
        change_access: decisions::delta(t),
        not_compared,
        left: vec![Address { account: facts::account(), kind: Kind::KeyPolicy, name: t.into() }],
        new: vec![(t.into(), t.into())],
        gone: vec![(t.into(), t.into())],
        grounds: grounds(t),
    })
}

pub(crate) fn drifted(t: &str) -> Drifted {
    let parts = vec![ForeignPart::Statement(t.into()), ForeignPart::Inline(t.into()), ForeignPart::Attached(t.into())];
    let of = Address { account: facts::account(), kind: Kind::BucketPolicy, name: t.into() };
    let unread = [of.clone()].into();
    Drifted { access: decisions::delta(t), foreign: Foreign { parts: [(of, parts)].into(), unread, access: decisions::delta(t) } }
}

/// A commit that can't be read, in both ways.
pub(crate) fn unread(t: &str) -> [Compared; 2] {
    let (findings, sources) = findings(t);
    let of = |mistakes| Compared::Unread(UnreadBase { reference: t.into(), commit: t.into(), mistakes, grounds: grounds(t) });
    [of(BaseMistakes::Manifests { findings, sources }), of(BaseMistakes::Surroundings(vec![t.into()]))]
}

/// Files of every kind, and more under other control policies.
fn grounds(t: &str) -> Grounds {
    let kinds = [Ground::Settings, Ground::Guardrails, Ground::Directory, Ground::ControlPolicy];
    Grounds { changed: kinds.into_iter().map(|kind| (kind, t.to_owned())).collect(), wider: decisions::delta(t), unread: true }
}

pub(crate) fn judged(plan: &Plan, t: &str) -> Judged {
    let delta = plan.access.as_ref().unwrap();
    let approval = |end| Approval { widenings: Vec::new(), reason: t.into(), expires: Some((t.into(), end)), file: t.into(), line: 1 };
    let mut digests = delta.changes.iter().map(|change| change.digest(plan)).chain(delta.undecided.iter().map(|one| one.digest(plan)));
    let held = [(digests.next().unwrap(), approval(2))].into();
    let open: Vec<_> = digests.collect();
    let over = [(open[0].clone(), approval(1))].into();
    Judged { approved: held, over, unmatched: vec![(open[0].clone(), approval(0))], open, beside: Beside { taken_up: delta.clone(), wider: delta.clone() } }
}

/// So is one that is compared with a commit that can't be read: nothing of that is told apart, and nothing is said to be.
#[test]
fn a_commit_that_can_not_be_read_changes_nothing_outside_of_fences() {
    let compared = |t: &str, at: usize| {
        let (plan, owners, since) = (whole(t), Owners::new(), unread(t));
        let (findings, sources) = findings("x");
        let comment = Comment {
            plan: &plan,
            findings: &findings,
            sources: &sources,
            owners: &owners,
            view: View::default(),
            judged: None,
            since: Some(&since[at]),
            drift: None,
            refused: &[],
            left_out: &[],
            key: "k",
        };
        let text = crossrole_report::markdown(&comment, SUMMARY_MOST);
        (outside(text.split_once('\n').unwrap().1), text)
    };
    for at in [0, 1] {
        let (expected, plain) = compared("xy", at);
        assert!(plain.contains("**What this is compared with can't be read: nothing is told apart as drift.**"), "{plain}");
        assert!(plain.contains("#### Drift: not known\n") && !plain.contains("**Access is widened"), "{plain}");
        for row in ROWS {
            assert_eq!(compared(row, at).0, expected, "{row:?}");
        }
    }
}

/// The report of drift is held to the same.
#[test]
fn drift_changes_nothing_outside_of_fences() {
    let drifted = |t: &str| {
        let (findings, sources) = findings(t);
        let (plan, delta) = (whole(t), drifted(t));
        let (view, owners) = (View { show_external_ids: true, ..View::default() }, Owners::new());
        let comment = Comment {
            plan: &plan,
            findings: &findings,
            sources: &sources,
            owners: &owners,
            view,
            judged: None,
            since: None,
            drift: Some(&delta),
            refused: &[],
            left_out: &[],
            key: "k",
        };
        let text = crossrole_report::markdown(&comment, SUMMARY_MOST);
        let (marker, rest) = text.split_once('\n').unwrap();
        assert!(marker.starts_with("<!-- crossrole drift ") && marker.ends_with(" -->"), "{marker}");
        outside(rest)
    };
    let expected = drifted("xy");
    assert!(expected.iter().any(|said| said.contains("drift of ")), "{expected:#?}");
    for row in ROWS {
        assert_eq!(drifted(row), expected, "{row:?}");
    }
}

fn written(plan: &Plan, findings: &[Finding], sources: &[Source], view: View, most: usize) -> String {
    crossrole_report::markdown(
        &Comment { plan, findings, sources, owners: &Owners::new(), view, judged: None, since: None, drift: None, refused: &[], left_out: &[], key: "k" },
        most,
    )
}

/// What a page would make of it, outside of fences and without the name in the title; a fence is one word.
fn outside(text: &str) -> Vec<String> {
    let mut said = Vec::new();
    let mut fenced = false;
    for event in Parser::new_ext(text, all()) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                assert!(matches!(kind, CodeBlockKind::Fenced(ref word) if word.as_ref() == "text"), "{kind:?} in {text}");
                fenced = true;
                said.push("fence".to_owned());
            }
            Event::End(TagEnd::CodeBlock) => fenced = false,
            _ if fenced => {}
            Event::Code(name) if said.last().is_some_and(|last| last.contains("crossrole: ")) => {
                assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{name}");
            }
            event => said.push(format!("{event:?}")),
        }
    }
    said
}

/// Where the fences are, by place in the text.
fn fences(text: &str) -> Vec<Range<usize>> {
    let blocks = Parser::new_ext(text, all()).into_offset_iter();
    blocks.filter(|(event, _)| matches!(event, Event::Start(Tag::CodeBlock(_)))).map(|(_, range)| range).collect()
}

/// GitLab carries out what begins a line with a slash, and does not see every fence (`lib/gitlab/quick_actions/extractor.rb`).
#[test]
fn no_line_is_a_command_of_gitlab() {
    for row in ["/merge", "/close", "```\n/approve"] {
        let text = comment(row, SUMMARY_MOST);
        assert!(text.contains(row.trim_start_matches("```\n")), "{text}");
        assert!(!text.lines().any(|line| line.starts_with('/')), "{text}");
    }
}

#[test]
fn what_others_wrote_changes_nothing_outside_of_fences() {
    let expected = outside(&comment("xy", SUMMARY_MOST).replace(&marker("k"), ""));
    assert!(expected.iter().filter(|word| *word == "fence").count() >= 4, "{expected:#?}");
    for row in ROWS.iter().copied().chain([
        "`````` x",
        "@org/team #12 GH-1 org/repo#3",
        "<details>",
        "</details>",
        "    indented",
        "> [!NOTE]",
        "| a | b |\n|--|--|",
        "/merge",
        "/close ``` \n/approve",
    ]) {
        let text = comment(row, SUMMARY_MOST);
        assert!(!text.chars().any(is_harmful), "{row:?}");
        assert_eq!(outside(&text.replace(&marker("k"), "")), expected, "{row:?}: {text}");
    }
}

#[test]
fn however_little_room_there_is_it_begins_and_ends_as_it_should() {
    for row in ROWS.iter().copied().chain(["xy", "a name that is rather long, so that few of them have room", "ünïcödé, of two bytes each: éééé"]) {
        let end = comment(row, SUMMARY_MOST).lines().last().unwrap().to_owned();
        let full = comment(row, SUMMARY_MOST).len();
        for most in [0, LEAST, LEAST + 1, 5_000, 7_321, 10_000, 20_000, full - 1, full, COMMENT_MOST] {
            let text = comment(row, most);
            assert!(text.len() <= most.max(LEAST), "{row:?}: {most}: {}", text.len());
            assert!(text.starts_with(&format!("{}\n### crossrole: ", marker("k"))), "{text}");
            assert_eq!(text.lines().last().unwrap(), end, "{row:?}: {most}");
            assert_eq!(text.matches("<details>").count(), text.matches("</details>").count() - inside(&text, "</details>") + inside(&text, "<details>"));
            for range in fences(&text) {
                let block = &text[range];
                let fence: String = block.chars().take_while(|c| *c == '`').collect();
                assert!(block.trim_end().ends_with(&format!("\n{fence}")), "{row:?}: {most}: {block}");
            }
            assert_eq!(text.contains("Some of it is left out here"), most.max(LEAST) < full, "{row:?}: {most} of {full}");
        }
    }
}

/// How often a text stands in fences.
fn inside(text: &str, what: &str) -> usize {
    fences(text).into_iter().map(|range| text[range].matches(what).count()).sum()
}

/// Manifests come and go with each push: the comment is the same, and that of another job is another.
#[test]
fn the_marker_is_of_its_key_alone() {
    assert!(comment("xy", SUMMARY_MOST).starts_with(&marker("k")) && comment("ab", SUMMARY_MOST).starts_with(&marker("k")));
    assert_ne!(marker("k"), marker("l"));
    assert!(!marker("xy").contains("xy"));
}

/// Where there is no plan, what stands there is found again as the plan would be, and holds hostile words as it does.
#[test]
fn what_could_not_be_planned_stands_in_its_place() {
    for row in ROWS.iter().copied().chain(["```\n/merge", "x".repeat(100_000).as_str()]) {
        let text = crossrole_report::not_planned("k", &[row.to_owned(), "error: no".to_owned()], COMMENT_MOST);
        assert!(text.starts_with(&format!("{}\n### crossrole: this could not be planned\n", marker("k"))) && text.len() <= COMMENT_MOST, "{text}");
        assert!(!text.lines().any(|line| line.starts_with('/')) && fences(&text).len() <= 1, "{row:?}: {text}");
        assert!(!text.chars().any(is_harmful), "{row:?}");
    }
}

/// What is left out is counted to the last line, and what gives the most is not what is left out.
#[test]
fn what_is_left_out_of_many_widenings_is_counted() {
    let mut delta = decisions::delta("xy");
    let mut one = delta.changes.first().unwrap().clone();
    one.direction = crossrole_model::access::Direction::Widened;
    delta.undecided.clear();
    let change = |at: usize, action: &str| {
        let mut change = one.clone();
        change.actions = vec![crossrole_model::access::Part::of(action)];
        change.resources = vec![crossrole_model::access::Part::of(format!("arn:aws:sqs:us-east-1:222222222222:queue-{at}"))];
        change
    };
    delta.changes = (0..600).map(|at| change(at, "sqs:SendMessage")).chain([change(600, "iam:*")]).collect();
    let plan = Plan { access: Some(delta), lockouts: Vec::new(), withheld: Vec::new(), ..whole("xy") };
    let owners = Owners::new();
    let text = crossrole_report::markdown(
        &Comment {
            plan: &plan,
            findings: &[],
            sources: &[],
            owners: &owners,
            view: View::default(),
            judged: None,
            since: None,
            drift: None,
            refused: &[],
            left_out: &[],
            key: "k",
        },
        20_000,
    );
    let shown = text.lines().filter(|line| line.starts_with("  + ") && line.contains("queue-")).count();
    let left: usize = text.split("… and ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap();
    assert_eq!(shown + left, 601, "{text}");
    assert!(text.contains("iam:*") && !text.contains("see --json"), "{text}");
}

#[test]
fn external_ids_are_masked_in_comments() {
    let text = written(&whole("name"), &[], &[], View::default(), SUMMARY_MOST);
    assert!(text.contains("sts:ExternalId") && !text.contains("secret-4711"), "{text}");
}
