//! Who tells us security events of a connection's people: told by an administrator. Knows what they may say; what is told,
//! `events` knows.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sso::signals::discover_keys;
use store::connections::{self, ConnectionRow};
use store::transmitters::{self, TransmitterRow};
use store::{AdminScope, WriteTx};
use url::Url;
use utoipa::ToSchema;

use super::At;
use crate::App;
use crate::error::AppError;

const LONGEST: usize = 500;

/// A transmitter to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetTransmitter {
    /// `iss` of its tokens.
    #[schema(example = "https://idp.example", min_length = 1, max_length = 500)]
    pub issuer: String,
    /// Where its keys are. Without it, where its configuration (`/.well-known/ssf-configuration`) says, which is asked now.
    pub jwks_uri: Option<String>,
    /// `aud` by which its tokens mean us; without it, the address that they are pushed to.
    #[schema(min_length = 1, max_length = 500)]
    pub audience: Option<String>,
}

/// A transmitter of a connection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransmitterView {
    /// `iss` of its tokens.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// `aud` by which its tokens mean us.
    pub audience: String,
    /// To be registered there: where it pushes tokens to (RFC 8935).
    pub push_uri: String,
    /// To be registered, if it ends everything of a person at once (Global Token Revocation).
    pub global_token_revocation_uri: String,
    /// Since when its word counts.
    pub created_at: DateTime<Utc>,
    /// When a token of it last held.
    pub heard_at: Option<DateTime<Utc>>,
    /// When it last sent a verification.
    pub verified_at: Option<DateTime<Utc>>,
}

impl App {
    /// The address that security events of a connection are pushed to.
    fn push_address(&self, at: At<'_>) -> String {
        format!("{}/signals/{}/{}/events", self.issuer(), at.tenant, at.connection)
    }

    /// That of a connection.
    pub async fn show_transmitter(
        &self,
        admin: &AdminScope,
        at: At<'_>,
    ) -> Result<TransmitterView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let connection = connections::by_slug(&mut tx, at.connection).await?.ok_or_else(no_connection)?;
        let row = transmitters::find(&mut tx, connection.connection_id()).await?;
        tx.finish().await?;
        Ok(self.transmitter_view(at, row.ok_or_else(missing)?))
    }

    /// Lets somebody tell us security events of a connection's people, in place of whoever did.
    pub async fn set_transmitter(
        &self,
        admin: &AdminScope,
        at: At<'_>,
        wanted: SetTransmitter,
    ) -> Result<TransmitterView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        connections::by_slug(&mut tx, at.connection).await?.ok_or_else(no_connection)?;
        tx.finish().await?;
        let row = self.transmitter(at, wanted).await?;
        let mut tx = self.db.begin(admin.scope()).await?;
        let (connection, before) = held(&mut tx, at).await?;
        transmitters::set(&mut tx, connection.connection_id(), &row).await?;
        self.commit_transmitter(tx, &connection, &before, &shown(Some(&row))).await?;
        Ok(self.transmitter_view(at, row))
    }

    /// Lets nobody tell us security events of a connection's people any more.
    pub async fn remove_transmitter(&self, admin: &AdminScope, at: At<'_>) -> Result<(), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let (connection, before) = held(&mut tx, at).await?;
        if !transmitters::remove(&mut tx, connection.connection_id()).await? {
            return Err(missing());
        }
        self.commit_transmitter(tx, &connection, &before, &Value::Null).await
    }

    async fn commit_transmitter(
        &self,
        tx: WriteTx,
        connection: &ConnectionRow,
        before: &Value,
        after: &Value,
    ) -> Result<(), AppError> {
        let id = connection.connection_id();
        let event = AuditEvent::new(Action::TransmitterSet, id).before(before.clone()).after(after.clone());
        tx.commit(Audit::of(event), self.now(), &*self.entropy).await?;
        self.keys_of_transmitters.forget(id);
        Ok(())
    }

    async fn transmitter(&self, at: At<'_>, wanted: SetTransmitter) -> Result<TransmitterRow, AppError> {
        let SetTransmitter { issuer, jwks_uri, audience } = wanted;
        let audience = audience.unwrap_or_else(|| self.push_address(at));
        for (what, text) in
            [("issuer", Some(&issuer)), ("jwksUri", jwks_uri.as_ref()), ("audience", Some(&audience))]
        {
            if text.is_some_and(|text| text.trim().is_empty() || text.len() > LONGEST || text.contains('\0'))
            {
                return Err(AppError::Invalid(format!("{what} has 1 to {LONGEST} characters")));
            }
        }
        let jwks_uri = if let Some(given) = jwks_uri {
            let refused = |why: String| AppError::Invalid(format!("jwksUri: {why}"));
            let url = Url::parse(&given).map_err(|error| refused(error.to_string()))?;
            self.egress.check(&url).map_err(|error| refused(error.to_string()))?;
            given
        } else {
            let found = discover_keys(&self.egress, &issuer).await;
            found.map_err(|error| AppError::Invalid(format!("issuer: {error}")))?.to_string()
        };
        let created_at = self.now();
        Ok(TransmitterRow { issuer, jwks_uri, audience, created_at, heard_at: None, verified_at: None })
    }

    fn transmitter_view(&self, at: At<'_>, row: TransmitterRow) -> TransmitterView {
        let TransmitterRow { issuer, jwks_uri, audience, created_at, heard_at, verified_at } = row;
        TransmitterView {
            issuer,
            jwks_uri,
            audience,
            push_uri: self.push_address(at),
            global_token_revocation_uri: self.revocation_address(at),
            created_at,
            heard_at,
            verified_at,
        }
    }
}

/// The connection, held, and who told of its people so far.
async fn held(tx: &mut WriteTx, at: At<'_>) -> Result<(ConnectionRow, Value), AppError> {
    let connection = connections::lock(tx, at.connection).await?.ok_or_else(no_connection)?;
    let before = transmitters::find(tx, connection.connection_id()).await?;
    Ok((connection, shown(before.as_ref())))
}

fn shown(row: Option<&TransmitterRow>) -> Value {
    row.map_or(
        Value::Null,
        |row| json!({"issuer": row.issuer, "jwksUri": row.jwks_uri, "audience": row.audience}),
    )
}

fn no_connection() -> AppError {
    AppError::NotFound("connection")
}

fn missing() -> AppError {
    AppError::NotFound("transmitter of the connection")
}
