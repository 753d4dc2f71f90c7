//! What a signed assertion must say.

use chrono::Duration;
use sso::saml::{self, Expected, Refusal, Subject};

use super::world::*;

fn signed(assertion: &str) -> String {
    response(&provider().sign(assertion))
}

fn refusal_of(from: &str, to: &str) -> Refusal {
    refusal(&signed(&changed(&assertion(), from, to)))
}

/// 47 to 49
#[test]
fn version_issuer_and_time_are_held_to_the_connection() {
    for (from, to, expected) in [
        ("Version=\"2.0\"", "Version=\"1.1\"", Refusal::Version("the assertion")),
        (IDP, "https://other.example/metadata", Refusal::Issuer("the assertion")),
        ("2026-11-22T09:59:58Z", "2026-11-22T09:48:58Z", Refusal::IssueInstant("the assertion")),
        ("2026-11-22T09:59:58Z", "2026-11-23T09:59:58Z", Refusal::IssueInstant("the assertion")),
    ] {
        assert_eq!(refusal_of(from, to), expected, "{to}");
    }
}

/// 50
#[test]
fn there_is_one_person_with_one_name_in_the_format_of_the_connection() {
    let name = format!("<saml:NameID Format=\"{PERSISTENT}\">p-1001</saml:NameID>");
    let changes = "transient, which changes";
    let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    let other = |found: &'static str| Refusal::NameIdFormat { found, wanted: "persistent" };
    for (from, to, expected) in [
        (name.as_str(), name.repeat(2), Refusal::ExactlyOne("NameID")),
        (&name, String::new(), Refusal::ExactlyOne("NameID")),
        ("<saml:Conditions", "<saml:Subject/><saml:Conditions".to_owned(), Refusal::ExactlyOne("Subject")),
        ("p-1001", " ".to_owned(), Refusal::LeafText("NameID")),
        (PERSISTENT, transient.to_owned(), other(changes)),
        (&format!(" Format=\"{PERSISTENT}\""), String::new(), other("unspecified")),
        ("p-1001", "x".repeat(257), Refusal::AttributeText),
        ("p-1001", "p&#x7f;".to_owned(), Refusal::AttributeText),
    ] {
        assert_eq!(refusal_of(from, &to), expected, "{to}");
    }

    let mut transient_connection = connection();
    transient_connection.subject = Subject::NameId { format: transient.to_owned() };
    let document = signed(&changed(&assertion(), PERSISTENT, transient));
    assert_eq!(
        refusal_on(&transient_connection, &document),
        Refusal::NameIdFormat { found: changes, wanted: changes }
    );
}

#[test]
fn an_attribute_can_name_the_person_if_it_has_one_value() {
    let mut connection = connection();
    connection.subject = Subject::Attribute { name: "uid".to_owned() };
    let transient = changed(&assertion(), PERSISTENT, "urn:oasis:names:tc:SAML:2.0:nameid-format:transient");

    assert_eq!(accept_on(&connection, &signed(&transient)).unwrap().subject, "momo");
    for name in ["groups", "unknown"] {
        connection.subject = Subject::Attribute { name: name.to_owned() };
        let expected = Refusal::ExactlyOne("value of the attribute that names the person");
        assert_eq!(refusal_on(&connection, &signed(&assertion())), expected);
    }
}

/// 51
#[test]
fn a_name_is_qualified_by_the_two_parties_or_by_nobody() {
    let qualified = |idp: &str, sp: &str| {
        changed(
            &assertion(),
            "<saml:NameID ",
            &format!("<saml:NameID NameQualifier=\"{idp}\" SPNameQualifier=\"{sp}\" "),
        )
    };

    assert!(accept(&signed(&qualified(IDP, SP))).is_ok());
    assert_eq!(refusal(&signed(&qualified("https://other.example", SP))), Refusal::NameIdQualifier);
    assert_eq!(refusal(&signed(&qualified(IDP, "https://other.example"))), Refusal::NameIdQualifier);
}

/// 52
#[test]
fn a_bearer_confirmation_is_for_us_for_this_request_and_for_a_short_time() {
    let until = "NotOnOrAfter=\"2026-11-22T10:05:00Z\" Recipient";
    for (from, to, why) in [
        ("cm:bearer", "cm:sender-vouches", "there is none"),
        (
            &format!("Recipient=\"{ACS}\""),
            "Recipient=\"https://other.example/acs\"",
            "it names another recipient",
        ),
        (&format!(" Recipient=\"{ACS}\""), "", "it names another recipient"),
        (until, "Recipient", "it has no end"),
        (until, "NotOnOrAfter=\"2026-11-22T09:59:00Z\" Recipient", "it has ended"),
        (until, "NotOnOrAfter=\"2026-11-22T10:30:01Z\" Recipient", "it ends too late"),
        (
            until,
            "NotBefore=\"2026-11-22T09:59:00Z\" NotOnOrAfter=\"2026-11-22T10:05:00Z\" Recipient",
            "it has a beginning, which bearers may not have",
        ),
    ] {
        assert_eq!(refusal_of(from, to), Refusal::Confirmation(why));
    }
    let answer = format!(" InResponseTo=\"{REQUEST}\"");
    for to in ["", " InResponseTo=\"_another\""] {
        assert_eq!(refusal_of(&answer, to), Refusal::InResponseTo("the confirmation"));
    }
}

/// 52
#[test]
fn one_valid_confirmation_among_several_is_enough() {
    let other = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-22T10:05:00Z\" Recipient=\"https://other.example/acs\"/></saml:SubjectConfirmation><saml:SubjectConfirmation ";

    assert!(accept(&signed(&changed(&assertion(), "<saml:SubjectConfirmation ", other))).is_ok());
}

/// 53 to 56
#[test]
fn conditions_are_there_understood_and_met() {
    let restriction =
        format!("<saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction>");
    let others = restriction.replace(SP, "https://other.example");
    let conditions =
        "<saml:Conditions NotBefore=\"2026-11-22T09:59:30Z\" NotOnOrAfter=\"2026-11-22T10:05:00Z\">";
    let whole = assertion();
    let whole = between(&whole, "<saml:Conditions", "</saml:Conditions>");
    for (from, to, expected) in [
        (whole, String::new(), Refusal::ExactlyOne("Conditions")),
        (
            conditions,
            format!("<saml:Conditions>{restriction}</saml:Conditions>{conditions}"),
            Refusal::ExactlyOne("Conditions"),
        ),
        (
            "NotBefore=\"2026-11-22T09:59:30Z\"",
            "NotBefore=\"2026-11-22T10:01:01Z\"".to_owned(),
            Refusal::Validity,
        ),
        (
            "NotOnOrAfter=\"2026-11-22T10:05:00Z\">",
            "NotOnOrAfter=\"2026-11-22T09:59:00Z\">".to_owned(),
            Refusal::Validity,
        ),
        (&restriction, String::new(), Refusal::Audience),
        (SP, "https://other.example".to_owned(), Refusal::Audience),
        (&restriction, format!("{restriction}{others}"), Refusal::Audience),
        (&restriction, format!("{restriction}<saml:Condition/>"), Refusal::UnknownCondition),
        (&restriction, format!("{restriction}<x xmlns=\"urn:x\"/>"), Refusal::UnknownCondition),
    ] {
        assert_eq!(refusal_of(from, &to), expected, "{to}");
    }

    let known = format!("{restriction}{restriction}<saml:OneTimeUse/><saml:ProxyRestriction Count=\"1\"/>");
    assert!(accept(&signed(&changed(&assertion(), &restriction, &known))).is_ok());
    let several = format!("<saml:Audience>https://other.example</saml:Audience><saml:Audience>{SP}");
    assert!(accept(&signed(&changed(&assertion(), &format!("<saml:Audience>{SP}"), &several))).is_ok());
}

/// 57
#[test]
fn the_person_signed_in_once_not_in_the_future_and_not_too_long_ago() {
    let authn = "AuthnInstant=\"2026-11-22T09:59:50Z\"";
    assert_eq!(refusal_of(authn, "AuthnInstant=\"2026-11-22T10:01:01Z\""), Refusal::AuthnInstant);
    assert_eq!(refusal_of(&format!(" {authn}"), ""), Refusal::AuthnInstant);
    assert_eq!(
        refusal_of("<saml:AttributeStatement>", "<saml:AuthnStatement/><saml:AttributeStatement>"),
        Refusal::ExactlyOne("AuthnStatement")
    );

    let yesterday = signed(&changed(&assertion(), authn, "AuthnInstant=\"2026-11-21T09:59:50Z\""));
    let mut hour = connection();
    hour.max_age = Some(Duration::hours(1));
    assert!(accept(&yesterday).is_ok());
    assert_eq!(refusal_on(&hour, &yesterday), Refusal::AuthnInstant);
}

/// 57
#[test]
fn who_was_asked_to_sign_in_anew_has_done_so_since() {
    let document = signed_both();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, document);
    let connection = connection();
    let asked_at = |asked| Expected {
        connection: &connection,
        request: Some(REQUEST),
        fresh_since: Some(asked),
        now: now(),
    };

    assert!(saml::accept(&encoded, &asked_at(at("2026-11-22T09:59:00Z"))).is_ok());
    assert_eq!(
        saml::accept(&encoded, &asked_at(at("2026-11-22T10:00:51Z"))).map(|accepted| accepted.subject),
        Err(Refusal::AuthnInstant)
    );
}

/// 58
#[test]
fn a_session_that_has_ended_at_the_provider_does_not_begin_here() {
    assert_eq!(refusal_of("2026-11-22T18:00:00Z", "2026-11-22T09:59:00Z"), Refusal::SessionEnded);
}

/// 59
#[test]
fn a_required_means_of_sign_in_must_be_named() {
    let mut strong = connection();
    strong.authn_contexts = vec!["https://refeds.org/profile/mfa".to_owned()];
    let mfa = changed(
        &assertion(),
        "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
        "https://refeds.org/profile/mfa",
    );

    assert_eq!(refusal_on(&strong, &signed(&assertion())), Refusal::AuthnContext);
    assert_eq!(
        accept_on(&strong, &signed(&mfa)).unwrap().authn_context.as_deref(),
        Some("https://refeds.org/profile/mfa")
    );
}

/// 40
#[test]
fn encrypted_names_and_attributes_are_refused_and_not_overlooked() {
    for element in ["<saml:EncryptedID/><saml:NameID ", "<saml:NameID "] {
        let to = format!("{element}Format=\"{PERSISTENT}\">");
        let from = format!("<saml:NameID Format=\"{PERSISTENT}\">");
        let document = changed(&assertion(), &from, &to);
        let document = if element.contains("EncryptedID") {
            document
        } else {
            changed(&document, "<saml:Attribute ", "<saml:EncryptedAttribute/><saml:Attribute ")
        };

        assert_eq!(refusal(&signed(&document)), Refusal::EncryptedPart);
    }
}

/// 73
#[test]
fn attributes_are_texts_of_a_bounded_length() {
    assert_eq!(refusal_of("momo", &"x".repeat(1025)), Refusal::AttributeText);
    assert_eq!(refusal_of("momo", "mo&#x9b;mo"), Refusal::AttributeText);

    let nested = "<saml:AttributeValue xsi:type=\"xs:string\"><saml:NameID>x</saml:NameID></saml:AttributeValue><saml:AttributeValue xsi:type=\"xs:string\">momo";
    let document = signed(&changed(&assertion(), "<saml:AttributeValue xsi:type=\"xs:string\">momo", nested));
    assert_eq!(accept(&document).unwrap().attributes.of("uid"), ["momo"]);
}
