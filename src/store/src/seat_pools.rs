//! A tenant's seat pools as they are set and shown. Knows what was bought, who comes in line when seats begin to be counted, and who goes
//! over to a pool that is new; how one person comes to a seat is known in `seats`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{SeatPoolId, UserId};
use domain::seat::{AtLimit, Chosen, PoolClass};
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{seat_hold, seat_ledger, seat_pool};
use crate::seat_books::note_terms;
use crate::seats::{
    Pool, PoolRow, Pools, Promoted, columns, give_back, grant, keep_waiter_seq, lock, pass_on, promote,
};
use crate::statement::statement;
use crate::tx::{Reads, WriteTx};

/// Whether those are seated who were invited and have yet to accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfInvited {
    /// They are, until their invitation has run out.
    Counted,
    /// They are not.
    NotCounted,
}

/// The tenant's pools, unlocked: for showing.
pub async fn all(tx: &mut impl Reads) -> Result<Pools, StoreError> {
    let ask =
        statement(concat!("SELECT ", columns!(), " FROM seat_pool WHERE tenant_id = {} ORDER BY class"))
            .bind::<SqlUuid, _>(tx.tenant().as_uuid());
    let rows = tx.connection().0.load::<PoolRow>(ask).await?;
    Ok(Pools(rows.into_iter().map(PoolRow::into_pool).collect::<Result<_, _>>()?))
}

/// One of them.
pub async fn show(tx: &mut impl Reads, class: &PoolClass) -> Result<Option<Pool>, StoreError> {
    Ok(all(tx).await?.0.into_iter().find(|pool| pool.class == *class))
}

/// The role of those who wait already, from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfWaiting {
    /// That which those have who come in line by this.
    Same,
    /// None, since nobody has one who waits.
    Nothing,
    /// That which they have.
    AsBefore,
}

/// What a pool is set to.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Whose seats they are.
    pub class: PoolClass,
    /// How many seats were bought.
    pub purchased: i32,
    /// What the tenant chose to happen at the limit.
    pub chosen: Chosen,
    /// What the product says of all doors of which it says nothing by themselves.
    pub product: AtLimit,
    /// What happens to those who are in already and hold no seat.
    pub to_those_in: AtLimit,
    /// The role that they have while they wait.
    pub meanwhile: Option<String>,
    /// The role of those who wait already.
    pub waiting: OfWaiting,
    /// Whether they are among them who have yet to accept an invitation.
    pub invited: OfInvited,
}

/// Sets what was bought and what happens at the limit; creates the pool if there is none. Those who have a seat of the common pool and
/// belong to the new one go over with it, and those who wait in their order. Returns the pool as it is then and those who got a seat by
/// it. Whoever makes a pool holds the policy alone.
pub async fn set(
    tx: &mut WriteTx,
    fresh: SeatPoolId,
    setting: Setting,
    now: DateTime<Utc>,
) -> Result<(Pool, Vec<Promoted>), StoreError> {
    let Setting { class, purchased, chosen, product, to_those_in, meanwhile, waiting, invited } = setting;
    // Before a row of one is written: in the order in which everybody locks them.
    lock(tx).await?;
    let tenant = tx.tenant().as_uuid();
    let named = serde_json::to_value(chosen.for_all.unwrap_or(product)).map_err(StoreError::corrupt)?;
    let named = named.as_str().unwrap_or_default().to_owned();
    let left_to_product = chosen.for_all.is_none();
    let by = serde_json::to_value(&chosen.by).map_err(StoreError::corrupt)?;
    diesel::insert_into(seat_pool::table)
        .values((
            seat_pool::tenant_id.eq(tenant),
            seat_pool::id.eq(fresh.as_uuid()),
            seat_pool::class.eq(class.as_stored()),
            seat_pool::purchased.eq(purchased),
            seat_pool::at_limit.eq(&named),
            seat_pool::at_limit_by.eq(&by),
            seat_pool::left_to_product.eq(left_to_product),
            seat_pool::used.eq(0),
            seat_pool::peak.eq(0),
            seat_pool::seq.eq(0),
            seat_pool::waiter_seq.eq(0),
        ))
        .on_conflict((seat_pool::tenant_id, seat_pool::class))
        .do_update()
        .set((
            seat_pool::purchased.eq(purchased),
            seat_pool::at_limit.eq(&named),
            seat_pool::at_limit_by.eq(&by),
            seat_pool::left_to_product.eq(left_to_product),
        ))
        .execute(tx.conn().await?)
        .await?;
    let mut pools = lock(tx).await?;
    let Some(id) = pools.0.iter().find(|pool| pool.class == class).map(|pool| pool.id.as_uuid()) else {
        return Err(StoreError::corrupt("the seat pool is gone"));
    };
    let is_new = id == fresh.as_uuid();
    let [common, own] = two(&mut pools, id);
    let own = own.ok_or_else(|| StoreError::corrupt("the seat pool is gone"))?;
    note_terms(tx, own, &named, now);
    if let Some(common) = common.filter(|_| is_new) {
        go_over(tx, common, own, now).await?;
    }
    match waiting {
        OfWaiting::Same => let_wait_with(tx, own, meanwhile.clone()),
        OfWaiting::Nothing => let_wait_with(tx, own, None),
        OfWaiting::AsBefore => {}
    }
    queue_the_active(tx, own, (invited, meanwhile), now).await?;
    let (mut promoted, mut left) = promote(tx, &mut pools, (id, to_those_in), now).await?;
    if is_new {
        left.extend(pools.iter().filter(|pool| pool.class.is_common()).map(|pool| pool.id.as_uuid()));
    }
    promoted.extend(pass_on(tx, &mut pools, left, now).await?);
    let pool = pools.0.into_iter().find(|pool| pool.id.as_uuid() == id);
    Ok((pool.ok_or_else(|| StoreError::corrupt("the seat pool is gone"))?, promoted))
}

/// The common pool, if that is another, and the one of this id.
fn two(pools: &mut Pools, id: Uuid) -> [Option<&mut Pool>; 2] {
    let (mut common, mut own) = (None, None);
    for pool in &mut pools.0 {
        if pool.id.as_uuid() == id {
            own = Some(pool);
        } else if pool.class.is_common() {
            common = Some(pool);
        }
    }
    [common, own]
}

#[derive(QueryableByName)]
struct Person {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
}

const HOLDERS: &str = "\
SELECT h.user_id FROM seat_hold h JOIN user_access a ON a.tenant_id = h.tenant_id AND a.user_id = h.user_id
WHERE h.tenant_id = {} AND h.pool_id = {} AND a.seat_class = {} ORDER BY h.user_id";

const LINE_GOES_OVER: &str = "\
WITH gone AS (
    DELETE FROM seat_waiter w USING user_access a
    WHERE w.tenant_id = {} AND w.pool_id = {} AND a.tenant_id = w.tenant_id AND a.user_id = w.user_id AND a.seat_class = {}
    RETURNING w.tenant_id, w.n, w.user_id, w.since, w.meanwhile
)
INSERT INTO seat_waiter (tenant_id, pool_id, n, user_id, since, meanwhile)
SELECT tenant_id, {}, row_number() OVER (ORDER BY n), user_id, since, meanwhile FROM gone";

/// Those of the new pool's class go over from the common pool: with their seats, however many were bought, and in their order.
async fn go_over(
    tx: &mut WriteTx,
    common: &mut Pool,
    own: &mut Pool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (tenant, class) = (tx.tenant().as_uuid(), own.class.as_stored().to_owned());
    let holders = statement(HOLDERS)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(common.id.as_uuid())
        .bind::<Text, _>(class.clone());
    let holders: Vec<Person> = tx.load(holders).await?;
    let holders: Vec<UserId> = holders.iter().map(|person| UserId::from_uuid(person.user_id)).collect();
    if !holders.is_empty() {
        give_back(tx, common, &holders, now);
        grant(tx, own, &holders, "class", now);
    }
    let moved = statement(LINE_GOES_OVER)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(common.id.as_uuid())
        .bind::<Text, _>(class)
        .bind::<SqlUuid, _>(own.id.as_uuid())
        .execute(tx.conn().await?)
        .await?;
    own.waiter_seq = own.waiter_seq.saturating_add(i64::try_from(moved).unwrap_or(i64::MAX));
    keep_waiter_seq(tx, own);
    Ok(())
}

const LET_WAIT: &str = "\
WITH input AS (SELECT {} AS tenant, {} AS pool, {} AS role)
UPDATE seat_waiter w SET meanwhile = input.role FROM input
WHERE w.tenant_id = input.tenant AND w.pool_id = input.pool AND w.meanwhile IS DISTINCT FROM input.role
AND NOT EXISTS (SELECT FROM seat_hold h WHERE h.tenant_id = w.tenant_id AND h.user_id = w.user_id)";

/// Those who wait and have no seat have this role meanwhile.
fn let_wait_with(tx: &mut WriteTx, pool: &Pool, role: Option<String>) {
    let change = statement(LET_WAIT)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(pool.id.as_uuid())
        .bind::<Nullable<Text>, _>(role);
    tx.later(change);
}

/// Those who count in a pool: in that of their class, or in the common one if their class has none.
const QUEUE: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS pool, {} AS class, {} AS last, {} AS at, {} AS counts_the_invited, {} AS meanwhile
)
INSERT INTO seat_waiter (tenant_id, pool_id, n, user_id, since, meanwhile)
SELECT tenant, pool, last + row_number() OVER (ORDER BY u.id), u.id, at, input.meanwhile
FROM input, users u JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
WHERE u.tenant_id = tenant AND u.active
AND (a.seat_class = input.class OR input.class = '' AND a.seat_class IS NOT NULL AND NOT EXISTS (
    SELECT FROM seat_pool p WHERE p.tenant_id = tenant AND p.class = a.seat_class))
AND (NOT u.invited OR input.counts_the_invited AND NOT EXISTS (
    SELECT FROM invitation i WHERE i.tenant_id = tenant AND i.user_id = u.id AND i.state = 'expired'))
AND NOT EXISTS (SELECT FROM seat_hold h WHERE h.tenant_id = tenant AND h.user_id = u.id)
AND NOT EXISTS (SELECT FROM seat_waiter w WHERE w.tenant_id = tenant AND w.user_id = u.id)";

/// Puts those who were active before seats were counted in line, in the order in which they came.
async fn queue_the_active(
    tx: &mut WriteTx,
    pool: &mut Pool,
    (invited, meanwhile): (OfInvited, Option<String>),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let queued = statement(QUEUE)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(pool.id.as_uuid())
        .bind::<Text, _>(pool.class.as_stored().to_owned())
        .bind::<BigInt, _>(pool.waiter_seq)
        .bind::<Timestamptz, _>(now)
        .bind::<Bool, _>(invited == OfInvited::Counted)
        .bind::<Nullable<Text>, _>(meanwhile)
        .execute(tx.conn().await?)
        .await?;
    if queued > 0 {
        pool.waiter_seq = pool.waiter_seq.saturating_add(i64::try_from(queued).unwrap_or(i64::MAX));
        keep_waiter_seq(tx, pool);
    }
    Ok(())
}

/// Of these people those who are to have the seat that they need: they are active, and have accepted if they were invited, unless the
/// product counts the invited.
pub async fn counted(
    tx: &mut WriteTx,
    people: &[UserId],
    invited: OfInvited,
) -> Result<Vec<UserId>, StoreError> {
    let ask = statement(
        "SELECT u.id AS user_id FROM users u WHERE u.tenant_id = {} AND u.id = ANY({}) AND u.active \
         AND (NOT u.invited OR {} AND NOT EXISTS ( \
             SELECT FROM invitation i WHERE i.tenant_id = u.tenant_id AND i.user_id = u.id AND i.state = 'expired')) \
         ORDER BY u.id",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<Array<SqlUuid>, _>(people.iter().map(|id| id.as_uuid()).collect::<Vec<_>>())
    .bind::<Bool, _>(invited == OfInvited::Counted);
    let found: Vec<Person> = tx.load(ask).await?;
    Ok(found.iter().map(|person| UserId::from_uuid(person.user_id)).collect())
}

/// Somebody who waits.
#[derive(Debug, Clone)]
pub struct Waiter {
    /// Who.
    pub user: UserId,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The role that they have meanwhile.
    pub meanwhile: Option<String>,
    /// Whose seat they go on with.
    pub holds: Option<PoolClass>,
}

#[derive(QueryableByName)]
struct WaiterRow {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    since: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    meanwhile: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    holds: Option<String>,
}

/// Everybody who waits for a seat of a pool, in order.
pub async fn waiters(tx: &mut impl Reads, pool: SeatPoolId) -> Result<Vec<Waiter>, StoreError> {
    let ask = statement(
        "SELECT w.user_id, w.since, w.meanwhile, p.class AS holds FROM seat_waiter w \
         LEFT JOIN seat_hold h ON h.tenant_id = w.tenant_id AND h.user_id = w.user_id \
         LEFT JOIN seat_pool p ON p.tenant_id = h.tenant_id AND p.id = h.pool_id \
         WHERE w.tenant_id = {} AND w.pool_id = {} ORDER BY w.n",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(pool.as_uuid());
    let rows: Vec<WaiterRow> = tx.connection().0.load(ask).await?;
    let waiter = |row: WaiterRow| Waiter {
        user: UserId::from_uuid(row.user_id),
        since: row.since,
        meanwhile: row.meanwhile,
        holds: row.holds.map(PoolClass::stored),
    };
    Ok(rows.into_iter().map(waiter).collect())
}

/// What the rows of a pool add up to, for reconciliation: they must all say the same as `used`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Rows of holds.
    pub holds: i64,
    /// Sum of the ledger's deltas.
    pub ledger: i64,
    /// Lines of the ledger.
    pub lines: i64,
}

/// Adds up holds and ledger of a pool.
pub async fn sums(tx: &mut impl Reads, pool: SeatPoolId) -> Result<Sums, StoreError> {
    let (tenant, pool) = (tx.tenant().as_uuid(), pool.as_uuid());
    let holds = seat_hold::table
        .filter(seat_hold::tenant_id.eq(tenant).and(seat_hold::pool_id.eq(pool)))
        .count()
        .get_result(tx.connection().0.conn().await?)
        .await?;
    let (ledger, lines): (Option<i64>, i64) = seat_ledger::table
        .filter(seat_ledger::tenant_id.eq(tenant).and(seat_ledger::pool_id.eq(pool)))
        .select((diesel::dsl::sum(seat_ledger::delta), diesel::dsl::count_star()))
        .first(tx.connection().0.conn().await?)
        .await?;
    Ok(Sums { holds, ledger: ledger.unwrap_or(0), lines })
}
