//! A plan as a person wants to read it.

use std::collections::BTreeMap;

use crossrole_model::{Action, Change, Plan, Reason, ownership};
use crossrole_policy::{Document, Share};

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
    let share = Share { prefixes: plan.manifests.iter().map(|m| ownership::sid_prefix(&m.name)).collect(), statements: Vec::new() };
    for change in &plan.changes {
        if account != Some(&change.address.account) {
            account = Some(&change.address.account);
            let label = plan.accounts.get(&change.address.account).map_or("", |a| a.label.as_str());
            out.push_str(&format!("account {} ({})\n\n", change.address.account, safe(label)));
        }
        render_change(change, &share, view, &mut out);
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
    let held = match plan.blocking().count() {
        0 => String::new(),
        count => format!("{} withheld: `apply` writes nothing of this unless `--partial` is given.\n", parts(count)),
    };
    format!("Plan: {add} to add, {change} to change, {destroy} to destroy.\n{held}")
}

fn parts(count: usize) -> String {
    if count == 1 { "1 part of what is asked for is".to_owned() } else { format!("{count} parts of what is asked for are") }
}

/// Names what keeps a plan from being carried out, a line each; the plan itself says why.
pub fn blocked(plan: &Plan) -> String {
    /// More are not read by anybody.
    const MOST: usize = 10;
    let count = plan.blocking().count();
    let mut out = format!("{} withheld, and nothing was changed", parts(count));
    for withheld in plan.blocking().take(MOST) {
        out.push_str(&format!("\n  {}", safe(&words::subject(&withheld.subject))));
    }
    if count > MOST {
        out.push_str(&format!("\n  and {} more", count - MOST));
    }
    out
}

fn calls<K: std::fmt::Display>(calls: &BTreeMap<K, u64>) -> String {
    let total: u64 = calls.values().sum();
    let each: Vec<String> = calls.iter().map(|(account, n)| format!("{n} to {account}")).collect();
    if each.is_empty() { String::new() } else { format!("Read with {total} calls: {}.\n", each.join(", ")) }
}

fn render_change(change: &Change, share: &Share, view: View, out: &mut String) {
    out.push_str(&format!("{:>5} {}\n", symbol(change.action), safe(&change.address.short())));
    let differs: Vec<String> =
        change.reasons.iter().filter_map(|r| if let Reason::Differs(part) = r { Some(safe(&words::part(part))) } else { None }).collect();
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
    for line in crate::diff::lines(&crate::diff::tree(change, share), view) {
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
        Reason::Immutable(part) => format!("its {} can't be changed in place", safe(&words::part(part))),
        Reason::Adopted => "the manifest says to take it over".to_owned(),
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
