//! A credential is replaced by a new one, and both work until the client has been told.

use chrono::Duration;
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{CredentialId, DirectoryId};
use domain::token::CredentialScope;
use serde::Deserialize;
use serde_json::json;
use store::{AdminScope, credentials};
use utoipa::ToSchema;

use super::credentials::{IssuedCredential, Opens, described, expiry};
use crate::App;
use crate::error::AppError;

/// Thirty days.
const LONGEST_OVERLAP_HOURS: u32 = 720;

/// How a credential is to be replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateCredential {
    /// For how many hours the old one still works, if it does not end before; 0 ends it now.
    #[serde(default = "a_day")]
    #[schema(minimum = 0, maximum = 720, default = 24)]
    pub overlap_hours: u32,
    /// Days until the new one stops to work; without, it works as long as the old one was given, or for ever like it.
    #[schema(minimum = 1, maximum = 3650)]
    pub expires_days: Option<u32>,
}

fn a_day() -> u32 {
    24
}

impl Default for RotateCredential {
    fn default() -> Self {
        Self { overlap_hours: a_day(), expires_days: None }
    }
}

impl App {
    /// Issues a credential that opens what an old one opens, and sets the end of the old one.
    pub async fn rotate_credential(
        &self,
        admin: &AdminScope,
        id: CredentialId,
        how: RotateCredential,
    ) -> Result<IssuedCredential, AppError> {
        let now = self.now();
        if how.overlap_hours > LONGEST_OVERLAP_HOURS {
            return Err(AppError::Invalid(format!("overlapHours is 0 to {LONGEST_OVERLAP_HOURS}")));
        }
        let wanted = expiry(now, how.expires_days)?;
        let mut tx = self.db.begin(admin.scope()).await?;
        let old = credentials::lock(&mut tx, id).await?.filter(|row| row.is_live(now));
        let old = old.ok_or(AppError::NotFound("live credential"))?;
        let as_long_as_the_old = old.expires_at.map(|end| now + (end - old.created_at));
        let opens = Opens {
            directory: old.directory_id.map(DirectoryId::from_uuid),
            scope: CredentialScope::parse(&old.scope).unwrap_or(CredentialScope::Read),
        };
        let (issued, row) = self.issue(&mut tx, opens, wanted.or(as_long_as_the_old), now).await?;
        let overlap = now + Duration::hours(i64::from(how.overlap_hours));
        let end = old.expires_at.map_or(overlap, |end| end.min(overlap));
        credentials::expire(&mut tx, id, end).await?;
        let replaced = AuditEvent::new(Action::CredentialRotate, id)
            .before(json!({"expiresAt": old.expires_at}))
            .after(json!({"expiresAt": end, "replacedBy": issued.id}));
        let event = AuditEvent::new(Action::CredentialIssue, issued.id).after(described(&row));
        self.commit(tx, Audit::of(event).and(replaced), now).await?;
        Ok(issued)
    }
}
