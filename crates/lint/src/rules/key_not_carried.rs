//! A grant on an encrypted bucket without its key.

use std::collections::BTreeSet;

use crate::Use;
use crate::look::{about, acts, allows};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

/// What S3 asks KMS for in the caller's name (S3 User Guide, "Using server-side encryption with AWS KMS keys").
const NEEDS: [(&str, &str); 2] = [("s3:GetObject", "kms:Decrypt"), ("s3:PutObject", "kms:GenerateDataKey")];

pub(super) const RULE: Rule = Rule {
    id: "key-not-carried",
    severity: Severity::Warning,
    what: "a grant on the objects of an encrypted bucket, and none on its key",
    why: "S3 asks KMS as whoever asks S3: without the key, objects can be neither read nor written.",
    fix: "let it use the key, as `allow` does by itself, unless policies that crossrole does not write do",
    bad: r#"[buckets.exchange]
encryption = { kms_key = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
region = "eu-west-1"

[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::exchange/*"
"#,
    good: r#"[buckets.exchange]
encryption = { kms_key = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
region = "eu-west-1"

[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.allow]]
bucket = "exchange"
access = "read"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (bucket, used) in &lint.desired.bucket_keys {
        let key = used.key.arn.as_str();
        for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Identity && !doc.live && allows(s)) {
            // Only what names this bucket: of patterns over all buckets nobody says that they mean it.
            let named = statement.resource.iter().flat_map(|r| &r.values).any(|v| v.contains(&format!(":::{bucket}/")));
            if !named {
                continue;
            }
            let carried = |action: &str| {
                let beside = lint.statements().filter(|(other, s)| other.address == doc.address && other.used == Use::Identity && allows(s));
                beside.into_iter().any(|(_, s)| acts(s, action) && about(s, key))
            };
            let missing: BTreeSet<&str> =
                NEEDS.iter().filter(|(of_s3, of_kms)| acts(statement, of_s3) && !carried(of_kms)).map(|(_, of_kms)| *of_kms).collect();
            if !missing.is_empty() {
                let missing: Vec<&str> = missing.into_iter().collect();
                hits.at(doc, statement, format!("bucket {bucket} is encrypted with key {key}, and nothing here allows {}", missing.join(", ")));
            }
        }
    }
}
