//! How we prove to the provider that we are its client.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::clock::CountingEntropy;
use serde_json::{Value, json};
use sso::client_assertion::{ClientKeys, Expected, verify};
use sso::jose::{KeySet, SigningKey};
use sso::oidc::{ClientAuth, Wish};
use sso::{Secret, SsoError};

use crate::provider::{Seen, TOKEN};
use crate::world::{CLIENT_SECRET, World};

fn form(body: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

/// What the token endpoint saw.
async fn redeemed(world: &World) -> (Seen, BTreeMap<String, String>) {
    world.finish_claiming(json!({})).await.unwrap();
    let seen = world.hostile.seen(TOKEN).pop().unwrap();
    let form = form(&seen.body);
    (seen, form)
}

async fn accepting(methods: Value) -> World {
    World::offering(json!({"token_endpoint_auth_methods_supported": methods})).await
}

fn is_basic(seen: &Seen) -> bool {
    let credentials = STANDARD.encode("gateway:gateway+secret%2F%2B%3A");
    seen.head.contains(&format!("Basic {credentials}"))
}

/// 9, 10, 11
#[tokio::test]
async fn the_code_is_redeemed_with_the_verifier_and_basic_credentials() {
    let world = World::new().await;

    let (seen, form) = redeemed(&world).await;

    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "a-code");
    assert_eq!(form["redirect_uri"], world.connection.redirect_uri.as_str());
    assert_eq!(form["code_verifier"], world.request.flow.pkce_verifier.expose());
    assert!(!form.contains_key("client_secret"));
    assert!(is_basic(&seen), "{}", seen.head);
}

/// 11
#[tokio::test]
async fn a_secret_travels_the_way_that_the_provider_publishes() {
    for (methods, basic) in [
        (json!(null), true),
        (json!(["client_secret_post", "client_secret_basic"]), true),
        (json!(["client_secret_post", "private_key_jwt"]), false),
    ] {
        let world = accepting(methods.clone()).await;

        let (seen, form) = redeemed(&world).await;

        assert_eq!(is_basic(&seen), basic, "{methods}");
        assert_eq!(
            form.get("client_secret").is_some_and(|secret| secret == CLIENT_SECRET),
            !basic,
            "{methods}"
        );
        assert_eq!(form.contains_key("client_id"), !basic, "{methods}");
        assert!(basic || !seen.head.to_ascii_lowercase().contains("authorization:"), "{methods}");
    }
}

/// 11
#[tokio::test]
async fn a_method_that_the_connection_names_is_used_whatever_is_published() {
    let mut world = accepting(json!(["private_key_jwt"])).await;
    world.connection.client_auth = ClientAuth::SecretPost(Secret::new(CLIENT_SECRET));
    assert_eq!(redeemed(&world).await.1["client_secret"], CLIENT_SECRET);

    world.connection.client_auth = ClientAuth::SecretBasic(Secret::new(CLIENT_SECRET));
    assert!(is_basic(&redeemed(&world).await.0));
}

/// 11
#[tokio::test]
async fn a_provider_that_takes_no_secret_is_not_shown_one() {
    let world = accepting(json!(["private_key_jwt", "tls_client_auth"])).await;

    let started = world.start(&Wish::default()).await;

    assert_eq!(started.unwrap_err(), SsoError::ClientAuthUnsupported);
    assert_eq!(world.finish().await.unwrap_err(), SsoError::ClientAuthUnsupported);
    assert!(world.hostile.seen(TOKEN).is_empty());
}

/// 11
#[tokio::test]
async fn a_key_of_ours_signs_an_assertion_for_this_issuer_and_this_moment() {
    let key = Arc::new(SigningKey::generate(&CountingEntropy::new()));
    let mut world = accepting(json!(["private_key_jwt"])).await;
    world.connection.client_auth = ClientAuth::PrivateKey(Arc::clone(&key));

    let (seen, first) = redeemed(&world).await;
    let (_, second) = redeemed(&world).await;

    assert_eq!(first["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert_eq!(first["client_id"], "gateway");
    assert!(
        !first.contains_key("client_secret") && !seen.head.to_ascii_lowercase().contains("authorization:")
    );
    let keys = ClientKeys::Given(Arc::new(KeySet::read(json!({"keys": [key.public_jwk()]})).unwrap()));
    let expected = Expected { client: "gateway", audiences: &[&world.connection.issuer], now: world.now };
    let judged = [
        verify(&world.egress, &first["client_assertion"], &keys, expected).await.unwrap(),
        verify(&world.egress, &second["client_assertion"], &keys, expected).await.unwrap(),
    ];
    assert_ne!(judged[0].id, judged[1].id);
    assert!(judged[0].forget_at <= world.now + chrono::TimeDelta::minutes(2));
}
