//! `crossrole.toml`: how accounts are reached from the place that runs. Nothing of it is in a manifest.

mod audit;
mod lock;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossrole_access::Controls;
use crossrole_access::estate::Placed;
use crossrole_cloud::{Access, TIMEOUT, TOTAL};
use crossrole_lint::guardrails::Guardrails;
use crossrole_manifest::Surroundings;
use crossrole_model::audit::{Limits, Suppression};
use crossrole_model::limits::{self, Quotas};
use crossrole_model::{AccountId, Desired, IdentityCenter, LockPlace, Source};
use crossrole_policy::{Arn, Document};
use serde::Deserialize;

use crate::args::{ACCOUNTS, CONFIG, CloudArgs};
use crate::before::{Before, Was};
use crate::failure::Failure;
use crate::files::{self, Wanted};
use crate::git::Commit;
use crate::policies::{self, POLICY};
use crate::{actions, environment, place};

pub(crate) use verify::AtHand;

/// Calls in flight per account, unless said otherwise: Terraform's number.
const CONCURRENCY: usize = 10;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    accounts: BTreeMap<String, Account>,
    #[serde(default)]
    defaults: Defaults,
    #[serde(default)]
    guardrails: Guardrails,
    #[serde(default)]
    quotas: Raised,
    identity_center: Option<Center>,
    lock: Option<lock::Lock>,
    #[serde(default)]
    verify: verify::Verify,
    #[serde(default)]
    audit: audit::Audit,
}

/// Where permission sets are administered: what they need is written into their inline policies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Center {
    /// ARN of the instance.
    instance: String,
    /// The management account, or the one to which IAM Identity Center is delegated.
    account: String,
    /// Its home region.
    region: String,
}

/// Quotas that AWS was asked to raise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raised {
    trust_policy: Option<usize>,
    policies_per_role: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    profile: Option<String>,
    role_arn: Option<String>,
    external_id: Option<String>,
    /// Files, a level each from the organization's root down.
    #[serde(default)]
    service_control: Vec<Level>,
    #[serde(default)]
    resource_control: Vec<Level>,
}

/// The control policies of the root, of a unit, or of the account itself.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Level {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    /// Name of the role that is assumed in every account that has no entry.
    role_name: Option<String>,
    external_id: Option<String>,
    concurrency: Option<u16>,
    concurrency_total: Option<u16>,
    /// Seconds.
    timeout: Option<u64>,
    /// Seconds.
    timeout_total: Option<u64>,
    /// The file that lists accounts, from the folder of the settings.
    directory: Option<String>,
}

/// The settings of this place, read once.
#[derive(Debug)]
pub(crate) struct Settings {
    path: PathBuf,
    file: File,
    directory: Option<Source>,
    directory_path: PathBuf,
    origin: Origin,
}

/// Where the files of settings are read.
#[derive(Debug, Clone)]
enum Origin {
    /// Where they stand.
    Here,
    /// As they were before a change: what that brings along is not there.
    Before(Before),
}

impl Origin {
    /// A file that the settings `at` name, or those themselves.
    fn text(&self, at: &Path, path: &Path, wanted: &Wanted) -> Result<Option<String>, Failure> {
        let Self::Before(before) = self else { return present(at, path, wanted) };
        match before.text(path, wanted.most)? {
            Was::Text(text) => Ok(Some(text)),
            Was::Absent => Ok(None),
            Was::AsNow => present(at, path, wanted),
        }
    }

    /// A control policy.
    fn policy(&self, at: &Path, path: &Path, of_resource: bool, by_hand: bool) -> Result<Document, Failure> {
        let missing = || Failure::new(format!("policy `{}` is not there", path.display()), POLICY.advice);
        policies::control(path, &self.text(at, path, &POLICY)?.ok_or_else(missing)?, of_resource, by_hand)
    }
}

impl Settings {
    /// Reads the file; where none was named, none need be there.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Self::from(path, |file, wanted| present(path, file, wanted), Origin::Here)
    }

    /// The same as they were before a change, control policies included.
    pub(crate) fn before(path: &Path, before: Before) -> Result<Self, Failure> {
        let origin = Origin::Before(before);
        let from = origin.clone();
        Self::from(path, move |file, wanted| from.text(path, file, wanted), origin)
    }

    /// The settings and the directory of accounts of a commit. What it does not have is as it is now.
    pub(crate) fn at(path: &Path, commit: &Commit) -> Result<Self, Failure> {
        Self::from(path, |file, wanted| Ok(commit.file(file, wanted.most)?.or(present(path, file, wanted)?)), Origin::Here)
    }

    fn from(path: &Path, text: impl Fn(&Path, &Wanted) -> Result<Option<String>, Failure>, origin: Origin) -> Result<Self, Failure> {
        let file = text(path, &SETTINGS)?.map(|text| parsed(path, &text)).transpose()?.unwrap_or_default();
        let directory_path = path.parent().unwrap_or(Path::new("")).join(file.defaults.directory.as_deref().unwrap_or(ACCOUNTS));
        // Where no file is named, none need be there.
        let directory = text(&directory_path, &DIRECTORY)?.map(|text| Source { file: directory_path.display().to_string(), text });
        Ok(Self { path: path.to_owned(), file, directory, directory_path, origin })
    }

    /// How the accounts of `desired` are reached.
    pub(crate) fn cloud(&self, args: &CloudArgs, desired: &Desired) -> Result<crossrole_cloud::Settings, Failure> {
        let Defaults { role_name, external_id, concurrency, concurrency_total, timeout, timeout_total: _, directory: _ } = &self.file.defaults;
        let mut accounts = BTreeMap::new();
        for (key, account) in &self.file.accounts {
            let id = account_id(&self.path, desired, key)?;
            let Account { profile, role_arn, external_id, service_control, resource_control } = account;
            if let Some(wrong) = role_arn.as_ref().filter(|arn| !is_role_arn(arn)) {
                let error = format!("settings `{}`: `{wrong}` is no ARN of a role", self.path.display());
                return Err(Failure::new(error, "write it as in `arn:aws:iam::111111111111:role/crossrole-runner`"));
            }
            let reached = profile.is_some() || role_arn.is_some() || external_id.is_some();
            // An entry that names control policies alone says nothing of how the account is reached.
            if reached || service_control.is_empty() && resource_control.is_empty() {
                accounts.insert(id, Access { profile: profile.clone(), role_arn: role_arn.clone(), external_id: external_id.clone() });
            }
        }
        if let Some(role) = role_name {
            // The lock may be in an account that no manifest speaks of.
            let lock = self.lock()?.map(|place| place.account);
            for id in desired.accounts.keys().chain(&lock) {
                accounts.entry(id.clone()).or_insert_with(|| Access {
                    profile: None,
                    role_arn: Some(desired.partition.iam_arn(id, "role", "/", role)),
                    external_id: external_id.clone(),
                });
            }
        }
        if !args.sandbox {
            environment::check()?;
        }
        let timeout = args.timeout.or(*timeout).map_or(TIMEOUT, Duration::from_secs);
        let account_as_key = std::env::var_os("CROSSROLE_ACCOUNT_AS_KEY").is_some();
        Ok(crossrole_cloud::Settings {
            partition: desired.partition,
            accounts,
            concurrency: args.concurrency.or(*concurrency).map_or(CONCURRENCY, usize::from),
            total: args.concurrency_total.or(*concurrency_total).map_or(TOTAL, usize::from),
            timeout,
            console: None,
            transport: None,
            authorities: if args.sandbox { None } else { environment::authorities()? },
            sign_in_endpoint: if args.sandbox { None } else { environment::sign_in() },
            account_as_key,
        })
    }

    /// The longest that all waiting for AWS may take.
    pub(crate) fn timeout_total(&self, args: &CloudArgs) -> Option<Duration> {
        args.timeout_total.or(self.file.defaults.timeout_total).map(Duration::from_secs)
    }

    /// The organization's control policies; their files are named from the folder of the settings.
    pub(crate) fn controls(&self, desired: &Desired) -> Result<Controls, Failure> {
        self.bounds(desired).map(|(controls, _)| controls)
    }

    /// The same, with their files and the accounts that each binds.
    pub(crate) fn bounds(&self, desired: &Desired) -> Result<(Controls, Bound), Failure> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let names = |level: &Level| match level {
            Level::One(name) => vec![name.clone()],
            Level::Many(names) => names.clone(),
        };
        let level = |level: &Level, of_resource: bool| -> Result<Vec<Placed>, Failure> {
            let names = names(level).into_iter();
            names.map(|name| Ok(Placed::new(self.origin.policy(&self.path, &folder.join(&name), of_resource, true)?, format!("policy {name}")))).collect()
        };
        let (mut controls, mut bound) = (Controls::default(), Bound::new());
        let mut seen: BTreeMap<AccountId, &String> = BTreeMap::new();
        for (key, account) in &self.file.accounts {
            let id = account_id(&self.path, desired, key)?;
            if let Some(other) = seen.insert(id.clone(), key) {
                let error = format!("settings `{}`: `{other}` and `{key}` are one account", self.path.display());
                return Err(Failure::new(error, "write one entry for it"));
            }
            let both = [(&account.service_control, &mut controls.service, false), (&account.resource_control, &mut controls.resource, true)];
            for (levels, into, of_resource) in both {
                if levels.iter().any(|level| matches!(level, Level::Many(names) if names.is_empty())) {
                    let error = format!("settings `{}`: a level of control policies of `{key}` names none", self.path.display());
                    return Err(Failure::new(error, "every level has one at least: AWS's own is `FullAWSAccess`, or `RCPFullAWSAccess`"));
                }
                if !levels.is_empty() {
                    levels.iter().flat_map(names).for_each(|name| binds(&mut bound, &folder.join(name), &id));
                    into.insert(id.to_string(), levels.iter().map(|l| level(l, of_resource)).collect::<Result<_, _>>()?);
                }
            }
        }
        self.listed_controls(&mut controls, &mut bound)?;
        Ok((controls, bound))
    }

    /// Every file that was read, or is for control policies, in no order.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        fn named<'l>(folder: &Path, levels: impl Iterator<Item = &'l String>) -> Vec<PathBuf> {
            levels.map(|name| folder.join(name)).collect()
        }
        let level = |level: &'_ Level| match level {
            Level::One(name) => vec![name.clone()],
            Level::Many(names) => names.clone(),
        };
        let own: Vec<String> =
            self.file.accounts.values().flat_map(|account| account.service_control.iter().chain(&account.resource_control)).flat_map(level).collect();
        let mut files = named(self.path.parent().unwrap_or(Path::new("")), own.iter());
        let listed: Vec<String> = self
            .directory
            .iter()
            .flat_map(|source| crossrole_manifest::listed(source).0)
            .flat_map(|account| account.service_control.into_iter().chain(account.resource_control).flatten())
            .collect();
        files.extend(named(self.directory_path.parent().unwrap_or(Path::new("")), listed.iter()));
        files.extend([self.path.clone(), self.directory_path.clone()]);
        files.sort();
        files.dedup();
        files.retain(|file| file.is_file());
        files
    }

    /// Adds what the directory says; what the settings say of an account comes before that.
    fn listed_controls(&self, controls: &mut Controls, bound: &mut Bound) -> Result<(), Failure> {
        let folder = self.directory_path.parent().unwrap_or(Path::new(""));
        let mut known: BTreeMap<(String, bool), Placed> = BTreeMap::new();
        // The same few policies bind most accounts: each is read once.
        let mut read = |name: &String, of_resource: bool| -> Result<Placed, Failure> {
            if let Some(placed) = known.get(&(name.clone(), of_resource)) {
                return Ok(placed.clone());
            }
            // AWS takes any action in them, and these are AWS's own.
            let placed = Placed::new(self.origin.policy(&self.path, &folder.join(name), of_resource, false)?, format!("policy {name}"));
            known.insert((name.clone(), of_resource), placed.clone());
            Ok(placed)
        };
        for account in self.directory.iter().flat_map(|source| crossrole_manifest::listed(source).0) {
            let both = [(account.service_control, &mut controls.service, false), (account.resource_control, &mut controls.resource, true)];
            for (levels, into, of_resource) in both {
                if levels.iter().any(Vec::is_empty) {
                    let error = format!("directory `{}`: a level of control policies of `{}` names none", self.directory_path.display(), account.label);
                    return Err(Failure::new(error, "every level has one at least: AWS's own is `FullAWSAccess`, or `RCPFullAWSAccess`"));
                }
                if levels.is_empty() || into.contains_key(account.id.as_str()) {
                    continue;
                }
                levels.iter().flatten().for_each(|name| binds(bound, &folder.join(name), &account.id));
                let mut all: Vec<Vec<Placed>> = Vec::new();
                for level in &levels {
                    all.push(level.iter().map(|name| read(name, of_resource)).collect::<Result<_, _>>()?);
                }
                into.insert(account.id.to_string(), all);
            }
        }
        Ok(())
    }

    /// The directory of accounts as it stands, where there is one.
    pub(crate) fn directory(&self) -> Option<&Source> {
        self.directory.as_ref()
    }

    /// Where it stands, or would.
    pub(crate) fn directory_path(&self) -> &Path {
        &self.directory_path
    }

    /// What manifests are read under, now.
    ///
    /// # Errors
    /// The directory that the settings name is not there.
    pub(crate) fn surroundings(&self) -> Result<Surroundings, Failure> {
        if self.directory.is_none() && self.file.defaults.directory.is_some() {
            let error = format!("directory of accounts `{}` is not there", self.directory_path.display());
            return Err(Failure::new(error, "correct `directory` under `[defaults]`, or write it with `crossrole accounts sync`"));
        }
        Ok(Surroundings {
            quotas: self.quotas(),
            now: crate::commands::validate::now(),
            directory: self.directory.clone(),
            identity_center: self.identity_center()?,
        })
    }

    /// Where permission sets are written; all that is wrong with it at once.
    fn identity_center(&self) -> Result<Option<IdentityCenter>, Failure> {
        let Some(Center { instance, account, region }) = &self.file.identity_center else { return Ok(None) };
        let id = AccountId::parse(account);
        let is_instance = Arn::parse(instance).is_some_and(|arn| {
            let digits = arn.resource.strip_prefix("instance/ssoins-").filter(|digits| digits.len() == 16);
            arn.service == "sso" && digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)))
        });
        let mistakes = [
            (!is_instance).then(|| format!("`instance = \"{instance}\"` is no instance of IAM Identity Center")),
            id.is_none().then(|| format!("`account = \"{account}\"` is no account id")),
            (!is_region(region)).then(|| format!("`region = \"{region}\"` is no region")),
        ];
        let wrong: Vec<String> =
            mistakes.into_iter().flatten().map(|what| format!("settings `{}`: `[identity_center]`: {what}", self.path.display())).collect();
        match id.filter(|_| wrong.is_empty()) {
            Some(account) => Ok(Some(IdentityCenter { instance: instance.clone(), account, region: region.clone() })),
            None => {
                let advice = "write it as in `instance = \"arn:aws:sso:::instance/ssoins-…\"`, with the account that administers it and its home region";
                Err(Failure::several(wrong, advice))
            }
        }
    }

    /// Where runs that write keep others out, if they do.
    pub(crate) fn lock(&self) -> Result<Option<LockPlace>, Failure> {
        self.file.lock.as_ref().map(|lock| lock.place(&self.path)).transpose()
    }

    /// The same without accounts by labels that only manifests know, where there are none.
    pub(crate) fn without_labels_beside(mut self, desired: &Desired) -> Self {
        self.file.accounts.retain(|key, _| AccountId::parse(key).is_some() || !desired.labelled(key).is_empty());
        self
    }

    /// These files, and that of the accounts: mistakes may stand in either.
    pub(crate) fn shown(&self, sources: &[Source]) -> Vec<Source> {
        sources.iter().chain(&self.directory).cloned().collect()
    }

    /// Where an audit draws its lines.
    pub(crate) fn audit_limits(&self) -> Limits {
        self.file.audit.limits()
    }

    /// What of an audit's findings is known and wanted.
    pub(crate) fn audit_suppressions(&self) -> Vec<Suppression> {
        self.file.audit.suppressions()
    }

    /// Regions that an audit looks at besides.
    pub(crate) fn audit_regions(&self) -> BTreeSet<String> {
        self.file.audit.regions()
    }

    /// Accounts that are no third party's, whatever manifests say.
    pub(crate) fn audit_own_accounts(&self) -> BTreeSet<AccountId> {
        self.file.audit.own_accounts()
    }

    /// Organizations of one's own; none: it is not said.
    pub(crate) fn audit_own_organizations(&self) -> BTreeSet<String> {
        self.file.audit.own_organizations()
    }

    /// The quotas of the accounts.
    fn quotas(&self) -> Quotas {
        let (usual, Raised { trust_policy, policies_per_role }) = (Quotas::default(), &self.file.quotas);
        Quotas { trust_policy: trust_policy.unwrap_or(usual.trust_policy), policies_per_role: policies_per_role.unwrap_or(usual.policies_per_role) }
    }

    /// The file that they were read from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whose credentials are at hand, to prove what manifests promise.
    pub(crate) fn principals(&self) -> &[AtHand] {
        &self.file.verify.principals
    }

    /// The team's own rules.
    pub(crate) fn guardrails(&self) -> &Guardrails {
        &self.file.guardrails
    }
}

/// Files of control policies, and the accounts that each binds.
pub(crate) type Bound = BTreeMap<String, BTreeSet<AccountId>>;

fn binds(bound: &mut Bound, file: &Path, account: &AccountId) {
    bound.entry(file.display().to_string()).or_default().insert(account.clone());
}

fn account_id(config: &Path, desired: &Desired, key: &str) -> Result<AccountId, Failure> {
    if let Some(id) = AccountId::parse(key) {
        return Ok(id);
    }
    let config = config.display();
    match desired.labelled(key).as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::new(
            format!("`{config}`: `{key}` is neither an account id nor the label of a trusted account"),
            "write `[accounts.\"222222222222\"]`, or the label in the manifest",
        )),
        [one, other, ..] => Err(Failure::new(
            format!("`{config}`: `{key}` is the label of several accounts of these manifests, {one} and {other} among them"),
            format!("write `[accounts.\"{one}\"]`, and so for each"),
        )),
    }
}

/// The file that lists accounts.
const DIRECTORY: Wanted = Wanted {
    what: "directory of accounts",
    most: crossrole_manifest::MAX_BYTES,
    advice: "correct `directory` under `[defaults]`, or leave it out",
    smaller: "list fewer accounts",
};

/// The file of settings.
const SETTINGS: Wanted =
    Wanted { what: "settings", most: files::SMALL, advice: "check the path given with `--config`", smaller: "keep to the settings that there are" };

/// The text of a file of this place, which the settings `at` name, or those themselves. One that nobody has named need not be there.
fn present(at: &Path, path: &Path, wanted: &Wanted) -> Result<Option<String>, Failure> {
    place::stays(path, at, wanted.what)?;
    let optional = path.as_os_str() == CONFIG || wanted.what == DIRECTORY.what;
    if optional && !path.exists() { Ok(None) } else { files::read(path, wanted).map(Some) }
}

fn parsed(path: &Path, text: &str) -> Result<File, Failure> {
    let file: File = toml::from_str(text).map_err(|e| {
        Failure::new(
            format!("settings `{}`, {}", path.display(), mistake(text, &e)),
            "it knows `[accounts.ID]` with `profile`, `role_arn`, `external_id`, `service_control`, `resource_control`, and `[defaults]` with `role_name`, `external_id`, `concurrency`, `concurrency_total`, `timeout`, `timeout_total`, `directory`, and `[guardrails]`, and `[quotas]` with `trust_policy`, `policies_per_role`, and `[lock]` with `bucket`, `account`, `region`, `key`, `kms_key`, `lease`, and `[[verify.principals]]` with `name`, `profile` or `command`, `mfa`, and `[audit]` with `unused_days`, `max_session_hours`, `role_age_days`, `key_age_days`, `kms`, `regions`, `own_accounts`, `own_organizations`, `suppress`",
        )
    })?;
    file.quotas.check(path)?;
    file.defaults.check(path)?;
    forbidden(&file.guardrails, path)?;
    selecting(&file.guardrails, path)?;
    file.lock.as_ref().map(|lock| lock.place(path)).transpose()?;
    file.verify.check(path)?;
    file.audit.check(path)?;
    Ok(file)
}

/// What is wrong, and in which line. The line itself may hold an external id, and so may what is said of its value.
fn mistake(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else { return error.message().to_owned() };
    let before = text.get(..span.start).unwrap_or_default();
    let begins = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(begins..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let message = if line.contains("external_id") { "an external id is text in quotes" } else { error.message() };
    format!("line {}: {message}", before.matches('\n').count() + 1)
}

/// A guardrail that can select nothing asks nothing of anybody.
fn selecting(guardrails: &Guardrails, path: &Path) -> Result<(), Failure> {
    let named = |select: &str| !select.is_empty() && select.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-*?".contains(&b));
    let selects = guardrails.roles.iter().map(|rule| &rule.select).filter(|select| !named(select));
    let mut wrong: Vec<String> = selects.map(|s| format!("settings `{}`: `{s}` is no pattern of role names", path.display())).collect();
    let accounts = guardrails.trusted_accounts.iter().flatten().filter(|id| AccountId::parse(id).is_none());
    wrong.extend(accounts.map(|id| format!("settings `{}`: `{id}` in `trusted_accounts` is no account id", path.display())));
    if wrong.is_empty() { Ok(()) } else { Err(Failure::several(wrong, "a name has no path and no kind before it, as in `Prod*`; an id has 12 digits")) }
}

/// A guardrail that forbids what does not exist forbids nothing.
fn forbidden(guardrails: &Guardrails, path: &Path) -> Result<(), Failure> {
    let of_roles = guardrails.roles.iter().flat_map(|rule| &rule.forbidden_actions);
    let wrong = guardrails.forbidden_actions.iter().chain(of_roles).filter_map(|pattern| actions::mistake(pattern));
    let wrong: Vec<String> = wrong.map(|error| format!("settings `{}`: {error}", path.display())).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Failure::several(wrong, "correct it in `forbidden_actions`; a pattern is written as in `iam:*`")) }
}

impl Defaults {
    /// The bounds of the command line hold in the file, too.
    fn check(&self, path: &Path) -> Result<(), Failure> {
        let Self { role_name, external_id: _, concurrency, concurrency_total, timeout, timeout_total, directory: _ } = self;
        let numbers = [
            ("concurrency", concurrency.map(u64::from), 1_000),
            ("concurrency_total", concurrency_total.map(u64::from), 10_000),
            ("timeout", *timeout, 86_400),
            ("timeout_total", *timeout_total, 86_400),
        ];
        for (name, value, most) in numbers {
            if let Some(value) = value.filter(|value| !(1..=most).contains(value)) {
                return Err(Failure::new(format!("settings `{}`: `{name}` can't be {value}", path.display()), format!("it is between 1 and {most}")));
            }
        }
        if let Some(name) = role_name.as_ref().filter(|name| !is_role_name(name)) {
            return Err(Failure::new(format!("settings `{}`: `{name}` is no name of a role", path.display()), "write it as in `crossrole-runner`"));
        }
        Ok(())
    }
}

fn is_region(text: &str) -> bool {
    text.split('-').count() >= 3 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_role_arn(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| {
        let role = arn.resource.strip_prefix("role/").is_some_and(is_role_name);
        arn.service == "iam" && AccountId::parse(arn.account).is_some() && role
    })
}

/// A path is a part of it where there is one.
fn is_role_name(text: &str) -> bool {
    text.split('/').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && !b"\"*?:".contains(&b)))
}

impl Raised {
    /// What AWS does not raise a quota to, or lower than its default, is a mistake in the file.
    fn check(&self, path: &Path) -> Result<(), Failure> {
        let Self { trust_policy, policies_per_role } = *self;
        let rows = [
            ("trust_policy", trust_policy, limits::TRUST_POLICY, limits::TRUST_POLICY_MOST),
            ("policies_per_role", policies_per_role, limits::ATTACHED_POLICIES, limits::POLICIES_PER_ROLE_MOST),
        ];
        for (name, value, least, most) in rows {
            if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
                return Err(Failure::new(
                    format!("settings `{}`: quota `{name}` can't be {value}", path.display()),
                    format!("it is {least} unless AWS has raised it, to {most} at most"),
                ));
            }
        }
        Ok(())
    }
}
