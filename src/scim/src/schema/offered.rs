//! The Role and Entitlement resource types: what a tenant offers, to be read. Knows two forms of the same; does not know
//! what is offered.

use std::sync::{Arc, LazyLock};

use super::build::{boolean, integer, string};
use super::{Attribute, ResourceType, Schema};

/// Who defines what a role or an entitlement looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// draft-ietf-scim-roles-entitlements-01.
    #[default]
    Ietf,
    /// Okta Identity Governance, which finds its own URNs in `/ResourceTypes` and reads what is at their endpoints.
    Okta,
}

/// In the order of [`Form`].
static ROLES: LazyLock<[Arc<ResourceType>; 2]> = LazyLock::new(|| {
    [Form::Ietf, Form::Okta]
        .map(|form| of(form, "Role", "/Roles", "A role that a person can be said to have"))
});
static ENTITLEMENTS: LazyLock<[Arc<ResourceType>; 2]> = LazyLock::new(|| {
    let described = "Something that can be granted to a person";
    [Form::Ietf, Form::Okta].map(|form| of(form, "Entitlement", "/Entitlements", described))
});

/// The Role resource type.
pub fn role(form: Form) -> Arc<ResourceType> {
    pick(&ROLES, form)
}

/// The Entitlement resource type.
pub fn entitlement(form: Form) -> Arc<ResourceType> {
    pick(&ENTITLEMENTS, form)
}

fn pick([ietf, okta]: &[Arc<ResourceType>; 2], form: Form) -> Arc<ResourceType> {
    Arc::clone(match form {
        Form::Ietf => ietf,
        Form::Okta => okta,
    })
}

fn of(form: Form, name: &str, endpoint: &str, description: &str) -> Arc<ResourceType> {
    let (urn, own) = match form {
        Form::Ietf => (format!("urn:ietf:params:scim:schemas:core:2.0:{name}"), of_the_draft()),
        Form::Okta => (format!("urn:okta:scim:schemas:core:1.0:{name}"), of_okta()),
    };
    let attributes = own.into_iter().chain(totals());
    let schema = Schema {
        id: urn,
        name: name.to_owned(),
        description: description.to_owned(),
        attributes: attributes.map(|attribute| Arc::new(attribute.read_only())).collect(),
    };
    Arc::new(ResourceType {
        name: name.to_owned(),
        endpoint: endpoint.to_owned(),
        description: description.to_owned(),
        schema: Arc::new(schema),
        extensions: Vec::new(),
    })
}

fn of_the_draft() -> Vec<Attribute> {
    vec![
        string("value", "What stands for it in the attribute of a User.").required(),
        string("display", "A human-readable name, primarily used for display purposes."),
        string("type", "Where it is held, or which kind of thing it is."),
        boolean("supported", "Whether it is usable in the service provider's system.").required(),
        string("contains", "What is granted with it.").multi(),
        string("containedBy", "What it is granted with.").multi(),
    ]
}

fn of_okta() -> Vec<Attribute> {
    vec![
        string("displayName", "A human-readable name.").required(),
        string("type", "Where it is held, or which kind of thing it is."),
        string("description", "More about it, for people."),
    ]
}

/// The same in both forms.
fn totals() -> [Attribute; 3] {
    [
        boolean("limitedAssignmentsPermitted", "Whether only so many people can have it."),
        integer("totalAssignmentsPermitted", "How many seats there are for those who have it."),
        integer("totalAssignmentsUsed", "How many of these seats are taken."),
    ]
}
