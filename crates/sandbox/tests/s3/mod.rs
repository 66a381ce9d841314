//! S3.

mod basics;
