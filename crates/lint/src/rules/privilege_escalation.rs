//! Actions by which a principal can give itself more.

use crate::look::{BY_RESOURCE, about_every, actions, acts, allows, has_key, limits};
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue;
use crossrole_access::language::wildcard_matches;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "privilege-escalation",
    severity: Severity::Error,
    what: "actions by which a principal can give itself more",
    why: "Each of these, on principals or policies that are not limited, makes an administrator.",
    fix: "limit them to paths that this principal is not in, and require a permissions boundary",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "iam:PutRolePolicy"
resources = "*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "iam:PutRolePolicy"
resources = "arn:aws:iam::222222222222:role/apps/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    // Known ways up (AWS Prescriptive Guidance and published research on IAM privilege escalation).
    const UP: &[&str] = &[
        "iam:AddUserToGroup",
        "iam:AttachGroupPolicy",
        "iam:AttachRolePolicy",
        "iam:AttachUserPolicy",
        "iam:CreateAccessKey",
        "iam:CreateLoginProfile",
        "iam:CreatePolicyVersion",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteUserPermissionsBoundary",
        "iam:PutGroupPolicy",
        "iam:PutRolePolicy",
        "iam:PutUserPolicy",
        "iam:SetDefaultPolicyVersion",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateLoginProfile",
    ];
    // Whoever may attach one of these has everything.
    const ALL: &[&str] = &["arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/IAMFullAccess"];
    for (doc, statement) in lint.granted().filter(|(_, s)| allows(s) && !actions(s).is_empty()) {
        let own = doc.address.account.as_str();
        let ways: Vec<&str> = UP
            .iter()
            .copied()
            .filter(|a| acts(statement, a) && catalogue::action(a).is_some_and(|a| a.resources.iter().any(|kind| about_every(statement, kind, Some(own)))))
            .collect();
        // Only attaching and detaching has the key, so all else is not allowed by such a statement (Service Authorization
        // Reference, AWS IAM).
        let policies = limits(statement, &["iam:PolicyARN"]).any(|c| !c.values.iter().any(|v| ALL.iter().any(|all| wildcard_matches(v, all))));
        let limited = policies || has_key(statement, &["iam:PermissionsBoundary"]) || limits(statement, BY_RESOURCE).next().is_some();
        if !ways.is_empty() && !limited {
            hits.at(doc, statement, format!("{} on everything", ways.join(", ")));
        }
    }
}
