//! Whoever runs the command: told what is waited for, asked for the code of a device.

use std::fmt;

use crossrole_model::{AccountId, Reading, Waiting};

/// Somebody who can be told, and may be there to be asked.
pub trait Console: Send + Sync + fmt::Debug {
    /// A call has waited long enough to be said.
    fn waits(&self, waiting: &Waiting);

    /// The reading of an account has come to this, after so many calls to it.
    fn reads(&self, account: &AccountId, calls: u64, reading: &Reading);

    /// Returns the code that the device with this serial number shows, for a profile; `None`: nobody is there. May block.
    fn code(&self, profile: &str, serial: &str) -> Option<String>;
}
