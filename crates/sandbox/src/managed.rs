//! A few of AWS's own managed policies, in short: enough to attach, and to decide with.

use crossrole_policy::{Document, Element, Statement};

/// Names and what they allow.
const POLICIES: &[(&str, &[&str])] = &[
    ("AdministratorAccess", &["*"]),
    ("PowerUserAccess", &["s3:*", "ec2:*", "lambda:*", "sts:*"]),
    ("ReadOnlyAccess", &["s3:Get*", "s3:List*", "iam:Get*", "iam:List*"]),
    ("IAMFullAccess", &["iam:*"]),
    ("IAMReadOnlyAccess", &["iam:Get*", "iam:List*"]),
    ("AmazonS3FullAccess", &["s3:*"]),
    ("AmazonS3ReadOnlyAccess", &["s3:Get*", "s3:List*"]),
    ("SecurityAudit", &["iam:Get*", "iam:List*", "s3:GetBucket*"]),
    ("service-role/AWSLambdaBasicExecutionRole", &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]),
];

/// Returns the document of an AWS managed policy.
pub(crate) fn document(arn: &str) -> Option<Document> {
    let name = arn.strip_prefix("arn:aws:iam::aws:policy/")?;
    let (_, actions) = POLICIES.iter().find(|(n, _)| *n == name)?;
    Some(Document::new(vec![Statement::allow(Element::of(actions.iter().copied()), Some(Element::of(["*"])))]))
}
