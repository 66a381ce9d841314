//! The statement that a policy lacks: one caller, one action, one resource, and no more.

use crossrole_model::{Partition, PermissionSet};
use crossrole_policy::{Conditions, Element, Principal, Statement};

use crate::asked::{Who, one};
use crate::near::Near;
use crate::trouble::{Guard, Hop};

/// Conditions that keep a statement to the call.
pub(crate) fn conditions(hop: &Hop) -> Conditions {
    let mut conditions = Conditions::new();
    let keys: &[&str] = match hop.guard {
        Guard::Key if hop.through => &["kms:ViaService", "kms:EncryptionContext:aws:s3:arn"],
        Guard::Bucket if hop.call.action.eq_ignore_ascii_case("s3:ListBucket") => &["s3:prefix"],
        _ => &[],
    };
    for key in keys {
        if let Some(value) = one(&hop.question.context, key) {
            conditions.entry("StringEquals".to_owned()).or_default().insert((*key).to_owned(), vec![value.to_owned()]);
        }
    }
    conditions
}

/// For the caller's side.
pub(crate) fn identity(hop: &Hop, near: Near) -> Statement {
    let mut statement = Statement::allow(Element::of([&hop.call.action]), Some(Element::of([&hop.call.resource])));
    statement.conditions = both(near.conditions, conditions(hop));
    statement
}

/// All of these; of one key under one operator, what the second say.
fn both(mut all: Conditions, more: Conditions) -> Conditions {
    for (operator, keys) in more {
        all.entry(operator).or_default().extend(keys);
    }
    all
}

/// Whom a policy of a resource names: an account's principal by its ARN, a session by its role unless the policy has sessions one by one,
/// and a permission set by the patterns of its role, whose name changes.
fn principal(hop: &Hop, partition: Partition, known: Option<&str>, by_session: bool) -> (Principal, Conditions) {
    let asks = hop.call.principal.as_str();
    if by_session {
        return (Principal::of("AWS", [asks]), Conditions::new());
    }
    let set = Who::of(asks).and_then(|who| who.set()).or_else(|| PermissionSet::of_role(asks));
    if let Some(set) = set {
        let root = partition.iam_arn(&set.account, "root", "", "");
        let patterns = set.roles(partition).to_vec();
        let conditions = Conditions::from([("ArnLike".to_owned(), [("aws:PrincipalArn".to_owned(), patterns)].into())]);
        return (Principal::of("AWS", [root]), conditions);
    }
    let named = match crossrole_access::Caller::parse(asks) {
        crossrole_access::Caller::Anonymous => Principal::of("AWS", ["*"]),
        crossrole_access::Caller::Service(name) => Principal::of(if is_account(&name) { "AWS" } else { "Service" }, [name]),
        crossrole_access::Caller::Arn(arn) if crossrole_access::is_provider(&arn) => Principal::of("Federated", [arn]),
        crossrole_access::Caller::Arn(arn) | crossrole_access::Caller::Federated { arn, .. } => Principal::of("AWS", [known.unwrap_or(&arn).to_owned()]),
    };
    (named, Conditions::new())
}

pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// For the policy of the resource.
pub(crate) fn resource(hop: &Hop, partition: Partition, known: Option<&str>, near: Near) -> Statement {
    let (principal, limits) = principal(hop, partition, known, near.by_session);
    let limits = both(both(near.conditions, limits), conditions(hop));
    let about = match hop.guard {
        Guard::Trust => None,
        // A key's policy is about its key alone.
        Guard::Key => Some(Element::of(["*"])),
        Guard::Bucket | Guard::Nothing => Some(Element::of([&hop.call.resource])),
    };
    Statement { principal: Some(principal), conditions: limits, ..Statement::allow(Element::of([&hop.call.action]), about) }
}
