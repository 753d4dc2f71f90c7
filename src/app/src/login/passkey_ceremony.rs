//! A browser registers a passkey by a link, or signs in by one. Knows the two halves of each, and that the browser is told nothing but "not accepted"; what an answer proves, `sso` proves.
//!
//! Between the halves there is a row that every process shares, bound to the browser by a cookie and taken once.

use chrono::Duration;
use domain::audit::{Action, Audit, AuditEvent, Target};
use domain::id::{PasskeyId, RequestId, UserId};
use domain::token::{PlainToken, TokenKind};
use serde_json::{Value, json};
use sso::passkey::{Asked, Challenge, Claim, Passkey, RelyingParty};
use store::audit::Outgoing;
use store::passkeys::{self, CeremonyRow, PasskeyRow};
use store::users::{self, Groups};
use store::{Scope, WriteTx, connections, directories};

use super::admission::{SignedIn, SignedInBy, check_access};
use super::flow::own_address;
use super::settings::Settings;
use crate::App;
use crate::error::{AppError, Refusal};
use crate::tenants::display_name;

/// How long a browser may take to answer.
pub const CEREMONY_LIFETIME: Duration = Duration::minutes(5);
const PURPOSE: &str = "passkey_ceremony.challenge";
/// A person has one at hand, one in a drawer, and some that they forgot.
const MOST_PASSKEYS: usize = 20;

/// What a browser is asked.
#[derive(Debug)]
pub struct Question {
    /// The argument of `navigator.credentials`.
    pub options: Value,
    /// Goes into the binding cookie.
    pub browser: PlainToken,
}

/// What a browser answers.
#[derive(Debug)]
pub struct Answered<'a> {
    /// Tenant in the address.
    pub tenant: &'a str,
    /// What `navigator.credentials` came to.
    pub answer: &'a str,
    /// The binding cookie.
    pub browser: Option<PlainToken>,
    /// The session cookie that the browser had so far: that session ends.
    pub earlier: Option<PlainToken>,
}

/// Why something was not accepted, for the audit trail.
fn not_accepted(why: impl std::fmt::Display) -> AppError {
    Refusal::NotAccepted(why.to_string()).into()
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
        let mut tx = self.db.begin(&scope).await?;
        let return_to = self.landing_of_tenant(&mut tx, return_to).await?;
        self.keep_question(tx, asked, None, return_to).await
    }

    /// Signs in whoever proves a passkey. A refusal is written into the audit trail, with its reason.
    pub async fn sign_in_by_passkey(
        &self,
        answered: Answered<'_>,
        request: RequestId,
    ) -> Result<SignedIn, AppError> {
        let scope = self.sign_in_scope(answered.tenant, request).await?;
        let mut claimed = None;
        let outcome = self.prove_passkey(&scope, &answered, &mut claimed).await;
        self.note_not_accepted(&scope, claimed, outcome).await
    }

    async fn prove_passkey(
        &self,
        scope: &Scope,
        answered: &Answered<'_>,
        claimed: &mut Option<UserId>,
    ) -> Result<SignedIn, AppError> {
        let row = self.take_question(scope, answered.browser.as_ref()).await?;
        if row.invitation_hash.is_some() {
            return Err(not_accepted("the browser was asked to register a passkey"));
        }
        let party = self.relying_party()?;
        let claim = Claim::of(answered.answer).map_err(not_accepted)?;
        let mut tx = self.db.begin(scope).await?;
        self.lock_local(&mut tx, claim.user).await?;
        *claimed = Some(claim.user);
        let used = self.spend_counter(&mut tx, &party, &claim, &row.challenge_sealed).await?;
        let signed_out_at = users::signed_out_at(&mut tx, claim.user).await?;
        if signed_out_at.is_some_and(|at| row.started_at <= at) {
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
        tx.commit(audit, self.now(), &*self.entropy).await?;
        Ok(SignedIn { session: begun.token, expires_at: begun.expires_at, return_to: row.return_to })
    }

    /// Proves the claim, and keeps the passkey's counter where it has moved to.
    async fn spend_counter(
        &self,
        tx: &mut WriteTx,
        party: &RelyingParty,
        claim: &Claim,
        sealed: &[u8],
    ) -> Result<PasskeyId, AppError> {
        let row = passkeys::lock(tx, claim.user, &claim.credential_id).await?;
        let row = row.ok_or_else(|| not_accepted("the passkey is not registered for this person"))?;
        let challenge = self.challenge(sealed)?;
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
        let outcome = self.open_invitation(&scope, invitation).await;
        self.note_not_accepted(&scope, None, outcome).await
    }

    async fn open_invitation(&self, scope: &Scope, invitation: &str) -> Result<Question, AppError> {
        let bad = || not_accepted("the link is unknown, used or too old");
        let token = PlainToken::parse(invitation).or(Err(bad()))?;
        if token.kind() != TokenKind::Invitation {
            return Err(bad());
        }
        let mut tx = self.db.begin(scope).await?;
        let user = passkeys::invited(&mut tx, token.hash(), self.now()).await?.ok_or_else(bad)?;
        let name = self.lock_local(&mut tx, user).await?;
        let others = passkeys::of_person(&mut tx, user).await?;
        if others.len() >= MOST_PASSKEYS {
            return Err(not_accepted(format!("the person has {MOST_PASSKEYS} passkeys already")));
        }
        let others: Vec<&[u8]> = others.iter().map(|it| it.credential_id.as_slice()).collect();
        let asked = self.relying_party()?.ask_for_new(user, &name, &others, &*self.entropy);
        let invitation = token.hash().as_bytes().to_vec();
        self.keep_question(tx, asked, Some(invitation), String::new()).await
    }

    /// Registers the passkey that the answer brings, and uses up the link.
    pub async fn register_passkey(
        &self,
        answered: Answered<'_>,
        name: &str,
        request: RequestId,
    ) -> Result<(), AppError> {
        let scope = self.sign_in_scope(answered.tenant, request).await?;
        let mut claimed = None;
        let outcome = self.prove_registration(&scope, &answered, name, &mut claimed).await;
        self.note_not_accepted(&scope, claimed, outcome).await
    }

    async fn prove_registration(
        &self,
        scope: &Scope,
        answered: &Answered<'_>,
        name: &str,
        claimed: &mut Option<UserId>,
    ) -> Result<(), AppError> {
        let row = self.take_question(scope, answered.browser.as_ref()).await?;
        let invitation =
            row.invitation_hash.ok_or_else(|| not_accepted("the browser was asked to sign in"))?;
        let challenge = self.challenge(&row.challenge_sealed)?;
        let made = self.relying_party()?.registered(answered.answer, &challenge).map_err(not_accepted)?;
        let now = self.now();
        let mut tx = self.db.begin(scope).await?;
        let user = passkeys::use_invitation(&mut tx, &invitation, now).await?;
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
        tx.commit(Audit::of(event), now, &*self.entropy).await?;
        Ok(())
    }

    fn relying_party(&self) -> Result<RelyingParty, AppError> {
        RelyingParty::at(&self.public_url).map_err(not_accepted)
    }

    fn challenge(&self, sealed: &[u8]) -> Result<Challenge, AppError> {
        let kept = self.sealer.open(PURPOSE, sealed)?;
        Challenge::from_kept(&kept).ok_or_else(|| AppError::Internal("a stored challenge".to_owned()))
    }

    /// Locks a local person who is active, and returns their name.
    async fn lock_local(&self, tx: &mut WriteTx, user: UserId) -> Result<String, AppError> {
        let local = directories::local(tx).await?.ok_or_else(|| not_accepted("there are no local people"))?;
        let person = users::lock(tx, local, user, Groups::Omitted).await?;
        let person =
            person.ok_or_else(|| not_accepted("the person is no local one of this tenant"))?.resource();
        if !person.active() {
            return Err(Refusal::Inactive.into());
        }
        Ok(person.user_name().unwrap_or_default().to_owned())
    }

    async fn keep_question(
        &self,
        mut tx: WriteTx,
        asked: Asked,
        invitation_hash: Option<Vec<u8>>,
        return_to: String,
    ) -> Result<Question, AppError> {
        let now = self.now();
        let tenant = tx.scope().tenant();
        let browser = PlainToken::mint(TokenKind::Browser, Some(tenant), &*self.entropy);
        let row = CeremonyRow {
            browser_hash: browser.hash().as_bytes().to_vec(),
            invitation_hash,
            challenge_sealed: self.sealer.seal(PURPOSE, asked.challenge.as_bytes(), &*self.entropy)?,
            return_to,
            started_at: now,
            expires_at: now + CEREMONY_LIFETIME,
        };
        passkeys::ask(&mut tx, &row).await?;
        tx.commit_trace_of_use().await?;
        Ok(Question { options: asked.options, browser })
    }

    /// Takes what this browser was asked, before anything of its answer is looked at: an answer counts once.
    async fn take_question(
        &self,
        scope: &Scope,
        browser: Option<&PlainToken>,
    ) -> Result<CeremonyRow, AppError> {
        let none = || not_accepted("this browser was not asked, has answered, or took too long");
        let browser = browser.ok_or_else(none)?;
        let mut tx = self.db.begin(scope).await?;
        let taken = passkeys::take(&mut tx, browser.hash(), self.now()).await?;
        tx.commit_trace_of_use().await?;
        taken.ok_or_else(none)
    }

    /// Where somebody lands who came through no connection: where they want to, if a connection's people may be sent there,
    /// else where the first connection's people land.
    async fn landing_of_tenant(&self, tx: &mut WriteTx, wanted: Option<&str>) -> Result<String, AppError> {
        let rows = connections::all(tx).await?;
        let all = rows.iter().map(Settings::of).collect::<Result<Vec<_>, _>>()?;
        let allowed = wanted.and_then(|wanted| all.iter().find_map(|it| own_address(it, wanted)));
        let landing = allowed.or_else(|| all.first().map(|it| it.return_to.clone()));
        Ok(landing.map_or_else(|| "/session".to_owned(), |url| url.to_string()))
    }

    /// Writes into the audit trail why somebody was not accepted, and says no more than that to the browser.
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
        tx.commit(Audit::of(event), self.now(), &*self.entropy).await?;
        Err(Refusal::NotAccepted(detail).into())
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
