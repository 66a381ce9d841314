//! Random documents over callers, tags, variables and types of keys.

use crossrole_policy::{Conditions, Document, Effect, Element, Principal as Named, Statement};

use super::{ALICE, APP, APP_SESSION, DEV, DEV_SESSION, KEY, ZED};
use crate::generate::Random;

/// Of every kind that the evaluator has a rule of its own for, and of services that it has none for.
pub(super) const ACTIONS: &[&str] = &[
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "s3:GetBucketPolicy",
    "s3:ListAllMyBuckets",
    "sts:AssumeRole",
    "sts:TagSession",
    "sts:GetFederationToken",
    "sts:GetSessionToken",
    "sts:GetCallerIdentity",
    "sts:AssumeRoot",
    "iam:GetUser",
    "iam:PassRole",
    "iam:GetPolicy",
    "dynamodb:GetItem",
    "sqs:SendMessage",
    "kms:Decrypt",
    "kms:GenerateDataKey",
];
pub(super) const RESOURCES: &[&str] = &[
    "arn:aws:s3:::data",
    "arn:aws:s3:::data/red/x",
    "arn:aws:s3:::data/blue/x",
    "arn:aws:s3:::data/red/blue/x",
    "arn:aws:s3:::data/blue/red/x",
    "arn:aws:s3:::data/red/red/x",
    "arn:aws:s3:::data/alice/x",
    "arn:aws:s3:::data/bob/x",
    "arn:aws:s3:::other",
    "arn:aws:s3:::other/red/x",
    APP,
    KEY,
    "arn:aws:dynamodb:us-east-1:222222222222:table/t",
    "arn:aws:dynamodb:us-east-1:333333333333:table/t",
    "arn:aws:sqs:us-east-1:111111111111:q",
    "arn:aws:sqs:us-east-1:333333333333:q",
    "arn:aws:iam::111111111111:user/u",
    "arn:aws:iam::222222222222:user/u",
    "arn:aws:iam::333333333333:user/u",
    "arn:aws:iam::222222222222:role/u",
    "arn:aws:iam::333333333333:role/u",
    "arn:aws:iam::aws:policy/p",
    "arn:aws:iam::222222222222:policy/p",
    "arn:aws:iam::111111111111:root",
    "arn:aws:iam::333333333333:root",
    "arn:aws:sts::111111111111:federated-user/f",
    "arn:aws:sts::222222222222:federated-user/f",
    "arn:aws:sts::333333333333:federated-user/f",
    "arn:aws:s3:::*",
    "*",
];
const PATTERNS: &[&str] = &[
    "*",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data/red/*",
    "arn:aws:s3:::data/r*",
    "arn:aws:s3:::data/${aws:username}/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/team}/${aws:PrincipalTag/dept}/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/dept}/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::*",
    "arn:aws:iam::222222222222:role/*",
    "arn:aws:dynamodb:*:*:table/*",
    "arn:aws:kms:*:222222222222:key/*",
    "arn:aws:sqs:*:*:*",
    "arn:aws:iam::333333333333:user/*",
    "arn:aws:iam::*:user/u",
    "arn:aws:iam::aws:policy/*",
    "arn:aws:sts::*:federated-user/f",
    "arn:aws:sts::222222222222:federated-user/*",
];
const BUCKET_PATTERNS: &[&str] = &[
    "arn:aws:s3:::data",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data/red/*",
    "arn:aws:s3:::data/${aws:username}/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/team}/*",
];
const ACTION_PATTERNS: &[&str] = &[
    "*",
    "s3:*",
    "s3:Get*",
    "s3:GetObject",
    "s3:*Object",
    "sts:*",
    "sts:AssumeRole",
    "dynamodb:*",
    "kms:*",
    "kms:Decrypt",
    "kms:GenerateDataKey*",
    "iam:*",
    "iam:GetUser",
    "sqs:*",
    "sts:Get*",
    "sts:GetFederationToken",
    "sts:TagSession",
    "sts:GetCallerIdentity",
    "sts:AssumeRoot",
];
const PRINCIPALS: &[(&str, &str)] = &[
    ("AWS", "*"),
    ("AWS", "*"),
    ("*", ""),
    ("AWS", "111111111111"),
    ("AWS", "arn:aws:iam::222222222222:root"),
    ("AWS", ALICE),
    ("AWS", APP),
    ("AWS", APP_SESSION),
    ("AWS", ZED),
    ("AWS", DEV),
    ("AWS", DEV_SESSION),
    ("Service", "ec2.amazonaws.com"),
];
pub(super) const TESTS: &[(&str, &str, &[&str])] = &[
    (
        "ArnLike",
        "aws:PrincipalArn",
        &["arn:aws:iam::*:role/*", "arn:aws:iam::111111111111:*", "arn:aws:iam::222222222222:role/App", "arn:aws:iam::*:user/ops/*"],
    ),
    ("ArnNotLike", "aws:PrincipalArn", &["arn:aws:iam::111111111111:role/Dev", "arn:aws:iam::*:root"]),
    ("StringEquals", "aws:PrincipalArn", &["arn:aws:iam::333333333333:user/eve", "arn:aws:sts::111111111111:federated-user/carl"]),
    ("StringNotEquals", "aws:PrincipalArn", &["arn:aws:iam::333333333333:role/x/Ext"]),
    ("StringLike", "aws:PrincipalAccount", &["1111*", "333333333333", "?22222222222"]),
    ("StringNotEquals", "aws:PrincipalAccount", &["111111111111", "333333333333"]),
    ("StringEquals", "aws:PrincipalType", &["User", "AssumedRole", "Account"]),
    ("StringNotEqualsIfExists", "aws:PrincipalType", &["FederatedUser"]),
    ("StringLike", "aws:username", &["a*", "*b", "eve"]),
    ("StringNotLike", "aws:username", &["e*"]),
    ("StringEquals", "aws:username", &["${s3:ExistingObjectTag/owner}", "eve"]),
    ("StringNotEquals", "aws:username", &["${s3:ExistingObjectTag/owner}"]),
    ("StringLike", "aws:PrincipalArn", &["arn:aws:iam::*:role/${s3:ExistingObjectTag/owner}"]),
    ("StringEquals", "aws:userid", &["${s3:ExistingObjectTag/owner}"]),
    ("StringEquals", "aws:PrincipalOrgID", &["${aws:ResourceOrgID}"]),
    ("StringNotEquals", "aws:PrincipalOrgID", &["${aws:ResourceOrgID}"]),
    ("StringLike", "aws:userid", &["AROA*:session", "AIDA*", "111111111111:*", "111111111111"]),
    ("Null", "aws:userid", &["true", "false"]),
    ("StringEquals", "aws:PrincipalOrgID", &["o-a", "o-b"]),
    ("StringNotEquals", "aws:PrincipalOrgID", &["o-a"]),
    ("Bool", "aws:PrincipalIsAWSService", &["true", "false"]),
    ("StringEquals", "aws:PrincipalTag/team", &["red", "blue", "${aws:PrincipalTag/dept}"]),
    ("StringNotEquals", "aws:PrincipalTag/team", &["red"]),
    ("StringEquals", "aws:RequestTag/team", &["${aws:PrincipalTag/team}", "red"]),
    ("StringLike", "aws:SourceIp", &["203.0.113.*", "10.*"]),
    ("IpAddress", "aws:SourceIp", &["203.0.113.0/25"]),
    ("NotIpAddress", "aws:SourceIp", &["10.0.0.0/8"]),
    ("StringEquals", "s3:max-keys", &["10"]),
    ("NumericLessThanEquals", "s3:max-keys", &["10"]),
    ("StringLike", "aws:CurrentTime", &["2026-*"]),
    ("DateLessThan", "aws:CurrentTime", &["2026-06-01T00:00:00Z"]),
    ("DateGreaterThan", "aws:EpochTime", &["1767225600"]),
    ("StringEquals", "aws:ResourceAccount", &["222222222222", "111111111111"]),
    ("StringNotEquals", "s3:ResourceAccount", &["222222222222"]),
    ("StringEquals", "aws:ResourceAccount", &["${aws:PrincipalAccount}"]),
    ("StringNotEquals", "aws:ResourceAccount", &["${aws:PrincipalAccount}"]),
    ("Bool", "aws:MultiFactorAuthPresent", &["true"]),
    ("StringEquals", "kms:ViaService", &["s3.eu-west-1.amazonaws.com"]),
    ("StringNotEquals", "kms:ViaService", &["s3.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com"]),
    ("StringEquals", "kms:CallerAccount", &["111111111111", "222222222222", "333333333333"]),
    ("StringNotEqualsIfExists", "kms:CallerAccount", &["111111111111"]),
    ("StringLike", "kms:EncryptionContext:aws:s3:arn", &["arn:aws:s3:::data", "arn:aws:s3:::data/*", "arn:aws:s3:::data/red/*"]),
    ("ForAnyValue:StringEquals", "aws:TagKeys", &["a", "b"]),
    ("ForAllValues:StringLike", "aws:TagKeys", &["a*", "c"]),
    ("ForAnyValue:StringNotEquals", "aws:TagKeys", &["a"]),
];

fn statement(random: &mut Random, trust: bool, bucket: bool) -> Statement {
    let mut conditions = Conditions::new();
    if !random.once_in(4) {
        for _ in 0..=random.below(2) {
            let (operator, key, values) = TESTS[random.below(TESTS.len())];
            conditions.entry(operator.to_owned()).or_default().insert(key.to_owned(), random.some(1, values));
        }
    }
    let principal = (trust || bucket).then(|| {
        let (kind, value) = PRINCIPALS[random.below(PRINCIPALS.len())];
        match kind {
            "*" if bucket => Named { bare_star: true, ..Named::default() },
            "*" => Named::of("AWS", ["*"]),
            kind => Named::of(kind, [value]),
        }
    });
    let denies = random.once_in(4);
    // Everyone but those that are listed, each layer of them.
    let principal = principal.map(|named| {
        if !denies || named.bare_star || !random.once_in(3) {
            return named;
        }
        let listed = ["arn:aws:iam::111111111111:root", DEV, DEV_SESSION, "arn:aws:iam::222222222222:root", APP, APP_SESSION];
        Named { negated: true, ..Named::of("AWS", random.some(3, &listed)) }
    });
    let actions = if trust { random.some(1, &["sts:AssumeRole", "sts:TagSession"]) } else { random.some(1, ACTION_PATTERNS) };
    Statement {
        sid: None,
        effect: if denies { Effect::Deny } else { Effect::Allow },
        principal,
        action: Element { negated: !trust && random.once_in(14), values: actions },
        resource: (!trust).then(|| Element { negated: random.once_in(14), values: random.some(1, if bucket { BUCKET_PATTERNS } else { PATTERNS }) }),
        conditions,
    }
}

pub(super) fn document(random: &mut Random, trust: bool, bucket: bool) -> Document {
    Document::new((0..=random.below(2)).map(|_| statement(random, trust, bucket)).collect())
}

/// The policy of a key, which is about it alone.
pub(super) fn of_key(mut document: Document) -> Document {
    for statement in &mut document.statements {
        statement.resource = Some(Element::of(["*"]));
    }
    document
}

/// The second is the first with one thing changed.
pub(super) fn changed(document: &Document, random: &mut Random, trust: bool, bucket: bool) -> Document {
    let mut next = document.clone();
    let at = random.below(next.statements.len());
    match random.below(4) {
        0 => next.statements.push(statement(random, trust, bucket)),
        1 => drop(next.statements.remove(at)),
        2 => next.statements[at].conditions.clear(),
        _ => next.statements[at] = statement(random, trust, bucket),
    }
    next
}

/// A control policy: what AWS gives every account, or something narrower, and mostly a Deny.
pub(super) fn control(random: &mut Random, of_resources: bool) -> Document {
    let mut all = Statement::allow(Element::of(["*"]), Some(Element::of(["*"])));
    if !of_resources && random.once_in(4) {
        all = Statement { effect: Effect::Allow, ..statement(random, false, false) };
    }
    let mut statements = vec![all];
    if !random.once_in(4) {
        statements.push(Statement { effect: Effect::Deny, ..statement(random, false, false) });
    }
    for statement in &mut statements {
        statement.principal = of_resources.then(|| Named { bare_star: true, ..Named::default() });
    }
    Document::new(statements)
}
