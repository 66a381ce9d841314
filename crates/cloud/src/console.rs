//! Whoever runs the command: told what is waited for.

use std::fmt;

use crossrole_model::Waiting;

/// Somebody who can be told.
pub trait Console: Send + Sync + fmt::Debug {
    /// A call has waited long enough to be said.
    fn waits(&self, waiting: &Waiting);
}
