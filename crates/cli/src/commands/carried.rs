//! A change of manifests that a command makes: shown as a plan, asked for, written, and carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crossrole_access::{Estate, Objects};
use crossrole_model::access::Direction;
use crossrole_model::{Address, Change, Desired, Observed, Plan, Source, Subject, Whose, Withheld};
use crossrole_planner::Options;

use crate::args::{ApplyArgs, CarryingArgs, GuardArgs, PlanningArgs};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::guard::Gate;
use crate::io::Io;
use crate::load::Loaded;
use crate::reports::{self, Unwritten};
use crate::session::Session;
use crate::settings::Settings;

use super::apply::Work;
use super::plan::make;
use super::revoke::may_be_of;
use super::revoking::Revoking;

pub(super) struct Carried {
    pub(super) apply: ApplyArgs,
    pub(super) dry_run: bool,
    /// Of the manifests as they will be.
    pub(super) session: Session,
    /// What they want as they are.
    was: Arc<Desired>,
    /// As they are.
    sources: Vec<Source>,
    /// New texts, by file.
    texts: BTreeMap<String, String>,
    /// What is said of them that was not said before.
    findings: String,
    /// Where access is taken back: what is asked of that.
    pub(super) revoking: Option<Revoking>,
}

impl Carried {
    /// Reads the manifests as they will be.
    pub(super) fn begin(paths: Vec<PathBuf>, carrying: CarryingArgs, loaded: Loaded, texts: BTreeMap<String, String>, io: &mut Io) -> Result<Self, Failure> {
        let CarryingArgs { cloud, view, lock, auto_approve, dry_run, quiet } = carrying;
        let planning = PlanningArgs { cloud, view, guard: GuardArgs::default(), target: Vec::new(), destroy_key: Vec::new() };
        // One object that can't be written keeps nothing else from being taken away.
        let apply = ApplyArgs { paths, planning, lock, auto_approve, max_age: None, partial: true, verify: false, quiet };
        reports::apart_from_settings(&apply.planning.view.report, &apply.planning.cloud.config, &[&apply.planning.cloud.sandbox_state])?;
        reports::apart_from_paths(&apply.planning.view.report, &apply.paths)?;
        let Loaded { settings, desired: was, sources } = loaded;
        let (desired, new, findings) = read(&settings, &sources, &texts, io)?;
        let session = Session::of(Loaded { settings, desired, sources: new }, &apply.planning.cloud, io)?;
        Ok(Self { apply, dry_run, session, was: Arc::new(was), sources, texts, findings, revoking: None })
    }

    /// Changes manifests further; where that has mistakes, all stays as it was.
    pub(super) fn put(&mut self, texts: BTreeMap<String, String>, io: &Io) -> Result<(), Failure> {
        let mut all = self.texts.clone();
        all.extend(texts);
        let (desired, sources, findings) = read(&self.session.settings, &self.sources, &all, io)?;
        self.session.desired = Arc::new(desired);
        self.session.sources = sources;
        self.findings = findings;
        self.texts = all;
        Ok(())
    }

    /// Says of the manifests as they will be what was not said before.
    pub(super) fn say(&self, io: &mut Io) {
        io.err(&self.findings);
    }

    /// Reads what is live.
    pub(super) async fn observed(&self) -> Result<Observed, Failure> {
        self.session.observe(&crossrole_planner::scope(&self.session.desired)).await
    }

    /// Shows it; unless that is all, asks, writes the manifests, and carries it out.
    pub(super) async fn out(&mut self, observed: Observed, io: &mut Io) -> Result<Exit, Failure> {
        let (part, withheld) = self.part(observed).await?;
        if let Some(revoking) = &self.revoking {
            revoking.withholds(&withheld);
        }
        let Some(part) = part else { return self.written_alone(io).await };
        let whole = Arc::clone(&self.session.desired);
        if let Some(narrowed) = part.narrowed {
            io.err_lines(&crossrole_report::narrowed(&part.less));
            self.session.desired = Arc::new(narrowed);
        }
        let exit = self.carry_out(part.targets, io).await;
        self.session.desired = whole;
        exit
    }

    async fn carry_out(&self, targets: Vec<String>, io: &mut Io) -> Result<Exit, Failure> {
        let result = self.carry(targets, io).await;
        let command = if self.revoking.is_some() { "revoke" } else { "rotate-external-id" };
        let unwritten = Unwritten { command, view: &self.apply.planning.view, key: &self.session.key, paths: &self.apply.paths };
        self.session.events.ended(&result, &unwritten);
        result
    }

    async fn carry(&self, targets: Vec<String>, io: &mut Io) -> Result<Exit, Failure> {
        let options = Options { targets, ..Options::default() };
        let view = &self.apply.planning.view;
        let shown = super::view(view, io);
        let checked = |plan: &Plan| self.revoking.as_ref().map_or(Ok(()), |revoking| revoking.narrows(plan, shown));
        if self.dry_run {
            let mut made = make(&self.session, &options, &self.apply.planning.guard, &Gate::none(), None).await?;
            made.refused(None).print(view, &self.session.sources, io)?;
            self.session.events.reported();
            checked(&made.plan)?;
            return Ok(if made.plan.is_blocked() { Exit::Failed } else { Exit::Clean });
        }
        let written = || self.written();
        let work = Work { args: &self.apply, session: &self.session, options: &options, reviewed: None, checked: &checked, approved: &written };
        work.alone(io).await
    }

    /// Writes the manifests, once it is approved.
    fn written(&self) -> Result<(), Failure> {
        if let Some(revoking) = &self.revoking {
            revoking.in_time()?;
        }
        files::replace(&self.texts, &self.sources)
    }

    /// Nothing live has to change: the manifests are all that is written.
    async fn written_alone(&self, io: &mut Io) -> Result<Exit, Failure> {
        if !self.dry_run {
            if !self.apply.auto_approve {
                let approved = io.approve("Nothing live has to change. Write the manifests?", "nobody is there to approve this");
                self.session.stops.or_person(approved).await.map_err(|stop| stop.while_("waiting for approval"))??;
            }
            self.written()?;
        }
        io.err_lines(&crossrole_report::nothing_live(self.dry_run));
        Ok(Exit::Clean)
    }

    /// What the change itself makes, where more than that is pending: none of that goes with it. `None`: it makes nothing. Beside it, what
    /// is withheld of the manifests.
    async fn part(&self, observed: Observed) -> Result<(Option<Part>, Vec<Withheld>), Failure> {
        let (was, desired) = (Arc::clone(&self.was), Arc::clone(&self.session.desired));
        let since = self.revoking.as_ref().map(|revoking| revoking.since().to_owned());
        let work = move || {
            let planned = |desired: &Desired| crossrole_planner::plan(desired, &observed, &Options::default());
            let [before, after] = [&was, &desired].map(|desired| planned(desired));
            let (new, left): (Vec<&Change>, Vec<&Change>) = after.changes.iter().partition(|change| !before.changes.contains(change));
            let mut addresses: BTreeSet<Address> = new.into_iter().map(|change| change.address.clone()).collect();
            // What is pending already goes with it, where it is what takes access from whom is revoked.
            addresses.extend(since.iter().flat_map(|since| taking(&desired, &observed, &left, since)));
            let withheld = after.withheld.iter().any(|withheld| !before.withheld.contains(withheld));
            if addresses.is_empty() && withheld {
                return Err(Failure::new(
                    "nothing of this can be carried out, and nothing was changed",
                    "`crossrole plan` says what is withheld of these manifests, and why",
                ));
            }
            let mut part = Part { targets: Vec::new(), narrowed: None, less: BTreeSet::new() };
            let mut changes = after.changes.len();
            let mut pending: BTreeSet<Address> = before.changes.iter().map(|change| change.address.clone()).filter(|at| addresses.contains(at)).collect();
            pending.extend(before.withheld.iter().filter(|withheld| !after.withheld.contains(withheld)).filter_map(|withheld| match &withheld.subject {
                Subject::Object(address) | Subject::Part(address) => Some(address.clone()),
                _ => None,
            }));
            // Of the same objects, and of those that were withheld, what gives somebody more is left for an apply.
            if since.is_some() && !pending.is_empty() {
                let (narrowed, less) = crossrole_planner::narrowed(&desired, &observed, &pending);
                let plan = planned(&narrowed);
                changes = plan.changes.len();
                addresses = plan.changes.iter().map(|change| change.address.clone()).filter(|address| addresses.contains(address)).collect();
                part = Part { narrowed: (!less.is_empty()).then_some(narrowed), less, ..part };
            }
            if addresses.len() < changes {
                part.targets = addresses.iter().map(Address::to_string).collect();
            }
            Ok(((!addresses.is_empty()).then_some(part), after.withheld))
        };
        self.session.computed("planning", work).await?
    }
}

/// Most changes of which it is asked, one by one, from whom they take access; of more, all go with it, narrowed.
const ASKED_MOST: usize = 200;

/// The objects of changes by which somebody loses access who is revoked at an instant or later.
fn taking(desired: &Desired, observed: &Observed, changes: &[&Change], since: &str) -> BTreeSet<Address> {
    let gone: Vec<&Whose> = desired.revoked.iter().filter(|one| one.since.as_str() >= since).map(|one| &one.whose).collect();
    let objects = Objects::observed(observed, desired.partition).with_keys(&desired.bucket_keys);
    let before = objects.estate();
    // Of most changes, which are of one role each, all but that role stays as it is.
    let mut after = before.clone();
    let mut takes = |change: &Change| {
        let mut changed = objects.clone();
        changed.apply(std::slice::from_ref(change));
        let delta = match changed.put_principals(&objects, &mut after) {
            Some(touched) => {
                let delta = crossrole_access::delta(&before, &after);
                put_back(&touched, &before, &mut after);
                delta
            }
            None => crossrole_access::delta(&before, &changed.estate()),
        };
        let lost = delta.changes.iter().filter(|change| change.direction == Direction::Narrowed);
        lost.into_iter().any(|change| gone.iter().any(|whose| may_be_of(change, whose, desired.partition)))
    };
    let taking = changes.iter().enumerate().filter(|(at, change)| *at >= ASKED_MOST || takes(change));
    taking.map(|(_, change)| change.address.clone()).collect()
}

/// Makes some users and roles what they were.
fn put_back(arns: &BTreeSet<String>, before: &Estate, estate: &mut Estate) {
    for arn in arns {
        estate.principals.remove(arn);
        estate.roles.remove(arn);
        estate.principals.extend(before.principals.get(arn).map(|principal| (arn.clone(), principal.clone())));
        estate.roles.extend(before.roles.get(arn).map(|guarded| (arn.clone(), guarded.clone())));
    }
}

/// What is carried out of the manifests as they will be.
struct Part {
    /// Which objects; none: all.
    targets: Vec<String>,
    /// What the manifests want, without what would give somebody more of what is live.
    narrowed: Option<Desired>,
    /// The objects of which they want more.
    less: BTreeSet<Address>,
}

/// The manifests with new texts: what they want, their texts, and what is said of them that was not said before.
fn read(settings: &Settings, sources: &[Source], texts: &BTreeMap<String, String>, io: &Io) -> Result<(Desired, Vec<Source>, String), Failure> {
    let mut new = sources.to_vec();
    for source in &mut new {
        if let Some(text) = texts.get(&source.file) {
            source.text.clone_from(text);
        }
    }
    let surroundings = settings.surroundings()?;
    let (_, before) = crossrole_manifest::load_in(sources, &surroundings);
    let (desired, mut findings) = crossrole_manifest::load_in(&new, &surroundings);
    findings.retain(|finding| !before.iter().any(|old| old.message == finding.message));
    let shown = settings.shown(&new);
    let Some(desired) = desired else { return Err(Failure::findings(findings, shown)) };
    let text = crossrole_report::findings_on(&findings, &shown, io.err_screen());
    Ok((desired, new, text))
}
