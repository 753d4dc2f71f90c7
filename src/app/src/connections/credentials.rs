//! Bearer credentials: issued once, kept as hashes, two of a directory at a time so that they can be rotated.

use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{CredentialId, DirectoryId};
use domain::token::{PlainToken, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::credentials::{self, CredentialRow};
use store::tenants::{self, Operator};
use store::{AdminScope, directories};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// How many credentials of one directory can be live at once.
const LIVE_PER_DIRECTORY: i64 = 2;
const LONGEST_DAYS: u32 = 3_650;

/// What to issue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssueCredential {
    /// Slug of the directory that it opens; without one it opens the tenant's administration.
    #[schema(example = "entra")]
    pub directory: Option<String>,
    /// Days until it stops to work; without, it works until it is revoked.
    #[schema(minimum = 1, maximum = 3650)]
    pub expires_days: Option<u32>,
}

/// A credential that was just issued. The token is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuedCredential {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: CredentialId,
    /// The token, to be shown as `Authorization: Bearer …`.
    pub token: String,
    /// When it stops to work.
    pub expires_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for IssuedCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedCredential").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A credential as it is listed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: CredentialId,
    /// `scim` or `admin`.
    pub kind: String,
    /// The directory that it opens.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub directory: Option<DirectoryId>,
    /// Its prefix and last characters.
    pub hint: String,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
    /// When it stops to work.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used (to the minute).
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<CredentialRow> for CredentialView {
    fn from(row: CredentialRow) -> Self {
        Self {
            id: CredentialId::from_uuid(row.id),
            kind: row.kind,
            directory: row.directory_id.map(DirectoryId::from_uuid),
            hint: row.hint,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        }
    }
}

impl App {
    /// Issues a credential.
    pub async fn issue_credential(
        &self,
        admin: &AdminScope,
        wanted: IssueCredential,
    ) -> Result<IssuedCredential, AppError> {
        let now = self.now();
        let expires_at = expiry(now, wanted.expires_days)?;
        let mut tx = self.db.begin(admin.scope()).await?;
        let directory = match &wanted.directory {
            Some(slug) => Some(
                directories::by_slug(&mut tx, slug)
                    .await?
                    .ok_or_else(|| AppError::Invalid(format!("there is no directory {slug:?}")))?,
            ),
            None => None,
        };
        if let Some(directory) = directory
            && credentials::live_of_directory(&mut tx, directory, now).await? >= LIVE_PER_DIRECTORY
        {
            return Err(AppError::Conflict(format!(
                "the directory has {LIVE_PER_DIRECTORY} live credentials; revoke one before issuing another"
            )));
        }
        let kind = if directory.is_some() { TokenKind::Scim } else { TokenKind::Admin };
        let token = PlainToken::mint(kind, Some(admin.scope().tenant()), &*self.entropy);
        let id = CredentialId::generate(now, &*self.entropy);
        let row = CredentialRow {
            id: id.as_uuid(),
            kind: if directory.is_some() { "scim" } else { "admin" }.to_owned(),
            directory_id: directory.map(DirectoryId::as_uuid),
            hint: token.hint(),
            created_at: now,
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        credentials::add(&mut tx, &row, token.hash()).await?;
        let event = AuditEvent::new(Action::CredentialIssue, id)
            .after(json!({"kind": row.kind, "directory": directory, "expiresAt": expires_at}));
        tx.commit(Audit::of(event), now, &*self.entropy).await?;
        Ok(IssuedCredential { id, token: token.expose().to_owned(), expires_at })
    }

    /// All credentials of the tenant.
    pub async fn list_credentials(&self, admin: &AdminScope) -> Result<Vec<CredentialView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = credentials::all(&mut tx).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(CredentialView::from).collect())
    }

    /// Revokes a credential: the next request that shows it is refused.
    pub async fn revoke_credential(&self, admin: &AdminScope, id: CredentialId) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        if !credentials::revoke(&mut tx, id, now).await? {
            return Err(AppError::NotFound("live credential"));
        }
        let event = AuditEvent::new(Action::CredentialRevoke, id);
        Ok(tx.commit(Audit::of(event), now, &*self.entropy).await?)
    }

    /// Issues a credential of those who run Usher itself.
    pub async fn issue_operator_credential(
        &self,
        _operator: &Operator,
        expires_days: Option<u32>,
    ) -> Result<IssuedCredential, AppError> {
        let now = self.now();
        let expires_at = expiry(now, expires_days)?;
        let token = PlainToken::mint(TokenKind::Operator, None, &*self.entropy);
        let id = CredentialId::generate(now, &*self.entropy);
        let mut tx = self.db.global().await?;
        tenants::add_operator(&mut tx, id, token.hash(), &token.hint(), now, expires_at).await?;
        tx.finish().await?;
        Ok(IssuedCredential { id, token: token.expose().to_owned(), expires_at })
    }
}

fn expiry(now: DateTime<Utc>, days: Option<u32>) -> Result<Option<DateTime<Utc>>, AppError> {
    match days {
        None => Ok(None),
        Some(days) if (1..=LONGEST_DAYS).contains(&days) => Ok(Some(now + Duration::days(i64::from(days)))),
        Some(_) => Err(AppError::Invalid(format!("expiresDays is 1 to {LONGEST_DAYS}"))),
    }
}
