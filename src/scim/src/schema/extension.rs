//! Schema extensions that a tenant declares. Knows which declarations the engine can keep, and which changes of one keep
//! the data; does not know who declares them.

use std::collections::BTreeSet;

use super::{Attribute, AttributeType, ENTERPRISE_USER_URN, Mutability, Returned, Schema, Uniqueness};

/// Most extensions of one tenant.
pub const MOST_EXTENSIONS: usize = 20;
/// Most attributes of one extension.
pub const MOST_ATTRIBUTES: usize = 100;
/// Most sub-attributes of one attribute.
pub const MOST_SUB_ATTRIBUTES: usize = 30;
/// Most canonical values of one attribute.
pub const MOST_CANONICAL_VALUES: usize = 100;
/// Longest URN.
const LONGEST_URN: usize = 200;
/// Longest name.
const LONGEST_NAME: usize = 64;
/// Longest description or canonical value.
const LONGEST_TEXT: usize = 1_000;

/// URNs that are somebody else's to define, by what they begin with.
const RESERVED: [&str; 5] = [
    "urn:ietf:params:scim:schemas:core:",
    "urn:ietf:params:scim:api:",
    "urn:ietf:params:scim:event:",
    "urn:okta:scim:schemas:core:",
    "urn:scim:schemas:",
];

/// Checks a schema that is to extend a resource type. A refusal names the place and the reason.
pub fn check_extension(schema: &Schema) -> Result<(), String> {
    check_urn(&schema.id).map_err(|why| format!("urn: {why}"))?;
    check_text("name", &schema.name, 1)?;
    check_text("description", &schema.description, 0)?;
    if schema.attributes.is_empty() || schema.attributes.len() > MOST_ATTRIBUTES {
        return Err(format!("attributes: an extension has 1 to {MOST_ATTRIBUTES}"));
    }
    check_names("attributes", schema.attributes.iter().map(|attribute| attribute.name.as_str()))?;
    for attribute in &schema.attributes {
        let place = format!("attributes.{}", attribute.name);
        check_attribute(&place, attribute)?;
        check_parts(&place, attribute)?;
    }
    Ok(())
}

/// Whether two URNs cannot both be in use: they are the same, or a path could mean an attribute of one or the other.
pub fn urns_collide(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let is_below =
        |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with(':'));
    one == other || is_below(&one, &other) || is_below(&other, &one)
}

/// Why resources that were written by one version of an extension could not be read, or not be changed any more, by
/// another; nothing, if they can.
pub fn breaks_data(before: &Schema, after: &Schema) -> Option<String> {
    breaks("attributes", &before.attributes, &after.attributes)
}

fn breaks(
    place: &str,
    before: &[std::sync::Arc<Attribute>],
    after: &[std::sync::Arc<Attribute>],
) -> Option<String> {
    for new in after.iter().filter(|new| new.required) {
        if !before.iter().any(|old| old.name == new.name && old.required) {
            return Some(format!("{place}.{}: not everybody has the value that would be required", new.name));
        }
    }
    before.iter().find_map(|old| {
        let place = format!("{place}.{}", old.name);
        let Some(new) = after.iter().find(|new| new.name == old.name) else {
            return Some(format!("{place}: its values would have no place"));
        };
        if (new.kind, new.multi_valued) != (old.kind, old.multi_valued) {
            return Some(format!("{place}: its values are of another type"));
        }
        if new.mutability == Mutability::ReadOnly && old.mutability != Mutability::ReadOnly {
            return Some(format!("{place}: its values could be neither written nor removed"));
        }
        breaks(&format!("{place}.subAttributes"), &old.sub_attributes, &new.sub_attributes)
    })
}

/// A URN that can stand in front of an attribute's name, and in a filter, without anything being escaped.
fn check_urn(urn: &str) -> Result<(), String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '-' | '_');
    if urn.len() > LONGEST_URN {
        return Err(format!("it is longer than {LONGEST_URN} characters"));
    }
    let parts: Vec<&str> = urn.split(':').collect();
    if !urn.starts_with("urn:") || parts.len() < 3 || parts.iter().any(|part| part.is_empty()) {
        return Err("it has the form urn:namespace:name".to_owned());
    }
    if !urn.chars().all(is_allowed) {
        return Err("it has only letters, digits, and : . - _".to_owned());
    }
    let folded = urn.to_ascii_lowercase();
    if RESERVED.iter().any(|reserved| folded.starts_with(reserved)) || urns_collide(urn, ENTERPRISE_USER_URN)
    {
        return Err("it is in a namespace that is defined elsewhere".to_owned());
    }
    Ok(())
}

fn check_text(place: &str, text: &str, least: usize) -> Result<(), String> {
    let length = text.chars().count();
    if length < least || length > LONGEST_TEXT {
        return Err(format!("{place}: it has {least} to {LONGEST_TEXT} characters"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(format!("{place}: it has a control character"));
    }
    Ok(())
}

/// RFC 7643 §2.1: a letter, then letters, digits, hyphens and underscores. `schemas` could be the extension's own.
fn check_names<'a>(place: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            && name.len() <= LONGEST_NAME;
        if !is_name || name.eq_ignore_ascii_case("schemas") {
            let shown: String = name.chars().take(LONGEST_NAME).collect();
            return Err(format!("{place}: '{shown}' is no name for an attribute"));
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(format!("{place}: '{name}' is declared twice"));
        }
    }
    Ok(())
}

fn check_attribute(place: &str, attribute: &Attribute) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("{place}: {why}"));
    check_text(&format!("{place}.description"), &attribute.description, 0)?;
    match attribute.kind {
        AttributeType::Reference | AttributeType::Binary if !attribute.case_exact => {
            return refuse("values of this type are compared with case");
        }
        AttributeType::String | AttributeType::Reference | AttributeType::Binary => {}
        _ if attribute.case_exact => return refuse("caseExact is for text"),
        _ => {}
    }
    if attribute.mutability == Mutability::WriteOnly || attribute.returned == Returned::Never {
        return refuse("what nobody may read is not kept");
    }
    if attribute.mutability == Mutability::ReadOnly && attribute.required {
        return refuse("nobody could give the value that is required");
    }
    if attribute.uniqueness != Uniqueness::None {
        return refuse("uniqueness is none: no index holds the values of extensions");
    }
    check_canonical(place, attribute)?;
    check_references(place, attribute)
}

fn check_canonical(place: &str, attribute: &Attribute) -> Result<(), String> {
    let values = &attribute.canonical_values;
    if !values.is_empty() && attribute.kind != AttributeType::String {
        return Err(format!("{place}: canonicalValues are for strings"));
    }
    if values.len() > MOST_CANONICAL_VALUES {
        return Err(format!("{place}: there are at most {MOST_CANONICAL_VALUES} canonicalValues"));
    }
    let mut seen = BTreeSet::new();
    for value in values {
        check_text(&format!("{place}.canonicalValues"), value, 1)?;
        if !seen.insert(value) {
            return Err(format!("{place}.canonicalValues: '{value}' is there twice"));
        }
    }
    Ok(())
}

fn check_references(place: &str, attribute: &Attribute) -> Result<(), String> {
    let known = |kind: &String| matches!(kind.as_str(), "external" | "uri" | "User" | "Group");
    match (attribute.kind == AttributeType::Reference, attribute.reference_types.is_empty()) {
        (true, true) => Err(format!("{place}: a reference says in referenceTypes what it points to")),
        (false, false) => Err(format!("{place}: referenceTypes are for references")),
        _ if attribute.reference_types.iter().all(known) => Ok(()),
        _ => Err(format!("{place}: referenceTypes are external, uri, User and Group")),
    }
}

/// What RFC 7643 allows besides and this engine does not keep: sub-attributes that are lists.
fn check_parts(place: &str, attribute: &Attribute) -> Result<(), String> {
    let parts = &attribute.sub_attributes;
    if !attribute.is_complex() {
        let refused = Err(format!("{place}: only complex attributes have subAttributes"));
        return if parts.is_empty() { Ok(()) } else { refused };
    }
    if parts.is_empty() || parts.len() > MOST_SUB_ATTRIBUTES {
        return Err(format!("{place}: a complex attribute has 1 to {MOST_SUB_ATTRIBUTES} subAttributes"));
    }
    let below = format!("{place}.subAttributes");
    check_names(&below, parts.iter().map(|part| part.name.as_str()))?;
    for part in parts {
        let place = format!("{below}.{}", part.name);
        if part.is_complex() || part.multi_valued {
            return Err(format!("{place}: a sub-attribute is one simple value"));
        }
        if part.name.eq_ignore_ascii_case("primary") && part.kind != AttributeType::Boolean {
            return Err(format!("{place}: 'primary' is a boolean"));
        }
        check_attribute(&place, part)?;
        check_parts(&place, part)?;
    }
    Ok(())
}
