//! Findings with the place underlined.

use std::collections::BTreeMap;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use crossrole_model::{Finding, Severity, Source};

use crate::escape::safe_in_place;
use crate::{Screen, safe};

use super::place::Places;
use super::secret::{masked, secrets};

/// Most findings that are rendered: a reader who sees more reads none.
const FINDINGS_MOST: usize = 200;

/// Renders findings, each with its file, line, column, underlined text and advice.
pub fn findings(findings: &[Finding], sources: &[Source]) -> String {
    findings_on(findings, sources, Screen::default())
}

/// The same for a screen.
pub fn findings_on(findings: &[Finding], sources: &[Source], screen: Screen) -> String {
    let renderer = if screen.color { Renderer::styled() } else { Renderer::plain() };
    let (mut files, places) = (BTreeMap::new(), Places::of(sources));
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
        let known = sources.iter().find(|s| s.file == finding.file);
        let mut group = Group::with_title(level.primary_title(title));
        match known.zip(finding.span).and_then(|(source, span)| Some((source, line_of(&source.text, span)?))) {
            Some((source, Line { text, begins, start, end })) => {
                let secrets = files.entry(&source.file).or_insert_with(|| secrets(&source.text));
                let snippet = Snippet::source(safe_in_place(&masked(text, begins, secrets))).line_start(places.find(finding).0).path(safe(&finding.file));
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

/// One line of a file, and a span within it.
struct Line<'t> {
    text: &'t str,
    /// Where it begins in the file.
    begins: usize,
    start: usize,
    end: usize,
}

/// The line that a span begins in: a whole table underlined is a wall, and its first line says where it is.
fn line_of(text: &str, span: crossrole_model::Span) -> Option<Line<'_>> {
    let (before, from) = (text.get(..span.start)?, text.get(span.start..)?);
    let within = text.get(span.start..span.end)?;
    let begins = before.rfind('\n').map_or(0, |at| at + 1);
    let ends = span.start + from.find('\n').unwrap_or(from.len());
    // The end of a line may be written in two letters.
    let line = text.get(begins..ends)?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    let start = (span.start - begins).min(line.len());
    let end = (start + within.find('\n').unwrap_or(within.len())).min(line.len());
    Some(Line { text: line, begins, start, end })
}
