//! A bucket of ours that takes ACLs.

use crate::{Hits, Lint, Rule};
use crossrole_model::DesiredState;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "acls-on",
    severity: Severity::Note,
    what: "a bucket of ours that takes ACLs",
    why: "Access is then decided in two places, and a writer may own what it puts.",
    fix: "set `ownership = \"BucketOwnerEnforced\"`",
    bad: r#"[buckets.logs]
create = true
ownership = "ObjectWriter"
"#,
    good: r#"[buckets.logs]
create = true
ownership = "BucketOwnerEnforced"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (address, object) in &lint.desired.objects {
        if let DesiredState::Bucket(bucket) = &object.state
            && bucket.ownership.as_deref().is_some_and(|o| o != "BucketOwnerEnforced")
        {
            hits.object(address, "ACLs decide besides its policy");
        }
    }
}
