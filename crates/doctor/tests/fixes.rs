//! Fixes of what somebody else keeps: carried out in memory, they let the call through, and no call that asks less.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::estate::BucketKey;
use crossrole_access::{Context, Controls, ObjectKey, Question};
use crossrole_doctor::{Asked, Case, Manifests, diagnose};
use crossrole_model::diagnosis::{Amendment, Cause, Denied, Diagnosis, FixStep, Found, RequestChange};
use crossrole_model::observed::{AccountState, KeyState, ObservedBucket, ObservedKey, ObservedRole, ObservedUser};
use crossrole_model::state::{BucketPolicyState, BucketState, Encryption, KeyPolicyState, PublicAccessBlock, RoleState, UserState};
use crossrole_model::{AccountId, Desired, Observation, Observed, Plan};
use crossrole_policy::{Document, parse};
use serde_json::{Value, json};

const OWNER: &str = "222222222222";
const DEV: &str = "111111111111";
const DESK: &str = "arn:aws:iam::222222222222:role/Desk";
const ANN: &str = "arn:aws:iam::111111111111:user/ann";
const BOB: &str = "arn:aws:iam::111111111111:user/bob";
const CALLER: &str = "arn:aws:iam::111111111111:role/Caller";
const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A key that no bucket names.
const OTHER: &str = "arn:aws:kms:us-east-1:222222222222:key/99999999-12ab-34cd-56ef-1234567890ab";

fn other() -> BucketKey {
    BucketKey { arn: OTHER.to_owned(), bucket_key: false, region: "us-east-1".to_owned() }
}

/// Nobody declares anything.
struct Nothing;

impl Manifests for Nothing {
    fn amended(&self, _: &[Amendment]) -> Option<Desired> {
        None
    }

    fn plan(&self, _: &Desired, _: &Observed, _: &[String]) -> Plan {
        Plan::default()
    }

    fn texts(&self, _: &str, _: &[Amendment]) -> Option<(String, String)> {
        None
    }
}

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

fn document(statements: &Value) -> Document {
    parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

/// Two accounts, a role, a bucket and its key.
#[derive(Clone)]
struct Desk {
    observed: Observed,
    desired: Desired,
}

/// A call, and what it brings.
#[derive(Clone)]
struct Call {
    who: String,
    action: &'static str,
    resource: String,
    context: Context,
    tags: bool,
    identity: bool,
    copies: Option<String>,
    key: ObjectKey,
    region: Option<&'static str>,
    denied: Option<String>,
}

fn call(who: &str, action: &'static str, resource: &str, context: &[(&str, &str)]) -> Call {
    let mut all = Context::default();
    all.set("aws:CurrentTime", "2026-06-01T12:00:00Z");
    for (key, value) in context {
        all.set(key, *value);
    }
    if all.get("aws:MultiFactorAuthPresent").is_some() && all.get("aws:MultiFactorAuthAge").is_none() {
        all.set("aws:MultiFactorAuthAge", "0");
    }
    Call {
        who: who.to_owned(),
        action,
        resource: resource.to_owned(),
        context: all,
        tags: false,
        identity: false,
        copies: None,
        key: ObjectKey::AsItsBucket,
        region: None,
        denied: None,
    }
}

const MFA: (&str, &str) = ("aws:MultiFactorAuthPresent", "true");
const ID: (&str, &str) = ("sts:ExternalId", "desk-0815");
const HERE: (&str, &str) = ("aws:SourceIp", "127.0.0.1");
const THERE: (&str, &str) = ("aws:SourceIp", "198.51.100.7");

/// Conditions, what the call brings, and the cause.
type Row<'r> = (Value, &'r [(&'r str, &'r str)], Cause);

fn assume(who: &str, context: &[(&str, &str)]) -> Call {
    call(who, "sts:AssumeRole", DESK, context)
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self { observed: Observed::default(), desired: Desired::default() };
        for id in [OWNER, DEV] {
            desk.observed.accounts.insert(account(id), Observation::Known(AccountState { complete: true, ..AccountState::default() }));
        }
        desk.role(
            OWNER,
            "Desk",
            &json!([{"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole"}]),
            &json!([allow("s3:GetObject", "arn:aws:s3:::desk/reports/*")]),
        );
        desk.role(DEV, "Caller", &json!([]), &json!([allow("sts:AssumeRole", "*"), allow("s3:*", "*")]));
        desk.user("ann", &json!([allow("sts:*", "*")]));
        desk.user("bob", &json!([allow("sts:*", "*"), allow("s3:*", "*"), allow("kms:*", "*")]));
        desk.bucket(None, false);
        desk
    }

    fn state(&mut self, id: &str) -> &mut AccountState {
        let Some(Observation::Known(state)) = self.observed.accounts.get_mut(&account(id)) else { panic!("{id}") };
        state
    }

    fn role(&mut self, of: &str, name: &str, trust: &Value, own: &Value) {
        let state = RoleState {
            path: "/".to_owned(),
            trust: document(trust),
            description: String::new(),
            max_session_seconds: 3_600,
            boundary: None,
            tags: BTreeMap::new(),
            inline: BTreeMap::from([("p".to_owned(), document(own))]),
            attached: BTreeSet::new(),
        };
        let role = ObservedRole { name: name.to_owned(), id: format!("AROA{}", name.to_uppercase()), state, instance_profiles: BTreeSet::new() };
        self.state(of).roles.insert(name.to_lowercase(), role);
    }

    fn user(&mut self, name: &str, own: &Value) {
        let user = ObservedUser {
            name: name.to_owned(),
            id: format!("AIDA{}", name.to_uppercase()),
            state: UserState { path: "/".to_owned(), tags: BTreeMap::new() },
            boundary: None,
            groups: BTreeSet::new(),
            attached: BTreeSet::new(),
            inline: BTreeMap::from([("p".to_owned(), Some(document(own)))]),
        };
        self.state(DEV).users.insert(name.to_owned(), user);
    }

    fn trust(&mut self, trust: &Value) {
        self.state(OWNER).roles.get_mut("desk").unwrap().state.trust = document(trust);
    }

    fn bucket(&mut self, policy: Option<&Value>, encrypted: bool) {
        let encryption = encrypted.then(|| Encryption::Kms { key: KEY.to_owned(), bucket_key: false });
        let state = BucketState {
            region: "us-east-1".to_owned(),
            versioning: None,
            encryption,
            public_access_block: Some(PublicAccessBlock::all(false)),
            ownership: Some("BucketOwnerEnforced".to_owned()),
            logging: None,
            tags: None,
        };
        let bucket =
            ObservedBucket { state, policy: Observation::Known(BucketPolicyState { document: policy.map(document) }), encryption: None, owner_unread: None };
        self.observed.buckets.insert("desk".to_owned(), Observation::Known(Some(bucket)));
        self.observed.bucket_accounts.insert("desk".to_owned(), account(OWNER));
    }

    /// A key that the bucket does not name.
    fn other_key(&mut self, policy: &Value, customer: bool) {
        let policy = Observation::Known(KeyPolicyState { document: document(policy) });
        self.observed.keys.insert(OTHER.to_owned(), Observation::Known(Some(ObservedKey { state: KeyState::Enabled, customer, policy, made: None })));
    }

    fn key(&mut self, policy: &Value, state: KeyState) {
        self.bucket(None, true);
        let policy = Observation::Known(KeyPolicyState { document: document(policy) });
        self.observed.keys.insert(KEY.to_owned(), Observation::Known(Some(ObservedKey { state, customer: true, policy, made: None })));
    }

    fn asked(&self, call: &Call) -> Diagnosis {
        self.asked_via(call, Vec::new())
    }

    fn asked_via(&self, call: &Call, via: Vec<String>) -> Diagnosis {
        let desired = self.desired.clone();
        let controls = Controls::default();
        let case =
            Case { desired: &desired, observed: &self.observed, besides: &Observed::default(), object: Some(true), controls: &controls, manifests: &Nothing };
        let question = Question {
            principal: call.who.clone(),
            via,
            action: call.action.to_owned(),
            resource: call.resource.clone(),
            resource_account: None,
            context: call.context.clone(),
            unread_allows: false,
        };
        let denied: Option<Denied> = call.denied.as_deref().map(crossrole_doctor::read);
        let asked = Asked {
            question,
            duration: None,
            session_tags: call.tags,
            source_identity: call.identity,
            session_policy: false,
            copies: call.copies.clone(),
            key: call.key.clone(),
            region: call.region.map(str::to_owned),
            denied,
        };
        diagnose(&case, asked)
    }

    /// The same through a role.
    fn asked_by_way(&self, call: &Call, role: &str) -> Diagnosis {
        self.asked_via(call, vec![role.to_owned()])
    }

    fn with_ann(mut self, own: &Value) -> Self {
        self.user("ann", own);
        self
    }

    /// The call as a fix has it made, of which nothing is carried out.
    fn treated_as(&self, found: &Diagnosis, call: &Call) -> (Self, Call) {
        let mut then = self.clone();
        let made = then.carry_out(found, call);
        (then, made)
    }

    fn lets(&self, call: &Call) -> bool {
        let mut call = call.clone();
        call.denied = None;
        self.asked(&call).found() == Found::Allowed
    }

    /// Does what a fix says; returns the call as it is made then.
    fn carry_out(&mut self, found: &Diagnosis, call: &Call) -> Call {
        let mut call = call.clone();
        for step in found.fix.as_ref().unwrap_or_else(|| panic!("no fix: {:?}", found.causes)) {
            match step {
                FixStep::Command { account, argv } => self.command(account.as_str(), argv),
                FixStep::Request { changes, .. } => changes.iter().for_each(|change| asked_otherwise(change, &mut call)),
                other => panic!("{other:?}"),
            }
        }
        call
    }

    fn command(&mut self, of: &str, argv: &[String]) {
        let flag = |name: &str| argv.iter().position(|word| word == name).map(|at| argv[at + 1].clone()).unwrap_or_default();
        let text = [flag("--policy-document"), flag("--policy")].concat();
        let new = || parse(&text).unwrap();
        match argv[2].as_str() {
            "update-assume-role-policy" => self.state(of).roles.get_mut(&flag("--role-name").to_lowercase()).unwrap().state.trust = new(),
            "put-role-policy" => {
                drop(self.state(of).roles.get_mut(&flag("--role-name").to_lowercase()).unwrap().state.inline.insert(flag("--policy-name"), new()));
            }
            "put-user-policy" => drop(self.state(of).users.get_mut(&flag("--user-name")).unwrap().inline.insert(flag("--policy-name"), Some(new()))),
            "put-bucket-policy" => {
                let Some(Observation::Known(Some(bucket))) = self.observed.buckets.get_mut("desk") else { panic!() };
                bucket.policy = Observation::Known(BucketPolicyState { document: Some(new()) });
            }
            operation @ ("put-key-policy" | "enable-key") => {
                let Some(Observation::Known(Some(key))) = self.observed.keys.get_mut(&flag("--key-id")) else { panic!() };
                match operation {
                    "enable-key" => key.state = KeyState::Enabled,
                    _ => key.policy = Observation::Known(KeyPolicyState { document: new() }),
                }
            }
            other => panic!("{other}"),
        }
    }

    /// What is found; the fix is carried out, the call is let then, and none of `others` that was refused is.
    fn treated(&self, call: &Call, others: &[Call]) -> (Diagnosis, Call) {
        let found = self.asked(call);
        let mut then = self.clone();
        let made = then.carry_out(&found, call);
        assert!(then.lets(&made), "refused after {:#?}: {:#?}", found.fix, then.asked(&made).causes);
        for other in others {
            assert!(then.lets(other) == self.lets(other), "{} {} {:?} was {}: {:#?}", other.who, other.action, other.context, self.lets(other), found.fix);
        }
        (found, made)
    }
}

fn asked_otherwise(change: &RequestChange, call: &mut Call) {
    match change {
        RequestChange::ExternalId { id } => call.context.set("sts:ExternalId", id.clone()),
        RequestChange::Mfa => {
            call.context.set("aws:MultiFactorAuthPresent", "true");
            call.context.set("aws:MultiFactorAuthAge", "0");
        }
        RequestChange::Tls => call.context.set("aws:SecureTransport", "true"),
        RequestChange::Region { region } => call.context.set("aws:RequestedRegion", region.clone().unwrap()),
        RequestChange::From { key, value, .. } => call.context.set(key, value.clone()),
        RequestChange::With { key, value } => {
            call.context.set(key, value.clone());
            call.identity |= key == "sts:SourceIdentity";
            call.tags |= key.starts_with("aws:RequestTag/");
        }
        other => panic!("{other:?}"),
    }
}

fn causes(found: &Diagnosis) -> Vec<Cause> {
    found.causes.iter().map(|cause| cause.cause).collect()
}

fn guarded(principal: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", "Condition": {
        "StringEquals": {"sts:ExternalId": "desk-0815"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}, "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
    }})
}

/// Of all calls with less than what was brought.
fn lesser(who: &str) -> Vec<Call> {
    [&[MFA, HERE][..], &[("sts:ExternalId", "zz99"), MFA, HERE], &[ID, HERE], &[ID, MFA, THERE], &[]].into_iter().map(|brought| assume(who, brought)).collect()
}

/// Whoever is let in besides has to bring what the statement asks of those whom it names: one that was deleted, too, and whatever of it
/// the refused call brought.
#[test]
fn who_is_let_in_brings_what_others_have_to() {
    let ec2 = json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let trusts = [
        json!([guarded(&json!(BOB))]),
        json!([ec2, guarded(&json!(BOB))]),
        json!([guarded(&json!("AROAEXAMPLEEXAMPLEAB"))]),
        json!([guarded(&json!([BOB, "AIDAEXAMPLEEXAMPLEAB"]))]),
        json!([{"Effect": "Allow", "Principal": {"AWS": DEV}, "Action": "sts:*", "Condition": {
            "StringEquals": {"sts:ExternalId": "desk-0815"}, "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/team/*"},
        }}]),
    ];
    for trust in &trusts {
        let mut desk = Desk::new();
        desk.trust(trust);
        for brought in [&[ID, MFA, HERE][..], &[ID, HERE], &[HERE]] {
            let call = assume(ANN, brought);
            let others: Vec<Call> = lesser(ANN).into_iter().chain(lesser(BOB)).chain([assume(CALLER, &[ID, MFA, HERE])]).collect();
            let (found, made) = desk.treated(&call, &others);
            assert!([Cause::TrustLacks, Cause::TrustNamesDeleted].contains(&causes(&found)[0]), "{trust}: {:?}", found.causes);
            assert_eq!((value_of(&made, "sts:ExternalId"), value_of(&made, "aws:MultiFactorAuthPresent")), ("desk-0815", "true"));
        }
    }
    // Nothing is asked of anybody like the caller: what the call brought is.
    let mut desk = Desk::new();
    desk.trust(&json!([ec2]));
    desk.treated(&assume(ANN, &[ID, MFA]), &[assume(ANN, &[ID]), assume(ANN, &[MFA]), assume(ANN, &[])]);
}

fn value_of<'c>(call: &'c Call, key: &str) -> &'c str {
    match call.context.get(key) {
        Some(crossrole_access::ContextValue::One(text)) => text,
        _ => "",
    }
}

/// The same of buckets, of keys and of the caller's own side.
#[test]
fn grants_beside_others_keep_their_conditions() {
    const READ: &str = "arn:aws:s3:::desk/reports/q1";
    let here = json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}});
    let mut desk = Desk::new();
    desk.user("ann", &json!([allow("s3:*", "*")]));
    desk.bucket(
        Some(&json!([{"Effect": "Allow", "Principal": {"AWS": BOB}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::desk/*", "Condition": here}])),
        false,
    );
    let (found, _) = desk.treated(&call(ANN, "s3:GetObject", READ, &[HERE]), &[call(ANN, "s3:GetObject", READ, &[THERE])]);
    assert_eq!(causes(&found), [Cause::BucketPolicyLacks]);
    let mut desk = Desk::new();
    desk.user(
        "ann",
        &json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": CALLER, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]),
    );
    for brought in [&[MFA][..], &[]] {
        let (found, _) = desk.treated(&assume(ANN, brought), &[assume(ANN, &[])]);
        assert_eq!(causes(&found)[0], if brought.is_empty() { Cause::MfaMissing } else { Cause::IdentityLacks });
    }
    let mut desk = Desk::new();
    desk.user("ann", &json!([allow("s3:*", "*"), allow("kms:*", "*")]));
    let own = json!({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"});
    desk.key(&json!([own, {"Effect": "Allow", "Principal": {"AWS": BOB}, "Action": "kms:Decrypt", "Resource": "*", "Condition": here}]), KeyState::Enabled);
    let (found, _) = desk.treated(&call(ANN, "kms:Decrypt", KEY, &[HERE]), &[call(ANN, "kms:Decrypt", KEY, &[THERE])]);
    assert_eq!(causes(&found), [Cause::KeyPolicyLacks]);
}

/// Where sessions are named one by one, one more is.
#[test]
fn one_session_more_is_one_session() {
    let session = |name: &str| format!("arn:aws:sts::111111111111:assumed-role/Caller/{name}");
    let mut desk = Desk::new();
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": session("ci")}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "desk-0815"}}}]));
    let (_, other) = desk.treated(&assume(&session("dev"), &[ID]), &[assume(&session("ops"), &[ID]), assume(&session("dev"), &[])]);
    assert_eq!(other.who, session("dev"));
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": BOB}, "Action": "sts:AssumeRole"}]));
    let mut then = desk.clone();
    then.carry_out(&desk.asked(&assume(&session("dev"), &[])), &assume(&session("dev"), &[]));
    assert!(then.lets(&assume(&session("ops"), &[])), "whom policies name by their roles, as usual");
}

/// A key, or a role, that leaves it to the policies of its account: what lacks is the caller's own policy, as AWS says.
#[test]
fn what_is_left_to_the_account_lacks_on_the_callers_side() {
    let root = format!("arn:aws:iam::{OWNER}:root");
    let mut desk = Desk::new();
    desk.key(&json!([{"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}]), KeyState::Enabled);
    for said in [
        None,
        Some(
            "User: arn:aws:sts::222222222222:assumed-role/Desk/s is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because no identity-based policy allows the kms:Decrypt action",
        ),
    ] {
        let mut read = call(DESK, "s3:GetObject", "arn:aws:s3:::desk/reports/q1", &[]);
        read.denied = said.map(str::to_owned);
        let (found, _) = desk.treated(&read, &[call(DESK, "kms:Decrypt", KEY, &[]), call(DESK, "s3:GetObject", "arn:aws:s3:::desk/reports/q2", &[])]);
        assert_eq!(causes(&found), [Cause::KeyIdentityLacks]);
    }
    let mut desk = Desk::new();
    desk.role(OWNER, "Own", &json!([]), &json!([]));
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}]));
    let (found, _) = desk.treated(&assume("arn:aws:iam::222222222222:role/Own", &[]), &[]);
    assert_eq!(causes(&found), [Cause::IdentityLacks]);
}

fn no_command(found: &Diagnosis) {
    let steps = found.fix.as_ref().unwrap_or_else(|| panic!("no fix: {:?}", found.causes));
    assert!(steps.iter().all(|step| matches!(step, FixStep::Request { .. })), "{steps:?}");
}

/// A Deny that asks for something whoever calls can bring is met by bringing it, and keeps what it says: of users, of trusts, of
/// buckets and of keys.
#[test]
fn a_deny_that_another_request_would_not_meet_is_left_alone() {
    let deny = |action: &str, condition: Value| json!({"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition});
    let region = ("aws:RequestedRegion", "us-east-1");
    let plain = ("aws:SecureTransport", "false");
    let rows: [Row<'_>; 11] = [
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}), &[], Cause::MfaMissing),
        (json!({"Null": {"aws:MultiFactorAuthAge": "true"}}), &[], Cause::MfaMissing),
        (json!({"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "300"}}), &[MFA, ("aws:MultiFactorAuthAge", "900")], Cause::MfaTooOld),
        (json!({"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}), &[region], Cause::OtherCondition),
        (json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), &[HERE], Cause::SourceAddress),
        (json!({"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}, "Bool": {"aws:ViaAWSService": "false"}}), &[HERE], Cause::SourceAddress),
        (json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}), &[("aws:SourceVpce", "vpce-9")], Cause::SourceNetwork),
        (json!({"Bool": {"aws:SecureTransport": "false"}}), &[plain], Cause::InsecureTransport),
        (json!({"StringNotEquals": {"sts:ExternalId": "desk-0815"}}), &[], Cause::ExternalIdMissing),
        (json!({"StringNotLike": {"sts:RoleSessionName": "${aws:username}"}}), &[("sts:RoleSessionName", "x")], Cause::OtherCondition),
        (
            json!({"Bool": {"aws:SecureTransport": "false"}, "StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}),
            &[plain, region],
            Cause::InsecureTransport,
        ),
    ];
    for (condition, brought, cause) in &rows {
        let mut own = Desk::new();
        own.user("ann", &json!([allow("sts:*", "*"), deny("*", condition.clone())]));
        let mut trust = Desk::new();
        trust.trust(&json!([
            {"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole"},
            {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition},
        ]));
        for desk in [own, trust] {
            let (found, _) = desk.treated(&assume(ANN, brought), &[assume(ANN, brought)]);
            assert_eq!(causes(&found), [*cause], "{condition}");
            assert!(found.causes[0].denies, "{condition}");
            no_command(&found);
        }
    }
    // Of a bucket, too; from where the call came is not guessed, and is certain where AWS says that such a policy denies it.
    let mut desk = Desk::new();
    desk.bucket(Some(&json!([{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::desk/*", "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}])), false);
    let mut read = call(DESK, "s3:GetObject", "arn:aws:s3:::desk/reports/q1", &[]);
    let found = desk.asked(&read);
    assert_eq!((causes(&found), &found.suspects[..], found.found()), (vec![], &[Cause::SourceAddress][..], Found::Unknown));
    read.denied = Some("User: arn:aws:sts::222222222222:assumed-role/Desk/s is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::desk/reports/q1\" with an explicit deny in a resource-based policy".to_owned());
    let (found, _) = desk.treated(&read, &[]);
    assert_eq!(causes(&found), [Cause::SourceAddress]);
    no_command(&found);
    // A session of a role has no device; what can't be brought is excepted.
    let mut desk = Desk::new();
    desk.role(DEV, "Caller", &json!([]), &json!([allow("sts:*", "*"), deny("*", rows[0].0.clone())]));
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "sts:AssumeRole"}]));
    assert_eq!(causes(&desk.asked(&assume(CALLER, &[]))), [Cause::IdentityDenies]);
}

/// A Deny by a pattern of what the caller brings is met by another value, which is named, and keeps what it says: on either side, under
/// negated operators and plain ones, of what was said and of what was not.
#[test]
fn a_deny_by_a_pattern_is_met_by_a_value_that_fits() {
    const NAME: &str = "sts:RoleSessionName";
    const REGION: &str = "aws:RequestedRegion";
    type Asked<'r> = (Value, &'r [(&'r str, &'r str)], &'r str, &'r str);
    let named = |name: &'static str| (NAME, name);
    let rows: [Asked<'_>; 15] = [
        (json!({"StringNotLike": {NAME: "corp-*"}}), &[named("desk")], NAME, "corp-desk"),
        (json!({"StringNotLike": {NAME: "corp-??-*"}}), &[], NAME, "corp-xx-ann"),
        (json!({"StringNotLikeIfExists": {NAME: ["corp-*", "ops-*"]}}), &[named("desk")], NAME, "corp-desk"),
        (json!({"StringNotLike": {NAME: "${aws:username}-*"}}), &[named("desk")], NAME, "ann-desk"),
        (json!({"StringLike": {NAME: "*admin*"}}), &[named("admin")], NAME, "ann"),
        (json!({"StringEquals": {NAME: ["admin", "ann"]}}), &[named("admin")], NAME, "session"),
        (json!({"StringLike": {NAME: "*:*"}, "StringNotLike": {REGION: "eu-*"}}), &[named("x:y"), (REGION, "us-east-1")], NAME, "ann"),
        (json!({"StringNotLike": {REGION: "eu-*"}}), &[(REGION, "us-east-1")], REGION, "eu-west-1"),
        (json!({"StringNotLike": {REGION: ["ap-*-2", "eu-south-*"]}}), &[(REGION, "us-east-1")], REGION, "eu-south-1"),
        (json!({"StringLike": {REGION: "us-*"}}), &[(REGION, "us-east-1")], REGION, "ca-central-1"),
        (json!({"StringEquals": {REGION: "us-east-1"}}), &[(REGION, "us-east-1")], REGION, "us-east-2"),
        (json!({"StringNotLike": {"sts:SourceIdentity": "*@corp.example"}}), &[], "sts:SourceIdentity", "ann@corp.example"),
        (json!({"StringNotLike": {"aws:RequestTag/project": "p-*"}}), &[("aws:RequestTag/project", "x")], "aws:RequestTag/project", "p-x"),
        (json!({"StringNotLike": {"sts:ExternalId": "desk-*"}}), &[], "sts:ExternalId", "desk-ann"),
        (json!({"StringLike": {"sts:ExternalId": "old-*"}}), &[("sts:ExternalId", "old-1")], "sts:ExternalId", "desk-0815"),
    ];
    for (condition, brought, key, value) in &rows {
        let ids =
            if key.ends_with("ExternalId") && brought.len() == 1 { json!({"StringEquals": {"sts:ExternalId": ["desk-0815", "old-1"]}}) } else { json!({}) };
        let allow_ann =
            json!({"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], "Condition": ids});
        let mut own = Desk::new();
        own.trust(&json!([allow_ann]));
        let mut trust = own.clone();
        own.user("ann", &json!([allow("sts:*", "*"), {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*", "Condition": condition}]));
        trust.trust(&json!([allow_ann, {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Condition": condition}]));
        for desk in [own, trust] {
            let (found, made) = desk.treated(&assume(ANN, brought), &[assume(ANN, brought)]);
            no_command(&found);
            assert_eq!(value_of(&made, key), *value, "{condition}: {:#?}", found.fix);
        }
    }
    // Two patterns are met at once, of one key in two statements.
    let mut desk = Desk::new();
    let deny = |pattern: &str| json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*", "Condition": {"StringNotLike": {NAME: pattern}}});
    desk.user("ann", &json!([allow("sts:*", "*"), deny("corp-*"), deny("*-prod")]));
    let (found, made) = desk.treated(&assume(ANN, &[named("desk")]), &[]);
    no_command(&found);
    assert_eq!(value_of(&made, NAME), "corp-desk-prod");
    // An Allow by a pattern, the same.
    let mut desk = Desk::new();
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole", "Condition": {"StringLike": {NAME: "corp-*"}}}]));
    let (found, made) = desk.treated(&assume(ANN, &[named("desk")]), &[]);
    no_command(&found);
    assert_eq!(value_of(&made, NAME), "corp-desk");
    // Regions are those of the partition, and none is made up.
    let mut desk = Desk::new();
    desk.user(
        "ann",
        &json!([allow("sts:*", "*"), {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotLike": {REGION: ["cn-*", "xx-*"]}}}]),
    );
    let found = desk.asked(&assume(ANN, &[(REGION, "us-east-1")]));
    assert_eq!(causes(&found), [Cause::IdentityDenies]);
}

/// What is written to a bucket, and how, is brought as S3 takes it.
#[test]
fn headers_of_s3_are_those_that_it_takes() {
    const PUT: &str = "arn:aws:s3:::desk/reports/q1";
    const SSE: &str = "s3:x-amz-server-side-encryption";
    type Asked<'r> = (Value, &'r [(&'r str, &'r str)], &'r str, &'r str);
    let rows: [Asked<'_>; 7] = [
        (json!({"StringNotLike": {SSE: "aws:*"}}), &[(SSE, "AES256")], SSE, "aws:kms"),
        (json!({"Null": {SSE: "true"}}), &[], SSE, "AES256"),
        (json!({"StringLike": {"s3:x-amz-acl": "public-*"}}), &[("s3:x-amz-acl", "public-read")], "s3:x-amz-acl", "private"),
        (json!({"StringNotLike": {"s3:x-amz-acl": "bucket-owner-*"}}), &[], "s3:x-amz-acl", "bucket-owner-full-control"),
        (json!({"StringNotLike": {"s3:x-amz-storage-class": "*_IA"}}), &[], "s3:x-amz-storage-class", "STANDARD_IA"),
        (json!({"NumericLessThan": {"s3:TlsVersion": "1.2"}}), &[("s3:TlsVersion", "1.1")], "s3:TlsVersion", "1.3"),
        (json!({"StringNotLike": {"s3:RequestObjectTag/team": "corp-*"}}), &[("s3:RequestObjectTag/team", "x")], "s3:RequestObjectTag/team", "corp-x"),
    ];
    for (condition, brought, key, value) in &rows {
        let mut desk = Desk::new();
        desk.role(OWNER, "Desk", &json!([]), &json!([allow("s3:Put*", "*")]));
        desk.bucket(
            Some(&json!([{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::desk/*", "Condition": condition}])),
            false,
        );
        let put = call(DESK, "s3:PutObject", PUT, brought);
        let (found, made) = desk.treated(&put, std::slice::from_ref(&put));
        no_command(&found);
        assert_eq!(value_of(&made, key), *value, "{condition}");
    }
}

/// What a condition asks for and whoever calls can bring is brought.
#[test]
fn the_call_is_made_otherwise_where_that_is_enough() {
    let rows = [
        (json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}), ("aws:RequestedRegion", "us-east-1")),
        (json!({"StringEquals": {"sts:RoleSessionName": "ops"}}), ("sts:RoleSessionName", "ann")),
        (json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}), ("sts:RoleSessionName", "x")),
        (json!({"StringEquals": {"sts:SourceIdentity": "ann"}}), ("aws:X", "")),
        (json!({"StringEquals": {"aws:RequestTag/project": "x"}}), ("aws:X", "")),
        (json!({"StringEquals": {"aws:RequestTag/project": "x"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}}), ("aws:RequestTag/project", "y")),
        (json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), HERE),
    ];
    for (condition, brought) in rows {
        let mut desk = Desk::new();
        let actions = json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
        desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": actions, "Condition": condition}]));
        let (found, _) = desk.treated(&assume(ANN, &[brought]), &[]);
        no_command(&found);
    }
    // A region that is not said is not taken for a wrong one.
    let mut desk = Desk::new();
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}]));
    assert_eq!(desk.asked(&assume(ANN, &[])).found(), Found::Unknown);
    let mut desk = Desk::new();
    desk.role(OWNER, "Desk", &json!([]), &json!([
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "s3:x-amz-server-side-encryption": "aws:kms"}}},
        allow("s3:PutObjectAcl", "*"),
    ]));
    let put = call(DESK, "s3:PutObject", "arn:aws:s3:::desk/reports/q1", &[]);
    let (found, _) = desk.treated(&put, &[]);
    no_command(&found);
}

/// A second factor is nothing that a session of a role can give.
#[test]
fn sessions_of_roles_are_not_told_to_bring_a_second_factor() {
    for (operator, key, value) in [("Bool", "aws:MultiFactorAuthPresent", "true"), ("NumericLessThan", "aws:MultiFactorAuthAge", "300")] {
        let mut desk = Desk::new();
        desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": [CALLER, ANN]}, "Action": "sts:AssumeRole", "Condition": {operator: {key: value}}}]));
        for who in [CALLER, "arn:aws:sts::111111111111:assumed-role/Caller/dev"] {
            let found = desk.asked(&assume(who, &[]));
            assert_eq!((causes(&found), &found.fix), (vec![Cause::MfaMissing], &None));
        }
        no_command(&desk.treated(&assume(ANN, &[]), &[]).0);
    }
}

/// What the first caller has stays with it; an external id goes along.
#[test]
fn a_session_on_the_way_has_nothing_of_who_assumed_its_role() {
    const FAR: &str = "arn:aws:iam::222222222222:role/Far";
    let trusts = |who: &str, key: &str, value: &str| json!([{"Effect": "Allow", "Principal": {"AWS": who}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {key: value}}}]);
    let mut list = call(ANN, "s3:ListAllMyBuckets", "*", &[MFA, ID, ("aws:username", "ann"), ("aws:PrincipalTag/team", "red")]);
    list.context.set("aws:userid", "AIDAANN");
    for ((key, value), causes_of) in [
        (ID, vec![]),
        (MFA, vec![Cause::MfaMissing]),
        (("aws:username", "ann"), vec![Cause::TrustLacks]),
        (("aws:PrincipalTag/team", "red"), vec![Cause::OtherCondition]),
        (("aws:userid", "AIDAANN"), vec![Cause::TrustLacks]),
    ] {
        let mut desk = Desk::new();
        desk.role(OWNER, "Desk", &trusts(ANN, key, value), &json!([allow("sts:AssumeRole", "*")]));
        desk.role(OWNER, "Far", &trusts(DESK, key, value), &json!([allow("s3:*", "*")]));
        let found = desk.asked_via(&list, vec![DESK.to_owned(), FAR.to_owned()]);
        assert_eq!(causes(&found), causes_of, "{key}: {:#?}", found.causes);
        assert!(found.causes.iter().all(|cause| (cause.hop, cause.principal.as_str()) == (1, DESK)), "{key}");
    }
}

/// What was not read lacks nothing, and lets nobody.
#[test]
fn a_policy_that_was_not_read_is_no_cause() {
    use crossrole_model::observed::Unreadable;
    let call = assume(ANN, &[ID]);
    let mut unreadable = Desk::new();
    unreadable.observed.accounts.insert(account(OWNER), Observation::Unreadable(Unreadable::not_tried("account")));
    let mut of_single_objects = Desk::new();
    of_single_objects.state(OWNER).complete = false;
    of_single_objects.state(OWNER).roles.clear();
    let mut never = Desk::new();
    never.observed.accounts.remove(&account(OWNER));
    let mut own = Desk::new();
    own.state(DEV).complete = false;
    own.state(DEV).roles.clear();
    let mut of_own = call.clone();
    of_own.resource = CALLER.to_owned();
    for (desk, call) in [(&unreadable, &call), (&of_single_objects, &call), (&never, &call), (&own, &of_own)] {
        for denied in [None, Some(format!("User: {ANN} is not authorized to perform: sts:AssumeRole on resource: {}", call.resource))] {
            let mut call = call.clone();
            call.denied = denied;
            let found = desk.asked(&call);
            assert_eq!((causes(&found), found.found()), (vec![], Found::Unknown));
            for check in &found.checks {
                use crossrole_model::diagnosis::{Checked, Verdict};
                let open = matches!(check.verdict, Verdict::Unknown { .. });
                assert!(open || ![Checked::Trust, Checked::ExternalId, Checked::SecondFactor].contains(&check.what), "{check:?}");
            }
        }
    }
    // The caller's own side was read.
    unreadable.user("ann", &json!([]));
    assert_eq!(causes(&unreadable.asked(&call)), [Cause::IdentityLacks]);
    // What was read whole lacks it.
    let mut whole = Desk::new();
    whole.trust(&json!([]));
    assert_eq!(causes(&whole.asked(&call)), [Cause::TrustLacks]);
}

/// A Deny that excepts a call goes on denying all else: what it means of objects behind a key, too, and whoever it is for.
#[test]
fn a_deny_excepts_one_call() {
    const Q1: &str = "arn:aws:s3:::desk/reports/q1";
    let reads = |object: &str| call(DESK, "s3:GetObject", &format!("arn:aws:s3:::desk/{object}"), &[]);
    let own = json!([allow("s3:*", "*"), allow("kms:*", "*"), allow("iam:ListRoles", "*")]);
    let bob_reads = call(BOB, "s3:GetObject", Q1, &[]);
    let others = [reads("reports/q2"), reads("other/z"), call(DESK, "s3:PutObject", Q1, &[]), call(DESK, "iam:ListRoles", "*", &[]), bob_reads];
    let root = json!({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"});
    let behind = json!({"StringLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::desk/reports/*"}});
    for deny in [
        json!({"Effect": "Deny", "Principal": {"AWS": DESK}, "Action": "kms:*", "Resource": "*", "Condition": behind}),
        json!({"Sid": "No", "Effect": "Deny", "Principal": {"AWS": DESK}, "Action": "kms:Decrypt", "Resource": "*"}),
        json!({"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringNotEquals": {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}}}),
    ] {
        let mut desk = Desk::new();
        desk.role(OWNER, "Desk", &json!([]), &own);
        desk.key(&json!([root, deny]), KeyState::Enabled);
        let direct = call(DESK, "kms:Decrypt", KEY, &[]);
        let (found, _) = desk.treated(&reads("reports/q1"), &[&others[..], &[direct]].concat());
        assert_eq!(causes(&found), [Cause::KeyPolicyDenies], "{deny}");
    }
    for deny in
        [json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}), json!({"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::desk/reports/q1"})]
    {
        // What is granted later on is denied no more than it was.
        for rights in [&own.as_array().unwrap()[..], &[allow("s3:*", "*")]] {
            let mut desk = Desk::new();
            desk.role(OWNER, "Desk", &json!([]), &json!(rights.iter().cloned().chain([deny.clone()]).collect::<Vec<_>>()));
            let (found, _) = desk.treated(&reads("reports/q1"), &others);
            assert_eq!(causes(&found), [Cause::IdentityDenies]);
            let Some([FixStep::Command { argv, .. }]) = found.fix.as_deref() else { panic!("{:?}", found.fix) };
            let left = parse(argv.last().unwrap()).unwrap().statements;
            assert!(left.iter().all(|s| !s.action.negated || s.resource.as_ref().is_some_and(|r| r.values != ["*"])), "{argv:?}");
        }
    }
    for principal in [json!("*"), json!({"AWS": "*"}), json!({"AWS": OWNER}), json!({"AWS": DESK})] {
        for (action, condition) in
            [("s3:GetObject", json!({})), ("s3:*", json!({})), ("s3:GetObject", json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}))]
        {
            let mut desk = Desk::new();
            desk.role(OWNER, "Desk", &json!([]), &own);
            desk.bucket(Some(&json!([{"Sid": "No", "Effect": "Deny", "Principal": principal, "Action": action, "Resource": "arn:aws:s3:::desk/*", "Condition": condition}])), false);
            let (found, _) = desk.treated(&reads("reports/q1"), &others);
            assert_eq!(causes(&found), [Cause::BucketPolicyDenies], "{principal}");
        }
    }
}

/// A Deny of which AWS tells is met before what lacks, and is of no policy that it does not name.
#[test]
fn a_deny_that_aws_tells_of_comes_before_what_lacks() {
    use crossrole_model::diagnosis::Verdict;
    let frame = "User: arn:aws:sts::222222222222:assumed-role/Desk/s is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::desk/other/z\"";
    let by_endpoint = format!("{frame} with an explicit deny in a VPC endpoint policy transitively through a service control policy");
    let decoded = json!({"explicitDeny": true, "matchedStatements": {"items": [{"statementId": "No", "effect": "DENY"}]}, "context": {
        "principal": {"arn": DESK}, "action": "s3:GetObject", "resource": "arn:aws:s3:::desk/other/z", "conditions": {"items": []}}});
    for (denied, first, then) in [
        (by_endpoint, Cause::EndpointPolicy, Cause::IdentityLacks),
        (format!("{frame} with an explicit deny"), Cause::DeniedSomewhere, Cause::IdentityLacks),
        (decoded.to_string(), Cause::DeniedSomewhere, Cause::IdentityLacks),
        (format!("{frame} because no VPC endpoint policy allows the s3:GetObject action"), Cause::IdentityLacks, Cause::EndpointPolicy),
    ] {
        let mut read = call(DESK, "s3:GetObject", "arn:aws:s3:::desk/other/z", &[]);
        read.denied = Some(denied.clone());
        let found = Desk::new().asked(&read);
        assert_eq!(causes(&found), [first, then], "{denied}");
        let somewhere =
            |check: &crossrole_model::diagnosis::Check| matches!(&check.verdict, Verdict::Fails { causes } if causes.contains(&Cause::DeniedSomewhere));
        assert!(!found.checks.iter().any(somewhere), "{:?}", found.checks);
    }
}

/// Who copies an object reads it, and its key.
#[test]
fn what_is_copied_is_read() {
    let event = |source: &str| {
        json!({"eventSource": "s3.amazonaws.com", "eventName": "CopyObject", "errorCode": "AccessDenied", "errorMessage": "Access Denied",
            "userIdentity": {"type": "IAMUser", "arn": BOB}, "requestParameters": {"bucketName": "desk", "key": "reports/copy", "x-amz-copy-source": source}})
        .to_string()
    };
    let cli = "copy failed: s3://desk/other/z to s3://desk/reports/copy An error occurred (AccessDenied) when calling the CopyObject operation: Access Denied"
        .to_owned();
    for denied in [event("desk/other/z"), event("/desk/other%2Fz?versionId=abc"), cli] {
        let told = crossrole_doctor::read(&denied);
        assert_eq!(told.resource.as_deref(), Some("arn:aws:s3:::desk/reports/copy"), "{denied}");
        let copies = told.brought.clone().unwrap().copies;
        assert_eq!(copies.as_deref(), Some("arn:aws:s3:::desk/other/z"), "{denied}");
        let mut desk = Desk::new();
        desk.role(OWNER, "Desk", &json!([]), &json!([allow("s3:PutObject", "*"), allow("s3:GetObject", "arn:aws:s3:::desk/reports/*")]));
        let mut put = call(DESK, "s3:PutObject", "arn:aws:s3:::desk/reports/copy", &[]);
        put.denied = Some(denied.clone());
        put.copies = copies;
        let (found, _) = desk.treated(&put, &[call(DESK, "s3:GetObject", "arn:aws:s3:::desk/other/y", &[])]);
        assert_eq!((causes(&found), found.causes[0].resource.as_str()), (vec![Cause::IdentityLacks], "arn:aws:s3:::desk/other/z"));
        let own = json!({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"});
        desk.key(&json!([own]), KeyState::Enabled);
        desk.role(OWNER, "Desk", &json!([]), &json!([allow("s3:*", "*"), allow("kms:GenerateDataKey", "*")]));
        let (found, _) = desk.treated(&put, &[]);
        assert_eq!((causes(&found), found.causes[0].action.as_str()), (vec![Cause::KeyIdentityLacks], "kms:Decrypt"));
    }
    let plain =
        crossrole_doctor::read("upload failed: ./a to s3://desk/b An error occurred (AccessDenied) when calling the PutObject operation: Access Denied");
    assert_eq!(plain.brought, None);
}

/// KMS names no key: what S3 was asked for leads to it.
#[test]
fn a_refusal_by_kms_tells_of_the_object() {
    for (operation, action, kms) in [("GetObject", "s3:GetObject", "kms:Decrypt"), ("PutObject", "s3:PutObject", "kms:GenerateDataKey")] {
        let why = format!(
            "User: {BOB} is not authorized to perform: {kms} on the resource associated with this ciphertext because no identity-based policy allows the {kms} action"
        );
        let text = format!("download failed: s3://desk/reports/q1 to ./q1 An error occurred (AccessDenied) when calling the {operation} operation: {why}");
        let told = crossrole_doctor::read(&text);
        let parts = (told.action.as_deref(), told.resource.as_deref(), told.through.as_deref());
        assert_eq!(parts, (Some(kms), None, Some(action)));
        assert_eq!(told.object.as_deref(), Some("arn:aws:s3:::desk/reports/q1"));
        let told = crossrole_doctor::read(&format!("An error occurred (AccessDenied) when calling the Decrypt operation: {why}"));
        assert_eq!((told.through, told.object), (None, None));
    }
}

/// A Deny that no other request gets by tells by which condition it is met: its key and operator, what it wants, and what the request has.
#[test]
fn a_deny_says_by_which_condition_it_is_met() {
    use crossrole_model::access::Lack;
    type Met<'r> = (&'r str, &'r str, &'r str, Option<&'r str>);
    let rows: [(Value, &[Met<'_>]); 7] = [
        (json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}), &[("StringNotEquals", "aws:PrincipalOrgID", "o-a1b2c3d4e5", None)]),
        (json!({"StringNotEquals": {"aws:PrincipalTag/team": "data"}}), &[("StringNotEquals", "aws:PrincipalTag/team", "data", Some("ops"))]),
        (json!({"StringEquals": {"aws:PrincipalTag/team": "ops"}}), &[("StringEquals", "aws:PrincipalTag/team", "ops", Some("ops"))]),
        (json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}), &[("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x", Some(ANN))]),
        (json!({"StringNotEquals": {"aws:PrincipalAccount": OWNER}}), &[("StringNotEquals", "aws:PrincipalAccount", OWNER, Some(DEV))]),
        (
            json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}, "Bool": {"aws:ViaAWSService": "false"}}),
            &[("Bool", "aws:ViaAWSService", "false", Some("false")), ("StringNotEqualsIfExists", "aws:PrincipalOrgID", "o-a1b2c3d4e5", None)],
        ),
        (json!({}), &[]),
    ];
    for (condition, expected) in &rows {
        let mut desk = Desk::new();
        desk.state(DEV).users.get_mut("ann").unwrap().state.tags = BTreeMap::from([("team".to_owned(), "ops".to_owned())]);
        desk.trust(&json!([
            {"Effect": "Allow", "Principal": {"AWS": [ANN, BOB]}, "Action": "sts:AssumeRole"},
            {"Sid": "Kept", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition},
        ]));
        let found = desk.asked(&assume(ANN, &[]));
        let first = &found.causes[0];
        assert_eq!((first.cause, first.statement.as_ref().map(|s| (s.number, s.sid.as_str()))), (Cause::TrustDenies, Some((2, "Kept"))), "{condition}");
        let met = first.met.iter().map(|lack| match lack {
            Lack::Condition { operator, key, wanted, actual, .. } => {
                (operator.as_str(), key.as_str(), wanted[0].as_str(), actual.as_ref().map(|values| values[0].as_str()))
            }
            other => panic!("{other:?}"),
        });
        let met: Vec<Met<'_>> = met.collect();
        assert_eq!(met, *expected, "{condition}");
    }
    // A network that is shut out is left for another, and the Deny stays whole.
    let mut desk = Desk::new();
    desk.trust(&json!([
        {"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole", "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}},
    ]));
    let (found, made) = desk.treated(&assume(ANN, &[THERE]), &[assume(ANN, &[THERE])]);
    assert_eq!(causes(&found), [Cause::SourceAddress]);
    no_command(&found);
    assert_eq!(value_of(&made, "aws:SourceIp"), "203.0.113.1");
}

/// An object that is encrypted with another key than its bucket's: that key, its policy and the caller's are what is looked at.
#[test]
fn the_key_of_the_object_is_what_counts() {
    const Q1: &str = "arn:aws:s3:::desk/reports/q1";
    let root = json!({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"});
    let reader = |own: &[Value]| {
        let mut desk = Desk::new();
        desk.role(DEV, "Caller", &json!([]), &json!(own));
        desk.key(&json!([root, {"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "kms:*", "Resource": "*"}]), KeyState::Enabled);
        desk.bucket(Some(&json!([{"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "s3:*", "Resource": "arn:aws:s3:::desk/*"}])), true);
        desk.other_key(&json!([root]), true);
        desk
    };
    let why =
        "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access";
    for (action, kms, on) in
        [("s3:GetObject", "kms:Decrypt", "the resource associated with this ciphertext"), ("s3:PutObject", "kms:GenerateDataKey", "this resource")]
    {
        let said = format!("User: arn:aws:sts::111111111111:assumed-role/Caller/s is not authorized to perform: {kms} on {on} {why}");
        let named = said.replace(on, &format!("resource: {OTHER}"));
        for (own, expected) in [
            (vec![allow("s3:*", "*"), allow("kms:*", KEY)], vec![Cause::KeyPolicyLacks, Cause::KeyIdentityLacks]),
            (vec![allow("s3:*", "*"), allow("kms:*", "*")], vec![Cause::KeyPolicyLacks]),
        ] {
            let desk = reader(&own);
            let mut call = call(CALLER, action, Q1, &[]);
            call.key = ObjectKey::Key(other());
            let others = [call_of(OTHER, "kms:Decrypt"), call_of(OTHER, "kms:GenerateDataKey"), call_of(OTHER, "kms:Encrypt")];
            for denied in [None, Some(said.clone()), Some(named.clone())] {
                call.denied = denied;
                let (found, _) = desk.treated(&call, &others);
                assert_eq!(causes(&found), expected);
                assert!(found.causes.iter().all(|cause| cause.resource == OTHER && cause.action == kms), "{:?}", found.causes);
            }
        }
        // Nothing tells which key it is, and the bucket's lets it: it is another one.
        let desk = reader(&[allow("s3:*", "*"), allow("kms:*", "*")]);
        let mut untold = call(CALLER, action, Q1, &[]);
        assert_eq!(desk.asked(&untold).found(), Found::Allowed);
        untold.denied = Some(said.clone());
        let found = desk.asked(&untold);
        assert_eq!((causes(&found), &found.fix), (vec![Cause::OtherKey], &None));
        let mut without = desk.clone();
        without.bucket(Some(&json!([{"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "s3:*", "Resource": "arn:aws:s3:::desk/*"}])), false);
        assert_eq!(causes(&without.asked(&untold)), [Cause::OtherKey]);
        // That of the bucket does not let it: it is that, before and after.
        let lacking = reader(&[allow("s3:*", "*")]);
        let (found, _) = lacking.treated(&untold, &[]);
        assert_eq!((causes(&found), found.causes[0].resource.as_str()), (vec![Cause::KeyIdentityLacks], KEY));
        // A key of AWS's own has a policy that nobody changes; one that was not read is believed to lack what AWS says.
        let mut of_aws = reader(&[allow("s3:*", "*"), allow("kms:*", "*")]);
        of_aws.other_key(&json!([root]), false);
        let mut unread = of_aws.clone();
        unread.observed.keys.remove(OTHER);
        for desk in [of_aws, unread] {
            let mut call = untold.clone();
            call.key = ObjectKey::Key(other());
            let found = desk.asked(&call);
            assert_eq!((causes(&found), &found.fix, found.causes[0].resource.as_str()), (vec![Cause::KeyPolicyLacks], &None, OTHER));
        }
    }
}

/// A key is asked for where there is one: an object may have none though its bucket has, an upload may say so, and of AWS's own key each
/// account has another.
#[test]
fn what_is_encrypted_with_no_key_of_the_bucket_takes_none() {
    const Q1: &str = "arn:aws:s3:::desk/reports/q1";
    const SSE: &str = "s3:x-amz-server-side-encryption";
    let lets = json!([{"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "s3:*", "Resource": "arn:aws:s3:::desk/*"}]);
    let mut desk = Desk::new();
    desk.key(&json!([{"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"}]), KeyState::Enabled);
    desk.bucket(Some(&lets), true);
    let mut of_aws = desk.clone();
    let Some(Observation::Known(Some(bucket))) = of_aws.observed.buckets.get_mut("desk") else { panic!() };
    bucket.state.encryption = Some(Encryption::Kms { key: String::new(), bucket_key: false });
    let (read, write) = ("s3:GetObject", "s3:PutObject");
    for (desk, action, key, sent, may) in [
        (&desk, read, ObjectKey::AsItsBucket, &[][..], false),
        (&desk, read, ObjectKey::Otherwise, &[], true),
        (&desk, read, ObjectKey::Key(other()), &[], false),
        (&desk, read, ObjectKey::AsItsBucket, &[(SSE, "AES256")], false),
        (&desk, write, ObjectKey::AsItsBucket, &[], false),
        (&desk, write, ObjectKey::AsItsBucket, &[(SSE, "AES256")], true),
        (&desk, write, ObjectKey::AsItsBucket, &[(SSE, "aws:kms")], false),
        (&of_aws, read, ObjectKey::AsItsBucket, &[], false),
        (&of_aws, read, ObjectKey::Otherwise, &[], true),
        (&of_aws, write, ObjectKey::AsItsBucket, &[], true),
    ] {
        let mut call = call(CALLER, action, Q1, sent);
        call.key = key;
        let found = desk.asked(&call);
        assert_eq!(found.found() == Found::Allowed, may, "{action} {:?} {sent:?}: {:#?}", call.key, found.causes);
        assert!(found.causes.iter().all(|cause| cause.action.starts_with("kms:")), "{:#?}", found.causes);
    }
}

fn call_of(key: &str, action: &'static str) -> Call {
    call(CALLER, action, key, &[])
}

/// A trust that could not be read is taken to be what the manifest says, and that is said of all that follows from it.
#[test]
fn a_trust_that_was_not_read_is_supposed_to_be_the_manifests() {
    use crossrole_model::diagnosis::{Checked, NotKnown, Verdict};
    use crossrole_model::observed::Unreadable;
    use crossrole_model::{Address, DesiredObject, DesiredState, Kind};
    let mut desk = Desk::new();
    let Some(mut state) = desk.state(OWNER).roles.get("desk").map(|role| role.state.clone()) else { panic!() };
    state.trust = document(&json!([guarded(&json!(ANN))]));
    let object = DesiredObject { owner: "m".to_owned(), also: BTreeSet::new(), adopt: false, state: DesiredState::Role { state, keep_foreign: false } };
    desk.desired.objects.insert(Address::new(&account(OWNER), Kind::Role, "Desk"), object);
    let mut unreadable = desk.clone();
    unreadable.observed.accounts.insert(account(OWNER), Observation::Unreadable(Unreadable::not_tried("account")));
    let mut of_single_objects = desk.clone();
    of_single_objects.state(OWNER).complete = false;
    of_single_objects.state(OWNER).roles.clear();
    let mut never = desk.clone();
    never.observed.accounts.remove(&account(OWNER));
    for (at, other) in [unreadable, of_single_objects, never].into_iter().enumerate() {
        let found = other.asked(&assume(ANN, &[MFA, HERE]));
        assert_eq!((causes(&found), found.causes[0].supposed), (vec![Cause::ExternalIdMissing], true), "{at}");
        assert_eq!((found.supposed.as_slice(), found.unread), (&[DESK.to_owned()][..], true));
        let (_, made) = other.treated_as(&found, &assume(ANN, &[MFA, HERE]));
        assert_eq!(value_of(&made, "sts:ExternalId"), "desk-0815");
        // By what the manifest says it is let: that is not known all the same.
        let found = other.asked(&assume(ANN, &[ID, MFA, HERE]));
        assert_eq!((causes(&found), found.found()), (vec![], Found::Unknown));
        let trust = found.checks.iter().find(|check| check.what == Checked::Trust).unwrap();
        assert_eq!(trust.verdict, Verdict::Unknown { why: NotKnown::Supposed });
        // Whom it does not name: nothing is proposed for what is the manifest's, and was not read.
        let found = other.asked(&assume(BOB, &[ID, MFA, HERE]));
        assert_eq!((causes(&found)[0], found.causes[0].supposed, &found.fix), (Cause::TrustLacks, true, &None));
        let own = other.clone().with_ann(&json!([]));
        let found = own.asked(&assume(ANN, &[ID, MFA, HERE]));
        assert_eq!((causes(&found)[0], found.causes[0].supposed), (Cause::IdentityLacks, false));
    }
    // What was read is what counts.
    let found = desk.asked(&assume(ANN, &[]));
    assert_eq!((causes(&found), found.supposed.len(), found.found()), (vec![], 0, Found::Allowed));
}

/// The region that was called is that of the call at the end: a bucket or key answers in its own, and STS in any.
#[test]
fn the_region_that_was_called_counts() {
    const Q1: &str = "arn:aws:s3:::desk/reports/q1";
    const REGION: &str = "aws:RequestedRegion";
    let in_region = |mut call: Call, region: &'static str| {
        call.region = Some(region);
        call
    };
    let root = json!({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"});
    let mut desk = Desk::new();
    desk.key(&json!([root]), KeyState::Enabled);
    let deny = |pattern: &str| json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotLike": {REGION: pattern}}});
    let own = |pattern: &str| json!([allow("s3:*", "*"), allow("kms:*", "*"), deny(pattern)]);
    // Where a bucket or a key is follows from what is called, said or not.
    for call in [call(DESK, "s3:GetObject", Q1, &[]), call(DESK, "kms:Decrypt", KEY, &[])] {
        for asked in [call.clone(), in_region(call.clone(), "us-east-1")] {
            desk.role(OWNER, "Desk", &json!([]), &own("us-*"));
            assert!(desk.lets(&asked), "{:#?}", desk.asked(&asked).causes);
            desk.role(OWNER, "Desk", &json!([]), &own("eu-*"));
            let found = desk.asked(&asked);
            assert_eq!((causes(&found)[0], found.causes[0].met.len()), (Cause::IdentityDenies, 1), "nobody moves a bucket: {:?}", found.causes);
        }
        desk.role(OWNER, "Desk", &json!([]), &own("us-*"));
        let found = desk.asked(&in_region(call, "eu-west-1"));
        assert_eq!(causes(&found), [Cause::WrongRegion]);
        let Some([FixStep::Request { changes, .. }]) = found.fix.as_deref() else { panic!("{:?}", found.fix) };
        assert_eq!(changes[..], [RequestChange::Region { region: Some("us-east-1".to_owned()) }]);
    }
    // What is copied may be elsewhere than where it is copied to.
    let mut copies = Desk::new();
    copies.role(OWNER, "Desk", &json!([]), &json!([allow("s3:*", "*")]));
    let Some(Observation::Known(Some(mut there))) = copies.observed.buckets.get("desk").cloned() else { panic!() };
    there.state.region = "eu-west-1".to_owned();
    copies.observed.buckets.insert("there".to_owned(), Observation::Known(Some(there)));
    copies.observed.bucket_accounts.insert("there".to_owned(), account(OWNER));
    let mut put = in_region(call(DESK, "s3:PutObject", Q1, &[]), "us-east-1");
    put.copies = Some("arn:aws:s3:::there/x".to_owned());
    assert!(copies.lets(&put), "{:?}", copies.asked(&put).causes);
    // A role on the way is assumed nobody knows where: a Deny there is no cause, and may be one.
    let mut way = Desk::new();
    way.user("ann", &json!([allow("sts:*", "*"), deny("eu-*")]));
    let found = way.asked_by_way(&in_region(call(ANN, "s3:GetObject", Q1, &[]), "us-east-1"), DESK);
    assert_eq!((causes(&found), &found.suspects[..]), (vec![], &[Cause::OtherCondition][..]));
}
