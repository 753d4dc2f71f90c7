//! Where an operation points. Knows the PATH rule of RFC 7644 §3.5.2; does not know operations.

use std::sync::Arc;

use crate::dialect::{Dialect, Stricture};
use crate::error::{Error, ScimType};
use crate::filter::{Filter, parse_value_path};
use crate::path::{AttributePath, AttributeRef, PathError};
use crate::resource::is_members;
use crate::schema::{Attribute, Mutability, ResourceType, Schema};

/// `PATH = attrPath / valuePath [subAttr]` (RFC 7644 §3.5.2, Figure 7), resolved.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    /// The attribute, and the sub-attribute after it or after the brackets.
    pub(super) attr: AttributeRef,
    /// Which of its values.
    pub(super) filter: Option<Filter>,
}

/// A path may also name a whole schema by its URN.
pub(super) enum Place {
    Attribute(Target),
    Schema(Arc<Schema>),
}

impl Place {
    pub(super) fn parse(resource_type: &ResourceType, path: &str, dialect: &Dialect) -> Result<Self, Error> {
        if let Some(schema) = resource_type.schema_by_urn(path) {
            return Ok(Self::Schema(Arc::clone(schema)));
        }
        Target::parse(resource_type, path, dialect).map(Self::Attribute)
    }
}

impl Target {
    pub(super) fn parse(resource_type: &ResourceType, path: &str, dialect: &Dialect) -> Result<Self, Error> {
        let path = path.trim();
        let Some((name, rest)) = path.split_once('[') else {
            return Ok(Self { attr: AttributeRef::parse(resource_type, path)?, filter: None });
        };
        let attr = AttributePath::parse(name.trim_end())?.resolve(resource_type)?;
        if attr.sub.is_some() || !attr.attribute.is_complex() || !attr.attribute.multi_valued {
            return Err(Error::invalid_path("'[' may follow a multi-valued complex attribute only"));
        }
        let (filter, sub) = parse_value_path(resource_type, &attr, rest, dialect)?;
        let sub = match sub {
            None if dialect.demands(Stricture::SubAttributeRequired)
                && !is_members(resource_type, &attr.attribute) =>
            {
                return Err(Error::invalid_path("A path with a filter must end in a sub-attribute"));
            }
            None => None,
            Some(name) => {
                let found = attr.attribute.sub_attribute(&name).cloned();
                Some(found.ok_or(PathError::UnknownSubAttribute(name))?)
            }
        };
        Ok(Self { attr: AttributeRef { sub, ..attr }, filter: Some(filter) })
    }

    pub(super) fn whole(schema_urn: Option<String>, attribute: Arc<Attribute>) -> Self {
        Self { attr: AttributeRef { schema_urn, attribute, sub: None }, filter: None }
    }

    pub(super) fn leaf(&self) -> &Attribute {
        self.attr.leaf()
    }

    /// RFC 7644 §3.5.2: "a client MUST NOT modify an attribute that has mutability "readOnly" or
    /// "immutable"."
    pub(super) fn is_read_only(&self) -> bool {
        self.attr.attribute.mutability == Mutability::ReadOnly
            || self.attr.sub.as_ref().is_some_and(|sub| sub.mutability == Mutability::ReadOnly)
    }

    pub(super) fn refuse_read_only(&self) -> Result<(), Error> {
        if self.is_read_only() {
            return Err(Error::typed(ScimType::Mutability, format!("'{}' is read-only", self.attr)));
        }
        Ok(())
    }

    /// RFC 7644 §3.5.2.2: "If an attribute is removed or becomes unassigned and is defined as a required
    /// attribute or a read-only attribute, the server SHALL return an HTTP response status code and a JSON
    /// detail error response as defined in Section 3.12, with a "scimType" error code of "mutability"."
    pub(super) fn refuse_unassigning(&self) -> Result<(), Error> {
        self.refuse_read_only()?;
        let values_only = self.filter.is_some() && self.attr.sub.is_none();
        if self.leaf().required && !values_only {
            return Err(Error::mutability(format!("'{}' is required", self.attr)));
        }
        Ok(())
    }
}
