//! The resource types of one tenant, as one of its clients is told of them. Knows what varies from tenant to tenant; does
//! not know tenants.

use std::sync::Arc;

use super::discovery::schemas_of;
use super::{Extension, Form, ResourceType, Schema, entitlement, group, resource_types, role, user};

/// The values that a tenant offers for `roles` and `entitlements` of its people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers {
    /// Values of roles.
    pub roles: Vec<String>,
    /// Values of entitlements.
    pub entitlements: Vec<String>,
}

/// The resource types that requests of one tenant's directories are read by, and that discovery shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Types {
    user: Arc<ResourceType>,
    group: Arc<ResourceType>,
}

impl Types {
    /// What is the same for every tenant: what is told to whom nobody knows.
    pub fn general() -> Self {
        Self { user: user(), group: group() }
    }

    /// Those of a tenant that offers these values and no others.
    pub fn offering(offers: &Offers) -> Self {
        let user = super::user::offering(&offers.roles, &offers.entitlements);
        Self { user: Arc::new(user), group: group() }
    }

    /// The same with schemas that extend the User and the Group. Nobody must have one: those who were there before have
    /// none.
    #[must_use]
    pub fn extended(mut self, users: Vec<Schema>, groups: Vec<Schema>) -> Self {
        for (resource_type, schemas) in [(&mut self.user, users), (&mut self.group, groups)] {
            if !schemas.is_empty() {
                let more =
                    schemas.into_iter().map(|schema| Extension { schema: Arc::new(schema), required: false });
                Arc::make_mut(resource_type).extensions.extend(more);
            }
        }
        self
    }

    /// The User.
    pub fn user(&self) -> &Arc<ResourceType> {
        &self.user
    }

    /// The Group.
    pub fn group(&self) -> &Arc<ResourceType> {
        &self.group
    }

    /// All that `/ResourceTypes` lists.
    pub fn all(&self, form: Form) -> Vec<Arc<ResourceType>> {
        let managed = resource_types().into_iter().map(|general| match general.name.as_str() {
            "User" => Arc::clone(&self.user),
            "Group" => Arc::clone(&self.group),
            _ => general,
        });
        managed.chain([role(form), entitlement(form)]).collect()
    }

    /// All that `/Schemas` lists.
    pub fn schemas(&self, form: Form) -> Vec<Arc<Schema>> {
        schemas_of(&self.all(form))
    }
}
