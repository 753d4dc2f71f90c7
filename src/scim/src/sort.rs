//! Sorting (RFC 7644 §3.4.2.3). Knows which values are compared and how; does not know how a database would answer.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Number, Value};

use crate::error::{Error, ScimType};
use crate::filter::{compare_numbers, parse_time};
use crate::path::{AttributePath, AttributeRef};
use crate::schema::{AttributeType, ResourceType, Returned};
use crate::text::fold;
use crate::value::is_primary;

/// How many characters of a text are compared; those who agree in them are in the order of their ids.
pub const TEXT_LENGTH: usize = 512;

/// The direction of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortOrder {
    /// The least first, who has no value last.
    #[default]
    Ascending,
    /// The other way round.
    Descending,
}

/// By what a list is sorted, and which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    attr: AttributeRef,
    order: SortOrder,
}

impl Sort {
    /// Reads `sortBy` and `sortOrder`; without the first there is nothing to sort by.
    ///
    /// RFC 7644 §3.4.2.3: "If a value for "sortBy" is provided and no "sortOrder" is specified, "sortOrder"
    /// SHALL default to ascending."
    pub fn parse(
        resource_type: &ResourceType,
        by: Option<&str>,
        order: Option<&str>,
    ) -> Result<Option<Self>, Error> {
        let order = match order.map(str::trim) {
            None | Some("") => SortOrder::default(),
            Some(word) if word.eq_ignore_ascii_case("ascending") => SortOrder::Ascending,
            Some(word) if word.eq_ignore_ascii_case("descending") => SortOrder::Descending,
            Some(_) => return Err(Error::invalid_value("'sortOrder' is 'ascending' or 'descending'")),
        };
        let Some(by) = by.map(str::trim).filter(|by| !by.is_empty()) else { return Ok(None) };
        let attr = sortable(AttributePath::parse(by)?.resolve(resource_type)?)?;
        Ok(Some(Self { attr, order }))
    }

    /// What is compared. Never complex: where a list of complex values was named, this is its `value`.
    pub fn attr(&self) -> &AttributeRef {
        &self.attr
    }

    /// Which way.
    pub fn order(&self) -> SortOrder {
        self.order
    }

    /// Which of two resources comes first: the reference that a translation to another language is held to.
    ///
    /// RFC 7644 §3.4.2.3: "For all attribute types, if there is no data for the specified "sortBy" value, they
    /// are sorted via the "sortOrder" parameter, i.e., they are ordered last if ascending and first if
    /// descending."
    pub fn compare(&self, one: &Map<String, Value>, other: &Map<String, Value>) -> Ordering {
        let ordering = match (self.key(one), self.key(other)) {
            (Some(one), Some(other)) => one.compare(&other),
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
        };
        let id = |resource: &Map<String, Value>| {
            resource.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let ordering = ordering.then_with(|| id(one).cmp(&id(other)));
        match self.order {
            SortOrder::Ascending => ordering,
            SortOrder::Descending => ordering.reverse(),
        }
    }

    fn key<'a>(&self, resource: &'a Map<String, Value>) -> Option<Key<'a>> {
        let container = match &self.attr.schema_urn {
            None => Some(resource),
            Some(urn) => resource.get(urn).and_then(Value::as_object),
        };
        let value = one_of(container?.get(&self.attr.attribute.name)?)?;
        let value = match &self.attr.sub {
            Some(sub) => value.get(&sub.name)?,
            None => value,
        };
        let leaf = self.attr.leaf();
        match (leaf.kind, value) {
            (_, Value::Bool(flag)) => Some(Key::Flag(*flag)),
            (_, Value::Number(number)) => Some(Key::Number(number)),
            (AttributeType::DateTime, Value::String(text)) => parse_time(text).map(Key::Time),
            (_, Value::String(text)) => {
                let text = if leaf.case_exact { Cow::from(text) } else { Cow::from(fold(text)) };
                Some(Key::Text(text.chars().take(TEXT_LENGTH).collect()))
            }
            _ => None,
        }
    }
}

/// As it would be asked for: what a cursor is bound to.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            SortOrder::Ascending => "ascending",
            SortOrder::Descending => "descending",
        };
        write!(f, "{} {order}", self.attr)
    }
}

/// RFC 7644 §3.4.2.3: "If the attribute is complex, the attribute name must be a path to a sub-attribute in
/// standard attribute notation"
fn sortable(attr: AttributeRef) -> Result<AttributeRef, Error> {
    let attr = match (&attr.sub, attr.attribute.is_complex()) {
        (None, true) => {
            let value = attr.attribute.sub_attribute("value").filter(|_| attr.attribute.multi_valued);
            let value = value.map(Arc::clone).ok_or_else(|| {
                Error::typed(
                    ScimType::InvalidPath,
                    format!("'{attr}' is complex: sort by one of its sub-attributes"),
                )
            })?;
            AttributeRef { sub: Some(value), ..attr }
        }
        _ => attr,
    };
    if attr.attribute.returned == Returned::Never || attr.leaf().returned == Returned::Never {
        return Err(Error::invalid_value(format!("'{attr}' is never shown and cannot be sorted by")));
    }
    Ok(attr)
}

// RFC 7644 §3.4.2.3: "if it's a multi-valued attribute, resources are sorted by the value of the primary
// attribute (see Section 2.4 of [RFC7643]), if any, or else the first value in the list, if any."
fn one_of(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(items) => items.iter().find(|item| is_primary(item)).or_else(|| items.first()),
        one => Some(one),
    }
}

enum Key<'a> {
    Text(String),
    Flag(bool),
    Number(&'a Number),
    Time(DateTime<Utc>),
}

impl Key<'_> {
    /// Values of one attribute are of one type.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Flag(one), Self::Flag(other)) => one.cmp(other),
            (Self::Time(one), Self::Time(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => {
                compare_numbers(one, other).unwrap_or(Ordering::Equal)
            }
            _ => Ordering::Equal,
        }
    }
}
