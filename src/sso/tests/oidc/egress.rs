//! What leaves, and how much may come back.

use std::time::Duration;

use serde_json::json;
use sso::SsoError;
use sso::egress::{Egress, EgressError, EgressPolicy};
use sso::oidc::Provider;

use crate::provider::{DISCOVERY, Reply, TOKEN};
use crate::signer::Signer;
use crate::world::{World, development, honest_document, honest_provider};

async fn discover(egress: &Egress, issuer: &str) -> SsoError {
    Provider::discover(egress, issuer).await.unwrap_err()
}

/// 12
#[tokio::test]
async fn discovery_on_a_private_address_is_refused() {
    let strict = Egress::new(EgressPolicy::default()).unwrap();

    for issuer in
        ["https://10.0.0.1", "https://169.254.169.254", "https://[fd00::1]", "https://127.0.0.1:8443"]
    {
        let refused = SsoError::DiscoveryUnreachable(EgressError::AddressRefused);
        assert_eq!(discover(&strict, issuer).await, refused, "{issuer}");
        assert!(!issuer.contains("10.0") || discover(&development(), issuer).await == refused);
    }
}

/// 12
#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let hostile = honest_provider(&Signer::es256(7, "first")).await;
    let strict = Egress::new(EgressPolicy { ports: vec![hostile.port], ..EgressPolicy::default() }).unwrap();

    let outcome = discover(&strict, &format!("https://localhost:{}", hostile.port)).await;

    assert_eq!(outcome, SsoError::DiscoveryUnreachable(EgressError::AddressRefused));
    assert!(hostile.seen(DISCOVERY).is_empty());
}

/// 12
#[tokio::test]
async fn plain_http_is_refused() {
    let outcome = discover(&development(), "http://idp.example").await;

    assert_eq!(outcome, SsoError::DiscoveryUnreachable(EgressError::SchemeRefused));
}

/// 12
#[tokio::test]
async fn redirects_are_not_followed() {
    let hostile = honest_provider(&Signer::es256(7, "first")).await;
    hostile.says("/elsewhere", Reply::json(&honest_document(&hostile)));
    hostile.says(DISCOVERY, Reply::redirect(302, "/elsewhere"));

    let outcome = discover(&development(), &hostile.issuer()).await;

    assert_eq!(outcome, SsoError::DiscoveryUnreachable(EgressError::Redirected(302)));
    assert!(hostile.seen("/elsewhere").is_empty());
}

/// 12
#[tokio::test]
async fn a_redirect_of_the_token_endpoint_does_not_take_the_secret_along() {
    let world = World::new().await;
    world.hostile.says(TOKEN, Reply::redirect(307, "/elsewhere"));

    let outcome = world.finish().await;

    assert_eq!(outcome.unwrap_err(), SsoError::TokenEndpointUnreachable(EgressError::Redirected(307)));
    assert!(world.hostile.seen("/elsewhere").is_empty());
}

/// 12
#[tokio::test]
async fn an_answer_of_more_than_a_mebibyte_is_refused() {
    let hostile = honest_provider(&Signer::es256(7, "first")).await;
    let mut document = honest_document(&hostile);
    document["padding"] = json!("x".repeat(1024 * 1024));
    hostile.says(DISCOVERY, Reply::json(&document));

    let outcome = discover(&development(), &hostile.issuer()).await;

    assert_eq!(outcome, SsoError::DiscoveryUnreachable(EgressError::TooLarge));
}

/// 12
#[tokio::test]
async fn an_answer_that_takes_longer_than_five_seconds_is_not_awaited() {
    let hostile = honest_provider(&Signer::es256(7, "first")).await;
    hostile.says(DISCOVERY, Reply::json(&honest_document(&hostile)).after(Duration::from_mins(1)));

    let outcome = discover(&development(), &hostile.issuer()).await;

    assert_eq!(outcome, SsoError::DiscoveryUnreachable(EgressError::TimedOut));
}

#[tokio::test]
async fn a_closed_port_is_named_without_the_url() {
    let outcome = discover(&development(), "http://127.0.0.1:1/secret-path").await;

    let SsoError::DiscoveryUnreachable(EgressError::Unreachable(reason)) = &outcome else {
        panic!("{outcome}")
    };
    assert!(reason.contains("refused"), "{reason}");
    assert!(!outcome.to_string().contains("secret-path"));
    assert_eq!(outcome.public_code(), "provider_unreachable");
}

/// 12
#[tokio::test]
async fn an_answer_about_one_sign_in_is_smaller_than_a_document() {
    let world = World::new().await;
    world.hostile.says(TOKEN, Reply::new(200, "application/json", "x".repeat(128 * 1024 + 1)));

    let outcome = world.finish().await;

    assert_eq!(outcome.unwrap_err(), SsoError::TokenEndpointUnreachable(EgressError::TooLarge));
}
