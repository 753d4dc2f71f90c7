//! Streams of security event tokens (OpenID Shared Signals 1.0): set up by their receivers, pushed (RFC 8935) and polled
//! (RFC 8936), verified by another implementation with the keys that are published.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::clock::{Clock as _, FixedClock};
use serde_json::{Value, json};
use usher::system::SystemClock;

use crate::support::http::{Client, Doors, PUBLIC, text};
use crate::support::receiver::{Receiver, courier, python, within_a_second};
use crate::support::{new_app_at, run};

const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const CLAIMS: &str = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
const UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
const CREATE: &str = "urn:ietf:params:scim:event:prov:create:notice";
const PUT: &str = "urn:ietf:params:scim:event:prov:put:notice";
const DEACTIVATE: &str = "urn:ietf:params:scim:event:prov:deactivate";

/// The door of a stream's receiver, and the id of the receiver.
async fn stream(doors: &Doors) -> (Client, String) {
    courier();
    let new = json!({"kind": "stream", "name": "App", "audience": "https://app.example"});
    let created = doors.api.post("/receivers", new).await.is(201).json();
    assert_eq!(created["configuration"], format!("{PUBLIC}/.well-known/ssf-configuration"));
    (Client::at("/ssf").with(created["secret"].as_str().unwrap()), text(&created["id"]))
}

/// One that polls for these events.
async fn polled(doors: &Doors, events: &[&str]) -> (Client, String) {
    let (ssf, id) = stream(doors).await;
    ssf.post("/stream", json!({"events_requested": events})).await.is(201);
    (ssf, id)
}

/// One that these events are pushed to.
pub(super) async fn pushed(doors: &Doors, receiver: &Receiver, events: &[&str]) -> (Client, String) {
    let (ssf, id) = stream(doors).await;
    let delivery = json!({
        "method": "urn:ietf:rfc:8935", "endpoint_url": receiver.address, "authorization_header": "Bearer of-the-app",
    });
    ssf.post("/stream", json!({"events_requested": events, "delivery": delivery})).await.is(201);
    (ssf, id)
}

/// Header and claims of a token, once another implementation has verified it with the published keys.
async fn verified(token: &str) -> Value {
    let configuration = Client::at("/.well-known").get("/ssf-configuration").await.is(200).json();
    assert_eq!((&configuration["issuer"], &configuration["spec_version"]), (&json!(PUBLIC), &json!("1_0")));
    let jwks = configuration["jwks_uri"].as_str().unwrap().strip_prefix(PUBLIC).unwrap().to_owned();
    let keys = Client::at("").get(&jwks).await.is(200).text;
    serde_json::from_str(&python(&["token", &keys], token)).unwrap()
}

fn poll(body: &Value) -> Value {
    let mut poll = json!({"returnImmediately": true});
    poll.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    poll
}

/// Polls until something is there: the tokens, by their id.
async fn next(ssf: &Client, id: &str, body: Value) -> Vec<(String, String)> {
    let began = Instant::now();
    let mut body = poll(&body);
    loop {
        let got = ssf.post(&format!("/poll/{id}"), body.clone()).await.is(200).json();
        let sets = got["sets"].as_object().unwrap();
        if !sets.is_empty() {
            return sets.iter().map(|(jti, set)| (jti.clone(), text(set))).collect();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "nothing came");
        body = poll(&json!({}));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn event(token: &Value) -> String {
    let events = token["claims"]["events"].as_object().unwrap();
    assert_eq!(events.len(), 1, "one event in a token");
    events.keys().next().unwrap().clone()
}

#[test]
fn behaviour_74_a_deactivation_over_scim_is_pushed_as_a_revoked_session_within_a_second() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::answering(|_| (202, String::new()));
        pushed(&doors, &receiver, &[REVOKED, DEACTIVATE]).await;
        let mina = doors.user("mina").await;
        let connection = doors.connection("op", "https://idp.example").await;
        doors.session(&mina, connection).await;

        let began = Instant::now();
        doors.set_active(&mina, false).await;

        let got = receiver.until("three events", |got| got.len() == 3).await;
        within_a_second(got[0].at - began, async |name| {
            let person = doors.user(name).await;
            let (before, began) = (receiver.got().len(), Instant::now());
            doors.set_active(&person, false).await;
            let more = receiver.until("another event", |got| got.len() > before).await;
            receiver.until("both of it", |got| got.len() == before + 2).await;
            more[before].at - began
        })
        .await;
        assert_eq!(got[0].header("content-type"), "application/secevent+jwt");
        assert_eq!(got[0].header("authorization"), "Bearer of-the-app");
        let mut tokens = Vec::new();
        for got in &got {
            tokens.push(verified(&got.body).await);
        }
        assert_eq!(tokens.iter().map(event).collect::<Vec<_>>(), [REVOKED, REVOKED, DEACTIVATE]);
        let (one, all, scim) = (&tokens[0], &tokens[1], &tokens[2]);
        assert_eq!((&one["header"]["typ"], &one["header"]["alg"]), (&json!("secevent+jwt"), &json!("ES256")));
        assert_eq!(
            (&one["claims"]["iss"], &one["claims"]["aud"]),
            (&json!(PUBLIC), &json!("https://app.example"))
        );
        let person = json!({"format": "iss_sub", "iss": PUBLIC, "sub": mina});
        assert_eq!(one["claims"]["sub_id"]["user"], person);
        assert_eq!(one["claims"]["sub_id"]["session"]["format"], "opaque");
        assert_eq!(
            (&all["claims"]["sub_id"]["user"], &all["claims"]["sub_id"]["session"]),
            (&person, &Value::Null)
        );
        assert_eq!(scim["claims"]["sub_id"], json!({"format": "scim", "uri": format!("/Users/{mina}")}));
        let event = doors.audit(&mina).await.into_iter().find(|event| event["action"] == "user.deactivate");
        let request = &event.unwrap()["requestId"];
        assert!(tokens.iter().all(|token| token["claims"]["txn"] == *request), "{tokens:?}");
        assert!(
            tokens
                .iter()
                .all(|token| token["claims"].get("sub").is_none() && token["claims"].get("exp").is_none())
        );
        let ids: BTreeSet<&str> =
            tokens.iter().map(|token| token["claims"]["jti"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 3);
    });
}

#[test]
fn behaviour_104_scim_events_say_which_attributes_and_access_says_what_is_held() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::answering(|_| (202, String::new()));
        pushed(&doors, &receiver, &[CREATE, PUT, CLAIMS]).await;
        let mina = doors.person(json!({"userName": "mina", "title": "One"})).await;
        let operation = json!([{"op": "replace", "path": "title", "value": "Two"}]);
        doors.scim.patch(&format!("/Users/{mina}"), operation).await.is(200);

        let got = receiver.until("three events", |got| got.len() == 3).await;

        let mut said = Vec::new();
        for got in &got {
            let token = verified(&got.body).await;
            said.push((event(&token), token["claims"]["events"][event(&token)].clone()));
        }
        let find = |uri: &str| said.iter().find(|(event, _)| event == uri).unwrap().1.clone();
        let created: BTreeSet<String> =
            find(CREATE)["attributes"].as_array().unwrap().iter().map(text).collect();
        assert!(created.contains("userName") && created.contains("title"), "{created:?}");
        assert_eq!(find(PUT)["attributes"], json!(["title"]));
        assert!(find(CLAIMS)["claims"]["access"]["roles"].is_array(), "{said:?}");
        assert!(got.iter().all(|got| !got.body.contains("mina")), "no name leaves");
    });
}

#[test]
fn a_stream_is_set_up_changed_replaced_and_taken_down_by_its_receiver() {
    run(async {
        let doors = Doors::fresh().await;
        let (ssf, id) = stream(&doors).await;
        assert_eq!(ssf.get("/stream").await.is(200).json(), json!([]));
        ssf.get(&format!("/stream?stream_id={id}")).await.problem(404, "not_found");

        let wanted = json!({"events_requested": [REVOKED, "urn:of:another"], "description": "The app's"});
        let made = ssf.post("/stream", wanted).await.is(201).json();
        assert_eq!((&made["stream_id"], &made["iss"]), (&json!(id), &json!(PUBLIC)));
        assert_eq!(made["aud"], "https://app.example");
        assert_eq!(made["events_delivered"], json!([REVOKED]));
        assert_eq!(
            made["delivery"],
            json!({"method": "urn:ietf:rfc:8936", "endpoint_url": format!("{PUBLIC}/ssf/poll/{id}")})
        );
        assert_eq!(ssf.get("/stream").await.is(200).json(), json!([made]));
        assert_eq!(ssf.get(&format!("/stream?stream_id={id}")).await.is(200).json(), made);
        ssf.post("/stream", json!({})).await.problem(409, "conflict");

        let change = json!({"stream_id": id, "iss": PUBLIC, "events_requested": [CLAIMS]});
        let changed = ssf.send("PATCH", "/stream", |request| request.json(&change)).await.is(200).json();
        assert_eq!(
            (&changed["events_delivered"], &changed["description"]),
            (&json!([CLAIMS]), &json!("The app's"))
        );
        let push = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": "https://app.example/events"});
        let whole = json!({"stream_id": id, "events_requested": [REVOKED], "delivery": push});
        let replaced = ssf.put("/stream", whole).await.is(200).json();
        assert_eq!((&replaced["delivery"], &replaced["description"]), (&push, &Value::Null));

        for wrong in [
            json!({"stream_id": id, "iss": "https://other.example"}),
            json!({"stream_id": id, "events_delivered": [CLAIMS]}),
            json!({"events_requested": [CLAIMS]}),
            json!({"stream_id": id, "delivery": {"method": "urn:ietf:rfc:8935"}}),
            json!({"stream_id": id, "delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://10.0.0.1/"}}),
            json!({"stream_id": id, "delivery": {"method": "carrier-pigeon"}}),
        ] {
            ssf.send("PATCH", "/stream", |request| request.json(&wrong)).await.problem(400, "invalid");
        }
        ssf.delete("/stream").await.problem(400, "invalid_parameter");
        ssf.delete("/stream?stream_id=x").await.problem(404, "not_found");
        ssf.delete(&format!("/stream?stream_id={id}")).await.is(204);
        assert_eq!(ssf.get("/stream").await.is(200).json(), json!([]));
        ssf.post("/stream", json!({})).await.is(201);
        let events = doors.audit(&id).await;
        assert!(events.iter().any(|event| event["actor"]["kind"] == "receiver"), "{events:?}");
    });
}

#[test]
fn polled_tokens_come_until_they_are_acknowledged_and_in_the_order_of_each_person() {
    run(async {
        let doors = Doors::fresh().await;
        let (ssf, id) = polled(&doors, &[CREATE, PUT]).await;
        let mina = doors.user("mina").await;
        for title in ["One", "Two"] {
            let operation = json!([{"op": "replace", "path": "title", "value": title}]);
            doors.scim.patch(&format!("/Users/{mina}"), operation).await.is(200);
        }

        let first = next(&ssf, &id, json!({})).await;
        let again = next(&ssf, &id, json!({})).await;
        assert_eq!(first.len(), 1, "one of each person");
        assert_eq!(event(&verified(&first[0].1).await), CREATE);
        assert_eq!(first[0].0, again[0].0, "until it is acknowledged");

        let second = next(&ssf, &id, json!({"ack": [first[0].0]})).await;
        assert_eq!(event(&verified(&second[0].1).await), PUT);
        let third = next(&ssf, &id, json!({"ack": [second[0].0, "nonsense", uuid::Uuid::nil()]})).await;
        assert_ne!(second[0].0, third[0].0);
        let path = format!("/poll/{id}");
        let none = ssf.post(&path, poll(&json!({"ack": [third[0].0]}))).await.is(200).json();
        assert_eq!(none, json!({"sets": {}}));
        let log = doors.api.get(&format!("/receivers/{id}/deliveries?state=done")).await.is(200).json();
        assert_eq!(log["items"].as_array().unwrap().len(), 3);
    });
}

#[test]
fn a_poll_says_whether_there_is_more_and_one_that_only_acknowledges_gets_nothing() {
    run(async {
        let doors = Doors::fresh().await;
        let (ssf, id) = polled(&doors, &[CREATE]).await;
        for n in 0..3 {
            doors.user(&format!("person-{n}")).await;
        }
        let began = Instant::now();
        while doors.api.get(&format!("/receivers/{id}")).await.is(200).json()["pending"] != 3 {
            assert!(began.elapsed() < Duration::from_secs(20), "all three wait");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let path = format!("/poll/{id}");

        let two = ssf.post(&path, poll(&json!({"maxEvents": 2}))).await.is(200).json();
        assert_eq!(two["sets"].as_object().unwrap().len(), 2);
        assert_eq!(two["moreAvailable"], true);
        let ids: Vec<&String> = two["sets"].as_object().unwrap().keys().collect();
        let none = ssf.post(&path, json!({"maxEvents": 0, "ack": ids})).await.is(200).json();
        assert_eq!(none["sets"], json!({}));
        let last = ssf.post(&path, poll(&json!({}))).await.is(200).json();
        assert_eq!(last["sets"].as_object().unwrap().len(), 1);
        assert_eq!(last.get("moreAvailable"), None);
        ssf.post(&path, json!({"maxEvents": -1})).await.problem(400, "invalid");
        ssf.post("/poll/x", json!({})).await.problem(404, "not_found");
    });
}

#[test]
fn a_poll_that_finds_nothing_waits_for_something() {
    run(async {
        let doors = Doors::fresh().await;
        let (ssf, id) = polled(&doors, &[CREATE]).await;
        let path = format!("/poll/{id}");
        let waiting = ssf.post(&path, json!({}));
        let coming = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            doors.user("mina").await
        };

        let (got, _) = tokio::join!(waiting, coming);

        assert_eq!(got.is(200).json()["sets"].as_object().unwrap().len(), 1);
    });
}

#[test]
fn a_token_that_is_refused_is_a_dead_letter_and_the_next_one_comes() {
    run(async {
        let doors = Doors::fresh().await;
        let (ssf, id) = polled(&doors, &[CREATE, DEACTIVATE]).await;
        let mina = doors.user("mina").await;
        doors.set_active(&mina, false).await;
        let first = next(&ssf, &id, json!({})).await;

        let errors = json!({&first[0].0: {"err": "authentication_failed", "description": "not\nours"}});
        let second = next(&ssf, &id, json!({"setErrs": errors})).await;

        assert_eq!(event(&verified(&second[0].1).await), DEACTIVATE);
        let dead = doors.api.get(&format!("/receivers/{id}/deliveries?state=dead")).await.is(200).json();
        assert_eq!(dead["items"][0]["outcome"], "The receiver refused it: authentication_failed not ours");
        doors.api.post(&format!("/receivers/{id}/replay"), json!({})).await.is(200);
        let back = next(&ssf, &id, json!({})).await;
        assert_eq!(back[0].0, first[0].0, "in its old place, under its id");
    });
}

#[test]
fn a_verification_brings_its_state_back_and_can_be_asked_for_now_and_then() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::answering(|_| (202, String::new()));
        let (ssf, id) = pushed(&doors, &receiver, &[REVOKED]).await;

        ssf.post("/verify", json!({"stream_id": id, "state": "VGhpcyBpcyBhbiBleGFtcGxl"})).await.is(204);

        let got = receiver.until("the verification", |got| !got.is_empty()).await;
        let token = verified(&got[0].body).await;
        assert_eq!(event(&token), VERIFICATION);
        assert_eq!(token["claims"]["events"][VERIFICATION], json!({"state": "VGhpcyBpcyBhbiBleGFtcGxl"}));
        assert_eq!(token["claims"]["sub_id"], json!({"format": "opaque", "id": id}));
        let soon = ssf.post("/verify", json!({"stream_id": id})).await.problem(429, "too_many_requests");
        assert!(!soon.header("retry-after").is_empty());
        ssf.post("/verify", json!({"stream_id": "x"})).await.problem(404, "not_found");
    });
}

#[test]
fn a_stream_that_is_paused_by_its_receiver_holds_and_one_paused_by_us_is_told() {
    run(async {
        let doors = Doors::fresh().await;
        let (ssf, id) = polled(&doors, &[CREATE]).await;
        let pause = json!({"stream_id": id, "status": "paused", "reason": "Maintenance"});
        assert_eq!(ssf.post("/status", pause.clone()).await.is(200).json(), pause);
        assert_eq!(ssf.get(&format!("/status?stream_id={id}")).await.is(200).json(), pause);
        doors.user("mina").await;
        let path = format!("/poll/{id}");
        let began = Instant::now();
        while doors.api.get(&format!("/receivers/{id}")).await.is(200).json()["pending"] != 1 {
            assert!(began.elapsed() < Duration::from_secs(20), "it waits");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(ssf.post(&path, poll(&json!({}))).await.is(200).json(), json!({"sets": {}}));
        ssf.post("/status", json!({"stream_id": id, "status": "enabled"})).await.is(200);
        assert_eq!(next(&ssf, &id, json!({})).await.len(), 1);

        let body = json!({"status": "disabled", "reason": "By an administrator"});
        doors.api.send("PATCH", &format!("/receivers/{id}"), |request| request.json(&body)).await.is(200);

        let told = next(&ssf, &id, json!({})).await;
        let token = verified(&told[0].1).await;
        assert_eq!(event(&token), UPDATED);
        assert_eq!(token["claims"]["events"][UPDATED], body);
        let none = ssf.post(&path, poll(&json!({"ack": [told[0].0]}))).await.is(200).json();
        assert_eq!(none, json!({"sets": {}}), "what waited is given up");
        ssf.post("/status", json!({"stream_id": id, "status": "sleepy"})).await.is(400);
    });
}

#[test]
fn a_token_that_was_replaced_opens_its_stream_until_its_hour_and_a_deleted_one_nothing() {
    run(async {
        let doors = Doors::fresh().await;
        let (old, id) = polled(&doors, &[CREATE]).await;
        let rotate = format!("/receivers/{id}/rotate");

        let new = doors.api.post(&rotate, json!({"overlapHours": 1})).await.is(201).json();
        let new = old.with(new["secret"].as_str().unwrap());
        old.get("/stream").await.is(200);
        new.get("/stream").await.is(200);
        doors.api.post(&rotate, json!({"overlapHours": 0})).await.is(201);
        old.get("/stream").await.problem(401, "unauthenticated");
        new.get("/stream").await.problem(401, "unauthenticated");
        doors.api.get("/receivers").await.is(200);
        doors.api.with(new.token.as_deref().unwrap()).get("/receivers").await.problem(401, "unauthenticated");
    });
}

#[test]
fn keys_change_every_month_without_a_restart_and_are_published_before_and_after() {
    run(async {
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let app = new_app_at(2, Arc::<FixedClock>::clone(&clock));
        let kids = |app: &app::App| -> Vec<String> {
            let keys = app.published_set_keys().unwrap();
            keys["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"])).collect()
        };
        let month = |n: i32| -> DateTime<Utc> { SystemClock.now() + chrono::Duration::days(30) * n };
        let now = kids(&app);
        assert_eq!((now.len(), now.iter().collect::<BTreeSet<_>>().len()), (3, 3), "now, the next, the last");

        clock.set(month(1));
        let then = kids(&app);
        assert_eq!(then[0], now[1], "what signs now was published before");
        assert_eq!(then[2], now[0], "what signed before is still published");
        assert!(!now.contains(&then[1]));
        let published = app.published_set_keys().unwrap().to_string();
        assert!(!published.contains("\"d\""), "no private half");
    });
}
