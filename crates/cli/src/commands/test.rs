//! `crossrole test`: access expectations beside manifests, and files of cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossrole_access::{Case, Context, ContextValue, Estate, Objects, Question, resource_matches};
use crossrole_manifest::{Expectation, Given};
use crossrole_model::access::Decision;
use crossrole_model::{Desired, Finding, Source, Span};
use crossrole_policy::Arn;
use crossrole_report::{self as report, Line, Tone, View, safe};
use serde_json::{Value, json};

use crate::args::TestArgs;
use crate::failure::{Exit, Failure};
use crate::files::{self, Wanted};
use crate::io::Io;
use crate::load::{EXPECTATIONS, Loaded};
use crate::place;
use crate::{actions, ask, keys, reports};

use super::validate::{Found, write_with};

/// Most bytes of one case: a request with all its policies is far smaller.
const LINE_MOST: usize = 1 << 20;

/// One line of the summary.
struct Outcome {
    /// The file that it stands in, by its number, and where: byte, and line from one.
    file: usize,
    at: (usize, usize),
    id: String,
    expected: Expected,
    got: Decision,
    because: String,
}

/// What is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Just this.
    Exactly(Decision),
    /// Either kind of denial.
    Denied,
}

impl Outcome {
    fn passed(&self) -> bool {
        match self.expected {
            Expected::Exactly(decision) => decision == self.got,
            Expected::Denied => self.got != Decision::Allowed,
        }
    }

    fn expected(&self) -> &'static str {
        match self.expected {
            Expected::Exactly(decision) => decision.as_str(),
            Expected::Denied => "Denied",
        }
    }

    fn differs(&self) -> String {
        let because = if self.because.is_empty() { String::new() } else { format!(": {}", self.because) };
        format!("expected {}, got {}{because}", self.expected(), self.got.as_str())
    }

    fn json(&self) -> Value {
        json!({"id": self.id, "expected": self.expected(), "got": self.got.as_str(), "ok": self.passed(), "because": self.because})
    }

    fn case(&self, file: &str) -> report::Case {
        let ended = if self.passed() { report::Ended::Passed } else { report::Ended::Failed { message: self.differs(), details: Vec::new() } };
        report::Case { name: self.id.clone(), class: "crossrole.test", place: Some((file.to_owned(), self.at.1)), ended, said: Vec::new() }
    }

    fn finding(&self, file: &str) -> Finding {
        let (start, _) = self.at;
        let finding = Finding::error(
            file,
            Some(Span { start, end: start }),
            format!("{}: {}", self.id, self.differs()),
            "change the manifest, or what is expected of it",
        );
        Finding { rule: Some("expectation".to_owned()), ..finding }
    }
}

/// Writes what came out to the files of `--report`.
fn write(args: &TestArgs, outcomes: &[Outcome], files: &[Source]) -> Result<(), Failure> {
    let file = |outcome: &Outcome| files.get(outcome.file).map_or("", |source| source.file.as_str());
    let findings: Vec<Finding> = outcomes.iter().filter(|o| !o.passed()).map(|outcome| outcome.finding(file(outcome))).collect();
    let suite = |(at, source): (usize, &Source)| report::Suite {
        name: source.file.clone(),
        cases: outcomes.iter().filter(|o| o.file == at).map(|outcome| outcome.case(&source.file)).collect(),
    };
    let suites: Vec<report::Suite> = files.iter().enumerate().map(suite).collect();
    let json = || json!({ "format_version": "1.0", "tests": outcomes.iter().map(Outcome::json).collect::<Vec<_>>() });
    write_with(&args.report, &args.config, &Found { findings: &findings, suppressed: &[], sources: files }, &suites, json)
}

/// Reads a file of tests and keeps it; returns its number and text.
fn read<'f>(file: &Path, files: &'f mut Vec<Source>) -> Result<(usize, &'f str), Failure> {
    let (number, text) = (files.len(), place::read(file, &TESTS)?);
    files.push(Source { file: file.display().to_string(), text });
    Ok((number, files.last().map_or("", |source| source.text.as_str())))
}

pub(crate) fn run(args: &TestArgs, io: &mut Io) -> Result<Exit, Failure> {
    let (cases, manifests): (Vec<PathBuf>, Vec<PathBuf>) = args.paths.iter().cloned().partition(|p| p.extension().is_some_and(|e| e == "jsonl"));
    let (mut outcomes, mut files, mut read) = (Vec::new(), Vec::new(), Vec::new());
    for file in &cases {
        outcomes.extend(from_cases(file, &mut files)?);
    }
    if !manifests.is_empty() {
        let Loaded { settings, desired, sources } = Loaded::read(&manifests, &args.config, io)?;
        let estate = Objects::desired(&desired).estate().under(&settings.controls(&desired)?);
        for source in &sources {
            let file = crate::load::expectations_of(&source.file);
            if !files::is_absent(&file) {
                outcomes.extend(from_expectations(&file, &mut files, &desired, &estate)?);
            }
        }
        read = sources;
    }
    if outcomes.is_empty() {
        return Err(Failure::new(
            "there is nothing to test",
            format!("write expectations to `NAME{EXPECTATIONS}` beside `NAME.toml`, or name a `.jsonl` file of cases"),
        ));
    }
    reports::apart_from(&args.report, &read)?;
    write(args, &outcomes, &files)?;
    let failed = outcomes.iter().filter(|o| !o.passed()).count();
    for outcome in &outcomes {
        if args.json {
            io.out_json(&outcome.json());
        } else {
            let (tone, word) = if outcome.passed() { (Tone::Added, "ok     ") } else { (Tone::Error, "FAILED ") };
            let mut lines = vec![Line::new(tone, 0, word).then([safe(&outcome.id)])];
            if !outcome.passed() {
                lines.push(Line::plain(7, safe(&outcome.differs())));
            }
            io.out_lines(&lines);
        }
    }
    if !args.json {
        io.out(&format!("\n{} passed, {failed} failed\n", outcomes.len() - failed));
    }
    Ok(if failed == 0 { Exit::Clean } else { Exit::Failed })
}

/// Files of expectations and of cases.
const TESTS: Wanted =
    Wanted { what: "tests", most: crossrole_manifest::MAX_BYTES, advice: "check its path and permissions", smaller: "split it into several files" };

fn from_cases(file: &Path, files: &mut Vec<Source>) -> Result<Vec<Outcome>, Failure> {
    let (of, text) = read(file, files)?;
    let (mut outcomes, mut wrong, mut begins) = (Vec::new(), Vec::new(), 0);
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let start = begins;
        begins += line.len();
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        let case: Result<Case, String> =
            if line.len() > LINE_MOST { Err(format!("it is over {LINE_MOST} bytes")) } else { serde_json::from_str(line).map_err(|e| e.to_string()) };
        match case {
            Ok(case) => {
                let answer = case.decide();
                let because = answer.layer.map(|l| format!("by the {}", l.as_str())).unwrap_or_default();
                let expected = Expected::Exactly(case.expected);
                outcomes.push(Outcome { file: of, at: (start, number), id: case.id.clone(), expected, got: answer.decision, because });
            }
            Err(why) => wrong.push(format!("`{}` line {number}: {why}", file.display())),
        }
    }
    if wrong.is_empty() {
        Ok(outcomes)
    } else {
        Err(Failure::several(wrong, "a case is one JSON object a line, with `id`, `request`, `expected` and the policies"))
    }
}

fn from_expectations(file: &Path, files: &mut Vec<Source>, desired: &Desired, estate: &Estate) -> Result<Vec<Outcome>, Failure> {
    let (of, text) = read(file, files)?;
    let parsed = crossrole_manifest::expectations(text).map_err(|e| {
        Failure::new(
            format!("`{}`: {e}", file.display()),
            "an expectation is `[[expect]]` with `principal`, `action`, `resource`, `result = \"allowed\"` or `\"denied\"`, and may have `via` and `context`",
        )
    })?;
    let wrong: Vec<String> = parsed.iter().flat_map(|expect| mistakes(expect, desired, estate)).collect();
    if !wrong.is_empty() {
        // What nobody can do, or nobody is, is denied to everybody: such a test would pass for ever.
        let wrong = wrong.into_iter().map(|error| format!("`{}`: {error}", file.display())).collect();
        return Err(Failure::several(wrong, "an expectation that is misspelt holds for ever: correct it"));
    }
    let mut outcomes = Vec::new();
    for expect in &parsed {
        let via = expect.via.iter().map(|role| ask::role(role, desired, estate)).collect::<Result<Vec<_>, _>>()?;
        let principal = ask::principal(&expect.principal, desired, estate)?;
        for action in &expect.action {
            for resource in &expect.resource {
                let question = Question {
                    principal: principal.clone(),
                    via: via.clone(),
                    action: action.clone(),
                    resource: ask::resource(resource, desired, estate)?,
                    resource_account: None,
                    context: context(&expect.context),
                    unread_allows: false,
                };
                let answers = estate.ask(&question);
                let last = answers.last();
                let through = if expect.via.is_empty() { String::new() } else { format!(" via {}", expect.via.join(", ")) };
                outcomes.push(Outcome {
                    file: of,
                    at: expect.at,
                    id: format!("{}{through}: {action} on {resource}", expect.principal),
                    expected: if expect.allowed { Expected::Exactly(Decision::Allowed) } else { Expected::Denied },
                    got: last.map_or(Decision::ImplicitlyDenied, |a| a.decision),
                    because: last.map(|a| crossrole_report::because(a, View::default())).unwrap_or_default(),
                });
            }
        }
    }
    Ok(outcomes)
}

/// What an expectation is about that is nowhere.
fn mistakes(expect: &Expectation, desired: &Desired, estate: &Estate) -> Vec<String> {
    let mut wrong: Vec<String> = expect.action.iter().filter_map(|action| actions::mistake_of_one(action)).collect();
    for (key, value) in &expect.context {
        let values = match value {
            Given::One(text) => std::slice::from_ref(text),
            Given::Many(list) => list,
        };
        wrong.extend(keys::mistake(key, values));
    }
    let trusting = |arn: &Arn<'_>| desired.accounts.iter().any(|(id, info)| info.trusting && id.as_str() == arn.account);
    let managed = |arn: &Arn<'_>| desired.accounts.iter().any(|(id, info)| info.managed && id.as_str() == arn.account);
    let unknown = |arn: &str| !estate.principals.contains_key(arn) && arn.contains(":iam::");
    if let Ok(principal) = ask::principal(&expect.principal, desired, estate)
        && let Some(arn) = Arn::parse(&principal).filter(|arn| unknown(&principal) && ["role/", "user/", "group/"].iter().any(|k| arn.resource.starts_with(k)))
        // That a stranger is let nothing may well be expected, but not of one that manifests make or not.
        && (trusting(&arn) || expect.allowed && managed(&arn))
    {
        wrong.push(format!("no manifest declares or names `{}`", safe(&expect.principal)));
    }
    for role in &expect.via {
        if ask::role(role, desired, estate).is_ok_and(|arn| !estate.roles.contains_key(&arn)) {
            wrong.push(format!("no manifest declares role `{}`", safe(role)));
        }
    }
    wrong.extend(expect.resource.iter().filter(|text| is_nowhere(text, desired, estate)).map(|text| format!("no manifest speaks of `{}`", safe(text))));
    wrong
}

/// A bucket that no manifest declares and no policy of theirs is about, or a role that is not there.
fn is_nowhere(text: &str, desired: &Desired, estate: &Estate) -> bool {
    // What may be several is an error when it is asked about.
    let Ok(resource) = ask::resource(text, desired, estate) else { return false };
    let Some((_, key)) = resource.split_once(":s3:::") else {
        let parsed = Arn::parse(&resource).filter(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
        return parsed.is_some_and(|arn| desired.accounts.iter().any(|(id, i)| i.trusting && id.as_str() == arn.account))
            && !estate.roles.contains_key(&resource);
    };
    let bucket = key.split('/').next().unwrap_or(key);
    let documents = estate.principals.values().flat_map(|p| &p.identity);
    let patterns = documents.flat_map(|p| &p.document.statements).filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values);
    let spoken = |pattern: &String| pattern != "*" && (resource_matches(pattern, &resource, None) || pattern.contains(&format!(":s3:::{bucket}")));
    !estate.buckets.contains_key(bucket) && !patterns.into_iter().any(spoken)
}

fn context(given: &BTreeMap<String, Given>) -> Context {
    let mut context = Context::default();
    if !given.keys().any(|k| k.eq_ignore_ascii_case("aws:CurrentTime")) {
        context.set("aws:CurrentTime", ask::now());
    }
    for (key, value) in given {
        let value = match value {
            Given::One(text) => ContextValue::One(text.clone()),
            Given::Many(list) => ContextValue::Many(list.clone()),
        };
        context.insert(key, value);
    }
    context
}
