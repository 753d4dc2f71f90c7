//! An app pushes its request ahead, and the browser brings its name (RFC 9126). Knows how such a request is kept and found; whether it
//! holds is judged like every other.

use chrono::Duration;
use domain::id::{AppId, RequestId};
use domain::token::{PlainToken, TokenKind};
use sso::op::{AuthorizationRefusal, Front, Param};
use store::Scope;
use store::app_grants::{self, RequestKind};
use store::apps::{self, AppRow};

use super::authorize::{Asked, Kept, kept_in};
use super::proof::Claimed;
use crate::App;
use crate::error::{AppError, Refusal, TokenRefusal};

/// How long a pushed request waits for its browser (RFC 9126 §2.2: "between 5 and 600 seconds").
pub(super) const LIFE: Duration = Duration::seconds(90);
/// What the name of a pushed request begins with (RFC 9126 §2.2).
pub(super) const NAME: &str = "urn:ietf:params:oauth:request_uri:";

impl App {
    /// Keeps a request that an app pushes ahead (RFC 9126), and returns its name and for how many seconds it is kept.
    pub async fn push_request(
        &self,
        tenant: &str,
        claimed: &Claimed,
        (params, dpop): (&[Param], Option<&str>),
        request: RequestId,
    ) -> Result<(String, i64), AppError> {
        let proven = self.prove_app(tenant, "par", claimed, request).await?;
        let key = self.key_held(&proven, "par", dpop).await?;
        let refused = |refusal| AppError::from(TokenRefusal::Asked(refusal));
        let front = Front::of(params).map_err(refused)?;
        // RFC 9126 §2.1: the one parameter that must not be pushed.
        if front.request_uri.is_some() {
            return Err(refused(AuthorizationRefusal::Request("request_uri is not pushed")));
        }
        if front.client_id.is_some_and(|id| id != proven.id().to_string()) {
            return Err(refused(AuthorizationRefusal::Request("client_id is another app's")));
        }
        let redirect_uri = front.redirect_uri.filter(|uri| self.may_answer_at(&proven.app, uri));
        let redirect_uri = redirect_uri.ok_or_else(|| {
            refused(AuthorizationRefusal::Request("redirect_uri is none that is registered"))
        })?;
        let ours = (&proven.scope, proven.tenant.as_str());
        let mut asked = self.judge(ours, &proven.app, params, redirect_uri).await?.map_err(refused)?;
        // RFC 9449 §10.1: a proof is as good as saying the thumbprint, and if both are there they are the same.
        if let Some(key) = key {
            let named = asked.request.dpop_jkt.replace(key);
            if named.is_some() && named != asked.request.dpop_jkt {
                let why = "the DPoP proof is by another key than dpop_jkt".to_owned();
                return Err(TokenRefusal::Proof(why).into());
            }
        }
        let asked = Kept::Asked(Box::new(asked));
        let handle = self.keep_request(&proven.scope, proven.id(), &asked, RequestKind::Pushed).await?;
        Ok((format!("{NAME}{}", handle.expose()), LIFE.num_seconds()))
    }

    /// The request behind a name, once. Whose it is not is not told that it is there.
    pub(super) async fn take_pushed(
        &self,
        scope: &Scope,
        id: AppId,
        name: &str,
    ) -> Result<(AppRow, Asked), AppError> {
        let handle = name.strip_prefix(NAME).and_then(|text| PlainToken::parse(text).ok());
        let handle = handle.filter(|handle| handle.kind() == TokenKind::AppRequest).ok_or(Refusal::NoFlow)?;
        let mut tx = self.db.begin(scope).await?;
        let row = app_grants::take(&mut tx, handle.hash(), RequestKind::Pushed, self.now()).await?;
        let Some(row) = row.filter(|row| row.app() == id) else {
            tx.nothing_changed().await?;
            return Err(Refusal::NoFlow.into());
        };
        let app = apps::find(&mut tx, id).await?.ok_or(Refusal::UnknownDoor)?;
        tx.commit_trace_of_use().await?;
        match kept_in(&row)? {
            Kept::Asked(asked) => Ok((app, *asked)),
            Kept::Refused(_) => Err(Refusal::NoFlow.into()),
        }
    }
}
