//! Watches the server. Knows when to look and how long to wait before trying again; does not know how a server is
//! started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::ClusterState;
use super::error::ClusterError;
use super::keeper::Membership;

/// Between two looks at a child: one system call each.
const CHILD_LOOK: Duration = Duration::from_millis(100);
/// Between two looks at a server that is not our child: one connection each.
const OTHER_LOOK: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The thread that watches, and the way to end it.
#[derive(Debug)]
pub(super) struct Supervisor {
    thread: JoinHandle<Result<(), ClusterError>>,
    bell: SyncSender<()>,
    stop: Arc<AtomicBool>,
}

impl Supervisor {
    /// Watches from now on.
    pub(super) fn watch(
        membership: Membership,
    ) -> Result<(Self, watch::Receiver<ClusterState>), ClusterError> {
        let (state, seen) = watch::channel(ClusterState::Ready);
        let (bell, rung) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let watcher = Watcher { membership, state, rung, stop: Arc::clone(&stop) };
        let thread = std::thread::Builder::new()
            .name("usher-cluster".to_owned())
            .spawn(move || watcher.run())
            .map_err(ClusterError::io("start the thread that watches Postgres"))?;
        Ok((Self { thread, bell, stop }, seen))
    }

    /// Ends the watch and leaves the cluster.
    pub(super) fn stop(self) -> Result<(), ClusterError> {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.bell);
        self.thread.join().unwrap_or_else(|_panic| {
            Err(ClusterError::Program {
                program: "The watch over Postgres".to_owned(),
                output: "it ended by a panic".to_owned(),
            })
        })
    }
}

struct Watcher {
    membership: Membership,
    state: watch::Sender<ClusterState>,
    /// Closes when the supervisor is told to stop.
    rung: Receiver<()>,
    stop: Arc<AtomicBool>,
}

impl Watcher {
    fn run(mut self) -> Result<(), ClusterError> {
        let mut pause = FIRST_PAUSE;
        let mut wait = self.look_again();
        while !self.asked_to_stop(wait) {
            wait = if self.look() {
                pause = FIRST_PAUSE;
                self.look_again()
            } else {
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                pause
            };
        }
        let left = self.membership.leave();
        self.state.send_replace(ClusterState::Stopped);
        left
    }

    /// One look, and what it calls for; whether all is well.
    fn look(&mut self) -> bool {
        match self.membership.try_become_keeper() {
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "Cannot tell who keeps the private Postgres cluster"),
        }
        if self.membership.is_alive() {
            self.note(ClusterState::Ready);
            return true;
        }
        self.note(ClusterState::Restarting);
        if !self.membership.is_keeper() {
            return true;
        }
        match self.membership.revive(&self.stop) {
            Ok(()) => {
                self.note(ClusterState::Ready);
                true
            }
            Err(ClusterError::Interrupted) => true,
            Err(error) => {
                tracing::error!(%error, "Could not restart the private Postgres cluster; trying again");
                false
            }
        }
    }

    fn note(&self, now: ClusterState) {
        let changed = self.state.send_if_modified(|state| std::mem::replace(state, now) != now);
        match now {
            ClusterState::Restarting if changed => {
                tracing::error!("Private Postgres cluster is gone; restarting it");
            }
            ClusterState::Ready if changed => tracing::info!("Private Postgres cluster is back"),
            _ => {}
        }
    }

    fn look_again(&self) -> Duration {
        if self.membership.has_child() { CHILD_LOOK } else { OTHER_LOOK }
    }

    fn asked_to_stop(&self, wait: Duration) -> bool {
        let closed = matches!(self.rung.recv_timeout(wait), Err(RecvTimeoutError::Disconnected));
        closed || self.stop.load(Ordering::Relaxed)
    }
}
