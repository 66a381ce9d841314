//! The embedded AWS behind the SDK's own HTTP connector.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crossrole_cloud::{Aws, Settings, Transport, TransportFuture};
use crossrole_model::Desired;
use crossrole_sandbox::{Options, Sandbox};

use crate::args::CloudArgs;
use crate::failure::Failure;
use crate::io::Io;
use crate::settings;

/// Hands requests to the sandbox.
#[derive(Debug)]
pub(crate) struct InProcess(pub(crate) Arc<Sandbox>);

impl Transport for InProcess {
    fn call(&self, request: http::Request<Bytes>) -> TransportFuture {
        let sandbox = Arc::clone(&self.0);
        Box::pin(async move { sandbox.handle(request).await })
    }
}

/// The cloud of one command, and the embedded AWS behind it, if it is that.
pub(crate) struct Reached {
    pub(crate) aws: Aws,
    /// Most calls in flight.
    pub(crate) concurrency: usize,
    sandbox: Option<Arc<Sandbox>>,
}

/// Opens AWS, or the embedded one.
pub(crate) fn reach(args: &CloudArgs, desired: &Desired, io: &Io) -> Result<Reached, Failure> {
    let mut settings: Settings = settings::settings(args, desired)?;
    let concurrency = settings.concurrency;
    if !args.sandbox {
        return Ok(Reached { aws: Aws::new(settings), concurrency, sandbox: None });
    }
    let sandbox = match &io.sandbox {
        Some(given) => Arc::clone(given),
        None => Arc::new(load(&args.sandbox_state, Options { latency: Duration::from_millis(args.sandbox_latency), ..Options::default() })?),
    };
    settings.transport = Some(Arc::new(InProcess(Arc::clone(&sandbox))));
    Ok(Reached { aws: Aws::new(settings), concurrency, sandbox: Some(sandbox) })
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

impl Reached {
    /// Keeps the embedded AWS for the next command. One that was given lives on by itself.
    pub(crate) fn keep(&self, args: &CloudArgs, io: &Io) -> Result<(), Failure> {
        match &self.sandbox {
            Some(sandbox) if io.sandbox.is_none() => save(sandbox, &args.sandbox_state),
            _ => Ok(()),
        }
    }
}
