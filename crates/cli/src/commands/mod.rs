//! One file a command.

pub(crate) mod accounts;
pub(crate) mod apply;
pub(crate) mod assume;
pub(crate) mod audit;
mod carried;
pub(crate) mod comment;
pub(crate) mod completions;
pub(crate) mod console;
pub(crate) mod credentials;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod exec;
pub(crate) mod explain;
pub(crate) mod fmt;
mod followed;
pub(crate) mod force_unlock;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod man;
mod meant;
pub(crate) mod plan;
pub(crate) mod profile;
mod remembered;
pub(crate) mod render;
pub(crate) mod reviewed;
pub(crate) mod revoke;
mod revoking;
pub(crate) mod rotate;
pub(crate) mod runner_policy;
pub(crate) mod sandbox;
pub(crate) mod schema;
mod taken;
pub(crate) mod test;
pub(crate) mod validate;
pub(crate) mod verify;
pub(crate) mod who_can;

use crossrole_report::{Diff, View};

use crate::args::{DiffArg, ViewArgs};
use crate::io::Io;

/// What is shown on stdout.
pub(crate) fn view(args: &ViewArgs, io: &Io) -> View {
    let diff = match args.diff {
        DiffArg::Statements => Diff::Statements,
        DiffArg::Json => Diff::Json,
    };
    View { show_external_ids: args.show_external_ids, diff, screen: io.out_screen() }
}
