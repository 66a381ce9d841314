//! The cloud as the rest of crossrole sees it.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::call::Call;
use crate::ids::AccountId;
use crate::observed::{Observed, Scope};
use crate::state::ObjectState;

/// Reads in bulk, reads one shared document, makes one writing call.
pub trait Cloud: Send + Sync {
    /// Reads everything in `scope`. Errors are part of the answer: what could not be read is unreadable, not absent.
    fn observe(&self, scope: &Scope) -> impl Future<Output = Observed> + Send;

    /// Reads one object whose document is replaced whole (role, bucket policy), right before it is written.
    fn read(&self, address: &Address, call: &Call) -> impl Future<Output = Result<Option<ObjectState>, CloudError>> + Send;

    /// Makes one writing call. Throttling and server errors have been retried when this returns, but for calls that find a
    /// [shared document](crate::call::Finds::SharedDocument): those are tried once, since what they write is as old as the
    /// last reading.
    fn write(&self, account: &AccountId, call: &Call) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// The time since some moment of the past. Time belongs to the cloud, not to the applier.
    fn now(&self) -> Duration;

    /// Waits.
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
    /// The credentials are missing, expired or wrong, or belong to another account.
    Credentials,
    /// No answer could be had.
    Network,
    /// The service failed, after all retries.
    Server,
    /// Anything else.
    Other,
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
        self.class.advice()
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
            Self::Conflict => "somebody else is changing it, or something still hangs on it; run apply again",
            Self::Quota => "ask AWS for a higher quota, or split what the manifest puts into one object",
            Self::Throttled => "run it again with a lower `--concurrency`",
            Self::Invalid => "correct the manifest; if it is correct, this is a bug in crossrole",
            Self::Credentials => "refresh the credentials (`aws sso login`), or say in `crossrole.toml` how this account is reached",
            Self::Network => "check the network, the proxy and `AWS_ENDPOINT_URL`; is the region spelt right?",
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
