//! Configuration. Knows the file, the environment and every key there is; does not know what is built from them.
//!
//! A value comes from the environment (`USHER_<SECTION>_<KEY>`), else from the TOML file, else from its default.
//! One file per section; each reads its keys through `source::Section`, which remembers every problem, so that
//! one run names all mistakes. A key or section that Usher does not know is fatal: a misspelt limit must not be
//! a missing limit. Nothing else in Usher reads the environment.
//!
//! The file is the one named on the command line, else `usher.toml` in the current directory when there is one.

mod database;
mod development;
mod egress;
mod http;
mod key_text;
mod limits;
mod log;
mod mail;
mod requests;
mod secrets;
mod session;
mod signals;
mod source;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use domain::clock::Entropy;
use serde::Serialize;

pub use database::{DatabaseConfig, DatabaseUrl};
pub use development::DevelopmentConfig;
pub use domain::network::{InvalidNetwork, Network};
pub use egress::EgressConfig;
pub use http::HttpConfig;
pub use limits::LimitsConfig;
pub use log::{LogConfig, LogFormat, LogLevel};
pub use mail::{MailConfig, MailTls, Password};
pub use requests::RequestsConfig;
pub use secrets::{SecretKey, SecretsConfig};
pub use session::SessionConfig;
pub use signals::SignalsConfig;

use source::Source;

/// The file that is read when the command line names none and it is there.
const DEFAULT_FILE: &str = "usher.toml";

/// The effective configuration: every value checked, every default filled in.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// `[http]`: the address listened on and the bounds of a request.
    pub http: HttpConfig,
    /// `[database]`: a server of the operator's, or the folder of the private one.
    pub database: DatabaseConfig,
    /// `[secrets]`: the keys under which stored secrets are sealed.
    pub secrets: SecretsConfig,
    /// `[session]`: how long a sign-in lasts.
    pub session: SessionConfig,
    /// `[limits]`: requests per second.
    pub limits: LimitsConfig,
    /// `[requests]`: how long the provisioning log is kept.
    pub requests: RequestsConfig,
    /// `[signals]`: how long facts are kept for those who follow.
    pub signals: SignalsConfig,
    /// `[mail]`: the mail server that invitations leave by.
    pub mail: MailConfig,
    /// `[log]`: format and level.
    pub log: LogConfig,
    /// `[egress]`: what Usher itself may connect to.
    pub egress: EgressConfig,
    /// `[development]`: what only a developer's machine may do.
    pub development: DevelopmentConfig,
}

/// The configuration cannot be used; the text has one sentence for each problem.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("Cannot read the configuration file {}: {source}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("The configuration file {} is not valid TOML in line {line}: {reason}.", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
        /// What the parser said, without the line's text: it may be a secret.
        reason: String,
    },
    /// Keys or values are wrong.
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
    /// The key file of the private database cannot be read or made.
    #[error("{0}")]
    KeyFile(String),
}

impl Config {
    /// Reads the file at `path` (else `usher.toml` in the current directory, if there is one) and the environment.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let file = match path {
            Some(path) => Some((path.to_owned(), read(path)?)),
            None => match read(Path::new(DEFAULT_FILE)) {
                Ok(text) => Some((PathBuf::from(DEFAULT_FILE), text)),
                Err(ConfigError::Unreadable { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound =>
                {
                    None
                }
                Err(error) => return Err(error),
            },
        };
        Self::assemble(file, std::env::vars_os())
    }

    /// The effective configuration as TOML, with `***` for every secret: what `usher check-config` prints.
    pub fn masked(&self) -> String {
        toml::to_string_pretty(self)
            .unwrap_or_else(|error| format!("# The configuration cannot be printed: {error}\n"))
    }

    /// Fills in the sealing key when none is configured: with the private database the key lives in the file
    /// `sealing.key` (mode 600) of the data folder and is made on first use.
    ///
    /// With a configured `database.url` this does nothing, because [`Config::load`] has insisted on keys.
    pub fn ensure_secrets(&mut self, entropy: &dyn Entropy) -> Result<(), ConfigError> {
        if self.secrets.keys.is_empty() {
            self.secrets = secrets::from_data_dir(&self.database.data_dir, entropy)?;
        }
        Ok(())
    }

    fn assemble(
        file: Option<(PathBuf, String)>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut source = Source::new(file, environment)?;
        let config = Self {
            http: HttpConfig::read(&mut source),
            database: DatabaseConfig::read(&mut source),
            secrets: SecretsConfig::read(&mut source),
            session: SessionConfig::read(&mut source),
            limits: LimitsConfig::read(&mut source),
            requests: RequestsConfig::read(&mut source),
            signals: SignalsConfig::read(&mut source),
            mail: MailConfig::read(&mut source),
            log: LogConfig::read(&mut source),
            egress: EgressConfig::read(&mut source),
            development: DevelopmentConfig::read(&mut source),
        };
        config.check_together(&mut source);
        source.finish().map(|()| config)
    }

    /// Rules between sections.
    fn check_together(&self, source: &mut Source) {
        if self.database.url.is_some() && self.secrets.keys.is_empty() {
            source.problem(
                "secrets.keys is missing: with database.url set, Usher keeps no key file of its own. Make a key \
                 with `openssl rand -base64 32` and configure it as [[secrets.keys]] with an id.",
            );
        }
        if self.development.insecure_cookies && !self.http.is_loopback() {
            source.problem(
                "development.insecure_cookies is only for a public_url on loopback; remove it, or set \
                 http.public_url to http://localhost or http://127.0.0.1.",
            );
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
