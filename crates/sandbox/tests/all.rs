//! What the embedded AWS answers, asked as a client asks: signed HTTP requests and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by panicking")]

mod client;
mod cloudtrail;
mod iam;
mod kms;
mod s3;
mod sts;
