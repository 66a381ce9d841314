//! S3.

mod access;
mod basics;
mod bodies;
mod forms;
mod listing;
mod locks;
mod outside;
mod policies;
mod presigned;
mod recorded;
mod server;
mod store;
mod versions;
