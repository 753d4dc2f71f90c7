//! What follows when a person arrives, leaves or returns. Knows the three states; does not know who asked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a person stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PersonState {
    /// Not provisioned, or deleted.
    Absent,
    /// Known and shut out; can return.
    Inactive,
    /// Known and let in, as far as a seat and roles allow.
    Active,
}

/// What happened to a person, for the audit trail and for those who listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fact {
    /// A person was provisioned.
    #[serde(rename = "user.provisioned")]
    UserProvisioned,
    /// Something about a person changed, but not whether they are let in.
    #[serde(rename = "user.updated")]
    UserUpdated,
    /// A person was shut out.
    #[serde(rename = "user.deactivated")]
    UserDeactivated,
    /// A person who was shut out was let in again.
    #[serde(rename = "user.reactivated")]
    UserReactivated,
    /// A person was removed.
    #[serde(rename = "user.deleted")]
    UserDeleted,
}

impl Fact {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::UserProvisioned,
        Self::UserUpdated,
        Self::UserDeactivated,
        Self::UserReactivated,
        Self::UserDeleted,
    ];

    /// The stable name, as stored and sent.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserProvisioned => "user.provisioned",
            Self::UserUpdated => "user.updated",
            Self::UserDeactivated => "user.deactivated",
            Self::UserReactivated => "user.reactivated",
            Self::UserDeleted => "user.deleted",
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What must happen in the transaction that writes the change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a table of independent effects, read field by field")]
pub struct Effects {
    /// End every session and token of the person. A leaver is out when the answer is out.
    pub revoke_sessions: bool,
    /// Give back the seat, or the place in the queue.
    pub release_seat: bool,
    /// Ask for a seat.
    pub claim_seat: bool,
    /// Compute the person's access again.
    pub reevaluate: bool,
    /// What to tell the audit trail and those who listen.
    pub facts: Vec<Fact>,
}

/// What follows from a write that takes a person from `before` to `after`.
///
/// To be asked once for each write that changed something. Any write to a person who stays known re-evaluates
/// their access, since rules read attributes; leaving never depends on anything that could fail.
pub fn effects(before: PersonState, after: PersonState) -> Effects {
    use PersonState::{Absent, Active, Inactive};

    let fact = match (before, after) {
        (Absent, Absent) => None,
        (Absent, Inactive | Active) => Some(Fact::UserProvisioned),
        (Inactive, Inactive) | (Active, Active) => Some(Fact::UserUpdated),
        (Active, Inactive) => Some(Fact::UserDeactivated),
        (Inactive, Active) => Some(Fact::UserReactivated),
        (Inactive | Active, Absent) => Some(Fact::UserDeleted),
    };
    let leaves = matches!(fact, Some(Fact::UserDeactivated | Fact::UserDeleted));
    Effects {
        revoke_sessions: leaves,
        release_seat: leaves,
        claim_seat: after == Active && before != Active,
        reevaluate: after != Absent,
        facts: fact.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PersonState::{Absent, Active, Inactive};

    const ALL: [PersonState; 3] = [Absent, Inactive, Active];

    #[test]
    fn deactivation_ends_sessions_and_frees_the_seat() {
        let effects = effects(Active, Inactive);

        assert!(effects.revoke_sessions && effects.release_seat && effects.reevaluate);
        assert!(!effects.claim_seat);
        assert_eq!(effects.facts, [Fact::UserDeactivated]);
    }

    #[test]
    fn return_needs_a_seat_and_a_new_look_at_the_rules() {
        let effects = effects(Inactive, Active);

        assert!(effects.claim_seat && effects.reevaluate);
        assert!(!effects.revoke_sessions && !effects.release_seat);
        assert_eq!(effects.facts, [Fact::UserReactivated]);
    }

    #[test]
    fn arriving_inactive_claims_nothing() {
        let effects = effects(Absent, Inactive);

        assert!(!effects.claim_seat);
        assert_eq!(effects.facts, [Fact::UserProvisioned]);
    }

    #[test]
    fn deletion_leaves_nothing_behind_even_of_the_inactive() {
        for before in [Active, Inactive] {
            let effects = effects(before, Absent);

            assert!(effects.revoke_sessions && effects.release_seat);
            assert!(!effects.reevaluate);
            assert_eq!(effects.facts, [Fact::UserDeleted]);
        }
    }

    #[test]
    fn a_change_of_attributes_reevaluates_and_moves_no_seat() {
        let effects = effects(Active, Active);

        assert!(effects.reevaluate);
        assert!(!effects.revoke_sessions && !effects.release_seat && !effects.claim_seat);
    }

    #[test]
    fn no_change_both_claims_and_releases() {
        for before in ALL {
            for after in ALL {
                let effects = effects(before, after);
                assert!(!(effects.claim_seat && effects.release_seat), "{before:?} to {after:?}");
                assert_eq!(effects.facts.is_empty(), before == Absent && after == Absent);
            }
        }
    }

    #[test]
    fn the_stored_name_of_a_fact_is_its_name() {
        for fact in Fact::ALL {
            assert_eq!(serde_json::to_value(fact).unwrap(), fact.name());
        }
    }
}
