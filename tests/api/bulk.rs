//! `/scim/v2/Bulk` (RFC 7644 §3.7): many operations, each done and answered as it would be alone.

use std::time::Duration;

use app::AppError;
use domain::id::BulkJobId;
use scim::dialect::Dialect;
use serde_json::{Value, json};
use store::bulk_jobs::{self, HeldJob};
use uuid::Uuid;

use crate::support::http::{Doors, PUBLIC, Reply, db, patch, raw, start, text};
use crate::support::{app as support_app, run};

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn user(bulk_id: &str, user_name: &str) -> Value {
    let data = json!({"schemas": [USER], "userName": user_name});
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data})
}

fn reporting_to(bulk_id: &str, user_name: &str, manager: &str) -> Value {
    let mut operation = user(bulk_id, user_name);
    operation["data"][ENTERPRISE] = json!({"manager": {"value": manager}});
    operation
}

fn group(bulk_id: &str, name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
    let data = json!({"schemas": [GROUP], "displayName": name, "members": members});
    json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data})
}

fn bulk(operations: &[Value]) -> Value {
    json!({"schemas": [BULK], "Operations": operations})
}

async fn ask(doors: &Doors, body: Value) -> Vec<Value> {
    let reply: Reply = doors.scim.post("/Bulk", body).await.is(200);
    let body = reply.json();
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
    body["Operations"].as_array().unwrap().clone()
}

fn statuses(answers: &[Value]) -> Vec<&str> {
    answers.iter().map(|answer| answer["status"].as_str().unwrap()).collect()
}

/// The id at the end of an answer's location.
fn id(answer: &Value) -> String {
    text(&answer["location"]).rsplit('/').next().unwrap().to_owned()
}

async fn total(doors: &Doors, path: &str) -> Value {
    doors.scim.get(&format!("{path}?count=0")).await.is(200).json()["totalResults"].clone()
}

#[test]
fn every_operation_is_done_and_answered_as_it_would_be_alone() {
    run(async {
        let doors = Doors::fresh().await;
        let (one, two, three) = (doors.user("one").await, doors.user("two").await, doors.user("three").await);
        let team = doors.group("team", &[&one]).await;
        let title = |value: &str| patch(json!([{"op": "replace", "path": "title", "value": value}]));
        let join = patch(json!([{"op": "add", "path": "members", "value": [{"value": two}]}]));

        let answers = ask(
            &doors,
            bulk(&[
                user("new", "four"),
                json!({"method": "PUT", "path": format!("/Users/{one}"), "data": {"schemas": [USER], "userName": "uno"}}),
                json!({"method": "PATCH", "path": format!("/Users/{two}"), "version": "W/\"1\"", "data": title("Guide")}),
                json!({"method": "PATCH", "path": format!("/Groups/{team}"), "data": join}),
                json!({"method": "DELETE", "path": format!("/Users/{three}")}),
            ]),
        )
        .await;

        assert_eq!(statuses(&answers), ["201", "200", "200", "204", "204"]);
        let four = id(&answers[0]);
        assert_eq!(
            answers[0],
            json!({
                "method": "POST", "bulkId": "new", "status": "201", "version": "W/\"1\"",
                "location": format!("{PUBLIC}/scim/v2/Users/{four}"),
            })
        );
        assert_eq!(
            answers[4],
            json!({"method": "DELETE", "status": "204", "location": format!("{PUBLIC}/scim/v2/Users/{three}")})
        );
        let named = doors.scim.get(&format!("/Users/{one}")).await.is(200);
        assert_eq!((named.json()["userName"].as_str(), named.header("etag")), (Some("uno"), "W/\"2\""));
        assert_eq!(answers[1]["version"], "W/\"2\"");
        assert_eq!(doors.scim.get(&format!("/Users/{two}")).await.json()["title"], "Guide");
        assert_eq!(
            doors.scim.get(&format!("/Groups/{team}")).await.json()["members"].as_array().unwrap().len(),
            2
        );
        doors.scim.get(&format!("/Users/{three}")).await.is(404);
        assert_eq!(doors.audit(&four).await[0]["action"], "user.provision");
        assert_eq!(doors.audit(&three).await.last().unwrap()["action"], "user.delete");
    });
}

#[test]
fn what_fails_is_said_where_it_fails_and_the_rest_is_done() {
    run(async {
        let doors = Doors::fresh().await;
        let taken = doors.user("taken").await;
        let nobody = "0198c2f0-7a3b-7c4d-8e5f-0123456789ab";
        let stranger = Doors::fresh().await.user("stranger").await;

        let answers = ask(
            &doors,
            bulk(&[
                user("a", "first"),
                user("b", "TAKEN"),
                user("c", "second"),
                user("d", "second"),
                json!({"method": "POST", "path": "/Users", "bulkId": "e", "data": {"schemas": [USER]}}),
                user("f", "third"),
                json!({"method": "DELETE", "path": format!("/Users/{nobody}")}),
                json!({"method": "DELETE", "path": format!("/Users/{stranger}")}),
                json!({"method": "DELETE", "path": format!("/Users/{taken}"), "version": "W/\"9\""}),
                json!({"method": "POST", "path": "/Printers", "bulkId": "g", "data": {}}),
                json!({"method": "PUT", "path": "/Users/1", "data": {"schemas": [USER], "userName": "x"}}),
                user("h", "fourth"),
            ]),
        )
        .await;

        assert_eq!(
            statuses(&answers),
            ["201", "409", "201", "409", "400", "201", "404", "404", "412", "404", "404", "201"]
        );
        assert_eq!(answers[1]["response"]["scimType"], "uniqueness");
        assert_eq!(answers[1]["response"]["status"], "409");
        assert!(answers[1].get("location").is_none(), "{}", answers[1]);
        assert_eq!(answers[4]["response"]["scimType"], "invalidValue");
        assert_eq!(answers[6]["location"], format!("{PUBLIC}/scim/v2/Users/{nobody}"));
        assert!(answers[6]["response"]["detail"].is_string());
        assert_eq!(total(&doors, "/Users").await, 5);
    });
}

#[test]
fn many_people_are_created_and_one_who_cannot_be_keeps_nobody_else_out() {
    run(async {
        let doors = Doors::fresh().await;
        doors.seats(120).await;
        doors.user("person-77").await;

        let people: Vec<Value> = (0..250).map(|n| user(&n.to_string(), &format!("person-{n}"))).collect();
        let answers = ask(&doors, bulk(&people)).await;

        assert_eq!(answers.len(), 250);
        for (n, answer) in answers.iter().enumerate() {
            let expected = if n == 77 { "409" } else { "201" };
            assert_eq!((&answer["status"], &answer["bulkId"]), (&json!(expected), &json!(n.to_string())));
        }
        assert_eq!(total(&doors, "/Users").await, 250);
        let pool = doors.api.get("/seat-pool").await.is(200).json();
        assert_eq!(
            (&pool["used"], &pool["waiting"].as_array().map(Vec::len)),
            (&json!(120), &Some(130)),
            "{pool}"
        );
        let actions = async |n: usize| -> Vec<Value> {
            doors.audit(&id(&answers[n])).await.iter().map(|event| event["action"].clone()).collect()
        };
        assert_eq!(actions(0).await, ["user.provision", "access.change", "seat.grant"]);
        assert_eq!(actions(249).await, ["user.provision", "access.change", "seat.wait"]);
    });
}

#[test]
fn the_same_request_again_creates_nobody_twice() {
    run(async {
        let doors = Doors::fresh().await;
        let request = bulk(&[user("a", "a"), user("b", "b"), group("g", "g", &["bulkId:a"])]);
        assert_eq!(statuses(&ask(&doors, request.clone()).await), ["201", "201", "201"]);

        let again = ask(&doors, request).await;

        assert_eq!(statuses(&again), ["409", "409", "409"]);
        assert_eq!((total(&doors, "/Users").await, total(&doors, "/Groups").await), (json!(2), json!(1)));
    });
}

#[test]
fn after_as_many_errors_as_the_client_accepts_nothing_more_is_done() {
    run(async {
        let doors = Doors::fresh().await;
        doors.user("taken").await;
        let mut request = bulk(&[
            user("a", "first"),
            user("b", "taken"),
            user("c", "second"),
            user("d", "taken"),
            user("e", "third"),
        ]);
        request["failOnErrors"] = json!(2);

        let answers = ask(&doors, request).await;

        assert_eq!(statuses(&answers), ["201", "409", "201", "409"]);
        assert_eq!(total(&doors, "/Users").await, 3);
    });
}

#[test]
fn a_bulk_id_stands_for_the_id_before_and_after_the_resource_is_created() {
    run(async {
        let doors = Doors::fresh().await;
        let remove = patch(json!([{"op": "remove", "path": "members[value eq \"bulkId:bob\"]"}]));
        let title = patch(json!([{"op": "add", "path": "title", "value": "Guide"}]));

        let answers = ask(
            &doors,
            bulk(&[
                group("team", "team", &["bulkId:alice", "bulkId:bob"]),
                reporting_to("alice", "alice", "bulkId:bob"),
                user("bob", "bob"),
                json!({"method": "PATCH", "path": "/Groups/bulkId:team", "data": remove}),
                json!({"method": "PATCH", "path": "/Users/bulkId:alice", "data": title}),
            ]),
        )
        .await;

        assert_eq!(statuses(&answers), ["201", "201", "201", "204", "200"]);
        let (alice, bob) = (id(&answers[1]), id(&answers[2]));
        let team = doors.scim.get(&format!("/Groups/{}", id(&answers[0]))).await.is(200).json();
        assert_eq!(team["members"].as_array().unwrap().len(), 1);
        assert_eq!(team["members"][0]["value"], alice);
        let person = doors.scim.get(&format!("/Users/{alice}")).await.is(200).json();
        assert_eq!(
            (&person["title"], &person[ENTERPRISE]["manager"]["value"]),
            (&json!("Guide"), &json!(bob))
        );
        assert_eq!(answers[4]["location"], format!("{PUBLIC}/scim/v2/Users/{alice}"));
    });
}

#[test]
fn a_reference_to_what_failed_or_is_not_in_the_request_fails_itself() {
    run(async {
        let doors = Doors::fresh().await;
        doors.user("taken").await;

        let answers = ask(
            &doors,
            bulk(&[
                user("a", "taken"),
                group("g", "g", &["bulkId:a"]),
                group("h", "h", &["bulkId:nobody"]),
                json!({"method": "DELETE", "path": "/Groups/bulkId:g"}),
                json!({"method": "DELETE", "path": "/Groups/bulkId:nobody"}),
            ]),
        )
        .await;

        assert_eq!(statuses(&answers), ["409", "409", "400", "409", "400"]);
        assert_eq!(answers[2]["response"]["scimType"], "invalidValue");
        assert!(answers[3].get("location").is_none(), "{}", answers[3]);
        assert_eq!(total(&doors, "/Groups").await, 0);
    });
}

#[test]
fn people_who_refer_to_each_other_in_a_circle_end_up_referring_to_each_other() {
    run(async {
        let doors = Doors::fresh().await;

        let answers = ask(
            &doors,
            bulk(&[
                reporting_to("a", "a", "bulkId:b"),
                reporting_to("b", "b", "bulkId:c"),
                reporting_to("c", "c", "bulkId:a"),
                reporting_to("own", "own", "bulkId:own"),
                group("g", "g", &["bulkId:a"]),
            ]),
        )
        .await;

        assert_eq!(statuses(&answers), ["201", "201", "201", "201", "201"]);
        for (n, manager) in [(0, 1), (1, 2), (2, 0), (3, 3)] {
            let reply = doors.scim.get(&format!("/Users/{}", id(&answers[n]))).await.is(200);
            assert_eq!(reply.json()[ENTERPRISE]["manager"]["value"], id(&answers[manager]), "{n}");
            assert_eq!(reply.header("etag"), answers[n]["version"].as_str().unwrap());
        }
    });
}

#[test]
fn of_a_circle_that_cannot_be_closed_nobody_stays() {
    run(async {
        let doors = Doors::fresh().await;
        doors.user("taken").await;

        let answers = ask(
            &doors,
            bulk(&[
                reporting_to("a", "a", "bulkId:b"),
                reporting_to("b", "taken", "bulkId:a"),
                reporting_to("c", "c", "bulkId:a"),
                user("d", "d"),
            ]),
        )
        .await;

        assert_eq!(statuses(&answers), ["409", "409", "409", "201"]);
        assert_eq!(answers[1]["response"]["scimType"], "uniqueness");
        assert_eq!(answers[0]["response"].get("scimType"), None);
        assert_eq!(total(&doors, "/Users").await, 2);
    });
}

#[test]
fn the_limits_are_announced_and_kept_by_their_names() {
    run(async {
        let doors = Doors::fresh().await;
        let announced = doors.scim.get("/ServiceProviderConfig").await.is(200).json()["bulk"].clone();
        assert_eq!(announced["supported"], true);
        let (operations, bytes) =
            (announced["maxOperations"].as_u64().unwrap(), announced["maxPayloadSize"].as_u64().unwrap());

        let delete = json!({"method": "DELETE", "path": "/Users/1"});
        let many = vec![delete; usize::try_from(operations).unwrap() + 1];
        let refused = doors.scim.post("/Bulk", bulk(&many)).await.scim_error(413, None);
        assert!(
            refused.json()["detail"].as_str().unwrap().contains(&format!("maxOperations ({operations})"))
        );

        let head = format!(
            "POST /scim/v2/Bulk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n",
            doors.tenant.scim_token,
            bytes + 1
        );
        let (status, refused) = raw(&[head.as_bytes()]).await;
        assert_eq!(status, 413);
        assert!(refused.contains(&format!("maxPayloadSize ({bytes}")), "{refused}");
        assert_eq!(total(&doors, "/Users").await, 0);
    });
}

#[test]
fn an_empty_request_is_answered_and_one_that_is_none_refused() {
    run(async {
        let doors = Doors::fresh().await;

        assert_eq!(ask(&doors, bulk(&[])).await, Vec::<Value>::new());
        doors.scim.post("/Bulk", json!({})).await.scim_error(400, Some("invalidSyntax"));
        let twice = bulk(&[user("a", "a"), user("a", "b")]);
        doors.scim.post("/Bulk", twice).await.scim_error(400, Some("invalidValue"));
        assert_eq!(total(&doors, "/Users").await, 0);
    });
}

// ---- after the answer ----

async fn later(doors: &Doors, body: &Value) -> Reply {
    doors.scim.send("POST", "/Bulk", |request| request.header("prefer", "respond-async").json(body)).await
}

/// What came of it, when it is done.
async fn result(doors: &Doors, id: &str) -> Vec<Value> {
    for _ in 0..300 {
        let reply = doors.scim.get(&format!("/Bulk/{id}")).await;
        if reply.status == 202 {
            assert_eq!((reply.header("retry-after"), reply.text.as_str()), ("1", ""));
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        return reply.is(200).json()["Operations"].as_array().unwrap().clone();
    }
    panic!("{id} is not done after half a minute");
}

#[test]
fn who_prefers_not_to_wait_fetches_the_result() {
    run(async {
        let (doors, others) = (Doors::fresh().await, Doors::fresh().await);
        doors.user("taken").await;

        let accepted =
            later(&doors, &bulk(&[user("a", "a"), user("b", "taken"), user("c", "c")])).await.is(202);

        let id = accepted.header("set-txn").to_owned();
        assert_eq!(accepted.text, "");
        assert_eq!(accepted.header("preference-applied"), "respond-async");
        assert_eq!(accepted.header("location"), format!("{PUBLIC}/scim/v2/Bulk/{id}"));
        let answers = result(&doors, &id).await;
        assert_eq!(statuses(&answers), ["201", "409", "201"]);
        let names: Vec<Value> = answers.iter().map(|answer| answer["txn"].clone()).collect();
        assert_eq!(names, [format!("{id}:0"), format!("{id}:1"), format!("{id}:2")]);
        assert_eq!(total(&doors, "/Users").await, 3);
        others.scim.get(&format!("/Bulk/{id}")).await.scim_error(404, None);
        doors.scim.get("/Bulk/nonsense").await.scim_error(404, None);
    });
}

#[test]
fn what_makes_no_sense_is_refused_at_once_also_to_those_who_prefer_not_to_wait() {
    run(async {
        let doors = Doors::fresh().await;

        later(&doors, &json!({})).await.scim_error(400, Some("invalidSyntax"));
        later(&doors, &bulk(&[user("a", "a"), user("a", "b")])).await.scim_error(400, Some("invalidValue"));
    });
}

const LONG: Duration = Duration::from_mins(10);

/// A process accepts a job and begins; this many of its operations are done.
async fn begun(doors: &Doors, body: Value, noted: usize) -> (BulkJobId, HeldJob) {
    let directory = &doors.tenant.directory;
    let operations = body["Operations"].as_array().unwrap().clone();
    let base = format!("{PUBLIC}/scim/v2");
    let id = doors.tenant.app.accept_bulk(directory, &body, &Dialect::strict(), &base).await.unwrap();
    let (tenant, holder) = (directory.scope().tenant(), Uuid::from_u128(1));
    let held = bulk_jobs::hold(db(), tenant, id, holder, LONG).await.unwrap().unwrap();
    for (n, operation) in operations.into_iter().enumerate().take(noted) {
        create_noted(doors, &held, n, operation["data"].clone()).await.unwrap();
    }
    (id, held)
}

/// The process dies, and its time is over.
async fn died(held: &HeldJob) {
    assert!(held.hold.keep(db(), Duration::ZERO).await.unwrap());
}

async fn create_noted(doors: &Doors, held: &HeldJob, n: usize, data: Value) -> Result<String, AppError> {
    let scope = held.directory.noting(&held.hold, &[n]);
    let view = doors.tenant.app.create_user(&scope, data, &Dialect::strict()).await?;
    Ok(view.id.to_string())
}

#[test]
fn what_a_process_left_when_it_died_is_done_and_nothing_is_done_twice() {
    run(async {
        let doors = Doors::fresh().await;
        let request = bulk(&[
            user("a", "a"),
            reporting_to("b", "b", "bulkId:a"),
            user("c", "c"),
            group("g", "g", &["bulkId:a", "bulkId:c"]),
        ]);
        let (id, held) = begun(&doors, request, 1).await;
        assert_eq!(total(&doors, "/Users").await, 1);
        died(&held).await;

        let answers = result(&doors, &id.to_string()).await;

        assert_eq!(statuses(&answers), ["201", "201", "201", "201"]);
        assert_eq!((total(&doors, "/Users").await, total(&doors, "/Groups").await), (json!(3), json!(1)));
        let b = doors.scim.get(&format!("/Users/{}", self::id(&answers[1]))).await.is(200).json();
        assert_eq!(b[ENTERPRISE]["manager"]["value"], self::id(&answers[0]));
    });
}

#[test]
fn a_circle_that_was_begun_when_a_process_died_is_closed_by_the_next() {
    run(async {
        let doors = Doors::fresh().await;
        let request = bulk(&[reporting_to("a", "a", "bulkId:b"), reporting_to("b", "b", "bulkId:a")]);
        let (id, held) = begun(&doors, request, 0).await;
        let a = create_noted(&doors, &held, 0, json!({"schemas": [USER], "userName": "a"})).await.unwrap();
        died(&held).await;

        let answers = result(&doors, &id.to_string()).await;

        assert_eq!(statuses(&answers), ["201", "201"]);
        assert_eq!(self::id(&answers[0]), a);
        let person = doors.scim.get(&format!("/Users/{a}")).await.is(200).json();
        assert_eq!(person[ENTERPRISE]["manager"]["value"], self::id(&answers[1]));
    });
}

#[test]
fn a_process_that_lost_a_job_can_do_nothing_more_of_it() {
    run(async {
        let doors = Doors::fresh().await;
        let (id, held) = begun(&doors, bulk(&[user("a", "a"), user("b", "b")]), 1).await;
        died(&held).await;
        assert_eq!(statuses(&result(&doors, &id.to_string()).await), ["201", "201"]);

        let late = create_noted(&doors, &held, 2, json!({"schemas": [USER], "userName": "late"})).await;

        assert!(matches!(late, Err(AppError::Unavailable(_))), "{late:?}");
        assert_eq!(total(&doors, "/Users").await, 2);
    });
}

#[test]
fn a_new_process_takes_up_what_is_left_without_being_asked() {
    run(async {
        let doors = Doors::fresh().await;
        let (_, held) = begun(&doors, bulk(&[user("a", "a"), user("b", "b")]), 1).await;
        died(&held).await;

        let (serving, _) = start(support_app());

        for _ in 0..300 {
            if total(&doors, "/Users").await == json!(2) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(total(&doors, "/Users").await, 2);
        serving.stop().await.unwrap();
    });
}

#[test]
fn a_directory_has_few_requests_under_way_and_is_told_to_return() {
    run(async {
        let doors = Doors::fresh().await;
        for n in 0..4 {
            begun(&doors, bulk(&[user("a", &format!("a{n}"))]), 0).await;
        }

        let refused = later(&doors, &bulk(&[user("b", "b")])).await.scim_error(429, None);

        assert!(!refused.header("retry-after").is_empty());
        assert_eq!(statuses(&ask(&doors, bulk(&[user("b", "b")])).await), ["201"], "who waits is answered");
    });
}
