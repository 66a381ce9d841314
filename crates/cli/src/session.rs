//! One command on accounts: its manifests, the settings of this place, and the cloud, each opened once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossrole_cloud::Aws;
use crossrole_model::{Desired, Source};
use crossrole_sandbox::{Options, Sandbox};

use crate::args::CloudArgs;
use crate::failure::Failure;
use crate::io::Io;
use crate::sandboxed::{self, InProcess};
use crate::settings::Settings;
use crate::told::Told;

/// What a command works with.
pub(crate) struct Session {
    pub(crate) desired: Desired,
    pub(crate) sources: Vec<Source>,
    pub(crate) settings: Settings,
    pub(crate) aws: Aws,
    /// Most calls in flight in one account.
    pub(crate) concurrency: usize,
    /// Most calls in flight in all accounts.
    pub(crate) total: usize,
    /// The longest that one call is tried.
    pub(crate) timeout: Duration,
    /// Says what is waited for.
    pub(crate) told: Arc<Told>,
    /// The embedded AWS, where it is that, and the file that keeps it. One that was given lives on by itself.
    kept: Option<(Arc<Sandbox>, PathBuf)>,
}

impl Session {
    /// Reads the settings and prepares the cloud; nothing is called yet.
    pub(crate) fn open((desired, sources): (Desired, Vec<Source>), args: &CloudArgs, io: &Io) -> Result<Self, Failure> {
        let settings = Settings::read(&args.config)?;
        let mut cloud = settings.cloud(args, &desired)?;
        let told = Arc::new(Told::new(io.stderr.clone(), io.interactive));
        cloud.console = Some(Arc::clone(&told) as Arc<dyn crossrole_cloud::Console>);
        let (concurrency, total, timeout) = (cloud.concurrency, cloud.total, cloud.timeout);
        let mut kept = None;
        if args.sandbox {
            let sandbox = match &io.sandbox {
                Some(given) => Arc::clone(given),
                None => {
                    let options = Options { latency: Duration::from_millis(args.sandbox_latency), ..Options::default() };
                    let loaded = Arc::new(sandboxed::load(&args.sandbox_state, options)?);
                    kept = Some((Arc::clone(&loaded), args.sandbox_state.clone()));
                    loaded
                }
            };
            cloud.transport = Some(Arc::new(InProcess(sandbox)));
        }
        Ok(Self { desired, sources, settings, aws: Aws::new(cloud), concurrency, total, timeout, told, kept })
    }

    /// Keeps the embedded AWS for the next command, however this one ended.
    pub(crate) fn ended<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        let kept = self.kept.as_ref().map_or(Ok(()), |(sandbox, path)| sandboxed::save(sandbox, path));
        let value = result?;
        kept.map(|()| value)
    }
}
