//! `crossrole revoke`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossrole_manifest::take_up::{Entry, has_role, labels, with_revoked};
use crossrole_model::proof::{Act, Cell};
use crossrole_model::{AccountId, Address, Desired, Followed, Observed, Partition, Revocation, Severity, Source, Whose};
use crossrole_policy::{Arn, glob};
use crossrole_report::{Line, Tone, safe};

use crate::args::RevokeArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;
use crate::proof;

use super::carried::Carried;
use super::followed::{self, Asked, Ends};
use super::revoking::{Again, Revoking};

/// Seconds from now for which sessions that begin are denied as well: for so long, the trust that let them begin may still be seen
/// (IAM User Guide, "Changes that I make are not always immediately visible", says of no longest time).
const SEEN_WITHIN: i64 = 60;

/// The longest of that, in seconds, where reading and approval take long: until then, whoever may come in gets sessions that are denied.
const SEEN_WITHIN_MOST: i64 = 900;

/// How often it is made anew: once with the ARN that turns out to be meant, once for what took long.
const ATTEMPTS: usize = 3;

pub(crate) async fn run(args: RevokeArgs, io: &mut Io) -> Result<Exit, Failure> {
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
    let exit = carried.out(observed, io).await?;
    io.err_lines(&crossrole_report::passed_over(&args.what, passed_over));
    let exit = if exit == Exit::Clean && !passed_over.is_empty() { Exit::Failed } else { exit };
    if carried.dry_run || !matches!(exit, Exit::Clean | Exit::Failed) {
        return Ok(exit);
    }
    let proved = Box::pin(prove(args, carried, &since, &followed, io)).await?;
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
        followed.lives_on.extend(followed::shared(&carried.session.desired, ends.keys().map(|role| (role, followed::CHAINED))));
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
async fn prove(args: &RevokeArgs, carried: &Carried, since: &str, followed: &Followed, io: &mut Io) -> Result<Exit, Failure> {
    let (view, quiet) = (&carried.apply.planning.view, carried.apply.quiet);
    let mut all = Box::pin(proof::prove(&carried.session, &args.proving, quiet || view.json)).await?;
    let partition = carried.session.desired.partition;
    let gone: Vec<&Whose> = carried.session.desired.revoked.iter().filter(|one| one.since.as_str() >= since).map(|one| &one.whose).collect();
    // What others may do is for `verify`, which asks for all of it.
    all.proofs.retain(|proof| gone.iter().any(|whose| is_about(&proof.cell, whose, partition)));
    if all.proofs.is_empty() {
        io.err_lines(&crossrole_report::untried(&args.what));
    } else if view.json {
        io.out_json(&crossrole_report::attestation_json(&all, super::view(view, io)));
    } else {
        io.out(&format!("\n{}", crossrole_report::attestation(&all, super::view(view, io))));
    }
    let exit = super::verify::exit(&all);
    // Who is in a group may be let in as somebody else.
    all.proofs.retain(|proof| gone.iter().any(|whose| !matches!(whose, Whose::Group { .. }) && is_about(&proof.cell, whose, partition)));
    let still = crossrole_report::still_in(&all);
    io.err_lines(&still);
    let desired = &carried.session.desired;
    io.err_lines(&crossrole_report::lives_on(&desired.revoked, since, followed));
    if view.json {
        let gone = desired.revoked.iter().filter(|one| one.since.as_str() >= since).flat_map(|one| &one.lives_on);
        let lives_on = followed::shared(desired, gone.map(|(role, longest)| (role, *longest)));
        io.out_json(&crossrole_report::revoked_json(&args.what, since, &lives_on, followed, still.len().saturating_sub(1)));
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

/// Whose access, as it was typed.
#[derive(Clone)]
enum What {
    /// One word of a manifest, and its value.
    Named(&'static str, String),
    /// An account by its id.
    Account(AccountId),
    /// The same of somebody of an account: the key, the account, and the name.
    Of {
        /// `user`, `role`, `group` or `permission_set`.
        key: &'static str,
        /// Its account.
        account: AccountId,
        /// Its name, with its path if that was said.
        name: String,
    },
}

impl What {
    fn parse(text: &str) -> Result<Self, Failure> {
        let shown = crossrole_report::safe(text);
        if let Some(id) = AccountId::parse(text) {
            return Ok(Self::Account(id));
        }
        if text.starts_with("arn:") {
            let arn = Arn::parse(text);
            let root = arn.filter(|arn| arn.service == "iam" && arn.resource == "root").and_then(|arn| AccountId::parse(arn.account));
            if let Some(id) = root {
                return Ok(Self::Account(id));
            }
            if arn.is_some_and(|arn| arn.service == "sts") {
                let advice = "name its role as `role/Name`, or whoever opened it; `--session-name` says which sessions are meant";
                return Err(Failure::new(format!("`{shown}` is a session, which is gone by itself"), advice));
            }
            if arn.is_some_and(|arn| arn.service == "iam" && arn.resource.contains("-provider/")) {
                return Err(not_revoked(&shown, "an identity provider"));
            }
            return Ok(Self::Named("principal", text.to_owned()));
        }
        if text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn") {
            return Err(not_revoked(&shown, "a service"));
        }
        if ["o-", "ou-", "r-"].iter().any(|start| text.strip_prefix(start).is_some_and(|id| id.len() >= 4 && id.contains(|c: char| c.is_ascii_digit()))) {
            return Err(not_revoked(&shown, "an organization, or a unit of one"));
        }
        let parts: Vec<&str> = text.splitn(3, '/').collect();
        let good = !parts.iter().any(|part| part.is_empty());
        match parts.as_slice() {
            ["role", name] if good => Ok(Self::Named("role", (*name).to_owned())),
            [label, kind, name] if good => {
                let key = match *kind {
                    "user" => "user",
                    "role" => "role",
                    "group" => "group",
                    "permission-set" => "permission_set",
                    _ => return Err(unknown(&shown)),
                };
                Ok(Self::Named(key, format!("{label}/{name}")))
            }
            [label] if good => Ok(Self::Named("account", (*label).to_owned())),
            _ => Err(unknown(&shown)),
        }
    }

    /// With the account that a label stands for: manifests may have others for it, or none.
    fn known(&self, loaded: &Loaded) -> Result<Self, Failure> {
        let Self::Named(key, text) = self else { return Ok(self.clone()) };
        let (label, name) = match (*key, text.split_once('/')) {
            ("principal", _) | ("role", None) | (_, Some(("trusting", _))) => return Ok(self.clone()),
            (_, Some((label, name))) => (label, Some(name)),
            (_, None) => (text.as_str(), None),
        };
        let all = loaded.sources.iter().flat_map(|source| labels(&source.text).into_iter().map(|one| (one, &source.file)));
        let of: BTreeMap<String, &String> = all.filter(|((one, _), _)| one == label).map(|((_, id), file)| (id, file)).collect();
        if of.len() > 1 {
            let each: Vec<String> = of.iter().map(|(id, file)| format!("`{}` says {}", safe(file), safe(id))).collect();
            let error = format!("`{}` is not the same account in all of these manifests: {}", safe(label), each.join(", "));
            return Err(Failure::new(error, "say the account's id in place of the label, or an ARN"));
        }
        let Some(account) = AccountId::parse(label).or_else(|| of.keys().find_map(|id| AccountId::parse(id))) else { return Ok(self.clone()) };
        Ok(name.map_or_else(|| Self::Account(account.clone()), |name| Self::Of { key, account: account.clone(), name: name.to_owned() }))
    }

    /// How manifests may name it, the likeliest first.
    fn words(&self, text: &str) -> Vec<(&'static str, String)> {
        let own = |account: &AccountId| labels(text).into_iter().find(|(_, of)| of == account.as_str()).map(|(label, _)| label);
        match self {
            Self::Named(key, name) => vec![(*key, name.clone())],
            Self::Account(id) => own(id).into_iter().chain([id.to_string()]).map(|label| ("account", label)).collect(),
            Self::Of { key, account, name } => own(account).into_iter().chain([account.to_string()]).map(|label| (*key, format!("{label}/{name}"))).collect(),
        }
    }

    /// Tells whether a manifest has nothing of that name, and so nothing to say of it: a role is its own.
    fn is_elsewhere(&self, text: &str, loaded: &Loaded) -> bool {
        let Self::Named("role", name) = self else { return false };
        !name.contains('/') && !has_role(text, name) && loaded.sources.iter().any(|source| has_role(&source.text, name))
    }
}

/// What many come in by: nothing tells whose sessions were opened so.
fn not_revoked(shown: &str, what: &str) -> Failure {
    let advice = "take it out of the manifests and run `crossrole apply`, and then `crossrole revoke role/NAME` where sessions have to end";
    Failure::new(format!("`{shown}` is {what}, and `revoke` takes back what a role, a user, a group, a permission set or an account has"), advice)
}

fn unknown(shown: &str) -> Failure {
    let advice = "write `role/Name`, `LABEL/user/Name`, `LABEL/role/Name`, `LABEL/group/Name`, `LABEL/permission-set/Name`, an account, or an ARN";
    Failure::new(format!("`{shown}` says nobody's access"), advice)
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
