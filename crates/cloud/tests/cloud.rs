//! The cloud over answers that a test writes: what each is taken for, how long it is tried, and what is said meanwhile.

#![recursion_limit = "256"]

#[path = "parts/answers.rs"]
mod answers;
#[path = "parts/fake.rs"]
mod fake;
#[path = "parts/rate.rs"]
mod rate;
#[path = "parts/stall.rs"]
mod stall;
