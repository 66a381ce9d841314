//! Whether what manifests promise is so: what has to be tried, with whose credentials, and what it showed.

mod besides;
mod calls;
mod hands;
mod unshown;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossrole_access::{Estate, Objects};
use crossrole_model::access::AccessDelta;
use crossrole_model::proof::{Attestation, Cell, Known, NotCalled, Proof, Unshown};
use crossrole_model::{AccountId, Address, Desired, KeyRef, Observation, Observed, Subject};
use crossrole_policy::Arn;
use crossrole_verify::{Hand, Live, Matrix, Options, beyond, granted, judged, matrix, unrevoked};

use crate::args::ProvingArgs;
use crate::commands::validate::now;
use crate::failure::Failure;
use crate::git::Commit;
use crate::session::Session;

use besides::Looked;
use calls::Calls;
use hands::held;

/// What was read, and what follows from it.
struct Seen {
    observed: Observed,
    live: Estate,
    changed: BTreeSet<Address>,
    longest: BTreeMap<String, u32>,
    regions: BTreeMap<String, String>,
    owners: BTreeMap<String, AccountId>,
    unread: Vec<(AccountId, String)>,
    unusable: BTreeMap<String, Address>,
    unguarded: Vec<Unshown>,
    unshown: Vec<Unshown>,
    /// What an apply would change in who may do what.
    pending: AccessDelta,
}

/// What is looked at beside what calls show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looking {
    /// Policies.
    AtPolicies,
    /// Grants of keys and ACLs of buckets as well, which takes rights of its own.
    AtAll,
}

/// Tries what the manifests of a session promise; says on stderr what it is at, unless that is not wanted.
pub(crate) async fn prove(session: &Session, args: &ProvingArgs, looking: Looking, quiet: bool) -> Result<Attestation, Failure> {
    let begun = now();
    let desired = Arc::clone(&session.desired);
    let controls = session.settings.controls(&desired)?;
    let mut seen = read(session).await?;
    let held = held(session, &seen.live).await?;
    // By the ids that AWS has given to keys of ours.
    let named = Arc::new(desired.rename_keys(&seen.observed.made_keys()));
    let wanted = Objects::desired(&named).estate().under(&controls);
    let objects = objects(session, &wanted, &mut seen).await;
    let looked = if looking == Looking::AtAll { besides::look(session, &wanted, &seen).await? } else { Looked::at_nothing() };
    // One object of ours a run: two that run side by side do not meet.
    let probe = format!(".crossrole-verify-{begun}-{}", std::process::id());
    let elsewhere = seen.owners.keys().map(|bucket| (bucket.clone(), crossrole_verify::prefixes(&seen.live, bucket))).collect();
    let options = Options { write_probes: args.write_probes, probe: probe.clone(), elsewhere, address: args.source_ip.map(|ip| ip.to_string()), now: begun };
    let known: Vec<Hand> = held.iter().map(|held| Hand { arn: held.arn.clone(), groups: held.groups.clone() }).collect();
    let (for_matrix, of_matrix) = (Arc::clone(&named), wanted.clone());
    let Matrix { cells, left_out, untried, elsewhere } =
        session.computed("listing what to try", move || matrix(&for_matrix, &of_matrix, &known, &objects, &options)).await?;
    let (live, pending, beside) = (seen.live.clone(), std::mem::take(&mut seen.pending), looked.live.clone().zip(Some(looked.grantees)));
    let observed = seen.observed.clone();
    let compared = move || {
        let mut policies = beyond(&named, &wanted, &live, pending);
        let granted = beside.map(|(with, grantees)| granted(&named, &wanted, [&live, &with], &grantees, &mut policies)).unwrap_or_default();
        (policies, granted, unrevoked(&named, &observed, &live, begun))
    };
    let (beyond, granted, unrevoked) = session.computed("comparing what is live", compared).await?;
    if let Some(mut with) = looked.live {
        // Where a policy was not read, what stands beside it is not all that decides.
        with.keys.retain(|arn, _| seen.live.keys.contains_key(arn));
        with.buckets.retain(|name, _| seen.live.buckets.contains_key(name));
        seen.live = with;
    }
    let calls = Calls {
        session,
        held: &held,
        regions: &seen.regions,
        owners: &seen.owners,
        deadline: Duration::from_secs(args.deadline),
        address: args.source_ip.is_some(),
        sessions: Mutex::default(),
        written: Mutex::default(),
        sent: Mutex::default(),
        until: Mutex::default(),
        probe: args.write_probes.then_some(probe.as_str()),
        quiet,
    };
    let (tried, left_behind) = calls.all(&cells, &probe).await?;
    let mut proofs = Vec::new();
    for (cell, known) in tried {
        proofs.push(judge(session, &seen, cell, known, args.simulate).await?);
    }
    Ok(Attestation {
        manifests: desired.manifests.clone(),
        commit: desired.manifests.first().and_then(|manifest| Commit::head(Path::new(&manifest.file))),
        begun,
        ended: now(),
        accounts: desired.accounts.keys().cloned().collect(),
        unread: seen.unread,
        untried: untried.into_iter().map(|(role, actions)| (role, actions.into_iter().collect())).collect(),
        elsewhere: elsewhere.into_iter().map(|(role, buckets)| (role, buckets.into_iter().collect())).collect(),
        beyond: beyond.roles,
        granted,
        beside: beyond.shared,
        lacking: beyond.lacking,
        unguarded: seen.unguarded,
        unshown: seen.unshown,
        unrevoked,
        unlooked: looked.unlooked,
        not_looked_at: looked.never,
        left_behind,
        left_out,
        proofs,
    })
}

/// Reads what is live, and what of it is not as the manifests say.
async fn read(session: &Session) -> Result<Seen, Failure> {
    let desired = Arc::clone(&session.desired);
    let scope = crossrole_planner::scope(&desired);
    let observed = session.observe(&scope).await?;
    let controls = session.settings.controls(&desired)?;
    let unread = unread(&observed);
    let mut regions: BTreeMap<String, String> = scope.buckets.iter().map(|(name, bucket)| (name.clone(), bucket.region.clone())).collect();
    let mut owners: BTreeMap<String, AccountId> = scope.buckets.iter().map(|(name, bucket)| (name.clone(), bucket.account.clone())).collect();
    for (name, bucket) in &observed.buckets {
        if let Some(bucket) = bucket.known().and_then(Option::as_ref).filter(|bucket| !bucket.state.region.is_empty()) {
            regions.insert(name.clone(), bucket.state.region.clone());
        }
    }
    owners.extend(observed.bucket_accounts.clone());
    let work = move || {
        let plan = crossrole_planner::plan(&desired, &observed, &crossrole_planner::Options::default());
        let withheld = plan.withheld.iter().filter_map(|w| if let Subject::Object(address) = &w.subject { Some(address.clone()) } else { None });
        let changed: BTreeSet<Address> = plan.changes.iter().map(|change| change.address.clone()).chain(withheld).collect();
        let live = Objects::observed(&observed, desired.partition).with_keys(&desired.bucket_keys).estate().under(&controls);
        let longest = longest(&observed, &desired);
        // Of what is withheld too: whoever may mark an object as another's must not hide what it lacks.
        let through = crossrole_planner::Options { look_through: true, ..crossrole_planner::Options::default() };
        let through = crossrole_planner::plan(&desired, &observed, &through);
        let settings = unshown::unshown(&through, &desired);
        let mut plan = plan;
        let held = crate::commands::drift::withheld(&plan, &desired, &observed);
        plan.changes.extend(held);
        let pending = if plan.changes.is_empty() {
            AccessDelta::default()
        } else {
            let [before, after] = crate::commands::plan::sides(&plan, &desired, &observed, &controls);
            crossrole_access::delta(&before, &after)
        };
        (observed, live, changed, longest, settings, pending)
    };
    let (observed, live, changed, longest, (unguarded, unshown), pending) = session.computed("planning", work).await?;
    let unusable = unshown::unusable(&observed);
    Ok(Seen { observed, live, changed, longest, regions, owners, unread, unusable, unguarded, unshown, pending })
}

fn unread(observed: &Observed) -> Vec<(AccountId, String)> {
    let accounts = observed.accounts.iter().filter_map(|(id, state)| match state {
        Observation::Known(state) => state.incomplete_because.as_ref().map(|why| (id.clone(), why.to_string())),
        Observation::Unreadable(why) => Some((id.clone(), why.to_string())),
    });
    let buckets = observed.buckets.iter().filter_map(|(name, state)| {
        let why = match state {
            Observation::Unreadable(why) => why,
            Observation::Known(Some(bucket)) => match &bucket.policy {
                Observation::Unreadable(why) => why,
                Observation::Known(_) => return None,
            },
            Observation::Known(None) => return None,
        };
        let account = observed.bucket_accounts.get(name).cloned().unwrap_or_else(AccountId::nobody);
        Some((account, format!("bucket {name}: {why}")))
    });
    let keys = observed.keys.iter().filter_map(|(arn, state)| {
        let why = match state {
            Observation::Unreadable(why) => why,
            Observation::Known(Some(key)) => match &key.policy {
                Observation::Unreadable(why) => why,
                Observation::Known(_) => return None,
            },
            Observation::Known(None) => return None,
        };
        let account = KeyRef::parse(arn).map_or_else(AccountId::nobody, |key| key.account());
        Some((account, format!("key {arn}: {why}")))
    });
    accounts.chain(buckets).chain(keys).collect()
}

/// The longest session that each role may have, by ARN.
fn longest(observed: &Observed, desired: &Desired) -> BTreeMap<String, u32> {
    let accounts = observed.accounts.iter().filter_map(|(id, state)| Some((id, state.known()?)));
    let roles = accounts.flat_map(|(id, state)| state.roles.values().map(move |role| (id, role)));
    roles.map(|(id, role)| (desired.partition.iam_arn(id, "role", &role.state.path, &role.name), role.state.max_session_seconds)).collect()
}

/// Objects that are there to be read, as whoever reads the account sees them; where that is not let, it is said.
async fn objects(session: &Session, wanted: &Estate, seen: &mut Seen) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for (bucket, account) in &seen.owners {
        let exists = seen.observed.buckets.get(bucket).and_then(Observation::known).is_some_and(Option::is_some);
        let Some(region) = seen.regions.get(bucket).filter(|_| exists) else { continue };
        let mut prefixes = crossrole_verify::prefixes(wanted, bucket);
        prefixes.extend(crossrole_verify::prefixes(&seen.live, bucket));
        match session.aws.some_objects(account, bucket, region, &prefixes).await {
            Ok(keys) => drop(all.insert(bucket.clone(), keys)),
            Err(error) => seen.unread.push((account.clone(), format!("objects of {bucket}: {error}"))),
        }
    }
    all
}

/// Judges one: where nothing was called, by the simulator where that was asked for, and by the evaluator where what decides was read.
async fn judge(session: &Session, seen: &Seen, cell: Cell, known: Known, simulate: bool) -> Result<Proof, Failure> {
    let live = is_read(seen, &cell).then(|| Live { estate: &seen.live, changed: &seen.changed, now: now(), longest: &seen.longest, unusable: &seen.unusable });
    let known = match known {
        Known::Unknown { because: Ok(because) } if live.is_some() => match simulated(session, &cell, &because, simulate).await? {
            Some(decision) => Known::Simulated { decision, because },
            None => Known::Evaluated { because },
        },
        known => known,
    };
    Ok(judged(cell, known, live.as_ref()))
}

/// Everything that decides about a cell was read: of an account that was read in parts, those that the cell is about.
fn is_read(seen: &Seen, cell: &Cell) -> bool {
    let role = if let crossrole_model::proof::Act::Assume { role } = &cell.act { Some(role) } else { None };
    let named = [Some(&cell.principal), cell.via.as_ref(), role].into_iter().flatten();
    let read = |arn: &String| {
        let account = Arn::parse(arn).and_then(|arn| AccountId::parse(arn.account));
        match account.and_then(|id| seen.observed.accounts.get(&id)) {
            // Nobody's, or an account that nobody here calls: what is taken for granted of it is said.
            None => true,
            Some(Observation::Unreadable(_)) => false,
            Some(Observation::Known(state)) => state.complete || seen.live.principals.contains_key(arn),
        }
    };
    let bucket = cell.act.bucket().is_none_or(|bucket| seen.live.buckets.contains_key(bucket));
    bucket && named.into_iter().all(read)
}

/// What IAM's simulator says, where it can say something: of a principal's own policies, about S3.
async fn simulated(session: &Session, cell: &Cell, because: &NotCalled, simulate: bool) -> Result<Option<String>, Failure> {
    let principal = cell.via.as_ref().unwrap_or(&cell.principal);
    let parsed = Arn::parse(principal).filter(|arn| ["user/", "role/"].iter().any(|kind| arn.resource.starts_with(kind)));
    let account =
        parsed.and_then(|arn| AccountId::parse(arn.account)).filter(|id| session.desired.accounts.get(id).is_some_and(|info| info.managed || info.trusting));
    let asks = simulate
        && cell.act.bucket().is_some()
        && matches!(because, NotCalled::NotAtHand | NotCalled::OtherFactor | NotCalled::NoSession | NotCalled::Writes | NotCalled::NotHarmless);
    let Some(account) = account.filter(|_| asks) else { return Ok(None) };
    let resource = cell.act.resource(session.desired.partition.as_str());
    let answer = session.aws.simulate(&account, principal, cell.act.action(), &resource);
    // Who may not ask it has the evaluator's word.
    Ok(session.stops.or(answer).await.map_err(|stop| stop.while_("asking IAM's policy simulator"))?.ok())
}
