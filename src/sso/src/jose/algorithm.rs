//! Signature algorithms that a token may use. Knows names and what key each needs; does not know keys.

use std::fmt;
use std::str::FromStr;

use openssl::hash::MessageDigest;

/// An asymmetric signature algorithm. `none` and the HMAC family cannot be written down here, so no configuration and no
/// discovery document can allow them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1.5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1.5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1.5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// The name is not that of a supported algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a supported signature algorithm")]
pub struct UnknownAlgorithm;

/// What a key must be for an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl SigningAlg {
    /// The list for a connection that does not choose its own: all of them, since all are sound and providers differ
    /// (Canaille signs with RS512 unless its client says otherwise).
    pub const DEFAULT: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The name in the `alg` header (RFC 7518 section 3.1, RFC 8037 section 3.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) const fn key_kind(self) -> KeyKind {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => KeyKind::Rsa,
            Self::Es256 => KeyKind::P256,
            Self::Es384 => KeyKind::P384,
            Self::EdDsa => KeyKind::Ed25519,
        }
    }

    /// The digest that it signs; that of Ed25519 inside is not asked for, but claims are hashed by it too.
    pub(crate) fn digest(self) -> MessageDigest {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => MessageDigest::sha256(),
            Self::Rs384 | Self::Ps384 | Self::Es384 => MessageDigest::sha384(),
            Self::Rs512 | Self::Ps512 | Self::EdDsa => MessageDigest::sha512(),
        }
    }
}

impl fmt::Display for SigningAlg {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for SigningAlg {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::DEFAULT.into_iter().find(|candidate| candidate.name() == name).ok_or(UnknownAlgorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::SigningAlg;

    #[test]
    fn every_algorithm_is_found_by_its_name() {
        for algorithm in SigningAlg::DEFAULT {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
    }

    #[test]
    fn none_and_hmac_have_no_name_here() {
        for name in ["none", "None", "HS256", "HS384", "HS512", "rs256", ""] {
            assert!(name.parse::<SigningAlg>().is_err(), "{name}");
        }
    }
}
