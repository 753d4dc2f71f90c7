//! What can be wrong with a signed token before its claims are looked at. Knows no token and no key by value.

use crate::egress::EgressError;

/// The check of the envelope that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than 16 KiB.
    #[error("the token is too long")]
    TooLong,
    /// No compact JWS.
    #[error("the token is not a compact JWS: {0}")]
    Malformed(&'static str),
    /// The `typ` header says that it is something else.
    #[error("the token declares another type")]
    TypeRefused,
    /// A header that would change how or with what the token is verified.
    #[error("the token carries the header {0}")]
    HeaderRefused(&'static str),
    /// The algorithm is not on the list.
    #[error("the signature algorithm is not allowed")]
    AlgorithmRefused,
    /// No key fits, also after looking again.
    #[error("no key fits the token")]
    KeyUnknown,
    /// Several different keys fit.
    #[error("several keys fit the token")]
    KeyAmbiguous,
    /// The signature is not by the key.
    #[error("the signature is not valid")]
    SignatureInvalid,
}

/// Why there are no keys to verify with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The key set could not be fetched.
    #[error("the key set could not be fetched: {0}")]
    Unreachable(#[source] EgressError),
    /// The key set was answered with something else than 200.
    #[error("the key set was answered with status {0}")]
    Status(u16),
    /// No JSON Web Key Set.
    #[error("the key set is not a JSON Web Key Set")]
    Malformed,
    /// All keys are symmetric, for encryption, too short or of an unknown kind.
    #[error("the key set has no usable signature key")]
    WithoutUsableKey,
}
