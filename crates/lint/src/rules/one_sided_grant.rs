//! One side of a grant between accounts, and not the other.

use crate::Use;
use crate::look::{acts, allows, aws, expand, resources};
use crossrole_model::{AccountId, Address, Kind, Severity};

use super::may;
use crate::{Hits, Lint, Rule};

pub(super) const RULE: Rule = Rule {
    id: "one-sided-grant",
    severity: Severity::Warning,
    what: "one side of a grant between accounts, and not the other",
    why: "Between accounts both must allow: the caller's policies and the role's trust or the bucket's policy. One of them alone grants nothing.",
    fix: "grant the other side too; `user`, `role` and `group` in `trust` and `allow` make both",
    bad: r#"[trusted.dev.roles.App]

[[trusted.dev.roles.App.trust]]
service = "lambda.amazonaws.com"
source_account = "111111111111"

[roles.R]

[[roles.R.trust]]
principal = "arn:aws:iam::111111111111:role/App"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[trusted.dev.roles.App]

[[trusted.dev.roles.App.trust]]
service = "lambda.amazonaws.com"
source_account = "111111111111"

[roles.R]

[[roles.R.trust]]
role = "dev/App"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| !doc.live && allows(s) && doc.used != Use::Identity) {
        let (action, resource) = match doc.used {
            Use::Trust => ("sts:AssumeRole", lint.role_arn(doc).cloned()),
            _ => {
                let action = statement.action.values.iter().flat_map(|p| expand(p)).find(|a| a.name.starts_with("s3:"));
                (action.map_or("s3:GetObject", |a| a.name), resources(statement).first().map(|r| r.replace('*', "x")))
            }
        };
        let Some(resource) = resource.filter(|_| acts(statement, action)) else { continue };
        for arn in aws(statement) {
            let Some(principal) = lint.estate.principals.get(arn).filter(|p| p.account != doc.address.account.as_str()) else { continue };
            if !may(principal, action, &resource) {
                hits.of(
                    doc,
                    statement,
                    arn,
                    format!(
                        "{} {} of {} is let in, and its own policies do not allow {action} on {resource}",
                        if principal.user { "user" } else { "role" },
                        principal.name,
                        principal.account
                    ),
                );
            }
        }
    }
    // The reverse: what policies allow on a role or bucket of another account that does not let them in.
    for (arn, principal) in &lint.estate.principals {
        for placed in &principal.identity {
            for statement in placed.document.statements.iter().filter(|s| allows(s)) {
                for resource in resources(statement).iter().filter(|r| !r.contains('*') && acts(statement, "sts:AssumeRole")) {
                    let Some(role) = lint.estate.roles.get(resource).filter(|r| r.account != principal.account) else { continue };
                    let trusts = role
                        .policy
                        .iter()
                        .flat_map(|p| p.document.aws_principals())
                        .any(|p| p == "*" || p == arn || crate::look::account(p) == Some(&principal.account) && crate::look::is_account(p));
                    let named = || Some(Address::new(&AccountId::parse(&role.account)?, Kind::Role, resource.rsplit('/').next()?));
                    if let Some(address) = (!trusts).then(named).flatten().filter(|a| lint.desired.objects.contains_key(a)) {
                        hits.object(&address, format!("{arn} may assume it by its own policies, and its trust policy does not let it in"));
                    }
                }
            }
        }
    }
}
