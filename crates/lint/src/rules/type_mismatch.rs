//! An operator of another type than its key.

use crate::look::conditions;
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue::{self, KeyType};
use crossrole_access::language::Test;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "type-mismatch",
    severity: Severity::Warning,
    what: "an operator of another type than its key",
    why: "Numbers, dates, addresses and ARNs compared as text, or text as those, do not mean what they say.",
    fix: "use the operator of the key's type",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { StringEquals = { "aws:SourceIp" = "203.0.113.0/24" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { IpAddress = { "aws:SourceIp" = "203.0.113.0/24" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for asked in conditions(statement) {
            let (Some(operator), Some(key)) = (asked.operator, catalogue::key(asked.key)) else { continue };
            // Variables fill in what is compared, and only text and ARN operators take them.
            let filled = !asked.values.is_empty() && asked.values.iter().all(|v| v.starts_with("${") && v.find('}') == Some(v.len() - 1));
            let fits = match operator.test {
                Test::Null => true,
                Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike if filled => true,
                Test::StringEquals | Test::StringEqualsIgnoreCase => matches!(key.kind, KeyType::Text | KeyType::Arn | KeyType::Bool),
                Test::StringLike => matches!(key.kind, KeyType::Text | KeyType::Arn),
                // A tag may hold an ARN.
                Test::Arn => key.kind == KeyType::Arn || asked.key.contains('/'),
                Test::Number(_) => key.kind == KeyType::Number || asked.key.eq_ignore_ascii_case("aws:EpochTime"),
                Test::Date(_) => key.kind == KeyType::Date,
                Test::Bool => key.kind == KeyType::Bool,
                Test::Binary => false,
                Test::Ip => key.kind == KeyType::Ip,
            };
            if !fits {
                hits.at(doc, statement, format!("`{}` does not fit `{}`", asked.written, asked.key));
            }
        }
    }
}
