//! The evaluator and what is built on it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

mod alone;
mod apart;
mod ask;
mod boundary;
mod brute;
mod callers;
mod delta;
mod examples;
mod generate;
mod keys;
mod literal;
mod lockout;
mod missed;
mod never;
mod onward;
mod oracle;
mod picture;
mod put;
mod remedy;
mod same;
mod smt;
mod unseen;
mod words;
