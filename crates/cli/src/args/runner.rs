//! `runner-policy`.

use clap::{Args as ClapArgs, ValueEnum};
use crossrole_model::KeyRef;
use crossrole_planner::rights::Purpose;

use super::plan::age;
use super::{CloudArgs, PathsArgs};
use crate::roles::Trusted;

/// What a runner is to do.
#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum PurposeArg {
    /// Make plans
    Plan,
    /// Make plans, carry them out, and take them back
    Apply,
    /// Prove what manifests promise, without `--write-probes` and `--simulate`; whoever calls has credentials of its own
    Verify,
}

impl From<PurposeArg> for Purpose {
    fn from(purpose: PurposeArg) -> Self {
        match purpose {
            PurposeArg::Plan => Self::Plan,
            PurposeArg::Apply => Self::Apply,
            PurposeArg::Verify => Self::Verify,
        }
    }
}

/// What makes the runner's roles.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TemplateArg {
    /// One template for all accounts, as a stack in each or a stack set
    Cloudformation,
    /// A configuration in JSON syntax, for a file named `NAME.tf.json`, with a provider for each account
    Terraform,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunnerPolicyArgs {
    #[command(flatten)]
    pub(crate) paths: PathsArgs,
    /// What it is to do
    #[arg(long = "for", value_enum, value_name = "PURPOSE", default_value_t = PurposeArg::Apply)]
    pub(crate) purpose: PurposeArg,
    /// Say what of it the present runner may not do, account by account, and exit 1 where there is something
    #[arg(long)]
    pub(crate) check: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Only in these accounts, by id or label
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "check")]
    pub(crate) account: Vec<String>,
    /// With what the manifests of this commit took as well (a branch, tag or commit of the repository that they are in): what they made in
    /// accounts, buckets and keys that the manifests of now do not name is taken away with that
    #[arg(long, value_name = "REF")]
    pub(crate) base: Option<String>,
    /// With what this key takes, which no manifest names: one of an earlier manifest, or by which others encrypt a bucket; as often as wanted
    #[arg(long, value_name = "ARN", value_parser = key)]
    pub(crate) key: Vec<KeyRef>,
    /// Print what makes the runner's roles, with these policies and the trust of `--trust`
    #[arg(long, value_enum, requires = "trust", conflicts_with_all = ["check", "json"])]
    pub(crate) format: Option<TemplateArg>,
    /// Whom a role lets in, as often as wanted: `github:OWNER/REPO:pull_request`, `:environment=NAME`, `:branch=NAME` or
    /// `:tag=NAME` (`OWNER@ID/REPO@ID` where subjects are immutable), `gitlab:GROUP/PROJECT[@HOST]:branch=NAME` or `:tag=NAME`,
    /// `role:ARN`; names may hold `*`. With `plan=`, `apply=` or `verify=` before it, the role of that purpose, and each that is named is
    /// made [default: that of `--for`]
    #[arg(long, value_name = "[PURPOSE=]WHO", value_parser = trust, requires = "format")]
    pub(crate) trust: Vec<TrustArg>,
    /// What a role is called; `plan=`, `apply=` or `verify=` before it says which [default: `crossrole-plan`, and so on]
    #[arg(long, value_name = "[PURPOSE=]NAME", value_parser = role_name, requires = "format")]
    pub(crate) role_name: Vec<NameArg>,
    /// The audience that the pipeline's tokens are for
    #[arg(long, value_name = "AUDIENCE", default_value = "sts.amazonaws.com", value_parser = audience, requires = "format")]
    pub(crate) audience: String,
    /// Longest that a session of the roles lasts, from `1h` to `12h`
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = session, requires = "format")]
    pub(crate) max_session: u64,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
}

/// One `--trust`.
#[derive(Debug, Clone)]
pub(crate) struct TrustArg {
    /// `None`: that of `--for`.
    pub(crate) purpose: Option<Purpose>,
    pub(crate) who: Trusted,
}

/// One `--role-name`.
#[derive(Debug, Clone)]
pub(crate) struct NameArg {
    /// `None`: that of `--for`.
    pub(crate) purpose: Option<Purpose>,
    pub(crate) name: String,
}

fn key(text: &str) -> Result<KeyRef, String> {
    let key = KeyRef::parse(text).filter(|key| key.alias().is_none());
    key.ok_or_else(|| "write the ARN of a key, as in `arn:aws:kms:eu-west-1:222222222222:key/…`".to_owned())
}

fn of_purpose(text: &str) -> (Option<Purpose>, &str) {
    let prefixes = [("plan=", Purpose::Plan), ("apply=", Purpose::Apply), ("verify=", Purpose::Verify)];
    let found = prefixes.into_iter().find_map(|(prefix, purpose)| Some((Some(purpose), text.strip_prefix(prefix)?)));
    found.unwrap_or((None, text))
}

fn trust(text: &str) -> Result<TrustArg, String> {
    let (purpose, who) = of_purpose(text);
    Ok(TrustArg { purpose, who: Trusted::parse(who)? })
}

/// Letters of a role's name (IAM API reference, CreateRole).
fn role_name(text: &str) -> Result<NameArg, String> {
    let (purpose, name) = of_purpose(text);
    let good = !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    if good { Ok(NameArg { purpose, name: name.to_owned() }) } else { Err("a role's name has up to 64 letters, digits and `_+=,.@-`".to_owned()) }
}

/// IAM takes up to 255 letters of a client id (IAM API reference, CreateOpenIDConnectProvider).
fn audience(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.len() <= 255 && text.chars().all(|c| c.is_ascii_graphic() && !"*?$\"'\\`".contains(c));
    if good { Ok(text.to_owned()) } else { Err("an audience is one URL or name, as in `sts.amazonaws.com`, without `*`".to_owned()) }
}

/// IAM User Guide, "Update the maximum session duration for a role".
fn session(text: &str) -> Result<u64, String> {
    let seconds = age(text)?.as_secs();
    if (3_600..=43_200).contains(&seconds) { Ok(seconds) } else { Err("a session lasts from `1h` to `12h`".to_owned()) }
}
