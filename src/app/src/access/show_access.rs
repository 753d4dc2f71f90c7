//! What a person may do and why.

use domain::access::EffectiveAccess;
use domain::id::UserId;
use store::{AdminScope, access, tombstones};

use crate::App;
use crate::error::AppError;

impl App {
    /// What this person may do now, with the reasons; by the id of a local person who was adopted, the one they became.
    pub async fn show_access(&self, admin: &AdminScope, user: UserId) -> Result<EffectiveAccess, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let user = tombstones::became(&mut tx, user).await?.unwrap_or(user);
        let found = access::of_person(&mut tx, user).await?;
        tx.finish().await?;
        found.ok_or(AppError::NotFound("user"))
    }
}
