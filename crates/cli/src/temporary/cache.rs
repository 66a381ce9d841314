//! Credentials that are kept: a file each, that its owner alone may read, in a folder that its owner alone may look into.
//!
//! `$XDG_CACHE_HOME/crossrole/sessions`, else `~/.cache/crossrole/sessions` (XDG Base Directory Specification). The name of a file is a
//! digest of everything that makes the session, so that nobody is handed somebody else's. Where the system has no modes (Windows), nothing
//! is kept.

use std::path::PathBuf;

use crossrole_cloud::Keys;
use serde::{Deserialize, Serialize};

use super::Given;
use crate::failure::Failure;

/// Most bytes of an entry: a session token has a few thousand at most.
#[cfg(unix)]
const ENTRY_MOST: u64 = 64 << 10;

/// Most files of the folder that are looked at to tidy up.
#[cfg(unix)]
const TIDIED_MOST: usize = 10_000;

/// No session lasts longer (AWS STS API Reference, GetSessionToken).
#[cfg(unix)]
const LONGEST: std::time::Duration = std::time::Duration::from_hours(36);

#[derive(Serialize, Deserialize)]
struct Entry {
    arn: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expires: Option<i64>,
    issued: i64,
    by_long_term: bool,
}

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// That of whoever runs this; `None`: there is none, since there is no home, or files have no modes.
    pub(crate) fn of_this_place() -> Option<Self> {
        if !cfg!(unix) {
            return None;
        }
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
        Some(Self { folder: home.join("crossrole/sessions") })
    }

    /// What is kept under a name.
    ///
    /// # Errors
    /// Others can read it, or could have written it.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Given>, Failure> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        // What can't be read is asked for anew.
        let Ok(entry) = serde_json::from_str::<Entry>(&text) else { return Ok(None) };
        let Entry { arn, access_key_id, secret_access_key, session_token, expires, issued, by_long_term } = entry;
        let given = Given { keys: Keys { access_key_id, secret_access_key, session_token, expires }, arn, issued, by_long_term };
        Ok(given.lasts(super::now()).then_some(given))
    }

    /// Keeps a session.
    ///
    /// # Errors
    /// The folder can't be made or written, or others may look into it.
    pub(crate) fn keep(&self, name: &str, given: &Given) -> Result<(), Failure> {
        let Given { keys, arn, issued, by_long_term } = given.clone();
        let Keys { access_key_id, secret_access_key, session_token, expires } = keys;
        let entry = Entry { arn, access_key_id, secret_access_key, session_token, expires, issued, by_long_term };
        let text = serde_json::to_string(&entry).unwrap_or_default();
        self.write(name, &text)
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        let error = format!("credentials can't be kept in `{}`: {error}", self.folder.display());
        Failure::new(error, "make room there, correct the folder's permissions, or give `--no-cache`")
    }
}

#[cfg(unix)]
impl Cache {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        use std::io::Read as _;
        use std::os::unix::fs::OpenOptionsExt as _;

        let path = self.path(name);
        let opened = std::fs::OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        private(&self.folder, &std::fs::metadata(&self.folder).map_err(|error| self.failed(&error))?)?;
        // Of what was opened, not of what bears its name by now.
        private(&path, &file.metadata().map_err(|error| self.failed(&error))?)?;
        let mut text = String::new();
        file.take(ENTRY_MOST).read_to_string(&mut text).map_err(|error| self.failed(&error))?;
        Ok(Some(text))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        use std::io::Write as _;
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(|error| self.failed(&error))?;
        private(&self.folder, &std::fs::symlink_metadata(&self.folder).map_err(|error| self.failed(&error))?)?;
        self.tidy();
        let part = self.folder.join(format!("{name}.{}.part", std::process::id()));
        let written = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            std::fs::rename(&part, self.path(name))
        });
        written.map_err(|error| {
            let _ = std::fs::remove_file(&part);
            self.failed(&error)
        })
    }

    /// Deletes what has ended.
    fn tidy(&self) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().take(TIDIED_MOST).flatten() {
            let old = entry.metadata().and_then(|known| known.modified()).ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age > LONGEST);
            if old {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Deletes everything that is kept, and returns how much that was.
    ///
    /// # Errors
    /// Something is still there.
    pub(crate) fn forget(&self) -> Result<usize, Failure> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(self.failed(&error)),
        };
        let mut deleted = 0;
        for entry in entries {
            let path = entry.map_err(|error| self.failed(&error))?.path();
            let failed =
                |error: std::io::Error| Failure::new(format!("`{}` can't be deleted: {error}", path.display()), "delete it by hand: it may hold credentials");
            std::fs::remove_file(&path).map_err(failed)?;
            deleted += usize::from(path.extension().is_some_and(|end| end == "json"));
        }
        Ok(deleted)
    }
}

#[cfg(not(unix))]
impl Cache {
    fn text(&self, _name: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn write(&self, _name: &str, _text: &str) -> Result<(), Failure> {
        Ok(())
    }

    pub(crate) fn forget(&self) -> Result<usize, Failure> {
        Ok(0)
    }
}

/// Refuses what is another's, or open to others.
#[cfg(unix)]
fn private(path: &std::path::Path, known: &std::fs::Metadata) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;

    let named = crossrole_report::safe(&path.display().to_string());
    let why = if known.uid() != rustix::process::geteuid().as_raw() {
        "belongs to somebody else".to_owned()
    } else if !known.is_dir() && !known.is_file() {
        "is no regular file".to_owned()
    } else if known.mode() & 0o077 != 0 {
        format!("is open to others (mode {:03o})", known.mode() & 0o777)
    } else {
        return Ok(());
    };
    let hint = "what was kept there may be known to others: delete it with `crossrole assume --forget`, find out who changed its mode, or give `--no-cache`";
    Err(Failure::new(format!("kept credentials are not read: `{named}` {why}"), hint))
}
