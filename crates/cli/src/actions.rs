//! Actions as people write them. A misspelt one is forbidden to nobody and let by nobody, and both look like an answer.

use crossrole_access::catalogue;

use crate::failure::Failure;

/// Below this likeness a suggestion is noise.
const CLOSE: f64 = 0.9;

/// Tells whether a text may be a pattern over actions: `service:Name`, or wildcards in their place, of the letters that actions have.
pub(crate) fn is_pattern(text: &str) -> bool {
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_*?".contains(&b));
    text.split_once(':').map_or(text.contains('*') && letters(text), |(service, name)| letters(service) && letters(name))
}

/// What is wrong with a pattern of actions, if anything: of S3, IAM, STS and KMS all actions are known, of other
/// services their names.
pub(crate) fn mistake(pattern: &str) -> Option<String> {
    let shown = crossrole_report::safe(pattern);
    if pattern.chars().all(|c| c == '*') && !pattern.is_empty() {
        return None;
    }
    let Some((service, _)) = pattern.split_once(':') else { return Some(format!("`{shown}` is no action: an action is `service:Name`")) };
    if !is_pattern(pattern) {
        return Some(format!("`{shown}` is no action: an action has letters, digits and `-`, and in a pattern `*` and `?`"));
    }
    if service.contains(['*', '?']) {
        return None;
    }
    if !catalogue::is_service(service) {
        return Some(format!("`{shown}` is no action: there is no service `{}`", crossrole_report::safe(service)));
    }
    if !catalogue::is_no_action(pattern) {
        return None;
    }
    let near = catalogue::names(service).into_iter().map(|name| (strsim::jaro_winkler(&pattern.to_lowercase(), &name.to_lowercase()), name));
    let best = near.filter(|(likeness, _)| *likeness >= CLOSE).max_by(|a, b| a.0.total_cmp(&b.0));
    let advice = best.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default();
    Some(format!("`{shown}` is no action{advice}"))
}

/// The same of one action that is asked about, which no pattern is.
pub(crate) fn mistake_of_one(action: &str) -> Option<String> {
    if action.contains(['*', '?']) {
        return Some(format!("`{}` is a pattern, and one action is asked about at a time", crossrole_report::safe(action)));
    }
    mistake(action)
}

/// Refuses what is no action.
pub(crate) fn one(action: &str) -> Result<(), Failure> {
    mistake_of_one(action).map_or(Ok(()), |error| Err(Failure::new(error, "write it as in `s3:GetObject`")))
}
