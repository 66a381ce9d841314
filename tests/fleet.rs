//! The generated scenario: many roles, many trusted accounts, many buckets.

/// Returns manifest `index` of so many, over this many accounts: a role that reads a bucket that it makes, for a group in one account
/// that all of them share. `mfa`: a small change, the same in each.
#[allow(dead_code, reason = "not every binary that has this module asks for it")]
pub(crate) fn team(index: usize, accounts: usize, mfa: bool) -> String {
    let (account, mfa) = (300_000_000_000_u64 + (index % accounts) as u64, if mfa { "mfa = true\n" } else { "" });
    format!(
        "name = \"team-{index}\"\n\n[trusting]\naccount = \"{account:012}\"\n\n[trusted.hub]\naccount = \"111111111111\"\n\n\
         [trusted.hub.groups.Readers-{index}]\nmembers = [\"reader-{index}\"]\n\n[trusted.hub.users.reader-{index}]\n\n\
         [buckets.team-bucket-{index}]\ncreate = true\n\n[roles.Reader-{index}]\n\n[[roles.Reader-{index}.trust]]\ngroup = \"hub/Readers-{index}\"\n{mfa}\n\
         [[roles.Reader-{index}.allow]]\nbucket = \"team-bucket-{index}\"\naccess = \"read\"\n"
    )
}

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
