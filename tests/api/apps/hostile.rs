//! Requests of browsers that are strange, forged or out of date: what is ignored, what is refused, and to whom that is said.

use reqwest::{Method, Url};
use serde_json::{Value, json};
use sso::op::TokenKind;

use super::world::{CALLBACK, World, answer, error};
use crate::support::http::{COOKIE, Reply, agent, text};
use crate::support::oauth::Key;
use crate::support::run;

/// The parameters of an honest request, and these behind them.
fn with(world: &World, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    world.request(&[]).into_iter().chain(more).collect()
}

async fn push(world: &World, params: &[(String, String)]) -> Reply {
    let form: Vec<(&str, &str)> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    world.ask("par", &form).await
}

/// What a browser brings that was given the name of a pushed request, and these beside it.
async fn go(world: &World, name: &Value, beside: &[(&str, &str)]) -> Reply {
    let mut params = vec![("request_uri".to_owned(), text(name))];
    params.extend(beside.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    world.authorize_with(&params, Some(&world.cookie)).await
}

/// RFC 6749 §3.1 and §3.2: unknown parameters are ignored, those without a value count as absent; OpenID Connect Core §15.1: to
/// ask for a display, languages or a class of authentication is no error, and by §5.5 to ask for claims is none either.
#[test]
fn what_nobody_knows_and_what_says_nothing_is_as_if_it_were_not_there() {
    run(async {
        let world = World::new().await;
        let strange = [
            ("unheard_of", "x"),
            ("display", "popup"),
            ("ui_locales", "fr-CA xx"),
            ("claims_locales", "de"),
            ("acr_values", "urn:example:gold"),
            ("claims", "{\"id_token\":{\"nickname\":null}}"),
            ("prompt", ""),
            ("max_age", ""),
            ("request", ""),
            ("request_uri", ""),
            ("response_mode", ""),
            ("id_token_hint", ""),
            ("resource", ""),
        ];

        let reply = world.authorize_with(&with(&world, &strange), Some(&world.cookie)).await.is(303);
        let code = answer(&reply)["code"].clone();
        let more = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", super::world::VERIFIER),
            ("unheard_of", "x"),
            ("scope", ""),
            ("resource", ""),
            ("client_secret", ""),
        ];
        let tokens = world.ask("token", &more).await.is(200).json();

        let id = world.claims(&tokens["id_token"], TokenKind::Id).await;
        assert_eq!(id["sub"], world.user);
        let empty = [("response_type", ""), ("scope", ""), ("code_challenge", "")];
        for (name, value) in empty {
            let mut params = world.request(&[(name, value)]);
            params.push((name.to_owned(), String::new()));
            let reply = world.authorize_with(&params, Some(&world.cookie)).await.is(303);
            assert!(
                matches!(answer(&reply)["error"].as_str(), "invalid_request" | "invalid_scope"),
                "{name}"
            );
        }
    });
}

/// RFC 6749 §4.1.2 and §4.1.2.1: "The exact value received from the client"; §10.14: it is data, whatever it looks like.
#[test]
fn the_state_comes_back_unchanged_with_a_code_and_with_an_error() {
    run(async {
        let world = World::new().await;
        let long = "s".repeat(1_024);
        for state in ["a+b %26&=?#\"'<script>\\", "été", " ", "https://evil.example/?code=x&iss=y", &long] {
            let good = answer(&world.authorize(&[("state", state)]).await.is(303));
            assert_eq!((good["state"].as_str(), good.contains_key("code"), good.len()), (state, true, 3));
            let bad = answer(&world.authorize(&[("state", state), ("scope", "unheard_of")]).await.is(303));
            assert_eq!((bad["state"].as_str(), bad["error"].as_str()), (state, "invalid_scope"));
            let silent = world.request(&[("state", state), ("prompt", "none")]);
            let nobody = answer(&world.authorize_with(&silent, None).await.is(303));
            assert_eq!((nobody["state"].as_str(), nobody["error"].as_str()), (state, "login_required"));
        }
        assert!(!answer(&world.authorize(&[("state", "")]).await.is(303)).contains_key("state"));
        let longer = "s".repeat(1_025);
        let refused = answer(&world.authorize(&[("state", &longer)]).await.is(303));
        assert_eq!(
            (refused["state"].as_str(), refused["error"].as_str()),
            (longer.as_str(), "invalid_request")
        );
    });
}

/// RFC 6749 §3.1.2: the query of the registered address "MUST be retained when adding additional query parameters".
#[test]
fn an_address_keeps_the_query_that_it_was_registered_with() {
    run(async {
        let registered = "https://rp.example/callback?at=1&x=%20y";
        let world = World::with(json!({"redirectUris": [registered]})).await;

        for change in [("scope", "openid"), ("scope", "unheard_of")] {
            let reply = world.authorize(&[("redirect_uri", registered), change]).await.is(303);
            assert!(reply.header("location").starts_with(&format!("{registered}&")), "{change:?}");
        }
    });
}

/// RFC 9700 §4.12: no redirect has the browser send a form again.
#[test]
fn no_redirect_makes_a_browser_repeat_a_form() {
    run(async {
        let world = World::new().await;
        let hint = text(&world.tokens().await["id_token"]);
        let post = async |what: &str, form: &[(String, String)], cookie: Option<&str>| {
            let request = agent().post(world.at(what)).form(form);
            let request = match cookie {
                Some(cookie) => request.header("cookie", format!("{COOKIE}={cookie}")),
                None => request,
            };
            Reply::of(format!("POST {what}"), request).await
        };

        let to_sign_in = post("authorize", &world.request(&[]), None).await.is(303);
        assert!(to_sign_in.header("location").starts_with(&format!("/login/{}?", world.slug())));
        let refused = post("authorize", &world.request(&[("scope", "x")]), Some(&world.cookie)).await.is(303);
        assert_eq!(answer(&refused)["error"], "invalid_scope");
        world
            .doors
            .api
            .change(&format!("/apps/{}", world.app), json!({"postLogoutRedirectUris": [CALLBACK]}))
            .await
            .is(200);
        let leave = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", CALLBACK), ("state", "")];
        let leave: Vec<(String, String)> =
            leave.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let left = post("end-session", &leave, Some(&world.cookie)).await.is(303);
        assert_eq!(left.header("location"), CALLBACK);
    });
}

/// RFC 9700 §4.16, RFC 6749 §10.13: no page stands in a frame; RFC 9700 §2.6: no script of another site reads an answer.
#[test]
fn no_page_of_the_provider_stands_in_a_frame_or_is_read_by_a_script_of_another_site() {
    run(async {
        let world = World::new().await;
        let foreign = text(&World::new().await.tokens().await["id_token"]);
        let cookie = format!("{COOKIE}={}", world.cookie);
        let pages = [
            (Method::GET, "authorize?client_id=x".to_owned(), 404),
            (
                Method::GET,
                format!("authorize?client_id={}&redirect_uri=https://evil.example/", world.app),
                400,
            ),
            (Method::POST, "authorize".to_owned(), 415),
            (Method::PUT, "authorize".to_owned(), 405),
            (Method::GET, format!("authorize?{}", "x".repeat(8_193)), 400),
            (Method::GET, "resume?request=x".to_owned(), 400),
            (Method::GET, "device".to_owned(), 200),
            (Method::GET, "end-session".to_owned(), 200),
            (Method::GET, format!("end-session?id_token_hint={foreign}"), 400),
        ];
        for (method, what, status) in pages {
            let request = agent().request(method.clone(), world.at(&what)).header("cookie", &cookie);
            let reply = Reply::of(format!("{method} {what}"), request).await.is(status);
            assert!(reply.header("content-type").starts_with("text/html"), "{what}");
            assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"), "{what}");
            assert!(!reply.header("content-security-policy").contains("unsafe"), "{what}");
            assert_eq!(
                (reply.header("cache-control"), reply.header("x-content-type-options")),
                ("no-store", "nosniff")
            );
        }
        let over =
            Reply::of("GET end-session".to_owned(), agent().get(world.at("end-session"))).await.is(200);
        assert!(over.header("content-security-policy").contains("frame-ancestors 'none'"));

        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let at = Url::parse_with_params(&world.at("authorize"), world.request(&[])).unwrap();
            let request = agent().request(method.clone(), at).header("cookie", &cookie);
            let request = request.header("origin", "https://rp.example");
            let asked = request.header("access-control-request-method", "GET");
            let reply = Reply::of(format!("{method} authorize"), asked).await;
            assert_eq!(reply.header("access-control-allow-origin"), "", "{method}");
        }
    });
}

/// OpenID Connect Core §6.1 and §6.2: what is not supported is refused by its own code.
#[test]
fn a_request_object_is_refused_by_its_own_code() {
    run(async {
        let world = World::new().await;
        for (name, value, code) in [
            ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
            ("request_uri", "https://evil.example/request.jwt", "request_uri_not_supported"),
            ("request_uri", "urn:example:x", "request_uri_not_supported"),
        ] {
            let refused = world.authorize(&[(name, value)]).await.is(303);
            assert!(refused.header("location").starts_with(CALLBACK), "{value}");
            assert_eq!(
                (answer(&refused)["error"].as_str(), answer(&refused)["state"].as_str()),
                (code, "a state")
            );
        }
        error(&push(&world, &with(&world, &[("request", "a.b.c")])).await, 400, "request_not_supported");
    });
}

/// RFC 9101 §6.3 by way of RFC 9126 §4: what stands beside a pushed request is not the app's word; RFC 9126 §2.2: it is found by
/// the app that pushed it.
#[test]
fn beside_a_pushed_request_nothing_else_counts() {
    run(async {
        let world = World::new().await;
        let pushed = push(&world, &world.request(&[("scope", "openid")])).await.is(201).json();
        let name = &pushed["request_uri"];
        assert!(text(name).len() > 43 + 32, "{name}: RFC 9126 §7.1: nobody guesses it");

        go(&world, name, &[]).await.page(404, "unknown-door");
        let forged = [
            ("client_id", world.app.as_str()),
            ("redirect_uri", "https://evil.example/"),
            ("state", "another"),
            ("scope", "openid email"),
            ("prompt", "none login"),
            ("response_type", "token"),
        ];
        let reply = go(&world, name, &forged).await.is(303);

        assert!(
            reply.header("location").starts_with(&format!("{CALLBACK}?")),
            "{}",
            reply.header("location")
        );
        assert_eq!(answer(&reply)["state"], "a state");
        let tokens = world.exchange(&answer(&reply)["code"]).await.is(200).json();
        assert_eq!(tokens["scope"], "openid");
    });
}

/// RFC 9126 §4: the steps that were done when it was pushed hold only as long as nothing changed.
#[test]
fn a_request_that_waited_is_judged_by_what_the_app_may_have_now() {
    run(async {
        let world = World::with(json!({"resources": ["https://api.example/"]})).await;
        let id = [("client_id", world.app.as_str())];
        let wanted = world.request(&[("resource", "https://api.example/")]);
        let mut names = Vec::new();
        for _ in 0..4 {
            names.push(push(&world, &wanted).await.is(201).json()["request_uri"].clone());
        }
        let change = async |to: Value| {
            world.doors.api.change(&format!("/apps/{}", world.app), to).await.is(200);
        };

        change(json!({"scopes": ["openid", "roles"]})).await;
        let code = answer(&go(&world, &names[0], &id).await.is(303))["code"].clone();
        assert_eq!(world.exchange(&code).await.is(200).json()["scope"], "openid roles");
        change(json!({"resources": []})).await;
        assert_eq!(answer(&go(&world, &names[1], &id).await.is(303))["error"], "invalid_target");
        change(json!({"redirectUris": ["https://rp.example/other"]})).await;
        let refused = go(&world, &names[2], &id).await.page(400, "foreign-target");
        assert_eq!(refused.header("location"), "");
        world.doors.api.delete(&format!("/apps/{}", world.app)).await.is(204);
        assert_eq!(go(&world, &names[3], &id).await.header("location"), "");
    });
}

/// RFC 9126 §2.1 and §2.3: the app proves itself as at the token endpoint, by POST, in a form of some size.
#[test]
fn a_request_is_pushed_by_a_form_of_an_app_that_proves_itself() {
    run(async {
        let world = World::new().await;
        let link = Reply::of("GET par".to_owned(), agent().get(world.at("par"))).await;
        error(&link, 405, "invalid_request");
        error(&push(&world, &with(&world, &[("x", &"x".repeat(40_000))])).await, 413, "invalid_request");
        error(&push(&world, &with(&world, &[("client_secret", "x")])).await, 400, "invalid_request");
        let wrong = agent().post(world.at("par")).basic_auth(&world.app, Some("x")).form(&world.request(&[]));
        let wrong = Reply::of("POST par".to_owned(), wrong).await;
        error(&wrong, 401, "invalid_client");
        assert_eq!(wrong.header("www-authenticate"), "Basic realm=\"usher\"");
        push(&world, &world.request(&[])).await.is(201);
    });
}

/// RFC 9126 §2: "the authorization server MUST accept its issuer identifier, token endpoint URL, or pushed authorization request
/// endpoint URL".
#[test]
fn an_assertion_may_name_us_in_each_of_three_ways_where_requests_are_pushed() {
    run(async {
        let key = Key::fresh("ES256");
        let world = World::with(json!({"proof": "privateKey", "jwks": key.jwks})).await;
        let now = world.doors.tenant.app.now().timestamp();
        let push_for = async |audience: &str| {
            let said = json!({"iss": world.app, "sub": world.app, "aud": audience, "jti": audience, "iat": now, "exp": now + 60});
            let assertion = key.sign(&said);
            let jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let form = with(&world, &[("client_assertion_type", jwt), ("client_assertion", &assertion)]);
            Reply::of("POST par".to_owned(), agent().post(world.at("par")).form(&form)).await
        };

        for what in ["", "/token", "/par"] {
            push_for(&format!("{}{what}", world.issuer())).await.is(201);
        }
        for what in ["/introspect", "/"] {
            error(&push_for(&format!("{}{what}", world.issuer())).await, 401, "invalid_client");
        }
    });
}

/// OpenID Connect Core §3.1.2.2: where the app says whom it means, "The Authorization Server MUST NOT reply with an ID Token or
/// Access Token for a different user, even if they have an active session"; §3.1.2.1: the token may have ended.
#[test]
fn who_is_hinted_at_is_signed_in_or_nobody() {
    run(async {
        let alice = World::new().await;
        let hint = text(&alice.tokens().await["id_token"]);
        let connection = alice.doors.connection("y", "https://idp.example/y").await;
        let bob = alice.doors.user("bob").await;
        let cookie = alice.doors.session(&bob, connection).await;
        let hinted = [("id_token_hint", hint.as_str())];
        let silent = [("id_token_hint", hint.as_str()), ("prompt", "none")];

        assert!(answer(&alice.authorize(&silent).await.is(303)).contains_key("code"));
        let refused = alice.authorize_with(&alice.request(&silent), Some(&cookie)).await.is(303);
        assert_eq!(answer(&refused)["error"], "login_required");
        let asked = alice.authorize_with(&alice.request(&hinted), Some(&cookie)).await.is(303);
        assert!(asked.header("location").starts_with(&format!("/login/{}?", alice.slug())));
        // Whoever comes back from there as somebody else goes away with nothing.
        let back = Url::parse("http://x").unwrap().join(asked.header("location")).unwrap();
        let (_, back) = back.query_pairs().find(|(name, _)| name == "return_to").unwrap();
        let request =
            agent().get(format!("{}{back}", alice.server)).header("cookie", format!("{COOKIE}={cookie}"));
        let resumed = Reply::of("GET resume".to_owned(), request).await.is(303);
        assert_eq!(answer(&resumed)["error"], "login_required");

        let (_serving, later) = super::world::later(600);
        let late = World { server: later, ..alice.another(json!({})).await };
        assert!(answer(&late.authorize(&silent).await.is(303)).contains_key("code"));

        push(&alice, &alice.request(&hinted)).await.is(201);
        let elsewhere = text(&World::new().await.tokens().await["id_token"]);
        let access = text(&alice.tokens().await["access_token"]);
        for wrong in ["x", "a.b.c", &elsewhere, &access, &format!("{hint}x")] {
            let refused = answer(&alice.authorize(&[("id_token_hint", wrong)]).await.is(303));
            assert_eq!(refused["error"], "invalid_request", "{wrong}");
            let pushed = alice.request(&[("id_token_hint", wrong)]);
            error(&push(&alice, &pushed).await, 400, "invalid_request");
        }
    });
}
