//! Large groups: sent in parts, emptied in parts, and changed side by side. Behaviours 44, 49, 59 and 79.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};
use store::members::AT_ONCE;

use crate::support::http::{Doors, encoded, text};
use crate::support::{run, urls};

const FILL: &str = "
BEGIN;
SELECT set_config('app.tenant_id', '{tenant}', true);
INSERT INTO users (tenant_id, id, directory_id, user_name_key, active, doc, version, created_at, updated_at)
SELECT '{tenant}', md5('u' || n)::uuid, '{directory}', 'user-' || n, true, jsonb_build_object('userName', 'user-' || n, 'active', true), 1, now(), now()
FROM generate_series(1, {size}) AS n;
INSERT INTO group_member (tenant_id, group_id, user_id)
SELECT '{tenant}', '{group}', md5('u' || n)::uuid FROM generate_series(1, {size}) AS n;
COMMIT;
ANALYZE users, group_member;
";

/// Some parts and a bit: neither the end of a part nor its middle is the end of the whole.
const SIZE: usize = 2_501;

pub(super) async fn owner() -> AsyncPgConnection {
    AsyncPgConnection::establish(&urls().owner).await.unwrap()
}

/// A group of this many people who are in no other.
async fn crowd(doors: &Doors, name: &str, size: usize) -> String {
    let group = doors.group(name, &[]).await;
    let directory = &doors.tenant.directory;
    let fill = FILL
        .replace("{tenant}", &directory.scope().tenant().to_string())
        .replace("{directory}", &directory.directory().to_string())
        .replace("{group}", &group)
        .replace("{size}", &size.to_string());
    owner().await.batch_execute(&fill).await.unwrap();
    group
}

fn values(group: &Value) -> Vec<String> {
    let members = group["members"].as_array().cloned().unwrap_or_default();
    members.iter().map(|member| text(&member["value"])).collect()
}

/// The people of the audit events of a group that have this action.
async fn noted(doors: &Doors, group: &str, action: &str, side: &str) -> Vec<Vec<Value>> {
    let events = doors.audit(group).await.into_iter().filter(|event| event["action"] == action);
    events.map(|event| event[side]["members"].as_array().unwrap().clone()).collect()
}

#[test]
fn behaviour_44_a_large_group_is_sent_whole_wherever_it_is_shown() {
    run(async {
        let doors = Doors::fresh().await;
        let small = doors.user("somebody").await;
        let large = crowd(&doors, "Everybody", SIZE).await;
        let little = doors.group("Little", &[&small]).await;

        let one = doors.scim.get(&format!("/Groups/{large}")).await.is(200);
        let list = doors.scim.get("/Groups").await.is(200);
        let both = format!("/Groups?attributes=members&sortBy=displayName&filter={}", encoded("members pr"));
        let sorted = doors.scim.get(&both).await.is(200);
        let root = doors.scim.get("/?attributes=members.value").await.is(200);

        assert_eq!(one.header("content-length"), "", "it is sent in parts");
        let group = one.json();
        let everybody: BTreeSet<String> = values(&group).into_iter().collect();
        assert_eq!((everybody.len(), values(&group).len()), (SIZE, SIZE));
        assert_eq!(
            (&group["displayName"], &group["meta"]["version"]),
            (&json!("Everybody"), &json!("W/\"1\""))
        );
        for member in group["members"].as_array().unwrap() {
            assert_eq!((member["$ref"].is_string(), &member["type"]), (true, &json!("User")), "{member}");
        }
        for page in [list, sorted, root] {
            let page = page.json();
            let groups: Vec<&Value> = page["Resources"].as_array().unwrap().iter().collect();
            let of = |id: &str| values(groups.iter().find(|group| group["id"] == id).unwrap());
            assert_eq!(of(&large).into_iter().collect::<BTreeSet<_>>(), everybody);
            assert_eq!((of(&large).len(), of(&little)), (SIZE, vec![small.clone()]));
            assert_eq!(page["itemsPerPage"], groups.len());
        }
    });
}

/// Half of the members must never look like all of them.
#[test]
fn behaviour_44_a_group_that_goes_while_it_is_sent_breaks_the_answer_off() {
    run(async {
        let doors = Doors::fresh().await;
        let group = crowd(&doors, "Everybody", 60_000).await;

        let answer = doors.scim.request("GET", &format!("/Groups/{group}")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        doors.scim.delete(&format!("/Groups/{group}")).await.is(204);
        let read = answer.text().await;

        assert!(read.is_err(), "{} bytes came as if they were all", read.unwrap().len());
    });
}

#[test]
fn behaviour_49_a_put_leaves_exactly_the_members_that_it_names() {
    run(async {
        let doors = Doors::fresh().await;
        let new = doors.user("somebody").await;
        let group = crowd(&doors, "Everybody", SIZE).await;
        let path = format!("/Groups/{group}");
        let before = values(&doors.scim.get(&path).await.is(200).json());
        let wanted = [before[0].clone(), before[SIZE - 1].clone(), new.clone()];

        let members: Vec<Value> = wanted.iter().map(|id| json!({"value": id})).collect();
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Everybody", "members": members});
        let put = doors.scim.put(&path, body.clone()).await.is(200).json();
        let again = doors.scim.put(&path, body).await.is(200).json();

        assert_eq!(values(&put).into_iter().collect::<BTreeSet<_>>(), wanted.into_iter().collect());
        assert_eq!((&put["meta"]["version"], &again["meta"]), (&json!("W/\"2\""), &put["meta"]));
        let went = noted(&doors, &group, "group.members.remove", "before").await;
        assert!(
            went.iter().all(|part| i64::try_from(part.len()).unwrap() <= AT_ONCE),
            "it is emptied in parts"
        );
        let all: BTreeSet<&str> = went.iter().flatten().map(|id| id.as_str().unwrap()).collect();
        assert_eq!((all.len(), went.iter().flatten().count()), (SIZE - 2, SIZE - 2));
        assert_eq!(noted(&doors, &group, "group.members.add", "after").await, [vec![json!(new)]]);
    });
}

/// So much at once that neither what is asked of the database nor what is written of it is proportional to the whole request.
#[test]
fn behaviour_59_many_who_are_named_come_and_go_in_parts_of_one_change() {
    run(async {
        let doors = Doors::fresh().await;
        let group = crowd(&doors, "Everybody", SIZE).await;
        let path = format!("/Groups/{group}");
        let everybody = values(&doors.scim.get(&path).await.is(200).json());
        let named: Vec<Value> = everybody.iter().map(|id| json!({"value": id})).collect();

        for (op, action, side, version) in [
            ("remove", "group.members.remove", "before", "W/\"2\""),
            ("add", "group.members.add", "after", "W/\"3\""),
        ] {
            let operation = json!([{"op": op, "path": "members", "value": named}]);
            doors.scim.patch(&path, operation.clone()).await.is(204);
            doors.scim.patch(&path, operation).await.is(204);

            let parts = noted(&doors, &group, action, side).await;
            assert!(parts.iter().all(|part| i64::try_from(part.len()).unwrap() <= AT_ONCE), "{op} in parts");
            let all: BTreeSet<&str> = parts.iter().flatten().map(|id| id.as_str().unwrap()).collect();
            assert_eq!((all.len(), parts.iter().flatten().count()), (SIZE, SIZE), "{op}: each once");
            let now = doors.scim.get(&path).await.is(200).json();
            assert_eq!(now["meta"]["version"], version, "it is one change");
        }
        assert_eq!(values(&doors.scim.get(&path).await.is(200).json()), everybody);
    });
}

/// Who is in a group that no rule names has their access from elsewhere, and is not evaluated when they leave it.
#[test]
fn behaviour_59_everybody_is_evaluated_if_a_rule_names_the_group_and_nobody_otherwise() {
    run(async {
        let doors = Doors::fresh().await;
        let group = crowd(&doors, "Everybody", SIZE).await;
        let path = format!("/Groups/{group}");
        let computed = async || {
            let count = format!(
                "SELECT set_config('app.tenant_id', '{}', true)",
                doors.tenant.directory.scope().tenant()
            );
            count_access(&count).await
        };
        doors
            .scim
            .patch(&path, json!([{"op": "replace", "path": "displayName", "value": "All"}]))
            .await
            .is(204);
        assert_eq!(computed().await, 0);

        let rule = json!({"flags": {"flags": ["admin_flag"]}});
        doors.rule(5, json!({"group": "everybody"}), rule).await;
        let by_the_rule = computed().await;
        doors
            .scim
            .patch(&path, json!([{"op": "replace", "path": "displayName", "value": "Everybody"}]))
            .await
            .is(204);
        let person = values(&doors.scim.get(&path).await.is(200).json())[0].clone();
        let inside = doors.access(&person).await;
        doors
            .scim
            .patch(&path, json!([{"op": "remove", "path": "members[display sw \"user-\"]"}]))
            .await
            .is(204);
        let outside = doors.access(&person).await;

        assert_eq!(by_the_rule, i64::try_from(SIZE).unwrap());
        let flags = |access: &Value| {
            access["flags"].as_array().unwrap().len() + access["dropped"].as_array().unwrap().len()
        };
        assert!(flags(&inside) > 0, "{inside}");
        assert_eq!(flags(&outside), 0, "{outside}");
        assert_eq!(values(&doors.scim.get(&path).await.is(200).json()), Vec::<String>::new());
    });
}

async fn count_access(setting: &str) -> i64 {
    use diesel::sql_types::BigInt;
    use diesel_async::RunQueryDsl as _;
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let mut owner = owner().await;
    owner.batch_execute(&format!("BEGIN; {setting}")).await.unwrap();
    diesel::sql_query("SELECT count(*) AS n FROM user_access")
        .get_result::<Count>(&mut owner)
        .await
        .unwrap()
        .n
}

/// The first waits for somebody else's lock on a person. Who adds another person to the same group does not wait for the
/// first; who renames the group does.
#[test]
fn behaviour_79_who_adds_a_member_does_not_wait_for_who_adds_another() {
    run(async {
        let doors = Doors::fresh().await;
        let (mina, ken, yu) = (doors.user("mina").await, doors.user("ken").await, doors.user("yu").await);
        let group = doors.group("Sales", &[]).await;
        let path = format!("/Groups/{group}");
        let add = |person: &str| {
            doors.scim.patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": person}]}]))
        };
        let mut other = owner().await;
        let tenant = doors.tenant.directory.scope().tenant();
        let lock = format!(
            "BEGIN; SELECT set_config('app.tenant_id', '{tenant}', true); SELECT FROM users WHERE id = '{mina}' FOR UPDATE"
        );
        other.batch_execute(&lock).await.unwrap();
        let moment = Duration::from_millis(300);

        let mut first = Box::pin(add(&mina));
        assert!(tokio::time::timeout(moment, &mut first).await.is_err(), "the first waits");
        add(&ken).await.is(204);
        let rename = json!([{"op": "replace", "path": "displayName", "value": "Marketing"}]);
        let mut renamed = Box::pin(doors.scim.patch(&path, rename));
        assert!(tokio::time::timeout(moment, &mut renamed).await.is_err(), "who renames waits");
        other.batch_execute("ROLLBACK").await.unwrap();
        first.await.is(204);
        renamed.await.is(204);
        add(&yu).await.is(204);

        let read = doors.scim.get(&path).await.is(200).json();
        assert_eq!(values(&read).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([mina, ken, yu]));
        assert_eq!(
            (&read["displayName"], &read["meta"]["version"]),
            (&json!("Marketing"), &json!("W/\"5\""))
        );
    });
}

#[derive(diesel::QueryableByName)]
struct Trail {
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = BigInt)]
    targets: i64,
    #[diesel(sql_type = BigInt)]
    told: i64,
    #[diesel(sql_type = Text)]
    first: String,
}

/// It is written while they are computed, in parts.
#[test]
fn a_rule_for_very_many_is_in_the_trail_once_and_before_what_it_changes_for_each_of_them() {
    run(async {
        let doors = Doors::fresh().await;
        let group = crowd(&doors, "Everybody", SIZE).await;

        let rule =
            doors.rule(10, json!({"group": "Everybody"}), json!({"flags": {"flags": ["recolog"]}})).await;

        let mut owner = owner().await;
        let tenant = doors.tenant.admin.scope().tenant();
        owner.batch_execute(&format!("SET app.tenant_id = '{tenant}'")).await.unwrap();
        let ask = "SELECT count(*) AS events, count(DISTINCT target_id) AS targets, (array_agg(action ORDER BY id))[1] AS first, \
             (SELECT count(*) FROM (SELECT subject_id FROM outbox WHERE fact = 'access.changed' \
              UNION ALL SELECT subject_id FROM signal WHERE fact = 'access.changed') AS s) AS told \
             FROM audit_event WHERE request_id = (SELECT request_id FROM audit_event WHERE target_id = $1)";
        let trail: Trail = diesel::sql_query(ask).bind::<Text, _>(rule).get_result(&mut owner).await.unwrap();
        let people = i64::try_from(SIZE).unwrap();
        assert_eq!((trail.events, trail.targets, trail.told), (people + 1, people + 1, people));
        assert_eq!(trail.first, "mapping_rule.create");
        let member = &values(&doors.scim.get(&format!("/Groups/{group}")).await.is(200).json())[SIZE - 1];
        assert_eq!(doors.access(member).await["flags"][0]["flag"], "recolog");
    });
}
