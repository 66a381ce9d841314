//! The planner from outside: what it plans from a manifest and an estate, what the checker says of a plan that is broken, and
//! how a reviewed plan differs from a new one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

#[path = "planner/broken.rs"]
mod broken;
#[path = "planner/buckets.rs"]
mod buckets;
#[path = "planner/callers.rs"]
mod callers;
#[path = "planner/differences.rs"]
mod differences;
#[path = "planner/federated.rs"]
mod federated;
#[path = "planner/keys.rs"]
mod keys;
#[path = "planner/left.rs"]
mod left;
#[path = "planner/made_keys.rs"]
mod made_keys;
#[path = "planner/quotas.rs"]
mod quotas;
#[path = "planner/relied.rs"]
mod relied;
#[path = "planner/renamed.rs"]
mod renamed;
#[path = "planner/revoked.rs"]
mod revoked;
#[path = "planner/rights.rs"]
mod rights;
#[path = "planner/roles.rs"]
mod roles;
#[path = "planner/rows.rs"]
mod rows;
#[path = "planner/sets.rs"]
mod sets;
#[path = "planner/since.rs"]
mod since;
#[path = "planner/turned.rs"]
mod turned;
#[path = "planner/withheld.rs"]
mod withheld;
#[path = "planner/world.rs"]
mod world;
