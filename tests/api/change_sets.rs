//! `/change-sets` and the order of rules: what a change of rules, roles, org units or the blueprint would do is said before it is done,
//! and is what it does.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use store::tenants;

use super::grant_rules::{House, role};
use crate::support::http::{Doors, Reply, db, text};
use crate::support::run;

async fn preview(doors: &Doors, changes: &Value) -> Value {
    doors.api.post("/change-sets/preview", json!({"changes": changes})).await.is(200).json()
}

async fn apply(doors: &Doors, changes: &Value, preview: &Value) -> Reply {
    let mut body = json!({"changes": changes, "fingerprint": preview["fingerprint"]});
    if !preview["confirm"].is_null() {
        body["confirm"] = preview["confirm"].clone();
    }
    doors.api.post("/change-sets", body).await
}

/// Takes a change set back: what a preview says of that, and what is answered.
async fn undo(doors: &Doors, id: &str) -> (Value, Reply) {
    let path = format!("/change-sets/{id}/undo");
    let said = doors.api.post(&format!("{path}/preview"), json!({})).await.is(200).json();
    let body = json!({"fingerprint": said["fingerprint"], "confirm": said["confirm"]});
    let reply = doors.api.post(&path, body).await;
    (said, reply)
}

fn detail(reply: &Reply) -> String {
    text(&reply.json()["detail"])
}

/// What somebody holds where, as a preview tells it.
fn held(access: &Value) -> Value {
    let things = |list: &str, name: &str| -> Value {
        let all = access[list].as_array().unwrap().iter();
        all.map(|held| json!({name: held[name], "scope": held["scope"]})).collect()
    };
    let mut held = json!({
        "status": access["status"], "home": access["home"]["key"],
        "roles": things("roles", "role"), "flags": things("flags", "flag"),
    });
    if let Some(seat) = access.get("seat") {
        held["seatClass"] = seat["class"].clone();
    }
    held
}

/// A right, whatever its place is called.
fn right(id: &Value, held: &Value) -> String {
    json!([id, held["scope"]["kind"], held["scope"]["id"], held["of"], held["level"]]).to_string()
}

/// Everything that somebody may do, without reasons.
fn rights(access: &Value) -> Vec<String> {
    let of = |list: &str, name: &str| -> Vec<String> {
        let all = access[list].as_array().unwrap().iter();
        all.map(|held| right(&held[name], held)).collect()
    };
    let mut all = [of("flags", "flag"), of("permissions", "permission")].concat();
    all.sort();
    all
}

/// The same as a preview tells what is gained or lost.
fn told(rights: &Value) -> Vec<String> {
    let all = rights.as_array().unwrap().iter();
    all.map(|it| right(&it["permission"], it)).collect()
}

/// Who is in which group, by their numbers.
const MEMBERS: [(usize, usize); 9] = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (1, 3), (1, 4), (2, 2), (2, 3)];

/// An organisation in which groups of people have homes, flags and rules.
async fn branches() -> (Doors, Vec<String>, Vec<String>, Vec<String>) {
    let doors = House::of_branches().await.0;
    let mut people = Vec::new();
    for (n, department) in ["Top", "Sales", "Osaka", "HR", "Sales", "Osaka"].into_iter().enumerate() {
        people.push(doors.person(json!({"userName": format!("p{n}"), "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": department}})).await);
    }
    let mut groups = Vec::new();
    for (n, name) in ["admins", "uploaders", "approvers"].into_iter().enumerate() {
        let members = MEMBERS.into_iter().filter(|(group, _)| *group == n);
        let members: Vec<&str> = members.map(|(_, user)| people[user].as_str()).collect();
        groups.push(doors.group(name, &members).await);
    }
    let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
    let rules = vec![
        doors.rule(10, json!({"group": "admins"}), json!({"flags": {"flags": ["admin_flag"]}})).await,
        doors
            .rule(20, json!({"group": "uploaders"}), json!({"flags": {"flags": ["materials.upload"]}}))
            .await,
        doors
            .rule(30, json!({"group": "approvers"}), json!({"flags": {"flags": ["materials.approve"]}}))
            .await,
        doors
            .rule(40, json!({"attribute": {"path": department}}), json!({"home": {"template": "{value}"}}))
            .await,
    ];
    (doors, people, groups, rules)
}

fn change(rules: &[String], groups: &[String], people: &[String]) -> impl Strategy<Value = Value> + use<> {
    let rule = || select(rules.to_vec());
    let group = select(vec!["admins", "uploaders", "approvers", "nobody"]);
    let flag = select(vec![
        "admin_flag",
        "materials.upload",
        "materials.approve",
        "recolog",
        "survey.show_to_guest",
    ]);
    let unit = || select(vec!["Sales", "Osaka", "HR"]);
    let above = select(vec!["Top", "Sales", "HR"]);
    let (people, groups, all) = (people.to_vec(), groups.to_vec(), rules.to_vec());
    prop_oneof![
        3 => (group, flag, 1..60_i32).prop_map(|(group, flag, priority)| json!({"addRule": {
            "priority": priority, "match": {"group": group}, "gives": {"flags": {"flags": [flag]}}}})),
        2 => (rule(), any::<bool>(), 1..60_i32).prop_map(|(id, active, priority)|
            json!({"changeRule": {"id": id, "change": {"active": active, "priority": priority}}})),
        1 => rule().prop_map(|id| json!({"removeRule": {"id": id}})),
        1 => Just(json!({"addRule": {"priority": 5, "match": {"group": "approvers"}, "gives": {"block": true}}})),
        2 => (unit(), above).prop_map(|(key, parent)| json!({"changeOrgUnit": {"key": key, "parent": parent}})),
        1 => unit().prop_map(|key| json!({"changeOrgUnit": {"key": key, "name": format!("{key} again")}})),
        1 => Just(json!({"orderRules": {"ids": all.iter().rev().collect::<Vec<_>>()}})),
        1 => select(MEMBERS.to_vec()).prop_map(move |(group, user)|
            json!({"leaveGroup": {"user": people[user], "group": groups[group]}})),
    ]
}

/// Of random changes, whatever a preview says of each person is what becomes of them, and of nobody else anything.
#[test]
fn the_preview_is_the_outcome() {
    run(async {
        let mut runner =
            TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let (mut applied, mut others, mut only_asked, mut taken_back) = (0, 0, 0, 0);
        for _ in 0..24 {
            let (doors, people, groups, rules) = branches().await;
            let changes = prop::collection::vec(change(&rules, &groups, &people), 1..4);
            let changes = json!(changes.new_tree(&mut runner).unwrap().current());
            let mut before = Vec::new();
            for user in &people {
                before.push(doors.access(user).await);
            }
            let events = doors.api.get("/audit-events?count=200").await.is(200).json();

            let reply = doors.api.post("/change-sets/preview", json!({"changes": changes})).await;
            if reply.status != 200 {
                // A cycle of units, a rule that is gone already: refused in both.
                let refused = apply(&doors, &changes, &json!({"fingerprint": "x"})).await;
                assert!(
                    [400, 404, 409].contains(&refused.status),
                    "{changes}: {} {}",
                    reply.text,
                    refused.text
                );
                continue;
            }
            let said = reply.json();
            for (user, was) in people.iter().zip(&before) {
                assert_eq!(doors.access(user).await, *was, "a preview changes nothing: {changes}");
            }
            assert_eq!(doors.api.get("/audit-events?count=200").await.is(200).json(), events);

            let done = apply(&doors, &changes, &said).await;
            if changes.to_string().contains("leaveGroup") {
                done.problem(400, "invalid");
                only_asked += 1;
                continue;
            }
            if !said["violations"].as_array().unwrap().is_empty() {
                done.problem(409, "last_holder");
                continue;
            }
            let done = done.is(200).json();
            for number in ["changed", "gaining", "losing", "sessionsEnding", "fingerprint"] {
                assert_eq!(done[number], said[number], "{number}: {changes}");
            }
            applied += 1;
            for (user, was) in people.iter().zip(&before) {
                let is = doors.access(user).await;
                let item = said["items"].as_array().unwrap().iter().find(|item| item["user"] == *user);
                let Some(item) = item else {
                    assert_eq!((held(&is), rights(&is)), (held(was), rights(was)), "{changes}");
                    continue;
                };
                others += 1;
                assert_eq!(item["before"], held(was), "{changes}");
                assert_eq!(item["after"], held(&is), "{changes}");
                let (was, is) = (rights(was), rights(&is));
                let minus = |one: &[String], other: &[String]| -> Vec<String> {
                    one.iter().filter(|it| !other.contains(it)).cloned().collect()
                };
                let mut sorted = (told(&item["gains"]), told(&item["losses"]));
                sorted.0.sort();
                sorted.1.sort();
                assert_eq!(sorted, (minus(&is, &was), minus(&was, &is)), "{changes}");
            }
            // Taken back, everything is as it was, and that says beforehand what it does.
            let Some(made) = done["changeSet"].as_str() else { continue };
            let (back, reply) = undo(&doors, made).await;
            if back["violations"] == json!([]) {
                assert_eq!(reply.is(200).json()["changed"], said["changed"], "{changes}");
                taken_back += 1;
                for (user, was) in people.iter().zip(&before) {
                    let is = doors.access(user).await;
                    assert_eq!((held(&is), rights(&is)), (held(was), rights(was)), "{changes}");
                }
            }
        }
        assert!(taken_back >= 5, "{taken_back}");
        assert!(applied >= 6 && others >= 6 && only_asked >= 1, "{applied} {others} {only_asked}");
    });
}

/// What somebody would lose with a group is asked beforehand, and is what they lose when the directory takes them out.
#[test]
fn what_somebody_would_lose_with_a_group_is_what_they_lose_with_it() {
    run(async {
        let (doors, people, groups, _) = branches().await;
        let ask = json!([{"leaveGroup": {"user": people[2], "group": groups[1]}}]);
        let said = preview(&doors, &ask).await;
        assert_eq!((&said["changed"], &said["items"][0]["user"]), (&json!(1), &json!(people[2])));
        let was = rights(&doors.access(&people[2]).await);

        let path = format!("members[value eq \"{}\"]", people[2]);
        let out = json!([{"op": "remove", "path": path}]);
        doors.scim.patch(&format!("/Groups/{}", groups[1]), out).await;

        let is = doors.access(&people[2]).await;
        assert_eq!(said["items"][0]["after"], held(&is));
        let mut lost = told(&said["items"][0]["losses"]);
        lost.sort();
        let is = rights(&is);
        assert_eq!(lost, was.into_iter().filter(|right| !is.contains(right)).collect::<Vec<_>>());
        // Approval rests on upload, and went with it.
        assert!(lost.iter().any(|right| right.contains("materials.approve")), "{lost:?}");
        doors.api.post("/change-sets/preview", json!({"changes": ask})).await.problem(400, "invalid");
    });
}

#[test]
fn what_moved_since_the_preview_is_refused() {
    run(async {
        let (doors, people, groups, rules) = branches().await;
        let changes = json!([{"removeRule": {"id": rules[1]}}]);
        let said = preview(&doors, &changes).await;
        assert_eq!((&said["losing"], &said["gaining"]), (&json!(4), &json!(0)));

        // Somebody more in the group: another outcome.
        let add = json!([{"op": "add", "path": "members", "value": [{"value": people[5]}]}]);
        doors.scim.patch(&format!("/Groups/{}", groups[1]), add).await;
        let refused = apply(&doors, &changes, &said).await.problem(409, "conflict");
        assert!(detail(&refused).contains("since the preview"));
        let said = preview(&doors, &changes).await;
        assert_eq!(said["losing"], 5);
        // What has nothing to do with it is no reason to refuse.
        let title = json!([{"op": "replace", "path": "title", "value": "Lead"}]);
        doors.scim.patch(&format!("/Users/{}", people[0]), title).await.is(200);
        // Another rule is, even if it concerns nobody.
        let rule = doors.rule(99, json!({"group": "nobody"}), json!({"flags": {"flags": ["recolog"]}})).await;
        apply(&doors, &changes, &said).await.problem(409, "conflict");
        doors.api.delete(&format!("/mapping-rules/{rule}")).await.is(204);
        let said = preview(&doors, &changes).await;
        // So are other changes than those that were shown.
        let others = json!([{"removeRule": {"id": rules[2]}}]);
        apply(&doors, &others, &said).await.problem(409, "conflict");
        apply(&doors, &changes, &said).await.is(200);
        apply(&doors, &changes, &said).await.problem(404, "not_found");
    });
}

/// BLF-20: the last administrator is in no change by accident; many losers want their number said.
#[test]
fn what_would_break_an_invariant_is_shown_and_refused_and_many_want_their_number_said() {
    run(async {
        let (doors, people, _, rules) = branches().await;
        let changes = json!([{"removeRule": {"id": rules[0]}}]);
        let said = preview(&doors, &changes).await;
        assert_eq!(said["violations"].as_array().unwrap().len(), 1, "{said}");
        assert!(said["items"].as_array().unwrap().iter().any(|item| item["user"] == people[0]), "{said}");
        apply(&doors, &changes, &said).await.problem(409, "last_holder");

        let mut many = Vec::new();
        for n in 0..11 {
            many.push(doors.user(&format!("many{n}")).await);
        }
        let members: Vec<&str> = many.iter().map(String::as_str).collect();
        doors.group("many", &members).await;
        let rule = doors.rule(50, json!({"group": "many"}), json!({"flags": {"flags": ["recolog"]}})).await;
        let changes = json!([{"changeRule": {"id": rule, "change": {"active": false}}}]);
        let said = preview(&doors, &changes).await;
        assert_eq!(said["confirm"], json!({"changed": 11, "losing": 11}));
        let body = json!({"changes": changes, "fingerprint": said["fingerprint"]});
        let refused = doors.api.post("/change-sets", body.clone()).await.problem(409, "conflict");
        assert!(detail(&refused).contains("11"));
        let mut wrong = body;
        wrong["confirm"] = json!({"changed": 11, "losing": 10});
        doors.api.post("/change-sets", wrong).await.problem(409, "conflict");
        apply(&doors, &changes, &said).await.is(200);
        // In pages, each person once.
        let back = json!({"changes": [{"changeRule": {"id": rule, "change": {"active": true}}}]});
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = doors
                .api
                .post(&format!("/change-sets/preview?count=4{after}"), back.clone())
                .await
                .is(200)
                .json();
            assert_eq!((&page["changed"], &page["confirm"]), (&json!(11), &Value::Null));
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| text(&item["user"])));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen, many);
        doors.api.post("/change-sets/preview?after=x", back).await.problem(400, "invalid_parameter");
    });
}

/// CHT-21: a change of a role says for how many people it is, before it is made.
#[test]
fn a_change_of_a_role_is_previewed_with_those_who_hold_it() {
    run(async {
        let house = House::of("channel_talk").await;
        let staff = house.has("staff", json!([role("cx_staff", json!("environment"))])).await;
        let doors = &house.0;
        let changes = json!([
            {"createRole": {"id": "night_shift", "name": "Night shift", "cells": {"crm.contacts": "level:edit"}}},
            {"changeRole": {"id": "cx_staff", "change": {"cells": {"crm.contacts": "level:view", "channel.settings": "no"}}}},
            {"deleteRole": {"id": "marketer", "replacement": null}},
        ]);
        let said = preview(doors, &changes).await;

        assert_eq!((&said["changed"], &said["losing"], &said["gaining"]), (&json!(1), &json!(1), &json!(0)));
        let item = &said["items"][0];
        assert_eq!(item["user"], json!(staff));
        let lost: Vec<&Value> =
            item["losses"].as_array().unwrap().iter().map(|it| &it["permission"]).collect();
        assert_eq!(lost, ["channel.settings", "crm.contacts"]);
        doors.api.get("/roles/night_shift").await.problem(404, "not_found");
        apply(doors, &changes, &said).await.is(200);
        doors.api.get("/roles/night_shift").await.is(200);
        doors.scim.get("/Roles/night_shift").await.is(200);
        doors.api.get("/roles/marketer").await.problem(404, "not_found");
        let held_one = json!([{"deleteRole": {"id": "cx_staff", "replacement": null}}]);
        doors.api.post("/change-sets/preview", json!({"changes": held_one})).await.problem(409, "conflict");
    });
}

#[test]
fn another_version_of_the_blueprint_is_previewed_like_any_other_change() {
    run(async {
        let house = House::of("channel_talk").await;
        let staff = house.has("staff", json!([role("cx_staff", json!("environment"))])).await;
        let doors = &house.0;
        let (_, text_of) = domain::blueprint::catalog().iter().find(|(id, _)| *id == "channel_talk").unwrap();
        let version = format!("1.0.0-{}", doors.tenant.slug);
        let next = text_of
            .replacen("version = \"1.0.0\"", &format!("version = \"{version}\""), 1)
            .replace("\"inbox.permanent_delete\" = \"yes\"", "\"inbox.permanent_delete\" = \"no\"");
        let mut tx = db().global().await.unwrap();
        let now = chrono::DateTime::UNIX_EPOCH;
        assert!(tenants::ensure_blueprint(&mut tx, "channel_talk", &version, &next, now).await.unwrap());
        tx.finish().await.unwrap();
        let unknown = json!({"changes": [{"moveToBlueprint": {"version": "9"}}]});
        doors.api.post("/change-sets/preview", unknown).await.problem(400, "invalid");

        let changes = json!([{"moveToBlueprint": {"version": version}}]);
        let said = preview(doors, &changes).await;
        assert_eq!((&said["losing"], &said["items"][0]["user"]), (&json!(1), &json!(staff)));
        assert_eq!(said["items"][0]["losses"][0]["permission"], "inbox.permanent_delete");
        let had = rights(&doors.access(&staff).await);
        let made = apply(doors, &changes, &said).await.is(200).json();
        let cell =
            doors.api.get("/roles/cx_staff").await.is(200).json()["cells"]["inbox.permanent_delete"].clone();
        assert_eq!(cell, "no");
        let access = doors.access(&staff).await;
        assert!(!rights(&access).iter().any(|right| right.contains("permanent_delete")));

        undo(doors, &text(&made["changeSet"])).await.1.is(200);
        assert_eq!(rights(&doors.access(&staff).await), had);
    });
}

#[test]
fn rules_are_changed_put_in_order_switched_off_and_remember_who_saved_them() {
    run(async {
        let (doors, people, _, rules) = branches().await;
        let path = |n: usize| format!("/mapping-rules/{}", rules[n]);
        let changed = json!({"active": false});
        let off = doors.api.change(&path(1), changed).await.is(200).json();
        assert_eq!((&off["active"], &off["priority"]), (&json!(false), &json!(20)));
        assert!(rights(&doors.access(&people[4]).await).is_empty());
        doors
            .api
            .change(&path(1), json!({"active": true, "gives": {"flags": {"flags": ["recolog"]}}}))
            .await
            .is(200);
        assert!(rights(&doors.access(&people[4]).await)[0].contains("recolog"));
        doors
            .api
            .change(&path(1), json!({"gives": {"flags": {"flags": ["fly"]}}}))
            .await
            .problem(400, "invalid");
        doors.api.change(&path(1), json!({"colour": "red"})).await.is(400);

        let order: Vec<&String> = rules.iter().rev().collect();
        let list = doors.api.put("/mapping-rule-order", json!({"ids": order})).await.is(200).json();
        let ids: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
        assert_eq!(ids, order);
        for odd in [json!([]), json!([rules[0]]), json!([rules[0], rules[0], rules[1], rules[2]])] {
            doors.api.put("/mapping-rule-order", json!({"ids": odd})).await.problem(409, "conflict");
        }
        doors.api.delete(&path(1)).await.is(204);
        let history = doors.api.get(&format!("{}/history", path(1))).await.is(200).json();
        let actions: Vec<&Value> =
            history["items"].as_array().unwrap().iter().map(|it| &it["action"]).collect();
        assert_eq!(
            actions,
            [
                "mapping_rule.delete",
                "mapping_rule.update",
                "mapping_rule.update",
                "mapping_rule.update",
                "mapping_rule.create"
            ]
        );
        assert_eq!(history["items"][3]["after"]["active"], false);
        assert_eq!(history["items"][3]["actor"]["kind"], "admin");
        doors.api.get(&format!("/mapping-rules/{}/history", people[0])).await.problem(404, "not_found");
        for odd in [json!([]), json!([{"fly": {}}]), json!([{"removeRule": {}}])] {
            doors.api.post("/change-sets/preview", json!({"changes": odd})).await.is(400);
        }
    });
}

/// R10: what was before is kept, so that it can be again; and what has moved on since is not overwritten.
#[test]
fn a_change_set_is_kept_and_taken_back_while_everything_is_as_it_left_it() {
    run(async {
        let (doors, people, _, rules) = branches().await;
        let changes = json!([
            {"changeRule": {"id": rules[2], "change": {"priority": 5, "active": false}}},
            {"removeRule": {"id": rules[1]}},
            {"addRule": {"priority": 60, "match": {"group": "uploaders"}, "gives": {"flags": {"flags": ["recolog"]}}}},
            {"changeOrgUnit": {"key": "Osaka", "parent": "HR", "name": "Osaka again"}},
            {"changeOrgUnit": {"key": "Sales", "newKey": "x"}},
            {"changeOrgUnit": {"key": "HR", "newKey": "Sales"}},
            {"changeOrgUnit": {"key": "x", "newKey": "HR"}},
        ]);
        let mut had = Vec::new();
        for user in &people {
            let access = doors.access(user).await;
            had.push((held(&access), rights(&access)));
        }
        let was = (
            doors.api.get("/mapping-rules").await.is(200).json(),
            doors.api.get("/org-units").await.is(200).json(),
        );
        let made = apply(&doors, &changes, &preview(&doors, &changes).await).await.is(200).json();
        let id = text(&made["changeSet"]);

        let listed = doors.api.get("/change-sets").await.is(200).json()["items"].clone();
        assert_eq!((&listed[0]["id"], &listed[0]["undoneBy"]), (&json!(id), &Value::Null));
        assert_eq!(listed[0]["changes"].as_array().unwrap().len(), 7);
        assert_eq!(listed[0]["outcome"]["changed"], made["changed"]);
        assert_eq!(listed[0].get("turned"), None);
        let shown = doors.api.get(&format!("/change-sets/{id}")).await.is(200).json();
        let turned = shown["turned"].as_array().unwrap();
        let removed = turned.iter().find(|it| it["id"] == json!(rules[1])).unwrap();
        assert_eq!((&removed["before"]["priority"], &removed["after"]), (&json!(20), &Value::Null));

        // What it turned has moved on.
        let path = format!("/mapping-rules/{}", rules[2]);
        doors.api.change(&path, json!({"priority": 7})).await.is(200);
        let refused = doors.api.post(&format!("/change-sets/{id}/undo/preview"), json!({})).await;
        assert!(detail(&refused.problem(409, "conflict")).contains(&rules[2]));
        doors.api.change(&path, json!({"priority": 5})).await.is(200);
        // What it did not turn may have.
        doors.rule(70, json!({"group": "nobody"}), json!({"flags": {"flags": ["recolog"]}})).await;

        let before = rights(&doors.access(&people[1]).await);
        let (said, back) = undo(&doors, &id).await;
        let back = back.is(200).json();

        assert_ne!(rights(&doors.access(&people[1]).await), before);
        for (user, had) in people.iter().zip(&had) {
            let access = doors.access(user).await;
            assert_eq!((held(&access), rights(&access)), *had);
        }
        assert_eq!(back["changed"], said["changed"]);
        let rules_now = doors.api.get("/mapping-rules").await.is(200).json()["items"].clone();
        let (others, known): (Vec<_>, Vec<_>) =
            rules_now.as_array().unwrap().iter().cloned().partition(|rule| rule["priority"] == 70);
        assert_eq!((others.len(), json!(known)), (1, was.0["items"].clone()));
        assert_eq!(doors.api.get("/org-units").await.is(200).json(), was.1);
        let again = doors.api.post(&format!("/change-sets/{id}/undo/preview"), json!({})).await;
        assert!(detail(&again.problem(409, "conflict")).contains("already"));
        let shown = doors.api.get(&format!("/change-sets/{id}")).await.is(200).json();
        assert_eq!(shown["undoneBy"], back["changeSet"]);

        // That is a change set too, and can be taken back itself.
        let by = text(&back["changeSet"]);
        let shown = doors.api.get(&format!("/change-sets/{by}")).await.is(200).json();
        assert_eq!((&shown["undoes"], &shown["changes"]), (&json!(id), &json!([])));
        undo(&doors, &by).await.1.is(200);
        assert_eq!(rights(&doors.access(&people[1]).await), before);
        let nobody = uuid::Uuid::nil();
        let other = branches().await.0;
        let block = json!([{"addRule": {"priority": 1, "match": {"group": "x"}, "gives": {"block": true}}}]);
        let made = apply(&other, &block, &preview(&other, &block).await).await.is(200).json();
        let elsewhere = text(&made["changeSet"]);
        for id in [&nobody.to_string(), &elsewhere] {
            doors.api.get(&format!("/change-sets/{id}")).await.problem(404, "not_found");
            let path = format!("/change-sets/{id}/undo");
            doors.api.post(&format!("{path}/preview"), json!({})).await.problem(404, "not_found");
            doors.api.post(&path, json!({"fingerprint": ""})).await.problem(404, "not_found");
        }
    });
}

/// CHT-21, CHT-22: roles come back with those who were given them, and go again with what gave them.
#[test]
fn roles_are_taken_back_with_what_gives_them() {
    run(async {
        let house = House::of("channel_talk").await;
        let everywhere = json!("environment");
        house.has("owner", json!([role("owner", everywhere.clone())])).await;
        let staff = house.has("staff", json!([role("cx_staff", everywhere.clone())])).await;
        let doors = &house.0;
        let mina = doors.user("mina").await;
        doors.group("nights", &[&mina]).await;
        let roles_of = async |user: &str| {
            let access = doors.access(user).await;
            let held = access["roles"].as_array().unwrap().iter();
            held.map(|held| text(&held["role"])).collect::<Vec<_>>()
        };
        let all = async || doors.api.get("/roles").await.is(200).json();
        let was = all().await;
        let changes = json!([
            {"createRole": {"id": "night_shift", "name": "Night shift", "from": "general"}},
            {"addRule": {"priority": 10, "match": {"group": "nights"}, "gives": role("night_shift", everywhere.clone())}},
            {"changeRole": {"id": "marketer", "change": {"default": true}}},
            {"changeRole": {"id": "general", "change": {"cells": {"crm.data_download": "yes"}}}},
            {"createRole": {"id": "desk", "name": "Desk", "from": "cx_staff"}},
            {"deleteRole": {"id": "cx_staff", "replacement": "desk"}},
            {"deleteRole": {"id": "desk", "replacement": "general"}},
        ]);
        let mut had = Vec::new();
        for user in [&staff, &mina] {
            had.push(rights(&doors.access(user).await));
        }
        let made = apply(doors, &changes, &preview(doors, &changes).await).await.is(200).json();
        let id = text(&made["changeSet"]);
        assert_eq!(
            (roles_of(&staff).await, roles_of(&mina).await),
            (vec!["general".to_owned()], vec!["night_shift".to_owned()])
        );

        // Somebody else has been given the new role meanwhile: it stays.
        let ken = house.has("ken", json!([role("night_shift", everywhere.clone())])).await;
        let refused = doors.api.post(&format!("/change-sets/{id}/undo/preview"), json!({})).await;
        assert!(detail(&refused.problem(409, "conflict")).contains("night_shift"));
        doors.api.delete(&format!("/users/{ken}")).await.is(204);

        undo(doors, &id).await.1.is(200);

        assert_eq!(
            (roles_of(&staff).await, roles_of(&mina).await),
            (vec!["cx_staff".to_owned()], vec!["general".to_owned()])
        );
        assert_eq!(all().await, was);
        for (user, had) in [&staff, &mina].into_iter().zip(&had) {
            assert_eq!(rights(&doors.access(user).await), *had);
        }
    });
}
