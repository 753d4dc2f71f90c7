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
const LONGEST_TOKEN: usize = 8_000;
/// What a token is sealed for.
pub(super) const POLL_TOKEN: &str = "transmitter-poll-token";

/// Where a transmitter that does not push is asked for its tokens (RFC 8936).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PollFrom {
    /// The address.
    #[schema(example = "https://idp.example/ssf/poll/7")]
    pub address: String,
    /// The access token that is shown there. It is kept sealed and never shown.
    pub token: String,
}

impl std::fmt::Debug for PollFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PollFrom").field("address", &self.address).finish_non_exhaustive()
    }
}

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
    /// Where it is asked for its tokens, every few seconds; without it, it pushes them.
    pub poll: Option<PollFrom>,
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
    /// Where it is asked for its tokens.
    pub poll_address: Option<String>,
    /// Since when it cannot be asked.
    pub failing_since: Option<DateTime<Utc>>,
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
        self.commit(tx, Audit::of(event), self.now()).await?;
        self.keys_of_transmitters.forget(id);
        Ok(())
    }

    async fn transmitter(&self, at: At<'_>, wanted: SetTransmitter) -> Result<TransmitterRow, AppError> {
        let SetTransmitter { issuer, jwks_uri, audience, poll } = wanted;
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
        let (poll_address, poll_token_sealed) = match poll {
            Some(poll) => {
                let (address, sealed) = self.poll_from(poll)?;
                (Some(address), Some(sealed))
            }
            None => (None, None),
        };
        Ok(TransmitterRow {
            issuer,
            jwks_uri,
            audience,
            created_at: self.now(),
            heard_at: None,
            verified_at: None,
            poll_address,
            poll_token_sealed,
            failing_since: None,
        })
    }

    fn poll_from(&self, poll: PollFrom) -> Result<(String, Vec<u8>), AppError> {
        let refused = |why: String| AppError::Invalid(format!("poll.address: {why}"));
        let url = Url::parse(&poll.address).map_err(|error| refused(error.to_string()))?;
        self.egress.check(&url).map_err(|error| refused(error.to_string()))?;
        // What cannot stand in a header would fail each time.
        if poll.token.is_empty()
            || poll.token.len() > LONGEST_TOKEN
            || !poll.token.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(AppError::Invalid(format!("poll.token has 1 to {LONGEST_TOKEN} visible characters")));
        }
        let sealed = self.sealer.seal(POLL_TOKEN, poll.token.as_bytes(), &*self.entropy)?;
        Ok((poll.address, sealed))
    }

    fn transmitter_view(&self, at: At<'_>, row: TransmitterRow) -> TransmitterView {
        TransmitterView {
            issuer: row.issuer,
            jwks_uri: row.jwks_uri,
            audience: row.audience,
            push_uri: self.push_address(at),
            global_token_revocation_uri: self.revocation_address(at),
            created_at: row.created_at,
            heard_at: row.heard_at,
            verified_at: row.verified_at,
            poll_address: row.poll_address,
            failing_since: row.failing_since,
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
        |row| json!({
            "issuer": row.issuer, "jwksUri": row.jwks_uri, "audience": row.audience, "pollAddress": row.poll_address,
        }),
    )
}

fn no_connection() -> AppError {
    AppError::NotFound("connection")
}

fn missing() -> AppError {
    AppError::NotFound("transmitter of the connection")
}
