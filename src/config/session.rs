//! `[session]`. Knows how long a sign-in lasts; does not know sessions.

use serde::Serialize;

use super::source::Source;

pub(super) const KEYS: &[&str] = &["idle_minutes", "absolute_hours"];

/// How long a sign-in lasts.
#[derive(Debug, Clone, Serialize)]
pub struct SessionConfig {
    /// A session unused for this long is over.
    pub idle_minutes: u32,
    /// A session is over this long after the sign-in, used or not.
    pub absolute_hours: u32,
}

impl SessionConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let mut section = source.section("session");
        let idle_minutes = section.integer("idle_minutes", 5..=7 * 24 * 60, 60_u32);
        let absolute_hours = section.integer("absolute_hours", 1..=30 * 24, 12_u32);
        if idle_minutes > absolute_hours.saturating_mul(60) {
            section.problem("idle_minutes", "must not be longer than session.absolute_hours");
        }
        Self { idle_minutes, absolute_hours }
    }
}
