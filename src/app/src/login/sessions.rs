//! Sessions as administrators see them: listed, ended, and how long they live. Knows whose they are; does not know how they began.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{RequestId, SessionId, UserId};
use domain::token::PlainToken;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::audit::Outgoing;
use store::sessions::{self, Lifetimes, PolicyRow, SessionRow};
use store::{AdminScope, LiveSession, Reads, WriteTx, people};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// A session of a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: SessionId,
    /// Slug of the connection through which they signed in; null if it was by a passkey.
    pub connection: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest; sooner if it is not used.
    pub expires_at: DateTime<Utc>,
}

/// How long the sessions of a tenant live. It can only be shorter than what the installation allows.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionPolicyView {
    /// A session ends when it was not used for so many minutes; null: as the installation says.
    #[schema(minimum = 1, maximum = 525_600)]
    pub idle_minutes: Option<i32>,
    /// A session ends after so many minutes in any case; null: as the installation says.
    #[schema(minimum = 1, maximum = 525_600)]
    pub absolute_minutes: Option<i32>,
}

const LONGEST_MINUTES: i32 = 365 * 24 * 60;

impl From<PolicyRow> for SessionPolicyView {
    fn from(row: PolicyRow) -> Self {
        let PolicyRow { idle_minutes, absolute_minutes } = row;
        Self { idle_minutes, absolute_minutes }
    }
}

impl App {
    /// The session that this token opens, if it is in force. Asked anew for each request.
    pub async fn resolve_session(
        &self,
        token: &PlainToken,
        request: RequestId,
    ) -> Result<Option<LiveSession>, AppError> {
        Ok(self.db.session(token, request, self.longest_lifetimes(), self.now()).await?)
    }

    /// The session with this id, if it is in force.
    pub(crate) async fn session_by_id(
        &self,
        tx: &mut impl Reads,
        id: SessionId,
    ) -> Result<Option<LiveSession>, AppError> {
        Ok(sessions::find(tx, id, self.request_id(), self.longest_lifetimes(), self.now()).await?)
    }

    /// What the installation allows at most.
    pub(crate) fn longest_lifetimes(&self) -> Lifetimes {
        Lifetimes { idle: self.session.idle, absolute: self.session.absolute }
    }

    /// How long sessions of the tenant live now.
    pub(super) async fn lifetimes(&self, tx: &mut impl Reads) -> Result<Lifetimes, AppError> {
        Ok(sessions::policy(tx).await?.within(self.longest_lifetimes()))
    }

    /// A person's sessions that are in force, newest first.
    pub async fn list_sessions(
        &self,
        admin: &AdminScope,
        user: UserId,
    ) -> Result<Vec<SessionView>, AppError> {
        let now = self.now();
        let mut tx = self.db.read(admin.scope()).await?;
        people::find(&mut tx, user).await?.ok_or(AppError::NotFound("user"))?;
        let lifetimes = self.lifetimes(&mut tx).await?;
        let rows = sessions::of_person(&mut tx, user).await?;
        tx.finish().await?;
        let in_force = |row: &SessionRow| row.expires_at > now && now - row.last_seen_at < lifetimes.idle;
        let shown = rows.into_iter().map(|row| SessionRow {
            expires_at: row.expires_at.min(row.created_at + lifetimes.absolute),
            ..row
        });
        Ok(shown.filter(in_force).map(SessionView::from).collect())
    }

    /// Ends one session of a person.
    pub async fn revoke_session(
        &self,
        admin: &AdminScope,
        user: UserId,
        session: SessionId,
    ) -> Result<(), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        if !sessions::end_of_person(&mut tx, user, session).await? {
            return Err(AppError::NotFound("session"));
        }
        let audit = Audit::of(over(&mut tx, End::Revoked, user, session));
        self.commit(tx, audit, self.now()).await?;
        Ok(())
    }

    /// Ends all sessions of a person. What was proven of them before opens no other.
    pub async fn revoke_sessions(&self, admin: &AdminScope, user: UserId) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        if !people::lock(&mut tx, user).await? {
            return Err(AppError::NotFound("user"));
        }
        let mut audit = Audit::of(AuditEvent::new(Action::SessionRevoke, user).after(json!({"all": true})));
        audit.extend(sign_out_everywhere(&mut tx, &[user], now).await?);
        self.commit(tx, audit, now).await?;
        Ok(())
    }

    /// What the tenant says of its sessions.
    pub async fn show_session_policy(&self, admin: &AdminScope) -> Result<SessionPolicyView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let policy = sessions::policy(&mut tx).await?;
        tx.finish().await?;
        Ok(policy.into())
    }

    /// Says how long sessions of the tenant live, those that are open included.
    pub async fn set_session_policy(
        &self,
        admin: &AdminScope,
        wanted: SessionPolicyView,
    ) -> Result<SessionPolicyView, AppError> {
        let SessionPolicyView { idle_minutes, absolute_minutes } = wanted;
        let fine = |minutes: Option<i32>| minutes.is_none_or(|it| (1..=LONGEST_MINUTES).contains(&it));
        if !fine(idle_minutes) || !fine(absolute_minutes) {
            return Err(AppError::Invalid(format!("a lifetime is 1 to {LONGEST_MINUTES} minutes")));
        }
        let mut tx = self.db.begin(admin.scope()).await?;
        let before = SessionPolicyView::from(sessions::policy(&mut tx).await?);
        sessions::set_policy(&mut tx, PolicyRow { idle_minutes, absolute_minutes }).await?;
        let event = AuditEvent::new(Action::TenantUpdate, admin.scope().tenant())
            .before(json!({"sessionPolicy": before}))
            .after(json!({"sessionPolicy": wanted}));
        self.commit(tx, Audit::of(event), self.now()).await?;
        Ok(wanted)
    }
}

impl From<SessionRow> for SessionView {
    fn from(row: SessionRow) -> Self {
        let SessionRow { id, connection, created_at, last_seen_at, expires_at } = row;
        Self { id: SessionId::from_uuid(id), connection, created_at, last_seen_at, expires_at }
    }
}

/// How a session comes to its end before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The person signed out, here or at their provider.
    SignedOut,
    /// It was ended for them.
    Revoked,
}

/// Ends all sessions of people who are locked. What was proven of them before opens no other. Returns what to audit.
pub(crate) async fn sign_out_everywhere(
    tx: &mut WriteTx,
    people: &[UserId],
    now: DateTime<Utc>,
) -> Result<Vec<AuditEvent>, AppError> {
    let ended = sessions::revoke_all(tx, people, now).await?;
    Ok(all_revoked(tx, ended))
}

/// Tells of sessions that were revoked in this transaction.
pub(crate) fn all_revoked(tx: &mut WriteTx, ended: Vec<(UserId, SessionId)>) -> Vec<AuditEvent> {
    ended.into_iter().map(|(user, session)| over(tx, End::Revoked, user, session)).collect()
}

/// Tells of a session that was ended in this transaction: the fact for those who follow the tenant, and the audit event.
pub(crate) fn over(tx: &mut WriteTx, how: End, user: UserId, session: SessionId) -> AuditEvent {
    let action = match how {
        End::SignedOut => Action::SessionEnd,
        End::Revoked => Action::SessionRevoke,
    };
    tx.announce(Outgoing {
        fact: if how == End::SignedOut { "session.ended" } else { "session.revoked" },
        subject_id: user.to_string(),
        payload: json!({"user": user, "session": session}),
    });
    AuditEvent::new(action, session).before(json!({"user": user}))
}
