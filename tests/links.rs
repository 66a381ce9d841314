//! Symbolic links that a checkout brings: no other file is read and shown by them, and none is written.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, root};

const MANIFEST: &str = "name = \"linked\"\n[trusting]\naccount = \"222222222222\"\n[roles.Reader]\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n";

/// As a file of credentials is.
const SECRET: &str = "[default]\naws_access_key_id = AKIASECRETSECRET\naws_secret_access_key = wJalrSECRET\n";

fn folders(test: &str) -> (PathBuf, PathBuf) {
    let here = root().join(format!("target/test-manifests/links-{test}-{}", std::process::id()));
    let outside = std::env::temp_dir().join(format!("crossrole-links-{test}-{}", std::process::id()));
    for folder in [&here, &outside] {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder.join("manifests")).unwrap();
    }
    fs::write(here.join("crossrole.toml"), "").unwrap();
    fs::write(here.join("manifests/linked.toml"), MANIFEST).unwrap();
    fs::write(outside.join("secret.toml"), SECRET).unwrap();
    fs::write(outside.join("manifests/secret.toml"), SECRET).unwrap();
    (here, outside)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Puts something into a folder.
type Bring = Box<dyn Fn(&Path)>;

#[tokio::test(start_paused = true)]
async fn what_a_link_leads_to_is_not_read() {
    let (_, elsewhere) = folders("read");
    let secret = elsewhere.join("secret.toml");
    let far = format!("{}{}", "../".repeat(40), text(&secret).trim_start_matches('/'));
    let environ = Path::new("/proc/self/environ");
    let link = |to: &Path, at: &'static str| -> Bring {
        let to = to.to_owned();
        Box::new(move |here: &Path| {
            let _ = fs::remove_file(here.join(at));
            symlink(&to, here.join(at)).unwrap();
        })
    };
    let settings = |text: String| -> Bring { Box::new(move |here: &Path| fs::write(here.join("crossrole.toml"), &text).unwrap()) };
    let control = |file: &Path| settings(format!("[accounts.\"222222222222\"]\nservice_control = [\"{}\"]\n", file.display()));
    let ways: Vec<(&str, Bring)> = vec![
        ("a manifest", link(&secret, "manifests/z.toml")),
        ("a manifest of the kernel's", link(environ, "manifests/z.toml")),
        ("expectations", link(&secret, "manifests/linked.expect.toml")),
        ("settings", link(&secret, "crossrole.toml")),
        ("a directory", link(&secret, "accounts.toml")),
        ("a directory by its path", settings(format!("[defaults]\ndirectory = \"{}\"\n", secret.display()))),
        ("a directory from here", settings(format!("[defaults]\ndirectory = \"{far}\"\n"))),
        ("a directory of the kernel's", settings("[defaults]\ndirectory = \"/proc/self/environ\"\n".to_owned())),
        ("a control policy", control(&secret)),
        ("a control policy of the kernel's", control(environ)),
        (
            "the folder",
            Box::new(|here: &Path| {
                fs::remove_dir_all(here.join("manifests")).unwrap();
                let outside = text(here).rsplit_once("links-").unwrap().1.to_owned();
                symlink(std::env::temp_dir().join(format!("crossrole-links-{outside}")).join("manifests"), here.join("manifests")).unwrap();
            }),
        ),
    ];
    let place = Place::new(Options::default());
    for (what, bring) in ways {
        let (here, _) = folders("read");
        bring(&here);
        let (manifests, config, comment) = (text(&here.join("manifests")), text(&here.join("crossrole.toml")), here.join("comment.md"));
        for command in [&["plan", "--report", &format!("markdown={}", comment.display())][..], &["validate"], &["test"], &["drift", "--sandbox"]] {
            if what == "expectations" && command[0] != "test" || what.contains("control") && ["validate", "test"].contains(&command[0]) {
                continue;
            }
            let said = place.run(&[command, &["--config", &config, &manifests]].concat()).await;
            assert_eq!(said.exit, Exit::Failed, "{what}: {command:?}: {}{}", said.out, said.err);
            assert!(said.err.contains("or a link leads out of that"), "{what}: {command:?}: {}", said.err);
            let all = said.out + &said.err + &fs::read_to_string(&comment).unwrap_or_default();
            assert!(!all.contains("SECRET") && !all.contains("PATH="), "{what}: {command:?}: {all}");
        }
    }
}

/// A link within the repository is one of its files.
#[tokio::test(start_paused = true)]
async fn a_link_within_the_repository_is_read() {
    let (here, _) = folders("within");
    fs::rename(here.join("manifests/linked.toml"), here.join("kept.toml")).unwrap();
    symlink("../kept.toml", here.join("manifests/linked.toml")).unwrap();
    let place = Place::new(Options::default());
    let out = place.good(&["plan", "--config", &text(&here.join("crossrole.toml")), &text(&here.join("manifests"))]).await;
    assert!(out.contains("+ role Reader"), "{out}");
}

#[tokio::test(start_paused = true)]
async fn what_a_link_leads_to_is_not_written() {
    let (here, outside) = folders("written");
    let place = Place::new(Options::default());
    let manifests = text(&here.join("manifests"));
    let victims = [outside.join("victim"), here.join("approvals.toml"), here.join("not-there")];
    fs::write(&victims[0], "kept").unwrap();
    fs::write(&victims[1], "kept").unwrap();
    for victim in &victims {
        let link = here.join("link");
        let _ = fs::remove_file(&link);
        symlink(victim, &link).unwrap();
        let link = text(&link);
        let reports = ["markdown", "summary", "json", "html", "sarif", "junit", "events"].map(|form| format!("--report={form}={link}"));
        let out = ["--out".to_owned(), link.clone()];
        for words in reports.iter().map(std::slice::from_ref).chain([&out[..]]) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let said = place.run(&[&["plan"], &words[..], &[&manifests]].concat()).await;
            assert!(said.exit == Exit::Failed && said.err.contains("a symbolic link leads elsewhere"), "{words:?}: {}{}", said.out, said.err);
            assert!(fs::read_to_string(victim).ok().is_none_or(|text| text == "kept"), "{words:?}: {}", victim.display());
        }
        let said = place.run(&["graph", "--out", &link, &manifests]).await;
        assert_ne!(said.exit, Exit::Clean, "{}", said.out);
        assert!(fs::read_to_string(victim).ok().is_none_or(|text| text == "kept"), "graph: {}", victim.display());
    }
    // A folder that is one.
    symlink(&outside, here.join("reports")).unwrap();
    let said = place.run(&["plan", &format!("--report=json={}", text(&here.join("reports/plan.json"))), &manifests]).await;
    assert!(said.exit == Exit::Failed && !outside.join("plan.json").exists(), "{}", said.err);
}

/// A run is of all that its folder says: what can't be looked at is named, be it one of many.
#[tokio::test(start_paused = true)]
async fn a_link_that_leads_nowhere_is_not_left_out() {
    let place = Place::new(Options::default());
    for (at, words) in [
        ("manifests/prod.toml", &["validate", "plan", "fmt", "test"][..]),
        ("accounts.toml", &["validate", "plan"]),
        ("manifests/linked.expect.toml", &["test"]),
    ] {
        let (here, _) = folders("nowhere");
        symlink("/nowhere", here.join(at)).unwrap();
        symlink("/nowhere", here.join("manifests/notes.md")).unwrap();
        for word in words {
            let config = format!("--config={}", text(&here.join("crossrole.toml")));
            let config = [config.as_str()];
            let config = if *word == "fmt" { &[][..] } else { &config[..] };
            let said = place.run(&[&[*word], config, &[&text(&here.join("manifests"))]].concat()).await;
            assert!(said.exit == Exit::Failed && said.err.contains(&text(&here.join(at))), "{word} {at}: {}{}", said.out, said.err);
            assert!(!said.out.contains("1 manifest good") && !said.err.contains("notes.md"), "{word} {at}: {}{}", said.out, said.err);
        }
    }
    // What lies deeper is not of the run, be it a link.
    let (here, _) = folders("deeper");
    fs::create_dir_all(here.join("manifests/more.toml")).unwrap();
    symlink("/nowhere", here.join("manifests/more.toml/prod.toml")).unwrap();
    let said = place.run(&["validate", "--config", &text(&here.join("crossrole.toml")), &text(&here.join("manifests"))]).await;
    assert!(said.exit == Exit::Clean && said.out.starts_with("1 manifest good"), "{}{}", said.out, said.err);
    // Each of them at once.
    let (here, _) = folders("several");
    symlink("/nowhere", here.join("manifests/a.toml")).unwrap();
    symlink("z.toml", here.join("manifests/z.toml")).unwrap();
    let said = place.run(&["validate", "--config", &text(&here.join("crossrole.toml")), &text(&here.join("manifests"))]).await;
    assert!(["a.toml", "z.toml"].iter().all(|file| said.err.contains(&format!("manifests/{file}` is a symbolic link"))), "{}", said.err);
}
