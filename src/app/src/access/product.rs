//! What the tenant's product says of itself, for a console that shows it. Knows the text that is in force; what it means, the domain
//! knows.

use domain::blueprint::Blueprint;
use serde::Serialize;
use serde_json::Value;
use store::{AdminScope, tenants};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// A blueprint as it is in force in a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlueprintView {
    /// Its id.
    #[schema(example = "bellface")]
    pub id: String,
    /// Its version.
    #[schema(example = "1.1.0")]
    pub version: String,
    /// All that it says, in the words of the blueprint file: what there is to hold and how it is called in three languages, who may do
    /// what to whom, the statuses, the list with its columns, filters and actions.
    #[schema(value_type = Object)]
    pub says: Value,
}

impl App {
    /// The tenant's blueprint.
    pub async fn show_blueprint(&self, admin: &AdminScope) -> Result<BlueprintView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (row, text) = tenants::current(&mut tx).await?;
        tx.finish().await?;
        let says = Blueprint::as_json(&text)
            .map_err(|error| AppError::Internal(format!("the stored blueprint: {error}")))?;
        Ok(BlueprintView { id: row.blueprint_id, version: row.blueprint_version, says })
    }
}
