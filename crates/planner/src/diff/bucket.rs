//! Buckets, their settings, and our statements in their policies.

use std::collections::BTreeSet;

use crossrole_model::state::{BucketPolicyState, BucketState, Tags};
use crossrole_model::{Action, Address, BucketRef, Call, Change, DesiredObject, Facet, Kind, ObjectState, Observation, Reason, limits, ownership};
use crossrole_policy::{Document, Statement};

use crate::draft::{Draft, Stage};

use super::{Claim, claim, our_owner};

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &BucketState) {
    let Some(Observation::Known(found)) = draft.observed.buckets.get(&address.name) else { return };
    let Some(found) = found else {
        let change = Change {
            address: address.clone(),
            action: Action::Create,
            before: None,
            after: Some(ObjectState::Bucket(wanted.clone())),
            reasons: vec![Reason::Missing],
            consequences: Vec::new(),
            manifest: object.owner.clone(),
        };
        draft.change(change, create(&address.name, wanted));
        return;
    };
    if found.state.region != wanted.region {
        draft.withhold(
            address,
            format!("it lies in {}, and a bucket can't be moved to {}", found.state.region, wanted.region),
            "correct `region`, or use another name",
        );
        return;
    }
    let empty = Tags::new();
    let tags = found.state.tags.as_ref().unwrap_or(&empty);
    let reasons = match claim(draft, address, object, tags, "") {
        Claim::Refused => return,
        Claim::Adopt => vec![Reason::Adopted],
        Claim::Ours => Vec::new(),
    };
    update(draft, address, object, &found.state, wanted, reasons);
}

fn settings(bucket: &BucketRef, from: Option<&BucketState>, to: &BucketState) -> (Stage, Vec<Reason>) {
    let mut stage = Stage::new();
    let mut reasons = Vec::new();
    let mut push = |call: Call, facet: Facet, what: &str| {
        reasons.push(Reason::Differs(what.to_owned()));
        stage.push((call, facet));
    };
    let bucket = || bucket.clone();
    // No `..`: a new setting stops the build until someone decides.
    let BucketState { region: _, versioning, encryption, public_access_block, ownership, logging, tags } = to;
    // Our mark comes first.
    if let Some(tags) = tags.as_ref().filter(|t| from.is_none_or(|f| f.tags.as_ref() != Some(*t))) {
        push(Call::PutBucketTags { bucket: bucket(), tags: tags.clone() }, Facet::Tags, "tags");
    }
    if let Some(block) = public_access_block.filter(|b| from.is_none_or(|f| f.public_access_block != Some(*b))) {
        push(Call::PutPublicAccessBlock { bucket: bucket(), block }, Facet::PublicAccess, "public access block");
    }
    if let Some(ownership) = ownership.as_ref().filter(|o| from.is_none_or(|f| f.ownership.as_ref() != Some(*o))) {
        push(Call::PutOwnership { bucket: bucket(), ownership: ownership.clone() }, Facet::ObjectOwnership, "object ownership");
    }
    if let Some(encryption) = encryption.as_ref().filter(|e| from.is_none_or(|f| f.encryption.as_ref() != Some(*e))) {
        push(Call::PutEncryption { bucket: bucket(), encryption: encryption.clone() }, Facet::Encryption, "encryption");
    }
    // A new bucket has no versioning and no logging: only "on" needs a call there.
    if let Some(enabled) = versioning.filter(|v| from.map_or(*v, |f| f.versioning != Some(*v))) {
        push(Call::PutVersioning { bucket: bucket(), enabled }, Facet::Versioning, "versioning");
    }
    if let Some(logging) = logging.as_ref().filter(|l| from.map_or(l.is_some(), |f| f.logging.as_ref() != Some(*l))) {
        push(Call::PutLogging { bucket: bucket(), logging: logging.clone() }, Facet::Logging, "logging");
    }
    (stage, reasons)
}

fn create(name: &str, wanted: &BucketState) -> Vec<Stage> {
    let bucket = BucketRef { name: name.to_owned(), region: wanted.region.clone() };
    let tags = wanted.tags.clone().unwrap_or_default();
    let first = Call::CreateBucket { bucket: bucket.clone(), ownership: wanted.ownership.clone(), tags };
    let (rest, _) = settings(&bucket, None, wanted);
    // S3 wants the configuration of one bucket written one call at a time.
    std::iter::once(vec![(first, Facet::Existence)]).chain(rest.into_iter().map(|step| vec![step])).collect()
}

fn update(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, found: &BucketState, wanted: &BucketState, mut reasons: Vec<Reason>) {
    let bucket = BucketRef { name: address.name.clone(), region: found.region.clone() };
    let (stage, differs) = settings(&bucket, Some(found), wanted);
    reasons.extend(differs);
    if stage.is_empty() {
        return;
    }
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: Some(ObjectState::Bucket(found.clone())),
        after: Some(ObjectState::Bucket(wanted.clone())),
        reasons,
        consequences: Vec::new(),
        manifest: object.owner.clone(),
    };
    draft.change(change, stage.into_iter().map(|step| vec![step]).collect());
}

/// Our statements in a bucket's policy; every other statement is kept.
pub(crate) fn policy(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, region: &str, wanted: &[Statement]) {
    let bucket_address = Address::new(&address.account, Kind::Bucket, &address.name);
    let known = draft.observed.buckets.get(&address.name).and_then(|o| o.known());
    let (found, region) = match known {
        Some(Some(found)) => match &found.policy {
            Observation::Known(policy) => (policy.document.clone(), found.state.region.clone()),
            Observation::Unreadable(_) => return,
        },
        _ if draft.desired.objects.contains_key(&bucket_address) => (None, region.to_owned()),
        _ => {
            draft.withhold(
                address,
                format!("bucket `{}` does not exist in account {}", address.name, address.account),
                "make it first, or add `create = true` to it",
            );
            return;
        }
    };
    merge(draft, address, &object.owner, &region, found.as_ref(), wanted);
}

fn merge(draft: &mut Draft<'_>, address: &Address, manifest: &str, region: &str, found: Option<&Document>, wanted: &[Statement]) {
    let prefixes: Vec<String> = draft.desired.owners().iter().map(|o| ownership::sid_prefix(o)).collect();
    let is_ours = |s: &Statement| prefixes.iter().any(|p| s.sid().starts_with(p.as_str()));
    let (ours, foreign): (Vec<Statement>, Vec<Statement>) = found.map(|d| d.statements.clone()).unwrap_or_default().into_iter().partition(is_ours);
    if Document::new(ours.clone()) == Document::new(wanted.to_vec()) {
        return;
    }
    let mut consequences = Vec::new();
    let Some(kept) = without_dead(foreign, &mut consequences) else {
        draft.withhold(
            address,
            "a foreign statement denies everyone but a principal that no longer exists, and AWS takes no policy that names one",
            "its owner has to correct or remove that statement first",
        );
        return;
    };
    let mut reasons: Vec<Reason> = Document::new(ours.clone()).orphaned_principals().into_iter().map(|id| Reason::OrphanedPrincipal(id.to_owned())).collect();
    let statements: Vec<Statement> = kept.into_iter().chain(wanted.iter().cloned()).collect();
    let after = (!statements.is_empty()).then(|| match found {
        // The language version decides what foreign statements mean: theirs stands.
        Some(found) if found.statements.iter().any(|s| !is_ours(s)) => Document { version: found.version.clone(), id: found.id.clone(), statements },
        _ => Document::new(statements),
    });
    let bucket = BucketRef { name: address.name.clone(), region: region.to_owned() };
    let call = match &after {
        Some(document) => {
            let size = document.to_json().len();
            if size > limits::BUCKET_POLICY {
                let why = format!("its policy would have {size} bytes, over AWS's limit of {}", limits::BUCKET_POLICY);
                draft.withhold(address, why, "trust an account or organization in it, or shorten the foreign statements");
                return;
            }
            draft.meter(address.short(), size, limits::BUCKET_POLICY);
            Call::PutBucketPolicy { bucket, document: document.clone() }
        }
        None => Call::DeleteBucketPolicy { bucket },
    };
    reasons.push(match (ours.is_empty(), wanted.is_empty()) {
        (true, _) => Reason::Missing,
        (false, true) => draft.deletion_reason(),
        (false, false) => Reason::Differs("our statements".to_owned()),
    });
    let before = found.map(|d| ObjectState::BucketPolicy(BucketPolicyState { document: Some(d.clone()) }));
    let action = match (before.is_some(), after.is_some()) {
        (false, _) => Action::Create,
        (true, true) => Action::Update,
        (true, false) => Action::Delete,
    };
    let change = Change {
        address: address.clone(),
        action,
        before,
        after: after.map(|d| ObjectState::BucketPolicy(BucketPolicyState { document: Some(d) })),
        reasons,
        consequences,
        manifest: manifest.to_owned(),
    };
    draft.change(change, vec![vec![(call, Facet::Document)]]);
}

/// Takes the unique ids of deleted principals out of statements that are put back: AWS refuses a policy that names one,
/// and they are never given out again, so nobody loses anything. `None` when that would change a meaning.
fn without_dead(statements: Vec<Statement>, said: &mut Vec<String>) -> Option<Vec<Statement>> {
    let mut out = Vec::new();
    for mut statement in statements {
        let lone = Document::new(vec![statement.clone()]);
        let dead: BTreeSet<String> = lone.orphaned_principals().into_iter().map(str::to_owned).collect();
        if dead.is_empty() {
            out.push(statement);
            continue;
        }
        let name = if statement.sid().is_empty() { "without Sid".to_owned() } else { format!("`{}`", statement.sid()) };
        let Some(principal) = statement.principal.as_mut() else { continue };
        if let Some(values) = principal.entries.get_mut("AWS") {
            values.retain(|v| !dead.contains(v));
            if values.is_empty() {
                principal.entries.remove("AWS");
            }
        }
        let ids = dead.into_iter().collect::<Vec<_>>().join(", ");
        if !principal.entries.is_empty() {
            said.push(format!("the foreign statement {name} loses {ids}: principals that no longer exist"));
            out.push(statement);
        } else if principal.negated {
            return None;
        } else {
            said.push(format!("the foreign statement {name} goes: it names only principals that no longer exist ({ids})"));
        }
    }
    Some(out)
}

/// Plans the removal of buckets and bucket policy statements of ours that nothing declares.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    for (name, observation) in &observed.buckets {
        let Observation::Known(Some(found)) = observation else { continue };
        let Some(account) = observed.bucket_accounts.get(name).cloned() else { continue };
        let policy = Address::new(&account, Kind::BucketPolicy, name);
        if !draft.desired.objects.contains_key(&policy)
            && let Observation::Known(state) = &found.policy
        {
            let owner = statement_owner(draft, state);
            if let Some(owner) = owner {
                merge(draft, &policy, &owner, &found.state.region, state.document.as_ref(), &[]);
            }
        }
        let address = Address::new(&account, Kind::Bucket, name);
        let owner = found.state.tags.as_ref().and_then(|tags| our_owner(draft, tags));
        if let (Some(owner), false) = (owner, draft.desired.objects.contains_key(&address)) {
            let bucket = BucketRef { name: name.clone(), region: found.state.region.clone() };
            let mut consequences = vec!["a bucket with objects in it is not deleted: S3 refuses, and so do we".to_owned()];
            consequences
                .extend(foreign_statements(draft, &found.policy).into_iter().map(|sid| format!("the foreign statement `{sid}` of its policy goes with it")));
            let change = Change {
                address,
                action: Action::Delete,
                before: Some(ObjectState::Bucket(found.state.clone())),
                after: None,
                reasons: vec![draft.deletion_reason()],
                consequences,
                manifest: owner,
            };
            draft.change(change, vec![vec![(Call::DeleteBucket { bucket }, Facet::Existence)]]);
        }
    }
}

fn foreign_statements(draft: &Draft<'_>, policy: &Observation<BucketPolicyState>) -> Vec<String> {
    let prefixes: Vec<String> = draft.desired.owners().iter().map(|o| ownership::sid_prefix(o)).collect();
    let document = policy.known().and_then(|p| p.document.as_ref());
    let statements = document.into_iter().flat_map(|d| &d.statements);
    statements.map(Statement::sid).filter(|sid| !prefixes.iter().any(|p| sid.starts_with(p.as_str()))).map(str::to_owned).collect()
}

fn statement_owner(draft: &Draft<'_>, state: &BucketPolicyState) -> Option<String> {
    let statements = &state.document.as_ref()?.statements;
    let owners = draft.desired.owners();
    owners.iter().find(|o| statements.iter().any(|s| s.sid().starts_with(&ownership::sid_prefix(o)))).map(|o| (*o).to_owned())
}
