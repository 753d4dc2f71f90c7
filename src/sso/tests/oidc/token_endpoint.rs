//! What is refused of the token endpoint's answer.

use serde_json::{Value, json};
use sso::SsoError;
use sso::egress::EgressError;
use sso::oidc::Said;

use crate::provider::{Reply, TOKEN};
use crate::world::World;

async fn refusal(reply: impl FnOnce(&World) -> Reply) -> SsoError {
    let world = World::new().await;
    world.hostile.says(TOKEN, reply(&world));
    world.finish().await.unwrap_err()
}

fn granted(world: &World, change: &Value) -> Value {
    let id_token = world.signer.token(&world.honest_claims());
    let mut body = json!({"access_token": "at", "token_type": "Bearer", "id_token": id_token});
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_spent_code_is_reported_as_such() {
    let body = json!({"error": "invalid_grant", "error_description": "code of alice@acme.test"});

    let refused = refusal(|_| Reply::new(400, "application/json", body.to_string())).await;

    let said = Said { error: Some("invalid_grant".to_owned()), description: None };
    assert_eq!(refused, SsoError::TokenRefused { status: 400, said });
    assert!(!refused.to_string().contains("alice"));
}

#[tokio::test]
async fn a_broken_token_endpoint_is_reported_with_its_status() {
    let refused = refusal(|_| Reply::new(502, "text/html", "<h1>Bad gateway</h1>")).await;

    assert_eq!(refused, SsoError::TokenRefused { status: 502, said: Said::default() });
}

/// 12
#[tokio::test]
async fn tokens_in_a_web_page_are_refused() {
    let refused = refusal(|world| Reply::new(200, "text/html", granted(world, &json!({})).to_string())).await;

    assert_eq!(refused, SsoError::TokenEndpointUnreachable(EgressError::NotJson));
}

/// 13
#[tokio::test]
async fn a_token_type_other_than_bearer_is_refused() {
    let refused = refusal(|world| Reply::json(&granted(world, &json!({"token_type": "DPoP"})))).await;

    assert_eq!(refused, SsoError::TokenTypeRefused);
}

#[tokio::test]
async fn the_token_type_is_compared_without_case() {
    let world = World::new().await;
    world.hostile.says(TOKEN, Reply::json(&granted(&world, &json!({"token_type": "bearer"}))));

    assert!(world.finish().await.is_ok());
}

/// 14
#[tokio::test]
async fn an_answer_without_an_id_token_is_refused() {
    let refused = refusal(|world| Reply::json(&granted(world, &json!({"id_token": null})))).await;

    assert_eq!(refused, SsoError::IdTokenMissing);
}

#[tokio::test]
async fn an_answer_without_an_access_token_is_refused() {
    let refused = refusal(|world| Reply::json(&granted(world, &json!({"access_token": null})))).await;

    assert_eq!(refused, SsoError::TokenResponseMalformed);
}

#[tokio::test]
async fn an_answer_with_two_id_tokens_is_refused() {
    let refused = refusal(|world| {
        let body = granted(world, &json!({})).to_string();
        Reply::new(200, "application/json", body.replacen('{', "{\"id_token\":\"a.b.c\",", 1))
    });

    assert_eq!(refused.await, SsoError::TokenResponseMalformed);
}
