//! Schema extensions that a tenant declares: declared, published, enforced like what is built in, and changed only so that
//! nothing is lost.

use app::tenants::DeclareExtension;
use serde_json::{Value, json};

use crate::support::http::{Client, Doors, encoded, text};
use crate::support::people::open_directory;
use crate::support::{new_app, run};

pub const WORKPLACE: &str = "urn:acme:params:scim:schemas:extension:workplace:2.0:User";
const TEAM: &str = "urn:acme:params:scim:schemas:extension:team:2.0:Group";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

pub fn workplace() -> Value {
    json!({
        "resourceType": "User", "urn": WORKPLACE, "name": "Workplace", "description": "Where somebody works.",
        "attributes": [
            {"name": "badge", "required": true, "caseExact": true},
            {"name": "floor", "type": "integer"},
            {"name": "remote", "type": "boolean"},
            {"name": "since", "type": "dateTime"},
            {"name": "hired", "mutability": "immutable"},
            {"name": "score", "type": "decimal", "mutability": "readOnly"},
            {"name": "skills", "multiValued": true, "canonicalValues": ["rust", "sql"]},
            {"name": "notes", "returned": "request"},
            {"name": "desks", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "required": true}, {"name": "type", "canonicalValues": ["fixed", "shared"]},
                {"name": "primary", "type": "boolean"}]},
        ],
    })
}

async fn declare(doors: &Doors, declaration: Value) -> String {
    doors.api.post("/schema-extensions", declaration).await.is(201).id()
}

/// A strict directory of a tenant with the extension, its id, and a person who has it.
async fn world() -> (Doors, String, String) {
    let doors = Doors::fresh().await;
    doors.dialect("rfc").await;
    let id = declare(&doors, workplace()).await;
    let mina = doors
        .person(json!({"userName": "mina", WORKPLACE: {"badge": "B-7", "floor": 3, "skills": ["rust", "go"],
            "since": "2026-01-02T03:04:05Z", "remote": false, "desks": [{"value": "d1", "type": "fixed", "primary": true}]}}))
        .await;
    (doors, id, format!("/Users/{mina}"))
}

async fn found(scim: &Client, filter: &str) -> Vec<String> {
    let list = scim.get(&format!("/Users?filter={}", encoded(filter))).await.is(200).json();
    let names = list["Resources"].as_array().unwrap().iter().map(|user| text(&user["userName"]));
    names.collect()
}

/// Behaviours 6, 26.
#[test]
fn a_declared_extension_is_published_to_its_tenant_and_nobody_else() {
    run(async {
        let (doors, id, _) = world().await;
        let other = Doors::fresh().await;

        let schema = doors.scim.get(&format!("/Schemas/{WORKPLACE}")).await.is(200).json();
        assert_eq!(
            (&schema["name"], schema["attributes"].as_array().unwrap().len()),
            (&json!("Workplace"), 9)
        );
        assert_eq!(
            schema["attributes"][0],
            json!({"name": "badge", "type": "string", "multiValued": false, "description": "", "required": true,
                "caseExact": true, "mutability": "readWrite", "returned": "default", "uniqueness": "none"})
        );
        let user = doors.scim.get("/ResourceTypes/User").await.is(200).json();
        let extensions = user["schemaExtensions"].as_array().unwrap();
        assert!(extensions.contains(&json!({"schema": WORKPLACE, "required": false})), "{user}");
        for stranger in [&other.scim, &Client::at("/scim/v2")] {
            stranger.get(&format!("/Schemas/{WORKPLACE}")).await.scim_error(404, None);
        }
        let refused = json!({"schemas": [USER, WORKPLACE], "userName": "x", WORKPLACE: {"badge": "1"}});
        other.dialect("rfc").await;
        other.scim.post("/Users", refused).await.scim_error(400, Some("invalidSyntax"));
        let listed = doors.api.get("/schema-extensions").await.is(200).json();
        assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["urn"]), (&json!(id), &json!(WORKPLACE)));
        other.api.delete(&format!("/schema-extensions/{id}")).await.problem(404, "not_found");
        assert_eq!(doors.audit(&id).await[0]["action"], "schema_extension.create");
    });
}

/// Behaviours 19, 25, 26, 46, 65.
#[test]
fn its_values_are_held_to_it_by_post_put_and_patch() {
    run(async {
        let (doors, _, mina) = world().await;
        let shown = doors.scim.get(&mina).await.is(200).json();
        assert_eq!(shown["schemas"], json!([USER, WORKPLACE]));
        assert_eq!(shown[WORKPLACE]["skills"], json!(["rust", "go"]), "canonical values are suggestions");

        for (part, scim_type) in [
            (json!({"floor": 3}), "invalidValue"),
            (json!({"badge": 7}), "invalidValue"),
            (json!({"badge": "1", "floor": "3"}), "invalidValue"),
            (json!({"badge": "1", "since": "yesterday"}), "invalidValue"),
            (json!({"badge": "1", "skills": "rust"}), "invalidValue"),
            (json!({"badge": "1", "desks": [{"type": "fixed"}]}), "invalidValue"),
            (json!({"badge": "1", "chair": "x"}), "invalidSyntax"),
            (json!({"badge": "1", "desks": [{"value": "d", "wood": "oak"}]}), "invalidSyntax"),
        ] {
            let body = json!({"schemas": [USER, WORKPLACE], "userName": "x", WORKPLACE: part});
            doors.scim.post("/Users", body.clone()).await.scim_error(400, Some(scim_type));
            doors.scim.put(&mina, body).await.scim_error(400, Some(scim_type));
        }
        let path = |name: &str| format!("{WORKPLACE}:{name}");
        for (operation, scim_type) in [
            (json!({"op": "remove", "path": path("badge")}), "mutability"),
            (json!({"op": "replace", "path": path("score"), "value": 1.5}), "mutability"),
            (json!({"op": "replace", "path": path("floor"), "value": "x"}), "invalidValue"),
            (json!({"op": "replace", "path": path("chair"), "value": "x"}), "invalidPath"),
            (json!({"op": "replace", "path": path("desks[value eq \"d9\"].type"), "value": "x"}), "noTarget"),
        ] {
            doors.scim.patch(&mina, json!([operation])).await.scim_error(400, Some(scim_type));
        }
        let changed = json!([
            {"op": "replace", "path": path("desks[value eq \"d1\"].type"), "value": "shared"},
            {"op": "add", "path": path("skills"), "value": ["sql", "rust"]},
            {"op": "add", "path": WORKPLACE, "value": {"hired": "2020", "notes": "quiet"}},
        ]);
        let changed = doors.scim.patch(&mina, changed).await.is(200).json();
        let part = &changed[WORKPLACE];
        assert_eq!(
            (&part["desks"][0]["type"], &part["skills"]),
            (&json!("shared"), &json!(["rust", "go", "sql"]))
        );
        assert!(part.get("notes").is_none(), "shown on request only: {part}");
        let again = json!([{"op": "replace", "path": path("hired"), "value": "2021"}]);
        doors.scim.patch(&mina, again).await.scim_error(400, Some("mutability"));
        let mut round = changed.clone();
        round[WORKPLACE]["score"] = json!(9.5);
        let round = doors.scim.put(&mina, round).await.is(200).json();
        assert_eq!((&round[WORKPLACE]["hired"], round[WORKPLACE].get("score")), (&json!("2020"), None));
    });
}

/// Behaviours 28, 36, 40.
#[test]
fn it_is_filtered_sorted_and_projected_like_what_is_built_in() {
    run(async {
        let (doors, _, mina) = world().await;
        let scim = &doors.scim;
        doors
            .person(json!({"userName": "taro", WORKPLACE: {"badge": "b-7", "floor": 20, "remote": true}}))
            .await;
        doors.user("hana").await;

        for (filter, expected) in [
            ("badge eq \"B-7\"", vec!["mina"]),
            ("floor gt 3", vec!["taro"]),
            ("floor le 20", vec!["mina", "taro"]),
            ("remote eq true", vec!["taro"]),
            ("since lt \"2026-02-01T00:00:00Z\"", vec!["mina"]),
            ("skills eq \"GO\"", vec!["mina"]),
            ("skills sw \"ru\"", vec!["mina"]),
            ("skills ne \"java\"", vec!["mina", "taro", "hana"]),
            ("desks[value eq \"d1\" and primary eq true]", vec!["mina"]),
            ("desks.type eq \"FIXED\"", vec!["mina"]),
            ("skills pr", vec!["mina"]),
            ("floor pr", vec!["mina", "taro"]),
        ] {
            assert_eq!(found(scim, &format!("{WORKPLACE}:{filter}")).await, expected, "{filter}");
        }
        assert_eq!(found(scim, &format!("not ({WORKPLACE}:badge pr)")).await, ["hana"]);
        assert_eq!(found(scim, &format!("schemas eq \"{WORKPLACE}\"")).await, ["mina", "taro"]);
        let refused = format!("/Users?filter={}", encoded(&format!("{WORKPLACE}:chair pr")));
        scim.get(&refused).await.scim_error(400, Some("invalidFilter"));

        let list =
            scim.get(&format!("/Users?sortBy={WORKPLACE}:floor&sortOrder=descending")).await.is(200).json();
        let names: Vec<_> =
            list["Resources"].as_array().unwrap().iter().map(|it| text(&it["userName"])).collect();
        assert_eq!(names, ["hana", "taro", "mina"]);
        let only = scim.get(&format!("{mina}?attributes={WORKPLACE}:floor")).await.is(200).json();
        assert_eq!((&only[WORKPLACE], only.get("userName")), (&json!({"floor": 3}), None));
        let without = scim.get(&format!("{mina}?excludedAttributes={WORKPLACE}")).await.is(200).json();
        assert!(without.get(WORKPLACE).is_none() && without["userName"] == "mina", "{without}");
        let everything =
            scim.get(&format!("?filter={}", encoded(&format!("{WORKPLACE}:floor eq 3")))).await.is(200);
        assert_eq!(everything.json()["totalResults"], 1);
    });
}

#[test]
fn a_group_is_extended_too_and_keeps_it_when_its_members_change() {
    run(async {
        let doors = Doors::fresh().await;
        let declaration = json!({"resourceType": "Group", "urn": TEAM, "name": "Team",
            "attributes": [{"name": "lead", "type": "reference", "referenceTypes": ["User"]}]});
        declare(&doors, declaration).await;
        let mina = doors.user("mina").await;
        let group = "urn:ietf:params:scim:schemas:core:2.0:Group";
        let body = json!({"schemas": [group, TEAM], "displayName": "Sales", TEAM: {"lead": "../Users/1"}});
        let sales = format!("/Groups/{}", doors.scim.post("/Groups", body).await.is(201).id());

        let add = json!([{"op": "add", "path": "members", "value": [{"value": mina}]}]);
        doors.scim.patch(&sales, add).await.is(204);
        let change = json!([{"op": "replace", "path": format!("{TEAM}:lead"), "value": "../Users/2"}]);
        doors.scim.patch(&sales, change).await.is(204);

        let shown = doors.scim.get(&sales).await.is(200).json();
        assert_eq!((&shown[TEAM]["lead"], &shown["schemas"]), (&json!("../Users/2"), &json!([group, TEAM])));
        let found = doors
            .scim
            .get(&format!("/Groups?filter={}", encoded(&format!("{TEAM}:lead ew \"2\""))))
            .await
            .is(200);
        assert_eq!(found.json()["totalResults"], 1);
        let refused = doors
            .scim
            .patch(&sales, json!([{"op": "add", "path": format!("{TEAM}:lead"), "value": "a b"}]))
            .await;
        refused.scim_error(400, Some("invalidValue"));
    });
}

#[test]
fn a_declaration_that_cannot_be_kept_is_refused_with_its_place() {
    run(async {
        let doors = Doors::fresh().await;
        let with = |name: &str, value: Value| {
            let mut declaration =
                json!({"resourceType": "User", "urn": WORKPLACE, "name": "W", "attributes": [{"name": "a"}]});
            declaration[name] = value;
            declaration
        };
        let attribute = |attribute: Value| with("attributes", json!([attribute]));
        for (declaration, place) in [
            (with("urn", json!(USER)), "urn"),
            (with("urn", json!("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:more")), "urn"),
            (with("urn", json!("https://acme.example")), "urn"),
            (with("urn", json!("urn:acme:{}")), "urn"),
            (with("urn", json!("urn:acme::x")), "urn"),
            (with("name", json!("")), "name"),
            (with("attributes", json!([])), "attributes"),
            (with("attributes", json!([{"name": "a"}, {"name": "A"}])), "attributes"),
            (attribute(json!({"name": "1a"})), "attributes"),
            (attribute(json!({"name": "schemas"})), "attributes"),
            (attribute(json!({"name": "a", "type": "complex"})), "attributes.a"),
            (attribute(json!({"name": "a", "subAttributes": [{"name": "b"}]})), "attributes.a"),
            (attribute(json!({"name": "a", "uniqueness": "server"})), "attributes.a"),
            (attribute(json!({"name": "a", "type": "integer", "caseExact": true})), "attributes.a"),
            (attribute(json!({"name": "a", "type": "reference"})), "attributes.a"),
            (attribute(json!({"name": "a", "type": "boolean", "canonicalValues": ["x"]})), "attributes.a"),
            (attribute(json!({"name": "a", "mutability": "readOnly", "required": true})), "attributes.a"),
            (
                attribute(
                    json!({"name": "a", "type": "complex", "subAttributes": [{"name": "b", "multiValued": true}]}),
                ),
                "attributes.a.subAttributes.b",
            ),
        ] {
            let problem =
                doors.api.post("/schema-extensions", declaration).await.problem(400, "invalid").json();
            let detail = text(&problem["detail"]);
            assert!(detail.starts_with(&format!("{place}:")), "{place}: {detail}");
        }
        for unreadable in [
            attribute(json!({"name": "a", "type": "uuid"})),
            attribute(json!({"name": "a", "mutability": "writeOnly"})),
            attribute(json!({"name": "a", "size": 3})),
            with("required", json!(true)),
        ] {
            doors.api.post("/schema-extensions", unreadable).await.problem(400, "invalid_body");
        }

        declare(&doors, with("name", json!("W"))).await;
        for urn in [WORKPLACE.to_uppercase().replace("URN", "urn"), format!("{WORKPLACE}:more")] {
            doors.api.post("/schema-extensions", with("urn", json!(urn))).await.problem(409, "conflict");
        }
    });
}

/// Nothing that a directory wrote becomes unreadable: what would do that is refused, and says how many have it.
#[test]
fn an_extension_with_values_is_changed_only_so_that_they_stay_and_never_withdrawn() {
    run(async {
        let (doors, id, mina) = world().await;
        let address = format!("/schema-extensions/{id}");
        let changed = |change: &dyn Fn(&mut Vec<Value>)| {
            let mut declaration = workplace();
            change(declaration["attributes"].as_array_mut().unwrap());
            declaration
        };
        for (declaration, place) in [
            (changed(&|all| all.retain(|it| it["name"] != "floor")), "attributes.floor"),
            (changed(&|all| all[1]["type"] = json!("string")), "attributes.floor"),
            (changed(&|all| all[6]["multiValued"] = json!(false)), "attributes.skills"),
            (changed(&|all| all[1]["mutability"] = json!("readOnly")), "attributes.floor"),
            (changed(&|all| all.push(json!({"name": "new", "required": true}))), "attributes.new"),
            (changed(&|all| all[0]["name"] = json!("Badge")), "attributes.Badge"),
        ] {
            let problem = doors.api.put(&address, declaration).await.problem(409, "conflict").json();
            let detail = text(&problem["detail"]);
            assert!(
                detail.starts_with("1 user have values of it") && detail.contains(place),
                "{place}: {detail}"
            );
        }
        doors.api.delete(&address).await.problem(409, "conflict");
        let mut moved = workplace();
        moved["urn"] = json!("urn:acme:other");
        doors.api.put(&address, moved).await.problem(400, "invalid");

        let grown = changed(&|all| all.push(json!({"name": "car", "type": "string"})));
        doors.api.put(&address, grown).await.is(200);
        let add = json!([{"op": "add", "path": format!("{WORKPLACE}:car"), "value": "none"}]);
        assert_eq!(doors.scim.patch(&mina, add).await.is(200).json()[WORKPLACE]["car"], "none");

        doors.scim.patch(&mina, json!([{"op": "remove", "path": WORKPLACE}])).await;
        doors.scim.delete(&mina).await.is(204);
        doors.api.delete(&address).await.is(204);
        doors.scim.get(&format!("/Schemas/{WORKPLACE}")).await.is(404);
        let actions: Vec<_> = doors.audit(&id).await.iter().map(|event| text(&event["action"])).collect();
        assert_eq!(
            actions,
            ["schema_extension.create", "schema_extension.update", "schema_extension.delete"]
        );
    });
}

/// Another process may not have heard yet. What it would write by an old declaration is not written: it is told to ask
/// again, and knows by then.
#[test]
fn a_process_that_has_not_heard_of_a_change_writes_nothing_by_what_it_knows() {
    run(async {
        let (doors, id, mina) = world().await;
        let elsewhere = new_app(4);
        let directory = open_directory(&elsewhere, &doors.tenant.scim_token).await;
        let strict = scim::dialect::Dialect::strict();
        let create = async |name: &str| {
            let body = json!({"schemas": [USER, WORKPLACE], "userName": name, WORKPLACE: {"badge": name, "floor": 1}});
            elsewhere.create_user(&directory, body, &strict).await
        };
        create("before").await.unwrap();
        for user in doors.scim.get("/Users").await.is(200).json()["Resources"].as_array().unwrap() {
            doors.scim.delete(&format!("/Users/{}", text(&user["id"]))).await.is(204);
        }
        let mut declaration = workplace();
        declaration["attributes"][1]["type"] = json!("string");
        doors.api.put(&format!("/schema-extensions/{id}"), declaration).await.is(200);

        let told = create("late").await.unwrap_err();

        assert!(matches!(told, app::AppError::Unavailable(_)), "{told}");
        let refused = create("late").await.unwrap_err();
        assert!(matches!(refused, app::AppError::Scim(_)), "floor is a text by now: {refused}");
        assert_eq!(doors.scim.get("/Users").await.is(200).json()["totalResults"], 0);
        doors.scim.get(&mina).await.is(404);
    });
}

/// It would drop the values, where its dialect ignores what it does not know.
#[test]
fn a_process_that_knows_of_no_extension_changes_nobody_who_has_one() {
    run(async {
        let doors = Doors::fresh().await;
        let elsewhere = new_app(4);
        let directory = open_directory(&elsewhere, &doors.tenant.scim_token).await;
        elsewhere.types(&directory).await.unwrap();
        declare(&doors, workplace()).await;
        let mina = doors.person(json!({"userName": "mina", WORKPLACE: {"badge": "1"}})).await;
        let lenient = scim::dialect::Dialect::undetected();
        let put = async || {
            let body = json!({"schemas": [USER, WORKPLACE], "userName": "mina", "title": "Guide", WORKPLACE: {"badge": "1"}});
            elsewhere.replace_user(&directory, mina.parse().unwrap(), None, body, &lenient).await
        };

        let told = put().await.unwrap_err();

        assert!(matches!(told, app::AppError::Unavailable(_)), "{told}");
        put().await.unwrap();
        let shown = doors.scim.get(&format!("/Users/{mina}")).await.is(200).json();
        assert_eq!((&shown["title"], &shown[WORKPLACE]), (&json!("Guide"), &json!({"badge": "1"})));
    });
}

/// Withdrawn while others write: either they were faster and it stays, or it is gone and they are refused.
#[test]
fn an_extension_is_never_withdrawn_from_under_a_value() {
    run(async {
        for _ in 0..8 {
            let doors = Doors::fresh().await;
            doors.dialect("rfc").await;
            let id = declare(&doors, workplace()).await;
            let body = json!({"schemas": [USER, WORKPLACE], "userName": "x", WORKPLACE: {"badge": "1"}});
            let path = format!("/schema-extensions/{id}");
            let (created, withdrawn) = tokio::join!(doors.scim.post("/Users", body), doors.api.delete(&path));

            let has = doors.scim.get("/Users").await.is(200).json()["totalResults"] == 1;
            match (created.status, withdrawn.status) {
                (201, 409) => assert!(has),
                (400 | 503, 204) => assert!(!has),
                other => panic!("{other:?}: {} {}", created.text, withdrawn.text),
            }
        }
    });
}

#[test]
fn a_tenant_has_a_bounded_number_of_extensions() {
    run(async {
        let doors = Doors::fresh().await;
        for n in 0..21 {
            let declaration = json!({"resourceType": "User", "urn": format!("urn:acme:e{n}:x"), "name": "E",
                "attributes": [{"name": "a"}]});
            let new: DeclareExtension = serde_json::from_value(declaration).unwrap();
            let declared = doors.tenant.app.declare_extension(&doors.tenant.admin, new).await;
            assert_eq!(declared.is_ok(), n < 20, "{n}");
        }
    });
}
