//! What the userinfo endpoint adds, and when it is not believed.

use serde_json::{Value, json};
use sso::SsoError;
use sso::egress::EgressError;
use sso::jose::JwsError;

use crate::provider::Reply;
use crate::signer::Signer;
use crate::world::{ACCESS_TOKEN, World};

const USERINFO: &str = "/userinfo";

async fn answering(reply: impl FnOnce(&World) -> Reply) -> World {
    let mut world = World::offering(json!({"userinfo_endpoint": USERINFO})).await;
    world.connection.userinfo = true;
    world.hostile.says(USERINFO, reply(&world));
    world
}

async fn refusal(reply: impl FnOnce(&World) -> Reply) -> SsoError {
    answering(reply).await.finish_claiming(json!({})).await.unwrap_err()
}

/// The claims that a signed answer must have, with some changed.
fn signed(world: &World, signer: &Signer, change: &Value) -> Reply {
    let mut claims =
        json!({"iss": world.connection.issuer, "aud": "gateway", "sub": "alice", "groups": ["sales"]});
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    Reply::new(200, "application/jwt; charset=utf-8", signer.token(&claims))
}

/// 34
#[tokio::test]
async fn what_the_id_token_leaves_out_is_added_for_the_same_person() {
    let more = json!({"sub": "alice", "department": "Sales", "preferred_username": "ceo"});
    let world = answering(|_| Reply::json(&more)).await;

    let identity = world.finish_claiming(json!({})).await.unwrap();

    assert_eq!(identity.claim("department"), Some("Sales"));
    assert_eq!(identity.claim("preferred_username"), Some("alice@acme.test"));
    let seen = world.hostile.seen(USERINFO).pop().unwrap();
    assert!(seen.head.to_ascii_lowercase().contains(&format!("authorization: bearer {ACCESS_TOKEN}")));
}

/// 34
#[tokio::test]
async fn an_answer_about_somebody_else_or_nobody_is_refused() {
    for body in [
        json!({"sub": "ceo"}),
        json!({}),
        json!({"sub": null}),
        json!({"sub": "Alice"}),
        json!({"sub": ["alice"]}),
    ] {
        assert_eq!(refusal(|_| Reply::json(&body)).await, SsoError::UserInfoSubjectMismatch, "{body}");
    }
}

/// 34
#[tokio::test]
async fn a_signed_answer_is_by_the_issuer_and_for_us() {
    let world = answering(|world| signed(world, &world.signer, &json!({}))).await;
    assert!(world.finish_claiming(json!({})).await.unwrap().claims.contains_key("groups"));

    for (change, expected) in [
        (json!({"iss": "https://other.example"}), SsoError::IssuerMismatch),
        (json!({"aud": "another"}), SsoError::AudienceMismatch),
        (json!({"sub": "ceo"}), SsoError::UserInfoSubjectMismatch),
    ] {
        assert_eq!(refusal(|world| signed(world, &world.signer, &change)).await, expected, "{change}");
    }
    let forged = Signer::es256(66, "first");
    let invalid = SsoError::UserInfoToken(JwsError::SignatureInvalid);
    assert_eq!(refusal(|world| signed(world, &forged, &json!({}))).await, invalid);
    let none = Reply::new(200, "application/jwt", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.");
    assert_eq!(refusal(|_| none).await, SsoError::UserInfoToken(JwsError::AlgorithmRefused));
}

/// 12, 34
#[tokio::test]
async fn an_answer_that_is_none_is_refused() {
    let cases = [
        (Reply::new(401, "application/json", "{}"), SsoError::UserInfoStatus(401)),
        (Reply::new(200, "text/html", "<p>"), SsoError::UserInfoUnreachable(EgressError::NotJson)),
        (Reply::new(200, "application/json", "[]"), SsoError::UserInfoMalformed),
        (Reply::redirect(302, "/elsewhere"), SsoError::UserInfoUnreachable(EgressError::Redirected(302))),
        (
            Reply::new(200, "application/json", "x".repeat(128 * 1024 + 1)),
            SsoError::UserInfoUnreachable(EgressError::TooLarge),
        ),
    ];

    for (reply, expected) in cases {
        assert_eq!(refusal(|_| reply).await, expected);
    }
}

#[tokio::test]
async fn a_provider_without_the_endpoint_is_not_enough_where_the_connection_wants_it() {
    let mut world = World::new().await;
    world.connection.userinfo = true;

    assert_eq!(world.finish_claiming(json!({})).await.unwrap_err(), SsoError::UserInfoNotOffered);
}

#[tokio::test]
async fn nobody_is_asked_where_the_connection_does_not_want_it() {
    let mut world = answering(|_| Reply::json(&json!({"sub": "ceo"}))).await;
    world.connection.userinfo = false;

    assert!(world.finish_claiming(json!({})).await.is_ok());
    assert!(world.hostile.seen(USERINFO).is_empty());
}
