//! How ownership is written on live objects, since there is no state file: a tag, a Sid prefix, a group path.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::call::PrincipalRef;
use crate::desired::ManifestRef;
use crate::facet::Digest;
use crate::limits;
use crate::revoked::Whose;
use crate::state::Tags;

/// Key of the tag that every role, user, policy, provider and bucket of ours carries; its value is the manifest's name.
pub const OWNER_TAG: &str = "crossrole:manifest";

/// Key of the tag that tells which alias a key of ours is to have: between its making and its naming, nothing else does.
pub const ALIAS_TAG: &str = "crossrole:alias";

/// Inline policy that the console's "revoke sessions" writes; never touched, even on a role that is declared whole
/// (IAM User Guide, "Revoking IAM role temporary security credentials").
pub const REVOKE_POLICY: &str = "AWSRevokeOlderSessions";

/// Inline policy that denies the sessions of whom a manifest revokes: ours, so that it comes and goes with the manifest.
pub const REVOKED_POLICY: &str = "crossrole-revoked";

/// Key of the tag of a role that tells when somebody's access to it was last revoked: a manifest that knows nothing of that gives
/// nothing again.
pub const REVOKED_TAG: &str = "crossrole:revoked";

/// Returns the key of the tag of a role that tells when somebody's access to it was revoked: `crossrole:revoked-` and twelve hexadecimal
/// digits of whose it was. What is known of one says nothing of another.
pub fn revoked_tag(whose: &Whose) -> String {
    format!("{REVOKED_TAG}-{}", whose.digits())
}

/// Where AWS takes no more tags, those of the earliest revocations go: the latest instant of all of them is still told.
pub fn without_earliest_revoked(tags: &mut Tags) {
    while tags.len() > limits::TAGS {
        let whom = tags.iter().filter(|(tag, _)| tag.starts_with(REVOKED_TAG) && *tag != REVOKED_TAG);
        let Some(earliest) = whom.min_by_key(|(_, since)| since.as_str()).map(|(tag, _)| tag.clone()) else { break };
        tags.remove(&earliest);
    }
}

/// Returns the beginning of the Sid of every bucket policy statement of `manifest`: `Crossrole` and eight hexadecimal
/// digits of the name's SHA-256. Fixed in length, so no manifest's prefix is the beginning of another's.
pub fn sid_prefix(manifest: &str) -> String {
    let digest = Sha256::digest(manifest.as_bytes());
    let hex: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("Crossrole{hex}")
}

/// Returns whose marks are of a run: every name that its manifests have, or had, with the manifest by the name that it has.
pub fn marks(manifests: &[ManifestRef]) -> BTreeMap<&str, &str> {
    manifests.iter().flat_map(|manifest| manifest.names().map(|name| (name, manifest.name.as_str()))).collect()
}

/// Returns the same by how the Sids of statements begin.
pub fn sid_marks(manifests: &[ManifestRef]) -> BTreeMap<String, &str> {
    marks(manifests).into_iter().map(|(name, manifest)| (sid_prefix(name), manifest)).collect()
}

/// Name of the inline policy that carries what a manifest's `allow` and `statement` say of a role.
pub const INLINE_POLICY: &str = "crossrole";

/// The Sid of the statement that lets a principal assume the roles of a manifest. It has one in each part of its caller policy.
pub fn assume_sid(manifest: &str) -> String {
    format!("{}AssumeRoles", sid_prefix(manifest))
}

/// Path of the caller's side: the policies that let principals assume roles of other accounts. One document belongs to all
/// manifests that speak of its principal, so that a principal holds one, however many there are (IAM lets it hold ten).
pub const CALLER_PATH: &str = "/crossrole/caller/";

/// Tells whether an ARN is that of a policy of the caller's side.
pub fn is_caller_arn(arn: &str) -> bool {
    arn.contains(":policy/crossrole/caller/")
}

/// Returns the name of a principal's caller policy, `crossrole-caller-group-Developers`; of its second part, where one is
/// full, `crossrole-caller2-group-Developers`.
pub fn caller_policy(principal: &PrincipalRef, part: usize) -> String {
    let number = if part < 2 { String::new() } else { part.to_string() };
    format!("crossrole-caller{number}-{}", caller_key(principal))
}

/// Returns what tells principals of an account apart in names of caller policies: `group-Developers`; with a hash in place of
/// its end where IAM would not take the length.
pub fn caller_key(principal: &PrincipalRef) -> String {
    /// Longest name of a managed policy (128), less `crossrole-caller`, three digits and a hyphen.
    const LIMIT: usize = 108;
    let key = format!("{}-{}", principal.kind.as_str(), principal.name);
    if key.len() <= LIMIT {
        return key;
    }
    let hash = Digest::of(key.as_bytes()).to_string();
    key.chars().take(LIMIT - 9).chain(std::iter::once('-')).chain(hash.chars().take(8)).collect()
}

/// Returns which part of whose caller policy this name is: the number, from 1, and the [key](caller_key).
pub fn caller_part(name: &str) -> Option<(usize, &str)> {
    let (number, key) = name.strip_prefix("crossrole-caller")?.split_once('-')?;
    let part = if number.is_empty() { 1 } else { number.parse().ok().filter(|n| *n > 1)? };
    Some((part, key))
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

    #[test]
    fn every_part_of_a_caller_policy_tells_whose_it_is() {
        for name in ["Devs", "Devs-2", "2-Devs", "caller2-group-Devs", &"x".repeat(128)] {
            let principal = PrincipalRef { kind: crate::PrincipalKind::Group, name: name.to_owned() };
            for part in [1, 2, 17] {
                let policy = caller_policy(&principal, part);
                assert!(policy.len() <= 128, "{policy}");
                assert_eq!(caller_part(&policy), Some((part, caller_key(&principal).as_str())));
            }
        }
        for other in ["crossrole-caller", "crossrole-callers-group-x", "crossrole-caller1-group-x", "crossrole-prod-group-x"] {
            assert_eq!(caller_part(other), None, "{other}");
        }
    }
}
