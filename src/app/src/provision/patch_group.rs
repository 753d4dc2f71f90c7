//! A directory changes a group (RFC 7644 §3.5.2). One member more costs the same in a group of a million.

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::GroupId;
use scim::dialect::Dialect;
use scim::patch::{MemberChange, PatchPlan};
use scim::resource::Resource;
use serde_json::Value;
use store::{DirectoryScope, groups, members};

use super::read_groups::members_if;
use super::{GroupView, Members, check_version, difference, membership};
use crate::App;
use crate::access::reevaluate;
use crate::error::AppError;

impl App {
    /// Applies a PATCH to a group, all of it or nothing. Nothing changed, nothing is written.
    pub async fn patch_group(
        &self,
        directory: &DirectoryScope,
        id: GroupId,
        if_match: Option<&str>,
        body: Value,
        dialect: &Dialect,
        wanted: Members,
    ) -> Result<GroupView, AppError> {
        let schema = scim::schema::group();
        let (plan, changes) = PatchPlan::parse(&schema, body, dialect)?.split_members();
        self.change_group(directory, id, if_match, wanted, |current| {
            Ok((plan.apply(&schema, current)?, changes))
        })
        .await
    }

    /// Locks a group, computes its next document and the changes of its members, and does everything that follows.
    pub(super) async fn change_group(
        &self,
        directory: &DirectoryScope,
        id: GroupId,
        if_match: Option<&str>,
        wanted: Members,
        next: impl FnOnce(&Resource) -> Result<(Option<Resource>, Vec<MemberChange>), scim::Error> + Send,
    ) -> Result<GroupView, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(directory.scope()).await?;
        let row =
            groups::lock(&mut tx, directory.directory(), id).await?.ok_or(AppError::NotFound("group"))?;
        check_version(if_match, row.version)?;
        let before = row.resource();
        let (after, changes) = next(&before)?;
        let moved = membership::apply(&mut tx, directory, id, changes).await?;

        let mut events = moved.events(id);
        let mut view = GroupView::new(&row, None);
        if let Some(after) = after {
            let (was, is) = difference(before.as_map(), after.as_map());
            events.insert(0, AuditEvent::new(Action::GroupUpdate, id).before(was).after(is));
            view.version = groups::update(&mut tx, id, &after, now).await?;
            view.updated_at = now;
            if renamed(&before, &after) {
                let everybody = members::lock_all(&mut tx, id).await?;
                events.extend(reevaluate(self, &mut tx, &everybody).await?);
            }
            view.resource = after;
        } else if !moved.is_empty() {
            view.version = groups::touch(&mut tx, id, now).await?;
            view.updated_at = now;
        }
        events.extend(membership::settle(self, &mut tx, &moved).await?);
        view.members = members_if(&mut tx, wanted, &[id]).await?;
        match Audit::from_events(events) {
            Some(audit) => tx.commit(audit, now, &*self.entropy).await?,
            None => tx.nothing_changed().await?,
        }
        Ok(view)
    }
}

/// Whether mapping rules may see another group than before.
fn renamed(before: &Resource, after: &Resource) -> bool {
    before.display_name() != after.display_name() || before.external_id() != after.external_id()
}
