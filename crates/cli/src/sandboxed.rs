//! The embedded AWS behind the SDK's own HTTP connector, and the file that keeps it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use crossrole_cloud::{Aws, Settings, Transport, TransportFuture};
use crossrole_model::Partition;
use crossrole_sandbox::{Options, Sandbox};

use crate::failure::Failure;
use crate::io::Io;

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
    path: Option<PathBuf>,
}

impl Opened {
    /// Reads the state file; a missing one is an empty AWS.
    pub(crate) fn of(path: &Path, partition: Partition, io: &Io) -> Result<Self, Failure> {
        let (sandbox, path) = match &io.sandbox {
            Some(given) => (Arc::clone(given), None),
            None => (Arc::new(load(path, Options::default())?), Some(path.to_owned())),
        };
        let transport: Arc<dyn Transport> = Arc::new(InProcess(Arc::clone(&sandbox)));
        let aws = Aws::new(Settings { partition, concurrency: 1, transport: Some(transport), ..Settings::default() });
        Ok(Self { sandbox, aws, path })
    }

    /// Keeps it.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.path.as_ref().map_or(Ok(()), |path| save(&self.sandbox, path))
    }
}

/// Reads a state file.
pub(crate) fn load(path: &Path, options: Options) -> Result<Sandbox, Failure> {
    Sandbox::load(path, options)
        .map_err(|e| Failure::new(format!("sandbox state `{}` can't be used: {e}", path.display()), "`crossrole sandbox reset` begins with an empty AWS"))
}

/// Writes a state file.
pub(crate) fn save(sandbox: &Sandbox, path: &Path) -> Result<(), Failure> {
    sandbox.save(path).map_err(|e| {
        Failure::new(
            format!("sandbox state `{}` can't be written: {e}", path.display()),
            "check the folder's permissions, or name another file with `--sandbox-state`",
        )
    })
}
