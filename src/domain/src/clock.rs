//! Time and randomness as parameters. Knows their shape and two test doubles; does not know the wall clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// Tells the time. The binary reads the wall clock; tests set it.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;
}

/// Gives unpredictable bytes. The binary asks the operating system; tests count.
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// A clock for tests: it stands still until it is moved.
#[derive(Debug)]
pub struct FixedClock {
    now: Mutex<DateTime<Utc>>,
}

impl FixedClock {
    /// A clock that stands at `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Moves the clock to `now`.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: TimeDelta) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add_signed(by).unwrap_or(*now);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Entropy for tests: the same bytes in the same order in every run, never the same bytes twice.
///
/// Anybody can predict it; it must not leave tests.
#[derive(Debug, Default)]
pub struct CountingEntropy {
    next: AtomicU64,
}

impl CountingEntropy {
    /// Entropy that starts at the beginning of its sequence.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Entropy for CountingEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for block in buffer.chunks_mut(32) {
            let count = self.next.fetch_add(1, Ordering::Relaxed);
            let bytes = Sha256::digest(count.to_be_bytes());
            for (to, from) in block.iter_mut().zip(bytes) {
                *to = from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let start = DateTime::UNIX_EPOCH;
        let clock = FixedClock::at(start);

        assert_eq!(clock.now(), start);
        clock.advance(TimeDelta::seconds(30));
        assert_eq!(clock.now(), start + TimeDelta::seconds(30));
        clock.set(start);
        assert_eq!(clock.now(), start);
    }

    #[test]
    fn counting_entropy_repeats_in_each_run_and_never_within_one() {
        let mut first = [0_u8; 80];
        let mut second = [0_u8; 80];
        let mut again = [0_u8; 80];
        let entropy = CountingEntropy::new();

        entropy.fill(&mut first);
        entropy.fill(&mut second);
        CountingEntropy::new().fill(&mut again);

        assert_eq!(first, again);
        assert_ne!(first, second);
        assert_ne!(first[..32], first[32..64]);
    }
}
