//! Who can do what: AWS's decision on one request, offline, and what is built on it.
//!
//! [`evaluate`] takes a [`Request`] and the [`Policies`] that apply to it and returns an [`Answer`]: allowed, explicitly
//! denied or implicitly denied, and which layer decided (IAM User Guide: "Policy evaluation logic", "Cross-account policy
//! evaluation logic", "Condition operators", "Variables and tags", "Permissions boundaries"). Documents are
//! [compiled](Compiled) once and asked many times. A slow, literal evaluator in this crate's tests is compared with it.
//!
//! Limits: ACLs, KMS grants, VPC endpoint policies and the policies of access points are not evaluated.

mod ask;
mod at_most;
mod brought;
mod case;
pub mod catalogue;
pub mod clauses;
mod delta;
mod engine;
pub mod estate;
pub mod language;
mod live;
mod lockout;
mod naming;
mod onward;
mod picture;
mod principal;
mod remedy;
mod request;
mod tagged;
pub mod tokens;
mod why;

pub use ask::{Question, explain_alone};
pub use brought::of_session;
pub use case::Case;
pub use delta::classes::overlap;
pub use delta::keys::{ObjectKey, brought};
pub use delta::meets::{account_meets, actions_meet, party_meets, resources_meet};
pub use delta::reach::{Reach, assumers, who_can};
pub use delta::{delta, reached};
pub use engine::compiled::{Compiled, action_matches, resource_matches};
pub use engine::decide::{Answer, Decision, Layer, by_policies, evaluate};
pub use estate::{Controls, Estate};
pub use live::{Objects, aws_managed};
pub use lockout::lockout;
pub use onward::{Entered, Onward, onward};
pub use picture::{picture, picture_between, picture_of, picture_with};
pub use principal::{Caller, is_provider};
pub use request::{Context, ContextValue, Policies, Request};
pub use why::explain;
