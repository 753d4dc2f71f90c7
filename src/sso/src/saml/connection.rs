//! What is configured for one SAML connection. Knows certificates and keys; does not know where they are kept.

use chrono::{DateTime, Duration, Utc};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::x509::X509;

use super::Refusal;

/// A connection to an identity provider of a customer.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The identity provider's entity id.
    pub idp_entity_id: String,
    /// Ours, which assertions must name as their audience.
    pub sp_entity_id: String,
    /// Where responses arrive: their destination and recipient.
    pub acs_url: String,
    /// Certificates whose signatures count. Two while the provider changes its own.
    pub certificates: Vec<Certificate>,
    /// Whether a certificate counts no more after its date. Its key is pinned, so the date says little: usually an
    /// administrator is warned instead.
    pub expired_refused: bool,
    /// What must be signed.
    pub signed: Signed,
    /// Whether signatures by SHA-1 still count.
    pub sha1: bool,
    /// What names the person.
    pub subject: Subject,
    /// How far the provider's clock may be off.
    pub clock_skew: Duration,
    /// Whether responses that nobody asked for are taken.
    pub unsolicited: bool,
    /// How long ago the person may have proved who they are.
    pub max_age: Option<Duration>,
    /// Means of sign-in of which the response must name one; empty if any will do.
    pub authn_contexts: Vec<String>,
    /// Keys to which the provider may encrypt: the current one, and the one before while it is replaced.
    pub decryption_keys: Vec<DecryptionKey>,
}

impl Connection {
    /// The certificates that count at this time.
    pub(super) fn trusted(&self, now: DateTime<Utc>) -> Result<Vec<&Certificate>, Refusal> {
        let counts = |certificate: &&Certificate| {
            !self.expired_refused || certificate.not_after().is_some_and(|end| now < end + self.clock_skew)
        };
        let trusted: Vec<_> = self.certificates.iter().filter(counts).collect();
        if trusted.is_empty() { Err(Refusal::NoCertificate) } else { Ok(trusted) }
    }
}

/// What a connection requires to be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signed {
    /// The response or the assertion.
    #[default]
    Either,
    /// The assertion.
    Assertion,
    /// The response.
    Response,
    /// Both.
    Both,
}

/// What names the person on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The name identifier, in this format.
    NameId {
        /// The format's URI.
        format: String,
    },
    /// The one value of an attribute that never changes.
    Attribute {
        /// The attribute's name.
        name: String,
    },
}

/// A certificate of an identity provider.
#[derive(Clone)]
pub struct Certificate {
    x509: X509,
    der: Vec<u8>,
}

/// Shorter RSA keys are refused.
const RSA_BITS: u32 = 2048;
/// Shorter keys on elliptic curves are refused.
const CURVE_BITS: u32 = 256;

impl Certificate {
    /// Reads a certificate in DER. Its key must be RSA of 2048 bits, or on a curve of 256 bits, or more.
    pub fn from_der(der: &[u8]) -> Result<Self, Refusal> {
        let x509 = X509::from_der(der).map_err(weak)?;
        let key = x509.public_key().map_err(weak)?;
        let enough = match key.id() {
            Id::RSA => key.bits() >= RSA_BITS,
            Id::EC => key.bits() >= CURVE_BITS,
            _ => false,
        };
        if enough { Ok(Self { x509, der: der.to_vec() }) } else { Err(Refusal::WeakKey) }
    }

    /// Reads one in PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Refusal> {
        let x509 = X509::from_pem(pem).map_err(weak)?;
        Self::from_der(&x509.to_der().map_err(weak)?)
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn public_key(&self) -> Option<PKey<Public>> {
        self.x509.public_key().ok()
    }

    /// Whether it was made for this key.
    pub(super) fn is_of(&self, key: &PKey<Private>) -> bool {
        self.x509.public_key().is_ok_and(|public| key.public_eq(&public))
    }

    /// SHA-256 of the certificate, in hexadecimal digits: how people compare them.
    pub fn fingerprint(&self) -> String {
        self.x509.digest(MessageDigest::sha256()).map(|digest| hexadecimal(&digest)).unwrap_or_default()
    }

    /// When it expires.
    pub fn not_after(&self) -> Option<DateTime<Utc>> {
        moment(self.x509.not_after())
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Certificate").field(&self.fingerprint()).finish()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

/// Bytes as people and XML names write them.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn moment(time: &Asn1TimeRef) -> Option<DateTime<Utc>> {
    let epoch = Asn1Time::from_unix(0).ok()?;
    let since = epoch.diff(time).ok()?;
    let seconds = i64::from(since.days).checked_mul(86_400)?.checked_add(i64::from(since.secs))?;
    DateTime::from_timestamp(seconds, 0)
}

fn weak(_: openssl::error::ErrorStack) -> Refusal {
    Refusal::WeakKey
}

/// A private RSA key of ours, to which providers encrypt.
#[derive(Clone)]
pub struct DecryptionKey(PKey<Private>);

impl DecryptionKey {
    /// Reads a key in PKCS #8 DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Refusal> {
        let key = PKey::private_key_from_pkcs8(der).map_err(weak)?;
        if key.id() == Id::RSA && key.bits() >= RSA_BITS { Ok(Self(key)) } else { Err(Refusal::WeakKey) }
    }

    pub(super) fn key(&self) -> &PKey<Private> {
        &self.0
    }
}

/// Keys are never printed.
impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DecryptionKey")
    }
}
