//! `sandbox serve` at the limits of its process, and state files that are none.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process::{BIN, command};
use crate::support::root;

/// More than the server may hold open, with what it needs for itself.
const CONNECTIONS: usize = 60;
const DESCRIPTORS: usize = 40;

/// Makes the user `Kept`.
const MAKES_KEPT: &str = "GET /?Action=CreateUser&Version=2010-05-08&UserName=Kept HTTP/1.1\r\nhost: iam.amazonaws.com\r\nauthorization: AWS4-HMAC-SHA256 Credential=222222222222/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=00\r\n\r\n";

/// A server that may hold few descriptors.
struct Narrow {
    child: Child,
    address: String,
}

impl Drop for Narrow {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Narrow {
    fn start(state: &str) -> Self {
        let shell = command(&[]);
        let mut child = Command::new("sh");
        child.args(["-c", &format!("ulimit -n {DESCRIPTORS} && exec \"$@\""), "sh", BIN, "sandbox", "serve", "--listen", "127.0.0.1:0"]);
        child.args(["--sandbox-state", state]).current_dir(shell.get_current_dir().unwrap()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = child.spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().trim_start_matches("http://").to_owned() }
    }

    /// A connection on which something was asked.
    fn ask(&self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        stream
    }
}

/// Tells whether an answer comes; one that does comes at once.
fn is_answered(stream: &mut TcpStream, wait: Duration) -> bool {
    stream.set_read_timeout(Some(wait)).unwrap();
    let mut piece = [0; 4096];
    stream.read(&mut piece).is_ok_and(|count| piece[..count].starts_with(b"HTTP/1.1 "))
}

#[test]
fn more_connections_than_descriptors_cost_neither_answers_nor_state() {
    let state = root().join(format!("target/test-manifests/narrow-{}.json", std::process::id()));
    std::fs::create_dir_all(state.parent().unwrap()).unwrap();
    let mut server = Narrow::start(&state.display().to_string());
    let mut first = TcpStream::connect(&server.address).unwrap();
    first.write_all(MAKES_KEPT.as_bytes()).unwrap();
    assert!(is_answered(&mut first, Duration::from_secs(30)));
    let mut held: Vec<TcpStream> = (0..CONNECTIONS).map(|_| server.ask()).collect();
    let served = held.iter_mut().map(|stream| is_answered(stream, Duration::from_secs(2))).take_while(|answered| *answered).count();
    assert!(served > 0 && served < DESCRIPTORS, "the limit was reached: {served} of {CONNECTIONS} were answered");
    // Those that were served make room for the others.
    let mut waiting = held.split_off(served);
    drop(held);
    let more = waiting.len().min(served);
    for stream in &mut waiting[..more] {
        assert!(is_answered(stream, Duration::from_secs(30)), "a connection that waited is answered once there is room");
    }
    // At the limit again, and told to end.
    let full: Vec<TcpStream> = (0..CONNECTIONS).map(|_| server.ask()).collect();
    assert!(!is_answered(&mut full.last().unwrap().try_clone().unwrap(), Duration::from_millis(500)), "the limit was reached again");
    assert!(Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().unwrap().success());
    assert!(server.child.wait().unwrap().success(), "it ended well");
    assert!(std::fs::read_to_string(&state).unwrap().contains("\"Kept\""), "its state was kept");
    drop((waiting, full));
    std::fs::remove_file(&state).unwrap();
}

/// A server has the file: forgetting it would be undone, or undo what others did since.
#[test]
fn a_state_that_is_in_use_is_not_forgotten() {
    let state = root().join(format!("target/test-manifests/reset-used-{}.json", std::process::id()));
    let path = state.display().to_string();
    std::fs::create_dir_all(state.parent().unwrap()).unwrap();
    std::fs::write(&state, r#"{"accounts":{},"buckets":{},"keys":{},"sessions":{},"counter":1,"ids":{}}"#).unwrap();
    let server = crate::process::serve(&["--sandbox-state", &path]);
    let output = command(&["sandbox", "reset", "--auto-approve", "--sandbox-state", &path]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("can't be used: another process uses it\n") && state.exists(), "{said}");
    drop(server);
    assert!(command(&["sandbox", "reset", "--auto-approve", "--sandbox-state", &path]).status().unwrap().success());
    assert!(!state.exists());
}

/// A pipe never ends.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_no_state() {
    let pipe = root().join(format!("target/test-manifests/pipe-{}", std::process::id()));
    let path = pipe.display().to_string();
    std::fs::create_dir_all(pipe.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for words in [&["sandbox", "show"][..], &["sandbox", "serve", "--listen", "127.0.0.1:0"], &["sandbox", "reset", "--auto-approve"]] {
        let mut child = command(&[words, &["--sandbox-state", &path]].concat()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (ended, told) = std::sync::mpsc::channel();
        let mut stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            let mut said = String::new();
            let _ = stderr.read_to_string(&mut said);
            let _ = ended.send(said);
        });
        let said = told.recv_timeout(Duration::from_secs(30));
        let _ = child.kill();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{words:?}");
        let said = said.unwrap();
        assert!(said.contains("is no regular file, and may never end"), "{words:?}: {said}");
    }
    std::fs::remove_file(&pipe).unwrap();
    let _ = std::fs::remove_file(format!("{path}.lock"));
}

/// Whatever ends the server, but for what no process can hear (SIGKILL), its state is kept: Ctrl-\ and what others send
/// unasked, too.
#[test]
fn no_signal_that_can_be_heard_costs_the_state() {
    for signal in ["QUIT", "ALRM", "USR1", "USR2"] {
        let state = root().join(format!("target/test-manifests/unasked-{signal}-{}.json", std::process::id()));
        std::fs::create_dir_all(state.parent().unwrap()).unwrap();
        let mut server = Narrow::start(&state.display().to_string());
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(MAKES_KEPT.as_bytes()).unwrap();
        assert!(is_answered(&mut stream, Duration::from_secs(30)));
        assert!(Command::new("kill").args([&format!("-{signal}"), &server.child.id().to_string()]).status().unwrap().success());
        assert!(server.child.wait().unwrap().success(), "{signal}: it ended well");
        assert!(std::fs::read_to_string(&state).unwrap().contains("\"Kept\""), "{signal}: its state was kept");
        std::fs::remove_file(&state).unwrap();
    }
}
