//! `crossrole graph`: who reaches what, as a picture.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crossrole_access::{Controls, Objects, picture, picture_between, picture_of};
use crossrole_model::graph::{Basis, Graph, Thing};
use crossrole_model::{Address, Cause, Desired, DesiredState, KeyRef, Kind, Observation, Observed, Plan, Source, Subject, Unreadable};
use crossrole_planner::Options;
use crossrole_report::{GraphFormat, View};

use super::plan::{make, sides};
use super::reviewed;
use crate::args::{GraphArgs, GraphFormatArg, GraphFromArg, GuardArgs, Report, ReportFormat};
use crate::failure::{Exit, Failure};
use crate::guard::Gate;
use crate::io::Io;
use crate::load::Loaded;
use crate::reports;
use crate::session::Session;

pub(crate) async fn run(args: &GraphArgs, io: &mut Io) -> Result<Exit, Failure> {
    let (graph, sources) = drawn(args, io).await?;
    let view = View { show_external_ids: args.show_external_ids, ..View::default() };
    let format = match args.format {
        GraphFormatArg::Mermaid => GraphFormat::Mermaid,
        GraphFormatArg::Dot => GraphFormat::Dot,
        GraphFormatArg::Svg => GraphFormat::Svg,
        GraphFormatArg::Html => GraphFormat::Html,
    };
    let text = crossrole_report::graph(&graph, format, view);
    match &args.out {
        None => io.out(&text),
        Some(file) => write(file, &text, &sources)?,
    }
    Ok(Exit::Clean)
}

fn write(file: &Path, text: &str, sources: &[Source]) -> Result<(), Failure> {
    reports::apart_from(&[Report { format: ReportFormat::Html, file: file.to_owned() }], sources)?;
    crate::place::create(file, None)
        .and_then(|mut to| std::io::Write::write_all(&mut to, text.as_bytes()))
        .map_err(|e| Failure::new(format!("picture `{}` can't be written: {e}", file.display()), "check that its folder is there, and its permissions"))
}

async fn drawn(args: &GraphArgs, io: &mut Io) -> Result<(Graph, Vec<Source>), Failure> {
    if let Some(reviewed::Reviewed { plan, places: _ }) = reviewed::read(&args.paths)? {
        if args.from != GraphFromArg::Manifest {
            return Err(Failure::new("a saved plan is drawn as it was saved", "leave `--from` out, or name the manifests"));
        }
        return Ok((saved(&plan)?, Vec::new()));
    }
    if args.from == GraphFromArg::Manifest {
        let Loaded { settings, desired, sources } = Loaded::read(&args.paths, &args.cloud.config, io)?;
        let estate = Objects::desired(&desired).estate().under(&settings.controls(&desired)?);
        return Ok((named(picture(&estate, Basis::Manifests), &desired), sources));
    }
    let session = Session::open(&args.paths, &args.cloud, io)?;
    let graph = session.ended(if args.from == GraphFromArg::Live { live(&session).await } else { planned(&session).await })?;
    Ok((graph, session.sources))
}

async fn live(session: &Session) -> Result<Graph, Failure> {
    let desired = Arc::clone(&session.desired);
    let observed = session.observe(&crossrole_planner::scope(&desired)).await?;
    let controls = session.settings.controls(&desired)?;
    let work = move || {
        let estate = Objects::observed(&observed, desired.partition).with_keys(&desired.bucket_keys).estate().under(&controls);
        unread(named(picture(&estate, Basis::Live), &desired), &observed)
    };
    session.computed("drawing", work).await
}

async fn planned(session: &Session) -> Result<Graph, Failure> {
    let made = make(session, &Options::default(), &GuardArgs::default(), &Gate::none(), None).await?;
    let (desired, controls) = (Arc::clone(&session.desired), session.settings.controls(&session.desired)?);
    session.computed("drawing", move || between(&made.plan, &made.observed, &desired, &controls)).await
}

/// What a plan changes, and what stays as it is beside that; where it changes nothing, beside what the manifests declare.
pub(super) fn between(plan: &Plan, observed: &Observed, desired: &Desired, controls: &Controls) -> Graph {
    let [before, after] = sides(plan, desired, observed, controls);
    let delta = plan.access.clone().unwrap_or_default();
    let nothing = delta.changes.is_empty() && delta.undecided.is_empty();
    let about = if nothing { declared(desired, observed) } else { BTreeSet::new() };
    unread(named(picture_between(&before, &after, &delta, &about), desired), observed)
}

/// Of a plan that was saved.
fn saved(plan: &Plan) -> Result<Graph, Failure> {
    let Some(delta) = &plan.access else {
        return Err(Failure::new("this plan does not say who gains and who loses", "plan again with `crossrole plan --out`"));
    };
    let mut graph = picture_of(delta);
    graph.manifests = plan.manifests.iter().map(|manifest| manifest.name.clone()).collect();
    graph.accounts = plan.accounts.iter().map(|(id, info)| (id.clone(), info.label.clone())).collect();
    for withheld in &plan.withheld {
        let (Subject::Account { account, .. } | Subject::Object(Address { account, .. }), Cause::Unreadable(why)) = (&withheld.subject, &withheld.cause) else {
            continue;
        };
        let thing = match &withheld.subject {
            Subject::Object(address) => object(plan, address),
            _ => Some(Thing::Account(account.clone())),
        };
        if let Some(thing) = thing {
            add(&mut graph, thing, Some(account.to_string()), why);
        }
    }
    Ok(graph)
}

/// The thing that an object is of; none of those that are no end of a line.
fn object(plan: &Plan, address: &Address) -> Option<Thing> {
    match address.kind {
        Kind::Bucket | Kind::BucketPolicy => Some(Thing::Bucket(address.name.clone())),
        Kind::Key | Kind::KeyPolicy => {
            let arn = KeyRef::named(plan.partition, &address.account, &address.name).arn;
            Some(Thing::Key(plan.made_keys.get(&arn).cloned().flatten().unwrap_or(arn)))
        }
        _ => None,
    }
}

/// With the names of manifests and accounts.
fn named(mut graph: Graph, desired: &Desired) -> Graph {
    graph.manifests = desired.manifests.iter().map(|manifest| manifest.name.clone()).collect();
    graph.accounts = desired.accounts.iter().map(|(id, info)| (id.clone(), info.label.clone())).collect();
    graph
}

fn declared(desired: &Desired, observed: &Observed) -> BTreeSet<Thing> {
    let made = observed.made_keys();
    let key = |arn: &str| Thing::Key(made.get(arn).cloned().unwrap_or_else(|| arn.to_owned()));
    let thing = |(address, object): (&crossrole_model::Address, &crossrole_model::DesiredObject)| match &object.state {
        DesiredState::Role { state, .. } => Some(Thing::Role(desired.partition.iam_arn(&address.account, "role", &state.path, &address.name))),
        DesiredState::Bucket(_) | DesiredState::BucketPolicy { .. } => Some(Thing::Bucket(address.name.clone())),
        DesiredState::Key(_) => Some(key(&KeyRef::named(desired.partition, &address.account, &address.name).arn)),
        DesiredState::KeyPolicy { key: of, .. } => Some(key(&of.arn)),
        _ => None,
    };
    desired.objects.iter().filter_map(thing).collect()
}

/// With what could not be read, which is not to be taken for nothing.
fn unread(mut graph: Graph, observed: &Observed) -> Graph {
    for (account, state) in &observed.accounts {
        let why = match state {
            Observation::Unreadable(why) => Some(why.clone()),
            Observation::Known(state) if !state.complete => {
                Some(state.incomplete_because.clone().unwrap_or_else(|| Unreadable::not_tried("what no manifest names")))
            }
            Observation::Known(_) => None,
        };
        if let Some(why) = why {
            add(&mut graph, Thing::Account(account.clone()), Some(account.to_string()), &why);
        }
    }
    for (name, bucket) in &observed.buckets {
        let why = match bucket {
            Observation::Unreadable(why) => Some(why),
            Observation::Known(Some(bucket)) => {
                if let Observation::Unreadable(why) = &bucket.policy {
                    Some(why)
                } else {
                    None
                }
            }
            Observation::Known(None) => None,
        };
        if let Some(why) = why {
            add(&mut graph, Thing::Bucket(name.clone()), observed.bucket_accounts.get(name).map(ToString::to_string), why);
        }
    }
    let made = observed.made_keys();
    for (arn, key) in &observed.keys {
        let why = match key {
            Observation::Unreadable(why) => Some(why),
            Observation::Known(Some(key)) => {
                if let Observation::Unreadable(why) = &key.policy {
                    Some(why)
                } else {
                    None
                }
            }
            Observation::Known(None) => None,
        };
        if let Some(why) = why {
            let account = KeyRef::parse(arn).map(|key| key.account().to_string());
            add(&mut graph, Thing::Key(made.get(arn).unwrap_or(arn).clone()), account, why);
        }
    }
    graph
}

fn add(graph: &mut Graph, thing: Thing, account: Option<String>, why: &Unreadable) {
    graph.things.entry(thing.clone()).or_insert(account);
    graph.unread.insert(thing, why.clone());
}
