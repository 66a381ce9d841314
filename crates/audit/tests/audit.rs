//! What no call makes: keys of the root user, buckets without encryption, and more chains than are told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by panicking")]

#[path = "audit/chains.rs"]
mod chains;
#[path = "audit/conditions.rs"]
mod conditions;
#[path = "audit/trails.rs"]
mod trails;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::Controls;
use crossrole_audit::{Asked, audit};
use crossrole_model::audit::{AccessKey, Audit, Audited, BucketFacts, Cut, Detail, Facts, Issue, Limits, NotKnown, Object, Rule, Suppression, Without};
use crossrole_model::observed::{AccountState, ObservedBucket, ObservedRole, ObservedUser};
use crossrole_model::state::{BucketPolicyState, BucketState, Encryption, PublicAccessBlock, RoleState, UserState};
use crossrole_model::{AccountId, Desired, Observation, Unreadable};
use crossrole_policy::Document;

const MAIN: &str = "222222222222";
const DEV: &str = "111111111111";

fn id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn document(statements: &str) -> Document {
    crossrole_policy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
}

fn lets(resource: &str) -> Document {
    document(&format!(r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"{resource}"}}"#))
}

fn role(name: &str, trusted: &str, lets_assume: &str) -> ObservedRole {
    let trust = document(&format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{trusted}"}},"Action":"sts:AssumeRole"}}"#));
    let state = RoleState {
        path: "/".into(),
        trust,
        description: String::new(),
        max_session_seconds: 3_600,
        boundary: None,
        tags: BTreeMap::new(),
        inline: BTreeMap::from([("lets".to_owned(), lets(lets_assume))]),
        attached: BTreeSet::new(),
    };
    ObservedRole { name: name.into(), id: format!("AROA{name}"), state, instance_profiles: BTreeSet::new() }
}

fn user(name: &str, lets_assume: &str) -> ObservedUser {
    ObservedUser {
        name: name.into(),
        id: format!("AIDA{name}"),
        state: UserState { path: "/".into(), tags: BTreeMap::new() },
        boundary: None,
        groups: BTreeSet::new(),
        attached: BTreeSet::new(),
        inline: BTreeMap::from([("lets".to_owned(), Some(lets(lets_assume)))]),
    }
}

fn facts() -> Facts {
    Facts {
        roles: BTreeMap::new(),
        access_keys: Observation::Known(Vec::new()),
        providers: None,
        trails: BTreeMap::new(),
        block: Observation::Known(Some(PublicAccessBlock::all(true))),
        buckets_unlisted: None,
        buckets: BTreeMap::new(),
        keys_unlisted: BTreeMap::new(),
        grants: BTreeMap::new(),
        canonical: None,
    }
}

fn read(accounts: Vec<(&str, Vec<ObservedRole>, Vec<ObservedUser>)>) -> Audited {
    let mut audited = Audited::default();
    for (account, roles, users) in accounts {
        let roles = roles.into_iter().map(|role| (role.name.to_lowercase(), role)).collect();
        let users = users.into_iter().map(|user| (user.name.to_lowercase(), user)).collect();
        let state = AccountState { complete: true, roles, users, ..AccountState::default() };
        audited.observed.accounts.insert(id(account), Observation::Known(state));
        audited.facts.insert(id(account), facts());
    }
    audited
}

fn audited(all: &Audited, limits: Limits, suppressions: &[Suppression]) -> Audit {
    audited_of(all, limits, suppressions, &BTreeSet::new())
}

/// The same where it is said which organizations are one's own.
fn audited_of(audited: &Audited, limits: Limits, suppressions: &[Suppression], own_organizations: &BTreeSet<String>) -> Audit {
    let (desired, controls) = (Desired::default(), Controls::default());
    let labels: BTreeMap<AccountId, String> = audited.observed.accounts.keys().map(|id| (id.clone(), String::new())).collect();
    let own = labels.keys().cloned().collect();
    audit(&Asked { audited, desired: &desired, controls: &controls, limits, suppressions, own: &own, own_organizations, labels: &labels, now: 1_800_000_000 })
}

fn arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

/// A user of one account, and so many roles, one from the other, in two accounts by turns.
fn ladder(length: usize) -> Audited {
    let account = |at: usize| if at.is_multiple_of(2) { MAIN } else { DEV };
    let name = |at: usize| format!("Rung{at}");
    let mut roles: BTreeMap<&str, Vec<ObservedRole>> = BTreeMap::new();
    for at in 0..length {
        let before = if at == 0 { format!("arn:aws:iam::{DEV}:user/walker") } else { arn(account(at - 1), &name(at - 1)) };
        roles.entry(account(at)).or_default().push(role(&name(at), &before, &arn(account(at + 1), &name(at + 1))));
    }
    let [main, dev] = [MAIN, DEV].map(|account| roles.remove(account).unwrap_or_default());
    read(vec![(MAIN, main, Vec::new()), (DEV, dev, vec![user("walker", &arn(MAIN, "Rung0"))])])
}

#[test]
fn a_chain_is_followed_to_its_end_or_it_is_said_where_it_was_left() {
    for length in [1, 2, 5, 31, 32] {
        let found = audited(&ladder(length), Limits::default(), &[]);
        let lengths: Vec<usize> = found.chains.iter().map(|chain| chain.hops.len()).collect();
        assert_eq!(lengths, if length == 1 { Vec::new() } else { vec![length] }, "one role is a way in, and no chain");
        assert!(found.cut.is_empty(), "{length}");
    }
    let found = audited(&ladder(40), Limits::default(), &[]);
    assert_eq!((found.chains[0].hops.len(), found.cut), (32, BTreeSet::from([Cut::Depth(32)])));
}

#[test]
fn more_chains_than_are_told_are_said() {
    let first = arn(MAIN, "First");
    let users = |count: usize| (0..count).map(|at| user(&format!("u{at}"), &first)).collect::<Vec<_>>();
    for (count, cut) in [(1_000, BTreeSet::new()), (1_001, BTreeSet::from([Cut::Chains(1_000)]))] {
        let roles = vec![role("First", &format!("arn:aws:iam::{DEV}:root"), &arn(MAIN, "Second")), role("Second", &first, "arn:aws:iam::1:role/x")];
        let found = audited(&read(vec![(MAIN, roles, Vec::new()), (DEV, Vec::new(), users(count))]), Limits::default(), &[]);
        assert_eq!((found.chains.len(), found.cut), (1_000, cut));
    }
}

/// Roles that lead into one another, and nothing leads to: where the circle is cut open does not matter, and it ends.
#[test]
fn a_circle_ends() {
    let roles = |account: &str, other: &str, to: &str| vec![role(account, &arn(if account == "A" { DEV } else { MAIN }, other), to)];
    let main = roles("A", "B", &arn(DEV, "B"));
    let dev = roles("B", "A", &arn(MAIN, "A"));
    let found = audited(&read(vec![(MAIN, main, Vec::new()), (DEV, dev, Vec::new())]), Limits::default(), &[]);
    assert!(found.chains.len() <= 1 && found.cut.is_empty(), "{:?}", found.chains);
}

#[test]
fn root_has_no_access_key_at_any_age() {
    let mut all = read(vec![(MAIN, Vec::new(), vec![user("ann", "*")])]);
    let made = Some(1_800_000_000 - 86_400);
    let key = |user: Option<&str>, number| AccessKey { user: user.map(str::to_owned), number, made };
    all.facts.get_mut(&id(MAIN)).unwrap().access_keys = Observation::Known(vec![key(None, 1), key(Some("ann"), 2)]);
    let found = audited(&all, Limits::default(), &[]);
    let root = Object::User { arn: format!("arn:aws:iam::{MAIN}:root") };
    let expected = Issue { rule: Rule::RootAccessKey, object: root.clone(), detail: Detail::AccessKey { number: 1, days: Some(1), most: 90 } };
    assert_eq!((found.issues, root.short()), (vec![expected], "user/root".to_owned()));
}

fn bucket(encryption: Option<Encryption>) -> Audited {
    let mut all = read(vec![(MAIN, Vec::new(), Vec::new())]);
    let policy = document(&format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{DEV}:role/Reader"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}"#
    ));
    let state = BucketState {
        region: "us-east-1".into(),
        versioning: None,
        encryption: None,
        public_access_block: Some(PublicAccessBlock::all(true)),
        ownership: None,
        logging: None,
        tags: None,
    };
    let policy = Observation::Known(BucketPolicyState { document: Some(policy) });
    all.observed.buckets.insert("data".into(), Observation::Known(Some(ObservedBucket { state, policy, encryption: None, owner_unread: None })));
    all.observed.bucket_accounts.insert("data".into(), id(MAIN));
    let known = BucketFacts {
        logging: Observation::Known(Some(crossrole_model::state::Logging { bucket: "logs".into(), prefix: String::new() })),
        encryption: Observation::Known(encryption),
        block: Observation::Known(PublicAccessBlock::all(false)),
        ownership: Observation::Known(Some("BucketOwnerEnforced".into())),
        acl: Observation::Known(Vec::new()),
    };
    all.facts.get_mut(&id(MAIN)).unwrap().buckets.insert("data".into(), known);
    all
}

#[test]
fn buckets_that_others_use_are_encrypted_as_this_place_wants_it() {
    let own = || Some(Encryption::Kms { key: "arn:aws:kms:us-east-1:222222222222:key/1".into(), bucket_key: true });
    for (encryption, kms, without) in [
        (None, false, Some(Without::Encryption)),
        (None, true, Some(Without::Encryption)),
        (Some(Encryption::Aes256), false, None),
        (Some(Encryption::Aes256), true, Some(Without::Kms)),
        (own(), true, None),
    ] {
        let found = audited(&bucket(encryption), Limits { kms, ..Limits::default() }, &[]);
        let all: Vec<(Rule, Detail)> = found.issues.into_iter().map(|issue| (issue.rule, issue.detail)).collect();
        // The account's own block keeps the public out, whatever the bucket's says.
        assert_eq!(all, without.map(|without| (Rule::NotEncrypted, Detail::Nothing(without))).into_iter().collect::<Vec<_>>());
    }
}

/// A bucket that anyone reads, with its own block, that of its account, and the ownership of its objects.
fn public(own: Observation<PublicAccessBlock>, account: Observation<Option<PublicAccessBlock>>, ownership: &str) -> Audited {
    let mut all = bucket(Some(Encryption::Aes256));
    let both = [own.known().copied(), account.known().copied().flatten()].into_iter().flatten();
    let restricted = both.clone().any(|block| block.restrict_buckets);
    if let Some(Observation::Known(Some(bucket))) = all.observed.buckets.get_mut("data") {
        bucket.state.public_access_block = Some(PublicAccessBlock::all(restricted));
        let policy = document(r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#);
        bucket.policy = Observation::Known(BucketPolicyState { document: Some(policy) });
    }
    let facts = all.facts.get_mut(&id(MAIN)).unwrap();
    facts.block = account;
    let bucket = facts.buckets.get_mut("data").unwrap();
    (bucket.block, bucket.ownership) = (own, Observation::Known(Some(ownership.into())));
    all
}

/// An account's setting that can't be read takes no finding away, where the bucket itself lets the public in.
#[test]
fn a_public_bucket_is_found_whatever_its_account_says() {
    let unread = || Unreadable { class: None, why: "AccessDenied".into() };
    let (off, on) = (PublicAccessBlock::all(false), PublicAccessBlock::all(true));
    let object = Object::Bucket { account: id(MAIN), name: "data".into() };
    for (own, account, is_found, of_bucket) in [
        (Observation::Known(off), Observation::Known(Some(off)), true, 0),
        (Observation::Known(off), Observation::Known(None), true, 0),
        (Observation::Known(off), Observation::Unreadable(unread()), true, 1),
        (Observation::Known(on), Observation::Unreadable(unread()), false, 0),
        (Observation::Known(off), Observation::Known(Some(on)), false, 0),
        (Observation::Unreadable(unread()), Observation::Known(Some(off)), false, 1),
        (Observation::Unreadable(unread()), Observation::Unreadable(unread()), false, 1),
    ] {
        let case = format!("{own:?} {account:?}");
        let found = audited(&public(own, account, "BucketOwnerEnforced"), Limits::default(), &[]);
        assert_eq!(found.issues.iter().any(|issue| issue.rule == Rule::Anyone), is_found, "{case}");
        let said = found.not_known.iter().filter(|one| *one.object() == object).count();
        assert_eq!(said, of_bucket, "{case}: {:?}", found.not_known);
    }
}

/// ACLs of objects are not read: where they count, whom they let in is not known.
#[test]
fn acls_that_count_are_not_known() {
    let blocks = |ignore_acls: bool| PublicAccessBlock { ignore_acls, ..PublicAccessBlock::all(false) };
    for (ownership, own, account, known) in [
        ("BucketOwnerEnforced", false, false, true),
        ("BucketOwnerPreferred", false, false, false),
        ("ObjectWriter", false, false, false),
        ("ObjectWriter", true, false, true),
        ("ObjectWriter", false, true, true),
    ] {
        let all = public(Observation::Known(blocks(own)), Observation::Known(Some(blocks(account))), ownership);
        let found = audited(&all, Limits::default(), &[]);
        let object = Object::Bucket { account: id(MAIN), name: "data".into() };
        let expected = if known { Vec::new() } else { vec![NotKnown::Acls { object }] };
        assert_eq!(found.not_known, expected, "{ownership} {own} {account}");
    }
}

/// Patterns that everybody meets are no condition.
#[test]
fn patterns_that_ask_for_nothing_narrow_nothing() {
    for (condition, rules) in [
        (r#"{"StringLike":{"sts:ExternalId":"?*"}}"#, &[Rule::AccountWide, Rule::NoExternalId][..]),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:*"}}"#, &[Rule::AccountWide, Rule::NoExternalId]),
        (r#"{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*"}}"#, &[Rule::AccountWide, Rule::NoExternalId]),
        (r#"{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::333333333333:role/Ci*"}}"#, &[Rule::NoExternalId]),
        (r#"{"StringLike":{"sts:ExternalId":"acme-*"}}"#, &[]),
    ] {
        let mut reader = role("Reader", MAIN, "arn:aws:iam::1:role/x");
        reader.state.trust = document(&format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::333333333333:root"}},"Action":"sts:AssumeRole","Condition":{condition}}}"#
        ));
        let found = audited(&read(vec![(MAIN, vec![reader], Vec::new())]), Limits::default(), &[]);
        let told: BTreeSet<Rule> = found.issues.iter().map(|issue| issue.rule).filter(|rule| [Rule::AccountWide, Rule::NoExternalId].contains(rule)).collect();
        assert_eq!(told, rules.iter().copied().collect(), "{condition}");
    }
}
