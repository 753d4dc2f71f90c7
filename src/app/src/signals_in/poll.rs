//! Transmitters that do not push are asked for their security events (RFC 8936). Knows whose turn it is, and what is
//! acknowledged; what a token does, `events` knows.
//!
//! A token is acknowledged when what it ends has ended, or refused with the reason, in the poll after it. A process that dies
//! in between is handed it again, and so is its successor: it counts once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::id::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sso::Secret;
use store::Scope;
use store::connections::{self, ConnectionRow};
use store::transmitters::{self, TransmitterRow};
use url::Url;

use super::transmitters::POLL_TOKEN;
use crate::App;
use crate::error::AppError;

/// How often it is looked whose turn it is.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The most tokens of one answer.
const AT_ONCE: usize = 20;
/// The most answers of one turn.
const MOST_ROUNDS: usize = 50;

/// What is asked (RFC 8936 §2.2).
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    max_events: usize,
    return_immediately: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ack: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    set_errs: BTreeMap<String, serde_json::Value>,
}

/// What is answered (§2.3).
#[derive(Debug, Deserialize)]
struct Answered {
    #[serde(default)]
    sets: BTreeMap<String, String>,
}

impl App {
    /// Asks transmitters for as long as the process lives.
    pub async fn poll_transmitters(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.tenants_to_poll().await {
                Ok(tenants) => {
                    for tenant in tenants {
                        self.runtime.spawn(Arc::clone(&self).poll_in(tenant));
                    }
                }
                Err(error) => tracing::warn!(%error, "Could not look for transmitters to ask"),
            }
        }
    }

    async fn tenants_to_poll(&self) -> Result<Vec<TenantId>, AppError> {
        Ok(transmitters::tenants(self.db.global().await?).await?)
    }

    async fn poll_in(self: Arc<Self>, tenant: TenantId) {
        loop {
            match self.poll_next(tenant).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(tenant.id = %tenant, %error, "Could not ask a transmitter; trying again");
                    return;
                }
            }
        }
    }

    /// Asks the transmitter whose turn it is. Returns whether there was one.
    async fn poll_next(&self, tenant: TenantId) -> Result<bool, AppError> {
        let scope = self.db.enter_to_send(tenant, self.request_id());
        let mut tx = self.db.begin(&scope).await?;
        let Some(connection) = transmitters::take_turn(&mut tx).await? else {
            tx.nothing_changed().await?;
            return Ok(false);
        };
        tx.commit_trace_of_use().await?;
        let asked = self.poll_of(&scope, connection).await;
        let mut tx = self.db.begin(&scope).await?;
        match asked {
            Ok(()) => transmitters::note_asked(&mut tx, connection),
            Err(error) => {
                tracing::warn!(connection.id = %connection, %error, "A transmitter could not be asked");
                transmitters::note_away(&mut tx, connection);
            }
        }
        tx.commit_trace_of_use().await?;
        Ok(true)
    }

    async fn poll_of(&self, scope: &Scope, connection: ConnectionId) -> Result<(), AppError> {
        let mut tx = self.db.read(scope).await?;
        let row = connections::by_id(&mut tx, connection).await?;
        let transmitter = transmitters::find(&mut tx, connection).await?;
        tx.finish().await?;
        let (Some(row), Some(transmitter)) = (row, transmitter) else { return Ok(()) };
        let (Some(address), Some(sealed)) = (&transmitter.poll_address, &transmitter.poll_token_sealed)
        else {
            return Ok(());
        };
        let address = Url::parse(address).map_err(|error| AppError::Internal(error.to_string()))?;
        let token = String::from_utf8(self.sealer.open(POLL_TOKEN, sealed)?);
        let token = Secret::new(token.map_err(|error| AppError::Internal(error.to_string()))?);
        let mut asked = Asked { max_events: AT_ONCE, return_immediately: true, ..Asked::default() };
        for _ in 0..MOST_ROUNDS {
            let answer = self.egress.post_as(&address, &token, &asked).await.map_err(away)?;
            if answer.status != 200 {
                return Err(away(format!("it answered {}", answer.status)));
            }
            let Answered { sets } = answer.json().map_err(away)?;
            if sets.is_empty() {
                return Ok(());
            }
            (asked.ack, asked.set_errs) = self.take_all(scope, &row, &transmitter, sets).await?;
        }
        Ok(())
    }

    /// What is to be acknowledged of these, and what refused.
    async fn take_all(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        transmitter: &TransmitterRow,
        sets: BTreeMap<String, String>,
    ) -> Result<(Vec<String>, BTreeMap<String, serde_json::Value>), AppError> {
        let (mut ack, mut refused) = (Vec::new(), BTreeMap::new());
        for (id, token) in sets {
            match self.take_of(scope, row, transmitter.clone(), &token).await? {
                Ok(()) => ack.push(id),
                Err(refusal) => {
                    let said = json!({"err": refusal.err, "description": refusal.description});
                    refused.insert(id, said);
                }
            }
        }
        Ok((ack, refused))
    }
}

fn away(error: impl std::fmt::Display) -> AppError {
    AppError::Unavailable(format!("a transmitter: {error}"))
}
