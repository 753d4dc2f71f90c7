//! The Group schema (RFC 7643 §4.2 and §8.7.1). Knows attributes; does not know where members are kept.

use std::sync::{Arc, LazyLock};

use super::build::{complex, reference, string};
use super::{ResourceType, Returned, Schema};

/// URN of the Group schema.
pub const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

static GROUP: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
    Arc::new(ResourceType {
        name: "Group".to_owned(),
        endpoint: "/Groups".to_owned(),
        description: "Group".to_owned(),
        schema: Arc::new(schema()),
        extensions: Vec::new(),
    })
});

/// The Group resource type.
pub fn group() -> Arc<ResourceType> {
    Arc::clone(&GROUP)
}

/// `displayName` is required (erratum 5368, verified). `members` has the `display` that RFC 7643 §2.4
/// gives every multi-valued attribute and that the examples of §8.4 send. It is the member's own name as
/// it is now: what a client says of it is ignored, and it is shown to who asks for it, so that a client
/// that reads back what it wrote finds no more than that.
fn schema() -> Schema {
    let members = complex(
        "members",
        "A list of members of the Group.",
        vec![
            string("value", "Identifier of the member of this Group.").case_exact().immutable(),
            reference("$ref", &["User", "Group"], "The URI of the member.").immutable(),
            string("type", "The type of resource, e.g., 'User' or 'Group'.")
                .canonical(&["User", "Group"])
                .immutable(),
            string("display", "A human-readable name, primarily used for display purposes.")
                .read_only()
                .returned(Returned::Request),
        ],
    )
    .multi();
    Schema {
        id: GROUP_URN.to_owned(),
        name: "Group".to_owned(),
        description: "Group".to_owned(),
        attributes: [
            string("displayName", "A human-readable name for the Group. REQUIRED.").required(),
            members,
        ]
        .into_iter()
        .map(Arc::new)
        .collect(),
    }
}
