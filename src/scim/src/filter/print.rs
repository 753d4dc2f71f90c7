//! A filter as text. Knows the grammar; does not know how the client wrote it.

use std::fmt;

use chrono::SecondsFormat;
use serde_json::Value;

use super::{Comparand, Filter};
use crate::path::AttributeRef;

impl fmt::Display for Comparand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write!(f, "{}", Value::from(text.as_str())),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::DateTime(time) => write!(f, "\"{}\"", time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Null => f.write_str("null"),
        }
    }
}

const AND: &str = " and ";

/// Prints what [`Filter::parse`] reads back as the same filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, false)
    }
}

impl Filter {
    fn print(&self, f: &mut fmt::Formatter<'_>, inside: bool) -> fmt::Result {
        match self {
            Self::And(all) => join(f, all, AND, inside),
            Self::Or(any) => join(f, any, " or ", inside),
            Self::Not(inner) => {
                f.write_str("not (")?;
                inner.print(f, inside)?;
                f.write_str(")")
            }
            Self::Compare { attr, op, value } => {
                name(f, attr, inside)?;
                write!(f, " {} {value}", op.as_str())
            }
            Self::Present(attr) => {
                name(f, attr, inside)?;
                f.write_str(" pr")
            }
            Self::ValuePath { attr, filter } => {
                write!(f, "{attr}[")?;
                filter.print(f, true)?;
                f.write_str("]")
            }
        }
    }
}

/// Groups get the brackets that precedence needs: with more of them, a filter that was just within its budget would not be read again.
fn join(f: &mut fmt::Formatter<'_>, parts: &[Filter], between: &str, inside: bool) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(between)?;
        }
        if matches!(part, Filter::Or(_)) || (matches!(part, Filter::And(_)) && between == AND) {
            f.write_str("(")?;
            part.print(f, inside)?;
            f.write_str(")")?;
        } else {
            part.print(f, inside)?;
        }
    }
    Ok(())
}

fn name(f: &mut fmt::Formatter<'_>, attr: &AttributeRef, inside: bool) -> fmt::Result {
    if inside { f.write_str(&attr.leaf().name) } else { write!(f, "{attr}") }
}
