//! Why. Knows every reason a person can be shown; does not know when each applies.

use std::fmt;

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
    /// The person waits for a seat, and has meanwhile the role that needs none.
    Meanwhile {
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
    /// Another role at the same place, or another home, won.
    Outranked {
        /// The role, or the key of the home, that won.
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
    /// Nothing gives it any more; it is kept, as too few would hold it otherwise.
    Held {
        /// The invariant that would be broken.
        invariant: String,
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
    /// The product's pages do not say whether the role gives it, and nobody has decided.
    Undecided {
        /// The role.
        role: String,
    },
    /// A restriction takes it away, or holds it down.
    Restricted {
        /// The restriction.
        by: String,
    },
    /// It is held at a lower level than was asked for.
    OnlyAt {
        /// The level.
        level: String,
    },
    /// The tenant's plan does not have it.
    NotInPlan {
        /// The plan.
        plan: String,
    },
    /// The tenant does not have the feature.
    NoFeature {
        /// The feature.
        feature: String,
    },
    /// Somebody decided that the person gets nothing.
    Blocked,
    /// The person was invited and has not accepted.
    Invited,
    /// There is no such person here.
    NobodyHere,
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

impl Reason {
    /// Whether somebody or a rule gave what it is a reason for, so that it does not only follow.
    pub fn gives(&self) -> bool {
        matches!(self, Self::GrantedByHand { .. }) || self.is_of_rule()
    }

    /// Whether a mapping rule gave it.
    pub fn is_of_rule(&self) -> bool {
        matches!(self, Self::GroupMatched { .. } | Self::AttributeMatched { .. })
    }

    /// The reason in an English sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Active => "The person is active.".to_owned(),
            Self::Inactive => "The person is not active.".to_owned(),
            Self::SeatHeld => "The person holds a seat.".to_owned(),
            Self::SeatNotNeeded => "No seat is needed.".to_owned(),
            Self::WaitingForSeat { position } => {
                format!("The person waits for a seat, at place {position} in the queue.")
            }
            Self::Meanwhile { position } => format!(
                "The person waits for a seat, at place {position} in the queue, and has meanwhile the role that needs none."
            ),
            Self::NoSeat => "No seat was left and the person was refused one.".to_owned(),
            Self::GrantedByHand { grant, by } => format!("Given by hand by {by} (grant {grant})."),
            Self::HomeSetByHand => "The home was set by hand.".to_owned(),
            Self::GroupMatched { rule, priority, name, .. } => {
                format!("Member of the group {name:?}, by mapping rule {rule} (priority {priority}).")
            }
            Self::AttributeMatched { rule, priority, path, value } => {
                format!("The attribute {path} is {value:?}, by mapping rule {rule} (priority {priority}).")
            }
            Self::Fallback { rule, key } => {
                format!("No other home was found; {key:?} is the fallback of mapping rule {rule}.")
            }
            Self::NoSuchUnit { key } => format!("The organisation has no unit with the key {key:?}."),
            Self::FallbackAtTop { key } => {
                format!("{key:?} is the top of the organisation, where no fallback may lead.")
            }
            Self::ScopeGone => "The place it was given for is no longer there.".to_owned(),
            Self::NotInBlueprint => "The blueprint does not know it.".to_owned(),
            Self::WrongScope => "It cannot be held at such a place.".to_owned(),
            Self::CannotBeGiven => "The role follows from flags and home and cannot be given.".to_owned(),
            Self::Outranked { by } => format!("{by:?} won over it."),
            Self::Derived { flags, home, key } => {
                let place = match home {
                    Some(HomeDepth::Top) => " and a home at the top of the organisation",
                    Some(HomeDepth::Below) => " and a home below the top of the organisation",
                    None => "",
                };
                let key = key.as_ref().map(|key| format!(" ({key})")).unwrap_or_default();
                format!("Follows from the {}{place}{key}.", flags_in_words(flags))
            }
            Self::NoHome { flags } if flags.is_empty() => "The person has no home.".to_owned(),
            Self::NoHome { flags } => {
                format!("The person has the {} but no home to hold it for.", flags_in_words(flags))
            }
            Self::Held { invariant } => {
                format!("Nothing gives it any more. It is kept until enough others hold it ({invariant}).")
            }
            Self::Default => "The default, as nothing gives another role.".to_owned(),
            Self::FromRole { role } => format!("The role {role:?} gives it."),
            Self::NotAllowedByRole => "No role of the person allows it.".to_owned(),
            Self::Undecided { role } => {
                format!(
                    "The product does not say whether the role {role:?} gives it, and nobody has decided."
                )
            }
            Self::Restricted { by } => format!("The restriction {by:?} takes it away or holds it down."),
            Self::OnlyAt { level } => format!("It is held at the level {level:?} only."),
            Self::NotInPlan { plan } => format!("The plan {plan:?} does not have it."),
            Self::NoFeature { feature } => format!("The feature {feature:?} is not there."),
            Self::NobodyHere => "There is no such person here.".to_owned(),
            Self::Blocked => "The person is blocked.".to_owned(),
            Self::Invited => "The person was invited and has not accepted yet.".to_owned(),
            Self::Missing { requires } => format!("It requires {requires:?}, which is not held there."),
            Self::NotHeld { permission } => format!("{permission:?} is not held there."),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}

fn flags_in_words(flags: &[String]) -> String {
    let noun = if flags.len() == 1 { "flag" } else { "flags" };
    format!("{noun} {}", flags.join(", "))
}
