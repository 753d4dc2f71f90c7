//! What the guards count. Knows holders of protected roles and departures of the last hour; does not know what is done
//! about them.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::access::EffectiveAccess;
use domain::id::{DirectoryId, TenantId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::StoreError;
use crate::holdings::Thing;
use crate::schema::{directory, held_departure, mass_guard, users};
use crate::statement::{Count, Statement, statement};
use crate::tx::{Reads, WriteTx};

/// Nobody else takes a protected role from anybody in this tenant until the end of the transaction. Comes after the
/// policy's lock and before the seat pool's.
pub fn serialise_losses(tx: &mut WriteTx) {
    let (high, low) = tx.tenant().as_uuid().as_u64_pair();
    let key = i64::from_ne_bytes((high ^ low.rotate_left(29)).to_ne_bytes());
    tx.later(statement("SELECT pg_advisory_xact_lock({})").bind::<BigInt, _>(key));
}

/// How many people hold a role, as the transaction sees it, without those who are about to lose it. Whoever has not accepted an
/// invitation holds nothing yet.
pub async fn holders(tx: &mut impl Reads, role: &str, without: &[UserId]) -> Result<u32, StoreError> {
    count(tx, json!([{"role": role}]), without).await
}

/// How many people only keep a role.
pub async fn keepers(tx: &mut impl Reads, role: &str) -> Result<u32, StoreError> {
    count(tx, json!([{"role": role, "reasons": [*KEPT]}]), &[]).await
}

/// How a role is stored that somebody only keeps, as far as all such are alike.
static KEPT: LazyLock<Value> = LazyLock::new(|| json!({"because": "held"}));

/// Those of these people who have yet to accept an invitation: they hold nothing so far.
pub async fn yet_to_accept(tx: &mut impl Reads, people: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ids: Vec<Uuid> = people.iter().map(|id| id.as_uuid()).collect();
    let found: Vec<Uuid> = users::table
        .filter(users::tenant_id.eq(tenant).and(users::id.eq_any(ids)).and(users::invited.eq(true)))
        .select(users::id)
        .load(tx.connection().0.conn().await?)
        .await?;
    Ok(found.into_iter().map(UserId::from_uuid).collect())
}

async fn count(tx: &mut impl Reads, roles: Value, without: &[UserId]) -> Result<u32, StoreError> {
    let ask = statement(
        "SELECT count(*) AS n FROM user_access a WHERE a.tenant_id = {} AND a.guarded IS NOT FALSE \
         AND a.access->'roles' @> {} AND a.user_id <> ALL({}) \
         AND NOT EXISTS (SELECT FROM users u WHERE u.tenant_id = a.tenant_id AND u.id = a.user_id AND u.invited)",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<Jsonb, _>(roles)
    .bind::<Array<SqlUuid>, _>(without.iter().map(|id| id.as_uuid()).collect::<Vec<_>>());
    let found: Option<Count> = tx.connection().0.load(ask).await?.pop();
    Ok(found.map_or(0, |count| u32::try_from(count.n).unwrap_or(u32::MAX)))
}

/// On whom it rests that the tenant does not run out of these roles: whoever has one, had one by the policy so far, or only keeps
/// one; and whoever has a passkey, in a tenant that lets people in through some connections only.
pub async fn bearers(
    tx: &mut impl Reads,
    roles: impl Iterator<Item = &str>,
) -> Result<Vec<UserId>, StoreError> {
    let things: Vec<String> = roles.map(|role| Thing::Role(role).stored()).collect();
    let tenant = tx.tenant().as_uuid();
    let ask = statement(
        "SELECT user_id AS id FROM user_access WHERE tenant_id = {} AND guarded IS NOT FALSE \
         UNION SELECT user_id FROM user_holding WHERE tenant_id = {} AND thing = ANY({}) \
         UNION SELECT p.user_id FROM passkey p WHERE p.tenant_id = {} \
            AND EXISTS (SELECT FROM connection c WHERE c.tenant_id = p.tenant_id AND c.enforced) \
         ORDER BY id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<Text>, _>(things)
    .bind::<SqlUuid, _>(tenant);
    let found: Vec<Id> = tx.connection().0.load(ask).await?;
    Ok(found.into_iter().map(|row| UserId::from_uuid(row.id)).collect())
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Locks those who only keep a role, whom nobody else is changing at this moment.
pub async fn lock_keepers(tx: &mut WriteTx) -> Result<Vec<UserId>, StoreError> {
    let ask = statement(
        "SELECT u.id FROM users u JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id \
         WHERE u.tenant_id = {} AND a.guarded IS NOT FALSE AND a.access->'roles' @> {} ORDER BY u.id \
         FOR UPDATE OF u SKIP LOCKED",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<Jsonb, _>(json!([{"reasons": [*KEPT]}]));
    let found: Vec<Id> = tx.load(ask).await?;
    Ok(found.into_iter().map(|keeper| UserId::from_uuid(keeper.id)).collect())
}

#[derive(QueryableByName)]
struct Access {
    #[diesel(sql_type = Jsonb)]
    access: Value,
    #[diesel(sql_type = BigInt)]
    policy_version: i64,
}

/// The access of a person who may hold a protected role, and the version of the policy that it was computed by.
pub async fn guarded(tx: &mut WriteTx, user: UserId) -> Result<Option<(EffectiveAccess, i64)>, StoreError> {
    let ask = statement(
        "SELECT access, p.version AS policy_version FROM user_access a \
         JOIN access_policy p ON p.tenant_id = a.tenant_id \
         WHERE a.tenant_id = {} AND a.user_id = {} AND a.guarded IS NOT FALSE",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(user.as_uuid());
    let found: Option<Access> = tx.load(ask).await?.pop();
    let read = |row: Access| {
        let access = serde_json::from_value(row.access).map_err(StoreError::corrupt)?;
        Ok((access, row.policy_version))
    };
    found.map(read).transpose()
}

/// How a directory is watched.
#[derive(Debug, Clone, QueryableByName)]
pub struct WatchRow {
    /// `alert` or `hold`.
    #[diesel(sql_type = Nullable<Text>)]
    pub mode: Option<String>,
    /// So many may go within the hour in any case.
    #[diesel(sql_type = Nullable<Integer>)]
    pub at_least: Option<i32>,
    /// And so many of a hundred.
    #[diesel(sql_type = Nullable<Integer>)]
    pub percent: Option<i32>,
    /// When it last came to an alarm.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub alarmed_at: Option<DateTime<Utc>>,
    /// How many went within the hour and how many rows say so, where that was counted.
    #[diesel(sql_type = Nullable<Array<BigInt>>)]
    went: Option<Vec<i64>>,
    /// Whether a departure of the one who goes is held.
    #[diesel(sql_type = Bool)]
    held: bool,
}

impl WatchRow {
    /// How many went within the hour, where that was counted.
    pub fn departures(&self) -> Option<i64> {
        self.went.as_deref().and_then(<[i64]>::first).copied()
    }

    /// How many rows say that.
    pub fn rows(&self) -> Option<i64> {
        self.went.as_deref().and_then(|went| went.get(1)).copied()
    }
}

/// Which departures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// All of the hour.
    All,
    /// Those that may make a difference: none where the hour's alarm has been raised and nobody is held. So a departure
    /// costs the same however many went before it, save up to the limit.
    UpToTheAlarm,
}

/// How a directory is watched, and whether a departure of this one is held.
const WATCH: &str = "\
SELECT g.mode, g.at_least, g.percent, g.alarmed_at,
    CASE WHEN {} OR g.mode = 'hold' OR g.alarmed_at IS NULL OR g.alarmed_at <= {} THEN
        (SELECT ARRAY[coalesce(sum(x.n), 0), count(*)] FROM departure x
         WHERE x.tenant_id = d.tenant_id AND x.directory_id = d.id AND x.at > {})
    END AS went,
    EXISTS (SELECT FROM held_departure h WHERE h.tenant_id = d.tenant_id AND h.user_id = {}) AS held
FROM directory d LEFT JOIN mass_guard g ON g.tenant_id = d.tenant_id AND g.directory_id = d.id
WHERE d.tenant_id = {} AND d.id = {}";

/// How a directory is watched, and how many went since a moment.
pub async fn watch(
    tx: &mut impl Reads,
    directory: DirectoryId,
    since: DateTime<Utc>,
    counted: Counted,
) -> Result<Option<WatchRow>, StoreError> {
    let ask = watching(tx.tenant(), directory, Uuid::nil(), since, counted);
    Ok(tx.connection().0.load(ask).await?.pop())
}

/// How a directory is watched from which a locked person goes.
pub async fn watch_who_goes(
    tx: &mut WriteTx,
    directory: DirectoryId,
    user: UserId,
    since: DateTime<Utc>,
) -> Result<Option<WatchRow>, StoreError> {
    let ask = watch_one(tx.tenant(), directory, user, since);
    Ok(tx.load(ask).await?.pop())
}

pub(crate) fn watch_one(
    tenant: TenantId,
    directory: DirectoryId,
    user: UserId,
    since: DateTime<Utc>,
) -> Statement<'static> {
    watching(tenant, directory, user.as_uuid(), since, Counted::UpToTheAlarm)
}

fn watching(
    tenant: TenantId,
    directory: DirectoryId,
    user: Uuid,
    since: DateTime<Utc>,
    counted: Counted,
) -> Statement<'static> {
    statement(WATCH)
        .bind::<Bool, _>(counted == Counted::All)
        .bind::<Timestamptz, _>(since)
        .bind::<Timestamptz, _>(since)
        .bind::<SqlUuid, _>(user)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(directory.as_uuid())
}

const FOLD: &str = "\
WITH folded AS (
    DELETE FROM departure WHERE tenant_id = {} AND directory_id = {} AND at > {}
    RETURNING tenant_id, directory_id, at, user_id, n
)
INSERT INTO departure (tenant_id, directory_id, at, user_id, n)
SELECT tenant_id, directory_id, max(at), (array_agg(user_id ORDER BY at DESC))[1], sum(n) FROM folded
GROUP BY tenant_id, directory_id, date_trunc('minute', at)";

/// Makes one row of those who went since a moment within one minute. They count together from then on, up to a minute longer
/// than each by themselves.
pub fn fold_departures(tx: &mut WriteTx, directory: DirectoryId, since: DateTime<Utc>) {
    let fold = statement(FOLD)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<Timestamptz, _>(since);
    tx.later(fold);
}

/// Forgets departures before a moment.
pub fn forget_departures(tx: &mut WriteTx, directory: DirectoryId, before: DateTime<Utc>) {
    let ask = statement("DELETE FROM departure WHERE tenant_id = {} AND directory_id = {} AND at < {}")
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<Timestamptz, _>(before);
    tx.later(ask);
}

/// Notes that somebody goes, and that their departure is held no more.
pub fn depart(tx: &mut WriteTx, directory: DirectoryId, user: UserId, watch: &WatchRow, now: DateTime<Utc>) {
    let tenant = tx.tenant().as_uuid();
    tx.later(
        statement(
            "INSERT INTO departure (tenant_id, directory_id, at, user_id) VALUES ({}, {}, {}, {}) \
             ON CONFLICT DO NOTHING",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(user.as_uuid()),
    );
    if !watch.held {
        return;
    }
    tx.later(
        statement("DELETE FROM held_departure WHERE tenant_id = {} AND user_id = {}")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(user.as_uuid()),
    );
}

/// How many active people a directory has.
pub async fn active_people(tx: &mut impl Reads, of: DirectoryId) -> Result<i64, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(users::table
        .filter(users::tenant_id.eq(tenant).and(users::directory_id.eq(of.as_uuid())).and(users::active))
        .count()
        .get_result(tx.connection().0.conn().await?)
        .await?)
}

#[derive(QueryableByName)]
struct Alarmed {
    #[diesel(sql_type = Bool)]
    #[expect(dead_code, reason = "that there is a row says it")]
    alarmed: bool,
}

const ALARM: &str = "\
INSERT INTO mass_guard (tenant_id, directory_id, mode, at_least, percent, alarmed_at)
VALUES ({}, {}, {}, {}, {}, {})
ON CONFLICT (tenant_id, directory_id) DO UPDATE SET alarmed_at = excluded.alarmed_at
WHERE mass_guard.alarmed_at IS NULL OR mass_guard.alarmed_at <= {}
RETURNING true AS alarmed";

/// How a directory is to be watched.
#[derive(Debug, Clone)]
pub struct Watch {
    /// `alert` or `hold`.
    pub mode: String,
    /// So many may go within the hour in any case.
    pub at_least: i32,
    /// And so many of a hundred.
    pub percent: i32,
}

/// Raises the alarm, unless another has since `since`. Returns whether it is this one.
pub async fn alarm(
    tx: &mut WriteTx,
    of: DirectoryId,
    watch: &Watch,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let raise = statement(ALARM)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(of.as_uuid())
        .bind::<Text, _>(watch.mode.clone())
        .bind::<Integer, _>(watch.at_least)
        .bind::<Integer, _>(watch.percent)
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(since);
    Ok(!tx.load::<Alarmed>(raise).await?.is_empty())
}

/// Sets how a directory is watched.
pub async fn set_watch(tx: &mut WriteTx, of: DirectoryId, watch: &Watch) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let said = (
        mass_guard::mode.eq(&watch.mode),
        mass_guard::at_least.eq(watch.at_least),
        mass_guard::percent.eq(watch.percent),
    );
    diesel::insert_into(mass_guard::table)
        .values((mass_guard::tenant_id.eq(tenant), mass_guard::directory_id.eq(of.as_uuid()), said))
        .on_conflict((mass_guard::tenant_id, mass_guard::directory_id))
        .do_update()
        .set(said)
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// A departure that waits for an administrator.
#[derive(Debug, Clone, Queryable)]
pub struct HeldRow {
    /// Who is to go.
    pub user_id: Uuid,
    /// Their document.
    pub doc: Value,
    /// Which directory wants it.
    pub directory_id: Uuid,
    /// Its slug.
    pub directory: String,
    /// `deactivate` or `delete`.
    pub kind: String,
    /// When it was held.
    pub held_at: DateTime<Utc>,
    /// When it is forgotten.
    pub expires_at: DateTime<Utc>,
}

/// Holds a departure; one that is held already waits from now on, for the same or for more.
pub async fn hold(
    tx: &mut WriteTx,
    of: DirectoryId,
    user: UserId,
    kind: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let said = (
        held_departure::kind.eq(kind),
        held_departure::held_at.eq(now),
        held_departure::expires_at.eq(expires_at),
    );
    diesel::insert_into(held_departure::table)
        .values((
            held_departure::tenant_id.eq(tenant),
            held_departure::user_id.eq(user.as_uuid()),
            held_departure::directory_id.eq(of.as_uuid()),
            said,
        ))
        .on_conflict((held_departure::tenant_id, held_departure::user_id))
        .do_update()
        .set(said)
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// What waits now, the oldest first; that of one person only, if asked so.
pub async fn held(
    tx: &mut impl Reads,
    user: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<Vec<HeldRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let person = users::tenant_id.eq(held_departure::tenant_id).and(users::id.eq(held_departure::user_id));
    let of = directory::tenant_id
        .eq(held_departure::tenant_id)
        .and(directory::id.eq(held_departure::directory_id));
    let mut query = held_departure::table
        .inner_join(users::table.on(person))
        .inner_join(directory::table.on(of))
        .filter(held_departure::tenant_id.eq(tenant).and(held_departure::expires_at.gt(now)))
        .order((held_departure::held_at, held_departure::user_id))
        .limit(1_000)
        .select((
            held_departure::user_id,
            users::doc,
            held_departure::directory_id,
            directory::slug,
            held_departure::kind,
            held_departure::held_at,
            held_departure::expires_at,
        ))
        .into_boxed();
    if let Some(user) = user {
        query = query.filter(held_departure::user_id.eq(user.as_uuid()));
    }
    Ok(query.load(tx.connection().0.conn().await?).await?)
}

/// Lets what waits for somebody go. Returns whether there was something.
pub async fn drop_held(tx: &mut WriteTx, user: UserId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let gone = diesel::delete(
        held_departure::table
            .filter(held_departure::tenant_id.eq(tenant).and(held_departure::user_id.eq(user.as_uuid()))),
    )
    .execute(tx.conn().await?)
    .await?;
    Ok(gone == 1)
}
