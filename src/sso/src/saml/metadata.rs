//! Metadata (SAML Metadata §2): what an identity provider says of itself, and what we say of us. Knows certificates and
//! addresses; does not know where metadata was fetched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use roxmltree::{Document, Node, ParsingOptions};
use url::Url;

use super::binding::{Binding, Endpoint};
use super::connection::Certificate;
use super::names::{METADATA, SIGNATURE, all, is, only, text};
use super::signing::SigningKey;
use super::xml::{element, escaped};

/// A federation of thousands is not pasted; one provider has some hundred elements.
const MOST_NODES: u32 = 200_000;
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// What an identity provider's metadata says.
#[derive(Clone, Debug, PartialEq)]
pub struct IdpMetadata {
    /// Its entity id.
    pub entity_id: String,
    /// Where it signs people in, its own order kept.
    pub single_sign_on: Vec<Endpoint>,
    /// Where it takes what belongs to a logout: where to ask, and where to answer.
    pub single_logout: Vec<(Endpoint, Url)>,
    /// The certificates that it signs with. Those with a key that is too weak are left out and counted.
    pub certificates: Vec<Certificate>,
    /// How many certificates were left out.
    pub weak_certificates: usize,
    /// Formats of name identifiers that it offers.
    pub name_id_formats: Vec<String>,
    /// Until when the metadata may be used.
    pub valid_until: Option<DateTime<Utc>>,
}

/// Why metadata cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataRefusal {
    /// Not XML, or XML with a document type declaration.
    #[error("the metadata is not well-formed XML without a document type declaration")]
    Malformed,
    /// No entity in it is a SAML 2.0 identity provider, or not the one that was asked for.
    #[error("the metadata describes no such SAML 2.0 identity provider")]
    NoIdentityProvider,
    /// Several entities are identity providers, and none was named.
    #[error("the metadata describes several identity providers; name the one by its entity id")]
    Several,
    /// A time in it is no time.
    #[error("a time in the metadata is not written as XML Schema wants it")]
    Time,
    /// It says that it may not be used any more.
    #[error("the metadata is not valid any more")]
    Expired,
    /// There is nowhere to send a browser to.
    #[error("the identity provider takes no requests by redirect or POST")]
    NoEndpoint,
    /// There is no certificate to trust.
    #[error("the identity provider names no certificate with a strong enough key")]
    NoCertificate,
}

/// Reads an identity provider's metadata; `entity_id` says which one where a document describes several.
pub fn read(xml: &str, entity_id: Option<&str>, now: DateTime<Utc>) -> Result<IdpMetadata, MetadataRefusal> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let tree = Document::parse_with_options(xml.trim_start_matches('\u{feff}'), options);
    let tree = tree.ok().ok_or(MetadataRefusal::Malformed)?;
    let (entity, role) = provider(&tree, entity_id)?;
    let valid_until = valid_until(role)?;
    if valid_until.is_some_and(|until| now >= until) {
        return Err(MetadataRefusal::Expired);
    }
    let single_sign_on: Vec<_> = all(role, METADATA, "SingleSignOnService").filter_map(endpoint).collect();
    if single_sign_on.is_empty() {
        return Err(MetadataRefusal::NoEndpoint);
    }
    let (certificates, weak_certificates) = certificates(role);
    if certificates.is_empty() {
        return Err(MetadataRefusal::NoCertificate);
    }
    Ok(IdpMetadata {
        entity_id: entity.attribute("entityID").unwrap_or_default().to_owned(),
        single_sign_on,
        single_logout: all(role, METADATA, "SingleLogoutService").filter_map(logout).collect(),
        certificates,
        weak_certificates,
        name_id_formats: all(role, METADATA, "NameIDFormat")
            .filter_map(text)
            .map(|uri| uri.trim().to_owned())
            .collect(),
        valid_until,
    })
}

/// The entity and its role as an identity provider.
fn provider<'a, 'i>(
    tree: &'a Document<'i>,
    entity_id: Option<&str>,
) -> Result<(Node<'a, 'i>, Node<'a, 'i>), MetadataRefusal> {
    let speaks = |role: &Node<'_, '_>| {
        let protocols = role.attribute("protocolSupportEnumeration").unwrap_or_default();
        protocols.split_ascii_whitespace().any(|protocol| protocol == PROTOCOL)
    };
    let mut found = tree
        .descendants()
        .filter(|node| is(*node, METADATA, "EntityDescriptor") && stands_as_entity(*node))
        .filter(|entity| {
            entity.attribute("entityID").is_some_and(|id| entity_id.is_none_or(|wanted| wanted == id))
        })
        .filter_map(|entity| {
            let role = all(entity, METADATA, "IDPSSODescriptor").find(speaks)?;
            Some((entity, role))
        });
    let first = found.next().ok_or(MetadataRefusal::NoIdentityProvider)?;
    if found.next().is_some() { Err(MetadataRefusal::Several) } else { Ok(first) }
}

/// Whether there is nothing but lists of entities above it: what stands in somebody's extensions describes nobody.
fn stands_as_entity(entity: Node<'_, '_>) -> bool {
    let mut above = entity.ancestors().skip(1);
    above.all(|node| node.is_root() || is(node, METADATA, "EntitiesDescriptor"))
}

/// The earliest of the ends that the role, its entity and the lists around it have (SAML Metadata §2.3 and §2.4).
fn valid_until(role: Node<'_, '_>) -> Result<Option<DateTime<Utc>>, MetadataRefusal> {
    let mut earliest: Option<DateTime<Utc>> = None;
    for written in role.ancestors().filter_map(|node| node.attribute("validUntil")) {
        let time = DateTime::parse_from_rfc3339(written).ok().ok_or(MetadataRefusal::Time)?.to_utc();
        earliest = Some(earliest.map_or(time, |earlier| earlier.min(time)));
    }
    Ok(earliest)
}

fn endpoint(node: Node<'_, '_>) -> Option<Endpoint> {
    let binding = match node.attribute("Binding")? {
        REDIRECT => Binding::Redirect,
        POST => Binding::Post,
        _ => return None,
    };
    Some(Endpoint { binding, location: address(node.attribute("Location")?)? })
}

fn logout(node: Node<'_, '_>) -> Option<(Endpoint, Url)> {
    let endpoint = endpoint(node)?;
    let answers = match node.attribute("ResponseLocation") {
        Some(location) => address(location)?,
        None => endpoint.location.clone(),
    };
    Some((endpoint, answers))
}

/// Where a browser can be sent to. That a provider outside of tests is asked by https only, the caller's policy says.
fn address(location: &str) -> Option<Url> {
    Url::parse(location.trim()).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

/// For signing, or for whatever use.
fn certificates(role: Node<'_, '_>) -> (Vec<Certificate>, usize) {
    let (mut strong, mut weak) = (Vec::new(), 0_usize);
    let keys = all(role, METADATA, "KeyDescriptor")
        .filter(|key| key.attribute("use").is_none_or(|use_| use_ == "signing"));
    let written = keys
        .filter_map(|key| only(key, SIGNATURE, "KeyInfo"))
        .flat_map(|info| all(info, SIGNATURE, "X509Data"))
        .flat_map(|data| all(data, SIGNATURE, "X509Certificate"))
        .filter_map(text);
    for certificate in written {
        let compact: String = certificate.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        match STANDARD.decode(compact).ok().and_then(|der| Certificate::from_der(&der).ok()) {
            Some(certificate) if !strong.contains(&certificate) => strong.push(certificate),
            Some(_) => {}
            None => weak += 1,
        }
    }
    (strong, weak)
}

/// What we say of us.
#[derive(Clone, Copy, Debug)]
pub struct Ours<'o> {
    /// Our entity id.
    pub entity_id: &'o str,
    /// Where responses arrive.
    pub acs_url: &'o str,
    /// Where logout messages arrive.
    pub logout_url: &'o str,
    /// Keys that we sign with, the current one first; two while one replaces the other.
    pub signing: &'o [SigningKey],
    /// Certificates to which assertions may be encrypted, the current one first.
    pub encryption: &'o [Certificate],
    /// The format of the name identifier by which people are known; nothing, where another attribute names them.
    pub name_id_format: Option<&'o str>,
}

/// Our metadata.
pub fn write(ours: &Ours<'_>) -> String {
    let key = |purpose: &str, certificate: &Certificate, methods: &str| {
        format!(
            "<md:KeyDescriptor use=\"{purpose}\"><ds:KeyInfo xmlns:ds=\"{SIGNATURE}\"><ds:X509Data>\
             <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>{methods}</md:KeyDescriptor>",
            STANDARD.encode(certificate.der())
        )
    };
    let methods: String = [
        "http://www.w3.org/2009/xmlenc11#aes256-gcm",
        "http://www.w3.org/2009/xmlenc11#aes192-gcm",
        "http://www.w3.org/2009/xmlenc11#aes128-gcm",
        "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        "http://www.w3.org/2001/04/xmlenc#aes192-cbc",
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
        "http://www.w3.org/2009/xmlenc11#rsa-oaep",
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
    ]
    .map(|uri| format!("<md:EncryptionMethod Algorithm=\"{uri}\"/>"))
    .concat();
    let keys: String = (ours.signing.iter().map(|signing| key("signing", signing.certificate(), "")))
        .chain(ours.encryption.iter().map(|certificate| key("encryption", certificate, &methods)))
        .collect();
    // Where nobody asks, this is all that a provider knows of it (SAML Metadata §2.4.1).
    let format = ours.name_id_format.map(|uri| element("md:NameIDFormat", uri)).unwrap_or_default();
    let (logout, acs) = (escaped(ours.logout_url), escaped(ours.acs_url));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"{id}\">\
         <md:SPSSODescriptor AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\" \
         protocolSupportEnumeration=\"{PROTOCOL}\">{keys}\
         <md:SingleLogoutService Binding=\"{REDIRECT}\" Location=\"{logout}\"/>\
         <md:SingleLogoutService Binding=\"{POST}\" Location=\"{logout}\"/>{format}\
         <md:AssertionConsumerService Binding=\"{POST}\" Location=\"{acs}\" index=\"0\" isDefault=\"true\"/>\
         </md:SPSSODescriptor></md:EntityDescriptor>\n",
        id = escaped(ours.entity_id),
    )
}
