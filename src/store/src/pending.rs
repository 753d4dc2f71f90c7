//! Members who are not there yet: by what their client will call them, in which group. Knows rows and locks; does not know
//! who may leave such a reference.
//!
//! A person who arrives and a group that names them might each miss the other. So both take the lock of the name first
//! (one of 64 per directory, in their order) and look then. Only then does the person know which groups to share: where one
//! of these is held alone by who waits for the same lock, one of the two gives way.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{DirectoryId, GroupId, UserId};
use uuid::Uuid;

use crate::advisory::{self, Hold};
use crate::error::StoreError;
use crate::listing::Slice;
use crate::schema::{groups, pending_member};
use crate::statement::statement;
use crate::tx::{Reads, WriteTx};

/// The most references that a group keeps.
pub const MOST: usize = 1_000;
/// The longest name that is kept, in bytes.
pub const LONGEST: usize = 256;

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Text)]
    value: String,
    #[diesel(sql_type = BigInt)]
    before: i64,
}

#[derive(QueryableByName)]
struct Person {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    external_id: String,
}

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = SqlUuid)]
    group_id: Uuid,
}

/// Nobody of these names arrives, and no group begins to wait for them, until the end of the transaction.
fn hold(tx: &mut WriteTx, directory: DirectoryId, names: &[String]) {
    tx.later(
        statement(
            "SELECT pg_advisory_xact_lock(k.directory, k.name) FROM (SELECT DISTINCT hashtext({}::text) AS directory, \
                hashtext(v.name) & 63 AS name FROM unnest({}) AS v (name) ORDER BY 2) AS k",
        )
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<Array<Text>, _>(names.to_vec()),
    );
}

/// The people of this directory who have these as their `externalId`, each locked until the end of the transaction; the
/// others do not arrive before it.
pub async fn named(
    tx: &mut WriteTx,
    directory: DirectoryId,
    names: &[String],
) -> Result<Vec<(String, UserId)>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    hold(tx, directory, names);
    let ask = statement(
        "SELECT id, external_id FROM users WHERE tenant_id = {} AND directory_id = {} AND external_id = ANY({}) \
         ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(directory.as_uuid())
    .bind::<Array<Text>, _>(names.to_vec());
    let rows: Vec<Person> = tx.load(ask).await?;
    Ok(rows.into_iter().map(|row| (row.external_id, UserId::from_uuid(row.id))).collect())
}

/// Lets a locked group wait for these, and returns those whom it did not wait for before; `None` if they are too many.
pub async fn keep(
    tx: &mut WriteTx,
    directory: DirectoryId,
    group: GroupId,
    names: &[String],
    now: DateTime<Utc>,
) -> Result<Option<Vec<String>>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ask = statement(
        "WITH kept AS (INSERT INTO pending_member (tenant_id, directory_id, group_id, since, value) \
            SELECT {}, {}, {}, {}, v.name FROM unnest({}) AS v (name) ON CONFLICT DO NOTHING RETURNING value) \
         SELECT value, (SELECT count(*) FROM pending_member WHERE tenant_id = {} AND group_id = {}) AS before FROM kept",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(directory.as_uuid())
    .bind::<SqlUuid, _>(group.as_uuid())
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Text>, _>(names.to_vec())
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(group.as_uuid());
    let rows: Vec<Kept> = tx.load(ask).await?;
    let before = rows.as_slice().first().map_or(0, |row| row.before);
    let before = usize::try_from(before).map_err(StoreError::corrupt)?;
    let fits = before.saturating_add(rows.len()) <= MOST;
    Ok(fits.then(|| rows.into_iter().map(|row| row.value).collect()))
}

/// A locked group no longer waits for these. Returns those whom it waited for.
pub async fn forget(tx: &mut WriteTx, group: GroupId, names: &[String]) -> Result<Vec<String>, StoreError> {
    gone(tx, "DELETE FROM pending_member WHERE tenant_id = {} AND group_id = {} AND value = ANY({}) RETURNING value", group, names)
        .await
}

/// A locked group no longer waits for anybody but these. Returns the others whom it waited for.
pub async fn keep_only(
    tx: &mut WriteTx,
    group: GroupId,
    names: &[String],
) -> Result<Vec<String>, StoreError> {
    gone(tx, "DELETE FROM pending_member WHERE tenant_id = {} AND group_id = {} AND value <> ALL({}) RETURNING value", group, names)
        .await
}

async fn gone(
    tx: &mut WriteTx,
    text: &'static str,
    group: GroupId,
    names: &[String],
) -> Result<Vec<String>, StoreError> {
    let ask = statement(text)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(group.as_uuid())
        .bind::<Array<Text>, _>(names.to_vec());
    let rows: Vec<Name> = tx.load(ask).await?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

/// Those of these names that groups wait for. All names are held, in their order, so that two requests that bring the same
/// people wait for each other.
pub async fn awaited(
    tx: &mut WriteTx,
    directory: DirectoryId,
    names: &[String],
) -> Result<BTreeSet<String>, StoreError> {
    if names.is_empty() {
        return Ok(BTreeSet::new());
    }
    hold(tx, directory, names);
    let ask = statement(
        "SELECT DISTINCT value FROM pending_member WHERE tenant_id = {} AND directory_id = {} AND value = ANY({})",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(directory.as_uuid())
    .bind::<Array<Text>, _>(names.to_vec());
    let rows: Vec<Name> = tx.load(ask).await?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

/// A new person comes into the groups that wait for their `externalId`, which are returned. Their row has been written.
pub async fn arrive(
    tx: &mut WriteTx,
    directory: DirectoryId,
    user: UserId,
    external_id: &str,
) -> Result<Vec<GroupId>, StoreError> {
    let tenant = tx.tenant();
    let name = external_id.to_owned();
    hold(tx, directory, std::slice::from_ref(&name));
    let ask = statement(
        "SELECT group_id FROM pending_member WHERE tenant_id = {} AND directory_id = {} AND value = {} ORDER BY group_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(directory.as_uuid())
    .bind::<Text, _>(name.clone());
    let waiting: Vec<Group> = tx.load(ask).await?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    for group in &waiting {
        tx.later(advisory::lock(tenant, group.group_id, Hold::Shared));
    }
    let ask = statement(
        "WITH waiting AS (DELETE FROM pending_member WHERE tenant_id = {} AND directory_id = {} AND value = {} \
            RETURNING tenant_id, group_id) \
         INSERT INTO group_member (tenant_id, group_id, user_id) SELECT tenant_id, group_id, {} FROM waiting \
         RETURNING group_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(directory.as_uuid())
    .bind::<Text, _>(name)
    .bind::<SqlUuid, _>(user.as_uuid());
    let rows: Vec<Group> = tx.load(ask).await?;
    Ok(rows.into_iter().map(|row| GroupId::from_uuid(row.group_id)).collect())
}

/// Marks groups that somebody came into: with the commit, because the mark is everybody's.
pub fn mark(tx: &mut WriteTx, groups: &[GroupId], now: DateTime<Utc>) {
    if groups.is_empty() {
        return;
    }
    let tenant = tx.tenant().as_uuid();
    let all: Vec<Uuid> = groups.iter().map(|id| id.as_uuid()).collect();
    tx.later(
        statement(
            "WITH marked AS (SELECT id FROM groups WHERE tenant_id = {} AND id = ANY({}) ORDER BY id FOR NO KEY UPDATE) \
             UPDATE groups g SET version = g.version + 1, updated_at = {} FROM marked \
             WHERE g.tenant_id = {} AND g.id = marked.id",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(all)
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(tenant),
    );
}

/// A reference as it is kept.
#[derive(Debug, Clone, Queryable)]
pub struct PendingRow {
    /// The group that waits.
    pub group_id: Uuid,
    /// Its document.
    pub group: serde_json::Value,
    /// For whom.
    pub value: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// References of a directory, by name and group.
pub async fn of_directory(
    tx: &mut impl Reads,
    directory: DirectoryId,
    slice: Slice,
) -> Result<Vec<PendingRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(pending_member::table
        .inner_join(
            groups::table.on(groups::tenant_id
                .eq(pending_member::tenant_id)
                .and(groups::id.eq(pending_member::group_id))),
        )
        .filter(
            pending_member::tenant_id.eq(tenant).and(pending_member::directory_id.eq(directory.as_uuid())),
        )
        .order((pending_member::value, pending_member::group_id))
        .offset(slice.offset)
        .limit(slice.limit)
        .select((pending_member::group_id, groups::doc, pending_member::value, pending_member::since))
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// How many references a directory has.
pub async fn count(tx: &mut impl Reads, directory: DirectoryId) -> Result<i64, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(pending_member::table
        .filter(
            pending_member::tenant_id.eq(tenant).and(pending_member::directory_id.eq(directory.as_uuid())),
        )
        .count()
        .get_result(tx.connection().0.conn().await?)
        .await?)
}
