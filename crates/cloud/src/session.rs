//! One session per account, checked against the account id before anything else is asked of it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use crossrole_model::{AccountId, CloudError, ErrorClass, Partition};
use tokio::sync::OnceCell;

use crate::acting;
use crate::call::{self, Kind, Line, Run};
use crate::console::Console;
use crate::credentials::{Assumed, Kept, Never, Profiles, Trouble};
use crate::error;
use crate::https::{self, Authorities};
use crate::transport::{Transport, client, naming, watched};
use crate::versions::Versions;

/// Attempts of one call for credentials, the first included.
const ATTEMPTS: u32 = 6;

/// Longest wait for whoever gives credentials, where that is no person: three attempts, as any call has that is not answered.
const SILENCE: Duration = Duration::from_mins(1);

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest that one call is tried, unless told: an account may throttle for minutes.
pub const TIMEOUT: Duration = Duration::from_mins(10);

/// Most calls in flight to all accounts, unless told: as many connections as any system lets a process have.
pub const TOTAL: usize = 200;

/// Calls in flight to S3, for one to another service, where all buckets of an account are read. S3 counts requests for each bucket and
/// prefix (S3 User Guide, "Best practices design patterns: optimizing Amazon S3 performance"), IAM for the account: five calls each for
/// hundreds of buckets take seconds by tens, and half of all places ([`TOTAL`]) are left for other accounts. What refuses is slowed down
/// for, apart from IAM's rate.
const MANY: usize = 10;

/// Name of the sessions that we open in accounts, as CloudTrail shows them.
pub(crate) const SESSION_NAME: &str = "crossrole";

/// How one account is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Profile of the shared configuration files.
    pub profile: Option<String>,
    /// Role to assume, from the profile or from the default credentials.
    pub role_arn: Option<String>,
    /// External id for that role.
    pub external_id: Option<String>,
}

/// How AWS is reached.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The partition of all accounts.
    pub partition: Partition,
    /// Accounts that are not reached with the default credentials.
    pub accounts: BTreeMap<AccountId, Access>,
    /// Most calls in flight per account.
    pub concurrency: usize,
    /// Most calls in flight to all accounts; 0 is [`TOTAL`].
    pub total: usize,
    /// The longest that one call is tried; zero is [`TIMEOUT`].
    pub timeout: Duration,
    /// Who is told what is waited for.
    pub console: Option<Arc<dyn Console>>,
    /// The embedded sandbox in place of AWS: each account's administrator is its own id.
    pub transport: Option<Arc<dyn Transport>>,
    /// Who vouches for hosts, in place of the system's authorities.
    pub authorities: Option<Authorities>,
    /// Where people sign in to the console, in place of the partition's own address.
    pub sign_in_endpoint: Option<String>,
    /// Emulators whose accounts are told apart by the access key id: use the account's id as such (tests).
    pub account_as_key: bool,
}

/// Clients of one account.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) account: AccountId,
    pub(crate) iam: aws_sdk_iam::Client,
    config: SdkConfig,
    path_style: bool,
    s3: Mutex<BTreeMap<String, aws_sdk_s3::Client>>,
    kms: Mutex<BTreeMap<String, aws_sdk_kms::Client>>,
    line: Arc<Line>,
    /// For reads of many buckets: see [`MANY`].
    many: Arc<Line>,
    run: Arc<Run>,
    pub(crate) versions: Versions,
    /// ARN behind the credentials.
    pub(crate) runner: std::sync::OnceLock<String>,
}

impl Session {
    /// Returns the client for a region.
    pub(crate) fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        let make = || {
            let config = aws_sdk_s3::config::Builder::from(&self.config).region(Region::new(region.to_owned())).force_path_style(self.path_style).build();
            aws_sdk_s3::Client::from_conf(config)
        };
        match self.s3.lock() {
            Ok(mut clients) => clients.entry(region.to_owned()).or_insert_with(make).clone(),
            Err(_) => make(),
        }
    }

    /// Returns the client for a region.
    pub(crate) fn kms(&self, region: &str) -> aws_sdk_kms::Client {
        let make = || aws_sdk_kms::Client::from_conf(aws_sdk_kms::config::Builder::from(&self.config).region(Region::new(region.to_owned())).build());
        match self.kms.lock() {
            Ok(mut clients) => clients.entry(region.to_owned()).or_insert_with(make).clone(),
            Err(_) => make(),
        }
    }

    /// Returns the client for a region.
    pub(crate) fn cloudtrail(&self, region: &str) -> aws_sdk_cloudtrail::Client {
        aws_sdk_cloudtrail::Client::from_conf(aws_sdk_cloudtrail::config::Builder::from(&self.config).region(Region::new(region.to_owned())).build())
    }

    /// Returns the client of STS, in the region that is usual.
    pub(crate) fn sts(&self) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(&self.config)
    }

    /// Returns the client of the organization, which has one region a partition.
    pub(crate) fn organizations(&self) -> aws_sdk_organizations::Client {
        aws_sdk_organizations::Client::new(&self.config)
    }

    /// Returns the client of IAM Identity Center in its home region.
    pub(crate) fn ssoadmin(&self, region: &str) -> aws_sdk_ssoadmin::Client {
        aws_sdk_ssoadmin::Client::from_conf(aws_sdk_ssoadmin::config::Builder::from(&self.config).region(Region::new(region.to_owned())).build())
    }

    /// Makes a call that reads.
    pub(crate) async fn read<T, E, F, A>(&self, operation: &str, send: F) -> Result<T, CloudError>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.line.call(&self.run, operation, Kind::Read, send).await
    }

    /// Makes a call that reads, of many to S3 about one bucket each.
    pub(crate) async fn read_many<T, E, F, A>(&self, operation: &str, send: F) -> Result<T, CloudError>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.many.call(&self.run, operation, Kind::Read, send).await
    }

    /// Waits, but not on when the run is interrupted.
    pub(crate) async fn wait(&self, operation: &str, time: Duration) -> Result<(), CloudError> {
        let interrupted = || call::plain(ErrorClass::Interrupted, &self.account, operation, "the run was interrupted");
        self.run.halt.or(tokio::time::sleep(time)).await.ok_or_else(interrupted)
    }

    /// Makes a call that writes.
    pub(crate) async fn write<T, E, F, A>(&self, operation: &str, kind: Kind, send: F) -> Result<(), CloudError>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.answered(operation, kind, send).await.map(|_| ())
    }

    /// The same, with what was answered.
    pub(crate) async fn answered<T, E, F, A>(&self, operation: &str, kind: Kind, send: F) -> Result<T, CloudError>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.line.call(&self.run, operation, kind, send).await
    }

    /// The same for a call that does not stop with the run.
    pub(crate) async fn apart<T, E, F, A>(&self, run: &Run, operation: &str, kind: Kind, send: F) -> Result<T, CloudError>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.line.call(run, operation, kind, send).await
    }
}

/// What accounts are reached from: a profile, or the environment.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) config: SdkConfig,
    /// The way to AWS, without a look at answers.
    pub(crate) http: SharedHttpClient,
}

type Slot = Arc<OnceCell<Result<Arc<Session>, CloudError>>>;

/// Sessions by account, opened when first asked for.
#[derive(Debug)]
pub(crate) struct Sessions {
    settings: Settings,
    http: SharedHttpClient,
    run: Arc<Run>,
    open: Mutex<BTreeMap<AccountId, Slot>>,
    /// Each account's, that for many buckets last.
    lines: Mutex<BTreeMap<AccountId, [Arc<Line>; 2]>>,
    /// The profiles of this place, read when first needed.
    profiles: OnceCell<Result<Profiles, Trouble>>,
    /// What accounts are reached from, by profile: a person or a process is asked once for all accounts of a profile.
    bases: Mutex<BTreeMap<Option<String>, Arc<OnceCell<Base>>>>,
}

impl Sessions {
    pub(crate) fn new(settings: Settings) -> Self {
        let http = match &settings.transport {
            Some(transport) => client(Arc::clone(transport)),
            None => https::client(settings.authorities.as_ref()),
        };
        let total = if settings.total == 0 { TOTAL } else { settings.total };
        let timeout = if settings.timeout.is_zero() { TIMEOUT } else { settings.timeout };
        let run = Arc::new(Run::new(timeout, total, settings.console.clone()));
        let (open, lines, bases) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { settings, http, run, open, lines, profiles: OnceCell::new(), bases }
    }

    pub(crate) fn run(&self) -> &Run {
        &self.run
    }

    pub(crate) fn calls(&self) -> BTreeMap<AccountId, u64> {
        let all = |lines: &[Arc<Line>; 2]| lines.iter().map(|line| line.calls()).sum();
        self.lines.lock().map(|lines| lines.iter().map(|(id, both)| (id.clone(), all(both))).collect()).unwrap_or_default()
    }

    pub(crate) fn under_way(&self) -> BTreeMap<AccountId, BTreeSet<String>> {
        let of = |both: &[Arc<Line>; 2]| both.iter().flat_map(|line| line.under_way()).collect();
        let all = |lines: &BTreeMap<AccountId, [Arc<Line>; 2]>| lines.iter().map(|(id, both)| (id.clone(), of(both))).collect();
        let mut found: BTreeMap<AccountId, BTreeSet<String>> = self.lines.lock().map(|lines| all(&lines)).unwrap_or_default();
        found.retain(|_, operations| !operations.is_empty());
        found
    }

    pub(crate) fn partition(&self) -> Partition {
        self.settings.partition
    }

    /// Returns the session of an account, opening it and checking whose it is the first time.
    pub(crate) async fn get(&self, account: &AccountId) -> Result<Arc<Session>, CloudError> {
        let slot = match self.open.lock() {
            Ok(mut open) => Arc::clone(open.entry(account.clone()).or_default()),
            Err(_) => Slot::default(),
        };
        let opened = self.run.halt.or(slot.get_or_init(|| Box::pin(self.open(account)))).await;
        let interrupted = || Err(call::plain(ErrorClass::Interrupted, account, "GetCallerIdentity", "the run was interrupted"));
        // A session that was open before the run was told to stop still says what it knows.
        opened.or_else(|| slot.get()).cloned().unwrap_or_else(interrupted)
    }

    async fn open(&self, account: &AccountId) -> Result<Arc<Session>, CloudError> {
        let access = self.settings.accounts.get(account).cloned().unwrap_or_default();
        let line = Arc::new(Line::new(account, self.settings.concurrency));
        let many = Arc::new(Line::new(account, self.settings.concurrency.max(1) * MANY));
        if let Ok(mut all) = self.lines.lock() {
            all.insert(account.clone(), [Arc::clone(&line), Arc::clone(&many)]);
        }
        let Base { config, http } = self.config(account, &access).await;
        if let Some(provider) = config.credentials_provider() {
            // Before any call: whoever gives them may be slow, or a person.
            let given = call::awaited(&line, &self.run, "credentials", provider.provide_credentials()).await;
            given.map_err(|error| error::credentials(&error, account))?;
        }
        let path_style = self.is_path_style(&config);
        let config = config.into_builder().http_client(watched(http)).retry_config(RetryConfig::disabled()).timeout_config(timeouts()).build();
        let session = Session {
            account: account.clone(),
            iam: aws_sdk_iam::Client::new(&config),
            path_style,
            s3: Mutex::default(),
            kms: Mutex::default(),
            line,
            many,
            run: Arc::clone(&self.run),
            versions: Versions::default(),
            config,
            runner: std::sync::OnceLock::new(),
        };
        self.check(&session).await?;
        Ok(Arc::new(session))
    }

    /// The account behind the credentials must be the one the manifest names.
    async fn check(&self, session: &Session) -> Result<(), CloudError> {
        let sts = aws_sdk_sts::Client::new(&session.config);
        let answer = session.read("GetCallerIdentity", || sts.get_caller_identity().send()).await?;
        let found = answer.account().unwrap_or_default();
        if found == session.account.as_str() {
            // Set once: a session is checked when it is opened.
            let _ = session.runner.set(answer.arn().unwrap_or_default().to_owned());
            return Ok(());
        }
        let message = format!("the credentials belong to account {found} ({}), not to {}", answer.arn().unwrap_or("unknown"), session.account);
        Err(CloudError {
            class: ErrorClass::Credentials,
            operation: "GetCallerIdentity".to_owned(),
            account: Some(session.account.clone()),
            code: "wrong account".to_owned(),
            message,
            request_id: None,
        })
    }

    fn loader(&self, http: &SharedHttpClient) -> ConfigLoader {
        aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(naming(http.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(call::ATTEMPT.min(self.silence())).build())
    }

    /// How long whoever gives credentials is waited for.
    fn silence(&self) -> Duration {
        SILENCE.min(self.run.timeout)
    }

    async fn config(&self, account: &AccountId, access: &Access) -> Base {
        let home = Region::new(self.settings.partition.home_region());
        let own = Credentials::new(account.as_str(), "sandbox", None, None, "sandbox");
        let http = self.http.clone();
        if self.settings.transport.is_some() {
            // Nothing of this place's AWS configuration may reach the embedded one.
            return Base { config: acting::bare(home, Some(own)), http };
        }
        if self.settings.account_as_key {
            return Base { config: self.loader(&http).region(home).credentials_provider(own).load().await, http };
        }
        let base = self.base(access.profile.as_deref()).await;
        let Some(role) = &access.role_arn else { return base };
        let provider = Kept::new(SharedCredentialsProvider::new(Assumed::of(role, access.external_id.as_deref(), self.silence(), base.config.clone())));
        Base { config: base.config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build(), http: base.http }
    }

    /// What leads into an account, as the settings have it.
    pub(crate) async fn base_of(&self, account: &AccountId) -> Base {
        let access = self.settings.accounts.get(account).cloned().unwrap_or_default();
        self.config(account, &access).await
    }

    /// The way to AWS with these credentials, or with none.
    pub(crate) async fn base_with(&self, keys: Option<Credentials>) -> Base {
        let home = Region::new(self.settings.partition.home_region());
        if self.is_embedded() {
            return Base { config: acting::bare(home, keys), http: self.http.clone() };
        }
        let loader = self.loader(&self.http).region(home);
        let loader = match keys {
            Some(keys) => loader.credentials_provider(keys),
            None => loader.no_credentials(),
        };
        Base { config: loader.load().await, http: self.http.clone() }
    }

    pub(crate) fn transport(&self) -> Option<&Arc<dyn Transport>> {
        self.settings.transport.as_ref()
    }

    pub(crate) fn authorities(&self) -> Option<&Authorities> {
        self.settings.authorities.as_ref()
    }

    /// Where people sign in, where it is not the partition's own address.
    pub(crate) fn sign_in_endpoint(&self) -> Option<&str> {
        self.settings.sign_in_endpoint.as_deref()
    }

    /// Tells whether this is the embedded AWS.
    pub(crate) fn is_embedded(&self) -> bool {
        self.settings.transport.is_some()
    }

    /// Against an emulator at one address, bucket names can't be host names.
    pub(crate) fn is_path_style(&self, config: &SdkConfig) -> bool {
        !self.is_embedded() && (config.endpoint_url().is_some() || endpoint_in_environment())
    }

    pub(crate) fn concurrency(&self) -> usize {
        self.settings.concurrency
    }

    pub(crate) fn shared_run(&self) -> Arc<Run> {
        Arc::clone(&self.run)
    }

    pub(crate) async fn base(&self, profile: Option<&str>) -> Base {
        let cell = match self.bases.lock() {
            Ok(mut bases) => Arc::clone(bases.entry(profile.map(str::to_owned)).or_default()),
            Err(_) => Arc::default(),
        };
        cell.get_or_init(|| Box::pin(self.load(profile))).await.clone()
    }

    async fn load(&self, profile: Option<&str>) -> Base {
        let profiles = self.profiles.get_or_init(|| Profiles::read(self.settings.console.as_ref(), self.run.timeout, self.silence())).await;
        // What the environment says of authorities comes first.
        let asked = profiles.as_ref().ok().filter(|_| self.settings.authorities.is_none());
        let own = asked.map_or(Ok(None), |profiles| profiles.authorities(profile));
        let http = own.as_ref().ok().and_then(Option::as_ref).map_or_else(|| self.http.clone(), |own| https::client(Some(own)));
        let loader = || match profile {
            Some(profile) => self.loader(&http).profile_name(profile),
            None => self.loader(&http),
        };
        let mut config = loader().load().await;
        if config.region().is_none_or(|region| region.as_ref().is_empty()) {
            // IAM has one region a partition and buckets are asked in their own, so any will do.
            config = loader().region(Region::new(self.settings.partition.home_region())).load().await;
        }
        let Some(chain) = config.credentials_provider() else { return Base { config, http } };
        let region = config.region().map(ToString::to_string).filter(|region| !is_label(region));
        let keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some() && profile.is_none();
        let provider = match (region, own, profiles) {
            (Some(region), ..) => SharedCredentialsProvider::new(Never(Trouble::Region { region })),
            (_, Err(trouble), _) => SharedCredentialsProvider::new(Never(trouble)),
            (_, _, Err(trouble)) if !keys => SharedCredentialsProvider::new(Never(trouble.clone())),
            (_, _, Err(_)) => chain,
            (_, _, Ok(profiles)) => profiles.provider(profile, &config, chain),
        };
        let kept = SharedCredentialsProvider::new(Kept::new(provider));
        Base { config: config.into_builder().credentials_provider(kept).identity_cache(IdentityCache::no_cache()).build(), http }
    }
}

/// How long a call takes, and how often it is tried, is decided in `call`.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).build()
}

/// Tells whether it can be a part of a host's name (RFC 1123).
fn is_label(text: &str) -> bool {
    text.len() <= 63 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !text.starts_with('-') && !text.ends_with('-')
}

fn endpoint_in_environment() -> bool {
    std::env::var_os("AWS_ENDPOINT_URL").is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some()
}
