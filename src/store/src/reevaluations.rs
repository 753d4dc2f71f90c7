//! Everybody's access being computed anew after a change of the policy: how far it has come and who is about it. Knows rows; does
//! not know what is computed.
//!
//! It is held by one process at a time, for a while that each part prolongs. What a part has come to and the place where the next one
//! begins are written in one transaction, and only by the holder: a process that dies loses nothing, and one that was believed dead
//! can write nothing any more.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, Timestamptz, Uuid as SqlUuid};
use domain::audit::Actor;
use domain::id::{RequestId, TenantId, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::scope::Scope;
use crate::statement::statement;
use crate::tx::{GlobalTx, Reads, WriteTx};

/// One that begins.
#[derive(Debug, Clone, Copy)]
pub struct Beginning {
    /// The version of the policy by which people are computed.
    pub policy_version: i64,
    /// How many have another access already.
    pub affected: usize,
    /// Who is about it.
    pub holder: RequestId,
    /// For how long, unless it is prolonged.
    pub time: Duration,
}

const BEGIN: &str = "\
INSERT INTO reevaluation (tenant_id, policy_version, done, affected, actor, request_id, started_at, holder, held_until)
VALUES ({}, {}, 0, {}, {}, {}, {}, {}, now() + {} * interval '1 second')
ON CONFLICT (tenant_id) DO UPDATE SET policy_version = excluded.policy_version, after_user = NULL, people = NULL, done = 0,
    affected = excluded.affected, actor = excluded.actor, request_id = excluded.request_id, started_at = excluded.started_at,
    finished_at = NULL, holder = excluded.holder, held_until = excluded.held_until";

/// Begins one, in the transaction that changes the policy, and goes on with it when that is committed. An older one is over with that.
pub fn begin(tx: &mut WriteTx, new: Beginning, now: DateTime<Utc>) -> Result<Turn, StoreError> {
    let actor = serde_json::to_value(tx.scope().actor()).map_err(StoreError::corrupt)?;
    let ask = statement(BEGIN)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<BigInt, _>(new.policy_version)
        .bind::<BigInt, _>(rows(new.affected))
        .bind::<Jsonb, _>(actor)
        .bind::<SqlUuid, _>(tx.scope().request().as_uuid())
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(new.holder.as_uuid())
        .bind::<BigInt, _>(seconds(new.time));
    tx.later(ask);
    Ok(Turn {
        scope: Scope::new(tx.tenant(), tx.scope().actor().clone(), tx.scope().request()),
        policy_version: new.policy_version,
        after: None,
        holder: new.holder.as_uuid(),
        time: new.time,
    })
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn rows(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The right to go on with one.
#[derive(Debug)]
pub struct Turn {
    /// Whoever has changed the policy, as if they acted now.
    pub scope: Scope,
    /// The version of the policy by which people are computed.
    pub policy_version: i64,
    /// The last person who is done.
    pub after: Option<UserId>,
    holder: Uuid,
    time: Duration,
}

#[derive(QueryableByName)]
struct TurnRow {
    #[diesel(sql_type = BigInt)]
    policy_version: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    after_user: Option<Uuid>,
    #[diesel(sql_type = Jsonb)]
    actor: Value,
    #[diesel(sql_type = SqlUuid)]
    request_id: Uuid,
}

const TAKE: &str = "\
UPDATE reevaluation SET holder = {}, held_until = now() + {} * interval '1 second'
WHERE tenant_id = {} AND finished_at IS NULL AND (held_until <= now() OR holder = {})
RETURNING policy_version, after_user, actor, request_id";

/// The job that computes, in the audit trail.
const JOB: &str = "reevaluation";

impl Db {
    /// Somebody goes to work on what is to be computed anew in a tenant.
    pub fn enter_to_reevaluate(&self, tenant: TenantId, holder: RequestId) -> Scope {
        Scope::new(tenant, Actor::Job { name: JOB.to_owned() }, holder)
    }
}

/// Takes a tenant's for a while, if there is something left to do and nobody else is about it.
pub async fn take(tx: &mut WriteTx, holder: RequestId, time: Duration) -> Result<Option<Turn>, StoreError> {
    let tenant = tx.tenant();
    let ask = statement(TAKE)
        .bind::<SqlUuid, _>(holder.as_uuid())
        .bind::<BigInt, _>(seconds(time))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(holder.as_uuid());
    let Some(row) = tx.load::<TurnRow>(ask).await?.pop() else { return Ok(None) };
    let actor: Actor = serde_json::from_value(row.actor).map_err(StoreError::corrupt)?;
    Ok(Some(Turn {
        scope: Scope::new(tenant, actor, RequestId::from_uuid(row.request_id)),
        policy_version: row.policy_version,
        after: row.after_user.map(UserId::from_uuid),
        holder: holder.as_uuid(),
        time,
    }))
}

#[derive(QueryableByName)]
struct Next {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    locked: bool,
}

const NEXT: &str = "\
WITH next AS (
    SELECT u.tenant_id, u.id FROM users u WHERE u.tenant_id = {} AND u.id > {} ORDER BY u.id LIMIT {}
), free AS (
    SELECT u.id FROM users u JOIN next n ON u.tenant_id = n.tenant_id AND u.id = n.id FOR UPDATE OF u SKIP LOCKED
)
SELECT n.id, f.id IS NOT NULL AS locked FROM next n LEFT JOIN free f ON f.id = n.id ORDER BY n.id";

const NEXT_ALONE: &str = "\
SELECT u.id, true AS locked FROM users u WHERE u.tenant_id = {} AND u.id > {} ORDER BY u.id LIMIT 1 FOR UPDATE";

/// Who is next.
#[derive(Debug)]
pub enum People {
    /// These, by id. They are locked.
    Locked(Vec<UserId>),
    /// Somebody whom somebody else is changing at this moment.
    Busy,
    /// Nobody is left.
    Nobody,
}

/// Locks the next people, by id: as many as nobody else is changing at this moment. If that is none, the transaction must end: those
/// who come after may be locked by it, and would wait for whoever is waited for.
pub async fn next(tx: &mut WriteTx, turn: &Turn, most: i64) -> Result<People, StoreError> {
    let ask = statement(NEXT)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(done_up_to(turn))
        .bind::<BigInt, _>(most);
    let found = tx.load::<Next>(ask).await?;
    let free: Vec<UserId> =
        found.iter().take_while(|row| row.locked).map(|row| UserId::from_uuid(row.id)).collect();
    Ok(match (found.is_empty(), free.is_empty()) {
        (true, _) => People::Nobody,
        (false, true) => People::Busy,
        (false, false) => People::Locked(free),
    })
}

/// Locks the next one alone, when they are free.
pub async fn next_alone(tx: &mut WriteTx, turn: &Turn) -> Result<People, StoreError> {
    let ask =
        statement(NEXT_ALONE).bind::<SqlUuid, _>(tx.tenant().as_uuid()).bind::<SqlUuid, _>(done_up_to(turn));
    let found = tx.load::<Next>(ask).await?.pop();
    Ok(found.map_or(People::Nobody, |row| People::Locked(vec![UserId::from_uuid(row.id)])))
}

/// Nobody has the id nil.
fn done_up_to(turn: &Turn) -> Uuid {
    turn.after.map_or(Uuid::nil(), UserId::as_uuid)
}

#[derive(QueryableByName)]
struct Still {
    #[diesel(sql_type = Bool)]
    #[expect(dead_code, reason = "that there is a row says it")]
    still: bool,
}

const ADVANCE: &str = "\
UPDATE reevaluation r SET after_user = {}, done = done + {}, affected = affected + {},
    people = coalesce(people, (SELECT count(*) FROM users u WHERE u.tenant_id = r.tenant_id)),
    held_until = now() + {} * interval '1 second'
WHERE tenant_id = {} AND holder = {} AND policy_version = {} AND finished_at IS NULL RETURNING true AS still";

/// Notes in the transaction that has computed them that people are done, up to this one. Returns whether it is still this holder's
/// to do: if not, the transaction must not commit. Comes after the policy's lock.
pub async fn advance(
    tx: &mut WriteTx,
    turn: &mut Turn,
    (done, affected): (&[UserId], usize),
) -> Result<bool, StoreError> {
    let Some(last) = done.last() else { return Ok(true) };
    let ask = statement(ADVANCE)
        .bind::<SqlUuid, _>(last.as_uuid())
        .bind::<BigInt, _>(rows(done.len()))
        .bind::<BigInt, _>(rows(affected))
        .bind::<BigInt, _>(seconds(turn.time))
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(turn.holder)
        .bind::<BigInt, _>(turn.policy_version);
    turn.after = Some(*last);
    Ok(!tx.load::<Still>(ask).await?.is_empty())
}

/// Notes that nobody is left.
pub fn finish(tx: &mut WriteTx, turn: &Turn, now: DateTime<Utc>) {
    let ask = statement(
        "UPDATE reevaluation SET finished_at = {}, people = done WHERE tenant_id = {} AND holder = {} AND policy_version = {}",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(turn.holder)
    .bind::<BigInt, _>(turn.policy_version);
    tx.later(ask);
}

/// Leaves what is left to whoever takes it.
pub fn let_go(tx: &mut WriteTx, holder: RequestId) {
    let ask = statement("UPDATE reevaluation SET held_until = now() WHERE tenant_id = {} AND holder = {}")
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(holder.as_uuid());
    tx.later(ask);
}

/// How far a tenant's last one has come.
#[derive(Debug, Clone, QueryableByName)]
pub struct Progress {
    /// The version of the policy by which people are computed.
    #[diesel(sql_type = BigInt)]
    pub policy_version: i64,
    /// How many people there are, when they have been counted.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub people: Option<i64>,
    /// How many are done.
    #[diesel(sql_type = BigInt)]
    pub done: i64,
    /// How many of them have another access than before.
    #[diesel(sql_type = BigInt)]
    pub affected: i64,
    /// When the policy was changed.
    #[diesel(sql_type = Timestamptz)]
    pub started_at: DateTime<Utc>,
    /// When everybody was done.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub finished_at: Option<DateTime<Utc>>,
}

/// How far a tenant's last one has come; none if the policy was never changed.
pub async fn progress(tx: &mut impl Reads) -> Result<Option<Progress>, StoreError> {
    let ask = statement(
        "SELECT policy_version, people, done, affected, started_at, finished_at FROM reevaluation WHERE tenant_id = {}",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid());
    Ok(tx.connection().0.load(ask).await?.pop())
}

/// The tenants in which people are left and nobody is about it.
pub async fn tenants(tx: GlobalTx) -> Result<Vec<TenantId>, StoreError> {
    tx.tenants(statement("SELECT id FROM tenants_with_reevaluations() AS id")).await
}
