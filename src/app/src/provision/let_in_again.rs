//! A directory's POST of somebody who may be there already (RFC 7644 §3.3).

use scim::ScimType;
use scim::dialect::Dialect;
use scim::resource::Resource;
use serde_json::Value;
use store::users::{self, Named};
use store::{DirectoryScope, directories, newcomers};

use super::Change;
use super::{TenantTypes, UserView};
use crate::App;
use crate::error::AppError;

impl App {
    /// Creates a person, or lets one in again.
    ///
    /// A name or externalId that is taken in this directory is a conflict, so that a client whose first answer was lost
    /// finds the person by it. Where the directory is set so, whoever has the externalId and is inactive is let in again
    /// instead, as the body describes them. Whoever a sign-in made, and this directory has never described, becomes whom
    /// the body describes, with the id that they have.
    pub async fn create_or_let_in_again(
        &self,
        directory: &DirectoryScope,
        body: Value,
        dialect: &Dialect,
    ) -> Result<UserView, AppError> {
        match self.create_user(directory, body.clone(), dialect).await {
            Err(AppError::Scim(conflict)) if conflict.scim_type == Some(ScimType::Uniqueness) => {
                let types = self.types(directory).await?;
                let resource = Resource::for_create(types.types().user(), body, dialect)?;
                self.take_up(directory, &types, resource).await?.ok_or(AppError::Scim(conflict))
            }
            outcome => outcome,
        }
    }

    /// The person who is there already and becomes whom the resource describes, if there is one: whom it would be refused
    /// for if they were not.
    pub(super) async fn take_up(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
        resource: Resource,
    ) -> Result<Option<UserView>, AppError> {
        match self.describe_newcomer(directory, types, &resource).await? {
            Some(described) => Ok(Some(described)),
            None => self.let_in_again(directory, types, resource).await,
        }
    }

    /// The person of this name, as the resource says, if a sign-in made them and nobody has described them since. Whoever
    /// comes first describes them; to the others the name is taken.
    async fn describe_newcomer(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
        resource: &Resource,
    ) -> Result<Option<UserView>, AppError> {
        let mut tx = self.db.read(directory.scope()).await?;
        let mut found = None;
        for named in
            [resource.external_id().map(Named::ExternalId), resource.user_name().map(Named::UserName)]
        {
            let Some(named) = named else { continue };
            if let Some(id) = users::by_name(&mut tx, directory.directory(), named).await?
                && newcomers::is_undescribed(&mut tx, id).await?
            {
                found = Some(id);
                break;
            }
        }
        tx.finish().await?;
        let Some(id) = found else { return Ok(None) };
        let next = resource.clone();
        let newest = Change { id, if_match: Some("W/\"1\""), leaves: false };
        match self.change_user(directory, types, newest, |_| Ok(Some(next))).await {
            Ok(view) => Ok(Some(view)),
            Err(AppError::PreconditionFailed | AppError::NotFound(_) | AppError::Scim(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The person with this externalId, active again and as the resource says, if the directory is set so and they are
    /// there and inactive.
    async fn let_in_again(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
        resource: Resource,
    ) -> Result<Option<UserView>, AppError> {
        let Some(external_id) = resource.external_id().filter(|_| resource.active()) else { return Ok(None) };
        let mut tx = self.db.read(directory.scope()).await?;
        let found = if directories::create_reenables(&mut tx, directory.directory()).await? {
            users::by_name(&mut tx, directory.directory(), Named::ExternalId(external_id)).await?
        } else {
            None
        };
        tx.finish().await?;
        let Some(id) = found else { return Ok(None) };
        let back = Change { id, if_match: None, leaves: false };
        let changed = self
            .change_user(directory, types, back, |current| {
                if current.active() {
                    return Err(scim::Error::uniqueness("externalId is taken in this directory"));
                }
                Ok(Some(resource))
            })
            .await;
        changed.map(Some)
    }
}
