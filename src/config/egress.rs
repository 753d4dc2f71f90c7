//! `[egress]`. Knows what Usher itself may connect to; does not know HTTP.

use std::net::SocketAddr;

use serde::Serialize;

use super::source::Source;

pub(super) const KEYS: &[&str] = &["allow_loopback", "dns_resolver"];

/// What Usher itself may connect to.
#[derive(Debug, Clone, Serialize)]
pub struct EgressConfig {
    /// Allows identity providers on loopback, over http too: for development and tests.
    pub allow_loopback: bool,
    /// Address and port of the DNS resolver that is asked for proofs of domains; without one, those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_resolver: Option<SocketAddr>,
}

impl EgressConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let mut section = source.section("egress");
        let allow_loopback = section.boolean("allow_loopback", false);
        let dns_resolver = section.parsed("dns_resolver", |text| {
            text.parse::<SocketAddr>().or(Err("must be an IP address and a port, like 192.0.2.53:53"))
        });
        Self { allow_loopback, dns_resolver }
    }
}
