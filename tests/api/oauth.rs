//! OAuth for provisioning clients: a token endpoint, clients with secrets and with keys, and tokens that Entra ID issued.

use std::sync::Arc;

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use serde_json::{Value, json};

use crate::support::http::{Client, Doors, PUBLIC, Reply, agent, base, start, text};
use crate::support::oauth::{Key, client_says, published, token};
use crate::support::{new_app, run, urls};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const JWT_BEARER: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

/// A client of the tenant's directory, as it was created.
async fn client(doors: &Doors, with: Value) -> Value {
    let mut new = json!({"directory": "directory", "name": "Client"});
    new.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    doors.api.post("/oauth-clients", new).await.is(201).json()
}

fn name_and_secret(client: &Value) -> (String, String) {
    (text(&client["clientId"]), text(&client["clientSecret"]))
}

/// The access token that a client with a secret fetches.
async fn fetched(client: &Value) -> String {
    let (name, secret) = name_and_secret(client);
    text(&token(base(), &[GRANT], Some((&name, &secret))).await.is(200).json()["access_token"])
}

/// A refusal in the words of RFC 6749 §5.2.
#[track_caller]
fn refused(reply: Reply, status: u16, error: &str) -> String {
    let reply = reply.is(status);
    assert_eq!(reply.header("content-type"), "application/json", "{}", reply.text);
    assert_eq!(reply.header("cache-control"), "no-store");
    let body = reply.json();
    assert_eq!(body["error"], error, "{body}");
    if status == 401 {
        assert_eq!(reply.header("www-authenticate"), "Basic realm=\"usher\"");
    }
    text(&body["error_description"])
}

#[test]
fn a_client_by_others_fetches_a_token_in_each_way_and_pushes_a_person() {
    run(async {
        let doors = Doors::fresh().await;
        let with_secret = client(&doors, json!({})).await;
        let (name, secret) = name_and_secret(&with_secret);
        let mut ways =
            vec![("client_secret_basic", name.clone(), secret.clone()), ("client_secret_post", name, secret)];
        for algorithm in ["ES256", "RS256", "PS256", "EdDSA"] {
            let key = Key::fresh(algorithm);
            let with_key = client(&doors, json!({"jwks": key.jwks})).await;
            assert_eq!(with_key["clientSecret"], Value::Null);
            ways.push(("private_key_jwt", text(&with_key["clientId"]), key.private));
        }
        let key = Key::fresh("ES256");
        let jwks = key.jwks.clone();
        let publisher = published(|_| vec![("/keys", jwks)]);
        let publishing = client(&doors, json!({"jwksUri": format!("{publisher}/keys")})).await;
        ways.push(("private_key_jwt", text(&publishing["clientId"]), key.private));

        for (number, (method, name, proof)) in ways.into_iter().enumerate() {
            let person = format!("person-{number}");
            let base = base().to_owned();
            let pushed = tokio::task::spawn_blocking(move || {
                client_says(&["push", method, &base, &name, &person], &proof)
            });
            let said: Value = serde_json::from_str(&pushed.await.unwrap()).unwrap();

            assert_eq!(said["status"], 201, "{method}: {said}");
            assert_eq!(said["token"]["access_token"], "usher_at_");
            assert_eq!(
                (&said["token"]["token_type"], &said["token"]["scope"]),
                (&json!("Bearer"), &json!("scim"))
            );
            let events = doors.audit(said["person"]["id"].as_str().unwrap()).await;
            assert_eq!(events[0]["actor"]["kind"], "directory");
        }
        assert_eq!(doors.scim.get("/Users").await.is(200).json()["totalResults"], 7);
    });
}

#[test]
fn the_metadata_and_the_provider_configuration_say_how_a_token_is_fetched() {
    run(async {
        let metadata = Client::at("").get("/.well-known/oauth-authorization-server").await.is(200).json();
        assert_eq!(metadata["issuer"], PUBLIC);
        assert_eq!(metadata["token_endpoint"], format!("{PUBLIC}/oauth/token"));
        assert_eq!(metadata["scopes_supported"], json!(["scim", "scim:read"]));

        let config = Client::at("/scim/v2").get("/ServiceProviderConfig").await.is(200).json();
        let kinds: Vec<&Value> = config["authenticationSchemes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|scheme| &scheme["type"])
            .collect();
        assert_eq!(kinds, ["oauthbearertoken", "oauth2"]);
    });
}

#[test]
fn an_access_token_opens_its_directory_for_a_quarter_of_an_hour_and_nothing_else() {
    run(async {
        let doors = Doors::fresh().await;
        let created = client(&doors, json!({})).await;
        let (name, secret) = name_and_secret(&created);

        let issued = token(base(), &[GRANT], Some((&name, &secret))).await.is(200);
        assert_eq!((issued.header("cache-control"), issued.header("pragma")), ("no-store", "no-cache"));
        let issued = issued.json();
        assert_eq!((&issued["expires_in"], &issued["token_type"]), (&json!(900), &json!("Bearer")));
        let scim = doors.scim.with(issued["access_token"].as_str().unwrap());
        let id = scim.post("/Users", json!({"schemas": [USER], "userName": "mina"})).await.is(201).id();

        doors
            .api
            .with(issued["access_token"].as_str().unwrap())
            .get("/users")
            .await
            .problem(403, "wrong_credential");
        scim.with(&secret).get("/Users").await.scim_error(401, None);
        let event = doors.audit(&id).await.remove(0);
        assert_eq!(event["actor"]["credential"], created["id"], "the client is what stays of it");
        let listed = doors.api.get("/credentials").await.is(200).json();
        assert!(!listed.to_string().contains("usher_at_"), "{listed}");

        let end = format!(
            "BEGIN; SET LOCAL app.tenant_id = '{}'; UPDATE credential SET expires_at = now() WHERE client_id = '{}'; COMMIT",
            doors.tenant.admin.scope().tenant(),
            created.id(),
        );
        let mut owner = AsyncPgConnection::establish(&urls().owner).await.unwrap();
        owner.batch_execute(&end).await.unwrap();
        scim.get("/Users").await.scim_error(401, None);
    });
}

#[test]
fn who_revokes_a_client_ends_the_tokens_that_it_fetched() {
    run(async {
        let doors = Doors::fresh().await;
        let (one, other) = (client(&doors, json!({})).await, client(&doors, json!({})).await);
        let of_one = doors.scim.with(&fetched(&one).await);
        let of_other = doors.scim.with(&fetched(&other).await);
        of_one.get("/Users").await.is(200);

        doors.api.delete(&format!("/oauth-clients/{}", one.id())).await.is(204);

        of_one.get("/Users").await.scim_error(401, None);
        of_other.get("/Users").await.is(200);
        doors.scim.get("/Users").await.is(200);
        let (name, secret) = name_and_secret(&one);
        refused(token(base(), &[GRANT], Some((&name, &secret))).await, 401, "invalid_client");
        doors.api.delete(&format!("/oauth-clients/{}", one.id())).await.problem(404, "not_found");
        let listed = doors.api.get("/oauth-clients").await.is(200).json();
        assert!(listed["items"][0]["revokedAt"].is_string() && listed["items"][0]["lastUsedAt"].is_string());
        assert!(!listed.to_string().contains(&secret));
    });
}

trait Id {
    fn id(&self) -> String;
}

impl Id for Value {
    fn id(&self) -> String {
        text(&self["id"])
    }
}

#[test]
fn a_client_gets_the_scope_that_it_asks_for_and_never_more_than_it_has() {
    run(async {
        let doors = Doors::fresh().await;
        let reader = client(&doors, json!({"scope": "read"})).await;
        let (name, secret) = name_and_secret(&reader);
        let ask = async |scope: &str| token(base(), &[GRANT, ("scope", scope)], Some((&name, &secret))).await;

        let issued = ask("").await.is(200).json();
        assert_eq!(issued["scope"], "scim:read");
        let scim = doors.scim.with(issued["access_token"].as_str().unwrap());
        scim.get("/Users").await.is(200);
        scim.post("/Users", json!({"schemas": [USER], "userName": "x"})).await.scim_error(403, None);
        refused(ask("scim").await, 400, "invalid_scope");
        refused(ask("openid").await, 400, "invalid_scope");

        let (name, secret) = name_and_secret(&client(&doors, json!({})).await);
        let narrowed =
            token(base(), &[GRANT, ("scope", "scim:read")], Some((&name, &secret))).await.is(200).json();
        let scim = doors.scim.with(narrowed["access_token"].as_str().unwrap());
        scim.post("/Users", json!({"schemas": [USER], "userName": "x"})).await.scim_error(403, None);
    });
}

#[test]
fn what_is_wrong_with_a_request_is_said_in_the_words_of_rfc_6749() {
    run(async {
        let doors = Doors::fresh().await;
        let (name, secret) = name_and_secret(&client(&doors, json!({})).await);
        let (_, of_another) = name_and_secret(&client(&doors, json!({})).await);
        let right = Some((name.as_str(), secret.as_str()));
        let nobody = name.replace(['1', '2', '3'], "0");
        let foreign = Doors::fresh().await;
        let elsewhere = name.replace(
            &doors.tenant.admin.scope().tenant().as_uuid().simple().to_string(),
            &foreign.tenant.admin.scope().tenant().as_uuid().simple().to_string(),
        );

        refused(token(base(), &[], right).await, 400, "invalid_request");
        refused(token(base(), &[("grant_type", "password")], right).await, 400, "unsupported_grant_type");
        refused(token(base(), &[GRANT, GRANT], right).await, 400, "invalid_request");
        refused(token(base(), &[GRANT, ("client_secret", &secret)], right).await, 400, "invalid_request");
        refused(token(base(), &[GRANT, ("client_id", &nobody)], right).await, 400, "invalid_request");
        let unknown = refused(token(base(), &[GRANT], Some((&nobody, &secret))).await, 401, "invalid_client");
        for wrong in [
            Some((name.as_str(), of_another.as_str())),
            Some((elsewhere.as_str(), secret.as_str())),
            Some(("x", "y")),
            None,
        ] {
            let why = refused(token(base(), &[GRANT], wrong).await, 401, "invalid_client");
            assert_eq!(why, unknown, "nothing tells a wrong secret from a client that there is not");
        }
        let json = agent()
            .post(format!("{}/oauth/token", base()))
            .json(&json!({"grant_type": "client_credentials"}));
        refused(Reply::of("POST json".to_owned(), json).await, 415, "invalid_request");
        refused(Client::at("/oauth").get("/token").await, 405, "invalid_request");
        refused(Client::at("/oauth").get("/authorize").await, 404, "invalid_request");
    });
}

#[test]
fn an_assertion_is_spent_once_whichever_process_sees_it_first() {
    run(async {
        let doors = Doors::fresh().await;
        let key = Key::fresh("ES256");
        let name = text(&client(&doors, json!({"jwks": key.jwks})).await["clientId"]);
        let (_serving, replica) = start(Arc::new(new_app(4)));
        let assertion = key.assertion(&name, "once");
        let form = [GRANT, JWT_BEARER, ("client_assertion", assertion.as_str())];

        let at_once = futures_util::future::join_all((0..12).map(|number| {
            let place = if number % 2 == 0 { base() } else { replica.as_str() };
            token(place, &form, None)
        }));
        let statuses: Vec<u16> = at_once.await.iter().map(|reply| reply.status).collect();

        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 11, "{statuses:?}");
        let again = refused(token(&replica, &form, None).await, 401, "invalid_client");
        assert_eq!(again, "the assertion was used before");
        let fresh = key.assertion(&name, "twice");
        token(&replica, &[GRANT, JWT_BEARER, ("client_assertion", &fresh)], None).await.is(200);
    });
}

#[test]
fn an_assertion_of_another_client_key_or_audience_is_refused() {
    run(async {
        let doors = Doors::fresh().await;
        let (key, stranger) = (Key::fresh("ES256"), Key::fresh("ES256"));
        let name = text(&client(&doors, json!({"jwks": key.jwks})).await["clientId"]);
        let with_secret = text(&client(&doors, json!({})).await["clientId"]);
        let ask = async |assertion: String, beside: &str| {
            let form = [GRANT, JWT_BEARER, ("client_assertion", assertion.as_str()), ("client_id", beside)];
            token(base(), &form, None).await
        };

        let why = refused(ask(stranger.assertion(&name, "1"), "").await, 401, "invalid_client");
        assert_eq!(why, "the signature is not valid");
        refused(ask(key.assertion(&with_secret, "2"), "").await, 401, "invalid_client");
        refused(ask(key.assertion(&name, "3"), &with_secret).await, 400, "invalid_request");
        let now = doors.tenant.app.now().timestamp();
        let elsewhere = json!({"iss": name, "sub": name, "aud": "https://elsewhere.example", "jti": "4", "exp": now + 60});
        let why = refused(ask(key.sign(&elsewhere), "").await, 401, "invalid_client");
        assert_eq!(why, "the assertion is for another audience");
        refused(ask("a.b.c".to_owned(), "").await, 401, "invalid_client");
        ask(key.assertion(&name, "5"), &name).await.is(200);
    });
}

#[test]
fn a_client_is_not_created_with_keys_that_are_private_unusable_or_out_of_reach() {
    run(async {
        let doors = Doors::fresh().await;
        let key = Key::fresh("ES256");
        let private: Value = serde_json::from_str(&key.private).unwrap();

        for with in [
            json!({"jwks": {"keys": [private]}}),
            json!({"jwks": {"keys": []}}),
            json!({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}),
            json!({"jwks": "keys"}),
            json!({"jwksUri": "http://idp.example/keys"}),
            json!({"jwksUri": "https://10.0.0.1/keys"}),
            json!({"jwksUri": "keys"}),
            json!({"jwks": key.jwks, "jwksUri": "https://idp.example/keys"}),
            json!({"directory": "nowhere"}),
        ] {
            let mut new = json!({"directory": "directory", "name": "Client"});
            new.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
            doors.api.post("/oauth-clients", new).await.problem(400, "invalid");
        }
        assert_eq!(doors.api.get("/oauth-clients").await.is(200).json()["items"], json!([]));
    });
}

#[test]
fn a_directory_believes_the_tokens_of_its_issuer_at_its_tenants_address_only() {
    run(async {
        let (doors, other) = (Doors::fresh().await, Doors::fresh().await);
        let (key, stranger) = (Key::fresh("RS256"), Key::fresh("RS256"));
        let jwks = key.jwks.clone();
        let issuer = published(|base| {
            let metadata = json!({
                "issuer": base, "authorization_endpoint": format!("{base}/authorize"),
                "token_endpoint": format!("{base}/token"), "jwks_uri": format!("{base}/keys"),
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            });
            vec![("/.well-known/openid-configuration", metadata), ("/keys", jwks)]
        });
        let trust = json!({
            "directory": "directory", "issuer": issuer, "audience": "template", "entraTenant": "entra", "application": "sync",
        });
        let id = doors.api.post("/token-issuers", trust.clone()).await.is(201).id();
        doors.api.post("/token-issuers", trust).await.problem(409, "conflict");
        let now = doors.tenant.app.now().timestamp();
        let claims = json!({
            "iss": issuer, "aud": "template", "tid": "entra", "appid": "sync", "iat": now, "nbf": now, "exp": now + 600,
        });
        let token = key.sign(&claims);
        let at = |doors: &Doors| Client::at(&format!("/scim/{}/v2", doors.tenant.slug));
        let entra = at(&doors).with(&token);

        let created = entra.post("/Users", json!({"schemas": [USER], "userName": "mina"})).await.is(201).id();
        let event = doors.audit(&created).await.remove(0);
        assert_eq!(event["actor"]["credential"], id);

        doors.scim.with(&token).get("/Users").await.scim_error(401, None);
        at(&other).with(&token).get("/Users").await.scim_error(401, None);
        let mut another = claims.clone();
        another["appid"] = json!("another");
        for wrong in [key.sign(&another), stranger.sign(&claims), format!("{token}x"), "a.b.c".to_owned()] {
            at(&doors).with(&wrong).get("/Users").await.scim_error(401, None);
        }
        let listed = doors.api.get("/token-issuers").await.is(200).json();
        assert!(listed["items"][0]["lastUsedAt"].is_string(), "{listed}");

        doors.api.delete(&format!("/token-issuers/{id}")).await.is(204);
        entra.get("/Users").await.scim_error(401, None);
        doors.scim.get("/Users").await.is(200);
    });
}
