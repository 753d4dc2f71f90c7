//! A mail is handed to the operator's mail server. Knows SMTP's answers; does not know what a mail says, or who keeps it until it
//! has left.
//!
//! The one server is the operator's, by name, so that nothing that somebody sent chooses where a connection goes: what
//! `sso::egress` keeps from addresses of others has no place here.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use lettre::message::{Mailbox, Message, header::ContentType};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use crate::error::AppError;
use crate::one_line::one_line;

/// How long a server may take for each answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is kept.
const LONGEST_ANSWER: usize = 500;

/// How a connection to the mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// By STARTTLS, or not at all used.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all: for a server on the same machine.
    Off,
}

/// The mail server, and how patient to be with it.
#[derive(Debug, Clone)]
pub struct MailPolicy {
    /// Its host name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub tls: MailTls,
    /// User and password, if it asks for them.
    pub login: Option<(String, String)>,
    /// The address that mails come from, with or without a name: `Usher <usher@example.com>`.
    pub from: String,
    /// How we greet it.
    pub hello: String,
    /// How long to wait after the first attempt that failed; each further wait is three times as long.
    pub first_retry: Duration,
    /// The longest wait.
    pub longest_retry: Duration,
    /// After so many attempts a mail is given up.
    pub attempts: i32,
}

impl MailPolicy {
    /// A server with the patience that fits most: two days.
    pub fn new(host: String, port: u16, tls: MailTls, from: String) -> Self {
        Self {
            host,
            port,
            tls,
            login: None,
            from,
            hello: "localhost".to_owned(),
            first_retry: Duration::from_secs(30),
            longest_retry: Duration::from_hours(4),
            attempts: 18,
        }
    }
}

/// A mail's own words.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// What the server said to a mail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// It has it.
    Taken,
    /// It will not take it, now or later.
    Refused(String),
    /// It could not be asked, or will not take it now.
    Later(String),
}

/// Whoever hands mails over.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    policy: MailPolicy,
}

impl Mailer {
    pub(crate) fn new(policy: MailPolicy) -> Result<Self, AppError> {
        let broken = |error: &dyn std::fmt::Display| AppError::Internal(format!("the mail server: {error}"));
        let from = policy.from.parse::<Mailbox>().map_err(|error| broken(&error))?;
        let parameters = || TlsParameters::new(policy.host.clone()).map_err(|error| broken(&error));
        let tls = match policy.tls {
            MailTls::StartTls => Tls::Required(parameters()?),
            MailTls::Implicit => Tls::Wrapper(parameters()?),
            MailTls::Off => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(policy.host.clone())
            .port(policy.port)
            .tls(tls)
            .hello_name(ClientId::Domain(policy.hello.clone()))
            .timeout(Some(PATIENCE));
        if let Some((user, password)) = &policy.login {
            transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Self { transport: transport.build(), from, policy })
    }

    /// The address that mails come from.
    pub(crate) fn from(&self) -> &str {
        self.from.email.as_ref()
    }

    /// How long to wait after this many attempts; nothing if that is enough.
    pub(crate) fn pause_after(&self, attempts: i32) -> Option<Duration> {
        if attempts >= self.policy.attempts {
            return None;
        }
        let times = 3_u32.saturating_pow(u32::try_from(attempts.saturating_sub(1)).unwrap_or_default());
        Some(self.policy.first_retry.saturating_mul(times).min(self.policy.longest_retry))
    }

    /// Hands a mail over. `named` makes its `Message-ID`, so that one which is sent twice can be told.
    pub(crate) async fn send(&self, to: &str, letter: Letter, named: &str, now: DateTime<Utc>) -> Handed {
        let message = match self.message(to, letter, named, now) {
            Ok(message) => message,
            Err(why) => return Handed::Refused(why),
        };
        match self.transport.send(message).await {
            Ok(_) => Handed::Taken,
            Err(error) if is_final(&error) => Handed::Refused(said(&error)),
            Err(error) => Handed::Later(said(&error)),
        }
    }

    fn message(&self, to: &str, letter: Letter, named: &str, now: DateTime<Utc>) -> Result<Message, String> {
        let to =
            to.parse::<Address>().map_err(|error| format!("The address cannot be written to: {error}."))?;
        let domain = self.from.email.domain();
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .message_id(Some(format!("<{named}@{domain}>")))
            .date(SystemTime::from(now))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text)
            .map_err(|error| format!("The mail cannot be written: {error}."))
    }
}

/// Whether another attempt would end the same: the server says so, or it does not know what the address needs. That it does not
/// like our password is for the operator to mend.
fn is_final(error: &SmtpError) -> bool {
    let about_us = error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538));
    (error.is_permanent() && !about_us) || error.is_client()
}

/// What went wrong, on one line.
fn said(error: &SmtpError) -> String {
    let text = match std::error::Error::source(error) {
        Some(source) => match error.status() {
            Some(code) => format!("{code} {source}"),
            None => format!("{error}: {source}"),
        },
        None => error.to_string(),
    };
    one_line(&text, LONGEST_ANSWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer() -> Mailer {
        let from = "Usher <usher@example.com>".to_owned();
        Mailer::new(MailPolicy::new("127.0.0.1".to_owned(), 25, MailTls::Off, from)).unwrap()
    }

    #[test]
    fn the_pauses_grow_to_the_longest_and_end() {
        let mailer = mailer();
        let seconds = |attempts| mailer.pause_after(attempts).map(|pause| pause.as_secs());

        assert_eq!([1, 2, 3, 4].map(seconds), [Some(30), Some(90), Some(270), Some(810)]);
        assert_eq!(seconds(17), Some(4 * 3600));
        assert_eq!(seconds(18), None);
    }

    #[test]
    fn neither_address_nor_subject_adds_a_header() {
        let letter = |subject: &str| Letter { subject: subject.to_owned(), text: "Hello".to_owned() };
        let write = |to: &str, subject: &str| {
            mailer().message(to, letter(subject), "x", DateTime::UNIX_EPOCH).map(|message| {
                let bytes = message.formatted();
                String::from_utf8(bytes).unwrap()
            })
        };

        for to in [
            "hana@acme.example\r\nBcc: eve@evil.example",
            "hana@acme.example>\r\nRCPT TO:<eve@evil.example",
            "a b@c",
        ] {
            write(to, "Hello").unwrap_err();
        }
        let text = write("hana@acme.example", "Hello\r\nBcc: eve@evil.example").unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        assert!(head.lines().all(|line| !line.starts_with("Bcc")), "{text}");
    }
}
