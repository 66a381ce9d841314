//! `[verify]`: whose credentials are at hand, to prove what manifests promise.

use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;

/// Most principals: each is asked who it is before anything is tried.
const PRINCIPALS_MOST: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    #[serde(default)]
    pub(super) principals: Vec<AtHand>,
}

/// A principal, and where its credentials come from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AtHand {
    /// As `explain` takes it: `dev/user/Deploy`.
    pub(crate) name: String,
    /// A profile of the shared files.
    pub(crate) profile: Option<String>,
    /// What prints them, as a `credential_process` does.
    pub(crate) command: Option<String>,
    /// They were given with a second factor.
    #[serde(default)]
    pub(crate) mfa: bool,
}

impl Verify {
    /// All that is wrong with it at once.
    pub(super) fn check(&self, path: &Path) -> Result<(), Failure> {
        let both = |hand: &&AtHand| hand.profile.is_some() == hand.command.is_some();
        let mut wrong: Vec<String> = self
            .principals
            .iter()
            .filter(both)
            .map(|hand| format!("settings `{}`: `[[verify.principals]]` `{}` needs `profile` or `command`, one of the two", path.display(), hand.name))
            .collect();
        if self.principals.len() > PRINCIPALS_MOST {
            wrong.push(format!("settings `{}`: `[verify]` has {} principals, over {PRINCIPALS_MOST}", path.display(), self.principals.len()));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Failure::several(wrong, "write it as in `name = \"dev/user/Deploy\"`, `profile = \"deploy\"`")) }
    }
}
