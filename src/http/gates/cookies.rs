//! The cookies of a host behind a gate. Knows their names and attributes; does not know what the tokens in them open.
//!
//! | cookie | what |
//! |---|---|
//! | `__Host-usher-pass` (`usher-pass` over http on this machine) | the pass |
//! | `__Host-usher-way` (`usher-way`) | the browser that was sent to sign in |
//!
//! Each host has its own. The session's cookie stays with us: no host behind a gate is ever shown it, and the prefix keeps the other
//! hosts of a domain from setting these.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use chrono::{DateTime, Utc};
use domain::token::{PlainToken, TokenKind};

use super::super::login::cookies::read;

const WAY_LIFE: Duration = Duration::minutes(20);

fn is_secure(origin: &str) -> bool {
    origin.starts_with("https:")
}

fn name(origin: &str, what: &str) -> String {
    if is_secure(origin) { format!("__Host-usher-{what}") } else { format!("usher-{what}") }
}

/// The pass that the browser shows.
pub(super) fn pass(request: &HttpRequest, origin: &str) -> Option<PlainToken> {
    read(request, &name(origin, "pass"), TokenKind::GatePass)
}

/// What a browser holds that was sent to sign in.
pub(super) fn way(request: &HttpRequest, origin: &str) -> Option<PlainToken> {
    read(request, &name(origin, "way"), TokenKind::Browser)
}

/// Lets a browser in, until the session ends at the latest.
pub(super) fn let_in(
    origin: &str,
    pass: &PlainToken,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Cookie<'static> {
    make(origin, "pass", pass.expose(), Duration::seconds((until - now).num_seconds().max(0)))
}

/// Takes the pass back.
pub(super) fn left(origin: &str) -> Cookie<'static> {
    make(origin, "pass", "", Duration::ZERO)
}

/// Binds signing in to this browser.
pub(super) fn set_out(origin: &str, way: &PlainToken) -> Cookie<'static> {
    make(origin, "way", way.expose(), WAY_LIFE)
}

/// Lax, because browsers come back from us by a link from another site.
fn make(origin: &str, what: &str, value: &str, max_age: Duration) -> Cookie<'static> {
    Cookie::build(name(origin, what), value.to_owned())
        .path("/")
        .max_age(max_age)
        .http_only(true)
        .secure(is_secure(origin))
        .same_site(SameSite::Lax)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_bound_to_its_host_and_hidden_from_scripts() {
        let header = left("https://wiki.example").to_string();

        assert!(header.starts_with("__Host-usher-pass="), "{header}");
        for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=0"] {
            assert!(header.split("; ").any(|part| part == attribute), "{attribute} in {header}");
        }
        assert!(!header.contains("Domain"), "{header}");
        let on_this_machine = left("http://127.0.0.1:8080").to_string();
        assert!(on_this_machine.starts_with("usher-pass=") && !on_this_machine.contains("Secure"));
    }
}
