//! The attributes every resource has. Knows RFC 7643 §3; does not know resource types.

use std::sync::{Arc, LazyLock};

use super::build::{attribute, complex, reference, string};
use super::{Attribute, AttributeType, Returned, Uniqueness};

/// Name of the complex attribute that holds what the service provider knows about a resource.
pub const META: &str = "meta";

static COMMON: LazyLock<Vec<Arc<Attribute>>> = LazyLock::new(|| {
    let when = |name, text| attribute(name, AttributeType::DateTime, text);
    [
        Attribute {
            required: true,
            case_exact: false,
            returned: Returned::Always,
            ..reference("schemas", &["uri"], "The schemas the resource follows.").multi()
        },
        string("id", "A unique identifier for a SCIM resource as defined by the service provider.")
            .required()
            .case_exact()
            .unique(Uniqueness::Server)
            .returned(Returned::Always)
            .read_only(),
        string("externalId", "An identifier for the resource as defined by the provisioning client.")
            .case_exact(),
        complex(
            META,
            "A complex attribute containing resource metadata.",
            vec![
                string("resourceType", "The name of the resource type of the resource.").case_exact(),
                when("created", "When the resource was added to the service provider."),
                when("lastModified", "When the resource was last updated."),
                reference("location", &["uri"], "The URI of the resource being returned."),
                string("version", "The version of the resource being returned.").case_exact(),
            ],
        )
        .read_only(),
    ]
    .into_iter()
    .map(Arc::new)
    .collect()
});

/// `schemas`, `id`, `externalId` and `meta`. They belong to every resource and are not listed in any schema.
///
/// RFC 7643 §3.1: "Common attributes are considered to be part of every base resource schema and do not use
/// their own "schemas" URI."
pub fn common_attributes() -> &'static [Arc<Attribute>] {
    &COMMON
}
