//! How ownership is written on live objects, since there is no state file: a tag, a Sid prefix, a group path.

use sha2::{Digest as _, Sha256};

use crate::state::Tags;

/// Key of the tag that every role, user, policy, provider and bucket of ours carries; its value is the manifest's name.
pub const OWNER_TAG: &str = "crossrole:manifest";

/// Inline policy that the console's "revoke sessions" writes; never touched, even on a role that is declared whole
/// (IAM User Guide, "Revoking IAM role temporary security credentials").
pub const REVOKE_POLICY: &str = "AWSRevokeOlderSessions";

/// Returns the beginning of the Sid of every bucket policy statement of `manifest`: `Crossrole` and eight hexadecimal
/// digits of the name's SHA-256. Fixed in length, so no manifest's prefix is the beginning of another's.
pub fn sid_prefix(manifest: &str) -> String {
    let digest = Sha256::digest(manifest.as_bytes());
    let hex: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("Crossrole{hex}")
}

/// Returns the beginning of a Sid that tells whose statement it is, if it may be one of ours.
pub fn sid_head(sid: &str) -> Option<&str> {
    /// `Crossrole` and eight digits.
    const LENGTH: usize = 17;
    sid.get(..LENGTH).filter(|head| head.starts_with("Crossrole"))
}

/// Returns the path of the groups that `manifest` makes. Groups can't be tagged, so the path is the proof.
pub fn group_path(manifest: &str) -> String {
    format!("/crossrole/{manifest}/")
}

/// Returns the manifest that owns an object with these tags.
pub fn owner(tags: &Tags) -> Option<&str> {
    tags.get(OWNER_TAG).map(String::as_str)
}

/// Returns the manifest that owns a group with this path.
pub fn group_owner(path: &str) -> Option<&str> {
    path.strip_prefix("/crossrole/")?.strip_suffix('/').filter(|name| !name.is_empty() && !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_differ_where_camel_case_would_not() {
        assert_ne!(sid_prefix("prod-data"), sid_prefix("proddata"));
        assert_eq!(sid_prefix("x").len(), "Crossrole".len() + 8);
        assert_eq!(group_owner(&group_path("a")), Some("a"));
        assert_eq!(group_owner("/crossrole/a/b/"), None);
    }
}
