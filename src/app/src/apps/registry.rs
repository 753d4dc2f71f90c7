//! Apps of a tenant: registered, changed, deleted, and given other secrets. A secret is kept as a hash.

use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{AppId, ReceiverId};
use domain::token::{PlainToken, TokenKind};
use serde::Deserialize;
use serde_json::json;
use store::apps::{self, AppRow, SecretRow};
use store::receivers::{self, ReceiverRow};
use store::{AdminScope, WriteTx, tenants};
use utoipa::ToSchema;

use super::settings::{AppProof, IdTokenAlg, NewApp};
use super::views::{AppView, CreatedApp, RotatedAppSecret};
use crate::App;
use crate::error::AppError;
use crate::tenants::display_name;

/// Thirty days.
const LONGEST_OVERLAP_HOURS: u32 = 720;
const MOST_OF_A_TENANT: usize = 200;

/// What an app is to be from now on; what is not said stays. Lists are replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeApp {
    /// Display name.
    pub name: Option<String>,
    /// The public keys that it signs with; it publishes none then.
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<serde_json::Value>,
    /// Where it publishes its keys; those that it gave are forgotten then.
    pub jwks_uri: Option<String>,
    /// Where browsers come back to after a sign-in.
    pub redirect_uris: Option<Vec<String>>,
    /// Where browsers may be sent after signing out.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Where it is told that a session is over; empty: nowhere.
    pub backchannel_logout_uri: Option<String>,
    /// The scopes that it may ask for; empty: all.
    pub scopes: Option<Vec<String>>,
    /// The resources that it may ask tokens for, or whose tokens it may ask about.
    pub resources: Option<Vec<String>>,
    /// For how many seconds its access and ID tokens are good.
    #[schema(minimum = 60, maximum = 3600)]
    pub token_seconds: Option<i64>,
    /// By which algorithm its ID tokens and logout tokens are signed.
    pub id_token_signing_alg: Option<IdTokenAlg>,
    /// Whether it gets refresh tokens.
    pub refresh_tokens: Option<bool>,
    /// Whether it may fetch access tokens for itself.
    pub own_tokens: Option<bool>,
    /// Whether it pushes every request ahead.
    pub pushed_requests_only: Option<bool>,
    /// Whether it is let in from another device (RFC 8628).
    pub device_flow: Option<bool>,
    /// Whether it gets tokens only that are bound to a key (RFC 9449).
    pub dpop_bound_access_tokens: Option<bool>,
}

impl ChangeApp {
    fn apply(self, app: &mut NewApp) {
        if self.jwks.is_some() || self.jwks_uri.is_some() {
            (app.jwks, app.jwks_uri) = (self.jwks, self.jwks_uri);
        }
        if let Some(address) = self.backchannel_logout_uri {
            app.backchannel_logout_uri = Some(address).filter(|address| !address.is_empty());
        }
        let set = |to: &mut Vec<String>, from: Option<Vec<String>>| {
            if let Some(from) = from {
                *to = from;
            }
        };
        set(&mut app.redirect_uris, self.redirect_uris);
        set(&mut app.post_logout_redirect_uris, self.post_logout_redirect_uris);
        set(&mut app.scopes, self.scopes);
        set(&mut app.resources, self.resources);
        app.name = self.name.unwrap_or_else(|| std::mem::take(&mut app.name));
        app.token_seconds = self.token_seconds.unwrap_or(app.token_seconds);
        app.id_token_signing_alg = self.id_token_signing_alg.unwrap_or(app.id_token_signing_alg);
        app.refresh_tokens = self.refresh_tokens.unwrap_or(app.refresh_tokens);
        app.own_tokens = self.own_tokens.unwrap_or(app.own_tokens);
        app.pushed_requests_only = self.pushed_requests_only.unwrap_or(app.pushed_requests_only);
        app.device_flow = self.device_flow.unwrap_or(app.device_flow);
        app.dpop_bound_access_tokens = self.dpop_bound_access_tokens.unwrap_or(app.dpop_bound_access_tokens);
    }
}

/// How a secret is to be replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateSecret {
    /// For how many hours the old one still works; 0 ends it now.
    #[serde(default = "a_day")]
    #[schema(minimum = 0, maximum = 720, default = 24)]
    pub overlap_hours: u32,
}

fn a_day() -> u32 {
    24
}

impl RotateSecret {
    /// Until when the old secret is good.
    pub(crate) fn old_until(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, AppError> {
        if self.overlap_hours > LONGEST_OVERLAP_HOURS {
            return Err(AppError::Invalid(format!("overlapHours is 0 to {LONGEST_OVERLAP_HOURS}")));
        }
        Ok(now + Duration::hours(i64::from(self.overlap_hours)))
    }
}

impl Default for RotateSecret {
    fn default() -> Self {
        Self { overlap_hours: a_day() }
    }
}

impl App {
    /// Registers an app.
    pub async fn create_app(&self, admin: &AdminScope, mut new: NewApp) -> Result<CreatedApp, AppError> {
        let now = self.now();
        new.name = display_name(&new.name)?;
        self.check_app(&new)?;
        let id = AppId::generate(now, &*self.entropy);
        let row = AppRow {
            id: id.as_uuid(),
            name: new.name.clone(),
            proof: new.proof.as_str().to_owned(),
            settings: new.to_value()?,
            created_at: now,
            last_used_at: None,
        };
        let mut tx = self.begin_to_change_followers(admin.scope()).await?;
        if apps::all(&mut tx).await?.len() >= MOST_OF_A_TENANT {
            return Err(AppError::Conflict(format!("a tenant has {MOST_OF_A_TENANT} apps at most")));
        }
        apps::create(&mut tx, &row).await?;
        let secret = match new.proof {
            AppProof::Secret => Some(self.give_secret(&mut tx, id, now, now).await?),
            AppProof::PrivateKey | AppProof::None => None,
        };
        tell(&mut tx, &row, &new, now).await?;
        let (secrets, slug) = (apps::secrets(&mut tx, Some(id)).await?, tenants::slug(&mut tx).await?);
        let event = AuditEvent::new(Action::AppCreate, id).after(row.settings.clone());
        self.commit(tx, Audit::of(event), now).await?;
        let app = AppView::new(&row, &secrets, self.app_addresses(&slug).issuer, now)?;
        Ok(CreatedApp { app, client_secret: secret.map(|secret| secret.expose().to_owned()) })
    }

    /// All apps of the tenant.
    pub async fn list_apps(&self, admin: &AdminScope) -> Result<Vec<AppView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = apps::all(&mut tx).await?;
        let (secrets, slug) = (apps::secrets(&mut tx, None).await?, tenants::slug(&mut tx).await?);
        tx.finish().await?;
        let issuer = self.app_addresses(&slug).issuer;
        rows.iter().map(|row| AppView::new(row, &secrets, issuer.clone(), self.now())).collect()
    }

    /// One of them.
    pub async fn show_app(&self, admin: &AdminScope, id: AppId) -> Result<AppView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let row = apps::find(&mut tx, id).await?.ok_or(AppError::NotFound("app"))?;
        let (secrets, slug) = (apps::secrets(&mut tx, Some(id)).await?, tenants::slug(&mut tx).await?);
        tx.finish().await?;
        AppView::new(&row, &secrets, self.app_addresses(&slug).issuer, self.now())
    }

    /// Changes an app. What it has got stays as it is.
    pub async fn change_app(
        &self,
        admin: &AdminScope,
        id: AppId,
        change: ChangeApp,
    ) -> Result<AppView, AppError> {
        let now = self.now();
        let mut tx = self.begin_to_change_followers(admin.scope()).await?;
        let mut row = apps::lock(&mut tx, id).await?.ok_or(AppError::NotFound("app"))?;
        let mut app = NewApp::of(&row)?;
        change.apply(&mut app);
        app.name = display_name(&app.name)?;
        self.check_app(&app)?;
        let before = std::mem::replace(&mut row.settings, app.to_value()?);
        row.name = app.name.clone();
        apps::update(&mut tx, &row).await?;
        tell(&mut tx, &row, &app, now).await?;
        let (secrets, slug) = (apps::secrets(&mut tx, Some(id)).await?, tenants::slug(&mut tx).await?);
        let event = AuditEvent::new(Action::AppUpdate, id).before(before).after(row.settings.clone());
        self.commit(tx, Audit::of(event), now).await?;
        self.keys_of_apps.forget(id);
        AppView::new(&row, &secrets, self.app_addresses(&slug).issuer, now)
    }

    /// Gives an app another secret; the one before is good beside it for a while, and any before that is not.
    pub async fn rotate_app_secret(
        &self,
        admin: &AdminScope,
        id: AppId,
        how: RotateSecret,
    ) -> Result<RotatedAppSecret, AppError> {
        let now = self.now();
        let old_until = how.old_until(now)?;
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = apps::lock(&mut tx, id).await?.ok_or(AppError::NotFound("app"))?;
        if AppProof::of(&row) != AppProof::Secret {
            return Err(AppError::Conflict("the app has no secret".to_owned()));
        }
        let secret = self.give_secret(&mut tx, id, old_until, now).await?;
        let event = AuditEvent::new(Action::AppRotate, id).after(json!({"oldUntil": old_until}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(RotatedAppSecret { client_secret: secret.expose().to_owned(), old_until })
    }

    /// Deletes an app: every code and token that it had is refused from the next request on.
    pub async fn delete_app(&self, admin: &AdminScope, id: AppId) -> Result<(), AppError> {
        let mut tx = self.begin_to_change_followers(admin.scope()).await?;
        let row = apps::lock(&mut tx, id).await?.ok_or(AppError::NotFound("app"))?;
        receivers::delete(&mut tx, ReceiverId::from_uuid(row.id)).await?;
        apps::delete(&mut tx, id).await?;
        let event = AuditEvent::new(Action::AppDelete, id).before(row.settings);
        self.commit(tx, Audit::of(event), self.now()).await?;
        self.keys_of_apps.forget(id);
        Ok(())
    }

    async fn give_secret(
        &self,
        tx: &mut WriteTx,
        id: AppId,
        old_until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<PlainToken, AppError> {
        let tenant = tx.scope().tenant();
        let secret = PlainToken::mint(TokenKind::AppSecret, Some(tenant), &*self.entropy);
        let row = SecretRow {
            app_id: id.as_uuid(),
            secret_hash: secret.hash().as_bytes().to_vec(),
            hint: secret.hint(),
            created_at: now,
            ends_at: None,
        };
        apps::add_secret(tx, &row, old_until).await?;
        Ok(secret)
    }
}

/// An app that wants to hear of sessions that end is a receiver under its own id.
async fn tell(tx: &mut WriteTx, row: &AppRow, app: &NewApp, now: DateTime<Utc>) -> Result<(), AppError> {
    let id = ReceiverId::from_uuid(row.id);
    let known = receivers::lock(tx, id).await?;
    match (&app.backchannel_logout_uri, known) {
        (None, None) => {}
        (None, Some(_)) => {
            receivers::delete(tx, id).await?;
        }
        (Some(address), Some(mut known)) => {
            (known.address, known.name) = (Some(address.clone()), row.name.clone());
            (known.status, known.retry_at) = ("enabled".to_owned(), now);
            receivers::update(tx, &known).await?;
        }
        (Some(address), None) => receivers::create(tx, &receiver(row, address, now)).await?,
    }
    Ok(())
}

fn receiver(row: &AppRow, address: &str, now: DateTime<Utc>) -> ReceiverRow {
    ReceiverRow {
        id: row.id,
        kind: "app".to_owned(),
        name: row.name.clone(),
        method: Some("push".to_owned()),
        address: Some(address.to_owned()),
        audience: None,
        events: None,
        description: None,
        status: "enabled".to_owned(),
        reason: None,
        hint: String::new(),
        secret_sealed: None,
        old_secret_sealed: None,
        token_hash: None,
        old_token_hash: None,
        old_until: None,
        authorization_sealed: None,
        failures: 0,
        failing_since: None,
        retry_at: now,
        verified_at: None,
        created_at: now,
    }
}
