//! The order of lists against its reference, `scim::sort::Sort::compare`, by cursor and by index. Behaviour 36.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scim::sort::Sort;
use serde_json::{Map, Value, json};

use super::paging::{ids, walked};
use crate::support::http::{Doors, text};
use crate::support::{run, runtime};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Texts that differ where orders go wrong: case, composition, width, nothing, length, other planes.
const WORDS: [&str; 24] = [
    "",
    "a",
    "A",
    "b",
    "B",
    "ab",
    "a b",
    "Z",
    "z",
    "zz",
    "é",
    "E\u{301}",
    "É",
    "ä",
    "ß",
    "ss",
    "ﬁ",
    "fi",
    "ｗ",
    "日本",
    "Ω",
    "\u{1f600}",
    "10",
    "9",
];

fn person() -> impl Strategy<Value = Map<String, Value>> {
    let word = || prop::sample::select(&WORDS[..]).prop_map(Value::from);
    let some = move || prop::option::weighted(0.7, word());
    let email = (some(), prop::option::of(prop::sample::select(&["work", "home"][..])));
    let emails = (prop::collection::vec(email, 0..3), 0..4_usize).prop_map(|(emails, primary)| {
        let emails = emails.into_iter().enumerate();
        let emails =
            emails.map(|(n, (value, kind))| json!({"value": value, "type": kind, "primary": n == primary}));
        Value::Array(emails.collect())
    });
    let names = (some(), some(), some(), some(), some());
    (names, emails, prop::option::of(any::<bool>()), some(), some()).prop_map(|(names, emails, active, locality, kind)| {
        let (display, title, family, department, nick) = names;
        let person = json!({
            "displayName": display, "title": title, "name": {"familyName": family}, "nickName": nick,
            "emails": emails, "active": active.unwrap_or(true),
            "addresses": [{"locality": locality, "type": kind}],
            "profileUrl": nick.as_ref().filter(|nick| nick.as_str().is_some_and(str::is_ascii)).map(|_| "https://acme.example/P"),
            ENTERPRISE: {"department": department},
        });
        person.as_object().unwrap().clone()
    })
}

const PATHS: [&str; 26] = [
    "userName",
    "externalId",
    "displayName",
    "title",
    "nickName",
    "name.familyName",
    "name.givenName",
    "emails",
    "emails.type",
    "emails.primary",
    "addresses.locality",
    "addresses.type",
    "photos",
    "active",
    "id",
    "schemas",
    "profileUrl",
    "groups",
    "groups.display",
    "groups.type",
    "meta.created",
    "meta.lastModified",
    "meta.version",
    "meta.location",
    "meta.resourceType",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
];

/// The ids as the reference sorts them.
fn sorted(
    of: &scim::schema::ResourceType,
    resources: &[Map<String, Value>],
    by: &str,
    order: &str,
) -> Vec<String> {
    let sort = Sort::parse(of, Some(by), Some(order)).unwrap().unwrap();
    let mut resources: Vec<_> = resources.iter().collect();
    resources.sort_by(|one, other| sort.compare(one, other));
    resources.iter().map(|resource| text(&resource["id"])).collect()
}

async fn all(doors: &Doors, query: &str) -> Vec<Map<String, Value>> {
    let list = doors.scim.get(&format!("{query}count=200")).await.is(200).json();
    list["Resources"].as_array().unwrap().iter().map(|it| it.as_object().unwrap().clone()).collect()
}

/// Each order of each attribute, by cursor and by index, as the reference has it.
async fn agrees(doors: &Doors, people: usize) {
    let users = all(doors, "/Users?").await;
    assert_eq!(users.len(), people);
    for by in PATHS {
        for order in ["ascending", "descending"] {
            let expected = sorted(&scim::schema::user(), &users, by, order);
            let query = format!("/Users?attributes=id&sortBy={by}&sortOrder={order}");
            assert_eq!(walked(&doors.scim, &query, 7).await, expected, "by cursor: {query}");
            let mut by_index = Vec::new();
            for start in (1..=people).step_by(7) {
                let page =
                    doors.scim.get(&format!("{query}&startIndex={start}&count=7")).await.is(200).json();
                assert_eq!(page["totalResults"], people, "{query}");
                by_index.extend(ids(&page));
            }
            assert_eq!(by_index, expected, "by index: {query}");
        }
    }
}

#[test]
fn behaviour_36_every_order_is_the_one_of_the_reference() {
    let config = Config { cases: 3, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let people = prop::collection::vec(person(), 24..32);
    let checked = TestRunner::new(config).run(&people, |people| {
        runtime().block_on(async {
            let doors = Doors::fresh().await;
            let mut created = Vec::new();
            for (n, mut person) in people.iter().cloned().enumerate() {
                let name = WORDS[n % WORDS.len()];
                person.insert("userName".to_owned(), json!(format!("{name}{}", n * 7 % 37)));
                if n % 3 > 0 {
                    person.insert("externalId".to_owned(), json!(format!("{}{n}", ["a", "B"][n % 2])));
                }
                created.push(doors.person(Value::Object(person)).await);
            }
            for (n, name) in ["b", "A", "C"].iter().enumerate() {
                let members: Vec<&str> = created.iter().skip(n).step_by(3).map(String::as_str).collect();
                doors.group(name, &members[..members.len() / 2]).await;
            }
            let inner = doors.group("inner", &[&created[1], &created[3]]).await;
            doors.group("0", &[&inner, &created[2]]).await;
            doors.set_active(&created[0], false).await;
            agrees(&doors, people.len()).await;
        });
        Ok(())
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}

#[test]
fn behaviour_36_groups_are_sorted_by_what_they_show_too() {
    run(async {
        let doors = Doors::fresh().await;
        let mut people = Vec::new();
        for name in ["zoe", "adam", "mia"] {
            people.push(doors.person(json!({"userName": name, "displayName": name})).await);
        }
        let inner = doors.group("b", &[&people[2], &people[0]]).await;
        doors.group("D", &[&inner, &people[0]]).await;
        doors.group("A", &[&people[1]]).await;
        doors.group("c", &[]).await;
        let groups = all(
            &doors,
            "/Groups?attributes=displayName,externalId,meta,members.value,members.type,members.display&",
        )
        .await;

        for by in [
            "displayName",
            "externalId",
            "members",
            "members.display",
            "members.type",
            "members.$ref",
            "meta.created",
            "id",
        ] {
            for order in ["ascending", "descending"] {
                let expected = sorted(&scim::schema::group(), &groups, by, order);
                let query = format!("/Groups?sortBy={by}&sortOrder={order}");
                // What is not read back, the reference cannot see.
                if by != "members.$ref" {
                    assert_eq!(walked(&doors.scim, &query, 2).await, expected, "{query}");
                }
                doors.scim.get(&query).await.is(200);
            }
        }
    });
}

#[test]
fn behaviour_36_what_cannot_be_sorted_by_is_refused() {
    run(async {
        let doors = Doors::fresh().await;
        doors.user("somebody").await;
        for (path, query, scim_type) in [
            ("/Users", "sortBy=nonsense", "invalidPath"),
            ("/Users", "sortBy=name", "invalidPath"),
            ("/Users", "sortBy=members", "invalidPath"),
            ("/Users", "sortBy=emails%5Btype+eq+%22work%22%5D", "invalidPath"),
            ("/Users", "sortBy=password", "invalidValue"),
            ("/Users", "sortBy=userName&sortOrder=upwards", "invalidValue"),
            ("/Users", "sortBy=userName&sortBy=id", "invalidValue"),
            ("/Groups", "sortBy=userName", "invalidPath"),
            ("", "sortBy=nonsense", "invalidPath"),
        ] {
            doors.scim.get(&format!("{path}?{query}")).await.scim_error(400, Some(scim_type));
        }
        // Nothing to sort by is no order.
        doors.scim.get("/Users?sortBy=&sortOrder=descending").await.is(200);
    });
}
