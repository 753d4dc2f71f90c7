//! `[mail]`. Knows the mail server and how it is spoken to; does not know what is sent.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::source::Source;

pub(super) const KEYS: &[&str] = &["host", "port", "tls", "user", "password_file", "from"];

/// The mail server that invitations leave by; without a host none do, and links are handed on.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MailConfig {
    /// Its host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port: 587, 465 with `implicit`, 25 with `off`, unless it says another.
    pub port: u16,
    /// How the connection is secured.
    pub tls: MailTls,
    /// The user that it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password, read from `password_file`.
    #[serde(skip)]
    pub password: Option<Password>,
    /// The file that the password is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The address that mails come from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
}

/// How a connection to the mail server is secured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// By STARTTLS, which must be there.
    #[default]
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all; only for a server on the machine itself.
    Off,
}

/// A password; `Debug` masks it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The password itself, for the one who logs in.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl MailConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let mut section = source.section("mail");
        let host = section.parsed("host", host);
        let tls = section.parsed("tls", tls).unwrap_or_default();
        let port = section.integer("port", 1..=65_535, tls.usual_port());
        let user = section.text("user").map(|given| given.value);
        let password_file = section.path("password_file");
        let password = password_file.as_ref().and_then(|path| match password(path) {
            Ok(password) => Some(password),
            Err(problem) => {
                section.problem("password_file", problem);
                None
            }
        });
        let from = section.parsed("from", from).unwrap_or_default();
        if host.is_some() && from.is_empty() {
            section.problem("from", "is missing: mails need an address that they come from");
        }
        if host.is_none() && !(from.is_empty() && user.is_none()) {
            section.problem("host", "is missing: without it no mails are sent");
        }
        if user.is_some() != password.is_some() {
            section.problem("user", "and password_file are set together or not at all");
        }
        let local = host.as_deref().is_none_or(|host| matches!(host, "localhost" | "127.0.0.1" | "::1"));
        if tls == MailTls::Off && !local {
            section
                .problem("tls", "is off for a server elsewhere: links and passwords would travel readable");
        }
        Self { host, port, tls, user, password, password_file, from }
    }
}

impl MailTls {
    fn usual_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::Off => 25,
        }
    }
}

fn host(text: &str) -> Result<String, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if text.is_empty() || !text.chars().all(plain) {
        return Err("must be the name of a mail server, like smtp.example.com");
    }
    Ok(text.to_owned())
}

fn tls(text: &str) -> Result<MailTls, &'static str> {
    match text {
        "starttls" => Ok(MailTls::StartTls),
        "implicit" => Ok(MailTls::Implicit),
        "off" => Ok(MailTls::Off),
        _ => Err("must be starttls, implicit or off"),
    }
}

fn from(text: &str) -> Result<String, &'static str> {
    let address = text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>'));
    let fine = address.split_once('@').is_some_and(|(who, domain)| !who.is_empty() && !domain.is_empty());
    if !fine || text.chars().any(char::is_control) || address.contains(char::is_whitespace) {
        return Err("must be an address, like usher@example.com or Usher <usher@example.com>");
    }
    Ok(text.to_owned())
}

fn password(path: &Path) -> Result<Password, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Password(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => Err(format!("names {}, which cannot be read: {error}", path.display())),
    }
}
