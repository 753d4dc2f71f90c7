//! What is asked of a list, and what is found. Knows windows and positions; does not know SQL.

use scim::filter::Filter;
use scim::sort::Sort;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use crate::users::Slice;

/// A question to a list of one type.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// Who is meant; everybody without it.
    pub filter: Option<&'a Filter>,
    /// In which order; by id without it. The id decides in any case between those whom the order does not part.
    pub sort: Option<&'a Sort>,
    /// Which of them are wanted.
    pub window: &'a Window,
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone)]
pub enum Window {
    /// By their index.
    Slice(Slice),
    /// Those after a position: each step finds whoever is there throughout exactly once, whatever is written meanwhile.
    After {
        /// Where the page before ended; `None` at the beginning.
        position: Option<Position>,
        /// The most rows.
        limit: i64,
    },
}

/// A place in an order: between two rows, whether or not the one before it is still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What the last row was sorted by, as text, if it had that.
    #[serde(rename = "k")]
    pub key: Option<String>,
    /// Its id.
    #[serde(rename = "i")]
    pub id: Uuid,
}

/// Rows of a list.
#[derive(Debug, Clone)]
pub struct Found<R> {
    /// They themselves.
    pub rows: Vec<R>,
    /// How many there are in all; not asked for after a position.
    pub total: Option<i64>,
    /// Where the next page begins, if there is one.
    pub next: Option<Position>,
}
