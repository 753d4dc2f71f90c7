//! People as an administrator sees them.

use domain::id::UserId;
use serde::Serialize;
use store::AdminScope;
use store::users::{self, Slice};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: UserId,
    /// Their name in the directory.
    pub user_name: String,
    /// Display name, if the directory sent one.
    pub display_name: Option<String>,
    /// Whether the directory says that they are active.
    pub active: bool,
}

impl App {
    /// The tenant's people, by id; with `user_name`, those of any directory who have it.
    pub async fn list_people(
        &self,
        admin: &AdminScope,
        user_name: Option<&str>,
        slice: Slice,
    ) -> Result<Vec<PersonView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = users::of_tenant(&mut tx, user_name, slice).await?;
        tx.finish().await?;
        let view = |(id, resource): (UserId, scim::resource::Resource)| PersonView {
            id,
            user_name: resource.user_name().unwrap_or_default().to_owned(),
            display_name: resource.display_name().map(str::to_owned),
            active: resource.active(),
        };
        Ok(rows.into_iter().map(view).collect())
    }
}
