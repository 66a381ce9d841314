//! A service that there is not.

use crate::look::arns;
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unknown-service",
    severity: Severity::Warning,
    what: "a service that there is not, in an action or an ARN",
    why: "A misspelt service grants nothing, and a misspelt service in a Deny stops nothing.",
    fix: "correct its name; the catalogue knows the services of the Service Authorization Reference on its date",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s4:GetObject"
resources = "*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "sns:Publish"
resources = "*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    let unknown = |service: &str| !service.is_empty() && !service.contains(['*', '?', '$']) && !catalogue::is_service(service);
    for (doc, statement) in lint.statements() {
        for action in &statement.action.values {
            if let Some((service, _)) = action.split_once(':').filter(|(service, _)| unknown(service)) {
                hits.at(doc, statement, format!("`{service}` in `{action}` is no service"));
            }
        }
        for (arn, text) in arns(statement).filter(|(arn, _)| unknown(arn.service)) {
            hits.of(doc, statement, text, format!("`{}` in `{text}` is no service", arn.service));
        }
    }
}
