//! Buckets: one listing per account for existence and region, then only what a manifest states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_s3::operation::get_bucket_encryption::GetBucketEncryptionOutput;
use aws_sdk_s3::operation::get_bucket_ownership_controls::GetBucketOwnershipControlsOutput;
use aws_sdk_s3::operation::get_public_access_block::GetPublicAccessBlockOutput;
use aws_sdk_s3::types::{BucketVersioningStatus, LoggingEnabled, PublicAccessBlockConfiguration, ServerSideEncryption};
use crossrole_model::observed::{AccountState, BucketScope, ObservedBucket, Scope};
use crossrole_model::state::{BucketPolicyState, BucketState, Encryption, Logging, PublicAccessBlock, Tags};
use crossrole_model::{AccountId, CloudError, ErrorClass, Observation, Unreadable, ownership};
use crossrole_policy::{Arn, Document, Statement, is_public};
use futures_util::future::{join, join_all, join3, try_join, try_join3};
use tokio::sync::OnceCell;

use crate::session::Session;

use super::{iam::PAGES_MOST, key, malformed};

/// One setting, if the manifest states it; the inner `None`: the bucket has none.
macro_rules! setting {
    ($session:expr, $name:expr, $region:expr, $stated:expr, $operation:literal, $method:ident) => {
        async {
            if !$stated {
                return Ok(None);
            }
            let request = $session.s3($region).$method().bucket($name).expected_bucket_owner($session.account.as_str());
            match $session.read($operation, || request.clone().send()).await {
                Ok(answer) => Ok(Some(Some(answer))),
                Err(error) if error.class == ErrorClass::NotFound && error.code != "NoSuchBucket" => Ok(Some(None)),
                Err(error) => Err(error),
            }
        }
    };
}

pub(super) type Buckets = BTreeMap<String, Observation<Option<ObservedBucket>>>;

/// Buckets by name, each with what the manifests state of it; `None`: live roles of ours speak of it.
pub(super) type Wanted<'s> = BTreeMap<String, Option<&'s BucketScope>>;

/// Names and regions of an account's buckets.
pub(super) type Listing = BTreeMap<String, Option<String>>;

/// The block of public access of an account; nothing where nobody has asked.
pub(super) type Block = Option<Observation<PublicAccessBlock>>;

/// An account, and its block of public access: asked for once, whoever asks first.
struct Whole<'s> {
    session: &'s Arc<Session>,
    home: &'s str,
    wanted: bool,
    read: OnceCell<Observation<PublicAccessBlock>>,
}

impl Whole<'_> {
    async fn ask_if(&self, needed: bool) {
        if needed && self.wanted {
            self.read
                .get_or_init(|| async {
                    match account_block(self.session, self.home).await {
                        Observation::Known(block) => Observation::Known(block.unwrap_or(PublicAccessBlock::all(false))),
                        Observation::Unreadable(why) => Observation::Unreadable(why),
                    }
                })
                .await;
        }
    }
}

/// Reads buckets of an account, and lists what it has where nobody has yet. The account's block of public access comes with them where a
/// policy is public, or the `scope` asks for it.
pub(super) async fn read(
    session: &Arc<Session>,
    wanted: Wanted<'_>,
    listed: Option<Result<Listing, CloudError>>,
    home: &str,
    scope: &Scope,
) -> (Buckets, Block) {
    if wanted.is_empty() {
        return (Buckets::new(), None);
    }
    let public = wanted.values().flatten().any(|bucket| bucket.public);
    let block = Whole { session, home, wanted: !scope.presence, read: OnceCell::new() };
    let listed = match listed {
        Some(listed) => listed,
        None => listing(session, home).await,
    };
    let listed = match listed {
        Ok(listed) => Some(listed),
        // Without that right, buckets are asked for one by one; any other failure tells nothing about any of them.
        Err(error) if error.class == ErrorClass::Denied => None,
        Err(error) => return (wanted.into_keys().map(|name| (name, Observation::Unreadable(Unreadable::from(&error)))).collect(), None),
    };
    let listed = listed.as_ref();
    let block_read = &block;
    let read = join_all(wanted.into_iter().map(|(name, bucket)| async move {
        let state = one(&name, bucket, listed, block_read).await;
        (name, state)
    }));
    let (read, ()) = join(read, block.ask_if(public)).await;
    // A followed bucket that is not ours at all says nothing.
    let found = read.into_iter().filter_map(|(name, state)| state.map(|s| (name, s))).collect();
    (found, block.read.into_inner())
}

/// Buckets that the permissions of our live roles name: our statements may still be in their policies.
pub(super) fn followed(state: &AccountState, owners: &BTreeSet<String>) -> BTreeSet<String> {
    let ours = state.roles.values().filter(|r| ownership::owner(&r.state.tags).is_some_and(|o| owners.contains(o)));
    named(ours.flat_map(|r| r.state.inline.values()).flat_map(|d| &d.statements))
}

/// The same of what callers are let by us.
pub(super) fn of_callers(accounts: &BTreeMap<AccountId, Observation<AccountState>>, owners: &BTreeSet<String>) -> BTreeSet<String> {
    let heads: BTreeSet<String> = owners.iter().map(|owner| ownership::sid_prefix(owner)).collect();
    let policies = accounts.values().filter_map(Observation::known).flat_map(|state| state.policies.values());
    let ours = policies.flat_map(|policy| &policy.state.document.statements).filter(|s| ownership::sid_head(s.sid()).is_some_and(|head| heads.contains(head)));
    named(ours)
}

/// Buckets that statements name.
fn named<'s>(statements: impl Iterator<Item = &'s Statement>) -> BTreeSet<String> {
    let resources = statements.filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values);
    let names = resources.filter_map(|r| Arn::parse(r)).filter(|a| a.service == "s3").filter_map(|a| a.resource.split('/').next());
    names.filter(|n| !n.is_empty() && !n.contains(['*', '?', '$'])).map(str::to_owned).collect()
}

/// Names and regions of the account's buckets.
pub(super) async fn listing(session: &Arc<Session>, home: &str) -> Result<Listing, CloudError> {
    Ok(listing_of(session, home).await?.0)
}

/// The same, and the account's canonical id.
pub(super) async fn listing_of(session: &Arc<Session>, home: &str) -> Result<(Listing, Option<String>), CloudError> {
    let (mut found, mut owner) = (BTreeMap::new(), None);
    let mut token = None;
    for _ in 0..PAGES_MOST {
        let request = session.s3(home).list_buckets().max_buckets(1000).set_continuation_token(token.take());
        let page = session.read("ListBuckets", || request.clone().send()).await?;
        found.extend(page.buckets().iter().filter_map(|b| Some((b.name()?.to_owned(), b.bucket_region().map(str::to_owned)))));
        owner = owner.or_else(|| page.owner()?.id().map(str::to_owned));
        token = page.continuation_token().map(str::to_owned);
        if token.is_none() {
            return Ok((found, owner));
        }
    }
    Err(malformed("ListBuckets", &session.account, "the listing does not end"))
}

async fn one(name: &str, scope: Option<&BucketScope>, listed: Option<&Listing>, of: &Whole<'_>) -> Option<Observation<Option<ObservedBucket>>> {
    let (session, home) = (of.session, of.home);
    let known = listed.and_then(|l| l.get(name));
    let region = match (known, scope) {
        (Some(Some(region)), _) => region.clone(),
        // Not in the account's own list, and nothing of ours is declared in it.
        (None, None) if listed.is_some() => return None,
        (None, Some(scope)) if listed.is_some() && scope.left => return Some(Observation::Known(None)),
        (None | Some(None), _) => match head(session, name, scope.map_or(home, |s| s.region.as_str())).await {
            Ok(Some(region)) => region,
            Ok(None) => return Some(Observation::Known(None)),
            Err(why) => return Some(Observation::Unreadable(why)),
        },
    };
    // A bucket that is only followed is read for our marks: its policy and its tags.
    let followed = BucketState { tags: Some(Tags::new()), ..BucketState::unstated(&region) };
    let stated = match scope {
        Some(scope) => scope.settings.as_ref(),
        None => Some(&followed),
    };
    let by_default = encryption_by_default(session, name, &region, scope);
    let (state, policy, encryption) = join3(settings(session, name, &region, stated), policy(session, name, &region), by_default).await;
    let mut owner_unread = None;
    let mut state = match state {
        Ok(state) => state,
        // Deleted since it was listed: bucket listings lag behind.
        Err(error) if error.class == ErrorClass::NotFound && error.code == "NoSuchBucket" => return Some(Observation::Known(None)),
        // What lets people in is found and taken back all the same.
        Err(error) if error.class == ErrorClass::Denied && scope.is_none_or(|scope| scope.left) => {
            match settings(session, name, &region, Some(&followed)).await {
                Ok(state) => state,
                Err(error) => {
                    owner_unread = Some(Unreadable::from(&error));
                    BucketState::unstated(&region)
                }
            }
        }
        Err(error) => return Some(Observation::Unreadable(Unreadable::from(&error))),
    };
    let policy = match policy {
        Ok(policy) => Observation::Known(policy),
        Err(error) if error.code == "NoSuchBucket" => return Some(Observation::Known(None)),
        Err(error) => Observation::Unreadable(Unreadable::from(&error)),
    };
    let live = policy.known().and_then(|policy| policy.document.as_ref()).is_some_and(is_public);
    let public = live || of.wanted && scope.is_some_and(|scope| scope.public);
    let ((), ()) = join(asked_besides(session, name, &mut state, stated, public), of.ask_if(public)).await;
    Some(Observation::Known(Some(ObservedBucket { state, policy, encryption, owner_unread })))
}

/// What is put into a bucket is encrypted with by default, where that is asked and the settings do not state it. Nothing that is written rests
/// on it, so that a refusal hides nothing else of the bucket.
async fn encryption_by_default(session: &Arc<Session>, name: &str, region: &str, scope: Option<&BucketScope>) -> Option<Observation<Encryption>> {
    scope.filter(|scope| scope.encryption && scope.settings.as_ref().is_none_or(|stated| stated.encryption.is_none()))?;
    let read = async {
        let answer: Option<Option<GetBucketEncryptionOutput>> = setting!(session, name, region, true, "GetBucketEncryption", get_bucket_encryption).await?;
        // One that has no default takes no key either.
        let encryption = answer.flatten().and_then(|answer| encryption_of(&answer)).unwrap_or(Encryption::Aes256);
        Ok(match encryption {
            Encryption::Kms { key, bucket_key } if !key.is_empty() => Encryption::Kms { key: key::arn_of(session, region, &key).await?, bucket_key },
            known => known,
        })
    };
    let read: Result<Encryption, CloudError> = read.await;
    Some(read.map_or_else(|error| Observation::Unreadable(Unreadable::from(&error)), Observation::Known))
}

/// Reads what nobody states and what others rest on. Who may not ask that is told when it is written, or that it is not known.
async fn asked_besides(session: &Arc<Session>, name: &str, state: &mut BucketState, stated: Option<&BucketState>, public: bool) {
    let region = state.region.clone();
    // Whether S3 takes a policy with a public statement again is the block's to say.
    let block = setting!(session, name, &region, public && state.public_access_block.is_none(), "GetPublicAccessBlock", get_public_access_block);
    // What it means that ACLs are ignored no more, or are now, is up to whether there are any.
    let wanted = stated.filter(|stated| stated.ownership.is_none()).and_then(|stated| stated.public_access_block);
    let others = wanted.zip(state.public_access_block).is_some_and(|(wanted, live)| wanted.ignore_acls != live.ignore_acls);
    let ownership = setting!(session, name, &region, others, "GetBucketOwnershipControls", get_bucket_ownership_controls);
    let (block, ownership) = join(block, ownership).await;
    let block: Option<Option<GetPublicAccessBlockOutput>> = block.unwrap_or_default();
    let ownership: Option<Option<GetBucketOwnershipControlsOutput>> = ownership.unwrap_or_default();
    if let Some(block) = block {
        state.public_access_block = Some(block_of(block.as_ref().and_then(|a| a.public_access_block_configuration())));
    }
    if let Some(ownership) = ownership {
        state.ownership = ownership.and_then(|answer| ownership_of(&answer));
    }
}

/// Asks for a bucket that the listing does not tell about. Only 404 means that it does not exist.
pub(super) async fn head(session: &Arc<Session>, name: &str, region: &str) -> Result<Option<String>, Unreadable> {
    let request = session.s3(region).head_bucket().bucket(name).expected_bucket_owner(session.account.as_str());
    let elsewhere = std::sync::OnceLock::new();
    let answer = session.read("HeadBucket", || async {
        let answer = request.clone().send().await;
        let raw = answer.as_ref().err().and_then(|e| e.raw_response()).filter(|r| matches!(r.status().as_u16(), 301 | 400));
        if let Some(region) = raw.and_then(|r| r.headers().get("x-amz-bucket-region")) {
            let _ = elsewhere.set(region.to_owned());
        }
        answer
    });
    match answer.await {
        Ok(answer) => Ok(Some(answer.bucket_region().unwrap_or(region).to_owned())),
        Err(error) => match (elsewhere.into_inner(), error.class) {
            (Some(elsewhere), _) => Ok(Some(elsewhere)),
            (None, ErrorClass::NotFound) => Ok(None),
            (None, ErrorClass::Denied) => {
                let why = format!("bucket `{name}` is taken by another account, or the runner may not look at it ({error})");
                Err(Unreadable { class: Some(error.class), why })
            }
            (None, _) => Err(Unreadable::from(&error)),
        },
    }
}

/// Reads the policy.
pub(super) async fn policy(session: &Arc<Session>, name: &str, region: &str) -> Result<BucketPolicyState, CloudError> {
    let request = session.s3(region).get_bucket_policy().bucket(name).expected_bucket_owner(session.account.as_str());
    let answer = match session.read("GetBucketPolicy", || request.clone().send()).await {
        Ok(answer) => answer,
        Err(error) if error.code == "NoSuchBucketPolicy" => return Ok(BucketPolicyState { document: None }),
        Err(error) => return Err(error),
    };
    parsed(session, name, answer.policy())
}

/// A policy as S3 sends it.
pub(super) fn parsed(session: &Session, name: &str, text: Option<&str>) -> Result<BucketPolicyState, CloudError> {
    let document: Document = crossrole_policy::parse(text.unwrap_or_default()).map_err(|errors| {
        malformed(
            "GetBucketPolicy",
            &session.account,
            &format!("the policy of bucket {name}: {}", errors.first().map_or_else(String::new, ToString::to_string)),
        )
    })?;
    Ok(BucketPolicyState { document: Some(document) })
}

/// Reads what is stated, all of it at once.
async fn settings(session: &Arc<Session>, name: &str, region: &str, stated: Option<&BucketState>) -> Result<BucketState, CloudError> {
    let mut state = BucketState::unstated(region);
    let Some(stated) = stated else { return Ok(state) };
    // No `..`: a new setting stops the build until someone decides.
    let BucketState { region: _, versioning, encryption, public_access_block, ownership, logging, tags } = stated;
    let first = try_join3(
        setting!(session, name, region, tags.is_some(), "GetBucketTagging", get_bucket_tagging),
        setting!(session, name, region, versioning.is_some(), "GetBucketVersioning", get_bucket_versioning),
        setting!(session, name, region, encryption.is_some(), "GetBucketEncryption", get_bucket_encryption),
    );
    let second = try_join3(
        setting!(session, name, region, public_access_block.is_some(), "GetPublicAccessBlock", get_public_access_block),
        setting!(session, name, region, ownership.is_some(), "GetBucketOwnershipControls", get_bucket_ownership_controls),
        setting!(session, name, region, logging.is_some(), "GetBucketLogging", get_bucket_logging),
    );
    let ((tags, versioning, encryption), (block, ownership, logging)) = try_join(first, second).await?;
    state.tags = tags.map(|answer| {
        let set = answer.iter().flat_map(aws_sdk_s3::operation::get_bucket_tagging::GetBucketTaggingOutput::tag_set).filter(|t| !t.key().starts_with("aws:"));
        set.map(|t| (t.key().to_owned(), t.value().to_owned())).collect()
    });
    state.versioning = versioning.map(|answer| answer.is_some_and(|a| a.status() == Some(&BucketVersioningStatus::Enabled)));
    state.encryption = encryption.flatten().and_then(|answer| match encryption_of(&answer)? {
        Encryption::Kms { key, .. } if key.is_empty() => None,
        known => Some(known),
    });
    state.public_access_block = block.map(|answer| block_of(answer.as_ref().and_then(|a| a.public_access_block_configuration())));
    state.ownership = ownership.flatten().and_then(|answer| ownership_of(&answer));
    state.logging = logging.map(|answer| logging_of(answer.as_ref().and_then(|a| a.logging_enabled())));
    Ok(state)
}

/// Encryption by default; a key of AWS's own, which the answer does not name, has no name.
pub(super) fn encryption_of(answer: &GetBucketEncryptionOutput) -> Option<Encryption> {
    let rule = answer.server_side_encryption_configuration()?.rules().first()?;
    let bucket_key = rule.bucket_key_enabled().unwrap_or(false);
    let rule = rule.apply_server_side_encryption_by_default()?;
    Some(match rule.sse_algorithm() {
        ServerSideEncryption::Aes256 => Encryption::Aes256,
        _ => Encryption::Kms { key: rule.kms_master_key_id().unwrap_or_default().to_owned(), bucket_key },
    })
}

/// The four settings; what is not there is off.
pub(super) fn block_of(answer: Option<&PublicAccessBlockConfiguration>) -> PublicAccessBlock {
    answer.map_or(PublicAccessBlock::all(false), |b| PublicAccessBlock {
        block_acls: b.block_public_acls().unwrap_or(false),
        ignore_acls: b.ignore_public_acls().unwrap_or(false),
        block_policy: b.block_public_policy().unwrap_or(false),
        restrict_buckets: b.restrict_public_buckets().unwrap_or(false),
    })
}

/// The block of public access of the whole account. The control plane of S3 answers as a bucket does, at a host and a path of its own
/// (Amazon S3 Control API reference, GetPublicAccessBlock), so that the SDK's call about a bucket is sent there: a client of its own would
/// be another hundred operations. Whatever else is in the host (FIPS, dual stack, region, partition) stays as it is.
pub(super) async fn account_block(session: &Arc<Session>, home: &str) -> Observation<Option<PublicAccessBlock>> {
    const PATH: &str = "/v20180820/configuration/publicAccessBlock";
    /// The name is of no bucket, and does not reach AWS.
    const NAME: &str = "the-account";
    let account = session.account.as_str().to_owned();
    let answer = session.read("GetAccountPublicAccessBlock", || {
        let account = account.clone();
        let request = session.s3(home).get_public_access_block().bucket(NAME).customize();
        let sent = request.mutate_request(move |request| {
            let host = request.uri().split('/').take(3).collect::<Vec<_>>().join("/");
            // An emulator has one host for all.
            let host = host.replacen(&format!("{NAME}.s3"), &format!("{account}.s3-control"), 1);
            // It is well formed: where it were not, the call goes to the bucket, which is not there.
            let _ = request.set_uri(format!("{host}{PATH}"));
            request.headers_mut().insert("x-amz-account-id", account.clone());
        });
        sent.send()
    });
    match answer.await {
        Ok(answer) => Observation::Known(Some(block_of(answer.public_access_block_configuration()))),
        Err(error) if error.code == "NoSuchPublicAccessBlockConfiguration" => Observation::Known(None),
        Err(error) => Observation::Unreadable(Unreadable::from(&error)),
    }
}

pub(super) fn ownership_of(answer: &GetBucketOwnershipControlsOutput) -> Option<String> {
    Some(answer.ownership_controls()?.rules().first()?.object_ownership().as_str().to_owned())
}

pub(super) fn logging_of(enabled: Option<&LoggingEnabled>) -> Option<Logging> {
    enabled.map(|l| Logging { bucket: l.target_bucket().to_owned(), prefix: l.target_prefix().to_owned() })
}

#[cfg(test)]
mod tests {
    use crossrole_model::observed::ObservedRole;
    use crossrole_model::state::RoleState;

    use super::*;

    fn role(name: &str, owner: Option<&str>, resources: &str) -> ObservedRole {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:*","Resource":[{resources}]}}]}}"#);
        let document: Document = crossrole_policy::parse(&text).unwrap();
        let state = RoleState {
            path: "/".into(),
            trust: Document::new(Vec::new()),
            description: String::new(),
            max_session_seconds: 3_600,
            boundary: None,
            tags: owner.map(|o| (ownership::OWNER_TAG.to_owned(), o.to_owned())).into_iter().collect(),
            inline: BTreeMap::from([("crossrole".to_owned(), document)]),
            attached: BTreeSet::new(),
        };
        ObservedRole { name: name.into(), id: name.into(), state, instance_profiles: BTreeSet::new() }
    }

    /// Only buckets by name, and only those that roles of this run's manifests speak of.
    #[test]
    fn buckets_that_our_roles_name_are_followed() {
        let mut state = AccountState::default();
        let ours = r#""arn:aws:s3:::one","arn:aws:s3:::two/x/*","arn:aws:s3:::th*","arn:aws:s3:::${aws:username}/x","arn:aws:s3:::?/x","*","arn:aws:sqs:::four","arn:aws:s3:::""#;
        state.roles.insert("a".into(), role("a", Some("m"), ours));
        state.roles.insert("b".into(), role("b", Some("other"), r#""arn:aws:s3:::others""#));
        state.roles.insert("c".into(), role("c", None, r#""arn:aws:s3:::foreign""#));
        assert_eq!(followed(&state, &["m".to_owned()].into()), ["one", "two"].map(String::from).into());
        assert!(followed(&state, &BTreeSet::new()).is_empty());
    }
}
