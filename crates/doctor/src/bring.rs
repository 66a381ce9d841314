//! Values that whoever calls may bring for a condition key: which of them fits, the evaluator says.

use crossrole_model::Partition;

use crate::asked::{Who, one};
use crate::avoid::is_mfa;
use crate::trouble::{Guard, Hop, bucket_of};
use crate::world::World;

/// Most values of one key that are tried: where none of so many fits, conditions contradict one another.
const TRIED_MOST: usize = 64;

/// What S3 takes there, what gives least first: it refuses any other text (S3 API Reference, PutObject; S3 User Guide, "Amazon S3
/// condition keys").
const FIXED: &[(&str, &[&str])] = &[
    ("s3:x-amz-server-side-encryption", &["AES256", "aws:kms", "aws:kms:dsse"]),
    ("s3:x-amz-acl", &["private", "bucket-owner-full-control", "bucket-owner-read"]),
    ("s3:x-amz-storage-class", &["STANDARD", "INTELLIGENT_TIERING", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]),
    ("s3:tlsversion", &["1.3", "1.2"]),
    ("s3:signatureversion", &["AWS4-HMAC-SHA256"]),
    ("s3:authtype", &["REST-HEADER"]),
];

/// Addresses that are nobody's (RFC 5737, RFC 3849): any that no condition names.
const ADDRESSES: [&str; 4] = ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"];

/// Any network that no condition names.
const NETWORK: &str = "vpc-0";

/// A name of a session that says nothing.
const SESSION: &str = "session";

impl World<'_> {
    /// Values of a key that are worth a try, those that its condition names first; none, where whoever calls can do nothing about it.
    pub(crate) fn values(&self, hop: &Hop, operator: &str, key: &str, wanted: &[String]) -> Vec<String> {
        // What `Null` names is no value of the key.
        let wanted = if operator.eq_ignore_ascii_case("Null") { &[] } else { wanted };
        let lower = key.to_ascii_lowercase();
        let (trust, s3) = (hop.guard == Guard::Trust, hop.guard == Guard::Bucket);
        let puts = hop.call.action.eq_ignore_ascii_case("s3:PutObject");
        let fixed = FIXED.iter().find(|(name, _)| *name == lower).map(|(_, values)| *values).unwrap_or_default();
        let plain = || named(hop, wanted).into_iter().filter(|text| is_plain(text)).collect::<Vec<_>>();
        let key_of_bucket = || bucket_of(&hop.call.resource).and_then(|name| self.estate.bucket_keys.get(name)).map(|key| key.arn.clone());
        let mut all = match lower.as_str() {
            // A session of a role has no device.
            _ if is_mfa(&lower) && Who::of(&hop.call.principal).is_none_or(|who| who.kind != "role") => vec!["true".to_owned()],
            "aws:securetransport" => vec!["true".to_owned()],
            "aws:sourceip" => {
                let nets = [named(hop, wanted), self.said_of(hop, key)].concat();
                nets.iter().filter_map(|net| net.split('/').next()).chain(ADDRESSES).map(str::to_owned).collect()
            }
            "aws:sourcevpc" | "aws:sourcevpce" => {
                let networks = [named(hop, wanted), self.said_of(hop, key)].concat();
                networks.iter().map(|network| filled(network, "0")).chain([NETWORK.to_owned()]).collect()
            }
            // STS answers in every region, and a bucket or key is in one.
            "aws:requestedregion" if trust => {
                let partition = if self.desired.partition == Partition::default() { of(&hop.call.resource) } else { self.desired.partition };
                plain().into_iter().chain(partition.regions().map(str::to_owned)).collect()
            }
            "sts:rolesessionname" | "sts:sourceidentity" if trust => self.texts(hop, key, wanted, &is_session_name),
            // It was agreed upon: none is made up but by a pattern.
            "sts:externalid" if trust => {
                let mut all = self.texts(hop, key, wanted, &is_external_id);
                all.retain(|text| ![user(hop), Some(SESSION)].contains(&Some(text)));
                all
            }
            name if trust && name.starts_with("aws:requesttag/") => self.texts(hop, key, wanted, &is_tag),
            name if puts && name.starts_with("s3:requestobjecttag/") => self.texts(hop, key, wanted, &is_tag),
            "s3:tlsversion" | "s3:signatureversion" | "s3:authtype" if s3 => fixed.iter().map(|value| (*value).to_owned()).collect(),
            "s3:x-amz-server-side-encryption-aws-kms-key-id" if puts => plain().into_iter().chain(key_of_bucket()).collect(),
            // What is copied, and which bytes are sent, is the call itself.
            name if puts && name.starts_with("s3:x-amz-") && !name.contains("sha256") && !name.contains("copy-source") => {
                plain().into_iter().chain(fixed.iter().map(|value| (*value).to_owned())).collect()
            }
            _ => Vec::new(),
        };
        all.truncate(TRIED_MOST);
        all
    }

    /// Texts that a condition may mean: those that it names, what its patterns stand for, and what says nothing.
    fn texts(&self, hop: &Hop, key: &str, wanted: &[String], takes: &dyn Fn(&str) -> bool) -> Vec<String> {
        let (here, elsewhere) = (named(hop, wanted), named(hop, &self.said_of(hop, key)));
        let usual = [one(&hop.question.context, key), user(hop), Some(SESSION)];
        let usual: Vec<String> = usual.into_iter().flatten().map(str::to_owned).collect();
        let first = usual.first().cloned().unwrap_or_default();
        // What has to be like two patterns is like one of them, filled with what is like the other.
        let nested = elsewhere.iter().chain(&here).filter(|text| !is_plain(text)).map(|pattern| filled(pattern, &first));
        let stars: Vec<String> = usual.iter().cloned().chain(nested).collect();
        let mut all = Vec::new();
        for texts in [&here, &elsewhere] {
            all.extend(texts.iter().filter(|text| is_plain(text)).cloned());
            all.extend(stars.iter().flat_map(|star| texts.iter().filter(|text| !is_plain(text)).map(|pattern| filled(pattern, star))));
        }
        all.extend(usual);
        all.retain(|text| takes(text));
        all
    }

    /// What statements that bear on a call say of a key.
    fn said_of(&self, hop: &Hop, key: &str) -> Vec<String> {
        let statements = hop.answer.reasons.iter().filter_map(|reason| self.statement(hop, reason.layer, &reason.statement));
        let keys = statements.flat_map(|statement| statement.conditions.values()).flatten();
        keys.filter(|(known, _)| known.eq_ignore_ascii_case(key)).flat_map(|(_, values)| values.iter().cloned()).collect()
    }
}

/// Values of a condition as this caller's request meets them.
fn named(hop: &Hop, wanted: &[String]) -> Vec<String> {
    let user = user(hop);
    let filled = wanted.iter().map(|text| user.map_or_else(|| text.clone(), |name| text.replace("${aws:username}", name)));
    filled.filter(|text| !text.is_empty() && !text.contains('$')).collect()
}

/// The name of the user who calls.
fn user(hop: &Hop) -> Option<&str> {
    Who::of(&hop.call.principal).filter(|who| who.kind == "user").map(|who| who.name)
}

/// The partition of an ARN.
fn of(resource: &str) -> Partition {
    let named = resource.split(':').nth(1).unwrap_or_default();
    [Partition::AwsCn, Partition::AwsUsGov].into_iter().find(|known| known.as_str() == named).unwrap_or_default()
}

fn is_plain(text: &str) -> bool {
    !text.contains(['*', '?'])
}

fn filled(pattern: &str, star: &str) -> String {
    pattern.replace('*', star).replace('?', "x")
}

fn is_text(text: &str, lengths: std::ops::RangeInclusive<usize>, besides: &str) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b) || besides.as_bytes().contains(&b))
}

/// What STS takes (STS API Reference, AssumeRole).
fn is_session_name(text: &str) -> bool {
    is_text(text, 2..=64, "")
}

fn is_external_id(text: &str) -> bool {
    is_text(text, 2..=1_224, ":/")
}

/// What a tag may say, without what needs other words on the command line.
fn is_tag(text: &str) -> bool {
    is_text(text, 1..=256, ":/ ")
}
