//! Names that two readers resolve differently: namespaces, prefixes, IDs.

use crate::base::*;
use crate::world::{changed, response};

/// The genuine assertion beside one whose elements are SAML's by their local names alone.
pub(crate) fn borrowed(base: &Base) -> Vec<Attack> {
    let mut attacks = Vec::new();
    let foreign = forged("_f1")
        .replace("saml:", "e:")
        .replace("xmlns:e=", "xmlns:saml=")
        .replace("<e:Assertion", "<e:Assertion xmlns:e=\"urn:e\"");
    let none = forged("_f1").replace("saml:", "").replace(&format!(" xmlns:saml=\"{ASSERTION}\""), "");
    let older = forged("_f1")
        .replace(ASSERTION, "urn:oasis:names:tc:SAML:1.0:assertion")
        .replace("saml:", "s1:")
        .replace("xmlns:saml", "xmlns:s1");
    for place in Place::ALL {
        for (what, part) in [("a foreign namespace", &foreign), ("no namespace", &none), ("SAML 1", &older)] {
            let name = |where_: &str| format!("an assertion in {what} {} {where_}", place.word());
            let document = changed(&base.document, base.assertion(), &place.put(part, base.assertion()));
            attacks.push(attack(name("the genuine one"), document));
            let document = changed(&base.document, base.signature(), &place.put(part, base.signature()));
            attacks.push(attack(name("the signature"), document));
            attacks.push(attack(name("the response"), place.put(part, &base.document)));
        }
        // A name beside the name, outside of what is signed where only the assertion is.
        let name_id = format!("<saml:Subject><saml:NameID>{VICTIM}</saml:NameID></saml:Subject>");
        let document = changed(&base.document, base.assertion(), &place.put(&name_id, base.assertion()));
        attacks.push(attack(format!("a subject {} the assertion", place.word()), document));
        let document = changed(
            &base.document,
            &format!(">{PERSON}<"),
            &format!("><saml:NameID>{VICTIM}</saml:NameID>{PERSON}<"),
        );
        attacks.push(attack(format!("a name in the name, {}", place.word()), document));
    }
    attacks
}

/// IDs twice, in other spellings, in namespaces; attributes twice.
pub(crate) fn ids(base: &Base) -> Vec<Attack> {
    let mut attacks = Vec::new();
    let victim = base.document.replace(PERSON, VICTIM);
    for (what, attribute) in [
        ("ID", "ID=\"_a1\""),
        ("Id", "Id=\"_a1\""),
        ("id", "id=\"_a1\""),
        ("xml:id", "xml:id=\"_a1\""),
        ("samlp:ID", "samlp:ID=\"_a1\""),
        ("AssertionID", "AssertionID=\"_a1\" Id=\"_A1\""),
        ("an ID that is no name", "ID=\"1\""),
        ("an empty ID", "ID=\"\""),
        ("an ID with a quote", "ID=\"_a1'] | //*['\""),
    ] {
        for (place, tag) in [
            (Place::Before, "<samlp:Status"),
            (Place::Inside, "<saml:Subject"),
            (Place::After, "<saml:AttributeStatement"),
        ] {
            for (whose, document) in [("the genuine", &base.document), ("a forged", &victim)] {
                let name = format!("{what} of {whose} document, {} the assertion", place.word());
                attacks.push(attack(name, changed(document, tag, &format!("{tag} {attribute}"))));
            }
        }
        for (whose, tag) in [("assertion", "<saml:Assertion"), ("response", "<samlp:Response")] {
            attacks.push(attack(
                format!("a second {what} of the {whose}"),
                changed(&victim, tag, &format!("{tag} {attribute}")),
            ));
        }
    }
    attacks
}

/// Declarations that make a canonicaliser stumble, or that give a known prefix another meaning.
pub(crate) fn namespaces(base: &Base) -> Vec<Attack> {
    let mut attacks = Vec::new();
    let victim = base.document.replace(PERSON, VICTIM);
    for declaration in [
        "xmlns=\"1\"",
        "xmlns:a=\"../a\"",
        "xmlns:a=\"a\"",
        "xmlns:a=\"\"",
        "xmlns:a=\"#\"",
        "xmlns:a=\"//\"",
        "xmlns:saml=\"urn:other\"",
        "xmlns:samlp=\"urn:other\"",
        "xmlns:ds=\"urn:other\"",
        "xmlns:xml=\"urn:other\"",
        "xmlns:xmlns=\"urn:other\"",
        "xmlns:a=\"http://www.w3.org/2000/xmlns/\"",
        "a:b=\"\"",
    ] {
        for (place, tag) in [
            (Place::Before, "<samlp:Status"),
            (Place::Inside, "<saml:Subject"),
            (Place::After, "<saml:AttributeStatement"),
        ] {
            for (whose, document) in [("the genuine", &base.document), ("a forged", &victim)] {
                let name = format!("{declaration} in {whose} document, {} the subject", place.word());
                attacks.push(attack(name, changed(document, tag, &format!("{tag} {declaration}"))));
            }
        }
        let around = changed(&victim, "<samlp:Response", &format!("<samlp:Response {declaration}"));
        attacks.push(attack(format!("{declaration} of the whole"), around));
    }
    // The well-known golden digest: what cannot be canonicalised digests like nothing.
    let golden =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, openssl::sha::sha256(b""));
    let void = response(&changed(&forged("_a1"), "<saml:Subject>", "<saml:Subject xmlns:a=\"../a\">"));
    let template = base
        .profile
        .template("_a1")
        .replace("<ds:DigestValue/>", &format!("<ds:DigestValue>{golden}</ds:DigestValue>"));
    attacks.push(attack(
        "what digests like nothing",
        changed(&void, "</saml:Issuer><saml:Subject", &format!("</saml:Issuer>{template}<saml:Subject")),
    ));
    attacks
}
