//! Everything from outside: commands run as a user runs them, against the embedded AWS and against others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

mod access;
mod approvals;
mod arrows;
mod assume;
mod atlantis;
mod audit;
mod audit_corpus;
mod base;
mod behaviours;
mod caller;
mod callers;
mod commands;
mod comment;
mod controls;
mod cost;
mod credentials;
mod deadline;
mod denied;
mod desk;
mod doctor;
mod doctor_bench;
mod doctor_revoked;
mod drift;
mod encryption;
mod errors;
mod estate;
mod explain;
mod facts;
mod fixpoint;
mod fleet;
mod forge_api;
mod fuzz;
mod gate;
mod grants;
mod graph;
mod guard;
mod hostile;
mod invalid;
mod key_ways;
mod keys;
mod lag;
mod links;
mod lock;
mod made_key;
mod network;
mod organization;
mod permission_sets;
mod pipelines;
mod prepare;
mod process;
mod quotas;
mod rate;
mod renamed;
mod report_files;
mod reports;
mod resource_tags;
mod reviewed;
mod revoke;
mod revoke_on;
mod rights;
mod roles;
mod runner;
mod runner_policy;
mod saml;
mod saved;
mod scenarios;
mod screen;
mod serving;
mod settings;
mod shared;
mod signals;
mod sizes;
mod support;
mod terminal;
mod twice;
mod unseen;
mod verify;
mod verify_live;
mod withheld;
