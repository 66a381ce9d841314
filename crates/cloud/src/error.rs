//! SDK errors to [`CloudError`]: the one place that looks at error codes.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::display::DisplayErrorContext;
use crossrole_model::{AccountId, CloudError, ErrorClass};

use crate::answer::{Asked, Found, NotAws};
use crate::credentials::Trouble;

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
        SdkError::ServiceError(inner) if !succeeded(status) => {
            let code = inner.err().code().unwrap_or_default().to_owned();
            let message = inner.err().message().unwrap_or_default().to_owned();
            let message = if code.is_empty() && message.is_empty() { "an error without a code".to_owned() } else { message };
            (classify(&code, &message, status), code, message)
        }
        // It succeeded, and says nothing that can be read.
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => {
            (ErrorClass::NotAws, "malformed answer".to_owned(), format!("the answer can't be read: {}", innermost(&error)))
        }
        SdkError::TimeoutError(_) => (ErrorClass::Unanswered, String::new(), "no answer in time".to_owned()),
        SdkError::DispatchFailure(_) => {
            let (class, message) = unanswered(&error);
            (class, String::new(), message)
        }
        _ => (ErrorClass::Other, String::new(), innermost(&error)),
    };
    let code = match (code.is_empty(), status) {
        (true, Some(status)) => format!("HTTP {status}"),
        _ => code,
    };
    CloudError { class, operation: operation.to_owned(), account: Some(account.clone()), code, message: shortened(&message), request_id }
}

fn succeeded(status: Option<u16>) -> bool {
    status.is_some_and(|s| (200..300).contains(&s))
}

/// What went wrong before a request could be sent or answered, and who was asked.
fn unanswered(error: &(dyn std::error::Error + 'static)) -> (ErrorClass, String) {
    if let Some(other) = find::<NotAws>(error) {
        let class = match (other.found, other.status) {
            (Found::ProxyAuthentication, _) => ErrorClass::Proxy,
            (_, 429) => ErrorClass::Throttled,
            (_, 500..) => ErrorClass::Server,
            _ => ErrorClass::NotAws,
        };
        return (class, other.to_string());
    }
    if let Some(asked) = find::<Asked>(error) {
        let class = connection(&DisplayErrorContext(asked).to_string(), asked.begun);
        return (class, format!("{asked}: {}", innermost(asked)));
    }
    // It never came to asking: what was to be sent could not be signed.
    (ErrorClass::Credentials, lacking(error))
}

/// Why there are no credentials.
fn lacking(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(trouble) = find::<Trouble>(error) {
        return trouble.to_string();
    }
    let refused = |operation: &str, error: &dyn ProvideErrorMetadata| {
        format!("{operation}: {}: {}", error.code().unwrap_or("no code"), error.message().unwrap_or_default())
    };
    if let Some(error) = find::<AssumeRoleError>(error) {
        return refused("AssumeRole", error);
    }
    if let Some(error) = find::<AssumeRoleWithWebIdentityError>(error) {
        return refused("AssumeRoleWithWebIdentity", error);
    }
    // The last link of a chain in which nothing was found names itself alone.
    if let Some(CredentialsError::CredentialsNotLoaded(_)) = find::<CredentialsError>(error)
        && find::<aws_config::profile::ProfileFileLoadError>(error).is_none()
    {
        let why = innermost(error);
        let found = "none were found: not in the environment, not in a profile, not from a web identity, a container or an instance";
        return if why.contains("profile `") { why } else { found.to_owned() };
    }
    innermost(error)
}

/// Converts the error of whoever should have given credentials for `account`.
pub(crate) fn credentials(error: &CredentialsError, account: &AccountId) -> CloudError {
    let (class, message) = unanswered(error);
    let operation = "credentials".to_owned();
    CloudError { class, operation, account: Some(account.clone()), code: String::new(), message: shortened(&message), request_id: None }
}

/// How a connection failed. The errors of the libraries beneath are no types of ours: their words decide.
fn connection(chain: &str, begun: bool) -> ErrorClass {
    let lower = chain.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if begun {
        ErrorClass::Unanswered
    } else if says(&["proxy authorization required"]) {
        ErrorClass::Proxy
    } else if says(&["dns error", "failed to look up", "failed to lookup"]) {
        ErrorClass::Unresolved
    } else if says(&["certificate"]) {
        ErrorClass::Certificate
    } else if says(&["client error (connect)", "connection refused"]) {
        ErrorClass::Network
    } else {
        ErrorClass::Unanswered
    }
}

/// The first cause of this type.
fn find<'e, T: std::error::Error + 'static>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// An error and what caused it, outermost first. A chain is short; the limit guards against a loop in it.
fn causes<'e>(error: &'e (dyn std::error::Error + 'static)) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source()).take(32)
}

/// The last cause: it names the host, the file or the profile; what is around it only repeats itself.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
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
        // All that the SDK takes for a rate (aws-runtime, `retries::classifiers`).
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "TooManyRequests"
        | "TooManyRequestsException"
        | "ProvisionedThroughputExceededException"
        | "TransactionInProgressException"
        | "EC2ThrottledException" => ErrorClass::Throttled,
        // The service waited in vain for the rest of the request.
        "RequestTimeout" | "RequestTimeoutException" => ErrorClass::Network,
        "InvalidClientTokenId"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "SignatureDoesNotMatch"
        | "InvalidAccessKeyId"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "InvalidToken"
        | "AuthFailure"
        | "UnrecognizedClientException" => ErrorClass::Credentials,
        "ServiceFailure" | "InternalError" | "ServiceUnavailable" | "IDPCommunicationError" => ErrorClass::Server,
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
        // Whoever says it, and whatever its code.
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

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::{Response, StatusCode};
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    /// Codes as they stand in answers, with the status that they come with.
    const CODES: &[(&str, u16, ErrorClass)] = &[
        // Every service.
        ("AccessDenied", 403, ErrorClass::Denied),
        ("AccessDeniedException", 400, ErrorClass::Denied),
        ("UnauthorizedOperation", 403, ErrorClass::Denied),
        ("InvalidClientTokenId", 403, ErrorClass::Credentials),
        ("UnrecognizedClientException", 400, ErrorClass::Credentials),
        ("ExpiredToken", 400, ErrorClass::Credentials),
        ("ExpiredToken", 403, ErrorClass::Credentials),
        ("ExpiredTokenException", 400, ErrorClass::Credentials),
        ("SignatureDoesNotMatch", 403, ErrorClass::Credentials),
        ("RequestExpired", 400, ErrorClass::Credentials),
        ("AuthFailure", 401, ErrorClass::Credentials),
        ("Throttling", 400, ErrorClass::Throttled),
        ("ThrottlingException", 400, ErrorClass::Throttled),
        ("ThrottledException", 400, ErrorClass::Throttled),
        ("RequestThrottled", 400, ErrorClass::Throttled),
        ("RequestThrottledException", 400, ErrorClass::Throttled),
        ("RequestLimitExceeded", 503, ErrorClass::Throttled),
        ("TooManyRequestsException", 429, ErrorClass::Throttled),
        ("BandwidthLimitExceeded", 400, ErrorClass::Throttled),
        ("PriorRequestNotComplete", 400, ErrorClass::Throttled),
        ("RequestTimeout", 400, ErrorClass::Network),
        ("RequestTimeoutException", 400, ErrorClass::Network),
        ("InternalError", 500, ErrorClass::Server),
        ("InternalFailure", 500, ErrorClass::Server),
        ("ServiceUnavailable", 503, ErrorClass::Server),
        ("ValidationError", 400, ErrorClass::Invalid),
        // IAM.
        ("NoSuchEntity", 404, ErrorClass::NotFound),
        ("EntityAlreadyExists", 409, ErrorClass::AlreadyExists),
        ("MalformedPolicyDocument", 400, ErrorClass::Invalid),
        ("InvalidInput", 400, ErrorClass::Invalid),
        ("UnmodifiableEntity", 400, ErrorClass::Invalid),
        ("PolicyNotAttachable", 400, ErrorClass::Invalid),
        ("LimitExceeded", 409, ErrorClass::Quota),
        ("ConcurrentModification", 409, ErrorClass::Conflict),
        ("DeleteConflict", 409, ErrorClass::Conflict),
        ("EntityTemporarilyUnmodifiable", 409, ErrorClass::Conflict),
        ("ServiceFailure", 500, ErrorClass::Server),
        // STS.
        ("IDPCommunicationError", 400, ErrorClass::Server),
        ("IDPRejectedClaim", 403, ErrorClass::Denied),
        ("RegionDisabledException", 403, ErrorClass::Denied),
        // S3.
        ("AllAccessDisabled", 403, ErrorClass::Denied),
        ("MethodNotAllowed", 405, ErrorClass::Denied),
        ("InvalidAccessKeyId", 403, ErrorClass::Credentials),
        ("InvalidToken", 400, ErrorClass::Credentials),
        ("RequestTimeTooSkewed", 403, ErrorClass::Credentials),
        ("NoSuchBucket", 404, ErrorClass::NotFound),
        ("NoSuchBucketPolicy", 404, ErrorClass::NotFound),
        ("NoSuchTagSet", 404, ErrorClass::NotFound),
        ("NoSuchTagSetError", 404, ErrorClass::NotFound),
        ("NoSuchPublicAccessBlockConfiguration", 404, ErrorClass::NotFound),
        ("OwnershipControlsNotFoundError", 404, ErrorClass::NotFound),
        ("ServerSideEncryptionConfigurationNotFoundError", 404, ErrorClass::NotFound),
        ("BucketAlreadyExists", 409, ErrorClass::AlreadyExists),
        ("BucketAlreadyOwnedByYou", 409, ErrorClass::AlreadyExists),
        ("OperationAborted", 409, ErrorClass::Conflict),
        ("ConditionalRequestConflict", 409, ErrorClass::Conflict),
        ("BucketNotEmpty", 409, ErrorClass::Invalid),
        ("MalformedPolicy", 400, ErrorClass::Invalid),
        ("InvalidArgument", 400, ErrorClass::Invalid),
        ("InvalidRequest", 400, ErrorClass::Invalid),
        ("InvalidBucketName", 400, ErrorClass::Invalid),
        ("InvalidLocationConstraint", 400, ErrorClass::Invalid),
        ("IllegalLocationConstraintException", 400, ErrorClass::Invalid),
        ("TooManyBuckets", 400, ErrorClass::Quota),
        ("PolicyTooLarge", 400, ErrorClass::Quota),
        ("SlowDown", 503, ErrorClass::Throttled),
    ];

    #[test]
    fn codes_have_their_classes() {
        for (code, status, class) in CODES {
            assert_eq!(classify(code, "", Some(*status)), *class, "{code}");
        }
    }

    /// A code that nobody here knows is what its status says; S3's HEAD answers have none at all.
    #[test]
    fn unknown_codes_go_by_their_status() {
        let statuses = [
            (Some(400), ErrorClass::Other),
            (Some(403), ErrorClass::Denied),
            (Some(404), ErrorClass::NotFound),
            (Some(405), ErrorClass::Denied),
            (Some(409), ErrorClass::Conflict),
            (Some(418), ErrorClass::Other),
            (Some(429), ErrorClass::Throttled),
            (Some(500), ErrorClass::Server),
            (Some(503), ErrorClass::Server),
            (Some(599), ErrorClass::Server),
            (Some(301), ErrorClass::Other),
            (None, ErrorClass::Other),
        ];
        for code in ["", "NeverHeardOf", "accessdenied", "AccessDenied "] {
            for (status, class) in statuses {
                assert_eq!(classify(code, "", status), class, "{code} {status:?}");
            }
        }
    }

    /// One code, and two errors: a principal that may come, and a document that will never do.
    #[test]
    fn a_principal_that_is_not_there_is_told_from_a_bad_document() {
        let messages = [
            ("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:role/New\"", ErrorClass::UnknownPrincipal),
            ("MalformedPolicy", "Invalid principal in policy", ErrorClass::UnknownPrincipal),
            ("MalformedPolicyDocument", "AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\".", ErrorClass::Invalid),
            ("MalformedPolicyDocument", "Has prohibited field Resource", ErrorClass::Invalid),
            ("MalformedPolicy", "Policy exceeds the maximum allowed document size.", ErrorClass::Invalid),
            ("AccessDenied", "Invalid principal in policy", ErrorClass::Denied),
            ("ValidationError", "Invalid principal in policy", ErrorClass::Invalid),
        ];
        for (code, message, class) in messages {
            assert_eq!(classify(code, message, Some(400)), class, "{code}: {message}");
        }
    }

    fn service(code: Option<&str>, message: &str, status: u16) -> CloudError {
        let mut meta = ErrorMetadata::builder().message(message);
        if let Some(code) = code {
            meta = meta.code(code);
        }
        let raw = Response::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        convert(SdkError::service_error(meta.build(), raw), "CreateRole", &account())
    }

    fn account() -> AccountId {
        AccountId::parse("222222222222").unwrap()
    }

    #[test]
    fn an_answer_says_its_code_or_its_status() {
        let error = service(Some("NoSuchEntity"), "The role with name X cannot be found.", 404);
        assert_eq!((error.class, error.code.as_str(), error.operation.as_str()), (ErrorClass::NotFound, "NoSuchEntity", "CreateRole"));
        assert_eq!(error.to_string(), "CreateRole in account 222222222222: NoSuchEntity: The role with name X cannot be found.");
        let error = service(None, "", 404);
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::NotFound, "HTTP 404"));
        let error = service(None, "", 200);
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::NotAws, "malformed answer"));
        assert_eq!(service(Some("ExpiredToken"), "", 403).class, ErrorClass::Credentials);
    }

    /// A proxy may answer with a whole web page.
    #[test]
    fn a_long_message_is_cut() {
        let error = service(Some("X"), &"é".repeat(5_000), 400);
        assert_eq!(error.message.chars().count(), MESSAGE_MOST + 1);
        assert!(error.message.ends_with('…'));
        assert_eq!(service(Some("X"), &"é".repeat(MESSAGE_MOST), 400).message.chars().count(), MESSAGE_MOST);
    }

    #[test]
    fn where_there_is_no_answer_the_cause_says_why() {
        let to_error = |error: SdkError<ErrorMetadata, HttpResponse>| convert(error, "ListRoles", &account());
        let error = to_error(SdkError::timeout_error("slow"));
        assert_eq!((error.class, error.code.as_str(), error.message.as_str()), (ErrorClass::Unanswered, "", "no answer in time"));
        let causes = [
            ("dns error: no such host iam.amazonaws.com", ErrorClass::Unresolved),
            ("failed to look up the address of s3.eu-nowhere-1.amazonaws.com", ErrorClass::Unresolved),
            ("client error (Connect): timed out", ErrorClass::Network),
            ("connection refused", ErrorClass::Network),
            ("tunnel error: unsuccessful, client error (Connect)", ErrorClass::Network),
            ("tunnel error: proxy authorization required", ErrorClass::Proxy),
            ("invalid peer certificate: UnknownIssuer", ErrorClass::Certificate),
            ("connection reset by peer", ErrorClass::Unanswered),
        ];
        for (cause, class) in causes {
            let asked = Asked { host: "iam.amazonaws.com".into(), begun: false, source: cause.into() };
            let error = to_error(SdkError::dispatch_failure(ConnectorError::other(asked.into(), None)));
            assert_eq!((error.class, error.message.as_str()), (class, format!("asking iam.amazonaws.com: {cause}").as_str()));
        }
        // Nothing was asked: what would have been sent could not be signed.
        for cause in ["the profile `prod` was not defined", "no credentials in the credential chain", "the SSO session has expired"] {
            let error = to_error(SdkError::dispatch_failure(ConnectorError::other(cause.into(), None)));
            assert_eq!((error.class, error.message.as_str()), (ErrorClass::Credentials, cause));
        }
        let raw = Response::new(StatusCode::try_from(200).unwrap(), SdkBody::empty());
        let error = to_error(SdkError::response_error("not XML", raw));
        assert_eq!((error.class, error.message.as_str()), (ErrorClass::NotAws, "the answer can't be read: not XML"));
    }
}
