//! Reading JSON within a budget. Knows JSON; does not know SCIM attributes.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::Error;
pub use crate::limits::Limits;

/// Reads one JSON text.
///
/// Depth is counted while reading, so a hostile text costs no more stack than an honest one. Duplicate
/// member names are refused, because two readers of the same text could then see two different requests
/// (RFC 8259 §4), and so are NUL characters, which the database cannot store.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, Error> {
    read(bytes, limits, |node| node)
}

/// The same, where somebody looks on who reads some of it otherwise.
pub(crate) fn read<'de, S: DeserializeSeed<'de>>(
    bytes: &'de [u8],
    limits: &Limits,
    by: impl FnOnce(Node) -> S,
) -> Result<S::Value, Error> {
    if bytes.len() > limits.max_payload_size {
        return Err(Error::payload_too_large(format!(
            "The request body is larger than maxPayloadSize, {} bytes",
            limits.max_payload_size
        )));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::invalid_syntax(format!("The request body is not UTF-8: {error}")))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = by(Node { depth_left: limits.max_depth })
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| {
            Error::invalid_syntax(format!("The request body is not acceptable JSON: {error}"))
        })?;
    Ok(value)
}

/// A value at some depth; each array or object takes one level of what is left.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    depth_left: usize,
}

impl Node {
    pub(crate) fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left }),
            None => Err(E::custom("nested too deeply")),
        }
    }
}

fn checked<E: serde::de::Error>(text: &str) -> Result<&str, E> {
    if text.contains('\0') { Err(E::custom("NUL characters are not allowed")) } else { Ok(text) }
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(checked(value)?))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        object(members, |members, _| members.next_value_seed(below))
    }
}

/// An object whose values are read so, by their names.
pub(crate) fn object<'de, A: MapAccess<'de>>(
    mut members: A,
    mut value: impl FnMut(&mut A, &str) -> Result<Value, A::Error>,
) -> Result<Value, A::Error> {
    let mut object = Map::new();
    while let Some(name) = members.next_key::<String>()? {
        checked::<A::Error>(&name)?;
        let value = value(&mut members, &name)?;
        if object.insert(name, value).is_some() {
            return Err(A::Error::custom("a member name occurs twice in one object"));
        }
    }
    Ok(Value::Object(object))
}
