//! `crossrole runner-policy`: the least that a runner needs, account by account, and whether the present one has it.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::Objects;
use crossrole_model::desired::{AccountInfo, ManifestRef};
use crossrole_model::{AccountId, Desired, KeyRef, Observation};
use crossrole_planner::rights::{Purpose, Rights, documents, lock, other_key, rights};
use crossrole_policy::Document;
use crossrole_report::{Line, Tone, json_text_pretty, safe};
use serde_json::{Map, Value, json};

use crate::args::{NameArg, RunnerPolicyArgs, TemplateArg};
use crate::base::Base;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;
use crate::roles::{Role, Roles, Trusted, cloudformation, terraform};
use crate::runner::{Missing, Verdict, is_known, missing};
use crate::session::Session;
use crate::settings::Settings;

pub(crate) async fn run(args: &RunnerPolicyArgs, io: &mut Io) -> Result<Exit, Failure> {
    if args.check {
        let session = Session::open(&args.paths.paths, &args.cloud, io)?;
        return session.ended(check(args, &session, io).await);
    }
    let Loaded { settings, desired, .. } = Loaded::read(&args.paths.paths, &args.cloud.config, io)?;
    let of = Wanted::of(args, &settings, &desired)?;
    let only = of.chosen(&args.account)?;
    unsaid(args, &desired, io);
    if let Some(format) = args.format {
        let roles = roles(args, &of, only.as_ref())?;
        return template(&roles, format, io);
    }
    let all = policies(&of, args.purpose.into(), only.as_ref());
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
            io.out(&format!("account {account} ({}){part}\n\n{}\n\n", of.label(account), crossrole_report::safe_lines(&document.to_json_pretty())));
        }
    }
    Ok(Exit::Clean)
}

/// What runners have to be let, and of what.
struct Wanted<'w> {
    settings: &'w Settings,
    desired: &'w Desired,
    /// What the manifests of another commit say.
    base: Option<Desired>,
    /// Keys that no manifest names.
    keys: &'w [KeyRef],
}

impl<'w> Wanted<'w> {
    fn of(args: &'w RunnerPolicyArgs, settings: &'w Settings, desired: &'w Desired) -> Result<Self, Failure> {
        let read = |reference: &String| Base::read(reference, &args.paths.paths, &args.cloud.config, desired);
        let base = args.base.as_ref().map(read).transpose()?.map(Base::into_desired).transpose()?;
        Ok(Self { settings, desired, base, keys: &args.key })
    }

    /// The manifests whose mark what is theirs carries.
    fn manifests(&self) -> Vec<ManifestRef> {
        let named = |manifest: &&ManifestRef| !self.desired.manifests.iter().any(|of_now| of_now.name == manifest.name);
        let earlier = self.base.iter().flat_map(|base| &base.manifests).filter(named);
        self.desired.manifests.iter().chain(earlier).cloned().collect()
    }

    /// Every account that manifests name, those of the other commit last.
    fn accounts(&self) -> impl Iterator<Item = (&AccountId, &AccountInfo)> {
        self.desired.accounts.iter().chain(self.base.iter().flat_map(|base| &base.accounts))
    }

    /// The accounts of `--account`; `None`: all.
    fn chosen(&self, asked: &[String]) -> Result<Option<BTreeSet<AccountId>>, Failure> {
        let mut found = BTreeSet::new();
        for text in asked {
            let is = |(id, info): &(&AccountId, &AccountInfo)| id.as_str() == text || info.label == *text;
            let accounts: Vec<AccountId> = self.accounts().filter(is).map(|(id, _)| id.clone()).collect();
            if accounts.is_empty() {
                let known: BTreeMap<&AccountId, &str> = self.accounts().map(|(id, info)| (id, info.label.as_str())).collect();
                let known: Vec<String> = known.into_iter().map(|(id, label)| format!("{id} ({label})")).collect();
                return Err(Failure::new(format!("no account of these manifests is `{text}`"), format!("there are {}", known.join(", "))));
            }
            found.extend(accounts);
        }
        Ok((!asked.is_empty()).then_some(found))
    }

    /// Only manifests of the other commit are of it.
    fn is_of_base(&self, account: &AccountId) -> bool {
        !self.desired.accounts.contains_key(account) && self.base.as_ref().is_some_and(|base| base.accounts.contains_key(account))
    }

    fn label(&self, account: &AccountId) -> String {
        let named = self.accounts().find(|(id, _)| *id == account).map(|(_, info)| info.label.as_str());
        // What no manifest speaks of has a key that was asked for, or holds the lock.
        let other = if self.keys.iter().any(|key| key.account() == *account) { "key" } else { "lock" };
        safe(named.unwrap_or(other))
    }
}

/// What runners need, by account; where they write, the lock as well.
fn wanted(purpose: Purpose, of: &Wanted<'_>) -> BTreeMap<AccountId, Rights> {
    let Wanted { settings, desired, base, keys } = of;
    let mut all = rights(desired, purpose);
    for (account, more) in base.iter().flat_map(|base| rights(base, purpose)) {
        all.entry(account).or_default().extend(more);
    }
    for key in *keys {
        all.entry(key.account()).or_default().extend(other_key(key, purpose));
    }
    if let (Purpose::Apply, Some(place)) = (purpose, settings.lock()) {
        all.entry(place.account.clone()).or_default().extend(lock(&place));
    }
    all
}

/// What a runner needs, by account, within the quota of a managed policy each.
fn policies(of: &Wanted<'_>, purpose: Purpose, only: Option<&BTreeSet<AccountId>>) -> BTreeMap<AccountId, Vec<Document>> {
    let manifests = of.manifests();
    let all = wanted(purpose, of).into_iter().filter(|(account, _)| only.is_none_or(|only| only.contains(account)));
    all.map(|(account, rights)| (account, documents(&rights, &manifests))).collect()
}

/// Says what is not in it, since nobody can tell it from the manifests.
fn unsaid(args: &RunnerPolicyArgs, desired: &Desired, io: &mut Io) {
    let scope = crossrole_planner::scope(desired);
    let of_others = scope.buckets.values().any(|bucket| bucket.encryption);
    if args.key.is_empty() && of_others {
        let text = "keys by which others encrypt buckets of these manifests are not in it: their policies stay unknown, unless `--key` names them";
        io.err_lines(&[Line::new(Tone::Advice, 0, "note: ").then([text])]);
    }
}

/// Prints what makes the roles.
fn template(roles: &Roles, format: TemplateArg, io: &mut Io) -> Result<Exit, Failure> {
    for role in roles.made.iter().filter(|role| role.purpose == Purpose::Apply) {
        if role.trusted.iter().any(Trusted::is_before_review) {
            let text = format!("role {} writes, and lets in what nobody has reviewed: whoever may push such a branch", role.name);
            let advice = "pin it to an environment with reviewers, or to a protected branch";
            io.err_lines(&[Line::new(Tone::Warning, 0, "warning: ").then([text]), Line::new(Tone::Advice, 0, "help: ").then([advice.to_owned()])]);
        }
    }
    let text = match format {
        TemplateArg::Terraform => json_text_pretty(&terraform::configuration(roles)) + "\n",
        TemplateArg::Cloudformation => {
            let template = cloudformation::template(roles);
            let text = json_text_pretty(&template) + "\n";
            let count = template.get("Resources").and_then(Value::as_object).map_or(0, Map::len);
            if count > cloudformation::RESOURCES_MOST || text.len() > cloudformation::BYTES_MOST {
                let found = format!(
                    "the template would have {count} resources and {} bytes, over {} or {}",
                    text.len(),
                    cloudformation::RESOURCES_MOST,
                    cloudformation::BYTES_MOST
                );
                return Err(Failure::new(found, "make several, with `--account` for some of the accounts each"));
            }
            if text.len() > cloudformation::BYTES_INLINE {
                io.err(&format!("The template has {} bytes, over {}: upload it to S3 and name it by its URL.\n", text.len(), cloudformation::BYTES_INLINE));
            }
            text
        }
    };
    io.out(&text);
    Ok(Exit::Clean)
}

/// The roles that are asked for, or all mistakes.
fn roles(args: &RunnerPolicyArgs, wanted: &Wanted<'_>, only: Option<&BTreeSet<AccountId>>) -> Result<Roles, Failure> {
    let desired = wanted.desired;
    let of = |purpose: Option<Purpose>| purpose.unwrap_or(args.purpose.into());
    let mut made = Vec::new();
    let mut mistakes = Vec::new();
    for (purpose, usual) in [(Purpose::Plan, "crossrole-plan"), (Purpose::Apply, "crossrole-apply"), (Purpose::Verify, "crossrole-verify")] {
        let trusted: Vec<Trusted> = args.trust.iter().filter(|arg| of(arg.purpose) == purpose).map(|arg| arg.who.clone()).collect();
        let names: Vec<&NameArg> = args.role_name.iter().filter(|arg| of(arg.purpose) == purpose).collect();
        let name = names.last().map_or(usual, |arg| arg.name.as_str()).to_owned();
        if trusted.is_empty() {
            mistakes.extend(names.first().map(|arg| format!("role `{}` is trusted to nobody: `--trust` says nothing of that purpose", arg.name)));
            continue;
        }
        made.push(Role { purpose, name, trusted, policies: policies(wanted, purpose, only) });
    }
    let roles = Roles { made, partition: desired.partition, audience: args.audience.clone(), max_session: args.max_session };
    mistakes.extend(over(&roles, desired));
    if mistakes.is_empty() { Ok(roles) } else { Err(Failure::several(mistakes, "see `crossrole runner-policy --help`")) }
}

/// What AWS would refuse of them.
fn over(roles: &Roles, desired: &Desired) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut names = BTreeSet::new();
    for role in roles.made.iter().filter(|role| !names.insert(role.name.to_ascii_lowercase())) {
        mistakes.push(format!("two roles are called `{}`", role.name));
    }
    for role in &roles.made {
        if role.policies.is_empty() {
            mistakes.push(format!("role `{}` would be made in no account: none of them needs it", role.name));
        }
        for trusted in &role.trusted {
            let Trusted::Role { arn, account } = trusted else { continue };
            if !arn.starts_with(&format!("arn:{}:", roles.partition)) {
                mistakes.push(format!("`{arn}` is not of partition {}, in which these accounts are", roles.partition));
            }
            let own = role.policies.keys().any(|known| known.as_str() == account) && arn.rsplit('/').next() == Some(role.name.as_str());
            if own {
                mistakes.push(format!(
                    "role `{}` of {account} would trust itself: leave that account out with `--account`, and make its role with the pipeline's own trust",
                    role.name
                ));
            }
        }
        for (account, documents) in &role.policies {
            let size = role.trust(roles.partition.as_str(), account.as_str(), &roles.audience).size();
            if size > desired.quotas.trust_policy {
                mistakes.push(format!("the trust of role `{}` would have {size} characters, over {}: trust less", role.name, desired.quotas.trust_policy));
                break;
            }
            if documents.len() > desired.quotas.policies_per_role {
                let text = format!(
                    "role `{}` needs {} policies in {account}, over {}: let several runners share the manifests",
                    role.name,
                    documents.len(),
                    desired.quotas.policies_per_role
                );
                mistakes.push(text);
            }
        }
    }
    mistakes
}

async fn check(args: &RunnerPolicyArgs, session: &Session, io: &mut Io) -> Result<Exit, Failure> {
    let desired = std::sync::Arc::clone(&session.desired);
    let of = Wanted::of(args, &session.settings, &desired)?;
    let mut wanted = wanted(args.purpose.into(), &of);
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
    let names: Vec<String> = of.manifests().into_iter().map(|manifest| manifest.name).collect();
    let declared = std::sync::Arc::clone(&desired);
    let work = move || {
        let estate = Objects::observed(&observed, declared.partition).with_keys(&declared.bucket_keys).estate().under(&controls);
        let answer = |(account, rights): (AccountId, Rights)| {
            let runner = runners.get(&account).filter(|runner| is_known(&estate, &account, runner));
            let missing = runner.map(|runner| (runner.clone(), missing(&estate, &account, runner, &rights, &names)));
            (account, missing)
        };
        wanted.into_iter().map(answer).collect::<Vec<_>>()
    };
    let all = session.computed("checking the runner", work).await?;
    let unread_base = apart.iter().any(|account| of.is_of_base(account));
    let good = !unread_base
        && all.iter().all(|(_, found)| found.as_ref().is_some_and(|(_, missing)| missing.iter().all(|(_, _, verdict, _)| *verdict == Verdict::OfKeys)));
    if args.json {
        let earlier = apart.iter().filter(|account| of.is_of_base(account)).map(|account| (account.to_string(), told(None)));
        io.out_json(&Value::Object(all.iter().map(|(account, found)| (account.to_string(), told(found.as_ref()))).chain(earlier).collect()));
    } else {
        for (account, found) in &all {
            io.out_lines(&said(account, &of.label(account), found.as_ref(), unread.get(account)));
        }
        let unasked = apart.iter().map(|account| {
            let head = format!("account {account} ({}): not checked:", of.label(account));
            if of.is_of_base(account) {
                Line::new(Tone::Error, 0, format!("{head} only manifests of that commit are of it, and it is not read any more"))
            } else {
                Line::plain(0, format!("{head} no manifest is of it"))
            }
        });
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
