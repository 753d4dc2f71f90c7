//! What a step of a flow needs from outside. Knows the network, chance and time; does not know the flow.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::clock::Entropy;

use crate::egress::Egress;

/// The network, chance and time.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// What may leave, and how.
    pub egress: &'a Egress,
    /// Chance.
    pub entropy: &'a dyn Entropy,
    /// The moment at which everything is judged.
    pub now: DateTime<Utc>,
}

impl fmt::Debug for Outside<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outside").field("now", &self.now).finish_non_exhaustive()
    }
}
