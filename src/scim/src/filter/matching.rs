//! What a filter means. Knows resources as JSON; does not know how a database would answer.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Map, Number, Value};

use super::{Comparand, CompareOp, Filter};
use crate::path::AttributeRef;
use crate::schema::Attribute;
use crate::text::fold;

impl Filter {
    /// Does the resource match? The reference that a translation to another language is held to.
    ///
    /// RFC 7644 §3.4.2.2: "If the specified attribute in a filter expression is a multi-valued attribute,
    /// the filter matches if any of the values of the specified attribute match the specified criterion"
    ///
    /// An attribute without a value matches `ne` with any literal and `eq null`, and nothing else.
    pub fn matches(&self, resource: &Map<String, Value>) -> bool {
        self.holds(Within::Resource(resource))
    }

    /// Does one value of the parent of a value path match?
    pub(crate) fn matches_element(&self, element: &Value) -> bool {
        self.holds(Within::Element(element))
    }

    fn holds(&self, within: Within<'_>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.holds(within)),
            Self::Or(any) => any.iter().any(|filter| filter.holds(within)),
            Self::Not(filter) => !filter.holds(within),
            Self::Present(attr) => within.values(attr).into_iter().any(has_content),
            Self::Compare { attr, op, value } => compare(attr.leaf(), *op, value, &within.values(attr)),
            Self::ValuePath { attr, filter } => {
                within.values(attr).into_iter().any(|element| filter.matches_element(element))
            }
        }
    }
}

/// Where names are looked up.
#[derive(Clone, Copy)]
enum Within<'a> {
    Resource(&'a Map<String, Value>),
    Element(&'a Value),
}

impl<'a> Within<'a> {
    /// Every value of the attribute, lists opened and nulls left out.
    fn values(self, attr: &AttributeRef) -> Vec<&'a Value> {
        let parents: Vec<&Value> = match self {
            Self::Element(element) => vec![element],
            Self::Resource(resource) => {
                let container = match &attr.schema_urn {
                    None => Some(resource),
                    Some(urn) => resource.get(urn).and_then(Value::as_object),
                };
                open(container.and_then(|container| container.get(&attr.attribute.name))).collect()
            }
        };
        match &attr.sub {
            None => parents,
            Some(sub) => parents.into_iter().flat_map(|parent| open(parent.get(&sub.name))).collect(),
        }
    }
}

fn open(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let items = match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    items.iter().filter(|item| !item.is_null())
}

/// RFC 7644 §3.4.2.2, Table 3: "If the attribute has a non-empty or non-null value, or if it contains a
/// non-empty node for complex attributes, there is a match."
fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(has_content),
        Value::Object(object) => object.values().any(has_content),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn compare(attribute: &Attribute, op: CompareOp, comparand: &Comparand, values: &[&Value]) -> bool {
    match (op, comparand) {
        (CompareOp::Ne, Comparand::Null) => !values.is_empty(),
        (_, Comparand::Null) => values.is_empty(),
        (CompareOp::Ne, _) if values.is_empty() => true,
        (_, Comparand::String(text)) => {
            let key = |text: &str| if attribute.case_exact { text.to_owned() } else { fold(text) };
            let wanted = key(text);
            values
                .iter()
                .filter_map(|value| value.as_str())
                .any(|found| text_matches(op, &key(found), &wanted))
        }
        (_, Comparand::Boolean(wanted)) => values
            .iter()
            .filter_map(|value| value.as_bool())
            .any(|found| ordering_matches(op, found.cmp(wanted))),
        (_, Comparand::Number(wanted)) => values
            .iter()
            .filter_map(|value| value.as_number())
            .filter_map(|found| compare_numbers(found, wanted))
            .any(|ordering| ordering_matches(op, ordering)),
        (_, Comparand::DateTime(wanted)) => values
            .iter()
            .filter_map(|value| value.as_str().and_then(parse_time))
            .any(|found| ordering_matches(op, found.cmp(wanted))),
    }
}

fn text_matches(op: CompareOp, found: &str, wanted: &str) -> bool {
    match op {
        CompareOp::Co => found.contains(wanted),
        CompareOp::Sw => found.starts_with(wanted),
        CompareOp::Ew => found.ends_with(wanted),
        _ => ordering_matches(op, found.cmp(wanted)),
    }
}

fn ordering_matches(op: CompareOp, ordering: Ordering) -> bool {
    match op {
        CompareOp::Eq => ordering.is_eq(),
        CompareOp::Ne => ordering.is_ne(),
        CompareOp::Gt => ordering.is_gt(),
        CompareOp::Ge => ordering.is_ge(),
        CompareOp::Lt => ordering.is_lt(),
        CompareOp::Le => ordering.is_le(),
        CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}

pub(crate) fn compare_numbers(found: &Number, wanted: &Number) -> Option<Ordering> {
    match (found.as_i64(), wanted.as_i64()) {
        (Some(found), Some(wanted)) => Some(found.cmp(&wanted)),
        _ => found.as_f64()?.partial_cmp(&wanted.as_f64()?),
    }
}

pub(crate) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}
