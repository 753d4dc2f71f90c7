//! What an identity provider says of itself, and what we say of us.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Document;
use sso::saml::metadata::{IdpMetadata, MetadataRefusal, Ours, read, write};
use sso::saml::{Binding, SigningKey};

use super::requests::signing_key;
use super::world::*;

const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

fn key(purpose: &str, signer: &Signer) -> String {
    let der = STANDARD.encode(signer.certificate.to_der().unwrap());
    let lines = in_lines(&der, "\n  ");
    format!(
        "<md:KeyDescriptor{purpose}><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{lines}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )
}

fn entity(id: &str, keys: &str) -> String {
    format!(
        r#"<md:EntityDescriptor xmlns:md="{MD}" entityID="{id}"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol">{keys}<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/slo" ResponseLocation="https://idp.example/slo/done"/><md:NameIDFormat>{PERSISTENT}</md:NameIDFormat><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="https://idp.example/soap"/><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/post"/><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/redirect"/></md:IDPSSODescriptor></md:EntityDescriptor>"#
    )
}

fn one() -> String {
    entity(IDP, &key(" use=\"signing\"", provider()))
}

fn read_one(text: &str) -> Result<IdpMetadata, MetadataRefusal> {
    read(text, None, now())
}

#[test]
fn metadata_says_where_to_send_people_and_whom_to_believe() {
    let text = format!("\u{feff}<?xml version=\"1.0\"?>\n<!-- ours -->\n{}", one());

    let metadata = read_one(&text).unwrap();

    assert_eq!(metadata.entity_id, IDP);
    let places: Vec<_> =
        metadata.single_sign_on.iter().map(|to| (to.binding, to.location.as_str())).collect();
    assert_eq!(
        places,
        [(Binding::Post, "https://idp.example/post"), (Binding::Redirect, "https://idp.example/redirect")]
    );
    let (ask, answer) = &metadata.single_logout[0];
    assert_eq!(
        (ask.location.as_str(), answer.as_str()),
        ("https://idp.example/slo", "https://idp.example/slo/done")
    );
    assert_eq!(metadata.certificates, [provider().trusted()]);
    assert_eq!(metadata.name_id_formats, [PERSISTENT]);
    assert_eq!(metadata.valid_until, None);
}

#[test]
fn every_certificate_for_signing_counts_once_and_those_for_encryption_do_not() {
    let keys = [
        key(" use=\"signing\"", provider()),
        key("", stranger()),
        key(" use=\"signing\"", provider()),
        key(" use=\"encryption\"", ours()),
        key(" use=\"signing\"", &Signer::rsa(1024)),
    ];

    let metadata = read_one(&entity(IDP, &keys.concat())).unwrap();

    assert_eq!(metadata.certificates, [provider().trusted(), stranger().trusted()]);
    assert_eq!(metadata.weak_certificates, 1);
}

#[test]
fn metadata_that_names_nobody_to_believe_or_nowhere_to_go_is_refused() {
    let only_encryption = entity(IDP, &key(" use=\"encryption\"", provider()));
    let saml_1 = one().replace(" urn:oasis:names:tc:SAML:2.0:protocol", "");
    for (text, refusal) in [
        (only_encryption, MetadataRefusal::NoCertificate),
        (one().replace("SingleSignOnService", "Other"), MetadataRefusal::NoEndpoint),
        (one().replace("https://idp.example/", "javascript:alert(1)//"), MetadataRefusal::NoEndpoint),
        (saml_1, MetadataRefusal::NoIdentityProvider),
        (one().replace("IDPSSODescriptor", "SPSSODescriptor"), MetadataRefusal::NoIdentityProvider),
        (one().replace(MD, "urn:other"), MetadataRefusal::NoIdentityProvider),
        (format!("<!DOCTYPE a>{}", one()), MetadataRefusal::Malformed),
        (one().replace("</md:EntityDescriptor>", ""), MetadataRefusal::Malformed),
        (String::new(), MetadataRefusal::Malformed),
    ] {
        assert_eq!(read_one(&text).unwrap_err(), refusal, "{text}");
    }
}

#[test]
fn of_several_entities_one_is_named() {
    let keys = key("", provider());
    let list = |entities: &str| {
        format!("<md:EntitiesDescriptor xmlns:md=\"{MD}\">{entities}</md:EntitiesDescriptor>")
    };
    let both = list(&list(&format!("{}{}", entity(IDP, &keys), entity("https://other.example", &keys))));

    assert_eq!(read_one(&both).unwrap_err(), MetadataRefusal::Several);
    assert_eq!(read(&both, Some(IDP), now()).unwrap().entity_id, IDP);
    assert_eq!(read(&both, Some("urn:nobody"), now()).unwrap_err(), MetadataRefusal::NoIdentityProvider);
}

#[test]
fn an_entity_in_somebodys_extensions_describes_nobody() {
    let inner = entity("https://evil.example", &key("", stranger()));
    let opening = format!("<md:EntityDescriptor xmlns:md=\"{MD}\" entityID=\"{IDP}\">");
    let text = one().replace(&opening, &format!("{opening}<md:Extensions>{inner}</md:Extensions>"));

    assert_eq!(read_one(&text).unwrap().entity_id, IDP);
    assert_eq!(
        read(&text, Some("https://evil.example"), now()).unwrap_err(),
        MetadataRefusal::NoIdentityProvider
    );
}

#[test]
fn metadata_ends_with_the_earliest_time_around_it() {
    let until =
        |element: &str, time: &str| one().replace(element, &format!("{element} validUntil=\"{time}\""));
    let entity = "<md:EntityDescriptor";
    let later = until(entity, "2026-11-23T00:00:00Z");
    let both =
        later.replace("<md:IDPSSODescriptor", "<md:IDPSSODescriptor validUntil=\"2026-11-22T11:00:00Z\"");

    assert_eq!(read_one(&later).unwrap().valid_until, Some(at("2026-11-23T00:00:00Z")));
    assert_eq!(read_one(&both).unwrap().valid_until, Some(at("2026-11-22T11:00:00Z")));
    assert_eq!(read_one(&until(entity, "2026-11-22T10:00:00Z")).unwrap_err(), MetadataRefusal::Expired);
    assert_eq!(read_one(&until(entity, "tomorrow")).unwrap_err(), MetadataRefusal::Time);
    let list = format!(
        "<md:EntitiesDescriptor xmlns:md=\"{MD}\" validUntil=\"2026-01-01T00:00:00Z\">{}</md:EntitiesDescriptor>",
        one()
    );
    assert_eq!(read_one(&list).unwrap_err(), MetadataRefusal::Expired);
}

#[test]
fn our_metadata_names_each_key_by_its_use_and_both_during_a_rollover() {
    let newer = Signer::rsa(2048);
    let next = SigningKey::new(&newer.key.private_key_to_pkcs8().unwrap(), newer.trusted()).unwrap();
    let text = write(&Ours {
        entity_id: "https://usher.example/saml/a&b",
        acs_url: ACS,
        logout_url: "https://usher.example/slo",
        signing: &[next, signing_key()],
        encryption: &[newer.trusted(), ours().trusted()],
        name_id_format: Some("urn:x&y"),
    });

    let tree = Document::parse(&text).unwrap();
    let all = |name: &'static str| tree.descendants().filter(move |node| node.has_tag_name((MD, name)));
    let uses: Vec<_> = all("KeyDescriptor").map(|key| key.attribute("use").unwrap()).collect();
    let certificates: Vec<_> = tree
        .descendants()
        .filter(|node| node.tag_name().name() == "X509Certificate")
        .map(|node| STANDARD.decode(node.text().unwrap()).unwrap())
        .collect();
    let (new, old) = (newer.trusted().der().to_vec(), ours().trusted().der().to_vec());
    assert_eq!(uses, ["signing", "signing", "encryption", "encryption"]);
    assert_eq!(certificates, [new.clone(), old.clone(), new, old]);
    assert_eq!(tree.root_element().attribute("entityID"), Some("https://usher.example/saml/a&b"));
    let role = all("SPSSODescriptor").next().unwrap();
    assert_eq!(role.attribute("AuthnRequestsSigned"), Some("true"));
    assert_eq!(role.attribute("WantAssertionsSigned"), Some("true"));
    // Between the logout services and the consumer (SAML Metadata §2.4.2 and §2.4.4).
    let parts: Vec<_> = role.children().map(|node| node.tag_name().name()).collect();
    assert_eq!(
        parts[4..],
        ["SingleLogoutService", "SingleLogoutService", "NameIDFormat", "AssertionConsumerService"]
    );
    assert_eq!(all("NameIDFormat").next().unwrap().text(), Some("urn:x&y"));
    let acs = all("AssertionConsumerService").next().unwrap();
    assert_eq!(acs.attribute("Binding"), Some("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"));
    assert_eq!(acs.attribute("Location"), Some(ACS));
    let logouts: Vec<_> = all("SingleLogoutService").map(|slo| slo.attribute("Binding").unwrap()).collect();
    assert_eq!(logouts.len(), 2);
    let methods: Vec<_> =
        all("EncryptionMethod").filter_map(|method| method.attribute("Algorithm")).collect();
    assert!(!methods.iter().any(|method| method.contains("rsa-1_5") || method.contains("tripledes")));
    assert!(methods.contains(&"http://www.w3.org/2009/xmlenc11#aes256-gcm"));
}
