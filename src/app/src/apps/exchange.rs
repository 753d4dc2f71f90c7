//! The token endpoint: a code, a refresh token or an app's own word becomes tokens. Knows what can be used once, and what ends
//! when it is used twice.
//!
//! There is no grace: a refresh token that is shown a second time ends its family, even if the answer to the first was lost on
//! the way. RFC 9700 §4.14.2: the server cannot tell who of the two is the thief. The app sends its browser for a new code,
//! which it gets without anybody noticing while the session is there.

use chrono::{DateTime, Utc};
use domain::access::AccessStatus;
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{AppGrantId, RequestId};
use domain::token::{PlainToken, TokenHash, TokenKind as PlainKind};
use serde_json::json;
use sso::op::{self, TokenKind};
use store::app_grants::{self, GrantRow};
use store::{LiveSession, WriteTx, devices, domains};

use super::authorize::Asked;
use super::claims;
use super::device::DEVICE_GRANT;
use super::issue::{Issue, IssuedTokens, token_type};
use super::possession::confirmation;
use super::proof::{Claimed, Proven};
use super::settings::AppProof;
use crate::App;
use crate::error::{AppError, TokenRefusal};

/// A request for tokens, its parameters apart.
#[derive(Default)]
pub struct AppTokenRequest {
    /// Who asks.
    pub claimed: Claimed,
    /// `grant_type`.
    pub grant_type: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `code_verifier`.
    pub code_verifier: Option<String>,
    /// `refresh_token`.
    pub refresh_token: Option<String>,
    /// `device_code`.
    pub device_code: Option<String>,
    /// The proof that it holds a key (RFC 9449), which stands in a header.
    pub dpop: Option<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `resource`, each of them.
    pub resources: Vec<String>,
}

impl std::fmt::Debug for AppTokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppTokenRequest").field("grant_type", &self.grant_type).finish_non_exhaustive()
    }
}

const UNKNOWN_CODE: TokenRefusal =
    TokenRefusal::Grant("the code is unknown, has run out or is not this client's");
const USED_CODE: TokenRefusal = TokenRefusal::Grant("the code was used before: what came of it has ended");
const UNKNOWN_DEVICE: TokenRefusal = TokenRefusal::Grant(
    "the device_code is unknown, not this client's, or the session that let it in is over",
);
const USED_DEVICE: TokenRefusal =
    TokenRefusal::Grant("the device_code was used before: what came of it has ended");
const UNKNOWN_REFRESH: TokenRefusal = TokenRefusal::Grant("the refresh token is unknown or has ended");
const USED_REFRESH: TokenRefusal =
    TokenRefusal::Grant("the refresh token was used before: its family has ended");
const SESSION_OVER: TokenRefusal = TokenRefusal::Grant("the session is over");

impl App {
    /// Issues tokens to an app.
    pub async fn app_tokens(
        &self,
        tenant: &str,
        wanted: AppTokenRequest,
        request: RequestId,
    ) -> Result<IssuedTokens, AppError> {
        let proven = self.prove_app(tenant, "token", &wanted.claimed, request).await?;
        let key = self.key_for_tokens(&proven, wanted.dpop.as_deref()).await?;
        match wanted.grant_type.as_deref() {
            Some("authorization_code") => self.exchange_code(&proven, &wanted, key).await,
            Some("refresh_token") => self.refresh(&proven, &wanted, key).await,
            Some(DEVICE_GRANT) => self.exchange_device(&proven, &wanted, key).await,
            Some("client_credentials") => self.own_token(proven.confidential()?, &wanted, key).await,
            Some(_) => Err(TokenRefusal::GrantType.into()),
            None => Err(TokenRefusal::Request("grant_type is missing").into()),
        }
    }

    /// RFC 6749 §4.1.3 and RFC 7636 §4.6. Of two who exchange a code at once, the second waits for the first and ends what that got.
    async fn exchange_code(
        &self,
        proven: &Proven,
        wanted: &AppTokenRequest,
        key: Option<String>,
    ) -> Result<IssuedTokens, AppError> {
        let code = wanted.code.as_deref().ok_or(TokenRefusal::Request("code is missing"))?;
        let verifier = wanted.code_verifier.as_deref();
        let verifier = verifier.ok_or(TokenRefusal::Request("code_verifier is missing"))?;
        let code = plain(code, PlainKind::AppCode).ok_or(UNKNOWN_CODE)?;
        let now = self.now();
        let mut tx = self.db.begin(&proven.scope).await?;
        let grant = app_grants::hold_by_code(&mut tx, code.hash()).await?;
        let grant = grant.filter(|grant| grant.app() == proven.id()).ok_or(UNKNOWN_CODE)?;
        if grant.exchanged_at.is_some() {
            return self.end_misused(tx, &grant, "code", USED_CODE).await;
        }
        if grant.ends_at.is_none_or(|end| end <= now) {
            return Err(UNKNOWN_CODE.into());
        }
        let asked = asked_in(&grant)?;
        if wanted.redirect_uri.as_deref() != Some(asked.redirect_uri.as_str()) {
            return Err(TokenRefusal::Grant("redirect_uri is not the one that the code went to").into());
        }
        if !op::proves(verifier, &asked.request.challenge) {
            return Err(
                TokenRefusal::Grant("code_verifier is not the one that the challenge was made from").into()
            );
        }
        // RFC 9449 §10: whoever stole the code and the verifier has not the key.
        if asked.request.dpop_jkt.is_some() && asked.request.dpop_jkt != key {
            return Err(TokenRefusal::Grant("the code is bound to another key (dpop_jkt)").into());
        }
        self.first_tokens(tx, proven, &grant, asked, (&wanted.resources, key)).await
    }

    /// RFC 8628 §3.4. Until somebody has let the device in, it waits; then there is a grant of their session under its code.
    async fn exchange_device(
        &self,
        proven: &Proven,
        wanted: &AppTokenRequest,
        key: Option<String>,
    ) -> Result<IssuedTokens, AppError> {
        if !proven.app.device_flow {
            return Err(TokenRefusal::Unauthorized.into());
        }
        let code = wanted.device_code.as_deref().ok_or(TokenRefusal::Request("device_code is missing"))?;
        let code = plain(code, PlainKind::AppDevice).ok_or(UNKNOWN_DEVICE)?;
        let mut tx = self.db.begin(&proven.scope).await?;
        // Whoever lets it in at this moment is waited for.
        let waiting = devices::hold(&mut tx, code.hash()).await?;
        if let Some(row) = waiting.filter(|row| row.app() == proven.id()) {
            return Err(self.device_asks(tx, &row).await?.into());
        }
        let grant = app_grants::hold_by_code(&mut tx, code.hash()).await?;
        let grant = grant.filter(|grant| grant.app() == proven.id()).ok_or(UNKNOWN_DEVICE)?;
        if grant.exchanged_at.is_some() {
            return self.end_misused(tx, &grant, "device code", USED_DEVICE).await;
        }
        if grant.ends_at.is_none_or(|end| end <= self.now()) {
            return Err(TokenRefusal::Expired.into());
        }
        let asked = asked_in(&grant)?;
        self.first_tokens(tx, proven, &grant, asked, (&wanted.resources, key)).await
    }

    /// The first tokens of a grant that is held; what led to it is spent.
    async fn first_tokens(
        &self,
        mut tx: WriteTx,
        proven: &Proven,
        grant: &GrantRow,
        asked: Asked,
        (wanted, key): (&[String], Option<String>),
    ) -> Result<IssuedTokens, AppError> {
        let now = self.now();
        let live = self.live_behind(&mut tx, grant).await?.ok_or(SESSION_OVER)?;
        let resources = narrowed(&asked.request.resources, wanted).ok_or(TokenRefusal::Target)?;
        // RFC 9449 §5: what a confidential app has is bound to its proof of itself already.
        let bound_to = key.as_deref().filter(|_| proven.app.proof == AppProof::None);
        app_grants::exchanged(&mut tx, grant.grant(), bound_to, now).await?;
        let refresh = self.next_refresh(&mut tx, proven, grant.grant(), now).await?;
        let email_verified = email_verified(&mut tx, &asked.scopes, &live).await?;
        tx.commit_trace_of_use().await?;
        let (scopes, nonce) = (asked.scopes, asked.request.nonce);
        let issue = Issue {
            proven,
            grant: grant.grant(),
            live: &live,
            scopes,
            resources,
            nonce,
            email_verified,
            key,
        };
        self.issue_tokens(&issue, refresh).await
    }

    /// RFC 6749 §6, RFC 9700 §4.14.
    async fn refresh(
        &self,
        proven: &Proven,
        wanted: &AppTokenRequest,
        key: Option<String>,
    ) -> Result<IssuedTokens, AppError> {
        let shown =
            wanted.refresh_token.as_deref().ok_or(TokenRefusal::Request("refresh_token is missing"))?;
        let shown = plain(shown, PlainKind::AppRefresh).ok_or(UNKNOWN_REFRESH)?;
        let now = self.now();
        let mut tx = self.db.begin(&proven.scope).await?;
        let grant = self.hold_by_refresh(&mut tx, shown.hash()).await?;
        let grant = grant.filter(|grant| grant.app() == proven.id()).ok_or(UNKNOWN_REFRESH)?;
        if !app_grants::is_unused(&mut tx, shown.hash()).await? {
            return self.end_misused(tx, &grant, "refresh token", USED_REFRESH).await;
        }
        if grant.bound_to.is_some() && grant.bound_to != key {
            let why = "the refresh token is bound to a key, and no DPoP proof shows that one".to_owned();
            return Err(TokenRefusal::Proof(why).into());
        }
        let asked = asked_in(&grant)?;
        let scopes = match wanted.scope.as_deref() {
            None => asked.scopes,
            Some(text) => narrower(&asked.scopes, text).ok_or(TokenRefusal::Scope)?,
        };
        let resources = narrowed(&asked.request.resources, &wanted.resources).ok_or(TokenRefusal::Target)?;
        let live = self.live_behind(&mut tx, &grant).await?.ok_or(SESSION_OVER)?;
        app_grants::use_refresh(&mut tx, shown.hash(), now).await?;
        let next = self.next_refresh(&mut tx, proven, grant.grant(), now).await?;
        let email_verified = email_verified(&mut tx, &scopes, &live).await?;
        tx.commit_trace_of_use().await?;
        // An app that goes on is a person who is there, up to the session's longest life.
        self.db.note_seen(&live, now).await?;
        let grant = grant.grant();
        let issue = Issue { proven, grant, live: &live, scopes, resources, nonce: None, email_verified, key };
        self.issue_tokens(&issue, next).await
    }

    async fn hold_by_refresh(
        &self,
        tx: &mut WriteTx,
        shown: TokenHash,
    ) -> Result<Option<GrantRow>, AppError> {
        match app_grants::of_refresh(tx, shown).await? {
            Some(id) => Ok(app_grants::hold(tx, id).await?),
            None => Ok(None),
        }
    }

    /// RFC 6749 §4.4: no person, no session, and no refresh token.
    async fn own_token(
        &self,
        proven: Proven,
        wanted: &AppTokenRequest,
        key: Option<String>,
    ) -> Result<IssuedTokens, AppError> {
        if !proven.app.own_tokens {
            return Err(TokenRefusal::Unauthorized.into());
        }
        let resources = narrowed(&proven.app.resources, &wanted.resources).ok_or(TokenRefusal::Target)?;
        let resources = if wanted.resources.is_empty() { Vec::new() } else { resources };
        if wanted.scope.as_deref().is_some_and(|scope| !scope.trim().is_empty()) {
            return Err(TokenRefusal::Scope.into());
        }
        let now = self.now();
        let id = AppGrantId::generate(now, &*self.entropy);
        let grant = GrantRow {
            id: id.as_uuid(),
            app_id: proven.row.id,
            session_id: None,
            request: json!({"resources": resources}),
            code_hash: None,
            exchanged_at: None,
            created_at: now,
            ends_at: Some(now + chrono::Duration::seconds(proven.app.token_seconds)),
            bound_to: None,
        };
        let mut tx = self.db.begin(&proven.scope).await?;
        app_grants::add(&mut tx, &grant).await?;
        let event = AuditEvent::new(Action::AppToken, proven.id())
            .after(json!({"grant": id, "resources": resources}));
        self.commit(tx, Audit::of(event), now).await?;
        let mut claims = self.access_claims(&proven, id, &resources, "");
        claims.insert("sub".to_owned(), json!(proven.id()));
        claims.extend(key.as_deref().map(|key| ("cnf".to_owned(), confirmation(key))));
        let token = self.op_keys(proven.scope.tenant())?.sign(TokenKind::Access, &claims)?;
        Ok(IssuedTokens {
            access_token: token,
            token_type: token_type(key.is_some()),
            expires_in: proven.app.token_seconds,
            scope: String::new(),
            refresh_token: None,
            id_token: None,
        })
    }

    /// Something was shown twice: whatever came of the sign-in ends.
    async fn end_misused(
        &self,
        mut tx: WriteTx,
        grant: &GrantRow,
        what: &str,
        refusal: TokenRefusal,
    ) -> Result<IssuedTokens, AppError> {
        app_grants::end(&mut tx, grant.grant()).await?;
        let event = AuditEvent::new(Action::AppReuse, grant.app())
            .after(json!({"grant": grant.grant(), "session": grant.session(), "shown": what}));
        self.commit(tx, Audit::of(event), self.now()).await?;
        tracing::warn!(app.id = %grant.app(), grant.id = %grant.grant(), what, "Ended what an app had, since it was shown twice");
        Err(refusal.into())
    }

    async fn next_refresh(
        &self,
        tx: &mut WriteTx,
        proven: &Proven,
        grant: AppGrantId,
        now: DateTime<Utc>,
    ) -> Result<Option<PlainToken>, AppError> {
        if !proven.app.refresh_tokens {
            return Ok(None);
        }
        let token = PlainToken::mint(PlainKind::AppRefresh, Some(proven.scope.tenant()), &*self.entropy);
        app_grants::add_refresh(tx, grant, token.hash(), now).await?;
        Ok(Some(token))
    }

    /// The session behind a grant, if it is in force and its person may do anything.
    pub(super) async fn live_behind(
        &self,
        tx: &mut impl store::Reads,
        grant: &GrantRow,
    ) -> Result<Option<LiveSession>, AppError> {
        let Some(session) = grant.session() else { return Ok(None) };
        let live = self.session_by_id(tx, session).await?;
        Ok(live.filter(|live| live.access.status == AccessStatus::Granted))
    }
}

/// Whether the person's address is in a domain that the tenant has proved to be its own.
pub(super) async fn email_verified(
    tx: &mut impl store::Reads,
    scopes: &[String],
    live: &LiveSession,
) -> Result<bool, AppError> {
    let asked = scopes.iter().any(|scope| scope == "email");
    match claims::email(live.resource.as_map()).filter(|_| asked) {
        Some(address) => Ok(domains::speaks_for(tx, address).await?),
        None => Ok(false),
    }
}

/// What an app asked for, as it is kept in the grant of a session.
pub(super) fn asked_in(grant: &GrantRow) -> Result<Asked, AppError> {
    serde_json::from_value(grant.request.clone())
        .map_err(|error| AppError::Internal(format!("a grant of an app cannot be read: {error}")))
}

/// A token of ours of this kind.
pub(super) fn plain(text: &str, kind: PlainKind) -> Option<PlainToken> {
    PlainToken::parse(text).ok().filter(|token| token.kind() == kind)
}

/// Of these resources the ones that are asked for; all, if none is (RFC 8707 §2.2).
fn narrowed(had: &[String], asked: &[String]) -> Option<Vec<String>> {
    match asked {
        [] => Some(had.to_vec()),
        asked => asked.iter().all(|one| had.contains(one)).then(|| asked.to_vec()),
    }
}

/// RFC 6749 §6: "The requested scope MUST NOT include any scope not originally granted".
fn narrower(had: &[String], asked: &str) -> Option<Vec<String>> {
    let asked: Vec<String> = asked.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    (!asked.is_empty() && asked.iter().all(|one| had.contains(one))).then_some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_granted_can_only_become_less() {
        let had = ["openid".to_owned(), "roles".to_owned()];

        assert_eq!(narrower(&had, "roles"), Some(vec!["roles".to_owned()]));
        assert_eq!((narrower(&had, "roles email"), narrower(&had, " ")), (None, None));
        assert_eq!(narrowed(&had, &[]), Some(had.to_vec()));
        assert_eq!(narrowed(&had, &had[..1]), Some(vec!["openid".to_owned()]));
        assert_eq!(narrowed(&had[..1], &had), None);
    }
}
