//! Texts of several accounts as one with placeholders: filled in for each of them, it is that account's text to the letter.

use std::collections::{BTreeMap, BTreeSet};

/// What placeholders stand for in one account, as it is shown.
#[derive(Debug)]
pub(crate) struct Fills(BTreeMap<String, String>);

impl Fills {
    pub(crate) const ACCOUNT: &'static str = "account";
    pub(crate) const LABEL: &'static str = "label";

    /// Those of an account; its label is one where it tells it from all others.
    pub(crate) fn new(account: &str, label: Option<String>, own: impl Iterator<Item = (String, String)>) -> Self {
        let label = label.filter(|label| label != account).map(|label| (Self::LABEL.to_owned(), label));
        let all = own.chain(label).chain([(Self::ACCOUNT.to_owned(), account.to_owned())]);
        Self(all.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Tells whether a text says a placeholder itself.
    pub(crate) fn is_said_in(text: &str) -> bool {
        ["{account}", "{label}", "{region}", "{tag:"].iter().any(|word| text.contains(word))
    }
}

/// The texts of one account, and where placeholders stand in them once those of others are known.
#[derive(Debug)]
pub(crate) struct Template<'a> {
    texts: Vec<One<'a>>,
    fills: &'a Fills,
}

#[derive(Debug)]
struct One<'a> {
    text: &'a str,
    /// Where a placeholder may stand, longer values first.
    may: Vec<(usize, &'a str, &'a str)>,
    /// Where one stands.
    slots: BTreeMap<usize, &'a str>,
}

impl<'a> Template<'a> {
    /// The texts of the first account, without a placeholder.
    pub(crate) fn of(texts: Vec<&'a str>, fills: &'a Fills) -> Self {
        let one = |text: &'a str| {
            let each = fills.0.iter().flat_map(|(word, value)| text.match_indices(value.as_str()).map(move |(at, _)| (at, word.as_str(), value.as_str())));
            let mut may: Vec<_> = each.collect();
            may.sort_by_key(|(at, word, value)| (*at, std::cmp::Reverse(value.len()), *word));
            One { text, may, slots: BTreeMap::new() }
        };
        Self { texts: texts.into_iter().map(one).collect(), fills }
    }

    /// Puts placeholders where the texts of another account differ; false, and nothing is changed, where they differ otherwise.
    pub(crate) fn takes(&mut self, others: &[&str], fills: &Fills) -> bool {
        if others.len() != self.texts.len() {
            return false;
        }
        let Some(found) = self.texts.iter().zip(others).map(|(one, other)| one.slots_for(other, fills)).collect::<Option<Vec<_>>>() else { return false };
        for (one, slots) in self.texts.iter_mut().zip(found) {
            one.slots = slots;
        }
        true
    }

    /// Tells whether it is these texts, once it is filled in for their account.
    pub(crate) fn fits(&self, others: &[&str], fills: &Fills) -> bool {
        others.len() == self.texts.len()
            && self.texts.iter().zip(others).all(|(one, other)| one.filled(self.fills, |word| fills.0.get(word).cloned()) == *other)
    }

    /// The texts with their placeholders.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.texts.iter().map(|one| one.filled(self.fills, |word| Some(format!("{{{word}}}")))).collect()
    }

    /// The placeholders that stand in it.
    pub(crate) fn words(&self) -> BTreeSet<String> {
        self.texts.iter().flat_map(|one| one.slots.values()).map(|word| (*word).to_owned()).collect()
    }
}

impl<'a> One<'a> {
    /// The placeholders that there are, and those that the text of another account needs besides.
    fn slots_for(&self, other: &str, fills: &Fills) -> Option<BTreeMap<usize, &'a str>> {
        let mut slots = BTreeMap::new();
        let (mut at, mut rest) = (0, other);
        for (start, word, own) in &self.may {
            let Some(literal) = self.text.get(at..*start) else { continue };
            let Some(value) = fills.0.get(*word) else { continue };
            let from = rest.strip_prefix(literal)?;
            let stands = match self.slots.get(start) {
                Some(there) => there == word,
                None => own != value && from.starts_with(value.as_str()) && !self.goes_on_alike(*start, from, own.len().max(value.len())),
            };
            if stands {
                rest = from.strip_prefix(value.as_str())?;
                at = start + own.len();
                slots.insert(*start, *word);
            }
        }
        // What stands already stands for others.
        (self.text.get(at..)? == rest && self.slots.keys().all(|start| slots.contains_key(start))).then_some(slots)
    }

    /// Both say the same from here on, through the longer of two values: neither stands here.
    fn goes_on_alike(&self, at: usize, other: &str, through: usize) -> bool {
        self.text.get(at..).is_some_and(|own| own.as_bytes().get(..through).is_some_and(|own| other.as_bytes().get(..through) == Some(own)))
    }

    fn filled(&self, own: &Fills, value: impl Fn(&str) -> Option<String>) -> String {
        let mut out = String::new();
        let mut at = 0;
        for (start, word) in &self.slots {
            out.push_str(self.text.get(at..*start).unwrap_or_default());
            out.push_str(&value(word).unwrap_or_default());
            at = start + own.0.get(*word).map_or(0, String::len);
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{Fills, Template};

    /// Account, label, region and team, some of which begin alike or are words of the texts.
    const ACCOUNTS: [[&str; 4]; 6] = [
        ["600000000010", "dev", "eu-west-1", "pay"],
        ["600000000011", "development", "eu-west-1", "pay"],
        ["600000000012", "dev-pay", "us-west-2", "pay-out"],
        ["600000000013", "a", "eu-central-1", "dev"],
        ["600000000014", "ab", "us-west-2", "a"],
        ["600000000015", "geo", "eu-west-1", "geo"],
    ];

    const PATTERNS: [&str; 9] = [
        "nothing of any account",
        "{account}",
        "role/Hunt-{tag:team} of {account}",
        "for development in eu-west-1: {label}, {region}",
        "{label}/{tag:team}/{label}",
        "{region}{region}",
        "acme-{account}-{region}-flow and acme-600000000012-us-west-2-flow",
        "dev pay a ab geo",
        "\u{e9}{label}\u{e9}{account}",
    ];

    fn fills(of: &[&str; 4]) -> Fills {
        let own = [("region".to_owned(), of[2].to_owned()), ("tag:team".to_owned(), of[3].to_owned())];
        Fills::new(of[0], Some(of[1].to_owned()), own.into_iter())
    }

    fn filled(pattern: &str, of: &[&str; 4]) -> String {
        ["{account}", "{label}", "{region}", "{tag:team}"].iter().zip(of).fold(pattern.to_owned(), |text, (word, value)| text.replace(word, value))
    }

    /// Whichever account is the first: one template is all of their texts, to the letter.
    #[test]
    fn texts_of_one_pattern_are_one_template() {
        for pattern in PATTERNS {
            for first in 0..ACCOUNTS.len() {
                let all: Vec<(String, Fills)> = ACCOUNTS.iter().map(|of| (filled(pattern, of), fills(of))).collect();
                let (text, own) = &all[first];
                let mut template = Template::of(vec![text, "same"], own);
                for (text, fills) in &all {
                    assert!(template.takes(&[text, "same"], fills), "{pattern}: {text} {template:?}");
                }
                assert!(all.iter().all(|(text, fills)| template.fits(&[text, "same"], fills)), "{pattern}: {template:?}");
                let said = template.texts();
                for of in &ACCOUNTS {
                    assert_eq!(filled(&said[0], of), filled(pattern, of), "{said:?}");
                }
                assert_eq!(template.words().is_empty(), !pattern.contains('{'), "what is the same in all is no placeholder: {said:?}");
            }
        }
    }

    /// What another account has, or something else altogether, is another text, wherever it stands.
    #[test]
    fn what_differs_otherwise_is_another() {
        for pattern in PATTERNS.iter().filter(|pattern| pattern.contains('{')) {
            let (first, second) = (filled(pattern, &ACCOUNTS[0]), filled(pattern, &ACCOUNTS[3]));
            let (own, others) = (fills(&ACCOUNTS[0]), fills(&ACCOUNTS[3]));
            for changed in [format!("{second} "), format!("x{second}"), filled(pattern, &ACCOUNTS[4]), second.replacen(['6', 'd', 'e', 'a'], "!", 1)] {
                let mut template = Template::of(vec![&first], &own);
                assert!(!template.takes(&[&changed], &others), "{pattern}: {changed}");
                assert!(template.words().is_empty() && template.takes(&[&second], &others), "nothing is kept of what was not taken");
            }
            assert!(!Template::of(vec![&first, ""], &own).takes(&[&second], &others), "as many texts as there are");
        }
    }
}
