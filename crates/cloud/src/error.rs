//! SDK errors to [`CloudError`]: the one place that looks at error codes.

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::display::DisplayErrorContext;
use crossrole_model::{AccountId, CloudError, ErrorClass};

/// Longest message that is kept, in characters: a proxy may answer with a whole web page.
const MESSAGE_MOST: usize = 600;

/// Converts an SDK error of `operation` on `account`.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands the error over")]
pub(crate) fn convert<E>(error: SdkError<E, HttpResponse>, operation: &str, account: &AccountId) -> CloudError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let request_id = error.request_id().map(str::to_owned);
    let status = error.raw_response().map(|r| r.status().as_u16());
    let (class, code, message) = match &error {
        SdkError::ServiceError(inner) => {
            let code = inner.err().code().unwrap_or_default().to_owned();
            let message = inner.err().message().unwrap_or_default().to_owned();
            let message = if code.is_empty() && message.is_empty() { innermost(&error) } else { message };
            (classify(&code, &message, status), code, message)
        }
        SdkError::TimeoutError(_) => (ErrorClass::Network, String::new(), "no answer in time".to_owned()),
        SdkError::DispatchFailure(_) => {
            let chain = DisplayErrorContext(&error).to_string();
            (dispatch(&chain), String::new(), innermost(&error))
        }
        SdkError::ResponseError(_) => (ErrorClass::Server, String::new(), format!("the answer can't be read: {}", innermost(&error))),
        _ => (ErrorClass::Other, String::new(), innermost(&error)),
    };
    let code = match (code.is_empty(), status) {
        // It succeeded, and says nothing that can be read.
        (true, Some(200..=299)) => "malformed answer".to_owned(),
        (true, Some(status)) => format!("HTTP {status}"),
        _ => code,
    };
    CloudError { class, operation: operation.to_owned(), account: Some(account.clone()), code, message: shortened(&message), request_id }
}

/// What went wrong before a request could be sent or answered.
fn dispatch(chain: &str) -> ErrorClass {
    let lower = chain.to_ascii_lowercase();
    if ["credential", "profile", "sso", "token"].iter().any(|word| lower.contains(word)) { ErrorClass::Credentials } else { ErrorClass::Network }
}

/// The last cause: it names the host, the file or the profile; what is around it only repeats itself.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut current = error;
    let mut depth = 0;
    // A chain of causes is short; the limit guards against a loop in it.
    while let Some(source) = current.source().filter(|_| depth < 32) {
        current = source;
        depth += 1;
    }
    current.to_string()
}

fn shortened(message: &str) -> String {
    if message.chars().count() <= MESSAGE_MOST {
        return message.to_owned();
    }
    message.chars().take(MESSAGE_MOST).chain("…".chars()).collect()
}

/// Codes of IAM, STS and S3 (their API references); S3's HEAD answers have none, so the status decides.
fn classify(code: &str, message: &str, status: Option<u16>) -> ErrorClass {
    match code {
        "AccessDenied" | "AccessDeniedException" | "AllAccessDisabled" | "MethodNotAllowed" | "UnauthorizedOperation" => ErrorClass::Denied,
        "NoSuchEntity"
        | "NoSuchBucket"
        | "NoSuchBucketPolicy"
        | "NotFound"
        | "NoSuchTagSet"
        | "NoSuchTagSetError"
        | "NoSuchPublicAccessBlockConfiguration"
        | "OwnershipControlsNotFoundError"
        | "ServerSideEncryptionConfigurationNotFoundError" => ErrorClass::NotFound,
        "EntityAlreadyExists" | "BucketAlreadyExists" | "BucketAlreadyOwnedByYou" => ErrorClass::AlreadyExists,
        "MalformedPolicyDocument" | "MalformedPolicy" if message.contains("Invalid principal") => ErrorClass::UnknownPrincipal,
        "ConcurrentModification" | "OperationAborted" | "DeleteConflict" | "EntityTemporarilyUnmodifiable" | "ConditionalRequestConflict" => {
            ErrorClass::Conflict
        }
        "LimitExceeded" | "TooManyBuckets" | "PolicyTooLarge" => ErrorClass::Quota,
        "Throttling" | "ThrottlingException" | "SlowDown" | "RequestLimitExceeded" | "TooManyRequestsException" => ErrorClass::Throttled,
        "InvalidClientTokenId"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "SignatureDoesNotMatch"
        | "InvalidAccessKeyId"
        | "RequestExpired"
        | "InvalidToken"
        | "AuthFailure"
        | "UnrecognizedClientException" => ErrorClass::Credentials,
        "ServiceFailure" | "InternalError" | "ServiceUnavailable" => ErrorClass::Server,
        "MalformedPolicyDocument"
        | "MalformedPolicy"
        | "ValidationError"
        | "InvalidInput"
        | "InvalidArgument"
        | "InvalidRequest"
        | "BucketNotEmpty"
        | "UnmodifiableEntity"
        | "PolicyNotAttachable"
        | "InvalidBucketName"
        | "InvalidLocationConstraint"
        | "IllegalLocationConstraintException" => ErrorClass::Invalid,
        _ => match status {
            Some(403 | 405) => ErrorClass::Denied,
            Some(404) => ErrorClass::NotFound,
            Some(409) => ErrorClass::Conflict,
            Some(429) => ErrorClass::Throttled,
            Some(500..=599) => ErrorClass::Server,
            _ => ErrorClass::Other,
        },
    }
}
