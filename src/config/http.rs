//! `[http]`. Knows the listening address and the bounds of a request; does not know routes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Serialize;
use url::{Host, Url};

use super::source::Source;
use domain::network::Network;

pub(super) const KEYS: &[&str] =
    &["listen", "public_url", "workers", "max_body_bytes", "shutdown_grace_seconds", "trusted_proxies"];

/// The address listened on and the bounds of a request.
#[derive(Debug, Clone, Serialize)]
pub struct HttpConfig {
    /// Address and port listened on. TLS ends at the proxy in front.
    pub listen: SocketAddr,
    /// Where browsers and identity providers reach Usher: scheme, host and port, no trailing slash.
    pub public_url: String,
    /// Web worker threads.
    pub workers: usize,
    /// The longest body read from any request.
    pub max_body_bytes: usize,
    /// How long a stopping server waits for what is in flight.
    pub shutdown_grace_seconds: u64,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    #[serde(skip)]
    loopback: bool,
}

impl HttpConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let mut section = source.section("http");
        let default_listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 9000));
        let listen = section
            .parsed("listen", |text| {
                text.parse::<SocketAddr>()
                    .or(Err("must be an IP address and a port, like 127.0.0.1:9000 or [::]:9000"))
            })
            .unwrap_or(default_listen);
        let public =
            section.parsed("public_url", PublicUrl::parse).unwrap_or_else(|| PublicUrl::of_listening(listen));
        let workers = section.integer("workers", 1..=256, default_workers());
        let max_body_bytes = section.integer("max_body_bytes", 1024..=64 * 1024 * 1024, 1024 * 1024);
        let shutdown_grace_seconds = section.integer("shutdown_grace_seconds", 0..=600, 30);
        let mut trusted_proxies = Vec::new();
        if let Some(given) = section.list("trusted_proxies") {
            for text in given.value {
                match text.parse::<Network>() {
                    Ok(network) => trusted_proxies.push(network),
                    Err(error) => section.problem_at(&given.place, error),
                }
            }
        }
        Self {
            listen,
            public_url: public.text,
            workers,
            max_body_bytes,
            shutdown_grace_seconds,
            trusted_proxies,
            loopback: public.loopback,
        }
    }

    /// Whether browsers reach Usher over TLS.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Whether the public address is on the machine itself.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

struct PublicUrl {
    text: String,
    loopback: bool,
}

impl PublicUrl {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).or(Err("must be a URL, like https://id.example.com"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("must begin with https://");
        }
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare {
            return Err("must be only scheme, host and port, like https://id.example.com");
        }
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() == "http" && !loopback {
            return Err(
                "must begin with https:// unless its host is localhost or a loopback address: session \
                        cookies and tokens would travel readable",
            );
        }
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), loopback })
    }

    /// Without a public address, Usher is reached where it listens, or on loopback when it listens everywhere.
    fn of_listening(listen: SocketAddr) -> Self {
        let host = match listen.ip() {
            address if address.is_loopback() => listen,
            IpAddr::V4(_) | IpAddr::V6(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, listen.port())),
        };
        Self { text: format!("http://{host}"), loopback: true }
    }
}

fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
