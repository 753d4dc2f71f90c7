//! Schemas as data. Knows RFC 7643's attribute characteristics; does not know any resource's values.
//!
//! Everything published at `/Schemas` and everything the engine enforces comes from these same values,
//! so the two cannot disagree.

mod build;
mod common;
mod discovery;
mod enterprise;
mod extension;
mod group;
mod membership;
mod offered;
mod provider;
mod render;
mod types;
mod user;

use std::sync::Arc;

pub use common::{META, common_attributes};
pub use discovery::{RESOURCE_TYPE_URN, SCHEMA_URN, SERVICE_PROVIDER_CONFIG_URN, schema_by_id, schemas};
pub use enterprise::ENTERPRISE_USER_URN;
pub use extension::{
    MOST_ATTRIBUTES, MOST_CANONICAL_VALUES, MOST_EXTENSIONS, MOST_SUB_ATTRIBUTES, breaks_data,
    check_extension, urns_collide,
};
pub use group::{GROUP_URN, group};
pub use membership::{GROUP_MEMBERSHIP_URN, group_membership};
pub use offered::{Form, entitlement, role};
pub use provider::{Config, service_provider_config};
pub use types::{Offers, Types};
pub use user::{USER_URN, user};

/// The data type of an attribute (RFC 7643 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttributeType {
    /// A sequence of Unicode characters.
    String,
    /// `true` or `false`.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number.
    Integer,
    /// An `xsd:dateTime`.
    DateTime,
    /// A URI.
    Reference,
    /// Base64 data.
    Binary,
    /// An object of sub-attributes.
    Complex,
}

/// Who may change an attribute, and when (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutability {
    /// Only the service provider.
    ReadOnly,
    /// Anybody, at any time.
    ReadWrite,
    /// Only while it has no value.
    Immutable,
    /// Anybody, but nobody reads it back.
    WriteOnly,
}

/// When an attribute is part of a response (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Returned {
    /// In every response, whatever was asked.
    Always,
    /// In no response.
    Never,
    /// Unless excluded.
    Default,
    /// Only when asked by name.
    Request,
}

/// How widely a value must be unique (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Uniqueness {
    /// Not at all.
    None,
    /// Within one tenant.
    Server,
    /// Everywhere.
    Global,
}

/// One attribute or sub-attribute with all its characteristics.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the characteristics of RFC 7643 §7, each for itself")]
pub struct Attribute {
    /// Canonical spelling.
    pub name: String,
    /// For people.
    pub description: String,
    /// Data type.
    pub kind: AttributeType,
    /// Is the value a list?
    pub multi_valued: bool,
    /// Must a value be present?
    pub required: bool,
    /// Does case matter when comparing?
    pub case_exact: bool,
    /// Suggested values; other values are accepted (RFC 7643 §7), unless the attribute is `closed`.
    pub canonical_values: Vec<String>,
    /// Are the canonical values the only ones?
    ///
    /// RFC 7643 §2.3.1: "service providers MAY restrict accepted values to the specified values."
    pub closed: bool,
    /// What a reference may point to.
    pub reference_types: Vec<String>,
    /// Who may change it.
    pub mutability: Mutability,
    /// When it is shown.
    pub returned: Returned,
    /// How unique it must be.
    pub uniqueness: Uniqueness,
    /// Parts of a complex attribute.
    pub sub_attributes: Vec<Arc<Attribute>>,
}

impl Attribute {
    /// The sub-attribute of this name, in any case.
    pub fn sub_attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }

    /// Is it an object of sub-attributes?
    pub fn is_complex(&self) -> bool {
        self.kind == AttributeType::Complex
    }
}

/// A named set of attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The URN.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// For people.
    pub description: String,
    /// The attributes, in the order they are published.
    pub attributes: Vec<Arc<Attribute>>,
}

impl Schema {
    /// The attribute of this name, in any case.
    ///
    /// RFC 7643 §2.1: "Attribute names are case insensitive and are often "camel-cased" (e.g.,
    /// "camelCase")."
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }
}

/// An extension of a resource type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its schema.
    pub schema: Arc<Schema>,
    /// Must every resource of the type carry it?
    pub required: bool,
}

/// A kind of resource: its endpoint, its schema and its extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// Name, and also id.
    pub name: String,
    /// Relative to the base URL, with a leading slash.
    pub endpoint: String,
    /// For people.
    pub description: String,
    /// The core schema.
    pub schema: Arc<Schema>,
    /// Extensions, in the order they are published.
    pub extensions: Vec<Extension>,
}

impl ResourceType {
    /// The core schema or an extension by URN, in any case.
    pub fn schema_by_urn(&self, urn: &str) -> Option<&Arc<Schema>> {
        std::iter::once(&self.schema)
            .chain(self.extensions.iter().map(|extension| &extension.schema))
            .find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// An extension by URN, in any case.
    pub fn extension(&self, urn: &str) -> Option<&Arc<Schema>> {
        self.extensions
            .iter()
            .map(|extension| &extension.schema)
            .find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// A core or common attribute by name, in any case.
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.schema.attribute(name).or_else(|| {
            common_attributes().iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
        })
    }
}

/// The resource types whose resources directories manage, as they are without a tenant's own.
pub fn resource_types() -> Vec<Arc<ResourceType>> {
    vec![user(), group(), group_membership()]
}
