//! A device without a browser is let in from another one (RFC 8628): what it is told while it waits, what the person is asked, and
//! how it ends.

use reqwest::Url;
use serde_json::{Value, json};

use super::endings::{ENDINGS, end};
use super::world::{World, error, later};
use crate::support::http::{COOKIE, PUBLIC, Reply, agent, text};
use crate::support::provider::{Browser, Form, provider};
use crate::support::run;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn world() -> World {
    World::with(json!({"proof": "none", "redirectUris": [], "deviceFlow": true})).await
}

/// A device that waits.
async fn waiting(world: &World) -> Value {
    world.ask("device-authorization", &[("scope", "openid roles")]).await.is(200).json()
}

async fn poll(world: &World, device_code: &str) -> Reply {
    world.ask("token", &[("grant_type", GRANT), ("device_code", device_code)]).await
}

/// What a browser is shown that sends this form to the page, with the person's session.
async fn say(world: &World, fields: &[(&str, &str)]) -> Reply {
    let request = agent().post(world.at("device")).header("cookie", format!("{COOKIE}={}", world.cookie));
    Reply::of("POST device".to_owned(), request.form(fields)).await
}

async fn let_in(world: &World, waiting: &Value) {
    let code = text(&waiting["user_code"]);
    say(world, &[("user_code", &code), ("answer", "let-in")]).await.is(200);
}

/// RFC 8628 §3.1, §3.2, §3.4, §3.5.
#[test]
fn a_device_waits_until_somebody_lets_it_in_and_then_has_tokens_like_any_app() {
    run(async {
        let mut world = world().await;
        let begun = waiting(&world).await;
        let (device, code) = (text(&begun["device_code"]), text(&begun["user_code"]));
        assert_eq!((&begun["interval"], &begun["expires_in"]), (&json!(5), &json!(600)));
        assert_eq!(begun["verification_uri"], format!("{}/device", world.issuer()));
        assert_eq!(begun["verification_uri_complete"], format!("{}/device?user_code={code}", world.issuer()));
        error(&poll(&world, &device).await, 400, "authorization_pending");

        let asked = say(&world, &[("user_code", &code.to_lowercase().replace('-', " "))]).await.is(200).text;
        for shown in ["App", code.as_str(), "alice", "If somebody sent you the code"] {
            assert!(asked.contains(shown), "no {shown}: {asked}");
        }
        assert!(!asked.contains("<script"), "{asked}");
        let form = Form::on(&asked, &world.at("device"), "").unwrap();
        let mut fields: Vec<(&str, &str)> =
            form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.push(("answer", "let-in"));
        say(&world, &fields).await.is(200);

        let (_serving, server) = later(5);
        world.server = server;
        let tokens = poll(&world, &device).await.is(200).json();
        assert_eq!((&tokens["token_type"], &tokens["scope"]), (&json!("Bearer"), &json!("openid roles")));
        let info = world.userinfo(&text(&tokens["access_token"])).await.is(200).json();
        assert_eq!((&info["sub"], &info["roles"]), (&json!(world.user), &json!(["general"])));
        world.refresh(&text(&tokens["refresh_token"])).await.is(200);
    });
}

/// RFC 8628 §3.5: "the interval MUST be increased by 5 seconds for this and all subsequent requests".
#[test]
fn a_device_that_asks_too_often_is_slowed_down_more_each_time() {
    run(async {
        let mut world = world().await;
        let begun = waiting(&world).await;
        let device = text(&begun["device_code"]);
        error(&poll(&world, &device).await, 400, "authorization_pending");
        error(&poll(&world, &device).await, 400, "slow_down");

        let mut servers = Vec::new();
        for (seconds, said) in [(6, "slow_down"), (13, "slow_down"), (34, "authorization_pending")] {
            let (serving, server) = later(seconds);
            servers.push(serving);
            world.server = server;
            error(&poll(&world, &device).await, 400, said);
        }
    });
}

/// RFC 8628 §3.5: `access_denied`, `expired_token`; §6.1 and §5.1: codes run out.
#[test]
fn a_device_is_told_that_it_was_refused_or_that_its_codes_ran_out() {
    run(async {
        let mut world = world().await;
        let (refused, expired, too_late) =
            (waiting(&world).await, waiting(&world).await, waiting(&world).await);
        let code = text(&refused["user_code"]);
        let page = say(&world, &[("user_code", &code), ("answer", "refuse")]).await.is(200).text;
        assert!(page.contains("not let in"), "{page}");
        error(&poll(&world, &text(&refused["device_code"])).await, 400, "access_denied");
        say(&world, &[("user_code", &code), ("answer", "let-in")]).await.is(404);
        error(&poll(&world, &text(&refused["device_code"])).await, 400, "access_denied");
        let_in(&world, &too_late).await;

        let (_serving, server) = later(601);
        world.server = server;
        error(&poll(&world, &text(&expired["device_code"])).await, 400, "expired_token");
        say(&world, &[("user_code", &text(&expired["user_code"])), ("answer", "let-in")]).await.is(404);
        error(&poll(&world, &text(&too_late["device_code"])).await, 400, "expired_token");
    });
}

/// RFC 8628 §3.4: the code is its app's; RFC 6749 §4.1.2 of codes: used once, and §10.5 of what came of it.
#[test]
fn a_device_code_is_good_for_its_app_once_and_for_nothing_else() {
    run(async {
        let world = world().await;
        let (begun, forged) = (waiting(&world).await, waiting(&world).await);
        let device = text(&begun["device_code"]);
        let other = world.another(json!({"deviceFlow": true})).await;
        let plain = world.another(json!({})).await;
        error(&poll(&other, &device).await, 400, "invalid_grant");
        let_in(&world, &begun).await;

        error(&poll(&other, &device).await, 400, "invalid_grant");
        error(&poll(&plain, &device).await, 400, "unauthorized_client");
        error(&plain.ask("device-authorization", &[("scope", "openid")]).await, 400, "unauthorized_client");
        error(&world.exchange(&device).await, 400, "invalid_grant");
        error(&world.refresh(&device).await, 400, "invalid_grant");
        error(&poll(&world, &text(&forged["user_code"])).await, 400, "invalid_grant");
        error(&world.ask("token", &[("grant_type", GRANT)]).await, 400, "invalid_request");
        error(&world.ask("device-authorization", &[("scope", "nothing")]).await, 400, "invalid_scope");
        let target = [("scope", "openid"), ("resource", "https://foreign.example/")];
        error(&world.ask("device-authorization", &target).await, 400, "invalid_target");

        let tokens = poll(&world, &device).await.is(200).json();
        error(&poll(&world, &device).await, 400, "invalid_grant");
        world.userinfo(&text(&tokens["access_token"])).await.is(401);
        error(&world.refresh(&text(&tokens["refresh_token"])).await, 400, "invalid_grant");
    });
}

/// Of a device that was let in and has not asked yet, and of one that has its tokens.
#[test]
fn whatever_ends_a_session_ends_what_devices_have_of_it() {
    run(async {
        for how in ENDINGS {
            let world = world().await;
            let (begun, spare) = (waiting(&world).await, waiting(&world).await);
            let_in(&world, &begun).await;
            let_in(&world, &spare).await;
            let tokens = poll(&world, &text(&begun["device_code"])).await.is(200).json();
            world.userinfo(&text(&tokens["access_token"])).await.is(200);

            end(&world, how).await;

            world.userinfo(&text(&tokens["access_token"])).await.is(401);
            error(&world.refresh(&text(&tokens["refresh_token"])).await, 400, "invalid_grant");
            error(&poll(&world, &text(&spare["device_code"])).await, 400, "invalid_grant");
        }
    });
}

/// RFC 8628 §5.1: nobody finds the code of somebody else's device by trying.
#[test]
fn somebody_who_guesses_codes_is_stopped_and_others_are_not() {
    run(async {
        let mut world = world().await;
        let begun = waiting(&world).await;
        let code = text(&begun["user_code"]);
        let page = say(&world, &[("user_code", "BCDF-GHJK")]).await.is(404).text;
        assert!(page.contains("role=\"alert\""), "{page}");
        for guess in ["nonsense", "BCDF-GHJL", "BCDFGHJ", "BCDF-GHJM", "1", "BCDF-GHJN", "BCDF-GHJP"] {
            say(&world, &[("user_code", guess), ("answer", "let-in")]).await.is(404);
        }
        let link = format!("{}?user_code=BCDF-GHJQ", world.at("device"));
        for _ in 0..2 {
            let request = agent().get(&link).header("cookie", format!("{COOKIE}={}", world.cookie));
            Reply::of("GET device".to_owned(), request).await.is(404);
        }

        // Not even the right one, also for whoever signs in anew.
        say(&world, &[("user_code", &code), ("answer", "let-in")]).await.page(429, "too_many_requests");
        let connection = world.doors.connection("y", "https://idp.example").await;
        let own = std::mem::take(&mut world.cookie);
        world.cookie = world.doors.session(&world.user, connection).await;
        say(&world, &[("user_code", &code), ("answer", "let-in")]).await.page(429, "too_many_requests");
        let bob = world.doors.user("bob").await;
        world.cookie = world.doors.session(&bob, connection).await;
        say(&world, &[("user_code", &code)]).await.is(200);

        let (_serving, server) = later(590);
        (world.server, world.cookie) = (server, own);
        say(&world, &[("user_code", &code)]).await.page(429, "too_many_requests");
        let (_serving, server) = later(602);
        world.server = server;
        say(&world, &[("user_code", &code)]).await.is(404);
    });
}

/// A page of others cannot let in anything, and shows nothing of ours inside itself.
#[test]
fn only_our_own_page_lets_a_device_in() {
    run(async {
        let world = world().await;
        let begun = waiting(&world).await;
        let code = text(&begun["user_code"]);
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let request = agent()
                .post(world.at("device"))
                .header("cookie", format!("{COOKIE}={}", world.cookie))
                .header(name, value)
                .form(&[("user_code", code.as_str()), ("answer", "let-in")]);
            assert_eq!(Reply::of(format!("POST device, {name}"), request).await.status, 403);
        }
        let link = text(&begun["verification_uri_complete"]).replace(PUBLIC, &world.server);
        let request = agent().get(&link).header("cookie", format!("{COOKIE}={}", world.cookie));
        let shown = Reply::of("GET device".to_owned(), request).await.is(200);
        assert!(shown.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert!(shown.header("content-security-policy").contains("default-src 'none'"));
        say(&world, &[("user_code", &code), ("answer", "maybe")]).await.is(400);
        say(&world, &[("answer", "let-in")]).await.is(400);

        error(&poll(&world, &text(&begun["device_code"])).await, 400, "authorization_pending");
    });
}

/// Through a real provider, in each language; the code comes along.
#[test]
fn whoever_is_not_signed_in_signs_in_first_and_comes_back_to_the_device() {
    run(async {
        let doors =
            crate::support::http::Doors::of(crate::support::people::Tenant::named(&provider().slug()).await)
                .await;
        let user = doors.user("alice").await;
        doors.connection("op", &provider().issuer).await;
        let change = json!({"proof": "none", "redirectUris": [], "deviceFlow": true});
        let (app, secret) = super::world::register(&doors, change).await;
        let server = crate::support::http::base().to_owned();
        let world = World { doors, user, cookie: String::new(), app, secret, server };
        let begun = waiting(&world).await;
        let link = text(&begun["verification_uri_complete"]);

        let mut browser = Browser::new();
        let sent = browser.get(&link).await.is(303);
        let door = Url::parse(PUBLIC).unwrap().join(sent.header("location")).unwrap();
        let callback = browser.until_callback_from(door.as_str(), world.slug(), "alice").await;
        let back = browser.get(&callback).await.is(303);
        assert_eq!(back.header("location"), link);

        for (language, words) in [("en", "Refuse"), ("ja", "拒否する"), ("fr", "Refuser")] {
            browser.language = language;
            let page = browser.get(&link).await.is(200);
            assert!(page.text.contains(words) && page.text.contains(&format!("lang=\"{language}\"")));
        }
        let code = text(&begun["user_code"]);
        let done = browser.fill_in(&world.at("device"), &[("user_code", &code), ("answer", "let-in")]).await;
        assert_eq!(done.status, 200, "{}", done.text);
        poll(&world, &text(&begun["device_code"])).await.is(200);
    });
}
