//! Temporary credentials: a session of a role, for a person or a program.
//!
//! [`Taking`] knows what was asked for; `chain` asks STS, role after role; `terms` says with what a role wants to be assumed, from the
//! manifests; `cache` keeps what is good for a while. Nothing here prints a credential: that is the commands' affair.

pub(crate) mod aws_config;
pub(crate) mod cache;
mod chain;
mod code;
pub(crate) mod exports;
pub(crate) mod less;
pub(crate) mod loopback;
pub(crate) mod may;
mod refused;
pub(crate) mod roles;
mod terms;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crossrole_access::{Estate, Objects};
use crossrole_cloud::{By, Keys};
use crossrole_model::{AccountId, Desired, Partition};
use crossrole_policy::{Arn, Document};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Mutex;

use crate::args::TakeArgs;
use crate::ask;
use crate::failure::Failure;
use crate::io::Io;
use crate::load::Loaded;
use crate::session::Session;
use crate::settings::Settings;

use cache::Cache;

/// A session of a role, for whoever uses it.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// What it is used with.
    pub(crate) keys: Keys,
    /// ARN of the session.
    pub(crate) arn: String,
    /// When it was asked for, in seconds since 1970.
    pub(crate) issued: i64,
    /// Long-term keys have assumed the role by themselves.
    pub(crate) by_long_term: bool,
}

impl Given {
    /// When it ends, as programs write it.
    pub(crate) fn expiration(&self) -> String {
        moment(self.keys.expires.unwrap_or_default())
    }

    /// Whether it lasts long enough to be handed out once more: what is left is a third of its life, or a quarter of an hour, which is
    /// when AWS's SDKs begin to ask for the next.
    pub(crate) fn lasts(&self, now: i64) -> bool {
        let Some(expires) = self.keys.expires else { return false };
        expires - now > ((expires - self.issued) / 3).clamp(0, 15 * 60)
    }
}

/// `2026-01-01T00:00:00Z`
pub(crate) fn moment(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|d| i64::try_from(d.as_secs()).ok()).unwrap_or_default()
}

/// What was asked for, ready to be asked of STS.
pub(crate) struct Taking {
    pub(crate) session: Session,
    /// ARN.
    pub(crate) role: String,
    /// Of the role.
    pub(crate) account: AccountId,
    /// What the manifests say by themselves.
    pub(crate) estate: Estate,
    args: Asked,
    /// ARNs of roles on the way.
    via: Vec<String>,
    /// The most that the session may do.
    policy: Option<Document>,
    by: By,
    /// Somebody may be asked for a code.
    asks: code::Asks,
    /// Where credentials are kept, if they are.
    cache: Option<Cache>,
    /// Nothing is said but errors.
    quiet: bool,
    /// A session of long-term keys that has its second factor.
    with_factor: Mutex<Option<Given>>,
}

/// What was typed, as far as it is asked of STS.
#[derive(Debug, Clone)]
struct Asked {
    profile: Option<String>,
    external_id: Option<String>,
    session_name: Option<String>,
    duration: Option<u32>,
    mfa_serial: Option<String>,
    mfa_process: Option<String>,
    source_identity: Option<String>,
    tags: Vec<(String, String)>,
    transitive: Vec<String>,
    /// Manifests that were named.
    paths: Vec<PathBuf>,
}

impl Taking {
    /// Reads manifests and settings, and finds the role; nothing is called yet.
    pub(crate) fn open(role: &str, args: &TakeArgs, quiet: bool, io: &mut Io) -> Result<Self, Failure> {
        checked(args)?;
        let session = Session::of(loaded(role, args, io)?, &args.cloud, io)?;
        let opened = Self::of(session, role, args, quiet, io);
        opened.map_err(|(session, failure)| session.ended::<()>(Err(failure)).err().unwrap_or_else(|| Failure::bug("an error was lost")))
    }

    fn of(session: Session, role: &str, args: &TakeArgs, quiet: bool, io: &Io) -> Result<Self, (Box<Session>, Failure)> {
        match Found::of(&session, role, args) {
            Ok(Found { role, account, via, estate, policy, by }) => {
                // The embedded AWS is no secret, and may be another one by the next command.
                let keeps = io.alone && !args.no_cache && !args.cloud.sandbox;
                let asks = code::Asks { alone: io.alone, interactive: io.interactive };
                let asked = Asked {
                    profile: args.profile.clone(),
                    external_id: args.external_id.clone(),
                    session_name: args.session_name.clone(),
                    duration: args.duration,
                    mfa_serial: args.mfa_serial.clone(),
                    mfa_process: args.mfa_process.clone(),
                    source_identity: args.source_identity.clone(),
                    tags: args.tag.clone(),
                    transitive: args.transitive.clone(),
                    paths: args.paths.clone(),
                };
                let cache = if keeps { Cache::of_this_place() } else { None };
                Ok(Self { session, role, account, estate, args: asked, via, policy, by, asks, cache, quiet, with_factor: Mutex::default() })
            }
            Err(failure) => Err((Box::new(session), failure)),
        }
    }

    /// Says something to whoever looks on.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.session.told.line(text);
        }
    }

    pub(crate) fn desired(&self) -> &Desired {
        &self.session.desired
    }
}

/// Where everything is that an option or a file names.
struct Found {
    role: String,
    account: AccountId,
    via: Vec<String>,
    estate: Estate,
    policy: Option<Document>,
    by: By,
}

impl Found {
    fn of(session: &Session, role: &str, args: &TakeArgs) -> Result<Self, Failure> {
        let desired = &session.desired;
        let estate = Objects::desired(desired).estate().under(&session.settings.controls(desired)?);
        let role = roles::named(role, desired, &estate)?;
        let account = account_of(&role)?;
        let via = args.via.iter().map(|text| roles::named(text, desired, &estate)).collect::<Result<Vec<_>, _>>()?;
        let policy = args.session.as_deref().map(|name| less::policy(name, &account, desired)).transpose()?;
        let by = who(session, args, &estate)?;
        Ok(Self { role, account, via, estate, policy, by })
    }
}

/// The account of an ARN.
pub(crate) fn account_of(arn: &str) -> Result<AccountId, Failure> {
    let account = Arn::parse(arn).and_then(|arn| AccountId::parse(arn.account));
    account.ok_or_else(|| Failure::new(format!("`{}` names no account", crossrole_report::safe(arn)), "correct the ARN"))
}

/// Whose credentials ask.
fn who(session: &Session, args: &TakeArgs, estate: &Estate) -> Result<By, Failure> {
    let Some(sandbox) = session.sandbox() else {
        return Ok(args.profile.clone().map_or(By::Default, By::Profile));
    };
    let Some(principal) = &args.r#as else {
        return Err(Failure::new("in the embedded AWS nobody is signed in", "say who assumes the role, as in `--as dev/user/Name`"));
    };
    let arn = ask::principal(principal, &session.desired, estate)?;
    let signed = sandbox.sign_in(&arn, args.as_mfa).ok_or_else(|| {
        let hint = "name a user or a role that is there: `crossrole sandbox show` lists them, `sandbox prepare` and `apply` make them";
        Failure::new(format!("`{}` is nobody in the embedded AWS", crossrole_report::safe(&arn)), hint)
    })?;
    let crossrole_sandbox::SignedIn { access_key_id, secret_access_key, session_token, expires } = signed;
    Ok(By::Keys(Keys { access_key_id, secret_access_key, session_token: Some(session_token), expires: Some(expires) }))
}

/// The folder of manifests, unless others are named.
const MANIFESTS: &str = "manifests";

/// Those that are named, or the usual ones.
pub(crate) fn paths(named: &[PathBuf]) -> Vec<PathBuf> {
    if named.is_empty() { vec![PathBuf::from(MANIFESTS)] } else { named.to_vec() }
}

/// Manifests, or none where none was named and none is needed.
fn loaded(role: &str, args: &TakeArgs, io: &mut Io) -> Result<Loaded, Failure> {
    let none = args.paths.is_empty() && !Path::new(MANIFESTS).exists();
    if !(none || args.no_manifest) || !role.starts_with("arn:") {
        return Loaded::read(&paths(&args.paths), &args.cloud.config, io);
    }
    let all = [Partition::Aws, Partition::AwsCn, Partition::AwsUsGov];
    let partition = all.into_iter().find(|partition| role.starts_with(&format!("arn:{}:", partition.as_str()))).unwrap_or_default();
    let desired = Desired { partition, ..Desired::default() };
    let settings = Settings::read(&args.cloud.config)?.without_labels_beside(&desired);
    Ok(Loaded { settings, desired, sources: Vec::new() })
}

/// What AWS would refuse, all of it at once (AWS STS API Reference, AssumeRole).
fn checked(args: &TakeArgs) -> Result<(), Failure> {
    /// Most tags of a session.
    const TAGS_MOST: usize = 50;
    let mut wrong = Vec::new();
    let mut keys = std::collections::BTreeSet::new();
    for (key, _) in &args.tag {
        if !keys.insert(key.to_lowercase()) {
            wrong.push(format!("tag `{}` is given twice: AWS does not tell keys apart by case", crossrole_report::safe(key)));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            wrong.push(format!("tag `{}` is AWS's own", crossrole_report::safe(key)));
        }
    }
    if args.tag.len() > TAGS_MOST {
        wrong.push(format!("{} tags, over the {TAGS_MOST} that AWS takes", args.tag.len()));
    }
    let missing = args.transitive.iter().filter(|key| !keys.contains(&key.to_lowercase()));
    wrong.extend(missing.map(|key| format!("`--transitive {}` names no tag that is given", crossrole_report::safe(key))));
    if wrong.is_empty() { Ok(()) } else { Err(Failure::several(wrong, "correct `--tag` and `--transitive`; nothing was asked of AWS")) }
}
