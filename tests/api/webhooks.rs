//! Webhooks: who follows a tenant is sent every fact, signed, in the order of each person, until they have it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use serde_json::{Value, json};

use crate::support::http::{Client, Doors, operator_token, text};
use crate::support::receiver::{Got, Receiver, courier, python, within_a_second};
use crate::support::{new_app, run, runtime, urls};

/// A webhook of this tenant; its id and secret.
pub(super) async fn webhook(doors: &Doors, address: &str, events: &[&str]) -> (String, String) {
    courier();
    let new = json!({"kind": "webhook", "name": "Product", "address": address, "events": events});
    let created = doors.api.post("/receivers", new).await.is(201).json();
    (text(&created["id"]), text(&created["secret"]))
}

async fn log(doors: &Doors, receiver: &str, state: &str) -> Vec<Value> {
    let path = format!("/receivers/{receiver}/deliveries?count=200&state={state}");
    doors.api.get(&path).await.is(200).json()["items"].as_array().unwrap().clone()
}

/// Waits until so many deliveries are in this state.
async fn until_logged(doors: &Doors, receiver: &str, state: &str, many: usize) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let found = log(doors, receiver, state).await;
        if found.len() == many {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{state}: {found:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many of the signatures hold with this secret, by another implementation.
fn holds(got: &Got, secret: &str) -> String {
    let header = |name| got.header(name).to_owned();
    let (id, at, signed) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    python(&["webhook", secret, &id, &at, &signed], &got.body)
}

fn of(got: &[Got], user: &str) -> Vec<String> {
    got.iter().filter(|got| got.user() == user).map(Got::kind).collect()
}

async fn set_title(doors: &Doors, user: &str, title: &str) {
    let operation = json!([{"op": "replace", "path": "title", "value": title}]);
    doors.scim.patch(&format!("/Users/{user}"), operation).await.is(200);
}

fn title_changes(got: &[Got], user: &str) -> usize {
    of(got, user).iter().filter(|kind| *kind == "user.updated").count()
}

#[test]
fn behaviour_104_a_fact_arrives_signed_within_a_second_and_says_who_and_by_which_request() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::start();
        let (_, secret) = webhook(&doors, &receiver.address, &[]).await;
        let mina = doors.user("mina").await;
        receiver.until("she came", |got| of(got, &mina).contains(&"user.provisioned".to_owned())).await;

        let began = Instant::now();
        doors.set_active(&mina, false).await;
        let got =
            receiver.until("she left", |got| of(got, &mina).contains(&"user.deactivated".to_owned())).await;

        let left = got.iter().find(|got| got.kind() == "user.deactivated").unwrap();
        within_a_second(left.at - began, async |name| {
            let person = doors.user(name).await;
            let began = Instant::now();
            doors.set_active(&person, false).await;
            let is_it =
                |got: &Got| of(std::slice::from_ref(got), &person).contains(&"user.deactivated".to_owned());
            let got = receiver.until("they left", |got| got.iter().any(is_it)).await;
            got.iter().find(|got| is_it(got)).unwrap().at - began
        })
        .await;
        assert_eq!(holds(left, &secret), "1");
        assert_eq!(holds(left, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "0");
        assert_eq!(left.header("content-type"), "application/json");
        let tenant = doors.tenant.admin.scope().tenant().to_string();
        assert_eq!(left.json()["data"]["tenant"], tenant);
        let event = doors.audit(&mina).await.into_iter().find(|event| event["action"] == "user.deactivate");
        assert_eq!(left.json()["data"]["request"], event.unwrap()["requestId"]);
        assert!(got.iter().all(|got| !got.body.contains("\"mina\"")), "no name leaves");
    });
}

#[test]
fn only_the_facts_that_were_asked_for_are_sent_and_an_update_says_of_which_attributes() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::start();
        webhook(&doors, &receiver.address, &["user.updated"]).await;
        let mina = doors.user("mina").await;

        set_title(&doors, &mina, "One").await;

        let got = receiver.until("the change", |got| !got.is_empty()).await;
        assert_eq!(of(&got, &mina), ["user.updated"]);
        assert_eq!(got[0].json()["data"]["attributes"], json!(["title"]));
    });
}

#[test]
fn while_a_secret_is_replaced_both_hold_and_afterwards_only_the_new_one() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::start();
        let (id, old) = webhook(&doors, &receiver.address, &["user.provisioned"]).await;
        let rotate = format!("/receivers/{id}/rotate");

        let new = text(&doors.api.post(&rotate, json!({})).await.is(201).json()["secret"]);
        doors.user("mina").await;
        let got = receiver.until("the first", |got| got.len() == 1).await;
        assert_eq!((holds(&got[0], &old), holds(&got[0], &new)), ("1".to_owned(), "1".to_owned()));

        let newest = doors.api.post(&rotate, json!({"overlapHours": 0})).await.is(201).json();
        doors.user("ken").await;
        let got = receiver.until("the second", |got| got.len() == 2).await;
        assert_eq!(
            (holds(&got[1], &new), holds(&got[1], &text(&newest["secret"]))),
            ("0".to_owned(), "1".to_owned())
        );
        let shown = doors.api.get("/receivers").await.is(200).text;
        assert!(!shown.contains(&new) && !shown.contains(newest["secret"].as_str().unwrap()), "{shown}");
    });
}

#[test]
fn a_person_whose_delivery_fails_waits_and_nobody_else_does() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::start();
        webhook(&doors, &receiver.address, &["user.updated", "user.deactivated"]).await;
        let (mina, ken) = (doors.user("mina").await, doors.user("ken").await);
        let refused = mina.clone();
        receiver
            .answer(move |got| (if got.user() == refused { 500 } else { 204 }, "not this one".to_owned()));

        for n in 0..3 {
            set_title(&doors, &mina, &format!("{n}")).await;
            set_title(&doors, &ken, &format!("{n}")).await;
        }
        doors.set_active(&mina, false).await;
        let got = receiver.until("all of ken's", |got| title_changes(got, &ken) == 3).await;
        let tried: BTreeSet<String> = got
            .iter()
            .filter(|got| got.user() == mina)
            .map(|got| got.header("webhook-id").to_owned())
            .collect();
        assert_eq!(tried.len(), 1, "of mina's only the first is tried");
        let before = got.len();
        receiver.answer(|_| (204, String::new()));

        let got = receiver.until("hers", |got| of(got, &mina).contains(&"user.deactivated".to_owned())).await;
        let after: Vec<String> = of(&got[before..], &mina);
        let mut expected = vec!["user.updated"; 3];
        expected.push("user.deactivated");
        assert_eq!(distinct(&got[before..], &mina), expected, "in their order: {after:?}");
    });
}

/// The facts of a person in the order in which they first came.
fn distinct(got: &[Got], user: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let of_user = got.iter().filter(|got| got.user() == user);
    of_user.filter(|got| seen.insert(got.header("webhook-id").to_owned())).map(Got::kind).collect()
}

/// It is an hour longer that a receiver is away, and it is tried once more meanwhile.
async fn an_hour_passes(doors: &Doors, id: &str) {
    let tenant = doors.tenant.admin.scope().tenant();
    let shift = format!(
        "BEGIN; SET LOCAL app.tenant_id = '{tenant}'; UPDATE receiver SET failing_since = failing_since - interval '1 hour' \
         WHERE id = '{id}'; COMMIT"
    );
    let mut connection = AsyncPgConnection::establish(&urls().app).await.unwrap();
    connection.batch_execute(&shift).await.unwrap();
    let tried = |one: Value| one["lastAt"].as_str().map(str::to_owned);
    let attempts = async || log(doors, id, "pending").await.into_iter().filter_map(tried).max();
    let (before, began) = (attempts().await, Instant::now());
    while attempts().await == before {
        assert!(began.elapsed() < Duration::from_secs(20), "it is tried again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_receiver_that_was_away_gets_everything_in_order_once_it_is_back() {
    run(async {
        let doors = Doors::fresh().await;
        let place = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = place.local_addr().unwrap();
        drop(place);
        let (id, _) =
            webhook(&doors, &format!("http://{address}/hook"), &["user.provisioned", "user.updated"]).await;
        let mut people = Vec::new();
        for name in ["mina", "ken", "yuna"] {
            people.push(doors.user(name).await);
        }
        for n in 0..4 {
            for user in &people {
                set_title(&doors, user, &format!("{n}")).await;
            }
        }
        let began = Instant::now();
        while doors.api.get(&format!("/receivers/{id}")).await.is(200).json()["failingSince"].is_null() {
            assert!(began.elapsed() < Duration::from_secs(20), "it is known to be away");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        an_hour_passes(&doors, &id).await;
        assert!(log(&doors, &id, "dead").await.is_empty());

        let receiver = Receiver::on(TcpListener::bind(address).unwrap(), |_| (204, String::new()));

        let got = receiver.until("all of it", |got| got.len() >= 15).await;
        for user in &people {
            let expected =
                ["user.provisioned", "user.updated", "user.updated", "user.updated", "user.updated"];
            assert_eq!(distinct(&got, user), expected);
        }
        let shown = doors.api.get(&format!("/receivers/{id}")).await.is(200).json();
        until_logged(&doors, &id, "done", 15).await;
        assert_eq!(shown["status"], "enabled");
    });
}

#[test]
fn what_is_refused_too_often_is_a_dead_letter_with_the_answer_and_can_be_sent_again() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::answering(|got| {
            let echoed = got.header("webhook-signature").to_owned();
            (422, format!("what is {echoed}?"))
        });
        let (id, _) = webhook(&doors, &receiver.address, &["user.provisioned"]).await;
        doors.user("mina").await;

        let dead = until_logged(&doors, &id, "dead", 1).await;
        assert_eq!(dead[0]["attempts"], 5);
        assert_eq!((&dead[0]["status"], &dead[0]["outcome"]), (&json!(422), &json!("Answered 422.")));
        assert_eq!(dead[0]["excerpt"], "what is ***?");
        assert!(dead[0]["milliseconds"].is_number());
        let ids: BTreeSet<String> =
            receiver.got().iter().map(|got| got.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), 1, "the same id each time");
        receiver.answer(|_| (200, "thanks".to_owned()));

        let again = doors.api.post(&format!("/receivers/{id}/replay"), json!({})).await.is(200).json();

        assert_eq!(again["deliveries"], 1);
        let done = until_logged(&doors, &id, "done", 1).await;
        assert_eq!((&done[0]["excerpt"], &done[0]["id"]), (&json!("thanks"), &dead[0]["id"]));
        assert_eq!(done[0]["id"].as_str(), ids.first().map(String::as_str));
        let replays = doors.audit(&id).await;
        assert!(replays.iter().any(|event| event["action"] == "receiver.replay"), "{replays:?}");
    });
}

#[test]
fn the_facts_of_a_time_are_sent_again_under_their_ids() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::start();
        let (id, _) = webhook(&doors, &receiver.address, &["user.provisioned"]).await;
        doors.user("mina").await;
        doors.user("ken").await;
        let first = receiver.until("both", |got| got.len() == 2).await;
        until_logged(&doors, &id, "done", 2).await;

        let which = json!({"from": "2020-01-01T00:00:00Z"});
        let again = doors.api.post(&format!("/receivers/{id}/replay"), which).await.is(200).json();

        assert_eq!(again["deliveries"], 2);
        let all = receiver.until("both again", |got| got.len() == 4).await;
        let ids =
            |got: &[Got]| got.iter().map(|got| got.header("webhook-id").to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(ids(&first), ids(&all[2..]));
        let which = json!({"to": "2020-01-01T00:00:00Z"});
        doors.api.post(&format!("/receivers/{id}/replay"), which).await.problem(400, "invalid");
    });
}

#[test]
fn one_that_is_paused_gets_it_later_and_one_that_is_disabled_or_gone_does_not() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::start();
        let (id, _) = webhook(&doors, &receiver.address, &["user.provisioned"]).await;
        let path = format!("/receivers/{id}");
        let set = async |status: &str| {
            let body = json!({"status": status});
            doors.api.send("PATCH", &path, |request| request.json(&body)).await.is(200);
        };

        set("paused").await;
        let mina = doors.user("mina").await;
        until_logged(&doors, &id, "pending", 1).await;
        assert!(receiver.got().is_empty());
        set("enabled").await;
        receiver.until("what waited", |got| of(got, &mina) == ["user.provisioned"]).await;

        set("disabled").await;
        doors.user("ken").await;
        set("enabled").await;
        receiver.answer(|_| (410, String::new()));
        let yuna = doors.user("yuna").await;
        receiver.until("the last", |got| of(got, &yuna) == ["user.provisioned"]).await;
        assert_eq!(receiver.got().len(), 2, "nothing of ken");
        let began = Instant::now();
        while doors.api.get(&path).await.is(200).json()["status"] != "disabled" {
            assert!(began.elapsed() < Duration::from_secs(20), "who is gone is disabled");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let said = doors.audit(&id).await.pop().unwrap();
        assert_eq!((&said["action"], &said["actor"]["kind"]), (&json!("receiver.update"), &json!("job")));
    });
}

#[test]
fn a_test_reaches_one_receiver_whatever_it_asked_for() {
    run(async {
        let doors = Doors::fresh().await;
        let (one, other) = (Receiver::start(), Receiver::start());
        let (id, _) = webhook(&doors, &one.address, &["seat.granted"]).await;
        webhook(&doors, &other.address, &[]).await;

        doors.api.post(&format!("/receivers/{id}/test"), json!({})).await.is(204);

        let got = one.until("the test", |got| !got.is_empty()).await;
        assert_eq!(got[0].kind(), "receiver.test");
        until_logged(&doors, &id, "done", 1).await;
        assert!(other.got().is_empty());
    });
}

#[test]
fn an_address_inside_is_refused_and_so_is_plain_http() {
    run(async {
        let doors = Doors::fresh().await;
        for address in
            ["http://app.example/hook", "https://10.0.0.1/hook", "https://169.254.169.254/", "ftp://x", "x"]
        {
            let new = json!({"kind": "webhook", "name": "Product", "address": address});
            doors.api.post("/receivers", new).await.problem(400, "invalid");
        }
        let new = json!({"kind": "webhook", "name": "Product", "address": "https://app.example/hook", "events": ["x"]});
        doors.api.post("/receivers", new).await.problem(400, "invalid");
        assert_eq!(doors.api.get("/receivers").await.is(200).json()["items"], json!([]));
    });
}

#[test]
fn nobody_is_redirected_elsewhere() {
    run(async {
        let doors = Doors::fresh().await;
        let elsewhere = Receiver::start();
        let receiver = Receiver::answering(|_| (307, String::new()));
        let (id, _) = webhook(&doors, &receiver.address, &["user.provisioned"]).await;

        doors.user("mina").await;

        let dead = until_logged(&doors, &id, "dead", 1).await;
        assert_eq!(dead[0]["outcome"], "No answer: the server answered with a redirect (307).");
        assert!(elsewhere.got().is_empty());
    });
}

/// Who is shut out can only be let in next, so in any other order two of a kind would follow each other.
#[test]
fn however_the_changes_of_a_person_race_they_arrive_in_the_order_in_which_they_happened() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::start();
        let (id, _) = webhook(&doors, &receiver.address, &["user.deactivated", "user.reactivated"]).await;
        let mina = doors.user("mina").await;

        for _ in 0..6 {
            futures_util::future::join_all((0..8).map(|n| doors.set_active(&mina, n % 2 == 0))).await;
        }

        let began = Instant::now();
        while doors.api.get(&format!("/receivers/{id}")).await.is(200).json()["pending"] != 0 {
            assert!(began.elapsed() < Duration::from_secs(20), "all of it arrives");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let written = doors.audit(&mina).await;
        let changes = |action: &str| events_of(&written, action);
        let came =
            receiver.until("all", |got| got.len() >= changes("user.deactivate") + changes("user.reactivate"));
        let came = distinct(&came.await, &mina);
        assert!(came.len() > 4, "they did race: {came:?}");
        assert!(came.windows(2).all(|pair| pair[0] != pair[1]), "{came:?}");
        let active = doors.scim.get(&format!("/Users/{mina}")).await.is(200).json()["active"] == true;
        assert_eq!(came.last().map(String::as_str) == Some("user.reactivated"), active);
    });
}

fn events_of(events: &[Value], action: &str) -> usize {
    events.iter().filter(|event| event["action"] == action).count()
}

/// Several processes on one database share the work.
#[test]
fn of_two_processes_only_one_sends_each_fact() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::answering(|_| {
            std::thread::sleep(Duration::from_millis(5));
            (204, String::new())
        });
        let (id, _) = webhook(&doors, &receiver.address, &["user.provisioned"]).await;
        let others: Vec<_> = (0..2).map(|_| runtime().spawn(Arc::new(new_app(8)).send_signals())).collect();

        for n in 0..40 {
            doors.user(&format!("person-{n}")).await;
        }

        receiver.until("all", |got| got.len() >= 40).await;
        until_logged(&doors, &id, "done", 40).await;
        others.iter().for_each(tokio::task::JoinHandle::abort);
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for got in receiver.got() {
            *times.entry(got.header("webhook-id").to_owned()).or_default() += 1;
        }
        assert_eq!(times.len(), 40);
        assert!(times.values().all(|times| *times == 1), "{times:?}");
    });
}

/// What a command wrote, or a process that died, nobody rang for.
#[test]
fn what_nobody_rang_for_is_found_and_sent() {
    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::start();
        webhook(&doors, &receiver.address, &["domain.verified", "user.provisioned"]).await;
        let elsewhere = new_app(2);

        let person = crate::support::people::person("mina");
        let strict = scim::dialect::Dialect::strict();
        elsewhere.create_user(&doors.tenant.directory, person, &strict).await.unwrap();

        receiver.until("her", |got| !got.is_empty()).await;
    });
}

#[test]
fn what_was_kept_long_enough_is_forgotten_unless_somebody_waits_for_it() {
    use domain::clock::{Clock as _, FixedClock};

    run(async {
        let doors = Doors::fresh().await;
        let receiver = Receiver::start();
        let (done, _) = webhook(&doors, &receiver.address, &["user.provisioned"]).await;
        let (waiting, _) = webhook(&doors, &receiver.address, &["user.updated"]).await;
        let paused = json!({"status": "paused"});
        doors
            .api
            .send("PATCH", &format!("/receivers/{waiting}"), |request| request.json(&paused))
            .await
            .is(200);
        let mina = doors.user("mina").await;
        set_title(&doors, &mina, "One").await;
        until_logged(&doors, &done, "done", 1).await;
        until_logged(&doors, &waiting, "pending", 1).await;

        let later = usher::system::SystemClock.now() + chrono::Duration::days(8);
        let then = crate::support::new_app_at(2, Arc::new(FixedClock::at(later)));
        let tenant = doors.tenant.admin.scope().tenant(); // the others' tests want to keep theirs
        assert!(then.forget_signals_of(tenant).await.unwrap() > 0);

        assert!(log(&doors, &done, "done").await.is_empty());
        assert_eq!(log(&doors, &waiting, "pending").await.len(), 1);
    });
}

#[test]
fn a_receiver_of_another_tenant_is_not_there() {
    run(async {
        let (mine, other) = (Doors::fresh().await, Doors::fresh().await);
        let receiver = Receiver::start();
        let (id, _) = webhook(&other, &receiver.address, &[]).await;
        let operator =
            Client::at(&format!("/api/v1/tenants/{}", mine.tenant.slug)).with(&operator_token().await);

        for door in [&mine.api, &operator] {
            door.get(&format!("/receivers/{id}")).await.problem(404, "not_found");
            door.post(&format!("/receivers/{id}/replay"), json!({})).await.problem(404, "not_found");
            door.delete(&format!("/receivers/{id}")).await.problem(404, "not_found");
        }
        let own = Receiver::start();
        webhook(&mine, &own.address, &[]).await;
        mine.user("mina").await;
        own.until("its own", |got| !got.is_empty()).await;
        assert!(receiver.got().is_empty(), "a fact of one tenant reaches nobody of another");
        other.api.delete(&format!("/receivers/{id}")).await.is(204);
    });
}
