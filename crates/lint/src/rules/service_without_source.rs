//! A service that may act for anybody.

use crate::Use;
use crate::look::{allows, has_key, kind, resources};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "service-without-source",
    severity: Severity::Warning,
    what: "a service that may act for anybody",
    why: "Without `aws:SourceAccount`, `aws:SourceArn` or `aws:SourceOrgID`, somebody else can have the service use this access (the confused deputy).",
    fix: "add `source_account` or `source_arn`",
    bad: r#"[roles.R]

[[roles.R.trust]]
service = "lambda.amazonaws.com"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
service = "lambda.amazonaws.com"
source_account = "222222222222"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

/// Services that AWS documents no source for when they assume a role, so that a condition on it may lock them out. Roles are
/// passed inside one account only, so that nobody else can have them do it (IAM User Guide, "Granting a user permissions to pass
/// a role to an AWS service", and the trust policies of "Creating a role for an AWS service"; S3 User Guide, "Setting up
/// permissions for live replication", "Granting permissions for Batch Operations", "Replicating objects for Outposts"; IAM Access
/// Analyzer, "Policy generation").
const SILENT: &[&str] = &[
    "access-analyzer.amazonaws.com",
    "batchoperations.s3.amazonaws.com",
    "ec2.amazonaws.com",
    "ec2.amazonaws.com.cn",
    "s3-outposts.amazonaws.com",
    "s3.amazonaws.com",
];

/// Delivers below `AWSLogs/` and the id of the account that the logs are of: such a path says whose (Elastic Load Balancing User
/// Guide, "Access logs for your Application Load Balancer").
const BY_PATH: &str = "logdelivery.elasticloadbalancing.amazonaws.com";

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(_, s)| allows(s)) {
        let pinned = !resources(statement).is_empty() && resources(statement).iter().all(|r| names_account(r));
        let known = |service: &&String| doc.used == Use::Trust && SILENT.contains(&service.as_str()) || *service == BY_PATH && pinned;
        let services: Vec<&str> = kind(statement, "Service").iter().filter(|s| !known(s)).map(String::as_str).collect();
        if !services.is_empty() && !has_key(statement, &["aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths"]) {
            hits.at(doc, statement, format!("{} may use it for anybody", services.join(" and ")));
        }
    }
}

/// `…/AWSLogs/222222222222/…`
fn names_account(resource: &str) -> bool {
    let id = resource.split_once("/AWSLogs/").and_then(|(_, rest)| rest.split('/').next());
    id.is_some_and(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()))
}
