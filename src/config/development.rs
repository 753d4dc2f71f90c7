//! `[development]`. Knows what only a developer's machine may do; does not know why.

use serde::Serialize;

use super::source::Source;

pub(super) const KEYS: &[&str] = &["insecure_cookies"];

/// What only a developer's machine may do.
#[derive(Debug, Clone, Serialize)]
pub struct DevelopmentConfig {
    /// Cookies without `Secure`, for http on loopback.
    pub insecure_cookies: bool,
}

impl DevelopmentConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let mut section = source.section("development");
        Self { insecure_cookies: section.boolean("insecure_cookies", false) }
    }
}
