//! Error codes to classes: the one place that looks at them.

use crossrole_model::ErrorClass;

/// Codes of IAM, STS, S3, KMS and IAM Identity Center (their API references); S3's HEAD answers have none, so the status decides.
pub(crate) fn classify(code: &str, message: &str, status: Option<u16>) -> ErrorClass {
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
        | "NotFoundException"
        | "ResourceNotFoundException"
        | "ServerSideEncryptionConfigurationNotFoundError" => ErrorClass::NotFound,
        "EntityAlreadyExists" | "BucketAlreadyExists" | "BucketAlreadyOwnedByYou" | "AlreadyExistsException" => ErrorClass::AlreadyExists,
        "MalformedPolicyDocument" | "MalformedPolicy" if message.contains("Invalid principal") => ErrorClass::UnknownPrincipal,
        // KMS never says which it is (KMS API reference, PutKeyPolicy).
        "MalformedPolicyDocumentException" if message.contains("invalid principals") => ErrorClass::UnknownPrincipal,
        "ConcurrentModification"
        | "OperationAborted"
        | "DeleteConflict"
        | "ConflictException"
        | "EntityTemporarilyUnmodifiable"
        | "ConditionalRequestConflict" => ErrorClass::Conflict,
        "LimitExceeded" | "LimitExceededException" | "ServiceQuotaExceededException" | "TooManyBuckets" | "PolicyTooLarge" => ErrorClass::Quota,
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
        | "InvalidIdentityToken"
        | "AuthFailure"
        | "UnrecognizedClientException" => ErrorClass::Credentials,
        "ServiceFailure"
        | "InternalError"
        | "ServiceUnavailable"
        | "IDPCommunicationError"
        | "KMSInternalException"
        | "InternalServerException"
        | "DependencyTimeoutException" => ErrorClass::Server,
        "MalformedPolicyDocument"
        | "MalformedPolicyDocumentException"
        | "MalformedPolicy"
        | "InvalidArnException"
        | "UnsupportedOperationException"
        | "ValidationException"
        | "ValidationError"
        | "InvalidInput"
        | "InvalidArgument"
        | "InvalidRequest"
        | "UnmodifiableEntity"
        | "PolicyNotAttachable"
        | "InvalidBucketName"
        | "InvalidLocationConstraint"
        | "IllegalLocationConstraintException" => ErrorClass::Invalid,
        "BucketNotEmpty" => ErrorClass::NotEmpty,
        "KMSInvalidStateException" | "DisabledException" => ErrorClass::State,
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
        ("InvalidIdentityToken", 400, ErrorClass::Credentials),
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
        ("AlreadyExistsException", 400, ErrorClass::AlreadyExists),
        ("ResourceNotFoundException", 400, ErrorClass::NotFound),
        ("ConflictException", 400, ErrorClass::Conflict),
        ("ServiceQuotaExceededException", 400, ErrorClass::Quota),
        ("InternalServerException", 500, ErrorClass::Server),
        ("OperationAborted", 409, ErrorClass::Conflict),
        ("ConditionalRequestConflict", 409, ErrorClass::Conflict),
        ("BucketNotEmpty", 409, ErrorClass::NotEmpty),
        ("MalformedPolicy", 400, ErrorClass::Invalid),
        ("InvalidArgument", 400, ErrorClass::Invalid),
        ("InvalidRequest", 400, ErrorClass::Invalid),
        ("InvalidBucketName", 400, ErrorClass::Invalid),
        ("InvalidLocationConstraint", 400, ErrorClass::Invalid),
        ("IllegalLocationConstraintException", 400, ErrorClass::Invalid),
        ("TooManyBuckets", 400, ErrorClass::Quota),
        ("PolicyTooLarge", 400, ErrorClass::Quota),
        ("SlowDown", 503, ErrorClass::Throttled),
        // KMS.
        ("NotFoundException", 400, ErrorClass::NotFound),
        ("InvalidArnException", 400, ErrorClass::Invalid),
        ("MalformedPolicyDocumentException", 400, ErrorClass::Invalid),
        ("KMSInvalidStateException", 400, ErrorClass::State),
        ("DisabledException", 400, ErrorClass::State),
        ("UnsupportedOperationException", 400, ErrorClass::Invalid),
        ("ValidationException", 400, ErrorClass::Invalid),
        ("LimitExceededException", 400, ErrorClass::Quota),
        ("DependencyTimeoutException", 503, ErrorClass::Server),
        ("KMSInternalException", 500, ErrorClass::Server),
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
            ("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals.", ErrorClass::UnknownPrincipal),
            ("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.", ErrorClass::Invalid),
            ("MalformedPolicyDocument", "Has prohibited field Resource", ErrorClass::Invalid),
            ("MalformedPolicy", "Policy exceeds the maximum allowed document size.", ErrorClass::Invalid),
            ("AccessDenied", "Invalid principal in policy", ErrorClass::Denied),
            ("ValidationError", "Invalid principal in policy", ErrorClass::Invalid),
        ];
        for (code, message, class) in messages {
            assert_eq!(classify(code, message, Some(400)), class, "{code}: {message}");
        }
    }
}
