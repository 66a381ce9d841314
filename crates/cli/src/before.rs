//! A file as it was before a change: as one commit has it, and not as a change has moved, linked or added it.

use std::path::Path;

use crate::failure::Failure;
use crate::git::Commit;

/// What a file was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Was {
    /// This text.
    Text(String),
    /// Not there: the change brings it.
    Absent,
    /// Kept outside of git: as it is now.
    AsNow,
}

/// The commit that a change is compared with, and the one that is checked out.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    commit: Commit,
    head: Commit,
}

impl Before {
    pub(crate) fn find(reference: &str, at: &Path) -> Result<Self, Failure> {
        Ok(Self { commit: Commit::find(reference, at)?, head: Commit::find("HEAD", at)? })
    }

    /// The file under its name, whatever that leads to now; where neither commit has that, what it leads to.
    pub(crate) fn text(&self, path: &Path, most: usize) -> Result<Was, Failure> {
        let of = |read: &dyn Fn(&Commit) -> Result<Option<String>, Failure>| match read(&self.commit)? {
            Some(text) => Ok(Was::Text(text)),
            None if read(&self.head).is_ok_and(|text| text.is_none()) => Ok(Was::AsNow),
            None => Ok(Was::Absent),
        };
        match of(&|commit| commit.named(path, most))? {
            Was::AsNow => of(&|commit| commit.file(path, most)),
            known => Ok(known),
        }
    }

    /// Tells whether a file is not as it was. What can't be read on one of the sides is not known to be the same.
    pub(crate) fn differs(&self, path: &Path, most: usize) -> bool {
        match self.text(path, most) {
            Ok(Was::Text(then)) => std::fs::read_to_string(path).ok().as_deref() != Some(then.as_str()),
            Ok(Was::AsNow) => false,
            Ok(Was::Absent) | Err(_) => true,
        }
    }
}
