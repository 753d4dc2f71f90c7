//! A stream that is polled (RFC 8936). Knows acknowledgements and what is handed out next; does not know HTTP.
//!
//! A token is handed out until it is acknowledged or refused. A response names its tokens without an order, so it holds one
//! of each person at most: the next one follows when this one is acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use store::deliveries;
use store::receivers::{self, ShownStream};
use tokio::time::Instant;
use uuid::Uuid;

use super::render::{self, Context};
use crate::App;
use crate::error::AppError;
use crate::one_line::one_line;

/// How long a poll that finds nothing waits for something.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The most tokens in a response.
const MOST: i64 = 100;
/// The most acknowledgements and refusals in a request.
const MOST_HEARD: usize = 1_000;
/// The most of a refusal's description that is kept.
const LONGEST_DESCRIPTION: usize = 300;

/// What a receiver says when it polls (RFC 8936 §2.2).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Poll {
    /// The most tokens that it wants; 0 if it only acknowledges.
    pub max_events: Option<i64>,
    /// Whether it wants an answer also when there is nothing.
    #[serde(default)]
    pub return_immediately: bool,
    /// Tokens that it has.
    #[serde(default)]
    pub ack: Vec<String>,
    /// Tokens that it refuses.
    #[serde(default)]
    pub set_errs: BTreeMap<String, SetError>,
}

/// Why a receiver refuses a token (RFC 8936 §2.6).
#[derive(Debug, Deserialize)]
pub struct SetError {
    /// A code.
    pub err: String,
    /// A sentence.
    #[serde(default)]
    pub description: String,
}

/// What it is answered (RFC 8936 §2.3).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Polled {
    /// Tokens by their `jti`.
    pub sets: BTreeMap<String, String>,
    /// Whether there are more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_available: bool,
}

impl App {
    /// Takes note of what a receiver has, and hands out what it has not.
    pub async fn poll_stream(&self, of: &ShownStream, id: &str, poll: Poll) -> Result<Polled, AppError> {
        let mut tx = self.db.read(&of.scope).await?;
        let row = receivers::find(&mut tx, of.id).await?;
        tx.finish().await?;
        let row = row.filter(|row| row.method.as_deref() == Some("poll") && row.id.to_string() == id);
        if row.is_none() {
            return Err(AppError::NotFound("stream"));
        }
        let wanted = poll.max_events.unwrap_or(MOST);
        if wanted < 0 {
            return Err(AppError::Invalid("maxEvents is negative".to_owned()));
        }
        self.hear(of, &poll).await?;
        let began = Instant::now();
        loop {
            let polled = self.hand_out(of, wanted.min(MOST)).await?;
            let waits = !poll.return_immediately && wanted > 0 && began.elapsed() < PATIENCE;
            if !polled.sets.is_empty() || !waits {
                return Ok(polled);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What a receiver has, and what it refuses: a refused one is a dead letter.
    async fn hear(&self, of: &ShownStream, poll: &Poll) -> Result<(), AppError> {
        if poll.ack.len().saturating_add(poll.set_errs.len()) > MOST_HEARD {
            return Err(AppError::Invalid(format!("more than {MOST_HEARD} tokens are acknowledged at once")));
        }
        let mut heard: BTreeMap<Uuid, (&'static str, String)> = BTreeMap::new();
        for (jti, error) in &poll.set_errs {
            let Ok(id) = jti.parse() else { continue };
            let said = format!("The receiver refused it: {} {}", error.err, error.description);
            heard.insert(id, ("dead", one_line(&said, LONGEST_DESCRIPTION)));
        }
        for jti in &poll.ack {
            let Ok(id) = jti.parse() else { continue };
            heard.entry(id).or_insert_with(|| ("done", "The receiver has it.".to_owned()));
        }
        if heard.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin(&of.scope).await?;
        let heard = heard.into_iter().map(|(id, (state, outcome))| (id, state, outcome)).collect();
        deliveries::settle(&mut tx, of.id, heard);
        Ok(tx.commit_trace_of_use().await?)
    }

    async fn hand_out(&self, of: &ShownStream, most: i64) -> Result<Polled, AppError> {
        let mut polled = Polled { sets: BTreeMap::new(), more_available: false };
        let mut tx = self.db.read(&of.scope).await?;
        let Some(row) = receivers::find(&mut tx, of.id).await? else {
            return Err(AppError::NotFound("stream"));
        };
        // Of one that is paused or disabled, only what tells it so.
        let only = (row.status != "enabled").then(|| row.id.to_string());
        let lanes = deliveries::lanes(&mut tx, of.id, most.saturating_add(1), only).await?;
        let room = usize::try_from(most).unwrap_or(0);
        polled.more_available = lanes.len() > room;
        let lanes: Vec<String> = lanes.into_iter().take(room).collect();
        // The second of a lane only tells that there is more.
        let heads = deliveries::heads(&mut tx, of.id, lanes, 2).await?;
        tx.finish().await?;
        let issuer = self.issuer();
        let context = Context { tenant: of.scope.tenant(), issuer: &issuer };
        let (key, now) = (self.set_key()?, self.now());
        let audience = row.audience.as_deref().unwrap_or_default();
        let mut given = BTreeSet::new();
        for due in &heads {
            if !given.insert(due.subject_id.as_str()) {
                polled.more_available = true;
                continue;
            }
            if let Some(claims) = render::token(&context, due, audience, now) {
                polled.sets.insert(due.id.to_string(), key.sign(claims));
            }
        }
        Ok(polled)
    }
}
