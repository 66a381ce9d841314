//! The actions and condition keys of S3, IAM and STS and the names of all services (`actions.txt`, made by `generate.py`, which
//! says from what and when), and the condition keys that every service has.

mod kms;
pub mod s3;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::engine::glob::Glob;

/// What an action does to a resource, in the words of AWS's Service Authorization Reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Lists resources.
    List,
    /// Reads them.
    Read,
    /// Creates, changes or deletes them.
    Write,
    /// Changes who may do what with them.
    Permissions,
    /// Changes their tags.
    Tagging,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// `s3:GetObject`.
    pub name: &'static str,
    /// What it does.
    pub level: Level,
    /// Kinds of resource that it names: `bucket`, `object`, `role`; none when its resource is `*`.
    pub resources: Vec<&'static str>,
}

/// The type of a condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// Text.
    Text,
    /// An ARN.
    Arn,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A point in time.
    Date,
    /// An address.
    Ip,
}

/// A condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its type.
    pub kind: KeyType,
    /// It has any number of values.
    pub many: bool,
}

#[derive(Debug, Default)]
struct Catalogue {
    actions: Vec<Action>,
    /// As written, and in lower case.
    by_name: BTreeMap<String, usize>,
    keys: BTreeMap<String, Key>,
    services: BTreeSet<&'static str>,
}

/// Keys of all services (IAM User Guide, "AWS global condition context keys"); a trailing slash stands for any tag.
const GLOBAL: &[(&str, KeyType, bool)] = &[
    ("aws:assumedroot", KeyType::Bool, false),
    ("aws:calledvia", KeyType::Text, true),
    ("aws:calledviaawsmcp", KeyType::Text, false),
    ("aws:calledviafirst", KeyType::Text, false),
    ("aws:calledvialast", KeyType::Text, false),
    ("aws:chatbotsourcearn", KeyType::Arn, false),
    ("aws:currenttime", KeyType::Date, false),
    ("aws:ec2instancesourceprivateipv4", KeyType::Ip, false),
    ("aws:ec2instancesourcevpc", KeyType::Text, false),
    ("aws:epochtime", KeyType::Date, false),
    ("aws:federatedprovider", KeyType::Text, false),
    ("aws:ismcpserviceaction", KeyType::Bool, false),
    ("aws:multifactorauthage", KeyType::Number, false),
    ("aws:multifactorauthpresent", KeyType::Bool, false),
    ("aws:principalaccount", KeyType::Text, false),
    ("aws:principalarn", KeyType::Arn, false),
    ("aws:principalisawsservice", KeyType::Bool, false),
    ("aws:principalorgid", KeyType::Text, false),
    ("aws:principalorgpaths", KeyType::Text, true),
    ("aws:principalservicename", KeyType::Text, false),
    ("aws:principalservicenameslist", KeyType::Text, true),
    ("aws:principaltag/", KeyType::Text, false),
    ("aws:principaltype", KeyType::Text, false),
    ("aws:referer", KeyType::Text, false),
    ("aws:requestedregion", KeyType::Text, false),
    ("aws:requesttag/", KeyType::Text, false),
    ("aws:resourceaccount", KeyType::Text, false),
    ("aws:resourceorgid", KeyType::Text, false),
    ("aws:resourceorgpaths", KeyType::Text, true),
    ("aws:resourcetag/", KeyType::Text, false),
    ("aws:securetransport", KeyType::Bool, false),
    ("aws:signinsessionarn", KeyType::Arn, false),
    ("aws:sourceaccount", KeyType::Text, false),
    ("aws:sourcearn", KeyType::Arn, false),
    ("aws:sourceidentity", KeyType::Text, false),
    ("aws:sourceip", KeyType::Ip, false),
    ("aws:sourceorgid", KeyType::Text, false),
    ("aws:sourceorgpaths", KeyType::Text, true),
    ("aws:sourceowner", KeyType::Text, false),
    ("aws:sourcevpc", KeyType::Text, false),
    ("aws:sourcevpcarn", KeyType::Arn, false),
    ("aws:sourcevpce", KeyType::Text, false),
    ("aws:tagkeys", KeyType::Text, true),
    ("aws:tokenissuetime", KeyType::Date, false),
    ("aws:useragent", KeyType::Text, false),
    ("aws:userid", KeyType::Text, false),
    ("aws:username", KeyType::Text, false),
    ("aws:viaawsmcpservice", KeyType::Bool, false),
    ("aws:viaawsservice", KeyType::Bool, false),
    ("aws:vpceaccount", KeyType::Text, false),
    ("aws:vpceorgid", KeyType::Text, false),
    ("aws:vpceorgpaths", KeyType::Text, true),
    ("aws:vpcsourceip", KeyType::Ip, false),
];

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let mut all = Catalogue::default();
        for line in include_str!("actions.txt").lines() {
            let mut columns = line.split('\t');
            match (columns.next(), columns.next(), columns.next(), columns.next()) {
                (Some("action"), Some(name), Some(level), Some(types)) => {
                    let level = match level {
                        "List" => Level::List,
                        "Read" => Level::Read,
                        "Permissions management" => Level::Permissions,
                        "Tagging" => Level::Tagging,
                        _ => Level::Write,
                    };
                    all.by_name.insert(name.to_ascii_lowercase(), all.actions.len());
                    all.by_name.insert(name.to_owned(), all.actions.len());
                    all.actions.push(Action { name, level, resources: types.split(',').filter(|t| !t.is_empty()).collect() });
                }
                (Some("key"), Some(name), Some(kind), None) => {
                    let name = name.to_ascii_lowercase();
                    let name = name.split_once("/$").or_else(|| name.split_once("/<")).map_or(name.clone(), |(head, _)| format!("{head}/"));
                    let (kind, many) = match kind.strip_prefix("ArrayOf") {
                        Some(kind) => (kind, true),
                        None => (kind, false),
                    };
                    let kind = match kind {
                        "ARN" => KeyType::Arn,
                        "Bool" => KeyType::Bool,
                        "Numeric" => KeyType::Number,
                        "Date" => KeyType::Date,
                        _ => KeyType::Text,
                    };
                    all.keys.insert(name, Key { kind, many });
                }
                (Some("service"), Some(name), None, None) => {
                    all.services.insert(name);
                }
                _ => {}
            }
        }
        for (name, kind, many) in GLOBAL {
            all.keys.insert((*name).to_owned(), Key { kind: *kind, many: *many });
        }
        all
    })
}

/// Services whose actions are all here.
pub const SERVICES: [&str; 3] = ["s3", "iam", "sts"];

/// Tells whether AWS has a service of this name, before the colon of an action or in an ARN; case does not count.
pub fn is_service(name: &str) -> bool {
    catalogue().services.contains(name.to_ascii_lowercase().as_str())
}

/// First labels of service principals that no action has before its colon (AWS's documentation of each service).
const PRINCIPALS: &[&str] = &[
    "aiops",
    "alexa-appkit",
    "assets",
    "billingconsole",
    "cloudwatch-crossaccount",
    "config-multiaccountsetup",
    "continuousexport",
    "custom-resource",
    "delivery",
    "dms-fleet-advisor",
    "ec2fleet",
    "ecs-tasks",
    "edgelambda",
    "eks-connector",
    "eks-fargate",
    "eks-fargate-pods",
    "eks-nodegroup",
    "emrwal",
    "lexv2",
    "logger",
    "macie",
    "malware-protection-plan",
    "monitoring",
    "networkinsights",
    "opensearchservice",
    "pods",
    "replicator",
    "reporting",
    "rolesanywhere",
    "spot",
    "spotfleet",
    "stacksets",
    "transitgateway",
    "vmie",
    "vpc-flow-logs",
];

/// Tells whether a text is the name of a service as a principal: `lambda.amazonaws.com`, `logs.eu-west-1.amazonaws.com`,
/// `delivery.logs.amazonaws.com`. One label that is known is enough: services are more than the catalogue has.
pub fn is_service_principal(name: &str) -> bool {
    let Some(labels) = name.strip_suffix(".amazonaws.com").or_else(|| name.strip_suffix(".amazonaws.com.cn")) else {
        // A few have names of other domains: `cloudhsm.aws.internal`, `prod.apprunner.aws.internal`.
        return name.ends_with(".aws.internal") || name.ends_with(".amazon.com");
    };
    let plain = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    labels.split('.').all(plain) && labels.split('.').any(|label| is_service(label) || PRINCIPALS.contains(&label))
}

/// Tells whether an action is of a service whose actions are all here.
pub fn is_listed(name: &str) -> bool {
    name.split_once(':').is_some_and(|(service, _)| is_listed_service(service))
}

fn is_listed_service(service: &str) -> bool {
    SERVICES.iter().any(|s| s.eq_ignore_ascii_case(service))
}

/// Returns the actions that a pattern stands for; case does not count.
pub fn expand(pattern: &str) -> Vec<&'static Action> {
    if !pattern.contains(['*', '?']) {
        return action(pattern).into_iter().collect();
    }
    let glob = Glob::parse(&pattern.to_ascii_lowercase());
    catalogue().actions.iter().filter(|a| glob.matches_folded(a.name)).collect()
}

/// Tells whether a pattern of actions stands for none, where all actions of its service are known: S3, IAM, STS, KMS.
pub fn is_no_action(pattern: &str) -> bool {
    let service = pattern.split(':').next().unwrap_or_default();
    if service.eq_ignore_ascii_case("kms") { !kms::has_action(pattern) } else { is_listed_service(service) && expand(pattern).is_empty() }
}

/// Returns the names of the actions of a service whose actions are all known, to find one that is like another.
pub fn names(service: &str) -> Vec<String> {
    let service = service.to_ascii_lowercase();
    if service == "kms" { kms::actions().collect() } else { actions(&service).map(|a| a.name.to_owned()).collect() }
}

/// Tells whether no request has a condition key, where all keys of its provider are known: AWS's own, S3, IAM, STS, KMS.
pub fn is_no_key(name: &str) -> bool {
    let (provider, rest) = name.split_once(':').unwrap_or((name, ""));
    match provider.to_ascii_lowercase().as_str() {
        "kms" => !kms::has_key(rest),
        "aws" | "s3" | "iam" | "sts" => key(name).is_none(),
        _ => false,
    }
}

/// Returns the actions of one service, sorted by name.
pub fn actions(service: &str) -> impl Iterator<Item = &'static Action> {
    let prefix = format!("{service}:");
    catalogue().actions.iter().filter(move |a| a.name.starts_with(&prefix))
}

/// Returns an action by name; case does not count.
pub fn action(name: &str) -> Option<&'static Action> {
    let catalogue = catalogue();
    // Most are written as AWS writes them.
    let at = catalogue.by_name.get(name).or_else(|| catalogue.by_name.get(&name.to_ascii_lowercase()));
    at.and_then(|at| catalogue.actions.get(*at))
}

/// Returns a condition key; case and the tag behind a slash do not count.
pub fn key(name: &str) -> Option<Key> {
    let name = name.to_ascii_lowercase();
    let keys = &catalogue().keys;
    keys.get(&name).or_else(|| name.split_once('/').and_then(|(head, _)| keys.get(&format!("{head}/")))).copied()
}

/// Returns the condition keys that are here, in lower case; those of tags end with a slash.
pub fn keys() -> impl Iterator<Item = &'static str> {
    catalogue().keys.keys().map(String::as_str)
}

/// It names no resource in the reference, and is asked of all buckets: see [`Request`](crate::Request).
const LIST_ALL: &str = "s3:ListAllMyBuckets";

/// Tells whether an action can be asked of a resource: `s3:GetObject` of objects, `iam:PassRole` of roles. Actions of
/// services that are not here can be asked of any resource of such services: their names need not be the same.
pub fn is_asked_of(name: &str, resource: &str) -> bool {
    let Some(arn) = crossrole_policy::Arn::parse(resource) else {
        return resource == "*" && !name.eq_ignore_ascii_case(LIST_ALL) && action(name).is_none_or(|a| a.resources.is_empty());
    };
    let service = name.split(':').next().unwrap_or_default();
    match (is_listed_service(service), is_listed_service(arn.service)) {
        (true, true) if arn.service.eq_ignore_ascii_case(service) || arn.service == "iam" && service.eq_ignore_ascii_case("sts") => {}
        (here, there) => return !here && !there,
    }
    // A name that no action has today may be asked of any resource of its service.
    let Some(action) = action(name) else { return true };
    match arn.service {
        "s3" if arn.resource == "*" && name.eq_ignore_ascii_case(LIST_ALL) => true,
        "s3" if arn.account.is_empty() && arn.region.is_empty() => action.resources.contains(&if arn.resource.contains('/') { "object" } else { "bucket" }),
        // Access points, grants, jobs and the like: which of them it is, its name alone tells.
        "s3" => action.resources.iter().any(|kind| !["object", "bucket"].contains(kind)),
        "iam" if arn.resource == "root" => action.resources.contains(&"root-user"),
        "sts" if arn.resource == "self" => action.resources.contains(&"self-session"),
        "iam" | "sts" => arn.resource.split_once('/').is_some_and(|(kind, _)| action.resources.contains(&kind)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_read() {
        assert!(actions("s3").count() > 150 && actions("iam").count() > 150 && actions("sts").count() > 10);
        assert_eq!(action("s3:getobject").unwrap().level, Level::Read);
        assert!(key("aws:PrincipalTag/Team").is_some() && key("s3:ExistingObjectTag/a").is_some() && key("aws:Sourceip").is_some());
        assert!(key("aws:TagKeys").unwrap().many && key("s3:nope").is_none());
        for principal in ["lambda.amazonaws.com", "logs.eu-west-1.amazonaws.com", "delivery.logs.amazonaws.com", "vpc-flow-logs.amazonaws.com"] {
            assert!(is_service_principal(principal), "{principal}");
        }
        for none in ["invalid.amazonaws.com", "lambda", "Lambda.amazonaws.com", "lambda.amazonaws.org", ".amazonaws.com", "lambda..amazonaws.com"] {
            assert!(!is_service_principal(none), "{none}");
        }
        assert!(is_service("s3") && is_service("DynamoDB") && is_service("catalog") && !is_service("s4") && !is_service(""));
    }

    #[test]
    fn actions_are_asked_of_their_resources() {
        for (action, resource, expected) in [
            ("s3:GetObject", "arn:aws:s3:::b/k", true),
            ("s3:GetObject", "arn:aws:s3:::b", false),
            ("s3:ListBucket", "arn:aws:s3:::b", true),
            ("s3:ListAllMyBuckets", "arn:aws:s3:::*", true),
            ("s3:ListAllMyBuckets", "*", false),
            ("s3:ListAllMyBuckets", "arn:aws:s3:::b", false),
            ("iam:PassRole", "arn:aws:iam::1:role/x", true),
            ("sts:AssumeRole", "arn:aws:iam::1:role/x", true),
            ("iam:PassRole", "arn:aws:s3:::b", false),
            ("s3:PutAccessPointPolicy", "arn:aws:s3:r:1:accesspoint/a", true),
            ("s3:PutAccessPointPolicy", "arn:aws:s3:::b", false),
            ("s3:PutBucketPolicy", "arn:aws:s3:r:1:accesspoint/a", false),
            ("sts:AssumeRoot", "arn:aws:iam::1:root", true),
            ("iam:PassRole", "arn:aws:iam::1:root", false),
            ("sts:GetFederationToken", "arn:aws:sts::1:federated-user/x", true),
            ("sts:GetFederationToken", "arn:aws:iam::1:user/x", false),
            ("sts:TagSession", "arn:aws:sts::1:federated-user/x", true),
            ("sts:SetContext", "arn:aws:sts::1:self", true),
            ("sts:AssumeRole", "arn:aws:sts::1:federated-user/x", false),
            ("dynamodb:GetItem", "arn:aws:dynamodb:r:1:table/t", true),
            ("dynamodb:GetItem", "arn:aws:s3:::t", false),
            ("kafka-cluster:Connect", "arn:aws:kafka:r:1:cluster/c", true),
            ("s3:GetObject", "arn:aws:dynamodb:r:1:table/t", false),
            ("dynamodb:GetItem", "arn:aws:dynamodb:", false),
        ] {
            assert_eq!(is_asked_of(action, resource), expected, "{action} {resource}");
        }
    }
}
