//! IAM policy documents: parse, canonical form, semantic equality, statement-level diff.
//!
//! A [`Document`] keeps what was written (order, case, spelling), and compares by what it means: `==` ignores exactly
//! what AWS rewrites when a policy is stored and read back, and nothing else (see [`canonical`]).
//!
//! Limits: the grammar is the one of identity policies, trust policies and S3 bucket policies
//! (IAM User Guide, "Grammar of the IAM JSON policy language"). Deciding requests is the work of another crate.

mod arn;
pub mod canonical;
mod diff;
mod document;
mod emit;
pub mod encode;
pub mod glob;
mod meet;
mod parse;
mod public;
mod share;
mod unique;

pub use arn::Arn;
pub use diff::{ElementDiff, StatementDiff, diff, diff_statement};
pub use document::{Conditions, Document, Effect, Element, Principal, Statement, VERSION};
pub use meet::meet;
pub use parse::{PolicyError, parse, parse_key_policy, parse_value};
pub use public::is_public;
pub use share::{Dropped, Merged, Share, Unmergeable};
