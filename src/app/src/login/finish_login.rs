//! A browser comes back from its identity provider: who is this, and may they in?

use chrono::{DateTime, Utc};
use domain::access::AccessStatus;
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{ConnectionId, RequestId, SessionId, UserId};
use domain::token::{PlainToken, TokenKind};
use serde_json::json;
use sso::VerifiedIdentity;
use sso::oidc::{self, CallbackParams};
use store::audit::Outgoing;
use store::connections::{self, ConnectionRow};
use store::login_flows;
use store::sessions::{self, NewSession};
use store::users::{self, Groups, Named};
use store::{Scope, WriteTx, access, identities};

use super::start_login::{KeptSecrets, state_hash};
use super::{FLOW, LinkTo, Settings, settings_of};
use crate::App;
use crate::error::{AppError, Refusal};

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

/// What a browser brings back.
#[derive(Debug)]
pub struct Return<'a> {
    /// Tenant in the address.
    pub tenant: &'a str,
    /// Connection in the address.
    pub connection: &'a str,
    /// The answer's parameters.
    pub params: CallbackParams,
    /// The binding cookie.
    pub browser: Option<PlainToken>,
    /// The session cookie that the browser had so far: that session ends.
    pub earlier: Option<PlainToken>,
}

impl App {
    /// Finishes a sign-in. A refusal is written into the audit trail.
    pub async fn finish_login(&self, back: Return<'_>, request: RequestId) -> Result<SignedIn, AppError> {
        let scope = self.sign_in_scope(back.tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let row = connections::by_slug(&mut tx, back.connection).await?.ok_or(Refusal::UnknownDoor)?;
        tx.finish().await?;
        let outcome = self.admit(&scope, &row, back).await;
        if let Err(AppError::SignIn(refusal)) = &outcome {
            self.note_refusal(&scope, row.connection_id(), refusal).await?;
        }
        outcome
    }

    async fn admit(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        back: Return<'_>,
    ) -> Result<SignedIn, AppError> {
        let now = self.now();
        let (flow, return_to) = self.take_flow(scope, row.connection_id(), &back, now).await?;
        let settings = settings_of(row)?;
        let ours = self.oidc_connection(back.tenant, row, &settings)?;
        let provider = self
            .providers
            .get(&self.egress, row.connection_id(), &settings.issuer, now)
            .await
            .map_err(Refusal::Provider)?;
        let identity = oidc::finish(&self.egress, &ours, &provider, &back.params, &flow.into_flow(), now)
            .await
            .map_err(Refusal::Provider)?;
        self.open_session(scope, row, &settings, &identity, back.earlier, return_to).await
    }

    /// The flow is spent before anything is asked of the provider, so that a repeated answer finds none.
    async fn take_flow(
        &self,
        scope: &Scope,
        connection: ConnectionId,
        back: &Return<'_>,
        now: DateTime<Utc>,
    ) -> Result<(KeptSecrets, String), AppError> {
        let (Some(state), Some(browser)) = (&back.params.state, &back.browser) else {
            return Err(Refusal::NoFlow.into());
        };
        let mut tx = self.db.begin(scope).await?;
        let taken = login_flows::take(&mut tx, state_hash(state), connection, browser.hash(), now).await?;
        tx.commit_trace_of_use().await?;
        let flow = taken.ok_or(Refusal::NoFlow)?;
        let kept = self.sealer.open(FLOW, &flow.secrets_sealed)?;
        let kept = serde_json::from_slice(&kept)
            .map_err(|error| AppError::Internal(format!("a login flow cannot be read: {error}")))?;
        Ok((kept, flow.return_to))
    }

    async fn open_session(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        settings: &Settings,
        identity: &VerifiedIdentity,
        earlier: Option<PlainToken>,
        return_to: String,
    ) -> Result<SignedIn, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(scope).await?;
        let (user, linked) = self.find_person(&mut tx, row, settings, identity).await?;
        // Locked, so that a deactivation that is answered before us is seen, and one after us ends this session too.
        let person =
            users::lock(&mut tx, row.directory(), user, Groups::Omitted).await?.ok_or(Refusal::Unknown)?;
        if !person.resource().active() {
            return Err(Refusal::Inactive.into());
        }
        let access = access::of_person(&mut tx, user).await?.ok_or(Refusal::Unknown)?;
        match access.status {
            AccessStatus::Granted => {}
            AccessStatus::Inactive => return Err(Refusal::Inactive.into()),
            AccessStatus::WaitingForSeat { position } => {
                return Err(Refusal::NoSeat { position: Some(position) }.into());
            }
            AccessStatus::NoSeat => return Err(Refusal::NoSeat { position: None }.into()),
        }
        let mut events = Vec::new();
        if linked == Linked::JustNow {
            identities::link(&mut tx, row.connection_id(), &identity.subject, user, now).await.map_err(
                |error| match error.conflict() {
                    Some(_) => Refusal::LinkedToAnother.into(),
                    None => AppError::from(error),
                },
            )?;
            events.push(
                AuditEvent::new(Action::UserLink, user).after(json!({"connection": row.connection_id()})),
            );
        }
        events.extend(self.end_earlier(&mut tx, earlier).await?);

        let id = SessionId::generate(now, &*self.entropy);
        let token = PlainToken::mint(TokenKind::Session, Some(scope.tenant()), &*self.entropy);
        let longest = now + self.session.absolute;
        let expires_at = identity.expires_hint.map_or(longest, |hint| hint.min(longest));
        let new = NewSession { id, user, connection: row.connection_id(), token: token.hash(), expires_at };
        sessions::open(&mut tx, &new, now).await?;
        tx.announce(Outgoing {
            fact: "session.started",
            subject_id: user.to_string(),
            payload: json!({"user": user, "session": id}),
        });
        let mut audit = Audit::of(
            AuditEvent::new(Action::SessionStart, id)
                .after(json!({"user": user, "connection": row.connection_id()})),
        );
        audit.extend(events);
        tx.commit(audit, now, &*self.entropy).await?;
        Ok(SignedIn { session: token, expires_at, return_to })
    }

    /// By (connection, subject) if they were here before, else by the connection's own rule; never by e-mail.
    async fn find_person(
        &self,
        tx: &mut WriteTx,
        row: &ConnectionRow,
        settings: &Settings,
        identity: &VerifiedIdentity,
    ) -> Result<(UserId, Linked), AppError> {
        if let Some(user) = identities::find(tx, row.connection_id(), &identity.subject).await? {
            return Ok((user, Linked::Before));
        }
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

    async fn end_earlier(
        &self,
        tx: &mut WriteTx,
        earlier: Option<PlainToken>,
    ) -> Result<Option<AuditEvent>, AppError> {
        let Some(token) = earlier.filter(|token| token.tenant() == Some(tx.scope().tenant())) else {
            return Ok(None);
        };
        let ended = sessions::end_by_token(tx, token.hash()).await?;
        Ok(ended.map(|id| AuditEvent::new(Action::SessionEnd, id)))
    }

    async fn note_refusal(
        &self,
        scope: &Scope,
        connection: ConnectionId,
        refusal: &Refusal,
    ) -> Result<(), AppError> {
        let event = AuditEvent::new(Action::LoginRefuse, connection)
            .after(json!({"code": refusal.code(), "detail": refusal.to_string()}));
        let tx = self.db.begin(scope).await?;
        tx.commit(Audit::of(event), self.now(), &*self.entropy).await?;
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Linked {
    Before,
    JustNow,
}
