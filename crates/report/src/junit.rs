//! JUnit XML, as Jenkins and GitLab read it: validation, tests and plans as suites of cases.
//!
//! Held to the schema of Jenkins' xUnit plugin (`junit-10.xsd`). Text of others is made [`safe`] first, so that no letter is in it that
//! XML has no place for (XML 1.0, section 2.2), and then written with its entities.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{Action, Cause, Finding, Outcome, Plan, Severity, Source, StepId, StepResult};

use crate::findings::{MANIFEST, Places, word};
use crate::text::because;
use crate::{describe, safe, words};

/// Most cases of a report: a page with more is read by nobody, and pipelines refuse large ones (GitLab: 500,000 in one).
const CASES_MOST: usize = 20_000;

/// Cases that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// A file, or what they are about.
    pub name: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What it is about.
    pub name: String,
    /// What it is one of, as in `crossrole.test`.
    pub class: &'static str,
    /// The file that it stands in, and the line, from one.
    pub place: Option<(String, usize)>,
    /// How it ended.
    pub ended: Ended,
    /// What else is said of it, a line each.
    pub said: Vec<String>,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// As it should.
    Passed,
    /// Something is wrong.
    Failed {
        /// In a line.
        message: String,
        /// A line each.
        details: Vec<String>,
    },
    /// It could not be looked at.
    Unknown {
        /// In a line.
        message: String,
        /// A line each.
        details: Vec<String>,
    },
    /// It was left out.
    Skipped {
        /// Why.
        message: String,
    },
}

/// Returns the XML.
pub fn junit(suites: &[Suite]) -> String {
    let (all, mut left, mut body) = (counts(suites.iter().flat_map(|suite| &suite.cases)), CASES_MOST, String::new());
    for suite in suites.iter().filter(|suite| !suite.cases.is_empty()) {
        let [tests, failures, errors, skipped] = counts(&suite.cases);
        body.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">\n",
            xml(&suite.name)
        ));
        suite.cases.iter().take(left).for_each(|one| case(one, &mut body));
        if tests > left {
            body.push_str(&format!("    <system-out>{} more cases are left out here</system-out>\n", tests - left));
        }
        left = left.saturating_sub(tests);
        body.push_str("  </testsuite>\n");
    }
    let [tests, failures, errors, _] = all;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"crossrole\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">\n{body}</testsuites>\n"
    )
}

fn counts<'c>(cases: impl IntoIterator<Item = &'c Case>) -> [usize; 4] {
    let mut counts = [0; 4];
    let [tests, failures, errors, skipped] = &mut counts;
    for case in cases {
        *tests += 1;
        match case.ended {
            Ended::Passed => {}
            Ended::Failed { .. } => *failures += 1,
            Ended::Unknown { .. } => *errors += 1,
            Ended::Skipped { .. } => *skipped += 1,
        }
    }
    counts
}

fn case(case: &Case, out: &mut String) {
    let place = case.place.as_ref().map_or(String::new(), |(file, line)| format!(" file=\"{}\" line=\"{line}\"", xml(file)));
    out.push_str(&format!("    <testcase name=\"{}\" classname=\"{}\"{place}", xml(&case.name), case.class));
    let wrong = |element: &str, message: &str, details: &[String]| {
        // Some pages show the attribute, and some the text alone (GitLab).
        let lines: Vec<String> = std::iter::once(message).chain(details.iter().map(String::as_str)).map(xml).collect();
        format!("      <{element} message=\"{}\">{}</{element}>\n", xml(message), lines.join("\n"))
    };
    let mut inner = match &case.ended {
        Ended::Passed => String::new(),
        Ended::Failed { message, details } => wrong("failure", message, details),
        Ended::Unknown { message, details } => wrong("error", message, details),
        Ended::Skipped { message } => format!("      <skipped message=\"{}\"/>\n", xml(message)),
    };
    if !case.said.is_empty() {
        let lines: Vec<String> = case.said.iter().map(|line| xml(line)).collect();
        inner.push_str(&format!("      <system-out>{}</system-out>\n", lines.join("\n")));
    }
    out.push_str(&if inner.is_empty() { "/>\n".to_owned() } else { format!(">\n{inner}    </testcase>\n") });
}

/// A text of one line in XML.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::escape::no_order(safe(text)).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // These are no characters of XML 1.0, and harmless elsewhere.
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// A suite a file: a case for each mistake, and one for the file where it has none; warnings, and what is wanted, are said there.
pub fn junit_findings(findings: &[Finding], suppressed: &[(Finding, String)], sources: &[Source]) -> Vec<Suite> {
    let places = Places::of(sources);
    let said = |finding: &Finding| {
        let (line, column) = places.find(finding);
        format!("{}: line {line}, column {column}: {}", word(finding.severity), titled(finding))
    };
    let mut names: Vec<&str> = sources.iter().map(|source| source.file.as_str()).collect();
    let mut known: BTreeSet<&str> = names.iter().copied().collect();
    names.extend(findings.iter().map(|finding| finding.file.as_str()).filter(|file| known.insert(file)));
    let mut of: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        of.entry(&finding.file).or_default().push(finding);
    }
    let suite = |name: &&str| {
        let (errors, others): (Vec<&Finding>, Vec<&Finding>) =
            of.get(*name).cloned().unwrap_or_default().into_iter().partition(|f| f.severity == Severity::Error);
        let wanted = suppressed.iter().filter(|(finding, _)| finding.file == **name);
        let said = others.into_iter().map(said).chain(wanted.map(|(finding, reason)| format!("suppressed: {}, because {reason}", titled(finding)))).collect();
        let mut cases: Vec<Case> = errors.into_iter().map(|finding| mistake(finding, places.find(finding).0)).collect();
        match cases.first_mut() {
            Some(first) => first.said = said,
            None => {
                cases.push(Case { name: (*name).to_owned(), class: "crossrole.validate", place: Some(((*name).to_owned(), 1)), ended: Ended::Passed, said });
            }
        }
        Suite { name: (*name).to_owned(), cases }
    };
    names.iter().map(suite).collect()
}

fn titled(finding: &Finding) -> String {
    format!("{} [{}]", finding.message, finding.rule.as_deref().unwrap_or(MANIFEST))
}

fn mistake(finding: &Finding, line: usize) -> Case {
    let details = vec![format!("{} line {line}", finding.file), finding.advice.clone()];
    let ended = Ended::Failed { message: finding.message.clone(), details: details.into_iter().filter(|line| !line.is_empty()).collect() };
    Case { name: titled(finding), class: "crossrole.validate", place: Some((finding.file.clone(), line)), ended, said: Vec::new() }
}

/// A suite a manifest, with a case for each object that changes; what is withheld, why it is refused, and what was found of it.
/// `refused`: what the run says where the plan must not be carried out, a line each; `left_out`: what has moved since it was reviewed and is
/// no part of it. `is_drift`: what it would change is what is wrong.
pub fn junit_plan(plan: &Plan, is_drift: bool, [refused, left_out]: [&[String]; 2], findings: &[Finding], sources: &[Source]) -> Vec<Suite> {
    let mut suites: Vec<Suite> = plan.manifests.iter().map(|manifest| Suite { name: manifest.name.clone(), cases: Vec::new() }).collect();
    let passed = |name: String| Case { name, class: "crossrole.plan", place: None, ended: Ended::Passed, said: Vec::new() };
    for change in &plan.changes {
        let action = match change.action {
            Action::Create => "create",
            Action::Update => "update",
            Action::Replace => "replace",
            Action::Delete => "destroy",
        };
        let said: Vec<String> = change.consequences.iter().map(words::consequence).collect();
        let case = if is_drift {
            let details = change.reasons.iter().map(|reason| because(reason, change.action)).collect();
            let ended = Ended::Failed { message: "what is live is not as the manifest says".to_owned(), details };
            Case { class: "crossrole.drift", ended, said, ..passed(change.address.to_string()) }
        } else {
            Case { said, ..passed(format!("{action} {}", change.address)) }
        };
        match suites.iter_mut().find(|suite| suite.name == change.manifest) {
            Some(suite) => suite.cases.push(case),
            None => suites.push(Suite { name: change.manifest.clone(), cases: vec![case] }),
        }
    }
    for suite in suites.iter_mut().filter(|suite| suite.cases.is_empty()) {
        suite.cases.push(passed("no changes".to_owned()));
    }
    let withheld = plan.withheld.iter().map(|withheld| {
        let (why, advice) = words::cause(withheld);
        let off = is_drift && matches!(withheld.cause, Cause::KeyState(_));
        let ended = match withheld.blocks {
            _ if off => Ended::Failed { message: why, details: vec![advice] },
            true => Ended::Unknown { message: why, details: vec![advice] },
            false => Ended::Skipped { message: why },
        };
        Case { ended, ..passed(words::subject(&withheld.subject)) }
    });
    suites.push(Suite { name: "withheld".to_owned(), cases: withheld.collect() });
    let ended = match refused.split_first() {
        None => Ended::Passed,
        Some((first, rest)) => Ended::Failed { message: first.clone(), details: rest.to_vec() },
    };
    let mut refusals = vec![Case { ended, ..passed("the plan may be carried out".to_owned()) }];
    refusals.extend(left_out.split_first().map(|(first, rest)| {
        let ended = Ended::Skipped { message: first.clone() };
        Case { ended, said: rest.to_vec(), ..passed("all that was reviewed".to_owned()) }
    }));
    suites.push(Suite { name: "refusals".to_owned(), cases: refusals });
    suites.extend(junit_findings(findings, &[], sources));
    suites
}

/// A suite of the calls that were made, and of what was written and not seen afterwards.
pub fn junit_outcome(plan: &Plan, outcome: &Outcome) -> Suite {
    let case = |name: String, ended: Ended| Case { name, class: "crossrole.apply", place: None, ended, said: Vec::new() };
    let step = |(at, result): (usize, &StepResult)| {
        let ended = match result {
            StepResult::Applied | StepResult::AlreadyDone => Ended::Passed,
            StepResult::Failed { error } => Ended::Failed { message: error.to_string(), details: vec![error.advice().to_owned()] },
            StepResult::Drifted { found } => Ended::Failed { message: words::drift(found), details: vec!["nothing was written".to_owned()] },
            StepResult::Skipped { because } => Ended::Skipped { message: format!("it needs {}", describe(plan, *because)) },
            StepResult::NotStarted => Ended::Skipped { message: "the run has ended before it".to_owned() },
        };
        case(describe(plan, StepId(at)), ended)
    };
    let unseen = outcome.unverified.iter().filter_map(|(index, seen)| {
        let address = &plan.changes.get(*index)?.address;
        let ended = Ended::Unknown { message: format!("it was written, and {}", words::seen(seen)), details: Vec::new() };
        Some(case(format!("{address} as it was read back"), ended))
    });
    Suite { name: "apply".to_owned(), cases: outcome.steps.iter().enumerate().map(step).chain(unseen).collect() }
}
