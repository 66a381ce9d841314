//! Plans, outcomes and events for machines. The shape is `format_version` 1: fields are added, never changed.

use std::collections::BTreeMap;

use crossrole_model::outcome::Event;
use crossrole_model::state::ObjectState;
use crossrole_model::{Action, Borne, Finding, Outcome, Plan, Reason, Renamed, Source, StepResult, Waiting, WaitsFor, Withheld};
use crossrole_policy::Document;
use serde_json::{Map, Value, json};

use crate::text::masked;
use crate::{View, describe, fold, named, words};

/// Version of the shape.
pub const FORMAT_VERSION: &str = "1.0";

/// A plan, in the shape of Terraform's: `resource_changes[].change.{actions, before, after}`.
pub fn plan_json(plan: &Plan, view: View) -> Value {
    let mut calls: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for step in &plan.steps {
        calls.entry(step.change).or_default().push(step.call.operation());
    }
    let changes: Vec<Value> = plan
        .changes
        .iter()
        .enumerate()
        .map(|(index, change)| {
            let actions: &[&str] = match change.action {
                Action::Create => &["create"],
                Action::Update => &["update"],
                Action::Replace => &["delete", "create"],
                Action::Delete => &["delete"],
            };
            json!({
                "address": change.address.to_string(),
                "account": change.address.account.as_str(),
                "type": change.address.kind.as_str(),
                "name": change.address.name,
                "manifest": change.manifest,
                "change": {
                    "actions": actions,
                    "before": change.before.as_ref().map(|s| state(s, view)),
                    "after": change.after.as_ref().map(|s| state(s, view)),
                },
                "reasons": change.reasons.iter().map(reason).collect::<Vec<_>>(),
                "consequences": change.consequences.iter().map(words::consequence).collect::<Vec<_>>(),
                "calls": calls.get(&index).cloned().unwrap_or_default(),
            })
        })
        .collect();
    let value = json!({
        "format_version": FORMAT_VERSION,
        "crossrole_version": env!("CARGO_PKG_VERSION"),
        "manifests": plan.manifests.iter().map(|m| json!({"name": m.name, "file": m.file, "digest": m.digest.to_string()})).collect::<Vec<_>>(),
        "renamed": plan.renamed.iter().map(renamed).collect::<Vec<_>>(),
        "destroy": plan.destroy,
        "resource_changes": changes,
        "alike": alike(plan),
        "blocked": plan.is_blocked(),
        "withheld": plan.withheld.iter().map(withheld).collect::<Vec<_>>(),
        "meters": plan.meters.iter().map(|m| json!({"what": m.what, "used": m.used, "limit": m.limit})).collect::<Vec<_>>(),
        "notes": plan.by_hand.iter().map(crate::by_hand::sentence).collect::<Vec<_>>(),
        "by_hand": plan.by_hand.iter().map(|hand| crate::by_hand::json(hand, view)).collect::<Vec<_>>(),
        "left_to_iam": plan.left_to_iam.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "lockouts": plan.lockouts.iter().map(crate::access::lockout).collect::<Vec<_>>(),
        "lockout_facts": plan.lockouts,
        "access": plan.access.as_ref().map(|delta| crate::access::json(plan, delta, view)),
        "control_policies": plan.control_policies,
        "summary": summary(plan),
        "calls": plan.calls.iter().map(|(account, n)| (account.to_string(), json!(n))).collect::<Map<_, _>>(),
        "keys": keys(plan),
    });
    named::value(plan, value)
}

/// A name that a manifest had, and whether anything still bears it: `null` where not everything could be read.
fn renamed(renamed: &Renamed) -> Value {
    let Renamed { manifest, from, borne } = renamed;
    let borne = match borne {
        Borne::Live => Some(true),
        Borne::Gone => Some(false),
        Borne::Unknown => None,
    };
    json!({ "manifest": manifest, "from": from, "borne": borne })
}

/// Keys that manifests make: their aliases, and their ARNs where they exist.
fn keys(plan: &Plan) -> Vec<Value> {
    let known = plan.made_keys.iter().filter_map(|(made, arn)| Some((crossrole_model::KeyRef::parse(made)?, arn)));
    known.map(|(key, arn)| json!({ "account": key.account().as_str(), "region": key.region(), "alias": key.alias(), "arn": arn })).collect()
}

/// Changes that are the same in many accounts.
fn alike(plan: &Plan) -> Vec<Value> {
    let group = |group: Vec<usize>| {
        let changes: Vec<&crossrole_model::Change> = group.iter().filter_map(|at| plan.changes.get(*at)).collect();
        json!({
            "accounts": changes.iter().map(|c| c.address.account.as_str()).collect::<Vec<_>>(),
            "addresses": changes.iter().map(|c| c.address.to_string()).collect::<Vec<_>>(),
        })
    };
    fold::alike(plan).into_iter().map(group).collect()
}

/// A plan with what is worth knowing of it.
pub fn plan_json_with(plan: &Plan, findings: &[Finding], suppressed: &[(Finding, String)], sources: &[Source], view: View) -> Value {
    let mut value = plan_json(plan, view);
    if let Some(map) = value.as_object_mut() {
        let known = crate::findings::findings_json(findings, suppressed, sources);
        for part in ["findings", "suppressed"] {
            map.insert(part.to_owned(), known.get(part).cloned().unwrap_or_default());
        }
    }
    value
}

fn summary(plan: &Plan) -> Value {
    let replaced = plan.count(Action::Replace);
    json!({ "add": plan.count(Action::Create) + replaced, "change": plan.count(Action::Update), "destroy": plan.count(Action::Delete) + replaced })
}

fn reason(reason: &Reason) -> Value {
    match reason {
        Reason::Missing => json!({"kind": "missing"}),
        Reason::NotInManifest => json!({"kind": "not_in_manifest"}),
        Reason::Destroy => json!({"kind": "destroy"}),
        Reason::Differs(part) => json!({"kind": "differs", "what": words::part(part)}),
        Reason::ForeignPolicy(what) => json!({"kind": "foreign_policy", "what": what}),
        Reason::OrphanedPrincipal(what) => json!({"kind": "orphaned_principal", "what": what}),
        Reason::Immutable(part) => json!({"kind": "immutable", "what": words::part(part)}),
        Reason::Adopted => json!({"kind": "adopted"}),
        Reason::SinceBase => json!({"kind": "since_base"}),
        Reason::Withheld => json!({"kind": "withheld"}),
    }
}

pub(crate) fn withheld(withheld: &Withheld) -> Value {
    let (why, advice) = words::cause(withheld);
    json!({"what": words::subject(&withheld.subject), "why": why, "advice": advice, "blocks": withheld.blocks, "cause": withheld.cause})
}

fn document(document: &Document, view: View) -> Value {
    serde_json::to_value(masked(document, view)).unwrap_or(Value::Null)
}

fn state(state: &ObjectState, view: View) -> Value {
    match state {
        ObjectState::Role(role) => json!({
            "path": role.path,
            "trust_policy": document(&role.trust, view),
            "description": role.description,
            "max_session_seconds": role.max_session_seconds,
            "permissions_boundary": role.boundary,
            "tags": role.tags,
            "inline_policies": role.inline.iter().map(|(n, d)| (n.clone(), document(d, view))).collect::<Map<_, _>>(),
            "attached_policies": role.attached,
        }),
        ObjectState::Policy(policy) => {
            json!({ "path": policy.path, "description": policy.description, "document": document(&policy.document, view), "tags": policy.tags })
        }
        ObjectState::User(user) => json!({ "path": user.path, "tags": user.tags }),
        ObjectState::Group(group) => json!({ "path": group.path }),
        ObjectState::Membership(membership) => json!({ "group": membership.group, "user": membership.user }),
        ObjectState::Attachment(attachment) => json!({ "principal": attachment.principal.to_string(), "policy_arn": attachment.policy_arn }),
        ObjectState::SamlProvider(provider) => json!({ "metadata": provider.metadata, "tags": provider.tags }),
        ObjectState::OidcProvider(provider) => json!({ "url": provider.url, "client_ids": provider.client_ids, "tags": provider.tags }),
        ObjectState::Bucket(bucket) => json!({
            "region": bucket.region,
            "versioning": bucket.versioning,
            "encryption": bucket.encryption,
            "public_access_block": bucket.public_access_block,
            "ownership": bucket.ownership,
            "logging": bucket.logging,
            "tags": bucket.tags,
        }),
        ObjectState::PermissionSet(set) => json!({ "inline_policy": set.document.as_ref().map(|d| document(d, view)), "not_provisioned": set.late }),
        ObjectState::Key(key) => {
            json!({ "alias": key.alias, "description": key.description, "rotation_days": key.rotation_days, "tags": key.tags })
        }
        ObjectState::KeyPolicy(policy) => json!({ "policy": document(&policy.document, view) }),
        ObjectState::BucketPolicy(policy) => json!({ "policy": policy.document.as_ref().map(|d| document(d, view)) }),
    }
}

/// The result of a run.
pub fn outcome_json(plan: &Plan, outcome: &Outcome) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .zip(&outcome.steps)
        .map(|(step, result)| {
            let address = plan.changes.get(step.change).map(|c| c.address.to_string());
            json!({ "account": step.account.as_str(), "call": step.call.operation(), "address": address, "result": result_json(result) })
        })
        .collect();
    json!({
        "format_version": FORMAT_VERSION,
        "type": "outcome",
        "complete": outcome.is_complete(),
        "interrupted": outcome.interrupted,
        "reason": match outcome {
            // What could be done is, and what was asked for is more.
            _ if outcome.is_complete() && plan.blocking().any(|withheld| withheld.cause == crossrole_model::Cause::Moved) => Some("moved"),
            _ if outcome.is_complete() => plan.is_blocked().then_some("withheld"),
            _ if outcome.interrupted => Some("interrupted"),
            _ if outcome.is_moved() => Some("moved"),
            _ => Some("failed"),
        },
        "retries": outcome.retries,
        "steps": steps,
        "unverified": outcome.unverified.iter().map(|(index, seen)| json!({"address": plan.changes.get(*index).map(|c| c.address.to_string()), "seen": words::seen(seen)})).collect::<Vec<_>>(),
    })
}

/// A result, with what was found in words beside the fact.
fn result_json(result: &StepResult) -> Value {
    let mut value = serde_json::to_value(result).unwrap_or(Value::Null);
    if let (StepResult::Drifted { found }, Some(map)) = (result, value.as_object_mut()) {
        let fact = map.insert("found".to_owned(), words::drift(found).into());
        map.insert("drift".to_owned(), fact.unwrap_or_default());
    }
    value
}

/// One line about a call that waits.
pub fn waiting_json(waiting: &Waiting) -> Value {
    let Waiting { account, operation, seconds, others, what } = waiting;
    let (because, code, per_second) = match what {
        WaitsFor::Answer => ("answer", None, None),
        #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
        WaitsFor::Rate { in_ten_seconds } => ("rate", None, Some(*in_ten_seconds as f64 / 10.0)),
        WaitsFor::Retry { code } => ("retry", Some(code), None),
    };
    json!({
        "type": "waiting", "account": account, "operation": operation, "seconds": seconds, "others": others,
        "because": because, "code": code, "calls_per_second": per_second,
    })
}

/// One event, as a line of a stream; `None` for events that have no line.
pub fn event_json(plan: &Plan, event: &Event) -> Option<Value> {
    Some(match event {
        Event::Started { steps } => json!({"type": "apply_start", "steps": steps}),
        Event::StepStarted { step } => json!({"type": "step_start", "step": step.0, "what": describe(plan, *step)}),
        Event::StepRetried { step, because } => json!({"type": "step_retry", "step": step.0, "what": describe(plan, *step), "because": words::retry(because)}),
        Event::StepEnded { step, result: StepResult::Skipped { because } } => {
            json!({"type": "step_complete", "step": step.0, "what": describe(plan, *step), "result": "skipped", "because": because.0})
        }
        Event::StepEnded { step, result } => json!({"type": "step_complete", "step": step.0, "what": describe(plan, *step), "result": result_json(result)}),
        Event::Verifying { left } => json!({"type": "verifying", "left": left}),
        Event::Ended => return None,
    })
}
