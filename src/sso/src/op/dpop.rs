//! A proof that whoever sends a request holds a key (RFC 9449). Knows every rule of the proof; does not know which tokens are bound to
//! which key, or which proofs were seen before.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::client_assertion::ALGORITHMS;
use crate::jose::{Claims, ClaimsError, Jws, JwsError, KeySet, between, later, thumbprint};

const TYPE: &str = "dpop+jwt";
/// How far the client's clock may be ahead of ours.
const SKEW: Duration = Duration::from_mins(1);
/// How old a proof may be (RFC 9449 §11.1: "on the order of seconds or minutes").
const LIFE: Duration = Duration::from_mins(2);
const LONGEST_ID: usize = 255;
/// The members of a JSON Web Key that are nobody else's business (RFC 7518 §6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The check of RFC 9449 §4.3 that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The envelope or the signature.
    #[error("the DPoP proof: {0}")]
    Envelope(#[from] JwsError),
    /// It does not say that it is a proof.
    #[error("the DPoP proof does not say typ dpop+jwt")]
    Untyped,
    /// There is no public key in it, or none that is used.
    #[error("the DPoP proof has no jwk that is a public key for its alg")]
    Key,
    /// Its key is the private one.
    #[error("the DPoP proof shows a private key")]
    PrivateKey,
    /// A required claim is absent.
    #[error("the DPoP proof lacks the claim {0}")]
    ClaimMissing(&'static str),
    /// A claim has the wrong type or an impossible value.
    #[error("the DPoP proof's claim {0} is malformed")]
    ClaimMalformed(&'static str),
    /// `htm` is not the method.
    #[error("the DPoP proof is for another method")]
    Method,
    /// `htu` is not the address.
    #[error("the DPoP proof is for another address")]
    Address,
    /// It was made too long ago, or will be.
    #[error("the DPoP proof is too old, or from the future")]
    Time,
    /// `ath` is not the hash of the access token beside it.
    #[error("the DPoP proof is for another access token")]
    Token,
}

/// What a proof is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Proved<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its address, as the world sees it.
    pub address: &'a str,
    /// The access token beside the proof, where there is one.
    pub access_token: Option<&'a str>,
    /// The time.
    pub now: DateTime<Utc>,
}

/// A proof that holds, to be spent once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldKey {
    /// The key's thumbprint (RFC 7638).
    pub thumbprint: String,
    /// The proof's `jti`.
    pub id: String,
    /// From then on it would be refused as too old, and need not be remembered.
    pub forget_at: DateTime<Utc>,
}

/// Verifies a proof by RFC 9449 §4.3, 2 to 12. That there is one header, and that the token is bound to the key, the caller knows.
pub fn verify_proof(proof: &str, proved: Proved<'_>) -> Result<HeldKey, ProofError> {
    let jws = Jws::parse(proof, &ALGORITHMS, &[TYPE])?;
    if !jws.is_typed {
        return Err(ProofError::Untyped);
    }
    let jwk = jws.header.get("jwk").and_then(Value::as_object).ok_or(ProofError::Key)?;
    if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
        return Err(ProofError::PrivateKey);
    }
    let keys = KeySet::read(json!({"keys": [jwk]})).or(Err(ProofError::Key))?;
    let key = keys.select(None, jws.algorithm).or(Err(ProofError::Key))?;
    let claims = jws.verify(key)?;
    let thumbprint = thumbprint(jwk).ok_or(ProofError::Key)?;
    let (id, forget_at) = proved.check(&Claims(&claims))?;
    Ok(HeldKey { thumbprint, id, forget_at })
}

impl Proved<'_> {
    fn check(&self, claims: &Claims<'_>) -> Result<(String, DateTime<Utc>), ProofError> {
        let id = claims.text("jti")?;
        if id.is_empty() || id.len() > LONGEST_ID {
            return Err(ProofError::ClaimMalformed("jti"));
        }
        if claims.text("htm")? != self.method {
            return Err(ProofError::Method);
        }
        let address = bare(claims.text("htu")?).ok_or(ProofError::ClaimMalformed("htu"))?;
        if Some(address) != bare(self.address) {
            return Err(ProofError::Address);
        }
        let made = claims.time("iat")?;
        let forget_at = later(made, LIFE).ok_or(ProofError::ClaimMalformed("iat"))?;
        if self.now >= forget_at || between(self.now, made) > SKEW {
            return Err(ProofError::Time);
        }
        if let Some(token) = self.access_token
            && claims.text("ath")? != URL_SAFE_NO_PAD.encode(Sha256::digest(token))
        {
            return Err(ProofError::Token);
        }
        Ok((id.to_owned(), forget_at))
    }
}

/// RFC 9449 §4.3, 9: "ignoring any query and fragment parts", and in its normal spelling.
fn bare(address: &str) -> Option<Url> {
    let mut url = Url::parse(address).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

impl From<ClaimsError> for ProofError {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Missing(name) => Self::ClaimMissing(name),
            ClaimsError::Malformed(name) => Self::ClaimMalformed(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::Signature;
    use p256::ecdsa::signature::Signer as _;

    use super::*;

    /// RFC 9449 §7.1, the request to a resource in figure 12: proof, access token and thumbprint are by others.
    const FIGURE: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    const FIGURE_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    const FIGURE_KEY: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    #[test]
    fn the_proof_of_the_standard_holds() {
        let proved = Proved {
            method: "GET",
            address: "https://resource.example.org/protectedresource",
            access_token: Some(FIGURE_TOKEN),
            now: DateTime::from_timestamp(1_562_262_620, 0).unwrap(),
        };

        let held = verify_proof(FIGURE, proved).unwrap();

        assert_eq!((held.thumbprint.as_str(), held.id.as_str()), (FIGURE_KEY, "e1j3V_bKic8-LAEB"));
    }

    const TOKEN: &str = "https://usher.example/op/acme/token";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    /// A proof by a key of the tests, with other headers and claims; null leaves one out.
    fn proof(headers: &Value, claims: &Value) -> Result<HeldKey, ProofError> {
        let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        let header = changed(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}), headers);
        let honest = json!({"jti": "an id", "htm": "POST", "htu": TOKEN, "iat": now().timestamp()});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&changed(honest, claims)));
        let signature: Signature = key.sign(signed.as_bytes());
        let proof = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        verify_proof(&proof, Proved { method: "POST", address: TOKEN, access_token: None, now: now() })
    }

    fn changed(mut honest: Value, change: &Value) -> Value {
        let members = honest.as_object_mut().unwrap();
        for (name, value) in change.as_object().unwrap() {
            // The key as it is, and more.
            if let (Some(Value::Object(known)), Value::Object(more)) = (members.get_mut(name), value) {
                known.extend(more.clone());
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        members.retain(|_, value| !value.is_null());
        honest
    }

    #[test]
    fn an_address_is_compared_in_its_normal_spelling_and_without_query() {
        for same in
            ["https://USHER.example:443/op/acme/token", "https://usher.example/op/acme/token?a=b#c", TOKEN]
        {
            assert!(proof(&json!({}), &json!({"htu": same})).is_ok(), "{same}");
        }
        for other in [
            "https://usher.example/op/acme/token/",
            "https://usher.example/op/other/token",
            "http://usher.example/op/acme/token",
            "https://u@usher.example/op/acme/token",
            "https://usher.example:8443/op/acme/token",
        ] {
            assert_eq!(proof(&json!({}), &json!({"htu": other})), Err(ProofError::Address), "{other}");
        }
    }

    /// RFC 9449 §4.3, one after the other.
    #[test]
    fn whatever_is_missing_or_wrong_in_a_proof_is_refused() {
        let at = |seconds: i64| json!({"iat": now().timestamp() + seconds});
        for (claims, refused) in [
            (json!({"jti": null}), ProofError::ClaimMissing("jti")),
            (json!({"htm": null}), ProofError::ClaimMissing("htm")),
            (json!({"htu": null}), ProofError::ClaimMissing("htu")),
            (json!({"iat": null}), ProofError::ClaimMissing("iat")),
            (json!({"jti": ""}), ProofError::ClaimMalformed("jti")),
            (json!({"jti": "x".repeat(256)}), ProofError::ClaimMalformed("jti")),
            (json!({"jti": 7}), ProofError::ClaimMalformed("jti")),
            (json!({"htm": "GET"}), ProofError::Method),
            (json!({"htm": "post"}), ProofError::Method),
            (json!({"htu": "/token"}), ProofError::ClaimMalformed("htu")),
            (at(-120), ProofError::Time),
            (at(61), ProofError::Time),
        ] {
            assert_eq!(proof(&json!({}), &claims), Err(refused), "{claims}");
        }
        assert!(proof(&json!({}), &at(-119)).is_ok() && proof(&json!({}), &at(60)).is_ok());
        let (x, other) = (URL_SAFE_NO_PAD.encode([1; 32]), "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs");
        let of_others = json!({"x": other, "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"});
        for (headers, refused) in [
            (json!({"typ": null}), ProofError::Untyped),
            (json!({"typ": "JWT"}), ProofError::Envelope(JwsError::TypeRefused)),
            (json!({"alg": "none"}), ProofError::Envelope(JwsError::AlgorithmRefused)),
            (json!({"alg": "HS256"}), ProofError::Envelope(JwsError::AlgorithmRefused)),
            (json!({"alg": "RS256"}), ProofError::Key),
            (json!({"jwk": null}), ProofError::Key),
            (json!({"jwk": {"kty": "oct"}}), ProofError::Key),
            (json!({"jwk": {"x": x}}), ProofError::Key),
            (json!({"jwk": {"d": "AA"}}), ProofError::PrivateKey),
            (json!({"jwk": of_others}), ProofError::Envelope(JwsError::SignatureInvalid)),
            (json!({"crit": ["x"]}), ProofError::Envelope(JwsError::HeaderRefused("crit"))),
        ] {
            assert_eq!(proof(&headers, &json!({})), Err(refused), "{headers}");
        }
    }

    #[test]
    fn a_proof_beside_an_access_token_is_for_that_token() {
        let shown = |token| {
            let proved = Proved {
                method: "GET",
                address: "https://resource.example.org/protectedresource",
                access_token: Some(token),
                now: DateTime::from_timestamp(1_562_262_618, 0).unwrap(),
            };
            verify_proof(FIGURE, proved)
        };
        assert_eq!(shown("another"), Err(ProofError::Token));
        assert!(shown(FIGURE_TOKEN).is_ok());
    }
}
