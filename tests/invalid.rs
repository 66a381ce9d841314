//! Every invalid manifest, with the whole message that it gets; and every mistake of one at once.

use crossrole_model::Source;

use crate::support::root;

/// What is said of a manifest that is read with a directory of accounts.
fn messages_under(text: &str, file: &str, directory: &str, directory_file: &str) -> String {
    let source = |file: &str, text: &str| Source { file: file.to_owned(), text: text.to_owned() };
    let (manifest, directory) = (source(file, text), source(directory_file, directory));
    let surroundings = crossrole_manifest::Surroundings { directory: Some(directory.clone()), ..Default::default() };
    let (desired, findings) = crossrole_manifest::load_in(std::slice::from_ref(&manifest), &surroundings);
    assert!(desired.is_none(), "{file} was accepted");
    crossrole_report::findings(&findings, &[manifest, directory])
}

fn messages(text: &str, file: &str) -> String {
    let directory = std::fs::read_to_string(root().join("manifests/invalid/accounts/accounts.toml")).unwrap();
    messages_under(text, file, &directory, "accounts.toml")
}

#[test]
fn each_invalid_directory_says_what_is_wrong_where_and_what_to_do() {
    let folder = root().join("manifests/invalid/accounts");
    let good =
        "name = \"x\"\n[trusting]\naccounts = [\"*\"]\n[trusted.dev]\naccount = \"111111111111\"\n[roles.Reader]\n[[roles.Reader.trust]]\naccount = \"dev\"\n";
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).filter(|p| !p.ends_with("accounts.toml")).collect();
    files.sort();
    assert!(files.len() >= 8, "{}", files.len());
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        insta::assert_snapshot!(format!("invalid_{name}"), messages_under(good, "good.toml", &text, &format!("{name}.toml")));
    }
}

#[test]
fn each_invalid_manifest_says_what_is_wrong_where_and_what_to_do() {
    let folder = root().join("manifests/invalid");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    files.sort();
    assert!(files.len() >= 60, "{}", files.len());
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let shown = messages(&text, &format!("manifests/invalid/{name}.toml"));
        assert!(shown.starts_with("error") || shown.starts_with("warning"), "{name}: {shown}");
        assert!(!shown.contains('\u{1b}'), "{name} sends an escape to the terminal");
        insta::assert_snapshot!(format!("invalid_{name}"), shown);
    }
}

#[test]
fn five_mistakes_are_five_messages() {
    let text = std::fs::read_to_string(root().join("manifests/invalid/five-mistakes.toml")).unwrap();
    let shown = messages(&text, "x.toml");
    for wanted in [
        "`22` is not an account id",
        "has a blank, which IAM does not allow",
        "60 seconds",
        "unknown key `descripton`",
        "no trusted account is labelled `deb`",
        "can't have the character ` `",
    ] {
        assert!(shown.contains(wanted), "{wanted}\n{shown}");
    }
}

/// A name that another manifest of the run has, or says it had, is nobody else's: said once, in whatever order they are given.
#[test]
fn a_manifest_was_not_renamed_from_another_of_the_run() {
    let of = |name: &str, from: &str| {
        let text = format!("name = \"{name}\"\n{from}[trusting]\naccount = \"222222222222\"\nregion = \"eu-west-1\"\n");
        Source { file: format!("{name}.toml"), text }
    };
    let (old, new, other) = (of("old", ""), of("new", "renamed_from = \"old\"\n"), of("other", "renamed_from = [\"older\", \"old\"]\n"));
    let said = |sources: &[Source]| {
        let (desired, findings) = crossrole_manifest::load(sources);
        assert!(desired.is_none() != findings.is_empty(), "{findings:?}");
        findings.iter().map(|finding| format!("{}: {}", finding.file, finding.message)).collect::<Vec<_>>()
    };
    let of_the_run = ["new.toml: manifest `new` was not renamed from `old`: that one is of this run"];
    assert_eq!(said(&[old.clone(), new.clone()]), of_the_run);
    assert_eq!(said(&[new.clone(), old]), of_the_run);
    assert_eq!(said(&[new.clone(), other.clone()]), ["other.toml: manifests `new` and `other` were both renamed from `old`"]);
    assert_eq!(said(&[new]), [""; 0]);
    assert_eq!(said(&[other]), [""; 0]);
}

#[test]
fn no_text_makes_the_loader_panic() {
    let whole = std::fs::read_to_string(root().join("manifests/guarded-partner.toml")).unwrap();
    let config = proptest::test_runner::Config { cases: 300, failure_persistence: None, ..Default::default() };
    let strategy = (0..whole.len(), 0..40_usize, "[\\PC\n\"\\[\\]=.{}]{0,12}");
    proptest::test_runner::TestRunner::new(config)
        .run(&strategy, |(at, length, noise)| {
            let end = (at + length).min(whole.len());
            let text = format!("{}{noise}{}", &whole[..at], &whole[end..]);
            let sources = [Source { file: "x.toml".into(), text }];
            let (_, findings) = crossrole_manifest::load(&sources);
            let _ = crossrole_report::findings(&findings, &sources);
            Ok(())
        })
        .unwrap();
}
