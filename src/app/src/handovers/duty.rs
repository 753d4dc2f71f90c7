//! What is done about handovers without anybody asking: the product is told when it is time, and again until it has answered. Knows
//! whose turn it is.
//!
//! A turn is taken in the transaction that tells: of several processes one tells, and one that dies has told nothing.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::TenantId;
use serde_json::json;
use store::audit::Outgoing;
use store::handovers::{self, HandoverRow, Patience};
use store::{WriteTx, people};

use super::{event, fail, payload, unsuited};
use crate::App;
use crate::error::AppError;

/// How often it is looked for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The most that one transaction tells.
const AT_ONCE: i64 = 100;
/// A minute, doubled up to six hours; so often is about a day.
const PATIENCE: Patience = Patience { first: 60, longest: 21_600 };
const MOST_ATTEMPTS: i32 = 12;

impl App {
    /// Tells products what is to be handed over for as long as the process lives.
    pub async fn keep_handovers(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.tenants_with_handovers().await {
                Ok(due) => {
                    for tenant in due {
                        if let Err(error) = self.tell_handovers(tenant).await {
                            tracing::warn!(tenant.id = %tenant, %error, "Could not tell what is to be handed over; trying again");
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "Could not look for what is to be handed over"),
            }
        }
    }

    async fn tenants_with_handovers(&self) -> Result<Vec<TenantId>, AppError> {
        Ok(handovers::tenants(self.db.global().await?, self.now()).await?)
    }

    /// Tells a tenant's product what is to be handed over by now.
    pub async fn tell_handovers(&self, tenant: TenantId) -> Result<(), AppError> {
        loop {
            let scope = self.db.enter_to_send(tenant, self.request_id());
            let now = self.now();
            let mut tx = self.db.begin(&scope).await?;
            let mut events = Vec::new();
            for row in handovers::take(&mut tx, AT_ONCE, PATIENCE, now).await? {
                events.push(tell(&mut tx, row, now).await?);
            }
            let Some(audit) = Audit::from_events(events) else { return Ok(tx.nothing_changed().await?) };
            self.commit(tx, audit, now).await?;
        }
    }
}

async fn tell(tx: &mut WriteTx, row: HandoverRow, now: DateTime<Utc>) -> Result<AuditEvent, AppError> {
    if row.attempts > MOST_ATTEMPTS {
        let because = format!("the product was told {MOST_ATTEMPTS} times and has not answered");
        return Ok(fail(tx, row, because, now).await?.1);
    }
    if let Some(to) = row.receiver() {
        let receiver = people::find(tx, to).await?;
        if let Some(why) = unsuited(receiver.as_ref(), row.user(), &row.place()?) {
            return Ok(fail(tx, row, why.to_owned(), now).await?.1);
        }
    }
    let payload = payload(&row, [("to", json!(row.receiver_id)), ("attempt", json!(row.attempts))])?;
    tx.announce(Outgoing { fact: "handover.due", subject_id: row.user().to_string(), payload });
    event(Action::HandoverDue, &row)
}
