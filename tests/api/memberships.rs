//! `/scim/v2/GroupMemberships`: the members of groups as resources of their own. Behaviour 90.

use std::collections::BTreeSet;

use scim::filter::Filter;
use serde_json::{Value, json};
use store::listing::{Slice, Window};

use super::paging::walked;
use crate::support::http::{Doors, PUBLIC, db, encoded, text};
use crate::support::run;

const MEMBERSHIP: &str = "urn:ietf:params:scim:schemas:core:2.0:GroupMembership";

fn body(group: &str, member: &str) -> Value {
    json!({"schemas": [MEMBERSHIP], "group": {"value": group}, "member": {"value": member}})
}

/// Groups and members that a filter finds.
async fn found(doors: &Doors, filter: &str) -> BTreeSet<(String, String)> {
    let path = format!("/GroupMemberships?count=200&filter={}", encoded(filter));
    let list = doors.scim.get(&path).await.is(200).json();
    let found: BTreeSet<_> = list["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(&it["group"]["display"]), text(&it["member"]["display"])))
        .collect();
    assert_eq!(list["totalResults"], found.len(), "{filter}");
    found
}

fn pairs(of: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    of.iter().map(|(group, member)| ((*group).to_owned(), (*member).to_owned())).collect()
}

#[test]
fn behaviour_90_a_membership_is_made_read_and_ended_and_the_group_follows() {
    run(async {
        let doors = Doors::fresh().await;
        doors.rule(10, json!({"group": "Sales"}), json!({"flags": {"flags": ["admin_flag"]}})).await;
        let mina = doors.user("mina").await;
        let sales = doors.group("Sales", &[]).await;

        let created = doors.scim.post("/GroupMemberships", body(&sales, &mina)).await.is(201);

        let (id, shown) = (created.id(), created.json());
        let location = format!("{PUBLIC}/scim/v2/GroupMemberships/{id}");
        assert_eq!(created.header("location"), location);
        assert_eq!(
            (&shown["group"], &shown["member"]),
            (
                &json!({"value": sales, "$ref": format!("{PUBLIC}/scim/v2/Groups/{sales}"), "display": "Sales"}),
                &json!({"value": mina, "$ref": format!("{PUBLIC}/scim/v2/Users/{mina}"), "type": "User", "display": "mina"}),
            )
        );
        assert_eq!(
            (&shown["schemas"], &shown["meta"]["resourceType"], &shown["meta"]["location"]),
            (&json!([MEMBERSHIP]), &json!("GroupMembership"), &json!(location))
        );
        assert_eq!(doors.scim.get(&format!("/GroupMemberships/{id}")).await.is(200).json(), shown);
        let brief = doors.scim.get(&format!("/GroupMemberships/{id}?attributes=member.value")).await.is(200);
        assert_eq!((brief.json().get("group"), &brief.json()["member"]), (None, &json!({"value": mina})));
        let group = doors.scim.get(&format!("/Groups/{sales}")).await.is(200).json();
        assert_eq!(
            (&group["members"][0]["value"], &group["meta"]["version"]),
            (&json!(mina), &json!("W/\"2\""))
        );
        assert_eq!(doors.access(&mina).await["flags"][0]["flag"], "admin_flag");
        let events = doors.audit(&sales).await;
        assert_eq!(events.last().unwrap()["action"], "group.members.add");

        doors.scim.post("/GroupMemberships", body(&sales, &mina)).await.scim_error(409, None);
        doors.scim.delete(&format!("/GroupMemberships/{id}")).await.is(204);
        doors.scim.delete(&format!("/GroupMemberships/{id}")).await.scim_error(404, None);
        doors.scim.get(&format!("/GroupMemberships/{id}")).await.scim_error(404, None);
        let group = doors.scim.get(&format!("/Groups/{sales}")).await.is(200).json();
        assert!(group.get("members").is_none(), "{group}");
        assert_eq!(doors.access(&mina).await["flags"], json!([]));
        let again = doors.scim.post("/GroupMemberships", body(&sales, &mina)).await.is(201);
        assert_eq!(again.id(), id, "the id is the same for the same two");
        doors.scim.delete(&format!("/Users/{mina}")).await.is(204);
        doors.scim.get(&format!("/GroupMemberships/{id}")).await.scim_error(404, None);
    });
}

#[test]
fn behaviour_90_who_is_not_there_cannot_be_made_a_member_and_no_circle_is_closed() {
    run(async {
        let (doors, others) = (Doors::fresh().await, Doors::fresh().await);
        doors.dialect("okta").await;
        let (mina, stranger) = (doors.user("mina").await, others.user("stranger").await);
        let inner = doors.group("Inner", &[]).await;
        let outer = doors.group("Outer", &[]).await;
        let theirs = others.group("Theirs", &[]).await;

        for (group, member) in [
            (outer.as_str(), stranger.as_str()),
            (outer.as_str(), "nonsense"),
            (theirs.as_str(), mina.as_str()),
            ("nonsense", mina.as_str()),
            (outer.as_str(), ""),
        ] {
            let refused = doors.scim.post("/GroupMemberships", body(group, member)).await;
            refused.scim_error(400, Some("invalidValue"));
        }
        let shown = doors.scim.post("/GroupMemberships", body(&outer, &inner)).await.is(201).json();
        assert_eq!(
            (&shown["member"]["type"], &shown["member"]["display"]),
            (&json!("Group"), &json!("Inner"))
        );
        let circle = doors.scim.post("/GroupMemberships", body(&inner, &outer)).await;
        circle.scim_error(400, Some("invalidValue"));
        for method in ["PUT", "PATCH"] {
            let path = format!("/GroupMemberships/{}", text(&shown["id"]));
            doors
                .scim
                .send(method, &path, |request| request.json(&body(&outer, &mina)))
                .await
                .scim_error(405, None);
        }
        for id in ["x", &"A".repeat(43), &"A".repeat(44)] {
            doors.scim.get(&format!("/GroupMemberships/{id}")).await.scim_error(404, None);
        }
    });
}

#[test]
fn behaviour_90_memberships_are_found_by_either_end_and_walked_by_both_pagings() {
    run(async {
        let doors = Doors::fresh().await;
        let (mina, ken) = (doors.user("mina").await, doors.user("ken").await);
        let inner = doors.group("Inner", &[&mina]).await;
        let outer = doors.group("Outer", &[&inner, &ken, &mina]).await;
        let everything = pairs(&[("Inner", "mina"), ("Outer", "Inner"), ("Outer", "ken"), ("Outer", "mina")]);

        for (filter, expected) in [
            (format!("group.value eq \"{inner}\""), pairs(&[("Inner", "mina")])),
            (format!("member.value eq \"{mina}\""), pairs(&[("Inner", "mina"), ("Outer", "mina")])),
            (format!("member[value eq \"{inner}\"]"), pairs(&[("Outer", "Inner")])),
            (format!("group.value eq \"{outer}\" and member.value eq \"{ken}\""), pairs(&[("Outer", "ken")])),
            ("member.type eq \"Group\"".to_owned(), pairs(&[("Outer", "Inner")])),
            ("group.display sw \"in\"".to_owned(), pairs(&[("Inner", "mina")])),
            (
                "meta.resourceType eq \"GroupMembership\" and not (externalId pr)".to_owned(),
                everything.clone(),
            ),
            ("meta.created gt \"2999-01-01T00:00:00Z\"".to_owned(), pairs(&[])),
        ] {
            assert_eq!(found(&doors, &filter).await, expected, "{filter}");
        }
        let all = doors.scim.get("/GroupMemberships").await.is(200).json();
        let in_order: Vec<String> =
            all["Resources"].as_array().unwrap().iter().map(|it| text(&it["id"])).collect();
        assert_eq!(in_order.len(), 4);
        for size in [1, 2, 3] {
            assert_eq!(
                walked(&doors.scim, "/GroupMemberships?", size).await,
                in_order,
                "by cursor of {size}"
            );
        }
        let mut by_index = Vec::new();
        for start in 1..=4 {
            let page = format!("/GroupMemberships?startIndex={start}&count=1");
            let page = doors.scim.get(&page).await.is(200).json();
            assert_eq!(page["totalResults"], 4);
            by_index.push(text(&page["Resources"][0]["id"]));
        }
        assert_eq!(by_index, in_order);
        let search = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": format!("member.value eq \"{ken}\""),
        });
        let searched = doors.scim.post("/GroupMemberships/.search", search).await.is(200).json();
        assert_eq!(searched["totalResults"], 1);
        for refused in ["filter=id%20eq%20%22x%22", "filter=nonsense%20pr", "filter=group.%24ref%20pr"] {
            let reply = doors.scim.get(&format!("/GroupMemberships?{refused}")).await;
            reply.scim_error(400, Some("invalidFilter"));
        }
        let sorted = doors.scim.get("/GroupMemberships?sortBy=member.value").await;
        sorted.scim_error(400, Some("invalidValue"));
    });
}

/// A page of a group of any size is a range of an index.
#[test]
fn behaviour_90_memberships_are_read_by_index() {
    run(async {
        let doors = Doors::fresh().await;
        let window = Window::Slice(Slice { offset: 0, limit: 100 });
        for (filter, index) in [
            ("group.value eq \"0198c2f0-7a3b-7c4d-8e5f-012345678901\"", "group_member_pkey"),
            ("member.value eq \"0198c2f0-7a3b-7c4d-8e5f-012345678901\"", "group_member_by_user"),
        ] {
            let filter = Filter::parse(&scim::schema::group_membership(), filter).unwrap();
            let plan = store::memberships::plan(db(), &doors.tenant.directory, Some(&filter), &window)
                .await
                .unwrap();
            let plan = plan.join("\n");
            assert!(plan.contains(index) && !plan.contains("Seq Scan on group_member"), "{plan}");
        }
    });
}
