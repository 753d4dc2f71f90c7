//! Signed tokens. Knows their envelope (RFC 7515), keys (RFC 7517), algorithms and moments (RFC 7519); does not know what a
//! token is for.

mod algorithm;
mod cache;
mod claims;
mod error;
mod jws;
mod keys;
mod published;
mod signing;
mod signing_rsa;
mod time;
mod verifying;
mod written;

pub use algorithm::{SigningAlg, UnknownAlgorithm};
pub use cache::{Cache, Published};
pub(crate) use claims::{AudienceError, Claims, ClaimsError};
pub use error::{JwsError, KeysError};
pub(crate) use jws::Jws;
pub use keys::KeySet;
pub use published::PublishedKeys;
pub use signing::SigningKey;
pub(crate) use signing_rsa::RsaSigningKey;
pub(crate) use time::{between, later, numeric_date};
pub(crate) use verifying::VerifyingKey;
pub(crate) use written::thumbprint;
