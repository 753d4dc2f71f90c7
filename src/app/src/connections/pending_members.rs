//! Members whom a directory's client has named and who are not there, as an administrator sees them.

use chrono::{DateTime, Utc};
use domain::id::{DirectoryId, GroupId};
use serde::Serialize;
use store::listing::Slice;
use store::pending::{self, PendingRow};
use store::{AdminScope, directories};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// A member who is waited for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingMemberView {
    /// What the client calls them: the `externalId` of somebody who has not arrived.
    pub value: String,
    /// Id of the group that waits.
    #[schema(value_type = String, format = Uuid)]
    pub group: GroupId,
    /// Its name.
    pub group_name: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl From<PendingRow> for PendingMemberView {
    fn from(row: PendingRow) -> Self {
        let PendingRow { group_id, group, value, since } = row;
        let name = group.get("displayName").and_then(serde_json::Value::as_str);
        Self {
            value,
            group: GroupId::from_uuid(group_id),
            group_name: name.unwrap_or_default().to_owned(),
            since,
        }
    }
}

impl App {
    /// Whom the groups of a directory wait for, by name.
    pub async fn list_pending_members(
        &self,
        admin: &AdminScope,
        directory: &str,
        slice: Slice,
    ) -> Result<Vec<PendingMemberView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let row = directories::named(&mut tx, directory).await?.ok_or(AppError::NotFound("directory"))?;
        let rows = pending::of_directory(&mut tx, DirectoryId::from_uuid(row.id), slice).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(PendingMemberView::from).collect())
    }
}
