//! `/signals/{tenant}/{connection}/global-token-revocation`: a provider ends everything of a person.

use domain::id::UserId;
use serde_json::{Value, json};

use crate::api::apps::world::World;
use crate::support::http::{Doors, PUBLIC, Reply, agent, base, db, session_at, text};
use crate::support::made_up::MadeUp;
use crate::support::oauth::Key;
use crate::support::run;

const TYPE: &str = "global-token-revocation+jwt";

impl MadeUp {
    fn revocation(&self, id: &str, change: &Value) -> String {
        self.key.sign_as(TYPE, &self.revocation_claims(id, change))
    }

    /// Honest claims, changed; null leaves one out.
    fn revocation_claims(&self, id: &str, change: &Value) -> Value {
        let now = self.doors.tenant.app.now().timestamp();
        let address = format!("{PUBLIC}/signals/{}/op/global-token-revocation", self.doors.tenant.slug);
        let mut claims = json!({
            "iss": self.issuer, "sub": "gateway", "aud": address, "iat": now, "nbf": now, "exp": now + 300, "jti": id
        });
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        claims
    }

    async fn revoke(&self, token: &str, sub_id: &Value) -> Reply {
        ask(&self.doors, "op", Some(token), &json!({"sub_id": sub_id})).await
    }

    fn iss_sub(&self, subject: &str) -> Value {
        json!({"format": "iss_sub", "iss": self.issuer, "sub": subject})
    }
}

async fn ask(doors: &Doors, connection: &str, token: Option<&str>, body: &Value) -> Reply {
    let address = format!("{}/signals/{}/{connection}/global-token-revocation", base(), doors.tenant.slug);
    let mut request = agent().post(address).json(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    Reply::of("POST global-token-revocation".to_owned(), request).await
}

#[test]
fn everything_that_a_person_has_ends_through_whichever_connection_with_the_tokens_of_apps() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let (alice, bob) = (made_up.doors.user("alice").await, made_up.doors.user("bob").await);
        made_up.link(&alice, "subject-of-alice").await;
        made_up.link(&bob, "subject-of-bob").await;
        let elsewhere = made_up.doors.connection("elsewhere", "https://idp.example").await;
        let hers = [made_up.session(&alice, "s1").await, made_up.doors.session(&alice, elsewhere).await];
        let his = made_up.session(&bob, "s2").await;
        let app = World::of(made_up.doors.clone(), alice.clone(), hers[1].clone(), json!({})).await;
        let refresh = text(&app.tokens().await["refresh_token"]);
        let before = made_up.doors.tenant.app.now();

        let token = made_up.revocation("a", &json!({}));
        let done = made_up.revoke(&token, &made_up.iss_sub("subject-of-alice")).await.is(204);

        assert_eq!((done.header("cache-control"), done.text.as_str()), ("no-store", ""));
        for cookie in &hers {
            session_at(base(), cookie).await.problem(401, "unauthenticated");
        }
        assert_eq!(app.refresh(&refresh).await.is(400).json()["error"], "invalid_grant");
        session_at(base(), &his).await.is(200);
        let mut tx = db().begin(made_up.doors.tenant.admin.scope()).await.unwrap();
        let ended = store::users::signed_out_at(&mut tx, alice.parse().unwrap()).await.unwrap().unwrap();
        assert!(ended >= before, "a sign-in that is under way comes too late");
        drop(tx);
        let told = made_up.doors.audit(&made_up.connection.to_string()).await;
        let told = told.iter().find(|event| event["action"] == "connection.revocation").unwrap();
        assert_eq!(told["after"], json!({"people": [alice], "sessions": 2}));
        let page = made_up.doors.api.get("/audit-events?count=50").await.is(200).json();
        let revoked = page["events"].as_array().unwrap().iter();
        assert_eq!(revoked.filter(|event| event["action"] == "session.revoke").count(), 2);
    });
}

#[test]
fn a_person_is_found_by_each_format_and_by_the_addresses_of_the_connections_own_people_alone() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let address = json!([{"value": "Alice@Acme.example"}]);
        let alice = made_up.doors.person(json!({"userName": "alice@login.example", "emails": address})).await;
        let namesake = json!({"userName": "another", "emails": [{"value": "carol@acme.example"}]});
        let carol = made_up.doors.person(namesake).await;
        made_up.link(&alice, "subject-of-alice").await;
        let elsewhere = made_up.doors.connection("elsewhere", "https://idp.example").await;
        let hers = made_up.doors.session(&carol, elsewhere).await;
        let phone = json!({"format": "phone_number", "phone_number": "+81300000000"});

        for (n, sub_id) in [
            made_up.iss_sub("subject-of-alice"),
            json!({"format": "email", "email": "alice@acme.EXAMPLE"}),
            json!({"format": "email", "email": "alice@login.example"}),
            json!({"format": "account", "uri": "acct:alice@acme.example"}),
            json!({"format": "opaque", "id": "subject-of-alice"}),
            json!({"format": "aliases", "identifiers": [phone, made_up.iss_sub("subject-of-alice")]}),
            json!({"format": "complex", "user": made_up.iss_sub("subject-of-alice")}),
        ]
        .iter()
        .enumerate()
        {
            let cookie = made_up.session(&alice, "s1").await;
            made_up.revoke(&made_up.revocation(&n.to_string(), &json!({})), sub_id).await.is(204);
            session_at(base(), &cookie).await.problem(401, "unauthenticated");
        }
        for (n, nobody) in [
            made_up.iss_sub("somebody-else"),
            json!({"format": "iss_sub", "iss": "https://other.example", "sub": "subject-of-alice"}),
            json!({"format": "opaque", "id": alice}),
            json!({"format": "email", "email": "carol@acme.example"}),
        ]
        .iter()
        .enumerate()
        {
            let token = made_up.revocation(&format!("n{n}"), &json!({}));
            made_up.revoke(&token, nobody).await.problem(404, "not_found");
        }
        session_at(base(), &hers).await.is(200);
    });
}

#[test]
fn a_revocation_counts_once_whether_it_has_a_name_or_not() {
    run(async {
        let made_up = MadeUp::fresh().await;
        let alice = made_up.doors.user("alice").await;
        made_up.link(&alice, "alice").await;

        for change in [json!({}), json!({"jti": null})] {
            let token = made_up.revocation("once", &change);
            made_up.revoke(&token, &made_up.iss_sub("alice")).await.is(204);
            let again = made_up.session(&alice, "s1").await;
            made_up.revoke(&token, &made_up.iss_sub("alice")).await.problem(401, "unauthenticated");
            session_at(base(), &again).await.is(200);
        }
    });
}

#[test]
fn what_is_no_revocation_ends_nothing() {
    run(async {
        let (made_up, other) = (MadeUp::fresh().await, MadeUp::fresh().await);
        let alice = made_up.doors.user("alice").await;
        made_up.link(&alice, "alice").await;
        let cookie = made_up.session(&alice, "s1").await;
        let her = made_up.iss_sub("alice");
        let now = made_up.doors.tenant.app.now().timestamp();
        let own = text(&made_up.revocation_claims("x", &json!({}))["aud"]);

        for (n, change) in [
            json!({"iss": "https://evil.example"}),
            json!({"iss": null}),
            json!({"aud": "gateway"}),
            json!({"aud": [own, "https://other.example/global-token-revocation"]}),
            json!({"aud": null}),
            json!({"exp": now - 120}),
            json!({"exp": now + 8_000}),
            json!({"exp": null}),
            json!({"iat": now + 300}),
            json!({"nbf": now + 300}),
            json!({"jti": 7}),
            json!({"jti": ""}),
        ]
        .iter()
        .enumerate()
        {
            let token = made_up.revocation(&n.to_string(), change);
            let refused = made_up.revoke(&token, &her).await.problem(401, "unauthenticated");
            assert!(refused.header("www-authenticate").contains("invalid_token"), "{change}");
        }
        let honest = made_up.revocation_claims("h", &json!({}));
        for kind in ["logout+jwt", "secevent+jwt", "at+jwt"] {
            let token = made_up.key.sign_as(kind, &honest);
            made_up.revoke(&token, &her).await.problem(401, "unauthenticated");
        }
        let forged = Key::fresh("ES256").sign_as(TYPE, &honest);
        for token in [forged.as_str(), "nonsense", "a.b.c", &"x".repeat(20_000)] {
            made_up.revoke(token, &her).await.is(401);
        }
        let honest = made_up.revocation("h", &json!({}));
        ask(&made_up.doors, "op", None, &json!({"sub_id": her})).await.problem(401, "unauthenticated");
        ask(&other.doors, "op", Some(&honest), &json!({"sub_id": her})).await.problem(401, "unauthenticated");
        ask(&made_up.doors, "nowhere", Some(&honest), &json!({"sub_id": her}))
            .await
            .problem(404, "not_found");
        for wrong in [
            json!({}),
            json!({"sub_id": null}),
            json!({"sub_id": "alice"}),
            json!({"sub_id": {"format": "email"}}),
            json!({"sub_id": {"format": "phone_number", "phone_number": "+81300000000"}}),
            json!({"sub_id": {"format": "opaque", "id": "a\u{0}b"}}),
            json!([]),
        ] {
            let refused = ask(&made_up.doors, "op", Some(&honest), &wrong).await;
            assert_eq!(refused.status, 400, "{wrong}: {}", refused.text);
        }

        session_at(base(), &cookie).await.is(200);
        made_up.revoke(&honest, &her).await.is(204);
        let user: UserId = alice.parse().unwrap();
        let mut tx = db().begin(made_up.doors.tenant.admin.scope()).await.unwrap();
        assert!(store::users::signed_out_at(&mut tx, user).await.unwrap().is_some());
    });
}

#[test]
fn an_administrator_reads_which_address_to_register() {
    run(async {
        let made_up = MadeUp::fresh().await;

        let shown = made_up.doors.api.get("/connections/op/openid").await.is(200).json();

        let claims = made_up.revocation_claims("x", &json!({}));
        assert_eq!(shown["globalTokenRevocationUri"], claims["aud"]);
    });
}
