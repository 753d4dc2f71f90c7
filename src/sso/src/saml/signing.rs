//! Our own signatures. Knows the key; does not know what a message says.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use samael::crypto::{Crypto, CryptoProvider as _};

use super::Refusal;
use super::connection::Certificate;

/// The algorithm of every signature we make.
pub(super) const ALGORITHM: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// A private RSA key of ours and its certificate, which identity providers are told in our metadata.
#[derive(Clone)]
pub struct SigningKey {
    key: PKey<Private>,
    pkcs1: Vec<u8>,
    certificate: Certificate,
}

impl SigningKey {
    /// A key in PKCS #8 DER, of 2048 bits or more, and the certificate that was made for it.
    pub fn new(pkcs8: &[u8], certificate: Certificate) -> Result<Self, Refusal> {
        let weak = |_: ErrorStack| Refusal::WeakKey;
        let key = PKey::private_key_from_pkcs8(pkcs8).map_err(weak)?;
        if key.id() != Id::RSA || key.bits() < 2048 || !certificate.is_of(&key) {
            return Err(Refusal::WeakKey);
        }
        let pkcs1 = key.private_key_to_der().map_err(weak)?;
        Ok(Self { key, pkcs1, certificate })
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The signature of a query, octet by octet (Bindings §3.4.4.1).
    pub(super) fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key)?;
        signer.sign_oneshot_to_vec(octets)
    }

    /// A document with its root element signed; the signature stands behind the first issuer, where the schema wants it.
    pub(super) fn sign_document(&self, document: &str, id: &str) -> Option<String> {
        let (before, after) = document.split_once("</saml:Issuer>")?;
        let template = TEMPLATE.replace("{id}", id);
        let signed =
            Crypto::sign_xml(format!("{before}</saml:Issuer>{template}{after}"), &self.pkcs1).ok()?;
        Some(signed.split_once("?>").map_or(signed.as_str(), |(_, rest)| rest).trim().to_owned())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("SigningKey").field(&self.certificate).finish()
    }
}

const TEMPLATE: &str = concat!(
    r##"<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>"##,
    r##"<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>"##,
    r##"<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>"##,
    r##"<ds:Reference URI="#{id}"><ds:Transforms>"##,
    r##"<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>"##,
    r##"<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>"##,
    r##"<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>"##,
    r##"</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"##,
);
