//! Ten thousand people are signed in and busy at two processes while some of them leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use serde_json::{Value, json};

use super::apps::world::World as AppWorld;
use super::decisions::decide;
use super::gates::world::{WIKI, World as GateWorld, script};
use super::streams::pushed;
use super::webhooks::webhook;
use crate::support::http::{Doors, base, session_at, start, text};
use crate::support::receiver::{Got, Receiver, courier};
use crate::support::{new_app, run, urls};

const CROWD: usize = 10_000;
/// Requests that are under way all the time.
const BUSY: usize = 6;
const LEAVERS: [&str; 6] = ["mina", "ken", "yuna", "jun", "aki", "sora"];
const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

/// Somebody with everything that a session opens.
struct Leaver {
    app: AppWorld,
    gate: GateWorld,
    tokens: Value,
    spare: String,
    pass: String,
}

impl Leaver {
    async fn of(first: &AppWorld, gate: &GateWorld, name: &str) -> Self {
        let doors = &first.doors;
        let user = doors.user(name).await;
        doors.group(&format!("uploaders {name}"), &[&user]).await;
        let connection = doors.connection(name, "https://idp.example").await;
        let cookie = doors.session(&user, connection).await;
        let app = AppWorld { user: user.clone(), cookie: cookie.clone(), ..first.clone() };
        let gate = GateWorld { user, session: cookie, ..gate.clone() };
        let (tokens, spare, pass) = (app.tokens().await, app.code().await, gate.pass().await);
        Self { app, gate, tokens, spare, pass }
    }

    /// What the product is told.
    async fn may_upload(&self) -> bool {
        let answer = decide(&self.app.doors, &self.app.user, "materials.upload", json!("environment")).await;
        answer["allowed"].as_bool().unwrap()
    }

    /// What every door of this server says in the next request.
    async fn is_out_at(&mut self, server: &str) {
        session_at(server, &self.app.cookie).await.problem(401, "unauthenticated");
        (self.app.server, self.gate.server) = (server.to_owned(), server.to_owned());
        self.gate.ask(&script("/page").with(&self.pass)).await.problem(401, "unauthenticated");
        self.app.all_is_over(&self.tokens, &self.spare).await;
    }

    /// Whether this is about them.
    fn is_meant(&self, got: &Got) -> bool {
        got.body.contains(&self.app.user) && got.body.contains("user.deactivated")
    }
}

/// Copies of one person's rows, each with a session of their own; the cookie of the first, with `{number}` for the others.
async fn crowd(doors: &Doors, original: &str) -> String {
    let tenant = doors.tenant.admin.scope().tenant().as_uuid();
    let secret = format!("usher_ses_{}_{}{{number}}", tenant.simple(), "A".repeat(35));
    let mut connection = AsyncPgConnection::establish(&urls().app).await.unwrap();
    let rows = |table: &str, changed: &str, of: &str| {
        format!(
            "INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object({changed}))).* \
             FROM {table} t, generate_series(0, {CROWD} - 1) AS n WHERE {of} = '{original}';"
        )
    };
    let id = "'00000000-0000-7000-8000-' || lpad(n::text, 12, '0')";
    let people = rows("users", &format!("'id', {id}, 'user_name_key', 'crowd-' || n"), "id");
    let access = rows("user_access", &format!("'user_id', {id}"), "user_id");
    let hash =
        format!("sha256(convert_to(replace('{secret}', '{{number}}', lpad(n::text, 8, '0')), 'UTF8'))");
    let session = format!("'id', {id}, 'user_id', {id}, 'token_hash', {hash}");
    let sessions = rows("session", &session, "user_id");
    let all = format!("BEGIN; SET LOCAL app.tenant_id = '{tenant}'; {people} {access} {sessions} COMMIT; ");
    connection.batch_execute(&all).await.unwrap();
    secret
}

/// Asks who somebody of the crowd is, one after the other, until it is over. How many were answered, all of them well.
async fn busy(secret: String, servers: [String; 2], lane: usize, over: Arc<AtomicBool>) -> usize {
    let mut answered = 0;
    for number in (0..CROWD).cycle().skip(lane * CROWD / BUSY) {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let cookie = secret.replace("{number}", &format!("{number:08}"));
        session_at(&servers[number % 2], &cookie).await.is(200);
        answered += 1;
    }
    answered
}

#[test]
fn of_ten_thousand_busy_people_those_who_leave_are_out_at_every_door_in_the_next_request() {
    run(async {
        courier();
        let (_serving, replica) = start(Arc::new(new_app(8)));
        let (told, hooked) = (Receiver::start(), Receiver::start());
        let streamed = Receiver::answering(|_| (202, String::new()));
        let first = AppWorld::with(json!({"backchannelLogoutUri": told.address})).await;
        let gate = json!({"name": "Edge", "hosts": {WIKI: [{"path": "/"}]}});
        let gate = first.doors.api.post("/gates", gate).await.is(201).json();
        let gate = GateWorld {
            doors: first.doors.clone(),
            user: first.user.clone(),
            session: first.cookie.clone(),
            gate: text(&gate["id"]),
            secret: text(&gate["secret"]),
            server: base().to_owned(),
        };
        let secret = crowd(&first.doors, &first.user).await;
        for name in LEAVERS {
            let group = json!({"group": format!("uploaders {name}")});
            first.doors.rule(10, group, json!({"flags": {"flags": ["materials.upload"]}})).await;
        }
        let mut leavers = Vec::new();
        for name in LEAVERS {
            leavers.push(Leaver::of(&first, &gate, name).await);
        }
        webhook(&first.doors, &hooked.address, &["user.deactivated"]).await;
        pushed(&first.doors, &streamed, &[REVOKED]).await;
        let over = Arc::new(AtomicBool::new(false));
        let servers = [base().to_owned(), replica.clone()];
        let load = |lane| tokio::spawn(busy(secret.clone(), servers.clone(), lane, Arc::clone(&over)));
        let load: Vec<_> = (0..BUSY).map(load).collect();

        let mut soonest = [Duration::MAX; 3];
        for leaver in &mut leavers {
            assert!(leaver.may_upload().await);
            let (apps, streams) = (told.got().len(), streamed.got().len());
            let began = Instant::now();
            leaver.app.doors.set_active(&leaver.app.user, false).await;
            leaver.is_out_at(&replica).await;
            leaver.is_out_at(base()).await;
            assert!(!leaver.may_upload().await);

            let logout = told.until("a logout token", |got| got.len() > apps).await;
            let caep = streamed
                .until("the session is revoked, and all of them", |got| got.len() > streams + 1)
                .await;
            let hook = hooked.until("a webhook", |got| got.iter().any(|got| leaver.is_meant(got))).await;
            let hook = hook.iter().find(|got| leaver.is_meant(got)).unwrap();
            for (soonest, got) in soonest.iter_mut().zip([&logout[apps], hook, &caep[streams]]) {
                *soonest = (*soonest).min(got.at - began);
            }
        }

        over.store(true, Ordering::Relaxed);
        let mut answered = 0;
        for lane in load {
            answered += lane.await.unwrap();
        }
        assert!(answered > 100, "the crowd was not busy: {answered}");
        // A busy machine may be late; it is not the courier that is, if it was in time for somebody.
        assert!(soonest.iter().all(|took| *took < Duration::from_secs(1)), "{soonest:?}");
    });
}
