//! What is refused of a discovery document and a key set.

use serde_json::{Value, json};
use sso::SsoError;
use sso::egress::EgressError;
use sso::oidc::Provider;

use crate::provider::{DISCOVERY, HostileProvider, JWKS, Reply};
use crate::signer::{Signer, encode};
use crate::world::{development, honest_document, honest_provider};

async fn discover(hostile: &HostileProvider) -> Result<Provider, SsoError> {
    Provider::discover(&development(), &hostile.issuer()).await
}

/// Discovers a provider whose honest document was changed.
async fn discover_saying(change: Value) -> Result<Provider, SsoError> {
    let hostile = honest_provider(&Signer::es256(7, "first")).await;
    let mut document = honest_document(&hostile);
    for (name, value) in change.as_object().unwrap() {
        document[name] = value.clone();
    }
    hostile.says(DISCOVERY, Reply::json(&document));
    discover(&hostile).await
}

async fn discover_with_keys(keys: Value) -> Result<Provider, SsoError> {
    let hostile = honest_provider(&Signer::es256(7, "first")).await;
    hostile.says(JWKS, Reply::json(&json!({"keys": keys})));
    discover(&hostile).await
}

#[tokio::test]
async fn an_honest_provider_is_discovered() {
    let provider = discover_saying(json!({})).await.unwrap();

    assert!(provider.authorization_endpoint().as_str().starts_with(provider.issuer()));
}

/// 51
#[tokio::test]
async fn a_document_of_another_issuer_is_refused() {
    let mismatch = SsoError::DiscoveryIssuerMismatch;

    assert_eq!(discover_saying(json!({"issuer": "https://other.example"})).await.unwrap_err(), mismatch);
}

/// 51
#[tokio::test]
async fn a_trailing_slash_makes_another_issuer() {
    let hostile = honest_provider(&Signer::es256(7, "first")).await;

    let outcome = Provider::discover(&development(), &format!("{}/", hostile.issuer())).await;

    assert_eq!(outcome.unwrap_err(), SsoError::DiscoveryIssuerMismatch);
}

#[tokio::test]
async fn an_issuer_with_a_query_is_refused() {
    for issuer in ["https://idp.example/?x=1", "https://idp.example/#x", "mailto:a@idp.example", "idp"] {
        let outcome = Provider::discover(&development(), issuer).await;

        assert_eq!(outcome.unwrap_err(), SsoError::IssuerNotAUrl, "{issuer}");
    }
}

/// 53
#[tokio::test]
async fn a_provider_without_s256_is_refused() {
    let outcome = discover_saying(json!({"code_challenge_methods_supported": ["plain"]})).await;

    assert_eq!(outcome.unwrap_err(), SsoError::PkceUnsupported);
}

/// 12
#[tokio::test]
async fn endpoints_on_private_addresses_are_refused() {
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
        "end_session_endpoint",
        "pushed_authorization_request_endpoint",
    ] {
        let outcome = discover_saying(json!({name: "https://169.254.169.254/latest"})).await;

        assert_eq!(outcome.unwrap_err(), SsoError::EndpointRefused(EgressError::AddressRefused), "{name}");
    }
}

/// 12
#[tokio::test]
async fn endpoints_that_are_no_web_pages_are_refused() {
    let outcome = discover_saying(json!({"authorization_endpoint": "javascript:alert(1)"})).await;

    assert_eq!(outcome.unwrap_err(), SsoError::EndpointRefused(EgressError::UrlRefused));
}

#[tokio::test]
async fn a_document_without_a_token_endpoint_is_refused() {
    let outcome = discover_saying(json!({"token_endpoint": null})).await;

    assert_eq!(outcome.unwrap_err(), SsoError::DiscoveryMalformed);
}

#[tokio::test]
async fn a_document_that_is_not_found_is_refused() {
    let hostile = HostileProvider::start().await;

    assert_eq!(discover(&hostile).await.unwrap_err(), SsoError::DiscoveryStatus(404));
}

/// 12
#[tokio::test]
async fn a_document_that_is_a_web_page_is_refused() {
    let hostile = honest_provider(&Signer::es256(7, "first")).await;
    hostile.says(DISCOVERY, Reply::new(200, "text/html", honest_document(&hostile).to_string()));

    assert_eq!(discover(&hostile).await.unwrap_err(), SsoError::DiscoveryUnreachable(EgressError::NotJson));
}

#[tokio::test]
async fn a_key_set_that_is_no_key_set_is_refused() {
    let hostile = honest_provider(&Signer::es256(7, "first")).await;
    hostile.says(JWKS, Reply::json(&json!({"kyes": []})));

    assert_eq!(discover(&hostile).await.unwrap_err(), SsoError::JwksMalformed);
}

/// 18
#[tokio::test]
async fn unusable_keys_are_as_good_as_none() {
    let honest = Signer::es256(7, "first").jwk;
    let with = |name: &str, value: Value| {
        let mut jwk = honest.clone();
        jwk[name] = value;
        jwk
    };
    let unusable = [
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        with("crv", json!("secp256k1")),
        json!({"kty": "oct", "k": encode("gateway-secret"), "alg": "HS256"}),
        json!({"kty": "RSA", "use": "sig", "n": encode([0xff; 128]), "e": "AQAB"}),
        json!({"kty": "made-up"}),
        json!("no key at all"),
    ];

    for jwk in unusable {
        let outcome = discover_with_keys(json!([jwk.clone()])).await;

        assert_eq!(outcome.unwrap_err(), SsoError::JwksWithoutUsableKey, "{jwk}");
    }
    assert!(discover_with_keys(json!([json!({"kty": "made-up"}), honest])).await.is_ok());
}
