//! What each person may do and why, as computed; and the facts to compute it from. Knows rows; does not know rules.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::access::{EffectiveAccess, GroupFact};
use domain::id::{GroupId, UserId};
use domain::seat::SeatState;
use scim::resource::Resource;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::statement::{Shape, Statement, statement};
use crate::tx::{Reads, WriteTx};
use crate::users::document;

/// What the rows say about one person.
#[derive(Debug, Clone)]
pub struct PersonFacts {
    /// Who.
    pub user: UserId,
    /// Whether their directory says that they are active.
    pub active: bool,
    /// Their SCIM document.
    pub resource: Resource,
    /// The groups that they are in.
    pub groups: Vec<GroupFact>,
}

#[derive(QueryableByName)]
struct FactsRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = Jsonb)]
    doc: Value,
    #[diesel(sql_type = Nullable<Jsonb>)]
    groups: Option<Value>,
}

#[derive(Deserialize)]
struct GroupInRow {
    id: GroupId,
    name: String,
    external_id: Option<String>,
}

const FACTS: &str = "\
SELECT u.id, u.active, u.doc,
    (SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id))
     FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
     WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS groups
FROM users u WHERE u.tenant_id = {} AND u.id = ANY({}) ORDER BY u.id";

/// Columns that tell the seat of `u`, for [`seat_state`].
pub(crate) const SEAT_OF: &str = "\
EXISTS (SELECT FROM seat_pool p WHERE p.tenant_id = u.tenant_id) AS has_pool,
EXISTS (SELECT FROM seat_hold h WHERE h.tenant_id = u.tenant_id AND h.user_id = u.id) AS holds,
(SELECT (SELECT count(*) FROM seat_waiter o
         WHERE o.tenant_id = w.tenant_id AND o.pool_id = w.pool_id AND o.n <= w.n)
 FROM seat_waiter w WHERE w.tenant_id = u.tenant_id AND w.user_id = u.id) AS position";

/// The seat that the columns of [`SEAT_OF`] tell.
pub(crate) fn seat_state(has_pool: bool, holds: bool, position: Option<i64>) -> SeatState {
    match (has_pool, holds, position) {
        (false, _, _) => SeatState::NotNeeded,
        (true, true, _) => SeatState::Held,
        (true, false, Some(position)) => {
            SeatState::Waiting { position: u32::try_from(position).unwrap_or(u32::MAX) }
        }
        (true, false, None) => SeatState::Refused,
    }
}

/// The facts about these people. Whoever computes access from them must have locked the people before.
pub async fn facts(tx: &mut impl Reads, people: &[UserId]) -> Result<Vec<PersonFacts>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ids: Vec<Uuid> = people.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<FactsRow> = statement(FACTS)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(ids)
        .load(tx.connection().0.conn())
        .await?;
    rows.into_iter().map(person).collect()
}

fn person(row: FactsRow) -> Result<PersonFacts, StoreError> {
    let groups: Vec<GroupInRow> = match row.groups {
        Some(groups) => serde_json::from_value(groups).map_err(StoreError::corrupt)?,
        None => Vec::new(),
    };
    let groups = groups
        .into_iter()
        .map(|group| GroupFact { id: group.id, display_name: group.name, external_id: group.external_id })
        .collect();
    Ok(PersonFacts {
        user: UserId::from_uuid(row.id),
        active: row.active,
        resource: Resource::from_stored(document(&row.doc)),
        groups,
    })
}

#[derive(QueryableByName)]
struct AccessRow {
    #[diesel(sql_type = Jsonb)]
    access: Value,
    #[diesel(sql_type = Bool)]
    has_pool: bool,
    #[diesel(sql_type = Bool)]
    holds: bool,
    #[diesel(sql_type = Nullable<BigInt>)]
    position: Option<i64>,
}

/// What a person may do now: the stored access behind the seat gate, which is read at this moment.
pub async fn of_person(tx: &mut impl Reads, user: UserId) -> Result<Option<EffectiveAccess>, StoreError> {
    let text = format!(
        "SELECT a.access, {SEAT_OF} FROM user_access a \
         JOIN users u ON u.tenant_id = a.tenant_id AND u.id = a.user_id \
         WHERE a.tenant_id = {{}} AND a.user_id = {{}}"
    );
    let tenant = tx.tenant().as_uuid();
    let row: Option<AccessRow> = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(user.as_uuid())
        .get_result(tx.connection().0.conn())
        .await
        .optional()?;
    row.map(|row| gated(row.access, seat_state(row.has_pool, row.holds, row.position))).transpose()
}

/// A stored access behind the seat gate.
pub(crate) fn gated(stored: Value, seat: SeatState) -> Result<EffectiveAccess, StoreError> {
    let access: EffectiveAccess = serde_json::from_value(stored).map_err(StoreError::corrupt)?;
    Ok(access.behind_seat_gate(seat))
}

#[derive(QueryableByName)]
struct Before {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    access: Value,
}

/// Stores what was computed for these people, without regard to seats, and returns what was stored before.
pub async fn store(
    tx: &mut WriteTx,
    computed: &[(UserId, EffectiveAccess)],
    policy_version: i64,
    now: DateTime<Utc>,
) -> Result<HashMap<UserId, EffectiveAccess>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ids: Vec<Uuid> = computed.iter().map(|(id, _)| id.as_uuid()).collect();
    let access: Vec<Value> = computed
        .iter()
        .map(|(_, access)| serde_json::to_value(access).map_err(StoreError::corrupt))
        .collect::<Result<_, _>>()?;
    let before: Vec<Before> = statement(STORE)
        .bind::<SqlUuid, _>(tenant)
        .bind::<BigInt, _>(policy_version)
        .bind::<Timestamptz, _>(now)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Jsonb>, _>(access)
        .load(tx.conn())
        .await?;
    before
        .into_iter()
        .map(|row| {
            let access = serde_json::from_value(row.access).map_err(StoreError::corrupt)?;
            Ok((UserId::from_uuid(row.user_id), access))
        })
        .collect()
}

// A statement sees the rows as they were before it, so `old` is what the upsert writes over.
const STORE: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS version, {} AS at
), computed AS (
    SELECT c.id, c.access FROM unnest({}, {}) AS c (id, access)
), old AS (
    SELECT a.user_id, a.access FROM user_access a, input
    WHERE a.tenant_id = input.tenant AND a.user_id IN (SELECT id FROM computed)
), stored AS (
    INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at)
    SELECT input.tenant, computed.id, computed.access, input.version, input.at FROM input, computed
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access,
        policy_version = excluded.policy_version, computed_at = excluded.computed_at
)
SELECT user_id, access FROM old";
