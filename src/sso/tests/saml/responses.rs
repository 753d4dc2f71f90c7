//! What a response must say, whether it is signed itself or only its assertion.

use chrono::Duration;
use sso::Groups;
use sso::saml::{Facts, Refusal, Status};

use super::world::*;

/// The same change in a response that is signed as a whole, and in one of which only the assertion is.
fn both_ways(from: &str, to: &str) -> [String; 2] {
    let change = |document: String| changed(&document, from, to);
    [provider().sign(&change(response(&assertion()))), change(signed_assertion())]
}

/// 41, 43, 44, 45
#[test]
fn version_destination_issuer_and_time_are_held_to_the_connection() {
    for (from, to, expected) in [
        ("Version=\"2.0\"", "Version=\"1.1\"", Refusal::Version("the response")),
        (ACS, "https://other.example/acs", Refusal::Destination),
        (IDP, "https://other.example/metadata", Refusal::Issuer("the response")),
        ("2026-11-22T09:59:59Z", "2026-11-22T09:48:59Z", Refusal::IssueInstant("the response")),
        ("2026-11-22T09:59:59Z", "2026-11-22T10:01:01Z", Refusal::IssueInstant("the response")),
        (" IssueInstant=\"2026-11-22T09:59:59Z\"", "", Refusal::IssueInstant("the response")),
        ("2026-11-22T09:59:59Z", "2026-11-22T09:59:59", Refusal::Time("IssueInstant")),
        ("2026-11-22T09:59:59Z", "2026-11-22T10:59:59+01:00", Refusal::Time("IssueInstant")),
    ] {
        for document in both_ways(from, to) {
            assert_eq!(refusal(&document), expected, "{to}");
        }
    }
}

/// 43
#[test]
fn a_signed_response_says_where_it_goes() {
    let without = changed(&response(&assertion()), &format!(" Destination=\"{ACS}\""), "");

    assert_eq!(refusal(&provider().sign(&without)), Refusal::Destination);
}

/// 42
#[test]
fn an_answer_that_nobody_signed_in_signs_nobody_in() {
    const URI: &str = "urn:oasis:names:tc:SAML:2.0:status:";
    for (detail, status) in [
        ("AuthnFailed", Status::AuthnFailed),
        ("NoPassive", Status::NoPassive),
        ("RequestDenied", Status::RequestDenied),
        ("NoAuthnContext", Status::Unsupported),
        ("PartialLogout", Status::Other),
    ] {
        let code = format!(
            "<samlp:StatusCode Value=\"{URI}Responder\"><samlp:StatusCode Value=\"{URI}{detail}\"/></samlp:StatusCode>"
        );
        let success = format!("<samlp:StatusCode Value=\"{URI}Success\"/>");

        for document in both_ways(&success, &code) {
            assert_eq!(refusal(&document), Refusal::Status(status));
        }
        assert_eq!(refusal(&changed(&response(""), &success, &code)), Refusal::Status(status));
    }
    for document in both_ways(&format!("{URI}Success"), "Success") {
        assert_eq!(refusal(&document), Refusal::Status(Status::Other));
    }
}

/// 46
#[test]
fn a_response_answers_the_request_of_this_browser() {
    for document in [signed_assertion(), signed_response()] {
        let others = accept_at(&connection(), &document, Some("_another"), now()).unwrap_err();
        let nobodys = accept_at(&connection(), &document, None, now()).unwrap_err();

        assert_eq!(others, Refusal::InResponseTo("the response"));
        assert_eq!(nobodys, Refusal::InResponseTo("the response"));
    }
    let answer = format!(" InResponseTo=\"{REQUEST}\"");
    for document in both_ways(&answer, "") {
        assert_eq!(refusal(&document), Refusal::InResponseTo("the response"));
    }
}

/// 63
#[test]
fn a_response_that_nobody_asked_for_is_taken_only_where_the_connection_says_so() {
    let answer = format!(" InResponseTo=\"{REQUEST}\"");
    let assertion = changed(&assertion(), &answer, "");
    let unsolicited = changed(&response(&provider().sign(&assertion)), &answer, "");
    let half = response(&provider().sign(&assertion));
    let mut open = connection();
    open.unsolicited = true;

    assert_eq!(accept_at(&connection(), &unsolicited, None, now()).unwrap_err(), Refusal::Unsolicited);
    assert_eq!(accept_at(&open, &unsolicited, None, now()).unwrap().subject, "p-1001");
    assert_eq!(accept_at(&open, &half, None, now()).unwrap_err(), Refusal::InResponseTo("the response"));
    assert_eq!(
        accept_at(&open, &signed_both(), None, now()).unwrap_err(),
        Refusal::InResponseTo("the response")
    );
    assert_eq!(
        accept_at(&open, &unsolicited, Some(REQUEST), now()).unwrap_err(),
        Refusal::InResponseTo("the response")
    );
}

/// 32: the key info of a signature is the one part of an assertion that nobody signed.
#[test]
fn what_stands_in_the_key_info_is_not_signed_and_not_read() {
    let info = "<ds:KeyInfo><saml:EncryptedID/></ds:KeyInfo></ds:Signature>";
    let document = changed(&signed_assertion(), "</ds:Signature>", info);

    assert_eq!(accept(&document).unwrap().subject, "p-1001");
}

/// 32
#[test]
fn only_what_is_signed_is_read() {
    let forged = changed(&signed_response(), "</samlp:Response>", "<samlp:Extensions/></samlp:Response>");

    assert_eq!(refusal(&forged), Refusal::Signature);
}

#[test]
fn the_two_clocks_may_differ_by_the_skew_of_the_connection_and_no_more() {
    let document = signed_both();
    let end = at("2026-11-22T10:05:00Z");

    let last = accept_at(&connection(), &document, Some(REQUEST), end + Duration::seconds(59));
    let late = accept_at(&connection(), &document, Some(REQUEST), end + Duration::seconds(60));
    let first = accept_at(&connection(), &document, Some(REQUEST), at("2026-11-22T09:58:59Z"));
    let early = accept_at(&connection(), &document, Some(REQUEST), at("2026-11-22T09:58:58Z"));

    assert!(last.is_ok() && first.is_ok());
    assert_eq!(late.unwrap_err(), Refusal::Confirmation("it has ended"));
    assert_eq!(early.unwrap_err(), Refusal::IssueInstant("the response"));
}

/// 61, 62, 71: what every protocol ends in.
#[test]
fn an_accepted_response_is_an_identity_with_its_messages_spent() {
    let facts = |groups: &str| Facts { email: Some("mail".to_owned()), groups: Some(groups.to_owned()) };
    let mail = "<saml:AttributeStatement><saml:Attribute Name=\"mail\"><saml:AttributeValue>m@acme.test</saml:AttributeValue></saml:Attribute>";
    let with_mail = response(&provider().sign(&changed(&assertion(), "<saml:AttributeStatement>", mail)));

    let identity = accept(&with_mail).unwrap().identity(&connection(), &facts("groups")).unwrap();

    assert_eq!((identity.issuer.as_str(), identity.subject.as_str()), (IDP, "p-1001"));
    assert_eq!(identity.claim("uid"), Some("momo"));
    assert_eq!(identity.email.unwrap().address, "m@acme.test");
    assert_eq!(identity.groups, Groups::Known(vec!["Sales & More".to_owned(), "営業部".to_owned()]));
    assert_eq!(identity.issued_at, at("2026-11-22T09:59:58Z"));
    assert_eq!(identity.auth_time, Some(at("2026-11-22T09:59:50Z")));
    assert_eq!(identity.expires_hint, Some(at("2026-11-22T18:00:00Z")));
    assert_eq!(identity.provider_session.as_deref(), Some("_s1"));
    let spent: Vec<_> = identity.spent.iter().map(|it| (it.id.as_str(), it.forget_at)).collect();
    let end = at("2026-11-22T10:06:00Z");
    assert_eq!(spent, [("assertion:_a1", end), ("response:_r1", end)]);
}

/// 71
#[test]
fn groups_that_are_not_said_are_unknown_and_not_none() {
    let groups = |document: &str, name: Option<&str>| {
        let facts = Facts { email: None, groups: name.map(ToOwned::to_owned) };
        accept(document).unwrap().identity(&connection(), &facts).unwrap().groups
    };
    let elsewhere = "<saml:AttributeStatement><saml:Attribute Name=\"http://schemas.microsoft.com/claims/groups.link\"><saml:AttributeValue>https://graph.example</saml:AttributeValue></saml:Attribute>";
    let overflowing =
        response(&provider().sign(&changed(&assertion(), "<saml:AttributeStatement>", elsewhere)));

    assert_eq!(groups(&signed_assertion(), None), Groups::Unknown);
    assert_eq!(groups(&signed_assertion(), Some("memberOf")), Groups::Unknown);
    assert_eq!(groups(&overflowing, Some("groups")), Groups::Unknown);
}
