//! A directory deletes a group (RFC 7644 §3.6).

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::GroupId;
use serde_json::{Value, json};
use store::{DirectoryScope, groups, members};

use super::{check_version, nesting};
use crate::App;
use crate::access::reevaluate;
use crate::error::AppError;

impl App {
    /// Deletes a group; what its members had by it, they lose, and so do the members of the groups in it.
    pub async fn delete_group(
        &self,
        directory: &DirectoryScope,
        id: GroupId,
        if_match: Option<&str>,
    ) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.begin(directory.scope()).await?;
        let row = groups::lock_to_delete(&mut tx, directory.directory(), id)
            .await?
            .ok_or(AppError::NotFound("group"))?;
        check_version(if_match, row.version)?;
        let everybody = members::lock_all(&mut tx, id).await?;
        let children = nesting::hold_if_nested(&mut tx, id).await?;
        groups::delete(&mut tx, id);
        let mut was = row.resource().into_map();
        was.insert("members".to_owned(), json!(everybody));
        if !children.is_empty() {
            was.insert("groups".to_owned(), json!(children));
        }
        let mut audit = Audit::of(AuditEvent::new(Action::GroupDelete, id).before(Value::Object(was)));
        audit.extend(reevaluate(self, &mut tx, &everybody).await?);
        nesting::settle_below(self, &mut tx, id, &children).await?;
        tx.commit(audit, now, &*self.entropy).await?;
        Ok(())
    }
}
