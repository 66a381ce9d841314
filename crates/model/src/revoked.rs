//! Access that manifests say is taken back.

use crate::address::Address;
use crate::call::PrincipalKind;
use crate::desired::Place;
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

/// The middle of such a Sid.
pub fn revoked_sid(since: &str) -> String {
    format!("Revoked{}", since.replace(['-', ':'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_tells_when() {
        let sid = format!("{}{}0123456789abcdef", crate::ownership::sid_prefix("x"), revoked_sid("2026-11-30T18:00:00Z"));
        assert_eq!(revoked_since(&sid).as_deref(), Some("2026-11-30T18:00:00Z"));
        for other in ["", "CrossroleRevoked", "Crossrole01234567Revoked2026", "Crossrole01234567Revoked20261130X180000Z", "Crossrole01234567é"] {
            assert_eq!(revoked_since(other), None, "{other}");
        }
    }
}
