//! The door for browsers: signing in, who is signed in, signing out. Knows cookies and pages; what is proven, the use cases know.

mod backchannel;
mod callback;
mod client_keys;
pub(super) mod cookies;
pub(super) mod device;
mod device_words;
mod door;
mod initiate;
mod invitation;
mod invitation_words;
pub(super) mod language;
mod laps;
pub(super) mod leaving;
mod leaving_words;
pub(super) mod onward;
pub(super) mod page;
mod passkey;
mod passkey_words;
mod saml;
mod session;
pub(super) mod sign_out;
mod signed_out;
pub(super) mod start;
mod way_words;
mod words;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use app::AppError;
use app::login::SignedIn;
use cookies::Comes;

use super::endpoint::Endpoint;
use super::error::Refused;
use super::state::AppState;

/// What a handler of this door ends in.
type Answer = Result<HttpResponse, Refused>;

/// Sends somebody who is in to where they wanted to go, with the session; the flow is over.
fn let_in(
    signed_in: &SignedIn,
    comes: Comes,
    (tenant, connection): (&str, &str),
    state: &AppState,
) -> HttpResponse {
    let session = cookies::signed_in(&signed_in.session, signed_in.expires_at, state.app.now(), state);
    see_other(&signed_in.return_to)
        .cookie(session)
        .cookie(cookies::flow_over(comes, tenant, connection, state))
        .finish()
}

/// What came of a sign-in, counted by the code that its page shows.
fn counted(
    state: &AppState,
    protocol: &'static str,
    outcome: Result<SignedIn, AppError>,
) -> Result<SignedIn, Refused> {
    let outcome = outcome.map_err(Refused::from);
    state.metrics.count_sign_in(protocol, outcome.as_ref().map_or_else(Refused::code, |_| "signed-in"));
    outcome
}

/// The addresses below `/login`.
pub(super) fn start_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("").get(door::ask).post(door::go_on))
        .service(Endpoint::at("/{tenant}").get(start::at_tenant))
        .service(Endpoint::at("/{tenant}/{connection}").get(start::at_connection));
}

/// The addresses below `/oidc`.
pub(super) fn callback_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/{tenant}/{connection}/callback").get(callback::callback))
        .service(
            Endpoint::at("/{tenant}/{connection}/initiate").get(initiate::by_link).post(initiate::by_form),
        )
        .service(Endpoint::at("/{tenant}/{connection}/backchannel-logout").post(backchannel::logout))
        .service(Endpoint::at("/{tenant}/{connection}/signed-out").get(signed_out::show))
        .service(Endpoint::at("/{tenant}/{connection}/jwks.json").get(client_keys::show));
}

/// The addresses below `/saml`.
pub(super) fn saml_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/onward.js").get(onward::script))
        .service(Endpoint::at("/{tenant}/{connection}/acs").post(saml::consume))
        .service(Endpoint::at("/{tenant}/{connection}/metadata").get(saml::metadata))
        .service(
            Endpoint::at("/{tenant}/{connection}/slo").get(saml::logout_by_link).post(saml::logout_by_form),
        );
}

/// The addresses below `/passkey`.
pub(super) fn passkey_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/ceremony.js").get(passkey::script))
        .service(Endpoint::at("/{tenant}").get(passkey::ask).post(passkey::sign_in))
        .service(Endpoint::at("/{tenant}/register").get(passkey::invitation).post(passkey::ask_to_register))
        .service(Endpoint::at("/{tenant}/registered").post(passkey::register));
}

/// The addresses below `/invitation`.
pub(super) fn invitation_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/{tenant}").get(invitation::show).post(invitation::open))
        .service(Endpoint::at("/{tenant}/join").post(invitation::join));
}

/// The addresses at and below `/session`.
pub(super) fn session_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("").get(session::show))
        .service(Endpoint::at("/decisions").post(session::decide));
}

/// `/logout`.
pub(super) fn sign_out_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("").post(sign_out::sign_out));
}

/// Sends a browser elsewhere. The address it comes from holds codes and is nobody's business.
pub(super) fn see_other(location: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(StatusCode::SEE_OTHER);
    response
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"));
    response
}
