//! The body of a PATCH as it is read. Knows that most of a long one is a list of members of whom only the id is said, and keeps the ids:
//! as objects they would take ten times the room.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::json::{self, Node};
use crate::limits::Limits;

/// The body of a PATCH.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchBody {
    message: Value,
    ids: Vec<Ids>,
}

/// What the `value` of an operation said, where it was a list of `{"value": "…"}` and of nothing else.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ids {
    /// The number of the operation, from none. In the message stands an empty list.
    pub(super) operation: usize,
    /// The texts.
    pub(super) list: Vec<String>,
}

impl From<Value> for PatchBody {
    fn from(message: Value) -> Self {
        Self { message, ids: Vec::new() }
    }
}

impl PatchBody {
    /// Reads one JSON text, as [`json::parse`] does.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut ids = Vec::new();
        let message = json::read(bytes, limits, |node| At { node, place: Place::Message, ids: &mut ids })?;
        Ok(Self { message, ids })
    }

    /// The message, and the lists that were taken out of it.
    pub(super) fn into_parts(self) -> (Value, Vec<Ids>) {
        (self.message, self.ids)
    }
}

const VALUE: &str = "value";

/// A member of whom only the id is said.
pub(crate) fn by_id(id: String) -> Value {
    Value::Object(Map::from_iter([(VALUE.to_owned(), Value::String(id))]))
}

/// The id, if a value is a member of whom only that is said.
fn id_alone(value: Value) -> Result<String, Value> {
    match value {
        Value::Object(mut object) if object.len() == 1 => match object.remove(VALUE) {
            Some(Value::String(id)) => Ok(id),
            Some(other) => Err(Value::Object(Map::from_iter([(VALUE.to_owned(), other)]))),
            None => Err(Value::Object(object)),
        },
        other => Err(other),
    }
}

/// Where in the message somebody reads.
#[derive(Clone, Copy)]
enum Place {
    Message,
    Operations,
    /// The operation with this number.
    Operation(usize),
    /// Its value.
    Value(usize),
}

struct At<'a> {
    node: Node,
    place: Place,
    ids: &'a mut Vec<Ids>,
}

impl At<'_> {
    /// What stands there below the name.
    fn below(place: Place, name: &str) -> Option<Place> {
        match place {
            Place::Message if name.eq_ignore_ascii_case("Operations") => Some(Place::Operations),
            Place::Operation(n) if name.eq_ignore_ascii_case(VALUE) => Some(Place::Value(n)),
            _ => None,
        }
    }
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.expecting(f)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.node.visit_bool(value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.node.visit_i64(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.node.visit_u64(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.node.visit_f64(value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.node.visit_str(value)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.node.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let Self { node, place, ids } = self;
        let below = node.below()?;
        match place {
            Place::Operations => {
                let mut items = Vec::new();
                loop {
                    let place = Place::Operation(items.len());
                    let operation = At { node: below, place, ids: &mut *ids };
                    let Some(item) = sequence.next_element_seed(operation)? else { break };
                    items.push(item);
                }
                Ok(Value::Array(items))
            }
            Place::Value(operation) => {
                let mut list = Vec::new();
                while let Some(item) = sequence.next_element_seed(below)? {
                    let other = match id_alone(item) {
                        Ok(id) => {
                            list.push(id);
                            continue;
                        }
                        Err(other) => other,
                    };
                    let mut items: Vec<Value> = list.into_iter().map(by_id).collect();
                    items.push(other);
                    while let Some(item) = sequence.next_element_seed(below)? {
                        items.push(item);
                    }
                    return Ok(Value::Array(items));
                }
                if !list.is_empty() {
                    ids.push(Ids { operation, list });
                }
                Ok(Value::Array(Vec::new()))
            }
            Place::Message | Place::Operation(_) => node.visit_seq(sequence),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value, A::Error> {
        let Self { node, place, ids } = self;
        let below = node.below()?;
        json::object(members, |members, name| match Self::below(place, name) {
            Some(place) => members.next_value_seed(At { node: below, place, ids: &mut *ids }),
            None => members.next_value_seed(below),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is read, put together again.
    fn whole(body: PatchBody) -> Value {
        let (mut message, ids) = body.into_parts();
        for Ids { operation, list } in ids {
            let operations = message.as_object_mut().unwrap().iter_mut();
            let (_, operations) = operations.into_iter().find(|(name, _)| *name != "schemas").unwrap();
            let operation = operations[operation].as_object_mut().unwrap();
            let (_, value) =
                operation.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("value")).unwrap();
            assert_eq!(value, &json!([]));
            *value = list.into_iter().map(by_id).collect();
        }
        message
    }

    #[test]
    fn what_is_read_in_little_room_is_what_was_sent() {
        let lists = [
            json!([{"value": "a"}, {"value": "b"}]),
            json!([{"value": "a"}, {"value": "b", "type": "User"}, {"value": "c"}]),
            json!([{"value": "a"}, {"Value": "b"}]),
            json!([{"value": "a"}, {"value": 1}]),
            json!([{"value": "a"}, "b", null, [], {}]),
            json!([{"value": ["a"]}]),
            json!([]),
            json!({"value": [{"value": "a"}]}),
            json!("a"),
            json!(null),
            json!(1.5),
            json!([[{"value": "a"}]]),
        ];
        for value in lists {
            for (outer, inner) in [("Operations", "value"), ("operations", "Value"), ("others", "value")] {
                let sent = json!({
                    "schemas": [{"value": "a"}],
                    outer: [
                        {"op": "add", "path": "members", inner: value},
                        {"op": "add", "path": "members", "value": [{"value": "z"}]},
                        [{"value": "a"}],
                    ],
                });
                let read = PatchBody::read(sent.to_string().as_bytes(), &Limits::DEFAULT).unwrap();

                assert_eq!(whole(read), sent);
            }
        }
    }

    #[test]
    fn what_is_refused_elsewhere_is_refused_here() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        for value in [
            r#"[{"value": "a", "value": "b"}]"#,
            r#"[{"type": "a", "value": "b", "type": "c"}]"#,
            r#"[{"value": "a\u0000"}]"#,
            r#"[{"value": "a"}, {"val\u0000ue": "a"}]"#,
            r#"[{"value": "a"}"#,
            deep.as_str(),
        ] {
            let text = format!(r#"{{"schemas": [], "Operations": [{{"op": "add", "value": {value}}}]}}"#);
            let refused = PatchBody::read(text.as_bytes(), &Limits::DEFAULT).unwrap_err();

            assert_eq!(refused, json::parse(text.as_bytes(), &Limits::DEFAULT).unwrap_err(), "{text}");
        }
    }

    #[test]
    fn a_list_of_ids_is_kept_as_such_and_no_other_is() {
        let text =
            r#"{"Operations": [{"op": "remove"}, {"op": "add", "value": [{"value": "a"}, {"value": "b"}]}]}"#;
        let (_, ids) = PatchBody::read(text.as_bytes(), &Limits::DEFAULT).unwrap().into_parts();
        assert_eq!(ids, [Ids { operation: 1, list: vec!["a".to_owned(), "b".to_owned()] }]);
        let other =
            r#"{"Operations": [{"op": "add", "value": [{"value": "a"}, {"value": "b", "display": "B"}]}]}"#;
        let (_, ids) = PatchBody::read(other.as_bytes(), &Limits::DEFAULT).unwrap().into_parts();
        assert_eq!(ids, []);
    }
}
