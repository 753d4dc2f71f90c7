//! Genuine messages for others, of other times, about something else. Knows what the provider may have signed; the forger's
//! part is to bring it here.

use crate::base::*;
use crate::world::{ACS, IDP, REQUEST, SP, assertion, changed, response};

const CONFIRMATION: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// What is changed in the victim's assertion before the provider signs it.
const IN_ASSERTION: [(&str, &str, &str); 24] = [
    ("another audience", SP, "https://other.example/metadata"),
    ("an audience that ours begins", SP, "https://usher.example/metadata/acme.evil.example"),
    (
        "no audience",
        "<saml:AudienceRestriction><saml:Audience>https://usher.example/metadata/acme</saml:Audience></saml:AudienceRestriction>",
        "",
    ),
    ("an audience that is empty", SP, ""),
    (
        "a second restriction to others",
        "</saml:Conditions>",
        "<saml:AudienceRestriction><saml:Audience>https://other.example</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
    ),
    (
        "another recipient",
        "Recipient=\"https://usher.example/saml/acme/idp/acs\"",
        "Recipient=\"https://other.example/acs\"",
    ),
    ("no recipient", " Recipient=\"https://usher.example/saml/acme/idp/acs\"", ""),
    (
        "the answer to another request",
        "InResponseTo=\"_4fee3b046395c4e751011e97f8900b52\"/>",
        "InResponseTo=\"_other\"/>",
    ),
    (
        "a confirmation that has ended",
        "NotOnOrAfter=\"2026-11-22T10:05:00Z\" Recipient",
        "NotOnOrAfter=\"2026-11-22T09:50:00Z\" Recipient",
    ),
    ("a confirmation without an end", "NotOnOrAfter=\"2026-11-22T10:05:00Z\" Recipient", "Recipient"),
    (
        "a confirmation of ten years",
        "NotOnOrAfter=\"2026-11-22T10:05:00Z\" Recipient",
        "NotOnOrAfter=\"2036-11-22T10:05:00Z\" Recipient",
    ),
    ("a holder of a key", CONFIRMATION, "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"),
    ("somebody who vouches", CONFIRMATION, "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"),
    (
        "conditions that have ended",
        "NotBefore=\"2026-11-22T09:59:30Z\" NotOnOrAfter=\"2026-11-22T10:05:00Z\"",
        "NotBefore=\"2026-11-22T09:00:00Z\" NotOnOrAfter=\"2026-11-22T09:30:00Z\"",
    ),
    (
        "conditions that have not begun",
        "NotBefore=\"2026-11-22T09:59:30Z\"",
        "NotBefore=\"2026-11-22T10:04:00Z\"",
    ),
    ("an unknown condition", "</saml:Conditions>", "<x:only xmlns:x=\"urn:x\"/></saml:Conditions>"),
    (
        "another issuer",
        ">https://idp.example/metadata</saml:Issuer><saml:Subject",
        ">https://other.example</saml:Issuer><saml:Subject",
    ),
    ("an assertion of SAML 1.1", "ID=\"_a1\" Version=\"2.0\"", "ID=\"_a1\" Version=\"1.1\""),
    (
        "an assertion of yesterday",
        "IssueInstant=\"2026-11-22T09:59:58Z\"",
        "IssueInstant=\"2026-11-21T09:59:58Z\"",
    ),
    (
        "an assertion of tomorrow",
        "IssueInstant=\"2026-11-22T09:59:58Z\"",
        "IssueInstant=\"2026-11-23T09:59:58Z\"",
    ),
    (
        "a sign-in of tomorrow",
        "AuthnInstant=\"2026-11-22T09:59:50Z\"",
        "AuthnInstant=\"2026-11-23T09:59:50Z\"",
    ),
    (
        "a session that has ended",
        "SessionNotOnOrAfter=\"2026-11-22T18:00:00Z\"",
        "SessionNotOnOrAfter=\"2026-11-22T09:00:00Z\"",
    ),
    ("a name for another party", "<saml:NameID ", "<saml:NameID SPNameQualifier=\"https://other.example\" "),
    ("a time without a zone", "NotBefore=\"2026-11-22T09:59:30Z\"", "NotBefore=\"2026-11-22T09:59:30\""),
];

/// What is changed in the response around it.
const IN_RESPONSE: [(&str, &str, &str); 7] = [
    (
        "another destination",
        "Destination=\"https://usher.example/saml/acme/idp/acs\"",
        "Destination=\"https://other.example/acs\"",
    ),
    (
        "a response to another request",
        "InResponseTo=\"_4fee3b046395c4e751011e97f8900b52\"><saml:Issuer",
        "InResponseTo=\"_other\"><saml:Issuer",
    ),
    (
        "a response to nobody's request",
        " InResponseTo=\"_4fee3b046395c4e751011e97f8900b52\"><saml:Issuer",
        "><saml:Issuer",
    ),
    ("a status of failure", SUCCESS, "urn:oasis:names:tc:SAML:2.0:status:Responder"),
    ("a status that is none", SUCCESS, "Success"),
    ("a response of SAML 1.1", "ID=\"_r1\" Version=\"2.0\"", "ID=\"_r1\" Version=\"1.1\""),
    (
        "a response of yesterday",
        "IssueInstant=\"2026-11-22T09:59:59Z\"",
        "IssueInstant=\"2026-11-21T09:59:59Z\"",
    ),
];

/// What the provider says of the victim, to others.
pub(crate) fn messages(base: &Base) -> Vec<Attack> {
    debug_assert!(ACS.ends_with("acs") && REQUEST.starts_with('_') && IDP.ends_with("metadata"));
    let victim = changed(&assertion(), PERSON, VICTIM);
    let sign = |document: &str| Base::of(base.profile, document).document;
    let mut attacks: Vec<_> = IN_ASSERTION
        .into_iter()
        .map(|(what, from, to)| attack(what, sign(&response(&changed(&victim, from, to)))))
        .collect();
    attacks.extend(
        IN_RESPONSE
            .into_iter()
            .map(|(what, from, to)| attack(what, sign(&changed(&response(&victim), from, to)))),
    );
    for (what, part) in [
        ("Subject", "Subject"),
        ("Conditions", "Conditions"),
        ("AuthnStatement", "AuthnStatement"),
        ("NameID", "NameID"),
    ] {
        let element =
            crate::world::between(&victim, &format!("<saml:{part}"), &format!("</saml:{part}>")).to_owned();
        attacks.push(attack(format!("no {what}"), sign(&response(&changed(&victim, &element, "")))));
        for place in Place::ALL {
            let other = element.replace(VICTIM, PERSON);
            let two = changed(&victim, &element, &place.put(&other, &element));
            attacks
                .push(attack(format!("a second {what} {} the first", place.word()), sign(&response(&two))));
        }
    }
    attacks
}
