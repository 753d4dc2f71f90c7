//! The machine's clock and randomness. Knows the two calls that nobody else may make; does not know what for.

use chrono::{DateTime, SubsecRound, Utc};
use domain::clock::{Clock, Entropy};

/// The wall clock, in microseconds: as precise as the database keeps, so that what was written is what is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system for randomness"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        if let Err(error) = getrandom::fill(buffer) {
            // Going on would mint guessable tokens. Nothing in the process can be trusted from here.
            tracing::error!(%error, "The operating system gives no randomness; ending at once");
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_bytes_differ_from_call_to_call() {
        let (mut first, mut second) = ([0_u8; 32], [0_u8; 32]);

        SystemEntropy.fill(&mut first);
        SystemEntropy.fill(&mut second);

        assert_ne!(first, second);
    }

    #[test]
    fn the_systems_clock_does_not_run_backwards() {
        let first = SystemClock.now();

        assert!(SystemClock.now() >= first);
    }
}
