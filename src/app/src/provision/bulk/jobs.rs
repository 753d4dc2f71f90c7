//! Bulk requests that are done after they were answered (`Prefer: respond-async`, RFC 7240). Knows who works on one and what
//! becomes of it when a process dies; does not know what the operations do.
//!
//! Whoever accepts a job begins with it; a process that starts takes up what others left, and so does one that is asked for
//! the result of a job that nobody holds.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::id::{BulkJobId, TenantId};
use scim::bulk::BulkRequest;
use scim::dialect::{Dialect, Setting};
use serde_json::Value;
use store::DirectoryScope;
use store::bulk_jobs::{self, Bounds, HeldJob, JobState, NewJob};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{BulkVoice, Work};
use crate::App;
use crate::error::AppError;

/// Under way or waiting at once, of one directory; and results that are kept.
const BOUNDS: Bounds = Bounds { open: 4, done: 100 };
/// A result is kept for this long.
const KEPT_FOR: chrono::Duration = chrono::Duration::hours(24);
/// A job is held for this long at a time, so that is how long the next process waits for one that died.
pub(super) const HELD_FOR: Duration = Duration::from_secs(30);
/// Jobs under way in this process at once.
const AT_ONCE: usize = 2;

/// The jobs that this process has to do.
pub(crate) struct Jobs {
    here: Mutex<HashSet<BulkJobId>>,
    turns: Semaphore,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { here: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Jobs {
    fn here(&self) -> MutexGuard<'_, HashSet<BulkJobId>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a job is here, until it is dropped.
struct Here {
    app: Arc<App>,
    job: BulkJobId,
}

impl Drop for Here {
    fn drop(&mut self) {
        self.app.jobs.here().remove(&self.job);
    }
}

impl App {
    /// Keeps a bulk request that is to be done after the answer. It has been read once and makes sense.
    pub async fn accept_bulk(
        &self,
        directory: &DirectoryScope,
        body: &Value,
        dialect: &Dialect,
        base: &str,
    ) -> Result<BulkJobId, AppError> {
        let now = self.now();
        let id = BulkJobId::generate(now, &*self.entropy);
        let body_sealed = self.sealer.seal(&purpose(id), body.to_string().as_bytes(), &*self.entropy)?;
        let new = NewJob { id, dialect: dialect.as_str().to_owned(), base: base.to_owned(), body_sealed };
        let mut tx = self.db.begin(directory.scope()).await?;
        if !bulk_jobs::accept(&mut tx, directory, new, BOUNDS, now).await? {
            tx.nothing_changed().await?;
            return Err(AppError::Busy(format!(
                "{} bulk requests of this directory are not done yet",
                BOUNDS.open
            )));
        }
        tx.commit_trace_of_use().await?;
        Ok(id)
    }

    /// Begins with a bulk request that was accepted.
    pub fn begin_bulk(self: &Arc<Self>, directory: &DirectoryScope, id: BulkJobId, voice: &BulkVoice) {
        self.begin_job(directory.scope().tenant(), id, voice);
    }

    /// The result of a bulk request of this directory that was taken on; none while it is not done.
    pub async fn bulk_result(
        self: &Arc<Self>,
        directory: &DirectoryScope,
        id: BulkJobId,
        voice: &BulkVoice,
    ) -> Result<Option<Value>, AppError> {
        let mut tx = self.db.read(directory.scope()).await?;
        let state = bulk_jobs::state(&mut tx, directory.directory(), id, self.now()).await?;
        tx.finish().await?;
        match state.ok_or(AppError::NotFound("bulk request"))? {
            JobState::Done(result) => Ok(Some(result)),
            JobState::Open { free } => {
                if free {
                    self.begin_job(directory.scope().tenant(), id, voice);
                }
                Ok(None)
            }
        }
    }

    /// Takes up what processes before this one left undone.
    pub async fn resume_bulk(self: &Arc<Self>, voice: &BulkVoice) {
        match bulk_jobs::unfinished(&self.db).await {
            Ok(unfinished) => {
                for (tenant, job) in unfinished {
                    self.begin_job(tenant, job, voice);
                }
            }
            Err(error) => tracing::warn!(%error, "Could not look for bulk requests that are not done"),
        }
    }

    fn begin_job(self: &Arc<Self>, tenant: TenantId, job: BulkJobId, voice: &BulkVoice) {
        if !self.jobs.here().insert(job) {
            return;
        }
        let (here, voice) = (Here { app: Arc::clone(self), job }, voice.clone());
        self.runtime.spawn(async move {
            if let Err(error) = Box::pin(here.app.work_off(tenant, job, &voice)).await {
                tracing::error!(bulk.job = %job, %error, "Left a bulk request undone for now");
            }
        });
    }

    /// Does a job when its turn has come. One that another process holds is looked at once more when that process must have
    /// prolonged its hold or died.
    async fn work_off(&self, tenant: TenantId, job: BulkJobId, voice: &BulkVoice) -> Result<(), AppError> {
        for _ in 0..2 {
            if let Ok(_turn) = self.jobs.turns.acquire().await {
                let holder =
                    Uuid::from_u128(BulkJobId::generate(self.now(), &*self.entropy).as_uuid().as_u128());
                if let Some(held) = bulk_jobs::hold(&self.db, tenant, job, holder, HELD_FOR).await? {
                    return self.work(held, voice).await;
                }
            }
            tokio::time::sleep(HELD_FOR.saturating_add(Duration::from_secs(1))).await;
        }
        Ok(())
    }

    async fn work(&self, held: HeldJob, voice: &BulkVoice) -> Result<(), AppError> {
        let HeldJob { hold, directory, dialect, base, body_sealed, steps } = held;
        let voice = BulkVoice { base, ..voice.clone() };
        let dialect = match Setting::parse(&dialect) {
            Some(Setting::Named(profile)) => Dialect::of(profile),
            Some(Setting::Auto) | None => Dialect::undetected(),
        };
        let body = self.sealer.open(&purpose(hold.job()), &body_sealed)?;
        let body = serde_json::from_slice(&body).map_err(|error| AppError::Internal(error.to_string()))?;
        let request = BulkRequest::parse(body)?;
        let mut work = Work::new(self, &directory, request, &dialect, &voice);
        work.resume(hold.clone(), steps);
        work.run().await;
        if work.is_lost() {
            tracing::warn!(bulk.job = %hold.job(), "Another process took a bulk request over");
            return Ok(());
        }
        self.note_leniencies(&directory, dialect.used());
        let expires_at = self.now().checked_add_signed(KEPT_FOR).unwrap_or_default();
        hold.finish(&self.db, work.response(), expires_at).await?;
        Ok(())
    }
}

fn purpose(id: BulkJobId) -> String {
    format!("bulk request {id}")
}
