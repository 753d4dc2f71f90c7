//! Seats as a directory meets them: what each way in answers when all are taken, under each policy of the pool.

use app::tenants::{SeatLimit, SetSeatPool};
use serde_json::{Value, json};

use crate::support::http::{Doors, Reply, text};
use crate::support::run;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn person(name: &str, active: bool) -> Value {
    json!({"schemas": [USER], "userName": name, "active": active})
}

/// A tenant with one seat, which is taken, and somebody who is not active.
async fn full(at_limit: SeatLimit) -> (Doors, String, String) {
    let doors = Doors::fresh().await;
    doors.dialect("okta").await;
    let set = SetSeatPool { purchased: 1, at_limit };
    doors.tenant.app.set_seat_pool(&doors.tenant.admin, set).await.unwrap();
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
