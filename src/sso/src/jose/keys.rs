//! The keys of somebody who signs. Knows which key may verify what; does not know tokens' claims.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::algorithm::KeyKind;
use super::{JwsError, KeysError, SigningAlg, VerifyingKey};
use crate::egress::{Egress, EgressError};

/// Each key costs some work before it verifies anything; nobody publishes more than a dozen.
const MOST_KEYS: usize = 200;
const SMALLEST_RSA_MODULUS_BITS: usize = 2048;

/// The usable signature keys of one signer at one moment.
pub struct KeySet {
    keys: Vec<PublishedKey>,
}

struct PublishedKey {
    id: Option<String>,
    kind: KeyKind,
    /// The only algorithm the key is meant for, if it says so.
    algorithm: Option<String>,
    /// The public numbers as published: two keys with the same ones are one key.
    numbers: Vec<String>,
    key: VerifyingKey,
}

/// A member of a JSON Web Key Set, as far as it decides whether the key may be used (RFC 7517 section 4).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    public_key_use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

/// The names of the keys; their numbers would fill a screen and say nothing.
impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.keys.iter().map(|key| (&key.id, key.kind))).finish()
    }
}

impl KeySet {
    /// Fetches a key set.
    pub(super) async fn fetch(egress: &Egress, location: &url::Url) -> Result<Self, KeysError> {
        let response = egress.get(location).await.map_err(KeysError::Unreachable)?;
        if response.status != 200 {
            return Err(KeysError::Status(response.status));
        }
        let document = response.json().map_err(|error| match error {
            EgressError::MalformedJson => KeysError::Malformed,
            other => KeysError::Unreachable(other),
        })?;
        Self::of(&document)
    }

    /// Reads a JSON Web Key Set.
    pub fn read(document: Value) -> Result<Self, KeysError> {
        Self::of(&Jwks::deserialize(document).or(Err(KeysError::Malformed))?)
    }

    /// RFC 7517 section 5: keys that are not understood are ignored, not fatal.
    fn of(document: &Jwks) -> Result<Self, KeysError> {
        let keys: Vec<_> = document.keys.iter().take(MOST_KEYS).filter_map(PublishedKey::read).collect();
        if keys.is_empty() { Err(KeysError::WithoutUsableKey) } else { Ok(Self { keys }) }
    }

    /// The one key that fits a token's header.
    pub(crate) fn select(&self, id: Option<&str>, algorithm: SigningAlg) -> Result<&VerifyingKey, JwsError> {
        let mut fitting = self.keys.iter().filter(|key| key.fits(id, algorithm));
        let first = fitting.next().ok_or(JwsError::KeyUnknown)?;
        // PingFederate publishes the same key twice; that is no ambiguity.
        if fitting.any(|other| other.numbers != first.numbers) {
            return Err(JwsError::KeyAmbiguous);
        }
        Ok(&first.key)
    }
}

impl PublishedKey {
    fn read(value: &Value) -> Option<Self> {
        let jwk = Jwk::deserialize(value).ok()?;
        let kind = jwk.kind()?;
        if !jwk.is_for_verification()
            || (kind == KeyKind::Rsa && jwk.modulus_bits()? < SMALLEST_RSA_MODULUS_BITS)
        {
            return None;
        }
        let key = VerifyingKey::read(value, kind)?;
        let numbers = [jwk.n, jwk.e, jwk.x, jwk.y].into_iter().flatten().collect();
        Some(Self { id: jwk.kid, kind, algorithm: jwk.alg, numbers, key })
    }

    fn fits(&self, id: Option<&str>, algorithm: SigningAlg) -> bool {
        self.kind == algorithm.key_kind()
            && self.algorithm.as_deref().is_none_or(|only| only == algorithm.name())
            && id.is_none_or(|id| self.id.as_deref() == Some(id))
    }
}

impl Jwk {
    /// `None` for symmetric keys and everything we cannot verify with.
    fn kind(&self) -> Option<KeyKind> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Some(KeyKind::Rsa),
            ("EC", Some("P-256")) => Some(KeyKind::P256),
            ("EC", Some("P-384")) => Some(KeyKind::P384),
            ("OKP", Some("Ed25519")) => Some(KeyKind::Ed25519),
            _ => None,
        }
    }

    fn is_for_verification(&self) -> bool {
        self.public_key_use.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|one| one == "verify"))
    }

    fn modulus_bits(&self) -> Option<usize> {
        let modulus = URL_SAFE_NO_PAD.decode(self.n.as_deref()?).ok()?;
        let mut significant = modulus.iter().skip_while(|byte| **byte == 0);
        let first = significant.next()?;
        let leading_zeros = usize::try_from(first.leading_zeros()).ok()?;
        Some((significant.count() + 1) * 8 - leading_zeros)
    }
}
