//! Seats: pools with their counters, holds, waiters and the ledger. Knows how a seat is claimed and released exactly once, and how
//! somebody goes from one class to another; what is decided at the limit comes from `domain::seat`.
//!
//! The pools' rows are locked first, always, even when a pool is full: otherwise a release that commits meanwhile sees no
//! waiter, and a seat stays free while somebody waits. All of a tenant's pools are locked together, in the order of their classes:
//! whoever comes to a seat of one may leave one of another. Whoever releases promotes, in the same transaction.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use domain::id::{SeatPoolId, UserId};
use domain::seat::{AtLimit, Chosen, Claim, PoolClass, PoolState};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::statement::statement;
use crate::tx::{Reads, WriteTx};

/// A pool as it is kept.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Id.
    pub id: SeatPoolId,
    /// Whose seats they are.
    pub class: PoolClass,
    /// What was bought and what is used.
    pub state: PoolState,
    /// What the tenant chose to happen at the limit.
    pub chosen: Chosen,
    /// The most that were ever used at once.
    pub peak: i32,
    /// Number of the newest ledger line.
    pub seq: i64,
    pub(crate) waiter_seq: i64,
}

#[derive(QueryableByName)]
pub(crate) struct PoolRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    class: String,
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
    pub(crate) fn into_pool(self) -> Result<Pool, StoreError> {
        let at_limit: AtLimit = serde_json::from_value(self.at_limit.into()).map_err(StoreError::corrupt)?;
        let chosen = Chosen {
            for_all: (!self.left_to_product).then_some(at_limit),
            by: serde_json::from_value(self.at_limit_by).map_err(StoreError::corrupt)?,
        };
        Ok(Pool {
            id: SeatPoolId::from_uuid(self.id),
            class: PoolClass::stored(self.class),
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
        "id, class, purchased, at_limit, at_limit_by, left_to_product, used, peak, seq, waiter_seq"
    };
}
pub(crate) use columns;

/// A tenant's pools, the common one first.
#[derive(Debug, Clone, Default)]
pub struct Pools(pub(crate) Vec<Pool>);

impl Pools {
    /// Every one.
    pub fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.0.iter()
    }

    /// Whether there is none: nobody counts seats.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where somebody counts who needs a seat of this class: in its own pool, else in the common one, else nowhere.
    pub fn counting(&self, class: &PoolClass) -> Option<&Pool> {
        let own = self.0.iter().find(|pool| pool.class == *class);
        own.or_else(|| self.0.iter().find(|pool| pool.class.is_common()))
    }

    /// How many seats are used in all of them.
    pub fn used(&self) -> i32 {
        self.0.iter().map(|pool| pool.state.used).fold(0, i32::saturating_add)
    }

    fn find(&self, id: Uuid) -> Option<&Pool> {
        self.0.iter().find(|pool| pool.id.as_uuid() == id)
    }

    fn find_mut(&mut self, id: Uuid) -> Option<&mut Pool> {
        self.0.iter_mut().find(|pool| pool.id.as_uuid() == id)
    }
}

const LOCK: &str =
    concat!("SELECT ", columns!(), " FROM seat_pool WHERE tenant_id = {} ORDER BY class FOR NO KEY UPDATE");

/// The tenant's pools, locked until the end of the transaction.
pub(crate) async fn lock(tx: &mut WriteTx) -> Result<Pools, StoreError> {
    let lock = statement(LOCK).bind::<SqlUuid, _>(tx.tenant().as_uuid());
    let rows = tx.load::<PoolRow>(lock).await?;
    Ok(Pools(rows.into_iter().map(PoolRow::into_pool).collect::<Result<_, _>>()?))
}

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// The person has a seat from now on.
    Seated,
    /// They have one from before, or stand in line from before.
    AsBefore,
    /// They wait in line from now on.
    Waiting,
    /// They get neither the seat nor a place in line.
    Refused,
    /// They need no seat, or nobody counts those that they need.
    NotCounted,
}

/// What somebody who asked is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub user: UserId,
    /// What came of it.
    pub claimed: Claimed,
    /// In which pool.
    pub pool: PoolClass,
    /// Of which pool they had a seat that they gave back.
    pub left: Option<PoolClass>,
    /// The role that they have while they wait.
    pub meanwhile: Option<String>,
}

/// Somebody whose turn it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// Who.
    pub user: UserId,
    /// In which pool they have a seat now.
    pub pool: PoolClass,
    /// Of which pool they had one until then.
    pub left: Option<PoolClass>,
}

/// What happens in a pool when none is left.
#[derive(Debug, Clone)]
pub struct Word {
    /// To somebody who has no seat.
    pub at_limit: AtLimit,
    /// To somebody who has one of another class, and goes on with it if they wait.
    pub to_holders: AtLimit,
    /// The role that somebody has who waits and has no seat.
    pub meanwhile: Option<String>,
}

impl Default for Word {
    fn default() -> Self {
        Self { at_limit: AtLimit::Waitlist, to_holders: AtLimit::Waitlist, meanwhile: None }
    }
}

#[derive(Debug, QueryableByName)]
struct Standing {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    seat_class: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    held: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    in_line: Option<Uuid>,
}

/// People who ask for seats, and the pools, locked until the end of the transaction.
#[derive(Debug)]
pub struct Asked {
    people: Vec<UserId>,
    pools: Pools,
    policy_version: Option<i64>,
    standing: HashMap<Uuid, Standing>,
}

/// [`LOCK`], with the version of the policy for whoever has to ask it: that costs no flight of its own.
const ASK: &str = concat!(
    "SELECT ",
    columns!(),
    ",
    (SELECT v.version FROM access_policy v WHERE v.tenant_id = seat_pool.tenant_id) AS policy_version
FROM seat_pool WHERE tenant_id = {} ORDER BY class FOR NO KEY UPDATE"
);

const STANDING: &str = "\
SELECT a.user_id, a.seat_class, h.pool_id AS held, w.pool_id AS in_line FROM user_access a
LEFT JOIN seat_hold h ON h.tenant_id = a.tenant_id AND h.user_id = a.user_id
LEFT JOIN seat_waiter w ON w.tenant_id = a.tenant_id AND w.user_id = a.user_id
WHERE a.tenant_id = {} AND a.user_id = ANY({})";

#[derive(QueryableByName)]
struct AskedRow {
    #[diesel(embed)]
    pool: PoolRow,
    #[diesel(sql_type = Nullable<BigInt>)]
    policy_version: Option<i64>,
}

/// Locks the pools for locked people whose access is stored and who ask for the seats that they need by it. What each is told is up to
/// [`Asked::answer`].
pub async fn ask(tx: &mut WriteTx, people: &[UserId]) -> Result<Asked, StoreError> {
    let ids: Vec<Uuid> = people.iter().map(|id| id.as_uuid()).collect();
    let standing =
        statement(STANDING).bind::<SqlUuid, _>(tx.tenant().as_uuid()).bind::<Array<SqlUuid>, _>(ids);
    let lock = statement(ASK).bind::<SqlUuid, _>(tx.tenant().as_uuid());
    let (pools, standing) = tx.load_both::<AskedRow, Standing>(lock, standing).await?;
    tx.seated(people);
    Ok(Asked {
        people: people.to_vec(),
        policy_version: pools.first().and_then(|row| row.policy_version),
        pools: Pools(pools.into_iter().map(|row| row.pool.into_pool()).collect::<Result<_, _>>()?),
        standing: standing.into_iter().map(|row| (row.user_id, row)).collect(),
    })
}

impl Asked {
    /// The version of the policy in force.
    pub fn policy_version(&self) -> Option<i64> {
        self.policy_version
    }

    /// The same, as if they needed seats of these classes, or none.
    #[must_use]
    pub fn needing(mut self, needs: HashMap<UserId, Option<String>>) -> Self {
        for (user, class) in needs {
            if let Some(standing) = self.standing.get_mut(&user.as_uuid()) {
                standing.seat_class = class;
            }
        }
        self
    }

    /// The pools in which somebody will hear what the tenant chose to happen at the limit: fewer seats are free than are asked for.
    pub fn short(&self) -> impl Iterator<Item = &Pool> {
        let mut asking: HashMap<SeatPoolId, usize> = HashMap::new();
        for user in &self.people {
            let standing = self.standing.get(&user.as_uuid());
            let held = standing.and_then(|it| it.held);
            if let Some(pool) = self.pool_of(standing).filter(|pool| held != Some(pool.id.as_uuid())) {
                let asking = asking.entry(pool.id).or_default();
                *asking = asking.saturating_add(1);
            }
        }
        self.pools.iter().filter(move |pool| {
            let free = usize::try_from(pool.state.free()).unwrap_or(usize::MAX);
            asking.get(&pool.id).is_some_and(|asking| *asking > free)
        })
    }

    /// Where somebody counts.
    fn pool_of(&self, standing: Option<&Standing>) -> Option<&Pool> {
        let class = standing.and_then(|it| it.seat_class.clone());
        self.pools.counting(&PoolClass::stored(class?))
    }

    /// Gives them the seats that they need, one after the other, or places in line, by what happens in each pool when none is left.
    /// Whoever needs a seat of another pool than before gives theirs back when they have the other, and whoever needs none any more at
    /// once; what becomes free is passed on. Where one is refused, the transaction is to be given up.
    pub async fn answer(
        self,
        tx: &mut WriteTx,
        words: &HashMap<SeatPoolId, Word>,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Told>, Vec<Promoted>), StoreError> {
        let mut moves = Moves::default();
        let mut states: HashMap<SeatPoolId, PoolState> =
            self.pools.iter().map(|pool| (pool.id, pool.state)).collect();
        let usual = Word::default();
        let mut told = Vec::with_capacity(self.people.len());
        for user in &self.people {
            let standing = self.standing.get(&user.as_uuid());
            let (held, in_line) = standing.map_or((None, None), |it| (it.held, it.in_line));
            let class_of = |id: Uuid| self.pools.find(id).map(|pool| pool.class.clone());
            let Some(pool) = self.pool_of(standing) else {
                moves.unqueue(*user, in_line);
                moves.leave(*user, held);
                let (claimed, pool) = (Claimed::NotCounted, PoolClass::default());
                told.push(Told {
                    user: *user,
                    claimed,
                    pool,
                    left: held.and_then(class_of),
                    meanwhile: None,
                });
                continue;
            };
            let (id, word) = (pool.id.as_uuid(), words.get(&pool.id).unwrap_or(&usual));
            let at_limit = if held.is_some() { word.to_holders } else { word.at_limit };
            let meanwhile = word.meanwhile.as_ref().filter(|_| held.is_none());
            let claimed = match states.get_mut(&pool.id) {
                _ if held == Some(id) => {
                    moves.unqueue(*user, in_line);
                    Claimed::AsBefore
                }
                _ if in_line == Some(id) => Claimed::AsBefore,
                Some(state) => match domain::seat::decide(state, at_limit) {
                    Claim::Grant => {
                        state.used = state.used.saturating_add(1);
                        moves.unqueue(*user, in_line);
                        moves.leave(*user, held);
                        moves.seat(*user, id, held.is_some());
                        Claimed::Seated
                    }
                    Claim::Wait => {
                        moves.unqueue(*user, in_line);
                        moves.wait(*user, id, meanwhile.cloned());
                        Claimed::Waiting
                    }
                    Claim::Refuse => Claimed::Refused,
                },
                None => Claimed::Refused,
            };
            let left = held.filter(|_| claimed == Claimed::Seated).and_then(class_of);
            let meanwhile = meanwhile.filter(|_| claimed == Claimed::Waiting).cloned();
            told.push(Told { user: *user, claimed, pool: pool.class.clone(), left, meanwhile });
        }
        let promoted = moves.make(tx, self.pools, now).await?;
        Ok((told, promoted))
    }
}

/// Who goes where, until it is written.
#[derive(Debug, Default)]
struct Moves {
    unqueued: Vec<Uuid>,
    leaving: BTreeMap<Uuid, Vec<UserId>>,
    /// By pool, and whether they come from another.
    seated: BTreeMap<(Uuid, bool), Vec<UserId>>,
    waiting: BTreeMap<(Uuid, Option<String>), Vec<UserId>>,
}

impl Moves {
    fn unqueue(&mut self, user: UserId, in_line: Option<Uuid>) {
        self.unqueued.extend(in_line.map(|_| user.as_uuid()));
    }

    fn leave(&mut self, user: UserId, held: Option<Uuid>) {
        if let Some(pool) = held {
            self.leaving.entry(pool).or_default().push(user);
        }
    }

    fn seat(&mut self, user: UserId, pool: Uuid, from_another: bool) {
        self.seated.entry((pool, from_another)).or_default().push(user);
    }

    fn wait(&mut self, user: UserId, pool: Uuid, meanwhile: Option<String>) {
        self.waiting.entry((pool, meanwhile)).or_default().push(user);
    }

    /// Writes it, and passes on what became free.
    async fn make(
        self,
        tx: &mut WriteTx,
        mut pools: Pools,
        now: DateTime<Utc>,
    ) -> Result<Vec<Promoted>, StoreError> {
        if !self.unqueued.is_empty() {
            leave_line(tx, self.unqueued);
        }
        let freed = self.leaving.keys().copied().collect();
        for (id, people) in self.leaving {
            if let Some(pool) = pools.find_mut(id) {
                give_back(tx, pool, &people, now);
            }
        }
        for ((id, from_another), people) in self.seated {
            if let Some(pool) = pools.find_mut(id) {
                grant(tx, pool, &people, if from_another { "class" } else { "claim" }, now);
            }
        }
        for ((id, meanwhile), people) in self.waiting {
            if let Some(pool) = pools.find_mut(id) {
                wait(tx, pool, &people, meanwhile.as_deref(), now);
            }
        }
        pass_on(tx, &mut pools, freed, now).await
    }
}

/// What came of a release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Released {
    /// Of which pool the person held a seat.
    pub held: Option<PoolClass>,
    /// Those whose turn it was.
    pub promoted: Vec<Promoted>,
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = SqlUuid)]
    pool_id: Uuid,
}

/// Releases a locked person's seat and place in line, and passes free seats on.
pub async fn release(
    tx: &mut WriteTx,
    user: UserId,
    cause: &str,
    now: DateTime<Utc>,
) -> Result<Released, StoreError> {
    tx.seated(&[user]);
    let Some((mut pools, id)) = vacate(tx, user).await? else { return Ok(Released::default()) };
    let held = leave(tx, &mut pools, id, (user, cause), now);
    Ok(Released { held, promoted: pass_on(tx, &mut pools, vec![id], now).await? })
}

/// Releases a locked person's seat like [`release`], save that another locked person comes before the line, if they wait
/// in it: the two turned out to be one.
pub async fn hand_over(
    tx: &mut WriteTx,
    from: UserId,
    to: UserId,
    now: DateTime<Utc>,
) -> Result<Released, StoreError> {
    let Some((mut pools, id)) = vacate(tx, from).await? else { return Ok(Released::default()) };
    let held = leave(tx, &mut pools, id, (from, "adopt"), now);
    let unqueue = statement(
        "DELETE FROM seat_waiter WHERE tenant_id = {} AND user_id = {} AND pool_id = {} \
         AND NOT EXISTS (SELECT FROM seat_hold h WHERE h.tenant_id = seat_waiter.tenant_id AND h.user_id = seat_waiter.user_id) \
         RETURNING pool_id",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(to.as_uuid())
    .bind::<SqlUuid, _>(id);
    let comes = !tx.load::<Held>(unqueue).await?.is_empty();
    if let (true, Some(pool)) = (comes, pools.find_mut(id)) {
        grant(tx, pool, &[to], "adopt", now);
        let promoted = vec![Promoted { user: to, pool: pool.class.clone(), left: None }];
        return Ok(Released { held, promoted });
    }
    Ok(Released { held, promoted: pass_on(tx, &mut pools, vec![id], now).await? })
}

/// Takes a person out of line and off their seat. Returns the locked pools and of which it was.
async fn vacate(tx: &mut WriteTx, user: UserId) -> Result<Option<(Pools, Uuid)>, StoreError> {
    let mut pools = lock(tx).await?;
    if pools.is_empty() {
        return Ok(None);
    }
    leave_line(tx, vec![user.as_uuid()]);
    let vacate = statement("DELETE FROM seat_hold WHERE tenant_id = {} AND user_id = {} RETURNING pool_id")
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(user.as_uuid());
    let Some(held) = tx.load::<Held>(vacate).await?.pop() else { return Ok(None) };
    if pools.find(held.pool_id).is_none() {
        // It was made while the lock was waited for.
        pools = lock(tx).await?;
    }
    Ok(Some((pools, held.pool_id)))
}

/// Notes in a pool that somebody has left their seat.
fn leave(
    tx: &mut WriteTx,
    pools: &mut Pools,
    id: Uuid,
    (user, cause): (UserId, &str),
    now: DateTime<Utc>,
) -> Option<PoolClass> {
    let pool = pools.find_mut(id)?;
    note_left(tx, pool, &[user], cause, now);
    Some(pool.class.clone())
}

fn note_left(tx: &mut WriteTx, pool: &mut Pool, people: &[UserId], cause: &str, now: DateTime<Utc>) {
    pool.state.used = pool.state.used.saturating_sub(i32::try_from(people.len()).unwrap_or(i32::MAX));
    enter(tx, pool, people, -1, cause, now);
}

/// Takes seats away from people who go to another class, or need none any more.
pub(crate) fn give_back(tx: &mut WriteTx, pool: &mut Pool, people: &[UserId], now: DateTime<Utc>) {
    let leave =
        statement("DELETE FROM seat_hold WHERE tenant_id = {} AND pool_id = {} AND user_id = ANY({})")
            .bind::<SqlUuid, _>(tx.tenant().as_uuid())
            .bind::<SqlUuid, _>(pool.id.as_uuid())
            .bind::<Array<SqlUuid>, _>(people.iter().map(|user| user.as_uuid()).collect::<Vec<_>>());
    tx.later(leave);
    note_left(tx, pool, people, "class", now);
}

fn leave_line(tx: &mut WriteTx, people: Vec<Uuid>) {
    let unqueue = statement("DELETE FROM seat_waiter WHERE tenant_id = {} AND user_id = ANY({})")
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<Array<SqlUuid>, _>(people);
    tx.later(unqueue);
}

#[derive(QueryableByName)]
struct First {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    held: Option<Uuid>,
}

/// Those who are the first in a line, with the seats of another class that they have.
const FIRST: &str = "\
SELECT w.user_id, h.pool_id AS held FROM seat_waiter w
LEFT JOIN seat_hold h ON h.tenant_id = w.tenant_id AND h.user_id = w.user_id
WHERE w.tenant_id = {} AND w.pool_id = {} ORDER BY w.n LIMIT {}";

/// Passes free seats of these pools on to those who wait. Whoever comes to one of another class leaves theirs, which is passed on too.
pub(crate) async fn pass_on(
    tx: &mut WriteTx,
    pools: &mut Pools,
    freed: Vec<Uuid>,
    now: DateTime<Utc>,
) -> Result<Vec<Promoted>, StoreError> {
    let mut promoted = Vec::new();
    let mut left = freed;
    while let Some(id) = left.pop() {
        let Some(at_limit) = pools.find(id).map(|pool| pool.chosen.to_those_in_line()) else { continue };
        let (some, vacated) = promote(tx, pools, (id, at_limit), now).await?;
        promoted.extend(some);
        left.extend(vacated);
    }
    Ok(promoted)
}

/// Seats those who wait in one pool, as far as there are seats. Returns them and the pools in which that has made seats free.
pub(crate) async fn promote(
    tx: &mut WriteTx,
    pools: &mut Pools,
    (id, at_limit): (Uuid, AtLimit),
    now: DateTime<Utc>,
) -> Result<(Vec<Promoted>, Vec<Uuid>), StoreError> {
    let Some(pool) = pools.find(id) else { return Ok(Default::default()) };
    let (class, free) = (pool.class.clone(), domain::seat::promotable(&pool.state, at_limit));
    if free == 0 {
        return Ok(Default::default());
    }
    let ask = statement(FIRST)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(id)
        .bind::<BigInt, _>(i64::from(free));
    let first: Vec<First> = tx.load(ask).await?;
    if first.is_empty() {
        return Ok(Default::default());
    }
    leave_line(tx, first.iter().map(|person| person.user_id).collect());
    let mut vacated: BTreeMap<Uuid, Vec<UserId>> = BTreeMap::new();
    for person in &first {
        if let Some(held) = person.held {
            vacated.entry(held).or_default().push(UserId::from_uuid(person.user_id));
        }
    }
    for (held, people) in &vacated {
        if let Some(pool) = pools.find_mut(*held) {
            give_back(tx, pool, people, now);
        }
    }
    let people: Vec<UserId> = first.iter().map(|person| UserId::from_uuid(person.user_id)).collect();
    if let Some(pool) = pools.find_mut(id) {
        grant(tx, pool, &people, "promotion", now);
    }
    let promoted = first.into_iter().map(|person| Promoted {
        user: UserId::from_uuid(person.user_id),
        pool: class.clone(),
        left: person.held.and_then(|held| Some(pools.find(held)?.class.clone())),
    });
    Ok((promoted.collect(), vacated.into_keys().collect()))
}

/// Gives seats of a pool to people who have none.
pub(crate) fn grant(tx: &mut WriteTx, pool: &mut Pool, people: &[UserId], cause: &str, now: DateTime<Utc>) {
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

pub(crate) fn keep_waiter_seq(tx: &mut WriteTx, pool: &Pool) {
    let keep = statement("UPDATE seat_pool SET waiter_seq = {} WHERE tenant_id = {} AND id = {}")
        .bind::<BigInt, _>(pool.waiter_seq)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(pool.id.as_uuid());
    tx.later(keep);
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
