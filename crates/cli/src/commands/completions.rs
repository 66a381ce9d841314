//! `crossrole completions`.

use clap::CommandFactory as _;

use crate::args::{Args, CompletionsArgs};
use crate::failure::{Exit, Failure};
use crate::io::Io;

#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub(crate) fn run(args: &CompletionsArgs, io: &mut Io) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "crossrole", &mut text);
    io.out(&String::from_utf8_lossy(&text));
    Ok(Exit::Clean)
}
