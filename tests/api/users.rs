//! `/scim/v2/Users` (RFC 7644 §3): what is written is read, in the right version, by the right people.

use serde_json::{Value, json};

use crate::support::http::{Client, Doors, PUBLIC, SCIM_JSON, encoded, patch};
use crate::support::run;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn mina() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": "Mina",
        "externalId": "e-1",
        "name": {"familyName": "Mori", "givenName": "Mina"},
        "emails": [{"value": "mina@acme.example", "type": "work", "primary": true}],
        "password": "never kept",
        ENTERPRISE: {"department": "Sales"},
    })
}

fn names(list: &Value) -> Vec<&str> {
    let mut names: Vec<_> =
        list["Resources"].as_array().unwrap().iter().map(|user| user["userName"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_created_person_is_read_back_with_what_the_server_adds() {
    run(async {
        let doors = Doors::fresh().await;

        let created = doors.scim.post("/Users", mina()).await.is(201);

        let body = created.json();
        let id = created.id();
        let location = format!("{PUBLIC}/scim/v2/Users/{id}");
        assert_eq!(created.header("location"), location);
        assert_eq!(created.header("content-type"), SCIM_JSON);
        assert_eq!(created.header("etag"), "W/\"1\"");
        assert_eq!(body["meta"]["location"], location);
        assert_eq!(body["meta"]["version"], "W/\"1\"");
        assert_eq!(body["meta"]["resourceType"], "User");
        assert_eq!(body["schemas"], json!([USER, ENTERPRISE]));
        assert_eq!((&body["userName"], &body["active"]), (&json!("Mina"), &json!(true)));
        assert_eq!(body[ENTERPRISE]["department"], "Sales");
        assert!(body.get("password").is_none());
        assert_eq!(doors.scim.get(&format!("/Users/{id}")).await.is(200).json(), body);
    });
}

#[test]
fn a_user_name_is_taken_in_any_case_and_by_no_other_directory() {
    run(async {
        let (doors, others) = (Doors::fresh().await, Doors::fresh().await);
        doors.user("mina").await;

        doors
            .scim
            .post("/Users", json!({"schemas": [USER], "userName": "MINA"}))
            .await
            .scim_error(409, Some("uniqueness"));
        others.user("mina").await;
    });
}

#[test]
fn a_body_that_is_no_user_is_refused_with_its_reason() {
    run(async {
        let doors = Doors::fresh().await;
        for (body, scim_type) in [
            (json!({"schemas": [USER]}), "invalidValue"),
            (json!({"schemas": [USER], "userName": ""}), "invalidValue"),
            (json!({"schemas": [USER], "userName": 7}), "invalidValue"),
            (json!({"userName": "x"}), "invalidSyntax"),
            (json!({"schemas": [USER], "userName": "x", "name": "x"}), "invalidValue"),
            (json!([]), "invalidSyntax"),
            (json!({"schemas": ["urn:unknown"], "userName": "x"}), "invalidSyntax"),
        ] {
            let shown = body.to_string();
            let reply = doors.scim.post("/Users", body).await;
            println!("{shown}");
            reply.scim_error(400, Some(scim_type));
        }
        assert_eq!(doors.scim.get("/Users").await.json()["totalResults"], 0);
    });
}

#[test]
fn a_replaced_person_is_what_was_sent_and_a_forgotten_active_changes_nothing() {
    run(async {
        let doors = Doors::fresh().await;
        let id = doors.scim.post("/Users", mina()).await.id();
        doors.set_active(&id, false).await;

        let body = json!({"schemas": [USER], "userName": "mina.mori", "title": "Manager"});
        let replaced = doors.scim.put(&format!("/Users/{id}"), body).await.is(200);

        let body = replaced.json();
        assert_eq!((&body["userName"], &body["title"]), (&json!("mina.mori"), &json!("Manager")));
        assert_eq!(body["active"], false);
        assert!(body.get("emails").is_none() && body.get(ENTERPRISE).is_none(), "{body}");
        assert_eq!(replaced.header("etag"), "W/\"3\"");
    });
}

#[test]
fn a_patch_is_applied_whole_or_not_at_all() {
    run(async {
        let doors = Doors::fresh().await;
        let id = doors.scim.post("/Users", mina()).await.id();
        let path = format!("/Users/{id}");

        let operations = json!([
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "m@acme.example"},
            {"op": "add", "path": format!("{ENTERPRISE}:costCenter"), "value": "42"},
            {"op": "remove", "path": "name.givenName"},
        ]);
        let patched = doors.scim.patch(&path, operations).await.is(200).json();
        assert_eq!(patched["emails"][0]["value"], "m@acme.example");
        assert_eq!(patched[ENTERPRISE], json!({"department": "Sales", "costCenter": "42"}));
        assert_eq!(patched["name"], json!({"familyName": "Mori"}));

        let half =
            json!([{"op": "replace", "path": "title", "value": "X"}, {"op": "remove", "path": "userName"}]);
        doors.scim.patch(&path, half).await.scim_error(400, Some("mutability"));
        let operations = json!([{"op": "replace", "path": "emails[type sw \"ho\"].value", "value": "x@y"}]);
        doors.scim.patch(&path, operations).await.scim_error(400, Some("noTarget"));
        assert_eq!(doors.scim.get(&path).await.json(), patched);
    });
}

#[test]
fn a_patch_that_changes_nothing_leaves_version_and_time_alone() {
    run(async {
        let doors = Doors::fresh().await;
        let created = doors.scim.post("/Users", mina()).await.json();
        let path = format!("/Users/{}", created["id"].as_str().unwrap());

        let same = json!([{"op": "replace", "path": "userName", "value": "Mina"}]);
        let patched = doors.scim.patch(&path, same).await.is(200).json();

        assert_eq!(patched["meta"], created["meta"]);
    });
}

#[test]
fn a_deleted_person_is_gone_for_every_method() {
    run(async {
        let doors = Doors::fresh().await;
        let id = doors.user("mina").await;
        let path = format!("/Users/{id}");

        let deleted = doors.scim.delete(&path).await.is(204);

        assert_eq!(deleted.text, "");
        doors.scim.get(&path).await.scim_error(404, None);
        doors.scim.put(&path, json!({"schemas": [USER], "userName": "mina"})).await.scim_error(404, None);
        doors
            .scim
            .patch(&path, json!([{"op": "replace", "path": "title", "value": "x"}]))
            .await
            .scim_error(404, None);
        doors.scim.delete(&path).await.scim_error(404, None);
        doors.user("mina").await;
    });
}

#[test]
fn only_the_newest_version_may_be_changed_by_those_who_name_one() {
    run(async {
        let doors = Doors::fresh().await;
        let id = doors.user("mina").await;
        let path = format!("/Users/{id}");
        let change = |version: &'static str, title: &'static str| {
            let body = patch(json!([{"op": "replace", "path": "title", "value": title}]));
            doors.scim.send("PATCH", &path, move |request| request.header("if-match", version).json(&body))
        };

        change("W/\"1\"", "first").await.is(200);
        change("W/\"1\"", "second").await.scim_error(412, None);
        change("W/\"7\", W/\"2\"", "third").await.is(200);
        change("*", "fourth").await.is(200);
        let stale = |request: reqwest::RequestBuilder| request.header("if-match", "W/\"1\"");
        let body = json!({"schemas": [USER], "userName": "mina"});
        doors.scim.send("PUT", &path, |request| stale(request).json(&body)).await.scim_error(412, None);
        doors.scim.send("DELETE", &path, stale).await.scim_error(412, None);

        let read = doors.scim.get(&path).await.json();
        assert_eq!((&read["title"], &read["meta"]["version"]), (&json!("fourth"), &json!("W/\"4\"")));
    });
}

#[test]
fn a_version_that_is_known_already_is_not_sent_again() {
    run(async {
        let doors = Doors::fresh().await;
        let path = format!("/Users/{}", doors.user("mina").await);
        let unless = |version: &'static str| {
            doors.scim.send("GET", &path, move |request| request.header("if-none-match", version))
        };

        let same = unless("W/\"1\"").await.is(304);
        assert_eq!((same.text.as_str(), same.header("etag")), ("", "W/\"1\""));
        unless("*").await.is(304);
        unless("W/\"2\"").await.is(200);
    });
}

#[test]
fn only_the_wanted_attributes_are_sent_and_the_id_always() {
    run(async {
        let doors = Doors::fresh().await;
        let id = doors.scim.post("/Users", mina()).await.id();
        let read = async |query: &str| doors.scim.get(&format!("/Users/{id}?{query}")).await.is(200).json();

        assert_eq!(
            read("attributes=userName,name.familyName").await,
            json!({"schemas": [USER, ENTERPRISE], "id": id, "userName": "Mina", "name": {"familyName": "Mori"}})
        );
        let rest = read(&format!("excludedAttributes=id,meta,name,emails,{}", encoded(ENTERPRISE))).await;
        assert_eq!(
            rest,
            json!({"schemas": [USER, ENTERPRISE], "id": id, "userName": "Mina", "externalId": "e-1", "active": true})
        );
        let listed = doors.scim.get("/Users?attributes=emails.value").await.is(200).json();
        assert_eq!(listed["Resources"][0]["emails"], json!([{"value": "mina@acme.example"}]));
        doors
            .scim
            .get(&format!("/Users/{id}?attributes=userName&excludedAttributes=name"))
            .await
            .scim_error(400, Some("invalidValue"));
    });
}

#[test]
fn a_list_is_read_in_pages_that_neither_overlap_nor_leave_anybody_out() {
    run(async {
        let doors = Doors::fresh().await;
        for n in 0..7 {
            doors.user(&format!("user-{n}")).await;
        }

        let mut seen = Vec::new();
        for start in [1, 4, 7] {
            let page = doors.scim.get(&format!("/Users?startIndex={start}&count=3")).await.is(200).json();
            assert_eq!((&page["totalResults"], &page["startIndex"]), (&json!(7), &json!(start)));
            seen.extend(names(&page).into_iter().map(str::to_owned));
        }
        assert_eq!(seen.len(), 7);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 7);

        let none = doors.scim.get("/Users?count=0").await.is(200).json();
        assert_eq!((&none["totalResults"], none["Resources"].as_array().map_or(0, Vec::len)), (&json!(7), 0));
        let beyond = doors.scim.get("/Users?startIndex=100").await.is(200).json();
        assert_eq!((&beyond["totalResults"], &beyond["itemsPerPage"]), (&json!(7), &json!(0)));
        let negative = doors.scim.get("/Users?startIndex=-5&count=-1").await.is(200).json();
        assert_eq!((&negative["startIndex"], &negative["itemsPerPage"]), (&json!(1), &json!(0)));
        doors.scim.get("/Users?count=many").await.scim_error(400, Some("invalidValue"));
    });
}

#[test]
fn a_search_by_post_finds_what_a_list_finds() {
    run(async {
        let doors = Doors::fresh().await;
        for name in ["mina", "ken", "hana"] {
            doors.user(name).await;
        }
        doors.group("minas", &[]).await;
        let search = |path: &'static str, filter: &'static str| {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                "filter": filter,
                "attributes": ["userName", "displayName"],
                "count": 10,
            });
            doors.scim.post(path, body)
        };

        let people =
            search("/Users/.search", "userName co \"n\" and not (userName eq \"ken\")").await.is(200).json();
        assert_eq!(names(&people), ["hana", "mina"]);
        let all = search("/.search", "userName eq \"mina\" or displayName eq \"minas\"").await.is(200).json();
        assert_eq!((&all["totalResults"], all["Resources"].as_array().unwrap().len()), (&json!(2), 2));
        let groups = search("/Groups/.search", "displayName sw \"min\"").await.is(200).json();
        assert_eq!(groups["totalResults"], 1);
        let root = doors.scim.get("?filter=userName+eq+%22ken%22").await.is(200).json();
        assert_eq!(names(&root), ["ken"]);
        doors
            .scim
            .post("/Users/.search", json!({"filter": "x"}))
            .await
            .scim_error(400, Some("invalidSyntax"));
    });
}

/// `Content-Type` of requests and answers, and the two ways to spell a base address (RFC 7644 §3.8 and §3.13).
#[test]
fn both_media_types_and_a_slash_at_the_end_are_taken() {
    run(async {
        let doors = Doors::fresh().await;
        for (n, media_type) in
            ["application/scim+json", "application/json", "application/json; charset=utf-8"]
                .iter()
                .enumerate()
        {
            let body = json!({"schemas": [USER], "userName": format!("user-{n}")}).to_string();
            let created = doors
                .scim
                .send("POST", "/Users/", |request| request.header("content-type", *media_type).body(body))
                .await
                .is(201);
            assert_eq!(created.header("content-type"), SCIM_JSON);
        }
        doors
            .scim
            .send("POST", "/Users", |request| request.header("content-type", "text/plain").body("{}"))
            .await
            .scim_error(415, None);
    });
}

#[test]
fn discovery_is_open_and_says_what_is_there() {
    run(async {
        let stranger = Client::at("/scim/v2");

        let config = stranger.get("/ServiceProviderConfig").await.is(200).json();
        assert_eq!(
            (&config["patch"]["supported"], &config["filter"]["supported"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(
            (&config["etag"]["supported"], &config["bulk"]["supported"]),
            (&json!(true), &json!(true))
        );
        let types = stranger.get("/ResourceTypes").await.is(200).json();
        let names: Vec<&Value> =
            types["Resources"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
        assert!(
            ["User", "Group", "Role", "Entitlement"].iter().all(|name| names.contains(&&json!(name))),
            "{types}"
        );
        let user = stranger.get("/ResourceTypes/User").await.is(200).json();
        assert_eq!((&user["endpoint"], &user["schema"]), (&json!("/Users"), &json!(USER)));
        let listed = stranger.get("/Schemas").await.is(200).json()["Resources"].as_array().unwrap().clone();
        for urn in [USER, ENTERPRISE, "urn:ietf:params:scim:schemas:core:2.0:Group"] {
            let schema = stranger.get(&format!("/Schemas/{urn}")).await.is(200).json();
            assert_eq!(schema["id"], urn);
            assert!(listed.contains(&schema), "{urn} is not listed");
            assert_eq!(schema["meta"]["location"], format!("{PUBLIC}/scim/v2/Schemas/{urn}"));
        }
        stranger.get("/Schemas/urn:unknown").await.scim_error(404, None);
        stranger.get("/ResourceTypes/Device").await.scim_error(404, None);
        stranger.get("/Schemas?filter=id+pr").await.scim_error(403, None);
    });
}
