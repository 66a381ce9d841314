//! The command on a terminal: questions, colors, width, a bar.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command};

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::credentials::{folder, runner, served, with_device};
use crate::process::command;
use crate::signals::kill;
use crate::support::{root, scenario};

/// A command that sits on a terminal.
struct Terminal {
    child: Child,
    screen: File,
    shown: String,
}

impl Terminal {
    fn of(columns: u16, mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let side = || File::options().read(true).write(true).custom_flags(OFlags::NOCTTY.bits().cast_signed()).open(&name).unwrap();
        for name in ["CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            if !command.get_envs().any(|(set, _)| set == name) {
                command.env_remove(name);
            }
        }
        if !command.get_envs().any(|(set, _)| set == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        // Its ends are the child's alone.
        drop(command);
        Self { child, screen: File::from(master), shown: String::new() }
    }

    /// Reads until these words are shown.
    fn until(&mut self, words: &str) {
        while !self.shown.contains(words) {
            assert!(self.more(), "it ended before `{words}`: {}", self.shown);
        }
    }

    fn more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // Once nobody has the other end, Linux says so by an error.
        let Ok(read @ 1..) = self.screen.read(&mut bytes) else { return false };
        self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        true
    }

    fn types(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    /// Exit code, and all that was shown, with the line ends that were written.
    fn end(mut self) -> (i32, String) {
        while self.more() {}
        (self.child.wait().unwrap().code().unwrap(), self.shown.replace("\r\n", "\n"))
    }
}

/// A command on an embedded AWS of its own.
fn sandboxed(name: &str, words: &[&str]) -> Command {
    let state = root().join(format!("target/test-manifests/terminal-{name}-{}.json", std::process::id()));
    let _ = std::fs::remove_file(&state);
    std::fs::create_dir_all(state.parent().unwrap()).unwrap();
    command(&[words, &["--sandbox", "--sandbox-state", &state.display().to_string(), &scenario("prod-data")]].concat())
}

/// `ESC [ … m`: colors. Others move the cursor.
fn colors(text: &str) -> usize {
    text.split("\u{1b}[").skip(1).filter(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')).count()
}

#[tokio::test]
async fn the_code_of_a_device_is_asked_for() {
    let folder = folder("terminal-mfa");
    let (place, keys) = with_device().await;
    let server = served(&place, &folder);
    std::fs::write(folder.join("config"), runner(&keys, "mfa_serial = arn:aws:iam::222222222222:mfa/ann")).unwrap();
    let plan = || {
        let mut command = command(&["plan", "one.toml"]);
        command.current_dir(&folder).env("AWS_CONFIG_FILE", folder.join("config")).env("AWS_ENDPOINT_URL", &server.address);
        let mut terminal = Terminal::of(200, command);
        terminal.until("code of arn:aws:iam::222222222222:mfa/ann for profile `runner`: ");
        terminal
    };
    let mut typed = plan();
    typed.types("123456\n");
    let (code, shown) = typed.end();
    assert!(code == 0 && shown.contains("Plan: 1 to add") && shown.matches("code of").count() == 1, "{shown}");
    let mut nothing = plan();
    nothing.types("\n");
    let (code, shown) = nothing.end();
    assert!(code == 1 && shown.contains("nobody is there to type it"), "{shown}");
    let ended = plan();
    kill("INT", &ended.child);
    let (code, shown) = ended.end();
    assert!(code == 130 && shown.contains("interrupted while reading account 222222222222 (credentials)"), "{shown}");
}

/// A person takes the time that a person takes, also where a role of `crossrole.toml` comes behind the profile's.
#[tokio::test]
async fn whoever_types_a_code_is_not_hurried() {
    let folder = folder("terminal-slow");
    let (place, keys) = with_device().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("222222222222", "CreateRole", &[("RoleName", "Behind"), ("AssumeRolePolicyDocument", trust)]).await;
    place.iam("222222222222", "AttachRolePolicy", &[("RoleName", "Behind"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
    let server = served(&place, &folder);
    std::fs::write(folder.join("config"), runner(&keys, "mfa_serial = arn:aws:iam::222222222222:mfa/ann")).unwrap();
    let settings = "[accounts.\"222222222222\"]\nprofile = \"runner\"\nrole_arn = \"arn:aws:iam::222222222222:role/Behind\"\n";
    std::fs::write(folder.join("crossrole.toml"), settings).unwrap();
    let mut command = command(&["plan", "--timeout", "2", "one.toml"]);
    command.current_dir(&folder).env("AWS_CONFIG_FILE", folder.join("config")).env("AWS_ENDPOINT_URL", &server.address);
    let mut terminal = Terminal::of(200, command);
    terminal.until("code of arn:aws:iam::222222222222:mfa/ann for profile `runner`: ");
    // Long after a call would have been given up.
    terminal.until("waiting: credentials in account 222222222222");
    terminal.types("123456\n");
    let (code, shown) = terminal.end();
    assert!(code == 0 && shown.contains("Plan: 1 to add") && shown.matches("code of").count() == 1, "{shown}");
}

#[test]
fn a_plan_is_approved_by_yes_and_by_nothing_else() {
    let apply = |name| {
        let mut terminal = Terminal::of(200, sandboxed(name, &["apply"]));
        terminal.until("Only `yes` is taken for yes: ");
        terminal
    };
    for (answer, wanted, words) in [("yes\n", 0, "16 steps done."), ("y\n", 1, "not approved"), ("\n", 1, "nothing was changed"), ("\u{4}", 1, "not approved")]
    {
        let mut terminal = apply("approved");
        terminal.types(answer);
        let (code, shown) = terminal.end();
        assert!(code == wanted && shown.contains(words), "{answer:?}: {shown}");
    }
    let ended = apply("interrupted");
    kill("INT", &ended.child);
    let (code, shown) = ended.end();
    assert!(code == 130 && shown.contains("interrupted while waiting for approval") && shown.contains("nothing was written"), "{shown}");
}

#[test]
fn a_terminal_has_colors_unless_somebody_says_otherwise() {
    let shown = |set: &[(&str, &str)]| {
        let mut command = sandboxed("colors", &["plan"]);
        command.envs(set.iter().copied());
        let (code, shown) = Terminal::of(500, command).end();
        assert_eq!(code, 0, "{shown}");
        shown
    };
    let colored = shown(&[]);
    assert!(colors(&colored) > 20, "{colored}");
    let piped = String::from_utf8(sandboxed("colors-piped", &["plan"]).output().unwrap().stdout).unwrap();
    for set in [("NO_COLOR", "1"), ("TERM", "dumb"), ("CLICOLOR", "0")] {
        let plain = shown(&[set]);
        assert!(!plain.contains('\u{1b}') && plain.starts_with(&piped), "{set:?}: {plain}");
    }
}

/// Lines break between parts, at whatever width; what is said stays the same.
#[test]
fn lines_are_no_longer_than_the_terminal_is_wide() {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let plan = |columns: u16, dumb: bool| {
        let mut command = sandboxed("width", &["plan"]);
        command.env("NO_COLOR", "1").env("TERM", if dumb { "dumb" } else { "xterm" });
        Terminal::of(columns, command).end().1
    };
    let whole = plan(80, true);
    assert!(whole.lines().any(|line| line.chars().count() > 150), "{whole}");
    for columns in [80, 120, 200] {
        let broken = plan(columns, false);
        assert_eq!(words(&broken), words(&whole), "{columns} columns");
        // A part that is longer than that stays whole: a condition, a description.
        let longer = |text: &str| text.lines().filter(|line| line.chars().count() > usize::from(columns)).count();
        assert!(longer(&whole) > 0 && longer(&broken) * 2 <= longer(&whole), "{columns} columns: {} of {}", longer(&broken), longer(&whole));
    }
}

#[test]
fn a_bar_without_color_is_a_bar() {
    let apply = |name, set: &[(&str, &str)]| {
        let mut command = sandboxed(name, &["apply", "--auto-approve", "--sandbox-latency", "20"]);
        command.envs(set.iter().copied());
        let (code, shown) = Terminal::of(120, command).end();
        assert!(code == 0 && shown.contains("16 steps done."), "{shown}");
        shown
    };
    let plain = apply("bar", &[("NO_COLOR", "1")]);
    assert_eq!(colors(&plain), 0, "{plain:?}");
    assert!(plain.contains("/16 ") && plain.contains("\u{1b}["), "it is drawn: {plain:?}");
    for set in [("TERM", "dumb"), ("CI", "true")] {
        let lines = apply("lines", &[set, ("NO_COLOR", "1")]);
        assert!(!lines.contains('\u{1b}') && lines.contains("done    222222222222: CreateRole"), "{set:?}: {lines:?}");
    }
}
