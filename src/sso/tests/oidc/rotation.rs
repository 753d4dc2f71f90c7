//! Keys that change under us.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};
use sso::SsoError;
use sso::egress::EgressError;

use crate::provider::{JWKS, Reply};
use crate::signer::Signer;
use crate::world::{World, honest_provider};

/// A world whose provider has replaced its key after we learnt the first one.
async fn rotated() -> World {
    let mut world = World::new().await;
    world.signer = Signer::es256(8, "second");
    publish(&world, &json!([world.signer.jwk]));
    world
}

fn publish(world: &World, keys: &Value) {
    world.hostile.says(JWKS, Reply::json(&json!({"keys": keys})));
}

fn times_asked(world: &World) -> usize {
    world.hostile.seen(JWKS).len()
}

/// 18
#[tokio::test]
async fn jwks_rotation_is_followed_by_one_guarded_refetch() {
    let world = rotated().await;

    let outcome = world.finish_claiming(json!({})).await;
    let again = world.finish_claiming(json!({})).await;

    assert!(outcome.is_ok() && again.is_ok());
    assert_eq!(times_asked(&world), 2);
}

/// 18
#[tokio::test]
async fn a_key_replaced_under_the_same_name_is_followed() {
    let mut world = World::new().await;
    world.signer = Signer::es256(8, "first");
    publish(&world, &json!([world.signer.jwk]));

    assert!(world.finish_claiming(json!({})).await.is_ok());
    assert_eq!(times_asked(&world), 2);
}

/// 18
#[tokio::test]
async fn invented_key_ids_cost_the_provider_one_request_in_thirty_seconds() {
    let mut world = World::new().await;

    for id in ["a", "b", "c"] {
        assert_eq!(world.finish_under(json!({"kid": id})).await.unwrap_err(), SsoError::KeyUnknown);
    }
    assert_eq!(times_asked(&world), 2);

    world.now += TimeDelta::seconds(29);
    world.finish_under(json!({"kid": "d"})).await.unwrap_err();
    assert_eq!(times_asked(&world), 2);

    world.now += TimeDelta::seconds(1);
    world.finish_under(json!({"kid": "e"})).await.unwrap_err();
    assert_eq!(times_asked(&world), 3);
}

/// 18
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_sign_ins_after_a_rotation_asks_once() {
    let world = rotated().await;
    world.hands_out(&world.signer.token(&world.honest_claims()));
    let world = Arc::new(world);

    let burst: Vec<_> = (0..8)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.finish().await })
        })
        .collect();

    for one in burst {
        assert!(one.await.unwrap().is_ok());
    }
    assert_eq!(times_asked(&world), 2);
}

#[tokio::test]
async fn forged_signatures_cost_the_provider_one_request_in_thirty_seconds() {
    let world = World::new().await;
    world.hands_out(&Signer::es256(66, "first").token(&world.honest_claims()));

    for _ in 0..3 {
        assert_eq!(world.finish().await.unwrap_err(), SsoError::SignatureInvalid);
    }

    assert_eq!(times_asked(&world), 2);
}

#[tokio::test]
async fn known_keys_are_kept_when_the_key_set_breaks() {
    let world = World::new().await;
    world.hostile.says(JWKS, Reply::new(200, "text/html", "<h1>Maintenance</h1>"));

    let unknown = world.finish_under(json!({"kid": "unknown"})).await;
    let known = world.finish_claiming(json!({})).await;

    assert_eq!(unknown.unwrap_err(), SsoError::JwksUnreachable(EgressError::NotJson));
    assert!(known.is_ok());
}

#[tokio::test]
async fn a_withdrawn_key_is_not_trusted_after_the_refetch() {
    let mut world = rotated().await;
    world.finish_claiming(json!({})).await.unwrap();
    world.signer = Signer::es256(7, "first");

    let outcome = world.finish_claiming(json!({})).await;

    assert_eq!(outcome.unwrap_err(), SsoError::KeyUnknown);
}

#[tokio::test]
async fn a_token_without_a_key_id_is_verified_with_the_only_fitting_key() {
    let mut signer = Signer::es256(7, "first");
    signer.id = None;
    let hostile = honest_provider(&signer).await;
    let keys = json!({"keys": [Signer::ed25519(9, "ed").jwk, signer.jwk]});
    hostile.says(JWKS, Reply::json(&keys));
    let world = World::at(hostile, signer).await;

    assert!(world.finish_claiming(json!({})).await.is_ok());
}

/// 18
#[tokio::test]
async fn a_token_without_a_key_id_is_refused_when_several_keys_fit() {
    let mut signer = Signer::es256(7, "first");
    signer.id = None;
    let hostile = honest_provider(&signer).await;
    hostile.says(JWKS, Reply::json(&json!({"keys": [signer.jwk, Signer::es256(8, "second").jwk]})));
    let world = World::at(hostile, signer).await;

    assert_eq!(world.finish_claiming(json!({})).await.unwrap_err(), SsoError::KeyAmbiguous);
}

#[tokio::test]
async fn the_same_key_published_twice_is_one_key() {
    let signer = Signer::es256(7, "first");
    let hostile = honest_provider(&signer).await;
    hostile.says(JWKS, Reply::json(&json!({"keys": [signer.jwk, signer.jwk]})));
    let world = World::at(hostile, signer).await;

    assert!(world.finish_claiming(json!({})).await.is_ok());
}

/// 18
#[tokio::test]
async fn a_key_for_another_algorithm_does_not_fit() {
    let mut signer = Signer::es256(7, "first");
    signer.jwk["alg"] = json!("ES384");
    let world = World::signed_by(signer).await;

    assert_eq!(world.finish_claiming(json!({})).await.unwrap_err(), SsoError::KeyUnknown);
}
