//! Requests that overlap: whatever is acknowledged is there, and nothing else is.
//!
//! `USHER_OVERLAP_ROUNDS=1000 cargo test --test usher overlap` makes a thousand rounds of each; in passing a few are enough.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::http::{Client, Doors, start, text};
use crate::support::people::person;
use crate::support::{new_app, run};

const ROUNDS: u32 = 10;

#[expect(clippy::disallowed_methods, reason = "how long to go on is asked of whoever runs the tests")]
fn rounds() -> u32 {
    std::env::var("USHER_OVERLAP_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap())
}

/// Behaviours 21 and 23.
#[test]
fn of_twelve_creates_of_one_person_at_once_one_is_made() {
    run(async {
        let doors = Doors::fresh().await;

        for round in 0..rounds() {
            let name = format!("person-{round}");
            let answers = join_all((0..12).map(|_| doors.scim.post("/Users", person(&name)))).await;

            let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [vec![201], vec![409; 11]].concat(), "round {round}");
            for refused in answers.into_iter().filter(|answer| answer.status == 409) {
                refused.scim_error(409, Some("uniqueness"));
            }
        }

        let list = doors.scim.get("/Users?count=0").await.is(200).json();
        assert_eq!(list["totalResults"], rounds());
    });
}

/// Behaviour 79.
#[test]
fn of_a_hundred_and_forty_four_members_added_at_once_each_is_there() {
    run(async {
        let doors = Doors::fresh().await;
        let mut people = Vec::new();
        for n in 0..144 {
            people.push(doors.user(&format!("member-{n}")).await);
        }
        let everybody: BTreeSet<String> = people.iter().cloned().collect();

        for round in 0..rounds() {
            let group = format!("/Groups/{}", doors.group(&format!("Group {round}"), &[]).await);
            let adds = people.iter().map(|person| {
                let operation = json!([{"op": "add", "path": "members", "value": [{"value": person}]}]);
                doors.scim.patch(&group, operation)
            });
            for answer in join_all(adds).await {
                assert!(matches!(answer.status, 200 | 204), "{}: {}", answer.status, answer.text);
            }

            let read = doors.scim.get(&group).await.is(200).json();
            let members = read["members"].as_array().unwrap();
            assert_eq!(members.len(), everybody.len(), "round {round}");
            assert_eq!(
                members.iter().map(|member| text(&member["value"])).collect::<BTreeSet<_>>(),
                everybody
            );
            assert_eq!(read["meta"]["version"], format!("W/\"{}\"", everybody.len() + 1));
            doors.scim.delete(&group).await.is(204);
        }
    });
}

/// Behaviour 85.
#[test]
fn of_three_requests_that_would_close_a_circle_of_groups_one_is_refused() {
    run(async {
        let doors = Doors::fresh().await;

        for round in 0..rounds() {
            let mut groups = Vec::new();
            for name in ["a", "b", "c"] {
                groups.push(doors.group(&format!("{name} {round}"), &[]).await);
            }
            let puts = (0..3).map(|n| {
                let add =
                    json!([{"op": "add", "path": "members", "value": [{"value": groups[(n + 1) % 3]}]}]);
                let group = format!("/Groups/{}", groups[n]);
                let doors = &doors;
                async move { doors.scim.patch(&group, add).await }
            });

            let answers = join_all(puts).await;

            let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [204, 204, 400], "round {round}");
            for refused in answers.into_iter().filter(|answer| answer.status == 400) {
                refused.scim_error(400, Some("invalidValue"));
            }
        }
    });
}

/// Behaviours 51 and 78.
#[test]
fn of_two_attributes_changed_at_once_both_are_changed() {
    run(async {
        let doors = Doors::fresh().await;
        let user = format!("/Users/{}", doors.user("somebody").await);

        for round in 0..rounds() {
            let (title, nick) = (format!("title {round}"), format!("nick {round}"));
            let (one, other) = tokio::join!(
                doors.scim.patch(&user, json!([{"op": "replace", "path": "title", "value": title}])),
                doors.scim.patch(&user, json!([{"op": "replace", "path": "nickName", "value": nick}])),
            );
            one.is(200);
            other.is(200);

            let read = doors.scim.get(&user).await.is(200).json();
            assert_eq!((&read["title"], &read["nickName"]), (&json!(title), &json!(nick)), "round {round}");
            assert_eq!(read["meta"]["version"], format!("W/\"{}\"", 1 + 2 * (round + 1)));
        }
    });
}

/// Behaviours 22 and 43.
#[test]
fn two_tenants_at_once_have_nothing_of_each_other() {
    run(async {
        let (here, there) = (Doors::fresh().await, Doors::fresh().await);

        for round in 0..rounds() {
            let name = format!("same-{round}");
            let (one, other) = tokio::join!(
                here.scim.post("/Users", person(&name)),
                there.scim.post("/Users", person(&name)),
            );
            let (one, other) = (one.is(201).id(), other.is(201).id());

            let mine = format!("/Users?filter=userName%20eq%20%22{name}%22");
            let (their_other, their_one) = (format!("/Users/{other}"), format!("/Users/{one}"));
            let (found, foreign, patched) = tokio::join!(
                here.scim.get(&mine),
                here.scim.get(&their_other),
                there.scim.patch(&their_one, json!([{"op": "replace", "path": "title", "value": "x"}])),
            );
            let found = found.is(200).json();
            assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &json!(one)));
            foreign.scim_error(404, None);
            patched.scim_error(404, None);
        }

        for doors in [&here, &there] {
            assert_eq!(doors.scim.get("/Users?count=0").await.is(200).json()["totalResults"], rounds());
        }
    });
}

/// Short reads share a connection of their worker. Each round begins on a new server, where that connection has prepared
/// nothing yet.
#[test]
fn reads_that_share_a_connection_find_what_is_theirs_and_nothing_else() {
    run(async {
        let (here, there) = (Doors::fresh().await, Doors::fresh().await);
        let (one, other) = (here.user("one").await, there.user("other").await);
        let named = |name: &str| format!("/Users?filter=userName%20eq%20%22{name}%22");

        for _ in 0..rounds() {
            let (serving, base) = start(Arc::new(new_app(4)));
            let at = |doors: &Doors| Client { base: format!("{base}/scim/v2"), ..doors.scim.clone() };
            let ways = [(at(&here), &one, "one", &other), (at(&there), &other, "other", &one)];
            let asked = ways.iter().cycle().take(200).map(async |(client, mine, name, foreign)| {
                let found = client.get(&named(name)).await.is(200).json();
                assert_eq!(found["Resources"][0]["id"].as_str(), Some(mine.as_str()));
                client.get(&format!("/Users/{mine}?excludedAttributes=groups")).await.is(200);
                let nobody = client.get(&named("nobody")).await.is(200).json();
                assert_eq!(nobody["totalResults"], 0);
                client.get(&format!("/Users/{mine}")).await.is(200);
                client.get(&format!("/Users/{foreign}")).await.scim_error(404, None);
            });
            join_all(asked).await;
            serving.stop().await.unwrap();
        }
    });
}
