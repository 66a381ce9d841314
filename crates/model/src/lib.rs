//! The nouns of crossrole: what is wanted ([`desired`]), what was read ([`observed`]), what would change ([`plan`]), what
//! happened ([`outcome`]), and the [`Cloud`] that reads and writes.
//!
//! Data and invariants only: nothing here compares estates, renders or does IO. [`Change`] is for people, [`Step`] for
//! machines; a change lowers to steps, each exactly one AWS call.

pub mod access;
pub mod address;
pub mod approval;
pub mod audit;
pub mod broken;
pub mod call;
mod clause;
pub mod cloud;
pub mod desired;
pub mod diagnosis;
pub mod explanation;
pub mod facet;
pub mod finding;
mod foreign;
pub mod graph;
mod identity_center;
pub mod ids;
pub mod key;
mod left;
pub mod limits;
pub mod lock;
pub mod observed;
pub mod outcome;
pub mod ownership;
mod party;
mod permission_set;
pub mod plan;
pub mod proof;
mod rename;
mod revoked;
mod sets;
mod since;
pub mod state;
mod withheld;

pub use address::{Address, Kind};
pub use approval::{Approval, Judged};
pub use broken::Broken;
pub use call::{BucketCall, BucketRef, Call, Finds, IamCall, PrincipalKind, PrincipalRef};
pub use cloud::{Cloud, CloudError, ErrorClass, Reading, Waiting, WaitsFor};
pub use desired::{Desired, DesiredObject, DesiredState};
pub use facet::{Digest, Facet};
pub use finding::{Finding, Severity, Source, Span};
pub use foreign::{Drifted, Foreign, ForeignPart};
pub use identity_center::{IdentityCenter, SetCall, SetRef};
pub use ids::{AccountId, Partition};
pub use key::{ALIAS, KeyCall, KeyRef};
pub use left::{LeftBecause, LeftPart, Undone};
pub use lock::{Lock, LockId, LockPlace, LockStore, LockTable};
pub use observed::{Observation, Observed, Unreadable};
pub use outcome::{Drift, Event, Outcome, Retry, Seen, StepResult};
pub use permission_set::PermissionSet;
pub use plan::{Action, Borne, Change, Consequence, HeldTo, Part, Plan, Reason, Renamed, RestsOn, Step, StepId};
pub use revoked::{Followed, Further, Opened, Revocation, Undenied, Whose, revoked_of, revoked_sid, revoked_since};
pub use since::{BaseMistakes, Beside, Compared, Ground, Grounds, Since, UnreadBase, beyond, beyond_all};
pub use state::ObjectState;
pub use withheld::{Cause, Subject, Withheld};
