//! What a bulk request that is done after its answer keeps of its way. Knows the hold and the notes; does not know HTTP.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::BulkJobId;
use scim::bulk::{Ask, Outcome};
use store::DirectoryScope;
use store::bulk_jobs::{Hold, StepRow};

use super::Work;
use super::jobs::HELD_FOR;
use super::perform::expected_status;
use crate::error::AppError;

/// The hold is prolonged when it is this old.
const PROLONGED_AFTER: chrono::Duration = chrono::Duration::seconds(10);
/// An operation that the database could not do for the moment is tried again so often, each time a second later.
const MORE_TRIES: u32 = 20;

/// The way of one job.
pub(super) struct Journal {
    hold: Hold,
    kept_at: DateTime<Utc>,
    tries_left: u32,
    lost: bool,
}

impl Journal {
    pub(super) fn job(&self) -> BulkJobId {
        self.hold.job()
    }
}

impl Work<'_> {
    /// Goes on where another process stopped, or begins.
    pub(super) fn resume(&mut self, hold: Hold, steps: Vec<StepRow>) {
        for step in steps {
            let Some(n) = usize::try_from(step.n).ok().filter(|n| *n < self.tasks.len()) else { continue };
            match (step.target_id, step.refusal.as_ref().and_then(scim::Error::from_json)) {
                (Some(id), _) => {
                    if let Some(task) = self.tasks.get_mut(n) {
                        task.found = Some(id);
                    }
                }
                (None, Some(refusal)) => self.refused(n, refusal),
                (None, None) => {}
            }
        }
        let kept_at = self.app.now();
        self.journal = Some(Journal { hold, kept_at, tries_left: MORE_TRIES, lost: false });
    }

    /// The answer to an operation that was done before. Of the version that it led to nothing is known any more.
    pub(super) fn answer_found(&mut self, n: usize, id: &str) {
        let Some(task) = self.tasks.get_mut(n) else { return };
        let Some(Ok(ask)) = task.ask.take() else { return };
        if let (Ask::Create { .. }, Some(bulk_id)) = (&ask, &task.heading.bulk_id) {
            self.ids.created(bulk_id, id.to_owned());
        }
        let endpoint = ask.endpoint();
        let id = match ask.place().map(|place| self.ids.id(&place.id)) {
            Some(Ok(id)) => id,
            _ => id.to_owned(),
        };
        let location = format!("{}/{endpoint}/{id}", self.voice.base);
        let outcome = Outcome::Done { status: expected_status(&ask), version: None };
        task.answer = Some(task.heading.answer(Some(&location), &outcome));
    }

    /// Who acts in a transaction that does these operations.
    pub(super) fn scope(&self, places: &[usize]) -> Cow<'_, DirectoryScope> {
        match &self.journal {
            Some(journal) => Cow::Owned(self.directory.noting(&journal.hold, places)),
            None => Cow::Borrowed(self.directory),
        }
    }

    /// Prolongs the hold when it is time.
    pub(super) async fn keep_hold(&mut self) {
        let now = self.app.now();
        let Some(journal) = &mut self.journal else { return };
        if now.signed_duration_since(journal.kept_at) >= PROLONGED_AFTER {
            journal.kept_at = now;
            // What cannot be asked now is asked again before the hold is over.
            journal.lost |= matches!(journal.hold.keep(&self.app.db, HELD_FOR).await, Ok(false));
        }
    }

    /// Whether an operation that the database could not do for the moment is to be tried again; waits for it.
    pub(super) async fn may_try_again(&mut self, error: &AppError) -> bool {
        let Some(journal) = &mut self.journal else { return false };
        if !matches!(error, AppError::Unavailable(_)) || journal.lost || journal.tries_left == 0 {
            return false;
        }
        journal.tries_left -= 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
        journal.lost |= matches!(journal.hold.keep(&self.app.db, HELD_FOR).await, Ok(false));
        !journal.lost
    }

    /// Notes a refusal, so that the operation is not tried again when others after it have been done.
    pub(super) async fn note_refusal(&mut self, n: usize, refusal: &scim::Error) {
        let Some(journal) = &mut self.journal else { return };
        if let Err(error) = journal.hold.refuse(&self.app.db, n, refusal.to_json()).await {
            tracing::warn!(%error, "Gave a bulk request up, to be gone on with later");
            journal.lost = true;
        }
    }

    /// Whether another process has the job by now, or nothing can be noted of it.
    pub(super) fn is_lost(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.lost)
    }
}
