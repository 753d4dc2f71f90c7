//! `/roles`: a tenant's own roles and its changes to the product's, where they count: in access and decisions, in mapping rules and
//! grants, in what directories see, and for whoever acts in person.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::grant_rules::{House, allowed_by_none, role};
use crate::support::http::{Doors, Reply, operator_token, text};
use crate::support::run;

fn channel() -> Value {
    json!("environment")
}

/// A channel with one owner and one of the staff, and their ids.
async fn house() -> (House, String, String) {
    let house = House::of("channel_talk").await;
    let owner = house.has("owner", json!([role("owner", channel())])).await;
    let staff = house.has("staff", json!([])).await;
    (house, owner, staff)
}

fn night() -> Value {
    json!({
        "id": "night_shift",
        "name": {"ja": "夜勤", "en": "Night shift", "fr": "Équipe de nuit"},
        "cells": {"inbox.chats": "level:all_chats", "crm.contacts": "level:view"},
    })
}

async fn may(doors: &Doors, user: &str, permission: &str, level: Option<&str>) -> bool {
    let question = json!({"user": user, "permission": permission, "level": level});
    let answer = doors.api.post("/decisions", json!({"questions": [question]})).await.is(200).json();
    answer["items"][0]["allowed"].as_bool().unwrap()
}

async fn roles_of(doors: &Doors, user: &str) -> Vec<String> {
    let access = doors.access(user).await;
    access["roles"].as_array().unwrap().iter().map(|held| text(&held["role"])).collect()
}

async fn ids(doors: &Doors) -> Vec<String> {
    let list = doors.api.get("/roles").await.is(200).json();
    list["items"].as_array().unwrap().iter().map(|role| text(&role["id"])).collect()
}

fn detail(reply: &Reply) -> String {
    text(&reply.json()["detail"])
}

/// CHT-01, CHT-04, CHT-05, CHT-19: a role is named, says something of every section, and is there everywhere at once.
#[test]
fn a_role_of_ones_own_is_a_role_like_any_other() {
    run(async {
        let (house, owner, staff) = house().await;
        let doors = &house.0;

        let made = house.ask(Some(&owner), "POST", "/roles", Some(night())).await.is(201).json();
        assert_eq!(
            (&made["origin"], &made["holders"], &made["affected"]),
            (&json!("own"), &json!(0), &json!(0))
        );
        assert_eq!(made["name"]["fr"], "Équipe de nuit");
        assert_eq!(made["cells"]["options.operation"], "level:view");
        assert_eq!(made["cells"]["channel.delete"], "no");
        assert_eq!(made["cells"].as_object().unwrap().len(), 14);

        // By hand, with a decision and those who may.
        house
            .ask(
                Some(&owner),
                "POST",
                &format!("/users/{staff}/grants"),
                Some(json!({"gives": role("night_shift", channel())})),
            )
            .await
            .is(201);
        assert_eq!(roles_of(doors, &staff).await, ["night_shift"]);
        assert!(may(doors, &staff, "crm.contacts", Some("view")).await);
        assert!(!may(doors, &staff, "crm.contacts", Some("edit")).await);
        let holders = doors.api.get("/permissions/inbox.chats/holders?level=all_chats").await.is(200).json();
        let holders: Vec<String> =
            holders["items"].as_array().unwrap().iter().map(|it| text(&it["user"])).collect();
        assert!(holders.contains(&staff) && holders.contains(&owner), "{holders:?}");
        // By a rule.
        let mina = doors.user("mina").await;
        doors.group("nights", &[&mina]).await;
        doors.rule(10, json!({"group": "nights"}), role("night_shift", channel())).await;
        assert_eq!(roles_of(doors, &mina).await, ["night_shift"]);
        let shown = doors.api.get("/roles/night_shift").await.is(200).json();
        assert_eq!(shown["holders"], 2);
        // A directory sees it and can say it of somebody.
        let listed = doors.scim.get("/Roles/night_shift").await.is(200).json();
        assert_eq!((&listed["display"], &listed["type"]), (&json!("夜勤"), &json!("environment")));
        doors.person(json!({"userName": "said", "roles": [{"value": "night_shift"}]})).await;
        // The list of people finds those who have it.
        let found = doors.api.get("/users?role=night_shift").await.is(200).json();
        assert_eq!(found["users"].as_array().or(found["items"].as_array()).unwrap().len(), 2, "{found}");
        let audit = doors.audit("night_shift").await;
        assert_eq!((&audit[0]["action"], &audit[0]["actor"]["user"]), (&json!("role.create"), &json!(owner)));
    });
}

/// CHT-08, CHT-29: whoever is no owner neither makes nor changes nor deletes roles, nor what is theirs by one.
#[test]
fn only_owners_change_what_roles_are() {
    run(async {
        let (house, owner, staff) = house().await;
        house.ask(Some(&owner), "POST", "/roles", Some(night())).await.is(201);

        let asks = [
            ("POST", "/roles", Some(json!({"id": "mine", "name": "Mine"}))),
            ("PATCH", "/roles/general", Some(json!({"cells": {"crm.data_download": "yes"}}))),
            ("PATCH", "/roles/night_shift", Some(json!({"default": true}))),
            ("DELETE", "/roles/night_shift", None),
        ];
        for (method, path, body) in asks {
            allowed_by_none(house.ask(Some(&staff), method, path, body).await);
        }
        assert!(!ids(&house.0).await.contains(&"mine".to_owned()));
        house.ask(Some(&owner), "DELETE", "/roles/night_shift", None).await.is(200);
    });
}

/// CHT-06, CHT-07, CHT-08, CHT-20: nobody else is given what is the owner's, and the owner's role stays as it is.
#[test]
fn what_is_the_owners_alone_is_put_into_no_other_role() {
    run(async {
        let (house, ..) = house().await;
        let api = &house.0.api;
        for alone in ["channel.delete", "staff.delete", "staff.role.modify", "team.settings"] {
            let mut wanted = night();
            wanted["cells"][alone] = json!("yes");
            let refused = api.post("/roles", wanted).await.problem(400, "invalid");
            assert!(detail(&refused).contains("owner"), "{}", detail(&refused));
            api.change("/roles/cx_staff", json!({"cells": {alone: "yes"}})).await.problem(400, "invalid");
        }
        api.change("/roles/owner", json!({"cells": {"channel.delete": "no"}})).await.problem(409, "conflict");
        api.change("/roles/owner", json!({"name": "Boss"})).await.problem(409, "conflict");
        api.delete("/roles/owner").await.problem(409, "conflict");
        api.delete("/roles/general").await.problem(409, "conflict");
        for nonsense in [
            json!({"crm.contacts": "yes"}),
            json!({"crm.contacts": "level:own"}),
            json!({"fly": "yes"}),
            json!({"options.operation": "no"}),
            json!({"team_chat.groups": "level:all_groups"}),
        ] {
            let body = json!({"id": "odd", "name": "Odd", "cells": nonsense});
            api.post("/roles", body).await.problem(400, "invalid");
        }
        for odd in [
            json!({"id": "Odd", "name": "Odd"}),
            json!({"id": "odd"}),
            json!({"id": "odd", "name": ""}),
            json!({"id": "odd", "name": "Odd", "from": "nobody"}),
            json!({"id": "odd", "name": "Odd", "places": []}),
            json!({"id": "odd", "name": "Odd", "places": ["team"]}),
            json!({"id": "odd", "name": "Odd", "rank": 100}),
            json!({"id": "odd", "name": "Odd", "rank": -1}),
        ] {
            api.post("/roles", odd).await.problem(400, "invalid");
        }
        api.post("/roles", json!({"id": "general", "name": "Mine"})).await.problem(409, "conflict");
        assert_eq!(ids(&house.0).await.len(), 5);
    });
}

/// CHT-04, CHT-26: of many who make roles at once, none makes the twenty-first.
#[test]
fn the_twenty_first_role_is_refused_however_many_are_made_at_once() {
    run(async {
        let (house, ..) = house().await;
        let api = &house.0.api;
        for n in 0..12 {
            let new = json!({"id": format!("own{n}"), "name": format!("Own {n}")});
            api.post("/roles", new).await.is(201);
        }
        assert_eq!(ids(&house.0).await.len(), 17);

        let at_once = (0..8).map(|n| {
            let new = json!({"id": format!("late{n}"), "name": "Late"});
            api.post("/roles", new)
        });
        let replies = join_all(at_once).await;

        assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 3);
        for refused in replies.into_iter().filter(|reply| reply.status != 201) {
            assert!(detail(&refused.problem(409, "conflict")).contains("20"));
        }
        assert_eq!(ids(&house.0).await.len(), 20);
        // An example that nobody wants makes room, and comes back by its name when there is.
        api.delete("/roles/external").await.is(200);
        api.post("/roles", json!({"id": "last", "name": "Last"})).await.is(201);
        api.post("/roles", json!({"id": "external"})).await.problem(409, "conflict");
        api.delete("/roles/last").await.is(200);
        let back = api.post("/roles", json!({"id": "external"})).await.is(201).json();
        assert_eq!((&back["origin"], &back["name"]["en"]), (&json!("preset"), &json!("External contact")));
        assert_eq!(back["cells"]["inbox.chats"], "level:assigned_or_followed");
    });
}

/// CHT-20, CHT-21: name and permissions change at any time, for everybody who has the role, in one transaction, and the answer says
/// for how many.
#[test]
fn a_change_of_a_role_reaches_everybody_who_holds_it() {
    run(async {
        let (house, owner, _) = house().await;
        let doors = &house.0;
        doors.keep_facts().await;
        doors.api.post("/roles", night()).await.is(201);
        let mut people = Vec::new();
        for n in 0..5 {
            people.push(doors.user(&format!("night{n}")).await);
        }
        let members: Vec<&str> = people.iter().map(String::as_str).collect();
        doors.group("nights", &members).await;
        doors.rule(10, json!({"group": "nights"}), role("night_shift", channel())).await;
        assert!(!may(doors, &people[4], "crm.data_download", None).await);

        let wanted = json!({"name": "Late shift", "cells": {"crm.data_download": "yes", "crm.contacts": "level:edit"}});
        let changed =
            house.ask(Some(&owner), "PATCH", "/roles/night_shift", Some(wanted)).await.is(200).json();

        assert_eq!((&changed["affected"], &changed["holders"]), (&json!(5), &json!(5)));
        assert_eq!(changed["name"], json!({"ja": "Late shift", "en": "Late shift", "fr": "Late shift"}));
        for user in &people {
            assert!(may(doors, user, "crm.data_download", None).await);
            assert!(may(doors, user, "crm.contacts", Some("edit")).await);
        }
        let renamed = doors.api.change("/roles/night_shift", json!({"name": "Nights"})).await.is(200).json();
        assert_eq!(renamed["affected"], 0, "a name gives nobody anything");
        let same = doors.api.change("/roles/night_shift", json!({"name": "Nights"})).await.is(200).json();
        assert_eq!(same["affected"], 0);
        let audit = doors.audit("night_shift").await;
        let actions: Vec<&Value> = audit.iter().map(|event| &event["action"]).collect();
        assert_eq!(actions, ["role.create", "role.update", "role.update"]);
        assert_eq!(audit[1]["before"]["cells"]["crm.data_download"], "no");
        assert_eq!(audit[1]["after"]["cells"]["crm.data_download"], "yes");
    });
}

/// CHT-20, CHT-25: what the product's page leaves open the tenant decides, and can leave open again.
#[test]
fn what_the_product_leaves_open_the_tenant_decides() {
    run(async {
        let (house, _, staff) = house().await;
        let doors = &house.0;
        assert_eq!(roles_of(doors, &staff).await, ["general"]);
        assert!(!may(doors, &staff, "crm.contacts", None).await);

        let wanted = json!({"cells": {"crm.contacts": "level:view"}});
        let changed = doors.api.change("/roles/general", wanted).await.is(200).json();
        assert_eq!((&changed["affected"], &changed["origin"]), (&json!(1), &json!("system")));
        assert!(may(doors, &staff, "crm.contacts", Some("view")).await);

        let open_again = json!({"cells": {"crm.contacts": "unspecified"}});
        doors.api.change("/roles/general", open_again.clone()).await.is(200);
        assert!(!may(doors, &staff, "crm.contacts", None).await);
        doors.api.change("/roles/cx_staff", open_again).await.problem(400, "invalid");
        let general = doors.api.change("/roles/general", json!({"rank": 3})).await;
        general.problem(409, "conflict");
    });
}

/// CHT-03, CHT-09, CHT-28: whoever has no other role has the default, which can be any but the owner's; nobody is without one.
#[test]
fn any_role_but_the_owners_is_the_default_of_whoever_has_no_other() {
    run(async {
        let (house, owner, staff) = house().await;
        let doors = &house.0;
        doors.api.post("/roles", night()).await.is(201);
        house
            .ask(Some(&owner), "PATCH", "/roles/owner", Some(json!({"default": true})))
            .await
            .problem(409, "conflict");

        let made = json!({"default": true});
        let changed = house.ask(Some(&owner), "PATCH", "/roles/night_shift", Some(made)).await.is(200).json();

        assert_eq!((&changed["default"], &changed["affected"]), (&json!(true), &json!(1)));
        assert_eq!(roles_of(doors, &staff).await, ["night_shift"]);
        let newcomer = doors.user("newcomer").await;
        assert_eq!(roles_of(doors, &newcomer).await, ["night_shift"]);
        doors.api.change("/roles/night_shift", json!({"default": false})).await.problem(409, "conflict");
        doors.api.delete("/roles/night_shift").await.problem(409, "conflict");
        // It goes with another in its place, and nobody is left without a role.
        let gone = doors.api.delete("/roles/night_shift?replacement=general").await.is(200).json();
        assert_eq!(gone["affected"], 2);
        assert_eq!(roles_of(doors, &newcomer).await, ["general"]);
        let default: Vec<String> = {
            let list = doors.api.get("/roles").await.is(200).json();
            let items = list["items"].as_array().unwrap().clone();
            items.iter().filter(|role| role["default"] == true).map(|role| text(&role["id"])).collect()
        };
        assert_eq!(default, ["general"]);
    });
}

/// CHT-21, CHT-28: a role that somebody has or something gives is deleted only with another in its place.
#[test]
fn a_role_that_is_held_or_given_goes_only_with_another_in_its_place() {
    run(async {
        let (house, owner, staff) = house().await;
        let doors = &house.0;
        doors.api.post("/roles", night()).await.is(201);
        let give = json!({"gives": role("night_shift", channel())});
        house.ask(None, "POST", &format!("/users/{staff}/grants"), Some(give)).await.is(201);
        let mina = doors.user("mina").await;
        doors.group("nights", &[&mina]).await;
        doors.rule(10, json!({"group": "nights"}), role("night_shift", channel())).await;

        let refused = doors.api.delete("/roles/night_shift").await.problem(409, "conflict");
        assert!(
            detail(&refused).starts_with("2 people hold it, 1 were given it by hand and 1 mapping rules")
        );
        for odd in ["night_shift", "nobody", "", "owner%00"] {
            doors.api.delete(&format!("/roles/night_shift?replacement={odd}")).await.is(400);
        }
        doors.api.delete("/roles/nobody").await.problem(404, "not_found");

        let gone =
            house.ask(Some(&owner), "DELETE", "/roles/night_shift?replacement=marketer", None).await.is(200);
        assert_eq!(gone.json()["affected"], 2);
        assert_eq!(roles_of(doors, &mina).await, ["marketer"]);
        assert_eq!(roles_of(doors, &staff).await, ["marketer"]);
        let rules = doors.api.get("/mapping-rules").await.is(200).json();
        assert_eq!(rules["items"][0]["gives"]["role"]["role"], "marketer");
        doors.scim.get("/Roles/night_shift").await.scim_error(404, None);
        doors.api.get("/roles/night_shift").await.problem(404, "not_found");
    });
}

/// MOM-02, MOM-04, MOM-23: who is not the product's operator makes no role where the product says that it makes them on request; and
/// where a product has none, nobody does.
#[test]
fn a_product_says_whether_a_tenant_has_roles_of_its_own() {
    run(async {
        let on_request = House::of("momos").await;
        let operator = operator_token().await;
        let new = json!({"id": "night_shift", "name": "Night shift", "places": ["account", "location"],
            "cells": {"module.reviews": "level:manager"}});
        on_request.0.api.post("/roles", new.clone()).await.problem(403, "forbidden");
        let made = on_request.0.api.with(&operator).post("/roles", new).await.is(201).json();
        assert_eq!(
            (&made["cells"]["module.reviews"], &made["cells"]["module.offers"]),
            (&json!("level:manager"), &json!("level:none"))
        );
        let user = on_request.has("user", json!([role("night_shift", channel())])).await;
        assert!(may(&on_request.0, &user, "module.reviews", Some("manager")).await);
        assert!(!may(&on_request.0, &user, "module.reviews", Some("owner")).await);
        assert!(!may(&on_request.0, &user, "module.offers", None).await);

        let none = House::of("bellface").await;
        let new = json!({"id": "night_shift", "name": "Night shift"});
        none.0.api.with(&operator).post("/roles", new).await.problem(409, "conflict");
        none.0
            .api
            .change("/roles/general", json!({"cells": {"recolog": "no"}}))
            .await
            .problem(409, "conflict");
        none.0.api.delete("/roles/general").await.problem(409, "conflict");
    });
}

/// What a connection or a gate names is not deleted under it.
#[test]
fn a_role_that_a_gate_or_a_connection_names_stays() {
    run(async {
        let (house, ..) = house().await;
        let doors = &house.0;
        doors.api.post("/roles", night()).await.is(201);
        doors.connection("idp", "https://idp.example").await;
        doors.api.change("/connections/idp", json!({"highestRole": "night_shift"})).await.is(200);
        let refused =
            doors.api.delete("/roles/night_shift?replacement=general").await.problem(409, "conflict");
        assert!(detail(&refused).contains("idp"));
        doors.api.change("/connections/idp", json!({"highestRole": null})).await.is(200);
        let hosts = json!({"https://wiki.example": [{"path": "/", "roles": ["night_shift"]}]});
        let gate = doors.api.post("/gates", json!({"name": "Wiki", "hosts": hosts})).await.is(201).id();
        let refused = doors.api.delete("/roles/night_shift").await.problem(409, "conflict");
        assert!(detail(&refused).contains("Wiki"));
        doors.api.delete(&format!("/gates/{gate}")).await.is(204);
        doors.api.delete("/roles/night_shift").await.is(200);
    });
}
