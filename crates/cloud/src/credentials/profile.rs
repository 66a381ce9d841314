//! Profiles of the shared files: which of them need us.

use std::sync::Arc;
use std::time::Duration;

use aws_config::profile::{Profile, ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};

use crate::console::Console;

use super::process::{ALONE, Process, Secret};
use super::role::Assumed;
use super::{Never, Trouble};

/// Longest chain of `source_profile`.
const CHAIN_MOST: usize = 10;

/// The profiles of this place, and how their sources are reached.
#[derive(Debug)]
pub(crate) struct Profiles {
    set: ProfileSet,
    http: SharedHttpClient,
    console: Option<Arc<dyn Console>>,
    /// Longest wait for a process.
    wait: Duration,
}

impl Profiles {
    /// Reads the shared files; `None` where they can't be read, which the SDK then says.
    pub(crate) async fn read(http: &SharedHttpClient, console: Option<&Arc<dyn Console>>, timeout: Duration) -> Option<Self> {
        let set = aws_config::profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None).await.ok()?;
        Some(Self { set, http: http.clone(), console: console.cloned(), wait: ALONE.min(timeout) })
    }

    /// The credentials of a profile that was named, or of the one that the environment means; `None` where those are the SDK's
    /// own affair. `config` has the region that STS is asked in.
    pub(crate) fn provider(&self, named: Option<&str>, config: &SdkConfig) -> Option<SharedCredentialsProvider> {
        // Keys in the environment come before the profile that the environment means, not before one that was named.
        let keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
        if named.is_none() && keys {
            return None;
        }
        let name = named.unwrap_or(self.set.selected_profile());
        if named.is_none() && !self.needs_us(name) {
            let trouble = if self.set.get_profile(name).is_some_and(gives) { None } else { token_file() };
            return trouble.map(|trouble| SharedCredentialsProvider::new(Never(trouble)));
        }
        Some(self.of(name, config, 0).unwrap_or_else(|trouble| SharedCredentialsProvider::new(Never(trouble))))
    }

    /// Tells whether a process or a code is somewhere in the chain.
    fn needs_us(&self, name: &str) -> bool {
        let mut next = Some(name);
        for _ in 0..CHAIN_MOST {
            let Some(profile) = next.and_then(|name| self.set.get_profile(name)) else { return false };
            if has(profile, "credential_process") || has(profile, "mfa_serial") {
                return true;
            }
            next = profile.get("source_profile").filter(|source| *source != profile.name());
        }
        false
    }

    fn of(&self, name: &str, config: &SdkConfig, depth: usize) -> Result<SharedCredentialsProvider, Trouble> {
        let wrong = |why: String| Trouble::Profile { profile: name.to_owned(), why };
        let profile = self.set.get_profile(name).ok_or_else(|| wrong("it is not in the shared files of AWS (`~/.aws/config`)".to_owned()))?;
        if depth >= CHAIN_MOST {
            return Err(wrong("the chain of `source_profile` does not end".to_owned()));
        }
        if !self.needs_us(name) {
            return Ok(self.sdk(name, config.region().cloned()));
        }
        match (profile.get("role_arn"), profile.get("source_profile")) {
            (Some(role), Some(source)) => {
                let from = if source == name { self.keys(profile, config) } else { self.of(source, config, depth + 1)? };
                let text = |key: &str| profile.get(key).map(str::to_owned);
                Ok(SharedCredentialsProvider::new(Assumed {
                    profile: name.to_owned(),
                    role: role.to_owned(),
                    session: text("role_session_name"),
                    external_id: text("external_id"),
                    seconds: text("duration_seconds").and_then(|s| s.parse().ok()),
                    serial: text("mfa_serial"),
                    process: text("mfa_process").map(Secret),
                    wait: self.wait,
                    console: self.console.clone(),
                    config: config.clone().into_builder().credentials_provider(from).build(),
                }))
            }
            _ => Ok(self.keys(profile, config)),
        }
    }

    /// What a profile gives without a role.
    fn keys(&self, profile: &Profile, config: &SdkConfig) -> SharedCredentialsProvider {
        let get = |key: &str| profile.get(key).map(str::to_owned);
        match (get("aws_access_key_id"), get("aws_secret_access_key"), get("credential_process")) {
            (Some(id), Some(secret), _) => {
                let keys = aws_credential_types::Credentials::new(id, secret, get("aws_session_token"), None, "profile");
                SharedCredentialsProvider::new(keys)
            }
            (_, _, Some(command)) => SharedCredentialsProvider::new(Process { profile: profile.name().to_owned(), command: Secret(command), wait: self.wait }),
            _ => self.sdk(profile.name(), config.region().cloned()),
        }
    }

    /// The SDK's own reading of a profile.
    fn sdk(&self, name: &str, region: Option<Region>) -> SharedCredentialsProvider {
        let config = ProviderConfig::without_region().with_http_client(self.http.clone()).with_region(region);
        SharedCredentialsProvider::new(ProfileFileCredentialsProvider::builder().profile_name(name).configure(&config).build())
    }
}

fn has(profile: &Profile, key: &str) -> bool {
    profile.get(key).is_some_and(|value| !value.is_empty())
}

/// Tells whether a profile says where its credentials come from.
fn gives(profile: &Profile) -> bool {
    ["aws_access_key_id", "role_arn", "sso_session", "sso_start_url", "login_session", "web_identity_token_file"].iter().any(|key| has(profile, key))
}

/// A pipeline's token that is announced and can't be read: what comes after it in the SDK's chain only hides that.
fn token_file() -> Option<Trouble> {
    let path = std::env::var("AWS_WEB_IDENTITY_TOKEN_FILE").ok().filter(|path| !path.is_empty())?;
    let why = std::fs::read(&path).err()?.to_string();
    Some(Trouble::TokenFile { path, why })
}
