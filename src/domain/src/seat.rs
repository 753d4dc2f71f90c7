//! Seats. Knows when a pool can seat somebody; does not know who waits or where the counter is kept.

use serde::{Deserialize, Serialize};

/// What happens to a person who needs a seat when none is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AtLimit {
    /// The person is provisioned and waits, first come, first served.
    Waitlist,
    /// The person is provisioned and gets no access.
    Refuse,
    /// The person is seated; the overage shows in the count.
    Overage,
}

/// A seat pool at one moment, read under its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolState {
    /// How many seats the tenant bought.
    pub purchased: i32,
    /// How many are held. More than `purchased` after an overage or when the tenant bought fewer.
    pub used: i32,
    /// What happens when none is left.
    pub at_limit: AtLimit,
}

impl PoolState {
    /// How many seats are free.
    pub fn free(&self) -> u32 {
        u32::try_from(self.purchased.saturating_sub(self.used)).unwrap_or(0)
    }
}

/// The answer to one person who asks for a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The seat is theirs.
    Grant,
    /// They join the end of the queue.
    Wait,
    /// They get neither a seat nor a place in the queue.
    Refuse,
}

/// What a person has from the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum SeatState {
    /// A seat.
    Held,
    /// A place in the queue.
    Waiting {
        /// The place, from 1.
        position: u32,
    },
    /// Neither.
    Refused,
    /// Nothing, because the tenant counts no seats.
    NotNeeded,
}

/// Answers one claim.
///
/// The caller lets those who already wait go first: it promotes them ([`promotable`]) before it asks for
/// somebody new.
pub fn decide(pool: &PoolState) -> Claim {
    match (pool.free(), pool.at_limit) {
        (1.., _) | (0, AtLimit::Overage) => Claim::Grant,
        (0, AtLimit::Waitlist) => Claim::Wait,
        (0, AtLimit::Refuse) => Claim::Refuse,
    }
}

/// How many of those who wait can be seated now.
///
/// Where overage is allowed nobody has to wait, so that is everybody (`u32::MAX`): the queue of a pool that
/// used to be a waiting list empties.
pub fn promotable(pool: &PoolState) -> u32 {
    match pool.at_limit {
        AtLimit::Waitlist | AtLimit::Refuse => pool.free(),
        AtLimit::Overage => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pool(purchased: i32, used: i32, at_limit: AtLimit) -> PoolState {
        PoolState { purchased, used, at_limit }
    }

    #[test]
    fn a_free_seat_is_granted_whatever_the_policy() {
        for at_limit in [AtLimit::Waitlist, AtLimit::Refuse, AtLimit::Overage] {
            assert_eq!(decide(&pool(10, 9, at_limit)), Claim::Grant);
        }
    }

    #[test]
    fn a_full_pool_answers_by_its_policy() {
        assert_eq!(decide(&pool(10, 10, AtLimit::Waitlist)), Claim::Wait);
        assert_eq!(decide(&pool(10, 10, AtLimit::Refuse)), Claim::Refuse);
        assert_eq!(decide(&pool(10, 10, AtLimit::Overage)), Claim::Grant);
    }

    #[test]
    fn buying_fewer_seats_than_are_held_blocks_new_people_and_promotes_nobody() {
        let shrunk = pool(5, 8, AtLimit::Waitlist);

        assert_eq!(decide(&shrunk), Claim::Wait);
        assert_eq!(promotable(&shrunk), 0);
    }

    #[test]
    fn a_queue_empties_when_overage_becomes_allowed() {
        assert_eq!(promotable(&pool(5, 5, AtLimit::Overage)), u32::MAX);
    }

    #[test]
    fn the_stored_form_of_a_seat_is_stable() {
        let waiting = serde_json::to_string(&SeatState::Waiting { position: 3 }).unwrap();

        assert_eq!(waiting, r#"{"kind":"waiting","position":3}"#);
        assert_eq!(serde_json::to_string(&SeatState::NotNeeded).unwrap(), r#"{"kind":"notNeeded"}"#);
        assert_eq!(serde_json::to_string(&AtLimit::Waitlist).unwrap(), r#""waitlist""#);
    }

    proptest! {
        #[test]
        fn without_overage_no_run_of_claims_uses_more_than_was_bought(
            purchased in 0..40_i32,
            refuse in any::<bool>(),
            steps in prop::collection::vec(any::<bool>(), 0..200),
        ) {
            let at_limit = if refuse { AtLimit::Refuse } else { AtLimit::Waitlist };
            let mut state = pool(purchased, 0, at_limit);
            for claim in steps {
                if claim {
                    if decide(&state) == Claim::Grant {
                        state.used += 1;
                    }
                } else if state.used > 0 {
                    state.used -= 1;
                }
                prop_assert!(state.used <= purchased);
            }
        }

        #[test]
        fn extremes_do_not_overflow(purchased in any::<i32>(), used in any::<i32>()) {
            let state = pool(purchased, used, AtLimit::Waitlist);

            prop_assert_eq!(decide(&state) == Claim::Grant, promotable(&state) > 0);
        }
    }
}
