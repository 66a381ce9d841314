//! What a plan is judged by besides its manifests, under `--base`: settings, guardrails, the directory of accounts and control policies as
//! the commit has them. What a change brings along of it must not hide what the change gives.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crossrole_access::{Controls, delta};
use crossrole_model::access::AccessDelta;
use crossrole_model::{Desired, Ground, Grounds, Observed, Plan, beyond, beyond_all};

use crate::before::Before;
use crate::commands::plan::sides;
use crate::failure::Failure;
use crate::settings::Settings;

/// What is otherwise than in the commit.
pub(crate) struct Base {
    changed: BTreeSet<(Ground, String)>,
    /// The control policies of the commit, where something is otherwise: none that bind, where they can't be read.
    controls: Option<Controls>,
    /// They can't be read.
    unread: bool,
}

impl Base {
    /// Reads what the commit has of it. A commit whose settings have mistakes holds up nothing: then no control policy binds.
    pub(crate) fn read(reference: &str, paths: &[PathBuf], now: &Settings, desired: &Desired) -> Result<Self, Failure> {
        let first = paths.first().map_or(Path::new("."), PathBuf::as_path);
        let before = Before::find(reference, first)?;
        let then = Settings::before(now.path(), before.clone());
        let all: BTreeSet<PathBuf> = then.iter().flat_map(Settings::files).chain(now.files()).collect();
        let mut changed = BTreeSet::new();
        for file in all.into_iter().filter(|file| before.differs(file, crossrole_manifest::MAX_BYTES)) {
            changed.insert((of(&file, now, then.as_ref().ok()), file.display().to_string()));
        }
        if then.as_ref().map_or(!changed.is_empty(), |then| then.guardrails() != now.guardrails()) {
            changed.insert((Ground::Guardrails, now.path().display().to_string()));
        }
        let read = |then: Result<Settings, Failure>| then?.without_labels_beside(desired).controls(desired);
        let controls = (!changed.is_empty()).then(|| read(then));
        let unread = matches!(controls, Some(Err(_)));
        Ok(Self { changed, controls: controls.map(Result::unwrap_or_default), unread })
    }

    /// The control policies of the commit, where something is otherwise.
    pub(crate) fn controls(&self) -> Option<&Controls> {
        self.controls.as_ref()
    }

    /// What it comes to for a plan. `said`: what the manifests give that those of the commit did not, under the control policies of now;
    /// `under`: under those of the commit, where they are others. What is live by somebody's hand is in no plan.
    pub(crate) fn grounds(self, plan: &Plan, desired: &Desired, observed: &Observed, said: Option<&AccessDelta>, under: Option<&AccessDelta>) -> Grounds {
        let Self { changed, controls, unread } = self;
        let beyond = |controls: Controls| {
            let [before, after] = sides(plan, desired, observed, &controls);
            beyond(plan, &delta(&before, &after))
        };
        let mut wider = controls.map(beyond).unwrap_or_default();
        let known: Vec<&AccessDelta> = said.into_iter().chain([&wider]).collect();
        if let Some(AccessDelta { changes, undecided, grants_unseen: _ }) = under.map(|under| beyond_all(plan, under, &known)) {
            wider.changes.extend(changes);
            wider.undecided.extend(undecided);
            wider.changes.sort();
            wider.undecided.sort();
        }
        Grounds { changed, wider, unread }
    }
}

/// What a file is.
fn of(file: &Path, now: &Settings, then: Option<&Settings>) -> Ground {
    let directory = |settings: &Settings| settings.directory_path() == file;
    if file == now.path() {
        Ground::Settings
    } else if directory(now) || then.is_some_and(directory) {
        Ground::Directory
    } else {
        Ground::ControlPolicy
    }
}
