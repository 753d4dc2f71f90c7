//! A small vocabulary for writing schemas down. Knows the defaults; does not know any schema.

use std::sync::Arc;

use super::{Attribute, AttributeType, Mutability, Returned, Uniqueness};

/// An attribute with the default characteristics.
///
/// RFC 7643 §2.2: "If not otherwise stated in Section 7, SCIM attributes have the following
/// characteristics:" not required, not case exact, readWrite, returned by default, not unique.
pub(super) fn attribute(name: &str, kind: AttributeType, description: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        description: description.to_owned(),
        kind,
        multi_valued: false,
        required: false,
        case_exact: false,
        canonical_values: Vec::new(),
        closed: false,
        reference_types: Vec::new(),
        mutability: Mutability::ReadWrite,
        returned: Returned::Default,
        uniqueness: Uniqueness::None,
        sub_attributes: Vec::new(),
    }
}

pub(super) fn string(name: &str, description: &str) -> Attribute {
    attribute(name, AttributeType::String, description)
}

pub(super) fn boolean(name: &str, description: &str) -> Attribute {
    attribute(name, AttributeType::Boolean, description)
}

pub(super) fn integer(name: &str, description: &str) -> Attribute {
    attribute(name, AttributeType::Integer, description)
}

/// References compare with case.
///
/// RFC 7643 §2.3.7: "A reference is case exact."
pub(super) fn reference(name: &str, to: &[&str], description: &str) -> Attribute {
    Attribute {
        reference_types: to.iter().map(|&kind| kind.to_owned()).collect(),
        case_exact: true,
        ..attribute(name, AttributeType::Reference, description)
    }
}

pub(super) fn complex(name: &str, description: &str, sub_attributes: Vec<Attribute>) -> Attribute {
    Attribute {
        sub_attributes: sub_attributes.into_iter().map(Arc::new).collect(),
        ..attribute(name, AttributeType::Complex, description)
    }
}

impl Attribute {
    pub(super) fn multi(self) -> Self {
        Self { multi_valued: true, ..self }
    }

    pub(super) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) fn case_exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    pub(super) fn unique(self, uniqueness: Uniqueness) -> Self {
        Self { uniqueness, ..self }
    }

    pub(super) fn returned(self, returned: Returned) -> Self {
        Self { returned, ..self }
    }

    pub(super) fn immutable(self) -> Self {
        Self { mutability: Mutability::Immutable, ..self }
    }

    /// What can be written and is never seen again (RFC 7643 §4.1.1, `password`).
    pub(super) fn write_only(self) -> Self {
        Self { mutability: Mutability::WriteOnly, returned: Returned::Never, ..self }
    }

    pub(super) fn canonical(self, values: &[&str]) -> Self {
        Self { canonical_values: values.iter().map(|&value| value.to_owned()).collect(), ..self }
    }

    /// Read-only, with everything below it.
    pub(super) fn read_only(self) -> Self {
        let sub_attributes =
            self.sub_attributes.iter().map(|sub| Arc::new(sub.as_ref().clone().read_only())).collect();
        Self { mutability: Mutability::ReadOnly, sub_attributes, ..self }
    }
}
