//! An estate in memory that takes calls as strictly as AWS does: what a call names must be there, what is deleted must be
//! empty, names are unique without regard to case. The tests of the planner and of the applier stand on it.

#[path = "world/iam.rs"]
mod iam;
#[path = "world/key.rs"]
mod key;
#[path = "world/s3.rs"]
mod s3;
#[path = "world/sets.rs"]
mod sets;

use crossrole_model::observed::{AccountState, KeyState, ObservedBucket, ObservedKey, ObservedRole, Scope};
use crossrole_model::state::{BucketPolicyState, BucketState, KeyPolicyState, Tags};
use crossrole_model::{AccountId, Call, ErrorClass, Observation, Observed, Unreadable, ownership};
use crossrole_policy::{Arn, Document};

/// The answer to a call.
pub(crate) type Answer = Result<(), ErrorClass>;

pub(crate) fn id(account: &str) -> AccountId {
    AccountId::parse(account).unwrap()
}

/// Accounts that are empty, and whole.
pub(crate) fn estate(accounts: &[&str]) -> Observed {
    let mut estate = Observed::default();
    for account in accounts {
        estate.accounts.insert(id(account), Observation::Known(AccountState { complete: true, ..AccountState::default() }));
    }
    estate
}

pub(crate) fn account<'e>(estate: &'e mut Observed, account: &AccountId) -> &'e mut AccountState {
    match estate.accounts.get_mut(account) {
        Some(Observation::Known(state)) => state,
        other => panic!("account {account} is {other:?}"),
    }
}

pub(crate) fn bucket<'e>(estate: &'e mut Observed, name: &str) -> &'e mut ObservedBucket {
    match estate.buckets.get_mut(name) {
        Some(Observation::Known(Some(bucket))) => bucket,
        other => panic!("bucket {name} is {other:?}"),
    }
}

/// A bucket as S3 makes it today.
pub(crate) fn add_bucket(estate: &mut Observed, owner: &str, name: &str, region: &str) {
    let state = BucketState {
        region: region.to_owned(),
        versioning: Some(false),
        encryption: Some(crossrole_model::state::Encryption::Aes256),
        public_access_block: Some(crossrole_model::state::PublicAccessBlock::all(true)),
        ownership: Some("BucketOwnerEnforced".to_owned()),
        logging: Some(None),
        tags: Some(Tags::new()),
    };
    let found = ObservedBucket { state, policy: Observation::Known(BucketPolicyState { document: None }), encryption: None, owner_unread: None };
    estate.buckets.insert(name.to_owned(), Observation::Known(Some(found)));
    estate.bucket_accounts.insert(name.to_owned(), id(owner));
}

/// A unique id such as IAM gives: of its kind, never the same for two.
fn unique(prefix: &str, account: &AccountId, name: &str) -> String {
    let letters: String = name.bytes().filter(u8::is_ascii_alphanumeric).map(char::from).collect();
    format!("{prefix}{}{}", account.as_str(), letters.to_ascii_uppercase())
}

/// Makes one call. An error changes nothing.
pub(crate) fn carry_out(estate: &mut Observed, to: &AccountId, call: &Call) -> Answer {
    match call {
        Call::Iam(call) => iam::Iam { estate, to }.call(call),
        Call::Bucket(call) => s3::call(estate, to, call),
        Call::Key(call) => key::call(estate, to, call),
        Call::Set(call) => sets::call(estate, to, call),
    }
}

/// A key with this policy.
#[allow(dead_code, reason = "the applier has no keys in its tests")]
pub(crate) fn add_key(estate: &mut Observed, arn: &str, policy: &str) {
    let document = crossrole_policy::parse(policy).unwrap();
    let found = ObservedKey { state: KeyState::Enabled, customer: true, policy: Observation::Known(KeyPolicyState { document }), made: None };
    estate.keys.insert(arn.to_owned(), Observation::Known(Some(found)));
}

/// AWS refuses a document that names a principal that does not exist; accounts that were not read are taken at their word.
fn known(estate: &Observed, document: &Document) -> Answer {
    if !document.orphaned_principals().is_empty() {
        return Err(ErrorClass::UnknownPrincipal);
    }
    for principal in document.aws_principals() {
        let Some(arn) = Arn::parse(principal) else { continue };
        let Some(Observation::Known(account)) = AccountId::parse(arn.account).and_then(|a| estate.accounts.get(&a)) else { continue };
        let there = match arn.kind_and_name() {
            Some(("role", name)) => account.roles.get(&name.to_ascii_lowercase()).is_some_and(|r| arn.resource == format!("role{}{}", r.state.path, r.name)),
            Some(("user", name)) => account.users.get(&name.to_ascii_lowercase()).is_some_and(|u| arn.resource == format!("user{}{}", u.state.path, u.name)),
            _ => true,
        };
        if !there {
            return Err(ErrorClass::UnknownPrincipal);
        }
    }
    Ok(())
}

/// A principal that is deleted stays in documents under its unique id.
fn forget(estate: &mut Observed, arn: &str, unique: &str) {
    let rename = |document: &mut Document| document.map_aws_principals(|value| (value == arn).then(|| unique.to_owned()));
    for observation in estate.accounts.values_mut() {
        if let Observation::Known(account) = observation {
            account.roles.values_mut().for_each(|role| rename(&mut role.state.trust));
        }
    }
    for observation in estate.buckets.values_mut() {
        if let Observation::Known(Some(ObservedBucket { policy: Observation::Known(BucketPolicyState { document: Some(document) }), .. })) = observation {
            rename(document);
        }
    }
    for observation in estate.keys.values_mut() {
        if let Observation::Known(Some(ObservedKey { policy: Observation::Known(policy), .. })) = observation {
            rename(&mut policy.document);
        }
    }
}

/// Reads what is in scope, as AWS is read: only the settings that are stated, and the buckets that live roles of ours name.
pub(crate) fn look(estate: &Observed, scope: &Scope) -> Observed {
    let mut seen = Observed { account_blocks: estate.account_blocks.clone(), ..Observed::default() };
    for account in scope.accounts.keys() {
        let unread = Observation::Unreadable(Unreadable::not_tried(account));
        seen.accounts.insert(account.clone(), estate.accounts.get(account).cloned().unwrap_or(unread));
    }
    for (name, wanted) in &scope.buckets {
        seen.bucket_accounts.insert(name.clone(), wanted.account.clone());
        let found = estate.buckets.get(name).cloned().unwrap_or(Observation::Known(None));
        seen.buckets.insert(name.clone(), only(found, wanted.settings.as_ref(), wanted.public));
    }
    seen.marked_keys.clone_from(&estate.marked_keys);
    for arn in &scope.keys {
        seen.keys.insert(arn.clone(), estate.keys.get(arn).cloned().unwrap_or(Observation::Known(None)));
    }
    if scope.permission_sets.is_some() {
        seen.permission_sets.clone_from(&estate.permission_sets);
    }
    let ours = |role: &&ObservedRole| ownership::owner(&role.state.tags).is_some_and(|owner| scope.follow_owned.contains(owner));
    let roles = estate.accounts.values().filter_map(Observation::known).flat_map(|a| a.roles.values()).filter(ours);
    let of_roles = roles.flat_map(|role| role.state.inline.values()).flat_map(|d| &d.statements);
    let heads: Vec<String> = scope.follow_owned.iter().map(|owner| ownership::sid_prefix(owner)).collect();
    let policies = seen.accounts.values().filter_map(Observation::known).flat_map(|a| a.policies.values()).flat_map(|p| &p.state.document.statements);
    let of_callers = policies.filter(|s| ownership::sid_head(s.sid()).is_some_and(|head| heads.iter().any(|ours| ours == head)));
    let documents: Vec<crossrole_policy::Statement> = of_roles.chain(of_callers).cloned().collect();
    let resources = documents.iter().filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values);
    for name in resources.filter_map(|r| Arn::parse(r)).filter(|a| a.service == "s3").filter_map(|a| a.resource.split('/').next()) {
        if let (false, Some(found), Some(owner)) = (seen.buckets.contains_key(name), estate.buckets.get(name), estate.bucket_accounts.get(name)) {
            let followed = BucketState {
                region: String::new(),
                versioning: None,
                encryption: None,
                public_access_block: None,
                ownership: None,
                logging: None,
                tags: Some(Tags::new()),
            };
            seen.buckets.insert(name.to_owned(), only(found.clone(), Some(&followed), false));
            seen.bucket_accounts.insert(name.to_owned(), owner.clone());
        }
    }
    seen
}

/// The bucket with only those settings that are stated.
fn only(mut found: Observation<Option<ObservedBucket>>, stated: Option<&BucketState>, wanted_public: bool) -> Observation<Option<ObservedBucket>> {
    if let Observation::Known(Some(bucket)) = &mut found {
        let BucketState { region: _, versioning, encryption, public_access_block, ownership, logging, tags } = &mut bucket.state;
        let unless = |stated: Option<bool>| stated != Some(true);
        // That is asked for as well where a policy is public.
        let public = wanted_public || bucket.policy.known().and_then(|p| p.document.as_ref()).is_some_and(crossrole_policy::is_public);
        if unless(stated.map(|s| s.versioning.is_some())) {
            *versioning = None;
        }
        if unless(stated.map(|s| s.encryption.is_some())) {
            *encryption = None;
        }
        if !public && unless(stated.map(|s| s.public_access_block.is_some())) {
            *public_access_block = None;
        }
        if unless(stated.map(|s| s.ownership.is_some())) {
            *ownership = None;
        }
        if unless(stated.map(|s| s.logging.is_some())) {
            *logging = None;
        }
        if unless(stated.map(|s| s.tags.is_some())) {
            *tags = None;
        }
    }
    found
}
