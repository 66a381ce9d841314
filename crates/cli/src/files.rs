//! Files that users name: never more than is meant to be read, and nothing that never ends.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::Path;

use crossrole_model::Source;

use crate::failure::Failure;
use crate::place;

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

/// Tells whether there is nothing. A link that leads nowhere is something that is to be read, and can't be.
pub(crate) fn is_absent(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
}

/// `16,777,216`
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// Puts new texts into manifests, by file: each whole or not at all, and none where one is not what was read any more.
pub(crate) fn replace(texts: &BTreeMap<String, String>, sources: &[Source]) -> Result<(), Failure> {
    let failed =
        |file: &str, e: std::io::Error| Failure::new(format!("manifest `{file}` can't be written: {e}"), "check the permissions of the file and its folder");
    let mut paths = Vec::new();
    for (file, text) in texts {
        // A link stays one: what it leads to is written.
        let path = std::fs::canonicalize(file).map_err(|e| failed(file, e))?;
        let read = sources.iter().find(|source| source.file == *file).map(|source| source.text.as_str());
        if std::fs::read_to_string(&path).ok().as_deref() != read {
            return Err(Failure::new(format!("manifest `{file}` has changed while it was looked at, and was not written"), "run it again"));
        }
        paths.push((file, path, text));
    }
    for (file, path, text) in paths {
        let part = path.with_extension(format!("toml.part-{}", std::process::id()));
        if let Err(error) = replaced(&path, &part, text) {
            let _ = std::fs::remove_file(&part);
            return Err(failed(file, error));
        }
    }
    Ok(())
}

/// Writes a file that the settings `at` name, or those themselves, whole or not at all; its folder is made. A link stays one, and what it
/// leads to is written, where that is a file of the same repository.
pub(crate) fn put(path: &Path, at: &Path, what: &str, text: &str) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::new(format!("{what} `{}` can't be written: {e}", path.display()), "check the folder and its permissions");
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        place::stays(folder, at, what)?;
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    place::stays(path, at, what)?;
    let target = if is_absent(path) { path.to_owned() } else { std::fs::canonicalize(path).map_err(failed)? };
    let part = target.with_extension(format!("part-{}", std::process::id()));
    replaced(&target, &part, text).map_err(|e| {
        let _ = std::fs::remove_file(&part);
        failed(e)
    })
}

/// Puts a text in the place of a file, by a new file beside it that nobody else may read before it has the mode of the old one. What stands
/// where that is written, a link too, is not written over.
fn replaced(path: &Path, part: &Path, text: &str) -> std::io::Result<()> {
    let known = std::fs::metadata(path).ok();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if known.is_some() { 0o600 } else { 0o666 });
    let mut file = options.open(part)?;
    file.write_all(text.as_bytes())?;
    if let Some(known) = known {
        file.set_permissions(known.permissions())?;
    }
    std::fs::rename(part, path)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use super::put;

    fn folders(test: &str) -> (PathBuf, PathBuf) {
        let all = std::env::temp_dir().join(format!("crossrole-put-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&all);
        let (here, elsewhere) = (all.join("here"), all.join("elsewhere"));
        fs::create_dir_all(&here).unwrap();
        fs::create_dir_all(&elsewhere).unwrap();
        (here, elsewhere)
    }

    /// What a checkout has put there leads no writing elsewhere, and no file is left behind.
    #[test]
    fn a_file_is_put_where_it_is_and_nowhere_else() {
        let (here, elsewhere) = folders("links");
        let at = here.join("crossrole.toml");
        let theirs = elsewhere.join("theirs");
        let put = |name: &str| put(&here.join(name), &at, "control policy", "new");
        let part = |name: &str| here.join(name).with_extension(format!("part-{}", std::process::id()));
        fs::write(&theirs, "theirs").unwrap();
        // New, in a folder that is made; then with the mode that it has.
        assert!(put("policies/a.json").is_ok() && put("b.json").is_ok());
        fs::set_permissions(here.join("b.json"), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(put("b.json").is_ok());
        assert_eq!(fs::metadata(here.join("b.json")).unwrap().permissions().mode() & 0o777, 0o640);
        // A link stays one where it leads to a file of this place.
        symlink("b.json", here.join("link.json")).unwrap();
        fs::write(here.join("b.json"), "old").unwrap();
        assert!(put("link.json").is_ok() && here.join("link.json").is_symlink());
        assert_eq!(fs::read_to_string(here.join("b.json")).unwrap(), "new");
        // What leads out of it is refused: a file, a folder, nothing that is there, and what is written first.
        symlink(&theirs, here.join("out.json")).unwrap();
        symlink(&elsewhere, here.join("out")).unwrap();
        symlink(elsewhere.join("none"), here.join("none.json")).unwrap();
        symlink(&theirs, part("c.json")).unwrap();
        for name in ["out.json", "out/new.json", "out/more/new.json", "none.json", "c.json"] {
            assert!(put(name).is_err(), "{name}");
        }
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
        let left: Vec<_> = fs::read_dir(&elsewhere).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["theirs"]);
        assert!(!here.join("c.json").exists() && !part("b.json").exists());
    }
}
