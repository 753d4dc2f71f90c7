//! Schemas and resource types as JSON. Knows RFC 7643 §6 and §7; does not know what is in a schema.

use serde_json::{Map, Value, json};

use super::{
    Attribute, AttributeType, Mutability, RESOURCE_TYPE_URN, ResourceType, Returned, SCHEMA_URN, Schema,
    Uniqueness,
};

impl AttributeType {
    /// As published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Reference => "reference",
            Self::Binary => "binary",
            Self::Complex => "complex",
        }
    }
}

impl Mutability {
    /// As published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
            Self::WriteOnly => "writeOnly",
        }
    }
}

impl Returned {
    /// As published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Default => "default",
            Self::Request => "request",
        }
    }
}

impl Uniqueness {
    /// As published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Server => "server",
            Self::Global => "global",
        }
    }
}

impl Attribute {
    /// The attribute as an element of a schema.
    ///
    /// `caseExact` is there where values are text, `uniqueness` where values are neither booleans nor objects:
    /// elsewhere they mean nothing (RFC 7643 §2.3).
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| {
            object.insert(name.to_owned(), value);
        };
        put("name", Value::from(self.name.as_str()));
        put("type", Value::from(self.kind.as_str()));
        put("multiValued", Value::from(self.multi_valued));
        put("description", Value::from(self.description.as_str()));
        put("required", Value::from(self.required));
        if !self.canonical_values.is_empty() {
            put("canonicalValues", Value::from(self.canonical_values.clone()));
        }
        if matches!(self.kind, AttributeType::String | AttributeType::Reference | AttributeType::Binary) {
            put("caseExact", Value::from(self.case_exact));
        }
        put("mutability", Value::from(self.mutability.as_str()));
        put("returned", Value::from(self.returned.as_str()));
        if !matches!(self.kind, AttributeType::Boolean | AttributeType::Complex) {
            put("uniqueness", Value::from(self.uniqueness.as_str()));
        }
        if !self.reference_types.is_empty() {
            put("referenceTypes", Value::from(self.reference_types.clone()));
        }
        if !self.sub_attributes.is_empty() {
            put("subAttributes", self.sub_attributes.iter().map(|sub| sub.to_json()).collect());
        }
        Value::Object(object)
    }
}

impl Schema {
    /// The schema as served at `/Schemas/{id}`.
    pub fn to_json(&self, base_url: &str) -> Value {
        json!({
            "schemas": [SCHEMA_URN],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": self.attributes.iter().map(|attribute| attribute.to_json()).collect::<Vec<_>>(),
            "meta": { "resourceType": "Schema", "location": location(base_url, "/Schemas/", &self.id) },
        })
    }
}

impl ResourceType {
    /// The resource type as served at `/ResourceTypes/{name}`.
    pub fn to_json(&self, base_url: &str) -> Value {
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| {
            object.insert(name.to_owned(), value);
        };
        put("schemas", json!([RESOURCE_TYPE_URN]));
        put("id", Value::from(self.name.as_str()));
        put("name", Value::from(self.name.as_str()));
        put("endpoint", Value::from(self.endpoint.as_str()));
        put("description", Value::from(self.description.as_str()));
        put("schema", Value::from(self.schema.id.as_str()));
        if !self.extensions.is_empty() {
            let extensions = self.extensions.iter();
            put(
                "schemaExtensions",
                extensions
                    .map(|extension| json!({ "schema": extension.schema.id, "required": extension.required }))
                    .collect(),
            );
        }
        put(
            "meta",
            json!({
                "resourceType": "ResourceType",
                "location": location(base_url, "/ResourceTypes/", &self.name),
            }),
        );
        Value::Object(object)
    }
}

/// A URL below the base, whether or not the base ends with a slash.
pub(super) fn location(base_url: &str, folder: &str, id: &str) -> String {
    format!("{}{folder}{id}", base_url.trim_end_matches('/'))
}
