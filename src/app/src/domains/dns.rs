//! TXT records, asked of the system's resolvers or of the one that is configured. Knows how DNS is spoken; does not know
//! what a record proves.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

use crate::error::AppError;

/// How long one question may take, and how often it is repeated.
const PATIENCE: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;

/// Asks DNS. Every answer is fresh: what was published a moment ago must be found.
#[derive(Clone)]
pub(crate) struct Dns(Option<SocketAddr>);

impl Dns {
    /// Asks this resolver, or without one those of the system.
    pub(crate) fn new(resolver: Option<SocketAddr>) -> Self {
        Self(resolver)
    }

    /// The texts of the TXT records at a name; none if there are none. Trouble says nothing about what is there.
    pub(crate) async fn txt(&self, name: &str) -> Result<Vec<String>, AppError> {
        let away = |error: &dyn std::fmt::Display| AppError::Unavailable(format!("DNS: {error}"));
        let resolver = self.resolver().map_err(|error| away(&error))?;
        // With the dot at its end a name is whole, and no search list of the system's is tried.
        let found = match resolver.txt_lookup(format!("{name}.")).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(away(&error)),
        };
        let texts = found.answers().iter().filter_map(|record| match &record.data {
            RData::TXT(txt) => Some(txt.txt_data.concat()),
            _ => None,
        });
        Ok(texts.filter_map(|text| String::from_utf8(text).ok()).collect())
    }

    fn resolver(&self) -> Result<TokioResolver, hickory_resolver::net::NetError> {
        let mut builder = match self.0 {
            None => TokioResolver::builder_tokio()?,
            Some(address) => {
                let mut server = NameServerConfig::udp_and_tcp(address.ip());
                for connection in &mut server.connections {
                    connection.port = address.port();
                }
                let config = ResolverConfig::from_name_servers(vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = ATTEMPTS;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        builder.build()
    }
}
