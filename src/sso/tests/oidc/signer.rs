//! Keys of the hostile provider. Knows how to sign anything; does not know why.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{
    CoreEdDsaPrivateSigningKey, CoreHmacKey, CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey,
};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A private key, its public half and how it signs.
pub(crate) struct Signer {
    pub(crate) algorithm: &'static str,
    pub(crate) id: Option<&'static str>,
    pub(crate) jwk: Value,
    sign: Sign,
}

impl Signer {
    /// A P-256 key; the same seed is the same key.
    pub(crate) fn es256(seed: u8, id: &'static str) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let (x, y) = (encode(&point.as_bytes()[1..33]), encode(&point.as_bytes()[33..]));
        let sign = move |message: &[u8]| {
            let signature: Signature = key.sign(message);
            signature.to_bytes().to_vec()
        };
        let jwk = json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": x, "y": y});
        Self { algorithm: "ES256", id: Some(id), jwk, sign: Box::new(sign) }
    }

    pub(crate) fn ed25519(seed: u8, id: &'static str) -> Self {
        // RFC 8410 section 7: the fixed frame around the 32 bytes of an Ed25519 private key
        let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        der.extend([seed; 32]);
        let label = "PRIVATE KEY";
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der));
        let key = CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(id.to_owned())));
        let key = key.unwrap();
        let jwk = serde_json::to_value(key.as_verification_key()).unwrap();
        let sign = move |message: &[u8]| key.sign(&CoreJwsSigningAlgorithm::EdDsa, message).unwrap();
        Self { algorithm: "EdDSA", id: Some(id), jwk, sign: Box::new(sign) }
    }

    /// A fresh RSA key, made by the `openssl` command since no key of that size is made quickly in an unoptimised build.
    pub(crate) fn rsa(algorithm: &'static str) -> Self {
        let made = Command::new("openssl").args(["genrsa", "-traditional", "2048"]).output().unwrap();
        let pem = String::from_utf8(made.stdout).unwrap();
        let key =
            CoreRsaPrivateSigningKey::from_pem(&pem, Some(JsonWebKeyId::new("rsa".to_owned()))).unwrap();
        let jwk = serde_json::to_value(key.as_verification_key()).unwrap();
        let on_the_wire: CoreJwsSigningAlgorithm = serde_json::from_value(json!(algorithm)).unwrap();
        let sign = move |message: &[u8]| key.sign(&on_the_wire, message).unwrap();
        Self { algorithm, id: Some("rsa"), jwk, sign: Box::new(sign) }
    }

    pub(crate) fn hs256(secret: &[u8], id: Option<&'static str>) -> Self {
        let key = CoreHmacKey::new(secret);
        let sign = move |message: &[u8]| key.sign(&CoreJwsSigningAlgorithm::HmacSha256, message).unwrap();
        Self { algorithm: "HS256", id, jwk: Value::Null, sign: Box::new(sign) }
    }

    pub(crate) fn header(&self) -> Value {
        match self.id {
            Some(id) => json!({"alg": self.algorithm, "typ": "JWT", "kid": id}),
            None => json!({"alg": self.algorithm, "typ": "JWT"}),
        }
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = (self.sign)(signed.as_bytes());
        format!("{signed}.{}", encode(signature))
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
