//! Comparison of names people type. Knows case; does not know where the names come from.

/// The key under which two spellings of a name are the same name.
///
/// Group names, organisation keys and attribute values come from strings that SCIM declares
/// `caseExact: false`, so `Sales` and `sales` are one unit.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Whether two spellings are the same name.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left == right || fold(left) == fold(right)
}
