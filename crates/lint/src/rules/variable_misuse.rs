//! A policy variable where there are none, or one without an end.

use crate::look::conditions;
use crate::{Hits, Lint, Rule};
use crossrole_access::language::Test;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "variable-misuse",
    severity: Severity::Error,
    what: "a policy variable where there are none, or one without an end",
    why: "Variables work in resources and in values of text and ARN operators; elsewhere they are plain text that nothing equals, and in a principal they are refused.",
    fix: "move it, or write the value out",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/${aws:username"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/${aws:username}/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    let broken = |text: &String| text.rsplit_once("${").is_some_and(|(_, rest)| !rest.contains('}')) || text.contains("${}");
    for (doc, statement) in lint.statements() {
        let resources = statement.resource.iter().flat_map(|r| &r.values);
        let texts = resources.chain(conditions(statement).flat_map(|c| c.values));
        for text in texts.filter(|t| broken(t)) {
            hits.at(doc, statement, format!("the variable in `{text}` has no name or no end"));
        }
        for text in statement.principal.iter().flat_map(|p| p.entries.values().flatten()).filter(|t| t.contains("${")) {
            hits.of(doc, statement, text, format!("`{text}`: principals have no variables"));
        }
        for text in statement.action.values.iter().filter(|t| t.contains("${")) {
            hits.at(doc, statement, format!("`{text}`: actions have no variables"));
        }
        for asked in conditions(statement) {
            let text = asked.operator.is_some_and(|o| matches!(o.test, Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Arn));
            if !text && asked.values.iter().any(|v| v.contains("${")) {
                hits.at(doc, statement, format!("`{}` takes no variables", asked.written));
            }
        }
    }
}
