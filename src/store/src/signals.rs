//! Facts on their way from the outbox to those who follow a tenant. Knows positions and lanes; does not know events.
//!
//! Facts are taken from the outbox and kept as signals; for each receiver there are deliveries, and of one person (or
//! another subject) they form a lane. Only one process at a time takes facts of a tenant, so that of two facts about one
//! person the earlier has its delivery first: whoever changes a person holds their row until the facts are written, so
//! where the later fact is seen, the earlier one is. In the order in which they are taken they have their places, which
//! `changes` reads.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::{ReceiverId, RequestId, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::scope::Scope;
use crate::statement::statement;
use crate::tx::{GlobalTx, Reads, WriteTx};

/// A fact as it was written.
#[derive(Debug, Clone, QueryableByName)]
pub struct SignalRow {
    /// Its place in the order of writing.
    #[diesel(sql_type = BigInt)]
    pub position: i64,
    /// Id.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// When.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// Stable dotted name of the fact.
    #[diesel(sql_type = Text)]
    pub fact: String,
    /// Whom or what it is about.
    #[diesel(sql_type = Text)]
    pub subject_id: String,
    /// What a follower needs to know.
    #[diesel(sql_type = Jsonb)]
    pub payload: Value,
    /// By which request.
    #[diesel(sql_type = SqlUuid)]
    pub request_id: Uuid,
}

/// A delivery to be.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// To whom.
    pub receiver: ReceiverId,
    /// Id, by which the receiver knows it again.
    pub id: Uuid,
    /// Of which fact.
    pub position: i64,
    /// Which of the fact's events, counted from 0.
    pub n: i16,
    /// Name of the event.
    pub event: String,
    /// Whose lane.
    pub subject_id: String,
}

#[derive(QueryableByName)]
struct Flag {
    #[diesel(sql_type = Bool)]
    flag: bool,
}

/// The job that sends, in the audit trail.
const JOB: &str = "signals";

impl Db {
    /// The courier goes to work in a tenant.
    pub fn enter_to_send(&self, tenant: TenantId, request: RequestId) -> Scope {
        Scope::new(tenant, domain::audit::Actor::Job { name: JOB.to_owned() }, request)
    }
}

/// The tenants in which facts wait to be taken or deliveries are due.
pub async fn tenants(tx: GlobalTx) -> Result<Vec<TenantId>, StoreError> {
    tx.tenants(statement("SELECT id FROM tenants_with_signals() AS id")).await
}

/// How to come by the right to take facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Only if nobody else has it.
    IfFree,
    /// After whoever has it.
    Waited,
}

/// Takes the right to take facts of this tenant, until the transaction ends.
pub async fn take_turn(tx: &mut WriteTx, turn: Turn) -> Result<bool, StoreError> {
    let (high, low) = tx.tenant().as_uuid().as_u64_pair();
    let key = i64::from_ne_bytes((high ^ low.rotate_left(23) ^ 0x5167_6e61_6c73).to_ne_bytes());
    let ask = statement(match turn {
        Turn::IfFree => "SELECT pg_try_advisory_xact_lock({}) AS flag",
        Turn::Waited => "SELECT true AS flag FROM pg_advisory_xact_lock({})",
    });
    let ask = ask.bind::<BigInt, _>(key);
    Ok(tx.load::<Flag>(ask).await?.first().is_some_and(|row| row.flag))
}

/// The first facts that nobody has taken.
pub async fn waiting(tx: &mut WriteTx, most: i64) -> Result<Vec<SignalRow>, StoreError> {
    let ask = statement(
        "SELECT position, id, at, fact, subject_id, payload, request_id FROM outbox WHERE tenant_id = {} \
         ORDER BY position LIMIT {}",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<BigInt, _>(most);
    tx.load(ask).await
}

const KEEP: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS positions
), mark AS (
    INSERT INTO change_mark AS m (tenant_id, last, forgotten) SELECT tenant, cardinality(positions), 0 FROM input
    ON CONFLICT (tenant_id) DO UPDATE SET last = m.last + excluded.last RETURNING last
)
INSERT INTO signal (tenant_id, position, id, at, fact, subject_id, payload, request_id, place)
SELECT o.tenant_id, o.position, o.id, o.at, o.fact, o.subject_id, o.payload, o.request_id,
    mark.last - cardinality(i.positions) + row_number() OVER (ORDER BY o.position)
FROM input i, mark, outbox o WHERE o.tenant_id = i.tenant AND o.position = ANY(i.positions)";

/// Takes these facts from the outbox and keeps them as signals, in places behind all that were taken before.
pub fn keep(tx: &mut WriteTx, signals: &[SignalRow]) {
    let tenant = tx.tenant().as_uuid();
    let positions: Vec<i64> = signals.iter().map(|signal| signal.position).collect();
    tx.later(statement(KEEP).bind::<SqlUuid, _>(tenant).bind::<Array<BigInt>, _>(positions.clone()));
    tx.later(
        statement("DELETE FROM outbox WHERE tenant_id = {} AND position = ANY({})")
            .bind::<SqlUuid, _>(tenant)
            .bind::<Array<BigInt>, _>(positions),
    );
}

#[derive(QueryableByName)]
struct Position {
    #[diesel(sql_type = BigInt)]
    position: i64,
}

const ENQUEUE: &str = "\
WITH input AS (
    SELECT {} AS tenant
), added AS (
    INSERT INTO delivery AS d (tenant_id, receiver_id, id, position, n, event, subject_id, state, attempts, created_at)
    SELECT tenant, r.receiver, r.id, r.position, r.n, r.event, r.subject, 'pending', 0, now()
    FROM input, unnest({}, {}, {}, {}, {}, {}) AS r (receiver, id, position, n, event, subject)
    ON CONFLICT (tenant_id, receiver_id, id) DO UPDATE SET state = 'pending', attempts = 0 WHERE d.state <> 'pending'
    RETURNING receiver_id, subject_id
)
INSERT INTO delivery_lane AS l (tenant_id, receiver_id, subject_id, pending, due_at)
SELECT tenant, receiver_id, subject_id, count(*), now() FROM input, added GROUP BY 1, 2, 3 ORDER BY 2, 3
ON CONFLICT (tenant_id, receiver_id, subject_id) DO UPDATE SET pending = l.pending + excluded.pending
RETURNING pending";

#[derive(QueryableByName)]
struct Pending {
    #[diesel(sql_type = Integer)]
    #[expect(dead_code, reason = "that there are rows is the answer")]
    pending: i32,
}

/// Puts deliveries into their lanes. One that is there already and was finished is to be made again.
pub async fn enqueue(tx: &mut WriteTx, deliveries: Vec<NewDelivery>) -> Result<(), StoreError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().as_uuid();
    let (mut receivers, mut ids, mut positions, mut places, mut events, mut subjects) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for new in deliveries {
        receivers.push(new.receiver.as_uuid());
        ids.push(new.id);
        positions.push(new.position);
        places.push(new.n);
        events.push(new.event);
        subjects.push(new.subject_id);
    }
    let put = statement(ENQUEUE)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(receivers)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<BigInt>, _>(positions)
        .bind::<Array<SmallInt>, _>(places)
        .bind::<Array<Text>, _>(events)
        .bind::<Array<Text>, _>(subjects);
    tx.load::<Pending>(put).await?;
    Ok(())
}

/// Signals of a time, in their order, behind this position.
pub async fn between(
    tx: &mut impl Reads,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    behind: i64,
    most: i64,
) -> Result<Vec<SignalRow>, StoreError> {
    let ask = statement(
        "SELECT position, id, at, fact, subject_id, payload, request_id FROM signal \
         WHERE tenant_id = {} AND position > {} AND at >= {} AND at < {} ORDER BY position LIMIT {}",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<BigInt, _>(behind)
    .bind::<Timestamptz, _>(from)
    .bind::<Timestamptz, _>(to)
    .bind::<BigInt, _>(most);
    tx.connection().0.load(ask).await
}

const FORGET: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS before, {} AS most
), old AS (
    SELECT s.position FROM signal s, input i WHERE s.tenant_id = i.tenant AND s.at < i.before
    AND NOT EXISTS (SELECT FROM delivery d WHERE d.tenant_id = i.tenant AND d.position = s.position AND d.state = 'pending')
    ORDER BY s.position LIMIT (SELECT most FROM input)
), log AS (
    DELETE FROM delivery d USING old, input i WHERE d.tenant_id = i.tenant AND d.position = old.position
)
SELECT position FROM old";

/// Forgets signals that were kept for long enough and that nobody waits for, with what the log says of them. Returns how
/// many.
pub async fn forget(tx: &mut WriteTx, before: DateTime<Utc>, most: i64) -> Result<usize, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let log =
        statement(FORGET).bind::<SqlUuid, _>(tenant).bind::<Timestamptz, _>(before).bind::<BigInt, _>(most);
    let old: Vec<i64> = tx.load::<Position>(log).await?.into_iter().map(|row| row.position).collect();
    let many = old.len();
    // A replay of one of these that came in between keeps it: the foreign key refuses, and it is forgotten the next time.
    tx.later(
        statement(
            "WITH gone AS (DELETE FROM signal WHERE tenant_id = {} AND position = ANY({}) RETURNING tenant_id, place), \
             upto AS (SELECT tenant_id, max(place) AS place FROM gone GROUP BY 1) \
             UPDATE change_mark m SET forgotten = greatest(m.forgotten, upto.place) FROM upto \
             WHERE m.tenant_id = upto.tenant_id",
        )
            .bind::<SqlUuid, _>(tenant)
            .bind::<Array<BigInt>, _>(old),
    );
    Ok(many)
}
