//! A hostile OpenID provider on loopback. Knows just enough HTTP to lie; does not know what is true.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the provider says at one of its paths.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) delay: Duration,
}

impl Reply {
    pub(crate) fn json(value: &Value) -> Self {
        Self::new(200, "application/json", value.to_string())
    }

    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type", content_type.to_owned())];
        Self { status, headers, body: body.into(), delay: Duration::ZERO }
    }

    pub(crate) fn redirect(status: u16, to: &str) -> Self {
        let mut reply = Self::new(status, "application/json", "{}");
        reply.headers.push(("Location", to.to_owned()));
        reply
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct Shared {
    replies: Mutex<Vec<(&'static str, Reply)>>,
    seen: Mutex<Vec<Seen>>,
}

pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(crate) const JWKS: &str = "/jwks";
pub(crate) const TOKEN: &str = "/token";

pub(crate) struct HostileProvider {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

impl HostileProvider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn says(&self, path: &'static str, reply: Reply) {
        let mut replies = self.shared.replies.lock().unwrap();
        replies.retain(|(known, _)| *known != path);
        replies.push((path, reply));
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().iter().filter(|seen| seen.path == path).cloned().collect()
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(seen) = read(&mut stream).await else { return };
    let known = shared.replies.lock().unwrap().iter().find(|(path, _)| *path == seen.path).cloned();
    shared.seen.lock().unwrap().push(seen);
    let reply = known.map_or_else(|| Reply::new(404, "text/plain", "nothing here"), |(_, reply)| reply);
    tokio::time::sleep(reply.delay).await;

    let headers: Vec<_> = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {} Whatever\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n",
        reply.status,
        headers.concat(),
        reply.body.len()
    );
    // The client hangs up when it has heard enough; that is its right.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&reply.body).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut received = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.ok()?;
        if count == 0 {
            return None;
        }
        received.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&received);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.trim().parse().unwrap());
        if body.len() >= length {
            let path = head.split(' ').nth(1)?.to_owned();
            return Some(Seen { path, head: head.to_owned(), body: body.to_owned() });
        }
    }
}
