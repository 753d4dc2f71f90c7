//! Somebody who is not signed in yet comes by way of an app, signs in at a real provider, and goes back to the app.

use reqwest::Url;
use serde_json::json;
use sso::op::TokenKind;

use super::world::{CALLBACK, World, answer, register};
use crate::support::http::{Doors, PUBLIC, base, text};
use crate::support::people::Tenant;
use crate::support::provider::{Browser, provider};
use crate::support::run;

async fn at_a_provider() -> World {
    let provider = provider();
    let doors = Doors::of(Tenant::named(&provider.slug()).await).await;
    let user = doors.user("alice").await;
    doors.connection("op", &provider.issuer).await;
    let (app, secret) = register(&doors, json!({})).await;
    World { doors, user, cookie: String::new(), app, secret, server: base().to_owned() }
}

fn authorize(world: &World, change: &[(&str, &str)]) -> String {
    let address = format!("{PUBLIC}/op/{}/authorize", world.slug());
    Url::parse_with_params(&address, world.request(change)).unwrap().into()
}

/// From the app's request through the provider, back to the app: its answer.
async fn through(
    world: &World,
    browser: &Browser,
    change: &[(&str, &str)],
) -> std::collections::BTreeMap<String, String> {
    let callback = browser.until_callback_from(&authorize(world, change), world.slug(), "alice").await;
    let back = browser.get(&callback).await.is(303);
    let resumed = browser.get(back.header("location")).await.is(303);
    assert!(resumed.header("location").starts_with(CALLBACK), "{}", resumed.header("location"));
    answer(&resumed)
}

/// OpenID Connect Core §3.1.2: the request is kept here, and nothing of it is the browser's word.
#[test]
fn whoever_is_not_signed_in_signs_in_and_goes_back_to_the_app() {
    run(async {
        let world = at_a_provider().await;
        let browser = Browser::new();

        let said = through(&world, &browser, &[]).await;

        assert_eq!(said["state"], "a state");
        let tokens = world.exchange(&said["code"]).await.is(200).json();
        let id = world.claims(&tokens["id_token"], TokenKind::Id).await;
        assert_eq!((&id["sub"], &id["nonce"]), (&json!(world.user), &json!("a nonce")));
        // The next app, or the same, gets a code at once.
        let silent = browser.get(&authorize(&world, &[("prompt", "none")])).await.is(303);
        assert!(answer(&silent).contains_key("code"));
    });
}

/// OpenID Connect Core §3.1.2.1: `prompt=login` ("If it cannot reauthenticate the End-User, it MUST return an error") and `max_age`
/// ("MUST attempt to actively re-authenticate"), also where a session is there; `login_hint` and the connection go along.
#[test]
fn who_has_a_session_proves_anew_who_they_are_if_the_app_wants_that() {
    run(async {
        let world = at_a_provider().await;
        let browser = Browser::new();
        let first = through(&world, &browser, &[]).await;
        let first = world.exchange(&first["code"]).await.is(200).json();
        let before = world.claims(&first["id_token"], TokenKind::Id).await;
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;

        let departure = browser
            .get(&authorize(&world, &[("prompt", "login"), ("login_hint", "alice"), ("connection", "op")]))
            .await;
        assert!(departure.is(303).header("location").starts_with(&format!("/login/{}/op?", world.slug())));
        let said = through(&world, &browser, &[("prompt", "login"), ("login_hint", "alice")]).await;

        let tokens = world.exchange(&said["code"]).await.is(200).json();
        let after = world.claims(&tokens["id_token"], TokenKind::Id).await;
        assert_ne!(before["sid"], after["sid"]);
        assert!(after["auth_time"].as_i64() > before["auth_time"].as_i64());
        assert!(
            !world.is_active(&text(&first["access_token"])).await,
            "the session before is over, and what hung on it"
        );
        let old = browser.get(&authorize(&world, &[("prompt", "none"), ("max_age", "0")])).await.is(303);
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        assert!(matches!(answer(&old).get("error").map(String::as_str), None | Some("login_required")));
        let old = browser.get(&authorize(&world, &[("prompt", "none"), ("max_age", "1")])).await.is(303);
        assert_eq!(answer(&old)["error"], "login_required");
    });
}

/// What waits is taken once, and only by a name that we gave out.
#[test]
fn a_request_that_waits_is_resumed_once() {
    run(async {
        let world = at_a_provider().await;
        let browser = Browser::new();
        let callback = browser.until_callback_from(&authorize(&world, &[]), world.slug(), "alice").await;
        let back = browser.get(&callback).await.is(303);
        let address = back.header("location").to_owned();

        browser.get(&address).await.is(303);
        browser.get(&address).await.page(400, "no-flow");
        browser.get(&format!("{PUBLIC}/op/{}/resume?request=x", world.slug())).await.page(400, "no-flow");
        browser.get(&format!("{PUBLIC}/op/{}/resume", world.slug())).await.is(400);
    });
}

/// RFC 9700 §4.11.2: "The authorization server MUST always authenticate the user first and, with the exception of the silent
/// authentication use case, prompt the user for credentials when needed, before redirecting the user."
#[test]
fn whoever_is_not_signed_in_signs_in_before_a_refusal_goes_back() {
    run(async {
        let world = at_a_provider().await;
        for change in [
            [("response_type", "token"), ("prompt", "login")],
            [("scope", "unheard_of"), ("connection", "op")],
            [("request_uri", "https://evil.example/request.jwt"), ("state", "a state")],
        ] {
            let browser = Browser::new();
            let departure = browser.get(&authorize(&world, &change)).await.is(303);
            let door = format!("/login/{}?return_to=%2Fop%2F", world.slug());
            assert!(departure.header("location").starts_with(&door), "{change:?}");
            let callback =
                browser.until_callback_from(&authorize(&world, &change), world.slug(), "alice").await;
            let back = browser.get(&callback).await.is(303);

            let said = answer(&browser.get(back.header("location")).await.is(303));

            assert!(said.contains_key("error") && !said.contains_key("code"), "{change:?}: {said:?}");
            assert_eq!(
                (&said["state"], &said["iss"]),
                (&"a state".to_owned(), &world.issuer()),
                "{change:?}"
            );
            let again = browser.get(&authorize(&world, &change)).await.is(303);
            assert_eq!(answer(&again), said, "{change:?}: who is signed in is sent back at once");
        }
        let silent = [("response_type", "token"), ("prompt", "none")];
        let silent = Browser::new().get(&authorize(&world, &silent)).await.is(303);
        assert_eq!(answer(&silent)["error"], "unsupported_response_type");
    });
}

/// RFC 9700 §4.11.2: whoever comes back without having signed in is sent nowhere, neither round in a circle nor to the app: the address
/// may have been handed to them.
#[test]
fn coming_back_without_a_session_goes_nowhere() {
    run(async {
        let world = at_a_provider().await;
        for change in [vec![], vec![("response_type", "token")]] {
            let (browser, other) = (Browser::new(), Browser::new());
            let departure = browser.get(&authorize(&world, &change)).await.is(303);
            let door = Url::parse(PUBLIC).unwrap().join(departure.header("location")).unwrap();
            let (_, return_to) = door.query_pairs().find(|(name, _)| name == "return_to").unwrap();

            other.get(&format!("{PUBLIC}{return_to}")).await.page(400, "no-flow");
        }
    });
}
