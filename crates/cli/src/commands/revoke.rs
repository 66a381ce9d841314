//! `crossrole revoke`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossrole_manifest::take_up::{Entry, labels, with_revoked};
use crossrole_model::access::{AccessChange, AccessDelta, Party};
use crossrole_model::proof::{Act, Cell};
use crossrole_model::{AccountId, Address, Desired, Followed, Observed, Partition, Revocation, Severity, Source, Whose};
use crossrole_policy::{Arn, glob};
use crossrole_report::{Line, Tone, safe};

use crate::args::RevokeArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;
use crate::proof::{self, Looking};

use super::carried::Carried;
use super::followed::{self, Asked, Ends};
use super::meant::What;
use super::revoking::{Again, Revoking};

/// Seconds from now for which sessions that begin are denied as well: for so long, the trust that let them begin may still be seen
/// (IAM User Guide, "Changes that I make are not always immediately visible", says of no longest time).
const SEEN_WITHIN: i64 = 60;

/// The longest of that, in seconds, where reading and approval take long: until then, whoever may come in gets sessions that are denied.
const SEEN_WITHIN_MOST: i64 = 900;

/// How often it is made anew: once with the ARN that turns out to be meant, once for what took long.
const ATTEMPTS: usize = 3;

pub(crate) async fn run(args: RevokeArgs, io: &mut Io) -> Result<Exit, Failure> {
    if args.carrying.view.json {
        io.gather();
    }
    let mut what = What::parse(&args.what)?;
    let mut margin = SEEN_WITHIN;
    for _ in 1..ATTEMPTS {
        let (result, again) = Box::pin(attempt(&args, &what, margin, io)).await?;
        match again {
            Some(Again::Is(arn)) => {
                io.err_lines(&[Line::new(Tone::Kept, 0, "note: ").then([format!("{} is {}", safe(&args.what), safe(&arn))])]);
                what = What::Named("principal", arn);
            }
            // Machines get one plan.
            Some(Again::Late(age)) if margin == SEEN_WITHIN && !args.carrying.view.json => {
                margin = (SEEN_WITHIN + 2 * age).min(SEEN_WITHIN_MOST);
                let text = format!("the plan was {age} seconds old, and is made anew: sessions that begin in the next {margin} seconds are denied as well");
                io.err_lines(&[Line::new(Tone::Kept, 0, "note: ").then([text])]);
            }
            _ => return result,
        }
    }
    Box::pin(attempt(&args, &what, margin, io)).await?.0
}

/// What it came to, and what is known for another attempt: nothing was changed then.
async fn attempt(args: &RevokeArgs, what: &What, margin: i64, io: &mut Io) -> Result<(Result<Exit, Failure>, Option<Again>), Failure> {
    let loaded = Loaded::read(&args.paths, &args.carrying.cloud.config, io)?;
    let what = &what.known(&loaded)?;
    let revoking = Revoking::new(margin, matches!(what, What::Of { .. } | What::Named("user", _)));
    let Edited { texts, since, passed_over } = entries(args, what, &loaded, revoking.until())?;
    let mut carried = Carried::begin(args.paths.clone(), args.carrying.clone(), loaded, texts, io)?;
    carried.revoking = Some(revoking.said(since));
    let result = Box::pin(carry(args, &mut carried, &passed_over, io)).await;
    let again = carried.revoking.as_ref().and_then(Revoking::again);
    Ok((carried.session.ended(result), again))
}

async fn carry(args: &RevokeArgs, carried: &mut Carried, passed_over: &[(String, String)], io: &mut Io) -> Result<Exit, Failure> {
    let Some((since, until)) = carried.revoking.as_ref().map(|revoking| (revoking.since().to_owned(), revoking.until())) else { return Ok(Exit::Failed) };
    let observed = carried.observed().await?;
    if let Some(revoking) = &carried.revoking {
        revoking.is_there(&carried.session.desired, &observed)?;
    }
    let followed = follow(args, carried, &observed, &since, until, io).await?;
    carried.say(io);
    io.err_lines(&crossrole_report::followed(&followed));
    let exit = Box::pin(carried.out(observed, io)).await?;
    io.err_lines(&crossrole_report::passed_over(&args.what, passed_over));
    let exit = if exit == Exit::Clean && !passed_over.is_empty() { Exit::Failed } else { exit };
    if carried.dry_run || !matches!(exit, Exit::Clean | Exit::Failed) {
        return Ok(exit);
    }
    let mut followed = followed;
    let withheld = |role: &Address| carried.revoking.as_ref().is_some_and(|revoking| revoking.is_withheld(role));
    let desired = &carried.session.desired;
    // What is not known to be written is taken for not written.
    let undone = if exit == Exit::Clean {
        followed::not_done(desired, &since, |role| !withheld(role))
    } else {
        let live = carried.observed().await.ok();
        followed::not_done(desired, &since, |role| !withheld(role) && followed::is_done(desired, live.as_ref(), role))
    };
    let exit = if undone.is_empty() { exit } else { Exit::Failed };
    followed.lives_on.extend(undone);
    let proved = Box::pin(prove(args, carried, &since, &followed, exit == Exit::Clean, io)).await?;
    Ok(if exit == Exit::Clean { proved } else { exit })
}

/// Follows sessions to further roles, and writes of those that can be told apart that they end as well.
async fn follow(args: &RevokeArgs, carried: &mut Carried, observed: &Observed, since: &str, until: i64, io: &Io) -> Result<Followed, Failure> {
    let (desired, live, since, identities) = (Arc::clone(&carried.session.desired), observed.clone(), since.to_owned(), args.source_identity.clone());
    let all_sessions = args.all_sessions;
    let work = move || followed::followed(&desired, &live, &Asked { since: &since, all_sessions, identities: &identities });
    let (ends, mut followed) = carried.session.computed("following sessions", work).await?;
    if ends.is_empty() {
        return Ok(followed);
    }
    let mut texts = BTreeMap::new();
    for (role, end) in &ends {
        let Some((file, name)) = made_in(&carried.session.desired, &carried.session.sources, role) else { continue };
        let entry = Entry {
            key: "sessions_of",
            name,
            since: until,
            reason: Some(format!("they may have been opened from sessions of {}", args.what)),
            all_sessions: *end == Ends::All,
            source_identities: if let Ends::Of(some) = end { some.iter().cloned().collect() } else { Vec::new() },
            ..Entry::default()
        };
        let text = texts.get(&file).or_else(|| carried.session.sources.iter().find(|source| source.file == file).map(|source| &source.text));
        let text = text.and_then(|text| with_revoked(text, &entry));
        texts.extend(text.map(|text| (file, text)));
    }
    // A manifest that can't say it keeps nothing else from being taken back.
    if carried.put(texts, io).is_err() {
        let desired = &carried.session.desired;
        followed.lives_on.extend(followed::shared(desired, ends.keys().map(|role| (role, followed::longest(desired, role)))));
    }
    Ok(followed)
}

/// The manifest that makes a role, and what it calls it.
fn made_in(desired: &Desired, sources: &[Source], role: &Address) -> Option<(String, String)> {
    let owner = &desired.objects.get(role)?.owner;
    let file = &desired.manifests.iter().find(|manifest| manifest.name == *owner)?.file;
    let source = sources.iter().find(|source| source.file == *file)?;
    let label = labels(&source.text).into_iter().find(|(_, id)| id == role.account.as_str()).map(|(label, _)| label);
    Some((file.clone(), label.map_or_else(|| role.name.clone(), |label| format!("{label}/{}", role.name))))
}

/// Tries what whoever is meant could do.
async fn prove(args: &RevokeArgs, carried: &Carried, since: &str, followed: &Followed, complete: bool, io: &mut Io) -> Result<Exit, Failure> {
    let (view, quiet) = (&carried.apply.planning.view, carried.apply.quiet);
    let mut all = Box::pin(proof::prove(&carried.session, &args.proving, Looking::AtPolicies, quiet || view.json)).await?;
    let partition = carried.session.desired.partition;
    let gone: Vec<&Whose> = carried.session.desired.revoked.iter().filter(|one| one.since.as_str() >= since).map(|one| &one.whose).collect();
    // What others may do is for `verify`, which asks for all of it.
    all.beyond.changes.retain(|change| gone.iter().any(|whose| may_be_of(change, whose, partition)));
    all.lacking = AccessDelta::default();
    all.unrevoked.retain(|one| gone.contains(&&one.whose));
    all.proofs.retain(|proof| gone.iter().any(|whose| is_about(&proof.cell, whose, partition)));
    if all.proofs.is_empty() {
        io.err_lines(&crossrole_report::untried(&args.what));
    }
    // Nobody's call is needed to see what is live beside the manifests.
    let shown = !all.proofs.is_empty() || !all.beyond.changes.is_empty();
    if shown && view.json {
        io.out_part("proof", crossrole_report::attestation_json(&all, super::view(view, io)));
    } else if shown {
        io.out(&format!("\n{}", crossrole_report::attestation(&all, super::view(view, io))));
    }
    let exit = super::verify::exit(&all);
    // Who is in a group may be let in as somebody else.
    all.proofs.retain(|proof| gone.iter().any(|whose| !matches!(whose, Whose::Group { .. }) && is_about(&proof.cell, whose, partition)));
    let still = crossrole_report::still_in(&all);
    io.err_lines(&still);
    let desired = &carried.session.desired;
    io.err_lines(&crossrole_report::lives_on(&desired.revoked, since, followed, complete));
    if view.json {
        let gone = desired.revoked.iter().filter(|one| one.since.as_str() >= since).flat_map(|one| &one.lives_on);
        let lives_on = followed::shared(desired, gone.map(|(role, longest)| (role, *longest)));
        io.out_part("revoked", crossrole_report::revoked_json(&args.what, since, &lives_on, followed, still.len().saturating_sub(1)));
    }
    Ok(if still.is_empty() { exit } else { Exit::Failed })
}

/// Tells whether a call is made by whom is revoked, or into it.
fn is_about(cell: &Cell, whose: &Whose, partition: Partition) -> bool {
    let role = if let Act::Assume { role } = &cell.act { Some(role) } else { None };
    let of = |account: &AccountId| cell.principal == account.as_str() || Arn::parse(&cell.principal).is_some_and(|arn| arn.account == account.as_str());
    match whose {
        Whose::Role(address) => {
            let is = |arn: &String| {
                Arn::parse(arn).is_some_and(|arn| arn.account == address.account.as_str() && arn.kind_and_name() == Some(("role", address.name.as_str())))
            };
            role.into_iter().chain(&cell.via).any(is)
        }
        // Who is in a group is somebody of its account.
        Whose::Account(account) | Whose::Group { account, .. } => of(account),
        Whose::Principal { arn, .. } => cell.principal == *arn,
        Whose::PermissionSet(set) => set.roles(partition).iter().any(|pattern| glob::is_like(pattern, &cell.principal)),
        // Whoever opens a session anew is let in.
        Whose::Sessions(_) => false,
    }
}

/// Tells whether who gains by a change may be whom is revoked, or comes into the role that is.
pub(super) fn may_be_of(change: &AccessChange, whose: &Whose, partition: Partition) -> bool {
    let party = &change.party;
    let account = match whose {
        Whose::Role(role) => return change.witness.resource.ends_with(&format!(":{}:role/{}", role.account, role.name)),
        Whose::Sessions(_) => return false,
        Whose::Account(account) | Whose::Group { account, .. } => account.as_str(),
        Whose::Principal { arn, .. } => Arn::parse(arn).map_or("", |arn| arn.account),
        Whose::PermissionSet(set) => set.account.as_str(),
    };
    match party {
        Party::AnyOther { .. } | Party::Unsigned => true,
        Party::AnyService | Party::Service { .. } | Party::Tokens { .. } | Party::OfKind { .. } => false,
        Party::AnyOf { .. } | Party::Members { .. } | Party::Named { .. } => party.account() == Some(account),
        Party::Role { arn } | Party::User { arn } => match whose {
            Whose::Principal { arn: of, .. } => of == arn,
            Whose::PermissionSet(set) => set.roles(partition).iter().any(|pattern| glob::is_like(pattern, arn)),
            _ => party.account() == Some(account),
        },
    }
}

/// New texts of manifests, by file.
struct Edited {
    texts: BTreeMap<String, String>,
    since: String,
    /// Manifests in which it can't be said, with why.
    passed_over: Vec<(String, String)>,
}

/// The manifests that let it in, each with an entry.
fn entries(args: &RevokeArgs, what: &What, loaded: &Loaded, since: i64) -> Result<Edited, Failure> {
    let entry = Entry {
        since,
        reason: args.reason.clone(),
        all_sessions: args.all_sessions,
        session_names: args.session_name.clone(),
        source_identities: args.source_identity.clone(),
        ..Entry::default()
    };
    let mut edited = Edited { texts: BTreeMap::new(), since: entry.since(), passed_over: Vec::new() };
    let mut mistake = None;
    for at in 0..loaded.sources.len() {
        let Some(source) = loaded.sources.get(at).filter(|source| !what.is_elsewhere(&source.text, loaded)) else { continue };
        let mut why = None;
        let mut said = false;
        for (key, name) in what.words(&source.text) {
            match one(loaded, at, &Entry { key, name, ..entry.clone() })? {
                Said::Entry(text) => {
                    edited.texts.insert(source.file.clone(), text);
                    said = true;
                    break;
                }
                Said::Nothing => said = true,
                Said::Mistake(first, text) => {
                    why.get_or_insert(first);
                    mistake.get_or_insert(text);
                }
            }
        }
        edited.passed_over.extend(why.filter(|_| !said).map(|why| (source.file.clone(), why)));
    }
    if !edited.texts.is_empty() {
        return Ok(edited);
    }
    if let Some(text) = mistake {
        return Err(Failure::new("this can't be said in the manifest, and nothing was changed:", "").with(&text));
    }
    let shown = safe(&args.what);
    let advice = "name it as a manifest does, and give all manifests that may let it in; nothing was changed";
    Err(Failure::new(format!("nothing in these manifests lets `{shown}` in"), advice))
}

/// What an entry comes to in a manifest.
enum Said {
    /// Its text with it.
    Entry(String),
    /// It lets nobody of that in.
    Nothing,
    /// It can't be said there: the first reason, and all of them.
    Mistake(String, String),
}

fn one(loaded: &Loaded, at: usize, entry: &Entry) -> Result<Said, Failure> {
    let mut sources = loaded.sources.clone();
    let Some(source) = sources.get_mut(at) else { return Ok(Said::Nothing) };
    let file = source.file.clone();
    let Some(text) = with_revoked(&source.text, entry) else {
        let why = "`revoked` does not stand where it can be changed".to_owned();
        return Ok(Said::Mistake(why.clone(), why));
    };
    source.text.clone_from(&text);
    let (desired, findings) = crossrole_manifest::load_in(&sources, &loaded.settings.surroundings()?);
    let Some(desired) = desired else {
        let first = findings.iter().find(|finding| finding.severity == Severity::Error).map(|finding| finding.message.clone());
        let text = crossrole_report::findings_on(&findings, &sources, crossrole_report::Screen::default());
        return Ok(Said::Mistake(first.unwrap_or_default(), text));
    };
    // It is the last of its file. What it is joined with may have a later instant.
    let last = desired.revoked.iter().filter(|one| one.place.file == file).map(|one| one.place.span).next_back();
    let is = |one: &Revocation| one.place.file == file && Some(one.place.span) == last && one.concerns;
    Ok(if desired.revoked.iter().any(is) { Said::Entry(text) } else { Said::Nothing })
}
