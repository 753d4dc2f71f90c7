//! The audit trail, read.

use chrono::{DateTime, Utc};
use domain::id::AuditEventId;
use serde::Serialize;
use serde_json::Value;
use store::AdminScope;
use store::audit::{self, AuditRow};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::App;
use crate::error::AppError;

/// Which events.
#[derive(Debug, Default)]
pub struct AuditQuery {
    /// About this thing only.
    pub target: Option<String>,
    /// Older than this one.
    pub before: Option<AuditEventId>,
    /// At most this many, 1 to 200.
    pub limit: i64,
}

/// An event of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEventView {
    /// Id; sorts by time.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    #[schema(value_type = Object)]
    pub actor: Value,
    /// What.
    #[schema(example = "user.deactivate")]
    pub action: String,
    /// Kind of the thing it was done to.
    pub target_kind: String,
    /// The thing it was done to.
    pub target_id: String,
    /// What it was before.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// What it is after.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// By which request.
    pub request_id: Uuid,
}

impl From<AuditRow> for AuditEventView {
    fn from(row: AuditRow) -> Self {
        let AuditRow { id, at, actor, action, target_kind, target_id, before, after, request_id } = row;
        Self { id, at, actor, action, target_kind, target_id, before, after, request_id }
    }
}

impl App {
    /// Events, newest first.
    pub async fn list_audit_events(
        &self,
        admin: &AdminScope,
        query: &AuditQuery,
    ) -> Result<Vec<AuditEventView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let limit = query.limit.clamp(1, 200);
        let rows = audit::newest(&mut tx, query.target.as_deref(), query.before, limit).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(AuditEventView::from).collect())
    }
}
