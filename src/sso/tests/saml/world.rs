//! An identity provider: a key, a certificate, and responses that are right until a test changes the one thing it is
//! about, before they are signed or after.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, Utc};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use samael::crypto::{Crypto, CryptoProvider as _};
use sso::saml::{self, Accepted, Certificate, Connection, DecryptionKey, Expected, Refusal, Signed, Subject};

pub(crate) const IDP: &str = "https://idp.example/metadata";
pub(crate) const SP: &str = "https://usher.example/metadata/acme";
pub(crate) const ACS: &str = "https://usher.example/saml/acme/idp/acs";
pub(crate) const REQUEST: &str = "_4fee3b046395c4e751011e97f8900b52";
pub(crate) const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

/// Whoever signs: the identity provider, and somebody who only says so.
pub(crate) struct Signer {
    pub(crate) key: PKey<Private>,
    pub(crate) certificate: X509,
}

impl Signer {
    pub(crate) fn new(key: PKey<Private>) -> Self {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "idp.example").unwrap();
        let name = name.build();
        let mut certificate = X509::builder().unwrap();
        certificate.set_version(2).unwrap();
        certificate.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
        certificate.set_subject_name(&name).unwrap();
        certificate.set_issuer_name(&name).unwrap();
        certificate.set_not_before(&Asn1Time::from_unix(1_700_000_000).unwrap()).unwrap();
        certificate.set_not_after(&Asn1Time::from_unix(1_900_000_000).unwrap()).unwrap();
        certificate.set_pubkey(&key).unwrap();
        certificate.sign(&key, MessageDigest::sha256()).unwrap();
        Self { certificate: certificate.build(), key }
    }

    pub(crate) fn rsa(bits: u32) -> Self {
        Self::new(PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap())
    }

    pub(crate) fn trusted(&self) -> Certificate {
        Certificate::from_der(&self.certificate.to_der().unwrap()).unwrap()
    }

    /// Signs the root element of a document; its first issuer must stand where the schema has the signature behind it.
    pub(crate) fn sign(&self, document: &str) -> String {
        self.sign_with(document, |template| template)
    }

    /// The same, with a template of the signature that a test has changed.
    pub(crate) fn sign_with(&self, document: &str, change: impl FnOnce(String) -> String) -> String {
        self.try_to_sign_with(document, change).unwrap()
    }

    /// The same; nothing if the document cannot be signed.
    pub(crate) fn try_to_sign_with(
        &self,
        document: &str,
        change: impl FnOnce(String) -> String,
    ) -> Option<String> {
        let id = document.split("ID=\"").nth(1).and_then(|rest| rest.split('"').next())?;
        let template = change(TEMPLATE.replace("{id}", id));
        let (before, after) = document.split_once("</saml:Issuer>")?;
        let document = format!("{before}</saml:Issuer>{template}{after}");
        let signed = Crypto::sign_xml(document, &self.key.private_key_to_der().unwrap()).ok()?;
        Some(signed.split_once("?>").map_or(signed.clone(), |(_, rest)| rest.trim().to_owned()))
    }
}

const TEMPLATE: &str = r##"<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>"##;

static PROVIDER: LazyLock<Signer> = LazyLock::new(|| Signer::rsa(2048));
static STRANGER: LazyLock<Signer> = LazyLock::new(|| Signer::rsa(2048));
static OURS: LazyLock<Signer> = LazyLock::new(|| Signer::rsa(2048));

/// The identity provider of every test.
pub(crate) fn provider() -> &'static Signer {
    &PROVIDER
}

/// Somebody whose certificate no connection has.
pub(crate) fn stranger() -> &'static Signer {
    &STRANGER
}

/// Our own key, to which assertions are encrypted.
pub(crate) fn ours() -> &'static Signer {
    &OURS
}

pub(crate) fn now() -> DateTime<Utc> {
    at("2026-11-22T10:00:00Z")
}

pub(crate) fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(time).unwrap().to_utc()
}

pub(crate) fn connection() -> Connection {
    Connection {
        idp_entity_id: IDP.to_owned(),
        sp_entity_id: SP.to_owned(),
        acs_url: ACS.to_owned(),
        certificates: vec![provider().trusted()],
        expired_refused: false,
        signed: Signed::Either,
        sha1: false,
        subject: Subject::NameId { format: PERSISTENT.to_owned() },
        clock_skew: Duration::seconds(60),
        unsolicited: false,
        max_age: None,
        authn_contexts: Vec::new(),
        decryption_keys: vec![
            DecryptionKey::from_pkcs8(&ours().key.private_key_to_pkcs8().unwrap()).unwrap(),
        ],
    }
}

/// A valid assertion, not signed.
pub(crate) fn assertion() -> String {
    format!(
        r#"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_a1" Version="2.0" IssueInstant="2026-11-22T09:59:58Z"><saml:Issuer>{IDP}</saml:Issuer><saml:Subject><saml:NameID Format="{PERSISTENT}">p-1001</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="2026-11-22T10:05:00Z" Recipient="{ACS}" InResponseTo="{REQUEST}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-11-22T09:59:30Z" NotOnOrAfter="2026-11-22T10:05:00Z"><saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-11-22T09:59:50Z" SessionIndex="_s1" SessionNotOnOrAfter="2026-11-22T18:00:00Z"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="uid"><saml:AttributeValue xsi:type="xs:string">momo</saml:AttributeValue></saml:Attribute><saml:Attribute Name="groups"><saml:AttributeValue xsi:type="xs:string">Sales &amp; More</saml:AttributeValue><saml:AttributeValue xsi:type="xs:string">営業部</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>"#
    )
}

/// A valid response around an assertion, not signed.
pub(crate) fn response(assertion: &str) -> String {
    format!(
        r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r1" Version="2.0" IssueInstant="2026-11-22T09:59:59Z" Destination="{ACS}" InResponseTo="{REQUEST}"><saml:Issuer>{IDP}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{assertion}</samlp:Response>"#
    )
}

/// A response of which the assertion is signed.
pub(crate) fn signed_assertion() -> String {
    response(&provider().sign(&assertion()))
}

/// A response that is signed as a whole.
pub(crate) fn signed_response() -> String {
    provider().sign(&response(&assertion()))
}

/// A response that is signed twice.
pub(crate) fn signed_both() -> String {
    provider().sign(&signed_assertion())
}

pub(crate) fn accept_at(
    connection: &Connection,
    document: &str,
    request: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Accepted, Refusal> {
    saml::accept(&STANDARD.encode(document), &Expected { connection, request, fresh_since: None, now })
}

pub(crate) fn accept_on(connection: &Connection, document: &str) -> Result<Accepted, Refusal> {
    accept_at(connection, document, Some(REQUEST), now())
}

pub(crate) fn accept(document: &str) -> Result<Accepted, Refusal> {
    accept_on(&connection(), document)
}

/// What is refused, or whom it took for a person.
pub(crate) fn refusal(document: &str) -> Refusal {
    refusal_on(&connection(), document)
}

pub(crate) fn refusal_on(connection: &Connection, document: &str) -> Refusal {
    accept_on(connection, document).map(|accepted| accepted.subject).expect_err(document)
}

/// Changes a document, and fails if there is nothing to change.
pub(crate) fn changed(document: &str, from: &str, to: &str) -> String {
    assert!(document.contains(from), "there is no {from} in {document}");
    document.replacen(from, to, 1)
}

/// The part of a text that begins and ends so, both included.
pub(crate) fn between<'d>(document: &'d str, from: &str, to: &str) -> &'d str {
    let start = document.find(from).unwrap();
    let end = document.get(start..).unwrap().find(to).unwrap() + to.len();
    document.get(start..start + end).unwrap()
}

/// Base64 as forms and certificates break it up.
pub(crate) fn in_lines(base64: &str, end: &str) -> String {
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    lines.join(end)
}
