//! What happened.

use serde::{Deserialize, Serialize};

use crate::cloud::CloudError;
use crate::plan::StepId;

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
        found: String,
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
    pub unverified: Vec<(usize, String)>,
    /// Retries made for "not visible yet" and for conflicts.
    pub retries: u64,
    /// True when the run was interrupted.
    pub interrupted: bool,
}

impl Outcome {
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
        because: String,
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
