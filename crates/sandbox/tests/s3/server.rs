//! The server, and clients that are slow or silent.

use std::sync::Arc;
use std::time::Duration;

use crossrole_sandbox::{Options, Sandbox, serve_with};
use tokio::net::{TcpListener, TcpStream};

/// Sends bytes and returns everything that comes back until the server closes the connection; waiting is up to the server.
async fn exchange(bytes: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve_with(Arc::new(Sandbox::new(Options::default())), listener, Duration::from_millis(50)));
    let stream = TcpStream::connect(address).await.unwrap();
    let mut sent = bytes;
    while !sent.is_empty() {
        stream.writable().await.unwrap();
        match stream.try_write(sent) {
            Ok(count) => sent = &sent[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    let mut all = Vec::new();
    loop {
        let mut piece = [0; 4096];
        stream.readable().await.unwrap();
        match stream.try_read(&mut piece) {
            Ok(0) => break,
            Ok(count) => all.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    server.abort();
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn silent_clients_are_not_waited_for() {
    assert!(!exchange(b"").await.contains("200 OK"), "a connection that says nothing is closed");
    assert!(!exchange(b"PUT /data/k HTTP/1.1\r\nhost: loc").await.contains("200 OK"), "so is one that stops within its head");
    let body = exchange(b"PUT /data/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n12345").await;
    assert!(body.starts_with("HTTP/1.1 400") && body.contains("<Code>RequestTimeout</Code>"), "{body}");
    let huge = exchange(b"PUT /data/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n1").await;
    assert!(huge.starts_with("HTTP/1.1 400") && huge.contains("<Code>EntityTooLarge</Code>"), "{huge}");
}
