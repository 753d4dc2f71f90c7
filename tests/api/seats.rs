//! Seats as a directory meets them: what each way in answers when all are taken, under each policy of the pool.

use app::tenants::{SeatLimit, SetSeatPool};
use domain::seat::PoolClass;
use serde_json::{Value, json};

use super::grant_rules::{House, role};
use crate::support::http::{Doors, Reply, base, session_at, text};
use crate::support::run;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn person(name: &str, active: bool) -> Value {
    json!({"schemas": [USER], "userName": name, "active": active})
}

/// A tenant with one seat, which is taken, and somebody who is not active.
async fn full(at_limit: SeatLimit) -> (Doors, String, String) {
    let doors = Doors::fresh().await;
    doors.dialect("okta").await;
    let set = SetSeatPool { purchased: 1, at_limit: Some(at_limit), ..SetSeatPool::default() };
    doors.tenant.app.set_seat_pool(&doors.tenant.admin, PoolClass::default(), set).await.unwrap();
    let holder = doors.user("holder").await;
    let stopped = doors.scim.post("/Users", person("stopped", false)).await.is(201).id();
    (doors, holder, stopped)
}

async fn pool(doors: &Doors) -> Value {
    doors.api.get("/seat-pool").await.is(200).json()
}

/// What Okta shows its administrator in the task that failed.
fn says_why(reply: Reply) {
    let detail = text(&reply.scim_error(403, None).json()["detail"]);
    assert!(detail.starts_with("All seats are taken") && detail.ends_with('.'), "{detail}");
}

/// Behaviours 92, 93.
#[test]
fn a_pool_that_refuses_answers_403_at_every_way_in_and_keeps_nothing() {
    run(async {
        let (doors, holder, stopped) = full(SeatLimit::Refuse).await;
        let scim = &doors.scim;
        let path = format!("/Users/{stopped}");
        let before = scim.get(&path).await.is(200).json();

        says_why(scim.post("/Users", person("late", true)).await);
        let by_path = json!([{"op": "replace", "path": "active", "value": true}]);
        let without = json!([{"op": "replace", "value": {"active": true, "title": "Guide"}}]);
        says_why(scim.patch(&path, by_path.clone()).await);
        says_why(scim.patch(&path, without).await);
        says_why(scim.put(&path, person("stopped", true)).await);

        assert_eq!(
            scim.get("/Users?filter=userName%20eq%20%22late%22").await.is(200).json()["totalResults"],
            0
        );
        assert_eq!(scim.get(&path).await.is(200).json(), before);
        scim.post("/Users", person("late-and-stopped", false)).await.is(201);
        let books = pool(&doors).await;
        assert_eq!(
            (&books["used"], &books["reconciled"], &books["waiting"]),
            (&json!(1), &json!(true), &json!([]))
        );

        doors.set_active(&holder, false).await;
        scim.patch(&path, by_path).await.is(200);
        says_why(
            scim.patch(
                &format!("/Users/{holder}"),
                json!([{"op": "replace", "path": "active", "value": true}]),
            )
            .await,
        );
        scim.delete(&path).await.is(204);
        scim.post("/Users", person("late", true)).await.is(201);
        assert_eq!(pool(&doors).await["reconciled"], true);
    });
}

/// Behaviour 92.
#[test]
fn a_pool_with_a_queue_takes_everybody_in_and_lets_them_wait() {
    run(async {
        let (doors, holder, stopped) = full(SeatLimit::Waitlist).await;

        let late = doors.scim.post("/Users", person("late", true)).await.is(201);
        assert_eq!(late.json()["active"], true);
        doors.set_active(&stopped, true).await;

        let waiting = pool(&doors).await["waiting"].as_array().unwrap().clone();
        assert_eq!(waiting.iter().map(|it| text(&it["user"])).collect::<Vec<_>>(), [late.id(), stopped]);
        assert_eq!(doors.scim.get("/Roles/general").await.is(200).json()["totalAssignmentsUsed"], 1);
        doors.scim.delete(&format!("/Users/{holder}")).await.is(204);
        let books = pool(&doors).await;
        assert_eq!((&books["used"], books["waiting"].as_array().unwrap().len()), (&json!(1), 1));
    });
}

/// Behaviours 92, 94.
#[test]
fn a_pool_that_allows_overage_seats_everybody_and_shows_it() {
    run(async {
        let (doors, _, stopped) = full(SeatLimit::Overage).await;

        doors.user("late").await;
        doors.set_active(&stopped, true).await;

        let role = doors.scim.get("/Roles/general").await.is(200).json();
        let totals = ["limitedAssignmentsPermitted", "totalAssignmentsPermitted", "totalAssignmentsUsed"];
        assert_eq!(totals.map(|name| role[name].clone()), [json!(false), json!(1), json!(3)]);
        assert_eq!(pool(&doors).await["reconciled"], true);
    });
}

/// LNC-25, LNC-26
#[test]
fn whoever_is_disabled_takes_part_no_more_and_is_counted_no_more() {
    run(async {
        let house = House::of("linc_biz").await;
        house.0.unit_of_kind("Team", Some("Top"), Some("team")).await;
        let chief = house.has("chief", json!([role("system_admin", json!("environment"))])).await;
        let connection = house.0.connection("op", "https://idp.example").await;
        house.0.seats(3).await;
        let hana = house.has("hana", json!([role("member", json!({"orgUnit": "Team"}))])).await;
        let cookie = house.0.session(&hana, connection).await;
        let counted = async || {
            let books = pool(&house.0).await;
            assert_eq!(books["reconciled"], true);
            books["used"].clone()
        };
        let in_the_list = async |status: &str| {
            let path = format!("/users?total=true&status={status}");
            house.ask(Some(&chief), "GET", &path, None).await.is(200).json()["total"].clone()
        };
        assert_eq!((counted().await, in_the_list("active").await), (json!(2), json!(2)));

        let out = json!({"active": false});
        house.ask(Some(&chief), "PATCH", &format!("/users/{hana}"), Some(out)).await.is(200);

        assert_eq!((counted().await, in_the_list("active").await), (json!(1), json!(1)));
        assert_eq!(in_the_list("disabled").await, json!(1));
        assert_eq!(session_at(base(), &cookie).await.status, 401);
        house.ask(Some(&hana), "GET", "/users", None).await.is(403);
        let access = house.0.access(&hana).await;
        assert_eq!((&access["status"]["kind"], &access["permissions"]), (&json!("inactive"), &json!([])));
    });
}
