//! An account id that has not 12 digits.

use crate::look::{account_ids, aws};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;
use crossrole_policy::Arn;

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
        for text in aws(statement).iter().filter(|text| names_no_account(text)) {
            hits.of(doc, statement, text, format!("`{text}` names no account"));
        }
    }
}

/// A user, role or session is of an account; only CloudFront's origin access identities are of none (CloudFront Developer Guide,
/// "Restricting access to an Amazon S3 origin").
fn names_no_account(principal: &str) -> bool {
    let account = Arn::parse(principal).filter(|a| ["iam", "sts"].contains(&a.service)).map(|a| a.account);
    account.is_some_and(|id| id != "cloudfront" && !id.contains(['*', '?', '$']) && (id.is_empty() || id.bytes().any(|b| !(b.is_ascii_digit() || b == b'-'))))
}

/// `aws`, `cloudfront` and the like stand for accounts of AWS's own.
fn is_malformed(id: &str) -> bool {
    let number = id.bytes().all(|b| b.is_ascii_digit() || b == b'-') && id.bytes().any(|b| b.is_ascii_digit());
    number && !(id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()))
}
