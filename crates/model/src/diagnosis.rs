//! Why a call was refused, and what helps: facts, of which the report makes sentences.

use std::collections::BTreeMap;

use crossrole_policy::Conditions;
use serde::{Deserialize, Serialize};

use crate::access::{AccessDelta, Lack, Layer, StatementRef};
use crate::address::Address;
use crate::ids::AccountId;
use crate::observed::Unreadable;

/// A refusal as AWS, or whatever stands before it, has told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// The error's code: `AccessDenied`; empty where none was found.
    pub code: String,
    /// The operation: `AssumeRole`.
    pub operation: Option<String>,
    /// ARN of who asked.
    pub principal: Option<String>,
    /// `s3:GetObject`.
    pub action: Option<String>,
    /// An ARN.
    pub resource: Option<String>,
    /// The kind of policy that the refusal names.
    pub reason: Option<DeniedReason>,
    /// ARN of the policy that it names.
    pub policy: Option<String>,
    /// What is wrong before any policy is asked.
    pub cause: Option<Cause>,
    /// The region that was asked for, or that the bucket is in, as the error tells.
    pub region: Option<String>,
    /// The message for `sts:DecodeAuthorizationMessage`.
    pub encoded: Option<String>,
    /// What the request brought, where it is told whole: an event of CloudTrail, or a decoded message.
    pub brought: Option<Brought>,
    /// Of a call that S3 made of KMS: the action that S3 was asked for.
    pub through: Option<String>,
    /// The object that was asked for, where the resource is another one or is not told: an ARN.
    pub object: Option<String>,
}

/// What a request brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// Condition keys with their values.
    pub context: BTreeMap<String, Vec<String>>,
    /// Seconds that a session was asked for.
    pub duration: Option<u32>,
    /// It was to have session tags.
    pub session_tags: bool,
    /// It was to have a source identity.
    pub source_identity: bool,
    /// It came with a session policy.
    pub session_policy: bool,
    /// The object that was to be copied: an ARN.
    pub copies: Option<String>,
}

/// The kind of policy that a refusal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeniedReason {
    /// The kind; `None` for kinds that are not evaluated here, and where KMS does not tell.
    pub layer: Option<Layer>,
    /// A Deny, and not the lack of an Allow; `None` where it is not told.
    pub explicit: Option<bool>,
    /// A policy of a VPC endpoint.
    pub endpoint: bool,
}

/// Why a call does not work. The order is that in which they are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The host's name does not resolve.
    Unresolved,
    /// A proxy refuses, or asks who calls.
    Proxy,
    /// The host's certificate is not trusted.
    Certificate,
    /// Nothing answers there.
    Unreachable,
    /// The profile that was named does not exist.
    ProfileMissing,
    /// No credentials were found, or none were sent.
    NoCredentials,
    /// The clock of whoever called is wrong.
    ClockSkew,
    /// A presigned URL has come to its end, or was not valid yet.
    LinkExpired,
    /// The credentials have come to their end.
    ExpiredCredentials,
    /// The access key is not known: deleted, inactive, of another partition, or of a session whose role was deleted.
    UnknownCredentials,
    /// The secret does not belong to the key.
    WrongSecret,
    /// The permission set is not assigned to who has signed in.
    NotAssigned,
    /// The code of the second factor, or its device, is not taken.
    MfaRefused,
    /// No region is named.
    RegionMissing,
    /// The region is switched off for the account.
    RegionDisabled,
    /// The region is another one.
    WrongRegion,
    /// The request was throttled: it was not decided at all.
    Throttled,
    /// The service failed: it was not decided at all.
    ServiceFailed,
    /// The request was wrong by itself: it was not decided at all.
    RequestInvalid,
    /// A policy that the request brought is none that AWS takes.
    PolicyMalformed,
    /// The token of an identity provider is not taken.
    TokenNotTaken,
    /// Access was taken back, as manifests or marks on live objects say.
    Revoked,
    /// The principal does not exist.
    CallerMissing,
    /// The root user assumes no role.
    RootAssumes,
    /// The role does not exist in that account.
    RoleMissing,
    /// A role of this name exists in another account.
    RoleInOtherAccount,
    /// The role exists under another path.
    RoleUnderOtherPath,
    /// The bucket does not exist.
    BucketMissing,
    /// The object does not exist.
    ObjectMissing,
    /// AWS itself keeps everybody out of it.
    AccessDisabled,
    /// The object is archived, and has to be restored before it is read.
    ObjectArchived,
    /// Nobody but principals of the bucket's own account may ask for it, whatever policies say.
    OwnersOnly,
    /// A Deny of a service control policy.
    ServiceControlDenies,
    /// A Deny of a resource control policy.
    ResourceControlDenies,
    /// A Deny of the trust policy.
    TrustDenies,
    /// A Deny of the bucket policy.
    BucketPolicyDenies,
    /// A Deny of the key's policy.
    KeyPolicyDenies,
    /// A Deny of the caller's own policies.
    IdentityDenies,
    /// A Deny of sessions that were made before an instant: they were revoked.
    SessionRevoked,
    /// A Deny of the permissions boundary.
    BoundaryDenies,
    /// A Deny of the session policy.
    SessionPolicyDenies,
    /// The bucket's policy is public, and block public access keeps other accounts out.
    PublicRestricted,
    /// A public policy is not taken.
    PublicPolicyBlocked,
    /// A public ACL is not taken.
    PublicAclBlocked,
    /// The trust policy names a principal that was deleted, by its unique id.
    TrustNamesDeleted,
    /// The bucket policy names a principal that was deleted.
    BucketPolicyNamesDeleted,
    /// The key's policy names a principal that was deleted.
    KeyPolicyNamesDeleted,
    /// The trust policy does not let the caller in.
    TrustLacks,
    /// The trust policy does not let sessions have tags.
    TagsNotTrusted,
    /// The trust policy does not let sessions have a source identity.
    SourceIdentityNotTrusted,
    /// The bucket policy does not let the caller.
    BucketPolicyLacks,
    /// The key's policy does not let the caller.
    KeyPolicyLacks,
    /// The external id is missing.
    ExternalIdMissing,
    /// The external id is another one.
    ExternalIdWrong,
    /// The second factor is missing.
    MfaMissing,
    /// The second factor was given too long ago.
    MfaTooOld,
    /// The grant has not begun.
    NotYet,
    /// The grant is over.
    Over,
    /// The address is none of those that are let in.
    SourceAddress,
    /// The network, or its endpoint, is none of those that are let in.
    SourceNetwork,
    /// The request did not come by TLS.
    InsecureTransport,
    /// Another condition does not hold.
    OtherCondition,
    /// The user is not in the group that may.
    NotInGroup,
    /// The caller's own policies do not let it.
    IdentityLacks,
    /// The caller's own policies do not let it use the key.
    KeyIdentityLacks,
    /// The permissions boundary does not let it.
    BoundaryLacks,
    /// The session policy does not let it.
    SessionPolicyLacks,
    /// No service control policy lets it.
    ServiceControlLacks,
    /// The policy of a VPC endpoint does not let it.
    EndpointPolicy,
    /// The longest session of the role is shorter.
    SessionTooLong,
    /// A role that is assumed from a role lasts an hour at most.
    ChainedTooLong,
    /// The key does not exist.
    KeyMissing,
    /// The key is switched off.
    KeyDisabled,
    /// The key is to be deleted.
    KeyPendingDeletion,
    /// The object belongs to whoever wrote it, and not to the bucket's owner.
    ObjectOwner,
    /// The bucket takes no objects with keys of the customer.
    EncryptionBlocked,
    /// A Deny of a policy that AWS does not name.
    DeniedSomewhere,
    /// No policy can allow it.
    Impossible,
}

/// A cause that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCause {
    /// Which.
    pub cause: Cause,
    /// At which call of several, from 0: each role on the way is one.
    pub hop: usize,
    /// Who asks there.
    pub principal: String,
    /// What.
    pub action: String,
    /// Of what.
    pub resource: String,
    /// The statement that stands in the way, or would allow it but for what it lacks.
    pub statement: Option<StatementRef>,
    /// What that lacks.
    pub lack: Option<Lack>,
    /// The statement is a Deny, which a request with what `lack` names would not meet.
    pub denies: bool,
    /// AWS's own text says so; it was not derived from what was read.
    pub told: bool,
    /// What says that access was taken back, where that is the cause.
    pub revoked: Option<RevokedBy>,
}

/// That access was taken back, and what says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedBy {
    /// When, as policies write an instant; empty where that can't be read.
    pub since: String,
    /// What says so.
    #[serde(flatten)]
    pub mark: RevokedMark,
}

/// What says that access was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum RevokedMark {
    /// An entry of a manifest.
    Entry {
        /// The manifest's file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// Whose access: an ARN, an account's id, or a permission set as `ACCOUNT/permission-set/NAME`.
        whose: String,
    },
    /// The tag of a role, of which no manifest of the run knows.
    Tag {
        /// ARN of the role.
        role: String,
    },
    /// A Deny of ours in the policy of a bucket or key, of which no manifest of the run knows.
    Statement {
        /// ARN of the bucket or key.
        resource: String,
    },
    /// A Deny of sessions that began before.
    Sessions,
}

/// What is looked at. The order is that of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checked {
    /// The way there, and the credentials.
    Credentials,
    /// The principal exists.
    Caller,
    /// The role exists in that account.
    Role,
    /// The bucket exists.
    Bucket,
    /// The region.
    Region,
    /// The trust policy names the caller.
    Trust,
    /// The bucket policy.
    BucketPolicy,
    /// The key's policy.
    KeyPolicy,
    /// The external id.
    ExternalId,
    /// The second factor.
    SecondFactor,
    /// Dates.
    Window,
    /// Addresses and networks.
    Source,
    /// Other conditions.
    OtherConditions,
    /// The caller's own policies.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// The session policy.
    SessionPolicy,
    /// Service and resource control policies.
    Controls,
    /// The longest session.
    Duration,
    /// A session of a session.
    Chaining,
    /// Block public access of the bucket.
    PublicAccessBlock,
    /// Block public access of the account.
    AccountBlock,
    /// Who owns objects.
    Ownership,
    /// The key can be used.
    Key,
    /// Policies of VPC endpoints.
    Endpoint,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// It is as it has to be.
    Holds,
    /// It is not.
    Fails {
        /// Why.
        causes: Vec<Cause>,
    },
    /// It was not read, or can't be.
    Unknown {
        /// Why.
        why: NotKnown,
    },
    /// Nothing asks for it.
    NotAsked,
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "unknown")]
pub enum NotKnown {
    /// It could not be read.
    Unreadable {
        /// The error.
        error: Unreadable,
    },
    /// Nobody manages this account here: it is never called.
    NotManaged {
        /// The account.
        account: String,
    },
    /// These policies were not read.
    Policies {
        /// Names or ARNs.
        policies: Vec<String>,
    },
    /// The request does not say.
    NotSaid,
    /// It is never read.
    NeverRead,
}

/// One condition of a call, with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// At which call.
    pub hop: usize,
    /// What.
    pub what: Checked,
    /// What came out.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// A call, as it was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallAsked {
    /// Who.
    pub principal: String,
    /// What.
    pub action: String,
    /// Of what.
    pub resource: String,
}

/// How a manifest says something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// A text.
    Text(String),
    /// Texts.
    List(Vec<String>),
    /// `true`.
    Yes,
    /// An instant, without quotes.
    Instant(String),
    /// Principals by kind.
    Principals(BTreeMap<String, Vec<String>>),
    /// Operator, key, values.
    Conditions(Conditions),
}

/// A change of a manifest's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// The file.
    pub file: String,
    /// Keys of the table, from the top. A key of KMS is found by its ARN in the place of its label.
    pub at: Vec<String>,
    /// A table of a list there, counted from 0.
    pub entry: Option<(String, usize)>,
    /// What.
    pub change: Amend,
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amend {
    /// A list of tables gets one more.
    Append {
        /// Its key.
        list: String,
        /// What the new one says.
        words: Vec<(String, Word)>,
        /// The one whose limits it has, too.
        like: Option<usize>,
    },
    /// A key that is there gets another value; one that is not there comes only where it may.
    Put {
        /// The key.
        key: String,
        /// The value.
        word: Word,
        /// Only where it is there.
        there: bool,
    },
    /// A list gets one more text.
    Add {
        /// Its key.
        key: String,
        /// The text.
        text: String,
        /// Only where it is there.
        there: bool,
    },
    /// A list of tables loses one, counted from 0 in the text as it was before any change.
    Remove {
        /// Its key.
        list: String,
        /// Which.
        index: usize,
    },
}

/// A part of a fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum FixStep {
    /// Somebody runs this in an account whose object is not ours.
    Command {
        /// The account.
        account: AccountId,
        /// The words of the AWS CLI.
        argv: Vec<String>,
    },
    /// A manifest says more.
    Manifest {
        /// The file.
        file: String,
        /// What changes.
        amendments: Vec<Amendment>,
        /// Its text.
        before: String,
        /// Its text then.
        after: String,
    },
    /// The manifests are applied.
    Apply {
        /// These objects.
        targets: Vec<Address>,
        /// Files.
        files: Vec<String>,
    },
    /// The call is made otherwise.
    Request {
        /// What of it.
        changes: Vec<RequestChange>,
        /// The call, where it can be written as the AWS CLI has it.
        argv: Vec<String>,
    },
}

/// How a call has to be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "request")]
pub enum RequestChange {
    /// With this external id.
    ExternalId {
        /// It.
        id: String,
    },
    /// With a second factor.
    Mfa,
    /// For so many seconds.
    Duration {
        /// Seconds.
        seconds: u32,
    },
    /// In this region.
    Region {
        /// It; `None` where it is not known.
        region: Option<String>,
    },
    /// Of the role of this ARN.
    Role {
        /// It.
        arn: String,
    },
    /// By TLS.
    Tls,
    /// With a wider session policy, or none.
    WithoutSessionPolicy,
    /// With other credentials: new ones, in the place of these.
    Credentials {
        /// What is wrong with these.
        because: Cause,
    },
    /// With a clock that is right.
    Clock,
    /// With a link that is made anew.
    NewLink,
    /// By a way that reaches AWS.
    Network {
        /// What stands in it.
        because: Cause,
    },
    /// Later.
    Later,
    /// As a user or role.
    NotRoot,
    /// Of an object that is there.
    Object,
    /// After the object was restored from its archive.
    Restored,
    /// As a principal of the bucket's own account.
    ByOwner,
    /// From an address, or a network, that is let in.
    From {
        /// `aws:SourceIp`, `aws:SourceVpce`.
        key: String,
        /// Which are.
        wanted: Vec<String>,
    },
    /// With something else that a condition asks for.
    With {
        /// `sts:RoleSessionName`, `s3:x-amz-server-side-encryption`.
        key: String,
        /// Its value.
        value: String,
    },
    /// Put right, as the error says.
    Corrected {
        /// What is wrong with it.
        because: Cause,
    },
}

/// What a call comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The calls, one after the other.
    pub calls: Vec<CallAsked>,
    /// Each condition with its verdict.
    pub checks: Vec<Check>,
    /// Why it does not work, the first to be met first.
    pub causes: Vec<FoundCause>,
    /// What may be a cause, and can't be told.
    pub suspects: Vec<Cause>,
    /// The smallest change that makes it work, tried in the evaluator; `None`: none is known.
    pub fix: Option<Vec<FixStep>>,
    /// Who gains and who loses by the fix.
    pub delta: AccessDelta,
    /// Of that, what goes beyond what the manifests say already: what the fix itself gives.
    pub gives: AccessDelta,
    /// AWS has refused it, as the text that was read tells.
    pub refused: bool,
    /// Whether it is let rests on a policy that could not be read.
    pub unread: bool,
}

/// What a diagnosis comes to, for whoever goes on by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// By everything that was read it is allowed, and nobody said that AWS refused it.
    Allowed,
    /// There is a cause.
    Cause,
    /// AWS refused what is allowed by everything that was read, or it rests on what is not known.
    Unknown,
}

impl Diagnosis {
    /// What it comes to.
    pub fn found(&self) -> Found {
        if !self.causes.is_empty() {
            Found::Cause
        } else if self.refused || self.unread || !self.suspects.is_empty() {
            Found::Unknown
        } else {
            Found::Allowed
        }
    }

    /// Tells whether the fix gives back what was revoked.
    pub fn gives_back(&self) -> bool {
        let back = |amendment: &Amendment| match &amendment.change {
            Amend::Remove { list, .. } => list == REVOKED_LIST,
            Amend::Put { key, .. } => key == RESTORED_KEY,
            Amend::Append { .. } | Amend::Add { .. } => false,
        };
        let steps = self.fix.iter().flatten();
        steps.filter_map(|step| if let FixStep::Manifest { amendments, .. } = step { Some(amendments) } else { None }).flatten().any(back)
    }
}

/// The list of a manifest's entries that take access back.
pub const REVOKED_LIST: &str = "revoked";

/// The key of a table by which a manifest says that what was taken back may be given again.
pub const RESTORED_KEY: &str = "restored";
