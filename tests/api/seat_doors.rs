//! At the limit of seats, door by door: what the product says, what a tenant chose instead, and in which voice each door refuses.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::admission::doors_that_make_people;
use super::decisions::decide;
use super::grant_rules::{House, role};
use super::invitations::{Made, accept, follow};
use crate::support::http::{Doors, base, session_at, text};
use crate::support::passkey::{Authenticator, Named};
use crate::support::provider::Browser;
use crate::support::run;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

async fn set(doors: &Doors, pool: Value) -> Value {
    doors.api.put("/seat-pool", pool).await.is(200).json()
}

/// How many seats are used, and who waits.
async fn books(doors: &Doors) -> (i64, Vec<String>) {
    let pool = doors.api.get("/seat-pool").await.is(200).json();
    let waiting = pool["waiting"].as_array().unwrap().iter().map(|it| text(&it["user"])).collect();
    let check = doors.api.send("POST", "/seat-pool/reconciliation", |it| it).await.is(200).json();
    assert_eq!((&pool["reconciled"], &check["differences"]), (&json!(true), &json!([])));
    (pool["used"].as_i64().unwrap(), waiting)
}

fn person(name: &str) -> Value {
    json!({"schemas": [USER], "userName": name, "active": true})
}

async fn by_hand(doors: &Doors, name: &str) -> String {
    doors.api.post("/users", json!({"userName": name})).await.is(201).id()
}

async fn kind(doors: &Doors, user: &str) -> String {
    text(&doors.access(user).await["status"]["kind"])
}

/// R5: an identity provider's people wait, whoever comes by hand is refused before anything is kept.
#[test]
fn a_tenant_that_says_nothing_has_what_the_product_says_of_each_door() {
    run(async {
        let doors = Doors::fresh().await;
        let pool = set(&doors, json!({"purchased": 1})).await;
        assert_eq!(
            pool["atLimitBy"],
            json!({"directory": "waitlist", "signIn": "waitlist", "manual": "refuse", "invite": "refuse", "acceptance": "waitlist"})
        );
        assert_eq!((&pool["atLimit"], &pool["chosen"]["atLimit"]), (&json!("waitlist"), &Value::Null));
        by_hand(&doors, "holder").await;

        let sent = doors.user("sent").await;
        let refused = doors.api.post("/users", json!({"userName": "brought"})).await.problem(409, "no_seat");
        let outside =
            doors.api.post("/users", json!({"userName": "outside", "active": false})).await.is(201).id();
        let back = json!({"active": true});
        doors.api.change(&format!("/users/{outside}"), back.clone()).await.problem(409, "no_seat");
        doors.api.post("/invitations", json!({"address": "ken@acme.example"})).await.problem(409, "no_seat");

        let detail = text(&refused.json()["detail"]);
        assert!(detail.starts_with("All seats are taken"), "{detail}");
        assert_eq!(kind(&doors, &sent).await, "waitingForSeat");
        assert_eq!(books(&doors).await, (1, vec![sent]));
        for nobody in ["brought", "ken"] {
            let found = doors.api.get(&format!("/users?search={nobody}")).await.is(200).json();
            assert_eq!(found["items"], json!([]));
        }
        assert_eq!(kind(&doors, &outside).await, "inactive");
    });
}

/// CHT-32
#[test]
fn a_product_whose_people_are_unlimited_seats_everybody_where_the_tenant_says_nothing() {
    run(async {
        let house = House::of("channel_talk").await;
        let before = house.0.user("before").await;
        set(&house.0, json!({"purchased": 0})).await;
        house.0.user("sent").await;
        by_hand(&house.0, "brought").await;

        assert_eq!(books(&house.0).await, (3, Vec::new()));
        assert_eq!(kind(&house.0, &before).await, "granted");
        let months = house.0.api.get("/seat-pool/months?count=1").await.is(200).json();
        assert_eq!(months["items"][0]["overage"]["seats"], 3);
    });
}

/// Behaviours 92, 93: a refusal is a 403 in the voice of SCIM, and no 429.
#[test]
fn one_door_refuses_while_another_lets_wait_and_a_third_goes_beyond_what_was_bought() {
    run(async {
        let doors = doors_that_make_people().await;
        let chosen = json!({"directory": "refuse", "manual": "overage"});
        let pool = set(&doors, json!({"purchased": 1, "atLimit": "waitlist", "atLimitBy": chosen})).await;
        assert_eq!(
            (&pool["chosen"]["atLimitBy"]["directory"], &pool["chosen"]["atLimitBy"]["signIn"]),
            (&json!("refuse"), &Value::Null)
        );
        let holder = doors.user("holder").await;

        let refused = doors.scim.post("/Users", person("sent")).await.scim_error(403, None).json();
        Browser::new().sign_in(&doors.tenant.slug, "alice").await.page(403, "waiting-for-seat");
        let brought = by_hand(&doors, "brought").await;

        assert!(text(&refused["detail"]).starts_with("All seats are taken"), "{refused}");
        assert_eq!(kind(&doors, &brought).await, "granted");
        let (used, waiting) = books(&doors).await;
        assert_eq!((used, waiting.len()), (2, 1), "one beyond what was bought");
        let found = doors.scim.get("/Users?filter=userName%20eq%20%22sent%22").await.is(200).json();
        assert_eq!(found["totalResults"], 0);

        // Who waits has no seat of those beyond what was bought.
        doors.set_active(&holder, false).await;
        assert_eq!(books(&doors).await, (1, waiting.clone()));
        doors.api.change(&format!("/users/{brought}"), json!({"active": false})).await.is(200);
        assert_eq!(books(&doors).await, (1, Vec::new()));
        assert_eq!(kind(&doors, &waiting[0]).await, "granted");
    });
}

/// Check 70
#[test]
fn whoever_signs_in_for_the_first_time_is_refused_while_a_directorys_people_wait() {
    run(async {
        let doors = doors_that_make_people().await;
        let slug = &doors.tenant.slug;
        set(&doors, json!({"purchased": 0, "atLimitBy": {"signIn": "refuse"}})).await;

        Browser::new().sign_in(slug, "alice").await.page(403, "no-seat");
        let sent = doors.user("sent").await;
        assert_eq!(books(&doors).await, (0, vec![sent]));
        let found = doors.api.get("/users?search=alice").await.is(200).json();
        assert_eq!(found["items"], json!([]), "nobody was written down");

        set(&doors, json!({"purchased": 0, "atLimitBy": {"signIn": "overage"}})).await;
        Browser::new().sign_in(slug, "alice").await.is(303);
        assert_eq!(books(&doors).await.0, 1);
    });
}

#[test]
fn who_waits_because_of_one_door_has_no_seat_of_those_that_another_gives_beyond_what_was_bought() {
    run(async {
        let doors = doors_that_make_people().await;
        let chosen = json!({"purchased": 0, "atLimit": "overage", "atLimitBy": {"signIn": "waitlist"}});
        set(&doors, chosen.clone()).await;
        let holder = doors.user("holder").await;
        Browser::new().sign_in(&doors.tenant.slug, "alice").await.page(403, "waiting-for-seat");

        doors.set_active(&holder, false).await;
        set(&doors, chosen).await;
        let (used, waiting) = books(&doors).await;
        assert_eq!((used, waiting.len()), (0, 1));

        set(&doors, json!({"purchased": 0, "atLimit": "overage"})).await;
        assert_eq!(books(&doors).await, (1, Vec::new()));
        Browser::new().sign_in(&doors.tenant.slug, "alice").await.is(303);
    });
}

#[test]
fn a_tenant_may_invite_people_to_wait_although_the_product_does_not() {
    run(async {
        let house = House::of("momos").await;
        let gives = json!([role("viewer", json!("environment"))]);
        let invite = |name: &str| json!({"address": format!("{name}@acme.example"), "gives": gives});
        set(&house.0, json!({"purchased": 1, "atLimit": "waitlist", "atLimitBy": {"invite": "waitlist"}}))
            .await;
        house.0.api.post("/invitations", invite("hana")).await.is(201);

        let several = |dry_run| json!({"addresses": "mina@acme.example, ken@acme.example", "gives": gives, "dryRun": dry_run});
        let tried = house.0.api.post("/invitation-batches", several(true)).await.is(200).json();
        let made = house.0.api.post("/invitation-batches", several(false)).await.is(200).json();

        for (reply, outcome) in [(&tried, "would_be_invited"), (&made, "invited")] {
            let rows = reply["items"].as_array().unwrap();
            assert!(rows.iter().all(|row| row["outcome"] == outcome), "{reply}");
        }
        let (used, waiting) = books(&house.0).await;
        assert_eq!((used, waiting.len()), (1, 2));
        accept(Named::get(), house.slug(), Made::of(&made["items"][1]).secret()).await;
        assert_eq!(kind(&house.0, &waiting[1]).await, "waitingForSeat");

        set(&house.0, json!({"purchased": 1, "atLimit": "waitlist"})).await;
        house.0.api.post("/invitations", invite("late")).await.problem(409, "no_seat");
    });
}

#[test]
fn whoever_accepts_and_finds_no_seat_is_told_and_the_invitation_stays_open() {
    run(async {
        let (house, named) = (House::of("channel_talk").await, Named::get());
        set(&house.0, json!({"purchased": 0, "atLimitBy": {"acceptance": "refuse"}})).await;
        let invite = json!({"address": "ken@acme.example"});
        let made = Made::of(&house.0.api.post("/invitations", invite).await.is(201).json());

        let browser = Browser::at(&named.server);
        let page = follow(&browser, &named.server, house.slug(), made.secret()).await.is(200);
        let answer = Authenticator::at(&named.server).registers(&page);
        let fields = [("answer", answer.as_str()), ("name", "Mine")];
        browser.fill_in(&named.page(house.slug(), "/registered"), &fields).await.page(403, "no-seat");

        let shown = house.0.api.get(&format!("/invitations/{}", made.id)).await.is(200).json();
        assert_eq!(shown["state"], "pending");
        assert_eq!(books(&house.0).await, (0, Vec::new()));
        set(&house.0, json!({"purchased": 1})).await;
        accept(named, house.slug(), made.secret()).await;
        assert_eq!(kind(&house.0, &made.user).await, "granted");
        assert_eq!(books(&house.0).await, (1, Vec::new()));
    });
}

/// MOM-03: who has no seat has the level that is none.
#[test]
fn whoever_is_downgraded_is_in_with_the_role_that_needs_no_seat_until_their_turn_comes() {
    run(async {
        let house = House::of("momos").await;
        let doors = &house.0;
        let connection = doors.connection("op", "https://idp.example").await;
        let matches = json!({"attribute": {"path": "title", "value": "Viewer"}});
        doors.rule(10, matches, role("viewer", json!("environment"))).await;
        let before = doors.person(json!({"userName": "before", "title": "Viewer"})).await;
        let pool = set(
            doors,
            json!({"purchased": 1, "atLimit": "waitlist", "atLimitBy": {"directory": "downgrade"}}),
        );
        pool.await;
        let late = doors.person(json!({"userName": "late", "title": "Viewer"})).await;
        let viewer = json!([role("viewer", json!("environment"))]);
        let brought = house.has("brought", viewer).await;

        let access = doors.access(&late).await;
        assert_eq!(access["status"], json!({"kind": "granted"}));
        assert_eq!(access["reasons"][1]["because"], json!("meanwhile"));
        let [held] = access["roles"].as_array().unwrap().as_slice() else { panic!("{access}") };
        assert_eq!((&held["role"], &held["scope"]["kind"]), (&json!("none"), &json!("environment")));
        assert_eq!((&access["permissions"], &access["flags"]), (&json!([]), &json!([])));
        let dropped = access["dropped"].as_array().unwrap();
        assert!(dropped.iter().any(|it| it["what"] == "role" && it["id"] == "viewer"), "{access}");
        let cookie = doors.session(&late, connection).await;
        session_at(base(), &cookie).await.is(200);
        let views =
            async || decide(doors, &late, "module.view", json!("environment")).await["allowed"].clone();
        assert_eq!(views().await, false);
        assert_eq!(kind(doors, &brought).await, "waitingForSeat", "by hand another word goes");
        let pool = doors.api.get("/seat-pool").await.is(200).json();
        assert_eq!(
            (&pool["waiting"][0]["meanwhile"], &pool["waiting"][1]["meanwhile"]),
            (&json!("none"), &Value::Null)
        );
        assert_eq!(books(doors).await.0, 1);
        let waits =
            doors.audit(&late).await.into_iter().find(|event| event["action"] == "seat.wait").unwrap();
        assert_eq!(waits["after"], json!({"meanwhile": "none"}));

        doors.set_active(&before, false).await;

        assert_eq!(doors.access(&late).await["roles"][0]["role"], "viewer");
        assert_eq!(views().await, true);
        session_at(base(), &cookie).await.is(200);
        assert_eq!(books(doors).await, (1, vec![brought]));
    });
}

/// Who waits already is in with that role as well from the moment on in which the tenant says so, until it says otherwise.
#[test]
fn those_who_wait_already_have_what_the_word_of_the_directorys_door_comes_to() {
    run(async {
        let house = House::of("momos").await;
        let matches = json!({"attribute": {"path": "title", "value": "Viewer"}});
        house.0.rule(10, matches, role("viewer", json!("environment"))).await;
        set(&house.0, json!({"purchased": 0})).await;
        let waits = house.0.person(json!({"userName": "waits", "title": "Viewer"})).await;
        let roles = async || {
            let access = house.0.access(&waits).await;
            let roles = access["roles"].as_array().unwrap().iter().map(|held| text(&held["role"]));
            (text(&access["status"]["kind"]), roles.collect::<Vec<_>>())
        };
        let nothing = ("waitingForSeat".to_owned(), vec![]);
        assert_eq!(roles().await, nothing);

        for (by, expected) in [
            (json!({"directory": "downgrade"}), ("granted".to_owned(), vec!["none".to_owned()])),
            // Nobody knows any more by which door they came.
            (json!({"manual": "downgrade"}), ("granted".to_owned(), vec!["none".to_owned()])),
            (json!({}), nothing),
        ] {
            set(&house.0, json!({"purchased": 0, "atLimitBy": by})).await;
            assert_eq!(roles().await, expected);
            assert_eq!(books(&house.0).await, (0, vec![waits.clone()]));
        }
    });
}

#[test]
fn a_product_without_a_role_that_needs_no_seat_downgrades_nobody() {
    run(async {
        let doors = Doors::fresh().await;
        for pool in [
            json!({"purchased": 1, "atLimit": "downgrade"}),
            json!({"purchased": 1, "atLimitBy": {"signIn": "downgrade"}}),
        ] {
            doors.api.put("/seat-pool", pool).await.problem(400, "invalid");
        }
        doors.api.get("/seat-pool").await.problem(404, "not_found");
    });
}

#[test]
fn what_is_said_of_the_doors_is_in_the_trail_and_nonsense_is_refused() {
    run(async {
        let doors = Doors::fresh().await;
        let pool = set(&doors, json!({"purchased": 3, "atLimitBy": {"manual": "overage"}})).await;

        for wrong in [
            json!({"purchased": 1, "atLimit": "product"}),
            json!({"purchased": 1, "atLimitBy": {"window": "refuse"}}),
            json!({"purchased": 1, "atLimitBy": {"directory": "explode"}}),
            json!({"purchased": 1, "atLimitBy": "refuse"}),
        ] {
            doors.api.put("/seat-pool", wrong).await.is(400);
        }
        let audit = doors.audit(&text(&pool["id"])).await;
        assert_eq!(audit.len(), 1);
        assert_eq!(
            audit[0]["after"],
            json!({"purchased": 3, "used": 0, "atLimit": null, "atLimitBy": {"manual": "overage"}})
        );
    });
}

/// What one door lets in beyond what was bought, and another refuses at the same moment, adds up.
#[test]
fn doors_that_differ_agree_on_the_books_when_many_come_at_once() {
    run(async {
        let doors = Doors::fresh().await;
        set(&doors, json!({"purchased": 5, "atLimit": "waitlist", "atLimitBy": {"manual": "refuse"}})).await;
        let arrivals = (0..24).map(|n| {
            let doors = doors.clone();
            tokio::spawn(async move {
                let name = format!("person-{n}");
                let reply = if n % 2 == 0 {
                    doors.scim.post("/Users", person(&name)).await
                } else {
                    doors.api.post("/users", json!({"userName": name})).await
                };
                (n % 2, reply.status)
            })
        });

        let mut statuses: BTreeMap<(i32, u16), i64> = BTreeMap::new();
        for outcome in join_all(arrivals).await {
            *statuses.entry(outcome.unwrap()).or_default() += 1;
        }

        let (used, waiting) = books(&doors).await;
        let seated_by_hand = statuses.get(&(1, 201)).copied().unwrap_or_default();
        assert_eq!(used, 5);
        assert_eq!(statuses.get(&(0, 201)), Some(&12), "{statuses:?}");
        assert_eq!(statuses.get(&(1, 409)).copied().unwrap_or_default(), 12 - seated_by_hand, "{statuses:?}");
        assert_eq!(i64::try_from(waiting.len()).unwrap(), 12 - (5 - seated_by_hand));
    });
}
