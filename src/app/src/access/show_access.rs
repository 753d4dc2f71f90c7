//! What a person may do and why.

use domain::access::EffectiveAccess;
use domain::id::UserId;
use store::{AdminScope, access};

use crate::App;
use crate::error::AppError;

impl App {
    /// What this person may do now, with the reasons.
    pub async fn show_access(&self, admin: &AdminScope, user: UserId) -> Result<EffectiveAccess, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let found = access::of_person(&mut tx, user).await?;
        tx.finish().await?;
        found.ok_or(AppError::NotFound("user"))
    }
}
