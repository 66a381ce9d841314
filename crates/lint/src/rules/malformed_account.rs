//! An account id that has not 12 digits.

use crate::look::account_ids;
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "malformed-account",
    severity: Severity::Error,
    what: "an account id that has not 12 digits",
    why: "No account has it: as a principal it is refused, and in an ARN or a condition it matches nothing. Zeros in front are part of an id.",
    fix: "write all 12 digits, without hyphens",
    bad: r#"[roles.R]

[[roles.R.trust]]
principal = "arn:aws:iam::44444444444:role/Reader"
external_id = "c0ffee"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
principal = "arn:aws:iam::444444444444:role/Reader"
external_id = "c0ffee"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for (id, text) in account_ids(statement).filter(|(id, _)| is_malformed(id)) {
            let digits = id.bytes().filter(u8::is_ascii_digit).count();
            let why = if digits == 12 { "has more than digits".to_owned() } else { format!("has {digits} digits, not 12") };
            hits.of(doc, statement, text, format!("account `{id}` in `{text}` {why}"));
        }
    }
}

/// `aws`, `cloudfront` and the like stand for accounts of AWS's own.
fn is_malformed(id: &str) -> bool {
    let number = id.bytes().all(|b| b.is_ascii_digit() || b == b'-') && id.bytes().any(|b| b.is_ascii_digit());
    number && !(id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()))
}
