//! Findings as workflow commands of GitHub Actions.

use crossrole_model::{Finding, Severity, Source};

use crate::safe;

use super::place::Places;
use super::{MANIFEST, word};

/// Most annotations of a kind that GitHub shows for a step; the rest is counted in the last.
const ANNOTATIONS_MOST: usize = 10;

/// Workflow commands of GitHub Actions, one a line. A message can't start a command of its own.
pub fn annotations(findings: &[Finding], sources: &[Source]) -> String {
    let (mut out, places) = (String::new(), Places::of(sources));
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let all: Vec<&Finding> = findings.iter().filter(|f| f.severity == severity).collect();
        let more = all.len().saturating_sub(ANNOTATIONS_MOST);
        for (at, finding) in all.iter().take(ANNOTATIONS_MOST).enumerate() {
            let (line, column) = places.find(finding);
            let command = if severity == Severity::Note { "notice" } else { word(severity) };
            let title = finding.rule.as_deref().unwrap_or(MANIFEST);
            let rest = if more > 0 && at + 1 == ANNOTATIONS_MOST { format!(" (and {more} more)") } else { String::new() };
            let [message, advice] = [&finding.message, &finding.advice].map(|text| data(text));
            out.push_str(&format!(
                "::{command} file={},line={line},col={column},title={}::{message}{rest}%0A{advice}\n",
                property(&finding.file),
                property(title)
            ));
        }
    }
    out
}

/// The message of a workflow command: its own lines stay lines, and all else that steers a terminal is shown.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| safe(line).replace('%', "%25")).collect();
    lines.join("%0A")
}

/// A property of one.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossrole_model::Span;

    #[test]
    fn a_hostile_message_is_no_command() {
        let mut finding = Finding::error("a,b.toml", Some(Span { start: 6, end: 7 }), "x\n::set-output name=a::b %", "do");
        finding.severity = Severity::Warning;
        let sources = [Source { file: "a,b.toml".to_owned(), text: "one\ntwo\n".to_owned() }];
        assert_eq!(annotations(&[finding], &sources), "::warning file=a%2Cb.toml,line=2,col=3,title=manifest::x%0A::set-output name=a::b %25%0Ado\n");
    }
}
