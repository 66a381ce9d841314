//! Who gains or loses: principals by name, and those that stand for many.

use crossrole_policy::Arn;
use serde::{Deserialize, Serialize};

/// Whom a statement about access is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "party")]
pub enum Party {
    /// Any principal of one account, other than those that have lines of their own.
    AnyOf {
        /// `aws`, `aws-cn`, `aws-us-gov`.
        partition: String,
        /// Account id.
        account: String,
    },
    /// Any principal of any account that has no lines of its own.
    AnyOther {
        /// `aws`, `aws-cn`, `aws-us-gov`.
        partition: String,
    },
    /// Any service that has no lines of its own.
    AnyService,
    /// Callers who do not sign their requests.
    Unsigned,
    /// A session, a federated user, an account's root, or anything else that a principal element can name.
    Named {
        /// Its ARN, or its unique id.
        arn: String,
    },
    /// Whoever is in a group.
    Members {
        /// ARN of the group.
        group: String,
    },
    /// All principals of a kind that is not evaluated, such as `CanonicalUser`.
    OfKind {
        /// As the policy writes it.
        kind: String,
    },
    /// Sessions of a role.
    Role {
        /// ARN of the role.
        arn: String,
    },
    /// A service.
    Service {
        /// `lambda.amazonaws.com`.
        name: String,
    },
    /// Whoever has a token of an identity provider.
    Tokens {
        /// Its ARN, or its name where it is one of AWS's own.
        provider: String,
    },
    /// A user.
    User {
        /// ARN of the user.
        arn: String,
    },
}

/// What sort of party it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartyKind {
    /// Any principal of an account, or of all others.
    Account,
    /// Unsigned callers.
    Unsigned,
    /// Named otherwise, or of a kind that is not evaluated.
    Other,
    /// Members of a group.
    Group,
    /// A role.
    Role,
    /// A service.
    Service,
    /// Tokens of a provider.
    Provider,
    /// A user.
    User,
}

/// How much of what is said of a party rests on policies at which nobody has looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Nothing: it is exact.
    #[default]
    Exact,
    /// As far as its own policies, at which nobody has looked, let it.
    OwnPolicies,
    /// As far as those of its policies that were not read let it.
    UnreadPolicies,
    /// Nothing, and it needs no policies of its own.
    EvenWithout,
}

impl Party {
    /// The party that an ARN, or a unique id, names.
    pub fn of(arn: &str) -> Self {
        let kind = Arn::parse(arn).filter(|a| a.service == "iam").and_then(|a| a.kind_and_name()).map(|(kind, _)| kind);
        let arn = arn.to_owned();
        match kind {
            Some("role") => Self::Role { arn },
            Some("user") => Self::User { arn },
            _ => Self::Named { arn },
        }
    }

    /// What sort it is of.
    pub fn kind(&self) -> PartyKind {
        match self {
            Self::AnyOf { .. } | Self::AnyOther { .. } => PartyKind::Account,
            Self::Unsigned => PartyKind::Unsigned,
            Self::Named { .. } | Self::OfKind { .. } => PartyKind::Other,
            Self::Members { .. } => PartyKind::Group,
            Self::Role { .. } => PartyKind::Role,
            Self::Service { .. } | Self::AnyService => PartyKind::Service,
            Self::Tokens { .. } => PartyKind::Provider,
            Self::User { .. } => PartyKind::User,
        }
    }

    /// The ARN, the service's name, or whatever else names it; none of those that stand for many accounts.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::AnyOf { .. } | Self::AnyOther { .. } | Self::AnyService | Self::Unsigned => None,
            Self::Named { arn } | Self::Role { arn } | Self::User { arn } => Some(arn),
            Self::Members { group } => Some(group),
            Self::OfKind { kind } => Some(kind),
            Self::Service { name } => Some(name),
            Self::Tokens { provider } => Some(provider),
        }
    }

    /// The account that it is of; none of services, tokens, unsigned callers and those of many accounts.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::AnyOf { account, .. } => Some(account),
            Self::Named { arn } | Self::Role { arn } | Self::User { arn } | Self::Members { group: arn } => {
                Arn::parse(arn).map(|a| a.account).filter(|a| !a.is_empty())
            }
            _ => None,
        }
    }

    /// Its name without path and account: `Reader`.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Tokens { provider } => Some(provider.split_once('/').map_or(provider.as_str(), |(_, name)| name)),
            Self::Service { name } => Some(name),
            _ => self.id().map(|id| id.rsplit('/').next().unwrap_or(id)),
        }
    }

    /// Patterns over the ARNs that its requests can come from: a role's sessions, too. None where requests come from no ARN.
    pub fn arns(&self) -> Vec<String> {
        let all_of = |partition: &str, account: &str| vec![format!("arn:{partition}:iam::{account}:*"), format!("arn:{partition}:sts::{account}:*")];
        match self {
            Self::AnyOf { partition, account } => all_of(partition, account),
            Self::AnyOther { partition } => all_of(partition, "*"),
            Self::Members { group } => Arn::parse(group).map(|a| format!("arn:{}:iam::{}:user/*", a.partition, a.account)).into_iter().collect(),
            Self::Role { arn } => match (Arn::parse(arn), self.name()) {
                (Some(a), Some(name)) => vec![arn.clone(), format!("arn:{}:sts::{}:assumed-role/{name}/*", a.partition, a.account)],
                _ => vec![arn.clone()],
            },
            Self::Named { arn } | Self::User { arn } | Self::Tokens { provider: arn } => vec![arn.clone()],
            Self::Unsigned | Self::OfKind { .. } | Self::Service { .. } | Self::AnyService => Vec::new(),
        }
    }

    /// Those of no account first, then by kind and name.
    fn order(&self) -> (bool, u8, &str, &str, &str) {
        let rank = match self {
            Self::AnyOf { .. } => 0,
            Self::AnyOther { .. } => 1,
            Self::AnyService => 2,
            Self::Unsigned => 3,
            Self::Named { .. } => 4,
            Self::Members { .. } => 5,
            Self::OfKind { .. } => 6,
            Self::Role { .. } => 7,
            Self::Service { .. } => 8,
            Self::Tokens { .. } => 9,
            Self::User { .. } => 10,
        };
        let partition = match self {
            Self::AnyOf { partition, .. } | Self::AnyOther { partition } => partition,
            _ => "",
        };
        let account = self.account();
        (account.is_some(), rank, self.name().unwrap_or_default(), account.unwrap_or_default(), self.id().unwrap_or(partition))
    }
}

impl PartialOrd for Party {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Party {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_a_party() {
        for (arn, kind, name, account) in [
            ("arn:aws:iam::222222222222:role/team/Reader", PartyKind::Role, "Reader", Some("222222222222")),
            ("arn:aws:iam::222222222222:user/ann", PartyKind::User, "ann", Some("222222222222")),
            ("arn:aws:sts::222222222222:assumed-role/Reader/s", PartyKind::Other, "s", Some("222222222222")),
            ("AROAEXAMPLEEXAMPLE123", PartyKind::Other, "AROAEXAMPLEEXAMPLE123", None),
        ] {
            let party = Party::of(arn);
            assert_eq!((party.kind(), party.name(), party.account(), party.id()), (kind, Some(name), account, Some(arn)));
        }
        let sessions = "arn:aws:sts::222222222222:assumed-role/Reader/*";
        assert!(Party::of("arn:aws:iam::222222222222:role/team/Reader").arns().contains(&sessions.to_owned()));
    }

    #[test]
    fn parties_of_no_account_come_first() {
        let mut all = [
            Party::of("arn:aws:iam::222222222222:user/ann"),
            Party::of("arn:aws:iam::222222222222:role/B"),
            Party::of("arn:aws:iam::333333333333:role/A"),
            Party::AnyOf { partition: "aws".to_owned(), account: "222222222222".to_owned() },
            Party::Service { name: "ec2.amazonaws.com".to_owned() },
            Party::Unsigned,
            Party::AnyOther { partition: "aws".to_owned() },
        ];
        all.sort();
        let names: Vec<Option<&str>> = all.iter().map(Party::name).collect();
        assert_eq!(names, [None, None, Some("ec2.amazonaws.com"), None, Some("A"), Some("B"), Some("ann")]);
    }
}
