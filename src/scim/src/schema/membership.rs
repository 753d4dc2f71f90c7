//! The `GroupMembership` schema (draft-zollner-scim-group-members-01): one member of one group as a resource of its own.
//! Knows attributes; does not know where members are kept.

use std::sync::{Arc, LazyLock};

use super::build::{complex, reference, string};
use super::{Attribute, ResourceType, Schema};

/// URN of the `GroupMembership` schema.
pub const GROUP_MEMBERSHIP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:GroupMembership";

static GROUP_MEMBERSHIP: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
    Arc::new(ResourceType {
        name: "GroupMembership".to_owned(),
        endpoint: "/GroupMemberships".to_owned(),
        description: "Group Membership".to_owned(),
        schema: Arc::new(schema()),
        extensions: Vec::new(),
    })
});

/// The `GroupMembership` resource type.
pub fn group_membership() -> Arc<ResourceType> {
    Arc::clone(&GROUP_MEMBERSHIP)
}

fn schema() -> Schema {
    let kind = string("type", "The type of the member: 'User' or 'Group'.").canonical(&["User", "Group"]);
    Schema {
        id: GROUP_MEMBERSHIP_URN.to_owned(),
        name: "Group Membership".to_owned(),
        description: "Group Membership".to_owned(),
        attributes: [
            end("group", "The group that the member is in.", &["Group"], None),
            end("member", "The member of the group.", &["User", "Group"], Some(kind)),
        ]
        .into_iter()
        .map(Arc::new)
        .collect(),
    }
}

/// One end of the membership.
fn end(name: &str, description: &str, to: &[&str], kind: Option<Attribute>) -> Attribute {
    let value = string("value", "Its id.").case_exact().required().immutable();
    let address = reference("$ref", to, "Its URI.").read_only();
    let display =
        string("display", "A human-readable name, primarily used for display purposes.").read_only();
    let parts = [value, address].into_iter().chain(kind.map(Attribute::read_only)).chain([display]);
    complex(name, description, parts.collect()).required().immutable()
}
