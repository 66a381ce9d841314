//! Single values with a rule each, checked where they stand. Rules: IAM and STS API references (parameter patterns), S3
//! User Guide ("Bucket naming rules").

use std::borrow::Cow;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Spanned as TomlSpanned;
use toml::de::DeValue;

use crate::decode::{Decode, Decoder, span, wrong_type};

/// What is wrong, and what to do.
pub(crate) type Complaint = (String, String);

fn complain(message: impl Into<String>, advice: impl Into<String>) -> Result<(), Complaint> {
    Err((message.into(), advice.into()))
}

macro_rules! scalar {
    ($(#[doc = $doc:literal])* $name:ident, $pattern:literal, $check:expr) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub String);

        impl Decode for $name {
            fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
                let text = String::decode(value, d)?;
                let check: fn(&str) -> Result<(), Complaint> = $check;
                match check(&text) {
                    Ok(()) => Some(Self(text)),
                    Err((message, advice)) => {
                        d.error(span(value.span()), message, advice);
                        None
                    }
                }
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

scalar!(
    /// Name of a manifest.
    ManifestName, "^[a-z0-9][a-z0-9-]{0,62}$", |text| {
        let ok = text.len() <= 63 && !text.starts_with('-') && !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if ok { Ok(()) } else { complain(format!("`{text}` can't be the name of a manifest"), "use 1 to 63 of a-z, 0-9 and `-`, not `-` first: it is written on everything the manifest owns") }
    }
);
scalar!(
    /// Twelve digits.
    Account, "^[0-9]{12}$", |text| {
        if crossrole_model::AccountId::parse(text).is_some() { Ok(()) } else { complain(format!("`{text}` is not an account id"), "an account id has exactly 12 digits") }
    }
);
scalar!(
    /// A region.
    Region, "^[a-z]{2}(-[a-z]+)+-[0-9]$", |text| {
        let parts: Vec<&str> = text.split('-').collect();
        let ok = parts.len() >= 3 && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
            && parts.last().is_some_and(|p| p.len() == 1 && p.bytes().all(|b| b.is_ascii_digit())) && parts.first().is_some_and(|p| p.len() == 2);
        if ok { Ok(()) } else { complain(format!("`{text}` is not a region"), "write it as in `eu-west-1`") }
    }
);
scalar!(
    /// An IAM path.
    Path, "^/([!-)+->@-~]+/)?$", |text| {
        if !(text.starts_with('/') && text.ends_with('/')) {
            complain(format!("path `{text}` must begin and end with `/`"), format!("write `/{}/`", text.trim_matches('/')))
        } else if text.len() > 512 || !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            complain(format!("`{text}` is not an IAM path"), "use up to 512 printable ASCII characters, no blanks")
        } else if text.contains(['*', '?']) || text.contains("${") {
            complain(format!("in a policy, path `{text}` is more than itself"), "leave out `*`, `?` and `${`: policies name what is under it by its ARN")
        } else if ["/aws-service-role/", "/aws-reserved/"].iter().any(|aws| text.starts_with(aws)) {
            complain(format!("path `{text}` is AWS's own"), "use another path: what is there only AWS changes, and deletes")
        } else {
            Ok(())
        }
    }
);
scalar!(
    /// A description of a role or policy.
    Description, "^[\\t\\n\\r -~\u{a1}-\u{ff}]{0,1000}$", |text| {
        if text.chars().count() > 1000 {
            return complain(format!("the description has {} characters, over 1000", text.chars().count()), "shorten it");
        }
        match text.chars().find(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}')) {
            None => Ok(()),
            Some(c) => complain(format!("IAM does not take the character `{}` (U+{:04X}) in a description", c.escape_debug(), u32::from(c)), "use Latin-1 characters only: no long dashes, curly quotes or emoji"),
        }
    }
);
scalar!(
    /// An ARN of a managed policy.
    PolicyArn, "^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", |text| {
        let good = crossrole_policy::Arn::parse(text).is_some_and(|a| a.service == "iam" && a.resource.starts_with("policy/") && (a.account == "aws" || crossrole_model::AccountId::parse(a.account).is_some()));
        if good { Ok(()) } else { complain(format!("`{text}` is not the ARN of a managed policy"), "write it as in `arn:aws:iam::aws:policy/ReadOnlyAccess` or `arn:aws:iam::222222222222:policy/Name`") }
    }
);
scalar!(
    /// An external id.
    ExternalId, "^[\\w+=,.@:/-]{2,1224}$", |text| {
        let length = text.chars().count();
        if !(2..=1224).contains(&length) {
            complain(format!("an external id has 2 to 1224 characters, this one {length}"), "ask the third party for the id that it made for you")
        } else if let Some(c) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(*c))) {
            complain(format!("an external id can't have the character `{}`", c.escape_debug()), "use letters, digits and `_+=,.@:/-`")
        } else {
            Ok(())
        }
    }
);
scalar!(
    /// An address range.
    Cidr, "^[0-9a-fA-F:.]+(/[0-9]{1,3})?$", |text| {
        let net = text.parse::<ipnet::IpNet>().or_else(|_| text.parse::<IpAddr>().map(ipnet::IpNet::from));
        match net {
            Err(_) => complain(format!("`{text}` is not an address range"), "write it as in `203.0.113.0/24` or `2001:db8::/32`"),
            Ok(net) if net.addr() != net.network() => complain(format!("`{text}` has bits set behind its prefix"), format!("write `{}`", net.trunc())),
            Ok(net) => match net.addr() {
                IpAddr::V4(v4) if v4.is_private() || v4.is_loopback() || v4.is_link_local() => complain(format!("`{text}` is private: aws:SourceIp is always a public address"), "use the public address that leaves your network, or a condition on `aws:VpcSourceIp`"),
                _ => Ok(()),
            },
        }
    }
);
scalar!(
    /// A bucket name.
    BucketName, "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", |text| check_bucket_name(text)
);
scalar!(
    /// An organization.
    OrgId, "^o-[a-z0-9]{10,32}$", |text| {
        let good = text.strip_prefix("o-").is_some_and(|rest| (10..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        if good { Ok(()) } else { complain(format!("`{text}` is not an organization id"), "write it as in `o-a1b2c3d4e5`") }
    }
);
scalar!(
    /// A unit of an organization: its path from the organization down (IAM User Guide, `aws:PrincipalOrgPaths`).
    OrgUnit, "^o-[a-z0-9]{10,32}/r-[a-z0-9]{4,32}(/ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}){1,5}/?$", |text| {
        let good = org_path(text);
        if good { Ok(()) } else { complain(format!("`{text}` is not the path of an organizational unit"), "write it from the organization down, as in `o-a1b2c3d4e5/r-ab12/ou-ab12-11111111`") }
    }
);
scalar!(
    /// A VPC.
    VpcId, "^vpc-([0-9a-f]{8}|[0-9a-f]{17})$", |text| {
        if is_resource_id(text, "vpc-") { Ok(()) } else { complain(format!("`{text}` is not the id of a VPC"), "write it as in `vpc-0123456789abcdef0`; an endpoint goes under `vpc_endpoint`") }
    }
);
scalar!(
    /// A VPC endpoint.
    VpcEndpointId, "^vpce-([0-9a-f]{8}|[0-9a-f]{17})$", |text| {
        if is_resource_id(text, "vpce-") { Ok(()) } else { complain(format!("`{text}` is not the id of a VPC endpoint"), "write it as in `vpce-0123456789abcdef0`; a VPC goes under `source_vpc`") }
    }
);
scalar!(
    /// A service principal.
    Service, "^[a-z0-9.-]+\\.amazonaws\\.com(\\.cn)?$", |text| {
        let stem = text.strip_suffix(".cn").unwrap_or(text).strip_suffix(".amazonaws.com");
        let good = stem.is_some_and(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-'));
        if good { Ok(()) } else { complain(format!("`{text}` is not a service principal"), format!("write it as in `{}.amazonaws.com`", text.split('.').next().filter(|s| !s.is_empty()).unwrap_or("lambda").to_lowercase())) }
    }
);
scalar!(
    /// A key prefix.
    Prefix, "^[^/*?$][^*?$]*$", |text| {
        if text.is_empty() {
            complain("an empty prefix is the whole bucket", "leave `prefix` out")
        } else if text.starts_with('/') {
            complain(format!("prefix `{text}` begins with `/`, and object keys hardly ever do"), format!("write `{}`", text.trim_start_matches('/')))
        } else if let Some(c) = text.chars().find(|c| matches!(c, '*' | '?' | '$')) {
            complain(format!("prefix `{text}` has the character `{c}`, but a prefix is literal"), "end it with `/` and leave the wildcard out; for patterns write a `statement`")
        } else {
            Ok(())
        }
    }
);
scalar!(
    /// An action pattern.
    ActionPattern, "^(\\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$", |text| {
        if text == "*" {
            return Ok(());
        }
        let good = text.split_once(':').is_some_and(|(service, name)| {
            !service.is_empty() && service.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'*' || b == b'?')
        });
        if good { Ok(()) } else { complain(format!("`{text}` is not an action"), "write it as in `s3:GetObject` or `s3:Get*`") }
    }
);
scalar!(
    /// A resource pattern.
    ResourcePattern, "^(\\*|arn:.+)$", |text| {
        if text == "*" || (text.starts_with("arn:") && crossrole_policy::Arn::parse(text).is_some()) { Ok(()) } else { complain(format!("`{text}` is not an ARN"), "write it as in `arn:aws:s3:::bucket/prefix/*`, or `*`") }
    }
);
scalar!(
    /// A URL of an OpenID Connect provider.
    IssuerUrl, "^https://.+$", |text| {
        if text.starts_with("https://") && text.len() <= 255 && !text.contains(['?', '#', ' ']) { Ok(()) } else { complain(format!("`{text}` is not the URL of an OpenID Connect provider"), "write it as in `https://token.actions.githubusercontent.com`") }
    }
);
scalar!(
    /// Any non-empty Latin-1 text that may stand in a policy.
    PolicyText, "^[\\t\\n\\r -\u{ff}]+$", |text| match text.chars().find(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')) {
        None => Ok(()),
        Some(c) => complain(format!("a policy can't have the character `{}` (U+{:04X})", c.escape_debug(), u32::from(c)), "use Latin-1 characters only"),
    }
);

/// Ids of networks have 8 hexadecimal digits, or 17 (EC2 User Guide, "Resource IDs").
fn is_resource_id(text: &str, head: &str) -> bool {
    text.strip_prefix(head).is_some_and(|id| matches!(id.len(), 8 | 17) && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
}

/// An organization, its root, and one to five units (AWS Organizations API Reference, patterns of the ids).
fn org_path(text: &str) -> bool {
    let word =
        |text: &str, least: usize, most: usize| (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let unit = |text: &str| {
        let ids = text.strip_prefix("ou-").and_then(|rest| rest.split_once('-'));
        ids.is_some_and(|(root, id)| word(root, 4, 32) && word(id, 8, 32))
    };
    let parts: Vec<&str> = text.strip_suffix('/').unwrap_or(text).split('/').collect();
    let [organization, root, units @ ..] = parts.as_slice() else { return false };
    organization.strip_prefix("o-").is_some_and(|id| word(id, 10, 32))
        && root.strip_prefix("r-").is_some_and(|id| word(id, 4, 32))
        && (1..=5).contains(&units.len())
        && units.iter().all(|text| unit(text))
}

/// Checks a bucket name.
pub(crate) fn check_bucket_name(text: &str) -> Result<(), Complaint> {
    let bytes = text.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let reason = if !(3..=63).contains(&bytes.len()) {
        "it has 3 to 63 characters"
    } else if !bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'.' || *b == b'-') {
        "it has only a-z, 0-9, `.` and `-`"
    } else if !edge(bytes.first()) || !edge(bytes.last()) {
        "it begins and ends with a letter or digit"
    } else if text.contains("..") {
        "it has no two dots in a row"
    } else if text.parse::<std::net::Ipv4Addr>().is_ok() {
        "it must not look like an address"
    } else if ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|p| text.starts_with(p))
        || ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|s| text.ends_with(s))
    {
        "this prefix or suffix is reserved"
    } else {
        return Ok(());
    };
    complain(format!("`{text}` can't be a bucket name"), reason)
}

/// Checks the name of an IAM entity; `limit` is the longest that its API creates.
pub(crate) fn check_iam_name(kind: &str, text: &str, limit: usize) -> Result<(), Complaint> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if text.chars().any(char::is_whitespace) {
        let joined = text.split_whitespace().collect::<Vec<_>>();
        return complain(
            format!("{kind} name `{text}` has a blank, which IAM does not allow"),
            format!("write `{}` or `{}`", joined.join("-"), joined.concat()),
        );
    }
    if let Some(c) = text.chars().find(|c| !allowed(*c)) {
        return complain(
            format!("{kind} name `{text}` has the character `{}`, which IAM does not allow", c.escape_debug()),
            "use letters, digits and `_+=,.@-`",
        );
    }
    if text.is_empty() || text.len() > limit {
        return complain(format!("{kind} name `{text}` has {} characters", text.len()), format!("use 1 to {limit}"));
    }
    Ok(())
}

/// Checks a tag.
pub(crate) fn check_tag(key: &str, value: &str) -> Result<(), Complaint> {
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    if key.to_ascii_lowercase().starts_with("aws:") {
        return complain(format!("tag key `{key}` begins with `aws:`, which is reserved"), "use another key");
    }
    if key.to_ascii_lowercase().starts_with("crossrole:") {
        return complain(format!("tag key `{key}` begins with `crossrole:`, which marks ownership"), "use another key");
    }
    if !(1..=128).contains(&key.chars().count()) {
        return complain(format!("tag key `{key}` must have 1 to 128 characters"), "");
    }
    if value.chars().count() > 256 {
        return complain(format!("the value of tag `{key}` has over 256 characters"), "shorten it");
    }
    match key.chars().chain(value.chars()).find(|c| !allowed(*c)) {
        None => Ok(()),
        Some(c) => {
            complain(format!("tag `{key}` has the character `{}`, which AWS does not allow", c.escape_debug()), "use letters, digits, blanks and `_.:/=+-@`")
        }
    }
}

/// A session's length: `"4h"`, `"90m"`, `"3600s"`, or seconds; 1 to 12 hours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLength(pub(crate) u32);

/// Any length of time, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds(pub(crate) u32);

fn decode_seconds(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<u32> {
    let seconds = match value.get_ref() {
        DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
        DeValue::String(text) => parse_seconds(text),
        _ => {
            wrong_type(value, "a length of time such as \"4h\"", d);
            return None;
        }
    };
    if seconds.is_none() {
        d.error(span(value.span()), "this is not a length of time", "write it as in `\"4h\"`, `\"90m\"` or `\"3600s\"`");
    }
    seconds
}

fn parse_seconds(text: &str) -> Option<u32> {
    let unit = text.chars().last()?;
    let factor = match unit {
        'h' => 3600,
        'm' => 60,
        's' => 1,
        _ => return None,
    };
    text.strip_suffix(unit)?.parse::<u32>().ok()?.checked_mul(factor)
}

impl Decode for Seconds {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        decode_seconds(value, d).map(Self)
    }
}

impl Decode for SessionLength {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        let seconds = decode_seconds(value, d)?;
        if !(3600..=43_200).contains(&seconds) {
            d.error(span(value.span()), format!("a session of {seconds} seconds is outside what IAM allows"), "use 1h to 12h");
            return None;
        }
        Some(Self(seconds))
    }
}

/// An instant: a TOML date-time with an offset.
#[derive(Debug, Clone)]
pub(crate) struct Instant {
    /// Seconds since 1970, for comparing.
    pub(crate) unix: i64,
    /// As policies write it.
    pub(crate) text: String,
}

impl Decode for Instant {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::Datetime(date) => date.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => {
                wrong_type(value, "a date such as 2026-01-31T00:00:00Z", d);
                return None;
            }
        };
        let Some(at) = instant(&text) else {
            d.error(span(value.span()), format!("`{text}` is not an instant"), "write date, time and offset, as in 2026-01-31T00:00:00Z");
            return None;
        };
        Some(Self { unix: at.unix_timestamp(), text: in_policies(at) })
    }
}

/// When a grant ends: a day, at whose beginning (UTC) it does, or an instant.
#[derive(Debug, Clone)]
pub(crate) struct Expiry {
    /// Seconds since 1970.
    pub(crate) unix: i64,
    /// As policies write it.
    pub(crate) text: String,
    /// As the manifest says it.
    pub(crate) written: String,
}

impl Decode for Expiry {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::Datetime(date) => date.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => {
                wrong_type(value, "a day such as 2027-03-31", d);
                return None;
            }
        };
        let day = time::format_description::well_known::Iso8601::DATE;
        let midnight = |text: &str| time::Date::parse(text, &day).ok().filter(|_| text.len() == 10).map(|day| day.midnight().assume_utc());
        let Some(at) = midnight(&text).or_else(|| instant(&text)) else {
            d.error(
                span(value.span()),
                format!("`{text}` is not a day"),
                "write it as in 2027-03-31, or an instant with its offset, as in 2027-03-31T18:00:00Z",
            );
            return None;
        };
        Some(Self { unix: at.unix_timestamp(), text: in_policies(at), written: text })
    }
}

pub(crate) fn instant(text: &str) -> Option<time::OffsetDateTime> {
    time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()
}

/// An instant as policies write it.
pub(crate) fn in_policies(at: time::OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (y, m, day, h, min, s) = (at.year(), u8::from(at.month()), at.day(), at.hour(), at.minute(), at.second());
    format!("{y:04}-{m:02}-{day:02}T{h:02}:{min:02}:{s:02}Z")
}

macro_rules! shape {
    ($name:ident, $schema:tt) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}
shape!(SessionLength, { "anyOf": [{ "type": "string", "pattern": "^[0-9]+[hms]$" }, { "type": "integer", "minimum": 3600, "maximum": 43200 }] });
shape!(Seconds, { "anyOf": [{ "type": "string", "pattern": "^[0-9]+[hms]$" }, { "type": "integer", "minimum": 0 }] });
shape!(Expiry, { "type": "string", "anyOf": [{ "format": "date" }, { "format": "date-time" }] });
shape!(Instant, { "type": "string", "format": "date-time" });
