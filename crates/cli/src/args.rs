//! What was typed. The doc comments are the help.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

const EXIT_CODES: &str = "Exit codes:
  0  done, or nothing to do
  1  an error, or something declared could not be planned or applied
  2  with --detailed-exitcode: there are changes
  3  refused: with --deny-widening, the plan widens access; or it breaks a guardrail, or would lock the runner out
  130, 143, 129  ended by Ctrl-C, SIGTERM or SIGHUP before its work was done";

/// Settings of this place, unless said otherwise.
pub(crate) const CONFIG: &str = "crossrole.toml";

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
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
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
    /// Show what would change in live IAM and S3
    Plan(PlanArgs),
    /// Carry out a plan
    Apply(ApplyArgs),
    /// Take back everything that manifests own
    Destroy(ApplyArgs),
    /// Say whether a principal may do something, and why
    Explain(ExplainArgs),
    /// List everyone who can do something, and how
    WhoCan(WhoCanArgs),
    /// Check access expectations
    Test(TestArgs),
    /// Work with the embedded AWS
    Sandbox(SandboxArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
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

/// How AWS is reached.
#[derive(Debug, ClapArgs)]
pub(crate) struct CloudArgs {
    /// Use the embedded AWS in place of the real one
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// File that keeps the embedded AWS between commands
    #[arg(long, value_name = "FILE", default_value = SANDBOX_STATE)]
    pub(crate) sandbox_state: PathBuf,
    /// Time in milliseconds that each call to the embedded AWS takes
    #[arg(long, value_name = "MS", default_value_t = 0, hide = true)]
    pub(crate) sandbox_latency: u64,
    /// Settings of this place: how each account is reached
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub(crate) config: PathBuf,
    /// Most calls in flight per account [default: 10]
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<usize>,
    /// Most calls in flight to all accounts [default: 200]
    #[arg(long, value_name = "N")]
    pub(crate) concurrency_total: Option<usize>,
    /// Longest that one call is tried, throttling and all, in seconds [default: 600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: Option<u64>,
    /// Longest that the command waits for AWS in all, in seconds; then it ends as after Ctrl-C [default: as long as it takes]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout_total: Option<u64>,
}

/// What a plan must not do.
#[derive(Debug, ClapArgs)]
pub(crate) struct GuardArgs {
    /// Exit 3 when the plan widens access, or may: always, or where SELECTOR matches: `principal=` (an ARN, `role/Name`, a
    /// service), `account=`, `action=` or `resource=`, each with `*`, as in `resource=log-bucket/*`. One that matches nothing
    /// that the run knows is an error
    #[arg(long, value_name = "SELECTOR", num_args = 0..=1, require_equals = true, default_missing_value = "*")]
    pub(crate) deny_widening: Vec<String>,
    /// Rego policies over the JSON plan: `data.crossrole.deny` and `data.crossrole.warn` are what they find
    #[arg(long, value_name = "DIR")]
    pub(crate) policy: Option<PathBuf>,
    /// Go on though the runner could not take the plan back
    #[arg(long)]
    pub(crate) allow_lockout: bool,
}

/// What a plan shows.
#[derive(Debug, ClapArgs)]
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
    /// Save the plan for `crossrole apply FILE`; holds external ids, so its mode is 0600
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Exit 2 when there are changes
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ApplyArgs {
    /// Manifests, folders of them, or one saved plan
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) planning: PlanningArgs,
    /// Do not ask
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Carry out the rest where something declared is withheld; nothing is written then otherwise
    #[arg(long)]
    pub(crate) partial: bool,
    /// No progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Where the policies of a question come from.
#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum FromArg {
    /// What the manifests say, without calling AWS
    Manifest,
    /// What is live
    Live,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainArgs {
    /// `dev/user/Name`, `dev/group/Name`, `role/Name`, an account's label or id, an ARN, a service, or `anonymous`
    pub(crate) principal: String,
    /// As in `s3:GetObject`
    pub(crate) action: String,
    /// `bucket`, `bucket/key`, `role/Name`, an ARN, or `*`
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// Through this role, as in `role/Name`; again for the next
    #[arg(long, value_name = "ROLE")]
    pub(crate) via: Vec<String>,
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// What is asked, and how it is answered.
#[derive(Debug, ClapArgs)]
pub(crate) struct AskArgs {
    /// Manifests, or folders of them
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
    /// Where the policies come from
    #[arg(long, value_enum, default_value_t = FromArg::Manifest)]
    pub(crate) from: FromArg,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    /// Show external ids in full
    #[arg(long)]
    pub(crate) show_external_ids: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a request brings.
#[derive(Debug, ClapArgs)]
pub(crate) struct ContextArgs {
    /// A condition key; several values of one key make it multivalued
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) context: Vec<String>,
    /// With a second factor
    #[arg(long)]
    pub(crate) mfa: bool,
    /// With this external id
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,
    /// From this address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) source_ip: Option<std::net::IpAddr>,
    /// At this time, as in `2026-01-01T00:00:00Z` [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

/// Policy files in place of manifests.
#[derive(Debug, ClapArgs)]
pub(crate) struct FileArgs {
    /// Identity policy of the principal (JSON); with any of these, no manifest is read
    #[arg(long, value_name = "FILE")]
    pub(crate) identity_policy: Vec<PathBuf>,
    /// Bucket or trust policy of the resource
    #[arg(long, value_name = "FILE")]
    pub(crate) resource_policy: Option<PathBuf>,
    /// Permissions boundary of the principal
    #[arg(long, value_name = "FILE")]
    pub(crate) boundary: Vec<PathBuf>,
    /// Session policy
    #[arg(long, value_name = "FILE")]
    pub(crate) session_policy: Vec<PathBuf>,
    /// Service control policy of the principal's account; each file is a level
    #[arg(long, value_name = "FILE")]
    pub(crate) scp: Vec<PathBuf>,
    /// Resource control policy of the resource's account; each file is a level
    #[arg(long, value_name = "FILE")]
    pub(crate) rcp: Vec<PathBuf>,
    /// Account of the resource
    #[arg(long, value_name = "ID")]
    pub(crate) resource_account: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WhoCanArgs {
    /// As in `s3:GetObject`
    pub(crate) action: String,
    /// `bucket`, `bucket/key`, `role/Name`, an ARN, or `*`
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TestArgs {
    /// Manifests with expectations beside them (`NAME.expect.toml`), folders of them, or files of cases (`.jsonl`)
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
    /// Settings of this place, with the organization's control policies
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub(crate) config: PathBuf,
    /// Print one JSON object a case
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    pub(crate) command: SandboxCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Serve the embedded AWS to any client until interrupted
    Serve(ServeArgs),
    /// Make what manifests rely on and do not make: buckets, callers, managed policies
    Prepare(PrepareArgs),
    /// List what it holds: accounts, principals, buckets
    Show(StateArgs),
    /// Begin again with an empty one
    Reset(ResetArgs),
}

/// Which embedded AWS.
#[derive(Debug, ClapArgs)]
pub(crate) struct StateArgs {
    /// File that keeps it between commands
    #[arg(long, value_name = "FILE", default_value = SANDBOX_STATE)]
    pub(crate) sandbox_state: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PrepareArgs {
    #[command(flatten)]
    pub(crate) paths: PathsArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Settings of this place
    #[arg(long, value_name = "FILE", default_value = "crossrole.toml")]
    pub(crate) config: PathBuf,
    /// Put statements of somebody else's into the policies of those buckets, to see that they are kept
    #[arg(long)]
    pub(crate) foreign: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Do not ask
    #[arg(long, visible_alias = "yes")]
    pub(crate) auto_approve: bool,
}

const SERVE_HELP: &str = "An access key id of 12 digits is that account's root user, with any secret. To run crossrole itself against it:
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=us-east-1 CROSSROLE_ACCOUNT_AS_KEY=1 crossrole plan
CROSSROLE_ACCOUNT_AS_KEY takes each account's number for its access key id; it is for emulators alone.";

#[derive(Debug, ClapArgs)]
#[command(after_help = SERVE_HELP)]
pub(crate) struct ServeArgs {
    /// Loopback address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4566")]
    pub(crate) listen: std::net::SocketAddr,
    /// File that keeps its state; nothing is kept without
    #[arg(long, value_name = "FILE")]
    pub(crate) sandbox_state: Option<PathBuf>,
    /// Time until a write to IAM is seen, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) visibility_delay: u64,
    /// Time that each call takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) latency: u64,
    /// Most roles in an account
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) role_quota: usize,
    /// Calls a second and account before "Rate exceeded"
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u32>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}
