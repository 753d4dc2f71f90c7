//! Directories: the SCIM links of a tenant.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::DirectoryId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::AdminScope;
use store::directories::{self, DirectoryRow};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;
use crate::tenants::{display_name, slug};

/// A directory to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDirectory {
    /// Short name, unique in the tenant: 1–63 of `a–z`, `0–9`, `-`.
    #[schema(
        example = "entra",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
    )]
    pub slug: String,
    /// Display name.
    #[schema(example = "Entra ID", min_length = 1, max_length = 200)]
    pub name: String,
}

/// A directory.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: DirectoryId,
    /// Short name.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl From<DirectoryRow> for DirectoryView {
    fn from(row: DirectoryRow) -> Self {
        let DirectoryRow { id, slug, name, created_at } = row;
        Self { id: DirectoryId::from_uuid(id), slug, name, created_at }
    }
}

impl App {
    /// Adds a directory.
    pub async fn create_directory(
        &self,
        admin: &AdminScope,
        new: NewDirectory,
    ) -> Result<DirectoryView, AppError> {
        let now = self.now();
        let row = DirectoryRow {
            id: DirectoryId::generate(now, &*self.entropy).as_uuid(),
            slug: slug(&new.slug)?,
            name: display_name(&new.name)?,
            created_at: now,
        };
        let mut tx = self.db.begin(admin.scope()).await?;
        directories::create(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::DirectoryCreate, DirectoryId::from_uuid(row.id))
            .after(json!({"slug": row.slug, "name": row.name}));
        tx.commit(Audit::of(event), now, &*self.entropy).await?;
        Ok(row.into())
    }

    /// All directories.
    pub async fn list_directories(&self, admin: &AdminScope) -> Result<Vec<DirectoryView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = directories::all(&mut tx).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(DirectoryView::from).collect())
    }
}
