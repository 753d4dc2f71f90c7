//! Dialects over HTTP: each client's own requests at a directory of its dialect and at strict ones, who is recognised, and
//! what is counted.

use std::collections::BTreeSet;

use app::connections::{ChangeDirectory, DialectName};
use scim::dialect::{Clues, Leniency, Profile, USES_TO_BE_SURE};
use serde_json::{Value, json};

use crate::support::http::{Client, Doors, Reply, patch, text};
use crate::support::{new_app, run};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// One request of a client, with `{user}`, `{group}` and `{other}` (a member of the group) for ids.
pub struct Step {
    pub leniencies: &'static [Leniency],
    pub method: &'static str,
    path: &'static str,
    body: Option<Value>,
    pub accepted: u16,
    /// The `scimType` under `rfc`, and under `interop`.
    refused: [&'static str; 2],
}

fn step(
    leniencies: &'static [Leniency],
    (method, path): (&'static str, &'static str),
    body: Option<Value>,
    accepted: u16,
    refused: [&'static str; 2],
) -> Step {
    Step { leniencies, method, path, body, accepted, refused }
}

fn find(leniency: &'static [Leniency], path: &'static str) -> Step {
    step(leniency, ("GET", path), None, 200, ["invalidFilter"; 2])
}

fn change_user(leniency: &'static [Leniency], operation: Value, refused: &'static str) -> Step {
    step(leniency, ("PATCH", "/Users/{user}"), Some(patch(Value::Array(vec![operation]))), 200, [refused; 2])
}

fn change_group(leniency: &'static [Leniency], operation: Value, refused: [&'static str; 2]) -> Step {
    step(leniency, ("PATCH", "/Groups/{group}"), Some(patch(Value::Array(vec![operation]))), 204, refused)
}

fn remove_by_value() -> Step {
    let operation = json!({"op": "remove", "path": "members", "value": [{"value": "{user}"}]});
    change_group(&[Leniency::RemoveByValue], operation, ["invalidSyntax"; 2])
}

/// What each client sends that the RFCs do not have. Sources stand with the leniencies.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn transcript(of: Profile) -> Vec<Step> {
    use Leniency as L;
    let manager = format!("{ENTERPRISE}:manager");
    match of {
        Profile::Rfc | Profile::Interop => Vec::new(),
        Profile::Entra => vec![
            find(&[L::PlusAsSpace], "/Users?filter=userName+eq+%22cf4d78e8-cc4f-4d5d-b8b9-183561c0104a%22"),
            find(&[L::UnquotedValue], "/Users?filter=externalId%20eq%200a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"),
            find(
                &[L::ConditionAfterValuePath],
                "/Users?filter=emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22a%40acme.example%22",
            ),
            step(
                &[L::UnknownSchema],
                ("POST", "/Groups"),
                Some(json!({
                    "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
                    "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "displayName",
                    "meta": {"resourceType": "Group"},
                })),
                201,
                ["invalidSyntax"; 2],
            ),
            change_user(
                &[L::OperationCase, L::BooleanAsString],
                json!({"op": "Replace", "path": "active", "value": "False"}),
                "invalidSyntax",
            ),
            change_user(
                &[L::CreateFromFilter],
                json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "w@acme.example"}),
                "noTarget",
            ),
            change_user(
                &[L::BooleanAsString, L::CreateFromFilter],
                json!({"op": "replace", "path": "roles[primary eq \"True\"].value", "value": "admin"}),
                "invalidFilter",
            ),
            change_user(
                &[L::ScalarForComplex],
                json!({"op": "add", "path": manager, "value": "26118915-6090-4610-87e4-49d8ca9f808d"}),
                "invalidValue",
            ),
            change_user(
                &[L::ScalarForComplex],
                json!({"op": "replace", "path": manager, "value": ""}),
                "invalidValue",
            ),
            change_user(
                &[L::DottedKey],
                json!({"op": "replace", "value": {"name.givenName": "Ada", "displayName": "Ada"}}),
                "invalidSyntax",
            ),
            remove_by_value(),
        ],
        Profile::Okta => vec![
            change_group(
                &[L::ReadOnlyInPatch],
                json!({"op": "replace", "value": {"id": "{group}", "displayName": "Renamed"}}),
                ["mutability", "invalidSyntax"],
            ),
            change_group(
                &[L::PendingMember],
                json!({"op": "add", "path": "members",
                    "value": [{"value": "{other}"}, {"value": "00000000-0000-7000-8000-000000000000"}]}),
                ["invalidValue"; 2],
            ),
            step(
                &[L::UnknownAttribute],
                ("POST", "/Users"),
                Some(json!({"schemas": [USER], "userName": "okta", "externalId": "00ujl29u0le5T6Aj10h7",
                    "password": "1mz050nq", "groups": [], "active": true, "costCode": "7"})),
                201,
                ["invalidSyntax"; 2],
            ),
        ],
        Profile::OneLogin => vec![
            find(&[L::PlusAsSpace], "/Users?filter=userName+eq+%22x%22&"),
            step(
                &[L::DraftSchema, L::SingleForMultiple],
                ("PUT", "/Users/{user}"),
                Some(json!({
                    "schemas": ["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"],
                    "userName": "somebody", "emails": {"value": "a@acme.example"},
                })),
                200,
                ["invalidValue"; 2],
            ),
        ],
        Profile::JumpCloud => vec![
            step(
                &[L::UnknownAttribute],
                ("POST", "/Users"),
                Some(
                    json!({"schemas": [ENTERPRISE, USER], "userName": "jc", "emails": null, "phoneNumbers": [],
                    "externalId": "5f1b2c3d4e5f6a7b8c9d0e1f", "jobCode": "7"}),
                ),
                201,
                ["invalidSyntax"; 2],
            ),
            remove_by_value(),
        ],
        Profile::Authentik => vec![
            find(&[L::PlusAsSpace], "/Groups?filter=displayName+eq+%22Guides%22"),
            change_group(
                &[L::ReadOnlyInPatch],
                json!({"op": "replace", "value": {"id": "{group}", "schemas": [GROUP], "externalId": "9", "displayName": "Tours"}}),
                ["mutability", "invalidSyntax"],
            ),
            remove_by_value(),
        ],
        Profile::Ping | Profile::Keycloak => {
            vec![find(&[L::PlusAsSpace], "/Users?filter=userName+eq+%22x%22&startIndex=1")]
        }
    }
}

/// A directory of a dialect, with somebody in a group with somebody else, and one more.
pub struct Directory {
    pub doors: Doors,
    pub user: String,
    other: String,
    group: String,
}

impl Directory {
    pub async fn of(profile: &str) -> Self {
        let doors = Doors::fresh().await;
        doors.dialect(profile).await;
        let (user, other) = (doors.user("somebody").await, doors.user("other").await);
        let group = doors.group("Guides", &[&user, &other]).await;
        Self { doors, user, other, group }
    }

    pub async fn send(&self, step: &Step) -> Reply {
        let filled = |text: &str| {
            text.replace("{user}", &self.user).replace("{other}", &self.other).replace("{group}", &self.group)
        };
        let body = step.body.as_ref().map(|body| filled(&body.to_string()));
        let with = |request: reqwest::RequestBuilder| match body {
            Some(body) => request.header("content-type", "application/scim+json").body(body),
            None => request,
        };
        self.doors.scim.send(step.method, &filled(step.path), with).await
    }
}

async fn shown(doors: &Doors) -> Value {
    doors.api.get("/directories/directory").await.is(200).json()
}

/// The names of what was needed.
async fn used(doors: &Doors) -> BTreeSet<String> {
    shown(doors).await["leniencies"].as_array().unwrap().iter().map(|used| text(&used["leniency"])).collect()
}

async fn metric(dialect: &str, leniency: Leniency) -> u64 {
    let name = leniency.as_str();
    let line = format!("usher_scim_leniencies_total{{dialect=\"{dialect}\",leniency=\"{name}\"}} ");
    let metrics = Client::at("").get("/metrics").await.is(200).text;
    metrics.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

/// Behaviours 8, 25, 31, 50, 52, 55–60, 66.
#[test]
fn each_client_is_understood_in_its_own_dialect() {
    run(async {
        for profile in Profile::ALL {
            let directory = Directory::of(profile.as_str()).await;
            let mut expected = BTreeSet::new();
            for step in transcript(profile) {
                let [first, ..] = step.leniencies else { panic!("{} needs nothing", step.path) };
                let before = metric(profile.as_str(), *first).await;
                directory.send(&step).await.is(step.accepted);
                expected.extend(step.leniencies.iter().map(|leniency| leniency.as_str().to_owned()));
                assert!(metric(profile.as_str(), *first).await > before, "{} {first:?}", profile.as_str());
            }
            assert_eq!(used(&directory.doors).await, expected, "{}", profile.as_str());
        }
    });
}

/// Behaviours 25, 31, 50, 52, 55–57, 59, 60, 65, 66.
#[test]
fn what_only_a_dialect_allows_is_refused_by_the_strict_ones() {
    run(async {
        for (at, strict) in ["rfc", "interop"].into_iter().enumerate() {
            let directory = Directory::of(strict).await;
            let group = format!("/Groups/{}", directory.group);
            let before = directory.doors.scim.get(&group).await.is(200).json();
            for step in Profile::ALL.into_iter().flat_map(transcript) {
                directory.send(&step).await.scim_error(400, Some(step.refused[at]));
            }
            assert_eq!(directory.doors.scim.get(&group).await.is(200).json(), before, "nothing is half done");
            assert_eq!(used(&directory.doors).await, BTreeSet::new());
        }
    });
}

/// Behaviours 58, 88.
#[test]
fn a_role_in_a_string_is_opened_for_entra_and_is_no_role_for_others() {
    run(async {
        let role =
            r#"{"id":"06b07648-ecfe-589f-9d2f-6325724a46ee","value":"admin","displayName":"Administrator"}"#;
        for dialect in ["entra", "rfc", "auto"] {
            let directory = Directory::of(dialect).await;
            let operation = json!([{"op": "add", "path": "roles", "value": [{"value": role}]}]);
            let path = format!("/Users/{}", directory.user);
            let reply = directory.doors.scim.patch(&path, operation).await;
            if dialect == "entra" {
                let expected = json!([{"value": "admin", "display": "Administrator"}]);
                assert_eq!(reply.is(200).json()["roles"], expected);
            } else {
                reply.scim_error(400, Some("invalidValue"));
            }
        }
    });
}

/// Behaviour 60.
#[test]
fn waiting_for_members_never_empties_a_group() {
    run(async {
        let directory = Directory::of("okta").await;
        let nobody = json!([{"value": "00000000-0000-7000-8000-000000000000"}, {"value": "x"}]);
        let path = format!("/Groups/{}", directory.group);
        let members = async || {
            let group = directory.doors.scim.get(&path).await.is(200).json();
            let members = group["members"].as_array().unwrap().iter().map(|member| text(&member["value"]));
            members.collect::<BTreeSet<String>>()
        };
        let both = BTreeSet::from([directory.user.clone(), directory.other.clone()]);

        let add = json!([{"op": "add", "path": "members", "value": nobody}]);
        directory.doors.scim.patch(&path, add).await.is(204);
        let replace = json!([{"op": "replace", "path": "members", "value": nobody}]);
        directory.doors.scim.patch(&path, replace).await.scim_error(400, Some("invalidValue"));
        let whole = json!({"schemas": [GROUP], "displayName": "Guides", "members": nobody});
        directory.doors.scim.put(&path, whole).await.scim_error(400, Some("invalidValue"));
        assert_eq!(members().await, both);

        let known = json!([{"value": directory.user}, {"value": "x"}]);
        let operation = json!([{"op": "replace", "path": "members", "value": known}]);
        directory.doors.scim.patch(&path, operation).await.is(204);
        assert_eq!(members().await, BTreeSet::from([directory.user.clone()]));
    });
}

/// Behaviour 52; draft-zollner-scim-interop-profile-01, "Mandatory Use of the 'path' Attribute".
#[test]
fn the_interoperability_profile_wants_a_path() {
    run(async {
        let directory = Directory::of("interop").await;
        let path = format!("/Users/{}", directory.user);
        let without = json!([{"op": "replace", "value": {"active": false}}]);

        directory.doors.scim.patch(&path, without.clone()).await.scim_error(400, Some("invalidSyntax"));
        directory.doors.dialect("rfc").await;
        directory.doors.scim.patch(&path, without).await.is(200);
    });
}

async fn probe(doors: &Doors, agent: &str, query: &str) {
    let with = |request: reqwest::RequestBuilder| request.header("user-agent", agent);
    doors.scim.send("GET", &format!("/Users?{query}"), with).await.is(200);
}

/// Behaviours 8, 110.
#[test]
fn a_client_is_recognised_by_its_name_or_its_flags_and_remembered() {
    run(async {
        for (agent, query, dialect) in [
            ("Okta SCIM Client 1.0.0", "startIndex=1&count=2", "okta"),
            ("authentik@2022.8.2", "", "authentik"),
            ("JumpCloud", "", "jumpcloud"),
            ("", "aadOptscim062020&count=1", "entra"),
        ] {
            let doors = Doors::fresh().await;
            let before = shown(&doors).await;
            assert_eq!((&before["dialect"], &before["detectedDialect"]), (&json!("auto"), &json!(null)));

            probe(&doors, agent, query).await;
            // neither silence nor another name changes it
            probe(&doors, "curl/8", "").await;
            probe(&doors, "OneLogin", "").await;

            let after = shown(&doors).await;
            assert_eq!((&after["dialect"], &after["detectedDialect"]), (&json!("auto"), &json!(dialect)));
            assert_eq!(after["detectedBy"], "client");
            let scope = &doors.tenant.directory;
            let elsewhere = new_app(2).dialect(scope, Clues::default()).await.unwrap();
            assert_eq!(elsewhere.as_str(), dialect, "another process knows it too");
            let events = doors.audit(&text(&after["id"])).await;
            let last = &events.last().unwrap();
            assert_eq!(
                (&last["action"], &last["after"]),
                (&json!("directory.update"), &json!({"detectedDialect": dialect, "detectedBy": "client"}))
            );
        }
    });
}

/// Behaviour 110.
#[test]
fn a_client_that_says_nothing_is_recognised_by_how_it_speaks() {
    run(async {
        let directory = Directory::of("auto").await;
        let (doors, path) = (&directory.doors, format!("/Users/{}", directory.user));
        let rename = |name: &str| json!([{"op": "Replace", "path": "displayName", "value": name}]);

        for n in 1..=USES_TO_BE_SURE {
            assert_eq!(shown(doors).await["detectedDialect"], json!(null), "after {} uses", n - 1);
            doors.scim.patch(&path, rename(&n.to_string())).await.is(200);
        }
        doors.scim.get(&path).await.is(200);

        let after = shown(doors).await;
        assert_eq!((&after["detectedDialect"], &after["detectedBy"]), (&json!("entra"), &json!("requests")));
        // from now on it is that dialect and no other
        let draft = json!({"schemas": ["urn:scim:schemas:core:2.0"], "userName": "x"});
        doors.scim.post("/Users", draft.clone()).await.scim_error(400, Some("invalidSyntax"));
        // a name outweighs the guess
        probe(doors, "OneLogin SCIM", "").await;
        assert_eq!(shown(doors).await["detectedDialect"], "onelogin");
        doors.scim.post("/Users", draft).await.is(201);
        doors.scim.patch(&path, rename("x")).await.scim_error(400, Some("invalidSyntax"));
    });
}

#[test]
fn who_is_not_recognised_is_granted_what_can_lose_nothing() {
    run(async {
        let directory = Directory::of("auto").await;
        let path = format!("/Groups/{}", directory.group);
        let operation = |value: Value| json!([{"op": "remove", "path": "members", "value": value}]);

        directory.doors.scim.patch(&path, operation(json!([{"value": directory.user}]))).await.is(204);
        directory.doors.scim.patch(&path, operation(json!([]))).await.is(204);
        directory
            .doors
            .scim
            .patch(&path, operation(json!([{"display": "everybody"}])))
            .await
            .scim_error(400, Some("invalidValue"));
        let stranger =
            json!([{"op": "add", "path": "members", "value": [{"value": directory.user}, {"value": "x"}]}]);
        directory.doors.scim.patch(&path, stranger).await.scim_error(400, Some("invalidValue"));

        let group = directory.doors.scim.get(&path).await.is(200).json();
        let left: Vec<&Value> =
            group["members"].as_array().unwrap().iter().map(|member| &member["value"]).collect();
        assert_eq!(left, [&json!(directory.other)]);
        assert_eq!(used(&directory.doors).await, BTreeSet::from(["remove_by_value".to_owned()]));
    });
}

#[test]
fn uses_are_counted_since_the_dialect_was_set() {
    run(async {
        let directory = Directory::of("entra").await;
        let (doors, path) = (&directory.doors, format!("/Users/{}", directory.user));
        for n in 0..5 {
            let rename = json!([{"op": "Replace", "path": "displayName", "value": n.to_string()}]);
            doors.scim.patch(&path, rename).await.is(200);
        }
        let twice = json!([{"op": "Add", "path": "title", "value": "a"}, {"op": "Add", "path": "nickName", "value": "b"}]);
        doors.scim.patch(&path, twice).await.is(200);

        let counted = shown(doors).await["leniencies"].clone();
        assert_eq!((&counted[0]["leniency"], &counted[0]["uses"]), (&json!("operation_case"), &json!(6)));
        assert!(text(&counted[0]["evidence"]).contains("Entra ID"), "{counted}");
        assert!(counted[0]["lastUsedAt"].is_string() && counted[1].is_null(), "{counted}");

        doors.dialect("entra").await;
        assert_eq!(shown(doors).await["leniencies"], json!([]));
    });
}

#[test]
fn what_was_counted_is_kept_when_the_process_ends() {
    run(async {
        let directory = Directory::of("entra").await;
        let process = new_app(2);
        let scope = &directory.doors.tenant.directory;
        let read = process.dialect(scope, Clues::default()).await.unwrap();
        assert!(read.accepts(Leniency::OperationCase));
        process.note_leniencies(scope, read.used());
        assert_eq!(used(&directory.doors).await, BTreeSet::new(), "it waits");

        process.keep_all_uses().await;

        assert_eq!(used(&directory.doors).await, BTreeSet::from(["operation_case".to_owned()]));
    });
}

#[test]
fn a_dialect_is_set_when_a_directory_is_made_or_later_and_that_is_in_the_trail() {
    run(async {
        let doors = Doors::fresh().await;
        let new = json!({"slug": "okta", "name": "Okta", "dialect": "okta"});
        let made = doors.api.post("/directories", new).await.is(201).json();
        assert_eq!(made["dialect"], "okta");
        let plain = json!({"slug": "plain", "name": "Plain"});
        assert_eq!(doors.api.post("/directories", plain).await.is(201).json()["dialect"], "auto");

        let changed = doors
            .api
            .send("PATCH", "/directories/okta", |request| request.json(&json!({"dialect": "interop"})))
            .await
            .is(200)
            .json();
        assert_eq!((&changed["dialect"], &changed["id"]), (&json!("interop"), &made["id"]));

        let listed = doors.api.get("/directories").await.is(200).json();
        let okta = listed["items"].as_array().unwrap().iter().find(|item| item["slug"] == "okta").unwrap();
        assert_eq!(okta["dialect"], "interop");
        let trail = doors.audit(&text(&made["id"])).await;
        assert_eq!(trail[0]["after"]["dialect"], "okta");
        assert_eq!(
            (&trail[1]["action"], &trail[1]["before"]["dialect"], &trail[1]["after"]["dialect"]),
            (&json!("directory.update"), &json!("okta"), &json!("interop"))
        );
    });
}

#[test]
fn an_unknown_dialect_and_an_unknown_directory_are_refused() {
    run(async {
        let doors = Doors::fresh().await;
        for body in [json!({"dialect": "Entra"}), json!({"dialect": null}), json!({}), json!({"name": "x"})] {
            let reply =
                doors.api.send("PATCH", "/directories/directory", |request| request.json(&body)).await;
            assert_eq!(reply.is(400).header("content-type"), "application/problem+json");
        }
        let new = json!({"slug": "x", "name": "X", "dialect": "azure"});
        doors.api.post("/directories", new).await.is(400);
        let body = json!({"dialect": "rfc"});
        for name in ["nothing", "Not%20a%20slug", "a%00b"] {
            let path = format!("/directories/{name}");
            doors.api.get(&path).await.problem(404, "not_found");
            doors.api.send("PATCH", &path, |request| request.json(&body)).await.problem(404, "not_found");
        }
    });
}

#[test]
fn a_dialect_set_by_another_process_is_heard_within_seconds() {
    run(async {
        let doors = Doors::fresh().await;
        let (process, scope) = (new_app(2), &doors.tenant.directory);
        assert_eq!(process.dialect(scope, Clues::default()).await.unwrap().as_str(), "auto");

        doors.dialect("rfc").await;
        let heard = async {
            while process.dialect(scope, Clues::default()).await.unwrap().as_str() != "rfc" {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(15), heard).await.unwrap();

        let back = ChangeDirectory { dialect: Some(DialectName::Auto), create_reenables: None };
        process.change_directory(&doors.tenant.admin, "directory", back).await.unwrap();
        assert_eq!(
            process.dialect(scope, Clues::default()).await.unwrap().as_str(),
            "auto",
            "its own at once"
        );
    });
}
