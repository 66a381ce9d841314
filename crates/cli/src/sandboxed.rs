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
struct InProcess(Arc<Sandbox>);

impl Transport for InProcess {
    fn call(&self, mut request: http::Request<Bytes>) -> TransportFuture {
        let sandbox = Arc::clone(&self.0);
        // Signed, and put in by whoever opens a connection (RFC 9112, section 3.2).
        let host = request.uri().authority().and_then(|host| http::HeaderValue::from_str(host.as_str()).ok());
        if let Some(host) = host.filter(|_| !request.headers().contains_key(http::header::HOST)) {
            request.headers_mut().insert(http::header::HOST, host);
        }
        Box::pin(async move { sandbox.handle(request).await })
    }
}

/// The embedded AWS of one command.
pub(crate) struct Embedded {
    pub(crate) sandbox: Arc<Sandbox>,
    /// Where it is kept; one that was given lives on by itself.
    file: Option<StateFile>,
}

impl Embedded {
    /// Reads the state file, unless one was given; a missing file is an empty AWS.
    pub(crate) fn open(path: &Path, options: Options, io: &Io) -> Result<Self, Failure> {
        if let Some(given) = &io.sandbox {
            return Ok(Self { sandbox: Arc::clone(given), file: None });
        }
        let (sandbox, file) = load(path, OTHER_COMMAND, options)?;
        Ok(Self { sandbox: Arc::new(sandbox), file: Some(file) })
    }

    /// The way to it.
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(InProcess(Arc::clone(&self.sandbox)))
    }

    /// The same as a cloud, where a command is about nothing else.
    pub(crate) fn aws(&self, partition: Partition) -> Aws {
        Aws::new(Settings { partition, concurrency: 1, transport: Some(self.transport()), ..Settings::default() })
    }

    /// Keeps it for the next command, however this one ended.
    pub(crate) fn kept<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        let kept = self.file.as_ref().map_or(Ok(()), |file| save(&self.sandbox, file));
        let value = result?;
        kept.map(|()| value)
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
