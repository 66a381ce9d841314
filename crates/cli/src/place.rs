//! Where files are that a repository brings: a link among them must not make another file be read, and shown, or written.

use std::fs::File;
use std::path::{Component, Path, PathBuf};

use crate::failure::Failure;
use crate::files::{self, Wanted};

/// What the kernel makes up: `/proc/self/environ` is a file of credentials as often as not.
const MADE_UP: [&str; 2] = ["/proc", "/sys"];

/// Reads a file that stays where it is named.
pub(crate) fn read(path: &Path, wanted: &Wanted) -> Result<String, Failure> {
    stays(path, path, wanted.what)?;
    files::read(path, wanted)
}

/// Refuses a file that is not where `at` is, or is led out of there by a link: in the git work tree of `at` or, without one, in its folder.
/// Nothing of the file is shown, and nothing of what leads to it.
pub(crate) fn stays(path: &Path, at: &Path, what: &str) -> Result<(), Failure> {
    // What can't be found is an error of its own, later.
    let Some(real) = real(path) else { return Ok(()) };
    let outside = MADE_UP.iter().any(|made_up| real.starts_with(made_up)) || homes(at).iter().any(|home| !real.starts_with(home));
    if !outside {
        return Ok(());
    }
    let error = format!("{what} `{}` is not in the repository, or folder, that it belongs to, or a link leads out of that", path.display());
    Err(Failure::new(error, "put the file itself there: what is elsewhere is not read, and not written"))
}

/// Opens a file to be written anew, a new one under this mode. A link is not followed: what it leads to was not named.
pub(crate) fn create(path: &Path, mode: Option<u32>) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if let Some(mode) = mode {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    // `/dev/stdout` is a link as well.
    if !absolute(path).starts_with("/dev") {
        let linked = std::fs::symlink_metadata(path).is_ok_and(|known| known.is_symlink());
        if linked || stays(path, path, "").is_err() {
            return Err(std::io::Error::other("a symbolic link leads elsewhere, and is not followed"));
        }
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(path)
}

/// Where a file is, whatever leads to it; one that is not there yet is in its folder.
fn real(path: &Path) -> Option<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::canonicalize(path).ok().or_else(|| Some(std::fs::canonicalize(parent).ok()?.join(path.file_name()?)))
}

/// What a file has to be in, as links lead to it: each work tree around it; without one, its folder, which no link below the working folder
/// may lead to.
fn homes(at: &Path) -> Vec<PathBuf> {
    let at = absolute(at);
    let around = at.ancestors().skip(1).filter(|folder| folder.join(".git").symlink_metadata().is_ok());
    let trees: Vec<PathBuf> = around.filter_map(|folder| std::fs::canonicalize(folder).ok()).collect();
    if !trees.is_empty() {
        return trees;
    }
    let parent = at.parent().unwrap_or(Path::new("/"));
    let here = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    match parent.strip_prefix(&here) {
        Ok(below) if here.parent().is_some() => vec![here.join(below)],
        _ => std::fs::canonicalize(parent).into_iter().collect(),
    }
}

/// A path from the root, without `.` and `..`, whatever links are in it.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let here = || std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    let from = if path.is_absolute() { path.to_owned() } else { here().join(path) };
    let mut plain = PathBuf::new();
    for part in from.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}
