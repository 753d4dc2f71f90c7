//! Groups come into groups and leave them. Knows whom that moves and in which order it is done; does not know how a
//! group is followed.
//!
//! A group in a group reaches people whom the request does not name and has not locked. So all of this is for who holds
//! the policy alone: nobody else computes access meanwhile, whoever was about it is waited for, and whoever comes after sees
//! the new order. For the same reason two requests cannot close a circle together.

use std::collections::BTreeSet;

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::GroupId;
use serde_json::json;
use store::WriteTx;
use store::nesting::{self, Rearranged};

use super::membership::Sweep;
use crate::App;
use crate::access::reevaluate;
use crate::error::AppError;

/// Which groups came into a group and which left it.
#[derive(Debug, Default)]
pub(super) struct Nested {
    came: BTreeSet<GroupId>,
    went: BTreeSet<GroupId>,
}

impl Nested {
    pub(super) fn is_empty(&self) -> bool {
        self.came.is_empty() && self.went.is_empty()
    }

    /// Puts groups of the same directory into a held group.
    pub(super) async fn add(
        &mut self,
        tx: &mut WriteTx,
        group: GroupId,
        children: &[GroupId],
    ) -> Result<(), AppError> {
        if children.is_empty() {
            return Ok(());
        }
        if let Some(child) = nesting::closing_a_circle(tx, group, children).await? {
            let detail =
                format!("members: the group {child} is or contains this group; no group can be in itself");
            return Err(scim::Error::invalid_value(detail).into());
        }
        for child in nesting::add(tx, group, children).await? {
            if !self.went.remove(&child) {
                self.came.insert(child);
            }
        }
        Ok(())
    }

    /// Takes groups out of a held group.
    pub(super) async fn remove(
        &mut self,
        tx: &mut WriteTx,
        group: GroupId,
        children: &[GroupId],
    ) -> Result<(), AppError> {
        for child in nesting::remove(tx, group, children).await? {
            if !self.came.remove(&child) {
                self.went.insert(child);
            }
        }
        Ok(())
    }

    /// Takes out the groups that a sweep is about, save for `but`.
    pub(super) async fn sweep(
        &mut self,
        tx: &mut WriteTx,
        group: GroupId,
        sweep: Sweep<'_>,
        but: &BTreeSet<GroupId>,
    ) -> Result<(), AppError> {
        let mut others = match sweep {
            Sweep::Everybody => nesting::children(tx, group).await?,
            Sweep::Matching(filter) => nesting::matching(tx, group, filter).await?,
        };
        others.retain(|child| !but.contains(child));
        self.remove(tx, group, &others).await
    }

    /// One event for all that came, one for all that left.
    pub(super) fn events(&self, group: GroupId) -> Vec<AuditEvent> {
        let mut events = Vec::new();
        if !self.came.is_empty() {
            events.push(AuditEvent::new(Action::GroupMembersAdd, group).after(json!({"groups": self.came})));
        }
        if !self.went.is_empty() {
            events.push(
                AuditEvent::new(Action::GroupMembersRemove, group).before(json!({"groups": self.went})),
            );
        }
        events
    }

    /// The access of everybody whom that moved.
    pub(super) async fn settle(&self, app: &App, tx: &mut WriteTx, group: GroupId) -> Result<(), AppError> {
        if self.is_empty() {
            return Ok(());
        }
        let through: Vec<GroupId> = self.came.union(&self.went).copied().collect();
        let came: Vec<GroupId> = self.came.iter().copied().collect();
        settle(app, tx, Rearranged { group, through: &through, came: &came }).await
    }
}

/// The access of everybody below a group through its groups, which are these; those who are directly in the
/// group are left to the caller.
pub(super) async fn settle_below(
    app: &App,
    tx: &mut WriteTx,
    group: GroupId,
    children: &[GroupId],
) -> Result<(), AppError> {
    if children.is_empty() {
        return Ok(());
    }
    settle(app, tx, Rearranged { group, through: children, came: children }).await
}

/// A thousand people at a time, however many there are; what changed for them is written down before the next.
async fn settle(app: &App, tx: &mut WriteTx, changed: Rearranged<'_>) -> Result<(), AppError> {
    let mut after = None;
    loop {
        let below = nesting::next_below(tx, changed, after).await?;
        let Some(next) = below.next else { return Ok(()) };
        after = Some(next);
        if let Some(audit) = Audit::from_events(reevaluate(app, tx, &below.moved).await?) {
            tx.record(audit, app.now(), &*app.entropy)?;
        }
    }
}
