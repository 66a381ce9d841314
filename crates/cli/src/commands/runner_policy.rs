//! `crossrole runner-policy`: the least that a runner needs, account by account, and whether the present one has it.

use std::collections::BTreeMap;

use crossrole_access::Objects;
use crossrole_model::{AccountId, Desired, Observation};
use crossrole_planner::rights::{Purpose, Rights, documents, lock, rights};
use crossrole_policy::Document;
use crossrole_report::{Line, Tone, safe};
use serde_json::{Map, Value, json};

use crate::args::{PurposeArg, RunnerPolicyArgs};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;
use crate::runner::{Missing, Verdict, is_known, missing};
use crate::session::Session;
use crate::settings::Settings;

pub(crate) async fn run(args: &RunnerPolicyArgs, io: &mut Io) -> Result<Exit, Failure> {
    if args.check {
        let session = Session::open(&args.paths.paths, &args.cloud, io)?;
        return session.ended(check(args, &session, io).await);
    }
    let Loaded { settings, desired, .. } = Loaded::read(&args.paths.paths, &args.cloud.config, io)?;
    let all: Vec<(AccountId, Vec<Document>)> =
        wanted(args, &settings, &desired)?.into_iter().map(|(account, rights)| (account, documents(&rights, &desired.manifests))).collect();
    if args.json {
        let value = |document: &Document| serde_json::to_value(document).unwrap_or(Value::Null);
        let accounts: Map<String, Value> =
            all.iter().map(|(account, documents)| (account.to_string(), json!({ "policies": documents.iter().map(value).collect::<Vec<_>>() }))).collect();
        io.out_json(&Value::Object(accounts));
        return Ok(Exit::Clean);
    }
    for (account, documents) in &all {
        let several = documents.len() > 1;
        for (number, document) in (1..).zip(documents) {
            let part = if several { format!(", policy {number} of {}", documents.len()) } else { String::new() };
            io.out(&format!("account {account} ({}){part}\n\n{}\n\n", label(&desired, account), crossrole_report::safe_lines(&document.to_json_pretty())));
        }
    }
    Ok(Exit::Clean)
}

/// What runners need, by account; where they write, the lock as well.
fn wanted(args: &RunnerPolicyArgs, settings: &Settings, desired: &Desired) -> Result<BTreeMap<AccountId, Rights>, Failure> {
    let purpose = purpose(args);
    let mut all = rights(desired, purpose);
    if let (Purpose::Apply, Some(place)) = (purpose, settings.lock()?) {
        all.entry(place.account.clone()).or_default().extend(lock(&place));
    }
    Ok(all)
}

fn purpose(args: &RunnerPolicyArgs) -> Purpose {
    match args.purpose {
        PurposeArg::Plan => Purpose::Plan,
        PurposeArg::Apply => Purpose::Apply,
    }
}

fn label(desired: &Desired, account: &AccountId) -> String {
    // What no manifest speaks of holds the lock.
    safe(desired.accounts.get(account).map_or("lock", |info| info.label.as_str()))
}

async fn check(args: &RunnerPolicyArgs, session: &Session, io: &mut Io) -> Result<Exit, Failure> {
    let desired = std::sync::Arc::clone(&session.desired);
    let mut wanted = wanted(args, &session.settings, &desired)?;
    let scope = crossrole_planner::scope(&desired);
    // Whoever reaches the lock in an account of its own need not read that account.
    let apart: Vec<AccountId> = wanted.keys().filter(|account| !scope.accounts.contains_key(*account)).cloned().collect();
    wanted.retain(|account, _| !apart.contains(account));
    let observed = session.observe(&scope).await?;
    let controls = session.settings.controls(&desired)?;
    let runners = observed.runners.clone();
    let unread: BTreeMap<AccountId, String> = observed
        .accounts
        .iter()
        .filter_map(|(account, state)| if let Observation::Unreadable(why) = state { Some((account.clone(), why.to_string())) } else { None })
        .collect();
    let names: Vec<String> = desired.manifests.iter().map(|manifest| manifest.name.clone()).collect();
    let work = move || {
        let estate = Objects::observed(&observed, desired.partition).with_keys(&desired.bucket_keys).estate().under(&controls);
        let answer = |(account, rights): (AccountId, Rights)| {
            let runner = runners.get(&account).filter(|runner| is_known(&estate, &account, runner));
            let missing = runner.map(|runner| (runner.clone(), missing(&estate, &account, runner, &rights, &names)));
            (account, missing)
        };
        wanted.into_iter().map(answer).collect::<Vec<_>>()
    };
    let all = session.computed("checking the runner", work).await?;
    let good = all.iter().all(|(_, found)| found.as_ref().is_some_and(|(_, missing)| missing.iter().all(|(_, _, verdict, _)| *verdict == Verdict::OfKeys)));
    if args.json {
        io.out_json(&Value::Object(all.iter().map(|(account, found)| (account.to_string(), told(found.as_ref()))).collect()));
    } else {
        for (account, found) in &all {
            io.out_lines(&said(account, &label(&session.desired, account), found.as_ref(), unread.get(account)));
        }
        let unasked = apart.iter().map(|account| Line::plain(0, format!("account {account} (lock): not checked: no manifest is of it")));
        io.out_lines(&unasked.collect::<Vec<_>>());
    }
    Ok(if good { Exit::Clean } else { Exit::Failed })
}

fn said(account: &AccountId, label: &str, found: Option<&(String, Vec<Missing>)>, unread: Option<&String>) -> Vec<Line> {
    let head = format!("account {account} ({label})");
    let Some((runner, missing)) = found else {
        let why = unread.map_or_else(|| "the runner's own policies were not read".to_owned(), |why| safe(why));
        return vec![Line::new(Tone::Error, 0, format!("{head}: not checked: {why}"))];
    };
    let denied: Vec<&Missing> = missing.iter().filter(|(_, _, verdict, _)| *verdict != Verdict::OfKeys).collect();
    let mut lines = vec![if denied.is_empty() {
        Line::new(Tone::Added, 0, format!("{head}: {} may do all of it", safe(runner)))
    } else {
        Line::new(Tone::Error, 0, format!("{head}: {} may not do {} of it", safe(runner), denied.len()))
    }];
    for (action, resource, verdict, because) in &denied {
        let word = if *verdict == Verdict::Unread { "not known whether it may" } else { "it may not" };
        lines.push(Line::plain(2, format!("{word} {} on {}: {}", safe(action), safe(resource), safe(because))));
    }
    let of_keys = missing.len() - denied.len();
    if of_keys > 0 {
        lines.push(Line::plain(2, format!("not checked: {of_keys} actions on keys that have no names yet, which decide by their own policies as well")));
    }
    lines
}

fn told(found: Option<&(String, Vec<Missing>)>) -> Value {
    let Some((runner, missing)) = found else { return json!({ "checked": false }) };
    let list = |wanted: Verdict| -> Vec<Value> {
        let of = missing.iter().filter(|(_, _, verdict, _)| *verdict == wanted);
        of.map(|(action, resource, _, because)| json!({ "action": action, "resource": resource, "because": because })).collect()
    };
    json!({ "checked": true, "runner": runner, "denied": list(Verdict::Denied), "unknown": list(Verdict::Unread), "not_checked": list(Verdict::OfKeys) })
}
