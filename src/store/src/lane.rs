//! A connection that all reads of one web worker share. Knows whose thread it is; does not know what is asked.
//!
//! A pooled connection is driven by the main runtime, so that a read on it wakes another thread several times. Short
//! reads therefore go, one flight behind the other, over a connection that the worker drives itself: what many requests
//! ask at once leaves in one write. A flight carries its own BEGIN with its tenant and its own COMMIT; where two get
//! mixed up, or one is cut short, a statement runs in the wrong tenant or in none, finds nothing behind the barrier, and
//! is asked again on a connection of its own (see `Db::at_once`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use diesel_async::AsyncPgConnection;

use crate::db::connect;

/// The lanes of a process, by the thread that drives each.
#[derive(Clone)]
pub(crate) struct Lanes {
    url: Arc<str>,
    by_thread: Arc<Mutex<HashMap<ThreadId, Lane>>>,
}

/// One of them.
enum Lane {
    Closed,
    Opening,
    Open(Arc<AsyncPgConnection>),
}

impl Lanes {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.into(), by_thread: Arc::default() }
    }

    /// Gives the calling thread a lane, to be opened by the first read on it.
    pub(crate) fn add_here(&self) {
        self.set(thread::current().id(), Lane::Closed);
    }

    /// The lane of the calling thread, if it has one and it is open. The first caller has it opened in passing, and
    /// goes without.
    pub(crate) fn here(&self) -> Option<Arc<AsyncPgConnection>> {
        let id = thread::current().id();
        let mut lanes = self.by_thread.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.get_mut(&id)?;
        match lane {
            Lane::Open(connection) => return Some(Arc::clone(connection)),
            Lane::Opening => return None,
            Lane::Closed => *lane = Lane::Opening,
        }
        drop(lanes);
        let lanes = self.clone();
        tokio::spawn(async move {
            let opened = match connect(lanes.url.to_string()).await {
                Ok(connection) => Lane::Open(Arc::new(connection)),
                Err(_) => Lane::Closed, // the pool meets the same trouble, and says so
            };
            lanes.set(id, opened);
        });
        None
    }

    /// Closes the lane of the calling thread, unless another has taken the place of `broken` already.
    pub(crate) fn close(&self, broken: &Arc<AsyncPgConnection>) {
        let mut lanes = self.by_thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get_mut(&thread::current().id())
            && matches!(lane, Lane::Open(open) if Arc::ptr_eq(open, broken))
        {
            *lane = Lane::Closed;
        }
    }

    fn set(&self, id: ThreadId, lane: Lane) {
        self.by_thread.lock().unwrap_or_else(PoisonError::into_inner).insert(id, lane);
    }
}
