//! The door for gates: proxies that ask for each request whether it may pass. Knows addresses, and how a proxy describes a request;
//! does not know who may pass.
//!
//! | address | who asks | what it gets |
//! |---|---|---|
//! | `/forward-auth` | Caddy, Traefik; nginx for what it shows instead | 200, or the whole answer for the browser |
//! | `/forward-auth/check` | nginx (`auth_request`) | 200, 401 or 403, the only ones that it knows |
//! | `/forward-auth/envoy…` | Envoy, which asks with the request's own method and path | as for the first |
//!
//! To all methods each of them is the same question: whatever answers 200 lets a request pass.

mod ask;
mod cookies;
mod described;

pub(super) use ask::pass;

use actix_web::{HttpResponse, web};

use super::endpoint::Endpoint;
use super::error::Refused;

/// What a handler of this door ends in.
type Answer = Result<HttpResponse, Refused>;

/// The addresses below `/forward-auth`.
pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("").any(ask::ask))
        .service(Endpoint::at("/check").any(ask::check))
        .service(Endpoint::at("/envoy{rest:.*}").any(ask::ask));
}
