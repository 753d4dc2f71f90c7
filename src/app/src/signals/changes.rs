//! What changed in a tenant, for who would rather ask than be told. Knows cursors and patience; keeps nothing about whoever
//! asks.
//!
//! A cursor is a place in the order in which facts left the outbox, sealed for its tenant. It is good for as long as what
//! comes behind it is kept, whichever process is asked.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::id::TenantId;
use domain::signal;
use serde::Serialize;
use serde_json::{Map, Value};
use store::AdminScope;
use store::changes::{self, Behind, ChangeRow};
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::render;
use crate::App;
use crate::error::AppError;

/// How often it is looked while somebody waits.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// From where on somebody wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// From the first change that is kept.
    Nothing,
    /// From now.
    Now,
    /// From where the answer ended that this cursor was in.
    Cursor(String),
}

/// What somebody wants to know.
#[derive(Debug, Clone)]
pub struct ChangesQuery {
    /// From where on.
    pub after: After,
    /// The most changes.
    pub count: i64,
    /// How long to wait for one, if there is none.
    pub wait: Duration,
}

/// Something that changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// Its id, the same in every answer, and the `webhook-id` of the same change.
    pub id: Uuid,
    /// The name of the fact.
    #[serde(rename = "type")]
    #[schema(example = "user.deactivated")]
    pub kind: String,
    /// When it happened.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// What is said of it, as in a webhook: ids, the `tenant` and the `request`.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// Changes, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct Changes {
    /// The changes; none if nothing has changed.
    pub changes: Vec<ChangeView>,
    /// What to give as `after` the next time, also if nothing has changed.
    pub next: String,
    /// Whether there are more now.
    pub more: bool,
}

impl App {
    /// What changed behind a cursor. Waits for something, if so wanted, but not for longer than that.
    ///
    /// # Errors
    /// [`AppError::CursorExpired`] if something behind the cursor is not kept any more, or was never there: then changes may
    /// have been missed.
    pub async fn changes(&self, admin: &AdminScope, query: &ChangesQuery) -> Result<Changes, AppError> {
        let tenant = admin.scope().tenant();
        let mut behind = match &query.after {
            After::Nothing => Behind::Forgotten,
            After::Now => Behind::Last,
            After::Cursor(cursor) => Behind::Place(self.place(tenant, cursor)?),
        };
        let until = Instant::now() + query.wait;
        // Without room nobody is turned away: they are answered at once.
        let room = self.courier.waiting.try_acquire().ok();
        loop {
            let found = self.changes_behind(admin, behind, query.count).await?;
            let waits = room.is_some() && Instant::now() < until && !self.is_ending();
            if !found.rows.is_empty() || !waits {
                return self.told(tenant, found, query.count);
            }
            behind = Behind::Place(found.last);
            tokio::time::sleep(LOOK_EVERY.min(until - Instant::now())).await;
        }
    }

    async fn changes_behind(
        &self,
        admin: &AdminScope,
        behind: Behind,
        count: i64,
    ) -> Result<changes::Changes, AppError> {
        // What one receiver alone is told is nobody else's business.
        let addressed = signal::ADDRESSED.map(|kind| kind.name);
        let mut tx = self.db.read(admin.scope()).await?;
        let found = changes::read(&mut tx, behind, count.saturating_add(1), &addressed).await?;
        tx.finish().await?;
        match behind {
            // A place that is not there yet is of a database that was set back.
            Behind::Place(place) if place < found.forgotten || place > found.last => {
                Err(AppError::CursorExpired)
            }
            _ => Ok(found),
        }
    }

    fn told(&self, tenant: TenantId, found: changes::Changes, count: i64) -> Result<Changes, AppError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let more = found.rows.len() > count;
        let rows: Vec<ChangeRow> = found.rows.into_iter().take(count).collect();
        let end = rows.last().filter(|_| more).map_or(found.last, |row| row.place);
        let change = |row: ChangeRow| ChangeView {
            id: row.id,
            kind: row.fact,
            timestamp: render::timestamp(row.at),
            data: render::data(tenant, row.payload, row.request_id),
        };
        Ok(Changes { changes: rows.into_iter().map(change).collect(), next: self.cursor(tenant, end)?, more })
    }

    fn cursor(&self, tenant: TenantId, place: i64) -> Result<String, AppError> {
        let sealed = self.sealer.seal(&purpose(tenant), &place.to_be_bytes(), &*self.entropy)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Whatever is wrong with a cursor, the answer is the same.
    fn place(&self, tenant: TenantId, cursor: &str) -> Result<i64, AppError> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
        let plain = sealed.and_then(|sealed| self.sealer.open(&purpose(tenant), &sealed).ok());
        let place = plain.and_then(|plain| plain.try_into().ok()).map(i64::from_be_bytes);
        place.ok_or_else(|| AppError::Invalid("after: is not a cursor of this tenant's changes".to_owned()))
    }
}

fn purpose(tenant: TenantId) -> String {
    format!("changes of {tenant}")
}
