//! Approvals of widenings: the entries to commit, and what came of those that are there.

use std::collections::BTreeMap;

use crossrole_model::access::{AccessDelta, Direction};
use crossrole_model::{Approval, Digest, Judged, Plan};
use serde_json::{Value, json};

use crate::access::{alike, line, undecided_line};
use crate::{Line, Tone, View, named, safe};

/// Most entries that are printed: a plan that needs more is reviewed in parts. JSON has them all.
const ENTRIES_MOST: usize = 50;

/// What needs an approval: the digests that are said alike, and the sentence.
fn open(plan: &Plan, judged: &Judged) -> Vec<(Vec<Digest>, String)> {
    let mut all: Vec<(Vec<Digest>, String)> = plan.access.iter().flat_map(|delta| open_of(plan, judged, delta, "")).collect();
    let beside =
        [(&judged.beside.taken_up, ": live already, by somebody's hand"), (&judged.beside.wider, ": under the control policies that there were before")];
    for (delta, why) in beside {
        let more: Vec<_> = open_of(plan, judged, delta, why).into_iter().filter(|(digests, _)| !all.iter().any(|(others, _)| others == digests)).collect();
        all.extend(more);
    }
    all
}

/// The same of one delta.
fn open_of(plan: &Plan, judged: &Judged, delta: &AccessDelta, why: &str) -> Vec<(Vec<Digest>, String)> {
    let mut all = Vec::new();
    for changes in alike(&delta.changes).into_iter().filter(|changes| changes.iter().any(|c| c.direction == Direction::Widened)) {
        let open: Vec<_> = changes.into_iter().filter(|c| judged.open.contains(&c.digest(plan))).collect();
        if !open.is_empty() {
            all.push((open.iter().map(|c| c.digest(plan)).collect(), line(&open, View::default()).text() + why));
        }
    }
    let undecided = delta.undecided.iter().map(|one| (one.digest(plan), undecided_line(one).text() + why));
    all.extend(undecided.filter(|(digest, _)| judged.open.contains(digest)).map(|(digest, text)| (vec![digest], text)));
    all
}

/// The entries that approve what a plan needs approvals for, as they are committed but for the reasons. Empty when it needs none.
pub fn entries(plan: &Plan, judged: &Judged) -> String {
    let all = open(plan, judged);
    let more = all.len().saturating_sub(ENTRIES_MOST);
    let entry = |(digests, text): (Vec<Digest>, String)| {
        let list: Vec<String> = digests.iter().map(|digest| format!("\"{digest}\"")).collect();
        format!("# {}\n[[approval]]\nwidenings = [{}]\nreason = \"\"\n", named::text(plan, text), list.join(", "))
    };
    let mut out: Vec<String> = all.into_iter().take(ENTRIES_MOST).map(entry).collect();
    out.extend((more > 0).then(|| format!("# and {more} more, which --json has\n")));
    out.join("\n")
}

fn place(approval: &Approval) -> String {
    safe(&format!("`{}`, line {}", approval.file, approval.line))
}

/// What is approved, by whom it was written down, what is approved no more, and what nothing needs any more.
pub fn judged(judged: &Judged) -> Vec<Line> {
    let mut held: BTreeMap<&Approval, usize> = BTreeMap::new();
    judged.approved.values().for_each(|approval| *held.entry(approval).or_default() += 1);
    let mut lines: Vec<Line> = held.into_iter().map(|(approval, count)| approved(approval, count)).collect();
    for (digest, approval) in &judged.over {
        let day = approval.expires.as_ref().map_or("", |(day, _)| day.as_str());
        lines.push(Line::new(Tone::Warning, 0, "warning: ").then([format!("the approval of {digest} in {} ended when {} began", place(approval), safe(day))]));
    }
    for (digest, approval) in &judged.unmatched {
        let text = format!("nothing in this plan is what {} approves as {digest}: take it out if that is done", place(approval));
        lines.push(Line::new(Tone::Warning, 0, "warning: ").then([text]));
    }
    lines
}

fn approved(approval: &Approval, count: usize) -> Line {
    let what = if count == 1 { "1 widening".to_owned() } else { format!("{count} widenings") };
    let until = approval.expires.as_ref().map_or_else(String::new, |(day, _)| format!(" until {}", safe(day)));
    Line::new(Tone::Kept, 0, "approved: ").then([format!("{what}, in {}{until}: {}", place(approval), safe(&approval.reason))])
}

/// The same for machines.
pub fn judged_json(plan: &Plan, judged: &Judged) -> Value {
    let approval = |digest: &Digest, approval: &Approval| {
        let expires = approval.expires.as_ref().map(|(day, _)| day);
        json!({ "widening": digest.to_string(), "file": approval.file, "line": approval.line, "reason": approval.reason, "expires": expires })
    };
    let all = |map: &BTreeMap<Digest, Approval>| map.iter().map(|(digest, of)| approval(digest, of)).collect::<Vec<_>>();
    let open = open(plan, judged).into_iter().map(|(digests, text)| {
        let digests: Vec<String> = digests.iter().map(ToString::to_string).collect();
        json!({ "widenings": digests, "text": named::text(plan, text) })
    });
    json!({
        "approved": all(&judged.approved),
        "open": open.collect::<Vec<_>>(),
        "over": all(&judged.over),
        "unmatched": judged.unmatched.iter().map(|(digest, of)| approval(digest, of)).collect::<Vec<_>>(),
    })
}
