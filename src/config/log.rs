//! `[log]`. Knows format and level; does not know what is logged.

use serde::Serialize;

use super::source::Source;

pub(super) const KEYS: &[&str] = &["format", "level"];

/// How and how much is logged.
#[derive(Debug, Clone, Serialize)]
pub struct LogConfig {
    /// Lines for people or for machines.
    pub format: LogFormat,
    /// The least serious level of Usher's own events that is written; libraries stay at `warn`.
    pub level: LogLevel,
}

/// Lines for people or for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// How serious an event must be to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only errors.
    Error,
    /// And warnings.
    Warn,
    /// And what an operator wants to see: every write, every refusal.
    Info,
    /// And every successful read.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The level's name in filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl LogConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let mut section = source.section("log");
        let format = section.parsed("format", |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be text or json"),
        });
        let level = section.parsed("level", |text| match text {
            "error" => Ok(LogLevel::Error),
            "warn" => Ok(LogLevel::Warn),
            "info" => Ok(LogLevel::Info),
            "debug" => Ok(LogLevel::Debug),
            "trace" => Ok(LogLevel::Trace),
            _ => Err("must be error, warn, info, debug or trace"),
        });
        Self { format: format.unwrap_or(LogFormat::Text), level: level.unwrap_or(LogLevel::Info) }
    }
}
