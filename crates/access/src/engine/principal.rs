//! Callers and principal elements, prepared.

use crossrole_policy::{Arn, Principal};

use crate::principal::{Caller, is_provider};

/// How an Allow names its caller; it decides which implicit denies the grant passes over
/// (IAM User Guide, "Policy evaluation logic", and "Principal").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// By the account: a delegation to its identity policies.
    Account,
    /// By the ARN of the role behind a session, or of the user behind a federated session.
    Behind,
    /// By itself, or by `*`.
    Directly,
}

/// A caller, split once per request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'r> {
    kind: Kind<'r>,
    /// Unsigned callers and services have none.
    pub(crate) account: Option<&'r str>,
    pub(crate) partition: Option<&'r str>,
}

#[derive(Debug, Clone, Copy)]
enum Kind<'r> {
    Anonymous,
    Service(&'r str),
    Provider(&'r str),
    Root,
    Session {
        arn: &'r str,
        role: &'r str,
    },
    Federated {
        arn: &'r str,
        /// Of whom its name tells, where nothing else does.
        user: &'r str,
        /// ARN of the user behind it, where that is known.
        behind: Option<&'r str>,
    },
    /// A user, a role itself, or anything else with an ARN.
    Other(&'r str),
}

impl<'r> Asker<'r> {
    pub(crate) fn of(caller: &'r Caller) -> Self {
        let text = match caller {
            Caller::Anonymous => return Self { kind: Kind::Anonymous, account: None, partition: None },
            Caller::Service(name) => return Self { kind: Kind::Service(name), account: None, partition: None },
            Caller::Arn(text) | Caller::Federated { arn: text, .. } => text,
        };
        let behind = if let Caller::Federated { user, .. } = caller { Some(user.as_str()) } else { None };
        let provider = is_provider(text).then_some(Kind::Provider(text));
        let Some(arn) = Arn::parse(text) else { return Self { kind: provider.unwrap_or(Kind::Other(text)), account: None, partition: None } };
        let kind = match (arn.service, arn.resource.split_once('/')) {
            _ if provider.is_some() => Kind::Provider(text),
            ("sts", Some(("assumed-role", rest))) => Kind::Session { arn: text, role: rest.split('/').next().unwrap_or(rest) },
            ("sts", Some(("federated-user", user))) => Kind::Federated { arn: text, user, behind },
            ("iam", None) if arn.resource == "root" => Kind::Root,
            _ => Kind::Other(text),
        };
        Self { kind, account: Some(arn.account), partition: Some(arn.partition) }
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self.kind, Kind::Anonymous)
    }

    pub(crate) fn is_service(&self) -> bool {
        matches!(self.kind, Kind::Service(_))
    }

    pub(crate) fn is_root(&self) -> bool {
        matches!(self.kind, Kind::Root)
    }

    /// A session of a user from GetFederationToken.
    pub(crate) fn is_federated_user(&self) -> bool {
        matches!(self.kind, Kind::Federated { .. })
    }

    /// A session, of a role or of a user from GetFederationToken.
    pub(crate) fn is_session(&self) -> bool {
        matches!(self.kind, Kind::Session { .. } | Kind::Federated { .. })
    }

    /// A session from GetFederationToken of which nothing tells whose it is.
    pub(crate) fn is_of_nobody_known(&self) -> bool {
        matches!(self.kind, Kind::Federated { behind: None, .. })
    }

    /// Only the resource's policy decides about these: unsigned callers, services, and tokens of identity providers.
    pub(crate) fn has_no_identity(&self) -> bool {
        matches!(self.kind, Kind::Anonymous | Kind::Service(_) | Kind::Provider(_))
    }
}

/// A `Principal` or `NotPrincipal`, prepared.
#[derive(Debug, Clone)]
pub(crate) struct Principals {
    pub(crate) negated: bool,
    bare_star: bool,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
enum Entry {
    Star,
    Account { id: Box<str>, partition: Option<Box<str>> },
    Role { partition: Box<str>, account: Box<str>, name: Box<str>, written: Box<str> },
    User { partition: Box<str>, account: Box<str>, name: Box<str>, written: Box<str> },
    Exact(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
}

impl Entry {
    fn new(kind: &str, value: &str) -> Option<Self> {
        match kind {
            "Service" => return Some(Self::Service(value.into())),
            "Federated" => return Some(Self::Federated(value.into())),
            "AWS" => {}
            _ => return None,
        }
        if value == "*" {
            return Some(Self::Star);
        }
        if value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit()) {
            return Some(Self::Account { id: value.into(), partition: None });
        }
        let written: Box<str> = value.into();
        let Some(arn) = Arn::parse(value).filter(|arn| arn.service == "iam") else { return Some(Self::Exact(written)) };
        let (partition, account): (Box<str>, Box<str>) = (arn.partition.into(), arn.account.into());
        Some(match arn.kind_and_name() {
            None if arn.resource == "root" => Self::Account { id: account, partition: Some(partition) },
            Some(("role", name)) => Self::Role { partition, account, name: name.into(), written },
            Some(("user", name)) => Self::User { partition, account, name: name.into(), written },
            _ => Self::Exact(written),
        })
    }

    fn names(&self, asker: &Asker<'_>) -> Option<Named> {
        let (text, behind) = match asker.kind {
            Kind::Anonymous => return matches!(self, Self::Star).then_some(Named::Directly),
            Kind::Service(name) => return matches!(self, Self::Service(s) if **s == *name).then_some(Named::Directly),
            Kind::Provider(arn) => return matches!(self, Self::Federated(f) if **f == *arn).then_some(Named::Directly),
            // The ARN of an account's root stands for the account, even when the root user itself calls.
            Kind::Root => ("", None),
            Kind::Session { arn, role } => (arn, Some(role)),
            Kind::Federated { arn, user, .. } => (arn, Some(user)),
            Kind::Other(arn) => (arn, None),
        };
        let here = |partition: &str, account: &str| asker.partition == Some(partition) && asker.account == Some(account);
        match self {
            Self::Star => Some(Named::Directly),
            Self::Account { id, partition } => {
                let same = asker.account == Some(&**id) && partition.as_deref().is_none_or(|p| asker.partition == Some(p));
                same.then_some(Named::Account)
            }
            Self::Role { written, .. } | Self::User { written, .. } | Self::Exact(written) if **written == *text => Some(Named::Directly),
            Self::Role { partition, account, name, .. } => {
                (matches!(asker.kind, Kind::Session { .. }) && behind == Some(&**name) && here(partition, account)).then_some(Named::Behind)
            }
            Self::User { partition, account, name, written } => {
                let Kind::Federated { user, behind, .. } = asker.kind else { return None };
                behind.map_or_else(|| *user == **name && here(partition, account), |behind| *behind == **written).then_some(Named::Behind)
            }
            _ => None,
        }
    }
}

impl Principals {
    pub(crate) fn new(principal: &Principal) -> Self {
        let entries = principal.entries.iter().flat_map(|(kind, values)| values.iter().filter_map(|v| Entry::new(kind, v))).collect();
        Self { negated: principal.negated, bare_star: principal.bare_star, entries }
    }

    /// Returns the strongest way in which it names the caller.
    pub(crate) fn names(&self, asker: &Asker<'_>) -> Option<Named> {
        if self.bare_star {
            // S3 takes the bare star for everyone, services too.
            return Some(Named::Directly);
        }
        self.entries.iter().filter_map(|e| e.names(asker)).max()
    }

    /// Tells whether a `NotPrincipal` of a Deny spares the caller: every layer of it must be listed, its account, its role
    /// and itself, or the check of the one missing denies (IAM User Guide, "NotPrincipal").
    pub(crate) fn spares(&self, asker: &Asker<'_>) -> bool {
        // A star lists every layer of whoever signs.
        if self.bare_star || self.entries.iter().any(|e| matches!(e, Entry::Star)) && !matches!(asker.kind, Kind::Service(_) | Kind::Provider(_)) {
            return true;
        }
        let lists = |wanted: Named| self.entries.iter().any(|e| e.names(asker) == Some(wanted));
        match asker.kind {
            Kind::Anonymous | Kind::Service(_) | Kind::Provider(_) => lists(Named::Directly),
            Kind::Root => lists(Named::Account),
            Kind::Other(_) => lists(Named::Account) && lists(Named::Directly),
            Kind::Session { .. } | Kind::Federated { .. } => lists(Named::Account) && lists(Named::Directly) && lists(Named::Behind),
        }
    }
}
