//! Credentials of those who run Usher itself. They belong to no tenant, and so to no tenant's audit trail.

use chrono::{DateTime, Utc};
use domain::id::CredentialId;
use domain::token::{PlainToken, TokenKind};
use serde::Serialize;
use store::operators::{self, Operator, OperatorCredentialRow};
use utoipa::ToSchema;

use super::credentials::{CredentialState, IssuedCredential, expiry};
use crate::App;
use crate::error::AppError;

/// An operator's credential as it is listed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorCredentialView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: CredentialId,
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

impl App {
    /// Issues a credential that opens every tenant.
    pub async fn issue_operator_credential(
        &self,
        _operator: &Operator,
        expires_days: Option<u32>,
    ) -> Result<IssuedCredential, AppError> {
        let now = self.now();
        let expires_at = expiry(now, expires_days)?;
        let token = PlainToken::mint(TokenKind::Operator, None, &*self.entropy);
        let id = CredentialId::generate(now, &*self.entropy);
        let row = OperatorCredentialRow {
            id: id.as_uuid(),
            hint: token.hint(),
            created_at: now,
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let mut tx = self.db.global().await?;
        operators::add(&mut tx, &row, token.hash()).await?;
        tx.finish().await?;
        Ok(IssuedCredential { id, token: token.expose().to_owned(), expires_at })
    }

    /// All credentials of operators.
    pub async fn list_operator_credentials(
        &self,
        _operator: &Operator,
    ) -> Result<Vec<OperatorCredentialView>, AppError> {
        let now = self.now();
        let mut tx = self.db.global().await?;
        let rows = operators::all(&mut tx).await?;
        tx.finish().await?;
        let view = |row: OperatorCredentialRow| OperatorCredentialView {
            id: CredentialId::from_uuid(row.id),
            state: CredentialState::of(row.expires_at, row.revoked_at, now),
            hint: row.hint,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Revokes an operator's credential: the next request that shows it is refused.
    pub async fn revoke_operator_credential(
        &self,
        _operator: &Operator,
        id: CredentialId,
    ) -> Result<(), AppError> {
        let mut tx = self.db.global().await?;
        let found = operators::revoke(&mut tx, id, self.now()).await?;
        tx.finish().await?;
        if found { Ok(()) } else { Err(AppError::NotFound("live operator credential")) }
    }
}
