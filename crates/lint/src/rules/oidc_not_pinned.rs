//! Tokens of a provider that are not pinned to one workload.

use std::collections::BTreeSet;

use crate::Use;
use crate::look::{allows, kind};
use crate::{Hits, Lint, Rule};
use crossrole_access::clauses::clauses;
use crossrole_access::tokens;
use crossrole_model::Severity;
use crossrole_model::audit::Lacks;

pub(super) const RULE: Rule = Rule {
    id: "oidc-not-pinned",
    severity: Severity::Error,
    what: "tokens of a provider that are not pinned to one workload",
    why: "Every user of that provider whose token passes comes in. What pins is the subject, up to whose workload it is, or GitHub's `job_workflow_ref`, and an audience; of a provider that makes tokens of one audience for all of its customers, that alone is none.",
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

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Trust && allows(s)) {
        let asked = clauses(statement);
        for provider in kind(statement, "Federated") {
            let Some(host) = tokens::host(provider) else { continue };
            let lacks = tokens::lacking(host, &asked).into_iter().chain(tokens::lacking_subject(host, &asked)).collect::<BTreeSet<_>>();
            for lacks in lacks {
                let message = match lacks {
                    Lacks::Audience => format!("tokens of {host} need no certain audience"),
                    Lacks::Subject => format!("tokens of {host} need no certain subject"),
                    Lacks::OneWorkload(pattern) => format!("`{pattern}` is the subject of many workloads"),
                    Lacks::OneWorkflow(pattern) => format!("`{pattern}` is the workflow of many repositories"),
                    Lacks::SignIn => format!("tokens of {host} for guests, who have not signed in, pass"),
                    // It is asked of users.
                    Lacks::SecondFactor(_) => continue,
                };
                hits.of(doc, statement, provider, message);
            }
        }
    }
}
