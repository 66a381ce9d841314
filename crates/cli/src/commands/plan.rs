//! `crossrole plan`.

use std::io::Write as _;
use std::path::Path;

use crossrole_access::Objects;
use crossrole_model::access::AccessDelta;
use crossrole_model::{Cloud as _, Desired, Observed, Plan};
use crossrole_planner::Options;

use crate::args::PlanArgs;
use crate::failure::{Exit, Failure};
use crate::guard;
use crate::io::Io;
use crate::load;
use crate::sandboxed::{Reached, reach};

pub(crate) async fn run(args: &PlanArgs, io: &mut Io) -> Result<Exit, Failure> {
    let (desired, _) = load::desired(&args.paths.paths, io)?;
    let reached = reach(&args.cloud, &desired, io)?;
    let plan = make(&reached, &desired, &Options { destroy: args.destroy, targets: args.target.clone() }).await?;
    if let Some(path) = &args.out {
        save(&plan, path)?;
    }
    let view = super::view(&args.view);
    if args.view.json {
        io.out(&format!("{}\n", crossrole_report::plan_json(&plan, view)));
    } else {
        io.out(&crossrole_report::plan(&plan, view));
    }
    reached.keep(&args.cloud, io)?;
    if let Some(refusal) = guard::widening(&args.guard, &plan)? {
        io.err(&refusal);
        return Ok(Exit::Refused);
    }
    Ok(match (plan.is_blocked(), plan.can_apply()) {
        (true, _) => Exit::Failed,
        (false, true) if args.detailed_exitcode => Exit::Changes,
        _ => Exit::Clean,
    })
}

/// Observes and plans, and has the plan checked.
pub(crate) async fn make(reached: &Reached, desired: &Desired, options: &Options) -> Result<Plan, Failure> {
    let observed = reached.aws.observe(&crossrole_planner::scope(desired)).await;
    let mut plan = crossrole_planner::plan(desired, &observed, options);
    checked(&plan)?;
    plan.access = Some(access(&plan, &observed));
    Ok(plan)
}

/// Who gains and who loses by it.
fn access(plan: &Plan, observed: &Observed) -> AccessDelta {
    if plan.is_empty() {
        return AccessDelta::default();
    }
    let mut objects = Objects::observed(observed, plan.partition);
    let before = objects.estate();
    objects.apply(&plan.changes);
    crossrole_access::delta(&before, &objects.estate())
}

/// Refuses a plan that breaks an invariant: a bug of ours must not reach an account.
pub(crate) fn checked(plan: &Plan) -> Result<(), Failure> {
    let wrong = crossrole_planner::check(plan);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("this plan is not sound, which is a bug in crossrole:\n  {}", wrong.join("\n  ")),
        "nothing was changed; please report it with the manifest",
    ))
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
