//! Compares an answer with what a step expects. Knows the words of expectations; does not know why they are expected.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::client::Answer;
use crate::pointer::{find, fits};
use crate::vars::{Into, Vars};

const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// One number or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Statuses {
    /// Exactly this one.
    One(u16),
    /// Any of these.
    Any(Vec<u16>),
}

impl Statuses {
    fn has(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::Any(any) => any.contains(&status),
        }
    }
}

/// What an answer must be. Values are found by JSON pointer, `*` for every item of a list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Expect {
    /// The status.
    pub(crate) status: Option<Statuses>,
    /// A SCIM error message; its `scimType`, or several with ` or ` between them, unless this is empty.
    pub(crate) error: Option<String>,
    /// The value is exactly this.
    pub(crate) equals: Map<String, Value>,
    /// The value is not this.
    pub(crate) differs: Map<String, Value>,
    /// The list, in any order, is this.
    pub(crate) set: Map<String, Value>,
    /// Of the strings in the list, those that begin with `${unique}` are these, in any order.
    pub(crate) ours: Map<String, Value>,
    /// An item of the list, or the object itself, has all of this.
    pub(crate) contains: Map<String, Value>,
    /// No item of the list has all of this.
    pub(crate) lacks: Map<String, Value>,
    /// The list has as many items; none, if it is not there.
    pub(crate) length: Map<String, Value>,
    /// Something is there.
    pub(crate) present: Vec<String>,
    /// Nothing is there, or null, or an empty list.
    pub(crate) absent: Vec<String>,
    /// The value is a `string`, `integer`, `boolean`, `dateTime`, `list`, `object`, `url`, `weak` (an `ETag`) or `cursor`.
    pub(crate) kind: Map<String, Value>,
    /// A header is exactly this.
    pub(crate) header: Map<String, Value>,
    /// A header begins with this.
    pub(crate) header_begins: Map<String, Value>,
    /// A header is there.
    pub(crate) header_present: Vec<String>,
    /// The body, as text, does not have this in it.
    pub(crate) without_text: Vec<String>,
    /// There is no body.
    pub(crate) empty: bool,
}

impl Expect {
    /// What is not as expected, each in a sentence.
    pub(crate) fn judge(&self, answer: &Answer, vars: &Vars) -> Result<Vec<String>, String> {
        let mut wrong = self.judge_envelope(answer, vars)?;
        wrong.extend(self.judge_values(&answer.body(), vars)?);
        wrong.extend(self.judge_lists(&answer.body(), vars)?);
        Ok(wrong)
    }

    /// Status, headers and the text as a whole.
    fn judge_envelope(&self, answer: &Answer, vars: &Vars) -> Result<Vec<String>, String> {
        let mut wrong = Vec::new();
        if let Some(statuses) = &self.status
            && !statuses.has(answer.status)
        {
            let wanted = match statuses {
                Statuses::One(one) => one.to_string(),
                Statuses::Any(any) => any.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "),
            };
            wrong.push(format!("status {} instead of {wanted}", answer.status));
        }
        if let Some(scim_type) = &self.error
            && answer.status >= 400
        {
            wrong.extend(error_message(answer, &vars.fill(scim_type, Into::Plain)?));
        }
        for (name, wanted) in filled(&self.header, vars)? {
            let found = answer.header(&name);
            if found != wanted.as_str() {
                wrong.push(format!("the header {name} is {found:?} instead of {wanted}"));
            }
        }
        for (name, wanted) in filled(&self.header_begins, vars)? {
            let found = answer.header(&name);
            if !found.is_some_and(|it| it.starts_with(wanted.as_str().unwrap_or_default())) {
                wrong.push(format!("the header {name} is {found:?} and does not begin with {wanted}"));
            }
        }
        for name in &self.header_present {
            if answer.header(name).is_none() {
                wrong.push(format!("there is no header {name}"));
            }
        }
        for text in &self.without_text {
            let text = vars.fill(text, Into::Plain)?;
            if answer.text.contains(&text) {
                wrong.push(format!("the answer has {text:?} in it"));
            }
        }
        if self.empty && !answer.text.is_empty() {
            wrong.push("there is a body".to_owned());
        }
        Ok(wrong)
    }

    /// Values on their own.
    fn judge_values(&self, body: &Value, vars: &Vars) -> Result<Vec<String>, String> {
        let mut wrong = Vec::new();
        let at = |pointer: &str| find(body, pointer).unwrap_or_default();
        for (pointer, wanted) in filled(&self.equals, vars)? {
            let found = at(&pointer);
            if found != wanted {
                wrong.push(format!("{pointer} is {found} instead of {wanted}"));
            }
        }
        for (pointer, other) in filled(&self.differs, vars)? {
            if at(&pointer) == other {
                wrong.push(format!("{pointer} is still {other}"));
            }
        }
        for pointer in &self.present {
            if is_unassigned(&at(&vars.fill(pointer, Into::Plain)?)) {
                wrong.push(format!("{pointer} is not there"));
            }
        }
        for pointer in &self.absent {
            let found = at(&vars.fill(pointer, Into::Plain)?);
            if !is_unassigned(&found) {
                wrong.push(format!("{pointer} is {found} and should not be there"));
            }
        }
        for (pointer, kind) in &self.kind {
            let found = at(&vars.fill(pointer, Into::Plain)?);
            let kind = kind.as_str().unwrap_or_default();
            if !is_a(&found, kind) {
                wrong.push(format!("{pointer} is {found}, which is no {kind}"));
            }
        }
        Ok(wrong)
    }

    /// Lists.
    fn judge_lists(&self, body: &Value, vars: &Vars) -> Result<Vec<String>, String> {
        let mut wrong = Vec::new();
        let at = |pointer: &str| find(body, pointer).unwrap_or_default();
        for (pointer, wanted) in filled(&self.set, vars)? {
            let found = at(&pointer);
            if as_set(&found) != as_set(&wanted) {
                wrong.push(format!("{pointer} is {found} instead of {wanted} in any order"));
            }
        }
        let prefix = vars.text("unique").unwrap_or_default();
        for (pointer, wanted) in filled(&self.ours, vars)? {
            let mut found = as_set(&at(&pointer));
            found.retain(|it| it.trim_start_matches('"').starts_with(&prefix));
            if found != as_set(&wanted) {
                wrong.push(format!("{pointer} has {found:?} of this run instead of {wanted}"));
            }
        }
        for (pointer, pattern) in filled(&self.contains, vars)? {
            if !items(&at(&pointer)).iter().any(|item| fits(&pattern, item)) {
                wrong.push(format!("{pointer} has no {pattern}"));
            }
        }
        for (pointer, pattern) in filled(&self.lacks, vars)? {
            if items(&at(&pointer)).iter().any(|item| fits(&pattern, item)) {
                wrong.push(format!("{pointer} has {pattern}"));
            }
        }
        for (pointer, wanted) in filled(&self.length, vars)? {
            let found = at(&pointer).as_array().map_or(0, Vec::len);
            if wanted.as_u64() != u64::try_from(found).ok() {
                wrong.push(format!("{pointer} has {found} items instead of {wanted}"));
            }
        }
        Ok(wrong)
    }
}

/// Pointers and values with the names in them replaced.
fn filled(map: &Map<String, Value>, vars: &Vars) -> Result<Vec<(String, Value)>, String> {
    map.iter().map(|(at, it)| Ok((vars.fill(at, Into::Plain)?, vars.fill_value(it)?))).collect()
}

/// What is wrong with an error message (RFC 7644 §3.12).
pub(crate) fn error_message(answer: &Answer, scim_type: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let body = answer.body();
    let urns = find(&body, "/schemas").unwrap_or_default();
    if !items(&urns).iter().any(|urn| urn == ERROR_URN) {
        wrong.push(format!("the answer is no SCIM error: /schemas is {urns} instead of [\"{ERROR_URN}\"]"));
    }
    let status = find(&body, "/status").unwrap_or_default();
    if status.as_str() != Some(answer.status.to_string().as_str()) {
        wrong.push(format!("/status is {status} instead of \"{}\"", answer.status));
    }
    let found = find(&body, "/scimType").unwrap_or_default();
    let is_any = |wanted: &str| wanted.split(" or ").any(|it| found.as_str() == Some(it));
    if !scim_type.is_empty() && !is_any(scim_type) {
        wrong.push(format!("/scimType is {found} instead of \"{scim_type}\""));
    }
    wrong
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        other => std::slice::from_ref(other),
    }
}

fn as_set(value: &Value) -> BTreeSet<String> {
    items(value).iter().map(Value::to_string).collect()
}

/// RFC 7643 §2.5: unassigned, null and an empty list are the same.
fn is_unassigned(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(|items| items.iter().all(is_unassigned))
}

fn is_a(value: &Value, kind: &str) -> bool {
    let text = value.as_str();
    match kind {
        "string" => text.is_some_and(|it| !it.is_empty()),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        "dateTime" => text.is_some_and(is_date_time),
        "url" => text.is_some_and(|it| it.starts_with("http://") || it.starts_with("https://")),
        "weak" => text.is_some_and(|it| it.starts_with("W/\"") && it.ends_with('"')),
        "cursor" => text.is_some_and(|it| {
            !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        }),
        _ => false,
    }
}

/// `2011-05-13T04:42:34Z`, with or without a fraction, or with an offset.
fn is_date_time(text: &str) -> bool {
    let shape = "dddd-dd-ddTdd:dd:dd";
    let begins = text.len() > shape.len()
        && text.chars().zip(shape.chars()).all(|(it, wanted)| match wanted {
            'd' => it.is_ascii_digit(),
            other => it == other,
        });
    let zone =
        text.chars().skip(shape.len()).skip_while(|it| *it == '.' || it.is_ascii_digit()).collect::<String>();
    begins && (zone == "Z" || zone.len() == 6 && (zone.starts_with('+') || zone.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        for (kind, good, bad) in [
            ("dateTime", "2011-05-13T04:42:34Z", "2011-05-13 04:42:34"),
            ("dateTime", "2011-05-13T04:42:34.123+01:00", "2011-05-13T04:42:34"),
            ("weak", "W/\"1\"", "\"1\""),
            ("cursor", "aZ9-._~", "a+b"),
            ("url", "https://a", "/Users/1"),
            ("string", "x", ""),
        ] {
            assert!(is_a(&Value::from(good), kind), "{good}");
            assert!(!is_a(&Value::from(bad), kind), "{bad}");
        }
        assert!(is_a(&Value::from(3), "integer"));
        assert!(!is_a(&Value::from("3"), "integer"));
    }

    #[test]
    fn nothing_in_a_list_is_nothing() {
        assert!(is_unassigned(&serde_json::json!([])));
        assert!(is_unassigned(&Value::Null));
        assert!(!is_unassigned(&serde_json::json!([false])));
    }
}
