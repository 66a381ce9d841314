//! Profiles of the shared files: which of them need us.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::profile::{Profile, ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

use crate::causes::innermost;
use crate::console::Console;
use crate::https::Authorities;

use super::found::{Found, Says};
use super::process::{ALONE, Process, Secret};
use super::role::Assumed;
use super::{Never, Trouble};

/// Longest chain of `source_profile`.
const CHAIN_MOST: usize = 10;

/// The profiles of this place, and how long their sources are waited for.
#[derive(Debug)]
pub(crate) struct Profiles {
    set: ProfileSet,
    console: Option<Arc<dyn Console>>,
    /// Longest wait for a process.
    wait: Duration,
    /// Longest wait for a source of the SDK's.
    silence: Duration,
}

impl Profiles {
    /// Reads the shared files.
    pub(crate) async fn read(console: Option<&Arc<dyn Console>>, timeout: Duration, silence: Duration) -> Result<Self, Trouble> {
        let set = aws_config::profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None).await;
        // What is around the cause says nothing of the file, and it is two lines.
        let set = set.map_err(|error| Trouble::Files { why: innermost(&error).split_whitespace().collect::<Vec<_>>().join(" ") })?;
        Ok(Self { set, console: console.cloned(), wait: ALONE.min(timeout), silence })
    }

    /// Who vouches for hosts, where the profile says so (`ca_bundle`).
    pub(crate) fn authorities(&self, named: Option<&str>) -> Result<Option<Authorities>, Trouble> {
        let name = named.unwrap_or(self.set.selected_profile());
        let Some(path) = self.set.get_profile(name).and_then(|profile| profile.get("ca_bundle")).filter(|path| !path.is_empty()) else { return Ok(None) };
        let wrong = |why: String| Trouble::Profile { profile: name.to_owned(), why: format!("`ca_bundle` is `{path}`, which {why}") };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("can't be read: {error}")))?;
        Authorities::parse(&text).map(Some).ok_or_else(|| wrong("holds no certificate that can be read".to_owned()))
    }

    /// The credentials of a profile that was named, or of the one that the environment means; else what the SDK finds, which
    /// is `chain`. `config` has the region that STS is asked in, and the way there.
    pub(crate) fn provider(&self, named: Option<&str>, config: &SdkConfig, chain: SharedCredentialsProvider) -> SharedCredentialsProvider {
        let never = |trouble| SharedCredentialsProvider::new(Never(trouble));
        // Keys in the environment come before the profile that the environment means, not before one that was named.
        let keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
        let name = named.unwrap_or(self.set.selected_profile());
        if named.is_some() || !keys && self.set.get_profile(name).is_some_and(gives) {
            return self.of(name, config, 0).unwrap_or_else(never);
        }
        let missing = (name != "default" && self.set.get_profile(name).is_none()).then(|| name.to_owned());
        let says = Says { missing, ..Says::default() };
        match token_file().filter(|_| !keys) {
            Some(trouble) => never(trouble),
            None => SharedCredentialsProvider::new(Found { from: chain, says, wait: self.silence }),
        }
    }

    fn of(&self, name: &str, config: &SdkConfig, depth: usize) -> Result<SharedCredentialsProvider, Trouble> {
        let wrong = |why: String| Trouble::Profile { profile: name.to_owned(), why };
        let profile = self.set.get_profile(name).ok_or_else(|| wrong("it is not in the shared files of AWS (`~/.aws/config`)".to_owned()))?;
        if depth >= CHAIN_MOST {
            return Err(wrong("the chain of `source_profile` does not end".to_owned()));
        }
        match (profile.get("role_arn"), profile.get("source_profile")) {
            (Some(role), Some(source)) => {
                if source == name && !has(profile, "aws_access_key_id") && !has(profile, "credential_process") {
                    return Err(wrong("it is its own `source_profile`, and has no keys".to_owned()));
                }
                let from = if source == name { self.keys(profile, config) } else { self.of(source, config, depth + 1)? };
                let text = |key: &str| profile.get(key).map(str::to_owned);
                Ok(SharedCredentialsProvider::new(Assumed {
                    profile: Some(name.to_owned()),
                    role: role.to_owned(),
                    session: text("role_session_name"),
                    external_id: text("external_id"),
                    seconds: text("duration_seconds").and_then(|s| s.parse().ok()),
                    serial: text("mfa_serial"),
                    process: text("mfa_process").map(Secret),
                    wait: self.wait,
                    console: self.console.clone(),
                    silence: self.silence,
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
            _ => self.sdk(profile, config),
        }
    }

    /// The SDK's own reading of a profile.
    fn sdk(&self, profile: &Profile, config: &SdkConfig) -> SharedCredentialsProvider {
        let mut provider = ProviderConfig::without_region().with_region(config.region().cloned());
        if let Some(http) = config.http_client() {
            provider = provider.with_http_client(http);
        }
        let from = ProfileFileCredentialsProvider::builder().profile_name(profile.name()).configure(&provider).build();
        let sign_in = if has(profile, "login_session") {
            Some("aws login")
        } else {
            (has(profile, "sso_session") || has(profile, "sso_start_url")).then_some("aws sso login")
        };
        let text = |key: &str| profile.get(key).map(str::to_owned);
        let says =
            Says { profile: Some(profile.name().to_owned()), missing: None, role: text("role_arn"), sign_in, token_file: text("web_identity_token_file") };
        SharedCredentialsProvider::new(Found { from: SharedCredentialsProvider::new(from), says, wait: self.silence })
    }
}

fn has(profile: &Profile, key: &str) -> bool {
    profile.get(key).is_some_and(|value| !value.is_empty())
}

/// Tells whether a profile says where its credentials come from.
fn gives(profile: &Profile) -> bool {
    ["aws_access_key_id", "credential_process", "role_arn", "sso_session", "sso_start_url", "login_session", "web_identity_token_file"]
        .iter()
        .any(|key| has(profile, key))
}

/// A pipeline's token that is announced and can't be read: what comes after it in the SDK's chain only hides that.
fn token_file() -> Option<Trouble> {
    let path = std::env::var("AWS_WEB_IDENTITY_TOKEN_FILE").ok().filter(|path| !path.is_empty())?;
    let why = std::fs::read(&path).err()?.to_string();
    Some(Trouble::TokenFile { named: "`AWS_WEB_IDENTITY_TOKEN_FILE`".to_owned(), path, why })
}
