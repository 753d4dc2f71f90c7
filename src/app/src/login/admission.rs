//! Somebody was proven to be somebody: whom does that mean here, and may they in? Knows people, sessions and their order; does not know by which protocol it was proven.

use chrono::{DateTime, Utc};
use domain::access::AccessStatus;
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{ConnectionId, SessionId, UserId};
use domain::token::{PlainToken, TokenHash, TokenKind};
use serde_json::json;
use sso::VerifiedIdentity;
use store::audit::Outgoing;
use store::connections::{self, ConnectionRow};
use store::sessions::{self, NewSession};
use store::users::{self, Groups, Named};
use store::{Scope, WriteTx, access, identities};

use super::settings::{ConnectionState, LinkTo, Settings};
use crate::App;
use crate::error::{AppError, Refusal};

/// An identity that was proven at a connection, and what the browser brought along.
pub(super) struct Arrival {
    pub(super) connection: ConnectionId,
    pub(super) identity: VerifiedIdentity,
    /// When this browser asked for the proof; nothing if it was not asked for.
    pub(super) asked_at: Option<DateTime<Utc>>,
    /// Where the person wants to go.
    pub(super) return_to: String,
    /// The session cookie that the browser had so far: that session ends.
    pub(super) earlier: Option<PlainToken>,
}

/// Somebody is in.
#[derive(Debug)]
pub struct SignedIn {
    /// Goes into the session cookie.
    pub session: PlainToken,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Where to send the browser.
    pub return_to: String,
}

impl App {
    /// Opens a session for whoever the identity means here, or refuses. One transaction: what it decides by is locked
    /// until the session is there.
    pub(super) async fn open_session(&self, scope: &Scope, arrival: Arrival) -> Result<SignedIn, AppError> {
        let now = self.now();
        let identity = &arrival.identity;
        let mut tx = self.db.begin(scope).await?;
        // Held, so that who pauses it or changes its rule is either seen or waits.
        let row = connections::hold(&mut tx, arrival.connection).await?.ok_or(Refusal::UnknownDoor)?;
        if ConnectionState::of(&row) == ConnectionState::Paused {
            return Err(Refusal::Paused.into());
        }
        spend(&mut tx, &arrival, now).await?;
        let (user, linked) = self.find_person(&mut tx, &row, identity).await?;
        // Locked, so that a deactivation that is answered before us is seen, and one after us ends this session too.
        let person =
            users::lock(&mut tx, row.directory(), user, Groups::Omitted).await?.ok_or(Refusal::Unknown)?;
        if !person.resource().active() {
            return Err(Refusal::Inactive.into());
        }
        check_freshness(&mut tx, user, &arrival).await?;
        check_access(&mut tx, user).await?;
        let mut events = Vec::new();
        if linked == Linked::JustNow {
            identities::link(&mut tx, arrival.connection, &identity.subject, user, now).await.map_err(
                |error| match error.conflict() {
                    Some(_) => Refusal::LinkedToAnother.into(),
                    None => AppError::from(error),
                },
            )?;
            events.push(AuditEvent::new(Action::UserLink, user).after(json!({"connection": row.id})));
        }
        events.extend(end_earlier(&mut tx, arrival.earlier).await?);

        let id = SessionId::generate(now, &*self.entropy);
        let token = PlainToken::mint(TokenKind::Session, Some(scope.tenant()), &*self.entropy);
        let longest = now + self.session.absolute;
        let expires_at = identity.expires_hint.map_or(longest, |hint| hint.min(longest));
        let new = NewSession {
            id,
            user,
            connection: arrival.connection,
            token: token.hash(),
            provider_session: identity.provider_session.as_deref().map(TokenHash::of),
            expires_at,
        };
        sessions::open(&mut tx, &new, now).await?;
        tx.announce(Outgoing {
            fact: "session.started",
            subject_id: user.to_string(),
            payload: json!({"user": user, "session": id}),
        });
        let mut audit = Audit::of(
            AuditEvent::new(Action::SessionStart, id).after(json!({"user": user, "connection": row.id})),
        );
        audit.extend(events);
        tx.commit(audit, now, &*self.entropy).await?;
        Ok(SignedIn { session: token, expires_at, return_to: arrival.return_to })
    }

    /// By (connection, subject) if they were here before, else by the connection's own rule; never by e-mail.
    async fn find_person(
        &self,
        tx: &mut WriteTx,
        row: &ConnectionRow,
        identity: &VerifiedIdentity,
    ) -> Result<(UserId, Linked), AppError> {
        if let Some(user) = identities::find(tx, row.connection_id(), &identity.subject).await? {
            return Ok((user, Linked::Before));
        }
        let settings = Settings::of(row)?;
        let name = match settings.link_claim.as_str() {
            "sub" => Some(identity.subject.as_str()),
            claim => identity.claim(claim),
        };
        let name = name.filter(|name| !name.is_empty()).ok_or(Refusal::Unknown)?;
        let named = match settings.link_to {
            LinkTo::UserName => Named::UserName(name),
            LinkTo::ExternalId => Named::ExternalId(name),
        };
        let user = users::by_name(tx, row.directory(), named).await?.ok_or(Refusal::Unknown)?;
        Ok((user, Linked::JustNow))
    }

    /// Writes a refusal into the audit trail.
    pub(super) async fn note_refusal(
        &self,
        scope: &Scope,
        connection: &ConnectionRow,
        outcome: &Result<SignedIn, AppError>,
    ) -> Result<(), AppError> {
        let Err(AppError::SignIn(refusal)) = outcome else { return Ok(()) };
        let event = AuditEvent::new(Action::LoginRefuse, connection.connection_id())
            .after(json!({"code": refusal.code(), "detail": refusal.to_string()}));
        let tx = self.db.begin(scope).await?;
        tx.commit(Audit::of(event), self.now(), &*self.entropy).await?;
        Ok(())
    }
}

/// A message that proved an identity opens one session, whichever process is shown it.
async fn spend(tx: &mut WriteTx, arrival: &Arrival, now: DateTime<Utc>) -> Result<(), AppError> {
    let spent = &arrival.identity.spent;
    let messages: Vec<_> = spent.iter().map(|it| (TokenHash::of(&it.id), it.forget_at)).collect();
    if !connections::spend(tx, arrival.connection, &messages, now).await? {
        return Err(Refusal::Replayed.into());
    }
    Ok(())
}

/// What was proven before the person was last signed out of everything opens nothing. The issuer's clock may lag: what
/// was proven because this browser asked for it was proven after it asked.
async fn check_freshness(tx: &mut WriteTx, user: UserId, arrival: &Arrival) -> Result<(), AppError> {
    let issued_at = arrival.identity.issued_at;
    let proven_at = arrival.asked_at.map_or(issued_at, |asked_at| asked_at.max(issued_at));
    match users::signed_out_at(tx, user).await? {
        Some(signed_out_at) if proven_at <= signed_out_at => Err(Refusal::SignedOut.into()),
        _ => Ok(()),
    }
}

async fn check_access(tx: &mut WriteTx, user: UserId) -> Result<(), AppError> {
    let access = access::of_person(tx, user).await?.ok_or(Refusal::Unknown)?;
    Err(match access.status {
        AccessStatus::Granted => return Ok(()),
        AccessStatus::Inactive => Refusal::Inactive,
        AccessStatus::WaitingForSeat { position } => Refusal::NoSeat { position: Some(position) },
        AccessStatus::NoSeat => Refusal::NoSeat { position: None },
    }
    .into())
}

async fn end_earlier(tx: &mut WriteTx, earlier: Option<PlainToken>) -> Result<Option<AuditEvent>, AppError> {
    let Some(token) = earlier.filter(|token| token.tenant() == Some(tx.scope().tenant())) else {
        return Ok(None);
    };
    let ended = sessions::end_by_token(tx, token.hash()).await?;
    Ok(ended.map(|id| AuditEvent::new(Action::SessionEnd, id)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Linked {
    Before,
    JustNow,
}
