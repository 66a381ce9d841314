//! Typed lines, and the one place that colors and wraps them.
//!
//! What is in a line is harmless already ([`crate::safe`]): the only escape sequences of a text are those put in here.

use anstyle::{AnsiColor, Style};

use crate::escape::no_order;

/// Where a text is read. The usual one is no terminal: no color, and no line is broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Screen {
    /// Colors may be used.
    pub color: bool,
    /// Columns, where lines are to be broken at them.
    pub width: Option<usize>,
}

/// What a line says, for its color. The words and symbols at its beginning say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Nothing that stands out.
    Plain,
    /// Of a section, or what it comes to.
    Heading,
    /// Something comes, or is gained.
    Added,
    /// Something goes, or is lost.
    Removed,
    /// Something becomes another.
    Changed,
    /// Something stays.
    Kept,
    /// Something to look at.
    Warning,
    /// Something that failed, or was refused.
    Error,
    /// What to do about it.
    Advice,
}

/// One line: how far it is set in, its beginning, which has the color, and the parts that it may be broken between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    tone: Tone,
    indent: usize,
    head: String,
    parts: Vec<String>,
}

/// How much further the rest of a broken line is set in.
const HANGING: usize = 4;

/// Columns below which breaking lines helps nobody.
const WIDTH_LEAST: usize = 40;

impl Line {
    /// A line with a beginning alone.
    pub fn new(tone: Tone, indent: usize, head: impl Into<String>) -> Self {
        Self { tone, indent, head: head.into(), parts: Vec::new() }
    }

    /// A line of text in one part.
    pub fn plain(indent: usize, text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, indent, "").then([text.into()])
    }

    /// An empty line.
    pub fn empty() -> Self {
        Self::new(Tone::Plain, 0, "")
    }

    /// Adds parts: a blank between two is in either.
    #[must_use]
    pub fn then<T: Into<String>>(mut self, parts: impl IntoIterator<Item = T>) -> Self {
        self.parts.extend(parts.into_iter().map(Into::into));
        self
    }

    /// Further in by as much.
    #[must_use]
    pub(crate) fn within(mut self, more: usize) -> Self {
        self.indent += more;
        self
    }

    /// The same with other texts.
    pub(crate) fn mapped(&self, text: impl Fn(&str) -> String) -> Self {
        Self { tone: self.tone, indent: self.indent, head: text(&self.head), parts: self.parts.iter().map(|part| text(part)).collect() }
    }

    /// How far it is set in, what it is of, and how many parts it has.
    pub(crate) fn shape(&self) -> (usize, Tone, usize) {
        (self.indent, self.tone, self.parts.len())
    }

    /// Its beginning and its parts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.head).chain(&self.parts).map(String::as_str)
    }

    /// The same with other texts, as many as it has.
    pub(crate) fn filled(&self, texts: &mut impl Iterator<Item = String>) -> Self {
        let head = texts.next().unwrap_or_default();
        Self { tone: self.tone, indent: self.indent, head, parts: texts.take(self.parts.len()).collect() }
    }

    /// What it is of.
    pub(crate) fn tone(&self) -> Tone {
        self.tone
    }

    /// Its text, in one.
    pub fn text(&self) -> String {
        format!("{}{}{}", " ".repeat(self.indent), self.head, self.parts.concat())
    }

    fn render(&self, screen: Screen, out: &mut String) {
        let head = self.head.trim_end();
        out.push_str(&" ".repeat(self.indent));
        let style = if screen.color { style(self.tone) } else { Style::new() };
        out.push_str(&format!("{style}{head}{style:#}{}", self.head.get(head.len()..).unwrap_or_default()));
        let mut at = self.indent + width(&self.head);
        let most = screen.width.map_or(usize::MAX, |w| w.max(WIDTH_LEAST));
        for (number, part) in self.parts.iter().enumerate() {
            // The first part belongs to the symbol before it.
            if number > 0 && at + width(part.trim_end()) > most {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                out.push_str(&" ".repeat(self.indent + HANGING));
                let part = no_order(part.trim_start().to_owned());
                at = self.indent + HANGING + width(&part);
                out.push_str(&part);
            } else if number == 0 && head.is_empty() {
                let part = no_order(part.clone());
                at += width(&part);
                out.push_str(&part);
            } else {
                at += width(part);
                out.push_str(part);
            }
        }
        out.push('\n');
    }
}

/// Letters, near enough to columns.
fn width(text: &str) -> usize {
    text.chars().count()
}

fn style(tone: Tone) -> Style {
    let of = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match tone {
        Tone::Plain => Style::new(),
        Tone::Heading => Style::new().bold(),
        Tone::Added => of(AnsiColor::Green),
        Tone::Removed => of(AnsiColor::Red),
        Tone::Changed => of(AnsiColor::Yellow),
        Tone::Kept => Style::new().dimmed(),
        Tone::Warning => of(AnsiColor::Yellow).bold(),
        Tone::Error => of(AnsiColor::Red).bold(),
        Tone::Advice => of(AnsiColor::Cyan).bold(),
    }
}

/// The lines as text.
pub fn rendered(lines: &[Line], screen: Screen) -> String {
    let mut out = String::new();
    for line in lines {
        line.render(screen, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Line, Screen, Tone, rendered};

    fn line() -> Line {
        Line::new(Tone::Added, 2, "+ ").then(["Allow s3:GetObject, ", "s3:PutObject", " on arn:aws:s3:::bucket/*", " to everyone (*)"])
    }

    #[test]
    fn nothing_is_added_where_nobody_looks() {
        assert_eq!(rendered(&[line()], Screen::default()), "  + Allow s3:GetObject, s3:PutObject on arn:aws:s3:::bucket/* to everyone (*)\n");
    }

    #[test]
    fn a_long_line_breaks_between_its_parts() {
        let screen = Screen { color: false, width: Some(40) };
        let want = "  + Allow s3:GetObject, s3:PutObject\n      on arn:aws:s3:::bucket/*\n      to everyone (*)\n";
        assert_eq!(rendered(&[line()], screen), want);
        assert_eq!(rendered(&[line()], Screen { width: Some(1), ..screen }), want, "no screen is that narrow");
        assert_eq!(rendered(&[line()], Screen { width: Some(200), ..screen }).lines().count(), 1);
    }

    #[test]
    fn no_line_is_an_order() {
        assert_eq!(rendered(&[Line::plain(2, "::error::x")], Screen::default()), "  \\u{3a}:error::x\n");
        assert_eq!(rendered(&[Line::new(Tone::Plain, 0, "on ").then(["::/0"])], Screen::default()), "on ::/0\n");
    }

    #[test]
    fn the_symbol_has_the_color() {
        let screen = Screen { color: true, width: None };
        assert!(rendered(&[line()], screen).starts_with("  \u{1b}[32m+\u{1b}[0m Allow"), "{:?}", rendered(&[line()], screen));
        assert_eq!(rendered(&[Line::plain(0, "text"), Line::empty()], screen), "text\n\n");
    }
}
