//! Why. Knows every reason a person can be shown; does not know when each applies.

use serde::{Deserialize, Serialize};

use crate::blueprint::HomeDepth;
use crate::id::{GrantId, GroupId, MappingRuleId};

/// One reason for something in [`super::EffectiveAccess`], with enough to say it in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Reason {
    /// The person is active.
    Active,
    /// The person is not active.
    Inactive,
    /// The person holds a seat.
    SeatHeld,
    /// The tenant counts no seats.
    SeatNotNeeded,
    /// The person waits for a seat.
    WaitingForSeat {
        /// Their place in the queue, from 1.
        position: u32,
    },
    /// The person was refused a seat.
    NoSeat,
    /// Given by hand.
    GrantedByHand {
        /// The grant.
        grant: GrantId,
        /// Who gave it.
        by: String,
    },
    /// The home was set by hand.
    HomeSetByHand,
    /// A rule matched a group.
    GroupMatched {
        /// The rule.
        rule: MappingRuleId,
        /// Its priority.
        priority: i32,
        /// The group.
        group: GroupId,
        /// The group's name.
        name: String,
    },
    /// A rule matched an attribute.
    AttributeMatched {
        /// The rule.
        rule: MappingRuleId,
        /// Its priority.
        priority: i32,
        /// The attribute.
        path: String,
        /// Its value.
        value: String,
    },
    /// A rule's fallback, as the attribute is missing or names no unit.
    Fallback {
        /// The rule.
        rule: MappingRuleId,
        /// The key of the fallback.
        key: String,
    },
    /// No unit of the organisation has the key.
    NoSuchUnit {
        /// The key.
        key: String,
    },
    /// A fallback at the top of the organisation is ignored.
    FallbackAtTop {
        /// The key.
        key: String,
    },
    /// What the rule or grant points at is no longer there.
    ScopeGone,
    /// The blueprint does not know it.
    NotInBlueprint,
    /// It cannot be held at such a place.
    WrongScope,
    /// The role follows from flags and home and cannot be given.
    CannotBeGiven,
    /// Another role at the same place won.
    Outranked {
        /// The role that won.
        by: String,
    },
    /// Follows from flags and home.
    Derived {
        /// The flags.
        flags: Vec<String>,
        /// Where the home must be and is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        home: Option<HomeDepth>,
        /// The key of the home.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Would follow from flags and home, but there is no home.
    NoHome {
        /// The flags.
        flags: Vec<String>,
    },
    /// Nothing else gives a role.
    Default,
    /// A role gives it.
    FromRole {
        /// The role.
        role: String,
    },
    /// No role of the person allows it.
    NotAllowedByRole,
    /// It requires something that is not held there.
    Missing {
        /// What.
        requires: String,
    },
    /// It is not held.
    NotHeld {
        /// What was asked for.
        permission: String,
    },
}
