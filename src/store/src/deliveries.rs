//! Deliveries and their lanes. Knows who holds what, what became of it and what is left; does not know what is sent.
//!
//! A lane is held for a while by moving on when it is due: a process that dies holds nothing for longer than that. Only the
//! holder can finish a delivery, so an acknowledged one is not sent again, unless its sender was believed dead.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use domain::id::ReceiverId;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::delivery;
use crate::statement::{Statement, statement};
use crate::tx::{Reads, WriteTx};

/// For how long a lane is held at a time. Longer than any delivery takes, of which the client has had enough after five.
const HELD_FOR_SECONDS: i32 = 12;

/// The next delivery of a lane, and the fact that it is about.
#[derive(Debug, Clone, QueryableByName)]
pub struct DueRow {
    /// Id.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Name of the event.
    #[diesel(sql_type = Text)]
    pub event: String,
    /// Whose lane.
    #[diesel(sql_type = Text)]
    pub subject_id: String,
    /// How often it was tried.
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    /// When the fact was written.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// Name of the fact.
    #[diesel(sql_type = Text)]
    pub fact: String,
    /// What it says.
    #[diesel(sql_type = Jsonb)]
    pub payload: Value,
    /// By which request.
    #[diesel(sql_type = SqlUuid)]
    pub request_id: Uuid,
    /// Which of the fact's events.
    #[diesel(sql_type = SmallInt)]
    pub n: i16,
}

/// What came of an attempt.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    /// The HTTP status, if there was an answer.
    pub status: Option<i32>,
    /// How long it took.
    pub microseconds: Option<i64>,
    /// What came of it, in a sentence.
    pub outcome: String,
    /// The beginning of the answer.
    pub excerpt: Option<String>,
}

#[derive(QueryableByName)]
struct Subject {
    #[diesel(sql_type = Text)]
    subject_id: String,
}

const TAKE: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS receiver, {} AS holder, {} AS most, {} AS only
), free AS (
    SELECT l.subject_id FROM delivery_lane l, input i
    WHERE l.tenant_id = i.tenant AND l.receiver_id = i.receiver AND l.due_at <= now()
    AND (i.only IS NULL OR l.subject_id = i.only)
    AND EXISTS (SELECT FROM receiver r WHERE r.tenant_id = i.tenant AND r.id = i.receiver AND r.retry_at <= now())
    ORDER BY l.due_at LIMIT (SELECT most FROM input) FOR UPDATE OF l SKIP LOCKED
)
UPDATE delivery_lane l SET holder = i.holder, due_at = now() + {} * interval '1 second' FROM free, input i
WHERE l.tenant_id = i.tenant AND l.receiver_id = i.receiver AND l.subject_id = free.subject_id
RETURNING l.subject_id";

/// Takes lanes that are due, those first that wait longest; only this one, if one is named.
pub async fn take(
    tx: &mut WriteTx,
    receiver: ReceiverId,
    holder: Uuid,
    most: i64,
    only: Option<String>,
) -> Result<Vec<String>, StoreError> {
    let ask = statement(TAKE)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(receiver.as_uuid())
        .bind::<SqlUuid, _>(holder)
        .bind::<BigInt, _>(most)
        .bind::<Nullable<Text>, _>(only)
        .bind::<Integer, _>(HELD_FOR_SECONDS);
    Ok(tx.load::<Subject>(ask).await?.into_iter().map(|row| row.subject_id).collect())
}

const HEADS: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS receiver, {} AS most
)
SELECT d.id, d.event, d.subject_id, d.attempts, s.at, s.fact, s.payload, s.request_id, d.n
FROM input i, unnest({}) AS lane (subject), LATERAL (
    SELECT * FROM delivery w WHERE w.tenant_id = i.tenant AND w.receiver_id = i.receiver AND w.subject_id = lane.subject
    AND w.state = 'pending' ORDER BY w.position, w.n LIMIT (SELECT most FROM input)
) d JOIN signal s ON s.tenant_id = d.tenant_id AND s.position = d.position
ORDER BY d.position, d.n";

/// The next deliveries of these lanes, at most so many of each, in their order.
pub async fn heads(
    tx: &mut impl Reads,
    receiver: ReceiverId,
    lanes: Vec<String>,
    most: i64,
) -> Result<Vec<DueRow>, StoreError> {
    let ask = statement(HEADS)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(receiver.as_uuid())
        .bind::<BigInt, _>(most)
        .bind::<Array<Text>, _>(lanes);
    tx.connection().0.load(ask).await
}

/// Lanes in which something waits, those first that wait longest; only this one, if one is named.
pub async fn lanes(
    tx: &mut impl Reads,
    receiver: ReceiverId,
    most: i64,
    only: Option<String>,
) -> Result<Vec<String>, StoreError> {
    let ask = statement(
        "SELECT l.subject_id FROM delivery_lane l, (SELECT {} AS only) AS i WHERE l.tenant_id = {} \
         AND l.receiver_id = {} AND l.pending > 0 AND (i.only IS NULL OR l.subject_id = i.only) ORDER BY l.due_at LIMIT {}",
    )
    .bind::<Nullable<Text>, _>(only)
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(receiver.as_uuid())
    .bind::<BigInt, _>(most);
    Ok(tx.connection().0.load::<Subject>(ask).await?.into_iter().map(|row| row.subject_id).collect())
}

/// A lane that this process holds.
#[derive(Debug, Clone)]
pub struct Held {
    /// Whose.
    pub receiver: ReceiverId,
    /// The lane.
    pub subject_id: String,
    /// By whom.
    pub holder: Uuid,
}

const FINISH: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS receiver, {} AS subject, {} AS holder, {} AS id
), lane AS (
    UPDATE delivery_lane l SET pending = l.pending - 1, due_at = now() + {} * interval '1 second' FROM input i
    WHERE l.tenant_id = i.tenant AND l.receiver_id = i.receiver AND l.subject_id = i.subject AND l.holder = i.holder
    AND EXISTS (SELECT FROM delivery d WHERE d.tenant_id = i.tenant AND d.receiver_id = i.receiver AND d.id = i.id
        AND d.state = 'pending')
    RETURNING l.subject_id
)
UPDATE delivery d SET state = {}, attempts = d.attempts + 1, last_at = now(), status = {}, microseconds = {}, outcome = {},
    excerpt = {}
FROM input i, lane WHERE d.tenant_id = i.tenant AND d.receiver_id = i.receiver AND d.id = i.id RETURNING lane.subject_id";

/// Notes that a delivery is `done` or `dead`, and prolongs the hold. Returns whether it still was one: whoever lost the lane
/// notes nothing.
pub async fn finish(
    tx: &mut WriteTx,
    held: &Held,
    id: Uuid,
    state: &'static str,
    attempt: Attempt,
) -> Result<bool, StoreError> {
    let note = named(statement(FINISH), tx, held).bind::<SqlUuid, _>(id).bind::<Integer, _>(HELD_FOR_SECONDS);
    let note = tried(note.bind::<Text, _>(state), attempt);
    Ok(!tx.load::<Subject>(note).await?.is_empty())
}

/// When a delivery is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Later {
    /// After so long.
    pub milliseconds: i32,
    /// How many attempts this one counts for.
    pub counts_for: i32,
}

/// Notes an attempt that is to be made again, and lets go of the lane until then.
pub fn put_off(tx: &mut WriteTx, held: &Held, id: Uuid, attempt: Attempt, later: Later) {
    let note = named(
        statement(
            "WITH input AS (SELECT {} AS tenant, {} AS receiver, {} AS subject, {} AS holder), lane AS ( \
                 UPDATE delivery_lane l SET holder = NULL, due_at = now() + {} * interval '1 millisecond' FROM input i \
                 WHERE l.tenant_id = i.tenant AND l.receiver_id = i.receiver AND l.subject_id = i.subject \
                 AND l.holder = i.holder RETURNING l.subject_id) \
             UPDATE delivery d SET attempts = d.attempts + {}, last_at = now(), status = {}, microseconds = {}, \
                 outcome = {}, excerpt = {} FROM input i, lane \
             WHERE d.tenant_id = i.tenant AND d.receiver_id = i.receiver AND d.id = {} AND d.state = 'pending'",
        ),
        tx,
        held,
    );
    let note = note.bind::<Integer, _>(later.milliseconds).bind::<Integer, _>(later.counts_for);
    tx.later(tried(note, attempt).bind::<SqlUuid, _>(id));
}

/// Lets go of a lane; one in which nothing waits is gone.
pub fn let_go(tx: &mut WriteTx, held: &Held) {
    let gone = "DELETE FROM delivery_lane WHERE tenant_id = {} AND receiver_id = {} AND subject_id = {} AND holder = {} \
                AND pending = 0";
    tx.later(named(statement(gone), tx, held));
    let free = "UPDATE delivery_lane SET holder = NULL, due_at = now() WHERE tenant_id = {} AND receiver_id = {} \
                AND subject_id = {} AND holder = {}";
    tx.later(named(statement(free), tx, held));
}

fn named(statement: Statement<'static>, tx: &WriteTx, held: &Held) -> Statement<'static> {
    statement
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(held.receiver.as_uuid())
        .bind::<Text, _>(held.subject_id.clone())
        .bind::<SqlUuid, _>(held.holder)
}

fn tried(statement: Statement<'static>, attempt: Attempt) -> Statement<'static> {
    statement
        .bind::<Nullable<Integer>, _>(attempt.status)
        .bind::<Nullable<BigInt>, _>(attempt.microseconds)
        .bind::<Text, _>(attempt.outcome)
        .bind::<Nullable<Text>, _>(attempt.excerpt)
}

const SETTLE: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS receiver
), heard AS (
    UPDATE delivery d SET state = h.state, attempts = d.attempts + 1, last_at = now(), outcome = h.outcome
    FROM input i, unnest({}, {}, {}) AS h (id, state, outcome)
    WHERE d.tenant_id = i.tenant AND d.receiver_id = i.receiver AND d.id = h.id AND d.state = 'pending'
    RETURNING d.subject_id
), counted AS (
    SELECT subject_id, count(*) AS many FROM heard GROUP BY 1
)
UPDATE delivery_lane l SET pending = l.pending - c.many FROM input i, counted c
WHERE l.tenant_id = i.tenant AND l.receiver_id = i.receiver AND l.subject_id = c.subject_id";

/// What a receiver that polls says of deliveries: each with its state and what came of it. What it is not waiting for is
/// passed over.
pub fn settle(tx: &mut WriteTx, receiver: ReceiverId, heard: Vec<(Uuid, &'static str, String)>) {
    let (mut ids, mut states, mut outcomes) = (vec![], vec![], vec![]);
    for (id, state, outcome) in heard {
        ids.push(id);
        states.push(state.to_owned());
        outcomes.push(outcome);
    }
    let tenant = tx.tenant().as_uuid();
    tx.later(
        statement(SETTLE)
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(receiver.as_uuid())
            .bind::<Array<SqlUuid>, _>(ids)
            .bind::<Array<Text>, _>(states)
            .bind::<Array<Text>, _>(outcomes),
    );
    tx.later(
        statement("DELETE FROM delivery_lane WHERE tenant_id = {} AND receiver_id = {} AND pending = 0")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(receiver.as_uuid()),
    );
}

/// Gives up all that waits, save what the receiver is told of itself: it is disabled.
pub fn give_up(tx: &mut WriteTx, receiver: ReceiverId) {
    let tenant = tx.tenant().as_uuid();
    let own = receiver.to_string();
    for text in [
        "UPDATE delivery SET state = 'dead', outcome = 'The receiver is disabled.' \
         WHERE tenant_id = {} AND receiver_id = {} AND subject_id <> {} AND state = 'pending'",
        "DELETE FROM delivery_lane WHERE tenant_id = {} AND receiver_id = {} AND subject_id <> {}",
    ] {
        tx.later(
            statement(text)
                .bind::<SqlUuid, _>(tenant)
                .bind::<SqlUuid, _>(receiver.as_uuid())
                .bind::<Text, _>(own.clone()),
        );
    }
}

/// Forgets all deliveries to a receiver.
pub fn clear(tx: &mut WriteTx, receiver: ReceiverId) {
    let tenant = tx.tenant().as_uuid();
    for text in [
        "DELETE FROM delivery_lane WHERE tenant_id = {} AND receiver_id = {}",
        "DELETE FROM delivery WHERE tenant_id = {} AND receiver_id = {}",
    ] {
        tx.later(statement(text).bind::<SqlUuid, _>(tenant).bind::<SqlUuid, _>(receiver.as_uuid()));
    }
}

const REVIVE: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS receiver
), again AS (
    UPDATE delivery d SET state = 'pending', attempts = 0 FROM input i
    WHERE d.tenant_id = i.tenant AND d.receiver_id = i.receiver AND d.state = 'dead' RETURNING d.subject_id
), lanes AS (
    INSERT INTO delivery_lane AS l (tenant_id, receiver_id, subject_id, pending, due_at)
    SELECT tenant, receiver, subject_id, count(*), now() FROM input, again GROUP BY 1, 2, 3 ORDER BY 3
    ON CONFLICT (tenant_id, receiver_id, subject_id) DO UPDATE SET pending = l.pending + excluded.pending
    RETURNING pending
)
SELECT count(*) AS many FROM again";

#[derive(QueryableByName)]
struct Many {
    #[diesel(sql_type = BigInt)]
    many: i64,
}

/// Makes all dead letters of a receiver wait again, in their places. Returns how many.
pub async fn revive(tx: &mut WriteTx, receiver: ReceiverId) -> Result<i64, StoreError> {
    let again =
        statement(REVIVE).bind::<SqlUuid, _>(tx.tenant().as_uuid()).bind::<SqlUuid, _>(receiver.as_uuid());
    let counted = tx.load::<Many>(again).await?;
    Ok(counted.iter().map(|row| row.many).sum())
}

/// A delivery as the log has it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = delivery)]
pub struct DeliveryRow {
    /// Id, by which the receiver knows it.
    pub id: Uuid,
    /// Name of the event.
    pub event: String,
    /// Whom or what it is about.
    pub subject_id: String,
    /// `pending`, `done` or `dead`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it came into the queue.
    pub created_at: DateTime<Utc>,
    /// When it was last tried.
    pub last_at: Option<DateTime<Utc>>,
    /// The HTTP status of the last answer.
    pub status: Option<i32>,
    /// How long the last attempt took.
    pub microseconds: Option<i64>,
    /// What came of it.
    pub outcome: Option<String>,
    /// The beginning of the last answer.
    pub excerpt: Option<String>,
}

/// Deliveries to a receiver, newest first, at most `limit`, older than `before` if given, of one state if given.
pub async fn log(
    tx: &mut impl Reads,
    receiver: ReceiverId,
    state: Option<&'static str>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mut query = delivery::table
        .filter(delivery::tenant_id.eq(tenant).and(delivery::receiver_id.eq(receiver.as_uuid())))
        .order(delivery::id.desc())
        .limit(limit)
        .select(DeliveryRow::as_select())
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(delivery::state.eq(state));
    }
    if let Some(before) = before {
        query = query.filter(delivery::id.lt(before));
    }
    Ok(query.load(tx.connection().0.conn().await?).await?)
}

/// How many deliveries of a receiver are pending and dead.
pub async fn counts(tx: &mut impl Reads, receiver: ReceiverId) -> Result<(i64, i64), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mut of = async |state: &'static str| {
        let count = delivery::table
            .filter(delivery::tenant_id.eq(tenant).and(delivery::receiver_id.eq(receiver.as_uuid())))
            .filter(delivery::state.eq(state))
            .count();
        Ok::<i64, StoreError>(count.get_result(tx.connection().0.conn().await?).await?)
    };
    Ok((of("pending").await?, of("dead").await?))
}
