//! The key that signs what apps are told. Knows that each tenant has its own; does not know periods.

use domain::id::TenantId;
use serde_json::{Map, Value};

use super::TokenKind;
use crate::jose::SigningKey;

/// What a secret is used for here, so that nothing else made from it can be the same.
const PURPOSE: &[u8] = b"usher: signs tokens for apps, ES256";

/// A private key on P-256. Prints its id only.
#[derive(Debug)]
pub struct OpKey(SigningKey);

impl OpKey {
    /// The key of a tenant in a period, made from a secret: no app of one tenant can be shown a token of another.
    pub fn derive(secret: &[u8; 32], tenant: TenantId, period: i64) -> Option<Self> {
        let purpose = [PURPOSE, tenant.as_uuid().as_bytes().as_slice()].concat();
        SigningKey::derive(secret, &purpose, period).map(Self)
    }

    /// The public half, as it is published.
    pub fn public(&self) -> Value {
        self.0.public_jwk()
    }

    /// A token with these claims.
    pub fn sign(&self, kind: TokenKind, claims: &Map<String, Value>) -> String {
        self.0.sign(kind.name(), &Value::Object(claims.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_its_own_keys() {
        let public = |tenant: u8, period| {
            let tenant: TenantId = format!("0198c2f0-7a3b-7c4d-8e5f-00000000000{tenant}").parse().unwrap();
            OpKey::derive(&[1; 32], tenant, period).unwrap().public()
        };

        assert_eq!(public(1, 5), public(1, 5));
        assert_ne!(public(1, 5), public(2, 5));
        assert_ne!(public(1, 5), public(1, 6));
        assert!(public(1, 5).get("d").is_none());
    }
}
