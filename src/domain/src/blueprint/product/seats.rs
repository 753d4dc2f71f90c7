//! How seats are counted beyond which statuses hold one. Knows the words; counts nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

use toml::Spanned;

use super::Ref;
use crate::seat::{AtLimit, Door};

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

impl SeatClass {
    /// Its id.
    pub fn id(&self) -> &str {
        self.id.get_ref()
    }

    /// Whether somebody with this role needs one.
    pub(crate) fn is_for(&self, role: &str) -> bool {
        self.roles.iter().any(|it| it.get_ref() == role)
    }
}

/// Counting of seats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeatPractice {
    /// The scope whose seats they are.
    pub pool: Option<Ref>,
    /// What happens at the limit, by the door at which somebody comes.
    #[serde(default)]
    pub at_limit_by: BTreeMap<Door, Spanned<AtLimit>>,
    /// What is paid.
    pub billing: Option<Billing>,
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
