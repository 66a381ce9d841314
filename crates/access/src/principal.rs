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
}

impl Caller {
    /// Reads `anonymous`, a service name or an ARN.
    pub fn parse(text: &str) -> Self {
        if text == "anonymous" || text == "*" {
            Self::Anonymous
        } else if text.starts_with("arn:") {
            Self::Arn(text.to_owned())
        } else {
            Self::Service(text.to_owned())
        }
    }

    /// Returns the caller's account.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Arn(text) => Arn::parse(text).map(|a| a.account),
            _ => None,
        }
    }

    /// Returns the ARN, the service's name, or `anonymous`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Service(text) | Self::Arn(text) => text,
        }
    }
}
