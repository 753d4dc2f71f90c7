//! Signing out: logout tokens, and where a browser goes.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};
use sso::Secret;
use sso::jose::JwsError;
use sso::oidc::{LogoutError, LogoutToken, SigningAlg, sign_out_at, verify_logout_token};

use crate::signer::Signer;
use crate::world::World;

fn honest(world: &World) -> Value {
    let now = world.now.timestamp();
    json!({
        "iss": world.connection.issuer,
        "aud": "gateway",
        "iat": now,
        "exp": now + 120,
        "jti": "once",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        "sub": "alice",
        "sid": "a-session",
    })
}

fn changed(world: &World, change: &Value) -> Value {
    let mut claims = honest(world);
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

async fn judged(world: &World, token: &str) -> Result<LogoutToken, LogoutError> {
    verify_logout_token(&world.outside(), &world.connection, &world.provider, token).await
}

async fn claiming(change: Value) -> Result<LogoutToken, LogoutError> {
    let world = World::new().await;
    judged(&world, &world.signer.token_with(&typed(&world, "logout+jwt"), &changed(&world, &change))).await
}

fn typed(world: &World, kind: &str) -> Value {
    let mut header = world.signer.header();
    header["typ"] = json!(kind);
    header
}

#[tokio::test]
async fn an_honest_logout_token_says_whose_sessions_end() {
    let token = claiming(json!({})).await.unwrap();

    assert_eq!((token.subject.as_deref(), token.session.as_deref()), (Some("alice"), Some("a-session")));
    assert_eq!(token.id, "once");
    assert!(claiming(json!({"sid": null})).await.is_ok() && claiming(json!({"sub": null})).await.is_ok());
}

#[tokio::test]
async fn its_type_is_its_own_or_none() {
    let world = World::new().await;
    let mut untyped = world.signer.header();
    untyped.as_object_mut().unwrap().remove("typ");
    assert!(judged(&world, &world.signer.token_with(&untyped, &honest(&world))).await.is_ok());
    for kind in ["logout+jwt", "application/logout+jwt", "JWT"] {
        assert!(
            judged(&world, &world.signer.token_with(&typed(&world, kind), &honest(&world))).await.is_ok(),
            "{kind}"
        );
    }
    for kind in ["at+jwt", "secevent+jwt", "client-authentication+jwt"] {
        let refused = judged(&world, &world.signer.token_with(&typed(&world, kind), &honest(&world))).await;
        assert_eq!(refused, Err(LogoutError::Envelope(JwsError::TypeRefused)), "{kind}");
    }
}

#[tokio::test]
async fn its_signature_is_by_the_provider_with_an_algorithm_of_the_connection() {
    let mut world = World::new().await;
    let refused = |error| Err(LogoutError::Envelope(error));
    let forged = Signer::es256(66, "first").token(&honest(&world));
    assert_eq!(judged(&world, &forged).await, refused(JwsError::SignatureInvalid));
    let none = world.signer.token_with(&json!({"alg": "none"}), &honest(&world));
    assert_eq!(judged(&world, &none).await, refused(JwsError::AlgorithmRefused));
    let hmac = Signer::hs256(b"gateway", None).token(&honest(&world));
    assert_eq!(judged(&world, &hmac).await, refused(JwsError::AlgorithmRefused));

    world.connection.allowed_algs = vec![SigningAlg::Rs256];
    let honest = world.signer.token(&honest(&world));
    assert_eq!(judged(&world, &honest).await, refused(JwsError::AlgorithmRefused));
}

#[tokio::test]
async fn it_is_by_this_issuer_and_for_us_alone() {
    assert_eq!(claiming(json!({"iss": "https://other.example"})).await, Err(LogoutError::IssuerMismatch));
    assert_eq!(claiming(json!({"iss": null})).await, Err(LogoutError::ClaimMissing("iss")));
    assert_eq!(claiming(json!({"aud": "another"})).await, Err(LogoutError::AudienceMismatch));
    assert_eq!(claiming(json!({"aud": ["gateway", "another"]})).await, Err(LogoutError::AudienceNotAlone));
    assert_eq!(claiming(json!({"aud": null})).await, Err(LogoutError::ClaimMissing("aud")));
    let mut world = World::new().await;
    let token = world.signer.token(&honest(&world));
    world.connection.issuer = "https://other.example".to_owned();
    assert_eq!(judged(&world, &token).await, Err(LogoutError::IssuerMismatch));
}

#[tokio::test]
async fn it_is_of_now() {
    let at = World::new().await.now.timestamp();
    for (change, expected) in [
        (json!({"exp": at - 60}), LogoutError::Expired),
        (json!({"exp": null}), LogoutError::ClaimMissing("exp")),
        (json!({"exp": "soon"}), LogoutError::ClaimMalformed("exp")),
        (json!({"iat": null}), LogoutError::ClaimMissing("iat")),
        (json!({"iat": at + 61}), LogoutError::IssuedInTheFuture),
        (json!({"iat": at - 660}), LogoutError::IssuedTooLongAgo),
    ] {
        assert_eq!(claiming(change.clone()).await, Err(expected), "{change}");
    }
    assert!(claiming(json!({"exp": at - 59, "iat": at - 200})).await.is_ok());
}

#[tokio::test]
async fn it_is_remembered_until_it_would_be_refused_for_its_age() {
    let world = World::new().await;
    let at = world.now.timestamp();

    let short = claiming(json!({})).await.unwrap();
    let endless = claiming(json!({"exp": at + 10_000_000})).await.unwrap();

    assert_eq!(short.forget_at, world.now + TimeDelta::seconds(180));
    assert_eq!(endless.forget_at, world.now + TimeDelta::seconds(660));
}

#[tokio::test]
async fn it_says_that_somebody_signs_out_and_nothing_else() {
    assert_eq!(claiming(json!({"events": null})).await, Err(LogoutError::ClaimMissing("events")));
    for events in [
        json!({}),
        json!([]),
        json!("http://schemas.openid.net/event/backchannel-logout"),
        json!({"http://schemas.openid.net/event/backchannel-logout": "yes"}),
        json!({"https://schemas.openid.net/secevent/risc/event-type/account-disabled": {}}),
    ] {
        assert_eq!(
            claiming(json!({"events": events.clone()})).await,
            Err(LogoutError::AnotherEvent),
            "{events}"
        );
    }
}

#[tokio::test]
async fn no_id_token_is_a_logout_token() {
    assert_eq!(claiming(json!({"nonce": "n"})).await, Err(LogoutError::NonceProhibited));
    let world = World::new().await;
    let id_token = world.signer.token(&world.honest_claims());
    assert_eq!(judged(&world, &id_token).await, Err(LogoutError::ClaimMissing("events")));
}

#[tokio::test]
async fn it_names_somebody_and_itself() {
    assert_eq!(claiming(json!({"sub": null, "sid": null})).await, Err(LogoutError::NamesNobody));
    assert_eq!(claiming(json!({"jti": null})).await, Err(LogoutError::ClaimMissing("jti")));
    for (name, value) in
        [("sub", json!("")), ("sid", json!(7)), ("jti", json!("x".repeat(256))), ("sid", json!("a\u{0}"))]
    {
        assert_eq!(claiming(json!({name: value})).await, Err(LogoutError::ClaimMalformed(name)));
    }
}

#[tokio::test]
async fn a_browser_is_sent_where_the_providers_own_session_ends() {
    let world = World::offering(json!({"end_session_endpoint": "/end?tenant=acme"})).await;
    let back = "http://127.0.0.1:9000/signed-out".parse().unwrap();
    let (hint, state) = (Secret::new("a.b.c"), Secret::new("a-state"));

    let with = sign_out_at(&world.connection, &world.provider, Some(&hint), &back, &state).unwrap();
    let long = Secret::new("x".repeat(5000));
    let without = sign_out_at(&world.connection, &world.provider, Some(&long), &back, &state).unwrap();

    let query: BTreeMap<String, String> = with.query_pairs().into_owned().collect();
    assert_eq!((&*query["tenant"], &*query["client_id"], &*query["state"]), ("acme", "gateway", "a-state"));
    assert_eq!((&*query["id_token_hint"], &*query["post_logout_redirect_uri"]), ("a.b.c", back.as_str()));
    assert!(!without.query().unwrap().contains("hint"));
    let world = World::new().await;
    assert_eq!(sign_out_at(&world.connection, &world.provider, Some(&hint), &back, &state), None);
}
