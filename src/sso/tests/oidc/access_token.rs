//! An access token as Entra ID issues them for its provisioning service: one honest, and for each rule one that breaks it.

use serde_json::{Value, json};
use sso::access_token::{AccessTokenError, Trust, claimed, verify};
use sso::jose::JwsError;
use sso::oidc::Provider;

use crate::provider::HostileProvider;
use crate::signer::{Signer, encode};
use crate::world::{development, honest_provider, now};

const TENANT: &str = "cbb1a5ac-f33b-45fa-9bf5-f37db0fed422";
const TEMPLATE: &str = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";
const APPLICATION: &str = "0198c2f0-7a3b-7c4d-8e5f-0123456789ab";

struct Entra {
    _server: HostileProvider,
    signer: Signer,
    provider: Provider,
    trust: Trust,
}

impl Entra {
    async fn new() -> Self {
        let signer = Signer::rsa("RS256");
        let server = honest_provider(&signer).await;
        let provider = Provider::discover(&development(), &server.issuer()).await.unwrap();
        let trust = Trust {
            issuer: server.issuer(),
            audience: TEMPLATE.to_owned(),
            entra_tenant: TENANT.to_owned(),
            application: APPLICATION.to_owned(),
        };
        Self { _server: server, signer, provider, trust }
    }

    /// The honest claims with some changed, or taken out by null.
    fn claiming(&self, changes: &Value) -> Value {
        let now = now().timestamp();
        let mut claims = json!({
            "aud": TEMPLATE, "iss": self.trust.issuer, "iat": now - 300, "nbf": now - 300, "exp": now + 3_600,
            "appid": APPLICATION, "appidacr": "2", "idp": self.trust.issuer, "oid": "x", "sub": "x", "tid": TENANT,
            "ver": "1.0",
        });
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        claims
    }

    async fn judged(&self, token: &str) -> Result<(), AccessTokenError> {
        verify(&development(), &self.provider, token, &self.trust, now()).await
    }

    async fn refusal(&self, changes: Value) -> AccessTokenError {
        self.judged(&self.signer.token(&self.claiming(&changes))).await.unwrap_err()
    }
}

#[tokio::test]
async fn an_honest_token_is_believed() {
    let entra = Entra::new().await;

    let token = entra.signer.token(&entra.claiming(&json!({})));

    assert_eq!(entra.judged(&token).await, Ok(()));
    assert_eq!(claimed(&token), Some((entra.trust.issuer.clone(), TEMPLATE.to_owned())));
}

#[tokio::test]
async fn each_claim_is_compared() {
    let entra = Entra::new().await;
    let at = now().timestamp();
    let other = "https://sts.windows.net/00000000-0000-0000-0000-000000000000/";

    for (changes, error) in [
        (json!({"iss": other}), AccessTokenError::IssuerMismatch),
        (json!({"iss": null}), AccessTokenError::ClaimMissing("iss")),
        (json!({"aud": "another template"}), AccessTokenError::AudienceMismatch),
        (json!({"aud": [TEMPLATE, "another"]}), AccessTokenError::AudienceNotAlone),
        (json!({"aud": null}), AccessTokenError::ClaimMissing("aud")),
        (json!({"tid": "another"}), AccessTokenError::TenantMismatch),
        (json!({"tid": null}), AccessTokenError::ClaimMissing("tid")),
        (json!({"appid": "another"}), AccessTokenError::ApplicationMismatch),
        (json!({"appid": null}), AccessTokenError::ClaimMissing("appid")),
        (json!({"appid": 1}), AccessTokenError::ClaimMalformed("appid")),
        (json!({"exp": at - 60}), AccessTokenError::Expired),
        (json!({"exp": null}), AccessTokenError::ClaimMissing("exp")),
        (json!({"nbf": at + 61}), AccessTokenError::NotYetValid),
        (json!({"nbf": null}), AccessTokenError::ClaimMissing("nbf")),
        (json!({"iat": at + 61}), AccessTokenError::IssuedInTheFuture),
        (json!({"iat": null}), AccessTokenError::ClaimMissing("iat")),
    ] {
        assert_eq!(entra.refusal(changes.clone()).await, error, "{changes}");
    }
}

#[tokio::test]
async fn another_algorithm_key_or_payload_is_refused() {
    let entra = Entra::new().await;
    let claims = entra.claiming(&json!({}));
    let envelope = |error| Err(AccessTokenError::Envelope(error));

    let stranger = Signer::rsa("RS256");
    assert_eq!(entra.judged(&stranger.token(&claims)).await, envelope(JwsError::SignatureInvalid));
    let elliptic = Signer::es256(7, "rsa").token(&claims);
    assert_eq!(entra.judged(&elliptic).await, envelope(JwsError::AlgorithmRefused));
    let symmetric = Signer::hs256(entra.signer.jwk.to_string().as_bytes(), Some("rsa")).token(&claims);
    assert_eq!(entra.judged(&symmetric).await, envelope(JwsError::AlgorithmRefused));
    let mut header = entra.signer.header();
    header["typ"] = json!("client-authentication+jwt");
    let another_kind = entra.signer.token_with(&header, &claims);
    assert_eq!(entra.judged(&another_kind).await, envelope(JwsError::TypeRefused));
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(claims.to_string()));
    assert_eq!(entra.judged(&unsigned).await, envelope(JwsError::AlgorithmRefused));
}

#[tokio::test]
async fn a_provider_of_another_issuer_does_not_vouch() {
    let mut entra = Entra::new().await;
    let token = entra.signer.token(&entra.claiming(&json!({})));

    entra.trust.issuer.push('/');

    assert_eq!(entra.judged(&token).await, Err(AccessTokenError::IssuerMismatch));
}
