//! The word of an identity provider, checked. Knows what was proven; does not know how, nor whom it means here.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Who an identity provider says is signing in, after every check of this crate.
///
/// The pair (`issuer`, `subject`) is the only key of a person; `claims` are facts about them at this moment. Only this
/// crate can make one.
#[derive(Clone, PartialEq)]
pub struct VerifiedIdentity {
    /// The issuer, exactly as configured.
    pub issuer: String,
    /// The issuer's name for the person: 1 to 255 ASCII characters, compared byte by byte.
    pub subject: String,
    /// All claims of the verified ID token.
    pub claims: Map<String, Value>,
    /// When the person last proved who they are, if the provider says so.
    pub auth_time: Option<DateTime<Utc>>,
    /// The moment after which the provider no longer vouches for the session (claim `session_expiry`); a session built
    /// on this identity must not outlive it.
    pub expires_hint: Option<DateTime<Utc>>,
    proof: Proof,
}

/// Closes the struct: nobody outside can write the literal.
#[derive(Clone, Copy, PartialEq)]
struct Proof;

impl VerifiedIdentity {
    pub(crate) fn new(
        issuer: String,
        subject: String,
        claims: Map<String, Value>,
        auth_time: Option<DateTime<Utc>>,
        expires_hint: Option<DateTime<Utc>>,
    ) -> Self {
        Self { issuer, subject, claims, auth_time, expires_hint, proof: Proof }
    }

    /// A claim that is a string.
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }
}

/// Claims are personal data: `Debug` prints the names of the claims and none of the values.
impl fmt::Debug for VerifiedIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VerifiedIdentity")
            .field("issuer", &self.issuer)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .field("auth_time", &self.auth_time)
            .field("expires_hint", &self.expires_hint)
            .finish_non_exhaustive()
    }
}
