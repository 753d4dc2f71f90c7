//! Documents that could be read in two ways, or cost more than they are worth, before any signature is looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sso::saml::{Expected, Refusal, accept as accept_message};

use super::world::*;

fn refusal_of_message(message: &str) -> Refusal {
    let connection = connection();
    let expected =
        Expected { connection: &connection, request: Some(REQUEST), fresh_since: None, now: now() };
    accept_message(message, &expected).map(|accepted| accepted.subject).unwrap_err()
}

/// 1, 5
#[test]
fn a_message_that_declares_another_encoding_is_refused() {
    let declared = |name: &str| format!("<?xml version=\"1.0\" encoding=\"{name}\"?>{}", signed_assertion());

    assert!(accept(&declared("UTF-8")).is_ok());
    assert!(matches!(refusal(&declared("ISO-8859-1")), Refusal::Encoding(_)));
}

/// 1, 5
#[test]
fn the_envelope_is_base64_of_utf_8_and_not_too_long() {
    let broken_into_lines = in_lines(&STANDARD.encode(signed_both()), "\r\n");
    let utf_16: Vec<u8> = signed_both().encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut with_mark = "\u{feff}".to_owned();
    with_mark.push_str(&signed_both());

    assert_eq!(refusal_of_message(&"A".repeat(256 * 1024 + 1)), Refusal::TooLong);
    for message in [
        "<samlp:Response/>".to_owned(),
        STANDARD.encode(utf_16),
        STANDARD.encode(with_mark),
        STANDARD.encode([0xff, 0xfe]),
    ] {
        assert!(
            matches!(refusal_of_message(&message), Refusal::Encoding(_) | Refusal::Malformed),
            "{message}"
        );
    }
    let connection = connection();
    let expected =
        Expected { connection: &connection, request: Some(REQUEST), fresh_since: None, now: now() };
    assert!(accept_message(&broken_into_lines, &expected).is_ok());
}

/// 6 to 8
#[test]
fn a_document_that_is_not_plain_is_refused_wherever_the_odd_part_stands() {
    let document = signed_both();
    for (from, to, expected) in [
        ("<samlp:Response", "<!DOCTYPE Response><samlp:Response", Refusal::DocumentType),
        ("<samlp:Response", "<!DOCTYPE r [<!ENTITY e \"x\">]><samlp:Response", Refusal::DocumentType),
        (
            "<samlp:Response",
            "<!DOCTYPE r SYSTEM \"http://127.0.0.1:1/\"><samlp:Response",
            Refusal::DocumentType,
        ),
        ("p-1001", "p-1001<!-- -->", Refusal::NotPlain("a comment")),
        ("p-1001", "<!---->p-1001", Refusal::NotPlain("a comment")),
        ("p-1001", "<?x?>p-1001", Refusal::NotPlain("a processing instruction")),
        ("p-1001", "<![CDATA[p-1001]]>", Refusal::NotPlain("a CDATA section")),
        ("p-1001", "&e;", Refusal::Malformed),
        ("</samlp:Response>", "</samlp:Response>x", Refusal::Malformed),
        ("</samlp:Response>", "</samlp:Response><x/>", Refusal::Malformed),
        ("</samlp:Response>", "", Refusal::Malformed),
        ("p-1001", "p-1001<x", Refusal::Malformed),
    ] {
        assert_eq!(refusal(&changed(&document, from, to)), expected, "{to}");
    }
}

/// 9
#[test]
fn a_document_costs_no_more_than_a_real_one() {
    let document = signed_both();
    let value = "<saml:AttributeValue>g</saml:AttributeValue>";
    let deep = format!("{}{}", "<saml:AttributeValue>".repeat(41), "</saml:AttributeValue>".repeat(41));
    for (padding, what) in [
        (value.repeat(4001), "elements"),
        (deep, "levels"),
        (format!("<x xmlns=\"urn:x\" {}/>", " a=\"\"".repeat(25)), "attributes"),
        (
            format!("<saml:AttributeValue>{}</saml:AttributeValue>", "x".repeat(64 * 1024 + 1)),
            "characters in one place",
        ),
        (format!("<x xmlns=\"urn:x\" a=\"{}\"/>", "x".repeat(64 * 1024 + 1)), "characters in one place"),
    ] {
        let padded = changed(&document, "<saml:AttributeValue ", &format!("{padding}<saml:AttributeValue "));
        assert_eq!(refusal(&padded), Refusal::Oversized(what), "{what}");
    }
}

/// 10
#[test]
fn a_namespace_is_absolute_and_a_well_known_prefix_stands_for_what_it_says() {
    for declaration in [
        "xmlns:x=\"\"",
        "xmlns=\"1\"",
        "xmlns:x=\"../a\"",
        "xmlns:x=\"x\"",
        "xmlns:samlp=\"urn:other\"",
        "xmlns:saml2=\"urn:other\"",
        "xmlns:ds=\"urn:other\"",
        "xmlns:xmlns=\"urn:other\"",
    ] {
        let document =
            changed(&signed_assertion(), "<saml:Attribute ", &format!("<saml:Attribute {declaration} "));

        let refusal = refusal(&document);

        assert!(matches!(refusal, Refusal::Namespace(_) | Refusal::Malformed), "{declaration}: {refusal}");
    }
}

/// 11
#[test]
fn only_a_response_is_a_response() {
    let signed = signed_assertion();

    for (from, to) in [("samlp:Response", "samlp:ArtifactResponse"), ("samlp:Response", "saml:Response")] {
        assert_eq!(refusal(&signed.replace(from, to)), Refusal::Root("Response"), "{to}");
    }
    assert_eq!(refusal(&provider().sign(&assertion())), Refusal::Root("Response"));
}

/// 12
#[test]
fn a_document_sends_nobody_for_its_parts() {
    let schema = r#"<saml:Attribute xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:a http://127.0.0.1:1/" "#;
    let inclusion =
        r#"<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/><saml:Attribute "#;

    for to in [schema, inclusion] {
        assert_eq!(
            refusal(&changed(&signed_assertion(), "<saml:Attribute ", to)),
            Refusal::Inclusion,
            "{to}"
        );
    }
}

/// 13
#[test]
fn an_id_stands_there_once_in_whatever_spelling() {
    let signed = signed_assertion();
    for attribute in [
        "ID=\"_a1\"",
        "Id=\"_A1\"",
        "id=\"_R1\"",
        "xml:id=\"_x\"",
        "samlp:ID=\"_x\"",
        "ID=\"1\"",
        "ID=\"a:b\"",
        "ID=\"\"",
    ] {
        let document =
            changed(&signed, "<saml:AttributeStatement", &format!("<saml:AttributeStatement {attribute}"));

        assert!(matches!(refusal(&document), Refusal::Id(_)), "{attribute}");
    }
}

/// 14 to 16: the signed assertion is moved to where a signature library still finds it, and another is put in its place.
#[test]
fn a_signed_assertion_is_not_wrapped_into_somebody_elses() {
    let signed = provider().sign(&assertion());
    let forged = changed(&changed(&assertion(), "p-1001", "p-0001"), "\"_a1\"", "\"_a2\"");
    let bare = assertion();
    let borrowed = "<e:Assertion xmlns:e=\"urn:e\">";
    let parts = [
        format!("<samlp:Extensions>{signed}</samlp:Extensions>{forged}"),
        format!("{forged}{signed}"),
        format!("{signed}{forged}"),
        changed(
            &forged,
            "</saml:Assertion>",
            &format!("<saml:Advice>{signed}</saml:Advice></saml:Assertion>"),
        ),
        changed(&forged, "</saml:AttributeStatement>", &format!("{signed}</saml:AttributeStatement>")),
        changed(&forged, "</saml:Issuer>", &format!("</saml:Issuer>{}", wrapped(&signed, &bare))),
        format!("{forged}<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{signed}</ds:Object>"),
        format!("{borrowed}{signed}</e:Assertion>"),
        format!("{borrowed}</e:Assertion>{signed}"),
        format!("{signed}<saml:EncryptedAssertion/>"),
        format!("<e:Signature xmlns:e=\"urn:e\"/>{signed}"),
        format!("<samlp:Extensions>{}</samlp:Extensions>{signed}", signature(&signed)),
    ];
    for part in parts {
        let refusal = refusal(&response(&part));

        assert!(
            matches!(
                refusal,
                Refusal::AssertionPlace
                    | Refusal::BorrowedName(_)
                    | Refusal::SignaturePlace
                    | Refusal::ReferenceTarget
                    | Refusal::SignatureParts
                    | Refusal::Id(_)
            ),
            "{refusal}: {part}"
        );
    }
}

/// 15
#[test]
fn a_part_that_belongs_nowhere_is_refused_though_nobody_would_read_it() {
    let subject = between(&assertion(), "<saml:Subject>", "</saml:Subject>").to_owned();
    let twice = changed(&subject, "</saml:Subject>", &format!("{subject}</saml:Subject>"));

    for part in ["x", "<x xmlns=\"urn:x\"/>", "<saml:NameID>p-0001</saml:NameID>", "<samlp:Status/>x"] {
        let document = changed(&signed_assertion(), "<samlp:Status>", &format!("{part}<samlp:Status>"));

        assert_eq!(refusal(&document), Refusal::Stray("something in the response"), "{part}");
    }
    let nested = response(&provider().sign(&changed(&assertion(), &subject, &twice)));
    assert_eq!(refusal(&nested), Refusal::Stray("Subject"));
    let extensions = "<samlp:Extensions><x xmlns=\"urn:x\">y</x></samlp:Extensions>\n<samlp:Status>";
    assert!(accept(&changed(&signed_assertion(), "<samlp:Status>", extensions)).is_ok());
}

/// The signature of an assertion, with the assertion that it signs inside it.
fn wrapped(signed: &str, bare: &str) -> String {
    signature(signed).replace("</ds:Signature>", &format!("<ds:Object>{bare}</ds:Object></ds:Signature>"))
}

fn signature(signed: &str) -> &str {
    between(signed, "<ds:Signature ", "</ds:Signature>")
}

/// 27
#[test]
fn a_value_is_one_text() {
    for (from, to, name) in [
        ("p-1001", "p-<x xmlns=\"urn:x\"/>1001", "NameID"),
        ("p-1001", "", "NameID"),
        (SP, "", "Audience"),
        (
            "PasswordProtectedTransport<",
            "PasswordProtectedTransport<x xmlns=\"urn:x\"/><",
            "AuthnContextClassRef",
        ),
    ] {
        let document = response(&provider().sign(&changed(&assertion(), from, to)));

        assert_eq!(refusal(&document), Refusal::LeafText(name));
    }
}
