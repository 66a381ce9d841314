//! `approvals/*.toml`: which widenings somebody has approved, why, and for how long. They are files, so that the review that
//! guards files guards them.

use std::path::{Path, PathBuf};

use crossrole_model::{Approval, Digest, Finding, Source, Span};
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::failure::Failure;
use crate::files::{self, Wanted};

/// The folder, beside the settings, unless said otherwise.
const FOLDER: &str = "approvals";

/// Most files: a folder with more is a mistake in the path.
const FILES_MOST: usize = 1_000;

const APPROVALS: Wanted = Wanted { what: "approvals", most: files::SMALL, advice: "check its permissions", smaller: "split the file" };

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    approval: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Digests.
    widenings: Spanned<Vec<Spanned<String>>>,
    reason: Spanned<String>,
    /// The day that ends it.
    expires: Option<Spanned<Datetime>>,
}

/// Reads all approvals; every mistake in them is told at once. A folder that nobody named need not be there.
pub(crate) fn read(named: Option<&Path>, config: &Path) -> Result<Vec<Approval>, Failure> {
    let folder = named.map_or_else(|| config.parent().unwrap_or(Path::new("")).join(FOLDER), Path::to_owned);
    if named.is_none() && !folder.exists() {
        return Ok(Vec::new());
    }
    let (mut approvals, mut findings, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    for file in in_folder(&folder)? {
        let source = Source { file: file.display().to_string(), text: files::read(&file, &APPROVALS)? };
        approvals.extend(entries(&source, &mut findings));
        sources.push(source);
    }
    if findings.is_empty() {
        return Ok(approvals);
    }
    Err(Failure::findings(crossrole_report::findings(&findings, &sources), findings.len()))
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable =
        |e: std::io::Error| Failure::new(format!("folder of approvals `{}` can't be read: {e}", folder.display()), "check its name and permissions");
    // Whoever guards files by their paths guards what is there, and not what a link leads to.
    let no_link = |path: &Path| match std::fs::symlink_metadata(path) {
        Ok(known) if known.is_symlink() => {
            Err(Failure::new(format!("approvals `{}` are a symbolic link", path.display()), "put the file itself there, where its review guards it"))
        }
        _ => Ok(()),
    };
    no_link(folder)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        no_link(&file)?;
        if file.extension().is_some_and(|e| e == "toml") {
            found.push(file);
        }
        if found.len() > FILES_MOST {
            return Err(Failure::new(format!("there are over {FILES_MOST} files of approvals in `{}`", folder.display()), "take out those that are used up"));
        }
    }
    found.sort();
    Ok(found)
}

fn entries(source: &Source, findings: &mut Vec<Finding>) -> Vec<Approval> {
    const FORM: &str = "an entry is `[[approval]]` with `widenings`, `reason` and, where it ends, `expires`; a refused plan prints it";
    let span = |range: std::ops::Range<usize>| Span { start: range.start, end: range.end };
    let file: File = match toml::from_str(&source.text) {
        Ok(file) => file,
        Err(e) => {
            findings.push(Finding::error(&source.file, e.span().map(span), e.message().to_owned(), FORM));
            return Vec::new();
        }
    };
    let mut all = Vec::new();
    for entry in file.approval {
        let at = entry.span();
        let line = source.text.get(..at.start).unwrap_or_default().matches('\n').count() + 1;
        let Entry { widenings, reason, expires } = entry.into_inner();
        let mut wrong = |at: std::ops::Range<usize>, message: &str, advice: &str| {
            findings.push(Finding::error(&source.file, Some(span(at)), message, advice));
        };
        if widenings.get_ref().is_empty() {
            wrong(widenings.span(), "this approves nothing", FORM);
        }
        let mut digests = Vec::new();
        for digest in widenings.get_ref() {
            match Digest::parse(digest.get_ref()) {
                Some(parsed) => digests.push(parsed),
                None => wrong(digest.span(), "this is the digest of no widening", "it has 32 hexadecimal digits; a refused plan prints it"),
            }
        }
        if reason.get_ref().trim().is_empty() {
            wrong(reason.span(), "an approval without a reason", "say why this access is meant; whoever reads the file after you has nothing else");
        }
        let until = expires.map(|date| (end_of(date.get_ref()), date));
        if let Some((None, date)) = &until {
            wrong(date.span(), "this is no day", "write the day that ends it, as in `expires = 2027-01-31`: it holds until that day begins (UTC)");
        }
        let expires = until.and_then(|(end, date)| Some((date.get_ref().to_string(), end?)));
        all.push(Approval { widenings: digests, reason: reason.get_ref().trim().to_owned(), expires, file: source.file.clone(), line });
    }
    all
}

/// The second since 1970 at which a day begins, in UTC, as grants end; `None` where a time is given as well, or no day.
pub(crate) fn end_of(date: &Datetime) -> Option<i64> {
    let (Some(day), None, None) = (date.date, date.time, date.offset) else { return None };
    let month = time::Month::try_from(day.month).ok()?;
    let day = time::Date::from_calendar_date(i32::from(day.year), month, day.day).ok()?;
    Some(day.midnight().assume_utc().unix_timestamp())
}
