//! What is refused of an ID token whose signature is right.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sso::SsoError;

use crate::world::{ACCESS_TOKEN, World, now};

async fn refusal(change: Value) -> SsoError {
    World::new().await.finish_claiming(change).await.unwrap_err()
}

async fn assert_accepted(change: Value) {
    let outcome = World::new().await.finish_claiming(change.clone()).await;
    assert!(outcome.is_ok(), "{change}: {outcome:?}");
}

fn seconds_from_now(seconds: i64) -> Value {
    json!(now().timestamp() + seconds)
}

/// 20
#[tokio::test]
async fn an_id_token_of_another_issuer_is_refused() {
    assert_eq!(refusal(json!({"iss": "https://other.example"})).await, SsoError::IssuerMismatch);
}

/// 20
#[tokio::test]
async fn an_issuer_that_differs_in_a_slash_is_refused() {
    let world = World::new().await;
    let with_slash = format!("{}/", world.connection.issuer);

    let outcome = world.finish_claiming(json!({"iss": with_slash})).await;

    assert_eq!(outcome.unwrap_err(), SsoError::IssuerMismatch);
}

/// 21
#[tokio::test]
async fn id_token_for_another_audience_is_refused() {
    assert_eq!(refusal(json!({"aud": "another"})).await, SsoError::AudienceMismatch);
    assert_eq!(refusal(json!({"aud": ["another"]})).await, SsoError::AudienceMismatch);
    assert_eq!(refusal(json!({"aud": []})).await, SsoError::AudienceMismatch);
    assert_eq!(refusal(json!({"aud": {"gateway": true}})).await, SsoError::ClaimMalformed("aud"));
    assert_eq!(refusal(json!({"aud": ["gateway", 1]})).await, SsoError::ClaimMalformed("aud"));
}

/// 21
#[tokio::test]
async fn id_token_that_is_also_for_others_is_refused() {
    let change = json!({"aud": ["gateway", "another"], "azp": "gateway"});

    assert_eq!(refusal(change).await, SsoError::AudienceNotAlone);
}

#[tokio::test]
async fn a_list_of_one_audience_is_accepted() {
    assert_accepted(json!({"aud": ["gateway"]})).await;
}

/// 22
#[tokio::test]
async fn another_authorized_party_is_refused() {
    assert_eq!(refusal(json!({"azp": "another"})).await, SsoError::AuthorizedPartyMismatch);
    assert_eq!(refusal(json!({"azp": null})).await, SsoError::AuthorizedPartyMismatch);
    assert_accepted(json!({"azp": "gateway"})).await;
}

/// 20 to 30
#[tokio::test]
async fn required_claims_are_required() {
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        assert_eq!(refusal(json!({name: "(absent)"})).await, SsoError::ClaimMissing(name));
    }
}

#[tokio::test]
async fn times_that_are_no_numbers_are_refused() {
    for name in ["exp", "iat", "nbf", "auth_time", "session_expiry"] {
        for value in [json!("1795298900"), json!(-1), json!({})] {
            let refused = refusal(json!({name: value.clone()})).await;
            assert_eq!(refused, SsoError::ClaimMalformed(name), "{value}");
        }
    }
}

/// 23
#[tokio::test]
async fn an_expired_id_token_is_refused_after_the_skew() {
    assert_accepted(json!({"exp": seconds_from_now(-59)})).await;
    assert_eq!(refusal(json!({"exp": seconds_from_now(-60)})).await, SsoError::Expired);
}

/// 24
#[tokio::test]
async fn an_id_token_from_the_future_is_refused_beyond_the_skew() {
    assert_accepted(json!({"iat": seconds_from_now(60)})).await;
    assert_eq!(refusal(json!({"iat": seconds_from_now(61)})).await, SsoError::IssuedInTheFuture);
}

/// 24
#[tokio::test]
async fn an_id_token_issued_more_than_ten_minutes_ago_is_refused() {
    assert_accepted(json!({"iat": seconds_from_now(-660)})).await;
    assert_eq!(refusal(json!({"iat": seconds_from_now(-661)})).await, SsoError::IssuedTooLongAgo);
}

/// 25
#[tokio::test]
async fn an_id_token_that_is_not_valid_yet_is_refused() {
    assert_accepted(json!({"nbf": seconds_from_now(60)})).await;
    assert_eq!(refusal(json!({"nbf": seconds_from_now(61)})).await, SsoError::NotYetValid);
}

/// 26
#[tokio::test]
async fn the_nonce_of_another_flow_is_refused() {
    for nonce in [json!("another"), json!("(absent)"), json!(""), json!(null), json!(7)] {
        assert_eq!(refusal(json!({"nonce": nonce.clone()})).await, SsoError::NonceMismatch, "{nonce}");
    }
}

/// 27
#[tokio::test]
async fn a_maximum_age_needs_an_auth_time() {
    let mut world = World::new().await;
    world.connection.max_age = Some(Duration::from_mins(15));

    assert_eq!(world.finish_claiming(json!({})).await.unwrap_err(), SsoError::AuthTimeMissing);
}

/// 27
#[tokio::test]
async fn an_authentication_older_than_the_maximum_age_is_refused() {
    let mut world = World::new().await;
    world.connection.max_age = Some(Duration::from_mins(15));

    assert!(world.finish_claiming(json!({"auth_time": seconds_from_now(-960)})).await.is_ok());
    let outcome = world.finish_claiming(json!({"auth_time": seconds_from_now(-961)})).await;
    assert_eq!(outcome.unwrap_err(), SsoError::AuthenticationTooOld);
}

/// 27
#[tokio::test]
async fn an_authentication_in_the_future_is_refused() {
    assert_eq!(refusal(json!({"auth_time": seconds_from_now(61)})).await, SsoError::AuthTimeInTheFuture);
}

/// 27
#[tokio::test]
async fn the_fractional_auth_time_of_canaille_is_understood() {
    let world = World::new().await;

    let identity = world.finish_claiming(json!({"auth_time": 1_795_298_846.798})).await.unwrap();

    assert_eq!(identity.auth_time.unwrap().timestamp_millis(), 1_795_298_846_798);
}

#[tokio::test]
async fn the_end_of_the_providers_session_is_passed_on() {
    let world = World::new().await;

    let identity = world.finish_claiming(json!({"session_expiry": seconds_from_now(3600)})).await.unwrap();

    assert_eq!(identity.expires_hint.unwrap().timestamp(), now().timestamp() + 3600);
}

/// 29
#[tokio::test]
async fn the_hash_of_another_access_token_is_refused() {
    let half_hash = |token: &str| {
        let hash = Sha256::digest(token.as_bytes());
        URL_SAFE_NO_PAD.encode(&hash[..16])
    };

    assert_accepted(json!({"at_hash": half_hash(ACCESS_TOKEN)})).await;
    let refused = refusal(json!({"at_hash": half_hash("another")})).await;
    assert_eq!(refused, SsoError::AccessTokenHashMismatch);
    assert_eq!(refusal(json!({"at_hash": null})).await, SsoError::ClaimMalformed("at_hash"));
}

/// 29
#[tokio::test]
async fn the_hash_of_another_code_is_refused() {
    let half_hash = |code: &str| URL_SAFE_NO_PAD.encode(&Sha256::digest(code.as_bytes())[..16]);

    assert_accepted(json!({"c_hash": half_hash("a-code")})).await;
    assert_eq!(refusal(json!({"c_hash": half_hash("another")})).await, SsoError::CodeHashMismatch);
    assert_eq!(refusal(json!({"c_hash": ""})).await, SsoError::CodeHashMismatch);
    assert_eq!(refusal(json!({"c_hash": 7})).await, SsoError::ClaimMalformed("c_hash"));
}

/// 28
#[tokio::test]
async fn a_required_context_class_is_one_of_those_listed() {
    let mut world = World::new().await;
    world.connection.acr_values = vec!["urn:mfa".to_owned(), "urn:hardware".to_owned()];

    assert!(world.finish_claiming(json!({"acr": "urn:hardware"})).await.is_ok());
    for acr in [
        json!("urn:pwd"),
        json!("(absent)"),
        json!(""),
        json!(null),
        json!(["urn:mfa"]),
        json!("urn:mfa urn:pwd"),
    ] {
        let outcome = world.finish_claiming(json!({"acr": acr.clone()})).await;
        assert_eq!(outcome.unwrap_err(), SsoError::ContextClassRefused, "{acr}");
    }
}

/// 28
#[tokio::test]
async fn every_required_method_was_used() {
    let mut world = World::new().await;
    world.connection.amr = vec!["pwd".to_owned(), "otp".to_owned()];

    assert!(world.finish_claiming(json!({"amr": ["otp", "mfa", "pwd"]})).await.is_ok());
    for amr in [json!(["pwd"]), json!([]), json!("(absent)"), json!("pwd otp"), json!({"pwd": 1, "otp": 1})] {
        let outcome = world.finish_claiming(json!({"amr": amr.clone()})).await;
        assert_eq!(outcome.unwrap_err(), SsoError::MethodMissing, "{amr}");
    }
    world.connection.amr = vec!["pwd".to_owned()];
    assert!(world.finish_claiming(json!({"amr": "pwd"})).await.is_ok());
}

/// 30
#[tokio::test]
async fn a_subject_of_1_to_255_printable_ascii_characters_is_accepted() {
    assert_accepted(json!({"sub": "s"})).await;
    assert_accepted(json!({"sub": "s".repeat(255)})).await;
    assert_accepted(json!({"sub": "CN=Alice Abe, O=Acme"})).await;
    for subject in
        ["", "alic\u{e9}", "alice\n", "alice\0"].map(str::to_owned).into_iter().chain(["s".repeat(256)])
    {
        assert_eq!(refusal(json!({"sub": subject})).await, SsoError::SubjectInvalid, "{subject:?}");
    }
    assert_eq!(refusal(json!({"sub": 7})).await, SsoError::ClaimMalformed("sub"));
}

/// 33, 36
#[tokio::test]
async fn odd_standard_claims_are_no_reason_to_refuse() {
    let odd = json!({
        "email_verified": "true",
        "updated_at": "2026-11-22T00:00:00Z",
        "amr": "pwd",
        "name": null,
        "address": "Acme street 1",
        "groups": {"engineering": []},
    });

    assert_accepted(odd).await;
}
