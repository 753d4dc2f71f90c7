//! Who is who: a directory reaches its own people and nobody else, by whatever name it calls them.

use app::connections::{DialectName, IssueCredential, NewDirectory};
use serde_json::{Value, json};

use crate::support::http::{Client, Doors, Reply, encoded, patch, text};
use crate::support::run;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Another directory of the same tenant: its SCIM door.
async fn second(doors: &Doors) -> Client {
    let (app, admin) = (&doors.tenant.app, &doors.tenant.admin);
    let new =
        NewDirectory { slug: "second".to_owned(), name: "Second".to_owned(), dialect: DialectName::Auto };
    app.create_directory(admin, new).await.unwrap();
    let wanted = IssueCredential { directory: Some("second".to_owned()), ..Default::default() };
    doors.scim.with(&app.issue_credential(admin, wanted).await.unwrap().token)
}

fn user(mut attributes: Value) -> Value {
    attributes["schemas"] = json!([USER]);
    attributes
}

async fn found(scim: &Client, list: &str, filter: &str) -> Vec<String> {
    let page = scim.get(&format!("/{list}?filter={}", encoded(filter))).await.is(200).json();
    page["Resources"].as_array().into_iter().flatten().map(|it| text(&it["id"])).collect()
}

async fn set_reenables(doors: &Doors, reenables: bool) {
    let body = json!({"createReenables": reenables});
    doors.api.send("PATCH", "/directories/directory", |request| request.json(&body)).await.is(200);
}

/// Everything that a directory could try on somebody who is not its own.
async fn try_everything(scim: &Client, own_group: &str, victim: &str, user_name: &str) {
    let at = format!("/Users/{victim}");
    let with = |name: &'static str, value: &'static str| {
        move |request: reqwest::RequestBuilder| request.header(name, value)
    };
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let add = json!([{"op": "add", "path": "members", "value": [{"value": victim}]}]);
    let group = json!({"schemas": [GROUP], "displayName": "own", "members": [{"value": victim}]});
    let own_group = format!("/Groups/{own_group}");

    for version in ["W/\"1\"", "*"] {
        scim.send("GET", &at, with("if-none-match", version)).await.scim_error(404, None);
        scim.send("DELETE", &at, with("if-match", version)).await.scim_error(404, None);
    }
    scim.get(&at).await.scim_error(404, None);
    scim.patch(&at, off).await.scim_error(404, None);
    scim.put(&at, user(json!({"userName": "stolen", "active": false}))).await.scim_error(404, None);
    scim.delete(&at).await.scim_error(404, None);
    scim.post("/Groups", json!({"schemas": [GROUP], "displayName": "new", "members": [{"value": victim}]}))
        .await
        .scim_error(400, Some("invalidValue"));
    scim.patch(&own_group, add).await.scim_error(400, Some("invalidValue"));
    scim.put(&own_group, group).await.scim_error(400, Some("invalidValue"));
    let filters = [
        format!("id eq \"{victim}\""),
        format!("userName eq \"{user_name}\""),
        format!("userName co \"{user_name}\""),
    ];
    for filter in &filters {
        assert_eq!(found(scim, "Users", filter).await, Vec::<String>::new(), "{filter}");
    }
    assert_eq!(found(scim, "Groups", &format!("members.value eq \"{victim}\"")).await, Vec::<String>::new());
    for path in ["/.search", "/Users/.search"] {
        let search =
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filters[0]});
        assert_eq!(scim.post(path, search).await.is(200).json()["totalResults"], 0, "{path}");
    }
}

/// Behaviours 43 and 100: neither another directory's people nor the local ones are there for a directory.
#[test]
fn a_write_through_one_directory_never_reaches_somebody_it_does_not_manage() {
    run(async {
        let doors = Doors::fresh().await;
        let stranger = second(&doors).await;
        let mina = doors.user("mina").await;
        let staff = doors.group("staff", &[&mina]).await;
        let hana = doors.api.post("/users", json!({"userName": "hana"})).await.is(201).id();
        let state = async || {
            let scim = [format!("/Users/{mina}"), format!("/Groups/{staff}")];
            let mut seen = Vec::new();
            for path in &scim {
                let reply = doors.scim.get(path).await.is(200);
                seen.push((reply.header("etag").to_owned(), reply.text));
            }
            for person in [&mina, &hana] {
                let shown: Reply = doors.api.get(&format!("/users/{person}")).await.is(200);
                seen.push((text(&doors.access(person).await["status"]["kind"]), shown.text));
            }
            seen
        };
        let before = state().await;

        let own =
            stranger.post("/Groups", json!({"schemas": [GROUP], "displayName": "own"})).await.is(201).id();
        try_everything(&stranger, &own, &mina, "mina").await;
        try_everything(&stranger, &own, &hana, "hana").await;
        try_everything(&doors.scim, &staff, &hana, "hana").await;

        assert_eq!(state().await, before);
    });
}

/// Behaviour 100: what a client calls somebody is never taken for the id that Usher gave to somebody else.
#[test]
fn a_name_that_looks_like_anothers_id_leads_to_nobody_else() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.user("mina").await;

        let eve = doors.person(json!({"userName": "eve", "externalId": mina, "id": mina})).await;
        let zoe = doors.person(json!({"userName": mina, "externalId": "zoe"})).await;

        assert!(eve != mina && zoe != mina && eve != zoe);
        assert_eq!(found(&doors.scim, "Users", &format!("externalId eq \"{mina}\"")).await, [eve.as_str()]);
        assert_eq!(found(&doors.scim, "Users", &format!("userName eq \"{mina}\"")).await, [zoe.as_str()]);
        assert_eq!(found(&doors.scim, "Users", &format!("id eq \"{mina}\"")).await, [mina.as_str()]);
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        doors.scim.patch(&format!("/Users/{eve}"), off).await.is(200);
        assert_eq!(doors.scim.get(&format!("/Users/{mina}")).await.is(200).json()["active"], true);
        for name in ["eve", "zoe"] {
            doors.scim.get(&format!("/Users/{name}")).await.scim_error(404, None);
            let group = json!({"schemas": [GROUP], "displayName": "x", "members": [{"value": name}]});
            doors.scim.post("/Groups", group).await.scim_error(400, Some("invalidValue"));
        }

        // A member's value is the id: the one of whoever has it, not of those who are called so.
        let group = doors.group("staff", &[&mina]).await;
        let members = doors.scim.get(&format!("/Groups/{group}")).await.is(200).json()["members"].clone();
        assert_eq!((members.as_array().unwrap().len(), &members[0]["value"]), (1, &json!(mina)));
        doors.scim.delete(&format!("/Users/{mina}")).await.is(204);
        doors.scim.get(&format!("/Users/{mina}")).await.scim_error(404, None);
        assert_eq!(found(&doors.scim, "Users", &format!("externalId eq \"{mina}\"")).await, [eve]);
        let again = json!([{"op": "add", "path": "members", "value": [{"value": mina}]}]);
        doors.scim.patch(&format!("/Groups/{group}"), again).await.scim_error(400, Some("invalidValue"));
    });
}

/// Behaviour 22: what is taken elsewhere is not taken here, and nobody can tell.
#[test]
fn a_name_that_is_taken_in_another_tenant_directory_or_locally_is_free() {
    run(async {
        let doors = Doors::fresh().await;
        let elsewhere = Doors::fresh().await;
        let neighbour = second(&doors).await;
        let body = user(json!({"userName": "mina", "externalId": "7"}));
        let group = json!({"schemas": [GROUP], "displayName": "staff", "externalId": "8"});
        doors.api.post("/users", json!({"userName": "mina"})).await.is(201);

        for scim in [&elsewhere.scim, &neighbour, &doors.scim] {
            scim.post("/Users", body.clone()).await.is(201);
            scim.post("/Groups", group.clone()).await.is(201);
        }

        doors.scim.post("/Users", body).await.scim_error(409, Some("uniqueness"));
    });
}

/// Behaviour 23: after a lost answer the client sends the same again, is refused, and finds the person by its filter.
#[test]
fn a_repeated_create_is_a_conflict_and_its_filter_finds_the_person() {
    run(async {
        let doors = Doors::fresh().await;
        let body = user(json!({"userName": "mina", "externalId": "7"}));
        let mina = doors.scim.post("/Users", body.clone()).await.is(201).id();

        doors.scim.post("/Users", body).await.scim_error(409, Some("uniqueness"));

        for filter in ["userName eq \"MINA\"", "externalId eq \"7\""] {
            assert_eq!(found(&doors.scim, "Users", filter).await, [mina.as_str()], "{filter}");
        }
        assert_eq!(doors.audit(&mina).await.iter().filter(|it| it["action"] == "user.provision").count(), 1);
    });
}

/// Behaviour 23, second half: only where the directory is set so, only the inactive, only by externalId.
#[test]
fn a_create_lets_the_inactive_in_again_only_where_the_directory_is_set_so() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.person(json!({"userName": "mina", "externalId": "7", "title": "old"})).await;
        doors.set_active(&mina, false).await;
        let again = user(json!({"userName": "mina.k", "externalId": "7"}));
        doors.scim.post("/Users", again.clone()).await.scim_error(409, Some("uniqueness"));
        set_reenables(&doors, true).await;

        let by_name = doors.scim.post("/Users", user(json!({"userName": "mina"}))).await;
        let inactive = user(json!({"userName": "mina", "externalId": "7", "active": false}));
        let inactive = doors.scim.post("/Users", inactive).await;
        let back = doors.scim.post("/Users", again.clone()).await.is(201);

        by_name.scim_error(409, Some("uniqueness"));
        inactive.scim_error(409, Some("uniqueness"));
        let body = back.json();
        assert_eq!(
            (text(&body["id"]), &body["userName"], &body["active"]),
            (mina.clone(), &json!("mina.k"), &json!(true))
        );
        assert_eq!(body["title"], Value::Null);
        assert!(back.header("location").ends_with(&mina), "{}", back.header("location"));
        let actions: Vec<Value> = doors.audit(&mina).await.iter().map(|it| it["action"].clone()).collect();
        assert!(actions.contains(&json!("user.reactivate")), "{actions:?}");
        doors.scim.post("/Users", again).await.scim_error(409, Some("uniqueness"));
    });
}

/// Behaviour 23, in a bulk request: each operation is answered as it would be alone.
#[test]
fn a_bulk_request_lets_the_inactive_in_again_where_the_directory_is_set_so() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.person(json!({"userName": "mina", "externalId": "7"})).await;
        doors.set_active(&mina, false).await;
        let operation = |bulk_id: &str, data: Value| json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": user(data)});
        let bulk = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [
                operation("a", json!({"userName": "hana"})),
                operation("b", json!({"userName": "mina.k", "externalId": "7"})),
                operation("c", json!({"userName": "ken"})),
            ],
        });
        let ask = async || {
            let answers = doors.scim.post("/Bulk", bulk.clone()).await.is(200).json()["Operations"].clone();
            let answers = answers.as_array().unwrap().clone();
            (
                answers.iter().map(|it| text(&it["status"])).collect::<Vec<_>>(),
                answers[1]["location"].as_str().unwrap_or_default().to_owned(),
            )
        };

        let (refused, _) = ask().await;
        for name in ["hana", "ken"] {
            let found = found(&doors.scim, "Users", &format!("userName eq \"{name}\"")).await;
            doors.scim.delete(&format!("/Users/{}", found[0])).await.is(204);
        }
        set_reenables(&doors, true).await;
        let (done, location) = ask().await;

        assert_eq!(refused, ["201", "409", "201"]);
        assert_eq!(done, ["201", "201", "201"]);
        assert!(location.ends_with(&mina), "{location}");
        let body = doors.scim.get(&format!("/Users/{mina}")).await.is(200).json();
        assert_eq!((&body["userName"], &body["active"]), (&json!("mina.k"), &json!(true)));
    });
}

/// Behaviour 70: to the client a deleted person is gone at once, inside they have left a trace.
#[test]
fn a_deleted_person_leaves_a_tombstone_and_their_names_are_free_at_once() {
    run(async {
        let doors = Doors::fresh().await;
        let body = user(json!({"userName": "Mina", "externalId": "7"}));
        let first = doors.scim.post("/Users", body.clone()).await.is(201).id();

        doors.scim.delete(&format!("/Users/{first}")).await.is(204);
        let second = doors.scim.post("/Users", body).await.is(201).id();

        assert_ne!(first, second, "a new person");
        let at = format!("/Users/{first}");
        doors.scim.delete(&at).await.scim_error(404, None);
        doors.scim.get(&at).await.scim_error(404, None);
        doors
            .scim
            .patch(&at, json!([{"op": "replace", "path": "active", "value": true}]))
            .await
            .scim_error(404, None);
        assert_eq!(found(&doors.scim, "Users", "externalId eq \"7\"").await, [second]);
        doors.api.get(&format!("/users/{first}")).await.problem(404, "not_found");
        let tombs = doors.api.get("/tombstones").await.is(200).json();
        let tomb = &tombs["items"][0];
        assert_eq!(
            (&tomb["id"], &tomb["userName"], &tomb["externalId"]),
            (&json!(first), &json!("Mina"), &json!("7"))
        );
        assert!(tomb["deletedAt"].is_string() && tomb["mergedInto"].is_null(), "{tomb}");
        let last = doors.audit(&first).await.pop().unwrap();
        assert_eq!((&last["action"], &last["before"]["externalId"]), (&json!("user.delete"), &json!("7")));
    });
}

/// Behaviour 78: without a precondition the last write wins, with one the first does.
#[test]
fn without_a_precondition_the_last_write_wins() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.user("mina").await;
        let at = format!("/Users/{mina}");
        let title = |title: &str| patch(json!([{"op": "replace", "path": "title", "value": title}]));

        doors.scim.send("PATCH", &at, |it| it.json(&title("first"))).await.is(200);
        let stale =
            doors.scim.send("PATCH", &at, |it| it.header("if-match", "W/\"1\"").json(&title("stale"))).await;
        doors.scim.send("PATCH", &at, |it| it.json(&title("last"))).await.is(200);

        stale.scim_error(412, None);
        assert_eq!(doors.scim.get(&at).await.is(200).json()["title"], "last");
    });
}
