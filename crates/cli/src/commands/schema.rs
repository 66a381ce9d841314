//! `crossrole schema`.

use crate::failure::{Exit, Failure};
use crate::io::Io;

#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub(crate) fn run(io: &mut Io) -> Result<Exit, Failure> {
    io.out(&crossrole_manifest::schema());
    Ok(Exit::Clean)
}
