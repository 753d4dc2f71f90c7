//! Members who are named before they are there. Behaviour 60.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::http::{Doors, Reply, text};
use crate::support::run;

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// A tenant whose directory speaks a dialect.
async fn doors(dialect: &str) -> Doors {
    let doors = Doors::fresh().await;
    doors.dialect(dialect).await;
    doors
}

async fn change(doors: &Doors, group: &str, op: &str, members: &[&str]) -> Reply {
    let members: Vec<Value> = members.iter().map(|value| json!({"value": value})).collect();
    let operation = json!([{"op": op, "path": "members", "value": members}]);
    doors.scim.patch(&format!("/Groups/{group}"), operation).await
}

async fn remove(doors: &Doors, group: &str, member: &str) {
    let operation = json!([{"op": "remove", "path": format!("members[value eq \"{member}\"]")}]);
    doors.scim.patch(&format!("/Groups/{group}"), operation).await.is(204);
}

async fn members(doors: &Doors, group: &str) -> Vec<String> {
    let read = doors.scim.get(&format!("/Groups/{group}")).await.is(200).json();
    let members = read["members"].as_array().cloned().unwrap_or_default();
    members.iter().map(|member| text(&member["value"])).collect()
}

/// Names and groups, as an administrator sees them.
async fn pending(doors: &Doors) -> Vec<(String, String)> {
    let list = doors.api.get("/directories/directory/pending-members").await.is(200).json();
    let items = list["items"].as_array().unwrap();
    let details = doors.api.get("/directories/directory").await.is(200).json();
    assert_eq!(details["pendingMembers"], items.len());
    items.iter().map(|item| (text(&item["value"]), text(&item["groupName"]))).collect()
}

fn waits(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(value, group)| ((*value).to_owned(), (*group).to_owned())).collect()
}

async fn arrives(doors: &Doors, name: &str, external_id: &str) -> Reply {
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "externalId": external_id});
    doors.scim.post("/Users", body).await
}

#[test]
fn behaviour_60_a_member_who_is_not_there_is_kept_and_becomes_one_on_arrival() {
    run(async {
        let doors = doors("okta").await;
        doors.rule(10, json!({"group": "Sales"}), json!({"flags": {"flags": ["admin_flag"]}})).await;
        let mina = doors.user("mina").await;
        let sales = doors.group("Sales", &[&mina, "00u1"]).await;
        let outer = doors.group("Everybody", &[&sales]).await;
        let tours = doors.group("Tours", &[]).await;
        change(&doors, &tours, "add", &["00u1", "00u2"]).await.is(204);
        assert_eq!(members(&doors, &sales).await, [mina.as_str()]);
        let expected = waits(&[("00u1", "Sales"), ("00u1", "Tours"), ("00u2", "Tours")]);
        let mut found = pending(&doors).await;
        found.sort();
        assert_eq!(found, expected);

        let created = arrives(&doors, "ken", "00u1").await.is(201);

        let ken = created.id();
        let shown = created.json();
        let mut groups: Vec<(String, String)> = shown["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| (text(&group["display"]), text(&group["type"])))
            .collect();
        groups.sort();
        assert_eq!(groups, waits(&[("Everybody", "indirect"), ("Sales", "direct"), ("Tours", "direct")]));
        let access = doors.access(&ken).await;
        assert_eq!(access["flags"][0]["flag"], "admin_flag", "{access}");
        assert_eq!(pending(&doors).await, waits(&[("00u2", "Tours")]));
        let read = doors.scim.get(&format!("/Groups/{sales}")).await.is(200).json();
        assert_eq!(
            (&read["meta"]["version"], read["members"].as_array().unwrap().len()),
            (&json!("W/\"2\""), 2)
        );
        let events = doors.audit(&sales).await;
        let added: Vec<&Value> = events.iter().map(|event| &event["after"]).collect();
        assert!(added.contains(&&json!({"pending": ["00u1"]})), "{events:?}");
        assert!(added.contains(&&json!({"members": [ken]})), "{events:?}");
        assert!(members(&doors, &outer).await.contains(&sales));
    });
}

#[test]
fn behaviour_60_who_is_there_already_is_a_member_at_once_by_either_name() {
    run(async {
        let doors = doors("okta").await;
        let ken = arrives(&doors, "ken", "00u1").await.is(201).id();
        let sales = doors.group("Sales", &["00u1"]).await;

        assert_eq!(members(&doors, &sales).await, [ken.as_str()]);
        assert!(pending(&doors).await.is_empty());
        change(&doors, &sales, "add", &[&ken, "00u1"]).await.is(204);
        assert_eq!(members(&doors, &sales).await, [ken.as_str()], "it is one and the same");
        remove(&doors, &sales, "00u1").await;
        assert_eq!(members(&doors, &sales).await, [""; 0]);
    });
}

#[test]
fn behaviour_60_a_reference_goes_when_its_client_removes_the_member_or_the_group() {
    run(async {
        let doors = doors("okta").await;
        let mina = doors.user("mina").await;
        let sales = doors.group("Sales", &[&mina, "a", "b", "c"]).await;

        remove(&doors, &sales, "a").await;
        assert_eq!(pending(&doors).await, waits(&[("b", "Sales"), ("c", "Sales")]));
        change(&doors, &sales, "replace", &[&mina, "c", "d"]).await.is(204);
        assert_eq!(pending(&doors).await, waits(&[("c", "Sales"), ("d", "Sales")]));
        change(&doors, &sales, "replace", &["e"]).await.scim_error(400, Some("invalidValue"));
        assert_eq!(members(&doors, &sales).await, [mina.as_str()], "it would have emptied the group");
        doors
            .scim
            .patch(&format!("/Groups/{sales}"), json!([{"op": "remove", "path": "members"}]))
            .await
            .is(204);
        assert!(pending(&doors).await.is_empty());
        change(&doors, &sales, "add", &["f"]).await.is(204);
        let put = json!({"schemas": [GROUP], "displayName": "Sales"});
        doors.scim.put(&format!("/Groups/{sales}"), put).await.is(200);
        assert!(pending(&doors).await.is_empty());
        change(&doors, &sales, "add", &["g"]).await.is(204);
        doors.scim.delete(&format!("/Groups/{sales}")).await.is(204);
        assert!(pending(&doors).await.is_empty());
        arrives(&doors, "late", "f").await.is(201);
    });
}

#[test]
fn behaviour_60_nobody_is_waited_for_in_other_dialects_beyond_a_bound_or_as_a_group() {
    run(async {
        for dialect in ["rfc", "interop", "entra", "auto"] {
            let doors = doors(dialect).await;
            let sales = doors.group("Sales", &[]).await;
            change(&doors, &sales, "add", &["00u1"]).await.scim_error(400, Some("invalidValue"));
            assert!(pending(&doors).await.is_empty(), "{dialect}");
        }
        let doors = doors("okta").await;
        let sales = doors.group("Sales", &[]).await;
        let many: Vec<String> = (0..1_001).map(|n| format!("p{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();

        change(&doors, &sales, "add", &many).await.scim_error(400, Some("invalidValue"));
        assert!(pending(&doors).await.is_empty());
        change(&doors, &sales, "add", &many[..60]).await.is(204);
        change(&doors, &sales, "add", &many[60..1_000]).await.is(204);
        change(&doors, &sales, "add", &many[1_000..]).await.scim_error(400, Some("invalidValue"));
        change(&doors, &sales, "add", &[&"x".repeat(257)]).await.scim_error(400, Some("invalidValue"));
        let as_group = json!([{"op": "add", "path": "members", "value": [{"value": "g", "type": "Group"}]}]);
        doors.scim.patch(&format!("/Groups/{sales}"), as_group).await.scim_error(400, Some("invalidValue"));
        let page =
            doors.api.get("/directories/directory/pending-members?count=2&offset=999").await.is(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        doors.api.get("/directories/nowhere/pending-members").await.problem(404, "not_found");
    });
}

/// The same name in another tenant, or in another directory, is somebody else.
#[test]
fn behaviour_60_only_a_person_of_the_same_directory_is_who_was_waited_for() {
    run(async {
        let (here, there) = (doors("okta").await, doors("okta").await);
        let sales = here.group("Sales", &["00u1"]).await;

        arrives(&there, "ken", "00u1").await.is(201);

        assert_eq!(pending(&here).await, waits(&[("00u1", "Sales")]));
        assert_eq!(members(&here, &sales).await, [""; 0]);
    });
}

/// Whichever is first, the person or the group that names them, the one finds the other.
#[test]
fn behaviour_60_of_a_person_and_groups_that_name_them_at_once_none_misses_the_other() {
    run(async {
        let doors = doors("okta").await;
        for round in 0..20 {
            let name = format!("00u{round}");
            let mut groups = Vec::new();
            for n in 0..3 {
                groups.push(doors.group(&format!("Group {round} {n}"), &[]).await);
            }
            let named = [name.as_str()];

            let adds = join_all(groups.iter().map(|group| change(&doors, group, "add", &named)));
            let (arrived, added) = tokio::join!(arrives(&doors, &name, &name), adds);
            let person = arrived.is(201).id();
            for reply in added {
                reply.is(204);
            }

            for group in &groups {
                assert_eq!(members(&doors, group).await, [person.as_str()], "round {round}");
            }
        }
        assert!(pending(&doors).await.is_empty());
    });
}
