//! An audit as people read it in a terminal.

use std::collections::BTreeMap;

use crossrole_model::Severity;
use crossrole_model::access::{AccessChange, Certainty, Party};
use crossrole_model::audit::{Audit, Chain, Issue, Object, Origin};

use super::rules::info;
use super::words;
use crate::access::{short, sorted};
use crate::clause::when;
use crate::findings::word;
use crate::statement::list;
use crate::{Line, Tone, View, safe};

/// Most lines of one section: a reader who sees more reads none. JSON and CSV have them all.
const LINES_MOST: usize = 200;

/// Most objects of one line that are named.
const NAMED_MOST: usize = 5;

/// The whole audit.
pub fn audit_lines(audit: &Audit, view: View) -> Vec<Line> {
    let mut out = vec![heading(audit)];
    out.extend([Line::empty()]);
    out.extend(ways(audit, view));
    out.extend(chains(audit, view));
    out.extend(findings(audit, view));
    out.extend(not_known(audit));
    out.extend(suppressed(audit, view));
    out.push(summary(audit));
    out.push(Line::new(Tone::Kept, 0, "Not looked at: ").then([format!("{}.", words::NOT_LOOKED_AT.join("; "))]));
    out
}

fn heading(audit: &Audit) -> Line {
    let accounts = audit.accounts.iter().map(|(id, label)| if label.is_empty() { id.to_string() } else { safe(&format!("{id} ({label})")) });
    let [roles, buckets, keys] = audit.read.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let read = format!(": {}, {}, {}", words::plural(roles, "role"), words::plural(buckets, "bucket"), words::plural(keys, "key"));
    let count = u32::try_from(audit.accounts.len()).unwrap_or(u32::MAX);
    Line::new(Tone::Heading, 0, format!("Audit of {}: ", words::plural(count, "account"))).then(few(accounts.collect(), ", ")).then([read])
}

/// A list in parts, no longer than a reader takes in.
fn few(all: Vec<String>, separator: &str) -> Vec<String> {
    const MOST: usize = 20;
    let more = all.len().saturating_sub(MOST);
    let shown: Vec<String> = all.into_iter().take(MOST).chain((more > 0).then(|| format!("and {more} more"))).collect();
    let last = shown.len().saturating_sub(1);
    shown.into_iter().enumerate().map(|(at, text)| if at == last { text } else { format!("{text}{separator}") }).collect()
}

/// Who does what; when; whose doing it is: and what it leads to.
type Alike = BTreeMap<(String, String, String), Vec<String>>;

/// Those from one place together, and what is alike but for what it leads to in one line.
fn ways(audit: &Audit, view: View) -> Vec<Line> {
    let mut by_origin: BTreeMap<&Origin, Alike> = BTreeMap::new();
    for way in &audit.ways {
        let (doing, when) = words::doing(way, view);
        by_origin.entry(&way.origin).or_default().entry((doing, when, words::standings(way))).or_default().push(words::target(way));
    }
    let mut out = vec![Line::new(Tone::Heading, 0, "Ways in: ").then([counted(audit)])];
    let mut lines = Vec::new();
    for (origin, alike) in by_origin {
        lines.push(Line::plain(2, format!("from {}", words::origin(origin))));
        for ((doing, when, standing), targets) in alike {
            let mut targets: Vec<String> = targets;
            targets.sort();
            targets.dedup();
            let more = targets.len().saturating_sub(NAMED_MOST);
            targets.truncate(NAMED_MOST);
            targets.extend((more > 0).then(|| format!("and {more} more")));
            lines.push(Line::plain(4, doing).then(list(" on ", targets)).then([when, format!(" [{standing}]")]));
        }
    }
    out.extend(limited(lines, 2));
    out.push(Line::empty());
    out
}

fn counted(audit: &Audit) -> String {
    let ways = &audit.ways;
    if ways.is_empty() {
        let known = audit.not_known.is_empty() && audit.tolerated.is_empty();
        return if known { "nobody comes in from outside by a policy." } else { "none was found, and not everything is known." }.to_owned();
    }
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for way in ways {
        *kinds.entry(words::origin_kind(&way.origin)).or_default() += 1;
    }
    let of = |kind: &str, text: &str| kinds.get(kind).map(|n| format!("{n} {text}"));
    let all = [
        of("anyone", "from anyone"),
        of("account", "from accounts"),
        of("organization", "from organizations"),
        of("federation", "from identity providers"),
        of("service", "from services"),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn limited(mut lines: Vec<Line>, indent: usize) -> Vec<Line> {
    let more = lines.len().saturating_sub(LINES_MOST);
    lines.truncate(LINES_MOST);
    lines.extend((more > 0).then(|| Line::plain(indent, format!("… and {more} more lines: see --json or --report csv=FILE"))));
    lines
}

fn chains(audit: &Audit, view: View) -> Vec<Line> {
    if audit.chains.is_empty() && audit.cut.is_empty() {
        return Vec::new();
    }
    let longest = audit.chains.iter().map(|chain| chain.hops.len()).max().unwrap_or(0);
    let count = u32::try_from(audit.chains.len()).unwrap_or(u32::MAX);
    let mut out = vec![Line::new(Tone::Heading, 0, "Chains: ").then([format!("{}, over up to {longest} roles", words::plural(count, "chain"))])];
    let lines = audit.chains.iter().flat_map(|chain| chain_lines(audit, chain, view)).collect();
    out.extend(limited(lines, 2));
    out.extend(audit.cut.iter().map(|cut| Line::new(Tone::Warning, 2, "! ").then([words::cut(*cut)])));
    out.push(Line::empty());
    out
}

/// One line a step, further in each time.
fn chain_lines(audit: &Audit, chain: &Chain, view: View) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (depth, hop) in chain.hops.iter().enumerate() {
        let role = safe(&crate::access::by_arn(&hop.resource));
        let text = match &hop.party {
            party if depth == 0 => format!("{} → {role}", words::party(party, &hop.except)),
            // Not every session of the role before goes on.
            party @ Party::Named { .. } => format!("→ {role}, as {}", words::party(party, &[])),
            _ => format!("→ {role}"),
        };
        lines.push(Line::plain(2 + 2 * depth.min(8), text).then(when(&hop.when, view)));
    }
    let inner = 2 + 2 * chain.hops.len().min(8);
    let reached = chain.last().and_then(|last| audit.reach.get(last));
    lines.extend(reached.into_iter().flatten().take(NAMED_MOST).map(|change| Line::plain(inner, "reaches ").then([reaches(change, view)])));
    let more = reached.map_or(0, |all| all.len().saturating_sub(NAMED_MOST));
    lines.extend((more > 0).then(|| Line::plain(inner, format!("and {more} more"))));
    lines
}

pub(super) fn reaches(change: &AccessChange, view: View) -> String {
    let closed = change.keyless.as_ref().map(|_| "; but not all that is encrypted").unwrap_or_default();
    let rests = if change.certainty == Certainty::UnreadPolicies { ", as far as policies that were not read let it" } else { "" };
    let on = sorted(&change.resources, short).join(", ");
    format!("{on}: {}{rests}{}{closed}", sorted(&change.actions, str::to_owned).join(", "), when(&change.when, view).concat())
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Error,
        Severity::Warning => Tone::Warning,
        Severity::Note => Tone::Kept,
    }
}

/// The advice of a rule is said once, behind all that break it.
fn findings(audit: &Audit, view: View) -> Vec<Line> {
    if audit.issues.is_empty() {
        return vec![Line::new(Tone::Heading, 0, "Findings: ").then(["none."]), Line::empty()];
    }
    let mut out = vec![Line::new(Tone::Heading, 0, "Findings: ").then([severities(&audit.issues)])];
    let mut lines = Vec::new();
    for (at, issue) in audit.issues.iter().enumerate() {
        let severity = issue.rule.severity();
        let head = format!("{} [{}]: ", word(severity), issue.rule.id());
        lines.push(Line::new(tone(severity), 2, head).then([words::message(issue, view)]));
        if audit.issues.get(at + 1).is_none_or(|next| next.rule != issue.rule) {
            lines.push(Line::new(Tone::Advice, 4, "help: ").then([info(issue.rule).fix]));
        }
    }
    out.extend(limited(lines, 2));
    out.push(Line::empty());
    out
}

pub(super) fn severities(issues: &[Issue]) -> String {
    let count = |severity: Severity, word: &str| {
        let n = issues.iter().filter(|issue| issue.rule.severity() == severity).count();
        (n > 0).then(|| words::plural(u32::try_from(n).unwrap_or(u32::MAX), word))
    };
    let all = [count(Severity::Error, "error"), count(Severity::Warning, "warning"), count(Severity::Note, "note")];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn not_known(audit: &Audit) -> Vec<Line> {
    if audit.not_known.is_empty() {
        return Vec::new();
    }
    let mut out = vec![Line::new(Tone::Heading, 0, "Not known: ").then([format!("{}; it is not to be taken for nothing", audit.not_known.len())])];
    let lines = audit.not_known.iter().map(|one| Line::new(Tone::Warning, 2, "! ").then([words::not_known(one)])).collect();
    out.extend(limited(lines, 2));
    out.push(Line::empty());
    out
}

fn suppressed(audit: &Audit, view: View) -> Vec<Line> {
    let until = |expires: &Option<String>| expires.as_ref().map(|day| format!(", until {}", safe(day))).unwrap_or_default();
    let issues = audit.suppressed.iter().map(|s| (words::message(&s.what, view), s.what.rule.id(), &s.reason, until(&s.expires)));
    let unknown = audit.tolerated.iter().map(|s| (words::not_known(&s.what), crossrole_model::audit::NotKnown::RULE, &s.reason, until(&s.expires)));
    let line = |(text, rule, reason, until): (String, &str, &String, String)| {
        Line::new(Tone::Kept, 0, "suppressed: ").then([format!("{text} [{rule}], "), format!("because {}{until}", safe(reason))])
    };
    let mut lines: Vec<Line> = issues.chain(unknown).map(line).collect();
    lines.extend(audit.stale.iter().map(|stale| Line::new(Tone::Warning, 0, "warning: ").then([words::stale(stale)])));
    if !lines.is_empty() {
        lines.push(Line::empty());
    }
    limited(lines, 0)
}

fn summary(audit: &Audit) -> Line {
    let calls: u64 = audit.calls.values().sum();
    let found = if audit.issues.is_empty() { "nothing".to_owned() } else { severities(&audit.issues) };
    let unknown = if audit.not_known.is_empty() { String::new() } else { format!("; {} not known", audit.not_known.len()) };
    let regions: std::collections::BTreeSet<&String> = audit.regions.values().flatten().collect();
    let regions = if regions.is_empty() {
        String::new()
    } else {
        format!(" Keys and trails were looked for in {}.", regions.into_iter().map(|r| safe(r)).collect::<Vec<_>>().join(", "))
    };
    Line::new(Tone::Heading, 0, "Audit: ").then([format!("found {found}{unknown}, with {calls} calls.{regions}")])
}

/// The account that an object is in; empty where it is in none.
pub(super) fn account(object: &Object) -> String {
    object.account().unwrap_or_default().to_owned()
}
