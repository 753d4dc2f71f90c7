//! How far the word of an identity provider goes: where its answer is at home, how long what it opens lasts, and what it
//! leaves behind. Mostly at a provider whose tokens the test signs itself.

use std::sync::Arc;

use chrono::TimeDelta;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use domain::clock::{Clock as _, FixedClock};
use serde_json::{Value, json};
use usher::system::SystemClock;

use super::login::Replica;
use crate::support::http::{
    COOKIE, Client, Doors, PUBLIC, Reply, agent, base, session_at, start, start_limited, text,
};
use crate::support::made_up::{MadeUp, connect_as};
use crate::support::people::Tenant;
use crate::support::provider::{Browser, provider};
use crate::support::saml::{connect, simplesaml};
use crate::support::{new_app, new_app_at, run, urls};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn named(name: &str) -> Value {
    json!({"preferred_username": name})
}

/// A tenant with a connection `op` at the provider that others made.
async fn doors() -> Doors {
    let provider = provider();
    let doors = Doors::of(Tenant::named(&provider.slug()).await).await;
    doors.connection("op", &provider.issuer).await;
    doors
}

// ---- where an answer is at home ----

/// Of OpenID Connect 1.
#[test]
fn the_callback_is_a_get_of_bounded_length() {
    run(async {
        let doors = doors().await;
        let callback = format!("{PUBLIC}/oidc/{}/op/callback", doors.tenant.slug);
        let browser = Browser::new();

        browser.fill_in(&callback, &[("state", "s"), ("code", "c")]).await.is(405);
        let long = format!("{callback}?state=s&code={}", "x".repeat(8_192));
        browser.get(&long).await.page(400, "invalid_parameter");
    });
}

/// 2 of SAML, 4 and 8 of OpenID Connect: whoever brings the cookie of another connection along, too.
#[test]
fn an_answer_is_at_home_at_the_connection_that_asked_and_at_no_other() {
    run(async {
        let doors = doors().await;
        doors.user("alice").await;
        doors.connection("other", &provider().issuer).await;
        let slug = &doors.tenant.slug;
        let browser = Browser::new();
        let callback = browser.until_callback(slug, "alice").await;
        let uri = async |connection: &str| {
            text(&doors.api.get(&format!("/connections/{connection}")).await.is(200).json()["redirectUri"])
        };

        assert_ne!(uri("op").await, uri("other").await);
        let flow = browser.flow(&callback, "op").unwrap();
        let cookie = format!("usher-flow-other={flow}");
        let elsewhere = callback.replace(PUBLIC, base()).replace("/op/", "/other/");
        let request = agent().get(elsewhere).header("cookie", cookie);
        Reply::of("GET elsewhere".to_owned(), request).await.page(400, "no-flow");

        browser.get(&callback).await.is(303);
        // Nor twice at its own, also for whoever has kept the cookie.
        let request =
            agent().get(callback.replace(PUBLIC, base())).header("cookie", format!("usher-flow-op={flow}"));
        Reply::of("GET again".to_owned(), request).await.page(400, "no-flow");
    });
}

/// Of OpenID Connect 4.
#[test]
fn a_sign_in_under_way_is_good_for_ten_minutes() {
    run(async {
        let made_up = MadeUp::fresh().await;
        made_up.doors.user("alice").await;
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let (_serving, server) = start(Arc::new(new_app_at(4, clock.clone())));
        let (soon, late) = (Browser::at(&server), Browser::at(&server));
        let then = clock.now().timestamp() + 590;
        let said = json!({"preferred_username": "alice", "iat": then, "exp": then + 120});
        let too_late = made_up.callback(&late, "op", "a", &said).await;
        let in_time = made_up.callback(&soon, "op", "a", &said).await;

        clock.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1));
        soon.get(&in_time).await.is(303);
        clock.advance(TimeDelta::seconds(1));

        late.get(&too_late).await.page(400, "no-flow");
    });
}

/// 3: the address is the browser's, and what it says of itself is nothing.
#[test]
fn a_connection_lets_people_in_from_its_networks_and_says_so_to_the_others() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let doors = &made_up.doors;
        doors.user("alice").await;
        let inside = Browser::new();
        made_up.sign_in(&inside, "op", "a", &named("alice")).await.is(303);
        let change = async |networks: &[&str]| {
            doors.api.change("/connections/op", json!({"allowedNetworks": networks})).await
        };

        let set = change(&["198.51.100.0/24", "2001:db8::/32"]).await.is(200).json();

        assert_eq!(set["allowedNetworks"], json!(["198.51.100.0/24", "2001:db8::/32"]));
        let outside = Browser::new();
        let callback = made_up.callback(&outside, "op", "a", &named("alice")).await;
        let cookie = format!("usher-flow-op={}", outside.flow(&callback, "op").unwrap());
        let request = agent().get(callback.replace(PUBLIC, base())).header("cookie", cookie);
        let page =
            Reply::of("GET callback".to_owned(), request.header("x-forwarded-for", "198.51.100.7")).await;
        page.page(403, "other-network");
        session_at(base(), &inside.session().unwrap()).await.is(200);
        let trail = doors.api.get("/audit-events?count=5").await.is(200).json();
        assert_eq!(trail["events"][0]["after"]["code"], "other-network", "{trail}");
        change(&["127.0.0.0/8"]).await.is(200);
        made_up.sign_in(&Browser::new(), "op", "a", &named("alice")).await.is(303);
        for wrong in ["somewhere", "10.0.0.0/33", ""] {
            change(&[wrong]).await.problem(400, "invalid");
        }
        change(&["10.0.0.0/8"; 101]).await.problem(400, "invalid");
        change(&[]).await.is(200);
        let trail = doors.audit(&made_up.connection.to_string()).await;
        assert_eq!(trail.iter().filter(|event| event["action"] == "connection.update").count(), 3);
    });
}

/// 4: at each of these doors; the buckets are of this server alone.
#[test]
fn whoever_asks_too_often_is_told_to_wait_before_anything_is_verified() {
    run(async {
        for path in ["/login", "/oidc/a/b/callback", "/saml/a/b/acs", "/passkey/a"] {
            let (_serving, server) = start_limited(Arc::new(new_app(1)), (1, 1_000_000));
            let ask = async || agent().get(format!("{server}{path}")).send().await.unwrap();
            let mut refused = None;
            for _ in 0..100 {
                let reply = ask().await;
                if reply.status() == 429 {
                    refused = Some(reply);
                    break;
                }
            }
            let refused = refused.unwrap_or_else(|| panic!("{path} has no limit"));
            assert!(refused.headers().contains_key("retry-after"), "{path}");
        }
    });
}

/// 4: whatever address it comes from.
#[test]
fn the_answers_at_one_connection_have_a_rate_of_their_own() {
    run(async {
        let (_serving, server) = start_limited(Arc::new(new_app(1)), (1_000_000, 25));
        let ask = async |path: &str| agent().get(format!("{server}{path}")).send().await.unwrap().status();
        let often = async || {
            let mut refused = false;
            for _ in 0..200 {
                refused |= ask("/oidc/acme/op/callback").await == 429;
            }
            refused
        };

        let (one, two, three, four) = tokio::join!(often(), often(), often(), often());

        assert!(one || two || three || four);
        assert_eq!(ask("/oidc/acme/other/callback").await, 400);
        assert_ne!(ask("/login/acme/op").await, 429, "setting out is no answer");
    });
}

// ---- whom it means ----

/// 66: the same name at another provider is another person.
#[test]
fn a_subject_is_one_connections() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let alice = made_up.doors.user("alice").await;
        connect_as(&made_up.doors, "two", &made_up.issuer, ("gateway", Some("s"))).await;
        made_up.sign_in(&Browser::new(), "op", "a", &named("alice")).await.is(303);

        made_up.sign_in(&Browser::new(), "two", "a", &named("nobody")).await.page(403, "not-provisioned");

        let browser = Browser::new();
        made_up.sign_in(&browser, "op", "a", &named("nobody")).await.is(303);
        let body = session_at(base(), &browser.session().unwrap()).await.is(200).json();
        assert_eq!(body["user"]["id"], json!(alice));
    });
}

/// 67: the administrator reads where the name was looked for, and can mend it.
#[test]
fn whose_proof_lacks_the_claim_that_names_people_is_refused_with_its_name() {
    run(async {
        let made_up = MadeUp::fresh().await;

        made_up.sign_in(&Browser::new(), "op", "a", &json!({})).await.page(403, "not-provisioned");

        let refused = events(&made_up.doors, "login.refuse").await;
        let detail = text(&refused[0]["detail"]);
        assert!(detail.starts_with("the ID token has no \"preferred_username\""), "{detail}");
        assert!(detail.contains("the rule userinfo"), "{detail}");
    });
}

/// 68 and 72: people whom no directory manages are the way back in, and no provider speaks for them.
#[test]
fn a_connection_never_means_somebody_of_another_directory_or_of_none() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let local = made_up.doors.api.post("/users", json!({"userName": "root"})).await.is(201).id();

        let browser = Browser::new();
        made_up.sign_in(&browser, "op", "r", &named("root")).await.page(403, "not-provisioned");

        assert!(browser.session().is_none());
        let open = made_up.doors.api.get(&format!("/users/{local}/sessions")).await.is(200).json();
        assert_eq!(open["items"], json!([]));
    });
}

/// 67: the connection finds people by another name, and makes them with this one.
#[test]
fn a_newcomers_name_is_an_address_of_a_verified_domain_or_none() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let body = json!({
            "slug": "by-id", "name": "x", "issuer": made_up.issuer, "clientId": "gateway", "clientSecret": "s",
            "linkClaim": "sub", "linkTo": "externalId", "returnTo": "https://app.example",
        });
        made_up.doors.api.post("/connections", body).await.is(201);
        made_up.doors.api.change("/connections/by-id", json!({"justInTime": "on"})).await.is(200);

        let refused =
            made_up.sign_in(&Browser::new(), "by-id", "17", &named("chief@elsewhere.example")).await;
        refused.page(403, "domain-not-verified");
        made_up.sign_in(&Browser::new(), "by-id", "18", &named("nora")).await.is(303);

        let people = made_up.doors.api.get("/users").await.is(200).json();
        let names: Vec<&Value> =
            people["items"].as_array().unwrap().iter().map(|it| &it["userName"]).collect();
        assert_eq!(names, ["nora"]);
    });
}

/// 71: groups are the directory's to give. What a provider says of them is shown in a trial and read nowhere else.
#[test]
fn groups_in_a_proof_give_and_take_nothing() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let doors = &made_up.doors;
        doors.rule(1, json!({"group": "chiefs"}), json!({"flags": {"flags": ["admin_flag"]}})).await;
        let department = json!({"attribute": {"path": format!("{ENTERPRISE}:department")}});
        doors.rule(2, department, json!({"home": {"template": "{value}"}})).await;
        let person = async |name: &str| {
            doors.person(json!({"userName": name, ENTERPRISE: {"department": "Top"}})).await
        };
        let (alice, chief) = (person("alice").await, person("chief").await);
        doors.group("chiefs", &[&chief]).await;
        let before = [doors.access(&alice).await, doors.access(&chief).await];

        let said = |name: &str, groups: Value| json!({"preferred_username": name, "groups": groups});
        made_up.sign_in(&Browser::new(), "op", "a", &said("alice", json!(["chiefs"]))).await.is(303);
        made_up.sign_in(&Browser::new(), "op", "c", &said("chief", json!([]))).await.is(303);

        assert_eq!([doors.access(&alice).await, doors.access(&chief).await], before);
        assert_eq!(before[1]["roles"][0]["role"], "admin");
    });
}

// ---- what it opens ----

/// 75; of OpenID Connect 49.
#[test]
fn a_session_ends_with_the_providers_and_never_later_than_ours() {
    run(async {
        let made_up = MadeUp::fresh().await;
        made_up.doors.user("alice").await;
        let now = made_up.doors.tenant.app.now().timestamp();
        let lasts = async |ends: i64| {
            let mut claims = named("alice");
            claims["session_expiry"] = json!(ends);
            let reply = made_up.sign_in(&Browser::new(), "op", "a", &claims).await.is(303);
            let cookies: Vec<&str> =
                reply.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
            let session = cookies.iter().find(|cookie| cookie.starts_with(COOKIE)).unwrap();
            let age = session.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap();
            age.parse::<i64>().unwrap()
        };

        assert!((1..=600).contains(&lasts(now + 600).await));
        assert!((12 * 3_600 - 60..=12 * 3_600).contains(&lasts(now + 30 * 24 * 3_600).await));
    });
}

/// 75, of one that is open: the cookie may last, the session does not.
#[test]
fn a_session_is_over_when_the_providers_is() {
    run(async {
        let made_up = MadeUp::fresh().await;
        made_up.doors.user("alice").await;
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let (_serving, server) = start(Arc::new(new_app_at(4, clock.clone())));
        let browser = Browser::at(&server);
        let mut claims = named("alice");
        claims["session_expiry"] = json!(clock.now().timestamp() + 600);
        made_up.sign_in(&browser, "op", "a", &claims).await.is(303);
        let cookie = browser.session().unwrap();

        clock.advance(TimeDelta::seconds(590));
        session_at(&server, &cookie).await.is(200);
        clock.advance(TimeDelta::seconds(20));

        session_at(&server, &cookie).await.problem(401, "unauthenticated");
    });
}

/// 74: the answer is posted by the provider's page, so the session's cookie does not come along.
#[test]
fn signing_in_again_by_saml_ends_the_session_that_the_browser_set_out_with() {
    run(async {
        let doors = Doors::fresh().await;
        connect(&doors, &simplesaml().metadata_url(), json!({})).await;
        simplesaml().register(&doors.tenant.slug, &json!({})).await;
        doors.user("alice").await;
        let browser = Browser::new();
        browser.sign_in_by_saml(&doors.tenant.slug, "alice").await.is(303);
        let first = browser.session().unwrap();

        let answer = browser.until_answer(&doors.tenant.slug, "alice").await;
        browser.forget();
        browser.submit(answer).await.is(303);

        session_at(base(), &first).await.problem(401, "unauthenticated");
        session_at(base(), &browser.session().unwrap()).await.is(200);
    });
}

// ---- what it leaves behind ----

async fn events(doors: &Doors, action: &str) -> Vec<Value> {
    let trail = doors.api.get("/audit-events?count=50").await.is(200).json();
    let all = trail["events"].as_array().unwrap().iter();
    all.filter(|event| event["action"] == action).map(|event| event["after"].clone()).collect()
}

/// 76.
#[test]
fn the_audit_trail_says_by_which_messages_and_under_which_certificate_somebody_came_in() {
    run(async {
        let doors = Doors::fresh().await;
        let view = connect(&doors, &simplesaml().metadata_url(), json!({})).await;
        simplesaml().register(&doors.tenant.slug, &json!({})).await;
        let slug = &doors.tenant.slug;
        Browser::new().sign_in_by_saml(slug, "alice").await.page(403, "not-provisioned");
        let alice = doors.user("alice").await;

        Browser::new().sign_in_by_saml(slug, "alice").await.is(303);

        let refused = events(&doors, "login.refuse").await;
        assert_eq!(refused[0]["code"], "not-provisioned", "{refused:?}");
        let started = &events(&doors, "session.start").await[0];
        assert_eq!(started["user"], json!(alice));
        assert_eq!(started["certificate"], view["certificates"][0]["fingerprint"]);
        let messages: Vec<String> = started["messages"].as_array().unwrap().iter().map(text).collect();
        assert!(messages[0].starts_with("assertion:_") && messages[1].starts_with("response:_"), "{started}");
        assert!(started["tookSeconds"].is_u64(), "{started}");
    });
}

/// 76.
#[test]
fn sign_ins_are_counted_by_what_came_of_them() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let (_serving, server) = start(Arc::new(new_app(2)));
        made_up.sign_in(&Browser::at(&server), "op", "a", &named("alice")).await.page(403, "not-provisioned");
        made_up.doors.user("alice").await;
        made_up.sign_in(&Browser::at(&server), "op", "a", &named("alice")).await.is(303);
        made_up.sign_in(&Browser::at(&server), "op", "a", &named("alice")).await.is(303);

        let metrics = Client { base: server, token: None }.get("/metrics").await.is(200).text;

        for (outcome, count) in [("not-provisioned", 1), ("signed-in", 2)] {
            let line = format!(r#"usher_sign_ins_total{{protocol="openid",outcome="{outcome}"}} {count}"#);
            assert!(metrics.contains(&line), "{line} is not in {metrics}");
        }
    });
}

/// 77: with everything logged that ever is.
#[test]
fn what_is_proven_at_a_sign_in_stands_in_no_log() {
    run(async {
        let log = tempfile::NamedTempFile::new().unwrap();
        let replica = Replica::that_logs(log.reopen().unwrap());
        let made_up = MadeUp::fresh().await;
        let slug = &made_up.doors.tenant.slug;
        connect(&made_up.doors, &simplesaml().metadata_url(), json!({})).await;
        simplesaml().register(slug, &json!({})).await;
        let said = json!({
            "preferred_username": "quirin.hollander", "name": "Quirin Hollander", "email": "quirin@acme.example"
        });
        let mut secrets =
            ["quirin", "Quirin", "subject-17", "a-code", "alice", "eyJ"].map(str::to_owned).to_vec();
        let mut sign_in = async |status: u16| {
            let browser = Browser::at(&replica.base);
            let callback = made_up.callback(&browser, "op", "subject-17", &said).await;
            secrets.push(callback.split("state=").nth(1).unwrap().to_owned());
            browser.get(&callback).await.is(status);
            let browser = Browser::at(&replica.base);
            let answer = browser.until_answer(slug, "alice").await;
            for (_, value) in &answer.fields {
                secrets.push(value.chars().take(40).collect());
            }
            browser.submit(answer).await.is(status);
            secrets.extend(browser.session());
        };

        sign_in(403).await;
        made_up.doors.user("quirin.hollander").await;
        made_up.doors.user("alice").await;
        sign_in(303).await;

        let logged = std::fs::read_to_string(log.path()).unwrap();
        assert!(logged.contains("/saml/{tenant}/{connection}/acs"), "{logged}");
        assert!(logged.contains("not-provisioned") || logged.contains("not provisioned"), "{logged}");
        for secret in secrets {
            assert!(!logged.contains(&secret), "{secret} stands in the log: {logged}");
        }
    });
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Text)]
    row: String,
}

/// Of OpenID Connect 47 and 48: what a provider gives besides is not kept, and its name for a session is kept as a hash.
#[test]
fn a_refresh_token_of_the_provider_is_not_kept_and_its_name_for_the_session_as_a_hash() {
    run(async {
        let made_up = MadeUp::fresh().await;
        made_up.doors.user("alice").await;
        let mut claims = named("alice");
        claims["sid"] = json!("sid-of-the-provider");
        made_up.sign_in(&Browser::new(), "op", "a", &claims).await.is(303);

        let mut connection = AsyncPgConnection::establish(&urls().app).await.unwrap();
        let tenant = made_up.doors.tenant.admin.scope().tenant();
        connection.batch_execute(&format!("SET app.tenant_id = '{tenant}'")).await.unwrap();
        let ask = "SELECT to_jsonb(s)::text AS row FROM session s";
        let kept: Vec<Row> = diesel::sql_query(ask).load(&mut connection).await.unwrap();

        let [Row { row }] = kept.as_slice() else { panic!("one session, not {}", kept.len()) };
        let session: Value = serde_json::from_str(row).unwrap();
        assert!(session["provider_session_hash"].is_string(), "{session}");
        for secret in ["\"rt\"", "\"at\"", "sid-of-the-provider"] {
            assert!(!row.contains(secret), "{secret} is kept: {session}");
        }
    });
}
