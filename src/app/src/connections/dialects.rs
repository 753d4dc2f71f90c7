//! How directories' clients speak: looked up once in a while, recognised once, counted in batches. Knows when the database
//! is asked; what a dialect grants, and who speaks it, the SCIM engine knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{DirectoryId, TenantId};
use scim::dialect::{Clues, Dialect, Leniencies, Leniency, Profile, Setting, by_uses};
use serde_json::json;
use store::dialects::{self, DialectRow, UseRow};
use store::{DirectoryScope, WriteTx};

use crate::App;
use crate::error::AppError;

/// A change made by another process is heard within this time; one of this process at once.
const HEARD_FOR: Duration = Duration::seconds(10);
/// Uses wait this long, so that a request pays for writing them once a minute at most.
const KEPT_EVERY: Duration = Duration::minutes(1);
/// Beyond this many directories, those that nothing waits for are forgotten.
const MOST_KNOWN: usize = 10_000;

/// What a client was recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// What it calls itself.
    Client,
    /// How its requests are written.
    Requests,
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Requests => "requests",
        }
    }
}

type Key = (TenantId, DirectoryId);

/// What this process remembers of directories.
#[derive(Default)]
pub(crate) struct Dialects(Mutex<HashMap<Key, Known>>);

struct Known {
    heard: Heard,
    since: DateTime<Utc>,
    /// What was needed since the dialect was set: kept and waiting.
    uses: BTreeMap<Leniency, u64>,
    waiting: Waiting,
    /// Who to write it as.
    scope: DirectoryScope,
    kept_at: DateTime<Utc>,
}

/// Uses that are not written yet, and when the last was.
type Waiting = BTreeMap<Leniency, (u64, DateTime<Utc>)>;

/// How a directory is to be read now.
#[derive(Debug, Clone, Copy)]
struct Heard {
    setting: Setting,
    set_at: DateTime<Utc>,
    detected: Option<(Profile, By)>,
    /// Who it seems to be, while nobody was recognised.
    guess: Option<Profile>,
}

impl Heard {
    fn read(row: &DialectRow) -> Result<Self, AppError> {
        let unknown =
            || AppError::Internal("the directory has a dialect that this version does not know".to_owned());
        let detected = match (&row.detected_dialect, row.detected_by.as_deref()) {
            (Some(name), by) => {
                let by = if by == Some("client") { By::Client } else { By::Requests };
                Some((Profile::parse(name).ok_or_else(unknown)?, by))
            }
            _ => None,
        };
        let setting = Setting::parse(&row.dialect).ok_or_else(unknown)?;
        Ok(Self { setting, set_at: row.dialect_set_at, detected, guess: None })
    }

    fn dialect(self) -> Dialect {
        match (self.setting, self.detected) {
            (Setting::Named(profile), _) | (Setting::Auto, Some((profile, _))) => Dialect::of(profile),
            (Setting::Auto, None) => Dialect::undetected(),
        }
    }

    /// Who the client turns out to be, where that is news. A name outweighs a guess; nothing outweighs a name.
    fn recognise(self, clues: Clues<'_>) -> Option<(Profile, By)> {
        if self.setting != Setting::Auto || matches!(self.detected, Some((_, By::Client))) {
            return None;
        }
        match (clues.profile(), self.detected) {
            (Some(named), _) => Some((named, By::Client)),
            (None, None) => self.guess.map(|guessed| (guessed, By::Requests)),
            (None, Some(_)) => None,
        }
    }
}

impl Dialects {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self, directory: &DirectoryScope, now: DateTime<Utc>) -> Option<Heard> {
        let all = self.all();
        let known = all.get(&key(directory)).filter(|known| now - known.since < HEARD_FOR)?;
        Some(known.now())
    }

    fn learn(
        &self,
        directory: &DirectoryScope,
        heard: Heard,
        kept: BTreeMap<Leniency, u64>,
        now: DateTime<Utc>,
    ) -> Heard {
        let mut all = self.all();
        if all.len() >= MOST_KNOWN {
            all.retain(|_, known| !known.waiting.is_empty());
        }
        let (waiting, kept_at) = match all.remove(&key(directory)) {
            Some(known) if known.heard.set_at == heard.set_at => (known.waiting, known.kept_at),
            _ => (Waiting::new(), now - KEPT_EVERY),
        };
        let mut uses = kept;
        for (leniency, (times, _)) in &waiting {
            let known = uses.entry(*leniency).or_default();
            *known = known.saturating_add(*times);
        }
        let known = Known { heard, since: now, uses, waiting, scope: directory.clone(), kept_at };
        let heard = known.now();
        all.insert(key(directory), known);
        heard
    }

    fn note(&self, directory: &DirectoryScope, used: Leniencies, now: DateTime<Utc>) {
        let mut all = self.all();
        let Some(known) = all.get_mut(&key(directory)) else { return };
        for leniency in used.iter() {
            let times = known.uses.entry(leniency).or_default();
            *times = times.saturating_add(1);
            let (times, last) = known.waiting.entry(leniency).or_insert((0, now));
            *times = times.saturating_add(1);
            *last = now;
        }
    }

    /// What is to be written now.
    fn due(&self, directory: &DirectoryScope, now: DateTime<Utc>) -> Waiting {
        match self.all().get_mut(&key(directory)) {
            Some(known) if now - known.kept_at >= KEPT_EVERY && !known.waiting.is_empty() => {
                known.kept_at = now;
                std::mem::take(&mut known.waiting)
            }
            _ => Waiting::new(),
        }
    }

    fn put_back(&self, key: Key, waiting: Waiting) {
        if let Some(known) = self.all().get_mut(&key) {
            for (leniency, (times, last)) in waiting {
                let (sum, latest) = known.waiting.entry(leniency).or_insert((0, last));
                *sum = sum.saturating_add(times);
                *latest = last.max(*latest);
            }
        }
    }

    /// What waits to be written of one directory, whether it is time or not.
    pub(super) fn take(&self, key: Key) -> Vec<UseRow> {
        self.all().get_mut(&key).map(|known| rows(&std::mem::take(&mut known.waiting))).unwrap_or_default()
    }

    /// The next request asks the database again.
    pub(super) fn forget(&self, key: Key) {
        self.all().remove(&key);
    }
}

impl Known {
    fn now(&self) -> Heard {
        let open = self.heard.setting == Setting::Auto && self.heard.detected.is_none();
        let uses = self.uses.iter().map(|(leniency, times)| (*leniency, *times));
        Heard { guess: if open { by_uses(uses) } else { None }, ..self.heard }
    }
}

fn key(directory: &DirectoryScope) -> Key {
    (directory.scope().tenant(), directory.directory())
}

fn rows(waiting: &Waiting) -> Vec<UseRow> {
    let row = |(leniency, (times, last)): (&Leniency, &(u64, DateTime<Utc>))| UseRow {
        leniency: leniency.as_str().to_owned(),
        uses: i64::try_from(*times).unwrap_or(i64::MAX),
        last_used_at: *last,
    };
    let mut rows: Vec<UseRow> = waiting.iter().map(row).collect();
    rows.sort_by(|a, b| a.leniency.cmp(&b.leniency));
    rows
}

impl App {
    /// How a request of a directory's client is to be read. Recognises the client where that is asked for.
    pub async fn dialect(&self, directory: &DirectoryScope, clues: Clues<'_>) -> Result<Dialect, AppError> {
        let now = self.now();
        let mut heard = match self.dialects.heard(directory, now) {
            Some(heard) => heard,
            None => self.look_up_dialect(directory, now).await?,
        };
        if let Some(found) = heard.recognise(clues) {
            heard = self.keep_recognised(directory, heard, found, now).await?;
        }
        self.keep_uses(directory, self.dialects.due(directory, now)).await;
        Ok(heard.dialect())
    }

    /// Counts what reading a request took. It is written later, with what else was counted meanwhile.
    pub fn note_leniencies(&self, directory: &DirectoryScope, used: Leniencies) {
        self.dialects.note(directory, used, self.now());
    }

    /// Writes what was counted and waits, before the process ends.
    pub async fn keep_all_uses(&self) {
        let waiting: Vec<(DirectoryScope, Waiting)> = self
            .dialects
            .all()
            .values_mut()
            .map(|known| (known.scope.clone(), std::mem::take(&mut known.waiting)))
            .collect();
        for (directory, waiting) in waiting {
            self.keep_uses(&directory, waiting).await;
        }
    }

    async fn look_up_dialect(
        &self,
        directory: &DirectoryScope,
        now: DateTime<Utc>,
    ) -> Result<Heard, AppError> {
        let mut tx = self.db.read(directory.scope()).await?;
        let row = dialects::of(&mut tx, directory.directory()).await?.ok_or(AppError::Unauthorized)?;
        let uses = dialects::uses(&mut tx, directory.directory()).await?;
        tx.finish().await?;
        let kept = uses.iter().filter_map(|row| {
            Some((Leniency::parse(&row.leniency)?, u64::try_from(row.uses).unwrap_or_default()))
        });
        Ok(self.dialects.learn(directory, Heard::read(&row)?, kept.collect(), now))
    }

    /// Keeps who the client turned out to be. Whoever was faster is right: then it is looked up.
    async fn keep_recognised(
        &self,
        directory: &DirectoryScope,
        heard: Heard,
        (profile, by): (Profile, By),
        now: DateTime<Utc>,
    ) -> Result<Heard, AppError> {
        let mut tx = self.db.begin(directory.scope()).await?;
        let found = (profile.as_str(), by.as_str());
        if dialects::detect(&mut tx, directory.directory(), heard.set_at, found, now).await? {
            let before = heard.detected.map(|(profile, _)| profile.as_str());
            let event = AuditEvent::new(Action::DirectoryUpdate, directory.directory())
                .before(json!({"detectedDialect": before}))
                .after(json!({"detectedDialect": found.0, "detectedBy": found.1}));
            self.commit(tx, Audit::of(event), now).await?;
            tracing::info!(
                directory.id = %directory.directory(), dialect = found.0, by = found.1,
                "Recognised the client of a directory"
            );
        } else {
            tx.nothing_changed().await?;
        }
        self.look_up_dialect(directory, now).await
    }

    /// Counting must not cost anybody their request: what cannot be written waits.
    async fn keep_uses(&self, directory: &DirectoryScope, waiting: Waiting) {
        if waiting.is_empty() {
            return;
        }
        let kept = async {
            let mut tx: WriteTx = self.db.begin(directory.scope()).await?;
            dialects::count(&mut tx, directory.directory(), &rows(&waiting)).await?;
            tx.commit_trace_of_use().await
        };
        if let Err(error) = kept.await {
            tracing::warn!(directory.id = %directory.directory(), %error, "Cannot keep the uses of leniencies");
            self.dialects.put_back(key(directory), waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(setting: Setting, detected: Option<(Profile, By)>, guess: Option<Profile>) -> Heard {
        Heard { setting, set_at: DateTime::UNIX_EPOCH, detected, guess }
    }

    const OKTA: Clues<'static> = Clues { agent: Some("Okta SCIM Client 1.0.0"), query: "" };
    const NOBODY: Clues<'static> = Clues { agent: Some("curl/8"), query: "" };

    #[test]
    fn a_name_outweighs_a_guess_and_nothing_a_name() {
        let (okta, entra) = (Profile::Okta, Profile::Entra);
        let auto = |detected, guess| heard(Setting::Auto, detected, guess);

        assert_eq!(auto(None, None).recognise(OKTA), Some((okta, By::Client)));
        assert_eq!(auto(None, Some(entra)).recognise(OKTA), Some((okta, By::Client)));
        assert_eq!(auto(None, Some(entra)).recognise(NOBODY), Some((entra, By::Requests)));
        assert_eq!(auto(None, None).recognise(NOBODY), None);
        assert_eq!(auto(Some((entra, By::Requests)), None).recognise(OKTA), Some((okta, By::Client)));
        assert_eq!(auto(Some((entra, By::Requests)), None).recognise(NOBODY), None);
        assert_eq!(auto(Some((entra, By::Client)), None).recognise(OKTA), None);
        assert_eq!(heard(Setting::Named(Profile::Rfc), None, Some(entra)).recognise(OKTA), None);
    }

    #[test]
    fn what_was_said_is_read_and_otherwise_what_was_recognised() {
        let entra = Some((Profile::Entra, By::Requests));

        assert_eq!(heard(Setting::Named(Profile::Rfc), entra, None).dialect().as_str(), "rfc");
        assert_eq!(heard(Setting::Auto, entra, None).dialect().as_str(), "entra");
        assert_eq!(heard(Setting::Auto, None, Some(Profile::Entra)).dialect().as_str(), "auto");
    }
}
