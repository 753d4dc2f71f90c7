//! Protected local administrators: they sign in by a passkey whatever the identity providers do, and a tenant that signs in
//! through chosen connections only has one.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::clock::{Clock as _, FixedClock};
use domain::token::PlainToken;
use serde_json::{Value, json};
use usher::system::SystemClock;

use crate::support::http::{Doors, PUBLIC, Reply, agent, base, enforce_untried, session_at, text};
use crate::support::passkey::{Authenticator, Named};
use crate::support::people::Tenant;
use crate::support::provider::{Browser, provider};
use crate::support::receiver::{Got, Receiver, courier};
use crate::support::run;

/// What the browser is told is the same whatever was wrong.
fn is_not_accepted(reply: Reply) {
    let page = reply.page(403, "not-accepted");
    assert!(page.text.contains("Nobody was signed in and nothing was registered."), "{}", page.text);
}

/// Why somebody was refused last, by the audit trail of this target.
async fn reason(doors: &Doors, target: &str) -> String {
    let refused = doors.audit(target).await.pop().unwrap();
    assert_eq!((&refused["action"], &refused["after"]["by"]), (&json!("login.refuse"), &json!("passkey")));
    text(&refused["after"]["detail"])
}

fn tenant(doors: &Doors) -> String {
    doors.tenant.admin.scope().tenant().to_string()
}

#[test]
fn a_local_person_registers_a_passkey_by_a_link_and_signs_in_by_it() {
    run(async {
        let (doors, named) = (Doors::fresh().await, Named::get());
        let slug = &doors.tenant.slug;
        doors.connection("op", "https://idp.example").await;
        let (hana, mut device) = named.protected(&doors, "hana").await;
        let browser = Browser::at(&named.server);

        let page = browser.get(&named.page(slug, "?return_to=/inbox")).await.is(200);
        let answer = device.proves(&page);
        let signed_in = browser.fill_in(&named.page(slug, ""), &[("answer", answer.as_str())]).await.is(303);

        assert_eq!(signed_in.header("location"), "https://app.example/inbox");
        let cookie = browser.session().unwrap();
        assert_eq!(session_at(base(), &cookie).await.is(200).json()["user"]["id"], hana);
        let token = PlainToken::parse(&cookie).unwrap();
        let live = named.app.resolve_session(&token, named.app.request_id()).await.unwrap().unwrap();
        assert_eq!(live.proven.amr, ["pop", "user", "mfa"]);
        assert!(live.proven.at.is_some_and(|at| at >= live.began_at - TimeDelta::seconds(1)));
        let sessions = doors.api.get(&format!("/users/{hana}/sessions")).await.is(200).json();
        assert_eq!(sessions["items"][0]["connection"], Value::Null);
        let passkeys = doors.api.get(&format!("/users/{hana}/passkeys")).await.is(200).json();
        assert_eq!(passkeys["items"][0]["name"], "Blue key");
        assert!(passkeys["items"][0]["lastUsedAt"].is_string(), "{passkeys}");
        let alarm = doors.audit(&hana).await.pop().unwrap();
        assert_eq!(
            (&alarm["action"], &alarm["after"]["passkey"]),
            (&json!("login.protected"), &passkeys["items"][0]["id"])
        );
    });
}

#[test]
fn each_use_of_the_way_back_is_announced() {
    run(async {
        let (doors, named) = (Doors::fresh().await, Named::get());
        courier();
        let product = Receiver::start();
        let events = ["passkey.registered", "login.protected", "passkey.removed"];
        let new = json!({"kind": "webhook", "name": "Product", "address": product.address, "events": events});
        doors.api.post("/receivers", new).await.is(201);

        let (hana, mut device) = named.protected(&doors, "hana").await;
        named.sign_in(&Browser::at(&named.server), &doors.tenant.slug, &mut device).await.is(303);
        let passkey = only_passkey(&doors, &hana).await;
        doors.api.delete(&format!("/users/{hana}/passkeys/{passkey}")).await.is(204);

        let got = product.until("all three", |got| got.len() == 3).await;
        assert_eq!(got.iter().map(Got::kind).collect::<Vec<_>>(), events);
    });
}

async fn only_passkey(doors: &Doors, person: &str) -> String {
    text(&doors.api.get(&format!("/users/{person}/passkeys")).await.is(200).json()["items"][0]["id"])
}

#[test]
fn a_link_registers_one_passkey_while_it_is_good_and_in_its_own_tenant() {
    run(async {
        let (doors, other, named) = (Doors::fresh().await, Doors::fresh().await, Named::get());
        let slug = &doors.tenant.slug;
        let hana = doors.api.post("/users", json!({"userName": "hana"})).await.is(201).id();
        let open = |slug: &str, secret: &str| {
            let (browser, page) = (Browser::at(&named.server), named.page(slug, "/register"));
            let secret = secret.to_owned();
            async move { browser.fill_in(&page, &[("invitation", secret.as_str())]).await }
        };

        let secret = named.invite(&doors, &hana).await;
        is_not_accepted(open(&other.tenant.slug, &secret).await);
        is_not_accepted(open(slug, &doors.tenant.scim_token).await);
        open(slug, &secret).await.is(200);
        named.register(&Browser::at(&named.server), slug, &secret).await.1.is(200);
        is_not_accepted(open(slug, &secret).await);

        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let aged = Named::at(clock.clone());
        let secret = aged.invite(&doors, &hana).await;
        clock.advance(TimeDelta::minutes(16));
        let late = Browser::at(&aged.server);
        is_not_accepted(
            late.fill_in(&aged.page(slug, "/register"), &[("invitation", secret.as_str())]).await,
        );
    });
}

/// Two browsers open the same link; who answers second is too late.
#[test]
fn a_link_that_two_browsers_opened_registers_for_the_first() {
    run(async {
        let (doors, named) = (Doors::fresh().await, Named::get());
        let slug = &doors.tenant.slug;
        let hana = doors.api.post("/users", json!({"userName": "hana"})).await.is(201).id();
        let secret = named.invite(&doors, &hana).await;
        let mine = Browser::at(&named.server);
        let page =
            mine.fill_in(&named.page(slug, "/register"), &[("invitation", secret.as_str())]).await.is(200);
        named.register(&Browser::at(&named.server), slug, &secret).await.1.is(200);

        let answer = Authenticator::at(&named.server).registers(&page);
        let fields = [("answer", answer.as_str()), ("name", "Mine")];
        is_not_accepted(mine.fill_in(&named.page(slug, "/registered"), &fields).await);

        let passkeys = doors.api.get(&format!("/users/{hana}/passkeys")).await.is(200).json();
        assert_eq!(passkeys["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn an_answer_counts_once_in_its_own_browser_and_soon() {
    run(async {
        let doors = Doors::fresh().await;
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let named = Named::at(clock.clone());
        let slug = &doors.tenant.slug;
        let (_, mut device) = named.protected(&doors, "hana").await;
        let (mine, theirs) = (Browser::at(&named.server), Browser::at(&named.server));
        let there = named.page(slug, "");

        let page = mine.get(&there).await.is(200);
        let answer = device.proves(&page);
        is_not_accepted(theirs.fill_in(&there, &[("answer", answer.as_str())]).await);
        mine.fill_in(&there, &[("answer", answer.as_str())]).await.is(303);
        is_not_accepted(mine.fill_in(&there, &[("answer", answer.as_str())]).await);

        let page = mine.get(&there).await.is(200);
        clock.advance(TimeDelta::minutes(6));
        is_not_accepted(mine.fill_in(&there, &[("answer", device.proves(&page).as_str())]).await);
        let page = mine.get(&there).await.is(200);
        theirs.get(&there).await.is(200);
        is_not_accepted(theirs.fill_in(&there, &[("answer", device.proves(&page).as_str())]).await);
    });
}

/// Whoever was asked nothing could fill the trail, and whoever only looks at the page the database.
#[test]
fn a_browser_that_was_asked_nothing_leaves_no_trace() {
    run(async {
        let (doors, other, named) = (Doors::fresh().await, Doors::fresh().await, Named::get());
        let slug = &doors.tenant.slug;
        let (_, mut device) = named.protected(&doors, "hana").await;
        let (there, events) = (named.page(slug, ""), doors.audit(&tenant(&doors)).await.len());
        let browser = Browser::at(&named.server);
        let page = browser.get(&there).await.is(200);
        let answer = device.proves(&page);
        browser.fill_in(&there, &[("answer", answer.as_str())]).await.is(303);

        is_not_accepted(Browser::at(&named.server).fill_in(&there, &[("answer", "{}")]).await);
        is_not_accepted(browser.fill_in(&there, &[("answer", answer.as_str())]).await);
        let link = [("invitation", doors.tenant.scim_token.as_str())];
        is_not_accepted(browser.fill_in(&named.page(slug, "/register"), &link).await);
        is_not_accepted(asked_elsewhere(named, &other.tenant.slug, &there).await);
        assert_eq!(doors.audit(&tenant(&doors)).await.len(), events);

        browser.get(&there).await.is(200);
        is_not_accepted(browser.fill_in(&there, &[("answer", "{}")]).await);
        assert_eq!(reason(&doors, &tenant(&doors)).await, "the answer cannot be read");
    });
}

/// What another tenant asked a browser is shown to this page.
async fn asked_elsewhere(named: &Named, other: &str, there: &str) -> Reply {
    let asked = Browser::at(&named.server).get(&named.page(other, "")).await.is(200);
    let cookie = asked.header("set-cookie").split(';').next().unwrap().to_owned();
    let request = agent().post(there).header("cookie", cookie).form(&[("answer", "{}")]);
    Reply::of(format!("POST {there}"), request).await
}

#[test]
fn a_copy_of_a_passkey_is_refused_and_only_the_audit_trail_says_why() {
    run(async {
        let (doors, named) = (Doors::fresh().await, Named::get());
        let (hana, mut device) = named.protected(&doors, "hana").await;
        let browser = Browser::at(&named.server);
        named.sign_in(&browser, &doors.tenant.slug, &mut device).await.is(303);

        device.counter = 0;
        is_not_accepted(named.sign_in(&browser, &doors.tenant.slug, &mut device).await);

        assert!(reason(&doors, &hana).await.contains("counter has not moved on"));
    });
}

#[test]
fn who_was_shut_out_or_whose_passkey_was_removed_is_out_and_does_not_come_in() {
    run(async {
        let (doors, named) = (Doors::fresh().await, Named::get());
        let slug = &doors.tenant.slug;
        let (hana, mut device) = named.protected(&doors, "hana").await;
        let set_active = |active: bool| {
            let path = format!("/users/{hana}");
            let doors = &doors;
            async move { doors.api.change(&path, json!({"active": active})).await.is(200) }
        };
        let browser = Browser::at(&named.server);
        named.sign_in(&browser, slug, &mut device).await.is(303);

        set_active(false).await;
        session_at(base(), &browser.session().unwrap()).await.problem(401, "unauthenticated");
        is_not_accepted(named.sign_in(&browser, slug, &mut device).await);
        assert_eq!(reason(&doors, &tenant(&doors)).await, "the person is not active");

        set_active(true).await;
        named.sign_in(&browser, slug, &mut device).await.is(303);
        let passkey = only_passkey(&doors, &hana).await;
        doors.api.delete(&format!("/users/{hana}/passkeys/{passkey}")).await.is(204);
        session_at(base(), &browser.session().unwrap()).await.problem(401, "unauthenticated");
        is_not_accepted(named.sign_in(&browser, slug, &mut device).await);
        assert_eq!(reason(&doors, &hana).await, "the passkey is not registered for this person");
        doors.api.delete(&format!("/users/{hana}/passkeys/{passkey}")).await.problem(404, "not_found");
    });
}

/// What was asked before somebody was signed out of everything opens nothing.
#[test]
fn an_answer_to_an_earlier_question_does_not_outlive_the_end_of_all_sessions() {
    run(async {
        let (doors, named) = (Doors::fresh().await, Named::get());
        let (hana, mut device) = named.protected(&doors, "hana").await;
        let (browser, there) = (Browser::at(&named.server), named.page(&doors.tenant.slug, ""));
        let page = browser.get(&there).await.is(200);

        doors.api.delete(&format!("/users/{hana}/sessions")).await.is(204);

        is_not_accepted(browser.fill_in(&there, &[("answer", device.proves(&page).as_str())]).await);
        named.sign_in(&browser, &doors.tenant.slug, &mut device).await.is(303);
    });
}

#[test]
fn a_session_by_a_passkey_is_as_short_as_the_tenant_says_and_replaces_the_earlier_one() {
    run(async {
        let (doors, named) = (Doors::fresh().await, Named::get());
        let slug = &doors.tenant.slug;
        let (hana, mut device) = named.protected(&doors, "hana").await;
        let browser = Browser::at(&named.server);
        named.sign_in(&browser, slug, &mut device).await.is(303);
        let first = browser.session().unwrap();
        doors.api.put("/session-policy", json!({"idleMinutes": 5, "absoluteMinutes": 60})).await.is(200);

        let again = named.sign_in(&browser, slug, &mut device).await.is(303);

        let max_age = again.header("set-cookie").split("Max-Age=").nth(1).unwrap();
        assert!((3_500..=3_600).contains(&max_age.parse::<u32>().unwrap()), "{max_age}");
        session_at(base(), &first).await.problem(401, "unauthenticated");
        let sessions = doors.api.get(&format!("/users/{hana}/sessions")).await.is(200).json();
        assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
        browser.sign_out().await;
    });
}

#[test]
fn only_local_people_who_are_active_have_passkeys_and_only_under_a_host_name() {
    run(async {
        let (doors, named) = (Doors::fresh().await, Named::get());
        let (admin, slug) = (&doors.tenant.admin, &doors.tenant.slug);
        let managed = doors.user("managed").await;
        let out = json!({"userName": "out", "active": false});
        let out = doors.api.post("/users", out).await.is(201).id();
        let hana = doors.api.post("/users", json!({"userName": "hana"})).await.is(201).id();

        for (person, why) in [(managed, "managed by the directory"), (out, "not active")] {
            let refused = named.app.invite_passkey(admin, slug, person.parse().unwrap()).await.unwrap_err();
            assert!(refused.to_string().contains(why), "{refused}");
        }
        // This server's public address is an IP address.
        let path = format!("/users/{hana}/passkey-invitations");
        doors.api.post(&path, json!({})).await.problem(409, "conflict");
    });
}

#[test]
fn a_passkey_is_renamed() {
    run(async {
        let (doors, named) = (Doors::fresh().await, Named::get());
        let (hana, _) = named.protected(&doors, "hana").await;
        let there = format!("/users/{hana}/passkeys/{}", only_passkey(&doors, &hana).await);

        let renamed = doors.api.change(&there, json!({"name": "In the safe"})).await.is(200).json();

        assert_eq!(renamed["name"], "In the safe");
        doors.api.change(&there, json!({"name": ""})).await.problem(400, "invalid");
    });
}

// ---- signing in through chosen connections only ----

/// A tenant with the connections `op`, at the provider, and `other`.
async fn tenant_with_connections() -> Doors {
    let doors = Doors::of(Tenant::named(&provider().slug()).await).await;
    doors.connection("op", &provider().issuer).await;
    doors.connection("other", &provider().issuer).await;
    doors.user("alice").await;
    doors
}

async fn passes_a_trial(doors: &Doors) {
    let trial = doors.api.post("/connections/op/trials", json!({})).await.is(201).json();
    let browser = Browser::new();
    let slug = &doors.tenant.slug;
    let callback = browser.until_callback_from(&text(&trial["address"]), slug, "alice").await;
    browser.get(&callback).await.page(200, "The trial is over");
}

async fn enforce(doors: &Doors, connections: &[&str]) -> Reply {
    doors.api.put("/enforced-sign-in", json!({"connections": connections})).await
}

#[test]
fn signing_in_is_enforced_after_a_trial_and_with_a_way_back_only() {
    run(async {
        let (doors, named) = (tenant_with_connections().await, Named::get());
        let refused = async |why: &str| {
            let reply = enforce(&doors, &["op"]).await.problem(409, "conflict");
            assert!(reply.text.contains(why), "{}", reply.text);
        };

        refused("has to be tried out first").await;
        passes_a_trial(&doors).await;
        refused("nobody could come in").await;
        let (hana, _) = named.protected(&doors, "hana").await;
        doors.api.change("/connections/op", json!({"highestRole": null, "justInTime": "on"})).await.is(200);
        refused("no trial of its present settings").await;
        passes_a_trial(&doors).await;
        enforce(&doors, &["op", "nobody"]).await.problem(400, "invalid");

        let view = enforce(&doors, &["op"]).await.is(200).json();
        assert_eq!((&view["connections"], &view["tested"]), (&json!(["op"]), &json!(["op"])));
        assert_eq!(
            (&view["protected"][0]["user"], &view["protected"][0]["canSignIn"]),
            (&json!(hana), &json!(true))
        );
        assert_eq!(doors.api.get("/connections/op").await.is(200).json()["enforced"], true);
        let decided = doors.audit(&tenant(&doors)).await.pop().unwrap();
        assert_eq!(
            (&decided["action"], &decided["after"]["connections"]),
            (&json!("login.enforce"), &json!(["op"]))
        );
    });
}

#[test]
fn who_is_enforced_comes_in_through_the_chosen_connections_and_no_other() {
    run(async {
        let (doors, named) = (tenant_with_connections().await, Named::get());
        let slug = &doors.tenant.slug;
        let (_, mut device) = named.protected(&doors, "hana").await;
        passes_a_trial(&doors).await;
        let under_way = Browser::new();
        let callback = under_way.until_callback(slug, "alice").await;
        enforce(&doors, &["op"]).await.is(200);

        let door = |connection: &str| format!("{PUBLIC}/login/{slug}/{connection}");
        Browser::new().get(&door("other")).await.page(403, "not-enforced");
        let chosen = Browser::new().get(&format!("{PUBLIC}/login/{slug}")).await.is(303);
        assert_eq!(chosen.header("location"), format!("/login/{slug}/op"));
        under_way.get(&callback).await.is(303);
        Browser::new().sign_in(slug, "alice").await.is(303);
        named.sign_in(&Browser::at(&named.server), slug, &mut device).await.is(303);

        enforce(&doors, &[]).await.is(200);
        let choice = Browser::new().get(&format!("{PUBLIC}/login/{slug}")).await.is(200);
        assert!(choice.text.contains(&format!("/login/{slug}/other")), "{}", choice.text);
    });
}

/// A sign-in that began before is asked again when it comes back.
#[test]
fn a_sign_in_under_way_at_a_connection_that_is_not_chosen_is_refused_at_its_end() {
    run(async {
        let (doors, named) = (tenant_with_connections().await, Named::get());
        let slug = &doors.tenant.slug;
        named.protected(&doors, "hana").await;
        let browser = Browser::new();
        let callback = browser.until_callback(slug, "alice").await;
        enforce_untried(&doors, "other").await;

        browser.get(&callback).await.page(403, "not-enforced");

        assert_eq!(browser.session(), None);
    });
}

#[test]
fn the_last_way_back_stays_while_signing_in_is_enforced() {
    run(async {
        let (doors, named) = (tenant_with_connections().await, Named::get());
        let (hana, _) = named.protected(&doors, "hana").await;
        let passkey = only_passkey(&doors, &hana).await;
        let there = format!("/users/{hana}/passkeys/{passkey}");
        passes_a_trial(&doors).await;
        enforce(&doors, &["op"]).await.is(200);

        doors.api.delete(&there).await.problem(409, "conflict");
        doors.api.change(&format!("/users/{hana}"), json!({"active": false})).await.problem(409, "conflict");
        doors.api.delete(&format!("/users/{hana}")).await.problem(409, "conflict");
        assert_eq!(only_passkey(&doors, &hana).await, passkey);

        let (jun, _) = named.protected(&doors, "jun").await;
        doors.api.delete(&there).await.is(204);
        doors.api.delete(&format!("/users/{hana}")).await.is(204);
        doors.api.delete(&format!("/users/{jun}")).await.problem(409, "conflict");
        enforce(&doors, &[]).await.is(200);
        doors.api.delete(&format!("/users/{jun}")).await.is(204);
    });
}

#[test]
fn of_two_who_remove_the_last_two_at_once_one_is_refused() {
    run(async {
        let (doors, named) = (tenant_with_connections().await, Named::get());
        let (hana, _) = named.protected(&doors, "hana").await;
        passes_a_trial(&doors).await;
        enforce(&doors, &["op"]).await.is(200);
        let mut last = hana;
        for round in 0..8 {
            let (next, _) = named.protected(&doors, &format!("p{round}")).await;
            let one = format!("/users/{last}/passkeys/{}", only_passkey(&doors, &last).await);
            let path = format!("/users/{next}");

            let (removed, shut_out) =
                tokio::join!(doors.api.delete(&one), doors.api.change(&path, json!({"active": false})));

            let mut statuses = [removed.status, shut_out.status];
            statuses.sort_unstable();
            assert!(statuses == [200, 409] || statuses == [204, 409], "{statuses:?}");
            if removed.status == 409 {
                doors.api.change(&path, json!({"active": true})).await.is(200);
                doors.api.delete(&one).await.is(204);
            }
            last = next;
        }
    });
}
