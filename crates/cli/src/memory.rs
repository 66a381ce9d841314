//! What is in the memory of this process, credentials among it, is nobody else's.

use crate::io::Io;

/// Keeps what is in this process's memory out of core dumps, and away from debuggers of the same user. The commands that it starts are
/// as before.
pub(crate) fn private(io: &Io) {
    // Tests run many commands in one process, which is not theirs alone.
    if !io.alone {
        return;
    }
    // A system that can't is no worse off than before.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    {
        let limits = rustix::process::getrlimit(rustix::process::Resource::Core);
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, rustix::process::Rlimit { current: Some(0), ..limits });
    }
}
