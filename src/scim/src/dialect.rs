//! Named leniencies. Knows what provisioning clients really send; does not know how it is repaired.

/// One deviation from the RFCs that we may accept. Each variant carries the evidence for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leniency {
    /// `"op": "Replace"`. Microsoft Entra ID sends `Add`, `Replace` and `Remove` unless its tenant URL
    /// carries a feature flag. RFC 7644 §3.5.2 lists the names in lower case.
    OperationCase,
    /// `"active": "False"`. Microsoft Entra ID's default form, and `"primary": "True"` from its validator.
    BooleanAsString,
    /// `{"op": "remove", "path": "members", "value": [{"value": id}]}`. Microsoft Entra ID's default,
    /// authentik and `JumpCloud`. RFC 7644 §3.5.2.2 has no `value` and would empty the group.
    RemoveByValue,
    /// `{"name.givenName": "Ada"}` as keys of a path-less operation, also after a schema URN. Microsoft
    /// Entra ID with its conformance flag set.
    DottedKey,
    /// `"manager": "26118915-…"`: a bare value where the attribute is complex, and `""` to unassign it.
    /// Microsoft Entra ID's manager mapping.
    ScalarForComplex,
    /// `"emails": {"value": …}` on create or replace: one value where a list belongs. `OneLogin`.
    SingleForMultiple,
    /// `emails[type eq "work"].value` on a user without a work e-mail creates it from the filter's
    /// literals. Microsoft Entra ID relies on it; RFC 7644 §3.5.2.3 says `noTarget`.
    CreateFromFilter,
    /// A read-only attribute, or the resource's own `id`, among the keys of a path-less operation is
    /// ignored, as in POST and PUT. Okta repeats `id` in every group rename.
    ReadOnlyInPatch,
    /// An unknown URN in `schemas`, or as a key. Microsoft Entra ID adds
    /// `http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group` to every new group.
    UnknownSchema,
    /// `urn:scim:schemas:core:2.0` and `urn:scim:schemas:extension:enterprise:2.0`, the draft URNs that
    /// `OneLogin` still sends, read as their RFC 7643 successors.
    DraftSchema,
    /// Attributes our schema does not have are ignored. Attribute mappings of Okta and `JumpCloud` carry
    /// whole directory entries, whatever `/Schemas` lists.
    UnknownAttribute,
}

impl Leniency {
    /// Every leniency.
    pub const ALL: [Self; 11] = [
        Self::OperationCase,
        Self::BooleanAsString,
        Self::RemoveByValue,
        Self::DottedKey,
        Self::ScalarForComplex,
        Self::SingleForMultiple,
        Self::CreateFromFilter,
        Self::ReadOnlyInPatch,
        Self::UnknownSchema,
        Self::DraftSchema,
        Self::UnknownAttribute,
    ];

    /// A stable name for logs and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OperationCase => "operation_case",
            Self::BooleanAsString => "boolean_as_string",
            Self::RemoveByValue => "remove_by_value",
            Self::DottedKey => "dotted_key",
            Self::ScalarForComplex => "scalar_for_complex",
            Self::SingleForMultiple => "single_for_multiple",
            Self::CreateFromFilter => "create_from_filter",
            Self::ReadOnlyInPatch => "read_only_in_patch",
            Self::UnknownSchema => "unknown_schema",
            Self::DraftSchema => "draft_schema",
            Self::UnknownAttribute => "unknown_attribute",
        }
    }
}

/// Which leniencies a directory is granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dialect {
    accepted: std::collections::BTreeSet<Leniency>,
}

impl Dialect {
    /// The RFCs and nothing else.
    pub fn strict() -> Self {
        Self::default()
    }

    /// Every leniency there is.
    pub fn tolerant() -> Self {
        Self::with(Leniency::ALL)
    }

    /// Exactly these leniencies.
    pub fn with(leniencies: impl IntoIterator<Item = Leniency>) -> Self {
        Self { accepted: leniencies.into_iter().collect() }
    }

    /// May this deviation pass?
    pub fn accepts(&self, leniency: Leniency) -> bool {
        self.accepted.contains(&leniency)
    }
}
