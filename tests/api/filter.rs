//! Filters over HTTP: each operator against an expected set, and the translation to SQL against its reference,
//! `scim::filter::Filter::matches`, over everything that a filter can say.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scim::filter::Filter;
use scim::schema::ResourceType;
use serde_json::{Map, Value, json};

use super::extensions::{WORKPLACE, workplace};
use crate::support::http::{Doors, encoded};
use crate::support::run;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Of a group, what is shown only to those who ask for it too.
const EVERYTHING: &str = "&attributes=displayName,externalId,meta,members.value,members.type,members.display";

/// People who differ where comparisons go wrong: nothing, empty, two values, case, width, composition, final sigma,
/// dotted and dotless i, wildcards of SQL, quotes.
fn people() -> Vec<Value> {
    let mut people = vec![
        json!({"userName": "alice", "displayName": "Alice", "active": true, "externalId": "A-1",
            "title": "Manager", "userType": "Employee", "name": {"familyName": "Abe", "givenName": "Alice"},
            "emails": [{"value": "alice@acme.example", "type": "work", "primary": true}, {"value": "ALICE@home.example", "type": "home"}],
            "phoneNumbers": [{"value": "+81 3 1234", "type": "work"}],
            ENTERPRISE: {"department": "Sales", "employeeNumber": "7", "manager": {"value": "m-1"}}}),
        json!({"userName": "BOB", "active": false, "externalId": "a-1", "displayName": "bob",
            "title": "manager", "name": {"formatted": ""},
            "emails": [{"value": "bob@acme.example"}],
            ENTERPRISE: {"department": "SALES/Osaka", "costCenter": "0"}}),
        json!({"userName": "carol", "displayName": "", "title": "", "nickName": "100%_\\",
            "emails": [{"value": ""}, {"type": "work"}], "roles": [{"value": "admin", "primary": false}],
            ENTERPRISE: {"manager": {"value": ""}}}),
        json!({"userName": "dave", "emails": [{"primary": false, "display": "Dave"}],
            "addresses": [{"locality": "Tōkyō", "country": "JP", "type": "work"}, {"locality": "Paris", "primary": true}]}),
        json!({"userName": "éva", "displayName": "E\u{301}VA", "title": "ΟΔΟΣ", "nickName": "οδοσ"}),
        json!({"userName": "ｗｉｄｅ", "displayName": "ｗｉｄｅ", "title": "οδος", "nickName": "\u{130}stanbul"}),
        json!({"userName": "straße", "displayName": "STRASSE", "title": "J\u{30c}", "nickName": "\u{1f0}"}),
        json!({"userName": "o'brien", "displayName": "\"quoted\"", "title": "K\u{212a}k", "nickName": "\u{1d6ba}"}),
        json!({"userName": "null", "displayName": "null", "title": "ﬁ", "nickName": "fi", "locale": "ja-JP",
            "photos": [{"value": "https://acme.example/A.png", "type": "photo"}],
            "x509Certificates": [{"value": "QUJD"}, {"value": "qujd"}]}),
        json!({"userName": "日本", "displayName": "山田 太郎", "preferredLanguage": "ja", "timezone": "Asia/Tokyo",
            "name": {"familyName": "山田", "givenName": "太郎"}, "entitlements": [{"value": "recolog"}, {"value": "RECOLOG", "type": "T"}],
            "ims": [{"value": "Im", "type": "xmpp"}]}),
    ];
    for n in 0..8 {
        people.push(json!({"userName": format!("user-{n}"), "active": n % 2 == 0, "title": format!("t{n}")}));
    }
    people
}

struct Seeded {
    doors: Doors,
    users: Vec<Map<String, Value>>,
    groups: Vec<Map<String, Value>>,
}

/// Who has values of a declared extension, of every type.
fn workers() -> Vec<Value> {
    vec![
        json!({"userName": "worker-1", WORKPLACE: {"badge": "B-7", "floor": 3, "remote": true, "skills": ["Rust", "go", ""],
            "since": "2026-01-02T03:04:05Z", "desks": [{"value": "d1", "type": "Fixed", "primary": true}, {"value": "d2"}]}}),
        json!({"userName": "worker-2", WORKPLACE: {"badge": "b-7", "floor": -20, "remote": false, "skills": ["straße"],
            "desks": [{"value": "D1", "primary": false}]}}),
        json!({"userName": "worker-3", WORKPLACE: {"badge": "%", "floor": 0}}),
    ]
}

async fn seeded() -> Seeded {
    let doors = Doors::fresh().await;
    doors.api.post("/schema-extensions", workplace()).await.is(201);
    let mut ids = Vec::new();
    for person in people().into_iter().chain(workers()) {
        ids.push(doors.person(person).await);
    }
    let some: Vec<&str> = ids.iter().take(3).map(String::as_str).collect();
    let sales = doors.group("Sales", &some).await;
    doors.group("Ｅngineering", &some[..1]).await;
    doors.group("Empty", &[]).await;
    doors.group("Everybody", &[&sales, some[0]]).await;
    // Something to tell `lastModified` from `created` by.
    doors.set_active(&ids[0], false).await;
    doors.set_active(&ids[0], true).await;
    let rename = json!([{"op": "add", "value": {"externalId": "G-1"}}]);
    doors.scim.patch(&format!("/Groups/{sales}"), rename).await.is(204);
    let all = async |path: &str, shown: &str| {
        let list = doors.scim.get(&format!("{path}?count=200{shown}")).await.is(200).json();
        list["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_object().unwrap().clone())
            .collect::<Vec<_>>()
    };
    let (users, groups) = (all("/Users", "").await, all("/Groups", EVERYTHING).await);
    Seeded { doors, users, groups }
}

fn id(resource: &Map<String, Value>) -> String {
    resource["id"].as_str().unwrap().to_owned()
}

/// What the filter means, by its reference.
fn expected(of: &ResourceType, resources: &[Map<String, Value>], filter: &str) -> BTreeSet<String> {
    let filter = Filter::parse(of, filter).unwrap_or_else(|error| panic!("{filter}: {error:?}"));
    resources.iter().filter(|resource| filter.matches(resource)).map(id).collect()
}

async fn found(doors: &Doors, path: &str, filter: &str) -> BTreeSet<String> {
    let list = doors.scim.get(&format!("{path}?count=200&attributes=id&filter={}", encoded(filter))).await;
    assert_eq!(list.status, 200, "{filter}: {}", list.text);
    let list = list.json();
    let found: BTreeSet<_> = list["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(list["totalResults"], found.len(), "{filter}");
    found
}

#[test]
fn every_operator_finds_whom_it_should() {
    run(async {
        let seeded = seeded().await;
        let cases: [(&str, &[&str]); 24] = [
            ("userName eq \"ALICE\"", &["alice"]),
            ("userName ne \"alice\" and userName sw \"al\"", &[]),
            ("userName co \"li\"", &["alice"]),
            ("userName sw \"USER-\" and active eq false", &["user-1", "user-3", "user-5", "user-7"]),
            ("userName ew \"OL\"", &["carol"]),
            ("externalId eq \"A-1\"", &["alice"]),
            ("externalId pr", &["BOB", "alice"]),
            ("title gt \"t5\" and title lt \"t8\"", &["user-6", "user-7"]),
            ("title ge \"t6\" and title le \"t7\"", &["user-6", "user-7"]),
            ("title eq \"MANAGER\" and not (active eq true)", &["BOB"]),
            ("emails.type eq \"home\"", &["alice"]),
            ("emails co \"@ACME\"", &["BOB", "alice"]),
            ("emails[type eq \"work\" and value co \"@home\"]", &[]),
            ("emails[type eq \"home\" and value co \"@home\"]", &["alice"]),
            ("emails[type eq \"work\"].value eq \"alice@acme.example\"", &["alice"]),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department sw \"sales\"",
                &["BOB", "alice"],
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq \"m-1\"",
                &["alice"],
            ),
            ("groups.display eq \"sales\"", &["BOB", "alice", "carol"]),
            ("name.familyName eq \"山田\"", &["日本"]),
            ("nickName eq \"100%_\\\\\"", &["carol"]),
            ("nickName co \"%\"", &["carol"]),
            ("USERNAME EQ \"bob\" OR (userName eq \"carol\" AND title eq \"\")", &["BOB", "carol"]),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName eq \"dave\"", &["dave"]),
            ("meta.created gt \"2001-01-01T00:00:00Z\" and userName eq \"null\"", &["null"]),
        ];
        for (filter, names) in cases {
            let ids = found(&seeded.doors, "/Users", filter).await;
            let mut found: Vec<_> = seeded
                .users
                .iter()
                .filter(|user| ids.contains(&id(user)))
                .map(|user| user["userName"].as_str().unwrap())
                .collect();
            found.sort_unstable();
            assert_eq!(found, names, "{filter}");
        }
    });
}

#[test]
fn what_is_no_filter_is_refused_as_such() {
    run(async {
        let doors = Doors::fresh().await;
        doors.dialect("rfc").await;
        let deep = format!("{}userName pr{}", "(".repeat(500), ")".repeat(500));
        let long = format!("userName eq \"{}\"", "x".repeat(5_000));
        for filter in [
            "userName",
            "userName eq",
            "userName eq alice",
            "userName like \"x\"",
            "unknown eq \"x\"",
            "userName eq \"x\" and",
            "(userName pr",
            "emails[type eq \"work\"",
            "active gt true",
            "meta.created gt \"yesterday\"",
            "userName eq \"a\\u0000b\"",
            "userName eq \"\\ud800\"",
            "",
            "name eq \"x\"",
            &deep,
            &long,
        ] {
            doors
                .scim
                .get(&format!("/Users?filter={}", encoded(filter)))
                .await
                .scim_error(400, Some("invalidFilter"));
        }
        // What is only known here, not in the database.
        for filter in ["meta.location eq \"x\"", "groups.$ref eq \"x\"", "groups[$ref pr]"] {
            doors
                .scim
                .get(&format!("/Users?filter={}", encoded(filter)))
                .await
                .scim_error(400, Some("invalidFilter"));
        }
    });
}

/// Comparisons that were once translated wrongly, so that each stays right whatever the generator draws.
#[test]
fn the_translation_agrees_with_the_reference_where_it_once_did_not() {
    run(async {
        let seeded = seeded().await;
        let user = scim::schema::user();
        let upper = id(&seeded.users[0]).to_uppercase();
        let created = seeded.users[0]["meta"]["created"].as_str().unwrap();
        let modified = seeded.users[0]["meta"]["lastModified"].as_str().unwrap();
        for filter in [
            "title eq \"ΟΔΟΣ\"",
            "title eq \"οδοσ\"",
            "title co \"ΔΟΣ\"",
            "title eq \"J\u{30c}\"",
            "title eq \"\u{1f0}\"",
            "nickName eq \"σ\"",
            "name pr",
            "emails pr",
            "emails.value pr",
            "emails.type pr",
            "roles pr",
            "emails[value pr]",
            "schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"",
            "schemas co \"enterprise\"",
            "schemas ne \"urn:ietf:params:scim:schemas:core:2.0:User\"",
            "schemas pr",
            "schemas eq null",
            "meta[resourceType eq \"User\"]",
            "meta[version eq \"W/\\\"1\\\"\" or version eq null]",
            "not (meta.version eq \"W/\\\"1\\\"\")",
            "meta pr",
            "meta.location pr",
            "emails[value eq \"\"]",
            "emails eq \"\"",
            "emails eq null",
            "groups eq null",
            "displayName ne \"alice\"",
            "displayName pr",
            "displayName eq null",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[value eq null]",
            &format!("id eq \"{upper}\""),
            &format!("meta.created eq \"{created}\""),
            &format!("meta.created gt \"{created}\""),
            &format!("meta.lastModified le \"{modified}\""),
            &format!("meta.lastModified ne \"{modified}\""),
            "meta.created gt \"0000-01-01T00:00:00Z\"",
            "meta.created lt \"9999-12-31T23:59:60Z\"",
        ] {
            let expected = expected(&user, &seeded.users, filter);
            assert_eq!(found(&seeded.doors, "/Users", filter).await, expected, "{filter}");
        }
    });
}

/// Attributes by what can be said of them.
const TEXTS: [&str; 29] = [
    "userName",
    "displayName",
    "externalId",
    "title",
    "nickName",
    "userType",
    "locale",
    "preferredLanguage",
    "name.familyName",
    "name.formatted",
    "name.givenName",
    "emails.value",
    "emails.type",
    "emails",
    "emails.display",
    "phoneNumbers.value",
    "photos.value",
    "addresses.locality",
    "addresses.country",
    "entitlements",
    "roles.value",
    "groups.display",
    "groups.value",
    "groups.type",
    "id",
    "meta.version",
    "meta.resourceType",
    "schemas",
    "ims.value",
];
const EXTENSION: [&str; 5] = ["department", "employeeNumber", "costCenter", "manager.value", "manager"];
const DECLARED: [&str; 6] = ["badge", "skills", "desks", "desks.value", "desks.type", "hired"];
const FLAGS: [&str; 5] = [
    "active",
    "emails.primary",
    "addresses.primary",
    "urn:acme:params:scim:schemas:extension:workplace:2.0:User:remote",
    "urn:acme:params:scim:schemas:extension:workplace:2.0:User:desks.primary",
];
const TIMES: [&str; 2] = ["meta.created", "meta.lastModified"];
const COMPLEX: [&str; 6] = ["name", "emails", "groups", "addresses", "meta", "x509Certificates"];
const GROUP_TEXTS: [&str; 8] = [
    "displayName",
    "externalId",
    "id",
    "members",
    "members.value",
    "members.display",
    "members.type",
    "schemas",
];

/// Texts of the people themselves, whole and in part, in either case, and some of nobody's.
fn literals(resources: &[Map<String, Value>]) -> Vec<String> {
    fn collect(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => {
                let characters: Vec<char> = text.chars().collect();
                let half = characters.len() / 2;
                into.extend([
                    text.clone(),
                    text.to_uppercase(),
                    text.to_lowercase(),
                    characters.iter().take(half).collect(),
                    characters.iter().skip(half).collect(),
                ]);
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            Value::Object(object) => object.values().for_each(|item| collect(item, into)),
            _ => {}
        }
    }
    let mut all = BTreeSet::new();
    for resource in resources {
        resource.values().for_each(|value| collect(value, &mut all));
    }
    all.extend(
        ["", "%", "_", "σ", "ς", "Σ", "ß", "ẞ", "\u{307}", "i", "zzz", "\u{10ffff}"].map(str::to_owned),
    );
    all.into_iter().collect()
}

fn times(resources: &[Map<String, Value>]) -> Vec<String> {
    let of =
        |name: &'static str| resources.iter().map(move |it| it["meta"][name].as_str().unwrap().to_owned());
    let mut all: BTreeSet<String> = of("created").chain(of("lastModified")).collect();
    all.extend(["1970-01-01T00:00:00Z", "2999-01-01T09:00:00.123456+09:00"].map(str::to_owned));
    all.into_iter().collect()
}

fn words(words: &'static [&'static str]) -> BoxedStrategy<String> {
    prop::sample::select(words).prop_map(str::to_owned).boxed()
}

fn quoted(texts: Vec<String>) -> BoxedStrategy<String> {
    prop::sample::select(texts).prop_map(|text| Value::from(text).to_string()).boxed()
}

const OPERATORS: [&str; 9] = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];

/// One comparison of this attribute: with a text, with null, or whether it is there.
fn comparison(attribute: BoxedStrategy<String>, literal: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let compared =
        (attribute.clone(), words(&OPERATORS), literal).prop_map(|(a, op, text)| format!("{a} {op} {text}"));
    let absent = (attribute.clone(), words(&["eq", "ne"])).prop_map(|(a, op)| format!("{a} {op} null"));
    let present = attribute.prop_map(|a| format!("{a} pr"));
    prop_oneof![6 => compared, 1 => absent, 1 => present].boxed()
}

fn combined(leaf: BoxedStrategy<String>) -> BoxedStrategy<String> {
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
    .boxed()
}

fn user_filters(users: &[Map<String, Value>]) -> BoxedStrategy<String> {
    let text = || quoted(literals(users));
    let flag = |attribute: BoxedStrategy<String>| {
        (attribute, words(&["eq", "ne"]), words(&["true", "false", "null"]))
            .prop_map(|(a, op, flag)| format!("{a} {op} {flag}"))
    };
    let time = (words(&TIMES), words(&["eq", "ne", "gt", "ge", "lt", "le"]), quoted(times(users)))
        .prop_map(|(a, op, time)| format!("{a} {op} {time}"));
    let extension = words(&EXTENSION).prop_map(|name| format!("{ENTERPRISE}:{name}")).boxed();
    let declared = words(&DECLARED).prop_map(|name| format!("{WORKPLACE}:{name}")).boxed();
    let number = (words(&["eq", "ne", "gt", "ge", "lt", "le"]), words(&["3", "-20", "0", "2.5", "1e3"]))
        .prop_map(|(op, number)| format!("{WORKPLACE}:floor {op} {number}"));
    let inside = |parent: &'static str, subs: &'static [&'static str]| {
        let leaf = prop_oneof![4 => comparison(words(subs), text()), 1 => flag(words(&["primary"]))];
        combined(leaf.boxed()).prop_map(move |inner| format!("{parent}[{inner}]"))
    };
    let singular = |parent: &'static str, subs: &'static [&'static str]| {
        combined(comparison(words(subs), text())).prop_map(move |inner| format!("{parent}[{inner}]"))
    };
    let binary = (words(&["eq", "ne", "co", "sw", "ew"]), text())
        .prop_map(|(op, text)| format!("x509Certificates {op} {text}"));
    let leaf = prop_oneof![
        1 => binary,
        8 => comparison(words(&TEXTS), text()),
        3 => comparison(extension, text()),
        3 => comparison(declared, text()),
        2 => number,
        1 => inside("urn:acme:params:scim:schemas:extension:workplace:2.0:User:desks", &["value", "type"]),
        2 => flag(words(&FLAGS)),
        2 => time,
        1 => words(&COMPLEX).prop_map(|name| format!("{name} pr")),
        2 => inside("emails", &["value", "type", "display"]),
        1 => inside("addresses", &["locality", "country", "type"]),
        1 => singular("groups", &["value", "display", "type"]),
        1 => singular("name", &["familyName", "givenName", "formatted"]),
        1 => singular("meta", &["version", "resourceType"]),
        1 => singular("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", &["value"]),
    ];
    combined(leaf.boxed())
}

fn group_filters(groups: &[Map<String, Value>]) -> BoxedStrategy<String> {
    let text = || quoted(literals(groups));
    let inside = combined(comparison(words(&["value", "display", "type"]), text()))
        .prop_map(|inner| format!("members[{inner}]"));
    let leaf = prop_oneof![4 => comparison(words(&GROUP_TEXTS), text()), 1 => inside, 1 => words(&["members pr", "meta pr"])];
    combined(leaf.boxed())
}

/// Draws filters and lets each be answered over HTTP.
fn agree(
    seeded: &'static Seeded,
    path: &'static str,
    of: &ResourceType,
    filters: &BoxedStrategy<String>,
    cases: u32,
) {
    let resources = if path == "/Users" { &seeded.users } else { &seeded.groups };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let checked = TestRunner::new(config).run(filters, |filter| {
        let expected = expected(of, resources, &filter);
        let found = crate::support::runtime().block_on(found(&seeded.doors, path, &filter));
        prop_assert_eq!(found, expected, "{}", filter);
        Ok(())
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}

#[test]
fn people_are_found_as_the_reference_finds_them() {
    static SEEDED: OnceLock<Seeded> = OnceLock::new();
    let seeded = SEEDED.get_or_init(|| run(seeded()));
    let types = run(seeded.doors.tenant.app.types(&seeded.doors.tenant.directory)).unwrap();
    agree(seeded, "/Users", types.types().user(), &user_filters(&seeded.users), 500);
}

#[test]
fn groups_are_found_as_the_reference_finds_them() {
    static SEEDED: OnceLock<Seeded> = OnceLock::new();
    let seeded = SEEDED.get_or_init(|| run(seeded()));
    agree(seeded, "/Groups", &scim::schema::group(), &group_filters(&seeded.groups), 250);
}
