//! The OpenID Connect relying party. Knows the authorization code flow; does not know where a flow is kept between its halves.
//!
//! [`start()`] makes the URL that the browser is sent to and the secrets of this flow, [`finish`] takes what came back,
//! redeems the code and checks the ID token. The caller keeps the [`FlowSecrets`] in between, bound to the browser and
//! used once, and refuses callbacks with repeated parameters. [`verify_logout_token`] and [`sign_out_at`] are the end of what
//! began there: the provider ends sessions of ours, and we ask it to end its own.
//!
//! From `openidconnect` come the types of the wire and PKCE; signatures are verified by OpenSSL. Its ID token verifier is
//! not used: its client takes the allowed algorithms from the provider's own document, and `azp`, `iat`, `nbf`,
//! `auth_time`, `at_hash` and the length of `sub` are left to the caller. The rules stand in `id_token` instead, in the
//! order of OpenID Connect Core section 3.1.3.7, one error each.

mod callback;
mod client_auth;
mod connection;
mod facts;
mod id_token;
mod logout;
mod metadata;
mod outside;
mod provider;
mod push;
mod said;
mod start;
mod tenancy;
mod token;
mod userinfo;

pub use callback::{CallbackParams, ErrorCode, finish, judge};
pub use connection::{ClientAuth, Connection, FlowSecrets};
pub use logout::{LogoutError, LogoutToken, sign_out_at, verify_logout_token};
pub use outside::Outside;
pub use provider::Provider;
pub use said::Said;
pub use start::{AuthorizationRequest, Prompt, Wish, start};
pub use tenancy::Tenancy;

/// The discovered provider of each connection.
pub type ProviderCache = crate::jose::Cache<domain::id::ConnectionId, Provider>;

pub use crate::jose::{SigningAlg, SigningKey, UnknownAlgorithm};
