//! `crossrole validate`.

use crate::args::PathsArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load;

pub(crate) fn run(args: &PathsArgs, io: &mut Io) -> Result<Exit, Failure> {
    let (desired, sources) = load::desired(&args.paths, io)?;
    let manifests = if sources.len() == 1 { "1 manifest".to_owned() } else { format!("{} manifests", sources.len()) };
    io.out(&format!("{manifests} good: {} objects in {} accounts.\n", desired.objects.len(), desired.accounts.len()));
    Ok(Exit::Clean)
}
