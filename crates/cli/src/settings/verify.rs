//! `[verify]`: whose credentials are at hand, to prove what manifests promise.

use crossrole_manifest::decode::{Decoder, Needed};
use crossrole_model::Span;

/// Most principals: each is asked who it is before anything is tried.
const PRINCIPALS_MOST: usize = 100;

crossrole_manifest::table! {
    Verify {
        principals: Option<Vec<Principal>>,
    }
}

crossrole_manifest::table! {
    /// `[[verify.principals]]`
    Principal {
        name: Needed<String>,
        profile: Option<String>,
        command: Option<String>,
        mfa: Option<bool>,
    }
}

/// A principal, and where its credentials come from.
#[derive(Debug)]
pub(crate) struct AtHand {
    /// As `explain` takes it: `dev/user/Deploy`.
    pub(crate) name: String,
    /// Where that is written.
    pub(super) at: Span,
    /// A profile of the shared files.
    pub(crate) profile: Option<String>,
    /// What prints them, as a `credential_process` does.
    pub(crate) command: Option<String>,
    /// They were given with a second factor.
    pub(crate) mfa: bool,
}

impl Verify {
    pub(super) fn said(self, d: &mut Decoder<'_>) -> Vec<AtHand> {
        let principals = self.principals.unwrap_or_default();
        if principals.len() > PRINCIPALS_MOST {
            d.error(self.span, format!("`[verify]` has {} principals, over {PRINCIPALS_MOST}", principals.len()), "leave out those of whom others tell");
        }
        principals.into_iter().filter_map(|one| one.said(d)).collect()
    }
}

impl Principal {
    fn said(self, d: &mut Decoder<'_>) -> Option<AtHand> {
        if self.has("profile") == self.has("command") {
            let name = self.name.value.as_deref().unwrap_or_default();
            let advice = "write it as in `name = \"dev/user/Deploy\"`, `profile = \"deploy\"`";
            d.error(self.name.span, format!("`{name}` needs `profile` or `command`, one of the two"), advice);
        }
        let Self { name, profile, command, mfa, .. } = self;
        Some(AtHand { name: name.value?, at: name.span, profile, command, mfa: mfa.unwrap_or_default() })
    }
}
