//! Whether only certain callers, or only requests from a certain network, can meet a condition.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crossrole_access::language::net;
use crossrole_model::access::Clause;
use crossrole_policy::Arn;

use crate::look::{asked, asks_only_for, is_of_resource, is_pattern};

/// What a value of a key is, and so how much of it has to be written out for it to be a certain one.
#[derive(Clone, Copy)]
enum Says {
    /// A name or an id: all of it.
    Name,
    /// An ARN: its account; where it has none, all that tells whose it is.
    Arn,
    /// A unique id, and behind a colon the name of a session: what stands before the colon.
    Id,
    /// `o-a1b2c3d4e5/r-ab12/…`: the organization.
    Path,
}

/// Keys that tell whose a request is (S3 User Guide, "The meaning of public"; IAM User Guide, "AWS global condition context keys": of a
/// principal, and of the service that calls for somebody). Who writes with a key of KMS may use that key.
const WHOSE: [(&str, Says); 19] = [
    ("aws:PrincipalOrgID", Says::Name),
    ("aws:PrincipalOrgPaths", Says::Path),
    ("aws:PrincipalAccount", Says::Name),
    ("aws:PrincipalArn", Says::Arn),
    ("aws:PrincipalServiceName", Says::Name),
    ("aws:PrincipalServiceNamesList", Says::Name),
    ("aws:userid", Says::Id),
    ("aws:Ec2InstanceSourceVpc", Says::Name),
    ("aws:SourceArn", Says::Arn),
    ("aws:SourceAccount", Says::Name),
    ("aws:SourceOwner", Says::Name),
    ("aws:SourceOrgID", Says::Name),
    ("aws:SourceOrgPaths", Says::Path),
    ("ec2:SourceInstanceArn", Says::Arn),
    ("lambda:SourceFunctionArn", Says::Arn),
    ("kms:CallerAccount", Says::Name),
    ("s3:DataAccessPointAccount", Says::Name),
    ("s3:DataAccessPointArn", Says::Arn),
    ("s3:x-amz-server-side-encryption-aws-kms-key-id", Says::Arn),
];

/// Keys that tell where a request comes from.
const WHENCE: [(&str, Says); 6] = [
    ("aws:SourceVpc", Says::Name),
    ("aws:SourceVpce", Says::Name),
    ("aws:SourceVpcArn", Says::Arn),
    ("aws:VpceAccount", Says::Name),
    ("aws:VpceOrgID", Says::Name),
    ("aws:VpceOrgPaths", Says::Path),
];

/// Tells whether only certain callers can meet this: those of an organization, of an account, or of a name.
pub(crate) fn is_of_certain(clauses: &[Clause]) -> bool {
    WHOSE.iter().any(|(key, says)| asks_only_for(clauses, key, |clause, value| is_certain(*says, clause, value)))
}

/// Tells whether only requests from a certain network can.
pub(crate) fn is_from_certain(clauses: &[Clause]) -> bool {
    WHENCE.iter().any(|(key, says)| asks_only_for(clauses, key, |clause, value| is_certain(*says, clause, value)))
        || asked(clauses, "aws:SourceIp").any(is_of_few_addresses)
}

/// The organizations that all callers are of, one or the other.
pub(crate) fn organizations(clauses: &[Clause]) -> Option<BTreeSet<&str>> {
    [("aws:PrincipalOrgID", Says::Name), ("aws:PrincipalOrgPaths", Says::Path)].into_iter().find_map(|(key, says)| {
        let certain = |clause: &&Clause| !clause.values.is_empty() && clause.values.iter().all(|value| is_certain(says, clause, value));
        let clause = asked(clauses, key).find(certain)?;
        Some(clause.values.iter().map(|value| organization_of(value)).collect())
    })
}

/// Tells whether all callers are of organizations of one's own; where none is said to be that, each that is named is. The organization of
/// the resource is.
pub(crate) fn is_of_own(clauses: &[Clause], own: &BTreeSet<String>) -> bool {
    organizations(clauses).is_some_and(|ids| own.is_empty() || ids.iter().all(|id| own.contains(*id) || id.starts_with("${")))
}

fn organization_of(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// Unique ids of roles and users have four letters for their kind and seventeen more (IAM User Guide, "Unique identifiers", and its examples).
const ID_LENGTH: usize = 21;

fn is_certain(says: Says, clause: &Clause, value: &str) -> bool {
    let is_fixed = |text: &str| !text.is_empty() && !is_open(clause, text);
    match says {
        Says::Name => is_fixed(value),
        Says::Path => is_fixed(organization_of(value)),
        // Nobody chooses the id of what he makes, so that a whole one is one, whatever follows.
        Says::Id => {
            let id = value.split(['*', '?']).next().unwrap_or_default();
            is_fixed(value) || is_fixed(id) && (id.len() >= ID_LENGTH || id.find(':').is_some_and(|at| at > 0))
        }
        Says::Arn => match Arn::parse(value) {
            Some(arn) if arn.account.is_empty() && arn.service == "s3" => is_fixed(organization_of(arn.resource)),
            Some(arn) if arn.account.is_empty() => is_fixed(arn.resource),
            Some(arn) => arn.account.len() == 12 && arn.account.bytes().all(|b| b.is_ascii_digit()),
            None => is_fixed(value),
        },
    }
}

/// Tells whether more than one text meets a value: it is a pattern, or speaks of the request. What it says of the resource is the owner's
/// to say.
fn is_open(clause: &Clause, text: &str) -> bool {
    let mut variables = text.split("${").skip(1);
    is_pattern(clause) && text.contains(['*', '?']) || variables.any(|name| !is_of_resource(name))
}

/// Most addresses that are those of somebody: nobody has sixteen blocks of /8.
const ADDRESSES_MOST: u64 = 1 << 28;

/// Tells whether no range is broader than S3 takes for certain (/8, or /32 of addresses of version 6; S3 User Guide, "The meaning of
/// public"), and all of them together are not most of the internet. Of version 6 no policy has room for so many.
fn is_of_few_addresses(clause: &Clause) -> bool {
    let ranges: Option<Vec<Range>> = clause.values.iter().map(|value| range(value)).collect();
    let Some(mut ranges) = ranges else { return false };
    ranges.sort_unstable();
    let (mut all, mut end) = (0, 0);
    for (from, to) in ranges.into_iter().flatten() {
        all += to.saturating_sub(from.max(end));
        end = end.max(to);
    }
    all < ADDRESSES_MOST
}

/// Of addresses of version 4, the first one and the one behind the last; `None` of others.
type Range = Option<(u64, u64)>;

/// `None`: it is broader than may be, or nobody knows how broad. `203.0.113.*` is a range as well.
fn range(value: &str) -> Option<Range> {
    let text = match value.strip_suffix(".*") {
        Some(head) => {
            let octets = head.split('.').count();
            format!("{head}{}/{}", ".0".repeat(4_usize.checked_sub(octets)?), octets * 8)
        }
        None => value.to_owned(),
    };
    if text.contains(['*', '?', '$']) {
        return None;
    }
    // Nobody comes from what is no address.
    let Some(net) = net(&text) else { return Some(None) };
    let IpAddr::V4(first) = net.network() else { return (net.prefix_len() >= 32).then_some(None) };
    let (first, size) = (u64::from(u32::from(first)), 1_u64 << (32 - net.prefix_len()));
    (net.prefix_len() >= 8).then_some(Some((first, first + size)))
}
