//! Our own keys at a connection by SAML, and how one replaces the other without a sign-in that fails. Knows the three states; the provider reads our metadata when it likes.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::ConnectionId;
use serde_json::json;
use sso::saml::{NewKey, generate_key};
use store::connections::{self, ConnectionRow};
use store::saml::KeyRow;
use store::{AdminScope, WriteTx};

use super::saml::{SamlConnectionView, saml_of};
use crate::App;
use crate::error::AppError;

impl App {
    /// Makes the key that will replace the current one, and publishes both. It signs nothing yet.
    pub async fn announce_saml_key(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
    ) -> Result<SamlConnectionView, AppError> {
        self.show_saml_connection(admin, tenant, slug).await?;
        let key = self.new_saml_key(slug).await?;
        let now = self.now();
        let (mut tx, row) = self.locked(admin, slug).await?;
        let key = self.key_row(row.connection_id(), "next", &key, now)?;
        store::saml::add_key(&mut tx, &key).await.map_err(|error| match error.conflict() {
            Some(_) => AppError::Conflict("the next key is there already".to_owned()),
            None => AppError::from(error),
        })?;
        self.commit_keys(tx, &row, "announced").await?;
        self.show_saml_connection(admin, tenant, slug).await
    }

    /// From now on the next key signs. The former one still decrypts; one that was former before is gone.
    pub async fn switch_saml_key(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
    ) -> Result<SamlConnectionView, AppError> {
        let (mut tx, row) = self.locked(admin, slug).await?;
        let id = row.connection_id();
        store::saml::remove_key(&mut tx, id, "former").await?;
        store::saml::move_key(&mut tx, id, ("current", "former")).await?;
        if !store::saml::move_key(&mut tx, id, ("next", "current")).await? {
            return Err(AppError::Conflict(
                "announce the next key first, and give the provider time to read it".to_owned(),
            ));
        }
        self.commit_keys(tx, &row, "switched").await?;
        self.show_saml_connection(admin, tenant, slug).await
    }

    /// Takes the former key away: what is still encrypted to it cannot be read any more.
    pub async fn retire_saml_key(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
    ) -> Result<SamlConnectionView, AppError> {
        let (mut tx, row) = self.locked(admin, slug).await?;
        if !store::saml::remove_key(&mut tx, row.connection_id(), "former").await? {
            return Err(AppError::NotFound("former key"));
        }
        self.commit_keys(tx, &row, "retired").await?;
        self.show_saml_connection(admin, tenant, slug).await
    }

    async fn locked(&self, admin: &AdminScope, slug: &str) -> Result<(WriteTx, ConnectionRow), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = connections::lock(&mut tx, slug).await?.ok_or(AppError::NotFound("connection"))?;
        saml_of(&row)?;
        Ok((tx, row))
    }

    async fn commit_keys(&self, tx: WriteTx, row: &ConnectionRow, what: &str) -> Result<(), AppError> {
        let event =
            AuditEvent::new(Action::ConnectionUpdate, row.connection_id()).after(json!({"key": what}));
        self.commit(tx, Audit::of(event), self.now()).await
    }

    /// Makes a key, on a thread for work.
    pub(super) async fn new_saml_key(&self, slug: &str) -> Result<NewKey, AppError> {
        let (name, now) = (format!("{} {slug}", self.public_url.host_str().unwrap_or("usher")), self.now());
        let made = self.runtime.spawn_blocking(move || generate_key(&name, now)).await;
        made.ok().flatten().ok_or_else(|| AppError::Internal("a key could not be made".to_owned()))
    }

    pub(super) fn key_row(
        &self,
        connection: ConnectionId,
        state: &str,
        key: &NewKey,
        now: DateTime<Utc>,
    ) -> Result<KeyRow, AppError> {
        Ok(KeyRow {
            connection_id: connection.as_uuid(),
            state: state.to_owned(),
            certificate: key.certificate.der().to_vec(),
            key_sealed: self.seal_saml_key(connection, &key.pkcs8)?,
            expires_at: key.certificate.not_after().unwrap_or(now),
            created_at: now,
        })
    }
}
