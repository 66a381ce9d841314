//! `crossrole fmt`.

use crossrole_report::{Line, safe};

use crate::args::FmtArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load;

pub(crate) fn run(args: &FmtArgs, io: &mut Io) -> Result<Exit, Failure> {
    let mut changed = 0;
    for source in load::sources(&args.paths.paths)? {
        let text = crossrole_manifest::formatted(&source.text)
            .map_err(|e| Failure::new(format!("`{}` is not TOML: {e}", source.file), "correct it first; `crossrole validate` shows the place"))?;
        if text == source.text {
            continue;
        }
        changed += 1;
        io.out_lines(&[Line::plain(0, safe(&source.file))]);
        if !args.check {
            std::fs::write(&source.file, text).map_err(|e| Failure::new(format!("`{}` can't be written: {e}", source.file), "check its permissions"))?;
        }
    }
    Ok(if args.check && changed > 0 { Exit::Failed } else { Exit::Clean })
}
