//! Everything from outside: commands run as a user runs them, against the embedded AWS and against others.

mod arrows;
mod behaviours;
mod commands;
mod cost;
mod errors;
mod fixpoint;
mod fleet;
mod fuzz;
mod invalid;
mod scenarios;
mod support;
