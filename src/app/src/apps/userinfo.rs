//! What an app is told of a person who is signed in, as it is at this moment (OpenID Connect Core §5.3).

use domain::id::{AppGrantId, RequestId};
use serde_json::{Map, Value, json};
use store::app_grants::{self, GrantRow};
use store::{LiveSession, ReadTx};

use super::claims;
use super::exchange::email_verified;
use super::possession::ShownAccess;
use crate::App;
use crate::error::{AppError, TokenRefusal};

/// What stands behind an access token that is good now.
pub(super) struct Behind {
    pub(super) grant: GrantRow,
    /// None for a token that an app has for itself.
    pub(super) live: Option<LiveSession>,
    pub(super) claims: Map<String, Value>,
}

impl Behind {
    /// The scopes that the token says.
    pub(super) fn scopes(&self) -> Vec<String> {
        let scope = self.claims.get("scope").and_then(Value::as_str).unwrap_or_default();
        scope.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect()
    }

    /// Whether the token is for this audience.
    pub(super) fn is_for(&self, audience: &str) -> bool {
        match self.claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one == audience),
            _ => false,
        }
    }
}

impl App {
    /// The claims about the person of an access token. Whether it is good is asked anew each time: a session that ended is
    /// refused by every process from then on.
    pub async fn userinfo(
        &self,
        tenant: &str,
        shown: &ShownAccess,
        request: RequestId,
    ) -> Result<Map<String, Value>, AppError> {
        let scope = self.op_scope(tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let behind = self.behind(&mut tx, tenant, &shown.token).await?;
        let ours = |behind: &Behind| behind.is_for(&self.app_addresses(tenant).issuer);
        let behind = behind.filter(ours).ok_or(AppError::Unauthorized)?;
        self.check_possession(&scope, (tenant, "userinfo"), shown, &behind).await?;
        let (scopes, live) = (behind.scopes(), behind.live.ok_or(AppError::Unauthorized)?);
        if !scopes.iter().any(|scope| scope == "openid") {
            return Err(TokenRefusal::NeedsOpenId.into());
        }
        let email_verified = email_verified(&mut tx, &scopes, &live).await?;
        tx.finish().await?;
        let mut said = claims::of_session(&live);
        let more = claims::of_person(&scopes, &live, email_verified);
        said.extend(more.into_iter().chain(claims::of_access(&scopes, &live.access)).map(named));
        Ok(said)
    }

    /// What stands behind an access token, if it is ours and good now: its grant is there, and the session in force.
    pub(super) async fn behind(
        &self,
        tx: &mut ReadTx,
        tenant: &str,
        token: &str,
    ) -> Result<Option<Behind>, AppError> {
        use store::Reads as _;

        let claims = self.read_access_token(tx.tenant(), tenant, token)?;
        let Some((claims, id)) = claims.and_then(|claims| grant_in(&claims).map(|id| (claims, id))) else {
            return Ok(None);
        };
        let Some(grant) = app_grants::find(tx, id).await? else { return Ok(None) };
        let live = self.live_behind(tx, &grant).await?;
        if grant.session_id.is_some() && live.is_none() {
            return Ok(None);
        }
        Ok(Some(Behind { grant, live, claims }))
    }
}

/// The grant that a token refers to.
pub(super) fn grant_in(claims: &Map<String, Value>) -> Option<AppGrantId> {
    claims.get("grant")?.as_str()?.parse().ok()
}

pub(super) fn named((name, value): (&'static str, Value)) -> (String, Value) {
    (name.to_owned(), json!(value))
}
