//! Whose doing a way in is: what manifests say of it, and our marks.

use std::collections::BTreeSet;

use crossrole_model::audit::{Object, Standing};
use crossrole_model::desired::DesiredState;
use crossrole_model::{AccountId, Address, KeyRef, Kind, Observation, ownership};
use crossrole_policy::{Arn, Document, Effect, Statement};

use crossrole_model::access::Party;

use crate::Asked;

/// Of each statement of a resource's policy that lets somebody in.
pub(crate) fn of(asked: &Asked<'_>, object: &Object, document: &Document, party: &Party) -> BTreeSet<Standing> {
    let letting = document.statements.iter().filter(|s| s.effect == Effect::Allow && names(s, party));
    letting.map(|statement| one(asked, object, statement)).collect()
}

/// Of one statement.
fn one(asked: &Asked<'_>, object: &Object, statement: &Statement) -> Standing {
    match object {
        Object::Role { arn } => role(asked, arn, statement),
        Object::Bucket { account, name } => {
            let declared = asked.desired.objects.get(&Address::new(account, Kind::BucketPolicy, name));
            let says = declared.is_some_and(|object| matches!(&object.state, DesiredState::BucketPolicy { statements, .. } if statements.contains(statement)));
            let made = asked.desired.objects.get(&Address::new(account, Kind::Bucket, name));
            shared(asked, statement, says.then(|| made.is_none_or(|bucket| bucket.adopt)))
        }
        Object::Key { arn } => shared(asked, statement, of_key(asked, arn, statement)),
        _ => Standing::Unknown,
    }
}

/// Whether a manifest says it of a key: of one that it makes, or of one that somebody else made. A key that is made is known by its alias,
/// which its ARN does not tell, so that any such key of the account and region may be meant.
fn of_key(asked: &Asked<'_>, arn: &str, statement: &Statement) -> Option<bool> {
    let live = KeyRef::parse(arn)?;
    let is_one = |key: &KeyRef| key.arn == arn || key.alias().is_some() && key.account() == live.account() && key.region() == live.region();
    let key = asked.desired.objects.values().find_map(|object| match &object.state {
        DesiredState::KeyPolicy { key, grants } if is_one(key) && grants.iter().any(|grant| grant.statement == *statement) => Some(key),
        _ => None,
    })?;
    let made = asked.desired.objects.get(&Address::new(&key.account(), Kind::Key, key.name()));
    Some(made.is_none_or(|key| key.adopt))
}

fn role(asked: &Asked<'_>, arn: &str, statement: &Statement) -> Standing {
    let Some((account, name)) = Arn::parse(arn).and_then(|a| Some((AccountId::parse(a.account)?, arn.rsplit('/').next()?))) else { return Standing::Unknown };
    let state = asked.audited.observed.accounts.get(&account);
    let live = match state {
        Some(Observation::Known(state)) => state.roles.get(&name.to_ascii_lowercase()),
        _ => None,
    };
    let owner = live.and_then(|role| ownership::owner(&role.state.tags));
    let declared = asked.desired.objects.get(&Address::new(&account, Kind::Role, name));
    let says = declared.is_some_and(|object| matches!(&object.state, DesiredState::Role { state, .. } if state.trust.statements.contains(statement)));
    match (declared, owner) {
        (Some(object), _) if says && object.adopt => Standing::Adopted { manifest: object.owner.clone() },
        (Some(object), Some(_)) if says => Standing::Declared { manifest: object.owner.clone() },
        // One that somebody else made as the manifest says it is not ours yet.
        (_, Some(owner)) => match ownership::marks(&asked.desired.manifests).get(owner) {
            Some(manifest) => Standing::Drifted { manifest: (*manifest).to_owned() },
            None => Standing::Elsewhere { manifest: Some(owner.to_owned()) },
        },
        (_, None) => Standing::Unknown,
    }
}

/// Of a statement of a document that belongs to many. `says`: a manifest says it, and whether of what is not its own.
fn shared(asked: &Asked<'_>, statement: &Statement, says: Option<bool>) -> Standing {
    let Some(head) = ownership::sid_head(statement.sid()) else { return Standing::Unknown };
    let Some(manifest) = ownership::sid_marks(&asked.desired.manifests).get(head).map(|manifest| (*manifest).to_owned()) else {
        return Standing::Elsewhere { manifest: None };
    };
    match says {
        Some(false) => Standing::Declared { manifest },
        Some(true) => Standing::Adopted { manifest },
        None => Standing::Drifted { manifest },
    }
}

/// Tells whether a statement's principals are, or hold, somebody: which statement it is, and not whether it lets them.
fn names(statement: &Statement, party: &Party) -> bool {
    let Some(principal) = &statement.principal else { return false };
    let everyone = principal.negated || principal.bare_star || principal.aws().iter().any(|value| value == "*");
    let listed = |kind: &str, name: &str| principal.entries.get(kind).is_some_and(|values| values.iter().any(|value| value == name));
    let of_account = |account: &str| principal.aws().iter().any(|value| value == account || value.ends_with(&format!("::{account}:root")));
    match party {
        Party::Service { name } => listed("Service", name) || principal.bare_star || principal.negated,
        Party::AnyService => principal.bare_star || principal.negated,
        Party::Tokens { provider } => listed("Federated", provider),
        Party::OfKind { kind } => principal.entries.contains_key(kind),
        Party::AnyOther { .. } | Party::Unsigned => everyone,
        other => everyone || other.account().is_some_and(of_account) || other.id().is_some_and(|id| listed("AWS", id)),
    }
}
