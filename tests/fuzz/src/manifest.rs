//! The manifest loader, guided by coverage: it answers whatever it is given, and says why when it refuses.
#![no_main]

use crossrole_model::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let sources = [Source { file: "fuzz.toml".into(), text: text.to_owned() }];
    let (desired, findings) = crossrole_manifest::load(&sources);
    let shown = crossrole_report::findings(&findings, &sources);
    assert!(!shown.contains('\u{1b}'), "an escape reaches the terminal");
    assert!(desired.is_some() || !findings.is_empty(), "refused without a word");
});
