//! Connections by OpenID Connect beyond a plain sign-in: keys of our own, pushed requests, rotation, and signing out in both
//! directions, at a real provider; and what a made-up one says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::login::SettingOut;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::clock::{Clock as _, FixedClock};
use serde_json::{Value, json};
use usher::system::SystemClock;

use crate::support::canaille::Canaille;
use crate::support::http::{COOKIE, Client, Doors, PUBLIC, Reply, agent, base, db, session_at, text};
use crate::support::made_up::{MadeUp, connect};
use crate::support::oauth::{Hears, Key, hearing, published};
use crate::support::people::Tenant;
use crate::support::provider::{Browser, Provider, provider};
use crate::support::saml::connect_to_nobody;
use crate::support::{fresh_slug, new_app_at, run};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A tenant with a connection `op` and alice, at this provider and as this client of it.
async fn registered(provider: &Provider, change: Value) -> Doors {
    let doors = Doors::of(Tenant::named(&fresh_slug()).await).await;
    let client = provider.register(&doors.tenant.slug, change).await;
    connect(&doors, &provider.issuer, &text(&client["client_id"]), client["client_secret"].as_str()).await;
    doors.user("alice").await;
    doors
}

async fn in_force(browser: &Browser) -> bool {
    match session_at(base(), &browser.session().unwrap()).await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// The actions of the audit trail, newest first.
async fn actions(doors: &Doors) -> Vec<String> {
    let trail = doors.api.get("/audit-events?count=50").await.is(200).json();
    trail["events"].as_array().unwrap().iter().map(|event| text(&event["action"])).collect()
}

// ---- proving that we are the client ----

/// 11
#[test]
fn a_connection_without_a_secret_proves_itself_by_a_key_that_it_publishes() {
    run(async {
        let slug = fresh_slug();
        let key_address = format!("{PUBLIC}/oidc/{slug}/op/jwks.json");
        let change = json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks_uri": key_address,
            "require_pushed_authorization_requests": true,
            "id_token_signed_response_alg": "ES256",
        });
        let client = provider().register(&slug, change).await;
        let doors = Doors::of(Tenant::named(&slug).await).await;
        connect(&doors, &provider().issuer, &text(&client["client_id"]), None).await;
        doors.user("alice").await;
        let ours = doors.api.get("/connections/op/openid").await.is(200).json();
        assert_eq!(
            (&ours["clientAuthentication"], &ours["jwksUri"]),
            (&json!("privateKey"), &json!(key_address))
        );

        let browser = Browser::new();
        let departure = browser.get(&format!("{PUBLIC}/login/{slug}/op")).await.is(303);
        assert!(departure.header("location").contains("request_uri="), "{}", departure.header("location"));
        browser.sign_in(&slug, "alice").await.is(303);

        let published = Client::at(&format!("/oidc/{slug}/op")).get("/jwks.json").await.is(200).json();
        assert_eq!(published["keys"].as_array().unwrap().len(), 1);
        assert!(published["keys"][0].get("d").is_none(), "{published}");
        let view = doors.api.post("/connections/op/openid/client-key", json!({})).await.is(200).json();
        assert!(view["newKeySignsFrom"].is_string(), "{view}");
        let renewed = Client::at(&format!("/oidc/{slug}/op")).get("/jwks.json").await.is(200).json();
        assert_eq!(renewed["keys"].as_array().unwrap().len(), 2);
        assert_ne!(renewed["keys"][0], published["keys"][0]);
        assert_eq!(renewed["keys"][1], published["keys"][0]);
        // The provider has read our keys a moment ago, and need not read them again for five minutes.
        Browser::new().sign_in(&slug, "alice").await.is(303);
    });
}

/// 11: `jwks.json` may be remembered for five minutes.
#[test]
fn a_new_key_signs_when_nobody_can_remember_a_key_set_without_it() {
    run(async {
        let last_sent: Arc<Mutex<String>> = Arc::default();
        let ear = Arc::clone(&last_sent);
        let issuer = hearing(|base| {
            let place = |path: &str| format!("{base}{path}");
            let document = json!({
                "issuer": base, "authorization_endpoint": place("/a"), "token_endpoint": place("/t"),
                "pushed_authorization_request_endpoint": place("/par"), "jwks_uri": place("/k"),
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"]
            });
            let keys = Key::fresh("ES256").jwks;
            let par: Hears = Box::new(move |sent| {
                sent.clone_into(&mut ear.lock().unwrap());
                json!({"request_uri": "urn:x", "expires_in": 60})
            });
            vec![
                ("/.well-known/openid-configuration", Box::new(move |_| document.clone())),
                ("/k", Box::new(move |_| keys.clone())),
                ("/par", par),
            ]
        });
        let doors = Doors::of(Tenant::named(&fresh_slug()).await).await;
        connect(&doors, &issuer, "gateway", None).await;
        let renewed = async || {
            doors.api.post("/connections/op/openid/client-key", json!({})).await.is(200);
            let set = Client::at(&format!("/oidc/{}/op", doors.tenant.slug)).get("/jwks.json").await;
            let keys = set.is(200).json()["keys"].as_array().unwrap().clone();
            keys.iter().map(|key| text(&key["kid"])).collect::<Vec<_>>()
        };
        let keys = renewed().await;
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let app = new_app_at(2, clock.clone());
        let signs = async || {
            let (slug, id) = (&doors.tenant.slug, app.request_id());
            app.start_login(slug, "op", SettingOut::default(), id).await.unwrap();
            let form = last_sent.lock().unwrap().clone();
            let form: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
            let assertion = &form.iter().find(|(name, _)| name == "client_assertion").unwrap().1;
            let header = URL_SAFE_NO_PAD.decode(assertion.split('.').next().unwrap()).unwrap();
            text(&serde_json::from_slice::<Value>(&header).unwrap()["kid"])
        };

        assert_eq!(signs().await, keys[1]);
        clock.advance(TimeDelta::minutes(5));
        assert_eq!(signs().await, keys[1], "whoever read the keys then may remember them still");
        // Another key in the meantime: the one that signs stays.
        let newest = renewed().await;
        assert_eq!((newest.len(), &newest[1]), (2, &keys[1]));
        clock.advance(TimeDelta::minutes(2));
        assert_eq!(signs().await, newest[0]);
    });
}

/// 11: the connection has another secret than the provider, which says so before anybody has signed in.
#[test]
fn a_refusal_before_the_provider_is_reached_is_told_once_with_what_the_provider_says() {
    run(async {
        let doors = Doors::of(Tenant::named(&fresh_slug()).await).await;
        let slug = &doors.tenant.slug;
        let client = provider().register(slug, json!({"require_pushed_authorization_requests": true})).await;
        let id = connect(&doors, &provider().issuer, &text(&client["client_id"]), Some("wrong")).await;
        let door = format!("{PUBLIC}/login/{slug}/op");

        for _ in 0..3 {
            let page = Browser::new().get(&door).await.page(502, "connection_misconfigured");
            assert!(page.text.contains("not set up right"), "{}", page.text);
        }

        let trail = doors.audit(&id.to_string()).await;
        let refusals: Vec<_> = trail.iter().filter(|event| event["action"] == "login.refuse").collect();
        assert_eq!(refusals.len(), 1, "{trail:?}");
        assert_eq!(refusals[0]["after"]["code"], "connection_misconfigured");
        let detail = text(&refusals[0]["after"]["detail"]);
        assert!(detail.contains("status 401: invalid_client (client authentication failed)"), "{detail}");

        let trial = doors.api.post("/connections/op/trials", json!({})).await.is(201).json();
        Browser::new().get(&text(&trial["address"])).await.page(200, "trial");
        let there = format!("/connections/op/trials/{}", text(&trial["id"]));
        let report = doors.api.get(&there).await.is(200).json();
        assert_eq!((&report["passed"], &report["code"]), (&json!(false), &json!("connection_misconfigured")));
        let refused = report["checks"].as_array().unwrap().iter().find(|it| it["verdict"] == "refused");
        assert!(text(&refused.unwrap()["detail"]).contains("invalid_client"), "{report}");
    });
}

/// 11
#[test]
fn a_secret_is_sent_as_the_client_is_registered() {
    run(async {
        for method in ["client_secret_basic", "client_secret_post"] {
            let doors = registered(provider(), json!({"token_endpoint_auth_method": method})).await;
            let way = if method.ends_with("post") { "post" } else { "basic" };
            doors.api.put("/connections/op/openid/rules", json!({"secretMethod": way})).await.is(200);

            Browser::new().sign_in(&doors.tenant.slug, "alice").await.is(303);
        }
    });
}

#[test]
fn scopes_are_changed_and_are_words() {
    run(async {
        let doors = registered(provider(), json!({})).await;
        let scopes = async || doors.api.get("/connections/op/openid").await.is(200).json()["scopes"].clone();

        for wrong in ["two words", "", "a\"b", "\u{e9}"] {
            doors.api.change("/connections/op", json!({"scopes": [wrong]})).await.problem(400, "invalid");
        }
        doors.api.change("/connections/op", json!({"scopes": ["profile", "groups"]})).await.is(200);

        assert_eq!(scopes().await, json!(["profile", "groups"]));
        doors.api.put("/connections/op/openid/rules", json!({"pushRequests": false})).await.is(200);
        let departure = Browser::new().get(&format!("{PUBLIC}/login/{}/op", doors.tenant.slug)).await.is(303);
        assert!(departure.header("location").contains("groups"), "{}", departure.header("location"));
        connect_to_nobody(&doors, "saml").await;
        doors.api.change("/connections/saml", json!({"scopes": ["x"]})).await.problem(400, "invalid");
    });
}

#[test]
fn a_key_set_is_published_for_those_who_prove_themselves_by_one() {
    run(async {
        let doors = registered(provider(), json!({})).await;
        let slug = &doors.tenant.slug;
        for path in [format!("/oidc/{slug}/op/jwks.json"), format!("/oidc/{slug}/other/jwks.json")] {
            Client::at("").get(&path).await.is(404);
        }
    });
}

// ---- what is required of the provider's answers ----

/// 28
#[test]
fn a_method_that_the_connection_requires_and_nobody_used_lets_nobody_in() {
    run(async {
        let doors = registered(provider(), json!({})).await;
        doors.api.put("/connections/op/openid/rules", json!({"amr": ["mfa"]})).await.is(200);

        let browser = Browser::new();
        browser.sign_in(&doors.tenant.slug, "alice").await.page(403, "authentication_too_weak");

        assert!(browser.session().is_none());
        doors.api.put("/connections/op/openid/rules", json!({})).await.is(200);
        Browser::new().sign_in(&doors.tenant.slug, "alice").await.is(303);
    });
}

#[test]
fn rules_that_protect_nobody_are_refused_with_their_place() {
    run(async {
        let doors = registered(provider(), json!({})).await;
        for rules in [
            json!({"allowedAlgs": ["none"]}),
            json!({"allowedAlgs": ["HS256"]}),
            json!({"allowedAlgs": []}),
            json!({"maxAgeSeconds": 99_999_999}),
            json!({"acrValues": ["a b"]}),
            json!({"entraTenant": "t", "hostedDomain": "acme.test"}),
        ] {
            doors.api.put("/connections/op/openid/rules", rules).await.problem(400, "invalid");
        }
        let google = json!({
            "slug": "google", "name": "Google", "issuer": "https://accounts.google.com", "clientId": "x",
            "clientSecret": "x", "linkClaim": "sub", "linkTo": "externalId", "returnTo": "https://app.example"
        });
        doors.api.post("/connections", google).await.problem(400, "invalid");
    });
}

// ---- rotation ----

/// 18
#[test]
fn a_provider_that_replaces_its_keys_is_followed_at_the_next_sign_in() {
    run(async {
        let own = Provider::start();
        let doors = Doors::of(Tenant::named(&own.slug()).await).await;
        doors.connection("op", &own.issuer).await;
        doors.user("alice").await;
        Browser::new().sign_in(&doors.tenant.slug, "alice").await.is(303);

        own.rotate().await;

        Browser::new().sign_in(&doors.tenant.slug, "alice").await.is(303);
    });
}

/// 51
#[test]
fn a_provider_that_speaks_for_another_issuer_is_paused_and_the_administrator_knows_why() {
    run(async {
        let base = published(|base| {
            let place = |path: &str| format!("{base}{path}");
            vec![(
                "/.well-known/openid-configuration",
                json!({
                    "issuer": "https://evil.example",
                    "authorization_endpoint": place("/a"), "token_endpoint": place("/t"), "jwks_uri": place("/k"),
                    "response_types_supported": ["code"], "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["ES256"]
                }),
            )]
        });
        let doors = Doors::of(Tenant::named(&fresh_slug()).await).await;
        let id = connect(&doors, &base, "gateway", Some("s")).await;
        let door = format!("{PUBLIC}/login/{}/op", doors.tenant.slug);

        let first = Browser::new().get(&door).await;
        let second = Browser::new().get(&door).await;

        first.page(502, "connection_misconfigured");
        second.page(403, "paused");
        assert_eq!(doors.api.get("/connections/op").await.is(200).json()["state"], "paused");
        let trail = doors.audit(&id.to_string()).await;
        let refused = |event: &&Value| event["action"] == "login.refuse";
        let codes: Vec<_> = trail.iter().filter(refused).map(|event| text(&event["after"]["code"])).collect();
        assert_eq!(codes, ["connection_misconfigured", "paused"]);
        assert_eq!(doors.api.get("/connections/op/openid").await.is(200).json()["state"], "paused");
        let event = trail.iter().find(|event| event["after"]["state"] == "paused").unwrap();
        assert!(text(&event["after"]["reason"]).contains("another issuer"), "{event}");
    });
}

// ---- a sign-in that somebody else begins ----

/// 50
#[test]
fn a_provider_may_begin_a_sign_in_at_itself_and_to_the_connections_own_product() {
    run(async {
        let doors = registered(provider(), json!({})).await;
        let slug = &doors.tenant.slug;
        let address = format!("{PUBLIC}/oidc/{slug}/op/initiate");
        let issuer = &provider().issuer;
        let target = "https://app.example/inbox";

        let link = format!("{address}?iss={issuer}&login_hint=alice&target_link_uri={target}");
        let browser = Browser::new();
        let callback = browser.until_callback_from(&link, slug, "alice").await;
        assert_eq!(browser.get(&callback).await.is(303).header("location"), target);

        for (query, code) in [
            (format!("target_link_uri={target}"), "issuer_mismatch"),
            (format!("iss=https://evil.example&target_link_uri={target}"), "issuer_mismatch"),
            (format!("iss={issuer}&target_link_uri=https://evil.example/"), "foreign-target"),
            (format!("iss={issuer}&target_link_uri=//evil.example/"), "foreign-target"),
            (format!("iss={issuer}&iss={issuer}"), "invalid_parameter"),
        ] {
            Browser::new().get(&format!("{address}?{query}")).await.page(400, code);
        }
        let form = agent()
            .post(address.replace(PUBLIC, base()))
            .form(&[("iss", issuer.as_str()), ("target_link_uri", target)]);
        let posted = Reply::of("POST initiate".to_owned(), form).await.is(303);
        assert!(posted.header("location").starts_with(issuer), "{}", posted.header("location"));
    });
}

// ---- signing out ----

#[test]
fn who_signs_out_here_signs_out_at_the_provider_and_comes_back() {
    run(async {
        let doors = registered(provider(), json!({})).await;
        let slug = &doors.tenant.slug;
        let browser = Browser::new();
        browser.sign_in(slug, "alice").await.is(303);
        let cookie = browser.session().unwrap();

        let out = browser.sign_out().await.is(303);

        session_at(base(), &cookie).await.problem(401, "unauthenticated");
        let there = out.header("location");
        assert!(there.starts_with(&provider().issuer) && there.contains("id_token_hint="), "{there}");
        let back = browser.confirm_sign_out(there).await;
        let back = back.header("location").to_owned();
        assert!(back.starts_with(&format!("{PUBLIC}/oidc/{slug}/op/signed-out?state=")), "{back}");
        Browser::new().get(&back).await.page(400, "no-flow");
        browser.get(&back).await.page(200, "You are signed out");
        browser.get(&back).await.page(400, "no-flow");
        // The provider's own session is over too: it asks who this is.
        let again = browser.get(&format!("{PUBLIC}/login/{slug}/op")).await.is(303);
        let asked = browser.get(again.header("location")).await.is(303);
        assert!(asked.header("location").contains("/interaction/"), "{}", asked.header("location"));
    });
}

#[test]
fn a_script_is_told_where_to_go_on_signing_out() {
    run(async {
        let doors = registered(provider(), json!({})).await;
        let browser = Browser::new();
        browser.sign_in(&doors.tenant.slug, "alice").await.is(303);
        let cookie = browser.session().unwrap();

        let request = agent()
            .post(format!("{}/logout", base()))
            .header("cookie", format!("{COOKIE}={cookie}"))
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "cors");
        let told = Reply::of("POST /logout".to_owned(), request).await.is(200).json();

        assert!(text(&told["location"]).starts_with(&provider().issuer), "{told}");
        session_at(base(), &cookie).await.problem(401, "unauthenticated");
    });
}

#[test]
fn who_signs_out_at_the_provider_is_signed_out_here_and_only_in_that_browser() {
    run(async {
        let doors = registered(provider(), json!({})).await;
        let slug = &doors.tenant.slug;
        let (one, other) = (Browser::new(), Browser::new());
        one.sign_in(slug, "alice").await.is(303);
        other.sign_in(slug, "alice").await.is(303);

        one.confirm_sign_out(&format!("{}/session/end", provider().issuer)).await;

        let mut waited = 0;
        while in_force(&one).await {
            assert!(waited < 50, "the session outlived the logout token");
            waited += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(in_force(&other).await);
        let actions = actions(&doors).await;
        assert!(actions.iter().any(|action| action == "connection.logout"), "{actions:?}");
        assert!(actions.iter().any(|action| action == "session.revoke"), "{actions:?}");
    });
}

/// Canaille does not tell others who signs out there, and is asked for nothing that it does not offer.
#[test]
fn canaille_signs_people_in_and_out_too() {
    run(async {
        let slug = fresh_slug();
        let canaille = Canaille::start(&slug).await;
        let doors = Doors::of(Tenant::named(&slug).await).await;
        connect(&doors, &canaille.issuer, "gateway", Some("gateway-secret")).await;
        doors.user("alice").await;
        let browser = Browser::new();

        browser.sign_in(&slug, "alice").await.is(303);
        assert!(in_force(&browser).await);
        let cookie = browser.session().unwrap();
        let out = browser.sign_out().await.is(303);

        session_at(base(), &cookie).await.problem(401, "unauthenticated");
        let there = out.header("location");
        assert!(there.starts_with(&canaille.issuer) && there.contains("id_token_hint="), "{there}");
        let back = browser.get(there).await.is(302);
        browser.get(back.header("location")).await.page(200, "You are signed out");
    });
}

/// What it says of somebody who signs out.
impl MadeUp {
    fn token(&self, id: &str, change: &Value) -> String {
        let now = self.doors.tenant.app.now().timestamp();
        let mut claims = json!({
            "iss": self.issuer, "aud": "gateway", "iat": now, "exp": now + 120, "jti": id, "events": {EVENT: {}}
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.key.sign(&claims)
    }

    async fn show(&self, form: &[(&str, &str)]) -> Reply {
        let address = format!("{}/oidc/{}/op/backchannel-logout", base(), self.doors.tenant.slug);
        Reply::of("POST backchannel-logout".to_owned(), agent().post(address).form(form)).await
    }
}

#[test]
fn a_logout_token_counts_once_whichever_process_it_is_shown_to() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let alice = made_up.doors.user("alice").await;
        let (one, other) = (made_up.session(&alice, "s1").await, made_up.session(&alice, "s2").await);
        let token = made_up.token("once", &json!({"sid": "s1"}));

        let answer = made_up.show(&[("logout_token", &token)]).await.is(200);

        assert_eq!(answer.header("cache-control"), "no-store");
        session_at(base(), &one).await.problem(401, "unauthenticated");
        session_at(base(), &other).await.is(200);
        let again = made_up.session(&alice, "s1").await;
        let refused = made_up.show(&[("logout_token", &token)]).await.is(400);
        assert_eq!(
            (refused.header("cache-control"), &refused.json()),
            ("no-store", &json!({"error": "invalid_request"}))
        );
        session_at(base(), &again).await.is(200);
    });
}

#[test]
fn a_logout_token_about_a_person_ends_all_that_they_have_through_the_connection() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let (alice, bob) = (made_up.doors.user("alice").await, made_up.doors.user("bob").await);
        made_up.link(&alice, "subject-of-alice").await;
        let hers = [made_up.session(&alice, "s1").await, made_up.session(&alice, "s2").await];
        let his = made_up.session(&bob, "s3").await;

        made_up
            .show(&[("logout_token", &made_up.token("a", &json!({"sub": "subject-of-alice"})))])
            .await
            .is(200);
        made_up.show(&[("logout_token", &made_up.token("b", &json!({"sub": "nobody"})))]).await.is(200);

        for cookie in &hers {
            session_at(base(), cookie).await.problem(401, "unauthenticated");
        }
        session_at(base(), &his).await.is(200);
    });
}

/// Check 65: what was proven before and is still under way comes too late.
#[test]
fn what_was_proven_before_a_logout_token_was_made_opens_nothing_more() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let (alice, bob) = (made_up.doors.user("alice").await, made_up.doors.user("bob").await);
        made_up.link(&alice, "subject-of-alice").await;
        made_up.session(&bob, "s1").await;
        let made_at = made_up.doors.tenant.app.now().timestamp() - 5;

        for (id, who) in [("a", json!({"sub": "subject-of-alice"})), ("b", json!({"sid": "s1"}))] {
            let mut claims = who;
            claims["iat"] = json!(made_at);
            made_up.show(&[("logout_token", &made_up.token(id, &claims))]).await.is(200);
        }

        let mut tx = db().begin(made_up.doors.tenant.admin.scope()).await.unwrap();
        for user in [alice, bob] {
            let stamp = store::users::signed_out_at(&mut tx, user.parse().unwrap()).await.unwrap();
            assert_eq!(stamp.map(|stamp| stamp.timestamp()), Some(made_at));
        }
    });
}

#[test]
fn what_is_no_logout_token_ends_nothing() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let alice = made_up.doors.user("alice").await;
        made_up.link(&alice, "alice").await;
        let cookie = made_up.session(&alice, "s1").await;
        let named = json!({"sid": "s1", "sub": "alice"});
        let refused = async |token: &str| {
            let reply = made_up.show(&[("logout_token", token)]).await.is(400);
            assert_eq!(reply.header("cache-control"), "no-store");
        };

        for (number, change) in [
            json!({"nonce": "n"}),
            json!({"events": {}}),
            json!({"aud": "another"}),
            json!({"iss": "https://evil.example"}),
            json!({"exp": 1}),
        ]
        .iter()
        .enumerate()
        {
            let mut claims = named.clone();
            claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            refused(&made_up.token(&number.to_string(), &claims)).await;
        }
        let forged = Key::fresh("ES256");
        let honest = made_up.token("h", &named);
        let parts: Vec<&str> = honest.split('.').collect();
        let strange = forged.sign(&json!({"sid": "s1"}));
        refused(&format!("{}.{}.{}", parts[0], parts[1], strange.rsplit('.').next().unwrap())).await;
        refused("not a token").await;
        refused(&"x".repeat(40_000)).await;
        made_up.show(&[]).await.is(400);
        made_up.show(&[("logout_token", &honest), ("logout_token", &honest)]).await.is(400);
        let elsewhere = format!("{}/oidc/{}/other/backchannel-logout", base(), made_up.doors.tenant.slug);
        let request = agent().post(elsewhere).form(&[("logout_token", &honest)]);
        Reply::of("POST elsewhere".to_owned(), request).await.is(400);

        session_at(base(), &cookie).await.is(200);
    });
}
