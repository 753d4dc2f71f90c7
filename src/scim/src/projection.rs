//! Which attributes a response shows (RFC 7644 §3.9). Knows `returned`; does not know where values come from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::error::{Error, ScimType};
use crate::path::{AttributePath, PathError};
use crate::schema::{Attribute, ResourceType, Returned, Schema};

/// Most attributes one request may name.
const MAX_NAMES: usize = 200;

/// What the client asked to see.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    resource_type: Arc<ResourceType>,
    asked: Asked,
}

#[derive(Debug, Clone, PartialEq)]
enum Asked {
    Default,
    Only(Selection),
    Without(Selection),
}

/// Schema URN, or `None` for core and common attributes, and attribute name.
type Name = (Option<String>, String);

#[derive(Debug, Clone, PartialEq, Default)]
struct Selection {
    /// Whole schemas: URN of an extension, or `None` for the core schema.
    schemas: BTreeSet<Option<String>>,
    /// Attributes, whole (`None`) or by sub-attribute.
    attributes: BTreeMap<Name, Option<BTreeSet<String>>>,
}

/// How much of an attribute a selection covers.
#[derive(Clone, Copy, PartialEq)]
enum Cover<'a> {
    Nothing,
    Parts(&'a BTreeSet<String>),
    Everything,
}

impl Projection {
    /// Reads `attributes` and `excludedAttributes`, each a list separated by commas.
    ///
    /// Names we do not know select nothing, because clients ask every provider for the same list. Both
    /// at once are refused: RFC 7644 §3.9 calls them "mutually exclusive URL query parameters".
    pub fn parse(
        resource_type: &Arc<ResourceType>,
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Result<Self, Error> {
        let given = |list: Option<&str>| list.is_some_and(|list| !list.trim().is_empty());
        let asked = match (given(attributes), given(excluded)) {
            (true, true) => {
                return Err(Error::invalid_value(
                    "Use either 'attributes' or 'excludedAttributes', not both",
                ));
            }
            (true, false) => Asked::Only(Selection::parse(resource_type, attributes.unwrap_or_default())?),
            (false, true) => Asked::Without(Selection::parse(resource_type, excluded.unwrap_or_default())?),
            (false, false) => Asked::Default,
        };
        Ok(Self { resource_type: Arc::clone(resource_type), asked })
    }

    /// Did the client name the attributes it wants? Then a PATCH must answer with the resource.
    ///
    /// RFC 7644 §3.5.2: "The server MUST return a 200 OK if the "attributes" parameter is specified in the
    /// request."
    pub fn is_explicit(&self) -> bool {
        matches!(self.asked, Asked::Only(_))
    }

    /// Will any of this top-level attribute, or of this extension if it is a URN, be shown?
    pub fn wants(&self, attribute: &str) -> bool {
        if let Some(schema) = self.resource_type.extension(attribute) {
            return schema.attributes.iter().any(|attribute| self.shows(Some(schema), attribute));
        }
        self.resource_type.attribute(attribute).is_some_and(|attribute| self.shows(None, attribute))
    }

    /// The resource with only what may be shown.
    pub fn apply(&self, mut resource: Value) -> Value {
        if let Value::Object(resource) = &mut resource {
            resource.retain(|name, value| {
                if let Some(schema) = self.resource_type.extension(name) {
                    return self.extension(schema, value);
                }
                let attribute = self.resource_type.attribute(name);
                attribute.is_some_and(|attribute| self.attribute(None, attribute, value))
            });
        }
        resource
    }

    /// Leaves of an extension what may be shown, and returns whether that is anything.
    fn extension(&self, schema: &Schema, value: &mut Value) -> bool {
        let Value::Object(object) = value else { return false };
        object.retain(|name, value| {
            let attribute = schema.attribute(name);
            attribute.is_some_and(|attribute| self.attribute(Some(schema), attribute, value))
        });
        !object.is_empty()
    }

    /// The same of an attribute.
    fn attribute(&self, schema: Option<&Schema>, attribute: &Attribute, value: &mut Value) -> bool {
        if !self.shows(schema, attribute) {
            return false;
        }
        match value {
            Value::Array(items) => {
                items.retain_mut(|item| self.element(schema, attribute, item));
                !items.is_empty()
            }
            one => self.element(schema, attribute, one),
        }
    }

    /// The same of one value of an attribute.
    fn element(&self, schema: Option<&Schema>, attribute: &Attribute, value: &mut Value) -> bool {
        let Value::Object(object) = value else { return true };
        object.retain(|name, _| {
            attribute.sub_attribute(name).is_some_and(|sub| self.shows_sub(schema, attribute, sub))
        });
        !object.is_empty()
    }

    /// `always` is immune to both parameters, `never` shows in no response, and `request` needs to be asked
    /// for (RFC 7643 §7).
    fn shows(&self, schema: Option<&Schema>, attribute: &Attribute) -> bool {
        match (attribute.returned, &self.asked) {
            (Returned::Always, _) | (Returned::Default, Asked::Default) => true,
            (Returned::Never, _) | (Returned::Request, Asked::Default | Asked::Without(_)) => false,
            (Returned::Default | Returned::Request, Asked::Only(only)) => {
                only.cover(schema, attribute) != Cover::Nothing
            }
            (Returned::Default, Asked::Without(without)) => {
                without.cover(schema, attribute) != Cover::Everything
            }
        }
    }

    fn shows_sub(&self, schema: Option<&Schema>, attribute: &Attribute, sub: &Attribute) -> bool {
        let named = |selection: &Selection| match selection.cover(schema, attribute) {
            Cover::Nothing => None,
            Cover::Everything => Some(false),
            Cover::Parts(parts) => Some(parts.contains(&sub.name)),
        };
        match (sub.returned, &self.asked) {
            (Returned::Always, _) | (Returned::Default, Asked::Default) => true,
            (Returned::Never, _) | (Returned::Request, Asked::Default | Asked::Without(_)) => false,
            (Returned::Request, Asked::Only(only)) => named(only) == Some(true),
            // An attribute that is always shown is shown whole.
            (Returned::Default, Asked::Only(only)) => match only.cover(schema, attribute) {
                Cover::Parts(parts) => parts.contains(&sub.name),
                Cover::Nothing | Cover::Everything => true,
            },
            (Returned::Default, Asked::Without(without)) => named(without) != Some(true),
        }
    }
}

impl Selection {
    fn parse(resource_type: &ResourceType, list: &str) -> Result<Self, Error> {
        let mut selection = Self::default();
        for (at, name) in list.split(',').map(str::trim).filter(|name| !name.is_empty()).enumerate() {
            if at >= MAX_NAMES {
                return Err(Error::invalid_value(format!("More than {MAX_NAMES} attributes are named")));
            }
            selection.add(resource_type, name)?;
        }
        Ok(selection)
    }

    fn add(&mut self, resource_type: &ResourceType, name: &str) -> Result<(), Error> {
        if let Some(schema) = resource_type.schema_by_urn(name) {
            let extension = resource_type.extension(name).map(|_| schema.id.clone());
            self.schemas.insert(extension);
            return Ok(());
        }
        let path = AttributePath::parse(name).map_err(|error| error.into_error(ScimType::InvalidValue))?;
        let attr = match path.resolve(resource_type) {
            Ok(attr) => attr,
            Err(PathError::Malformed) => return Err(PathError::Malformed.into_error(ScimType::InvalidValue)),
            Err(_) => return Ok(()),
        };
        let name = (attr.schema_urn, attr.attribute.name.clone());
        match attr.sub {
            None => {
                self.attributes.insert(name, None);
            }
            Some(sub) => {
                if let Some(parts) = self.attributes.entry(name).or_insert_with(|| Some(BTreeSet::new())) {
                    parts.insert(sub.name.clone());
                }
            }
        }
        Ok(())
    }

    fn cover(&self, schema: Option<&Schema>, attribute: &Attribute) -> Cover<'_> {
        let urn = schema.map(|schema| schema.id.clone());
        if self.schemas.contains(&urn) {
            return Cover::Everything;
        }
        match self.attributes.get(&(urn, attribute.name.clone())) {
            None => Cover::Nothing,
            Some(None) => Cover::Everything,
            Some(Some(parts)) => Cover::Parts(parts),
        }
    }
}
