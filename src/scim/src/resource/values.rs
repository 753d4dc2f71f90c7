//! Typed readers of a document. Knows canonical spelling; does not know how it came about.

use serde_json::{Map, Value};

use super::{Email, Resource};
use crate::path::AttributePath;
use crate::schema::ENTERPRISE_USER_URN;

/// What every core schema URN starts with.
const CORE: &str = "urn:ietf:params:scim:schemas:core:";

impl Resource {
    /// `userName`.
    pub fn user_name(&self) -> Option<&str> {
        self.text("userName")
    }

    /// `externalId`.
    pub fn external_id(&self) -> Option<&str> {
        self.text("externalId")
    }

    /// `displayName`.
    pub fn display_name(&self) -> Option<&str> {
        self.text("displayName")
    }

    /// Is the person active? A user has the attribute from the start; where a client removed it, nobody
    /// says that the person is, so the answer is no.
    pub fn active(&self) -> bool {
        self.doc.get("active").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The e-mail addresses that have a value.
    pub fn emails(&self) -> Vec<Email> {
        let read = |email: &Value| {
            Some(Email {
                value: email.get("value")?.as_str()?.to_owned(),
                r#type: email.get("type").and_then(Value::as_str).map(ToOwned::to_owned),
                primary: crate::value::is_primary(email),
            })
        };
        self.doc.get("emails").and_then(Value::as_array).into_iter().flatten().filter_map(read).collect()
    }

    /// The preferred of them: the primary one (RFC 7643 §2.4), else the first.
    pub fn preferred_email(&self) -> Option<String> {
        let mut emails = self.emails();
        let preferred = emails.iter().position(|email| email.primary).unwrap_or_default();
        (!emails.is_empty()).then(|| emails.swap_remove(preferred).value)
    }

    /// Every value at an attribute path such as `title`, `emails.value` or
    /// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`, as text. A complex
    /// attribute stands for its `value`. Nothing at all where the path is no path.
    pub fn values_at(&self, path: &str) -> Vec<String> {
        let Ok(path) = AttributePath::parse(path) else { return Vec::new() };
        let container = match extension_of(&path) {
            None => Some(&self.doc),
            Some(urn) => member(&self.doc, urn).and_then(Value::as_object),
        };
        let sub = path.sub.as_deref().unwrap_or("value");
        each(container.and_then(|container| member(container, &path.name)))
            .filter_map(|value| match value {
                Value::Object(object) => member(object, sub),
                simple => path.sub.is_none().then_some(simple),
            })
            .flat_map(|value| each(Some(value)))
            .filter_map(as_text)
            .collect()
    }

    /// Has it values of a schema that is not built in?
    pub fn has_declared(&self) -> bool {
        self.doc.keys().any(|name| name.contains(':') && name != ENTERPRISE_USER_URN)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.doc.get(name).and_then(Value::as_str)
    }
}

/// The extension that a path leads into.
fn extension_of(path: &AttributePath) -> Option<&str> {
    path.urn.as_deref().filter(|urn| !urn.to_ascii_lowercase().starts_with(CORE))
}

/// The name of what stands at the top of a document where a path leads into it, in any case.
pub(super) fn container_of(path: &str) -> Option<String> {
    let path = AttributePath::parse(path).ok()?;
    Some(extension_of(&path).unwrap_or(&path.name).to_owned())
}

fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn each(value: Option<&Value>) -> std::slice::Iter<'_, Value> {
    match value {
        None => [].iter(),
        Some(Value::Array(items)) => items.iter(),
        Some(one) => std::slice::from_ref(one).iter(),
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
