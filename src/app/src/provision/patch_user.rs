//! A directory changes a person (RFC 7644 §3.5.2). Deactivation, the reason why all of this exists, is one of these.

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::UserId;
use domain::lifecycle::PersonState;
use scim::dialect::Dialect;
use scim::patch::PatchPlan;
use scim::resource::Resource;
use serde_json::Value;
use store::DirectoryScope;
use store::users::{self, Groups};

use super::settle::{change_and_settle, state, state_of};
use super::{TenantTypes, UserView, check_version, difference};
use crate::App;
use crate::error::AppError;
use crate::guards::{DepartureKind, depart, hold_people, lock_leaver, may_edit};
use crate::handovers::{Chosen, direct};

/// Which person is to be changed.
pub(crate) struct Change<'a> {
    pub(crate) id: UserId,
    /// The versions of which it has to be one.
    pub(crate) if_match: Option<&'a str>,
    /// Whether they will be inactive, as far as can be said before: then what is asked of a leaver is asked with the lock.
    pub(crate) leaves: bool,
}

impl App {
    /// Applies a PATCH to a person, all of it or nothing. Nothing changed, nothing is written.
    pub async fn patch_user(
        &self,
        directory: &DirectoryScope,
        id: UserId,
        if_match: Option<&str>,
        body: Value,
        dialect: &Dialect,
    ) -> Result<UserView, AppError> {
        let types = self.types(directory).await?;
        let user = types.types().user();
        let plan = PatchPlan::parse(user, body, dialect)?;
        let change = Change { id, if_match, leaves: plan.deactivates() };
        self.change_user(directory, &types, change, |current| plan.apply(user, current, dialect)).await
    }

    /// Applies a PATCH to a person whose things go to whom whoever asks has chosen, if they leave a place by it.
    pub(crate) async fn patch_user_who_leaves(
        &self,
        directory: &DirectoryScope,
        id: UserId,
        body: Value,
        dialect: &Dialect,
        chosen: Option<Chosen<'_>>,
    ) -> Result<UserView, AppError> {
        let types = self.types(directory).await?;
        let user = types.types().user();
        let plan = PatchPlan::parse(user, body, dialect)?;
        let next = |current: &Resource| plan.apply(user, current, dialect);
        let change = Change { id, if_match: None, leaves: plan.deactivates() };
        self.change_user_who_leaves(directory, &types, change, chosen, next).await
    }

    /// Locks a person, computes their next document, and does everything that follows from it.
    pub(crate) async fn change_user(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
        change: Change<'_>,
        next: impl FnOnce(&Resource) -> Result<Option<Resource>, scim::Error> + Send,
    ) -> Result<UserView, AppError> {
        self.change_user_who_leaves(directory, types, change, None, next).await
    }

    async fn change_user_who_leaves(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
        Change { id, if_match, leaves }: Change<'_>,
        chosen: Option<Chosen<'_>>,
        next: impl FnOnce(&Resource) -> Result<Option<Resource>, scim::Error> + Send,
    ) -> Result<UserView, AppError> {
        let now = self.now();
        let mut tx = self.begin_by(directory, types).await?;
        if directory.scope().actor().person().is_some() {
            hold_people(&mut tx, &[id]).await?;
        }
        let home = directory.directory();
        let locked = if leaves {
            lock_leaver(self, &mut tx, home, id, Groups::Included).await?
        } else {
            users::lock(&mut tx, home, id, Groups::Included).await?.map(|row| (row, None))
        };
        let (row, watched) = locked.ok_or(AppError::NotFound("user"))?;
        check_version(if_match, row.user.version)?;
        let before = row.user.resource();
        self.must_know(directory, types, &before)?;
        let Some(after) = next(&before)? else {
            tx.nothing_changed().await?;
            return Ok(row.user.into());
        };
        let states = (state(row.would_be_let_in(&before)), state(row.would_be_let_in(&after)));
        let names = changed_names(&before, &after);
        may_edit(self, &mut tx, id, &names).await?;
        let mut audit = Audit::of(changed(id, &before, &after));
        if states == (PersonState::Active, PersonState::Inactive) {
            let departed = depart(self, tx, home, id, (DepartureKind::Deactivate, watched)).await?;
            tx = departed.0;
            audit.extend(departed.1);
        }
        audit.extend(change_and_settle(self, &mut tx, id, (&before, &after, now), states, &names).await?);
        if chosen.is_some() {
            audit.extend(direct(self, &mut tx, id, chosen).await?.events);
        }
        self.commit(tx, audit, now).await?;
        Ok(UserView {
            resource: after,
            version: row.user.version.saturating_add(1),
            updated_at: now,
            ..row.user.into()
        })
    }
}

/// The names of the attributes that differ.
fn changed_names(before: &Resource, after: &Resource) -> Vec<String> {
    let (before, after) = (before.as_map(), after.as_map());
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

fn changed(id: UserId, before: &Resource, after: &Resource) -> AuditEvent {
    let action = match (state_of(before), state_of(after)) {
        (PersonState::Active, PersonState::Inactive) => Action::UserDeactivate,
        (PersonState::Inactive, PersonState::Active) => Action::UserReactivate,
        _ => Action::UserUpdate,
    };
    let (was, is) = difference(before.as_map(), after.as_map());
    AuditEvent::new(action, id).before(was).after(is)
}
