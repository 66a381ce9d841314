//! XML out.

/// Escapes text for element content and attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            // XML has no way to say it, not even as a reference: one character must not cost the whole document.
            c if is_unfit(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Tells whether XML 1.0 can't carry a character.
pub(crate) fn is_unfit(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Builds nested elements.
#[derive(Debug, Default)]
pub(crate) struct Xml(pub(crate) String);

impl Xml {
    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.0.push_str(&format!("<{name}>{}</{name}>", escape(value)));
        self
    }

    pub(crate) fn maybe(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    pub(crate) fn nest(&mut self, name: &str, inner: impl FnOnce(&mut Self)) -> &mut Self {
        self.0.push_str(&format!("<{name}>"));
        inner(self);
        self.0.push_str(&format!("</{name}>"));
        self
    }

    /// `<name><member>…</member>…</name>`.
    pub(crate) fn members<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, mut one: impl FnMut(&mut Self, T)) -> &mut Self {
        self.nest(name, |x| {
            for item in items {
                x.nest("member", |x| one(x, item));
            }
        })
    }

    /// `<name><member>text</member>…</name>`.
    pub(crate) fn names<'t>(&mut self, name: &str, items: impl IntoIterator<Item = &'t String>) -> &mut Self {
        self.nest(name, |x| {
            for item in items {
                x.text("member", item);
            }
        })
    }
}
