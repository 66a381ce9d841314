//! A plan as a person wants to read it.

use std::collections::BTreeMap;

use crossrole_model::state::{BucketState, Encryption, ObjectState, RoleState, Tags};
use crossrole_model::{Action, Change, Plan, Reason, ownership};
use crossrole_policy::{Document, Statement, StatementDiff, diff};

use crate::statement::{sentence, value};
use crate::{MASK, View, safe, words};

/// How documents are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Diff {
    /// Statement by statement, in words.
    #[default]
    Statements,
    /// Line by line, as JSON.
    Json,
}

/// The one place that maps an action to its symbol.
pub(crate) fn symbol(action: Action) -> &'static str {
    match action {
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace => "-/+",
        Action::Delete => "-",
    }
}

/// Renders a plan.
pub fn plan(plan: &Plan, view: View) -> String {
    let mut out = String::new();
    legend(plan, &mut out);
    let mut account = None;
    for change in &plan.changes {
        if account != Some(&change.address.account) {
            account = Some(&change.address.account);
            let label = plan.accounts.get(&change.address.account).map_or("", |a| a.label.as_str());
            out.push_str(&format!("account {} ({})\n\n", change.address.account, safe(label)));
        }
        render_change(plan, change, view, &mut out);
        out.push('\n');
    }
    for withheld in &plan.withheld {
        let head = if withheld.blocks { "withheld" } else { "note" };
        let (why, advice) = words::cause(withheld);
        out.push_str(&format!("{head}: {}: {}\n  {}\n\n", safe(&words::subject(&withheld.subject)), safe(&why), safe(&advice)));
    }
    for meter in &plan.meters {
        let percent = meter.used * 100 / meter.limit.max(1);
        out.push_str(&format!("size: {}: {} of {} ({percent} %)\n", safe(&meter.what), meter.used, meter.limit));
    }
    if !plan.meters.is_empty() {
        out.push('\n');
    }
    for note in &plan.notes {
        out.push_str(&format!("by hand: {}\n", safe(note)));
    }
    if !plan.notes.is_empty() {
        out.push('\n');
    }
    out.push_str(&crate::access::section(plan, view));
    out.push_str(&summary(plan));
    out.push_str(&calls(&plan.calls));
    out
}

fn legend(plan: &Plan, out: &mut String) {
    let words = [(Action::Create, "create"), (Action::Update, "update in place"), (Action::Replace, "delete and make anew"), (Action::Delete, "destroy")];
    let used: Vec<String> = words.iter().filter(|(a, _)| plan.count(*a) > 0).map(|(a, word)| format!("{} {word}", symbol(*a))).collect();
    if !used.is_empty() {
        out.push_str(&format!("{}\n\n", used.join("   ")));
    }
}

fn summary(plan: &Plan) -> String {
    let replaced = plan.count(Action::Replace);
    if plan.is_empty() {
        return if plan.is_blocked() {
            "No changes can be made: see what is withheld above.\n".to_owned()
        } else {
            "No changes. What is live is what the manifests say.\n".to_owned()
        };
    }
    let (add, change, destroy) = (plan.count(Action::Create) + replaced, plan.count(Action::Update), plan.count(Action::Delete) + replaced);
    format!("Plan: {add} to add, {change} to change, {destroy} to destroy.\n")
}

fn calls<K: std::fmt::Display>(calls: &BTreeMap<K, u64>) -> String {
    let total: u64 = calls.values().sum();
    let each: Vec<String> = calls.iter().map(|(account, n)| format!("{n} to {account}")).collect();
    if each.is_empty() { String::new() } else { format!("Read with {total} calls: {}.\n", each.join(", ")) }
}

fn render_change(plan: &Plan, change: &Change, view: View, out: &mut String) {
    out.push_str(&format!("{:>5} {}\n", symbol(change.action), safe(&change.address.short())));
    let differs: Vec<String> = change.reasons.iter().filter_map(|r| if let Reason::Differs(part) = r { Some(safe(&words::part(part))) } else { None }).collect();
    if !differs.is_empty() {
        let head = if differs.len() == 1 { "this differs" } else { "these differ" };
        out.push_str(&format!("        because {head}: {}\n", differs.join(", ")));
    }
    for reason in change.reasons.iter().filter(|r| !matches!(r, Reason::Differs(_))) {
        out.push_str(&format!("        because {}\n", because(reason)));
    }
    for consequence in &change.consequences {
        out.push_str(&format!("        ! {}\n", safe(&words::consequence(consequence))));
    }
    let mut lines = Vec::new();
    details(plan, change, view, &mut lines);
    for line in lines {
        out.push_str(&format!("        {line}\n"));
    }
}

fn because(reason: &Reason) -> String {
    match reason {
        Reason::Missing => "it is declared and not there".to_owned(),
        Reason::NotInManifest => "no manifest declares it any more".to_owned(),
        Reason::Destroy => "everything of this manifest is to be destroyed".to_owned(),
        Reason::Differs(part) => format!("{} differs", safe(&words::part(part))),
        Reason::ForeignPolicy(name) => format!("{} was put on it by somebody else", safe(name)),
        Reason::OrphanedPrincipal(id) => format!("it names {}, which no longer exists: whoever had that name has lost the access", safe(id)),
        Reason::Immutable(part) => format!("its {} can't be changed in place", words::part(part)),
        Reason::Adopted => "the manifest says to take it over".to_owned(),
    }
}

fn details(plan: &Plan, change: &Change, view: View, out: &mut Vec<String>) {
    match (&change.before, &change.after) {
        (None | Some(ObjectState::Role(_)), Some(ObjectState::Role(after))) => {
            let before = match &change.before {
                Some(ObjectState::Role(before)) => Some(before),
                _ => None,
            };
            role(before, after, view, out);
        }
        (before, Some(ObjectState::Policy(after))) => {
            let before = match before {
                Some(ObjectState::Policy(before)) => Some(before),
                _ => None,
            };
            field("description", before.map(|b| b.description.as_str()), &after.description, out);
            document("document", before.map(|b| &b.document), Some(&after.document), view, &[], out);
            tags(before.map(|b| &b.tags), &after.tags, out);
        }
        (before, Some(ObjectState::BucketPolicy(after))) => bucket_policy(plan, before.as_ref(), after.document.as_ref(), view, out),
        (before @ Some(ObjectState::BucketPolicy(_)), None) => bucket_policy(plan, before.as_ref(), None, view, out),
        (before, Some(ObjectState::Bucket(after))) => {
            let before = match before {
                Some(ObjectState::Bucket(before)) => Some(before),
                _ => None,
            };
            bucket(before, after, out);
        }
        (before, Some(ObjectState::OidcProvider(after))) => {
            let before = match before {
                Some(ObjectState::OidcProvider(before)) => Some(before),
                _ => None,
            };
            let list = |ids: &std::collections::BTreeSet<String>| ids.iter().map(|i| safe(i)).collect::<Vec<_>>().join(", ");
            field("audiences", before.map(|b| list(&b.client_ids)).as_deref(), &list(&after.client_ids), out);
            tags(before.map(|b| &b.tags), &after.tags, out);
        }
        (before, Some(ObjectState::User(after))) => {
            let before = match before {
                Some(ObjectState::User(before)) => Some(&before.tags),
                _ => None,
            };
            tags(before, &after.tags, out);
        }
        (Some(ObjectState::Role(before)), None) => {
            document("trust policy", Some(&before.trust), None, view, &[], out);
            for (name, inline) in &before.inline {
                document(&format!("inline policy {}", safe(name)), Some(inline), None, view, &[], out);
            }
            for arn in &before.attached {
                out.push(format!("- attached {}", safe(arn)));
            }
        }
        (Some(ObjectState::Policy(before)), None) => document("document", Some(&before.document), None, view, &[], out),
        _ => {}
    }
}

fn role(before: Option<&RoleState>, after: &RoleState, view: View, out: &mut Vec<String>) {
    field("path", before.map(|b| b.path.as_str()).or(Some("/")), &after.path, out);
    field("description", before.map(|b| b.description.as_str()), &after.description, out);
    field("longest session", before.map(|b| duration(b.max_session_seconds)).as_deref(), &duration(after.max_session_seconds), out);
    field("permissions boundary", before.map(|b| b.boundary.as_deref().unwrap_or("")), after.boundary.as_deref().unwrap_or(""), out);
    document("trust policy", before.map(|b| &b.trust), Some(&after.trust), view, &[], out);
    let empty = BTreeMap::new();
    let old = before.map_or(&empty, |b| &b.inline);
    let names: std::collections::BTreeSet<&String> = old.keys().chain(after.inline.keys()).collect();
    for name in names {
        document(&format!("inline policy {}", safe(name)), old.get(name), after.inline.get(name), view, &[], out);
    }
    let none = std::collections::BTreeSet::new();
    let old = before.map_or(&none, |b| &b.attached);
    out.extend(old.difference(&after.attached).map(|arn| format!("- attached {}", safe(arn))));
    out.extend(after.attached.difference(old).map(|arn| format!("+ attached {}", safe(arn))));
    tags(before.map(|b| &b.tags), &after.tags, out);
}

fn duration(seconds: u32) -> String {
    if seconds.is_multiple_of(3600) { format!("{}h", seconds / 3600) } else { format!("{seconds}s") }
}

/// One value; nothing is said about a value that stays, or about one that is empty from the start.
fn field(name: &str, before: Option<&str>, after: &str, out: &mut Vec<String>) {
    let shown = |text: &str| if text.is_empty() { "none".to_owned() } else { safe(text) };
    match before {
        Some(before) if before == after => {}
        Some(before) => out.push(format!("~ {name}: {} -> {}", shown(before), shown(after))),
        None if after.is_empty() => {}
        None => out.push(format!("+ {name}: {}", safe(after))),
    }
}

fn tags(before: Option<&Tags>, after: &Tags, out: &mut Vec<String>) {
    let empty = Tags::new();
    let old = before.unwrap_or(&empty);
    for (key, value) in old.iter().filter(|(k, _)| !after.contains_key(*k)) {
        out.push(format!("- tag {} = {}", safe(key), safe(value)));
    }
    for (key, value) in after {
        match old.get(key) {
            Some(same) if same == value => {}
            Some(other) => out.push(format!("~ tag {} = {} -> {}", safe(key), safe(other), safe(value))),
            // Our own mark on a new object says nothing that its heading does not.
            None if before.is_none() && key == ownership::OWNER_TAG => {}
            None => out.push(format!("+ tag {} = {}", safe(key), safe(value))),
        }
    }
}

fn bucket(before: Option<&BucketState>, after: &BucketState, out: &mut Vec<String>) {
    let onoff = |on: bool| if on { "on" } else { "off" }.to_owned();
    let encryption = |e: &Encryption| match e {
        Encryption::Aes256 => "AES256".to_owned(),
        Encryption::Kms { key } => format!("KMS {key}"),
    };
    let mut show = |name: &str, old: Option<String>, new: Option<String>| {
        if let Some(new) = new {
            field(name, before.map(|_| old.unwrap_or_default()).as_deref(), &new, out);
        }
    };
    show("region", before.map(|b| b.region.clone()), Some(after.region.clone()));
    show("versioning", before.and_then(|b| b.versioning).map(onoff), after.versioning.map(onoff));
    show("encryption", before.and_then(|b| b.encryption.as_ref()).map(encryption), after.encryption.as_ref().map(encryption));
    let block = |b: crossrole_model::state::PublicAccessBlock| {
        let parts = [("acls", b.block_acls), ("ignore acls", b.ignore_acls), ("policy", b.block_policy), ("restrict", b.restrict_buckets)];
        parts.map(|(name, on)| format!("{name} {}", if on { "on" } else { "off" })).join(", ")
    };
    show("public access block", before.and_then(|b| b.public_access_block).map(block), after.public_access_block.map(block));
    show("object ownership", before.and_then(|b| b.ownership.clone()), after.ownership.clone());
    let logging = |l: &Option<crossrole_model::state::Logging>| l.as_ref().map_or_else(|| "off".to_owned(), |l| format!("to {}/{}", l.bucket, l.prefix));
    show("logging", before.and_then(|b| b.logging.as_ref()).map(logging), after.logging.as_ref().map(logging));
    if let Some(new) = &after.tags {
        tags(before.and_then(|b| b.tags.as_ref()), new, out);
    }
}

fn bucket_policy(plan: &Plan, before: Option<&ObjectState>, after: Option<&Document>, view: View, out: &mut Vec<String>) {
    let before = match before {
        Some(ObjectState::BucketPolicy(state)) => state.document.as_ref(),
        _ => None,
    };
    let prefixes: Vec<String> = plan.manifests.iter().map(|m| ownership::sid_prefix(&m.name)).collect();
    document("bucket policy", before, after, view, &prefixes, out);
}

/// A document's changes. With `ours`, statements whose Sid does not begin with one of these are shown as kept.
fn document(name: &str, before: Option<&Document>, after: Option<&Document>, view: View, ours: &[String], out: &mut Vec<String>) {
    if before == after {
        return;
    }
    out.push(name.to_owned());
    if view.diff == Diff::Json {
        json_lines(before, after, view, out);
        return;
    }
    if let (Some(b), Some(a)) = (before, after)
        && b.version != a.version
    {
        let shown = |d: &Document| d.version.clone().unwrap_or_else(|| "none".to_owned());
        out.push(format!("  ~ version: {} -> {}", safe(&shown(b)), shown(a)));
    }
    for entry in diff(before, after) {
        statement(&entry, view, ours, out);
    }
}

fn statement(entry: &StatementDiff, view: View, ours: &[String], out: &mut Vec<String>) {
    let foreign = |s: &Statement| !ours.is_empty() && !ours.iter().any(|p| s.sid().starts_with(p.as_str()));
    let name = |s: &Statement| if s.sid().is_empty() { String::new() } else { format!("[{}] ", safe(s.sid())) };
    match entry {
        StatementDiff::Added(s) => out.push(format!("  + {}{}", name(s), sentence(s, view))),
        StatementDiff::Removed(s) => out.push(format!("  - {}{}", name(s), sentence(s, view))),
        StatementDiff::Kept(s) => {
            let whose = if foreign(s) { "foreign, kept: " } else { "" };
            out.push(format!("  = {whose}{}{}", name(s), sentence(s, view)));
        }
        StatementDiff::Changed { before: _, after, elements } => {
            out.push(format!("  ~ {}{}", name(after), sentence(after, view)));
            for element in elements {
                let shown = |v: &String| value(&element.element, v, view);
                out.extend(element.removed.iter().map(|v| format!("      - {}: {}", safe(&element.element), shown(v))));
                out.extend(element.added.iter().map(|v| format!("      + {}: {}", safe(&element.element), shown(v))));
            }
        }
    }
}

fn json_lines(before: Option<&Document>, after: Option<&Document>, view: View, out: &mut Vec<String>) {
    let text = |d: Option<&Document>| d.map(|d| masked(d, view).to_json_pretty() + "\n").unwrap_or_default();
    let (before, after) = (text(before), text(after));
    for change in similar::TextDiff::from_lines(before.as_str(), after.as_str()).iter_all_changes() {
        let mark = match change.tag() {
            similar::ChangeTag::Equal => ' ',
            similar::ChangeTag::Delete => '-',
            similar::ChangeTag::Insert => '+',
        };
        out.push(format!("  {mark} {}", safe(change.value().trim_end_matches('\n'))));
    }
}

/// The document with its external ids masked.
pub(crate) fn masked(document: &Document, view: View) -> Document {
    let mut out = document.clone();
    if !view.show_external_ids {
        for statement in &mut out.statements {
            for keys in statement.conditions.values_mut() {
                for (_, values) in keys.iter_mut().filter(|(k, _)| k.eq_ignore_ascii_case("sts:ExternalId")) {
                    for v in values.iter_mut() {
                        MASK.clone_into(v);
                    }
                }
            }
        }
    }
    out
}
