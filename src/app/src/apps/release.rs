//! An app gives back what it has (RFC 7009). Knows that a token stands for all that came of its sign-in.

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{AppGrantId, RequestId};
use domain::token::TokenKind as PlainKind;
use serde_json::json;
use store::{WriteTx, app_grants};

use super::exchange::plain;
use super::introspect::Shown;
use super::proof::Proven;
use super::userinfo::grant_in;
use crate::App;
use crate::error::{AppError, TokenRefusal};

impl App {
    /// Ends the grant of a token: its refresh tokens and its access tokens are refused from the next request on (§2.1). A token
    /// that nobody knows is given back already; one of another app is refused.
    pub async fn release(&self, tenant: &str, shown: &Shown, request: RequestId) -> Result<(), AppError> {
        let proven = self.prove_app(tenant, "revoke", &shown.claimed, request).await?;
        let mut tx = self.db.begin(&proven.scope).await?;
        let found = match self.grant_of(&mut tx, &proven, &shown.token).await? {
            Some(id) => app_grants::hold(&mut tx, id).await?,
            None => None,
        };
        let Some(grant) = found else { return Ok(tx.nothing_changed().await?) };
        if grant.app() != proven.id() {
            return Err(TokenRefusal::Grant("the token is another client's").into());
        }
        app_grants::end(&mut tx, grant.grant()).await?;
        let event = AuditEvent::new(Action::AppRelease, grant.app())
            .after(json!({"grant": grant.grant(), "session": grant.session()}));
        self.commit(tx, Audit::of(event), self.now()).await
    }

    async fn grant_of(
        &self,
        tx: &mut WriteTx,
        proven: &Proven,
        token: &str,
    ) -> Result<Option<AppGrantId>, AppError> {
        if let Some(refresh) = plain(token, PlainKind::AppRefresh) {
            return Ok(app_grants::of_refresh(tx, refresh.hash()).await?);
        }
        let tenant = proven.scope.tenant();
        let claims = self.read_access_token(tenant, &proven.tenant, token)?;
        Ok(claims.as_ref().and_then(grant_in))
    }
}
