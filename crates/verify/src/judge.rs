//! Of what was tried, whether it is as it should be.

use std::collections::BTreeSet;

use crossrole_access::Estate;
use crossrole_model::access::{Assumption, Explanation, Party};
use crossrole_model::proof::{Act, Cell, Known, Proof, Twist, Verdict};
use crossrole_model::{AccountId, Address, CloudError, ErrorClass, Kind};

use crate::asked::asked;

/// What is live.
#[derive(Debug)]
pub struct Live<'l> {
    /// What was read of it.
    pub estate: &'l Estate,
    /// Objects that are not as the manifests say.
    pub changed: &'l BTreeSet<Address>,
    /// Seconds since 1970.
    pub now: i64,
    /// The longest session that each role may have now, by ARN.
    pub longest: &'l std::collections::BTreeMap<String, u32>,
    /// ARNs of keys that can't be used as they are, whatever their policies say, each with its address.
    pub unusable: &'l std::collections::BTreeMap<String, Address>,
}

/// Codes of refusals (IAM User Guide, "Troubleshoot access denied error messages").
const REFUSALS: [&str; 3] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];

/// Part of S3's answer to everybody who asks unsigned for what a key of KMS encrypts (S3 API Reference, "Error responses").
const UNSIGNED: &str = "require AWS Signature Version 4";

/// Whoever does not sign in, as cells name it.
const ANONYMOUS: &str = "anonymous";

/// Tells whether an error says no: others say nothing of who may do what.
pub fn is_refusal(cell: &Cell, error: &CloudError) -> bool {
    match error.class {
        // Others of that class say something else of the object, or of the account.
        ErrorClass::Denied => REFUSALS.contains(&error.code.as_str()),
        ErrorClass::Invalid => match &cell.act {
            // That a session would be too long is no matter of policies.
            Act::Assume { .. } => cell.twist == Twist::TooLong,
            _ => cell.principal == ANONYMOUS && error.code == "InvalidArgument" && error.message.contains(UNSIGNED),
        },
        _ => false,
    }
}

/// Judges one cell. `live` is `None` where what is live could not be read.
pub fn judged(cell: Cell, known: Known, live: Option<&Live<'_>>) -> Proof {
    let explained = live.map(|live| asked(live.estate, &cell, live.now)).unwrap_or_default();
    let decided = live.map(|live| {
        explained.iter().all(Explanation::is_allowed) && fits(&cell, live) && is_taken(&cell, live) && switched_off(&explained, live).next().is_none()
    });
    // What was taken for granted is no proof; that more is let than should be, is bad news all the same.
    let evaluated = decided.filter(|decided| *decided && !cell.wanted || !explained.iter().any(rests_on_unread));
    let shown = match &known {
        Known::Called(called) => (called.let_in || called.error.as_ref().is_some_and(|e| is_refusal(&cell, e))).then_some(called.let_in),
        // The simulator knows the principal's own policies alone: its no is heard where it is bad news, and nowhere else.
        Known::Simulated { decision, .. } => decided.map(|decided| decided && (decision == "allowed" || !cell.wanted)),
        Known::Evaluated { .. } => evaluated,
        // What S3 answers where the key can't be used is an answer.
        Known::Unknown { because: Err(error) } if error.code.starts_with("KMS.") => {
            live.filter(|live| switched_off(&explained, live).next().is_some()).map(|_| false)
        }
        Known::Unknown { .. } => None,
    };
    let verdict = match shown {
        Some(shown) if shown == cell.wanted => Verdict::Holds,
        Some(_) => Verdict::Fails,
        None => Verdict::Unknown,
    };
    let differs = live.filter(|_| verdict == Verdict::Fails).map(|live| {
        let mut all: BTreeSet<Address> = differing(&cell, live).into_iter().collect();
        all.extend(switched_off(&explained, live).cloned());
        all.into_iter().collect()
    });
    let differs = differs.unwrap_or_default();
    let party = explained.first().map_or_else(|| party(&cell.principal), |first| first.party.clone());
    // What an evaluator has nothing to say about is no prediction.
    let live = if cell.twist == Twist::TooLong { Vec::new() } else { explained };
    Proof { cell, party, known, verdict, live, differs }
}

/// Services whose resources have policies that decide (IAM User Guide, "AWS services that work with IAM"), of those that manifests speak of.
const WITH_POLICIES: [&str; 10] = ["s3", "kms", "sqs", "sns", "lambda", "secretsmanager", "ecr", "events", "dynamodb", "iam"];

/// Whether an answer rests on a policy that was not read.
fn rests_on_unread(explanation: &Explanation) -> bool {
    let service = explanation.resource.split(':').nth(2).unwrap_or_default();
    explanation.assumed.iter().any(|assumption| match assumption {
        Assumption::KeyPolicy | Assumption::NoBlock { .. } | Assumption::Encryption { .. } | Assumption::Unread { .. } => true,
        // All buckets together have none.
        Assumption::ResourcePolicy => WITH_POLICIES.contains(&service) && !explanation.resource.ends_with(":s3:::*"),
        Assumption::OwnAccount
        | Assumption::OwnPolicies
        | Assumption::UnknownPolicies
        | Assumption::NoGrant
        | Assumption::OfUserOfItsName
        | Assumption::AsItsBucket { .. }
        | Assumption::NotGiven { .. }
        | Assumption::BucketTags { .. }
        | Assumption::RoleTags { .. } => false,
    })
}

/// Keys that it takes and that can't be used.
fn switched_off<'l>(explained: &[Explanation], live: &Live<'l>) -> impl Iterator<Item = &'l Address> {
    let unusable = live.unusable;
    explained.iter().filter_map(move |hop| unusable.get(&hop.resource)).collect::<Vec<_>>().into_iter()
}

/// Whom a cell is about, where nothing was evaluated.
fn party(principal: &str) -> Party {
    if principal == ANONYMOUS {
        return Party::Unsigned;
    }
    if principal.contains(":group/") {
        return Party::Members { group: principal.to_owned() };
    }
    match AccountId::parse(principal) {
        Some(account) => Party::AnyOf { partition: String::new(), account: account.to_string() },
        None => Party::of(principal),
    }
}

/// Whether the identity provider that a token comes from is there and takes it: no policy says that (IAM User Guide, "Create an OpenID
/// Connect (OIDC) identity provider in IAM", audiences).
fn is_taken(cell: &Cell, live: &Live<'_>) -> bool {
    let Some((kind, host)) = ["oidc-provider", "saml-provider"].iter().find_map(|kind| Some((*kind, cell.principal.split_once(&format!(":{kind}/"))?.1)))
    else {
        return true;
    };
    let Some(audiences) = live.estate.providers.get(&cell.principal) else { return false };
    let audience = cell.terms.keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(&format!("{host}:aud"))).map(|(_, value)| value);
    kind == "saml-provider" || audience.is_none_or(|audience| audiences.contains(audience))
}

/// No policy says how long a session may be.
fn fits(cell: &Cell, live: &Live<'_>) -> bool {
    let Act::Assume { role } = &cell.act else { return true };
    let chained = cell.principal.contains(":role/");
    let longest = live.longest.get(role).copied().unwrap_or(crate::terms::CHAINED);
    crate::asked::at_least(&cell.terms, if chained { longest.min(crate::terms::CHAINED) } else { longest })
}

/// What a cell rests on and is not as the manifests say.
fn differing(cell: &Cell, live: &Live<'_>) -> Vec<Address> {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let mut names: BTreeSet<String> = [cell.via.as_deref(), Some(cell.principal.as_str())].into_iter().flatten().map(name).collect();
    if let Act::Assume { role } = &cell.act {
        names.insert(name(role));
    }
    let groups = live.estate.principals.get(&cell.principal).map(|p| &p.groups);
    names.extend(groups.into_iter().flatten().map(|group| name(group)));
    let bucket = cell.act.bucket();
    let key = bucket.and_then(|bucket| live.estate.bucket_keys.get(bucket)).map(|key| key.arn.as_str());
    let rests = |address: &&Address| match address.kind {
        Kind::Bucket | Kind::BucketPolicy => bucket == Some(address.name.as_str()),
        Kind::Key | Kind::KeyPolicy => key.is_some(),
        // Managed policies: which of them a principal holds is in its attachments.
        Kind::Policy => true,
        _ => address.name.split('/').any(|part| names.contains(&part.to_ascii_lowercase())),
    };
    live.changed.iter().filter(rests).cloned().collect()
}
