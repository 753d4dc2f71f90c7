//! Every route and who may take it. The table here is held to the routes in the source and to the API's description, so
//! that a new route without its line fails, and each line is tried with every credential that must not open it.

use std::collections::BTreeSet;
use std::path::Path;

use app::connections::{DialectName, IssueCredential, NewDirectory};
use domain::token::{CredentialScope, PlainToken, TokenKind};
use serde_json::{Value, json};
use usher::system::SystemEntropy;

use crate::routes::{OPEN, Opens, ROUTES};
use crate::support::http::{
    COOKIE, Client, Doors, Reply, agent, base, db, operator_token, patch, session_at, text,
};
use crate::support::{run, saml};

use Opens::{Admin, Open, Scim, Session};

fn table() -> BTreeSet<String> {
    ROUTES.iter().map(|(method, path, _)| format!("{method} {path}")).collect()
}

fn closed(to: impl Fn(Opens) -> bool) -> impl Iterator<Item = (&'static str, &'static str, Opens)> {
    ROUTES.into_iter().filter(move |(_, _, opens)| *opens != Open && to(*opens))
}

// ---- the table against the source ----

/// Where a file's addresses begin.
fn prefix(file: &str, function: &str) -> &'static str {
    match (file, function) {
        ("scim/mod.rs", "routes") => "/scim/v2",
        (
            "admin/mod.rs",
            "routes" | "access_routes" | "app_routes" | "gate_routes" | "handover_routes"
            | "invitation_routes" | "receiver_routes" | "seat_routes" | "sign_in_routes" | "saml_routes",
        ) => "/api/v1",
        ("oauth/mod.rs", "routes") => "/oauth",
        ("apps/mod.rs", "routes") => "/op",
        ("gates/mod.rs", "routes") => "/forward-auth",
        ("oauth/mod.rs", "metadata_routes") => "/.well-known",
        ("login/mod.rs", "start_routes") => "/login",
        ("login/mod.rs", "callback_routes") => "/oidc",
        ("login/mod.rs", "saml_routes") => "/saml",
        ("login/mod.rs", "passkey_routes") => "/passkey",
        ("login/mod.rs", "invitation_routes") => "/invitation",
        ("login/mod.rs", "session_routes") => "/session",
        ("login/mod.rs", "sign_out_routes") => "/logout",
        ("ssf/mod.rs", "routes") => "/ssf",
        ("signals/mod.rs", "routes") => "/signals",
        ("routes.rs", "configure") => "",
        other => panic!("{other:?} has addresses; say here where they begin"),
    }
}

/// Every `Endpoint::at(…).get(…)` of the source, outside its tests.
fn source() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let mut found = BTreeSet::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap();
                assert!(
                    name == "endpoint.rs" || !text.contains("web::resource(") && !text.contains(".route("),
                    "{name} has an address that is no Endpoint"
                );
                found.extend(endpoints(&name, text));
            }
        }
    }
    found
}

fn endpoints(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut parts = text.split("Endpoint::at(\"");
    let mut before = parts.next().unwrap().to_owned();
    for part in parts {
        let function = before.rsplit("fn ").next().unwrap().split('(').next().unwrap().to_owned();
        let (path, rest) = part.split_once('"').unwrap();
        let rest = rest.split([';']).next().unwrap().split(".service(").next().unwrap();
        let rest = rest.split(".default_service(").next().unwrap();
        for method in ["get", "post", "put", "patch", "delete", "any"] {
            if rest.contains(&format!(".{method}(")) {
                found.push(format!("{} {}{path}", method.to_uppercase(), prefix(file, &function)));
            }
        }
        before.push_str(part);
    }
    found
}

#[test]
fn every_route_of_the_source_has_its_line() {
    assert_eq!(source(), table());
}

#[test]
fn what_is_open_to_everybody_is_on_the_list() {
    let open: Vec<String> = ROUTES
        .iter()
        .filter(|(_, _, opens)| *opens == Open)
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(open, OPEN);
}

#[test]
fn the_description_of_the_api_has_every_route_and_no_other() {
    run(async {
        let document = Client::at("/api/v1").get("/openapi.json").await.is(200).json();

        let mut described = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                described.insert(format!("{} {path}", method.to_uppercase()));
                assert_eq!(operation["security"], json!([{"bearer": []}]), "{method} {path}");
                for status in ["400", "401", "403", "404", "429", "503"] {
                    assert!(
                        operation["responses"].get(status).is_some(),
                        "{method} {path} says nothing of {status}"
                    );
                }
            }
        }
        let expected: BTreeSet<String> = table()
            .into_iter()
            .filter(|route| route.contains(" /api/") && !route.ends_with("openapi.json"))
            .collect();
        assert_eq!(described, expected);
    });
}

/// OpenAPI 3.1, Operation Object: "The list MUST NOT include duplicated parameters."
#[test]
fn no_operation_has_two_parameters_of_one_name_and_place_and_each_part_of_an_address_is_described() {
    run(async {
        let document = Client::at("/api/v1").get("/openapi.json").await.is(200).json();

        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let mut found = BTreeSet::new();
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let (name, place) = (&parameter["name"], &parameter["in"]);
                    let which = (name.as_str().unwrap(), place.as_str().unwrap());
                    assert!(found.insert(which), "{method} {path} has {which:?} twice");
                    assert!(parameter["description"].is_string(), "{method} {path}: {which:?}");
                }
                let parts = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
                for part in parts {
                    assert!(found.contains(&(part, "path")), "{method} {path} lacks {part}");
                }
            }
        }
    });
}

// ---- every line with every credential that must not open it ----

/// Two tenants with something in them at every address.
struct World {
    mine: Doors,
    other: Doors,
    /// What of the other tenant stands for `{id}`, by the address in front of it.
    ids: Vec<(&'static str, String)>,
}

impl World {
    async fn fresh() -> Self {
        let (mine, other) = (Doors::fresh().await, Doors::fresh().await);
        let user = other.user("other-person").await;
        let group = other.group("other-group", &[&user]).await;
        let memberships = other.scim.get("/GroupMemberships").await.is(200).json();
        let membership = text(&memberships["Resources"][0]["id"]);
        let rule = other
            .rule(10, json!({"group": "other-group"}), json!({"flags": {"flags": ["admin_flag"]}}))
            .await;
        other.seats(5).await;
        other.connection("x", "https://idp.example").await;
        let transmitter = body("PUT", "/transmitter").unwrap();
        other.api.put("/connections/x/transmitter", transmitter).await.is(200);
        saml::connect_to_nobody(&other, "s").await;
        let declaration = body("POST", "/schema-extensions").unwrap();
        let extension = other.api.post("/schema-extensions", declaration).await.is(201).id();
        let credential = other.tenant.directory.credential().unwrap().to_string();
        let client = json!({"directory": "directory", "name": "Client"});
        let client = other.api.post("/oauth-clients", client).await.is(201).id();
        let app = body("POST", "/apps").unwrap();
        let app = other.api.post("/apps", app).await.is(201).id();
        let gate = other.api.post("/gates", body("POST", "/gates").unwrap()).await.is(201).id();
        let trial = other.api.post("/connections/x/trials", json!({})).await.is(201).id();
        let issuer = body("POST", "/token-issuers").unwrap();
        let issuer = other.api.post("/token-issuers", issuer).await.is(201).id();
        let invitation =
            other.api.post("/invitations", json!({"address": "guest@other.example"})).await.is(201);
        let invitation = text(&invitation.json()["invitation"]["id"]);
        let handover = left_behind(&other, &user).await;
        let change_set = change_set(&other).await;
        let receiver = json!({"kind": "stream", "name": "Receiver"});
        let receiver = other.api.post("/receivers", receiver).await.is(201).id();
        let request = other.scim.get("/Users").await.is(200).header("x-request-id").to_owned();
        let empty =
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": []});
        let later = |request: reqwest::RequestBuilder| request.header("prefer", "respond-async").json(&empty);
        let job = other.scim.send("POST", "/Bulk", later).await.is(202).header("set-txn").to_owned();
        let ids = vec![
            ("/ssf/poll/", receiver.clone()),
            ("/receivers/", receiver),
            ("/trials/", trial),
            ("/oauth-clients/", client),
            ("/apps/", app),
            ("/gates/", gate),
            ("/token-issuers/", issuer),
            ("/Bulk/", job),
            ("/credentials/", credential),
            ("/mapping-rules/", rule),
            ("/schema-extensions/", extension),
            ("/scim/v2/GroupMemberships/", membership),
            ("/requests/", request),
            ("/scim/v2/Groups/", group),
            ("/scim/v2/Users/", user.clone()),
            ("/handovers/", handover),
            ("/change-sets/", change_set),
            ("/invitations/", invitation),
            ("/invitation-links/", uuid::Uuid::nil().to_string()),
            ("/external-requests/", uuid::Uuid::nil().to_string()),
            ("/held-departures/", user.clone()),
            ("/users/", user),
        ];
        Self { mine, other, ids }
    }

    /// The address in the other tenant.
    fn there(&self, path: &str) -> String {
        let id = self.ids.iter().find(|(before, _)| path.contains(&format!("{before}{{id}}")));
        let id = id.map_or("x", |(_, id)| id.as_str());
        let connection = if path.contains("/saml-connections/") { "s" } else { "x" };
        path.replace("{tenant}", &self.other.tenant.slug)
            .replace("{id}", id)
            .replace("{session}", &uuid::Uuid::nil().to_string())
            .replace("{passkey}", &uuid::Uuid::nil().to_string())
            .replace("{grant}", &uuid::Uuid::nil().to_string())
            .replace("{connection}", connection)
            .replace("{directory}", "directory")
            .replace("{domain}", "acme.example")
            .replace("{permission}", "users.invite")
            .replace("{role}", "general")
    }

    /// All that can be seen of the other tenant from inside.
    async fn other_tenant(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        for path in ["/Users?count=200", "/Groups?count=200"] {
            seen.push(self.other.scim.get(path).await.is(200).json());
        }
        for (method, path, opens) in ROUTES {
            // What is asked here is in the log too, and what happened before is told meanwhile.
            // Of the products, this one has no people of other companies.
            let stands = |path: &str| {
                !path.contains("/requests")
                    && !path.ends_with("/health")
                    && !path.ends_with("/changes")
                    && !path.ends_with("/external-requests/{id}")
            };
            if method == "GET" && opens == Admin && stands(path) {
                let path = self.there(path);
                let here = path.strip_prefix(&format!("/api/v1/tenants/{}", self.other.tenant.slug)).unwrap();
                let reply = self.other.api.get(here).await.is(200);
                let is_json = reply.header("content-type").starts_with("application/json");
                let mut body = if is_json { reply.json() } else { Value::String(reply.text) };
                forget_use(&mut body);
                seen.push(body);
            }
        }
        seen
    }
}

/// Something that somebody has left, in a product that hands nothing over.
async fn left_behind(doors: &Doors, user: &str) -> String {
    let (now, entropy) = (doors.tenant.app.now(), SystemEntropy);
    let new = store::handovers::NewHandover {
        id: domain::id::HandoverId::generate(now, &entropy),
        user: user.parse().unwrap(),
        place: domain::access::Scope::Environment,
        roles: BTreeSet::new(),
        thing: "contact".to_owned(),
        receiver: None,
        answer: None,
    };
    let mut tx = db().begin(doors.tenant.admin.scope()).await.unwrap();
    let later = now + chrono::Duration::days(1);
    store::handovers::open(&mut tx, std::slice::from_ref(&new), (now, later)).await.unwrap();
    tx.commit_trace_of_use().await.unwrap();
    new.id.to_string()
}

/// When a credential was used last is noted without being a change.
fn forget_use(body: &mut Value) {
    for item in body.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(item) = item.as_object_mut() {
            item.remove("lastUsedAt");
        }
    }
}

/// A body that would be taken, were the caller the right one.
fn body(method: &str, path: &str) -> Option<Value> {
    let user = "urn:ietf:params:scim:schemas:core:2.0:User";
    let group = "urn:ietf:params:scim:schemas:core:2.0:Group";
    if let Some(body) = about_policy(method, path).or_else(|| about_externals(path)) {
        return Some(body);
    }
    Some(match (method, path) {
        ("POST", path) if path.ends_with("/directory/dry-run") => {
            json!({"method": "DELETE", "path": "/Users/x"})
        }
        ("PATCH", path) if path.contains("/saml-connections/") => json!({"rules": {}}),
        ("PATCH", path) if path.contains("/connections/") => json!({"state": "active"}),
        ("PATCH", path) if path.contains("/passkeys/") => json!({"name": "Changed"}),
        ("PATCH", path) if path.contains("/invitation-links/") => json!({"frozen": true}),
        ("PATCH", path) if path.contains("/apps/") => json!({"name": "Changed"}),
        ("PATCH", path) if path.contains("/receivers/") => json!({"name": "Changed"}),
        (_, path) if path.ends_with("/receivers") => json!({"kind": "stream", "name": "Changed"}),
        (_, path) if path.ends_with("/replay") => json!({}),
        (_, path) if path.ends_with("/presence") => json!({"people": [{"user": uuid::Uuid::nil()}]}),
        ("PUT", path) if path.ends_with("/transmitter") => {
            json!({"issuer": "https://idp.example", "jwksUri": "https://idp.example/keys"})
        }
        (_, path) if path.ends_with("/openid/rules") => json!({"amr": ["mfa"]}),
        (_, path) if path.ends_with("/client-secret") => json!({"clientSecret": "changed"}),
        (_, path) if path.ends_with("/client-key") => json!({}),
        ("PATCH", path) if path.contains("/directories/") => json!({"dialect": "rfc"}),
        ("PATCH", path) if path.contains("/api/") => json!({"displayName": "changed"}),
        ("PATCH", _) => patch(json!([{"op": "replace", "path": "displayName", "value": "changed"}])),
        (_, path) if path.ends_with(".search") => {
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]})
        }
        (_, path) if path.ends_with("/Bulk") => {
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": []})
        }
        (_, path) if path.contains("/v2/Users") => json!({"schemas": [user], "userName": "changed"}),
        (_, path) if path.contains("/v2/GroupMemberships") => json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:GroupMembership"],
            "group": {"value": "00000000-0000-7000-8000-000000000000"},
            "member": {"value": "00000000-0000-7000-8000-000000000001"}
        }),
        (_, path) if path.contains("/v2/Groups") => json!({"schemas": [group], "displayName": "changed"}),
        (_, path) if path.ends_with("/outcome") => json!({"outcome": "done"}),
        (_, path) if path.ends_with("/receiver") => json!({}),
        (_, path) if path.ends_with("/handover-policy") => json!({"byDirectory": "unassign"}),
        (_, path) if path.ends_with("/invitations") => json!({"address": "changed@acme.example"}),
        (_, path) if path.ends_with("/invitation-links") => json!({"name": "Changed"}),
        (_, path) if path.ends_with("/invitation-batches") => json!({"addresses": "changed@acme.example"}),
        (_, path) if path.ends_with("/resend") => json!({}),
        (_, path) if path.ends_with("/enforced-sign-in") => json!({"connections": []}),
        (_, path) if path.ends_with("/session-policy") => json!({"idleMinutes": 5, "absoluteMinutes": 60}),
        (_, path) if path.ends_with("/mass-guard") => json!({"mode": "hold", "atLeast": 1, "percent": 0}),
        (_, path) if path.contains("/held-departures/") => json!({"decision": "approve"}),
        (_, path) if path.ends_with("/domains") => json!({"name": "changed.example"}),
        (_, path) if path.ends_with("/adoptions") => {
            let nobody = uuid::Uuid::nil();
            json!({"local": nobody, "user": nobody, "decision": "approve"})
        }
        ("PUT", path) if path.ends_with("/freeze") => json!({}),
        ("POST", path) if path.ends_with("/freezes") => json!({"people": ["changed"]}),
        ("POST", path) if path.ends_with("/grants") => json!({"gives": {"flags": {"flags": ["recolog"]}}}),
        (_, path) if path.ends_with("/users") => json!({"userName": "changed"}),
        ("POST", "/api/v1/tenants") => json!({"slug": "changed", "name": "Changed", "blueprint": "bellface"}),
        (_, path) if path.ends_with("/org-units") => {
            json!({"key": "changed", "name": "Changed", "parent": "Top"})
        }
        (_, path) if path.ends_with("/workspaces") => json!({"key": "changed", "name": "Changed"}),
        (_, path) if path.ends_with("/directories") => json!({"slug": "changed", "name": "Changed"}),
        (_, path) if path.ends_with("/credentials") || path.ends_with("/rotate") => json!({}),
        ("POST", path) if path.ends_with("/apps") => {
            json!({"name": "Changed", "redirectUris": ["https://changed.example/callback"]})
        }
        (_, path) if path.contains("/gates") && !path.ends_with("/rotate-secret") => {
            json!({"name": "Changed", "hosts": {}})
        }
        (_, path) if path.ends_with("/rotate-secret") => json!({}),
        (_, path) if path.ends_with("/oauth-clients") => json!({"directory": "directory", "name": "Changed"}),
        (_, path) if path.ends_with("/token-issuers") => json!({
            "directory": "directory", "issuer": "https://sts.example/", "audience": "a", "entraTenant": "b", "application": "c"
        }),
        (_, path) if path.ends_with("/saml-connections") => saml::new_connection("changed", "<changed/>"),
        (_, path) if path.ends_with("/connections") => json!({
            "slug": "changed", "name": "Changed", "issuer": "https://idp.example", "clientId": "x",
            "clientSecret": "x", "linkClaim": "sub", "linkTo": "userName", "returnTo": "https://app.example"
        }),
        (_, path) if path.ends_with("/mapping-rules") => {
            json!({"priority": 1, "match": {"group": "x"}, "gives": {"flags": {"flags": ["admin_flag"]}}})
        }
        (_, path) if path.contains("/schema-extensions") => json!({
            "resourceType": "User", "urn": "urn:acme:changed:2.0:User", "name": "Changed",
            "attributes": [{"name": "badge"}]
        }),
        (_, path) if path.ends_with("/decisions") => {
            json!({"questions": [{"user": uuid::Uuid::nil(), "permission": "users.invite"}]})
        }
        (_, path) if path.ends_with("/offer") => json!({"features": []}),
        (_, path) if path.ends_with("/seat-pool") => json!({"purchased": 1, "atLimit": "refuse"}),
        _ => return None,
    })
}

/// Changes that were made together in a tenant; their id.
async fn change_set(doors: &Doors) -> String {
    let changes = json!([{"addRule": {"priority": 90, "match": {"group": "x"}, "gives": {"block": true}}}]);
    let said = doors.api.post("/change-sets/preview", json!({"changes": changes})).await.is(200).json();
    let body = json!({"changes": changes, "fingerprint": said["fingerprint"]});
    text(&doors.api.post("/change-sets", body).await.is(200).json()["changeSet"])
}

/// The same for what access is computed from.
fn about_policy(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("PATCH", path) if path.contains("/mapping-rules/") => json!({"active": false}),
        (_, path) if path.ends_with("/mapping-rule-order") => json!({"ids": []}),
        (_, path) if path.ends_with("/change-sets/preview") => {
            json!({"changes": [{"changeRole": {"id": "general", "change": {"name": "Changed"}}}]})
        }
        (_, path) if path.ends_with("/undo/preview") => json!({}),
        (_, path) if path.ends_with("/undo") => json!({"fingerprint": ""}),
        (_, path) if path.ends_with("/change-sets") => {
            json!({"changes": [{"moveToBlueprint": {"version": "0"}}], "fingerprint": ""})
        }
        ("PATCH", path) if path.contains("/roles/") => json!({"name": "Changed"}),
        (_, path) if path.ends_with("/roles") => {
            json!({"id": "changed", "name": "Changed"})
        }
        _ => return None,
    })
}

/// The same for people of other companies.
fn about_externals(path: &str) -> Option<Value> {
    let (_, rest) = path.split_once("/external-requests")?;
    let asked = json!({"at": "environment", "addresses": ["changed@acme.example"]});
    Some(if rest.is_empty() { asked } else { json!({"decision": "approve"}) })
}

async fn ask(method: &str, path: &str, token: Option<&str>) -> Reply {
    let client = Client { token: token.map(str::to_owned), ..Client::at("") };
    client
        .send(method, path, |request| match body(method, path) {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
}

/// A refusal in the voice of the door.
fn refused(reply: Reply, opens: Opens, status: u16, code: &str) -> Reply {
    match opens {
        Scim => reply.scim_error(status, None),
        _ => reply.problem(status, code),
    }
}

async fn issue(doors: &Doors, directory: Option<&str>) -> (String, domain::id::CredentialId) {
    let wanted = IssueCredential { directory: directory.map(str::to_owned), ..Default::default() };
    let issued = doors.tenant.app.issue_credential(&doors.tenant.admin, wanted).await.unwrap();
    (issued.token, issued.id)
}

#[test]
fn no_route_opens_without_a_credential() {
    run(async {
        let world = World::fresh().await;
        for (method, path, opens) in closed(|_| true) {
            let reply = refused(ask(method, &world.there(path), None).await, opens, 401, "unauthenticated");
            assert!(!reply.header("www-authenticate").is_empty(), "{method} {path}");
        }
    });
}

#[test]
fn no_route_opens_to_a_credential_that_is_malformed_unknown_or_tampered_with() {
    run(async {
        let world = World::fresh().await;
        let tenant = world.other.tenant.admin.scope().tenant();
        let mint = |kind, tenant| PlainToken::mint(kind, tenant, &SystemEntropy).expose().to_owned();
        let own = world.mine.tenant.scim_token.as_str();
        let elsewhere = own.replace(
            &world.mine.tenant.admin.scope().tenant().as_uuid().simple().to_string(),
            &tenant.as_uuid().simple().to_string(),
        );
        assert_ne!(own, elsewhere);
        let last = if own.ends_with('A') { "B" } else { "A" };
        let tampered = format!("{}{last}", own.strip_suffix(|_: char| true).unwrap());
        let unknown = [
            TokenKind::Scim,
            TokenKind::Access,
            TokenKind::ClientSecret,
            TokenKind::Admin,
            TokenKind::Stream,
            TokenKind::Session,
            TokenKind::Browser,
            TokenKind::Invitation,
        ];
        let mut tokens: Vec<String> = unknown.iter().map(|kind| mint(*kind, Some(tenant))).collect();
        tokens.extend([mint(TokenKind::Operator, None), elsewhere, tampered]);
        tokens.extend(["nonsense", "usher_scim_", "usher_adm_\u{e9}", "", "a b"].map(str::to_owned));
        tokens.push("x".repeat(5_000));

        for (method, path, opens) in closed(|opens| opens != Session) {
            for token in &tokens {
                let reply = ask(method, &world.there(path), Some(token)).await;
                refused(reply, opens, 401, "unauthenticated");
            }
        }
        let client = Client::at("");
        for scheme in ["Basic dXNlcjpwYXNz", "Bearer", "Negotiate x"] {
            let reply =
                client.send("GET", "/scim/v2/Users", |request| request.header("authorization", scheme)).await;
            reply.scim_error(401, None);
        }
        let twice = |request: reqwest::RequestBuilder| request.bearer_auth(own).bearer_auth(own);
        client.send("GET", "/scim/v2/Users", twice).await.scim_error(401, None);
    });
}

#[test]
fn no_route_opens_to_a_revoked_credential() {
    run(async {
        let world = World::fresh().await;
        let (scim, scim_id) = issue(&world.other, Some("directory")).await;
        let (admin, admin_id) = issue(&world.other, None).await;
        let slug = &world.other.tenant.slug;
        ask("GET", "/scim/v2/Users", Some(&scim)).await.is(200);
        ask("GET", &format!("/api/v1/tenants/{slug}/users"), Some(&admin)).await.is(200);

        for id in [scim_id, admin_id] {
            world.other.api.delete(&format!("/credentials/{id}")).await.is(204);
        }

        // What is not supported asks nothing of the database, and so not whether a credential that it knew a moment ago
        // is still good.
        let supported = |path: &str| !path.ends_with("/Me");
        for (method, path, opens) in closed(|opens| matches!(opens, Scim | Admin)) {
            if !supported(path) {
                continue;
            }
            let token = if opens == Scim { &scim } else { &admin };
            refused(ask(method, &world.there(path), Some(token)).await, opens, 401, "unauthenticated");
        }
    });
}

#[test]
fn no_route_opens_to_a_credential_for_something_else() {
    run(async {
        let world = World::fresh().await;
        let before = world.other_tenant().await;
        let (scim, admin) = (&world.other.tenant.scim_token, world.other.api.token.as_ref().unwrap());
        let operator = operator_token().await;

        for (method, path, opens) in closed(|opens| opens != Session) {
            let wrong: &[&String] = match opens {
                Scim => &[admin, &operator],
                Admin => &[scim],
                _ => &[scim, admin],
            };
            for token in wrong {
                refused(ask(method, &world.there(path), Some(token)).await, opens, 403, "wrong_credential");
            }
        }
        assert_eq!(world.other_tenant().await, before);
    });
}

/// Another tenant's administrator is told what a stranger is told of a tenant that does not exist.
#[test]
fn an_administrator_finds_no_other_tenant() {
    run(async {
        let world = World::fresh().await;
        let before = world.other_tenant().await;
        let token = world.mine.api.token.as_deref();

        for (method, path, opens) in closed(|opens| opens == Admin) {
            let there = ask(method, &world.there(path), token).await.problem(404, "not_found").json();
            let nowhere = world.there(&path.replace("{tenant}", "nobody-has-this-name"));
            let nowhere = ask(method, &nowhere, token).await.problem(404, "not_found").json();
            assert_eq!((opens, &there["detail"]), (Admin, &nowhere["detail"]), "{method} {path}");
        }
        assert_eq!(world.other_tenant().await, before);
    });
}

/// The other tenant's ids are not there even at the own addresses.
#[test]
fn an_administrator_finds_no_other_tenants_things_at_their_own_addresses() {
    run(async {
        let world = World::fresh().await;
        let before = world.other_tenant().await;

        for (method, path, _) in closed(|opens| opens == Admin).filter(|(_, path, _)| path.contains("{id}")) {
            let path = world.there(&path.replace("{tenant}", &world.mine.tenant.slug));
            ask(method, &path, world.mine.api.token.as_deref()).await.problem(404, "not_found");
        }
        assert_eq!(world.other_tenant().await, before);
    });
}

#[test]
fn a_provisioning_client_finds_nothing_of_another_tenant_or_directory() {
    run(async {
        let world = World::fresh().await;
        let app = &world.other.tenant.app;
        let new =
            NewDirectory { slug: "second".to_owned(), name: "Second".to_owned(), dialect: DialectName::Auto };
        app.create_directory(&world.other.tenant.admin, new).await.unwrap();
        let (neighbour, _) = issue(&world.other, Some("second")).await;
        let before = world.other_tenant().await;

        for token in [world.mine.tenant.scim_token.as_str(), &neighbour] {
            for (method, path, _) in closed(|opens| opens == Scim) {
                let reply = ask(method, &world.there(path), Some(token)).await;
                if path.contains("{id}") {
                    reply.scim_error(404, None);
                } else {
                    assert!(!reply.text.contains("other-"), "{}: {}", reply.asked, reply.text);
                }
            }
        }
        let after = world.other_tenant().await;
        for (before, after) in before.iter().zip(&after).take(2) {
            assert_eq!(after, before);
        }
    });
}

/// Every address of the SCIM door is also below the tenant's own, and there only for that tenant's credentials.
#[test]
fn an_address_that_names_a_tenant_is_not_there_for_another_tenants_credential() {
    run(async {
        let world = World::fresh().await;
        let before = world.other_tenant().await;
        let (mine, other) = (&world.mine.tenant, &world.other.tenant);

        for (method, path, _) in closed(|opens| opens == Scim) {
            let at = |slug: &str| world.there(path).replace("/scim/v2", &format!("/scim/{slug}/v2"));
            ask(method, &at(&other.slug), None).await.scim_error(401, None);
            ask(method, &at("nobody-has-this-name"), None).await.scim_error(401, None);
            let there = ask(method, &at(&other.slug), Some(&mine.scim_token)).await.scim_error(404, None);
            let nowhere = ask(method, &at("nobody-has-this-name"), Some(&mine.scim_token)).await;
            assert_eq!(there.json(), nowhere.scim_error(404, None).json(), "{method} {path}");
        }
        assert_eq!(world.other_tenant().await, before);
    });
}

#[test]
fn no_route_changes_anything_for_a_credential_that_only_reads() {
    run(async {
        let world = World::fresh().await;
        let before = world.other_tenant().await;
        let wanted = IssueCredential {
            directory: Some("directory".to_owned()),
            scope: CredentialScope::Read,
            ..Default::default()
        };
        let tenant = &world.other.tenant;
        let token = tenant.app.issue_credential(&tenant.admin, wanted).await.unwrap().token;

        for (method, path, _) in closed(|opens| opens == Scim) {
            let reply = ask(method, &world.there(path), Some(&token)).await;
            if method == "GET" || path.ends_with("/.search") {
                assert_ne!(reply.status, 403, "{method} {path}");
            } else {
                let reply = reply.scim_error(403, None);
                assert!(reply.header("www-authenticate").contains("insufficient_scope"), "{method} {path}");
            }
        }
        let after = world.other_tenant().await;
        assert_eq!(after[..2], before[..2]);
    });
}

#[test]
fn a_session_opens_only_to_its_own_cookie_while_it_lasts() {
    run(async {
        let doors = Doors::fresh().await;
        let user = doors.user("mina").await;
        let connection = doors.connection("op", "https://idp.example").await;
        let cookie = doors.session(&user, connection).await;
        assert_eq!(session_at(base(), &cookie).await.is(200).json()["user"]["id"], user);

        let tenant = doors.tenant.admin.scope().tenant();
        let unknown = PlainToken::mint(TokenKind::Session, Some(tenant), &SystemEntropy);
        let admin = doors.api.token.as_deref().unwrap();
        for wrong in
            ["", "nonsense", unknown.expose(), &doors.tenant.scim_token, admin, &cookie.to_uppercase()]
        {
            session_at(base(), wrong).await.problem(401, "unauthenticated");
        }
        ask("GET", "/session", Some(&cookie)).await.problem(401, "unauthenticated");
        ask("GET", "/scim/v2/Users", Some(&cookie)).await.scim_error(401, None);

        let sign_out = |site: &'static str| {
            let request =
                agent().post(format!("{}/logout", base())).header("cookie", format!("{COOKIE}={cookie}"));
            Reply::of("POST /logout".to_owned(), request.header("sec-fetch-site", site))
        };
        sign_out("cross-site").await.problem(403, "cross_site");
        session_at(base(), &cookie).await.is(200);
        sign_out("same-origin").await.is(204);
        session_at(base(), &cookie).await.problem(401, "unauthenticated");
    });
}

#[test]
fn other_methods_are_refused_with_the_list_of_those_that_work() {
    run(async {
        let world = World::fresh().await;
        for (_, path, _) in ROUTES.into_iter().filter(|(method, _, _)| *method != "ANY") {
            let mut works: BTreeSet<&str> =
                ROUTES.iter().filter(|(_, it, _)| *it == path).map(|(method, _, _)| *method).collect();
            works.insert("OPTIONS");
            if works.contains("GET") {
                works.insert("HEAD");
            }
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
                if works.contains(method) {
                    continue;
                }
                let reply = ask(method, &world.there(path), None).await.is(405);
                let allow: BTreeSet<&str> = reply.header("allow").split(", ").collect();
                assert_eq!(allow, works, "{method} {path}");
            }
        }
    });
}

/// Nothing of this was set up by an operator's credential, so that one is tried where it must open.
#[test]
fn an_operator_enters_every_tenant() {
    run(async {
        let doors = Doors::fresh().await;
        let operator = operator_token().await;
        let api = doors.api.with(&operator);

        api.get("/users").await.is(200);
        let created = api.post("/workspaces", json!({"key": "emea", "name": "EMEA"})).await.is(201);

        let events = doors.audit(&created.id()).await;
        assert_eq!(events[0]["actor"]["kind"], "operator");
        let tenants = Client::at("/api/v1").with(&operator).get("/tenants").await.is(200).json();
        let slugs: Vec<&Value> = tenants["items"].as_array().unwrap().iter().map(|it| &it["slug"]).collect();
        assert!(slugs.contains(&&json!(doors.tenant.slug)));
    });
}
