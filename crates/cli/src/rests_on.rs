//! What a plan rests on besides its manifests: the commit, settings and policies, and what is live.

use std::path::Path;

use crossrole_model::{Digest, Observed, Plan, RestsOn};

use crate::git::Commit;
use crate::session::Session;

/// As it is now. A file that can't be read is none: whoever reads it for more than its digest says so.
pub(crate) fn now(session: &Session, plan: &Plan, observed: &Observed) -> RestsOn {
    let digest = |file: std::path::PathBuf| Some((file.display().to_string(), Digest::of(&std::fs::read(file).ok()?)));
    RestsOn {
        commit: plan.manifests.first().and_then(|manifest| Commit::head(Path::new(&manifest.file))),
        files: session.settings.files().into_iter().filter_map(digest).collect(),
        objects: crossrole_planner::rests_on(&session.desired, observed, plan),
    }
}
