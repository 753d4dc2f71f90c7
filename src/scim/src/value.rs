//! Values against their attributes. Knows types and canonical form; does not know operations or whole resources.

use std::collections::{BTreeSet, HashSet};

use chrono::DateTime;
use serde_json::{Map, Number, Value};

use crate::dialect::{Dialect, Leniency};
use crate::error::Error;
use crate::limits::Limits;
use crate::schema::{Attribute, AttributeType, Mutability};
use crate::text::fold;

/// Reads values of one request.
pub(crate) struct Reader<'a> {
    pub(crate) dialect: &'a Dialect,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(dialect: &'a Dialect) -> Self {
        Self { dialect }
    }

    /// Asks the dialect, which notes the leniency when it is granted.
    pub(crate) fn accepts(&self, leniency: Leniency) -> bool {
        self.dialect.accepts(leniency)
    }

    /// The canonical form of an attribute's whole value; `None` when it is unassigned.
    ///
    /// RFC 7643 §2.5: "Unassigned attributes, the null value, or an empty array (in the case of a
    /// multi-valued attribute) SHALL be considered to be equivalent in "state"."
    pub(crate) fn attribute(&self, attribute: &Attribute, value: Value) -> Result<Option<Value>, Error> {
        if !attribute.multi_valued {
            return self.element(attribute, value);
        }
        match value {
            Value::Null => Ok(None),
            Value::Array(items) => self.list(attribute, items),
            one if self.accepts(Leniency::SingleForMultiple) => self.list(attribute, vec![one]),
            _ => Err(Error::invalid_value(format!(
                "'{}' is multi-valued: an array is expected",
                attribute.name
            ))),
        }
    }

    /// The canonical form of a list: nulls and repetitions left out, at most one value primary.
    pub(crate) fn list(&self, attribute: &Attribute, items: Vec<Value>) -> Result<Option<Value>, Error> {
        let mut seen = HashSet::new();
        let mut kept = Vec::new();
        for item in items {
            if let Some(item) = self.element(attribute, item)?
                && seen.insert(item.to_string())
            {
                kept.push(item);
            }
        }
        at_most_one_primary(attribute, &kept)?;
        Ok((!kept.is_empty()).then_some(Value::Array(kept)))
    }

    /// The canonical form of one value.
    pub(crate) fn element(&self, attribute: &Attribute, value: Value) -> Result<Option<Value>, Error> {
        let wrong = || {
            Error::invalid_value(format!("'{}' must be of type {}", attribute.name, attribute.kind.as_str()))
        };
        let value = match (attribute.kind, value) {
            (_, Value::Null) => return Ok(None),
            (AttributeType::Complex, value) => return self.complex(attribute, value),
            (AttributeType::Boolean, Value::Bool(value)) => Value::Bool(value),
            (AttributeType::Boolean, Value::String(text)) => {
                let read = ["true", "false"].into_iter().find(|word| word.eq_ignore_ascii_case(&text));
                match read {
                    Some(word) if self.accepts(Leniency::BooleanAsString) => Value::Bool(word == "true"),
                    _ => return Err(wrong()),
                }
            }
            (AttributeType::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {
                Value::Number(number)
            }
            (AttributeType::Decimal, Value::Number(number)) => Value::Number(number),
            (kind @ (AttributeType::Integer | AttributeType::Decimal), Value::String(text)) => {
                match number(kind, &text) {
                    Some(number) if self.accepts(Leniency::IntegerAsString) => Value::Number(number),
                    _ => return Err(wrong()),
                }
            }
            (kind, Value::String(text)) if text_fits(kind, &text) => Value::String(text),
            _ => return Err(wrong()),
        };
        Ok(Some(value))
    }

    fn complex(&self, attribute: &Attribute, value: Value) -> Result<Option<Value>, Error> {
        let object = match value {
            Value::Object(object) => self.opened(attribute, object),
            Value::Array(_) => return Err(self.not_complex(attribute)),
            scalar => {
                let value = attribute.sub_attribute("value").ok_or_else(|| self.not_complex(attribute))?;
                if !self.accepts(Leniency::ScalarForComplex) {
                    return Err(self.not_complex(attribute));
                }
                if scalar.as_str() == Some("") {
                    return Ok(None);
                }
                Map::from_iter([(value.name.clone(), scalar)])
            }
        };
        let mut kept = Map::new();
        let mut seen = BTreeSet::new();
        let mut says_what_is_ours = false;
        for (name, value) in object {
            let Some(sub) = attribute.sub_attribute(&name) else {
                if self.accepts(Leniency::UnknownAttribute) {
                    continue;
                }
                return Err(Error::invalid_syntax(format!(
                    "'{}' has no sub-attribute '{name}'",
                    attribute.name
                )));
            };
            if !seen.insert(&sub.name) {
                return Err(twice(&sub.name));
            }
            if matches!(sub.mutability, Mutability::ReadOnly | Mutability::WriteOnly) {
                says_what_is_ours |= !value.is_null();
                continue;
            }
            if let Some(value) = self.attribute(sub, value)? {
                kept.insert(sub.name.clone(), value);
            }
        }
        if kept.is_empty() && says_what_is_ours && attribute.multi_valued {
            // Taken for nothing, a list of such values would empty the attribute.
            return Err(Error::invalid_value(format!(
                "A value of '{}' needs more than what is read-only",
                attribute.name
            )));
        }
        Ok((!kept.is_empty()).then_some(Value::Object(kept)))
    }

    /// A value whose `value` is itself JSON text with a `value`, as Microsoft Entra ID writes roles, with what the text
    /// says in its place. What the text says besides and we do not keep is dropped.
    fn opened(&self, attribute: &Attribute, mut object: Map<String, Value>) -> Map<String, Value> {
        if !attribute.multi_valued || !self.dialect.grants(Leniency::JsonInString) {
            return object;
        }
        let is_value = |(name, value): (&String, &Value)| {
            let text = value.as_str().filter(|text| text.starts_with('{'))?;
            name.eq_ignore_ascii_case("value").then(|| (name.clone(), text.to_owned()))
        };
        let Some((name, text)) = object.iter().find_map(is_value) else { return object };
        let Ok(Value::Object(inner)) = crate::json::parse(text.as_bytes(), &Limits::DEFAULT) else {
            return object;
        };
        let Some(value @ Value::String(_)) = inner.get("value") else { return object };
        if !self.accepts(Leniency::JsonInString) {
            return object;
        }
        object.insert(name, value.clone());
        for (from, to) in [("display", "display"), ("displayName", "display"), ("type", "type")] {
            let told = object.keys().any(|known| known.eq_ignore_ascii_case(to));
            if let Some(more @ Value::String(_)) = inner.get(from).filter(|_| !told) {
                object.insert(to.to_owned(), more.clone());
            }
        }
        object
    }

    #[expect(clippy::unused_self, reason = "reads as one sentence with the calls around it")]
    fn not_complex(&self, attribute: &Attribute) -> Error {
        Error::invalid_value(format!("'{}' is complex: an object is expected", attribute.name))
    }
}

/// Two spellings of one name in one object.
pub(crate) fn twice(name: &str) -> Error {
    Error::invalid_syntax(format!("The attribute '{name}' occurs twice"))
}

/// RFC 7643 §2.4: "The primary attribute value "true" MUST appear no more than once."
pub(crate) fn at_most_one_primary(attribute: &Attribute, items: &[Value]) -> Result<(), Error> {
    if items.iter().filter(|item| is_primary(item)).count() > 1 {
        return Err(Error::invalid_value(format!("Only one value of '{}' may be primary", attribute.name)));
    }
    Ok(())
}

pub(crate) fn is_primary(item: &Value) -> bool {
    item.get("primary").and_then(Value::as_bool) == Some(true)
}

/// What makes two values of a multi-valued attribute the same value: `value` and `type` where there is a
/// `value`, otherwise everything but `primary`. Strings count as their attribute compares them.
///
/// RFC 7643 §2.4: "SHOULD NOT return the same (type, value) combination more than once"
pub(crate) fn identity(attribute: &Attribute, item: &Value) -> String {
    let Value::Object(object) = item else { return key(attribute, item) };
    let has_value = object.contains_key("value");
    let mut parts = Vec::new();
    for sub in &attribute.sub_attributes {
        let counts =
            if has_value { matches!(sub.name.as_str(), "value" | "type") } else { sub.name != "primary" };
        if let Some(value) = object.get(&sub.name).filter(|_| counts) {
            parts.push(Value::from(sub.name.as_str()));
            parts.push(Value::from(key(sub, value)));
        }
    }
    Value::Array(parts).to_string()
}

fn key(attribute: &Attribute, value: &Value) -> String {
    match value {
        Value::String(text) if !attribute.case_exact => fold(text),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The number that a text spells as JSON does.
pub(crate) fn number(kind: AttributeType, text: &str) -> Option<Number> {
    let number: Number = serde_json::from_str(text).ok()?;
    (kind != AttributeType::Integer || number.is_i64() || number.is_u64()).then_some(number)
}

fn text_fits(kind: AttributeType, text: &str) -> bool {
    if text.contains('\0') {
        return false;
    }
    match kind {
        AttributeType::String => true,
        AttributeType::DateTime => DateTime::parse_from_rfc3339(text).is_ok(),
        AttributeType::Reference => !text.chars().any(|c| c.is_whitespace() || c.is_control()),
        AttributeType::Binary => is_base64(text),
        AttributeType::Boolean | AttributeType::Integer | AttributeType::Decimal | AttributeType::Complex => {
            false
        }
    }
}

/// RFC 7643 §2.3.6: "The attribute value MUST be base64 encoded" in either alphabet of RFC 4648, with or
/// without padding.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len().saturating_sub(body.len());
    padding <= 2
        && body.len() % 4 != 1
        && (padding == 0 || text.len().is_multiple_of(4))
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'))
}
