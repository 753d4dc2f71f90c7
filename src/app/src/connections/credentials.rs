//! Bearer credentials of a tenant: issued once, kept as hashes, two of a directory at a time so that they can be rotated.

use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{CredentialId, DirectoryId};
use domain::token::{CredentialScope, PlainToken, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::credentials::{self, CredentialRow};
use store::{AdminScope, WriteTx, directories};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// How many credentials of one directory can be live at once.
const LIVE_PER_DIRECTORY: i64 = 2;
const LONGEST_DAYS: u32 = 3_650;
/// This long before its end a credential is listed as one that expires soon.
const WARNING: Duration = Duration::days(30);

/// What to issue.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssueCredential {
    /// Slug of the directory that it opens; without one it opens the tenant's administration.
    #[schema(example = "entra")]
    pub directory: Option<String>,
    /// Days until it stops to work; without, it works until it is revoked.
    #[schema(minimum = 1, maximum = 3650)]
    pub expires_days: Option<u32>,
    /// What it may do: `read`, or `write`, which includes reading and is the default.
    #[serde(default)]
    #[schema(value_type = String, example = "write")]
    pub scope: CredentialScope,
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

/// Whether a credential can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CredentialState {
    /// It works.
    Live,
    /// It works, and ends within thirty days.
    Expiring,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

impl CredentialState {
    /// The state of what ends and was revoked then.
    pub(super) fn of(
        expires_at: Option<DateTime<Utc>>,
        revoked_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        match expires_at {
            _ if revoked_at.is_some() => Self::Revoked,
            Some(end) if end <= now => Self::Expired,
            Some(end) if end - now <= WARNING => Self::Expiring,
            _ => Self::Live,
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
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
    /// What it may do: `read`, or `write`, which includes reading.
    #[schema(value_type = String, example = "write")]
    pub scope: CredentialScope,
    /// Whether it can be used.
    pub state: CredentialState,
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

impl CredentialView {
    fn of(row: CredentialRow, now: DateTime<Utc>) -> Self {
        Self {
            id: CredentialId::from_uuid(row.id),
            state: CredentialState::of(row.expires_at, row.revoked_at, now),
            scope: CredentialScope::parse(&row.scope).unwrap_or(CredentialScope::Read),
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

/// What a credential opens, and how far.
pub(super) struct Opens {
    pub(super) directory: Option<DirectoryId>,
    pub(super) scope: CredentialScope,
}

/// A credential in the words of the audit trail.
pub(super) fn described(row: &CredentialRow) -> serde_json::Value {
    json!({"kind": row.kind, "directory": row.directory_id, "scope": row.scope, "expiresAt": row.expires_at})
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
        let opens = Opens { directory, scope: wanted.scope };
        let (issued, row) = self.issue(&mut tx, opens, expires_at, now).await?;
        let event = AuditEvent::new(Action::CredentialIssue, issued.id).after(described(&row));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(issued)
    }

    /// Makes a credential, if the directory has not its two.
    pub(super) async fn issue(
        &self,
        tx: &mut WriteTx,
        opens: Opens,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(IssuedCredential, CredentialRow), AppError> {
        if let Some(directory) = opens.directory
            && credentials::live_of_directory(tx, directory, now).await? >= LIVE_PER_DIRECTORY
        {
            return Err(AppError::Conflict(format!(
                "the directory has {LIVE_PER_DIRECTORY} live credentials; revoke one before issuing another"
            )));
        }
        let kind = if opens.directory.is_some() { TokenKind::Scim } else { TokenKind::Admin };
        let token = PlainToken::mint(kind, Some(tx.scope().tenant()), &*self.entropy);
        let id = CredentialId::generate(now, &*self.entropy);
        let row = CredentialRow {
            id: id.as_uuid(),
            kind: if opens.directory.is_some() { "scim" } else { "admin" }.to_owned(),
            directory_id: opens.directory.map(DirectoryId::as_uuid),
            hint: token.hint(),
            created_at: now,
            expires_at,
            revoked_at: None,
            last_used_at: None,
            scope: opens.scope.as_str().to_owned(),
            form: "token".to_owned(),
            client_id: None,
        };
        credentials::add(tx, &row, token.hash()).await?;
        Ok((IssuedCredential { id, token: token.expose().to_owned(), expires_at }, row))
    }

    /// All credentials of the tenant.
    pub async fn list_credentials(&self, admin: &AdminScope) -> Result<Vec<CredentialView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = credentials::all(&mut tx).await?;
        tx.finish().await?;
        let now = self.now();
        Ok(rows.into_iter().map(|row| CredentialView::of(row, now)).collect())
    }

    /// Revokes a credential: the next request that shows it is refused.
    pub async fn revoke_credential(&self, admin: &AdminScope, id: CredentialId) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        if !credentials::revoke(&mut tx, id, now).await? {
            return Err(AppError::NotFound("live credential"));
        }
        let event = AuditEvent::new(Action::CredentialRevoke, id);
        self.commit(tx, Audit::of(event), now).await
    }
}

/// The end of what is issued now for so many days.
pub(super) fn expiry(now: DateTime<Utc>, days: Option<u32>) -> Result<Option<DateTime<Utc>>, AppError> {
    match days {
        None => Ok(None),
        Some(days) if (1..=LONGEST_DAYS).contains(&days) => Ok(Some(now + Duration::days(i64::from(days)))),
        Some(_) => Err(AppError::Invalid(format!("expiresDays is 1 to {LONGEST_DAYS}"))),
    }
}
