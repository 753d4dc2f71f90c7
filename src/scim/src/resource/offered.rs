//! Values that a tenant offers for `roles` and `entitlements`. Knows which others are refused or left out; does not know
//! who offers them.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::dialect::Leniency;
use crate::error::Error;
use crate::schema::{Attribute, ResourceType};
use crate::text::fold;
use crate::value::Reader;

/// How many of the values that are offered a refusal names.
const MOST_NAMED: usize = 20;

/// Holds a document to the values that are offered. What the resource has already may stay, so that a client which
/// sends back what it read is not refused because less is offered by now.
///
/// RFC 7643 §7: "In some cases, service providers MAY choose to ignore unsupported values." That is the leniency; the
/// rule is to refuse them.
pub(crate) fn only_offered(
    resource_type: &ResourceType,
    before: Option<&Map<String, Value>>,
    doc: &mut Map<String, Value>,
    reader: &Reader<'_>,
) -> Result<(), Error> {
    for attribute in &resource_type.schema.attributes {
        let Some(value) = attribute.sub_attribute("value").filter(|value| value.closed) else { continue };
        let Some(Value::Array(items)) = doc.get_mut(&attribute.name) else { continue };
        let mut known: HashSet<String> = value.canonical_values.iter().map(|offered| fold(offered)).collect();
        let held = before.and_then(|before| before.get(&attribute.name)).and_then(Value::as_array);
        known.extend(held.into_iter().flatten().filter_map(text).map(fold));
        let mut refused = None;
        items.retain(|item| match text(item).filter(|text| !known.contains(&fold(text))) {
            None => true,
            Some(_) if reader.accepts(Leniency::UnknownRole) => false,
            Some(text) => {
                refused.get_or_insert_with(|| text.to_owned());
                true
            }
        });
        if let Some(refused) = refused {
            return Err(not_offered(attribute, value, &refused));
        }
        if items.is_empty() {
            doc.remove(&attribute.name);
        }
    }
    Ok(())
}

fn text(item: &Value) -> Option<&str> {
    item.get("value").and_then(Value::as_str)
}

fn not_offered(attribute: &Attribute, value: &Attribute, refused: &str) -> Error {
    let offered: Vec<&str> = value.canonical_values.iter().map(String::as_str).take(MOST_NAMED).collect();
    let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
    let refused: String = refused.chars().take(100).collect();
    Error::invalid_value(format!("'{refused}' is none of the {} that are offered: {offered}", attribute.name))
}
