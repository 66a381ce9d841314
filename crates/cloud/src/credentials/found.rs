//! What the SDK finds by itself, with an end, and with errors that say what the profile has to do with them.

use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use crate::answer::{Asked, NotAws};
use crate::causes::{find, innermost};

use super::Trouble;

/// What a profile says of where its credentials come from.
#[derive(Debug, Clone, Default)]
pub(super) struct Says {
    pub(super) profile: Option<String>,
    /// One that the environment names, and that there is not.
    pub(super) missing: Option<String>,
    pub(super) role: Option<String>,
    /// What signs in.
    pub(super) sign_in: Option<&'static str>,
    /// File with a token.
    pub(super) token_file: Option<String>,
}

/// A source of the SDK's.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) from: SharedCredentialsProvider,
    pub(super) says: Says,
    /// Longest wait for it.
    pub(super) wait: Duration,
}

impl ProvideCredentials for Found {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let Ok(given) = tokio::time::timeout(self.wait, self.from.provide_credentials()).await else {
                let what = self.says.profile.as_ref().map_or_else(|| "whoever gives them".to_owned(), |name| format!("the source of profile `{name}`"));
                return Err(Trouble::Silent { what, seconds: self.wait.as_secs() }.into());
            };
            given.map_err(|error| self.says.trouble(&error).map_or(error, CredentialsError::from))
        })
    }
}

impl Says {
    /// What an error of the SDK's comes to; `None`: it says by itself what it is.
    fn trouble(&self, error: &CredentialsError) -> Option<Trouble> {
        if find::<Asked>(error).is_some() || find::<NotAws>(error).is_some() || find::<Trouble>(error).is_some() {
            return None;
        }
        if let Some(refused) = find::<AssumeRoleError>(error) {
            return Some(self.refused("AssumeRole", refused));
        }
        if let Some(refused) = find::<AssumeRoleWithWebIdentityError>(error) {
            return Some(self.refused("AssumeRoleWithWebIdentity", refused));
        }
        let why = innermost(error);
        let Some(profile) = self.profile.clone() else {
            let why = (!matches!(error, CredentialsError::CredentialsNotLoaded(_))).then_some(why);
            return Some(Trouble::Nowhere { missing: self.missing.clone(), why });
        };
        if let Some(path) = self.token_file.clone()
            && let Err(unread) = std::fs::read(&path)
        {
            return Some(Trouble::TokenFile { named: format!("`web_identity_token_file` of profile `{profile}`"), path, why: unread.to_string() });
        }
        if let Some(how) = self.sign_in {
            return Some(Trouble::SignIn { profile, how, why });
        }
        let nothing = matches!(error, CredentialsError::CredentialsNotLoaded(_)) && !why.contains("profile `");
        let why = if nothing { "it does not say where its credentials come from".to_owned() } else { why };
        Some(Trouble::Profile { profile, why })
    }

    fn refused(&self, operation: &'static str, error: &dyn ProvideErrorMetadata) -> Trouble {
        let role = self.role.clone().or_else(|| std::env::var("AWS_ROLE_ARN").ok()).unwrap_or_else(|| "a role".to_owned());
        let code = error.code().unwrap_or("an error without a code").to_owned();
        Trouble::Refused { operation, profile: self.profile.clone(), role, code, message: error.message().unwrap_or_default().to_owned() }
    }
}
