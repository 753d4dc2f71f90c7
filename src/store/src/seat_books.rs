//! The books of a seat pool, read: its ledger line by line and month by month, and whether everything that says how many seats are held
//! says the same. Knows how it is added up; changes nothing of it.

use chrono::{DateTime, FixedOffset, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{SeatPoolId, TenantId};
use domain::seat::PoolClass;
use domain::seat_months::{Bought, Moment, Month, Moved};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{seat_check, seat_ledger};
use crate::seats::Pool;
use crate::statement::{Statement, statement};
use crate::tx::{GlobalTx, Reads, WriteTx};

/// Notes what is bought from now on, unless it is what was bought before. The pool is locked, and as it was before anybody came to
/// a seat by it.
pub(crate) fn note_terms(tx: &mut WriteTx, pool: &Pool, at_limit: &str, now: DateTime<Utc>) {
    let tenant = tx.tenant().as_uuid();
    let note = statement(TERMS)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(pool.id.as_uuid())
        .bind::<Integer, _>(pool.state.purchased)
        .bind::<Text, _>(at_limit.to_owned())
        .bind::<BigInt, _>(pool.seq)
        .bind::<Timestamptz, _>(now);
    tx.later(note);
}

const TERMS: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS pool, {} AS purchased, {} AS at_limit
), last AS (
    SELECT t.n, t.purchased, t.at_limit FROM seat_terms t, input
    WHERE t.tenant_id = input.tenant AND t.pool_id = input.pool ORDER BY t.n DESC LIMIT 1
)
INSERT INTO seat_terms (tenant_id, pool_id, n, after_seq, at, purchased, at_limit)
SELECT tenant, pool, coalesce((SELECT n FROM last), 0) + 1, {}, {}, input.purchased, input.at_limit FROM input
WHERE NOT EXISTS (SELECT FROM last WHERE last.purchased = input.purchased AND last.at_limit = input.at_limit)";

/// A line of the ledger.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = seat_ledger)]
pub struct LedgerRow {
    /// Its number, without gaps.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// 1 for a seat that was granted, -1 for one that was released.
    pub delta: i16,
    /// How many were held then.
    pub used_after: i32,
    /// Whose seat.
    pub user_id: Uuid,
    /// Why, as a word.
    pub cause: String,
    /// By which request.
    pub request_id: Uuid,
}

/// Lines of a pool's ledger after this one, in their order.
pub async fn ledger(
    tx: &mut impl Reads,
    pool: SeatPoolId,
    after: i64,
    most: i64,
) -> Result<Vec<LedgerRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(seat_ledger::table
        .filter(seat_ledger::tenant_id.eq(tenant).and(seat_ledger::pool_id.eq(pool.as_uuid())))
        .filter(seat_ledger::seq.gt(after))
        .order(seat_ledger::seq)
        .limit(most)
        .select(LedgerRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// The last line of the ledger before the lines of a month, if there is one: what is held then.
async fn before(
    tx: &mut impl Reads,
    pool: SeatPoolId,
    begins: DateTime<Utc>,
) -> Result<(i64, i32), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let found: Option<(i64, i32)> = seat_ledger::table
        .filter(seat_ledger::tenant_id.eq(tenant).and(seat_ledger::pool_id.eq(pool.as_uuid())))
        .filter(seat_ledger::at.lt(begins))
        .order(seat_ledger::seq.desc())
        .select((seat_ledger::seq, seat_ledger::used_after))
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(found.unwrap_or_default())
}

#[derive(QueryableByName)]
struct MonthRow {
    #[diesel(sql_type = Integer)]
    month: i32,
    #[diesel(sql_type = BigInt)]
    granted: i64,
    #[diesel(sql_type = BigInt)]
    released: i64,
    #[diesel(sql_type = Integer)]
    at_end: i32,
    #[diesel(sql_type = Integer)]
    peak: i32,
    #[diesel(sql_type = Timestamptz)]
    peak_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Integer>)]
    beyond: Option<i32>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    beyond_at: Option<DateTime<Utc>>,
}

/// A line belongs to the month of its moment, or to that of a line before it: who took the clock's time first may have written
/// second, and months must not overlap.
const MONTHS: &str = "\
WITH terms AS (
    SELECT after_seq, purchased, coalesce(lead(after_seq) OVER (ORDER BY n), 9223372036854775807) AS until_seq
    FROM seat_terms WHERE tenant_id = {} AND pool_id = {}
), line AS (
    SELECT l.seq, l.at, l.delta, l.used_after, l.used_after - t.purchased AS beyond,
        greatest({}, max(l.month) OVER (ORDER BY l.seq)) AS month
    FROM (
        SELECT *, (extract(year FROM there) * 12 + extract(month FROM there))::integer - 1 AS month
        FROM (SELECT *, (at AT TIME ZONE 'UTC') + make_interval(mins => {}) AS there FROM seat_ledger
            WHERE tenant_id = {} AND pool_id = {} AND seq > {}) AS timed
    ) AS l LEFT JOIN terms t ON l.seq > t.after_seq AND l.seq <= t.until_seq
)
SELECT month, count(*) FILTER (WHERE delta > 0) AS granted, count(*) FILTER (WHERE delta < 0) AS released,
    (array_agg(used_after ORDER BY seq DESC))[1] AS at_end,
    max(used_after) AS peak, (array_agg(at ORDER BY used_after DESC, seq))[1] AS peak_at,
    max(beyond) AS beyond, (array_agg(at ORDER BY beyond DESC NULLS LAST, seq))[1] AS beyond_at
FROM line WHERE month <= {} GROUP BY month ORDER BY month";

#[derive(QueryableByName)]
struct TermsRow {
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    purchased: i32,
    #[diesel(sql_type = Integer)]
    used: i32,
}

const BOUGHT: &str = "\
SELECT t.at, t.purchased, coalesce((SELECT l.used_after FROM seat_ledger l
    WHERE l.tenant_id = t.tenant_id AND l.pool_id = t.pool_id AND l.seq = t.after_seq), 0) AS used
FROM seat_terms t WHERE t.tenant_id = {} AND t.pool_id = {} ORDER BY t.n";

/// What the books say of some months.
#[derive(Debug)]
pub struct Months {
    /// How many seats were held before the first.
    pub used: i32,
    /// The months in which a seat was granted or released.
    pub moved: Vec<Moved>,
    /// What was ever bought, in its order.
    pub bought: Vec<Bought>,
}

/// What the books of the pool say of the months from the first to the last.
pub async fn months(
    tx: &mut impl Reads,
    pool: SeatPoolId,
    (first, last): (Month, Month),
    zone: FixedOffset,
) -> Result<Months, StoreError> {
    let (tenant, id) = (tx.tenant().as_uuid(), pool.as_uuid());
    let (seq, used) = before(tx, pool, first.begins(zone)).await?;
    let moved = statement(MONTHS)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(id)
        .bind::<Integer, _>(first.number())
        .bind::<Integer, _>(zone.local_minus_utc().div_euclid(60))
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(id)
        .bind::<BigInt, _>(seq)
        .bind::<Integer, _>(last.number());
    let moved: Vec<MonthRow> = tx.connection().0.load(moved).await?;
    let bought = statement(BOUGHT).bind::<SqlUuid, _>(tenant).bind::<SqlUuid, _>(id);
    let bought: Vec<TermsRow> = tx.connection().0.load(bought).await?;
    let bought = bought.into_iter().map(|row| {
        let TermsRow { at, purchased, used } = row;
        Bought { month: Month::of(at, zone), at, purchased, used }
    });
    let moved = moved.into_iter().map(|row| Moved {
        month: Month::numbered(row.month),
        granted: row.granted,
        released: row.released,
        at_end: row.at_end,
        peak: Moment { seats: row.peak, at: row.peak_at },
        beyond: row.beyond.zip(row.beyond_at).map(|(seats, at)| Moment { seats, at }),
    });
    Ok(Months { used, moved: moved.collect(), bought: bought.collect() })
}

/// Two of the books, or a book and the people, that do not say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// In which pool: that of this class, or the common one.
    #[serde(default)]
    pub class: PoolClass,
    /// What was compared.
    pub what: String,
    /// What was counted.
    pub counted: i64,
    /// What it should be.
    pub expected: i64,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    class: String,
    #[diesel(sql_type = Integer)]
    used: i32,
    #[diesel(sql_type = Integer)]
    peak: i32,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = BigInt)]
    holds: i64,
    #[diesel(sql_type = BigInt)]
    ledger: i64,
    #[diesel(sql_type = BigInt)]
    lines: i64,
    #[diesel(sql_type = BigInt)]
    breaks: i64,
    #[diesel(sql_type = Integer)]
    highest: i32,
    #[diesel(sql_type = BigInt)]
    strangers: i64,
    #[diesel(sql_type = BigInt)]
    shut_out: i64,
    #[diesel(sql_type = BigInt)]
    left_out: i64,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = BigInt)]
    of_others: i64,
}

/// One statement sees one moment, so nobody has to be kept from coming and going meanwhile. Everybody counts in the pool of the class that
/// they need, else in the common one, or needs no seat.
const COUNT: &str = "\
WITH pool AS (
    SELECT tenant_id, id, class, used, peak, seq FROM seat_pool WHERE tenant_id = {}
), hold AS (
    SELECT h.pool_id, h.user_id FROM seat_hold h JOIN pool p ON h.tenant_id = p.tenant_id AND h.pool_id = p.id
), line AS (
    SELECT l.pool_id, l.seq, l.delta, l.used_after, l.user_id, lag(l.seq) OVER w AS seq_before, lag(l.used_after) OVER w AS used_before
    FROM seat_ledger l JOIN pool p ON l.tenant_id = p.tenant_id AND l.pool_id = p.id WINDOW w AS (PARTITION BY l.pool_id ORDER BY l.seq)
), held AS (
    SELECT pool_id, user_id, sum(delta)::bigint AS n FROM line GROUP BY pool_id, user_id
), person AS (
    SELECT u.id, u.active, u.invited, coalesce(
        (SELECT o.id FROM pool o WHERE o.class = a.seat_class),
        (SELECT o.id FROM pool o WHERE o.class = '' AND a.seat_class IS NOT NULL)) AS pool_id
    FROM users u JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
    WHERE u.tenant_id IN (SELECT o.tenant_id FROM pool o)
)
SELECT p.class, p.used, p.peak, p.seq,
    (SELECT count(*) FROM hold WHERE hold.pool_id = p.id) AS holds,
    (SELECT coalesce(sum(n), 0)::bigint FROM held WHERE held.pool_id = p.id) AS ledger,
    (SELECT count(*) FROM line WHERE line.pool_id = p.id) AS lines,
    (SELECT count(*) FROM line WHERE line.pool_id = p.id
        AND (seq <> coalesce(seq_before, 0) + 1 OR used_after <> coalesce(used_before, 0) + delta)) AS breaks,
    (SELECT coalesce(max(used_after), 0) FROM line WHERE line.pool_id = p.id) AS highest,
    (SELECT count(*) FROM (SELECT * FROM held WHERE held.pool_id = p.id) AS held
        FULL JOIN (SELECT * FROM hold WHERE hold.pool_id = p.id) AS hold ON hold.user_id = held.user_id
        WHERE coalesce(held.n, 0) <> CASE WHEN hold.user_id IS NULL THEN 0 ELSE 1 END) AS strangers,
    (SELECT count(*) FROM hold JOIN person u ON u.id = hold.user_id WHERE hold.pool_id = p.id AND NOT u.active) AS shut_out,
    (SELECT count(*) FROM person u WHERE u.pool_id = p.id AND u.active AND NOT u.invited
        AND NOT EXISTS (SELECT FROM seat_hold h WHERE h.tenant_id = p.tenant_id AND h.user_id = u.id)
        AND NOT EXISTS (SELECT FROM seat_waiter w WHERE w.tenant_id = p.tenant_id AND w.user_id = u.id)) AS left_out,
    (SELECT count(*) FROM seat_waiter w JOIN hold ON hold.user_id = w.user_id AND hold.pool_id = w.pool_id
        WHERE w.tenant_id = p.tenant_id AND w.pool_id = p.id) AS waiting,
    (SELECT count(*) FROM hold JOIN person u ON u.id = hold.user_id
        WHERE hold.pool_id = p.id AND u.active AND u.pool_id IS DISTINCT FROM p.id
        AND NOT EXISTS (SELECT FROM seat_waiter w WHERE w.tenant_id = p.tenant_id AND w.user_id = u.id AND w.pool_id = u.pool_id))
    + (SELECT count(*) FROM seat_waiter w JOIN person u ON u.id = w.user_id
        WHERE w.tenant_id = p.tenant_id AND w.pool_id = p.id AND u.pool_id IS DISTINCT FROM p.id) AS of_others
FROM pool p ORDER BY p.class";

/// Everything that says how many seats are held, compared, pool by pool: what differs. Nothing if the tenant counts no seats.
pub async fn compare(tx: &mut impl Reads) -> Result<Option<Vec<Difference>>, StoreError> {
    let ask: Statement<'_> = statement(COUNT).bind::<SqlUuid, _>(tx.tenant().as_uuid());
    let counted: Vec<Counted> = tx.connection().0.load(ask).await?;
    if counted.is_empty() {
        return Ok(None);
    }
    Ok(Some(counted.into_iter().flat_map(differences).collect()))
}

fn differences(it: Counted) -> impl Iterator<Item = Difference> {
    let (class, used) = (PoolClass::stored(it.class), i64::from(it.used));
    let compared = [
        ("holds", it.holds, used),
        ("ledger_sum", it.ledger, used),
        ("ledger_lines", it.lines, it.seq),
        ("ledger_breaks", it.breaks, 0),
        ("peak", i64::from(it.highest), i64::from(it.peak)),
        ("people_whose_seat_the_ledger_does_not_know", it.strangers, 0),
        ("seats_of_people_who_are_not_active", it.shut_out, 0),
        ("active_people_without_a_seat_or_a_place_in_line", it.left_out, 0),
        ("people_who_wait_and_hold_a_seat", it.waiting, 0),
        ("people_who_count_elsewhere", it.of_others, 0),
    ];
    let differs = compared.into_iter().filter(|(_, counted, expected)| counted != expected);
    differs.map(move |(what, counted, expected)| Difference {
        class: class.clone(),
        what: what.to_owned(),
        counted,
        expected,
    })
}

/// How the books were compared last.
#[derive(Debug, Clone)]
pub struct Checked {
    /// When.
    pub at: DateTime<Utc>,
    /// What differed.
    pub differences: Vec<Difference>,
}

/// How they were compared last, if they ever were.
pub async fn last_check(tx: &mut impl Reads) -> Result<Option<Checked>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let found: Option<(DateTime<Utc>, Value)> = seat_check::table
        .filter(seat_check::tenant_id.eq(tenant))
        .select((seat_check::checked_at, seat_check::differences))
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    let read = |(at, differences): (_, Value)| {
        let differences = Vec::deserialize(differences).map_err(StoreError::corrupt)?;
        Ok(Checked { at, differences })
    };
    found.map(read).transpose()
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    #[expect(dead_code, reason = "that there is a row says it")]
    id: Uuid,
}

const CLAIM: &str = "\
INSERT INTO seat_check (tenant_id, checked_at, differences) VALUES ({}, {}, '[]')
ON CONFLICT (tenant_id) DO UPDATE SET checked_at = excluded.checked_at WHERE seat_check.checked_at <= {}
RETURNING tenant_id AS id";

/// Takes the turn to compare the books, unless they were compared since then: of several who try one gets it, and has it until the
/// end of the transaction.
pub async fn claim_check(
    tx: &mut WriteTx,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let claim = statement(CLAIM)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(since);
    Ok(!tx.load::<Id>(claim).await?.is_empty())
}

/// Keeps what was found.
pub fn keep_check(tx: &mut WriteTx, differences: &[Difference]) -> Result<(), StoreError> {
    let keep = statement("UPDATE seat_check SET differences = {} WHERE tenant_id = {}")
        .bind::<Jsonb, _>(serde_json::to_value(differences).map_err(StoreError::corrupt)?)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid());
    tx.later(keep);
    Ok(())
}

/// The tenants that count seats and whose books were not compared since then.
pub async fn tenants(tx: GlobalTx, since: DateTime<Utc>) -> Result<Vec<TenantId>, StoreError> {
    let ask =
        statement("SELECT id FROM tenants_with_unchecked_seats({}) AS id").bind::<Timestamptz, _>(since);
    tx.tenants(ask).await
}
