//! S3.

mod basics;
mod recorded;
