//! An RSA key of our own, for relying parties that read nothing else. Knows how OpenSSL makes one and how a token is signed with it
//! (RS256); does not know what it is for or where it is kept.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::written::{compact, signed_part, thumbprint};

/// RFC 7518 §3.3: "A key of size 2048 bits or larger MUST be used".
const MODULUS_BITS: u32 = 2_048;

/// An RSA key of 2048 bits. Its name is its thumbprint (RFC 7638).
pub(crate) struct RsaSigningKey {
    key: PKey<Private>,
    /// The modulus, as a JSON Web Key writes it.
    n: String,
    /// The exponent, in the same way.
    e: String,
    thumbprint: String,
}

/// The key's name; the key is a secret.
impl fmt::Debug for RsaSigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RsaSigningKey").field("id", &self.thumbprint).finish_non_exhaustive()
    }
}

impl RsaSigningKey {
    /// A new key, to be sealed and kept, in PKCS #8. Takes some tenths of a second.
    pub(crate) fn generate() -> Option<Vec<u8>> {
        PKey::from_rsa(Rsa::generate(MODULUS_BITS).ok()?).ok()?.private_key_to_pkcs8().ok()
    }

    /// The key that was kept; none, if it is no RSA key that may sign.
    pub(crate) fn of_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let key = PKey::private_key_from_pkcs8(pkcs8).ok()?;
        let rsa = key.rsa().ok()?;
        if key.bits() < MODULUS_BITS {
            return None;
        }
        let [n, e] = [rsa.n(), rsa.e()].map(|number| URL_SAFE_NO_PAD.encode(number.to_vec()));
        let thumbprint = thumbprint(json!({"kty": "RSA", "e": e, "n": n}).as_object()?)?;
        Some(Self { key, n, e, thumbprint })
    }

    /// The public half (RFC 7517), to be published.
    pub(crate) fn public_jwk(&self) -> Value {
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.thumbprint, "n": self.n, "e": self.e})
    }

    /// A compact JWS of these claims; none, if OpenSSL cannot.
    pub(crate) fn sign(&self, kind: &str, claims: &Value) -> Option<String> {
        let header = json!({"alg": "RS256", "typ": kind, "kid": self.thumbprint});
        let input = signed_part(&header, claims);
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).ok()?;
        let signature = signer.sign_oneshot_to_vec(input.as_bytes()).ok()?;
        Some(compact(&input, &signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Jws, JwsError, KeySet, SigningAlg};

    fn key() -> RsaSigningKey {
        RsaSigningKey::of_pkcs8(&RsaSigningKey::generate().unwrap()).unwrap()
    }

    #[test]
    fn what_a_key_signs_its_published_half_verifies_and_no_other() {
        let (one, other) = (key(), key());
        let token = one.sign("JWT", &json!({"iss": "us"})).unwrap();

        let jws = Jws::parse(&token, &[SigningAlg::Rs256], &["JWT"]).unwrap();
        let keys = KeySet::read(json!({"keys": [one.public_jwk(), other.public_jwk()]})).unwrap();
        let claims = jws.verify(keys.select(jws.key_id.as_deref(), SigningAlg::Rs256).unwrap()).unwrap();
        assert_eq!(claims["iss"], "us");
        let wrong = keys.select(Some(&other.thumbprint), SigningAlg::Rs256).unwrap();
        assert_eq!(jws.verify(wrong).unwrap_err(), JwsError::SignatureInvalid);
    }

    #[test]
    fn a_key_that_was_kept_is_the_same_and_shows_its_public_half_only() {
        let kept = RsaSigningKey::generate().unwrap();
        let (once, again) =
            (RsaSigningKey::of_pkcs8(&kept).unwrap(), RsaSigningKey::of_pkcs8(&kept).unwrap());

        assert_eq!(once.public_jwk(), again.public_jwk());
        let public = once.public_jwk();
        let names: Vec<&String> = public.as_object().unwrap().keys().collect();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
        assert!(format!("{once:?}").len() < 80);
    }

    #[test]
    fn a_short_key_or_one_of_another_kind_signs_nothing() {
        let short = PKey::from_rsa(Rsa::generate(1_024).unwrap()).unwrap();
        assert!(RsaSigningKey::of_pkcs8(&short.private_key_to_pkcs8().unwrap()).is_none());
        let other = PKey::generate_ed25519().unwrap();
        assert!(RsaSigningKey::of_pkcs8(&other.private_key_to_pkcs8().unwrap()).is_none());
        assert!(RsaSigningKey::of_pkcs8(b"no key").is_none());
    }
}
