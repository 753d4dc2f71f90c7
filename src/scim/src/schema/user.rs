//! The core User schema (RFC 7643 §4.1 and §8.7.1). Knows attributes; does not know the enterprise extension's.

use std::sync::{Arc, LazyLock};

use super::build::{attribute, boolean, complex, reference, string};
use super::{Attribute, AttributeType, Extension, ResourceType, Schema, Uniqueness, enterprise};

/// URN of the core User schema.
pub const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

static USER: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
    Arc::new(ResourceType {
        name: "User".to_owned(),
        endpoint: "/Users".to_owned(),
        description: "User Account".to_owned(),
        schema: Arc::new(schema()),
        extensions: vec![Extension { schema: Arc::new(enterprise::schema()), required: false }],
    })
});

/// The User resource type: the core schema and the enterprise extension.
pub fn user() -> Arc<ResourceType> {
    Arc::clone(&USER)
}

/// The User resource type of a tenant that offers these roles and entitlements and no others.
pub(super) fn offering(roles: &[String], entitlements: &[String]) -> ResourceType {
    let mut resource_type = ResourceType::clone(&USER);
    let mut schema = Schema::clone(&resource_type.schema);
    for attribute in &mut schema.attributes {
        let offered = match attribute.name.as_str() {
            "roles" => roles,
            "entitlements" => entitlements,
            _ => continue,
        };
        for sub in &mut Arc::make_mut(attribute).sub_attributes {
            if sub.name == "value" {
                let value = Arc::make_mut(sub);
                value.canonical_values = offered.to_vec();
                value.closed = true;
            }
        }
    }
    resource_type.schema = Arc::new(schema);
    resource_type
}

/// The schema of RFC 7643 §8.7.1 with two differences. `groups.$ref` points to groups only (erratum 8471,
/// verified). `addresses` has the `primary` of RFC 7643 §2.4, which the examples of §8.2 use.
///
/// `password` is offered because clients that build their requests from the schema send one and fail
/// without it; it is accepted and forgotten at once.
fn schema() -> Schema {
    Schema {
        id: USER_URN.to_owned(),
        name: "User".to_owned(),
        description: "User Account".to_owned(),
        attributes: singular().into_iter().chain(plural()).map(Arc::new).collect(),
    }
}

fn singular() -> Vec<Attribute> {
    vec![
        string(
            "userName",
            "Unique identifier for the User, typically used by the user to directly authenticate to the service \
             provider. Each User MUST include a non-empty userName value. REQUIRED.",
        )
        .required()
        .unique(Uniqueness::Server),
        complex("name", "The components of the user's real name.", name_parts()),
        string("displayName", "The name of the User, suitable for display to end-users."),
        string("nickName", "The casual way to address the user in real life, e.g., 'Bob' or 'Bobby'."),
        reference("profileUrl", &["external"], "A fully qualified URL pointing to a page about the User."),
        string("title", "The user's title, such as 'Vice President'."),
        string("userType", "The relationship between the organization and the user, e.g., 'Contractor'."),
        string("preferredLanguage", "The User's preferred written or spoken language, e.g., 'en_US'."),
        string("locale", "The User's default location for localizing currency, dates and numbers."),
        string("timezone", "The User's time zone in the 'Olson' format, e.g., 'America/Los_Angeles'."),
        boolean("active", "A Boolean value indicating the User's administrative status."),
        string("password", "The User's cleartext password. It is accepted and not kept: nobody signs in with it.")
            .write_only(),
    ]
}

fn name_parts() -> Vec<Attribute> {
    vec![
        string("formatted", "The full name, formatted for display, e.g., 'Ms. Barbara J Jensen, III'."),
        string("familyName", "The family name of the User, e.g., 'Jensen'."),
        string("givenName", "The given name of the User, e.g., 'Barbara'."),
        string("middleName", "The middle name(s) of the User, e.g., 'Jane'."),
        string("honorificPrefix", "The honorific prefix(es) of the User, e.g., 'Ms.'."),
        string("honorificSuffix", "The honorific suffix(es) of the User, e.g., 'III'."),
    ]
}

fn plural() -> Vec<Attribute> {
    vec![
        values(
            "emails",
            "Email addresses for the user.",
            string("value", "Email address."),
            &["work", "home", "other"],
        ),
        values(
            "phoneNumbers",
            "Phone numbers for the User.",
            string("value", "Phone number of the User."),
            &["work", "home", "mobile", "fax", "pager", "other"],
        ),
        values(
            "ims",
            "Instant messaging addresses for the User.",
            string("value", "Instant messaging address for the User."),
            &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        ),
        values(
            "photos",
            "URLs of photos of the User.",
            reference("value", &["external"], "URL of a photo of the User."),
            &["photo", "thumbnail"],
        ),
        addresses(),
        groups(),
        values("entitlements", "Things the User has.", string("value", "The value of an entitlement."), &[]),
        values("roles", "Who the User is, collectively.", string("value", "The value of a role."), &[]),
        values(
            "x509Certificates",
            "Certificates issued to the User.",
            attribute("value", AttributeType::Binary, "The value of an X.509 certificate.").case_exact(),
            &[],
        ),
    ]
}

/// The default sub-attributes of a multi-valued attribute (RFC 7643 §2.4).
fn values(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
    complex(
        name,
        description,
        vec![
            value,
            string("display", "A human-readable name, primarily used for display purposes."),
            string("type", "A label indicating the function of the value.").canonical(types),
            boolean("primary", "Whether this is the preferred value. True at most once."),
        ],
    )
    .multi()
}

fn addresses() -> Attribute {
    complex(
        "addresses",
        "Physical mailing addresses for this User.",
        vec![
            string("formatted", "The full mailing address, formatted for display."),
            string("streetAddress", "The full street address, which may include several lines."),
            string("locality", "The city or locality."),
            string("region", "The state or region."),
            string("postalCode", "The zip code or postal code."),
            string("country", "The country name."),
            string("type", "A label indicating the function of the value.")
                .canonical(&["work", "home", "other"]),
            boolean("primary", "Whether this is the preferred value. True at most once."),
        ],
    )
    .multi()
}

fn groups() -> Attribute {
    complex(
        "groups",
        "The groups the user belongs to, through direct membership or nested groups.",
        vec![
            string("value", "The identifier of the User's group.").case_exact(),
            reference("$ref", &["Group"], "The URI of the group."),
            string("display", "A human-readable name, primarily used for display purposes."),
            string("type", "Whether the membership is 'direct' or 'indirect'.")
                .canonical(&["direct", "indirect"]),
        ],
    )
    .multi()
    .read_only()
}
