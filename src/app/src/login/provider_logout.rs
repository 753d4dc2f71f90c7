//! A provider says that somebody has signed out there (Back-Channel Logout). Knows whose sessions end; whether the word holds,
//! `sso` knows.

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{RequestId, SessionId, UserId};
use domain::token::TokenHash;
use serde_json::json;
use sso::oidc::{self, LogoutToken};
use store::connections::{self, ConnectionRow};
use store::sessions::{self, Meant};
use store::{WriteTx, identities};

use super::sessions::{End, over};
use super::settings::Protocol;
use crate::App;
use crate::error::AppError;

impl App {
    /// Ends the sessions that a logout token names: those of the provider's session, else all that the person has through this
    /// connection. That there are none is no refusal. One transaction, in which the token is spent, too.
    pub async fn end_by_provider(
        &self,
        tenant: &str,
        connection: &str,
        token: &str,
        request: RequestId,
    ) -> Result<usize, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let row = connections::by_slug(&mut tx, connection).await?.ok_or(AppError::NotFound("connection"))?;
        tx.finish().await?;
        let Protocol::OpenId(settings) = Protocol::of(&row)? else {
            return Err(AppError::NotFound("connection"));
        };
        let ours = self.openid_connection(tenant, &row, &settings)?;
        let provider = self.provider_of(&scope, &row, &settings).await.map_err(refused)?;
        let verified = oidc::verify_logout_token(&self.outside(), &ours, &provider, token).await;
        let logout = verified.map_err(refused)?;

        let now = self.now();
        let mut tx = self.db.begin(&scope).await?;
        let spent = (TokenHash::of(&format!("logout:{}", logout.id)), logout.forget_at);
        if !connections::spend(&mut tx, row.connection_id(), &[spent], now).await? {
            return Err(refused("the logout token was shown before"));
        }
        let ended = end_named(&mut tx, &row, &logout).await?;
        if ended.is_empty() {
            tx.commit_trace_of_use().await?;
            return Ok(0);
        }
        let mut audit = Audit::of(
            AuditEvent::new(Action::ProviderLogout, row.connection_id())
                .after(json!({"sessions": ended.len(), "by": if logout.session.is_some() { "session" } else { "person" }})),
        );
        for (session, user) in &ended {
            audit.push(over(&mut tx, End::Revoked, *user, *session));
        }
        tx.commit(audit, now, &*self.entropy).await?;
        Ok(ended.len())
    }
}

async fn end_named(
    tx: &mut WriteTx,
    row: &ConnectionRow,
    logout: &LogoutToken,
) -> Result<Vec<(SessionId, UserId)>, AppError> {
    let connection = row.connection_id();
    if let Some(session) = &logout.session {
        let meant = Meant::ProviderSession(TokenHash::of(session));
        return Ok(sessions::end_at_connection(tx, connection, meant).await?);
    }
    let Some(subject) = &logout.subject else { return Ok(Vec::new()) };
    match identities::find(tx, connection, subject).await? {
        Some(user) => Ok(sessions::end_at_connection(tx, connection, Meant::Person(user)).await?),
        None => Ok(Vec::new()),
    }
}

/// Anybody can come to this door, so a refusal is a line in the log and not in the audit trail.
fn refused(why: impl std::fmt::Display) -> AppError {
    tracing::info!(reason = %why, "Refused a logout token");
    AppError::Invalid("the logout token does not hold".to_owned())
}
