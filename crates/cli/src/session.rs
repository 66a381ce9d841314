//! One command on accounts: its manifests, the settings of this place, and the cloud, each opened once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossrole_cloud::Aws;
use crossrole_model::observed::Scope;
use crossrole_model::{Cloud as _, Desired, Observed, Source};
use crossrole_sandbox::{Options, Sandbox};

use crate::args::{CloudArgs, SANDBOX_STATE};
use crate::events::Events;
use crate::failure::Failure;
use crate::io::Io;
use crate::load::Loaded;
use crate::sandboxed::Embedded;
use crate::settings::Settings;
use crate::stop::{Stops, reading};
use crate::told::Told;

/// What a command works with.
pub(crate) struct Session {
    /// Shared with whatever computes beside this.
    pub(crate) desired: Arc<Desired>,
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
    /// Hears of whatever ends the command.
    pub(crate) stops: Stops,
    /// Keeps what happens, where that is wanted.
    pub(crate) events: Arc<Events>,
    /// What the comment of this run is found by.
    pub(crate) key: String,
    /// Where it is the embedded AWS: the file of its state, and that AWS.
    embedded: Option<(PathBuf, Embedded)>,
}

impl Session {
    /// Reads settings and manifests and prepares the cloud; nothing is called yet.
    pub(crate) fn open(paths: &[PathBuf], args: &CloudArgs, io: &mut Io) -> Result<Self, Failure> {
        Self::of(Loaded::read(paths, &args.config, io)?, args, io)
    }

    /// The same of what was read.
    pub(crate) fn of(loaded: Loaded, args: &CloudArgs, io: &mut Io) -> Result<Self, Failure> {
        let Loaded { settings, desired, sources } = loaded;
        let mut cloud = settings.cloud(args, &desired)?;
        let told = Arc::new(Told::new(io.err_sink(), io.interactive));
        cloud.console = Some(Arc::clone(&told) as Arc<dyn crossrole_cloud::Console>);
        let (concurrency, total, timeout) = (cloud.concurrency, cloud.total, cloud.timeout);
        let mut embedded = None;
        if args.sandbox {
            let options = Options { latency: Duration::from_millis(args.sandbox_latency), ..Options::default() };
            let opened = Embedded::open(&args.sandbox_state, options, io)?;
            cloud.transport = Some(opened.transport());
            embedded = Some((args.sandbox_state.clone(), opened));
        }
        let stops = Stops::new(settings.timeout_total(args));
        Ok(Self {
            desired: Arc::new(desired),
            sources,
            settings,
            aws: Aws::new(cloud),
            concurrency,
            total,
            timeout,
            told,
            stops,
            events: Arc::default(),
            key: String::new(),
            embedded,
        })
    }

    /// Reads what is live, unless that is to end first: then nothing is left under way.
    pub(crate) async fn observe(&self, scope: &Scope) -> Result<Observed, Failure> {
        self.told.keeps(Some(&self.events));
        let mut work = std::pin::pin!(self.aws.observe(scope));
        // What was under way is known as long as the work is there.
        let observed = self.stops.or(&mut work).await.map_err(|stop| stop.while_(&reading(&self.aws.under_way())));
        self.told.keeps(None);
        observed
    }

    /// The value of what takes long to compute: beside this, so that somebody who wants to end is heard.
    pub(crate) async fn computed<T: Send + 'static>(&self, doing: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        match self.stops.or(tokio::task::spawn_blocking(work)).await.map_err(|stop| stop.while_(doing))? {
            Ok(value) => Ok(value),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Tells whether it is the embedded AWS.
    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// In the embedded AWS: credentials of a user or role, whoever it lets in.
    pub(crate) fn sign_in(&self, arn: &str, mfa: bool) -> Option<crossrole_cloud::Keys> {
        let given = self.sandbox()?.sign_in(arn, mfa)?;
        Some(crossrole_cloud::Keys {
            access_key_id: given.access_key_id,
            secret_access_key: given.secret_access_key,
            session_token: Some(given.session_token),
            expires: Some(given.expires),
        })
    }

    /// The embedded AWS, where it is that.
    pub(crate) fn sandbox(&self) -> Option<&Arc<Sandbox>> {
        self.embedded.as_ref().map(|(_, embedded)| &embedded.sandbox)
    }

    /// In the embedded AWS: the command that makes what the manifests rely on.
    pub(crate) fn prepares(&self) -> Option<String> {
        let (path, _) = self.embedded.as_ref()?;
        let files: Vec<String> = self.desired.manifests.iter().map(|m| crossrole_report::safe(&m.file)).collect();
        let files = if files.len() > 3 { "MANIFEST…".to_owned() } else { files.join(" ") };
        let state =
            if path.as_os_str() == SANDBOX_STATE { String::new() } else { format!("--sandbox-state {} ", crossrole_report::safe(&path.display().to_string())) };
        Some(format!("crossrole sandbox prepare {state}{files}"))
    }

    /// Keeps the embedded AWS for the next command, however this one ended.
    pub(crate) fn ended<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        match &self.embedded {
            Some((_, embedded)) => embedded.kept(result),
            None => result,
        }
    }
}
