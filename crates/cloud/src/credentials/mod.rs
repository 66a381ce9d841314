//! Whose credentials: what the AWS SDK finds, and the sources of a profile that are ours.
//!
//! A `credential_process` gets a time-out, and what it has started ends with it. Roles are assumed here, so that a refusal names
//! the role; one with `mfa_serial` asks for a code: its `mfa_process`, or whoever sits at the terminal. Everything else is the
//! SDK's (`aws-config`), and its errors are told by what the profile says (`found`).

mod found;
mod process;
mod profile;
mod role;

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

pub(crate) use process::Process;
pub(crate) use profile::Profiles;
pub(crate) use role::Assumed;

/// Credentials that end sooner than this are asked for anew.
const MARGIN: Duration = Duration::from_mins(1);

/// Why there are no credentials, where it is ours to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A `credential_process` or `mfa_process` does not end.
    Hangs { what: &'static str, profile: String, seconds: u64 },
    /// It ended badly.
    Failed { what: &'static str, profile: String, status: String, stderr: String },
    /// What it printed is not what it should.
    Printed { what: &'static str, profile: String, why: String },
    /// Nobody is there to type the code of a device.
    NobodyToAsk { profile: String, serial: String },
    /// A profile is not as it should be.
    Profile { profile: String, why: String },
    /// Nobody has signed in, or long ago.
    SignIn { profile: String, how: &'static str, why: String },
    /// The file with a token can't be read: who names it, its path.
    TokenFile { named: String, path: String, why: String },
    /// There is nothing that gives any: the profile that the environment names and that is not there, and what the last one said.
    Nowhere { missing: Option<String>, why: Option<String> },
    /// They hold a letter that no key has.
    Letters { what: &'static str },
    /// The shared files can't be read.
    Files { why: String },
    /// It names no region.
    Region { region: String },
    /// STS refuses the role.
    Refused { operation: &'static str, profile: Option<String>, role: String, code: String, message: String },
    /// It gives no answer.
    Silent { what: String, seconds: u64 },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hangs { what, profile, seconds } => write!(f, "the `{what}` of profile `{profile}` gave nothing in {seconds} s, and was ended"),
            Self::Failed { what, profile, status, stderr } if stderr.is_empty() => write!(f, "the `{what}` of profile `{profile}` failed ({status})"),
            Self::Failed { what, profile, status, stderr } => write!(f, "the `{what}` of profile `{profile}` failed ({status}): {stderr}"),
            Self::Printed { what, profile, why } => write!(f, "the `{what}` of profile `{profile}` printed something else than it should: {why}"),
            Self::NobodyToAsk { profile, serial } => {
                write!(
                    f,
                    "profile `{profile}` wants the code of `{serial}`, and nobody is there to type it: run it on a terminal, or give the profile an `mfa_process`"
                )
            }
            Self::Profile { profile, why } => write!(f, "profile `{profile}`: {why}"),
            Self::SignIn { profile, how, why } => write!(f, "profile `{profile}` has nobody signed in ({why}): run `{how} --profile {profile}`"),
            Self::TokenFile { named, path, why } => write!(f, "{named} is `{path}`, which can't be read: {why}"),
            Self::Nowhere { missing, why } => {
                let profile = missing.as_ref().map_or_else(|| "not in a profile".to_owned(), |name| format!("profile `{name}` is not in the shared files"));
                write!(f, "none were found: not in the environment, {profile}, not from a web identity, a container or an instance")?;
                why.as_ref().map_or(Ok(()), |why| write!(f, " ({why})"))
            }
            Self::Letters { what } => write!(f, "the {what} has a blank, a line break or another letter that none has: it is more than was given, or not that"),
            Self::Files { why } => write!(f, "the shared files of AWS can't be read: {why}"),
            Self::Region { region } => write!(f, "`{region}` is no region: correct `AWS_REGION`, or the profile's `region`"),
            Self::Refused { operation, profile: _, role, code, message } => write!(f, "{operation} of {role}: {code}: {message}"),
            Self::Silent { what, seconds } => write!(f, "{what} gave no answer in {seconds} seconds"),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<Trouble> for CredentialsError {
    fn from(trouble: Trouble) -> Self {
        Self::provider_error(trouble)
    }
}

/// Keeps what another provider gave, for all who ask: neither people nor processes are asked twice.
#[derive(Debug)]
pub(crate) struct Kept {
    from: SharedCredentialsProvider,
    last: tokio::sync::Mutex<Option<Credentials>>,
}

impl Kept {
    pub(crate) fn new(from: SharedCredentialsProvider) -> Self {
        Self { from, last: tokio::sync::Mutex::default() }
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let mut last = self.last.lock().await;
            let soon = SystemTime::now() + MARGIN;
            if let Some(known) = last.as_ref().filter(|c| c.expiry().is_none_or(|at| at > soon)) {
                return Ok(known.clone());
            }
            let fresh = self.from.provide_credentials().await?;
            if let Some(trouble) = letters(&fresh) {
                return Err(trouble.into());
            }
            *last = Some(fresh.clone());
            Ok(fresh)
        })
    }
}

/// What can't be signed with: the signer panics over it, and a blank too many is no signature of anybody's.
fn letters(keys: &Credentials) -> Option<Trouble> {
    let parts = [("access key id", Some(keys.access_key_id())), ("secret access key", Some(keys.secret_access_key())), ("session token", keys.session_token())];
    let odd = |text: &str| text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic());
    parts.into_iter().find(|(_, text)| text.is_some_and(odd)).map(|(what, _)| Trouble::Letters { what })
}

/// There are none, for a reason that is known already.
#[derive(Debug)]
pub(crate) struct Never(pub(crate) Trouble);

impl ProvideCredentials for Never {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(self.0.clone().into()))
    }
}
