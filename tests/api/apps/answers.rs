//! What the standards want of every answer to an app: its headers, its alphabet, its claims; and of the proof that comes with a
//! request.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use sso::op::TokenKind;

use super::world::{CALLBACK, VERIFIER, World, answer, error, later};
use crate::support::http::{COOKIE, Reply, agent, text};
use crate::support::run;

async fn post(world: &World, what: &str, form: &[(&str, &str)]) -> Reply {
    Reply::of(format!("POST {what}"), agent().post(world.at(what)).form(form)).await
}

fn exchange(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

/// RFC 6749 §5.1: `no-store` and `no-cache` on any answer with tokens, credentials or other sensitive information; §5.2 has errors
/// as JSON, with 400 or 401.
#[test]
fn no_cache_keeps_what_an_app_is_told() {
    run(async {
        let world = World::new().await;
        let tokens = world.tokens().await;
        let access = text(&tokens["access_token"]);
        let params = world.request(&[]);
        let form: Vec<(&str, &str)> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answers = [
            world.exchange(&world.code().await).await.is(200),
            world.refresh(&text(&tokens["refresh_token"])).await.is(200),
            world.refresh("x").await.is(400),
            post(&world, "token", &[]).await.is(401),
            world.ask("par", &form).await.is(201),
            world.ask("par", &[]).await.is(400),
            world.ask("introspect", &[("token", access.as_str())]).await.is(200),
            post(&world, "introspect", &[("token", access.as_str())]).await.is(401),
            world.userinfo(&access).await.is(200),
            world.userinfo("x").await.is(401),
        ];
        for reply in answers {
            assert_eq!(
                (reply.header("cache-control"), reply.header("pragma")),
                ("no-store", "no-cache"),
                "{reply:?}"
            );
            assert_eq!(reply.header("content-type"), "application/json", "{reply:?}");
            assert!(reply.json().is_object());
        }
    });
}

/// RFC 6749 §2.3 ("MUST NOT use more than one authentication method in each request"), §2.3.1 (not in the address), §5.2 (401 with
/// the scheme that was used).
#[test]
fn who_shows_two_proofs_or_one_in_the_address_is_refused() {
    run(async {
        let world = World::new().await;
        let other = world.another(json!({})).await;
        let (code, secret) = (world.code().await, world.secret.clone().unwrap());
        let (app, secret) = (world.app.as_str(), secret.as_str());
        let form = |more: &[(&'static str, &str)]| -> Vec<(String, String)> {
            let all = exchange(&code).into_iter().chain(more.iter().copied());
            all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let basic = async |name: &str, shown: &str, form: Vec<(String, String)>| {
            let request = agent().post(world.at("token")).basic_auth(name, Some(shown)).form(&form);
            Reply::of("POST token".to_owned(), request).await
        };

        let jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let assertion = [("client_assertion_type", jwt), ("client_assertion", "a.b.c")];
        for refused in [
            basic(app, secret, form(&[("client_id", app), ("client_secret", secret)])).await,
            basic(app, secret, form(&assertion)).await,
            basic(app, secret, form(&[("client_id", other.app.as_str())])).await,
        ] {
            error(&refused, 400, "invalid_request");
        }
        let twice = agent().post(world.at("token")).form(&form(&[])).basic_auth(app, Some(secret));
        let twice = twice.header("authorization", "Basic eDp5");
        error(&Reply::of("two headers".to_owned(), twice).await, 400, "invalid_request");

        let mut address = Url::parse(&world.at("token")).unwrap();
        address.query_pairs_mut().append_pair("client_id", app).append_pair("client_secret", secret);
        let in_address = agent().post(address).form(&form(&[]));
        error(&Reply::of("in the address".to_owned(), in_address).await, 401, "invalid_client");
        let mut address = Url::parse(&world.at("token")).unwrap();
        address.query_pairs_mut().extend_pairs(exchange(&code));
        let in_address = agent().post(address).basic_auth(app, Some(secret)).form(&[("x", "y")]);
        error(&Reply::of("in the address".to_owned(), in_address).await, 400, "invalid_request");

        let wrong = basic(app, "usher_app_wrong", form(&[])).await;
        let nobody = basic("0198c2f0-7a3b-7c4d-8e5f-0123456789ab", "usher_app_wrong", form(&[])).await;
        for refused in [&wrong, &nobody] {
            error(refused, 401, "invalid_client");
            assert_eq!(refused.header("www-authenticate"), "Basic realm=\"usher\"");
        }
        assert_eq!(wrong.text, nobody.text, "nobody is told which apps there are");
        basic(app, secret, form(&[("client_id", app)])).await.is(200);
    });
}

/// RFC 6749 §3.2 ("The client MUST use the HTTP POST method"), RFC 7009 §2.1, RFC 7662 §2.1, RFC 9126 §2.3.
#[test]
fn what_apps_ask_is_asked_by_post_alone() {
    run(async {
        let world = World::new().await;
        for what in ["token", "par", "device-authorization", "introspect", "revoke"] {
            for method in [Method::GET, Method::PUT, Method::DELETE] {
                let request = agent()
                    .request(method.clone(), world.at(what))
                    .basic_auth(&world.app, world.secret.clone());
                let reply = Reply::of(format!("{method} {what}"), request).await;
                error(&reply, 405, "invalid_request");
                assert_eq!(reply.header("allow"), "POST, OPTIONS", "{method} {what}");
            }
            let json = agent().post(world.at(what)).json(&json!({"token": "x"}));
            error(&Reply::of(format!("JSON to {what}"), json).await, 415, "invalid_request");
        }
    });
}

/// RFC 6749 §4.1.2.1 and §5.2: what an `error` and its description are made of, whatever was sent.
#[test]
fn an_error_is_made_of_the_characters_that_the_standard_allows() {
    run(async {
        let world = World::new().await;
        let allowed = |text: &str| text.chars().all(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'));
        for hostile in ["\"<script>\\", "é\u{202e}", "a\r\nSet-Cookie: x=y", "\u{0}"] {
            for name in ["scope", "response_type", "prompt", "resource", "nonce", "max_age", "code_challenge"]
            {
                let reply = world.authorize(&[(name, hostile)]).await.is(303);
                assert_eq!(reply.header("set-cookie"), "");
                let said = answer(&reply);
                let words = [said.get("error"), said.get("error_description")];
                assert!(words.into_iter().flatten().all(|word| allowed(word)), "{name}: {said:?}");
            }
            for (what, name) in [
                ("token", "grant_type"),
                ("token", "code"),
                ("token", "client_assertion_type"),
                ("introspect", "token"),
                ("revoke", "token"),
                ("par", "scope"),
            ] {
                let reply = world.ask(what, &[(name, hostile), ("x", "y")]).await;
                assert!(reply.status < 500, "{reply:?}");
                if reply.status >= 400 {
                    let said = reply.json();
                    assert!(
                        allowed(&text(&said["error"])) && allowed(&text(&said["error_description"])),
                        "{said}"
                    );
                }
            }
        }
    });
}

/// RFC 6749 §4.1.3 ("if the client is public, ensure that the code was issued to `client_id` in the request"), RFC 7636 §4.6, RFC 9700
/// §2.2.2: an app without a secret has refresh tokens that are good once.
#[test]
fn an_app_without_a_secret_is_held_to_its_code_its_verifier_and_its_refresh_tokens() {
    run(async {
        let world = World::with(json!({"proof": "none"})).await;
        let other = world.another(json!({"proof": "none"})).await;
        let code = world.code().await;

        error(&other.exchange(&code).await, 400, "invalid_grant");
        error(&post(&world, "token", &exchange(&code)).await, 401, "invalid_client");
        error(&world.exchange_with(&code, &[("code_verifier", "")]).await, 400, "invalid_request");
        let guess = "another-verifier-that-is-long-enough-0123456789ab";
        error(&world.exchange_with(&code, &[("code_verifier", guess)]).await, 400, "invalid_grant");
        let first = world.exchange(&code).await.is(200).json();
        error(&other.refresh(&text(&first["refresh_token"])).await, 400, "invalid_grant");
        let second = world.refresh(&text(&first["refresh_token"])).await.is(200).json();
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        error(&world.refresh(&text(&first["refresh_token"])).await, 400, "invalid_grant");
        error(&world.refresh(&text(&second["refresh_token"])).await, 400, "invalid_grant");
    });
}

/// OpenID Connect Core §12.2: a refreshed ID token is about the same sign-in, and says when it was made; RFC 6749 §6: the next refresh
/// token is good for what the one before was, whatever was asked for in between.
#[test]
fn a_refreshed_id_token_says_the_same_but_for_its_time() {
    run(async {
        let mut world = World::new().await;
        let code = world.code_for(&[("scope", "openid roles"), ("max_age", "3600")]).await;
        let first = world.exchange(&code).await.is(200).json();
        let (_serving, server) = later(120);
        world.server = server;

        let refresh = text(&first["refresh_token"]);
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("scope", "openid")];
        let second = world.ask("token", &form).await.is(200).json();
        let third = world.refresh(&text(&second["refresh_token"])).await.is(200).json();

        assert_eq!((&second["scope"], &third["scope"]), (&json!("openid"), &json!("openid roles")));
        let before = world.claims(&first["id_token"], TokenKind::Id).await;
        for tokens in [&second, &third] {
            let after = world.claims(&tokens["id_token"], TokenKind::Id).await;
            for name in ["iss", "sub", "aud", "azp", "auth_time", "sid"] {
                assert_eq!(after[name], before[name], "{name}");
            }
            assert!(after["iat"].as_i64().unwrap() >= before["iat"].as_i64().unwrap() + 100);
            assert!(after["exp"].as_i64().unwrap() > after["iat"].as_i64().unwrap());
            assert!(after.get("nonce").is_none());
        }
    });
}

fn header(token: &Value) -> Value {
    let token = text(token);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

/// OpenID Connect Core §2, §10.1 (`kid` where there are several keys), RFC 9068 §2.1 and §2.2, RFC 7517: the public half alone.
#[test]
fn every_token_has_the_claims_and_the_key_that_are_required() {
    run(async {
        let world = World::with(json!({"resources": ["https://api.example/"]})).await;
        let keys = Reply::of("keys".to_owned(), agent().get(world.at("jwks.json"))).await.is(200).json();
        let keys = keys["keys"].as_array().unwrap().clone();
        assert!(
            keys.iter().all(|key| key.get("d").is_none() && key["kid"].is_string() && key["kty"].is_string())
        );
        let (code, with_api) =
            (world.code().await, world.code_for(&[("resource", "https://api.example/")]).await);
        let (one, two) =
            (world.exchange(&code).await.is(200).json(), world.exchange(&with_api).await.is(200).json());

        let mut ids = BTreeSet::new();
        for (tokens, audience) in [(&one, world.issuer()), (&two, "https://api.example/".to_owned())] {
            let access = world.claims(&tokens["access_token"], TokenKind::Access).await;
            for name in ["iss", "aud", "sub", "client_id", "jti", "scope"] {
                assert!(access[name].as_str().is_some_and(|value| !value.is_empty()), "{name}: {access:?}");
            }
            assert_eq!((&access["aud"], &access["scope"]), (&json!(audience), &tokens["scope"]));
            let life = access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap();
            assert_eq!(json!(life), tokens["expires_in"]);
            ids.insert(text(&access["jti"]));
            let id = world.claims(&tokens["id_token"], TokenKind::Id).await;
            assert!(id["auth_time"].is_i64() && id["iat"].is_i64() && id["exp"].is_i64());
            assert!(text(&id["sub"]).len() <= 255 && text(&id["sub"]).is_ascii());
            for token in [&tokens["access_token"], &tokens["id_token"]] {
                let header = header(token);
                assert!(keys.iter().any(|key| key["kid"] == header["kid"]), "{header}");
                assert!(
                    header["alg"].as_str().is_some_and(|alg| alg != "none" && !alg.starts_with("HS")),
                    "{header}"
                );
                for address in ["jku", "jwk", "x5u", "x5c"] {
                    assert!(header.get(address).is_none(), "{header}");
                }
            }
        }
        assert_eq!(ids.len(), 2);
        let code = world.code_for(&[("nonce", "")]).await;
        let tokens = world.exchange(&code).await.is(200).json();
        assert!(world.claims(&tokens["id_token"], TokenKind::Id).await.get("nonce").is_none());
    });
}

/// RFC 6750 §2.2 (a form, by POST), §2.3 (the address is not needed, and not read), §3 (the challenge); OpenID Connect Core §5.3.2.
#[test]
fn an_access_token_is_read_where_it_may_stand_and_nowhere_else() {
    run(async {
        let world = World::new().await;
        let access = text(&world.tokens().await["access_token"]);
        let at = world.at("userinfo");
        let ask = async |request: reqwest::RequestBuilder| Reply::of("userinfo".to_owned(), request).await;

        let in_address = ask(agent().get(format!("{at}?access_token={access}"))).await.is(401);
        assert!(in_address.header("www-authenticate").starts_with("Bearer realm="));
        ask(agent().post(format!("{at}?access_token={access}"))).await.is(401);
        ask(agent().get(&at).form(&[("access_token", &access)])).await.is(401);
        ask(agent().post(&at).json(&json!({"access_token": access}))).await.is(415);
        ask(agent().post(&at).form(&[("access_token", &access), ("access_token", &access)])).await.is(400);
        for scheme in ["Basic", "Token"] {
            let other =
                ask(agent().get(&at).header("authorization", format!("{scheme} {access}"))).await.is(401);
            assert!(other.header("www-authenticate").starts_with("Bearer realm="), "{scheme}");
        }
        let by_get = ask(agent().get(&at).header("authorization", format!("bearer {access}"))).await.is(200);
        let by_post = ask(agent().post(&at).bearer_auth(&access)).await.is(200);
        assert_eq!((by_get.json(), by_get.header("content-type")), (by_post.json(), "application/json"));
        assert_eq!(by_get.json()["sub"], world.user);
        assert!(by_get.json().as_object().unwrap().values().all(|value| !value.is_null()));
    });
}

/// RFC 7662 §2.1 and RFC 7009 §2.1: a hint that is wrong, or unknown, does not keep a token from being found.
#[test]
fn a_wrong_hint_does_not_hide_a_token() {
    run(async {
        let world = World::new().await;
        for hint in ["access_token", "refresh_token", "unheard_of"] {
            for which in ["access_token", "refresh_token"] {
                let tokens = world.tokens().await;
                let token = text(&tokens[which]);
                let form = [("token", token.as_str()), ("token_type_hint", hint)];
                assert_eq!(
                    world.ask("introspect", &form).await.is(200).json()["active"],
                    true,
                    "{which} {hint}"
                );
                world.ask("revoke", &form).await.is(200);
                assert_eq!(world.ask("introspect", &form).await.is(200).json(), json!({"active": false}));
            }
        }
        let stranger = post(&world, "revoke", &[("token", "x")]).await;
        error(&stranger, 401, "invalid_client");
    });
}

/// RFC 6749 §3.3: "If the issued access token scope is different from the one requested by the client, the authorization server MUST
/// include the scope response parameter"; OpenID Connect Core §11: nobody is asked, so nothing is given for when they are away.
#[test]
fn more_scope_than_there_is_is_left_out_and_that_is_said() {
    run(async {
        let world = World::with(json!({"scopes": ["openid", "roles"], "refreshTokens": false})).await;

        let code = world.code_for(&[("scope", "openid email offline_access unheard_of")]).await;
        let tokens = world.exchange(&code).await.is(200).json();

        assert_eq!(tokens["scope"], "openid");
        assert!(tokens.get("refresh_token").is_none());
        let access = world.claims(&tokens["access_token"], TokenKind::Access).await;
        assert_eq!(access["scope"], "openid");
    });
}

/// Discovery §3 and §4.2, RFC 8414 §2 and §3.2, RFC 9207 §3, RFC 9126 §5, Back-Channel Logout §2.1.
#[test]
fn the_description_has_what_is_required_and_nothing_empty() {
    run(async {
        let world = World::new().await;
        let at = world.at(".well-known/openid-configuration");
        let reply = Reply::of("description".to_owned(), agent().get(at)).await.is(200);
        assert_eq!(reply.header("content-type"), "application/json");
        let document = reply.json();

        for name in [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "pushed_authorization_request_endpoint",
            "device_authorization_endpoint",
            "introspection_endpoint",
            "revocation_endpoint",
            "end_session_endpoint",
        ] {
            let address = Url::parse(&text(&document[name])).unwrap();
            assert!(text(&document[name]).starts_with(&world.issuer()), "{name}");
            assert_eq!((address.query(), address.fragment()), (None, None), "{name}");
        }
        for (name, needed) in [
            ("response_types_supported", "code"),
            ("subject_types_supported", "public"),
            ("id_token_signing_alg_values_supported", "RS256"),
            ("scopes_supported", "openid"),
            ("claims_supported", "sub"),
            ("code_challenge_methods_supported", "S256"),
            ("token_endpoint_auth_methods_supported", "client_secret_basic"),
            ("token_endpoint_auth_signing_alg_values_supported", "ES256"),
            ("revocation_endpoint_auth_signing_alg_values_supported", "ES256"),
            ("introspection_endpoint_auth_signing_alg_values_supported", "ES256"),
        ] {
            assert!(document[name].as_array().unwrap().contains(&json!(needed)), "{name}");
        }
        for name in [
            "authorization_response_iss_parameter_supported",
            "backchannel_logout_supported",
            "backchannel_logout_session_supported",
        ] {
            assert_eq!(document[name], true, "{name}");
        }
        for (name, value) in document.as_object().unwrap() {
            assert!(!value.is_null() && value != &json!([]) && value != "", "{name}");
            if name.ends_with("_alg_values_supported") {
                assert!(!value.as_array().unwrap().contains(&json!("none")), "{name}");
            }
        }
        assert!(!document["response_types_supported"].to_string().contains("token"), "no implicit grant");
        assert!(!document["grant_types_supported"].to_string().contains("password"));
    });
}

/// RP-Initiated Logout §2: GET and POST; what has no value says nothing; where the ID token is of another session than the browser's,
/// "the OP MUST ask".
#[test]
fn whose_id_token_it_is_not_is_asked_before_they_are_signed_out() {
    run(async {
        let alice = World::with(json!({"postLogoutRedirectUris": [CALLBACK]})).await;
        let tokens = alice.tokens().await;
        let (hint, access) = (text(&tokens["id_token"]), text(&tokens["access_token"]));
        let connection = alice.doors.connection("y", "https://idp.example/y").await;
        let bob = alice.doors.user("bob").await;
        let cookie = alice.doors.session(&bob, connection).await;
        let leave = async |cookie: &str, form: &[(&str, &str)]| {
            let request = agent().post(alice.at("end-session")).form(form);
            Reply::of("POST end-session".to_owned(), request.header("cookie", format!("{COOKIE}={cookie}")))
                .await
        };
        let wish =
            [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", CALLBACK), ("state", "s t")];

        let asked = leave(&cookie, &wish).await.is(200);
        assert!(asked.header("content-type").starts_with("text/html") && asked.text.contains("<form"));
        assert!(alice.is_active(&access).await);
        let bobs = alice.authorize_with(&alice.request(&[("prompt", "none")]), Some(&cookie)).await.is(303);
        assert!(answer(&bobs).contains_key("code"), "nor is the one who was not asked");
        leave(
            &alice.cookie,
            &[("id_token_hint", ""), ("state", ""), ("ui_locales", "fr"), ("logout_hint", "x")],
        )
        .await
        .is(200);
        assert!(alice.is_active(&access).await);

        let left = leave(&alice.cookie, &wish).await.is(303);

        assert_eq!(answer(&left)["state"], "s t");
        assert!(!alice.is_active(&access).await);
    });
}
