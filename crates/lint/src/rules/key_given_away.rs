//! A key policy that lets others decide about the key.

use crate::Use;
use crate::look::{account, acts, allows, aws, everyone, limits};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

/// What decides who may use a key, or whether there is one: whoever may make a grant may let anybody use it (AWS KMS Developer
/// Guide, "Grants in AWS KMS").
const DECIDES: &[&str] = &["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:CreateGrant", "kms:ReplicateKey"];

/// A condition on a grant for a service of AWS's (AWS KMS Developer Guide, "kms:GrantIsForAWSResource").
const FOR_SERVICES: &[&str] = &["kms:GrantIsForAWSResource"];

pub(super) const RULE: Rule = Rule {
    id: "key-given-away",
    severity: Severity::Error,
    what: "a key policy that lets principals of other accounts decide about the key",
    why: "Whoever may write its policy or make grants can let anybody use it, and whoever may delete it takes everything with it.",
    fix: "leave these actions to the account of the key; `access = \"decrypt\"` and `access = \"encrypt\"` are what using it takes",
    bad: r#"[keys.exchange]
arn = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"

[[keys.exchange.allow]]
account = "dev"
actions = "kms:*"
"#,
    good: r#"[keys.exchange]
arn = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"

[[keys.exchange.allow]]
account = "dev"
actions = ["kms:Decrypt", "kms:DescribeKey"]
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Key && allows(s)) {
        let own = |id: &str| id == doc.address.account.as_str();
        let of_own = limits(statement, &["kms:CallerAccount", "aws:PrincipalAccount"]).any(|c| c.values.iter().all(|id| own(id)));
        let others = everyone(statement) && !of_own || aws(statement).iter().any(|p| account(p).is_some_and(|a| !own(a)));
        let services = limits(statement, FOR_SERVICES).any(|c| c.values.iter().all(|v| v.eq_ignore_ascii_case("true")));
        let decides = |action: &&&str| acts(statement, action) && !(services && **action == "kms:CreateGrant");
        if let Some(action) = DECIDES.iter().find(decides).filter(|_| others) {
            hits.at(doc, statement, format!("others may {action}"));
        }
    }
}
