//! Who is gone. Knows that deleting a person leaves a line; does not know what is done with it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::UserId;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::tombstone;
use crate::statement::statement;
use crate::tx::{Reads, WriteTx};
use crate::users::Slice;

/// Somebody who was deleted.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = tombstone)]
pub struct TombstoneRow {
    /// The id that they had.
    pub id: Uuid,
    /// In which directory they were.
    pub directory_id: Uuid,
    /// Their name there.
    pub user_name: String,
    /// The directory's own id of them.
    pub external_id: Option<String>,
    /// When.
    pub deleted_at: DateTime<Utc>,
    /// Whom they became, if they were adopted.
    pub merged_into: Option<Uuid>,
}

const BURY: &str = "\
WITH gone AS (
    DELETE FROM users WHERE tenant_id = {} AND id = {} RETURNING tenant_id, id, directory_id, doc, external_id
)
INSERT INTO tombstone (tenant_id, id, directory_id, user_name, external_id, deleted_at, merged_into)
SELECT tenant_id, id, directory_id, coalesce(doc->>'userName', ''), external_id, {}, {} FROM gone";

/// Removes a person for good and leaves a tombstone. Sessions, identities, memberships, e-mails and access go with the
/// row; a seat must have been released before. Whoever was adopted is `merged_into` somebody.
pub fn bury(tx: &mut WriteTx, id: UserId, merged_into: Option<UserId>, now: DateTime<Utc>) {
    let bury = statement(BURY)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .bind::<Timestamptz, _>(now)
        .bind::<Nullable<SqlUuid>, _>(merged_into.map(UserId::as_uuid));
    tx.later(bury);
}

/// The tombstones, newest first.
pub async fn newest(tx: &mut impl Reads, slice: Slice) -> Result<Vec<TombstoneRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(tombstone::table
        .filter(tombstone::tenant_id.eq(tenant))
        .order((tombstone::deleted_at.desc(), tombstone::id.desc()))
        .offset(slice.offset)
        .limit(slice.limit)
        .select(TombstoneRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Whom somebody who is gone became, if they were adopted.
pub async fn became(tx: &mut impl Reads, id: UserId) -> Result<Option<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let into: Option<Option<Uuid>> = tombstone::table
        .filter(tombstone::tenant_id.eq(tenant).and(tombstone::id.eq(id.as_uuid())))
        .select(tombstone::merged_into)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(into.flatten().map(UserId::from_uuid))
}
