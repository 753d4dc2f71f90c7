//! A public key of somebody who signs, ready to verify. Knows JSON Web Keys (RFC 7518 §6, RFC 8037 §2) and OpenSSL; does not
//! know tokens, or which key is meant for what.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Verifier};
use serde::Deserialize;
use serde_json::Value;

use super::SigningAlg;
use super::algorithm::KeyKind;

/// Larger keys cost more to verify with than any provider asks for.
const LARGEST_RSA_MODULUS_BITS: i32 = 8192;
/// Exponents are 3 or 65537; OpenSSL has no opinion on those of a small modulus.
const LARGEST_RSA_EXPONENT_BITS: i32 = 33;

/// The public numbers of a JSON Web Key.
#[derive(Deserialize)]
struct Numbers {
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// A key that OpenSSL has taken for one: a point is on its curve, an exponent is odd.
pub(crate) struct VerifyingKey(PKey<Public>);

impl VerifyingKey {
    /// Reads the numbers of a key of this kind.
    pub(super) fn read(jwk: &Value, kind: KeyKind) -> Option<Self> {
        let numbers = Numbers::deserialize(jwk).ok()?;
        let key = match kind {
            KeyKind::Rsa => rsa(&bytes(numbers.n)?, &bytes(numbers.e)?),
            KeyKind::P256 => point(Nid::X9_62_PRIME256V1, 32, &bytes(numbers.x)?, &bytes(numbers.y)?),
            KeyKind::P384 => point(Nid::SECP384R1, 48, &bytes(numbers.x)?, &bytes(numbers.y)?),
            KeyKind::Ed25519 => PKey::public_key_from_raw_bytes(&bytes(numbers.x)?, Id::ED25519).ok(),
        };
        key.map(Self)
    }

    /// Whether the signature is this key's. Trouble is no.
    pub(super) fn verifies(&self, algorithm: SigningAlg, message: &[u8], signature: &[u8]) -> bool {
        match algorithm {
            SigningAlg::Rs256 | SigningAlg::Rs384 | SigningAlg::Rs512 => {
                self.verifies_rsa(algorithm.digest(), Padding::PKCS1, message, signature)
            }
            SigningAlg::Ps256 | SigningAlg::Ps384 | SigningAlg::Ps512 => {
                self.verifies_rsa(algorithm.digest(), Padding::PKCS1_PSS, message, signature)
            }
            SigningAlg::Es256 => self.verifies_ecdsa(algorithm.digest(), 32, message, signature),
            SigningAlg::Es384 => self.verifies_ecdsa(algorithm.digest(), 48, message, signature),
            SigningAlg::EdDsa => {
                self.0.id() == Id::ED25519
                    && Verifier::new_without_digest(&self.0)
                        .and_then(|mut verifier| verifier.verify_oneshot(signature, message))
                        .unwrap_or(false)
            }
        }
    }

    fn verifies_rsa(
        &self,
        digest: MessageDigest,
        padding: Padding,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let verify = || -> Result<bool, ErrorStack> {
            let mut verifier = Verifier::new(digest, &self.0)?;
            verifier.set_rsa_padding(padding)?;
            if padding == Padding::PKCS1_PSS {
                // RFC 7518 §3.5: the salt is as long as the digest, and the mask is made by it.
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
                verifier.set_rsa_mgf1_md(digest)?;
            }
            verifier.verify_oneshot(signature, message)
        };
        self.0.id() == Id::RSA && verify().unwrap_or(false)
    }

    /// RFC 7518 §3.4: two numbers of this many bytes each, and nothing else.
    fn verifies_ecdsa(&self, digest: MessageDigest, size: usize, message: &[u8], signature: &[u8]) -> bool {
        let verify = || -> Result<bool, ErrorStack> {
            let (r, s) = signature.split_at_checked(size).unwrap_or_default();
            let signature =
                EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
            let key = self.0.ec_key()?;
            signature.verify(&hash(digest, message)?, &key)
        };
        signature.len() == size.saturating_mul(2) && verify().unwrap_or(false)
    }
}

fn bytes(number: Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(number?).ok()
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<PKey<Public>> {
    let (modulus, exponent) = (BigNum::from_slice(modulus).ok()?, BigNum::from_slice(exponent).ok()?);
    let is_sound = modulus.num_bits() <= LARGEST_RSA_MODULUS_BITS
        && (2..=LARGEST_RSA_EXPONENT_BITS).contains(&exponent.num_bits())
        && exponent.is_bit_set(0);
    let key = Rsa::from_public_components(modulus, exponent).ok().filter(|_| is_sound)?;
    PKey::from_rsa(key).ok()
}

/// Both coordinates have the length of the curve's field (RFC 7518 §6.2.1.2).
fn point(curve: Nid, size: usize, x: &[u8], y: &[u8]) -> Option<PKey<Public>> {
    if x.len() != size || y.len() != size {
        return None;
    }
    let group = EcGroup::from_curve_name(curve).ok()?;
    let (x, y) = (BigNum::from_slice(x).ok()?, BigNum::from_slice(y).ok()?);
    let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y).ok()?; // on the curve, and these have no cofactor
    PKey::from_ec_key(key).ok()
}
