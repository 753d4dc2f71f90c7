//! A SAML response, verified by Usher and by xmlsec alone. Knows one document; does not know what it costs.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{Duration, Utc};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use samael::crypto::{CertificateDer, Crypto, CryptoProvider as _};
use sso::saml::{self, Certificate, Connection, Expected, Signed, Subject};

use crate::Outcome;

const IDP: &str = "https://idp.example/metadata";
const SP: &str = "https://usher.example/metadata/acme";
const ACS: &str = "https://usher.example/saml/acme/idp/acs";
const REQUEST: &str = "_4fee3b046395c4e751011e97f8900b52";
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const ATTRIBUTES: usize = 15;

/// A response with one signed assertion of fifteen attributes, 5.5 kB long, good for an hour.
pub fn make(folder: &Path) -> Outcome<()> {
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("CN", "idp.example")?;
    let name = name.build();
    let mut certificate = X509::builder()?;
    certificate.set_version(2)?;
    certificate.set_serial_number(BigNum::from_u32(1)?.to_asn1_integer()?.as_ref())?;
    certificate.set_subject_name(&name)?;
    certificate.set_issuer_name(&name)?;
    certificate.set_not_before(Asn1Time::days_from_now(0)?.as_ref())?;
    certificate.set_not_after(Asn1Time::days_from_now(2)?.as_ref())?;
    certificate.set_pubkey(&key)?;
    certificate.sign(&key, MessageDigest::sha256())?;
    let certificate = certificate.build();

    let signed = Crypto::sign_xml(assertion(), &key.private_key_to_der()?)?;
    let signed = signed.split_once("?>").map_or(signed.as_str(), |(_, rest)| rest.trim());
    let now = time(Duration::zero());
    let response = format!(
        r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r1" Version="2.0" IssueInstant="{now}" Destination="{ACS}" InResponseTo="{REQUEST}"><saml:Issuer>{IDP}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{signed}</samlp:Response>"#
    );
    println!("{}", response.len());
    std::fs::write(folder.join("response.xml"), &response)?;
    std::fs::write(folder.join("response.b64"), BASE64_STANDARD.encode(&response))?;
    std::fs::write(folder.join("certificate.pem"), certificate.to_pem()?)?;
    Ok(())
}

fn time(from_now: Duration) -> String {
    (Utc::now() + from_now).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn assertion() -> String {
    let (now, before, after) = (time(Duration::zero()), time(-Duration::minutes(1)), time(Duration::minutes(9)));
    let attributes: String = (1..=ATTRIBUTES)
        .map(|number| {
            format!(
                r#"<saml:Attribute Name="urn:oid:2.5.4.{number}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri"><saml:AttributeValue xsi:type="xs:string">value {number} of Mina &amp; Co</saml:AttributeValue></saml:Attribute>"#
            )
        })
        .collect();
    format!(
        r##"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_a1" Version="2.0" IssueInstant="{now}"><saml:Issuer>{IDP}</saml:Issuer><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI="#_a1"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature><saml:Subject><saml:NameID Format="{PERSISTENT}">p-1001</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="{after}" Recipient="{ACS}" InResponseTo="{REQUEST}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{before}" NotOnOrAfter="{after}"><saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{now}" SessionIndex="_s1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"##
    )
}

/// All that Usher does with it.
pub fn accept(folder: &Path, times: usize) -> Outcome<()> {
    let connection = Connection {
        idp_entity_id: IDP.to_owned(),
        sp_entity_id: SP.to_owned(),
        acs_url: ACS.to_owned(),
        certificates: vec![Certificate::from_pem(&std::fs::read(folder.join("certificate.pem"))?)?],
        expired_refused: false,
        signed: Signed::Assertion,
        sha1: false,
        subject: Subject::NameId { format: PERSISTENT.to_owned() },
        clock_skew: Duration::seconds(60),
        unsolicited: false,
        max_age: None,
        authn_contexts: Vec::new(),
        decryption_keys: Vec::new(),
    };
    let message = std::fs::read_to_string(folder.join("response.b64"))?;
    for _ in 0..times {
        let expected =
            Expected { connection: &connection, request: Some(REQUEST), fresh_since: None, now: Utc::now() };
        let accepted = saml::accept(&message, &expected)?;
        if accepted.subject.is_empty() {
            return Err("nobody was accepted".into());
        }
    }
    Ok(())
}

/// The signature and nothing else.
pub fn check_signature(folder: &Path, times: usize) -> Outcome<()> {
    let certificate = X509::from_pem(&std::fs::read(folder.join("certificate.pem"))?)?.to_der()?;
    let certificate = CertificateDer::from(certificate);
    let response = std::fs::read_to_string(folder.join("response.xml"))?;
    for _ in 0..times {
        Crypto::verify_signed_xml(&response, &certificate, Some("ID"))?;
    }
    Ok(())
}
