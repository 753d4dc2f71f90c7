//! Who is gone, for administrators.

use chrono::{DateTime, Utc};
use serde::Serialize;
use store::AdminScope;
use store::tombstones::{self, TombstoneRow};
use store::users::Slice;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::App;
use crate::error::AppError;

/// Somebody who was deleted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TombstoneView {
    /// The id that they had.
    pub id: Uuid,
    /// Id of the directory that they were in.
    pub directory: Uuid,
    /// Their name there.
    pub user_name: String,
    /// The directory's own id of them.
    pub external_id: Option<String>,
    /// When they were deleted.
    pub deleted_at: DateTime<Utc>,
    /// Whom they became, if they were adopted.
    pub merged_into: Option<Uuid>,
}

impl From<TombstoneRow> for TombstoneView {
    fn from(row: TombstoneRow) -> Self {
        let TombstoneRow { id, directory_id, user_name, external_id, deleted_at, merged_into } = row;
        Self { id, directory: directory_id, user_name, external_id, deleted_at, merged_into }
    }
}

impl App {
    /// Who was deleted, newest first.
    pub async fn list_tombstones(
        &self,
        admin: &AdminScope,
        slice: Slice,
    ) -> Result<Vec<TombstoneView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = tombstones::newest(&mut tx, slice).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(TombstoneView::from).collect())
    }
}
