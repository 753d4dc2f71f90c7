//! A directory deletes a group (RFC 7644 §3.6).

use domain::audit::{Action, AuditEvent};
use domain::id::GroupId;
use serde_json::{Value, json};
use store::advisory::Hold;
use store::{DirectoryScope, groups};

use super::change_group::{Attempt, Grip, Whole};
use super::membership::{Change, Sweep, fact};
use super::{check_version, nesting};
use crate::App;
use crate::error::AppError;

impl App {
    /// Deletes a group; what its members had by it, they lose, and so do the members of the groups in it.
    pub async fn delete_group(
        &self,
        directory: &DirectoryScope,
        id: GroupId,
        if_match: Option<&str>,
    ) -> Result<(), AppError> {
        let mut grip = Grip { group: Hold::Alone, everybody: false };
        loop {
            match self.attempt_to_delete(directory, id, if_match, grip).await? {
                Attempt::Done(()) => return Ok(()),
                Attempt::Again(firmer) => grip = firmer,
            }
        }
    }

    async fn attempt_to_delete(
        &self,
        directory: &DirectoryScope,
        id: GroupId,
        if_match: Option<&str>,
        grip: Grip,
    ) -> Result<Attempt<()>, AppError> {
        let mut tx = self.db.begin(directory.scope()).await?;
        let held = groups::hold_to_delete(&mut tx, directory.directory(), id).await?;
        let held = held.ok_or(AppError::NotFound("group"))?;
        check_version(if_match, held.group.version)?;
        let was = held.group.resource();
        let facts = vec![fact(id, &was)];
        self.lock_people(&mut tx, directory, (&held, &facts), &[], (true, grip)).await?;
        let Some(Whole { matters, children }) =
            self.hold_policy(&mut tx, (&held, &facts), false, grip).await?
        else {
            tx.nothing_changed().await?;
            return Ok(Attempt::Again(Grip { everybody: true, ..grip }));
        };
        let mut change = Change::new(self, id, facts, Some(matters));
        change.sweep(&mut tx, Sweep::Everybody, &[]).await?;
        groups::delete(&mut tx, id);
        let mut was = was.into_map();
        if !children.is_empty() {
            was.insert("groups".to_owned(), json!(children));
        }
        change.note(AuditEvent::new(Action::GroupDelete, id).before(Value::Object(was)));
        if matters {
            nesting::settle_below(self, &mut tx, id, &children).await?;
        }
        if let Some(audit) = change.audit() {
            self.commit(tx, audit, self.now()).await?;
        }
        Ok(Attempt::Done(()))
    }
}
