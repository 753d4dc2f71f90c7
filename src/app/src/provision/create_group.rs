//! A directory creates a group (RFC 7644 §3.3).

use domain::audit::{Action, AuditEvent};
use domain::id::GroupId;
use scim::dialect::Dialect;
use scim::patch::MemberChange;
use scim::resource::Resource;
use serde_json::Value;
use store::{DirectoryScope, groups, rules, users};

use super::membership::{Change, Changes, fact};
use super::read_groups::members_if;
use super::{GroupView, Members};
use crate::App;
use crate::error::AppError;

impl App {
    /// Creates a group with its first members.
    pub async fn create_group(
        &self,
        directory: &DirectoryScope,
        body: Value,
        dialect: &Dialect,
        wanted: Members,
    ) -> Result<GroupView, AppError> {
        let types = self.types(directory).await?;
        let mut resource = Resource::for_create(types.types().group(), body, dialect)?;
        let members = resource.take_members()?.unwrap_or_default();
        let now = self.now();
        let id = GroupId::generate(now, &*self.entropy);
        let mut tx = self.begin_by(directory, &types).await?;
        groups::create(&mut tx, directory.directory(), id, &resource, now)?;
        let changes = Changes { list: vec![MemberChange::Add(members)], dialect };
        let known = users::lock_many(&mut tx, directory.directory(), &changes.named()).await?;
        let known = changes.known(&mut tx, directory, known).await?;
        if known.has_groups() {
            rules::hold_alone(&mut tx);
        } else {
            rules::hold(&mut tx);
        }
        let mut change = Change::new(self, id, vec![fact(id, &resource)], None);
        change.note(AuditEvent::new(Action::GroupCreate, id).after(Value::Object(resource.as_map().clone())));
        change.apply(&mut tx, changes.steps(&known)?).await?;
        change.wait(&mut tx, directory, changes.awaited(&known)).await?;
        let members = members_if(&mut tx, wanted, id).await?;
        if let Some(audit) = change.audit() {
            self.commit(tx, audit, now).await?;
        }
        Ok(GroupView { id, resource, version: 1, created_at: now, updated_at: now, members })
    }
}
