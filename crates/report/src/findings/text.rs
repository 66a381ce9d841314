//! Findings with the place underlined.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use crossrole_model::{Finding, Severity, Source};

use crate::{is_harmless, safe};

/// Most findings that are rendered: a reader who sees more reads none.
const FINDINGS_MOST: usize = 200;

/// Renders findings, each with its file, line, column, underlined text and advice.
pub fn findings(findings: &[Finding], sources: &[Source]) -> String {
    let renderer = Renderer::plain();
    let mut out = String::new();
    for finding in findings.iter().take(FINDINGS_MOST) {
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
        let mut group = Group::with_title(level.primary_title(title));
        match source.zip(finding.span).and_then(|(source, span)| line_of(&source.text, span)) {
            Some((line, number, start, end)) => {
                let snippet = Snippet::source(visible(line)).line_start(number).path(safe(&finding.file));
                group = group.element(snippet.annotation(AnnotationKind::Primary.span(start..end)));
            }
            None => group = group.element(annotate_snippets::Origin::path(safe(&finding.file))),
        }
        if !finding.advice.is_empty() {
            group = group.element(Level::HELP.message(safe(&finding.advice)));
        }
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    let more = findings.len().saturating_sub(FINDINGS_MOST);
    if more > 0 {
        out.push_str(&format!("… and {more} more findings\n\n"));
    }
    out
}

/// The line that a span begins in, its number, and the span within it: a whole table underlined is a wall, and its first
/// line says where it is.
fn line_of(text: &str, span: crossrole_model::Span) -> Option<(&str, usize, usize, usize)> {
    let (before, from) = (text.get(..span.start)?, text.get(span.start..)?);
    let within = text.get(span.start..span.end)?;
    let begins = before.rfind('\n').map_or(0, |at| at + 1);
    let ends = span.start + from.find('\n').unwrap_or(from.len());
    let line = text.get(begins..ends)?;
    let start = span.start - begins;
    Some((line, before.matches('\n').count() + 1, start, start + within.find('\n').unwrap_or(within.len())))
}

/// What no terminal may obey in a hostile file becomes harmless, and as many bytes, so that places stay where they are.
fn visible(text: &str) -> String {
    let one = |c: char| match c {
        '\n' | '\t' | '\r' => c,
        c if is_harmless(c) => c,
        c => match c.len_utf8() {
            1 => '?',
            2 => '¿',
            _ => char::REPLACEMENT_CHARACTER,
        },
    };
    text.chars().map(one).collect()
}
