//! Logs. Knows their format, their filter and the id of a request; does not know routes.
//!
//! A line is a sentence and its fields: `info!(user.id = %id, "Deactivated user through SCIM")`. Every line written
//! while a request is served carries `request.id`, the id that the answer's `X-Request-Id` and the audit trail show.
//!
//! # Never log
//!
//! - names, e-mail addresses, phone numbers, `userName`, `externalId`, group names: ids stand for them;
//! - tokens, cookies, `Authorization` headers, passwords, codes, `state`, `nonce`, keys, in whole or in part;
//! - assertions, ID tokens and the claims in them;
//! - bodies of requests and answers;
//! - query strings (filters hold names, callbacks hold codes) and paths: the matched route pattern stands for them;
//! - the address of a database, which may hold a password;
//! - errors of libraries that repeat any of the above.
//!
//! Libraries therefore stay at `warn` whatever `log.level` says: at `debug` some write headers and SQL parameters.
//!
//! # Levels
//!
//! `error`: somebody must look. `warn`: it went on, and somebody may want to know. `info`: every write and every
//! refusal. `debug`: every successful read as well; their lines would cost a fifth of the read rate.

use std::io::{IsTerminal, Write};

use chrono::{DateTime, Utc};
use domain::clock::Entropy;
use domain::id::RequestId;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Level};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::config::{LogConfig, LogFormat, LogLevel};

/// The crates whose events follow `log.level`.
const OURS: &[&str] = &["usher", "app", "domain", "scim", "sso", "store"];
/// A caller's id longer than this is no id.
const CALLER_ID_LIMIT: usize = 64;

/// Logging is set up already.
#[derive(Debug, thiserror::Error)]
#[error("Logging cannot be set up a second time in one process.")]
pub struct AlreadyInitialised;

/// Writes events to standard error from now on; standard output belongs to the answers of commands.
pub fn init(config: &LogConfig) -> Result<(), AlreadyInitialised> {
    let ansi = std::io::stderr().is_terminal();
    tracing::dispatcher::set_global_default(dispatch(config, ansi, std::io::stderr))
        .or(Err(AlreadyInitialised))
}

fn dispatch<W>(config: &LogConfig, ansi: bool, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = level(config.level);
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // it calls a request that cannot be parsed an error of ours; the client is told 400
        .with_target("actix_http::h1::dispatcher", LevelFilter::OFF)
        .with_targets(OURS.iter().map(|room| (*room, level)));
    let registry = tracing_subscriber::registry();
    match config.format {
        LogFormat::Text => {
            let layer = tracing_subscriber::fmt::layer().with_ansi(ansi).with_writer(writer);
            registry.with(layer.with_filter(filter)).into()
        }
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .with_writer(writer);
            registry.with(layer.with_filter(filter)).into()
        }
    }
}

fn level(level: LogLevel) -> LevelFilter {
    LevelFilter::from_level(match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    })
}

/// Writes what the logger has not written yet; called before the process ends.
pub fn flush() {
    // Standard error is not buffered by us; a closed one has nobody to tell.
    std::io::stderr().flush().ok();
}

/// A request's id, and the id that its caller gave it.
///
/// Ours is always our own: two requests never share it, whatever callers send, for the audit trail refers to it.
#[derive(Debug, Clone)]
pub struct RequestTag {
    id: RequestId,
    caller: Option<Box<str>>,
}

impl RequestTag {
    /// Tags a request whose `X-Request-Id` header is `caller`. A caller's id is kept only when it is a short token
    /// (1 to 64 letters, digits, `-`, `_`, `.` or `:`): whatever else it holds does not belong in a log.
    pub fn new(caller: Option<&str>, now: DateTime<Utc>, entropy: &dyn Entropy) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        let caller = caller
            .filter(|text| (1..=CALLER_ID_LIMIT).contains(&text.len()) && text.chars().all(plain))
            .map(Box::from);
        Self { id: RequestId::generate(now, entropy), caller }
    }

    /// Our id.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// The caller's id.
    pub fn caller(&self) -> Option<&str> {
        self.caller.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use domain::clock::CountingEntropy;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: LogLevel, events: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let dispatch = dispatch(&LogConfig { format, level }, false, move || writer.clone());
        tracing::dispatcher::with_default(&dispatch, events);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_has_the_sentence_its_fields_and_the_request() {
        let text = logged(LogFormat::Json, LogLevel::Info, || {
            let _span = tracing::info_span!("request", request.id = "r1").entered();
            tracing::info!(user.id = "u1", "Deactivated user through SCIM");
        });

        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "Deactivated user through SCIM");
        assert_eq!(line["user.id"], "u1");
        assert_eq!(line["span"]["request.id"], "r1");
        assert_eq!(line["level"], "INFO");
    }

    #[test]
    fn libraries_stay_at_warn_whatever_the_level() {
        let text = logged(LogFormat::Text, LogLevel::Trace, || {
            tracing::debug!(target: "h2::codec", "authorization: Bearer hunter2");
            tracing::warn!(target: "h2::codec", "connection broke");
            tracing::trace!("our own");
        });

        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("connection broke") && text.contains("our own"), "{text}");
        let quiet = logged(LogFormat::Text, LogLevel::Error, || {
            tracing::warn!(target: "h2::codec", "connection broke");
        });
        assert_eq!(quiet, "");
    }

    #[test]
    fn only_a_short_token_is_taken_as_the_callers_id() {
        let entropy = CountingEntropy::new();
        let caller = |text: &str| {
            RequestTag::new(Some(text), DateTime::UNIX_EPOCH, &entropy).caller().map(str::to_owned)
        };

        assert_eq!(caller("0af7651916cd43dd:7.a_b-c").as_deref(), Some("0af7651916cd43dd:7.a_b-c"));
        for refused in ["", "two words", "a\nb", "hana@acme.example", &"x".repeat(65), "é"] {
            assert_eq!(caller(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn two_requests_with_one_callers_id_have_ids_of_their_own() {
        let entropy = CountingEntropy::new();
        let tag = || RequestTag::new(Some("same"), DateTime::UNIX_EPOCH, &entropy);

        assert_ne!(tag().id(), tag().id());
    }
}
