//! Whoever runs the command: told what is waited for, asked for the code of a device.

use std::fmt;

use crossrole_model::Waiting;

/// Somebody who can be told, and may be there to be asked.
pub trait Console: Send + Sync + fmt::Debug {
    /// A call has waited long enough to be said.
    fn waits(&self, waiting: &Waiting);

    /// Returns the code that the device with this serial number shows, for a profile; `None`: nobody is there. May block.
    fn code(&self, profile: &str, serial: &str) -> Option<String>;
}
