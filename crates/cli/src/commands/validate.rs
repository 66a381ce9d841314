//! `crossrole validate`.

use std::path::Path;

use crossrole_lint::{Linted, lint, rules};
use crossrole_model::{Desired, Finding, Severity, Source};
use crossrole_report::{Line, RuleInfo, Suite, Tone, safe};
use serde_json::Value;

use crate::args::{FormatArg, Report, ReportFormat, ValidateArgs};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::settings::Settings;
use crate::{guardrails, load, reports};

pub(crate) fn run(args: &ValidateArgs, io: &mut Io) -> Result<Exit, Failure> {
    if args.list_rules {
        io.out(&reference());
        return Ok(Exit::Clean);
    }
    let settings = match Settings::read(&args.config) {
        Ok(settings) => settings,
        // What manifests come to under settings with mistakes is nobody's question.
        Err(failure) => {
            let (findings, sources) = failure.into_findings()?;
            return tell(args, None, &Linted { findings, ..Linted::default() }, &sources, io);
        }
    };
    let sources = load::sources(&args.paths.paths)?;
    io.err(&crate::load::passed_over(&sources, &args.config));
    let (desired, mut findings) = crossrole_manifest::load_in(&sources, &settings.surroundings()?);
    let mut linted = Linted::default();
    if let Some(desired) = &desired {
        linted = lint(desired, None, now());
        findings.extend(guardrails::check(&settings, desired));
        findings.extend(settings.strangers(desired));
    }
    linted.findings.append(&mut findings);
    linted.findings.sort();
    tell(args, desired.as_ref().map(|desired| (desired, sources.len())), &linted, &settings.shown(&sources), io)
}

/// Says and writes what was found; `read`: the manifests, and how many files they are.
fn tell(args: &ValidateArgs, read: Option<(&Desired, usize)>, linted: &Linted, shown: &[Source], io: &mut Io) -> Result<Exit, Failure> {
    let Linted { findings, suppressed } = linted;
    write(&args.report, &args.config, &Found { findings, suppressed, sources: shown })?;
    print(args.format, findings, suppressed, shown, io);
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    if args.format == FormatArg::Text {
        summary(read, linted, io);
    }
    Ok(if errors == 0 { Exit::Clean } else { Exit::Failed })
}

/// What was found, and in which files.
pub(crate) struct Found<'f> {
    pub(crate) findings: &'f [Finding],
    pub(crate) suppressed: &'f [(Finding, String)],
    pub(crate) sources: &'f [Source],
}

/// Writes findings to the files of `--report`.
fn write(reports: &[Report], config: &Path, found: &Found<'_>) -> Result<(), Failure> {
    let suites = crossrole_report::junit_findings(found.findings, found.suppressed, found.sources);
    write_with(reports, config, found, &suites, || crossrole_report::findings_json(found.findings, found.suppressed, found.sources))
}

/// The same, with suites and JSON of one's own.
pub(crate) fn write_with(reports: &[Report], config: &Path, found: &Found<'_>, suites: &[Suite], json: impl Fn() -> Value) -> Result<(), Failure> {
    let Found { findings, suppressed, sources } = found;
    reports::apart_from_settings(reports, config, &[])?;
    reports::apart_from(reports, sources)?;
    for report in reports {
        let text = match report.format {
            ReportFormat::Sarif => reports::json(&crossrole_report::sarif(findings, suppressed, sources, &infos())),
            ReportFormat::Junit => crossrole_report::junit(suites),
            ReportFormat::GitlabCodequality => reports::json(&crossrole_report::gitlab_codequality(findings, sources)),
            // The others are of a plan, and not taken by `finding_report`.
            _ => reports::json(&json()),
        };
        reports::write(report, &text)?;
    }
    Ok(())
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    crate::ask::now().parse().unwrap_or(0)
}

/// What machines are told of the rules.
pub(crate) fn infos() -> Vec<RuleInfo<'static>> {
    rules::ALL.iter().map(|r| RuleInfo { id: r.id, what: r.what, why: r.why, fix: r.fix }).collect()
}

fn print(format: FormatArg, findings: &[Finding], suppressed: &[(Finding, String)], sources: &[Source], io: &mut Io) {
    match format {
        FormatArg::Text => io.err(&crossrole_report::findings_on(findings, sources, io.err_screen())),
        FormatArg::Json => io.out_json(&crossrole_report::findings_json(findings, suppressed, sources)),
        FormatArg::Sarif => io.out_json(&crossrole_report::sarif(findings, suppressed, sources, &infos())),
        FormatArg::Github => io.out(&crossrole_report::annotations(findings, sources)),
    }
}

/// What was found and is wanted, a line each with its reason.
pub(crate) fn suppressed(list: &[(Finding, String)]) -> Vec<Line> {
    let line = |(finding, reason): &(Finding, String)| {
        let rule = safe(finding.rule.as_deref().unwrap_or_default());
        Line::new(Tone::Kept, 0, "suppressed: ").then([format!("{} [{rule}], ", safe(&finding.message)), format!("because {}", safe(reason))])
    };
    list.iter().map(line).collect()
}

fn summary(read: Option<(&Desired, usize)>, linted: &Linted, io: &mut Io) {
    let Linted { findings, suppressed: known } = linted;
    io.out_lines(&suppressed(known));
    let count = |severity: Severity, word: &str| match findings.iter().filter(|f| f.severity == severity).count() {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let parts: Vec<String> =
        [count(Severity::Error, "mistake"), count(Severity::Warning, "warning"), count(Severity::Note, "note")].into_iter().flatten().collect();
    let said = if parts.is_empty() { String::new() } else { format!(" {} found.", parts.join(", ")) };
    match read {
        Some((desired, files)) if findings.iter().all(|f| f.severity != Severity::Error) => {
            let many = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
            let rest = format!(
                ": {} in {}.{said}",
                many(desired.objects.len(), "object"),
                many(desired.accounts.values().filter(|info| !info.left).count(), "account")
            );
            io.out_lines(&[Line::new(Tone::Added, 0, format!("{} good", many(files, "manifest"))).then([rest])]);
        }
        _ => io.err_lines(&[Line::new(Tone::Error, 0, said.trim_start().trim_end_matches('.'))]),
    }
}

/// The reference page of all rules.
fn reference() -> String {
    let mut out = String::from(
        "# Lint rules\n\nMade by `crossrole validate --list-rules` from the rules themselves. The examples go behind the same beginning: a trusting \
         account, an account `dev` and an unmanaged account `partner`. A finding that is known and wanted is suppressed in the manifest, with its \
         reason:\n\n```toml\n[[suppress]]\nrule = \"account-wide-trust\"\nobject = \"role/Reader\"   # optional\nreason = \"the dev account is ours, and all of it reads\"\n```\n",
    );
    for rule in rules::ALL {
        let severity = match rule.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let short = |text: &str| {
            let lines: Vec<&str> = text.trim().lines().collect();
            if lines.len() > 24 {
                format!("{}\n# … and {} lines more", lines.iter().take(12).copied().collect::<Vec<_>>().join("\n"), lines.len() - 12)
            } else {
                lines.join("\n")
            }
        };
        let capital = |text: &str| text.chars().take(1).flat_map(char::to_uppercase).chain(text.chars().skip(1)).collect::<String>();
        // What manifests can't say, live policies of others still may.
        let breaks = if rule.bad.is_empty() { String::new() } else { format!("Breaks it:\n\n```toml\n{}\n```\n\n", short(rule.bad)) };
        out.push_str(&format!(
            "\n## {}\n\n{severity}: {}.\n\n{}\n\n{}.\n\n{breaks}Does not:\n\n```toml\n{}\n```\n",
            rule.id,
            rule.what,
            rule.why,
            capital(rule.fix),
            short(rule.good)
        ));
    }
    out
}
