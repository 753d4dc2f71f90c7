//! The door for the product's apps: an OpenID provider in each tenant. Knows addresses, forms and what goes into which header; does
//! not know apps, codes or tokens.
//!
//! Browsers are spoken to in pages, apps in the errors of RFC 6749 §5.2.

mod authorize;
mod device;
mod leave;
mod metadata;
mod tokens;
mod userinfo;

use actix_web::{HttpResponse, web};

use super::endpoint::Endpoint;
use super::error::Refused;
use super::gates;
use super::voice::Voice;

pub(super) use authorize::gone_on;
pub(super) use metadata::document;

/// What a handler of this door ends in.
type Answer = Result<HttpResponse, Refused>;

/// The addresses below `/op`.
pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/{tenant}/.well-known/openid-configuration").get(metadata::document))
        .service(Endpoint::at("/{tenant}/jwks.json").get(metadata::keys))
        .service(
            Endpoint::at("/{tenant}/authorize")
                .get(authorize::by_link)
                .post(authorize::by_form)
                .speaking(Voice::Page),
        )
        .service(Endpoint::at("/{tenant}/resume").get(authorize::resume).speaking(Voice::Page))
        .service(Endpoint::at("/{tenant}/pass").get(gates::pass).speaking(Voice::Page))
        .service(Endpoint::at("/{tenant}/par").post(authorize::push))
        .service(Endpoint::at("/{tenant}/token").post(tokens::issue))
        .service(Endpoint::at("/{tenant}/device-authorization").post(device::begin))
        .service(Endpoint::at("/{tenant}/device").get(device::come).post(device::say).speaking(Voice::Page))
        .service(Endpoint::at("/{tenant}/introspect").post(tokens::introspect))
        .service(Endpoint::at("/{tenant}/revoke").post(tokens::release))
        .service(Endpoint::at("/{tenant}/userinfo").get(userinfo::by_header).post(userinfo::by_form))
        .service(
            Endpoint::at("/{tenant}/end-session")
                .get(leave::by_link)
                .post(leave::by_form)
                .speaking(Voice::Page),
        );
}
