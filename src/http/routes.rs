//! The route table. Knows which door has which voice and which limits; the addresses below a door are in its own module.

use std::borrow::Cow;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpRequest, HttpResponse, web};

use super::endpoint::Endpoint;
use super::error::Refused;
use super::limits::{authorization, guard};
use super::state::AppState;
use super::voice::{Voice, speak};
use super::{admin, health, login, metrics, scim};

/// Every address of Usher.
pub fn configure(cfg: &mut web::ServiceConfig, state: &AppState) {
    let limits = || std::sync::Arc::clone(&state.limits);
    let scim_guard = guard(limits(), scim::presented, over_limit(Voice::Scim));
    let api_guard = guard(limits(), authorization, over_limit(Voice::Problem));
    let cookie = super::login::cookies::session_name(state);
    let session_guard = || guard(limits(), session_cookie(cookie), over_limit(Voice::Problem));
    let page_guard = || guard(limits(), nobody, over_limit(Voice::Page));

    cfg.service(
        web::scope("/scim")
            .service(web::scope("/v2").configure(scim::routes).default_service(web::to(nothing_here)))
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Scim))
            .wrap(scim_guard),
    )
    .service(
        web::scope("/api")
            .service(web::scope("/v1").configure(admin::routes).default_service(web::to(nothing_here)))
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Problem))
            .wrap(api_guard),
    )
    .service(
        web::scope("/login")
            .configure(login::start_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Page))
            .wrap(page_guard()),
    )
    .service(
        web::scope("/oidc")
            .configure(login::callback_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Page))
            .wrap(page_guard()),
    )
    .service(
        web::scope("/session")
            .configure(login::session_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Problem))
            .wrap(session_guard()),
    )
    .service(
        web::scope("/logout")
            .configure(login::sign_out_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Problem))
            .wrap(session_guard()),
    )
    .service(
        web::scope("")
            .service(Endpoint::at("/healthz").get(health::healthz))
            .service(Endpoint::at("/readyz").get(health::readyz))
            .service(Endpoint::at("/metrics").get(metrics::metrics))
            .default_service(web::to(a_stranger)),
    );
}

/// What a door says of an address that it does not have.
#[expect(clippy::unused_async, reason = "a handler is a future")]
async fn nothing_here() -> Result<HttpResponse, Refused> {
    Err(Refused::NoSuchPath)
}

/// Who came to no door is answered in the voice that they are likely to understand.
#[expect(clippy::unused_async, reason = "a handler is a future")]
async fn a_stranger(request: HttpRequest) -> HttpResponse {
    Voice::of_stranger(&request).say(&request, &Refused::NoSuchPath)
}

fn over_limit(voice: Voice) -> impl Fn(&HttpRequest, super::limits::Limited) -> HttpResponse + 'static {
    move |request, limited| voice.say(request, &Refused::Limited(limited))
}

fn session_cookie(name: &'static str) -> impl Fn(&ServiceRequest) -> Option<Cow<'_, [u8]>> {
    move |request| request.cookie(name).map(|cookie| Cow::Owned(cookie.value().as_bytes().to_vec()))
}

/// Signing in begins without a credential: addresses count.
fn nobody(_: &ServiceRequest) -> Option<Cow<'_, [u8]>> {
    None
}
