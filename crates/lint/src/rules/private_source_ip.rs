//! A private address as source.

use crate::look::conditions;
use crate::{Hits, Lint, Rule};
use crossrole_access::language::net;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "private-source-ip",
    severity: Severity::Warning,
    what: "a private address as source",
    why: "`aws:SourceIp` is the public address that AWS sees; calls through VPC endpoints carry `aws:VpcSourceIp` instead.",
    fix: "use the public range, or `aws:VpcSourceIp`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
conditions = { IpAddress = { "aws:SourceIp" = "10.0.0.0/8" } }

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
conditions = { IpAddress = { "aws:SourceIp" = "203.0.113.0/24" } }

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    const PRIVATE: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10"];
    for (doc, statement) in lint.statements() {
        for asked in conditions(statement).filter(|c| c.key.eq_ignore_ascii_case("aws:SourceIp")) {
            for value in asked.values {
                let inside = |range: &&str| net(range).zip(net(value)).is_some_and(|(range, value)| range.contains(&value));
                if PRIVATE.iter().any(inside) {
                    hits.at(doc, statement, format!("no call comes from {value}"));
                }
            }
        }
    }
}
