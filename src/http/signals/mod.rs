//! The door for identity providers that tell something of their people, by a word that they sign. Knows addresses, headers and
//! bodies; whether the word holds, and what follows, the use cases know.

mod events;
mod revocation;

use actix_web::{HttpResponse, web};

use super::endpoint::Endpoint;
use super::error::Refused;

/// What a handler of this door ends in.
type Answer = Result<HttpResponse, Refused>;

/// The addresses below `/signals`.
pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/{tenant}/{connection}/global-token-revocation").post(revocation::revoke))
        .service(Endpoint::at("/{tenant}/{connection}/events").post(events::take));
}
