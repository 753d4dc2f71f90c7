//! The envelope of a token. Knows compact JWS (RFC 7515); does not know claims.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::{JwsError, SigningAlg, VerifyingKey};

const LONGEST: usize = 16 * 1024;

/// Headers that change what is signed, or must be understood and are not. Those that bring a key along (`jku`, `jwk`, `x5u`,
/// `x5c`) change nothing: they are the word of whoever wrote the token, and nobody reads them (RFC 8725 section 3.10).
const REFUSED_HEADERS: [&str; 5] = ["crit", "b64", "cty", "enc", "zip"];

/// A token taken apart, not verified yet.
pub(crate) struct Jws<'a> {
    pub(crate) algorithm: SigningAlg,
    pub(crate) key_id: Option<String>,
    /// Whether it says what it is; if it does, it is what was asked for.
    pub(crate) is_typed: bool,
    /// All of it, for what is no token of somebody known.
    pub(crate) header: Map<String, Value>,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart. Refuses everything that does not look like a token of one of these types with an allowed
    /// algorithm, before any key is touched.
    pub(crate) fn parse(token: &'a str, allowed: &[SigningAlg], types: &[&str]) -> Result<Self, JwsError> {
        if token.len() > LONGEST {
            return Err(JwsError::TooLong);
        }
        let malformed = JwsError::Malformed;
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed("not three parts"))?;
        let (header, payload) = signed.split_once('.').ok_or(malformed("not three parts"))?;
        if payload.contains('.') {
            return Err(malformed("not three parts"));
        }
        let header = object(&decode(header)?).ok_or(malformed("the header is not a JSON object"))?;
        if let Some(name) = REFUSED_HEADERS.into_iter().find(|name| header.contains_key(*name)) {
            return Err(JwsError::HeaderRefused(name));
        }
        check_type(&header, types)?;
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(malformed("no algorithm"))?;
        let algorithm: SigningAlg = algorithm.parse().or(Err(JwsError::AlgorithmRefused))?;
        if !allowed.contains(&algorithm) {
            return Err(JwsError::AlgorithmRefused);
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(malformed("the key id is not a string")),
        };
        let is_typed = header.contains_key("typ");
        Ok(Self {
            algorithm,
            key_id,
            is_typed,
            header,
            signed,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// The claims, if the signature is by this key.
    pub(crate) fn verify(&self, key: &VerifyingKey) -> Result<Map<String, Value>, JwsError> {
        if !key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(JwsError::SignatureInvalid);
        }
        object(&self.payload).ok_or(JwsError::Malformed("the payload is not a JSON object"))
    }
}

/// RFC 7519 section 5.1: a token need not say what it is. RFC 8725 section 3.11: if it does, it is what we ask for, so that
/// one kind of token is never taken for another. RFC 7515 section 4.1.9: "application/" may be left out.
fn check_type(header: &Map<String, Value>, types: &[&str]) -> Result<(), JwsError> {
    let Some(kind) = header.get("typ") else { return Ok(()) };
    let kind = kind.as_str().ok_or(JwsError::TypeRefused)?.to_ascii_lowercase();
    let bare = kind.strip_prefix("application/").unwrap_or(&kind);
    if types.iter().any(|known| known.eq_ignore_ascii_case(bare)) {
        Ok(())
    } else {
        Err(JwsError::TypeRefused)
    }
}

/// Base64url without padding, line breaks or stray bits (RFC 7515 section 2).
fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(part).or(Err(JwsError::Malformed("a part is not base64url")))
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(bytes).ok()
}
