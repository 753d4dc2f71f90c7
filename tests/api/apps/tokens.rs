//! Codes, tokens and refresh tokens: what they say, and that each is used once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sso::op::{self, TokenKind};

use super::world::{CALLBACK, World, answer, error, later, register};
use crate::support::http::{Reply, agent, text};
use crate::support::oauth::Key;
use crate::support::run;

/// OpenID Connect Core §2 and §3.1.3.3 ("Cache-Control: no-store"), §3.1.3.6 (`at_hash`), RFC 9068 §2, RFC 6749 §5.1.
#[test]
fn a_code_becomes_tokens_that_say_who_it_is_and_what_they_may_do() {
    run(async {
        let world = World::new().await;

        let reply = world.exchange(&world.code().await).await.is(200);
        let tokens = reply.json();

        assert_eq!((reply.header("cache-control"), reply.header("pragma")), ("no-store", "no-cache"));
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
        let id = world.claims(&tokens["id_token"], TokenKind::Id).await;
        let access = world.claims(&tokens["access_token"], TokenKind::Access).await;
        for (name, value) in [
            ("iss", json!(world.issuer())),
            ("aud", json!(world.app)),
            ("azp", json!(world.app)),
            ("sub", json!(world.user)),
            ("nonce", json!("a nonce")),
            ("at_hash", json!(op::at_hash(&text(&tokens["access_token"])))),
            ("preferred_username", json!("alice")),
            ("roles", json!(["general"])),
        ] {
            assert_eq!(id[name], value, "{name}");
        }
        for (name, value) in [
            ("iss", json!(world.issuer())),
            ("aud", json!(world.issuer())),
            ("client_id", json!(world.app)),
            ("sub", json!(world.user)),
            ("roles", json!(["general"])),
        ] {
            assert_eq!(access[name], value, "{name}");
        }
        assert!(access.get("preferred_username").is_none(), "no name travels to an API");
        assert_eq!(
            (&id["sid"], &id["auth_time"], &id["access_version"]),
            (&access["sid"], &access["auth_time"], &access["access_version"])
        );
        assert_eq!(id["exp"].as_i64().unwrap() - id["iat"].as_i64().unwrap(), 300);
        let header = text(&tokens["access_token"]);
        let header = URL_SAFE_NO_PAD.decode(header.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    });
}

/// OpenID Connect Core §5.3.2: "The sub (subject) Claim MUST always be returned".
#[test]
fn userinfo_says_what_the_scopes_allow() {
    run(async {
        let world = World::new().await;
        world.doors.verified_domain("acme.example").await;
        let emails = json!([{"op": "add", "path": "emails", "value": [{"value": "alice@acme.example", "primary": true}]}]);
        world.doors.scim.patch(&format!("/Users/{}", world.user), emails).await.is(200);

        let tokens = world.tokens().await;
        let said = world.userinfo(&text(&tokens["access_token"])).await.is(200).json();
        assert_eq!(
            (&said["sub"], &said["email"], &said["email_verified"]),
            (&json!(world.user), &json!("alice@acme.example"), &json!(true))
        );

        let code = world.code_for(&[("scope", "openid")]).await;
        let little = world.exchange(&code).await.is(200).json();
        let said = world.userinfo(&text(&little["access_token"])).await.is(200).json();
        assert!(
            said.get("email").is_none() && said.get("roles").is_none() && said.get("sub").is_some(),
            "{said}"
        );
        assert_eq!(little["scope"], "openid");
    });
}

/// RFC 6750 §3 and §3.1, §2: one method in each request.
#[test]
fn userinfo_is_for_access_tokens_that_say_openid_and_are_for_us() {
    run(async {
        let world = World::with(json!({"resources": ["https://api.example/"]})).await;
        let tokens = world.tokens().await;
        let (access, id) = (text(&tokens["access_token"]), text(&tokens["id_token"]));

        world.userinfo(&id).await.is(401);
        world.userinfo("x").await.is(401);
        world.userinfo(&format!("{access}x")).await.is(401);
        let none = Reply::of("GET userinfo".to_owned(), agent().get(world.at("userinfo"))).await.is(401);
        assert_eq!(none.header("www-authenticate"), "Bearer realm=\"usher\"");
        let form = agent().post(world.at("userinfo")).form(&[("access_token", &access)]);
        Reply::of("POST userinfo".to_owned(), form).await.is(200);
        let both = agent().post(world.at("userinfo")).bearer_auth(&access).form(&[("access_token", &access)]);
        Reply::of("POST userinfo".to_owned(), both).await.is(400);

        let code = world.code_for(&[("scope", "roles")]).await;
        let api = world.exchange(&code).await.is(200).json();
        assert!(api.get("id_token").is_none());
        let refused = world.userinfo(&text(&api["access_token"])).await.is(403);
        assert!(refused.header("www-authenticate").contains("insufficient_scope"));
        let code = world.code_for(&[("resource", "https://api.example/")]).await;
        let elsewhere = world.exchange(&code).await.is(200).json();
        world.userinfo(&text(&elsewhere["access_token"])).await.is(401);
    });
}

/// RFC 6749 §4.1.3: "ensure that the authorization code was issued to the authenticated confidential client", "ensure that the
/// `redirect_uri` parameter is present if … and … ensure that their values are identical"; RFC 7636 §4.6; RFC 9700 §2.1.1.
#[test]
fn a_code_is_good_for_its_app_its_address_and_its_verifier_alone() {
    run(async {
        let world = World::new().await;
        let other = world.another(json!({})).await;
        let code = world.code().await;

        error(&other.exchange(&code).await, 400, "invalid_grant");
        for (change, code_of_error) in [
            (vec![("redirect_uri", "https://rp.example/other")], "invalid_grant"),
            (vec![("redirect_uri", "")], "invalid_grant"),
            (vec![("code_verifier", "another-verifier-that-is-long-enough-0123456789ab")], "invalid_grant"),
            (vec![("code_verifier", "")], "invalid_request"),
            (vec![("code", "usher_ac_x")], "invalid_grant"),
            (vec![("code", "")], "invalid_request"),
            (vec![("grant_type", "")], "invalid_request"),
            (vec![("grant_type", "password")], "unsupported_grant_type"),
            (vec![("resource", "https://api.example/")], "invalid_target"),
        ] {
            error(&world.exchange_with(&code, &change).await, 400, code_of_error);
        }

        world.exchange(&code).await.is(200);
    });
}

/// RFC 6749 §4.1.2: "If an authorization code is used more than once, the authorization server MUST deny the request and SHOULD
/// revoke (when possible) all tokens previously issued based on that authorization code."
#[test]
fn a_code_that_is_used_twice_ends_what_came_of_it() {
    run(async {
        let world = World::new().await;
        let code = world.code().await;
        let tokens = world.exchange(&code).await.is(200).json();
        assert!(world.is_active(&text(&tokens["access_token"])).await);

        error(&world.exchange(&code).await, 400, "invalid_grant");

        assert!(!world.is_active(&text(&tokens["access_token"])).await);
        error(&world.refresh(&text(&tokens["refresh_token"])).await, 400, "invalid_grant");
        let trail = world.doors.audit(&world.app).await;
        assert!(trail.iter().any(|event| event["action"] == "app.reuse"), "{trail:?}");
    });
}

/// The same when both come at once, whichever is first.
#[test]
fn of_two_who_exchange_a_code_at_once_one_gets_tokens() {
    run(async {
        for _ in 0..8 {
            let world = World::new().await;
            let code = world.code().await;

            let (one, two) = tokio::join!(world.exchange(&code), world.exchange(&code));

            let mut statuses = [one.status, two.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 400]);
            let lost = if one.status == 400 { &one } else { &two };
            error(lost, 400, "invalid_grant");
        }
    });
}

/// RFC 6749 §4.1.2: "The authorization code MUST expire shortly after it is issued".
#[test]
fn a_code_and_a_token_run_out() {
    run(async {
        let mut world = World::new().await;
        let (code, tokens) = (world.code().await, world.tokens().await);
        let access = text(&tokens["access_token"]);
        let (_serving, server) = later(61);
        world.server = server;
        error(&world.exchange(&code).await, 400, "invalid_grant");
        assert!(world.is_active(&access).await);

        let (_serving, server) = later(301);
        world.server = server;
        assert!(!world.is_active(&access).await);
        world.userinfo(&access).await.is(401);
        world.refresh(&text(&tokens["refresh_token"])).await.is(200);
    });
}

/// RFC 9700 §4.14.2: "The authorization server cannot determine which party submitted the invalid refresh token, but it will
/// revoke the active refresh token."
#[test]
fn a_refresh_token_that_is_used_twice_ends_its_family() {
    run(async {
        let world = World::new().await;
        let first = world.tokens().await;
        let second = world.refresh(&text(&first["refresh_token"])).await.is(200).json();
        let third = world.refresh(&text(&second["refresh_token"])).await.is(200).json();
        assert_ne!(second["refresh_token"], third["refresh_token"]);
        let id = world.claims(&third["id_token"], TokenKind::Id).await;
        // OpenID Connect Core §12.2: the same issuer, subject, audience and time of authentication; no nonce.
        let before = world.claims(&first["id_token"], TokenKind::Id).await;
        for name in ["iss", "sub", "aud", "azp", "auth_time", "sid"] {
            assert_eq!(id[name], before[name], "{name}");
        }
        assert!(id.get("nonce").is_none());

        error(&world.refresh(&text(&second["refresh_token"])).await, 400, "invalid_grant");

        error(&world.refresh(&text(&third["refresh_token"])).await, 400, "invalid_grant");
        for tokens in [&first, &second, &third] {
            assert!(!world.is_active(&text(&tokens["access_token"])).await);
        }
    });
}

#[test]
fn of_two_who_refresh_at_once_one_gets_tokens_and_the_family_ends() {
    run(async {
        for _ in 0..8 {
            let world = World::new().await;
            let refresh = text(&world.tokens().await["refresh_token"]);

            let (one, two) = tokio::join!(world.refresh(&refresh), world.refresh(&refresh));

            let mut statuses = [one.status, two.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 400]);
            let won = if one.status == 200 { one.json() } else { two.json() };
            error(&world.refresh(&text(&won["refresh_token"])).await, 400, "invalid_grant");
        }
    });
}

/// RFC 6749 §6: "The requested scope MUST NOT include any scope not originally granted"; §10.4: bound to the client.
#[test]
fn a_refresh_token_is_its_apps_and_gives_no_more_than_it_had() {
    run(async {
        let world = World::new().await;
        let other = world.another(json!({})).await;
        let code = world.code_for(&[("scope", "openid roles")]).await;
        let refresh = text(&world.exchange(&code).await.is(200).json()["refresh_token"]);
        let with = async |scope: &str| {
            let form =
                [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("scope", scope)];
            world.ask("token", &form).await
        };

        error(&other.refresh(&refresh).await, 400, "invalid_grant");
        error(&with("openid email").await, 400, "invalid_scope");
        assert_eq!(with("openid").await.is(200).json()["scope"], "openid");
    });
}

/// RFC 6749 §2.3 and §5.2 (401 and `WWW-Authenticate`), RFC 7523 §3.
#[test]
fn an_app_proves_itself_in_the_way_that_it_is_registered_for() {
    run(async {
        let world = World::new().await;
        let key = Key::fresh("ES256");
        let signed = world.another(json!({"proof": "privateKey", "jwks": key.jwks})).await;
        let public = world.another(json!({"proof": "none"})).await;
        let form = |code: &str, more: &[(&str, &str)]| -> Vec<(String, String)> {
            let honest = [
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", super::world::VERIFIER),
            ];
            honest.iter().chain(more).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
        };
        let send = async |form: Vec<(String, String)>| {
            Reply::of("POST token".to_owned(), agent().post(world.at("token")).form(&form)).await
        };
        let secret = world.secret.clone().unwrap();

        let code = world.code().await;
        let refused =
            send(form(&code, &[("client_id", world.app.as_str()), ("client_secret", "usher_app_wrong")]))
                .await;
        error(&refused, 401, "invalid_client");
        assert_eq!(refused.header("www-authenticate"), "Basic realm=\"usher\"");
        error(&send(form(&code, &[("client_id", world.app.as_str())])).await, 401, "invalid_client");
        error(&send(form(&code, &[])).await, 401, "invalid_client");
        send(form(&code, &[("client_id", world.app.as_str()), ("client_secret", secret.as_str())]))
            .await
            .is(200);

        let code = public.code().await;
        let with_secret = [("client_id", public.app.as_str()), ("client_secret", secret.as_str())];
        error(&send(form(&code, &with_secret)).await, 401, "invalid_client");
        public.exchange(&code).await.is(200);

        let jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let now = world.doors.tenant.app.now().timestamp();
        let assertion = |audience: &str, id: &str| {
            key.sign(&json!({"iss": signed.app, "sub": signed.app, "aud": audience, "jti": id, "iat": now, "exp": now + 60}))
        };
        let code = signed.code().await;
        let for_another = assertion("https://other.example", "a");
        let wrong = [("client_assertion_type", jwt), ("client_assertion", for_another.as_str())];
        error(&send(form(&code, &wrong)).await, 401, "invalid_client");
        let good = assertion(&world.issuer(), "b");
        let good = [("client_assertion_type", jwt), ("client_assertion", good.as_str())];
        send(form(&code, &good)).await.is(200);
        let again = signed.code().await;
        error(&send(form(&again, &good)).await, 401, "invalid_client");
    });
}

/// RFC 6749 §4.4: "The client credentials grant type MUST only be used by confidential clients"; §4.4.3: no refresh token.
#[test]
fn an_app_may_have_a_token_for_itself_if_it_is_said_so() {
    run(async {
        let world = World::with(json!({"ownTokens": true, "resources": ["https://api.example/"]})).await;
        let ask = async |world: &World, resource: &str| {
            world.ask("token", &[("grant_type", "client_credentials"), ("resource", resource)]).await
        };

        let issued = ask(&world, "https://api.example/").await.is(200).json();

        assert!(issued.get("refresh_token").is_none() && issued.get("id_token").is_none());
        let claims = world.claims(&issued["access_token"], TokenKind::Access).await;
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!(world.app), &json!("https://api.example/")));
        assert!(world.is_active(&text(&issued["access_token"])).await);
        world.userinfo(&text(&issued["access_token"])).await.is(401);
        error(&ask(&world, "https://other.example/").await, 400, "invalid_target");
        let plain = world.another(json!({})).await;
        error(&ask(&plain, "").await, 400, "unauthorized_client");
        let public = world.another(json!({"proof": "none"})).await;
        error(&ask(&public, "").await, 401, "invalid_client");
    });
}

/// RFC 7662 §2.1 ("MUST also require some form of authorization") and §2.2; RFC 8707 §2.
#[test]
fn whoever_is_not_concerned_is_told_nothing_of_a_token() {
    run(async {
        let world = World::with(json!({"resources": ["https://api.example/"]})).await;
        let api = world.another(json!({"resources": ["https://api.example/"]})).await;
        let stranger = world.another(json!({})).await;
        let elsewhere = World::new().await;
        let code = world.code_for(&[("resource", "https://api.example/")]).await;
        let tokens = world.exchange(&code).await.is(200).json();
        let access = text(&tokens["access_token"]);

        let said = api.introspect(&access).await;
        assert_eq!(
            (&said["active"], &said["sub"], &said["username"]),
            (&json!(true), &json!(world.user), &json!("alice"))
        );
        assert_eq!((&said["client_id"], &said["roles"]), (&json!(world.app), &json!(["general"])));
        assert!(world.is_active(&access).await && world.is_active(&text(&tokens["refresh_token"])).await);
        assert!(!api.is_active(&text(&tokens["refresh_token"])).await);
        assert!(!stranger.is_active(&access).await && !elsewhere.is_active(&access).await);
        assert!(!world.is_active("x").await && !world.is_active(&text(&tokens["id_token"])).await);
        let nobody = agent().post(world.at("introspect")).form(&[("token", &access)]);
        error(&Reply::of("POST introspect".to_owned(), nobody).await, 401, "invalid_client");
        let public = world.another(json!({"proof": "none"})).await;
        error(&public.ask("introspect", &[("token", &access)]).await, 401, "invalid_client");
        error(&world.ask("introspect", &[]).await, 400, "invalid_request");
    });
}

/// RFC 7009 §2.1 ("verifies whether the token was issued to the client making the revocation request") and §2.2 (200 for one
/// that nobody knows).
#[test]
fn a_token_that_is_given_back_takes_its_family_along() {
    run(async {
        let world = World::new().await;
        let other = world.another(json!({})).await;
        for which in ["access_token", "refresh_token"] {
            let (kept, tokens) = (world.tokens().await, world.tokens().await);
            let token = text(&tokens[which]);

            error(&other.ask("revoke", &[("token", &token)]).await, 400, "invalid_grant");
            assert!(world.is_active(&token).await);
            world.ask("revoke", &[("token", &token), ("token_type_hint", "x")]).await.is(200);

            assert!(!world.is_active(&text(&tokens["access_token"])).await);
            error(&world.refresh(&text(&tokens["refresh_token"])).await, 400, "invalid_grant");
            assert!(world.is_active(&text(&kept["access_token"])).await, "another sign-in is another's");
            world.ask("revoke", &[("token", &token)]).await.is(200);
        }
        world.ask("revoke", &[("token", "x")]).await.is(200);
        error(&world.ask("revoke", &[]).await, 400, "invalid_request");
    });
}

/// RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once."
#[test]
fn a_form_that_says_something_twice_or_comes_as_something_else_is_refused() {
    run(async {
        let world = World::new().await;
        let code = world.code().await;

        error(
            &world.exchange_with(&code, &[("code", code.as_str()), ("code", code.as_str())]).await,
            400,
            "invalid_request",
        );
        let json = agent().post(world.at("token")).json(&json!({"grant_type": "authorization_code"}));
        assert_eq!(Reply::of("POST token".to_owned(), json).await.status, 415);
        let link = agent().get(world.at("token"));
        assert_eq!(Reply::of("GET token".to_owned(), link).await.status, 405);
        world.exchange(&code).await.is(200);
    });
}

/// Each tenant is an issuer of its own.
#[test]
fn a_token_of_one_tenant_is_nothing_in_another() {
    run(async {
        let (world, other) = (World::new().await, World::new().await);
        let tokens = world.tokens().await;

        other.userinfo(&text(&tokens["access_token"])).await.is(401);
        assert!(!other.is_active(&text(&tokens["access_token"])).await);
        error(&other.refresh(&text(&tokens["refresh_token"])).await, 400, "invalid_grant");
        error(&other.exchange(&world.code().await).await, 400, "invalid_grant");
        let (app, _) = register(&world.doors, json!({})).await;
        other.authorize(&[("client_id", &app)]).await.page(404, "unknown-door");
        assert!(answer(&world.authorize(&[]).await.is(303)).contains_key("code"));
    });
}
