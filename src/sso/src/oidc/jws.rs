//! The envelope of an ID token. Knows compact JWS (RFC 7515); does not know claims.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use openidconnect::core::CoreJsonWebKey;
use serde_json::{Map, Value};

use super::SigningAlg;
use crate::SsoError;

const LONGEST: usize = 16 * 1024;

/// Headers that name a key to trust, change what is signed, or must be understood and are not.
const REFUSED_HEADERS: [&str; 8] = ["crit", "jku", "jwk", "x5u", "b64", "cty", "enc", "zip"];

/// An ID token taken apart, not verified yet.
pub(super) struct Jws<'a> {
    pub(super) algorithm: SigningAlg,
    pub(super) key_id: Option<String>,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart. Refuses everything that does not look like an ID token with an allowed algorithm, before any
    /// key is touched.
    pub(super) fn parse(token: &'a str, allowed: &[SigningAlg]) -> Result<Self, SsoError> {
        if token.len() > LONGEST {
            return Err(SsoError::IdTokenTooLong);
        }
        let malformed = SsoError::IdTokenMalformed;
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed("not three parts"))?;
        let (header, payload) = signed.split_once('.').ok_or(malformed("not three parts"))?;
        if payload.contains('.') {
            return Err(malformed("not three parts"));
        }
        let header = object(&decode(header)?).ok_or(malformed("the header is not a JSON object"))?;
        if let Some(name) = REFUSED_HEADERS.into_iter().find(|name| header.contains_key(*name)) {
            return Err(SsoError::HeaderRefused(name));
        }
        check_type(&header)?;
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(malformed("no algorithm"))?;
        let algorithm: SigningAlg = algorithm.parse().or(Err(SsoError::AlgorithmRefused))?;
        if !allowed.contains(&algorithm) {
            return Err(SsoError::AlgorithmRefused);
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(malformed("the key id is not a string")),
        };
        Ok(Self { algorithm, key_id, signed, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// The claims, if the signature is by this key.
    pub(super) fn verify(&self, key: &CoreJsonWebKey) -> Result<Map<String, Value>, SsoError> {
        key.verify_signature(&self.algorithm.on_the_wire(), self.signed.as_bytes(), &self.signature)
            .or(Err(SsoError::SignatureInvalid))?;
        object(&self.payload).ok_or(SsoError::IdTokenMalformed("the payload is not a JSON object"))
    }
}

/// RFC 7519 section 5.1: "JWT" is what a JWT calls itself, if anything. A logout token or an access token says otherwise.
fn check_type(header: &Map<String, Value>) -> Result<(), SsoError> {
    match header.get("typ") {
        None => Ok(()),
        Some(Value::String(kind))
            if kind.eq_ignore_ascii_case("JWT") || kind.eq_ignore_ascii_case("application/jwt") =>
        {
            Ok(())
        }
        Some(_) => Err(SsoError::TypeRefused),
    }
}

/// Base64url without padding, line breaks or stray bits (RFC 7515 section 2).
fn decode(part: &str) -> Result<Vec<u8>, SsoError> {
    URL_SAFE_NO_PAD.decode(part).or(Err(SsoError::IdTokenMalformed("a part is not base64url")))
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(bytes).ok()
}
