//! `/scim/v2/Groups`: membership is rows, and the version counts their changes too.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::http::{Doors, PUBLIC, patch};
use crate::support::run;

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

async fn members(doors: &Doors, group: &str) -> BTreeSet<String> {
    let read = doors.scim.get(&format!("/Groups/{group}")).await.is(200).json();
    let members = read["members"].as_array().cloned().unwrap_or_default();
    members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn a_created_group_shows_its_members_and_they_show_it() {
    run(async {
        let doors = Doors::fresh().await;
        let (mina, ken) = (doors.user("mina").await, doors.user("ken").await);

        let group = doors.group("Sales", &[&mina, &ken]).await;

        let read = doors.scim.get(&format!("/Groups/{group}")).await.is(200).json();
        assert_eq!((&read["displayName"], &read["schemas"]), (&json!("Sales"), &json!([GROUP])));
        let member = read["members"]
            .as_array()
            .unwrap()
            .iter()
            .find(|member| member["value"] == mina.as_str())
            .unwrap();
        assert_eq!(member["$ref"], format!("{PUBLIC}/scim/v2/Users/{mina}"));
        assert_eq!((&member["type"], member.get("display")), (&json!("User"), None));
        let asked = format!("/Groups/{group}?attributes=members.value,members.display");
        let named = doors.scim.get(&asked).await.is(200).json();
        let mina_there = json!({"value": mina, "display": "mina"});
        assert!(named["members"].as_array().unwrap().contains(&mina_there), "{named}");
        let person = doors.scim.get(&format!("/Users/{mina}")).await.is(200).json();
        assert_eq!(
            (&person["groups"][0]["value"], &person["groups"][0]["display"]),
            (&json!(group), &json!("Sales"))
        );
        let brief =
            doors.scim.get(&format!("/Groups/{group}?excludedAttributes=members")).await.is(200).json();
        assert!(brief.get("members").is_none());
    });
}

#[test]
fn members_come_and_go_by_every_form_of_patch() {
    run(async {
        let doors = Doors::fresh().await;
        let (a, b, c) = (doors.user("a").await, doors.user("b").await, doors.user("c").await);
        let group = doors.group("Sales", &[]).await;
        let path = format!("/Groups/{group}");
        let change = async |operations: Value| {
            doors.scim.patch(&path, operations).await.is(204);
            members(&doors, &group).await
        };

        let value = |ids: &[&str]| ids.iter().map(|id| json!({"value": id})).collect::<Vec<_>>();
        assert_eq!(
            change(json!([{"op": "add", "path": "members", "value": value(&[&a, &b])}])).await,
            set(&[&a, &b])
        );
        assert_eq!(
            change(json!([{"op": "add", "value": {"members": value(&[&b, &c])}}])).await,
            set(&[&a, &b, &c])
        );
        let by_filter = format!("members[value eq \"{a}\"]");
        assert_eq!(change(json!([{"op": "remove", "path": by_filter}])).await, set(&[&b, &c]));
        // as Microsoft Entra ID removes
        assert_eq!(
            change(json!([{"op": "Remove", "path": "members", "value": value(&[&b])}])).await,
            set(&[&c])
        );
        assert_eq!(
            change(json!([{"op": "replace", "path": "members", "value": value(&[&a])}])).await,
            set(&[&a])
        );
        assert_eq!(change(json!([{"op": "remove", "path": "members"}])).await, set(&[]));
    });
}

#[test]
fn a_patch_of_members_is_quiet_unless_attributes_are_asked_for() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.user("mina").await;
        let group = doors.group("Sales", &[]).await;
        let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": mina}]}]));

        let quiet =
            doors.scim.send("PATCH", &format!("/Groups/{group}"), |request| request.json(&add)).await.is(204);
        assert_eq!((quiet.text.as_str(), quiet.header("etag")), ("", "W/\"2\""));
        let asked = doors
            .scim
            .send("PATCH", &format!("/Groups/{group}?attributes=members"), |request| request.json(&add))
            .await
            .is(200);
        assert_eq!(asked.json()["members"][0]["value"], mina);
        assert_eq!(asked.header("etag"), "W/\"2\"", "nothing was changed");
    });
}

#[test]
fn a_member_who_is_not_there_is_refused_and_nothing_is_changed() {
    run(async {
        let (doors, others) = (Doors::fresh().await, Doors::fresh().await);
        let (mina, stranger) = (doors.user("mina").await, others.user("stranger").await);
        let group = doors.group("Sales", &[&mina]).await;

        for id in [stranger.as_str(), "nonsense", "00000000-0000-0000-0000-000000000000"] {
            let value = json!([{"value": id}]);
            let add = json!([{"op": "add", "path": "members", "value": value}]);
            doors.scim.patch(&format!("/Groups/{group}"), add).await.scim_error(400, Some("invalidValue"));
            let body = json!({"schemas": [GROUP], "displayName": "New", "members": value});
            doors.scim.post("/Groups", body).await.scim_error(400, Some("invalidValue"));
        }
        assert_eq!(members(&doors, &group).await, set(&[&mina]));
        assert_eq!(doors.scim.get("/Groups").await.json()["totalResults"], 1);
    });
}

#[test]
fn a_replaced_group_has_the_name_and_the_members_that_were_sent() {
    run(async {
        let doors = Doors::fresh().await;
        let (a, b) = (doors.user("a").await, doors.user("b").await);
        let group = doors.group("Sales", &[&a]).await;
        let path = format!("/Groups/{group}");

        let body = json!({"schemas": [GROUP], "displayName": "Selling", "members": [{"value": b}]});
        let replaced = doors.scim.put(&path, body).await.is(200).json();
        assert_eq!(
            (&replaced["displayName"], &replaced["meta"]["version"]),
            (&json!("Selling"), &json!("W/\"2\""))
        );
        assert_eq!(members(&doors, &group).await, set(&[&b]));

        let stale = json!({"schemas": [GROUP], "displayName": "Stale"});
        let refused =
            doors.scim.send("PUT", &path, |request| request.header("if-match", "W/\"1\"").json(&stale)).await;
        refused.scim_error(412, None);
        doors.scim.put(&path, json!({"schemas": [GROUP], "displayName": "Selling"})).await.is(200);
        assert_eq!(members(&doors, &group).await, set(&[]));
    });
}

#[test]
fn a_deleted_group_leaves_its_people() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.user("mina").await;
        let group = doors.group("Sales", &[&mina]).await;

        doors.scim.delete(&format!("/Groups/{group}")).await.is(204);

        doors.scim.get(&format!("/Groups/{group}")).await.scim_error(404, None);
        let person = doors.scim.get(&format!("/Users/{mina}")).await.is(200).json();
        assert!(person.get("groups").is_none(), "{person}");
    });
}

#[test]
fn a_deleted_person_leaves_their_groups() {
    run(async {
        let doors = Doors::fresh().await;
        let (mina, ken) = (doors.user("mina").await, doors.user("ken").await);
        let group = doors.group("Sales", &[&mina, &ken]).await;

        doors.scim.delete(&format!("/Users/{mina}")).await.is(204);

        assert_eq!(members(&doors, &group).await, set(&[&ken]));
    });
}

#[test]
fn group_names_are_taken_in_any_case() {
    run(async {
        let doors = Doors::fresh().await;
        doors.group("Sales", &[]).await;

        let body = json!({"schemas": [GROUP], "displayName": "SALES"});
        doors.scim.post("/Groups", body).await.scim_error(409, Some("uniqueness"));
        doors.scim.post("/Groups", json!({"schemas": [GROUP]})).await.scim_error(400, Some("invalidValue"));
    });
}
