//! The table of locks in an object of S3, written under conditions (S3 User Guide, "Add preconditions to S3 operations with conditional
//! requests").
//!
//! Its calls stop by themselves, not with the run: a lock is given back after everything else was told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use crossrole_model::lock::{LOCK_BYTES_MOST, LockFound, LockOver, LockRead};
use crossrole_model::{CloudError, ErrorClass, LockPlace, LockStore};

use crate::Aws;
use crate::call::{Kind, Run, plain};
use crate::session::Session;

/// What no clock says.
const NEVER: i64 = i64::MIN;

/// The object that holds the table.
#[derive(Debug)]
pub struct Locks {
    session: Arc<Session>,
    place: LockPlace,
    run: Run,
    begun: tokio::time::Instant,
    written: AtomicBool,
}

impl Aws {
    /// Reaches the object, through the session of the account whose bucket it is in.
    ///
    /// # Errors
    /// That account can't be reached.
    pub async fn locks(&self, place: &LockPlace) -> Result<Locks, CloudError> {
        let session = self.sessions.get(&place.account).await?;
        let run = self.sessions.run().apart();
        Ok(Locks { session, place: place.clone(), run, begun: tokio::time::Instant::now(), written: AtomicBool::new(false) })
    }
}

impl Locks {
    /// ARN of the session through which it is reached.
    pub fn runner(&self) -> &str {
        self.session.runner.get().map_or("", String::as_str)
    }

    /// Tells whether a write was sent, whatever came of it.
    pub fn has_written(&self) -> bool {
        self.written.load(Ordering::Relaxed)
    }

    /// Where it is.
    pub fn place(&self) -> &LockPlace {
        &self.place
    }

    fn untagged(&self, operation: &str) -> CloudError {
        self.error(ErrorClass::NotAws, operation, "the answer has no entity tag: S3's always do")
    }

    fn error(&self, class: ErrorClass, operation: &str, message: &str) -> CloudError {
        plain(class, &self.session.account, operation, message)
    }
}

impl LockStore for Locks {
    async fn read(&self) -> Result<LockRead, CloudError> {
        let LockPlace { bucket, key, region, .. } = &self.place;
        let request = self.session.s3(region).get_object().bucket(bucket).key(key).expected_bucket_owner(self.session.account.as_str());
        let clock = Clock::default();
        let send = || request.clone().customize().interceptor(clock.clone()).send();
        let answer = self.session.apart(&self.run, "GetObject", Kind::Read, send).await;
        let found = match answer {
            Ok(answer) => {
                let etag = answer.e_tag().filter(|tag| !tag.is_empty()).ok_or_else(|| self.untagged("GetObject"))?.to_owned();
                let broken = |_| self.error(ErrorClass::Unanswered, "GetObject", "the answer broke off");
                let mut bytes = answer.body.collect().await.map_err(broken)?.to_vec();
                bytes.truncate(LOCK_BYTES_MOST + 1);
                LockFound::Object { bytes, etag }
            }
            Err(error) if error.code == "NoSuchKey" => LockFound::Nothing,
            Err(error) if error.class == ErrorClass::Denied => LockFound::Hidden(error),
            Err(error) => return Err(error),
        };
        match clock.0.load(Ordering::Relaxed) {
            NEVER => Err(self.error(ErrorClass::NotAws, "GetObject", "the answer has no date: S3's always do")),
            at => Ok(LockRead { found, at }),
        }
    }

    async fn write(&self, text: String, over: &LockOver) -> Result<bool, CloudError> {
        let LockPlace { bucket, key, region, kms_key, .. } = &self.place;
        self.written.store(true, Ordering::Relaxed);
        let send = || {
            let body = ByteStream::from(text.clone().into_bytes());
            let request = self.session.s3(region).put_object().bucket(bucket).key(key).expected_bucket_owner(self.session.account.as_str());
            let request = match over {
                LockOver::Nothing => request.if_none_match("*"),
                LockOver::This(etag) => request.if_match(etag),
            };
            let encrypted = kms_key.as_ref().map(|_| ServerSideEncryption::AwsKms);
            request.set_server_side_encryption(encrypted).set_ssekms_key_id(kms_key.clone()).content_type("application/json").body(body).send()
        };
        match self.session.apart(&self.run, "PutObject", Kind::Once, send).await {
            // Whoever else says that all is well has no tag for it.
            Ok(answer) if answer.e_tag().is_none_or(str::is_empty) => Err(self.untagged("PutObject")),
            Ok(_) => Ok(true),
            // `ConditionalRequestConflict`: another write of it is going on; `NoSuchKey`: what was to be written over is gone.
            Err(error) if matches!(error.code.as_str(), "PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey") => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The `Date` of an answer, be it an error (RFC 9110, section 6.6.1).
#[derive(Debug, Clone)]
struct Clock(Arc<AtomicI64>);

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(NEVER)))
    }
}

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "Clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let said = context.response().headers().get("date").and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        self.0.store(said.map_or(NEVER, |at| at.secs()), Ordering::Relaxed);
        Ok(())
    }
}
