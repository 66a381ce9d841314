//! `crossrole force-unlock`.

use crossrole_applier::lock;
use crossrole_model::desired::AccountInfo;
use crossrole_model::{Desired, LockId, Partition};

use crate::args::ForceUnlockArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;
use crate::lock::failed;
use crate::session::Session;
use crate::settings::Settings;

pub(crate) async fn run(args: &ForceUnlockArgs, io: &mut Io) -> Result<Exit, Failure> {
    let Some(id) = LockId::parse(&args.id) else {
        return Err(Failure::new(format!("`{}` is no id of a lock", args.id), "an id has 32 digits, of 0 to 9 and a to f: whoever is kept out is told it"));
    };
    let settings = Settings::read(&args.cloud.config)?;
    let Some(place) = settings.lock() else {
        return Err(Failure::new(format!("settings `{}` have no `[lock]`", args.cloud.config.display()), "name the settings that have it with `--config`"));
    };
    let info = |label: String| AccountInfo { label, trusting: false, managed: true, left: false, fills: std::collections::BTreeMap::new() };
    let listed = settings.directory().map(crossrole_manifest::listed).unwrap_or_default().0;
    let mut desired = Desired { partition: Partition::of_region(&place.region), ..Desired::default() };
    desired.accounts = listed.into_iter().map(|one| (one.id, info(one.label))).collect();
    desired.accounts.entry(place.account.clone()).or_insert_with(|| info("lock".to_owned()));
    // Labels of manifests are of no account that is reached here.
    let settings = settings.without_labels_beside(&desired);
    let session = Session::of(Loaded { settings, desired, sources: Vec::new() }, &args.cloud, io)?;
    session.ended(unlock(args, &id, &session, io).await)
}

async fn unlock(args: &ForceUnlockArgs, id: &LockId, session: &Session, io: &mut Io) -> Result<Exit, Failure> {
    let Some(place) = session.settings.lock() else { return Ok(Exit::Clean) };
    let reading = |stop: crate::stop::Stop| stop.while_("reading the lock");
    let store = session.stops.or(session.aws.locks(&place)).await.map_err(reading)?;
    let store = store.map_err(|error| failed(&crossrole_model::lock::LockError::Cloud(error), &place))?;
    let (table, at) = session.stops.or(lock::look(&store)).await.map_err(reading)?.map_err(|error| failed(&error, &place))?;
    let Some(lock) = table.get(id) else {
        let all: Vec<_> = table.locks().cloned().collect();
        let error = format!("there is no lock {id}{}", if all.is_empty() { ", and no other" } else { "; there are:" });
        return Err(Failure::new(error, "the run that held it has ended, or another id was meant").with(&crossrole_report::locks(&all, at)));
    };
    io.err_lines(&crossrole_report::lock_lines(lock, at));
    if !args.auto_approve {
        let question = "Remove this lock? A run that still holds it goes on until it finds out, up to a third of the time that it holds.";
        let approved = io.approve(question, "nobody is there to approve this");
        session.stops.or_person(approved).await.map_err(|stop| stop.while_("waiting for approval"))??;
    }
    let removed = session.stops.or(lock::release(&store, id, &LockId::fresh(), false)).await;
    let removed = removed.map_err(|stop| stop.while_("removing the lock"))?.map_err(|error| failed(&error, &place))?;
    io.out(if removed { "Removed.\n" } else { "It is gone by itself meanwhile.\n" });
    Ok(Exit::Clean)
}
