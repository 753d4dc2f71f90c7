//! One step on one document. Knows singular attributes and containers; leaves lists to `elements`.

use serde_json::{Map, Value};

use super::elements::Elements;
use super::{Action, Step, Target};
use crate::dialect::{Dialect, Stricture};
use crate::error::Error;
use crate::schema::{Attribute, Mutability};

/// Carries out a step. The document may be left half-changed when it fails: the caller throws it away.
pub(super) fn step(step: &Step, doc: &mut Map<String, Value>, dialect: &Dialect) -> Result<(), Error> {
    let Some(urn) = &step.target.attr.schema_urn else { return at(step, doc, dialect) };
    let mut part = match doc.remove(urn) {
        Some(Value::Object(part)) => part,
        _ => Map::new(),
    };
    at(step, &mut part, dialect)?;
    if !part.is_empty() {
        doc.insert(urn.clone(), Value::Object(part));
    }
    Ok(())
}

/// Takes the attribute out of its container, changes it and puts it back if anything is left.
fn at(step: &Step, container: &mut Map<String, Value>, dialect: &Dialect) -> Result<(), Error> {
    let Step { target, action } = step;
    let attribute = target.attr.attribute.as_ref();
    let was = container.remove(&attribute.name);
    let has_immutable = std::iter::once(attribute)
        .chain(attribute.sub_attributes.iter().map(AsRef::as_ref))
        .any(|part| part.mutability == Mutability::Immutable);
    let before = was.clone().filter(|_| has_immutable);
    let is = if attribute.multi_valued {
        Elements::new(attribute, was).change(target, action, dialect)?
    } else {
        singular(target, was, action, dialect)
    };
    refuse_changed(target, before.as_ref(), is.as_ref())?;
    if let Some(value) = is {
        container.insert(attribute.name.clone(), value);
    }
    Ok(())
}

/// RFC 7644 §3.5.2: "However, a client MAY "add" a value to an "immutable" attribute if the attribute had
/// no previous value." The same value is no change. A complex attribute may be removed with what is immutable
/// in it, as a value of a list may.
fn refuse_changed(target: &Target, was: Option<&Value>, is: Option<&Value>) -> Result<(), Error> {
    let attribute = target.attr.attribute.as_ref();
    let changed = |was: Option<&Value>, is: Option<&Value>| was.is_some() && was != is;
    if attribute.mutability == Mutability::Immutable && changed(was, is) {
        return Err(immutable(attribute));
    }
    if attribute.multi_valued || is.is_none() && target.attr.sub.is_none() {
        return Ok(());
    }
    let part_changed = |sub: &Attribute| {
        let part = |whole: Option<&Value>| whole.and_then(|whole| whole.get(&sub.name)).cloned();
        changed(part(was).as_ref(), part(is).as_ref())
    };
    let mut parts = attribute.sub_attributes.iter().filter(|sub| sub.mutability == Mutability::Immutable);
    match parts.find(|sub| part_changed(sub)) {
        Some(sub) => Err(immutable(sub)),
        None => Ok(()),
    }
}

pub(super) fn immutable(attribute: &Attribute) -> Error {
    Error::mutability(format!("'{}' is immutable and has a value", attribute.name))
}

/// RFC 7644 §3.5.2.3: "Sub-attributes that are not specified in the "value" parameter are left unchanged."
/// The interoperability profile has them replaced too, save what is immutable.
fn singular(target: &Target, was: Option<Value>, action: &Action, dialect: &Dialect) -> Option<Value> {
    let (Action::Add(value) | Action::Replace(value)) = action else {
        return match (&target.attr.sub, was) {
            (Some(sub), Some(Value::Object(mut object))) => {
                object.remove(&sub.name);
                (!object.is_empty()).then_some(Value::Object(object))
            }
            _ => None,
        };
    };
    let object = match was {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    match (&target.attr.sub, value) {
        (Some(sub), value) => {
            let mut object = object;
            set(&mut object, sub, value, action);
            Some(Value::Object(object))
        }
        (None, Value::Object(parts)) => {
            let mut object = object;
            for (name, value) in parts {
                let sub = target.attr.attribute.sub_attribute(name);
                if let Some(sub) = sub {
                    set(&mut object, sub, value, action);
                }
            }
            if matches!(action, Action::Replace(_)) && dialect.demands(Stricture::WholeReplace) {
                let stays = |name: &String| {
                    let sub = target.attr.attribute.sub_attribute(name);
                    parts.contains_key(name) || sub.is_some_and(|sub| sub.mutability == Mutability::Immutable)
                };
                object.retain(|name, _| stays(name));
            }
            Some(Value::Object(object))
        }
        (None, value) => Some(value.clone()),
    }
}

/// Sets a sub-attribute; adding to a list extends it.
pub(super) fn set(object: &mut Map<String, Value>, sub: &Attribute, value: &Value, action: &Action) {
    let extended = match (action, object.get(&sub.name), value) {
        (Action::Add(_), Some(Value::Array(was)), Value::Array(more)) if sub.multi_valued => {
            let mut items = was.clone();
            items.extend(more.iter().filter(|item| !was.contains(item)).cloned());
            Some(Value::Array(items))
        }
        _ => None,
    };
    object.insert(sub.name.clone(), extended.unwrap_or_else(|| value.clone()));
}
