//! A provider wants somebody to be signed out of everything (Global Token Revocation, which Okta's Universal Logout sends).
//! Knows what ends; does not know HTTP.

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::RequestId;
use serde_json::{Value, json};
use sso::signals::{Expected, HeardError, Subject, verify_revocation};
use store::{connections, people};

use super::{At, namers, spent_as, whom};
use crate::App;
use crate::error::AppError;
use crate::login::{Protocol, sign_out_everywhere};

impl App {
    /// The address that a revocation for a connection is shown at, which is its audience.
    pub(crate) fn revocation_address(&self, at: At<'_>) -> String {
        format!("{}/signals/{}/{}/global-token-revocation", self.issuer(), at.tenant, at.connection)
    }

    /// Ends all sessions of a person, through whichever connection, with all that hangs on them, and what is under way. One
    /// transaction, in which the token is spent, too.
    ///
    /// # Errors
    /// [`AppError::Unauthorized`] if the token does not hold; [`AppError::Invalid`] if the subject cannot be read;
    /// [`AppError::NotFound`] if it is nobody who has signed in through the connection.
    pub async fn revoke_for_provider(
        &self,
        at: At<'_>,
        token: &str,
        sub_id: &Value,
        request: RequestId,
    ) -> Result<(), AppError> {
        let (scope, row) = self.told_at(at, request).await?;
        let sender = self.sender(&scope, &row, token).await?;
        let sender = sender.ok_or_else(|| unauthorized(&HeardError::IssuerMismatch))?;
        let now = self.now();
        let audience = self.revocation_address(at);
        let expected =
            Expected { issuer: &sender.issuer, audience: &audience, algorithms: &sender.algorithms, now };
        let verified = verify_revocation(&self.egress, &sender.keys, token, expected).await;
        let revocation = verified.map_err(|error| unauthorized(&error))?;
        let subject = Subject::read(sub_id).map_err(|error| AppError::Invalid(error.to_string()))?;

        let connection = row.connection_id();
        let mut tx = self.db.begin(&scope).await?;
        let spent = (spent_as("revocation", &sender.issuer, &revocation.id), revocation.forget_at);
        if !connections::spend(&mut tx, connection, &[spent], now).await? {
            tracing::info!(connection.id = %connection, "Refused a revocation that was shown before");
            return Err(AppError::Unauthorized);
        }
        let issuers = Protocol::of(&row)?;
        let meant = whom(&mut tx, &row, &subject.names, &namers(&issuers, &sender)).await?;
        let people = people::lock_all(&mut tx, &meant).await?;
        if people.is_empty() {
            tx.commit_trace_of_use().await?;
            return Err(AppError::NotFound("person who has signed in through the connection"));
        }
        let ended = sign_out_everywhere(&mut tx, &people, now).await?;
        let told = AuditEvent::new(Action::ProviderRevocation, connection)
            .after(json!({"people": people, "sessions": ended.len()}));
        let mut audit = Audit::of(told);
        audit.extend(ended);
        self.commit(tx, audit, now).await?;
        Ok(())
    }
}

/// Anybody can come to this door, so a refusal is a line in the log and not in the audit trail.
fn unauthorized(error: &HeardError) -> AppError {
    tracing::info!(%error, "Refused a revocation");
    AppError::Unauthorized
}
