//! A trust policy that lets anybody in.

use crate::Use;
use crate::look::{allows, everyone, limits};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::wildcard_matches;
use crossrole_model::Severity;
use crossrole_policy::Arn;

pub(super) const RULE: Rule = Rule {
    id: "anyone-may-assume",
    severity: Severity::Error,
    what: "a trust policy that lets anybody in",
    why: "Every principal of every account may assume the role. An external id or a second factor does not say whose: an external id is no secret, and anybody has a second factor of their own.",
    fix: "name principals, or limit `aws:PrincipalOrgID`, `aws:PrincipalAccount` or `aws:PrincipalArn`",
    bad: r#"[roles.R]

[[roles.R.trust]]
principal = "*"
external_id = "c0ffee"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
organization = "o-example1234"
"#,
    check,
};

/// Keys that say whose a caller is (IAM User Guide, "AWS global condition context keys", properties of the principal).
const WHOSE: &[&str] = &["aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalAccount", "aws:PrincipalArn", "aws:userid"];

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Trust && allows(s) && everyone(s)) {
        let known = limits(statement, WHOSE).any(|asked| !asked.values.iter().any(|v| of_any_account(v)));
        if !known {
            hits.of(doc, statement, "*", "anybody may assume it, of any account");
        }
    }
}

/// `arn:aws:iam::*:role/Name` is a role of that name in any account.
fn of_any_account(pattern: &str) -> bool {
    Arn::parse(pattern).is_some_and(|a| a.account.contains('*') && wildcard_matches(a.account, "000000000000") && wildcard_matches(a.account, "999999999999"))
}
