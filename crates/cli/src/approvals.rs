//! `approvals/*.toml`: which widenings somebody has approved, why, and for how long. They are files, so that the review that
//! guards files guards them.

use std::path::{Path, PathBuf};

use crossrole_manifest::decode::{Decoder, Needed, Spanned, decode_file};
use crossrole_model::{Approval, Digest, Finding, Source};

use crate::day::Day;
use crate::failure::Failure;
use crate::files::{self, Wanted};

/// The folder, beside the settings, unless said otherwise.
const FOLDER: &str = "approvals";

/// Most files: a folder with more is a mistake in the path.
const FILES_MOST: usize = 1_000;

const APPROVALS: Wanted = Wanted { what: "approvals", most: files::SMALL, advice: "check its permissions", smaller: "split the file" };

crossrole_manifest::table! {
    File {
        approval: Option<Vec<Entry>>,
    }
}

crossrole_manifest::table! {
    Entry {
        /// Digests.
        widenings: Needed<Vec<Spanned<String>>>,
        reason: Needed<String>,
        /// The day that ends it.
        expires: Option<Day>,
    }
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
    findings.sort();
    Err(Failure::findings(findings, sources))
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
    let Some(file) = decode_file::<File>(source, findings) else { return Vec::new() };
    let mut d = Decoder { file: &source.file, findings };
    file.approval.into_iter().flatten().filter_map(|entry| approval(entry, source, &mut d)).collect()
}

fn approval(entry: Entry, source: &Source, d: &mut Decoder<'_>) -> Option<Approval> {
    const FORM: &str = "an entry is `[[approval]]` with `widenings`, `reason` and, where it ends, `expires`; a refused plan prints it";
    let Entry { span, widenings, reason, expires, .. } = entry;
    let line = source.text.get(..span.start).unwrap_or_default().matches('\n').count() + 1;
    if widenings.value.as_ref().is_some_and(Vec::is_empty) {
        d.error(widenings.span, "this approves nothing", FORM);
    }
    let mut digests = Vec::new();
    for digest in widenings.value.into_iter().flatten() {
        match Digest::parse(&digest.value) {
            Some(parsed) => digests.push(parsed),
            None => d.error(digest.span, "this is the digest of no widening", "it has 32 hexadecimal digits; a refused plan prints it"),
        }
    }
    if reason.value.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
        d.error(reason.span, "an approval without a reason", "say why this access is meant; whoever reads the file after you has nothing else");
    }
    let expires = expires.map(|Day { written, begins }| (written, begins));
    Some(Approval { widenings: digests, reason: reason.value?.trim().to_owned(), expires, file: source.file.clone(), line })
}
