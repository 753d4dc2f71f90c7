//! References to resources that other operations of the request create. Knows where they can stand and what they stand
//! for; does not know who creates.
//!
//! RFC 7644 §3.7.2: "The service provider MUST replace the string "bulkId:qwerty" with the permanent resource id once
//! created." Such a string is a whole value, a quoted value of a filter, or the end of an address. One that is a whole
//! value is a reference whatever it names; in the other places it is one if it names an operation.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Ask, BulkRequest};
use crate::error::Error;
use crate::message::PATCH_OP_URN;

const PREFIX: &str = "bulkId:";

/// What the bulkIds of a request stand for, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Ids(HashMap<String, Known>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// The resource is not there yet.
    Pending,
    /// It is, under this id.
    Created(String),
    /// It will not be.
    Failed,
}

/// The parts of a resource that refer to resources that are not there yet: by path, to be added later.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Deferred(Vec<(String, Value)>);

impl Ids {
    /// Before anything was done.
    pub fn of(request: &BulkRequest) -> Self {
        let creates = request.operations.iter().filter(|it| matches!(it.ask, Ok(Ask::Create { .. })));
        Self(creates.filter_map(|it| it.heading.bulk_id.clone()).map(|id| (id, Known::Pending)).collect())
    }

    /// The resource is there.
    pub fn created(&mut self, bulk_id: &str, id: String) {
        self.0.insert(bulk_id.to_owned(), Known::Created(id));
    }

    /// The resource will not be there.
    pub fn failed(&mut self, bulk_id: &str) {
        self.0.insert(bulk_id.to_owned(), Known::Failed);
    }

    /// An id as a path has it.
    pub fn id(&self, text: &str) -> Result<String, Error> {
        match text.strip_prefix(PREFIX) {
            Some(name) => self.named(name).map(str::to_owned),
            None => Ok(text.to_owned()),
        }
    }

    /// The id of the resource that is created under this name.
    fn named(&self, name: &str) -> Result<&str, Error> {
        let shown = || name.chars().take(64).collect::<String>();
        match self.0.get(name) {
            Some(Known::Created(id)) => Ok(id),
            Some(Known::Failed) => {
                Err(Error::new(409, format!("The operation with the bulkId '{}' failed", shown())))
            }
            Some(Known::Pending) => {
                Err(Error::new(409, format!("The resource of the bulkId '{}' is not there yet", shown())))
            }
            None => Err(Error::invalid_value(format!("No operation creates the bulkId '{}'", shown()))),
        }
    }

    /// Whether a value refers to something that is not there yet.
    pub fn is_pending(&self, value: &Value) -> bool {
        let mut pending = false;
        each(value, &mut |text| {
            for name in named_in(text, &|name| self.0.contains_key(name)) {
                pending |= self.0.get(name) == Some(&Known::Pending);
            }
        });
        pending
    }

    /// The value with ids in place of its references.
    pub fn resolve(&self, value: Value) -> Result<Value, Error> {
        Ok(match value {
            Value::String(text) if text.contains(PREFIX) => Value::String(self.text(&text)?.into_owned()),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| self.resolve(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(object) => {
                let resolved = object.into_iter().map(|(name, value)| Ok((name, self.resolve(value)?)));
                Value::Object(resolved.collect::<Result<Map<_, _>, Error>>()?)
            }
            other => other,
        })
    }

    fn text<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, Error> {
        if let Some(name) = text.strip_prefix(PREFIX) {
            return Ok(self.named(name)?.to_owned().into());
        }
        if let Some((before, name)) = ending(text)
            && self.0.contains_key(name)
        {
            return Ok(format!("{before}/{}", self.named(name)?).into());
        }
        let mut pieces = Vec::new();
        for (n, piece) in text.split('"').enumerate() {
            pieces.push(match quoted(n, piece).filter(|name| self.0.contains_key(*name)) {
                Some(name) => self.named(name)?,
                None => piece,
            });
        }
        Ok(pieces.join("\"").into())
    }

    /// Takes out of a new resource what refers to resources that are not there yet.
    pub fn split(&self, data: Value) -> (Value, Deferred) {
        let mut deferred = Vec::new();
        let Value::Object(data) = data else { return (data, Deferred(deferred)) };
        let kept = data.into_iter().filter_map(|(name, value)| match value {
            Value::Object(part) if name.contains(':') => {
                let part: Map<String, Value> = part
                    .into_iter()
                    .filter_map(|(sub, value)| {
                        let kept = self.keep(format!("{name}:{sub}"), value, &mut deferred)?;
                        Some((sub, kept))
                    })
                    .collect();
                (!part.is_empty()).then_some((name, Value::Object(part)))
            }
            value => {
                let kept = self.keep(name.clone(), value, &mut deferred)?;
                Some((name, kept))
            }
        });
        (Value::Object(kept.collect()), Deferred(deferred))
    }

    /// What of an attribute can be written now: all of it, some of its values, or nothing.
    fn keep(&self, path: String, value: Value, deferred: &mut Vec<(String, Value)>) -> Option<Value> {
        if !self.is_pending(&value) {
            return Some(value);
        }
        let Value::Array(items) = value else {
            deferred.push((path, value));
            return None;
        };
        let (later, now): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| self.is_pending(item));
        deferred.push((path, Value::Array(later)));
        (!now.is_empty()).then_some(Value::Array(now))
    }
}

impl Deferred {
    /// The PATCH that adds what was taken out.
    pub fn into_patch(self) -> Option<Value> {
        let add = |(path, value): (String, Value)| json!({"op": "add", "path": path, "value": value});
        let operations: Vec<Value> = self.0.into_iter().map(add).collect();
        (!operations.is_empty()).then(|| json!({"schemas": [PATCH_OP_URN], "Operations": operations}))
    }
}

/// The names that an operation refers to, of those that `is_known`.
pub(super) fn of(ask: &Ask, is_known: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if let Some(name) =
        ask.place().and_then(|place| place.id.strip_prefix(PREFIX)).filter(|name| is_known(name))
    {
        names.push(name.to_owned());
    }
    if let Some(data) = ask.data() {
        each(data, &mut |text| names.extend(named_in(text, is_known).into_iter().map(str::to_owned)));
    }
    names
}

/// Every text in a value that could be a reference.
fn each<'a>(value: &'a Value, found: &mut impl FnMut(&'a str)) {
    match value {
        Value::String(text) if text.contains(PREFIX) => found(text),
        Value::Array(items) => items.iter().for_each(|item| each(item, found)),
        Value::Object(object) => object.values().for_each(|value| each(value, found)),
        _ => {}
    }
}

/// The known names in a text, at the places where a reference can stand.
fn named_in<'a>(text: &'a str, is_known: &dyn Fn(&str) -> bool) -> Vec<&'a str> {
    let whole = text.strip_prefix(PREFIX);
    let at_end = ending(text).map(|(_, name)| name);
    let in_quotes = text.split('"').enumerate().filter_map(|(n, piece)| quoted(n, piece));
    whole.into_iter().chain(at_end).chain(in_quotes).filter(|name| is_known(name)).collect()
}

/// An address that ends in a reference: what stands before, and the name.
fn ending(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once("/bulkId:")
}

/// The name in a piece between quotation marks. The pieces of a text count from 0, outside first.
fn quoted(n: usize, piece: &str) -> Option<&str> {
    if n % 2 == 1 { piece.strip_prefix(PREFIX) } else { None }
}
