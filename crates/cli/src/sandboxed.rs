//! The embedded AWS behind the SDK's own HTTP connector, and the file that keeps it.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use crossrole_cloud::{Transport, TransportFuture};
use crossrole_sandbox::{Options, Sandbox};

use crate::failure::Failure;

/// Hands requests to the sandbox.
#[derive(Debug)]
pub(crate) struct InProcess(pub(crate) Arc<Sandbox>);

impl Transport for InProcess {
    fn call(&self, request: http::Request<Bytes>) -> TransportFuture {
        let sandbox = Arc::clone(&self.0);
        Box::pin(async move { sandbox.handle(request).await })
    }
}

/// Reads a state file.
pub(crate) fn load(path: &Path, options: Options) -> Result<Sandbox, Failure> {
    Sandbox::load(path, options)
        .map_err(|e| Failure::new(format!("sandbox state `{}` can't be used: {e}", path.display()), "delete the file to begin with an empty AWS"))
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
