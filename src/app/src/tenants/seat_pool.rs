//! The tenant's seats: what was bought, what is used, who waits.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{SeatPoolId, UserId};
use domain::seat::AtLimit;
use serde::{Deserialize, Serialize};
use store::seats::{self, OfInvited, Pool};
use store::{AdminScope, Reads, seat_books};
use utoipa::ToSchema;

use super::SeatCheckView;
use crate::App;
use crate::error::AppError;
use crate::provision::announce_promoted;

/// What happens to those who come when all seats are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SeatLimit {
    /// They are provisioned and wait in line, first come, first served.
    Waitlist,
    /// They are refused, and nothing is kept of them.
    Refuse,
    /// They get a seat beyond what was bought, to be settled later.
    Overage,
}

impl From<SeatLimit> for AtLimit {
    fn from(limit: SeatLimit) -> Self {
        match limit {
            SeatLimit::Waitlist => Self::Waitlist,
            SeatLimit::Refuse => Self::Refuse,
            SeatLimit::Overage => Self::Overage,
        }
    }
}

impl From<AtLimit> for SeatLimit {
    fn from(limit: AtLimit) -> Self {
        match limit {
            AtLimit::Waitlist => Self::Waitlist,
            AtLimit::Refuse => Self::Refuse,
            AtLimit::Overage => Self::Overage,
        }
    }
}

/// What a pool is to be set to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetSeatPool {
    /// Seats bought. Fewer than are used evicts nobody and lets nobody new in.
    #[schema(example = 100, minimum = 0)]
    pub purchased: i32,
    /// What happens at the limit.
    pub at_limit: SeatLimit,
}

/// A pool.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatPoolView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: SeatPoolId,
    /// Seats bought.
    pub purchased: i32,
    /// Seats held.
    pub used: i32,
    /// The most that were ever held at once.
    pub peak: i32,
    /// What happens at the limit.
    pub at_limit: SeatLimit,
    /// Lines of the ledger.
    pub ledger_lines: i64,
    /// Whether counter, holds and ledger say the same.
    pub reconciled: bool,
    /// How the books were compared last; nothing if they never were.
    pub last_check: Option<SeatCheckView>,
    /// Those who wait, in order.
    pub waiting: Vec<WaiterView>,
}

/// Somebody who waits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaiterView {
    /// Who.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl App {
    /// Sets the pool, making it if there is none. People who were active before there was a pool claim their seats in
    /// the order in which they came; more seats promote those who wait.
    pub async fn set_seat_pool(
        &self,
        admin: &AdminScope,
        set: SetSeatPool,
    ) -> Result<SeatPoolView, AppError> {
        if set.purchased < 0 {
            return Err(AppError::Invalid("purchased is 0 or more".to_owned()));
        }
        let now = self.now();
        let fresh = SeatPoolId::generate(now, &*self.entropy);
        let mut tx = self.db.begin(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let counted = policy.blueprint.counts_the_invited();
        let invited = if counted { OfInvited::Counted } else { OfInvited::NotCounted };
        let at_limit = set.at_limit.into();
        let (pool, promoted) = seats::set(&mut tx, fresh, set.purchased, at_limit, invited, now).await?;
        let after =
            serde_json::to_value(pool.state).map_err(|error| AppError::Internal(error.to_string()))?;
        let mut audit = Audit::of(AuditEvent::new(Action::SeatPoolSet, pool.id).after(after));
        audit.extend(announce_promoted(&mut tx, &promoted));
        let view = view(&mut tx, pool).await?;
        tx.commit(audit, now, &*self.entropy).await?;
        Ok(view)
    }

    /// The pool as it is.
    pub async fn show_seat_pool(&self, admin: &AdminScope) -> Result<SeatPoolView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let pool = seats::show(&mut tx).await?.ok_or(AppError::NotFound("seat pool"))?;
        let view = view(&mut tx, pool).await?;
        tx.finish().await?;
        Ok(view)
    }
}

async fn view(tx: &mut impl Reads, pool: Pool) -> Result<SeatPoolView, AppError> {
    let sums = seats::sums(tx).await?;
    let waiting = seats::waiters(tx).await?;
    let last_check = seat_books::last_check(tx).await?;
    let used = i64::from(pool.state.used);
    Ok(SeatPoolView {
        id: pool.id,
        purchased: pool.state.purchased,
        used: pool.state.used,
        peak: pool.peak,
        at_limit: pool.state.at_limit.into(),
        ledger_lines: pool.seq,
        last_check: last_check.map(Into::into),
        reconciled: sums.holds == used && sums.ledger == used && sums.lines == pool.seq,
        waiting: waiting.into_iter().map(|(user, since)| WaiterView { user, since }).collect(),
    })
}
