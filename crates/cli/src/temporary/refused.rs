//! What is said where STS gives no session.

use crossrole_cloud::AssumeRole;
use crossrole_model::{CloudError, ErrorClass};
use crossrole_report::safe;

use crate::failure::Failure;

/// Most letters of an external id that are shown: none of its own.
const MASKED: &str = "****";

/// Who asked for what and was refused, with what helps.
pub(super) fn refused(error: &CloudError, who: &str, asked: &AssumeRole, with_factor: Option<bool>) -> Failure {
    if error.class != ErrorClass::Denied && error.class != ErrorClass::Invalid {
        return of(error);
    }
    let AssumeRole { role, session_name, external_id, seconds, mfa, source_identity, tags, transitive: _, policy, policy_arns: _ } = asked;
    let factor = match (mfa, with_factor) {
        (Some(_), _) => Some("with a code of a device"),
        (None, Some(true)) => Some("with a second factor"),
        (None, Some(false)) => Some("without a second factor"),
        // Whoever gave those credentials knows.
        (None, None) => None,
    };
    let external = external_id.as_ref().map_or_else(|| "without an external id".to_owned(), |_| format!("with external id `{MASKED}`"));
    let lasting = seconds.map_or_else(|| "for an hour".to_owned(), |seconds| format!("for {}", length(seconds.unsigned_abs())));
    let mut terms = vec![lasting, external];
    terms.extend(factor.map(str::to_owned));
    terms.push(format!("as session `{}`", safe(session_name)));
    terms.extend(source_identity.as_ref().map(|name| format!("with source identity `{}`", safe(name))));
    terms.extend((!tags.is_empty()).then(|| format!("with {} tags", tags.len())));
    terms.extend(policy.is_some().then(|| "with a session policy".to_owned()));
    let id = error.request_id.as_ref().map_or_else(String::new, |id| format!(" (request {})", safe(id)));
    let id_said = if external_id.is_some() { ", with the external id that was sent in the place of ID" } else { "" };
    let failure = Failure::new(
        format!("`{}` may not assume `{}`", safe(who), safe(role)),
        format!("`{}` says which condition is not met{id_said}", asks_why(who, asked, with_factor)),
    );
    failure.with(&format!("{}{id}: {}", safe(&error.code), safe(&error.message))).with(&format!("asked {}", terms.join(", ")))
}

/// The question why: with all that was sent, but for the external id itself.
fn asks_why(who: &str, asked: &AssumeRole, with_factor: Option<bool>) -> String {
    let mut words = ["crossrole", "doctor", "--principal", who, "--action", "sts:AssumeRole", "--resource", &asked.role].map(str::to_owned).to_vec();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    if asked.external_id.is_some() {
        add(&["--external-id", "ID"]);
    }
    if asked.mfa.is_some() || with_factor == Some(true) {
        add(&["--mfa"]);
    }
    if let Some(seconds) = asked.seconds {
        add(&["--duration", &seconds.to_string()]);
    }
    add(&["--context", &format!("sts:RoleSessionName={}", asked.session_name)]);
    if let Some(name) = &asked.source_identity {
        add(&["--source-identity", "--context", &format!("sts:SourceIdentity={name}")]);
    }
    if !asked.tags.is_empty() {
        add(&["--session-tags"]);
    }
    for (key, value) in &asked.tags {
        add(&["--context", &format!("aws:RequestTag/{key}={value}")]);
    }
    let plain = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=@,+%".contains(&b));
    let quoted = |word: &String| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) };
    safe(&words.iter().map(quoted).collect::<Vec<_>>().join(" "))
}

/// What else went wrong.
pub(super) fn of(error: &CloudError) -> Failure {
    let code = if error.code.is_empty() { String::new() } else { format!("{}: ", safe(&error.code)) };
    let hint = match error.class {
        ErrorClass::Credentials => "sign in, or name with `--profile` whoever assumes the role",
        _ => error.advice(),
    };
    Failure::new(format!("{}: {code}{}", safe(&error.operation), safe(&error.message)), hint)
}

/// `1h`, `90m`, `45s`
pub(super) fn length(seconds: u32) -> String {
    match seconds {
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}
