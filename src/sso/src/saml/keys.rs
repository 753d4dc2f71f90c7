//! Keys of ours: made here, kept elsewhere. Knows RSA and certificates; does not know who they are used with.

use chrono::{DateTime, Utc};
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};

use super::connection::Certificate;

const BITS: u32 = 3072;
/// An identity provider that looks at the date wants a new one then; an administrator is warned before.
const SECONDS: i64 = 3 * 365 * 86_400;
/// What RFC 5280 allows a common name.
const LONGEST_NAME: usize = 64;

/// A new private key with the certificate that tells others its public half.
pub struct NewKey {
    /// The key in PKCS #8 DER.
    pub pkcs8: Vec<u8>,
    /// Its certificate, signed by itself: metadata says whose it is, not an authority.
    pub certificate: Certificate,
}

/// Makes a key. Takes a good part of a second of computing.
pub fn generate(name: &str, now: DateTime<Utc>) -> Option<NewKey> {
    made(name, now).ok().flatten()
}

fn made(name: &str, now: DateTime<Utc>) -> Result<Option<NewKey>, ErrorStack> {
    let key = PKey::from_rsa(Rsa::generate(BITS)?)?;
    let mut subject = X509NameBuilder::new()?;
    subject.append_entry_by_text("CN", &name.chars().take(LONGEST_NAME).collect::<String>())?;
    let subject = subject.build();
    let (from, until) = (now.timestamp(), now.timestamp().saturating_add(SECONDS));
    let (from, until) = (Asn1Time::from_unix(from)?, Asn1Time::from_unix(until)?);
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut certificate = X509::builder()?;
    certificate.set_version(2)?;
    let serial = serial.to_asn1_integer()?;
    certificate.set_serial_number(&serial)?;
    certificate.set_subject_name(&subject)?;
    certificate.set_issuer_name(&subject)?;
    certificate.set_not_before(&from)?;
    certificate.set_not_after(&until)?;
    certificate.set_pubkey(&key)?;
    certificate.sign(&key, MessageDigest::sha256())?;
    let certificate = Certificate::from_der(&certificate.build().to_der()?);
    let pkcs8 = key.private_key_to_pkcs8()?;
    Ok(certificate.ok().map(|certificate| NewKey { pkcs8, certificate }))
}

/// Keys are never printed.
impl std::fmt::Debug for NewKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("NewKey").field(&self.certificate).finish()
    }
}
