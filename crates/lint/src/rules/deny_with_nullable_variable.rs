//! A Deny whose variable may be missing.

use crate::look::{allows, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "deny-with-nullable-variable",
    severity: Severity::Warning,
    what: "a Deny whose variable may be missing",
    why: "Where the variable has no value, the statement does not match: the Deny silently does not apply.",
    fix: "give the variable a default, as in `${aws:PrincipalTag/team, 'none'}`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
effect = "Deny"
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/${aws:PrincipalTag/team}/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
effect = "Deny"
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/${aws:PrincipalTag/team, 'none'}/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    /// Keys that every signed request has.
    const ALWAYS: &[&str] = &["aws:userid", "aws:principaltype", "aws:principalarn", "aws:principalaccount", "*", "?", "$"];
    for (doc, statement) in lint.statements().filter(|(_, s)| !allows(s)) {
        let resources = statement.resource.iter().filter(|r| !r.negated).flat_map(|r| &r.values);
        for text in resources.chain(conditions(statement).flat_map(|c| c.values)) {
            let names = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
            for name in names.filter(|n| !n.contains(',') && !ALWAYS.contains(&n.to_ascii_lowercase().as_str())) {
                hits.at(doc, statement, format!("the Deny does not apply where `{name}` is missing"));
            }
        }
    }
}
