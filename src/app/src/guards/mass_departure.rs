//! Many departures through one directory within an hour. By default that raises an alarm and nothing else; a tenant may
//! want the further ones held until an administrator has looked. Who leaves alone is never held.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::audit::{Action, Actor, Audit, AuditEvent};
use domain::id::{DirectoryId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::audit::Outgoing;
use store::guards::{self, Counted, Watch, WatchRow};
use store::users::{self, Groups, LockedUser};
use store::{AdminScope, WriteTx, directories};
use utoipa::ToSchema;

use super::DepartureKind;
use crate::App;
use crate::error::AppError;

/// Departures count for so long.
const WINDOW: TimeDelta = TimeDelta::hours(1);
/// A departure that was held is forgotten after this long.
const HELD_FOR: TimeDelta = TimeDelta::hours(72);
/// Departures that count no more are forgotten with the first of an hour, and with each so manyth.
const CLEARED_AFTER: i64 = 64;
/// When there are more rows of the hour they become one for each minute, so that counting them costs about the same however
/// many go.
const MOST_ROWS: i64 = 128;
/// How many more rows until somebody tries again, if others go at the same time.
const FOLDED_AFTER: i64 = 16;
/// What a directory without a setting of its own has.
const AT_LEAST: i32 = 10;
const PERCENT: i32 = 5;

/// What happens when a directory shuts out more than its limit within an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MassGuardMode {
    /// An alarm; everybody is shut out as the directory says.
    Alert,
    /// An alarm, and those beyond the limit wait for an administrator.
    Hold,
}

/// How a directory is to be watched. The limit is the larger of the two numbers.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetMassGuard {
    /// What happens beyond the limit.
    pub mode: MassGuardMode,
    /// So many may go within an hour in any case.
    #[schema(minimum = 1, maximum = 1_000_000, example = 10)]
    pub at_least: i32,
    /// And so many of a hundred of the directory's active people.
    #[schema(minimum = 0, maximum = 100, example = 5)]
    pub percent: i32,
}

impl MassGuardMode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Hold => "hold",
        }
    }
}

/// A directory's setting, with what is so by default.
pub(super) struct Setting {
    pub(super) mode: MassGuardMode,
    pub(super) at_least: i32,
    pub(super) percent: i32,
}

impl Setting {
    pub(super) fn of(row: &WatchRow) -> Self {
        let hold = row.mode.as_deref() == Some(MassGuardMode::Hold.as_str());
        Self {
            mode: if hold { MassGuardMode::Hold } else { MassGuardMode::Alert },
            at_least: row.at_least.unwrap_or(AT_LEAST),
            percent: row.percent.unwrap_or(PERCENT),
        }
    }

    /// The most of so many people who may go within the hour.
    pub(super) fn limit(&self, people: i64) -> i64 {
        let share = people.saturating_mul(i64::from(self.percent)) / 100;
        share.max(i64::from(self.at_least))
    }
}

/// When departures that still count may have begun.
pub(super) fn since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - WINDOW
}

/// How many people each directory had when its departures began to be many: counting a large one each time would cost
/// more than shutting somebody out.
#[derive(Debug, Default)]
pub(crate) struct PeopleCounts(Mutex<HashMap<(TenantId, DirectoryId), Arc<PeopleCount>>>);

/// How many people one directory had.
#[derive(Debug, Default)]
struct PeopleCount {
    /// How many, and when they were counted.
    last: Mutex<Option<(DateTime<Utc>, i64)>>,
    /// Whoever counts them holds this.
    turn: tokio::sync::Mutex<()>,
}

/// Enough directories at once for one process.
const MOST: usize = 10_000;

impl PeopleCounts {
    async fn of(&self, tx: &mut WriteTx, of: DirectoryId, now: DateTime<Utc>) -> Result<i64, AppError> {
        let count = self.count(tx.scope().tenant(), of);
        Ok(count.in_time(now, || guards::active_people(tx, of)).await?)
    }

    fn count(&self, tenant: TenantId, of: DirectoryId) -> Arc<PeopleCount> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant, of);
        if counts.len() >= MOST && !counts.contains_key(&key) {
            counts.clear();
        }
        Arc::clone(counts.entry(key).or_default())
    }
}

impl PeopleCount {
    fn last(&self) -> MutexGuard<'_, Option<(DateTime<Utc>, i64)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, now: DateTime<Utc>) -> Option<i64> {
        self.last().filter(|(at, _)| now - *at < WINDOW).map(|(_, people)| people)
    }

    /// The number of this hour. Of those who ask at the same moment one counts; the others go by the last number, or wait for the
    /// first.
    async fn in_time<E, Counted>(&self, now: DateTime<Utc>, count: impl FnOnce() -> Counted) -> Result<i64, E>
    where
        Counted: Future<Output = Result<i64, E>>,
    {
        if let Some(people) = self.fresh(now) {
            return Ok(people);
        }
        let turn = self.turn.try_lock();
        if let (Err(_another), Some((_, people))) = (&turn, *self.last()) {
            return Ok(people);
        }
        let _turn = match turn {
            Ok(turn) => turn,
            Err(_another) => self.turn.lock().await,
        };
        if let Some(people) = self.fresh(now) {
            return Ok(people);
        }
        let people = count().await?;
        *self.last() = Some((now, people));
        Ok(people)
    }
}

/// Whether departures by whoever acts here are watched.
fn is_watched(tx: &WriteTx) -> bool {
    matches!(tx.scope().actor(), Actor::Directory { .. })
}

/// Locks somebody who will leave, as far as can be said before, and looks in the same flight how their directory is watched.
pub(crate) async fn lock_leaver(
    app: &App,
    tx: &mut WriteTx,
    directory: DirectoryId,
    user: UserId,
    groups: Groups,
) -> Result<Option<(LockedUser, Option<WatchRow>)>, AppError> {
    if !is_watched(tx) {
        return Ok(users::lock(tx, directory, user, groups).await?.map(|locked| (locked, None)));
    }
    Ok(users::lock_and_watch(tx, directory, user, groups, since(app.now())).await?)
}

/// Notes that a directory lets a locked person go, before that is written. Where the departure is to be held this commits
/// that instead, and refuses the request. How the directory is watched is asked, unless it is known since they were locked.
pub(crate) async fn depart(
    app: &App,
    mut tx: WriteTx,
    directory: DirectoryId,
    user: UserId,
    (kind, watched): (DepartureKind, Option<WatchRow>),
) -> Result<(WriteTx, Vec<AuditEvent>), AppError> {
    if !is_watched(&tx) {
        return Ok((tx, Vec::new()));
    }
    let now = app.now();
    let row = match watched {
        None => guards::watch_who_goes(&mut tx, directory, user, since(now)).await?,
        watched => watched,
    };
    let row = row.ok_or(AppError::NotFound("directory"))?;
    let setting = Setting::of(&row);
    let going = row.departures().unwrap_or_default().saturating_add(1);
    let mut events = Vec::new();
    if going > i64::from(setting.at_least) {
        let limit = setting.limit(app.people_counts.of(&mut tx, directory, now).await?);
        if going > limit {
            events.extend(alarm(&mut tx, directory, &row, &setting, limit, now).await?);
            if setting.mode == MassGuardMode::Hold {
                return Err(hold(app, tx, directory, user, kind, events, limit).await?);
            }
        }
    }
    if row.departures().is_some_and(|went| went % CLEARED_AFTER == 0) {
        guards::forget_departures(&mut tx, directory, since(now) - WINDOW);
    }
    if row.rows().is_some_and(|rows| rows > MOST_ROWS && rows % FOLDED_AFTER == 0) {
        guards::fold_departures(&mut tx, directory, since(now));
    }
    guards::depart(&mut tx, directory, user, &row, now);
    Ok((tx, events))
}

/// One alarm an hour.
async fn alarm(
    tx: &mut WriteTx,
    directory: DirectoryId,
    row: &WatchRow,
    setting: &Setting,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Option<AuditEvent>, AppError> {
    if row.alarmed_at.is_some_and(|at| at > since(now)) {
        return Ok(None);
    }
    let Setting { mode, at_least, percent } = *setting;
    let watch = Watch { mode: mode.as_str().to_owned(), at_least, percent };
    if !guards::alarm(tx, directory, &watch, now, since(now)).await? {
        return Ok(None);
    }
    tracing::warn!(directory.id = %directory, limit, "A directory shuts out more people within an hour than its limit");
    tx.announce(Outgoing {
        fact: "directory.alarm",
        subject_id: directory.to_string(),
        payload: json!({"directory": directory, "limit": limit, "mode": mode}),
    });
    Ok(Some(AuditEvent::new(Action::DirectoryAlarm, directory).after(json!({"limit": limit, "mode": mode}))))
}

/// Holds a departure, for good, and says so to whoever wanted it.
async fn hold(
    app: &App,
    mut tx: WriteTx,
    directory: DirectoryId,
    user: UserId,
    kind: DepartureKind,
    events: Vec<AuditEvent>,
    limit: i64,
) -> Result<AppError, AppError> {
    let now = app.now();
    let expires_at = now + HELD_FOR;
    guards::hold(&mut tx, directory, user, kind.as_str(), now, expires_at).await?;
    tx.announce(Outgoing {
        fact: "user.departure_held",
        subject_id: user.to_string(),
        payload: json!({"user": user, "directory": directory, "kind": kind}),
    });
    let event = AuditEvent::new(Action::UserHold, user).after(json!({"kind": kind, "expiresAt": expires_at}));
    let mut audit = Audit::of(event);
    audit.extend(events);
    app.commit(tx, audit, now).await?;
    Ok(AppError::Held { limit })
}

impl App {
    /// Sets how a directory is watched.
    pub async fn set_mass_guard(
        &self,
        admin: &AdminScope,
        slug: &str,
        set: SetMassGuard,
    ) -> Result<super::DirectoryGuard, AppError> {
        if !(1..=1_000_000).contains(&set.at_least) || !(0..=100).contains(&set.percent) {
            return Err(AppError::Invalid("atLeast is from 1 to 1000000, percent from 0 to 100".to_owned()));
        }
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = directories::lock(&mut tx, slug).await?.ok_or(AppError::NotFound("directory"))?;
        let id = DirectoryId::from_uuid(row.id);
        let before = guards::watch(&mut tx, id, since(now), Counted::All)
            .await?
            .ok_or(AppError::NotFound("directory"))?;
        let was = Setting::of(&before);
        let watch =
            Watch { mode: set.mode.as_str().to_owned(), at_least: set.at_least, percent: set.percent };
        guards::set_watch(&mut tx, id, &watch).await?;
        let after = guards::watch(&mut tx, id, since(now), Counted::All)
            .await?
            .ok_or(AppError::NotFound("directory"))?;
        let told = |mode: MassGuardMode, at_least: i32, percent: i32| json!({"massGuard": {"mode": mode, "atLeast": at_least, "percent": percent}});
        let event = AuditEvent::new(Action::DirectoryUpdate, id)
            .before(told(was.mode, was.at_least, was.percent))
            .after(told(set.mode, set.at_least, set.percent));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(super::overview::directory_guard(row.slug, &after, now))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::sync::Notify;

    use super::*;

    #[test]
    fn the_limit_is_the_larger_of_the_two_numbers_and_never_less_than_one() {
        let limit = |at_least, percent, people| {
            Setting { mode: MassGuardMode::Alert, at_least, percent }.limit(people)
        };

        assert_eq!(limit(10, 5, 100), 10);
        assert_eq!(limit(10, 5, 1_000), 50);
        assert_eq!(limit(1, 0, 1_000_000), 1);
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    /// Asks, and counts so many as soon as `counted` says so.
    async fn ask(count: &PeopleCount, now: DateTime<Utc>, people: i64, counted: &Notify) -> i64 {
        let slowly = || async {
            counted.notified().await;
            Ok::<_, Infallible>(people)
        };
        count.in_time(now, slowly).await.unwrap()
    }

    #[tokio::test]
    async fn of_those_who_ask_at_the_same_moment_one_counts_and_the_others_wait_for_it() {
        let (count, counted, never) = (PeopleCount::default(), Notify::new(), Notify::new());

        let (first, second, third, ()) = tokio::join!(
            ask(&count, at(0), 7, &counted),
            ask(&count, at(0), 8, &never),
            ask(&count, at(0), 9, &never),
            async { counted.notify_one() },
        );

        assert_eq!((first, second, third), (7, 7, 7));
    }

    #[tokio::test]
    async fn while_one_counts_anew_the_others_go_by_the_last_number() {
        let (count, counted, never) = (PeopleCount::default(), Notify::new(), Notify::new());
        counted.notify_one();
        assert_eq!(ask(&count, at(0), 7, &counted).await, 7);

        let (first, second) = tokio::join!(ask(&count, at(60), 5, &counted), async {
            let second = ask(&count, at(60), 9, &never).await;
            counted.notify_one();
            second
        });

        assert_eq!((first, second), (5, 7));
        assert_eq!(ask(&count, at(61), 9, &never).await, 5);
    }

    #[tokio::test]
    async fn whoever_fails_to_count_leaves_it_to_the_next() {
        let (count, counted) = (PeopleCount::default(), Notify::new());
        let failed = count.in_time(at(0), || async { Err::<i64, _>("no answer") }).await;
        counted.notify_one();

        assert_eq!(failed, Err("no answer"));
        assert_eq!(ask(&count, at(0), 7, &counted).await, 7);
    }
}
