//! SDK errors to [`CloudError`].

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::display::DisplayErrorContext;
use crossrole_model::{AccountId, CloudError, ErrorClass};

use crate::answer::{Asked, Found, NotAws};
use crate::causes::{find, innermost};
use crate::code::classify;
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
        // What is not constructed could not be signed, or addressed.
        SdkError::DispatchFailure(_) => return unanswered(&error, operation, account),
        SdkError::ConstructionFailure(_) if find::<CredentialsError>(&error).is_some() => return unanswered(&error, operation, account),
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
fn unanswered(error: &(dyn std::error::Error + 'static), operation: &str, account: &AccountId) -> CloudError {
    let of = |class, message: String| CloudError {
        class,
        operation: operation.to_owned(),
        account: Some(account.clone()),
        code: String::new(),
        message: shortened(&message),
        request_id: None,
    };
    if let Some(other) = find::<NotAws>(error) {
        let class = match (other.found, other.status) {
            (Found::ProxyAuthentication, _) => ErrorClass::Proxy,
            (_, 429) => ErrorClass::Throttled,
            (_, 500..) => ErrorClass::Server,
            _ => ErrorClass::NotAws,
        };
        return of(class, other.to_string());
    }
    if let Some(asked) = find::<Asked>(error) {
        let class = connection(&DisplayErrorContext(asked).to_string(), asked.begun);
        return of(class, format!("{asked}: {}", innermost(asked)));
    }
    // It never came to asking: what was to be sent could not be signed.
    match find::<Trouble>(error) {
        Some(Trouble::Refused { operation, role, profile, code, message }) => CloudError {
            operation: format!("{operation} of {role}{}", profile.as_ref().map_or_else(String::new, |name| format!(" for profile `{name}`"))),
            code: code.clone(),
            ..of(not_assumed(classify(code, message, None)), message.clone())
        },
        Some(trouble @ Trouble::Silent { .. }) => of(ErrorClass::Unanswered, trouble.to_string()),
        Some(trouble) => of(ErrorClass::Credentials, trouble.to_string()),
        None => of(ErrorClass::Credentials, innermost(error)),
    }
}

/// A role that is not given, whatever the code: what to do about that is no matter of the manifest.
fn not_assumed(class: ErrorClass) -> ErrorClass {
    match class {
        ErrorClass::Credentials | ErrorClass::Throttled | ErrorClass::Server | ErrorClass::Network => class,
        _ => ErrorClass::NotAssumed,
    }
}

/// Converts the error of whoever should have given credentials for `account`.
pub(crate) fn credentials(error: &CredentialsError, account: &AccountId) -> CloudError {
    unanswered(error, "credentials", account)
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

fn shortened(message: &str) -> String {
    if message.chars().count() <= MESSAGE_MOST {
        return message.to_owned();
    }
    message.chars().take(MESSAGE_MOST).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::{Response, StatusCode};
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

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
