//! `[signals]`. Knows how long facts are kept; does not know who is sent them.

use serde::Serialize;

use super::source::Source;

pub(super) const KEYS: &[&str] = &["keep_days"];

/// What those who follow a tenant are sent.
#[derive(Debug, Clone, Serialize)]
pub struct SignalsConfig {
    /// Days for which a fact can be sent again, and for which the log of deliveries is kept. What still waits is kept
    /// longer.
    pub keep_days: i32,
}

impl SignalsConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        Self { keep_days: source.section("signals").integer("keep_days", 1..=365, 7) }
    }
}
