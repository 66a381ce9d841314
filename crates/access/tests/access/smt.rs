//! Cases for `just smt`, where an SMT solver is asked for a request that a delta is wrong about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crossrole_access::delta;
use crossrole_access::estate::{Estate, Guarded, Levels, Placed, Principal};
use crossrole_policy::{Conditions, Document, Effect, Element, Principal as Named, Statement};
use serde_json::{Value, json};

use crate::generate::Random;
use crate::{brute, generate};

const OWNER: &str = "222222222222";
const DEV: &str = "111111111111";
const ALICE: &str = "arn:aws:iam::111111111111:user/alice";
const APP: &str = "arn:aws:iam::222222222222:role/App";

/// What a policy of the third family can name as a principal, and as none.
const PRINCIPALS: &[(&str, &str)] = &[
    ("AWS", "*"),
    ("AWS", DEV),
    ("AWS", "arn:aws:iam::222222222222:root"),
    ("AWS", ALICE),
    ("AWS", APP),
    ("AWS", "arn:aws:iam::333333333333:user/bob"),
    ("AWS", "arn:aws:iam::222222222222:role/Unread"),
    ("AWS", "arn:aws:sts::111111111111:assumed-role/Dev/s"),
    ("AWS", "arn:aws:sts::222222222222:assumed-role/App/s"),
    ("Service", "lambda.amazonaws.com"),
];
const PROVIDER: (&str, &str) = ("Federated", "arn:aws:iam::222222222222:oidc-provider/token.example.com");
const ACTIONS: &[&str] =
    &["*", "s3:*", "s3:Get*", "s3:GetObject", "s3:*Object", "s3:ListBucket", "sts:AssumeRole", "sts:*", "iam:PassRole", "dynamodb:*", "sqs:?end*"];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::data",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data/a*",
    "arn:aws:s3:::*/x*",
    "arn:aws:s3:::data/${aws:username}/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/team, 'none'}/*",
    "arn:aws:s3:::data/a${*}",
    "arn:aws:iam::*:role/App",
    "arn:aws:iam::222222222222:role/*",
    "arn:aws:dynamodb:*:222222222222:table/*",
    "arn:aws:sqs:us-east-1:*:q?",
];
const BUCKET: &[&str] = &[
    "arn:aws:s3:::data",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data/a*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::data/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::data/${aws:username}",
];
/// About callers, above all.
const CONDITIONS: &[(&str, &str, &[&str])] = &[
    ("ArnLike", "aws:PrincipalArn", &["arn:aws:iam::111111111111:*", "arn:aws:iam::*:role/*", "arn:aws:iam::222222222222:user/ops/*"]),
    ("ArnNotEquals", "aws:PrincipalArn", &[ALICE, "arn:aws:iam::111111111111:role/Blocked"]),
    ("StringNotLike", "aws:PrincipalArn", &["arn:aws:iam::222222222222:role/*"]),
    ("StringEquals", "aws:PrincipalAccount", &[DEV, OWNER, "444444444444"]),
    ("StringNotEquals", "aws:PrincipalAccount", &[OWNER, "555555555555"]),
    ("StringEquals", "aws:PrincipalType", &["User", "AssumedRole"]),
    ("StringEquals", "aws:PrincipalOrgID", &["o-1", "o-2"]),
    ("StringNotEqualsIfExists", "aws:PrincipalOrgID", &["o-1"]),
    ("Bool", "aws:PrincipalIsAWSService", &["true", "false"]),
    ("StringLike", "aws:userid", &["AROAEXAMPLE:*", "*:s"]),
    ("StringLike", "aws:username", &["a*", "adm*"]),
    ("Null", "aws:username", &["true", "false"]),
    ("Null", "aws:PrincipalOrgID", &["true", "false"]),
    ("StringEquals", "aws:PrincipalTag/team", &["red", "blue", "${aws:RequestTag/team}"]),
    ("StringEqualsIfExists", "aws:PrincipalTag/Team", &["red"]),
    ("StringEquals", "aws:SourceAccount", &[DEV, OWNER]),
    ("ArnLike", "aws:SourceArn", &["arn:aws:s3:*:222222222222:*", "arn:aws:sns:*:*:t"]),
    ("BoolIfExists", "aws:MultiFactorAuthPresent", &["true", "false"]),
    ("Bool", "aws:SecureTransport", &["true", "false"]),
    ("NotIpAddress", "aws:SourceIp", &["203.0.113.0/24", "2001:db8::/32"]),
    ("IpAddress", "aws:SourceIp", &["203.0.113.9/30", "0.0.0.0/0", "2001:db8::1"]),
    ("DateGreaterThan", "aws:CurrentTime", &["2026-01-01T00:00:00Z", "2026-06-01"]),
    ("NumericGreaterThanEqualsIfExists", "s3:max-keys", &["9.5", "10"]),
    ("NumericNotEquals", "s3:max-keys", &["10"]),
    ("StringEqualsIgnoreCase", "sts:ExternalId", &["One"]),
    ("StringNotEquals", "sts:ExternalId", &["one", "two"]),
    ("StringLike", "s3:prefix", &["", "a/*", "${aws:username}/*"]),
    ("ForAllValues:StringNotEquals", "aws:TagKeys", &["a", "b"]),
    ("ForAnyValue:StringNotLike", "aws:TagKeys", &["a*"]),
    ("ForAnyValue:StringLike", "aws:TagKeys", &["a*", "b"]),
    ("StringEquals", "aws:ResourceAccount", &[OWNER]),
];

fn conditions(random: &mut Random) -> Conditions {
    let mut conditions = Conditions::new();
    if random.once_in(2) {
        for _ in 0..=random.below(2) {
            let (operator, key, values) = CONDITIONS[random.below(CONDITIONS.len())];
            conditions.entry(operator.to_owned()).or_default().insert(key.to_owned(), random.some(1, values));
        }
    }
    conditions
}

#[derive(Clone, Copy)]
enum Guards {
    Nothing,
    Bucket,
    Role,
}

fn statement(random: &mut Random, guards: Guards) -> Statement {
    let principal = match guards {
        Guards::Nothing => None,
        _ if random.once_in(6) && matches!(guards, Guards::Bucket) => Some(Named { bare_star: true, ..Named::default() }),
        _ => {
            let mut principal = Named { negated: matches!(guards, Guards::Bucket) && random.once_in(8), ..Named::default() };
            for _ in 0..=random.below(2) {
                let role = matches!(guards, Guards::Role) && random.once_in(6);
                let (kind, value) = if role { PROVIDER } else { PRINCIPALS[random.below(PRINCIPALS.len())] };
                principal.entries.entry(kind.to_owned()).or_default().push(value.to_owned());
            }
            Some(principal)
        }
    };
    let (action, resource) = match guards {
        Guards::Role => {
            let all = &["sts:AssumeRole", "sts:AssumeRole*", "sts:TagSession", "sts:AssumeRoleWithWebIdentity"];
            (Element { negated: false, values: random.some(1, all) }, None)
        }
        Guards::Nothing | Guards::Bucket => {
            let patterns = if matches!(guards, Guards::Bucket) { BUCKET } else { RESOURCES };
            let action = Element { negated: random.once_in(12), values: random.some(1, ACTIONS) };
            (action, Some(Element { negated: random.once_in(10), values: random.some(1, patterns) }))
        }
    };
    let effect = if random.once_in(4) { Effect::Deny } else { Effect::Allow };
    Statement { sid: None, effect, principal, action, resource, conditions: conditions(random) }
}

/// What AWS would refuse to store is taken out.
fn storable(mut document: Document) -> Document {
    for statement in &mut document.statements {
        statement.conditions.retain(|operator, _| operator != "StringBogus");
        for values in statement.conditions.values_mut().flat_map(BTreeMap::values_mut) {
            values.retain(|v| !matches!(v.as_str(), "x" | "?" | "nonsense"));
        }
        for keys in statement.conditions.values_mut() {
            keys.retain(|_, values| !values.is_empty());
        }
        statement.conditions.retain(|_, keys| !keys.is_empty());
    }
    document
}

fn document(random: &mut Random, guards: Guards) -> Document {
    if random.once_in(4) && !matches!(guards, Guards::Role) {
        return storable(generate::document(random, matches!(guards, Guards::Bucket)));
    }
    let mut document = Document::new((0..=random.below(2)).map(|_| statement(random, guards)).collect());
    if random.once_in(10) {
        document.version = None;
    }
    document
}

fn changed(document: &Document, random: &mut Random, guards: Guards) -> Document {
    let mut next = document.clone();
    let at = random.below(next.statements.len());
    match random.below(5) {
        0 => next.statements.push(statement(random, guards)),
        1 => drop(next.statements.remove(at)),
        2 => next.statements[at].conditions = conditions(random),
        3 => next.statements[at].effect = if next.statements[at].effect == Effect::Allow { Effect::Deny } else { Effect::Allow },
        _ => next.statements[at] = statement(random, guards),
    }
    next
}

/// Both sides of one principal or resource: the second has something else, or nothing. Half of them allow much besides, or
/// what is changed would seldom decide anything.
fn both(random: &mut Random, guards: Guards, change: bool) -> [Document; 2] {
    let first = document(random, guards);
    let second = if change { changed(&first, random, guards) } else { first.clone() };
    let mut wide = statement(random, guards);
    wide.effect = Effect::Allow;
    wide.conditions = Conditions::new();
    if !matches!(guards, Guards::Role) {
        wide.action = Element::of([random.one(&["*", "s3:*", "s3:Get*"])]);
        wide.resource = Some(Element::of([random.one(&["*", "arn:aws:s3:::*", "arn:aws:s3:::data/*"])]));
    }
    let besides = random.once_in(2);
    [first, second].map(|mut document| {
        if besides {
            document.statements.push(wide.clone());
        }
        document
    })
}

fn place(document: &Document) -> Placed {
    Placed::new(document.clone(), "")
}

/// A pair whose policies tell callers apart, under control policies, boundaries and tags.
fn pair(random: &mut Random) -> [Estate; 2] {
    let what = random.below(7);
    let alice = both(random, Guards::Nothing, what == 0);
    let app = both(random, Guards::Nothing, what == 1);
    let literal = random.once_in(8);
    let boundary = random.once_in(4).then(|| both(random, Guards::Nothing, what == 2));
    let trust = both(random, Guards::Role, what == 3);
    let bucket = both(random, Guards::Bucket, what == 4 || what == 5);
    let service = random.once_in(6).then(|| document(random, Guards::Nothing));
    let resource = random.once_in(6).then(|| {
        let mut document = document(random, Guards::Bucket);
        for statement in &mut document.statements {
            statement.effect = Effect::Deny;
            statement.principal = Some(Named { bare_star: true, ..Named::default() });
        }
        document
    });
    let tags: BTreeMap<String, String> = if random.once_in(3) { BTreeMap::from([("team".to_owned(), "red".to_owned())]) } else { BTreeMap::new() };
    let public = [random.once_in(6), random.once_in(6)];
    let allow_all = Document::new(vec![Statement::allow(Element::of(["*"]), Some(Element::of(["*"])))]);
    // A literal star seldom: what it leads to hides other things.
    let place = |document: &Document| {
        let mut document = document.clone();
        for value in document.statements.iter_mut().filter_map(|s| s.resource.as_mut()).flat_map(|r| &mut r.values).filter(|_| !literal) {
            *value = value.replace("${*}", "b");
        }
        place(&document)
    };
    let levels = |document: &Document| -> Levels { vec![vec![place(document)]] };
    [0, 1].map(|side| {
        let principal = |account: &str, user: bool, name: &str, document: &Document, boundary: Option<&Document>| Principal {
            account: account.to_owned(),
            user,
            name: name.to_owned(),
            tags: tags.clone(),
            identity: vec![place(document)],
            boundary: boundary.map(|b| vec![place(b)]),
            groups: BTreeSet::new(),
            unread: BTreeSet::new(),
        };
        let guarded = |document: &Document, public: bool| Guarded { account: OWNER.to_owned(), policy: Some(place(document)), restrict_public: public };
        let bound = boundary.as_ref().map(|b| &b[side]).filter(|_| what != 6 || side == 0);
        let public = public[if what == 5 { side } else { 0 }];
        Estate {
            partition: "aws".to_owned(),
            principals: BTreeMap::from([
                (ALICE.to_owned(), principal(DEV, true, "alice", &alice[side], None)),
                (APP.to_owned(), principal(OWNER, false, "App", &app[side], bound)),
            ]),
            roles: BTreeMap::from([(APP.to_owned(), guarded(&trust[side], false))]),
            buckets: BTreeMap::from([("data".to_owned(), guarded(&bucket[side], public))]),
            service_control: service.iter().map(|d| (OWNER.to_owned(), [levels(&allow_all), levels(d)].concat())).collect(),
            resource_control: resource.iter().map(|d| (OWNER.to_owned(), levels(d))).collect(),
            ..Estate::default()
        }
    })
}

fn side(estate: &Estate) -> Value {
    let documents = |list: &[Placed]| list.iter().map(|p| json!(p.document)).collect::<Vec<_>>();
    let guarded = |g: &Guarded| json!({"account": g.account, "policy": g.policy.as_ref().map(|p| &p.document), "restrict_public": g.restrict_public});
    let levels = |all: &BTreeMap<String, Levels>| -> BTreeMap<String, Vec<Vec<Value>>> {
        all.iter().map(|(account, levels)| (account.clone(), levels.iter().map(|l| documents(l)).collect())).collect()
    };
    let principals: BTreeMap<&String, Value> = estate
        .principals
        .iter()
        .map(|(arn, p)| {
            let boundary = p.boundary.as_deref().map(documents);
            (arn, json!({"account": p.account, "user": p.user, "name": p.name, "tags": p.tags, "identity": documents(&p.identity), "boundary": boundary}))
        })
        .collect();
    json!({
        "partition": estate.partition,
        "principals": principals,
        "roles": estate.roles.iter().map(|(arn, g)| (arn, guarded(g))).collect::<BTreeMap<_, _>>(),
        "buckets": estate.buckets.iter().map(|(name, g)| (name, guarded(g))).collect::<BTreeMap<_, _>>(),
        "service_control": levels(&estate.service_control),
        "resource_control": levels(&estate.resource_control),
    })
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
#[ignore = "writes the file that CROSSROLE_SMT_CASES names"]
fn random_cases_for_the_solver() {
    let file = std::env::var("CROSSROLE_SMT_CASES").expect("CROSSROLE_SMT_CASES names the file to write");
    let (seed, first, count) = (number("CROSSROLE_SMT_SEED", 1), number("CROSSROLE_SMT_FIRST", 0), number("CROSSROLE_SMT_COUNT", 200));
    let mut out = String::new();
    for at in first..first + count {
        // Each case has a seed of its own, and can be made alone.
        let mut random = Random(((seed << 32) | at).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        random.below(1);
        let (family, [before, after]) = if at % 3 == 0 { ("plain", brute::pair(&mut random)) } else { ("callers", pair(&mut random)) };
        let found = delta(&before, &after);
        let case = json!({"seed": seed, "number": at, "family": family, "before": side(&before), "after": side(&after), "delta": found});
        writeln!(out, "{case}").unwrap();
    }
    std::fs::write(file, out).unwrap();
}

/// The other way round.
fn estate(side: &Value) -> Estate {
    let entries = |name: &str| side[name].as_object().cloned().unwrap_or_default();
    let placed = |value: &Value| place(&serde_json::from_value(value.clone()).unwrap());
    let list = |value: &Value| value.as_array().into_iter().flatten().map(placed).collect::<Vec<_>>();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let guarded = |name: &str| {
        let all = entries(name).into_iter().map(|(key, g)| {
            let policy = Some(&g["policy"]).filter(|p| !p.is_null()).map(placed);
            (key, Guarded { account: text(&g["account"]), policy, restrict_public: g["restrict_public"] == true })
        });
        all.collect::<BTreeMap<_, _>>()
    };
    let levels = |name: &str| entries(name).into_iter().map(|(account, all)| (account, all.as_array().unwrap().iter().map(list).collect())).collect();
    let principals = entries("principals").into_iter().map(|(arn, p)| {
        let principal = Principal {
            account: text(&p["account"]),
            user: p["user"] == true,
            name: text(&p["name"]),
            tags: serde_json::from_value(p["tags"].clone()).unwrap(),
            identity: list(&p["identity"]),
            boundary: Some(&p["boundary"]).filter(|b| !b.is_null()).map(list),
            groups: BTreeSet::new(),
            unread: BTreeSet::new(),
        };
        (arn, principal)
    });
    Estate {
        partition: text(&side["partition"]),
        principals: principals.collect(),
        roles: guarded("roles"),
        buckets: guarded("buckets"),
        service_control: levels("service_control"),
        resource_control: levels("resource_control"),
        ..Estate::default()
    }
}

#[test]
#[ignore = "reads the pairs that CROSSROLE_SMT_PAIRS names, and writes the file that CROSSROLE_SMT_CASES names"]
fn given_cases_for_the_solver() {
    let [pairs, file] = ["CROSSROLE_SMT_PAIRS", "CROSSROLE_SMT_CASES"].map(|name| std::env::var(name).expect(name));
    let mut out = String::new();
    for line in std::fs::read_to_string(pairs).unwrap().lines() {
        let mut case: Value = serde_json::from_str(line).unwrap();
        // A pair that is none (a statement without an action) is left out.
        let found = std::panic::catch_unwind(|| delta(&estate(&case["before"]), &estate(&case["after"])));
        case["delta"] = found.map_or(Value::Null, |found| json!(found));
        writeln!(out, "{case}").unwrap();
    }
    std::fs::write(file, out).unwrap();
}
