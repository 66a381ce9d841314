//! What clients print around an error of AWS: which call it was, of what, and which status it had.

use crate::denial::{after, between, token};

/// Calls of S3 by method, of an object and of a bucket.
const METHODS: [(&str, &str, &str); 4] = [
    ("GET", "GetObject", "ListObjectsV2"),
    ("HEAD", "HeadObject", "HeadBucket"),
    ("PUT", "PutObject", "CreateBucket"),
    ("DELETE", "DeleteObject", "DeleteBucket"),
];

/// The operation, where the client tells it otherwise than the AWS CLI does.
pub(crate) fn operation(text: &str) -> Option<String> {
    // PHP: `Error executing "GetObject" on "https://…"`
    let php = between(text, "Error executing \"", "\"").map(str::to_owned);
    // Stacks of JavaScript and Kotlin: `de_HeadObjectCommandError`, `throwHeadObjectError`.
    let stack = || {
        const HEADS: [&str; 5] = ["deserializeAws_restXml", "deserializeAws_query", "deserializeAws_json1_1", "de_", "throw"];
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').find_map(|word| {
            let name = word.strip_suffix("CommandError").or_else(|| word.strip_suffix("Error"))?;
            let name = HEADS.iter().find_map(|head| name.strip_prefix(head))?;
            crate::operation::action(name).map(|_| name.to_owned())
        })
    };
    // Stacks of Java: `DefaultS3Client.getObject(`
    let java = || {
        let clients = ["S3Client.", "StsClient.", "KmsClient.", "S3AsyncClient.", "SecurityTokenServiceClient.", "AWSKMSClient."];
        clients.into_iter().find_map(|client| {
            let method = after(text, client)?.split('(').next()?;
            let name: String = method.chars().take(1).flat_map(char::to_uppercase).chain(method.chars().skip(1)).collect();
            crate::operation::action(&name).map(|_| name)
        })
    };
    let by_method = || {
        let (method, rest) = METHODS.iter().find_map(|(method, object, bucket)| {
            let url = after(text, &format!("{method} https://")).or_else(|| after(text, &format!("{method} http://")))?;
            Some(((object, bucket), url))
        })?;
        let (_, key) = of_url(rest)?;
        Some((if key.is_empty() { method.1 } else { method.0 }).to_string())
    };
    php.filter(|name| is_name(name)).or_else(stack).or_else(java).or_else(by_method)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// The status of HTTP, where nothing says more.
pub(crate) fn status(text: &str) -> Option<&str> {
    let heads =
        ["status code: ", "Status Code: ", "StatusCode: ", "httpStatusCode: ", "\"httpStatusCode\": ", "returned error: ", "HTTP ", "code=", "statusCode: "];
    let found = heads.into_iter().find_map(|head| {
        let digits = after(text, head)?.get(..3)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then_some(digits)
    });
    let phrase = || [("403 Forbidden", "403"), ("404 Not Found", "404"), ("403: UnknownError", "403")].into_iter().find(|(said, _)| text.contains(said));
    found.or_else(|| phrase().map(|(_, status)| status))
}

/// Bucket and key of what the client was at; an empty key is the bucket.
pub(crate) fn object(text: &str, operation: Option<&str>) -> Option<(String, String)> {
    let writes = matches!(operation, Some("PutObject" | "CopyObject" | "UploadPart" | "UploadPartCopy" | "CreateMultipartUpload" | "CompleteMultipartUpload"));
    let mut all = Vec::new();
    for scheme in ["s3://", "s3a://", "s3n://"] {
        all.extend(text.match_indices(scheme).filter_map(|(at, _)| named(text.get(at + scheme.len()..)?)));
        if !all.is_empty() {
            break;
        }
    }
    // What is written comes second: `upload: ./x to s3://b/x`, `copy: s3://a/x to s3://b/x`.
    let found = if writes { all.pop() } else { (!all.is_empty()).then(|| all.swap_remove(0)) };
    found.or_else(|| ["https://", "http://"].into_iter().find_map(|scheme| after(text, scheme).and_then(of_url))).or_else(|| worded(text))
}

/// `bucket/key`, up to what the AWS CLI writes behind it.
fn named(text: &str) -> Option<(String, String)> {
    let ends = [" to ", " An error occurred", " A client error", "\n", "\"", "'", "`", "<", ")", ": com.amazonaws", ": software.amazon", " ---> "];
    let end = ends.iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len());
    let whole = text.get(..end)?.trim_end_matches([':', ',', ';', '.']).trim();
    // An error may stand in a sentence: only where the CLI ends it, a name has blanks.
    let ended = [" to ", " An error occurred", " A client error"].iter().any(|mark| text.get(end..).is_some_and(|rest| rest.starts_with(mark)));
    let whole = if ended { whole } else { whole.split(' ').next().unwrap_or_default().trim_end_matches([':', ',', ';']) };
    let (bucket, key) = whole.split_once('/').unwrap_or((whole, ""));
    is_bucket(bucket).then(|| (bucket.to_owned(), key.to_owned()))
}

/// Without its scheme: `bucket.s3.eu-west-1.amazonaws.com/key`, `s3.amazonaws.com/bucket/key`.
fn of_url(text: &str) -> Option<(String, String)> {
    let url = token(text.split(['`', ']']).next()?);
    let (host, path) = url.split_once('/').unwrap_or((url, ""));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let head = host.split(':').next()?;
    let head = head.strip_suffix(".amazonaws.com").or_else(|| head.strip_suffix(".amazonaws.com.cn"))?;
    let is_s3 = |label: &str| label == "s3" || label.starts_with("s3-");
    let (bucket, key) = if is_s3(head.split('.').next()?) {
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        (bucket.to_owned(), key)
    } else {
        let at = head.find(".s3.").or_else(|| head.find(".s3-")).or_else(|| head.strip_suffix(".s3").map(str::len))?;
        (head.get(..at)?.to_owned(), path)
    };
    is_bucket(&bucket).then(|| (bucket, decoded(key)))
}

/// In the words of clients.
fn worded(text: &str) -> Option<(String, String)> {
    // Terraform: `Unable to access object "k" in S3 bucket "b"`, `reading S3 Bucket (b)`.
    let bucket = ["S3 bucket \"", "S3 Bucket \"", "s3 bucket \""].iter().find_map(|head| between(text, head, "\""));
    let bucket = bucket.or_else(|| ["S3 Bucket (", "S3 bucket ("].iter().find_map(|head| between(text, head, ")")));
    // boto3: `Failed to upload FILE to BUCKET/KEY: An error occurred`.
    let uploaded = || between(text, "Failed to upload ", ": An error occurred").and_then(|rest| rest.rsplit_once(" to ")).map(|(_, name)| name);
    // XML has the bucket and the key by themselves.
    let xml = || between(text, "<BucketName>", "</BucketName>").or_else(|| between(text, "<Bucket>", "</Bucket>"));
    let key = between(text, "object \"", "\" in ").or_else(|| between(text, "<Key>", "</Key>")).unwrap_or_default();
    if let Some(name) = between(text, "<Resource>/", "</Resource>").or_else(|| uploaded().filter(|_| bucket.is_none())) {
        let (bucket, key) = name.split_once('/').unwrap_or((name, ""));
        return is_bucket(bucket).then(|| (bucket.to_owned(), key.to_owned()));
    }
    let bucket = bucket.or_else(xml)?;
    is_bucket(bucket).then(|| (bucket.to_owned(), key.to_owned()))
}

/// What may be the name of a bucket (S3 User Guide, "Bucket naming rules"; older ones have capitals and underscores).
fn is_bucket(text: &str) -> bool {
    (3..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

/// Without its escapes.
pub(crate) fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        match hex {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}
