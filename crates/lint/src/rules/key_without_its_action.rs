//! A trust policy that asks for a session's tags or source identity and does not let any be set.

use crate::Use;
use crate::look::{allows, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::{Set, Test};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "key-without-its-action",
    severity: Severity::Error,
    what: "a trust condition on session tags or the source identity, without the action that sets them",
    why: "Passing tags takes `sts:TagSession`, and a source identity `sts:SetSourceIdentity`, of the same trust policy: without it, a request that meets the condition is refused.",
    fix: "set `session_tags = true` or `source_identity = true` beside the condition",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
conditions = { StringLike = { "sts:SourceIdentity" = "*@example.org" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
source_identity = true
conditions = { StringLike = { "sts:SourceIdentity" = "*@example.org" } }
"#,
    check,
};

/// Keys that only a request with something to set has (STS API reference, AssumeRole; IAM User Guide, "Keys for STS").
const KEYS: [(&str, &str); 4] = [
    ("sts:sourceidentity", "sts:SetSourceIdentity"),
    ("aws:requesttag/", "sts:TagSession"),
    ("aws:tagkeys", "sts:TagSession"),
    ("sts:transitivetagkeys", "sts:TagSession"),
];

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Trust && allows(s)) {
        for asked in conditions(statement) {
            let key = asked.key.to_ascii_lowercase();
            // Of the others, a request without the key passes.
            let needed = asked.operator.is_some_and(|o| !o.if_exists && !o.negated && o.set != Set::All && o.test != Test::Null);
            let Some((_, action)) = KEYS.iter().find(|(start, _)| key.starts_with(start)).filter(|_| needed) else { continue };
            let set = doc.document.statements.iter().filter(|s| allows(s)).flat_map(|s| &s.action.values);
            if !set.into_iter().any(|pattern| crossrole_access::action_matches(pattern, action)) {
                hits.at(doc, statement, format!("it asks for `{}`, and does not allow `{action}`", asked.key));
            }
        }
    }
}
