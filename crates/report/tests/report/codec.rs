//! The saved plan: read as it was written, or refused with a sentence.

use crossrole_report::{CodecError, read_plan, write_plan};

use crate::facts;

#[test]
fn a_plan_is_read_as_it_was_written() {
    for text in ["Name", "x\u{1b}[31m\n\"\\é\u{202e}"] {
        let plan = facts::plan(text);
        let written = write_plan(&plan).unwrap();
        assert_eq!(read_plan(&written).unwrap(), plan);
        assert_eq!(read_plan(&format!("{written}\n")).unwrap(), plan, "a file ends with its line");
        assert_eq!(written, write_plan(&plan).unwrap());
        assert!(written.contains("secret-4711"), "the record is whole");
    }
}

#[test]
fn what_is_no_plan_is_refused_with_a_sentence() {
    let written = write_plan(&facts::plan("Name")).unwrap();
    let refused = |text: &str| read_plan(text).unwrap_err();
    for text in ["", "{}", "[]", "null", "not JSON", &written[..written.len() / 2], &written[1..]] {
        let error = refused(text);
        assert!(matches!(error, CodecError::NotAPlan(_)), "{text:?}: {error:?}");
        assert!(error.to_string().starts_with("this is not a saved plan: "), "{error}");
    }
    let version = env!("CARGO_PKG_VERSION");
    for (from, to) in [("\"crossrole_plan\":7", "\"crossrole_plan\":2"), ("\"crossrole_plan\":7", "\"crossrole_plan\":8")] {
        assert!(written.contains(from));
        let error = refused(&written.replacen(from, to, 1));
        assert!(matches!(error, CodecError::OtherVersion(_)));
        let number = to.rsplit(':').next().unwrap();
        assert_eq!(
            error.to_string(),
            format!("this plan was made by another version of crossrole ({version}, plan format {number}); this is {version}, plan format 7")
        );
    }
    let other = refused(&written.replacen(&format!("\"version\":\"{version}\""), "\"version\":\"99.0.0\"", 1));
    assert!(matches!(&other, CodecError::OtherVersion(v) if v == "99.0.0, plan format 7"), "{other:?}");
}

/// One byte anywhere: the digest, a name, a digest of an object, the order of keys, a space.
#[test]
fn a_plan_that_was_altered_is_refused() {
    let written = write_plan(&facts::plan("Name")).unwrap();
    let altered = |text: String| {
        assert_ne!(text, written);
        let error = read_plan(&text).unwrap_err();
        assert_eq!(error, CodecError::Altered, "{error}");
        assert_eq!(error.to_string(), "this plan was altered after it was written");
    };
    altered(written.replacen("Name", "Mame", 1));
    altered(written.replacen("\"managed\":true", "\"managed\":false", 1));
    altered(written.replacen(':', ": ", 1));
    altered(written.replacen("\"digest\":\"", "\"digest\":\"0", 1));
    altered(format!(" {written}"));
    altered(written.replacen("\"plan\":{", "\"plan\":{\"unknown\":1,", 1));
    // Any single byte: never another plan, never a panic.
    for at in (0..written.len()).step_by(97).filter(|at| written.is_char_boundary(*at) && written.is_char_boundary(at + 1)) {
        let mut text = written.clone();
        text.replace_range(at..=at, if &written[at..=at] == "7" { "8" } else { "7" });
        assert!(read_plan(&text).is_err(), "{at}");
    }
}
