//! Tenants come to be.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::blueprint::{Blueprint, catalog};
use domain::id::TenantId;
use domain::slug::Slug;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::operators::Operator;
use store::tenants::{self, TenantRow};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// A tenant to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewTenant {
    /// Short name in addresses and commands: 1–63 of `a–z`, `0–9`, `-`.
    #[schema(example = "acme", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub slug: String,
    /// Display name.
    #[schema(example = "Acme", min_length = 1, max_length = 200)]
    pub name: String,
    /// The product whose rules apply, by its id in the catalogue.
    #[schema(example = "bellface")]
    pub blueprint: String,
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: TenantId,
    /// Short name.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// The product whose rules apply, as `id@version`.
    #[schema(example = "bellface@1.0.0")]
    pub blueprint: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl From<TenantRow> for TenantView {
    fn from(row: TenantRow) -> Self {
        Self {
            id: row.tenant_id(),
            blueprint: format!("{}@{}", row.blueprint_id, row.blueprint_version),
            slug: row.slug,
            name: row.name,
            created_at: row.created_at,
        }
    }
}

pub(super) const LONGEST_NAME: usize = 200;

/// A display name: something to show, on one line.
pub(crate) fn display_name(name: &str) -> Result<String, AppError> {
    let too_long = name.chars().count() > LONGEST_NAME;
    let name = name.trim();
    if name.is_empty() || too_long || name.chars().any(char::is_control) {
        return Err(AppError::Invalid(format!(
            "a name has 1 to {LONGEST_NAME} characters and no control characters"
        )));
    }
    Ok(name.to_owned())
}

pub(crate) fn slug(text: &str) -> Result<String, AppError> {
    match Slug::parse(text) {
        Ok(slug) => Ok(slug.as_str().to_owned()),
        Err(error) => Err(AppError::Invalid(format!("slug: {error}"))),
    }
}

impl App {
    /// Puts the catalogue's blueprints in place. Run at start: a version that is there with another body is a mistake
    /// of whoever changed it without a new number, and stops the start.
    pub async fn install_blueprints(&self) -> Result<(), AppError> {
        let mut tx = self.db.global().await?;
        for (id, body) in catalog() {
            let blueprint = Blueprint::parse(body)
                .map_err(|error| AppError::Internal(format!("blueprint {id}: {error}")))?;
            let version = blueprint.version();
            if !tenants::ensure_blueprint(&mut tx, id, version, body, self.now()).await? {
                return Err(AppError::Internal(format!(
                    "blueprint {id} {version} is already in the database with another text; a changed text needs a new version"
                )));
            }
        }
        Ok(tx.finish().await?)
    }

    /// Creates a tenant.
    pub async fn create_tenant(&self, operator: &Operator, new: NewTenant) -> Result<TenantView, AppError> {
        let body = catalog()
            .iter()
            .find_map(|(id, body)| (*id == new.blueprint).then_some(*body))
            .ok_or_else(|| AppError::Invalid(unknown_blueprint(&new.blueprint)))?;
        let blueprint = Blueprint::parse(body).map_err(|error| AppError::Internal(error.to_string()))?;
        let now = self.now();
        let row = TenantRow {
            id: TenantId::generate(now, &*self.entropy).as_uuid(),
            slug: slug(&new.slug)?,
            name: display_name(&new.name)?,
            blueprint_id: new.blueprint,
            blueprint_version: blueprint.version().to_owned(),
            created_at: now,
        };
        let tx = tenants::create(self.db.global().await?, operator, &row).await?;
        let event = AuditEvent::new(Action::TenantCreate, row.tenant_id())
            .after(json!({"slug": row.slug, "name": row.name, "blueprint": row.blueprint_id}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(row.into())
    }

    /// All tenants.
    pub async fn list_tenants(&self, _operator: &Operator) -> Result<Vec<TenantView>, AppError> {
        let mut tx = self.db.global().await?;
        let rows = tenants::all(&mut tx).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(TenantView::from).collect())
    }
}

fn unknown_blueprint(id: &str) -> String {
    let known: Vec<&str> = catalog().iter().map(|(id, _)| *id).collect();
    format!("there is no blueprint {id:?}; known are: {}", known.join(", "))
}
