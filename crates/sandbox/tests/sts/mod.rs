//! STS.

mod federation;
mod sessions;
mod web;
