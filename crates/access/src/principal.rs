//! Callers.

use crossrole_policy::Arn;

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller {
    /// Unsigned.
    Anonymous,
    /// An AWS service.
    Service(String),
    /// A user, role session, federated user, account root, or (for web identity and SAML) a provider, by ARN.
    Arn(String),
    /// A federated user of which it is known whose session it is: what names the user, names it (IAM User Guide, "Policy evaluation logic").
    Federated {
        /// Its own ARN, with a name that the user chose.
        arn: String,
        /// ARN of the user that called `sts:GetFederationToken`.
        user: String,
    },
}

/// Web identity providers that every account knows, and that have no ARN (IAM User Guide, "Available keys for AWS web identity
/// federation", and "Amazon Cognito identity pools").
pub(crate) const WEB_PROVIDERS: [&str; 4] = ["accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"];

/// Tells whether a text names an identity provider.
pub fn is_provider(text: &str) -> bool {
    text.contains(":oidc-provider/") || text.contains(":saml-provider/") || WEB_PROVIDERS.contains(&text)
}

impl Caller {
    /// The operation by which it comes into a role.
    pub fn assumes_by(&self) -> &'static str {
        match self {
            Self::Arn(text) if text.contains(":saml-provider/") => "sts:AssumeRoleWithSAML",
            Self::Arn(text) if is_provider(text) => "sts:AssumeRoleWithWebIdentity",
            _ => "sts:AssumeRole",
        }
    }

    /// Reads `anonymous`, a service name, an ARN, or the name of a web identity provider that every account knows.
    pub fn parse(text: &str) -> Self {
        if text == "anonymous" || text == "*" {
            Self::Anonymous
        } else if text.starts_with("arn:") || is_provider(text) {
            Self::Arn(text.to_owned())
        } else {
            Self::Service(text.to_owned())
        }
    }

    /// Returns the caller's account.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Arn(text) | Self::Federated { arn: text, .. } => Arn::parse(text).map(|a| a.account),
            _ => None,
        }
    }

    /// Returns the ARN, the service's name, or `anonymous`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Service(text) | Self::Arn(text) | Self::Federated { arn: text, .. } => text,
        }
    }
}
