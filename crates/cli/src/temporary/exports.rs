//! Credentials as a shell, or a program, reads them.

use crossrole_report::json_text_pretty;
use serde_json::{Map, Value};

use super::Given;
use crate::args::ExportArg;
use crate::failure::Failure;

/// The variables that AWS's tools read.
fn variables(given: &Given) -> Vec<(&'static str, String)> {
    let mut all = vec![("AWS_ACCESS_KEY_ID", given.keys.access_key_id.clone()), ("AWS_SECRET_ACCESS_KEY", given.keys.secret_access_key.clone())];
    all.extend(given.keys.session_token.clone().map(|token| ("AWS_SESSION_TOKEN", token)));
    all.push(("AWS_CREDENTIAL_EXPIRATION", given.expiration()));
    all
}

/// Names of a profile, which some SDKs (that for JavaScript) take before keys that stand beside them.
const PROFILES: [&str; 2] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

/// Those names that are set here: the shell that reads the exports has the same.
pub(crate) fn profiles_here() -> Vec<&'static str> {
    PROFILES.into_iter().filter(|name| std::env::var_os(name).is_some()).collect()
}

/// The text for a shell. `shadows`: variables that would stand before these.
pub(crate) fn exports(given: &Given, shadows: &[&str], format: ExportArg) -> Result<String, Failure> {
    let all = variables(given);
    if format == ExportArg::Json {
        let object: Map<String, Value> = all.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
        return Ok(json_text_pretty(&Value::Object(object)) + "\n");
    }
    let unset = shadows.iter().filter_map(|name| match format {
        ExportArg::Bash => Some(format!("unset {name}\n")),
        ExportArg::Fish => Some(format!("set -e {name}\n")),
        ExportArg::Powershell => Some(format!("Remove-Item Env:{name}\n")),
        ExportArg::Dotenv | ExportArg::Json => None,
    });
    all.iter().map(|(name, value)| line(name, value, format)).chain(unset.map(Ok)).collect()
}

fn line(name: &str, value: &str, format: ExportArg) -> Result<String, Failure> {
    let odd = |why: &str| Failure::new(format!("`{name}` {why}, and was not printed"), "print it with `--format json`; AWS gives out no such value");
    if value.contains('\0') {
        return Err(odd("holds a letter that no variable can"));
    }
    match format {
        ExportArg::Bash => Ok(format!("export {name}={}\n", posix(value))),
        ExportArg::Fish => Ok(format!("set -gx {name} {}\n", fish(value))),
        ExportArg::Powershell => Ok(format!("$Env:{name} = {}\n", powershell(value))),
        // What reads such files agrees on nothing but plain text between single quotes.
        ExportArg::Dotenv if value.chars().any(|c| c.is_control() || "'\\".contains(c)) => {
            Err(odd("can't be written so that each reader of such files reads it"))
        }
        ExportArg::Dotenv => Ok(format!("{name}='{value}'\n")),
        ExportArg::Json => Err(Failure::bug("JSON has no lines")),
    }
}

/// Between single quotes nothing is special but those (POSIX, "Shell Command Language", 2.2.2).
pub(crate) fn posix(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Between single quotes, fish knows `\'` and `\\` (fish documentation, "Quotes").
fn fish(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// A quote is doubled, and PowerShell takes four more letters for one (PowerShell documentation, "about_Quoting_Rules"; its tokenizer,
/// `IsSingleQuote`).
fn powershell(text: &str) -> String {
    let doubled: String = text.chars().flat_map(|c| std::iter::repeat_n(c, if "'\u{2018}\u{2019}\u{201a}\u{201b}".contains(c) { 2 } else { 1 })).collect();
    format!("'{doubled}'")
}

/// A word as a shell reads it, with quotes where it needs them.
pub(crate) fn word(word: &str) -> String {
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-=:,+@".contains(&b));
    match (plain, cfg!(windows)) {
        (true, _) => word.to_owned(),
        (false, true) => format!("\"{}\"", word.replace('"', "\\\"")),
        (false, false) => posix(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_value_stays_a_value() {
        let value = "a'b\\c\"d$(e)`f`\u{2019}; g\nh";
        assert_eq!(line("X", value, ExportArg::Bash).unwrap(), "export X='a'\\''b\\c\"d$(e)`f`\u{2019}; g\nh'\n");
        assert_eq!(line("X", value, ExportArg::Fish).unwrap(), "set -gx X 'a\\'b\\\\c\"d$(e)`f`\u{2019}; g\nh'\n");
        assert_eq!(line("X", value, ExportArg::Powershell).unwrap(), "$Env:X = 'a''b\\c\"d$(e)`f`\u{2019}\u{2019}; g\nh'\n");
        assert!(line("X", value, ExportArg::Dotenv).is_err() && line("X", "a\0b", ExportArg::Bash).is_err());
        assert_eq!(line("X", "a/+=b", ExportArg::Dotenv).unwrap(), "X='a/+=b'\n");
    }

    #[test]
    fn a_profile_that_would_come_first_is_unset() {
        let keys = crossrole_cloud::Keys { access_key_id: "A".to_owned(), secret_access_key: "S".to_owned(), session_token: None, expires: Some(0) };
        let given = Given { keys, arn: String::new(), issued: 0, by_long_term: false };
        for (format, last) in
            [(ExportArg::Bash, "unset AWS_PROFILE"), (ExportArg::Fish, "set -e AWS_PROFILE"), (ExportArg::Powershell, "Remove-Item Env:AWS_PROFILE")]
        {
            assert_eq!(exports(&given, &["AWS_PROFILE"], format).unwrap().lines().last(), Some(last));
            assert!(!exports(&given, &[], format).unwrap().contains("AWS_PROFILE"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_of_posix_reads_what_was_meant() {
        for value in ["", "'", "''", "a'b\\c\"d$(exit 3)`exit 4`; exit 5\nh", "-n", "\u{1b}[31m*?~ !x"] {
            let script = format!("X={}; printf %s \"$X\"", posix(value));
            let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), value);
        }
    }
}
