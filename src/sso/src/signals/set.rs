//! The key that signs security event tokens. Knows what it is made from; how a key signs, `jose` knows.

use serde_json::{Map, Value};

use crate::jose::SigningKey;

/// What a secret is used for here, so that nothing else made from it can be the same.
const PURPOSE: &[u8] = b"usher: signs security event tokens, ES256";

/// A private key on P-256. Prints its id only.
#[derive(Debug)]
pub struct SetKey(SigningKey);

impl SetKey {
    /// The key of a period, made from a secret: all who have the secret have the same, and none of them keeps it anywhere.
    pub fn derive(secret: &[u8; 32], period: i64) -> Option<Self> {
        SigningKey::derive(secret, PURPOSE, period).map(Self)
    }

    /// The public half, as it is published.
    pub fn public(&self) -> Value {
        self.0.public_jwk()
    }

    /// A security event token with these claims (RFC 8417 §2.3: of the type `secevent+jwt`).
    pub fn sign(&self, claims: Map<String, Value>) -> String {
        self.0.sign("secevent+jwt", &Value::Object(claims))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::{Jws, KeySet, SigningAlg};

    #[test]
    fn a_token_is_verified_by_another_implementation_with_the_published_half() {
        let key = SetKey::derive(&[7; 32], 0).unwrap();
        let claims = json!({"iss": "https://usher.example"}).as_object().unwrap().clone();

        let token = key.sign(claims.clone());

        let jws = Jws::parse(&token, &[SigningAlg::Es256], &["secevent+jwt"]).unwrap();
        assert_eq!(jws.key_id.as_deref(), key.public()["kid"].as_str());
        let verified = |key: &SetKey| {
            let keys = KeySet::read(json!({"keys": [key.public()]})).unwrap();
            jws.verify(keys.select(None, SigningAlg::Es256).unwrap())
        };
        assert_eq!(verified(&key).unwrap(), claims);
        assert!(verified(&SetKey::derive(&[8; 32], 0).unwrap()).is_err());
    }

    #[test]
    fn who_has_the_secret_has_the_keys_and_each_period_has_its_own() {
        let public = |secret: u8, period| SetKey::derive(&[secret; 32], period).unwrap().public();

        assert_eq!(public(1, 5), public(1, 5));
        assert_ne!(public(1, 5), public(1, 6));
        assert_ne!(public(1, 5), public(2, 5));
    }
}
