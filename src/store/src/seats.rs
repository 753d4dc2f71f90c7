//! Seat pools: a counter, holds, waiters and the ledger. Knows how a seat is claimed and released exactly once; what
//! is decided at the limit comes from `domain::seat`.
//!
//! The pool row is locked first, always, even when the pool is full: otherwise a release that commits meanwhile sees no
//! waiter, and a seat stays free while somebody waits. Whoever releases promotes, in the same transaction.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use domain::id::{SeatPoolId, UserId};
use domain::seat::{AtLimit, Chosen, Claim, PoolState};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{seat_hold, seat_ledger, seat_pool, seat_waiter};
use crate::seat_books::note_terms;
use crate::statement::{Shape, Statement, statement};
use crate::tx::{Reads, WriteTx};

/// A pool as it is kept.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Id.
    pub id: SeatPoolId,
    /// What was bought and what is used.
    pub state: PoolState,
    /// What the tenant chose to happen at the limit.
    pub chosen: Chosen,
    /// The most that were ever used at once.
    pub peak: i32,
    /// Number of the newest ledger line.
    pub seq: i64,
    waiter_seq: i64,
}

/// Whether those are seated who were invited and have yet to accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfInvited {
    /// They are, until their invitation has run out.
    Counted,
    /// They are not.
    NotCounted,
}

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// The person holds a seat, from now or from before.
    Held,
    /// They wait in line.
    Waiting,
    /// They neither hold a seat nor wait for one.
    Refused,
    /// This tenant does not count seats.
    NotCounted,
}

#[derive(QueryableByName)]
struct PoolRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Integer)]
    purchased: i32,
    #[diesel(sql_type = Text)]
    at_limit: String,
    #[diesel(sql_type = Jsonb)]
    at_limit_by: Value,
    #[diesel(sql_type = Bool)]
    left_to_product: bool,
    #[diesel(sql_type = Integer)]
    used: i32,
    #[diesel(sql_type = Integer)]
    peak: i32,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = BigInt)]
    waiter_seq: i64,
}

impl PoolRow {
    fn into_pool(self) -> Result<Pool, StoreError> {
        let at_limit: AtLimit = serde_json::from_value(self.at_limit.into()).map_err(StoreError::corrupt)?;
        let chosen = Chosen {
            for_all: (!self.left_to_product).then_some(at_limit),
            by: serde_json::from_value(self.at_limit_by).map_err(StoreError::corrupt)?,
        };
        Ok(Pool {
            id: SeatPoolId::from_uuid(self.id),
            state: PoolState { purchased: self.purchased, used: self.used },
            chosen,
            peak: self.peak,
            seq: self.seq,
            waiter_seq: self.waiter_seq,
        })
    }
}

/// What is read of a pool.
macro_rules! columns {
    () => {
        "id, purchased, at_limit, at_limit_by, left_to_product, used, peak, seq, waiter_seq"
    };
}

/// The tenant's pool, unlocked: for showing.
pub async fn show(tx: &mut impl Reads) -> Result<Option<Pool>, StoreError> {
    let ask = statement(concat!("SELECT ", columns!(), " FROM seat_pool WHERE tenant_id = {}"))
        .bind::<SqlUuid, _>(tx.tenant().as_uuid());
    tx.connection().0.load::<PoolRow>(ask).await?.pop().map(PoolRow::into_pool).transpose()
}

const LOCK: &str = concat!("SELECT ", columns!(), " FROM seat_pool WHERE tenant_id = {} FOR NO KEY UPDATE");

fn lock_statement(tx: &WriteTx) -> Statement<'static> {
    statement(LOCK).bind::<SqlUuid, _>(tx.tenant().as_uuid())
}

/// The tenant's pool, locked until the end of the transaction.
async fn lock(tx: &mut WriteTx) -> Result<Option<Pool>, StoreError> {
    let lock = lock_statement(tx);
    tx.load::<PoolRow>(lock).await?.pop().map(PoolRow::into_pool).transpose()
}

#[derive(QueryableByName)]
struct Person {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
}

/// People who ask for seats, and the pool, locked until the end of the transaction.
#[derive(Debug)]
pub struct Asked {
    people: Vec<UserId>,
    pool: Option<Pool>,
    policy_version: Option<i64>,
    held: HashSet<Uuid>,
}

/// [`LOCK`], with the version of the policy for whoever has to ask it: that costs no flight of its own.
const ASK: &str = concat!(
    "SELECT ",
    columns!(),
    ",
    (SELECT v.version FROM access_policy v WHERE v.tenant_id = seat_pool.tenant_id) AS policy_version
FROM seat_pool WHERE tenant_id = {} FOR NO KEY UPDATE"
);

#[derive(QueryableByName)]
struct AskedRow {
    #[diesel(embed)]
    pool: PoolRow,
    #[diesel(sql_type = Nullable<BigInt>)]
    policy_version: Option<i64>,
}

/// Locks the pool for locked people who ask for seats. What each is told is up to [`Asked::answer`].
pub async fn ask(tx: &mut WriteTx, people: &[UserId]) -> Result<Asked, StoreError> {
    let ids: Vec<Uuid> = people.iter().map(|id| id.as_uuid()).collect();
    let holds = statement("SELECT user_id FROM seat_hold WHERE tenant_id = {} AND user_id = ANY({})")
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<Array<SqlUuid>, _>(ids);
    let lock = statement(ASK).bind::<SqlUuid, _>(tx.tenant().as_uuid());
    let (mut pool, holds) = tx.load_both::<AskedRow, Person>(lock, holds).await?;
    let pool = pool.pop();
    Ok(Asked {
        people: people.to_vec(),
        policy_version: pool.as_ref().and_then(|row| row.policy_version),
        pool: pool.map(|row| row.pool.into_pool()).transpose()?,
        held: holds.into_iter().map(|hold| hold.user_id).collect(),
    })
}

impl Asked {
    /// The version of the policy in force.
    pub fn policy_version(&self) -> Option<i64> {
        self.policy_version
    }

    /// What the tenant chose to happen at the limit, if somebody will hear of it: fewer seats are free than are asked for.
    pub fn short(&self) -> Option<&Chosen> {
        let pool = self.pool.as_ref()?;
        let asking = self.people.iter().filter(|user| !self.held.contains(&user.as_uuid())).count();
        let free = usize::try_from(pool.state.free()).unwrap_or(usize::MAX);
        (asking > free).then_some(&pool.chosen)
    }

    /// Gives them seats, one after the other, or places in line, where this happens when none is left; who waits has this role
    /// meanwhile. Where one is refused, the transaction is to be given up.
    pub fn answer(
        self,
        tx: &mut WriteTx,
        (at_limit, meanwhile): (AtLimit, Option<&str>),
        now: DateTime<Utc>,
    ) -> Vec<Claimed> {
        let Self { people, pool, held, .. } = self;
        let Some(mut pool) = pool else { return vec![Claimed::NotCounted; people.len()] };
        let mut state = pool.state;
        let (mut seated, mut in_line) = (Vec::new(), Vec::new());
        let claims = people.iter().map(|user| {
            if held.contains(&user.as_uuid()) {
                return Claimed::Held;
            }
            match domain::seat::decide(&state, at_limit) {
                Claim::Grant => {
                    state.used = state.used.saturating_add(1);
                    seated.push(*user);
                    Claimed::Held
                }
                Claim::Wait => {
                    in_line.push(*user);
                    Claimed::Waiting
                }
                Claim::Refuse => Claimed::Refused,
            }
        });
        let claims = claims.collect();
        if !seated.is_empty() {
            grant(tx, &mut pool, &seated, "claim", now);
        }
        if !in_line.is_empty() {
            wait(tx, &mut pool, &in_line, meanwhile, now);
        }
        claims
    }
}

/// What came of a release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Released {
    /// Whether the person held a seat.
    pub held: bool,
    /// Those whose turn it was.
    pub promoted: Vec<UserId>,
}

/// Releases a locked person's seat or place in line, and passes free seats on.
pub async fn release(
    tx: &mut WriteTx,
    user: UserId,
    cause: &str,
    now: DateTime<Utc>,
) -> Result<Released, StoreError> {
    let Some(mut pool) = lock(tx).await? else { return Ok(Released::default()) };
    let tenant = tx.tenant().as_uuid();
    let unqueue = statement("DELETE FROM seat_waiter WHERE tenant_id = {} AND user_id = {}")
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(user.as_uuid());
    tx.later(unqueue);
    let release = statement("DELETE FROM seat_hold WHERE tenant_id = {} AND user_id = {} RETURNING user_id")
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(user.as_uuid());
    if tx.load::<Person>(release).await?.is_empty() {
        return Ok(Released::default());
    }
    pool.state.used -= 1;
    enter(tx, &mut pool, &[user], -1, cause, now);
    Ok(Released { held: true, promoted: pass_on(tx, &mut pool, now).await? })
}

/// Releases a locked person's seat like [`release`], save that another locked person comes before the line, if they wait
/// in it: the two turned out to be one.
pub async fn hand_over(
    tx: &mut WriteTx,
    from: UserId,
    to: UserId,
    now: DateTime<Utc>,
) -> Result<Released, StoreError> {
    let Some(mut pool) = lock(tx).await? else { return Ok(Released::default()) };
    let tenant = tx.tenant().as_uuid();
    let leave = |table: &str, user: UserId| {
        let text = format!("DELETE FROM {table} WHERE tenant_id = {{}} AND user_id = {{}} RETURNING user_id");
        Statement::composed(text, Vec::new(), Shape::Kept)
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(user.as_uuid())
    };
    tx.later(leave("seat_waiter", from));
    if tx.load::<Person>(leave("seat_hold", from)).await?.is_empty() {
        return Ok(Released::default());
    }
    pool.state.used -= 1;
    enter(tx, &mut pool, &[from], -1, "adopt", now);
    let promoted = if tx.load::<Person>(leave("seat_waiter", to)).await?.is_empty() {
        pass_on(tx, &mut pool, now).await?
    } else {
        grant(tx, &mut pool, &[to], "adopt", now);
        vec![to]
    };
    Ok(Released { held: true, promoted })
}

/// What a pool is set to.
#[derive(Debug, Clone)]
pub struct Setting {
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
    /// Whether they are among them who have yet to accept an invitation.
    pub invited: OfInvited,
}

/// Sets what was bought and what happens at the limit; creates the pool if there is none. Returns the pool as it is
/// then and those who got a seat by it.
pub async fn set(
    tx: &mut WriteTx,
    fresh: SeatPoolId,
    Setting { purchased, chosen, product, to_those_in, meanwhile, invited }: Setting,
    now: DateTime<Utc>,
) -> Result<(Pool, Vec<UserId>), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let named = serde_json::to_value(chosen.for_all.unwrap_or(product)).map_err(StoreError::corrupt)?;
    let named = named.as_str().unwrap_or_default().to_owned();
    let left_to_product = chosen.for_all.is_none();
    let by = serde_json::to_value(&chosen.by).map_err(StoreError::corrupt)?;
    diesel::insert_into(seat_pool::table)
        .values((
            seat_pool::tenant_id.eq(tenant),
            seat_pool::id.eq(fresh.as_uuid()),
            seat_pool::purchased.eq(purchased),
            seat_pool::at_limit.eq(&named),
            seat_pool::at_limit_by.eq(&by),
            seat_pool::left_to_product.eq(left_to_product),
            seat_pool::used.eq(0),
            seat_pool::peak.eq(0),
            seat_pool::seq.eq(0),
            seat_pool::waiter_seq.eq(0),
        ))
        .on_conflict(seat_pool::tenant_id)
        .do_update()
        .set((
            seat_pool::purchased.eq(purchased),
            seat_pool::at_limit.eq(&named),
            seat_pool::at_limit_by.eq(&by),
            seat_pool::left_to_product.eq(left_to_product),
        ))
        .execute(tx.conn().await?)
        .await?;
    let Some(mut pool) = lock(tx).await? else {
        return Err(StoreError::corrupt("the seat pool is gone"));
    };
    note_terms(tx, &pool, &named, now);
    queue_the_active(tx, &mut pool, (invited, meanwhile), now).await?;
    let promoted = promote(tx, &mut pool, to_those_in, now).await?;
    Ok((pool, promoted))
}

const QUEUE: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS pool, {} AS last, {} AS at, {} AS counts_the_invited, {} AS meanwhile
)
INSERT INTO seat_waiter (tenant_id, pool_id, n, user_id, since, meanwhile)
SELECT tenant, pool, last + row_number() OVER (ORDER BY u.id), u.id, at, input.meanwhile
FROM users u, input
WHERE u.tenant_id = tenant AND u.active
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

fn keep_waiter_seq(tx: &mut WriteTx, pool: &Pool) {
    let keep = statement("UPDATE seat_pool SET waiter_seq = {} WHERE tenant_id = {}")
        .bind::<BigInt, _>(pool.waiter_seq)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid());
    tx.later(keep);
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
}

/// Everybody who waits, in order.
pub async fn waiters(tx: &mut impl Reads) -> Result<Vec<Waiter>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let rows: Vec<(Uuid, DateTime<Utc>, Option<String>)> = seat_waiter::table
        .filter(seat_waiter::tenant_id.eq(tenant))
        .order(seat_waiter::n)
        .select((seat_waiter::user_id, seat_waiter::since, seat_waiter::meanwhile))
        .load(tx.connection().0.conn().await?)
        .await?;
    let waiter = |(id, since, meanwhile)| Waiter { user: UserId::from_uuid(id), since, meanwhile };
    Ok(rows.into_iter().map(waiter).collect())
}

/// What the rows add up to, for reconciliation: they must all say the same as `used`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Rows of holds.
    pub holds: i64,
    /// Sum of the ledger's deltas.
    pub ledger: i64,
    /// Lines of the ledger.
    pub lines: i64,
}

/// Adds up holds and ledger.
pub async fn sums(tx: &mut impl Reads) -> Result<Sums, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let holds = seat_hold::table
        .filter(seat_hold::tenant_id.eq(tenant))
        .count()
        .get_result(tx.connection().0.conn().await?)
        .await?;
    let (ledger, lines): (Option<i64>, i64) = seat_ledger::table
        .filter(seat_ledger::tenant_id.eq(tenant))
        .select((diesel::dsl::sum(seat_ledger::delta), diesel::dsl::count_star()))
        .first(tx.connection().0.conn().await?)
        .await?;
    Ok(Sums { holds, ledger: ledger.unwrap_or(0), lines })
}

/// Passes free seats on to those who wait.
async fn pass_on(tx: &mut WriteTx, pool: &mut Pool, now: DateTime<Utc>) -> Result<Vec<UserId>, StoreError> {
    let at_limit = pool.chosen.to_those_in_line();
    promote(tx, pool, at_limit, now).await
}

async fn promote(
    tx: &mut WriteTx,
    pool: &mut Pool,
    at_limit: AtLimit,
    now: DateTime<Utc>,
) -> Result<Vec<UserId>, StoreError> {
    let free = domain::seat::promotable(&pool.state, at_limit);
    if free == 0 {
        return Ok(Vec::new());
    }
    let tenant = tx.tenant().as_uuid();
    let ask = statement(
        "SELECT user_id FROM seat_waiter WHERE tenant_id = {} AND pool_id = {} ORDER BY n LIMIT {}",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(pool.id.as_uuid())
    .bind::<BigInt, _>(i64::from(free));
    let first: Vec<Person> = tx.load(ask).await?;
    if first.is_empty() {
        return Ok(Vec::new());
    }
    let promoted: Vec<UserId> = first.iter().map(|person| UserId::from_uuid(person.user_id)).collect();
    let unqueue =
        statement("DELETE FROM seat_waiter WHERE tenant_id = {} AND pool_id = {} AND user_id = ANY({})")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(pool.id.as_uuid())
            .bind::<Array<SqlUuid>, _>(first.into_iter().map(|person| person.user_id).collect::<Vec<_>>());
    tx.later(unqueue);
    grant(tx, pool, &promoted, "promotion", now);
    Ok(promoted)
}

fn grant(tx: &mut WriteTx, pool: &mut Pool, people: &[UserId], cause: &str, now: DateTime<Utc>) {
    let tenant = tx.tenant().as_uuid();
    let ids: Vec<Uuid> = people.iter().map(|id| id.as_uuid()).collect();
    let hold = statement(
        "INSERT INTO seat_hold (tenant_id, pool_id, user_id, since) SELECT {}, {}, id, {} FROM unnest({}) AS id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(pool.id.as_uuid())
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(ids);
    tx.later(hold);
    pool.state.used = pool.state.used.saturating_add(i32::try_from(people.len()).unwrap_or(i32::MAX));
    pool.peak = pool.peak.max(pool.state.used);
    enter(tx, pool, people, 1, cause, now);
}

/// Who waits already keeps their place.
fn wait(tx: &mut WriteTx, pool: &mut Pool, people: &[UserId], meanwhile: Option<&str>, now: DateTime<Utc>) {
    let ids: Vec<Uuid> = people.iter().map(|id| id.as_uuid()).collect();
    let lines = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let stand = statement(STAND)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(pool.id.as_uuid())
        .bind::<BigInt, _>(pool.waiter_seq)
        .bind::<Timestamptz, _>(now)
        .bind::<Nullable<Text>, _>(meanwhile.map(str::to_owned))
        .bind::<Array<SqlUuid>, _>(ids);
    tx.later(stand);
    pool.waiter_seq = pool.waiter_seq.saturating_add(lines);
    keep_waiter_seq(tx, pool);
}

const STAND: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS pool, {} AS last, {} AS at, {} AS meanwhile
)
INSERT INTO seat_waiter (tenant_id, pool_id, n, user_id, since, meanwhile)
SELECT tenant, pool, last + p.n, p.id, at, input.meanwhile FROM input, unnest({}) WITH ORDINALITY AS p (id, n)
ON CONFLICT DO NOTHING";

const ENTER: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS pool, {} AS first, {} AS first_used, {} AS delta, {} AS cause, {} AS at, {} AS request
), line AS (
    INSERT INTO seat_ledger (tenant_id, pool_id, seq, at, delta, used_after, user_id, cause, request_id)
    SELECT tenant, pool, first + p.n, at, delta, (first_used + delta * p.n)::integer, p.id, cause, request
    FROM input, unnest({}) WITH ORDINALITY AS p (id, n)
)
UPDATE seat_pool SET used = {}, peak = {}, seq = {} FROM input WHERE tenant_id = tenant AND id = pool";

/// Writes the counter and one ledger line per person, numbered without gaps under the pool's lock.
fn enter(tx: &mut WriteTx, pool: &mut Pool, people: &[UserId], delta: i16, cause: &str, now: DateTime<Utc>) {
    let tenant = tx.tenant().as_uuid();
    let request = tx.scope().request().as_uuid();
    let ids: Vec<Uuid> = people.iter().map(|id| id.as_uuid()).collect();
    let lines = i32::try_from(ids.len()).unwrap_or(i32::MAX);
    let used_before = pool.state.used.saturating_sub(i32::from(delta).saturating_mul(lines));
    let seq_before = pool.seq;
    pool.seq = pool.seq.saturating_add(i64::from(lines));
    let enter = statement(ENTER)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(pool.id.as_uuid())
        .bind::<BigInt, _>(seq_before)
        .bind::<Integer, _>(used_before)
        .bind::<SmallInt, _>(delta)
        .bind::<Text, _>(cause.to_owned())
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(request)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Integer, _>(pool.state.used)
        .bind::<Integer, _>(pool.peak)
        .bind::<BigInt, _>(pool.seq);
    tx.later(enter);
}
