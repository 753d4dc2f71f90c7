//! The flow when nobody lies.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use sso::oidc::{Prompt, Wish};

use crate::signer::Signer;
use crate::world::World;

fn query(url: &url::Url) -> BTreeMap<String, String> {
    url.query_pairs().into_owned().collect()
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

/// 10, 53
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
    for unasked in ["max_age", "acr_values", "prompt", "login_hint"] {
        assert!(!query.contains_key(unasked), "{unasked}");
    }
    let printed = format!("{:?}", world.request);
    assert!(!printed.contains(flow.state.expose()) && !printed.contains(flow.nonce.expose()));
}

/// 4, 26
#[tokio::test]
async fn no_two_flows_share_a_secret() {
    let world = World::new().await;

    let one = world.start(&Wish::default()).await.unwrap().flow;
    let two = world.start(&Wish::default()).await.unwrap().flow;

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

/// 27, 28
#[tokio::test]
async fn what_the_connection_requires_and_what_this_sign_in_wishes_is_asked_for() {
    let mut world = World::new().await;
    world.connection.max_age = Some(Duration::from_mins(5));
    world.connection.acr_values = vec!["urn:mfa".to_owned(), "urn:hardware".to_owned()];
    let wish = Wish {
        login_hint: Some("alice@acme.test".to_owned()),
        prompt: Some(Prompt::Login),
        ..Wish::default()
    };

    let query = query(&world.start(&wish).await.unwrap().url);

    assert_eq!((&*query["max_age"], &*query["acr_values"]), ("300", "urn:mfa urn:hardware"));
    assert_eq!((&*query["prompt"], &*query["login_hint"]), ("login", "alice@acme.test"));
}
