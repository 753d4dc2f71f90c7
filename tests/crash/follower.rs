//! Somebody who follows the tenant while Usher is killed. Knows what a receiver may count on: every fact comes, under one id
//! however often, and those of a person in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection as _};

use super::machine::{Line, Machine, PATIENCE, Tenant};
use crate::support::receiver::{Got, Receiver};

/// A webhook's receiver.
pub struct Follower(Receiver);

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

impl Follower {
    pub fn start() -> Self {
        Self(Receiver::start())
    }

    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// Waits until nothing is on its way any more, and compares what came with what was written.
    pub async fn has_everything(&self, machine: &Machine, tenant: &Tenant) {
        let mut database = machine.database().await;
        database.batch_execute(&format!("SET app.tenant_id = '{}'", tenant.id)).await.unwrap();
        let waiting = "SELECT (SELECT count(*) FROM outbox) || ' facts, ' || (SELECT count(*) FROM delivery \
                       WHERE state = 'pending') || ' deliveries' AS line";
        let since = Instant::now();
        loop {
            let left: Vec<Line> = sql_query(waiting).load(&mut database).await.unwrap();
            if left[0].line == "0 facts, 0 deliveries" {
                break;
            }
            assert!(since.elapsed() < PATIENCE, "{} wait\n{}", left[0].line, machine.last_words());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let written =
            "SELECT id::text AS id, subject_id AS subject, fact AS kind FROM signal ORDER BY position";
        let written: Vec<Fact> = sql_query(written).load(&mut database).await.unwrap();
        compare(&written, &self.0.got());
    }
}

fn compare(written: &[Fact], got: &[Got]) {
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    let mut came: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let subjects: BTreeMap<&str, &str> =
        written.iter().map(|fact| (fact.id.as_str(), fact.subject.as_str())).collect();
    for got in got {
        let id = got.header("webhook-id");
        let subject = subjects.get(id).unwrap_or_else(|| panic!("nobody wrote {id}: {}", got.body));
        if let Some(body) = bodies.insert(id, &got.body) {
            assert_eq!(body, got.body, "the same id says two things");
        } else {
            came.entry((*subject).to_owned()).or_default().push(id);
        }
    }
    let mut expected: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for fact in written {
        expected.entry(fact.subject.clone()).or_default().push(&fact.id);
    }
    let kinds: BTreeSet<&str> = written.iter().map(|fact| fact.kind.as_str()).collect();
    assert!(kinds.len() > 5, "too few kinds of facts to prove anything: {kinds:?}");
    for (subject, facts) in &expected {
        assert_eq!(came.get(subject), Some(facts), "all facts about {subject}, in their order");
    }
    println!("{} facts came, {} deliveries of them", written.len(), got.len());
}
