//! The keys that sign what apps are told. Knows that each tenant has its own; does not know periods.

use domain::id::TenantId;
use serde_json::{Map, Value};

use super::TokenKind;
use crate::jose::{RsaSigningKey, SigningKey};

/// What a secret is used for here, so that nothing else made from it can be the same.
const PURPOSE: &[u8] = b"usher: signs tokens for apps, ES256";

/// A private key. Prints its id only.
#[derive(Debug)]
pub struct OpKey(Key);

#[derive(Debug)]
enum Key {
    P256(SigningKey),
    Rsa(RsaSigningKey),
}

impl OpKey {
    /// The key of a tenant in a period on P-256, made from a secret: no app of one tenant can be shown a token of another.
    pub fn derive(secret: &[u8; 32], tenant: TenantId, period: i64) -> Option<Self> {
        SigningKey::derive(secret, &purpose(PURPOSE, tenant), period).map(Key::P256).map(Self)
    }

    /// A new key for RS256, to be sealed and kept, in PKCS #8. Takes some tenths of a second.
    pub fn generate_rsa() -> Option<Vec<u8>> {
        RsaSigningKey::generate()
    }

    /// A key for RS256 that was kept.
    pub fn of_rsa(pkcs8: &[u8]) -> Option<Self> {
        RsaSigningKey::of_pkcs8(pkcs8).map(Key::Rsa).map(Self)
    }

    /// The public half, as it is published.
    pub fn public(&self) -> Value {
        match &self.0 {
            Key::P256(key) => key.public_jwk(),
            Key::Rsa(key) => key.public_jwk(),
        }
    }

    /// A token with these claims; none, if the cryptographic library cannot.
    pub fn sign(&self, kind: TokenKind, claims: &Map<String, Value>) -> Option<String> {
        let claims = Value::Object(claims.clone());
        match &self.0 {
            Key::P256(key) => Some(key.sign(kind.name(), &claims)),
            Key::Rsa(key) => key.sign(kind.name(), &claims),
        }
    }
}

fn purpose(purpose: &[u8], tenant: TenantId) -> Vec<u8> {
    [purpose, tenant.as_uuid().as_bytes().as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_its_own_keys() {
        let tenant = |tenant: u8| -> TenantId {
            format!("0198c2f0-7a3b-7c4d-8e5f-00000000000{tenant}").parse().unwrap()
        };
        let public = |of: u8, period| OpKey::derive(&[1; 32], tenant(of), period).unwrap().public();

        assert_eq!(public(1, 5), public(1, 5));
        assert_ne!(public(1, 5), public(2, 5));
        assert_ne!(public(1, 5), public(1, 6));
        assert!(public(1, 5).get("d").is_none());
    }
}
