//! A directory deletes a person (RFC 7644 §3.6).

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::UserId;
use domain::lifecycle::{PersonState, effects};
use serde_json::{Value, json};
use store::audit::Outgoing;
use store::users::Groups;
use store::{DirectoryScope, tombstones};

use super::check_version;
use super::settle::{leave, state};
use crate::App;
use crate::error::AppError;
use crate::guards::{DepartureKind, before_deletion, depart, hold_people, lock_leaver, may_delete};
use crate::handovers::{Chosen, before_burial, direct};

impl App {
    /// Deletes a person: sessions end, the seat passes on, memberships, links and access go; a
    /// tombstone and the audit trail stay.
    pub async fn delete_user(
        &self,
        directory: &DirectoryScope,
        id: UserId,
        if_match: Option<&str>,
    ) -> Result<(), AppError> {
        self.delete_user_who_leaves(directory, id, if_match, None).await
    }

    /// The same, of somebody whose things go to whom whoever asks has chosen.
    pub(crate) async fn delete_user_who_leaves(
        &self,
        directory: &DirectoryScope,
        id: UserId,
        if_match: Option<&str>,
        chosen: Option<Chosen<'_>>,
    ) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.begin(directory.scope()).await?;
        if directory.scope().actor().person().is_some() {
            hold_people(&mut tx, &[id]).await?;
        }
        let (row, watched) = lock_leaver(self, &mut tx, directory.directory(), id, Groups::Omitted)
            .await?
            .ok_or(AppError::NotFound("user"))?;
        check_version(if_match, row.user.version)?;
        may_delete(self, &mut tx, id).await?;
        let was = state(row.is_let_in());
        let before = row.user.resource();
        let effects = effects(was, PersonState::Absent);
        let mut audit =
            Audit::of(AuditEvent::new(Action::UserDelete, id).before(Value::Object(before.into_map())));
        if was == PersonState::Active {
            let departed =
                depart(self, tx, directory.directory(), id, (DepartureKind::Delete, watched)).await?;
            tx = departed.0;
            audit.extend(departed.1);
            audit.extend(before_deletion(self, &mut tx, id).await?);
            audit.extend(before_burial(self, &mut tx, id, None).await?);
            if chosen.is_some() {
                audit.extend(direct(self, &mut tx, id, chosen).await?.events);
            }
        }
        audit.extend(leave(self, &mut tx, id, &effects).await?);
        tombstones::bury(&mut tx, id, None, now);
        for fact in &effects.facts {
            tx.announce(Outgoing {
                fact: fact.name(),
                subject_id: id.to_string(),
                payload: json!({"user": id}),
            });
        }
        self.commit(tx, audit, now).await?;
        Ok(())
    }
}
