//! A directory changes a group (RFC 7644 §3.5.2). One member more costs the same in a group of a million.

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::GroupId;
use scim::dialect::Dialect;
use scim::patch::PatchPlan;
use scim::resource::Resource;
use serde_json::Value;
use store::members::{self, Mark};
use store::{DirectoryScope, groups};

use super::membership::{self, Changes};
use super::nesting;
use super::read_groups::members_if;
use super::{GroupView, Members, TenantTypes, check_version, difference};
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
        let types = self.types(directory).await?;
        let schema = types.types().group();
        let (plan, changes) = PatchPlan::parse(schema, body, dialect)?.split_members();
        let changes = Changes { list: changes, dialect };
        self.change_group(directory, &types, id, if_match, changes, wanted, |current| {
            plan.apply(schema, current, dialect)
        })
        .await
    }

    /// Locks a group, computes its next document and the changes of its members, and does everything that follows.
    #[expect(
        clippy::too_many_arguments,
        reason = "who asks, which group in which version, how it was read, what becomes of it"
    )]
    pub(super) async fn change_group(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
        id: GroupId,
        if_match: Option<&str>,
        changes: Changes<'_>,
        wanted: Members,
        next: impl FnOnce(&Resource) -> Result<Option<Resource>, scim::Error> + Send,
    ) -> Result<GroupView, AppError> {
        let now = self.now();
        let mut tx = self.begin_by(directory, types).await?;
        let named = membership::named(&changes);
        let (row, known) = groups::lock_with(&mut tx, directory.directory(), id, &named).await?;
        let row = row.ok_or(AppError::NotFound("group"))?;
        check_version(if_match, row.version)?;
        let before = row.resource();
        self.must_know(directory, types, &before)?;
        let after = next(&before)?;
        let mark = Mark { version: row.version.saturating_add(1), at: now };
        let moved = membership::apply(&mut tx, directory, id, changes, known, mark).await?;

        let mut events = moved.events(id);
        let mut view = GroupView::new(&row, None);
        if after.is_some() || !moved.is_empty() {
            (view.version, view.updated_at) = (mark.version, mark.at);
        }
        if let Some(after) = after {
            let (was, is) = difference(before.as_map(), after.as_map());
            events.insert(0, AuditEvent::new(Action::GroupUpdate, id).before(was).after(is));
            groups::update(&mut tx, id, &after, mark)?;
            if renamed(&before, &after) {
                let everybody = members::lock_all(&mut tx, id).await?;
                let children = nesting::hold_if_nested(&mut tx, id).await?;
                events.extend(reevaluate(self, &mut tx, &everybody).await?);
                nesting::settle_below(self, &mut tx, id, &children).await?;
            }
            view.resource = after;
        }
        events.extend(membership::settle(self, &mut tx, id, &moved).await?);
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
