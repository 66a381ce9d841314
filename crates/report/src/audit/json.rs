//! An audit for machines.

use crossrole_model::AccountId;
use crossrole_model::access::{AccessChange, Clause, Hop};
use crossrole_model::audit::{Audit, Chain, Issue, NotKnown, Stale, Suppressed, WayIn};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::rules::{NOT_KNOWN, info};
use super::words;
use crate::access::{short, sorted};
use crate::clause::{clause_json, values};
use crate::findings::word;
use crate::{FORMAT_VERSION, View};

/// All of an audit: nothing is left out, but what external ids are. It is made while it is written, entry by entry, since that of a large
/// estate is larger than all that was read.
#[derive(Debug)]
pub struct AuditJson<'a> {
    /// What was found.
    pub audit: &'a Audit,
    /// What of it is shown.
    pub view: View,
}

impl Serialize for AuditJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { audit, view } = *self;
        let [roles, buckets, keys] = audit.read;
        let mut map = serializer.serialize_map(None)?;
        // In the order of their names, as everywhere.
        map.serialize_entry("accounts", &Each(|| audit.accounts.iter().map(|(id, label)| account(audit, id, label))))?;
        map.serialize_entry("calls", &audit.calls)?;
        map.serialize_entry("chains", &Each(|| audit.chains.iter().map(|one| chain(audit, one, view))))?;
        map.serialize_entry("complete", &(!audit.is_incomplete() && audit.cut.is_empty()))?;
        map.serialize_entry("cut", &Each(|| audit.cut.iter().map(|cut| json!({ "what": cut, "text": words::cut(*cut) }))))?;
        map.serialize_entry("findings", &Each(|| audit.issues.iter().map(|one| issue(one, view))))?;
        map.serialize_entry("format_version", &FORMAT_VERSION)?;
        map.serialize_entry("manifests", &audit.manifests)?;
        map.serialize_entry("not_known", &Each(|| audit.not_known.iter().map(not_known)))?;
        map.serialize_entry("not_looked_at", &words::NOT_LOOKED_AT)?;
        map.serialize_entry("read", &json!({ "roles": roles, "buckets": buckets, "keys": keys }))?;
        map.serialize_entry("stale_suppressions", &Each(|| audit.stale.iter().map(stale)))?;
        map.serialize_entry("suppressed", &Each(|| audit.suppressed.iter().map(|one| suppressed(one, issue(&one.what, view)))))?;
        map.serialize_entry("tolerated", &Each(|| audit.tolerated.iter().map(|one| suppressed(one, not_known(&one.what)))))?;
        map.serialize_entry("ways", &Each(|| audit.ways.iter().map(|one| way(one, view))))?;
        map.end()
    }
}

/// A list of which each entry is there only while it is written.
struct Each<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = Value>> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

fn account(audit: &Audit, id: &AccountId, label: &str) -> Value {
    json!({ "account": id, "label": label, "regions": audit.regions.get(id) })
}

fn stale(stale: &Stale) -> Value {
    json!({
        "rule": stale.suppression.rule,
        "object": stale.suppression.object,
        "reason": stale.suppression.reason,
        "expires": stale.suppression.expires.as_ref().map(|(day, _)| day),
        "text": words::stale(stale),
    })
}

fn when(conditions: &[Vec<Clause>], view: View) -> Value {
    json!(conditions.iter().map(|all| all.iter().map(|c| clause_json(c, view)).collect::<Vec<_>>()).collect::<Vec<_>>())
}

fn way(way: &WayIn, view: View) -> Value {
    let WayIn { to, origin, by, access, callers, standing } = way;
    let context: serde_json::Map<String, Value> = access.witness.context.iter().map(|(k, v)| (k.clone(), json!(values(k, v, view)))).collect();
    json!({
        "to": to,
        "account": to.account(),
        "object": to.long(),
        "origin": origin,
        "by": by,
        "principal": words::party(&access.party, &access.except),
        "party": access.party,
        "except": access.except,
        "certainty": access.certainty,
        "callers": callers,
        "actions": sorted(&access.actions, str::to_owned),
        "action_set": access.actions,
        "resources": sorted(&access.resources, short),
        "resource_set": access.resources,
        "when": when(&access.when, view),
        "standing": standing,
        "text": words::way(way, view),
        "witness": {
            "principal": access.witness.principal,
            "action": access.witness.action,
            "resource": access.witness.resource,
            "context": context,
        },
    })
}

fn chain(audit: &Audit, chain: &Chain, view: View) -> Value {
    let reach = chain.last().and_then(|last| audit.reach.get(last));
    json!({
        "hops": chain.hops.iter().map(|one| hop(one, view)).collect::<Vec<_>>(),
        "reaches": reach.into_iter().flatten().map(|change| reached(change, view)).collect::<Vec<_>>(),
    })
}

fn hop(hop: &Hop, view: View) -> Value {
    json!({
        "principal": words::party(&hop.party, &hop.except),
        "party": hop.party,
        "certainty": hop.certainty,
        "action": hop.action,
        "role": hop.resource,
        "when": when(&hop.when, view),
        "text": words::step(hop, view),
    })
}

fn reached(change: &AccessChange, view: View) -> Value {
    json!({
        "actions": sorted(&change.actions, str::to_owned),
        "resources": sorted(&change.resources, short),
        "certainty": change.certainty,
        "when": when(&change.when, view),
        "keyless": change.keyless,
    })
}

fn issue(issue: &Issue, view: View) -> Value {
    let mut detail = json!(issue.detail);
    if let Some(way) = detail.get_mut("way").and_then(Value::as_object_mut)
        && let crossrole_model::audit::Detail::Way { when: conditions, .. } = &issue.detail
    {
        way.insert("when".to_owned(), when(conditions, view));
    }
    json!({
        "rule": issue.rule.id(),
        "severity": word(issue.rule.severity()),
        "account": issue.object.account(),
        "object": issue.object.long(),
        "of": issue.object,
        "message": words::message(issue, view),
        "why": info(issue.rule).why,
        "advice": info(issue.rule).fix,
        "detail": detail,
    })
}

fn not_known(one: &NotKnown) -> Value {
    let why = match one {
        NotKnown::Unread { part, why, .. } => json!({ "part": part, "why": why.to_string(), "class": why.class }),
        NotKnown::Undecided { party, about, why, .. } => json!({ "party": party, "about": about, "why": why }),
        NotKnown::Acls { .. } => json!({ "part": "ACLs", "why": words::ACLS_NOT_READ }),
    };
    json!({
        "rule": NOT_KNOWN.id,
        "account": one.object().account(),
        "object": one.object().long(),
        "of": one.object(),
        "message": words::not_known(one),
        "advice": NOT_KNOWN.fix,
        "detail": why,
    })
}

fn suppressed<T>(one: &Suppressed<T>, mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.insert("suppressed_because".to_owned(), json!(one.reason));
        map.insert("suppressed_until".to_owned(), json!(one.expires));
    }
    value
}
