//! A directory creates a person (RFC 7644 §3.3).

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::UserId;
use domain::lifecycle::PersonState;
use scim::dialect::{Dialect, Leniency};
use scim::resource::Resource;
use serde_json::Value;
use store::users::{self, Groups};
use store::{DirectoryScope, WriteTx};

use super::settle::{settle, state_of};
use super::{UserView, pending};
use crate::App;
use crate::error::AppError;

impl App {
    /// Creates a person, also in the groups that wait for them. Active, they claim a seat or a place in line.
    pub async fn create_user(
        &self,
        directory: &DirectoryScope,
        body: Value,
        dialect: &Dialect,
    ) -> Result<UserView, AppError> {
        let types = self.types(directory).await?;
        let resource = Resource::for_create(types.types().user(), body, dialect)?;
        let now = self.now();
        let id = UserId::generate(now, &*self.entropy);
        let mut tx = self.begin_by(directory, &types).await?;
        users::create(&mut tx, directory.directory(), id, &resource, now)?;
        let mut audit = Audit::of(
            AuditEvent::new(Action::UserProvision, id).after(Value::Object(resource.as_map().clone())),
        );
        let joined = match resource.external_id() {
            Some(name) if dialect.grants(Leniency::PendingMember) => {
                pending::arrive(&mut tx, directory, id, name).await?
            }
            _ => Vec::new(),
        };
        let groups = if joined.is_empty() { None } else { groups_of(&mut tx, directory, id).await? };
        audit.extend(pending::events(id, &joined));
        audit.extend(settle(self, &mut tx, id, PersonState::Absent, state_of(&resource)).await?);
        store::pending::mark(&mut tx, &joined, now);
        tx.commit(audit, now, &*self.entropy).await?;
        Ok(UserView { id, resource, version: 1, created_at: now, updated_at: now, groups })
    }
}

/// A person's groups, as they are shown.
async fn groups_of(
    tx: &mut WriteTx,
    directory: &DirectoryScope,
    id: UserId,
) -> Result<Option<Value>, AppError> {
    let rows = users::by_ids(tx, directory.directory(), &[id], Groups::Included).await?;
    Ok(rows.into_iter().next().and_then(|row| row.groups))
}
