//! A bucket of ours without block public access.

use crate::{Hits, Lint, Rule};
use crossrole_model::DesiredState;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "public-access-block-off",
    severity: Severity::Warning,
    what: "a bucket of ours without block public access",
    why: "A later mistake in a policy or an ACL makes it public.",
    fix: "set `public_access_block` to `true`; left out, a bucket that exists keeps what it has",
    bad: r"[buckets.logs]
create = true
public_access_block = false
",
    good: r"[buckets.logs]
create = true
public_access_block = true
",
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (address, object) in &lint.desired.objects {
        if let DesiredState::Bucket(bucket) = &object.state
            && bucket.public_access_block.is_some_and(|b| !(b.block_acls && b.ignore_acls && b.block_policy && b.restrict_buckets))
        {
            hits.object(address, "nothing keeps it from becoming public");
        }
    }
}
