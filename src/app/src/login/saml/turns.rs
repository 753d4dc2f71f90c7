//! Turns at verifying SAML. Knows threads and time; does not know what is verified.

use std::sync::Arc;
use std::time::Duration;

use sso::saml::Refusal;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// No honest response takes a hundredth of this.
const PATIENCE: Duration = Duration::from_secs(3);

/// So much is verified at once, for a time, and whatever the library does.
#[derive(Debug)]
pub(crate) struct Turns {
    free: Arc<Semaphore>,
    patience: Duration,
    runtime: Handle,
}

impl Turns {
    /// One for each processor, on this runtime's threads for work.
    pub(crate) fn new(runtime: Handle) -> Self {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { free: Arc::new(Semaphore::new(processors)), patience: PATIENCE, runtime }
    }

    /// Verifies, as soon as it can.
    pub(super) async fn take<T: Send + 'static>(
        &self,
        verify: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let work = async {
            let turn = Arc::clone(&self.free).acquire_owned().await;
            let turn = turn.or(Err(Refusal::Unfinished("nobody works any more")))?;
            let verifying = self.runtime.spawn_blocking(move || {
                let _turn = turn; // given back when the work is done, not when somebody stops to wait for it
                verify()
            });
            verifying.await.unwrap_or(Err(Refusal::Unfinished("it broke off")))
        };
        let in_time = tokio::time::timeout(self.patience, work).await;
        in_time.unwrap_or(Err(Refusal::Unfinished("it took too long")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const TOO_LONG: Result<(), Refusal> = Err(Refusal::Unfinished("it took too long"));

    fn one_turn(patience: Duration) -> Turns {
        Turns { free: Arc::new(Semaphore::new(1)), patience, runtime: Handle::current() }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_breaks_off_is_a_refusal_and_gives_its_turn_back() {
        let turns = one_turn(Duration::from_mins(1));

        let broken: Result<(), _> = turns.take(|| panic!("the library gave up")).await;

        assert_eq!(broken, Err(Refusal::Unfinished("it broke off")));
        assert_eq!(turns.take(|| Ok(1)).await, Ok(1));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_takes_long_is_a_refusal_and_keeps_its_turn_until_it_is_done() {
        let turns = one_turn(Duration::from_millis(50));
        let (finish, finished) = mpsc::channel::<()>();

        let slow = turns.take(move || finished.recv().or(Err(Refusal::Unfinished("nobody waits"))));
        let slow = tokio::time::timeout(Duration::from_secs(20), slow).await.unwrap();
        let next = turns.take(|| Ok(())).await;

        assert_eq!((slow, next), (TOO_LONG, TOO_LONG));
        finish.send(()).unwrap();
        let patient = Turns { patience: Duration::from_mins(1), ..turns };
        assert_eq!(patient.take(|| Ok(())).await, Ok(()));
    }
}
