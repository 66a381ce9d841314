//! What a plan is judged by besides its manifests, what of that a change brings along, and what it takes up that is live already.

use std::collections::BTreeSet;

use crossrole_model::access::AccessDelta;
use crossrole_model::{AccountId, Compared, Ground, Plan};
use serde_json::{Value, json};

use crate::{Line, Tone, View, access, safe};

/// Most files that are named in a line: whoever wants all has the JSON.
const FILES_MOST: usize = 8;

/// Most accounts that are named beside a file.
const ACCOUNTS_MOST: usize = 3;

/// `bound by control policies, as these files say: policies/scp.json (222222222222)`
pub(crate) fn within(plan: &Plan) -> Option<Line> {
    if plan.control_policies.is_empty() {
        return None;
    }
    let of = |accounts: &BTreeSet<AccountId>| match accounts.len() {
        few if few <= ACCOUNTS_MOST => accounts.iter().map(AccountId::as_str).collect::<Vec<_>>().join(", "),
        many => format!("{many} accounts"),
    };
    let files = plan.control_policies.iter().map(|(file, accounts)| format!("{} ({})", safe(file), of(accounts)));
    Some(Line::plain(2, format!("bound by control policies, as these files say: {}", some(files.collect()))))
}

/// The first of them, and how many more there are.
fn some(mut all: Vec<String>) -> String {
    let more = all.len().saturating_sub(FILES_MOST);
    all.truncate(FILES_MOST);
    all.extend((more > 0).then(|| format!("and {more} more")));
    all.join(", ")
}

fn kind(ground: Ground) -> &'static str {
    match ground {
        Ground::Settings => "settings",
        Ground::Guardrails => "guardrails",
        Ground::Directory => "directory of accounts",
        Ground::ControlPolicy => "control policy",
    }
}

fn is_none(delta: &AccessDelta) -> bool {
    delta.changes.is_empty() && delta.undecided.is_empty()
}

/// Who gains what by hand and now by manifest, what a change brings along that it is judged by, and who gains more without that.
pub(crate) fn lines(plan: &Plan, compared: &Compared, view: View, most: usize) -> Vec<Line> {
    let beside = compared.beside(plan);
    let grounds = compared.grounds();
    let mut out = Vec::new();
    let mut said = |head: &str, delta: &AccessDelta| {
        if !is_none(delta) {
            out.push(Line::new(Tone::Heading, 0, head.to_owned()).then([access::counts(delta)]));
            out.extend(access::delta_lines(delta, view, most).into_iter().map(|line| line.within(2)));
            out.push(Line::empty());
        }
    };
    said("Taken up, what somebody did by hand and is live already: ", &beside.taken_up);
    said("Besides, under the control policies that there were before this change: ", &beside.wider);
    if !grounds.changed.is_empty() {
        let files = grounds.changed.iter().map(|(ground, file)| format!("{} ({})", safe(file), kind(*ground))).collect();
        let text = format!("this change also changes what it is judged by: {}", some(files));
        out.push(Line::new(Tone::Warning, 0, "note: ").then([text]));
    }
    if grounds.unread {
        let text = "the control policies that there were before can't be read: they are taken to bind nobody";
        out.push(Line::new(Tone::Warning, 0, "note: ").then([text]));
    }
    if !grounds.changed.is_empty() || grounds.unread {
        out.push(Line::empty());
    }
    out
}

/// The same at the head of a comment: numbers and words of ours.
pub(crate) fn warnings(plan: &Plan, compared: &Compared) -> Vec<String> {
    let beside = compared.beside(plan);
    let widenings = |count: usize| if count == 1 { "1 widening".to_owned() } else { format!("{count} widenings") };
    let count = |delta: &AccessDelta| delta.changes.len() + delta.undecided.len();
    let mut said = Vec::new();
    if !is_none(&beside.taken_up) {
        said.push(format!("**This takes up what somebody did by hand: {}, live already.**", widenings(count(&beside.taken_up))));
    }
    if !is_none(&beside.wider) {
        said.push(format!("**Under the control policies that there were before, it gives more: {}.**", widenings(count(&beside.wider))));
    }
    let kinds: BTreeSet<Ground> = compared.grounds().changed.iter().map(|(ground, _)| *ground).collect();
    if !kinds.is_empty() {
        let kinds: Vec<&str> = kinds.into_iter().map(kind).collect();
        said.push(format!("**This change also changes what it is judged by: {}.**", kinds.join(", ")));
    }
    said
}

/// The same for machines.
pub(crate) fn json(plan: &Plan, compared: &Compared, view: View) -> Value {
    let (beside, grounds) = (compared.beside(plan), compared.grounds());
    json!({
        "taken_up": access::json(plan, &beside.taken_up, view),
        "wider_before": access::json(plan, &beside.wider, view),
        "changed": grounds.changed.iter().map(|(ground, file)| json!({ "file": file, "kind": ground })).collect::<Vec<_>>(),
        "control_policies_readable": !grounds.unread,
    })
}
