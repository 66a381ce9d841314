//! The `crossrole` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let exit = runtime.block_on(crossrole::run(std::env::args_os(), crossrole::Io::process()));
    // A blocked read of standard input must not keep the process.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}
