//! A saved plan beside what would be done now: a record of what was reviewed, never an instruction.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossrole_model::plan::{Difference, LivePart, Turned};
use crossrole_model::{Cause, Digest, Plan};
use crossrole_planner::Options;
use crossrole_report::{CodecError, Line, Tone, safe};

use crate::args::GuardArgs;
use crate::failure::{Exit, Failure};
use crate::files::{self, Wanted};
use crate::guard::Gate;
use crate::session::Session;
use crate::{guardrails, load, rests_on};

use super::plan::{Made, access, checked};

/// What to do about all of it.
const AGAIN: &str = "plan again with `--out`, and have the new plan reviewed";

/// What to do where nothing is known to have moved.
const READABLE: &str = "have what is named read (credentials, rights, the network: see what is withheld), and apply the same file again: nothing is known to have \
                        moved, or carry out the rest alone with `--partial`";

/// What else than manifests may be applied.
const PLAN: Wanted = Wanted {
    what: "plan",
    most: crossrole_report::PLAN_BYTES_MOST,
    advice: "name manifests, a folder of them, or a plan saved with `crossrole plan --out`",
    smaller: "plan fewer manifests at a time",
};

/// A plan that somebody has reviewed, and where its manifests may be.
pub(crate) struct Reviewed {
    pub(crate) plan: Plan,
    /// Named behind the plan; none: where they were when it was made.
    pub(crate) places: Vec<PathBuf>,
}

/// The saved plan that is named first, if that is one.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Option<Reviewed>, Failure> {
    let Some((path, places)) = paths.split_first() else { return Ok(None) };
    if path.is_dir() || path.extension().is_some_and(|e| e == "toml") {
        return Ok(None);
    }
    let text = files::read(path, &PLAN)?;
    let plan = crossrole_report::read_plan(&text).map_err(|e| {
        let (error, hint) = (format!("`{}`: {e}", path.display()), "plan again with `crossrole plan --out`");
        if e == CodecError::Altered { Failure::refused(error, hint) } else { Failure::new(error, hint) }
    })?;
    Ok(Some(Reviewed { plan, places: places.to_vec() }))
}

impl Reviewed {
    /// The files of its manifests, as they were named, and where they may be now.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.plan.manifests.iter().map(|manifest| PathBuf::from(&manifest.file)).chain(self.places.iter().cloned()).collect()
    }

    /// What is taken back, and of what, is asked for by whoever applies: the file is a record, and no instruction.
    pub(crate) fn asked_for(&self, options: &Options) -> Result<(), Failure> {
        let plan = &self.plan;
        let set = |targets: &[String]| targets.iter().cloned().collect::<BTreeSet<String>>();
        let refused = |error: &str, hint: &str| Err(Failure::refused(error, hint));
        match (plan.destroy, options.destroy) {
            (true, false) => {
                return refused(
                    "this plan takes back all that its manifests own, and `apply` is not asked for that",
                    "`crossrole destroy FILE` carries it out, where that is meant",
                );
            }
            (false, true) => return refused("this plan takes nothing back as `destroy` does", "`crossrole apply FILE` carries it out, where that is meant"),
            (true, true) | (false, false) => {}
        }
        if plan.destroy_keys != options.destroy_keys {
            return refused(
                "the keys that this plan deletes are not those that are named here",
                "give `--destroy-key` here as it was given to `crossrole plan`, once for each, where that is meant",
            );
        }
        if set(&plan.targets) != set(&options.targets) {
            return refused(
                "this plan is not of what is asked for here: its targets are others",
                "give `--target` here as it was given to `crossrole plan`, once for each, where that is meant",
            );
        }
        Ok(())
    }

    /// A plan that was reviewed long ago is not what its reviewers would say today. One of tomorrow has a wrong clock behind it.
    pub(crate) fn young_enough(&self, most: Duration, now: i64) -> Result<(), Failure> {
        /// Clocks of two machines differ by so much, at most, in seconds.
        const SKEW: i64 = 300;
        let seconds = now.saturating_sub(self.plan.saved_at);
        if seconds < -SKEW {
            return Err(Failure::refused("this plan was saved in the future", "set the clock of this machine, or of the one that planned, right"));
        }
        if u64::try_from(seconds).is_ok_and(|age| age > most.as_secs()) {
            let shown = |seconds: u64| match seconds {
                0..120 => format!("{seconds} seconds"),
                120..7_200 => format!("{} minutes", seconds / 60),
                7_200..172_800 => format!("{} hours", seconds / 3_600),
                _ => format!("{} days", seconds / 86_400),
            };
            let error = format!("this plan was saved {} ago, and may be {} old", shown(seconds.unsigned_abs()), shown(most.as_secs()));
            return Err(Failure::refused(error, "plan again, and have the new plan reviewed"));
        }
        Ok(())
    }
}

/// The manifests that a plan was made from, where they are now: those that have the same text. One that was changed since the review is
/// not what was reviewed.
pub(crate) fn manifests(plan: &Plan, places: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    if plan.manifests.is_empty() {
        return Err(Failure::new("this plan names no manifest that it was made from", "plan again with `crossrole plan --out`"));
    }
    if places.is_empty() { in_their_places(plan) } else { among(plan, places) }
}

fn in_their_places(plan: &Plan) -> Result<Vec<PathBuf>, Failure> {
    let mut changed: Vec<String> = Vec::new();
    for manifest in &plan.manifests {
        // The file says which: it may be anything.
        match std::fs::metadata(&manifest.file) {
            Ok(_) => {
                let text = files::read(Path::new(&manifest.file), &load::MANIFEST)?;
                if Digest::of(text.as_bytes()) != manifest.digest {
                    changed.push(format!("plan is stale: manifest `{}` has changed since it was planned", manifest.file));
                }
            }
            Err(e) => {
                return Err(Failure::new(
                    format!("manifest `{}`, which this plan was made from, can't be read: {e}", manifest.file),
                    "apply from the folder that the plan was made in, or name the manifests behind the plan: `crossrole apply PLAN manifests/`",
                ));
            }
        }
    }
    changed.dedup();
    if changed.is_empty() {
        let files: BTreeSet<PathBuf> = plan.manifests.iter().map(|m| PathBuf::from(&m.file)).collect();
        return Ok(files.into_iter().collect());
    }
    Err(Failure::several(changed, "plan again, and have the new plan reviewed").into_moved())
}

fn among(plan: &Plan, places: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let sources = load::sources(places)?;
    let mut found = BTreeSet::new();
    let mut missing: Vec<String> = Vec::new();
    for manifest in &plan.manifests {
        match sources.iter().find(|source| Digest::of(source.text.as_bytes()) == manifest.digest) {
            Some(source) => drop(found.insert(PathBuf::from(&source.file))),
            None => missing.push(format!("plan is stale: manifest {} is not among these as it was planned (`{}`)", manifest.name, manifest.file)),
        }
    }
    missing.dedup();
    if missing.is_empty() { Ok(found.into_iter().collect()) } else { Err(Failure::several(missing, "plan again, and have the new plan reviewed").into_moved()) }
}

/// Holds what is planned now against what was reviewed. Where something has moved, that is the inner error; with `partial`, what has
/// not is left in `made`, and the lines say what is left out.
pub(crate) async fn compare(
    reviewed: &Plan,
    made: &mut Made,
    partial: bool,
    session: &Session,
    guard: &GuardArgs,
    gate: &Gate,
) -> Result<Result<Vec<Line>, Failure>, Failure> {
    let differences = crossrole_planner::differences(reviewed, &made.plan, &made.observed);
    let now = rests_on::now(session, &made.plan, &made.observed);
    let files = reviewed.rests_on.other_files(&now);
    let mut turned = crossrole_planner::turned(reviewed, &now);
    // A part that a difference is about is named there.
    turned.retain(|one| !differences.iter().any(|difference| names(difference, one)));
    if differences.is_empty() {
        return Ok(Ok(note(&files, &turned)));
    }
    let unread = crossrole_planner::unread(reviewed, &made.plan);
    // What was not read has not moved: the differences that it makes are none that somebody would have to review.
    let known = if unread.is_empty() { differences } else { crossrole_planner::apart_from_unread(&differences, &unread, &made.plan, &made.observed) };
    let moved = crossrole_report::moved(reviewed, &made.plan, &known);
    let details = format!("{}{}{moved}", crossrole_report::differences(&known), crossrole_report::turned(&turned));
    let not_read = if unread.is_empty() { String::new() } else { format!("and this could not be read:\n{}", crossrole_report::unread(&unread)) };
    let refusal = |error: &str| Failure::moved(error, AGAIN).with(&details).with(&rests(&files)).with(&not_read);
    if !partial && known.is_empty() {
        let error = "this can't be held against the plan that was saved, since not all that it is of could be read, and nothing was changed:";
        return Ok(Err(Failure::new(error, READABLE).with(&crossrole_report::unread(&unread))));
    }
    if !partial {
        return Ok(Err(refusal("this is not the plan that was saved, and nothing was changed:")));
    }
    let mut rest = crossrole_planner::rest(reviewed, &made.plan);
    let (desired, observed, controls) = (std::sync::Arc::clone(&session.desired), made.observed.clone(), session.settings.controls(&session.desired)?);
    let work = move || {
        checked(&rest)?;
        access(&mut rest, &desired, &observed, &controls);
        Ok(rest)
    };
    let rest = session.computed("planning what has not moved", work).await??;
    let left = crossrole_planner::unlike_the_rest(&crossrole_planner::differences(reviewed, &rest, &made.observed), &rest);
    if !left.is_empty() {
        return Ok(Err(refusal("this is not the plan that was saved, the rest of it is not what was reviewed either, and nothing was changed:")));
    }
    made.judged = gate.judge(&rest, None, super::validate::now());
    made.plan = rest;
    // What policies say of the whole is nothing that they say of the rest.
    if let Some(folder) = &guard.policy {
        made.findings.retain(|finding| finding.rule.as_ref().is_none_or(|rule| !rule.starts_with("policy/")));
        made.findings.extend(guardrails::rego(folder, &made.plan)?);
        made.findings.sort();
    }
    made.left_out = details.lines().map(str::to_owned).collect();
    if known.is_empty() {
        return Ok(Ok(vec![
            Line::new(Tone::Warning, 0, "warning: ").then(["not all of what was reviewed could be read: that, and what rests on it, is left out"]),
        ]));
    }
    let mut lines = vec![Line::new(Tone::Warning, 0, "warning: ").then(["this is not the plan that was saved, and what has moved is left out:"])];
    lines.extend(details.lines().map(|line| Line::plain((line.len() - line.trim_start().len()).max(2), line.trim())));
    Ok(Ok(lines))
}

/// Tells whether a difference says already what has become of a part.
fn names(difference: &Difference, one: &Turned) -> bool {
    let Difference::Moved { address, facet } = difference else { return false };
    one.part == LivePart::Facet(facet.clone()) && one.object == address.to_string()
}

/// What the plan rests on and is otherwise now, though the plan is the same.
fn note(files: &[&str], turned: &[Turned]) -> Vec<Line> {
    if files.is_empty() && turned.is_empty() {
        return Vec::new();
    }
    let what = format!("the plan is what was reviewed, and what it was made from has changed{}", if files.is_empty() { ":" } else { ": " });
    let mut lines = vec![Line::new(Tone::Kept, 0, "note: ").then([what, named(files)])];
    lines.extend(crossrole_report::turned(turned).lines().map(|line| Line::plain(2, line.trim())));
    lines
}

fn rests(files: &[&str]) -> String {
    if files.is_empty() { String::new() } else { format!("since the review, these have changed: {}", named(files)) }
}

fn named(changed: &[&str]) -> String {
    /// More are not read by anybody.
    const MOST: usize = 10;
    let mut names: Vec<String> = changed.iter().take(MOST).map(|name| safe(name)).collect();
    names.extend((changed.len() > MOST).then(|| format!("and {} more", changed.len() - MOST)));
    names.join(", ")
}

/// How a run ends that has done what it could of this plan.
pub(crate) fn left(plan: &Plan) -> Exit {
    if plan.blocking().any(|withheld| withheld.cause == Cause::Moved) {
        return Exit::Moved;
    }
    if plan.is_blocked() { Exit::Failed } else { Exit::Clean }
}
