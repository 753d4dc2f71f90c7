//! Attribute notation (RFC 7644 §3.10). Knows names and schemas; does not know filters or values.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ScimType};
use crate::schema::{Attribute, ResourceType};

/// Longest attribute path we read.
const MAX_LENGTH: usize = 512;

/// Why a path names nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathError {
    /// It does not follow the grammar.
    Malformed,
    /// The schema URN belongs to no schema of the resource type.
    UnknownSchema(String),
    /// The schema has no such attribute.
    UnknownAttribute(String),
    /// The attribute has no such sub-attribute.
    UnknownSubAttribute(String),
}

impl PathError {
    /// The refusal, with the keyword that fits where the path was found.
    pub fn into_error(self, scim_type: ScimType) -> Error {
        Error::typed(scim_type, self.to_string())
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("The attribute path is malformed"),
            Self::UnknownSchema(urn) => write!(f, "The schema '{urn}' does not apply to this resource type"),
            Self::UnknownAttribute(name) => write!(f, "The attribute '{name}' is not in the schema"),
            Self::UnknownSubAttribute(name) => write!(f, "The sub-attribute '{name}' is not in the schema"),
        }
    }
}

impl std::error::Error for PathError {}

impl From<PathError> for Error {
    fn from(error: PathError) -> Self {
        error.into_error(ScimType::InvalidPath)
    }
}

/// A path by its letters: `[URI ":"] ATTRNAME *1subAttr` (RFC 7644 §3.4.2.2, Figure 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributePath {
    /// Schema URN before the last colon.
    pub urn: Option<String>,
    /// Attribute name as written.
    pub name: String,
    /// Sub-attribute name as written.
    pub sub: Option<String>,
}

impl AttributePath {
    /// Reads a path. The URN ends at the last colon, because an attribute name cannot hold one.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.len() > MAX_LENGTH {
            return Err(PathError::Malformed);
        }
        let (urn, notation) = match text.rsplit_once(':') {
            Some((urn, notation)) => (Some(urn), notation),
            None => (None, text),
        };
        let (name, sub) = match notation.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (notation, None),
        };
        if !is_name(name) || sub.is_some_and(|sub| !is_name(sub)) || urn.is_some_and(|urn| !is_urn(urn)) {
            return Err(PathError::Malformed);
        }
        Ok(Self { urn: urn.map(ToOwned::to_owned), name: name.to_owned(), sub: sub.map(ToOwned::to_owned) })
    }

    /// Finds the attribute in the schemas of a resource type.
    ///
    /// RFC 7644 §3.10: "All operations share a common scheme for referencing simple and complex
    /// attributes." The core schema's URN may be omitted, an extension's may not.
    pub fn resolve(&self, resource_type: &ResourceType) -> Result<AttributeRef, PathError> {
        let (schema_urn, attribute) = match &self.urn {
            None => (None, resource_type.attribute(&self.name)),
            Some(urn) if resource_type.schema.id.eq_ignore_ascii_case(urn) => {
                (None, resource_type.attribute(&self.name))
            }
            Some(urn) => {
                let schema =
                    resource_type.extension(urn).ok_or_else(|| PathError::UnknownSchema(urn.clone()))?;
                (Some(schema.id.clone()), schema.attribute(&self.name))
            }
        };
        let attribute =
            attribute.ok_or_else(|| PathError::UnknownAttribute(self.name.clone())).map(Arc::clone)?;
        let sub = match &self.sub {
            None => None,
            Some(name) => {
                let sub = attribute.sub_attribute(name);
                Some(sub.cloned().ok_or_else(|| PathError::UnknownSubAttribute(name.clone()))?)
            }
        };
        Ok(AttributeRef { schema_urn, attribute, sub })
    }
}

/// `ATTRNAME`, with the `$` that RFC 7643 §2.1 allows and `$ref` needs.
fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '$')
        && characters.all(|next| next.is_ascii_alphanumeric() || matches!(next, '-' | '_' | '$'))
}

/// Something that can be a URI in front of an attribute name: a scheme, a colon, no delimiters of ours.
fn is_urn(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && !rest.is_empty()
            && rest
                .chars()
                .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '[' | ']' | '(' | ')' | '<' | '>' | '\\'))
    })
}

/// A path that was found in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeRef {
    /// URN of the extension; `None` for core and common attributes.
    pub schema_urn: Option<String>,
    /// The attribute.
    pub attribute: Arc<Attribute>,
    /// The sub-attribute, if the path names one.
    pub sub: Option<Arc<Attribute>>,
}

impl AttributeRef {
    /// Reads and resolves a path.
    pub fn parse(resource_type: &ResourceType, text: &str) -> Result<Self, PathError> {
        AttributePath::parse(text)?.resolve(resource_type)
    }

    /// The attribute whose values are compared or set: the sub-attribute where there is one.
    pub fn leaf(&self) -> &Arc<Attribute> {
        self.sub.as_ref().unwrap_or(&self.attribute)
    }

    /// Is this the core or common attribute of that canonical name, with or without a sub-attribute?
    pub fn is_core(&self, name: &str) -> bool {
        self.schema_urn.is_none() && self.attribute.name == name
    }
}

impl fmt::Display for AttributeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.schema_urn {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.attribute.name)?;
        match &self.sub {
            Some(sub) => write!(f, ".{}", sub.name),
            None => Ok(()),
        }
    }
}
