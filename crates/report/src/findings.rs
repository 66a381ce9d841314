//! Findings with the place underlined.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use crossrole_model::{Finding, Severity, Source};

use crate::safe;

/// Renders findings, each with its file, line, column, underlined text and advice.
pub fn findings(findings: &[Finding], sources: &[Source]) -> String {
    let renderer = Renderer::plain();
    let mut out = String::new();
    for finding in findings {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = match &finding.rule {
            Some(rule) => format!("{} [{}]", safe(&finding.message), safe(rule)),
            None => safe(&finding.message),
        };
        let source = sources.iter().find(|s| s.file == finding.file);
        let text = source.map(|s| visible(&s.text)).unwrap_or_default();
        let mut group = Group::with_title(level.primary_title(title));
        match finding.span.filter(|s| s.end <= text.len() && s.start <= s.end && text.is_char_boundary(s.start) && text.is_char_boundary(s.end)) {
            Some(span) => {
                let (start, end) = first_line(&text, span.start, span.end);
                group = group.element(Snippet::source(text.clone()).path(finding.file.clone()).annotation(AnnotationKind::Primary.span(start..end)));
            }
            None => group = group.element(annotate_snippets::Origin::path(finding.file.clone())),
        }
        if !finding.advice.is_empty() {
            group = group.element(Level::HELP.message(safe(&finding.advice)));
        }
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    out
}

/// A whole table underlined is a wall: its first line says where it is.
fn first_line(text: &str, start: usize, end: usize) -> (usize, usize) {
    let line = text.get(start..end).and_then(|t| t.find('\n')).map_or(end, |at| start + at);
    (start, line.max(start))
}

/// Control characters of a hostile file become as many harmless ones, so that places stay where they are.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t' | '\r') && c.len_utf8() == 1 { '?' } else { c }).collect()
}
