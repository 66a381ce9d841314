//! What is said where STS gives no session.

use std::path::PathBuf;

use crossrole_cloud::AssumeRole;
use crossrole_model::{CloudError, ErrorClass};
use crossrole_report::safe;

use super::exports;
use crate::failure::Failure;

/// Most letters of an external id that are shown: none of its own.
const MASKED: &str = "****";

/// Who asked for what and was refused, with what helps. `manifests`: those that were named.
pub(super) fn refused(error: &CloudError, who: &str, asked: &AssumeRole, with_factor: Option<bool>, manifests: &[PathBuf]) -> Failure {
    if error.class != ErrorClass::Denied && error.class != ErrorClass::Invalid {
        return of(error);
    }
    let AssumeRole { role, session_name, external_id, seconds, mfa, source_identity, tags, transitive: _, policy, policy_arns: _ } = asked;
    let asks = doctor(who, asked, mfa.is_some() || with_factor == Some(true), manifests);
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
    terms.extend(match tags.len() {
        0 => None,
        1 => Some("with a tag".to_owned()),
        several => Some(format!("with {several} tags")),
    });
    terms.extend(policy.is_some().then(|| "with a session policy".to_owned()));
    let id = error.request_id.as_ref().map_or_else(String::new, |id| format!(" (request {})", safe(id)));
    let in_place = if external_id.is_some() { format!("; put the external id that was sent in place of `{MASKED}`") } else { String::new() };
    let hint = format!("`{}` says which condition is not met{in_place}", safe(&asks));
    let failure = Failure::new(format!("`{}` may not assume `{}`", safe(who), safe(role)), hint);
    failure.with(&format!("{}{id}: {}", safe(&error.code), safe(&error.message))).with(&format!("asked {}", terms.join(", ")))
}

/// The command that looks for the cause, with everything that was asked for but the external id.
fn doctor(who: &str, asked: &AssumeRole, factor: bool, manifests: &[PathBuf]) -> String {
    let AssumeRole { role, session_name, external_id, seconds, mfa: _, source_identity, tags, transitive, policy: _, policy_arns: _ } = asked;
    let mut words: Vec<String> = ["crossrole", "doctor", "--principal", who, "--action", "sts:AssumeRole", "--resource", role].map(str::to_owned).into();
    let mut with = |name: &str, value: Option<String>| words.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
    with("--external-id", external_id.as_ref().map(|_| MASKED.to_owned()));
    with("--duration", seconds.map(|seconds| seconds.to_string()));
    let mut context = |key: &str, value: &str| with("--context", Some(format!("{key}={value}")));
    context("sts:RoleSessionName", session_name);
    for (key, value) in tags {
        context(&format!("aws:RequestTag/{key}"), value);
        context("aws:TagKeys", key);
    }
    for (key, value) in transitive.iter().map(|tag| ("sts:TransitiveTagKeys", tag)).chain(source_identity.iter().map(|name| ("sts:SourceIdentity", name))) {
        context(key, value);
    }
    let flags = [(factor, "--mfa"), (!tags.is_empty(), "--session-tags"), (source_identity.is_some(), "--source-identity")];
    words.extend(flags.into_iter().filter(|(is_so, _)| *is_so).map(|(_, flag)| flag.to_owned()));
    words.extend(manifests.iter().map(|path| path.display().to_string()));
    words.iter().map(|word| exports::word(word)).collect::<Vec<_>>().join(" ")
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
