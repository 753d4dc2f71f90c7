//! Filters (RFC 7644 §3.4.2.2). Knows the grammar and its meaning; does not know SQL or result pages.

mod lexer;
mod matching;
mod parser;
mod print;
mod verdict;

use chrono::{DateTime, Utc};
use serde_json::Number;

use crate::dialect::Dialect;
use crate::error::Error;
use crate::path::AttributeRef;
use crate::schema::ResourceType;
pub(crate) use matching::{compare_numbers, parse_time};
pub(crate) use parser::parse_value_path;

/// Longest filter, in bytes.
pub const MAX_LENGTH: usize = 4096;
/// Deepest grouping.
pub const MAX_DEPTH: usize = 32;
/// Most expressions and operators.
pub const MAX_NODES: usize = 128;

/// A filter whose attributes exist and whose comparisons fit their types.
///
/// Inside a value path every reference is written in full: in `emails[type eq "work"]` the comparison's
/// attribute is `emails` with the sub-attribute `type`.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them; at least two, none itself an `And`.
    And(Vec<Filter>),
    /// Any of them; at least two, none itself an `Or`.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// An attribute against a literal.
    Compare {
        /// What is compared. Never a complex attribute.
        attr: AttributeRef,
        /// How.
        op: CompareOp,
        /// With what.
        value: Comparand,
    },
    /// The attribute has a value.
    Present(AttributeRef),
    /// One and the same value of a complex attribute satisfies the inner filter.
    ValuePath {
        /// The complex attribute.
        attr: AttributeRef,
        /// What one of its values must satisfy.
        filter: Box<Filter>,
    },
}

/// The attribute operators of RFC 7644 §3.4.2.2, Table 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater than.
    Gt,
    /// Greater than or equal to.
    Ge,
    /// Less than.
    Lt,
    /// Less than or equal to.
    Le,
}

impl CompareOp {
    /// The operator as written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Eq, Self::Ne, Self::Co, Self::Sw, Self::Ew, Self::Gt, Self::Ge, Self::Lt, Self::Le]
            .into_iter()
            .find(|op| op.as_str().eq_ignore_ascii_case(word))
    }
}

/// The literal of a comparison, already of the attribute's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparand {
    /// Against strings, references and binaries.
    String(String),
    /// Against booleans.
    Boolean(bool),
    /// Against integers and decimals.
    Number(Number),
    /// Against dateTimes.
    DateTime(DateTime<Utc>),
    /// Against nothing: `eq null` is "not present", `ne null` is "present".
    Null,
}

impl Filter {
    /// Reads and checks a filter, as the RFC has it.
    pub fn parse(resource_type: &ResourceType, text: &str) -> Result<Self, Error> {
        Self::parse_as(resource_type, text, &Dialect::strict())
    }

    /// Reads and checks a filter, as a dialect has it.
    pub fn parse_as(resource_type: &ResourceType, text: &str, dialect: &Dialect) -> Result<Self, Error> {
        parser::parse(resource_type, text, dialect)
    }
}
