//! The embedded AWS: IAM, STS, S3, KMS, IAM Identity Center and trails of CloudTrail with any number of accounts, in one process, over HTTP requests and nothing else.
//!
//! Every 12-digit account exists. An access key id of 12 digits is that account's root user, with any secret; keys and
//! sessions that the sandbox issues are checked by signature. Every call is decided by the evaluator of
//! `crossrole-access`, and is answered with AWS's own errors; so are IAM's bad habits: late visibility, principals that must
//! exist, unique ids left behind, quotas. A virtual MFA device that was made here shows
//! the codes of RFC 6238; of any other serial number of the caller's account, six digits are right. AWS's managed policies
//! are all known by name, and those used most with their documents; others can't be attached, since they would grant nothing.
//!
//! KMS has symmetric encryption keys of one region, each with its policy, aliases, tags, state and rotation, and S3 asks it in
//! the caller's name for every object that such a key encrypts. Nothing is really encrypted: what KMS calls a ciphertext holds
//! its plaintext.
//!
//! Trails are kept and told, and record nothing. The federation endpoint of the console gives sign-in tokens for sessions of roles; there is no console.
//!
//! Limits: no grants, no asymmetric, HMAC, imported and multi-Region keys, no custom key stores, and no SSE-C; keys of AWS's
//! services are S3's alone; lifecycle, replication, notification and their like are kept and read back and do nothing; S3 keeps
//! objects in memory, with a limit.

mod auth;
mod authorization;
mod cloudtrail;
mod constraint;
mod error;
mod federation;
mod iam;
mod kms;
mod lagged;
mod managed;
mod query;
mod refusal;
mod s3;
mod server;
mod sign_in;
mod sigv4;
mod sso;
mod store;
mod sts;
mod world;
mod xml;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;

pub use server::{serve, serve_with};
pub use sign_in::SignedIn;
pub use store::{STATE_MOST, StateFile, StoreError};

use error::ApiError;
use world::World;

/// How the sandbox behaves.
#[derive(Clone, Default)]
pub struct Options {
    /// Time until a write to IAM is seen by reads, principal checks and decisions, and a bucket policy by decisions.
    pub visibility_delay: Duration,
    /// Time added to each call.
    pub latency: Duration,
    /// Calls a second and account before "Rate exceeded"; `None` for no limit.
    pub rate: Option<u32>,
    /// The longest that sessions last, in seconds, whatever is asked for: for those who want to see one end.
    pub session_most: Option<u32>,
    /// Most roles in an account; 0 is AWS's default of 1,000.
    pub role_quota: usize,
    /// Faults, asked for before each call.
    pub faults: Option<Arc<dyn FaultPlan>>,
}

/// A schedule of faults.
pub trait FaultPlan: Send + Sync {
    /// Returns what happens to this call.
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault>;
}

/// A call that is about to be answered.
#[derive(Debug, Clone, Copy)]
pub struct CallInfo<'a> {
    /// Calls before this one.
    pub index: u64,
    /// The account of who asks, as far as its key tells.
    pub account: &'a str,
    /// `CreateRole`, `PutBucketPolicy`.
    pub operation: &'a str,
    /// True when it would change something.
    pub writes: bool,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the answer is this code.
    Refuse(&'static str),
    /// It is done, and the answer is an internal error.
    FailAfter,
    /// It is done, and the connection breaks.
    DropAnswer,
    /// Nothing is done, and the connection breaks.
    Reset,
    /// It is done, and no answer ever comes.
    Hang,
    /// Nothing is done, and no answer ever comes.
    HangBefore,
}

/// The embedded AWS.
pub struct Sandbox {
    world: Mutex<World>,
    options: Mutex<Options>,
    started: Instant,
    /// When that was, in seconds since 1970.
    epoch: i64,
    index: AtomicU64,
    seen: Mutex<BTreeMap<(String, String), u64>>,
    buckets: Mutex<BTreeMap<String, (f64, Instant)>>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held left data that is still readable: tests want to see it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sandbox {
    /// Returns an empty AWS.
    pub fn new(options: Options) -> Self {
        Self::with_world(World::default(), options)
    }

    fn with_world(world: World, options: Options) -> Self {
        Self {
            world: Mutex::new(world),
            options: Mutex::new(options),
            started: Instant::now(),
            epoch: auth::unix_now(),
            index: AtomicU64::new(0),
            seen: Mutex::default(),
            buckets: Mutex::default(),
        }
    }

    /// Changes the faults for the calls to come.
    pub fn set_faults(&self, faults: Option<Arc<dyn FaultPlan>>) {
        locked(&self.options).faults = faults;
    }

    /// Returns how many calls were answered so far.
    pub fn calls(&self) -> u64 {
        self.index.load(Ordering::Relaxed)
    }

    /// Returns how often each operation was called, by account and operation, and starts counting anew.
    pub fn take_calls(&self) -> BTreeMap<(String, String), u64> {
        std::mem::take(&mut *locked(&self.seen))
    }

    /// Returns every secret that was issued: what no output may ever show.
    pub fn secrets(&self) -> Vec<String> {
        locked(&self.world).secrets()
    }

    /// Returns the accounts that hold something, each with its buckets and their regions.
    pub fn accounts(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let world = locked(&self.world);
        let mut accounts: BTreeMap<String, BTreeMap<String, String>> =
            world.accounts.iter().filter(|(_, state)| !state.is_empty()).map(|(id, _)| (id.clone(), BTreeMap::new())).collect();
        for (name, bucket) in &world.buckets {
            accounts.entry(bucket.account.clone()).or_default().insert(name.clone(), bucket.region.clone());
        }
        for key in world.kms.keys() {
            accounts.entry(key.account.clone()).or_default();
        }
        accounts
    }

    /// Makes a key under an id of one's choice, which nobody can in AWS: manifests name keys that are there. It has the policy that
    /// AWS makes keys with. Returns whether it was made; one that is there stays as it is.
    pub fn add_key(&self, arn: &str) -> bool {
        kms::place(&mut locked(&self.world), arn)
    }

    /// Makes a permission set of an instance of IAM Identity Center, and assigns it in accounts, which makes its roles there.
    /// Returns whether something of that was made.
    pub fn add_permission_set(&self, center: &crossrole_model::IdentityCenter, name: &str, accounts: &[String]) -> bool {
        let mut world = locked(&self.world);
        world.now_ms = self.now_ms();
        sso::place(&mut world, center, name, accounts)
    }

    /// Opens a session of a user or role, by ARN, as signing in or a service would, with or without a second factor. `None`: there is
    /// none.
    pub fn sign_in(&self, arn: &str, mfa: bool) -> Option<SignedIn> {
        let mut world = locked(&self.world);
        world.now_ms = self.now_ms();
        sign_in::sign_in(&mut world, arn, mfa)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Answers one request, with the date of its own clock, which goes as that of whoever runs it does.
    ///
    /// # Errors
    /// A broken connection, as a fault asked for.
    pub async fn handle(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let mut answer = self.answered(request).await?;
        let now = self.epoch.saturating_add(i64::try_from(self.started.elapsed().as_secs()).unwrap_or(i64::MAX));
        if let Ok(date) = http::HeaderValue::try_from(s3::http_date(&auth::iso(now))) {
            answer.headers_mut().insert(http::header::DATE, date);
        }
        Ok(answer)
    }

    async fn answered(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let options = locked(&self.options).clone();
        if !options.latency.is_zero() {
            tokio::time::sleep(options.latency).await;
        }
        if let Some(asked) = federation::asked(&request) {
            return Ok(federation::answer(&mut locked(&self.world), &asked));
        }
        let asked = match query::read(&request) {
            Ok(asked) => asked,
            Err(error) => return Ok(error.response(query::shape(&request), self.index.load(Ordering::Relaxed))),
        };
        if let Some(region) = asked.host_region.as_deref().filter(|r| !query::REGIONS.contains(r)) {
            // A region that does not exist has no address.
            let service = if asked.s3 { "s3" } else { "kms" };
            return Err(format!("failed to look up the address of {service}.{region}.amazonaws.com"));
        }
        let index = self.index.fetch_add(1, Ordering::Relaxed);
        let account = query::account_hint(&locked(&self.world), &asked);
        *locked(&self.seen).entry((account.clone(), asked.operation.clone())).or_default() += 1;
        if let Some(rate) = options.rate
            && !self.take_token(&account, f64::from(rate))
        {
            return Ok(ApiError::throttled(asked.shape()).response(asked.shape(), index));
        }
        let fault = options.faults.as_ref().and_then(|f| f.fault(&CallInfo { index, account: &account, operation: &asked.operation, writes: asked.writes }));
        match fault {
            Some(Fault::Reset) => return Err("connection reset by peer".to_owned()),
            Some(Fault::Refuse(code)) => return Ok(ApiError::injected(code).response(asked.shape(), index)),
            Some(Fault::HangBefore) => std::future::pending::<()>().await,
            _ => {}
        }
        let answer = self.answer(&asked, &options, index);
        match fault {
            Some(Fault::DropAnswer) => Err("connection closed before the answer".to_owned()),
            Some(Fault::FailAfter) => Ok(ApiError::injected("ServiceFailure").response(asked.shape(), index)),
            Some(Fault::Hang) => {
                std::future::pending::<()>().await;
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    fn answer(&self, asked: &query::Asked, options: &Options, index: u64) -> Response<Bytes> {
        let mut world = locked(&self.world);
        world.now_ms = self.now_ms();
        world.lag_ms = u64::try_from(options.visibility_delay.as_millis()).unwrap_or(u64::MAX);
        world.session_most = options.session_most;
        world.role_quota = if options.role_quota == 0 { 1_000 } else { options.role_quota };
        let answer = auth::identify(&mut world, asked).and_then(|caller| match asked.service {
            query::Service::Iam => iam::answer(&mut world, &caller, asked),
            query::Service::Sts => sts::answer(&mut world, &caller, asked),
            query::Service::Sso => sso::answer(&mut world, &caller, asked),
            query::Service::CloudTrail => cloudtrail::answer(&mut world, &caller, asked),
            query::Service::Kms => kms::answer(&mut world, &caller, asked),
            query::Service::S3(operation) => s3::answer(&mut world, &caller, asked, operation),
        });
        match answer {
            Ok(reply) => reply.response(asked, index),
            // An answer to HEAD has no body, not even that of an error.
            Err(error) if asked.method == http::Method::HEAD => error.response(asked.shape(), index).map(|_| Bytes::new()),
            Err(error) => error.response(asked.shape(), index),
        }
    }

    /// A token bucket a second deep.
    fn take_token(&self, account: &str, rate: f64) -> bool {
        let mut buckets = locked(&self.buckets);
        let now = Instant::now();
        let (tokens, at) = buckets.entry(account.to_owned()).or_insert((rate, now));
        *tokens = (*tokens + now.duration_since(*at).as_secs_f64() * rate).min(rate);
        *at = now;
        let enough = *tokens >= 1.0;
        if enough {
            *tokens -= 1.0;
        }
        enough
    }
}

/// What a test needs to play a client of its own. (Real clients sign for themselves and are tested too.)
pub mod testing {
    use sha2::{Digest as _, Sha256};

    /// The present as signatures write it, `20260101T000000Z`, moved by seconds.
    pub fn signing_time(offset: i64) -> String {
        crate::auth::iso(crate::auth::unix_now() + offset).replace(['-', ':'], "")
    }

    /// The SHA-256 of bytes, in hexadecimal.
    pub fn sha256_hex(bytes: &[u8]) -> String {
        crate::sigv4::hex(&Sha256::digest(bytes))
    }

    /// The signature of a string as it is, as chunks are signed.
    pub fn string_signature(secret: &str, scope: &str, text: &str) -> String {
        crate::sigv4::string_signature(secret, scope, text)
    }

    /// The signature of a canonical request; `scope` is `date/region/service/aws4_request`.
    pub fn signature(secret: &str, time: &str, scope: &str, canonical: &str) -> String {
        crate::sigv4::signature(secret, time, scope, canonical)
    }
}
