//! Sentences of an audit.

use crossrole_model::access::{Certainty, Clause, Hop, Party};
use crossrole_model::audit::{By, Callers, Cut, Detail, Issue, Lacks, NotKnown, Object, Origin, Rule, Stale, StaleBecause, Standing, WayIn, Without};

use crate::access::{about, by_arn, short, sorted, who, why};
use crate::clause::when;
use crate::{View, safe};

/// `bucket logs of 222222222222`
pub(super) fn object(object: &Object) -> String {
    safe(&match object {
        Object::Account { account } => format!("account {account}"),
        Object::Region { account, region } => format!("{region} in account {account}"),
        Object::Bucket { account, name } => format!("bucket {name} of {account}"),
        Object::Role { arn } | Object::User { arn } | Object::Key { arn } | Object::Trail { arn } => by_arn(arn),
    })
}

/// What breaks a rule, in one sentence without its end.
pub(super) fn message(issue: &Issue, view: View) -> String {
    format!("{} {}", object(&issue.object), verb(issue.rule, &issue.detail, view))
}

fn verb(rule: Rule, detail: &Detail, view: View) -> String {
    match detail {
        Detail::Way { party, when: conditions, by, lacks } => {
            let (who, when) = (who(party, &[], Certainty::Exact), format!("{}{}", by_what(*by), conditions_of(conditions, view)));
            match (rule, lacks) {
                (Rule::NoExternalId, _) => format!("lets in {who}, a third party, without an external id{when}"),
                (_, Some(Lacks::SecondFactor(users))) => format!("lets in {} without a second factor{when}", some_of(party, users)),
                (Rule::NoMfa, _) => format!("lets in {who} without a second factor{when}"),
                (_, Some(Lacks::Audience)) => format!("lets in {who} of any audience{when}"),
                (_, Some(Lacks::Subject)) => format!("lets in {who} of any subject{when}"),
                (_, Some(Lacks::OneWorkload(pattern))) => {
                    format!("lets in {who} of the subject {}, which is of many workloads", crate::clause::quoted(pattern))
                }
                (_, Some(Lacks::OneWorkflow(pattern))) => {
                    format!("lets in {who} of the workflow {}, which is of many repositories", crate::clause::quoted(pattern))
                }
                (_, Some(Lacks::SignIn)) => format!("lets in {who} of guests, who have not signed in{when}"),
                (_, None) => format!("lets in {who}{when}"),
            }
        }
        Detail::Id(id) => format!("names {}, which is what is left of a deleted principal", safe(id)),
        Detail::Manifest(name) => format!("bears the mark of manifest {}, which does not say all that it lets in", safe(name)),
        Detail::Age { days, most } if rule == Rule::UnusedRole => format!("was last used {} ago, more than {most}", plural(*days, "day")),
        Detail::Age { days, most } => format!("is {} old, more than {most}", plural(*days, "day")),
        Detail::Never { days, most } => format!("was made {} ago and has never been used; more than {most} is long", plural(*days, "day")),
        Detail::Seconds { seconds, most } => format!("has sessions of up to {}, more than {}", hours(*seconds), hours(*most)),
        Detail::AccessKey { number, days: Some(days), most } if rule == Rule::OldAccessKey => {
            format!("has an access key (the {}) that is {} old, more than {most}", ordinal(*number), plural(*days, "day"))
        }
        Detail::AccessKey { number, days, .. } => {
            let old = days.map(|days| format!(", {} old", plural(days, "day"))).unwrap_or_default();
            format!("has an access key (the {}{old})", ordinal(*number))
        }
        Detail::Nothing(without) => without_words(*without).to_owned(),
    }
}

/// Users of an account that may come in as a whole.
fn some_of(party: &Party, users: &[String]) -> String {
    const NAMED_MOST: usize = 3;
    let more = users.len().saturating_sub(NAMED_MOST);
    let named = users.iter().take(NAMED_MOST).map(|user| safe(&by_arn(user))).chain((more > 0).then(|| format!("{more} more users")));
    format!("{}, of all of account {},", named.collect::<Vec<_>>().join(" and "), safe(party.account().unwrap_or_default()))
}

/// What lets somebody in, where it is no policy.
fn by_what(by: By) -> &'static str {
    match by {
        By::Policy => "",
        By::Acl => " by its ACL",
        By::Grant => " by a grant",
    }
}

fn without_words(without: Without) -> &'static str {
    match without {
        Without::Trail => "has no trail",
        Without::TrailThatKeeps => "has no trail that is on and keeps what is changed",
        Without::TrailOfAllRegions => {
            "has no trail of all regions that is on and keeps what is changed: what is done in regions that were not looked at may be kept nowhere"
        }
        Without::DataEvents => "has no trail that keeps what is read and written in all of it",
        Without::AccessLog => "logs no access",
        Without::Encryption => "has no encryption by default",
        Without::Kms => "is encrypted by default, but not with a key of KMS",
        Without::Block => "does not block all public access",
        Without::OwnerEnforced => "has ACLs on",
    }
}

fn ordinal(number: u8) -> &'static str {
    if number == 1 { "first" } else { "second" }
}

/// `4 hours`, `90 minutes`
fn hours(seconds: u32) -> String {
    if seconds.is_multiple_of(3_600) { plural(seconds / 3_600, "hour") } else { plural(seconds / 60, "minute") }
}

pub(super) fn plural(number: u32, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

fn conditions_of(conditions: &[Vec<Clause>], view: View) -> String {
    when(conditions, view).concat()
}

/// Where a way in comes from.
pub(super) fn origin(origin: &Origin) -> String {
    safe(&match origin {
        Origin::Anyone => "anyone".to_owned(),
        Origin::Account { account } => format!("account {account}"),
        Origin::Organization { organization } => format!("organization {organization}"),
        Origin::Federation { provider } => format!("identity provider {}", provider.split_once('/').map_or(provider.as_str(), |(_, name)| name)),
        Origin::Service { service } if service == "*" => "any service".to_owned(),
        Origin::Service { service } => format!("service {service}"),
    })
}

/// The word for machines.
pub(super) fn origin_kind(origin: &Origin) -> &'static str {
    match origin {
        Origin::Anyone => "anyone",
        Origin::Account { .. } => "account",
        Origin::Organization { .. } => "organization",
        Origin::Federation { .. } => "federation",
        Origin::Service { .. } => "service",
    }
}

/// Whose doing it is.
pub(super) fn standing(one: &Standing) -> String {
    safe(&match one {
        Standing::Declared { manifest } => format!("declared by {manifest}"),
        Standing::Adopted { manifest } => format!("adopted by {manifest}"),
        Standing::Drifted { manifest } => format!("marked as of {manifest}, which does not say it"),
        Standing::Elsewhere { manifest: Some(manifest) } => format!("marked as of {manifest}, which is not of this run"),
        Standing::Elsewhere { manifest: None } => "marked as of a manifest that is not of this run".to_owned(),
        Standing::Unknown => "unknown".to_owned(),
    })
}

/// All of them; of none, nothing could be told.
pub(super) fn standings(way: &WayIn) -> String {
    let all: Vec<String> = way.standing.iter().map(standing).collect();
    if all.is_empty() { "unknown".to_owned() } else { all.join("; ") }
}

/// Who it is. What policies of their own let them is their account's business, and said of those that stand for many alone.
pub(super) fn party(party: &Party, except: &[Party]) -> String {
    match party {
        Party::AnyOf { .. } | Party::AnyOther { .. } => who(party, except, Certainty::OwnPolicies),
        _ => who(party, except, Certainty::Exact),
    }
}

/// Who does what, when: without on what.
pub(super) fn doing(way: &WayIn, view: View) -> (String, String) {
    let access = &way.access;
    let may_not = if way.callers == Callers::MayNot { ", which their own policies do not let them now" } else { "" };
    let actions = sorted(&access.actions, str::to_owned).join(", ");
    (format!("{}: {actions}", party(&access.party, &access.except)), format!("{}{}{may_not}", by_what(way.by), conditions_of(&access.when, view)))
}

/// On what: the object, and of a bucket which part of it.
pub(super) fn target(way: &WayIn) -> String {
    let all = sorted(&way.access.resources, short);
    match &way.to {
        Object::Bucket { name, .. } if all.iter().any(|one| one != name && *one != format!("{name}/*")) => format!("{} ({})", object(&way.to), all.join(", ")),
        to => object(to),
    }
}

/// One sentence for all of it.
pub(super) fn way(way: &WayIn, view: View) -> String {
    let (doing, when) = doing(way, view);
    format!("{doing} on {}{when}", target(way))
}

/// A step of a chain: who assumes which role.
pub(super) fn step(hop: &Hop, view: View) -> String {
    format!("{} assumes {}{}", party(&hop.party, &hop.except), safe(&by_arn(&hop.resource)), conditions_of(&hop.when, view))
}

/// Why nobody knows whom ACLs let in.
pub(super) const ACLS_NOT_READ: &str =
    "they are not read, and they count: ownership is not BucketOwnerEnforced, and neither the bucket nor its account is known to ignore public ACLs";

/// What is not known, and why.
pub(super) fn not_known(one: &NotKnown) -> String {
    match one {
        NotKnown::Unread { object: of, part: "policies", why } => format!("{}: of its policies, these were not read: {}", object(of), safe(&why.to_string())),
        NotKnown::Unread { object: of, part, why } => {
            let part = if part.is_empty() { String::new() } else { format!(": {part}") };
            format!("{}{part}: could not be read: {}", object(of), safe(&why.to_string()))
        }
        NotKnown::Acls { object: of } => format!("{}: whom ACLs of its objects let in: {ACLS_NOT_READ}", object(of)),
        NotKnown::Undecided { party, about: what, object: of, why: because } => {
            let what = match what {
                crossrole_model::access::About::Role(_) | crossrole_model::access::About::Bucket(_) | crossrole_model::access::About::Key(_) => object(of),
                other => safe(&about(other)),
            };
            format!("{} on {what}: not decided: {}", who(party, &[], Certainty::Exact), safe(&why(because)))
        }
    }
}

/// What an audit does not look at, wherever it runs: each is as good as unread.
pub(super) const NOT_LOOKED_AT: [&str; 3] = [
    "ACLs of objects, which are one call each",
    "policies of access points of S3 (multi-region ones and those of Object Lambda, too)",
    "what other services share: policies of queues, topics, functions, secrets, repositories and the like, snapshots and images, and resource shares",
];

/// What was cut off.
pub(super) fn cut(cut: Cut) -> String {
    match cut {
        Cut::Chains(most) => format!("no more than {most} chains are told, and there are more"),
        Cut::Depth(most) => format!("chains of more than {most} roles are not followed further"),
        Cut::Pairs(most) => format!("no more than {most} pairs of a principal and a role were looked at, and there are more: chains are missing"),
        Cut::Reach(most) => format!("what roles at the ends of chains reach was looked at for {most} buckets and keys, and there are more"),
    }
}

/// A suppression that does nothing.
pub(super) fn stale(stale: &Stale) -> String {
    let of = format!("the suppression of {} for {}", safe(&stale.suppression.rule), safe(&stale.suppression.object));
    match (stale.because, &stale.suppression.expires) {
        (StaleBecause::Expired, Some((day, _))) => format!("{of} has ended with {}: {}", safe(day), safe(&stale.suppression.reason)),
        _ => format!("{of} suppresses nothing: take it out"),
    }
}
