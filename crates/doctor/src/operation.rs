//! Operations, and the actions that policies know them by (Service Authorization Reference).

/// Operations whose action has another name, and all others of S3, STS and KMS that people call.
const ACTIONS: &[(&str, &str)] = &[
    ("AssumeRole", "sts:AssumeRole"),
    ("AssumeRoleWithSAML", "sts:AssumeRoleWithSAML"),
    ("AssumeRoleWithWebIdentity", "sts:AssumeRoleWithWebIdentity"),
    ("HeadObject", "s3:GetObject"),
    ("GetObject", "s3:GetObject"),
    ("HeadBucket", "s3:ListBucket"),
    ("ListObjects", "s3:ListBucket"),
    ("ListObjectsV2", "s3:ListBucket"),
    ("ListObjectVersions", "s3:ListBucketVersions"),
    ("ListBuckets", "s3:ListAllMyBuckets"),
    ("ListMultipartUploads", "s3:ListBucketMultipartUploads"),
    ("PutObject", "s3:PutObject"),
    ("PostObject", "s3:PutObject"),
    ("CopyObject", "s3:PutObject"),
    ("UploadPart", "s3:PutObject"),
    ("UploadPartCopy", "s3:PutObject"),
    ("CreateMultipartUpload", "s3:PutObject"),
    ("CompleteMultipartUpload", "s3:PutObject"),
    ("AbortMultipartUpload", "s3:AbortMultipartUpload"),
    ("ListParts", "s3:ListMultipartUploadParts"),
    ("DeleteObject", "s3:DeleteObject"),
    ("DeleteObjects", "s3:DeleteObject"),
    ("GetObjectTagging", "s3:GetObjectTagging"),
    ("PutObjectTagging", "s3:PutObjectTagging"),
    ("GetObjectAcl", "s3:GetObjectAcl"),
    ("PutObjectAcl", "s3:PutObjectAcl"),
    ("GetBucketPolicy", "s3:GetBucketPolicy"),
    ("PutBucketPolicy", "s3:PutBucketPolicy"),
    ("GetBucketLocation", "s3:GetBucketLocation"),
    ("Decrypt", "kms:Decrypt"),
    ("Encrypt", "kms:Encrypt"),
    ("GenerateDataKey", "kms:GenerateDataKey"),
    ("DescribeKey", "kms:DescribeKey"),
    ("CreateGrant", "kms:CreateGrant"),
];

/// The action of an operation, where it is told without its service.
pub(crate) fn action(operation: &str) -> Option<&'static str> {
    ACTIONS.iter().find(|(name, _)| *name == operation).map(|(_, action)| *action)
}

/// The action of an operation of a service, by the host that it is called at: `s3.amazonaws.com`.
pub(crate) fn of(source: &str, operation: &str) -> Option<String> {
    let service = source.split('.').next().filter(|name| !name.is_empty())?;
    let known = action(operation).filter(|action| action.split(':').next() == Some(service));
    let plain = || operation.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| format!("{service}:{operation}"));
    known.map(str::to_owned).or_else(plain)
}
