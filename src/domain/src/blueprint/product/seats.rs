//! How seats are counted beyond which statuses hold one. Knows the words; counts nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Ref;
use crate::seat::AtLimit;

/// A kind of seat.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeatClass {
    /// Its id.
    pub id: Ref,
    /// The roles that need one.
    pub roles: Vec<Ref>,
    /// Whether it is paid for.
    pub billable: bool,
}

/// Counting of seats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeatPractice {
    /// The scope whose seats they are.
    pub pool: Option<Ref>,
    /// What happens at the limit, by the door at which somebody comes.
    #[serde(default)]
    pub at_limit_by: BTreeMap<Door, AtLimitWord>,
    /// What is paid.
    pub billing: Option<Billing>,
}

/// The door at which somebody comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// A directory.
    Directory,
    /// A first sign-in.
    SignIn,
    /// An administrator.
    Manual,
    /// An invitation that is accepted.
    Invitation,
}

/// [`AtLimit`], as a blueprint writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtLimitWord {
    /// They wait.
    Waitlist,
    /// They are refused.
    Refuse,
    /// They come, and it is counted.
    Overage,
}

impl From<AtLimitWord> for AtLimit {
    fn from(word: AtLimitWord) -> Self {
        match word {
            AtLimitWord::Waitlist => Self::Waitlist,
            AtLimitWord::Refuse => Self::Refuse,
            AtLimitWord::Overage => Self::Overage,
        }
    }
}

/// What is paid for seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// The most that were held, for the part of the period.
    HighWater,
    /// Nothing.
    Free,
    /// The product's pages do not say.
    Unspecified,
}
