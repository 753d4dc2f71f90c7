//! Ends of sessions, asked for by either side (the checklist for logout, item 2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use serde_json::json;
use sso::Secret;
use sso::saml::logout::{self, Incoming, LogoutRequest};
use sso::saml::{Binding, Connection, Endpoint, Facts, NameId, Outgoing, Refusal};
use std::io::Write as _;
use url::form_urlencoded::byte_serialize;

use super::requests::{endpoint, entropy, inflated, parameter, signing_key};
use super::world::*;

const SLO: &str = "https://usher.example/saml/acme/idp/slo";
const RSA: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const ECDSA: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

fn document() -> String {
    format!(
        r#"<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_l1" Version="2.0" IssueInstant="2026-11-22T09:59:59Z" NotOnOrAfter="2026-11-22T10:05:00Z" Destination="{SLO}"><saml:Issuer>{IDP}</saml:Issuer><saml:NameID Format="{PERSISTENT}">p-1001</saml:NameID><samlp:SessionIndex>_s1</samlp:SessionIndex><samlp:SessionIndex>_s2</samlp:SessionIndex></samlp:LogoutRequest>"#
    )
}

fn answer_document() -> String {
    format!(
        r#"<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_l2" Version="2.0" IssueInstant="2026-11-22T09:59:59Z" InResponseTo="{REQUEST}" Destination="{SLO}"><saml:Issuer>{IDP}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status></samlp:LogoutResponse>"#
    )
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

fn deflated(document: &str) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(document.as_bytes()).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
}

/// The part of a query that is signed.
fn octets(field: &str, message: &str, algorithm: &str) -> String {
    format!("{field}={}&RelayState=state%2f1&SigAlg={}", encoded(message), encoded(algorithm))
}

fn query(signer: &Signer, octets: &str) -> String {
    let mut signing = openssl::sign::Signer::new(MessageDigest::sha256(), &signer.key).unwrap();
    let signature = signing.sign_oneshot_to_vec(octets.as_bytes()).unwrap();
    format!("{octets}&Signature={}", encoded(&STANDARD.encode(signature)))
}

fn asked_in_query(document: &str) -> String {
    query(provider(), &octets("SAMLRequest", &deflated(document), RSA))
}

fn read(query: &str) -> Result<LogoutRequest, Refusal> {
    logout::request(Incoming::Query(query), SLO, &connection(), now())
}

fn read_form(document: &str) -> Result<LogoutRequest, Refusal> {
    let message = STANDARD.encode(document);
    logout::request(
        Incoming::Form { message: &message, relay_state: Some("state/1") },
        SLO,
        &connection(),
        now(),
    )
}

#[test]
fn a_request_is_read_from_a_query_and_from_a_form() {
    for read in [read(&asked_in_query(&document())), read_form(&provider().sign(&document()))] {
        let request = read.unwrap();

        assert_eq!(request.id, "_l1");
        assert_eq!((request.name_id.value.as_str(), request.name_id.format.as_str()), ("p-1001", PERSISTENT));
        assert_eq!(request.session_indexes, ["_s1", "_s2"]);
        assert_eq!(request.issued, at("2026-11-22T09:59:59Z"));
        assert_eq!(request.remember_until, at("2026-11-22T10:06:00Z"));
        assert_eq!(request.relay_state.as_deref(), Some("state/1"));
    }
}

#[test]
fn a_request_without_session_indexes_means_all() {
    let all = changed(&document(), "<samlp:SessionIndex>_s1</samlp:SessionIndex>", "");
    let all = changed(&all, "<samlp:SessionIndex>_s2</samlp:SessionIndex>", "");

    assert_eq!(read(&asked_in_query(&all)).unwrap().session_indexes, Vec::<String>::new());
}

#[test]
fn a_request_that_is_not_signed_by_the_provider_ends_nothing() {
    let unsigned = octets("SAMLRequest", &deflated(&document()), RSA);
    let message = STANDARD.encode(document());
    let form = Incoming::Form { message: &message, relay_state: None };

    assert_eq!(read(&unsigned), Err(Refusal::Unsigned("the message")));
    assert_eq!(read(&query(stranger(), &unsigned)), Err(Refusal::Signature));
    assert_eq!(logout::request(form, SLO, &connection(), now()), Err(Refusal::Unsigned("the message")));
    assert_eq!(read_form(&stranger().sign(&document())), Err(Refusal::Signature));
    let changed_behind = changed(&provider().sign(&document()), "p-1001", "p-1002");
    assert_eq!(read_form(&changed_behind), Err(Refusal::Signature));
}

/// Another spelling of the same values has another signature, and one in which lower-case escapes were signed is right.
#[test]
fn the_signature_of_a_query_is_over_its_octets() {
    let lower_case = asked_in_query(&document());
    assert!(lower_case.contains("state%2f1"));

    assert!(read(&lower_case).is_ok());
    assert_eq!(read(&lower_case.replace("state%2f1", "state%2F1")), Err(Refusal::Signature));
    assert_eq!(read(&lower_case.replace("state%2f1", "state%2f2")), Err(Refusal::Signature));
    assert_eq!(read(&lower_case.replace("&RelayState=state%2f1", "")), Err(Refusal::Signature));
    for parameter in ["SAMLRequest=x", "RelayState=x", "SigAlg=x", "Signature=x"] {
        let twice = format!("{lower_case}&{parameter}");
        assert_eq!(read(&twice), Err(Refusal::Encoding("a parameter stands there twice")), "{parameter}");
    }
}

#[test]
fn a_query_is_signed_by_an_algorithm_on_the_list_with_a_key_of_that_kind() {
    let message = deflated(&document());
    for algorithm in
        ["http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#rsa-md5", "x"]
    {
        let weak = query(provider(), &octets("SAMLRequest", &message, algorithm));
        assert_eq!(read(&weak), Err(Refusal::SignatureAlgorithm), "{algorithm}");
    }
    let other_kind = query(provider(), &octets("SAMLRequest", &message, ECDSA));
    assert_eq!(read(&other_kind), Err(Refusal::Signature));
}

#[test]
fn a_query_may_be_signed_on_an_elliptic_curve() {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = EcKey::generate(&group).unwrap();
    let octets = octets("SAMLRequest", &deflated(&document()), ECDSA);
    let digest = hash(MessageDigest::sha256(), octets.as_bytes()).unwrap();
    let signature = EcdsaSig::sign(&digest, &key).unwrap();
    let halves =
        [signature.r().to_vec_padded(32).unwrap(), signature.s().to_vec_padded(32).unwrap()].concat();
    let query = format!("{octets}&Signature={}", encoded(&STANDARD.encode(halves)));
    let mut connection = connection();
    connection.certificates =
        vec![provider().trusted(), Signer::new(PKey::from_ec_key(key).unwrap()).trusted()];

    assert!(logout::request(Incoming::Query(&query), SLO, &connection, now()).is_ok());
}

#[test]
fn a_message_does_not_inflate_without_end() {
    let bomb = deflated(&" ".repeat(8 * 1024 * 1024));

    assert!(bomb.len() < 16 * 1024, "{}", bomb.len());
    assert_eq!(read(&query(provider(), &octets("SAMLRequest", &bomb, RSA))), Err(Refusal::TooLong));
    assert_eq!(read(&"A".repeat(16 * 1024 + 1)), Err(Refusal::TooLong));
    let broken = query(provider(), &octets("SAMLRequest", &STANDARD.encode("no deflate"), RSA));
    assert_eq!(read(&broken), Err(Refusal::Encoding("it does not inflate")));
}

#[test]
fn a_request_is_from_the_provider_to_us_and_of_now() {
    for (from, to, expected) in [
        (IDP, "https://other.example/metadata", Refusal::Issuer("the message")),
        (SLO, "https://other.example/slo", Refusal::Destination),
        (&format!(" Destination=\"{SLO}\""), "", Refusal::Destination),
        ("Version=\"2.0\"", "Version=\"1.1\"", Refusal::Version("the message")),
        ("2026-11-22T09:59:59Z", "2026-11-22T09:48:59Z", Refusal::IssueInstant("the message")),
        ("2026-11-22T10:05:00Z", "2026-11-22T09:59:00Z", Refusal::Validity),
        ("p-1001", " ", Refusal::LeafText("NameID")),
        ("samlp:LogoutRequest", "samlp:LogoutResponse", Refusal::Root("LogoutRequest")),
    ] {
        let document = document().replace(from, to);

        assert_eq!(read(&asked_in_query(&document)), Err(expected), "{to}");
        assert_eq!(read_form(&provider().sign(&document)), Err(expected), "{to}");
    }
}

#[test]
fn a_request_that_never_ends_is_remembered_as_long_as_it_is_fresh() {
    let endless = changed(&document(), " NotOnOrAfter=\"2026-11-22T10:05:00Z\"", "");

    assert_eq!(read(&asked_in_query(&endless)).unwrap().remember_until, at("2026-11-22T10:10:59Z"));
}

#[test]
fn an_answer_belongs_to_our_request() {
    let connection = connection();
    let read = |document: &str, request: &str| {
        let query = query(provider(), &octets("SAMLResponse", &deflated(document), RSA));
        let message = STANDARD.encode(provider().sign(document));
        let form = Incoming::Form { message: &message, relay_state: None };
        let in_query = logout::response(Incoming::Query(&query), SLO, &connection, request, now());
        assert_eq!(in_query, logout::response(form, SLO, &connection, request, now()));
        in_query
    };
    let partial = changed(&answer_document(), "status:Success", "status:Responder");

    assert_eq!(read(&answer_document(), REQUEST), Ok(true));
    assert_eq!(read(&partial, REQUEST), Ok(false));
    assert_eq!(read(&answer_document(), "_another"), Err(Refusal::InResponseTo("the response")));
    assert_eq!(read(&document(), REQUEST), Err(Refusal::Root("LogoutResponse")));
}

/// What we send is what we would take: the other side is a connection that trusts our key.
fn other_side(acs: &str) -> Connection {
    let mut connection = connection();
    connection.idp_entity_id = SP.to_owned();
    connection.certificates = vec![ours().trusted()];
    connection.acs_url = acs.to_owned();
    connection
}

#[test]
fn our_own_request_names_the_person_and_the_session_and_is_signed() {
    let name = NameId {
        value: "a&b".to_owned(),
        format: PERSISTENT.to_owned(),
        qualifier: Some(IDP.to_owned()),
        sp_qualifier: None,
    };
    let hint = Secret::new(json!({"name_id": name, "session_index": "_s<1"}).to_string());
    for binding in [Binding::Redirect, Binding::Post] {
        let to = endpoint(binding);
        let (id, outgoing) =
            logout::start(&connection(), &to, &signing_key(), &hint, now(), &entropy()).unwrap();

        let received = taken(&outgoing, &to, |incoming| {
            logout::request(incoming, to.location.as_str(), &other_side(SLO), now() + Duration::seconds(5))
        });

        let received = received.unwrap();
        assert_eq!((received.id, received.name_id), (id, name.clone()));
        assert_eq!(received.session_indexes, ["_s<1"]);
    }
}

#[test]
fn who_came_by_a_response_can_be_named_when_they_leave() {
    let document = response(&provider().sign(&assertion()));
    let said = accept(&document).unwrap().identity(&connection(), &Facts::default()).unwrap();
    let to = endpoint(Binding::Redirect);
    let hint = said.logout_hint.unwrap();
    let (_, outgoing) = logout::start(&connection(), &to, &signing_key(), &hint, now(), &entropy()).unwrap();

    let received = taken(&outgoing, &to, |incoming| {
        logout::request(incoming, to.location.as_str(), &other_side(SLO), now())
    });

    let received = received.unwrap();
    assert_eq!((received.name_id.value, received.name_id.format), (said.subject, PERSISTENT.to_owned()));
    assert_eq!(received.session_indexes, [said.provider_session.unwrap()]);
}

#[test]
fn our_answer_says_whether_all_ended_and_gives_the_state_back() {
    let request = read(&asked_in_query(&document())).unwrap();
    for (binding, done) in [(Binding::Redirect, true), (Binding::Redirect, false), (Binding::Post, true)] {
        let to = endpoint(binding);
        let outgoing =
            logout::answer(&connection(), &to, &signing_key(), &request, done, now(), &entropy()).unwrap();

        let answered = taken(&outgoing, &to, |incoming| {
            logout::response(incoming, to.location.as_str(), &other_side(SLO), "_l1", now())
        });

        assert_eq!(answered, Ok(done));
        if let Outgoing::Redirect(address) = &outgoing {
            assert_eq!(parameter(address, "RelayState"), "state/1");
            assert!(inflated(&parameter(address, "SAMLResponse")).contains("InResponseTo=\"_l1\""));
        }
    }
}

/// Hands over what a browser would.
fn taken<T>(outgoing: &Outgoing, to: &Endpoint, read: impl FnOnce(Incoming<'_>) -> T) -> T {
    match outgoing {
        Outgoing::Redirect(address) => {
            assert_eq!(address.path(), to.location.path());
            read(Incoming::Query(address.query().unwrap()))
        }
        Outgoing::Post { action, fields } => {
            assert_eq!(action, &to.location);
            let state = fields.get(1).map(|(_, state)| state.as_str());
            read(Incoming::Form { message: &fields[0].1, relay_state: state })
        }
    }
}
