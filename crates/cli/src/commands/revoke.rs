//! `crossrole revoke`.

use std::collections::BTreeMap;

use crossrole_manifest::take_up::{Entry, labels, with_revoked};
use crossrole_model::proof::{Act, Cell};
use crossrole_model::{AccountId, Partition, Whose};
use crossrole_policy::{Arn, glob};

use crate::args::RevokeArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;
use crate::proof;

use super::carried::Carried;
use super::validate::now;

/// Seconds from now for which sessions that begin are denied as well: for so long, the trust that let them begin may still be seen
/// (IAM User Guide, "Changes that I make are not always immediately visible", says of no longest time).
const SEEN_WITHIN: i64 = 60;

pub(crate) async fn run(args: RevokeArgs, io: &mut Io) -> Result<Exit, Failure> {
    let what = What::parse(&args.what)?;
    let loaded = Loaded::read(&args.paths, &args.carrying.cloud.config, io)?;
    let edited = entries(&args, &what, &loaded)?;
    let since = edited.since.clone();
    let carried = Carried::begin(args.paths, args.carrying, loaded, edited.texts, io)?;
    let proved = async {
        let exit = carried.out(io).await?;
        if carried.dry_run || !matches!(exit, Exit::Clean | Exit::Failed) {
            return Ok(exit);
        }
        let (view, quiet) = (&carried.apply.planning.view, carried.apply.quiet);
        let mut all = Box::pin(proof::prove(&carried.session, &args.proving, quiet || view.json)).await?;
        let partition = carried.session.desired.partition;
        let gone: Vec<&Whose> = carried.session.desired.revoked.iter().filter(|one| one.since == since).map(|one| &one.whose).collect();
        // What others may do is for `verify`, which asks for all of it.
        all.proofs.retain(|proof| gone.iter().any(|whose| is_about(&proof.cell, whose, partition)));
        if all.proofs.is_empty() {
            io.err_lines(&crossrole_report::untried(&args.what));
        } else if view.json {
            io.out_json(&crossrole_report::attestation_json(&all, super::view(view, io)));
        } else {
            io.out(&format!("\n{}", crossrole_report::attestation(&all, super::view(view, io))));
        }
        io.err_lines(&crossrole_report::lives_on(&carried.session.desired.revoked, &since));
        Ok(if exit == Exit::Clean { super::verify::exit(&all) } else { exit })
    };
    let result = Box::pin(proved).await;
    carried.session.ended(result)
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
    }
}

/// Whose access, as it was typed.
enum What {
    /// One word of a manifest, and its value.
    Named(&'static str, String),
    /// An account by its id.
    Account(AccountId),
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
            return Ok(Self::Named("principal", text.to_owned()));
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
}

fn unknown(shown: &str) -> Failure {
    let advice = "write `role/Name`, `LABEL/user/Name`, `LABEL/role/Name`, `LABEL/group/Name`, `LABEL/permission-set/Name`, an account, or an ARN";
    Failure::new(format!("`{shown}` says nobody's access"), advice)
}

/// New texts of manifests, by file.
struct Edited {
    texts: BTreeMap<String, String>,
    since: String,
}

/// The manifests that let it in, each with an entry.
fn entries(args: &RevokeArgs, what: &What, loaded: &Loaded) -> Result<Edited, Failure> {
    let surroundings = loaded.settings.surroundings()?;
    let since = now() + SEEN_WITHIN;
    let mut texts = BTreeMap::new();
    let mut instant = String::new();
    for (at, source) in loaded.sources.iter().enumerate() {
        for (key, name) in words(what, &source.text) {
            let entry = Entry {
                key,
                name,
                since,
                reason: args.reason.clone(),
                all_sessions: args.all_sessions,
                session_names: args.session_name.clone(),
                source_identities: args.source_identity.clone(),
            };
            instant = entry.since();
            let Some(text) = with_revoked(&source.text, &entry) else { continue };
            let mut sources = loaded.sources.clone();
            if let Some(source) = sources.get_mut(at) {
                source.text.clone_from(&text);
            }
            let (desired, findings) = crossrole_manifest::load_in(&sources, &surroundings);
            let Some(desired) = desired else {
                // What it names may be of another manifest; a mistake in what was typed is one in all.
                if loaded.sources.len() == 1 {
                    let text = crossrole_report::findings_on(&findings, &sources, crossrole_report::Screen::default());
                    return Err(Failure::new("this can't be said in the manifest, and nothing was changed:", "").with(&text));
                }
                continue;
            };
            if desired.revoked.iter().any(|one| one.place.file == source.file && one.since == instant && one.concerns) {
                texts.insert(source.file.clone(), text);
            }
        }
    }
    if texts.is_empty() {
        let shown = crossrole_report::safe(&args.what);
        let advice = "name it as a manifest does, and give all manifests that may let it in; nothing was changed";
        return Err(Failure::new(format!("nothing in these manifests lets `{shown}` in"), advice));
    }
    Ok(Edited { texts, since: instant })
}

/// What a manifest calls it.
fn words(what: &What, text: &str) -> Vec<(&'static str, String)> {
    match what {
        What::Named(key, name) => vec![(*key, name.clone())],
        What::Account(id) => labels(text).into_iter().filter(|(_, of)| of == id.as_str()).map(|(label, _)| ("account", label)).collect(),
    }
}
