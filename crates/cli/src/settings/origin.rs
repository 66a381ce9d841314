//! Where the files of settings are read.

use std::path::Path;

use crossrole_policy::Document;

use crate::args::CONFIG;
use crate::before::{Before, Was};
use crate::failure::Failure;
use crate::files::{self, Wanted};
use crate::place;
use crate::policies::{self, POLICY};

/// Where the files of settings are read.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Where they stand.
    Here,
    /// As they were before a change: what that brings along is not there.
    Before(Before),
}

impl Origin {
    /// A file that the settings `at` name, or those themselves.
    pub(super) fn text(&self, at: &Path, path: &Path, wanted: &Wanted) -> Result<Option<String>, Failure> {
        let Self::Before(before) = self else { return present(at, path, wanted) };
        match before.text(path, wanted.most)? {
            Was::Text(text) => Ok(Some(text)),
            Was::Absent => Ok(None),
            Was::AsNow => present(at, path, wanted),
        }
    }

    /// A control policy.
    pub(super) fn policy(&self, at: &Path, path: &Path, of_resource: bool, by_hand: bool) -> Result<Document, Failure> {
        let missing = || Failure::new(format!("policy `{}` is not there", path.display()), POLICY.advice);
        policies::control(path, &self.text(at, path, &POLICY)?.ok_or_else(missing)?, of_resource, by_hand)
    }
}

/// The file that lists accounts.
pub(super) const DIRECTORY: Wanted = Wanted {
    what: "directory of accounts",
    most: crossrole_manifest::MAX_BYTES,
    advice: "correct `directory` under `[defaults]`, or leave it out",
    smaller: "list fewer accounts",
};

/// The file of settings.
pub(super) const SETTINGS: Wanted =
    Wanted { what: "settings", most: files::SMALL, advice: "check the path given with `--config`", smaller: "keep to the settings that there are" };

/// The text of a file of this place, which the settings `at` name, or those themselves. One that nobody has named need not be there.
pub(super) fn present(at: &Path, path: &Path, wanted: &Wanted) -> Result<Option<String>, Failure> {
    place::stays(path, at, wanted.what)?;
    let optional = path.as_os_str() == CONFIG || wanted.what == DIRECTORY.what;
    if optional && files::is_absent(path) { Ok(None) } else { files::read(path, wanted).map(Some) }
}
