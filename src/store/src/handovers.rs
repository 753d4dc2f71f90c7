//! What leavers leave behind: rows that wait until the product has handed over. Knows rows and whose turn it is; does not know who
//! leaves, or who may receive.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::access::Scope as Place;
use domain::id::{HandoverId, TenantId, UserId};
use domain::mapping::ScopeRef;
use serde::Deserialize as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::StoreError;
use crate::holdings;
use crate::schema::{handover, handover_policy};
use crate::statement::statement;
use crate::tx::{GlobalTx, Reads, WriteTx};
use crate::users::Slice;

/// What is left at a place by somebody who had a role there.
#[derive(Debug, Clone)]
pub struct NewHandover {
    /// Its id.
    pub id: HandoverId,
    /// Who left.
    pub user: UserId,
    /// Where.
    pub place: Place,
    /// The roles that they had there.
    pub roles: BTreeSet<String>,
    /// What is left, in the product's word.
    pub thing: String,
    /// Who is to get it; nobody if none.
    pub receiver: Option<UserId>,
    /// Something that whoever looks is to know.
    pub answer: Option<String>,
}

/// A handover as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = handover)]
pub struct HandoverRow {
    /// Id.
    pub id: Uuid,
    /// Who left.
    pub user_id: Uuid,
    place: Value,
    roles: Value,
    /// What is left, in the product's word.
    pub thing: String,
    /// Who is to get it; nobody if none.
    pub receiver_id: Option<Uuid>,
    /// `open`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// How often the product was told.
    pub attempts: i32,
    /// When it is told next.
    pub due_at: Option<DateTime<Utc>>,
    /// What the product said, or what went wrong.
    pub answer: Option<String>,
    /// Who made the person leave, as `domain::audit::Actor` serialises.
    pub opened_by: Value,
    /// By which request.
    pub request_id: Uuid,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// When it came to an end.
    pub ended_at: Option<DateTime<Utc>>,
}

impl HandoverRow {
    /// The id, typed.
    pub fn handover_id(&self) -> HandoverId {
        HandoverId::from_uuid(self.id)
    }

    /// Who left, typed.
    pub fn user(&self) -> UserId {
        UserId::from_uuid(self.user_id)
    }

    /// Who is to get it, typed.
    pub fn receiver(&self) -> Option<UserId> {
        self.receiver_id.map(UserId::from_uuid)
    }

    /// Where it is.
    pub fn place(&self) -> Result<Place, StoreError> {
        Place::deserialize(&self.place).map_err(StoreError::corrupt)
    }

    /// The roles that whoever left had there.
    pub fn roles(&self) -> Result<BTreeSet<String>, StoreError> {
        BTreeSet::deserialize(&self.roles).map_err(StoreError::corrupt)
    }
}

const OPEN: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS actor, {} AS request, {} AS now, {} AS due
)
INSERT INTO handover (tenant_id, id, user_id, place_id, place, roles, thing, receiver_id, state, due_at, answer, opened_by,
    request_id, opened_at)
SELECT tenant, n.id, n.user_id, n.place_id, n.place, n.roles, n.thing, n.receiver_id, 'open', due, n.answer, actor, request, now
FROM input, unnest({}, {}, {}, {}, {}, {}, {}, {})
    AS n (id, user_id, place_id, place, roles, thing, receiver_id, answer)
WHERE NOT EXISTS (SELECT FROM users u WHERE u.tenant_id = tenant AND u.id = n.user_id AND u.invited)
ON CONFLICT DO NOTHING RETURNING id";

/// Opens these, of locked people, to be told to the product from then on. Whoever never accepted an invitation leaves nothing.
/// Returns those that were opened.
pub async fn open(
    tx: &mut WriteTx,
    all: &[NewHandover],
    (now, due): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<HandoverId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let actor = serde_json::to_value(tx.scope().actor()).map_err(StoreError::corrupt)?;
    let request = tx.scope().request().as_uuid();
    let places: Result<Vec<Value>, _> = all.iter().map(|new| serde_json::to_value(&new.place)).collect();
    let open = statement(OPEN)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Jsonb, _>(actor)
        .bind::<SqlUuid, _>(request)
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(due)
        .bind::<Array<SqlUuid>, _>(all.iter().map(|new| new.id.as_uuid()).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(all.iter().map(|new| new.user.as_uuid()).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(all.iter().map(|new| holdings::place(&new.place)).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(places.map_err(StoreError::corrupt)?)
        .bind::<Array<Jsonb>, _>(all.iter().map(|new| json!(new.roles)).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(all.iter().map(|new| new.thing.clone()).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(
            all.iter().map(|new| new.receiver.map(UserId::as_uuid)).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(all.iter().map(|new| new.answer.clone()).collect::<Vec<_>>());
    Ok(typed(tx.load::<Id>(open).await?))
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

fn typed(rows: Vec<Id>) -> Vec<HandoverId> {
    rows.into_iter().map(|row| HandoverId::from_uuid(row.id)).collect()
}

const CANCEL: &str = "\
UPDATE handover h SET state = 'cancelled', due_at = NULL, ended_at = {}
FROM unnest({}, {}) AS b (user_id, place_id)
WHERE h.tenant_id = {} AND h.user_id = b.user_id AND h.place_id = b.place_id AND h.state IN ('open', 'failed')
RETURNING h.id";

/// Cancels what is not done yet of locked people who are back at these places. Returns what it was.
pub async fn cancel(
    tx: &mut WriteTx,
    back: &[(UserId, ScopeRef)],
    now: DateTime<Utc>,
) -> Result<Vec<HandoverRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let cancel = statement(CANCEL)
        .bind::<Timestamptz, _>(now)
        .bind::<Array<SqlUuid>, _>(back.iter().map(|(user, _)| user.as_uuid()).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(back.iter().map(|(_, place)| holdings::row_of(*place)).collect::<Vec<_>>())
        .bind::<SqlUuid, _>(tenant);
    let cancelled = typed(tx.load::<Id>(cancel).await?);
    if cancelled.is_empty() { Ok(Vec::new()) } else { those(tx, &cancelled).await }
}

const MOVE: &str = "\
UPDATE handover h SET user_id = {} WHERE h.tenant_id = {} AND h.user_id = {} AND h.state IN ('open', 'failed')
AND NOT EXISTS (SELECT FROM handover o WHERE o.tenant_id = h.tenant_id AND o.user_id = {} AND o.place_id = h.place_id
    AND o.thing = h.thing AND o.state IN ('open', 'failed'))";

/// What one has left is what the other has left from now on: the two turned out to be one.
pub fn move_to(tx: &mut WriteTx, from: UserId, to: UserId) {
    let moved = statement(MOVE)
        .bind::<SqlUuid, _>(to.as_uuid())
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(from.as_uuid())
        .bind::<SqlUuid, _>(to.as_uuid());
    tx.later(moved);
}

#[diesel::dsl::auto_type(no_type_alias)]
fn one(tenant: Uuid, id: HandoverId) -> _ {
    let id: Uuid = id.as_uuid();
    handover::table.filter(handover::tenant_id.eq(tenant)).filter(handover::id.eq(id))
}

/// Those of these ids, by id.
async fn those(tx: &mut WriteTx, ids: &[HandoverId]) -> Result<Vec<HandoverRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    Ok(handover::table
        .filter(handover::tenant_id.eq(tenant).and(handover::id.eq_any(ids)))
        .order(handover::id)
        .select(HandoverRow::as_select())
        .load(tx.conn().await?)
        .await?)
}

/// What this request has opened of a locked person.
pub async fn opened_here(tx: &mut WriteTx, user: UserId) -> Result<Vec<HandoverRow>, StoreError> {
    let (tenant, request) = (tx.tenant().as_uuid(), tx.scope().request().as_uuid());
    Ok(handover::table
        .filter(handover::tenant_id.eq(tenant).and(handover::user_id.eq(user.as_uuid())))
        .filter(handover::request_id.eq(request).and(handover::state.eq("open")))
        .order(handover::id)
        .select(HandoverRow::as_select())
        .load(tx.conn().await?)
        .await?)
}

/// The handover of this id.
pub async fn find(tx: &mut impl Reads, id: HandoverId) -> Result<Option<HandoverRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(one(tenant, id)
        .select(HandoverRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// The same, locked.
pub async fn lock(tx: &mut WriteTx, id: HandoverId) -> Result<Option<HandoverRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(one(tenant, id)
        .select(HandoverRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// Which handovers: those of which all of this is true.
#[derive(Debug, Clone, Default)]
pub struct Which<'a> {
    /// They are in this state.
    pub state: Option<&'a str>,
    /// This person left.
    pub user: Option<UserId>,
    /// They are at one of these places.
    pub places: Option<BTreeSet<ScopeRef>>,
}

/// The newest first.
pub async fn list(
    tx: &mut impl Reads,
    which: &Which<'_>,
    slice: Slice,
) -> Result<Vec<HandoverRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mut all = handover::table.filter(handover::tenant_id.eq(tenant)).into_boxed();
    if let Some(state) = which.state {
        all = all.filter(handover::state.eq(state.to_owned()));
    }
    if let Some(user) = which.user {
        all = all.filter(handover::user_id.eq(user.as_uuid()));
    }
    if let Some(places) = &which.places {
        let places: Vec<Uuid> = places.iter().map(|place| holdings::row_of(*place)).collect();
        all = all.filter(handover::place_id.eq_any(places));
    }
    Ok(all
        .order(handover::id.desc())
        .offset(slice.offset)
        .limit(slice.limit)
        .select(HandoverRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Keeps what has changed of a locked handover: to whom, in which state, when it is told next, and what was said.
pub async fn keep(tx: &mut WriteTx, row: &HandoverRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(one(tenant, row.handover_id()))
        .set((
            handover::receiver_id.eq(row.receiver_id),
            handover::state.eq(&row.state),
            handover::attempts.eq(row.attempts),
            handover::due_at.eq(row.due_at),
            handover::answer.eq(&row.answer),
            handover::ended_at.eq(row.ended_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// The tenants in which something is to be handed over by now.
pub async fn tenants(tx: GlobalTx, now: DateTime<Utc>) -> Result<Vec<TenantId>, StoreError> {
    let ask = statement("SELECT id FROM tenants_with_handovers({}) AS id").bind::<Timestamptz, _>(now);
    tx.tenants(ask).await
}

/// How the product is told again and again.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// After so many seconds the second time; each further time after twice as long.
    pub first: i32,
    /// But never later than after so many seconds.
    pub longest: i32,
}

const TAKE: &str = "\
WITH due AS (
    SELECT tenant_id, id FROM handover WHERE tenant_id = {} AND due_at <= {}
    ORDER BY due_at LIMIT {} FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE handover h SET attempts = attempts + 1,
    due_at = {} + least({} * power(2, least(attempts, 30)), {}) * interval '1 second'
FROM due WHERE h.tenant_id = due.tenant_id AND h.id = due.id RETURNING h.id";

/// Takes those whose turn it is by now, and notes when it is their turn again. Whoever takes them has them until the end of the
/// transaction.
pub async fn take(
    tx: &mut WriteTx,
    most: i64,
    patience: Patience,
    now: DateTime<Utc>,
) -> Result<Vec<HandoverRow>, StoreError> {
    let take = statement(TAKE)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<Timestamptz, _>(now)
        .bind::<BigInt, _>(most)
        .bind::<Timestamptz, _>(now)
        .bind::<Integer, _>(patience.first)
        .bind::<Integer, _>(patience.longest);
    let taken = typed(tx.load::<Id>(take).await?);
    if taken.is_empty() { Ok(Vec::new()) } else { those(tx, &taken).await }
}

/// To whom things go when nobody chooses.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = handover_policy)]
pub struct PolicyRow {
    /// `unassign`, `manager` or `person`.
    pub by_directory: String,
    /// The person.
    pub person_id: Option<Uuid>,
    /// How long an identity provider's word is waited with.
    pub grace_minutes: i32,
}

/// What the tenant has decided, if it has.
pub async fn policy(tx: &mut impl Reads) -> Result<Option<PolicyRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(handover_policy::table
        .filter(handover_policy::tenant_id.eq(tenant))
        .select(PolicyRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// Decides it.
pub async fn set_policy(tx: &mut WriteTx, row: &PolicyRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let values = (
        handover_policy::by_directory.eq(&row.by_directory),
        handover_policy::person_id.eq(row.person_id),
        handover_policy::grace_minutes.eq(row.grace_minutes),
    );
    diesel::insert_into(handover_policy::table)
        .values((handover_policy::tenant_id.eq(tenant), values))
        .on_conflict(handover_policy::tenant_id)
        .do_update()
        .set(values)
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}
