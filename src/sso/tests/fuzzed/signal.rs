//! What must hold for whatever a provider tells us: security event tokens and revocations. Knows the key of [`token`](super::token).

use chrono::{DateTime, Utc};
use serde_json::Value;
use sso::oidc::SigningAlg;
use sso::signals::{Expected, HeardError, Revocation, SecurityEventToken, judge_revocation, judge_set};

use super::token::{ISSUER, KEYS, NOW, signed, split};

const US: &str = "https://usher.test/signals/acme/op/events";
const HEADER: &[u8] = br#"{"alg":"ES256","kid":"k","typ":"secevent+jwt"}"#;

fn expected() -> Expected<'static> {
    let now: DateTime<Utc> = DateTime::from_timestamp(NOW.into(), 0).unwrap();
    Expected { issuer: ISSUER, audience: US, algorithms: &SigningAlg::DEFAULT, now }
}

fn heard(token: &str) -> (Result<SecurityEventToken, HeardError>, Result<Revocation, HeardError>) {
    (judge_set(&KEYS, token, expected()), judge_revocation(&KEYS, token, expected()))
}

/// Bytes are a token; and the claims of a token that the provider signs, after its header, if there is a line of its own for that.
/// Only the last is ever believed, and as what it says that it is; and says whether it is.
pub(crate) fn signal(bytes: &[u8]) -> bool {
    let (set, revocation) = heard(&String::from_utf8_lossy(bytes));
    assert!(set.is_err() && revocation.is_err(), "nobody signed this");

    let (header, claims) = split(bytes, HEADER);
    let (set, revocation) = heard(&signed(header, claims));
    if set.is_err() && revocation.is_err() {
        return false;
    }
    let [header, claims] = [header, claims].map(|part| serde_json::from_slice::<Value>(part).unwrap());
    let kind = header.get("typ").and_then(Value::as_str).map(str::to_ascii_lowercase);
    let kind = kind.map(|kind| kind.trim_start_matches("application/").to_owned());
    assert!(["crit", "b64", "cty", "enc", "zip"].iter().all(|name| header.get(*name).is_none()));
    assert_eq!(claims["iss"], ISSUER);
    let audiences = claims["aud"].as_array().cloned().unwrap_or_else(|| vec![claims["aud"].clone()]);
    assert!(audiences.iter().any(|audience| audience == US));
    let time = |name: &str| claims.get(name).and_then(Value::as_f64).map(|time| time - f64::from(NOW));
    assert!(time("exp").is_none_or(|end| end > -60.0));
    if let Ok(set) = &set {
        assert_eq!(kind.as_deref(), Some("secevent+jwt"));
        assert!((-7.0 * 86_400.0..=60.0).contains(&time("iat").unwrap()));
        assert!(claims["jti"] == set.id.as_str() && (1..=255).contains(&set.id.len()));
        assert!((1..=16).contains(&set.events.len()) && set.events.values().all(Value::is_object));
    }
    if revocation.is_ok() {
        assert!(kind.is_none_or(|kind| kind == "jwt" || kind == "global-token-revocation+jwt"));
        assert_eq!(audiences.len(), 1);
        assert!(time("exp").unwrap() <= 3_660.0);
        assert!(["iat", "nbf"].iter().all(|name| time(name).is_none_or(|moment| moment <= 60.0)));
    }
    true
}
