//! What we ask an identity provider, and how it travels.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::clock::Entropy;
use flate2::read::DeflateDecoder;
use openssl::hash::MessageDigest;
use openssl::sign::Verifier;
use samael::crypto::{CertificateDer, Crypto, CryptoProvider as _, ReduceMode};
use sso::saml::{AuthnRequest, Binding, Connection, Endpoint, Outgoing, SigningKey, Subject, Wish, start};
use url::{Url, form_urlencoded};

use super::world::*;

/// Counts up, so that every byte that is asked for is another one.
pub(crate) struct Counting(pub(crate) std::sync::atomic::AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

pub(crate) fn entropy() -> Counting {
    Counting(0.into())
}

pub(crate) fn signing_key() -> SigningKey {
    SigningKey::new(&ours().key.private_key_to_pkcs8().unwrap(), ours().trusted()).unwrap()
}

pub(crate) fn endpoint(binding: Binding) -> Endpoint {
    Endpoint { binding, location: Url::parse("https://idp.example/sso?tenant=a%20b").unwrap() }
}

fn asked(
    connection: &Connection,
    binding: Binding,
    wish: Wish<'_>,
    relay_state: Option<&str>,
) -> AuthnRequest {
    start(connection, &endpoint(binding), &signing_key(), wish, relay_state, now(), &entropy()).unwrap()
}

/// The octets that are signed, and the parameters, decoded.
pub(crate) fn taken_apart(address: &Url) -> (String, Vec<(String, String)>) {
    let query = address.query().unwrap();
    let (octets, _) = query.split_once("&Signature=").unwrap();
    let octets = octets.strip_prefix("tenant=a%20b&").unwrap();
    (octets.to_owned(), form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

pub(crate) fn inflated(message: &str) -> String {
    let bytes = STANDARD.decode(message).unwrap();
    std::io::read_to_string(DeflateDecoder::new(bytes.as_slice())).unwrap()
}

fn document(request: &AuthnRequest) -> String {
    match &request.outgoing {
        Outgoing::Redirect(address) => inflated(&parameter(address, "SAMLRequest")),
        Outgoing::Post { fields, .. } => String::from_utf8(STANDARD.decode(&fields[0].1).unwrap()).unwrap(),
    }
}

pub(crate) fn parameter(address: &Url, name: &str) -> String {
    taken_apart(address).1.into_iter().find(|(key, _)| key == name).unwrap().1
}

#[test]
fn a_redirect_is_signed_over_the_octets_that_stand_in_the_address() {
    let request = asked(&connection(), Binding::Redirect, Wish::default(), Some("a/b c&d"));

    let Outgoing::Redirect(address) = &request.outgoing else { panic!("{request:?}") };
    let (octets, _) = taken_apart(address);
    assert!(address.as_str().starts_with("https://idp.example/sso?tenant=a%20b&SAMLRequest="));
    assert_eq!(parameter(address, "RelayState"), "a/b c&d");
    assert_eq!(parameter(address, "SigAlg"), "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
    let public = ours().certificate.public_key().unwrap();
    let mut verifier = Verifier::new(MessageDigest::sha256(), &public).unwrap();
    let signature = STANDARD.decode(parameter(address, "Signature")).unwrap();
    assert!(verifier.verify_oneshot(&signature, octets.as_bytes()).unwrap());
    let order: Vec<_> = octets.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
    assert_eq!(order, ["SAMLRequest", "RelayState", "SigAlg"]);
}

#[test]
fn a_posted_request_is_signed_as_a_document() {
    let request = asked(&connection(), Binding::Post, Wish::default(), Some("handle"));

    let Outgoing::Post { action, fields } = &request.outgoing else { panic!("{request:?}") };
    assert_eq!(action.as_str(), "https://idp.example/sso?tenant=a%20b");
    assert_eq!(fields[1], ("RelayState", "handle".to_owned()));
    let key = [CertificateDer::from(ours().certificate.to_der().unwrap())];
    let signed = Crypto::reduce_xml_to_signed(&document(&request), &key, ReduceMode::PreDigest).unwrap();
    assert!(signed.contains(&request.id), "{signed}");
}

#[test]
fn an_id_has_128_random_bits_and_is_never_used_twice() {
    let entropy = entropy();
    let ask = || {
        let (connection, key) = (connection(), signing_key());
        start(&connection, &endpoint(Binding::Redirect), &key, Wish::default(), None, now(), &entropy)
            .unwrap()
            .id
    };

    assert_eq!(ask(), "_000102030405060708090a0b0c0d0e0f");
    assert_eq!(ask(), "_101112131415161718191a1b1c1d1e1f");
}

#[test]
fn a_request_says_who_asks_where_the_answer_goes_and_what_is_wanted() {
    let mut connection = connection();
    connection.authn_contexts = vec!["urn:a".to_owned(), "urn:b?c&d".to_owned()];
    let wish = Wish { force: true, passive: true, login_hint: Some("a<b@example.com") };

    let text = document(&asked(&connection, Binding::Post, wish, None));

    let tree = roxmltree::Document::parse(&text).unwrap();
    let root = tree.root_element();
    for (name, value) in [
        ("Version", "2.0"),
        ("IssueInstant", "2026-11-22T10:00:00Z"),
        ("Destination", "https://idp.example/sso?tenant=a%20b"),
        ("AssertionConsumerServiceURL", ACS),
        ("ForceAuthn", "true"),
        ("IsPassive", "true"),
    ] {
        assert_eq!(root.attribute(name), Some(value), "{name}");
    }
    let policy = tree.descendants().find(|node| node.tag_name().name() == "NameIDPolicy").unwrap();
    assert_eq!(policy.attribute("Format"), Some(PERSISTENT));
    let assertion = "urn:oasis:names:tc:SAML:2.0:assertion";
    let names = |name: &str| -> Vec<_> {
        tree.descendants()
            .filter(|node| node.has_tag_name((assertion, name)))
            .filter_map(|node| node.text())
            .collect()
    };
    assert_eq!(names("Issuer"), [SP]);
    assert_eq!(names("NameID"), ["a<b@example.com"]);
    assert_eq!(names("AuthnContextClassRef"), ["urn:a", "urn:b?c&d"]);
}

#[test]
fn what_is_not_wished_for_is_not_said() {
    let mut connection = connection();
    connection.subject = Subject::Attribute { name: "uid".to_owned() };

    let text = document(&asked(&connection, Binding::Redirect, Wish::default(), None));

    for absent in ["ForceAuthn", "IsPassive", "Subject", "RequestedAuthnContext", "Format="] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
}

#[test]
fn a_key_signs_only_with_its_own_certificate_and_only_if_it_is_long_enough() {
    let key = |signer: &Signer| signer.key.private_key_to_pkcs8().unwrap();
    let made = sso::saml::generate_key("usher.example", now()).unwrap();

    assert!(SigningKey::new(&key(ours()), stranger().trusted()).is_err());
    assert!(SigningKey::new(&key(&Signer::rsa(1024)), ours().trusted()).is_err());
    assert!(SigningKey::new(b"no key", ours().trusted()).is_err());
    assert!(SigningKey::new(&made.pkcs8, made.certificate.clone()).is_ok());
    assert_eq!(made.certificate.not_after(), Some(now() + chrono::Duration::days(3 * 365)));
}
