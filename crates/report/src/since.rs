//! Drift and this change, each in a section of its own.

use std::collections::BTreeSet;

use crossrole_model::access::AccessDelta;
use crossrole_model::observed::KeyState;
use crossrole_model::{
    Address, BaseMistakes, Cause, Change, Compared, Drifted, Foreign, ForeignPart, Kind, LeftBecause, LeftPart, ObjectState, Part, Plan, Reason, Since,
    Subject, Undone, UnreadBase, Withheld, ownership,
};
use serde_json::{Value, json};

use crate::text::{ahead, changes, cost, withheld};
use crate::{Line, Tone, View, access, json as machine, named, rendered, safe, words};

/// A plan of these changes alone, for what is said of changes.
pub(crate) fn of(plan: &Plan, changes: &[Change]) -> Plan {
    Plan {
        changes: changes.to_vec(),
        steps: Vec::new(),
        withheld: Vec::new(),
        meters: Vec::new(),
        by_hand: Vec::new(),
        access: None,
        lockouts: Vec::new(),
        ..plan.clone()
    }
}

/// `origin/main (1a2b3c4d5e6f)`
fn base(since: &Since) -> String {
    commit(&since.reference, &since.commit)
}

fn commit(reference: &str, id: &str) -> String {
    /// Enough to find it, as `git log --oneline` has it for large repositories.
    const ID_MOST: usize = 12;
    format!("{} ({})", safe(reference), safe(id.get(..ID_MOST).unwrap_or(id)))
}

/// `Drift: not known: origin/main (1a2b3c4d5e6f) can't be read.`, and what is wrong there.
pub(crate) fn unread(base: &UnreadBase) -> Vec<Line> {
    let UnreadBase { reference, commit: id, mistakes, grounds: _ } = base;
    let at = commit(reference, id);
    let mut out = vec![
        Line::new(Tone::Heading, 0, "Drift: ").then([format!("not known: {at} can't be read, so that nothing is told apart from this change.")]),
        Line::empty(),
        Line::new(Tone::Warning, 0, "note: ").then([format!("the mistakes are those of {at}, and not of the manifests as they are now:")]),
    ];
    let text = match mistakes {
        BaseMistakes::Manifests { findings, sources } => crate::findings(findings, sources),
        BaseMistakes::Surroundings(lines) => lines.iter().map(|line| safe(line) + "\n").collect(),
    };
    out.extend(text.trim_end().lines().map(|line| if line.is_empty() { Line::empty() } else { Line::plain(2, line) }));
    out.push(Line::empty());
    out
}

/// What stands in the place of the heading of this change.
pub(crate) fn not_told_apart() -> Line {
    Line::new(Tone::Heading, 0, "This change: ")
        .then(["not told apart from drift: this is all that is live and not as the manifests say, whoever has done it."])
}

/// `Drift: 2 objects are not as origin/main (1a2b3c4d5e6f) says.`
pub(crate) fn drift_heading(plan: &Plan, since: &Since) -> Line {
    let line = Line::new(Tone::Heading, 0, "Drift: ");
    let far = if is_all_known(plan, since) { "" } else { ", as far as it is known: see what is withheld" };
    match since.drift.len() {
        0 if far.is_empty() => line.then([format!("what is live is what {} says.", base(since))]),
        0 => line.then([format!("nothing is known to be otherwise than {} says{far}.", base(since))]),
        1 => line.then([format!("1 object is not as {} says: somebody's hand{far}.", base(since))]),
        more => line.then([format!("{more} objects are not as {} says: somebody's hand{far}.", base(since))]),
    }
}

/// Tells whether all was compared with the commit: nothing of it is withheld, on either side.
pub(crate) fn is_all_known(plan: &Plan, since: &Since) -> bool {
    since.not_compared.is_empty() && !plan.is_blocked()
}

/// `This change: 1 object is otherwise than in origin/main (1a2b3c4d5e6f).`
pub(crate) fn change_heading(plan: &Plan, since: &Since) -> Line {
    let line = Line::new(Tone::Heading, 0, "This change: ");
    match since.change.len() {
        0 if since.gone.is_empty() && since.new.is_empty() && is_all_known(plan, since) => line.then([format!("the manifests say what {} says.", base(since))]),
        0 if !since.new.is_empty() && is_all_known(plan, since) => line.then(["what is live would not change; manifests are new, as said above."]),
        0 => line.then([format!("no object that could be planned is otherwise than {} says.", base(since))]),
        1 => line.then([format!("1 object is otherwise than {} says.", base(since))]),
        more => line.then([format!("{more} objects are otherwise than {} says.", base(since))]),
    }
}

/// What is drift: object by object, as the plan would put it back, and who has gained and lost by it.
pub(crate) fn drift(plan: &Plan, since: &Since, view: View) -> Vec<Line> {
    let mut out = Vec::new();
    changes(&of(plan, &since.drift), view, &mut out);
    let kept = since.drift.iter().filter(|drift| !plan.changes.iter().any(|change| change.address == drift.address) && !plan.withholds(&drift.address)).count();
    if kept > 0 {
        out.extend([Line::plain(0, format!("of it, {} as the manifests say now: this plan leaves that as it is", are(kept))), Line::empty()]);
    }
    out.extend(by_drift(&since.access, view, access::LINES_MOST));
    out
}

/// Keys that can't be used, of those that are declared or encrypt what is: that is drift, though no plan puts it back.
pub(crate) fn keys_off(plan: &Plan) -> Vec<(&Address, &KeyState)> {
    let off = plan.withheld.iter().filter_map(|withheld| match (&withheld.subject, &withheld.cause) {
        (Subject::Object(address), Cause::KeyState(state)) => Some((address, state)),
        _ => None,
    });
    off.collect()
}

/// `2 objects are not as the manifests say`, `1 key can't be used`, or both; `None`: nothing is.
pub(crate) fn drifted(plan: &Plan) -> Option<String> {
    let objects = match plan.changes.len() {
        0 => None,
        1 => Some("1 object is not as the manifests say".to_owned()),
        more => Some(format!("{more} objects are not as the manifests say")),
    };
    let keys = match keys_off(plan).len() {
        0 => None,
        1 => Some("1 key can't be used".to_owned()),
        more => Some(format!("{more} keys can't be used")),
    };
    let all: Vec<String> = objects.into_iter().chain(keys).collect();
    (!all.is_empty()).then(|| all.join(", and "))
}

/// Drift alone: what is live and not as the manifests say, who has gained and lost by it, and what others let in beside it.
pub fn drift_alone(plan: &Plan, drift: &Drifted, view: View) -> String {
    let Drifted { access, foreign } = drift;
    let line = Line::new(Tone::Heading, 0, "Drift: ");
    let blocked = if plan.is_blocked() { ", as far as it is known: see what is withheld" } else { "" };
    let heading = match drifted(plan) {
        None => line.then([format!("none{}.", if blocked.is_empty() { ": what the manifests declare is live as they say" } else { blocked })]),
        Some(what) => line.then([format!("{what}{blocked}.")]),
    };
    let mut out = vec![heading, Line::empty()];
    ahead(plan, &mut out);
    changes(plan, view, &mut out);
    withheld(plan, &mut out);
    out.extend(held_by_nobody(plan));
    out.extend(by_drift(access, view, access::LINES_MOST));
    out.extend(let_in(foreign, view, access::LINES_MOST));
    out.extend(beside(plan));
    out.push(Line::plain(0, cost(plan)));
    named::text(plan, rendered(&out, view.screen))
}

/// How policies and providers of ours go that no manifest declares: a plan finds those alone that roles of ours have.
fn held_by_nobody(plan: &Plan) -> Vec<Line> {
    let of_callers = |change: &Change| matches!(&change.before, Some(ObjectState::Policy(policy)) if policy.path == ownership::CALLER_PATH);
    let found = |change: &&Change| {
        let kind = matches!(change.address.kind, Kind::Policy | Kind::OidcProvider | Kind::SamlProvider);
        kind && change.reasons.contains(&Reason::NotInManifest) && !of_callers(change)
    };
    let targets: BTreeSet<String> = plan
        .changes
        .iter()
        .filter(found)
        .map(|change| format!(" --target {}", safe(&format!("{}/{}", change.address.kind.as_str(), change.address.name))))
        .collect();
    if targets.is_empty() {
        return Vec::new();
    }
    let text = format!(
        "`apply` does not look for policies and providers that no role of ours has: `crossrole destroy{}`, with the manifests, takes them away",
        targets.into_iter().collect::<String>()
    );
    vec![Line::new(Tone::Warning, 0, "note: ").then([text]), Line::empty()]
}

/// What drift is not, where nothing else is said.
pub(crate) fn beside(plan: &Plan) -> Vec<Line> {
    /// What others may add without touching what is declared.
    const KEPT: &str = "what is not looked at here: statements of others in callers' policies, their policies on users and groups, ACLs, and grants of \
                        keys. `crossrole verify` and `crossrole audit` say who gets in by it";
    if plan.is_empty() { vec![Line::new(Tone::Kept, 0, "note: ").then([KEPT]), Line::empty()] } else { Vec::new() }
}

/// What others let in beside what is declared: kept, and no drift.
pub(crate) fn let_in(foreign: &Foreign, view: View, most: usize) -> Vec<Line> {
    let Foreign { parts, unread, access: delta } = foreign;
    let head = Line::new(Tone::Heading, 0, "Kept, and no drift: ");
    if parts.is_empty() && unread.is_empty() {
        return vec![
            head.then(["others let nobody in, in policies of buckets and keys that the manifests declare, or on roles that keep theirs."]),
            Line::empty(),
        ];
    }
    if parts.is_empty() {
        return vec![head.then(["whom others let in is not known of all that the manifests declare."]), not_read(unread), Line::empty()];
    }
    let count = access::counts(delta);
    let mut out = vec![head.then([format!("what others let in beside what is declared: {}", if count.is_empty() { "nobody by that alone" } else { &count })])];
    for (address, parts) in parts {
        let names: Vec<String> = parts.iter().map(foreign_part).collect();
        out.push(Line::plain(2, format!("{}: ", safe(&address.to_string()))).then([names.join(", ")]));
    }
    out.extend((!unread.is_empty()).then(|| not_read(unread)));
    out.extend(access::delta_lines(delta, view, most).into_iter().map(|line| line.within(2)));
    out.push(Line::empty());
    out
}

/// Of what nobody can tell whom others let in.
fn not_read(unread: &BTreeSet<Address>) -> Line {
    /// More are not read by anybody: what is withheld, and JSON, have them all.
    const MOST: usize = 10;
    let mut names: Vec<String> = unread.iter().take(MOST).map(|address| safe(&address.to_string())).collect();
    names.extend((unread.len() > MOST).then(|| format!("and {} more", unread.len() - MOST)));
    Line::new(Tone::Warning, 2, "? ").then([format!("not known of {}: could not be read", names.join(", "))])
}

fn foreign_part(part: &ForeignPart) -> String {
    match part {
        ForeignPart::Statement(sid) if sid.is_empty() => "a statement without a Sid".to_owned(),
        ForeignPart::Statement(sid) => format!("statement {}", safe(sid)),
        ForeignPart::Inline(name) => format!("inline policy {}", safe(name)),
        ForeignPart::Attached(arn) => format!("policy {}", safe(arn)),
    }
}

/// The same for machines.
pub fn foreign_json(plan: &Plan, foreign: &Foreign, view: View) -> Value {
    let Foreign { parts, unread, access: delta } = foreign;
    let one = |part: &ForeignPart| match part {
        ForeignPart::Statement(sid) => json!({ "statement": sid }),
        ForeignPart::Inline(name) => json!({ "inline_policy": name }),
        ForeignPart::Attached(arn) => json!({ "attached_policy": arn }),
    };
    let object =
        |(address, parts): (&Address, &Vec<ForeignPart>)| json!({ "address": address.to_string(), "parts": parts.iter().map(one).collect::<Vec<_>>() });
    named::value(
        plan,
        json!({
            "objects": parts.iter().map(object).collect::<Vec<_>>(),
            // Empty lists say nothing of these.
            "unread": unread.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "access": access::json(plan, delta, view),
        }),
    )
}

/// Keys that can't be used, for machines.
pub fn keys_off_json(plan: &Plan) -> Value {
    named::value(plan, keys_off(plan).into_iter().map(|(address, state)| json!({ "address": address.to_string(), "state": state })).collect())
}

pub(crate) fn by_drift(delta: &AccessDelta, view: View, most: usize) -> Vec<Line> {
    if delta.changes.is_empty() && delta.undecided.is_empty() {
        return Vec::new();
    }
    let mut out = vec![Line::new(Tone::Heading, 0, "Access by this drift, as it is now: ").then([access::counts(delta)])];
    out.extend(access::delta_lines(delta, view, most).into_iter().map(|line| line.within(2)));
    out.push(Line::empty());
    out
}

fn are(count: usize) -> String {
    if count == 1 { "1 object is".to_owned() } else { format!("{count} objects are") }
}

/// What is this change, object by object, and who gains and loses by it, where the plan's own section says more than that.
fn change(plan: &Plan, since: &Since, view: View) -> Vec<Line> {
    let mut out = Vec::new();
    changes(&of(plan, &since.change), view, &mut out);
    out.extend(by_change(since, view, access::LINES_MOST));
    out
}

/// Who gains and who loses by this change alone; without drift, the plan's own section says that.
pub(crate) fn by_change(since: &Since, view: View, most: usize) -> Vec<Line> {
    if since.drift.is_empty() || since.change.is_empty() {
        return Vec::new();
    }
    let delta = &since.change_access;
    let head = Line::new(Tone::Heading, 0, "Access by this change: ");
    if delta.changes.is_empty() && delta.undecided.is_empty() {
        return vec![head.then(["nobody gains or loses anything."]), Line::empty()];
    }
    let mut out = vec![head.then([access::counts(delta)])];
    out.extend(access::delta_lines(delta, view, most).into_iter().map(|line| line.within(2)));
    out.push(Line::empty());
    out
}

/// What was not compared, and which manifests are gone.
pub(crate) fn notes(plan: &Plan, since: &Since) -> Vec<Line> {
    let mut out = Vec::new();
    let not_compared: Vec<Withheld> = since.not_compared.iter().map(|one| Withheld { blocks: false, ..one.clone() }).collect();
    if !not_compared.is_empty() {
        out.push(Line::plain(0, format!("not compared with {}:", base(since))));
        withheld(&Plan { withheld: not_compared, ..of(plan, &[]) }, &mut out);
    }
    for address in &since.left {
        let text = format!(
            "{} is named by {} and by no manifest now: what ours let there stays, and no later plan finds it; keep its table, without grants, until that is applied",
            safe(&address.to_string()),
            base(since)
        );
        out.push(Line::new(Tone::Warning, 0, "note: ").then([text]));
    }
    for (name, file) in &since.gone {
        let text =
            format!("manifest {} (`{}`) of {} is no longer there: what it made stays, until `destroy` is run with it", safe(name), safe(file), base(since));
        out.push(Line::new(Tone::Warning, 0, "note: ").then([text]));
    }
    for (name, file) in &since.new {
        let text = format!("manifest {} (`{}`) is not in {}: all that it says is this change, whatever of it is live", safe(name), safe(file), base(since));
        out.push(Line::new(Tone::Warning, 0, "note: ").then([text]));
    }
    if !since.gone.is_empty() || !since.new.is_empty() || !since.left.is_empty() {
        out.push(Line::empty());
    }
    out
}

/// The sections, before what is said of the whole plan.
pub(crate) fn lines(plan: &Plan, compared: &Compared, view: View) -> Vec<Line> {
    let since = match compared {
        Compared::Since(since) => since,
        Compared::Unread(base) => {
            let mut out = unread(base);
            out.extend([not_told_apart(), Line::empty()]);
            changes(plan, view, &mut out);
            return out;
        }
    };
    let mut out = vec![drift_heading(plan, since), Line::empty()];
    out.extend(drift(plan, since, view));
    out.extend(notes(plan, since));
    out.extend([change_heading(plan, since), Line::empty()]);
    out.extend(change(plan, since, view));
    // Above nothing, it would promise something.
    if !plan.is_empty() || !plan.withheld.is_empty() {
        out.extend([Line::new(Tone::Heading, 0, "Both together, which is the plan:"), Line::empty()]);
    }
    out
}

/// What was taken up into the manifests, and what can't be said there.
pub fn taken_up(taken: &[(String, Address, Option<Part>)], left: &[LeftPart]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (file, address, part) in taken {
        let gone = if address.kind == Kind::Membership { "who is in the group" } else { "it is gone" };
        let what = part.as_ref().map_or_else(|| gone.to_owned(), words::part);
        lines.push(Line::new(Tone::Changed, 0, "written: ").then([format!("`{}`: {}: {}", safe(file), safe(&address.to_string()), safe(&what))]));
    }
    for LeftPart { address, part, because, undone } in left {
        let part = part.as_ref().map_or_else(String::new, |part| format!("{}: ", safe(&words::part(part))));
        let text = format!("{}: {part}{}; {}", safe(&address.to_string()), why_left(because), becomes(*undone));
        lines.push(Line::new(Tone::Warning, 0, "left: ").then([text]));
    }
    lines
}

fn becomes(undone: Undone) -> &'static str {
    match undone {
        Undone::PutBack => "`apply` puts it back",
        Undone::TakenAway => "`apply` takes it away",
        Undone::Destroyed => "`apply` does not look for it, and `destroy --target` takes it away",
    }
}

fn why_left(because: &LeftBecause) -> String {
    /// More are not read by anybody.
    const MOST: usize = 3;
    match because {
        LeftBecause::NoWords => "a manifest has no words for what is live".to_owned(),
        LeftBecause::Mark => "it is a mark of ours, which no manifest says".to_owned(),
        LeftBecause::Rewritten => "a statement of ours was rewritten, and its Sid says what it grants".to_owned(),
        LeftBecause::Undeclared => "no manifest declares it, and it is ours".to_owned(),
        LeftBecause::Gone => "it is not there, and the manifest relies on it".to_owned(),
        LeftBecause::TooMany => "so many edits were tried that this was not: run it again".to_owned(),
        LeftBecause::NoPlace => "the text of the manifest has no place for it".to_owned(),
        LeftBecause::Mistakes => "with it, the manifests would have mistakes".to_owned(),
        LeftBecause::NotSaid => "what the manifest can say of it is not what is live either".to_owned(),
        LeftBecause::SaysMore(others) => {
            let mut names: Vec<String> = others.iter().take(MOST).map(|other| safe(&other.to_string())).collect();
            names.extend((others.len() > MOST).then(|| format!("and {} more", others.len() - MOST)));
            format!("what says it says more, and would change {} as well", names.join(", "))
        }
    }
}

/// What was left, for machines.
pub fn left_json(left: &[LeftPart]) -> Value {
    let one = |LeftPart { address, part, because, undone }: &LeftPart| json!({ "address": address.to_string(), "part": part, "because": because, "why": why_left(because), "undone": undone });
    left.iter().map(one).collect()
}

/// The same for machines.
pub fn taken_up_json(taken: &[(String, Address, Option<Part>)]) -> Value {
    let one = |(file, address, part): &(String, Address, Option<Part>)| json!({ "file": file, "address": address.to_string(), "part": part });
    taken.iter().map(one).collect()
}

/// Who has gained and who has lost by drift, for machines.
pub fn access_json(plan: &Plan, delta: &AccessDelta, view: View) -> Value {
    named::value(plan, access::json(plan, delta, view))
}

/// The same for machines: beside the plan's own changes, those of each side. What is not known is null.
pub fn since_json(plan: &Plan, compared: &Compared, view: View) -> Value {
    let mut value = match compared {
        Compared::Since(since) => sides_json(plan, since, view),
        Compared::Unread(base) => unread_json(base),
    };
    if let Some(map) = value.as_object_mut() {
        map.insert("grounds".to_owned(), crate::grounds::json(plan, compared, view));
    }
    named::value(plan, value)
}

fn unread_json(base: &UnreadBase) -> Value {
    let UnreadBase { reference, commit, mistakes, grounds: _ } = base;
    let mistakes = match mistakes {
        BaseMistakes::Manifests { findings, sources } => crate::findings::findings_json(findings, &[], sources).get("findings").cloned().unwrap_or_default(),
        BaseMistakes::Surroundings(lines) => lines.iter().map(|line| json!({ "message": line })).collect(),
    };
    json!({
        "reference": reference, "commit": commit, "readable": false, "mistakes": mistakes, "complete": false,
        "drift": null, "change": null, "access": null, "change_access": null,
    })
}

fn sides_json(plan: &Plan, since: &Since, view: View) -> Value {
    let all = |changes: &[Change]| machine::plan_json(&of(plan, changes), view).get("resource_changes").cloned().unwrap_or_default();
    json!({
        "reference": since.reference,
        "commit": since.commit,
        "readable": true,
        "mistakes": [],
        "drift": all(&since.drift),
        // An empty list says nothing of what was not compared.
        "complete": is_all_known(plan, since),
        "change": all(&since.change),
        "access": access::json(plan, &since.access, view),
        "change_access": access::json(plan, &since.change_access, view),
        "not_compared": since.not_compared.iter().map(machine::withheld).collect::<Vec<_>>(),
        "left": since.left.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "new": since.new.iter().map(|(name, file)| json!({ "name": name, "file": file })).collect::<Vec<_>>(),
        "gone": since.gone.iter().map(|(name, file)| json!({ "name": name, "file": file })).collect::<Vec<_>>(),
    })
}
