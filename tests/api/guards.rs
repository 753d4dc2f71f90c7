//! The last administrator, and a directory that shuts out many.

use serde_json::{Value, json};

use crate::support::http::{Doors, Reply, session_at, text};
use crate::support::{at_the_owners_seat, run};

/// A tenant where whoever is titled CEO and works in Top is its administrator.
async fn doors() -> Doors {
    let doors = Doors::fresh().await;
    let ceo = json!({"attribute": {"path": "title", "value": "CEO"}});
    doors.rule(1, ceo, json!({"flags": {"flags": ["admin_flag"]}})).await;
    let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
    doors.rule(2, json!({"attribute": {"path": department}}), json!({"home": {"template": "{value}"}})).await;
    doors
}

async fn local_admin(doors: &Doors, name: &str) -> String {
    let body = json!({"userName": name, "title": "CEO", "department": "Top"});
    doors.api.post("/users", body).await.is(201).id()
}

async fn pushed_admin(doors: &Doors, name: &str) -> String {
    doors
        .person(json!({
            "userName": name, "title": "CEO",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Top"},
        }))
        .await
}

async fn change(doors: &Doors, id: &str, body: Value) -> Reply {
    doors.api.send("PATCH", &format!("/users/{id}"), |request| request.json(&body)).await
}

async fn admins(doors: &Doors) -> (Value, Value) {
    let (holders, _, alarm) = keepers(doors).await;
    (holders, alarm)
}

/// What the guards say of the administrators: how many there are, how many of them only keep the role, and whether there are too few.
async fn keepers(doors: &Doors) -> (Value, Value, Value) {
    let guards = doors.api.get("/guards").await.is(200).json();
    let role = &guards["roles"][0];
    assert_eq!(role["role"], "admin");
    (role["holders"].clone(), role["held"].clone(), role["alarm"].clone())
}

async fn actions(doors: &Doors, target: &str) -> Vec<String> {
    doors.audit(target).await.iter().map(|it| text(&it["action"])).collect()
}

/// Behaviour 75: whatever an administrator does, somebody is left who can mend it.
#[test]
fn the_last_administrator_can_be_neither_demoted_nor_shut_out_nor_deleted_by_hand() {
    run(async {
        let doors = doors().await;
        assert_eq!(admins(&doors).await, (json!(0), json!(true)), "a tenant begins without");
        let hana = local_admin(&doors, "hana").await;
        assert_eq!(admins(&doors).await, (json!(1), json!(false)));
        let rules = doors.api.get("/mapping-rules").await.is(200).json();

        for body in [json!({"active": false}), json!({"title": null}), json!({"department": null})] {
            change(&doors, &hana, body).await.problem(409, "last_holder");
        }
        doors.api.delete(&format!("/users/{hana}")).await.problem(409, "last_holder");
        let rule = text(&rules["items"][0]["id"]);
        doors.api.delete(&format!("/mapping-rules/{rule}")).await.problem(409, "last_holder");

        assert_eq!(doors.access(&hana).await["roles"][0]["role"], "admin");
        assert_eq!(actions(&doors, &hana).await.iter().filter(|it| *it == "user.update").count(), 0);
        let ken = local_admin(&doors, "ken").await;
        change(&doors, &hana, json!({"active": false})).await.is(200);
        change(&doors, &ken, json!({"active": false})).await.problem(409, "last_holder");
        assert_eq!(admins(&doors).await, (json!(1), json!(false)));
    });
}

/// Behaviour 75, the other half: a leaver leaves, and the tenant learns of it.
#[test]
fn a_directory_may_take_the_last_administrator_and_it_is_alarmed() {
    run(async {
        let doors = doors().await;
        let connection = doors.connection("op", "https://idp.example").await;
        for (name, way) in [("hana", "deactivate"), ("mina", "delete")] {
            let admin = pushed_admin(&doors, name).await;
            let cookie = doors.session(&admin, connection).await;
            let at = format!("/Users/{admin}");
            match way {
                "deactivate" => doors.set_active(&admin, false).await,
                _ => {
                    doors.scim.delete(&at).await.is(204);
                }
            }

            assert_eq!(admins(&doors).await, (json!(0), json!(true)), "{way}");
            let alarms = actions(&doors, &admin).await.iter().filter(|it| *it == "access.alarm").count();
            assert_eq!(alarms, 1, "{way}");
            session_at(crate::support::http::base(), &cookie).await.problem(401, "unauthenticated");
        }
    });
}

/// The reasons for which somebody is an administrator; none if they are not.
async fn why_admin(doors: &Doors, id: &str) -> Vec<String> {
    let access = doors.access(id).await;
    let roles = access["roles"].as_array().unwrap();
    let admin = roles.iter().find(|it| it["role"] == "admin").cloned().unwrap_or_default();
    let reasons = admin["reasons"].as_array().cloned().unwrap_or_default();
    reasons.iter().map(|it| text(&it["because"])).collect()
}

/// Behaviour 75: the role of the last administrator is not a directory's to take, however it goes about it.
#[test]
fn the_last_administrator_keeps_the_role_that_a_directory_takes_until_another_has_it() {
    run(async {
        let doors = doors().await;
        let connection = doors.connection("op", "https://idp.example").await;
        let hana = pushed_admin(&doors, "hana").await;
        let cookie = doors.session(&hana, connection).await;
        let at = format!("/Users/{hana}");
        let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
        doors.org_unit("sales", Some("Top")).await;

        doors.scim.patch(&at, json!([{"op": "remove", "path": "title"}])).await.is(200);
        doors.scim.patch(&at, json!([{"op": "replace", "path": department, "value": "sales"}])).await.is(200);
        doors
            .scim
            .patch(&at, json!([{"op": "replace", "path": "displayName", "value": "Hana"}]))
            .await
            .is(200);

        assert_eq!(why_admin(&doors, &hana).await, ["held"]);
        assert_eq!(doors.access(&hana).await["home"]["key"], "sales", "all else is as the directory says");
        assert_eq!(keepers(&doors).await, (json!(1), json!(1), json!(true)));
        let alarms = actions(&doors, &hana).await.iter().filter(|it| *it == "access.alarm").count();
        assert_eq!(alarms, 1, "what is kept is alarmed once");
        session_at(crate::support::http::base(), &cookie).await.is(200);
        // What administrators do by hand is not in the way of it, nor it in theirs.
        doors.rule(3, json!({"group": "others"}), json!({"flags": {"flags": ["recolog"]}})).await;
        assert_eq!(why_admin(&doors, &hana).await, ["held"]);

        let ken = pushed_admin(&doors, "ken").await;

        assert_eq!(why_admin(&doors, &hana).await, Vec::<String>::new());
        assert_eq!(why_admin(&doors, &ken).await.first().map(String::as_str), Some("derived"));
        assert_eq!(keepers(&doors).await, (json!(1), json!(0), json!(false)));
    });
}

/// What is kept is not given: the directory gives it back, or the person leaves.
#[test]
fn a_role_that_is_kept_is_given_again_or_goes_with_the_person() {
    run(async {
        let doors = doors().await;
        let hana = pushed_admin(&doors, "hana").await;
        let at = format!("/Users/{hana}");
        let untitled = json!([{"op": "remove", "path": "title"}]);
        doors.scim.patch(&at, untitled.clone()).await.is(200);
        assert_eq!(why_admin(&doors, &hana).await, ["held"]);

        doors.scim.patch(&at, json!([{"op": "replace", "path": "title", "value": "CEO"}])).await.is(200);

        assert!(!why_admin(&doors, &hana).await.contains(&"held".to_owned()));
        assert_eq!(keepers(&doors).await, (json!(1), json!(0), json!(false)));
        doors.scim.patch(&at, untitled).await.is(200);
        doors.set_active(&hana, false).await;
        assert_eq!(why_admin(&doors, &hana).await, Vec::<String>::new());
        assert_eq!(keepers(&doors).await, (json!(0), json!(0), json!(true)));
        doors.set_active(&hana, true).await;
        assert_eq!(why_admin(&doors, &hana).await, Vec::<String>::new(), "who comes back has what is given");
    });
}

/// A group is emptied: both go at once, and neither is less the last than the other.
#[test]
fn all_who_lose_the_last_of_a_role_at_once_keep_it() {
    run(async {
        let doors = Doors::fresh().await;
        doors.rule(1, json!({"group": "chiefs"}), json!({"flags": {"flags": ["admin_flag"]}})).await;
        doors.rule(2, json!({"group": "chiefs"}), json!({"home": {"template": "Top"}})).await;
        let (one, other) = (doors.user("one").await, doors.user("other").await);
        let chiefs = doors.group("chiefs", &[&one, &other]).await;
        assert_eq!(keepers(&doors).await, (json!(2), json!(0), json!(false)));

        doors.scim.patch(&format!("/Groups/{chiefs}"), json!([{"op": "remove", "path": "members"}])).await;

        assert_eq!(keepers(&doors).await, (json!(2), json!(2), json!(true)));
        let one = json!([{"op": "add", "path": "members", "value": [{"value": one}]}]);
        doors.scim.patch(&format!("/Groups/{chiefs}"), one).await;
        assert_eq!(keepers(&doors).await, (json!(1), json!(0), json!(false)));
        assert_eq!(why_admin(&doors, &other).await, Vec::<String>::new());
    });
}

/// Two requests that each leave the other's administrator: one of them is too late.
#[test]
fn two_last_administrators_cannot_be_shut_out_at_the_same_moment() {
    run(async {
        for _ in 0..5 {
            let doors = doors().await;
            let (one, other) = (local_admin(&doors, "one").await, local_admin(&doors, "other").await);

            let (first, second) = tokio::join!(
                change(&doors, &one, json!({"active": false})),
                change(&doors, &other, json!({"active": false}))
            );

            let mut statuses = [first.status, second.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 409]);
            assert_eq!(admins(&doors).await, (json!(1), json!(false)));
        }
    });
}

async fn people(doors: &Doors, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(doors.user(&format!("p{n}")).await);
    }
    ids
}

async fn guard(doors: &Doors, mode: &str, at_least: i32) -> Reply {
    let body = json!({"mode": mode, "atLeast": at_least, "percent": 0});
    doors.api.put("/directories/directory/mass-guard", body).await
}

async fn shut_out(doors: &Doors, id: &str) -> Reply {
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    doors.scim.patch(&format!("/Users/{id}"), off).await
}

async fn watched(doors: &Doors) -> Value {
    doors.api.get("/guards").await.is(200).json()["directories"][0].clone()
}

/// Behaviour 76: unless the tenant wants it otherwise, everybody is shut out as the directory says.
#[test]
fn many_departures_within_an_hour_raise_one_alarm_and_stop_nobody() {
    run(async {
        let doors = Doors::fresh().await;
        let everybody = people(&doors, 13).await;

        for id in &everybody[..10] {
            shut_out(&doors, id).await.is(200);
        }
        assert_eq!(watched(&doors).await["alarm"], false, "ten are not many");
        shut_out(&doors, &everybody[10]).await.is(200);
        doors.scim.delete(&format!("/Users/{}", everybody[11])).await.is(204);
        shut_out(&doors, &everybody[12]).await.is(200);

        let now = watched(&doors).await;
        assert_eq!(
            (&now["alarm"], &now["departures"], &now["mode"]),
            (&json!(true), &json!(13), &json!("alert"))
        );
        let directory = doors.tenant.directory.directory().to_string();
        let alarms = actions(&doors, &directory).await;
        assert_eq!(alarms.iter().filter(|it| *it == "directory.alarm").count(), 1, "{alarms:?}");
        assert_eq!(doors.api.get("/held-departures").await.is(200).json()["items"], json!([]));
    });
}

/// Who goes need not count everybody who went within the hour.
#[test]
fn many_departures_become_few_rows_and_count_as_before() {
    run(async {
        let doors = Doors::fresh().await;
        let leaver = people(&doors, 1).await.remove(0);
        let directory = doors.tenant.directory.directory();
        let tenant = doors.tenant.directory.scope().tenant();
        let now = doors.tenant.app.now().to_rfc3339();
        let went = format!(
            "INSERT INTO departure (tenant_id, directory_id, at, user_id) \
             SELECT '{tenant}', '{directory}', '{now}'::timestamptz - n * interval '2 seconds', gen_random_uuid() \
             FROM generate_series(1, 144) AS n"
        );
        at_the_owners_seat(&doors.tenant, &went).await;

        shut_out(&doors, &leaver).await.is(200);

        assert_eq!(watched(&doors).await["departures"], 145);
        let few = format!(
            "DO $$ BEGIN ASSERT (SELECT count(*) BETWEEN 5 AND 8 AND sum(n) = 145 FROM departure \
             WHERE directory_id = '{directory}'), 'they are folded'; END $$"
        );
        at_the_owners_seat(&doors.tenant, &few).await;
    });
}

/// Behaviour 76: a tenant that wants it has the further ones wait, and the client is told so.
#[test]
fn where_the_tenant_wants_it_further_departures_wait_for_an_administrator() {
    run(async {
        let doors = Doors::fresh().await;
        let everybody = people(&doors, 6).await;
        guard(&doors, "hold", 2).await.is(200);
        shut_out(&doors, &everybody[0]).await.is(200);
        shut_out(&doors, &everybody[1]).await.is(200);

        let held = shut_out(&doors, &everybody[2]).await.scim_error(403, None).json();
        let again = shut_out(&doors, &everybody[2]).await;
        let deleted = doors.scim.delete(&format!("/Users/{}", everybody[3])).await;
        shut_out(&doors, &everybody[4]).await.scim_error(403, None);
        let title = json!([{"op": "replace", "path": "title", "value": "x"}]);
        doors.scim.patch(&format!("/Users/{}", everybody[2]), title).await.is(200);

        assert!(text(&held["detail"]).contains("waits for an administrator"), "{held}");
        again.scim_error(403, None);
        deleted.scim_error(403, None);
        let listed = doors.api.get("/held-departures").await.is(200).json()["items"].clone();
        let waiting: Vec<(&Value, &Value)> =
            listed.as_array().unwrap().iter().map(|it| (&it["user"], &it["kind"])).collect();
        let (two, three, four) = (json!(everybody[2]), json!(everybody[3]), json!(everybody[4]));
        let (off, gone) = (json!("deactivate"), json!("delete"));
        assert_eq!(waiting, [(&two, &off), (&three, &gone), (&four, &off)]);
        for id in &everybody[2..5] {
            assert_eq!(doors.scim.get(&format!("/Users/{id}")).await.is(200).json()["active"], true);
        }

        let decide = async |id: &str, decision: &str| {
            doors.api.post(&format!("/held-departures/{id}"), json!({"decision": decision})).await
        };
        decide(&everybody[2], "approve").await.is(204);
        decide(&everybody[3], "approve").await.is(204);
        decide(&everybody[4], "refuse").await.is(204);
        decide(&everybody[4], "approve").await.problem(404, "not_found");

        assert_eq!(doors.scim.get(&format!("/Users/{}", everybody[2])).await.is(200).json()["active"], false);
        doors.scim.get(&format!("/Users/{}", everybody[3])).await.scim_error(404, None);
        assert_eq!(doors.scim.get(&format!("/Users/{}", everybody[4])).await.is(200).json()["active"], true);
        assert_eq!(doors.api.get("/held-departures").await.is(200).json()["items"], json!([]));
        shut_out(&doors, &everybody[2]).await.is(200);
    });
}

/// One person is never held, whatever the numbers; and what administrators do is not counted.
#[test]
fn who_leaves_alone_is_never_held() {
    run(async {
        let doors = Doors::fresh().await;
        let everybody = people(&doors, 2).await;
        guard(&doors, "hold", 0).await.problem(400, "invalid");
        guard(&doors, "hold", 1).await.is(200);
        for n in 0..4 {
            let local = doors.api.post("/users", json!({"userName": format!("l{n}")})).await.is(201).id();
            doors.api.delete(&format!("/users/{local}")).await.is(204);
        }

        shut_out(&doors, &everybody[0]).await.is(200);

        shut_out(&doors, &everybody[1]).await.scim_error(403, None);
        guard(&doors, "alert", 1).await.is(200);
        shut_out(&doors, &everybody[1]).await.is(200);
        assert_eq!(
            doors.api.get("/held-departures").await.is(200).json()["items"],
            json!([]),
            "it has happened"
        );
    });
}
