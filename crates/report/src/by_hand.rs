//! What people have to write where nothing is written from here.

use crossrole_model::desired::{ByHand, HandSide};
use crossrole_policy::Document;
use serde_json::{Value, json};

use crate::{Line, Tone, View, safe};

/// Where it has to stand.
pub(crate) fn sentence(hand: &ByHand) -> String {
    let ByHand { account, label, side, statements: _ } = hand;
    let label = label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
    match side {
        HandSide::Principal(principal) => format!("account {account}{label} is not managed here: its {principal} needs statements"),
        HandSide::PermissionSet(name) => format!("permission set {name} of {account}{label} needs statements in its inline policy"),
        HandSide::KeyPolicy(key) => format!("account {account}{label} is not managed here: the policy of its key {} needs statements", key.arn),
    }
}

/// The sentence, and the statements as they can be copied.
pub(crate) fn lines(hand: &ByHand, view: View, out: &mut Vec<Line>) {
    out.push(Line::new(Tone::Warning, 0, "by hand: ").then([safe(&sentence(hand)), ":".to_owned()]));
    let document = shown(hand, view);
    out.extend(document.to_json_pretty().lines().map(|line| Line::plain(1, safe(line))));
}

/// The sentence alone: what was read does not tell whether it is done.
pub(crate) fn reminder(hand: &ByHand) -> Line {
    Line::new(Tone::Kept, 0, "by hand: ").then([safe(&sentence(hand)), ", which is not read: `--json` has the statements".to_owned()])
}

fn shown(hand: &ByHand, view: View) -> Document {
    crate::text::masked(&Document::new(hand.statements.clone()), view)
}

pub(crate) fn json(hand: &ByHand, view: View) -> Value {
    let ByHand { account, label, side, statements: _ } = hand;
    let (kind, name) = match side {
        HandSide::Principal(principal) => (principal.kind.as_str(), principal.name.as_str()),
        HandSide::PermissionSet(name) => ("permission-set", name.as_str()),
        HandSide::KeyPolicy(key) => ("key-policy", key.arn.as_str()),
    };
    json!({"account": account.as_str(), "label": label, "kind": kind, "name": name, "statements": shown(hand, view).statements})
}
