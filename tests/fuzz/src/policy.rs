//! The policy parser, guided by coverage: what it accepts, it writes so that it reads the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(document) = crossrole_policy::parse(text) {
        assert_eq!(crossrole_policy::parse(&document.to_json()).as_ref(), Ok(&document));
    }
});
