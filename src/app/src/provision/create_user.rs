//! A directory creates a person (RFC 7644 §3.3).

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::UserId;
use domain::lifecycle::PersonState;
use scim::dialect::Dialect;
use scim::resource::Resource;
use serde_json::Value;
use store::{DirectoryScope, users};

use super::UserView;
use super::settle::{settle, state_of};
use crate::App;
use crate::error::AppError;

impl App {
    /// Creates a person. Active, they claim a seat or a place in line.
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
        audit.extend(settle(self, &mut tx, id, PersonState::Absent, state_of(&resource)).await?);
        tx.commit(audit, now, &*self.entropy).await?;
        Ok(UserView { id, resource, version: 1, created_at: now, updated_at: now, groups: None })
    }
}
