//! `/Roles` and `/Entitlements`: what a tenant offers, in both forms, with its seats; and what of it a directory can say of
//! a person.

use app::tenants::{SeatLimit, SetSeatPool};
use domain::seat::PoolClass;
use serde_json::{Value, json};

use crate::support::http::{Client, Doors, encoded, patch, text};
use crate::support::run;

const ROLE: &str = "urn:ietf:params:scim:schemas:core:2.0:Role";
const OKTA_ROLE: &str = "urn:okta:scim:schemas:core:1.0:Role";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

async fn values(client: &Client, path: &str) -> Vec<String> {
    let list = client.get(path).await.is(200).json();
    list["Resources"].as_array().unwrap().iter().map(|found| text(&found["id"])).collect()
}

async fn set_seats(doors: &Doors, purchased: i32, at_limit: SeatLimit) {
    doors
        .tenant
        .app
        .set_seat_pool(
            &doors.tenant.admin,
            PoolClass::default(),
            SetSeatPool { purchased, at_limit: Some(at_limit), ..SetSeatPool::default() },
        )
        .await
        .unwrap();
}

/// Behaviours 89, 94.
#[test]
fn roles_are_those_of_the_blueprint_with_the_seats_for_them() {
    run(async {
        let doors = Doors::fresh().await;
        let role = doors.scim.get("/Roles/admin").await.is(200).json();
        assert_eq!(
            (&role["schemas"], &role["value"], &role["display"], &role["type"], &role["supported"]),
            (&json!([ROLE]), &json!("admin"), &json!("管理者"), &json!("environment"), &json!(true))
        );
        assert_eq!(role["contains"], json!(["general", "org_admin"]));
        assert_eq!(role["limitedAssignmentsPermitted"], false);
        assert!(role.get("totalAssignmentsPermitted").is_none(), "nobody counts: {role}");
        let general = doors.scim.get("/Roles/general").await.is(200).json();
        assert_eq!(general["containedBy"], json!(["admin"]));

        doors.seats(3).await;
        doors.user("mina").await;

        let counted = doors.scim.get("/Roles/admin").await.is(200).json();
        let totals = ["limitedAssignmentsPermitted", "totalAssignmentsPermitted", "totalAssignmentsUsed"];
        assert_eq!(totals.map(|name| counted[name].clone()), [json!(true), json!(3), json!(1)]);
        set_seats(&doors, 0, SeatLimit::Overage).await;
        let over = doors.scim.get("/Entitlements/recolog").await.is(200).json();
        assert_eq!(totals.map(|name| over[name].clone()), [json!(false), json!(0), json!(1)]);
    });
}

#[test]
fn lists_of_what_is_offered_are_filtered_sorted_paged_and_projected() {
    run(async {
        let doors = Doors::fresh().await;
        let scim = &doors.scim;
        assert_eq!(values(scim, "/Roles").await, ["admin", "general", "org_admin"]);
        assert_eq!(
            values(scim, "/Roles?sortBy=value&sortOrder=descending").await,
            ["org_admin", "general", "admin"]
        );
        assert_eq!(values(scim, "/Roles?startIndex=2&count=1").await, ["general"]);
        let filter = |text: &str| format!("/Roles?filter={}", encoded(text));
        assert_eq!(values(scim, &filter("contains eq \"general\"")).await, ["admin"]);
        assert_eq!(
            values(scim, &filter("type ne \"environment\" or value sw \"GEN\"")).await,
            ["general", "org_admin"]
        );
        scim.get(&filter("displayName eq \"x\"")).await.scim_error(400, Some("invalidFilter"));

        let mut walked = Vec::new();
        let mut next = Some(String::new());
        while let Some(cursor) = next {
            let page = scim.get(&format!("/Entitlements?count=4&cursor={cursor}")).await.is(200).json();
            assert_eq!(page["totalResults"], 6);
            walked.extend(page["Resources"].as_array().unwrap().iter().map(|found| text(&found["id"])));
            next = page["nextCursor"].as_str().map(str::to_owned);
        }
        let all = values(scim, "/Entitlements").await;
        assert_eq!((walked.len(), &walked), (6, &all));
        scim.get("/Roles?cursor=nonsense").await.scim_error(400, Some("invalidCursor"));

        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "attributes": ["display"]});
        let found = scim.post("/Entitlements/.search", body).await.is(200).json();
        let one = &found["Resources"][0];
        assert!(one["id"].is_string() && one["display"].is_string() && one.get("value").is_none(), "{one}");
    });
}

#[test]
fn what_is_offered_has_a_version_that_changes_with_its_seats() {
    run(async {
        let doors = Doors::fresh().await;
        doors.seats(3).await;
        let ask = async |tag: &str| {
            doors.scim.send("GET", "/Roles/admin", |request| request.header("if-none-match", tag)).await
        };

        let tag = doors.scim.get("/Roles/admin").await.is(200).header("etag").to_owned();
        ask(&tag).await.is(304);
        doors.user("mina").await;
        let changed = ask(&tag).await.is(200);
        assert_eq!(changed.json()["meta"]["version"], changed.header("etag"));

        for path in ["/Roles/nobody", "/Entitlements/admin", "/Roles/ADMIN"] {
            doors.scim.get(path).await.scim_error(404, None);
        }
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            doors.scim.send(method, "/Roles", |request| request.json(&json!({}))).await.scim_error(405, None);
        }
    });
}

#[test]
fn names_are_told_in_the_language_that_is_asked_for() {
    run(async {
        let doors = Doors::fresh().await;
        let display = async |language: &'static str| {
            let asked = |request: reqwest::RequestBuilder| request.header("accept-language", language);
            let reply = doors.scim.send("GET", "/Roles/org_admin", asked).await.is(200);
            assert_eq!(reply.header("vary"), "Accept-Language");
            text(&reply.json()["display"])
        };

        assert_eq!(display("fr-CA,en;q=0.5").await, "Administrateur d'organisation");
        assert_eq!(display("en").await, "Organisation administrator");
        assert_eq!(display("de").await, "組織管理者");
    });
}

/// Behaviour 89.
#[test]
fn okta_finds_its_own_form_at_the_same_addresses() {
    run(async {
        let doors = Doors::fresh().await;
        doors.dialect("okta").await;
        doors.seats(5).await;

        let types = doors.scim.get("/ResourceTypes").await.is(200).json();
        let of =
            |name: &str| types["Resources"].as_array().unwrap().iter().find(|it| it["name"] == name).cloned();
        assert_eq!(of("Role").unwrap()["schema"], OKTA_ROLE);
        assert_eq!(of("Entitlement").unwrap()["endpoint"], "/Entitlements");
        doors.scim.get(&format!("/Schemas/{ROLE}")).await.is(404);
        let schema = doors.scim.get(&format!("/Schemas/{OKTA_ROLE}")).await.is(200).json();
        assert_eq!(schema["attributes"][0]["name"], "displayName");
        let role = doors.scim.get("/Roles/admin").await.is(200).json();
        assert_eq!(
            (&role["schemas"], &role["displayName"], &role["totalAssignmentsPermitted"]),
            (&json!([OKTA_ROLE]), &json!("管理者"), &json!(5))
        );
        let config = doors.scim.get("/ServiceProviderConfig").await.is(200).json();
        assert_eq!(config["RolesAndEntitlements"]["roles"]["supported"], true);
    });
}

/// Behaviours 4, 6, 7.
#[test]
fn discovery_tells_a_client_its_own_and_everybody_else_what_is_general() {
    run(async {
        let doors = Doors::fresh().await;
        let roles = async |client: &Client| {
            let user = client.get(&format!("/Schemas/{USER}")).await.is(200).json();
            let attributes = user["attributes"].as_array().unwrap().clone();
            let roles = attributes.iter().find(|it| it["name"] == "roles").unwrap();
            roles["subAttributes"][0]["canonicalValues"].clone()
        };
        let anybody = Client::at("/scim/v2");

        assert_eq!(roles(&anybody).await, Value::Null);
        assert_eq!(roles(&doors.scim).await, json!(["admin", "general", "org_admin"]));
        let admin = anybody.with(doors.api.token.as_deref().unwrap());
        for path in ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"] {
            anybody.with("usher_scim_nonsense").get(path).await.scim_error(401, None);
            admin.get(path).await.scim_error(403, None);
        }

        let conforms = async || {
            let config = doors.scim.get("/ServiceProviderConfig").await.is(200).json();
            config.get("interopProfileConformant").cloned()
        };
        assert_eq!(conforms().await, None);
        doors.dialect("interop").await;
        assert_eq!(conforms().await, Some(json!(true)));
    });
}

/// Behaviour 88.
#[test]
fn a_directory_says_only_roles_that_are_offered_by_post_put_and_patch() {
    run(async {
        let doors = Doors::fresh().await;
        doors.dialect("rfc").await;
        let body = |role: &str| json!({"schemas": [USER], "userName": "mina", "roles": [{"value": role}]});
        let refused = doors.scim.post("/Users", body("root")).await.scim_error(400, Some("invalidValue"));
        let detail = text(&refused.json()["detail"]);
        assert!(detail.contains("'root'") && detail.contains("admin, general, org_admin"), "{detail}");
        assert_eq!(doors.scim.get("/Users").await.is(200).json()["totalResults"], 0);

        let user = format!("/Users/{}", doors.scim.post("/Users", body("admin")).await.is(201).id());
        doors.scim.put(&user, body("root")).await.scim_error(400, Some("invalidValue"));
        let add = json!([{"op": "add", "path": "entitlements", "value": [{"value": "teleport"}]}]);
        doors.scim.patch(&user, add).await.scim_error(400, Some("invalidValue"));
        let add = json!([{"op": "add", "path": "entitlements", "value": [{"value": "recolog"}]}]);
        let changed = doors.scim.patch(&user, add).await.is(200).json();
        assert_eq!(
            (&changed["roles"][0]["value"], &changed["entitlements"][0]["value"]),
            (&json!("admin"), &json!("recolog"))
        );
        doors.scim.put(&user, changed).await.is(200);
    });
}

/// Behaviours 58, 88: what Entra ID's validator makes up is left out and counted, and nothing is lost that was there.
#[test]
fn entra_is_forgiven_roles_that_are_not_offered() {
    run(async {
        let doors = Doors::fresh().await;
        doors.dialect("entra").await;
        let body = json!({"schemas": [USER], "userName": "mina",
            "roles": [{"primary": "True", "display": "BPZWBTDOWOGR", "value": "HJBATZYBLUZP", "type": "MIRVVMMAAHIF"}]});
        let user = doors.scim.post("/Users", body).await.is(201);
        assert!(user.json().get("roles").is_none());

        let user = format!("/Users/{}", user.id());
        let add = |value: &str| patch(json!([{"op": "Add", "path": "roles", "value": [{"value": value}]}]));
        let send = async |body: Value| {
            doors.scim.send("PATCH", &user, |request| request.json(&body)).await.is(200).json()
        };
        send(add("admin")).await;
        let kept = send(add("HJBATZYBLUZP")).await;
        assert_eq!(kept["roles"], json!([{"value": "admin"}]));

        let shown = doors.api.get("/directories/directory").await.is(200).json();
        let counted =
            shown["leniencies"].as_array().unwrap().iter().find(|it| it["leniency"] == "unknown_role");
        assert_eq!(counted.unwrap()["uses"], 2);
    });
}

/// What a directory says is no access; a rule makes it one.
#[test]
fn a_role_becomes_access_by_a_mapping_rule_and_only_by_one() {
    run(async {
        let doors = Doors::fresh().await;
        doors.rule(1, json!({"group": "everybody"}), json!({"home": {"template": "Top"}})).await;
        let mina = doors.person(json!({"userName": "mina", "roles": [{"value": "admin"}]})).await;
        let ken = doors.person(json!({"userName": "ken", "roles": [{"value": "admin"}]})).await;
        doors.group("everybody", &[&mina, &ken]).await;
        let role = async || text(&doors.access(&mina).await["roles"][0]["role"]);
        assert_eq!(role().await, "general");

        let says_admin = json!({"attribute": {"path": "roles.value", "value": "admin"}});
        doors.rule(2, says_admin, json!({"flags": {"flags": ["admin_flag"]}})).await;

        assert_eq!(role().await, "admin");
        let gone = json!([{"op": "remove", "path": "roles[value eq \"admin\"]"}]);
        doors.scim.patch(&format!("/Users/{mina}"), gone).await.is(200);
        assert_eq!(role().await, "general");
    });
}
