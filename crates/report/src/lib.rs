//! Plans, outcomes and findings as text and JSON, and the file that a saved plan is.
//!
//! Everything that comes from AWS or from a manifest is hostile text here: control characters are shown, never sent.
//! External ids are masked unless asked for. Color is never needed to understand anything, and none is used.

mod access;
mod codec;
mod decision;
mod diff;
mod findings;
mod json;
mod outcome;
mod statement;
mod text;
mod words;

pub use access::{access_lines, lockout};
pub use codec::{CodecError, read_plan, write_plan};
pub use decision::{because, explanation, explanation_json, ways, ways_json};
pub use findings::{RuleInfo, annotations, findings, findings_json, sarif};
pub use json::{event_json, outcome_json, plan_json, plan_json_with, waiting_json};
pub use outcome::{broken, describe, differences, outcome, progress, waiting};
pub use text::{Diff, plan};

/// What people get to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct View {
    /// Show external ids in full.
    pub show_external_ids: bool,
    /// How documents are compared.
    pub diff: Diff,
}

/// Returns a document as people may see it: external ids masked unless asked for.
pub fn shown(document: &crossrole_policy::Document, show_external_ids: bool) -> crossrole_policy::Document {
    text::masked(document, View { show_external_ids, diff: Diff::Statements })
}

/// Stands for an external id.
const MASK: &str = "****";

/// Returns `text` with control characters escaped, so that no terminal obeys it, and letters of words that look like others,
/// so that nobody takes `аdmin` for `admin`.
pub fn safe(text: &str) -> String {
    if text.is_ascii() && text.chars().all(is_harmless) {
        return text.to_owned();
    }
    let word = |c: char| c.is_alphanumeric();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| word(c) != word(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        // A word of another script has letters that look like no Latin ones.
        let disguised = run.chars().all(|c| c.is_ascii() || looks_latin(c));
        for c in run.chars() {
            if is_harmless(c) && (c.is_ascii() || !disguised || !looks_latin(c)) {
                out.push(c);
            } else {
                out.extend(c.escape_unicode());
            }
        }
        rest = after;
    }
    out
}

/// Letters of other alphabets that look like those of ASCII (Unicode Technical Standard 39, confusables), roughly.
fn looks_latin(c: char) -> bool {
    const ALIKE: &str = "аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅԌοναρυιΑΒΕΖΗΙΚΜΝΟΡΤΥΧօսոհ";
    ALIKE.contains(c) || matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}')
}

/// Tells whether a letter neither steers a terminal, nor turns the line round, nor hides.
fn is_harmless(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn escapes_do_not_reach_the_terminal() {
        assert_eq!(safe("a\u{1b}[31mb\r\n\u{202e}"), "a\\u{1b}[31mb\\u{d}\\u{a}\\u{202e}");
        assert_eq!(safe("Größe"), "Größe");
    }

    #[test]
    fn letters_that_look_alike_are_escaped() {
        assert_eq!(safe("role/\u{430}dmin"), "role/\\u{430}dmin");
        assert_eq!(safe("\u{441}\u{43e}\u{440}\u{435}"), "\\u{441}\\u{43e}\\u{440}\\u{435}");
        assert_eq!(safe("отдел/Größe"), "отдел/Größe");
        assert_eq!(safe("\u{ff41}dmin"), "\\u{ff41}dmin");
    }
}
