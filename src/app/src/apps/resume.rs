//! A browser was sent to sign in for an app, and comes back. Knows how the request is found again: by a name that only this
//! house gave out, so that nothing of it is the browser's word.

use domain::id::RequestId;
use domain::token::{PlainToken, TokenKind};
use sso::oidc;
use sso::op::{Request, ShownPrompt};
use store::app_grants::{self, RequestKind};
use store::{Scope, apps};

use super::authorize::{Kept, Resumed, Step, kept_in};
use crate::App;
use crate::error::{AppError, Refusal};

/// What an app wants of the sign-in that its request waits for.
#[derive(Debug)]
pub(crate) struct WantedOfSignIn {
    /// Where the browser goes afterwards.
    pub(crate) return_to: url::Url,
    /// What the provider is asked for.
    pub(crate) asked: oidc::Wish,
}

/// Where a browser comes back to after signing in.
pub(super) fn address(tenant: &str, handle: &PlainToken) -> String {
    format!("/op/{tenant}/resume?request={}", handle.expose())
}

fn handle_in(tenant: &str, address: &str) -> Option<PlainToken> {
    let handle = PlainToken::parse(address.strip_prefix(&format!("/op/{tenant}/resume?request="))?).ok()?;
    (handle.kind() == TokenKind::AppRequest).then_some(handle)
}

impl App {
    /// What an app wants of a sign-in whose browser says that it wants to go to `return_to`, if that is a request that waits.
    pub(crate) async fn wanted_by_app(
        &self,
        scope: &Scope,
        tenant: &str,
        return_to: Option<&str>,
    ) -> Result<Option<WantedOfSignIn>, AppError> {
        let Some(handle) = return_to.and_then(|address| handle_in(tenant, address)) else { return Ok(None) };
        let mut tx = self.db.read(scope).await?;
        let row = app_grants::waiting(&mut tx, handle.hash(), self.now()).await?;
        tx.finish().await?;
        let Some(row) = row else { return Ok(None) };
        let return_to = self.public_url.join(&address(tenant, &handle));
        let return_to =
            return_to.map_err(|error| AppError::Internal(format!("an address of ours: {error}")))?;
        let asked = match kept_in(&row)? {
            Kept::Asked(asked) => wish(&asked.request),
            Kept::Refused(_) => oidc::Wish::default(),
        };
        Ok(Some(WantedOfSignIn { return_to, asked }))
    }

    /// The browser is back: the request is taken, and decided by the session that it has now.
    pub async fn resume(
        &self,
        tenant: &str,
        handle: &str,
        session: Option<&PlainToken>,
        request: RequestId,
    ) -> Result<Step, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let handle = PlainToken::parse(handle).ok().filter(|handle| handle.kind() == TokenKind::AppRequest);
        let handle = handle.ok_or(Refusal::NoFlow)?;
        let mut tx = self.db.begin(&scope).await?;
        let row = app_grants::take(&mut tx, handle.hash(), RequestKind::Waiting, self.now()).await?;
        let row = row.ok_or(Refusal::NoFlow)?;
        let app = apps::find(&mut tx, row.app()).await?.ok_or(Refusal::NoFlow)?;
        tx.commit_trace_of_use().await?;
        match kept_in(&row)? {
            Kept::Asked(asked) => {
                let resumed = Some(Resumed { since: row.created_at });
                self.decide_on(&scope, tenant, &app, *asked, session, resumed).await
            }
            Kept::Refused(refused) => self.refuse_resumed(&scope, (tenant, &app), &refused, session).await,
        }
    }
}

/// What of an app's request is for the provider behind us.
fn wish(request: &Request) -> oidc::Wish {
    let prompt = match request.prompt {
        ShownPrompt::SelectAccount => Some(oidc::Prompt::SelectAccount),
        ShownPrompt::Login => Some(oidc::Prompt::Login),
        ShownPrompt::AsNeeded | ShownPrompt::None => None,
    };
    oidc::Wish {
        login_hint: request.login_hint.clone(),
        prompt,
        max_age: request.max_age.map(u64::from),
        acr_values: request.acr_values.clone(),
    }
}
