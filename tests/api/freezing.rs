//! Somebody is shut out by an administrator, whoever manages them, and let in again.

use serde_json::{Value, json};

use super::apps::world::World;
use super::grant_rules::{House, flag, home, role};
use crate::support::http::{Doors, base, session_at, text};
use crate::support::{fresh_slug, run};

async fn freeze(doors: &Doors, user: &str, because: Value) -> Value {
    let body = json!({"because": because});
    doors.api.send("PUT", &format!("/users/{user}/freeze"), |it| it.json(&body)).await.is(200).json()
}

async fn thaw(doors: &Doors, user: &str) -> Value {
    doors.api.delete(&format!("/users/{user}/freeze")).await.is(200).json()
}

async fn found(doors: &Doors, filter: &str) -> u64 {
    let page = doors.scim.get(&format!("/Users?filter={}", filter.replace(' ', "%20"))).await.is(200).json();
    page["totalResults"].as_u64().unwrap()
}

#[test]
fn whoever_is_frozen_is_out_at_every_door_when_the_answer_is_out_and_the_next_in_line_is_in() {
    run(async {
        let world = World::new().await;
        let doors = &world.doors;
        doors.seats(1).await;
        let next = doors.user("next").await;
        let (tokens, spare) = (world.tokens().await, world.code().await);
        session_at(base(), &world.cookie).await.is(200);

        let view = freeze(doors, &world.user, json!("left on the spot")).await;

        session_at(base(), &world.cookie).await.problem(401, "unauthenticated");
        world.all_is_over(&tokens, &spare).await;
        assert_eq!(
            (&view["active"], &view["frozen"]["because"]),
            (&json!(false), &json!("left on the spot"))
        );
        assert_eq!(doors.access(&next).await["status"]["kind"], "granted");
        assert_eq!(doors.access(&world.user).await["status"]["kind"], "inactive");
        let listed = doors.api.get("/users?active=false").await.is(200).json();
        assert_eq!(listed["items"][0]["frozen"]["because"], "left on the spot");
        let said = doors.audit(&world.user).await;
        let frozen = said.iter().find(|event| event["action"] == "user.freeze").unwrap();
        assert_eq!(frozen["after"]["because"], "left on the spot");
        for end in ["session.end_all", "seat.release"] {
            let event = said.iter().find(|event| event["action"] == end);
            assert!(event.is_none_or(|event| event["requestId"] == frozen["requestId"]), "{end}");
        }
        assert_eq!(freeze(doors, &world.user, json!("again")).await["frozen"]["because"], "left on the spot");
    });
}

/// R1: a local act may only subtract. The directory's word stays what it is, and is what counts again once the person is thawed.
#[test]
fn a_directory_goes_on_writing_somebody_frozen_and_lets_nobody_in() {
    run(async {
        let doors = Doors::fresh().await;
        doors.seats(2).await;
        let connection = doors.connection("op", "https://idp.example").await;
        let mina = doors.user("mina").await;
        freeze(&doors, &mina, Value::Null).await;
        let at = format!("/Users/{mina}");
        let before = doors.scim.get(&at).await.is(200).json();

        assert_eq!(before["active"], true, "what the directory wrote is what it reads");
        assert_eq!((found(&doors, "active eq true").await, found(&doors, "active eq false").await), (1, 0));
        doors.set_active(&mina, false).await;
        assert_eq!((found(&doors, "active eq true").await, found(&doors, "active eq false").await), (0, 1));
        doors.set_active(&mina, true).await;
        doors.scim.patch(&at, json!([{"op": "replace", "path": "title", "value": "Chief"}])).await.is(200);
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "mina", "active": true});
        doors.scim.send("PUT", &at, |request| request.json(&body)).await.is(200);
        assert_eq!(doors.access(&mina).await["status"]["kind"], "inactive");
        let pool = doors.api.get("/seat-pool").await.is(200).json();
        assert_eq!(
            (&pool["used"], &pool["waiting"], &pool["reconciled"]),
            (&json!(0), &json!([]), &json!(true))
        );

        assert_eq!(thaw(&doors, &mina).await["frozen"], Value::Null);
        assert_eq!(doors.access(&mina).await["status"]["kind"], "granted");
        session_at(base(), &doors.session(&mina, connection).await).await.is(200);
        assert_eq!(doors.api.get("/seat-pool").await.is(200).json()["used"], 1);
        assert_eq!(thaw(&doors, &mina).await["active"], true, "done twice, the first stays");

        freeze(&doors, &mina, Value::Null).await;
        doors.set_active(&mina, false).await;
        assert_eq!(
            thaw(&doors, &mina).await["active"],
            false,
            "whom the directory shut out meanwhile stays out"
        );
        let facts: Vec<String> = doors
            .audit(&mina)
            .await
            .iter()
            .map(|event| text(&event["action"]))
            .filter(|it| it.starts_with("user."))
            .collect();
        let of = |action: &str| facts.iter().filter(|it| *it == action).count();
        assert_eq!((of("user.freeze"), of("user.thaw")), (2, 2), "{facts:?}");
    });
}

/// CHT-32: where whoever was invited is not counted, they are not counted because they were shut out meanwhile either.
#[test]
fn who_is_thawed_before_they_have_accepted_has_the_seat_that_they_had_before() {
    run(async {
        let viewer = json!([role("viewer", json!("environment"))]);
        for (product, gives, counted) in [("channel_talk", json!([]), 0), ("momos", viewer, 1)] {
            let doors = House::of(product).await.0;
            doors.seats(2).await;
            let invite = json!({"address": "hana@acme.example", "mail": false, "gives": gives});
            let made = doors.api.post("/invitations", invite).await.is(201).json()["invitation"].clone();
            let (hana, at) = (text(&made["user"]), format!("/users/{}", text(&made["user"])));
            let used = async || doors.api.get("/seat-pool").await.is(200).json()["used"].clone();
            assert_eq!(used().await, counted, "{product}");

            freeze(&doors, &hana, Value::Null).await;
            assert_eq!(used().await, 0, "{product}");
            thaw(&doors, &hana).await;
            assert_eq!(used().await, counted, "{product}: frozen and thawed");
            for active in [false, true] {
                doors.api.change(&at, json!({"active": active})).await.is(200);
            }
            assert_eq!(used().await, counted, "{product}: stopped and let in again");
            doors.seats(3).await;
            assert_eq!(used().await, counted, "{product}: more seats were bought");
            assert_eq!(doors.access(&hana).await["status"]["kind"], "invited");
        }
    });
}

/// An administrator may go on writing somebody frozen; every view of them says so.
#[test]
fn somebody_frozen_is_shown_so_whatever_is_written_of_them_meanwhile() {
    run(async {
        let doors = Doors::fresh().await;
        let new = json!({"userName": "mina@acme.example", "email": "mina@acme.example"});
        let mina = text(&doors.api.post("/users", new).await.is(201).json()["id"]);
        freeze(&doors, &mina, json!("lost her laptop")).await;

        let at = format!("/users/{mina}");
        for view in [
            doors.api.change(&at, json!({"title": "Chief"})).await.is(200).json(),
            doors.api.get(&at).await.is(200).json(),
        ] {
            assert_eq!(
                (&view["active"], &view["frozen"]["because"]),
                (&json!(false), &json!("lost her laptop"))
            );
        }
        assert_eq!(thaw(&doors, &mina).await["active"], true);
    });
}

/// Whoever comes back needs a seat, and nobody by hand freezes the last of those whom the product protects.
#[test]
fn thawing_needs_a_seat_and_the_last_administrator_is_not_frozen_by_hand() {
    run(async {
        let doors = Doors::fresh().await;
        let title = json!({"attribute": {"path": "title", "value": "CEO"}});
        doors.rule(1, title.clone(), json!({"flags": {"flags": ["admin_flag"]}})).await;
        doors.rule(2, title, json!({"home": {"template": "Top"}})).await;
        let admin = doors.person(json!({"userName": "boss", "title": "CEO"})).await;
        let refused =
            doors.api.send("PUT", &format!("/users/{admin}/freeze"), |it| it.json(&json!({}))).await;
        refused.problem(409, "last_holder");
        assert_eq!(doors.access(&admin).await["status"]["kind"], "granted");

        let pool = json!({"purchased": 2, "atLimit": "refuse"});
        doors.api.send("PUT", "/seat-pool", |request| request.json(&pool)).await.is(200);
        let mina = doors.user("mina").await;
        freeze(&doors, &mina, Value::Null).await;
        doors.user("other").await;
        doors.api.delete(&format!("/users/{mina}/freeze")).await.problem(409, "no_seat");
        assert_eq!(doors.access(&mina).await["status"]["kind"], "inactive");
        doors
            .api
            .send("PUT", "/users/0198c2f0-7a3b-7c4d-8e5f-000000000001/freeze", |it| it.json(&json!({})))
            .await
            .problem(404, "not_found");
        let long = json!({"because": "x".repeat(501)});
        doors
            .api
            .send("PUT", &format!("/users/{mina}/freeze"), |it| it.json(&long))
            .await
            .problem(400, "invalid");
    });
}

/// Whoever was shut out does not come in again by becoming somebody whom a directory manages.
#[test]
fn who_is_frozen_stays_so_when_they_are_adopted() {
    run(async {
        let doors = Doors::fresh().await;
        let domain = format!("{}.example", fresh_slug());
        doors.verified_domain(&domain).await;
        let address = format!("hana@{domain}");
        let local =
            doors.api.post("/users", json!({"userName": "hana", "email": address})).await.is(201).id();
        let user = doors.person(json!({"userName": address, "emails": [{"value": address}]})).await;
        freeze(&doors, &local, Value::Null).await;

        let decision = json!({"local": local, "user": user, "decision": "approve"});
        let adopted = doors.api.post("/adoptions", decision).await.is(200).json();

        assert_eq!((&adopted["active"], adopted["frozen"].is_object()), (&json!(false), true));
        assert_eq!(doors.access(&user).await["status"]["kind"], "inactive");
    });
}

/// BLF-07: a sheet is downloaded, filled in, tried and then done, and each line says what became of it.
#[test]
fn several_are_frozen_by_the_sheet_that_names_them_and_each_line_says_what_became_of_it() {
    run(async {
        let house = House::of_branches().await;
        let hana = house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
        let ken = house.has("ken", json!([home("Sales"), flag("admin_flag")])).await;
        let mut people = Vec::new();
        for (name, at) in [("mina", "Osaka"), ("yuki", "Osaka"), ("hugo", "HR")] {
            let id = house.has(name, json!([home(at)])).await;
            let address = json!({"email": format!("{name}@acme.example")});
            house.0.api.send("PATCH", &format!("/users/{id}"), |it| it.json(&address)).await.is(200);
            people.push(id);
        }
        let exported =
            house.0.api.request("GET", "/users.csv?encoding=shift-jis&language=ja").send().await.unwrap();
        let sheet = exported.bytes().await.unwrap().to_vec();
        let upload = async |query: &str, sheet: Vec<u8>, actor: Option<&str>| {
            let with = |request: reqwest::RequestBuilder| {
                let request = request.header("content-type", "text/csv; charset=shift_jis").body(sheet);
                actor.into_iter().fold(request, |request, actor| request.header("Usher-Acting-Person", actor))
            };
            house.0.api.send("POST", &format!("/freezes{query}"), with).await
        };
        let outcomes = |reply: &Value| {
            let rows = reply["items"].as_array().unwrap().clone();
            rows.iter().map(|row| (text(&row["named"]), text(&row["outcome"]))).collect::<Vec<_>>()
        };
        let all = |outcome: &str| {
            ["mina", "yuki", "hugo"].map(|name| (format!("{name}@acme.example"), outcome.to_owned()))
        };

        let tried = upload("?dryRun=true", sheet.clone(), None).await.is(200).json();
        assert_eq!(outcomes(&tried), all("would_be_frozen"));
        for id in &people {
            assert_eq!(house.0.api.get(&format!("/users/{id}")).await.is(200).json()["frozen"], Value::Null);
        }
        let done = upload("?because=closed", sheet.clone(), Some(&ken)).await.is(200).json();
        let expected: Vec<_> =
            all("frozen").into_iter().take(2).chain(all("refused").into_iter().skip(2)).collect();
        assert_eq!(outcomes(&done), expected, "{done}");
        assert_eq!(
            (&done["items"][2]["code"], &done["items"][2]["user"]),
            (&json!("not_found"), &Value::Null)
        );
        assert_eq!(house.0.access(&people[0]).await["status"]["kind"], "inactive");
        let shown = house.0.api.get(&format!("/users/{}", people[1])).await.is(200).json();
        assert_eq!(shown["frozen"]["because"], "closed");
        house.0.api.get(&format!("/users/{}", people[2])).await.is(200);

        let named = json!({"people": ["HUGO@acme.example", "hana", "nobody", &ken]});
        let rows = house.0.api.post("/freezes", named).await.is(200).json();
        let codes: Vec<_> = rows["items"].as_array().unwrap().iter().map(|row| row["code"].clone()).collect();
        assert_eq!(codes, [Value::Null, json!("last_holder"), json!("not_found"), json!("not_found")]);
        assert_eq!(house.0.access(&hana).await["status"]["kind"], "granted");

        upload("", b"\xe6\xb0".to_vec(), None).await.problem(400, "invalid_body");
        upload("", b"name\nMina\n".to_vec(), None).await.problem(400, "invalid_body");
        upload("", "email\n".into(), None).await.problem(400, "invalid");
    });
}
