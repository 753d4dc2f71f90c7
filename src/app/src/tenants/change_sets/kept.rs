//! Change sets that were made, as they are kept: listed, shown, and taken back by another. Does not know how a thing is turned back.

use chrono::{DateTime, Utc};
use domain::audit::AuditEvent;
use domain::id::{ChangeSetId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::change_sets::{self, ChangeSetRow};
use store::users::Slice;
use store::{AdminScope, Reads, WriteTx};
use utoipa::ToSchema;

use super::turned::{Inputs, Turned};
use super::{Confirmation, MadeView, OutcomeView, PreviewView, Wanted, carry_out};
use crate::App;
use crate::error::AppError;

/// Changes that were made together.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeSetView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: ChangeSetId,
    /// When.
    pub made_at: DateTime<Utc>,
    /// Who made them, as in the audit trail.
    #[schema(value_type = Object)]
    pub made_by: Value,
    /// What was asked for; nothing of one that takes another back.
    #[schema(value_type = Vec<Object>)]
    pub changes: Value,
    /// What it came to, in numbers.
    pub outcome: OutcomeView,
    /// The one that it takes back.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub undoes: Option<ChangeSetId>,
    /// The one that has taken it back.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub undone_by: Option<ChangeSetId>,
    /// Of one that is shown: what it turned, each thing as it was before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub turned: Option<Value>,
}

/// A change set to be taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UndoChanges {
    /// What the preview called its outcome by. Another outcome is refused.
    pub fingerprint: String,
    /// The numbers of the preview, where it asked for them.
    pub confirm: Option<Confirmation>,
}

fn broken(error: &serde_json::Error) -> AppError {
    AppError::Internal(format!("a change set as it is kept: {error}"))
}

async fn views(tx: &mut impl Reads, rows: Vec<ChangeSetRow>) -> Result<Vec<ChangeSetView>, AppError> {
    let ids: Vec<ChangeSetId> = rows.iter().map(ChangeSetRow::change_set_id).collect();
    let undone = change_sets::undone(tx, &ids).await?;
    let view = |row: ChangeSetRow| {
        let id = row.change_set_id();
        Ok(ChangeSetView {
            id,
            made_at: row.made_at,
            made_by: row.made_by,
            changes: row.changes,
            outcome: serde_json::from_value(row.outcome).map_err(|error| broken(&error))?,
            undoes: row.undoes.map(ChangeSetId::from_uuid),
            undone_by: undone.iter().find(|(it, _)| *it == id).map(|(_, by)| *by),
            turned: None,
        })
    };
    rows.into_iter().map(view).collect()
}

impl App {
    /// Changes that were made together, the newest first.
    pub async fn list_change_sets(
        &self,
        admin: &AdminScope,
        slice: Slice,
    ) -> Result<Vec<ChangeSetView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = change_sets::list(&mut tx, slice).await?;
        let views = views(&mut tx, rows).await?;
        tx.finish().await?;
        Ok(views)
    }

    /// One of them, with what it turned.
    pub async fn show_change_set(
        &self,
        admin: &AdminScope,
        id: ChangeSetId,
    ) -> Result<ChangeSetView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let row = change_sets::find(&mut tx, id).await?.ok_or(AppError::NotFound("change set"))?;
        let turned = Some(row.turned.clone());
        let view = views(&mut tx, vec![row]).await?.pop();
        tx.finish().await?;
        let view = view.ok_or(AppError::NotFound("change set"))?;
        Ok(ChangeSetView { turned, ..view })
    }

    /// Says what would follow from taking a change set back, and changes nothing.
    pub async fn preview_undo(
        &self,
        admin: &AdminScope,
        id: ChangeSetId,
        after: Option<UserId>,
        most: usize,
    ) -> Result<PreviewView, AppError> {
        let turned = self.turned_by(admin, id).await?;
        self.preview(admin, Wanted::Back(id, &turned), after, most).await
    }

    /// Takes a change set back, if everything that it turned is as it left it, and if what follows is what was shown.
    pub async fn undo_changes(
        &self,
        admin: &AdminScope,
        id: ChangeSetId,
        ask: UndoChanges,
    ) -> Result<MadeView, AppError> {
        let turned = self.turned_by(admin, id).await?;
        self.make(admin, Wanted::Back(id, &turned), (&ask.fingerprint, ask.confirm)).await
    }

    async fn turned_by(&self, admin: &AdminScope, id: ChangeSetId) -> Result<Vec<Turned>, AppError> {
        let view = self.show_change_set(admin, id).await?;
        if view.undone_by.is_some() {
            return Err(AppError::Conflict("the change set is taken back already".to_owned()));
        }
        serde_json::from_value(view.turned.unwrap_or_default()).map_err(|error| broken(&error))
    }
}

/// Makes what is wanted in a transaction that holds the policy alone, and keeps it with what it turned. Nothing is kept
/// where nothing was to be done.
pub(super) async fn make_and_keep(
    app: &App,
    tx: &mut WriteTx,
    wanted: Wanted<'_>,
    outcome: &OutcomeView,
) -> Result<(Option<ChangeSetId>, Vec<AuditEvent>), AppError> {
    let undoes = match wanted {
        Wanted::Changes(_) => None,
        Wanted::Back(id, _) => Some(id),
    };
    if let Some(undoes) = undoes
        && !change_sets::undone(tx, &[undoes]).await?.is_empty()
    {
        return Err(AppError::Conflict("the change set is taken back already".to_owned()));
    }
    let before = Inputs::now(tx).await?;
    let mut done = carry_out::all(app, tx, wanted).await?;
    if done.events.is_empty() {
        return Ok((None, Vec::new()));
    }
    let id = ChangeSetId::generate(app.now(), &*app.entropy);
    let mut turned = before.turned_to(&Inputs::now(tx).await?);
    turned.append(&mut done.grants);
    let changes = match wanted {
        Wanted::Changes(changes) => json!(changes),
        Wanted::Back(..) => json!([]),
    };
    let row = ChangeSetRow {
        id: id.as_uuid(),
        made_at: app.now(),
        made_by: json!(tx.scope().actor()),
        changes,
        turned: json!(turned),
        outcome: json!(outcome),
        undoes: undoes.map(ChangeSetId::as_uuid),
    };
    change_sets::keep(tx, &row).await?;
    Ok((Some(id), done.events))
}
