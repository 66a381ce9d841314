//! What was tried, and what it showed, in words.

mod cell;
mod live;

use std::collections::BTreeMap;

use crossrole_model::access::Explanation;
use crossrole_model::proof::{Act, Attestation, Cell, Known, NotCalled, Proof, Unshown, Verdict};
use serde_json::{Value, json};

use crate::junit::{Case, Ended, Suite};
use crate::lines::Screen;
use crate::lock::instant;
use crate::markdown::fence;
use crate::{Line, MASK, Tone, View, access, decision, rendered, safe};

/// Most request ids of a cell in JSON: one for each success that is asked for.
const IDS_MOST: usize = 3;

/// The table on the screen: what is not as it should be first, then all of it.
pub fn attestation(all: &Attestation, view: View) -> String {
    let mut out = Vec::new();
    let names = cell::subjects(&all.proofs, view);
    for (title, verdict) in [("Not as the manifests say:", Verdict::Fails), ("Not known:", Verdict::Unknown), ("As the manifests say:", Verdict::Holds)] {
        let some: Vec<(&Proof, &String)> = all.proofs.iter().zip(&names).filter(|(proof, _)| proof.verdict == verdict).collect();
        if some.is_empty() {
            continue;
        }
        out.push(Line::new(Tone::Heading, 0, title));
        for (proof, name) in some {
            out.extend(lines(proof, name, view));
        }
        out.push(Line::empty());
    }
    out.extend(live::lines(all, view));
    for (role, actions) in &all.untried {
        let what = format!("{} grants {}, of which nothing tells what it would be asked of", safe(&access::by_arn(role)), safe(&actions.join(", ")));
        out.push(Line::new(Tone::Warning, 0, "not tried: ").then([what]));
    }
    for (role, buckets) in &all.elsewhere {
        let what = format!("{} works in {}, of which no manifest speaks", safe(&access::by_arn(role)), safe(&buckets.join(", ")));
        out.push(Line::new(Tone::Warning, 0, "not tried: ").then([what]));
    }
    for (account, why) in &all.unread {
        out.push(Line::new(Tone::Warning, 0, "not read: ").then([format!("account {account}: {}", safe(why))]));
    }
    for (object, why) in &all.left_behind {
        out.push(Line::new(Tone::Error, 0, "left behind: ").then([safe(object), format!(": {}", safe(why))]));
    }
    out.extend(live::not_looked_at(all));
    if all.left_out > 0 {
        out.push(Line::new(Tone::Warning, 0, "left out: ").then([format!("{} further cells, more than one run tries", all.left_out)]));
    }
    let [holds, fails, unknown] = counts(all);
    let surprises = all.proofs.iter().filter(|proof| proof.is_surprise()).count();
    let called = all.proofs.iter().filter(|proof| matches!(proof.known, Known::Called(_))).count();
    let mut parts = vec![format!("{holds} as the manifests say"), format!(", {fails} not"), format!(", {unknown} not known")];
    parts.push(format!("; {called} of {} by calls", all.proofs.len()));
    if all.beyond.widens() || all.granted.widens() {
        parts.push("; more is let than the manifests say".to_owned());
    }
    if all.is_lacking() {
        parts.push("; less is let than the manifests say".to_owned());
    }
    if all.is_unrevoked() {
        parts.push("; not all is taken back that manifests take back".to_owned());
    }
    if all.is_unlooked() {
        parts.push("; not all could be looked at".to_owned());
    }
    if surprises > 0 {
        parts.push(format!("; {surprises} where AWS did something else than was predicted"));
    }
    let tone = if fails > 0 || all.is_beyond() || all.is_lacking() || all.is_unrevoked() { Tone::Error } else { Tone::Heading };
    out.push(Line::new(tone, 0, "Verified: ").then(parts));
    rendered(&out, view.screen)
}

/// The words of each cell, in their order: no two are alike.
pub fn cell_names(proofs: &[Proof], view: View) -> Vec<String> {
    cell::subjects(proofs, view)
}

/// How many hold, fail, and are not known.
fn counts(all: &Attestation) -> [usize; 3] {
    [Verdict::Holds, Verdict::Fails, Verdict::Unknown].map(|verdict| all.proofs.iter().filter(|proof| proof.verdict == verdict).count())
}

fn lines(proof: &Proof, name: &str, view: View) -> Vec<Line> {
    let (tone, word) = match proof.verdict {
        Verdict::Holds => (Tone::Added, "ok   "),
        Verdict::Fails => (Tone::Removed, "FAIL "),
        Verdict::Unknown => (Tone::Warning, "?    "),
    };
    let mut out = vec![Line::new(tone, 2, word).then([name.to_owned(), format!(": {}", outcome(proof)), format!(" ({})", how(&proof.known))])];
    if proof.verdict == Verdict::Fails {
        out.extend(reasons(proof, view).into_iter().map(|reason| Line::plain(7, reason)));
    }
    if proof.is_surprise() {
        out.push(Line::new(Tone::Warning, 7, "").then([surprise(proof, view)]));
    }
    out
}

/// That answers are waited for, and until when, in seconds since 1970.
pub fn proving(left: usize, all: usize, until: i64) -> String {
    format!("waiting: {left} of {all} are open; those that are not answered as they should be are tried until {} at most", instant(until))
}

/// Those of a matrix in which whoever is revoked is let in all the same, whatever manifests say.
pub fn still_in(all: &Attestation) -> Vec<Line> {
    let is = |proof: &&Proof| matches!((proof.verdict, proof.cell.wanted), (Verdict::Holds, true) | (Verdict::Fails, false));
    let line = |proof| Line::new(Tone::Error, 0, "error: ").then([format!("still let in: {}", cell::subject(proof))]);
    let mut lines: Vec<Line> = all.proofs.iter().filter(is).map(line).collect();
    if !lines.is_empty() {
        let advice = "some manifest says so, or a policy that none of them makes: `crossrole explain` tells which statement it is";
        lines.push(Line::new(Tone::Advice, 0, "help: ").then([advice]));
    }
    lines
}

fn outcome(proof: &Proof) -> String {
    let word = |let_in| if let_in { "let in" } else { "refused" };
    match (proof.verdict, proof.cell.wanted) {
        (Verdict::Holds, wanted) => word(wanted).to_owned(),
        (Verdict::Fails, wanted) => format!("{}, and has to be {}", word(!wanted), word(wanted)),
        (Verdict::Unknown, wanted) => format!("has to be {}", word(wanted)),
    }
}

fn how(known: &Known) -> String {
    match known {
        Known::Called(called) if called.in_a_row == called.times => times(called.times),
        Known::Called(called) => format!("{}, the last {} alike", times(called.times), called.in_a_row),
        Known::Simulated { decision, because } => format!("not called, {}: IAM's policy simulator says {}", why(because), safe(decision)),
        Known::Evaluated { because } => format!("not called, {}: evaluated", why(because)),
        Known::Unknown { because: Ok(because) } => format!("not called, {}", why(because)),
        Known::Unknown { because: Err(error) } => safe(&error.to_string()),
    }
}

fn times(calls: u32) -> String {
    if calls == 1 { "1 call".to_owned() } else { format!("{calls} calls") }
}

fn why(because: &NotCalled) -> &'static str {
    match because {
        NotCalled::NotAtHand => "nobody's credentials are at hand",
        NotCalled::OtherFactor => "no such credentials, with or without a second factor, are at hand",
        NotCalled::Nobody => "it is nobody in particular",
        NotCalled::OtherMoment => "it is about another time",
        NotCalled::OtherAddress => "it is about another address",
        NotCalled::OtherKeys => "no call from here brings what it asks for",
        NotCalled::NoObject => "no such object is known",
        NotCalled::Writes => "it writes",
        NotCalled::NoSession => "the role was not assumed",
        NotCalled::NotHarmless => "no harmless call of the kind is known",
    }
}

/// Why a cell is not as it should be.
fn reasons(proof: &Proof, view: View) -> Vec<String> {
    let mut all = Vec::new();
    if let Known::Called(called) = &proof.known
        && let Some(error) = &called.error
    {
        all.push(safe(&format!("AWS: {error}")));
    }
    // The hop that decides: the first no, or the last yes.
    let decides = proof.live.iter().find(|hop| !hop.is_allowed()).or(proof.live.last());
    if let Some(hop) = decides {
        all.push(safe(&format!("live: {}", decision::because(hop, view))));
    }
    for address in &proof.differs {
        all.push(format!("{} is not as the manifests say: see `crossrole plan`", safe(&address.to_string())));
    }
    all
}

fn surprise(proof: &Proof, view: View) -> String {
    let predicted = if proof.predicted() == Some(true) { "let in" } else { "refused" };
    let because = proof.live.last().map(|hop: &Explanation| decision::because(hop, view)).unwrap_or_default();
    safe(&format!("AWS did something else than was predicted: {predicted}, because {because}. Something that was not read decides, or crossrole is wrong"))
}

/// The same for machines: what an auditor keeps.
pub fn attestation_json(all: &Attestation, view: View) -> Value {
    let [holds, fails, unknown] = counts(all);
    json!({
        "format_version": "1.0",
        "holds": fails == 0
            && unknown == 0
            && all.left_out == 0
            && all.left_behind.is_empty()
            && !all.is_beyond()
            && !all.is_lacking()
            && !all.is_unrevoked()
            && !all.is_unlooked(),
        "counts": {"holds": holds, "fails": fails, "unknown": unknown, "left_out": all.left_out},
        "manifests": all.manifests,
        "commit": all.commit,
        "begun": instant(all.begun),
        "ended": instant(all.ended),
        "accounts": all.accounts,
        "unread": all.unread.iter().map(|(account, why)| json!({"account": account, "why": why})).collect::<Vec<_>>(),
        "untried": all.untried.iter().map(|(role, actions)| json!({"role": role, "actions": actions})).collect::<Vec<_>>(),
        "left_behind": all.left_behind.iter().map(|(object, why)| json!({"object": object, "why": why})).collect::<Vec<_>>(),
        "beyond": access::access_lines(&all.beyond, view),
        "beside": access::access_lines(&all.beside, view),
        "granted": access::access_lines(&all.granted, view),
        "unrevoked": all.unrevoked.iter().map(live::unrevoked_json).collect::<Vec<_>>(),
        "unlooked": all.unlooked.iter().map(live::unlooked_json).collect::<Vec<_>>(),
        "not_looked_at": all.not_looked_at.iter().map(live::beside_json).collect::<Vec<_>>(),
        "lacking": access::access_lines(&all.lacking, view),
        "unguarded": all.unguarded.iter().map(unshown_json).collect::<Vec<_>>(),
        "unshown": all.unshown.iter().map(unshown_json).collect::<Vec<_>>(),
        "elsewhere": all.elsewhere.iter().map(|(role, buckets)| json!({"role": role, "buckets": buckets})).collect::<Vec<_>>(),
        "cells": all.proofs.iter().zip(cell::subjects(&all.proofs, view)).map(|(proof, name)| cell_json(proof, &name, view)).collect::<Vec<_>>(),
    })
}

fn unshown_json(one: &Unshown) -> Value {
    json!({"object": one.address.to_string(), "part": one.part})
}

fn cell_json(proof: &Proof, name: &str, view: View) -> Value {
    let Proof { cell, party, known, verdict, live, differs } = proof;
    let Cell { principal, via, act, twist, terms, wanted } = cell;
    let external_id = terms.external_id.as_ref().map(|id| if view.show_external_ids { id.clone() } else { MASK.to_owned() });
    json!({
        "principal": principal,
        "party": party,
        "via": via,
        "act": act,
        "twist": twist,
        "terms": {"external_id": external_id, "mfa": terms.mfa, "seconds": terms.seconds, "session_name": terms.session_name,
                  "source_identity": terms.source_identity, "address": terms.address, "at": terms.at.map(instant),
                  "keys": terms.keys},
        "wanted": word(*wanted),
        "verdict": verdict,
        "known": known_json(known),
        "predicted": proof.predicted().map(word),
        "surprise": proof.is_surprise(),
        "live": if live.is_empty() { Value::Null } else { decision::explanation_json(live, view) },
        "differs": differs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "says": format!("{name}: {}", outcome(proof)),
    })
}

fn word(let_in: bool) -> &'static str {
    if let_in { "let-in" } else { "refused" }
}

fn known_json(known: &Known) -> Value {
    match known {
        Known::Called(called) => json!({
            "by": "calls",
            "times": called.times,
            "in_a_row": called.in_a_row,
            "seen": word(called.let_in),
            "request_ids": called.request_ids.iter().take(IDS_MOST).collect::<Vec<_>>(),
            "at": instant(called.at),
            "error": called.error,
        }),
        Known::Simulated { decision, because } => json!({"by": "simulator", "decision": decision, "because": because}),
        Known::Evaluated { because } => json!({"by": "evaluator", "because": because}),
        Known::Unknown { because: Ok(because) } => json!({"by": "nothing", "because": because}),
        Known::Unknown { because: Err(error) } => json!({"by": "nothing", "error": error}),
    }
}

/// The same as cases of JUnit, a suite for each bucket and for roles.
pub fn junit_attestation(all: &Attestation, view: View) -> Vec<Suite> {
    let mut suites: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for (proof, name) in all.proofs.iter().zip(cell::subjects(&all.proofs, view)) {
        let suite = match (&proof.cell.act, &proof.cell.via) {
            (Act::Assume { role }, _) | (_, Some(role)) => access::by_arn(role),
            (act, None) => format!("bucket {}", act.bucket().unwrap_or_default()),
        };
        let message = format!("{} ({})", outcome(proof), how(&proof.known));
        let ended = match proof.verdict {
            Verdict::Holds => Ended::Passed,
            Verdict::Fails => Ended::Failed { message, details: reasons(proof, view) },
            Verdict::Unknown => Ended::Unknown { message, details: Vec::new() },
        };
        let said = if proof.is_surprise() { vec![surprise(proof, view)] } else { vec![how(&proof.known)] };
        suites.entry(suite).or_default().push(Case { name, class: "crossrole.verify", place: None, ended, said });
    }
    let mut suites: Vec<Suite> = suites.into_iter().map(|(name, cases)| Suite { name, cases }).collect();
    suites.push(Suite { name: "what is live".to_owned(), cases: live::cases(all, view) });
    suites
}

/// The same as Markdown of at most so many bytes: how many, then the text between fences, cut at its end.
pub fn attestation_markdown(all: &Attestation, view: View, most: usize) -> String {
    let [holds, fails, unknown] = counts(all);
    let text = attestation(all, View { screen: Screen::default(), ..view });
    let fence = fence(&text);
    let head = format!("### crossrole verify: {holds} as the manifests say, {fails} not, {unknown} not known\n\n{fence}\n");
    let tail = format!("{fence}\n");
    let room = most.saturating_sub(head.len() + tail.len() + CUT.len());
    let mut body = String::new();
    for line in text.lines() {
        if body.len() + line.len() + 1 > room {
            body.push_str(CUT);
            break;
        }
        body.push_str(line);
        body.push('\n');
    }
    format!("{head}{body}{tail}")
}

/// Stands where a text was cut.
const CUT: &str = "… the rest is in the output of the command\n";
