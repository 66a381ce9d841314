//! Files that users name: never more than is meant to be read, and nothing that never ends.

use std::io::Read as _;
use std::path::Path;

use crate::failure::Failure;

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// As in "manifest".
    pub(crate) what: &'static str,
    /// Most bytes.
    pub(crate) most: usize,
    /// What to do where it is not there, or may not be read.
    pub(crate) advice: &'static str,
    /// What to do where it is larger.
    pub(crate) smaller: &'static str,
}

/// Most bytes of settings, expectations and policies.
pub(crate) const SMALL: usize = 1 << 20;

/// Reads a regular file of at most so many bytes. A pipe or device may never end, and is refused before it is opened.
pub(crate) fn read(path: &Path, wanted: &Wanted) -> Result<String, Failure> {
    let Wanted { what, most, advice, smaller } = *wanted;
    let named = format!("{what} `{}`", path.display());
    let unreadable = |e: std::io::Error| Failure::new(format!("{named} can't be read: {e}"), advice);
    let known = std::fs::metadata(path).map_err(unreadable)?;
    if !known.is_file() {
        let kind = if known.is_dir() { "is a folder" } else { "is no regular file, and may never end" };
        return Err(Failure::new(format!("{named} {kind}"), "name a file; what a pipe brings has to be written to one first"));
    }
    let too_large = |size: String| Failure::new(format!("{named} has {size} bytes, over {}", grouped(most)), smaller);
    if usize::try_from(known.len()).map_or(true, |size| size > most) {
        return Err(too_large(grouped(usize::try_from(known.len()).unwrap_or(usize::MAX))));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path).map_err(unreadable)?.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    // It may have grown, and what the kernel makes up has no size of its own.
    if bytes.len() > most {
        return Err(too_large("more".to_owned()));
    }
    String::from_utf8(bytes).map_err(|e| Failure::new(format!("{named} is not UTF-8 at byte {}", e.utf8_error().valid_up_to()), "save it as UTF-8"))
}

/// `16,777,216`
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}
