//! `[egress]`. Knows what Usher itself may connect to; does not know HTTP.

use std::net::SocketAddr;

use serde::Serialize;

use super::source::Source;

pub(super) const KEYS: &[&str] = &["allow_loopback", "dns_resolver", "more_ports"];

/// What Usher itself may connect to.
#[derive(Debug, Clone, Serialize)]
pub struct EgressConfig {
    /// Allows identity providers on loopback, over http too: for development and tests.
    pub allow_loopback: bool,
    /// Ports at which identity providers may be spoken to, besides 443, 8443, 9031 and 9443.
    pub more_ports: Vec<u16>,
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
        let mut more_ports = Vec::new();
        if let Some(given) = section.list("more_ports") {
            for text in given.value {
                match text.parse::<u16>() {
                    Ok(port) => more_ports.push(port),
                    Err(_) => section.problem_at(&given.place, "must be numbers of ports"),
                }
            }
        }
        Self { allow_loopback, more_ports, dns_resolver }
    }
}
