//! Who asks. Knows credentials and cookies; a handler's argument type says who may call it.
//!
//! | type | who |
//! |---|---|
//! | [`ScimClient`] | a provisioning client, for its directory |
//! | [`AnyScimClient`] | the same, or somebody who shows no credential |
//! | [`OperatorCaller`] | those who run Usher |
//! | [`TenantAdminCaller`] | who administers the tenant in the address: its admin credential, or an operator |
//! | [`ActingCaller`] | the same, for the person whom [`ACTING_PERSON`] names, if it is there |
//! | [`StreamCaller`] | a receiver, with the token of its stream |
//! | [`SessionCaller`] | a person who is signed in |
//! | [`Subject`] | either a provisioning client or a person who is signed in |
//!
//! A tenant that the caller does not administer is not there: 404, as for one that does not exist. The same goes for a
//! provisioning client at an address that names another tenant than its credential does.

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest};
use app::signals::ShownStream;
use app::{AdminScope, AppError, DirectoryScope, LiveSession, Opened, Operator};
use domain::slug::Slug;
use domain::token::{PlainToken, TokenKind};
use futures_util::future::LocalBoxFuture;
use scim::dialect::Dialect;
use scim::schema::Types;

use super::error::{Refused, Scheme};
use super::login::cookies;
use super::reading::Reading;
use super::state::AppState;

/// A provisioning client, and how this request of it is read.
#[derive(Debug)]
pub struct ScimClient(pub DirectoryScope, Reading);

impl ScimClient {
    /// The dialect that the request is read in.
    pub(super) fn dialect(&self) -> &Dialect {
        self.1.dialect()
    }

    /// The resource types of its tenant.
    pub(super) fn types(&self) -> &Types {
        self.1.types()
    }
}

/// A provisioning client, or somebody who shows no credential. One that does not hold is refused all the same: its owner
/// would take what everybody is told for their own.
#[derive(Debug)]
pub struct AnyScimClient(pub(super) Option<ScimClient>);

/// Somebody who runs Usher.
#[derive(Debug)]
pub struct OperatorCaller(pub Operator);

/// Somebody who administers the tenant in the address.
#[derive(Debug)]
pub struct TenantAdminCaller {
    /// What they may act in.
    pub scope: AdminScope,
    /// The tenant's slug.
    pub tenant: String,
}

/// The header that names the person for whom an administrator's program asks.
pub const ACTING_PERSON: &str = "Usher-Acting-Person";

/// Somebody who administers the tenant in the address, or a person for whom they ask and who is held to grant rules.
#[derive(Debug)]
pub struct ActingCaller(pub AdminScope);

/// A receiver of security event tokens.
#[derive(Debug)]
pub struct StreamCaller(pub ShownStream);

/// A person who is signed in.
#[derive(Debug)]
pub struct SessionCaller(pub LiveSession);

/// Whom `/Me` means. Who shows a credential is the client that it belongs to, whatever the cookies say.
#[derive(Debug)]
pub enum Subject {
    /// A provisioning client, which is nobody's person.
    Client,
    /// A person.
    Person(Box<LiveSession>),
}

impl FromRequest for ScimClient {
    type Error = Refused;
    type Future = LocalBoxFuture<'static, Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let opened = match issued(&request).await? {
                Some(opened) => opened,
                None => opened(&request, &bearer(&request)?).await?,
            };
            match opened {
                Opened::Directory(directory) => {
                    must_be_of_the_address(&directory, &request)?;
                    must_be_allowed(&directory, &request)?;
                    let reading = Reading::of(&request, &directory, AppState::of(&request)?).await?;
                    Ok(Self(directory, reading))
                }
                Opened::Tenant(_) => Err(Refused::WrongCredential("This credential opens no directory.")),
            }
        })
    }
}

impl FromRequest for AnyScimClient {
    type Error = Refused;
    type Future = LocalBoxFuture<'static, Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if !request.headers().contains_key(AUTHORIZATION) {
            return Box::pin(std::future::ready(Ok(Self(None))));
        }
        let client = ScimClient::from_request(request, payload);
        Box::pin(async move { Ok(Self(Some(client.await?))) })
    }
}

impl FromRequest for OperatorCaller {
    type Error = Refused;
    type Future = LocalBoxFuture<'static, Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let token = bearer(&request)?;
            if token.kind() == TokenKind::Operator {
                return Ok(Self(operator(&request, &token).await?));
            }
            opened(&request, &token).await?;
            Err(Refused::WrongCredential("This takes an operator's credential."))
        })
    }
}

impl FromRequest for StreamCaller {
    type Error = Refused;
    type Future = LocalBoxFuture<'static, Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let token = bearer(&request)?;
            if token.kind() != TokenKind::Stream {
                opened(&request, &token).await?;
                return Err(Refused::WrongCredential("This takes the token of a stream."));
            }
            let state = AppState::of(&request)?;
            let found = state.app.stream(&token, state.request_id(&request)).await?;
            found.map(Self).ok_or(Refused::Unauthenticated(Scheme::Bearer { shown: true }))
        })
    }
}

impl FromRequest for TenantAdminCaller {
    type Error = Refused;
    type Future = LocalBoxFuture<'static, Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = tenant_admin(&request).await?;
            if request.headers().contains_key(ACTING_PERSON) {
                // Whoever names a person believes that the person's rights are asked.
                return Err(Refused::NotLikeThis(
                    "This is not done for a person; leave out Usher-Acting-Person.",
                ));
            }
            Ok(caller)
        })
    }
}

impl FromRequest for ActingCaller {
    type Error = Refused;
    type Future = LocalBoxFuture<'static, Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = tenant_admin(&request).await?;
            let mut named = request.headers().get_all(ACTING_PERSON);
            let Some(person) = named.next() else { return Ok(Self(caller.scope)) };
            let one = person.to_str().ok().filter(|_| named.next().is_none());
            let wrong = || Refused::parameter(ACTING_PERSON, "is not the id of one person");
            let person = one.and_then(|id| id.parse().ok()).ok_or_else(wrong)?;
            Ok(Self(AppState::of(&request)?.app.acting_for(&caller.scope, person).await?))
        })
    }
}

async fn tenant_admin(request: &HttpRequest) -> Result<TenantAdminCaller, Refused> {
    let app = &AppState::of(request)?.app;
    let token = bearer(request)?;
    if token.kind() == TokenKind::Operator {
        let operator = operator(request, &token).await?;
        let tenant = tenant(request)?;
        return Ok(TenantAdminCaller { scope: app.enter(&operator, &tenant).await?, tenant });
    }
    let Opened::Tenant(scope) = opened(request, &token).await? else {
        return Err(Refused::WrongCredential("This takes an administrator's credential."));
    };
    let tenant = tenant(request)?;
    if !app.administers(&scope, &tenant).await? {
        return Err(AppError::NotFound("tenant").into());
    }
    // Decisions are asked for by POST, since there may be a hundred questions.
    if scope.may_write() || asks(request, "/decisions") {
        Ok(TenantAdminCaller { scope, tenant })
    } else {
        Err(Refused::OnlyReads)
    }
}

impl FromRequest for SessionCaller {
    type Error = Refused;
    type Future = LocalBoxFuture<'static, Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = AppState::of(&request)?;
            let signed_out = || Refused::Unauthenticated(Scheme::Session);
            let token = cookies::session(&request, state).ok_or_else(signed_out)?;
            let live = state.app.resolve_session(&token, state.request_id(&request)).await?;
            live.map(Self).ok_or_else(signed_out)
        })
    }
}

/// Where the address names a tenant, it is the credential's.
fn must_be_of_the_address(directory: &DirectoryScope, request: &HttpRequest) -> Result<(), Refused> {
    match &AppState::of(request)?.addressed {
        Some(named) if !directory.is_of(named.as_str()) => Err(AppError::NotFound("tenant").into()),
        _ => Ok(()),
    }
}

/// A credential that only reads may ask: by GET, or by POST to `/.search` (RFC 7644 §3.4.3). Everything else is a change,
/// whatever addresses there are.
fn must_be_allowed(directory: &DirectoryScope, request: &HttpRequest) -> Result<(), Refused> {
    if directory.may_write() || asks(request, "/.search") { Ok(()) } else { Err(Refused::OnlyReads) }
}

/// Whether a request changes nothing: by its method, or as a POST to an address with this end.
fn asks(request: &HttpRequest, question: &str) -> bool {
    match *request.method() {
        Method::GET | Method::HEAD => true,
        Method::POST => request.path().ends_with(question),
        _ => false,
    }
}

impl FromRequest for Subject {
    type Error = Refused;
    type Future = LocalBoxFuture<'static, Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if request.headers().contains_key(AUTHORIZATION) {
            let client = ScimClient::from_request(request, payload);
            return Box::pin(async move { client.await.map(|_| Self::Client) });
        }
        let session = SessionCaller::from_request(request, payload);
        Box::pin(async move { session.await.map(|SessionCaller(live)| Self::Person(Box::new(live))) })
    }
}

/// The bearer token of a request (RFC 6750 §2.1), if it is one of ours by its shape.
fn bearer(request: &HttpRequest) -> Result<PlainToken, Refused> {
    let refused = |shown| Refused::Unauthenticated(Scheme::Bearer { shown });
    let token = presented(request).ok_or(refused(false))?;
    PlainToken::parse(token).or(Err(refused(true)))
}

/// What stands behind `Bearer` in the one `Authorization` header.
pub(super) fn presented(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = authorization(request)?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Scheme and credentials of the `Authorization` header (RFC 9110 §11.4). There is one, or none counts.
pub(super) fn authorization(request: &HttpRequest) -> Option<(&str, &str)> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (Some(header), None) = (headers.next(), headers.next()) else { return None };
    let text = header.to_str().unwrap_or_default();
    let (scheme, credentials) = text.split_once(' ').unwrap_or((text, ""));
    Some((scheme, credentials.trim()))
}

/// What a token that somebody else issued opens. It names no tenant, so the address must.
async fn issued(request: &HttpRequest) -> Result<Option<Opened>, Refused> {
    let state = AppState::of(request)?;
    let token = presented(request).filter(|token| token.split('.').count() == 3);
    let (Some(tenant), Some(token)) = (&state.addressed, token) else { return Ok(None) };
    Ok(state.app.authenticate_issued(tenant.as_str(), token, state.request_id(request)).await?)
}

/// What a credential opens that is no gate's, no stream's and no person's.
pub(super) async fn opened(request: &HttpRequest, token: &PlainToken) -> Result<Opened, Refused> {
    let unknown = || Refused::Unauthenticated(Scheme::Bearer { shown: true });
    let state = AppState::of(request)?;
    match token.kind() {
        TokenKind::Scim | TokenKind::Access | TokenKind::Admin => {
            state.app.authenticate(token, state.request_id(request)).await?.ok_or_else(unknown)
        }
        TokenKind::Operator => {
            operator(request, token).await?;
            Err(Refused::WrongCredential("An operator's credential opens no directory."))
        }
        TokenKind::ClientSecret
        | TokenKind::Stream
        | TokenKind::AppSecret
        | TokenKind::AppCode
        | TokenKind::AppRefresh
        | TokenKind::AppDevice
        | TokenKind::AppRequest
        | TokenKind::Gate
        | TokenKind::GateCode
        | TokenKind::GatePass
        | TokenKind::Session
        | TokenKind::Browser
        | TokenKind::Invitation => Err(unknown()),
    }
}

async fn operator(request: &HttpRequest, token: &PlainToken) -> Result<Operator, Refused> {
    let state = AppState::of(request)?;
    let found = state.app.operator(token, state.request_id(request)).await?;
    found.ok_or(Refused::Unauthenticated(Scheme::Bearer { shown: true }))
}

/// The tenant in the address, if it can be one at all.
fn tenant(request: &HttpRequest) -> Result<String, Refused> {
    let segment = request.match_info().get("tenant").unwrap_or_default();
    match Slug::parse(segment) {
        Ok(slug) => Ok(slug.as_str().to_owned()),
        Err(_not_a_slug) => Err(AppError::NotFound("tenant").into()),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use domain::clock::CountingEntropy;
    use domain::id::TenantId;

    use super::*;

    fn shown(header: Option<&str>) -> Result<PlainToken, Scheme> {
        let mut request = TestRequest::get();
        if let Some(header) = header {
            request = request.insert_header((AUTHORIZATION, header));
        }
        bearer(&request.to_http_request()).map_err(|refused| match refused {
            Refused::Unauthenticated(scheme) => scheme,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        let tenant = TenantId::from_uuid(uuid::Uuid::nil());
        let token = PlainToken::mint(TokenKind::Scim, Some(tenant), &CountingEntropy::new());

        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(shown(Some(&format!("{scheme} {}", token.expose()))).unwrap(), token);
        }
    }

    #[test]
    fn no_token_and_a_wrong_one_are_told_apart() {
        assert_eq!(shown(None).unwrap_err(), Scheme::Bearer { shown: false });
        assert_eq!(shown(Some("Basic dXNlcjpwYXNz")).unwrap_err(), Scheme::Bearer { shown: false });
        assert_eq!(shown(Some("Bearer")).unwrap_err(), Scheme::Bearer { shown: true });
        assert_eq!(shown(Some("Bearer nonsense")).unwrap_err(), Scheme::Bearer { shown: true });
    }

    #[test]
    fn what_is_no_slug_names_no_tenant() {
        for segment in ["", "Acme", "a\0b", "-a", "..", &"a".repeat(64)] {
            let request = TestRequest::get().param("tenant", segment.to_owned()).to_http_request();
            assert_eq!(tenant(&request).unwrap_err().status().as_u16(), 404, "{segment:?}");
        }
        assert_eq!(tenant(&TestRequest::get().param("tenant", "acme").to_http_request()).unwrap(), "acme");
    }
}
