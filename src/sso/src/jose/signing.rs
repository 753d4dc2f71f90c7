//! A key of our own. Knows how a token is signed with it (ES256); does not know where it is kept or what it is for.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::clock::Entropy;
use hmac::{Hmac, Mac};
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};
use sha2::Sha256;

use super::written::{compact, signed_part, thumbprint};

/// A P-256 key. Its name is its thumbprint (RFC 7638).
pub struct SigningKey {
    key: p256::ecdsa::SigningKey,
    public: PublicPoint,
}

struct PublicPoint {
    x: String,
    y: String,
    thumbprint: String,
}

/// The key's name; the key is a secret.
impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        loop {
            let mut bytes = [0_u8; 32];
            entropy.fill(&mut bytes);
            // One number in 2^32 is none of the curve's.
            if let Some(key) = Self::from_bytes(&bytes) {
                return key;
            }
        }
    }

    /// The key that [`Self::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = p256::ecdsa::SigningKey::from_slice(bytes).ok()?;
        let public = PublicPoint::of(&key)?;
        Some(Self { key, public })
    }

    /// The key of a purpose and a period, made from a secret: all who have the secret have the same, and none of them keeps it
    /// anywhere.
    pub(crate) fn derive(secret: &[u8; 32], purpose: &[u8], period: i64) -> Option<Self> {
        (0_u8..=u8::MAX).find_map(|attempt| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(purpose);
            mac.update(&period.to_be_bytes());
            mac.update(&[attempt]);
            Self::from_bytes(&mac.finalize().into_bytes())
        })
    }

    /// The private number, to be sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.key.to_bytes().to_vec()
    }

    /// The key's name.
    pub fn id(&self) -> &str {
        &self.public.thumbprint
    }

    /// The public half (RFC 7517), to be published.
    pub fn public_jwk(&self) -> Value {
        let PublicPoint { x, y, thumbprint } = &self.public;
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": thumbprint, "x": x, "y": y})
    }

    /// A compact JWS of these claims.
    pub(crate) fn sign(&self, kind: &str, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "typ": kind, "kid": self.id()});
        let signed = signed_part(&header, claims);
        let signature: Signature = self.key.sign(signed.as_bytes());
        compact(&signed, &signature.to_bytes())
    }
}

impl PublicPoint {
    fn of(key: &p256::ecdsa::SigningKey) -> Option<Self> {
        let point = key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes().get(1..)?.split_at_checked(32)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let thumbprint = thumbprint(json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}).as_object()?)?;
        Some(Self { x, y, thumbprint })
    }
}

#[cfg(test)]
mod tests {
    use domain::clock::CountingEntropy;
    use serde_json::json;

    use super::SigningKey;
    use crate::jose::{Jws, JwsError, KeySet, SigningAlg};

    #[test]
    fn what_a_key_signs_its_published_half_verifies_and_no_other() {
        let entropy = CountingEntropy::new();
        let (one, other) = (SigningKey::generate(&entropy), SigningKey::generate(&entropy));
        let restored = SigningKey::from_bytes(&one.to_bytes()).unwrap();

        let token = restored.sign("JWT", &json!({"iss": "us"}));

        let jws = Jws::parse(&token, &[SigningAlg::Es256], &["JWT"]).unwrap();
        assert_eq!(jws.key_id.as_deref(), Some(one.id()));
        let keys = KeySet::read(json!({"keys": [one.public_jwk(), other.public_jwk()]})).unwrap();
        let claims = jws.verify(keys.select(Some(one.id()), SigningAlg::Es256).unwrap()).unwrap();
        assert_eq!(claims["iss"], "us");
        let wrong = keys.select(Some(other.id()), SigningAlg::Es256).unwrap();
        assert_eq!(jws.verify(wrong).unwrap_err(), JwsError::SignatureInvalid);
    }

    #[test]
    fn a_key_of_each_secret_purpose_and_period_is_another_and_the_same_each_time() {
        let of = |secret: u8, purpose: &[u8], period| {
            SigningKey::derive(&[secret; 32], purpose, period).unwrap().id().to_owned()
        };
        assert_eq!(of(1, b"a", 5), of(1, b"a", 5));
        for other in [of(2, b"a", 5), of(1, b"b", 5), of(1, b"a", 6)] {
            assert_ne!(of(1, b"a", 5), other);
        }
    }

    #[test]
    fn neither_print_nor_publication_shows_the_private_number() {
        let key = SigningKey::generate(&CountingEntropy::new());

        assert_eq!(key.id().len(), 43);
        assert!(format!("{key:?}").len() < 80);
        assert_eq!(key.public_jwk().get("d"), None);
        assert!(SigningKey::from_bytes(&[0; 32]).is_none());
    }
}
