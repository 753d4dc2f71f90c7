//! The values of a multi-valued attribute under an operation. Knows identity, selection and primary; does
//! not know documents.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::apply::{immutable, set};
use super::{Action, Target};
use crate::dialect::{Dialect, Leniency, Stricture};
use crate::error::Error;
use crate::filter::{Comparand, CompareOp, Filter};
use crate::schema::{Attribute, Mutability};
use crate::value::{at_most_one_primary, identity, is_primary};

/// The values, and which of them the operation has made primary.
pub(super) struct Elements<'a> {
    attribute: &'a Attribute,
    items: Vec<Item>,
}

struct Item {
    value: Value,
    made_primary: bool,
}

impl<'a> Elements<'a> {
    pub(super) fn new(attribute: &'a Attribute, was: Option<Value>) -> Self {
        let values = match was {
            Some(Value::Array(values)) => values,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let items = values.into_iter().map(|value| Item { value, made_primary: false }).collect();
        Self { attribute, items }
    }

    /// The attribute's new value; `None` when nothing is left.
    pub(super) fn change(
        mut self,
        target: &Target,
        action: &Action,
        dialect: &Dialect,
    ) -> Result<Option<Value>, Error> {
        match (&target.filter, target.attr.sub.as_deref()) {
            (None, None) => self.whole(action)?,
            (None, Some(sub)) => self.sub_attribute_of_all(sub, action)?,
            (Some(filter), sub) => self.selected(filter, sub, action, dialect)?,
        }
        self.drop_repetitions();
        self.settle_primary()?;
        let values: Vec<Value> =
            self.items.into_iter().map(|item| item.value).filter(|v| !is_empty(v)).collect();
        Ok((!values.is_empty()).then_some(Value::Array(values)))
    }

    fn whole(&mut self, action: &Action) -> Result<(), Error> {
        match action {
            Action::Add(value) => self.add(list(value))?,
            Action::Replace(value) => {
                self.items = list(value).iter().map(|value| Item::new(value.clone())).collect();
            }
            Action::Remove => self.items.clear(),
            Action::RemoveValues(values) => {
                let keys: HashSet<String> = values.iter().map(|value| self.removal_key(value)).collect();
                let attribute = self.attribute;
                self.items.retain(|item| {
                    !keys.contains(&identity(attribute, &item.value))
                        && !keys.contains(&value_key(attribute, &item.value))
                });
            }
        }
        Ok(())
    }

    /// A value that is named without its `type` is removed whatever its type is.
    fn removal_key(&self, value: &Value) -> String {
        if value.get("type").is_some() {
            identity(self.attribute, value)
        } else {
            value_key(self.attribute, value)
        }
    }

    /// Adds what is not there yet. A value that is there takes over the given sub-attributes.
    ///
    /// RFC 7644 §3.5.2.1: "If the target location already contains the value specified, no changes SHOULD be
    /// made to the resource, and a success response SHOULD be returned."
    fn add(&mut self, values: &[Value]) -> Result<(), Error> {
        let mut known: HashMap<String, usize> = HashMap::new();
        for (at, item) in self.items.iter().enumerate() {
            known.entry(identity(self.attribute, &item.value)).or_insert(at);
        }
        for value in values {
            let key = identity(self.attribute, value);
            if let Some(item) = known.get(&key).and_then(|at| self.items.get_mut(*at)) {
                item.merge(self.attribute, value)?;
            } else {
                known.insert(key, self.items.len());
                self.items.push(Item::new(value.clone()));
            }
        }
        Ok(())
    }

    /// `emails.type` without a filter speaks of every value; where there is none, adding makes one.
    fn sub_attribute_of_all(&mut self, sub: &Attribute, action: &Action) -> Result<(), Error> {
        if self.items.is_empty() && matches!(action, Action::Add(_) | Action::Replace(_)) {
            self.items.push(Item { value: Value::Object(Map::new()), made_primary: false });
        }
        for item in &mut self.items {
            item.set(sub, action)?;
        }
        Ok(())
    }

    /// RFC 7644 §3.5.2.3: "If the target location is a multi-valued attribute for which a value selection
    /// filter ("valuePath") has been supplied and no record match was made, the service provider SHALL
    /// indicate failure by returning HTTP status code 400 and a "scimType" error code of "noTarget"."
    fn selected(
        &mut self,
        filter: &Filter,
        sub: Option<&Attribute>,
        action: &Action,
        dialect: &Dialect,
    ) -> Result<(), Error> {
        let matched: Vec<bool> = self.items.iter().map(|item| filter.matches_element(&item.value)).collect();
        if !matched.contains(&true) {
            return self.none_selected(filter, sub, action, dialect);
        }
        if dialect.demands(Stricture::OneTarget) && matched.iter().filter(|matched| **matched).count() > 1 {
            let detail = format!("More than one value of '{}' matches the filter", self.attribute.name);
            return Err(Error::invalid_filter(detail));
        }
        match (sub, action) {
            (Some(sub), action) => {
                for (item, matched) in self.items.iter_mut().zip(matched) {
                    if matched {
                        item.set(sub, action)?;
                    }
                }
            }
            (None, Action::Add(value)) => {
                for (item, _) in self.items.iter_mut().zip(matched).filter(|(_, matched)| *matched) {
                    item.merge(self.attribute, value)?;
                }
            }
            (None, Action::Replace(value)) => {
                for (item, _) in self.items.iter_mut().zip(matched).filter(|(_, matched)| *matched) {
                    *item = Item::new(value.clone());
                }
            }
            (None, Action::Remove | Action::RemoveValues(_)) => {
                let mut matched = matched.into_iter();
                self.items.retain(|_| matched.next() != Some(true));
            }
        }
        Ok(())
    }

    fn none_selected(
        &mut self,
        filter: &Filter,
        sub: Option<&Attribute>,
        action: &Action,
        dialect: &Dialect,
    ) -> Result<(), Error> {
        let no_target =
            || Error::no_target(format!("No value of '{}' matches the filter", self.attribute.name));
        let (Action::Add(value) | Action::Replace(value)) = action else { return Err(no_target()) };
        let mut literals = Map::new();
        if !literals_of(filter, &mut literals) || !dialect.accepts(Leniency::CreateFromFilter) {
            return Err(no_target());
        }
        match (sub, value) {
            (Some(sub), value) => {
                literals.insert(sub.name.clone(), value.clone());
            }
            (None, Value::Object(parts)) => literals.extend(parts.clone()),
            (None, _) => return Err(no_target()),
        }
        self.items.push(Item::new(Value::Object(literals)));
        Ok(())
    }

    fn drop_repetitions(&mut self) {
        let mut seen = HashSet::new();
        self.items.retain(|item| seen.insert(item.value.to_string()));
    }

    /// RFC 7644 §3.5.2: "a PATCH operation that sets a value's "primary" sub-attribute to "true" SHALL cause
    /// the server to automatically set "primary" to "false" for any other values in the array."
    fn settle_primary(&mut self) -> Result<(), Error> {
        let chosen: Vec<Value> = self
            .items
            .iter()
            .filter(|item| item.made_primary && is_primary(&item.value))
            .map(|item| item.value.clone())
            .collect();
        at_most_one_primary(self.attribute, &chosen)?;
        if chosen.is_empty() {
            return Ok(());
        }
        for item in self.items.iter_mut().filter(|item| !item.made_primary && is_primary(&item.value)) {
            if let Value::Object(object) = &mut item.value {
                object.insert("primary".to_owned(), Value::Bool(false));
            }
        }
        // What was told from another by being primary may be that other now.
        self.drop_repetitions();
        Ok(())
    }
}

impl Item {
    fn new(value: Value) -> Self {
        let made_primary = is_primary(&value);
        Self { value, made_primary }
    }

    fn merge(&mut self, attribute: &Attribute, value: &Value) -> Result<(), Error> {
        match (&mut self.value, value) {
            (Value::Object(into), Value::Object(from)) => {
                let changes = |sub: &Attribute| {
                    into.get(&sub.name).is_some_and(|was| from.get(&sub.name).is_some_and(|is| is != was))
                };
                let mut parts =
                    attribute.sub_attributes.iter().filter(|sub| sub.mutability == Mutability::Immutable);
                if let Some(sub) = parts.find(|sub| changes(sub)) {
                    return Err(immutable(sub));
                }
                into.extend(from.clone());
            }
            (into, from) => *into = from.clone(),
        }
        self.made_primary |= is_primary(value);
        Ok(())
    }

    fn set(&mut self, sub: &Attribute, action: &Action) -> Result<(), Error> {
        let Value::Object(object) = &mut self.value else { return Ok(()) };
        let was = object.get(&sub.name);
        match action {
            Action::Add(value) | Action::Replace(value) => {
                if sub.mutability == Mutability::Immutable && was.is_some_and(|was| was != value) {
                    return Err(immutable(sub));
                }
                set(object, sub, value, action);
                self.made_primary |= sub.name == "primary" && value.as_bool() == Some(true);
            }
            Action::Remove | Action::RemoveValues(_) => {
                if sub.mutability == Mutability::Immutable && was.is_some() {
                    return Err(immutable(sub));
                }
                object.remove(&sub.name);
            }
        }
        Ok(())
    }
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Object(object) if object.is_empty())
}

/// The identity of a value with its `type` left out.
fn value_key(attribute: &Attribute, value: &Value) -> String {
    match value.get("value") {
        Some(only) => {
            identity(attribute, &Value::Object(Map::from_iter([("value".to_owned(), only.clone())])))
        }
        None => identity(attribute, value),
    }
}

/// What a value must be for `type eq "work" and primary eq true` to select it. `false` where the filter says
/// anything but equalities, each of another sub-attribute.
fn literals_of(filter: &Filter, literals: &mut Map<String, Value>) -> bool {
    match filter {
        Filter::And(all) => all.iter().all(|filter| literals_of(filter, literals)),
        Filter::Compare { attr, op: CompareOp::Eq, value } => {
            let value = match value {
                Comparand::String(text) => Value::from(text.as_str()),
                Comparand::Boolean(value) => Value::Bool(*value),
                Comparand::Number(number) => Value::Number(number.clone()),
                Comparand::DateTime(_) | Comparand::Null => return false,
            };
            attr.leaf().mutability != Mutability::ReadOnly
                && literals.insert(attr.leaf().name.clone(), value).is_none()
        }
        _ => false,
    }
}
