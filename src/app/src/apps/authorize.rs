//! A browser comes with an app's request to sign somebody in. Knows what is checked in which order, and who gets a code; does not
//! know how people sign in.

use chrono::{DateTime, Duration, Utc};
use domain::access::AccessStatus;
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{AppGrantId, AppId, RequestId, UserId};
use domain::token::{PlainToken, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sso::op::{AuthorizationRefusal, Front, Param, Request, ShownPrompt, once};
use store::app_grants::{self, GrantRow, RequestKind, RequestRow};
use store::apps::{self, AppRow};
use store::{Conflict, LiveSession, Scope};
use url::Url;

use super::addresses::with_params;
use super::proof::app_id;
use super::pushed;
use super::settings::NewApp;
use crate::App;
use crate::error::{AppError, Refusal};

/// How long a code can be exchanged. RFC 6749 §4.1.2 recommends ten minutes at most; an app exchanges it at once.
const CODE_LIFE: Duration = Duration::seconds(60);
/// How long somebody may take to sign in: twice what a sign-in under way may, since there can be two.
const WAITING_LIFE: Duration = Duration::minutes(20);
/// How far a provider's clock may be behind ours.
const SKEW: Duration = Duration::minutes(1);

/// Where a browser goes next.
#[derive(Debug)]
pub enum Step {
    /// Back to the app, with a code or a refusal.
    Back(Url),
    /// To sign in; from there it comes back to us.
    SignIn(String),
}

/// A request of an app, checked: what it may have of what it asks for, and where the answer goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) redirect_uri: String,
    pub(super) request: Request,
    /// The scopes that it gets.
    pub(super) scopes: Vec<String>,
    /// Who has to be signed in, if nobody else will do.
    #[serde(default)]
    pub(super) person: Option<UserId>,
}

/// What is kept while the person signs in.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Kept {
    /// A request.
    Asked(Box<Asked>),
    /// Why one is refused. Whoever has no session signs in first (RFC 9700 §4.11.2), so that a link that anybody can write sends nobody
    /// anywhere by our address alone.
    Refused(Refused),
}

/// A refusal on its way to the app.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refused {
    redirect_uri: String,
    state: Option<String>,
    error: String,
    error_description: String,
}

impl Refused {
    fn of(redirect_uri: &str, state: Option<&str>, refusal: AuthorizationRefusal) -> Self {
        Self {
            redirect_uri: redirect_uri.to_owned(),
            state: state.map(str::to_owned),
            error: refusal.code().to_owned(),
            error_description: refusal.to_string(),
        }
    }
}

/// A browser that signed in meanwhile.
#[derive(Debug)]
pub(super) struct Resumed {
    /// Since when its request was kept.
    pub(super) since: DateTime<Utc>,
}

impl App {
    /// What comes of a request. Until its app and its redirect URI are known to belong together, a refusal is a page
    /// (RFC 6749 §4.1.2.1); from then on it goes to the app, as soon as somebody is signed in.
    pub async fn authorize(
        &self,
        tenant: &str,
        params: &[Param],
        session: Option<&PlainToken>,
        request: RequestId,
    ) -> Result<Step, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let front = Front::of(params).or(Err(Refusal::ForeignTarget))?;
        let id = front.client_id.as_deref().and_then(app_id).ok_or(Refusal::UnknownDoor)?;
        if let Some(name) = front.request_uri.as_deref().filter(|name| name.starts_with(pushed::NAME)) {
            let (row, asked) = self.take_pushed(&scope, id, name).await?;
            return self.decide_on(&scope, tenant, &row, asked, session, None).await;
        }
        let (row, app) = self.app_of(&scope, id).await?;
        let redirect_uri = front.redirect_uri.filter(|uri| self.may_answer_at(&app, uri));
        let redirect_uri = redirect_uri.ok_or(Refusal::ForeignTarget)?;
        let checked = if front.request_uri.is_some() {
            Err(AuthorizationRefusal::RequestUri)
        } else if app.pushed_requests_only {
            Err(AuthorizationRefusal::Request("the app pushes its requests"))
        } else {
            self.judge((&scope, tenant), &app, params, redirect_uri.clone()).await?
        };
        match checked {
            Ok(asked) => self.decide_on(&scope, tenant, &row, asked, session, None).await,
            Err(refusal) => {
                let refused = Refused::of(&redirect_uri, front.state.as_deref(), refusal);
                let is_silent = once(params, "prompt") == Ok(Some("none"));
                if is_silent || self.session_here(&scope, session).await?.is_some() {
                    return self.send_back(tenant, &refused);
                }
                self.send_to_sign_in((&scope, tenant), id, &Kept::Refused(refused)).await
            }
        }
    }

    async fn app_of(&self, scope: &Scope, id: AppId) -> Result<(AppRow, NewApp), AppError> {
        let mut tx = self.db.read(scope).await?;
        let row = apps::find(&mut tx, id).await?.ok_or(Refusal::UnknownDoor)?;
        tx.finish().await?;
        let app = NewApp::of(&row)?;
        Ok((row, app))
    }

    /// What an app may have of what it asks for, and of whom.
    pub(super) async fn judge(
        &self,
        (scope, tenant): (&Scope, &str),
        app: &NewApp,
        params: &[Param],
        redirect_uri: String,
    ) -> Result<Result<Asked, AuthorizationRefusal>, AppError> {
        let (mut asked, hint) = match (check(app, params, redirect_uri), once(params, "id_token_hint")) {
            (Err(refusal), _) | (_, Err(refusal)) => return Ok(Err(refusal)),
            (Ok(asked), Ok(hint)) => (asked, hint),
        };
        if let Some(hint) = hint {
            // OpenID Connect Core §3.1.2.2: one that we issued, though it may have ended; and then nobody else is signed in.
            let claims = self.read_id_token(scope, tenant, hint).await?;
            let person = claims.as_ref().and_then(|claims| claims.get("sub")?.as_str()?.parse().ok());
            let Some(person) = person else {
                return Ok(Err(AuthorizationRefusal::Request("id_token_hint is no ID token of ours")));
            };
            asked.person = Some(person);
        }
        Ok(Ok(asked))
    }

    /// A code for whoever is signed in, or a way to sign in. Somebody who comes back from there is not sent a second time.
    pub(super) async fn decide_on(
        &self,
        scope: &Scope,
        tenant: &str,
        row: &AppRow,
        mut asked: Asked,
        session: Option<&PlainToken>,
        resumed: Option<Resumed>,
    ) -> Result<Step, AppError> {
        // RFC 9126 §4: what was kept is judged anew, since what the app may do can have changed meanwhile.
        let app = NewApp::of(row)?;
        if !self.may_answer_at(&app, &asked.redirect_uri) {
            return Err(Refusal::ForeignTarget.into());
        }
        let judged = allowed(&app, &asked.request).map(|scopes| asked.scopes = scopes);
        let asked = asked;
        let back = |refusal| {
            self.send_back(tenant, &Refused::of(&asked.redirect_uri, asked.request.state.as_deref(), refusal))
        };
        let live = self.session_here(scope, session).await?;
        let is_silent = asked.request.prompt == ShownPrompt::None;
        match (&live, judged) {
            (None, _) if resumed.is_some() => return Err(Refusal::NoFlow.into()),
            (None, _) if !is_silent => {
                let kept = Kept::Asked(Box::new(asked));
                return self.send_to_sign_in((scope, tenant), row.app_id(), &kept).await;
            }
            (_, Err(refusal)) => return back(refusal),
            (_, Ok(())) => {}
        }
        let live = live.filter(|live| asked.person.is_none_or(|person| person == live.user));
        let live = live.filter(|live| self.is_proof_enough(live, &asked.request, resumed.as_ref()));
        let Some(live) = live else {
            if resumed.is_some() || is_silent {
                return back(AuthorizationRefusal::LoginRequired);
            }
            let kept = Kept::Asked(Box::new(asked));
            return self.send_to_sign_in((scope, tenant), row.app_id(), &kept).await;
        };
        if live.access.status != AccessStatus::Granted {
            return back(AuthorizationRefusal::AccessDenied);
        }
        match self.give_code(&live, row, &asked).await {
            Ok(code) => Ok(Step::Back(self.answer(
                tenant,
                &asked.redirect_uri,
                asked.request.state.as_deref(),
                &[("code", code.expose())],
            )?)),
            // The session ended while this was decided.
            Err(AppError::Conflict(_)) => back(AuthorizationRefusal::LoginRequired),
            Err(error) => Err(error),
        }
    }

    /// Who is signed in at this tenant in this browser.
    async fn session_here(
        &self,
        scope: &Scope,
        session: Option<&PlainToken>,
    ) -> Result<Option<LiveSession>, AppError> {
        match session.filter(|token| token.tenant() == Some(scope.tenant())) {
            Some(token) => self.resolve_session(token, scope.request()).await,
            None => Ok(None),
        }
    }

    /// What was kept of a refusal goes to the app, now that somebody is signed in.
    pub(super) async fn refuse_resumed(
        &self,
        scope: &Scope,
        (tenant, row): (&str, &AppRow),
        refused: &Refused,
        session: Option<&PlainToken>,
    ) -> Result<Step, AppError> {
        if self.session_here(scope, session).await?.is_none() {
            return Err(Refusal::NoFlow.into());
        }
        if !self.may_answer_at(&NewApp::of(row)?, &refused.redirect_uri) {
            return Err(Refusal::ForeignTarget.into());
        }
        self.send_back(tenant, refused)
    }

    /// Whether a session proves what the request wants to be proved (OpenID Connect Core §3.1.2.1).
    fn is_proof_enough(&self, live: &LiveSession, request: &Request, resumed: Option<&Resumed>) -> bool {
        let proven_at = live.proven.at.unwrap_or(live.began_at);
        // Whoever comes back from proving it anew has a provider whose clock is not ours, and was on the way for a while.
        let since = resumed.map_or(self.now(), |it| it.since.min(self.now()));
        let allowed = if resumed.is_some() { SKEW } else { Duration::zero() };
        let is_young = request
            .max_age
            .is_none_or(|most| since - proven_at <= Duration::seconds(i64::from(most)) + allowed);
        match request.prompt {
            ShownPrompt::AsNeeded | ShownPrompt::None => is_young,
            ShownPrompt::SelectAccount => is_young && resumed.is_some_and(|it| live.began_at >= it.since),
            ShownPrompt::Login => {
                is_young
                    && resumed.is_some_and(|it| live.began_at >= it.since && proven_at + SKEW >= it.since)
            }
        }
    }

    /// Keeps what there is and sends the browser to the tenant's sign-in, or to the connection that the app names.
    async fn send_to_sign_in(
        &self,
        (scope, tenant): (&Scope, &str),
        app: AppId,
        kept: &Kept,
    ) -> Result<Step, AppError> {
        let handle = self.keep_request(scope, app, kept, RequestKind::Waiting).await?;
        let return_to = super::resume::address(tenant, &handle);
        let connection = match kept {
            Kept::Asked(asked) => asked.request.connection.as_deref(),
            Kept::Refused(_) => None,
        };
        let door = match connection.map(domain::slug::Slug::parse) {
            Some(Ok(connection)) => format!("/login/{tenant}/{}", connection.as_str()),
            _ => format!("/login/{tenant}"),
        };
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("return_to", &return_to)
            .finish();
        Ok(Step::SignIn(format!("{door}?{query}")))
    }

    pub(super) async fn keep_request(
        &self,
        scope: &Scope,
        app: AppId,
        kept: &Kept,
        kind: RequestKind,
    ) -> Result<PlainToken, AppError> {
        let now = self.now();
        let life = if kind == RequestKind::Pushed { pushed::LIFE } else { WAITING_LIFE };
        let handle = PlainToken::mint(TokenKind::AppRequest, Some(scope.tenant()), &*self.entropy);
        let request = serde_json::to_value(kept).map_err(|error| AppError::Internal(error.to_string()))?;
        let row = RequestRow { app_id: app.as_uuid(), request, created_at: now, ends_at: now + life };
        let mut tx = self.db.begin(scope).await?;
        app_grants::keep(&mut tx, handle.hash(), kind, &row).await?;
        tx.commit_trace_of_use().await?;
        Ok(handle)
    }

    /// A code, which is one row that goes with the session.
    async fn give_code(
        &self,
        live: &LiveSession,
        row: &AppRow,
        asked: &Asked,
    ) -> Result<PlainToken, AppError> {
        let now = self.now();
        let tenant = live.scope.tenant();
        let code = PlainToken::mint(TokenKind::AppCode, Some(tenant), &*self.entropy);
        let id = AppGrantId::generate(now, &*self.entropy);
        let grant = GrantRow {
            id: id.as_uuid(),
            app_id: row.id,
            session_id: Some(live.id.as_uuid()),
            request: serde_json::to_value(asked).map_err(|error| AppError::Internal(error.to_string()))?,
            code_hash: Some(code.hash().as_bytes().to_vec()),
            exchanged_at: None,
            created_at: now,
            ends_at: Some(now + CODE_LIFE),
            bound_to: None,
        };
        let mut tx = self.db.begin(&live.scope).await?;
        match app_grants::add(&mut tx, &grant).await {
            Err(error) if error.conflict() == Some(Conflict::Missing) => {
                return Err(AppError::Conflict("the session is over".to_owned()));
            }
            added => added?,
        }
        let event = AuditEvent::new(Action::AppSignIn, row.app_id())
            .after(json!({"user": live.user, "session": live.id, "grant": id, "scopes": asked.scopes}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(code)
    }

    /// A refusal goes to the app, at an address that was verified.
    fn send_back(&self, tenant: &str, refused: &Refused) -> Result<Step, AppError> {
        let said = [("error", refused.error.as_str()), ("error_description", &refused.error_description)];
        Ok(Step::Back(self.answer(tenant, &refused.redirect_uri, refused.state.as_deref(), &said)?))
    }

    /// RFC 9207 §2: every answer says who gives it.
    fn answer(
        &self,
        tenant: &str,
        redirect_uri: &str,
        state: Option<&str>,
        said: &[(&str, &str)],
    ) -> Result<Url, AppError> {
        let issuer = self.app_addresses(tenant).issuer;
        let mut params = said.to_vec();
        params.extend(state.map(|state| ("state", state)));
        params.push(("iss", &issuer));
        with_params(redirect_uri, &params)
    }
}

/// What an app may have of what it asks for.
fn check(app: &NewApp, params: &[Param], redirect_uri: String) -> Result<Asked, AuthorizationRefusal> {
    let request = Request::of(params)?;
    let scopes = allowed(app, &request)?;
    Ok(Asked { redirect_uri, request, scopes, person: None })
}

/// The scopes that an app may have of those that it asks for, if it may have any, and ask for these resources.
fn allowed(app: &NewApp, request: &Request) -> Result<Vec<String>, AuthorizationRefusal> {
    let scopes = app.granted(&request.scopes);
    if scopes.is_empty() {
        return Err(AuthorizationRefusal::Scope);
    }
    if !request.resources.iter().all(|resource| app.resources.contains(resource)) {
        return Err(AuthorizationRefusal::Target);
    }
    Ok(scopes)
}

/// What was kept.
pub(super) fn kept_in(row: &RequestRow) -> Result<Kept, AppError> {
    serde_json::from_value(row.request.clone())
        .map_err(|error| AppError::Internal(format!("a request of an app cannot be read: {error}")))
}
