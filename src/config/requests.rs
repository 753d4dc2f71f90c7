//! `[requests]`. Knows how long the provisioning log is kept; does not know what is in it.

use serde::Serialize;

use super::source::Source;

pub(super) const KEYS: &[&str] = &["keep_days"];

/// The provisioning log: what directories asked and what they were answered.
#[derive(Debug, Clone, Serialize)]
pub struct RequestsConfig {
    /// Days for which a request is kept. The audit trail, which has every change, is not shortened by it.
    pub keep_days: i32,
}

impl RequestsConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        Self { keep_days: source.section("requests").integer("keep_days", 1..=3_650, 30) }
    }
}
