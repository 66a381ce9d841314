//! Refusals in JSON: an event of CloudTrail (alone, in `Records`, or as EventBridge and Athena hand it on), a decoded authorization
//! message, and the error of a service that answers in JSON.

use crossrole_model::diagnosis::{Brought, Denied};
use crossrole_policy::Arn;
use serde_json::Value;

use crate::{denial, operation};

/// Events of one file that are looked through for one that was refused.
const RECORDS_MOST: usize = 10_000;

/// Reads JSON; `None` where it is none, or none of these.
pub(crate) fn read(text: &str) -> Option<Denied> {
    let value: Value = serde_json::from_str(text).ok()?;
    refused(&value)
}

fn refused(value: &Value) -> Option<Denied> {
    if let Some(records) = value.get("Records").or_else(|| value.get("Events")).unwrap_or(value).as_array() {
        let known: Vec<&Value> = records.iter().take(RECORDS_MOST).collect();
        let failed = known.iter().find(|record| text(record, "errorCode").is_some()).or_else(|| known.first())?;
        return refused(failed);
    }
    if let Some(detail) = value.get("detail").filter(|detail| detail.is_object()) {
        return refused(detail);
    }
    // As `lookup-events` gives it: the event is a text in the event.
    for wrapped in ["CloudTrailEvent", "DecodedMessage", "Message"] {
        if let Some(inner) = text(value, wrapped).and_then(|inner| serde_json::from_str::<Value>(inner).ok()) {
            return refused(&inner);
        }
    }
    if value.get("eventSource").is_some() && value.get("eventName").is_some() {
        return Some(of_event(value));
    }
    if value.get("explicitDeny").is_some() {
        return Some(of_message(value));
    }
    let message = text(value, "message").or_else(|| text(value, "Message"))?;
    let code = text(value, "__type").or_else(|| text(value, "Code")).unwrap_or_default();
    Some(denial::of_text(&format!("An error occurred ({}) : {message}", code.rsplit('#').next().unwrap_or(code))))
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// A number, or a text of one.
fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok()).or_else(|| value.as_str()?.parse().ok())
}

/// An event (CloudTrail User Guide, "CloudTrail record contents").
fn of_event(event: &Value) -> Denied {
    let (code, message) = (text(event, "errorCode").unwrap_or_default(), text(event, "errorMessage").unwrap_or_default());
    let told = denial::of_text(&format!("An error occurred ({code}) : {message}"));
    let (source, name) = (text(event, "eventSource").unwrap_or_default(), text(event, "eventName").unwrap_or_default());
    let identity = event.get("userIdentity").unwrap_or(&Value::Null);
    let principal = text(identity, "arn").or_else(|| text(identity, "invokedBy")).or_else(|| text(identity, "accountId")).map(str::to_owned);
    Denied {
        code: told.code,
        operation: Some(name.to_owned()),
        principal: told.principal.or(principal),
        action: told.action.or_else(|| operation::of(source, name)),
        resource: told.resource.filter(|arn| Arn::parse(arn).is_some()).or_else(|| resource(event)),
        reason: told.reason,
        policy: told.policy,
        cause: told.cause,
        region: told.region,
        encoded: told.encoded,
        brought: Some(brought(event)),
        through: None,
        object: None,
    }
}

/// What is copied: `bucket/key`, with its version behind it, as the header has it (S3 API Reference, CopyObject).
fn copied(asked: &Value) -> Option<String> {
    let source = text(asked, "x-amz-copy-source").or_else(|| at(asked, &["x-amz-copy-source"])?.get(0)?.as_str())?;
    let name = crate::clients::decoded(source.split("?versionId=").next().unwrap_or(source));
    let name = name.trim_start_matches('/');
    let is_object = name.split_once('/').is_some_and(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
    (is_object && !name.starts_with("arn:")).then(|| format!("arn:aws:s3:::{name}"))
}

/// What an event is about: the bucket or object, the role, the key.
fn resource(event: &Value) -> Option<String> {
    let asked = event.get("requestParameters").unwrap_or(&Value::Null);
    if let Some(role) = text(asked, "roleArn") {
        return Some(role.to_owned());
    }
    if let Some(bucket) = text(asked, "bucketName") {
        let key = text(asked, "key").map(|key| format!("/{key}")).unwrap_or_default();
        return Some(format!("arn:aws:s3:::{bucket}{key}"));
    }
    let listed = event.get("resources").and_then(Value::as_array).into_iter().flatten().filter_map(|one| text(one, "ARN").or_else(|| text(one, "arn")));
    let mut listed: Vec<&str> = listed.collect();
    // An object stands beside its bucket.
    listed.sort_by_key(|arn| std::cmp::Reverse(arn.len()));
    let key = text(asked, "keyId").filter(|id| Arn::parse(id).is_some());
    key.or_else(|| listed.first().copied()).map(str::to_owned)
}

fn brought(event: &Value) -> Brought {
    let asked = event.get("requestParameters").unwrap_or(&Value::Null);
    let mut brought = Brought {
        duration: asked.get("durationSeconds").and_then(number),
        session_tags: at(asked, &["tags"]).and_then(Value::as_array).is_some_and(|tags| !tags.is_empty()),
        source_identity: text(asked, "sourceIdentity").is_some(),
        copies: copied(asked),
        session_policy: text(asked, "policy").is_some() || at(asked, &["policyArns"]).is_some(),
        ..Brought::default()
    };
    let mut one = |key: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            brought.context.insert(key.to_owned(), vec![value.to_owned()]);
        }
    };
    one("aws:CurrentTime", text(event, "eventTime"));
    // Of calls that services make, it is the service's name.
    one("aws:SourceIp", text(event, "sourceIPAddress").filter(|text| text.parse::<std::net::IpAddr>().is_ok()));
    one("aws:SourceVpce", text(event, "vpcEndpointId"));
    one("aws:RequestedRegion", text(event, "awsRegion"));
    one("sts:ExternalId", text(asked, "externalId"));
    one("sts:RoleSessionName", text(asked, "roleSessionName"));
    one("sts:SourceIdentity", text(asked, "sourceIdentity"));
    one("s3:prefix", text(asked, "prefix"));
    one("aws:UserAgent", text(event, "userAgent"));
    for header in ["x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-acl", "x-amz-storage-class"] {
        one(&format!("s3:{header}"), text(asked, header));
    }
    let created = at(event, &["userIdentity", "sessionContext", "attributes", "creationDate"]).and_then(Value::as_str);
    let is_session = at(event, &["userIdentity", "type"]).and_then(Value::as_str) == Some("AssumedRole");
    one("aws:TokenIssueTime", created.filter(|_| is_session));
    one("aws:userid", at(event, &["userIdentity", "principalId"]).and_then(Value::as_str).filter(|_| is_session));
    one("aws:SourceIdentity", at(event, &["userIdentity", "sessionContext", "sourceIdentity"]).and_then(Value::as_str));
    let session = at(event, &["userIdentity", "sessionContext", "attributes", "mfaAuthenticated"]);
    let second = session.is_some_and(|is| is.as_str() == Some("true") || is.as_bool() == Some(true)) || text(asked, "serialNumber").is_some();
    one("aws:MultiFactorAuthPresent", second.then_some("true"));
    one("aws:MultiFactorAuthAge", second.then_some("0"));
    for (name, value) in at(asked, &["encryptionContext"]).and_then(Value::as_object).into_iter().flatten() {
        one(&format!("kms:EncryptionContext:{name}"), value.as_str());
    }
    brought
}

/// A decoded message (STS API reference, DecodeAuthorizationMessage).
fn of_message(message: &Value) -> Denied {
    let context = message.get("context").unwrap_or(&Value::Null);
    let mut brought = Brought::default();
    let items = at(context, &["conditions", "items"]).and_then(Value::as_array);
    for item in items.into_iter().flatten() {
        let values = at(item, &["values", "items"]).and_then(Value::as_array).into_iter().flatten().filter_map(|one| text(one, "value").map(str::to_owned));
        if let Some(key) = text(item, "key").filter(|key| key.contains(':')) {
            brought.context.insert(key.to_owned(), values.collect());
        }
    }
    let explicit = message.get("explicitDeny").and_then(Value::as_bool);
    Denied {
        code: "AccessDenied".to_owned(),
        principal: at(context, &["principal", "arn"]).and_then(Value::as_str).map(str::to_owned),
        action: text(context, "action").map(str::to_owned),
        resource: text(context, "resource").map(str::to_owned),
        reason: explicit.map(|explicit| crossrole_model::diagnosis::DeniedReason { layer: None, explicit: Some(explicit), endpoint: false }),
        brought: Some(brought),
        ..Denied::default()
    }
}
