//! The connections that a web worker has for itself. Knows whose thread it is; does not know what is asked.
//!
//! A connection is driven by the runtime that opened it. One that another thread drives costs a change of threads for
//! each message, and one that a busy worker opened for everybody would stand still whenever that worker computes. So
//! each worker opens its own, for the requests that it serves itself: a pool for transactions, and a *lane*.
//!
//! The lane is one connection that short reads share, one flight behind the other: what many requests ask at once
//! leaves in one write. A flight carries its own BEGIN with its tenant and its own COMMIT. Where one has a statement that
//! is new to the lane, it and those beside it can get mixed up: a statement runs in the wrong tenant or in none, finds
//! nothing behind the barrier, and is asked again on a connection of its own (see `Db::at_once`).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use diesel_async::AsyncPgConnection;

use crate::connector::{Pool, connect_by_keys};

/// The workers of a process, by their threads.
#[derive(Clone, Default)]
pub(crate) struct Workers(Arc<Mutex<HashMap<ThreadId, Worker>>>);

struct Worker {
    pool: Pool,
    url: Arc<str>,
    lane: Lane,
}

enum Lane {
    Closed,
    Opening,
    Open(Arc<Passage>),
}

/// A lane's connection, and what is known of it.
pub(crate) struct Passage {
    connection: AsyncPgConnection,
    state: Mutex<Prepared>,
}

#[derive(Default)]
struct Prepared {
    texts: HashSet<Cow<'static, str>>,
    /// How many flights are about to prepare something.
    under_way: usize,
}

impl Passage {
    fn new(connection: AsyncPgConnection) -> Self {
        Self { connection, state: Mutex::default() }
    }

    pub(crate) fn connection(&self) -> &AsyncPgConnection {
        &self.connection
    }

    /// Begins a flight of these statements. Something if one of them is to be prepared.
    pub(crate) fn begin(&self, texts: &[&Cow<'static, str>]) -> Option<Preparing<'_>> {
        let mut state = self.state();
        if texts.iter().all(|text| state.texts.contains(*text)) {
            return None;
        }
        state.under_way = state.under_way.saturating_add(1);
        Some(Preparing(self))
    }

    /// Whether nobody prepares anything: a flight that begins now and has nothing to prepare goes out in one piece.
    pub(crate) fn is_calm(&self) -> bool {
        self.state().under_way == 0
    }

    fn state(&self) -> MutexGuard<'_, Prepared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flight that prepares something.
pub(crate) struct Preparing<'a>(&'a Passage);

impl Preparing<'_> {
    /// It has.
    pub(crate) fn done(self, texts: &[&Cow<'static, str>]) {
        self.0.state().texts.extend(texts.iter().map(|text| (*text).clone()));
    }
}

impl Drop for Preparing<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way = state.under_way.saturating_sub(1);
    }
}

impl Workers {
    /// Makes a worker of the calling thread. Its pool must be for its own runtime to drive.
    pub(crate) fn add_here(&self, pool: Pool, url: &str) {
        let worker = Worker { pool, url: url.into(), lane: Lane::Closed };
        self.all().insert(thread::current().id(), worker);
    }

    /// The pool of the calling thread, if it is a worker.
    pub(crate) fn pool(&self) -> Option<Pool> {
        self.all().get(&thread::current().id()).map(|worker| worker.pool.clone())
    }

    /// The lane of the calling thread, if it is a worker and the lane is open. The first caller has it opened in passing,
    /// and goes without.
    pub(crate) fn lane(&self) -> Option<Arc<Passage>> {
        let id = thread::current().id();
        let mut all = self.all();
        let worker = all.get_mut(&id)?;
        match &worker.lane {
            Lane::Open(connection) => return Some(Arc::clone(connection)),
            Lane::Opening => return None,
            Lane::Closed => worker.lane = Lane::Opening,
        }
        let (workers, url) = (self.clone(), worker.url.to_string());
        drop(all);
        tokio::spawn(async move {
            let opened = match connect_by_keys(url).await {
                Ok(connection) => Lane::Open(Arc::new(Passage::new(connection))),
                Err(_) => Lane::Closed, // the pool meets the same trouble, and says so
            };
            if let Some(worker) = workers.all().get_mut(&id) {
                worker.lane = opened;
            }
        });
        None
    }

    /// Closes the lane of the calling thread, unless another has taken the place of `broken` already.
    pub(crate) fn close_lane(&self, broken: &Arc<Passage>) {
        if let Some(worker) = self.all().get_mut(&thread::current().id())
            && matches!(&worker.lane, Lane::Open(open) if Arc::ptr_eq(open, broken))
        {
            worker.lane = Lane::Closed;
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ThreadId, Worker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
