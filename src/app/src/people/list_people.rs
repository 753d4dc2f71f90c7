//! People as an administrator sees them.

use domain::id::UserId;
use scim::resource::Resource;
use serde::Serialize;
use store::people::{self, PersonRow, Whom};
use store::users::Slice;
use store::{AdminScope, tombstones};
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
    /// Their name, unique among those whom the same directory manages.
    pub user_name: String,
    /// Display name, if there is one.
    pub display_name: Option<String>,
    /// Their preferred e-mail address, if there is one.
    pub email: Option<String>,
    /// Whether they are let in, as far as a seat and roles allow.
    pub active: bool,
    /// Who alone may change them; nobody for a local person, whom administrators change.
    pub managed_by: Option<ManagedBy>,
}

/// A directory that manages somebody.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedBy {
    /// Its slug.
    #[schema(example = "entra")]
    pub directory: String,
    /// Its display name.
    #[schema(example = "Entra ID")]
    pub name: String,
}

impl PersonView {
    /// A person as their document has them.
    pub(super) fn new(id: UserId, resource: &Resource, managed_by: Option<ManagedBy>) -> Self {
        let emails = resource.emails();
        let email = emails.iter().find(|email| email.primary).or_else(|| emails.first());
        Self {
            id,
            user_name: resource.user_name().unwrap_or_default().to_owned(),
            display_name: resource.display_name().map(str::to_owned),
            email: email.map(|email| email.value.clone()),
            active: resource.active(),
            managed_by,
        }
    }
}

impl From<PersonRow> for PersonView {
    fn from(row: PersonRow) -> Self {
        let managed_by = row.managed_by.map(|(directory, name)| ManagedBy { directory, name });
        Self::new(row.id, &row.resource, managed_by)
    }
}

impl App {
    /// The tenant's people, by id.
    pub async fn list_people(
        &self,
        admin: &AdminScope,
        whom: Whom<'_>,
        slice: Slice,
    ) -> Result<Vec<PersonView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = people::list(&mut tx, whom, slice).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(PersonView::from).collect())
    }

    /// One person; by the id of a local person who was adopted, the one they became.
    pub async fn show_person(&self, admin: &AdminScope, id: UserId) -> Result<PersonView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let id = tombstones::became(&mut tx, id).await?.unwrap_or(id);
        let found = people::find(&mut tx, id).await?;
        tx.finish().await?;
        found.map(PersonView::from).ok_or(AppError::NotFound("user"))
    }
}
