//! One operation of a bulk request. Knows which use case does it; what follows from it, the use case knows.

use domain::id::{GroupId, UserId};
use scim::bulk::{Ask, Change, Place};
use scim::dialect::Dialect;
use serde_json::Value;
use store::DirectoryScope;

use super::super::{GroupView, Members, UserView};
use super::{Work, late};
use crate::App;
use crate::error::AppError;

/// Where people are.
pub(super) const USERS: &str = "Users";
/// Where groups are.
const GROUPS: &str = "Groups";

/// What an operation did.
pub(super) struct Done {
    pub(super) endpoint: &'static str,
    pub(super) id: String,
    /// What the operation alone would have been answered with.
    pub(super) status: u16,
    pub(super) version: Option<i64>,
}

impl Done {
    /// A person who was created.
    pub(super) fn person(view: &UserView) -> Self {
        Self::of_user(view, 201)
    }

    fn of_user(view: &UserView, status: u16) -> Self {
        Self { endpoint: USERS, id: view.id.to_string(), status, version: Some(view.version) }
    }

    fn of_group(view: &GroupView, status: u16) -> Self {
        Self { endpoint: GROUPS, id: view.id.to_string(), status, version: Some(view.version) }
    }

    /// A resource that was created before a process died.
    pub(super) fn created_before(endpoint: &str, id: String) -> Result<Self, AppError> {
        let endpoint = match endpoint {
            USERS => USERS,
            GROUPS => GROUPS,
            _ => return Err(AppError::NotFound("resource type")),
        };
        Ok(Self { endpoint, id, status: 201, version: None })
    }

    fn gone(endpoint: &'static str, id: String) -> Self {
        Self { endpoint, id, status: 204, version: None }
    }
}

impl Work<'_> {
    /// Does what an operation asks for.
    pub(super) async fn perform(&self, n: usize, ask: Ask) -> Result<Done, AppError> {
        if self.is_late() {
            return Err(late());
        }
        let scope = self.scope(&[n]);
        let (app, directory, dialect) = (self.app, scope.as_ref(), self.dialect);
        match ask {
            Ask::Create { endpoint, data } => {
                let data = self.ids.resolve(data)?;
                create(app, directory, &endpoint, data, dialect).await
            }
            Ask::Replace(Change { place, version, data }) => {
                let (place, data) = (self.found(&place)?, self.ids.resolve(data)?);
                let version = version.as_deref();
                match place {
                    Found::User(id) => {
                        let view = app.replace_user(directory, id, version, data, dialect).await?;
                        Ok(Done::of_user(&view, 200))
                    }
                    Found::Group(id) => {
                        let none = Members::Omitted;
                        let view = app.replace_group(directory, id, version, data, dialect, none).await?;
                        Ok(Done::of_group(&view, 200))
                    }
                }
            }
            Ask::Patch(Change { place, version, data }) => {
                let (place, data) = (self.found(&place)?, self.ids.resolve(data)?);
                patch(app, directory, place, version.as_deref(), data, dialect).await
            }
            Ask::Delete { place, version } => {
                delete(app, directory, self.found(&place)?, version.as_deref()).await
            }
        }
    }

    fn found(&self, place: &Place) -> Result<Found, AppError> {
        Found::at(&place.endpoint, &self.ids.id(&place.id)?)
    }
}

/// What an operation that was done is answered with.
pub(super) fn expected_status(ask: &Ask) -> u16 {
    match ask {
        Ask::Create { .. } => 201,
        Ask::Replace(_) => 200,
        Ask::Patch(change) if change.place.endpoint == USERS => 200,
        Ask::Patch(_) | Ask::Delete { .. } => 204,
    }
}

/// A resource that an operation is about.
pub(super) enum Found {
    User(UserId),
    Group(GroupId),
}

impl Found {
    pub(super) fn at(endpoint: &str, id: &str) -> Result<Self, AppError> {
        match endpoint {
            USERS => id.parse().map(Self::User).or(Err(AppError::NotFound("user"))),
            GROUPS => id.parse().map(Self::Group).or(Err(AppError::NotFound("group"))),
            _ => Err(AppError::NotFound("resource type")),
        }
    }
}

pub(super) async fn create(
    app: &App,
    directory: &DirectoryScope,
    endpoint: &str,
    data: Value,
    dialect: &Dialect,
) -> Result<Done, AppError> {
    match endpoint {
        USERS => Ok(Done::person(&app.create_user(directory, data, dialect).await?)),
        GROUPS => {
            let view = app.create_group(directory, data, dialect, Members::Omitted).await?;
            Ok(Done::of_group(&view, 201))
        }
        _ => Err(AppError::NotFound("resource type")),
    }
}

/// A PATCH of a group is answered without the group, as it is alone.
pub(super) async fn patch(
    app: &App,
    directory: &DirectoryScope,
    place: Found,
    version: Option<&str>,
    data: Value,
    dialect: &Dialect,
) -> Result<Done, AppError> {
    match place {
        Found::User(id) => {
            Ok(Done::of_user(&app.patch_user(directory, id, version, data, dialect).await?, 200))
        }
        Found::Group(id) => {
            let none = Members::Omitted;
            let view = app.patch_group(directory, id, version, data, dialect, none).await?;
            Ok(Done::of_group(&view, 204))
        }
    }
}

pub(super) async fn delete(
    app: &App,
    directory: &DirectoryScope,
    place: Found,
    version: Option<&str>,
) -> Result<Done, AppError> {
    match place {
        Found::User(id) => {
            app.delete_user(directory, id, version).await?;
            Ok(Done::gone(USERS, id.to_string()))
        }
        Found::Group(id) => {
            app.delete_group(directory, id, version).await?;
            Ok(Done::gone(GROUPS, id.to_string()))
        }
    }
}
