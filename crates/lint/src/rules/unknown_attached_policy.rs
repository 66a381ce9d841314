//! Policies on a role that no rule sees.

use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unknown-attached-policy",
    severity: Severity::Note,
    what: "policies on a role whose statements are not known here",
    why: "No rule has looked at what they allow. A plan reads them, and its Access section says what it could not read.",
    fix: "declare the policy in this manifest, or look at it where it is",
    bad: r#"[roles.R]
policies = ["arn:aws:iam::222222222222:policy/Theirs"]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
"#,
    good: r#"[policies.Ours]

[[policies.Ours.statement]]
actions = "s3:ListAllMyBuckets"
resources = "*"

[roles.R]
policies = ["Ours"]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    // What was read is decided, or said to be undecided, where access is.
    for (role, names) in lint.unknown.iter().filter(|_| !lint.live) {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        hits.object(role, format!("what {} allow{} is not known here", names.join(", "), if names.len() == 1 { "s" } else { "" }));
    }
}
