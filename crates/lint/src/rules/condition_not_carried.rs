//! A condition in a bucket policy that one of the statement's actions does not carry.

use crate::look::{actions, conditions, expand};
use crate::{Doc, Hits, Lint, Rule, Use};
use crossrole_access::catalogue;
use crossrole_model::Severity;
use crossrole_policy::Statement;

pub(super) const RULE: Rule = Rule {
    id: "condition-not-carried",
    severity: Severity::Warning,
    what: "a condition in a bucket policy that one of the statement's actions does not carry",
    why: "S3 takes a policy only where every action of a statement carries each key that it asks for. Of this key, or of such a pattern of actions, it was not seen what S3 does: AWS's reference has no such action with it.",
    fix: "ask for it beside the actions that carry the key alone, in a grant of their own",
    bad: r#"[buckets.logs]

[[buckets.logs.allow]]
account = "partner"
actions = ["s3:GetObject", "s3:PutObject"]
conditions = { StringEquals = { "s3:object-lock-mode" = "GOVERNANCE" } }
"#,
    good: r#"[buckets.logs]

[[buckets.logs.allow]]
account = "partner"
actions = "s3:GetObject"

[[buckets.logs.allow]]
account = "partner"
actions = "s3:PutObject"
conditions = { StringEquals = { "s3:object-lock-mode" = "GOVERNANCE" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement, lacks) in lacking(lint).filter(|(.., lacks)| !lacks.is_seen) {
        hits.at(doc, statement, format!("no request for `{}` has `{}`", lacks.action, lacks.key));
    }
}

/// A key that an action lacks.
pub(super) struct Lacks<'s> {
    pub(super) key: &'s str,
    pub(super) action: &'s str,
    /// S3 was seen to refuse it.
    pub(super) is_seen: bool,
}

/// Every key that a bucket policy asks for, with each action of the statement that does not carry it: of a pattern, where none that it
/// stands for does. What S3 has taken already is somebody else's, and what is left out of a statement's actions is no action of it.
pub(super) fn lacking<'l>(lint: &'l Lint<'_>) -> impl Iterator<Item = (&'l Doc, &'l Statement, Lacks<'l>)> {
    let ours = lint.statements().filter(|(doc, _)| doc.used == Use::Bucket && !doc.live);
    ours.flat_map(|(doc, statement)| {
        let each = conditions(statement).flat_map(|asked| actions(statement).iter().map(move |action| (asked.key, action.as_str())));
        each.filter_map(move |(key, action)| {
            let known = expand(action);
            let lacks = !known.is_empty() && !known.iter().any(|one| catalogue::s3::carries(one.name, key));
            let is_seen = !action.contains(['*', '?']) && catalogue::s3::is_seen(key);
            lacks.then_some((doc, statement, Lacks { key, action, is_seen }))
        })
    })
}
