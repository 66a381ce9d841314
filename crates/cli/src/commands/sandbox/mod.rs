//! `crossrole sandbox`: the embedded AWS, for other clients and at a glance.

mod prepare;
mod relied;
mod reset;
mod serve;
mod show;

use crate::args::{SandboxArgs, SandboxCommand};
use crate::failure::{Exit, Failure};
use crate::io::Io;

pub(crate) async fn run(args: &SandboxArgs, io: &mut Io) -> Result<Exit, Failure> {
    match &args.command {
        SandboxCommand::Serve(args) => serve::run(args, io).await,
        SandboxCommand::Prepare(args) => Box::pin(prepare::run(args, io)).await,
        SandboxCommand::Show(args) => Box::pin(show::run(args, io)).await,
        SandboxCommand::Reset(args) => reset::run(args, io).await,
    }
}
