//! A small server of HTTP/1.1 on loopback, for one secret at a time: credentials of `exec`, and the link of `console`.
//!
//! It reads the head of a GET and nothing else, within limits, answers once, and closes. Everybody on this machine can connect: what it
//! hands out, it hands to whoever shows a random token.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crossrole_model::Digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::failure::Failure;

/// Most bytes of the head of a request: that of an SDK has a few hundred.
const HEAD_MOST: usize = 8 << 10;

/// Longest wait for the head of a request, and for whoever reads the answer.
const SILENCE: Duration = Duration::from_secs(10);

/// Most connections at a time: others wait.
const CONNECTIONS: usize = 64;

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    /// Who is at the other end.
    pub(crate) peer: SocketAddr,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) body: String,
    pub(crate) location: Option<String>,
}

impl Answer {
    pub(crate) fn json(status: &'static str, body: String) -> Self {
        Self { status, kind: "application/json", body, location: None }
    }

    pub(crate) fn text(status: &'static str, body: &str) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", body: body.to_owned(), location: None }
    }
}

/// Takes a free port.
pub(crate) async fn listener() -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("no port of 127.0.0.1 can be listened on: {error}"), "check the limits of this process");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// 32 random bytes, in hexadecimal.
pub(crate) fn token() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    let random = rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes);
    random.map_err(|_| Failure::new("this system gives no random numbers", "nothing was started"))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// Whether a secret is the one that was given out. By digests, so that how long it takes tells nothing of what they have in common.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    Digest::of(one.as_bytes()) == Digest::of(other.as_bytes())
}

/// Answers until the future is dropped. A connection that is no request is closed without an answer.
pub(crate) async fn serve<F, A>(listener: TcpListener, answer: F)
where
    F: Fn(Asked) -> A + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let answer = Arc::new(answer);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, peer)) = listener.accept().await else {
            // No descriptor is left, until somebody closes one.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let answer = Arc::clone(&answer);
        tokio::spawn(async move {
            // Whoever asks and goes away is their own affair.
            let _ = connection(stream, peer, answer.as_ref()).await;
            drop(place);
        });
    }
}

async fn connection<F, A>(mut stream: TcpStream, peer: SocketAddr, answer: &F) -> std::io::Result<()>
where
    F: Fn(Asked) -> A,
    A: Future<Output = Answer>,
{
    let head = tokio::time::timeout(SILENCE, head(&mut stream)).await.map_err(|_| std::io::ErrorKind::TimedOut)??;
    let reply = match asked(&head, peer) {
        Ok(asked) => answer(asked).await,
        Err(status) => Answer::text(status, ""),
    };
    let Answer { status, kind, body, location } = reply;
    let location = location.map_or_else(String::new, |to| format!("Location: {to}\r\n"));
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{location}Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let sent = async {
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await
    };
    tokio::time::timeout(SILENCE, sent).await.map_err(|_| std::io::ErrorKind::TimedOut)?
}

/// The head of a request, without the empty line at its end.
async fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut part = [0; 1_024];
    loop {
        let read = stream.read(&mut part).await?;
        bytes.extend_from_slice(part.get(..read).unwrap_or_default());
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            bytes.truncate(end);
            return String::from_utf8(bytes).map_err(|_| std::io::ErrorKind::InvalidData.into());
        }
        if read == 0 || bytes.len() > HEAD_MOST {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    }
}

/// Reads a head (RFC 9112); else the status that it gets.
fn asked(head: &str, peer: SocketAddr) -> Result<Asked, &'static str> {
    let mut lines = head.split("\r\n");
    let line: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let ["GET", path, "HTTP/1.1" | "HTTP/1.0"] = line.as_slice() else {
        return Err(if line.len() == 3 && line.first() != Some(&"GET") { "405 Method Not Allowed" } else { "400 Bad Request" });
    };
    let mut authorization = None;
    let mut host = None;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("400 Bad Request")?;
        let slot = match name.to_ascii_lowercase().as_str() {
            "authorization" => &mut authorization,
            "host" => &mut host,
            _ => continue,
        };
        if slot.replace(value.trim().to_owned()).is_some() {
            return Err("400 Bad Request");
        }
    }
    // A page in a browser that found a name for this address is sent nothing.
    let here = host.as_deref().map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    if here != Some("127.0.0.1") {
        return Err("421 Misdirected Request");
    }
    Ok(Asked { path: (*path).to_owned(), authorization, peer })
}

/// Whether whoever is at the other end of a connection to `own` is the user of this process (proc(5), `/proc/net/tcp`). On Linux a
/// connection that is not found there is nobody's; elsewhere no system call tells, and the random token alone decides.
pub(crate) fn is_own(peer: SocketAddr, own: SocketAddr) -> bool {
    #[cfg(target_os = "linux")]
    {
        // A socket of IPv6 reaches 127.0.0.1 as well, and stands in a table of its own.
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
        tables.iter().find_map(|table| owner(table, peer, own)) == Some(rustix::process::geteuid().as_raw())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (peer, own);
        true
    }
}

/// The user of the socket that connects these two. By both ends: several connections may go out from one port.
#[cfg(target_os = "linux")]
fn owner(table: &str, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let (peer, own) = (spellings(peer)?, spellings(own)?);
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is = |at: usize, one: &[String; 2]| fields.get(at).is_some_and(|field| one.iter().any(|spelt| spelt == field));
        (is(1, &peer) && is(2, &own)).then(|| fields.get(7)?.parse().ok()).flatten()
    })
}

/// An address of IPv4 as the tables have it: by itself, and mapped into IPv6 (RFC 4291, 2.5.5.2).
#[cfg(target_os = "linux")]
fn spellings(address: SocketAddr) -> Option<[String; 2]> {
    let std::net::IpAddr::V4(v4) = address.ip() else { return None };
    let word = |octets: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(octets));
    let (end, port) = (word(v4.octets()), address.port());
    Some([format!("{end}:{port:04X}"), format!("{:016X}{}{end}:{port:04X}", 0, word([0, 0, 0xff, 0xff]))])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);

    #[test]
    fn a_head_is_read_or_refused() {
        let good = "GET /x HTTP/1.1\r\nHost: 127.0.0.1:99\r\nauthorization:  t \r\nAccept: */*";
        assert_eq!(asked(good, PEER), Ok(Asked { path: "/x".to_owned(), authorization: Some("t".to_owned()), peer: PEER }));
        for (head, status) in [
            ("POST /x HTTP/1.1\r\nHost: 127.0.0.1", "405 Method Not Allowed"),
            ("GET /x", "400 Bad Request"),
            ("GET /x HTTP/2\r\nHost: 127.0.0.1", "400 Bad Request"),
            ("GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nnonsense", "400 Bad Request"),
            ("GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: a\r\nAuthorization: b", "400 Bad Request"),
            ("GET /x HTTP/1.1\r\nHost: evil.example", "421 Misdirected Request"),
            ("GET /x HTTP/1.1", "421 Misdirected Request"),
        ] {
            assert_eq!(asked(head, PEER), Err(status), "{head}");
        }
    }

    #[test]
    fn a_token_is_random_and_compared_whole() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert!(one.len() == 64 && one != other && is_same(&one, &one.clone()) && !is_same(&one, &other) && !is_same(&one, ""));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn whose_a_connection_is_stands_in_the_tables() {
        let own = SocketAddr::new(PEER.ip(), 8_080);
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n   0: 0100007F:9C40 0100007F:0050 01 00000000:00000000 00:00000000 00000000  1001        0 1\n   1: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 1\n";
        assert_eq!(owner(table, PEER, own), Some(1_000), "not the other connection from that port");
        assert_eq!(owner(table, SocketAddr::new(PEER.ip(), 1), own), None);
        if cfg!(target_endian = "little") {
            let table = "   0: 0000000000000000FFFF00000100007F:9C40 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 00:00000000 00000000  1002        0 1\n";
            assert_eq!(owner(table, PEER, own), Some(1_002));
        }
    }

    /// Sockets of both families reach the port; one that is in no table is nobody's.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn own_connections_are_known_and_others_refused() {
        let (listener, own) = listener().await.unwrap();
        let mapped = SocketAddr::new(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), own.port());
        let ends = [Some(own), std::path::Path::new("/proc/net/tcp6").exists().then_some(mapped)];
        for end in ends.into_iter().flatten() {
            let Ok(client) = TcpStream::connect(end).await else {
                assert_eq!(end, mapped, "IPv6 alone may be switched off");
                continue;
            };
            let (_held, peer) = listener.accept().await.unwrap();
            assert!(is_own(peer, own), "{end}");
            drop(client);
        }
        assert!(!is_own(SocketAddr::new(PEER.ip(), 1), own));
    }
}
