//! What a token endpoint answers, judged by Usher and by the JOSE library alone. Knows one answer; does not know what it costs.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use openidconnect::JsonWebKey as _;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};
use sso::Secret;
use sso::jose::KeySet;
use sso::oidc::{self, ClientAuth, Connection, FlowSecrets, SigningAlg, Tenancy};

use crate::Outcome;

const ISSUER: &str = "https://idp.example";
const CLIENT: &str = "gateway";
const NONCE: &str = "n-0S6_WzA2Mj-4fee3b046395c4e7510";
const CODE: &str = "SplxlOBeZQQYbYS6WxSbIA";
const REDIRECT_URI: &str = "https://usher.example/oidc/acme/idp/callback";

/// An ID token signed by RSA 2048 with SHA-256, as most providers sign by default, good for an hour.
pub fn make(folder: &Path) -> Outcome<()> {
    let key = Rsa::generate(2048)?;
    let number = |number: &openssl::bn::BigNumRef| BASE64_URL_SAFE_NO_PAD.encode(number.to_vec());
    let jwks = json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "n": number(key.n()), "e": number(key.e())}]});
    let key = PKey::from_rsa(key)?;
    let now = Utc::now().timestamp();
    let access_token = "an-access-token-of-an-ordinary-length-0123456789";
    let hash = openssl::sha::sha256(access_token.as_bytes());
    let half: Vec<u8> = hash.into_iter().take(16).collect();
    let claims = json!({
        "iss": ISSUER, "sub": "248289761001", "aud": CLIENT, "exp": now + 3600, "iat": now, "nonce": NONCE, "auth_time": now - 30,
        "at_hash": BASE64_URL_SAFE_NO_PAD.encode(half), "email": "mina.sato@acme.test", "email_verified": true,
        "name": "Mina Sato", "given_name": "Mina", "family_name": "Sato", "preferred_username": "mina.sato@acme.test", "sid": "08a5019c",
        "groups": ["Sales & More", "Everyone", "Tokyo"],
    });
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT", "kid": "k1"})), part(&claims));
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    signer.update(signed.as_bytes())?;
    let id_token = format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signer.sign_to_vec()?));
    let answer = json!({"access_token": access_token, "token_type": "Bearer", "expires_in": 3600, "id_token": id_token});
    let setting = json!({"issuer": ISSUER, "client": CLIENT, "nonce": NONCE, "code": CODE, "redirect_uri": REDIRECT_URI});
    for (name, value) in [("jwks", jwks), ("answer", answer), ("oidc", setting)] {
        std::fs::write(folder.join(format!("{name}.json")), value.to_string())?;
    }
    Ok(())
}

fn read(folder: &Path, name: &str) -> Outcome<Value> {
    Ok(serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json")))?)?)
}

/// All that Usher does with the answer.
pub fn judge(folder: &Path, times: usize) -> Outcome<()> {
    let connection = Connection {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        client_auth: ClientAuth::Secret(Secret::new("a secret")),
        redirect_uri: REDIRECT_URI.parse()?,
        scopes: vec!["openid".to_owned()],
        allowed_algs: SigningAlg::DEFAULT.to_vec(),
        clock_skew: Duration::from_secs(60),
        max_age: None,
        acr_values: Vec::new(),
        amr: Vec::new(),
        tenancy: Tenancy::Any,
        groups_claim: "groups".to_owned(),
        userinfo: false,
        push: false,
    };
    let flow = FlowSecrets { state: Secret::new("state"), nonce: Secret::new(NONCE), pkce_verifier: Secret::new("verifier") };
    let keys = KeySet::read(read(folder, "jwks")?)?;
    let answer = std::fs::read(folder.join("answer.json"))?;
    for _ in 0..times {
        let identity = oidc::judge(&answer, &connection, &keys, &flow, CODE, Utc::now())?;
        if identity.subject.is_empty() {
            return Err("nobody was accepted".into());
        }
    }
    Ok(())
}

/// The signature and nothing else, by the library that has the types of the wire.
pub fn check_signature(folder: &Path, times: usize) -> Outcome<()> {
    let answer = read(folder, "answer")?;
    let jwks = read(folder, "jwks")?;
    let key: CoreJsonWebKey = serde_json::from_value(jwks["keys"][0].clone())?;
    let id_token = answer["id_token"].as_str().ok_or("no ID token")?;
    let (signed, signature) = id_token.rsplit_once('.').ok_or("no signature")?;
    for _ in 0..times {
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature)?;
        key.verify_signature(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, signed.as_bytes(), &signature)?;
    }
    Ok(())
}
