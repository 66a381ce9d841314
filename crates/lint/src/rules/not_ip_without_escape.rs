//! A Deny by source address that also hits VPC endpoints and services.

use crate::look::{allows, conditions, has_key};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::Test;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "not-ip-without-escape",
    severity: Severity::Warning,
    what: "a Deny by source address that also hits VPC endpoints and services",
    why: "Calls through VPC endpoints, and calls that a service makes for somebody, carry no or another `aws:SourceIp`: `NotIpAddress` is true for them.",
    fix: "add `Bool = { \"aws:ViaAWSService\" = \"false\" }`, and exceptions for your endpoints",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
effect = "Deny"
principals = "*"
actions = "s3:GetObject"
resources = "arn:aws:s3:::logs/*"
conditions = { NotIpAddress = { "aws:SourceIp" = "203.0.113.0/24" } }
"#,
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
effect = "Deny"
principals = "*"
actions = "s3:GetObject"
resources = "arn:aws:s3:::logs/*"
conditions = { NotIpAddress = { "aws:SourceIp" = "203.0.113.0/24" }, Bool = { "aws:ViaAWSService" = "false" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(_, s)| !allows(s)) {
        let by_address =
            conditions(statement).any(|c| c.key.eq_ignore_ascii_case("aws:SourceIp") && c.operator.is_some_and(|o| o.test == Test::Ip && o.negated));
        if by_address && !has_key(statement, &["aws:ViaAWSService", "aws:SourceVpce", "aws:SourceVpc", "aws:VpcSourceIp", "aws:PrincipalIsAWSService"]) {
            hits.at(doc, statement, "services and VPC endpoints are denied too");
        }
    }
}
