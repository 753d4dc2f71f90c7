//! An OAuth client by others, `testbed/oauth_client.py`, and documents that somebody publishes on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::http::{PUBLIC, Reply, agent};
use super::provider::state;

/// What the program prints, given this on its standard input.
pub fn client_says(arguments: &[&str], input: &str) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/oauth_client.py");
    let mut running = Command::new(state().join("venv/bin/python"))
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a Python with Authlib: run `./x setup` first");
    running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = running.wait_with_output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// A private key with what stands for it in public.
pub struct Key {
    algorithm: &'static str,
    pub private: String,
    pub jwks: Value,
}

impl Key {
    pub fn fresh(algorithm: &'static str) -> Self {
        let private = client_says(&["key", algorithm], "");
        let jwks = serde_json::from_str(&client_says(&["public"], &private)).unwrap();
        Self { algorithm, private, jwks }
    }

    /// A token that says this.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as("JWT", claims)
    }

    /// One of this type.
    pub fn sign_as(&self, kind: &str, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm, "typ": kind, "kid": "k1"});
        client_says(&["sign", &header.to_string(), &claims.to_string()], &self.private)
    }

    /// An assertion of this client that is good for five minutes.
    pub fn assertion(&self, client: &str, id: &str) -> String {
        let now = super::app().now().timestamp();
        self.sign(
            &json!({"iss": client, "sub": client, "aud": PUBLIC, "jti": id, "iat": now, "exp": now + 300}),
        )
    }
}

/// A server that publishes these documents, each at its path, for as long as the process lives. Its address.
pub fn published(documents: impl FnOnce(&str) -> Vec<(&'static str, Value)>) -> String {
    answering(|base| documents(base).into_iter().map(|(path, document)| (path, always(document))).collect())
}

/// The same each time.
pub fn always(document: Value) -> Answers {
    Box::new(move || document.clone())
}

/// What is answered at an address, each time anew.
pub type Answers = Box<dyn Fn() -> Value + Send>;

/// The same with answers that change.
pub fn answering(documents: impl FnOnce(&str) -> Vec<(&'static str, Answers)>) -> String {
    let deaf = |answers: Answers| -> Hears { Box::new(move |_| answers()) };
    hearing(|base| documents(base).into_iter().map(|(path, answers)| (path, deaf(answers))).collect())
}

/// What is answered at an address to this body.
pub type Hears = Box<dyn Fn(&str) -> Value + Send>;

/// The same with answers that listen to what is sent.
pub fn hearing(documents: impl FnOnce(&str) -> Vec<(&'static str, Hears)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let documents = documents(&base);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut lines = reader.by_ref().lines().map_while(Result::ok);
            let asked = lines.next().unwrap_or_default();
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            // Read to its end: whoever closes before has the answer thrown away.
            let length = head.iter().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            let mut sent = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut sent).unwrap_or_default();
            let sent = String::from_utf8_lossy(&sent);
            let path = asked.split(' ').nth(1).unwrap_or_default();
            let found = documents.iter().find(|(known, _)| *known == path);
            let (status, body) = found.map_or((404, json!({})), |(_, answers)| (200, answers(&sent)));
            let body = body.to_string();
            let length = body.len();
            // Whoever hangs up early has heard enough.
            write!(
                stream,
                "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{body}"
            )
            .ok();
        }
    });
    base
}

/// Asks a server for an access token.
pub async fn token(base: &str, form: &[(&str, &str)], basic: Option<(&str, &str)>) -> Reply {
    let mut request = agent().post(format!("{base}/oauth/token")).form(form);
    if let Some((name, secret)) = basic {
        request = request.basic_auth(name, Some(secret));
    }
    Reply::of("POST /oauth/token".to_owned(), request).await
}
