//! The evaluator: documents are compiled once and asked many times.

pub(crate) mod arn;
pub(crate) mod compiled;
pub(crate) mod condition;
pub(crate) mod controls;
pub(crate) mod decide;
pub(crate) mod glob;
pub(crate) mod never;
pub(crate) mod operator;
pub(crate) mod principal;
pub(crate) mod template;
