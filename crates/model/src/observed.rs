//! What was read from live AWS. It was true when it was read.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_policy::Document;
use serde::{Deserialize, Serialize};

use crate::address::{Address, Kind};
use crate::call::{PrincipalKind, PrincipalRef};
use crate::cloud::{CloudError, ErrorClass};
use crate::identity_center::IdentityCenter;
use crate::ids::AccountId;
use crate::key::KeyRef;
use crate::limits::Granted;
use crate::state::{
    AttachmentState, BucketPolicyState, BucketState, Encryption, GroupState, KeyPolicyState, MadeKey, MembershipState, ObjectState, OidcState, PolicyState,
    PublicAccessBlock, RoleState, SamlState, SetState, UserState,
};

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unreadable {
    /// What kind of error it was; `None` where nobody has tried.
    pub class: Option<ErrorClass>,
    /// The error, for people.
    pub why: String,
}

impl Unreadable {
    /// Nobody has tried.
    pub fn not_tried(what: impl std::fmt::Display) -> Self {
        Self { class: None, why: format!("{what} was not read") }
    }

    /// Tells whether trying again can't help: a refusal, or credentials that have ended.
    pub fn is_final(&self) -> bool {
        matches!(self.class, Some(ErrorClass::Denied | ErrorClass::Credentials | ErrorClass::NotAssumed | ErrorClass::Invalid | ErrorClass::State))
    }
}

impl From<&CloudError> for Unreadable {
    fn from(error: &CloudError) -> Self {
        Self { class: Some(error.class), why: error.to_string() }
    }
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

/// Known, or unreadable: never confuse "could not look" with "is not there".
#[derive(Debug, Clone, PartialEq)]
pub enum Observation<T> {
    /// It was read.
    Known(T),
    /// It could not be read.
    Unreadable(Unreadable),
}

impl<T> Observation<T> {
    /// Returns what was read.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unreadable(_) => None,
        }
    }
}

/// Everything read in a run.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// IAM, by account.
    pub accounts: BTreeMap<AccountId, Observation<AccountState>>,
    /// Buckets by name.
    pub buckets: BTreeMap<String, Observation<Option<ObservedBucket>>>,
    /// The account that each bucket was read in.
    pub bucket_accounts: BTreeMap<String, AccountId>,
    /// The blocks of public access of accounts that have a bucket whose policy is public, or will be.
    pub account_blocks: BTreeMap<AccountId, Observation<PublicAccessBlock>>,
    /// Keys by ARN.
    pub keys: BTreeMap<String, Observation<Option<ObservedKey>>>,
    /// Keys with an alias that nobody names and that bear the mark of a manifest of the run, each with that manifest's name; by account, and by
    /// the ARN with the alias.
    pub marked_keys: BTreeMap<AccountId, Observation<BTreeMap<String, String>>>,
    /// Permission sets, where they were asked for.
    pub permission_sets: Option<Observation<ObservedSets>>,
    /// Calls made to read it, by account.
    pub calls: BTreeMap<AccountId, u64>,
    /// Whose credentials read it: ARNs by account.
    pub runners: BTreeMap<AccountId, String>,
}

/// IAM of one account. Names are keys in lower case: IAM's names are unique without regard to case.
#[derive(Debug, Clone, Default)]
pub struct AccountState {
    /// True when everything of the account is here; false when only single objects could be read: what is not in the
    /// manifest is then unknown.
    pub complete: bool,
    /// Why it is not complete.
    pub incomplete_because: Option<Unreadable>,
    /// Roles.
    pub roles: BTreeMap<String, ObservedRole>,
    /// Customer managed policies.
    pub policies: BTreeMap<String, ObservedPolicy>,
    /// Users.
    pub users: BTreeMap<String, ObservedUser>,
    /// Groups.
    pub groups: BTreeMap<String, ObservedGroup>,
    /// OpenID Connect providers by URL without scheme; unreadable is told apart from none.
    pub oidc_providers: BTreeMap<String, OidcState>,
    /// SAML providers by name; unreadable is told apart from none.
    pub saml_providers: BTreeMap<String, SamlState>,
    /// Its own quotas.
    pub granted: Granted,
    /// Single objects that could not be read, by address.
    pub unreadable: BTreeMap<Address, Unreadable>,
    /// Kinds of which what no manifest declares was looked for, and could not be read.
    pub unlisted: BTreeMap<Kind, Unreadable>,
}

/// A role and the facts about it that no change touches.
#[derive(Debug, Clone)]
pub struct ObservedRole {
    /// In IAM's spelling.
    pub name: String,
    /// `AROA…`.
    pub id: String,
    /// All of it.
    pub state: RoleState,
    /// Instance profiles it is in.
    pub instance_profiles: BTreeSet<String>,
}

/// A managed policy and its versions.
#[derive(Debug, Clone)]
pub struct ObservedPolicy {
    /// In IAM's spelling.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The default version and the tags.
    pub state: PolicyState,
    /// Ids of versions that are not the default, oldest first.
    pub old_versions: Vec<String>,
    /// Number and document of every version of a [caller policy](crate::ownership::caller_policy), oldest first: who wrote
    /// between our reading and our writing is found by them. Empty where they were not read.
    pub history: Vec<(u32, Document)>,
}

/// A user and what hangs on it.
#[derive(Debug, Clone)]
pub struct ObservedUser {
    /// In IAM's spelling.
    pub name: String,
    /// `AIDA…`.
    pub id: String,
    /// Path and tags.
    pub state: UserState,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Groups it is in.
    pub groups: BTreeSet<String>,
    /// ARNs of attached policies.
    pub attached: BTreeSet<String>,
    /// Inline policies by name; `None` where the document was not read.
    pub inline: BTreeMap<String, Option<Document>>,
}

/// A group and what hangs on it.
#[derive(Debug, Clone)]
pub struct ObservedGroup {
    /// In IAM's spelling.
    pub name: String,
    /// Path.
    pub state: GroupState,
    /// ARNs of attached policies.
    pub attached: BTreeSet<String>,
    /// Inline policies by name; `None` where the document was not read.
    pub inline: BTreeMap<String, Option<Document>>,
}

/// A bucket of the account it was expected in.
#[derive(Debug, Clone)]
pub struct ObservedBucket {
    /// Region and the settings that the manifest states.
    pub state: BucketState,
    /// Its policy.
    pub policy: Observation<BucketPolicyState>,
    /// What is put into it is encrypted with by default, where the settings do not say it; of a key that has no ARN, AWS's own one of the
    /// account is meant. `None`: nobody has asked.
    pub encryption: Option<Observation<Encryption>>,
    /// Why its tags, and so whose it is, are not known, where nothing declares it.
    pub owner_unread: Option<Unreadable>,
}

/// A key of the account that its ARN names.
#[derive(Debug, Clone)]
pub struct ObservedKey {
    /// Whether it can be used.
    pub state: KeyState,
    /// False for a key of AWS's own (`aws/s3`), whose policy nobody can change.
    pub customer: bool,
    /// Its policy.
    pub policy: Observation<KeyPolicyState>,
    /// Of one that is known by its alias: the rest of it.
    pub made: Option<ObservedMadeKey>,
}

/// What is read of a key that a manifest makes.
#[derive(Debug, Clone)]
pub struct ObservedMadeKey {
    /// Its ARN, with the id that AWS gave it.
    pub arn: String,
    /// It is for encryption, with material of KMS's own, as we make them.
    pub symmetric: bool,
    /// All of it.
    pub state: MadeKey,
    /// ARN of a key of ours that was made for this alias, where the alias stands for one without our mark.
    pub apart: Option<String>,
}

/// Permission sets of an instance of IAM Identity Center.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservedSets {
    /// By name; those that could not be read are told apart from none.
    pub sets: BTreeMap<String, Observation<ObservedSet>>,
    /// Why not all of them were looked at, but for those that are declared.
    pub unread: Option<Unreadable>,
}

/// A permission set.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedSet {
    /// Its ARN.
    pub arn: String,
    /// What it gives.
    pub state: SetState,
    /// The accounts in which it is.
    pub accounts: BTreeSet<AccountId>,
}

impl Observation<ObservedSets> {
    pub(crate) fn sets_mut(&mut self) -> impl Iterator<Item = &mut ObservedSet> {
        let sets = if let Self::Known(sets) = self { Some(&mut sets.sets) } else { None };
        sets.into_iter().flatten().filter_map(|(_, set)| if let Observation::Known(set) = set { Some(set) } else { None })
    }
}

/// Whether a key can be used (AWS KMS Developer Guide, "Key states of AWS KMS keys").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// It can.
    Enabled,
    /// It is switched off.
    Disabled,
    /// It is to be deleted.
    PendingDeletion,
    /// Any other, by AWS's name.
    Other(String),
}

impl KeyState {
    /// Tells whether KMS refuses to encrypt and decrypt with a key in this state, whatever policies say (AWS KMS Developer Guide, "Key states
    /// of AWS KMS keys").
    pub fn is_off(&self) -> bool {
        match self {
            Self::Enabled => false,
            Self::Disabled | Self::PendingDeletion => true,
            // One whose primary region moves is used all the while.
            Self::Other(state) => state != "Updating",
        }
    }
}

/// What to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// By account: the objects that are relied on, which per-object reads fall back to.
    pub accounts: BTreeMap<AccountId, BTreeSet<Address>>,
    /// Buckets by name.
    pub buckets: BTreeMap<String, BucketScope>,
    /// Keys by ARN, where the account may be called. One that is known by its alias is read with all of it.
    #[serde(default)]
    pub keys: BTreeSet<String>,
    /// Those of them that are made where they are not there: one that was begun and has not got its alias is looked for.
    #[serde(default)]
    pub keys_to_make: BTreeSet<String>,
    /// Regions in which manifests have buckets or keys, or had, by account: keys of ours that nothing names are looked for there, with
    /// `everything`. Without, that is done in the regions of keys that are known by their aliases alone, where little more is asked.
    #[serde(default)]
    pub key_regions: BTreeMap<AccountId, BTreeSet<String>>,
    /// Also read the policies of buckets, and of keys, that only live policies of ours name (for pruning).
    pub follow_owned: BTreeSet<String>,
    /// Accounts in which manifests have buckets, or had: what is left in one that only callers' policies name is looked for there.
    #[serde(default)]
    pub trusting: BTreeSet<AccountId>,
    /// The instance of IAM Identity Center whose permission sets are read, and those that are declared.
    #[serde(default)]
    pub permission_sets: Option<(IdentityCenter, BTreeSet<String>)>,
    /// Look also for what of ours nothing speaks of any more, one call a policy and a provider: whose those are is in their tags.
    #[serde(default)]
    pub everything: bool,
    /// Only whether objects are there: what costs further calls (settings, tags of policies) is left out.
    #[serde(default)]
    pub presence: bool,
}

/// What to read of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketScope {
    /// The account it should be in.
    pub account: AccountId,
    /// The region the manifest says, if it does.
    pub region: String,
    /// The settings that the manifest states; `None`s are not read.
    pub settings: Option<BucketState>,
    /// It is only looked at for what was left there: its policy counts where settings may not be read.
    #[serde(default)]
    pub left: bool,
    /// What it is encrypted with by default is read as well, where the settings do not state it: who may use its objects rests on that.
    #[serde(default)]
    pub encryption: bool,
    /// A statement that is wanted in its policy is public: what blocks of public access say of it counts, whatever is live.
    #[serde(default)]
    pub public: bool,
}

impl ObservedBucket {
    /// What it is encrypted with by default, as far as that is known.
    pub fn encryption(&self) -> Option<&Encryption> {
        self.state.encryption.as_ref().or_else(|| self.encryption.as_ref()?.known())
    }

    /// The key that it is encrypted with by default; empty of AWS's own, which has no ARN there.
    pub fn key(&self) -> Option<&str> {
        match self.encryption()? {
            Encryption::Kms { key, .. } => Some(key),
            Encryption::Aes256 => None,
        }
    }
}

impl Observed {
    /// Returns the current state of one object: `Ok(None)` when it is known to be absent.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn state(&self, address: &Address) -> Result<Option<ObjectState>, Unreadable> {
        if matches!(address.kind, Kind::Bucket | Kind::BucketPolicy) {
            return self.bucket_state(address);
        }
        if address.kind == Kind::PermissionSet {
            return self.set_state(address);
        }
        if matches!(address.kind, Kind::Key | Kind::KeyPolicy) {
            return self.key_state(address);
        }
        let account = match self.accounts.get(&address.account) {
            Some(Observation::Known(account)) => account,
            Some(Observation::Unreadable(why)) => return Err(why.clone()),
            None => return Err(Unreadable::not_tried(format_args!("account {}", address.account))),
        };
        if let Some(why) = account.unreadable.get(address) {
            return Err(why.clone());
        }
        let key = address.name.to_ascii_lowercase();
        Ok(match address.kind {
            Kind::Role => account.roles.get(&key).map(|r| ObjectState::Role(r.state.clone())),
            Kind::Policy => account.policies.get(&key).map(|p| ObjectState::Policy(p.state.clone())),
            Kind::User => account.users.get(&key).map(|u| ObjectState::User(u.state.clone())),
            Kind::Group => account.groups.get(&key).map(|g| ObjectState::Group(g.state.clone())),
            Kind::OidcProvider => account.oidc_providers.get(&address.name).map(|o| ObjectState::OidcProvider(o.clone())),
            Kind::SamlProvider => account.saml_providers.get(&address.name).map(|s| ObjectState::SamlProvider(s.clone())),
            Kind::Membership => account.membership(&address.name).map(ObjectState::Membership),
            Kind::Attachment => account.attachment(&address.name).map(ObjectState::Attachment),
            // What is live is the policy that it stands in.
            Kind::Caller | Kind::PermissionSet | Kind::Bucket | Kind::BucketPolicy | Kind::Key | Kind::KeyPolicy => None,
        })
    }

    fn set_state(&self, address: &Address) -> Result<Option<ObjectState>, Unreadable> {
        match &self.permission_sets {
            None => Err(Unreadable::not_tried("IAM Identity Center")),
            Some(Observation::Unreadable(why)) => Err(why.clone()),
            Some(Observation::Known(sets)) => match sets.sets.get(&address.name) {
                None => Ok(None),
                Some(Observation::Unreadable(why)) => Err(why.clone()),
                Some(Observation::Known(set)) => Ok(Some(ObjectState::PermissionSet(set.state.clone()))),
            },
        }
    }

    fn key_state(&self, address: &Address) -> Result<Option<ObjectState>, Unreadable> {
        let found = self.keys.iter().find(|(arn, _)| KeyRef::parse(arn).is_some_and(|key| key.account() == address.account && key.name() == address.name));
        match found.map(|(_, key)| key) {
            None => Err(Unreadable::not_tried(format_args!("key {}", address.name))),
            Some(Observation::Unreadable(why)) => Err(why.clone()),
            Some(Observation::Known(None)) => Ok(None),
            // One that is to be deleted is gone, but for the name that it has till then.
            Some(Observation::Known(Some(key))) if address.kind == Kind::Key => {
                let there = key.made.as_ref().filter(|_| key.state != KeyState::PendingDeletion);
                Ok(there.map(|made| ObjectState::Key(made.state.clone())))
            }
            Some(Observation::Known(Some(key))) => match &key.policy {
                Observation::Known(policy) => Ok(Some(ObjectState::KeyPolicy(policy.clone()))),
                Observation::Unreadable(why) => Err(why.clone()),
            },
        }
    }

    fn bucket_state(&self, address: &Address) -> Result<Option<ObjectState>, Unreadable> {
        match self.buckets.get(&address.name) {
            None => Err(Unreadable::not_tried(format_args!("bucket {}", address.name))),
            Some(Observation::Unreadable(why)) => Err(why.clone()),
            Some(Observation::Known(None)) => Ok(None),
            Some(Observation::Known(Some(bucket))) if address.kind == Kind::Bucket => Ok(Some(ObjectState::Bucket(bucket.state.clone()))),
            Some(Observation::Known(Some(bucket))) => match &bucket.policy {
                Observation::Known(policy) => Ok(Some(ObjectState::BucketPolicy(policy.clone()))),
                Observation::Unreadable(why) => Err(why.clone()),
            },
        }
    }
}

impl AccountState {
    fn membership(&self, name: &str) -> Option<MembershipState> {
        let (group, user) = name.split_once('/')?;
        let found = self.users.get(&user.to_ascii_lowercase())?;
        found.groups.iter().any(|g| g.eq_ignore_ascii_case(group)).then(|| MembershipState { group: group.to_owned(), user: user.to_owned() })
    }

    fn attachment(&self, name: &str) -> Option<AttachmentState> {
        let mut parts = name.splitn(3, '/');
        let (kind, principal, policy) = (parts.next()?, parts.next()?, parts.next()?);
        let key = principal.to_ascii_lowercase();
        let (kind, attached) = match kind {
            "role" => (PrincipalKind::Role, &self.roles.get(&key)?.state.attached),
            "user" => (PrincipalKind::User, &self.users.get(&key)?.attached),
            _ => (PrincipalKind::Group, &self.groups.get(&key)?.attached),
        };
        let arn = attached.iter().find(|arn| arn.rsplit('/').next() == Some(policy))?;
        Some(AttachmentState { principal: PrincipalRef { kind, name: principal.to_owned() }, policy_arn: arn.clone() })
    }
}
