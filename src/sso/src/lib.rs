//! Single sign-on: proves who is signing in, and which program is asking. Knows OpenID Connect, tokens that others signed and what may leave the house; does not know SQL, HTTP servers or who may do what.
//!
//! Every provider's door ends in one type, [`VerifiedIdentity`], and only this crate can make one: who holds it has an
//! identity provider's word, checked. What the identity may do is decided elsewhere.
//!
//! | module | what it is |
//! |---|---|
//! | [`oidc`] | the OpenID Connect relying party: discovery, authorization request, callback |
//! | [`client_assertion`] | an OAuth client proves by its key that it is itself |
//! | [`access_token`] | a provisioning client with a token that Entra ID issued |
//! | [`jose`] | what signed tokens have in common |
//! | [`op`] | our side as the OpenID provider of the product's apps: requests, addresses, tokens |
//! | [`signals`] | webhooks and security event tokens that we sign for others, and what others sign for us |
//! | [`egress`] | the one HTTP client for everything that leaves |
//! | [`saml`] | the SAML service provider: request, response, metadata, logout |
//! | [`passkey`] | the relying party of Web Authentication: what registers a passkey, and what proves one |
//! | [`VerifiedIdentity`] | the result |
//! | [`SsoError`] | one variant per check that failed |

pub mod access_token;
pub mod client_assertion;
pub mod egress;
mod error;
mod identity;
pub mod jose;
pub mod oidc;
pub mod op;
pub mod passkey;
pub mod saml;
mod secret;
pub mod signals;

pub use error::SsoError;
pub use identity::{Email, Groups, SpentMessage, VerifiedIdentity};
pub use secret::Secret;
