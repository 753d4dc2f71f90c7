//! Members who were named before they were there. Knows when a group waits for somebody and when it stops; does not know
//! which client may ask for that.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::audit::{Action, AuditEvent};
use domain::id::{GroupId, UserId};
use serde_json::json;
use store::{DirectoryScope, WriteTx, pending};

use crate::error::AppError;

/// For whom a group is to wait, and for whom it is to stop.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    /// Nobody but `into` is left.
    sweep: bool,
    out: BTreeSet<String>,
    into: BTreeSet<String>,
}

impl Awaited {
    pub(super) fn add(&mut self, names: impl Iterator<Item = String>) {
        for name in names {
            self.out.remove(&name);
            self.into.insert(name);
        }
    }

    pub(super) fn remove(&mut self, names: impl Iterator<Item = String>) {
        for name in names {
            self.into.remove(&name);
            self.out.insert(name);
        }
    }

    pub(super) fn replace(&mut self, names: impl Iterator<Item = String>) {
        *self = Self { sweep: true, out: BTreeSet::new(), into: names.collect() };
    }

    /// Does it, for a group that is held. One event for those whom it waits for now, one for those whom it did.
    pub(super) async fn settle(
        self,
        tx: &mut WriteTx,
        directory: &DirectoryScope,
        group: GroupId,
        now: DateTime<Utc>,
    ) -> Result<Vec<AuditEvent>, AppError> {
        let (into, out): (Vec<String>, Vec<String>) =
            (self.into.into_iter().collect(), self.out.into_iter().collect());
        let mut events = Vec::new();
        let gone = if self.sweep {
            pending::keep_only(tx, group, &into).await?
        } else if out.is_empty() {
            Vec::new()
        } else {
            pending::forget(tx, group, &out).await?
        };
        if !gone.is_empty() {
            let event = AuditEvent::new(Action::GroupMembersRemove, group);
            events.push(event.before(json!({"pending": gone})));
        }
        if into.is_empty() {
            return Ok(events);
        }
        let kept = pending::keep(tx, directory.directory(), group, &into, now).await?;
        let kept = kept.ok_or_else(|| {
            let most = pending::MOST;
            scim::Error::invalid_value(format!(
                "members: more than {most} members of this group are not there"
            ))
        })?;
        if !kept.is_empty() {
            tracing::info!(group.id = %group, members = kept.len(), "Kept members who are not there as references");
            events.push(AuditEvent::new(Action::GroupMembersAdd, group).after(json!({"pending": kept})));
        }
        Ok(events)
    }
}

/// Whether it can be the name of somebody who is not there.
pub(super) fn may_be_kept(name: &str) -> bool {
    name.len() <= pending::LONGEST && !name.contains('\0')
}

/// A new person comes into the groups that wait for them. The groups are marked when everything else is done.
pub(super) async fn arrive(
    tx: &mut WriteTx,
    directory: &DirectoryScope,
    user: UserId,
    external_id: &str,
) -> Result<Vec<GroupId>, AppError> {
    Ok(pending::arrive(tx, directory.directory(), user, external_id).await?)
}

/// That they came.
pub(super) fn events(user: UserId, groups: &[GroupId]) -> impl Iterator<Item = AuditEvent> {
    groups
        .iter()
        .map(move |group| AuditEvent::new(Action::GroupMembersAdd, *group).after(json!({"members": [user]})))
}
