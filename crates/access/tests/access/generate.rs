//! Policies and requests from a small, spiteful vocabulary.

use crossrole_access::{Caller, Context, ContextValue, Request};
use crossrole_policy::{Conditions, Document, Effect, Element, Principal, Statement};

/// xorshift64*: the same cases every time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % limit.max(1)
    }

    pub(crate) fn one<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn some(&mut self, most: usize, list: &[&str]) -> Vec<String> {
        (0..=self.below(most)).map(|_| self.one(list).to_owned()).collect()
    }
}

pub(crate) const ACTIONS: &[&str] = &["s3:GetObject", "s3:PutObject", "S3:getobjectacl", "s3:ListBucket", "sts:AssumeRole", "sts:TagSession", "iam:PassRole"];
const ACTION_PATTERNS: &[&str] =
    &["*", "s3:*", "s3:Get*", "s3:GetObject", "S3:PUTOBJECT", "s3:?etObject", "s3:*Object", "s3:List*", "sts:AssumeRole", "sts:*", "iam:*", "s3:*et*ct*"];
pub(crate) const RESOURCES: &[&str] = &[
    "arn:aws:s3:::data",
    "arn:aws:s3:::data/",
    "arn:aws:s3:::data/a/x",
    "arn:aws:s3:::data/ab",
    "arn:aws:s3:::data/alice/x:y",
    "arn:aws:s3:::database/k",
    "arn:aws:iam::222222222222:role/App",
    "arn:aws:iam::222222222222:role/team/App",
    "arn:aws-cn:s3:::data/a",
    "*",
];
const RESOURCE_PATTERNS: &[&str] = &[
    "*",
    "arn:aws:s3:::data",
    "arn:aws:s3:::data*",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data/a*",
    "arn:aws:s3:::data/a/*",
    "arn:aws:s3:::data/?b",
    "arn:aws:s3:::*/x*",
    "arn:*:s3:::data/*",
    "arn:aws:s*:::data",
    "arn:aws:iam::*:role/App",
    "arn:aws:iam::222222222222:role/*",
    "arn:aws:iam::*role/App",
    "arn:aws:s3:::data/${aws:username}/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/team, 'alice'}/*",
    "arn:aws:s3:::data/a${*}",
    "arn:aws:s3:::${aws:username",
    "data/*",
];
pub(crate) const CALLERS: &[&str] = &[
    "arn:aws:iam::111111111111:user/alice",
    "arn:aws:iam::111111111111:user/ops/bob",
    "arn:aws:iam::222222222222:user/alice",
    "arn:aws:sts::111111111111:assumed-role/Dev/s",
    "arn:aws:sts::222222222222:assumed-role/App/s",
    "arn:aws:sts::111111111111:federated-user/alice",
    "arn:aws:iam::111111111111:root",
    "arn:aws:iam::222222222222:root",
    "arn:aws-cn:iam::111111111111:user/alice",
    "arn:aws:iam::222222222222:oidc-provider/token.example.com",
    "lambda.amazonaws.com",
    "anonymous",
];
const PRINCIPALS: &[(&str, &str)] = &[
    ("AWS", "*"),
    ("AWS", "111111111111"),
    ("AWS", "arn:aws:iam::222222222222:root"),
    ("AWS", "arn:aws-cn:iam::111111111111:root"),
    ("AWS", "arn:aws:iam::111111111111:user/alice"),
    ("AWS", "arn:aws:iam::111111111111:user/ops/bob"),
    ("AWS", "arn:aws:iam::111111111111:role/x/Dev"),
    ("AWS", "arn:aws:iam::222222222222:role/App"),
    ("AWS", "arn:aws:sts::111111111111:assumed-role/Dev/s"),
    ("AWS", "arn:aws:sts::111111111111:federated-user/alice"),
    ("AWS", "AROAEXAMPLEEXAMPLE123"),
    ("Service", "lambda.amazonaws.com"),
    ("Federated", "arn:aws:iam::222222222222:oidc-provider/token.example.com"),
];
const CONDITIONS: &[(&str, &str, &[&str])] = &[
    ("StringEquals", "sts:ExternalId", &["one", "two", "One", "t*"]),
    ("StringNotEquals", "sts:ExternalId", &["one", "two"]),
    ("StringEqualsIgnoreCase", "STS:externalid", &["ONE"]),
    ("StringLike", "s3:prefix", &["", "a/*", "a?", "*", "${aws:username}/*"]),
    ("StringNotLikeIfExists", "s3:prefix", &["a/*", "b"]),
    ("StringEqualsIfExists", "aws:PrincipalTag/Team", &["red", "${aws:username}", "${none}"]),
    ("ForAnyValue:StringEquals", "aws:TagKeys", &["a", "b"]),
    ("ForAllValues:StringEquals", "aws:TagKeys", &["a", "b"]),
    ("ForAllValues:StringNotEquals", "aws:TagKeys", &["a"]),
    ("ForAnyValue:StringNotLikeIfExists", "aws:TagKeys", &["a*"]),
    ("StringEquals", "aws:TagKeys", &["a"]),
    ("Bool", "aws:MultiFactorAuthPresent", &["true", "false"]),
    ("BoolIfExists", "aws:MultiFactorAuthPresent", &["true"]),
    ("Null", "aws:MultiFactorAuthPresent", &["true", "false"]),
    ("NumericLessThan", "s3:max-keys", &["10", "10.0", "x"]),
    ("NumericNotEquals", "s3:max-keys", &["10"]),
    ("NumericGreaterThanEqualsIfExists", "s3:max-keys", &["9.5"]),
    ("DateGreaterThan", "aws:CurrentTime", &["2026-01-01T00:00:00Z", "2026-01-01", "1767225600"]),
    ("DateLessThanEquals", "aws:CurrentTime", &["2026-06-30T23:59:59+02:00"]),
    ("DateNotEquals", "aws:CurrentTime", &["2026-01-01"]),
    ("IpAddress", "aws:SourceIp", &["203.0.113.0/24", "203.0.113.77", "2001:db8::/32", "0.0.0.0/0", "203.0.113.9/30"]),
    ("NotIpAddress", "aws:SourceIp", &["203.0.113.0/25"]),
    ("ArnLike", "aws:PrincipalArn", &["arn:aws:iam::111111111111:*", "arn:aws:iam::*:role/*", "nonsense"]),
    ("ArnNotEquals", "aws:PrincipalArn", &["arn:aws:iam::111111111111:user/alice"]),
    ("BinaryEquals", "x:bin", &["QUJD", "?"]),
    ("StringBogus", "sts:ExternalId", &["one"]),
];

fn conditions(random: &mut Random) -> Conditions {
    let mut conditions = Conditions::new();
    if random.once_in(2) {
        for _ in 0..=random.below(2) {
            let (operator, key, values) = CONDITIONS[random.below(CONDITIONS.len())];
            conditions.entry(operator.to_owned()).or_default().insert(key.to_owned(), random.some(2, values));
        }
    }
    conditions
}

fn statement(random: &mut Random, with_principal: bool, without_resource: bool) -> Statement {
    let principal = with_principal.then(|| {
        let mut principal = Principal { negated: random.once_in(8), bare_star: random.once_in(12), ..Principal::default() };
        if !principal.bare_star {
            for _ in 0..=random.below(3) {
                let (kind, value) = PRINCIPALS[random.below(PRINCIPALS.len())];
                principal.entries.entry(kind.to_owned()).or_default().push(value.to_owned());
            }
        }
        principal
    });
    let resource = (!without_resource).then(|| Element { negated: random.once_in(8), values: random.some(2, RESOURCE_PATTERNS) });
    Statement {
        sid: None,
        effect: if random.once_in(4) { Effect::Deny } else { Effect::Allow },
        principal,
        action: Element { negated: random.once_in(8), values: random.some(2, ACTION_PATTERNS) },
        resource,
        conditions: conditions(random),
    }
}

pub(crate) fn document(random: &mut Random, with_principal: bool) -> Document {
    let without_resource = with_principal && random.once_in(4);
    let mut document = Document::new((0..=random.below(3)).map(|_| statement(random, with_principal, without_resource)).collect());
    if random.once_in(6) {
        document.version = random.once_in(2).then(|| "2008-10-17".to_owned());
    }
    document
}

pub(crate) fn request(random: &mut Random) -> Request {
    let mut context = Context::default();
    let keys: &[(&str, &[&str])] = &[
        ("sts:ExternalId", &["one", "two", "t*", "ONE", ""]),
        ("s3:prefix", &["", "a/", "a/b", "ab", "b", "alice/x"]),
        ("aws:principaltag/team", &["red", "alice", ""]),
        ("aws:MultiFactorAuthPresent", &["true", "false", "TRUE"]),
        ("s3:max-keys", &["9", "10", "9.5", "100", "x"]),
        ("aws:CurrentTime", &["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "1767225600", "2026-06-30T21:59:59Z", "2026-07-01"]),
        ("aws:SourceIp", &["203.0.113.5", "203.0.113.77", "203.0.113.200", "2001:db8::1", "::1", "10.0.0.1"]),
        ("aws:PrincipalArn", &["arn:aws:iam::111111111111:user/alice", "arn:aws:iam::111111111111:role/Dev", "alice"]),
        ("aws:username", &["alice", "a", "*"]),
        ("x:bin", &["QUJD", "QUJE"]),
    ];
    for (key, values) in keys {
        if !random.once_in(3) {
            context.set(key, random.one(values));
        }
    }
    if random.once_in(2) {
        let mut values = random.some(3, &["a", "b", "ab", "c"]);
        if random.once_in(6) {
            values.clear();
        }
        context.insert("aws:TagKeys", if random.once_in(5) { ContextValue::One("a".to_owned()) } else { ContextValue::Many(values) });
    }
    Request {
        caller: Caller::parse(random.one(CALLERS)),
        action: random.one(ACTIONS).to_owned(),
        resource: random.one(RESOURCES).to_owned(),
        resource_account: (!random.once_in(8)).then(|| random.one(&["111111111111", "222222222222"]).to_owned()),
        context,
    }
}
