//! Who can do what: AWS's decision on one request, offline.
//!
//! [`evaluate`] takes a [`Request`] and the [`Policies`] that apply to it and returns an [`Answer`]: allowed, explicitly
//! denied or implicitly denied, and which layer decided. It is written to be compared with AWS's documentation line by
//! line, not to be fast (IAM User Guide: "Policy evaluation logic", "Cross-account policy evaluation logic", "Condition
//! operators", "Variables and tags", "Permissions boundaries").
//!
//! Limits: ACLs, KMS key policies and VPC endpoint policies are not evaluated; Block Public Access is applied by the caller.

mod condition;
mod evaluate;
mod pattern;
mod principal;
mod request;
mod statement;

pub use evaluate::{Answer, Decision, Layer, evaluate};
pub use pattern::{action_matches, resource_matches};
pub use principal::Caller;
pub use request::{Context, ContextValue, Policies, Request};
