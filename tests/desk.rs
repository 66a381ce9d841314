//! At a user's desk: environments, settings and streams that are not as they should be. Each is named, and nothing panics.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::process::{command, serve};
use crate::support::{Place, manifest, root};

const ONE: &str = "name = \"one\"\n\n[trusting]\naccount = \"222222222222\"\n\n[roles.One]\n\n[[roles.One.trust]]\nservice = \"ec2.amazonaws.com\"\n";

/// A plan of one role with the keys of a root user, which none of these variables of this place can change.
fn plan(endpoint: &str, words: &[&str]) -> Command {
    command_with(endpoint, "4", words)
}

fn command_with(endpoint: &str, timeout: &str, words: &[&str]) -> Command {
    let mut command = command(&[&["plan", "--timeout", timeout], words, &[&manifest("desk", ONE)]].concat());
    for name in ["HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE"] {
        command.env_remove(name);
    }
    command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_ACCESS_KEY_ID", "222222222222").env("AWS_SECRET_ACCESS_KEY", "any");
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Variables, what is said, what is advised.
type Row<'r> = (&'r [(&'r str, &'r str)], &'r str, &'r str);

#[test]
fn an_environment_that_can_not_be_is_named() {
    let server = serve(&[]);
    let folder = root().join(format!("target/test-manifests/desk-environment-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let broken = folder.join("config").display().to_string();
    std::fs::write(&broken, "[profile x]\nfoo = 1\n[never closed\n").unwrap();
    let sign_in = "say in `crossrole.toml` how this account is reached";
    let rows: &[Row<'_>] = &[
        // What a file with a line end, or a paste, leaves.
        (&[("AWS_ACCESS_KEY_ID", "222222222222\n")], "the access key id has a blank, a line break or another letter that none has", sign_in),
        (&[("AWS_ACCESS_KEY_ID", "2222\u{e9}22222222")], "the access key id has a blank", sign_in),
        (&[("AWS_SECRET_ACCESS_KEY", "very secret")], "the secret access key has a blank", sign_in),
        (&[("AWS_SESSION_TOKEN", "very\rsecret")], "the session token has a blank", sign_in),
        (&[("AWS_REGION", "us east 1")], "`us east 1` is no region: correct `AWS_REGION`, or the profile's `region`", sign_in),
        (&[("AWS_ACCESS_KEY_ID", ""), ("AWS_PROFILE", "nope")], "profile `nope` is not in the shared files", sign_in),
        (
            &[("AWS_ACCESS_KEY_ID", ""), ("AWS_CONFIG_FILE", &broken)],
            &format!("the shared files of AWS can't be read: error parsing {broken} on line 3: Profile"),
            sign_in,
        ),
        (&[("AWS_ENDPOINT_URL", "localhost")], "error: `AWS_ENDPOINT_URL` is `localhost`, which is no address", "help: write it as in `http://127.0.0.1:4566`"),
        (&[("AWS_ENDPOINT_URL", "http://")], "error: `AWS_ENDPOINT_URL` is `http://`, which is no address", "help: write it as in"),
        (
            &[("AWS_ENDPOINT_URL", ""), ("HTTPS_PROXY", "ann:s3cret@ proxy")],
            "error: `HTTPS_PROXY` is no address of a proxy",
            "help: write it as in `http://HOST:PORT`",
        ),
        (&[("AWS_ENDPOINT_URL", ""), ("all_proxy", "http://[::1")], "error: `all_proxy` is no address of a proxy", "or unset it"),
        (&[("SSL_CERT_FILE", "/nonexistent")], "error: `SSL_CERT_FILE` is `/nonexistent`, which can't be read: No such file", "in PEM, or unset it"),
    ];
    for (variables, words, advice) in rows {
        let mut plan = plan(&server.address, &[]);
        for (name, value) in *variables {
            if value.is_empty() {
                plan.env_remove(name)
            } else {
                plan.env(name, value)
            };
        }
        let output = plan.output().unwrap();
        let said = said(&output);
        assert!(output.status.code() == Some(1) && said.contains(words) && said.contains(advice), "{variables:?}: {said}");
        assert!(!said.contains("very") && !said.contains("s3cret") && !said.contains("panicked"), "{variables:?}: {said}");
    }
    // What says nothing is not there.
    for (name, value) in [("AWS_REGION", ""), ("HTTPS_PROXY", ""), ("SSL_CERT_FILE", ""), ("AWS_CA_BUNDLE", ""), ("AWS_CONFIG_FILE", &broken)] {
        let output = plan(&server.address, &[]).env(name, value).output().unwrap();
        assert!(output.status.success(), "{name}: {}", said(&output));
    }
}

#[test]
fn settings_that_can_not_be_are_named() {
    let server = serve(&[]);
    for (text, words, advice) in [
        ("[defaults]\ntimeout = 0", "`timeout` can't be 0", "it is between 1 and 86400"),
        ("[defaults]\ntimeout = 86401", "`timeout` can't be 86401", "it is between"),
        ("[defaults]\ntimeout_total = 9223372036854775807", "`timeout_total` can't be 9223372036854775807", "it is between"),
        ("[defaults]\nconcurrency = 0", "`concurrency` can't be 0", "it is between 1 and 1000"),
        ("[defaults]\nconcurrency_total = 10001", "`concurrency_total` can't be 10001", "it is between 1 and 10000"),
        ("[defaults]\nconcurrency = 9223372036854775807", "`concurrency` can't be 9223372036854775807", "it is between 1 and 1000"),
        ("[defaults]\nrole_name = \"\"", "`` is no name of a role", "`crossrole-runner`"),
        ("[defaults]\nrole_name = \"a b\"", "`a b` is no name of a role", "`crossrole-runner`"),
        (
            "[accounts.\"222222222222\"]\nrole_arn = \"hello\\nworld\"",
            "`hello\\u{a}world` is no ARN of a role",
            "`arn:aws:iam::111111111111:role/crossrole-runner`",
        ),
        ("[accounts.\"222222222222\"]\nrole_arn = \"arn:aws:iam::222222222222:user/x\"", "is no ARN of a role", "write it as in"),
    ] {
        let output = plan(&server.address, &["--config", &manifest("desk-settings", &format!("{text}\n"))]).output().unwrap();
        let said = said(&output);
        assert!(output.status.code() == Some(1) && said.contains(words) && said.contains(advice), "{text}: {said}");
        assert!(!said.contains("panicked") && !said.contains("Read with"), "{text}: {said}");
    }
    for word in ["--concurrency=0", "--concurrency=99999", "--concurrency-total=0", "--timeout-total=0"] {
        let output = plan(&server.address, &[word]).output().unwrap();
        assert!(output.status.code() == Some(1) && said(&output).contains("is not in 1.."), "{word}: {}", said(&output));
    }
}

/// Half an answer must not pass for all of it; a reader that has seen enough is its own affair.
#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_could_not_be_written_is_an_error() {
    let server = serve(&[]);
    for words in [&[][..], &["--json"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = plan(&server.address, words).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("error: the answer could not be written to standard output: No space left on device"), "{}", said(&output));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = plan(&server.address, words).stdout(writer).output().unwrap();
        assert!(output.status.success() && !said(&output).contains("error"), "{}", said(&output));
    }
}

/// Something between here and AWS that never stops: what is kept of it has an end.
#[test]
#[cfg(target_os = "linux")]
fn an_answer_without_end_is_not_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 8_192]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\n\r\n<?xml version=\"1.0\"?>");
                while stream.write_all(&[b'x'; 8_192]).is_ok() {}
            });
        }
    });
    // As long as the whole of it takes on a machine that is busy: its size is to end it.
    let mut child = command_with(&address, "120", &[]).env("CROSSROLE_LOG", "off").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0_u64;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.trim().split(' ').next()?.parse().ok()).unwrap_or(0);
        most = most.max(kib);
        std::thread::yield_now();
    }
    let output = child.wait_with_output().unwrap();
    assert!(said(&output).contains("the answer from 127.0.0.1 has over 128 MiB (HTTP 200): AWS's never do"), "{}", said(&output));
    assert!(most < 500 * 1024, "{most} KiB");
}

/// Of somebody who is not there, nothing is known that could be a yes.
#[tokio::test(start_paused = true)]
async fn a_principal_that_is_not_there_is_let_nothing() {
    let place = Place::new(Options::default());
    let file = manifest("desk", ONE);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let ask = async |who: &str, more: &[&str]| place.run(&[&["explain", who, "s3:ListAllMyBuckets", "*", &file][..], more].concat()).await;
    let live = ["--from", "live"];
    for (who, more) in [("role/Nope", &live[..]), ("arn:aws:iam::222222222222:user/nope", &live), ("role/One", &["--from", "live", "--via", "Nope"])] {
        let said = ask(who, more).await;
        assert!(said.exit == Exit::Failed && said.out.is_empty(), "{who}: {}{}", said.out, said.err);
        assert!(said.err.contains("ope` does not exist in account 222222222222") && said.err.contains("help: correct its name"), "{who}: {}", said.err);
    }
    assert!(ask("role/One", &live).await.out.starts_with("no: "));
    // Whoever was not read may be there.
    assert_eq!(ask("arn:aws:iam::999999999999:role/Nope", &live).await.exit, Exit::Clean);
}

/// A folder and a file of it, or one file by two names.
#[tokio::test(start_paused = true)]
async fn a_file_that_is_named_twice_is_read_once() {
    let place = Place::new(Options::default());
    let file = manifest("desk-twice", ONE);
    let folder = file.strip_suffix("/manifest.toml").unwrap();
    let other = format!("{folder}/../{}/manifest.toml", folder.rsplit('/').next().unwrap());
    for files in [&[file.as_str(), &file][..], &[&file, &other], &[folder, &file]] {
        let said = place.good(&[&["validate"][..], files].concat()).await;
        assert!(said.starts_with("1 manifest good: 1 object in 1 account."), "{files:?}: {said}");
        let plan = place.run(&[&["plan", "--target", "role/Nope"][..], files].concat()).await;
        assert!(plan.exit == Exit::Failed && plan.out.contains("withheld: target `role/Nope`: no change of this plan is named so"), "{}", plan.out);
        assert!(plan.out.contains("note: another change: it is not among the targets\n"), "{files:?}: {}", plan.out);
    }
}
