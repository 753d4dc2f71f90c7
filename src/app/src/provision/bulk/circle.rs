//! Resources that refer to each other in a circle (RFC 7644 §3.7.1). Knows that none can be first, and so how all come to be.
//!
//! RFC 7644 §3.7.1: "The service provider MUST try to resolve circular cross-references between resources in a single bulk
//! job but MAY stop after a failed attempt and instead return HTTP status code 409 (Conflict)." Each is created without what
//! refers to the others, which is added when all are there. If that fails for one, none stays.

use scim::bulk::{Ask, Deferred};
use serde_json::Value;

use super::Work;
use super::perform::{Done, Found, create, delete, patch};
use crate::error::AppError;

/// A resource of the circle that is there.
struct Member {
    n: usize,
    done: Done,
    deferred: Deferred,
}

impl Work<'_> {
    /// Creates resources that refer to each other.
    pub(super) async fn circle(&mut self, circle: &[usize]) {
        let mut members = Vec::new();
        if circle.iter().any(|n| self.tasks.get(*n).is_some_and(|task| task.answer.is_some())) {
            return self.give_up(circle).await;
        }
        let resolved = match self.create_apart(circle, &mut members).await {
            Ok(()) => self.join(&mut members).await,
            Err(failed) => Err(failed),
        };
        match resolved {
            Ok(()) => members.iter().for_each(|member| self.done(member.n, &member.done)),
            Err((failed, refusal)) => {
                for member in members {
                    self.remove(member.done.endpoint, &member.done.id).await;
                }
                for n in circle {
                    self.refuse(*n, if *n == failed { refusal.clone() } else { of_another() }).await;
                }
            }
        }
    }

    /// A circle that had failed when a process died: what was created and not taken back yet goes.
    async fn give_up(&mut self, circle: &[usize]) {
        for n in circle.iter().copied() {
            let Some(task) = self.tasks.get(n) else { continue };
            if let (Some(id), Some(Ok(ask))) = (&task.found, &task.ask) {
                self.remove(ask.endpoint(), id).await;
            }
            if task.answer.is_none() {
                self.refuse(n, of_another()).await;
            }
        }
    }

    /// Creates each without what refers to one that is not there yet.
    async fn create_apart(
        &mut self,
        circle: &[usize],
        members: &mut Vec<Member>,
    ) -> Result<(), (usize, scim::Error)> {
        for n in circle.iter().copied() {
            let (endpoint, data) = match self.take(n) {
                Some(Ok(Ask::Create { endpoint, data })) => (endpoint, data),
                Some(Err(error)) => return Err((n, error)),
                None | Some(Ok(_)) => continue,
            };
            let (now, deferred) = self.ids.split(data);
            let found = self.tasks.get(n).and_then(|task| task.found.clone());
            let done = match (found, self.ids.resolve(now)) {
                (Some(id), _) => Done::created_before(&endpoint, id),
                (None, Ok(now)) => create(self.app, &self.scope(&[n]), &endpoint, now, self.dialect).await,
                (None, Err(error)) => Err(error.into()),
            };
            let done = done.map_err(|error| (n, (self.voice.say)(error)))?;
            if let Some(bulk_id) = self.tasks.get(n).and_then(|task| task.heading.bulk_id.as_deref()) {
                self.ids.created(bulk_id, done.id.clone());
            }
            members.push(Member { n, done, deferred });
        }
        Ok(())
    }

    /// Adds what was left out. That it cannot be added is a conflict of the circle, whatever is wrong with it.
    async fn join(&self, members: &mut [Member]) -> Result<(), (usize, scim::Error)> {
        for member in members {
            let deferred = std::mem::take(&mut member.deferred);
            let Some(rest) = deferred.into_patch() else { continue };
            match self.add(&member.done, rest).await {
                Ok(version) => member.done.version = version,
                Err(error) => {
                    let refusal = (self.voice.say)(error);
                    let status = if refusal.status < 500 { 409 } else { refusal.status };
                    return Err((member.n, scim::Error { status, scim_type: None, ..refusal }));
                }
            }
        }
        Ok(())
    }

    async fn add(&self, to: &Done, rest: Value) -> Result<Option<i64>, AppError> {
        let rest = self.ids.resolve(rest)?;
        let place = Found::at(to.endpoint, &to.id)?;
        Ok(patch(self.app, self.directory, place, None, rest, self.dialect).await?.version)
    }

    /// Takes a resource back. One that somebody else has deleted meanwhile is as gone as it is to be.
    async fn remove(&self, endpoint: &str, id: &str) {
        let gone = match Found::at(endpoint, id) {
            Ok(place) => delete(self.app, self.directory, place, None).await,
            Err(error) => Err(error),
        };
        if let Err(error) = gone
            && !matches!(error, AppError::NotFound(_))
        {
            tracing::error!(%error, "Left a resource of a circle behind that could not be completed");
        }
    }
}

fn of_another() -> scim::Error {
    scim::Error::new(409, "A resource that this one refers to could not be created")
}
