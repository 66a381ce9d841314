//! Shells that read what `assume` prints: those of this machine, else fish as Debian has it, laid out beside the build.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What fish needs that a machine may not have.
const PACKAGES: [&str; 3] = ["fish", "fish-common", "libpcre2-32-0"];

/// The program of a shell, and where its libraries are if not where all are; why there is none where it can't be had.
pub(crate) fn shell(name: &str, root: &Path) -> Result<(PathBuf, Option<PathBuf>), String> {
    match name {
        "sh" => Ok((PathBuf::from("sh"), None)),
        "fish" => installed("fish").map_or_else(|_| fish(root), |()| Ok((PathBuf::from("fish"), None))),
        // No registry of ours has it: its packages bring programs from elsewhere.
        "powershell" => installed("pwsh").map(|()| (PathBuf::from("pwsh"), None)),
        _ => Err(format!("no shell is called {name}")),
    }
}

fn installed(program: &str) -> Result<(), String> {
    super::succeed(Command::new(program).arg("--version")).map(|_| ())
}

fn fish(root: &Path) -> Result<(PathBuf, Option<PathBuf>), String> {
    let folder = root.join("target/independent-fish");
    let program = folder.join("usr/bin/fish");
    if !program.exists() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        super::succeed(Command::new("apt-get").arg("download").args(PACKAGES).current_dir(&folder))?;
        let entries = std::fs::read_dir(&folder).map_err(|e| e.to_string())?;
        for package in entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "deb")) {
            super::succeed(Command::new("dpkg").arg("-x").arg(package).arg(&folder))?;
        }
    }
    let libraries = std::fs::read_dir(folder.join("usr/lib"));
    let libraries = libraries.into_iter().flatten().flatten().map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    super::succeed(Command::new(&program).arg("--version").env("LD_LIBRARY_PATH", libraries.clone().unwrap_or_default()))?;
    Ok((program, libraries))
}
