//! The web door. Knows actix-web and the use cases; does not know SQL or how an identity is proven.
//!
//! | door | who comes | voice of a refusal | module |
//! |---|---|---|---|
//! | `/scim/v2` | provisioning clients | RFC 7644 §3.12 | `scim` |
//! | `/api/v1` | administrators' programs | RFC 9457 | `admin` |
//! | `/login`, `/oidc`, `/saml` | browsers on their way in | a page | `login` |
//! | `/oauth`, `/.well-known` | provisioning clients that fetch an access token | RFC 6749 §5.2 | `oauth` |
//! | `/forward-auth` | proxies, about each request | a page or RFC 9457 | `gates` |
//! | `/session`, `/logout` | a product's front end | RFC 9457 | `login` |
//! | `/healthz`, `/readyz`, `/metrics` | whoever operates Usher | – | [`health`], [`metrics`] |
//!
//! A request goes: [`routes`] → one handler, whose first argument is its [`caller`] → one use case → the answer, or
//! [`error::Refused`], which [`voice`] says in the door's words.

mod access_view;
mod admin;
mod apps;
mod body;
pub mod caller;
pub mod door;
pub mod dry_run;
mod endpoint;
pub mod error;
mod gates;
pub mod health;
pub mod limits;
mod login;
pub mod metrics;
mod oauth;
pub mod problem;
mod query;
mod reading;
mod recording;
pub mod request_log;
mod room;
pub mod routes;
mod scim;
mod serve;
mod signals;
mod ssf;
mod state;
#[cfg(test)]
mod testing;
pub mod voice;

pub use serve::{Serving, serve};
pub use state::AppState;
