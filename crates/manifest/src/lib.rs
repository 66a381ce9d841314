//! TOML text to desired objects, with every mistake and its place.
//!
//! Four stages: `expand` fills a file in for every account that it is of; `decode` reads it into the raw types of `raw`, which are
//! also what the JSON Schema is made from; `scalar` checks every name, id, date and number where it stands; `resolve` turns the raw types into
//! [`Desired`] objects, with every ARN computed. No stage stops at its first mistake.

mod amend;
pub mod decode;
mod directory;
mod expand;
mod expect;
mod fill;
mod layout;
mod raw;
mod resolve;
pub mod scalar;
pub mod take_up;

pub use amend::amended;
pub use directory::{ListedAccount, is_tag_value, listed};
pub use expect::{Expectation, Given, expectations};
pub use layout::formatted;

use std::collections::BTreeSet;

use crossrole_model::limits::Quotas;
use crossrole_model::{Desired, Finding, IdentityCenter, Severity, Source};
use directory::Directory;

/// Longest manifest that is read, in bytes: the largest generated ones (10,000 roles) have about three million.
pub const MAX_BYTES: usize = 16 << 20;

/// What manifests are read under.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// What AWS was asked to raise.
    pub quotas: Quotas,
    /// Seconds since 1970: grants that have ended by then are none. 0: none has.
    pub now: i64,
    /// The file that lists the accounts of the organization.
    pub directory: Option<Source>,
    /// Where permission sets are written, if they are.
    pub identity_center: Option<IdentityCenter>,
    /// Accounts of that file, by id or label, in which no manifest ever was: they are not looked at for what one has left there.
    pub unmanaged: BTreeSet<String>,
}

/// Reads manifests. The findings are sorted by file and place.
///
/// `None` when one of the findings is an error.
pub fn load(sources: &[Source]) -> (Option<Desired>, Vec<Finding>) {
    load_in(sources, &Surroundings::default())
}

/// The same, at a place and a time.
pub fn load_in(sources: &[Source], surroundings: &Surroundings) -> (Option<Desired>, Vec<Finding>) {
    let mut findings = Vec::new();
    let directory = Directory::read(surroundings.directory.as_ref(), &mut findings);
    let (mut raws, mut left) = (Vec::new(), Vec::new());
    for source in sources {
        let found = expand::manifests(source, &directory, &mut findings);
        left.extend(expand::left(source, &directory, &found));
        raws.extend(found);
    }
    let several = raws.len() > sources.len();
    let desired = resolve::resolve(&raws, &left, surroundings, &directory, &mut findings);
    findings.sort();
    findings.dedup();
    if several {
        findings = expand::fold(findings);
    }
    let failed = findings.iter().any(|f| f.severity == Severity::Error);
    ((!failed).then_some(desired), findings)
}

/// Returns the JSON Schema of a manifest (draft 2020-12), indented.
pub fn schema() -> String {
    let schema = schemars::schema_for!(raw::Manifest);
    // A schema is a JSON value already: writing it out can't fail.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
