//! Why a call was refused, and the smallest change that lets it through.
//!
//! [`read`] takes the text of a refusal apart. [`diagnose`] looks at every call on the way to what was asked for, names what stands in
//! the way of each, and searches for a fix: one proposal after the other (`propose`) is tried in the evaluator, and stays only where it
//! takes the first trouble away and gives nobody anything but what was asked for. What it says of a fix is what came out of that.
//!
//! Pure: manifests are changed and planned by whoever calls it ([`Manifests`]).

mod asked;
mod avoid;
mod bring;
mod checks;
mod clients;
mod command;
mod denial;
mod deny;
mod event;
mod hidden;
mod lacks;
mod named;
mod near;
mod operation;
mod propose;
mod revoked;
mod search;
mod strict;
mod told;
mod trouble;
mod words;
mod world;

pub use asked::Asked;
pub use denial::read;
pub use search::diagnose;
pub use world::{Case, Manifests};
