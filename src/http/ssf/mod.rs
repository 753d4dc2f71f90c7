//! The door for receivers of security event tokens: what they must know, how a stream is set up, and where it is polled
//! (OpenID Shared Signals Framework 1.0, RFC 8936). Knows addresses and bodies; does not know events.
//!
//! One set of addresses for all tenants: a stream's token tells its tenant.

mod metadata;
mod poll;
mod streams;

use actix_web::{HttpResponse, web};

use super::endpoint::Endpoint;
use super::error::Refused;

pub(super) use metadata::configuration;

/// What a handler of this door ends in.
type Answer = Result<HttpResponse, Refused>;

/// The addresses below `/ssf`.
pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/jwks").get(metadata::keys))
        .service(
            Endpoint::at("/stream")
                .get(streams::show)
                .post(streams::create)
                .patch(streams::change)
                .put(streams::replace)
                .delete(streams::delete),
        )
        .service(Endpoint::at("/status").get(streams::status).post(streams::set_status))
        .service(Endpoint::at("/verify").post(streams::verify))
        .service(Endpoint::at("/poll/{id}").post(poll::poll));
}
