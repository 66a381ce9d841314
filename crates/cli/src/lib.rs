//! The command as a library, so that tests run it in this process: arguments in, exit code out, streams given.
//!
//! This is the only crate that looks at the environment, the terminal and the file system (the sandbox's state file
//! aside). A command file loads, observes, plans and reports; what it knows of AWS it knows through the other crates.

mod actions;
mod approvals;
mod args;
mod ask;
mod base;
mod before;
mod commands;
mod day;
mod environment;
mod events;
mod failure;
mod files;
mod foreign;
mod git;
mod grounds;
mod guard;
mod guardrails;
mod interrupt;
mod io;
mod keys;
mod load;
mod lock;
mod logging;
mod memory;
mod parts;
mod place;
mod policies;
mod progress;
mod proof;
mod reports;
mod request;
mod rests_on;
mod roles;
mod runner;
mod sandboxed;
mod screen;
mod selector;
mod session;
mod settings;
mod stop;
mod temporary;
mod told;

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::ErrorKind;
use crossrole_report::safe_lines;

pub use failure::Exit;
pub use io::Io;

use args::{Args, Command, Json};

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
            io.color(args::ColorArg::Auto);
            let text = error.render();
            if help {
                io.out(&if io.out_screen().color { text.ansi().to_string() } else { text.to_string() });
            } else {
                // It quotes what was typed.
                io.err(&safe_lines(&text.to_string()));
            }
            return if help { Exit::Clean } else { Exit::Failed };
        }
    };
    io.color(args.color);
    logging::start();
    if !matches!(args.command, Command::Sandbox(_)) {
        memory::private(&io);
    }
    let json = args.command.json();
    let result = match args.command {
        Command::Init(args) => commands::init::run(&args, &mut io),
        Command::Validate(args) => commands::validate::run(&args, &mut io),
        Command::Fmt(args) => commands::fmt::run(&args, &mut io),
        Command::Schema => commands::schema::run(&mut io),
        Command::Render(args) => commands::render::run(&args, &mut io),
        Command::RunnerPolicy(args) => Box::pin(commands::runner_policy::run(&args, &mut io)).await,
        Command::Plan(args) => Box::pin(commands::plan::run(&args, &mut io)).await,
        Command::Drift(args) => Box::pin(commands::drift::run(&args, &mut io)).await,
        Command::Apply(args) => Box::pin(commands::apply::run(&args, false, &mut io)).await,
        Command::Destroy(args) => Box::pin(commands::apply::run(&args, true, &mut io)).await,
        Command::Verify(args) => Box::pin(commands::verify::run(&args, &mut io)).await,
        Command::Revoke(args) => Box::pin(commands::revoke::run(args, &mut io)).await,
        Command::Rotate(args) => Box::pin(commands::rotate::run(args, &mut io)).await,
        Command::ForceUnlock(args) => Box::pin(commands::force_unlock::run(&args, &mut io)).await,
        Command::Explain(args) => Box::pin(commands::explain::run(&args, &mut io)).await,
        Command::Doctor(args) => Box::pin(commands::doctor::run(&args, &mut io)).await,
        Command::WhoCan(args) => Box::pin(commands::who_can::run(&args, &mut io)).await,
        Command::Assume(args) => Box::pin(commands::assume::run(&args, &mut io)).await,
        Command::Exec(args) => Box::pin(commands::exec::run(&args, &mut io)).await,
        Command::Credentials(args) => Box::pin(commands::credentials::run(&args, &mut io)).await,
        Command::Profile(args) => Box::pin(commands::profile::run(&args, &mut io)).await,
        Command::Console(args) => Box::pin(commands::console::run(&args, &mut io)).await,
        Command::Comment(args) => Box::pin(commands::comment::run(&args, &mut io)).await,
        Command::Graph(args) => Box::pin(commands::graph::run(&args, &mut io)).await,
        Command::Audit(args) => Box::pin(commands::audit::run(&args, &mut io)).await,
        Command::Test(args) => commands::test::run(&args, &mut io),
        Command::Accounts(args) => Box::pin(commands::accounts::run(&args, &mut io)).await,
        Command::Sandbox(args) => commands::sandbox::run(&args, &mut io).await,
        Command::Completions(args) => commands::completions::run(&args, &mut io),
        Command::Man => commands::man::run(&mut io),
    };
    io.gathered(result.as_ref().err().map(failure::Failure::json));
    match result.and_then(|exit| io.lost().map(|()| exit)) {
        Ok(exit) => exit,
        Err(failure) => {
            // A stream of lines ends with the reason; what is one document stays one.
            if json == Some(Json::Lines) || json.is_some() && !io.told {
                io.out_json(&failure.json());
            }
            let text = failure.render(io.err_screen());
            io.err(&text);
            failure.exit()
        }
    }
}
