//! `crossrole audit`: every way into accounts from outside, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossrole_audit::Asked;
use crossrole_model::audit::{Audit, AuditScope, Audited, Object};
use crossrole_model::desired::AccountInfo;
use crossrole_model::graph::Graph;
use crossrole_model::{AccountId, Address, Desired, DesiredState, KeyRef, Kind, Span};
use crossrole_policy::Arn;
use crossrole_report::{AuditJson, View};

use crate::args::{AuditArgs, ReportFormat};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;
use crate::reports;
use crate::session::Session;
use crate::settings::Settings;
use crate::stop::reading;

/// The folder of manifests, unless said otherwise.
const MANIFESTS: &str = "manifests";

pub(crate) async fn run(args: &AuditArgs, io: &mut Io) -> Result<Exit, Failure> {
    if args.list_rules {
        io.out(&crossrole_report::audit_reference());
        return Ok(Exit::Clean);
    }
    let paths = paths(args);
    reports::apart_from_settings(&args.report, &args.cloud.config, &[&args.cloud.sandbox_state])?;
    reports::apart_from_paths(&args.report, &paths)?;
    let (loaded, accounts) = loaded(args, &paths, io)?;
    let session = Session::of(loaded, &args.cloud, io)?;
    session.ended(audited(args, &session, &accounts, io).await)
}

/// Where no manifest is named, those of the usual folder; with accounts by their ids, where it is there.
fn paths(args: &AuditArgs) -> Vec<PathBuf> {
    let usual = Path::new(MANIFESTS);
    match args.paths.as_slice() {
        [] if args.account.is_empty() || usual.is_dir() => vec![usual.to_owned()],
        named => named.to_vec(),
    }
}

/// The accounts that are audited, with their labels, and those that are one's own.
struct Accounts {
    audited: BTreeMap<AccountId, String>,
    own: BTreeSet<AccountId>,
}

fn loaded(args: &AuditArgs, paths: &[PathBuf], io: &mut Io) -> Result<(Loaded, Accounts), Failure> {
    let mut loaded = Loaded::read(paths, &args.cloud.config, io)?;
    let Loaded { settings, desired, .. } = &mut loaded;
    let listed = settings.directory().map(|source| crossrole_manifest::listed(source).0).unwrap_or_default();
    let mut known: BTreeMap<AccountId, String> = listed.into_iter().map(|one| (one.id, one.label)).collect();
    known.extend(desired.accounts.iter().filter(|(_, info)| info.managed).map(|(id, info)| (id.clone(), info.label.clone())));
    let mut audited = known.clone();
    if !args.account.is_empty() {
        audited = named(&args.account)?.into_iter().map(|id| (id.clone(), known.get(&id).cloned().unwrap_or_default())).collect();
    }
    if audited.is_empty() {
        return Err(Failure::new("there is no account to audit", "name one with `--account`, or a manifest"));
    }
    let own = known.into_keys().chain(audited.keys().cloned()).chain(settings.audit_own_accounts()).collect();
    for (id, label) in &audited {
        // How they are reached is asked for with those of manifests.
        let info = AccountInfo { label: label.clone(), trusting: false, managed: true, left: true, fills: BTreeMap::new() };
        desired.accounts.entry(id.clone()).or_insert(info);
    }
    if paths.is_empty() {
        let Loaded { settings, desired, sources } = loaded;
        let settings = settings.without_labels_beside(&desired);
        return Ok((Loaded { settings, desired, sources }, Accounts { audited, own }));
    }
    Ok((loaded, Accounts { audited, own }))
}

fn named(ids: &[String]) -> Result<Vec<AccountId>, Failure> {
    let wrong: Vec<String> = ids.iter().filter(|id| AccountId::parse(id).is_none()).map(|id| format!("`{id}` is not an account id")).collect();
    if wrong.is_empty() {
        Ok(ids.iter().filter_map(|id| AccountId::parse(id)).collect())
    } else {
        Err(Failure::several(wrong, "an account id has exactly 12 digits"))
    }
}

async fn audited(args: &AuditArgs, session: &Session, accounts: &Accounts, io: &mut Io) -> Result<Exit, Failure> {
    let scope = AuditScope { accounts: accounts.audited.keys().cloned().collect(), regions: regions(&session.settings, &session.desired) };
    let read = {
        let mut work = std::pin::pin!(session.aws.audit(&scope));
        session.stops.or(&mut work).await.map_err(|stop| stop.while_(&reading(&session.aws.under_way())))?
    };
    let drawn = args.report.iter().any(|report| report.format == ReportFormat::Html);
    let (audit, picture) = found(session, accounts, read, drawn).await?;
    let view = View { show_external_ids: args.show_external_ids, screen: io.out_screen(), ..View::default() };
    write(args, session, &audit, &picture, view)?;
    if args.json {
        io.out_json(&AuditJson { audit: &audit, view });
    } else {
        io.out_lines(&crossrole_report::audit_lines(&audit, view));
    }
    Ok(match (audit.is_incomplete(), audit.issues.is_empty()) {
        (true, _) => Exit::Failed,
        (false, false) if args.detailed_exitcode => Exit::Changes,
        (false, _) => Exit::Clean,
    })
}

/// Those of the partition, of the settings, and of the keys that manifests speak of.
fn regions(settings: &Settings, desired: &Desired) -> BTreeSet<String> {
    let of_keys = desired.objects.values().filter_map(|object| match &object.state {
        DesiredState::KeyPolicy { key, .. } => Some(key.region().to_owned()),
        _ => None,
    });
    let of_buckets = desired.bucket_keys.values().map(|key| key.key.region().to_owned());
    settings.audit_regions().into_iter().chain([desired.partition.home_region().to_owned()]).chain(of_keys).chain(of_buckets).collect()
}

async fn found(session: &Session, accounts: &Accounts, read: Audited, drawn: bool) -> Result<(Audit, Graph), Failure> {
    let (desired, controls) = (Arc::clone(&session.desired), session.settings.controls(&session.desired)?);
    let (limits, suppressions) = (session.settings.audit_limits(), session.settings.audit_suppressions());
    let (own, labels, now) = (accounts.own.clone(), accounts.audited.clone(), super::validate::now());
    let organizations = session.settings.audit_own_organizations();
    let work = move || {
        let asked = Asked {
            audited: &read,
            desired: &desired,
            controls: &controls,
            limits,
            suppressions: &suppressions,
            own: &own,
            own_organizations: &organizations,
            labels: &labels,
            now,
        };
        let audit = crossrole_audit::audit(&asked);
        let picture = if drawn { crossrole_audit::picture(&audit) } else { Graph::default() };
        (audit, picture)
    };
    session.computed("looking for ways in", work).await
}

/// Writes the files of `--report`.
fn write(args: &AuditArgs, session: &Session, audit: &Audit, picture: &Graph, view: View) -> Result<(), Failure> {
    for report in &args.report {
        let text = match report.format {
            ReportFormat::Csv => crossrole_report::audit_csv(audit, view),
            ReportFormat::Html => crossrole_report::audit_html(audit, picture, view),
            ReportFormat::Sarif => sarif(&args.cloud.config, session, audit, view),
            // The others are not taken by `audit_report`.
            _ => {
                reports::write_json(report, &AuditJson { audit, view })?;
                continue;
            }
        };
        reports::write(report, &text)?;
    }
    Ok(())
}

/// A finding stands where a manifest declares its object; of others, at the settings, where it is suppressed.
fn sarif(config: &Path, session: &Session, audit: &Audit, view: View) -> String {
    let settings = config.display().to_string();
    let place = |object: &Object| -> (String, Option<Span>) {
        let places = addresses(object).into_iter().find_map(|address| session.desired.places.get(&address)?.first().cloned());
        places.map_or_else(|| (settings.clone(), None), |place| (place.file, Some(place.span)))
    };
    reports::json(&crossrole_report::audit_sarif(audit, &place, &session.sources, view))
}

/// What manifests may call an object.
fn addresses(object: &Object) -> Vec<Address> {
    let of_arn = |arn: &str, kind: Kind| {
        let account = Arn::parse(arn).and_then(|arn| AccountId::parse(arn.account));
        account.map(|account| Address::new(&account, kind, arn.rsplit('/').next().unwrap_or(arn))).into_iter().collect()
    };
    match object {
        Object::Role { arn } => of_arn(arn, Kind::Role),
        Object::User { arn } => of_arn(arn, Kind::User),
        Object::Bucket { account, name } => vec![Address::new(account, Kind::Bucket, name), Address::new(account, Kind::BucketPolicy, name)],
        Object::Key { arn } => KeyRef::parse(arn).map(|key| Address::new(&key.account(), Kind::KeyPolicy, key.name())).into_iter().collect(),
        Object::Account { .. } | Object::Region { .. } | Object::Trail { .. } => Vec::new(),
    }
}
