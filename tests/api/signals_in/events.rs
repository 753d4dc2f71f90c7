//! `/signals/{tenant}/{connection}/events`: a transmitter pushes security event tokens (RFC 8417, RFC 8935), made up, and
//! those of another tenant of ours.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::http::{Client, Doors, PUBLIC, Reply, agent, base, session_at, text};
use crate::support::made_up::MadeUp;
use crate::support::oauth::{Key, published};
use crate::support::receiver::courier;
use crate::support::run;

const TYPE: &str = "secevent+jwt";
const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// A provider that also transmits, with alice as one of its people.
struct Transmitting {
    it: MadeUp,
    alice: String,
}

impl Transmitting {
    async fn fresh() -> Self {
        let it = MadeUp::fresh().await;
        let alice = it.doors.user("alice").await;
        it.link(&alice, "subject-of-alice").await;
        it.doors.api.put(TRANSMITTER, json!({"issuer": it.issuer})).await.is(200);
        Self { it, alice }
    }

    fn events(&self) -> String {
        format!("/signals/{}/op/events", self.it.doors.tenant.slug)
    }

    /// Honest claims, changed; null leaves one out.
    fn claims(&self, id: &str, change: &Value) -> Value {
        let her = json!({"format": "iss_sub", "iss": self.it.issuer, "sub": "subject-of-alice"});
        let mut claims = json!({
            "iss": self.it.issuer, "aud": format!("{PUBLIC}{}", self.events()), "jti": id, "sub_id": her,
            "iat": self.it.doors.tenant.app.now().timestamp(), "events": {revoked(): {}},
        });
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        claims
    }

    fn token(&self, id: &str, change: &Value) -> String {
        self.it.key.sign_as(TYPE, &self.claims(id, change))
    }

    async fn push(&self, token: &str) -> Reply {
        push(&format!("{}{}", base(), self.events()), token).await
    }

    async fn tell(&self, id: &str, change: Value) {
        let taken = self.push(&self.token(id, &change)).await.is(202);
        assert_eq!(taken.text, "", "RFC 8935 §2.2");
    }
}

fn user() -> Value {
    json!({"format": "opaque", "id": "subject-of-alice"})
}

const TRANSMITTER: &str = "/connections/op/transmitter";

fn revoked() -> String {
    format!("{CAEP}session-revoked")
}

async fn push(address: &str, token: &str) -> Reply {
    let request = agent().post(address).header("content-type", format!("application/{TYPE}"));
    Reply::of("POST events".to_owned(), request.body(token.to_owned())).await
}

async fn is_in(cookie: &str) -> bool {
    session_at(base(), cookie).await.status == 200
}

#[test]
fn each_event_that_means_an_end_ends_everything_of_its_person_and_of_nobody_else() {
    run(async {
        let there = Transmitting::fresh().await;
        let bob = there.it.doors.user("bob").await;
        let his = there.it.session(&bob, "s9").await;
        let elsewhere = there.it.doors.connection("elsewhere", "https://idp.example").await;

        for (n, event) in [
            revoked(),
            format!("{CAEP}credential-change"),
            format!("{RISC}account-disabled"),
            format!("{RISC}account-purged"),
            format!("{RISC}account-credential-change-required"),
            format!("{RISC}sessions-revoked"),
        ]
        .iter()
        .enumerate()
        {
            let hers = [
                there.it.session(&there.alice, "s1").await,
                there.it.doors.session(&there.alice, elsewhere).await,
            ];
            there.tell(&n.to_string(), json!({"events": {event: {"event_timestamp": 1}}})).await;
            assert!(!is_in(&hers[0]).await && !is_in(&hers[1]).await, "{event}");
        }

        assert!(is_in(&his).await);
        let trail = there.it.doors.audit(&there.it.connection.to_string()).await;
        let heard: Vec<&Value> =
            trail.iter().filter(|event| event["action"] == "connection.security_event").collect();
        assert_eq!(heard.len(), 6);
        assert_eq!(heard[0]["after"], json!({"event": revoked(), "people": [there.alice], "sessions": 2}));
    });
}

#[test]
fn where_a_session_is_named_it_ends_and_those_that_the_provider_never_named() {
    run(async {
        let there = Transmitting::fresh().await;
        let (one, other) =
            (there.it.session(&there.alice, "s1").await, there.it.session(&there.alice, "s2").await);
        let unnamed = there.it.doors.session(&there.alice, there.it.connection).await;
        let session = |id: &str| json!({"format": "opaque", "id": id});

        let complex = json!({"format": "complex", "user": user(), "session": session("s1")});
        there.tell("a", json!({"sub_id": complex})).await;
        assert!(!is_in(&one).await && !is_in(&unnamed).await && is_in(&other).await);

        let gone = json!({"format": "complex", "user": user(), "session": session("s1")});
        there.tell("b", json!({"sub_id": gone})).await;
        assert!(is_in(&other).await, "one that is over already is not another one");

        there.tell("c", json!({"sub_id": {"format": "complex", "session": session("s2")}})).await;
        assert!(!is_in(&other).await, "by its name alone");
    });
}

#[test]
fn a_token_counts_once_and_is_taken_as_often_as_it_comes() {
    run(async {
        let there = Transmitting::fresh().await;
        let first = there.it.session(&there.alice, "s1").await;
        let token = there.token("once", &json!({}));

        there.push(&token).await.is(202);
        let again = there.it.session(&there.alice, "s1").await;
        there.push(&token).await.is(202);

        assert!(!is_in(&first).await && is_in(&again).await);
    });
}

#[test]
fn what_means_nothing_here_is_taken_and_ends_nothing() {
    run(async {
        let there = Transmitting::fresh().await;
        let hers = there.it.session(&there.alice, "s1").await;
        let before = there.it.doors.api.get(TRANSMITTER).await.is(200).json();
        assert_eq!((&before["heardAt"], &before["verifiedAt"]), (&Value::Null, &Value::Null));

        for (n, change) in [
            json!({"events": {format!("{CAEP}device-compliance-change"): {}}}),
            json!({"events": {format!("{RISC}account-enabled"): {}}}),
            json!({"events": {"https://example.com/unheard-of": {}}, "sub_id": null}),
            json!({"sub_id": {"format": "opaque", "id": "somebody-else"}}),
            json!({"sub_id": {"format": "iss_sub", "iss": "https://other.example", "sub": "subject-of-alice"}}),
            json!({"sub_id": {"format": "phone_number", "phone_number": "+81300000000"}}),
            json!({"sub_id": {"format": "complex", "device": {"format": "opaque", "id": "d"}}}),
        ]
        .into_iter()
        .enumerate()
        {
            there.tell(&n.to_string(), change).await;
        }
        let heard = there.it.doors.api.get(TRANSMITTER).await.is(200).json();
        assert!(heard["heardAt"].is_string() && heard["verifiedAt"].is_null(), "{heard}");
        let stream = json!({"format": "opaque", "id": "the-stream"});
        there.tell("v", json!({"events": {VERIFICATION: {"state": "x"}}, "sub_id": stream})).await;

        assert!(there.it.doors.api.get(TRANSMITTER).await.is(200).json()["verifiedAt"].is_string());
        assert!(is_in(&hers).await);
    });
}

#[test]
fn a_subject_stands_in_the_event_where_earlier_drafts_had_it_and_others_may_be_told_too() {
    run(async {
        let there = Transmitting::fresh().await;
        let before = json!({"subject_type": "iss-sub", "iss": there.it.issuer, "sub": "subject-of-alice"});

        for (id, change) in [
            (
                "a",
                json!({"sub_id": null, "events": {format!("{RISC}account-disabled"): {"subject": before}}}),
            ),
            ("b", json!({"aud": ["https://other.example", format!("{PUBLIC}{}", there.events())]})),
        ] {
            let hers = there.it.session(&there.alice, "s1").await;
            there.tell(id, change).await;
            assert!(!is_in(&hers).await, "{id}");
        }
    });
}

#[test]
fn what_does_not_hold_is_refused_with_its_code_and_ends_nothing() {
    run(async {
        let there = Transmitting::fresh().await;
        let hers = there.it.session(&there.alice, "s1").await;
        let now = there.it.doors.tenant.app.now().timestamp();
        let refused = async |token: &str, err: &str| {
            let reply = there.push(token).await.is(400);
            assert_eq!(reply.json()["err"], err, "{}", reply.text);
            assert!(reply.json()["description"].is_string() && reply.header("content-language") == "en");
        };

        for (change, err) in [
            (json!({"iss": "https://evil.example"}), "invalid_issuer"),
            (json!({"iss": null}), "invalid_issuer"),
            (json!({"aud": "https://other.example"}), "invalid_audience"),
            (json!({"aud": null}), "invalid_request"),
            (json!({"iat": null}), "invalid_request"),
            (json!({"iat": now + 300}), "invalid_request"),
            (json!({"iat": now - 8 * 86_400}), "invalid_request"),
            (json!({"exp": now - 300}), "invalid_request"),
            (json!({"jti": null}), "invalid_request"),
            (json!({"jti": "x".repeat(300)}), "invalid_request"),
            (json!({"events": null}), "invalid_request"),
            (json!({"events": {}}), "invalid_request"),
            (json!({"events": [revoked()]}), "invalid_request"),
            (json!({"events": {revoked(): "now"}}), "invalid_request"),
            (json!({"sub_id": null}), "invalid_request"),
            (json!({"sub_id": "alice"}), "invalid_request"),
            (json!({"sub_id": {"format": "iss_sub"}}), "invalid_request"),
        ] {
            refused(&there.token("x", &change), err).await;
        }
        let honest = there.claims("h", &json!({}));
        for kind in ["JWT", "logout+jwt", "global-token-revocation+jwt"] {
            refused(&there.it.key.sign_as(kind, &honest), "invalid_request").await;
        }
        refused(&Key::fresh("ES256").sign_as(TYPE, &honest), "invalid_key").await;
        refused("not a token", "invalid_issuer").await;
        refused(&"x".repeat(40_000), "invalid_request").await;
        let token = there.token("h", &json!({}));
        let address = format!("{}{}", base(), there.events());
        let plain = Reply::of("POST".to_owned(), agent().post(&address).body(token.clone())).await.is(400);
        assert_eq!(plain.json()["err"], "invalid_request");
        push(&address.replace("/op/", "/nowhere/"), &token).await.problem(404, "not_found");

        assert!(is_in(&hers).await);
        there.push(&token).await.is(202);
        assert!(!is_in(&hers).await, "the honest one is taken after all of these");
    });
}

#[test]
fn an_administrator_says_who_tells_and_nobody_else_does() {
    run(async {
        let there = Transmitting::fresh().await;
        let api = &there.it.doors.api;

        let shown = api.get(TRANSMITTER).await.is(200).json();
        assert_eq!(
            (&shown["issuer"], &shown["jwksUri"]),
            (&json!(there.it.issuer), &json!(format!("{}/k", there.it.issuer)))
        );
        assert_eq!(shown["pushUri"], format!("{PUBLIC}{}", there.events()));
        assert_eq!(shown["audience"], shown["pushUri"]);
        let own = json!({"issuer": there.it.issuer, "jwksUri": shown["jwksUri"], "audience": "us"});
        api.put(TRANSMITTER, own).await.is(200);
        let hers = there.it.session(&there.alice, "s1").await;
        assert_eq!(there.push(&there.token("a", &json!({}))).await.is(400).json()["err"], "invalid_audience");
        assert!(is_in(&hers).await);
        there.tell("a", json!({"aud": "us"})).await;
        assert!(!is_in(&hers).await);
        api.delete(TRANSMITTER).await.is(204);

        let reply = there.push(&there.token("b", &json!({"aud": "us"}))).await.is(400);
        assert_eq!(reply.json()["err"], "invalid_issuer");
        api.get(TRANSMITTER).await.problem(404, "not_found");
        api.delete(TRANSMITTER).await.problem(404, "not_found");
        let trail = there.it.doors.audit(&there.it.connection.to_string()).await;
        assert_eq!(trail.iter().filter(|event| event["action"] == "connection.transmitter").count(), 3);
    });
}

#[test]
fn a_transmitter_that_cannot_be_had_is_refused_where_it_is_named() {
    run(async {
        let doors = Doors::fresh().await;
        doors.connection("op", "https://idp.example").await;
        let stranger = published(|_| {
            vec![(
                "/.well-known/ssf-configuration",
                json!({"issuer": "https://other.example", "jwks_uri": "https://other.example/k"}),
            )]
        });

        for wrong in [
            json!({"issuer": stranger}),
            json!({"issuer": format!("{stranger}/nothing")}),
            json!({"issuer": "idp.example"}),
            json!({"issuer": ""}),
            json!({"issuer": "https://idp.example", "jwksUri": "http://idp.example/k"}),
            json!({"issuer": "https://idp.example", "jwksUri": "https://10.0.0.1/k"}),
            json!({"issuer": "https://idp.example", "jwksUri": "https://idp.example/k", "audience": " "}),
            json!({"issuer": "x".repeat(501), "jwksUri": "https://idp.example/k"}),
        ] {
            doors.api.put(TRANSMITTER, wrong).await.problem(400, "invalid");
        }
        doors.api.get(TRANSMITTER).await.problem(404, "not_found");
        doors
            .api
            .put(
                "/connections/nowhere/transmitter",
                json!({"issuer": "https://idp.example", "jwksUri": "https://idp.example/k"}),
            )
            .await
            .problem(404, "not_found");
    });
}

/// Okta signs revocations in the name of the organisation, whatever issuer the connection has, and for SAML too.
#[test]
fn the_transmitter_of_a_connection_may_also_end_everything_of_a_person() {
    run(async {
        let it = MadeUp::fresh().await;
        let alice = it.doors.user("alice").await;
        let connection = it.doors.connection("other", "https://idp.example").await;
        let cookie = it.doors.session(&alice, connection).await;
        let (user, now) = (alice.parse().unwrap(), it.doors.tenant.app.now());
        let mut tx = crate::support::http::db().begin(it.doors.tenant.admin.scope()).await.unwrap();
        store::identities::link(&mut tx, connection, "her", user, now).await.unwrap();
        tx.commit_trace_of_use().await.unwrap();
        let shown =
            it.doors.api.put("/connections/other/transmitter", json!({"issuer": it.issuer})).await.is(200);
        let address = text(&shown.json()["globalTokenRevocationUri"]);
        let claims = json!({"iss": it.issuer, "aud": address, "exp": now.timestamp() + 60, "jti": "a"});
        let token = it.key.sign_as("global-token-revocation+jwt", &claims);
        let here = format!("{}{}", base(), address.strip_prefix(PUBLIC).unwrap());

        for (issuer, status) in [("https://third.example", 404), ("https://idp.example", 401)] {
            let body = json!({"sub_id": {"format": "iss_sub", "iss": issuer, "sub": "her"}});
            let request = agent().post(&here).bearer_auth(&token).json(&body);
            Reply::of("POST".to_owned(), request).await.is(status);
            assert!(is_in(&cookie).await, "the second time the token was spent");
        }
        let again = json!({"iss": it.issuer, "aud": address, "exp": now.timestamp() + 60, "jti": "b"});
        let token = it.key.sign_as("global-token-revocation+jwt", &again);
        let body = json!({"sub_id": {"format": "iss_sub", "iss": "https://idp.example", "sub": "her"}});
        let request = agent().post(&here).bearer_auth(token).json(&body);
        Reply::of("POST".to_owned(), request).await.is(204);
        assert!(!is_in(&cookie).await);
    });
}

/// One tenant's people sign in through another tenant of ours, which transmits.
#[test]
fn what_ends_in_one_tenant_ends_in_the_tenant_that_it_transmits_to() {
    run(async {
        courier();
        let (from, to) = (Doors::fresh().await, Doors::fresh().await);
        let connection = to.connection("op", "https://idp.example").await;
        let (there, here) = (from.user("alice").await, to.user("alice").await);
        let mut tx = crate::support::http::db().begin(to.tenant.admin.scope()).await.unwrap();
        store::identities::link(&mut tx, connection, &there, here.parse().unwrap(), to.tenant.app.now())
            .await
            .unwrap();
        tx.commit_trace_of_use().await.unwrap();
        let cookie = to.session(&here, connection).await;
        let keys = json!({"issuer": PUBLIC, "jwksUri": format!("{}/ssf/jwks", base())});
        let shown = to.api.put(TRANSMITTER, keys).await.is(200).json();
        let receiver = json!({"kind": "stream", "name": "The other tenant", "audience": shown["audience"]});
        let created = from.api.post("/receivers", receiver).await.is(201).json();
        let ssf = Client::at("/ssf").with(created["secret"].as_str().unwrap());
        let push = text(&shown["pushUri"]).replace(PUBLIC, base());
        let delivery = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": push});
        let stream =
            ssf.post("/stream", json!({"events_requested": [revoked()], "delivery": delivery})).await.is(201);
        let verify = json!({"stream_id": stream.json()["stream_id"], "state": "are you there"});
        ssf.post("/verify", verify).await.is(204);
        let until = async |what: &str, is_so: &dyn Fn(&Value) -> bool| {
            let began = Instant::now();
            loop {
                let shown = to.api.get(TRANSMITTER).await.is(200).json();
                if is_so(&shown) {
                    return;
                }
                assert!(began.elapsed() < Duration::from_secs(20), "{what}: {shown}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        until("a verification", &|shown| shown["verifiedAt"].is_string()).await;
        assert!(is_in(&cookie).await);

        from.set_active(&there, false).await;

        let began = Instant::now();
        while is_in(&cookie).await {
            assert!(began.elapsed() < Duration::from_secs(20), "she is out here too");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let trail = to.audit(&connection.to_string()).await;
        let heard = trail.iter().find(|event| event["action"] == "connection.security_event").unwrap();
        assert_eq!(heard["after"], json!({"event": revoked(), "people": [here], "sessions": 1}));
    });
}
