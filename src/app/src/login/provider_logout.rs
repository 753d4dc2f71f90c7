//! A provider says that somebody has signed out there (Back-Channel Logout). Knows whose sessions end; whether the word holds,
//! `sso` knows.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{ConnectionId, RequestId, SessionId, UserId};
use domain::token::TokenHash;
use serde_json::json;
use sso::oidc;
use store::connections;
use store::sessions::{self, Meant};
use store::{WriteTx, identities, users};

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

        let (now, connection) = (self.now(), row.connection_id());
        let mut tx = self.db.begin(&scope).await?;
        let spent = (TokenHash::of(&format!("logout:{}", logout.id)), logout.forget_at);
        if !connections::spend(&mut tx, connection, &[spent], now).await? {
            return Err(refused("the logout token was shown before"));
        }
        let person = match &logout.subject {
            Some(subject) => identities::find(&mut tx, connection, subject).await?,
            None => None,
        };
        let meant = match (&logout.session, person) {
            (Some(session), _) => Some(Meant::ProviderSession(TokenHash::of(session))),
            (None, person) => person.map(Meant::Person),
        };
        let ended = match meant {
            Some(meant) => {
                let at = logout.issued.min(now);
                end_at_provider(&mut tx, connection, meant, person.into_iter().collect(), at).await?
            }
            None => Vec::new(),
        };
        if ended.is_empty() {
            tx.commit_trace_of_use().await?;
            return Ok(0);
        }
        let mut audit = Audit::of(
            AuditEvent::new(Action::ProviderLogout, connection)
                .after(json!({"sessions": ended.len(), "by": if logout.session.is_some() { "session" } else { "person" }})),
        );
        for (session, user) in &ended {
            audit.push(over(&mut tx, End::Revoked, *user, *session));
        }
        self.commit(tx, audit, now).await?;
        Ok(ended.len())
    }
}

/// Ends sessions that a provider means. What was proven of these and other `people` before opens nothing after it, also
/// what is under way. People before sessions, by id: who deactivates them does so.
pub(crate) async fn end_at_provider(
    tx: &mut WriteTx,
    connection: ConnectionId,
    meant: Meant<'_>,
    mut people: Vec<UserId>,
    at: DateTime<Utc>,
) -> Result<Vec<(SessionId, UserId)>, AppError> {
    people.extend(sessions::people_at_connection(tx, connection, meant).await?);
    people.sort_unstable();
    people.dedup();
    for person in people {
        users::sign_out(tx, person, at).await?;
    }
    Ok(sessions::end_at_connection(tx, connection, meant).await?)
}

/// Anybody can come to this door, so a refusal is a line in the log and not in the audit trail.
fn refused(why: impl std::fmt::Display) -> AppError {
    tracing::info!(reason = %why, "Refused a logout token");
    AppError::Invalid("the logout token does not hold".to_owned())
}
