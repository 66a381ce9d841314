//! `crossrole.toml`: how accounts are reached from the place that runs. Nothing of it is in a manifest.

mod accounts;
mod audit;
mod controls;
mod defaults;
mod file;
mod guardrails;
mod identity_center;
mod lock;
mod origin;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossrole_cloud::{Access, TIMEOUT, TOTAL};
use crossrole_lint::guardrails::Guardrails;
use crossrole_manifest::Surroundings;
use crossrole_model::audit::{Limits, Suppression};
use crossrole_model::{AccountId, Desired, LockPlace, Source};

use crate::args::{ACCOUNTS, CloudArgs};
use crate::before::Before;
use crate::environment;
use crate::failure::Failure;
use crate::files::Wanted;
use crate::git::Commit;
use defaults::Defaults;
use file::Said;
use origin::{DIRECTORY, Origin, SETTINGS, present};

pub(crate) use verify::AtHand;

/// Calls in flight per account, unless said otherwise: Terraform's number.
const CONCURRENCY: usize = 10;

/// The settings of this place, read once.
#[derive(Debug)]
pub(crate) struct Settings {
    path: PathBuf,
    said: Said,
    /// Their text, where there is a file.
    source: Option<Source>,
    directory: Option<Source>,
    directory_path: PathBuf,
    origin: Origin,
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
        let source = text(path, &SETTINGS)?.map(|text| Source { file: path.display().to_string(), text });
        let mut findings = Vec::new();
        let said = source.as_ref().map(|source| file::read(source, &mut findings)).unwrap_or_default();
        if !findings.is_empty() {
            findings.sort();
            return Err(Failure::findings(findings, source.into_iter().collect()));
        }
        let directory_path = path.parent().unwrap_or(Path::new("")).join(said.defaults.directory.as_deref().unwrap_or(ACCOUNTS));
        // Where no file is named, none need be there.
        let directory = text(&directory_path, &DIRECTORY)?.map(|text| Source { file: directory_path.display().to_string(), text });
        Ok(Self { path: path.to_owned(), said, source, directory, directory_path, origin })
    }

    /// How the accounts of `desired` are reached.
    pub(crate) fn cloud(&self, args: &CloudArgs, desired: &Desired) -> Result<crossrole_cloud::Settings, Failure> {
        let Defaults { role_name, external_id, concurrency, concurrency_total, timeout, timeout_total: _, directory: _ } = &self.said.defaults;
        let entries = self.entries(desired)?.into_iter();
        let mut accounts: BTreeMap<AccountId, Access> = entries.filter_map(|(id, entry)| Some((id, entry.access.clone()?))).collect();
        if let Some(role) = role_name {
            // The lock may be in an account that no manifest speaks of.
            let lock = self.said.lock.as_ref().map(|place| &place.account);
            for id in desired.accounts.keys().chain(lock) {
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
        let calls = |typed: Option<u16>, said: Option<u64>| typed.map(usize::from).or_else(|| usize::try_from(said?).ok());
        Ok(crossrole_cloud::Settings {
            partition: desired.partition,
            accounts,
            concurrency: calls(args.concurrency, *concurrency).unwrap_or(CONCURRENCY),
            total: calls(args.concurrency_total, *concurrency_total).unwrap_or(TOTAL),
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
        args.timeout_total.or(self.said.defaults.timeout_total).map(Duration::from_secs)
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
        if self.directory.is_none() && self.said.defaults.directory.is_some() {
            let error = format!("directory of accounts `{}` is not there", self.directory_path.display());
            return Err(Failure::new(error, "correct `directory` under `[defaults]`, or write it with `crossrole accounts sync`"));
        }
        Ok(Surroundings {
            quotas: self.said.quotas,
            now: crate::commands::validate::now(),
            directory: self.directory.clone(),
            identity_center: self.said.identity_center.clone(),
            unmanaged: self.said.accounts.iter().filter(|entry| entry.unmanaged).map(|entry| entry.key.clone()).collect(),
        })
    }

    /// Where runs that write keep others out, if they do.
    pub(crate) fn lock(&self) -> Option<LockPlace> {
        self.said.lock.clone()
    }

    /// The same without accounts by labels that only manifests know, where there are none.
    pub(crate) fn without_labels_beside(mut self, desired: &Desired) -> Self {
        self.said.accounts.retain(|entry| AccountId::parse(&entry.key).is_some() || !desired.labelled(&entry.key).is_empty());
        self
    }

    /// These files, that of the settings and that of the accounts: mistakes may stand in each.
    pub(crate) fn shown(&self, sources: &[Source]) -> Vec<Source> {
        sources.iter().chain(&self.directory).chain(&self.source).cloned().collect()
    }

    /// Where an audit draws its lines.
    pub(crate) fn audit_limits(&self) -> Limits {
        self.said.audit.limits
    }

    /// What of an audit's findings is known and wanted.
    pub(crate) fn audit_suppressions(&self) -> Vec<Suppression> {
        self.said.audit.suppressions.clone()
    }

    /// Regions that an audit looks at besides.
    pub(crate) fn audit_regions(&self) -> BTreeSet<String> {
        self.said.audit.regions.clone()
    }

    /// Accounts that are no third party's, whatever manifests say.
    pub(crate) fn audit_own_accounts(&self) -> BTreeSet<AccountId> {
        self.said.audit.own_accounts.clone()
    }

    /// Organizations of one's own; none: it is not said.
    pub(crate) fn audit_own_organizations(&self) -> BTreeSet<String> {
        self.said.audit.own_organizations.clone()
    }

    /// The file that they were read from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whose credentials are at hand, to prove what manifests promise.
    pub(crate) fn principals(&self) -> &[AtHand] {
        &self.said.principals
    }

    /// The team's own rules.
    pub(crate) fn guardrails(&self) -> &Guardrails {
        &self.said.guardrails
    }
}
