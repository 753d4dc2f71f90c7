//! The flow when nobody lies.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::clock::CountingEntropy;
use serde_json::json;
use sso::oidc;

use crate::provider::{DISCOVERY, Reply, TOKEN};
use crate::signer::Signer;
use crate::world::{World, honest_document, honest_provider};

fn query(url: &url::Url) -> BTreeMap<String, String> {
    url.query_pairs().into_owned().collect()
}

fn form(body: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_sign_in_ends_in_a_verified_identity() {
    let world = World::new().await;
    world.hands_out(&world.signer.token(&world.honest_claims()));

    // on another task: what leaves this crate is Send
    let identity = tokio::spawn(async move { world.finish().await }).await.unwrap().unwrap();

    assert_eq!(identity.subject, "alice");
    assert_eq!(identity.claim("preferred_username"), Some("alice@acme.test"));
    assert_eq!(identity.claim("exp"), None);
    assert_eq!(identity.auth_time, None);
    assert!(!format!("{identity:?}").contains("alice"));
}

#[tokio::test]
async fn rsa_and_eddsa_signatures_are_verified_too() {
    for signer in [Signer::rsa("RS256"), Signer::rsa("RS512"), Signer::rsa("PS256"), Signer::ed25519(9, "ed")]
    {
        let world = World::signed_by(signer).await;

        assert!(world.finish_claiming(json!({})).await.is_ok(), "{}", world.signer.algorithm);
    }
}

#[tokio::test]
async fn the_browser_is_sent_with_state_nonce_and_pkce_s256() {
    let world = World::new().await;

    let query = query(&world.request.url);

    let flow = &world.request.flow;
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], "gateway");
    assert_eq!(query["redirect_uri"], world.connection.redirect_uri.as_str());
    assert_eq!(query["scope"], "openid profile email");
    assert_eq!(query["state"], flow.state.expose());
    assert_eq!(query["nonce"], flow.nonce.expose());
    assert_eq!(query["code_challenge_method"], "S256");
    assert_ne!(query["code_challenge"], flow.pkce_verifier.expose());
    // the endpoint's own query is kept
    assert_eq!(query["tenant"], "acme");
    assert!(!query.contains_key("max_age"));
    let printed = format!("{:?}", world.request);
    assert!(!printed.contains(flow.state.expose()) && !printed.contains(flow.nonce.expose()));
}

#[tokio::test]
async fn no_two_flows_share_a_secret() {
    let world = World::new().await;
    let entropy = CountingEntropy::new();

    let one = oidc::start(&world.connection, &world.provider, &entropy).flow;
    let two = oidc::start(&world.connection, &world.provider, &entropy).flow;

    let mut all: Vec<_> = [&one, &two]
        .into_iter()
        .flat_map(|flow| [&flow.state, &flow.nonce, &flow.pkce_verifier])
        .map(sso::Secret::expose)
        .collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|secret| secret.len() == 43));
}

#[tokio::test]
async fn the_code_is_redeemed_with_the_verifier_and_basic_credentials() {
    let world = World::new().await;
    world.finish_claiming(json!({})).await.unwrap();

    let seen = world.hostile.seen(TOKEN).pop().unwrap();

    let form = form(&seen.body);
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "a-code");
    assert_eq!(form["redirect_uri"], world.connection.redirect_uri.as_str());
    assert_eq!(form["code_verifier"], world.request.flow.pkce_verifier.expose());
    assert!(!form.contains_key("client_secret"));
    let credentials = STANDARD.encode("gateway:gateway+secret%2F%2B%3A");
    assert!(seen.head.contains(&format!("Basic {credentials}")), "{}", seen.head);
}

#[tokio::test]
async fn credentials_go_into_the_form_where_only_post_is_supported() {
    let signer = Signer::es256(7, "first");
    let hostile = honest_provider(&signer).await;
    let mut document = honest_document(&hostile);
    document["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    hostile.says(DISCOVERY, Reply::json(&document));
    let world = World::at(hostile, signer).await;
    world.finish_claiming(json!({})).await.unwrap();

    let seen = world.hostile.seen(TOKEN).pop().unwrap();

    let form = form(&seen.body);
    assert_eq!(form["client_id"], "gateway");
    assert_eq!(form["client_secret"], world.connection.client_secret.expose());
    assert!(!seen.head.to_ascii_lowercase().contains("authorization:"));
}
