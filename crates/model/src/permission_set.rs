//! Permission sets of IAM Identity Center, and the roles that it makes of them.
//!
//! In every account in which a set is assigned there is a role `AWSReservedSSO_NAME_` with sixteen hexadecimal digits, under a path
//! that has the home region of Identity Center, but for one region. The digits are others after the set was assigned anew (IAM
//! Identity Center User Guide, "Referencing permission sets in resource policies").

use crossrole_policy::Arn;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, Partition};

/// The path of all such roles; nobody else can make roles there.
const PATH: &str = "aws-reserved/sso.amazonaws.com/";
const HEAD: &str = "AWSReservedSSO_";
/// Digits at the end of the name.
const DIGITS: usize = 16;

/// A permission set in one account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PermissionSet {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
}

impl PermissionSet {
    /// The inline policy of a set, as its roles have it (IAM Identity Center User Guide, "Custom permissions").
    pub const INLINE: &'static str = "AwsSSOInlinePolicy";

    /// Patterns over ARNs that match its role in its account, whatever the home region and the digits, and no other role. A star
    /// in place of the digits would match the roles of sets whose names begin alike.
    pub fn roles(&self, partition: Partition) -> [String; 2] {
        let name = format!("{HEAD}{}_{}", self.name, "?".repeat(DIGITS));
        ["", "*/"].map(|region| partition.iam_arn(&self.account, "role", &format!("/{PATH}{region}"), &name))
    }

    /// A role of it, where none was read: the digits are nobody's.
    pub fn any_role(&self, partition: Partition) -> String {
        partition.iam_arn(&self.account, "role", &format!("/{PATH}"), &format!("{HEAD}{}_{}", self.name, "0".repeat(DIGITS)))
    }

    /// Tells whether a role's ARN is the one that stands for a set's role where none was read.
    pub fn is_any_role(arn: &str) -> bool {
        arn.ends_with(&format!("_{}", "0".repeat(DIGITS))) && Self::of_role(arn).is_some()
    }

    /// The set that a session's role is of; the ARN of a session has no path.
    pub fn of_session(account: &str, role: &str) -> Option<Self> {
        Self::of_role(&format!("arn:aws:iam::{account}:role/{PATH}{role}"))
    }

    /// The set that a role is of, or that a pattern over such roles means. A pattern that leaves the account or the name open means
    /// none.
    pub fn of_role(arn: &str) -> Option<Self> {
        let parsed = Arn::parse(arn).filter(|arn| arn.service == "iam")?;
        let account = AccountId::parse(parsed.account)?;
        let (path, role) = parsed
            .resource
            .strip_prefix("role/")?
            .strip_prefix(PATH)?
            .rsplit_once('/')
            .map_or_else(|| Some(("", parsed.resource.rsplit('/').next()?)), Some)?;
        if !(path.is_empty() || path == "*" || path.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')) {
            return None;
        }
        let (name, end) = role.strip_prefix(HEAD)?.rsplit_once('_')?;
        let digits = end.len() == DIGITS && (end.bytes().all(|b| b == b'?') || end.bytes().all(|b| b.is_ascii_hexdigit()));
        (digits && !name.is_empty() && !name.contains(['*', '?'])).then(|| Self { account, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::PermissionSet;
    use crate::ids::{AccountId, Partition};

    #[test]
    fn a_role_that_was_not_read_is_told_from_those_that_are() {
        let set = PermissionSet { account: AccountId::parse("111111111111").unwrap(), name: "Ops_0".into() };
        for partition in [Partition::Aws, Partition::AwsCn] {
            let any = set.any_role(partition);
            assert!(PermissionSet::is_any_role(&any) && PermissionSet::of_role(&any) == Some(set.clone()), "{any}");
            assert!(!PermissionSet::is_any_role(&any.replace("00000000", "0000000a")));
            assert!(!PermissionSet::is_any_role(&any.replace("aws-reserved/", "")));
        }
    }

    #[test]
    fn its_patterns_mean_it_and_others_mean_none() {
        let set = PermissionSet { account: AccountId::parse("111111111111").unwrap(), name: "Dev_Ops".into() };
        for pattern in set.roles(Partition::Aws) {
            assert_eq!(PermissionSet::of_role(&pattern), Some(set.clone()), "{pattern}");
        }
        let role = |rest: &str| PermissionSet::of_role(&format!("arn:aws:iam::111111111111:role/{rest}"));
        assert_eq!(role("aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Dev_Ops_0123456789abcdef"), Some(set.clone()));
        assert_eq!(role("aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_Ops_0123456789abcdef"), Some(set));
        for other in [
            "AWSReservedSSO_Dev_Ops_0123456789abcdef",
            "x/AWSReservedSSO_Dev_Ops_0123456789abcdef",
            "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_Ops_*",
            "aws-reserved/sso.amazonaws.com/AWSReservedSSO_D*_????????????????",
            "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_Ops_0123",
            "aws-reserved/sso.amazonaws.com/a/b/AWSReservedSSO_Dev_Ops_0123456789abcdef",
        ] {
            assert_eq!(role(other), None, "{other}");
        }
    }
}
