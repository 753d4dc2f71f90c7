//! What is refused of an ID token before its claims are read.

use serde_json::{Value, json};
use sso::SsoError;
use sso::oidc::SigningAlg;

use crate::provider::{JWKS, Reply};
use crate::signer::{Signer, encode};
use crate::world::{CLIENT_SECRET, World};

async fn refusal(id_token: impl FnOnce(&World) -> String) -> SsoError {
    let world = World::new().await;
    world.hands_out(&id_token(&world));
    world.finish().await.unwrap_err()
}

fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    format!("{}.{}.{signature}", encode(header.to_string()), encode(claims.to_string()))
}

/// 16
#[tokio::test]
async fn alg_none_is_refused() {
    for name in ["none", "None", "NONE"] {
        let header = json!({"alg": name, "kid": "first"});

        let without = refusal(|world| unsigned(&header, &world.honest_claims(), "")).await;
        let with = refusal(|world| world.signer.token_with(&header, &world.honest_claims())).await;

        assert_eq!((without, with), (SsoError::AlgorithmRefused, SsoError::AlgorithmRefused), "{name}");
    }
}

/// 16
#[tokio::test]
async fn hs256_with_the_public_key_is_refused() {
    let forged = refusal(|world| {
        Signer::hs256(world.signer.jwk.to_string().as_bytes(), Some("first")).token(&world.honest_claims())
    });

    assert_eq!(forged.await, SsoError::AlgorithmRefused);
}

/// 16
#[tokio::test]
async fn hs256_with_the_client_secret_is_refused_also_where_discovery_lists_it() {
    let forged = refusal(|world| Signer::hs256(CLIENT_SECRET.as_bytes(), None).token(&world.honest_claims()));

    assert_eq!(forged.await, SsoError::AlgorithmRefused);
}

/// 16
#[tokio::test]
async fn an_algorithm_that_the_connection_does_not_list_is_refused() {
    let mut world = World::new().await;
    world.connection.allowed_algs = vec![SigningAlg::Rs256];

    assert_eq!(world.finish_claiming(json!({})).await.unwrap_err(), SsoError::AlgorithmRefused);
}

/// 19
#[tokio::test]
async fn a_signature_by_another_key_of_the_same_name_is_refused() {
    let forged = refusal(|world| Signer::es256(66, "first").token(&world.honest_claims()));

    assert_eq!(forged.await, SsoError::SignatureInvalid);
}

/// 19
#[tokio::test]
async fn claims_changed_after_signing_are_refused() {
    let forged = refusal(|world| {
        let honest = world.signer.token(&world.honest_claims());
        let parts: Vec<_> = honest.split('.').collect();
        let mut claims = world.honest_claims();
        claims["sub"] = json!("mallory");
        format!("{}.{}.{}", parts[0], encode(claims.to_string()), parts[2])
    });

    assert_eq!(forged.await, SsoError::SignatureInvalid);
}

/// 19
#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let stripped = refusal(|world| unsigned(&world.signer.header(), &world.honest_claims(), ""));

    assert_eq!(stripped.await, SsoError::SignatureInvalid);
}

/// 18
#[tokio::test]
async fn a_key_of_another_kind_than_the_algorithm_does_not_fit() {
    let confused = refusal(|world| {
        world.signer.token_with(&json!({"alg": "RS256", "kid": "first"}), &world.honest_claims())
    });

    assert_eq!(confused.await, SsoError::KeyUnknown);
}

/// 17
#[tokio::test]
async fn keys_brought_along_in_the_header_are_not_looked_at() {
    let world = World::new().await;
    let evil = Signer::es256(66, "evil");
    world.hostile.says("/evil", Reply::json(&json!({"keys": [evil.jwk]})));
    let evil_place = format!("{}/evil", world.hostile.issuer());
    let brought = [
        ("jku", json!(evil_place)),
        ("x5u", json!(evil_place)),
        ("jwk", evil.jwk.clone()),
        ("x5c", json!(["MIIBszCCAVmgAwIBAgIUevil"])),
    ];

    for (name, value) in brought {
        for (id, expected) in [("first", SsoError::SignatureInvalid), ("evil", SsoError::KeyUnknown)] {
            let header = json!({"alg": "ES256", "typ": "JWT", "kid": id, name: value});
            world.hands_out(&evil.token_with(&header, &world.honest_claims()));
            assert_eq!(world.finish().await.unwrap_err(), expected, "{name} {id}");
        }
        // Whoever signs honestly may say where the key is published, too.
        assert!(world.finish_under(json!({name: value})).await.is_ok(), "{name}");
    }
    assert!(world.hostile.seen("/evil").is_empty());
}

/// 17
#[tokio::test]
async fn headers_that_change_the_meaning_are_refused() {
    let world = World::new().await;
    let changing = [
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
    ];

    for (name, value) in changing {
        let outcome = world.finish_under(json!({name: value})).await;
        assert_eq!(outcome.unwrap_err(), SsoError::HeaderRefused(name));
    }
}

/// 17
#[tokio::test]
async fn other_kinds_of_tokens_are_refused() {
    let world = World::new().await;

    for kind in [json!("logout+jwt"), json!("at+jwt"), json!("secevent+jwt"), json!(1)] {
        let outcome = world.finish_under(json!({"typ": kind.clone()})).await;
        assert_eq!(outcome.unwrap_err(), SsoError::TypeRefused, "{kind}");
    }
    assert!(world.finish_under(json!({"typ": "jwt"})).await.is_ok());
}

/// 15
#[tokio::test]
async fn a_token_that_is_no_compact_jws_is_refused() {
    let header = encode(json!({"alg": "ES256", "kid": "first"}).to_string());
    let shapes = [
        String::new(),
        "a.b".to_owned(),
        "a.b.c.d".to_owned(),
        "a.b.c.d.e".to_owned(),
        format!("{header}=.e30.AA"),
        format!("{header}.e30=.AA"),
        format!("{header}.e30.A+"),
        format!("{}.e30.AA", encode("[]")),
        format!("{}.e30.AA", encode("{}")),
        format!("{}.e30.AA", encode(r#"{"alg":"ES256","kid":7}"#)),
    ];

    for shape in shapes {
        let refused = refusal(|_| shape.clone()).await;
        assert!(matches!(refused, SsoError::IdTokenMalformed(_)), "{shape}: {refused}");
    }
}

/// 15
#[tokio::test]
async fn a_token_of_more_than_sixteen_kibibytes_is_refused() {
    let world = World::new().await;

    let outcome = world.finish_claiming(json!({"padding": "x".repeat(16 * 1024)})).await;

    assert_eq!(outcome.unwrap_err(), SsoError::IdTokenTooLong);
}

#[tokio::test]
async fn a_refused_envelope_costs_the_provider_no_request() {
    let world = World::new().await;
    let before = world.hostile.seen(JWKS).len();

    world.finish_under(json!({"kid": "unknown", "crit": ["exp"]})).await.unwrap_err();

    assert_eq!(world.hostile.seen(JWKS).len(), before);
}
