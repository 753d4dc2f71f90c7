//! Room for large bodies. Knows bytes; does not know what is in them.
//!
//! What a body says takes several times its bytes, from when it is read until it is answered. Of large bodies only so much
//! is worked on at once, so that many of them cost time and not memory; who waits, waits in the order of arrival and holds
//! the bytes as they came. One that holds its room for long, because it waits for the database itself, does not hold up
//! the others for longer than it takes to lose patience.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A body up to here needs none, in bytes.
const SMALL: usize = 64 * 1024;
/// For each worker, in KiB.
const OF_A_WORKER: usize = 512;
/// After this time a body is worked on though there is no room.
const PATIENCE: Duration = Duration::from_secs(5);

/// The room there is, for all workers together.
#[derive(Debug)]
pub(super) struct Room {
    free: Arc<Semaphore>,
    whole: u32,
    patience: Duration,
}

impl Room {
    pub(super) fn new(workers: usize) -> Self {
        let whole = workers.saturating_mul(OF_A_WORKER).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(whole)),
            whole: u32::try_from(whole).unwrap_or(u32::MAX),
            patience: PATIENCE,
        }
    }

    /// Waits for room for a body of so many bytes. It is given back with what is returned; one that is larger than all of
    /// it takes all of it.
    pub(super) async fn enter(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        if bytes <= SMALL {
            return None;
        }
        let wanted = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(self.whole);
        let entered = Arc::clone(&self.free).acquire_many_owned(wanted);
        tokio::time::timeout(self.patience, entered).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LARGE: usize = 300 * 1024;

    #[tokio::test]
    async fn large_bodies_wait_for_each_other_and_small_ones_for_nobody() {
        let room = Room::new(1);
        let first = room.enter(LARGE).await.unwrap();
        let mut second = Box::pin(room.enter(LARGE));
        assert!((&mut second).now_or_never().is_none());
        assert!(room.enter(SMALL).now_or_never().is_some());
        drop(first);
        assert!(second.await.is_some());
        assert_eq!(room.free.available_permits(), OF_A_WORKER);
    }

    #[tokio::test]
    async fn a_body_larger_than_all_of_it_takes_all_and_nobody_waits_for_ever() {
        let patience = Duration::from_millis(20);
        let room = Room { patience, ..Room::new(1) };
        let all = room.enter(64 * LARGE).await;
        assert_eq!(room.free.available_permits(), 0);
        assert!(room.enter(LARGE).await.is_none());
        drop(all);
        assert!(room.enter(LARGE).await.is_some());
    }
}
