//! A browser registers a passkey by a link, or signs in by one. Knows the two halves of each, and that the browser is told nothing but "not accepted"; what an answer proves, `sso` proves.
//!
//! What was asked is in the browser's cookie, sealed, so that a visit writes nothing; an answer makes a row that every process
//! shares, and counts once. A refusal is written into the audit trail if it is of an answer to a question of ours, which can be
//! answered once: else anybody could fill the trail.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent, Target};
use domain::id::{PasskeyId, RequestId, TenantId, UserId};
use domain::token::{PlainToken, TokenHash, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sso::passkey::{Asked, Challenge, Claim, Passkey, RelyingParty};
use store::audit::Outgoing;
use store::invitations::{self, InvitationRow};
use store::passkeys::{self, PasskeyRow};
use store::users;
use store::{Reads, Scope, WriteTx, connections};

use super::admission::{SignedIn, SignedInBy, check_access};
use super::flow::own_address;
use super::settings::Settings;
use crate::App;
use crate::error::{AppError, Refusal};
use crate::tenants::display_name;

/// How long a browser may take to answer.
pub const CEREMONY_LIFETIME: Duration = Duration::minutes(5);
const PURPOSE: &str = "passkey_ceremony";
/// Cookies have room for four kilobytes, which a longer address leaves little of.
const LONGEST_LANDING: usize = 2048;
/// A person has one at hand, one in a drawer, and some that they forgot.
const MOST_PASSKEYS: usize = 20;

/// What a browser is asked.
#[derive(Debug)]
pub struct Question {
    /// The argument of `navigator.credentials`.
    pub options: Value,
    /// Goes into the browser's cookie.
    pub sealed: String,
}

/// What a browser was asked, as it is sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Ceremony {
    tenant: TenantId,
    /// Hash of the link, if a passkey is to be registered.
    invitation: Option<[u8; 32]>,
    challenge: [u8; 32],
    return_to: String,
    started_at: DateTime<Utc>,
}

/// What a browser answers.
#[derive(Debug)]
pub struct Answered<'a> {
    /// Tenant in the address.
    pub tenant: &'a str,
    /// What `navigator.credentials` came to.
    pub answer: &'a str,
    /// The cookie that came with the question.
    pub sealed: Option<String>,
    /// The session cookie that the browser had so far: that session ends.
    pub earlier: Option<PlainToken>,
}

/// Why something was not accepted, for the audit trail.
fn not_accepted(why: impl std::fmt::Display) -> AppError {
    Refusal::NotAccepted(why.to_string()).into()
}

/// The same of what was never asked, which is for the log only.
fn unasked(why: &'static str) -> AppError {
    tracing::info!(why, "Refused a browser at the page about passkeys");
    not_accepted(why)
}

impl App {
    /// Asks whoever comes for a passkey of theirs. `return_to` must have the origin of one of the tenant's connections.
    pub async fn ask_for_passkey(
        &self,
        tenant: &str,
        return_to: Option<&str>,
        request: RequestId,
    ) -> Result<Question, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let asked = self.relying_party()?.ask(&*self.entropy);
        let mut tx = self.db.read(&scope).await?;
        let return_to = self.landing_of_tenant(&mut tx, return_to).await?;
        tx.finish().await?;
        self.sealed_question(&scope, asked, None, return_to)
    }

    /// Signs in whoever proves a passkey.
    pub async fn sign_in_by_passkey(
        &self,
        answered: Answered<'_>,
        request: RequestId,
    ) -> Result<SignedIn, AppError> {
        let scope = self.sign_in_scope(answered.tenant, request).await?;
        let asked = self.take_question(&scope, answered.sealed.as_deref()).await?;
        let mut claimed = None;
        let outcome = self.prove_passkey(&scope, asked, &answered, &mut claimed).await;
        self.note_not_accepted(&scope, claimed, outcome).await
    }

    async fn prove_passkey(
        &self,
        scope: &Scope,
        asked: Ceremony,
        answered: &Answered<'_>,
        claimed: &mut Option<UserId>,
    ) -> Result<SignedIn, AppError> {
        if asked.invitation.is_some() {
            return Err(not_accepted("the browser was asked to register a passkey"));
        }
        let party = self.relying_party()?;
        let claim = Claim::of(answered.answer).map_err(not_accepted)?;
        let mut tx = self.db.begin(scope).await?;
        self.lock_local(&mut tx, claim.user).await?;
        *claimed = Some(claim.user);
        let used = self.spend_counter(&mut tx, &party, &claim, asked.challenge).await?;
        let signed_out_at = users::signed_out_at(&mut tx, claim.user).await?;
        if signed_out_at.is_some_and(|at| asked.started_at <= at) {
            return Err(Refusal::SignedOut.into());
        }
        check_access(&mut tx, claim.user).await?;
        let by = SignedInBy { connection: None, identity: None, earlier: answered.earlier.as_ref() };
        let begun = self.begin_session(&mut tx, claim.user, by).await?;
        tracing::warn!(passkey.id = %used, "A protected administrator signed in by a passkey");
        tx.announce(Outgoing {
            fact: "login.protected",
            subject_id: claim.user.to_string(),
            payload: json!({"user": claim.user, "session": begun.id, "passkey": used}),
        });
        let through = json!({"user": claim.user, "passkey": used});
        let mut audit = Audit::of(AuditEvent::new(Action::SessionStart, begun.id).after(through));
        audit.push(AuditEvent::new(Action::LoginProtected, claim.user).after(json!({"passkey": used})));
        audit.extend(begun.ended);
        self.commit(tx, audit, self.now()).await?;
        Ok(SignedIn { session: begun.token, expires_at: begun.expires_at, return_to: asked.return_to })
    }

    /// Proves the claim, and keeps the passkey's counter where it has moved to.
    async fn spend_counter(
        &self,
        tx: &mut WriteTx,
        party: &RelyingParty,
        claim: &Claim,
        challenge: [u8; 32],
    ) -> Result<PasskeyId, AppError> {
        let row = passkeys::lock(tx, claim.user, &claim.credential_id).await?;
        let row = row.ok_or_else(|| not_accepted("the passkey is not registered for this person"))?;
        let challenge = Challenge::from_kept(challenge);
        let used = party.prove(claim, &challenge, &stored(&row)?).map_err(not_accepted)?;
        passkeys::note_use(tx, row.passkey_id(), &as_stored(&used)?, self.now()).await?;
        Ok(row.passkey_id())
    }

    /// Asks somebody with a link for a new passkey.
    pub async fn ask_to_register(
        &self,
        tenant: &str,
        invitation: &str,
        request: RequestId,
    ) -> Result<Question, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let bad = || unasked("the link is unknown, used or too old");
        let token = PlainToken::parse(invitation).or(Err(bad()))?;
        if token.kind() != TokenKind::Invitation {
            return Err(bad());
        }
        let mut tx = self.db.begin(&scope).await?;
        let user = passkeys::invited(&mut tx, token.hash(), self.now()).await?.ok_or_else(bad)?;
        let outcome = self.ask_for_new_passkey(tx, &scope, user, token.hash()).await;
        self.note_not_accepted(&scope, Some(user), outcome).await
    }

    async fn ask_for_new_passkey(
        &self,
        mut tx: WriteTx,
        scope: &Scope,
        user: UserId,
        invitation: TokenHash,
    ) -> Result<Question, AppError> {
        let name = self.lock_local(&mut tx, user).await?;
        let others = passkeys::of_person(&mut tx, user).await?;
        if others.len() >= MOST_PASSKEYS {
            return Err(not_accepted(format!("the person has {MOST_PASSKEYS} passkeys already")));
        }
        let others: Vec<&[u8]> = others.iter().map(|it| it.credential_id.as_slice()).collect();
        let asked = self.relying_party()?.ask_for_new(user, &name, &others, &*self.entropy);
        tx.nothing_changed().await?;
        self.sealed_question(scope, asked, Some(*invitation.as_bytes()), String::new())
    }

    /// Registers the passkey that the answer brings, and uses up the link.
    pub async fn register_passkey(
        &self,
        answered: Answered<'_>,
        name: &str,
        request: RequestId,
    ) -> Result<(), AppError> {
        let scope = self.sign_in_scope(answered.tenant, request).await?;
        let asked = self.take_question(&scope, answered.sealed.as_deref()).await?;
        let mut claimed = None;
        let outcome = self.prove_registration(&scope, &asked, &answered, name, &mut claimed).await;
        self.note_not_accepted(&scope, claimed, outcome).await
    }

    async fn prove_registration(
        &self,
        scope: &Scope,
        asked: &Ceremony,
        answered: &Answered<'_>,
        name: &str,
        claimed: &mut Option<UserId>,
    ) -> Result<(), AppError> {
        let invitation = asked.invitation.ok_or_else(|| not_accepted("the browser was asked to sign in"))?;
        let challenge = Challenge::from_kept(asked.challenge);
        let made = self.relying_party()?.registered(answered.answer, &challenge).map_err(not_accepted)?;
        let now = self.now();
        let mut tx = self.db.begin(scope).await?;
        let by_link = passkeys::use_invitation(&mut tx, &invitation, now).await?;
        // Or somebody accepts an invitation by it.
        let invited = match by_link {
            Some(_) => None,
            None => invitations::by_link(&mut tx, &invitation, now).await?,
        };
        let user = by_link.or(invited.as_ref().map(InvitationRow::user));
        let user = user.ok_or_else(|| not_accepted("the link is used or too old"))?;
        self.lock_local(&mut tx, user).await?;
        *claimed = Some(user);
        let new = PasskeyRow {
            id: PasskeyId::generate(now, &*self.entropy).as_uuid(),
            user_id: user.as_uuid(),
            name: display_name(name).map_err(not_accepted)?,
            credential_id: made.credential_id,
            credential: as_stored(&made.passkey)?,
            created_at: now,
            last_used_at: None,
        };
        let (id, name) = (new.passkey_id(), &new.name);
        match passkeys::add(&mut tx, &new).await {
            Err(error) if error.conflict().is_some() => {
                return Err(not_accepted(
                    "a passkey of this name of an authenticator's is registered already",
                ));
            }
            added => added?,
        }
        tx.announce(Outgoing {
            fact: "passkey.registered",
            subject_id: user.to_string(),
            payload: json!({"user": user, "passkey": id}),
        });
        let event = AuditEvent::new(Action::PasskeyRegister, id).after(json!({"user": user, "name": name}));
        let mut audit = Audit::of(event);
        if let Some(row) = invited {
            audit.extend(self.accept_invitation(&mut tx, &row, json!({"passkey": id})).await?);
        }
        self.commit(tx, audit, now).await?;
        Ok(())
    }

    /// Asks whoever was invited for a passkey, by which they accept.
    pub(crate) async fn ask_who_was_invited(
        &self,
        tx: WriteTx,
        scope: &Scope,
        user: UserId,
        link: TokenHash,
    ) -> Result<Question, AppError> {
        let outcome = self.ask_for_new_passkey(tx, scope, user, link).await;
        self.note_not_accepted(scope, Some(user), outcome).await
    }

    fn relying_party(&self) -> Result<RelyingParty, AppError> {
        RelyingParty::at(&self.public_url).map_err(not_accepted)
    }

    /// Locks a local person who is active, and returns their name.
    async fn lock_local(&self, tx: &mut WriteTx, user: UserId) -> Result<String, AppError> {
        let person = users::lock_local(tx, user).await?;
        let person = person.ok_or_else(|| not_accepted("the person is no local one of this tenant"))?;
        if !person.is_let_in() {
            return Err(Refusal::Inactive.into());
        }
        Ok(person.user.resource().user_name().unwrap_or_default().to_owned())
    }

    fn sealed_question(
        &self,
        scope: &Scope,
        asked: Asked,
        invitation: Option<[u8; 32]>,
        return_to: String,
    ) -> Result<Question, AppError> {
        let challenge = *asked.challenge.as_bytes();
        let ceremony =
            Ceremony { tenant: scope.tenant(), invitation, challenge, return_to, started_at: self.now() };
        let plain = serde_json::to_vec(&ceremony)
            .map_err(|error| AppError::Internal(format!("a question about a passkey: {error}")))?;
        let sealed = self.sealer.seal(PURPOSE, &plain, &*self.entropy)?;
        Ok(Question { options: asked.options, sealed: URL_SAFE_NO_PAD.encode(sealed) })
    }

    /// Takes what this browser was asked, before anything of its answer is looked at: an answer counts once.
    async fn take_question(&self, scope: &Scope, sealed: Option<&str>) -> Result<Ceremony, AppError> {
        let none = || unasked("this browser was not asked, has answered, or took too long");
        let asked = sealed.and_then(|sealed| self.opened_question(sealed)).ok_or_else(none)?;
        let forget_at = asked.started_at + CEREMONY_LIFETIME;
        let now = self.now();
        if asked.tenant != scope.tenant() || forget_at <= now {
            return Err(none());
        }
        let mut tx = self.db.begin(scope).await?;
        let is_first = passkeys::take(&mut tx, &asked.challenge, (now, forget_at)).await?;
        tx.commit_trace_of_use().await?;
        if is_first { Ok(asked) } else { Err(none()) }
    }

    fn opened_question(&self, sealed: &str) -> Option<Ceremony> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        serde_json::from_slice(&self.sealer.open(PURPOSE, &sealed).ok()?).ok()
    }

    /// Where somebody lands who came through no connection: where they want to, if a connection's people may be sent there,
    /// else where the first connection's people land.
    async fn landing_of_tenant(&self, tx: &mut impl Reads, wanted: Option<&str>) -> Result<String, AppError> {
        let rows = connections::all(tx).await?;
        let all = rows.iter().map(Settings::of).collect::<Result<Vec<_>, _>>()?;
        let allowed = wanted.and_then(|wanted| all.iter().find_map(|it| own_address(it, wanted)));
        let allowed = allowed.filter(|url| url.as_str().len() <= LONGEST_LANDING);
        let landing = allowed.or_else(|| all.first().map(|it| it.return_to.clone()));
        Ok(landing.map_or_else(|| "/session".to_owned(), |url| url.to_string()))
    }

    /// Writes into the audit trail why somebody was not accepted, and says no more than that to the browser, unless there is no seat.
    async fn note_not_accepted<T>(
        &self,
        scope: &Scope,
        claimed: Option<UserId>,
        outcome: Result<T, AppError>,
    ) -> Result<T, AppError> {
        let Err(AppError::SignIn(refusal)) = outcome else { return outcome };
        let target = claimed.map_or_else(|| Target::from(scope.tenant()), Target::from);
        let detail = refusal.to_string();
        let event = AuditEvent::new(Action::LoginRefuse, target)
            .after(json!({"code": refusal.code(), "detail": detail, "by": "passkey"}));
        let tx = self.db.begin(scope).await?;
        self.commit(tx, Audit::of(event), self.now()).await?;
        Err(match refusal {
            // It is found out last, of somebody who has proven who they are.
            Refusal::NoSeat { position: None } => refusal,
            _ => Refusal::NotAccepted(detail),
        }
        .into())
    }
}

fn stored(row: &PasskeyRow) -> Result<Passkey, AppError> {
    serde_json::from_value(row.credential.clone()).map_err(|error| unreadable(&error))
}

fn as_stored(passkey: &Passkey) -> Result<Value, AppError> {
    serde_json::to_value(passkey).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> AppError {
    AppError::Internal(format!("a stored passkey: {error}"))
}
