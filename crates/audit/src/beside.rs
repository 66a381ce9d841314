//! What lets somebody in beside policies: ACLs of buckets, and grants of keys; as the statements that they amount to. A Deny of the policy
//! counts for them too.

use std::collections::BTreeMap;

use crossrole_access::Estate;
use crossrole_access::estate::Placed;
use crossrole_model::Partition;
use crossrole_model::audit::{AclGrant, Audited, Grantee, KeyGrant};
use crossrole_policy::{Document, Effect, Element, Principal, Statement};

/// Groups of Amazon's (S3 User Guide, "Access control list (ACL) overview").
const EVERYONE: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// The account by which CloudFront delivers its logs (CloudFront Developer Guide, "Permissions required to configure standard logging").
const CLOUDFRONT_LOGS: &str = "c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0";

/// Actions on a bucket, and on what is in it, that a permission stands for (S3 User Guide, "Access control list (ACL) overview", mapping of
/// ACL permissions). What somebody has put there is theirs to delete.
fn actions(permission: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match permission {
        "READ" => (&["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"], &[]),
        "WRITE" => (&[], &["s3:DeleteObject", "s3:PutObject"]),
        "READ_ACP" => (&["s3:GetBucketAcl"], &[]),
        "WRITE_ACP" => (&["s3:PutBucketAcl"], &[]),
        "FULL_CONTROL" => (
            &["s3:GetBucketAcl", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions", "s3:PutBucketAcl"],
            &["s3:DeleteObject", "s3:PutObject"],
        ),
        _ => (&[], &[]),
    }
}

/// What the ACL of a bucket lets those do who are not of its account.
#[derive(Debug)]
pub struct AclOf<'a> {
    /// Its name.
    pub bucket: &'a str,
    /// Where it is.
    pub partition: Partition,
    /// Accounts by their canonical ids.
    pub accounts: &'a BTreeMap<&'a str, &'a str>,
    /// Whose it is.
    pub owner: &'a str,
    /// Grants to everybody do not count.
    pub ignores_public: bool,
}

impl AclOf<'_> {
    /// The statements that grants amount to, and what the policy denies; `None` where they let nobody in.
    pub fn document(&self, grants: &[AclGrant], policy: Option<&Document>) -> Option<Document> {
        let bucket = self.partition.s3_arn(self.bucket);
        let mut statements = Vec::new();
        for grant in grants {
            let Some((principal, signed)) = self.principal(&grant.grantee) else { continue };
            let (on_bucket, in_it) = actions(&grant.permission);
            for (actions, resource) in [(on_bucket, bucket.clone()), (in_it, format!("{bucket}/*"))] {
                if actions.is_empty() {
                    continue;
                }
                let mut statement = Statement::allow(Element::of(actions.iter().copied()), Some(Element::of([resource])));
                statement.principal = Some(principal.clone());
                if signed {
                    // Requests that are not signed have no ARN of a principal (IAM User Guide, "AWS global condition context keys").
                    let present = BTreeMap::from([("aws:PrincipalArn".to_owned(), vec!["false".to_owned()])]);
                    statement.conditions.insert("Null".to_owned(), present);
                }
                statements.push(statement);
            }
        }
        beside(statements, policy)
    }

    /// Who it is, and whether only requests that are signed count.
    fn principal(&self, grantee: &Grantee) -> Option<(Principal, bool)> {
        let service = |name: &str| Some((Principal::of("Service", [name]), false));
        match grantee {
            Grantee::Group(uri) if uri == EVERYONE => (!self.ignores_public).then(|| (Principal::of("AWS", ["*"]), false)),
            Grantee::Group(uri) if uri == AUTHENTICATED => (!self.ignores_public).then(|| (Principal::of("AWS", ["*"]), true)),
            Grantee::Group(uri) if uri == LOG_DELIVERY => service("logging.s3.amazonaws.com"),
            Grantee::Group(_) => None,
            Grantee::Account(id) if id == CLOUDFRONT_LOGS => service("delivery.logs.amazonaws.com"),
            Grantee::Account(id) => {
                let account = self.accounts.get(id.as_str()).copied().unwrap_or(id);
                let arn = format!("arn:{}:iam::{account}:root", self.partition.as_str());
                (account != self.owner).then(|| (Principal::of("AWS", [arn]), false))
            }
        }
    }
}

/// Canonical ids in the policies of buckets are accounts, as they are in ACLs (S3 User Guide, "Principals for bucket policies"): an account
/// that is not known is called by its id.
pub(crate) fn resolve_canonical(estate: &mut Estate, audited: &Audited) {
    let accounts = accounts(audited);
    let partition = estate.partition.clone();
    for (name, guarded) in &mut estate.buckets {
        let Some(policy) = guarded.policy.as_ref().filter(|policy| names_canonical(&policy.document)) else { continue };
        let mut document = policy.document.clone();
        for principal in document.statements.iter_mut().filter_map(|statement| statement.principal.as_mut()) {
            let ids = principal.entries.remove("CanonicalUser").unwrap_or_default();
            let arns = ids.iter().map(|id| format!("arn:{partition}:iam::{}:root", accounts.get(id.as_str()).copied().unwrap_or(id)));
            if !ids.is_empty() {
                principal.entries.entry("AWS".to_owned()).or_default().extend(arns);
            }
        }
        guarded.policy = Some(Placed::new(document, format!("the policy of bucket {name}")));
    }
}

fn names_canonical(document: &Document) -> bool {
    document.statements.iter().filter_map(|statement| statement.principal.as_ref()).any(|principal| principal.entries.contains_key("CanonicalUser"))
}

/// Accounts by the canonical ids that are known.
pub(crate) fn accounts(audited: &Audited) -> BTreeMap<&str, &str> {
    audited.facts.iter().filter_map(|(account, facts)| Some((facts.canonical.as_deref()?, account.as_str()))).collect()
}

/// Operations of a grant whose requests have an encryption context (KMS API reference, GrantConstraints).
const WITH_CONTEXT: [&str; 8] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];

/// What the grants of a key let somebody do, and what the policy denies; `None` where there are none.
pub fn of_grants(grants: &[KeyGrant], policy: Option<&Document>) -> Option<Document> {
    let mut statements = Vec::new();
    for grant in grants {
        let is_bound = |operation: &&String| !grant.context.is_empty() && WITH_CONTEXT.contains(&operation.as_str());
        let (bound, free): (Vec<&String>, Vec<&String>) = grant.operations.iter().partition(is_bound);
        for (operations, bound) in [(bound, true), (free, false)] {
            if operations.is_empty() {
                continue;
            }
            let actions = operations.iter().map(|operation| format!("kms:{operation}"));
            let mut statement = Statement::allow(Element::of(actions), Some(Element::of(["*"])));
            let is_service = grant.grantee.ends_with(".amazonaws.com") && !grant.grantee.contains(':');
            statement.principal = Some(Principal::of(if is_service { "Service" } else { "AWS" }, [grant.grantee.clone()]));
            if bound {
                let exact = grant.context.iter().map(|(name, value)| (format!("kms:EncryptionContext:{name}"), vec![value.clone()]));
                statement.conditions.insert("StringEquals".to_owned(), exact.collect());
                if grant.context_alone {
                    let names = grant.context.keys().cloned().collect();
                    statement.conditions.insert("ForAllValues:StringEquals".to_owned(), BTreeMap::from([("kms:EncryptionContextKeys".to_owned(), names)]));
                }
            }
            statements.push(statement);
        }
    }
    beside(statements, policy)
}

/// With what the policy denies; what it allows is a way of its own.
fn beside(mut statements: Vec<Statement>, policy: Option<&Document>) -> Option<Document> {
    if statements.is_empty() {
        return None;
    }
    let denied = policy.into_iter().flat_map(|policy| &policy.statements).filter(|statement| statement.effect == Effect::Deny);
    statements.extend(denied.cloned());
    Some(Document::new(statements))
}
