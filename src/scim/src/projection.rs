//! Which attributes a response shows.

use serde_json::Value;

use crate::error::Error;
use crate::schema::ResourceType;

/// What the client asked to see.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {}

impl Projection {
    /// Reads `attributes` and `excludedAttributes`.
    pub fn parse(
        resource_type: &ResourceType,
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Result<Self, Error> {
        let _ = (resource_type, attributes, excluded);
        Ok(Self {})
    }

    /// Will this top-level attribute be shown?
    pub fn wants(&self, attribute: &str) -> bool {
        let _ = attribute;
        true
    }

    /// The resource with only what may be shown.
    pub fn apply(&self, resource: Value) -> Value {
        resource
    }
}
