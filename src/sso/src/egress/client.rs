//! The guarded client itself. Knows reqwest; does not know OpenID Connect.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::address;
use super::resolver::{AddressRefused, GuardedResolver};
use crate::Secret;

const TIME_OUT: Duration = Duration::from_secs(5);
/// Documents that somebody publishes: key sets with certificate chains, metadata.
const DOCUMENT_LIMIT: usize = 1024 * 1024;
/// Answers about one person or one request.
const ANSWER_LIMIT: usize = 128 * 1024;
const JSON: &str = "application/json";

/// What may be visited. The default is the public internet over https and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressPolicy {
    /// Development and tests: loopback may be visited too, also over plain http and on any port.
    pub allow_loopback: bool,
    /// The ports that may be visited; on others live mail, directories and databases.
    pub ports: Vec<u16>,
}

impl EgressPolicy {
    /// Where identity providers listen: https, and what Keycloak, PingFederate and WSO2 are installed with.
    pub const PORTS: [u16; 4] = [443, 8443, 9031, 9443];
}

impl Default for EgressPolicy {
    fn default() -> Self {
        Self { allow_loopback: false, ports: Self::PORTS.to_vec() }
    }
}

/// Why a request did not leave or its answer was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The client could not be set up.
    #[error("the HTTP client could not be set up")]
    Setup,
    /// Neither https nor (in development) http to loopback.
    #[error("only https is allowed")]
    SchemeRefused,
    /// A URL with a user name, a password or no host.
    #[error("the URL has credentials or no host")]
    UrlRefused,
    /// A port that belongs to another service.
    #[error("the port {0} is not allowed")]
    PortRefused(u16),
    /// The address is private, loopback, link-local or otherwise inside.
    #[error("the address is not public")]
    AddressRefused,
    /// The server answered with a redirect, which is never followed.
    #[error("the server answered with a redirect ({0})")]
    Redirected(u16),
    /// The answer is larger than one mebibyte, or 128 KiB where it is about one person.
    #[error("the answer is too large")]
    TooLarge,
    /// No complete answer within five seconds.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The name was not found, the connection was refused or broke, or TLS failed: the innermost reason.
    #[error("the connection failed: {0}")]
    Unreachable(String),
    /// The answer does not call itself JSON.
    #[error("the answer is not of a JSON content type")]
    NotJson,
    /// The answer calls itself JSON and is something else.
    #[error("the answer is not the JSON that was expected")]
    MalformedJson,
}

/// The one HTTP client. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Egress {
    client: reqwest::Client,
    policy: EgressPolicy,
}

/// What is sent to somebody who follows us.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// Its media type.
    pub content_type: &'static str,
    /// Further headers; some hold secrets, so none is printed.
    pub headers: Vec<(&'static str, Secret)>,
    /// The body.
    pub body: &'a str,
}

/// How a delivery was answered. Of the body only the beginning is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The HTTP status; never a redirect.
    pub status: u16,
    /// After how many seconds the receiver wants to be asked again.
    pub retry_after: Option<u64>,
    /// The beginning of the body.
    pub excerpt: String,
}

/// So much of the answer to a delivery is read.
const EXCERPT: usize = 1024;

/// A complete answer, of limited size.
#[derive(Clone)]
pub struct EgressResponse {
    /// The HTTP status; never a redirect.
    pub status: u16,
    content_type: Option<String>,
    body: Vec<u8>,
}

impl Egress {
    /// Sets the client up.
    #[expect(clippy::disallowed_methods, reason = "this is the egress guard itself")]
    pub fn new(policy: EgressPolicy) -> Result<Self, EgressError> {
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // A proxy from the environment would look names up itself, behind the guard's back.
            .no_proxy()
            .connect_timeout(TIME_OUT)
            .timeout(TIME_OUT)
            // Sign-ins are rare. A kept connection would outlive the look-up that allowed it, and would be driven by the
            // runtime that opened it, which need not be the one that asks next.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("usher/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(GuardedResolver { allow_loopback: policy.allow_loopback })
            .build();
        match client {
            Ok(client) => Ok(Self { client, policy }),
            Err(_) => Err(EgressError::Setup),
        }
    }

    /// Fetches a JSON document.
    pub async fn get(&self, url: &Url) -> Result<EgressResponse, EgressError> {
        self.check(url)?;
        self.send(self.client.get(url.clone()), JSON, DOCUMENT_LIMIT).await
    }

    /// Fetches what somebody may see who holds this access token: JSON, or a signed token.
    pub async fn get_as(&self, url: &Url, token: &Secret) -> Result<EgressResponse, EgressError> {
        self.check(url)?;
        let request = self.client.get(url.clone()).bearer_auth(token.expose());
        self.send(request, "application/json, application/jwt", ANSWER_LIMIT).await
    }

    /// Fetches the metadata of a SAML entity.
    pub async fn get_metadata(&self, url: &Url) -> Result<EgressResponse, EgressError> {
        self.check(url)?;
        let accept = "application/samlmetadata+xml, application/xml, text/xml";
        self.send(self.client.get(url.clone()), accept, DOCUMENT_LIMIT).await
    }

    /// Posts a form and expects JSON, with the client's name and secret in the `Authorization` header if given.
    pub async fn post_form(
        &self,
        url: &Url,
        basic_auth: Option<(&str, &Secret)>,
        form: &[(&str, &str)],
    ) -> Result<EgressResponse, EgressError> {
        self.check(url)?;
        let mut request = self.client.post(url.clone()).form(form);
        if let Some((name, secret)) = basic_auth {
            request = request.basic_auth(form_encoded(name), Some(form_encoded(secret.expose())));
        }
        self.send(request, JSON, ANSWER_LIMIT).await
    }

    /// Posts JSON with this access token and expects JSON.
    pub async fn post_as<T: serde::Serialize + Sync>(
        &self,
        url: &Url,
        token: &Secret,
        body: &T,
    ) -> Result<EgressResponse, EgressError> {
        self.check(url)?;
        let request = self.client.post(url.clone()).bearer_auth(token.expose()).json(body);
        self.send(request, JSON, DOCUMENT_LIMIT).await
    }

    /// Delivers something.
    pub async fn deliver(&self, url: &Url, parcel: Parcel<'_>) -> Result<Receipt, EgressError> {
        self.check(url)?;
        let mut request = self.client.post(url.clone()).header(CONTENT_TYPE, parcel.content_type);
        for (name, value) in &parcel.headers {
            request = request.header(*name, value.expose());
        }
        let request = request.header(ACCEPT, "application/json").body(parcel.body.to_owned());
        let mut response = request.send().await.map_err(|error| classify(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(EgressError::Redirected(status.as_u16()));
        }
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        // The status is the answer: a body that breaks off takes nothing back.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend(chunk.iter().take(EXCERPT.saturating_sub(body.len())));
            if body.len() >= EXCERPT {
                break;
            }
        }
        let excerpt = String::from_utf8_lossy(&body).into_owned();
        Ok(Receipt { status: status.as_u16(), retry_after, excerpt })
    }

    /// Whether this URL could be visited at all, as far as can be said without looking the name up.
    pub fn check(&self, url: &Url) -> Result<(), EgressError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::UrlRefused);
        }
        let host = url.host().ok_or(EgressError::UrlRefused)?;
        let loopback = self.policy.allow_loopback && is_loopback(&host);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(EgressError::SchemeRefused),
        }
        let literal = match host {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        };
        if literal.is_some_and(|address| !address::is_allowed(address, self.policy.allow_loopback)) {
            return Err(EgressError::AddressRefused);
        }
        match url.port() {
            Some(port) if !loopback && !self.policy.ports.contains(&port) => {
                Err(EgressError::PortRefused(port))
            }
            _ => Ok(()),
        }
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        accept: &'static str,
        limit: usize,
    ) -> Result<EgressResponse, EgressError> {
        let mut response = request.header(ACCEPT, accept).send().await.map_err(|error| classify(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(EgressError::Redirected(status.as_u16()));
        }
        let content_type =
            response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if body.len() + chunk.len() > limit {
                return Err(EgressError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(EgressResponse { status: status.as_u16(), content_type, body })
    }
}

impl EgressResponse {
    /// The body, if it calls itself JSON and is the JSON that the caller expects.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, EgressError> {
        if !self.content_type.as_deref().is_some_and(is_json) {
            return Err(EgressError::NotJson);
        }
        serde_json::from_slice(&self.body).or(Err(EgressError::MalformedJson))
    }

    /// The body, if it is text in UTF-8, whatever it calls itself: metadata is served under many names.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok()
    }

    /// Whether the body calls itself this.
    pub(crate) fn is_of(&self, content_type: &str) -> bool {
        self.content_type.as_deref().is_some_and(|declared| essence(declared) == content_type)
    }
}

/// The body may hold tokens: `Debug` prints its length.
impl fmt::Debug for EgressResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EgressResponse")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("body_length", &self.body.len())
            .finish()
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A content type without its parameters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// RFC 6749 section 2.3.1: name and secret are form-encoded before they become Basic credentials.
fn form_encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// The innermost cause says most ("certificate verify failed"), and unlike the outer ones it does not repeat the URL.
fn classify(error: &reqwest::Error) -> EgressError {
    if error.is_timeout() {
        return EgressError::TimedOut;
    }
    let mut innermost: &(dyn StdError + 'static) = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    if innermost.is::<AddressRefused>() {
        return EgressError::AddressRefused;
    }
    EgressError::Unreachable(innermost.to_string())
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{Egress, EgressError, EgressPolicy, is_json};

    fn check(allow_loopback: bool, url: &str) -> Result<(), EgressError> {
        let policy = EgressPolicy { allow_loopback, ..EgressPolicy::default() };
        Egress::new(policy).unwrap().check(&Url::parse(url).unwrap())
    }

    #[test]
    fn only_https_leaves() {
        assert_eq!(check(false, "https://idp.example/x"), Ok(()));
        assert_eq!(check(false, "http://idp.example/x"), Err(EgressError::SchemeRefused));
        assert_eq!(check(false, "http://127.0.0.1/x"), Err(EgressError::SchemeRefused));
        assert_eq!(check(true, "http://idp.example/x"), Err(EgressError::SchemeRefused));
        assert_eq!(check(false, "ftp://idp.example/x"), Err(EgressError::SchemeRefused));
    }

    #[test]
    fn literal_inside_addresses_are_refused_however_they_are_written() {
        for host in ["10.0.0.1", "0x7f000001", "2130706433", "127.1", "[::1]", "[::ffff:169.254.169.254]"] {
            assert_eq!(check(false, &format!("https://{host}/")), Err(EgressError::AddressRefused), "{host}");
        }
    }

    #[test]
    fn loopback_over_http_is_for_development() {
        assert_eq!(check(true, "http://127.0.0.1:8086/x"), Ok(()));
        assert_eq!(check(true, "http://localhost:8088/x"), Ok(()));
        assert_eq!(check(true, "https://10.0.0.1/"), Err(EgressError::AddressRefused));
    }

    #[test]
    fn ports_of_other_services_are_refused() {
        assert_eq!(check(false, "https://idp.example:8443/"), Ok(()));
        for port in [22, 25, 80, 389, 5432, 6379, 9200] {
            let outcome = check(false, &format!("https://idp.example:{port}/"));
            assert_eq!(outcome, Err(EgressError::PortRefused(port)));
        }
    }

    #[test]
    fn urls_with_credentials_are_refused() {
        assert_eq!(check(false, "https://user:pass@idp.example/"), Err(EgressError::UrlRefused));
    }

    #[test]
    fn json_content_types_are_recognised() {
        assert!(is_json("application/json"));
        assert!(is_json("Application/JSON; charset=utf-8"));
        assert!(is_json("application/jwk-set+json"));
        assert!(!is_json("text/html"));
        assert!(!is_json("text/json-ish"));
    }
}
