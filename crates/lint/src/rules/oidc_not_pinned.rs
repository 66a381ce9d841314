//! Tokens of a provider that are not pinned to one workload.

use crate::Use;
use crate::look::{allows, conditions, kind};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "oidc-not-pinned",
    severity: Severity::Error,
    what: "tokens of a provider that are not pinned to one workload",
    why: "Every user of that provider whose token passes comes in.",
    fix: "pin the subject to a repository and an environment, branch or tag",
    bad: r#"[roles.R]

[[roles.R.trust]]
oidc = "token.actions.githubusercontent.com"
audience = "sts.amazonaws.com"
subject = "repo:example-org/*"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
oidc = "token.actions.githubusercontent.com"
audience = "sts.amazonaws.com"
subject = "repo:example-org/site:environment:production"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

/// Providers whose tokens have the same audience for all of their customers (IAM User Guide, "Identity-provider controls for
/// shared OIDC providers").
const SHARED: &[&str] = &[
    "agent.buildkite.com",
    "api.pulumi.com/oidc",
    "app.terraform.io",
    "gitlab.com",
    "oidc.circleci.com",
    "oidc.codefresh.io",
    "oidc.vercel.com",
    "token.actions.githubusercontent.com",
];

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Trust && allows(s)) {
        for provider in kind(statement, "Federated") {
            let Some((_, host)) = provider.split_once(":oidc-provider/") else { continue };
            let values = |claim: &str| -> Vec<&String> {
                let key = format!("{host}:{claim}");
                conditions(statement)
                    .filter(|c| c.key.eq_ignore_ascii_case(&key) && c.operator.is_some_and(|o| !o.negated && !o.if_exists))
                    .flat_map(|c| c.values)
                    .collect()
            };
            let (audience, subject) = (values("aud"), values("sub"));
            // An audience of one's own is a pin; one that every user of the provider may ask for is none.
            let shared = SHARED.contains(&host) || audience.iter().any(|a| *a == "sts.amazonaws.com");
            let lacks = match (audience.is_empty(), subject.is_empty()) {
                (true, true) => Some("neither a certain audience nor a certain subject"),
                (true, false) => Some("no certain audience"),
                (false, true) if shared => Some("no certain subject"),
                (false, _) => None,
            };
            if let Some(lacks) = lacks {
                hits.of(doc, statement, provider, format!("tokens of {host} need {lacks}"));
            }
            // `repo:owner/name:…`: what stands before the second colon says whose workload it is.
            for value in subject.iter().filter(|v| v.splitn(3, ':').take(2).any(|part| part.contains(['*', '?']))) {
                hits.of(doc, statement, provider, format!("`{value}` is the subject of many workloads"));
            }
        }
    }
}
