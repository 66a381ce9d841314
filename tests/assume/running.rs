//! What only a process of its own shows: a command that runs as a role, files, signals, crashes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// A command that prints its environment, and waits until its input ends.
struct Held {
    child: Child,
    environment: BTreeMap<String, String>,
}

/// The same command, in a place where a process that crashes leaves its memory behind.
fn dumping(inner: &std::process::Command, folder: &Path) -> std::process::Command {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh"]).arg(inner.get_program()).args(inner.get_args()).current_dir(folder);
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn held(desk: &Desk, script: &str) -> Held {
    let words = ["exec", "Reader", &desk.path, "--no-cache", "--", "sh", "-c", script];
    let inner = desk.command(&words);
    let mut command = dumping(&inner, &desk.folder);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap).take_while(|line| line != "READY");
    let environment = lines.filter_map(|line| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))).collect();
    Held { child, environment }
}

impl Held {
    /// Asks for credentials as an SDK does; the status, and what was said.
    fn ask(&self, token: Option<&str>, path: Option<&str>) -> (u16, serde_json::Value) {
        let uri = &self.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        let (host, own) = uri.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let path = path.map_or_else(|| format!("/{own}"), str::to_owned);
        let header = token.map_or_else(String::new, |token| format!("Authorization: {token}\r\n"));
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    }

    fn token(&self) -> &str {
        &self.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_command_gets_credentials_by_its_token_and_they_are_renewed() {
    let desk = Desk::new("exec", &["--session-most", "1"]).await;
    let held = held(&desk, "env; echo READY; cat >/dev/null");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"] {
        assert!(!held.environment.contains_key(name), "{name}");
    }
    let token = held.token().to_owned();
    for (shown, path, status) in [(None, None, 403), (Some("x"), None, 403), (Some(&token[1..]), None, 403), (Some(&*token), Some("/"), 404)] {
        assert_eq!(held.ask(shown, path).0, status, "{shown:?} {path:?}");
    }
    let (status, first) = held.ask(Some(&token), None);
    assert_eq!((status, &first["RoleArn"]), (200, &serde_json::json!(READER)));
    let begun = Instant::now();
    let renewed = loop {
        let (status, now) = held.ask(Some(&token), None);
        assert_eq!(status, 200);
        if now["AccessKeyId"] != first["AccessKeyId"] {
            break now;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "never renewed");
    };
    assert_ne!(renewed["SecretAccessKey"], first["SecretAccessKey"]);
}

/// Nothing of what was given out, or of the keys that asked, stands in a process list, an environment or what is said.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_credential_is_where_others_look() {
    let desk = Desk::new("secrets", &[]).await;
    let mut held = held(&desk, "env; echo \"pid=$$\"; echo READY; cat >/dev/null");
    let (_, given) = held.ask(Some(held.token()), None);
    let given: Vec<String> = ["SecretAccessKey", "Token"].map(|name| given[name].as_str().unwrap().to_owned()).to_vec();
    let secrets = [given.clone(), vec![desk.keys.secret.clone()]].concat();
    let read = |pid: &str, file: &str| std::fs::read(format!("/proc/{pid}/{file}")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap();
    let (own, of_command) = (held.child.id().to_string(), held.environment["pid"].clone());
    for (pid, file) in [(&own, "cmdline"), (&of_command, "cmdline"), (&of_command, "environ")] {
        let text = read(pid, file);
        assert!(!text.is_empty() && !secrets.iter().any(|secret| text.contains(secret)), "{file} of {pid}");
    }
    // A crash leaves no memory behind, where one of another command does.
    let crashed = |child: &mut Child| {
        let killed = std::process::Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap();
        let status = killed.success().then(|| child.wait().unwrap()).unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(6), "{status}");
        std::os::unix::process::ExitStatusExt::core_dumped(&status)
    };
    assert!(!crashed(&mut held.child));
    // `sandbox` has nobody's credentials.
    let mut other = dumping(&command(&["sandbox", "serve", "--listen", "127.0.0.1:0"]), &desk.folder);
    let mut other = other.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    BufReader::new(other.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
    if !crashed(&mut other) {
        eprintln!("this system keeps no core dumps at all, so that it says nothing of ours");
    }
    let _ = std::fs::remove_file(desk.folder.join("core"));
    let mut said = String::new();
    held.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("assumed-role/Reader/mate") && !secrets.iter().any(|secret| said.contains(secret)), "{said}");
    for (path, text) in walked(&desk.folder) {
        let state = path.ends_with("state.json");
        assert!(state || !given.iter().any(|secret| text.contains(secret)), "{}", path.display());
    }
}

fn walked(folder: &Path) -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { walked(&path) } else { vec![(path.clone(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned())] })
        .collect()
}

#[tokio::test]
async fn what_a_command_ends_with_is_passed_on_and_so_are_signals() {
    let desk = Desk::new("ends", &[]).await;
    let run = |script: &str| desk.said(&["exec", "Reader", &desk.path, "--", "sh", "-c", script]).0;
    assert_eq!((run("exit 0"), run("exit 7"), run("kill -TERM $$")), (0, 7, 143));
    let (code, _, said) = desk.said(&["exec", "Reader", &desk.path, "--", "/nonexistent/program"]);
    assert!(code == 1 && said.contains("`/nonexistent/program` can't be run"), "{said}");
    for (signal, code) in [("TERM", 9), ("INT", 9), ("HUP", 9), ("USR1", 9)] {
        let mut held = held(&desk, &format!("trap 'exit 9' {signal}; echo READY; i=0; while [ $i -lt 600 ]; do i=$((i + 1)); sleep 0.05; done"));
        let own = held.child.id().to_string();
        assert!(std::process::Command::new("kill").args([&format!("-{signal}"), &own]).status().unwrap().success());
        assert_eq!(held.child.wait().unwrap().code(), Some(code), "{signal}");
    }
}

/// In the embedded AWS the command finds it on loopback.
#[tokio::test]
async fn the_embedded_aws_is_served_to_the_command() {
    let desk = Desk::new("embedded", &[]).await;
    let state = desk.folder.join("own.json").display().to_string();
    std::fs::copy(desk.folder.join("state.json"), &state).unwrap();
    let script = "test -n \"$AWS_ENDPOINT_URL\" && echo \"$AWS_ENDPOINT_URL\"";
    let words = ["exec", "Reader", &desk.path, "--sandbox", "--sandbox-state", &state, "--as", "dev/user/mate", "--", "sh", "-c", script];
    let output = command(&words).output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && out.starts_with("http://127.0.0.1:"), "{out}{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_profile_is_written_beside_what_is_there() {
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::new("profile", &[]).await;
    let file = desk.folder.join("aws/config");
    let link = desk.folder.join("link");
    let run = |words: &[&str]| {
        let mut command = desk.command(&[&["profile", "Reader", &desk.path], words].concat());
        let output = command.env("AWS_CONFIG_FILE", &link).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let (code, said) = run(&[]);
    assert!(code == 1 && said.contains("nothing says who assumes the role"), "{said}");
    let (code, said) = run(&["--profile", "base", "--region", "eu-west-1"]);
    assert!(code == 0 && said.contains("profile `Reader` is written"), "{said}");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert!(mode(&file) == 0o600 && std::fs::symlink_metadata(&link).unwrap().is_symlink());
    let others = format!(
        "\n[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n[profile taken]\nsso_session = s\n; the end, without a line break",
        desk.keys.key, desk.keys.secret
    );
    let text = std::fs::read_to_string(&file).unwrap() + &others;
    std::fs::write(&file, &text).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    assert_eq!(run(&["--profile", "base", "--region", "eu-west-1"]).0, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "written again, it is the same to the byte");
    assert_eq!(run(&["--profile", "base", "--region", "eu-west-2"]).0, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text.replace("eu-west-1", "eu-west-2"));
    assert_eq!(mode(&file), 0o640, "the mode stays");
    // What it wrote is what AWS's tools run.
    let line = text.lines().find_map(|line| line.strip_prefix("credential_process = ")).unwrap();
    let mut shell = desk.command(&[]);
    shell.env("AWS_CONFIG_FILE", &link).env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let mut other = std::process::Command::new("sh");
    other.args(["-c", line]).env_clear().envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", std::env::var_os("PATH").unwrap());
    let output = other.output().unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(printed["Version"], 1);
    let (code, said) = run(&["--profile", "base", "--name", "base"]);
    assert!(code == 1 && said.contains("would be its own source"), "{said}");
    // Nor by way of another, without end.
    let (code, said) = run(&["--profile", "Reader", "--name", "base", "--replace"]);
    assert!(code == 1 && said.contains("profile `base` would be its own source, by way of `Reader`"), "{said}");
    let (code, said) = run(&["--profile", "base", "--name", "taken"]);
    assert!(code == 1 && said.contains("crossrole has not written it") && said.contains("--replace"), "{said}");
    assert_eq!(run(&["--profile", "base", "--name", "plain", "--plain"]).0, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&format!("role_arn = {READER}\nsource_profile = base\nexternal_id = use-4711\n")), "{text}");
}

/// The browser is handed a page of loopback, which is good once; the link itself is in no argument.
#[tokio::test]
async fn the_console_is_opened_without_the_link_in_a_process_list() {
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::new("console", &[]).await;
    let bin = desk.folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let browser = bin.join("xdg-open");
    let (seen, url) = (desk.folder.join("seen"), desk.folder.join("url"));
    let fetch = "import sys,http.client as h,urllib.parse as u\nfor _ in range(2):\n a=u.urlparse(sys.argv[1]);c=h.HTTPConnection(a.netloc);c.request('GET',a.path);r=c.getresponse();print(r.status,r.getheader('Location'))";
    std::fs::write(&browser, format!("#!/bin/sh\necho \"$1\" >{}\npython3 -c \"{fetch}\" \"$1\" >{}\n", url.display(), seen.display())).unwrap();
    std::fs::set_permissions(&browser, PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = desk.command(&["console", "Reader", &desk.path]).env("PATH", path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && output.stdout.is_empty(), "{said}");
    let (seen, url) = (std::fs::read_to_string(seen).unwrap(), std::fs::read_to_string(url).unwrap());
    let first = seen.lines().next().unwrap();
    assert!(first.starts_with(&format!("303 {}/federation?Action=login", desk.server.address)), "{seen}");
    assert!(seen.lines().nth(1).unwrap().starts_with("410 "), "{seen}");
    assert!(url.starts_with("http://127.0.0.1:") && !url.contains("SigninToken") && !said.contains("SigninToken"), "{url}{said}");
}
