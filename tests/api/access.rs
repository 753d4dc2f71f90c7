//! What people may do, end to end on bellFace: what the directory says, through rules, to roles with reasons; and what
//! of it is written down.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};

use crate::support::http::{Doors, text};
use crate::support::{run, urls};

const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// An organisation of three levels, homes by department, the admin flag by group.
async fn bellface() -> Doors {
    let doors = Doors::fresh().await;
    doors.org_unit("Sales", Some("Top")).await;
    doors.org_unit("Sales/Osaka", Some("Sales")).await;
    doors
        .rule(
            10,
            json!({"attribute": {"path": DEPARTMENT}}),
            json!({"home": {"template": "{value}", "fallback": "Sales"}}),
        )
        .await;
    doors.rule(20, json!({"group": "administrators"}), json!({"flags": {"flags": ["admin_flag"]}})).await;
    doors
}

async fn person(doors: &Doors, name: &str, department: Option<&str>) -> String {
    match department {
        Some(department) => {
            doors.person(json!({"userName": name, ENTERPRISE: {"department": department}})).await
        }
        None => doors.user(name).await,
    }
}

/// Role, level and place of each role, and the home.
async fn stands(doors: &Doors, user: &str) -> (Vec<(String, String, String)>, String) {
    let access = doors.access(user).await;
    let roles = access["roles"].as_array().unwrap().iter().map(|held| {
        let scope = &held["scope"];
        let place = scope["key"].as_str().unwrap_or_else(|| scope["kind"].as_str().unwrap());
        (text(&held["role"]), held["level"].as_str().unwrap_or("-").to_owned(), place.to_owned())
    });
    (roles.collect(), access["home"]["key"].as_str().unwrap_or("-").to_owned())
}

fn role(role: &str, level: &str, place: &str) -> Vec<(String, String, String)> {
    vec![(role.to_owned(), level.to_owned(), place.to_owned())]
}

fn admin() -> Vec<(String, String, String)> {
    role("admin", "admin", "environment")
}

fn org_admin(unit: &str) -> Vec<(String, String, String)> {
    role("org_admin", "org_admin", unit)
}

fn general() -> Vec<(String, String, String)> {
    role("general", "-", "environment")
}

/// Somebody who stays an administrator, so that the tenant has one whoever else does not.
async fn founder(doors: &Doors) {
    let founder = json!({"attribute": {"path": "title", "value": "Founder"}});
    doors.rule(30, founder, json!({"flags": {"flags": ["admin_flag"]}})).await;
    doors.person(json!({"userName": "founder", "title": "Founder", ENTERPRISE: {"department": "Top"}})).await;
}

async fn change_members(doors: &Doors, group: &str, op: &str, user: &str) {
    let change = json!([{"op": op, "path": "members", "value": [{"value": user}]}]);
    doors.scim.patch(&format!("/Groups/{group}"), change).await.is(204);
}

#[test]
fn the_admin_flag_makes_an_admin_at_the_top_and_an_org_admin_below() {
    run(async {
        let doors = bellface().await;
        let hana = person(&doors, "hana", Some("Top")).await;
        let ken = person(&doors, "ken", Some("sales/OSAKA")).await;
        let mina = person(&doors, "mina", None).await;

        doors.group("Administrators", &[&hana, &ken]).await;

        assert_eq!(stands(&doors, &hana).await, (admin(), "Top".to_owned()));
        assert_eq!(stands(&doors, &ken).await, (org_admin("Sales/Osaka"), "Sales/Osaka".to_owned()));
        assert_eq!(stands(&doors, &mina).await, (general(), "Sales".to_owned()));
        let access = doors.access(&hana).await;
        let sentences: Vec<String> = access["roles"][0]["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| text(&it["sentence"]))
            .collect();
        let first = "Follows from the flag admin_flag and a home at the top of the organisation (Top).";
        assert_eq!(sentences[0], first);
        assert!(sentences[1].starts_with("Member of the group \"Administrators\""), "{sentences:?}");
        let why = text(&access["flags"][0]["reasons"][0]["sentence"]);
        assert!(why.starts_with("Member of the group \"Administrators\""), "{why}");
        let may: BTreeSet<String> =
            access["permissions"].as_array().unwrap().iter().map(|it| text(&it["permission"])).collect();
        assert!(may.contains("users.invite") && may.contains("materials.delete_others"), "{may:?}");
    });
}

#[test]
fn who_joins_and_leaves_a_group_gains_and_loses_by_it() {
    run(async {
        let doors = bellface().await;
        founder(&doors).await;
        let hana = person(&doors, "hana", Some("Top")).await;
        let group = doors.group("administrators", &[]).await;
        assert_eq!(stands(&doors, &hana).await.0, general());

        change_members(&doors, &group, "add", &hana).await;
        assert_eq!(stands(&doors, &hana).await.0, admin());
        change_members(&doors, &group, "remove", &hana).await;
        assert_eq!(stands(&doors, &hana).await.0, general());
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "administrators", "members": [{"value": hana}]});
        doors.scim.put(&format!("/Groups/{group}"), body).await.is(200);
        assert_eq!(stands(&doors, &hana).await.0, admin());
        doors.scim.delete(&format!("/Groups/{group}")).await.is(204);
        assert_eq!(stands(&doors, &hana).await.0, general());
    });
}

#[test]
fn a_renamed_group_is_another_group_to_the_rules() {
    run(async {
        let doors = bellface().await;
        founder(&doors).await;
        let hana = person(&doors, "hana", Some("Top")).await;
        let group = doors.group("nobodies", &[&hana]).await;
        let rename = async |name: &str| {
            let change = json!([{"op": "replace", "path": "displayName", "value": name}]);
            doors.scim.patch(&format!("/Groups/{group}"), change).await.is(204);
            stands(&doors, &hana).await.0
        };

        assert_eq!(rename("ADMINISTRATORS").await, admin());
        assert_eq!(rename("nobodies").await, general());
        doors.rule(5, json!({"groupExternalId": "g-1"}), json!({"flags": {"flags": ["admin_flag"]}})).await;
        let change = json!([{"op": "add", "path": "externalId", "value": "g-1"}]);
        doors.scim.patch(&format!("/Groups/{group}"), change).await.is(204);
        assert_eq!(stands(&doors, &hana).await.0, admin());
    });
}

#[test]
fn a_rule_that_goes_takes_what_it_gave_and_a_new_one_gives_at_once() {
    run(async {
        let doors = bellface().await;
        let hana = person(&doors, "hana", Some("Top")).await;
        let rule = doors
            .rule(
                1,
                json!({"attribute": {"path": "title", "value": "CEO"}}),
                json!({"flags": {"flags": ["admin_flag"]}}),
            )
            .await;
        let change = json!([{"op": "replace", "path": "title", "value": "ceo"}]);
        doors.scim.patch(&format!("/Users/{hana}"), change).await.is(200);
        assert_eq!(stands(&doors, &hana).await.0, admin());

        doors.api.delete(&format!("/mapping-rules/{rule}")).await.problem(409, "last_holder");
        let boss = json!({"attribute": {"path": "nickName", "value": "Boss"}});
        doors.rule(2, boss, json!({"flags": {"flags": ["admin_flag"]}})).await;
        let ken = person(&doors, "ken", Some("Top")).await;
        let change = json!([{"op": "replace", "path": "nickName", "value": "Boss"}]);
        doors.scim.patch(&format!("/Users/{ken}"), change).await.is(200);
        doors.api.delete(&format!("/mapping-rules/{rule}")).await.is(204);

        assert_eq!(stands(&doors, &hana).await.0, general());
        doors.api.delete(&format!("/mapping-rules/{rule}")).await.problem(404, "not_found");
    });
}

#[test]
fn a_move_in_the_organisation_moves_what_is_held_there() {
    run(async {
        let doors = bellface().await;
        founder(&doors).await;
        let ken = person(&doors, "ken", Some("Sales/Osaka")).await;
        doors.group("administrators", &[&ken]).await;
        let moved = async |department: Value| {
            let op = if department.is_null() { "remove" } else { "replace" };
            let mut change = json!([{"op": op, "path": DEPARTMENT}]);
            if !department.is_null() {
                change[0]["value"] = department;
            }
            doors.scim.patch(&format!("/Users/{ken}"), change).await.is(200);
            stands(&doors, &ken).await
        };

        assert_eq!(moved(json!("Sales")).await, (org_admin("Sales"), "Sales".to_owned()));
        assert_eq!(moved(json!("Top")).await, (admin(), "Top".to_owned()));
        assert_eq!(moved(json!("Mars")).await, (org_admin("Sales"), "Sales".to_owned()));
        assert_eq!(moved(Value::Null).await, (org_admin("Sales"), "Sales".to_owned()));
        doors.org_unit("Mars", Some("Top")).await;
        assert_eq!(moved(json!("Mars")).await, (org_admin("Mars"), "Mars".to_owned()));
    });
}

/// Whoever is like somebody else is computed with them: what is found for the one must be right for the other.
#[test]
fn many_who_come_and_go_at_once_hold_what_each_would_hold_alone() {
    run(async {
        let doors = bellface().await;
        founder(&doors).await;
        doors.rule(40, json!({"group": "recorders"}), json!({"flags": {"flags": ["recolog"]}})).await;
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        for (people, side) in [(&mut together, "together"), (&mut alone, "alone")] {
            for (n, department) in [
                Some("Top"),
                Some("Sales"),
                Some("Top"),
                Some("Sales/Osaka"),
                Some("Mars"),
                None,
                Some("Top"),
            ]
            .into_iter()
            .enumerate()
            {
                people.push(person(&doors, &format!("{side}-{n}"), department).await);
            }
            doors.set_active(&people[2], false).await;
        }
        let recorders = [&together[6], &together[1], &alone[6], &alone[1]].map(String::as_str);
        doors.group("recorders", &recorders).await;
        let group = doors.group("administrators", &[]).await;
        let path = format!("/Groups/{group}");
        let values: Vec<Value> = together.iter().map(|id| json!({"value": id})).collect();

        for op in ["add", "remove", "add"] {
            doors.scim.patch(&path, json!([{"op": op, "path": "members", "value": values}])).await.is(204);
            for one in &alone {
                change_members(&doors, &group, op, one).await;
            }

            for (one, other) in together.iter().zip(&alone) {
                assert_eq!(doors.access(one).await, doors.access(other).await, "{op}");
                let mut told = Vec::new();
                for id in [one, other] {
                    let trail = doors.audit(id).await;
                    let changes = events(&trail, "access.change").into_iter();
                    told.push(
                        changes.map(|it| (it["before"].clone(), it["after"].clone())).collect::<Vec<_>>(),
                    );
                    assert!(trail.iter().all(|event| event["targetId"] == json!(id)));
                }
                assert_eq!(told[0], told[1], "{op}");
                assert_eq!(outbox(&doors, one).await, outbox(&doors, other).await, "{op}");
            }
        }
        assert_eq!(stands(&doors, &together[0]).await.0, admin());
        assert_eq!(stands(&doors, &together[1]).await.0, org_admin("Sales"));
        assert_eq!(stands(&doors, &together[2]).await.0, []);
        let found = doors.api.get("/users?role=admin").await.is(200).json();
        let names = found["items"].as_array().unwrap().iter().map(|person| text(&person["userName"]));
        let expected = ["together-0", "together-6", "alone-0", "alone-6", "founder"].map(str::to_owned);
        assert_eq!(names.collect::<BTreeSet<_>>(), expected.into());
    });
}

#[test]
fn who_is_not_active_holds_nothing_until_they_are_again() {
    run(async {
        let doors = bellface().await;
        let hana = person(&doors, "hana", Some("Top")).await;
        doors.group("administrators", &[&hana]).await;

        doors.set_active(&hana, false).await;
        let access = doors.access(&hana).await;
        assert_eq!(access["status"], json!({"kind": "inactive"}));
        for held in ["roles", "flags", "permissions"] {
            assert_eq!(access[held], json!([]), "{held}");
        }
        doors.set_active(&hana, true).await;
        assert_eq!(stands(&doors, &hana).await.0, admin());
    });
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    run(async {
        let doors = bellface().await;
        let group = json!({"group": "x"});
        for (matches, gives) in [
            (group.clone(), json!({"flags": {"flags": ["no_such_flag"]}})),
            (group.clone(), json!({"flags": {"flags": []}})),
            (group.clone(), json!({"role": {"role": "admin"}})),
            (group.clone(), json!({"role": {"role": "no_such_role"}})),
            (group.clone(), json!({"flags": {"flags": ["admin_flag"], "scope": {"workspace": "nowhere"}}})),
            (group.clone(), json!({"flags": {"flags": ["admin_flag"], "scope": {"orgUnit": "nowhere"}}})),
            (json!({"group": " "}), json!({"flags": {"flags": ["admin_flag"]}})),
            (
                json!({"attribute": {"path": "title"}}),
                json!({"home": {"template": "{value}", "fallback": "Top"}}),
            ),
        ] {
            let shown = format!("{matches} {gives}");
            let body = json!({"priority": 1, "match": matches, "gives": gives});
            let refused = doors.api.post("/mapping-rules", body).await;
            assert_eq!(refused.status, 400, "{shown}: {}", refused.text);
            refused.problem(400, "invalid");
        }
        doors
            .api
            .post("/mapping-rules", json!({"priority": 1, "match": group}))
            .await
            .problem(400, "invalid_body");
        let listed = doors.api.get("/mapping-rules").await.is(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    });
}

// ---- what is written down ----

fn events<'a>(trail: &'a [Value], action: &str) -> Vec<&'a Value> {
    trail.iter().filter(|event| event["action"] == action).collect()
}

#[test]
fn every_write_leaves_who_did_what_by_which_request() {
    run(async {
        let doors = bellface().await;
        let created = doors
            .scim
            .post(
                "/Users",
                json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "mina"}),
            )
            .await
            .is(201);
        let (id, path) = (created.id(), format!("/Users/{}", created.id()));
        let change = json!([{"op": "replace", "path": "title", "value": "CEO"}, {"op": "add", "path": "nickName", "value": "Mi"}]);
        let changed = doors.scim.patch(&path, change).await.is(200);
        doors.set_active(&id, false).await;
        let group = doors.group("administrators", &[&id]).await;
        let deleted = doors.scim.delete(&path).await.is(204);

        let trail = doors.audit(&id).await;

        let actions: Vec<&str> = trail.iter().map(|event| event["action"].as_str().unwrap()).collect();
        for action in ["user.provision", "user.update", "user.deactivate", "user.delete", "access.change"] {
            assert!(actions.contains(&action), "{action} is not in {actions:?}");
        }
        let directory = doors.tenant.directory.directory();
        let credential = doors.tenant.directory.credential();
        for event in &trail {
            assert_eq!(
                event["actor"],
                json!({"kind": "directory", "directory": directory, "credential": credential})
            );
            assert_eq!((&event["targetId"], &event["targetKind"]), (&json!(id), &json!("user")));
        }
        let provision = events(&trail, "user.provision")[0];
        assert_eq!((&provision["before"], &provision["after"]["userName"]), (&Value::Null, &json!("mina")));
        assert_eq!(provision["requestId"], created.header("x-request-id"));
        let update = events(&trail, "user.update")[0];
        assert_eq!(
            (&update["before"], &update["after"]),
            (&json!({}), &json!({"title": "CEO", "nickName": "Mi"}))
        );
        assert_eq!(update["requestId"], changed.header("x-request-id"));
        let deactivate = events(&trail, "user.deactivate")[0];
        assert_eq!(
            (&deactivate["before"], &deactivate["after"]),
            (&json!({"active": true}), &json!({"active": false}))
        );
        let delete = events(&trail, "user.delete")[0];
        assert_eq!((&delete["before"]["userName"], &delete["after"]), (&json!("mina"), &Value::Null));
        assert_eq!(delete["requestId"], deleted.header("x-request-id"));
        let members = doors.audit(&group).await;
        assert_eq!(events(&members, "group.members.add")[0]["after"]["members"], json!([id]));
    });
}

#[test]
fn every_write_at_the_administration_leaves_its_event() {
    run(async {
        let doors = Doors::fresh().await;
        let api = &doors.api;
        let unit = api
            .post("/org-units", json!({"key": "Sales", "name": "Sales", "parent": "Top"}))
            .await
            .is(201)
            .id();
        let workspace = api
            .post("/workspaces", json!({"key": "emea", "name": "EMEA", "orgUnit": "Sales"}))
            .await
            .is(201)
            .id();
        let directory =
            api.post("/directories", json!({"slug": "second", "name": "Second"})).await.is(201).id();
        let credential =
            api.post("/credentials", json!({"directory": "second", "expiresDays": 30})).await.is(201);
        let credential_id = credential.id();
        let connection = api.post("/connections", json!({
            "slug": "entra", "name": "Entra", "directory": "second", "issuer": "https://idp.example", "clientId": "x",
            "clientSecret": "a-secret-of-theirs", "linkClaim": "sub", "linkTo": "externalId", "returnTo": "https://app.example"
        })).await.is(201).id();
        let pool = api.put("/seat-pool", json!({"purchased": 3, "atLimit": "refuse"})).await.is(200).id();
        let rule = doors.rule(1, json!({"group": "x"}), json!({"flags": {"flags": ["admin_flag"]}})).await;
        api.delete(&format!("/mapping-rules/{rule}")).await.is(204);
        api.delete(&format!("/credentials/{credential_id}")).await.is(204);

        for (target, actions) in [
            (&unit, &["org_unit.create"][..]),
            (&workspace, &["workspace.create"]),
            (&directory, &["directory.create"]),
            (&credential_id, &["credential.issue", "credential.revoke"]),
            (&connection, &["connection.create"]),
            (&pool, &["seat_pool.set"]),
            (&rule, &["mapping_rule.create", "mapping_rule.delete"]),
        ] {
            let trail = doors.audit(target).await;
            let found: Vec<&str> = trail.iter().map(|event| event["action"].as_str().unwrap()).collect();
            assert_eq!(found, actions);
            for event in &trail {
                assert_eq!(event["actor"]["kind"], "admin", "{event}");
                let shown = event.to_string();
                assert!(!shown.contains("a-secret-of-theirs") && !shown.contains("usher_scim_"), "{shown}");
            }
        }
        api.post("/directories", json!({"slug": "second", "name": "Again"})).await.problem(409, "conflict");
        api.post("/credentials", json!({"directory": "nowhere"})).await.problem(400, "invalid");
    });
}

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    fact: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// What was announced of somebody, and how often.
async fn outbox(doors: &Doors, subject: &str) -> Vec<(String, i64)> {
    let mut connection = AsyncPgConnection::establish(&urls().owner).await.unwrap();
    let facts: Vec<Fact> = connection
        .transaction(async |connection| {
            let tenant = doors.tenant.admin.scope().tenant();
            diesel::sql_query(format!("SET LOCAL app.tenant_id = '{tenant}'")).execute(connection).await?;
            diesel::sql_query(
                "SELECT fact, count(*) AS n FROM (SELECT fact, subject_id FROM outbox \
                 UNION ALL SELECT fact, subject_id FROM signal) AS told WHERE subject_id = $1 GROUP BY fact ORDER BY fact",
            )
            .bind::<Text, _>(subject)
            .load(connection)
            .await
        })
        .await
        .unwrap();
    facts.into_iter().map(|fact| (fact.fact, fact.n)).collect()
}

#[test]
fn each_fact_is_announced_once() {
    run(async {
        let doors = bellface().await;
        doors.keep_facts().await;
        doors.seats(1).await;
        let (mina, ken) = (person(&doors, "mina", None).await, person(&doors, "ken", None).await);
        let connection = doors.connection("op", "https://idp.example").await;
        doors.session(&mina, connection).await;
        doors.session(&mina, connection).await;

        doors.set_active(&mina, false).await;
        doors.set_active(&mina, false).await;

        let once = |facts: &[&str]| facts.iter().map(|fact| ((*fact).to_owned(), 1)).collect::<Vec<_>>();
        assert_eq!(
            outbox(&doors, &mina).await,
            [
                ("access.changed".to_owned(), 2),
                ("seat.granted".to_owned(), 1),
                ("seat.released".to_owned(), 1),
                ("session.revoked".to_owned(), 2),
                ("user.deactivated".to_owned(), 1),
                ("user.provisioned".to_owned(), 1),
            ]
        );
        assert_eq!(
            outbox(&doors, &ken).await,
            once(&["access.changed", "seat.granted", "seat.waiting", "user.provisioned"])
        );
        let promoted = doors.audit(&ken).await;
        assert_eq!(events(&promoted, "seat.promote").len(), 1);
    });
}

#[test]
fn the_trail_is_read_in_pages_newest_first() {
    run(async {
        let doors = Doors::fresh().await;
        for n in 0..5 {
            doors.user(&format!("user-{n}")).await;
        }

        let mut seen: Vec<Value> = Vec::new();
        let mut before = String::new();
        loop {
            let page = doors.api.get(&format!("/audit-events?count=3{before}")).await.is(200).json();
            let Some(last) = page["events"].as_array().unwrap().last() else { break };
            before = format!("&before={}", last["id"].as_str().unwrap());
            seen.extend(page["events"].as_array().unwrap().clone());
        }
        let all = doors.api.get("/audit-events?count=200").await.is(200).json();
        assert_eq!(&seen, all["events"].as_array().unwrap());
        let ids: Vec<&str> = seen.iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
        doors.api.get("/audit-events?count=0").await.problem(400, "invalid_parameter");
        doors.api.get("/audit-events?before=x").await.problem(400, "invalid_parameter");
    });
}
