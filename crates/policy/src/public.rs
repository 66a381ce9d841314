//! Which bucket policies are public.

use crate::{Arn, Document, Effect, Statement};

/// Tells whether S3 calls a bucket policy public: it does unless every Allow is limited to fixed values (S3 User Guide, "The meaning of public").
pub fn is_public(document: &Document) -> bool {
    document.statements.iter().filter(|s| s.effect == Effect::Allow).any(|statement| {
        let everyone = statement.principal.as_ref().is_some_and(|p| p.negated || p.bare_star || p.entries.values().flatten().any(|v| v == "*"));
        everyone && !has_fixed_condition(statement)
    })
}

fn has_fixed_condition(statement: &Statement) -> bool {
    const KEYS: &[&str] = &[
        "aws:principalorgid",
        "aws:sourcearn",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceowner",
        "aws:sourceaccount",
        "aws:principalarn",
        "aws:principalaccount",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "aws:userid",
        "s3:dataaccesspointarn",
        "s3:dataaccesspointaccount",
    ];
    const OPERATORS: &[&str] = &["stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"];
    statement.conditions.iter().filter(|(op, _)| OPERATORS.contains(&op.to_ascii_lowercase().as_str())).flat_map(|(_, keys)| keys).any(|(key, values)| {
        let key = key.to_ascii_lowercase();
        if key == "aws:sourceip" {
            return !values.is_empty() && values.iter().all(|v| narrow_range(v));
        }
        let fixed = |text: &str| !text.contains(['*', '?']) && !text.contains("${");
        // The name of an access point may have wildcards, where its account has none.
        let of_account = |value: &str| key == "s3:dataaccesspointarn" && Arn::parse(value).is_some_and(|arn| !arn.account.is_empty() && fixed(arn.account));
        KEYS.contains(&key.as_str()) && !values.is_empty() && values.iter().all(|value| fixed(value) || of_account(value))
    })
}

/// Not broader than /8 (IPv4) or /32 (IPv6).
fn narrow_range(text: &str) -> bool {
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    let least = if address.contains(':') { 32 } else { 8 };
    length.is_empty() || length.parse::<u8>().is_ok_and(|l| l >= least)
}
