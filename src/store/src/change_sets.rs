//! Changes that were made together, kept with what they turned. Knows rows; does not know how anything is taken back.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::ChangeSetId;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::change_set;
use crate::tx::{Reads, WriteTx};
use crate::users::Slice;

/// A change set as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = change_set)]
pub struct ChangeSetRow {
    /// Id.
    pub id: Uuid,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Who made it, as in the audit trail.
    pub made_by: Value,
    /// What was asked for; nothing of one that takes another back.
    pub changes: Value,
    /// What it turned: each thing as it was before and after.
    pub turned: Value,
    /// What it came to, in numbers.
    pub outcome: Value,
    /// The one that it takes back, if it does.
    pub undoes: Option<Uuid>,
}

impl ChangeSetRow {
    /// The id, typed.
    pub fn change_set_id(&self) -> ChangeSetId {
        ChangeSetId::from_uuid(self.id)
    }
}

/// Keeps one. One that takes back what is taken back already is a conflict.
pub async fn keep(tx: &mut WriteTx, row: &ChangeSetRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(change_set::table)
        .values((change_set::tenant_id.eq(tenant), row.clone()))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All of them, the newest first.
pub async fn list(tx: &mut impl Reads, slice: Slice) -> Result<Vec<ChangeSetRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(change_set::table
        .filter(change_set::tenant_id.eq(tenant))
        .order(change_set::id.desc())
        .offset(slice.offset)
        .limit(slice.limit)
        .select(ChangeSetRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// The one of this id.
pub async fn find(tx: &mut impl Reads, id: ChangeSetId) -> Result<Option<ChangeSetRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(change_set::table
        .filter(change_set::tenant_id.eq(tenant).and(change_set::id.eq(id.as_uuid())))
        .select(ChangeSetRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// Those that take one of these back: which, and by which.
pub async fn undone(
    tx: &mut impl Reads,
    ids: &[ChangeSetId],
) -> Result<Vec<(ChangeSetId, ChangeSetId)>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<(Option<Uuid>, Uuid)> = change_set::table
        .filter(change_set::tenant_id.eq(tenant).and(change_set::undoes.assume_not_null().eq_any(ids)))
        .select((change_set::undoes, change_set::id))
        .load(tx.connection().0.conn().await?)
        .await?;
    let pairs = rows.into_iter().filter_map(|(undoes, by)| Some((undoes?, by)));
    Ok(pairs.map(|(it, by)| (ChangeSetId::from_uuid(it), ChangeSetId::from_uuid(by))).collect())
}
