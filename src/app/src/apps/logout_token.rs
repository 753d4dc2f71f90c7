//! What an app is told when a session is over (OpenID Connect Back-Channel Logout §2.4).

use chrono::{DateTime, Utc};
use domain::id::{AppId, TenantId};
use serde_json::{Map, Value, json};
use sso::op::TokenKind;
use store::apps;
use store::deliveries::DueRow;
use store::receivers::ReceiverRow;
use url::form_urlencoded;

use super::settings::NewApp;
use crate::App;
use crate::error::AppError;

/// §2.4 wants two minutes at most.
const LIFE_SECONDS: i64 = 120;
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

impl App {
    /// The form that tells an app of a session that is over. Made at each attempt, so that it has not ended when it arrives; its
    /// `jti` stays the same.
    pub(crate) async fn logout_form(
        &self,
        tenant: TenantId,
        app: &ReceiverRow,
        due: &DueRow,
    ) -> Result<String, AppError> {
        let scope = self.db.enter_to_send(tenant, self.request_id());
        let mut tx = self.db.read(&scope).await?;
        let slug = store::tenants::slug(&mut tx).await?;
        let row = apps::find(&mut tx, AppId::from_uuid(app.id)).await?.ok_or(AppError::NotFound("app"))?;
        tx.finish().await?;
        let claims = claims(&self.app_addresses(&slug).issuer, app, due, self.now());
        // §2.4: signed as ID tokens are.
        let by = NewApp::of(&row)?.id_token_signing_alg;
        let token = self.id_keys(&scope, by).await?.sign(TokenKind::Logout, &claims)?;
        Ok(form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish())
    }
}

fn claims(issuer: &str, app: &ReceiverRow, due: &DueRow, now: DateTime<Utc>) -> Map<String, Value> {
    let of = |name: &str| due.payload.get(name).cloned().unwrap_or_default();
    let claims = json!({
        "iss": issuer, "aud": app.id, "sub": of("user"), "sid": of("session"), "jti": due.id,
        "iat": now.timestamp(), "exp": now.timestamp() + LIFE_SECONDS, "events": {EVENT: {}},
    });
    claims.as_object().cloned().unwrap_or_default()
}
