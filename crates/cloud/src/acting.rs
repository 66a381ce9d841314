//! Somebody's own calls: with credentials that are not those by which an account is read and written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use aws_smithy_types::retry::RetryConfig;
use crossrole_model::{AccountId, CloudError, ErrorClass};

use crate::Aws;
use crate::call::{self, Kind, Line, Run, plain};
use crate::credentials::{Kept, Process};
use crate::error;
use crate::session::{Base, timeouts};
use crate::transport::watched;

/// Credentials. What is printed of them for a person names nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// `AKIA…` or `ASIA…`.
    pub access_key_id: String,
    /// What requests are signed with.
    pub secret_access_key: String,
    /// Of temporary ones.
    pub session_token: Option<String>,
    /// When they end, in seconds since 1970, where that is known.
    pub expires: Option<i64>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Whose credentials calls are made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Whoever the environment, or the profile that it names, says.
    Default,
    /// A profile of the shared files.
    Profile(String),
    /// The way that leads into an account, as the settings have it.
    Account(AccountId),
    /// These.
    Keys(Keys),
    /// What a command prints, as a `credential_process` does.
    Command {
        /// Whose they are, for errors.
        name: String,
        /// The command line.
        line: String,
    },
    /// Nobody: requests are not signed.
    Nobody,
}

/// A code of a device.
#[derive(Clone, PartialEq, Eq)]
pub struct Mfa {
    /// Serial number or ARN of the device.
    pub serial: String,
    /// What it shows now.
    pub code: String,
}

impl fmt::Debug for Mfa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mfa").field("serial", &self.serial).finish_non_exhaustive()
    }
}

/// One `AssumeRole` (AWS STS API Reference, AssumeRole).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssumeRole {
    /// ARN of the role.
    pub role: String,
    /// Name of the session.
    pub session_name: String,
    /// What a third party was told to send.
    pub external_id: Option<String>,
    /// Seconds; AWS's default is an hour.
    pub seconds: Option<i32>,
    /// The second factor.
    pub mfa: Option<Mfa>,
    /// Who is behind it; stays through chains.
    pub source_identity: Option<String>,
    /// Tags of the session.
    pub tags: BTreeMap<String, String>,
    /// Keys of those tags that stay through chains.
    pub transitive: BTreeSet<String>,
    /// A session policy, as JSON.
    pub policy: Option<String>,
    /// Managed policies as session policies, by ARN.
    pub policy_arns: Vec<String>,
}

/// Who it is that has certain credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// `arn:aws:iam::…:user/…`, `arn:aws:sts::…:assumed-role/…`.
    pub arn: String,
    /// `AIDA…`, `AROA…:session`.
    pub user_id: String,
}

/// A session of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// What it is used with.
    pub keys: Keys,
    /// ARN of the session.
    pub arn: String,
    /// `AROA…:session`.
    pub id: String,
    /// The request, as CloudTrail has it.
    pub request_id: Option<String>,
}

/// Somebody who makes calls of their own.
#[derive(Debug)]
pub struct Acting {
    pub(crate) config: SdkConfig,
    pub(crate) line: Line,
    pub(crate) run: Arc<Run>,
    /// Against an emulator at one address, bucket names can't be host names.
    pub(crate) path_style: bool,
}

impl Aws {
    /// Prepares calls with somebody's credentials. `to` is the account that they go to, for what is said of them.
    ///
    /// # Errors
    /// There are no such credentials.
    pub async fn acting(&self, by: &By, to: &AccountId) -> Result<Acting, CloudError> {
        self.sessions.acting(by, to).await
    }
}

impl Acting {
    /// Returns the credentials themselves, asking for them where that is needed.
    ///
    /// # Errors
    /// There are none.
    pub async fn keys(&self) -> Result<Keys, CloudError> {
        let account = &self.line.account;
        let none = || plain(ErrorClass::Credentials, account, "credentials", "there are none");
        let provider = self.config.credentials_provider().ok_or_else(none)?;
        let given = call::awaited(&self.line, &self.run, "credentials", provider.provide_credentials()).await;
        let given = given.map_err(|error| error::credentials(&error, account))?;
        let expires = given.expiry().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        Ok(Keys {
            access_key_id: given.access_key_id().to_owned(),
            secret_access_key: given.secret_access_key().to_owned(),
            session_token: given.session_token().map(str::to_owned),
            expires: expires.and_then(|at| i64::try_from(at.as_secs()).ok()),
        })
    }

    /// Asks who it is.
    ///
    /// # Errors
    /// That of the call, or its answer names no account.
    pub async fn identity(&self) -> Result<Identity, CloudError> {
        let sts = aws_sdk_sts::Client::new(&self.config);
        let answer = self.line.call(&self.run, "GetCallerIdentity", Kind::Read, || sts.get_caller_identity().send()).await?;
        let account = AccountId::parse(answer.account().unwrap_or_default());
        let account = account.ok_or_else(|| plain(ErrorClass::NotAws, &self.line.account, "GetCallerIdentity", "the answer names no account"))?;
        Ok(Identity { account, arn: answer.arn().unwrap_or_default().to_owned(), user_id: answer.user_id().unwrap_or_default().to_owned() })
    }

    /// Assumes a role. A code of a device is good for one call, so that a call with one is not made again.
    ///
    /// # Errors
    /// That of the call; a session policy or tags that AWS's client can't send.
    pub async fn assume(&self, asked: &AssumeRole) -> Result<AssumedRole, CloudError> {
        let account = &self.line.account;
        let invalid = |why: &str| plain(ErrorClass::Invalid, account, "AssumeRole", why);
        let tags: Result<Vec<Tag>, _> = asked.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let tags = tags.map_err(|error| invalid(&error.to_string()))?;
        let arns = asked.policy_arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build()).collect::<Vec<_>>();
        let kind = if asked.mfa.is_some() { Kind::Anew } else { Kind::Read };
        let sts = aws_sdk_sts::Client::new(&self.config);
        let send = || {
            sts.assume_role()
                .role_arn(&asked.role)
                .role_session_name(&asked.session_name)
                .set_external_id(asked.external_id.clone())
                .set_duration_seconds(asked.seconds)
                .set_serial_number(asked.mfa.as_ref().map(|mfa| mfa.serial.clone()))
                .set_token_code(asked.mfa.as_ref().map(|mfa| mfa.code.clone()))
                .set_source_identity(asked.source_identity.clone())
                .set_tags((!tags.is_empty()).then(|| tags.clone()))
                .set_transitive_tag_keys((!asked.transitive.is_empty()).then(|| asked.transitive.iter().cloned().collect()))
                .set_policy(asked.policy.clone())
                .set_policy_arns((!arns.is_empty()).then(|| arns.clone()))
                .send()
        };
        let answer = self.line.call(&self.run, "AssumeRole", kind, send).await?;
        let request_id = aws_sdk_sts::operation::RequestId::request_id(&answer).map(str::to_owned);
        let nothing = || plain(ErrorClass::NotAws, account, "AssumeRole", "it was answered without credentials");
        let given = answer.credentials().ok_or_else(nothing)?;
        let user = answer.assumed_role_user();
        Ok(AssumedRole {
            keys: Keys {
                access_key_id: given.access_key_id().to_owned(),
                secret_access_key: given.secret_access_key().to_owned(),
                session_token: Some(given.session_token().to_owned()),
                expires: Some(given.expiration().secs()),
            },
            arn: user.map_or_else(String::new, |user| user.arn().to_owned()),
            id: user.map_or_else(String::new, |user| user.assumed_role_id().to_owned()),
            request_id,
        })
    }
}

impl crate::session::Sessions {
    async fn acting(&self, by: &By, to: &AccountId) -> Result<Acting, CloudError> {
        let base = match by {
            By::Account(account) => self.base_of(account).await,
            By::Default | By::Profile(_) if self.is_embedded() => {
                return Err(plain(ErrorClass::Credentials, to, "credentials", "in the embedded AWS nobody is signed in: say who asks"));
            }
            By::Default => self.base(None).await,
            By::Profile(profile) => self.base(Some(profile)).await,
            By::Keys(keys) => self.base_with(Some(keys_of(keys))).await,
            By::Command { name, line } => {
                let process = SharedCredentialsProvider::new(Kept::new(SharedCredentialsProvider::new(Process::named(name, line))));
                let base = self.base_with(None).await;
                Base { config: base.config.into_builder().credentials_provider(process).build(), http: base.http }
            }
            By::Nobody => self.base_with(None).await,
        };
        let config = base.config.into_builder().http_client(watched(base.http)).retry_config(RetryConfig::disabled()).timeout_config(timeouts()).build();
        let path_style = self.is_path_style(&config);
        Ok(Acting { config, line: Line::new(to, self.concurrency()), run: self.shared_run(), path_style })
    }
}

fn keys_of(keys: &Keys) -> Credentials {
    Credentials::new(&keys.access_key_id, &keys.secret_access_key, keys.session_token.clone(), None, "given")
}

/// A configuration that knows credentials and nothing else of this place.
pub(crate) fn bare(home: Region, keys: Option<Credentials>) -> SdkConfig {
    let config = SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12()).region(home);
    match keys {
        Some(keys) => config.credentials_provider(SharedCredentialsProvider::new(keys)).build(),
        None => config.build(),
    }
}
