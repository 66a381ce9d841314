//! Lines and columns of findings.

use std::collections::BTreeMap;

use crossrole_model::{Finding, Source};

/// Where the lines of each file begin, found once: a large file may have as many findings as lines.
pub(crate) struct Places<'s> {
    files: BTreeMap<&'s str, (&'s str, Vec<usize>)>,
}

impl<'s> Places<'s> {
    pub(crate) fn of(sources: &'s [Source]) -> Self {
        let begins = |text: &str| std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut files = BTreeMap::new();
        for source in sources {
            // Of two with one name the first is meant.
            files.entry(source.file.as_str()).or_insert_with(|| (source.text.as_str(), begins(&source.text)));
        }
        Self { files }
    }

    /// Line and column, from one, in characters.
    pub(crate) fn find(&self, finding: &Finding) -> (usize, usize) {
        self.at(&finding.file, finding.span.map_or(0, |span| span.start))
    }

    /// The same of a place by its byte.
    pub(super) fn at(&self, file: &str, byte: usize) -> (usize, usize) {
        let Some((text, begins)) = self.files.get(file) else { return (1, 1) };
        let line = begins.partition_point(|begin| *begin <= byte);
        let begin = begins.get(line.saturating_sub(1)).copied().unwrap_or(0);
        (line, text.get(begin..byte).unwrap_or_default().chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use crossrole_model::Source;

    #[test]
    fn places_are_counted_from_one_in_letters() {
        let sources = [Source { file: "a".to_owned(), text: "öne\n\ntwö x\n".to_owned() }];
        let places = Places::of(&sources);
        let at: Vec<(usize, usize)> = [0, 2, 4, 5, 6, 11, 13].map(|byte| places.at("a", byte)).into();
        assert_eq!(at, [(1, 1), (1, 2), (1, 4), (2, 1), (3, 1), (3, 5), (4, 1)]);
        assert_eq!(places.at("b", 7), (1, 1));
    }
}
