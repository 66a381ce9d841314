//! One session per account, checked against the account id before anything else is asked of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use crossrole_model::{AccountId, CloudError, ErrorClass, Partition};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::error::convert;
use crate::transport::{Transport, client};

/// Attempts of one call, the first included: throttled bulk reads of large accounts need more than the SDK's three.
const ATTEMPTS: u32 = 6;

/// Longest wait for one attempt. A page of 1,000 roles takes seconds to make.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for a call with all its attempts.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);

/// Name of the sessions that we open in accounts, as CloudTrail shows them.
const SESSION_NAME: &str = "crossrole";

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
    /// The embedded sandbox in place of AWS: each account's administrator is its own id.
    pub transport: Option<Arc<dyn Transport>>,
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
    in_flight: Arc<Semaphore>,
    calls: Arc<AtomicU64>,
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

    /// Waits for a place among the calls in flight, and counts the call.
    pub(crate) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.in_flight).acquire_owned().await.ok()
    }
}

type Slot = Arc<OnceCell<Result<Arc<Session>, CloudError>>>;

/// Sessions by account, opened when first asked for.
#[derive(Debug)]
pub(crate) struct Sessions {
    settings: Settings,
    http: SharedHttpClient,
    open: Mutex<BTreeMap<AccountId, Slot>>,
    calls: Mutex<BTreeMap<AccountId, Arc<AtomicU64>>>,
}

impl Sessions {
    pub(crate) fn new(settings: Settings) -> Self {
        let http = match &settings.transport {
            Some(transport) => client(Arc::clone(transport)),
            None => https(),
        };
        Self { settings, http, open: Mutex::default(), calls: Mutex::default() }
    }

    pub(crate) fn calls(&self) -> BTreeMap<AccountId, u64> {
        self.calls.lock().map(|calls| calls.iter().map(|(id, n)| (id.clone(), n.load(Ordering::Relaxed))).collect()).unwrap_or_default()
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
        slot.get_or_init(|| self.open(account)).await.clone()
    }

    async fn open(&self, account: &AccountId) -> Result<Arc<Session>, CloudError> {
        let access = self.settings.accounts.get(account).cloned().unwrap_or_default();
        let config = self.config(account, &access).await;
        let calls = Arc::new(AtomicU64::new(0));
        if let Ok(mut all) = self.calls.lock() {
            all.insert(account.clone(), Arc::clone(&calls));
        }
        // Against an emulator at one address, bucket names can't be host names.
        let path_style = self.settings.transport.is_none() && (config.endpoint_url().is_some() || endpoint_in_environment());
        let session = Session {
            account: account.clone(),
            iam: aws_sdk_iam::Client::new(&config),
            path_style,
            s3: Mutex::default(),
            in_flight: Arc::new(Semaphore::new(self.settings.concurrency.max(1))),
            calls,
            config,
            runner: std::sync::OnceLock::new(),
        };
        self.check(&session).await?;
        Ok(Arc::new(session))
    }

    /// The account behind the credentials must be the one the manifest names.
    async fn check(&self, session: &Session) -> Result<(), CloudError> {
        let sts = aws_sdk_sts::Client::new(&session.config);
        let _slot = session.slot().await;
        let answer = sts.get_caller_identity().send().await.map_err(|e| convert(e, "GetCallerIdentity", &session.account))?;
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

    fn loader(&self) -> ConfigLoader {
        aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(self.http.clone()).retry_config(retries()).timeout_config(timeouts())
    }

    async fn config(&self, account: &AccountId, access: &Access) -> SdkConfig {
        let home = Region::new(self.settings.partition.home_region());
        let own = Credentials::new(account.as_str(), "sandbox", None, None, "sandbox");
        if self.settings.transport.is_some() {
            // Nothing of this place's AWS configuration may reach the embedded one.
            return SdkConfig::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(home)
                .credentials_provider(SharedCredentialsProvider::new(own))
                .http_client(self.http.clone())
                // The adaptive mode measures real time, which the embedded AWS need not run on.
                .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
                .timeout_config(timeouts())
                .build();
        }
        if self.settings.account_as_key {
            return self.loader().region(home).credentials_provider(own).load().await;
        }
        let loader = || match &access.profile {
            Some(profile) => self.loader().profile_name(profile),
            None => self.loader(),
        };
        let mut base = loader().load().await;
        if base.region().is_none() {
            // IAM has one region a partition and buckets are asked in their own, so any will do.
            base = loader().region(home).load().await;
        }
        let Some(role) = &access.role_arn else { return base };
        let mut provider = AssumeRoleProvider::builder(role).session_name(SESSION_NAME).configure(&base);
        if let Some(id) = &access.external_id {
            provider = provider.external_id(id);
        }
        let provider = provider.build().await;
        base.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
    }
}

fn retries() -> RetryConfig {
    RetryConfig::adaptive().with_max_attempts(ATTEMPTS)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).operation_timeout(CALL_TIMEOUT).build()
}

fn endpoint_in_environment() -> bool {
    std::env::var_os("AWS_ENDPOINT_URL").is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some()
}

fn https() -> SharedHttpClient {
    use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
    use aws_smithy_http_client::tls::{Provider, TlsContext};
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(TlsContext::default()).build_https()
}
