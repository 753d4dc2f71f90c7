//! What a signature must be, and whose.

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use sso::saml::{Certificate, Refusal, Signed};

use super::world::*;

#[test]
fn whatever_is_signed_of_a_valid_response_the_person_is_believed() {
    for document in [signed_assertion(), signed_response(), signed_both()] {
        let accepted = accept(&document).unwrap();

        assert_eq!(accepted.subject, "p-1001");
        assert_eq!(accepted.attributes.of("uid"), ["momo"]);
        assert_eq!(accepted.attributes.of("groups"), ["Sales & More", "営業部"]);
        assert_eq!((accepted.id.as_str(), accepted.response_id.as_str()), ("_a1", "_r1"));
        assert_eq!(accepted.session_index.as_deref(), Some("_s1"));
        assert_eq!(accepted.authn_instant, at("2026-11-22T09:59:50Z"));
        assert_eq!(accepted.session_not_on_or_after, Some(at("2026-11-22T18:00:00Z")));
        assert_eq!(accepted.remember_until, at("2026-11-22T10:06:00Z"));
        assert_eq!(accepted.certificate, provider().trusted().fingerprint());
    }
}

/// 28
#[test]
fn without_a_certificate_nothing_is_believed_signed_or_not() {
    let mut connection = connection();
    connection.certificates.clear();

    for document in [signed_both(), response(&assertion())] {
        assert_eq!(refusal_on(&connection, &document), Refusal::NoCertificate);
    }
}

/// 29
#[test]
fn a_key_that_is_too_short_is_no_key() {
    let short = Signer::rsa(1024).certificate.to_der().unwrap();

    assert_eq!(Certificate::from_der(&short).err(), Some(Refusal::WeakKey));
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME192V1).unwrap();
    let curve = Signer::new(openssl::pkey::PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap());
    assert_eq!(Certificate::from_der(&curve.certificate.to_der().unwrap()).err(), Some(Refusal::WeakKey));
    assert_eq!(Certificate::from_der(b"no certificate").err(), Some(Refusal::WeakKey));
}

/// 30
#[test]
fn one_of_two_certificates_is_enough_and_is_named() {
    let mut connection = connection();
    connection.certificates = vec![stranger().trusted(), provider().trusted()];

    let accepted = accept_on(&connection, &signed_both()).unwrap();

    assert_eq!(accepted.certificate, provider().trusted().fingerprint());
}

/// 30, 26
#[test]
fn a_signature_by_anybody_else_is_refused_whatever_its_key_info_says() {
    let der = provider().certificate.to_der().unwrap();
    let key_info = format!(
        "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der)
    );
    let forged = stranger()
        .sign_with(&response(&assertion()), |template| changed(&template, "</ds:Signature>", &key_info));

    assert_eq!(refusal(&forged), Refusal::Signature);
    assert_eq!(refusal(&response(&stranger().sign(&assertion()))), Refusal::Signature);
}

/// 30
#[test]
fn a_change_behind_the_signature_is_seen_wherever_it_is() {
    for document in [signed_assertion(), signed_response(), signed_both()] {
        for (from, to) in [("p-1001", "p-1002"), ("momo", "nono"), ("_s1", "_s2")] {
            assert_eq!(refusal(&changed(&document, from, to)), Refusal::Signature, "{from}");
        }
    }
}

/// 29
#[test]
fn a_certificate_counts_after_its_date_unless_the_connection_says_otherwise() {
    let later = at("2030-03-17T17:47:41Z"); // the certificate's end, the skew and a second
    let moved = |text: &str| {
        text.replace("2026-11-22T", "2030-03-17T").replace("T09:", "T17:").replace("T10:", "T17:")
    };
    let document = provider().sign(
        &moved(&response(&assertion())).replace("T17:05:00Z", "T17:50:00Z").replace("T17:59:", "T17:46:"),
    );
    let mut strict = connection();
    strict.expired_refused = true;

    assert!(accept_at(&connection(), &document, Some(REQUEST), later).is_ok());
    assert_eq!(accept_at(&strict, &document, Some(REQUEST), later).unwrap_err(), Refusal::NoCertificate);
    assert!(accept_on(&strict, &signed_both()).is_ok());
}

/// 30
#[test]
fn two_signatures_of_two_keys_are_one_too_many() {
    let mut connection = connection();
    connection.certificates = vec![provider().trusted(), stranger().trusted()];
    for (inner, outer) in [(provider(), stranger()), (stranger(), provider())] {
        let document = outer.sign(&response(&inner.sign(&assertion())));

        assert_eq!(refusal_on(&connection, &document), Refusal::Signature);
    }
}

/// 31
#[test]
fn what_the_connection_requires_to_be_signed_must_be() {
    let unsigned = response(&assertion());
    for (signed, document, missing) in [
        (Signed::Either, &unsigned, "the assertion"),
        (Signed::Assertion, &signed_response(), "the assertion"),
        (Signed::Response, &signed_assertion(), "the response"),
        (Signed::Both, &signed_assertion(), "the response"),
        (Signed::Both, &signed_response(), "the assertion"),
    ] {
        let mut connection = connection();
        connection.signed = signed;

        assert_eq!(refusal_on(&connection, document), Refusal::Unsigned(missing));
        assert!(accept_on(&connection, &signed_both()).is_ok());
    }
}

/// 16 to 19
#[test]
fn a_signature_of_another_shape_is_refused_before_it_is_verified() {
    let signed = signed_assertion();
    let info = between(&signed, "<ds:SignedInfo>", "</ds:SignedInfo>");
    let reference = between(&signed, "<ds:Reference", "</ds:Reference>");
    let signature = between(&signed, "<ds:Signature ", "</ds:Signature>");
    for (from, to, expected) in [
        (info, &info.repeat(2), Refusal::SignatureParts),
        (reference, &reference.repeat(2), Refusal::ReferenceCount),
        (reference, &String::new(), Refusal::ReferenceCount),
        (signature, &signature.repeat(2), Refusal::SignaturePlace),
        ("</ds:SignedInfo>", &"</ds:SignedInfo><ds:Object/>".to_owned(), Refusal::SignatureParts),
        ("</ds:SignedInfo>", &"<ds:Object/></ds:SignedInfo>".to_owned(), Refusal::SignatureParts),
        ("URI=\"#_a1\"", &"URI=\"\"".to_owned(), Refusal::ReferenceTarget),
        ("URI=\"#_a1\"", &"URI=\"#_r1\"".to_owned(), Refusal::ReferenceTarget),
        ("URI=\"#_a1\"", &"URI=\"http://127.0.0.1:1/\"".to_owned(), Refusal::ReferenceTarget),
        ("URI=\"#_a1\"", &"URI=\"#xpointer(/)\"".to_owned(), Refusal::ReferenceTarget),
        (" URI=\"#_a1\"", &String::new(), Refusal::ReferenceTarget),
    ] {
        assert_eq!(refusal(&changed(&signed, from, to)), expected, "{to}");
    }
}

/// 20 to 25
#[test]
fn an_algorithm_or_transform_that_is_not_on_the_list_is_refused() {
    let signed = signed_assertion();
    let exclusive = r#"<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>"#;
    let xslt = r#"<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>"#;
    let parameter = r#"<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><x xmlns="urn:x"/></ds:Transform>"#;
    for (from, to, expected) in [
        (exclusive, "", Refusal::Transforms),
        (exclusive, xslt, Refusal::Transforms),
        (exclusive, &format!("{exclusive}{xslt}"), Refusal::Transforms),
        (exclusive, &exclusive.repeat(500), Refusal::Transforms),
        (exclusive, parameter, Refusal::TransformParameters),
        (
            r#"CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#""#,
            r#"CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#WithComments""#,
            Refusal::Canonicalization,
        ),
        ("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1", Refusal::SignatureAlgorithm),
        ("2001/04/xmldsig-more#rsa-sha256", "2001/04/xmldsig-more#rsa-md5", Refusal::SignatureAlgorithm),
        ("2001/04/xmldsig-more#rsa-sha256", "2001/04/xmldsig-more#hmac-sha256", Refusal::SignatureAlgorithm),
        ("2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1", Refusal::DigestAlgorithm),
        ("<ds:DigestValue>", "<ds:DigestValue><x xmlns=\"urn:x\"/>", Refusal::SignatureText),
        ("<ds:SignatureValue>", "<ds:SignatureValue><x xmlns=\"urn:x\"/>", Refusal::SignatureText),
    ] {
        assert_eq!(refusal(&changed(&signed, from, to)), expected, "{to}");
    }
}

/// 23
#[test]
fn sha_1_counts_only_where_the_connection_says_so() {
    let sha1 = |template: String| {
        let template = changed(&template, "2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1");
        changed(&template, "2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1")
    };
    let document = provider().sign_with(&response(&assertion()), sha1);
    let mut tolerant = connection();
    tolerant.sha1 = true;

    assert_eq!(refusal(&document), Refusal::SignatureAlgorithm);
    assert!(accept_on(&tolerant, &document).is_ok());
    assert!(accept_on(&tolerant, &signed_both()).is_ok());
}

/// 26
#[test]
fn key_info_never_sends_anybody_for_a_key() {
    let fetch = r#"<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1:1/"/></ds:KeyInfo></ds:Signature>"#;

    assert_eq!(refusal(&changed(&signed_assertion(), "</ds:Signature>", fetch)), Refusal::KeyInfo);
}

#[test]
fn an_elliptic_curve_is_as_good_as_rsa() {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = openssl::pkey::PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let signer = Signer::new(key);
    let document = signer
        .sign_with(&response(&assertion()), |template| changed(&template, "rsa-sha256", "ecdsa-sha256"));
    let mut connection = connection();
    connection.certificates = vec![provider().trusted(), signer.trusted()];

    assert!(accept_on(&connection, &document).is_ok());
    assert!(accept_on(&connection, &signed_both()).is_ok());
}
