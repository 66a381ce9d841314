//! A change of manifests that a command makes: shown as a plan, asked for, written, and carried out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crossrole_model::{Desired, Plan, Severity, Source};
use crossrole_planner::Options;

use crate::args::{ApplyArgs, CarryingArgs, GuardArgs, PlanningArgs};
use crate::failure::{Exit, Failure};
use crate::guard::Gate;
use crate::io::Io;
use crate::load::Loaded;
use crate::session::Session;
use crate::{files, reports};

use super::apply::Work;
use super::plan::make;
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
    /// Where access is taken back: what is asked of that.
    pub(super) revoking: Option<Revoking>,
}

impl Carried {
    /// Reads the manifests as they will be. What is said of them that was not before, goes to stderr.
    pub(super) fn begin(paths: Vec<PathBuf>, carrying: CarryingArgs, loaded: Loaded, texts: BTreeMap<String, String>, io: &mut Io) -> Result<Self, Failure> {
        let CarryingArgs { cloud, view, lock, auto_approve, dry_run, quiet } = carrying;
        let planning = PlanningArgs { cloud, view, guard: GuardArgs::default(), target: Vec::new(), destroy_key: Vec::new() };
        // One object that can't be written keeps nothing else from being taken away.
        let apply = ApplyArgs { paths, planning, lock, auto_approve, max_age: None, partial: true, verify: false, quiet };
        reports::apart_from_settings(&apply.planning.view.report, &apply.planning.cloud.config, &[&apply.planning.cloud.sandbox_state])?;
        reports::apart_from_paths(&apply.planning.view.report, &apply.paths)?;
        let Loaded { settings, desired: was, sources } = loaded;
        let mut new = sources.clone();
        for source in &mut new {
            if let Some(text) = texts.get(&source.file) {
                source.text.clone_from(text);
            }
        }
        let surroundings = settings.surroundings()?;
        let (_, before) = crossrole_manifest::load_in(&sources, &surroundings);
        let (desired, mut findings) = crossrole_manifest::load_in(&new, &surroundings);
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        findings.retain(|finding| !before.iter().any(|old| old.message == finding.message));
        let text = crossrole_report::findings_on(&findings, &settings.shown(&new), io.err_screen());
        let desired = desired.ok_or_else(|| Failure::findings(text.clone(), errors))?;
        io.err(&text);
        let session = Session::of(Loaded { settings, desired, sources: new }, &apply.planning.cloud, io)?;
        Ok(Self { apply, dry_run, session, was: Arc::new(was), sources, texts, revoking: None })
    }

    /// Shows it; unless that is all, asks, writes the manifests, and carries it out.
    pub(super) async fn out(&self, io: &mut Io) -> Result<Exit, Failure> {
        let Some(targets) = self.targets().await? else { return self.written_alone(io).await };
        let options = Options { targets, ..Options::default() };
        let view = &self.apply.planning.view;
        let shown = super::view(view, io);
        let checked = |plan: &Plan| if self.revoking.is_some() { Revoking::narrows(plan, shown) } else { Ok(()) };
        if self.dry_run {
            let mut made = make(&self.session, &options, &self.apply.planning.guard, &Gate::none(), None).await?;
            made.refused(None).print(view, &self.session.sources, io)?;
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

    /// What the change itself makes, where more than that is pending: none of that goes with it. `None`: it makes nothing.
    async fn targets(&self) -> Result<Option<Vec<String>>, Failure> {
        let observed = self.session.observe(&crossrole_planner::scope(&self.session.desired)).await?;
        if let Some(revoking) = &self.revoking {
            revoking.is_there(&self.session.desired, &observed)?;
        }
        let (was, desired) = (Arc::clone(&self.was), Arc::clone(&self.session.desired));
        let work = move || {
            let [before, after] = [&was, &desired].map(|desired| crossrole_planner::plan(desired, &observed, &Options::default()));
            let ours = |change: &&crossrole_model::Change| !before.changes.contains(change);
            let all: Vec<String> = after.changes.iter().filter(ours).map(|change| change.address.to_string()).collect();
            let withheld = after.withheld.iter().any(|withheld| !before.withheld.contains(withheld));
            match all.len() {
                0 if withheld => Err(Failure::new(
                    "nothing of this can be carried out, and nothing was changed",
                    "`crossrole plan` says what is withheld of these manifests, and why",
                )),
                0 => Ok(None),
                some if some == after.changes.len() => Ok(Some(Vec::new())),
                _ => Ok(Some(all)),
            }
        };
        self.session.computed("planning", work).await?
    }
}
