//! The state between commands: one file, readable by its owner alone, since it holds secrets.

use std::io::Write as _;
use std::path::Path;

use crate::{Options, Sandbox, locked};

/// Why a state file can't be used.
#[derive(Debug)]
pub enum StoreError {
    /// It can't be read or written.
    Io(std::io::Error),
    /// It is not a state file of this version.
    Format(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Format(error) => write!(f, "it is not a sandbox state of this version: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl Sandbox {
    /// Reads a state file; a missing one is an empty AWS.
    ///
    /// # Errors
    /// The file can't be read, or is not a state file.
    pub fn load(path: &Path, options: Options) -> Result<Self, StoreError> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::new(options)),
            Err(error) => return Err(StoreError::Io(error)),
        };
        Self::restore(&text, options)
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
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let fresh = std::path::PathBuf::from(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh).map_err(StoreError::Io)?;
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
