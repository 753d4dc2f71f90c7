//! Requests to sign somebody in: what is answered to the app, what is a page, and what is pushed ahead.

use reqwest::Url;
use serde_json::json;

use super::world::{CALLBACK, World, answer, error};
use crate::support::http::{COOKIE, PUBLIC, Reply, agent, text};
use crate::support::run;

/// RFC 6749 §4.1.2, RFC 9207 §2: every answer says who gives it; RFC 9700 §4.12: not by 307.
#[test]
fn whoever_is_signed_in_goes_back_with_a_code_at_once() {
    run(async {
        let world = World::new().await;

        let reply = world.authorize(&[]).await.is(303);

        assert!(
            reply.header("location").starts_with(&format!("{CALLBACK}?")),
            "{}",
            reply.header("location")
        );
        assert_eq!(
            (reply.header("cache-control"), reply.header("referrer-policy")),
            ("no-store", "no-referrer")
        );
        let said = answer(&reply);
        assert_eq!((said["state"].as_str(), said["iss"].as_str()), ("a state", world.issuer().as_str()));
        assert!(said["code"].starts_with("usher_ac_"));
        assert_eq!(said.len(), 3);
    });
}

/// OpenID Connect Core §3.1.2.1: "Authorization Servers MUST support the use of the HTTP GET and POST methods".
#[test]
fn a_request_may_come_as_a_form() {
    run(async {
        let world = World::new().await;
        let request = agent().post(world.at("authorize")).form(&world.request(&[]));
        let request = request.header("cookie", format!("{COOKIE}={}", world.cookie));

        let reply = Reply::of("POST authorize".to_owned(), request).await.is(303);

        assert!(answer(&reply).contains_key("code"));
    });
}

/// RFC 6749 §4.1.2.1: "the authorization server SHOULD inform the resource owner of the error and MUST NOT automatically
/// redirect the user-agent to the invalid redirection URI"; RFC 9700 §2.1: exact string matching.
#[test]
fn nobody_is_sent_to_an_address_that_is_not_registered() {
    run(async {
        let world = World::new().await;
        let other = World::with(json!({"redirectUris": ["https://other.example/callback"]})).await;
        for change in [
            vec![("redirect_uri", "https://evil.example/callback")],
            vec![("redirect_uri", "https://rp.example/callback/")],
            vec![("redirect_uri", "https://rp.example/callback?x=1")],
            vec![("redirect_uri", "https://rp.example/callback#x")],
            vec![("redirect_uri", "https://rp.example/CALLBACK")],
            vec![("redirect_uri", "https://rp.example@evil.example/callback")],
            vec![("redirect_uri", "")],
            vec![("redirect_uri", CALLBACK), ("redirect_uri", "https://evil.example/callback")],
            vec![("client_id", "")],
            vec![("client_id", "nobody")],
            vec![("client_id", world.app.as_str()), ("client_id", world.app.as_str())],
            vec![("client_id", other.app.as_str()), ("redirect_uri", "https://other.example/callback")],
        ] {
            let reply = world.authorize(&change).await;
            assert!(matches!(reply.status, 400 | 404), "{change:?}: {}", reply.status);
            assert_eq!(reply.header("location"), "", "{change:?}");
            assert!(reply.header("content-type").starts_with("text/html"), "{change:?}");
        }
    });
}

/// RFC 6749 §4.1.2.1 and §3.1, RFC 7636 §4.4.1, RFC 9700 §2.1.1 (PKCE), §2.1.2 (no implicit grant), OpenID Connect Core §3.1.2.6,
/// RFC 8707 §2. The state comes along whatever is wrong.
#[test]
fn a_malformed_request_is_refused_at_the_apps_own_address() {
    run(async {
        let world = World::new().await;
        for (change, code) in [
            (vec![("response_type", "")], "invalid_request"),
            (vec![("response_type", "token")], "unsupported_response_type"),
            (vec![("response_type", "id_token token")], "unsupported_response_type"),
            (vec![("code_challenge", "")], "invalid_request"),
            (vec![("code_challenge_method", "plain")], "invalid_request"),
            (vec![("code_challenge_method", "")], "invalid_request"),
            (vec![("scope", "")], "invalid_scope"),
            (vec![("scope", "unheard_of")], "invalid_scope"),
            (vec![("nonce", "a"), ("nonce", "b")], "invalid_request"),
            (vec![("prompt", "none login")], "invalid_request"),
            (vec![("max_age", "-1")], "invalid_request"),
            (vec![("request", "a.b.c")], "request_not_supported"),
            (vec![("resource", "https://api.example/")], "invalid_target"),
            (vec![("response_mode", "fragment")], "invalid_request"),
        ] {
            let reply = world.authorize(&change).await.is(303);
            assert!(reply.header("location").starts_with(&format!("{CALLBACK}?")), "{change:?}");
            let said = answer(&reply);
            assert_eq!((said["error"].as_str(), said["state"].as_str()), (code, "a state"), "{change:?}");
            assert_eq!(said["iss"], world.issuer(), "{change:?}: RFC 9207 §2 also for errors");
            assert!(!said.contains_key("code"), "{change:?}");
        }
    });
}

/// RFC 8252 §7.3: "The authorization server MUST allow any port to be specified at the time of the request for loopback IP redirect
/// URIs"; §8.4 and RFC 9700 §2.1: in nothing else.
#[test]
fn a_native_app_may_listen_on_any_port_of_loopback() {
    run(async {
        let native = json!({"proof": "none", "redirectUris": ["http://127.0.0.1/callback"]});
        let world = World::with(native).await;

        world.authorize(&[("redirect_uri", "http://127.0.0.1:51004/callback")]).await.is(303);

        for other in
            ["http://127.0.0.1:51004/other", "http://localhost:51004/callback", "http://127.0.0.2/callback"]
        {
            world.authorize(&[("redirect_uri", other)]).await.page(400, "foreign-target");
        }
    });
}

/// OpenID Connect Core §3.1.2.1: "The Authorization Server MUST NOT display any authentication or consent user interface pages";
/// §3.1.2.3.
#[test]
fn without_a_session_nothing_is_shown_if_nothing_may_be() {
    run(async {
        let world = World::new().await;
        let silent = world.request(&[("prompt", "none")]);

        let reply = world.authorize_with(&silent, None).await.is(303);
        assert_eq!(answer(&reply)["error"], "login_required");

        assert!(answer(&world.authorize(&[("prompt", "none")]).await.is(303)).contains_key("code"));
        world.doors.set_active(&world.user, false).await;
        assert_eq!(answer(&world.authorize(&[("prompt", "none")]).await.is(303))["error"], "login_required");
    });
}

/// A session of another tenant is nobody's here.
#[test]
fn a_session_of_another_tenant_gets_no_code() {
    run(async {
        let (world, other) = (World::new().await, World::new().await);

        let reply =
            world.authorize_with(&world.request(&[("prompt", "none")]), Some(&other.cookie)).await.is(303);

        assert_eq!(answer(&reply)["error"], "login_required");
    });
}

/// RFC 9126 §2.2 and §4: kept on the server, for one use, by the app that pushed it.
#[test]
fn a_pushed_request_is_used_once_and_by_its_app() {
    run(async {
        let world = World::with(json!({"pushedRequestsOnly": true})).await;
        let other = world.another(json!({})).await;
        let push = async || {
            let params = world.request(&[]);
            let form: Vec<(&str, &str)> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let reply = world.ask("par", &form).await.is(201);
            assert_eq!(reply.header("cache-control"), "no-store");
            assert!(reply.json()["expires_in"].as_i64().unwrap() > 0);
            text(&reply.json()["request_uri"])
        };
        let go = async |client: &str, name: &str| {
            let params =
                [("client_id".to_owned(), client.to_owned()), ("request_uri".to_owned(), name.to_owned())];
            world.authorize_with(&params, Some(&world.cookie)).await
        };

        let name = push().await;
        assert!(name.starts_with("urn:ietf:params:oauth:request_uri:"));
        go(&other.app, &name).await.page(400, "no-flow");
        let said = answer(&go(&world.app, &name).await.is(303));
        world.exchange(&said["code"]).await.is(200);
        go(&world.app, &name).await.page(400, "no-flow");
        go(&world.app, "urn:ietf:params:oauth:request_uri:x").await.page(400, "no-flow");
        go(&world.app, "https://evil.example/request.jwt").await.page(400, "foreign-target");

        // The app said that it pushes all of them.
        assert_eq!(answer(&world.authorize(&[]).await.is(303))["error"], "invalid_request");
    });
}

/// RFC 9126 §2.1 and §2.3: the client is authenticated, and the request judged like one that comes by a browser.
#[test]
fn a_pushed_request_is_judged_when_it_is_pushed() {
    run(async {
        let world = World::new().await;
        for (change, status, code) in [
            (vec![("redirect_uri", "https://evil.example/callback")], 400, "invalid_request"),
            (vec![("request_uri", "urn:ietf:params:oauth:request_uri:x")], 400, "invalid_request"),
            (vec![("response_type", "token")], 400, "unsupported_response_type"),
            (vec![("code_challenge", "")], 400, "invalid_request"),
            (vec![("scope", "unheard_of")], 400, "invalid_scope"),
            (vec![("resource", "https://api.example/")], 400, "invalid_target"),
            (vec![("client_id", "0198c2f0-7a3b-7c4d-8e5f-0123456789ab")], 400, "invalid_request"),
        ] {
            let params = world.request(&change);
            let form: Vec<(&str, &str)> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            error(&world.ask("par", &form).await, status, code);
        }
        let stranger =
            Reply::of("POST par".to_owned(), agent().post(world.at("par")).form(&world.request(&[]))).await;
        error(&stranger, 401, "invalid_client");
        let twice = [world.request(&[]), vec![("nonce".to_owned(), "b".to_owned())]].concat();
        let form: Vec<(&str, &str)> = twice.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        error(&world.ask("par", &form).await, 400, "invalid_request");
    });
}

/// OpenID Connect Discovery §4.3: "The issuer value returned MUST be identical to the Issuer URL"; RFC 8414 §3.1.
#[test]
fn the_provider_of_a_tenant_describes_itself_at_both_addresses() {
    run(async {
        let world = World::new().await;
        let read = async |address: String| Reply::of(address.clone(), agent().get(address)).await;

        let document = read(world.at(".well-known/openid-configuration")).await.is(200).json();

        assert_eq!(document["issuer"], world.issuer());
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        for (name, value) in document.as_object().unwrap() {
            if name.ends_with("_endpoint") {
                let address = Url::parse(&text(value)).unwrap();
                let path = address.path().strip_prefix(&format!("/op/{}/", world.slug())).unwrap().to_owned();
                let there = read(world.at(&path)).await;
                assert!(!there.text.contains("There is nothing at this address"), "{name}");
                assert!(!there.text.contains("no_such_path"), "{name}");
            }
        }
        let base = &world.server;
        let again = read(format!("{base}/.well-known/oauth-authorization-server/op/{}", world.slug())).await;
        assert_eq!(again.is(200).json(), document);
        error(
            &read(format!("{base}/op/nobody/.well-known/openid-configuration")).await,
            404,
            "invalid_request",
        );
        error(&read(format!("{base}/op/nobody/jwks.json")).await, 404, "invalid_request");
        assert!(document["jwks_uri"].as_str().unwrap().starts_with(PUBLIC));
    });
}
