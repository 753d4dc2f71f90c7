//! A session ends, by whatever path, and everything that apps have of it ends with it, in the very next request; and the apps
//! are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Url;
use serde_json::{Value, json};
use sso::op::TokenKind;

use super::world::{World, answer, error, later};
use crate::support::http::{COOKIE, Reply, agent, session_at, start, text};
use crate::support::receiver::{Got, Receiver, courier};
use crate::support::{new_app, run};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The ways in which a session ends.
pub const ENDINGS: [&str; 6] =
    ["deactivated over SCIM", "deleted over SCIM", "signed out", "revoked", "all revoked", "seat lost"];

pub async fn end(world: &World, how: &str) {
    let api = &world.doors.api;
    let sessions = format!("/users/{}/sessions", world.user);
    match how {
        "deactivated over SCIM" => world.doors.set_active(&world.user, false).await,
        "deleted over SCIM" => {
            world.doors.scim.delete(&format!("/Users/{}", world.user)).await.is(204);
        }
        "signed out" => {
            let request = agent().post(format!("{}/logout", world.server));
            let request = request.header("cookie", format!("{COOKIE}={}", world.cookie));
            Reply::of("POST /logout".to_owned(), request).await.is(204);
        }
        "revoked" => {
            let listed = api.get(&sessions).await.is(200).json();
            let id = text(&listed["items"][0]["id"]);
            api.delete(&format!("{sessions}/{id}")).await.is(204);
        }
        "all revoked" => {
            api.delete(&sessions).await;
        }
        "seat lost" => {
            world.doors.seats(0).await;
        }
        other => panic!("{other}"),
    }
}

/// What every door says in the next request, at this server and at another one.
#[test]
fn whatever_ends_a_session_ends_what_apps_have_of_it() {
    run(async {
        let (_serving, replica) = start(Arc::new(new_app(4)));
        for how in ENDINGS {
            let mut world = World::new().await;
            let (tokens, spare) = (world.tokens().await, world.code().await);
            assert!(world.is_active(&text(&tokens["access_token"])).await, "{how}");

            end(&world, how).await;

            world.server.clone_from(&replica);
            world.all_is_over(&tokens, &spare).await;
        }
    });
}

#[test]
fn a_deleted_app_has_nothing_any_more() {
    run(async {
        let world = World::with(json!({"resources": ["https://api.example/"]})).await;
        let api = world.another(json!({"resources": ["https://api.example/"]})).await;
        let code = world.code_for(&[("resource", "https://api.example/")]).await;
        let tokens = world.exchange(&code).await.is(200).json();
        assert!(api.is_active(&text(&tokens["access_token"])).await);

        world.doors.api.delete(&format!("/apps/{}", world.app)).await.is(204);

        assert!(!api.is_active(&text(&tokens["access_token"])).await);
        world.userinfo(&text(&tokens["access_token"])).await.is(401);
        assert_eq!(world.refresh(&text(&tokens["refresh_token"])).await.status, 401);
        world.authorize(&[]).await.page(404, "unknown-door");
        session_at(&world.server, &world.cookie).await.is(200);
    });
}

/// A session that is not used any more runs out, and its tokens with it; an app that goes on is a person who is there.
#[test]
fn an_app_keeps_the_session_alive_by_refreshing() {
    run(async {
        let mut world = World::new().await;
        let policy = json!({"idleMinutes": 10, "absoluteMinutes": null});
        world.doors.api.put("/session-policy", policy).await.is(200);
        let mut refresh = text(&world.tokens().await["refresh_token"]);

        for minutes in [8, 16] {
            let (_serving, server) = later(minutes * 60);
            world.server = server;
            refresh = text(&world.refresh(&refresh).await.is(200).json()["refresh_token"]);
        }
        let (_serving, server) = later(27 * 60);
        world.server = server;

        error(&world.refresh(&refresh).await, 400, "invalid_grant");
    });
}

async fn logout_token(world: &World, got: &Got) -> serde_json::Map<String, Value> {
    assert_eq!(got.header("content-type"), "application/x-www-form-urlencoded");
    let form: Vec<(String, String)> = url::form_urlencoded::parse(got.body.as_bytes()).into_owned().collect();
    let [(name, token)] = form.as_slice() else { panic!("{form:?}") };
    assert_eq!(name, "logout_token");
    world.claims(&json!(token), TokenKind::Logout).await
}

/// OpenID Connect Back-Channel Logout §2.4 ("MUST NOT … nonce"), §2.5.
#[test]
fn an_app_is_told_once_of_a_session_that_is_over_and_other_apps_are_not() {
    run(async {
        courier();
        let (told, idle) = (Receiver::start(), Receiver::start());
        let world = World::with(json!({"backchannelLogoutUri": told.address})).await;
        let unused = world.another(json!({"backchannelLogoutUri": idle.address})).await;
        let tokens = world.tokens().await;
        world.tokens().await;
        let session = world.claims(&tokens["id_token"], TokenKind::Id).await["sid"].clone();

        world.doors.set_active(&world.user, false).await;

        let got = told.until("a logout token", |got| !got.is_empty()).await;
        let said = logout_token(&world, &got[0]).await;
        for (name, value) in [
            ("iss", json!(world.issuer())),
            ("aud", json!(world.app)),
            ("sub", json!(world.user)),
            ("sid", session),
            ("events", json!({EVENT: {}})),
        ] {
            assert_eq!(said[name], value, "{name}");
        }
        assert!(said.get("nonce").is_none());
        assert!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap() <= 120);
        tokio::time::sleep(std::time::Duration::from_millis(800)).await;
        assert_eq!((told.got().len(), idle.got().len()), (1, 0));
        let log = world.doors.api.get(&format!("/receivers/{}/deliveries", world.app)).await.is(200).json();
        assert_eq!(log["items"][0]["state"], "done", "{log}");
        let listed = world.doors.api.get("/receivers").await.is(200).json();
        assert_eq!(listed["items"], json!([]), "an app is no receiver of facts");
        drop(unused);
    });
}

/// Back-Channel Logout §2.7: an app that cannot take it now is told again, and knows the token by its `jti`.
#[test]
fn an_app_that_stumbles_is_told_again() {
    run(async {
        courier();
        let times = AtomicUsize::new(0);
        let told = Receiver::answering(move |_| {
            (if times.fetch_add(1, Ordering::Relaxed) == 0 { 500 } else { 200 }, String::new())
        });
        let world = World::with(json!({"backchannelLogoutUri": told.address})).await;
        world.tokens().await;

        world.doors.api.delete(&format!("/users/{}/sessions", world.user)).await;

        let got = told.until("two attempts", |got| got.len() >= 2).await;
        let (first, second) = (logout_token(&world, &got[0]).await, logout_token(&world, &got[1]).await);
        assert_eq!((&first["jti"], &first["sid"]), (&second["jti"], &second["sid"]));
    });
}

async fn leave(world: &World, params: &[(&str, &str)], with_cookie: bool) -> Reply {
    let mut request = agent().get(Url::parse_with_params(&world.at("end-session"), params).unwrap());
    if with_cookie {
        request = request.header("cookie", format!("{COOKIE}={}", world.cookie));
    }
    Reply::of("GET end-session".to_owned(), request).await
}

const HOME: &str = "https://rp.example/signed-out";

/// OpenID Connect RP-Initiated Logout §2 and §3: the address was registered, and the state comes along.
#[test]
fn an_app_signs_somebody_out_and_gets_the_browser_back() {
    run(async {
        for with_cookie in [true, false] {
            let world = World::with(json!({"postLogoutRedirectUris": [HOME]})).await;
            let (tokens, spare) = (world.tokens().await, world.code().await);
            let hint = text(&tokens["id_token"]);
            let wish =
                [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", HOME), ("state", "s t")];

            let reply = leave(&world, &wish, with_cookie).await.is(303);

            assert!(
                reply.header("location").starts_with(&format!("{HOME}?")),
                "{}",
                reply.header("location")
            );
            assert_eq!(answer(&reply)["state"], "s t");
            world.all_is_over(&tokens, &spare).await;
        }
    });
}

/// RP-Initiated Logout §2: without a hint, or with somebody else's, "the OP MUST ask the End-User"; §3: "MUST NOT perform
/// post-logout redirection" to what is not registered.
#[test]
fn nobody_is_signed_out_or_sent_away_by_a_link_of_others() {
    run(async {
        let world = World::with(json!({"postLogoutRedirectUris": [HOME]})).await;
        let stranger = World::new().await;
        let (tokens, foreign) = (world.tokens().await, text(&stranger.tokens().await["id_token"]));
        let hint = text(&tokens["id_token"]);
        let access = text(&tokens["access_token"]);

        leave(&world, &[], true).await.is(200);
        leave(&world, &[("client_id", world.app.as_str()), ("post_logout_redirect_uri", HOME)], true)
            .await
            .is(200);
        for refused in [
            vec![("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://evil.example/")],
            vec![
                ("id_token_hint", hint.as_str()),
                ("post_logout_redirect_uri", "https://rp.example/signed-out/"),
            ],
            vec![("post_logout_redirect_uri", HOME)],
            vec![("id_token_hint", foreign.as_str())],
            vec![("id_token_hint", access.as_str())],
            vec![("id_token_hint", "x")],
            vec![("id_token_hint", hint.as_str()), ("client_id", stranger.app.as_str())],
        ] {
            let reply = leave(&world, &refused, true).await;
            assert_eq!((reply.status, reply.header("location")), (400, ""), "{refused:?}");
        }
        let agreed = |site: &'static str| {
            let form =
                [("confirmed", "yes"), ("client_id", world.app.as_str()), ("post_logout_redirect_uri", HOME)];
            let request = agent().post(world.at("end-session")).form(&form).header("sec-fetch-site", site);
            request.header("cookie", format!("{COOKIE}={}", world.cookie))
        };
        Reply::of("cross-site".to_owned(), agreed("cross-site")).await.is(403);
        assert!(world.is_active(&access).await);

        let reply = Reply::of("our own page".to_owned(), agreed("same-origin")).await.is(303);

        assert_eq!(reply.header("location"), HOME);
        assert!(!world.is_active(&access).await);
    });
}
