//! The cloud as the rest of crossrole sees it.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::call::Call;
use crate::ids::AccountId;
use crate::observed::{Observed, Scope, Unreadable};
use crate::state::ObjectState;

/// Reads in bulk, reads one shared document, makes one writing call.
pub trait Cloud: Send + Sync {
    /// Reads everything in `scope`. Errors are part of the answer: what could not be read is unreadable, not absent.
    fn observe(&self, scope: &Scope) -> impl Future<Output = Observed> + Send;

    /// Reads one object whose document is replaced whole (role, bucket policy, caller policy), right before it is written.
    fn read(&self, address: &Address, call: &Call) -> impl Future<Output = Result<Option<ObjectState>, CloudError>> + Send;

    /// Makes one writing call. Throttling, server errors and lost answers have been retried when this returns, but for calls
    /// that find a [shared document](crate::call::Finds::SharedDocument): those are tried once, since what they write is as old
    /// as the last reading. When the run is interrupted, what was not sent is [`ErrorClass::Interrupted`], and what was sent is
    /// not waited for long.
    fn write(&self, account: &AccountId, call: &Call) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// The time since some moment of the past. Time belongs to the cloud, not to the applier.
    fn now(&self) -> Duration;

    /// Waits, but not on when the run is interrupted.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// What kind of error it is; decided in one place, from the service's error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// Not allowed.
    Denied,
    /// It does not exist, or is not visible yet.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// A principal in a policy does not exist, or is not visible yet.
    UnknownPrincipal,
    /// Another write is going on, or something still hangs on the object: try again.
    Conflict,
    /// A quota, not a rate.
    Quota,
    /// The rate limit, after all retries.
    Throttled,
    /// The request was refused for what it says.
    Invalid,
    /// What is to be deleted still holds what is never deleted from here: a bucket its objects.
    NotEmpty,
    /// The object is in a state that does not allow it: a key that is switched off, or is to be deleted.
    State,
    /// The credentials are missing, expired or wrong, or belong to another account.
    Credentials,
    /// The role that leads into the account can't be assumed.
    NotAssumed,
    /// The request did not reach AWS, or the connection broke.
    Network,
    /// The name of the host does not resolve.
    Unresolved,
    /// The host has a certificate that this machine does not trust.
    Certificate,
    /// A proxy between here and AWS wants to know who asks.
    Proxy,
    /// The answer is not AWS's: a web page, nothing, or what no service of AWS sends.
    NotAws,
    /// It was sent, and no whole answer came in time: it may have been done.
    Unanswered,
    /// The run was interrupted before it was sent.
    Interrupted,
    /// The service failed, after all retries.
    Server,
    /// Anything else.
    Other,
}

/// A call that has waited long enough to be said, so that nobody takes it for a hang.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The account it goes to.
    pub account: AccountId,
    /// The operation: `CreateRole`.
    pub operation: String,
    /// Since when, in seconds.
    pub seconds: u64,
    /// Other calls under way.
    pub others: usize,
    /// For what.
    pub what: WaitsFor,
}

/// What a call waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitsFor {
    /// An answer.
    Answer,
    /// Its turn: the account answers no more than so many calls in ten seconds.
    Rate {
        /// That many.
        in_ten_seconds: u64,
    },
    /// Another attempt, after such an answer.
    Retry {
        /// Its code; empty where there was none.
        code: String,
    },
}

/// How the reading of one account goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It has begun.
    Began,
    /// It was read.
    Read,
    /// It could not be read.
    Failed(Unreadable),
}

/// A failed call, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudError {
    /// Its class.
    pub class: ErrorClass,
    /// The operation: `CreateRole`.
    pub operation: String,
    /// The account it went to.
    pub account: Option<AccountId>,
    /// The service's error code, empty when there was no answer.
    pub code: String,
    /// The service's message.
    pub message: String,
    /// For a support case.
    pub request_id: Option<String>,
}

impl CloudError {
    /// Returns what to do about it.
    pub fn advice(&self) -> &'static str {
        match (self.operation.as_str(), self.class) {
            ("PutBucketTagging", ErrorClass::Invalid) if self.message.contains("TagResource") => {
                "the bucket's tags decide access (ABAC is on), and S3 takes them from there by another call alone: set them as the manifest says with \
                 `aws s3control tag-resource` and `untag-resource`, or switch that off with `aws s3api put-bucket-abac`; then run it again"
            }
            ("PutBucketPolicy", ErrorClass::Denied) if self.message.contains("BlockPublicPolicy") => {
                "a statement of the policy is public, and the block of public access of the bucket or its account refuses it: take that statement out, or \
                 limit it to an organization, an account or an address range"
            }
            ("DeleteUser", ErrorClass::Conflict) => {
                "what others gave the user still hangs on it, and its access keys and password work on until they are deleted: `aws iam` with \
                 `list-access-keys`, `get-login-profile`, `list-mfa-devices`, `list-signing-certificates`, `list-ssh-public-keys` and \
                 `list-service-specific-credentials` shows what; delete that, and run it again"
            }
            _ => self.class.advice(),
        }
    }
}

impl ErrorClass {
    /// Returns what to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Denied => "give the runner this permission (a service control policy or a boundary may also refuse it)",
            Self::NotFound => "plan again: it was deleted meanwhile, or is not visible yet",
            Self::AlreadyExists => "plan again: somebody made it meanwhile",
            Self::UnknownPrincipal => "make the principal first, or correct its name: AWS refuses policies that name a principal that does not exist",
            Self::Conflict => "somebody else is changing it, or something still hangs on it; run it again",
            Self::Quota => "ask AWS for a higher quota, or split what the manifest puts into one object",
            Self::Throttled => "somebody else uses this account's rate: run it again later, or give it longer with `--timeout`",
            Self::Invalid => "correct the manifest; if it is correct, this is a bug in crossrole",
            Self::NotEmpty => "empty it (earlier versions and delete markers as well) and run it again, or leave it there: no objects are deleted from here",
            Self::State => "see in the account what state it is in (a key may be switched off, or wait for its deletion), change that, and run it again",
            Self::Credentials => "refresh the credentials (`aws sso login`), or say in `crossrole.toml` how this account is reached",
            Self::NotAssumed => {
                "that role has to let in whoever asks, with the external id and the device that it wants, and who asks needs `sts:AssumeRole` on it"
            }
            Self::Network => "check the network between here and that host, and `HTTPS_PROXY` and `AWS_ENDPOINT_URL` where they are set",
            Self::Unresolved => "check how the region is spelt, and that this machine resolves names (behind a proxy: `HTTPS_PROXY`)",
            Self::Certificate => "if a proxy or an endpoint of your own answers there, name the file with its authority in `AWS_CA_BUNDLE`",
            Self::Proxy => "say who asks in `HTTPS_PROXY`: `http://USER:PASSWORD@HOST:PORT`",
            Self::NotAws => "look for a proxy, or a portal to sign in at, between here and AWS (`HTTPS_PROXY`, `NO_PROXY`)",
            Self::Unanswered => "a write may have been done all the same: run it again, which finds out; `--timeout` waits longer",
            Self::Interrupted => "it was not sent; run it again",
            Self::Server => "AWS has a problem; run it again later",
            Self::Other => "look the code up in the AWS documentation of this operation",
        }
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class: _, operation, account, code, message, request_id } = self;
        write!(f, "{operation}")?;
        if let Some(account) = account {
            write!(f, " in account {account}")?;
        }
        match (code.is_empty(), message.is_empty()) {
            (false, false) => write!(f, ": {code}: {message}")?,
            (false, true) => write!(f, ": {code}")?,
            _ => write!(f, ": {message}")?,
        }
        if let Some(id) = request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for CloudError {}
