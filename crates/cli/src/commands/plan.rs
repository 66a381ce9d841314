//! `crossrole plan`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use crossrole_access::{Controls, Estate, Objects};
use crossrole_lint::Linted;
use crossrole_model::access::{AccessDelta, Lockout};
use crossrole_model::observed::Scope;
use crossrole_model::{Cause, Change, Compared, Desired, DesiredObject, Drifted, Finding, Judged, KeyRef, Kind, Observed, Outcome, Plan, Severity, Source};
use crossrole_planner::Options;
use crossrole_report::{Line, Owners, Screen, Tone};
use serde_json::Value;

use crate::args::{GuardArgs, PlanArgs, Report, ReportFormat, ViewArgs};
use crate::base::Base;
use crate::events::Events;
use crate::failure::{Exit, Failure};
use crate::guard::{self, Gate};
use crate::io::Io;
use crate::reports::Unwritten;
use crate::session::Session;
use crate::{grounds, guardrails, place, reports, rests_on};

pub(crate) async fn run(args: &PlanArgs, io: &mut Io) -> Result<Exit, Failure> {
    let (report, cloud) = (&args.planning.view.report, &args.planning.cloud);
    let others: Vec<&Path> = args.out.iter().chain([&cloud.sandbox_state]).map(std::path::PathBuf::as_path).collect();
    reports::apart_from_settings(report, &cloud.config, &others)?;
    reports::apart_from_paths(report, &args.paths.paths)?;
    if let Some(out) = &args.out {
        reports::plan_apart(out, &args.paths.paths, &cloud.config, &[&cloud.sandbox_state])?;
    }
    let events = Arc::new(Events::open(report, "plan")?);
    let key = reports::key(&args.planning.view, &args.paths.paths, &cloud.config, &args.planning.options(args.destroy), args.out.is_some());
    let result = opened(args, &events, &key, io).await;
    events.ended(&result, &Unwritten { command: "plan", view: &args.planning.view, key: &key, paths: &args.paths.paths });
    result
}

async fn opened(args: &PlanArgs, events: &Arc<Events>, key: &str, io: &mut Io) -> Result<Exit, Failure> {
    let mut session = Session::open(&args.paths.paths, &args.planning.cloud, io)?;
    session.events = Arc::clone(events);
    key.clone_into(&mut session.key);
    let result = plan(args, &session, io).await;
    session.ended(result)
}

async fn plan(args: &PlanArgs, session: &Session, io: &mut Io) -> Result<Exit, Failure> {
    let gate = Gate::read(&args.planning.guard, &args.planning.cloud.config, &session.desired, None)?;
    let options = args.planning.options(args.destroy);
    let base = args.base.as_ref().map(|reference| beside(reference, args, session)).transpose()?;
    let mut made = make(session, &options, &args.planning.guard, &gate, base).await?;
    let refusal = guard::pass(&args.planning.guard, &gate, &session.desired, &made);
    // What was refused is saved for whoever reads it, held to the same when it is carried out. Where it was not judged, nothing is.
    let judged = refusal.as_ref().err().is_none_or(|failure| failure.exit() == Exit::Refused);
    if let Some(path) = args.out.as_ref().filter(|_| judged) {
        let rests_on = rests_on::now(session, &made.plan, &made.observed);
        let held_to = Gate::held_to(&args.planning.guard, made.judged.as_ref());
        save(&Plan { saved_at: super::validate::now(), rests_on, held_to, comment_key: session.key.clone(), ..made.plan.clone() }, path)?;
    }
    made.refused(refusal.as_ref().err()).print(&args.planning.view, &session.sources, io)?;
    session.events.reported();
    refusal?;
    Ok(match (made.plan.is_blocked(), !made.plan.is_empty()) {
        (true, _) => Exit::Failed,
        (false, true) if args.detailed_exitcode => Exit::Changes,
        _ => Exit::Clean,
    })
}

/// What the commit says, of manifests and of what they are judged by.
fn beside(reference: &str, args: &PlanArgs, session: &Session) -> Result<(Base, grounds::Base), Failure> {
    let paths = &args.paths.paths;
    let base = Base::read(reference, paths, &args.planning.cloud.config, &session.desired)?;
    Ok((base, grounds::Base::read(reference, paths, &session.settings, &session.desired)?))
}

/// A plan, and what is worth knowing of it.
pub(crate) struct Made {
    pub(crate) plan: Plan,
    /// Lint's warnings and errors, guardrails, policies.
    pub(crate) findings: Vec<Finding>,
    /// What lint found and the manifests say is wanted, with the reasons.
    pub(crate) suppressed: Vec<(Finding, String)>,
    /// What of it is approved, where that is asked for.
    pub(crate) judged: Option<Judged>,
    /// What of it is drift, and what is this change, where that is asked for.
    pub(crate) since: Option<Compared>,
    /// What it comes to, where it is looked at as drift.
    pub(crate) drift: Option<Drifted>,
    /// What it was planned from.
    pub(crate) observed: Observed,
    /// In the embedded AWS: the command that makes what the manifests rely on.
    prepares: Option<String>,
    /// Which manifests declare what.
    owners: Owners,
    /// Why it must not be carried out, a line each.
    refused: Vec<String>,
    /// The same in a word; empty: it is not refused.
    reason: &'static str,
    /// What has moved since it was reviewed and is left out, a line each.
    pub(crate) left_out: Vec<String>,
    /// What its comment is found by.
    key: String,
    /// What bounds access besides, for the picture of it.
    desired: Arc<Desired>,
    controls: Controls,
}

fn owners(desired: &Desired) -> Owners {
    let names = |object: &DesiredObject| object.also.iter().chain([&object.owner]).cloned().collect();
    desired.objects.iter().map(|(address, object)| (address.clone(), names(object))).collect()
}

/// Tells whether something is withheld because what it relies on does not exist.
fn needs_others(plan: &Plan) -> bool {
    plan.blocking().any(|w| matches!(w.cause, Cause::Missing(_) | Cause::NoBucket))
}

impl Made {
    /// Looks at a plan with all that is asked of one: lint, guardrails, Rego policies.
    fn of(plan: Plan, since: Option<Compared>, session: &Session, observed: Observed, linted: Linted, asked: (&GuardArgs, &Gate)) -> Result<Self, Failure> {
        let (guard, gate) = asked;
        let desired = &session.desired;
        let controls = session.settings.controls(desired)?;
        let mut made = Self {
            judged: gate.judge(&plan, since.as_ref(), super::validate::now()),
            plan,
            since,
            drift: None,
            findings: Vec::new(),
            suppressed: Vec::new(),
            observed,
            prepares: session.prepares(),
            owners: owners(desired),
            refused: Vec::new(),
            reason: "",
            left_out: Vec::new(),
            key: session.key.clone(),
            desired: Arc::clone(desired),
            controls,
        };
        if !made.plan.destroy {
            made.findings.extend(linted.findings.into_iter().filter(|f| f.severity != Severity::Note));
            made.findings.extend(guardrails::check(&session.settings, desired));
            made.suppressed = linted.suppressed;
        }
        if let Some(folder) = &guard.policy {
            made.findings.extend(guardrails::rego(folder, &made.plan)?);
        }
        made.findings.sort();
        Ok(made)
    }

    /// Keeps why it is refused for the reports.
    pub(crate) fn refused(&mut self, refusal: Option<&Failure>) -> &Self {
        self.reason = refusal.map_or("", |failure| if failure.exit() == Exit::Failed { "failed" } else { "refused" });
        self.refused = refusal.map(|failure| failure.render(Screen::default()).lines().map(str::to_owned).collect()).unwrap_or_default();
        self
    }

    /// The plan on stdout, what is worth knowing on stderr; in JSON, all of it in one.
    pub(crate) fn print(&self, args: &ViewArgs, sources: &[Source], io: &mut Io) -> Result<(), Failure> {
        let view = super::view(args, io);
        self.reports(args, sources, io)?;
        if args.json {
            io.out_part("plan", self.json(sources, view));
        } else {
            io.out(&crossrole_report::plan_since(&self.plan, self.since.as_ref(), view));
        }
        if let Some(command) = self.prepares.as_ref().filter(|_| needs_others(&self.plan)) {
            let advice = format!("this is the embedded AWS, where `{command}` makes what manifests rely on");
            io.err_lines(&[Line::new(Tone::Advice, 0, "help: ").then([advice])]);
        }
        io.err_lines(&super::validate::suppressed(&self.suppressed));
        io.err_lines(&self.judged.as_ref().map_or_else(Vec::new, crossrole_report::judged));
        io.err(&crossrole_report::findings_on(&self.findings, sources, io.err_screen()));
        Ok(())
    }

    /// The reports that are asked for.
    pub(crate) fn reports(&self, args: &ViewArgs, sources: &[Source], io: &Io) -> Result<(), Failure> {
        reports::apart_from(&args.report, sources)?;
        let view = crossrole_report::View { screen: Screen::default(), ..super::view(args, io) };
        args.report.iter().try_for_each(|report| self.write(report, args.report_limit, sources, view))
    }

    /// All of it for machines.
    pub(crate) fn json(&self, sources: &[Source], view: crossrole_report::View) -> Value {
        let mut value = crossrole_report::plan_json_with(&self.plan, &self.findings, &self.suppressed, sources, view);
        if let Some(map) = value.as_object_mut() {
            map.extend(self.judged.as_ref().map(|judged| ("approvals".to_owned(), crossrole_report::judged_json(&self.plan, judged))));
            // The exit code says that it is; what for, here.
            map.extend((!self.refused.is_empty()).then(|| ("refused".to_owned(), self.refused.clone().into())));
            map.extend((!self.refused.is_empty()).then(|| ("reason".to_owned(), self.reason.into())));
            map.extend(self.since.as_ref().map(|since| ("base".to_owned(), crossrole_report::since_json(&self.plan, since, view))));
            if let Some(Drifted { access, foreign }) = &self.drift {
                map.insert("drift_access".to_owned(), crossrole_report::access_json(&self.plan, access, view));
                map.insert("drift_keys".to_owned(), crossrole_report::keys_off_json(&self.plan));
                map.insert("foreign".to_owned(), crossrole_report::foreign_json(&self.plan, foreign, view));
            }
        }
        value
    }

    /// Writes the plan to a file; events are written as they happen.
    fn write(&self, report: &Report, comment_most: usize, sources: &[Source], view: crossrole_report::View) -> Result<(), Failure> {
        let Self { plan, findings, suppressed, owners, refused, left_out, judged, since, drift, key, .. } = self;
        let comment = crossrole_report::Comment {
            plan,
            findings,
            sources,
            owners,
            view,
            judged: judged.as_ref(),
            since: since.as_ref(),
            drift: drift.as_ref(),
            refused,
            left_out,
            key,
        };
        let text = match report.format {
            ReportFormat::Markdown => crossrole_report::markdown(&comment, comment_most),
            ReportFormat::Summary => crossrole_report::markdown(&comment, crossrole_report::SUMMARY_MOST),
            ReportFormat::Json => reports::json(&self.json(sources, view)),
            ReportFormat::Sarif => reports::json(&crossrole_report::sarif(findings, suppressed, sources, &super::validate::infos())),
            ReportFormat::Junit => crossrole_report::junit(&crossrole_report::junit_plan(plan, drift.is_some(), [refused, left_out], findings, sources)),
            ReportFormat::GitlabTerraform => reports::json(&crossrole_report::gitlab_terraform(plan)),
            ReportFormat::GitlabCodequality => reports::json(&crossrole_report::gitlab_codequality(findings, sources)),
            ReportFormat::Html => {
                let picture = super::graph::between(plan, &self.observed, &self.desired, &self.controls);
                crossrole_report::html(&comment, &picture)
            }
            // That of an audit is not taken by `report`.
            ReportFormat::Events | ReportFormat::Csv => return Ok(()),
        };
        reports::write(report, &text)
    }
}

/// What an apply has come to, in the reports that tell of it.
pub(crate) fn carried_out(wanted: &[Report], made: &Made, sources: &[Source], outcome: &Outcome) -> Result<(), Failure> {
    for report in wanted.iter().filter(|report| report.format == ReportFormat::Junit) {
        let mut suites = crossrole_report::junit_plan(&made.plan, false, [&made.refused, &made.left_out], &made.findings, sources);
        suites.push(crossrole_report::junit_outcome(&made.plan, outcome));
        reports::write(report, &crossrole_report::junit(&suites))?;
    }
    Ok(())
}

/// Observes and plans, has the plan checked, and looks at what it does to access.
pub(crate) async fn make(session: &Session, options: &Options, guard: &GuardArgs, gate: &Gate, base: Option<(Base, grounds::Base)>) -> Result<Made, Failure> {
    made(session, options, (guard, gate), base, crossrole_planner::scope_of(&session.desired, options)).await
}

/// The same for a plan that was reviewed: what its changes are of is looked at as well.
pub(crate) async fn make_again(session: &Session, options: &Options, guard: &GuardArgs, gate: &Gate, reviewed: Option<&Plan>) -> Result<Made, Failure> {
    let scope = crossrole_planner::scope_of(&session.desired, options);
    let scope = if let Some(reviewed) = reviewed { crossrole_planner::scope_again(scope, reviewed) } else { scope };
    made(session, options, (guard, gate), None, scope).await
}

async fn made(
    session: &Session,
    options: &Options,
    (guard, gate): (&GuardArgs, &Gate),
    base: Option<(Base, grounds::Base)>,
    scope: Scope,
) -> Result<Made, Failure> {
    let observed = session.observe(&scope).await?;
    let then = match &base {
        Some((base, _)) => base.observe(&scope, &observed, session).await?,
        None => None,
    };
    let (desired, options, (controls, bound)) = (Arc::clone(&session.desired), options.clone(), session.settings.bounds(&session.desired)?);
    let work = move || {
        let mut plan = crossrole_planner::plan(&desired, &observed, &options);
        checked(&plan)?;
        access(&mut plan, &desired, &observed, &controls);
        let linted = if plan.destroy { Linted::default() } else { crossrole_lint::lint(&desired, Some(&observed), super::validate::now()) };
        plan.control_policies = bound;
        if let Some(unnamed) = base.as_ref().and_then(|(base, _)| base.unnamed(&desired)) {
            // What the commit did not name is somebody's hand.
            plan.withheld.retain(|withheld| withheld.cause != Cause::Unnamed);
            plan.withheld.extend(unnamed);
        }
        let since = base.map(|(base, grounds)| {
            let seen = then.as_ref().unwrap_or(&observed);
            let under = grounds.controls().and_then(|before| base.under(before, &desired, &plan, seen, &options));
            let compared = base.compared(&desired, &plan, seen, &options, &controls);
            let grounds = grounds.grounds(&plan, &desired, &observed, compared.change_access(), under.as_ref());
            compared.on(grounds)
        });
        for (account, calls) in then.into_iter().flat_map(|then| then.calls) {
            *plan.calls.entry(account).or_default() += calls;
        }
        Ok((plan, observed, linted, since))
    };
    let (plan, observed, linted, since) = session.computed("planning", work).await??;
    session.events.planned(&plan);
    Made::of(plan, since, session, observed, linted, (guard, gate))
}

/// What decides access before a plan, and after it.
pub(crate) fn sides(plan: &Plan, desired: &crossrole_model::Desired, observed: &Observed, controls: &Controls) -> [Estate; 2] {
    let mut objects = Objects::observed(observed, plan.partition).with_keys(&desired.bucket_keys);
    let before = objects.estate().under(controls);
    objects.apply(&plan.changes);
    [before, objects.estate().under(controls)]
}

/// Who gains and who loses by it, and whether the runner could take it back.
pub(crate) fn access(plan: &mut Plan, desired: &crossrole_model::Desired, observed: &Observed, controls: &Controls) {
    if plan.is_empty() {
        plan.access = Some(AccessDelta::default());
        return;
    }
    let [before, after] = sides(plan, desired, observed, controls);
    let delta = crossrole_access::delta(&before, &after);
    plan.lockouts = crossrole_access::lockout(&before, &after, &observed.runners.values().cloned().collect(), &delta);
    // Of a key that is deleted by name, nobody administers the policy any more.
    let deleted = plan.changes.iter().filter(|c| c.address.kind == Kind::Key && c.after.is_none());
    let arn = |c: &Change| KeyRef::named(plan.partition, &c.address.account, &c.address.name).arn;
    let gone: BTreeSet<String> = deleted.map(arn).map(|arn| plan.made_keys.get(&arn).cloned().flatten().unwrap_or(arn)).collect();
    plan.lockouts.retain(|lockout| !matches!(lockout, Lockout::Action { resource, .. } if gone.contains(resource)));
    plan.access = Some(delta);
}

/// Refuses a plan that breaks an invariant: a bug of ours must not reach an account.
pub(super) fn checked(plan: &Plan) -> Result<(), Failure> {
    let wrong = crossrole_planner::check(plan);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::bug("this plan is not sound:").with(&crossrole_report::broken(plan, &wrong)))
}

/// Writes a saved plan, readable by its owner alone.
fn save(plan: &Plan, path: &Path) -> Result<(), Failure> {
    let failed = |why: String| Failure::new(format!("plan file `{}` can't be written: {why}", path.display()), "check the folder's permissions");
    let text = crossrole_report::write_plan(plan).map_err(|e| failed(e.to_string()))?;
    let mut file = place::create(path, Some(0o600)).map_err(|e| failed(e.to_string()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A file that was there keeps its mode otherwise.
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(|e| failed(e.to_string()))?;
    }
    file.write_all(text.as_bytes()).map_err(|e| failed(e.to_string()))
}
