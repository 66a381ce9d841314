//! The config file of AWS's tools: one section of it, with the rest kept to the byte.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossrole_report::safe;

use crate::failure::Failure;
use crate::files::{self, SMALL, Wanted};

/// Says in the file whose section it is.
const MARK: &str = "# written by `crossrole profile`, which updates it";

/// How long another `crossrole profile` is waited for.
const BUSY: Duration = Duration::from_secs(10);

/// What says where a profile's credentials come from, and with what a role is assumed (AWS SDKs and Tools Reference Guide, "Settings
/// reference").
const SOURCES: &[&str] = &[
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "credential_process",
    "credential_source",
    "duration_seconds",
    "external_id",
    "login_session",
    "mfa_process",
    "mfa_serial",
    "role_arn",
    "role_session_name",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

const CONFIG: Wanted = Wanted {
    what: "AWS's config file",
    most: SMALL,
    advice: "check `AWS_CONFIG_FILE`, and the file's permissions",
    smaller: "AWS's tools read no such file: name another one with `AWS_CONFIG_FILE`",
};

/// Where it is (AWS SDKs and Tools Reference Guide, "Location of the shared config and credentials files").
pub(crate) fn path() -> Result<PathBuf, Failure> {
    file("AWS_CONFIG_FILE", "config").ok_or_else(|| Failure::new("there is no home folder to find `.aws/config` in", "name the file with `AWS_CONFIG_FILE`"))
}

fn file(variable: &str, usual: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).filter(|home| !home.is_empty()).map(PathBuf::from);
    named.or_else(|| home().map(|home| home.join(".aws").join(usual)))
}

/// Whether the file of credentials has such a profile: what stands there comes first.
pub(crate) fn has_credentials(name: &str) -> bool {
    let text = file("AWS_SHARED_CREDENTIALS_FILE", "credentials").and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    text.lines().any(|line| header(line).is_some_and(|found| found == name || found.strip_prefix("profile ").is_some_and(|found| found.trim() == name)))
}

/// Whether a profile stands in either file.
pub(crate) fn exists(name: &str) -> bool {
    let text = path().ok().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    has_credentials(name) || Section::find(&text, name).is_some()
}

/// A setting of a profile.
pub(crate) fn setting(name: &str, key: &str) -> Option<String> {
    let text = path().ok().and_then(|path| std::fs::read_to_string(path).ok())?;
    let section = Section::find(&text, name)?;
    let lines = text.get(section.begins..section.ends)?.lines().skip(1);
    lines.filter(|line| key_of(line) == Some(key)).find_map(|line| Some(line.split_once('=')?.1.trim().to_owned()))
}

/// Writes a profile: its settings, in this order. Returns where, and whether it was there.
pub(crate) fn write(name: &str, settings: &[(&str, String)], replace: bool) -> Result<(PathBuf, bool), Failure> {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    if let Some((key, _)) = settings.iter().find(|(_, value)| !is_value(value)) {
        let hint = "move what it names to a path without such letters";
        return Err(Failure::new(format!("`{key}` would hold a line break, or ` #` or ` ;`, which AWS's tools cut"), hint));
    }
    // A link is followed: what it names is written.
    let named = path()?;
    let target = std::fs::canonicalize(&named).unwrap_or_else(|_| linked(&named));
    made_folder(&target)?;
    let _lock = locked(&target)?;
    let before = if target.exists() { files::read(&target, &CONFIG)? } else { String::new() };
    readable(&before, name)?;
    let there = Section::find(&before, name).is_some();
    let after = updated(&before, name, &settings, replace)?;
    if after != before {
        replaced(&target, &after)?;
    }
    Ok((named, there))
}

/// What a link that leads nowhere yet names.
fn linked(path: &Path) -> PathBuf {
    match std::fs::read_link(path) {
        Ok(to) if to.is_absolute() => to,
        Ok(to) => path.parent().unwrap_or(Path::new("")).join(to),
        Err(_) => path.to_owned(),
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("AWS's config file `{}` can't be written: {error}", safe(&path.display().to_string())),
        "check the folder's permissions, or name another file with `AWS_CONFIG_FILE`",
    )
}

/// The folder, readable by its owner alone where it is new.
fn made_folder(target: &Path) -> Result<(), Failure> {
    let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) else { return Ok(()) };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| unwritable(target, &error))
}

/// A lock on `NAME.crossrole-lock` beside it, which ends with its process. AWS's own tools take none.
fn locked(target: &Path) -> Result<std::fs::File, Failure> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut name = target.as_os_str().to_owned();
    name.push(".crossrole-lock");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(&name).map_err(|error| unwritable(target, &error))?;
    let end = Instant::now() + BUSY;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(PAUSE),
            Err(std::fs::TryLockError::WouldBlock) => {
                let error = format!("another `crossrole profile` is writing `{}`", safe(&target.display().to_string()));
                return Err(Failure::new(error, "wait for it, and run it again"));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(unwritable(target, &error)),
        }
    }
}

/// Writes the whole beside it, with its mode, and puts it in its place.
fn replaced(target: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;

    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&part).and_then(|mut file| {
        if let Ok(known) = std::fs::metadata(target) {
            file.set_permissions(known.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, target)
    });
    written.map_err(|error| {
        let _ = std::fs::remove_file(&part);
        unwritable(target, &error)
    })
}

/// Whether a value comes back as it is: parsers end one at a comment.
fn is_value(text: &str) -> bool {
    !text.chars().any(char::is_control) && ![" #", " ;"].iter().any(|cut| text.contains(cut)) && text.trim() == text && !text.is_empty()
}

/// The name between brackets.
fn header(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name.trim())
}

/// The name of a setting that begins in this line; what is indented belongs to the one before.
fn key_of(line: &str) -> Option<&str> {
    let begins = line.starts_with(|c: char| !c.is_whitespace() && !"#;[".contains(c));
    line.split_once('=').map(|(key, _)| key.trim()).filter(|_| begins)
}

/// A profile's section: from its header to the next one.
#[derive(Debug, Clone, Copy)]
struct Section {
    begins: usize,
    ends: usize,
}

impl Section {
    fn find(text: &str, name: &str) -> Option<Self> {
        let mut at = 0;
        let mut begins = None;
        for line in text.split_inclusive('\n') {
            if let Some(found) = header(line) {
                if let Some(begins) = begins {
                    return Some(Self { begins, ends: at });
                }
                begins = is_name(found, name).then_some(at);
            }
            at += line.len();
        }
        begins.map(|begins| Self { begins, ends: at })
    }
}

/// Refuses a file of which AWS's tools would read something else than what is written: the AWS CLI takes no name behind a space, and no file
/// in which one stands twice (Python's `configparser`).
fn readable(text: &str, name: &str) -> Result<(), Failure> {
    let is_it = |line: &&(usize, &str)| header(line.1).is_some_and(|found| is_name(found, name));
    let found: Vec<(usize, &str)> = text.lines().enumerate().filter(|(at, line)| is_it(&&(*at, *line))).collect();
    let odd = found.iter().find(|(_, line)| line.trim_start().get(1..).is_some_and(|rest| rest.starts_with(char::is_whitespace)));
    if let Some((at, line)) = odd {
        let error = format!("line {} of AWS's config file is `{}`, and the AWS CLI reads no name that begins with a space", at + 1, safe(line.trim()));
        return Err(Failure::new(error, format!("write `[profile {name}]`")));
    }
    if let [_, (second, _), ..] = found.as_slice() {
        let error = format!("profile `{}` stands twice in AWS's config file, again in line {}, and the AWS CLI reads no such file", safe(name), second + 1);
        return Err(Failure::new(error, "make one section of the two"));
    }
    Ok(())
}

/// Whether what stands between brackets names this profile.
fn is_name(found: &str, name: &str) -> bool {
    let found = if found == "default" { Some("default") } else { found.strip_prefix("profile").filter(|rest| rest.starts_with(char::is_whitespace)) };
    found.is_some_and(|found| found.trim().trim_matches(['"', '\'']) == name)
}

/// Whether a profile's credentials come, by way of others, from that of this name: `credential_process` of ours and `source_profile` lead on.
pub(crate) fn comes_from(profile: &str, name: &str) -> bool {
    /// A chain that goes on has a loop that does not lead to this name.
    const MOST: usize = 32;
    let mut at = profile.to_owned();
    for _ in 0..MOST {
        if at == name {
            return true;
        }
        let process = setting(&at, "credential_process").filter(|line| line.split_whitespace().any(|word| word == "credentials"));
        // Names that are written here need no quotes.
        let next = process.and_then(|line| Some(line.split_once(" --profile ")?.1.split_whitespace().next()?.to_owned()));
        let Some(next) = next.or_else(|| setting(&at, "source_profile")) else { return false };
        if next == at {
            return false;
        }
        at = next;
    }
    false
}

/// The text with that section.
fn updated(text: &str, name: &str, settings: &[(&str, &str)], replace: bool) -> Result<String, Failure> {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let own: String = settings.iter().map(|(key, value)| format!("{key} = {value}{end}")).collect();
    let Some(Section { begins, ends }) = Section::find(text, name) else {
        let head = if name == "default" { "[default]".to_owned() } else { format!("[profile {name}]") };
        let gap = match text {
            "" => String::new(),
            text if text.ends_with('\n') => end.to_owned(),
            _ => format!("{end}{end}"),
        };
        return Ok(format!("{text}{gap}{head}{end}{MARK}{end}{own}"));
    };
    let (before, section, after) = (text.get(..begins).unwrap_or_default(), text.get(begins..ends).unwrap_or_default(), text.get(ends..).unwrap_or_default());
    let mut lines = section.split_inclusive('\n').peekable();
    let head = lines.next().unwrap_or_default();
    let ours = section.lines().any(|line| line.trim() == MARK);
    let says = section.lines().skip(1).filter_map(key_of).any(|key| SOURCES.contains(&key));
    if !ours && says && !replace {
        let hint = "give it another name with `--name`, or take it over with `--replace`";
        return Err(Failure::new(format!("profile `{}` is there, and crossrole has not written it", safe(name)), hint));
    }
    let mut kept = String::new();
    let mut dropped = false;
    for line in lines {
        if let Some(key) = key_of(line) {
            dropped = SOURCES.contains(&key) || settings.iter().any(|(own, _)| *own == key);
        } else if !line.starts_with([' ', '\t']) || line.trim().is_empty() {
            dropped = false;
        }
        if !dropped && line.trim() != MARK {
            kept.push_str(line);
        }
    }
    let head = if head.ends_with('\n') { head.to_owned() } else { format!("{head}{end}") };
    Ok(format!("{before}{head}{MARK}{end}{own}{kept}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &[(&str, &str)] = &[("credential_process", "crossrole credentials R")];

    #[test]
    fn the_rest_is_kept_to_the_byte() {
        let around = "# mine\r\n[default]\r\nregion=eu-west-1\r\n  s3 =\r\n    x = y\r\n[ profile  other ]\r\n a\r\n\r\n; end";
        let once = updated(around, "R", SETTINGS, false).unwrap();
        assert_eq!(once, format!("{around}\r\n\r\n[profile R]\r\n{MARK}\r\ncredential_process = crossrole credentials R\r\n"));
        assert_eq!(updated(&once, "R", SETTINGS, false).unwrap(), once, "written again, it is the same");
        let other = updated(&once, "R", &[("credential_process", "x")], false).unwrap();
        assert!(other.starts_with(around) && other.ends_with(&format!("{MARK}\r\ncredential_process = x\r\n")), "{other}");
    }

    #[test]
    fn a_section_keeps_what_is_not_ours() {
        let text =
            format!("[profile R]\n{MARK}\ncredential_process = old\nregion = eu-west-1\ns3 =\n  addressing_style = path\n# why\n\n[profile S]\nrole_arn = x\n");
        let after = updated(&text, "R", SETTINGS, false).unwrap();
        let wanted = format!(
            "[profile R]\n{MARK}\ncredential_process = crossrole credentials R\nregion = eu-west-1\ns3 =\n  addressing_style = path\n# why\n\n[profile S]\nrole_arn = x\n"
        );
        assert_eq!(after, wanted);
    }

    #[test]
    fn somebody_elses_profile_is_not_written_over() {
        let text = "[profile R]\nsso_session = s\nregion = eu-west-1";
        let error = updated(text, "R", SETTINGS, false).unwrap_err();
        assert!(format!("{error:?}").contains("crossrole has not written it"));
        assert_eq!(
            updated(text, "R", SETTINGS, true).unwrap(),
            format!("[profile R]\n{MARK}\ncredential_process = crossrole credentials R\nregion = eu-west-1")
        );
        // One that says of no source is nobody's.
        assert!(updated("[profile R]\nregion = eu-west-1\n", "R", SETTINGS, false).is_ok());
        assert_eq!(updated("", "default", SETTINGS, false).unwrap(), format!("[default]\n{MARK}\ncredential_process = crossrole credentials R\n"));
    }

    #[test]
    fn a_file_that_the_aws_cli_reads_otherwise_is_not_written() {
        for (text, good) in [
            ("[profile R]\n[profile S]\n", true),
            ("[profile   R ] # mine\n", true),
            ("[ profile R]\n", false),
            ("[profile R]\n[profile S]\n[profile \"R\"]\n", false),
            ("[ profile S]\n", true),
        ] {
            assert_eq!(readable(text, "R").is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_value_that_would_be_cut_is_none() {
        assert!(is_value("a b'c\"#;") && ["a #b", "a ;b", "a\nb", " a", ""].iter().all(|text| !is_value(text)));
    }
}
