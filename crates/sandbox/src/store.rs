//! The state between commands: one file, readable by its owner alone, since it holds secrets.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{Options, Sandbox, locked};

/// Largest state file, in bytes: all objects that the sandbox keeps (`s3::body::ALL_MOST`) in base64, and as much as is left
/// for everything else.
pub const STATE_MOST: u64 = 4 << 30;

/// Why a state file can't be used.
#[derive(Debug)]
pub enum StoreError {
    /// It can't be read or written.
    Io(std::io::Error),
    /// It is not a state file of this version.
    Format(String),
    /// Another process uses it.
    Busy,
    /// A pipe, device or folder.
    NoFile,
    /// It has over [`STATE_MOST`] bytes.
    TooLarge,
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Format(error) => write!(f, "it is not a sandbox state of this version: {error}"),
            Self::Busy => write!(f, "another process uses it"),
            Self::NoFile => write!(f, "it is no regular file, and may never end"),
            Self::TooLarge => write!(f, "it has over {STATE_MOST} bytes"),
        }
    }
}

impl std::error::Error for StoreError {}

/// A state file that no other process uses while this value lives: two that each write all of it would lose what the other did.
/// The lock is on a file beside it (`NAME.lock`), since the state itself is replaced by each save; it ends with its process.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    _lock: File,
}

impl StateFile {
    /// Takes the file for this process; another one is waited for so long.
    ///
    /// # Errors
    /// Another process keeps it, or the folder can't be written.
    pub fn open(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        const PAUSE: Duration = Duration::from_millis(20);
        let lock = owned(&beside(path, ".lock"), false).map_err(StoreError::Io)?;
        let end = Instant::now() + wait;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path: path.to_owned(), _lock: lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(StoreError::Busy),
                Err(TryLockError::Error(error)) => return Err(StoreError::Io(error)),
            }
        }
    }

    /// Tells whether a file holds the state of a sandbox, of whichever version, or nothing yet.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn is_one(path: &Path) -> Result<bool, StoreError> {
        let Some(bytes) = read(path)? else { return Ok(false) };
        Ok(bytes.is_empty() || serde_json::from_slice::<serde_json::Value>(&bytes).is_ok_and(|v| v.get("accounts").is_some()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the state; a missing file is an empty AWS.
    ///
    /// # Errors
    /// The file can't be read, or is not a state file.
    pub fn load(&self, options: Options) -> Result<Sandbox, StoreError> {
        Sandbox::load(&self.path, options)
    }

    /// Writes the state, whole or not at all.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save(&self, sandbox: &Sandbox) -> Result<(), StoreError> {
        sandbox.save(&self.path)
    }
}

/// Reads a file of at most [`STATE_MOST`] bytes; `None`: there is none. What may never end is not opened.
fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let known = match std::fs::metadata(path) {
        Ok(known) => known,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::Io(error)),
    };
    if !known.is_file() {
        return Err(StoreError::NoFile);
    }
    if known.len() > STATE_MOST {
        return Err(StoreError::TooLarge);
    }
    let mut text = Vec::new();
    // It may grow while it is read.
    File::open(path).and_then(|file| file.take(STATE_MOST + 1).read_to_end(&mut text)).map_err(StoreError::Io)?;
    if text.len() as u64 > STATE_MOST { Err(StoreError::TooLarge) } else { Ok(Some(text)) }
}

/// The name of a file beside another.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A file that its owner alone may read.
fn owned(path: &Path, empty: bool) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(empty);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Sandbox {
    /// Reads a state file; a missing one is an empty AWS.
    ///
    /// # Errors
    /// The file can't be read, or is not a state file.
    pub fn load(path: &Path, options: Options) -> Result<Self, StoreError> {
        match read(path)? {
            Some(text) => Self::restore(&text, options),
            None => Ok(Self::new(options)),
        }
    }

    /// Returns the state as [`restore`](Self::restore) takes it.
    ///
    /// # Errors
    /// The state can't be written as JSON: a bug of ours.
    pub fn snapshot(&self) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(&*locked(&self.world)).map_err(|e| StoreError::Format(e.to_string()))
    }

    /// Begins from a snapshot; everything in it can be seen at once.
    ///
    /// # Errors
    /// It is not a snapshot of this version.
    pub fn restore(snapshot: &[u8], options: Options) -> Result<Self, StoreError> {
        let world = serde_json::from_slice(snapshot).map_err(|e| StoreError::Format(e.to_string()))?;
        Ok(Self::with_world(world, options))
    }

    /// Writes the state, whole or not at all.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        let text = self.snapshot()?;
        let fresh = beside(path, ".new");
        let mut file = owned(&fresh, true).map_err(StoreError::Io)?;
        file.write_all(&text).map_err(StoreError::Io)?;
        std::fs::rename(&fresh, path).map_err(StoreError::Io)
    }
}

/// Object bodies as base64.
pub(crate) mod bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map(Bytes::from).map_err(D::Error::custom)
    }
}
