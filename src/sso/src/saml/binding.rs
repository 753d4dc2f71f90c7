//! How messages travel through a browser (SAML Bindings §3.4 and §3.5). Knows queries, forms and compression; does not
//! know what a message says.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::pkey::Id;
use openssl::sign::Verifier;
use url::{Url, form_urlencoded};

use super::connection::Certificate;
use super::signing::{ALGORITHM, SigningKey};
use super::{Connection, Refusal};

/// A message that comes in a query: addresses are not longer.
const LONGEST_QUERY: usize = 16 * 1024;
/// What it may not become: a logout request is small.
const LONGEST_INFLATED: u64 = 64 * 1024;

/// Where an identity provider takes messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How.
    pub binding: Binding,
    /// Where.
    pub location: Url,
}

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// In the query of an address.
    Redirect,
    /// In a form that the browser posts.
    Post,
}

/// Which of the two kinds of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Request,
    Response,
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// What the browser is to do with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Go to this address.
    Redirect(Url),
    /// Post these fields to this address.
    Post {
        /// Where to.
        action: Url,
        /// Names and values, not escaped.
        fields: Vec<(&'static str, String)>,
    },
}

/// Signs a message and makes it ready to travel.
pub(super) fn send(
    field: Field,
    document: &str,
    id: &str,
    to: &Endpoint,
    relay_state: Option<&str>,
    key: &SigningKey,
) -> Option<Outgoing> {
    match to.binding {
        Binding::Redirect => {
            redirect(field, document, &to.location, relay_state, key).map(Outgoing::Redirect)
        }
        Binding::Post => {
            let message = STANDARD.encode(key.sign_document(document, id)?);
            let mut fields = vec![(field.name(), message)];
            fields.extend(relay_state.map(|state| ("RelayState", state.to_owned())));
            Some(Outgoing::Post { action: to.location.clone(), fields })
        }
    }
}

fn redirect(
    field: Field,
    document: &str,
    to: &Url,
    relay_state: Option<&str>,
    key: &SigningKey,
) -> Option<Url> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(document.as_bytes()).ok()?;
    let message = STANDARD.encode(encoder.finish().ok()?);
    // What is signed is the query as it stands there, so it is made once and appended as it is.
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(field.name(), &message);
    if let Some(state) = relay_state {
        query.append_pair("RelayState", state);
    }
    query.append_pair("SigAlg", ALGORITHM);
    let query = query.finish();
    let signature = STANDARD.encode(key.sign(query.as_bytes()).ok()?);
    let signature: String = form_urlencoded::byte_serialize(signature.as_bytes()).collect();
    let signed = format!("{query}&Signature={signature}");
    let mut address = to.clone();
    let query = match to.query().filter(|own| !own.is_empty()) {
        Some(own) => format!("{own}&{signed}"),
        None => signed,
    };
    address.set_query(Some(&query));
    Some(address)
}

/// A message that came in a query, with its signature verified over the octets that came.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) document: String,
    pub(super) relay_state: Option<String>,
}

/// Reads a message from the query of an address, as it came and not decoded.
pub(super) fn receive(
    field: Field,
    query: &str,
    connection: &Connection,
    now: DateTime<Utc>,
) -> Result<Received, Refusal> {
    if query.len() > LONGEST_QUERY {
        return Err(Refusal::TooLong);
    }
    let raw = |name: &str| raw_parameter(query, name);
    let message = raw(field.name())?.ok_or(Refusal::Encoding("there is no message"))?;
    let signature = raw("Signature")?.ok_or(Refusal::Unsigned("the message"))?;
    let algorithm = raw("SigAlg")?.ok_or(Refusal::Unsigned("the message"))?;
    let relay_state = raw("RelayState")?;

    let method = Method::of(&decoded(algorithm)?, connection.sha1)?;
    let state = relay_state.map(|state| format!("&RelayState={state}")).unwrap_or_default();
    let octets = format!("{}={message}{state}&SigAlg={algorithm}", field.name());
    let signature = STANDARD.decode(decoded(signature)?).ok().ok_or(Refusal::Signature)?;
    let mut trusted = connection.trusted(now)?.into_iter();
    if !trusted.any(|certificate| method.has_signed(certificate, octets.as_bytes(), &signature)) {
        return Err(Refusal::Signature);
    }
    let document = inflated(&decoded(message)?)?;
    Ok(Received { document, relay_state: relay_state.map(decoded).transpose()? })
}

/// A parameter's value as it stands in the query; twice is refused.
fn raw_parameter<'q>(query: &'q str, name: &str) -> Result<Option<&'q str>, Refusal> {
    let mut values = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
    let first = values.next().map(|(_, value)| value);
    if values.next().is_some() { Err(Refusal::Encoding("a parameter stands there twice")) } else { Ok(first) }
}

fn decoded(value: &str) -> Result<String, Refusal> {
    let pair = format!("v={value}");
    let mut pairs = form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map(|(_, value)| value.into_owned())
        .ok_or(Refusal::Encoding("it is not encoded for an address"))
}

/// How a query is signed.
#[derive(Clone, Copy)]
struct Method {
    key: Id,
    digest: MessageDigest,
}

impl Method {
    fn of(algorithm: &str, sha1: bool) -> Result<Self, Refusal> {
        let (key, digest) = match algorithm {
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => (Id::RSA, MessageDigest::sha256()),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => (Id::RSA, MessageDigest::sha384()),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => (Id::RSA, MessageDigest::sha512()),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => (Id::EC, MessageDigest::sha256()),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => (Id::EC, MessageDigest::sha384()),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512" => (Id::EC, MessageDigest::sha512()),
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1" if sha1 => (Id::RSA, MessageDigest::sha1()),
            _ => return Err(Refusal::SignatureAlgorithm),
        };
        Ok(Self { key, digest })
    }

    /// Whether a certificate's key has made this signature.
    fn has_signed(self, certificate: &Certificate, octets: &[u8], signature: &[u8]) -> bool {
        let verified = certificate.public_key().filter(|key| key.id() == self.key).and_then(|key| {
            let signature = if self.key == Id::EC { both_halves(signature)? } else { signature.to_vec() };
            let mut verifier = Verifier::new(self.digest, &key).ok()?;
            verifier.verify_oneshot(&signature, octets).ok()
        });
        verified.unwrap_or(false)
    }
}

/// RFC 6931 §2.3.6: two numbers of the same length, one behind the other; the library wants them in DER.
fn both_halves(signature: &[u8]) -> Option<Vec<u8>> {
    let (first, second) = signature.split_at_checked(signature.len() / 2)?;
    let number = |bytes| BigNum::from_slice(bytes).ok();
    EcdsaSig::from_private_components(number(first)?, number(second)?).ok()?.to_der().ok()
}

fn inflated(message: &str) -> Result<String, Refusal> {
    let compact: String = message.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(compact).ok().ok_or(Refusal::Encoding("it is not standard base64"))?;
    let mut document = Vec::new();
    let mut inflating = DeflateDecoder::new(bytes.as_slice()).take(LONGEST_INFLATED);
    inflating.read_to_end(&mut document).ok().ok_or(Refusal::Encoding("it does not inflate"))?;
    if u64::try_from(document.len()) == Ok(LONGEST_INFLATED) {
        return Err(Refusal::TooLong);
    }
    String::from_utf8(document).ok().ok_or(Refusal::Encoding("it is not UTF-8"))
}
