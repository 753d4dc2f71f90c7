//! How a proxy describes a request. Knows the headers; whatever they say twice, or not at all, is refused.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::gate::Wanted;
use domain::token::PlainToken;
use url::Url;

use super::super::caller::authorization;
use super::super::error::{Refused, Scheme};

/// A request that a proxy asks about.
#[derive(Debug)]
pub(super) struct Described {
    /// Scheme, host and port, in the plain spelling.
    pub(super) origin: String,
    /// Path and query.
    pub(super) wanted: Wanted,
    /// Whether it is a browser that shows a page next.
    pub(super) navigates: bool,
}

impl Described {
    pub(super) fn in_headers(request: &HttpRequest) -> Result<Self, Refused> {
        let method = one(request, "x-forwarded-method")?;
        let origin = origin(one(request, "x-forwarded-proto")?, one(request, "x-forwarded-host")?)?;
        let wanted = Wanted::parse(one(request, "x-forwarded-uri")?).map_err(|why| {
            tracing::info!(%why, "Refused a path that can be read in more than one way");
            Refused::NotLikeThis("The path can be read in more than one way.")
        })?;
        Ok(Self { origin, wanted, navigates: matches!(method, "GET" | "HEAD") && shows_a_page(request) })
    }
}

/// A header that is there once.
fn one<'a>(request: &'a HttpRequest, name: &'static str) -> Result<&'a str, Refused> {
    let mut all = request.headers().get_all(name);
    match (all.next().map(|value| value.to_str()), all.next()) {
        (Some(Ok(value)), None) if !value.is_empty() => Ok(value),
        _ => {
            Err(Refused::NotLikeThis("The proxy says X-Forwarded-Method, -Proto, -Host and -Uri, each once."))
        }
    }
}

fn origin(scheme: &str, host: &str) -> Result<String, Refused> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let url = match scheme {
        "http" | "https" if host.chars().all(plain) => Url::parse(&format!("{scheme}://{host}/")).ok(),
        _ => None,
    };
    let origin = url.map(|url| url.origin().ascii_serialization());
    origin.ok_or(Refused::NotLikeThis("X-Forwarded-Proto and X-Forwarded-Host name no host."))
}

/// Whether a browser is on its way to a page, as it says itself, or else by what it accepts. Scripts are not sent to sign in.
fn shows_a_page(request: &HttpRequest) -> bool {
    let says = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    match says("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => {
            says("x-requested-with").is_none()
                && says(ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html"))
        }
    }
}

/// The credential of whoever asks: as a bearer token, or as the password of Basic, for proxies that can say nothing else.
pub(super) fn secret(request: &HttpRequest) -> Result<PlainToken, Refused> {
    let refused = |shown| Refused::Unauthenticated(Scheme::Bearer { shown });
    let (scheme, shown) = authorization(request).ok_or(refused(false))?;
    let token: Option<Cow<'_, str>> = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(shown.into()),
        "basic" => password(shown).map(Cow::Owned),
        _ => None,
    };
    token.and_then(|token| PlainToken::parse(&token).ok()).ok_or(refused(true))
}

fn password(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::AUTHORIZATION;
    use actix_web::test::TestRequest;
    use domain::clock::CountingEntropy;
    use domain::id::TenantId;
    use domain::token::TokenKind;

    use super::*;

    const HEADERS: [(&str, &str); 4] = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "wiki.example"),
        ("x-forwarded-uri", "/a?b"),
    ];

    fn described(change: &[(&str, &str)]) -> Option<Described> {
        let mut request = TestRequest::get();
        for (name, value) in HEADERS {
            let value = change.iter().find(|(changed, _)| *changed == name).map_or(value, |(_, value)| value);
            request = request.insert_header((name, value));
        }
        for (name, value) in change.iter().filter(|(name, _)| !HEADERS.iter().any(|(own, _)| own == name)) {
            request = request.insert_header((*name, *value));
        }
        Described::in_headers(&request.to_http_request()).ok()
    }

    #[test]
    fn a_host_has_one_spelling() {
        for (scheme, host, origin) in [
            ("https", "wiki.example", "https://wiki.example"),
            ("https", "WIKI.example:443", "https://wiki.example"),
            ("https", "wiki.example:8443", "https://wiki.example:8443"),
            ("http", "127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http", "[::1]:8080", "http://[::1]:8080"),
        ] {
            let found = described(&[("x-forwarded-proto", scheme), ("x-forwarded-host", host)]).unwrap();
            assert_eq!(found.origin, origin);
        }
        for (scheme, host) in [
            ("https", "a@wiki.example"),
            ("https", "wiki.example/x"),
            ("https", "wiki.example, evil.example"),
            ("https", "wiki.example\\x"),
            ("https", "wiki.example?x"),
            ("https", " "),
            ("https", ":443"),
            ("javascript", "wiki.example"),
            ("https,http", "wiki.example"),
        ] {
            let refused = described(&[("x-forwarded-proto", scheme), ("x-forwarded-host", host)]);
            assert!(refused.is_none(), "{scheme} {host}");
        }
    }

    #[test]
    fn what_is_said_twice_or_not_at_all_is_refused() {
        for (name, value) in HEADERS {
            let twice = HEADERS.into_iter().chain([(name, value)]);
            let twice = twice.fold(TestRequest::get(), TestRequest::append_header);
            assert!(Described::in_headers(&twice.to_http_request()).is_err(), "{name} twice");
            assert!(described(&[(name, "")]).is_none(), "{name} empty");
        }
    }

    #[test]
    fn only_a_browser_on_its_way_to_a_page_is_sent_elsewhere() {
        let navigates = |change: &[(&str, &str)]| described(change).unwrap().navigates;

        assert!(navigates(&[("accept", "text/html,*/*;q=0.8")]));
        assert!(navigates(&[("sec-fetch-mode", "navigate"), ("accept", "*/*")]));
        assert!(!navigates(&[("accept", "*/*")]));
        assert!(!navigates(&[]));
        assert!(!navigates(&[("sec-fetch-mode", "cors"), ("accept", "text/html")]));
        assert!(!navigates(&[("x-requested-with", "XMLHttpRequest"), ("accept", "text/html")]));
        assert!(!navigates(&[("x-forwarded-method", "POST"), ("accept", "text/html")]));
    }

    #[test]
    fn a_gate_shows_its_secret_in_one_of_two_ways_and_once() {
        let tenant = Some(TenantId::from_uuid(uuid::Uuid::nil()));
        let mint = |kind| PlainToken::mint(kind, tenant, &CountingEntropy::new()).expose().to_owned();
        let gate = mint(TokenKind::Gate);
        let shown = |headers: &[String]| {
            let request = headers.iter().fold(TestRequest::get(), |request, value| {
                request.append_header((AUTHORIZATION, value.as_str()))
            });
            secret(&request.to_http_request()).ok().map(|token| token.expose().to_owned())
        };
        let basic = |text: String| format!("Basic {}", STANDARD.encode(text));

        assert_eq!(shown(&[format!("Bearer {gate}")]), Some(gate.clone()));
        assert_eq!(shown(&[basic(format!("gate:{gate}"))]), Some(gate.clone()));
        assert_eq!(shown(&[basic(gate.clone())]), None);
        assert_eq!(shown(&["Bearer nonsense".to_owned()]), None);
        assert_eq!(shown(&[format!("Bearer {gate}"), format!("Bearer {gate}")]), None);
        assert_eq!(shown(&[]), None);
    }
}
