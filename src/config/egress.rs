//! `[egress]`. Knows what Usher itself may connect to; does not know HTTP.

use serde::Serialize;

use super::source::Source;

pub(super) const KEYS: &[&str] = &["allow_loopback"];

/// What Usher itself may connect to.
#[derive(Debug, Clone, Serialize)]
pub struct EgressConfig {
    /// Allows identity providers on loopback, over http too: for development and tests.
    pub allow_loopback: bool,
}

impl EgressConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let mut section = source.section("egress");
        Self { allow_loopback: section.boolean("allow_loopback", false) }
    }
}
