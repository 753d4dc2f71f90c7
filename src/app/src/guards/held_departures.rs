//! Departures that wait for an administrator: shown, approved, refused.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{DirectoryId, UserId};
use scim::resource::Resource;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::guards::{self, HeldRow};
use store::{AdminScope, DirectoryScope, directories};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;
use crate::provision::Change;

/// How somebody is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DepartureKind {
    /// Shut out.
    Deactivate,
    /// Deleted.
    Delete,
}

impl DepartureKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Deactivate => "deactivate",
            Self::Delete => "delete",
        }
    }
}

/// A departure that waits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldDepartureView {
    /// Who is to go.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// Their name.
    pub user_name: String,
    /// Slug of the directory that wants it.
    pub directory: String,
    /// How they are to go.
    pub kind: DepartureKind,
    /// When it was held.
    pub held_at: DateTime<Utc>,
    /// When it is forgotten; the directory will ask again.
    pub expires_at: DateTime<Utc>,
}

impl From<HeldRow> for HeldDepartureView {
    fn from(row: HeldRow) -> Self {
        let document = row.doc.as_object().cloned().unwrap_or_default();
        let resource = Resource::from_stored(document);
        Self {
            user: UserId::from_uuid(row.user_id),
            user_name: resource.user_name().unwrap_or_default().to_owned(),
            directory: row.directory,
            kind: if row.kind == "delete" { DepartureKind::Delete } else { DepartureKind::Deactivate },
            held_at: row.held_at,
            expires_at: row.expires_at,
        }
    }
}

/// What an administrator says of a departure that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DepartureDecision {
    /// They go, at once.
    Approve,
    /// They stay; the directory may ask again.
    Refuse,
}

impl App {
    /// What waits, the oldest first.
    pub async fn list_held_departures(&self, admin: &AdminScope) -> Result<Vec<HeldDepartureView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = guards::held(&mut tx, None, self.now()).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(HeldDepartureView::from).collect())
    }

    /// Lets somebody go whose departure was held, or lets them stay. Whoever goes does so by the use case that the
    /// directory's own request would have taken.
    pub async fn decide_departure(
        &self,
        admin: &AdminScope,
        user: UserId,
        decision: DepartureDecision,
    ) -> Result<(), AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let found = guards::held(&mut tx, Some(user), self.now()).await?.pop();
        tx.finish().await?;
        let row = found.ok_or(AppError::NotFound("held departure"))?;
        if decision == DepartureDecision::Approve {
            let directory = directories::as_admin(admin, DirectoryId::from_uuid(row.directory_id));
            self.let_go(&directory, user, &row.kind).await?;
        }
        let mut tx = self.db.begin(admin.scope()).await?;
        guards::drop_held(&mut tx, user).await?;
        let approved = decision == DepartureDecision::Approve;
        let event = AuditEvent::new(Action::UserHoldDecide, user)
            .before(json!({"kind": row.kind}))
            .after(json!({"approved": approved}));
        self.commit(tx, Audit::of(event), self.now()).await
    }

    async fn let_go(&self, directory: &DirectoryScope, user: UserId, kind: &str) -> Result<(), AppError> {
        if kind == DepartureKind::Delete.as_str() {
            return self.delete_user(directory, user, None).await;
        }
        let shut_out = |current: &Resource| {
            let mut next = current.as_map().clone();
            next.insert("active".to_owned(), json!(false));
            Ok((next != *current.as_map()).then(|| Resource::from_stored(next)))
        };
        let types = self.types(directory).await?;
        let change = Change { id: user, if_match: None, leaves: true };
        self.change_user(directory, &types, change, shut_out).await.map(|_| ())
    }
}
