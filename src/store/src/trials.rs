//! Sign-ins that administrators try out. Knows that a report is written once, is sealed, and is kept for a while; does not know what is in it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::{ConnectionId, TrialId};
use domain::token::TokenHash;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::trial;
use crate::tx::{Reads, WriteTx};

/// A trial as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = trial)]
pub struct TrialRow {
    /// Id.
    pub id: Uuid,
    /// At which connection.
    pub connection_id: Uuid,
    /// When the administrator asked for it.
    pub started_at: DateTime<Utc>,
    /// Until when it is kept.
    pub forget_at: DateTime<Utc>,
    /// When somebody came back from the provider.
    pub finished_at: Option<DateTime<Utc>>,
    /// Whether they would have been let in.
    pub passed: Option<bool>,
    /// What the checks said, sealed.
    pub report_sealed: Option<Vec<u8>>,
    /// Hash of what the connection was set to then.
    pub settings_hash: Option<Vec<u8>>,
}

/// Keeps a trial, and forgets those of this tenant that were kept long enough.
pub async fn start(tx: &mut WriteTx, row: &TrialRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::delete(trial::table.filter(trial::tenant_id.eq(tenant).and(trial::forget_at.lt(row.started_at))))
        .execute(tx.conn().await?)
        .await?;
    diesel::insert_into(trial::table)
        .values((trial::tenant_id.eq(tenant), row))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// A trial of a connection that is still kept.
pub async fn find(
    tx: &mut impl Reads,
    connection: ConnectionId,
    id: TrialId,
    now: DateTime<Utc>,
) -> Result<Option<TrialRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(trial::table
        .filter(trial::tenant_id.eq(tenant).and(trial::id.eq(id.as_uuid())))
        .filter(trial::connection_id.eq(connection.as_uuid()).and(trial::forget_at.gt(now)))
        .select(TrialRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// Writes the report of a trial that has none. Returns whether it had none.
pub async fn finish(
    tx: &mut WriteTx,
    id: TrialId,
    passed: bool,
    (report_sealed, settings): (&[u8], TokenHash),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let written = diesel::update(
        trial::table
            .filter(trial::tenant_id.eq(tenant).and(trial::id.eq(id.as_uuid())))
            .filter(trial::finished_at.is_null()),
    )
    .set((
        trial::finished_at.eq(now),
        trial::passed.eq(passed),
        trial::report_sealed.eq(report_sealed),
        trial::settings_hash.eq(settings.as_bytes().to_vec()),
    ))
    .execute(tx.conn().await?)
    .await?;
    Ok(written == 1)
}

/// Whether somebody would have been let in at a connection that was set to this, in a trial that is still kept.
pub async fn has_passed(
    tx: &mut impl Reads,
    connection: ConnectionId,
    settings: TokenHash,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let passed = trial::table
        .filter(trial::tenant_id.eq(tenant).and(trial::connection_id.eq(connection.as_uuid())))
        .filter(trial::passed.eq(true).and(trial::forget_at.gt(now)))
        .filter(trial::settings_hash.eq(settings.as_bytes().to_vec()));
    Ok(diesel::select(diesel::dsl::exists(passed)).get_result(tx.connection().0.conn().await?).await?)
}
