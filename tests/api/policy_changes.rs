//! What a change of the policy does while everybody is being computed: it stands at once, nobody waits for it, and whoever is about it
//! may go away.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use domain::id::TenantId;
use serde_json::{Value, json};

use super::grant_rules::House;
use super::large::owner;
use crate::support::http::{Doors, text};
use crate::support::{app, run};

/// Longer than it takes to compute a few people.
const MOMENT: Duration = Duration::from_millis(700);

/// Keeps a person from being changed until it is rolled back.
async fn keep(tenant: TenantId, person: &str) -> AsyncPgConnection {
    let mut other = owner().await;
    let lock = format!(
        "BEGIN; SELECT set_config('app.tenant_id', '{tenant}', true); SELECT FROM users WHERE id = '{person}' FOR UPDATE"
    );
    other.batch_execute(&lock).await.unwrap();
    other
}

/// Some people in one group, by id.
async fn crew(doors: &Doors, names: &[&str]) -> Vec<String> {
    let mut people = Vec::new();
    for name in names {
        people.push(doors.user(name).await);
    }
    let members: Vec<&str> = people.iter().map(String::as_str).collect();
    doors.group("Crew", &members).await;
    people
}

async fn flags(doors: &Doors, person: &str) -> Vec<String> {
    let access = doors.access(person).await;
    access["flags"].as_array().unwrap().iter().map(|held| text(&held["flag"])).collect()
}

async fn progress(doors: &Doors) -> Value {
    doors.api.get("/reevaluation").await.is(200).json()
}

fn gives(flag: &str) -> Value {
    json!({"priority": 10, "match": {"group": "Crew"}, "gives": {"flags": {"flags": [flag]}}})
}

/// Somebody else holds the third of four: the change stands and the first two have it; others are changed, and by the new rule.
#[test]
fn nobody_waits_while_everybody_is_computed_and_progress_is_shown() {
    run(async {
        let doors = Doors::fresh().await;
        let tenant = doors.tenant.admin.scope().tenant();
        assert_eq!(progress(&doors).await["running"], false);
        let people = crew(&doors, &["ann", "ben", "cem", "dia"]).await;
        let mut other = keep(tenant, &people[2]).await;

        let mut change = Box::pin(doors.api.post("/mapping-rules", gives("recolog")));
        assert!(tokio::time::timeout(MOMENT, &mut change).await.is_err(), "it waits for the third");

        let so_far = progress(&doors).await;
        assert_eq!(
            (&so_far["running"], &so_far["people"], &so_far["done"], &so_far["affected"]),
            (&json!(true), &json!(4), &json!(2), &json!(2)),
            "{so_far}"
        );
        assert_eq!(flags(&doors, &people[1]).await, ["recolog"]);
        assert!(flags(&doors, &people[3]).await.is_empty());
        let newcomer = doors.user("eve").await;
        let group = doors.scim.get("/Groups?filter=displayName+eq+%22Crew%22").await.is(200).json();
        let group = format!("/Groups/{}", text(&group["Resources"][0]["id"]));
        let add = json!([{"op": "add", "path": "members", "value": [{"value": newcomer}]}]);
        doors.scim.patch(&group, add).await.is(204);
        assert_eq!(flags(&doors, &newcomer).await, ["recolog"], "by the new rule");
        let title = json!([{"op": "replace", "path": "title", "value": "Lead"}]);
        doors.scim.patch(&format!("/Users/{}", people[3]), title).await.is(200);
        assert_eq!(flags(&doors, &people[3]).await, ["recolog"], "whoever is changed is computed with it");

        other.batch_execute("ROLLBACK").await.unwrap();
        change.await.is(201);
        assert_eq!(flags(&doors, &people[2]).await, ["recolog"]);
        let done = progress(&doors).await;
        assert_eq!((&done["running"], &done["people"], &done["done"]), (&json!(false), &json!(5), &json!(5)));
        assert!(done["finishedAt"].as_str() >= done["startedAt"].as_str());
    });
}

/// The newer change begins with the first person again; both answers come when all have both.
#[test]
fn a_change_in_the_middle_of_another_is_a_change_for_everybody_too() {
    run(async {
        let doors = Doors::fresh().await;
        let tenant = doors.tenant.admin.scope().tenant();
        let people = crew(&doors, &["ann", "ben", "cem"]).await;
        let mut other = keep(tenant, &people[1]).await;

        let mut first = Box::pin(doors.api.post("/mapping-rules", gives("recolog")));
        assert!(tokio::time::timeout(MOMENT, &mut first).await.is_err());
        let mut second = Box::pin(doors.api.post("/mapping-rules", gives("report.receive")));
        let preview = json!({"changes": [{"addRule": gives("recolog")}]});
        assert!(tokio::time::timeout(MOMENT, &mut second).await.is_err());
        doors.api.post("/change-sets/preview", preview).await.is(200);
        other.batch_execute("ROLLBACK").await.unwrap();

        first.await.is(201);
        for person in &people {
            assert!(flags(&doors, person).await.contains(&"recolog".to_owned()));
        }
        second.await.is(201);
        assert_eq!(progress(&doors).await["running"], false);
        assert_eq!(doors.api.get("/mapping-rules").await.json()["items"].as_array().unwrap().len(), 2);
    });
}

/// Whoever made the change is gone in the middle. Who finds what is left goes on where they were, in their name.
#[test]
fn what_is_left_when_somebody_dies_is_done_by_the_next_in_their_name() {
    run(async {
        let doors = Doors::fresh().await;
        let tenant = doors.tenant.admin.scope().tenant();
        let people = crew(&doors, &["ann", "ben", "cem"]).await;
        let mut other = keep(tenant, &people[1]).await;
        let (app, rule) = (app(), serde_json::from_value(gives("recolog")).unwrap());
        {
            let mut change = Box::pin(app.create_mapping_rule(&doors.tenant.admin, rule));
            assert!(tokio::time::timeout(MOMENT, &mut change).await.is_err());
        }
        other.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(progress(&doors).await["done"], 1);

        app.finish_reevaluation(tenant).await.unwrap();
        assert_eq!(progress(&doors).await["done"], 1, "it may still be alive");
        let over = format!(
            "BEGIN; SELECT set_config('app.tenant_id', '{tenant}', true); UPDATE reevaluation SET held_until = now(); COMMIT"
        );
        other.batch_execute(&over).await.unwrap();
        app.finish_reevaluation(tenant).await.unwrap();

        let done = progress(&doors).await;
        assert_eq!(
            (&done["running"], &done["done"], &done["affected"]),
            (&json!(false), &json!(3), &json!(3))
        );
        let of = |event: &Value| event["action"] == "access.change";
        let (first, last) = (doors.audit(&people[0]).await, doors.audit(&people[2]).await);
        let (first, last) = (first.iter().find(|it| of(it)).unwrap(), last.iter().find(|it| of(it)).unwrap());
        assert_eq!((&first["actor"], &first["request"]), (&last["actor"], &last["request"]));
        assert_eq!(flags(&doors, &people[2]).await, ["recolog"]);
    });
}

/// BLF-20: what makes somebody else an administrator may take it from the last one; what makes nobody one may not.
#[test]
fn the_last_administrator_may_be_replaced_by_one_change_and_not_be_lost_by_it() {
    run(async {
        let doors = House::of_branches().await.0;
        let hana = doors.person(json!({"userName": "hana", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Top"}})).await;
        let kei = doors.person(json!({"userName": "kei", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Top"}})).await;
        doors.group("old admins", &[&hana]).await;
        doors.group("new admins", &[&kei]).await;
        let admin = json!({"flags": {"flags": ["admin_flag"]}});
        let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
        doors
            .rule(5, json!({"attribute": {"path": department}}), json!({"home": {"template": "{value}"}}))
            .await;
        let rule = doors.rule(10, json!({"group": "old admins"}), admin).await;
        let path = format!("/mapping-rules/{rule}");

        doors.api.change(&path, json!({"match": {"group": "nobody"}})).await.problem(409, "last_holder");
        assert_eq!(flags(&doors, &hana).await, ["admin_flag"]);
        doors.api.change(&path, json!({"match": {"group": "new admins"}})).await.is(200);

        assert_eq!(flags(&doors, &kei).await, ["admin_flag"]);
        assert!(flags(&doors, &hana).await.is_empty());
    });
}
