//! The door for OAuth clients: where a provisioning client fetches an access token (RFC 6749 §4.4), and what it must know for
//! that (RFC 8414). Knows forms and headers; does not know secrets or keys.
//!
//! One address for all tenants: a client's name tells its tenant, as a token does, so that an address for each would only
//! tell strangers which tenants there are.

pub(super) mod form;
mod metadata;
mod token;

use actix_web::{HttpResponse, web};

use super::endpoint::Endpoint;
use super::error::Refused;

/// What a handler of this door ends in.
type Answer = Result<HttpResponse, Refused>;

/// The addresses below `/oauth`.
pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/token").post(token::fetch));
}

/// The addresses below `/.well-known`.
pub(super) fn metadata_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/oauth-authorization-server").get(metadata::document))
        .service(Endpoint::at("/oauth-authorization-server/op/{tenant}").get(super::apps::document))
        .service(Endpoint::at("/ssf-configuration").get(super::ssf::configuration));
}
