//! `plan`, `apply`, `destroy`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use crossrole_model::ALIAS;
use crossrole_planner::Options;

use super::{CloudArgs, EXIT_CODES, LockArgs, PathsArgs};

/// What a plan must not do.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct GuardArgs {
    /// Exit 3 when the plan widens access, or may: always, or where SELECTOR matches: `principal=` (an ARN, `role/Name`, a
    /// service), `account=` (an id or label), `action=` or `resource=`, each with `*`, as in `resource=log-bucket/*`; given several
    /// times, where any of them does. One that matches nothing that the run knows is an error
    #[arg(long, value_name = "SELECTOR", num_args = 0..=1, require_equals = true, default_missing_value = "*")]
    pub(crate) deny_widening: Vec<String>,
    /// Files with the widenings that are approved all the same, by their digests [default: `approvals` beside the settings]
    #[arg(long, value_name = "DIR", requires = "deny_widening")]
    pub(crate) approvals: Option<PathBuf>,
    /// Rego policies over the JSON plan: `data.crossrole.deny` and `data.crossrole.warn` are what they find
    #[arg(long, value_name = "DIR")]
    pub(crate) policy: Option<PathBuf>,
    /// Go on though the runner could not take the plan back
    #[arg(long)]
    pub(crate) allow_lockout: bool,
}

/// What a plan shows.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ViewArgs {
    /// How documents are compared
    #[arg(long, value_enum, default_value_t = DiffArg::Statements)]
    pub(crate) diff: DiffArg,
    /// Show external ids in full
    #[arg(long)]
    pub(crate) show_external_ids: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the plan to a file as well, as often as wanted: `markdown` (a comment on a pull request), `summary` (of a job), `json`,
    /// `html` (a page by itself, with the access picture), `sarif` (findings), `junit`, `gitlab-terraform`, `gitlab-codequality`, `events`
    /// (JSON lines while it runs)
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report)]
    pub(crate) report: Vec<Report>,
    /// Most bytes of `markdown`, where a comment holds less than GitHub's 65536 or more
    #[arg(long, value_name = "BYTES", default_value_t = crossrole_report::COMMENT_MOST, hide_default_value = true, value_parser = limit)]
    pub(crate) report_limit: usize,
    /// What the comment of `markdown` is found by, where several jobs plan the same paths in one pull request, or a shell writes the
    /// paths out [default: the paths as they are given, and the settings]
    #[arg(long, value_name = "KEY")]
    pub(crate) report_key: Option<String>,
}

/// The forms that plans, findings and audits are written to files in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    Markdown,
    Summary,
    Json,
    Sarif,
    Junit,
    GitlabTerraform,
    GitlabCodequality,
    Events,
    Html,
    Csv,
}

/// Every one, as it is written.
const FORMATS: [(&str, ReportFormat); 10] = [
    ("markdown", ReportFormat::Markdown),
    ("summary", ReportFormat::Summary),
    ("json", ReportFormat::Json),
    ("sarif", ReportFormat::Sarif),
    ("junit", ReportFormat::Junit),
    ("gitlab-terraform", ReportFormat::GitlabTerraform),
    ("gitlab-codequality", ReportFormat::GitlabCodequality),
    ("events", ReportFormat::Events),
    ("html", ReportFormat::Html),
    ("csv", ReportFormat::Csv),
];

/// Those that a plan is written in.
const OF_PLANS: [ReportFormat; 9] = [
    ReportFormat::Markdown,
    ReportFormat::Summary,
    ReportFormat::Json,
    ReportFormat::Sarif,
    ReportFormat::Junit,
    ReportFormat::GitlabTerraform,
    ReportFormat::GitlabCodequality,
    ReportFormat::Events,
    ReportFormat::Html,
];

/// Those that an audit is written in.
const OF_AUDITS: [ReportFormat; 4] = [ReportFormat::Json, ReportFormat::Sarif, ReportFormat::Html, ReportFormat::Csv];

/// Those that say what was found, without a plan.
const OF_FINDINGS: [ReportFormat; 4] = [ReportFormat::Json, ReportFormat::Sarif, ReportFormat::Junit, ReportFormat::GitlabCodequality];

/// One file of `--report`.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) format: ReportFormat,
    pub(crate) file: PathBuf,
}

fn limit(text: &str) -> Result<usize, String> {
    let least = crossrole_report::LEAST;
    let few = || format!("it is a number of bytes, {least} or more: fewer do not hold the title, the warnings and the end");
    text.parse().ok().filter(|bytes| *bytes >= least).ok_or_else(few)
}

fn report(text: &str) -> Result<Report, String> {
    report_of(text, &OF_PLANS)
}

/// A report of an audit.
pub(crate) fn audit_report(text: &str) -> Result<Report, String> {
    report_of(text, &OF_AUDITS)
}

/// A report of findings.
pub(crate) fn finding_report(text: &str) -> Result<Report, String> {
    report_of(text, &OF_FINDINGS)
}

/// Those that say what was proved.
const OF_PROOFS: [ReportFormat; 3] = [ReportFormat::Json, ReportFormat::Junit, ReportFormat::Markdown];

/// A report of what was proved.
pub(crate) fn proof_report(text: &str) -> Result<Report, String> {
    report_of(text, &OF_PROOFS)
}

fn report_of(text: &str, allowed: &[ReportFormat]) -> Result<Report, String> {
    let known: Vec<&(&str, ReportFormat)> = FORMATS.iter().filter(|(_, format)| allowed.contains(format)).collect();
    let example = known.first().map_or("", |(name, _)| name);
    let (format, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or_else(|| format!("write it as in `{example}=FILE`"))?;
    let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
    let (_, format) = known.iter().find(|(name, _)| *name == format).ok_or_else(|| format!("there are {}", names.join(", ")))?;
    Ok(Report { format: *format, file: PathBuf::from(file) })
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DiffArg {
    /// Statement by statement, in words
    Statements,
    /// Line by line
    Json,
}

/// How a plan is made and shown.
#[derive(Debug, ClapArgs)]
pub(crate) struct PlanningArgs {
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    /// Only these objects and what they need, as in `role/Name`; `*` allowed
    #[arg(long, value_name = "OBJECT")]
    pub(crate) target: Vec<String>,
    /// With everything else that is taken back, schedule the deletion of this key, by its alias: no key goes without being named,
    /// since what it encrypted goes with it
    #[arg(long, value_name = "ALIAS")]
    pub(crate) destroy_key: Vec<String>,
}

impl PlanningArgs {
    /// What kind of plan is asked for.
    pub(crate) fn options(&self, destroy: bool) -> Options {
        let alias = |name: &String| if name.starts_with(ALIAS) { name.clone() } else { format!("{ALIAS}{name}") };
        Options { destroy, targets: self.target.clone(), destroy_keys: self.destroy_key.iter().map(alias).collect(), ..Options::default() }
    }
}

#[derive(Debug, ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) paths: PathsArgs,
    #[command(flatten)]
    pub(crate) planning: PlanningArgs,
    /// Plan to take back everything that the manifests own
    #[arg(long)]
    pub(crate) destroy: bool,
    /// Tell drift from this change: what is live and not as the manifests of this commit say (a branch, tag or commit of the
    /// repository that they are in), and what they say otherwise now. The plan is the same
    #[arg(long, value_name = "REF", conflicts_with = "destroy")]
    pub(crate) base: Option<String>,
    /// Save the plan for `crossrole apply FILE`; holds external ids, so its mode is 0600
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Exit 2 when there are changes
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

/// What `drift --json` prints.
const DRIFT_JSON: &str = "With --json, and in a report of that format, beside what `plan --json` prints
  drift_access  who has gained and lost by the drift
  drift_keys    keys that can't be used
  foreign       what others let in beside what is declared, and what of that could not be read
With --json and --write, also
  written       what was said in the manifests
  left          objects that were not, all of them
  left_because  why not, and what becomes of it, part by part";

#[derive(Debug, ClapArgs)]
#[command(after_help = format!("{DRIFT_JSON}\n\n{EXIT_CODES}"))]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    pub(crate) paths: PathsArgs,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// Say in the manifests what was found, where it can be said there: comments and layout stay, and what is written is planned no more
    #[arg(long)]
    pub(crate) write: bool,
}

/// Reads a number with a unit.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let unit = text.chars().last().and_then(|unit| [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)].into_iter().find(|(name, _)| *name == unit));
    let number = unit.and_then(|(name, seconds)| text.strip_suffix(name)?.parse::<u64>().ok()?.checked_mul(seconds));
    number.map(Duration::from_secs).ok_or_else(|| "write a number with its unit, as in `24h`, `90m` or `7d`".to_owned())
}

#[derive(Debug, ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ApplyArgs {
    /// Manifests, folders of them, or one saved plan, behind which may stand where its manifests are now. A plan of `plan --destroy`
    /// is for `destroy`, and `--target` and `--destroy-key` are given here as they were to `plan`
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) planning: PlanningArgs,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// Do not ask
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Refuse a saved plan that is older, as in `24h`, `90m` or `7d`
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) max_age: Option<Duration>,
    /// Carry out the rest where something declared is withheld, has moved since the review, or is not the runner's to do; nothing is
    /// written then otherwise
    #[arg(long)]
    pub(crate) partial: bool,
    /// Then try by real calls what the manifests promise, as `verify` does
    #[arg(long)]
    pub(crate) verify: bool,
    /// No progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
