//! Somebody who follows a tenant, on loopback: keeps what it is sent and answers as it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Got {
    /// Method and target.
    pub asked: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at: Instant,
}

impl Got {
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("no {name} in {:?}", self.headers), |(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The type of a webhook.
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }

    pub fn user(&self) -> String {
        self.json()["data"]["user"].as_str().unwrap_or_default().to_owned()
    }
}

type Answer = Box<dyn FnMut(&Got) -> (u16, String) + Send>;

struct Shared {
    got: Mutex<Vec<Got>>,
    answer: Mutex<Answer>,
}

/// The receiver.
#[derive(Clone)]
pub struct Receiver {
    pub address: String,
    shared: Arc<Shared>,
}

/// How long something may take to arrive on a machine that is busy with other tests too.
const PATIENCE: Duration = Duration::from_secs(20);

impl Receiver {
    /// One that answers everything with 204.
    pub fn start() -> Self {
        Self::answering(|_| (204, String::new()))
    }

    pub fn answering(answer: impl FnMut(&Got) -> (u16, String) + Send + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub fn on(listener: TcpListener, answer: impl FnMut(&Got) -> (u16, String) + Send + 'static) -> Self {
        let address = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { got: Mutex::default(), answer: Mutex::new(Box::new(answer)) });
        let mine = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&mine);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// From now on it answers so.
    pub fn answer(&self, answer: impl FnMut(&Got) -> (u16, String) + Send + 'static) {
        *self.shared.answer.lock().unwrap() = Box::new(answer);
    }

    pub fn got(&self) -> Vec<Got> {
        self.all().clone()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Got>> {
        self.shared.got.lock().unwrap()
    }

    /// Waits until this is true of what came.
    #[track_caller]
    pub fn until(&self, what: &str, enough: impl Fn(&[Got]) -> bool) -> impl Future<Output = Vec<Got>> {
        let began = Instant::now();
        async move {
            loop {
                let got = self.got();
                if enough(&got) {
                    return got;
                }
                assert!(began.elapsed() < PATIENCE, "{what}: {:#?}", kinds(&got));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Something is there within a second of its cause: `took`, or what it takes `again` with somebody else. On a busy machine one
/// of them may be late; it is not the courier that is, if another is in time.
pub async fn within_a_second(mut took: Duration, again: impl AsyncFn(&str) -> Duration) {
    for name in ["ken", "yuna", "jun", "aki"] {
        if took < Duration::from_secs(1) {
            return;
        }
        took = again(name).await;
    }
    assert!(took < Duration::from_secs(1), "{took:?}");
}

fn kinds(got: &[Got]) -> Vec<String> {
    got.iter().map(|got| got.body.clone()).collect()
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() || line.is_empty() {
        return;
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0_usize);
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let got = Got {
        asked: line.trim_end().rsplit_once(' ').map_or("", |(asked, _)| asked).to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
        at: Instant::now(),
    };
    let (status, said) = (*shared.answer.lock().unwrap())(&got);
    shared.got.lock().unwrap().push(got);
    // A status of 0 is a receiver that hangs up without a word.
    if status == 0 {
        return;
    }
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} -\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
        said.len()
    )
    .ok();
}

/// Sends signals and asks for them, as a process of the product does, for as long as the tests run.
pub fn courier() {
    static COURIER: LazyLock<()> = LazyLock::new(|| {
        super::runtime().spawn(super::app().send_signals());
        super::runtime().spawn(super::app().poll_transmitters());
    });
    LazyLock::force(&COURIER);
}

/// What `testbed/signals.py` prints, given this on its standard input.
pub fn python(arguments: &[&str], input: &str) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/signals.py");
    let mut running = Command::new(super::provider::state().join("venv/bin/python"))
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a Python with joserfc: run `./x setup` first");
    running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = running.wait_with_output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}
