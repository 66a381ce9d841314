//! Reading: whole accounts in bulk, buckets one by one, and one shared document right before it is written.

pub(crate) mod audit;
mod bucket;
mod iam;
pub(crate) mod key;
mod object;
mod permission_set;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::observed::{AccountState, Observed, ObservedBucket, Scope};
use crossrole_model::state::{BucketPolicyState, ObjectState, RoleState, SetState};
use crossrole_model::{
    AccountId, Address, BucketCall, Call, CloudError, ErrorClass, IamCall, KeyCall, KeyRef, Observation, Partition, PermissionSet, Reading, SetCall,
    Unreadable, ownership,
};
use crossrole_policy::Document;
use futures_util::future::{join, join_all, join3};
use percent_encoding::percent_decode_str;

use crate::Aws;

/// Reads everything in `scope`, accounts side by side. Of one account, calls wait for one another in at most four rounds, pages
/// and what the listings leave out aside: whose credentials they are; all that needs no other answer; what those answers make
/// necessary; and what that does.
pub(crate) async fn observe(aws: &Aws, scope: &Scope) -> Observed {
    let before = aws.calls();
    let none = BTreeSet::new();
    let mut declared: BTreeMap<&AccountId, bucket::Wanted<'_>> = BTreeMap::new();
    for (name, bucket) in &scope.buckets {
        declared.entry(&bucket.account).or_default().insert(name.clone(), Some(bucket));
    }
    let mut asked: BTreeMap<AccountId, Vec<KeyRef>> = BTreeMap::new();
    for key in scope.keys.iter().filter_map(|arn| KeyRef::parse(arn)) {
        asked.entry(key.account()).or_default().push(key);
    }
    let of_keys: Vec<AccountId> = asked.keys().cloned().collect();
    let all: BTreeSet<&AccountId> = scope.accounts.keys().chain(declared.keys().copied()).chain(&of_keys).collect();
    let read =
        join_all(
            all.into_iter().map(|account| {
                let objects = scope.accounts.get(account);
                let (buckets, keys, none) = (declared.remove(account).unwrap_or_default(), asked.remove(account).unwrap_or_default(), &none);
                async move {
                    (account.clone(), objects.is_some(), told(aws, account, of_account(aws, scope, account, objects.unwrap_or(none), (buckets, keys))).await)
                }
            }),
        );
    let sets = async {
        match &scope.permission_sets {
            Some((at, declared)) => Some(permission_set::read(aws, at, declared).await),
            None => None,
        }
    };
    let (read, permission_sets) = join(read, sets).await;
    let one_by_one = aws.calls();
    let (mut accounts, mut buckets, mut bucket_accounts, mut keys) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), key::Keys::new());
    let (mut account_blocks, mut marked_keys) = (BTreeMap::new(), BTreeMap::new());
    for (account, asked, (state, (found, block), (found_keys, marked))) in read {
        marked_keys.extend(marked.map(|marked| (account.clone(), marked)));
        account_blocks.extend(block.map(|block| (account.clone(), block)));
        keys.extend(found_keys);
        bucket_accounts.extend(found.keys().map(|name| (name.clone(), account.clone())));
        buckets.extend(found);
        if asked {
            accounts.insert(account, state);
        }
    }
    let followed = key::followed(&accounts, &buckets, &keys, scope).into_iter().map(|(account, of)| async move {
        let Ok(session) = aws.sessions.get(&account).await else { return key::Keys::new() };
        key::read_followed(&session, of, scope).await
    });
    let (followed, left) = join(join_all(followed), left_buckets(aws, scope, &accounts, &buckets)).await;
    keys.extend(followed.into_iter().flatten());
    for (name, (account, bucket)) in left {
        bucket_accounts.insert(name.clone(), account);
        buckets.insert(name, bucket);
    }
    let mut permission_sets = permission_sets;
    if let (Some((at, _)), Some(Observation::Known(sets))) = (&scope.permission_sets, &mut permission_sets) {
        permission_set::of_roles(aws, at, sets, &holding(&accounts, aws.sessions.partition())).await;
    }
    // What all of them together made necessary is told with what went before.
    for (account, calls) in aws.calls().into_iter().filter(|(id, n)| one_by_one.get(id) != Some(n) && accounts.contains_key(id)) {
        tell(aws, &account, calls - before.get(&account).copied().unwrap_or(0), &Reading::Read);
    }
    let made = aws.calls().into_iter().map(|(id, n)| (id.clone(), n - before.get(&id).copied().unwrap_or(0)));
    // An account that is only reached for the lock is not read.
    let calls = made.filter(|(id, n)| *n > 0 || scope.accounts.contains_key(id)).collect();
    let mut runners = BTreeMap::new();
    for account in accounts.keys() {
        if let Ok(session) = aws.sessions.get(account).await
            && let Some(arn) = session.runner.get()
        {
            runners.insert(account.clone(), arn.clone());
        }
    }
    let mut observed = Observed { accounts, buckets, bucket_accounts, account_blocks, keys, marked_keys, permission_sets, calls, runners };
    resolved(aws, &mut observed);
    aws.made.in_observed(&mut observed);
    observed
}

/// Buckets, each with its account, that only what callers are let by us still names. They lie where manifests have buckets, or had, and are
/// looked for there, since no ARN of a bucket tells its account.
async fn left_buckets(
    aws: &Aws,
    scope: &Scope,
    accounts: &BTreeMap<AccountId, Observation<AccountState>>,
    known: &bucket::Buckets,
) -> BTreeMap<String, (AccountId, Observation<Option<ObservedBucket>>)> {
    let names: BTreeSet<String> = bucket::of_callers(accounts, &scope.follow_owned).into_iter().filter(|name| !known.contains_key(name)).collect();
    let owners = scope.trusting.iter().filter(|account| !names.is_empty() && matches!(accounts.get(*account), Some(Observation::Known(_))));
    let read = join_all(owners.map(|account| {
        let wanted: bucket::Wanted<'_> = names.iter().map(|name| (name.clone(), None)).collect();
        async move {
            let Ok(session) = aws.sessions.get(account).await else { return (account.clone(), bucket::Buckets::new()) };
            (account.clone(), bucket::read(&session, wanted, None, aws.sessions.partition().home_region(), scope).await.0)
        }
    }));
    let mut found = BTreeMap::new();
    for (account, buckets) in read.await {
        for (name, bucket) in buckets {
            // In one account it may be there; that another may not look at it says nothing.
            let there = matches!(bucket, Observation::Known(Some(_)));
            if there || !found.contains_key(&name) && matches!(bucket, Observation::Unreadable(_)) {
                found.insert(name, (account.clone(), bucket));
            }
        }
    }
    found
}

/// Puts ARNs in the place of the unique ids of roles and users that were read.
fn resolved(aws: &Aws, observed: &mut Observed) {
    let ids = unique_ids(&observed.accounts, aws.sessions.partition());
    aws.remember(&ids);
    for state in observed.accounts.values_mut() {
        if let Observation::Known(state) = state {
            for role in state.roles.values_mut() {
                role.state.trust.map_aws_principals(|id| aws.resolve(id));
            }
        }
    }
    for bucket in observed.buckets.values_mut() {
        if let Observation::Known(Some(bucket)) = bucket
            && let Observation::Known(BucketPolicyState { document: Some(document) }) = &mut bucket.policy
        {
            document.map_aws_principals(|id| aws.resolve(id));
        }
    }
    for key in observed.keys.values_mut() {
        if let Observation::Known(Some(key)) = key
            && let Observation::Known(policy) = &mut key.policy
        {
            policy.document.map_aws_principals(|id| aws.resolve(id));
        }
    }
}

/// What was read of an account.
type OfAccount = (Observation<AccountState>, (bucket::Buckets, bucket::Block), (key::Keys, Option<Observation<BTreeMap<String, String>>>));

/// Reads an account, and tells when that begins and how it ends.
async fn told(aws: &Aws, account: &AccountId, work: impl Future<Output = OfAccount>) -> OfAccount {
    let made = || aws.calls().get(account).copied().unwrap_or(0);
    let before = made();
    tell(aws, account, 0, &Reading::Began);
    let found = work.await;
    // Of one that only has buckets or keys of the run nothing else was tried.
    let reading = match &found.0 {
        Observation::Unreadable(why) if why.class.is_some() => Reading::Failed(why.clone()),
        Observation::Known(_) | Observation::Unreadable(_) => Reading::Read,
    };
    tell(aws, account, made() - before, &reading);
    found
}

fn tell(aws: &Aws, account: &AccountId, calls: u64, reading: &Reading) {
    if let Some(console) = &aws.sessions.run().console {
        console.reads(account, calls, reading);
    }
}

/// Reads IAM of one account, its buckets, and its keys.
async fn of_account(
    aws: &Aws,
    scope: &Scope,
    account: &AccountId,
    objects: &BTreeSet<Address>,
    (declared, keys): (bucket::Wanted<'_>, Vec<KeyRef>),
) -> OfAccount {
    let session = match aws.sessions.get(account).await {
        Ok(session) => session,
        Err(error) => {
            let unread = Unreadable::from(&error);
            let buckets = declared.into_keys().map(|name| (name, Observation::Unreadable(unread.clone()))).collect();
            let keys = keys.into_iter().map(|key| (key.arn, Observation::Unreadable(unread.clone()))).collect();
            return (Observation::Unreadable(unread), (buckets, None), (keys, None));
        }
    };
    let home = aws.sessions.partition().home_region();
    let listing = async { if declared.is_empty() { None } else { Some(bucket::listing(&session, home).await) } };
    // Of an account that only has keys, nothing else is asked.
    let iam = async {
        if scope.accounts.contains_key(account) {
            iam::read(&session, objects, scope).await
        } else {
            Err(Unreadable::not_tried(format_args!("account {account}")))
        }
    };
    let ((mut state, listed), keys, marked) = join3(join(iam, listing), key::read(&session, keys, &scope.keys_to_make), key::marked(&session, scope)).await;
    let mut wanted = declared;
    for name in state.as_ref().map(|s| bucket::followed(s, &scope.follow_owned)).unwrap_or_default() {
        wanted.entry(name).or_default();
    }
    let more = async {
        if let Ok(state) = &mut state {
            iam::more(&session, state, objects, scope).await;
        }
    };
    let ((), buckets) = join(more, bucket::read(&session, wanted, listed, home, scope)).await;
    (state.map_or_else(Observation::Unreadable, Observation::Known), buckets, (keys, marked))
}

/// Reads what a call is about to replace whole.
pub(crate) async fn shared_document(aws: &Aws, address: &Address, call: &Call) -> Result<Option<ObjectState>, CloudError> {
    let session = aws.sessions.get(&address.account).await?;
    match call {
        Call::Bucket(BucketCall::PutPolicy { bucket, .. } | BucketCall::DeletePolicy { bucket }) => {
            let mut state = bucket::policy(&session, &bucket.name, &bucket.region).await?;
            if let Some(document) = state.document.as_mut() {
                document.map_aws_principals(|id| aws.resolve(id));
            }
            Ok(state.document.is_some().then_some(ObjectState::BucketPolicy(state)))
        }
        Call::Key(KeyCall::PutPolicy { key, .. }) => {
            let mut state = key::policy(&session, key.region(), &aws.made.arn(key)).await?;
            state.document.map_aws_principals(|id| aws.resolve(id));
            Ok(Some(ObjectState::KeyPolicy(state)))
        }
        Call::Set(SetCall::PutPolicy { set, .. } | SetCall::DeletePolicy { set }) => {
            let document = permission_set::document(&session, &set.at, &set.arn).await?;
            Ok(document.map(|document| ObjectState::PermissionSet(SetState { document: Some(document), late: BTreeSet::new() })))
        }
        Call::Iam(IamCall::UpdateTrust { role, .. }) => match session.read("GetRole", || session.iam.get_role().role_name(role).send()).await {
            Ok(answer) => {
                let Some(role) = answer.role() else { return Ok(None) };
                let mut trust = decode_document(role.assume_role_policy_document(), "GetRole", &session.account)?;
                trust.map_aws_principals(|id| aws.resolve(id));
                let state = RoleState {
                    path: role.path().to_owned(),
                    trust,
                    description: role.description().unwrap_or_default().to_owned(),
                    max_session_seconds: 0,
                    boundary: None,
                    tags: BTreeMap::new(),
                    inline: BTreeMap::new(),
                    attached: std::collections::BTreeSet::new(),
                };
                Ok(Some(ObjectState::Role(state)))
            }
            Err(error) if error.class == ErrorClass::NotFound => Ok(None),
            Err(error) => Err(error),
        },
        Call::Iam(
            IamCall::CreatePolicy { .. }
            | IamCall::CreatePolicyVersion { .. }
            | IamCall::DeletePolicyVersion { .. }
            | IamCall::DetachPolicy { .. }
            | IamCall::DeletePolicy { .. },
        ) => {
            let arn = aws.sessions.partition().iam_arn(&address.account, "policy", ownership::CALLER_PATH, &address.name);
            Ok(object::document(&session, &arn).await?.map(ObjectState::Policy))
        }
        _ => Ok(None),
    }
}

/// Permission sets of which some role that was read has statements that look like ours.
fn holding(accounts: &BTreeMap<AccountId, Observation<AccountState>>, partition: Partition) -> BTreeSet<String> {
    let known = accounts.iter().filter_map(|(account, state)| Some((account, state.known()?)));
    let roles = known.flat_map(|(account, state)| state.roles.values().map(move |role| (account, role)));
    let sets = roles.filter_map(|(account, role)| {
        let set = PermissionSet::of_role(&partition.iam_arn(account, "role", &role.state.path, &role.name))?;
        let policy = role.state.inline.get(PermissionSet::INLINE)?;
        policy.statements.iter().any(|s| ownership::sid_head(s.sid()).is_some()).then_some(set.name)
    });
    sets.collect()
}

/// Unique ids of every role and user that was read.
fn unique_ids(accounts: &BTreeMap<AccountId, Observation<AccountState>>, partition: Partition) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for (account, state) in accounts {
        let Some(state) = state.known() else { continue };
        for role in state.roles.values() {
            ids.insert(role.id.clone(), partition.iam_arn(account, "role", &role.state.path, &role.name));
        }
        for user in state.users.values() {
            ids.insert(user.id.clone(), partition.iam_arn(account, "user", &user.state.path, &user.name));
        }
    }
    ids
}

/// IAM sends documents percent-encoded (RFC 3986; a `+` is a plus), and the SDK leaves them so.
pub(crate) fn decode_document(text: Option<&str>, operation: &str, account: &AccountId) -> Result<Document, CloudError> {
    let text = text.unwrap_or_default();
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    crossrole_policy::parse(&decoded).map_err(|errors| malformed(operation, account, &errors.first().map_or_else(String::new, ToString::to_string)))
}

/// An answer that makes no sense.
pub(crate) fn malformed(operation: &str, account: &AccountId, why: &str) -> CloudError {
    CloudError {
        class: ErrorClass::NotAws,
        operation: operation.to_owned(),
        account: Some(account.clone()),
        code: "malformed answer".to_owned(),
        message: why.to_owned(),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        AccountId::parse("222222222222").unwrap()
    }

    /// IAM's own encoding (RFC 3986) of what was written, and nothing of forms'.
    #[test]
    fn documents_are_decoded_as_iam_encodes_them() {
        let plain = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/é + 50% done/*"}]}"#;
        let encoded: String =
            plain.bytes().map(|b| if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect();
        let decoded = decode_document(Some(&encoded), "GetRole", &account()).unwrap();
        assert_eq!(decoded, crossrole_policy::parse(plain).unwrap());
        assert_eq!(decoded.statements[0].resource.as_ref().unwrap().values, ["arn:aws:s3:::b/é + 50% done/*"]);
        // A plus is a plus, in lower-case digits too.
        let lower = encoded.replace("%2B", "+").replace("%7B", "%7b");
        assert_eq!(decode_document(Some(&lower), "GetRole", &account()).unwrap(), decoded);
    }

    #[test]
    fn what_is_no_document_is_said_and_not_taken_for_none() {
        for text in [None, Some(""), Some("%7B"), Some("%FF%FE"), Some("[]"), Some("%7B%22Statement%22%3A7%7D")] {
            let error = decode_document(text, "GetRolePolicy", &account()).unwrap_err();
            assert_eq!((error.class, error.code.as_str(), error.operation.as_str()), (ErrorClass::NotAws, "malformed answer", "GetRolePolicy"));
            assert!(!error.message.is_empty(), "{text:?}");
        }
    }

    /// What AWS shows for a principal is turned back into the ARN that it stands for, path and all.
    #[test]
    fn unique_ids_are_those_of_roles_and_users_that_were_read() {
        use crossrole_model::observed::{ObservedRole, ObservedUser};
        use crossrole_model::state::UserState;
        let trust = crossrole_policy::Document::new(Vec::new());
        let state = RoleState {
            path: "/app/".into(),
            trust,
            description: String::new(),
            max_session_seconds: 3600,
            boundary: None,
            tags: BTreeMap::new(),
            inline: BTreeMap::new(),
            attached: std::collections::BTreeSet::new(),
        };
        let mut known = AccountState::default();
        known
            .roles
            .insert("reader".into(), ObservedRole { name: "Reader".into(), id: "AROA1".into(), state, instance_profiles: std::collections::BTreeSet::new() });
        let user = ObservedUser {
            name: "ann".into(),
            id: "AIDA1".into(),
            state: UserState { path: "/".into(), tags: BTreeMap::new() },
            groups: std::collections::BTreeSet::new(),
            boundary: None,
            attached: std::collections::BTreeSet::new(),
            inline: BTreeMap::new(),
        };
        known.users.insert("ann".into(), user);
        let other = AccountId::parse("111111111111").unwrap();
        let accounts = BTreeMap::from([(account(), Observation::Known(known)), (other.clone(), Observation::Unreadable(Unreadable::not_tried(other)))]);
        let ids = unique_ids(&accounts, Partition::AwsCn);
        let expected = [("AIDA1", "arn:aws-cn:iam::222222222222:user/ann"), ("AROA1", "arn:aws-cn:iam::222222222222:role/app/Reader")];
        assert_eq!(ids, expected.map(|(id, arn)| (id.to_owned(), arn.to_owned())).into());
    }
}
