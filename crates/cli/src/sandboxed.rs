//! The embedded AWS behind the SDK's own HTTP connector, and the file that keeps it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crossrole_cloud::{Aws, Settings, Transport, TransportFuture};
use crossrole_model::Partition;
use crossrole_sandbox::{Options, Sandbox, StateFile, StoreError};

use crate::failure::Failure;
use crate::io::Io;

/// How long a command waits for another one that has the same embedded AWS: most take less, and a server never ends.
pub(crate) const OTHER_COMMAND: Duration = Duration::from_secs(10);

/// Hands requests to the sandbox.
#[derive(Debug)]
pub(crate) struct InProcess(pub(crate) Arc<Sandbox>);

impl Transport for InProcess {
    fn call(&self, request: http::Request<Bytes>) -> TransportFuture {
        let sandbox = Arc::clone(&self.0);
        Box::pin(async move { sandbox.handle(request).await })
    }
}

/// The embedded AWS alone, where a command is about it.
pub(crate) struct Opened {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) aws: Aws,
    /// Where it is kept; one that was given lives on by itself.
    file: Option<StateFile>,
}

impl Opened {
    /// Reads the state file; a missing one is an empty AWS.
    pub(crate) fn of(path: &Path, partition: Partition, io: &Io) -> Result<Self, Failure> {
        let (sandbox, file) = match &io.sandbox {
            Some(given) => (Arc::clone(given), None),
            None => load(path, OTHER_COMMAND, Options::default()).map(|(sandbox, file)| (Arc::new(sandbox), Some(file)))?,
        };
        let transport: Arc<dyn Transport> = Arc::new(InProcess(Arc::clone(&sandbox)));
        let aws = Aws::new(Settings { partition, concurrency: 1, transport: Some(transport), ..Settings::default() });
        Ok(Self { sandbox, aws, file })
    }

    /// Keeps it.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.file.as_ref().map_or(Ok(()), |file| save(&self.sandbox, file))
    }
}

/// Takes a state file for this process, waiting so long for another one, and reads it.
pub(crate) fn load(path: &Path, wait: Duration, options: Options) -> Result<(Sandbox, StateFile), Failure> {
    let file = open(path, wait)?;
    let sandbox = file.load(options).map_err(|e| unusable(path, &e))?;
    Ok((sandbox, file))
}

/// Takes a state file for this process, waiting so long for another one.
pub(crate) fn open(path: &Path, wait: Duration) -> Result<StateFile, Failure> {
    StateFile::open(path, wait).map_err(|e| unusable(path, &e))
}

/// Why a state file can't be used.
pub(crate) fn unusable(path: &Path, error: &StoreError) -> Failure {
    let advice = match error {
        StoreError::Io(_) => "check the folder and its permissions, or name another file with `--sandbox-state`",
        StoreError::Format(_) => "`crossrole sandbox reset` begins with an empty AWS",
        StoreError::Busy => "end the other command or server first, or name another file with `--sandbox-state`",
        StoreError::NoFile | StoreError::TooLarge => "name another file with `--sandbox-state`",
    };
    Failure::new(format!("sandbox state `{}` can't be used: {error}", path.display()), advice)
}

/// Writes a state file.
pub(crate) fn save(sandbox: &Sandbox, file: &StateFile) -> Result<(), Failure> {
    file.save(sandbox).map_err(|e| {
        Failure::new(
            format!("sandbox state `{}` can't be written: {e}", file.path().display()),
            "check the folder's permissions, or name another file with `--sandbox-state`",
        )
    })
}
