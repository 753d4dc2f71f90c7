//! The schemas of the discovery resources (RFC 7643 §8.7.2, RFC 9865 §4). Knows shapes; does not know their values.

use std::sync::{Arc, LazyLock};

use super::build::{attribute, boolean, complex, integer, reference, string};
use super::{Attribute, AttributeType, ResourceType, Schema, resource_types};

/// URN of the service provider configuration schema.
pub const SERVICE_PROVIDER_CONFIG_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// URN of the resource type schema.
pub const RESOURCE_TYPE_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// URN of the schema of schemas.
pub const SCHEMA_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

static OF_DISCOVERY: LazyLock<[Arc<Schema>; 3]> =
    LazyLock::new(|| [service_provider(), resource_type(), schema()].map(Arc::new));

/// Every schema of these resource types, each once, and those of discovery itself.
pub(super) fn schemas_of(types: &[Arc<ResourceType>]) -> Vec<Arc<Schema>> {
    let mut all: Vec<Arc<Schema>> = Vec::new();
    let of_types = types.iter().flat_map(|resource_type| {
        let extensions = resource_type.extensions.iter().map(|extension| &extension.schema);
        std::iter::once(&resource_type.schema).chain(extensions)
    });
    for schema in of_types.chain(OF_DISCOVERY.iter()) {
        if !all.iter().any(|listed| listed.id == schema.id) {
            all.push(Arc::clone(schema));
        }
    }
    all
}

/// Every schema of the resource types that directories manage, as they are without a tenant's own.
pub fn schemas() -> Vec<Arc<Schema>> {
    schemas_of(&resource_types())
}

/// The one of [`schemas`] with this URN, in any case.
pub fn schema_by_id(urn: &str) -> Option<Arc<Schema>> {
    schemas().into_iter().find(|schema| schema.id.eq_ignore_ascii_case(urn))
}

fn read_only(id: &str, name: &str, description: &str, attributes: Vec<Attribute>) -> Schema {
    Schema {
        id: id.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        attributes: attributes.into_iter().map(|attribute| Arc::new(attribute.read_only())).collect(),
    }
}

/// With `etag` and the `type` and `primary` of authentication schemes, which RFC 7643 §5 defines and its
/// §8.7.2 forgets, and with the `pagination` of RFC 9865.
fn service_provider() -> Schema {
    let supported = || boolean("supported", "Whether the operation is supported.").required();
    let option = |name, text| complex(name, text, vec![supported()]).required();
    read_only(
        SERVICE_PROVIDER_CONFIG_URN,
        "Service Provider Configuration",
        "Schema for representing the service provider's configuration",
        vec![
            reference("documentationUri", &["external"], "The service provider's documentation for people."),
            option("patch", "PATCH configuration options."),
            complex(
                "bulk",
                "Bulk configuration options.",
                vec![
                    supported(),
                    integer("maxOperations", "The maximum number of operations.").required(),
                    integer("maxPayloadSize", "The maximum payload size in bytes.").required(),
                ],
            )
            .required(),
            complex(
                "filter",
                "Filter configuration options.",
                vec![supported(), integer("maxResults", "The most resources in one response.").required()],
            )
            .required(),
            option("changePassword", "Configuration options related to changing a password."),
            option("sort", "Sort configuration options."),
            option("etag", "ETag configuration options."),
            authentication_schemes(),
            pagination(),
            boolean(
                "interopProfileConformant",
                "Whether the SCIM 2.0 interoperability profile is kept; told to the clients that it is kept with.",
            ),
        ],
    )
}

/// RFC 9865 §4.
fn pagination() -> Attribute {
    complex(
        "pagination",
        "Pagination configuration options.",
        vec![
            boolean("cursor", "Whether results can be paged by cursor.").required(),
            boolean("index", "Whether results can be paged by index.").required(),
            string("defaultPaginationMethod", "How results are paged if the client does not say.")
                .canonical(&["cursor", "index"]),
            integer("defaultPageSize", "The number of results on a page if the client does not say."),
            integer("maxPageSize", "The most results on a page."),
            integer("cursorTimeout", "The least number of seconds for which a cursor is valid."),
        ],
    )
}

fn authentication_schemes() -> Attribute {
    complex(
        "authenticationSchemes",
        "Supported authentication schemes.",
        vec![
            string("type", "The authentication scheme.").required().canonical(&[
                "oauth",
                "oauth2",
                "oauthbearertoken",
                "httpbasic",
                "httpdigest",
            ]),
            string("name", "The common authentication scheme name, e.g., HTTP Basic.").required(),
            string("description", "A description of the authentication scheme.").required(),
            reference("specUri", &["external"], "The authentication scheme's specification."),
            reference("documentationUri", &["external"], "The authentication scheme's usage documentation."),
            boolean("primary", "Whether this is the preferred authentication scheme."),
        ],
    )
    .required()
    .multi()
}

/// `schemaExtensions` is a list and may be absent: RFC 7643 §6 defines it so, its §8.7.2 does not.
fn resource_type() -> Schema {
    let uri = |name, text| reference(name, &["uri"], text).required();
    read_only(
        RESOURCE_TYPE_URN,
        "ResourceType",
        "Specifies the schema that describes a SCIM resource type",
        vec![
            string("id", "The resource type's server unique id."),
            string("name", "The resource type name.").required(),
            string("description", "The resource type's human-readable description."),
            uri("endpoint", "The resource type's HTTP-addressable endpoint relative to the base URL."),
            uri("schema", "The resource type's primary schema URI."),
            complex(
                "schemaExtensions",
                "The schema extensions of the resource type.",
                vec![
                    uri("schema", "The URI of a schema extension."),
                    boolean("required", "Whether every resource of the type carries the extension.")
                        .required(),
                ],
            )
            .multi(),
        ],
    )
}

fn schema() -> Schema {
    let sub_attributes = complex(
        "subAttributes",
        "Used to define the sub-attributes of a complex attribute.",
        characteristics(&["string", "boolean", "decimal", "integer", "dateTime", "reference", "binary"]),
    )
    .multi();
    let mut parts = characteristics(&[
        "string",
        "complex",
        "boolean",
        "decimal",
        "integer",
        "dateTime",
        "reference",
        "binary",
    ]);
    parts.push(sub_attributes);
    read_only(
        SCHEMA_URN,
        "Schema",
        "Specifies the schema that describes a SCIM schema",
        vec![
            string("id", "The unique URI of the schema.").required(),
            string("name", "The schema's human-readable name.").required(),
            string("description", "The schema's human-readable description."),
            complex("attributes", "The attributes of the schema.", parts).required().multi(),
        ],
    )
}

/// The characteristics of RFC 7643 §7. A sub-attribute is never complex (erratum 8415, verified).
fn characteristics(kinds: &[&str]) -> Vec<Attribute> {
    let exact = |name, text| attribute(name, AttributeType::String, text).case_exact();
    vec![
        exact("name", "The attribute's name.").required(),
        string("type", "The attribute's data type.").required().canonical(kinds),
        boolean("multiValued", "Whether the attribute is a list.").required(),
        exact("description", "A human-readable description of the attribute."),
        boolean("required", "Whether the attribute must have a value."),
        exact("canonicalValues", "Suggested values.").multi(),
        boolean("caseExact", "Whether case matters when values are compared."),
        exact("mutability", "Who may change the attribute, and when.").canonical(&[
            "readOnly",
            "readWrite",
            "immutable",
            "writeOnly",
        ]),
        exact("returned", "When the attribute is part of a response.")
            .canonical(&["always", "never", "default", "request"]),
        exact("uniqueness", "How widely a value is unique.").canonical(&["none", "server", "global"]),
        exact("referenceTypes", "What a reference may point to.").multi(),
    ]
}
