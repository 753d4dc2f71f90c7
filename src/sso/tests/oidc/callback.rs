//! What is refused of a callback before anybody is asked.

use serde_json::json;
use sso::SsoError;
use sso::oidc::{CallbackParams, ErrorCode};

use crate::provider::{DISCOVERY, Reply, TOKEN};
use crate::signer::Signer;
use crate::world::{World, honest_document, honest_provider};

/// The callback is refused for this reason and the token endpoint never hears of it.
async fn assert_refused(world: &World, params: CallbackParams, reason: SsoError) {
    assert_eq!(world.finish_with(&params).await.unwrap_err(), reason);
    assert!(world.hostile.seen(TOKEN).is_empty());
}

async fn world_that_sends_its_issuer() -> World {
    let signer = Signer::es256(7, "first");
    let hostile = honest_provider(&signer).await;
    let mut document = honest_document(&hostile);
    document["authorization_response_iss_parameter_supported"] = json!(true);
    hostile.says(DISCOVERY, Reply::json(&document));
    World::at(hostile, signer).await
}

/// 4
#[tokio::test]
async fn a_callback_without_state_is_refused() {
    let world = World::new().await;

    let params = CallbackParams { state: None, ..world.honest_params() };

    assert_refused(&world, params, SsoError::StateMismatch).await;
}

/// 4
#[tokio::test]
async fn the_state_of_another_flow_is_refused() {
    let world = World::new().await;

    let params = CallbackParams { state: Some("another".to_owned()), ..world.honest_params() };

    assert_refused(&world, params, SsoError::StateMismatch).await;
}

/// 5
#[tokio::test]
async fn an_error_without_state_is_not_believed() {
    let world = World::new().await;

    let params =
        CallbackParams { error: Some("access_denied".to_owned()), state: None, ..CallbackParams::default() };

    assert_refused(&world, params, SsoError::StateMismatch).await;
}

/// 5
#[tokio::test]
async fn an_error_with_state_ends_the_flow() {
    let world = World::new().await;

    let params = CallbackParams { error: Some("access_denied".to_owned()), ..world.honest_params() };

    assert_refused(&world, params, SsoError::ProviderRefused { error: ErrorCode::AccessDenied }).await;
}

/// 5
#[tokio::test]
async fn the_words_of_an_error_are_never_repeated() {
    let world = World::new().await;
    let script = "<script>alert(1)</script>".to_owned();
    let params = CallbackParams {
        error: Some(script.clone()),
        error_description: Some(script),
        ..world.honest_params()
    };

    let refused = world.finish_with(&params).await.unwrap_err();

    assert_eq!(refused, SsoError::ProviderRefused { error: ErrorCode::Unknown });
    assert!(!format!("{refused} {refused:?} {params:?}").contains("alert"));
}

/// 6
#[tokio::test]
async fn the_iss_parameter_of_another_issuer_is_refused() {
    let world = World::new().await;

    let params = CallbackParams { iss: Some("https://other.example".to_owned()), ..world.honest_params() };

    assert_refused(&world, params, SsoError::CallbackIssuerMismatch).await;
}

/// 5, 6
#[tokio::test]
async fn an_error_of_another_issuer_is_not_believed() {
    let world = World::new().await;

    let params = CallbackParams {
        iss: Some("https://other.example".to_owned()),
        error: Some("access_denied".to_owned()),
        ..world.honest_params()
    };

    assert_refused(&world, params, SsoError::CallbackIssuerMismatch).await;
}

/// 6, 53
#[tokio::test]
async fn a_promised_iss_parameter_must_come() {
    let world = world_that_sends_its_issuer().await;

    assert_refused(&world, world.honest_params(), SsoError::CallbackIssuerMissing).await;

    world.hands_out(&world.signer.token(&world.honest_claims()));
    let params = CallbackParams { iss: Some(world.connection.issuer.clone()), ..world.honest_params() };
    assert!(world.finish_with(&params).await.is_ok());
}

/// 7
#[tokio::test]
async fn a_callback_without_a_code_is_refused() {
    let world = World::new().await;

    assert_refused(&world, CallbackParams { code: None, ..world.honest_params() }, SsoError::CodeMissing)
        .await;
    let empty = CallbackParams { code: Some(String::new()), ..world.honest_params() };
    assert_refused(&world, empty, SsoError::CodeMissing).await;
}

/// 7
#[tokio::test]
async fn a_code_of_more_than_two_kibibytes_is_refused() {
    let world = World::new().await;

    let params = CallbackParams { code: Some("c".repeat(2049)), ..world.honest_params() };

    assert_refused(&world, params, SsoError::CodeTooLong).await;
}

/// 9
#[tokio::test]
async fn the_provider_of_another_connection_is_refused() {
    let mut world = World::new().await;
    world.connection.issuer = "https://other.example".to_owned();

    assert_refused(&world, world.honest_params(), SsoError::ProviderOfAnotherIssuer).await;
}

#[tokio::test]
async fn a_callback_prints_neither_code_nor_state() {
    let world = World::new().await;

    let printed = format!("{:?}", world.honest_params());

    assert!(!printed.contains("a-code") && !printed.contains(world.request.flow.state.expose()), "{printed}");
}
