//! A trust policy whose action is not one that its principal can ask for.

use crate::Use;
use crate::look::{allows, kind};
use crate::{Hits, Lint, Rule};
use crossrole_access::action_matches;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "mismatched-action-for-principal",
    severity: Severity::Error,
    what: "an identity provider that is to call `sts:AssumeRole`, or is named as an AWS principal",
    why: "Tokens of a provider come in by `sts:AssumeRoleWithWebIdentity` or `sts:AssumeRoleWithSAML`, as a `Federated` principal: AWS refuses the provider's ARN as a principal of its own, and the grant lets nobody in.",
    fix: "write `github`, `oidc` or `saml` in place of `principal`",
    bad: r#"[roles.R]

[[roles.R.trust]]
principal = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
github = { repository = "example-org/site", branch = "main" }
"#,
    check,
};

/// How providers come in (STS API reference, AssumeRoleWithWebIdentity and AssumeRoleWithSAML).
const PROVIDERS: [(&str, &str); 2] = [(":oidc-provider/", "sts:AssumeRoleWithWebIdentity"), (":saml-provider/", "sts:AssumeRoleWithSAML")];

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Trust && allows(s)) {
        for (part, action) in PROVIDERS {
            for arn in kind(statement, "AWS").iter().filter(|arn| arn.contains(part)) {
                hits.of(doc, statement, arn, format!("`{arn}` is a provider, and not an AWS principal"));
            }
            // A statement for tags or the source identity alone stands beside the one that lets in.
            let extra = |a: &String| ["sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext"].iter().any(|e| e.eq_ignore_ascii_case(a));
            let asked = statement.action.values.iter().any(|pattern| action_matches(pattern, action)) || statement.action.values.iter().all(extra);
            for arn in kind(statement, "Federated").iter().filter(|arn| arn.contains(part) && !asked) {
                hits.of(doc, statement, arn, format!("tokens of `{arn}` need `{action}`"));
            }
        }
    }
}
