//! Lists: by index and by cursor (RFC 9865), of one type and of all, and what stays the same while others write. Behaviours 33, 37 and 39 to 43.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::connections::{IssueCredential, NewDirectory};
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use serde_json::{Value, json};
use usher::system::SystemClock;

use crate::support::http::{Client, Doors, encoded, start, text};
use crate::support::{new_app_at, run, runtime};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub(super) fn ids(page: &Value) -> Vec<String> {
    page["Resources"].as_array().unwrap().iter().map(|resource| text(&resource["id"])).collect()
}

/// All pages of a query, from the first to the one without a next.
async fn walk(scim: &Client, query: &str, count: usize) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = scim.get(&format!("{query}&count={count}&cursor={cursor}")).await.is(200).json();
        let next = page.get("nextCursor").map(text);
        pages.push(page);
        match next {
            Some(next) => cursor = next,
            None => return pages,
        }
        assert!(pages.len() < 2_000, "{query}: the walk does not end");
    }
}

pub(super) async fn walked(scim: &Client, query: &str, count: usize) -> Vec<String> {
    walk(scim, query, count).await.iter().flat_map(ids).collect()
}

#[test]
fn behaviour_39_pages_are_linked_until_the_last_one() {
    run(async {
        let doors = Doors::fresh().await;
        for n in 0..7 {
            doors.user(&format!("user-{n}")).await;
        }

        let pages = walk(&doors.scim, "/Users?", 3).await;

        let sizes: Vec<_> = pages.iter().map(|page| page["itemsPerPage"].as_i64().unwrap()).collect();
        assert_eq!(sizes, [3, 3, 1]);
        assert_eq!(pages.iter().flat_map(ids).collect::<BTreeSet<_>>().len(), 7);
        for page in &pages {
            assert_eq!(page["totalResults"], 7);
            assert!(page.get("startIndex").is_none() && page.get("previousCursor").is_none(), "{page}");
        }
        for cursor in pages.iter().filter_map(|page| page["nextCursor"].as_str()) {
            assert!(cursor.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c)), "{cursor}");
        }
        // A page that the list fills exactly is its last one, and an empty list has one page.
        assert_eq!(walk(&doors.scim, "/Users?", 7).await.len(), 1);
        assert_eq!(walk(&doors.scim, "/Groups?", 7).await.len(), 1);
        // Without resources there are no pages to link.
        let none = doors.scim.get("/Users?cursor&count=0").await.is(200).json();
        assert_eq!((&none["totalResults"], &none["nextCursor"]), (&json!(7), &Value::Null));
        // Whoever does not ask for cursors gets an index, as `/ServiceProviderConfig` says.
        let plain = doors.scim.get("/Users?count=3").await.is(200).json();
        assert_eq!((&plain["startIndex"], &plain["nextCursor"]), (&json!(1), &Value::Null));
    });
}

#[test]
fn behaviour_04_pagination_and_sorting_are_announced() {
    run(async {
        let config = Client::at("/scim/v2").get("/ServiceProviderConfig").await.is(200).json();

        assert_eq!(config["sort"], json!({"supported": true}));
        assert_eq!(
            config["pagination"],
            json!({
                "cursor": true,
                "index": true,
                "defaultPaginationMethod": "index",
                "defaultPageSize": 100,
                "maxPageSize": 200,
                "cursorTimeout": 3600,
            })
        );
    });
}

#[test]
fn behaviour_39_a_cursor_opens_only_what_it_was_made_for() {
    run(async {
        let (doors, strangers) = (Doors::fresh().await, Doors::fresh().await);
        for n in 0..5 {
            doors.person(json!({"userName": format!("user-{n}"), "title": "t"})).await;
            doors.group(&format!("group-{n}"), &[]).await;
            strangers.user(&format!("user-{n}")).await;
        }
        let second = NewDirectory {
            slug: "second".to_owned(),
            name: "Second".to_owned(),
            dialect: app::connections::DialectName::Auto,
        };
        doors.tenant.app.create_directory(&doors.tenant.admin, second).await.unwrap();
        let credential = |directory: &str| {
            let wanted = IssueCredential { directory: Some(directory.to_owned()), ..Default::default() };
            doors.tenant.app.issue_credential(&doors.tenant.admin, wanted)
        };
        let neighbour = doors.scim.with(&credential("second").await.unwrap().token);
        let colleague = doors.scim.with(&credential("directory").await.unwrap().token);
        let query = "/Users?filter=title+eq+%22t%22&sortBy=userName&count=2";
        let first = doors.scim.get(&format!("{query}&cursor=")).await.is(200).json();
        let cursor = text(&first["nextCursor"]);

        // The same query, in whatever words and showing whatever, and with another credential of the directory.
        for (client, same) in [
            (&doors.scim, query.to_owned()),
            (
                &doors.scim,
                "/Users?count=2&filter=TITLE%20EQ+%22t%22&sortBy=USERNAME&sortOrder=ascending&attributes=id"
                    .to_owned(),
            ),
            (&colleague, query.to_owned()),
        ] {
            let page = client.get(&format!("{same}&cursor={cursor}")).await.is(200).json();
            assert_eq!(page["itemsPerPage"], 2, "{same}");
            assert!(ids(&page).iter().all(|id| !ids(&first).contains(id)), "{same}");
        }
        // Others' queries, other queries, other lists.
        for (client, other) in [
            (&strangers.scim, query),
            (&neighbour, query),
            (&doors.scim, "/Users?filter=title+eq+%22T2%22&sortBy=userName&count=2"),
            (&doors.scim, "/Users?sortBy=userName&count=2"),
            (&doors.scim, "/Users?filter=title+eq+%22t%22&sortBy=userName&sortOrder=descending&count=2"),
            (&doors.scim, "/Users?filter=title+eq+%22t%22&sortBy=title&count=2"),
            (&doors.scim, "/Users?filter=title+eq+%22t%22&count=2"),
            (&doors.scim, "/Groups?count=2"),
            (&doors.scim, "?filter=title+eq+%22t%22&sortBy=userName&count=2"),
        ] {
            client.get(&format!("{other}&cursor={cursor}")).await.scim_error(400, Some("invalidCursor"));
        }
        // Forged and broken ones.
        for at in (0..cursor.len()).step_by(7) {
            let mut forged = cursor.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            doors.scim.get(&format!("{query}&cursor={forged}")).await.scim_error(400, Some("invalidCursor"));
        }
        for broken in [
            cursor.get(1..).unwrap(),
            cursor.get(..20).unwrap(),
            "x",
            "AAAA",
            "%00",
            "%ff",
            "~",
            &"A".repeat(20_000),
            "a&cursor=b",
        ] {
            doors.scim.get(&format!("{query}&cursor={broken}")).await.scim_error(400, Some("invalidCursor"));
        }
        // Another size of the pages, and sizes that none may have.
        for count in ["3", "0", "-1", "201", "many"] {
            let asked = query.replace("count=2", &format!("count={count}"));
            doors.scim.get(&format!("{asked}&cursor={cursor}")).await.scim_error(400, Some("invalidCount"));
        }
        doors.scim.get("/Users?cursor=&count=201").await.scim_error(400, Some("invalidCount"));
        doors.scim.get("/Users?cursor=&startIndex=1").await.scim_error(400, Some("invalidValue"));
        // A directory that is left is left: the credential decides, not the cursor.
        doors
            .tenant
            .app
            .revoke_credential(&doors.tenant.admin, doors.tenant.directory.credential().unwrap())
            .await
            .unwrap();
        doors.scim.get(&format!("{query}&cursor={cursor}")).await.scim_error(401, None);
    });
}

/// So much later.
struct Later(TimeDelta);

impl Clock for Later {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.0
    }
}

#[test]
fn behaviour_39_a_cursor_is_good_for_as_long_as_announced_and_in_every_process() {
    run(async {
        let doors = Doors::fresh().await;
        for n in 0..3 {
            doors.user(&format!("user-{n}")).await;
        }
        let first = doors.scim.get("/Users?cursor&count=2").await.is(200).json();
        let query = format!("/Users?count=2&cursor={}", text(&first["nextCursor"]));
        let later = |seconds| {
            let (serving, base) =
                start(Arc::new(new_app_at(2, Arc::new(Later(TimeDelta::seconds(seconds))))));
            (serving, Client { base: format!("{base}/scim/v2"), token: doors.scim.token.clone() })
        };

        let (_serving, in_time) = later(3_590);
        assert_eq!(in_time.get(&query).await.is(200).json()["itemsPerPage"], 1);
        let (_serving, too_late) = later(3_610);
        too_late.get(&query).await.scim_error(400, Some("expiredCursor"));
    });
}

/// Everybody who is there from beginning to end, and whose place in the order does not change, is seen exactly once,
/// whatever is created, deleted and renamed meanwhile, and by the order of ids nobody is seen twice at all.
#[test]
fn behaviour_39_a_walk_while_others_write_sees_everybody_once() {
    run(async {
        let doors = Arc::new(Doors::fresh().await);
        let mut stay = BTreeSet::new();
        let mut renamed = Vec::new();
        let mut doomed = Vec::new();
        for n in 0..90_u32 {
            let title = (n % 4 != 0).then(|| format!("T{}", n % 5));
            let id = doors.person(json!({"userName": format!("p{:02}", n * 37 % 90), "title": title})).await;
            match n % 3 {
                0 => {
                    stay.insert(id);
                }
                1 => renamed.push(id),
                _ => doomed.push(id),
            }
        }
        let over = Arc::new(AtomicBool::new(false));
        let writer = {
            let (doors, over, renamed) = (Arc::clone(&doors), Arc::clone(&over), renamed.clone());
            runtime().spawn(async move {
                let mut n = 0_usize;
                while !over.load(Ordering::Relaxed) {
                    doors.person(json!({"userName": format!("p{:02}-new-{n}", n * 29 % 90), "title": "T2"})).await;
                    if n.is_multiple_of(2) && let Some(id) = doomed.pop() {
                        doors.scim.delete(&format!("/Users/{id}")).await.is(204);
                    }
                    let rename = json!([{"op": "replace", "value": {"userName": format!("r{}-{n}", n * 31 % 90), "title": format!("T{}", n % 5)}}]);
                    doors.scim.patch(&format!("/Users/{}", renamed[n % renamed.len()]), rename).await.is(200);
                    n += 1;
                }
                n
            })
        };

        for (round, query) in [
            "/Users?",
            "/Users?sortBy=id&sortOrder=descending",
            "/Users?sortBy=userName",
            "/Users?sortBy=userName&sortOrder=descending",
            "/Users?sortBy=title",
            "/Users?sortBy=title&sortOrder=descending",
            "/Users?sortBy=meta.created&sortOrder=descending",
            "?sortBy=title",
        ]
        .iter()
        .enumerate()
        {
            let seen = walked(&doors.scim, query, 3 + round % 5).await;

            let mut times: BTreeMap<&str, usize> = BTreeMap::new();
            for id in &seen {
                *times.entry(id).or_default() += 1;
            }
            let by_name = query.contains("userName") || query.contains("title");
            for id in stay.iter().chain(renamed.iter().filter(|_| !by_name)) {
                assert_eq!(times.get(id.as_str()), Some(&1), "{query}: {id}");
            }
            if !by_name {
                assert!(times.values().all(|times| *times == 1), "{query}: {times:?}");
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(writer.await.unwrap() > 10, "nothing was written meanwhile");
    });
}

#[test]
fn behaviour_37_an_index_may_be_any_number() {
    run(async {
        let doors = Doors::fresh().await;
        for n in 0..5 {
            doors.user(&format!("user-{n}")).await;
        }
        for (query, start, items) in [
            ("startIndex=2147483649", 2_147_483_649_i64, 0),
            ("startIndex=9223372036854775807&count=200", i64::MAX, 0),
            ("startIndex=99999999999999999999", i64::MAX, 0),
            ("startIndex=2147483649&sortBy=title", 2_147_483_649, 0),
            ("startIndex=0&count=2", 1, 2),
            ("startIndex=-7&count=2", 1, 2),
            ("startIndex=5&count=2", 5, 1),
            ("startIndex=6&count=2", 6, 0),
            ("count=0", 1, 0),
            ("count=-9", 1, 0),
            ("count=99999999999999999999", 1, 5),
            ("count=5", 1, 5),
            ("startIndex=&count=", 1, 5),
            ("startIndex=3&count=2&sortBy=userName&sortOrder=descending", 3, 2),
        ] {
            for path in ["/Users", ""] {
                let page = doors.scim.get(&format!("{path}?{query}")).await.is(200).json();
                let numbers = (&page["totalResults"], &page["startIndex"], &page["itemsPerPage"]);
                assert_eq!(numbers, (&json!(5), &json!(start), &json!(items)), "{path}?{query}");
                assert_eq!(ids(&page).len(), items, "{path}?{query}");
            }
        }
    });
}

/// What is asked by POST is answered as what is asked by GET.
#[test]
fn behaviour_41_a_search_says_all_that_a_query_says() {
    run(async {
        let doors = Doors::fresh().await;
        let mut people = Vec::new();
        for n in 0..9 {
            people.push(
                doors.person(json!({"userName": format!("user-{n}"), "title": format!("t{}", n % 3)})).await,
            );
        }
        doors.group("t1", &[&people[0]]).await;
        doors.group("others", &[]).await;
        let ask = async |path: &str, query: Value| {
            let address: Vec<String> = query
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| match value {
                    Value::String(text) => format!("{name}={}", encoded(text)),
                    Value::Array(names) => {
                        format!("{name}={}", names.iter().map(text).collect::<Vec<_>>().join(","))
                    }
                    other => format!("{name}={other}"),
                })
                .collect();
            let by_get = doors.scim.get(&format!("{path}?{}", address.join("&"))).await.is(200).json();
            let mut body = query.clone();
            body["schemas"] = json!(["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]);
            let by_post = doors.scim.post(&format!("{path}/.search"), body).await.is(200).json();
            let without = |page: &Value| {
                let mut page = page.clone();
                page.as_object_mut().unwrap().remove("nextCursor");
                page
            };
            assert_eq!(without(&by_get), without(&by_post), "{path} {query}");
            assert_eq!(
                by_get.get("nextCursor").is_some(),
                by_post.get("nextCursor").is_some(),
                "{path} {query}"
            );
            (by_get, by_post)
        };

        for path in ["/Users", "/Groups", ""] {
            for query in [
                json!({}),
                json!({"filter": "displayName sw \"t\" or id pr", "sortBy": "displayName", "sortOrder": "descending"}),
                json!({"startIndex": 2, "count": 3, "attributes": ["displayName", "meta.created"]}),
                json!({"count": 0}),
                json!({"excludedAttributes": ["members", "meta"], "sortBy": "meta.created"}),
                json!({"cursor": "", "count": 1}),
            ] {
                ask(path, query).await;
            }
        }
        let query = json!({"cursor": "", "count": 4, "sortBy": "title", "filter": "title pr"});
        let (by_get, by_post) = ask("/Users", query.clone()).await;
        for first in [by_get, by_post] {
            let mut query = query.clone();
            query["cursor"] = first["nextCursor"].clone();
            let (second, _) = ask("/Users", query).await;
            assert!(ids(&second).iter().all(|id| !ids(&first).contains(id)));
        }
    });
}

#[test]
fn behaviour_41_the_base_address_lists_all_types_in_one_order() {
    run(async {
        let doors = Doors::fresh().await;
        let mut created = Vec::new();
        for (n, name) in ["delta", "Alpha", "charlie", "bravo", "alpha", "Echo"].iter().enumerate() {
            let id = if n % 2 == 0 {
                doors.group(name, &[]).await
            } else {
                doors.person(json!({"userName": name, "displayName": name})).await
            };
            created.push((name.to_lowercase(), id));
        }
        let nameless = doors.user("nameless").await;
        created.sort();
        let mut expected: Vec<String> = created.into_iter().map(|(_, id)| id).collect();
        expected.push(nameless.clone());

        let query = "?sortBy=displayName";
        for count in [1, 2, 3, 200] {
            assert_eq!(walked(&doors.scim, query, count).await, expected, "{count}");
        }
        for start in 1..=7 {
            let page = doors.scim.get(&format!("{query}&startIndex={start}&count=2")).await.is(200).json();
            assert_eq!(page["totalResults"], 7);
            assert_eq!(ids(&page), expected[start - 1..(start + 1).min(7)], "{start}");
        }
        let backwards = walked(&doors.scim, "?sortBy=displayName&sortOrder=descending", 2).await;
        assert_eq!(backwards, expected.iter().rev().cloned().collect::<Vec<_>>());
        // By the type, and by an attribute that one type does not have.
        let by_type = walked(&doors.scim, "?sortBy=meta.resourceType", 2).await;
        assert_eq!(by_type, walked(&doors.scim, "?sortBy=meta.location", 3).await);
        let mut expected = walked(&doors.scim, "/Groups?", 200).await;
        expected.extend(walked(&doors.scim, "/Users?", 200).await);
        assert_eq!(by_type, expected);
        let by_name = walked(&doors.scim, "?sortBy=userName", 2).await;
        assert_eq!(
            by_name.iter().position(|id| *id == nameless),
            Some(3),
            "people first, groups have no userName"
        );
        // Each is shown as its own type.
        let all = doors.scim.get("?attributes=userName,displayName").await.is(200).json();
        for resource in all["Resources"].as_array().unwrap() {
            let is_user = resource.get("userName").is_some();
            assert_eq!(resource["schemas"][0].as_str().unwrap().ends_with("User"), is_user, "{resource}");
        }
    });
}

#[test]
fn behaviour_41_a_filter_on_what_one_type_has_finds_that_type() {
    run(async {
        let doors = Doors::fresh().await;
        let (mina, ken) = (doors.user("mina").await, doors.user("ken").await);
        let sales = doors.group("sales", &[&mina]).await;
        let empty = doors.group("empty", &[]).await;
        for (filter, expected) in [
            ("userName eq \"mina\"", vec![&mina]),
            ("userName pr", vec![&mina, &ken]),
            ("members pr", vec![&sales]),
            (&format!("members.value eq \"{mina}\""), vec![&sales]),
            ("displayName eq \"EMPTY\" or userName eq \"KEN\"", vec![&ken, &empty]),
            ("meta.resourceType eq \"Group\"", vec![&sales, &empty]),
            ("userName pr and members pr", vec![]),
            // No value is unequal to each value (RFC 7644 §3.4.2.1).
            ("userName ne \"mina\"", vec![&ken, &sales, &empty]),
            ("not (members pr)", vec![&mina, &ken, &empty]),
            (&format!("{ENTERPRISE}:department eq \"x\""), vec![]),
        ] {
            let mut expected: Vec<String> = expected.into_iter().cloned().collect();
            expected.sort();
            let page = doors.scim.get(&format!("?filter={}", encoded(filter))).await.is(200).json();
            let mut found = ids(&page);
            found.sort();
            assert_eq!(found, expected, "{filter}");
            assert_eq!(page["totalResults"], expected.len(), "{filter}");
            assert_eq!(
                walked(&doors.scim, &format!("?filter={}", encoded(filter)), 1).await.len(),
                expected.len()
            );
        }
        doors.scim.get("?filter=nonsense+pr").await.scim_error(400, Some("invalidFilter"));
    });
}

#[test]
fn behaviour_33_wildcards_of_sql_are_letters() {
    run(async {
        let doors = Doors::fresh().await;
        for title in ["100%", "100", "a_b", "axb", "c\\d", "cd"] {
            doors.person(json!({"userName": format!("u {title}"), "title": title})).await;
        }
        for (filter, titles) in [
            ("title co \"%\"", vec!["100%"]),
            ("title ew \"%\"", vec!["100%"]),
            ("title sw \"1%\"", vec![]),
            ("title co \"_\"", vec!["a_b"]),
            ("title sw \"a_\"", vec!["a_b"]),
            ("title ew \"_b\"", vec!["a_b"]),
            ("title co \"\\\\\"", vec!["c\\d"]),
            ("title sw \"c\\\\\"", vec!["c\\d"]),
            ("title ew \"\\\\d\"", vec!["c\\d"]),
        ] {
            let page = doors.scim.get(&format!("/Users?filter={}", encoded(filter))).await.is(200).json();
            let found: Vec<_> = page["Resources"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["title"].as_str().unwrap())
                .collect();
            assert_eq!(found, titles, "{filter}");
        }
    });
}

#[test]
fn behaviour_40_a_list_shows_what_is_asked_for_down_to_sub_attributes_and_extensions() {
    run(async {
        let doors = Doors::fresh().await;
        let person = json!({
            "userName": "mina", "displayName": "Mina", "password": "secret",
            "name": {"givenName": "Mina", "familyName": "Sato"},
            "emails": [{"value": "mina@acme.example", "type": "work"}],
            ENTERPRISE: {"department": "Sales", "costCenter": "7"},
        });
        let id = doors.person(person).await;
        let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]);
        for (query, expected) in [
            ("attributes=userName", json!({"id": id, "schemas": schemas, "userName": "mina"})),
            (
                "attributes=name.givenName,EMAILS.value",
                json!({"id": id, "schemas": schemas, "name": {"givenName": "Mina"}, "emails": [{"value": "mina@acme.example"}]}),
            ),
            (
                &format!("attributes={ENTERPRISE}:department"),
                json!({"id": id, "schemas": schemas, ENTERPRISE: {"department": "Sales"}}),
            ),
            (
                &format!("attributes={ENTERPRISE}"),
                json!({"id": id, "schemas": schemas, ENTERPRISE: {"department": "Sales", "costCenter": "7"}}),
            ),
            (
                &format!(
                    "excludedAttributes=id,schemas,meta,name.givenName,emails,displayName,active,{ENTERPRISE}:costCenter"
                ),
                json!({"id": id, "schemas": schemas, "userName": "mina", "name": {"familyName": "Sato"}, ENTERPRISE: {"department": "Sales"}}),
            ),
            ("attributes=password,unknown", json!({"id": id, "schemas": schemas})),
        ] {
            for path in ["/Users", ""] {
                let page = doors.scim.get(&format!("{path}?{query}&filter=userName+pr")).await.is(200).json();
                assert_eq!(page["Resources"], json!([expected]), "{path}?{query}");
            }
        }
    });
}

#[test]
fn behaviour_42_and_43_disabled_people_are_listed_deleted_and_foreign_ones_are_not() {
    run(async {
        let (doors, strangers) = (Doors::fresh().await, Doors::fresh().await);
        let (disabled, deleted) = (doors.user("disabled").await, doors.user("deleted").await);
        let foreign = strangers.user("foreign").await;
        doors.set_active(&disabled, false).await;
        doors.scim.delete(&format!("/Users/{deleted}")).await.is(204);

        for query in ["/Users?", "/Users?cursor&", "?", "?cursor&", "/Users?sortBy=title&"] {
            assert_eq!(
                walked(&doors.scim, &query.replace("cursor&", ""), 5).await,
                std::slice::from_ref(&disabled),
                "{query}"
            );
            let found = doors.scim.get(&format!("{query}count=5")).await.is(200).json();
            assert_eq!(ids(&found), std::slice::from_ref(&disabled), "{query}");
        }
        assert_eq!(
            doors.scim.get("/Users?filter=userName+eq+%22disabled%22").await.json()["Resources"][0]["active"],
            false
        );
        for id in [deleted, foreign] {
            doors.scim.get(&format!("/Users/{id}")).await.scim_error(404, None);
            let found = doors.scim.get(&format!("/Users?filter=id+eq+%22{id}%22")).await.is(200).json();
            assert_eq!(found["totalResults"], 0);
        }
    });
}
