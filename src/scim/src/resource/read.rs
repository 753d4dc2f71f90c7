//! Request bodies of POST and PUT. Knows which keys a resource may have; does not know defaults.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dialect::Leniency;
use crate::error::Error;
use crate::schema::{
    Attribute, AttributeType, ENTERPRISE_USER_URN, GROUP_URN, Mutability, ResourceType, Schema,
};
use crate::value::{Reader, twice};

/// Name of the attribute that carries a group's members.
pub(crate) const MEMBERS: &str = "members";

/// A document in canonical form, and the members beside it.
type Body = (Map<String, Value>, Option<Vec<Value>>);

/// Reads a whole resource.
pub(super) fn body(resource_type: &ResourceType, body: Value, reader: &Reader<'_>) -> Result<Body, Error> {
    let Value::Object(body) = body else {
        return Err(Error::invalid_syntax("The request body must be a JSON object"));
    };
    let mut doc = Map::new();
    let mut members = None;
    let mut seen = BTreeSet::new();
    for (name, value) in body {
        match key(resource_type, &name, reader)? {
            Key::Schemas => {
                if !seen.insert("schemas".to_owned()) {
                    return Err(twice("schemas"));
                }
                schemas(resource_type, value, reader)?;
            }
            Key::Ignored => {}
            Key::Core(attribute) => {
                if !seen.insert(attribute.name.clone()) {
                    return Err(twice(&attribute.name));
                }
                if is_members(resource_type, attribute) {
                    members = Some(match reader.attribute(attribute, value)? {
                        Some(Value::Array(items)) => items,
                        _ => Vec::new(),
                    });
                } else if let Some(value) = reader.attribute(attribute, value)? {
                    doc.insert(attribute.name.clone(), value);
                }
            }
            Key::Extension(schema) => {
                if !seen.insert(schema.id.clone()) {
                    return Err(twice(&schema.id));
                }
                if let Some(value) = extension(schema, value, reader)? {
                    doc.insert(schema.id.clone(), value);
                }
            }
        }
    }
    if !seen.contains("schemas") {
        return Err(Error::invalid_syntax("The attribute 'schemas' is required"));
    }
    Ok((doc, members))
}

/// What a key of a resource or of a path-less PATCH value names.
pub(crate) enum Key<'a> {
    Schemas,
    Core(&'a Arc<Attribute>),
    Extension(&'a Arc<Schema>),
    /// To be dropped without a word.
    Ignored,
}

/// Read-only attributes are ignored, in POST as in PUT. RFC 7644 §3.5.1: "readOnly  Any
/// values provided SHALL be ignored." So are write-only ones, which is `password`: we never keep one.
pub(crate) fn key<'a>(
    resource_type: &'a ResourceType,
    name: &str,
    reader: &Reader<'_>,
) -> Result<Key<'a>, Error> {
    if name.eq_ignore_ascii_case("schemas") {
        return Ok(Key::Schemas);
    }
    if let Some(attribute) = resource_type.attribute(name) {
        return Ok(match attribute.mutability {
            Mutability::ReadOnly | Mutability::WriteOnly => Key::Ignored,
            Mutability::ReadWrite | Mutability::Immutable => Key::Core(attribute),
        });
    }
    if let Some(schema) = resource_type.extension(name) {
        return Ok(Key::Extension(schema));
    }
    if let Some(schema) = draft_schema(resource_type, name)
        && reader.accepts(Leniency::DraftSchema)
    {
        return Ok(Key::Extension(schema));
    }
    let leniency = if name.contains(':') { Leniency::UnknownSchema } else { Leniency::UnknownAttribute };
    if reader.accepts(leniency) {
        return Ok(Key::Ignored);
    }
    Err(Error::invalid_syntax(format!(
        "The attribute '{name}' is not in the schema of {}",
        resource_type.name
    )))
}

/// Are these the members that are kept beside the document?
pub(crate) fn is_members(resource_type: &ResourceType, attribute: &Attribute) -> bool {
    resource_type.schema.id == GROUP_URN && attribute.name == MEMBERS
}

/// Does the resource type say who is active?
pub(super) fn has_active(resource_type: &ResourceType) -> bool {
    resource_type.schema.attribute("active").is_some_and(|active| active.kind == AttributeType::Boolean)
}

/// The extension that a draft URN stands for.
pub(crate) fn draft_schema<'a>(resource_type: &'a ResourceType, urn: &str) -> Option<&'a Arc<Schema>> {
    ["urn:scim:schemas:extension:enterprise:2.0", "urn:scim:schemas:extension:enterprise:1.0"]
        .into_iter()
        .find(|draft| draft.eq_ignore_ascii_case(urn))
        .and_then(|_| resource_type.extension(ENTERPRISE_USER_URN))
}

fn is_draft_core(urn: &str) -> bool {
    ["urn:scim:schemas:core:2.0", "urn:scim:schemas:core:1.0"]
        .into_iter()
        .any(|draft| draft.eq_ignore_ascii_case(urn))
}

/// Checks `schemas`: the core schema must be there, extensions may be.
///
/// An extension that is used and not listed is not refused; `schemas` is computed when a resource is
/// rendered.
pub(crate) fn schemas(resource_type: &ResourceType, value: Value, reader: &Reader<'_>) -> Result<(), Error> {
    let Value::Array(urns) = value else {
        return Err(Error::invalid_syntax("'schemas' must be an array of URNs"));
    };
    let mut has_core = false;
    for urn in urns {
        let Value::String(urn) = urn else {
            return Err(Error::invalid_syntax("'schemas' must be an array of URNs"));
        };
        if resource_type.schema.id.eq_ignore_ascii_case(&urn)
            || is_draft_core(&urn) && reader.accepts(Leniency::DraftSchema)
        {
            has_core = true;
        } else if resource_type.extension(&urn).is_none()
            && !(draft_schema(resource_type, &urn).is_some() && reader.accepts(Leniency::DraftSchema))
            && !reader.accepts(Leniency::UnknownSchema)
        {
            return Err(Error::invalid_syntax(format!(
                "The schema '{urn}' does not apply to {}",
                resource_type.name
            )));
        }
    }
    if has_core {
        return Ok(());
    }
    Err(Error::invalid_syntax(format!("'schemas' must contain '{}'", resource_type.schema.id)))
}

fn extension(schema: &Schema, value: Value, reader: &Reader<'_>) -> Result<Option<Value>, Error> {
    let object = match value {
        Value::Null => return Ok(None),
        Value::Object(object) => object,
        _ => return Err(Error::invalid_syntax(format!("'{}' must be an object", schema.id))),
    };
    let mut kept = Map::new();
    let mut seen = BTreeSet::new();
    for (name, value) in object {
        let Some(attribute) = schema.attribute(&name) else {
            if names_itself(schema, &name, &value) || reader.accepts(Leniency::UnknownAttribute) {
                continue;
            }
            return Err(Error::invalid_syntax(format!("The attribute '{name}' is not in '{}'", schema.id)));
        };
        if !seen.insert(&attribute.name) {
            return Err(twice(&attribute.name));
        }
        if matches!(attribute.mutability, Mutability::ReadOnly | Mutability::WriteOnly) {
            continue;
        }
        if let Some(value) = reader.attribute(attribute, value)? {
            kept.insert(attribute.name.clone(), value);
        }
    }
    Ok((!kept.is_empty()).then_some(Value::Object(kept)))
}

/// `schemas` inside the object of an extension, if all it says is which extension that is. The models of scim2-client and
/// scim2-tester are resources of their own and write it; it adds nothing, so nobody is refused for it.
pub(crate) fn names_itself(schema: &Schema, name: &str, value: &Value) -> bool {
    let is_own = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(&schema.id));
    name.eq_ignore_ascii_case("schemas") && value.as_array().is_some_and(|urns| urns.iter().all(is_own))
}

/// Every required attribute has a value, and every value has its required parts. The refusal's text
/// otherwise: a missing value is `invalidValue` in a body and `mutability` after a PATCH.
///
/// RFC 7644 §3.5.1: "If an attribute is "required", clients MUST specify the attribute in the PUT
/// request."
pub(crate) fn require(resource_type: &ResourceType, doc: &Map<String, Value>) -> Result<(), String> {
    let nothing = Map::new();
    required_of(&resource_type.schema, doc)?;
    for extension in &resource_type.extensions {
        match doc.get(&extension.schema.id).and_then(Value::as_object) {
            Some(part) => required_of(&extension.schema, part)?,
            None if extension.required => required_of(&extension.schema, &nothing)?,
            None => {}
        }
    }
    Ok(())
}

fn required_of(schema: &Schema, doc: &Map<String, Value>) -> Result<(), String> {
    for attribute in &schema.attributes {
        let value = doc.get(&attribute.name);
        if attribute.required && is_missing(value) {
            return Err(format!("The attribute '{}' is required", attribute.name));
        }
        let elements = match value {
            Some(Value::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        for sub in attribute.sub_attributes.iter().filter(|sub| sub.required) {
            if elements.iter().any(|element| is_missing(element.get(&sub.name))) {
                return Err(format!("The attribute '{}.{}' is required", attribute.name, sub.name));
            }
        }
    }
    Ok(())
}

fn is_missing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

/// RFC 7644 §3.5.1: "If one or more values are already set for the attribute, the input value(s) MUST
/// match, or HTTP status code 400 SHOULD be returned with a "scimType" error code of "mutability"."
pub(super) fn keep_immutable(
    resource_type: &ResourceType,
    doc: &mut Map<String, Value>,
    current: &Map<String, Value>,
) -> Result<(), Error> {
    keep_immutable_of(&resource_type.schema, doc, current)?;
    for extension in &resource_type.extensions {
        let urn = &extension.schema.id;
        let Some(was) = current.get(urn).and_then(Value::as_object) else { continue };
        let mut part = match doc.remove(urn) {
            Some(Value::Object(part)) => part,
            _ => Map::new(),
        };
        keep_immutable_of(&extension.schema, &mut part, was)?;
        if !part.is_empty() {
            doc.insert(urn.clone(), Value::Object(part));
        }
    }
    Ok(())
}

fn keep_immutable_of(
    schema: &Schema,
    doc: &mut Map<String, Value>,
    current: &Map<String, Value>,
) -> Result<(), Error> {
    for attribute in schema.attributes.iter().filter(|a| a.mutability == Mutability::Immutable) {
        let Some(was) = current.get(&attribute.name) else { continue };
        match doc.get(&attribute.name) {
            Some(is) if is == was => {}
            Some(_) => {
                return Err(Error::mutability(format!("'{}' is immutable and has a value", attribute.name)));
            }
            None => {
                doc.insert(attribute.name.clone(), was.clone());
            }
        }
    }
    Ok(())
}
