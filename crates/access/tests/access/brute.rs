//! The access delta against brute force: every request of a small universe is put to the literal evaluator on both sides.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::estate::{Estate, Guarded, Placed, Principal};
use crossrole_access::{Caller, Compiled, Context, Policies, Request, action_matches, delta, evaluate, resource_matches};
use crossrole_model::access::{AccessChange, AccessDelta, Apart, Direction, Part, Party};
use crossrole_policy::{Conditions, Document, Effect, Element, Principal as Named, Statement};

use crate::generate::Random;
use crate::words::speaks_of;

const PAIRS: usize = 500;
const OWNER: &str = "222222222222";
const DEV: &str = "111111111111";
const ALICE: &str = "arn:aws:iam::111111111111:user/alice";
const APP: &str = "arn:aws:iam::222222222222:role/App";

const ACTIONS: &[&str] = &[
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "s3:DeleteObject",
    "s3:GetBucketPolicy",
    "s3:GetObjectAcl",
    "sts:AssumeRole",
    "iam:PassRole",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "sqs:x",
];
const RESOURCES: &[&str] = &[
    "arn:aws:s3:::data",
    "arn:aws:s3:::data/",
    "arn:aws:s3:::data/a",
    "arn:aws:s3:::data/a/x",
    "arn:aws:s3:::data/ab",
    "arn:aws:s3:::data/b/x",
    "arn:aws:s3:::data/alice/x",
    "arn:aws:s3:::other",
    "arn:aws:s3:::other/a/x",
    "arn:aws:iam::222222222222:role/App",
    "arn:aws:iam::222222222222:role/Else",
    "arn:aws:dynamodb:us-east-1:222222222222:table/t",
    "arn:aws:dynamodb:eu-west-1:333333333333:table/t",
];
const PATTERNS: &[&str] = &[
    "*",
    "arn:aws:s3:::data",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data/a*",
    "arn:aws:s3:::data/a/*",
    "arn:aws:s3:::data/*/x",
    "arn:aws:s3:::data/?",
    "arn:aws:s3:::*",
    "arn:aws:s3:::other/*",
    "arn:aws:iam::222222222222:role/*",
    "arn:aws:s3:::data/${aws:username}/*",
    "arn:aws:dynamodb:*:222222222222:table/*",
    "arn:aws:dynamodb:us-east-1:*",
];
const BUCKET_PATTERNS: &[&str] = &["arn:aws:s3:::data", "arn:aws:s3:::data/*", "arn:aws:s3:::data/a*", "arn:aws:s3:::data/a/*", "arn:aws:s3:::data/*x"];
const ACTION_PATTERNS: &[&str] = &[
    "*",
    "s3:*",
    "s3:Get*",
    "s3:GetObject",
    "s3:*Object",
    "s3:ListBucket",
    "s3:PutObject",
    "sts:AssumeRole",
    "iam:*",
    "dynamodb:*",
    "dynamodb:GetItem",
    "dynamodb:*Item",
];
const PRINCIPALS: &[&str] = &["*", DEV, "arn:aws:iam::222222222222:root", ALICE, APP, "arn:aws:iam::333333333333:user/bob"];
const TESTS: &[(&str, &str, &[&str])] = &[
    ("Bool", "aws:MultiFactorAuthPresent", &["true"]),
    ("BoolIfExists", "aws:MultiFactorAuthPresent", &["true"]),
    ("StringEquals", "sts:ExternalId", &["one", "two"]),
    ("StringLike", "sts:ExternalId", &["o*", "t?o"]),
    ("StringNotEquals", "sts:ExternalId", &["one"]),
    ("IpAddress", "aws:SourceIp", &["203.0.113.0/24", "203.0.113.128/25"]),
    ("NotIpAddress", "aws:SourceIp", &["203.0.113.0/25"]),
    ("DateLessThan", "aws:CurrentTime", &["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
    ("NumericLessThanEquals", "s3:max-keys", &["10", "20"]),
    ("ForAnyValue:StringEquals", "aws:TagKeys", &["a", "b"]),
    ("ForAllValues:StringLike", "aws:TagKeys", &["a*"]),
];

fn contexts() -> Vec<Context> {
    let mut all = vec![Context::default()];
    let mut with = |key: &str, values: &[&str], missing: bool| {
        let old = std::mem::take(&mut all);
        for context in old {
            if missing {
                all.push(context.clone());
            }
            for value in values {
                let mut context = context.clone();
                context.set(key, *value);
                all.push(context);
            }
        }
    };
    with("aws:MultiFactorAuthPresent", &["true", "false"], true);
    with("sts:ExternalId", &["one", "two"], true);
    with("aws:SourceIp", &["203.0.113.5", "203.0.113.200", "198.51.100.1"], false);
    with("aws:CurrentTime", &["2025-06-01T00:00:00Z", "2026-06-01T00:00:00Z"], false);
    with("s3:max-keys", &["5", "15"], false);
    let tags = all.iter().map(|context| {
        let mut context = context.clone();
        context.set_many("aws:TagKeys", vec!["a".to_owned(), "b".to_owned()]);
        context
    });
    let tags: Vec<Context> = tags.collect();
    all.extend(tags);
    all
}

fn statement(random: &mut Random, principals: Option<&[&str]>, resources: Option<&[&str]>) -> Statement {
    let mut conditions = Conditions::new();
    if random.once_in(2) {
        let (operator, key, values) = TESTS[random.below(TESTS.len())];
        conditions.entry(operator.to_owned()).or_default().insert(key.to_owned(), vec![random.one(values).to_owned()]);
    }
    let actions = if resources.is_some() { random.some(1, ACTION_PATTERNS) } else { vec!["sts:AssumeRole".to_owned()] };
    Statement {
        sid: None,
        effect: if random.once_in(5) { Effect::Deny } else { Effect::Allow },
        principal: principals.map(|list| Named::of("AWS", random.some(1, list))),
        action: Element { negated: resources.is_some() && random.once_in(12), values: actions },
        resource: resources.map(|list| Element { negated: random.once_in(12), values: random.some(1, list) }),
        conditions,
    }
}

fn document(random: &mut Random, principals: Option<&[&str]>, resources: Option<&[&str]>) -> Document {
    Document::new((0..=random.below(2)).map(|_| statement(random, principals, resources)).collect())
}

/// The second is the first with one thing changed.
fn changed(document: &Document, random: &mut Random, principals: Option<&[&str]>, resources: Option<&[&str]>) -> Document {
    let mut next = document.clone();
    let at = random.below(next.statements.len());
    match random.below(4) {
        0 => next.statements.push(statement(random, principals, resources)),
        1 => drop(next.statements.remove(at)),
        2 => next.statements.reverse(),
        _ => next.statements[at] = statement(random, principals, resources),
    }
    next
}

#[derive(Clone)]
struct Side {
    alice: Document,
    app: Document,
    boundary: Option<Document>,
    trust: Document,
    bucket: Document,
}

impl Side {
    fn of(random: &mut Random) -> Self {
        Self {
            alice: document(random, None, Some(PATTERNS)),
            app: document(random, None, Some(PATTERNS)),
            boundary: random.once_in(3).then(|| document(random, None, Some(PATTERNS))),
            trust: document(random, Some(PRINCIPALS), None),
            bucket: document(random, Some(PRINCIPALS), Some(BUCKET_PATTERNS)),
        }
    }

    fn changed(&self, random: &mut Random) -> Self {
        let mut next = self.clone();
        match random.below(5) {
            0 => next.alice = changed(&self.alice, random, None, Some(PATTERNS)),
            1 => next.app = changed(&self.app, random, None, Some(PATTERNS)),
            2 => next.boundary = random.once_in(2).then(|| document(random, None, Some(PATTERNS))),
            3 => next.trust = changed(&self.trust, random, Some(PRINCIPALS), None),
            _ => next.bucket = changed(&self.bucket, random, Some(PRINCIPALS), Some(BUCKET_PATTERNS)),
        }
        next
    }

    fn estate(&self) -> Estate {
        let place = |document: &Document| Placed::new(document.clone(), "");
        let principal = |account: &str, user: bool, name: &str, document: &Document, boundary: Option<&Document>| Principal {
            account: account.to_owned(),
            user,
            name: name.to_owned(),
            tags: BTreeMap::new(),
            identity: vec![place(document)],
            boundary: boundary.map(|b| vec![place(b)]),
            groups: BTreeSet::new(),
            unread: BTreeSet::new(),
        };
        let guarded = |document: &Document| Guarded { account: OWNER.to_owned(), policy: Some(place(document)), restrict_public: false };
        Estate {
            partition: "aws".to_owned(),
            principals: BTreeMap::from([
                (ALICE.to_owned(), principal(DEV, true, "alice", &self.alice, None)),
                (APP.to_owned(), principal(OWNER, false, "App", &self.app, self.boundary.as_ref())),
            ]),
            roles: BTreeMap::from([(APP.to_owned(), guarded(&self.trust))]),
            buckets: BTreeMap::from([("data".to_owned(), guarded(&self.bucket))]),
            ..Estate::default()
        }
    }
}

/// One side, compiled. (That the compiled evaluator agrees with the literal one is another test's.)
struct Ready {
    alice: Compiled,
    app: Compiled,
    boundary: Option<Compiled>,
    trust: Compiled,
    bucket: Compiled,
    /// A role that nobody has read is taken to trust its account.
    trusting: Compiled,
}

impl Ready {
    fn of(side: &Side) -> Self {
        let ready = |document: &Document| Compiled::new(document, "");
        let mut trusting = Statement::allow(Element::of(["sts:AssumeRole"]), None);
        trusting.principal = Some(Named::of("AWS", [OWNER]));
        Self {
            alice: ready(&side.alice),
            app: ready(&side.app),
            boundary: side.boundary.as_ref().map(ready),
            trust: ready(&side.trust),
            bucket: ready(&side.bucket),
            trusting: ready(&Document::new(vec![trusting])),
        }
    }

    fn allows(&self, who: &str, request: &Request) -> bool {
        let (identity, boundary) = match who {
            "alice" => (Some(&self.alice), None),
            "app" => (Some(&self.app), self.boundary.as_ref()),
            _ => (None, None),
        };
        let resource = match request.resource.as_str() {
            text if text.starts_with("arn:aws:s3:::data") => Some(&self.bucket),
            APP if request.action.starts_with("sts:") => Some(&self.trust),
            _ if request.action.starts_with("sts:") => Some(&self.trusting),
            _ => None,
        };
        let policies = Policies { identity: identity.into_iter().collect(), boundary: boundary.map(|b| vec![b]), resource, ..Policies::default() };
        evaluate(request, &policies).is_allowed()
    }
}

/// What a change says of a request, for an error's sake.
fn text(change: &AccessChange) -> String {
    format!("{:?} {:?} {:?} {:?} {:?}", change.direction, change.party, change.actions, change.resources, change.when)
}

fn covers(change: &AccessChange, request: &Request) -> bool {
    fn holds(part: &Part, matches: &dyn Fn(&str) -> bool) -> bool {
        !part.nameless && part.patterns().all(matches) && !part.except.iter().any(|e| holds(e, matches))
    }
    // In a policy, a wildcard for the service matches nothing; in a part it is meant.
    let resource = |text: &str| text == "arn:aws:*:*:*:*" || resource_matches(text, &request.resource, None);
    let apart = |part: &Part| match &part.apart {
        Apart::Named(list) => list.iter().any(|known| request.resource == *known || request.resource.starts_with(&format!("{known}/"))),
        Apart::Many(_) => panic!("{part:?}"),
    };
    change.actions.iter().any(|a| holds(a, &|p| action_matches(p, &request.action))) && change.resources.iter().any(|r| holds(r, &resource) && !apart(r))
}

/// Whose policies, who, caller, keys that its requests have.
type Asker = (&'static str, Party, Caller, Vec<(&'static str, &'static str)>);

/// Callers of the universe.
fn callers() -> Vec<Asker> {
    vec![
        ("alice", Party::of(ALICE), Caller::parse(ALICE), vec![("aws:username", "alice")]),
        ("app", Party::of(APP), Caller::parse("arn:aws:sts::222222222222:assumed-role/App/session"), vec![]),
        ("anonymous", Party::Unsigned, Caller::Anonymous, vec![]),
    ]
}

fn is_asked(action: &str, resource: &str, who: &str) -> bool {
    let elses = resource == "arn:aws:iam::222222222222:role/Else";
    // No IAM action but the trust policy's crosses accounts, and a star over resources does not speak of such.
    let foreign = (elses || action.starts_with("iam:")) && who != "app";
    crossrole_access::catalogue::is_asked_of(action, resource) && !foreign && (who != "anonymous" || resource.starts_with("arn:aws:s3:::data"))
}

/// Puts every request to both sides, and checks that the delta says the same, read literally.
fn check(before: &Ready, after: &Ready, found: &AccessDelta, contexts: &[Context]) -> Result<usize, String> {
    let mut differences = 0;
    if let Some(undecided) = found.undecided.first() {
        return Err(format!("undecided: {undecided:?}"));
    }
    for (who, party, caller, keys) in callers() {
        let of: Vec<&AccessChange> = found.changes.iter().filter(|c| c.party == party || c.party == Party::Unsigned).collect();
        let mut request =
            Request { caller: caller.clone(), action: String::new(), resource: String::new(), resource_account: None, context: Context::default() };
        let asked = ACTIONS.iter().flat_map(|a| RESOURCES.iter().map(move |r| (*a, *r))).filter(|(a, r)| is_asked(a, r, who));
        for (action, resource) in asked {
            request.action.replace_range(.., action);
            request.resource.replace_range(.., resource);
            let own = resource.starts_with("arn:aws:s3:::other") || resource.contains(":dynamodb:");
            request.resource_account = Some(if own { caller.account().unwrap_or(OWNER) } else { OWNER }.to_owned());
            // What is said of an action and a resource is the same in every context.
            let about: Vec<&&AccessChange> = of.iter().filter(|c| covers(c, &request)).collect();
            for context in contexts {
                request.context.clone_from(context);
                if caller == Caller::Anonymous {
                    request.context.remove("aws:MultiFactorAuthPresent");
                }
                for (key, value) in &keys {
                    request.context.set(key, *value);
                }
                let actual = match (before.allows(who, &request), after.allows(who, &request)) {
                    (false, true) => Some(Direction::Widened),
                    (true, false) => Some(Direction::Narrowed),
                    _ => None,
                };
                let mut said = about.iter().filter(|c| speaks_of(c, &request.context));
                let fail = |what: &str| Err(format!("{what}: {who} {request:?} is {actual:?}\n{:#?}", of.iter().map(|c| text(c)).collect::<Vec<_>>()));
                match actual {
                    Some(direction) if !said.clone().any(|c| c.direction == direction) => return fail("missed"),
                    // What is said of unsigned callers holds of those, whatever others could before.
                    _ if said.any(|c| c.party == party && Some(c.direction) != actual) => return fail("invented"),
                    Some(_) => differences += 1,
                    None => {}
                }
            }
        }
    }
    Ok(differences)
}

#[test]
fn brute_force_finds_nothing_more_and_nothing_less() {
    let contexts = contexts();
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    let (mut differences, mut quiet) = (0, 0);
    for round in 0..PAIRS {
        let before = Side::of(&mut random);
        let after = before.changed(&mut random);
        let found = delta(&before.estate(), &after.estate());
        match check(&Ready::of(&before), &Ready::of(&after), &found, &contexts) {
            Ok(0) => quiet += 1,
            Ok(n) => differences += n,
            Err(why) => panic!(
                "round {round}: {why}\nbefore alice {} app {} boundary {:?} trust {} bucket {}\nafter  alice {} app {} boundary {:?} trust {} bucket {}",
                before.alice.to_json(),
                before.app.to_json(),
                before.boundary.as_ref().map(Document::to_json),
                before.trust.to_json(),
                before.bucket.to_json(),
                after.alice.to_json(),
                after.app.to_json(),
                after.boundary.as_ref().map(Document::to_json),
                after.trust.to_json(),
                after.bucket.to_json()
            ),
        }
    }
    assert!(differences > 100_000 && quiet > 50, "{differences} differences, {quiet} pairs without any");
}

/// Two sides as they are made for brute force, for another judge.
pub(crate) fn pair(random: &mut Random) -> [Estate; 2] {
    let before = Side::of(random);
    let after = before.changed(random);
    [before.estate(), after.estate()]
}
