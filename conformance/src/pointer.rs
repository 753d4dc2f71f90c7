//! Finds values in a JSON document. Knows JSON pointers and `*`; does not know what the document means.

use serde_json::Value;

/// The value at `pointer`. `*` stands for every item of a list; the answer is then a list of what was found.
///
/// Attribute names are compared as SCIM compares them, without regard to case (RFC 7643 §2.1).
pub(crate) fn find(document: &Value, pointer: &str) -> Option<Value> {
    let mut found = vec![document];
    let many = pointer.split('/').any(|part| part == "*");
    for part in pointer.split('/').skip(1) {
        found = found.into_iter().flat_map(|value| below(value, part)).collect();
    }
    if many {
        return Some(Value::Array(found.into_iter().cloned().collect()));
    }
    found.first().map(|value| (*value).clone())
}

fn below<'a>(value: &'a Value, part: &str) -> Vec<&'a Value> {
    match value {
        Value::Array(items) if part == "*" => items.iter().collect(),
        Value::Array(items) => part.parse().ok().and_then(|at: usize| items.get(at)).into_iter().collect(),
        Value::Object(_) => member(value, part).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A member of an object by its name, whatever the case.
pub(crate) fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let map = object.as_object()?;
    map.get(name)
        .or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Puts `value` at `pointer`; the objects on the way are made if need be.
pub(crate) fn put(document: &mut Value, pointer: &str, value: Value) {
    let mut at = document;
    for part in pointer.split('/').skip(1) {
        if !at.is_object() && !at.is_array() {
            *at = Value::Object(serde_json::Map::new());
        }
        at = match at {
            Value::Array(items) => match part.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                Some(item) => item,
                None => return,
            },
            Value::Object(map) => map.entry(part.to_owned()).or_insert(Value::Null),
            _ => return,
        };
    }
    *at = value;
}

/// Takes away what is at `pointer`, if anything is.
pub(crate) fn remove(document: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(map)) = document.pointer_mut(parent) {
        map.remove(name);
    }
}

/// Is everything of `pattern` in `value`? Objects may have more members, lists more items.
pub(crate) fn fits(pattern: &Value, value: &Value) -> bool {
    match (pattern, value) {
        (Value::Object(wanted), Value::Object(_)) => {
            wanted.iter().all(|(name, part)| member(value, name).is_some_and(|found| fits(part, found)))
        }
        (Value::Array(wanted), Value::Array(items)) => {
            wanted.iter().all(|part| items.iter().any(|item| fits(part, item)))
        }
        _ => pattern == value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_star_is_every_item() {
        let list = json!({"Resources": [{"userName": "a"}, {"id": 1}, {"username": "b"}]});

        assert_eq!(find(&list, "/Resources/*/userName"), Some(json!(["a", "b"])));
        assert_eq!(find(&list, "/Resources/1/id"), Some(json!(1)));
        assert_eq!(find(&list, "/Resources/7"), None);
        assert_eq!(find(&list, ""), Some(list.clone()));
    }

    #[test]
    fn a_pattern_fits_what_has_more() {
        let emails = json!([{"type": "home", "value": "h"}, {"type": "work", "value": "w"}]);

        assert!(fits(&json!([{"type": "work"}]), &emails));
        assert!(!fits(&json!([{"type": "work", "value": "h"}]), &emails));
        assert!(!fits(&json!({"a": 1}), &json!({"a": 2})));
    }

    #[test]
    fn values_are_put_and_removed() {
        let mut person = json!({"name": {"givenName": "A"}, "emails": [{"value": "x"}]});

        put(&mut person, "/name/familyName", json!("B"));
        put(&mut person, "/emails/0/value", json!("y"));
        put(&mut person, "/a/b", json!(1));
        remove(&mut person, "/name/givenName");
        remove(&mut person, "/none/there");

        assert_eq!(person, json!({"name": {"familyName": "B"}, "emails": [{"value": "y"}], "a": {"b": 1}}));
    }
}
