//! Credentials over HTTP: what they may do, how one is replaced by another, what is listed of them, and the addresses that
//! name a tenant.

use serde_json::{Value, json};

use crate::support::http::{Client, Doors, Reply, operator_token, text};
use crate::support::run;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

async fn issue(doors: &Doors, body: Value) -> (String, Client) {
    let issued = doors.api.post("/credentials", body).await.is(201).json();
    (text(&issued["id"]), doors.scim.with(issued["token"].as_str().unwrap()))
}

async fn listed(doors: &Doors, id: &str) -> Value {
    let all = doors.api.get("/credentials").await.is(200).json();
    all["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap().clone()
}

async fn rotate(doors: &Doors, id: &str, how: Value) -> Reply {
    doors.api.post(&format!("/credentials/{id}/rotate"), how).await
}

#[test]
fn a_credential_that_only_reads_finds_everybody_and_changes_nobody() {
    run(async {
        let doors = Doors::fresh().await;
        let id = doors.user("mina").await;
        let (credential, reader) = issue(&doors, json!({"directory": "directory", "scope": "read"})).await;

        reader.get(&format!("/Users/{id}")).await.is(200);
        let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
        assert_eq!(reader.post("/Users/.search", search).await.is(200).json()["totalResults"], 1);
        let refused = reader.post("/Users", json!({"schemas": [USER], "userName": "new"})).await;
        assert!(refused.scim_error(403, None).header("www-authenticate").contains("insufficient_scope"));
        reader.delete(&format!("/Users/{id}")).await.scim_error(403, None);

        doors.scim.get(&format!("/Users/{id}")).await.is(200);
        assert_eq!(listed(&doors, &credential).await["scope"], "read");
        doors.api.post("/credentials", json!({"scope": "all"})).await.problem(400, "invalid_body");
    });
}

#[test]
fn an_admin_credential_that_only_reads_is_told_everything_and_changes_nothing() {
    run(async {
        let doors = Doors::fresh().await;
        let id = doors.user("mina").await;
        let (credential, _) = issue(&doors, json!({"scope": "read"})).await;
        let renewed = rotate(&doors, &credential, json!({})).await.is(201).json();
        let reader = doors.api.with(&text(&renewed["token"]));

        reader.get(&format!("/users/{id}/access")).await.is(200);
        let questions = json!({"questions": [{"user": id, "permission": "materials.approve"}]});
        assert_eq!(reader.post("/decisions", questions).await.is(200).json()["items"][0]["allowed"], false);
        let refused = reader.post("/workspaces", json!({"key": "emea", "name": "EMEA"})).await;
        let refused = refused.problem(403, "insufficient_scope");
        assert!(refused.header("www-authenticate").contains("insufficient_scope"), "{}", refused.text);
        reader.post("/credentials", json!({})).await.problem(403, "insufficient_scope");
        reader.delete(&format!("/credentials/{credential}")).await.problem(403, "insufficient_scope");
        reader.put("/offer", json!({})).await.problem(403, "insufficient_scope");

        assert_eq!(doors.api.get("/workspaces").await.is(200).json()["items"], json!([]));
        assert_eq!(listed(&doors, &text(&renewed["id"])).await["scope"], "read");
    });
}

#[test]
fn a_rotated_credential_works_beside_its_successor_until_its_hour() {
    run(async {
        let doors = Doors::fresh().await;
        let old = doors.tenant.directory.credential().unwrap().to_string();

        let fresh = rotate(&doors, &old, json!({"overlapHours": 48, "expiresDays": 90})).await.is(201).json();
        let successor = doors.scim.with(fresh["token"].as_str().unwrap());

        doors.scim.get("/Users").await.is(200);
        successor.get("/Users").await.is(200);
        let (was, is) = (listed(&doors, &old).await, listed(&doors, &text(&fresh["id"])).await);
        assert_eq!((&was["state"], &is["state"]), (&json!("expiring"), &json!("live")));
        assert_eq!((&was["directory"], &was["scope"]), (&is["directory"], &is["scope"]));
        let end = |view: &Value| text(&view["expiresAt"]).parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        let hours = |view: &Value| (end(view) - doors.tenant.app.now()).num_minutes().div_euclid(60) + 1;
        assert_eq!((hours(&was), hours(&is)), (48, 90 * 24));
        let actions: Vec<Value> =
            doors.audit(&old).await.into_iter().map(|event| event["action"].clone()).collect();
        assert_eq!(actions, ["credential.issue", "credential.rotate"]);
    });
}

#[test]
fn an_overlap_of_no_hours_ends_the_old_credential_at_once() {
    run(async {
        let doors = Doors::fresh().await;
        let old = doors.tenant.directory.credential().unwrap().to_string();
        doors.scim.get("/Users").await.is(200);

        let fresh = rotate(&doors, &old, json!({"overlapHours": 0})).await.is(201).json();

        doors.scim.get("/Users").await.scim_error(401, None);
        doors.scim.with(fresh["token"].as_str().unwrap()).get("/Users").await.is(200);
        assert_eq!(listed(&doors, &old).await["state"], "expired");
        assert_eq!(fresh["expiresAt"], Value::Null, "as the old one never ended");
        rotate(&doors, &old, json!({})).await.problem(404, "not_found");
    });
}

#[test]
fn a_third_live_credential_of_a_directory_is_refused_also_by_rotation() {
    run(async {
        let doors = Doors::fresh().await;
        let old = doors.tenant.directory.credential().unwrap().to_string();
        issue(&doors, json!({"directory": "directory"})).await;

        rotate(&doors, &old, json!({})).await.problem(409, "conflict");

        doors.scim.get("/Users").await.is(200);
        assert_eq!(listed(&doors, &old).await["expiresAt"], Value::Null);
        rotate(&doors, &old, json!({"overlapHours": 721})).await.problem(400, "invalid");
    });
}

#[test]
fn the_list_says_when_each_was_used_and_which_end_soon() {
    run(async {
        let doors = Doors::fresh().await;
        let (soon, client) = issue(&doors, json!({"directory": "directory", "expiresDays": 30})).await;
        assert_eq!(listed(&doors, &soon).await["lastUsedAt"], Value::Null);

        client.get("/Users").await.is(200);

        let view = listed(&doors, &soon).await;
        assert_eq!(view["state"], "expiring");
        assert!(view["lastUsedAt"].is_string(), "{view}");
        let (later, _) = issue(&doors, json!({"expiresDays": 31})).await;
        assert_eq!(listed(&doors, &later).await["state"], "live");
    });
}

#[test]
fn an_operators_credential_is_listed_with_its_last_use_and_ends_when_it_is_revoked() {
    run(async {
        let (one, other) = (operator_token().await, operator_token().await);
        let api = |token: &str| Client::at("/api/v1").with(token);
        api(&other).get("/tenants").await.is(200);

        let all = api(&one).get("/operator-credentials").await.is(200).json();
        let hint = |token: &str| token.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
        let tail: String = hint(&other);
        let mut found = all["items"].as_array().unwrap().iter();
        let view = found.find(|view| text(&view["hint"]).ends_with(&tail)).unwrap();
        assert_eq!(view["state"], "live");
        assert!(view["lastUsedAt"].is_string(), "{view}");

        let path = format!("/operator-credentials/{}", text(&view["id"]));
        api(&one).delete(&path).await.is(204);
        api(&other).get("/tenants").await.problem(401, "unauthenticated");
        api(&one).delete(&path).await.problem(404, "not_found");
        api(&one).get("/tenants").await.is(200);
    });
}

#[test]
fn at_a_tenants_own_address_every_link_begins_with_it() {
    run(async {
        let doors = Doors::fresh().await;
        let slug = doors.tenant.slug.as_str();
        let own = Client::at(&format!("/scim/{slug}/v2")).with(&doors.tenant.scim_token);
        let base = format!("{}/scim/{slug}/v2", crate::support::http::PUBLIC);

        let created = own.post("/Users", json!({"schemas": [USER], "userName": "mina"})).await.is(201);
        let id = created.id();
        assert_eq!(created.header("location"), format!("{base}/Users/{id}"));
        let group = doors.group("sales", &[&id]).await;

        let user = own.get(&format!("/Users/{id}")).await.is(200).json();
        assert_eq!(user["meta"]["location"], format!("{base}/Users/{id}"));
        assert_eq!(user["groups"][0]["$ref"], format!("{base}/Groups/{group}"));
        let members = own.get(&format!("/Groups/{group}")).await.is(200).json();
        assert_eq!(members["members"][0]["$ref"], format!("{base}/Users/{id}"));
        let schemas = own.get("/Schemas").await.is(200).json();
        assert!(text(&schemas["Resources"][0]["meta"]["location"]).starts_with(&format!("{base}/Schemas/")));
        for everywhere in ["/Users/", "/Users?aadOptscim062020&count=1", "?aadOptscim062020", "/"] {
            own.get(everywhere).await.is(200);
        }
        let elsewhere = doors.scim.get(&format!("/Users/{id}")).await.is(200).json();
        let location = format!("{}/scim/v2/Users/{id}", crate::support::http::PUBLIC);
        assert_eq!(elsewhere["meta"]["location"], location);
    });
}
