//! Cookies. Knows their names and attributes; does not know what the tokens in them open.
//!
//! | cookie | what | path |
//! |---|---|---|
//! | `__Host-usher` (`usher-dev` over http on loopback) | the session | `/` |
//! | `usher-flow-<connection>` | the browser in which a sign-in began | the connection's callback only |
//! | `usher-out-<connection>` | the browser that signs out at the provider, too | the same |
//! | `usher-passkey` | what this browser was asked about a passkey, sealed | `/passkey/<tenant>` |
//! | `usher-invitation` | the link of an invitation that is to be accepted by signing in, for a quarter of an hour | `/login/<tenant>` |
//! | `usher-laps-<tenant>-<connection>` | when this browser set out there, for half a minute (`laps`) | `/` |
//!
//! By SAML the answer is a form that the provider's page posts, and browsers send no `Lax` cookie along with that. So the
//! flow's cookie is `SameSite=None` there; it opens nothing by itself, and the session's stays `Lax`.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};
use app::AppError;
use app::login::AtProvider;
use chrono::{DateTime, Utc};
use domain::token::{PlainToken, TokenKind};

use super::super::state::AppState;

const CEREMONY: &str = "usher-passkey";
const INVITATION: &str = "usher-invitation";
/// How long somebody may take to sign in who accepts an invitation by it.
const INVITED_FOR: Duration = Duration::minutes(15);

/// The session cookie's name. The prefix makes browsers insist on `Secure`, on `Path=/` and on no `Domain`.
pub(crate) fn session_name(state: &AppState) -> &'static str {
    if state.insecure_cookies { "usher-dev" } else { "__Host-usher" }
}

/// The session's token, if the browser shows one of that shape.
pub(crate) fn session(request: &HttpRequest, state: &AppState) -> Option<PlainToken> {
    read(request, session_name(state), TokenKind::Session)
}

/// The token of the browser in which the sign-in began.
pub(super) fn flow(request: &HttpRequest, connection: &str) -> Option<PlainToken> {
    read(request, &flow_name(connection), TokenKind::Browser)
}

/// A token of this kind, if the browser shows one in this cookie.
pub(crate) fn read(request: &HttpRequest, name: &str, kind: TokenKind) -> Option<PlainToken> {
    let cookie = request.cookie(name)?;
    PlainToken::parse(cookie.value()).ok().filter(|token| token.kind() == kind)
}

/// Signs a browser in, until the session ends at the latest.
pub(super) fn signed_in(
    token: &PlainToken,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
    state: &AppState,
) -> Cookie<'static> {
    let left = Duration::seconds((expires_at - now).num_seconds().max(0));
    make(session_name(state).to_owned(), token.expose().to_owned(), "/".to_owned(), left, state)
}

/// Takes the session cookie back.
pub(crate) fn signed_out(state: &AppState) -> Cookie<'static> {
    make(session_name(state).to_owned(), String::new(), "/".to_owned(), Duration::ZERO, state)
}

/// How a provider's answer comes back to the browser's sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comes {
    /// By a link (OpenID Connect).
    ByLink,
    /// By a form that the provider's page posts (SAML).
    Posted,
}

/// Binds a sign-in to this browser.
pub(super) fn flow_started(
    comes: Comes,
    token: &PlainToken,
    tenant: &str,
    connection: &str,
    state: &AppState,
) -> Cookie<'static> {
    let lifetime = Duration::seconds(app::login::FLOW_LIFETIME.num_seconds());
    let name = flow_name(connection);
    bound(comes, name, (token.expose(), lifetime), (tenant, connection), state)
}

/// Takes the binding cookie back.
pub(super) fn flow_over(comes: Comes, tenant: &str, connection: &str, state: &AppState) -> Cookie<'static> {
    bound(comes, flow_name(connection), ("", Duration::ZERO), (tenant, connection), state)
}

/// A cookie that is sent with the answer of a connection's provider.
fn bound(
    comes: Comes,
    name: String,
    (value, lifetime): (&str, Duration),
    (tenant, connection): (&str, &str),
    state: &AppState,
) -> Cookie<'static> {
    let door = match comes {
        Comes::ByLink => "oidc",
        Comes::Posted => "saml",
    };
    let path = format!("/{door}/{tenant}/{connection}");
    let mut cookie = make(name, value.to_owned(), path, lifetime, state);
    // Browsers take `None` with `Secure` only. Over http there is only loopback, and all of it is one site.
    if comes == Comes::Posted && !state.insecure_cookies {
        cookie.set_same_site(SameSite::None);
    }
    cookie
}

/// Binds signing out at a provider to this browser.
pub(crate) fn signing_out_begun(at: &AtProvider, state: &AppState) -> Cookie<'static> {
    let lifetime = Duration::seconds(app::login::FLOW_LIFETIME.num_seconds());
    let comes = if at.is_posted_back { Comes::Posted } else { Comes::ByLink };
    let name = signing_out_name(&at.connection);
    bound(comes, name, (at.ticket.expose(), lifetime), (&at.tenant, &at.connection), state)
}

/// What a browser that signs out at a provider must bring back.
pub(super) fn signing_out(request: &HttpRequest, connection: &str) -> Option<String> {
    request.cookie(&signing_out_name(connection)).map(|cookie| cookie.value().to_owned())
}

/// Takes that cookie back.
pub(super) fn signing_out_over(
    comes: Comes,
    tenant: &str,
    connection: &str,
    state: &AppState,
) -> Cookie<'static> {
    bound(comes, signing_out_name(connection), ("", Duration::ZERO), (tenant, connection), state)
}

/// Keeps a question about a passkey in this browser. Only its own pages answer.
pub(super) fn ceremony_begun(sealed: &str, tenant: &str, state: &AppState) -> Cookie<'static> {
    let lifetime = Duration::seconds(app::login::CEREMONY_LIFETIME.num_seconds());
    ceremony_cookie(sealed.to_owned(), tenant, lifetime, state)
}

/// What the browser was asked.
pub(super) fn ceremony(request: &HttpRequest) -> Option<String> {
    request.cookie(CEREMONY).map(|cookie| cookie.value().to_owned())
}

/// Keeps the link of an invitation in this browser, for the sign-in by which it is accepted.
pub(super) fn invited(link: &PlainToken, tenant: &str, state: &AppState) -> Cookie<'static> {
    let path = format!("/login/{tenant}");
    make(INVITATION.to_owned(), link.expose().to_owned(), path, INVITED_FOR, state)
}

/// The link of an invitation that this browser keeps.
pub(super) fn invitation(request: &HttpRequest) -> Option<PlainToken> {
    read(request, INVITATION, TokenKind::Invitation)
}

/// Takes that cookie back.
pub(super) fn ceremony_over(tenant: &str, state: &AppState) -> Cookie<'static> {
    ceremony_cookie(String::new(), tenant, Duration::ZERO, state)
}

fn ceremony_cookie(value: String, tenant: &str, max_age: Duration, state: &AppState) -> Cookie<'static> {
    let mut cookie = make(CEREMONY.to_owned(), value, format!("/passkey/{tenant}"), max_age, state);
    cookie.set_same_site(SameSite::Strict);
    cookie
}

fn signing_out_name(connection: &str) -> String {
    format!("usher-out-{connection}")
}

fn flow_name(connection: &str) -> String {
    format!("usher-flow-{connection}")
}

/// Adds a cookie to an answer that is made already.
pub(crate) fn add(response: &mut HttpResponse, cookie: &Cookie<'_>) -> Result<(), AppError> {
    response.add_cookie(cookie).map_err(|error| AppError::Internal(format!("a cookie: {error}")))
}

/// Lax, because browsers come back from the identity provider by a link from another site.
fn make(name: String, value: String, path: String, max_age: Duration, state: &AppState) -> Cookie<'static> {
    Cookie::build(name, value)
        .path(path)
        .max_age(max_age)
        .http_only(true)
        .secure(!state.insecure_cookies)
        .same_site(SameSite::Lax)
        .finish()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use domain::clock::CountingEntropy;
    use domain::id::TenantId;

    use super::super::super::testing::state;
    use super::*;

    fn token(kind: TokenKind) -> PlainToken {
        PlainToken::mint(kind, Some(TenantId::from_uuid(uuid::Uuid::nil())), &CountingEntropy::new())
    }

    #[test]
    fn the_session_cookie_is_bound_to_the_host_and_hidden_from_scripts() {
        let now = DateTime::UNIX_EPOCH;
        let cookie = signed_in(&token(TokenKind::Session), now + chrono::Duration::hours(1), now, &state());

        let header = cookie.to_string();

        assert!(header.starts_with("__Host-usher=usher_ses_"), "{header}");
        for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=3600"] {
            assert!(header.split("; ").any(|part| part == attribute), "{attribute} in {header}");
        }
        assert!(!header.contains("Domain"), "{header}");
    }

    #[test]
    fn the_flow_cookie_is_sent_to_its_own_callback_only() {
        let header =
            flow_started(Comes::ByLink, &token(TokenKind::Browser), "acme", "entra", &state()).to_string();

        assert!(header.starts_with("usher-flow-entra=usher_brw_"), "{header}");
        assert!(header.contains("Path=/oidc/acme/entra;") || header.ends_with("Path=/oidc/acme/entra"));
    }

    #[test]
    fn the_flow_cookie_comes_along_with_a_form_of_another_site() {
        let header =
            flow_started(Comes::Posted, &token(TokenKind::Browser), "acme", "adfs", &state()).to_string();

        for attribute in ["HttpOnly", "Secure", "SameSite=None", "Path=/saml/acme/adfs"] {
            assert!(header.split("; ").any(|part| part == attribute), "{attribute} in {header}");
        }
    }

    #[test]
    fn a_token_of_another_kind_is_no_session() {
        let shown = |token: &PlainToken| {
            let cookie = Cookie::new("__Host-usher", token.expose().to_owned());
            session(&TestRequest::get().cookie(cookie).to_http_request(), &state())
        };

        assert!(shown(&token(TokenKind::Session)).is_some());
        assert!(shown(&token(TokenKind::Browser)).is_none());
        assert!(shown(&token(TokenKind::Scim)).is_none());
    }
}
