//! How a directory's client fares. Knows what is worth a warning; counts nothing itself.

use chrono::{DateTime, Duration, Utc};
use domain::id::DirectoryId;
use serde::Serialize;
use store::traffic::{self, SumRow};
use store::{AdminScope, credentials};
use utoipa::ToSchema;
use uuid::Uuid;

use super::read::named;
use crate::App;
use crate::connections::DirectoryDetails;
use crate::error::AppError;

/// A credential that ends within this time is worth a warning.
const SOON: Duration = Duration::days(30);
/// Identity providers come by every hour at least; one that was silent for this long has stopped.
const SILENCE: Duration = Duration::hours(24);
/// More refusals than one request in this many are worth a warning.
const ONE_IN: i64 = 10;
/// A clock this far off makes tokens and times useless.
const CLOCK_OFF: Duration = Duration::minutes(5);
/// Windows begin where the counts of five minutes do.
const COUNTED_BY: i64 = 5 * 60;

/// How a directory's client fares.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryHealth {
    /// What an administrator should look at; nothing if all is well.
    pub warnings: Vec<Warning>,
    /// The directory, its dialect and the leniencies that its client needed.
    pub directory: DirectoryDetails,
    /// When its last request came, as far back as the log goes.
    pub last_request_at: Option<DateTime<Utc>>,
    /// When the last request came that was answered with what it asked for.
    pub last_success_at: Option<DateTime<Utc>>,
    /// By how many milliseconds the client's clock is ahead of ours, where it says its time (`Date`).
    pub clock_ahead_milliseconds: Option<i64>,
    /// What was asked in the last hour.
    pub hour: Traffic,
    /// What was asked in the last 24 hours.
    pub day: Traffic,
    /// Its credentials that are in force, or were until now.
    pub credentials: Vec<CredentialHealth>,
    /// How the log of this process keeps up.
    pub log: LogHealth,
}

/// Something that an administrator should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Warning {
    /// No request ever came, as far back as the log goes.
    NeverUsed,
    /// No request came for 24 hours.
    Silent,
    /// More than one request in ten was refused or failed in the last hour.
    ManyErrors,
    /// Nothing has been answered with what it asked for in the last hour, and something was asked.
    NoSuccess,
    /// No credential is in force.
    NoCredential,
    /// The last credential in force ends within 30 days.
    CredentialEnds,
    /// The client's clock is more than five minutes off.
    ClockOff,
    /// The log had to leave requests out in the last 24 hours.
    LogIncomplete,
}

/// What was asked in some time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Since when: up to five minutes earlier than asked.
    pub since: DateTime<Utc>,
    /// How many requests.
    pub requests: i64,
    /// How many were answered with 4xx.
    pub refused: i64,
    /// How many were answered with 5xx.
    pub failed: i64,
    /// The part that was refused or failed, 0 to 1.
    pub error_rate: f64,
    /// How many the log had to leave out. They are counted here all the same.
    pub unlogged: i64,
    /// The same by kind.
    pub kinds: Vec<KindTraffic>,
}

/// Requests of one kind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KindTraffic {
    /// Which.
    #[schema(example = "user.patch")]
    pub kind: String,
    /// How many.
    pub requests: i64,
    /// How many were answered with 4xx.
    pub refused: i64,
    /// How many were answered with 5xx.
    pub failed: i64,
}

/// A credential of the directory.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialHealth {
    /// Id.
    pub id: Uuid,
    /// Its prefix and last characters.
    pub hint: String,
    /// When it ends; never, if nothing.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last shown (to the minute).
    pub last_used_at: Option<DateTime<Utc>>,
    /// Whether it has ended.
    pub expired: bool,
}

/// How the log of the process that answers keeps up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogHealth {
    /// How many requests wait to be written.
    pub waiting: usize,
    /// When the longest waiting came.
    pub waiting_since: Option<DateTime<Utc>>,
    /// How many this process left out since it began, of all directories.
    pub dropped: u64,
}

impl Traffic {
    fn new(since: DateTime<Utc>, rows: Vec<SumRow>) -> Self {
        let sum = |of: fn(&SumRow) -> i64| rows.iter().map(of).sum::<i64>();
        let (requests, refused, failed) = (sum(|r| r.requests), sum(|r| r.refused), sum(|r| r.failed));
        let unlogged = sum(|row| row.unlogged);
        let kinds = rows.into_iter().map(|row| {
            let SumRow { kind, requests, refused, failed, .. } = row;
            KindTraffic { kind, requests, refused, failed }
        });
        let error_rate = rate(refused + failed, requests);
        Self { since, requests, refused, failed, error_rate, unlogged, kinds: kinds.collect() }
    }
}

/// A part of a whole, to a thousandth.
fn rate(part: i64, whole: i64) -> f64 {
    let thousandths = part.saturating_mul(1_000).checked_div(whole).unwrap_or_default();
    f64::from(i32::try_from(thousandths).unwrap_or(i32::MAX)) / 1_000.0
}

fn window(now: DateTime<Utc>, length: Duration) -> DateTime<Utc> {
    let second = (now - length).timestamp();
    DateTime::from_timestamp(second - second.rem_euclid(COUNTED_BY), 0).unwrap_or(now)
}

impl App {
    /// How a directory's client fares. What this process has taken in is counted first.
    pub async fn directory_health(
        &self,
        admin: &AdminScope,
        slug: &str,
    ) -> Result<DirectoryHealth, AppError> {
        self.journal.settle().await;
        let directory = self.show_directory(admin, slug).await?;
        let now = self.now();
        let mut tx = self.db.read(admin.scope()).await?;
        let id = named(&mut tx, slug).await?;
        let (hour, day) = (window(now, Duration::hours(1)), window(now, Duration::hours(24)));
        let hour = Traffic::new(hour, traffic::sums(&mut tx, id, hour).await?);
        let day = Traffic::new(day, traffic::sums(&mut tx, id, day).await?);
        let last = traffic::last(&mut tx, id).await?;
        let all = credentials::all(&mut tx).await?;
        tx.finish().await?;
        let mut health = DirectoryHealth {
            warnings: Vec::new(),
            directory,
            last_request_at: last.last_at,
            last_success_at: last.last_done_at,
            clock_ahead_milliseconds: last.clock_ahead_ms,
            hour,
            day,
            credentials: of(id, all, now),
            log: self.log_health(),
        };
        health.warnings = warnings(&health, now);
        Ok(health)
    }

    fn log_health(&self) -> LogHealth {
        let state = self.journal_state();
        LogHealth { waiting: state.waiting, waiting_since: state.waiting_since, dropped: state.dropped }
    }
}

fn of(
    directory: DirectoryId,
    all: Vec<credentials::CredentialRow>,
    now: DateTime<Utc>,
) -> Vec<CredentialHealth> {
    let mine = all.into_iter().filter(|row| row.directory_id == Some(directory.as_uuid()));
    mine.filter(|row| row.revoked_at.is_none())
        .map(|row| CredentialHealth {
            id: row.id,
            hint: row.hint,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            expired: row.expires_at.is_some_and(|end| end <= now),
        })
        .collect()
}

fn warnings(health: &DirectoryHealth, now: DateTime<Utc>) -> Vec<Warning> {
    let live: Vec<_> = health.credentials.iter().filter(|credential| !credential.expired).collect();
    let ends = |credential: &CredentialHealth| credential.expires_at.is_some_and(|end| end - now < SOON);
    let errors = health.hour.refused + health.hour.failed;
    let off = health.clock_ahead_milliseconds.unwrap_or_default().saturating_abs();
    [
        (health.last_request_at.is_none(), Warning::NeverUsed),
        (health.last_request_at.is_some_and(|last| now - last > SILENCE), Warning::Silent),
        (errors.saturating_mul(ONE_IN) > health.hour.requests, Warning::ManyErrors),
        (health.hour.requests > 0 && errors == health.hour.requests, Warning::NoSuccess),
        (live.is_empty(), Warning::NoCredential),
        (!live.is_empty() && live.iter().all(|credential| ends(credential)), Warning::CredentialEnds),
        (off > CLOCK_OFF.num_milliseconds(), Warning::ClockOff),
        (health.day.unlogged > 0, Warning::LogIncomplete),
    ]
    .into_iter()
    .filter_map(|(holds, warning)| holds.then_some(warning))
    .collect()
}
