//! A role that leads into an account, with the code of a device where a profile wants one.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::error::ProvideErrorMetadata as _;

use crate::console::Console;

use super::process::{Secret, run};
use super::{Trouble, letters};

/// `role_arn` of `crossrole.toml` or of a profile, with all that goes with it.
#[derive(Debug)]
pub(crate) struct Assumed {
    /// Whose it is, if a profile's.
    pub(super) profile: Option<String>,
    pub(super) role: String,
    pub(super) session: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) seconds: Option<i32>,
    /// Device whose code STS wants.
    pub(super) serial: Option<String>,
    /// What prints that code.
    pub(super) process: Option<Secret>,
    /// Longest wait for that, off a terminal.
    pub(super) wait: Duration,
    pub(super) console: Option<Arc<dyn Console>>,
    /// Longest wait for STS.
    pub(super) silence: Duration,
    /// Who assumes it.
    pub(super) config: SdkConfig,
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(Box::pin(self.assume()))
    }
}

impl Assumed {
    /// A role that `crossrole.toml` names, assumed by `config`.
    pub(crate) fn of(role: &str, external_id: Option<&str>, silence: Duration, config: SdkConfig) -> Self {
        let external_id = external_id.map(str::to_owned);
        let role = role.to_owned();
        Self {
            profile: None,
            role,
            session: None,
            external_id,
            seconds: None,
            serial: None,
            process: None,
            wait: Duration::ZERO,
            console: None,
            silence,
            config,
        }
    }

    async fn assume(&self) -> Result<Credentials, CredentialsError> {
        // First, and by itself: it may be a person who is asked, and STS alone is to be quick.
        let source = self.config.credentials_provider().ok_or_else(|| CredentialsError::not_loaded("nobody assumes it"))?;
        let source = source.provide_credentials().await?;
        if let Some(trouble) = letters(&source) {
            return Err(trouble.into());
        }
        let config = aws_sdk_sts::config::Builder::from(&self.config).credentials_provider(source).build();
        let code = match &self.serial {
            Some(serial) => Some(self.code(serial).await?),
            None => None,
        };
        let request = aws_sdk_sts::Client::from_conf(config)
            .assume_role()
            .role_arn(&self.role)
            .role_session_name(self.session.as_deref().unwrap_or(crate::session::SESSION_NAME))
            .set_external_id(self.external_id.clone())
            .set_duration_seconds(self.seconds)
            .set_serial_number(self.serial.clone())
            .set_token_code(code);
        let Ok(answer) = tokio::time::timeout(self.silence, request.send()).await else {
            return Err(Trouble::Silent { what: format!("AssumeRole of {}", self.role), seconds: self.silence.as_secs() }.into());
        };
        let answer = answer.map_err(|error| match error.code() {
            Some(code) => {
                let (role, message) = (self.role.clone(), error.message().unwrap_or_default().to_owned());
                Trouble::Refused { operation: "AssumeRole", profile: self.profile.clone(), role, code: code.to_owned(), message }.into()
            }
            None => CredentialsError::provider_error(error),
        })?;
        let keys = answer.credentials().ok_or_else(|| CredentialsError::unhandled("AssumeRole was answered without credentials"))?;
        let expires = std::time::SystemTime::try_from(*keys.expiration()).ok();
        Ok(Credentials::new(keys.access_key_id(), keys.secret_access_key(), Some(keys.session_token().to_owned()), expires, "AssumeRole"))
    }

    /// The code of the moment.
    async fn code(&self, serial: &str) -> Result<String, Trouble> {
        let profile = self.profile.as_deref().unwrap_or_default();
        if let Some(Secret(line)) = &self.process {
            return Ok(run("mfa_process", profile, line, self.wait).await?.trim().to_owned());
        }
        let nobody = || Trouble::NobodyToAsk { profile: profile.to_owned(), serial: serial.to_owned() };
        let console = self.console.clone().ok_or_else(nobody)?;
        let (profile, device) = (profile.to_owned(), serial.to_owned());
        // Reading a terminal blocks.
        let typed = tokio::task::spawn_blocking(move || console.code(&profile, &device)).await;
        typed.ok().flatten().ok_or_else(nobody)
    }
}
