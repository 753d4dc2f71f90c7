//! The books of a tenant's seats: each line of the ledger, each month of it, and the nightly look whether all that says how many seats
//! are held says the same. Repairs nothing: what differs is reported, and somebody is to look.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{TenantId, UserId};
use domain::seat::PoolClass;
use domain::seat_months::{Moment, Month, MonthOfSeats, months};
use serde::Serialize;
use serde_json::json;
use store::audit::Outgoing;
use store::seat_books::{self, Checked, Difference, LedgerRow};
use store::{AdminScope, Scope, seat_pools};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::App;
use crate::error::AppError;

/// So often the books are compared by themselves.
const BETWEEN_CHECKS: TimeDelta = TimeDelta::hours(24);
/// The most months of one answer.
const MOST_MONTHS: i32 = 36;

/// Seats at a moment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatMomentView {
    /// So many.
    pub seats: i32,
    /// When first.
    pub at: DateTime<Utc>,
}

impl From<Moment> for SeatMomentView {
    fn from(Moment { seats, at }: Moment) -> Self {
        Self { seats, at }
    }
}

/// A calendar month of the pool.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatMonthView {
    /// The month.
    #[schema(example = "2026-11")]
    pub month: String,
    /// When it began.
    pub from: DateTime<Utc>,
    /// When it ends, or ended.
    pub to: DateTime<Utc>,
    /// Whether it is over.
    pub complete: bool,
    /// Seats held when it began.
    pub at_start: i32,
    /// Seats held when it ended, or now.
    pub at_end: i32,
    /// The most that were held at once.
    pub peak: SeatMomentView,
    /// The most that were held beyond what was bought by then; nothing if that never was.
    pub overage: Option<SeatMomentView>,
    /// Seats bought in the end; nothing if they were not counted yet.
    pub purchased: Option<i32>,
    /// How many were granted.
    pub granted: i64,
    /// How many were released.
    pub released: i64,
}

/// A line of the ledger.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatLedgerLineView {
    /// Its number, without gaps.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// 1 for a seat that was granted, -1 for one that was released.
    pub delta: i16,
    /// Seats held then.
    pub used_after: i32,
    /// Whose seat. They may be gone.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// Why: `claim`, `promotion`, `release`, `adopt`, or `class` where somebody went from one class of seats to another, or needs none.
    #[schema(example = "claim")]
    pub cause: String,
    /// By which request, as in the audit trail.
    pub request_id: Uuid,
}

impl From<LedgerRow> for SeatLedgerLineView {
    fn from(row: LedgerRow) -> Self {
        let LedgerRow { seq, at, delta, used_after, user_id, cause, request_id } = row;
        Self { seq, at, delta, used_after, user: UserId::from_uuid(user_id), cause, request_id }
    }
}

/// Two of the books, or a book and the people, that do not say the same.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatDifferenceView {
    /// In which pool: that of this class, or the common one.
    #[schema(value_type = Option<String>)]
    pub class: PoolClass,
    /// What was compared.
    #[schema(example = "ledger_sum")]
    pub what: String,
    /// What was counted.
    pub counted: i64,
    /// What it should be.
    pub expected: i64,
}

impl From<Difference> for SeatDifferenceView {
    fn from(Difference { class, what, counted, expected }: Difference) -> Self {
        Self { class, what, counted, expected }
    }
}

/// How the books were compared.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatCheckView {
    /// When.
    pub checked_at: DateTime<Utc>,
    /// What differed; nothing if all of them say the same.
    pub differences: Vec<SeatDifferenceView>,
}

impl From<Checked> for SeatCheckView {
    fn from(Checked { at, differences }: Checked) -> Self {
        Self { checked_at: at, differences: differences.into_iter().map(Into::into).collect() }
    }
}

/// Which months.
#[derive(Debug, Clone, Copy)]
pub struct SeatMonthsQuery {
    /// Up to this one; up to the current one without.
    pub until: Option<Month>,
    /// So many, 1 to 36.
    pub count: i32,
    /// Months begin at midnight so many minutes east of UTC.
    pub minutes_east: i32,
}

impl App {
    /// Calendar months of the pool, the newest first.
    pub async fn list_seat_months(
        &self,
        admin: &AdminScope,
        class: &PoolClass,
        query: SeatMonthsQuery,
    ) -> Result<Vec<SeatMonthView>, AppError> {
        let zone = FixedOffset::east_opt(query.minutes_east.saturating_mul(60));
        let zone = zone.ok_or_else(|| AppError::Invalid("there is no such time zone".to_owned()))?;
        if !(1..=MOST_MONTHS).contains(&query.count) {
            return Err(AppError::Invalid(format!("1 to {MOST_MONTHS} months are shown at once")));
        }
        let now = self.now();
        let current = Month::of(now, zone);
        let last = query.until.unwrap_or(current).min(current);
        let first = last.later(1_i32.saturating_sub(query.count));
        let mut tx = self.db.read(admin.scope()).await?;
        let pool = seat_pools::show(&mut tx, class).await?.ok_or(AppError::NotFound("seat pool"))?;
        let books = seat_books::months(&mut tx, pool.id, (first, last), zone).await?;
        tx.finish().await?;
        let all = months((first, last), zone, books.used, (&books.moved, &books.bought));
        let view = |it: MonthOfSeats| {
            let (from, to) = (it.month.begins(zone), it.month.later(1).begins(zone));
            SeatMonthView {
                month: it.month.to_string(),
                from,
                to,
                complete: to <= now,
                at_start: it.at_start,
                at_end: it.at_end,
                peak: it.peak.into(),
                overage: it.overage.map(Into::into),
                purchased: it.purchased,
                granted: it.granted,
                released: it.released,
            }
        };
        Ok(all.into_iter().rev().map(view).collect())
    }

    /// The ledger behind it, after this line.
    pub async fn list_seat_ledger(
        &self,
        admin: &AdminScope,
        class: &PoolClass,
        after: i64,
        most: i64,
    ) -> Result<Vec<SeatLedgerLineView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let pool = seat_pools::show(&mut tx, class).await?.ok_or(AppError::NotFound("seat pool"))?;
        let rows = seat_books::ledger(&mut tx, pool.id, after, most).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Compares the books now.
    pub async fn reconcile_seats(&self, admin: &AdminScope) -> Result<SeatCheckView, AppError> {
        let now = self.now();
        let checked = self.compare_books(admin.scope(), now, now).await?;
        checked.map(Into::into).ok_or(AppError::NotFound("seat pool"))
    }

    /// Compares the books of those tenants whose turn it is. Returns how many had a difference.
    pub async fn reconcile_all_seats(&self) -> Result<usize, AppError> {
        let since = self.now() - BETWEEN_CHECKS;
        let mut differ = 0_usize;
        for tenant in seat_books::tenants(self.db.global().await?, since).await? {
            match self.reconcile_seats_of(tenant).await {
                Ok(true) => differ = differ.saturating_add(1),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(tenant.id = %tenant, %error, "Could not compare the books of the seats");
                }
            }
        }
        Ok(differ)
    }

    /// The same in one tenant, if its turn has come and nobody else has taken it. Returns whether something differs.
    pub async fn reconcile_seats_of(&self, tenant: TenantId) -> Result<bool, AppError> {
        let scope = self.db.enter_to_send(tenant, self.request_id());
        let now = self.now();
        let checked = self.compare_books(&scope, now - BETWEEN_CHECKS, now).await?;
        Ok(checked.is_some_and(|checked| !checked.differences.is_empty()))
    }

    /// Compares the books unless they were compared since then. Nothing if they were, or the tenant counts no seats.
    async fn compare_books(
        &self,
        scope: &Scope,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Checked>, AppError> {
        let mut tx = self.db.begin(scope).await?;
        let pool = seat_pools::all(&mut tx).await?.iter().next().map(|pool| pool.id);
        let turn = pool.is_some() && seat_books::claim_check(&mut tx, since, now).await?;
        let (Some(pool), true) = (pool, turn) else {
            tx.nothing_changed().await?;
            return Ok(None);
        };
        let differences = seat_books::compare(&mut tx).await?.unwrap_or_default();
        seat_books::keep_check(&mut tx, &differences)?;
        if differences.is_empty() {
            tx.commit_trace_of_use().await?;
            return Ok(Some(Checked { at: now, differences }));
        }
        tracing::error!(tenant.id = %scope.tenant(), differences = differences.len(), "The books of the seats differ");
        tx.announce(Outgoing {
            fact: "seat_pool.differs",
            subject_id: pool.to_string(),
            payload: json!({"pool": pool, "differences": differences}),
        });
        let event = AuditEvent::new(Action::SeatPoolDiffer, pool).after(json!({"differences": differences}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(Some(Checked { at: now, differences }))
    }
}
