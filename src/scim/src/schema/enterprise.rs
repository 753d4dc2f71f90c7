//! The enterprise User extension (RFC 7643 §4.3). Knows its attributes; does not know the core schema.

use std::sync::Arc;

use super::Schema;
use super::build::{complex, reference, string};

/// URN of the enterprise User extension.
pub const ENTERPRISE_USER_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub(super) fn schema() -> Schema {
    let attributes = vec![
        string(
            "employeeNumber",
            "Numeric or alphanumeric identifier assigned to a person by the organization.",
        ),
        string("costCenter", "Identifies the name of a cost center."),
        string("organization", "Identifies the name of an organization."),
        string("division", "Identifies the name of a division."),
        string("department", "Identifies the name of a department."),
        complex(
            "manager",
            "The User's manager.",
            vec![
                string("value", "The id of the SCIM resource representing the User's manager.").case_exact(),
                reference("$ref", &["User"], "The URI of the SCIM resource representing the User's manager."),
                string("displayName", "The displayName of the User's manager.").read_only(),
            ],
        ),
    ];
    Schema {
        id: ENTERPRISE_USER_URN.to_owned(),
        name: "EnterpriseUser".to_owned(),
        description: "Enterprise User".to_owned(),
        attributes: attributes.into_iter().map(Arc::new).collect(),
    }
}
