//! What must hold for any proof that an app holds a key (RFC 9449). Knows the key of [`token`](super::token), which the app holds.

use chrono::DateTime;
use serde_json::{Map, Value};
use sso::op::{HeldKey, ProofError, Proved, verify_proof};

use super::token::{JWK, NOW, signed, split};

const ADDRESS: &str = "https://usher.test/op/acme/token";
const ACCESS: &str = "an-access-token";
/// Its SHA-256.
const ATH: &str = "YiHPD2T9DaX5B837XJXto32BKkT6ZcpVAT6si9f5KiY";
const HEADER: &[u8] = br#"{"alg":"ES256","typ":"dpop+jwt"}"#;

fn shown(proof: &str, access_token: Option<&str>) -> Result<HeldKey, ProofError> {
    let now = DateTime::from_timestamp(NOW.into(), 0).unwrap();
    verify_proof(proof, Proved { method: "POST", address: ADDRESS, access_token, now })
}

/// Bytes are a proof; and the claims of a proof that the holder of the key signs, after its header, if there is a line of its own for
/// that. The header says the key, unless it says another one. Only the last is ever good, and for what it says; and says whether it is.
pub(crate) fn proof(bytes: &[u8]) -> bool {
    assert!(shown(&String::from_utf8_lossy(bytes), None).is_err(), "nobody signed this");

    let (header, claims) = split(bytes, HEADER);
    let Ok(mut header) = serde_json::from_slice::<Map<String, Value>>(header) else { return false };
    header.entry("jwk").or_insert_with(|| JWK.clone());
    let written = signed(&serde_json::to_vec(&header).unwrap(), claims);
    let (alone, beside) = (shown(&written, None), shown(&written, Some(ACCESS)));
    let Ok(held) = alone else {
        assert!(beside.is_err(), "a token makes no proof better");
        return false;
    };
    let kind = header["typ"].as_str().unwrap().to_ascii_lowercase();
    assert_eq!(kind.trim_start_matches("application/"), "dpop+jwt");
    let key = header["jwk"].as_object().unwrap();
    assert!(["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().all(|name| !key.contains_key(*name)));
    assert!(["kty", "crv", "x", "y"].iter().all(|name| key[*name] == JWK[*name]));
    let claims: Value = serde_json::from_slice(claims).unwrap();
    assert_eq!((&claims["htm"], &claims["jti"]), (&Value::from("POST"), &Value::from(held.id.as_str())));
    assert!(claims["htu"].as_str().unwrap().to_ascii_lowercase().contains("usher.test"));
    assert!((1..=255).contains(&held.id.len()));
    let made = claims["iat"].as_f64().unwrap() - f64::from(NOW);
    assert!(made > -120.0 && made <= 60.0);
    assert_eq!(beside.is_ok(), claims.get("ath").is_some_and(|hash| hash == ATH));
    true
}
