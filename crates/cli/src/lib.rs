//! The command as a library, so that tests run it in this process: arguments in, exit code out, streams given.
//!
//! This is the only crate that looks at the environment, the terminal and the file system (the sandbox's state file
//! aside). A command file loads, observes, plans and reports; what it knows of AWS it knows through the other crates.

mod args;
mod ask;
mod commands;
mod failure;
mod guard;
mod guardrails;
mod interrupt;
mod io;
mod load;
mod policies;
mod progress;
mod sandboxed;
mod selector;
mod session;
mod settings;
mod told;

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::ErrorKind;

pub use failure::Exit;
pub use io::Io;

use args::{Args, Command};

/// Runs one command.
pub async fn run<I, T>(args: I, mut io: Io) -> Exit
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let text = error.render().to_string();
            if help {
                io.out(&text);
            } else {
                io.err(&text);
            }
            return if help { Exit::Clean } else { Exit::Failed };
        }
    };
    logging();
    let result = match args.command {
        Command::Init(args) => commands::init::run(&args, &mut io),
        Command::Validate(args) => commands::validate::run(&args, &mut io),
        Command::Fmt(args) => commands::fmt::run(&args, &mut io),
        Command::Schema => commands::schema::run(&mut io),
        Command::Render(args) => commands::render::run(&args, &mut io),
        Command::Plan(args) => Box::pin(commands::plan::run(&args, &mut io)).await,
        Command::Apply(args) => Box::pin(commands::apply::run(&args, false, &mut io)).await,
        Command::Destroy(args) => Box::pin(commands::apply::run(&args, true, &mut io)).await,
        Command::Explain(args) => Box::pin(commands::explain::run(&args, &mut io)).await,
        Command::WhoCan(args) => Box::pin(commands::who_can::run(&args, &mut io)).await,
        Command::Test(args) => commands::test::run(&args, &mut io),
        Command::Sandbox(args) => commands::sandbox::run(&args, &mut io).await,
        Command::Completions(args) => commands::completions::run(&args, &mut io),
        Command::Man => commands::man::run(&mut io),
    };
    match result {
        Ok(exit) => exit,
        Err(failure) => {
            io.err(&failure.to_string());
            Exit::Failed
        }
    }
}

/// Log lines go to stderr, when `CROSSROLE_LOG` asks for them.
fn logging() {
    let Ok(filter) = tracing_subscriber::EnvFilter::try_from_env("CROSSROLE_LOG") else { return };
    // A second call in one process (tests) changes nothing.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().try_init();
}
