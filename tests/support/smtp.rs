//! A real mail server, aiosmtpd of `testbed/smtp`, and an application that sends its mails there.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::App;
use app::mail::{MailPolicy, MailTls};
use serde_json::Value;

use super::program::free_port;
use super::provider::state;

pub struct MailServer {
    pub port: u16,
    got: Mutex<Receiver<String>>,
    process: Child,
    _open: ChildStdin,
}

impl MailServer {
    pub fn start() -> Self {
        Self::of(true)
    }

    /// One that knows addresses in ASCII only, or all.
    pub fn of(international: bool) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/smtp/smtp_server.py");
        let port = free_port();
        let mut process = Command::new(state().join("test-venv/bin/python"))
            .arg(program)
            .env("USHER_TEST_SMTP_PORT", port.to_string())
            .env("USHER_TEST_SMTPUTF8", if international { "yes" } else { "no" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (heard, got) = channel();
        std::thread::spawn(move || {
            for line in said {
                heard.send(line).unwrap_or_default();
            }
        });
        assert_eq!(
            got.recv_timeout(Duration::from_secs(30)).as_deref(),
            Ok("up"),
            "the mail server did not start"
        );
        let open = process.stdin.take().unwrap();
        Self { port, got: Mutex::new(got), process, _open: open }
    }

    /// The next mails, when there are so many, and no more than these.
    pub fn mails(&self, count: usize) -> Vec<Value> {
        let got = self.got.lock().unwrap();
        let next = || got.recv_timeout(Duration::from_secs(30)).expect("another mail within 30 s");
        let mails: Vec<Value> = (0..count).map(|_| serde_json::from_str(&next()).unwrap()).collect();
        assert_eq!(got.try_recv().ok(), None, "a mail too many");
        mails
    }

    /// An application that sends its mails here.
    pub fn app(&self) -> Arc<App> {
        app_mailing(self.port)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// An application that sends its mails to this port of the machine, and tries again at once.
pub fn app_mailing(port: u16) -> Arc<App> {
    let from = "Usher <usher@mail.example>".to_owned();
    let mut policy = MailPolicy::new("127.0.0.1".to_owned(), port, MailTls::Off, from);
    (policy.first_retry, policy.longest_retry, policy.attempts) = (Duration::ZERO, Duration::ZERO, 3);
    Arc::new(super::new_app_mailing(policy))
}
