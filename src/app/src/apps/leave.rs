//! Somebody signs out by way of an app (OpenID Connect RP-Initiated Logout). Knows what ends a session without asking, and where
//! the browser goes then.

use chrono::Duration;
use domain::id::{AppId, RequestId, SessionId};
use domain::token::{PlainToken, TokenHash};
use serde_json::{Map, Value, json};
use store::app_grants::{self, RequestKind, RequestRow};
use store::apps;
use store::{LiveSession, Scope};
use url::Url;

use super::addresses::with_params;
use super::proof::app_id;
use super::settings::NewApp;
use crate::App;
use crate::error::{AppError, Refusal};
use crate::login::AtProvider;

/// How long a browser may take to sign out at its provider, too.
const AWAY: Duration = Duration::minutes(10);

/// What a browser brings.
#[derive(Debug, Default)]
pub struct Leave {
    /// `id_token_hint`.
    pub hint: Option<String>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `post_logout_redirect_uri`.
    pub back_to: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// Whether the person said on our own page that they want to.
    pub confirmed: bool,
}

/// What becomes of it.
#[derive(Debug)]
pub enum Left {
    /// Nobody knows whether the person wants to: they are asked.
    Ask,
    /// The session is over, if there was one, and the browser goes on: to its provider first, then back to the app.
    Over {
        /// Where the provider's session ends, too.
        provider: Option<Box<AtProvider>>,
        /// Where the app wants it to go.
        back_to: Option<Url>,
    },
}

impl App {
    /// Ends the session that the browser has, if an ID token of it says that it was an app's wish, or the person agrees.
    pub async fn leave(
        &self,
        tenant: &str,
        wish: &Leave,
        session: Option<&PlainToken>,
        request: RequestId,
    ) -> Result<Left, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let hint = match &wish.hint {
            Some(text) => {
                let read = self.read_id_token(&scope, tenant, text).await?;
                Some(read.ok_or(Refusal::ForeignTarget)?)
            }
            None => None,
        };
        let app = app_named(wish, hint.as_ref())?;
        let back_to = self.way_back(&scope, app, wish).await?;
        let live = match session.filter(|token| token.tenant() == Some(scope.tenant())) {
            Some(token) => self.resolve_session(token, request).await?,
            None => None,
        };
        let Some(live) = live else {
            // Without the browser's own session, the ID token's is ended: it says itself which.
            if let Some(live) = self.session_of(&scope, hint.as_ref()).await? {
                self.sign_out(&live).await?;
            }
            return Ok(Left::Over { provider: None, back_to });
        };
        // §2: where the hint is not of this session, the person must be asked.
        if !wish.confirmed && hint.as_ref().and_then(session_in) != Some(live.id) {
            return Ok(Left::Ask);
        }
        let provider = self.sign_out(&live).await?.provider.map(Box::new);
        if let (Some(at), Some(back_to), Some(app)) = (&provider, &back_to, app) {
            self.remember_way_back(&live, app, at, back_to).await?;
        }
        Ok(Left::Over { provider, back_to })
    }

    /// Where a browser goes that has signed out at its provider, too: by the state that it brings back from there.
    pub async fn way_on(
        &self,
        tenant: &str,
        state: &str,
        request: RequestId,
    ) -> Result<Option<Url>, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let mut tx = self.db.begin(&scope).await?;
        let row = app_grants::take(&mut tx, TokenHash::of(state), RequestKind::Leaving, self.now()).await?;
        tx.commit_trace_of_use().await?;
        let to = row.as_ref().and_then(|row| row.request.get("to")).and_then(Value::as_str);
        Ok(to.and_then(|text| Url::parse(text).ok()))
    }

    /// "The value MUST have been previously registered with the OP", character by character, with the app that is named.
    async fn way_back(
        &self,
        scope: &Scope,
        app: Option<AppId>,
        wish: &Leave,
    ) -> Result<Option<Url>, AppError> {
        let Some(wanted) = &wish.back_to else { return Ok(None) };
        let app = app.ok_or(Refusal::ForeignTarget)?;
        let mut tx = self.db.read(scope).await?;
        let row = apps::find(&mut tx, app).await?.ok_or(Refusal::UnknownDoor)?;
        tx.finish().await?;
        if !NewApp::of(&row)?.post_logout_redirect_uris.contains(wanted) {
            return Err(Refusal::ForeignTarget.into());
        }
        let state: Vec<(&str, &str)> = wish.state.iter().map(|state| ("state", state.as_str())).collect();
        if state.is_empty() {
            return Url::parse(wanted).map(Some).map_err(|error| AppError::Internal(error.to_string()));
        }
        with_params(wanted, &state).map(Some)
    }

    async fn session_of(
        &self,
        scope: &Scope,
        hint: Option<&Map<String, Value>>,
    ) -> Result<Option<LiveSession>, AppError> {
        let Some(id) = hint.and_then(session_in) else { return Ok(None) };
        let mut tx = self.db.read(scope).await?;
        let live = self.session_by_id(&mut tx, id).await?;
        tx.finish().await?;
        Ok(live)
    }

    async fn remember_way_back(
        &self,
        live: &LiveSession,
        app: AppId,
        at: &AtProvider,
        to: &Url,
    ) -> Result<(), AppError> {
        let now = self.now();
        let row = RequestRow {
            app_id: app.as_uuid(),
            request: json!({"to": to}),
            created_at: now,
            ends_at: now + AWAY,
        };
        let mut tx = self.db.begin(&live.scope).await?;
        app_grants::keep(&mut tx, TokenHash::of(at.ticket.expose()), RequestKind::Leaving, &row).await?;
        Ok(tx.commit_trace_of_use().await?)
    }
}

/// §2: a `client_id` beside a hint has to be the app that the hint is for.
fn app_named(wish: &Leave, hint: Option<&Map<String, Value>>) -> Result<Option<AppId>, AppError> {
    let of_hint = hint.and_then(|claims| claims.get("aud")).and_then(Value::as_str);
    match (wish.client_id.as_deref(), of_hint) {
        (Some(named), Some(of_hint)) if named != of_hint => Err(Refusal::ForeignTarget.into()),
        (Some(named), _) => Ok(Some(app_id(named).ok_or(Refusal::UnknownDoor)?)),
        (None, of_hint) => Ok(of_hint.and_then(app_id)),
    }
}

fn session_in(claims: &Map<String, Value>) -> Option<SessionId> {
    claims.get("sid")?.as_str()?.parse().ok()
}
