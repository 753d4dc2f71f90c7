//! The provisioning log over HTTP: what is kept of a request and what never is, how it is found, what a request would change
//! now, and how a client fares.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use scim::dialect::Profile;
use serde_json::{Value, json};

use super::dialects::{Directory, transcript};
use crate::crash::chance::Chance;
use crate::support::http::{Client, Doors, Reply, encoded, patch, text};
use crate::support::{run, urls};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const LOG: &str = "/directories/directory/requests";

async fn log(doors: &Doors, query: &str) -> Vec<Value> {
    let page = doors.api.get(&format!("{LOG}?{query}")).await.is(200).json();
    page["requests"].as_array().unwrap().clone()
}

async fn details(doors: &Doors, reply: &Reply) -> Value {
    doors.api.get(&format!("{LOG}/{}", reply.header("x-request-id"))).await.is(200).json()
}

fn ids(requests: &[Value]) -> Vec<String> {
    requests.iter().map(|request| text(&request["id"])).collect()
}

fn id(reply: &Reply) -> String {
    reply.header("x-request-id").to_owned()
}

/// Behaviours 105, 110.
#[test]
fn every_request_of_every_provider_is_in_the_log_as_it_was_answered() {
    run(async {
        for profile in Profile::ALL {
            let directory = Directory::of(profile.as_str()).await;
            let mut sent = Vec::new();
            for step in transcript(profile) {
                sent.push((directory.send(&step).await.is(step.accepted), step));
            }

            let all = log(&directory.doors, "count=200").await;

            // two people and a group came before
            assert_eq!(all.len(), sent.len() + 3, "{}", profile.as_str());
            for (reply, step) in sent {
                let logged = details(&directory.doors, &reply).await;
                assert_eq!(logged["status"], step.accepted, "{logged}");
                assert_eq!(
                    (&logged["method"], &logged["dialect"]),
                    (&json!(step.method), &json!(profile.as_str()))
                );
                let names: Vec<String> = logged["leniencies"].as_array().unwrap().iter().map(text).collect();
                for leniency in step.leniencies {
                    assert!(names.iter().any(|name| name == leniency.as_str()), "{leniency:?}: {logged}");
                }
                assert!(logged["operations"].is_array(), "{logged}");
                assert!(logged["microseconds"].as_i64().unwrap() > 0);
            }
        }
    });
}

#[test]
fn a_change_is_told_as_it_came_as_it_was_understood_and_as_it_ended() {
    run(async {
        let directory = Directory::of("entra").await;
        let doors = &directory.doors;
        let body = patch(json!([{"op": "Replace", "path": "active", "value": "False"}]));

        let path = format!("/Users/{}", directory.user);
        let agent = |request: reqwest::RequestBuilder| {
            request
                .header("user-agent", "Entra/1")
                .header("x-request-id", "job-7")
                .header("if-match", "*")
                .json(&body)
        };
        let reply = doors.scim.send("PATCH", &path, agent).await.is(200);

        let logged = details(doors, &reply).await;
        assert_eq!((&logged["kind"], &logged["path"]), (&json!("user.patch"), &json!(path)));
        assert_eq!(logged["client"]["agent"], "Entra/1");
        assert_eq!((&logged["client"]["requestId"], &logged["ifMatch"]), (&json!("job-7"), &json!("*")));
        assert_eq!(logged["client"]["credential"], doors.tenant.directory.credential().unwrap().to_string());
        assert_eq!(logged["body"]["state"], "whole");
        assert_eq!(serde_json::from_str::<Value>(&text(&logged["body"]["text"])).unwrap(), body);
        assert_eq!(logged["operations"], json!([{"op": "replace", "path": "active", "value": false}]));
        let change = &logged["changes"][0];
        assert_eq!(
            (&change["action"], &change["targetId"]),
            (&json!("user.deactivate"), &json!(directory.user))
        );
        assert_eq!(
            (&change["before"], &change["after"]),
            (&json!({"active": true}), &json!({"active": false}))
        );
        let trail = doors.audit(&directory.user).await;
        assert_eq!(text(&trail.last().unwrap()["requestId"]), id(&reply), "the trail has the same id");
    });
}

#[test]
fn members_are_counted_and_the_first_are_named() {
    run(async {
        let doors = Doors::fresh().await;
        let mut people = Vec::new();
        for n in 0..120 {
            people.push(json!({"value": doors.user(&format!("person-{n}")).await}));
        }
        let group = doors.group("Everybody", &[]).await;

        let add = json!([{"op": "add", "path": "members", "value": people}]);
        let reply = doors.scim.patch(&format!("/Groups/{group}"), add).await.is(204);

        let logged = details(&doors, &reply).await;
        assert_eq!(logged["operations"][0]["count"], 120);
        let came = &logged["changes"][0];
        assert_eq!((&came["action"], &came["members"]), (&json!("group.members.add"), &json!(120)));
        assert_eq!(came["after"]["members"].as_array().unwrap().len(), 100);
        let about = text(&people[3]["value"]);
        assert!(ids(&log(&doors, &format!("user={about}&method=PATCH")).await).contains(&id(&reply)));
    });
}

#[test]
fn requests_are_found_by_person_group_refusal_correlation_and_time() {
    run(async {
        let doors = Doors::fresh().await;
        let create = doors.scim.post("/Users", json!({"schemas": [USER], "userName": "Hana"})).await.is(201);
        let user = create.id();
        let probe = format!("/Users?filter={}", encoded("userName eq \"HANA\""));
        let probe = doors.scim.get(&probe).await.is(200);
        let group = doors.group("Guides", &[&user]).await;
        let read = doors.scim.get(&format!("/Groups/{group}?excludedAttributes=members")).await.is(200);
        let other = doors.user("somebody-else").await;
        let twice = doors.scim.post("/Users", json!({"schemas": [USER], "userName": "hana"})).await.is(409);
        let tagged = |request: reqwest::RequestBuilder| request.header("x-request-id", "run-12");
        let tagged = doors.scim.send("DELETE", &format!("/Users/{other}"), tagged).await.is(204);

        let of_hana = ids(&log(&doors, &format!("user={user}")).await);
        assert_eq!(of_hana.len(), 4, "created, looked for, put into a group, created again");
        assert!([&create, &probe, &twice].iter().all(|reply| of_hana.contains(&id(reply))));
        assert_eq!(ids(&log(&doors, "user=hana").await), of_hana);
        let of_guides = ids(&log(&doors, "group=guides").await);
        assert_eq!((of_guides.len(), &of_guides[0]), (2, &id(&read)));
        assert_eq!(ids(&log(&doors, &format!("group={group}")).await), of_guides);

        let [refused] = log(&doors, "errors=true").await.try_into().unwrap();
        assert_eq!(text(&refused["id"]), id(&twice));
        assert_eq!((&refused["status"], &refused["scimType"]), (&json!(409), &json!("uniqueness")));
        assert_eq!(ids(&log(&doors, "status=409").await), [id(&twice)]);
        assert_eq!(ids(&log(&doors, "method=delete").await), [id(&tagged)]);
        assert_eq!(ids(&log(&doors, "correlation=run-12").await), [id(&tagged)]);
        assert_eq!(ids(&log(&doors, &format!("correlation={}", id(&read))).await), [id(&read)]);

        let all = log(&doors, "count=200").await;
        let (first, last) = (text(&all.last().unwrap()["at"]), text(&all[0]["at"]));
        assert_eq!(log(&doors, &format!("until={}", encoded(&first))).await, Vec::<Value>::new());
        assert_eq!(log(&doors, &format!("since={}", encoded(&first))).await.len(), all.len());
        assert!(log(&doors, &format!("since={}", encoded(&last))).await.len() < all.len());
        let mut walked = Vec::new();
        let mut before = String::new();
        loop {
            let page = doors.api.get(&format!("{LOG}?count=3{before}")).await.is(200).json();
            walked.extend(page["requests"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            before = format!("&before={next}");
        }
        assert_eq!(walked, all);
        let export = doors.api.get(&format!("{LOG}/export?count=3")).await.is(200);
        assert_eq!(export.header("content-type"), "application/x-ndjson");
        let lines: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(ids(&lines), ids(&all));
        assert_eq!(lines.last().unwrap()["body"]["state"], "whole");

        for wrong in ["count=0", "errors=yes", "since=yesterday", "before=x", "status=7", "user="] {
            doors.api.get(&format!("{LOG}?{wrong}")).await.problem(400, "invalid_parameter");
        }
        doors.api.get("/directories/nothing/requests").await.problem(404, "not_found");
        let strange = "00000000-0000-7000-8000-000000000000";
        doors.api.get(&format!("{LOG}/{strange}")).await.problem(404, "not_found");
        doors.api.get(&format!("{LOG}/x")).await.problem(404, "not_found");
    });
}

#[test]
fn a_refusal_is_in_the_log_of_whoever_showed_the_credential() {
    run(async {
        let doors = Doors::fresh().await;
        let issued = doors.api.post("/credentials", json!({"directory": "directory"})).await.is(201).json();
        doors.api.delete(&format!("/credentials/{}", text(&issued["id"]))).await.is(204);
        let revoked = Client::at("/scim/v2").with(&text(&issued["token"]));
        let good = doors.scim.clone();

        let sent = [
            revoked.get("/Users").await.is(401),
            good.get("/Printers").await.is(404),
            good.get("/Schemas").await.is(200),
            good.get("/Users?filter=shoeSize%20eq%201").await.is(400),
            good.send("POST", "/Users", |request| request.body("{")).await.is(415),
        ];
        Client::at("/scim/v2").get("/Users").await.is(401);
        Client::at("/scim/v2").with("usher_scim_nonsense").get("/Users").await.is(401);

        // Two of one millisecond stand in any order.
        let all = log(&doors, "").await;
        let found: BTreeMap<String, &Value> = all.iter().map(|it| (text(&it["id"]), it)).collect();
        assert_eq!(found.len(), sent.len());
        let statuses: Vec<&Value> = sent.iter().map(|reply| &found[&id(reply)]["status"]).collect();
        assert_eq!(statuses, [401, 404, 200, 400, 415]);
        assert_eq!(found[&id(&sent[0])]["client"]["credential"], issued["id"]);
    });
}

#[derive(Debug, QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Everything that the log of a tenant holds, as the database keeps it.
async fn stored(doors: &Doors) -> String {
    let mut connection = AsyncPgConnection::establish(&urls().owner).await.unwrap();
    let tenant = doors.tenant.admin.scope().tenant();
    connection.batch_execute(&format!("SET app.tenant_id = '{tenant}'")).await.unwrap();
    let rows: Vec<Line> = diesel::sql_query(
        "SELECT r::text AS line FROM scim_request r UNION ALL SELECT s::text FROM scim_request_subject s",
    )
    .load(&mut connection)
    .await
    .unwrap();
    rows.into_iter().map(|row| row.line).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_secret_of_a_request_reaches_the_database() {
    run(async {
        let doors = Doors::fresh().await;
        let secret = "Tr0ub4dor-and-3";
        let user = doors.person(json!({"userName": "hana", "password": secret})).await;
        let path = format!("/Users/{user}");
        for operation in [
            json!({"op": "replace", "path": "password", "value": secret}),
            json!({"op": "replace", "path": format!("{USER}:password"), "value": secret}),
            json!({"op": "replace", "value": {"password": secret, "title": "Head"}}),
            json!({"op": "add", "path": "password", "value": [secret]}),
            json!({"op": "add", "path": "roles", "value": [{"value": json!({"secret": secret}).to_string()}]}),
        ] {
            doors.scim.patch(&path, json!([operation])).await;
        }
        let whole = json!({"schemas": [USER], "userName": "hana", "password": secret, "nickName": doors.tenant.scim_token});
        doors.scim.put(&path, whole).await.is(200);
        let broken = format!("{{\"password\": \"{secret}\"");
        let broken = |request: reqwest::RequestBuilder| {
            request.header("content-type", "application/json").body(broken)
        };
        doors.scim.send("POST", "/Users", broken).await.is(400);
        let filter = encoded(&format!("password eq \"{secret}\""));
        doors.scim.get(&format!("/Users?filter={filter}")).await;
        doors.scim.get(&format!("/Users?access_token={secret}")).await.is(200);
        let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": format!("password sw \"{secret}\"")});
        doors.scim.post("/Users/.search", search).await;

        assert_eq!(log(&doors, "").await.len(), 11);
        let stored = stored(&doors).await;

        assert!(stored.contains("hana") && stored.contains("***"), "{stored}");
        assert!(!stored.contains(secret), "{stored}");
        assert!(!stored.contains(&doors.tenant.scim_token), "{stored}");
        let unreadable = log(&doors, "errors=true&method=POST").await;
        assert!(!unreadable.is_empty());
    });
}

#[test]
fn the_log_is_cut_into_days_and_what_was_kept_long_enough_goes() {
    run(async {
        let doors = Doors::fresh().await;
        doors.user("hana").await;
        assert_eq!(log(&doors, "").await.len(), 1);
        let mut owner = AsyncPgConnection::establish(&urls().owner).await.unwrap();
        let old = "CREATE TABLE scim_request_20200101 PARTITION OF scim_request \
             FOR VALUES FROM ('016f5e66-e800-0000-0000-000000000000') TO ('016f638d-4400-0000-0000-000000000000'); \
             ALTER TABLE scim_request_20200101 ENABLE ROW LEVEL SECURITY; \
             ALTER TABLE scim_request_20200101 FORCE ROW LEVEL SECURITY; \
             CREATE POLICY tenant_only ON scim_request_20200101 USING (tenant_id = current_tenant()) \
                WITH CHECK (tenant_id = current_tenant())";
        owner.batch_execute(old).await.unwrap();

        let expected = "SELECT 'scim_request_' || to_char(now() AT TIME ZONE 'UTC' + day * interval '1 day', 'YYYYMMDD') \
             AS line FROM generate_series(0, 7) AS day";
        let expected: Vec<Line> = diesel::sql_query(expected).load(&mut owner).await.unwrap();

        doors.tenant.app.arrange_requests().await.unwrap();

        let days = "SELECT c.relname::text AS line FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
             WHERE i.inhparent = 'scim_request'::regclass ORDER BY 1";
        let days: Vec<Line> = diesel::sql_query(days).load(&mut owner).await.unwrap();
        let days: Vec<String> = days.into_iter().map(|day| day.line).collect();
        let missing: Vec<&Line> = expected.iter().filter(|day| !days.contains(&day.line)).collect();
        assert!(missing.is_empty(), "today and a week to come: {missing:?} of {days:?}");
        assert!(!days.contains(&"scim_request_20200101".to_owned()), "kept long enough");
        assert_eq!(log(&doors, "").await.len(), 1, "today stays");

        let mut running = AsyncPgConnection::establish(&urls().app).await.unwrap();
        let day = &days[1];
        for forbidden in [
            "DELETE FROM scim_request".to_owned(),
            "UPDATE scim_request SET status = 200".to_owned(),
            format!("DROP TABLE {day}"),
            format!("SELECT * FROM {day}"),
            "SELECT arrange_scim_requests(0)".to_owned(),
        ] {
            assert!(running.batch_execute(&forbidden).await.is_err(), "{forbidden}");
        }
        let rows: Vec<Line> =
            diesel::sql_query("SELECT id::text AS line FROM scim_request").load(&mut running).await.unwrap();
        assert!(rows.is_empty(), "without a tenant nothing is seen");
    });
}

/// What a request changed or would change, with the id of what it created out of the way.
fn changes(answer: &Value) -> String {
    let first = &answer["changes"][0];
    let created = ["user.provision", "group.create"].iter().any(|action| first["action"] == *action);
    let mut changes: Vec<String> =
        answer["changes"].as_array().unwrap().iter().map(Value::to_string).collect();
    changes.sort(); // those of one moment have no order
    let changes = changes.join("\n");
    if created { changes.replace(&text(&first["targetId"]), "new") } else { changes }
}

/// All that can be seen of a tenant, but for the log.
async fn everything(doors: &Doors) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in ["/Users?count=200", "/Groups?count=200"] {
        seen.push(doors.scim.get(path).await.is(200).json());
    }
    for path in ["/seat-pool", "/audit-events?count=200", "/users"] {
        seen.push(doors.api.get(path).await.is(200).json());
    }
    seen
}

/// A request by chance: about a few names, so that many are refused.
fn by_chance(chance: &mut Chance, users: &[String], groups: &[String]) -> (&'static str, String, Value) {
    let group_schema = "urn:ietf:params:scim:schemas:core:2.0:Group";
    let user = format!("/Users/{}", users[chance.index(users.len())]);
    let group = format!("/Groups/{}", groups[chance.index(groups.len())]);
    let name = format!("person-{}", chance.within(0..8));
    let members: Vec<Value> = chance.some(users, 4).into_iter().map(|id| json!({"value": id})).collect();
    let active = chance.within(0..2) == 0;
    match chance.within(0..9) {
        0 | 1 => {
            ("POST", "/Users".to_owned(), json!({"schemas": [USER], "userName": name, "active": active}))
        }
        2 => ("PATCH", user, patch(json!([{"op": "replace", "path": "active", "value": active}]))),
        3 => ("PATCH", user, patch(json!([{"op": "add", "path": "userName", "value": name}]))),
        4 => ("PUT", user, json!({"schemas": [USER], "userName": name, "active": active, "title": "Head"})),
        5 if active => ("DELETE", user, Value::Null),
        5 => ("PATCH", group, patch(json!([{"op": "replace", "path": "members", "value": members}]))),
        6 => ("PATCH", group, patch(json!([{"op": "add", "path": "members", "value": members}]))),
        7 => ("PATCH", group, patch(json!([{"op": "remove", "path": "members"}]))),
        _ => ("PUT", group, json!({"schemas": [group_schema], "displayName": "Guides", "members": members})),
    }
}

/// Behaviour 109.
#[test]
fn a_dry_run_says_what_the_request_then_does_and_does_nothing() {
    run(async {
        let doors = Doors::fresh().await;
        doors.seats(3).await;
        doors.rule(10, json!({"group": "Guides"}), json!({"flags": {"flags": ["admin_flag"]}})).await;
        let mut users = vec![doors.user("person-0").await];
        let groups = vec![doors.group("Guides", &[]).await, doors.group("Others", &[]).await];
        let mut chance = Chance::new(109);
        let (mut done, mut refused) = (0, 0);
        for round in 0..120 {
            let (method, path, body) = by_chance(&mut chance, &users, &groups);
            let attempt = json!({"method": method, "path": path, "body": body});
            let before = everything(&doors).await;
            let tried =
                doors.api.post("/directories/directory/dry-run", attempt.clone()).await.is(200).json();
            assert_eq!(everything(&doors).await, before, "{attempt} was only tried");

            let reply = doors.scim.send(method, &path, |request| request.json(&body)).await;

            let about = format!("round {round}: {attempt}: {tried}");
            assert_eq!(tried["status"], reply.status, "{about}");
            if reply.status >= 400 {
                refused += 1;
                let said = reply.json();
                assert_eq!(
                    (&tried["scimType"], &tried["detail"]),
                    (&said["scimType"], &said["detail"]),
                    "{about}"
                );
                assert_eq!(tried["changes"], json!([]), "{about}");
                continue;
            }
            done += 1;
            let logged = details(&doors, &reply).await;
            assert_eq!(changes(&tried), changes(&logged), "{about}");
            assert_eq!(tried["operations"], logged["operations"], "{about}");
            if reply.status == 201 {
                users.push(reply.id());
            }
        }
        assert!(done > 40 && refused > 10, "{done} done, {refused} refused");
    });
}

/// Behaviour 109.
#[test]
fn a_request_of_the_log_is_tried_again_as_its_client_would_send_it_now() {
    run(async {
        let doors = Doors::fresh().await;
        doors.seats(1).await;
        let user = doors.user("hana").await;
        let connection = doors.connection("sso", "https://idp.example").await;
        doors.session(&user, connection).await;
        let path = format!("/Users/{user}");
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        let reply = doors.scim.patch(&path, off).await.is(200);
        let again = format!("{LOG}/{}/dry-run", id(&reply));

        let nothing = doors.api.post(&again, json!({})).await.is(200).json();
        assert_eq!(
            (&nothing["status"], &nothing["changes"]),
            (&json!(200), &json!([])),
            "she is off already"
        );

        doors.set_active(&user, true).await;
        doors.session(&user, connection).await;
        let tried = doors.api.post(&again, json!({})).await.is(200).json();
        assert_eq!(tried["effects"]["sessionsEnded"], 1);
        assert_eq!(tried["effects"]["seatsReleased"], 1);
        assert_eq!(tried["changes"][0]["action"], "user.deactivate");
        assert_eq!(doors.scim.get(&path).await.is(200).json()["active"], true);
        assert_eq!(doors.api.get("/seat-pool").await.is(200).json()["used"], 1);

        doors.scim.delete(&path).await.is(204);
        let gone = doors.api.post(&again, json!({})).await.is(200).json();
        assert_eq!((&gone["status"], &gone["detail"]), (&json!(404), &json!("There is no such user.")));

        let read = doors.scim.get("/Users").await.is(200);
        doors.api.post(&format!("{LOG}/{}/dry-run", id(&read)), json!({})).await.problem(400, "invalid");
        let broken =
            |request: reqwest::RequestBuilder| request.header("content-type", "application/json").body("{");
        let broken = doors.scim.send("POST", "/Users", broken).await.is(400);
        doors.api.post(&format!("{LOG}/{}/dry-run", id(&broken)), json!({})).await.problem(409, "conflict");
    });
}

/// Behaviour 106.
#[test]
fn a_directory_tells_how_its_client_fares() {
    run(async {
        let doors = Doors::fresh().await;
        let health = async || doors.api.get("/directories/directory/health").await.is(200).json();
        let before = health().await;
        assert_eq!(before["warnings"], json!(["neverUsed"]));
        assert_eq!((&before["lastRequestAt"], &before["day"]["requests"]), (&json!(null), &json!(0)));

        let clock = doors.tenant.app.now() + chrono::Duration::minutes(10);
        let late = |request: reqwest::RequestBuilder| {
            request.header("date", clock.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        };
        doors.scim.send("GET", "/Users", late).await.is(200);
        for name in ["hana", "hana", "HANA"] {
            doors.scim.post("/Users", json!({"schemas": [USER], "userName": name})).await;
        }

        let after = health().await;
        assert_eq!(after["warnings"], json!(["manyErrors", "clockOff"]));
        let hour = &after["hour"];
        assert_eq!((&hour["requests"], &hour["refused"], &hour["failed"]), (&json!(4), &json!(2), &json!(0)));
        assert_eq!(hour["errorRate"], 0.5);
        assert_eq!(
            hour["kinds"],
            json!([
                {"kind": "user.create", "requests": 3, "refused": 2, "failed": 0},
                {"kind": "user.list", "requests": 1, "refused": 0, "failed": 0},
            ])
        );
        assert!(after["lastSuccessAt"].as_str().unwrap() <= after["lastRequestAt"].as_str().unwrap());
        let ahead = after["clockAheadMilliseconds"].as_i64().unwrap();
        assert!((590_000..=600_000).contains(&ahead), "{ahead}");
        assert_eq!(after["directory"]["dialect"], "auto");
        assert_eq!(after["credentials"].as_array().unwrap().len(), 1);
        // Those of everybody whom this process serves.
        assert!(after["log"]["waiting"].is_u64(), "{after}");

        let credential = doors.tenant.directory.credential().unwrap();
        doors.api.delete(&format!("/credentials/{credential}")).await.is(204);
        let closed = health().await;
        assert!(closed["warnings"].as_array().unwrap().contains(&json!("noCredential")), "{closed}");
    });
}
