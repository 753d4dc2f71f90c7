//! May this person do this here, and who may: through the API, on a product with workspaces.

use domain::blueprint::{Blueprint, catalog};
use serde_json::{Value, json};

use crate::support::http::{Doors, base, session_at, text};
use crate::support::people::Tenant;
use crate::support::{fresh_slug, run};

/// A tenant of the first product for which this holds.
async fn tenant_of(is_it: impl Fn(&Blueprint) -> bool) -> Doors {
    let found = catalog().iter().find(|(_, text)| is_it(&Blueprint::parse(text).unwrap()));
    Doors::of(Tenant::of_product(&fresh_slug(), found.unwrap().0).await).await
}

/// Two workspaces; in each, groups for the roles.
async fn restricting() -> Doors {
    let doors = tenant_of(|blueprint| blueprint.restriction("mask_pii").is_some()).await;
    for key in ["emea", "apac"] {
        doors.api.post("/workspaces", json!({"key": key, "name": key})).await.is(201);
        for role in ["owner", "manager", "agent"] {
            let gives = json!({"role": {"role": role, "scope": {"workspace": key}}});
            doors.rule(10, json!({"group": format!("{role}s {key}")}), gives).await;
        }
    }
    doors
}

fn at(key: &str) -> Value {
    json!({"workspace": key})
}

pub(super) async fn decide(doors: &Doors, user: &str, permission: &str, at: Value) -> Value {
    let question = json!({"user": user, "permission": permission, "at": at});
    let answers = doors.api.post("/decisions", json!({"questions": [question]})).await.is(200).json();
    answers["items"][0].clone()
}

/// RSP-14: a different role in each workspace, and none in the organisation.
#[test]
fn one_person_may_do_different_things_in_different_workspaces() {
    run(async {
        let doors = restricting().await;
        let hana = doors.user("hana").await;
        doors.group("managers emea", &[&hana]).await;
        doors.group("agents apac", &[&hana]).await;

        let reports = async |at| decide(&doors, &hana, "reports", at).await["allowed"].clone();

        assert_eq!(reports(at("emea")).await, true);
        assert_eq!(reports(at("apac")).await, false);
        assert_eq!(reports(json!("environment")).await, false);
        assert_eq!(decide(&doors, &hana, "messages", at("apac")).await["allowed"], true);
    });
}

#[test]
fn one_question_and_several_are_answered_alike() {
    run(async {
        let doors = restricting().await;
        let hana = doors.user("hana").await;
        doors.group("agents emea", &[&hana]).await;
        for permission in ["messages", "reports", "contacts.visibility"] {
            let one = doors.api.get(&format!("/users/{hana}/permissions/{permission}?workspace=emea")).await;
            assert_eq!(
                one.is(200).json(),
                decide(&doors, &hana, permission, at("emea")).await,
                "{permission}"
            );
        }

        let answer = decide(&doors, &hana, "messages", at("emea")).await;
        let reasons: Vec<String> =
            answer["reasons"].as_array().unwrap().iter().map(|it| text(&it["because"])).collect();
        assert_eq!(reasons, ["fromRole", "groupMatched"]);
        assert_eq!(answer["obligations"], json!([]));
    });
}

/// RSP-24: what an agent may see is said with what the product must see to, in three languages.
#[test]
fn a_level_comes_with_its_obligations_and_can_be_asked_for() {
    run(async {
        let doors = restricting().await;
        let hana = doors.user("hana").await;
        let gives =
            json!({"role": {"role": "agent", "scope": at("emea"), "restrictions": ["contacts_mine"]}});
        doors.rule(1, json!({"group": "newcomers"}), gives).await;
        doors.group("newcomers", &[&hana]).await;

        let answer = decide(&doors, &hana, "contacts.visibility", at("emea")).await;
        assert_eq!((&answer["allowed"], &answer["level"]), (&json!(true), &json!("mine")));
        let obligation = &answer["obligations"][0];
        assert_eq!(obligation["id"], "filtered_views");
        assert!(["ja", "en", "fr"].iter().all(|language| !text(&obligation[*language]).is_empty()));
        let one = async |level: &str| {
            let path = format!("/users/{hana}/permissions/contacts.visibility?workspace=emea&level={level}");
            doors.api.get(&path).await.is(200).json()
        };
        assert_eq!(one("mine").await["allowed"], true);
        let refused = one("all").await;
        assert_eq!((&refused["allowed"], &refused["level"]), (&json!(false), &json!("mine")));
        assert_eq!(refused["reasons"][0]["because"], "onlyAt");
    });
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    run(async {
        let doors = restricting().await;
        let hana = doors.user("hana").await;
        let question = |permission: &str, more: Value| {
            let mut question = json!({"user": hana, "permission": permission});
            question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            question
        };
        for (question, code) in [
            (question("fly", json!({})), "invalid"),
            (question("messages", json!({"at": {"workspace": "nowhere"}})), "invalid"),
            (question("messages", json!({"level": "high"})), "invalid"),
            (question("messages", json!({"when": "now"})), "invalid_body"),
        ] {
            doors.api.post("/decisions", json!({"questions": [question]})).await.problem(400, code);
        }
        doors.api.post("/decisions", json!({"questions": []})).await.problem(400, "invalid");
        let many = vec![question("messages", json!({})); 101];
        doors.api.post("/decisions", json!({"questions": many})).await.problem(400, "invalid");
        doors.api.get(&format!("/users/{hana}/permissions/fly")).await.problem(404, "not_found");
        doors
            .api
            .get(&format!("/users/{hana}/permissions/messages?workspace=emea&orgUnit=Top"))
            .await
            .problem(400, "invalid_parameter");
        doors.api.get("/users/nobody/permissions/messages").await.problem(404, "not_found");
    });
}

#[test]
fn somebody_of_another_tenant_is_nobody_here() {
    run(async {
        let doors = restricting().await;
        let theirs = restricting().await.user("hana").await;

        let answer = decide(&doors, &theirs, "messages", at("emea")).await;

        assert_eq!(answer["allowed"], false);
        assert_eq!(answer["reasons"][0]["because"], "nobodyHere");
        doors.api.get(&format!("/users/{theirs}/permissions/messages")).await.problem(404, "not_found");
    });
}

/// All pages, and how many there were.
async fn who_may(doors: &Doors, permission: &str, query: &str) -> (Vec<String>, usize) {
    let (mut found, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page =
            doors.api.get(&format!("/permissions/{permission}/holders?{query}{after}")).await.is(200).json();
        pages += 1;
        found.extend(page["items"].as_array().unwrap().iter().map(|it| text(&it["user"])));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return (found, pages),
        }
    }
}

#[test]
fn who_may_do_it_is_found_page_by_page_and_each_once() {
    run(async {
        let doors = restricting().await;
        let mut people = Vec::new();
        for n in 0..7 {
            people.push(doors.user(&format!("user-{n}")).await);
        }
        let ids: Vec<&str> = people.iter().map(String::as_str).collect();
        doors.group("managers emea", &ids[..5]).await;
        let gives = json!({"restrictions": {"restrictions": ["no_contact_deletion"], "scope": at("emea")}});
        doors.rule(1, json!({"group": "careful"}), gives).await;
        doors.group("careful", &ids[1..2]).await;
        doors.group("owners emea", &ids[5..6]).await;
        doors.group("owners apac", &ids[6..7]).await;
        let mut expected: Vec<String> =
            [0, 2, 3, 4, 5].into_iter().map(|n: usize| people[n].clone()).collect();
        expected.sort();

        let (found, pages) = who_may(&doors, "contacts.delete", "workspace=emea&count=2").await;

        assert_eq!((found, pages), (expected.clone(), 4));
        assert_eq!(who_may(&doors, "contacts.delete", "workspace=emea").await, (expected, 1));
        assert_eq!(who_may(&doors, "contacts.delete", "").await.0, [""; 0]);
        doors.set_active(&people[0], false).await;
        assert!(!who_may(&doors, "contacts.delete", "workspace=emea").await.0.contains(&people[0]));
        doors.api.get("/permissions/fly/holders").await.problem(404, "not_found");
        doors.api.get("/permissions/messages/holders?after=x").await.problem(400, "invalid_parameter");
    });
}

/// BLF-04: what is held in a unit is held below it, and who holds it is found from below.
#[test]
fn who_holds_it_further_up_is_found_too() {
    run(async {
        let doors = Doors::fresh().await;
        doors.org_unit("Sales", Some("Top")).await;
        doors.org_unit("Sales/Osaka", Some("Sales")).await;
        doors.org_unit("HR", Some("Top")).await;
        let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
        doors
            .rule(1, json!({"attribute": {"path": department}}), json!({"home": {"template": "{value}"}}))
            .await;
        doors.rule(2, json!({"group": "admins"}), json!({"flags": {"flags": ["admin_flag"]}})).await;
        let of = async |name: &str, unit: &str| {
            let enterprise = department.trim_end_matches(":department");
            doors.person(json!({"userName": name, enterprise: {"department": unit}})).await
        };
        let (hana, ken, mina) = (of("hana", "Top").await, of("ken", "Sales").await, of("mina", "HR").await);
        doors.group("admins", &[&hana, &ken, &mina]).await;

        let in_osaka = who_may(&doors, "users.invite", "orgUnit=Sales/Osaka").await.0;

        assert_eq!(in_osaka.len(), 2);
        assert!(in_osaka.contains(&hana) && in_osaka.contains(&ken));
        assert_eq!(who_may(&doors, "users.invite", "").await.0, [hana]);
        assert_eq!(who_may(&doors, "admin_flag", "orgUnit=HR").await.0.len(), 3);
    });
}

#[test]
fn whoever_waits_for_a_seat_may_do_nothing_yet() {
    run(async {
        let doors = restricting().await;
        doors.seats(1).await;
        let (hana, ken) = (doors.user("hana").await, doors.user("ken").await);
        doors.group("agents emea", &[&hana, &ken]).await;

        let waiting = decide(&doors, &ken, "messages", at("emea")).await;

        assert_eq!(waiting["allowed"], false);
        assert!(waiting["reasons"].as_array().unwrap().iter().any(|it| it["because"] == "waitingForSeat"));
        assert_eq!(who_may(&doors, "messages", "workspace=emea").await.0, std::slice::from_ref(&hana));
        doors.set_active(&hana, false).await;
        assert_eq!(who_may(&doors, "messages", "workspace=emea").await.0, [ken]);
    });
}

/// RSP-28, LNC-10: what a plan does not have is not there, and comes back with the plan.
#[test]
fn a_change_of_plan_changes_what_rests_on_it() {
    run(async {
        let doors = restricting().await;
        let hana = doors.user("hana").await;
        let gives = json!({"role": {"role": "agent", "scope": at("emea"), "restrictions": ["mask_pii"]}});
        doors.rule(1, json!({"group": "masked"}), gives).await;
        doors.group("masked", &[&hana]).await;
        let on = async |plan: Value| {
            let body = json!({"plan": plan});
            doors.api.send("PUT", "/offer", |request| request.json(&body)).await.is(200);
            text(&decide(&doors, &hana, "contacts.pii", at("emea")).await["level"])
        };

        assert_eq!(on(json!("advanced")).await, "masked_add_if_empty");
        assert_eq!(on(json!("starter")).await, "full");
        let access = doors.access(&hana).await;
        let dropped = access["dropped"].as_array().unwrap().iter().find(|it| it["id"] == "mask_pii").unwrap();
        assert_eq!(dropped["reasons"].as_array().unwrap().last().unwrap()["because"], "notInPlan");
        assert_eq!(on(json!("enterprise")).await, "masked_add_if_empty");
        let offer = doors.api.get("/offer").await.is(200).json();
        assert_eq!((&offer["plan"], &offer["features"]), (&json!("enterprise"), &Value::Null));
        let body = json!({"plan": "platinum"});
        doors.api.send("PUT", "/offer", |request| request.json(&body)).await.problem(400, "invalid");
    });
}

/// LNC-11: a unit is of a kind that the product has there, and a role is given at the kinds of place that it is for.
#[test]
fn units_are_of_the_products_kinds_and_roles_keep_to_theirs() {
    run(async {
        let doors = tenant_of(|blueprint| blueprint.role("team_admin").is_some()).await;
        let unit = async |key: &str, parent: &str, kind: Value| {
            let body = json!({"key": key, "name": key, "parent": parent, "kind": kind});
            doors.api.post("/org-units", body).await
        };
        unit("sales", "Top", json!("team")).await.is(201);
        unit("partners", "sales", json!("channel")).await.is(201);
        for (parent, kind) in [
            ("Top", json!("channel")),
            ("sales", json!("team")),
            ("Top", Value::Null),
            ("sales", json!("galaxy")),
        ] {
            unit("other", parent, kind).await.problem(400, "invalid");
        }
        let rule = async |role: &str, unit: &str| {
            let gives = json!({"role": {"role": role, "scope": {"orgUnit": unit}}});
            doors
                .api
                .post("/mapping-rules", json!({"priority": 1, "match": {"group": "x"}, "gives": gives}))
                .await
        };
        rule("external", "partners").await.is(201);
        rule("external", "sales").await.problem(400, "invalid");
        rule("member", "sales").await.is(201);
    });
}

#[test]
fn the_blocked_may_do_nothing_whatever_gives_something() {
    run(async {
        let doors = restricting().await;
        let hana = doors.user("hana").await;
        doors.rule(99, json!({"group": "blocked"}), json!({"block": true})).await;
        doors.group("owners emea", &[&hana]).await;
        assert_eq!(decide(&doors, &hana, "messages", at("emea")).await["allowed"], true);

        // Two owners, so that the guard has nothing to say.
        let ken = doors.user("ken").await;
        doors.group("owners apac", &[&ken]).await;
        let connection = doors.connection("corporate", "https://id.example").await;
        let (cookie, other) = (doors.session(&hana, connection).await, doors.session(&ken, connection).await);
        doors.group("blocked", &[&hana]).await;

        session_at(base(), &cookie).await.is(401);
        session_at(base(), &other).await.is(200);
        let answer = decide(&doors, &hana, "messages", at("emea")).await;
        assert_eq!(answer["allowed"], false);
        assert!(answer["reasons"].as_array().unwrap().iter().any(|it| it["because"] == "blocked"));
        assert_eq!(doors.access(&hana).await["status"], json!({"kind": "blocked"}));
        let refused = json!({"priority": 1, "match": {"group": "x"}, "gives": {"block": false}});
        doors.api.post("/mapping-rules", refused).await.problem(400, "invalid");
    });
}

#[test]
fn a_rule_that_blocks_ends_the_sessions_of_all_whom_it_matches() {
    run(async {
        let doors = restricting().await;
        let connection = doors.connection("corporate", "https://id.example").await;
        let (hana, ken, mina) = (doors.user("hana").await, doors.user("ken").await, doors.user("mina").await);
        doors.group("guests", &[&hana, &ken]).await;
        let mut cookies = Vec::new();
        for person in [&hana, &hana, &ken, &mina] {
            cookies.push(doors.session(person, connection).await);
        }

        doors.rule(99, json!({"group": "guests"}), json!({"block": true})).await;

        let (staying, shown_out) = cookies.split_last().unwrap();
        for cookie in shown_out {
            session_at(base(), cookie).await.is(401);
        }
        session_at(base(), staying).await.is(200);
        let page = doors.api.get("/audit-events?count=200").await.is(200).json();
        let events = page["events"].as_array().unwrap().iter();
        assert_eq!(events.filter(|event| event["action"] == "session.revoke").count(), shown_out.len());
    });
}
