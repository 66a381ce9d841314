//! `crossrole sandbox reset`.

use crossrole_sandbox::StateFile;

use crate::args::ResetArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::sandboxed::{OTHER_COMMAND, open, unusable};

pub(super) async fn run(args: &ResetArgs, io: &mut Io) -> Result<Exit, Failure> {
    let path = &args.state.sandbox_state;
    let shown = crossrole_report::safe(&path.display().to_string());
    if !path.exists() {
        io.out(&format!("There is no `{shown}`: the next command begins with an empty AWS.\n"));
        return Ok(Exit::Clean);
    }
    // A name that was mistyped costs nobody a file, nor makes one beside it; a state of another version may go.
    if !StateFile::is_one(path).map_err(|e| unusable(path, &e))? {
        return Err(Failure::new(format!("`{shown}` does not look like the state of a sandbox"), "correct its name; if it is one, remove it by hand"));
    }
    let file = open(path, OTHER_COMMAND)?;
    if !args.auto_approve {
        io.approve("Forget everything in this sandbox?", "nobody is there to say that this sandbox may go").await?;
    }
    std::fs::remove_file(file.path()).map_err(|e| Failure::new(format!("`{shown}` can't be removed: {e}"), "check the folder's permissions"))?;
    io.out(&format!("Removed {shown}: the next command begins with an empty AWS.\n"));
    Ok(Exit::Clean)
}
