//! `crossrole init`.

use std::io::Write as _;

use crate::args::InitArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;

/// The first manifest: small enough to read, whole enough to run in the sandbox.
const TEMPLATE: &str = include_str!("../../../../examples/first.toml");

pub(crate) fn run(args: &InitArgs, io: &mut Io) -> Result<Exit, Failure> {
    let path = &args.path;
    let failed = |e: std::io::Error| Failure::new(format!("`{}` can't be written: {e}", path.display()), "an existing file is never overwritten: name another");
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(TEMPLATE.as_bytes()).map_err(failed)?;
    let shown = crossrole_report::safe(&path.display().to_string());
    io.out(&format!("Wrote {shown}. Try it without an account:\n\n  crossrole apply --sandbox {shown}\n"));
    Ok(Exit::Clean)
}
