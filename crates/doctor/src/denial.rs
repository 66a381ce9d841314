//! The text of a refusal: as AWS sends it, and as command lines, SDKs and Terraform wrap it.
//!
//! The frame is one: who, what, on what, why (IAM User Guide, "Troubleshoot access denied error messages"); services spell the
//! resource in their own ways, S3 says no more than `Access Denied` across accounts, and STS never says why.

use std::collections::BTreeSet;

use crossrole_model::access::Layer;
use crossrole_model::diagnosis::{Brought, Cause, Denied, DeniedReason};
use crossrole_policy::Arn;

use crate::clients;
use crate::event;
use crate::operation;
use crate::words::{CODES, PHRASES};

/// Reads a refusal in any form: an event of CloudTrail, a decoded authorization message, an error of XML or JSON, or a text around one.
/// What is not told stays empty.
pub fn read(text: &str) -> Denied {
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    if trimmed.starts_with(['{', '['])
        && let Some(denied) = event::read(trimmed)
    {
        return denied;
    }
    of_text(trimmed)
}

/// Reads a message, where its code is known from elsewhere or not.
pub(crate) fn of_text(text: &str) -> Denied {
    let line = unwrapped(text);
    let mut denied = Denied { code: code(&line), operation: operation(&line).or_else(|| clients::operation(&line)), ..Denied::default() };
    frame(&line, &mut denied);
    if let Some(action) = after(&line, "Not authorized to perform ").map(token).filter(|text| text.starts_with("sts:")) {
        denied.action.get_or_insert_with(|| action.to_owned());
    }
    if denied.reason.is_none() {
        reason(&line, &mut denied);
    }
    denied.encoded = after(&line, "Encoded authorization failure message: ").map(token).filter(|text| !text.is_empty()).map(str::to_owned);
    denied.region = region(&line);
    if denied.action.is_none() {
        denied.action = denied.operation.as_deref().and_then(operation::action).map(str::to_owned);
    }
    denied.cause = cause(&denied, &line);
    if denied.resource.is_none() {
        named_elsewhere(&line, &mut denied);
    }
    by_kms(&line, &mut denied);
    denied
}

/// What is asked of buckets, and not of objects.
const OF_BUCKETS: [&str; 4] = ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"];

/// The object, bucket, role or key that is named around the message.
fn named_elsewhere(text: &str, denied: &mut Denied) {
    let service = denied.action.as_deref().and_then(|action| action.split(':').next()).unwrap_or_default().to_owned();
    let arn = |service: &str, kind: &str| {
        let mut all = text.split([' ', '"', '\'', '(', ')', '<', '>', '`', ',', ';']).filter(|word| word.starts_with("arn:"));
        let is = |word: &&str| Arn::parse(word).is_some_and(|arn| arn.service == service && arn.resource.starts_with(kind));
        all.find(is).map(|word| word.trim_end_matches(['.', ':']).to_owned())
    };
    match service.as_str() {
        "sts" => denied.resource = arn("iam", "role/"),
        "kms" => {
            denied.resource = arn("kms", "key/");
        }
        "s3" | "" => {
            if denied.operation.as_deref().is_some_and(|name| ["CopyObject", "UploadPartCopy"].contains(&name)) {
                let source = clients::object(text, None).filter(|(bucket, key)| is_copied(text, bucket, key));
                let brought = source.map(|(bucket, key)| Brought { copies: Some(format!("arn:aws:s3:::{bucket}/{key}")), ..Brought::default() });
                denied.brought = denied.brought.take().or(brought);
            }
            let Some((bucket, key)) = clients::object(text, denied.operation.as_deref()) else { return };
            let of_bucket = denied.action.as_deref().is_some_and(|action| OF_BUCKETS.contains(&action));
            if of_bucket && denied.action.as_deref() != Some("s3:GetBucketLocation") && !key.is_empty() {
                let brought = denied.brought.get_or_insert_with(Brought::default);
                brought.context.insert("s3:prefix".to_owned(), vec![key.clone()]);
            }
            let name = if of_bucket || key.is_empty() { bucket } else { format!("{bucket}/{key}") };
            denied.resource = (name.len() <= 2048).then(|| format!("arn:aws:s3:::{name}"));
        }
        _ => {}
    }
}

/// Of a call that S3 made of KMS: what S3 was asked for, whether the key is named or not.
fn by_kms(text: &str, denied: &mut Denied) {
    if !denied.action.as_deref().is_some_and(|action| action.starts_with("kms:")) {
        return;
    }
    denied.through = denied.operation.as_deref().and_then(operation::action).filter(|action| action.starts_with("s3:")).map(str::to_owned);
    if denied.through.is_some() {
        let object = clients::object(text, denied.operation.as_deref()).filter(|(_, key)| !key.is_empty());
        denied.object = object.map(|(bucket, key)| format!("arn:aws:s3:::{bucket}/{key}")).filter(|arn| arn.len() <= 2048);
    }
}

/// Tells whether an object is the first of two: `copy: s3://a/x to s3://b/x`.
fn is_copied(text: &str, bucket: &str, key: &str) -> bool {
    !key.is_empty() && text.contains(&format!("s3://{bucket}/{key} to s3://"))
}

/// One line of it, without the marks of XML and the frames that Terraform draws around errors.
fn unwrapped(text: &str) -> String {
    let plain = text.replace("&quot;", "\"").replace("&apos;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let plain = plain.replace("\\\"", "\"").replace("\\n", " ");
    plain.split_whitespace().filter(|word| !matches!(*word, "│" | "╷" | "╵" | "|")).collect::<Vec<_>>().join(" ")
}

/// What stands behind the first of these words.
pub(crate) fn after<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    text.split_once(words).map(|(_, rest)| rest)
}

pub(crate) fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    after(text, from)?.split_once(to).map(|(inner, _)| inner)
}

/// Text up to a blank, and without what ends a sentence, a quotation or an element.
pub(crate) fn token(text: &str) -> &str {
    let end = text.find([' ', '"', '\'', '<', '>', ')', ',', ';']).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().trim_end_matches(['.', ':'])
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
}

/// The error's code, as the forms write it.
fn code(text: &str) -> String {
    let forms = [
        between(text, "<Code>", "</Code>"),
        between(text, "An error occurred (", ")"),
        // Before 2016.
        between(text, "A client error (", ")"),
        after(text, "api error ").and_then(|rest| rest.split_once(':')).map(|(code, _)| code),
        after(text, "Error Code: ").map(token),
        after(text, "ErrorCode: ").map(token),
        // Ruby: `Aws::S3::Errors::AccessDenied`.
        after(text, "::Errors::").map(token),
        // JavaScript.
        between(text, "Code: '", "'"),
        between(text, "code: '", "'"),
        between(text, "\"name\": \"", "\""),
        between(text, "code: Some(\"", "\""),
        after(text, "\"__type\":").map(|rest| token(rest.trim_start().trim_start_matches('"'))).map(|code| code.rsplit('#').next().unwrap_or(code)),
    ];
    let found = forms.into_iter().flatten().map(str::trim).find(|code| is_code(code));
    let said = || ["Access Denied", "AccessDenied"].into_iter().find(|said| text.contains(said)).map(|_| "AccessDenied");
    found.or_else(|| named(text)).or_else(said).or_else(|| clients::status(text)).unwrap_or_default().to_owned()
}

/// A code that is known, by itself or as the exception that a client makes of it: `…s3.model.NoSuchKeyException`.
fn named(text: &str) -> Option<&'static str> {
    let mut said: BTreeSet<&str> = BTreeSet::new();
    for word in words(text) {
        let last = word.rsplit('.').next().unwrap_or(word);
        said.extend([word, last, last.strip_suffix("Exception").unwrap_or(last)]);
    }
    CODES.iter().map(|(code, _)| *code).find(|code| said.contains(code))
}

/// Words as codes are written in text: `AccessDenied:`, `(ExpiredToken)`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '(', ')', ':', ',', ';', '"', '<', '>', '\'', '[', ']', '`']).map(|word| word.trim_matches('.'))
}

/// The operation, as the forms write it.
fn operation(text: &str) -> Option<String> {
    let forms = [
        between(text, "when calling the ", " operation"),
        // `operation error STS: AssumeRole, https response error …`
        after(text, "operation error ").and_then(|rest| rest.split_once(": ")).map(|(_, rest)| token(rest)),
    ];
    forms.into_iter().flatten().find(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric())).map(str::to_owned)
}

/// Who, what, on what, why.
fn frame(text: &str, denied: &mut Denied) {
    const FRAME: &str = " is not authorized to perform: ";
    let Some((before, rest)) = text.split_once(FRAME) else { return };
    let who = before.rsplit([' ', '"', '\'', '>']).next().unwrap_or_default();
    denied.principal = (Arn::parse(who).is_some() || who == "anonymous").then(|| who.to_owned());
    let action = token(rest);
    denied.action = is_action(action).then(|| action.to_owned());
    let rest = rest.get(action.len()..).unwrap_or_default();
    let account = denied.principal.as_deref().and_then(Arn::parse).map(|arn| (arn.partition.to_owned(), arn.account.to_owned()));
    denied.resource = after(rest, " on resource: ").filter(|_| rest.starts_with(" on resource: ")).and_then(|rest| resource(rest, account.as_ref()));
    reason(rest, denied);
}

fn is_action(text: &str) -> bool {
    text.split_once(':').is_some_and(|(service, name)| {
        let of = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        of(service) && of(name)
    })
}

/// An ARN, in quotes or not; IAM writes `role NAME`, without account and path.
fn resource(text: &str, account: Option<&(String, String)>) -> Option<String> {
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted.split_once('"').map(|(inner, _)| inner.to_owned()).filter(|text| Arn::parse(text).is_some());
    }
    // Names of objects may have blanks: what follows is one of these.
    let end =
        [" because ", " with an explicit deny", " (Service: ", "</Message>", " Go to https://", " status code: "].iter().filter_map(|end| text.find(end)).min();
    let text = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    for kind in ["role", "user", "group"] {
        if let Some(name) = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix(' ')) {
            let (partition, account) = account?;
            return Some(format!("arn:{partition}:iam::{account}:{kind}/{}", token(name)));
        }
    }
    let text = text.strip_prefix("policy ").unwrap_or(text);
    if text == "*" || text.starts_with("* ") {
        return Some("*".to_owned());
    }
    let arn = Arn::parse(text)?;
    // Only objects have blanks in their names.
    let whole = if arn.service == "s3" && arn.resource.contains('/') { text.trim_end_matches(['.', '\'']) } else { token(text) };
    Some(whole.trim().to_owned())
}

/// Kinds of policies, as refusals name them.
const KINDS: [(&str, Option<Layer>); 9] = [
    ("identity-based policy", Some(Layer::Identity)),
    ("resource-based policy", Some(Layer::Resource)),
    ("role trust policy", Some(Layer::Resource)),
    ("permissions boundary", Some(Layer::Boundary)),
    ("session policy", Some(Layer::Session)),
    // So it is written in one place of the documentation.
    ("sessions policy", Some(Layer::Session)),
    ("service control policy", Some(Layer::ServiceControl)),
    ("resource control policy", Some(Layer::ResourceControl)),
    ("VPC endpoint policy", None),
];

fn reason(text: &str, denied: &mut Denied) {
    let untold = text.contains(" because the resource does not exist in this Region, no resource-based policies allow access");
    // As it was written before.
    let untold = untold || text.contains("does not exist in this region, or you are not allowed to access");
    if untold {
        denied.reason = Some(DeniedReason { layer: None, explicit: None, endpoint: false });
        return;
    }
    let implicit = after(text, " because no ").map(|rest| (rest, false));
    let explicit = ["an ", "a ", "the "].iter().find_map(|article| after(text, &format!(" with an explicit deny in {article}"))).map(|rest| (rest, true));
    let Some((rest, explicit)) = explicit.or(implicit) else {
        if text.contains(" with an explicit deny") {
            denied.reason = Some(DeniedReason { layer: None, explicit: Some(true), endpoint: false });
        }
        return;
    };
    let Some((name, layer)) = KINDS.iter().find(|(name, _)| rest.starts_with(name)) else { return };
    denied.reason = Some(DeniedReason { layer: *layer, explicit: Some(explicit), endpoint: layer.is_none() });
    let policy = rest.get(name.len()..).and_then(|rest| rest.strip_prefix(": ")).map(token).filter(|text| Arn::parse(text).is_some());
    denied.policy = policy.map(str::to_owned);
}

/// What is wrong before any policy is asked, or what no policy says.
fn cause(denied: &Denied, text: &str) -> Option<Cause> {
    let lower = text.to_lowercase();
    let said = PHRASES.iter().find(|(phrase, _)| lower.contains(phrase)).map(|(_, cause)| *cause);
    // Events of some services tell whose fault it is.
    let code = denied.code.strip_prefix("Client.").or_else(|| denied.code.strip_prefix("Server.")).unwrap_or(&denied.code);
    said.or_else(|| CODES.iter().find(|(known, _)| *known == code).and_then(|(_, cause)| *cause)).or_else(|| of_status(code, denied))
}

/// What a status of HTTP says by itself: a HEAD is answered without a body.
fn of_status(code: &str, denied: &Denied) -> Option<Cause> {
    let of_bucket = denied.action.as_deref() == Some("s3:ListBucket");
    match code {
        "404" | "NotFound" if denied.action.as_deref().is_some_and(|action| action.starts_with("s3:")) => {
            Some(if of_bucket { Cause::BucketMissing } else { Cause::ObjectMissing })
        }
        "301" | "307" | "MovedPermanently" => Some(Cause::WrongRegion),
        "400" | "409" | "412" | "416" | "BadRequest" => Some(Cause::RequestInvalid),
        "405" | "MethodNotAllowed" => Some(Cause::OwnersOnly),
        "500" | "502" | "503" | "504" => Some(Cause::ServiceFailed),
        _ => None,
    }
}

/// The region that an error says is right.
fn region(text: &str) -> Option<String> {
    let expected = between(text, "expecting '", "'").or_else(|| between(text, "<Region>", "</Region>"));
    // Of Terraform, and of Java.
    let expected = expected.or_else(|| between(text, "actual location \"", "\"")).or_else(|| after(text, "The bucket is in this region: ").map(token));
    let endpoint = between(text, "<Endpoint>", "</Endpoint>").and_then(of_host);
    let found = expected.or(endpoint)?;
    is_region(found).then(|| found.to_owned())
}

/// `bucket.s3.eu-west-1.amazonaws.com`, `bucket.s3-eu-west-1.amazonaws.com`
fn of_host(host: &str) -> Option<&str> {
    let head = host.split_once(".amazonaws.com")?.0;
    let last = head.rsplit('.').next()?;
    Some(last.strip_prefix("s3-").unwrap_or(last))
}

/// Looks like the name of a region; whether there is one is AWS's to say.
fn is_region(text: &str) -> bool {
    text.len() <= 32 && text.split('-').count() >= 3 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
