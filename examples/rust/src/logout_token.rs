//! Logout tokens (`OpenID` Connect Back-Channel Logout 1.0 §2.4, §2.6). Knows what makes one good; does not know whose session it ends.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use openidconnect::JsonWebKey as _;
use openidconnect::core::{CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How far clocks may be apart.
const LEEWAY_SECONDS: i64 = 5;

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: CoreJwsSigningAlgorithm,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    sid: String,
    events: Map<String, Value>,
    nonce: Option<Value>,
}

/// The session (`sid`) that a token ends, if this issuer signed it for this client.
pub fn verified(token: &str, keys: &CoreJsonWebKeySet, issuer: &str, client: &str) -> Option<String> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = json(header)?;
    let key = keys.keys().iter().find(|key| key.key_id().is_some_and(|id| **id == header.kid))?;
    // An algorithm that is not for keys of this kind, `none` and HMAC among them, is an error here.
    key.verify_signature(&header.alg, signed.as_bytes(), &decoded(signature)?).ok()?;
    let claims: Claims = json(claims)?;
    let now = Utc::now().timestamp();
    let good = header.typ == "logout+jwt"
        && claims.iss == issuer
        && claims.aud == client
        && claims.iat <= now + LEEWAY_SECONDS
        && claims.exp > now - LEEWAY_SECONDS
        && claims.events.get(EVENT).is_some_and(Value::is_object)
        && claims.nonce.is_none();
    good.then_some(claims.sid)
}

fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&decoded(part)?).ok()
}

/// The bytes of base64url without padding.
pub fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
