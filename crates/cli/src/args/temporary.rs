//! `assume`, `exec`, `credentials`, `profile`, `console`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::CloudArgs;
use super::plan::age;

/// The shortest and the longest session of a role, in seconds (AWS STS API Reference, AssumeRole).
const SESSION: (u64, u64) = (900, 43_200);

/// Whose session, by whom, and with what.
#[derive(Debug, ClapArgs)]
pub(crate) struct TakeArgs {
    /// Manifests, or folders of them; of a role that is named by its ARN, none need be there [default: manifests]
    pub(crate) paths: Vec<PathBuf>,
    /// Read no manifest
    #[arg(long)]
    pub(crate) no_manifest: bool,
    /// Profile of AWS's shared files that assumes the role [default: whoever the environment says]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// In the embedded AWS: the user or role that assumes it, as in `dev/user/Name`
    #[arg(long, value_name = "PRINCIPAL", requires = "sandbox", conflicts_with = "profile")]
    pub(crate) r#as: Option<String>,
    /// In the embedded AWS: that principal has signed in with a second factor
    #[arg(long, requires = "as")]
    pub(crate) as_mfa: bool,
    /// Through this role, as in `role/Name`; again for the next
    #[arg(long, value_name = "ROLE")]
    pub(crate) via: Vec<String>,
    /// External id [default: that of the manifest]
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,
    /// Name of the session, as CloudTrail shows it [default: the name of whoever assumes the role]
    #[arg(long, value_name = "NAME", value_parser = session_name)]
    pub(crate) session_name: Option<String>,
    /// How long the session lasts, from `15m` to `12h`; an hour at most where a session of a role assumes it [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<u32>,
    /// Serial number or ARN of the device that shows a code [default, where the role wants one: `mfa_serial` of the profile, or the user's only device]
    #[arg(long, value_name = "SERIAL")]
    pub(crate) mfa_serial: Option<String>,
    /// Command that prints the code [default: `mfa_process` of the profile, else it is asked for on the terminal]
    #[arg(long, value_name = "COMMAND")]
    pub(crate) mfa_process: Option<String>,
    /// Source identity, which stays with all that the session does
    #[arg(long, value_name = "NAME", value_parser = source_identity)]
    pub(crate) source_identity: Option<String>,
    /// Tag of the session, as often as wanted
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    pub(crate) tag: Vec<(String, String)>,
    /// Key of a tag that stays through roles that the session assumes
    #[arg(long, value_name = "KEY")]
    pub(crate) transitive: Vec<String>,
    /// With no more than this session of the manifest (`[sessions.NAME]`) allows
    #[arg(long, value_name = "NAME")]
    pub(crate) session: Option<String>,
    /// Neither use kept credentials nor keep these
    #[arg(long)]
    pub(crate) no_cache: bool,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AssumeArgs {
    /// A role's name in a manifest, `role/Name`, `label/role/Name`, or an ARN
    #[arg(required_unless_present_any = ["list", "forget"])]
    pub(crate) role: Option<String>,
    #[command(flatten)]
    pub(crate) take: TakeArgs,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = ExportArg::Bash)]
    pub(crate) format: ExportArg,
    /// List the roles that whoever asks may assume, and assume none
    #[arg(long, conflicts_with = "forget")]
    pub(crate) list: bool,
    /// Delete all credentials that are kept here, and assume nothing
    #[arg(long)]
    pub(crate) forget: bool,
}

/// How credentials are printed.
#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum ExportArg {
    /// `eval "$(crossrole assume …)"`, in any shell of POSIX
    Bash,
    /// `crossrole assume … --format fish | source`
    Fish,
    /// `crossrole assume … --format powershell | Out-String | Invoke-Expression`
    #[value(alias = "pwsh")]
    Powershell,
    /// A file of `NAME='value'`
    Dotenv,
    /// One object with the variables
    Json,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExecArgs {
    /// A role's name in a manifest, `role/Name`, `label/role/Name`, or an ARN
    pub(crate) role: String,
    #[command(flatten)]
    pub(crate) take: TakeArgs,
    /// The command and its arguments, behind `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CredentialsArgs {
    /// A role's name in a manifest, `role/Name`, `label/role/Name`, or an ARN
    pub(crate) role: String,
    #[command(flatten)]
    pub(crate) take: TakeArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ProfileArgs {
    /// A role's name in a manifest, `role/Name`, `label/role/Name`, or an ARN
    pub(crate) role: String,
    #[command(flatten)]
    pub(crate) take: TakeArgs,
    /// Name of the profile [default: that of the role]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Write what any tool of AWS reads without crossrole: `role_arn`, `source_profile`, `external_id`, `mfa_serial`
    #[arg(long)]
    pub(crate) plain: bool,
    /// Region of the profile
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Take over a profile that crossrole has not written: what says of its credentials goes, the rest stays
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConsoleArgs {
    /// A role's name in a manifest, `role/Name`, `label/role/Name`, or an ARN
    pub(crate) role: String,
    #[command(flatten)]
    pub(crate) take: TakeArgs,
    /// Print the link, which is a credential, and open nothing
    #[arg(long)]
    pub(crate) print: bool,
    /// Service whose page is opened, as in `s3`
    #[arg(long, value_name = "SERVICE", value_parser = service)]
    pub(crate) destination: Option<String>,
}

fn duration(text: &str) -> Result<u32, String> {
    let seconds = age(text)?.as_secs();
    let wrong = || "a session lasts from `15m` to `12h`".to_owned();
    if (SESSION.0..=SESSION.1).contains(&seconds) { u32::try_from(seconds).map_err(|_| wrong()) } else { Err(wrong()) }
}

/// Letters of names and keys in STS (AWS STS API Reference, AssumeRole).
fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

fn session_name(text: &str) -> Result<String, String> {
    let good = (2..=64).contains(&text.len()) && text.chars().all(in_name);
    if good { Ok(text.to_owned()) } else { Err("a session's name has 2 to 64 letters, digits and `_+=,.@-`".to_owned()) }
}

fn source_identity(text: &str) -> Result<String, String> {
    let good = (2..=64).contains(&text.len()) && text.chars().all(in_name) && !text.starts_with("aws:");
    if good { Ok(text.to_owned()) } else { Err("a source identity has 2 to 64 letters, digits and `_+=,.@-`".to_owned()) }
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && key.chars().count() <= 128 && value.chars().count() <= 256 => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write `KEY=VALUE`, with up to 128 letters of a key and 256 of a value".to_owned()),
    }
}

/// A part of an address, and nothing that leads elsewhere.
fn service(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if good { Ok(text.to_owned()) } else { Err("a service is written as in `s3` or `cloudtrail`".to_owned()) }
}
