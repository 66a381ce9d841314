//! What is read from refusals: captures of AWS's own, and what stands around them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by panicking")]

use crossrole_doctor::read;
use crossrole_model::access::Layer;
use crossrole_model::diagnosis::{Cause, DeniedReason};
use proptest::prelude::*;

const ANN: &str = "arn:aws:iam::111111111111:user/ann";

fn frame(action: &str, rest: &str) -> String {
    format!("User: {ANN} is not authorized to perform: {action}{rest}")
}

/// Each way in which a service spells the resource.
#[test]
fn resources_are_read_as_services_spell_them() {
    let key = "arn:aws:kms:eu-west-1:222222222222:key/k";
    for (action, rest, expected) in [
        (
            "iam:GetRole",
            " on resource: role Reader because no identity-based policy allows the iam:GetRole action",
            Some("arn:aws:iam::111111111111:role/Reader"),
        ),
        ("iam:GetUser", " on resource: user bob", Some("arn:aws:iam::111111111111:user/bob")),
        ("iam:GetGroup", " on resource: group G because no identity-based policy allows the iam:GetGroup action", Some("arn:aws:iam::111111111111:group/G")),
        ("iam:GetPolicy", " on resource: policy arn:aws:iam::111111111111:policy/P", Some("arn:aws:iam::111111111111:policy/P")),
        ("iam:ListPolicies", " on resource: policy path /", None),
        ("iam:ListRoles", " on resource: arn:aws:iam::111111111111:role/ because no identity-based policy allows it", Some("arn:aws:iam::111111111111:role/")),
        ("iam:GetAccountAuthorizationDetails", " on resource: *", Some("*")),
        ("sts:AssumeRole", " on resource: arn:aws:iam::222222222222:role/team/R", Some("arn:aws:iam::222222222222:role/team/R")),
        (
            "s3:GetObject",
            " on resource: \"arn:aws:s3:::b/a folder/x.csv\" because no resource-based policy allows the s3:GetObject action",
            Some("arn:aws:s3:::b/a folder/x.csv"),
        ),
        ("s3:ListAllMyBuckets", " because no identity-based policy allows the s3:ListAllMyBuckets action", None),
        (
            "kms:GenerateDataKey",
            " on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access",
            None,
        ),
        ("kms:Decrypt", " on the resource associated with this ciphertext because no identity-based policy allows the kms:Decrypt action", None),
        ("kms:DescribeKey", &format!(" on resource: {key} with an explicit deny in a resource control policy"), Some(key)),
    ] {
        let denied = read(&frame(action, rest));
        assert_eq!(denied.principal.as_deref(), Some(ANN), "{rest}");
        assert_eq!(denied.action.as_deref(), Some(action), "{rest}");
        assert_eq!(denied.resource.as_deref(), expected, "{rest}");
    }
}

/// Each kind of policy that a refusal names.
#[test]
fn reasons_are_read() {
    let of = |layer, explicit| Some(DeniedReason { layer: Some(layer), explicit: Some(explicit), endpoint: false });
    let scp = "arn:aws:organizations::999999999999:policy/o-a1/service_control_policy/p-b2";
    for (rest, expected, policy) in [
        ("", None, None),
        (" because no identity-based policy allows the s3:GetObject action", of(Layer::Identity, false), None),
        (" because no resource-based policy allows the s3:GetObject action", of(Layer::Resource, false), None),
        (" because no permissions boundary allows the s3:GetObject action", of(Layer::Boundary, false), None),
        (" because no session policy allows the s3:GetObject action", of(Layer::Session, false), None),
        (" because no service control policy allows the s3:GetObject action", of(Layer::ServiceControl, false), None),
        (" because no role trust policy allows the sts:AssumeRole action", of(Layer::Resource, false), None),
        (" because no VPC endpoint policy allows the s3:GetObject action", Some(DeniedReason { layer: None, explicit: Some(false), endpoint: true }), None),
        (" with an explicit deny in an identity-based policy", of(Layer::Identity, true), None),
        (
            " with an explicit deny in an identity-based policy: arn:aws:iam::111111111111:policy/No",
            of(Layer::Identity, true),
            Some("arn:aws:iam::111111111111:policy/No"),
        ),
        (
            " with an explicit deny in a permissions boundary: arn:aws:iam::111111111111:policy/Fence",
            of(Layer::Boundary, true),
            Some("arn:aws:iam::111111111111:policy/Fence"),
        ),
        (&format!(" with an explicit deny in a service control policy: {scp}"), of(Layer::ServiceControl, true), Some(scp)),
        (" with an explicit deny in a resource control policy", of(Layer::ResourceControl, true), None),
        (" with an explicit deny in a resource-based policy", of(Layer::Resource, true), None),
        (" with an explicit deny in a session policy", of(Layer::Session, true), None),
        (" with an explicit deny in a sessions policy", of(Layer::Session, true), None),
        (" with an explicit deny in the role trust policy", of(Layer::Resource, true), None),
        (
            " with an explicit deny in a VPC endpoint policy transitively through a service control policy",
            Some(DeniedReason { layer: None, explicit: Some(true), endpoint: true }),
            None,
        ),
        (" with an explicit deny", Some(DeniedReason { layer: None, explicit: Some(true), endpoint: false }), None),
    ] {
        let denied = read(&frame("s3:GetObject", &format!(" on resource: \"arn:aws:s3:::b/k\"{rest}")));
        assert_eq!(denied.reason, expected, "{rest}");
        assert_eq!(denied.policy.as_deref(), policy, "{rest}");
        assert_eq!(denied.resource.as_deref(), Some("arn:aws:s3:::b/k"), "{rest}");
    }
}

/// What stands around a refusal says nothing else.
#[test]
fn wrappings_are_taken_off() {
    let role = "arn:aws:iam::222222222222:role/R";
    let said = format!("User: {ANN} is not authorized to perform: sts:AssumeRole on resource: {role}");
    let folded = format!(
        "│ Error: Cannot assume IAM Role\n│ \n│ IAM Role ({role}) cannot be assumed.\n│ \n│ Error: operation error STS: AssumeRole, https response error\n│ StatusCode: 403, RequestID: 0f5c, api error AccessDenied: User:\n│ {ANN} is not authorized to perform:\n│ sts:AssumeRole on resource:\n│ {role}\n"
    );
    for text in [
        format!("\nAn error occurred (AccessDenied) when calling the AssumeRole operation: {said}\n"),
        format!(
            "Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\nbotocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the AssumeRole operation: {said}"
        ),
        format!("operation error STS: AssumeRole, https response error StatusCode: 403, RequestID: 0f5c, api error AccessDenied: {said}"),
        format!("AccessDenied: {said}\n\tstatus code: 403, request id: 0f5c"),
        format!("software.amazon.awssdk.services.sts.model.StsException: {said} (Service: Sts, Status Code: 403, Request ID: 0f5c)"),
        format!(
            "com.amazonaws.services.securitytoken.model.AWSSecurityTokenServiceException: {said} (Service: AWSSecurityTokenService; Status Code: 403; Error Code: AccessDenied; Request ID: 0f5c)"
        ),
        format!("<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{said}</Message></Error></ErrorResponse>"),
        format!("Error: ServiceError {{ source: Unhandled(ErrorMetadata {{ code: Some(\"AccessDenied\"), message: Some(\"{said}\") }}) }}"),
        folded,
    ] {
        let denied = read(&text);
        assert_eq!(
            (denied.principal.as_deref(), denied.action.as_deref(), denied.resource.as_deref()),
            (Some(ANN), Some("sts:AssumeRole"), Some(role)),
            "{text}"
        );
        assert!(denied.code == "AccessDenied" || text.starts_with("software"), "{} {text}", denied.code);
        assert_eq!(denied.cause, None, "{text}");
    }
    let bare = read("fatal error: An error occurred (403) when calling the HeadObject operation: Forbidden");
    assert_eq!((bare.code.as_str(), bare.operation.as_deref(), bare.action.as_deref()), ("403", Some("HeadObject"), Some("s3:GetObject")));
}

/// What is wrong before any policy is asked.
#[test]
fn causes_that_are_no_policies_are_told_apart() {
    for (text, expected) in [
        ("An error occurred (ExpiredToken) when calling the ListObjectsV2 operation: The provided token has expired.", Cause::ExpiredCredentials),
        (
            "An error occurred (ExpiredTokenException) when calling the Decrypt operation: The security token included in the request is expired",
            Cause::ExpiredCredentials,
        ),
        (
            "The SSO session associated with this profile has expired or is otherwise invalid. To refresh this SSO session run aws sso login with the corresponding profile.",
            Cause::ExpiredCredentials,
        ),
        ("Error when retrieving token from sso: Token has expired and refresh failed", Cause::ExpiredCredentials),
        ("The source_profile \"nope\" referenced in the profile \"x\" does not exist.", Cause::ProfileMissing),
        (
            "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token included in the request is invalid.",
            Cause::UnknownCredentials,
        ),
        (
            "An error occurred (InvalidAccessKeyId) when calling the ListBuckets operation: The AWS Access Key Id you provided does not exist in our records.",
            Cause::UnknownCredentials,
        ),
        (
            "An error occurred (UnrecognizedClientException) when calling the Decrypt operation: The security token included in the request is invalid.",
            Cause::UnknownCredentials,
        ),
        (
            "An error occurred (SignatureDoesNotMatch) when calling the AssumeRole operation: Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z (20260101T011500Z - 15 min.)",
            Cause::ClockSkew,
        ),
        (
            "An error occurred (SignatureDoesNotMatch) when calling the AssumeRole operation: The request signature we calculated does not match the signature you provided.",
            Cause::WrongSecret,
        ),
        (
            "An error occurred (RequestTimeTooSkewed) when calling the ListBuckets operation: The difference between the request time and the current time is too large.",
            Cause::ClockSkew,
        ),
        ("Unable to locate credentials. You can configure credentials by running \"aws configure\".", Cause::NoCredentials),
        ("NoCredentialProviders: no valid providers in chain. Deprecated.", Cause::NoCredentials),
        (
            "An error occurred (RegionDisabledException) when calling the AssumeRole operation: STS is not activated in this region for account:111111111111.",
            Cause::RegionDisabled,
        ),
        ("Could not connect to the endpoint URL: \"https://sts.eu-west-1.amazonaws.com/\"", Cause::Unreachable),
        ("dial tcp: lookup sts.eu-wset-1.amazonaws.com: no such host", Cause::Unresolved),
        ("curl: (6) Could not resolve host: s3.amazonaws.com", Cause::Unresolved),
        ("Failed to connect to proxy URL: \"http://proxy.example:3128\"", Cause::Proxy),
        ("Error: proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused", Cause::Proxy),
        ("SSL validation failed for https://sts.amazonaws.com/ [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", Cause::Certificate),
        ("x509: certificate signed by unknown authority", Cause::Certificate),
        ("An error occurred (Throttling) when calling the AssumeRole operation: Rate exceeded", Cause::Throttled),
        ("An error occurred (AccessDenied) when calling the AssumeRole operation: Roles may not be assumed by root accounts.", Cause::RootAssumes),
        (
            "An error occurred (ValidationError) when calling the AssumeRole operation: The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            Cause::SessionTooLong,
        ),
        (
            "An error occurred (ValidationError) when calling the AssumeRole operation: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            Cause::ChainedTooLong,
        ),
        (
            "User: x is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::b\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
            Cause::PublicPolicyBlocked,
        ),
        ("because public policies are blocked by the BlockPublicPolicy block public access setting.", Cause::PublicPolicyBlocked),
        ("because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access.", Cause::PublicAclBlocked),
        ("because this bucket has blocked upload requests that specify Server Side Encryption with Customer provided keys (SSE-C).", Cause::EncryptionBlocked),
        ("An error occurred (KMS.DisabledException) when calling the GetObject operation: arn:aws:kms:r:1:key/k is disabled.", Cause::KeyDisabled),
        (
            "An error occurred (KMSInvalidStateException) when calling the Decrypt operation: arn:aws:kms:r:1:key/k is pending deletion.",
            Cause::KeyPendingDeletion,
        ),
        ("<Error><Code>AccessDenied</Code><Message>Request has expired</Message><X-Amz-Expires>60</X-Amz-Expires></Error>", Cause::LinkExpired),
        ("<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message><BucketName>b</BucketName></Error>", Cause::BucketMissing),
    ] {
        assert_eq!(read(text).cause, Some(expected), "{text}");
    }
}

#[test]
fn regions_that_errors_tell_are_read() {
    for (text, region) in [
        (
            "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message><Region>eu-west-1</Region></Error>",
            Some("eu-west-1"),
        ),
        (
            "An error occurred (AuthorizationHeaderMalformed) when calling the ListObjectsV2 operation: The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
            Some("eu-west-1"),
        ),
        (
            "<Error><Code>PermanentRedirect</Code><Message>…</Message><Endpoint>b.s3.ap-southeast-1.amazonaws.com</Endpoint><Bucket>b</Bucket></Error>",
            Some("ap-southeast-1"),
        ),
        ("<Error><Code>PermanentRedirect</Code><Endpoint>b.s3-eu-west-1.amazonaws.com</Endpoint></Error>", Some("eu-west-1")),
        ("<Error><Code>PermanentRedirect</Code><Endpoint>b.s3.\u{1b}[31m.amazonaws.com</Endpoint></Error>", None),
    ] {
        let denied = read(text);
        assert_eq!((denied.cause, denied.region.as_deref()), (Some(Cause::WrongRegion), region), "{text}");
    }
}

/// A message for `sts:DecodeAuthorizationMessage`, and what that answers.
#[test]
fn encoded_messages_are_found_and_read() {
    let text = "An error occurred (UnauthorizedOperation) when calling the RunInstances operation: You are not authorized to perform this operation. User: arn:aws:iam::111111111111:user/ann is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-1:111111111111:instance/* because no identity-based policy allows the ec2:RunInstances action. Encoded authorization failure message: oGsbAaIV7w-_x";
    let denied = read(text);
    assert_eq!((denied.encoded.as_deref(), denied.action.as_deref()), (Some("oGsbAaIV7w-_x"), Some("ec2:RunInstances")));
    let decoded = r#"{"allowed":false,"explicitDeny":true,"matchedStatements":{"items":[]},"failures":{"items":[]},"context":{"principal":{"id":"AIDA","name":"ann","arn":"arn:aws:iam::111111111111:user/ann"},"action":"s3:GetObject","resource":"arn:aws:s3:::b/k","conditions":{"items":[{"key":"aws:SourceIp","values":{"items":[{"value":"203.0.113.9"}]}}]}}}"#;
    for text in [decoded.to_owned(), serde_json::json!({ "DecodedMessage": decoded }).to_string()] {
        let denied = read(&text);
        assert_eq!(
            (denied.principal.as_deref(), denied.action.as_deref(), denied.resource.as_deref()),
            (Some(ANN), Some("s3:GetObject"), Some("arn:aws:s3:::b/k"))
        );
        assert_eq!(denied.brought.unwrap().context["aws:SourceIp"], ["203.0.113.9"]);
    }
}

/// One event, as a record, in a file, as EventBridge sends it, and as `lookup-events` prints it.
#[test]
fn events_are_read_however_they_come() {
    let event = serde_json::json!({
        "eventVersion": "1.11", "eventTime": "2026-11-01T10:00:00Z", "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "awsRegion": "eu-west-1",
        "userIdentity": {"type": "IAMUser", "arn": ANN, "accountId": "111111111111", "userName": "ann"},
        "sourceIPAddress": "203.0.113.9", "errorCode": "AccessDenied",
        "errorMessage": format!("User: {ANN} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/R"),
        "requestParameters": {"roleArn": "arn:aws:iam::222222222222:role/R", "roleSessionName": "s", "externalId": "e-1", "durationSeconds": 7200, "serialNumber": "arn:aws:iam::111111111111:mfa/ann", "sourceIdentity": "ann"},
    });
    let good = serde_json::json!({"eventSource": "sts.amazonaws.com", "eventName": "GetCallerIdentity"});
    for value in [
        event.clone(),
        serde_json::json!({ "Records": [good, event] }),
        serde_json::json!({ "version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": event }),
        serde_json::json!({ "Events": [{ "EventId": "x", "CloudTrailEvent": event.to_string(), "errorCode": "AccessDenied" }] }),
    ] {
        let denied = read(&value.to_string());
        assert_eq!(
            (denied.principal.as_deref(), denied.action.as_deref(), denied.resource.as_deref()),
            (Some(ANN), Some("sts:AssumeRole"), Some("arn:aws:iam::222222222222:role/R")),
            "{value}"
        );
        let brought = denied.brought.unwrap();
        assert_eq!((brought.duration, brought.source_identity, brought.session_tags), (Some(7_200), true, false));
        for (key, value) in
            [("sts:ExternalId", "e-1"), ("aws:MultiFactorAuthPresent", "true"), ("aws:SourceIp", "203.0.113.9"), ("aws:CurrentTime", "2026-11-01T10:00:00Z")]
        {
            assert_eq!(brought.context[key], [value]);
        }
    }
    let object = serde_json::json!({
        "eventSource": "s3.amazonaws.com", "eventName": "HeadObject", "errorCode": "AccessDenied", "errorMessage": "Access Denied",
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111111111111:assumed-role/R/s"}, "sourceIPAddress": "cloudtrail.amazonaws.com",
        "requestParameters": {"bucketName": "b", "key": "a/k"},
    });
    let denied = read(&object.to_string());
    assert_eq!((denied.action.as_deref(), denied.resource.as_deref()), (Some("s3:GetObject"), Some("arn:aws:s3:::b/a/k")));
    assert!(!denied.brought.unwrap().context.contains_key("aws:SourceIp"), "a service's name is no address");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever comes in, nothing breaks, and what comes out is part of it or known.
    #[test]
    fn arbitrary_texts_are_read(text in "\\PC{0,200}", frame in any::<bool>(), cut in 0_usize..200) {
        let real = format!("An error occurred (AccessDenied) when calling the GetObject operation: User: {ANN} is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::b/k\" with an explicit deny in a resource-based policy: arn:x Encoded authorization failure message: abc <Code>{text}</Code> \"__type\":{text}");
        let cut: String = real.chars().take(cut).collect();
        let whole = if frame { format!("{text}{cut}{text}") } else { format!("{cut}{text}") };
        let denied = read(&whole);
        prop_assert!(denied.code.len() <= 64);
        prop_assert!(denied.action.is_none_or(|action| action.contains(':')));
    }

    #[test]
    fn arbitrary_json_is_read(key in "eventName|eventSource|detail|Records|message|context|explicitDeny|requestParameters", text in "\\PC{0,40}", number in any::<i64>()) {
        for value in [serde_json::json!({ &key: text }), serde_json::json!({ &key: { &key: [number, null, { &key: text }] } }), serde_json::json!([{ &key: number }])] {
            read(&value.to_string());
        }
        let deep = format!("{}{}", "{\"detail\":".repeat(100), "1");
        read(&deep);
    }
}

/// What clients print, and what of the call is read from it: `code action resource cause`, a dash for what is not told.
#[test]
fn clients_tell_what_they_were_at() {
    let role = "arn:aws:iam::222222222222:role/R";
    let key = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let assume = format!("User: {ANN} is not authorized to perform: sts:AssumeRole on resource: {role}");
    let denied_role = format!("AccessDenied sts:AssumeRole {role} -");
    let disabled = format!("DisabledException kms:Decrypt {key} KeyDisabled");
    let texts: Vec<(String, &str)> = [
        // AWS CLI and boto3
        ("fatal error: An error occurred (403) when calling the HeadObject operation: Forbidden", "403 s3:GetObject - -"),
        ("fatal error: An error occurred (404) when calling the HeadObject operation: Key \"a/k\" does not exist", "404 s3:GetObject - ObjectMissing"),
        ("An error occurred (404) when calling the HeadObject operation: Not Found", "404 s3:GetObject - ObjectMissing"),
        ("An error occurred (404) when calling the HeadBucket operation: Not Found", "404 s3:ListBucket - BucketMissing"),
        ("An error occurred (301) when calling the HeadObject operation: Moved Permanently", "301 s3:GetObject - WrongRegion"),
        ("An error occurred (400) when calling the HeadObject operation: Bad Request", "400 s3:GetObject - RequestInvalid"),
        ("An error occurred (503) when calling the HeadObject operation: Service Unavailable", "503 s3:GetObject - ServiceFailed"),
        ("upload failed: ./x y.csv to s3://bkt/a b/x y.csv An error occurred (AccessDenied) when calling the PutObject operation: Access Denied", "AccessDenied s3:PutObject arn:aws:s3:::bkt/a b/x y.csv -"),
        ("download failed: s3://bkt/a/k to ./k An error occurred (AccessDenied) when calling the GetObject operation: Access Denied", "AccessDenied s3:GetObject arn:aws:s3:::bkt/a/k -"),
        ("copy failed: s3://one/k to s3://two/k An error occurred (AccessDenied) when calling the CopyObject operation: Access Denied", "AccessDenied s3:PutObject arn:aws:s3:::two/k -"),
        ("delete failed: s3://bkt/a/k An error occurred (AccessDenied) when calling the DeleteObject operation: Access Denied", "AccessDenied s3:DeleteObject arn:aws:s3:::bkt/a/k -"),
        ("$ aws s3 ls s3://bkt/reports/\n\nAn error occurred (AccessDenied) when calling the ListObjectsV2 operation: Access Denied", "AccessDenied s3:ListBucket arn:aws:s3:::bkt -"),
        ("upload failed: ./baz to s3://bkt/baz A client error (AccessDenied) occurred when calling the PutObject operation: Access Denied", "AccessDenied s3:PutObject arn:aws:s3:::bkt/baz -"),
        ("boto3.exceptions.S3UploadFailedError: Failed to upload up/v1.mp3 to drive/uploads/v1.mp3: An error occurred (AccessDenied) when calling the PutObject operation: Access Denied", "AccessDenied s3:PutObject arn:aws:s3:::drive/uploads/v1.mp3 -"),
        ("An error occurred (AccessDenied) when calling the ListBuckets operation: Access Denied", "AccessDenied s3:ListAllMyBuckets - -"),
        ("The config profile (foo) could not be found", "- - - ProfileMissing"),
        ("botocore.exceptions.ProfileNotFound: The config profile (foo) could not be found", "ProfileNotFound - - ProfileMissing"),
        ("Partial credentials found in shared-credentials-file, missing: aws_secret_access_key", "- - - NoCredentials"),
        ("You must specify a region. You can also configure your region by running \"aws configure\".", "- - - RegionMissing"),
        ("An error occurred (AccessDenied) when calling the AssumeRole operation: MultiFactorAuthentication failed with invalid MFA one time pass code. ", "AccessDenied sts:AssumeRole - MfaRefused"),
        ("An error occurred (ForbiddenException) when calling the GetRoleCredentials operation: No access", "ForbiddenException - - NotAssigned"),
        ("An error occurred (AllAccessDisabled) when calling the PutObject operation: All access to this object has been disabled", "AllAccessDisabled s3:PutObject - AccessDisabled"),
        ("An error occurred (MalformedPolicy) when calling the PutBucketPolicy operation: Invalid principal in policy", "MalformedPolicy s3:PutBucketPolicy - PolicyMalformed"),
        ("An error occurred (IllegalLocationConstraintException) when calling the CreateBucket operation: The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.", "IllegalLocationConstraintException - - WrongRegion"),
        ("An error occurred (InvalidObjectState) when calling the GetObject operation: The operation is not valid for the object's storage class", "InvalidObjectState s3:GetObject - ObjectArchived"),
        ("An error occurred (MethodNotAllowed) when calling the GetBucketPolicy operation: The specified method is not allowed against this resource.", "MethodNotAllowed s3:GetBucketPolicy - OwnersOnly"),
        ("An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com", "InvalidIdentityToken sts:AssumeRoleWithWebIdentity - TokenNotTaken"),
        ("An error occurred (AccessDeniedException) when calling the Decrypt operation: The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.", "AccessDeniedException kms:Decrypt - -"),
        // Go, and Terraform
        ("operation error S3: HeadObject, https response error StatusCode: 403, RequestID: 0f5c, HostID: q=, api error Forbidden: Forbidden", "Forbidden s3:GetObject - -"),
        ("operation error S3: HeadObject, https response error StatusCode: 404, RequestID: 0f5c, HostID: q=, NotFound: ", "404 s3:GetObject - ObjectMissing"),
        ("│ Error: Failed to get existing workspaces: Unable to list objects in S3 bucket \"state-bkt\": operation error S3: ListObjectsV2, https response error StatusCode: 403, RequestID: 0f, HostID: q, api error AccessDenied: Access Denied", "AccessDenied s3:ListBucket arn:aws:s3:::state-bkt -"),
        ("│ Error: Error refreshing state: Unable to access object \"env/terraform.tfstate\" in S3 bucket \"bkt\": operation error S3: HeadObject, https response error StatusCode: 403, RequestID: P, HostID: n, api error Forbidden: Forbidden", "Forbidden s3:GetObject arn:aws:s3:::bkt/env/terraform.tfstate -"),
        ("Error loading state: AccessDenied: Access Denied\n\tstatus code: 403, request id: 0f5c, host id: q=", "AccessDenied - - -"),
        ("failed to get shared config profile, foo", "- - - ProfileMissing"),
        ("operation error STS: AssumeRole, get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata, request canceled, context deadline exceeded", "- sts:AssumeRole - Unreachable"),
        // Java
        ("com.amazonaws.services.s3.model.AmazonS3Exception: Forbidden (Service: Amazon S3; Status Code: 403; Error Code: 403 Forbidden; Request ID: 17F; S3 Extended Request ID: A7=)\n\tat com.amazonaws.services.s3.AmazonS3Client.getObjectMetadata(AmazonS3Client.java:1015)", "403 - - -"),
        ("org.apache.hadoop.fs.s3a.S3AFileSystem: getFileStatus on s3a://bkt/a/k: com.amazonaws.services.s3.model.AmazonS3Exception: Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: 17F)", "AccessDenied - arn:aws:s3:::bkt/a/k -"),
        ("software.amazon.awssdk.services.s3.model.S3Exception: Access Denied (Service: S3, Status Code: 403, Request ID: 0f5c, Extended Request ID: x)\n\tat software.amazon.awssdk.services.s3.DefaultS3Client.getObject(DefaultS3Client.java:5)", "AccessDenied s3:GetObject - -"),
        ("software.amazon.awssdk.services.s3.model.NoSuchKeyException: The specified key does not exist. (Service: S3, Status Code: 404, Request ID: 0f5c)", "NoSuchKey - - ObjectMissing"),
        ("software.amazon.awssdk.services.s3.model.S3Exception: null (Service: S3, Status Code: 403, Request ID: null)", "403 - - -"),
        ("The bucket is in this region: eu-west-1. Please use this region to retry the request (Service: Amazon S3; Status Code: 301; Error Code: PermanentRedirect; Request ID: 0)", "PermanentRedirect - - WrongRegion"),
        // JavaScript
        ("AccessDenied: Access Denied\n    at throwDefaultError (/app/node_modules/@smithy/smithy-client/dist-cjs/index.js:840:20)\n    at de_GetObjectCommandError (/app/node_modules/@aws-sdk/client-s3/dist-cjs/index.js:1) {\n  '$fault': 'client',\n  '$metadata': { httpStatusCode: 403 },\n  Code: 'AccessDenied',", "AccessDenied s3:GetObject - -"),
        ("Unknown: UnknownError\n    at de_HeadObjectCommandError (index.js:1) {\n '$metadata': { httpStatusCode: 403, requestId: 'X' } }", "403 s3:GetObject - -"),
        ("403: UnknownError", "403 - - -"),
        ("Forbidden: null\n    at Request.extractError (/opt/nodejs/node_modules/aws-sdk/lib/services/s3.js:691:35) {\n  code: 'Forbidden',\n  statusCode: 403,", "Forbidden - - -"),
        ("CredentialsProviderError: Could not load credentials from any providers", "CredentialsProviderError - - NoCredentials"),
        // Others
        ("PHP Fatal error: Error executing \"GetObject\" on \"https://bkt.s3.eu-west-1.amazonaws.com/a%20k?x=1\"; AWS HTTP error: Client error: `GET https://bkt.s3.eu-west-1.amazonaws.com/a%20k` resulted in a `403 Forbidden` response: <Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", "AccessDenied s3:GetObject arn:aws:s3:::bkt/a k -"),
        ("Aws::S3::Errors::AccessDenied: Access Denied", "AccessDenied - - -"),
        ("curl: (22) The requested URL returned error: 403", "403 - - -"),
        ("<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>a/k</Key><RequestId>0</RequestId></Error>", "NoSuchKey - - ObjectMissing"),
        ("<Error><Code>AccessDenied</Code><Message>Access Denied</Message><Resource>/bkt/a/k</Resource></Error>", "AccessDenied - arn:aws:s3:::bkt/a/k -"),
        ("HEAD https://s3.eu-west-1.amazonaws.com/bkt/a/k: 403 Forbidden", "403 s3:GetObject arn:aws:s3:::bkt/a/k -"),
    ]
    .map(|(text, expected)| (text.to_owned(), expected))
    .into_iter()
    .collect();
    let more = [
        (
            format!(
                "Error: Cannot assume IAM Role\n IAM Role ({role}) cannot be assumed.\n operation error STS: AssumeRole, https response error StatusCode: 403, RequestID: 0, api error AccessDenied: {assume}"
            ),
            denied_role.as_str(),
        ),
        (format!("An error occurred (DisabledException) when calling the Decrypt operation: {key} is disabled."), disabled.as_str()),
        (
            format!(
                "Error: error configuring Terraform AWS Provider: IAM Role ({role}) cannot be assumed. operation error STS: AssumeRole, exceeded maximum number of attempts, api error ExpiredToken: The security token included in the request is expired"
            ),
            "ExpiredToken sts:AssumeRole arn:aws:iam::222222222222:role/R ExpiredCredentials",
        ),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in texts.into_iter().chain(more) {
        let denied = read(&text);
        let or_dash = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
        let cause = denied.cause.map_or_else(|| "-".to_owned(), |cause| format!("{cause:?}"));
        let found = [or_dash(Some(&denied.code)), or_dash(denied.action.as_deref()), or_dash(denied.resource.as_deref()), cause].join(" ");
        if found != expected {
            wrong.push(format!("{text}\n  found    {found}\n  expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    let listed = read("aws s3 ls s3://bkt/reports/ : An error occurred (AccessDenied) when calling the ListObjectsV2 operation: Access Denied");
    assert_eq!(listed.brought.unwrap().context["s3:prefix"], ["reports/"]);
}
