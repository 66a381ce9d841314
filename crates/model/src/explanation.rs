//! One decision, and why: facts, of which the report makes sentences.

use std::collections::BTreeMap;

use crossrole_policy::Effect;
use serde::{Deserialize, Serialize};

use crate::access::{Decision, Party, Relation};
use crate::observed::KeyState;

/// A kind of policy that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Layer {
    /// Identity-based policies of the caller.
    #[serde(rename = "identity-based policy")]
    Identity,
    /// The resource's policy.
    #[serde(rename = "resource-based policy")]
    Resource,
    /// The caller's permissions boundary.
    #[serde(rename = "permissions boundary")]
    Boundary,
    /// The session's policies.
    #[serde(rename = "session policy")]
    Session,
    /// Service control policies.
    #[serde(rename = "service control policy")]
    ServiceControl,
    /// Resource control policies.
    #[serde(rename = "resource control policy")]
    ResourceControl,
    /// Block public access of the bucket.
    #[serde(rename = "block public access setting")]
    PublicAccessBlock,
}

impl Layer {
    /// Returns AWS's own name for it in access denied messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Resource => "resource-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
            Self::PublicAccessBlock => "block public access setting",
        }
    }
}

/// What a statement lacked to apply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "lacks")]
pub enum Lack {
    /// It names other principals.
    Principal,
    /// It is about other actions.
    Action {
        /// The statement's.
        wanted: Vec<String>,
        /// It is about all but those.
        negated: bool,
    },
    /// It is about other resources.
    Resource {
        /// The statement's.
        wanted: Vec<String>,
        /// It is about all but those.
        negated: bool,
    },
    /// One of its conditions does not hold.
    Condition {
        /// `StringEquals`.
        operator: String,
        /// `sts:ExternalId`, as its author wrote it.
        key: String,
        /// What the operator asks; `None` where there is no such operator.
        relation: Option<Relation>,
        /// The statement's values.
        wanted: Vec<String>,
        /// The request's; `None` when the key is missing.
        actual: Option<Vec<String>>,
    },
}

/// Which statement of which document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StatementRef {
    /// The document: `inline policy crossrole of role Reader`.
    pub place: String,
    /// Number of the statement in it, from one.
    pub number: usize,
    /// Its id, or empty.
    pub sid: String,
}

/// One statement and what it did to a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// The kind of policy that it stands in.
    pub layer: Layer,
    /// Which.
    #[serde(flatten)]
    pub statement: StatementRef,
    /// Allow or Deny.
    pub effect: Effect,
    /// Empty when it applied.
    pub lacks: Vec<Lack>,
    /// Of a Deny that applies: its conditions, and what the request has.
    #[serde(skip)]
    pub met: Vec<Lack>,
}

impl Reason {
    /// Tells whether it applied, with this effect.
    pub fn applies(&self, effect: Effect) -> bool {
        self.effect == effect && self.lacks.is_empty()
    }
}

/// Why a request is decided so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "because")]
pub enum Because {
    /// An account's root user needs nobody's permission.
    Root,
    /// Nobody needs permission for it.
    Free,
    /// These allow it.
    Allowed {
        /// All that applied.
        by: Vec<StatementRef>,
    },
    /// This denies it.
    Denied {
        /// The statement.
        by: StatementRef,
    },
    /// The bucket's policy is public, and its block public access keeps other accounts out.
    PublicAccessBlock,
    /// This would allow it, but for what it lacks.
    Nearly {
        /// The nearest statement.
        statement: StatementRef,
        /// What it lacks.
        lacks: Vec<Lack>,
    },
    /// No policy of this kind allows it.
    NoneOf {
        /// The kind.
        layer: Layer,
    },
    /// AWS lets nobody do it, whatever policies say.
    Never {
        /// Which rule.
        why: Never,
    },
    /// Nothing allows it.
    Nothing,
    /// Policies allow it, and nobody can use the key in the state that it is in.
    KeyState {
        /// Which.
        state: KeyState,
    },
}

/// What AWS lets nobody do, whatever policies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Never {
    /// It is for callers of the account that the bucket or key is of.
    OtherAccount,
    /// A root user assumes no role.
    RootAssumes,
    /// A session from GetFederationToken calls no operation of STS but GetCallerIdentity.
    FederatedUser,
    /// A session gets no sessions by GetSessionToken or GetFederationToken.
    OfSession,
    /// The service takes no requests that are not signed.
    Unsigned,
}

/// One part of the smallest change that would make it a yes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "fix")]
pub enum Fix {
    /// No policy can allow it.
    None,
    /// Except the request from a Deny.
    Except {
        /// The statement.
        statement: StatementRef,
        /// Keys of which nothing is known, and that the Deny asks for: a request that brings them may be none that it is about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        open: Vec<String>,
    },
    /// Have the key switched on again.
    Key {
        /// The state that it is in.
        state: KeyState,
    },
    /// Let no statement of the bucket's policy name everybody.
    NotPublic,
    /// Let the role's trust policy name the caller.
    Trust,
    /// Let a policy of this kind allow it.
    Allow {
        /// The kind.
        layer: Layer,
    },
    /// Bring what a statement's resources are made of.
    Bring {
        /// The statement.
        statement: StatementRef,
        /// The keys of its variables of which nothing is known.
        keys: Vec<String>,
    },
    /// Give a statement what it lacks.
    Complete {
        /// The statement.
        statement: StatementRef,
        /// What it lacks.
        lack: Lack,
    },
}

/// What was taken for granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "assumed")]
pub enum Assumption {
    /// The account of the resource is not known, and taken to be the caller's own.
    OwnAccount,
    /// The resource's policy is not known, and taken to say nothing.
    ResourcePolicy,
    /// The key's policy is not known, and taken to let its account's policies decide. (A key policy decides first: AWS KMS
    /// Developer Guide, "Key policies in AWS KMS".)
    KeyPolicy,
    /// What this bucket is encrypted with was not read, and no key is asked for.
    Encryption {
        /// Its name.
        bucket: String,
    },
    /// The bucket's policy is public, and neither its own block of public access nor its account's, which were not read, restricts it.
    NoBlock {
        /// The name of the bucket.
        bucket: String,
    },
    /// The object is encrypted as its bucket says, and with nothing else: an upload may name something else, and what lies there stays
    /// under what it was written with (S3 User Guide, "Setting default server-side encryption behavior for Amazon S3 buckets").
    AsItsBucket {
        /// ARN of the bucket's key.
        key: String,
    },
    /// No grant of the key lets it: they are not read (AWS KMS Developer Guide, "Grants in AWS KMS").
    NoGrant,
    /// The caller's own policies let it.
    OwnPolicies,
    /// The caller's own policies are not known, and taken to let it.
    UnknownPolicies,
    /// These policies of the caller were not read, and what they say is not counted.
    Unread {
        /// Their names or ARNs.
        policies: Vec<String>,
    },
    /// The answer rests on what statements ask for by these keys, of which nothing is known: the request is taken to have none.
    NotGiven {
        /// As the statements write them.
        keys: Vec<String>,
    },
    /// A federated user's session is of the user of that name, which its name does not tell: whoever calls GetFederationToken chooses it.
    OfUserOfItsName,
    /// Tags of a bucket decide nothing, whatever they are: they do where ABAC is on (S3 User Guide, "Using tags for attribute-based access
    /// control (ABAC)"), which is not read.
    BucketTags {
        /// The bucket.
        bucket: String,
        /// Its tags, where they are known.
        tags: BTreeMap<String, String>,
    },
    /// The session has the tags of its role, and brings none of its own in their place.
    RoleTags {
        /// The keys of conditions that ask for them.
        keys: Vec<String>,
    },
}

/// One decision, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Who.
    pub party: Party,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// AWS's answer.
    pub decision: Decision,
    /// The kind of policy that denied, or did not allow.
    pub layer: Option<Layer>,
    /// The true reason.
    pub because: Because,
    /// For a no: the smallest changes that, all together, would make it a yes.
    pub fixes: Vec<Fix>,
    /// For a no: the fewest kinds of policies that would have to allow it and do not.
    pub needs: Vec<Layer>,
    /// Statements that applied, and those that nearly did.
    pub reasons: Vec<Reason>,
    /// What was taken for granted.
    pub assumed: Vec<Assumption>,
}

impl Explanation {
    /// Tells whether the answer is yes.
    pub fn is_allowed(&self) -> bool {
        self.decision == Decision::Allowed
    }
}
