//! Seats. Knows when a pool can seat somebody, and what is said at each door when it cannot; does not know who waits or where
//! the counter is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What happens to a person who needs a seat when none is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtLimit {
    /// The person is provisioned and waits, first come, first served.
    Waitlist,
    /// The person does not come, and whoever sent them is told.
    Refuse,
    /// The person is seated; the overage shows in the count.
    Overage,
    /// The person waits, first come, first served, and is in meanwhile with the role that needs no seat.
    Downgrade,
}

impl AtLimit {
    /// Whether they wait for whom there is no seat.
    pub fn lets_wait(self) -> bool {
        matches!(self, Self::Waitlist | Self::Downgrade)
    }
}

/// The door at which somebody comes who needs a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// An identity provider sends them: a directory, or a signal.
    Directory,
    /// They sign in for the first time, at a connection that makes people of those.
    SignIn,
    /// Somebody lets them in by hand.
    Manual,
    /// Somebody invites them, and a seat is kept for them.
    Invite,
    /// They accept an invitation for which no seat was kept. Early editions of blueprints call it `invitation`.
    #[serde(alias = "invitation")]
    Acceptance,
}

impl Door {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Directory, Self::SignIn, Self::Manual, Self::Invite, Self::Acceptance];
}

/// Which of a tenant's pools: that of a class of seats, or the common one, in which everybody counts whose class has none of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PoolClass(Option<String>);

impl PoolClass {
    /// That of a class; the common one if none.
    pub fn of(class: Option<String>) -> Self {
        Self(class.filter(|class| !class.is_empty()))
    }

    /// As it is stored: the common one has an empty name.
    pub fn stored(class: String) -> Self {
        Self::of(Some(class))
    }

    /// As it is to be stored.
    pub fn as_stored(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The class; none of the common one.
    pub fn class(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether it is the common one.
    pub fn is_common(&self) -> bool {
        self.0.is_none()
    }
}

/// What a tenant chose to happen at the limit. Where it chose nothing, the product decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// At every door that is not among `by`.
    pub for_all: Option<AtLimit>,
    /// At one door.
    pub by: BTreeMap<Door, AtLimit>,
}

impl Chosen {
    /// What happens at a door, where that can be said without the product.
    pub fn alone(&self, door: Door) -> Option<AtLimit> {
        match (self.by.get(&door), self.for_all, door) {
            (Some(word), ..) => Some(*word),
            // Nobody is invited to wait, where the product does not do that: it needs to be said of this very door.
            (None, Some(AtLimit::Waitlist | AtLimit::Downgrade), Door::Invite) => None,
            (None, for_all, _) => for_all,
        }
    }

    /// What happens to those who wait already. They have a seat beyond what was bought where everybody has who comes, and not
    /// while some door lets people wait: who came by it would not.
    pub fn to_those_in_line(&self) -> AtLimit {
        match self.for_all {
            Some(AtLimit::Overage) if !self.by.values().any(|word| word.lets_wait()) => AtLimit::Overage,
            _ => AtLimit::Waitlist,
        }
    }

    /// What happens at a door where the product says this.
    pub fn at(&self, door: Door, product: AtLimit) -> AtLimit {
        self.alone(door).unwrap_or_else(|| match product {
            AtLimit::Refuse => AtLimit::Refuse,
            word => self.for_all.unwrap_or(word),
        })
    }
}

/// A seat pool at one moment, read under its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolState {
    /// How many seats the tenant bought.
    pub purchased: i32,
    /// How many are held. More than `purchased` after an overage or when the tenant bought fewer.
    pub used: i32,
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

/// Answers one claim, at a door where this happens when none is left.
///
/// The caller lets those who already wait go first: it promotes them ([`promotable`]) before it asks for
/// somebody new.
pub fn decide(pool: &PoolState, at_limit: AtLimit) -> Claim {
    match (pool.free(), at_limit) {
        (1.., _) | (0, AtLimit::Overage) => Claim::Grant,
        (0, AtLimit::Waitlist | AtLimit::Downgrade) => Claim::Wait,
        (0, AtLimit::Refuse) => Claim::Refuse,
    }
}

/// How many of those who wait can be seated now, where this happens to them when none is left.
///
/// Where overage is allowed nobody has to wait, so that is everybody (`u32::MAX`): the queue of a pool that
/// used to be a waiting list empties.
pub fn promotable(pool: &PoolState, at_limit: AtLimit) -> u32 {
    match at_limit {
        AtLimit::Waitlist | AtLimit::Refuse | AtLimit::Downgrade => pool.free(),
        AtLimit::Overage => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WORDS: [AtLimit; 4] = [AtLimit::Waitlist, AtLimit::Refuse, AtLimit::Overage, AtLimit::Downgrade];

    fn pool(purchased: i32, used: i32) -> PoolState {
        PoolState { purchased, used }
    }

    #[test]
    fn a_free_seat_is_granted_whatever_the_policy() {
        for at_limit in WORDS {
            assert_eq!(decide(&pool(10, 9), at_limit), Claim::Grant);
        }
    }

    #[test]
    fn a_full_pool_answers_by_its_policy() {
        assert_eq!(decide(&pool(10, 10), AtLimit::Waitlist), Claim::Wait);
        assert_eq!(decide(&pool(10, 10), AtLimit::Downgrade), Claim::Wait);
        assert_eq!(decide(&pool(10, 10), AtLimit::Refuse), Claim::Refuse);
        assert_eq!(decide(&pool(10, 10), AtLimit::Overage), Claim::Grant);
    }

    #[test]
    fn buying_fewer_seats_than_are_held_blocks_new_people_and_promotes_nobody() {
        let shrunk = pool(5, 8);

        assert_eq!(decide(&shrunk, AtLimit::Waitlist), Claim::Wait);
        assert_eq!(promotable(&shrunk, AtLimit::Waitlist), 0);
    }

    #[test]
    fn a_queue_empties_when_overage_becomes_allowed() {
        assert_eq!(promotable(&pool(5, 5), AtLimit::Overage), u32::MAX);
    }

    #[test]
    fn a_door_has_the_tenants_word_for_it_or_its_word_for_all_or_the_products() {
        let silent = Chosen::default();
        let for_all = Chosen { for_all: Some(AtLimit::Overage), ..Chosen::default() };
        let but_one = Chosen { by: BTreeMap::from([(Door::SignIn, AtLimit::Refuse)]), ..for_all.clone() };

        for product in WORDS {
            for door in Door::ALL {
                assert_eq!(silent.at(door, product), product);
                assert_eq!(for_all.at(door, product), AtLimit::Overage);
            }
            assert_eq!(but_one.at(Door::SignIn, product), AtLimit::Refuse);
            assert_eq!(but_one.at(Door::Directory, product), AtLimit::Overage);
        }
    }

    #[test]
    fn to_invite_somebody_who_will_wait_takes_a_word_for_that_door_where_the_product_refuses() {
        let waitlist = Chosen { for_all: Some(AtLimit::Waitlist), ..Chosen::default() };
        let all_the_same =
            Chosen { by: BTreeMap::from([(Door::Invite, AtLimit::Waitlist)]), ..waitlist.clone() };

        for door in Door::ALL {
            let refused = door == Door::Invite;
            let expected = if refused { AtLimit::Refuse } else { AtLimit::Waitlist };
            assert_eq!(waitlist.at(door, AtLimit::Refuse), expected);
            assert_eq!(waitlist.at(door, AtLimit::Overage), AtLimit::Waitlist);
        }
        assert_eq!(all_the_same.at(Door::Invite, AtLimit::Refuse), AtLimit::Waitlist);
    }

    #[test]
    fn who_waits_goes_on_waiting_while_some_door_lets_people_wait() {
        let over = Chosen { for_all: Some(AtLimit::Overage), ..Chosen::default() };
        let but = |word| Chosen { by: BTreeMap::from([(Door::SignIn, word)]), ..over.clone() };

        for (chosen, expected) in [
            (Chosen::default(), AtLimit::Waitlist),
            (over.clone(), AtLimit::Overage),
            (but(AtLimit::Refuse), AtLimit::Overage),
            (but(AtLimit::Waitlist), AtLimit::Waitlist),
            (but(AtLimit::Downgrade), AtLimit::Waitlist),
        ] {
            assert_eq!(chosen.to_those_in_line(), expected);
        }
    }

    #[test]
    fn a_door_has_one_name_and_one_of_early_editions() {
        let names = Door::ALL.map(|door| serde_json::to_string(&door).unwrap());

        assert_eq!(
            names,
            [r#""directory""#, r#""sign_in""#, r#""manual""#, r#""invite""#, r#""acceptance""#]
        );
        assert_eq!(serde_json::from_str::<Door>(r#""invitation""#).unwrap(), Door::Acceptance);
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
            at_limit in prop::sample::select(vec![AtLimit::Refuse, AtLimit::Waitlist, AtLimit::Downgrade]),
            steps in prop::collection::vec(any::<bool>(), 0..200),
        ) {
            let mut state = pool(purchased, 0);
            for claim in steps {
                if claim {
                    if decide(&state, at_limit) == Claim::Grant {
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
            let state = pool(purchased, used);
            let granted = decide(&state, AtLimit::Waitlist) == Claim::Grant;

            prop_assert_eq!(granted, promotable(&state, AtLimit::Waitlist) > 0);
        }
    }
}
