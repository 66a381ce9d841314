//! What was typed. The doc comments are the help.

mod accounts;
mod ask;
mod audit;
mod cloud;
mod comment;
mod doctor;
mod graph;
mod lock;
mod plan;
mod revoke;
mod runner;
mod sandbox;
mod temporary;
mod verify;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub(crate) use accounts::{AccountsArgs, AccountsCommand, SyncArgs};
pub(crate) use ask::{ContextArgs, ExplainArgs, FileArgs, FromArg, TestArgs, WhoCanArgs};
pub(crate) use audit::AuditArgs;
pub(crate) use cloud::CloudArgs;
pub(crate) use comment::{CommentArgs, ForgeArg};
pub(crate) use doctor::DoctorArgs;
pub(crate) use graph::{GraphArgs, GraphFormatArg, GraphFromArg};
pub(crate) use lock::{ForceUnlockArgs, LockArgs};
pub(crate) use plan::{
    ApplyArgs, DiffArg, DriftArgs, GuardArgs, PlanArgs, PlanningArgs, Report, ReportFormat, ViewArgs, audit_report, finding_report, proof_report,
};
pub(crate) use revoke::{CarryingArgs, ExternalIdArgs, RevokeArgs, RotateArgs, RotateCommand};
pub(crate) use runner::{NameArg, RunnerPolicyArgs, TemplateArg};
pub(crate) use sandbox::{PrepareArgs, ResetArgs, SandboxArgs, SandboxCommand, ServeArgs, StateArgs};
pub(crate) use temporary::{AssumeArgs, ConsoleArgs, CredentialsArgs, ExecArgs, ExportArg, ProfileArgs, TakeArgs};
pub(crate) use verify::{ProvingArgs, VerifyArgs};

const EXIT_CODES: &str = "Exit codes:
  0  done, or nothing to do
  1  an error, or something declared could not be planned or applied; of `audit`: something is not known
  2  with --detailed-exitcode: there are changes; of `audit`: something is found; of `drift`: there is some
  3  refused: with --deny-widening, the plan widens access; or it breaks a guardrail, or would lock the runner out; or a saved plan
     was altered, or is too old; of `revoke`: somebody would gain access by it
  4  locked: another run holds the lock, or has taken it over
  5  moved: a saved plan is not what would be done now
  6  of `doctor`: a refused call is allowed by everything that was read, or it rests on what is not known
  of `exec`: that of the command, or 128 and the number of the signal that ended it
  130, 143, 129  ended by Ctrl-C, SIGTERM or SIGHUP before its work was done";

/// Settings of this place, unless said otherwise.
pub(crate) const CONFIG: &str = "crossrole.toml";

/// The file that lists accounts, beside the settings.
pub(crate) const ACCOUNTS: &str = "accounts.toml";

/// Where the embedded AWS is kept, unless said otherwise.
pub(crate) const SANDBOX_STATE: &str = ".crossrole-sandbox.json";

/// Plans and applies cross-account access on AWS: roles, trust, bucket policies, and the caller's side.
#[derive(Debug, Parser)]
#[command(name = "crossrole", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Args {
    /// When to use colors: `auto` is on a terminal, unless `NO_COLOR` or `CLICOLOR_FORCE` say otherwise
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorArg::Auto)]
    pub(crate) color: ColorArg,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When colors are used; what the words mean needs no line of help each.
#[derive(Debug, Clone, Copy, Default, ValueEnum, PartialEq, Eq)]
pub(crate) enum ColorArg {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a first manifest to start from
    Init(InitArgs),
    /// Check manifests without calling AWS
    Validate(ValidateArgs),
    /// Lay manifests out alike
    Fmt(FmtArgs),
    /// Print the JSON Schema of a manifest
    Schema,
    /// Print the policies that manifests stand for
    Render(RenderArgs),
    /// Print the least IAM policy that a runner needs for manifests, account by account
    RunnerPolicy(RunnerPolicyArgs),
    /// Show what would change in live IAM and S3
    ///
    /// What moves from one manifest to another is taken over where the files of both are in the run; what a manifest made under another name is
    /// its own where it says `renamed_from`.
    Plan(PlanArgs),
    /// Show what is live and not as the manifests say, and who has gained by it
    Drift(DriftArgs),
    /// Carry out a plan
    Apply(ApplyArgs),
    /// Take back everything that manifests own
    Destroy(ApplyArgs),
    /// Try what manifests promise by real calls: what is granted works, and what is not is refused
    Verify(VerifyArgs),
    /// Take access back: trust, live sessions, statements on buckets and keys, and the caller's side
    Revoke(RevokeArgs),
    /// Put something new in the place of what is known to others
    Rotate(RotateArgs),
    /// Remove the lock of a run that is gone
    ForceUnlock(ForceUnlockArgs),
    /// Say whether a principal may do something, and why
    Explain(ExplainArgs),
    /// Say why a call is refused, and what the smallest change is that lets it through
    Doctor(DoctorArgs),
    /// List everyone who can do something, and how
    WhoCan(WhoCanArgs),
    /// Draw who reaches what, by which role, under which conditions
    Graph(GraphArgs),
    /// List every way into accounts from outside, and what is wrong with it
    Audit(AuditArgs),
    /// Check access expectations
    Test(TestArgs),
    /// Assume a role, and print its temporary credentials for a shell
    Assume(AssumeArgs),
    /// Run a command as a role, with credentials that are renewed while it runs
    Exec(ExecArgs),
    /// Print a role's temporary credentials as a `credential_process` does
    Credentials(CredentialsArgs),
    /// Write a role's profile into AWS's config file
    Profile(ProfileArgs),
    /// Open AWS's console as a role
    Console(ConsoleArgs),
    /// Write a plan as a comment on a pull request, or update it
    Comment(CommentArgs),
    /// Keep the directory of accounts
    Accounts(AccountsArgs),
    /// Work with the embedded AWS
    Sandbox(SandboxArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

impl Command {
    /// How machines read what it prints, where they do; they are told why it failed, too.
    pub(crate) fn json(&self) -> Option<Json> {
        let (json, how) = match self {
            Self::Plan(args) => (args.planning.view.json, Json::Document),
            Self::Apply(args) | Self::Destroy(args) => (args.planning.view.json, Json::Lines),
            Self::Revoke(args) => (args.carrying.view.json, Json::Document),
            Self::Rotate(RotateArgs { command: RotateCommand::ExternalId(args) }) => (args.carrying.view.json, Json::Lines),
            Self::Drift(args) => (args.view.json, Json::Document),
            Self::Verify(args) => (args.json, Json::Document),
            Self::Audit(args) => (args.json, Json::Document),
            _ => return None,
        };
        json.then_some(how)
    }
}

/// JSON on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Json {
    /// One document.
    Document,
    /// A document a line.
    Lines,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PathsArgs {
    /// Manifests, or folders of them
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) paths: PathsArgs,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub(crate) format: FormatArg,
    /// Write the findings to a file as well, as often as wanted: `json`, `sarif`, `junit`, `gitlab-codequality`
    #[arg(long, value_name = "FORMAT=FILE", value_parser = finding_report)]
    pub(crate) report: Vec<Report>,
    /// Print the reference of all lint rules, and check nothing
    #[arg(long)]
    pub(crate) list_rules: bool,
    /// Settings of this place, with its guardrails
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub(crate) config: PathBuf,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum FormatArg {
    /// With the place underlined
    Text,
    /// JSON
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct InitArgs {
    /// Where to write it
    #[arg(default_value = "manifests/example.toml")]
    pub(crate) path: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct FmtArgs {
    #[command(flatten)]
    pub(crate) paths: PathsArgs,
    /// Only say which files would change; exit 1 if any
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    pub(crate) paths: PathsArgs,
    /// Show external ids in full
    #[arg(long)]
    pub(crate) show_external_ids: bool,
    /// Settings of this place, with its quotas
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub(crate) config: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}
