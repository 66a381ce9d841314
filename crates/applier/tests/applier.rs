//! The applier over a cloud in memory: what it writes, in which order, how long it waits and for what, and what it says of
//! everything that goes otherwise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

#[path = "applier/cloud.rs"]
mod cloud;
#[path = "applier/deadlines.rs"]
mod deadlines;
#[path = "applier/faults.rs"]
mod faults;
#[path = "applier/finding.rs"]
mod finding;
#[path = "applier/lag.rs"]
mod lag;
#[path = "applier/lock.rs"]
mod lock;
#[path = "applier/order.rs"]
mod order;
#[path = "applier/shared.rs"]
mod shared;
#[path = "applier/stop.rs"]
mod stop;
#[path = "applier/verify.rs"]
mod verify;
// One world for both crates: it is as strict to the planner's order as to the applier's.
#[path = "../../planner/tests/planner/world.rs"]
mod world;
