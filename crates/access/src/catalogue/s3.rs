//! Which actions of S3 carry which of its condition keys (Service Authorization Reference, Amazon S3, as of `actions.txt`). S3 takes a bucket
//! policy only where every action of a statement carries each key that the statement asks for, whatever the operator.

const LISTS: &[&str] = &["s3:ListBucket", "s3:ListBucketVersions"];
const ACLS: &[&str] = &["s3:CreateBucket", "s3:PutBucketAcl", "s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl", "s3:BypassGovernanceRetention"];
const WRITES: &[&str] = &["s3:PutObject", "s3:BypassGovernanceRetention"];
const ENCRYPTS: &[&str] = &["s3:PutObject", "s3:ReplicateObject", "s3:UpdateObjectEncryption", "s3:BypassGovernanceRetention"];
const TAGS: &[&str] = &["s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:BypassGovernanceRetention"];
const CREATES: &[&str] = &["s3:CreateBucket"];
const PUTS: &[&str] = &["s3:PutObject"];
const ANNOTATIONS: &[&str] = &["s3:ListObjectAnnotations", "s3:ListObjectVersionAnnotations"];
const DELIVERS: &[&str] = &["s3:AllowVendedLogDeliveryForResource"];
const HOLDS: &[&str] = &["s3:PutObject", "s3:PutObjectRetention", "s3:ReplicateObject"];
const VERSIONED: &[&str] = &[
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionAnnotation",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAnnotation",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionTagging",
    "s3:GetObjectVersionTorrent",
    "s3:ListObjectVersionAnnotations",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionAnnotation",
    "s3:PutObjectVersionTagging",
];
const TAGGED: &[&str] = &[
    "s3:DeleteObjectAnnotation",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionAnnotation",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectAnnotation",
    "s3:GetObjectAttributes",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAnnotation",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionTagging",
    "s3:ListObjectAnnotations",
    "s3:ListObjectVersionAnnotations",
    "s3:PutObjectAcl",
    "s3:PutObjectAnnotation",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionAnnotation",
    "s3:PutObjectVersionTagging",
    "s3:UpdateObjectEncryption",
];

/// Keys that some actions carry and others do not; a trailing slash stands for any tag. Every other key of S3 goes with all.
const SPECIAL: &[(&str, &[&str])] = &[
    ("s3:annotation-prefix", ANNOTATIONS),
    ("s3:deliverysourcearn", DELIVERS),
    ("s3:delimiter", LISTS),
    ("s3:existingobjecttag/", TAGGED),
    ("s3:if-match", &["s3:PutObject", "s3:DeleteObject"]),
    ("s3:if-none-match", PUTS),
    ("s3:inventoryaccessibleoptionalfields", &["s3:PutInventoryConfiguration"]),
    ("s3:locationconstraint", CREATES),
    ("s3:logtype", DELIVERS),
    ("s3:max-annotation-results", ANNOTATIONS),
    ("s3:max-keys", LISTS),
    ("s3:object-lock-event-hold", HOLDS),
    ("s3:object-lock-event-hold-duration-days", HOLDS),
    ("s3:object-lock-legal-hold", &["s3:PutObject", "s3:PutObjectLegalHold"]),
    ("s3:object-lock-mode", &["s3:PutObject", "s3:PutObjectRetention"]),
    ("s3:object-lock-remaining-retention-days", &["s3:PutObject", "s3:PutObjectRetention"]),
    ("s3:object-lock-retain-until-date", &["s3:PutObject", "s3:PutObjectRetention"]),
    ("s3:objectcreationoperation", PUTS),
    ("s3:prefix", LISTS),
    ("s3:requestobjecttag/", TAGS),
    ("s3:requestobjecttagkeys", TAGS),
    ("s3:resourcearnbeingauthorized", DELIVERS),
    ("s3:versionid", VERSIONED),
    ("s3:x-amz-acl", ACLS),
    ("s3:x-amz-bucket-namespace", CREATES),
    ("s3:x-amz-copy-source", WRITES),
    ("s3:x-amz-grant-full-control", ACLS),
    ("s3:x-amz-grant-read", ACLS),
    ("s3:x-amz-grant-read-acp", ACLS),
    ("s3:x-amz-grant-write", ACLS),
    ("s3:x-amz-grant-write-acp", ACLS),
    ("s3:x-amz-metadata-directive", WRITES),
    ("s3:x-amz-object-annotation-directive", PUTS),
    ("s3:x-amz-object-if-match", &["s3:DeleteObjectAnnotation", "s3:DeleteObjectVersionAnnotation", "s3:PutObjectAnnotation", "s3:PutObjectVersionAnnotation"]),
    ("s3:x-amz-object-ownership", CREATES),
    ("s3:x-amz-server-side-encryption", ENCRYPTS),
    ("s3:x-amz-server-side-encryption-aws-kms-key-id", ENCRYPTS),
    ("s3:x-amz-server-side-encryption-customer-algorithm", &["s3:PutObject", "s3:ReplicateObject", "s3:BypassGovernanceRetention"]),
    ("s3:x-amz-storage-class", &["s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl", "s3:BypassGovernanceRetention"]),
    ("s3:x-amz-website-redirect-location", WRITES),
];

/// Keys of which live AWS was seen to refuse actions that the reference has without them, and to take those that it has with them:
/// justincormack/argmin, "Bucket policy condition data availability" (object tags, headers of writes, ACLs, encryption); of the keys of
/// listings, S3 User Guide, "Bucket policy examples using condition keys", and humanmade/S3-Uploads, issue 239.
const SEEN: &[&str] = &[
    "s3:delimiter",
    "s3:existingobjecttag/",
    "s3:max-keys",
    "s3:prefix",
    "s3:requestobjecttag/",
    "s3:x-amz-acl",
    "s3:x-amz-copy-source",
    "s3:x-amz-grant-full-control",
    "s3:x-amz-grant-read",
    "s3:x-amz-grant-read-acp",
    "s3:x-amz-metadata-directive",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-customer-algorithm",
];

/// The keys as they stand here: in lower case, and one of tags without its tag.
fn is(name: &str, key: &str) -> bool {
    let begins = || key.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    name.eq_ignore_ascii_case(key) || name.ends_with('/') && begins()
}

/// Tells whether an action, as AWS spells it, carries a condition key that is known.
pub fn carries(action: &str, key: &str) -> bool {
    SPECIAL.iter().find(|(name, _)| is(name, key)).is_none_or(|(_, actions)| actions.contains(&action))
}

/// Tells whether what the reference says of a key is what S3 was seen to do.
pub fn is_seen(key: &str) -> bool {
    SEEN.iter().any(|name| is(name, key))
}

/// Returns the keys that only some actions carry, in lower case; those of tags end with a slash.
pub fn special_keys() -> impl Iterator<Item = &'static str> {
    SPECIAL.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_catalogue() {
        for (key, actions) in SPECIAL {
            assert!(crate::catalogue::key(&key.replace('/', "/x")).is_some(), "{key}");
            assert!(actions.iter().all(|name| crate::catalogue::action(name).is_some_and(|action| action.name == *name)), "{key}");
        }
        assert!(SEEN.iter().all(|key| SPECIAL.iter().any(|(name, _)| name == key)));
    }

    /// What live AWS took and refused (see [`SEEN`]).
    #[test]
    fn actions_carry_what_was_seen() {
        for (action, key, carried) in [
            ("s3:GetObjectAttributes", "s3:ExistingObjectTag/security", true),
            ("s3:DeleteObjectTagging", "s3:ExistingObjectTag/security", true),
            ("s3:PutObject", "s3:ExistingObjectTag/security", false),
            ("s3:DeleteObjectVersion", "s3:ExistingObjectTag/security", false),
            ("s3:GetObjectRetention", "s3:ExistingObjectTag/security", false),
            ("s3:PutObjectLegalHold", "s3:ExistingObjectTag/security", false),
            ("s3:BypassGovernanceRetention", "s3:ExistingObjectTag/security", false),
            ("s3:PutObjectAcl", "s3:RequestObjectTag/security", false),
            ("s3:PutObjectRetention", "s3:RequestObjectTag/security", false),
            ("s3:PutObject", "s3:x-amz-copy-source", true),
            ("s3:GetObjectVersion", "s3:x-amz-copy-source", false),
            ("s3:PutObject", "s3:x-amz-metadata-directive", true),
            ("s3:GetObject", "S3:X-Amz-Acl", false),
            ("s3:GetObject", "s3:x-amz-grant-full-control", false),
            ("s3:GetObject", "s3:x-amz-server-side-encryption-customer-algorithm", false),
            ("s3:ListBucket", "s3:prefix", true),
            ("s3:GetBucketLocation", "s3:prefix", false),
            ("s3:GetObject", "s3:ResourceAccount", true),
        ] {
            assert_eq!(carries(action, key), carried, "{action} {key}");
        }
    }
}
