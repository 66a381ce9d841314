//! The generated scenario: many roles, many trusted accounts, many buckets.

/// Returns a manifest of `roles` roles, `accounts` trusted accounts and `buckets` buckets that exist; role `i` is for
/// account `i mod accounts` and, where there are buckets, bucket `i mod buckets`.
pub(crate) fn fleet(roles: usize, accounts: usize, buckets: usize) -> String {
    let mut out = String::from("name = \"fleet\"\n\n[trusting]\naccount = \"222222222222\"\n");
    for account in 0..accounts {
        out.push_str(&format!("\n[trusted.team-{account}]\naccount = \"{:012}\"\nmanage = false\n", 300_000_000_000_u64 + account as u64));
    }
    for bucket in 0..buckets {
        out.push_str(&format!("\n[buckets.fleet-bucket-{bucket}]\n"));
    }
    for role in 0..roles {
        out.push_str(&format!(
            "\n[roles.Fleet{role}]\n\n[[roles.Fleet{role}.trust]]\naccount = \"team-{}\"\nexternal_id = \"fleet-{role}\"\n\n[[roles.Fleet{role}.allow]]\n",
            role % accounts.max(1)
        ));
        if buckets > 0 {
            out.push_str(&format!("bucket = \"fleet-bucket-{}\"\naccess = \"read\"\n", role % buckets));
        } else {
            out.push_str("actions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n");
        }
    }
    out
}
