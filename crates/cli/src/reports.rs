//! Files of `--report`: written each to a place of its own, and over nothing that the run reads or writes.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use crossrole_model::{Finding, Source};
use crossrole_planner::Options;
use crossrole_report::Screen;

use crate::args::{ACCOUNTS, Report, ReportFormat, ViewArgs};
use crate::failure::Failure;

/// Refuses, before anything is written, a report over a file that the run reads or writes otherwise, or over another report.
pub(crate) fn apart(reports: &[Report], others: &[&Path]) -> Result<(), Failure> {
    let mut taken: BTreeSet<PathBuf> = others.iter().map(|path| place(path)).collect();
    if let Some(report) = reports.iter().find(|report| !taken.insert(place(&report.file))) {
        let error = format!("report `{}` would be written over a manifest, settings, a plan, or another report", report.file.display());
        return Err(Failure::new(error, "give each report a file of its own"));
    }
    Ok(())
}

/// The same, of manifests that were read, with their expectations.
pub(crate) fn apart_from(reports: &[Report], sources: &[Source]) -> Result<(), Failure> {
    let beside = sources.iter().map(|source| crate::load::expectations_of(&source.file));
    let files: Vec<PathBuf> = sources.iter().map(|source| PathBuf::from(&source.file)).chain(beside).collect();
    apart(reports, &files.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}

/// The same, of manifests before they are read, and of what would be one when they are read next: what can't be listed is an error of its
/// own, later.
pub(crate) fn apart_from_paths(reports: &[Report], paths: &[PathBuf]) -> Result<(), Failure> {
    let files = crate::load::listed(paths).unwrap_or_default();
    let beside = files.iter().map(|file| crate::load::expectations_of(&file.display().to_string()));
    let all: Vec<PathBuf> = beside.chain(files.iter().cloned()).collect();
    apart(reports, &all.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    if let Some(report) = reports.iter().find(|report| report.file.extension().is_some_and(|end| end == "toml")) {
        let error = format!("report `{}` would be taken for a manifest, settings or approvals", report.file.display());
        return Err(Failure::new(error, "give it another ending than `.toml`"));
    }
    Ok(())
}

/// The same, of the settings of a place and its directory of accounts, and of what else is named.
pub(crate) fn apart_from_settings(reports: &[Report], config: &Path, others: &[&Path]) -> Result<(), Failure> {
    let accounts = config.with_file_name(ACCOUNTS);
    apart(reports, &[&[config, accounts.as_path()], others].concat())
}

/// The same for the file that a plan is saved in: not over manifests, their expectations, settings, or what else is named.
pub(crate) fn plan_apart(out: &Path, manifests: &[PathBuf], config: &Path, others: &[&Path]) -> Result<(), Failure> {
    let files = crate::load::listed(manifests).unwrap_or_default();
    let beside = files.iter().map(|file| crate::load::expectations_of(&file.display().to_string()));
    let accounts = config.with_file_name(ACCOUNTS);
    let all: Vec<PathBuf> =
        beside.chain(files.iter().cloned()).chain([config.to_owned(), accounts]).chain(others.iter().map(|path| (*path).to_owned())).collect();
    let is_toml = out.extension().is_some_and(|end| end == "toml");
    if is_toml || all.iter().any(|path| place(path) == place(out)) {
        let error = format!("plan file `{}` would be written over a manifest, settings or approvals, or be taken for one", out.display());
        return Err(Failure::new(error, "give it a file of its own, as in `--out crossrole.plan`"));
    }
    Ok(())
}

/// Where a file is, whatever leads to it; one that is not there yet is in its folder.
fn place(path: &Path) -> PathBuf {
    let folder = || {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(std::fs::canonicalize(parent).ok()?.join(path.file_name()?))
    };
    std::fs::canonicalize(path).ok().or_else(folder).unwrap_or_else(|| path.to_owned())
}

/// What the comment of a run is found by: what the user says, or what is the same in each push, however many manifests there are: the paths
/// as they are named from here, the settings, and what is asked for. `kept`: it is kept for another run, whatever this one writes.
pub(crate) fn key(view: &ViewArgs, paths: &[PathBuf], config: &Path, options: &Options, kept: bool) -> String {
    if let Some(key) = &view.report_key {
        return format!("key\n{key}");
    }
    let here = std::env::current_dir().unwrap_or_default();
    // Jobs of one repository may each be in a folder of their own.
    let is_asked = kept || view.report.iter().any(|report| matches!(report.format, ReportFormat::Markdown | ReportFormat::Summary));
    let within = is_asked.then(crate::git::prefix).flatten().unwrap_or_default();
    let plain = |path: &Path| {
        let path = path.strip_prefix(&here).unwrap_or(path);
        within.join(path).components().filter(|part| *part != Component::CurDir).collect::<PathBuf>()
    };
    let named: BTreeSet<String> = paths.iter().map(|path| plain(path).display().to_string()).collect();
    let asked = options.targets.iter().chain(&options.destroy_keys).cloned().chain(options.destroy.then(|| "destroy".to_owned()));
    let all = [plain(config).display().to_string()].into_iter().chain(named).chain(asked);
    all.collect::<Vec<_>>().join("\n")
}

/// The reports of a command that has failed before it could write them, and how it was called.
pub(crate) struct Unwritten<'u> {
    pub(crate) command: &'u str,
    pub(crate) view: &'u ViewArgs,
    /// What its comment is found by.
    pub(crate) key: &'u str,
    /// The manifests that it was to be of.
    pub(crate) paths: &'u [PathBuf],
}

impl Unwritten<'_> {
    /// Says in each that there is no plan, and why: what stood there would be taken for it. Events are written as they happen.
    pub(crate) fn say(&self, failure: &Failure) {
        let why: Vec<String> = failure.render(Screen::default()).lines().map(str::to_owned).collect();
        let (mut findings, sources) = failure.mistakes();
        let results = findings.clone();
        if findings.is_empty() {
            // What is of no file is of the first there is: this form has no other place for it.
            let file = self.paths.first().map_or_else(|| ACCOUNTS.to_owned(), |path| path.display().to_string());
            findings.push(Finding::error(&file, None, why.join("; "), ""));
        }
        for report in &self.view.report {
            let text = match report.format {
                ReportFormat::Markdown => crossrole_report::not_planned(self.key, &why, self.view.report_limit),
                ReportFormat::Summary => crossrole_report::not_planned(self.key, &why, crossrole_report::SUMMARY_MOST),
                ReportFormat::Json => json(&failure.json()),
                ReportFormat::Sarif => json(&crossrole_report::sarif_failed(&results, &sources, &crate::commands::validate::infos(), &why)),
                ReportFormat::Junit => crossrole_report::junit(&crossrole_report::junit_failed(self.command, &why)),
                ReportFormat::GitlabTerraform => json(&crossrole_report::gitlab_terraform_failed(&why)),
                ReportFormat::GitlabCodequality => json(&crossrole_report::gitlab_codequality(&findings, &sources)),
                ReportFormat::Html => crossrole_report::html_failed(&why),
                ReportFormat::Events | ReportFormat::Csv => continue,
            };
            // The failure itself is what is said; where this is not written, that is seen.
            let _ = write(report, &text);
        }
    }
}

fn opened(report: &Report) -> Result<std::fs::File, Failure> {
    crate::place::create(&report.file, None).map_err(|e| unwritable(report, &e))
}

/// Writes one.
pub(crate) fn write(report: &Report, text: &str) -> Result<(), Failure> {
    opened(report)?.write_all(text.as_bytes()).map_err(|e| unwritable(report, &e))
}

pub(crate) fn unwritable(report: &Report, error: &std::io::Error) -> Failure {
    Failure::new(format!("report `{}` can't be written: {error}", report.file.display()), "check that its folder is there, and its permissions")
}

/// Writes JSON as it is made.
pub(crate) fn write_json(report: &Report, value: &impl serde::Serialize) -> Result<(), Failure> {
    crossrole_report::write_json(std::io::BufWriter::new(opened(report)?), value).map_err(|e| unwritable(report, &e))
}

/// JSON in a file.
pub(crate) fn json(value: &serde_json::Value) -> String {
    crossrole_report::json_text_pretty(value) + "\n"
}
