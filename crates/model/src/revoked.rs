//! Access that manifests say is taken back.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::call::PrincipalKind;
use crate::desired::Place;
use crate::facet::Digest;
use crate::ids::AccountId;
use crate::permission_set::PermissionSet;

/// Whose access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// Of a role of a manifest: nobody may assume it.
    Role(Address),
    /// Of everybody of an account.
    Account(AccountId),
    /// Of what a group gives its members.
    Group {
        /// Its account.
        account: AccountId,
        /// Its name.
        name: String,
    },
    /// Of a user, or of a role that calls.
    Principal {
        /// Which of the two.
        kind: PrincipalKind,
        /// Its ARN.
        arn: String,
    },
    /// Of a permission set, in one account.
    PermissionSet(PermissionSet),
    /// Of sessions of a role of a manifest: who may assume it, still may.
    Sessions(Address),
}

impl Whose {
    /// A text that is the same for the same, however a manifest spells it: what is written on live objects is made of it.
    pub fn key(&self) -> String {
        // Names are unique in an account, whatever their paths (IAM User Guide, "IAM identifiers"), and of one whose table is gone the
        // path is not known any more.
        let text = match self {
            Self::Principal { arn, .. } => format!("principal {}", without_path(arn)),
            other => other.text(),
        };
        // IAM takes names that differ only in case for one.
        text.to_ascii_lowercase()
    }

    /// The same as it was written at first, with the path of a principal.
    fn text(&self) -> String {
        match self {
            Self::Role(role) => format!("role {}/{}", role.account, role.name),
            Self::Account(account) => format!("account {account}"),
            Self::Group { account, name } => format!("group {account}/{name}"),
            Self::Principal { arn, .. } => format!("principal {arn}"),
            Self::PermissionSet(set) => format!("permission-set {}/{}", set.account, set.name),
            Self::Sessions(role) => format!("sessions {}/{}", role.account, role.name),
        }
    }

    /// Twelve hexadecimal digits of that text.
    pub fn digits(&self) -> String {
        digits(&self.key())
    }

    /// Tells whether these digits are of whose access it is; earlier ones were of a principal's ARN with its path.
    pub fn is_told_by(&self, told: &str) -> bool {
        told == self.digits() || matches!(self, Self::Principal { .. }) && told == digits(&self.text().to_ascii_lowercase())
    }
}

fn digits(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string().chars().take(12).collect()
}

/// `arn:aws:iam::111111111111:user/people/ann` without `people/`.
fn without_path(arn: &str) -> String {
    let named = arn.split_once('/').and_then(|(head, rest)| Some((head, rest.rsplit_once('/')?.1)));
    named.map_or_else(|| arn.to_owned(), |(head, name)| format!("{head}/{name}"))
}

/// A role that whoever is revoked could come into, as a manifest says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The role.
    pub role: Address,
    /// All of its sessions that began before are denied.
    pub whole: bool,
    /// Source identities of sessions that were opened so, as patterns; none: they are not known.
    pub identities: Vec<String>,
    /// Every session carries one of them, since the trust asks for it.
    pub sure: bool,
    /// The trust has no room for what would deny it: it may still be assumed.
    pub no_room: bool,
    /// The role has no room for the tag that tells older manifests of it.
    pub no_mark: bool,
}

/// One entry under `[[revoked]]`, and what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Name of the manifest.
    pub manifest: String,
    /// Whose access.
    pub whose: Whose,
    /// Sessions that began before are denied: an instant as policies write it.
    pub since: String,
    /// Where it says so.
    pub place: Place,
    /// Something of this manifest would let it in otherwise.
    pub concerns: bool,
    /// Roles with sessions that can't be told from those of others, and are not denied: each with the longest that they may be, in
    /// seconds.
    pub lives_on: Vec<(Address, u32)>,
    /// Every role that it could come into; its sessions may have opened further ones from there.
    pub opened: Vec<Opened>,
}

/// Sessions that may have been opened from sessions that end, and that are not denied all the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Further {
    /// The role that they are of: its ARN.
    pub role: String,
    /// From whom it may be assumed of whom is revoked, or by sessions that end: ARNs.
    pub from: BTreeSet<String>,
    /// The longest that they may be, in seconds.
    pub longest: u32,
    /// Why they are not denied.
    pub because: Undenied,
}

/// Why sessions are not denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Undenied {
    /// Nothing tells them from those of others.
    Shared,
    /// No manifest of the run makes the role.
    NotMade,
    /// What denies them was not written.
    NotDone,
    /// The role's trust has no room for what would deny it.
    NoRoom,
    /// No manifest of the run makes the role, and whoever is revoked may go on assuming it: from there, it may come further.
    Open,
}

/// Where sessions may have gone on to that end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// Sessions that live on.
    pub lives_on: Vec<Further>,
    /// Of principals on the way, by ARN, what they may assume in accounts that were not read; empty: not all of their policies were read.
    pub beyond: BTreeMap<String, BTreeSet<String>>,
    /// Users, by ARN, whose sessions by `sts:GetFederationToken` keep what their whole account is let.
    pub federated: BTreeSet<String>,
    /// Not everything was followed.
    pub cut: bool,
}

/// The instant that stands in the Sid of a statement that denies whoever is revoked, as policies write it.
///
/// Such a Sid has `Revoked` and the instant, without its marks, behind what tells whose it is: one that writes the policy and knows
/// nothing of it would let somebody in again.
pub fn revoked_since(sid: &str) -> Option<String> {
    /// `20261130T180000Z`
    const LENGTH: usize = 16;
    let digits = sid.get(17..)?.strip_prefix("Revoked")?.get(..LENGTH)?;
    let part = |from: usize, to: usize| digits.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let marks = digits.get(8..9) == Some("T") && digits.get(15..) == Some("Z");
    let (y, m, d, h, min, s) = (part(0, 4)?, part(4, 6)?, part(6, 8)?, part(9, 11)?, part(11, 13)?, part(13, 15)?);
    marks.then(|| format!("{y}-{m}-{d}T{h}:{min}:{s}Z"))
}

/// The middle of such a Sid: when, and whose access it was, as [`Whose::digits`] has it.
pub fn revoked_sid(since: &str, whose: &Whose) -> String {
    format!("Revoked{}of{}", since.replace(['-', ':'], ""), whose.digits())
}

/// The digits of whose access it was, of such a Sid; earlier ones had none.
pub fn revoked_of(sid: &str) -> Option<&str> {
    revoked_since(sid)?;
    let digits = sid.get(40..)?.strip_prefix("of")?.get(..12)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It stands on live roles: what is written there is found again.
    #[test]
    fn a_tag_tells_whose() {
        let tag = |arn: &str| crate::ownership::revoked_tag(&Whose::Principal { kind: PrincipalKind::User, arn: arn.to_owned() });
        assert_eq!(tag("arn:aws:iam::111111111111:user/Ann"), "crossrole:revoked-584361d783b4");
        assert_eq!(tag("arn:aws:iam::111111111111:user/ann"), tag("arn:aws:iam::111111111111:user/Ann"));
        assert_ne!(tag("arn:aws:iam::111111111111:user/Bob"), tag("arn:aws:iam::111111111111:user/Ann"));
        assert_ne!(tag("arn:aws:iam::111111111111:role/Ann"), tag("arn:aws:iam::111111111111:user/Ann"));
        // Whose table is gone is known by its name alone; as it was written before, with its path, it is known where that is.
        assert_eq!(tag("arn:aws:iam::111111111111:user/people/x/Ann"), tag("arn:aws:iam::111111111111:user/Ann"));
        let whose = |arn: &str| Whose::Principal { kind: PrincipalKind::User, arn: arn.to_owned() };
        let earlier = digits("principal arn:aws:iam::111111111111:user/people/ann");
        assert!(whose("arn:aws:iam::111111111111:user/people/Ann").is_told_by(&earlier));
        assert!(!whose("arn:aws:iam::111111111111:user/Ann").is_told_by(&earlier));
        assert!(whose("arn:aws:iam::111111111111:user/Ann").is_told_by(&whose("arn:aws:iam::111111111111:user/people/Ann").digits()));
    }

    #[test]
    fn a_sid_tells_when() {
        let whose = Whose::Account(AccountId::parse("111111111111").unwrap());
        let prefix = crate::ownership::sid_prefix("x");
        let sid = format!("{prefix}{}01234567", revoked_sid("2026-11-30T18:00:00Z", &whose));
        assert_eq!(revoked_since(&sid).as_deref(), Some("2026-11-30T18:00:00Z"));
        assert_eq!(revoked_of(&sid), Some(whose.digits().as_str()));
        let earlier = format!("{prefix}Revoked20261130T180000Z0123456789abcdef");
        assert_eq!((revoked_since(&earlier).as_deref(), revoked_of(&earlier)), (Some("2026-11-30T18:00:00Z"), None));
        for other in ["", "CrossroleRevoked", "Crossrole01234567Revoked2026", "Crossrole01234567Revoked20261130X180000Z", "Crossrole01234567é"] {
            assert_eq!(revoked_since(other), None, "{other}");
        }
    }
}
