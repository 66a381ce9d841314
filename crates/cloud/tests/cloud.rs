//! The cloud over answers that a test writes: what each is taken for, how long it is tried, and what is said meanwhile.

#![recursion_limit = "256"]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

#[path = "parts/answers.rs"]
mod answers;
#[path = "parts/audit.rs"]
mod audit;
#[path = "parts/fake.rs"]
mod fake;
#[path = "parts/rate.rs"]
mod rate;
#[path = "parts/stall.rs"]
mod stall;
