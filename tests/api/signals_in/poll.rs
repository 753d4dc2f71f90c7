//! Transmitters that are asked for their events (RFC 8936): another tenant of ours is one.

use std::time::{Duration, Instant};

use domain::id::ConnectionId;
use serde_json::{Value, json};

use crate::support::http::{Client, Doors, PUBLIC, base, db, session_at, text};
use crate::support::receiver::courier;
use crate::support::run;

const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const TRANSMITTER: &str = "/connections/op/transmitter";

/// A tenant that transmits, and one whose person signs in through it.
struct Two {
    from: Doors,
    to: Doors,
    there: String,
    here: String,
    connection: ConnectionId,
    /// The receiver's id in the first, where its stream is polled, and the stream's token.
    receiver: String,
    poll: String,
    token: String,
}

impl Two {
    async fn fresh() -> Self {
        courier();
        let (from, to) = (Doors::fresh().await, Doors::fresh().await);
        let connection = to.connection("op", "https://idp.example").await;
        let (there, here) = (from.user("alice").await, to.user("alice").await);
        let (now, person) = (to.tenant.app.now(), here.parse().unwrap());
        let mut tx = db().begin(to.tenant.admin.scope()).await.unwrap();
        store::identities::link(&mut tx, connection, &there, person, now).await.unwrap();
        tx.commit_trace_of_use().await.unwrap();
        let new = json!({"kind": "stream", "name": "The other tenant", "audience": "the-other-tenant"});
        let created = from.api.post("/receivers", new).await.is(201).json();
        let token = text(&created["secret"]);
        let ssf = Client::at("/ssf").with(&token);
        let stream = ssf.post("/stream", json!({"events_requested": [REVOKED]})).await.is(201).json();
        let poll = text(&stream["delivery"]["endpoint_url"]).replace(PUBLIC, base());
        Self { from, to, there, here, connection, receiver: text(&created["id"]), poll, token }
    }

    /// The second asks the first, with this token, for tokens of this audience.
    async fn ask(&self, token: &str, audience: &str) -> Value {
        let wanted = json!({
            "issuer": PUBLIC, "jwksUri": format!("{}/ssf/jwks", base()), "audience": audience,
            "poll": {"address": self.poll, "token": token},
        });
        self.to.api.put(TRANSMITTER, wanted).await.is(200).json()
    }

    /// Waits until so many deliveries of the first are in this state.
    async fn until_logged(&self, state: &str, many: usize) {
        let began = Instant::now();
        loop {
            let path = format!("/receivers/{}/deliveries?state={state}", self.receiver);
            let log = self.from.api.get(&path).await.is(200).json();
            if log["items"].as_array().unwrap().len() == many {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(40), "{state}: {log:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn failing(&self) -> bool {
        !self.to.api.get(TRANSMITTER).await.is(200).json()["failingSince"].is_null()
    }
}

#[test]
fn what_a_transmitter_keeps_for_us_is_fetched_done_and_acknowledged() {
    run(async {
        let two = Two::fresh().await;
        let cookie = two.to.session(&two.here, two.connection).await;
        let shown = two.ask(&two.token, "the-other-tenant").await;
        assert_eq!(shown["pollAddress"], two.poll);

        two.from.set_active(&two.there, false).await;
        two.until_logged("done", 1).await;

        session_at(base(), &cookie).await.problem(401, "unauthenticated");
        two.until_logged("pending", 0).await;
        let trail = two.to.audit(&two.connection.to_string()).await;
        let heard = trail.iter().find(|event| event["action"] == "connection.security_event").unwrap();
        assert_eq!(heard["after"], json!({"event": REVOKED, "people": [two.here], "sessions": 1}));
        let all = format!("{trail:?}{}", two.to.api.get(TRANSMITTER).await.is(200).text);
        assert!(!all.contains(&two.token), "the token is shown to nobody");
    });
}

#[test]
fn what_does_not_hold_is_refused_and_not_asked_for_again() {
    run(async {
        let two = Two::fresh().await;
        let cookie = two.to.session(&two.here, two.connection).await;
        two.ask(&two.token, "somebody-else").await;

        two.from.set_active(&two.there, false).await;
        two.until_logged("dead", 1).await;

        session_at(base(), &cookie).await.is(200);
        let path = format!("/receivers/{}/deliveries?state=dead", two.receiver);
        let log = two.from.api.get(&path).await.is(200).json();
        assert!(text(&log["items"][0]["outcome"]).contains("invalid_audience"), "{log}");
    });
}

#[test]
fn a_transmitter_that_cannot_be_asked_is_known_to_be_away_until_it_can() {
    run(async {
        let two = Two::fresh().await;
        let cookie = two.to.session(&two.here, two.connection).await;
        two.from.set_active(&two.there, false).await;
        two.ask("not-the-token", "the-other-tenant").await;
        let began = Instant::now();
        while !two.failing().await {
            assert!(began.elapsed() < Duration::from_secs(40), "it is known");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        session_at(base(), &cookie).await.is(200);

        two.ask(&two.token, "the-other-tenant").await;
        two.until_logged("done", 1).await;

        session_at(base(), &cookie).await.problem(401, "unauthenticated");
        assert!(!two.failing().await);
    });
}

#[test]
fn an_address_that_is_not_to_be_visited_and_a_token_that_cannot_be_sent_are_refused() {
    run(async {
        let doors = Doors::fresh().await;
        doors.connection("op", "https://idp.example").await;
        let good = "https://idp.example/poll";

        for (address, token) in [
            ("http://idp.example/poll", "t"),
            ("https://192.168.0.1/poll", "t"),
            ("poll", "t"),
            (good, ""),
            (good, "a b"),
            (good, "a\nb"),
            (good, "\u{e9}"),
            (good, &"x".repeat(8_001)),
        ] {
            let wanted = json!({
                "issuer": "https://idp.example", "jwksUri": "https://idp.example/keys",
                "poll": {"address": address, "token": token},
            });
            doors.api.put(TRANSMITTER, wanted).await.problem(400, "invalid");
        }
        doors.api.get(TRANSMITTER).await.problem(404, "not_found");
    });
}
