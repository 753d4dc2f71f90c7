//! An RSA key of our own, for relying parties that read nothing else. Knows how it is made from a secret and how a token is signed with
//! it (RS256); does not know what it is for.
//!
//! The key is found as FIPS 186-5, appendix A.1.3, finds one: two random primes of half the length. Only that here the numbers are not
//! of a generator but of HMAC-SHA-256 under the secret, so that whoever has the secret finds the same key.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};
use sha2::Sha256;

use super::written::{compact, signed_part, thumbprint};

/// RFC 7518 §3.3: "A key of size 2048 bits or larger MUST be used".
const MODULUS_BITS: i32 = 2_048;
const PRIME_BYTES: usize = 128;
const EXPONENT: u32 = 65_537;
/// FIPS 186-5, A.1.3, step 5.4: the primes are this far from each other, at least.
const DISTANCE_BITS: i32 = MODULUS_BITS / 2 - 100;
/// One candidate in some 350 is a prime: that none of so many is does not happen.
const MOST_CANDIDATES: u32 = 100_000;

/// An RSA key of 2048 bits. Its name is its thumbprint (RFC 7638).
pub(crate) struct RsaSigningKey {
    key: PKey<Private>,
    /// The modulus, as a JSON Web Key writes it.
    n: String,
    thumbprint: String,
}

/// The key's name; the key is a secret.
impl fmt::Debug for RsaSigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RsaSigningKey").field("id", &self.thumbprint).finish_non_exhaustive()
    }
}

impl RsaSigningKey {
    /// The key of a purpose and a period, made from a secret. Takes some tenths of a second.
    pub(crate) fn derive(secret: &[u8; 32], purpose: &[u8], period: i64) -> Option<Self> {
        let mut candidates = Candidates { secret, purpose, period, next: 0 };
        let mut ctx = BigNumContext::new_secure().ok()?;
        let p = candidates.prime(&mut ctx)?;
        let q = loop {
            let q = candidates.prime(&mut ctx)?;
            if distance(&p, &q).ok()?.num_bits() > DISTANCE_BITS {
                break q;
            }
        };
        let key = of_primes(p, q, &mut ctx).ok()?;
        if !key.check_key().ok()? {
            return None;
        }
        let n = URL_SAFE_NO_PAD.encode(key.n().to_vec());
        let thumbprint = thumbprint(json!({"kty": "RSA", "e": "AQAB", "n": n}).as_object()?)?;
        Some(Self { key: PKey::from_rsa(key).ok()?, n, thumbprint })
    }

    /// The public half (RFC 7517), to be published.
    pub(crate) fn public_jwk(&self) -> Value {
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.thumbprint, "n": self.n, "e": "AQAB"})
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

/// Numbers that may be primes, one after the other and always the same.
struct Candidates<'a> {
    secret: &'a [u8; 32],
    purpose: &'a [u8],
    period: i64,
    next: u32,
}

impl Candidates<'_> {
    /// The next number: odd, and so large that the product of two has all its bits.
    fn number(&mut self) -> Option<BigNum> {
        let mut bytes = Vec::with_capacity(PRIME_BYTES);
        for block in 0_u8.. {
            let mut mac = Hmac::<Sha256>::new_from_slice(self.secret).ok()?;
            mac.update(self.purpose);
            mac.update(&self.period.to_be_bytes());
            mac.update(&self.next.to_be_bytes());
            mac.update(&[block]);
            bytes.extend_from_slice(&mac.finalize().into_bytes());
            if bytes.len() >= PRIME_BYTES {
                break;
            }
        }
        self.next = self.next.checked_add(1)?;
        if let Some(first) = bytes.first_mut() {
            *first |= 0b1100_0000;
        }
        if let Some(last) = bytes.last_mut() {
            *last |= 1;
        }
        let mut number = BigNum::new_secure().ok()?;
        number.copy_from_slice(&bytes).ok()?;
        number.set_const_time();
        Some(number)
    }

    /// The next prime of which one less has nothing in common with the exponent.
    fn prime(&mut self, ctx: &mut BigNumContext) -> Option<BigNum> {
        (0..MOST_CANDIDATES).find_map(|_| {
            let number = self.number()?;
            let is_coprime = number.mod_word(EXPONENT).ok()? != 1;
            (is_coprime && number.is_prime_fasttest(0, ctx, true).ok()?).then_some(number)
        })
    }
}

fn distance(p: &BigNumRef, q: &BigNumRef) -> Result<BigNum, ErrorStack> {
    let mut distance = BigNum::new_secure()?;
    distance.checked_sub(p, q)?;
    distance.set_negative(false);
    Ok(distance)
}

/// RFC 8017 §3.2, with the exponent's inverse modulo the least common multiple (FIPS 186-5, A.1.1).
fn of_primes(p: BigNum, q: BigNum, ctx: &mut BigNumContext) -> Result<Rsa<Private>, ErrorStack> {
    let new = BigNum::new_secure;
    let one = BigNum::from_u32(1)?;
    let exponent = BigNum::from_u32(EXPONENT)?;
    let (mut less_p, mut less_q, mut modulus) = (new()?, new()?, new()?);
    less_p.checked_sub(&p, &one)?;
    less_q.checked_sub(&q, &one)?;
    modulus.checked_mul(&p, &q, ctx)?;
    let (mut common, mut product, mut multiple) = (new()?, new()?, new()?);
    common.gcd(&less_p, &less_q, ctx)?;
    product.checked_mul(&less_p, &less_q, ctx)?;
    multiple.checked_div(&product, &common, ctx)?;
    let (mut private, mut of_p, mut of_q, mut inverse) = (new()?, new()?, new()?, new()?);
    private.mod_inverse(&exponent, &multiple, ctx)?;
    of_p.checked_rem(&private, &less_p, ctx)?;
    of_q.checked_rem(&private, &less_q, ctx)?;
    inverse.mod_inverse(&q, &p, ctx)?;
    Rsa::from_private_components(modulus, exponent, private, p, q, of_p, of_q, inverse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Jws, JwsError, KeySet, SigningAlg};

    fn key(secret: u8, purpose: &[u8], period: i64) -> RsaSigningKey {
        RsaSigningKey::derive(&[secret; 32], purpose, period).unwrap()
    }

    #[test]
    fn what_a_key_signs_its_published_half_verifies_and_no_other() {
        let (one, other) = (key(1, b"a", 5), key(2, b"a", 5));
        let token = one.sign("JWT", &json!({"iss": "us"})).unwrap();

        let jws = Jws::parse(&token, &[SigningAlg::Rs256], &["JWT"]).unwrap();
        let keys = KeySet::read(json!({"keys": [one.public_jwk(), other.public_jwk()]})).unwrap();
        let claims = jws.verify(keys.select(jws.key_id.as_deref(), SigningAlg::Rs256).unwrap()).unwrap();
        assert_eq!(claims["iss"], "us");
        let wrong = keys.select(Some(&other.thumbprint), SigningAlg::Rs256).unwrap();
        assert_eq!(jws.verify(wrong).unwrap_err(), JwsError::SignatureInvalid);
    }

    /// The name stands here so that whatever changes which keys are made is noticed: processes of two versions run side by side.
    #[test]
    fn a_key_of_each_secret_purpose_and_period_is_another_and_the_same_each_time() {
        assert_eq!(key(1, b"a", 5).thumbprint, "RWEqPesMeWy5mbGItXzhMoiBc_GgVwIstuqKh93b7u4");
        for other in [key(2, b"a", 5), key(1, b"b", 5), key(1, b"a", 6)] {
            assert_ne!(key(1, b"a", 5).thumbprint, other.thumbprint);
        }
    }

    #[test]
    fn a_key_has_2048_bits_and_shows_its_public_half_only() {
        let key = key(3, b"a", 0);
        let rsa = key.key.rsa().unwrap();

        assert_eq!((rsa.n().num_bits(), rsa.e().to_vec()), (2_048, vec![1, 0, 1]));
        assert!(rsa.d().num_bits() > MODULUS_BITS / 2, "FIPS 186-5, A.1.1: no small private exponent");
        assert_eq!(rsa.p().unwrap().num_bits(), 1_024);
        assert_eq!(rsa.q().unwrap().num_bits(), 1_024);
        let public = key.public_jwk();
        let names: Vec<&String> = public.as_object().unwrap().keys().collect();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
        assert!(format!("{key:?}").len() < 80);
    }
}
