//! `[defaults]`: what holds for accounts and calls of which nothing else is said.

use crossrole_manifest::decode::{Decoder, Spanned};
use crossrole_manifest::scalar::ExternalId;

use super::file::within;

crossrole_manifest::table! {
    Raw {
        /// Name of the role that is assumed in every account that has no entry.
        role_name: Option<Spanned<String>>,
        external_id: Option<ExternalId>,
        concurrency: Option<Spanned<u64>>,
        concurrency_total: Option<Spanned<u64>>,
        /// Seconds.
        timeout: Option<Spanned<u64>>,
        /// Seconds.
        timeout_total: Option<Spanned<u64>>,
        /// The file that lists accounts, from the folder of the settings.
        directory: Option<String>,
    }
}

/// What they say.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub(super) role_name: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) concurrency: Option<u64>,
    pub(super) concurrency_total: Option<u64>,
    pub(super) timeout: Option<u64>,
    pub(super) timeout_total: Option<u64>,
    pub(super) directory: Option<String>,
}

impl Raw {
    /// The bounds of the command line hold in the file, too.
    pub(super) fn said(self, d: &mut Decoder<'_>) -> Defaults {
        let Self { role_name, external_id, concurrency, concurrency_total, timeout, timeout_total, directory, .. } = self;
        if let Some(name) = role_name.as_ref().filter(|name| !is_role_name(&name.value)) {
            d.error(name.span, format!("`{}` is no name of a role", name.value), "write it as in `crossrole-runner`");
        }
        Defaults {
            role_name: role_name.map(|name| name.value),
            external_id: external_id.map(|id| id.0),
            concurrency: within("concurrency", concurrency, 1, 1_000, d),
            concurrency_total: within("concurrency_total", concurrency_total, 1, 10_000, d),
            timeout: within("timeout", timeout, 1, 86_400, d),
            timeout_total: within("timeout_total", timeout_total, 1, 86_400, d),
            directory,
        }
    }
}

/// A path is a part of it where there is one.
pub(super) fn is_role_name(text: &str) -> bool {
    text.split('/').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && !b"\"*?:".contains(&b)))
}
