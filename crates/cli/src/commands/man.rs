//! `crossrole man`.

use clap::CommandFactory as _;

use crate::args::Args;
use crate::failure::{Exit, Failure};
use crate::io::Io;

pub(crate) fn run(io: &mut Io) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    let command = Args::command();
    let mut pages = vec![command.clone()];
    pages.extend(command.get_subcommands().cloned());
    for page in pages {
        clap_mangen::Man::new(page).render(&mut text).map_err(|e| Failure::new(format!("the manual page can't be made: {e}"), "this is a bug in crossrole"))?;
    }
    io.out(&String::from_utf8_lossy(&text));
    Ok(Exit::Clean)
}
