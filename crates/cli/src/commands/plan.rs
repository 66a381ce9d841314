//! `crossrole plan`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use crossrole_access::{Controls, Estate, Objects};
use crossrole_lint::Linted;
use crossrole_model::access::{AccessDelta, Lockout};
use crossrole_model::{Cause, Change, Desired, Finding, KeyRef, Kind, Observed, Plan, Severity, Source};
use crossrole_planner::Options;
use crossrole_report::{Line, Screen, Tone};

use crate::args::{GuardArgs, PlanArgs, Report, ReportFormat, ViewArgs};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::selector::Selector;
use crate::session::Session;
use crate::{guard, guardrails};

pub(crate) async fn run(args: &PlanArgs, io: &mut Io) -> Result<Exit, Failure> {
    let session = Session::open(&args.paths.paths, &args.planning.cloud, io)?;
    session.ended(plan(args, &session, io).await)
}

async fn plan(args: &PlanArgs, session: &Session, io: &mut Io) -> Result<Exit, Failure> {
    let selectors = Selector::parse_all(&args.planning.guard.deny_widening, &session.desired)?;
    let options = args.planning.options(args.destroy);
    let made = make(session, &options, &args.planning.guard).await?;
    if let Some(path) = &args.out {
        save(&Plan { saved_at: super::validate::now(), ..made.plan.clone() }, path)?;
    }
    made.print(&args.planning.view, &session.sources, io)?;
    if let Some(refusal) = guard::refusal(&args.planning.guard, &selectors, &session.desired, &made)? {
        io.err_lines(&refusal);
        return Ok(Exit::Refused);
    }
    Ok(match (made.plan.is_blocked(), !made.plan.is_empty()) {
        (true, _) => Exit::Failed,
        (false, true) if args.detailed_exitcode => Exit::Changes,
        _ => Exit::Clean,
    })
}

/// A plan, and what is worth knowing of it.
pub(crate) struct Made {
    pub(crate) plan: Plan,
    /// Lint's warnings and errors, guardrails, policies.
    pub(crate) findings: Vec<Finding>,
    /// What lint found and the manifests say is wanted, with the reasons.
    pub(crate) suppressed: Vec<(Finding, String)>,
    /// What it was planned from.
    pub(crate) observed: Observed,
    /// In the embedded AWS: the command that makes what the manifests rely on.
    prepares: Option<String>,
    /// What bounds access besides, for the picture of it.
    desired: Arc<Desired>,
    controls: Controls,
}

/// Tells whether something is withheld because what it relies on does not exist.
fn needs_others(plan: &Plan) -> bool {
    plan.blocking().any(|w| matches!(w.cause, Cause::Missing(_) | Cause::NoBucket))
}

impl Made {
    /// Looks at a plan with all that is asked of one: lint, guardrails, Rego policies.
    fn of(plan: Plan, session: &Session, observed: Observed, linted: Linted, guard: &GuardArgs) -> Result<Self, Failure> {
        let desired = &session.desired;
        let controls = session.settings.controls(desired)?;
        let (prepares, shared) = (session.prepares(), Arc::clone(desired));
        let mut made = Self { plan, findings: Vec::new(), suppressed: Vec::new(), observed, prepares, desired: shared, controls };
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

    /// The plan on stdout, what is worth knowing on stderr; in JSON, all of it in one.
    pub(crate) fn print(&self, args: &ViewArgs, sources: &[Source], io: &mut Io) -> Result<(), Failure> {
        let view = super::view(args, io);
        apart(&args.report, sources)?;
        for report in &args.report {
            self.write(report, sources, crossrole_report::View { screen: Screen::default(), ..view })?;
        }
        if args.json {
            io.out_json(&crossrole_report::plan_json_with(&self.plan, &self.findings, &self.suppressed, sources, view));
        } else {
            io.out(&crossrole_report::plan(&self.plan, view));
        }
        if let Some(command) = self.prepares.as_ref().filter(|_| needs_others(&self.plan)) {
            let advice = format!("this is the embedded AWS, where `{command}` makes what manifests rely on");
            io.err_lines(&[Line::new(Tone::Advice, 0, "help: ").then([advice])]);
        }
        io.err_lines(&super::validate::suppressed(&self.suppressed));
        io.err(&crossrole_report::findings_on(&self.findings, sources, io.err_screen()));
        Ok(())
    }

    /// Writes the plan to a file.
    fn write(&self, report: &Report, sources: &[Source], view: crossrole_report::View) -> Result<(), Failure> {
        let markdown = |most| crossrole_report::markdown(&self.plan, &self.findings, sources, view, most);
        let json = |value| crossrole_report::json_text_pretty(&value) + "\n";
        let text = match report.format {
            ReportFormat::Markdown => markdown(crossrole_report::COMMENT_MOST),
            ReportFormat::Summary => markdown(crossrole_report::SUMMARY_MOST),
            ReportFormat::Json => json(crossrole_report::plan_json_with(&self.plan, &self.findings, &self.suppressed, sources, view)),
            ReportFormat::Sarif => json(crossrole_report::sarif(&self.findings, &self.suppressed, sources, &super::validate::infos())),
            ReportFormat::GitlabTerraform => json(crossrole_report::gitlab_terraform(&self.plan)),
            ReportFormat::GitlabCodequality => json(crossrole_report::gitlab_codequality(&self.findings, sources)),
            ReportFormat::Html => {
                let picture = super::graph::between(&self.plan, &self.observed, &self.desired, &self.controls);
                crossrole_report::html(&self.plan, &picture, &self.findings, sources, view)
            }
        };
        std::fs::write(&report.file, text).map_err(|e| {
            Failure::new(format!("report `{}` can't be written: {e}", report.file.display()), "check that its folder is there, and its permissions")
        })
    }
}

/// Observes and plans, has the plan checked, and looks at what it does to access.
pub(crate) async fn make(session: &Session, options: &Options, guard: &GuardArgs) -> Result<Made, Failure> {
    let observed = session.observe(&crossrole_planner::scope(&session.desired)).await?;
    let (desired, options, controls) = (Arc::clone(&session.desired), options.clone(), session.settings.controls(&session.desired)?);
    let work = move || {
        let mut plan = crossrole_planner::plan(&desired, &observed, &options);
        checked(&plan)?;
        access(&mut plan, &desired, &observed, &controls);
        let linted = if plan.destroy { Linted::default() } else { crossrole_lint::lint(&desired, Some(&observed), super::validate::now()) };
        Ok((plan, observed, linted))
    };
    let (plan, observed, linted) = session.computed("planning", work).await??;
    Made::of(plan, session, observed, linted, guard)
}

/// What decides access before a plan, and after it.
pub(super) fn sides(plan: &Plan, desired: &crossrole_model::Desired, observed: &Observed, controls: &Controls) -> [Estate; 2] {
    let mut objects = Objects::observed(observed, plan.partition).with_keys(&desired.bucket_keys);
    let before = objects.estate().under(controls);
    objects.apply(&plan.changes);
    [before, objects.estate().under(controls)]
}

/// Who gains and who loses by it, and whether the runner could take it back.
fn access(plan: &mut Plan, desired: &crossrole_model::Desired, observed: &Observed, controls: &Controls) {
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

/// Refuses to write a report over a manifest or over another one, before any is written.
pub(super) fn apart(reports: &[Report], sources: &[Source]) -> Result<(), Failure> {
    let place = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut taken: BTreeSet<std::path::PathBuf> = sources.iter().map(|source| place(Path::new(&source.file))).collect();
    match reports.iter().find(|report| !taken.insert(place(&report.file))) {
        None => Ok(()),
        Some(report) => {
            let error = format!("report `{}` would be written over a manifest, or over another report", report.file.display());
            Err(Failure::new(error, "give each report a file of its own"))
        }
    }
}

/// Refuses a plan that breaks an invariant: a bug of ours must not reach an account.
fn checked(plan: &Plan) -> Result<(), Failure> {
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
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|e| failed(e.to_string()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A file that was there keeps its mode otherwise.
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(|e| failed(e.to_string()))?;
    }
    file.write_all(text.as_bytes()).map_err(|e| failed(e.to_string()))
}
