//! The `crossrole` command.

use std::process::ExitCode;

/// What computes beside the main thread has as much room for its stack as that has on most systems.
const STACK: usize = 8 << 20;

fn main() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().thread_stack_size(STACK).build() else {
        return ExitCode::FAILURE;
    };
    let exit = runtime.block_on(crossrole::run(std::env::args_os(), crossrole::Io::process()));
    // Neither a blocked read of standard input nor what still computes must keep the process.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}
