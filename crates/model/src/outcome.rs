//! What happened.

use serde::{Deserialize, Serialize};

use crossrole_policy::Unmergeable;

use crate::cloud::CloudError;
use crate::facet::Facet;
use crate::observed::Unreadable;
use crate::plan::StepId;

/// Why a step found its object otherwise than it was planned, and wrote nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "drift")]
pub enum Drift {
    /// The plan has no change for this step: it is no plan of ours.
    NotInPlan,
    /// The object could not be read.
    Unreadable {
        /// Why.
        unreadable: Unreadable,
    },
    /// It does not exist any more.
    Gone,
    /// It exists already, and is not ours.
    Foreign,
    /// This part has changed since it was planned.
    Changed {
        /// Which.
        facet: Facet,
    },
    /// Our statements can't be put beside those that are there now.
    Unmergeable {
        /// Why.
        unmergeable: Unmergeable,
    },
}

/// Why a call is made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "retry")]
pub enum Retry {
    /// What it names, or is put on, is not visible yet.
    NotVisible,
    /// The service answered so.
    Answer {
        /// Its error code.
        code: String,
    },
    /// Its statements were overwritten by somebody who had read the document before.
    Overwritten,
}

/// What was seen in place of a change that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "seen")]
pub enum Seen {
    /// It could not be read back.
    Unreadable {
        /// Why.
        unreadable: Unreadable,
    },
    /// It is not there yet.
    Nothing,
    /// It is still there.
    Still,
    /// It is as it was before.
    Before,
    /// It is neither as before nor as written: somebody else has changed it.
    Changed,
    /// Nobody has looked: the run was interrupted.
    NotLooked,
}

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum StepResult {
    /// Done by this run.
    Applied,
    /// It was as it should be already.
    AlreadyDone,
    /// The object is neither as planned from nor as planned to: nothing was written.
    Drifted {
        /// What was found.
        found: Drift,
    },
    /// AWS refused, or could not be reached.
    Failed {
        /// The last error.
        error: CloudError,
    },
    /// A step that it needs did not succeed.
    Skipped {
        /// That step.
        because: StepId,
    },
    /// The run was interrupted before it began.
    NotStarted,
}

impl StepResult {
    /// Tells whether steps that need this one may go on.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Applied | Self::AlreadyDone)
    }
}

/// The result of a run, step by step; as long as the plan's steps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// One result a step.
    pub steps: Vec<StepResult>,
    /// Changes (by index) whose steps all succeeded but whose result could not be read back in time, with what was seen.
    pub unverified: Vec<(usize, Seen)>,
    /// Retries made for "not visible yet" and for conflicts.
    pub retries: u64,
    /// True when the run was interrupted.
    pub interrupted: bool,
}

impl Outcome {
    /// Tells whether it is not complete for one reason alone: objects were not as they were planned from.
    pub fn is_moved(&self) -> bool {
        let drifted = self.steps.iter().any(|step| matches!(step, StepResult::Drifted { .. }));
        let others = self.steps.iter().any(|step| matches!(step, StepResult::Failed { .. } | StepResult::NotStarted));
        drifted && !others && self.unverified.is_empty() && !self.interrupted
    }

    /// Tells whether everything that was planned is done and seen.
    pub fn is_complete(&self) -> bool {
        self.unverified.is_empty() && self.steps.iter().all(StepResult::is_done)
    }
}

/// What the applier says while it works. Never printed by the applier itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The run begins.
    Started {
        /// Steps in the plan.
        steps: usize,
    },
    /// A call is about to be made.
    StepStarted {
        /// Which.
        step: StepId,
    },
    /// A call is made again.
    StepRetried {
        /// Which.
        step: StepId,
        /// Why.
        because: Retry,
    },
    /// A step has ended.
    StepEnded {
        /// Which.
        step: StepId,
        /// How.
        result: StepResult,
    },
    /// What was written is being read back.
    Verifying {
        /// Changes not seen yet.
        left: usize,
    },
    /// The run has ended.
    Ended,
}
