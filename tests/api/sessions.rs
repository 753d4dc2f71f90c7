//! Sessions as administrators see them: listed, ended, and as short-lived as the tenant says.

use chrono::TimeDelta;
use domain::id::{ConnectionId, SessionId, UserId};
use domain::token::{PlainToken, TokenKind};
use serde_json::{Value, json};
use usher::system::SystemEntropy;

use super::login::Replica;
use crate::support::http::{Doors, PUBLIC, base, db, session_at, text};
use crate::support::people::Tenant;
use crate::support::provider::{Browser, provider};
use crate::support::run;

async fn listed(doors: &Doors, user: &str) -> Vec<Value> {
    let page = doors.api.get(&format!("/users/{user}/sessions")).await.is(200).json();
    page["items"].as_array().unwrap().clone()
}

/// A session that began so long ago and was not used since: the value of its cookie.
async fn begun(doors: &Doors, user: &str, connection: ConnectionId, ago: TimeDelta) -> String {
    let scope = doors.tenant.admin.scope();
    let began = doors.tenant.app.now() - ago;
    let token = PlainToken::mint(TokenKind::Session, Some(scope.tenant()), &SystemEntropy);
    let new = store::sessions::NewSession {
        id: SessionId::generate(began, &SystemEntropy),
        user: user.parse::<UserId>().unwrap(),
        connection: Some(connection),
        token: token.hash(),
        provider_session: None,
        provider_name: None,
        proven: store::sessions::Proven::default(),
        logout_hint_sealed: None,
        expires_at: began + TimeDelta::hours(10),
    };
    let mut tx = db().begin(scope).await.unwrap();
    store::sessions::open(&mut tx, &new, began).await.unwrap();
    tx.commit_trace_of_use().await.unwrap();
    token.expose().to_owned()
}

/// Check 74, as far as administrators see it.
#[test]
fn sessions_are_listed_and_ended_one_by_one_or_all_at_once() {
    run(async {
        let doors = Doors::fresh().await;
        let connection = doors.connection("op", "https://idp.example").await;
        let (alice, bob) = (doors.user("alice").await, doors.user("bob").await);
        let mut cookies = Vec::new();
        for _ in 0..3 {
            cookies.push(doors.session(&alice, connection).await);
        }
        let other = doors.session(&bob, connection).await;

        let sessions = listed(&doors, &alice).await;

        assert_eq!(sessions.len(), 3);
        assert_eq!(sessions[0]["connection"], "op");
        for time in ["createdAt", "lastSeenAt", "expiresAt"] {
            assert!(sessions[0][time].is_string(), "{time}");
        }
        let one = |user: &str, session: &Value| format!("/users/{user}/sessions/{}", text(&session["id"]));
        doors.api.delete(&one(&bob, &sessions[0])).await.problem(404, "not_found");
        doors.api.delete(&one(&alice, &sessions[0])).await.is(204);
        doors.api.delete(&one(&alice, &sessions[0])).await.problem(404, "not_found");
        let mut open = 0;
        for cookie in &cookies {
            open += usize::from(session_at(base(), cookie).await.status == 200);
        }
        assert_eq!(open, 2);
        doors.api.delete(&format!("/users/{alice}/sessions")).await.is(204);
        for cookie in &cookies {
            session_at(base(), cookie).await.problem(401, "unauthenticated");
        }
        session_at(base(), &other).await.is(200);
        assert!(listed(&doors, &alice).await.is_empty());
        doors.api.delete(&format!("/users/{alice}/sessions")).await.is(204);
        let elsewhere = Doors::fresh().await;
        elsewhere.api.get(&format!("/users/{alice}/sessions")).await.problem(404, "not_found");
        elsewhere.api.delete(&format!("/users/{bob}/sessions")).await.problem(404, "not_found");
        session_at(base(), &other).await.is(200);
    });
}

/// Check 65: the person is active all the time, and was signed out while they were at their provider.
#[test]
fn whoever_is_signed_out_of_everything_is_signed_out_of_what_is_under_way() {
    run(async {
        let provider = provider();
        let doors = Doors::of(Tenant::named(&provider.slug()).await).await;
        doors.connection("op", &provider.issuer).await;
        let alice = doors.user("alice").await;
        let browser = Browser::new();
        let callback = browser.until_callback(&doors.tenant.slug, "alice").await;

        doors.api.delete(&format!("/users/{alice}/sessions")).await.is(204);

        browser.get(&callback).await.page(400, "signed-out");
        assert!(listed(&doors, &alice).await.is_empty());
    });
}

/// Check 75.
#[test]
fn sessions_live_as_long_as_the_tenant_says_and_those_that_are_open_too() {
    run(async {
        let doors = Doors::fresh().await;
        let connection = doors.connection("op", "https://idp.example").await;
        let alice = doors.user("alice").await;
        let cookie = begun(&doors, &alice, connection, TimeDelta::minutes(10)).await;
        let young = doors.session(&alice, connection).await;
        let says = async |policy: Value| {
            let said = doors.api.put("/session-policy", policy.clone()).await.is(200).json();
            assert_eq!(said, policy);
            assert_eq!(doors.api.get("/session-policy").await.is(200).json(), policy);
        };
        let is_open = async |cookie: &str| session_at(base(), cookie).await.status == 200;

        says(json!({"idleMinutes": null, "absoluteMinutes": 9})).await;
        assert!(!is_open(&cookie).await && is_open(&young).await);
        assert_eq!(listed(&doors, &alice).await.len(), 1);
        says(json!({"idleMinutes": 9, "absoluteMinutes": null})).await;
        assert!(!is_open(&cookie).await && is_open(&young).await);
        says(json!({"idleMinutes": 11, "absoluteMinutes": 11})).await;
        assert!(is_open(&cookie).await && is_open(&young).await);

        for refused in
            [json!({"idleMinutes": 0}), json!({"absoluteMinutes": -5}), json!({"idleMinutes": 600_000})]
        {
            doors.api.put("/session-policy", refused).await.problem(400, "invalid");
        }
    });
}

#[test]
fn at_the_command_line_a_connection_is_paused_and_tried_out_and_somebody_is_signed_out() {
    run(async {
        let replica = Replica::serve();
        let provider = provider();
        let doors = Doors::of(Tenant::named(&provider.slug()).await).await;
        doors.connection("op", &provider.issuer).await;
        let alice = doors.user("alice").await;
        let slug = &doors.tenant.slug;
        let (one, two) = (Browser::new(), Browser::new());
        one.sign_in(slug, "alice").await.is(303);
        two.sign_in(slug, "alice").await.is(303);
        let list = || replica.say(&format!("session list --tenant {slug} --user alice"));

        let sessions = list();
        assert_eq!(sessions.as_array().unwrap().len(), 2, "{sessions}");
        let oldest = text(&sessions[1]["id"]);
        replica.say(&format!("session end --tenant {slug} --user {alice} {oldest}"));
        session_at(base(), &one.session().unwrap()).await.problem(401, "unauthenticated");
        session_at(base(), &two.session().unwrap()).await.is(200);
        replica.say(&format!("session end --tenant {slug} --user alice --all"));
        assert_eq!(list(), json!([]));

        let set = format!("connection set --tenant {slug} op --state paused --just-in-time verifiedDomain");
        let set = replica.say(&format!("{set} --allow-network 127.0.0.1 --domain acme.example"));
        assert_eq!((&set["state"], &set["justInTime"]), (&json!("paused"), &json!("verifiedDomain")));
        assert_eq!(
            (&set["allowedNetworks"], &set["domains"]),
            (&json!(["127.0.0.1/32"]), &json!(["acme.example"]))
        );
        Browser::new().get(&format!("{PUBLIC}/login/{slug}/op")).await.page(403, "paused");
        let open = replica.say(&format!("connection set --tenant {slug} op --any-network"));
        assert_eq!((&open["allowedNetworks"], &open["state"]), (&json!([]), &json!("paused")));

        let trial = replica.say(&format!("trial begin --tenant {slug} op"));
        let browser = Browser::new();
        let callback = browser.until_callback_from(&text(&trial["address"]), slug, "alice").await;
        browser.get(&callback).await.page(200, "The trial is over");
        let shown = replica.say(&format!("trial show --tenant {slug} op {}", text(&trial["id"])));
        assert_eq!((&shown["passed"], &shown["checks"][0]["verdict"]), (&json!(true), &json!("passed")));
    });
}
