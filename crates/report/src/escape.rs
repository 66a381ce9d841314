//! The one room where hostile text is made harmless. Every name, description, tag, Sid, statement, file name and error text
//! may come from whoever wants to steer a terminal, forge a line, hide letters, or give a pipeline an order.
//!
//! Text for people shows such letters as `\u{…}`. JSON keeps every value exact: it writes them as `\uXXXX`, which any reader
//! turns back. What else an output takes for a command of its own is encoded where that output is made.

use std::io::Write;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// Returns `text` on one line, with every letter shown that steers, turns round or hides, letters of words that look like
/// others (so that nobody takes `аdmin` for `admin`), and the beginnings of orders to pipelines.
pub fn safe(text: &str) -> String {
    if text.is_ascii() && text.chars().all(is_harmless) {
        return orders(text, "\\u{23}");
    }
    orders(&replaced(text, |c, out| out.extend(c.escape_unicode())), "\\u{23}")
}

/// Returns a line of a file with the same letters replaced by as many bytes, so that places stay where they are.
pub(crate) fn safe_in_place(line: &str) -> String {
    let of_same_length = |c: char, out: &mut String| match (c, c.len_utf8()) {
        ('\t', _) => out.push('\t'),
        (_, 1) => out.push('?'),
        (_, 2) => out.push('¿'),
        (_, 3) => out.push(char::REPLACEMENT_CHARACTER),
        _ => out.push_str("¿¿"),
    };
    orders(&replaced(line, of_same_length), "?")
}

/// Copies a text, and hands what is not harmless to `show`.
fn replaced(text: &str, show: impl Fn(char, &mut String)) -> String {
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
                show(c, &mut out);
            }
        }
        rest = after;
    }
    out
}

/// Returns a text of several lines that others have laid out, with each line made [`safe`].
pub fn safe_lines(text: &str) -> String {
    let end = if text.ends_with('\n') { "\n" } else { "" };
    text.lines().map(|line| no_order(safe(&line.replace('\t', "    ")))).collect::<Vec<_>>().join("\n") + end
}

/// A line that begins as an order of GitHub Actions does (actions/runner, `ActionCommand.TryParseV2`) begins otherwise, and so
/// does one that would end the fence of Markdown that the text may be shown in (`CommonMark`, "Fenced code blocks").
pub(crate) fn no_order(line: String) -> String {
    let first = match line.trim_start() {
        text if text.starts_with("::") => ':',
        text if text.starts_with("```") => '`',
        text if text.starts_with("~~~") => '~',
        _ => return line,
    };
    format!("{}{}", first.escape_unicode(), line.trim_start().get(1..).unwrap_or_default())
}

/// Returns JSON on one line. Its values are exact; what steers or hides is written as `\uXXXX`, and so is `<`, so that the text
/// may stand in a page.
pub fn json_text(value: &impl Serialize) -> String {
    text_of(value, CompactFormatter)
}

/// The same, indented.
pub fn json_text_pretty(value: &impl Serialize) -> String {
    text_of(value, PrettyFormatter::new())
}

/// Writes what [`json_text_pretty`] returns, and the end of the line, without holding the text.
///
/// # Errors
///
/// What the writer fails with.
pub fn write_json(mut to: impl Write, value: &impl Serialize) -> std::io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut to, Harmless(PrettyFormatter::new())))?;
    to.write_all(b"\n")?;
    to.flush()
}

/// Nothing that is written here has a key that is no text, or fails by itself, and memory takes all that is written.
fn text_of<F: Formatter>(value: &impl Serialize, formatter: F) -> String {
    let mut out = Vec::new();
    let _ = value.serialize(&mut Serializer::with_formatter(&mut out, Harmless(formatter)));
    String::from_utf8(out).unwrap_or_default()
}

/// Letters of strings as they may stand anywhere; all else as the formatter has it.
struct Harmless<F>(F);

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> std::io::Result<()> {
        self.0.write_string_fragment(writer, &escaped_json(fragment))
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// All of these letters may be written so in a string (RFC 8259, section 7).
fn escaped_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '<' || !is_harmless(c) {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    orders(&out, "\\u0023")
}

/// Breaks what the runner of a pipeline takes for an order anywhere in a line: `##[command]` of GitHub Actions
/// (actions/runner, `ActionCommand.TryParse`) and `##vso[command]` of Azure Pipelines.
fn orders(text: &str, number_sign: &str) -> String {
    let mut out = text.to_owned();
    for order in ["##[", "##vso["].into_iter().filter(|order| text.contains(order)) {
        out = out.replace(order, &order.replacen("##", &format!("#{number_sign}"), 1));
    }
    out
}

/// Letters of other alphabets that look like those of ASCII (Unicode Technical Standard 39, confusables), roughly.
fn looks_latin(c: char) -> bool {
    const ALIKE: &str = "аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅԌοναρυιΑΒΕΖΗΙΚΜΝΟΡΤΥΧօսոհ";
    ALIKE.contains(c) || matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}')
}

/// Tells whether a letter neither steers a terminal, nor ends or turns round a line, nor is invisible.
///
/// Controls are Unicode's `Cc`: ESC, DEL and C1 among them. What is ignorable by default is from Unicode's
/// `DerivedCoreProperties.txt`. A blank that is not the usual one could pass for it.
fn is_harmless(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let ignorable = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    // The blank of Braille is no white space, and looks like it.
    !c.is_control() && !c.is_whitespace() && !ignorable && c != '\u{2800}'
}

#[cfg(test)]
mod tests {
    use super::{json_text, json_text_pretty, safe, safe_in_place, safe_lines};
    use serde_json::json;

    #[test]
    fn escapes_do_not_reach_the_terminal() {
        assert_eq!(safe("a\u{1b}[31mb\r\n\u{202e}"), "a\\u{1b}[31mb\\u{d}\\u{a}\\u{202e}");
        assert_eq!(safe("\u{9b}2J\u{7f}"), "\\u{9b}2J\\u{7f}");
        assert_eq!(safe("Größe"), "Größe");
    }

    #[test]
    fn what_can_not_be_seen_is_shown() {
        for c in "\u{ad}\u{61c}\u{200b}\u{200e}\u{2028}\u{2029}\u{2060}\u{2066}\u{feff}\u{e0041}\u{fe0f}\u{3164}\u{a0}\u{2800}\u{3000}".chars() {
            assert_eq!(safe(&format!("x{c}y")), format!("x{}y", c.escape_unicode()));
        }
    }

    #[test]
    fn letters_that_look_alike_are_escaped() {
        assert_eq!(safe("role/\u{430}dmin"), "role/\\u{430}dmin");
        assert_eq!(safe("\u{441}\u{43e}\u{440}\u{435}"), "\\u{441}\\u{43e}\\u{440}\\u{435}");
        assert_eq!(safe("отдел/Größe"), "отдел/Größe");
        assert_eq!(safe("\u{ff41}dmin"), "\\u{ff41}dmin");
    }

    #[test]
    fn orders_to_a_pipeline_are_broken() {
        assert_eq!(safe("x ##[add-mask]y"), "x #\\u{23}[add-mask]y");
        assert_eq!(safe("###[error]"), "##\\u{23}[error]");
        assert_eq!(safe("##vso[task.setvariable]ö"), "#\\u{23}vso[task.setvariable]ö");
        assert_eq!(safe("## a heading"), "## a heading");
        assert_eq!(safe_lines("a\n\t::error::b\n"), "a\n\\u{3a}:error::b\n");
        assert_eq!(safe_lines("```\n x ```\n ~~~~"), "\\u{60}``\n x ```\n\\u{7e}~~~");
    }

    #[test]
    fn a_line_of_a_file_keeps_its_places() {
        let line = "a\tb\u{1b}\u{9b}\u{202e}\u{e0041}##[x]\u{430}\r";
        assert_eq!(safe_in_place(line), "a\tb?¿\u{fffd}¿¿#?[x]¿?");
        assert_eq!(safe_in_place(line).len(), line.len());
    }

    #[test]
    fn json_stays_exact() {
        let value = json!({"\u{9b}<b>": "\u{2028}\u{202e}\u{e0041}\u{7f}##[error]x \u{430} ::warning::"});
        for text in [json_text(&value), json_text_pretty(&value)] {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
            assert!(!text.contains("##[") && !text.contains('<'), "{text}");
            assert!(text.contains("\\u2028\\u202e\\udb40\\udc41\\u007f#\\u0023[error]"), "{text}");
        }
    }
}
