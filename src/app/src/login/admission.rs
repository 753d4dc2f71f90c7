//! Somebody was proven to be somebody: whom does that mean here, and may they in? Knows people, sessions and their order; does not know by which protocol it was proven.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::access::{AccessStatus, EffectiveAccess};
use domain::audit::{Action, Audit, AuditEvent};
use domain::blueprint::Role;
use domain::id::{ConnectionId, SessionId, TrialId, UserId};
use domain::token::{PlainToken, TokenHash, TokenKind};
use serde::Serialize;
use serde_json::{Value, json};
use sso::VerifiedIdentity;
use store::audit::Outgoing;
use store::connections::{self, ConnectionRow};
use store::sessions::{self, NewSession, Proven};
use store::users::{self, Groups, Named};
use store::{Scope, WriteTx, access, domains, identities};

use super::enforcement::check_enforcement;
use super::sessions::{End, over};
use super::settings::{ConnectionState, LinkTo, Protocol, Settings};
use crate::App;
use crate::access::load_policy;
use crate::error::{AppError, Refusal};

/// Methods of authentication that are kept of one sign-in, and how long the name of one may be.
const MOST_METHODS: usize = 8;
const LONGEST_NAME_OF_PROOF: usize = 128;

/// An identity that was proven at a connection, and what the browser brought along.
pub(super) struct Arrival {
    pub(super) connection: ConnectionId,
    pub(super) identity: VerifiedIdentity,
    /// When this browser asked for the proof; nothing if it was not asked for.
    pub(super) asked_at: Option<DateTime<Utc>>,
    /// Where the person wants to go.
    pub(super) return_to: String,
    /// The trial that it is, if it is one.
    pub(super) trial: Option<TrialId>,
    /// The session cookie that the browser had so far: that session ends.
    pub(super) earlier: Option<PlainToken>,
    /// Where the browser is.
    pub(super) address: IpAddr,
    /// The link of the invitation that is accepted by it, if one is.
    pub(super) invitation: Option<TokenHash>,
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
    /// What a protocol has proven, or why nothing: it is a trial's outcome, if it is one, else whoever it means is let in.
    pub(super) async fn arrive(
        &self,
        scope: &Scope,
        connection: &ConnectionRow,
        trial: Option<TrialId>,
        arrival: Result<Arrival, AppError>,
    ) -> Result<SignedIn, AppError> {
        match trial {
            Some(trial) => {
                self.conclude_trial(scope, connection, trial, arrival).await?;
                Err(Refusal::Trial.into())
            }
            None => self.admit(scope, arrival?).await,
        }
    }

    /// Lets whoever the identity means here in, or refuses. Who is not there may be made first; then they are found like
    /// everybody else, so that who waits for a seat is in line although they were refused.
    async fn admit(&self, scope: &Scope, arrival: Arrival) -> Result<SignedIn, AppError> {
        match self.open_session(scope, &arrival).await {
            Err(AppError::SignIn(Refusal::Unknown | Refusal::Nameless(_)))
                if self.accept_by_sign_in(scope, &arrival).await?
                    || self.welcome(scope, &arrival).await? =>
            {
                self.open_session(scope, &arrival).await
            }
            outcome => outcome,
        }
    }

    /// Links the identity to whoever was invited, if it proves their address; from then on they are found like everybody else.
    /// Returns whether somebody was.
    async fn accept_by_sign_in(&self, scope: &Scope, arrival: &Arrival) -> Result<bool, AppError> {
        let Some(link) = arrival.invitation else { return Ok(false) };
        let mut tx = self.db.begin(scope).await?;
        let row = connections::hold(&mut tx, arrival.connection).await?.ok_or(Refusal::UnknownDoor)?;
        let settings = Settings::of(&row)?;
        let found = self.invitation_of(&mut tx, link, &settings, &arrival.identity).await?;
        let Some(invitation) = found else {
            tx.nothing_changed().await?;
            return Ok(false);
        };
        let user = invitation.user();
        let person = users::lock_local(&mut tx, user).await?.ok_or(Refusal::Unknown)?;
        if !person.is_let_in() {
            return Err(Refusal::Inactive.into());
        }
        self.link(&mut tx, arrival, user).await?;
        let at = json!({"connection": arrival.connection});
        let mut audit = Audit::of(AuditEvent::new(Action::UserLink, user).after(at.clone()));
        audit.extend(self.accept_invitation(&mut tx, &invitation, at).await?);
        self.commit(tx, audit, self.now()).await?;
        Ok(true)
    }

    /// Opens a session. One transaction: what it decides by is locked until the session is there.
    async fn open_session(&self, scope: &Scope, arrival: &Arrival) -> Result<SignedIn, AppError> {
        let mut tx = self.db.begin(scope).await?;
        let Admitted { user, linked } = self.decide(&mut tx, arrival).await?;
        let by = SignedInBy {
            connection: Some(arrival.connection),
            identity: Some(&arrival.identity),
            earlier: arrival.earlier.as_ref(),
        };
        let begun = self.begin_session(&mut tx, user, by).await?;
        let mut audit =
            Audit::of(AuditEvent::new(Action::SessionStart, begun.id).after(self.on_record(user, arrival)));
        if linked == Linked::JustNow {
            let link = json!({"connection": arrival.connection});
            audit.push(AuditEvent::new(Action::UserLink, user).after(link));
        }
        audit.extend(begun.ended);
        self.commit(tx, audit, self.now()).await?;
        Ok(SignedIn {
            session: begun.token,
            expires_at: begun.expires_at,
            return_to: arrival.return_to.clone(),
        })
    }

    /// What the audit trail says of a sign-in: who came, through which connection, by which messages, under which certificate
    /// these were, and how many seconds after the browser had set out.
    fn on_record(&self, user: UserId, arrival: &Arrival) -> Value {
        let identity = &arrival.identity;
        let messages: Vec<&str> = identity.spent.iter().map(|message| message.id.as_str()).collect();
        let took = arrival.asked_at.map(|asked_at| (self.now() - asked_at).num_seconds());
        json!({
            "user": user,
            "connection": arrival.connection,
            "messages": messages,
            "certificate": identity.certificate,
            "tookSeconds": took,
        })
    }

    /// Begins a session of a locked person who may come in, under a new name, and ends the one that the browser had.
    pub(super) async fn begin_session(
        &self,
        tx: &mut WriteTx,
        user: UserId,
        by: SignedInBy<'_>,
    ) -> Result<Begun, AppError> {
        let now = self.now();
        let id = SessionId::generate(now, &*self.entropy);
        let ended = end_earlier(tx, by.earlier).await?;
        let token = PlainToken::mint(TokenKind::Session, Some(tx.scope().tenant()), &*self.entropy);
        let longest = now + self.lifetimes(tx).await?.absolute;
        let provider = by.identity;
        let hint = provider.and_then(|identity| identity.logout_hint.as_ref());
        let hashed = |name: Option<&String>| name.map(|name| TokenHash::of(name));
        let new = NewSession {
            id,
            user,
            connection: by.connection,
            token: token.hash(),
            provider_session: hashed(provider.and_then(|identity| identity.provider_session.as_ref())),
            provider_name: hashed(provider.and_then(|identity| identity.provider_name.as_ref())),
            logout_hint_sealed: hint.map(|hint| self.seal_logout_hint(hint)).transpose()?,
            expires_at: provider
                .and_then(|identity| identity.expires_hint)
                .map_or(longest, |hint| hint.min(longest)),
            proven: provider.map_or_else(|| by_passkey(now), proven),
        };
        sessions::open(tx, &new, now).await?;
        tx.announce(Outgoing {
            fact: "session.started",
            subject_id: user.to_string(),
            payload: json!({"user": user, "session": id}),
        });
        Ok(Begun { id, token, expires_at: new.expires_at, ended })
    }

    /// Whom an arrival means, if they may come in: held, locked, linked and spent in the transaction.
    pub(super) async fn decide(&self, tx: &mut WriteTx, arrival: &Arrival) -> Result<Admitted, AppError> {
        let identity = &arrival.identity;
        // Held, so that who pauses it or changes its rule is either seen or waits.
        let row = connections::hold(tx, arrival.connection).await?.ok_or(Refusal::UnknownDoor)?;
        if ConnectionState::of(&row) == ConnectionState::Paused && arrival.trial.is_none() {
            return Err(Refusal::Paused.into());
        }
        if arrival.trial.is_none() {
            check_enforcement(tx, &row).await?;
        }
        let settings = Settings::of(&row)?;
        if !settings.lets_in_from(arrival.address) {
            return Err(Refusal::OtherNetwork.into());
        }
        spend(tx, arrival, self.now()).await?;
        let (user, mut linked) = find_person(tx, &row, &settings, identity).await?;
        // Locked, so that a deactivation that is answered before us is seen, and one after us ends this session too.
        let mut person = users::lock(tx, row.directory(), user, Groups::Omitted).await?;
        if person.is_none() && linked == Linked::Before {
            // Whoever accepted an invitation here belongs to no directory.
            person = users::lock_local(tx, user).await?;
        }
        let person = person.ok_or(Refusal::Unknown)?;
        if !person.is_let_in() {
            return Err(Refusal::Inactive.into());
        }
        check_freshness(tx, user, arrival).await?;
        let access = check_access(tx, user).await?;
        if let Some(highest) = &settings.highest_role {
            self.check_roles(tx, &access, highest).await?;
        }
        if linked == Linked::JustNow {
            linked = self.link(tx, arrival, user).await?;
        }
        Ok(Admitted { user, linked })
    }

    /// Links the subject to a locked person, unless another browser of theirs was first while this one waited.
    async fn link(&self, tx: &mut WriteTx, arrival: &Arrival, user: UserId) -> Result<Linked, AppError> {
        let (connection, subject) = (arrival.connection, &arrival.identity.subject);
        if identities::find(tx, connection, subject).await? == Some(user) {
            return Ok(Linked::Before);
        }
        match identities::link(tx, connection, subject, user, self.now()).await {
            Ok(()) => Ok(Linked::JustNow),
            Err(error) if error.conflict().is_some() => Err(Refusal::LinkedToAnother.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whoever has a higher role than the connection lets in is refused: the provider behind it may be one whose word is
    /// good enough for contractors and not for administrators. A role that the blueprint no longer has lets nobody in.
    async fn check_roles(
        &self,
        tx: &mut WriteTx,
        access: &EffectiveAccess,
        highest: &str,
    ) -> Result<(), AppError> {
        let policy = load_policy(tx).await?;
        let rank = |id: &str| policy.blueprint.role(id).map(Role::rank);
        let limit = rank(highest);
        if access.roles.iter().all(|held| limit.is_some() && rank(&held.role) <= limit) {
            return Ok(());
        }
        Err(Refusal::AboveLimit.into())
    }

    /// Writes a refusal into the audit trail.
    pub(super) async fn note_refusal(
        &self,
        scope: &Scope,
        connection: &ConnectionRow,
        outcome: &Result<SignedIn, AppError>,
    ) -> Result<(), AppError> {
        let Err(AppError::SignIn(refusal)) = outcome else { return Ok(()) };
        if matches!(refusal, Refusal::Trial) {
            return Ok(());
        }
        let event = AuditEvent::new(Action::LoginRefuse, connection.connection_id())
            .after(json!({"code": refusal.code(), "detail": refusal.to_string()}));
        let tx = self.db.begin(scope).await?;
        self.commit(tx, Audit::of(event), self.now()).await?;
        Ok(())
    }
}

/// By (connection, subject) if they were here before, else by the connection's own rule. An e-mail address finds nobody,
/// and a name that is one speaks only in a domain that the tenant has verified.
async fn find_person(
    tx: &mut WriteTx,
    row: &ConnectionRow,
    settings: &Settings,
    identity: &VerifiedIdentity,
) -> Result<(UserId, Linked), AppError> {
    if let Some(user) = identities::find(tx, row.connection_id(), &identity.subject).await? {
        return Ok((user, Linked::Before));
    }
    let name = settings.name_of(identity).ok_or_else(|| nameless(row, settings))?;
    if name.contains('@') && !domains::speaks_for(tx, name).await? {
        return Err(Refusal::DomainUnverified.into());
    }
    let named = match settings.link_to {
        LinkTo::UserName => Named::UserName(name),
        LinkTo::ExternalId => Named::ExternalId(name),
    };
    let user = users::by_name(tx, row.directory(), named).await?.ok_or(Refusal::Unknown)?;
    Ok((user, Linked::JustNow))
}

/// Says where the name of a person was looked for: an administrator can do something about that.
fn nameless(row: &ConnectionRow, settings: &Settings) -> Refusal {
    let claim = &settings.link_claim;
    Refusal::Nameless(if row.kind == Protocol::OPENID {
        format!(
            "the ID token has no {claim:?}, which the connection finds people by; see the rule userinfo, and the scopes"
        )
    } else {
        format!("the assertion has no attribute {claim:?}, which the connection finds people by")
    })
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

/// What was under way when the person was last signed out of everything opens nothing: a sign-in that this browser had
/// asked for, whenever its provider wrote the statement, or else a statement that had been made.
async fn check_freshness(tx: &mut WriteTx, user: UserId, arrival: &Arrival) -> Result<(), AppError> {
    let begun_at = arrival.asked_at.unwrap_or(arrival.identity.issued_at);
    match users::signed_out_at(tx, user).await? {
        Some(signed_out_at) if begun_at <= signed_out_at => Err(Refusal::SignedOut.into()),
        _ => Ok(()),
    }
}

pub(super) async fn check_access(tx: &mut WriteTx, user: UserId) -> Result<EffectiveAccess, AppError> {
    let access = access::of_person(tx, user).await?.ok_or(Refusal::Unknown)?;
    Err(match access.status {
        AccessStatus::Granted => return Ok(access),
        AccessStatus::Inactive | AccessStatus::Blocked | AccessStatus::Invited => Refusal::Inactive,
        AccessStatus::WaitingForSeat { position } => Refusal::NoSeat { position: Some(position) },
        AccessStatus::NoSeat => Refusal::NoSeat { position: None },
    }
    .into())
}

/// How the person proved who they are, as far as their provider says: what apps are told.
fn proven(identity: &VerifiedIdentity) -> Proven {
    let methods = identity.claims.get("amr").and_then(Value::as_array).into_iter().flatten();
    let short = |text: &&str| text.len() <= LONGEST_NAME_OF_PROOF;
    Proven {
        at: identity.auth_time,
        amr: methods.filter_map(Value::as_str).filter(short).take(MOST_METHODS).map(str::to_owned).collect(),
        acr: identity.claim("acr").filter(short).map(str::to_owned),
    }
}

/// The same where there is no provider: a key was proven to be there, somebody was present at it, and the authenticator has
/// verified who that was (RFC 8176).
fn by_passkey(now: DateTime<Utc>) -> Proven {
    Proven { at: Some(now), amr: ["pop", "user", "mfa"].map(str::to_owned).into(), acr: None }
}

async fn end_earlier(tx: &mut WriteTx, earlier: Option<&PlainToken>) -> Result<Option<AuditEvent>, AppError> {
    let Some(token) = earlier.filter(|token| token.tenant() == Some(tx.scope().tenant())) else {
        return Ok(None);
    };
    let ended = sessions::end_by_token(tx, token.hash()).await?;
    Ok(ended.map(|(id, user)| over(tx, End::SignedOut, user, id)))
}

/// How somebody was proven to be who they are.
pub(super) struct SignedInBy<'a> {
    /// Through which connection; none by a passkey.
    pub(super) connection: Option<ConnectionId>,
    /// What its provider proved.
    pub(super) identity: Option<&'a VerifiedIdentity>,
    /// The session cookie that the browser had so far.
    pub(super) earlier: Option<&'a PlainToken>,
}

/// A session that has begun.
pub(super) struct Begun {
    pub(super) id: SessionId,
    pub(super) token: PlainToken,
    pub(super) expires_at: DateTime<Utc>,
    /// That the browser's earlier one has ended.
    pub(super) ended: Option<AuditEvent>,
}

/// Somebody who may come in.
pub(super) struct Admitted {
    pub(super) user: UserId,
    pub(super) linked: Linked,
}

/// How somebody was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Linked {
    /// They were linked to the subject before.
    Before,
    /// The connection's rule found them.
    JustNow,
}
