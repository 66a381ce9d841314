//! Fixes of what somebody else keeps: carried out in memory, they let the call through, and no call that asks less.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by panicking")]

mod denies;
mod keys;
mod regions;
mod who;

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

fn value_of<'c>(call: &'c Call, key: &str) -> &'c str {
    match call.context.get(key) {
        Some(crossrole_access::ContextValue::One(text)) => text,
        _ => "",
    }
}

fn no_command(found: &Diagnosis) {
    let steps = found.fix.as_ref().unwrap_or_else(|| panic!("no fix: {:?}", found.causes));
    assert!(steps.iter().all(|step| matches!(step, FixStep::Request { .. })), "{steps:?}");
}
