//! Authorization requests that are pushed (RFC 9126).

use std::collections::BTreeMap;

use serde_json::json;
use sso::egress::EgressError;
use sso::oidc::{ClientAuth, Said, Wish};
use sso::{Secret, SsoError};

use crate::provider::Reply;
use crate::world::World;

const PUSH: &str = "/par";
const REFERENCE: &str = "urn:ietf:params:oauth:request_uri:6esc";

fn pairs(text: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// A world whose provider takes pushed requests and answers like this.
async fn answering(reply: Reply) -> World {
    let world = World::offering(json!({"pushed_authorization_request_endpoint": PUSH})).await;
    world.hostile.says(PUSH, reply);
    world
}

fn taken() -> Reply {
    Reply::new(201, "application/json", json!({"request_uri": REFERENCE, "expires_in": 60}).to_string())
}

#[tokio::test]
async fn the_browser_carries_a_reference_and_the_provider_has_the_request() {
    let world = answering(taken()).await;

    let request = world.start(&Wish::default()).await.unwrap();

    let carried = pairs(request.url.query().unwrap().as_bytes());
    let names: Vec<&str> = carried.keys().map(String::as_str).collect();
    assert_eq!(names, ["client_id", "request_uri", "tenant"]);
    assert_eq!((&*carried["client_id"], &*carried["request_uri"]), ("gateway", REFERENCE));
    let seen = world.hostile.seen(PUSH).pop().unwrap();
    let pushed = pairs(seen.body.as_bytes());
    assert_eq!(pushed["state"], request.flow.state.expose());
    assert_eq!(pushed["nonce"], request.flow.nonce.expose());
    assert_eq!(pushed["code_challenge_method"], "S256");
    assert_eq!(pushed["redirect_uri"], world.connection.redirect_uri.as_str());
    assert!(seen.head.contains("Basic "), "{}", seen.head);
}

#[tokio::test]
async fn our_name_is_in_the_form_once_wherever_the_secret_is() {
    let mut world = answering(taken()).await;
    let secret = || Secret::new("s");

    for proof in [ClientAuth::SecretBasic(secret()), ClientAuth::SecretPost(secret())] {
        world.connection.client_auth = proof;
        world.start(&Wish::default()).await.unwrap();

        let seen = world.hostile.seen(PUSH).pop().unwrap();
        assert_eq!(seen.body.matches("client_id=gateway").count(), 1, "{}", seen.body);
    }
}

#[tokio::test]
async fn a_refused_request_is_not_sent_through_the_browser_instead() {
    let body = json!({"error": "invalid_request", "error_description": "redirect_uri\nis unknown"});
    let refused = Reply::new(400, "application/json", body.to_string());
    let said = Said {
        error: Some("invalid_request".to_owned()),
        description: Some("redirect_uriis unknown".to_owned()),
    };
    let cases = [
        (refused, SsoError::PushRefused { status: 400, said }),
        (Reply::new(201, "application/json", "{}"), SsoError::PushMalformed),
        (Reply::new(201, "text/html", "<p>"), SsoError::PushUnreachable(EgressError::NotJson)),
        (Reply::redirect(302, "/elsewhere"), SsoError::PushUnreachable(EgressError::Redirected(302))),
    ];

    for (reply, expected) in cases {
        let outcome = answering(reply).await.start(&Wish::default()).await;

        assert_eq!(outcome.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn a_connection_that_does_not_push_does_so_only_where_it_must() {
    let mut world = answering(taken()).await;
    world.connection.push = false;
    assert!(world.start(&Wish::default()).await.unwrap().url.query().unwrap().contains("nonce="));
    assert!(world.hostile.seen(PUSH).is_empty());

    let must =
        json!({"pushed_authorization_request_endpoint": PUSH, "require_pushed_authorization_requests": true});
    let mut strict = World::offering(must).await;
    strict.hostile.says(PUSH, taken());
    strict.connection.push = false;
    assert!(strict.start(&Wish::default()).await.unwrap().url.query().unwrap().contains("request_uri="));
}
