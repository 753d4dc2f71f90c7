//! What must hold for any token. Knows a provider's key; does not know who makes the bytes.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::DateTime;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::Private;
use serde_json::{Value, json};
use sso::jose::KeySet;
use sso::oidc::{self, ClientAuth, Connection, FlowSecrets, SigningAlg, Tenancy};
use sso::{Secret, SsoError, VerifiedIdentity};

pub(super) const ISSUER: &str = "https://op.test";
const CLIENT: &str = "gateway";
const NONCE: &str = "nonce";
/// 2026-11-22T10:00:00Z; the seeds are of this moment.
pub(super) const NOW: u32 = 1_795_341_600;
const HEADER: &[u8] = br#"{"alg":"ES256","kid":"k"}"#;

static KEY: LazyLock<EcKey<Private>> =
    LazyLock::new(|| EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap());

/// The public half of the key.
pub(super) static JWK: LazyLock<Value> = LazyLock::new(|| {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let mut context = openssl::bn::BigNumContext::new().unwrap();
    let (mut x, mut y) = (openssl::bn::BigNum::new().unwrap(), openssl::bn::BigNum::new().unwrap());
    KEY.public_key().affine_coordinates(&group, &mut x, &mut y, &mut context).unwrap();
    let number = |number: &openssl::bn::BigNum| encode(number.to_vec_padded(32).unwrap());
    json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": "k", "x": number(&x), "y": number(&y)})
});

pub(super) static KEYS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::read(json!({"keys": [JWK.clone()]})).unwrap());

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn connection() -> Connection {
    Connection {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        client_auth: ClientAuth::Secret(Secret::new("secret")),
        redirect_uri: "https://usher.test/callback".parse().unwrap(),
        scopes: vec!["openid".to_owned()],
        allowed_algs: SigningAlg::DEFAULT.to_vec(),
        clock_skew: Duration::from_mins(1),
        max_age: None,
        acr_values: Vec::new(),
        amr: Vec::new(),
        tenancy: Tenancy::Any,
        groups_claim: "groups".to_owned(),
        userinfo: false,
        push: false,
    }
}

fn judge(answer: &[u8]) -> Result<VerifiedIdentity, SsoError> {
    let flow = FlowSecrets {
        state: Secret::new("state"),
        nonce: Secret::new(NONCE),
        pkce_verifier: Secret::new("verifier"),
    };
    oidc::judge(answer, &connection(), &KEYS, &flow, "code", DateTime::from_timestamp(NOW.into(), 0).unwrap())
}

fn judge_token(id_token: &str) -> Result<VerifiedIdentity, SsoError> {
    let answer = json!({"access_token": "token", "token_type": "Bearer", "id_token": id_token});
    judge(answer.to_string().as_bytes())
}

/// A token with this header and these claims, which the provider signs.
pub(super) fn signed(header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = EcdsaSig::sign(&openssl::sha::sha256(signed.as_bytes()), &KEY).unwrap();
    let (r, s) = (signature.r().to_vec_padded(32).unwrap(), signature.s().to_vec_padded(32).unwrap());
    format!("{signed}.{}", encode([r, s].concat()))
}

/// The header of a token and its claims: this header, unless there is a line of its own for one.
pub(super) fn split<'b>(bytes: &'b [u8], header: &'b [u8]) -> (&'b [u8], &'b [u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    end.map_or((header, bytes), |end| bytes.split_at(end))
}

/// Bytes are what a token endpoint answers, a token, keys; and the claims of a token that the provider signs, after its header, if
/// there is a line of its own for that. Only the last is ever believed, and only as it stands there; and says whether it is.
pub(crate) fn token(bytes: &[u8]) -> bool {
    assert!(judge(bytes).is_err(), "nobody signed this");
    assert!(judge_token(&String::from_utf8_lossy(bytes)).is_err(), "nobody signed this");
    let _ = KeySet::read(serde_json::from_slice(bytes).unwrap_or(Value::Null));

    let (header, claims) = split(bytes, HEADER);
    let Ok(identity) = judge_token(&signed(header, claims)) else { return false };
    let [header, claims] = [header, claims].map(|part| serde_json::from_slice::<Value>(part).unwrap());
    assert_eq!(header["alg"], "ES256");
    assert!(header.get("kid").is_none_or(|id| id == "k"));
    assert!(["crit", "b64", "cty", "enc", "zip"].iter().all(|name| header.get(*name).is_none()));
    assert_eq!(claims["iss"], ISSUER);
    let audiences = claims["aud"].as_array().cloned().unwrap_or_else(|| vec![claims["aud"].clone()]);
    assert!(!audiences.is_empty() && audiences.iter().all(|audience| audience == CLIENT));
    assert!(claims.get("azp").is_none_or(|party| party == CLIENT));
    assert_eq!(claims["nonce"], NONCE);
    assert_eq!(claims["sub"], identity.subject);
    assert!((1..=255).contains(&identity.subject.len()));
    let time = |name: &str| claims[name].as_f64().unwrap() - f64::from(NOW);
    assert!(time("exp") > -60.0 && time("iat") <= 60.0 && time("iat") >= -660.0);
    true
}
