//! What people and machines read: every fact has its sentence, no two facts have the same, and hostile text stays text.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

#[path = "report/cells.rs"]
mod cells;
#[path = "report/codec.rs"]
mod codec;
#[path = "report/decisions.rs"]
mod decisions;
#[path = "report/facts.rs"]
mod facts;
#[path = "report/graph.rs"]
mod graph;
#[path = "report/hostile.rs"]
mod hostile;
#[path = "report/junit.rs"]
mod junit;
#[path = "report/markdown.rs"]
mod markdown;
#[path = "report/masked.rs"]
mod masked;
#[path = "report/overview.rs"]
mod overview;
#[path = "report/revoked.rs"]
mod revoked;
#[path = "report/sarif.rs"]
mod sarif;
#[path = "report/sentences.rs"]
mod sentences;
