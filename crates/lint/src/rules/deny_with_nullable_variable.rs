//! A Deny whose variable may be missing.

use crate::look::{Asked, allows, conditions};
use crate::{Doc, Hits, Lint, Rule};
use crossrole_access::language::Test;
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
    /// What every signed request has (IAM User Guide, "AWS global condition context keys"), and what is no variable.
    const ALWAYS: &[&str] = &[
        "aws:currenttime",
        "aws:epochtime",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principaltype",
        "aws:securetransport",
        "aws:userid",
        "aws:viaawsservice",
        "*",
        "?",
        "$",
    ];
    // Without variables, `${…}` is plain text.
    let has_variables = |doc: &Doc| doc.document.version.as_deref() == Some(crossrole_policy::VERSION);
    for (doc, statement) in lint.statements().filter(|(doc, s)| !allows(s) && has_variables(doc)) {
        let resources = statement.resource.iter().filter(|r| !r.negated).flat_map(|r| &r.values);
        // A missing variable equals nothing, so that "not equal" holds: of a negated operator, the Deny applies.
        let positive = conditions(statement).filter(|c| c.operator.is_some_and(|o| !o.negated));
        for text in resources.chain(positive.flat_map(|c| c.values)) {
            let names = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
            // What is asked for besides is meant to be there.
            let asked = |name: &str| conditions(statement).any(|c| c.is_of(&[name]) && (c.is_needed() || is_present(&c)));
            for name in names.filter(|n| !n.contains(',') && !ALWAYS.contains(&n.to_ascii_lowercase().as_str()) && !asked(n)) {
                hits.at(doc, statement, format!("the Deny does not apply where `{name}` is missing"));
            }
        }
    }
}

/// `Null` false.
fn is_present(asked: &Asked<'_>) -> bool {
    asked.operator.is_some_and(|o| o.test == Test::Null) && asked.values.iter().all(|v| v.eq_ignore_ascii_case("false"))
}
