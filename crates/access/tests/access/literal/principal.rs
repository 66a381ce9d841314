//! Callers, and which principal elements name them.

use crossrole_access::Caller;
use crossrole_policy::{Arn, Principal};

/// How an Allow names its caller; it decides which implicit denies the grant passes over
/// (IAM User Guide, "Policy evaluation logic", and "Principal").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// By the account: a delegation to its identity policies.
    Account,
    /// By the ARN of the role behind a session, or of the user behind a federated session.
    Role,
    /// By itself, or by `*`.
    Directly,
}

pub(crate) trait Names {
    fn arn(&self) -> Option<Arn<'_>>;
    fn partition(&self) -> Option<&str>;
    fn is_root(&self) -> bool;
    fn is_provider(&self) -> bool;
    fn session_role(&self) -> Option<&str>;
    fn federated_user(&self) -> Option<&str>;
    fn named_by(&self, kind: &str, value: &str) -> Option<Named>;
    fn named_by_aws(&self, text: &str, value: &str) -> Option<Named>;
    fn named(&self, principal: &Principal) -> Option<Named>;
    fn spared_by(&self, principal: &Principal) -> bool;
}

impl Names for Caller {
    fn arn(&self) -> Option<Arn<'_>> {
        match self {
            Self::Arn(text) | Self::Federated { arn: text, .. } => Arn::parse(text),
            _ => None,
        }
    }

    fn partition(&self) -> Option<&str> {
        self.arn().map(|a| a.partition)
    }

    fn is_root(&self) -> bool {
        self.arn().is_some_and(|a| a.service == "iam" && a.resource == "root")
    }

    /// Tells whether the caller is an identity provider, whose requests only the trust policy decides.
    fn is_provider(&self) -> bool {
        self.arn().is_some_and(|a| a.resource.starts_with("oidc-provider/") || a.resource.starts_with("saml-provider/"))
    }

    /// The name of the role behind an assumed-role session. Sessions carry no path.
    fn session_role(&self) -> Option<&str> {
        let arn = self.arn()?;
        let mut parts = arn.resource.split('/');
        (arn.service == "sts" && parts.next() == Some("assumed-role")).then(|| parts.next()).flatten()
    }

    /// The name of the user behind a federated-user session.
    fn federated_user(&self) -> Option<&str> {
        let arn = self.arn()?;
        (arn.service == "sts").then(|| arn.resource.strip_prefix("federated-user/")).flatten()
    }

    /// Returns how one entry of kind `kind` names the caller.
    fn named_by(&self, kind: &str, value: &str) -> Option<Named> {
        match (self, kind) {
            (Self::Anonymous, "AWS") => (value == "*").then_some(Named::Directly),
            (Self::Service(name), "Service") => (value == name).then_some(Named::Directly),
            (Self::Arn(text), "Federated") => (value == text && self.is_provider()).then_some(Named::Directly),
            (Self::Federated { arn, user }, "AWS") if value != "*" && value != arn => match Arn::parse(value).and_then(|named| named.kind_and_name()) {
                Some(("user", _)) => (value == user).then_some(Named::Role),
                _ => self.named_by_aws(arn, value),
            },
            (Self::Arn(text) | Self::Federated { arn: text, .. }, "AWS") if !self.is_provider() => self.named_by_aws(text, value),
            _ => None,
        }
    }

    fn named_by_aws(&self, text: &str, value: &str) -> Option<Named> {
        if value == "*" || value == text {
            // The ARN of an account's root stands for the account, even when the root user itself calls.
            return Some(if value == text && self.is_root() { Named::Account } else { Named::Directly });
        }
        let caller = self.arn()?;
        if value == caller.account {
            return Some(Named::Account);
        }
        let named = Arn::parse(value).filter(|n| n.partition == caller.partition && n.account == caller.account && n.service == "iam")?;
        if named.resource == "root" {
            return Some(Named::Account);
        }
        match named.kind_and_name()? {
            ("role", name) if self.session_role() == Some(name) => Some(Named::Role),
            ("user", name) if self.federated_user() == Some(name) => Some(Named::Role),
            _ => None,
        }
    }

    /// Returns the strongest way in which a `Principal` names the caller.
    fn named(&self, principal: &Principal) -> Option<Named> {
        if principal.bare_star {
            // S3 takes the bare star for everyone, services too.
            return Some(Named::Directly);
        }
        let all = principal.entries.iter().flat_map(|(kind, values)| values.iter().filter_map(|v| self.named_by(kind, v)));
        all.max_by_key(|named| match named {
            Named::Account => 0,
            Named::Role => 1,
            Named::Directly => 2,
        })
    }

    /// Tells whether a `NotPrincipal` of a Deny spares the caller: every layer of it must be listed, its account, its role
    /// and itself, or the check of the one missing denies (IAM User Guide, "NotPrincipal").
    fn spared_by(&self, principal: &Principal) -> bool {
        let everyone = principal.entries.get("AWS").is_some_and(|values| values.iter().any(|v| v == "*"));
        let signs = matches!(self, Self::Anonymous) || matches!(self, Self::Arn(_) | Self::Federated { .. }) && !self.is_provider();
        if principal.bare_star || everyone && signs {
            return true;
        }
        let lists = |wanted: Named| principal.entries.iter().any(|(kind, values)| values.iter().any(|v| self.named_by(kind, v) == Some(wanted)));
        match self {
            Self::Anonymous | Self::Service(_) => lists(Named::Directly),
            Self::Arn(_) if self.is_provider() => lists(Named::Directly),
            Self::Arn(_) if self.is_root() => lists(Named::Account),
            Self::Arn(_) | Self::Federated { .. } => {
                let behind = self.session_role().is_none() && self.federated_user().is_none();
                lists(Named::Account) && lists(Named::Directly) && (behind || lists(Named::Role))
            }
        }
    }
}
