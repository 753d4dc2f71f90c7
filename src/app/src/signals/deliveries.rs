//! What became of deliveries, and making them again. Knows the log; does not know how anything is sent.

use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{ReceiverId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::deliveries::{self, DeliveryRow};
use store::{AdminScope, receivers, signals, tenants};
use utoipa::ToSchema;
use uuid::Uuid;

use super::fan_out;
use crate::App;
use crate::error::AppError;

/// How many facts are read at a time.
const AT_ONCE: i64 = 500;
/// The most deliveries that are made again at once.
const MOST_AGAIN: usize = 100_000;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It waits, or is tried again later.
    Pending,
    /// The receiver has it.
    Done,
    /// It was given up.
    Dead,
}

impl DeliveryState {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    /// The one that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Done, Self::Dead].into_iter().find(|state| state.as_str() == text)
    }
}

/// Which deliveries.
#[derive(Debug, Default)]
pub struct DeliveryQuery {
    /// In this state only.
    pub state: Option<DeliveryState>,
    /// Older than this one.
    pub before: Option<Uuid>,
    /// At most so many, 1 to 200.
    pub limit: i64,
}

/// A delivery.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// Id: the `webhook-id`, or the `jti` of the token. The same however often it is sent.
    pub id: Uuid,
    /// Name of the event.
    #[schema(example = "user.deactivated")]
    pub event: String,
    /// Whom or what it is about.
    pub subject: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was answered, or tried in vain where somebody was there.
    pub attempts: i32,
    /// When it came into the queue.
    pub created_at: DateTime<Utc>,
    /// When it was last tried.
    pub last_at: Option<DateTime<Utc>>,
    /// HTTP status of the last answer.
    pub status: Option<i32>,
    /// How long the last attempt took.
    pub milliseconds: Option<i64>,
    /// What came of it.
    pub outcome: Option<String>,
    /// The beginning of the last answer, without the secrets that were sent.
    pub excerpt: Option<String>,
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            event: row.event,
            subject: row.subject_id,
            state: DeliveryState::parse(&row.state).unwrap_or(DeliveryState::Pending),
            attempts: row.attempts,
            created_at: row.created_at,
            last_at: row.last_at,
            status: row.status,
            milliseconds: row.microseconds.map(|time| time / 1_000),
            outcome: row.outcome,
            excerpt: row.excerpt,
        }
    }
}

/// Which deliveries to make again: the dead letters, or all facts of a time.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplayDeliveries {
    /// Facts from this moment on. Without it, the dead letters.
    pub from: Option<DateTime<Utc>>,
    /// Facts before this moment; without it, before now.
    pub to: Option<DateTime<Utc>>,
}

/// What is made again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// How many deliveries wait again, or for the first time.
    pub deliveries: usize,
}

impl App {
    /// Deliveries to a receiver, newest first.
    pub async fn list_deliveries(
        &self,
        admin: &AdminScope,
        id: ReceiverId,
        query: &DeliveryQuery,
    ) -> Result<Vec<DeliveryView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        receivers::find(&mut tx, id).await?.ok_or(AppError::NotFound("receiver"))?;
        let state = query.state.map(DeliveryState::as_str);
        let rows = deliveries::log(&mut tx, id, state, query.before, query.limit.clamp(1, 200)).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(DeliveryView::from).collect())
    }

    /// Makes deliveries again. They keep their ids, so that a receiver knows them, and their places: what is older goes
    /// first.
    pub async fn replay_deliveries(
        &self,
        admin: &AdminScope,
        id: ReceiverId,
        which: ReplayDeliveries,
    ) -> Result<Replayed, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let receiver = receivers::lock(&mut tx, id).await?.ok_or(AppError::NotFound("receiver"))?;
        if !fan_out::follows(&receiver) {
            return Err(AppError::Conflict("the receiver is disabled, or was not set up yet".to_owned()));
        }
        let (from, to) = (which.from, which.to.unwrap_or(now));
        let mut count = 0_usize;
        match from {
            None if which.to.is_some() => {
                return Err(AppError::Invalid("to: goes with from".to_owned()));
            }
            None => count = usize::try_from(deliveries::revive(&mut tx, id).await?).unwrap_or(usize::MAX),
            Some(from) => {
                let mut behind = -1;
                loop {
                    let facts = signals::between(&mut tx, from, to, behind, AT_ONCE).await?;
                    let Some(last) = facts.last() else { break };
                    behind = last.position;
                    let again: Vec<_> =
                        facts.iter().flat_map(|fact| fan_out::deliveries(&receiver, fact)).collect();
                    count = count.saturating_add(again.len());
                    if count > MOST_AGAIN {
                        return Err(AppError::Invalid(format!(
                            "these are more than {MOST_AGAIN} deliveries; ask for a shorter time"
                        )));
                    }
                    signals::enqueue(&mut tx, again).await?;
                }
            }
        }
        let after = json!({"from": from, "to": from.map(|_| to), "deliveries": count});
        let event = AuditEvent::new(Action::ReceiverReplay, id).after(after);
        self.commit(tx, Audit::of(event), now).await?;
        self.db.announced().note(admin.scope().tenant());
        Ok(Replayed { deliveries: count })
    }

    /// Forgets, in every tenant, facts that were kept for long enough and that nobody waits for. Returns how many.
    pub async fn forget_signals(&self) -> Result<usize, AppError> {
        let mut global = self.db.global().await?;
        let all = tenants::all(&mut global).await?;
        global.finish().await?;
        let mut forgotten = 0_usize;
        for tenant in all {
            forgotten = forgotten.saturating_add(self.forget_signals_of(tenant.tenant_id()).await?);
        }
        Ok(forgotten)
    }

    /// Forgets them in one tenant. Returns how many.
    pub async fn forget_signals_of(&self, tenant: TenantId) -> Result<usize, AppError> {
        let before = self.now() - Duration::days(self.signals.keep_days);
        let mut forgotten = 0_usize;
        loop {
            let scope = self.db.enter_to_send(tenant, self.request_id());
            let mut tx = self.db.begin(&scope).await?;
            let some = signals::forget(&mut tx, before, AT_ONCE).await?;
            tx.commit_trace_of_use().await?;
            forgotten = forgotten.saturating_add(some);
            if some < usize::try_from(AT_ONCE).unwrap_or(usize::MAX) {
                return Ok(forgotten);
            }
        }
    }
}
