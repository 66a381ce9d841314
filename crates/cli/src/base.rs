//! `--base REF`: the manifests of another commit, and what of a plan is drift from them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crossrole_access::{Controls, Objects, delta};
use crossrole_model::access::AccessDelta;
use crossrole_model::desired::ManifestRef;
use crossrole_model::observed::Scope;
use crossrole_model::{
    AccountId, Action, Address, BaseMistakes, Cause, Change, Compared, Desired, Finding, Grounds, Kind, ObjectState, Observed, Plan, Reason, Severity, Since,
    Source, Subject, UnreadBase, Withheld, beyond_all,
};
use crossrole_planner::Options;

use crate::failure::Failure;
use crate::foreign;
use crate::git::Commit;
use crate::load;
use crate::session::Session;
use crate::settings::Settings;

/// What another commit says.
pub(crate) enum Base {
    /// Its manifests.
    Read(Box<ReadBase>),
    /// They have mistakes. What repairs them has to be planned all the same, and nothing of it is told apart.
    Unread(UnreadBase),
}

/// The manifests of another commit.
pub(crate) struct ReadBase {
    reference: String,
    commit: String,
    desired: Desired,
    /// Manifests that the commit does not have, by name and file.
    new: Vec<(String, String)>,
    /// Manifests that the run is no longer of, by name and file.
    gone: Vec<(String, String)>,
    /// All that it declares, that of manifests that are gone included.
    all: Desired,
}

/// What a plan of the commit comes to beside that of now.
struct Beside {
    then: Plan,
    drift: Vec<Change>,
    change: Vec<Change>,
    /// What would be put back to have what the commit says.
    back: Vec<Change>,
}

/// Who has gained and who has lost by drift: from what would be if it were put back to what is live.
pub(crate) fn by_hand(desired: &Desired, observed: &Observed, drift: &[Change], controls: &Controls) -> AccessDelta {
    if drift.is_empty() {
        return AccessDelta::default();
    }
    let mut objects = Objects::observed(observed, desired.partition).with_keys(&desired.bucket_keys);
    let live = objects.estate().under(controls);
    objects.apply(drift);
    delta(&objects.estate().under(controls), &live)
}

/// Who gains and who loses from what is read and put back to what is read and planned.
fn between([then, now]: [&Observed; 2], [back, changes]: [&[Change]; 2], desired: &Desired, controls: &Controls) -> AccessDelta {
    let with = |observed: &Observed, changes: &[Change]| {
        let mut objects = Objects::observed(observed, desired.partition).with_keys(&desired.bucket_keys);
        objects.apply(changes);
        objects.estate().under(controls)
    };
    delta(&with(then, back), &with(now, changes))
}

impl Base {
    /// What the commit says.
    ///
    /// # Errors
    /// Where its manifests, or what surrounds them, have mistakes.
    pub(crate) fn into_desired(self) -> Result<Desired, Failure> {
        match self {
            Self::Read(base) => Ok(base.desired),
            Self::Unread(unread) => {
                let error = format!("the manifests of `{}` have mistakes, so that nobody can tell what they take", unread.reference);
                Err(Failure::new(error, "name another commit; `crossrole validate` there says what is wrong"))
            }
        }
    }

    /// Reads the manifests of the commit under the settings that it has; what it does not have of those is as it is now.
    ///
    /// # Errors
    /// Where there is no such commit, or git does not work; what is wrong with what the commit has is none.
    pub(crate) fn read(reference: &str, paths: &[PathBuf], config: &Path, now: &Desired) -> Result<Self, Failure> {
        let first = paths.first().map_or(Path::new("."), PathBuf::as_path);
        let commit = Commit::find(reference, first)?;
        commit.holds(paths)?;
        let unread = |mistakes| Self::Unread(UnreadBase { reference: reference.to_owned(), commit: commit.id.clone(), mistakes, grounds: Grounds::default() });
        match ReadBase::read(reference, &commit, paths, config, now) {
            Ok(Ok(base)) => Ok(Self::Read(Box::new(base))),
            Ok(Err(mistakes)) => Ok(unread(mistakes)),
            Err(failure) if failure.is_of_a_tool() => Err(failure),
            Err(failure) => Ok(unread(BaseMistakes::Surroundings(failure.render(crossrole_report::Screen::default()).lines().map(str::to_owned).collect()))),
        }
    }

    /// What was read, with what the commit speaks of besides; `None` where that is nothing.
    pub(crate) async fn observe(&self, now: &Scope, observed: &Observed, session: &Session) -> Result<Option<Observed>, Failure> {
        match self {
            Self::Read(base) => base.observe(now, observed, session).await,
            Self::Unread(_) => Ok(None),
        }
    }

    /// Accounts that the commit's manifests name and those of now, which are `desired`, do not: nobody looks into them any more.
    pub(crate) fn unnamed(&self, desired: &Desired) -> Option<Vec<Withheld>> {
        let Self::Read(base) = self else { return None };
        let looked_at = base.desired.accounts.iter().filter(|(account, info)| info.managed && !info.left && !desired.accounts.contains_key(account));
        let subject = |account: &AccountId, label: &String| Subject::Account { account: account.clone(), label: label.clone() };
        Some(looked_at.map(|(account, info)| Withheld { subject: subject(account, &info.label), cause: Cause::Unnamed, blocks: false }).collect())
    }

    /// Who gains and who loses by what the manifests say otherwise than the commit, under other control policies than those of now; `None`:
    /// nobody can tell.
    pub(crate) fn under(&self, controls: &Controls, desired: &Desired, now: &Plan, observed: &Observed, options: &Options) -> Option<AccessDelta> {
        let Self::Read(base) = self else { return None };
        let beside = base.beside(desired, now, observed, options);
        Some(base.by_change(desired, now, observed, &beside.back, controls, None))
    }

    /// The plan of now, of `desired`, beside what the commit says. `observed`: of `observe`.
    pub(crate) fn compared(self, desired: &Desired, now: &Plan, observed: &Observed, options: &Options, controls: &Controls) -> Compared {
        match self {
            Self::Read(base) => Compared::Since(base.since(desired, now, observed, options, controls)),
            Self::Unread(unread) => Compared::Unread(unread),
        }
    }
}

/// Mistakes in files of a commit, and the files, by names that tell them from those of now: `origin/main:access/data.toml`.
fn of_commit(reference: &str, findings: Vec<Finding>, sources: Vec<Source>) -> BaseMistakes {
    let named = |file: &str| format!("{reference}:{file}");
    BaseMistakes::Manifests {
        findings: findings.into_iter().filter(|f| f.severity == Severity::Error).map(|f| Finding { file: named(&f.file), ..f }).collect(),
        sources: sources.into_iter().map(|source| Source { file: named(&source.file), ..source }).collect(),
    }
}

/// What a manifest of the commit owns is its own by the name that it has now as well: it may bear that already, and is no other's.
fn named_since(then: &mut [ManifestRef], now: &[ManifestRef]) {
    let known: BTreeSet<String> = then.iter().map(|manifest| manifest.name.clone()).collect();
    for manifest in then {
        let since = now.iter().filter(|one| one.renamed_from.contains(&manifest.name) && !known.contains(&one.name));
        manifest.renamed_from.extend(since.map(|one| one.name.clone()));
    }
}

impl ReadBase {
    /// Of manifests that the run is no longer of, only names and files are kept: `now` says nothing of what they made.
    fn read(reference: &str, commit: &Commit, paths: &[PathBuf], config: &Path, now: &Desired) -> Result<Result<Self, BaseMistakes>, Failure> {
        let settings = Settings::at(config, commit)?;
        let files = commit.files(paths, crossrole_manifest::MAX_BYTES, load::is_manifest)?;
        let sources: Vec<Source> = files.into_iter().map(|(file, text)| Source { file: file.display().to_string(), text }).collect();
        let surroundings = settings.surroundings()?;
        let (desired, findings) = crossrole_manifest::load_in(&sources, &surroundings);
        let Some(mut desired) = desired else { return Ok(Err(of_commit(reference, findings, settings.shown(&sources)))) };
        let mut all = desired.clone();
        named_since(&mut all.manifests, &now.manifests);
        let names = now.owners();
        let (kept, gone): (Vec<_>, Vec<_>) =
            desired.manifests.iter().map(|m| (m.name.clone(), m.file.clone())).partition(|(name, _)| names.contains(name.as_str()));
        let then: BTreeSet<&str> = desired.manifests.iter().map(|m| m.name.as_str()).collect();
        let added = now.manifests.iter().filter(|m| !m.names().any(|name| then.contains(name)));
        let new = added.map(|m| (m.name.clone(), m.file.clone())).collect();
        if !gone.is_empty() {
            let files: BTreeSet<&str> = kept.iter().map(|(_, file)| file.as_str()).collect();
            let left: Vec<Source> = sources.iter().filter(|source| files.contains(source.file.as_str())).cloned().collect();
            // One that can't be read without them is compared as it was.
            desired = crossrole_manifest::load_in(&left, &surroundings).0.unwrap_or(desired);
        }
        named_since(&mut desired.manifests, &now.manifests);
        Ok(Ok(Self { reference: reference.to_owned(), commit: commit.id.clone(), desired, new, gone, all }))
    }

    /// What has to be read besides what the plan of now reads, where it may be: buckets and keys that only the commit speaks of, and
    /// settings of buckets. Nothing more is asked of accounts that nobody names any more.
    fn beyond(&self, now: &Scope) -> Scope {
        let then = crossrole_planner::scope(&self.desired);
        let buckets = then.buckets.into_iter().filter(|(name, bucket)| now.accounts.contains_key(&bucket.account) && now.buckets.get(name) != Some(bucket));
        let key_account = |arn: &String| crossrole_model::KeyRef::parse(arn).is_some_and(|key| now.accounts.contains_key(&key.account()));
        Scope {
            buckets: buckets.collect(),
            keys: then.keys.difference(&now.keys).filter(|arn| key_account(arn)).cloned().collect(),
            keys_to_make: then.keys_to_make.difference(&now.keys_to_make).filter(|arn| key_account(arn)).cloned().collect(),
            ..Scope::default()
        }
    }

    async fn observe(&self, now: &Scope, observed: &Observed, session: &Session) -> Result<Option<Observed>, Failure> {
        let beyond = self.beyond(now);
        if beyond == Scope::default() {
            return Ok(None);
        }
        let mut more = session.observe(&beyond).await?;
        let mut all = observed.clone();
        all.buckets.append(&mut more.buckets);
        all.bucket_accounts.append(&mut more.bucket_accounts);
        all.account_blocks.append(&mut more.account_blocks);
        all.keys.append(&mut more.keys);
        // What it costs beyond the plan of now.
        all.calls = more.calls;
        Ok(Some(all))
    }

    /// Policies that hold statements of ours and that nothing names any more: a plan of now finds none of them, since nothing tells it where
    /// to look.
    fn left(desired: &Desired, now: &Plan, observed: &Observed, options: &Options) -> Vec<Address> {
        let all = crossrole_planner::plan(desired, observed, options);
        let found = all.changes.into_iter().map(|change| change.address).filter(|address| matches!(address.kind, Kind::BucketPolicy | Kind::KeyPolicy));
        found.filter(|address| !now.changes.iter().any(|change| change.address == *address)).collect()
    }

    /// Live roles that the manifests declare and the commit does not: whoever made them, it says nothing of them, and so lets nobody in.
    fn unsaid(&self, desired: &Desired, observed: &Observed) -> Vec<Change> {
        let live = |address: &Address| {
            let account = observed.accounts.get(&address.account).and_then(|account| account.known());
            account?.roles.values().find(|role| role.name.eq_ignore_ascii_case(&address.name)).map(|role| ObjectState::Role(role.state.clone()))
        };
        let new = desired.objects.iter().filter(|(address, _)| address.kind == Kind::Role && !self.all.objects.contains_key(address));
        let gone = new.filter_map(|(address, object)| {
            Some(Change {
                address: address.clone(),
                action: Action::Delete,
                before: Some(live(address)?),
                after: None,
                reasons: vec![Reason::SinceBase],
                consequences: Vec::new(),
                manifest: object.owner.clone(),
            })
        });
        gone.collect()
    }

    fn beside(&self, desired: &Desired, now: &Plan, observed: &Observed, options: &Options) -> Beside {
        let then = crossrole_planner::plan(&self.desired, observed, &Options { targets: options.targets.clone(), ..Options::default() });
        let (drift, change) = crossrole_planner::since(&then, now);
        // What is withheld stays as it is on both sides.
        let back = drift.iter().cloned().chain(self.unsaid(desired, observed)).filter(|change| !now.withholds(&change.address)).collect();
        Beside { then, drift, change, back }
    }

    /// Who gains and who loses by what the manifests say otherwise than the commit: from what would be if drift were put back to what will
    /// be. `known`: where nothing is put back.
    fn by_change(&self, desired: &Desired, now: &Plan, observed: &Observed, back: &[Change], controls: &Controls, known: Option<&AccessDelta>) -> AccessDelta {
        let mut all = match known.filter(|_| back.is_empty()) {
            Some(known) => known.clone(),
            None => between([observed; 2], [back, &now.changes], desired, controls),
        };
        // What somebody has put there as his own is no drift, and a manifest may say the same: what it is live by tells nothing then.
        let [of_then, of_now] = foreign::of_both(&self.all, desired);
        let ((then, had, _), (after, has, _)) = (of_then.taken_out(observed), of_now.taken_out(observed));
        if !had.is_empty() || !has.is_empty() {
            let said = between([&then, &after], [&of_then.taken_from(back), &of_now.taken_from(&now.changes)], desired, controls);
            let more = beyond_all(now, &said, &[&all]);
            all.changes.extend(more.changes);
            all.undecided.extend(more.undecided);
            all.changes.sort();
            all.undecided.sort();
        }
        all
    }

    fn since(&self, desired: &Desired, now: &Plan, observed: &Observed, options: &Options, controls: &Controls) -> Since {
        let Beside { then, drift, change, back } = self.beside(desired, now, observed, options);
        let access = by_hand(&self.desired, observed, &drift, controls);
        let change_access = self.by_change(desired, now, observed, &back, controls, now.access.as_ref());
        Since {
            reference: self.reference.clone(),
            commit: self.commit.clone(),
            drift,
            change,
            access,
            change_access,
            // Whom what is live lets in beside keeps nothing from being compared.
            not_compared: then
                .withheld
                .into_iter()
                .filter(|one| one.cause != Cause::Unnamed && !now.withheld.iter().any(|other| other.subject == one.subject))
                .collect(),
            left: Self::left(desired, now, observed, options),
            new: self.new.clone(),
            gone: self.gone.clone(),
            grounds: Grounds::default(),
        }
    }
}
