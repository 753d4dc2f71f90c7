//! An app as it is shown. Knows the words of the API; does not know secrets but those shown once.

use chrono::{DateTime, Utc};
use domain::id::AppId;
use serde::Serialize;
use serde_json::Value;
use store::apps::{AppRow, SecretRow};
use utoipa::ToSchema;

use super::settings::{AppProof, IdTokenAlg, NewApp};
use crate::error::AppError;

/// An app.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting by itself")]
pub struct AppView {
    /// Id, which is its `client_id`.
    #[schema(value_type = String, format = Uuid)]
    pub id: AppId,
    /// Our name as its OpenID provider, by which it finds everything else.
    pub issuer: String,
    /// Display name.
    pub name: String,
    /// How it proves that it is itself.
    pub proof: AppProof,
    /// The public keys that it signs with.
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// Where it publishes those keys instead.
    pub jwks_uri: Option<String>,
    /// Where browsers come back to after a sign-in.
    pub redirect_uris: Vec<String>,
    /// Where browsers may be sent after signing out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session is over.
    pub backchannel_logout_uri: Option<String>,
    /// The scopes that it may ask for; empty: all.
    pub scopes: Vec<String>,
    /// The resources that it may ask tokens for, or whose tokens it may ask about.
    pub resources: Vec<String>,
    /// For how many seconds its access and ID tokens are good.
    pub token_seconds: i64,
    /// By which algorithm its ID tokens and logout tokens are signed.
    pub id_token_signing_alg: IdTokenAlg,
    /// Whether it gets refresh tokens.
    pub refresh_tokens: bool,
    /// Whether it may fetch access tokens for itself.
    pub own_tokens: bool,
    /// Whether it pushes every request ahead.
    pub pushed_requests_only: bool,
    /// Whether it is let in from another device (RFC 8628).
    pub device_flow: bool,
    /// Whether it gets tokens only that are bound to a key (RFC 9449).
    pub dpop_bound_access_tokens: bool,
    /// Its secrets that are good now, newest first.
    pub secrets: Vec<SecretView>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last proved that it is itself, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A secret, without itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    /// Prefix and last characters.
    pub hint: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub ends_at: Option<DateTime<Utc>>,
}

/// An app that was just registered. The secret is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedApp {
    /// The app.
    #[serde(flatten)]
    pub app: AppView,
    /// Its secret, if it proves itself by one.
    pub client_secret: Option<String>,
}

impl std::fmt::Debug for CreatedApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedApp").field("app", &self.app).finish_non_exhaustive()
    }
}

/// Another secret of an app. It is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotatedAppSecret {
    /// The new secret.
    pub client_secret: String,
    /// Until when the one before is good.
    pub old_until: DateTime<Utc>,
}

impl std::fmt::Debug for RotatedAppSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RotatedAppSecret").field("old_until", &self.old_until).finish_non_exhaustive()
    }
}

impl AppView {
    pub(super) fn new(
        row: &AppRow,
        secrets: &[SecretRow],
        issuer: String,
        now: DateTime<Utc>,
    ) -> Result<Self, AppError> {
        let settings = NewApp::of(row)?;
        let secrets = secrets.iter().filter(|secret| secret.app_id == row.id && secret.is_live(now));
        let shown = |secret: &SecretRow| SecretView {
            hint: secret.hint.clone(),
            created_at: secret.created_at,
            ends_at: secret.ends_at,
        };
        Ok(Self {
            id: row.app_id(),
            issuer,
            name: row.name.clone(),
            proof: AppProof::of(row),
            jwks: settings.jwks,
            jwks_uri: settings.jwks_uri,
            redirect_uris: settings.redirect_uris,
            post_logout_redirect_uris: settings.post_logout_redirect_uris,
            backchannel_logout_uri: settings.backchannel_logout_uri,
            scopes: settings.scopes,
            resources: settings.resources,
            token_seconds: settings.token_seconds,
            id_token_signing_alg: settings.id_token_signing_alg,
            refresh_tokens: settings.refresh_tokens,
            own_tokens: settings.own_tokens,
            pushed_requests_only: settings.pushed_requests_only,
            device_flow: settings.device_flow,
            dpop_bound_access_tokens: settings.dpop_bound_access_tokens,
            secrets: secrets.map(shown).collect(),
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        })
    }
}
