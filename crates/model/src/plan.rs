//! What would change. A plan is plain data; [`Plan::is_empty`] and [`Plan::can_apply`] are the only definitions of "nothing
//! to do" and "may be carried out".

use std::collections::{BTreeMap, BTreeSet};

use crossrole_policy::{Dropped, Share};
use serde::{Deserialize, Serialize};

use crate::access::{AccessDelta, Lockout};
use crate::address::Address;
use crate::call::{Call, PrincipalRef};
use crate::desired::{AccountInfo, ByHand, ManifestRef};
use crate::facet::{Digest, Facet};
use crate::ids::{AccountId, Partition};
use crate::observed::Scope;
use crate::since::Beside;
use crate::state::ObjectState;
use crate::withheld::{Subject, Withheld};

/// What happens to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Before: nothing. After: the object.
    Create,
    /// The object on both sides.
    Update,
    /// The object on both sides, but it is deleted and made anew.
    Replace,
    /// Before: the object. After: nothing.
    Delete,
}

/// Completes "because …"; for people, never branched on when applying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is declared and does not exist.
    Missing,
    /// It is ours and no manifest of this run declares it any more.
    NotInManifest,
    /// Everything of the manifest is being destroyed.
    Destroy,
    /// This part differs.
    Differs(Part),
    /// Somebody else put this policy on a role that is declared whole.
    ForeignPolicy(String),
    /// A principal that no longer exists is left in the document under its unique id.
    OrphanedPrincipal(String),
    /// This immutable part differs, so the object is deleted and made anew.
    Immutable(Part),
    /// The manifest says to take it over.
    Adopted,
    /// The manifests say otherwise than those of another commit, which it was compared with.
    SinceBase,
    /// It differs, and is withheld: only drift is told so.
    Withheld,
}

/// A part of an object, as people name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Path of a role or policy.
    Path,
    /// Trust policy.
    Trust,
    /// Description.
    Description,
    /// Longest session.
    LongestSession,
    /// Permissions boundary.
    Boundary,
    /// The inline policy of this name.
    Inline(String),
    /// The attached policy of this ARN.
    Attached(String),
    /// Tags.
    Tags,
    /// Document of a managed policy.
    Document,
    /// Our statements in a bucket's policy.
    Statements,
    /// Audiences of a provider.
    Audiences,
    /// Metadata of a SAML provider.
    Metadata,
    /// Whether a permission set's roles have got it.
    Provisioned,
    /// Alias of a key.
    Alias,
    /// How often a key is rotated.
    Rotation,
    /// Versioning of a bucket.
    Versioning,
    /// Encryption of a bucket.
    Encryption,
    /// Public access block of a bucket.
    PublicAccessBlock,
    /// Object ownership of a bucket.
    ObjectOwnership,
    /// Access logging of a bucket.
    Logging,
}

/// What else happens because of a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consequence {
    /// Running sessions of this role end.
    SessionsEnd,
    /// Policies elsewhere that name the role by its old ARN, or trust this unique id, lose it.
    OldNameLost(String),
    /// This instance profile is left without a role.
    ProfileEmptied(String),
    /// The oldest version of a policy goes to make room.
    VersionDeleted {
        /// Which.
        version: String,
        /// How many there are.
        of: usize,
    },
    /// This principal loses the policy.
    Loses(PrincipalRef),
    /// This inline policy, which somebody else put on a user or group, is deleted with it.
    InlineGoes(String),
    /// This managed policy, which somebody else attached to a user or group, is taken off it.
    Detaches(String),
    /// The user is no longer in this group of somebody else's.
    LeavesGroup(String),
    /// Keys, passwords and devices that others gave a user have to go first.
    CredentialsFirst,
    /// This user is no longer in the group.
    MemberLeaves(String),
    /// Every role that trusts the provider can't be assumed through it any more.
    ProviderTrustLost,
    /// A bucket with objects in it is not deleted.
    ObjectsStay,
    /// Objects that this key encrypted stay under it: whoever reads them needs that key, too.
    OldKeyNeeded(String),
    /// Everything that the permission set gives goes to its roles in these accounts, what others have changed in it as well.
    Provisions(BTreeSet<AccountId>),
    /// The key is deleted after so many days, and what it encrypted can't be read from the start.
    KeyGoes(u32),
    /// The foreign statement of this Sid goes with the bucket.
    StatementGoes(String),
    /// A foreign statement loses principals that no longer exist.
    Dropped(Dropped),
}

/// One object: before, after, why. For people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which object.
    pub address: Address,
    /// What happens to it.
    pub action: Action,
    /// As read; `None` when it is made.
    pub before: Option<ObjectState>,
    /// As it will be; `None` when it is deleted.
    pub after: Option<ObjectState>,
    /// Why, never empty.
    pub reasons: Vec<Reason>,
    /// What else happens because of it, named before it happens.
    pub consequences: Vec<Consequence>,
    /// The manifest that asks for it.
    pub manifest: String,
}

/// Index into [`Plan::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepId(pub usize);

/// Exactly one AWS call, finished: nothing is left to decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Index of the change it belongs to.
    pub change: usize,
    /// The account whose credentials make the call.
    pub account: AccountId,
    /// The call.
    pub call: Call,
    /// Steps that must be done before.
    pub needs: Vec<StepId>,
    /// The part of the object that it writes.
    pub facet: Facet,
    /// Digest of that part that it expects to find.
    pub before: Digest,
    /// Digest of that part that it leaves.
    pub after: Digest,
    /// What the call names, or is put on, that this plan makes: "not found" may mean that it is not visible yet.
    pub awaits: BTreeSet<Address>,
    /// For a document that belongs to many: our part of it, which is put into what is there when it is written. The call
    /// holds the whole as it was planned.
    pub share: Option<Share>,
}

/// A part of what a saved plan records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// The manifests, and what was asked for.
    Manifests,
    /// The accounts, and what is read in them.
    Accounts,
    /// The changes as people read them.
    Changes,
    /// The calls.
    Steps,
    /// What is withheld, and what else is said.
    Withheld,
    /// Who gains and who loses.
    Access,
}

/// How a plan that was reviewed is not what would be planned now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "difference")]
pub enum Difference {
    /// This part of a live object has changed since the review.
    Moved {
        /// The object.
        address: Address,
        /// The part.
        facet: Facet,
    },
    /// The reviewed plan makes something else of this part than the manifests say.
    Altered {
        /// The object.
        address: Address,
        /// The part.
        facet: Facet,
    },
    /// This call is needed now, and was not reviewed.
    New {
        /// The object.
        address: Address,
        /// The call.
        operation: String,
    },
    /// This call was reviewed, and is neither done nor planned now.
    NotPlanned {
        /// The object.
        address: Address,
        /// The call.
        operation: String,
    },
    /// A call of the reviewed plan belongs to no object.
    Unknown {
        /// The call.
        operation: String,
    },
    /// It was made of other manifests, or the other way round.
    Manifests,
    /// It is the same plan, and says this otherwise.
    Recorded {
        /// What.
        record: Record,
    },
    /// More access would be gained than was reviewed.
    Access {
        /// So many lines of the Access section.
        more: usize,
    },
}

impl Difference {
    /// The object that it is about, if it is about one.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Moved { address, .. } | Self::Altered { address, .. } | Self::New { address, .. } | Self::NotPlanned { address, .. } => Some(address),
            Self::Unknown { .. } | Self::Manifests | Self::Recorded { .. } | Self::Access { .. } => None,
        }
    }
}

/// Something close to its quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// `role X, trust policy`.
    pub what: String,
    /// Characters, bytes or objects after the plan.
    pub used: usize,
    /// The quota.
    pub limit: usize,
}

/// A plan: changes for people, steps for machines, and what is neither.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// When it was saved, in seconds since 1970; 0: it was not.
    #[serde(default)]
    pub saved_at: i64,
    /// The manifests it was made from.
    pub manifests: Vec<ManifestRef>,
    /// Every account of the run.
    pub accounts: BTreeMap<AccountId, AccountInfo>,
    /// The partition all accounts lie in.
    pub partition: Partition,
    /// What was read for it, and is read again after it.
    pub scope: Scope,
    /// It takes back what the manifests own; what they declare is not what will be.
    #[serde(default)]
    pub destroy: bool,
    /// Only these objects were asked for; empty: all.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Keys that were told to be deleted, by their aliases.
    #[serde(default)]
    pub destroy_keys: BTreeSet<String>,
    /// Names that manifests had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed: Vec<Renamed>,
    /// Keys that are known by their aliases, and what AWS calls them, where they exist.
    #[serde(default)]
    pub made_keys: BTreeMap<String, Option<String>>,
    /// Changes, sorted by address.
    pub changes: Vec<Change>,
    /// Steps, each after those it needs.
    pub steps: Vec<Step>,
    /// What could not be planned.
    pub withheld: Vec<Withheld>,
    /// What is close to its quota.
    pub meters: Vec<Meter>,
    /// What people have to write where nothing is written from here.
    #[serde(default)]
    pub by_hand: Vec<ByHand>,
    /// Keys whose policies leave what we grant to the policies of their accounts, so that no statement is written.
    #[serde(default)]
    pub left_to_iam: BTreeSet<Address>,
    /// Who gains and who loses; `None` when nobody has asked.
    #[serde(default)]
    pub access: Option<AccessDelta>,
    /// Control policies that the answer on access rests on, by file as it was named, and the accounts that each binds.
    #[serde(default)]
    pub control_policies: BTreeMap<String, BTreeSet<AccountId>>,
    /// What it was held to when it was saved, and is when it is carried out.
    #[serde(default)]
    pub held_to: HeldTo,
    /// What the runner could not do any more after it, and so not take it back.
    #[serde(default)]
    pub lockouts: Vec<Lockout>,
    /// Calls made to read, by account.
    pub calls: BTreeMap<AccountId, u64>,
    /// What else it was made from, where it is saved.
    #[serde(default)]
    pub rests_on: RestsOn,
    /// What the comment on it is found by, where it is saved: what carries it out writes into the same.
    #[serde(default)]
    pub comment_key: String,
}

/// A name that a manifest had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    /// The name that it has.
    pub manifest: String,
    /// The one that it had.
    pub from: String,
    /// What bears that.
    pub borne: Borne,
}

/// Whether anything bears a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Borne {
    /// Something live does.
    Live,
    /// Nothing that was looked at does.
    Gone,
    /// Nothing that could be read does, and not everything could.
    Unknown,
}

/// What a plan was held to when it was made. It asks for more, and never for less: what is asked for where it is carried out holds as well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTo {
    /// Which widenings need an approval, each as `--deny-widening` was given.
    pub deny_widening: Vec<String>,
    /// What needs one besides, and only the plan beside another commit tells.
    pub beside: Beside,
}

/// What a plan was made from besides its manifests: of each, what tells it from another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestsOn {
    /// The commit that was checked out, where the manifests are in a git repository.
    pub commit: Option<String>,
    /// Settings, the directory of accounts and control policies, by file as it was named.
    pub files: BTreeMap<String, Digest>,
    /// Every object that is declared, relied on or changed, part by part as it was live: none where it was not there. Those that could not be
    /// read are left out.
    pub objects: BTreeMap<String, Parts>,
}

/// The parts of a live object, each with a digest of what it was.
pub type Parts = Vec<(LivePart, Digest)>;

/// A part of a live object, whether or not any plan writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LivePart {
    /// One that a step may write.
    Facet(Facet),
    /// Of a group: that this user is in it.
    Member(String),
    /// Of a user: that it is in this group.
    MemberOf(String),
    /// Of a document that belongs to many: the statements with this Sid; empty: those without one.
    Statement(String),
    /// Whether a key can be used.
    KeyState,
}

/// What has become of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// It was not there.
    Came,
    /// It is not there any more.
    Went,
    /// It is another.
    Changed,
}

/// A part of a live object that is not as it was when the plan was reviewed, and that the plan itself has not made so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Turned {
    /// The object, as its address is written.
    pub object: String,
    /// The part.
    pub part: LivePart,
    /// What has become of it.
    pub became: Became,
}

impl RestsOn {
    /// Files that are otherwise than in `self`, by name.
    pub fn other_files<'a>(&'a self, now: &'a Self) -> Vec<&'a str> {
        // No `..`: a new field stops the build until someone decides. Another commit with the same files is the same.
        let Self { commit: _, files, objects: _ } = self;
        let names: BTreeSet<&String> = files.keys().chain(now.files.keys()).collect();
        names.into_iter().filter(|name| files.get(*name) != now.files.get(*name)).map(String::as_str).collect()
    }

    /// Parts of objects that are otherwise than in `self`. Of an object that could not be read on one of the sides, nobody knows.
    pub fn turned(&self, now: &Self) -> Vec<Turned> {
        let of = |parts: &Parts| parts.iter().cloned().collect::<BTreeMap<LivePart, Digest>>();
        let both = self.objects.iter().filter_map(|(name, then)| Some((name, of(then), of(now.objects.get(name)?))));
        let all = both.flat_map(|(name, then, now)| {
            let parts: BTreeSet<LivePart> = then.keys().chain(now.keys()).cloned().collect();
            let turned = parts.into_iter().filter_map(move |part| {
                let became = match (then.get(&part), now.get(&part)) {
                    (None, Some(_)) => Became::Came,
                    (Some(_), None) => Became::Went,
                    (Some(then), Some(now)) if then != now => Became::Changed,
                    _ => return None,
                };
                Some((part, became))
            });
            turned.map(|(part, became)| Turned { object: name.clone(), part, became })
        });
        all.collect()
    }
}

impl Plan {
    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Tells whether it may be carried out: there is something to do, and it reaches what was asked for, or `partial` says
    /// that the rest of it is wanted too.
    pub fn can_apply(&self, partial: bool) -> bool {
        !self.is_empty() && (partial || !self.is_blocked())
    }

    /// Tells whether an object, or a part of it, is withheld: that the plan does not change it says nothing of what is wanted then.
    pub fn withholds(&self, address: &Address) -> bool {
        self.withheld.iter().any(|withheld| match &withheld.subject {
            Subject::Object(of) | Subject::Part(of) | Subject::Description(of) => of == address,
            Subject::Account { account, .. } | Subject::Pruning { account, .. } => *account == address.account,
            // Those of the caller's side have no tags, and are known by their path.
            Subject::PruningOf { account, kind, .. } => {
                *account == address.account && *kind == address.kind && crate::ownership::caller_part(&address.name).is_none()
            }
            Subject::Quotas(_) | Subject::PermissionSets(_) | Subject::Target(_) | Subject::Key(_) | Subject::Untargeted(_) => false,
        })
    }

    /// What was asked for and is withheld: the plan does not reach it.
    pub fn blocking(&self) -> impl Iterator<Item = &Withheld> {
        self.withheld.iter().filter(|w| w.blocks)
    }

    /// Tells whether something that was asked for is withheld.
    pub fn is_blocked(&self) -> bool {
        self.blocking().next().is_some()
    }

    /// Returns how many changes have this action.
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|c| c.action == action).count()
    }
}
