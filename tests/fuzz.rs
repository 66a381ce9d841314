//! The parsers against mutated input: whatever they are given, they answer and never panic. The same mutations of a corpus
//! every time; `just fuzz` is guided by coverage, and never the same.

use crossrole_model::Source;

use crate::support::root;

const ROUNDS: u64 = 1_500;

/// xorshift64*: the same rounds every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % limit.max(1)
    }
}

const PIECES: &[&str] = &[
    "\"",
    "'",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    "\n",
    "\\u0000",
    "\u{1b}[2J",
    "\u{202e}",
    "ü",
    "-",
    "0",
    "99999999999999999999",
    "true",
    "null",
    "\"*\"",
    "${",
    "}",
    "arn:aws:iam::",
    "2026-01-01T00:00:00Z",
    "\"Statement\":",
    "\"Effect\":\"Allow\",",
    "conditions = { StringLike = { \"a:b\" = [] } }",
    "[roles.X]",
    "name = \"x\"",
    "'''",
    "\"\"\"",
];

fn mutate(text: &str, others: &[String], random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            1 => {
                let end = (at + random.below(30)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let other = others[random.below(others.len())].as_bytes();
                let from = random.below(other.len() + 1);
                let to = (from + random.below(80)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let piece = PIECES[random.below(PIECES.len())].as_bytes();
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn corpus(folder: &str) -> Vec<String> {
    let files = std::fs::read_dir(root().join(folder)).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "toml"));
    files.map(|p| std::fs::read_to_string(p).unwrap()).collect()
}

#[test]
fn the_parsers_answer_whatever_they_are_given() {
    let manifests: Vec<String> = corpus("manifests").into_iter().chain(corpus("manifests/invalid")).filter(|t| t.len() < 20_000).collect();
    let policies: Vec<String> = include_str!("../crates/access/tests/examples.jsonl").lines().map(str::to_owned).collect();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..ROUNDS {
        let text = mutate(&manifests[random.below(manifests.len())], &manifests, &mut random);
        let sources = [Source { file: "fuzz.toml".into(), text }];
        let (desired, findings) = crossrole_manifest::load(&sources);
        let shown = crossrole_report::findings(&findings, &sources);
        assert!(!shown.contains('\u{1b}'), "an escape reaches the terminal");
        assert!(desired.is_some() || !findings.is_empty(), "refused without a word: {:?}", sources[0].text);
        let text = mutate(&policies[random.below(policies.len())], &policies, &mut random);
        let value: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        let policy = value.as_ref().and_then(|v| v.get("resourcePolicy")).map_or(text, ToString::to_string);
        if let Ok(document) = crossrole_policy::parse(&policy) {
            assert_eq!(crossrole_policy::parse(&document.to_json()).unwrap(), document);
        }
    }
}
